# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.spawn(), gather(), sleep() and timeout(): in a main loop, in Kaa.run(), and in asyncio."""

import asyncio
import contextlib
import contextvars
import gc
import io
import os
import time
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

RUNS = (Kaa.run, asyncio.run)


def run_main_loop(coroutine):
    """As a window does: there is a main loop, and tasks are started from handlers."""
    loop = GLib.MainLoop()
    tasks = []

    async def main():
        try:
            return await coroutine
        finally:
            loop.quit()

    def start():
        tasks.append(Kaa.spawn(main()))

    GLib.idle_add(start)
    loop.run()
    return tasks[0].result()


WAYS = (*RUNS, run_main_loop)


class Tasks(unittest.TestCase):
    def for_all(self, main, ways=WAYS):
        for way in ways:
            with self.subTest(way=f'{way.__module__}.{way.__name__}'):
                way(main())

    def test_side_by_side(self):
        async def main():
            seen = []

            async def say(word, before=None):
                if before is not None:
                    await before
                seen.append(word)
                return word

            one = Kaa.spawn(say('one'))
            two = Kaa.spawn(say('two', one))
            self.assertEqual(await two, 'two')
            self.assertTrue(one.done())
            self.assertEqual(one.result(), 'one')
            self.assertEqual(seen, ['one', 'two'])

        self.for_all(main)

    def test_exception(self):
        async def fail():
            await Kaa.sleep(0)
            raise ValueError('mine')

        async def main():
            with self.assertRaisesRegex(ValueError, 'mine'):
                await Kaa.spawn(fail())

        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.for_all(main)
            gc.collect()
        # Whoever awaits it has heard of it.
        self.assertEqual(said.getvalue(), '')

    def test_cancel_runs_finally(self):
        async def main():
            seen = []

            async def work():
                try:
                    await Kaa.InProgress.new(None)
                finally:
                    await Kaa.sleep(0)
                    seen.append('finally')

            task = Kaa.spawn(work())
            await Kaa.sleep(0)
            await Kaa.sleep(0)
            self.assertTrue(task.cancel())
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(seen, ['finally'])
            self.assertTrue(task.cancelled())
            self.assertFalse(task.cancel())

        self.for_all(main)

    def test_cancelled_reader_takes_nothing(self):
        async def main():
            reader, writer = os.pipe()
            channel = Kaa.IOChannel(reader, Kaa.IO_READ)

            async def read():
                return await channel.readline()

            task = Kaa.spawn(read())
            await Kaa.sleep(0.001)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            os.write(writer, b'line\n')
            self.assertEqual(await channel.readline(), b'line\n')
            os.close(writer)

        self.for_all(main)

    def test_cancelled_while_the_loop_turns(self):
        """A line at hand is awaited when the time is used up: whoever is cancelled then has asked for nothing."""
        async def main(others):
            reader, writer = os.pipe()
            os.write(writer, b'zero\none\ntwo\n')
            os.close(writer)
            channel = Kaa.IOChannel(reader, Kaa.IO_READ)
            self.assertEqual(await channel.readline(), b'zero\n')
            end = time.monotonic() + 0.01
            while time.monotonic() < end:
                pass

            async def read():
                return await channel.readline()

            task = Kaa.spawn(read())
            if asyncio._get_running_loop() is not None:
                await asyncio.sleep(0)
            # What it would have is asked for in its place, where somebody else comes.
            other = channel.readline() if others else None
            task.cancel()
            try:
                await task
            except BaseException as error:
                # It holds whatever the task had.
                held = error
            if others:
                self.assertEqual(await other, b'one\n')
            self.assertEqual(await channel.read_until('\n'), b'two\n' if others else b'one\n')
            del held

        for others in (False, True):
            self.for_all(lambda: main(others))

    def test_gather(self):
        async def main():
            async def give(number):
                await Kaa.sleep(0.002 * (3 - number))
                return number

            promise = Kaa.InProgress.new(None)
            GLib.idle_add(promise.finish_int, 3)
            self.assertEqual(await Kaa.gather(give(1), give(2), promise), [1, 2, 3])
            self.assertEqual(await Kaa.gather(), [])

        self.for_all(main)

    def test_gather_fails_with_the_first(self):
        async def main():
            async def fail():
                raise ValueError('mine')

            forever = Kaa.spawn(Kaa.sleep(1000))
            with self.assertRaisesRegex(ValueError, 'mine'):
                await Kaa.gather(forever, fail())
            self.assertFalse(forever.done())
            forever.cancel()

        self.for_all(main)

    def test_timeout(self):
        async def main():
            with self.assertRaises(TimeoutError):
                async with Kaa.timeout(0.005):
                    await Kaa.InProgress.new(None)
            async with Kaa.timeout(1000):
                await Kaa.sleep(0)

        self.for_all(main)

    def test_cancelled_inside_a_timeout(self):
        async def main():
            async def work():
                async with Kaa.timeout(1000):
                    await Kaa.sleep(1000)

            task = Kaa.spawn(work())
            await Kaa.sleep(0.001)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

        self.for_all(main)

    def test_end_of_run_cancels(self):
        for run in RUNS:
            seen = []

            async def work():
                try:
                    await Kaa.sleep(1000)
                finally:
                    seen.append('finally')

            async def main():
                Kaa.spawn(work())
                await Kaa.sleep(0.001)

            with contextlib.redirect_stderr(io.StringIO()) as said:
                run(main())
                gc.collect()
            self.assertEqual((seen, said.getvalue()), (['finally'], ''))

    def test_failure_that_nobody_awaits_is_told(self):
        async def fail():
            raise ValueError('nobody looked')

        async def main():
            Kaa.spawn(fail())
            await Kaa.sleep(0.001)
            gc.collect()

        for way in (Kaa.run, run_main_loop):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                way(main())
                gc.collect()
            self.assertEqual(said.getvalue().count('ValueError: nobody looked'), 1, said.getvalue())

    def test_generator_left_early(self):
        async def main():
            seen = []

            async def numbers():
                try:
                    yield 1
                finally:
                    await Kaa.sleep(0)
                    seen.append('closed')

            async for _ in numbers():
                break
            async with Kaa.timeout(30):
                while not seen:
                    await Kaa.sleep(0)

        self.for_all(main)

    def test_variables_are_its_own(self):
        variable = contextvars.ContextVar('variable', default=0)

        async def main():
            async def change():
                variable.set(5)

            await Kaa.spawn(change())
            self.assertEqual(variable.get(), 0)

        self.for_all(main)

    def test_loop_over_lines_is_ended_from_outside(self):
        async def iterate(lines, seen, channel):
            async for line in lines:
                seen.append(line)
                channel.close(immediate=True, discard=True)

        async def main():
            for choose in (lambda it: it, lambda it: it.lines(), lambda it: it.lines('utf-16-le'), lambda it: it.batches()):
                reader, writer = os.pipe()
                os.write(writer, 'line\n'.encode('utf-16-le') * 3)
                os.close(writer)
                channel = Kaa.IOChannel(reader, Kaa.IO_READ, queue_size=10)
                channel.delimiter = b'\n\0'
                seen = []
                await iterate(choose(channel), seen, channel)
                self.assertEqual(len(seen), 1)

        self.for_all(main)

    def test_memory_is_flat(self):
        async def fail():
            await Kaa.sleep(0)
            raise ValueError

        async def rounds(count):
            for _ in range(count):
                await Kaa.gather(Kaa.sleep(0), Kaa.sleep(0))
                with contextlib.suppress(ValueError):
                    await Kaa.spawn(fail())
                with contextlib.suppress(TimeoutError):
                    async with Kaa.timeout(0):
                        await Kaa.InProgress.new(None)

        for way in (Kaa.run, run_main_loop):
            way(rounds(10))
            gc.collect()
            before = len(gc.get_objects())
            way(rounds(100))
            gc.collect()
            self.assertLess(len(gc.get_objects()) - before, 50, way.__name__)

    def test_cancelled_while_a_main_loop_runs_inside(self):
        async def main():
            async def work():
                promise = Kaa.InProgress.new(None)
                GLib.timeout_add(10, promise.finish_void)
                promise.wait()
                await Kaa.sleep(1000)

            task = Kaa.spawn(work())
            GLib.timeout_add(2, task.cancel)
            with self.assertRaises(asyncio.CancelledError):
                await task
            with self.assertRaises(TimeoutError):
                async with Kaa.timeout(0.002):
                    promise = Kaa.InProgress.new(None)
                    GLib.timeout_add(10, promise.finish_void)
                    promise.wait()
                    await Kaa.sleep(1000)

        self.for_all(main, (Kaa.run, run_main_loop))

    def test_not_a_coroutine(self):
        with self.assertRaisesRegex(TypeError, 'takes a coroutine'):
            Kaa.spawn(print)

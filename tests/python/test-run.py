# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.run(): results, exceptions, Ctrl-C, one at a time, and asynchronous generators that are left early."""

import contextlib
import gc
import io
import os
import signal
import sys
import threading
import traceback
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa


def turn():
    """Something that is finished in another turn of the loop."""
    promise = Kaa.InProgress.new(None)
    GLib.idle_add(promise.finish_int, 5)
    return promise


class Run(unittest.TestCase):
    def test_value(self):
        async def main():
            return await turn(), 'value'

        self.assertEqual(Kaa.run(main()), (5, 'value'))

    def test_exception_with_its_traceback(self):
        async def deep():
            await turn()
            raise ValueError('mine')

        async def main():
            await deep()

        try:
            Kaa.run(main())
        except ValueError as error:
            # Not by assertRaises(), which drops the traceback.
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        self.assertEqual(names[-1], 'deep')

    def test_exception_is_no_cycle(self):
        class Mine(Exception):
            gone = False

            def __del__(self):
                Mine.gone = True

        async def main():
            await turn()
            raise Mine

        gc.collect()
        gc.disable()
        try:
            try:
                Kaa.run(main())
            except Mine:
                pass
            self.assertTrue(Mine.gone)
        finally:
            gc.enable()

    def test_ctrl_c(self):
        async def main():
            GLib.idle_add(os.kill, os.getpid(), signal.SIGINT)
            await Kaa.InProgress.new(None)

        with self.assertRaises(KeyboardInterrupt):
            Kaa.run(main())
        self.assertEqual(Kaa.run(turn()), 5)

    def test_system_exit(self):
        async def main():
            await turn()
            sys.exit(3)

        with self.assertRaises(SystemExit) as failure:
            Kaa.run(main())
        self.assertEqual(failure.exception.code, 3)


class OneAtATime(unittest.TestCase):
    def test_inside_a_coroutine(self):
        async def inner():
            return 5

        async def main():
            await turn()
            refused = inner()
            with self.assertRaisesRegex(RuntimeError, r'Kaa\.run\(\) runs already in this thread'):
                Kaa.run(refused)
            # It is as it was.
            return await refused

        self.assertEqual(Kaa.run(main()), 5)

    def test_inside_a_callback(self):
        async def main():
            promise = Kaa.InProgress.new(None)

            def call():
                with self.assertRaises(RuntimeError):
                    Kaa.run(turn())
                promise.finish_void()

            GLib.idle_add(call)
            await promise

        Kaa.run(main())

    def test_after_a_failure(self):
        async def fail():
            raise ValueError

        for _ in range(2):
            with self.assertRaises(ValueError):
                Kaa.run(fail())

    def test_in_another_thread(self):
        async def inner():
            return 5

        async def main():
            results = []
            thread = threading.Thread(target=lambda: results.append(Kaa.run(inner())))
            thread.start()
            thread.join()
            return results

        self.assertEqual(Kaa.run(main()), [5])

    def test_waiting_is_allowed(self):
        async def main():
            return turn().wait(30)

        self.assertEqual(Kaa.run(main()), 5)


class Generators(unittest.TestCase):
    def setUp(self):
        self.seen = []

    async def numbers(self):
        try:
            for number in range(3):
                yield number
                await turn()
        finally:
            # What a generator that nobody drives could not do.
            self.seen.append(await turn())

    def test_left_early(self):
        async def main():
            async for _ in self.numbers():
                break
            # It is closed while the rest goes on.
            while not self.seen:
                await turn()
            return 'done'

        self.assertEqual(Kaa.run(main()), 'done')
        self.assertEqual(self.seen, [5])

    def test_left_right_before_the_end(self):
        async def main():
            async for _ in self.numbers():
                break

        Kaa.run(main())
        self.assertEqual(self.seen, [5])

    def test_still_held_at_the_end(self):
        async def main(numbers):
            await numbers.__anext__()

        numbers = self.numbers()
        Kaa.run(main(numbers))
        self.assertEqual(self.seen, [5])
        with self.assertRaises(StopAsyncIteration):
            Kaa.run(numbers.__anext__())

    def test_left_by_an_exception(self):
        async def main():
            async for _ in self.numbers():
                raise ValueError('mine')

        with self.assertRaisesRegex(ValueError, 'mine'):
            Kaa.run(main())
        gc.collect()
        Kaa.run(turn())
        self.assertEqual(self.seen, [5])

    def test_left_in_another_thread(self):
        async def main():
            numbers = [self.numbers()]
            await numbers[0].__anext__()
            thread = threading.Thread(target=numbers.clear)
            thread.start()
            thread.join()
            while not self.seen:
                await turn()

        Kaa.run(main())
        self.assertEqual(self.seen, [5])

    def test_failure_while_closing_is_told(self):
        async def fails():
            try:
                yield
            finally:
                raise ValueError('while closing')

        async def main():
            async for _ in fails():
                break

        with contextlib.redirect_stderr(io.StringIO()) as said:
            Kaa.run(main())
        self.assertIn('while closing', said.getvalue())

    def test_hooks_are_as_before(self):
        before = sys.get_asyncgen_hooks()
        Kaa.run(turn())
        self.assertEqual(sys.get_asyncgen_hooks(), before)

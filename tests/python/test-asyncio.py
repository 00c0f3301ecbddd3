# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels under asyncio: its own loop, and those that iterate GLib; cancelled, timed out, in threads."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

try:
    import gbulb
except ImportError:
    gbulb = None

# gbulb 0.6.6 does not have what PyGObject 3.50 asks of the loop that runs.
GBULB_WORKS = gbulb is not None and (gi.version_info < (3, 50) or hasattr(gbulb.GLibEventLoop, 'running'))

try:
    with warnings.catch_warnings():
        # It uses what Python 3.14 calls deprecated.
        warnings.simplefilter('ignore', DeprecationWarning)
        import gi.events
except ImportError:
    pass

SECONDS = 30


def pair(**arguments):
    ours, theirs = socket.socketpair()
    return Kaa.IOChannel(ours, **arguments), theirs


def filled(data, **arguments):
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return Kaa.IOChannel(reader, Kaa.IO_READ, **arguments)


class Counter:
    """Counts the turns of an asyncio loop."""

    def __init__(self, loop):
        self.turns = 0
        select = loop._selector.select

        def counting_select(timeout=None):
            self.turns += 1
            return select(timeout)

        loop._selector.select = counting_select


class Cases:
    """What has to work in every loop."""

    def run_in_loop(self, coroutine):
        raise NotImplementedError

    def test_read_and_write(self):
        async def main():
            channel, peer = pair()
            peer.send(b'one\ntwo\n')
            self.assertEqual(await channel.readline(), b'one\n')
            self.assertEqual(await channel.write(b'three\n'), 6)
            self.assertEqual(peer.recv(10), b'three\n')
            self.assertIs(await channel.close(), True)
            peer.close()

        self.run_in_loop(main())

    def test_iterate(self):
        async def main():
            return ([line async for line in filled(b'one\ntwo\nthree')],
                    [line async for line in filled(b'one\ntwo\n').lines()],
                    [lines async for lines in filled(b'one\ntwo\n').batches()])

        self.assertEqual(self.run_in_loop(main()), ([b'one\n', b'two\n', b'three'], ['one', 'two'], [[b'one\n', b'two\n']]))

    def test_glib_goes_on(self):
        async def main():
            for add in [lambda call: GLib.idle_add(call), lambda call: GLib.timeout_add(20, call)]:
                promise = Kaa.InProgress.new(None)
                add(promise.finish_void)
                await asyncio.wait_for(promise, SECONDS)
            promise = Kaa.InProgress.new(None)
            Gio.File.new_for_path('/').query_info_async('*', 0, 0, None, lambda *_: promise.finish_void())
            await asyncio.wait_for(promise, SECONDS)

        self.run_in_loop(main())

    def test_handlers(self):
        async def main():
            seen = []
            done = asyncio.get_running_loop().create_future()
            channel = filled(b'one\ntwo')
            channel.connect('readline', lambda channel, line: seen.append(line.get_data()))
            channel.connect('closed', lambda channel, expected: done.set_result(expected))
            self.assertIs(await asyncio.wait_for(done, SECONDS), False)
            return seen

        self.assertEqual(self.run_in_loop(main()), [b'one\n', b'two'])

    def test_asyncio_goes_on(self):
        async def main():
            channel, peer = pair()
            reading = asyncio.create_task(asyncio.wait_for(channel.readline(), SECONDS))
            for _ in range(3):
                await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(None, peer.send, b'one\n')
            self.assertEqual(await reading, b'one\n')
            peer.close()

        self.run_in_loop(main())

    def test_cancel_loses_nothing(self):
        async def main():
            channel, peer = pair()
            task = asyncio.ensure_future(channel.readline())
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            peer.send(b'one\n')
            self.assertEqual(await channel.readline(), b'one\n')
            peer.close()

        self.run_in_loop(main())

    def test_cancel_at_the_moment_of_completion(self):
        async def main(turns):
            async def read():
                return await channel.readline()

            channel, peer = pair()
            task = asyncio.ensure_future(read())
            for _ in range(3):
                await asyncio.sleep(0)
            peer.send(b'one\ntwo\n')
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            seen = []
            try:
                seen.append(await task)
            except asyncio.CancelledError:
                pass
            while len(seen) < 2:
                seen.append(await asyncio.wait_for(channel.readline(), SECONDS))
            peer.close()
            return seen

        for turns in range(8):
            with self.subTest(turns):
                self.assertEqual(self.run_in_loop(main(turns)), [b'one\n', b'two\n'])

    def test_taken_and_cancelled(self):
        """The request has got its line, and its task is cancelled before it wakes up."""
        async def main():
            async def read():
                return await channel.readline()

            channel, peer = pair()
            task = asyncio.ensure_future(read())
            await asyncio.sleep(0)
            future = channel._request_line()
            future.then(lambda _: task.cancel())
            # The first line is the task's, the second one the future's: they are announced in one turn.
            peer.send(b'one\ntwo\n')
            self.assertEqual(await future, b'two\n')
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertEqual(channel.read_queue_used, 4)
            self.assertEqual(await channel.readline(), b'one\n')
            peer.close()

        self.run_in_loop(main())

    def test_wait_for(self):
        async def main():
            channel, peer = pair()
            for _ in range(3):
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(channel.readline(), 0.01)
            peer.send(b'one\n')
            self.assertEqual(await asyncio.wait_for(channel.readline(), SECONDS), b'one\n')
            peer.close()

        self.run_in_loop(main())

    def test_gather(self):
        async def main():
            channel = filled(b'one\ntwo\nthree\nfour\nfive\n')
            first = await channel.readline()
            return [first] + await asyncio.gather(*[channel.readline() for _ in range(4)])

        self.assertEqual(self.run_in_loop(main()), [b'one\n', b'two\n', b'three\n', b'four\n', b'five\n'])

    def test_leave_early(self):
        async def main():
            channel = filled(b'one\ntwo\nthree\n')
            async for line in channel:
                break
            return [line] + [line async for line in channel]

        self.assertEqual(self.run_in_loop(main()), [b'one\n', b'two\n', b'three\n'])

    def test_error(self):
        async def main():
            channel, peer = pair()
            await channel.close()
            with self.assertRaises(GLib.Error) as failure:
                await channel.write(b'late')
            self.assertTrue(failure.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED))
            peer.close()

        self.run_in_loop(main())

    def test_wait_inside(self):
        async def main():
            channel = filled(b'one\ntwo\n')
            self.assertEqual(channel.readline().wait(SECONDS), b'one\n')
            self.assertEqual(await channel.readline(), b'two\n')

            async def nested():
                return await filled(b'inner\n').readline()

            self.assertEqual(Kaa.run(nested()), b'inner\n')

        self.run_in_loop(main())

    def test_monitor(self):
        async def main():
            reader, writer = os.pipe()
            done = asyncio.get_running_loop().create_future()
            monitor = Kaa.IOMonitor(lambda: (monitor.unregister(), done.set_result(None)))
            monitor.register(reader)
            os.write(writer, b'x')
            await asyncio.wait_for(done, SECONDS)
            os.close(reader)
            os.close(writer)

        self.run_in_loop(main())


class Stock(Cases, unittest.TestCase):
    def run_in_loop(self, coroutine):
        return asyncio.run(coroutine)

    def test_served_from_the_start(self):
        """Nothing of Kaa was called, and GLib goes on."""
        async def main():
            done = asyncio.get_running_loop().create_future()
            GLib.timeout_add(1, lambda: done.set_result(None))
            Kaa.serve_glib()
            await asyncio.wait_for(done, SECONDS)
            Kaa.serve_glib()

        asyncio.run(main())
        with self.assertRaises(RuntimeError):
            Kaa.serve_glib()

    def test_imported_in_a_coroutine(self):
        program = '''
import asyncio
import gi
from gi.repository import GLib

async def main():
    done = asyncio.get_running_loop().create_future()
    GLib.timeout_add(1, lambda: done.set_result(None))
    gi.require_version('Kaa', '1.0')
    from gi.repository import Kaa
    await asyncio.wait_for(done, 30)

asyncio.run(main())
'''
        done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ('', '', 0))

    def test_imported_in_a_strange_loop(self):
        """It cannot serve GLib, and that is no reason not to be imported."""
        program = '''
import asyncio
import gi
gi.require_version('Kaa', '1.0')

class Loop:
    pass

asyncio._set_running_loop(Loop())
from gi.repository import Kaa
try:
    Kaa.serve_glib()
except RuntimeError as error:
    print('refused')
'''
        done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ('refused\n', '', 0))

    def test_sleeps(self):
        """No turn of the loop happens in which there is nothing to do."""
        async def main():
            loop = asyncio.get_running_loop()
            channel, peer = pair()
            reading = asyncio.ensure_future(channel.readline())
            late = GLib.timeout_add_seconds(1000, lambda: False)
            await asyncio.sleep(0.01)
            counter = Counter(loop)
            await asyncio.sleep(0.2)
            turns = counter.turns
            GLib.source_remove(late)
            peer.send(b'one\n')
            self.assertEqual(await reading, b'one\n')
            peer.close()
            return turns

        self.assertLessEqual(asyncio.run(main()), 5)

    def test_threads(self):
        results = []

        async def main(number):
            channel, peer = pair()
            for i in range(100):
                await channel.write(b'%d.%d\n' % (number, i))
                peer.send(peer.recv(100))
                self.assertEqual(await channel.readline(), b'%d.%d\n' % (number, i))
            await channel.close()
            peer.close()
            results.append(number)

        threads = [threading.Thread(target=lambda number=number: asyncio.run(main(number))) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [0, 1, 2, 3])

    def test_thread_is_as_before(self):
        seen = []

        async def main():
            seen.append(await filled(b'one\n').readline())
            self.assertIsNotNone(GLib.MainContext.get_thread_default())

        def work():
            for _ in range(2):
                asyncio.run(main())
                seen.append(GLib.MainContext.get_thread_default())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(seen, [b'one\n', None] * 2)

    def test_no_descriptor_leaks(self):
        async def main():
            return await filled(b'one\n').readline()

        asyncio.run(main())
        gc.collect()
        before = len(os.listdir('/proc/self/fd'))
        for _ in range(20):
            asyncio.run(main())
        gc.collect()
        self.assertEqual(len(os.listdir('/proc/self/fd')), before)

    def test_ctrl_c(self):
        async def main():
            channel, peer = pair()
            with peer:
                timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
                timer.start()
                await channel.readline()

        with self.assertRaises(KeyboardInterrupt):
            asyncio.run(main())

    def test_pending_when_the_loop_ends(self):
        channels = []

        async def main():
            channel, peer = pair()
            channels.append((channel, peer))
            asyncio.ensure_future(channel.readline())
            await asyncio.sleep(0)

        asyncio.run(main())
        (channel, peer), = channels
        peer.send(b'one\n')
        self.assertEqual(channel.readline().wait(SECONDS), b'one\n')
        peer.close()


@unittest.skipUnless(GBULB_WORKS, 'there is no gbulb that works with this PyGObject')
class Gbulb(Cases, unittest.TestCase):
    def run_in_loop(self, coroutine):
        loop = gbulb.GLibEventLoop(context=GLib.MainContext.default())
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()

    def test_context_of_its_own(self):
        async def main():
            return await filled(b'one\n').readline()

        loop = gbulb.GLibEventLoop()
        try:
            self.assertEqual(loop.run_until_complete(main()), b'one\n')
        finally:
            loop.close()
        self.assertIsNone(GLib.MainContext.get_thread_default())


@unittest.skipUnless(hasattr(gi, 'events'), 'this PyGObject has no gi.events')
class GiEvents(Cases, unittest.TestCase):
    def run_in_loop(self, coroutine):
        loop = gi.events.GLibEventLoop(GLib.MainContext.default())
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()

    def test_asyncio_run(self):
        """As programs do it: by a policy, and where Python has done away with those, by a factory."""
        async def main():
            return await filled(b'one\n').readline()

        if hasattr(gi.events.GLibEventLoop, '__enter__'):
            with asyncio.Runner(loop_factory=gi.events.GLibEventLoop) as runner:
                self.assertEqual(runner.run(main()), b'one\n')
        else:
            policy = gi.events.GLibEventLoopPolicy()
            asyncio.set_event_loop_policy(policy)
            try:
                with contextlib.closing(policy.get_event_loop()) as loop:
                    self.assertEqual(loop.run_until_complete(main()), b'one\n')
            finally:
                asyncio.set_event_loop_policy(None)


@unittest.skipIf(gi.version_info < (3, 50), 'this PyGObject has nothing to await for x_async()')
class GioAsync(unittest.TestCase):
    """Where asyncio's own loop serves GLib, whatever Gio begins can be awaited."""

    def run_served(self, coroutine):
        async def main():
            Kaa.serve_glib()
            return await coroutine

        return asyncio.run(main())

    def test_result(self):
        async def main():
            with tempfile.NamedTemporaryFile() as file:
                file.write(b'one')
                file.flush()
                opened = Gio.File.new_for_path(file.name)
                info = await opened.query_info_async('standard::*', Gio.FileQueryInfoFlags.NONE, GLib.PRIORITY_DEFAULT)
                stream = await opened.read_async(GLib.PRIORITY_DEFAULT)
                data = await stream.read_bytes_async(10, GLib.PRIORITY_DEFAULT)
                return info.get_size(), data.get_data()

        self.assertEqual(self.run_served(main()), (3, b'one'))

    def test_error(self):
        async def main():
            await Gio.File.new_for_path('/nowhere/at/all').read_async(GLib.PRIORITY_DEFAULT)

        with self.assertRaises(GLib.Error) as caught:
            self.run_served(main())
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND))

    @unittest.skipIf(gi.version_info < (3, 51), 'this PyGObject does not take what asyncio says when it cancels')
    def test_cancel(self):
        async def main():
            listener = Gio.SocketListener()
            listener.add_any_inet_port(None)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(listener.accept_async(), 0.01)
            listener.close()

        self.run_served(main())


class KaaRun(unittest.TestCase):
    def test_threads(self):
        results = []

        async def main(number):
            channel, peer = pair()
            for i in range(100):
                await channel.write(b'%d.%d\n' % (number, i))
                peer.send(peer.recv(100))
                self.assertEqual(await channel.readline(), b'%d.%d\n' % (number, i))
            await channel.close()
            peer.close()
            results.append(number)

        threads = [threading.Thread(target=lambda number=number: Kaa.run(main(number))) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [0, 1, 2, 3])

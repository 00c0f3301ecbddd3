# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels from Python: opened, iterated, left early, refused, closed."""

import contextlib
import os
import signal
import socket
import threading
import unittest
import unittest.mock

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


def pipe(**arguments):
    """The reading end as a channel, the writing end as a descriptor."""
    reader, writer = os.pipe()
    return Kaa.IOChannel(reader, Kaa.IO_READ, **arguments), writer


def pair():
    """A channel and a socket, connected."""
    ours, theirs = socket.socketpair()
    return Kaa.IOChannel(ours), theirs


def filled(data, **arguments):
    """A channel whose whole input is there."""
    channel, writer = pipe(**arguments)
    os.write(writer, data)
    os.close(writer)
    return channel


def turn():
    """Something that is finished in another turn of the loop."""
    promise = Kaa.InProgress.new(None)
    GLib.idle_add(promise.finish_boolean, True)
    return promise


async def collect(iterator):
    return [item async for item in iterator]


class ChannelCase(unittest.TestCase):
    @contextlib.contextmanager
    def assertFails(self, code, message=''):
        with self.assertRaisesRegex(GLib.Error, message) as failure:
            yield
        self.assertTrue(failure.exception.matches(Gio.io_error_quark(), code), failure.exception)


class Opening(ChannelCase):
    def test_descriptor(self):
        channel, writer = pipe(chunk_size=7)
        self.assertTrue(channel.alive)
        self.assertTrue(channel.readable)
        self.assertFalse(channel.writable)
        self.assertEqual(channel.mode, Kaa.IO_READ)
        self.assertEqual(channel.chunk_size, 7)
        self.assertEqual(channel.delimiter, '\n')
        channel.queue_size = 99
        self.assertEqual(channel.queue_size, 99)
        self.assertEqual(channel.channel, channel.fileno)
        os.close(writer)

    def test_unopened(self):
        channel = Kaa.IOChannel()
        self.assertFalse(channel.alive)
        self.assertIsNone(channel.fileno)
        self.assertIsNone(channel.channel)

    def test_file_is_held_and_closed(self):
        reader, writer = os.pipe()
        file = os.fdopen(reader, 'rb', 0)
        channel = Kaa.IOChannel(file, Kaa.IO_READ)
        self.assertIs(channel.channel, file)
        self.assertFalse(channel.close_fd)
        self.assertIs(Kaa.run(channel.close()), True)
        self.assertTrue(file.closed)
        self.assertIsNone(channel.channel)
        os.close(writer)

    def test_file_is_closed_with_the_last_reference(self):
        reader, writer = os.pipe()
        file = os.fdopen(reader, 'rb', 0)
        channel = Kaa.IOChannel(file, Kaa.IO_READ)
        del channel
        while GLib.MainContext.default().iteration(False):
            pass
        self.assertTrue(file.closed)
        os.close(writer)

    def test_another_channel(self):
        first = filled(b'one\n')
        fd = first.fileno
        second = Kaa.IOChannel(first, Kaa.IO_READ)
        self.assertFalse(first.alive)
        self.assertEqual(second.fileno, fd)
        self.assertEqual(second.readline().wait(5), b'one\n')

    def test_made_by_c(self):
        reader, writer = os.pipe()
        channel = Kaa.IOChannel.new_for_fd(reader, Kaa.IO_READ)
        self.assertEqual(channel.channel, reader)
        os.write(writer, b'one\ntwo')
        os.close(writer)
        self.assertEqual(Kaa.run(collect(channel.lines())), ['one', 'two'])

    def test_bad_descriptor(self):
        with self.assertRaises(GLib.Error):
            Kaa.IOChannel(-1)


class Reading(ChannelCase):
    def test_await(self):
        async def main():
            channel = filled(b'one\ntwo\nthree;four')
            return [await channel.readline(), await channel.read_exactly(2), await channel.read(),
                    await channel.read()]

        self.assertEqual(Kaa.run(main()), [b'one\n', b'tw', b'o\nthree;four', b''])

    def test_read_until(self):
        channel = filled(b'one;two')
        self.assertEqual(channel.read_until(';').wait(5), b'one;')
        self.assertEqual(channel.read_until(b';').wait(5), b'two')

    def test_iterate(self):
        self.assertEqual(Kaa.run(collect(filled(b'one\n\ntwo\nthree'))), [b'one\n', b'\n', b'two\n', b'three'])

    def test_iterate_many(self):
        data = [b'%d\n' % number for number in range(100000)]

        def write():
            with os.fdopen(writer, 'wb') as file:
                file.writelines(data)

        channel, writer = pipe()
        thread = threading.Thread(target=write)
        thread.start()
        lines = Kaa.run(collect(channel))
        thread.join()
        self.assertEqual(lines, data)

    def test_lines(self):
        self.assertEqual(Kaa.run(collect(filled('één\r\ntwo\n\r\n'.encode(), delimiter=['\n', '\r\n']).lines())),
                         ['één', 'two', ''])

    def test_batches(self):
        batches = Kaa.run(collect(filled(b'one\ntwo\nthree').batches()))
        self.assertEqual(sum(batches, []), [b'one\n', b'two\n', b'three'])

    def test_leaving_early_loses_nothing(self):
        async def main():
            channel = filled(b'one\ntwo\nthree\nfour\n')
            async for line in channel:
                if line == b'two\n':
                    break
            return [await channel.readline()] + await collect(channel)

        self.assertEqual(Kaa.run(main()), [b'three\n', b'four\n'])

    def test_reading_inside_the_loop(self):
        async def main():
            channel = filled(b'one\n4\nbody\ntwo\nx;y;')
            seen = []
            async for line in channel:
                if line == b'4\n':
                    seen.append(await channel.read_exactly(5))
                elif line == b'two\n':
                    channel.delimiter = b';'
                else:
                    seen.append(line)
            return seen

        self.assertEqual(Kaa.run(main()), [b'one\n', b'body\n', b'x;', b'y;'])

    def test_too_long_lines_are_split(self):
        for delimiter in ['\n', ['\n', '\r\n']]:
            with self.subTest(delimiter):
                channel = filled(b'ab\n12345\ncd\n1234\n', delimiter=delimiter, queue_size=4)
                self.assertEqual(Kaa.run(collect(channel)), [b'ab\n', b'1234', b'5\n', b'cd\n', b'1234\n'])

    def test_handlers(self):
        loop = GLib.MainLoop()
        seen = []
        channel = filled(b'one\ntwo')
        channel.connect('readline', lambda channel, line: seen.append(line.get_data()))
        channel.connect('closed', lambda channel, expected: (seen.append(expected), loop.quit()))
        loop.run()
        self.assertEqual(seen, [b'one\n', b'two', False])

    def test_peek_and_consume(self):
        channel = filled(b'one\ntwo')
        self.assertEqual(channel.peek(), b'')
        self.assertEqual(channel.readline().wait(5), b'one\n')
        self.assertEqual(channel.peek(), b'two')
        self.assertEqual(channel.read_queue_used, 3)
        channel.consume(1)
        self.assertEqual(channel.read().wait(5), b'wo')
        with self.assertFails(Gio.IOErrorEnum.INVALID_ARGUMENT):
            channel.consume(1)

    def test_delimiters(self):
        channel = Kaa.IOChannel(delimiter=b'\0')
        self.assertEqual(channel.delimiter, '\0')
        for delimiter in ['\r\n', b'\xff', ['\n', b'\xff']]:
            channel.delimiter = delimiter
            self.assertEqual(channel.delimiter, delimiter)
        for wrong in ['', [], ['a', '']]:
            with self.assertFails(Gio.IOErrorEnum.INVALID_ARGUMENT):
                channel.delimiter = wrong
        self.assertEqual(channel.delimiter, ['\n', b'\xff'])

    def test_delimiters_by_other_names(self):
        channel = Kaa.IOChannel(delimiter=';')
        for set_wrong in [
            lambda: channel.set_delimiter(''),
            lambda: channel.set_delimiters([]),
            lambda: channel.set_delimiters(['a', '']),
            lambda: setattr(channel, 'delimiters', []),
            lambda: Kaa.IOChannel(delimiter=''),
            lambda: Kaa.IOChannel(delimiter=[]),
            lambda: Kaa.IOChannel(delimiters=[]),
        ]:
            with self.assertFails(Gio.IOErrorEnum.INVALID_ARGUMENT):
                set_wrong()
        self.assertEqual(channel.delimiters, [';'])
        channel.set_delimiter('x')
        self.assertEqual(channel.delimiters, ['x'])
        channel.delimiters = ['x', 'yz']
        self.assertEqual(channel.delimiter, ['x', 'yz'])

    def test_sizes_that_are_none(self):
        channel = Kaa.IOChannel(chunk_size=5, queue_size=6)
        for name in ['chunk_size', 'queue_size']:
            for set_wrong in [
                lambda: setattr(channel, name, 0),
                lambda: getattr(channel, 'set_' + name)(0),
                lambda: Kaa.IOChannel(**{name: 0}),
                lambda: Kaa.Process(['true'], **{name: 0}),
            ]:
                with self.assertFails(Gio.IOErrorEnum.INVALID_ARGUMENT, name):
                    set_wrong()
        self.assertEqual((channel.chunk_size, channel.queue_size), (5, 6))

    def test_a_descriptor_is_the_callers_if_the_constructor_fails(self):
        reader, writer = os.pipe()
        for wrong in [{'chunk_size': 0}, {'queue_size': 0}, {'delimiter': ''}]:
            with self.assertFails(Gio.IOErrorEnum.INVALID_ARGUMENT):
                Kaa.IOChannel(reader, Kaa.IO_READ, **wrong)
        os.close(reader)
        os.close(writer)


    def test_lines_that_are_held(self):
        """Each is its own, in the order in which they were asked for, in whatever order they are awaited."""
        async def main():
            channel = filled(b'1\n2\n3\n4\n5\n6\n')
            self.assertEqual(await channel.readline(), b'1\n')
            first, second = channel.readline(), channel.readline()
            self.assertEqual((await second, await first), (b'3\n', b'2\n'))
            held = channel.readline()
            self.assertEqual(await channel.read_exactly(2), b'5\n')
            self.assertEqual((await held, await channel.readline()), (b'4\n', b'6\n'))

        Kaa.run(main())

    def test_lines_at_hand_are_not_asked_for(self):
        """A thousand of them, awaited one by one, take but a few requests to C."""
        base = Kaa.IOChannel.__base__
        with unittest.mock.patch.object(base, 'readline', autospec=True, side_effect=base.readline) as request:
            async def main():
                channel = filled(b'line\n' * 1000)
                for _ in range(1000):
                    self.assertEqual(await channel.readline(), b'line\n')

            Kaa.run(main())
        self.assertLess(request.call_count, 100)


class Writing(ChannelCase):
    def test_write(self):
        channel, peer = pair()
        self.assertEqual(Kaa.run(channel.write(b'one\n')), 4)
        self.assertEqual(channel.write(bytearray(b'two\n')).wait(5), 4)
        self.assertEqual(channel.write(b'').wait(5), 0)
        self.assertEqual(peer.recv(100), b'one\ntwo\n')
        peer.close()

    def test_order(self):
        channel, peer = pair()
        told = []

        async def converse():
            done = Kaa.InProgress()

            def answer(channel, line):
                for word in [b'one', b'two', b'', b'three']:
                    channel.write(word).then(lambda result, word=word: told.append(word))
                channel.flush().then(lambda result: (told.append(b'flushed'), done.finish(True)))

            channel.connect('readline', answer)
            peer.send(b'go\n')
            await done

        Kaa.run(converse())
        self.assertEqual(told, [b'one', b'two', b'', b'three', b'flushed'])
        peer.close()

    def test_no_bytes(self):
        channel, peer = pair()
        for wrong in ['text', 5, None]:
            with self.assertRaises(TypeError):
                channel.write(wrong)
        peer.close()

    def test_refused_at_once(self):
        channel = Kaa.IOChannel(queue_size=4)
        with self.assertFails(Gio.IOErrorEnum.MESSAGE_TOO_LARGE):
            channel.write(b'12345')
        channel.write(b'123')
        with self.assertFails(Gio.IOErrorEnum.WOULD_BLOCK):
            channel.write(b'12')
        with self.assertFails(Gio.IOErrorEnum.WOULD_BLOCK):
            channel.send(b'12')
        self.assertEqual(channel.write_queue_used, 3)

    def test_late_write_fails_through_its_future(self):
        channel, peer = pair()
        channel.close().wait(5)
        future = channel.write(b'late')
        with self.assertFails(Gio.IOErrorEnum.CLOSED):
            future.wait(5)
        peer.close()


class Futures(ChannelCase):
    def test_result(self):
        channel, writer = pipe()
        future = channel.readline()
        with self.assertFails(Gio.IOErrorEnum.PENDING):
            future.result
        self.assertFalse(future.finished)
        os.write(writer, b'one\n')
        self.assertEqual(future.wait(), b'one\n')
        self.assertTrue(future.finished)
        result = future.result
        del future
        self.assertEqual(result, b'one\n')
        os.close(writer)

    def test_wait_times_out_and_goes_on(self):
        channel, writer = pipe()
        future = channel.readline()
        for seconds in [0, 0.15]:
            with self.assertFails(Gio.IOErrorEnum.TIMED_OUT):
                future.wait(seconds)
        os.write(writer, b'one\n')
        self.assertEqual(future.wait(5), b'one\n')
        os.close(writer)

    def test_ctrl_c_ends_a_wait(self):
        channel, writer = pipe()
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            channel.readline().wait()
        os.close(writer)

    def test_ctrl_c_reaches_the_coroutine(self):
        async def main():
            try:
                await channel.readline()
            except KeyboardInterrupt:
                os.write(writer, b'one\n')
                kept.append(await channel.readline())
                raise

        kept = []
        channel, writer = pipe()
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            Kaa.run(main())
        # The read that was interrupted has taken nothing.
        self.assertEqual(kept, [b'one\n'])
        os.close(writer)

    def test_abort(self):
        channel, writer = pipe()
        future = channel.readline()
        future.abort()
        with self.assertFails(Gio.IOErrorEnum.CANCELLED):
            Kaa.run(future)
        os.write(writer, b'one\n')
        self.assertEqual(channel.readline().wait(5), b'one\n')
        os.close(writer)

    def test_then(self):
        seen = []
        channel = filled(b'one\n')
        future = channel.readline()
        future.then(seen.append)
        self.assertEqual(seen, [])
        future.wait(5)
        future.then(seen.append)
        failing = Kaa.InProgress.new(None)
        failing.throw(GLib.Error.new_literal(Gio.io_error_quark(), 'no', Gio.IOErrorEnum.FAILED))
        failing.then(seen.append, lambda error: seen.append(error.message))
        while GLib.MainContext.default().iteration(False):
            pass
        self.assertEqual(seen, [b'one\n', b'one\n', 'no'])

    def test_together(self):
        channel = filled(b'one\n')
        first, never = channel.readline(), Kaa.InProgress.new(None)
        self.assertEqual(Kaa.InProgress.any([never, first]).wait(5), 1)
        self.assertIs(Kaa.InProgress.all([first]).wait(5), True)
        with self.assertFails(Gio.IOErrorEnum.TIMED_OUT):
            never.timeout(0.01).wait(5)

    def test_own_promise(self):
        promise = Kaa.InProgress.new(None)
        GLib.idle_add(promise.finish_int, 1 << 40)
        self.assertEqual(Kaa.run(promise), 1 << 40)

    def test_run(self):
        async def fail():
            raise ValueError('mine')

        async def nothing():
            return 5

        self.assertEqual(Kaa.run(nothing()), 5)
        with self.assertRaisesRegex(ValueError, 'mine'):
            Kaa.run(fail())


class Closing(ChannelCase):
    def test_async_with(self):
        async def main():
            channel, peer = pair()
            async with channel as same:
                self.assertIs(same, channel)
                channel.write(b'last')
            self.assertFalse(channel.alive)
            received = peer.recv(100)
            peer.close()
            return received

        self.assertEqual(Kaa.run(main()), b'last')

    def test_expected(self):
        for immediate in [False, True]:
            for expected in [False, True]:
                with self.subTest(immediate=immediate, expected=expected):
                    seen = []
                    channel, peer = pair()
                    channel.connect('closed', lambda channel, expected: seen.append(expected))
                    self.assertIs(channel.close(immediate=immediate, expected=expected).wait(5), expected)
                    self.assertEqual(seen, [expected])
                    peer.close()

    def test_peer_closes_while_waiting(self):
        channel, peer = pair()
        future = channel.readline()
        peer.send(b'part')
        peer.close()
        self.assertEqual(future.wait(5), b'part')
        self.assertEqual(channel.readline().wait(5), b'')

    def test_asking_on_while_it_is_alive(self):
        asks = {
            'read': lambda channel: channel.read(),
            'read_some': lambda channel: channel.read_some(2),
            'readline': lambda channel: channel.readline(),
            'readlines': lambda channel: channel.readlines(),
            'read_exactly': lambda channel: channel.read_exactly(3),
            'read_until': lambda channel: channel.read_until(b';'),
        }

        async def main(ask):
            channel = filled(b'one\ntwo')
            events = []
            channel.connect('closed', lambda channel, expected: events.append('closed'))
            while channel.alive:
                events.append(await ask(channel))
            while 'closed' not in events:
                await turn()
            return events

        for name, ask in asks.items():
            with self.subTest(name):
                events = Kaa.run(main(ask))
                self.assertEqual(b''.join(events[:-1]), b'one\ntwo')
                # Told, and once more for the request that was made before the channel said that it is not alive.
                self.assertIn(events[:-1].count(b''), [1, 2])

    def test_asking_on_by_then(self):
        channel = filled(b'one\n')
        told = []

        def ask(result=None):
            if result is not None:
                told.append(result)
            if channel.alive:
                channel.readline().then(ask)

        closed = Kaa.InProgress.new(None)
        channel.connect('closed', lambda channel, expected: closed.finish_boolean(expected))
        ask()
        self.assertFalse(closed.wait(5))
        self.assertEqual(b''.join(told), b'one\n')
        self.assertLessEqual(len(told), 3)


class Monitor(ChannelCase):
    def test_own_arguments_only(self):
        seen = []
        monitor = Kaa.IOMonitor(lambda *args, **kwargs: (seen.append((args, kwargs)), monitor.unregister()), 1, two=2)
        self.assertFalse(monitor.active)
        reader, writer = os.pipe()
        with os.fdopen(reader) as readable, os.fdopen(writer, 'w') as writable:
            monitor.register(readable)
            self.assertTrue(monitor.active)
            writable.write('x')
            writable.flush()
            for _ in range(3):
                GLib.MainContext.default().iteration(False)
        self.assertEqual(seen, [((1,), {'two': 2})])
        self.assertFalse(monitor.active)

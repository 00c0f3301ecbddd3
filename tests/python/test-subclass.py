# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels written in Python: what stands between the descriptor and the queue, default handlers, and what they raise."""

import codecs
import contextlib
import errno
import io
import os
import sys
import unittest
import zlib

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, GObject, Kaa


def rot13(data):
    return codecs.encode(data.decode('latin-1'), 'rot13').encode('latin-1')


class Rot13(Kaa.IOChannel):
    def do_read_nonblocking(self, count):
        return GLib.Bytes.new(rot13(Kaa.IOChannel.do_read_nonblocking(self, count).get_data() or b''))

    def do_write_nonblocking(self, data):
        return Kaa.IOChannel.do_write_nonblocking(self, GLib.Bytes.new(rot13(data.get_data())))


class Inflating(Kaa.IOChannel):
    """What arrives is compressed."""

    def __init__(self, *args, **keywords):
        # The constructor opens it already.
        self.inflater = zlib.decompressobj()
        super().__init__(*args, **keywords)

    def do_read_nonblocking(self, count):
        while True:
            data = self.inflater.unconsumed_tail or Kaa.IOChannel.do_read_nonblocking(self, count).get_data()
            text = self.inflater.decompress(data, count) if data else self.inflater.flush()
            if text or not data:
                return text


class Raising(Kaa.IOChannel):
    error_to_raise = None

    def do_read_nonblocking(self, count):
        raise self.error_to_raise

    do_write_nonblocking = do_read_nonblocking


def open_on_pair(cls, **arguments):
    _, here, there = Kaa.IOChannel.new_pair()
    return cls(here, **arguments), there


@contextlib.contextmanager
def caught_output():
    before, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield sys.stderr
    finally:
        sys.stderr = before


class Transforming(unittest.TestCase):
    def test_rot13(self):
        async def main():
            channel, there = open_on_pair(Rot13)
            there.write(b'Uryyb\nJbeyq\n')
            self.assertEqual(await channel.readline(), b'Hello\n')
            self.assertEqual(await channel.write(b'Hello\n'), 6)
            self.assertEqual(await there.readline(), b'Uryyb\n')
            there.close()
            self.assertEqual([text async for text in channel.lines()], ['World'])

        Kaa.run(main())

    def test_inflate_in_pieces(self):
        async def main(chunk_size):
            channel, there = open_on_pair(Inflating, chunk_size=chunk_size)
            there.write(packed)
            there.close()
            return b''.join([line async for line in channel])

        text = b''.join(b'%d %d\n' % (number, number * number) for number in range(5000))
        packed = zlib.compress(text)
        for chunk_size in [1, 7, 1000, 1048576]:
            with self.subTest(chunk_size):
                self.assertEqual(Kaa.run(main(chunk_size)), text)

    def test_converter_stream(self):
        """A GConverter is a stream of GIO."""
        async def main():
            packed = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes(zlib.compress(b'one\ntwo\n')))
            stream = Gio.ConverterInputStream.new(packed, Gio.ZlibDecompressor.new(Gio.ZlibCompressorFormat.ZLIB))
            channel = Kaa.IOChannel(stream, Kaa.IO_READ)
            self.assertIs(channel.channel, stream)
            return [line async for line in channel]

        self.assertEqual(Kaa.run(main()), [b'one\n', b'two\n'])

    def test_super(self):
        class Quoting(Rot13):
            def do_read_nonblocking(self, count):
                return super().do_read_nonblocking(count).get_data().replace(b'\n', b'"\n')

        channel, there = open_on_pair(Quoting)
        there.write(b'Uryyb\n')
        self.assertEqual(channel.readline().wait(5), b'Hello"\n')


class Errors(unittest.TestCase):
    def check(self, error, code, message):
        for operate in [Raising.readline, lambda channel: channel.write(b'x')]:
            channel, there = open_on_pair(Raising)
            there.write(b'x')
            channel.error_to_raise = error
            with self.assertRaises(GLib.Error):
                operate(channel).wait(5)
            while channel.alive and channel.error is None:
                GLib.MainContext.default().iteration(True)
            self.assertTrue(channel.error.matches(Gio.io_error_quark(), code), channel.error)
            self.assertIn(message, channel.error.message)

    def test_glib_error(self):
        self.check(GLib.Error.new_literal(Gio.io_error_quark(), 'too many', Gio.IOErrorEnum.TOO_MANY_LINKS),
                   Gio.IOErrorEnum.TOO_MANY_LINKS, 'too many')

    def test_os_error(self):
        self.check(OSError(errno.ENOSPC, 'full'), Gio.IOErrorEnum.NO_SPACE, 'full')
        self.check(OSError('no number'), Gio.IOErrorEnum.FAILED, 'no number')

    def test_mistake_is_seen(self):
        with caught_output() as output:
            self.check(ValueError('boom'), Gio.IOErrorEnum.FAILED, 'ValueError: boom')
        self.assertIn('ValueError: boom', output.getvalue())

    def test_nothing_to_read_now(self):
        channel, there = open_on_pair(Raising)
        there.write(b'x')
        channel.error_to_raise = BlockingIOError(errno.EAGAIN, 'later')
        with self.assertRaises(GLib.Error) as failure:
            channel.readline().wait(0.05)
        self.assertTrue(failure.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT))
        self.assertTrue(channel.alive)
        there.close()

    def test_wrong_result(self):
        class Wrong(Kaa.IOChannel):
            def do_read_nonblocking(self, count):
                return 'text'

        channel, there = open_on_pair(Wrong)
        there.write(b'x')
        with caught_output(), self.assertRaises(GLib.Error) as failure:
            channel.readline().wait(5)
        self.assertIn('TypeError', failure.exception.message)


class Handlers(unittest.TestCase):
    def test_default_handlers(self):
        class Counting(Kaa.IOChannel):
            def do_readline(self, line):
                seen.append(line.get_data())

            def do_closed(self, expected):
                seen.append(expected)
                loop.quit()

        seen = []
        loop = GLib.MainLoop()
        _channel, there = open_on_pair(Counting)
        there.write(b'one\ntwo')
        there.close()
        loop.run()
        self.assertEqual(seen, [b'one\n', b'two', False])

    def test_signals_and_properties_of_its_own(self):
        class Named(Kaa.IOChannel):
            __gtype_name__ = 'KaaTestNamed'
            __gsignals__ = {'named': (GObject.SignalFlags.RUN_LAST, None, (str,))}
            name = GObject.Property(type=str)

        seen = []
        channel, _there = open_on_pair(Named, name='one')
        channel.connect('named', lambda channel, name: seen.append((channel.name, name)))
        channel.emit('named', 'two')
        self.assertEqual(seen, [('one', 'two')])

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls: what is wrong with one raises in it; bytes of every kind; names that end at no NUL."""

import array
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

IO_ERROR = Gio.IOErrorEnum


def pair(**arguments):
    _, here, there = Kaa.IOChannel.new_pair()
    for name, value in arguments.items():
        setattr(here, name, value)
    return here, there


def get_raw(cls):
    """The class as introspection gives it."""
    return next(base for base in cls.__mro__ if base.__module__ == 'gi.repository.Kaa')


class Wrong(unittest.TestCase):
    def assert_raises(self, code, call, *args):
        with self.assertRaises(GLib.Error) as failure:
            call(*args)
        self.assertTrue(failure.exception.matches(Gio.io_error_quark(), code), failure.exception)

    def test_arguments(self):
        here, _ = pair(queue_size=100)
        for call, *args in [
                (here.shutdown, Kaa.IO_READ), (here.shutdown, Kaa.IOCondition(0)), (here.shutdown, Kaa.IO_READ | Kaa.IO_WRITE),
                (here.read_some, 0), (here.read_exactly, 0), (here.read_exactly, 101), (here.read_until, b''), (here.read_until, ''),
                (here.splice, here), (here.splice, pair()[0], Kaa.SpliceFlags(64)),
                (Kaa.InProgress.any, []),
                (Kaa.Socket().connect_to, ''), (Kaa.Socket().connect_to, 'host'), (Kaa.Socket().connect_to, 'host:99999'),
                (Kaa.Socket().connect_to, '/' + 'x' * 200),
                (Kaa.Socket(pair()[0]).write_with_fds, b'x', []), (Kaa.Socket(pair()[0]).write_with_fds, b'', [0]),
                (Kaa.Socket(pair()[0]).write_with_fds, b'x', [9999]),
                (Kaa.Process([]).communicate,), (Kaa.Process(['true'], environment=['no value']).communicate,)]:
            with self.subTest(call.__name__, args=args):
                self.assert_raises(IO_ERROR.INVALID_ARGUMENT, call, *args)
        self.assertTrue(here.alive)

    def test_limits(self):
        here, _ = pair(queue_size=100)
        for call, *args in [(here.write, bytes(101)), (here.write, bytearray(101)), (here.write_bytes, bytes(101)),
                            (here.wait_writable, 101), (here.send, bytes(101)),
                            (Kaa.Socket(pair(queue_size=100)[0], queue_size=100).write_with_fds, bytes(101), [0])]:
            with self.subTest(call.__name__):
                self.assert_raises(IO_ERROR.MESSAGE_TOO_LARGE, call, *args)

    def test_negative(self):
        here, _ = pair()
        for call in here.read_exactly, here.wait_writable, here.consume:
            with self.assertRaises(OverflowError):
                call(-1)

    def test_no_room(self):
        channel = Kaa.IOChannel(queue_size=100)
        channel.write(bytes(60))
        for call in channel.write, channel.write_bytes, channel.send:
            self.assert_raises(IO_ERROR.WOULD_BLOCK, call, bytes(60))

    def test_awaited(self):
        """It makes no difference for who awaits it."""
        async def main():
            with self.assertRaises(GLib.Error) as failure:
                await here.read_exactly(0)
            return failure.exception

        here, _ = pair()
        self.assertTrue(Kaa.run(main()).matches(Gio.io_error_quark(), IO_ERROR.INVALID_ARGUMENT))

    def test_states_fail_the_future(self):
        here, there = pair()
        here.connect('readline', lambda *_: None)
        self.assertTrue(here.readline().failed)
        here.close().wait(30)
        for future in [here.write(b'x'), here.flush(), here.shutdown(Kaa.IO_WRITE), there.splice(here), Kaa.Socket().start_tls(),
                       Kaa.Process(['/no/such/program']).communicate()]:
            with self.assertRaises(GLib.Error):
                future.wait(30)

    def test_all_are_checked(self):
        """Every method of C that takes arguments and returns a future."""
        for cls in Kaa.InProgress, Kaa.IOChannel, Kaa.Socket, Kaa.Process:
            for name, method in vars(get_raw(cls)).items():
                original = getattr(method, '__wrapped__', method)
                if type(original).__name__ != 'FunctionInfo' or original.is_constructor():
                    continue
                result = original.get_return_type().get_interface()
                if result is not None and result.get_name() == 'InProgress' and original.get_arguments():
                    with self.subTest(f'{cls.__name__}.{name}'):
                        self.assertIsNot(original, method, 'add it to raise_refusals()')


class Bytes(unittest.TestCase):
    KINDS = [bytes, bytearray, memoryview, GLib.Bytes.new, lambda data: array.array('B', data),
             lambda data: memoryview(b''.join(bytes([byte, 0]) for byte in data))[::2]]

    def test_written(self):
        for kind in self.KINDS:
            here, there = pair()
            here = Kaa.Socket(here)
            for call in here.write, here.write_bytes, here.send, here.send_data:
                call(kind(b'one\n'))
            here.write_bytes_async(kind(b'one\n'))
            here.write_with_fds(kind(b'x'), [0]).wait(30)
            self.assertEqual(there.read_exactly(20).wait(30), b'one\n' * 5)
            there.read_until_async(kind(b'x'))
            self.assertEqual(there.close().wait(30), True)

    def test_read(self):
        for kind in self.KINDS:
            here, there = pair()
            there.send(b'one;two;three;four\n')
            self.assertEqual(here.read_until(kind(b';')).wait(30), b'one;')
            here.unread(kind(b'one;'))
            here.delimiter = kind(b';')
            self.assertEqual(here.readline().wait(30), b'one;')
            here.delimiter = [kind(b','), kind(b';')]
            self.assertEqual(here.readline().wait(30), b'two;')
            here.set_delimiter_bytes([kind(b';')])
            self.assertEqual(here.readline().wait(30), b'three;')

    def test_others(self):
        for kind in self.KINDS:
            promise = Kaa.InProgress.new(None)
            promise.finish_bytes(kind(b'one'))
            self.assertEqual(promise.wait(30), b'one')
            self.assertEqual(Kaa.Process(['cat']).communicate(kind(b'one')).wait(30), b'one')

    def test_what_is_none(self):
        here, _ = pair()
        for call in here.write, here.write_bytes, here.send, here.unread, here.read_until:
            for wrong in [5, None, [1, 2], 'text'] if call != here.read_until else [5, None, [1, 2]]:
                with self.subTest(call.__name__, wrong=wrong), self.assertRaises(TypeError):
                    call(wrong)


class Names(unittest.TestCase):
    def test_nul(self):
        process = Kaa.Process(['true'])
        socket = Kaa.Socket()
        channel = Kaa.IOChannel()
        for call, *args in [
                (Kaa.Process, ['echo', 'a\0b']), (Kaa.Process, [b'a\0b']), (Kaa.Process, 'echo a\0b'), (Kaa.Process, pathlib.Path('a\0b')),
                (Kaa.Process.new, ['a\0b'], 0), (Kaa.Process.new_shell, 'a\0b', 0), (process.set_argv, ['a\0b']),
                (process.set_directory, '/tmp\0/x'), (process.set_directory, b'/tmp\0/x'), (process.set_stop_command, 'quit\0'),
                (process.set_environment, ['A=b\0c']), (process.set_environment, {'A\0B': 'c'}), (process.set_environment, {'A': 'b\0c'}),
                (process.set_environment, {b'A': b'b\0c'}),
                (socket.connect_to, '/tmp/a\0b'), (socket.connect_to, 'unix-abstract:a\0b'), (socket.connect_to_async, 'a\0b:1'),
                (socket.listen, '/tmp/a\0b'), (socket.listen, pathlib.Path('/tmp/a\0b')), (socket.listen, 'unix:a\0b'),
                (socket.start_tls, 'host\0.evil'), (socket.start_tls_buffered, 'host\0.evil'),
                (Kaa.IOChannel.new_for_serial, '/dev/ttyS0\0', 9600, Kaa.SerialFlags.NONE),
                (channel.set_delimiter, 'a\0'), (channel.set_delimiters, ['a', 'b\0']), (channel.set_property, 'delimiter', 'a\0'),
                (process.set_property, 'stop-command', 'a\0')]:
            with self.subTest(getattr(call, '__qualname__', call), args=args), self.assertRaisesRegex(ValueError, '(?i)nul'):
                call(*args)
        for name, value in [('directory', '/tmp\0'), ('stop_command', 'a\0'), ('environment', {'A': '\0'})]:
            with self.subTest(name):
                if isinstance(value, str):
                    with self.assertRaises(ValueError):
                        setattr(process.props, name, value)
                with self.assertRaises(ValueError):
                    Kaa.Process(['true'], **{name: value})
                with self.assertRaises(ValueError):
                    setattr(process, name, value)

    def test_props(self):
        """They are checked, and otherwise as of every GObject."""
        channel = Kaa.IOChannel()
        for name, value in [('chunk_size', 0), ('delimiter', ''), ('delimiters', [])]:
            with self.assertRaises(GLib.Error):
                setattr(channel.props, name, value)
        channel.props.chunk_size = 5
        self.assertEqual((channel.props.chunk_size, channel.chunk_size), (5, 5))
        self.assertEqual({spec.name for spec in channel.props}, {spec.name for spec in Kaa.IOChannel.list_properties()})
        self.assertIn('chunk_size', dir(channel.props))
        with self.assertRaises(AttributeError):
            channel.props.no_such_thing

    def test_delimiter_with_nul(self):
        """Where it is bytes it may be one."""
        here, there = pair(delimiter='\0')
        there.send(b'one\0two\0')
        self.assertEqual(here.readline().wait(30), b'one\0')

    def test_no_utf8(self):
        def say(process):
            return process.communicate().wait(30)

        for name in b'\xff\xfe', os.fsdecode(b'\xff\xfe'):
            with self.subTest(name=name):
                self.assertEqual(say(Kaa.Process(['printf', '%s', name])), b'\xff\xfe')
                self.assertEqual(say(Kaa.Process.new(['printf', '%s', name], 0)), b'\xff\xfe')
                shell = b'printf %s ' + name if isinstance(name, bytes) else 'printf %s ' + name
                self.assertEqual(say(Kaa.Process(shell)), b'\xff\xfe')
                self.assertEqual(say(Kaa.Process.new_shell(shell, 0)), b'\xff\xfe')
                self.assertEqual(say(Kaa.Process('printf %s "$A"', environment={'A': name})), b'\xff\xfe')
                self.assertEqual(Kaa.Process(['printf', name]).get_argv(), ['printf', os.fsdecode(name)])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(os.fsencode(folder), b'\xff')
            os.mkdir(path)
            for directory in path, os.fsdecode(path), pathlib.Path(os.fsdecode(path)):
                self.assertEqual(say(Kaa.Process(['pwd'], directory=directory)), path + b'\n')
                process = Kaa.Process(['pwd'])
                process.directory = directory
                self.assertEqual(say(process), path + b'\n')

    def test_names_from_outside(self):
        """A program whose own arguments are no UTF-8, in a locale that knows only ASCII."""
        program = '''
import sys, gi
gi.require_version('Kaa', '1.0')
from gi.repository import Kaa
sys.stdout.buffer.write(Kaa.Process(['printf', '%s', sys.argv[1]]).communicate().wait(30))
'''
        done = subprocess.run([sys.executable, '-c', program, b'\xff\xc3\xa9'], capture_output=True, check=False,
                              env={**os.environ, 'LC_ALL': 'C'})
        self.assertEqual((done.stdout, done.stderr), (b'\xff\xc3\xa9', b''))

    def test_paths(self):
        program = pathlib.Path('/bin/sh')
        self.assertEqual(Kaa.Process([program, '-c', 'echo one']).communicate().wait(30), b'one\n')
        self.assertEqual(Kaa.Process(program).communicate(b'echo one').wait(30), b'one\n')
        self.assertEqual(Kaa.Process.new([program, '-c', 'pwd'], 0).communicate().wait(30), os.getcwd().encode() + b'\n')
        self.assertEqual(Kaa.Process('pwd', directory=pathlib.Path('/')).communicate().wait(30), b'/\n')

    def test_paths_of_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'socket'
            server = Kaa.Socket()
            server.listen(path)
            client = Kaa.Socket()
            self.assertIs(client.connect_to(path).wait(30), True)
            server.close()

    def test_variables(self):
        for name in 'A=B', '=', b'A=B', '':
            with self.subTest(name=name), self.assertRaisesRegex(ValueError, '='):
                Kaa.Process(['true'], environment={name: 'c'})
        process = Kaa.Process('echo $A $B $C', environment={'A': 1, b'B': b'two', 'C': pathlib.Path('/three')})
        self.assertEqual(process.communicate().wait(30), b'1 two /three\n')

    def test_started_again_as_something_else(self):
        process = Kaa.Process(['echo', 'one'])
        self.assertEqual(process.communicate().wait(30), b'one\n')
        process.set_argv(['echo', 'two'])
        self.assertEqual(process.communicate().wait(30), b'two\n')

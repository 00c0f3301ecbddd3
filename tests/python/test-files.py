# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a channel is opened on: file objects whose bytes are those of their descriptor, from where they stand; no others."""

import asyncio
import bz2
import codecs
import gzip
import http.client
import io
import lzma
import multiprocessing
import os
import pathlib
import socket
import ssl
import subprocess
import tarfile
import tempfile
import unittest
import zipfile

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

DATA = b'one\ntwo\nthree\n'


def pipe(data=DATA):
    reader, writer = os.pipe()
    os.write(writer, data)
    os.close(writer)
    return reader


def sock(data=DATA):
    ours, theirs = socket.socketpair()
    theirs.send(data)
    theirs.close()
    return ours


def read_all(channel):
    async def main():
        return b''.join([line async for line in channel])

    data = Kaa.run(main())
    channel.close(immediate=True).wait(30)
    return data


class Thing:
    """Has a descriptor, and nothing more."""

    def __init__(self):
        self.fd = pipe()

    def fileno(self):
        return self.fd

    def close(self):
        os.close(self.fd)


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.path = self.folder / 'file'
        self.path.write_bytes(DATA)

    def get_plain(self):
        yield 'binary', lambda: open(self.path, 'rb')
        yield 'without a buffer', lambda: open(self.path, 'rb', 0)
        yield 'text', lambda: open(self.path, encoding='utf-8')
        yield 'for both', lambda: open(self.path, 'r+b')
        yield 'temporary', self.open_temporary
        yield 'pipe', lambda: os.fdopen(pipe(), 'rb')
        yield 'pipe without a buffer', lambda: os.fdopen(pipe(), 'rb', 0)
        yield 'socket', sock
        yield 'file of a socket', lambda: sock().makefile('rb')
        yield 'file of a socket without a buffer', lambda: sock().makefile('rb', buffering=0)

    def open_temporary(self):
        file = tempfile.NamedTemporaryFile()
        file.write(DATA)
        file.seek(0)
        return file

    def test_plain(self):
        plain = dict(self.get_plain())
        plain.update({'pipe with text': lambda: os.fdopen(pipe(), 'r'), 'text of a socket': lambda: sock().makefile('r'),
                      'something': Thing})
        for name, make in plain.items():
            with self.subTest(name):
                file = make()
                channel = Kaa.IOChannel(file, Kaa.IO_READ)
                self.assertIs(channel.channel, file)
                self.assertEqual(read_all(channel), DATA)

    def test_from_where_they_stand(self):
        for name, make in self.get_plain():
            file = make()
            if hasattr(file, 'readline'):
                with self.subTest(name):
                    self.assertIn(file.readline(), (b'one\n', 'one\n'))
                    self.assertEqual(read_all(Kaa.IOChannel(file, Kaa.IO_READ)), b'two\nthree\n')
            file.close()

    def test_child(self):
        for text in (False, True):
            with subprocess.Popen(['printf', 'one'], stdout=subprocess.PIPE, text=text) as child:
                self.assertEqual(read_all(Kaa.IOChannel(child.stdout, Kaa.IO_READ)), b'one')

    def test_written_where_they_stand(self):
        file = open(self.path, 'r+b')
        file.readline()
        file.write(b'2')
        channel = Kaa.IOChannel(file, Kaa.IO_WRITE)
        channel.write(b'WO').wait(30)
        channel.close().wait(30)
        self.assertEqual(self.path.read_bytes(), b'one\n2WO\nthree\n')

    def test_refused_file_is_as_before(self):
        with open(self.path, 'rb') as file:
            file.readline()
            with self.assertRaises(GLib.Error):
                Kaa.IOChannel(file, Kaa.IO_WRITE)
            self.assertEqual(file.read(), b'two\nthree\n')

    def assert_refused(self, file, mode=Kaa.IO_READ):
        channel = Kaa.IOChannel()
        with self.assertRaisesRegex(TypeError, 'A channel (cannot be|is) opened on .*[;,] .*'):
            channel.wrap(file, mode)
        self.assertFalse(channel.alive)
        file.close()

    def test_text_that_was_read(self):
        """Nobody can tell how much of it waits in its buffer."""
        file = os.fdopen(pipe(), 'r')
        file.readline()
        self.assert_refused(file)
        file = open(self.path, encoding='utf-8')
        next(file)
        self.assert_refused(file)

    def test_compressed(self):
        for module in gzip, bz2, lzma:
            path = self.folder / module.__name__
            with module.open(path, 'wb') as file:
                file.write(DATA)
            for mode in 'rb', 'rt':
                with self.subTest(module.__name__, mode=mode):
                    self.assert_refused(module.open(path, mode))
            self.assert_refused(io.BufferedReader(module.open(path, 'rb')))
            self.assert_refused(module.open(path, 'wb'), Kaa.IO_WRITE)

    def test_members_of_archives(self):
        with zipfile.ZipFile(self.folder / 'zip', 'w') as archive:
            archive.writestr('member', DATA)
            with archive.open('member') as member:
                self.assert_refused(member)
        with tarfile.open(self.folder / 'tar', 'w') as archive:
            archive.add(self.path, 'member')
        with tarfile.open(self.folder / 'tar') as archive:
            self.assert_refused(archive.extractfile('member'))

    def test_tls(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_server(('127.0.0.1', 0)) as server:
            for mode in Kaa.IO_READ, Kaa.IO_WRITE, Kaa.IO_READ | Kaa.IO_WRITE:
                for wrap in [lambda tls: tls, lambda tls: tls.makefile('rb'), lambda tls: tls.makefile('wb', buffering=0)]:
                    with self.subTest(mode=mode), context.wrap_socket(socket.create_connection(server.getsockname()),
                                                                     do_handshake_on_connect=False) as tls:
                        self.assert_refused(wrap(tls), mode)
                with self.subTest(mode=mode), context.wrap_socket(socket.create_connection(server.getsockname()),
                                                                 do_handshake_on_connect=False) as tls:
                    with self.assertRaisesRegex(TypeError, 'start_tls'):
                        Kaa.Socket(tls, mode)

    def test_others(self):
        class Secure:
            def fileno(self):
                return 0

            def recv(self, count):
                return b''

            def close(self):
                pass

        response = http.client.HTTPResponse(sock(b'HTTP/1.1 200 OK\r\n\r\nbody'))
        response.begin()
        others = {
            'memory': io.BytesIO(DATA), 'text in memory': io.StringIO('text'), 'answer': response,
            'temporary': tempfile.SpooledTemporaryFile(), 'decoded': codecs.StreamReaderWriter(open(self.path, 'rb'), *codecs.lookup('utf-8')[2:4]),
            'framed': multiprocessing.Pipe()[0], 'something that receives': Secure(), 'both ways': sock().makefile('rwb'),
        }
        for name, file in others.items():
            with self.subTest(name):
                self.assert_refused(file)

    def test_of_asyncio(self):
        async def main():
            reader, writer = await asyncio.open_connection(sock=sock())
            for thing in reader, writer, writer.transport, writer.get_extra_info('socket'):
                with self.assertRaises(TypeError):
                    Kaa.IOChannel(thing)
            writer.close()

        asyncio.run(main())

    def test_monitor(self):
        """Whether something is ready can be asked of all of them."""
        class Framed(Thing):
            def recv(self):
                pass

        file = Framed()
        seen = []
        monitor = Kaa.IOMonitor(lambda: (seen.append(True), monitor.unregister()))
        self.assertIs(monitor.register(file), True)
        while not seen:
            GLib.MainContext.default().iteration(True)
        file.close()

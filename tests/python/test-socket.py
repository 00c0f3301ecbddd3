# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Socket: clients and servers with await and async for, and descriptors that are passed."""

import asyncio
import os
import socket
import tempfile
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


def get_address(server):
    return f'127.0.0.1:{server.local_address.get_port()}'


async def start():
    server = Kaa.Socket()
    server.listen('127.0.0.1:0')
    client = Kaa.Socket()
    accepted = server.accept()
    assert await client.connect_to(get_address(server)) is True
    return server, client, await accepted


def drive(test):
    """Under Kaa.run(), and under the stock loop of asyncio."""
    def run(self):
        for loop in (Kaa.run, asyncio.run):
            with self.subTest(loop.__module__):
                loop(test(self))
    run.__doc__ = test.__doc__
    return run


class Sockets(unittest.TestCase):
    @drive
    async def test_request_and_answer(self):
        server, client, peer = await start()
        self.assertIsInstance(peer, Kaa.Socket)
        self.assertEqual((server.listening, client.connected, peer.connected), (True, True, True))
        client.write(b'question\n')
        self.assertEqual(await peer.readline(), b'question\n')
        await peer.write(b'one\ntwo\n')
        await peer.close()
        self.assertEqual([line async for line in client], [b'one\n', b'two\n'])
        await server.close()

    @drive
    async def test_clients(self):
        server = Kaa.Socket()
        server.listen('127.0.0.1:0')
        others = [Kaa.Socket() for _ in range(3)]
        for other in others:
            await other.connect_to(get_address(server))
            other.write(b'hello\n')
        seen = []
        async for client in server:
            seen.append(await client.readline())
            client.close()
            if len(seen) == 3:
                server.close()
        self.assertEqual(seen, [b'hello\n'] * 3)

    @drive
    async def test_context_manager(self):
        server, client, peer = await start()
        async with client, server:
            peer.write(b'x\n')
            self.assertEqual(await client.readline(), b'x\n')
        self.assertEqual((client.alive, server.alive), (False, False))
        self.assertEqual(await peer.readline(), b'')

    @drive
    async def test_errors(self):
        with self.assertRaises(GLib.Error) as caught:
            await Kaa.Socket().connect_to('/nowhere/at/all')
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND))
        with self.assertRaises(GLib.Error):
            Kaa.Socket().listen('no address')

    @drive
    async def test_descriptors(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as file:
            file.write(b'passed')
            file.flush()
            server = Kaa.Socket(accept_fds=4)
            server.listen(f'{folder}/socket')
            accepted = server.accept()
            client = Kaa.Socket()
            await client.connect_to(f'{folder}/socket')
            peer = await accepted
            self.assertEqual(peer.get_credentials().get_unix_pid(), os.getpid())
            client.write(b'plain\n')
            await client.write_with_fds(b'file\n', [file])
            self.assertEqual(await peer.readline(), b'plain\n')
            self.assertEqual(await peer.readline(), b'file\n')
            fds = peer.take_fds()
            self.assertEqual(len(fds), 1)
            self.assertEqual(os.pread(fds[0], 100, 0), b'passed')
            os.close(fds[0])
            self.assertEqual(peer.take_fds(), [])
            for socket in (client, peer, server):
                await socket.close()

    @drive
    async def test_ended_by_others(self):
        """Who iterates over clients of a socket that somebody else shuts down is told so."""
        server = Kaa.Socket()
        server.listen('127.0.0.1:0')
        closed = []
        server.connect('closed', lambda server, expected: closed.append(expected))
        client = Kaa.Socket()
        await client.connect_to(get_address(server))
        with self.assertRaises(GLib.Error) as caught:
            async for peer in server:
                listener = socket.socket(fileno=os.dup(server.fileno))
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
                peer.close()
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_ARGUMENT))
        self.assertFalse(server.listening)
        await server.close()
        self.assertEqual(closed, [False])
        self.assertIsNotNone(server.error)
        client.close()

    @drive
    async def test_full_backlog(self):
        """Clients of a unix socket wait until there is room for them."""
        with tempfile.TemporaryDirectory() as folder:
            server = Kaa.Socket(max_clients=1)
            server.listen(f'{folder}/socket', 1)
            server.connect('new-client', lambda server, peer: (peer.write(b'served\n'), peer.close()))
            clients = [Kaa.Socket(connect_timeout=60) for _ in range(8)]
            connected = [client.connect_to(f'{folder}/socket') for client in clients]
            for client, future in zip(clients, connected):
                self.assertIs(await future, True)
                self.assertEqual(await client.readline(), b'served\n')
                await client.close()
            await server.close()

    @drive
    async def test_tls_that_was_buffered(self):
        """What is handed on belongs to TLS: here it is none, which only TLS can know."""
        if not Gio.TlsBackend.get_default().supports_tls():
            self.skipTest('there is no TLS')
        for taken in (None, b'GET / ', bytearray(b'GET / '), GLib.Bytes.new(b'GET / ')):
            server, client, peer = await start()
            await client.write(b'PROXY\r\nHTTP/1.0\r\n\r\n')
            self.assertEqual(await peer.readline(), b'PROXY\r\n')
            with self.assertRaises(GLib.Error) as caught:
                await peer.start_tls('localhost')
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_DATA))
            with self.assertRaises(GLib.Error) as caught:
                await peer.start_tls_buffered('localhost', taken=taken)
            self.assertEqual(caught.exception.domain, 'g-tls-error-quark')
            self.assertFalse(peer.alive)
            for end in (client, peer, server):
                await end.close()

    @drive
    async def test_cancelled_accept(self):
        """Who gives up takes no client."""
        server = Kaa.Socket()
        server.listen('127.0.0.1:0')
        with self.assertRaises(GLib.Error):
            await server.accept().timeout(0.01, True)
        client = Kaa.Socket()
        await client.connect_to(get_address(server))
        client.write(b'still there\n')
        self.assertEqual(await (await server.accept()).readline(), b'still there\n')
        client.close()
        server.close()

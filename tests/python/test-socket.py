# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Socket: clients and servers with await and async for, and descriptors that are passed."""

import asyncio
import os
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

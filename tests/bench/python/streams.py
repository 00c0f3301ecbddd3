# SPDX-License-Identifier: LGPL-2.1-or-later
"""The streams of asyncio."""

import asyncio
import os
import socket

import border


async def _open_pipe():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=border.BUFFER_SIZE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(border.FD, 'rb', buffering=0))
    return reader


async def _open_socket():
    return await asyncio.open_unix_connection(sock=socket.socket(fileno=border.FD), limit=border.BUFFER_SIZE)


async def iterate(bench):
    items = size = 0
    reader = await _open_pipe()
    bench.start()
    async for line in reader:
        items += 1
        size += len(line)
    bench.stop(items, size)


async def readline(bench):
    items = size = 0
    reader = await _open_pipe()
    bench.start()
    while True:
        line = await reader.readline()
        if not line:
            break
        items += 1
        size += len(line)
    bench.stop(items, size)


async def _read_chunks(bench, reader):
    size = 0
    bench.start()
    while True:
        chunk = await reader.read(border.BUFFER_SIZE)
        if not chunk:
            break
        size += len(chunk)
    bench.stop(size, size)


async def pipe_chunks(bench):
    await _read_chunks(bench, await _open_pipe())


async def socket_chunks(bench):
    reader, _writer = await _open_socket()
    await _read_chunks(bench, reader)


async def ping_pong(bench):
    items = size = 0
    message = b'x' * (bench.size - 1) + b'\n'
    reader, writer = await _open_socket()
    bench.start()
    while items < bench.amount:
        writer.write(message)
        line = await reader.readline()
        items += 1
        size += len(line)
    bench.stop(items, size)


async def writes(bench):
    items = 0
    message = b'x' * bench.size
    transport, protocol = await asyncio.get_running_loop().connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(border.FD, 'wb', buffering=0))
    writer = asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())
    transport.set_write_buffer_limits(high=border.QUEUE_SIZE - bench.size)
    bench.start()
    while items < bench.amount:
        writer.write(message)
        items += 1
        if transport.get_write_buffer_size() + bench.size > border.QUEUE_SIZE:
            await writer.drain()
    transport.set_write_buffer_limits(high=0)
    await writer.drain()
    bench.stop(items, items * bench.size)


border.main({
    (peer, kind): lambda bench, function=function: asyncio.run(function(bench))
    for peer, kind, function in [
        ('asyncio-iterate', 'lines', iterate),
        ('asyncio-readline', 'lines', readline),
        ('asyncio', 'chunks', pipe_chunks),
        ('asyncio', 'socket-chunks', socket_chunks),
        ('asyncio', 'ping-pong', ping_pong),
        ('asyncio', 'writes', writes),
    ]
})

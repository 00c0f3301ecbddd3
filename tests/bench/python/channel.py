# SPDX-License-Identifier: LGPL-2.1-or-later
"""This library in Python."""

import asyncio

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

import border


def _open():
    return Kaa.IOChannel(border.FD, Kaa.IO_READ)


async def iterate(bench):
    items = size = 0
    channel = _open()
    bench.start()
    async for line in channel:
        items += 1
        size += len(line)
    bench.stop(items, size)


async def batches(bench):
    items = size = 0
    channel = _open()
    bench.start()
    async for lines in channel.batches():
        for line in lines:
            items += 1
            size += len(line)
    bench.stop(items, size)


async def readline(bench):
    items = size = 0
    channel = _open()
    bench.start()
    while True:
        line = await channel.readline()
        if not line:
            break
        items += 1
        size += len(line)
    bench.stop(items, size)


def signal(bench):
    items = size = 0
    channel = _open()
    loop = GLib.MainLoop()

    def on_readline(_channel, line):
        nonlocal items, size
        items += 1
        size += len(line.get_data())

    channel.connect('readline', on_readline)
    channel.connect('closed', lambda *_: loop.quit())
    bench.start()
    loop.run()
    bench.stop(items, size)


border.main({
    ('kaa-python-iterate', 'lines'): lambda bench: Kaa.run(iterate(bench)),
    ('kaa-python-batches', 'lines'): lambda bench: Kaa.run(batches(bench)),
    ('kaa-python-await', 'lines'): lambda bench: Kaa.run(readline(bench)),
    ('kaa-python-signal', 'lines'): signal,
    ('kaa-asyncio-iterate', 'lines'): lambda bench: asyncio.run(iterate(bench)),
    ('kaa-asyncio-await', 'lines'): lambda bench: asyncio.run(readline(bench)),
})

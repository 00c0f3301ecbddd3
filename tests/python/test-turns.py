# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whoever iterates over lines that are at hand, and takes his time for each, lets the loop turn: what is due elsewhere runs in between."""

import asyncio
import os
import time
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

N_CALLS = 12
REDRAW = GLib.PRIORITY_HIGH_IDLE + 20


def be_slow():
    """Longer than anything may take without a turn."""
    begin = time.monotonic()
    while time.monotonic() - begin < 0.003:
        pass


class Counter:
    """Always ready at some priority."""

    def __init__(self, priority):
        self.turns = 0
        self.calls = 0
        self.missed = 0
        self.before = None
        self.source = GLib.Idle()
        self.source.set_priority(priority)
        self.source.set_callback(self.count)
        self.source.attach(None)

    def count(self, *_):
        self.turns += 1
        return True

    def call(self):
        """What is done with a line."""
        if self.before == self.turns:
            self.missed += 1
        self.before = self.turns
        self.calls += 1
        be_slow()


async def iterate(channel, call):
    async for _ in channel:
        call()


async def await_each(channel, call):
    while await channel.readline():
        call()


async def as_text(channel, call):
    async for _ in channel.lines():
        call()


async def as_utf16(channel, call):
    channel.delimiter = b'\n\0'
    async for _ in channel.lines('utf-16-le'):
        call()


async def in_batches(channel, call):
    channel.queue_size = 8
    async for lines in channel.batches():
        call()


WAYS = (iterate, await_each, as_text, as_utf16, in_batches)


class Turns(unittest.TestCase):
    def check(self, run, way, priority, most_missed):
        reader, writer = os.pipe()
        text = 'line\n' * N_CALLS
        os.write(writer, text.encode('utf-16-le' if way is as_utf16 else 'ascii'))
        os.close(writer)
        counter = Counter(priority)
        try:
            async def main():
                await way(Kaa.IOChannel(reader, Kaa.IO_READ), counter.call)
            run(main())
        finally:
            counter.source.destroy()
        self.assertGreaterEqual(counter.calls, N_CALLS // 2)
        self.assertLessEqual(counter.missed, most_missed, f'{run.__module__} {way.__name__}')

    def test_others(self):
        for run in (Kaa.run, asyncio.run):
            for way in WAYS:
                with self.subTest(run=run.__module__, way=way.__name__):
                    self.check(run, way, GLib.PRIORITY_DEFAULT, 0)

    def test_redraws(self):
        for run in (Kaa.run, asyncio.run):
            for way in WAYS:
                with self.subTest(run=run.__module__, way=way.__name__):
                    # The first step is not the loop's.
                    self.check(run, way, REDRAW, 1)


# SPDX-License-Identifier: LGPL-2.1-or-later
"""1,000 operations at random over a socket pair, with the collector at random points: no byte is lost, none comes twice.

KAA_TEST_SEED repeats a run.
"""

import asyncio
import contextlib
import gc
import os
import random
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

OPERATIONS = 1000
QUEUE_SIZE = 4096
ENCODING = 'utf-8'

# A period that has nothing to do with any size here, with lines and characters of all lengths.
_PERIOD = ''.join(f'{"aé€😀"[number % 4] * (number * 7 % 40)}{number}\n' for number in range(997)).encode(ENCODING)


def bytes_at(position, length):
    """The stream: the byte of each position follows from the position."""
    start = position % len(_PERIOD)
    return (_PERIOD * ((start + length) // len(_PERIOD) + 1))[start:start + length]


class Received:
    """What has arrived, compared as it comes."""

    def __init__(self, what):
        self.what = what
        self.position = 0

    def add(self, data):
        if data != bytes_at(self.position, len(data)):
            raise AssertionError(f'{self.what}: wrong bytes at {self.position}: {data[:50]}')
        self.position += len(data)


def is_given_up(error):
    return any(error.matches(Gio.io_error_quark(), code) for code in (Gio.IOErrorEnum.CANCELLED, Gio.IOErrorEnum.TIMED_OUT))


class Sender:
    """Sends without end, as fast as it is read."""

    def __init__(self, channel, choose):
        self.channel = channel
        self.choose = choose
        self.sent = 0
        self.stopped = False
        self.next()

    def next(self):
        length = self.choose.randint(1, 3000)
        self.channel.wait_writable(length).then(lambda _: self.send(length))

    def send(self, length):
        if self.stopped:
            # No last line without an end.
            length = bytes_at(self.sent, len(_PERIOD)).index(b'\n') + 1
        self.channel.write(bytes_at(self.sent, length))
        self.sent += length
        if self.stopped:
            self.channel.shutdown(Kaa.IO_WRITE)
        else:
            self.next()


class Script:
    """What is done in every loop."""

    def __init__(self, seed):
        self.choose = random.Random(seed)
        _, self.ours, self.theirs = Kaa.IOChannel.new_pair()
        self.ours.queue_size = QUEUE_SIZE
        self.read = Received('read')
        self.written = 0
        self.answered = Received('written')
        self.theirs.connect('read', lambda _, chunk: self.answered.add(chunk.get_data()))
        self.sender = Sender(self.theirs, self.choose)
        self.operations = [self.read_one, self.read_one, self.read_several, self.abort_read, self.time_out, self.read_late,
                           self.iterate, self.iterate_and_close, self.iterate_text, self.iterate_batches, self.read_lines, self.wait]

    def request(self):
        ours, choose = self.ours, self.choose
        return choose.choice([
            ours.read,
            ours.readline,
            ours.readlines,
            lambda: ours.read_exactly(choose.randint(1, QUEUE_SIZE)),
            lambda: ours.read_some(choose.randint(1, QUEUE_SIZE)),
            lambda: ours.read_until(choose.choice(['a', 'é', '😀', '7', b'9\n'])),
        ])()

    def write(self):
        length = self.choose.randrange(QUEUE_SIZE)
        try:
            future = self.ours.write(bytes_at(self.written, length))
        except GLib.Error as error:
            assert error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.WOULD_BLOCK), error
            return
        if self.choose.randrange(3) == 0:
            try:
                future.abort()
                return
            except GLib.Error:
                # It has begun, so it will arrive.
                pass
        self.written += length

    async def sleep(self, seconds):
        try:
            await Kaa.InProgress.new(None).timeout(seconds)
        except GLib.Error:
            pass

    async def take(self, future):
        """What an operation that may fail has read after all."""
        try:
            self.read.add(await future)
        except GLib.Error as error:
            assert is_given_up(error), error

    async def read_one(self):
        self.read.add(await self.request())

    async def read_several(self):
        futures = [self.request() for _ in range(3)]
        for future in futures:
            self.read.add(await future)

    async def abort_read(self):
        future = self.request()
        if self.choose.randrange(2):
            await self.sleep(self.choose.randrange(2) / 1000)
        try:
            future.abort()
        except GLib.Error:
            # Too late: it has its bytes.
            pass
        await self.take(future)

    async def time_out(self):
        await self.take(self.request().timeout(self.choose.randrange(3) / 1000, True))

    async def read_late(self):
        """Awaited when it has long been served."""
        future = self.request()
        await self.sleep(0.001)
        self.read.add(await future)

    async def iterate(self):
        count = self.choose.randint(1, 200)
        async for line in self.ours:
            self.read.add(line)
            count -= 1
            if count == 0:
                break
            if self.choose.randrange(50) == 0:
                # Somebody else reads in between.
                self.read.add(await self.ours.read_exactly(self.choose.randint(1, 100)))

    async def iterate_and_close(self):
        """Once an iterator is closed, C knows what was handed out."""
        count = self.choose.randint(1, 200)
        async with contextlib.aclosing(self.ours.__aiter__()) as lines:
            async for line in lines:
                self.read.add(line)
                count -= 1
                if count == 0:
                    break
        # Past the override, which would tell it.
        data = super(Kaa.IOChannel, self.ours).peek().get_data() or b''
        if data != bytes_at(self.read.position, len(data)):
            raise AssertionError(f'the queue begins with what was handed out, at {self.read.position}: {data[:50]}')

    async def iterate_text(self):
        # Text begins where a line does.
        if self.read.position and bytes_at(self.read.position - 1, 1) != b'\n':
            self.read.add(await self.ours.readline())
        count = self.choose.randint(1, 200)
        async for text in self.ours.lines(ENCODING):
            self.read.add(text.encode(ENCODING) + b'\n')
            count -= 1
            if count == 0:
                break

    async def iterate_batches(self):
        count = self.choose.randint(1, 3)
        async for lines in self.ours.batches():
            for line in lines:
                self.read.add(line)
            count -= 1
            if count == 0:
                break

    async def read_lines(self):
        for _ in range(self.choose.randrange(50)):
            self.read.add(await self.ours.readline())

    async def wait(self):
        self.read.add(self.request().wait(30))

    async def run(self):
        for _ in range(OPERATIONS):
            if self.choose.randrange(3) == 0:
                self.write()
            await self.choose.choice(self.operations)()
            if self.choose.randrange(10) == 0:
                gc.collect()
        self.sender.stopped = True
        self.ours.close_on_eof = False
        while chunk := await self.ours.read():
            self.read.add(chunk)
        await self.ours.flush()
        await self.ours.close()
        while self.theirs.alive:
            await self.sleep(0.001)
        assert (self.read.position, self.answered.position) == (self.sender.sent, self.written), (
            self.read.position, self.sender.sent, self.answered.position, self.written)


class AsyncioScript(Script):
    """With tasks that are cancelled at any moment."""

    def __init__(self, seed):
        super().__init__(seed)
        self.operations += [self.cancel, self.cancel, self.wait_for, self.gather]

    async def add_one(self):
        # No await after the read: what it got is noted, or it was cancelled.
        self.read.add(await self.request())

    async def cancel(self):
        task = asyncio.ensure_future(self.choose.choice([self.add_one, self.read_lines, self.iterate, self.iterate_batches])())
        for _ in range(self.choose.randrange(6)):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    async def wait_for(self):
        try:
            await asyncio.wait_for(self.add_one(), self.choose.randrange(3) / 1000)
        except asyncio.TimeoutError:
            pass

    async def gather(self):
        for data in await asyncio.gather(*[self.request() for _ in range(3)]):
            self.read.add(data)


def get_seed():
    seed = int(os.environ.get('KAA_TEST_SEED') or random.randrange(1 << 32))
    print(f'# KAA_TEST_SEED={seed}', flush=True)
    return seed


async def main(script):
    # The channels are made where they are used: under asyncio that is inside its loop.
    await script(get_seed()).run()


class Random(unittest.TestCase):
    def test_kaa_run(self):
        Kaa.run(main(Script))

    def test_asyncio(self):
        asyncio.run(main(AsyncioScript))

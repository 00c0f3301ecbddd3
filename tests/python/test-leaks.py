# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory is flat: what is made for an operation is given back. Bytes are counted, in a process where all of them come from malloc."""

import asyncio
import ctypes
import gc
import json
import os
import subprocess
import sys
import threading
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

COUNT = 2000
# The smallest block of malloc has 32 bytes: lost by each operation, it is four times as much.
BOUND = COUNT * 32 // 4


def pair():
    return Kaa.IOChannel.new_pair()[1:]


def turn():
    while GLib.MainContext.default().iteration(False):
        pass


# --- What is counted: functions that do something so many times ---

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def case_of_both(function):
    CASES[f'{function.__name__} in Kaa.run'] = lambda count: Kaa.run(function(count))
    CASES[f'{function.__name__} in asyncio.run'] = lambda count: asyncio.run(function(count))
    return function


def case_of_asyncio(function):
    CASES[function.__name__] = lambda count: asyncio.run(function(count))
    return function


@case_of_both
async def awaits(count):
    here, there = pair()
    for _ in range(count):
        future = here.readline()
        there.send(b'line\n')
        await future
        await there.write(b'line\n')
        await here.read_exactly(5)
    await there.close()


async def iterate(count, make, line=b'line\n'):
    here, there = pair()
    iterator = make(here)
    for _ in range(count):
        there.send(line)
        await iterator.__anext__()
    await iterator.aclose()


@case_of_both
async def lines_as_bytes(count):
    await iterate(count, lambda channel: channel.__aiter__())


@case_of_both
async def lines_as_text(count):
    await iterate(count, lambda channel: channel.lines())


@case_of_both
async def lines_of_two_bytes_a_character(count):
    await iterate(count, lambda channel: channel.lines('utf-16-le'), 'line\n'.encode('utf-16-le'))


@case_of_both
async def batches(count):
    await iterate(count, lambda channel: channel.batches())


@case_of_both
async def time_outs(count):
    here, there = pair()
    for _ in range(count):
        try:
            await here.readline().timeout(0, True)
        except GLib.Error:
            pass
    there.close()


@case_of_both
async def combinations(count):
    here, there = pair()
    for _ in range(count):
        futures = [here.read_exactly(1), here.read_exactly(1).timeout(60).noabort()]
        both = Kaa.InProgress.all([Kaa.InProgress.any(futures), *futures])
        there.send(b'xy')
        await both


@case_of_both
async def failures(count):
    here, _ = pair()
    await here.close()
    for _ in range(count):
        try:
            await here.write(b'x')
        except GLib.Error:
            pass


@case_of_both
async def promises(count):
    for _ in range(count):
        future = Kaa.InProgress.new(None)
        future.finish_int(1)
        await future


@case_of_asyncio
async def cancellations(count):
    async def read():
        return await here.readline()

    here, there = pair()
    for _ in range(count):
        task = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    there.close()


@case_of_asyncio
async def time_outs_of_asyncio(count):
    here, there = pair()
    for _ in range(count):
        try:
            await asyncio.wait_for(here.readline(), 0.00001)
        except asyncio.TimeoutError:
            pass
    there.close()


@case
def then(count):
    def later(_):
        future.then(None)

    for _ in range(count):
        future = Kaa.InProgress.new(None)
        future.then(print, later)
        future.throw(GLib.Error('expected'))
        turn()


@case
def then_for_nothing(count):
    for _ in range(count):
        Kaa.InProgress.new(None).then(print, print)


@case
def waits(count):
    here, there = pair()
    for _ in range(count):
        there.send(b'line\n')
        here.readline().wait()


@case
def waits_for_another_thread(count):
    def serve():
        context.push_thread_default()
        loop.run()
        context.pop_thread_default()

    context = GLib.MainContext.new()
    loop = GLib.MainLoop.new(context, False)
    context.push_thread_default()
    futures = [Kaa.InProgress.new(None) for _ in range(count)]
    context.pop_thread_default()
    thread = threading.Thread(target=serve)
    thread.start()
    while not loop.is_running():
        pass
    finishing = threading.Thread(target=lambda: [future.finish_void() for future in futures])
    finishing.start()
    for future in futures:
        future.wait(30)
    finishing.join()
    loop.quit()
    thread.join()


@case
def handlers(count):
    here, there = pair()
    for _ in range(count):
        handler = here.connect('readline', lambda *_: None)
        there.send(b'line\n')
        turn()
        here.disconnect(handler)


@case
def monitors(count):
    reader, writer = os.pipe()
    for _ in range(count):
        monitor = Kaa.IOMonitor(lambda: None)
        monitor.register(writer, Kaa.IO_WRITE)
        GLib.MainContext.default().iteration(False)
        monitor.unregister()
    os.close(reader)
    os.close(writer)


@case
def channels(count):
    for _ in range(count):
        for channel in pair():
            channel.close()
        turn()


async def one_line():
    here, there = pair()
    there.send(b'line\n')
    await here.read()


@case
def loops_of_kaa(count):
    for _ in range(count):
        Kaa.run(one_line())


@case
def loops_of_asyncio(count):
    for _ in range(count):
        asyncio.run(one_line())


# --- In a process of its own ---

# Everything comes from malloc, which keeps nothing back for itself.
MALLOC = {'PYTHONMALLOC': 'malloc', 'G_SLICE': 'always-malloc', 'MALLOC_ARENA_MAX': '1', 'GLIBC_TUNABLES': 'glibc.malloc.tcache_count=0'}


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                ('arena', 'ordblks', 'smblks', 'hblks', 'hblkhd', 'usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost')]


def get_used():
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    gc.collect()
    info = mallinfo()
    return info.uordblks + info.hblkhd


def measure(function):
    """How much more is in use than before. What happens once is noise, a leak is there each time."""
    function(COUNT // 10)
    sizes = []
    while len(sizes) < 5 and min(sizes, default=BOUND) >= BOUND:
        before = get_used()
        function(COUNT)
        sizes.append(get_used() - before)
    return min(sizes)


def count_all():
    for name, function in CASES.items():
        print(json.dumps([name, measure(function)]), flush=True)


@unittest.skipUnless(hasattr(ctypes.CDLL(None), 'mallinfo2'), 'this malloc does not say how much is in use')
class Flat(unittest.TestCase):
    def test_memory(self):
        done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False,
                              env={**os.environ, **MALLOC})
        self.assertEqual((done.stderr, done.returncode), ('', 0))
        grown = dict(map(json.loads, done.stdout.splitlines()))
        self.assertEqual(set(grown), set(CASES))
        self.assertEqual({name: size for name, size in grown.items() if size >= BOUND}, {})


if __name__ == '__main__':
    count_all()

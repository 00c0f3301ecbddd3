# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lives how long: channels, handlers, blocks of lines, files; and nothing is said by Python's collector."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import unittest
import weakref

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa


def turn():
    while GLib.MainContext.default().iteration(False):
        pass


class Owner:
    """Has a channel whose handler it is: a cycle."""

    def __init__(self):
        _, self.channel, self.peer = Kaa.IOChannel.new_pair()
        self.channel.connect('readline', self.on_readline)

    def on_readline(self, channel, line):
        pass


class Life(unittest.TestCase):
    def test_owner_goes_after_the_close(self):
        owner = Owner()
        gone = weakref.ref(owner)
        turn()
        owner.channel.close()
        turn()
        del owner
        gc.collect()
        self.assertIsNone(gone())

    def test_python_attributes_stay_while_it_is_open(self):
        seen = []
        reader, writer = os.pipe()
        channel = Kaa.IOChannel(reader, Kaa.IO_READ)
        channel.name = 'mine'
        channel.connect('readline', lambda channel, line: seen.append(channel.name))
        del channel
        gc.collect()
        os.write(writer, b'one\n')
        os.close(writer)
        turn()
        self.assertEqual(seen, ['mine'])

    def test_files_go_one_by_one(self):
        pipes = [os.pipe() for _ in range(2)]
        first, second = [os.fdopen(reader, 'rb', 0) for reader, _ in pipes]
        channel = Kaa.IOChannel(first, Kaa.IO_READ)
        channel.wrap(second, Kaa.IO_READ)
        turn()
        self.assertEqual((first.closed, second.closed, channel.channel is second), (True, False, True))
        channel.close().wait(5)
        self.assertTrue(second.closed)
        for _, writer in pipes:
            os.close(writer)

    def test_what_was_printed_before_comes_before(self):
        reader, writer = os.pipe()
        file = os.fdopen(writer, 'wb')
        file.write(b'one ')
        channel = Kaa.IOChannel(file, Kaa.IO_WRITE)
        channel.write(b'two').wait(5)
        channel.close().wait(5)
        self.assertEqual(os.read(reader, 100), b'one two')
        os.close(reader)

    def test_blocks_do_not_pile_up(self):
        async def main():
            _, here, there = Kaa.IOChannel.new_pair()
            there.queue_size = 1 << 22
            there.write((b'x' * 63 + b'\n') * 60000)
            there.close()
            most = number = 0
            async for _ in here:
                number += 1
                if number % 5000 == 0:
                    most = max(most, sum(type(thing).__name__ == 'Lines' and thing.channel is not None for thing in gc.get_objects()))
            return number, most

        number, most = Kaa.run(main())
        self.assertEqual(number, 60000)
        self.assertLessEqual(most, 1)

    def test_thread_that_ran_the_default_context(self):
        """Once it has ended, the context is whose who needs it, before he has run a turn."""
        _, here, there = Kaa.IOChannel.new_pair()
        there.send(b'one\ntwo\n')
        loop = GLib.MainLoop()
        seen = []

        def on_readline(channel, line):
            seen.append(line.get_data())
            channel.disconnect(handler)
            loop.quit()

        handler = here.connect('readline', on_readline)
        thread = threading.Thread(target=loop.run)
        thread.start()
        thread.join()
        future = here.read_exactly(4)
        self.assertFalse(future.failed)
        self.assertEqual((seen, future.wait(30)), ([b'one\n'], b'two\n'))

    @unittest.skipUnless(hasattr(asyncio, 'TaskGroup'), 'this Python has no TaskGroup')
    def test_timeout_and_task_group(self):
        async def main():
            _, here, there = Kaa.IOChannel.new_pair()
            # In this order: Python 3.11.2 does not forget that a group was cancelled.
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await here.readline()
            with self.assertRaises(ExceptionGroup):
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.read(here))
                    group.create_task(self.fail_soon())
            there.write(b'one\n')
            self.assertEqual(await here.readline(), b'one\n')

        asyncio.run(main(), debug=True)

    async def read(self, channel):
        return await channel.readline()

    async def fail_soon(self):
        await asyncio.sleep(0)
        raise ValueError

    def test_nothing_is_said_at_the_end(self):
        """A program that ends in the middle of everything."""
        program = '''
import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Kaa

async def main():
    _, here, there = Kaa.IOChannel.new_pair()
    there.write(b'one\\ntwo\\n')
    async for line in here:
        break
    here.readline()
    there.write(b'three')
    keep.extend([here, there, here.lines(), here.batches()])

keep = []
RUN
'''
        for run in ['Kaa.run(main())', 'import asyncio; asyncio.run(main())']:
            with self.subTest(run):
                done = subprocess.run([sys.executable, '-X', 'dev', '-W', 'ignore::ImportWarning', '-c', program.replace('RUN', run)],
                                      capture_output=True, text=True, check=False, timeout=60)
                self.assertEqual((done.stdout, done.stderr, done.returncode), ('', '', 0))

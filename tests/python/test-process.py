# SPDX-License-Identifier: LGPL-2.1-or-later
"""Child processes from Python."""

import asyncio
import os
import pathlib
import resource
import select
import signal
import tempfile
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


class ProcessCase(unittest.TestCase):
    def test_list(self):
        process = Kaa.Process(['printf', '%s|', 'a b', '$HOME'])
        self.assertEqual(process.communicate().wait(), b'a b|$HOME|')
        self.assertEqual(process.exit_status, 0)

    def test_shell(self):
        process = Kaa.Process('echo $((1 + 1)); exit 4')
        self.assertIsNone(process.exit_status)
        self.assertEqual(process.communicate().wait(), b'2\n')
        self.assertEqual(process.exit_status, 4)

    def test_input(self):
        self.assertEqual(Kaa.Process(['sort']).communicate(b'two\none\n').wait(), b'one\ntwo\n')

    def test_lines(self):
        async def main():
            process = Kaa.Process('echo one; echo two', delimiter='\n')
            process.start()
            self.assertTrue(process.running)
            self.assertGreater(process.pid, 0)
            lines = [line async for line in process]
            return lines, await process.wait()

        self.assertEqual(Kaa.run(main()), ([b'one\n', b'two\n'], 0))

    def test_asyncio(self):
        async def main():
            process = Kaa.Process(['cat'])
            process.start()
            await process.write(b'line\n')
            line = await process.readline()
            return line, await process.stop(5), process.exit_status

        self.assertEqual(asyncio.run(main()), (b'line\n', -signal.SIGTERM, -signal.SIGTERM))

    def test_environment(self):
        process = Kaa.Process('echo $KAA_TEST; pwd', environment={'KAA_TEST': 'yes'}, directory='/')
        self.assertEqual(process.environment, ['KAA_TEST=yes'])
        self.assertEqual(process.communicate().wait(), b'yes\n/\n')

    def test_stderr(self):
        process = Kaa.Process('echo out; echo err >&2', Kaa.ProcessFlags.STDERR_PIPE)
        self.assertIsNone(process.stderr_data)
        self.assertEqual(process.communicate().wait(), b'out\n')
        self.assertEqual(process.stderr_data, b'err\n')

    def test_signals(self):
        events = []
        process = Kaa.Process('echo out; exit 3')
        loop = GLib.MainLoop()
        process.connect('readline', lambda _, line: events.append(line.get_data()))
        process.connect('exited', lambda _, status: events.append(('exited', status)))
        process.connect('finished', lambda _, status: (events.append(('finished', status)), loop.quit()))
        process.start()
        # Nobody else holds it.
        del process
        loop.run()
        self.assertCountEqual(events, [b'out\n', ('exited', 3), ('finished', 3)])
        self.assertEqual(events[-1], ('finished', 3))

    def test_no_program(self):
        with self.assertRaises(GLib.Error) as caught:
            Kaa.Process(['kaa-no-such-program']).start()
        self.assertTrue(caught.exception.matches(GLib.spawn_error_quark(), GLib.SpawnError.NOENT))
        self.assertIn('kaa-no-such-program', caught.exception.message)

    def test_send_signal(self):
        process = Kaa.Process(['cat'])
        process.start()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait().wait(), -signal.SIGINT)
        with self.assertRaises(GLib.Error):
            process.send_signal(signal.SIGINT)

    def test_terminal(self):
        process = Kaa.Process(['stty', 'size'], Kaa.ProcessFlags.PTY, rows=33, columns=101)
        self.assertEqual(process.communicate().wait(), b'33 101\r\n')


class Keeper:
    """Keeps programs that read its descriptor, which is number 9 of the child's, until it lets go."""

    def __init__(self, process):
        self.read_end, self.write_end = os.pipe()
        process.take_fd(self.read_end, 9)

    def say(self, data):
        # Fails where nobody is left who reads.
        os.write(self.write_end, data)

    def wait_until_left(self):
        poll = select.poll()
        poll.register(self.write_end, 0)
        return poll.poll(60_000) != []

    def let_go(self):
        os.close(self.write_end)


class GrandchildCase(unittest.TestCase):
    """A program that the child leaves behind, and that holds its output."""

    COMMAND = "trap '' HUP; cat <&9 & echo child; echo half | tr -d '\\n'; exit 5"

    def test_lines(self):
        async def main(process):
            return [line async for line in process], [line async for line in process], await process.wait()

        for flags, end in ((Kaa.ProcessFlags.NONE, b'\n'), (Kaa.ProcessFlags.PTY, b'\r\n')):
            for run in Kaa.run, asyncio.run:
                process = Kaa.Process(self.COMMAND, flags)
                keeper = Keeper(process)
                process.start()
                self.assertEqual(run(main(process)), ([b'child' + end, b'half'], [], 5))
                self.assertFalse(process.alive)
                keeper.say(b'grandchild\n')
                keeper.let_go()

    def test_errors(self):
        async def main():
            process = Kaa.Process('exec >&2; ' + self.COMMAND, Kaa.ProcessFlags.STDERR_PIPE)
            keeper = Keeper(process)
            await process.launch()
            lines = [line async for line in process.stderr_channel]
            keeper.let_go()
            return lines, [line async for line in process]

        self.assertEqual(Kaa.run(main()), ([b'child\n', b'half'], []))

    def test_not_closed_on_exit(self):
        async def main(flags):
            process = Kaa.Process(self.COMMAND, flags, close_on_exit=False)
            keeper = Keeper(process)
            process.start()
            first = await process.readline()
            status = await process.wait()
            keeper.say(b', grandchild\n')
            second = await process.readline()
            self.assertTrue(process.alive)
            keeper.let_go()
            return first, status, second, [line async for line in process]

        self.assertEqual(Kaa.run(main(Kaa.ProcessFlags.NONE)), (b'child\n', 5, b'half, grandchild\n', []))
        self.assertEqual(Kaa.run(main(Kaa.ProcessFlags.PTY)), (b'child\r\n', 5, b'half, grandchild\r\n', []))

    def test_communicate(self):
        for close_on_exit in True, False:
            process = Kaa.Process(self.COMMAND, close_on_exit=close_on_exit)
            keeper = Keeper(process)
            self.assertEqual(process.communicate().wait(60), b'child\nhalf')
            keeper.say(b'x')
            keeper.let_go()


class GroupCase(unittest.TestCase):
    """stop() reaches the programs of a shell where it leads a group, and only there."""

    COMMAND = 'cat <&9 & echo started; cat <&9; echo not reached'

    def test_group(self):
        async def main(flags):
            process = Kaa.Process(self.COMMAND, flags)
            keeper = Keeper(process)
            process.start()
            self.assertEqual((await process.readline()).rstrip(), b'started')
            status = await process.stop(60)
            return status, keeper, [line async for line in process]

        for flags in (Kaa.ProcessFlags.NEW_GROUP, Kaa.ProcessFlags.NEW_SESSION, Kaa.ProcessFlags.PTY):
            status, keeper, lines = Kaa.run(main(flags))
            self.assertEqual((status, lines), (-signal.SIGTERM, []))
            self.assertTrue(keeper.wait_until_left())
            keeper.let_go()

        status, keeper, lines = Kaa.run(main(Kaa.ProcessFlags.NONE))
        self.assertEqual(status, -signal.SIGTERM)
        keeper.say(b'')
        self.assertEqual(select.select([], [keeper.write_end], [], 0)[1], [keeper.write_end])
        keeper.say(b'still there\n')
        keeper.let_go()

    def test_send_signal(self):
        process = Kaa.Process("trap 'echo caught; exit 2' INT; (trap - INT; echo started; exec cat <&9); exit 1",
                              Kaa.ProcessFlags.NEW_GROUP)
        keeper = Keeper(process)
        process.start()
        self.assertEqual(process.readline().wait(60), b'started\n')
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.readline().wait(60), b'caught\n')
        self.assertEqual(process.wait().wait(60), 2)
        self.assertTrue(keeper.wait_until_left())
        keeper.let_go()

    @unittest.skipUnless(os.getuid() == 0, 'needs the right to become another user')
    def test_not_permitted(self):
        process = Kaa.Process(['cat'])
        process.start()
        os.setresuid(65534, 65534, 0)
        try:
            with self.assertRaises(GLib.Error) as caught:
                process.stop(60).wait(60)
            with self.assertRaises(GLib.Error) as sent:
                process.send_signal(signal.SIGTERM)
        finally:
            os.setresuid(0, 0, 0)
        for raised in caught, sent:
            self.assertTrue(raised.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.PERMISSION_DENIED))
        self.assertTrue(process.running)
        self.assertEqual(process.stop(60).wait(60), -signal.SIGTERM)


class DescriptorsCase(unittest.TestCase):
    def test_output_to_a_file(self):
        with tempfile.TemporaryFile() as file:
            process = Kaa.Process('echo out; echo err >&2; cat', Kaa.ProcessFlags.MERGE_STDERR)
            process.take_fd(os.dup(file.fileno()), 1)
            self.assertEqual(process.communicate(b'in\n').wait(60), b'')
            file.seek(0)
            self.assertEqual(file.read(), b'out\nerr\nin\n')

    def test_input_from_a_file(self):
        with tempfile.TemporaryFile() as file:
            file.write(b'two\none\n')
            file.seek(0)
            process = Kaa.Process(['sort'])
            process.take_fd(os.dup(file.fileno()), 0)
            self.assertEqual(process.communicate().wait(60), b'one\ntwo\n')

    def test_taken_once(self):
        read_end, write_end = os.pipe()
        process = Kaa.Process(['kaa-no-such-program'])
        self.assertTrue(process.take_fd(write_end, 5))
        for source, target in ((write_end, 5), (write_end, -1), (-1, 6)):
            with self.assertRaises(GLib.Error):
                process.take_fd(source, target)
        with self.assertRaises(GLib.Error):
            process.start()
        # The next start has it.
        process.argv = ['sh', '-c', 'echo given >&5']
        process.start()
        self.assertEqual(process.wait().wait(60), 0)
        with self.assertRaises(OSError):
            os.fstat(write_end)
        with open(read_end, 'rb') as file:
            self.assertEqual(file.read(), b'given\n')

    def test_limits(self):
        process = Kaa.Process('ulimit -Sn; ulimit -Hn; ulimit -Sc')
        self.assertTrue(process.set_limit(resource.RLIMIT_NOFILE, 17, 18))
        self.assertTrue(process.set_limit(resource.RLIMIT_CORE, 0, 0))
        for limit in ((resource.RLIMIT_NOFILE, 18, 17), (-1, 1, 1)):
            with self.assertRaises(GLib.Error):
                process.set_limit(*limit)
        self.assertEqual(process.communicate().wait(60), b'17\n18\n0\n')

    def test_null(self):
        process = Kaa.Process('cat; readlink /proc/$$/fd/0 /proc/$$/fd/2', Kaa.ProcessFlags.STDIN_NULL | Kaa.ProcessFlags.STDERR_NULL)
        self.assertEqual(process.communicate().wait(60), b'/dev/null\n/dev/null\n')
        process.start()
        self.assertFalse(process.writable)
        process.wait().wait(60)

    def test_inherited(self):
        F = Kaa.ProcessFlags
        command = 'for i in 0 1; do test "$(readlink /proc/$$/fd/$i)" = "$(readlink /proc/$PPID/fd/$i)"; echo $? >&2; done'
        for flags, expected in ((F.NONE, b'1\n1\n'), (F.STDIN_INHERIT, b'0\n1\n'), (F.STDOUT_INHERIT, b'1\n0\n'),
                                (F.STDIN_INHERIT | F.STDOUT_INHERIT, b'0\n0\n')):
            process = Kaa.Process(command, flags | F.STDERR_PIPE)
            self.assertEqual(process.communicate().wait(60), b'')
            self.assertEqual(process.stderr_data, expected)

    def test_contradictions(self):
        F = Kaa.ProcessFlags
        for flags in (F.STDIN_NULL | F.STDIN_INHERIT, F.PTY | F.STDIN_NULL, F.PTY | F.STDOUT_INHERIT, F.STDERR_NULL | F.STDERR_PIPE):
            process = Kaa.Process(['true'], flags)
            with self.assertRaises(GLib.Error) as caught:
                process.start()
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_ARGUMENT))
            with self.assertRaises(GLib.Error):
                process.launch().wait(60)


class LaunchCase(unittest.TestCase):
    def test_launch(self):
        async def main():
            process = Kaa.Process(['cat'])
            future = process.launch()
            self.assertTrue(process.alive)
            # What is said meanwhile waits.
            process.send(b'early\n')
            self.assertTrue(await future)
            self.assertGreater(process.pid, 0)
            return await process.readline(), await process.stop(60)

        for run in Kaa.run, asyncio.run:
            self.assertEqual(run(main()), (b'early\n', -signal.SIGTERM))

    def test_no_program(self):
        async def main():
            process = Kaa.Process(['kaa-no-such-program'])
            with self.assertRaises(GLib.Error) as caught:
                await process.launch()
            self.assertFalse(process.alive)
            process.argv = ['true']
            self.assertTrue(await process.launch())
            self.assertEqual(await process.wait(), 0)
            return caught.exception

        for run in Kaa.run, asyncio.run:
            error = run(main())
            self.assertTrue(error.matches(GLib.spawn_error_quark(), GLib.SpawnError.NOENT))
            self.assertIn('kaa-no-such-program', error.message)

    def test_abort(self):
        process = Kaa.Process("trap '' TERM; cat")
        future = process.launch()
        self.assertTrue(future.abort())
        with self.assertRaises(GLib.Error) as caught:
            future.wait(60)
        self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))
        self.assertFalse(process.alive or process.running)
        # It can be started then.
        process.argv = ['echo', 'again']
        self.assertEqual(process.communicate().wait(60), b'again\n')

    def test_cancelled_task(self):
        async def main():
            process = Kaa.Process(['cat'])
            task = asyncio.ensure_future(process.launch())
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            return process

        process = asyncio.run(main())
        self.assertFalse(process.alive or process.running)


class EnvironmentCase(unittest.TestCase):
    def test_wrong_names(self):
        for environment in ({'A=B': 'c'}, {'': 'c'}, {b'=': b'c'}):
            with self.assertRaises(ValueError):
                Kaa.Process(['true'], environment=environment)
        for environment in (['=c'], ['A'], ['']):
            process = Kaa.Process(['true'], environment=environment)
            with self.assertRaises(GLib.Error) as caught:
                process.start()
            self.assertTrue(caught.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.INVALID_ARGUMENT))

    def test_not_utf8(self):
        with tempfile.TemporaryDirectory() as directory:
            place = os.path.join(os.fsencode(directory), b'\xff')
            os.mkdir(place)
            process = Kaa.Process(['sh', '-c', b'pwd; echo "$0 $A\xfe"', b'\xfd'], directory=place, environment={b'A\xfe': b'\xfc', 'A': b'\xfb'})
            self.assertEqual(process.communicate().wait(60), place + b'\n\xfd \xfb\xfe\n')
            self.assertEqual(os.fsencode(process.directory), place)
            process.directory = pathlib.Path(os.fsdecode(place))
            process.argv = [pathlib.Path('/bin/pwd')]
            self.assertEqual(process.communicate().wait(60), place + b'\n')

    def test_stop_command(self):
        for command in ('quit\n', b'quit\n'):
            process = Kaa.Process('read line; echo "$line"', stop_command=command)
            self.assertEqual(process.stop_command, 'quit\n')
            process.start()
            self.assertEqual(process.stop(60).wait(60), 0)
            self.assertEqual(process.readline().wait(60), b'quit\n')


if __name__ == '__main__':
    unittest.main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Child processes from Python."""

import asyncio
import signal
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa


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


if __name__ == '__main__':
    unittest.main()

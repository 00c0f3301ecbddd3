// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa.Process: children from JavaScript.

import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, collect, run, test, text} from './tap.js';

const {ProcessFlags} = Kaa;

test('arguments are passed as they are', async () => {
    const process = Kaa.Process.new(['printf', '%s|', 'a b', '$HOME'], ProcessFlags.NONE);
    assertEqual(text(await process.communicate()), 'a b|$HOME|');
    assertEqual(process.exit_status, 0);
});

test('a whole conversation', async () => {
    const process = Kaa.Process.new_shell('LC_ALL=C sort; echo done >&2; exit 4', ProcessFlags.STDERR_PIPE);
    assertEqual(text(await process.communicate('öins\nzwei\n')), 'zwei\nöins\n');
    assertEqual(text(process.stderr_data), 'done\n');
    assertEqual(process.exit_status, 4);
});

test('what is known before the end and after it', async () => {
    const process = Kaa.Process.new_shell('echo done >&2; exit 4', ProcessFlags.STDERR_PIPE);
    const look = () => [
        [process.exit_status, process.exitStatus, process['exit-status'], process.get_exit_status()],
        [process.stderr_data, process.stderrData, process['stderr-data'], process.get_stderr_data()],
    ];
    assertEqual(look(), [[null, null, null, null], [null, null, null, null]]);
    await process.communicate();
    const [statuses, data] = look();
    assertEqual(statuses, [4, 4, 4, 4]);
    for (const bytes of data) {
        assert(bytes instanceof Uint8Array);
        assertEqual(text(bytes), 'done\n');
        // A copy of one's own.
        bytes.fill(0);
    }
});

test('lines of both outputs', async () => {
    const process = Kaa.Process.new_shell('echo one; echo two >&2; echo three', ProcessFlags.STDERR_PIPE);
    process.start();
    assertEqual(await Promise.all([collect(process.lines()), collect(process.stderr_channel.lines())]), [['one', 'three'], ['two']]);
    assertEqual(await process.wait(), 0);
});

test('question and answer, and the end of the input', async () => {
    const process = Kaa.Process.new(['cat'], ProcessFlags.NONE);
    process.start();
    await process.write('question\n');
    assertEqual(text(await process.readline()), 'question\n');
    await process.shutdown(Kaa.IO_WRITE);
    assertEqual((await process.readline()).length, 0);
    assertEqual(await process.wait(), 0);
});

test('the end comes after the output', async () => {
    const events = [];
    const process = Kaa.Process.new_shell('echo out; exit 3', ProcessFlags.NONE);
    process.connect('readline', (_process, line) => events.push(text(line)));
    await new Promise(resolve => {
        process.connect('finished', (_process, status) => {
            events.push(status);
            resolve();
        });
        process.start();
    });
    assertEqual(events, ['out\n', 3]);
});

test('stopping', async () => {
    const process = Kaa.Process.new(['cat'], ProcessFlags.NONE);
    process.start();
    assert(process.running);
    assertEqual(await process.stop(5), -15);
    assert(!process.running);
});

test('environment, directory, terminal', async () => {
    const shell = Kaa.Process.new_shell('echo $KAA_TEST; pwd', ProcessFlags.NONE);
    shell.environment = ['KAA_TEST=yes'];
    shell.directory = '/';
    assertEqual(text(await shell.communicate()), 'yes\n/\n');

    const terminal = Kaa.Process.new(['stty', 'size'], ProcessFlags.PTY);
    terminal.set_window_size(33, 101);
    assertEqual(text(await terminal.communicate()), '33 101\r\n');
});

test('errors say where they come from', async () => {
    const process = Kaa.Process.new(['kaa-no-such-program'], ProcessFlags.NONE);
    for (const operate of [() => process.communicate(), () => process.wait(), () => process.stop(1)]) {
        const error = await assertRejects(operate());
        assert(error instanceof GLib.Error);
        assert(error.stack.includes('test-process.js'), error.stack);
    }
    const error = await assertRejects(process.communicate(), GLib.SpawnError, GLib.SpawnError.NOENT);
    assert(error.message.includes('kaa-no-such-program'));
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa.Process: children from JavaScript.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, assertThrows, collect, pair, run, test, text, until} from './tap.js';

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

// Keeps programs that read its descriptor, which is number 9 of the child's, until it lets go.
function keep(process) {
    const [ours, theirs] = pair();
    const fd = theirs.fileno;
    theirs.close_fd = false;
    theirs.close(Kaa.CloseFlags.IMMEDIATE);
    process.take_fd(fd, 9);
    return ours;
}

// A program that the child leaves behind, and that holds its output.
const LEAVES_BEHIND = "trap '' HUP; cat <&9 & echo child; printf half; exit 5";

for (const [name, flags, end] of [['a pipe', ProcessFlags.NONE, '\n'], ['a terminal', ProcessFlags.PTY, '\r\n']]) {
    test(`a grandchild that holds ${name} is not waited for`, async () => {
        const process = Kaa.Process.new_shell(LEAVES_BEHIND, flags);
        const keeper = keep(process);
        process.start();
        assertEqual(await collect(process), [`child${end}`, 'half']);
        assertEqual(await collect(process.lines()), []);
        assertEqual(await process.wait(), 5);
        assert(!process.alive);
        // It is still there.
        assert(keeper.alive);
        assert(await keeper.write('grandchild\n'));
        await keeper.close();
    });

    test(`what a grandchild says on ${name} without close-on-exit`, async () => {
        const process = Kaa.Process.new_shell(LEAVES_BEHIND, flags);
        process.close_on_exit = false;
        const keeper = keep(process);
        await process.launch();
        assertEqual(text(await process.readline()), `child${end}`);
        assertEqual(await process.wait(), 5);
        keeper.write(', grandchild\n');
        assertEqual(text(await process.readline()), `half, grandchild${end}`);
        assert(process.alive);
        await keeper.close();
        assertEqual(await collect(process.lines()), []);
    });
}

for (const name of ['NEW_GROUP', 'NEW_SESSION', 'PTY']) {
    test(`stop() reaches the programs of a shell: ${name}`, async () => {
        const process = Kaa.Process.new_shell('cat <&9 & echo started; cat <&9; echo not reached', ProcessFlags[name]);
        const keeper = keep(process);
        process.start();
        assertEqual(text(await process.readline()).trimEnd(), 'started');
        assertEqual(await process.stop(60), -15);
        assertEqual(await collect(process), []);
        // Nobody is left who reads.
        await until(() => !keeper.alive);
    });
}

test('without a group they are left alone', async () => {
    const process = Kaa.Process.new_shell('cat <&9 & echo started; cat <&9', ProcessFlags.NONE);
    const keeper = keep(process);
    process.start();
    assertEqual(text(await process.readline()), 'started\n');
    assertEqual(await process.stop(60), -15);
    assert(await keeper.write('still there\n'));
    await keeper.close();
});

test('output to a file', async () => {
    const [fd, path] = GLib.file_open_tmp(null);
    const process = Kaa.Process.new_shell('echo out; echo err >&2; cat', ProcessFlags.MERGE_STDERR);
    process.take_fd(fd, 1);
    assertThrows(() => process.take_fd(fd, 1), Gio.IOErrorEnum.EXISTS);
    assertThrows(() => process.take_fd(-1, 1), Gio.IOErrorEnum.INVALID_ARGUMENT);
    assertEqual(text(await process.communicate('in\n')), '');
    assertEqual(text(GLib.file_get_contents(path)[1]), 'out\nerr\nin\n');
    GLib.unlink(path);
});

test('limits', async () => {
    const process = Kaa.Process.new_shell('ulimit -Sc; ulimit -Hc', ProcessFlags.NONE);
    // RLIMIT_CORE; in blocks of 512 bytes.
    process.set_limit(4, 0, 1024);
    assertThrows(() => process.set_limit(4, 2, 1), Gio.IOErrorEnum.INVALID_ARGUMENT);
    assertThrows(() => process.set_limit(-1, 1, 1), Gio.IOErrorEnum.INVALID_ARGUMENT);
    assertEqual(text(await process.communicate()), '0\n2\n');
});

test('/dev/null instead of a pipe', async () => {
    const process = Kaa.Process.new_shell('cat; readlink /proc/$$/fd/0 /proc/$$/fd/2', ProcessFlags.STDIN_NULL | ProcessFlags.STDERR_NULL);
    assertEqual(text(await process.communicate()), '/dev/null\n/dev/null\n');
});

test('the descriptors of this process instead of pipes', async () => {
    const {NONE, STDERR_PIPE, STDIN_INHERIT, STDOUT_INHERIT} = ProcessFlags;
    const command = 'for i in 0 1; do test "$(readlink /proc/$$/fd/$i)" = "$(readlink /proc/$PPID/fd/$i)"; echo $? >&2; done';
    for (const [flags, expected] of [[NONE, '1\n1\n'], [STDIN_INHERIT, '0\n1\n'], [STDOUT_INHERIT, '1\n0\n'],
        [STDIN_INHERIT | STDOUT_INHERIT, '0\n0\n']]) {
        const process = Kaa.Process.new_shell(command, flags | STDERR_PIPE);
        assertEqual(text(await process.communicate()), '');
        assertEqual(text(process.stderr_data), expected);
    }
});

test('launch()', async () => {
    const process = Kaa.Process.new(['cat'], ProcessFlags.NONE);
    const launched = process.launch();
    assert(process.alive);
    // What is said meanwhile waits.
    process.write('early\n');
    assertEqual(await launched, true);
    assert(process.pid > 0);
    assertEqual(text(await process.readline()), 'early\n');
    assertEqual(await process.stop(60), -15);
});

test('launch() without a program', async () => {
    const process = Kaa.Process.new(['kaa-no-such-program'], ProcessFlags.NONE);
    const error = await assertRejects(process.launch(), GLib.SpawnError, GLib.SpawnError.NOENT);
    assert(error.message.includes('kaa-no-such-program'));
    assert(error.stack.includes('test-process.js'), error.stack);
    assert(!process.alive);
    process.argv = ['true'];
    assertEqual(await process.launch(), true);
    assertEqual(await process.wait(), 0);
});

test('a launch that is aborted', async () => {
    const process = Kaa.Process.new_shell("trap '' TERM; cat", ProcessFlags.NONE);
    const launched = process.launch();
    assert(launched.abort());
    await assertRejects(launched, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
    assert(!process.alive && !process.running);
    // It can be started then.
    process.argv = ['echo', 'again'];
    assertEqual(text(await process.communicate()), 'again\n');
});

test('variables without a name', async () => {
    for (const variable of ['=b', 'A', '']) {
        const process = Kaa.Process.new(['true'], ProcessFlags.NONE);
        process.environment = [variable];
        assertThrows(() => process.start(), Gio.IOErrorEnum.INVALID_ARGUMENT);
        await assertRejects(process.launch(), Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT);
    }
});

await run();

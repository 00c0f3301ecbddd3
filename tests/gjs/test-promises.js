// SPDX-License-Identifier: LGPL-2.1-or-later
// Futures among promises: combined, promisified, rejected with and without somebody who looks.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, assertThrows, filled, pair, run, test, text, until} from './tap.js';

const {IOErrorEnum} = Gio;
const bytes = new GLib.Bytes(new Uint8Array([97]));

// --- the GIO pairs ---

// For a channel that is not open: what each pair wants before the cancellable, and what comes of it where that is cancelled
// already, a result or an error. Without a row a new pair fails here.
const {CANCELLED} = IOErrorEnum;
const PAIRS = {
    accept_async: [() => [], IOErrorEnum.CLOSED],
    close_async: [() => [Kaa.CloseFlags.NONE], true],
    communicate_async: [() => [null], CANCELLED],
    launch_async: [() => [], CANCELLED],
    connect_to_async: [() => ['unix:/nowhere'], CANCELLED],
    flush_async: [() => [], true],
    read_async: [() => [], CANCELLED],
    read_some_async: [() => [1], CANCELLED],
    read_exactly_async: [() => [1], CANCELLED],
    read_until_async: [() => [bytes], CANCELLED],
    readline_async: [() => [], CANCELLED],
    readlines_async: [() => [], CANCELLED],
    shutdown_async: [() => [Kaa.IO_WRITE], IOErrorEnum.CLOSED],
    splice_async: [() => [pair()[0], Kaa.SpliceFlags.NONE], CANCELLED],
    start_tls_async: [() => [null, null], IOErrorEnum.NOT_CONNECTED],
    start_tls_buffered_async: [() => [null, null, null], IOErrorEnum.NOT_CONNECTED],
    stop_async: [() => [1], IOErrorEnum.NOT_INITIALIZED],
    wait_async: [() => [], IOErrorEnum.NOT_INITIALIZED],
    wait_writable_async: [() => [1], CANCELLED],
    write_bytes_async: [() => [bytes], CANCELLED],
    write_with_fds_async: [() => [bytes, [0]], CANCELLED],
};

const makers = {
    IOChannel: () => new Kaa.IOChannel(),
    Process: () => Kaa.Process.new(['true'], Kaa.ProcessFlags.NONE),
    Socket: () => new Kaa.Socket(),
};

for (const [class_, make] of Object.entries(makers)) {
    const {prototype} = Kaa[class_];
    for (const name of Object.getOwnPropertyNames(prototype).filter(member => member.endsWith('_async'))) {
        test(`${class_}.${name} as a promise`, async () => {
            assert(name in PAIRS, 'no row in the table');
            const [getArguments, outcome] = PAIRS[name];
            Gio._promisify(prototype, name, name.replace(/_async$/, '_finish'));
            const cancellable = new Gio.Cancellable();
            cancellable.cancel();
            const promise = make()[name](...getArguments(), cancellable);
            assert(promise instanceof Promise);
            if (outcome === true)
                assertEqual(await promise, true);
            else
                await assertRejects(promise, IOErrorEnum, outcome);
        });
    }
}

// --- combined by the language ---

test('Promise.all, race, any and allSettled', async () => {
    const channel = await filled('one\ntwo\nthree\n');
    const lines = await Promise.all([channel.readline(), channel.readline()]);
    assertEqual(lines.map(text), ['one\n', 'two\n']);
    const never = Kaa.InProgress.new(null);
    assertEqual(text(await Promise.race([never, channel.readline()])), 'three\n');
    const failing = Kaa.InProgress.new(null);
    failing.throw(new GLib.Error(IOErrorEnum, IOErrorEnum.FAILED, 'no'));
    assertEqual((await Promise.any([failing, channel.readline()])).length, 0);
    const settled = await Promise.allSettled([failing, channel.readline()]);
    assertEqual(settled.map(({status}) => status), ['rejected', 'fulfilled']);
    await assertRejects(Promise.all([failing, never]), IOErrorEnum, IOErrorEnum.FAILED);
    const resolved = Promise.resolve(channel.read());
    assert(resolved instanceof Promise);
    assertEqual((await resolved).length, 0);
});

test('an async function may return a future', async () => {
    const channel = await filled('one\n');
    assertEqual(text(await (async () => channel.readline())()), 'one\n');
});

test('then may be called at any time, and again', async () => {
    const channel = await filled('one\n');
    const future = channel.readline();
    const before = future.then(text);
    assertEqual(await before, 'one\n');
    assertEqual(await future.then(text), 'one\n');
    assertEqual(await future.then(() => { throw new Error('mine'); }).catch(error => error.message), 'mine');
    assertEqual(await future.then(null, () => 'no').then(text), 'one\n');
    assertEqual(await future.then(() => future.then(text)), 'one\n');
});

test('finally passes on what came, or what it threw', async () => {
    const failing = Kaa.InProgress.new(null);
    failing.throw(new GLib.Error(IOErrorEnum, IOErrorEnum.FAILED, 'no'));
    let ran = 0;
    await assertRejects(failing.finally(() => { ran++; }), IOErrorEnum, IOErrorEnum.FAILED);
    assertEqual(ran, 1);
    const other = await filled('one\n');
    assertEqual(text(await other.readline().finally(() => 5)), 'one\n');
    assertEqual(await other.readline().finally(() => { throw new Error('mine'); }).catch(error => error.message), 'mine');
});

// --- abort ---

test('the handler of abort has a veto', async () => {
    const future = Kaa.InProgress.new(null);
    assertThrows(() => future.abort(), IOErrorEnum.NOT_SUPPORTED);
    const reasons = [];
    const veto = future.connect('abort', (_future, reason) => {
        reasons.push(reason.message);
        return false;
    });
    assertThrows(() => future.abort_with(new GLib.Error(IOErrorEnum, IOErrorEnum.TIMED_OUT, 'late')), IOErrorEnum.FAILED);
    assertEqual(reasons, ['late']);
    future.disconnect(veto);
    future.connect('abort', () => true);
    future.abort_with(new GLib.Error(IOErrorEnum, IOErrorEnum.TIMED_OUT, 'late'));
    const error = await assertRejects(future, IOErrorEnum, IOErrorEnum.TIMED_OUT);
    assertEqual(error.message, 'late');
});

test('signals of a future', async () => {
    const future = Kaa.InProgress.new(null);
    const seen = [];
    future.connect('resolved', (_future, value) => seen.push(value));
    future.finish_int(7);
    assertEqual(seen, []);
    await until(() => seen.length > 0);
    assertEqual(seen, [7]);
});

// --- nobody looks ---

// What gjs says on its standard error while it runs a program.
function runProgram(program) {
    const [file, stream] = Gio.File.new_tmp('kaa-promises-XXXXXX.js');
    try {
        stream.output_stream.write_all(new TextEncoder().encode(`
            import GLib from 'gi://GLib';
            import Kaa from 'gi://Kaa?version=1.0';
            const [, ours, theirs] = Kaa.IOChannel.new_pair();
            const turns = async () => { for (let i = 0; i < 5; i++) await Kaa.InProgress.new(null).timeout(0.001, false).catch(() => {}); };
            ${program}
            await turns();
            imports.system.gc();
            await turns();
        `), null);
        stream.close(null);
        const [, , errors] = GLib.spawn_sync(null, ['gjs', '-m', file.get_path()], null, GLib.SpawnFlags.SEARCH_PATH, null);
        return text(errors);
    } finally {
        file.delete(null);
    }
}

test('a failed future that nobody looked at is no unhandled rejection', () => {
    assertEqual(runProgram('ours.readline().abort(); await ours.close(); ours.flush();'), '');
});

test('a failed future that is caught is none either', () => {
    assertEqual(runProgram(`
        ours.close();
        ours.write('late').catch(() => {});
        ours.write('late').then(null, () => {});
        ours.write('late').finally(() => {}).catch(() => {});
        try { await ours.write('late'); } catch {}
    `), '');
});

test('one that was awaited in vain is', () => {
    const errors = runProgram('ours.close(); (async () => { await ours.write(\'late\'); })();');
    assert(errors.includes('Unhandled promise rejection'), errors);
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels from JavaScript: opened, iterated, left early, refused, closed.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, run, sleep, test} from './tap.js';

const {IOErrorEnum} = Gio;
const decoder = new TextDecoder();

// Two channels, connected.
function pair() {
    const [, ours, theirs] = Kaa.IOChannel.new_pair();
    return [ours, theirs];
}

// A channel whose whole input is there, or on its way.
async function filled(text) {
    const [ours, theirs] = pair();
    theirs.write(text);
    await theirs.close();
    return ours;
}

async function collect(iterator) {
    const items = [];
    for await (const item of iterator)
        items.push(item instanceof Uint8Array ? decoder.decode(item) : item);
    return items;
}

function assertThrows(callback, code) {
    try {
        callback();
    } catch (error) {
        assert(error.matches?.(IOErrorEnum, code), `threw another error: ${error}`);
        return;
    }
    assert(false, 'did not throw');
}

test('readline gives a Uint8Array', async () => {
    const channel = await filled('one\ntwo');
    const line = await channel.readline();
    assert(line instanceof Uint8Array);
    assertEqual(decoder.decode(line), 'one\n');
    assertEqual(decoder.decode(await channel.read()), 'two');
    assertEqual((await channel.read()).length, 0);
});

test('a pipe', async () => {
    const child = Gio.Subprocess.new(['echo', 'hello'], Gio.SubprocessFlags.STDOUT_PIPE);
    const stream = child.get_stdout_pipe();
    stream.close_fd = false;
    const channel = Kaa.IOChannel.new_for_fd(stream.fd, Kaa.IO_READ);
    assertEqual(channel.mode, Kaa.IO_READ);
    assertEqual(await collect(channel), ['hello\n']);
});

test('iterate over bytes', async () => {
    assertEqual(await collect(await filled('one\n\ntwo\nthree')), ['one\n', '\n', 'two\n', 'three']);
});

test('iterate over strings', async () => {
    const channel = await filled('één\r\ntwo\n\r\n');
    channel.set_delimiters(['\n', '\r\n']);
    assertEqual(await collect(channel.lines()), ['één', 'two', '']);
});

test('iterate over batches', async () => {
    const batches = await collect((await filled('één\ntwo\nthree')).batches());
    assertEqual(batches.flat(), ['één', 'two', 'three']);
});

test('leaving early loses nothing', async () => {
    const channel = await filled('one\ntwo\nthree\nfour\n');
    for await (const line of channel.lines()) {
        if (line === 'two')
            break;
    }
    assertEqual(decoder.decode(await channel.readline()), 'three\n');
    assertEqual(await collect(channel), ['four\n']);
});

test('reading inside the loop', async () => {
    const channel = await filled('one\n4\nbody\ntwo\nx;y;');
    const seen = [];
    for await (const line of channel.lines()) {
        if (line === '4')
            seen.push(decoder.decode(await channel.read_exactly(5)));
        else if (line === 'two')
            channel.delimiter = ';';
        else
            seen.push(line);
    }
    assertEqual(seen, ['one', 'body\n', 'x', 'y']);
});

test('lines that are too long are split', async () => {
    const channel = await filled('ab\n12345\ncd\n1234\n');
    channel.queue_size = 4;
    assertEqual(await collect(channel), ['ab\n', '1234', '5\n', 'cd\n', '1234\n']);
});

test('write takes strings, arrays and GBytes', async () => {
    const [ours, theirs] = pair();
    assertEqual(await ours.write('één\n'), 6);
    assertEqual(await ours.write(new Uint8Array([0, 255])), 2);
    assertEqual(await ours.write(new GLib.Bytes(new Uint8Array([10]))), 1);
    assertEqual(await ours.write(''), 0);
    assertEqual(Array.from(await theirs.read_exactly(9)), [195, 169, 195, 169, 110, 10, 0, 255, 10]);
});

test('a refused write throws at once', () => {
    const channel = new Kaa.IOChannel({queue_size: 4});
    assertThrows(() => channel.write('12345'), IOErrorEnum.MESSAGE_TOO_LARGE);
    channel.write('123');
    assertThrows(() => channel.write('12'), IOErrorEnum.WOULD_BLOCK);
    assertThrows(() => channel.send('12'), IOErrorEnum.WOULD_BLOCK);
    assertEqual(channel.write_queue_used, 3);
});

test('abort takes no data', async () => {
    const [ours, theirs] = pair();
    const future = ours.readline();
    future.abort();
    const error = await assertRejects(future, IOErrorEnum, IOErrorEnum.CANCELLED);
    assert(error.stack.length > 0);
    theirs.write('one\n');
    assertEqual(decoder.decode(await ours.readline()), 'one\n');
});

test('wait', () => {
    const [ours, theirs] = pair();
    const future = ours.readline();
    assertThrows(() => future.wait(0.01), IOErrorEnum.TIMED_OUT);
    theirs.write('one\n');
    assertEqual(decoder.decode(future.wait(5)), 'one\n');
    assertEqual(decoder.decode(future.get_result()), 'one\n');
});

test('a future is a promise', async () => {
    const future = Kaa.InProgress.new(null);
    const seen = [];
    const chain = future.then(value => value + 1);
    assert(chain instanceof Promise);
    const last = future.finally(() => seen.push('finally'));
    future.finish_int(4);
    assertEqual(await chain, 5);
    assertEqual(await last, 4);
    assertEqual(seen, ['finally']);

    const failing = Kaa.InProgress.new(null);
    failing.throw(new GLib.Error(IOErrorEnum, IOErrorEnum.FAILED, 'no'));
    assertEqual(await failing.catch(error => error.message), 'no');
});

test('all, any and timeout', async () => {
    const channel = await filled('one\n');
    const first = channel.readline();
    const never = Kaa.InProgress.new(null);
    assertEqual(await Kaa.InProgress.any([never, first]), 1);
    assertEqual(await Kaa.InProgress.all([first]), true);
    await assertRejects(never.timeout(0.01, false), IOErrorEnum, IOErrorEnum.TIMED_OUT);
});

test('close', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('closed', (_channel, expected) => seen.push(expected));
    ours.write('last\n');
    assertEqual(await ours.close(), true);
    await sleep(0);
    assertEqual(seen, [true]);
    assert(!ours.alive);
    assertEqual(await collect(theirs), ['last\n']);
    await assertRejects(ours.write('late'), IOErrorEnum, IOErrorEnum.CLOSED);
});

await run();

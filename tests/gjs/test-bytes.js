// SPDX-License-Identifier: LGPL-2.1-or-later
// Bytes: what may be written, whose the arrays are that were read, and that they are freed in time.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, filled, pair, run, test, text} from './tap.js';

const MIB = 1024 * 1024;
// The collector runs when it likes to, which is after 100 to 200 MiB whatever the amount; what a channel holds of 512 MiB that it
// gave away would be far more.
const GROWTH_MAX = 256 * MIB;

const raw = Uint8Array.from([1, 0, 255, 10, 65, 66]);

function assertTypeError(callback, what) {
    let thrown = null;
    try {
        callback();
    } catch (error) {
        thrown = error;
    }
    assert(thrown instanceof TypeError, `${what} gave ${thrown}`);
    assert(thrown.stack.includes('test-bytes.js'));
}

test('write takes a string, arrays, buffers, views of them, and GLib.Bytes', async () => {
    const [ours, theirs] = pair();
    const wanted = [
        ['', []],
        ['é€😀\0\n', [195, 169, 226, 130, 172, 240, 159, 152, 128, 0, 10]],
        // What is no character of Unicode.
        ['a\ud800', [97, 239, 191, 189]],
        [raw, [...raw]],
        [raw.subarray(2, 4), [255, 10]],
        [new Uint8Array(), []],
        [new Int8Array([-1, 1]), [255, 1]],
        [new Uint8ClampedArray([300]), [255]],
        [new Uint16Array(Uint8Array.from([1, 2, 3, 4]).buffer, 2), [3, 4]],
        [raw.buffer, [...raw]],
        [new ArrayBuffer(0), []],
        [new DataView(raw.buffer, 1, 3), [0, 255, 10]],
        [new GLib.Bytes(raw), [...raw]],
    ];
    for (const [data, expected] of wanted) {
        assertEqual(await ours.write(data), expected.length);
        ours.send(data);
        if (expected.length > 0) {
            const bytes = [...await theirs.read_exactly(2 * expected.length)];
            assertEqual(bytes, [...expected, ...expected]);
        }
    }
});

test('anything else is a TypeError, and nothing is written', async () => {
    const [ours] = pair();
    for (const data of [undefined, null, 5, 5n, true, {}, [1, 2], {length: 2}, () => {}, Symbol('x'), new Date(0), ours]) {
        const what = typeof data;
        assertTypeError(() => ours.write(data), `write(${what})`);
        assertTypeError(() => ours.send(data), `send(${what})`);
        assertTypeError(() => ours.read_until(data), `read_until(${what})`);
        assertTypeError(() => ours.set_delimiter_bytes([data]), `set_delimiter_bytes(${what})`);
    }
    assertTypeError(() => ours.write(), 'write()');
    assertEqual([ours.write_queue_used, ours.bytes_written, ours.delimiter], [0, 0, '\n']);
});

test('what was written may be changed afterwards', async () => {
    const [ours, theirs] = pair();
    const data = new Uint8Array(raw);
    const writing = ours.write(data);
    ours.send(data);
    data.fill(7);
    await writing;
    assertEqual([...await theirs.read_exactly(12)], [...raw, ...raw]);
});

test('what was read is ours alone', async () => {
    const input = `${'x'.repeat(1000)}\n${'y'.repeat(1000)}\n`;
    const [ours, theirs] = pair();
    let seen = '';
    ours.connect('read', (_channel, chunk) => {
        seen += text(chunk);
    });
    // The handler has all of it, and so have the requests: they must not see what others do to their arrays.
    const first = ours.readline();
    theirs.write(input);
    (await first).fill(0);
    assertEqual(text(await ours.peek()), input.slice(1001));
    const second = ours.readline();
    assertEqual(text(await second), input.slice(1001));
    (await second).fill(0);
    assertEqual(text(second.get_result()), input.slice(1001));
    second.get_result().fill(0);
    second.wait(1).fill(0);
    second.get_bytes().fill(0);
    assertEqual(text(second.wait(1)), input.slice(1001));
    assertEqual(seen, input);

    const lines = (await filled('one\ntwo\n'))[Symbol.asyncIterator]();
    (await lines.next()).value.fill(0);
    assertEqual(text((await lines.next()).value), 'two\n');
});

test('what is in the queue, and put back there', () => {
    const [ours, theirs] = pair();
    theirs.write('tail\n');
    assertEqual(text(ours.readline().wait(-1)), 'tail\n');
    assertEqual(ours.peek().length, 0);
    for (const data of ['é', raw, raw.buffer, new GLib.Bytes(raw)])
        ours.unread(data);
    const queue = ours.peek();
    assert(queue instanceof Uint8Array);
    assertEqual([...queue], [...raw, ...raw, ...raw, 195, 169]);
    // A copy.
    queue.fill(0);
    assertEqual([...ours.peek()], [...raw, ...raw, ...raw, 195, 169]);
    assertTypeError(() => ours.unread(5), 'unread()');
});

test('set_delimiter_bytes takes the same', async () => {
    const channel = await filled('a\0b;c\r\n');
    channel.set_delimiter_bytes([new Uint8Array([0]), ';', new GLib.Bytes(new Uint8Array([13, 10]))]);
    const lines = [];
    for await (const line of channel.lines())
        lines.push(line);
    assertEqual(lines, ['a', 'b', 'c']);
    assertEqual(channel.get_delimiter_bytes().map(bytes => [...bytes]), [[0], [59], [13, 10]]);
});

// --- memory ---

function getMemory() {
    const [, status] = GLib.file_get_contents('/proc/self/status');
    return 1024 * Number(/VmRSS:\s*(\d+)/.exec(text(status))[1]);
}

function spawn(...argv) {
    const stream = Gio.Subprocess.new(argv, Gio.SubprocessFlags.STDOUT_PIPE).get_stdout_pipe();
    stream.close_fd = false;
    return Kaa.IOChannel.new_for_fd(stream.fd, Kaa.IO_READ);
}

async function assertBounded(next, size) {
    const before = getMemory();
    let [total, most] = [0, 0];
    for (let i = 0, length = await next(); length > 0; length = await next()) {
        total += length;
        if (++i % 100 === 0)
            most = Math.max(most, getMemory());
    }
    assertEqual(total, size);
    assert(most - before < GROWTH_MAX, `grew by ${(most - before) / MIB} MiB`);
}

test('512 MiB in chunks', async () => {
    const channel = spawn('head', '-c', String(512 * MIB), '/dev/zero');
    await assertBounded(async () => (await channel.read()).length, 512 * MIB);
}, 100);

test('512 MiB in batches', async () => {
    const channel = spawn('sh', '-c', `yes ${'x'.repeat(1023)} | head -c ${512 * MIB}`);
    const batches = channel.batches();
    await assertBounded(async () => 1024 * ((await batches.next()).value?.length ?? 0), 512 * MIB);
}, 100);

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// The contract as JavaScript sees it; each case is named by its rule.

import Gio from 'gi://Gio';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, assertThrows, filled, pair, run, sleep, test, text, until} from './tap.js';

const {IOErrorEnum} = Gio;

test('R1 nothing is read while nobody is interested', async () => {
    const [ours, theirs] = pair();
    theirs.write('one\n');
    await theirs.flush();
    await sleep(5);
    assertEqual(ours.bytes_read, 0);
    const lines = [];
    const handler = ours.connect('readline', (_channel, line) => lines.push(text(line)));
    await until(() => lines.length === 1);
    GObject.signal_handler_block(ours, handler);
    theirs.write('two\n');
    await theirs.flush();
    await sleep(5);
    assertEqual(ours.bytes_read, 4);
    GObject.signal_handler_unblock(ours, handler);
    await until(() => lines.length === 2);
    assertEqual(lines, ['one\n', 'two\n']);
});

test('R2 first come, first served', async () => {
    const [ours, theirs] = pair();
    const futures = [ours.readline(), ours.read_exactly(3), ours.readline(), ours.read_until(';'), ours.readlines()];
    theirs.write('one\ntwothree\nx;y\nz\n');
    assertEqual((await Promise.all(futures)).map(text), ['one\n', 'two', 'three\n', 'x;', 'y\nz\n']);
});

test('R2 requests wait until the channel is open', async () => {
    const channel = new Kaa.IOChannel();
    const line = channel.readline();
    const [ours, theirs] = pair();
    theirs.write('one\n');
    channel.wrap_channel(ours, Kaa.IO_READ);
    assertEqual(text(await line), 'one\n');
});

test('R2 an iterator stands in line behind a request', async () => {
    const channel = await filled('one\ntwo\nthree\nfour\n');
    const lines = channel.lines();
    assertEqual((await lines.next()).value, 'one');
    const request = channel.readline();
    const next = lines.next();
    assertEqual(text(await request), 'two\n');
    assertEqual((await next).value, 'three');
});

test('R3 read handlers take nothing away', async () => {
    const [ours, theirs] = pair();
    let seen = '';
    ours.connect('read', (_channel, chunk) => {
        seen += text(chunk);
    });
    const line = ours.readline();
    theirs.write('one\ntwo\n');
    assertEqual(text(await line), 'one\n');
    assertEqual(text(await ours.readline()), 'two\n');
    assertEqual(seen, 'one\ntwo\n');
});

test('R4 readline() beside a handler is refused', async () => {
    const [ours, theirs] = pair();
    const handler = ours.connect('readline', () => {});
    await assertRejects(ours.readline(), IOErrorEnum, IOErrorEnum.PENDING);
    await assertRejects(ours.lines().next(), IOErrorEnum, IOErrorEnum.PENDING);
    await assertRejects(ours.batches().next(), IOErrorEnum, IOErrorEnum.PENDING);
    ours.disconnect(handler);
    theirs.write('one\n');
    assertEqual(text(await ours.readline()), 'one\n');
});

test('R4 a handler for the headers, a request for the body', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('readline', (channel, line) => {
        seen.push(text(line));
        if (text(line) === '4\n')
            channel.read_exactly(4).then(body => seen.push(`<${text(body)}>`));
    });
    theirs.write('4\na\nb\nafter\n');
    await until(() => seen.length === 3);
    assertEqual(seen, ['4\n', '<a\nb\n>', 'after\n']);
});

test('R5 a handler that disconnects gets no more', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    const handler = ours.connect('readline', (channel, line) => {
        seen.push(text(line));
        channel.disconnect(handler);
    });
    theirs.write('one\ntwo\n');
    await until(() => seen.length === 1);
    assertEqual(text(await ours.readline()), 'two\n');
    assertEqual(seen, ['one\n']);
});

test('R5 paused', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('readline', (channel, line) => {
        seen.push(text(line));
        channel.paused = true;
    });
    theirs.write('one\ntwo\n');
    await until(() => seen.length === 1);
    await sleep(5);
    assertEqual(seen, ['one\n']);
    ours.paused = false;
    await until(() => seen.length === 2);
});

test('R6 delimiters', async () => {
    const channel = await filled('a\r\nb\nc\rd;;e');
    channel.set_delimiter_bytes(['\r\n', '\n', ';'].map(delimiter => new TextEncoder().encode(delimiter)));
    const lines = [];
    for await (const line of channel)
        lines.push(text(line));
    assertEqual(lines, ['a\r\n', 'b\n', 'c\rd;', ';', 'e']);
});

test('R6 NUL', async () => {
    const channel = await filled('a\0b\nc\0d');
    channel.set_delimiter_bytes([new Uint8Array([0])]);
    const lines = [];
    for await (const line of channel.lines())
        lines.push(line);
    assertEqual(lines, ['a', 'b\nc', 'd']);
});

test('R7 ERROR takes nothing, DISCARD drops the line', async () => {
    const failing = await filled('12345\nab\n');
    Object.assign(failing, {queue_size: 4, overflow_policy: Kaa.OverflowPolicy.ERROR});
    await assertRejects(failing.lines().next(), IOErrorEnum, IOErrorEnum.MESSAGE_TOO_LARGE);
    assertEqual(text(await failing.read_exactly(4)), '1234');

    const discarding = await filled('12345\nab\n');
    Object.assign(discarding, {queue_size: 4, overflow_policy: Kaa.OverflowPolicy.DISCARD});
    const overflows = [];
    discarding.connect('overflow', (_channel, bytes) => overflows.push(bytes));
    await assertRejects(discarding.readline(), IOErrorEnum, IOErrorEnum.MESSAGE_TOO_LARGE);
    assertEqual(text(await discarding.readline()), 'ab\n');
    assertEqual(overflows.length, 1);
});

test('R8 the end: the last line, empty results, closed', async () => {
    const [ours, theirs] = pair();
    const events = [];
    ours.connect('closed', (_channel, expected) => events.push(`closed ${expected}`));
    const futures = [1, 2, 3].map(() => ours.readline().then(line => events.push(text(line))));
    theirs.write('one\ntwo');
    theirs.close();
    await Promise.all(futures);
    await until(() => events.length === 4);
    assertEqual(events, ['one\n', 'two', '', 'closed false']);
    assert(ours.eof && !ours.alive && !ours.readable);
});

test('R8 what is left can be drained', async () => {
    const [ours, theirs] = pair();
    theirs.write('one\ntwo\nthree\n');
    assertEqual(text(await ours.readline()), 'one\n');
    ours.close();
    assert(ours.readable && !ours.alive);
    const lines = [];
    for await (const line of ours.lines())
        lines.push(line);
    assertEqual(lines, ['two', 'three']);
});

test('R9 a file that grows', async () => {
    const [file, stream] = Gio.File.new_tmp('kaa-XXXXXX');
    const output = stream.get_output_stream();
    output.write_all('one\n', null);
    const channel = new Kaa.IOChannel({close_fd: false});
    const input = file.read(null);
    channel.wrap_fd(input.get_fd(), Kaa.IO_READ);
    assertEqual(text(await channel.read()), 'one\n');
    assertEqual(text(await channel.read()), '');
    assert(channel.alive && channel.eof);
    output.write_all('two\n', null);
    assertEqual(text(await channel.read()), 'two\n');
    await channel.close();
    file.delete(null);
});

test('R10 an aborted or timed-out request takes no data', async () => {
    const [ours, theirs] = pair();
    const aborted = ours.readline();
    const late = ours.readline().timeout(0.01, true);
    aborted.abort();
    await assertRejects(aborted, IOErrorEnum, IOErrorEnum.CANCELLED);
    await assertRejects(late, IOErrorEnum, IOErrorEnum.TIMED_OUT);
    theirs.write('one\n');
    assertEqual(text(await ours.readline()), 'one\n');
});

test('W1 writes wait until the channel is open', async () => {
    const channel = new Kaa.IOChannel();
    const writes = [channel.write('one\n'), channel.write('two\n')];
    const [ours, theirs] = pair();
    channel.wrap_channel(ours, Kaa.IO_READ | Kaa.IO_WRITE);
    assertEqual(await Promise.all(writes), [4, 4]);
    assertEqual(text(await theirs.read_exactly(8)), 'one\ntwo\n');
});

test('W1 writes are told in their order, from inside a handler too', async () => {
    const [ours, theirs] = pair();
    const told = [];
    ours.connect('readline', () => {
        for (const word of ['one', 'two', '', 'three'])
            ours.write(word).then(() => told.push(word));
        ours.flush().then(() => told.push('flushed'));
    });
    theirs.write('go\n');
    await until(() => told.length === 5);
    assertEqual(told, ['one', 'two', '', 'three', 'flushed']);
});

test('W2 a refused write throws at once', async () => {
    const channel = new Kaa.IOChannel({queue_size: 8});
    channel.write('12345').catch(() => {});
    assertThrows(() => channel.write('1234'), IOErrorEnum.WOULD_BLOCK);
    assert(!channel.writable);
    assertThrows(() => channel.write('123456789'), IOErrorEnum.MESSAGE_TOO_LARGE);
    assertEqual(channel.write_queue_used, 5);
    const [ours, theirs] = pair();
    channel.wrap_channel(ours, Kaa.IO_WRITE);
    await channel.wait_writable(8);
    assert(channel.writable);
    assertEqual(text(await theirs.read_exactly(5)), '12345');
});

test('W3 an empty write', async () => {
    const [ours] = pair();
    assertEqual(await ours.write(''), 0);
});

test('W5 abort takes out a write that has not begun', async () => {
    const channel = new Kaa.IOChannel();
    channel.write('one\n');
    const second = channel.write('two\n');
    channel.write('three\n');
    second.abort();
    await assertRejects(second, IOErrorEnum, IOErrorEnum.CANCELLED);
    const [ours, theirs] = pair();
    channel.wrap_channel(ours, Kaa.IO_WRITE);
    assertEqual(text(await theirs.read_exactly(10)), 'one\nthree\n');
});

test('W6 a close in between fails what was not written', async () => {
    const [ours] = pair();
    const block = 'x'.repeat(1024 * 1024);
    const write = ours.write(block);
    ours.close(Kaa.CloseFlags.IMMEDIATE);
    const error = await assertRejects(write, IOErrorEnum, IOErrorEnum.CLOSED);
    assert(/\d/.test(error.message), error.message);
    await assertRejects(ours.write('late'), IOErrorEnum, IOErrorEnum.CLOSED);
});

test('W6 the peer is gone', async () => {
    const [ours, theirs] = pair();
    const write = ours.write('x'.repeat(1024 * 1024));
    theirs.close(Kaa.CloseFlags.IMMEDIATE);
    await assertRejects(write, IOErrorEnum, IOErrorEnum.BROKEN_PIPE);
});

test('C1 close writes first what is queued', async () => {
    const [ours, theirs] = pair();
    const block = 'x'.repeat(1000000);
    const write = ours.write(block);
    const closing = ours.close();
    assert(!ours.alive);
    let size = 0;
    for (let chunk = await theirs.read(); chunk.length > 0; chunk = await theirs.read())
        size += chunk.length;
    assertEqual([size, await write, await closing], [1000000, 1000000, true]);
});

test('C2 closed fires once, and says whether it was expected', async () => {
    for (const [flags, expected] of [[undefined, true], [Kaa.CloseFlags.IMMEDIATE, true], [Kaa.CloseFlags.UNEXPECTED, false]]) {
        const [ours] = pair();
        const seen = [];
        ours.connect('closed', (_channel, value) => seen.push(value));
        const results = await Promise.all([ours.close(flags), ours.close(flags)]);
        assertEqual(results, [expected, expected]);
        await until(() => seen.length > 0);
        await sleep(2);
        assertEqual(seen, [expected]);
    }
});

test('C2 not while it is open, and nothing in the call', async () => {
    const [ours] = pair();
    let closed = 0;
    ours.connect('closed', () => closed++);
    ours.close(Kaa.CloseFlags.IMMEDIATE);
    assertEqual(closed, 0);
    await until(() => closed === 1);
});

test('C4 why it closed', async () => {
    const [ours, theirs] = pair();
    assertEqual(ours.error, null);
    await ours.close();
    assertEqual(ours.error, null);
    await theirs.close();
});

test('C5 a channel that only its handler knows is kept', async () => {
    const seen = [];
    const theirs = (() => {
        const [ours, other] = pair();
        ours.connect('readline', (_channel, line) => seen.push(text(line)));
        return other;
    })();
    await sleep(1);
    imports.system.gc();
    theirs.write('one\n');
    await until(() => seen.length === 1);
});

test('C6 wait() in a handler', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('readline', (channel, line) => {
        seen.push(text(line));
        if (seen.length === 1)
            seen.push(text(channel.read_exactly(4).wait(5)));
    });
    theirs.write('one\ntwo\nthree\n');
    await until(() => seen.length === 3);
    assertEqual(seen, ['one\n', 'two\n', 'three\n']);
});

test('C6 close in a handler', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('readline', (channel, line) => {
        seen.push(text(line));
        channel.close();
    });
    ours.connect('closed', (_channel, expected) => seen.push(expected));
    theirs.write('one\ntwo\n');
    await until(() => seen.length === 2);
    assertEqual(seen, ['one\n', true]);
});

await run();

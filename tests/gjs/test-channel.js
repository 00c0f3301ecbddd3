// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels from JavaScript: opened, iterated, left early, refused, closed.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, assertThrows, collect, filled, pair, run, sleep, test, text,
    until} from './tap.js';

const {IOErrorEnum} = Gio;

test('readline gives a Uint8Array', async () => {
    const channel = await filled('one\ntwo');
    const line = await channel.readline();
    assert(line instanceof Uint8Array);
    assertEqual(text(line), 'one\n');
    assertEqual(text(await channel.read()), 'two');
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
    assertEqual(text(await channel.readline()), 'three\n');
    assertEqual(await collect(channel), ['four\n']);
});

test('more lines than are lent at once', async () => {
    for (const word of ['line', 'līne']) {
        const expected = Array.from({length: 5000}, (_, i) => `${word} ${i}`);
        expected[2500] = word.repeat(5000);
        const channel = await filled(`${expected.join('\n')}\n`);
        const seen = [];
        while (seen.length < expected.length) {
            for await (const line of channel.lines()) {
                seen.push(line);
                if (seen.length % 701 === 0)
                    break;
            }
            seen.push(text(await channel.readline()).trimEnd());
        }
        assertEqual(seen.slice(0, 5000), expected);
    }
});

test('reading inside the loop', async () => {
    const channel = await filled('one\n4\nbody\ntwo\nx;y;');
    const seen = [];
    for await (const line of channel.lines()) {
        if (line === '4')
            seen.push(text(await channel.read_exactly(5)));
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
    assertEqual(text(await ours.readline()), 'one\n');
});

test('wait', () => {
    const [ours, theirs] = pair();
    const future = ours.readline();
    assertThrows(() => future.wait(0.01), IOErrorEnum.TIMED_OUT);
    theirs.write('one\n');
    assertEqual(text(future.wait(5)), 'one\n');
    assertEqual(text(future.get_result()), 'one\n');
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

test('asking on while it is alive', async () => {
    const asks = {
        read: channel => channel.read(),
        read_some: channel => channel.read_some(2),
        readline: channel => channel.readline(),
        readlines: channel => channel.readlines(),
        read_exactly: channel => channel.read_exactly(3),
        read_until: channel => channel.read_until(new GLib.Bytes(new Uint8Array([59]))),
    };
    for (const ask of Object.values(asks)) {
        const channel = await filled('one\ntwo');
        const got = [];
        let closed = false;
        channel.connect('closed', () => (closed = true));
        while (channel.alive)
            got.push(text(await ask(channel)));
        assertEqual(got.join(''), 'one\ntwo');
        // JavaScript goes on some turns later, so that more than one may be under way.
        assert(got.filter(piece => piece === '').length <= 3);
        await until(() => closed);
    }
});

// --- lines ---

test('characters that are cut by a piece', async () => {
    for (let size = 1; size <= 9; size++) {
        const channel = await filled('añ€😀b\n€€\n\n😀');
        channel.queue_size = size;
        assertEqual((await collect(channel.lines())).join(''), 'añ€😀b€€😀', `lines, queue-size ${size}`);
        const other = await filled('añ€😀b\n€€\n\n😀');
        other.queue_size = size;
        assertEqual((await collect(other.batches())).flat().join(''), 'añ€😀b€€😀', `batches, queue-size ${size}`);
    }
});

test('characters in every chunk', async () => {
    const [ours, theirs] = pair();
    const bytes = new TextEncoder().encode('ñ€😀\n€\n');
    const lines = collect(ours.lines());
    for (const byte of bytes) {
        theirs.write(new Uint8Array([byte]));
        await theirs.flush();
    }
    theirs.close();
    assertEqual(await lines, ['ñ€😀', '€']);
});

test('what is not text', async () => {
    const input = new Uint8Array([97, 0xff, 10, 0xe2, 0x82, 10, 98, 10]);
    assertEqual(await collect((await filled(input)).lines()), ['a\ufffd', '\ufffd', 'b']);
    assertEqual((await collect((await filled(input)).batches())).flat(), ['a\ufffd', '\ufffd', 'b']);
});

test('a byte order mark is kept', async () => {
    assertEqual(await collect((await filled('\ufeffa\n\ufeffb\n')).lines()), ['\ufeffa', '\ufeffb']);
});

test('encodings', async () => {
    assertEqual(await collect((await filled(new Uint8Array([0xe9, 10, 0xff, 10]))).lines('latin1')), ['é', 'ÿ']);
    // The second byte of the first character is a delimiter; it does not end a line in the middle.
    const sjis = await filled(new Uint8Array([0x83, 0x5c, 0x83, 0x5e, 10, 0x82, 0xa0, 10]));
    assertEqual(await collect(sjis.lines({encoding: 'shift_jis'})), ['ソタ', 'あ']);
    const wide = await filled(new Uint8Array([0x61, 0, 0xac, 0x20, 10, 0, 0xac, 0x20, 10, 0]));
    wide.set_delimiter_bytes([new Uint8Array([10, 0])]);
    wide.queue_size = 3;
    assertEqual((await collect(wide.lines('utf-16le'))).join(''), 'a€€');
    let thrown = null;
    try {
        (await filled('')).lines('no such encoding');
    } catch (error) {
        thrown = error;
    }
    assert(thrown instanceof RangeError, `${thrown}`);
});

test('letters that a mark may follow', async () => {
    for (const [encoding, bytes, text] of [['windows-1255', [0xf9, 0xec, 0xe5, 0xed], 'שלום'], ['windows-1258', [0x62, 0x61], 'ba']]) {
        const channel = await filled(new Uint8Array([...bytes, 13, 10, ...bytes, 13, 10, ...bytes]));
        channel.delimiter = '\r\n';
        assertEqual(await collect(channel.lines(encoding)), [text, text, text]);
    }
});

test('leaving by an exception or by return() loses nothing', async () => {
    const channel = await filled('one\ntwo\nthree\nfour\nfive\n');
    try {
        for await (const line of channel)
            throw new Error(text(line));
    } catch (error) {
        assertEqual(error.message, 'one\n');
    }
    const lines = channel.lines();
    assertEqual((await lines.next()).value, 'two');
    assertEqual(await lines.return(7), {value: 7, done: true});
    assertEqual(await lines.next(), {done: true});
    // Abandoned, and never told so.
    assertEqual((await channel.lines().next()).value, 'three');
    assertEqual(text(channel.peek()), 'four\nfive\n');
    for await (const batch of channel.batches()) {
        assertEqual(batch, ['four', 'five']);
        break;
    }
    assertEqual(await collect(channel), []);
});

test('two iterators share the lines', async () => {
    const channel = await filled('1\n2\n3\n4\n5\n6\n');
    const [one, other] = [channel.lines(), channel[Symbol.asyncIterator]()];
    const seen = [];
    for (let i = 0; i < 3; i++) {
        seen.push((await one.next()).value);
        seen.push(text((await other.next()).value).trimEnd());
    }
    assertEqual(seen, ['1', '2', '3', '4', '5', '6']);
    assert((await one.next()).done && (await other.next()).done);
});

test('next() may be called ahead', async () => {
    const channel = await filled('1\n2\n3\n');
    const lines = channel.lines();
    const results = await Promise.all([lines.next(), lines.next(), lines.next(), lines.next()]);
    assertEqual(results.map(({value}) => value ?? null), ['1', '2', '3', null]);
});

// --- errors ---

async function readTooMuch(channel) {
    await channel.read_exactly(1e9);
}

test('an error says where it comes from', async () => {
    const [ours] = pair();
    const error = await assertRejects(readTooMuch(ours), IOErrorEnum, IOErrorEnum.INVALID_ARGUMENT);
    const [first, second] = error.stack.split('\n');
    assert(/^readTooMuch@.*test-channel\.js:\d+:\d+$/.test(first), error.stack);
    assert(second.includes('test-channel.js'), error.stack);
    assert(error.fileName.endsWith('test-channel.js') && error.lineNumber > 0);
    assert(error instanceof GLib.Error);
});

test('an error of a promise that is made later', async () => {
    const failing = Kaa.InProgress.new(null);
    failing.throw(new GLib.Error(IOErrorEnum, IOErrorEnum.FAILED, 'no'));
    const error = await failing.then(() => 'yes', reason => reason);
    assert(error.stack.split('\n')[0].includes('test-channel.js'), error.stack);
    assert(assertThrows(() => failing.wait(1), IOErrorEnum.FAILED).stack.includes('test-channel.js'));
});

// --- the rest of what introspection gives ---

test('the GIO pairs can be promises', async () => {
    for (const name of ['read', 'read_some', 'readline', 'readlines', 'read_exactly', 'read_until', 'write_bytes', 'flush',
        'wait_writable', 'close'])
        Gio._promisify(Kaa.IOChannel.prototype, `${name}_async`, `${name}_finish`);
    const [ours, theirs] = pair();
    assertEqual(await theirs.write_bytes_async(new GLib.Bytes(new Uint8Array([97, 10, 98, 59, 99, 100, 101, 10])), null), 8);
    assertEqual(await theirs.flush_async(null), true);
    assertEqual(await theirs.wait_writable_async(1, null), true);
    assertEqual(text(await ours.readline_async(null)), 'a\n');
    assertEqual(text(await ours.read_until_async(new GLib.Bytes(new Uint8Array([59])), null)), 'b;');
    assertEqual(text(await ours.read_some_async(1, null)), 'c');
    assertEqual(text(await ours.read_exactly_async(1, null)), 'd');
    assertEqual(text(await ours.readlines_async(null)), 'e\n');
    const cancellable = new Gio.Cancellable();
    const cancelled = ours.read_async(cancellable);
    cancellable.cancel();
    await assertRejects(cancelled, IOErrorEnum, IOErrorEnum.CANCELLED);
    assertEqual(await ours.close_async(Kaa.CloseFlags.NONE, null), true);
});

test('a future for a GIO call', async () => {
    const file = Gio.File.new_for_path('/');
    const future = Kaa.InProgress.new(file);
    file.query_info_async('standard::type', Gio.FileQueryInfoFlags.NONE, GLib.PRIORITY_DEFAULT, null,
        (_file, result) => {
            Kaa.InProgress.ready_callback(file, result, future);
        });
    await future.timeout(5, true);
    assertEqual(file.query_info_finish(future.get_object()).get_file_type(), Gio.FileType.DIRECTORY);
});

test('a monitor', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    const monitor = Kaa.IOMonitor.new((self, condition) => {
        seen.push(condition);
        self.unregister();
    });
    monitor.register(ours.fileno, Kaa.IO_READ);
    assert(monitor.active);
    theirs.write('x');
    await until(() => seen.length > 0);
    assertEqual(seen, [Kaa.IO_READ]);
    assertEqual(monitor.fd, -1);
    assertThrows(() => monitor.register(-1, Kaa.IO_READ), IOErrorEnum.INVALID_ARGUMENT);
});

test('properties at construction, and their notifications', async () => {
    const channel = new Kaa.IOChannel({
        chunk_size: 10, queue_size: 20, delimiters: ['\r\n', ';'], close_on_eof: false, linger: 1,
        overflow_policy: Kaa.OverflowPolicy.ERROR,
    });
    assertEqual([channel.chunk_size, channel.queue_size, channel.delimiters, channel.close_on_eof, channel.linger],
        [10, 20, ['\r\n', ';'], false, 1]);
    assertEqual([channel.delimiter, channel.alive, channel.fileno, channel.error], [null, false, -1, null]);
    const seen = [];
    channel.connect('notify::alive', () => seen.push(channel.alive));
    const [ours] = pair();
    channel.wrap_channel(ours, Kaa.IO_READ);
    await channel.close();
    assertEqual(seen, [true, false]);
    assert(channel.describe().length > 0);
});

test('connecting is noticed', async () => {
    const [ours, theirs] = pair();
    theirs.write('one\n');
    await sleep(5);
    const lines = [];
    ours.connect_after('readline', (_channel, line) => lines.push(text(line)));
    await until(() => lines.length === 1);
    assertEqual(lines, ['one\n']);
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong with a call itself is thrown by it, with the stack of the caller; what depends on the state fails the future.

import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, assertThrows, pair, run, test, text} from './tap.js';

const {INVALID_ARGUMENT, MESSAGE_TOO_LARGE, WOULD_BLOCK} = Gio.IOErrorEnum;

function assertThrowsHere(callback, code) {
    const error = assertThrows(callback, code);
    assert(error.stack.split('\n')[0].includes('test-calls.js'), error.stack);
}

test('arguments that are never right', async () => {
    const [ours] = pair();
    const socket = new Kaa.Socket();
    const unix = new Kaa.Socket();
    unix.wrap_channel(pair()[0], Kaa.IO_READ | Kaa.IO_WRITE);
    for (const callback of [
        () => ours.shutdown(Kaa.IO_READ), () => ours.shutdown(0),
        () => ours.read_exactly(0), () => ours.read_exactly(2 ** 40), () => ours.read_exactly(NaN),
        () => ours.read_until(''), () => ours.read_until(new Uint8Array()),
        () => ours.splice(ours, Kaa.SpliceFlags.NONE),
        () => Kaa.InProgress.any([]),
        () => socket.connect_to(''), () => socket.connect_to('host'), () => socket.connect_to(`/${'x'.repeat(200)}`),
        () => unix.write_with_fds('x', []), () => unix.write_with_fds('x', [9999]),
        () => Kaa.Process.new([], Kaa.ProcessFlags.NONE).communicate('x'),
    ])
        assertThrowsHere(callback, INVALID_ARGUMENT);
    assert(ours.alive);
});

test('limits', async () => {
    const [ours] = pair();
    ours.queue_size = 100;
    for (const callback of [() => ours.write('x'.repeat(101)), () => ours.write(new Int8Array(101)), () => ours.wait_writable(101)])
        assertThrowsHere(callback, MESSAGE_TOO_LARGE);
    const channel = new Kaa.IOChannel({queue_size: 100});
    channel.write('x'.repeat(60));
    assertThrowsHere(() => channel.write('x'.repeat(60)), WOULD_BLOCK);
});

test('what gjs does not take', async () => {
    const [ours, theirs] = pair();
    for (const callback of [() => ours.close(64), () => ours.shutdown(64), () => ours.splice(theirs, 64), () => ours.read_exactly(-1)]) {
        let thrown = null;
        try {
            callback();
        } catch (error) {
            thrown = error;
        }
        assert(thrown?.stack.includes('test-calls.js'), `${callback} gave ${thrown}`);
    }
    assert(ours.alive);
    assertEqual(await ours.close(Kaa.CloseFlags.IMMEDIATE | Kaa.CloseFlags.UNEXPECTED), false);
});

test('states fail the future', async () => {
    const [ours, theirs] = pair();
    ours.connect('readline', () => {});
    await assertRejects(ours.readline(), Gio.IOErrorEnum, Gio.IOErrorEnum.PENDING);
    await ours.close();
    const {CLOSED} = Gio.IOErrorEnum;
    for (const future of [ours.write('x'), ours.shutdown(Kaa.IO_WRITE), theirs.splice(ours, 0)])
        await assertRejects(future, Gio.IOErrorEnum, CLOSED);
    await assertRejects(Kaa.Process.new(['/no/such/program'], 0).communicate('x'));
});

test('strings that would be cut', async () => {
    const socket = new Kaa.Socket();
    for (const callback of [
        () => socket.connect_to('unix:/tmp/a\0b'), () => socket.listen('/tmp/a\0b'), () => socket.connect_to_async('host\0:1', null, null),
        () => socket.start_tls('host\0.evil'), () => socket.start_tls_buffered('host\0.evil'), () => Kaa.IOChannel.new_for_serial('/dev/ttyS0\0', 9600, 0),
    ]) {
        let thrown = null;
        try {
            callback();
        } catch (error) {
            thrown = error;
        }
        assert(thrown instanceof TypeError && thrown.message.includes('NUL'), `${callback} gave ${thrown}`);
        assert(thrown.stack.includes('test-calls.js'), thrown.stack);
    }
    // Bytes may have one.
    const [ours, theirs] = pair();
    await ours.write('a\0b');
    assertEqual(text(await theirs.read_until('\0')), 'a\0');
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// What is wrong with a call itself is thrown by it, with the stack of the caller; what depends on the state fails the future.

import Gio from 'gi://Gio';
import GObject from 'gi://GObject';
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
    const channel = new Kaa.IOChannel();
    const process = Kaa.Process.new(['cat'], Kaa.ProcessFlags.NONE);
    class Child extends Kaa.Process {}
    GObject.registerClass(Child);
    const child = new Child();
    // Each property that is a string or a list of them, in each way to set it.
    const setters = [
        [process, 'argv', ['echo', 'a\0b'], ['cat']], [process, 'directory', '/tmp\0/x', null], [process, 'stop_command', 'quit\0', null],
        [process, 'environment', ['A=b\0c'], []], [process, 'environment', ['A\0B=c'], []], [child, 'argv', ['a\0'], []],
        [channel, 'delimiter', 'a\0', '\n'], [channel, 'delimiters', ['a', 'b\0'], ['\n']], [process, 'delimiter', '\0', '\n'],
    ].flatMap(([object, name, value, unset]) => {
        const camel = name.replace('_c', 'C');
        const kebab = name.replace('_', '-');
        object[name] = unset;
        return [
            () => object[`set_${name}`](value), () => (object[name] = value), () => (object[camel] = value), () => (object[kebab] = value),
            () => object.set({[name]: value}), () => object.set_property(kebab, value),
            () => new object.constructor({[name]: value}), () => new object.constructor({[camel]: value}),
            () => new object.constructor({[kebab]: value}), () => GObject.Object.new(object.constructor.$gtype, {[name]: value}),
        ];
    });
    for (const callback of [
        ...setters, () => Kaa.Process.new(['echo', 'a\0b'], 0), () => Kaa.Process.new(['a\0b'], 0), () => Kaa.Process.new_shell('echo a\0b', 0),
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
    // Nothing was set. gjs 1.74 has an empty list for none.
    for (const object of [process, child])
        assertEqual([object.directory, object.stop_command, object.environment ?? []], [null, null, []]);
    assertEqual([process.argv, child.argv ?? [], channel.delimiter, channel.delimiters], [['cat'], [], '\n', ['\n']]);
    // Bytes may have one.
    const [ours, theirs] = pair();
    await ours.write('a\0b');
    assertEqual(text(await theirs.read_until('\0')), 'a\0');
});

await run();

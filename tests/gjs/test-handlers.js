// SPDX-License-Identifier: LGPL-2.1-or-later
// Handlers of signals, which are connected in a way of their own so that none is lost (test-lost.js): nobody may notice.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

import {assert, assertEqual, assertRejects, pair, run, test, text, until} from './tap.js';

// gjs itself is more severe about an exception in a handler than its logError(), which is for those connected in the other way.
const EXCEPTION_LEVEL = Number(GLib.getenv('KAA_IO_GJS_DROPS') ?? System.version < 18190) !== 0
    ? GLib.LogLevelFlags.LEVEL_WARNING : GLib.LogLevelFlags.LEVEL_CRITICAL;

test('a handler is given the object and the arguments', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    ours.connect('readline', (...args) => seen.push(args));
    ours.connect('closed', (...args) => seen.push(args));
    theirs.write('one\n');
    theirs.close();
    await until(() => seen.length === 2);
    assertEqual(seen.map(([self, ...rest]) => [self === ours, rest.length]), [[true, 1], [true, 1]]);
    assert(seen[0][1] instanceof GLib.Bytes);
    assertEqual(text(seen[0][1]), 'one\n');
    assertEqual(seen[1][1], false);
});

test('handlers are called in order, and those connected with connect_after last', async () => {
    const order = [];
    const Channel = GObject.registerClass(class extends Kaa.IOChannel {
        vfunc_readline() {
            order.push('default');
        }
    });
    const [inner, theirs] = pair();
    const ours = new Channel();
    ours.connect_after('readline', () => order.push('after'));
    ours.connect('readline', () => order.push('first'));
    ours.connect('readline', () => order.push('second'));
    ours.wrap_channel(inner, Kaa.IO_READ);
    theirs.write('\n');
    await until(() => order.includes('after'));
    assertEqual(order, ['first', 'second', 'default', 'after']);
});

test('a handler can be blocked and disconnected', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    const blocked = ours.connect('readline', () => seen.push('blocked'));
    const gone = ours.connect('readline', () => seen.push('gone'));
    ours.connect('readline', (_, line) => seen.push(text(line)));
    GObject.signal_handler_block(ours, blocked);
    ours.disconnect(gone);
    theirs.write('1\n');
    await until(() => seen.length > 0);
    GObject.signal_handler_unblock(ours, blocked);
    theirs.write('2\n');
    await until(() => seen.length > 2);
    assertEqual(seen, ['1\n', 'blocked', '2\n']);
});

test('an exception in a handler is logged, and the next handler is called', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    GLib.test_expect_message('Gjs', EXCEPTION_LEVEL, '*JS ERROR: Error: for a test*test-handlers.js*');
    ours.connect('readline', () => {
        seen.push('thrown');
        throw new Error('for a test');
    });
    ours.connect('readline', () => seen.push('next'));
    theirs.write('\n');
    await until(() => seen.length === 2);
    GLib.test_assert_expected_messages_internal('Kaa', 'test-handlers.js', 0, '');
    assertEqual(seen, ['thrown', 'next']);
});

test('what cannot be connected throws', () => {
    const [ours] = pair();
    for (const args of [['nonsense', () => {}], ['readline', null], ['readline']]) {
        let thrown = null;
        try {
            ours.connect(...args);
        } catch (error) {
            thrown = error;
        }
        assert(thrown instanceof Error, `${args} threw ${thrown}`);
    }
});

test('a detail is one of the handler', async () => {
    const [ours] = pair();
    const seen = [];
    ours.connect('notify::alive', (self, spec) => seen.push([self === ours, spec.name]));
    ours.connect('notify::paused', (_, spec) => seen.push(spec.name));
    await ours.close();
    assertEqual(seen, [[true, 'alive']]);
});

test('what a handler returns counts: a veto of abort', async () => {
    const promise = Kaa.InProgress.new(null);
    let veto = true;
    promise.connect('abort', () => !veto);
    let refused = null;
    try {
        promise.abort();
    } catch (error) {
        refused = error;
    }
    assert(refused !== null && !promise.finished);
    veto = false;
    promise.abort();
    await assertRejects(promise, Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED);
});

test('resolved, rejected and finished of a future', async () => {
    const [good, bad] = [Kaa.InProgress.new(null), Kaa.InProgress.new(null)];
    const seen = [];
    good.connect('resolved', (self, value) => seen.push([self === good, value]));
    good.connect('notify::finished', () => seen.push('finished'));
    bad.connect('rejected', (self, error) => seen.push([self === bad, error.message]));
    good.finish_int(7);
    bad.throw(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.FAILED, 'for a test'));
    await until(() => seen.length === 3);
    assertEqual(seen, ['finished', [true, 7], [true, 'for a test']]);
});

// An open channel that nobody holds is closed, and its peer sees that.
function makeWitness() {
    const [witness, peer] = pair();
    let gone = false;
    peer.connect('closed', () => {
        gone = true;
    });
    return [witness, () => {
        System.gc();
        return gone;
    }];
}

// A closure that C holds must hold neither the channel nor what the handler has in it.
test('a channel and its handler are collected together', async () => {
    const make = () => {
        const [witness, isGone] = makeWitness();
        const channel = new Kaa.IOChannel();
        channel.connect('readline', () => [channel, witness]);
        return isGone;
    };
    await until(make());
});

test('a handler lives as long as its channel, and no longer than it is connected', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    const make = () => {
        const [witness, isGone] = makeWitness();
        return [ours.connect('readline', () => seen.push(witness.alive)), isGone];
    };
    const [id, isGone] = make();
    for (let i = 1; i <= 3; i++) {
        System.gc();
        theirs.write('\n');
        await until(() => seen.length === i);
    }
    assertEqual(seen, [true, true, true]);
    ours.disconnect(id);
    await until(isGone);
});

test('a monitor is made with a callback', async () => {
    const [ours, theirs] = pair();
    const seen = [];
    const monitor = Kaa.IOMonitor.new((self, condition) => {
        seen.push([self === monitor, condition]);
        monitor.unregister();
    });
    monitor.register(ours.fileno, Kaa.IO_READ);
    theirs.send('x');
    await until(() => seen.length === 1);
    assertEqual(seen, [[true, Kaa.IO_READ]]);
    assert(!monitor.active);
});

await run();

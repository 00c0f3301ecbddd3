// SPDX-License-Identifier: LGPL-2.1-or-later
// What waits is ended from outside: by a cancellable, by a time-out, by return(). No byte is taken by what was ended.

import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, pair, run, sleep, test, text} from './tap.js';

const {IOErrorEnum} = Gio;

async function assertIntact(ours, theirs) {
    theirs.write('intact\n');
    assertEqual(text(await ours.readline()), 'intact\n');
}

function assertNameOf(constructor, callback) {
    try {
        callback();
    } catch (error) {
        assert(error instanceof constructor, error);
        assert(error.stack.length > 0);
        return;
    }
    assert(false, 'did not throw');
}

const WAITS = {
    read: (channel, options) => channel.read(options),
    read_some: (channel, options) => channel.read_some(10, options),
    readline: (channel, options) => channel.readline(options),
    readlines: (channel, options) => channel.readlines(options),
    read_exactly: (channel, options) => channel.read_exactly(5, options),
    read_until: (channel, options) => channel.read_until(';', options),
};

for (const [name, wait] of Object.entries(WAITS)) {
    test(`${name}() is cancelled while it waits`, async () => {
        const [ours, theirs] = pair();
        const cancellable = new Gio.Cancellable();
        const future = wait(ours, {cancellable});
        const rejected = assertRejects(future, IOErrorEnum, IOErrorEnum.CANCELLED);
        await sleep(1);
        assert(!future.get_finished());
        cancellable.cancel();
        await rejected;
        await assertIntact(ours, theirs);
    });

    test(`${name}() is cancelled before it is called`, async () => {
        const [ours, theirs] = pair();
        const cancellable = new Gio.Cancellable();
        cancellable.cancel();
        await assertRejects(wait(ours, {cancellable}), IOErrorEnum, IOErrorEnum.CANCELLED);
        await assertIntact(ours, theirs);
    });
}

test('one cancellable serves many calls, and ends those that wait', async () => {
    const [ours, theirs] = pair();
    const cancellable = new Gio.Cancellable();
    for (let i = 0; i < 100; i++) {
        theirs.write(`${i}\n`);
        assertEqual(text(await ours.readline({cancellable})), `${i}\n`);
    }
    const rejected = [1, 2, 3].map(() => assertRejects(ours.readline({cancellable}), IOErrorEnum, IOErrorEnum.CANCELLED));
    cancellable.cancel();
    await Promise.all(rejected);
    await assertIntact(ours, theirs);
});

const ITERATORS = {
    bytes: (channel, options) => channel[Symbol.asyncIterator](options),
    lines: (channel, options) => channel.lines(options),
    'lines, encoding': (channel, options) => channel.lines('utf-8', options),
    'lines, shift_jis': (channel, options) => channel.lines('shift_jis', options),
    batches: (channel, options) => channel.batches(options),
    'batches, encoding': (channel, options) => channel.batches('iso-8859-1', options),
};

for (const [name, iterate] of Object.entries(ITERATORS)) {
    test(`${name}: a cancellable ends the loop while it waits`, async () => {
        const [ours, theirs] = pair();
        const cancellable = new Gio.Cancellable();
        const iterator = iterate(ours, {cancellable});
        const rejected = assertRejects(iterator.next(), IOErrorEnum, IOErrorEnum.CANCELLED);
        await sleep(1);
        cancellable.cancel();
        await rejected;
        assertEqual((await iterator.next()).done, true);
        await assertIntact(ours, theirs);
    });

    test(`${name}: a cancellable ends the loop while there are lines`, async () => {
        const [ours, theirs] = pair();
        const cancellable = new Gio.Cancellable();
        await theirs.write('line\n'.repeat(100));
        let n = 0;
        await assertRejects((async () => {
            for await (const item of iterate(ours, {cancellable})) {
                n += Array.isArray(item) ? item.length : 1;
                if (n >= 3)
                    cancellable.cancel();
            }
        })(), IOErrorEnum, IOErrorEnum.CANCELLED);
        assert(n >= 3 && n < 100, n);
        assertEqual(text(await ours.read_exactly(5 * (100 - n))), 'line\n'.repeat(100 - n));
        await assertIntact(ours, theirs);
    });

    test(`${name}: return() ends a next() that waits`, async () => {
        const [ours, theirs] = pair();
        const iterator = iterate(ours);
        const pending = [iterator.next(), iterator.next()];
        await sleep(1);
        assertEqual(await iterator.return('value'), {value: 'value', done: true});
        for (const result of await Promise.all(pending))
            assertEqual(result.done, true);
        await assertIntact(ours, theirs);
    });

    test(`${name}: return() just after a line was found takes none`, async () => {
        const [ours, theirs] = pair();
        const iterator = iterate(ours);
        const pending = iterator.next();
        theirs.write('intact\n');
        while (ours.bytes_read === 0)
            await sleep(0);
        iterator.return();
        // One of both has it.
        const result = await pending;
        if (result.done)
            assertEqual(text(await ours.readline()), 'intact\n');
    });
}

test('the clients of a socket', async () => {
    const server = new Kaa.Socket();
    server.listen('127.0.0.1:0');
    const cancellable = new Gio.Cancellable();
    const rejected = assertRejects(server.clients({cancellable}).next(), IOErrorEnum, IOErrorEnum.CANCELLED);
    await sleep(1);
    cancellable.cancel();
    await rejected;
    assert(server.get_listening());
    server.close();
});

test('what is no cancellable is a TypeError', () => {
    const [ours] = pair();
    assertNameOf(TypeError, () => ours.readline({cancellable: 1}));
    assertNameOf(TypeError, () => ours.lines({cancellable: {}}));
});

test('sleep() takes its time', async () => {
    const begin = Date.now();
    assertEqual(await Kaa.sleep(30), undefined);
    assert(Date.now() - begin >= 29);
    await Kaa.sleep(0);
});

test('sleep() is cancelled', async () => {
    const cancellable = new Gio.Cancellable();
    const rejected = assertRejects(Kaa.sleep(100000, {cancellable}), IOErrorEnum, IOErrorEnum.CANCELLED);
    await Kaa.sleep(1);
    cancellable.cancel();
    await rejected;
});

test('sleep() with a wrong value', async () => {
    for (const [wrong, constructor] of [[-1, RangeError], [NaN, TypeError], ['1', TypeError], [undefined, TypeError]]) {
        const error = await assertRejects(Kaa.sleep(wrong));
        assert(error instanceof constructor, error);
    }
});

test('timeout() of a future ends the operation', async () => {
    const [ours, theirs] = pair();
    await assertRejects(Kaa.timeout(ours.readline(), 5), IOErrorEnum, IOErrorEnum.TIMED_OUT);
    await assertIntact(ours, theirs);
    theirs.write('in time\n');
    assertEqual(text(await Kaa.timeout(ours.readline(), 100000)), 'in time\n');
});

test('timeout() of a promise', async () => {
    await assertRejects(Kaa.timeout(new Promise(() => {}), 5), IOErrorEnum, IOErrorEnum.TIMED_OUT);
    assertEqual(await Kaa.timeout(Promise.resolve(7), 100000), 7);
    const failure = new Error('its own');
    const error = await assertRejects(Kaa.timeout(Promise.reject(failure), 100000));
    assert(error === failure);
});

test('arguments that may be left out', async () => {
    const child = Kaa.Process.new(['echo', 'hello']);
    assertEqual(text(await child.communicate()), 'hello\n');
    assertEqual(text(await Kaa.Process.new_shell('echo hello').communicate()), 'hello\n');
    const [ours] = pair();
    await assertRejects(ours.readline().timeout(0.001), IOErrorEnum, IOErrorEnum.TIMED_OUT);
    const own = Kaa.InProgress.new();
    own.finish(3);
    assertEqual(own.wait(), 3);
});

await run();

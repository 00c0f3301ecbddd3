// SPDX-License-Identifier: LGPL-2.1-or-later
// Whoever iterates over lines that are at hand, and takes his time for each, lets the loop turn: redraws run in between.

import GLib from 'gi://GLib';

import {assert, assertEqual, pair, run, sleep, test} from './tap.js';

const N_CALLS = 12;
const REDRAW = GLib.PRIORITY_HIGH_IDLE + 20;

// Longer than anything may take without a turn.
function beSlow() {
    const begin = GLib.get_monotonic_time();
    while (GLib.get_monotonic_time() - begin < 3000)
        ;
}

async function check(iterate) {
    const [ours, theirs] = pair();
    let turns = 0, before = -1, missed = 0, calls = 0;
    const redraw = GLib.idle_add(REDRAW, () => {
        turns++;
        return GLib.SOURCE_CONTINUE;
    });

    theirs.send('line\n'.repeat(N_CALLS));
    theirs.close();
    for await (const _ of iterate(ours)) {
        if (turns === before)
            missed++;
        before = turns;
        calls++;
        beSlow();
    }
    GLib.source_remove(redraw);
    ours.close();
    assert(calls >= 3, calls);
    // The first step is not the loop's.
    assert(missed <= 1, `${missed} of ${calls}`);
    return calls;
}

test('line by line', async () => {
    assertEqual(await check(channel => channel), N_CALLS);
});

test('as text', async () => {
    assertEqual(await check(channel => channel.lines()), N_CALLS);
});

test('in another encoding', async () => {
    assertEqual(await check(channel => channel.lines('shift_jis')), N_CALLS);
});

test('in batches', async () => {
    await check(channel => {
        channel.queue_size = 16;
        channel.chunk_size = 10;
        return channel.batches();
    });
});

// 3 ms of work for each line of a batch.
test('a batch has as many lines as there is time for', async () => {
    const [ours, theirs] = pair();
    await theirs.write('line\n'.repeat(30));
    theirs.close();
    const counts = [];
    for await (const lines of ours.batches()) {
        counts.push(lines.length);
        lines.forEach(beSlow);
    }
    assertEqual(counts.reduce((sum, count) => sum + count), 30);
    assert(counts[0] <= 4, counts[0]);
    assert(counts.slice(1).every(count => count === 1), counts);
});

// Who waits for something else has all of them: the loop turns meanwhile.
test('a batch of who waits grows', async () => {
    const [ours, theirs] = pair();
    await theirs.write('line\n'.repeat(30000));
    theirs.close();
    let n = 0, most = 0;
    for await (const lines of ours.batches()) {
        n += lines.length;
        most = Math.max(most, lines.length);
        await sleep(5);
    }
    assertEqual(n, 30000);
    assert(most >= 1000, most);
}, 60);

for (const [name, ask] of [['readline', channel => channel.readline()], ['read_some', channel => channel.read_some(5)],
    ['read_exactly', channel => channel.read_exactly(5)], ['read_until', channel => channel.read_until('\n')]]) {
    test(`awaits in a row: ${name}()`, async () => {
        assertEqual(await check(channel => ({
            async next() {
                const value = await ask(channel);
                return {value, done: value.length === 0};
            },
            [Symbol.asyncIterator]() {
                return this;
            },
        })), N_CALLS);
    });
}

await run();

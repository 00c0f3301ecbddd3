// SPDX-License-Identifier: LGPL-2.1-or-later
// Whoever iterates over lines that are at hand, and takes his time for each, lets the loop turn: redraws run in between.

import GLib from 'gi://GLib';

import {assert, assertEqual, pair, run, test} from './tap.js';

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

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// gjs drops callbacks while its collector sweeps. Millions of lines, none lost, none twice, and nothing hangs.

import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assertEqual, run, test, text} from './tap.js';

const SECONDS = 100;

// The lines 1 to count, from a child.
function count(last) {
    const child = Gio.Subprocess.new(['seq', String(last)], Gio.SubprocessFlags.STDOUT_PIPE);
    const stream = child.get_stdout_pipe();
    stream.close_fd = false;
    return Kaa.IOChannel.new_for_fd(stream.fd, Kaa.IO_READ);
}

// Each line is compared: order, and once only.
class Counter {
    constructor() {
        this.last = 0;
    }

    see(line) {
        if (Number(line) !== this.last + 1)
            throw new Error(`after line ${this.last} came "${line}"`);
        this.last++;
    }
}

test('2,000,000 lines by batches()', async () => {
    const counter = new Counter();
    for await (const lines of count(2000000).batches()) {
        for (const line of lines)
            counter.see(line);
    }
    assertEqual(counter.last, 2000000);
}, SECONDS);

test('300,000 lines by lines()', async () => {
    const counter = new Counter();
    for await (const line of count(300000).lines())
        counter.see(line);
    assertEqual(counter.last, 300000);
}, SECONDS);

test('60,000 single lines by await', async () => {
    const counter = new Counter();
    const channel = count(60000);
    for (let line = await channel.readline(); line.length > 0; line = await channel.readline())
        counter.see(text(line));
    assertEqual(counter.last, 60000);
}, SECONDS);

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// The border of the benchmarks in gjs, as that of the C programs (c/bench.h):
//
//     SCRIPT PEER KIND AMOUNT SIZE EXTRA
//
// with the far end on descriptor 0; one line of JSON with what was seen.

import GLib from 'gi://GLib';
import System from 'system';

export const FD = 0;
export const BUFFER_SIZE = 65536;

const TICKS = 100;

function readProc(name) {
    const [, contents] = GLib.file_get_contents(`/proc/self/${name}`);
    return new TextDecoder().decode(contents);
}

// User and system time, of all threads: gjs has some for its garbage.
function getCpuSeconds() {
    const fields = readProc('stat').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function countWrites() {
    return Number(/syscw: (\d+)/.exec(readProc('io'))[1]);
}

class Bench {
    constructor([peer, kind, amount, size]) {
        this.peer = peer;
        this.kind = kind;
        this.amount = Number(amount);
        this.size = Number(size);
    }

    start() {
        this._writes = countWrites();
        this._cpu = getCpuSeconds();
        this._time = GLib.get_monotonic_time();
    }

    // Items and bytes that were seen; a wrong total is an error and not a figure.
    stop(items, bytes) {
        const seconds = (GLib.get_monotonic_time() - this._time) / 1e6;
        const cpu = getCpuSeconds() - this._cpu;
        const writes = countWrites() - this._writes;
        if (items !== this.amount || bytes !== this.amount * this.size)
            throw new Error(`${this.peer}, ${this.kind}: ${items} of ${this.amount} items, ${bytes} bytes`);
        print(JSON.stringify({items, seconds, cpu, writes, heap: 0}));
    }
}

// cases: `PEER KIND` -> async function of a Bench.
export function main(cases) {
    const bench = new Bench(ARGV);
    const loop = new GLib.MainLoop(null, false);
    let status = 0;
    cases[`${bench.peer} ${bench.kind}`](bench).catch(error => {
        printerr(error, error.stack);
        status = 1;
    }).finally(() => loop.quit());
    loop.run();
    System.exit(status);
}

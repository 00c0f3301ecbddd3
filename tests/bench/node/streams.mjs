// SPDX-License-Identifier: LGPL-2.1-or-later
// node: readline, and its sockets, which are its pipes too. With the border of the C programs (../c/bench.h).

import fs from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';

const FD = 0;
const QUEUE_SIZE = 1024 * 1024;

function getCpuSeconds() {
    const {user, system} = process.cpuUsage();
    return (user + system) / 1e6;
}

function countWrites() {
    return Number(/syscw: (\d+)/.exec(fs.readFileSync('/proc/self/io', 'ascii'))[1]);
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
        this._time = performance.now();
    }

    // Items and bytes that were seen; a wrong total is an error and not a figure.
    stop(items, bytes) {
        const seconds = (performance.now() - this._time) / 1e3;
        const cpu = getCpuSeconds() - this._cpu;
        const writes = countWrites() - this._writes;
        if (items !== this.amount || bytes !== this.amount * this.size)
            throw new Error(`${this.peer}, ${this.kind}: ${items} of ${this.amount} items, ${bytes} bytes`);
        console.log(JSON.stringify({items, seconds, cpu, writes, heap: 0}));
    }
}

function openLines() {
    return readline.createInterface({input: new net.Socket({fd: FD}), crlfDelay: Infinity});
}

async function lineEvent(bench) {
    let [items, bytes] = [0, 0];
    const lines = openLines();
    bench.start();
    lines.on('line', line => {
        items++;
        bytes += line.length + 1;
    });
    await new Promise(resolve => lines.on('close', resolve));
    bench.stop(items, bytes);
}

async function iterate(bench) {
    let [items, bytes] = [0, 0];
    const lines = openLines();
    bench.start();
    for await (const line of lines) {
        items++;
        bytes += line.length + 1;
    }
    bench.stop(items, bytes);
}

async function chunks(bench) {
    let bytes = 0;
    const socket = new net.Socket({fd: FD});
    bench.start();
    socket.on('data', chunk => (bytes += chunk.length));
    await new Promise(resolve => socket.on('end', resolve));
    bench.stop(bytes, bytes);
}

async function writes(bench) {
    const socket = new net.Socket({fd: FD, readable: false, writable: true});
    const message = Buffer.alloc(bench.size, 'x');
    let items = 0;
    bench.start();
    while (items < bench.amount) {
        if (socket.writableLength + bench.size > QUEUE_SIZE)
            await new Promise(resolve => socket.once('drain', resolve));
        socket.write(message);
        items++;
    }
    if (socket.writableLength > 0)
        await new Promise(resolve => socket.once('drain', resolve));
    bench.stop(items, items * bench.size);
}

const cases = {
    'node-line lines': lineEvent,
    'node-iterate lines': iterate,
    'node chunks': chunks,
    'node writes': writes,
};

const bench = new Bench(process.argv.slice(2));
await cases[`${bench.peer} ${bench.kind}`](bench);
process.exit(0);

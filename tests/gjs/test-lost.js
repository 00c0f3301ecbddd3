// SPDX-License-Identifier: LGPL-2.1-or-later
// gjs drops callbacks while its collector sweeps. Millions of lines, none lost, none twice, and nothing hangs; a callback that is
// dropped ends this program (G_DEBUG, in meson.build).

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';

import {assertEqual, run, test, text} from './tap.js';

const SECONDS = 100;

Gio._promisify(Kaa.IOChannel.prototype, 'readline_async', 'readline_finish');

// The lines 1 to count, from a child.
function count(last, channel = new Kaa.IOChannel()) {
    const child = Gio.Subprocess.new(['seq', String(last)], Gio.SubprocessFlags.STDOUT_PIPE);
    const stream = child.get_stdout_pipe();
    stream.close_fd = false;
    channel.wrap_fd(stream.fd, Kaa.IO_READ);
    return channel;
}

function makeGarbage() {
    for (let i = 0; i < 10; i++)
        new GLib.Bytes('garbage');
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

// One handler may begin the sweep that the next one would be lost in.
test('300,000 lines to two handlers', async () => {
    const counters = [new Counter(), new Counter()];
    const channel = count(300000);
    for (const counter of counters)
        channel.connect('readline', (_, line) => counter.see(text(line)));
    await new Promise(resolve => channel.connect('closed', resolve));
    assertEqual(counters.map(counter => counter.last), [300000, 300000]);
}, SECONDS);

test('200,000 lines to a default handler, behind another one', async () => {
    const counters = [new Counter(), new Counter()];
    let closed;
    const Channel = GObject.registerClass(class extends Kaa.IOChannel {
        vfunc_readline(line) {
            counters[0].see(text(line));
        }

        vfunc_closed() {
            closed();
        }
    });
    const channel = new Channel();
    channel.connect('readline', (_, line) => counters[1].see(text(line)));
    await new Promise(resolve => {
        closed = resolve;
        count(200000, channel);
    });
    assertEqual(counters.map(counter => counter.last), [200000, 200000]);
}, SECONDS);

test('5,000 reads of a subclass', async () => {
    const Channel = GObject.registerClass(class extends Kaa.IOChannel {
        vfunc_read_nonblocking(size) {
            makeGarbage();
            return super.vfunc_read_nonblocking(Math.min(size, 100));
        }
    });
    const counter = new Counter();
    for await (const line of count(100000, new Channel()))
        counter.see(text(line));
    assertEqual(counter.last, 100000);
}, SECONDS);

test('100,000 calls of a monitor', async () => {
    const [, ours, theirs] = Kaa.IOChannel.new_pair();
    let calls = 0;
    theirs.send('x');
    await new Promise(resolve => {
        const monitor = Kaa.IOMonitor.new(() => {
            makeGarbage();
            if (++calls === 100000) {
                monitor.unregister();
                resolve();
            }
        });
        monitor.register(ours.fileno, Kaa.IO_READ);
    });
    assertEqual(calls, 100000);
}, SECONDS);

test('60,000 single lines by a promisified pair', async () => {
    const counter = new Counter();
    const channel = count(60000);
    for (let line = await channel.readline_async(null); line.get_size() > 0; line = await channel.readline_async(null))
        counter.see(text(line));
    assertEqual(counter.last, 60000);
}, SECONDS);

test('60,000 single lines by await', async () => {
    const counter = new Counter();
    const channel = count(60000);
    for (let line = await channel.readline(); line.length > 0; line = await channel.readline())
        counter.see(text(line));
    assertEqual(counter.last, 60000);
}, SECONDS);

// Everything else that is awaited. Ten thousand rounds of it are some hundred thousand objects for the collector.
test('10,000 rounds of everything else', async () => {
    const [, ours, theirs] = Kaa.IOChannel.new_pair();
    for (let round = 1; round <= 10000; round++) {
        const made = Kaa.InProgress.new(null);
        const [count, bytes, , index, number] = await Promise.all([
            ours.write(`${round}\n`),
            theirs.read_exactly(`${round}\n`.length),
            ours.flush(),
            Kaa.InProgress.any([made, ours.wait_writable(1)]),
            made.timeout(60, false),
            Kaa.InProgress.all([made, ours.flush()]),
            Promise.resolve().then(() => made.finish_int(round)),
        ]);
        assertEqual([count, text(bytes), number], [bytes.length, `${round}\n`, round]);
        assertEqual(index === 0 || index === 1, true);
        if (round % 10 === 0) {
            const [, one, other] = Kaa.IOChannel.new_pair();
            other.write('last');
            assertEqual(await other.close(), true);
            assertEqual(text(await one.read_until(';')), 'last');
            // Its end may have closed it by now, which is not what a promise of close() is about here.
            assertEqual(typeof await one.close(), 'boolean');
        }
    }
}, SECONDS);

test('300 connections', async () => {
    const address = `unix-abstract:kaa-lost-${new Date().getTime()}`;
    const server = new Kaa.Socket();
    server.listen(address, 10);
    for (let i = 0; i < 300; i++) {
        const socket = new Kaa.Socket();
        const [client] = await Promise.all([server.accept(), socket.connect_to(address)]);
        client.write(`${i}\n`);
        assertEqual(text(await socket.readline()), `${i}\n`);
        await Promise.all([client.close(), socket.close()]);
    }
    await server.close();
}, SECONDS);

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// 1,000 operations at random over a socket pair, with the collector at random points: no byte is lost, none comes twice.
// KAA_TEST_SEED repeats a run.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

import {assert, assertEqual, pair, run, test} from './tap.js';

const {IOErrorEnum} = Gio;
const OPERATIONS = 1000;
const QUEUE_SIZE = 4096;

// A generator with a seed (mulberry32).
function generator(seed) {
    return below => {
        seed = seed + 0x6d2b79f5 | 0;
        let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
        t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
        return ((t ^ t >>> 14) >>> 0) % below;
    };
}

// The stream: letters and newlines, the byte of each position follows from the position.
function byteAt(position) {
    const value = (Math.imul(position, 2654435761) >>> 13) % 27;
    return value === 26 ? 10 : 97 + value;
}

function bytesAt(position, length) {
    return Uint8Array.from({length}, (_, i) => byteAt(position + i));
}

// What has arrived, compared as it comes.
class Received {
    constructor(what) {
        this._what = what;
        this.position = 0;
    }

    add(bytes) {
        for (let i = 0; i < bytes.length; i++) {
            if (bytes[i] !== byteAt(this.position + i))
                throw new Error(`${this._what}: a wrong byte at ${this.position + i}`);
        }
        this.position += bytes.length;
    }

    addLine(line) {
        this.add(new TextEncoder().encode(`${line}\n`));
    }
}

function isExpected(error) {
    return error.matches?.(IOErrorEnum, IOErrorEnum.CANCELLED) || error.matches?.(IOErrorEnum, IOErrorEnum.TIMED_OUT);
}

class Script {
    constructor(seed) {
        this.random = generator(seed);
        [this.ours, this.theirs] = pair();
        this.ours.queue_size = QUEUE_SIZE;
        this.read = new Received('read');
        this.answered = new Received('written');
        this.written = 0;
        this.sent = 0;
        this.stopped = false;
    }

    // The peer sends without end, as fast as it is read.
    async send() {
        while (!this.stopped) {
            const length = 1 + this.random(3000);
            await this.theirs.wait_writable(length);
            this.theirs.write(bytesAt(this.sent, length));
            this.sent += length;
        }
        // No last line without an end.
        do {
            await this.theirs.wait_writable(1);
            this.theirs.write(bytesAt(this.sent, 1));
        } while (byteAt(this.sent++) !== 10);
        await this.theirs.shutdown(Kaa.IO_WRITE);
    }

    // And reads what comes back.
    async listen() {
        for (let chunk = await this.theirs.read(); chunk.length > 0; chunk = await this.theirs.read())
            this.answered.add(chunk);
    }

    write() {
        const length = this.random(QUEUE_SIZE);
        let future;
        try {
            future = this.ours.write(bytesAt(this.written, length));
        } catch (error) {
            assert(error.matches(IOErrorEnum, IOErrorEnum.WOULD_BLOCK), `${error}`);
            return;
        }
        future.catch(error => assert(isExpected(error), `${error}`));
        if (this.random(3) === 0) {
            try {
                future.abort();
                return;
            } catch {
                // It has begun, so it will arrive.
            }
        }
        this.written += length;
    }

    request() {
        const {ours, random} = this;
        switch (random(6)) {
        case 0:
            return ours.read();
        case 1:
            return ours.readline();
        case 2:
            return ours.readlines();
        case 3:
            return ours.read_exactly(1 + random(QUEUE_SIZE));
        case 4:
            return ours.read_some(1 + random(QUEUE_SIZE));
        default:
            return ours.read_until(String.fromCharCode(97 + random(26)));
        }
    }

    async operate() {
        const {ours, random, read} = this;
        switch (random(9)) {
        case 0:
        case 1:
            read.add(await this.request());
            break;
        case 2: {
            // Several at once, in the order in which they were made.
            const results = await Promise.all([this.request(), this.request(), this.request()]);
            results.forEach(bytes => read.add(bytes));
            break;
        }
        case 3: {
            const future = this.request();
            if (random(2))
                await this.wait();
            try {
                future.abort();
            } catch {
                // Too late: it has its bytes.
            }
            await this.take(future);
            break;
        }
        case 4:
            await this.take(this.request().timeout(random(3) / 1000, true));
            break;
        case 5: {
            // Looked at when it has long been served.
            const future = this.request();
            await this.wait();
            read.add(await future);
            break;
        }
        case 6: {
            let count = 1 + random(200);
            for await (const line of ours.lines()) {
                read.addLine(line);
                if (--count === 0)
                    break;
            }
            break;
        }
        case 7: {
            const lines = ours[Symbol.asyncIterator]();
            for (let count = random(20); count > 0; count--)
                read.add((await lines.next()).value);
            break;
        }
        default: {
            let count = 1 + random(3);
            for await (const lines of ours.batches()) {
                lines.forEach(line => read.addLine(line));
                if (--count === 0)
                    break;
            }
        }
        }
    }

    // What an operation that may fail has read after all.
    async take(future) {
        try {
            this.read.add(await future);
        } catch (error) {
            assert(isExpected(error), `${error}`);
        }
    }

    wait() {
        return new Promise(resolve => Kaa.InProgress.new(null).timeout(this.random(2) / 1000, false).catch(resolve));
    }

    async run() {
        const others = Promise.all([this.send(), this.listen()]);
        for (let i = 0; i < OPERATIONS; i++) {
            if (this.random(3) === 0)
                this.write();
            await this.operate();
            if (this.random(10) === 0)
                System.gc();
        }
        this.stopped = true;
        this.ours.close_on_eof = false;
        for (let chunk = await this.ours.read(); chunk.length > 0; chunk = await this.ours.read())
            this.read.add(chunk);
        await this.ours.flush();
        await this.ours.close();
        await others;
        assertEqual([this.read.position, this.answered.position], [this.sent, this.written]);
    }
}

test('random operations', async () => {
    const seed = Number(GLib.getenv('KAA_TEST_SEED') ?? GLib.random_int());
    print(`# KAA_TEST_SEED=${seed}`);
    await new Script(seed).run();
}, 60);

await run();

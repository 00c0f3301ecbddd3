// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels written in JavaScript: virtual methods between the descriptor and the queue.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, collect, pair, run, test, text} from './tap.js';

const {IOErrorEnum} = Gio;

function rot13(bytes) {
    return bytes.map(byte => {
        const letter = byte & ~0x20;
        return letter >= 65 && letter <= 90 ? byte + (letter < 78 ? 13 : -13) : byte;
    });
}

const Rot13 = GObject.registerClass(class Rot13 extends Kaa.IOChannel {
    vfunc_read_nonblocking(count) {
        return new GLib.Bytes(rot13(super.vfunc_read_nonblocking(count).toArray()));
    }

    vfunc_write_nonblocking(data) {
        return super.vfunc_write_nonblocking(new GLib.Bytes(rot13(data.toArray())));
    }
});

// Keeps what is written to it.
const Collector = GObject.registerClass(class Collector extends Gio.OutputStream {
    vfunc_write_fn(bytes) {
        this.chunks ??= [];
        this.chunks.push(Uint8Array.from(bytes));
        return bytes.length;
    }
});

// What arrives is compressed.
const Inflating = GObject.registerClass(class Inflating extends Kaa.IOChannel {
    _init(params) {
        super._init(params);
        this._collector = new Collector();
        this._inflater = new Gio.ConverterOutputStream({
            base_stream: this._collector,
            converter: new Gio.ZlibDecompressor({format: Gio.ZlibCompressorFormat.GZIP}),
        });
    }

    vfunc_read_nonblocking(count) {
        for (;;) {
            // Throws when there is nothing more now.
            const compressed = super.vfunc_read_nonblocking(count);
            if (compressed.get_size() === 0)
                return compressed;
            this._inflater.write_all(compressed.toArray(), null);
            const chunks = this._collector.chunks ?? [];
            this._collector.chunks = [];
            if (chunks.length > 0)
                return new GLib.Bytes(chunks.flatMap(chunk => Array.from(chunk)));
        }
    }
});

function open(channel, mode = Kaa.IO_READ | Kaa.IO_WRITE) {
    const [ours, theirs] = pair();
    channel.wrap_channel(ours, mode);
    return [channel, theirs];
}

test('reading and writing through virtual methods', async () => {
    const [channel, theirs] = open(new Rot13());
    theirs.write('Uryyb\nJbeyq\n');
    assertEqual(text(await channel.readline()), 'Hello\n');
    assertEqual(await channel.write('Hello\n'), 6);
    assertEqual(text(await theirs.readline()), 'Uryyb\n');
    theirs.close();
    assertEqual(await collect(channel.lines()), ['World']);
});

test('signals and batches of a subclass', async () => {
    const [channel, theirs] = open(new Rot13({delimiter: ';'}));
    theirs.write('n;o;p');
    theirs.close();
    assertEqual((await collect(channel.batches())).flat(), ['a', 'b', 'c']);
});

test('decompressing', async () => {
    const memory = Gio.MemoryOutputStream.new_resizable();
    const compressor = new Gio.ConverterOutputStream({
        base_stream: memory,
        converter: new Gio.ZlibCompressor({format: Gio.ZlibCompressorFormat.GZIP}),
    });
    compressor.write_all(new TextEncoder().encode('one\ntwo\nthree\n'), null);
    compressor.close(null);
    const compressed = memory.steal_as_bytes().toArray();
    const [channel, theirs] = open(new Inflating());
    // In pieces: most of them are no answer yet.
    for (let i = 0; i < compressed.length; i += 5) {
        theirs.write(compressed.slice(i, i + 5));
        await theirs.flush();
    }
    theirs.close();
    assertEqual(await collect(channel.lines()), ['one', 'two', 'three']);
});

test('an error of a virtual method closes the channel', async () => {
    const Broken = GObject.registerClass(class Broken extends Kaa.IOChannel {
        vfunc_read_nonblocking(_count) {
            throw new GLib.Error(IOErrorEnum, IOErrorEnum.INVALID_DATA, 'no');
        }
    });
    const [channel, theirs] = open(new Broken());
    theirs.write('x');
    await assertRejects(channel.read(), IOErrorEnum, IOErrorEnum.INVALID_DATA);
    assert(channel.error.matches(IOErrorEnum, IOErrorEnum.INVALID_DATA));
});

test('a subclass with properties and signals of its own', async () => {
    const Counting = GObject.registerClass({
        Properties: {
            count: GObject.ParamSpec.int('count', '', '', GObject.ParamFlags.READWRITE, 0, 1000, 0),
        },
        Signals: {counted: {param_types: [GObject.TYPE_INT]}},
    }, class Counting extends Kaa.IOChannel {
        vfunc_close_channel() {
            this.emit('counted', this.count);
            return super.vfunc_close_channel();
        }
    });
    const channel = new Counting({queue_size: 10, count: 3});
    const seen = [];
    channel.connect('counted', (_channel, count) => seen.push(count));
    open(channel);
    await channel.close();
    assertEqual(seen, [3]);
    assertEqual(channel.queue_size, 10);
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// unzip: numbers the lines of a gzip file on standard input: a channel of one's own, which decompresses what passes.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

// Keeps what is written to it.
const Collector = GObject.registerClass(class Collector extends Gio.OutputStream {
    _text = [];

    vfunc_write_fn(bytes) {
        this._text.push(...bytes);
        return bytes.length;
    }

    take() {
        const text = this._text;
        this._text = [];
        return text;
    }
});

const Unzip = GObject.registerClass(class Unzip extends Kaa.IOChannel {
    _collector = new Collector();
    _stream = new Gio.ConverterOutputStream({
        base_stream: this._collector,
        converter: new Gio.ZlibDecompressor({format: Gio.ZlibCompressorFormat.GZIP}),
    });

    vfunc_read_nonblocking(count) {
        for (;;) {
            // Throws WOULD_BLOCK when there is nothing more now.
            const compressed = super.vfunc_read_nonblocking(count).toArray();
            if (compressed.length > 0)
                this._stream.write_all(compressed, null);
            else
                // Throws when something is missing.
                this._stream.close(null);
            const text = this._collector.take();
            // Nothing is the end.
            if (text.length > 0 || compressed.length === 0)
                return new GLib.Bytes(Uint8Array.from(text));
        }
    }
});

const channel = new Unzip();
channel.wrap_fd(0, Kaa.IO_READ);
let number = 0;
try {
    for await (const line of channel.lines())
        print(`${++number}: ${line}`);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

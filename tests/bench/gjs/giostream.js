// SPDX-License-Identifier: LGPL-2.1-or-later
// GDataInputStream through gjs, with await.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {BUFFER_SIZE, FD, main} from './border.js';

// GLib 2.74 has no namespace for what is only on Unix.
let InputStream;
try {
    InputStream = imports.gi.GioUnix.InputStream;
} catch {
    InputStream = Gio.UnixInputStream;
}

Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish');

async function lines(bench) {
    let [items, bytes] = [0, 0];
    const stream = Gio.DataInputStream.new(InputStream.new(FD, false));
    stream.set_buffer_size(BUFFER_SIZE);
    bench.start();
    for (;;) {
        const [line] = await stream.read_line_async(GLib.PRIORITY_DEFAULT, null);
        if (line === null)
            break;
        // It comes without the delimiter.
        items++;
        bytes += line.length + 1;
    }
    bench.stop(items, bytes);
}

main({'gio-gjs lines': lines});

// SPDX-License-Identifier: LGPL-2.1-or-later
// rot13: prints standard input with each letter turned by 13: a channel of one's own, which sees all that passes.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';

function turn(byte) {
    const letter = byte & ~0x20;
    return letter >= 65 && letter <= 90 ? byte + (letter < 78 ? 13 : -13) : byte;
}

const Rot13 = GObject.registerClass(class Rot13 extends Kaa.IOChannel {
    vfunc_read_nonblocking(count) {
        return new GLib.Bytes(super.vfunc_read_nonblocking(count).toArray().map(turn));
    }
});

const channel = new Rot13();
channel.wrap_fd(0, Kaa.IO_READ);
for await (const line of channel.lines())
    print(line);

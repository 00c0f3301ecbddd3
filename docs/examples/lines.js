// SPDX-License-Identifier: LGPL-2.1-or-later
// lines.js COMMAND [ARGUMENT...]: counts the lines that a command prints, with for await.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

if (System.programArgs.length === 0) {
    printerr(`usage: ${System.programInvocationName} COMMAND [ARGUMENT...]`);
    System.exit(1);
}

const start = GLib.get_monotonic_time();
const child = Gio.Subprocess.new(System.programArgs, Gio.SubprocessFlags.STDOUT_PIPE);

// The pipe becomes the channel's: the stream must not close it as well.
const stdout = child.get_stdout_pipe();
stdout.close_fd = false;
const channel = Kaa.IOChannel.new_for_fd(stdout.fd, Kaa.IOCondition.READ);

let lines = 0;
let bytes = 0;
for await (const line of channel) {
    lines++;
    bytes += line.length;
}

const seconds = (GLib.get_monotonic_time() - start) / 1e6;
print(`${lines} lines, ${bytes} bytes, ${(lines / seconds).toFixed(0)} lines/s`);

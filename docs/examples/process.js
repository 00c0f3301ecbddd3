// SPDX-License-Identifier: LGPL-2.1-or-later
// process COMMAND [ARGUMENT...]: runs a command, and tells its output from its errors.

import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

async function show(name, channel) {
    for await (const line of channel.lines())
        print(`${name}: ${line}`);
}

if (System.programArgs.length === 0) {
    printerr(`usage: ${System.programInvocationName} COMMAND [ARGUMENT...]`);
    System.exit(1);
}

try {
    const process = Kaa.Process.new(System.programArgs, Kaa.ProcessFlags.STDERR_PIPE);
    process.start();
    // There is nothing for it to read.
    process.shutdown(Kaa.IO_WRITE);
    await Promise.all([show('out', process), show('err', process.stderr_channel)]);
    print(`ended with ${await process.wait()}`);
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

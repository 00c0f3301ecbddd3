// SPDX-License-Identifier: LGPL-2.1-or-later
// Prints each line of standard input (a pipe, a terminal, a file) with its number.

import Kaa from 'gi://Kaa?version=1.0';

const channel = Kaa.IOChannel.new_for_fd(0, Kaa.IOCondition.READ);
const decoder = new TextDecoder();
let number = 0;

for await (const line of channel)
    print(`${++number}: ${decoder.decode(line).trimEnd()}`);

// SPDX-License-Identifier: LGPL-2.1-or-later
// transcript.js FD: reads three lines, writes one, closes, and says so at every step.

import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

const channel = Kaa.IOChannel.new_for_fd(Number(System.programArgs[0]),
    Kaa.IOCondition.READ | Kaa.IOCondition.WRITE);
const closed = Kaa.InProgress.new(null);
channel.connect('closed', (_channel, expected) => closed.finish_boolean(expected));
print(`opened: alive=${channel.alive} mode=${channel.mode}`);

for (let number = 1; number <= 3; number++) {
    const line = await channel.readline();
    print(`line ${number}: ${new TextDecoder().decode(line).trimEnd()}`);
}

print(`wrote ${await channel.write('delta\n')}`);

print(`close finished: expected=${await channel.close(Kaa.CloseFlags.NONE)}`);
print(`closed: expected=${await closed}`);

print(`after: alive=${channel.alive}`);
try {
    await channel.write('late\n');
    print('write after close: taken');
} catch (error) {
    const refused = error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED);
    print(`write after close: ${refused ? 'refused' : error.message}`);
}

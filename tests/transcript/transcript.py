# SPDX-License-Identifier: LGPL-2.1-or-later
"""transcript.py FD: reads three lines, writes one, closes, and says so at every step."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


def bool_to_string(value):
    return 'true' if value else 'false'


async def main(fd):
    channel = Kaa.IOChannel(fd, Kaa.IO_READ | Kaa.IO_WRITE)
    closed = Kaa.InProgress.new(None)
    channel.connect('closed', lambda channel, expected: closed.finish_boolean(expected))
    print(f'opened: alive={bool_to_string(channel.alive)} mode={int(channel.mode)}')

    for number in range(1, 4):
        line = await channel.readline()
        print(f'line {number}: {line.decode()}', end='')

    written = await channel.write(b'delta\n')
    print(f'wrote {written}')

    print(f'close finished: expected={bool_to_string(await channel.close())}')
    print(f'closed: expected={bool_to_string(await closed)}')

    print(f'after: alive={bool_to_string(channel.alive)}')
    try:
        await channel.write(b'late\n')
        print('write after close: taken')
    except GLib.Error as error:
        refused = error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED)
        print('write after close: ' + ('refused' if refused else error.message))


Kaa.run(main(int(sys.argv[1])))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""serial DEVICE BAUD COMMAND: sends a command to a modem, and prints what it answers, up to OK or ERROR."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

MAX_ANSWER = 5  # seconds for each line of the answer


async def main(device: str, baud: int, command: str) -> None:
    modem = Kaa.IOChannel.new_for_serial(device, baud, Kaa.SerialFlags.NONE)
    await modem.write(f'{command}\r'.encode())
    line = ''
    while line not in ('OK', 'ERROR'):
        # There is no end of file: a modem that hangs up raises an error.
        line = (await modem.readline().timeout(MAX_ANSWER, True)).decode().strip()
        print(line)


if len(sys.argv) != 4:
    sys.exit(f'usage: {sys.argv[0]} DEVICE BAUD COMMAND')
try:
    Kaa.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
except GLib.Error as error:
    sys.exit(error.message)

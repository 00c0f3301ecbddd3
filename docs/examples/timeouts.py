# SPDX-License-Identifier: LGPL-2.1-or-later
"""timeouts ADDRESS SECONDS: the time-outs of an attempt to connect, of one operation, and of a silent channel."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


def expect_timeout(error: GLib.Error) -> None:
    if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.TIMED_OUT):
        raise error


async def main(address: str, seconds: float) -> None:
    # An attempt to connect, the name look-up included.
    socket = Kaa.Socket(connect_timeout=seconds)
    try:
        await socket.connect_to(address)
    except GLib.Error as error:
        expect_timeout(error)
        print('connection: timed out')
        sys.exit(1)

    # One operation: it is aborted, and the channel stays as it is.
    try:
        await socket.readline().timeout(seconds, True)
    except GLib.Error as error:
        expect_timeout(error)
        print('operation: timed out,', 'open' if socket.alive else 'closed')

    # No byte came or went: the channel is closed, and everything that waits for it fails.
    socket.idle_timeout = seconds
    try:
        await socket.readline()
    except GLib.Error as error:
        expect_timeout(error)
        print('channel: timed out,', 'open' if socket.alive else 'closed')


if len(sys.argv) != 3:
    sys.exit(f'usage: {sys.argv[0]} ADDRESS SECONDS')
Kaa.run(main(sys.argv[1], float(sys.argv[2])))

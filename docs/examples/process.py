# SPDX-License-Identifier: LGPL-2.1-or-later
"""process COMMAND [ARGUMENT...]: runs a command, and tells its output from its errors."""

import asyncio
import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa


async def show(name: str, channel: Kaa.IOChannel | None) -> None:
    if channel is not None:
        async for line in channel.lines():
            print(f'{name}: {line}')


async def main(command: list[str]) -> None:
    process = Kaa.Process(command, Kaa.ProcessFlags.STDERR_PIPE)
    process.start()
    # There is nothing for it to read.
    process.shutdown(Kaa.IO_WRITE)
    await asyncio.gather(show('out', process), show('err', process.stderr_channel))
    print('ended with', await process.wait())


if len(sys.argv) < 2:
    sys.exit(f'usage: {sys.argv[0]} COMMAND [ARGUMENT...]')
try:
    asyncio.run(main(sys.argv[1:]))
except GLib.Error as error:
    sys.exit(error.message)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""lines.py COMMAND [ARGUMENT...]: counts the lines that a command prints, with async for."""

import subprocess
import sys
import time

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Kaa


async def main(command: list[str]) -> None:
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    # The channel keeps the file object, and closes it at the end.
    channel = Kaa.IOChannel(child.stdout, Kaa.IO_READ)
    lines = size = 0
    async for line in channel:
        lines += 1
        size += len(line)

    seconds = time.monotonic() - start
    print(f'{lines} lines, {size} bytes, {lines / seconds:.0f} lines/s')
    child.wait()


if len(sys.argv) < 2:
    sys.exit(f'usage: {sys.argv[0]} COMMAND [ARGUMENT...]')
Kaa.run(main(sys.argv[1:]))

# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints each line of standard input (a pipe, a terminal, a file) with its number.

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Kaa


async def main() -> None:
    number = 0
    async for line in Kaa.IOChannel(sys.stdin, Kaa.IO_READ):
        number += 1
        print(f'{number}: {line.decode()}', end='')


Kaa.run(main())

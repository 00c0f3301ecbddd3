# SPDX-License-Identifier: LGPL-2.1-or-later
"""ask ADDRESS LINE...: sends lines to a server, and prints as many that come back."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

MAX_CONNECT = 5  # seconds to connect
MAX_ANSWER = 10  # seconds for each answer


async def main(address: str, lines: list[str]) -> None:
    async with Kaa.Socket(connect_timeout=MAX_CONNECT) as socket:
        await socket.connect_to(address)
        for line in lines:
            await socket.write(f'{line}\n'.encode())
            answer = await socket.readline().timeout(MAX_ANSWER, True)
            if not answer:
                sys.exit('the server has hung up')
            print(answer.decode(), end='')


if len(sys.argv) < 3:
    sys.exit(f'usage: {sys.argv[0]} ADDRESS LINE...')
try:
    Kaa.run(main(sys.argv[1], sys.argv[2:]))
except GLib.Error as error:
    sys.exit(error.message)

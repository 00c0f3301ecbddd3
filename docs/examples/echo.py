# SPDX-License-Identifier: LGPL-2.1-or-later
"""echo ADDRESS: a server that sends each line back, to 100 clients at a time, none of which may be silent for a minute."""

import asyncio
import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

MAX_CLIENTS = 100
MAX_SILENCE = 60


async def serve(client: Kaa.Socket) -> None:
    client.idle_timeout = MAX_SILENCE
    try:
        async with client:
            async for line in client:
                # While the client does not read, no more is read from it.
                await client.write(line)
    except GLib.Error as error:
        print(error.message, file=sys.stderr)


async def main(address: str) -> None:
    server = Kaa.Socket(max_clients=MAX_CLIENTS)
    server.listen(address)
    async with asyncio.TaskGroup() as tasks:
        async for client in server.clients():
            tasks.create_task(serve(client))


if len(sys.argv) != 2:
    sys.exit(f'usage: {sys.argv[0]} ADDRESS')
asyncio.run(main(sys.argv[1]))

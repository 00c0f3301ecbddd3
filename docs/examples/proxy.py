# SPDX-License-Identifier: LGPL-2.1-or-later
"""proxy ADDRESS SERVER: connects each client to a server, and moves the bytes both ways."""

import asyncio
import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GLib, Kaa

MAX_CLIENTS = 100
MAX_CONNECT = 10
MAX_SILENCE = 300


async def move(source: Kaa.Socket, target: Kaa.Socket) -> None:
    await source.splice(target, Kaa.SpliceFlags.NONE)
    # This way has ended; the other side may still have much to say.
    await target.shutdown(Kaa.IO_WRITE)


async def serve(client: Kaa.Socket, address: str) -> None:
    server = Kaa.Socket(connect_timeout=MAX_CONNECT)
    for socket in (client, server):
        # The end of one way must not close the other.
        socket.close_on_eof = False
        socket.idle_timeout = MAX_SILENCE
    try:
        await server.connect_to(address)
        await asyncio.gather(move(client, server), move(server, client))
    except GLib.Error as error:
        print(error.message, file=sys.stderr)
    finally:
        for socket in (client, server):
            socket.close(immediate=True)


async def main(address: str, server: str) -> None:
    listener = Kaa.Socket(max_clients=MAX_CLIENTS)
    listener.listen(address)
    async with asyncio.TaskGroup() as tasks:
        async for client in listener.clients():
            tasks.create_task(serve(client, server))


if len(sys.argv) != 3:
    sys.exit(f'usage: {sys.argv[0]} ADDRESS SERVER')
asyncio.run(main(sys.argv[1], sys.argv[2]))

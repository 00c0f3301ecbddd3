# SPDX-License-Identifier: LGPL-2.1-or-later
"""tls-proxied ADDRESS CERTIFICATE: tls-server behind a proxy, which says first for whom it speaks (PROXY protocol, version 1)."""

import asyncio
import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

MAX_SILENCE = 30


async def serve(client: Kaa.Socket, certificate: Gio.TlsCertificate) -> None:
    client.idle_timeout = MAX_SILENCE
    try:
        words = (await client.readline()).decode('ascii', 'replace').split()
        if len(words) < 3 or words[0] != 'PROXY':
            raise ValueError('this is no line of the PROXY protocol')
        # The beginning of TLS may have come in the same segment: it is in the read queue then.
        await client.start_tls_buffered(certificate=certificate)
        async for line in client:
            await client.write(words[2].encode() + b': ' + line.upper())
    except (GLib.Error, ValueError) as error:
        print(error, file=sys.stderr)
    finally:
        client.close()


async def main(address: str, file: str) -> None:
    certificate = Gio.TlsCertificate.new_from_file(file)
    server = Kaa.Socket()
    server.listen(address)
    local = server.local_address
    assert isinstance(local, Gio.InetSocketAddress)
    print(local.get_port(), flush=True)
    async with asyncio.TaskGroup() as tasks:
        async for client in server.clients():
            tasks.create_task(serve(client, certificate))


if len(sys.argv) != 3:
    sys.exit(f'usage: {sys.argv[0]} ADDRESS CERTIFICATE')
asyncio.run(main(sys.argv[1], sys.argv[2]))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""tls-client HOST:PORT [AUTHORITY]: sends standard input to a server over TLS, and prints what it answers. The file has
the certificates that are trusted, instead of the system's.
"""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


async def main(address: str, authority: str | None = None) -> None:
    async with Kaa.Socket() as server:
        await server.connect_to(address)
        # The certificate must be for the host that was connected to.
        protected = server.start_tls()
        if authority is not None and server.tls_connection is not None:
            server.tls_connection.set_database(Gio.TlsFileDatabase.new(authority))
        await protected.timeout(10, abort=True)

        async for line in Kaa.IOChannel(sys.stdin, Kaa.IO_READ, close_on_eof=True):
            await server.write(line)
            print((await server.readline()).decode(), end='')


try:
    Kaa.run(main(*sys.argv[1:]))
except GLib.Error as error:
    sys.exit(error.message)

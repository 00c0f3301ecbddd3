# SPDX-License-Identifier: LGPL-2.1-or-later
"""tls-server ADDRESS CERTIFICATE: sends every line back in capitals, over TLS. The file has the certificate and its key."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


def on_readline(client: Kaa.Socket, line: GLib.Bytes) -> None:
    try:
        client.send(line.get_data().upper())
    except GLib.Error as error:
        # It does not read what it asked for.
        print(error.message, file=sys.stderr)
        client.close(immediate=True)


def on_new_client(server: Kaa.Socket, client: Kaa.Socket, certificate: Gio.TlsCertificate) -> None:
    # Who says nothing, or never ends the handshake, is not waited for longer than this.
    client.idle_timeout = 30
    client.start_tls(certificate=certificate)
    client.connect('readline', on_readline)


server = Kaa.Socket()
server.connect('new-client', on_new_client, Gio.TlsCertificate.new_from_file(sys.argv[2]))
server.listen(sys.argv[1], 0)
address = server.local_address
assert isinstance(address, Gio.InetSocketAddress)
print(address.get_port(), flush=True)
GLib.MainLoop().run()

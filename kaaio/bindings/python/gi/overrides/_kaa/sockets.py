# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Socket: what takes a name in Python where C takes an object."""

from gi.module import get_introspection_module
from gi.repository import Gio

from .support import add_attributes

Kaa = get_introspection_module('Kaa')


def _to_connectable(identity):
    return Gio.NetworkAddress.new(identity, 0) if isinstance(identity, str) else identity


class Socket(Kaa.Socket):
    """A channel that connects to an address, or listens at one and gives a channel for each client."""

    def start_tls(self, identity=None, certificate=None):
        """Protects the connection with TLS from now on.

        A client says whose certificate the other side must have: a host name, or nothing for the host that was given to connect_to().
        A server gives its own, a Gio.TlsCertificate. Everything else is told to tls_connection, before the next await.
        """
        self._settle()
        return super().start_tls(_to_connectable(identity), certificate)

    def start_tls_async(self, identity=None, certificate=None, cancellable=None, callback=None, *user_data):
        """As start_tls(), with a callback."""
        self._settle()
        super().start_tls_async(_to_connectable(identity), certificate, cancellable, callback, *user_data)


add_attributes(Socket)

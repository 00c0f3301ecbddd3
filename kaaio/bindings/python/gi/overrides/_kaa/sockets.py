# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Socket: connected, or listening and iterated over clients."""

import os

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

from . import loops
from .calls import check_nul, raise_refusals
from .support import add_attributes, add_constructors, add_methods, to_bytes

Kaa = get_introspection_module('Kaa')


def _to_address(address):
    return check_nul(os.fspath(address))


def _to_connectable(identity):
    return Gio.NetworkAddress.new(check_nul(identity), 0) if isinstance(identity, str) else identity


def _to_numbers(fds):
    return [fd if isinstance(fd, int) else fd.fileno() for fd in fds]


def _to_optional_bytes(data):
    return None if data is None else to_bytes(data)


raise_refusals(Kaa.Socket, 'connect_to', 'start_tls', 'start_tls_buffered', 'write_with_fds')


class Socket(Kaa.Socket):
    """A channel that connects to an address, or listens at one and gives a channel for each client.

    Addresses are 'host:service', '[::1]:port', ':port', '/path', 'unix:/path', 'unix-abstract:name', 'systemd:name', or a pathlib.Path.

        socket = Kaa.Socket()
        await socket.connect_to('localhost:7000')

        server = Kaa.Socket()
        server.listen('localhost:7000')
        async for client in server:             # each is a Kaa.Socket
        client = await server.accept()          # one of them

    Signals, for connect(), beside those of a channel:

        new-client(client)      each client, a Kaa.Socket
        accept-error(error)     clients have to wait, because descriptors have run out or the system refuses them; or one was lost
    """

    def listen(self, address, backlog=0):
        """Listens for clients. backlog is how many may wait in the kernel; 0 for as many as the system allows."""
        loops.get_running_loop()
        return super().listen(_to_address(address), backlog)

    def connect_to(self, address):
        """Connects to an address; the result is True."""
        self._reopen()
        return super().connect_to(_to_address(address))

    def connect_to_async(self, address, cancellable=None, callback=None, *user_data):
        """As connect_to(), with a callback."""
        self._reopen()
        super().connect_to_async(_to_address(address), cancellable, callback, *user_data)

    async def clients(self):
        """Iterates over the clients, until the socket does not listen any more."""
        while self.get_listening():
            try:
                client = await self.accept()
            except GLib.Error as error:
                if error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED) and not self.get_listening():
                    return
                raise
            yield client

    def __aiter__(self):
        # A socket that listens has no lines.
        return self.clients() if self.get_listening() else super().__aiter__()

    def write_with_fds(self, data, fds):
        """Writes bytes, and passes descriptors (numbers, or objects with fileno()) with them over a unix socket."""
        loops.get_running_loop()
        return super().write_with_fds(to_bytes(data), _to_numbers(fds))

    def write_with_fds_async(self, data, fds, cancellable=None, callback=None, *user_data):
        """As write_with_fds(), with a callback."""
        loops.get_running_loop()
        super().write_with_fds_async(to_bytes(data), _to_numbers(fds), cancellable, callback, *user_data)

    def take_fds(self):
        """The descriptors that came with bytes that were read, as a list of numbers that are yours to close: those of one write."""
        # Lines that were handed out are still in the queue.
        self._settle()
        fds, _position = super().take_fds()
        return list(fds or [])

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

    def start_tls_buffered(self, identity=None, certificate=None, taken=None):
        """As start_tls(), where the beginning of TLS was read already, such as what came behind a line of the PROXY protocol.

        TLS begins with taken (bytes that you have, but that belong to it), and goes on with all that was read and not taken.
        Never behind STARTTLS: what came unasked is an attacker's there.
        """
        self._settle()
        return super().start_tls_buffered(_to_connectable(identity), certificate, _to_optional_bytes(taken))

    def start_tls_buffered_async(self, identity=None, certificate=None, taken=None, cancellable=None, callback=None, *user_data):
        """As start_tls_buffered(), with a callback."""
        self._settle()
        super().start_tls_buffered_async(
            _to_connectable(identity), certificate, _to_optional_bytes(taken), cancellable, callback, *user_data)


add_methods(Socket, Socket._prepare, 'accept', 'listen_fd')
add_constructors(Socket, 'new')
add_attributes(Socket)

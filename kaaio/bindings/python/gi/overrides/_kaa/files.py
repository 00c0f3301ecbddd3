# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's file objects and sockets under a channel."""

from gi.module import get_introspection_module
from gi.repository import GObject

Kaa = get_introspection_module('Kaa')


class HeldFile:
    """An object whose descriptor a channel uses: held, and closed by its own close() when the channel lets go of the descriptor.

    The channel's callbacks own it, not the channel's wrapper, which may be gone by then.
    """

    def __init__(self, channel, file, fd):
        self.file = file
        self.fd = fd
        self.handler = GObject.Object.connect(channel, 'notify::fileno', self.on_fileno)
        self.guard = channel.weak_ref(self.close)

    @classmethod
    def wrap(cls, channel, file, mode):
        # What was written to the file before comes before.
        if mode & Kaa.IOCondition.WRITE and hasattr(file, 'flush'):
            file.flush()
        fd = file.fileno()
        channel.wrap_fd(fd, mode)
        channel.set_close_fd(False)
        cls(channel, file, fd)

    def on_fileno(self, channel, _spec):
        if channel.get_fileno() != self.fd:
            channel.disconnect(self.handler)
            self.guard.unref()
            self.close()

    def close(self):
        self.file.close()

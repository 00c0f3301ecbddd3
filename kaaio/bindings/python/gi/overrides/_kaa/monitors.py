# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.IOMonitor: a function that is called while a descriptor is ready."""

from gi.module import get_introspection_module

from . import loops
from .support import add_attributes

Kaa = get_introspection_module('Kaa')


class IOMonitor(Kaa.IOMonitor):
    """Calls callback(*args, **kwargs) while a descriptor is ready.

    The main loop holds it from register() to unregister(), or until the descriptor is closed.
    """

    def __init__(self, callback, *args, **kwargs):
        loops.get_running_loop()
        # PyGObject makes closures of functions for arguments, but not for properties.
        closure = Kaa.Callback.new(lambda monitor, condition: callback(*args, **kwargs)).get_closure()
        super().__init__(closure=closure)

    def register(self, fd, condition=Kaa.IOCondition.READ):
        """Watches a descriptor, or an object with fileno(), which is held meanwhile, for Kaa.IO_READ, Kaa.IO_WRITE or both."""
        registered = super().register(fd if isinstance(fd, int) else fd.fileno(), Kaa.IOCondition(condition))
        self._file = fd
        return registered

    def unregister(self):
        """Stops watching."""
        super().unregister()
        self._file = None


for cls in Kaa.Callback, Kaa.NotifierCallback, IOMonitor:
    add_attributes(cls)

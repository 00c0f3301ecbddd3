# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa I/O in Python: channels that are iterated, futures that are awaited.

    async def main():
        async for line in Kaa.IOChannel(sys.stdin, Kaa.IO_READ):
            print(line)

    Kaa.run(main())

State that has to outlive a wrapper is kept in C: wrappers come and go while the channel lives on.
"""

from gi.module import get_introspection_module
from gi.overrides import override

from gi.overrides._kaa.loops import serve_early, serve_glib
from gi.overrides._kaa.tasks import gather, run, sleep, spawn, timeout

Kaa = get_introspection_module('Kaa')

__all__ = ['IO_READ', 'IO_WRITE', 'IO_EXCEPT', 'IOChannel', 'IOMonitor', 'InProgress', 'Process', 'Socket', 'gather', 'run',
           'serve_glib', 'sleep', 'spawn', 'timeout']

IO_READ = Kaa.IOCondition.READ
IO_WRITE = Kaa.IOCondition.WRITE
IO_EXCEPT = Kaa.IOCondition.EXCEPT


def _override(cls):
    # PyGObject takes the namespace from the module; and this is where users know it from.
    cls.__module__ = __name__
    return override(cls)


# Each is overridden before the next module is loaded, which derives from it, or makes objects of it.
from gi.overrides._kaa import futures  # noqa: E402
InProgress = _override(futures.InProgress)

from gi.overrides._kaa import channels  # noqa: E402
IOChannel = _override(channels.IOChannel)

from gi.overrides._kaa import monitors  # noqa: E402
IOMonitor = _override(monitors.IOMonitor)

from gi.overrides._kaa import processes  # noqa: E402
Process = _override(processes.Process)

from gi.overrides._kaa import sockets  # noqa: E402
Socket = _override(sockets.Socket)

# Who imports this inside of a coroutine shall not have to call anything before GLib is served.
serve_early()

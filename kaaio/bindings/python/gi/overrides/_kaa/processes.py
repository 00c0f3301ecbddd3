# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Process: a child process from a list, or from a command line for a shell."""

import os

from gi.module import get_introspection_module

from .support import add_attributes, to_bytes

Kaa = get_introspection_module('Kaa')


def _to_list(environment):
    if hasattr(environment, 'items'):
        return [f'{name}={value}' for name, value in environment.items()]
    return environment


class Process(Kaa.Process):
    """A child process as a channel: reading reads its output, writing writes its input.

    command is a list of the program and its arguments, or a str: a command line for /bin/sh. flags is how it is started
    (Kaa.ProcessFlags); environment a dict of variables beside those of this process, directory where it starts. Whatever
    Kaa.IOChannel takes can be given by name.

        output = await Kaa.Process(['sort']).communicate(b'two\\none\\n')

        process = Kaa.Process('make -k', Kaa.ProcessFlags.MERGE_STDERR)
        process.start()
        async for line in process:
            print(line)
        status = await process.wait()

    exit_status is what the child said itself, minus the signal that ended it, or None before its end.

    Signals, beside those of a channel: exited(status) when the child has ended, finished(status) when its output has been
    consumed, too.
    """

    def __init__(self, command=(), flags=Kaa.ProcessFlags.NONE, environment=None, **properties):
        argv = ['/bin/sh', '-c', command] if isinstance(command, str) else [os.fspath(word) for word in command]
        super().__init__(argv=argv, flags=flags, **properties)
        if environment is not None:
            self.environment = environment

    @property
    def environment(self):
        """Variables of the child, each as 'NAME=value'; set it to a dict or to such a list."""
        return self.get_environment()

    @environment.setter
    def environment(self, environment):
        self.set_environment(_to_list(environment))

    @property
    def exit_status(self):
        """How the child ended; None before that, and where the system has lost it."""
        status = self.get_exit_status()
        return status if status != Kaa.EXIT_STATUS_UNKNOWN else None

    @property
    def stderr_data(self):
        """What came by stderr_channel during communicate(), as bytes; None before its end."""
        data = self.get_stderr_data()
        return data if data is None else data.get_data() or b''

    def communicate(self, data=None):
        """Says data, closes the input, listens to everything: a future for the output, when the child has ended."""
        return super().communicate(None if data is None else to_bytes(data))


add_attributes(Process)

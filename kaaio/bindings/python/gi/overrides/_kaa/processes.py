# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.Process: a child process from a list, or from a command line for a shell."""

import os

from gi.module import get_introspection_module

from . import loops
from .calls import check_nul, raise_refusals
from .support import add_attributes, to_bytes

Kaa = get_introspection_module('Kaa')


def _to_text(name):
    """Of a str, of bytes, of a path. What is no UTF-8 is escaped, as in all of Python."""
    return check_nul(os.fsdecode(name))


def _to_variable(name, value):
    name = _to_text(name)
    if '=' in name or not name:
        raise ValueError(f'The name of a variable is not empty, and has no = in it: {name!r}')
    return f'{name}={_to_text(value) if isinstance(value, (str, bytes, os.PathLike)) else value}'


def _to_list(environment):
    if environment is None:
        return None
    if hasattr(environment, 'items'):
        return [_to_variable(name, value) for name, value in environment.items()]
    return [_to_text(variable) for variable in environment]


raise_refusals(Kaa.Process, 'communicate', 'stop')


class Process(Kaa.Process):
    """A child process as a channel: reading reads its output, writing writes its input.

    command is a list of the program and its arguments, or a path: the program alone; or a str: a command line for /bin/sh. flags is
    how it is started (Kaa.ProcessFlags); environment a dict of variables beside those of this process, directory where it starts.
    Whatever Kaa.IOChannel takes can be given by name. All names may be str, bytes or paths.

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

    def __init__(self, command=(), flags=Kaa.ProcessFlags.NONE, environment=None, directory=None, **properties):
        stop_command = properties.pop('stop_command', None)
        super().__init__(flags=flags, **properties)
        if isinstance(command, (str, bytes)):
            self.set_argv(['/bin/sh', '-c', command])
        else:
            self.set_argv([command] if isinstance(command, os.PathLike) else command)
        if environment is not None:
            self.set_environment(environment)
        if directory is not None:
            self.set_directory(directory)
        if stop_command is not None:
            self.set_stop_command(stop_command)

    @staticmethod
    def new(argv, flags):
        """Makes a process of a list: the program and its arguments."""
        loops.get_running_loop()
        return Kaa.Process.new([_to_text(word) for word in argv], flags)

    @staticmethod
    def new_shell(command, flags):
        """Makes a process of a command line for /bin/sh."""
        return Process.new(['/bin/sh', '-c', command], flags)

    def set_argv(self, argv):
        """Sets the program and its arguments, for the next start."""
        super().set_argv([_to_text(word) for word in argv])

    def set_environment(self, environment):
        """Sets variables of the child, for the next start: a dict, or a list of 'NAME=value'."""
        super().set_environment(_to_list(environment))

    def set_directory(self, directory):
        """Sets where the child starts; None for the directory of this process."""
        super().set_directory(None if directory is None else _to_text(directory))

    def set_stop_command(self, stop_command):
        """Sets what stop() writes to the child first: a str, or bytes that are UTF-8."""
        super().set_stop_command(check_nul(stop_command.decode() if isinstance(stop_command, bytes) else stop_command))

    @property
    def environment(self):
        """Variables of the child, each as 'NAME=value'; set it to a dict or to such a list."""
        return self.get_environment()

    @environment.setter
    def environment(self, environment):
        self.set_environment(environment)

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

    def communicate_async(self, data=None, cancellable=None, callback=None, *user_data):
        """As communicate(), with a callback."""
        super().communicate_async(None if data is None else to_bytes(data), cancellable, callback, *user_data)


add_attributes(Process)

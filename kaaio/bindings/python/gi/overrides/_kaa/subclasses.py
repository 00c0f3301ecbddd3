# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels written in Python: what their virtual methods raise and return, as C wants it.

PyGObject hands on a GLib.Error. Of any other exception the channel would hear nothing, and go on as if nothing had been read.
"""

import functools
import sys

from gi.repository import Gio, GLib

from .support import make_error, to_bytes


def _throwing(method):
    @functools.wraps(method)
    def call(*args):
        try:
            return method(*args)
        except GLib.Error:
            raise
        except OSError as error:
            code = Gio.io_error_from_errno(error.errno) if error.errno is not None else Gio.IOErrorEnum.FAILED
            raise make_error(code, str(error)) from error
        except BaseException as error:
            # It is a mistake in the program, which shall be seen.
            sys.excepthook(type(error), error, error.__traceback__)
            raise make_error(Gio.IOErrorEnum.FAILED, f'{type(error).__name__}: {error}') from error

    return call


def _reading(method):
    @functools.wraps(method)
    def call(*args):
        return to_bytes(method(*args))

    return _throwing(call)


_ADAPTERS = {
    'do_read_nonblocking': _reading,
    'do_write_nonblocking': _throwing,
    'do_close_channel': _throwing,
}


def adapt(cls):
    for name, adapter in _ADAPTERS.items():
        if name in cls.__dict__:
            setattr(cls, name, adapter(cls.__dict__[name]))

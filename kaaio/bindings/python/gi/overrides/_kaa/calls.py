# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a call itself is raised by the call, whatever the method, and nothing has been done."""

import functools

from gi.repository import Gio, GLib

# An argument that is never right, more than the limit, and a write for which there is no room. What depends on the state (closed, busy,
# another thread, a direction that the channel does not have) fails the future.
_REFUSALS = (Gio.IOErrorEnum.INVALID_ARGUMENT, Gio.IOErrorEnum.MESSAGE_TOO_LARGE, Gio.IOErrorEnum.WOULD_BLOCK)


def _raise_refusal(future):
    try:
        future.get_result()
    except GLib.Error as error:
        if any(error.matches(Gio.io_error_quark(), code) for code in _REFUSALS):
            raise


def raise_refusals(cls, *names):
    """For methods of C that take arguments and return a future. A test knows which there are."""
    for name in names:
        method = getattr(cls, name)

        def call(*args, _method=method, **keywords):
            future = _method(*args, **keywords)
            if future.get_failed():
                _raise_refusal(future)
            return future

        setattr(cls, name, functools.update_wrapper(call, method))


def check_nul(value):
    """Raises where C would cut a string, or one of a list: at the first NUL."""
    if isinstance(value, str) and '\0' in value or isinstance(value, bytes) and b'\0' in value:
        raise ValueError(f'There is a NUL character in {value!r}')
    if isinstance(value, (list, tuple)):
        for item in value:
            check_nul(item)
    return value

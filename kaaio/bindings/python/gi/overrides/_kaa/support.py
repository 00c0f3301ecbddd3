# SPDX-License-Identifier: LGPL-2.1-or-later
"""What PyGObject does not do by itself: values that are kept, bytes, properties as attributes, texts for help()."""

import functools

from gi.repository import Gio, GLib

from . import loops
from .texts import TEXTS


def make_error(code, message):
    return GLib.Error.new_literal(Gio.io_error_quark(), message, code)


def to_python(value):
    """What a future was finished with. PyGObject does not copy what is boxed in a GValue: copy it now, while it is alive."""
    if isinstance(value, GLib.Bytes):
        return value.get_data() or b''
    return value


def to_bytes(data):
    """A GLib.Bytes of anything that has a buffer, and of nothing else: bytes(5) would be five zeros."""
    return data if isinstance(data, GLib.Bytes) else GLib.Bytes.new(memoryview(data).tobytes())


def encode(delimiter):
    """A delimiter, as a GLib.Bytes."""
    return to_bytes(delimiter.encode() if isinstance(delimiter, str) else delimiter)


def add_attributes(cls):
    """GObject properties as attributes, where the class has none of that name."""
    texts = TEXTS.get(cls.__name__, {})
    for spec in cls.list_properties():
        name = spec.name.replace('-', '_')
        getter = getattr(cls, 'get_' + name, None)
        if getter is not None and not hasattr(cls, name):
            setattr(cls, name, property(getter, getattr(cls, 'set_' + name, None), doc=texts.get(name)))


def _wrap(method, text, call):
    functools.update_wrapper(call, method)
    # What PyGObject says of it, and what it does.
    call.__doc__ = f'{method.__doc__}\n\n{text}' if text else method.__doc__
    return call


def add_constructors(cls, *names):
    """What is made in a coroutine of asyncio is served by asyncio's loop."""
    texts = TEXTS.get(cls.__name__, {})
    for name in names:
        method = getattr(cls.__base__, name)

        def call(*args, _method=method, **keywords):
            loops.get_running_loop()
            return _method(*args, **keywords)

        setattr(cls, name, staticmethod(_wrap(method, texts.get(name), call)))


def add_methods(cls, prepare, *names):
    """Methods of C before which prepare(self, *args) is called."""
    texts = TEXTS.get(cls.__name__, {})
    for name in names:
        method = getattr(cls.__base__, name)

        def call(self, *args, _method=method, **keywords):
            prepare(self, *args)
            return _method(self, *args, **keywords)

        setattr(cls, name, _wrap(method, texts.get(name), call))

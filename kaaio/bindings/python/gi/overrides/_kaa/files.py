# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's file objects and sockets under a channel: which of them, from where on, and for how long."""

import codecs
import io
import socket

from gi.module import get_introspection_module
from gi.repository import GLib, GObject

Kaa = get_introspection_module('Kaa')

_INSTEAD = 'use its own methods, or open the channel on what is below it, or on a descriptor of your own: os.dup(it.fileno())'


def _refuse(file, why, instead=_INSTEAD):
    raise TypeError(f'A channel cannot be opened on {file!r}: {why}; {instead}')


# --- Is what passes through the object what passes through its descriptor? ---

def _get_raw(file):
    """The object at the bottom, whose bytes are the descriptor's; raises TypeError if what is above changes them."""
    if isinstance(file, io.TextIOWrapper):
        # Its text is only another view of the bytes.
        return _get_raw(file.buffer)
    if isinstance(file, (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)):
        return _get_raw(file.raw)
    if isinstance(file, io.RawIOBase):
        # Of socket.makefile().
        below = getattr(file, '_sock', None)
        return file if below is None else _get_raw(below)
    if isinstance(file, (io.IOBase, codecs.StreamReader, codecs.StreamWriter, codecs.StreamReaderWriter, codecs.StreamRecoder)):
        _refuse(file, 'its bytes are not those of its descriptor')
    if hasattr(file, 'do_handshake'):
        _refuse(file, 'its descriptor carries TLS', 'open the channel on the plain socket, as Kaa.Socket(socket), and protect it by '
                'start_tls()')
    if not isinstance(file, socket.socket) and hasattr(file, 'recv'):
        _refuse(file, 'what it sends and receives is not known to be the bytes of its descriptor')
    below = getattr(file, 'file', None)
    if hasattr(below, 'fileno'):
        # Of tempfile.NamedTemporaryFile().
        return _get_raw(below)
    if not hasattr(file, 'close'):
        _refuse(file, 'it has no close()', 'give a descriptor of your own: os.dup(it.fileno())')
    return file


def _get_descriptor(file):
    try:
        return file.fileno()
    except (io.UnsupportedOperation, AttributeError) as error:
        raise TypeError(f'A channel cannot be opened on {file!r}: it has no descriptor; use its own methods') from error


# --- What the object has read already ---

def _get_layers(file):
    """The object with text on top of bytes, and that with a buffer on top of the descriptor; each may be None."""
    file = getattr(file, 'file', file)
    text = file if isinstance(file, io.TextIOWrapper) else None
    below = text.buffer if text is not None else file
    return text, below if isinstance(below, (io.BufferedReader, io.BufferedRandom)) else None


def _has_read_text(text):
    try:
        # Another encoding can only be chosen before the first character was read; this one is the same.
        text.reconfigure(errors=text.errors)
    except io.UnsupportedOperation:
        return True
    return False


def _peek(reader):
    """The bytes in a buffer, without reading more."""
    raw = reader.raw
    raw.readinto = lambda buffer: None
    try:
        return reader.peek()
    finally:
        del raw.readinto


class _ReadAhead:
    """What a file object has read, and not given out yet, is the channel's: its place in the file, or the bytes themselves."""

    def __init__(self, file, mode):
        self.data = b''
        self.raw = self.before = None
        text, reader = _get_layers(file)
        if reader is None:
            return
        if reader.seekable():
            self._seek(file, text, reader)
        elif not mode & Kaa.IOCondition.READ:
            return
        elif text is not None and _has_read_text(text):
            _refuse(file, 'text was read from it, and more may wait in its buffer', 'open the channel before anything is read, or on '
                    'its .buffer')
        else:
            self.data = _peek(reader)

    def _seek(self, file, text, reader):
        if text is not None:
            try:
                text.seek(text.tell())
            except OSError as error:
                _refuse(file, f'the place in it is not known ({error})', 'read it with readline(), or open the channel before')
        # Which writes what waits.
        reader.flush()
        self.raw, self.before = reader.raw, reader.raw.tell()
        self.raw.seek(reader.tell())

    def undo(self):
        if self.raw is not None:
            self.raw.seek(self.before)


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
        fd = _get_descriptor(file)
        _get_raw(file)
        # What was written to the file before comes before.
        if mode & Kaa.IOCondition.WRITE and hasattr(file, 'flush'):
            file.flush()
        ahead = _ReadAhead(file, mode)
        try:
            channel.wrap_fd(fd, mode)
        except GLib.Error:
            ahead.undo()
            raise
        channel.set_close_fd(False)
        cls(channel, file, fd)
        if ahead.data:
            channel.unread(ahead.data)

    def on_fileno(self, channel, _spec):
        if channel.get_fileno() != self.fd:
            channel.disconnect(self.handler)
            self.guard.unref()
            self.close()

    def close(self):
        self.file.close()

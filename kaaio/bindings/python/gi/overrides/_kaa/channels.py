# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.IOChannel: opened on what Python has, read, iterated, written to."""

from time import monotonic

from gi.module import get_introspection_module
from gi.repository import Gio, GObject

from . import decoding, loops
from .calls import check_nul, raise_refusals
from .files import HeldFile
from .lines import Lines, split
from .loops import turn
from .subclasses import adapt
from .support import add_attributes, add_constructors, add_methods, encode, make_error, to_bytes

Kaa = get_introspection_module('Kaa')

_READ_WRITE = Kaa.IOCondition.READ | Kaa.IOCondition.WRITE


def _check(name, value):
    """Raises what C only warns of, where a property cannot fail, or does not see."""
    check_nul(value)
    if name in ('chunk_size', 'queue_size') and value == 0:
        raise make_error(Gio.IOErrorEnum.INVALID_ARGUMENT, f'{name} is a number of bytes, and not 0')
    if name == 'delimiter' and not value or name == 'delimiters' and (not value or '' in value):
        raise make_error(Gio.IOErrorEnum.INVALID_ARGUMENT, f'{name}: there must be a delimiter, and none may be empty')


class _Checked:
    """channel.props: what is set raises as elsewhere."""

    def __init__(self, props):
        object.__setattr__(self, '_props', props)

    def __getattr__(self, name):
        return getattr(self._props, name)

    def __setattr__(self, name, value):
        _check(name, value)
        setattr(self._props, name, value)

    def __iter__(self):
        # What PyGObject 3.50 returns here has a next one, but is not iterable itself.
        return iter(list(self._props))

    def __len__(self):
        return len(self._props)

    def __dir__(self):
        return dir(self._props)


class _Props:
    """channel.props, which goes past the methods: it shall show the queue as it is, too."""

    def __get__(self, channel, cls):
        if channel is not None:
            channel._settle()
            return _Checked(super(IOChannel, channel).props)
        return cls.__base__.props


raise_refusals(Kaa.IOChannel, 'read_some', 'read_exactly', 'read_until', 'write', 'write_bytes', 'wait_writable', 'splice', 'shutdown', 'close')


class IOChannel(Kaa.IOChannel):
    """A pipe, terminal, serial line, socket or file as one object.

    channel is a descriptor, which then belongs to the channel; an object with fileno(), which is held and closed by its own
    close() when the channel is closed; a GIO stream; another IOChannel, whose descriptor is taken over; or None, to be opened
    later by wrap(). mode is what may be done with it, Kaa.IO_READ | Kaa.IO_WRITE. chunk_size is how much is read at a time.
    delimiter ends a line: str, bytes, or a list of them. Other GObject properties can be given by name.

        async for line in channel:              # bytes, with the delimiter
        async for text in channel.lines():      # str, without
        async for lines in channel.batches():   # lists of bytes: the fastest
        line = await channel.readline()         # or channel.readline().wait(), where there is no coroutine
        async with channel:                     # closes it at the end

    Signals, for connect():

        read(chunk)         each chunk that is read, a GLib.Bytes
        readline(line)      each line with its delimiter, a GLib.Bytes
        readlines(lines)    all the whole lines at hand, as one GLib.Bytes
        closed(expected)    once for each close, after everything else; expected is True if close() was called
        overflow(bytes)     a line is longer than queue_size, and overflow_policy is not to split it
    """

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__(**keywords)
        adapt(cls)

    def __init__(self, channel=None, mode=_READ_WRITE, chunk_size=1048576, delimiter='\n', **properties):
        loops.get_running_loop()
        for name, value in properties.items():
            _check(name, value)
        super().__init__(**properties)
        if chunk_size != 1048576:
            self.set_chunk_size(chunk_size)
        if delimiter != '\n':
            self.delimiter = delimiter
        if channel is not None:
            self.wrap(channel, mode)

    def wrap(self, channel, mode=_READ_WRITE):
        """Opens the channel on what the constructor takes; what was open is closed immediately."""
        mode = Kaa.IOCondition(mode)
        if isinstance(channel, Kaa.IOChannel):
            self.wrap_channel(channel, mode)
        elif isinstance(channel, int):
            self.wrap_fd(channel, mode)
        elif hasattr(channel, 'fileno'):
            HeldFile.wrap(self, channel, mode)
        elif isinstance(channel, GObject.Object):
            self.wrap_stream(channel, mode)
        else:
            raise TypeError(f'A channel is opened on a descriptor, an object with fileno(), a GIO stream or a channel, not on {channel!r}')
        self._channel = channel

    @property
    def channel(self):
        """What it was opened with: a descriptor, a file object, another channel; None while it is not open."""
        # Channels that C made have never been through __init__.
        return getattr(self, '_channel', self.fileno) if self.get_alive() else None

    @property
    def fileno(self):
        """The descriptor, or None."""
        fd = self.get_fileno()
        return fd if fd >= 0 else None

    props = _Props()

    # --- Lines that are split already, and still in the queue ---

    # Lines, or None.
    _lines = None

    # What lines() knows of the bytes that went by, where that matters; or None.
    _decoder = None

    # The loop whose next turn will tell the queue what was handed out, and when that turn has to come.
    _told_by = None
    _end_of_turn = 0

    def _tell(self):
        self._told_by = None
        if self._lines is not None and self._lines.is_here():
            self._lines.tell()

    def _settle(self, *others):
        lines = self._lines
        # In another thread nothing can be read, so it makes no difference there.
        if lines is not None and lines.is_here():
            self._lines = None
            lines.settle()
        for other in others:
            if isinstance(other, IOChannel):
                other._settle()

    def _prepare(self, *others):
        loops.get_running_loop()
        self._settle(*others)

    def _reopen(self, *others):
        self._prepare(*others)
        self._decoder = None

    def _fetch(self):
        """The whole lines in the queue, if whoever asks now would be the next to get them."""
        self._settle()
        block, serial = Kaa.IOChannel.peek_lines(self)
        if block is not None:
            self._lines = Lines(self, block.get_data(), serial, self._get_delimiters())
        return self._lines

    # --- Reading ---

    def _request(self, request, *args):
        self._settle()
        future = request(self, *args)
        future._reader = self
        return future

    def _request_line(self):
        return self._request(Kaa.IOChannel.readline)

    def read(self):
        """Asks for a chunk: 1 to chunk_size bytes, as soon as there are any; b'' when the channel is closed."""
        return self._request(Kaa.IOChannel.read)

    def read_some(self, most):
        """As read(), but at most so many bytes."""
        return self._request(Kaa.IOChannel.read_some, most)

    def readline(self):
        """Asks for a line, with its delimiter; b'' when the channel is closed.

        A line without a delimiter is the last one, or a piece of one that is longer than queue_size. It fails with G_IO_ERROR_PENDING
        while a handler is connected to the readline signal.
        """
        lines = self._lines
        if lines is None:
            lines = self._fetch()
        if lines is not None:
            line = lines.get_next()
            if line is not None:
                return line
        return self._request_line()

    def readlines(self):
        """Asks for all the whole lines that are buffered, as one block of bytes; b'' when the channel is closed."""
        return self._request(Kaa.IOChannel.readlines)

    def read_exactly(self, count):
        """Asks for so many bytes; fewer only at the end."""
        return self._request(Kaa.IOChannel.read_exactly, count)

    def read_until(self, delimiter):
        """As readline(), with a delimiter for this call: str or bytes."""
        return self._request(Kaa.IOChannel.read_until, encode(delimiter))

    def read_until_async(self, delimiter, cancellable=None, callback=None, *user_data):
        """As read_until(), with a callback."""
        self._prepare()
        super().read_until_async(encode(delimiter), cancellable, callback, *user_data)

    def peek(self):
        """What is in the read queue, as bytes. It stays there until consume() takes it."""
        self._settle()
        return super().peek().get_data() or b''

    def unread(self, data):
        """Puts bytes back at the head of the read queue."""
        self._settle()
        return super().unread(to_bytes(data))

    async def __aiter__(self):
        try:
            while True:
                lines = self._fetch()
                if lines is None:
                    line = await self._request_line()
                    if not line:
                        return
                    yield line
                    if monotonic() > self._end_of_turn:
                        await turn
                else:
                    for line in lines.stream:
                        if not lines.moved:
                            lines.move()
                        yield line
                        if monotonic() > lines.end_of_turn:
                            await turn
        finally:
            self._settle()

    def lines(self, encoding='utf-8', errors='strict'):
        """Iterates over lines as str, without the delimiter, in any encoding.

        In encodings where a byte of a delimiter may be part of another character, such as UTF-16 or Shift JIS, lines are found in the
        text: there nobody else may read at the same time, and overflow_policy can only split a line, or else it fails.
        """
        return decoding.iterate(self, encoding, errors)

    async def batches(self):
        """Iterates over lists of lines, as bytes with the delimiter: all that are at hand, so it is the fastest."""
        while True:
            block = await self.readlines()
            if not block:
                return
            yield split(block, self._get_delimiters())
            if monotonic() > self._end_of_turn:
                await turn

    def _may_go_on(self):
        """Whether the end may be the beginning of a line that somebody still writes."""
        return self.get_keep_partial_line() and self.get_alive() and not self.get_close_on_eof()

    # --- Handlers: who listens gets what was not handed out, and the channel shall notice ---

    def connect(self, signal, handler, *args):
        """Connects handler(channel, ..., *args) to a signal. Handlers of `read`, `readline` and `readlines` get a GLib.Bytes."""
        return self._listen(super().connect, signal, handler, *args)

    def connect_after(self, signal, handler, *args):
        """As connect(), behind the class's own handler."""
        return self._listen(super().connect_after, signal, handler, *args)

    def connect_object(self, signal, handler, gobject, *args):
        """As connect(), for as long as gobject lives, which the handler gets instead of the channel."""
        return self._listen(super().connect_object, signal, handler, gobject, *args)

    def connect_object_after(self, signal, handler, gobject, *args):
        """As connect_object(), behind the class's own handler."""
        return self._listen(super().connect_object_after, signal, handler, gobject, *args)

    def handler_unblock(self, handler):
        """Unblocks a handler."""
        return self._listen(super().handler_unblock, handler)

    def _listen(self, call, *args):
        self._prepare()
        result = call(*args)
        self.look()
        return result

    # --- Delimiters ---

    @property
    def delimiter(self):
        """What ends a line: a str (bytes where it is none), or a list of them if there are several."""
        def decode(delimiter):
            try:
                return delimiter.decode()
            except UnicodeDecodeError:
                return delimiter

        delimiters = [decode(delimiter) for delimiter in self._get_delimiters()]
        return delimiters[0] if len(delimiters) == 1 else delimiters

    @delimiter.setter
    def delimiter(self, delimiter):
        try:
            delimiters = [encode(delimiter)]
        except TypeError:
            delimiters = delimiter
        self.set_delimiter_bytes(delimiters)

    def set_delimiter_bytes(self, delimiters):
        """Sets the delimiters: a list of str or bytes, at least one, none of them empty."""
        self._prepare()
        return super().set_delimiter_bytes([encode(delimiter) for delimiter in delimiters])

    def _get_delimiters(self):
        return [delimiter.get_data() for delimiter in self.get_delimiter_bytes()]

    def set_delimiter(self, delimiter):
        """Sets the only delimiter, a str that is not empty."""
        self._set('delimiter', delimiter, super().set_delimiter)

    def set_delimiters(self, delimiters):
        """Sets the delimiters: a list of str, at least one, none of them empty."""
        self._set('delimiters', delimiters, super().set_delimiters)

    # --- Sizes ---

    def set_chunk_size(self, chunk_size):
        """Sets the most bytes that are read at a time; not 0."""
        self._set('chunk_size', chunk_size, super().set_chunk_size)

    def set_queue_size(self, queue_size):
        """Sets the limit in bytes of the read queue and of the write queue; not 0."""
        self._set('queue_size', queue_size, super().set_queue_size)

    def set_property(self, name, value):
        """Sets a GObject property by its name."""
        _check(name.replace('-', '_'), value)
        self._prepare()
        super().set_property(name, value)

    def set_properties(self, **properties):
        """Sets GObject properties by their names."""
        for name, value in properties.items():
            self.set_property(name, value)

    def _set(self, name, value, call):
        _check(name, value)
        self._prepare()
        call(value)

    # --- Writing ---

    def write(self, data):
        """Queues bytes; the future's result is their number. Raises at once if the queue has no room for them:
        G_IO_ERROR_WOULD_BLOCK, after which wait_writable() helps, or G_IO_ERROR_MESSAGE_TOO_LARGE.
        """
        # To make a GLib.Bytes of bytes costs several times as much as to send them.
        return super().write(data) if isinstance(data, bytes) else self.write_bytes(data)

    def write_bytes(self, data):
        """As write()."""
        loops.get_running_loop()
        return super().write_bytes(to_bytes(data))

    def write_bytes_async(self, data, cancellable=None, callback=None, *user_data):
        """As write(), with a callback."""
        loops.get_running_loop()
        super().write_bytes_async(to_bytes(data), cancellable, callback, *user_data)

    def send(self, data):
        """Queues bytes without a future, for many small writes; raises if they are refused."""
        return super().send_data(data) if isinstance(data, bytes) else super().send(to_bytes(data))

    def send_data(self, data):
        """As send()."""
        return self.send(data)

    # --- Closing ---

    def close(self, immediate=False, expected=True, discard=False):
        """Closes the channel. What is queued is written first, or else given up if immediate. The `closed` signal and
        the future tell expected. What was read can still be read, unless discard: then whoever iterates or asks ends at once.
        """
        flags = Kaa.CloseFlags.NONE
        if immediate:
            flags |= Kaa.CloseFlags.IMMEDIATE
        if not expected:
            flags |= Kaa.CloseFlags.UNEXPECTED
        if discard:
            flags |= Kaa.CloseFlags.DISCARD
        self._settle()
        return super().close(flags)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        # After an exception nobody shall wait for a peer that does not read.
        await self.close(immediate=kind is not None)

    def splice(self, target, flags=Kaa.SpliceFlags.NONE):
        """Moves everything that can be read to another channel. The result is the number of bytes; bytes_moved counts them.

        Kaa.SpliceFlags.CLOSE_TARGET closes the target at the end.
        """
        self._prepare(target)
        return super().splice(target, flags)


# What looks at the read queue, decides what a line is, or may open the channel.
add_methods(IOChannel, IOChannel._prepare,
            'read_async', 'read_some_async', 'readline_async', 'readlines_async', 'read_exactly_async',
            'consume', 'peek_lines', 'describe', 'get_readable', 'get_read_queue_used',
            'set_overflow_policy',
            'splice_async', 'get_io_stream',
            'get_property', 'get_properties')
add_methods(IOChannel, IOChannel._reopen, 'wrap_fd', 'wrap_fds', 'wrap_stream', 'wrap_channel', 'steal')
# What only needs a text.
add_methods(IOChannel, lambda channel, *_: loops.get_running_loop(), 'flush', 'wait_writable', 'shutdown',
            'get_serial_pins', 'set_serial_break', 'set_serial_pins', 'set_serial_speed')
add_constructors(IOChannel, 'new', 'new_for_fd', 'new_for_stream', 'new_for_serial', 'new_pair')
add_attributes(IOChannel)

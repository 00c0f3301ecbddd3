# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa I/O in Python: channels that are iterated, futures that are awaited.

    async def main():
        async for line in Kaa.IOChannel(sys.stdin, Kaa.IO_READ):
            print(line)

    Kaa.run(main())

State that has to outlive a wrapper is kept in C: wrappers come and go while the channel lives on.
"""

import codecs
import functools
import sys

from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import Gio, GLib, GObject

from gi.overrides._kaa import lines as _lines
from gi.overrides._kaa import loops as _loops

Kaa = get_introspection_module('Kaa')

__all__ = ['IO_READ', 'IO_WRITE', 'IO_EXCEPT', 'run']

IO_READ = Kaa.IOCondition.READ
IO_WRITE = Kaa.IOCondition.WRITE
IO_EXCEPT = Kaa.IOCondition.EXCEPT

_REFUSED = (Gio.IOErrorEnum.WOULD_BLOCK, Gio.IOErrorEnum.MESSAGE_TOO_LARGE)


def _to_python(value):
    """What a future was finished with. PyGObject does not copy what is boxed in a GValue: copy it now, while it is alive."""
    if isinstance(value, GLib.Bytes):
        return value.get_data() or b''
    return value


def _to_bytes(data):
    # Not bytes(data): that makes a number into so many zeros.
    return GLib.Bytes.new(memoryview(data).tobytes())


def _encode(delimiter):
    return delimiter.encode() if isinstance(delimiter, str) else memoryview(delimiter).tobytes()


def _to_fd(file):
    return file if isinstance(file, int) else file.fileno()


def _add_attributes(cls):
    """GObject properties as attributes, where the class has none of that name."""
    for spec in cls.list_properties():
        name = spec.name.replace('-', '_')
        getter = getattr(cls, 'get_' + name, None)
        if getter is not None and not hasattr(cls, name):
            setattr(cls, name, property(getter, getattr(cls, 'set_' + name, None), doc=spec.blurb))


def _use_loop(cls, *names):
    """Constructors: what is made in a coroutine of asyncio is served by asyncio's loop."""
    for name in names:
        method = getattr(cls.__base__, name)

        def call(*args, _method=method, **keywords):
            _loops.get_running_loop()
            return _method(*args, **keywords)

        setattr(cls, name, staticmethod(functools.update_wrapper(call, method)))


# --- Futures ---

class InProgress(Kaa.InProgress):
    """The result of an operation that may not be finished yet: await it, wait() for it, or be called back by then().

    Results are bytes, int, bool or an object. Failures are raised as GLib.Error. Cancelling who awaits it aborts the operation;
    bytes that it had taken already go back to the channel.
    """

    @property
    def result(self):
        """The result; raises what the operation failed with, or G_IO_ERROR_PENDING if it is not finished."""
        if self._reader is None and self.get_finished():
            raise GLib.Error.new_literal(Gio.io_error_quark(), 'The operation was given up, and its bytes are in the channel again',
                                         Gio.IOErrorEnum.CANCELLED)
        return _to_python(self.get_result())

    # The channel that got poorer by the result; None when it has got it back.
    _reader = False

    def __await__(self):
        loop = _loops.get_running_loop()
        try:
            if loop is not None:
                yield from self._to_asyncio(loop)
            else:
                yield self
        except BaseException:
            # Who asked has gone (cancelled, closed, Ctrl-C): nobody would get what the operation takes.
            self._give_up()
            raise
        return self.result

    def _to_asyncio(self, loop):
        future = loop.create_future()

        def finish():
            if not future.done():
                future.set_result(None)

        def wake(_):
            if not loop.is_closed():
                # The callback may run in another thread.
                loop.call_soon_threadsafe(finish) if loop is not _loops.get_running_loop() else finish()

        self.then(wake, wake)
        return future

    def _give_up(self):
        try:
            if not self.get_finished():
                self.abort()
            elif self._reader and not self.get_failed():
                reader, self._reader = self._reader, None
                reader.unread(self.get_bytes())
        except GLib.Error:
            # It has gone too far.
            pass

    def wait(self, timeout=-1):
        """Runs the main loop until the operation is finished, and returns the result. Ctrl-C raises KeyboardInterrupt.

        After timeout seconds it raises G_IO_ERROR_TIMED_OUT, and the operation goes on; negative means for ever.
        """
        with _loops.without_asyncio():
            if not _loops.wait(self, timeout):
                raise GLib.Error.new_literal(Gio.io_error_quark(), 'The operation is not finished yet, and goes on',
                                             Gio.IOErrorEnum.TIMED_OUT)
        return self.result

    def then(self, resolve, reject=None):
        """Calls resolve(result) or reject(GLib.Error) from the main loop, also if it is finished already."""
        def resolved(value, *_):
            if resolve is not None:
                resolve(_to_python(value))

        def rejected(error, *_):
            if reject is not None:
                reject(error)

        # Each with user data of its own, which PyGObject wants as a tuple.
        super().then(resolved, (), rejected, ())

    def abort(self):
        """Ends the operation, if that is still possible; raises GLib.Error if it is not. An aborted read takes no data."""
        return super().abort()

    def timeout(self, seconds, abort=False):
        """A future with the same result, that fails with G_IO_ERROR_TIMED_OUT after that time; abort: and this one ends."""
        return self._hand_on(super().timeout(seconds, abort))

    def noabort(self):
        """A future with the same result, that cannot be aborted."""
        return self._hand_on(super().noabort())

    def _hand_on(self, future):
        if self._reader:
            future._reader = self._reader
        return future

    @staticmethod
    def all(futures):
        """A future that is finished with True when all of them are, and fails as soon as one does."""
        return Kaa.InProgress.all([_to_future(future) for future in futures])

    @staticmethod
    def any(futures):
        """A future that is finished with the index of the first of them that is."""
        return Kaa.InProgress.any([_to_future(future) for future in futures])


def _to_future(future):
    return future.to_future() if type(future) is _lines.NextLine else future


_use_loop(InProgress, 'new')
_add_attributes(InProgress)
InProgress = override(InProgress)
__all__.append('InProgress')
_lines.NextLine.future_type = InProgress


class _Task:
    """A coroutine that is driven by the main loop."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.done = Kaa.InProgress.new(None)
        self.awaited = None
        self.result = None
        self.error = None

    def step(self, resume, argument):
        """Runs it up to its next await."""
        self.awaited = None
        try:
            awaited = resume(argument)
            if not isinstance(awaited, Kaa.InProgress):
                raise TypeError(f'Kaa.run() can await a Kaa.InProgress, not {awaited!r}')
        except StopIteration as stop:
            self.finish(stop.value, None)
        except BaseException as error:
            self.finish(None, error)
        else:
            self.awaited = awaited

            def wake(_):
                # After Ctrl-C the coroutine may await something else by now.
                if self.awaited is awaited:
                    self.step(self.coroutine.send, None)

            awaited.then(wake, wake)

    def finish(self, result, error):
        self.result = result
        self.error = error
        self.done.finish_void()

    def run(self):
        self.step(self.coroutine.send, None)
        while not self.done.get_finished():
            try:
                _loops.wait(self.done, -1)
            except KeyboardInterrupt as interrupt:
                if not self.done.get_finished():
                    self.step(self.coroutine.throw, interrupt)
        self.coroutine.close()
        if self.error is not None:
            raise self.error
        return self.result


def run(coroutine):
    """Drives a coroutine on this thread's main context until it is done, and returns its result.

    Everything else on that context runs meanwhile. Ctrl-C raises KeyboardInterrupt inside the coroutine. A thread other than the main
    one that has no main context gets one for that time.
    """
    async def main():
        return await coroutine

    with _loops.without_asyncio(), _loops.own_context() as context:
        context.acquire()
        try:
            return _Task(main()).run()
        finally:
            context.release()


# --- Channels ---

def _close_when_closed(channel, _spec, file):
    if channel.get_fileno() < 0:
        file.close()


class IOChannel(Kaa.IOChannel):
    """A pipe, terminal, serial line, socket or file as one object.

    channel is a descriptor, which then belongs to the channel; an object with fileno(), which is held and closed by its own
    close() when the channel is closed; another IOChannel, whose descriptor is taken over; or None, to be opened later by wrap().
    mode is what may be done with it, Kaa.IO_READ | Kaa.IO_WRITE. chunk_size is how much is read at a time. delimiter ends
    a line: str, bytes, or a list of them. Other GObject properties can be given by name.

    `async for line in channel` gives bytes with the delimiter; lines() and batches() give others. `async with channel` closes it.
    """

    def __init__(self, channel=None, mode=IO_READ | IO_WRITE, chunk_size=None, delimiter='\n', **properties):
        _loops.get_running_loop()
        super().__init__(**properties)
        if chunk_size is not None:
            self.set_chunk_size(chunk_size)
        if delimiter != '\n':
            self.delimiter = delimiter
        if channel is not None:
            self.wrap(channel, mode)

    def wrap(self, channel, mode=IO_READ | IO_WRITE):
        """Opens the channel on what the constructor takes; what was open is closed immediately."""
        if isinstance(channel, Kaa.IOChannel):
            self.wrap_channel(channel, mode)
        elif isinstance(channel, int):
            self.wrap_fd(channel, mode)
        else:
            self.wrap_fd(channel.fileno(), mode)
            self.set_close_fd(False)
            # The callbacks own the object, not this wrapper, which may be gone by then.
            self.connect('notify::fileno', _close_when_closed, channel)
            self.weak_ref(channel.close)
        self._channel = channel

    @property
    def channel(self):
        """What it was opened with: a descriptor, a file object, another channel; None while it is not open."""
        # Channels that C made have never been through __init__.
        return getattr(self, '_channel', self.fileno) if self.get_fileno() >= 0 else None

    @property
    def fileno(self):
        """The descriptor, or None."""
        fd = self.get_fileno()
        return fd if fd >= 0 else None

    # Lines that are split already, and still in the queue: Lines, or None.
    _lines = None

    def _settle(self):
        lines = self._lines
        # In another thread nothing can be read, so it makes no difference there.
        if lines is not None and lines.is_here():
            self._lines = None
            lines.settle()

    def _fetch(self):
        """The whole lines in the queue, if whoever asks now would be the next to get them."""
        self._settle()
        block, serial = Kaa.IOChannel.peek_lines(self)
        if block is not None:
            self._lines = _lines.Lines(self, block.get_data(), serial, self._get_delimiters())
        return self._lines

    def _request(self, request, *args):
        self._settle()
        future = request(self, *args)
        future._reader = self
        return future

    def request_line(self):
        return self._request(Kaa.IOChannel.readline)

    def read(self):
        """Asks for a chunk: 1 to chunk_size bytes, as soon as there are any; b'' when the channel is closed."""
        return self._request(Kaa.IOChannel.read)

    def readline(self):
        """Asks for a line, with its delimiter; b'' when the channel is closed."""
        lines = self._lines
        if lines is None:
            lines = self._fetch()
        if lines is not None:
            line = lines.get_next()
            if line is not None:
                return line
        return self.request_line()

    def readlines(self):
        """Asks for all the whole lines that are buffered, as one block of bytes; b'' when the channel is closed."""
        return self._request(Kaa.IOChannel.readlines)

    def read_exactly(self, count):
        """Asks for so many bytes; fewer only at the end."""
        return self._request(Kaa.IOChannel.read_exactly, count)

    def read_until(self, delimiter):
        """As readline(), with a delimiter for this call."""
        return self._request(Kaa.IOChannel.read_until, GLib.Bytes.new(_encode(delimiter)))

    def peek(self):
        """What is in the read queue, as bytes. It stays there until consume() takes it."""
        self._settle()
        return super().peek().get_data() or b''

    def unread(self, data):
        """Puts bytes back at the head of the read queue."""
        self._settle()
        return super().unread(data if isinstance(data, GLib.Bytes) else _to_bytes(data))

    def connect(self, signal, handler, *args):
        """Connects handler(channel, ..., *args) to a signal. Handlers of `read`, `readline` and `readlines` get a GLib.Bytes."""
        return self._listen(super().connect, signal, handler, *args)

    def connect_after(self, signal, handler, *args):
        """As connect(), behind the class's own handler."""
        return self._listen(super().connect_after, signal, handler, *args)

    def connect_object(self, signal, handler, gobject, *args):
        """As connect(), for as long as gobject lives, which the handler gets instead of the channel."""
        return self._listen(super().connect_object, signal, handler, gobject, *args)

    def handler_unblock(self, handler):
        """Unblocks a handler."""
        return self._listen(super().handler_unblock, handler)

    def _listen(self, call, *args):
        # Who listens from now on gets what was not handed out, and the channel shall notice.
        _loops.get_running_loop()
        self._settle()
        result = call(*args)
        self.look()
        return result

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
        if isinstance(delimiter, (str, bytes, bytearray, memoryview)):
            delimiter = [delimiter]
        self.set_delimiter_bytes([GLib.Bytes.new(_encode(one)) for one in delimiter])

    def _get_delimiters(self):
        return [delimiter.get_data() for delimiter in self.get_delimiter_bytes()]

    def write(self, data):
        """Queues bytes; the future's result is their number. Raises at once if the queue has no room for them:
        G_IO_ERROR_WOULD_BLOCK, after which wait_writable() helps, or G_IO_ERROR_MESSAGE_TOO_LARGE.
        """
        future = self.write_bytes(_to_bytes(data))
        if future.get_finished() and future.get_failed():
            # Nobody looks at the future of a write that is not awaited.
            try:
                future.get_result()
            except GLib.Error as error:
                if any(error.matches(Gio.io_error_quark(), code) for code in _REFUSED):
                    raise
        return future

    def send(self, data):
        """Queues bytes without a future, for many small writes; raises if they are refused."""
        return super().send(_to_bytes(data))

    def close(self, immediate=False, expected=True):
        """Closes the channel. What is queued is written first, or else given up if immediate. The `closed` signal and
        the future tell expected.
        """
        flags = Kaa.CloseFlags.NONE
        if immediate:
            flags |= Kaa.CloseFlags.IMMEDIATE
        if not expected:
            flags |= Kaa.CloseFlags.UNEXPECTED
        self._settle()
        return super().close(flags)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        # After an exception nobody shall wait for a peer that does not read.
        await self.close(immediate=kind is not None)

    async def __aiter__(self):
        try:
            while True:
                lines = self._fetch()
                if lines is None:
                    line = await self.request_line()
                    if not line:
                        return
                    yield line
                else:
                    for line in lines.stream:
                        if not lines.moved:
                            lines.move()
                        yield line
        finally:
            self._settle()

    async def lines(self, encoding='utf-8', errors='strict'):
        """Iterates over lines as str, without the delimiter."""
        # A line that is longer than queue_size may be cut inside a character.
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        changes = []
        handler = GObject.Object.connect(self, 'notify::delimiters', lambda *_: changes.append(True))
        delimiters = self._get_delimiters()
        try:
            async for line in self:
                if changes:
                    changes.clear()
                    delimiters = self._get_delimiters()
                text, delimiter = _lines.strip(line, delimiters)
                yield decoder.decode(text, bool(delimiter))
            rest = decoder.decode(b'', True)
            if rest:
                yield rest
        finally:
            self.disconnect(handler)

    async def batches(self):
        """Iterates over lists of lines, as bytes: all that are at hand, so it is the fastest."""
        while True:
            block = await self.readlines()
            if not block:
                return
            yield _lines.split(block, self._get_delimiters())


def _settle_before(*names):
    """Methods of C that look at the read queue, or decide what a line is."""
    for name in names:
        method = getattr(Kaa.IOChannel, name)

        def call(self, *args, _method=method, **keywords):
            _loops.get_running_loop()
            self._settle()
            for arg in args:
                if isinstance(arg, IOChannel):
                    arg._settle()
            return _method(self, *args, **keywords)

        setattr(IOChannel, name, functools.update_wrapper(call, method))


_settle_before('read_async', 'readline_async', 'readlines_async', 'read_exactly_async', 'read_until_async',
               'consume', 'peek_lines', 'describe', 'get_readable', 'get_read_queue_used',
               'set_delimiter', 'set_delimiters', 'set_delimiter_bytes', 'set_queue_size', 'set_overflow_policy',
               'wrap_fd', 'wrap_fds', 'wrap_stream', 'wrap_channel', 'steal', 'splice', 'splice_async',
               'get_property', 'set_property')
_use_loop(IOChannel, 'new', 'new_for_fd', 'new_for_stream', 'new_for_serial', 'new_pair')
_add_attributes(IOChannel)
IOChannel = override(IOChannel)
__all__.append('IOChannel')


# --- Descriptors ---

class IOMonitor(Kaa.IOMonitor):
    """Calls callback(*args, **kwargs) while a descriptor is ready.

    The main loop holds it from register() to unregister(), or until the descriptor is closed.
    """

    def __init__(self, callback, *args, **kwargs):
        _loops.get_running_loop()
        # PyGObject makes closures of functions for arguments, but not for properties.
        closure = Kaa.Callback.new(lambda monitor, condition: callback(*args, **kwargs)).get_closure()
        super().__init__(closure=closure)

    def register(self, fd, condition=IO_READ):
        """Watches a descriptor, or an object with fileno(), which is held meanwhile."""
        super().register(_to_fd(fd), condition)
        self._file = fd

    def unregister(self):
        """Stops watching."""
        super().unregister()
        self._file = None


_add_attributes(IOMonitor)
IOMonitor = override(IOMonitor)
__all__.append('IOMonitor')

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa I/O in Python: channels that are iterated, futures that are awaited.

    async def main():
        async for line in Kaa.IOChannel(sys.stdin, Kaa.IO_READ):
            print(line)

    Kaa.run(main())

State that has to outlive a wrapper is kept in C: wrappers come and go while the channel lives on.
"""

import re
import sys
import threading
import time

from gi._ossighelper import register_sigint_fallback
from gi.module import get_introspection_module
from gi.overrides import override
from gi.repository import Gio, GLib

Kaa = get_introspection_module('Kaa')

__all__ = ['IO_READ', 'IO_WRITE', 'IO_EXCEPT', 'run']

IO_READ = Kaa.IOCondition.READ
IO_WRITE = Kaa.IOCondition.WRITE
IO_EXCEPT = Kaa.IOCondition.EXCEPT

# Python runs its signal handlers between two waits in C, so this is how long Ctrl-C takes at most.
_SIGNAL_SECONDS = 0.1

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


# --- Futures ---

class InProgress(Kaa.InProgress):
    """The result of an operation that may not be finished yet: await it, wait() for it, or be called back by then().

    Results are bytes, int, bool or an object. Failures are raised as GLib.Error.
    """

    @property
    def result(self):
        """The result; raises what the operation failed with, or G_IO_ERROR_PENDING if it is not finished."""
        return _to_python(self.get_result())

    def __await__(self):
        asyncio = sys.modules.get('asyncio')
        loop = asyncio and asyncio._get_running_loop()
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
        """A future of an asyncio loop that iterates GLib."""
        future = loop.create_future()

        def wake(_):
            if not future.done():
                future.set_result(None)

        self.then(wake, wake)
        return future

    def _give_up(self):
        try:
            self.abort()
        except GLib.Error:
            # It is finished, or has gone too far.
            pass

    def wait(self, timeout=-1):
        """Runs the main loop until the operation is finished, and returns the result. Ctrl-C raises KeyboardInterrupt.

        After timeout seconds it raises G_IO_ERROR_TIMED_OUT, and the operation goes on; negative means for ever.
        """
        if threading.current_thread() is not threading.main_thread():
            super().wait(timeout)
            return self.result

        # An exception in the middle of C would be lost, so the signal handler only says that it ran.
        interrupts = []
        with register_sigint_fallback(lambda: interrupts.append(True)):
            deadline = time.monotonic() + timeout
            while True:
                left = _SIGNAL_SECONDS if timeout < 0 else deadline - time.monotonic()
                try:
                    super().wait(min(max(left, 0), _SIGNAL_SECONDS))
                    break
                except GLib.Error:
                    if self.get_finished() or (timeout >= 0 and left <= 0):
                        raise
                    if interrupts:
                        raise KeyboardInterrupt from None
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

    def timeout(self, seconds, abort=False):
        """A future with the same result, that fails with G_IO_ERROR_TIMED_OUT after that time; abort: and this one ends."""
        return super().timeout(seconds, abort)

    @staticmethod
    def all(futures):
        """A future that is finished with True when all of them are, and fails as soon as one does."""
        return Kaa.InProgress.all(list(futures))

    @staticmethod
    def any(futures):
        """A future that is finished with the index of the first of them that is."""
        return Kaa.InProgress.any(list(futures))


_add_attributes(InProgress)
InProgress = override(InProgress)
__all__.append('InProgress')


class _Task:
    """A coroutine that is driven by the main loop."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.loop = GLib.MainLoop()
        self.awaited = None
        self.finished = False
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
        self.finished = True
        self.result = result
        self.error = error
        self.loop.quit()

    def run(self):
        self.step(self.coroutine.send, None)
        while not self.finished:
            try:
                self.loop.run()
            except KeyboardInterrupt as interrupt:
                if not self.finished:
                    self.step(self.coroutine.throw, interrupt)
        self.coroutine.close()
        if self.error is not None:
            raise self.error
        return self.result


def run(coroutine):
    """Drives a coroutine on the default main context until it is done, and returns its result.

    Everything else on that context runs meanwhile. Ctrl-C raises KeyboardInterrupt inside the coroutine.
    """
    async def main():
        return await coroutine

    return _Task(main()).run()


# --- Channels ---

def _split(block, delimiters, at_end=False):
    """The ends of the whole lines in a block.

    Before the end, a match so late that an earlier or a longer one may still show up is none yet.
    """
    if len(delimiters) == 1:
        delimiter, = delimiters
        end = block.find(delimiter)
        while end >= 0:
            end += len(delimiter)
            yield end
            end = block.find(delimiter, end)
        return

    # The first alternative wins, which has to be the longest one.
    delimiters = sorted(delimiters, key=len, reverse=True)
    limit = len(block) if at_end else len(block) - len(delimiters[0])
    for match in re.finditer(b'|'.join(map(re.escape, delimiters)), block):
        if match.start() > limit:
            return
        yield match.end()


def _strip(line, delimiters):
    # Of those that it ends with, the longest is the one that was found first.
    length = max((len(delimiter) for delimiter in delimiters if line.endswith(delimiter)), default=0)
    return line[:len(line) - length]


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

    def peek(self):
        """What is in the read queue, as bytes. It stays there until consume() takes it."""
        return super().peek().get_data() or b''

    def read_until(self, delimiter):
        """As readline(), with a delimiter for this call."""
        return super().read_until(GLib.Bytes.new(_encode(delimiter)))

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
        return super().close(flags)

    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, traceback):
        # After an exception nobody shall wait for a peer that does not read.
        await self.close(immediate=kind is not None)

    def __aiter__(self):
        return self._iterate()

    def lines(self, encoding='utf-8', errors='strict'):
        """Iterates over lines as str, without the delimiter."""
        return self._iterate(lambda line, delimiters: _strip(line, delimiters).decode(encoding, errors))

    async def _iterate(self, convert=None):
        changes = []
        handler = self.connect('notify::delimiters', lambda *_: changes.append(True))
        try:
            while True:
                line = await self.readline()
                if not line:
                    return
                changes.clear()
                delimiters = self._get_delimiters()
                yield convert(line, delimiters) if convert is not None else line
                if changes:
                    continue
                # The others that came with it need no loop turn each.
                for line in self._take_lines(delimiters, changes):
                    yield convert(line, delimiters) if convert is not None else line
        finally:
            self.disconnect(handler)

    def _take_lines(self, delimiters, changes):
        """The whole lines that are in the queue now. Each is taken when it is handed out: who stops here loses nothing."""
        block = self.peek()
        head = self.get_bytes_read() - len(block)
        limit = self.get_queue_size()
        start = 0
        for end in _split(block, delimiters):
            # The loop's body may have read, or changed the delimiter; and what is too long is for the overflow policy.
            if (changes or end - start > limit or
                    self.get_bytes_read() - self.get_read_queue_used() != head + start):
                return
            self.consume(end - start)
            yield block[start:end]
            start = end

    async def batches(self):
        """Iterates over lists of lines, as bytes: all that are at hand, so it is the fastest."""
        while True:
            block = await self.readlines()
            if not block:
                return
            ends = list(_split(block, self._get_delimiters(), at_end=True))
            if not ends or ends[-1] < len(block):
                ends.append(len(block))
            yield [block[start:end] for start, end in zip([0] + ends, ends)]


_add_attributes(IOChannel)
IOChannel = override(IOChannel)
__all__.append('IOChannel')


# --- Descriptors ---

class IOMonitor(Kaa.IOMonitor):
    """Calls callback(*args, **kwargs) while a descriptor is ready."""

    # PyGObject makes closures of functions for arguments, but not for properties: so it is new() that constructs it.
    def __new__(cls, callback, *args, **kwargs):
        return cls.new(lambda monitor, condition: callback(*args, **kwargs))

    def __init__(self, callback, *args, **kwargs):
        pass

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

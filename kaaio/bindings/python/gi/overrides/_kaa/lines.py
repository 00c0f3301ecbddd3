# SPDX-License-Identifier: LGPL-2.1-or-later
"""Blocks of whole lines, split on Python's side: a call of C costs more than asyncio's whole line."""

import io
import re
from sys import getrefcount
from threading import get_ident
from time import monotonic

from gi.module import get_introspection_module
from gi.repository import GLib

from .loops import BUDGET, call_soon, get_running_loop, turn

Kaa = get_introspection_module('Kaa')


def find_ends(block, delimiters):
    """Where the lines of a block end."""
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
    for match in re.finditer(b'|'.join(map(re.escape, delimiters)), block):
        yield match.end()


def strip(line, delimiters):
    """The line and its delimiter."""
    # Of those that it ends with, the longest is the one that was found first.
    length = max((len(delimiter) for delimiter in delimiters if line.endswith(delimiter)), default=0)
    end = len(line) - length
    return line[:end], line[end:]


def split(block, delimiters):
    """A list of lines, the last of which may have no delimiter."""
    if delimiters == [b'\n']:
        return io.BytesIO(block).readlines()
    ends = list(find_ends(block, delimiters))
    if not ends or ends[-1] < len(block):
        ends.append(len(block))
    return [block[start:end] for start, end in zip([0] + ends, ends)]


class _Splitter:
    """As io.BytesIO, which knows no other delimiter than a newline."""

    def __init__(self, block, delimiters):
        self.block = block
        self.ends = find_ends(block, delimiters)
        self.position = 0

    def __iter__(self):
        return self

    def __next__(self):
        start, self.position = self.position, next(self.ends)
        return self.block[start:self.position]

    def tell(self):
        return self.position

    def truncate(self, size):
        self.block = b''
        self.ends = iter(())


def _get_teller():
    # A loop of asyncio may end before its next turn; a main context goes on.
    return id(get_running_loop())


class _Unheld:
    def __init__(self):
        self.next = object()

    def count(self):
        # As in Lines.get_next().
        awaitable = self.next
        return getrefcount(awaitable)


# References to an object that an attribute holds and a variable names: from Python 3.14 on the variable is not counted.
UNHELD = _Unheld().count()


class Lines:
    """Whole lines that are still in the channel's queue, and how many of them were handed out.

    Those leave the queue in the next turn of the loop, or before anything else is done to the channel: settle().
    """

    __slots__ = ('channel', 'serial', 'stream', 'settled', 'moved', 'next', 'thread', 'end_of_turn')

    def __init__(self, channel, block, serial, delimiters):
        self.channel = channel
        self.serial = serial
        self.stream = io.BytesIO(block) if delimiters == [b'\n'] else _Splitter(block, delimiters)
        self.settled = 0
        # The queue will be told in the next turn, in which many blocks may come and go.
        self.moved = channel._told_by == _get_teller()
        # When the loop has to turn, if it has not until then.
        self.end_of_turn = channel._end_of_turn
        self.next = NextLine(self)
        self.thread = get_ident()

    def is_here(self):
        return self.thread == get_ident()

    def move(self):
        """To be called when a line was handed out."""
        self.moved = True
        self.channel._told_by = _get_teller()
        self.channel._end_of_turn = self.end_of_turn = monotonic() + BUDGET
        call_soon(self.channel._tell)

    def tell(self):
        """Tells the queue what was handed out."""
        self.moved = False
        if self.channel is not None:
            position = self.stream.tell()
            if position > self.settled:
                if not Kaa.IOChannel.take_line(self.channel, self.serial, position - self.settled):
                    # Somebody else has been at the queue, without asking us.
                    self.end()
                    return
                self.serial = (self.serial + 1) & 0xffffffff
                self.settled = position

    def end(self):
        """Whoever iterates over the stream finds no more, and the block is not kept."""
        self.channel = None
        self.stream.truncate(0)

    def settle(self):
        """Tells the queue, and ends."""
        self.tell()
        self.end()
        # What was asked for before is served before.
        awaitable, self.next = self.next, None
        if awaitable is not None and getrefcount(awaitable) >= UNHELD and awaitable.line is None:
            awaitable.to_future()

    def get_next(self):
        """An awaitable for the next line, or None if there is another one that has not been awaited yet."""
        awaitable = self.next
        # Nobody else holds it, so it can be used again.
        if getrefcount(awaitable) == UNHELD:
            awaitable.line = None
            return awaitable
        if awaitable.line is None:
            return None
        awaitable = self.next = NextLine(self)
        return awaitable


class NextLine:
    """What readline() gives while there are whole lines: the next of them is taken when this is awaited.

    Whoever wants more of it (callbacks, a time-out, to combine it) gets the future of a request.
    """

    __slots__ = ('lines', 'stream', 'channel', 'line', 'future')

    future_type = None
    # For isinstance().
    __class__ = property(lambda self: NextLine.future_type)

    def __init__(self, lines):
        self.lines = lines
        self.stream = lines.stream
        self.channel = lines.channel
        self.line = self.future = None

    def __await__(self):
        if self.line is None:
            if monotonic() > self.lines.end_of_turn:
                try:
                    yield from turn.__await__()
                except BaseException:
                    self.give_up()
                    raise
            for line in self.stream:
                self.line = line
                if not self.lines.moved:
                    self.lines.move()
                return line
            return (yield from self.to_future().__await__())
        return self.line

    def wait(self, timeout=-1):
        if self.line is None:
            for line in self.stream:
                self.line = line
                if not self.lines.moved:
                    self.lines.move()
                return line
            return self.to_future().wait(timeout)
        return self.line

    def give_up(self):
        """Whoever awaited it has gone (cancelled, closed, Ctrl-C), but may be held by the exception: nothing is asked for in its place."""
        if self.future is not None:
            self.future._give_up()
        elif self.lines.next is self:
            self.lines.next = NextLine(self.lines)

    def to_future(self):
        """The future of a request that is made now, or of the line that was taken."""
        if self.future is None:
            self.stream = ()
            if self.lines.next is self:
                self.lines.next = None if self.line is None else NextLine(self.lines)
            if self.line is None:
                self.future = self.channel._request_line()
            else:
                self.future = Kaa.InProgress.new(self.channel)
                self.future.finish_bytes(GLib.Bytes.new(self.line))
        return self.future

    @property
    def abortable(self):
        return self.to_future().abortable

    @abortable.setter
    def abortable(self, abortable):
        self.to_future().abortable = abortable

    def __getattr__(self, name):
        return getattr(self.to_future(), name)

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines as text, in any encoding.

Where a byte below 128 is always that character (UTF-8, ISO 8859, EUC), the channel splits bytes, and its lines are decoded. In all other
encodings (UTF-16, UTF-32, Shift JIS, GB 18030, those with escapes) a delimiter's bytes may be half of something else, so what is in the
queue is decoded, and split as text. In both no more is taken from the queue than was handed out.
"""

import bisect
import codecs
import functools
import re
from time import monotonic

from gi.module import get_introspection_module
from gi.repository import Gio, GObject

from .lines import strip
from .loops import BUDGET, turn
from .support import make_error

Kaa = get_introspection_module('Kaa')

# How many bytes are decoded at first to find the end of a line.
_WINDOW = 128


@functools.lru_cache
def is_bytewise(encoding):
    """Whether a byte below 128 is always a character of its own, also behind a byte that begins a longer one."""
    ascii_bytes = bytes(range(128))
    ascii_text = ascii_bytes.decode('ascii')

    def keep(data):
        return ''.join(character for character in data.decode(encoding, 'replace') if character < '\x80')

    return ascii_bytes.decode(encoding, 'replace') == ascii_text and all(
        keep(b''.join(bytes([first, byte]) for byte in ascii_bytes)) == ascii_text for first in range(128, 256))


def iterate(channel, encoding, errors):
    return (_bytewise if is_bytewise(encoding) else _textwise)(channel, encoding, errors)


async def _bytewise(channel, encoding, errors):
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    changes = []
    handler = GObject.Object.connect(channel, 'notify::delimiters', lambda *_: changes.append(True))
    delimiters = channel._get_delimiters()
    try:
        async for line in channel:
            if changes:
                changes.clear()
                delimiters = channel._get_delimiters()
            line, delimiter = strip(line, delimiters)
            text = decoder.decode(line, bool(delimiter))
            if delimiter:
                yield text
            elif text:
                # A line that is longer than queue_size may be cut inside a character, whose beginning is the next line's then.
                _put_back(channel, decoder)
                yield text
        rest = decoder.decode(b'', True)
        if rest:
            yield rest
    finally:
        # Not even one character was whole.
        _put_back(channel, decoder)
        channel.disconnect(handler)


def _put_back(channel, decoder):
    """What the decoder has taken, and given nothing for."""
    pending, state = decoder.getstate()
    if pending:
        decoder.setstate((b'', state))
        channel.unread(pending)


class Decoder:
    """Finds lines in what is decoded, and how many bytes they are made of. It stands at the head of the queue."""

    def __init__(self, encoding, errors):
        self.key = (encoding, errors)
        self.decoder = codecs.getincrementaldecoder(encoding)(errors)
        # What the bytes before have left behind: a byte order, a shift state.
        self.state = self.decoder.getstate()

    def decode(self, data, at_end=False):
        self.decoder.setstate(self.state)
        return self.decoder.decode(data, at_end)

    def find(self, data, start, delimiters, at_end):
        """The line at start without its delimiter, and its length in bytes with it; or None."""
        pattern = re.compile('|'.join(map(re.escape, sorted(delimiters, key=len, reverse=True))))
        size = _WINDOW
        while True:
            window = data[start:start + size]
            whole = start + size >= len(data)
            window, text, error = self._decode_good(window, at_end and whole)
            match = pattern.search(text)
            if match and (at_end and whole or error or not _may_grow(text, match.start(), delimiters)):
                length = self._measure(window, match.end())
                if len(self.decode(window[:length])) != match.end():
                    raise UnicodeError(f'{self.key[0]}: a line does not end where a byte does')
                return text[:match.start()], length
            if error is not None:
                raise error
            if whole:
                return None
            size *= 2

    def _decode_good(self, data, at_end):
        """What comes before the first mistake in it, as bytes and as text, and that mistake or None."""
        def is_bad(size):
            try:
                self.decode(data[:size])
            except UnicodeError:
                return True
            return False

        try:
            return data, self.decode(data, at_end), None
        except UnicodeError as error:
            # At the end it may be what is missing.
            good = data[:bisect.bisect_left(range(len(data) + 1), True, key=is_bad) - 1]
            return good, self.decode(good), error

    def _measure(self, data, length):
        """Of how many bytes so many characters are."""
        return bisect.bisect_left(range(len(data)), length, key=lambda size: len(self.decode(data[:size])))

    def whole(self, data):
        """The whole characters of a piece, and their length in bytes."""
        text = self.decode(data)
        return text, len(data) - len(self.decoder.getstate()[0])

    def pass_by(self, data):
        """These bytes are taken from the queue."""
        self.decode(data)
        self.state = self.decoder.getstate()


def _may_grow(text, start, delimiters):
    """Whether a match at start may become an earlier or a longer one with the characters that follow."""
    longest = max(map(len, delimiters))
    tails = [text[index:] for index in range(max(0, len(text) - longest + 1), start + 1)]
    return any(len(tail) < len(delimiter) and delimiter.startswith(tail) for tail in tails for delimiter in delimiters)


def _to_text(delimiter, encoding):
    # A str was set as UTF-8. What is of wide characters already has NULs.
    if len(delimiter) > 1 and b'\0' in delimiter:
        return delimiter.decode(encoding)
    try:
        return delimiter.decode()
    except UnicodeDecodeError:
        return delimiter.decode(encoding)


async def _textwise(channel, encoding, errors):
    # Where the iteration was left early it goes on: a byte order mark is at the beginning only.
    decoder = channel._decoder
    if decoder is None or decoder.key != (encoding, errors):
        decoder = channel._decoder = Decoder(encoding, errors)
    at_end = False
    end_of_turn = monotonic() + BUDGET
    while True:
        data = channel.peek()
        position = 0
        while found := _find(channel, decoder, data, position, at_end):
            text, length = found
            if position == 0:
                channel.consume(length)
                _, serial = channel.peek_lines()
            elif channel.take_line(serial, length):
                serial = (serial + 1) & 0xffffffff
            else:
                # Somebody else has been at the queue.
                break
            decoder.pass_by(data[position:position + length])
            position += length
            yield text
            if monotonic() > end_of_turn:
                await turn
                end_of_turn = monotonic() + BUDGET
                # Others may have been at the queue.
                break
        if position > 0:
            continue
        if at_end:
            return

        # What is asked for is what comes behind that which is there.
        if data:
            channel.consume(len(data))
        more = b''
        try:
            more = await channel.read()
        finally:
            if data or more:
                channel.unread(data + more)
        if not more and channel._may_go_on():
            return
        at_end = not more
        end_of_turn = monotonic() + BUDGET


def _find(channel, decoder, data, start, at_end):
    """The text of the next line, or of a piece of it, and its length in bytes; None if there has to be more of it."""
    delimiters = [_to_text(delimiter, decoder.key[0]) for delimiter in channel._get_delimiters()]
    limit = channel.get_queue_size()
    found = decoder.find(data, start, delimiters, at_end)
    piece = data[start:start + limit]
    if found is None and len(piece) == limit or found is not None and found[1] > limit and len(decoder.decode(piece)) < len(found[0]):
        return _cut(channel, decoder, piece)
    if found is None and at_end and start < len(data):
        return decoder.decode(data[start:], True), len(data) - start
    return found


def _cut(channel, decoder, data):
    """A piece of a line that is too long."""
    text, length = decoder.whole(data)
    if channel.get_overflow_policy() != Kaa.OverflowPolicy.SPLIT or not text:
        raise make_error(Gio.IOErrorEnum.MESSAGE_TOO_LARGE, f'There is no whole line in the {len(data)} bytes of the queue')
    return text, length

# SPDX-License-Identifier: LGPL-2.1-or-later
"""lines(): text in any encoding, cut anywhere, left early, too long."""

import asyncio
import os
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

# U+0A0A and U+0D0A have the byte of a newline in UTF-16 and UTF-32; the second one has it in other encodings' two bytes, too.
WIDE = ['a\u0a0ab', '\u0d0a', '', '\U0001f600é']
JAPANESE = ['日本語', 'ab', '', 'ソ表|A']
ENCODINGS = {
    'utf-8': WIDE,
    'utf-8-sig': WIDE,
    'utf-16': WIDE,
    'utf-16-le': WIDE,
    'utf-16-be': WIDE,
    'utf-32': WIDE,
    'utf-32-le': WIDE,
    'utf-32-be': WIDE,
    'gb18030': WIDE,
    'utf-7': ['a', 'b'],
    'latin-1': ['café', '', 'ÿ'],
    'cp037': ['line', 'two'],
    'euc_jp': JAPANESE,
    'shift_jis': JAPANESE,
    'iso2022_jp': JAPANESE,
    'big5': ['許功蓋', 'a'],
}


def turn():
    promise = Kaa.InProgress.new(None)
    GLib.idle_add(promise.finish_void, priority=GLib.PRIORITY_LOW)
    return promise


def pipe(**arguments):
    reader, writer = os.pipe()
    return Kaa.IOChannel(reader, Kaa.IO_READ, **arguments), writer


def filled(data, **arguments):
    channel, writer = pipe(**arguments)
    os.write(writer, data)
    os.close(writer)
    return channel


async def collect(iterator):
    return [text async for text in iterator]


class Encodings(unittest.TestCase):
    def check(self, texts, encoding, pieces, **arguments):
        async def main():
            async def write():
                for piece in pieces:
                    os.write(writer, piece)
                    # So that each is read by itself.
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                os.close(writer)

            channel, writer = pipe(**arguments)
            task = asyncio.ensure_future(write())
            seen = await collect(channel.lines(encoding))
            await task
            return seen

        self.assertEqual(asyncio.run(main()), texts)

    def test_cut_anywhere(self):
        for encoding, texts in ENCODINGS.items():
            data = '\n'.join(texts + ['']).encode(encoding)
            for cut in range(len(data) + 1):
                with self.subTest(encoding, cut=cut):
                    self.check(texts, encoding, [data[:cut], data[cut:]] if cut else [data])

    def test_byte_by_byte(self):
        for encoding, texts in ENCODINGS.items():
            data = '\n'.join(texts).encode(encoding)
            with self.subTest(encoding):
                # The last line has no delimiter, and is none where it is empty.
                self.check(texts, encoding, [data[index:index + 1] for index in range(len(data))])

    def test_chunks_of_one_byte(self):
        for encoding, texts in ENCODINGS.items():
            with self.subTest(encoding):
                self.check(texts, encoding, ['\n'.join(texts + ['']).encode(encoding)], chunk_size=1)

    def test_byte_order_marks(self):
        for data, encoding in [(b'\xfe\xff\0a\0\n\0b\0\n', 'utf-16'), (b'\xff\xfea\0\n\0b\0\n\0', 'utf-16'),
                               (b'\0\0\xfe\xff\0\0\0a\0\0\0\n\0\0\0b\0\0\0\n', 'utf-32')]:
            with self.subTest(encoding, data=data):
                self.check(['a', 'b'], encoding, [data])

    def test_delimiters_are_text(self):
        for encoding in ['utf-16', 'utf-32-be', 'shift_jis', 'gb18030']:
            text = '表A\r\nソ|\r;\r\n'
            for delimiters, expected in [(['\r', '\r\n'], ['表A', 'ソ|', ';']), (['|', ';'], ['表A\r\nソ', '\r', '\r\n']),
                                         (['A\r\nソ', '\r\n'], ['表', '|\r;'])]:
                data = text.encode(encoding)
                for cut in range(1, len(data)):
                    with self.subTest(encoding, delimiters=delimiters, cut=cut):
                        self.check(expected, encoding, [data[:cut], data[cut:]], delimiter=delimiters)

    def test_long_lines(self):
        texts = ['é' * length for length in (63, 64, 65, 127, 128, 129, 1000, 20000)]
        for encoding in ['utf-8', 'utf-16', 'gb18030']:
            with self.subTest(encoding):
                data = '\n'.join(texts + ['']).encode(encoding)
                self.check(texts, encoding, [data[start:start + 1000] for start in range(0, len(data), 1000)])

    def test_delimiters_as_bytes(self):
        """As text, or of the encoding."""
        for delimiter in [';', b';', ';'.encode('utf-16-le'), [b'\0\0', ';'.encode('utf-16-le')]]:
            channel = filled('one;two;'.encode('utf-16-le'), delimiter=delimiter)
            self.assertEqual(Kaa.run(collect(channel.lines('utf-16-le'))), ['one', 'two'])

    def test_unknown_encoding(self):
        with self.assertRaises(LookupError):
            Kaa.IOChannel().lines('no such encoding')

    def test_mistakes(self):
        """The lines before are given; what cannot be decoded is still there."""
        for encoding, bad in [('utf-16-le', b'\x00\xdcx\0'), ('shift_jis', b'\xff'), ('utf-32-le', b'\xff\xff\xff\xff')]:
            with self.subTest(encoding):
                async def main():
                    channel = filled('one\ntwo\n'.encode(encoding) + bad + '\n'.encode(encoding))
                    seen = []
                    with self.assertRaises(UnicodeDecodeError):
                        async for text in channel.lines(encoding):
                            seen.append(text)
                    return seen, await channel.read()

                self.assertEqual(Kaa.run(main()), (['one', 'two'], bad + '\n'.encode(encoding)))
                channel = filled(bad + '\n'.encode(encoding))
                text, = Kaa.run(collect(channel.lines(encoding, 'replace')))
                self.assertIn('\ufffd', text)

    def test_nothing_is_lost_where_no_byte_ends_a_line(self):
        data = b'+AGEACgBi-\n'
        channel = filled(data)
        self.assertEqual(data.decode('utf-7'), 'a\nb\n')
        with self.assertRaises(UnicodeError):
            Kaa.run(collect(channel.lines('utf-7')))
        self.assertEqual(channel.read().wait(5), data)

    def test_somebody_else_reads_in_between(self):
        async def main():
            channel = filled('one\n4\nbodytwo\nx;y;'.encode('utf-16-le'))
            seen = []
            async for text in channel.lines('utf-16-le'):
                if text == '4':
                    seen.append((await channel.read_exactly(8)).decode('utf-16-le'))
                elif text == 'two':
                    channel.delimiter = ';'
                else:
                    seen.append(text)
            return seen

        self.assertEqual(Kaa.run(main()), ['one', 'body', 'x', 'y'])

    def test_cut_at_the_end(self):
        for encoding in ['utf-16-le', 'shift_jis', 'utf-8']:
            data = '日本'.encode(encoding)[:-1]
            with self.subTest(encoding):
                with self.assertRaises(UnicodeDecodeError):
                    Kaa.run(collect(filled(data).lines(encoding)))
                self.assertEqual(''.join(Kaa.run(collect(filled(data).lines(encoding, 'replace')))), '日\ufffd')


class Leaving(unittest.TestCase):
    def test_early(self):
        async def main():
            channel = filled(data)
            seen = []
            for _ in texts:
                async for text in channel.lines(encoding):
                    seen.append(text)
                    break
            return seen, await channel.read()

        for encoding, texts in ENCODINGS.items():
            data = '\n'.join(texts + ['']).encode(encoding)
            for run in [Kaa.run, asyncio.run]:
                with self.subTest(encoding, run=run.__module__):
                    self.assertEqual(run(main()), (texts, b''))

    def test_the_rest_is_in_the_channel(self):
        async def main():
            channel = filled('één\ntwo\nthree'.encode(encoding))
            async for _ in channel.lines(encoding):
                break
            return await channel.read()

        for encoding in ['utf-8', 'utf-16-le', 'utf-32-be', 'gb18030', 'latin-1']:
            with self.subTest(encoding):
                self.assertEqual(Kaa.run(main()), 'two\nthree'.encode(encoding))

    def test_cancelled(self):
        async def main():
            channel, writer = pipe()
            os.write(writer, data[:cut])
            seen = []
            task = asyncio.ensure_future(self.add(channel.lines(encoding), seen))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            os.write(writer, data[cut:])
            os.close(writer)
            await self.add(channel.lines(encoding), seen)
            return seen

        for encoding in ['utf-8', 'utf-16', 'shift_jis']:
            texts = ['日本', 'é' if encoding != 'shift_jis' else 'ソ', 'x']
            data = '\n'.join(texts + ['']).encode(encoding)
            for cut in range(1, len(data)):
                for turns in (1, 4, 8):
                    with self.subTest(encoding, cut=cut, turns=turns):
                        self.assertEqual(asyncio.run(main()), texts)

    @staticmethod
    async def add(iterator, seen):
        async for text in iterator:
            seen.append(text)

    def test_reopened(self):
        async def main():
            channel = filled(b'\xfe\xff\0a\0\n')
            seen = await collect(channel.lines('utf-16'))
            reader, writer = os.pipe()
            os.write(writer, b'\xff\xfeb\0\n\0')
            os.close(writer)
            channel.wrap(reader, Kaa.IO_READ)
            return seen + await collect(channel.lines('utf-16'))

        self.assertEqual(Kaa.run(main()), ['a', 'b'])


class TooLong(unittest.TestCase):
    def test_pieces(self):
        text = 'aé日\U0001f600' * 5
        for encoding in ['utf-8', 'utf-16', 'utf-16-le', 'utf-32-be', 'gb18030']:
            for size in range(8, 20):
                with self.subTest(encoding, size=size):
                    channel = filled((text + '\nx\n').encode(encoding), queue_size=size)
                    seen = Kaa.run(collect(channel.lines(encoding)))
                    self.assertEqual((''.join(seen), seen[-1]), (text + 'x', 'x'))
                    # The order mark of UTF-16 is not in each piece.
                    sizes = [len(piece.encode('utf-16-le' if encoding == 'utf-16' else encoding)) for piece in seen]
                    self.assertLessEqual(max(sizes), size)

    def test_less_than_a_character(self):
        for size in (1, 2, 3):
            self.assertEqual(''.join(Kaa.run(collect(filled('日\U0001f600\n'.encode(), queue_size=size).lines()))), '日\U0001f600')

    def test_leaving_inside_a_character(self):
        async def main():
            channel = filled(data, queue_size=size)
            seen = ''
            async for text in channel.lines(encoding):
                seen += text
                break
            return seen.encode(encoding) + b''.join(await collect(channel))

        for encoding in ['utf-8', 'utf-16-le', 'gb18030']:
            data = ('aé日\U0001f600' * 5).encode(encoding)
            for size in range(4, 20):
                for run in [Kaa.run, asyncio.run]:
                    with self.subTest(encoding, size=size):
                        self.assertEqual(run(main()), data)

    def test_cancelled_inside_a_character(self):
        async def main():
            channel, writer = pipe(queue_size=2)
            os.write(writer, b'\xf0\x9f\x98')
            task = asyncio.ensure_future(collect(channel.lines()))
            while channel.bytes_read < 3:
                await asyncio.sleep(0)
            # The first two have left the queue as a piece that is too long.
            while channel.read_queue_used > 1:
                await asyncio.sleep(0)
            for _ in range(4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            os.close(writer)
            return channel.peek()

        self.assertEqual(asyncio.run(asyncio.wait_for(main(), 30)), b'\xf0\x9f\x98')

    def test_other_policies(self):
        for policy in [Kaa.OverflowPolicy.ERROR, Kaa.OverflowPolicy.DISCARD]:
            channel = filled('123456789\n'.encode('utf-16-le'), queue_size=8, overflow_policy=policy)
            with self.assertRaises(GLib.Error) as failure:
                Kaa.run(collect(channel.lines('utf-16-le')))
            self.assertTrue(failure.exception.matches(Gio.io_error_quark(), Gio.IOErrorEnum.MESSAGE_TOO_LARGE))
            self.assertEqual(channel.read().wait(5)[:4], b'1\x002\x00')

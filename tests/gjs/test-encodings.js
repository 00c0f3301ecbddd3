// SPDX-License-Identifier: LGPL-2.1-or-later
// lines() and batches() in every encoding that TextDecoder knows, cut anywhere; the same texts as in Python's test-text.py.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, pair, run, test} from './tap.js';

// U+0A0A and U+0D0A have the byte of a newline in UTF-16.
const WIDE = ['a\u0a0ab', '\u0d0a', '', '\u{1f600}é', '\ufeffx'];
// The second byte of some is an ASCII character: \, |, A.
const JAPANESE = ['日本語', 'ab', '', 'ソ表A'];
// The others have a byte for each character, and ASCII among them.
const PLAIN = ['line', '', 'two'];
const TEXTS = {
    'utf-8': WIDE, 'utf-16le': WIDE, 'utf-16be': WIDE, 'gb18030': WIDE,
    'shift_jis': JAPANESE, 'euc-jp': JAPANESE, 'iso-2022-jp': JAPANESE,
    'big5': ['許功蓋', 'a'], 'gbk': ['你好丂', '', 'a'], 'euc-kr': ['가나', '', 'a'],
};
const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'ibm866', 'iso-8859-1', 'iso-8859-2', 'iso-8859-3', 'iso-8859-4', 'iso-8859-5',
    'iso-8859-6', 'iso-8859-7', 'iso-8859-8', 'iso-8859-8-i', 'iso-8859-10', 'iso-8859-13', 'iso-8859-14', 'iso-8859-15', 'iso-8859-16',
    'koi8-r', 'koi8-u', 'macintosh', 'windows-874', 'windows-1250', 'windows-1251', 'windows-1252', 'windows-1253', 'windows-1254',
    'windows-1255', 'windows-1256', 'windows-1257', 'windows-1258', 'x-mac-cyrillic', 'gbk', 'gb18030', 'big5', 'euc-jp',
    'iso-2022-jp', 'shift_jis', 'euc-kr'];

function encode(text, encoding) {
    const bytes = new TextEncoder().encode(text);
    return bytes.length === 0 || encoding === 'utf-8' || !(encoding in TEXTS) ? bytes : GLib.convert(bytes, encoding, 'UTF-8')[0];
}

function encodeAll(texts, delimiter, encoding) {
    return encode(texts.map(text => text + delimiter).join(''), encoding);
}

async function collect(iterator) {
    const items = [];
    for await (const item of iterator)
        items.push(item);
    return items;
}

async function feed(there, ...pieces) {
    for (const piece of pieces) {
        if (piece.length > 0)
            await there.write(piece);
        // So that each is read by itself.
        await new Promise(resolve => GLib.idle_add(GLib.PRIORITY_LOW, () => (resolve(), GLib.SOURCE_REMOVE)));
    }
    there.close();
}

for (const encoding of ENCODINGS) {
    const texts = TEXTS[encoding] ?? PLAIN;
    const data = encodeAll(texts, '\n', encoding);

    test(`${encoding}: at once`, async () => {
        for (const [name, expected] of [['lines', texts], ['batches', [texts]]]) {
            const [here, there] = pair();
            feed(there, data);
            const items = await collect(here[name](encoding));
            assertEqual(name === 'batches' ? [items.flat()] : items, expected);
        }
    });

    test(`${encoding}: cut anywhere`, async () => {
        for (let i = 1; i < data.length; i++) {
            const [here, there] = pair();
            feed(there, data.subarray(0, i), data.subarray(i));
            assertEqual(await collect(here.lines(encoding)), texts, `at ${i}`);
        }
    });

    test(`${encoding}: left early`, async () => {
        const [here, there] = pair();
        feed(there, data);
        const seen = [];
        for (let i = 0; i < texts.length; i++) {
            for await (const text of here.lines(encoding)) {
                seen.push(text);
                break;
            }
        }
        assertEqual(seen, texts);
        assertEqual((await here.read()).length, 0);
    });
}

test('delimiters that are half of a character', async () => {
    for (const [encoding, texts, delimiter] of [
        ['shift_jis', ['ア', 'ソ|x', 'ポ'], '|'], ['shift_jis', ['ア', '', 'b'], '|'], ['gbk', ['丂', 'a'], '@'], ['big5', ['許', 'a'], '\\'],
        ['gb18030', ['\u0080', 'a'], '0'], ['euc-kr', ['가', 'x'], 'A'], ['iso-2022-jp', ['日', 'a'], 'F'], ['utf-16le', ['\u7c00', '|x'], '\r\n'],
        ['utf-16be', ['\u0d00', 'a'], 'é'],
    ]) {
        const expected = texts.flatMap(text => text.split(delimiter));
        const [here, there] = pair();
        here.set_delimiter(delimiter);
        feed(there, encodeAll(texts, delimiter, encoding));
        assertEqual(await collect(here.lines(encoding)), expected, encoding);
    }
});

test('several delimiters: the longest, cut or not', async () => {
    for (const encoding of ['utf-16le', 'shift_jis']) {
        const data = encode('one\r\ntwo\rthree\n\rfour', encoding);
        for (let i = 0; i < data.length; i++) {
            const [here, there] = pair();
            here.set_delimiters(['\r', '\r\n', '\n']);
            feed(there, data.subarray(0, i), data.subarray(i));
            assertEqual(await collect(here.lines(encoding)), ['one', 'two', 'three', '', 'four'], `at ${i}`);
        }
    }
});

test('what cannot be decoded is replaced, and no line is lost', async () => {
    for (const [encoding, bad] of [['shift_jis', [0x81]], ['gbk', [0xff]], ['gb18030', [0x81, 0x30]], ['euc-kr', [0xff]]]) {
        const [here, there] = pair();
        feed(there, Uint8Array.from([0x61, ...bad, 0x0a, 0x62, 0x0a]));
        const lines = await collect(here.lines(encoding));
        assertEqual([lines.length, lines[0][0], lines[1]], [2, 'a', 'b'], encoding);
    }
});

test('cut at the end', async () => {
    const [here, there] = pair();
    feed(there, encode('a\nb\u{1f600}', 'utf-16le').subarray(0, -1));
    const lines = await collect(here.lines('utf-16le'));
    assertEqual([lines.length, lines[0], lines[1][0]], [2, 'a', 'b']);
});

test('many lines, and somebody else who reads in between', async () => {
    const [here, there] = pair();
    here.queue_size = there.queue_size = 1 << 20;
    feed(there, encodeAll(Array.from({length: 20000}, (_, i) => String(i)), '\n', 'utf-16le'));
    let i = 0;
    for await (const text of here.lines('utf-16le')) {
        assertEqual(text, String(i++));
        if (i === 500) {
            assertEqual((await here.read_exactly(8)).length, 8);
            i++;
        }
    }
    assertEqual(i, 20000);
});

test('too long', async () => {
    const line = 'aé日\u{1f600}'.repeat(5);
    for (const encoding of ['utf-16le', 'utf-16be', 'gb18030']) {
        for (let size = 8; size < 20; size++) {
            const [here, there] = pair();
            here.queue_size = size;
            feed(there, encode(`${line}\nx\n`, encoding));
            const pieces = await collect(here.lines(encoding));
            assertEqual([pieces.join(''), pieces.at(-1)], [`${line}x`, 'x'], `${encoding} ${size}`);
            assert(pieces.every(piece => encode(piece, encoding).length <= size));
        }
    }
    const [here, there] = pair();
    here.queue_size = 8;
    here.overflow_policy = Kaa.OverflowPolicy.ERROR;
    feed(there, encode('123456789\n', 'utf-16le'));
    await assertRejects(collect(here.lines('utf-16le')), Gio.IOErrorEnum, Gio.IOErrorEnum.MESSAGE_TOO_LARGE);
    assertEqual([...(await here.read()).subarray(0, 4)], [0x31, 0, 0x32, 0]);
});

test('an encoding that is not known', async () => {
    const [here] = pair();
    for (const encoding of ['no such encoding', 'utf-32', 'utf-7', 'replacement']) {
        let thrown = null;
        try {
            here.lines(encoding);
        } catch (error) {
            thrown = error;
        }
        assert(thrown instanceof RangeError, encoding);
    }
});

await run();

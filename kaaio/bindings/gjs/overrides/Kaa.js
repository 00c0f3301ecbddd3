// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa I/O in JavaScript: channels that are iterated with for await, futures that are promises.
//
// Everything is pulled: bytes stay in the channel until JavaScript has taken them, because gjs 1.74 drops a callback that
// arrives while it collects garbage.
//
// In this order: the exceptions to what introspection gives (bytes, properties, errors, handlers), futures, monitors, lines, channels. A
// further class gets a function like _overrideIOChannel().

const {Gio, GLib, GObject} = imports.gi;
const System = imports.system;

// gjs before 1.81.90 drops callbacks that arrive while it collects garbage. A newer one does not, and what is done about it does not run.
// The variable is for tests of both.
const DROPS_CALLBACKS = Number(GLib.getenv('KAA_IO_GJS_DROPS') ?? System.version < 18190) !== 0;

function _init() {
    const Kaa = this;

    Kaa.IO_READ = Kaa.IOCondition.READ;
    Kaa.IO_WRITE = Kaa.IOCondition.WRITE;
    Kaa.IO_EXCEPT = Kaa.IOCondition.EXCEPT;

    // Tells C that callbacks are dropped, and in which thread.
    if (DROPS_CALLBACKS)
        Kaa.acknowledged_closure_new(() => 1);

    _overrideInProgress(Kaa);
    _overrideIOMonitor(Kaa);
    _overrideIOChannel(Kaa);
    _overrideSocket(Kaa);
    _overrideProcess(Kaa);
}

// --- bytes ---

// Copies: GLib.Bytes share their memory with whoever else has read the same, and the collector does not know their weight.
function _toResult(value) {
    return value instanceof GLib.Bytes ? value.toArray().slice() : value;
}

// What gjs itself gives to C as bytes. To make GLib.Bytes of it costs several times as much as to send it.
function _isPlain(data) {
    return typeof data === 'string' || data instanceof Uint8Array;
}

function _toBytes(data) {
    if (data instanceof GLib.Bytes)
        return data;
    if (typeof data === 'string')
        data = new TextEncoder().encode(data);
    else if (data instanceof ArrayBuffer)
        data = new Uint8Array(data);
    else if (ArrayBuffer.isView(data))
        data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    else
        throw new TypeError(`Bytes are a string, an ArrayBuffer or a view of one, or GLib.Bytes; not ${data}`);
    return new GLib.Bytes(data);
}

// --- properties ---

function _spell(name) {
    return new Set([name, name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()), name.replaceAll('_', '-')]);
}

// Where another value is more natural than what GObject has. A property in any spelling is what its getter gives.
function _overrideProperty(prototype, name, convert) {
    const get = prototype[`get_${name}`];
    const getter = function () {
        return convert(get.call(this));
    };
    prototype[`get_${name}`] = getter;
    for (const spelling of _spell(name))
        Object.defineProperty(prototype, spelling, {get: getter, configurable: true});
}

// --- errors ---

// Who made a future: an error that arrives later has a stack of its own, which ends in the main loop.
const origins = new WeakMap();

// What is wrong with a call itself: an argument that is never right, more than the limit, a write for which there is no room. What
// depends on the state (closed, busy, a direction that the channel does not have) fails the future.
const REFUSALS = ['INVALID_ARGUMENT', 'MESSAGE_TOO_LARGE', 'WOULD_BLOCK'];

function _throwRefusal(future, origin) {
    try {
        future.get_result();
    } catch (error) {
        if (REFUSALS.some(name => error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum[name])))
            throw _withOrigin(error, origin);
    }
}

// For methods that return futures. Nobody looks at one that is not awaited, so a refusal is thrown by the call.
function _overrideFutures(prototype, names) {
    for (const name of names) {
        const call = prototype[name];
        prototype[name] = function (...args) {
            const future = call.apply(this, args);
            const origin = new Error();
            if (args.length > 0 && future.get_failed())
                _throwRefusal(future, origin);
            origins.set(future, origin);
            return future;
        };
    }
}

// C takes a string, or one of a list, to end at its first NUL.
function _checkNul(value) {
    if (typeof value === 'string' && value.includes('\0'))
        throw new TypeError(`There is a NUL character in ${JSON.stringify(value)}`);
    if (Array.isArray(value))
        value.forEach(_checkNul);
}

// For methods that give strings to C.
function _refuseNul(prototype, names) {
    for (const name of names) {
        const call = prototype[name];
        prototype[name] = function (...args) {
            args.forEach(_checkNul);
            return call.apply(this, args);
        };
    }
}

// For properties that are strings, or lists of them, by whatever name they are set.
function _refuseNulProperties(prototype, names) {
    _refuseNul(prototype, names.map(name => `set_${name}`));
    for (const spelling of names.flatMap(name => [..._spell(name)])) {
        const {set, ...rest} = Object.getOwnPropertyDescriptor(prototype, spelling);
        Object.defineProperty(prototype, spelling, {
            ...rest,
            set(value) {
                _checkNul(value);
                set.call(this, value);
            },
        });
    }
}

function _withOrigin(error, origin) {
    // Without the frames of this file, which are on top.
    const frames = origin.stack.split('\n');
    const first = frames.findIndex(frame => frame !== '' && !frame.includes('/overrides/Kaa.js:'));
    if (first >= 0) {
        error.stack = frames.slice(first).join('\n');
        const [, file, line, column] = /@(.*):(\d+):(\d+)$/.exec(frames[first]) ?? [];
        if (file !== undefined)
            Object.assign(error, {fileName: file, lineNumber: Number(line), columnNumber: Number(column)});
    }
    return error;
}

// --- handlers ---

// A handler that gjs drops is called again, because it has not said that it was called: 1, or 2 if it returns something true.
// getCallback() is given the object that calls.
function _acknowledge(getCallback) {
    const handler = (self, ...args) => {
        try {
            return getCallback(self, handler)(self, ...args) ? 2 : 1;
        } catch (error) {
            logError(error);
            return 1;
        }
    };
    return handler;
}

// Callbacks by their handlers: a property of the object, so that both can be collected with it, which what C holds cannot.
const callbacks = Symbol('callbacks');

const _getCallback = (self, handler) => self[callbacks].get(handler);

function _overrideConnect(Kaa, prototype) {
    if (!DROPS_CALLBACKS)
        return;
    for (const [name, isAfter] of [['connect', false], ['connect_after', true]]) {
        const connect = GObject.Object.prototype[name];
        prototype[name] = function (signal, callback) {
            // What cannot be connected has its errors from there.
            if (typeof callback !== 'function' || !GObject.signal_parse_name(signal, this.constructor.$gtype, true)[0])
                return connect.call(this, signal, callback);
            const handler = _acknowledge(_getCallback);
            this[callbacks] ??= new WeakMap();
            this[callbacks].set(handler, callback);
            return Kaa.acknowledged_closure_connect(this, signal, handler, isAfter);
        };
    }
}

// --- futures ---

function _getOutcome(getResult, future, origin) {
    const [isBytes, bytes] = future.dup_data();
    if (isBytes)
        return [bytes, null];
    try {
        return [getResult.call(future), null];
    } catch (error) {
        return [undefined, _withOrigin(error, origin)];
    }
}

function _overrideInProgress(Kaa) {
    const prototype = Kaa.InProgress.prototype;
    const {then_acknowledged: listen, get_result: getResult} = prototype;

    // As Promise.prototype.then, so `await` works. A callback that gjs drops is called again, because it has not said true.
    // The callbacks given here run before any later line of the channel is emitted; a promise in between would lose that.
    prototype.then = function (resolve, reject) {
        const origin = origins.get(this) ?? new Error();
        return new Promise((resolved, rejected) => {
            listen.call(this, future => {
                try {
                    const [value, error] = _getOutcome(getResult, future, origin);
                    if (error === null)
                        resolved(typeof resolve === 'function' ? resolve(value) : value);
                    else if (typeof reject === 'function')
                        resolved(reject(error));
                    else
                        rejected(error);
                } catch (error) {
                    rejected(error);
                }
                return true;
            });
        });
    };

    prototype.catch = function (reject) {
        return this.then(undefined, reject);
    };

    prototype.finally = function (callback) {
        return this.then().finally(callback);
    };

    // GBytes as Uint8Array, like everywhere else.
    for (const name of ['get_result', 'get_bytes', 'wait', 'wait_bytes']) {
        const call = prototype[name];
        prototype[name] = function (...args) {
            return _toResult(call.apply(this, args));
        };
    }

    _overrideConnect(Kaa, prototype);
    _overrideFutures(prototype, ['timeout', 'noabort']);
    _overrideFutures(Kaa.InProgress, ['all', 'any']);
}

// --- monitors ---

function _overrideIOMonitor(Kaa) {
    if (!DROPS_CALLBACKS)
        return;
    Kaa.IOMonitor.new = function (callback) {
        return new Kaa.IOMonitor({closure: Kaa.acknowledged_closure_new(_acknowledge(() => callback))});
    };
}

// --- lines ---

// Lines as bytes, with their delimiter.
class ByteLines {
    constructor(channel) {
        this._channel = channel;
    }

    // The lines of a block, and where each of them ends.
    cut(block) {
        const ends = this._channel.split_lines(block);
        // Copies: who keeps one line shall not keep the block.
        const lines = Array.from({length: ends.length / 2}, (_, i) => block.slice(i > 0 ? ends[2 * i - 1] : 0, ends[2 * i + 1]));
        return [lines, ends];
    }

    // One line.
    convert(line) {
        return line;
    }

    // Nothing of a line is waiting here for the rest.
    isWhole() {
        return true;
    }

    // What is left when the input has ended.
    flush() {
        return null;
    }
}

// A byte order mark is a character of the first line. gjs 1.74 takes the option for its opposite.
function _newUtf8Decoder(fatal) {
    return [true, false].map(ignoreBOM => new TextDecoder('utf-8', {ignoreBOM, fatal})).find(decoder =>
        decoder.decode(new Uint8Array([0xef, 0xbb, 0xbf])).length === 1);
}

// Decodes UTF-8, with replacement characters for what is none. A decoder that refuses instead is twenty times as fast in gjs.
class Utf8Decoder {
    constructor() {
        this._strict = _newUtf8Decoder(true);
        this._lenient = _newUtf8Decoder(false);
        this.encoding = 'utf-8';
    }

    decode(bytes) {
        try {
            return this._strict.decode(bytes);
        } catch {
            return this._lenient.decode(bytes);
        }
    }
}

// In these a letter is kept back until it is known that no mark follows, and gjs 1.74 forgets the last one. So something follows.
class MarkDecoder {
    constructor(decoder) {
        this._decoder = decoder;
        this.encoding = decoder.encoding;
    }

    decode(bytes) {
        const followed = new Uint8Array(bytes.length + 1);
        followed.set(bytes);
        followed[bytes.length] = 10;
        return this._decoder.decode(followed).slice(0, -1);
    }
}

function _getDecoder(options) {
    const encoding = (typeof options === 'string' ? options : options?.encoding) ?? 'utf-8';
    const decoder = new TextDecoder(encoding, {ignoreBOM: true});
    if (decoder.encoding === 'utf-8')
        return new Utf8Decoder();
    return /^windows-125[58]$/.test(decoder.encoding) ? new MarkDecoder(decoder) : decoder;
}

// How many bytes at the end are the beginning of a character.
function _countIncomplete(bytes, encoding) {
    if (encoding !== 'utf-8') {
        try {
            const [, used] = GLib.convert(bytes, 'UTF-8', encoding);
            return bytes.length - used;
        } catch {
            // It is not text anyway.
            return 0;
        }
    }
    for (let count = 1; count <= 3 && count <= bytes.length; count++) {
        const byte = bytes[bytes.length - count];
        if (byte >= 0xc0)
            return count < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? count : 0;
        if (byte < 0x80)
            break;
    }
    return 0;
}

function _isAscii(text) {
    return text.length === 1 && text.charCodeAt(0) < 0x80;
}

// Lines as strings, without their delimiter. A line that is too long arrives in pieces, which may be cut inside a
// character: the decoder of gjs cannot go on from one piece to the next, so the beginning waits here.
class TextLines {
    constructor(channel, decoder) {
        this._channel = channel;
        this._decoder = decoder;
        // Where no part of a character looks like a delimiter.
        this._isPlain = /^(utf-8|iso-8859-.*|windows-125.)$/.test(this._decoder.encoding);
        this._beginning = null;
    }

    // A block of whole lines. Where possible it is decoded at once: that is a call for each block instead of each line. No ends
    // (null) means that a line is as long as its text, and its delimiter one byte.
    cut(block) {
        const delimiter = this._isPlain && this._beginning === null ? this._channel.get_delimiter() : null;
        if (delimiter !== null && _isAscii(delimiter) && block[block.length - 1] === delimiter.charCodeAt(0)) {
            const text = this._decoder.decode(block);
            const texts = text.split(delimiter);
            texts.pop();
            return [texts, text.length === block.length ? null : this._channel.split_lines(block)];
        }

        const ends = this._channel.split_lines(block);
        const texts = [];
        for (let i = 0, start = 0; i < ends.length; start = ends[i + 1], i += 2)
            texts.push(this._decode(block.subarray(start, ends[i]), ends[i] === ends[i + 1]));
        return [texts, ends];
    }

    convert(line) {
        return this.cut(line)[0][0];
    }

    _decode(bytes, isOpen) {
        const isPiece = isOpen && bytes.length === this._channel.get_queue_size();
        if (this._beginning !== null) {
            const piece = bytes;
            bytes = new Uint8Array(this._beginning.length + piece.length);
            bytes.set(this._beginning);
            bytes.set(piece, this._beginning.length);
            this._beginning = null;
        }
        const incomplete = isPiece ? _countIncomplete(bytes, this._decoder.encoding) : 0;
        if (incomplete > 0) {
            this._beginning = bytes.slice(-incomplete);
            bytes = bytes.subarray(0, -incomplete);
        }
        return this._decoder.decode(bytes);
    }

    isWhole() {
        return this._beginning === null;
    }

    flush() {
        const beginning = this._beginning;
        this._beginning = null;
        return beginning !== null ? this._decoder.decode(beginning) : null;
    }
}

// Not an async generator: that costs several turns of the microtask queue for each item, and a line at hand needs but one.
class Iterator {
    constructor(channel, kind) {
        this._channel = channel;
        this._kind = kind;
        this._done = false;
        this._since = now();
    }

    // A request, which is answered in another turn. Where the time of this one is used up what is due elsewhere comes first, redraws too.
    async _ask(request) {
        const isOver = this._isOver();
        if (isOver)
            this._channel.put_off();
        const answer = await request.call(this._channel);
        if (isOver)
            this._since = now();
        return answer;
    }

    // The time of day may be set back.
    _isOver() {
        const time = now() - this._since;
        return time >= BUDGET || time < 0;
    }

    [Symbol.asyncIterator]() {
        return this;
    }

    next() {
        return this._done ? this.return() : this._wait();
    }

    return(value) {
        this._done = true;
        return Promise.resolve({value, done: true});
    }

    _end() {
        this._done = true;
        const value = this._kind.flush();
        return value !== null ? {value: this._wrap(value), done: false} : {value: undefined, done: true};
    }
}

// Memory that C and JavaScript both see: as GLib.Bytes, and the bytes themselves.
function _share(size) {
    const shared = new GLib.Bytes(new Uint8Array(size));
    return [shared, shared.toArray()];
}

const isShared = (() => {
    const [shared, bytes] = _share(1);
    bytes[0] = 1;
    return shared.toArray()[0] === 1;
})();

// What a channel lends is cut before anything else happens, so all of them need but one room: the pages of new memory cost more
// than what is copied there. It is small, because lines that wait in JavaScript are moved by the collector.
const [room, roomBytes] = _share(16384);

// What is handed out without a turn of the main loop.
const SHOWN_MAX = 65536;

// ... and for how long: milliseconds, as in a dispatch of the library. In the scope of an override gjs searches for a global each time it is
// named.
const BUDGET = 2;
const {now} = Date;

// Line by line, from blocks that are cut at once. How the queue learns what was handed out is the subclasses' affair.
class LineIterator extends Iterator {
    constructor(channel, kind) {
        super(channel, kind);
        this._lines = [];
        this._next = 0;
        this._shown = 0;
        // In the scope of an override gjs searches for a global each time it is named.
        this._Promise = Promise;
    }

    return(value) {
        this._lines = [];
        return super.return(value);
    }

    async _wait() {
        this._lines = [];
        const line = await this._ask(this._channel.readline);
        if (line.length === 0)
            return this._end();
        const value = this._kind.convert(line);
        // The others that came with it need no turn of the main loop each.
        this._shown = 0;
        this._borrow();
        return {value, done: false};
    }

    // TRUE: there are lines at hand. A piece of a line is not put together from what may still have to be asked for again.
    _borrow() {
        const block = this._shown < SHOWN_MAX && this._kind.isWhole() ? this._getBlock() : null;
        if (block === null)
            return false;
        [this._lines, this._ends] = this._kind.cut(block);
        this._next = 0;
        this._shown += block.length;
        return true;
    }

    _wrap(value) {
        return value;
    }
}

// The channel lends a block, and a tally that both see says how many were handed out: who stops here loses nothing, and whatever else
// reads finds the true queue.
class LentLineIterator extends LineIterator {
    constructor(channel, kind) {
        super(channel, kind);
        const [shared, bytes] = _share(8);
        this._shared = shared;
        this._tally = new Uint32Array(bytes.buffer);
    }

    next() {
        const i = this._next;
        if (i < this._lines.length && this._tally[1] === 0 && !this._isOver()) {
            const line = this._lines[i];
            if (this._ends === null)
                this._tally[0] += line.length + 1;
            else
                this._tally[0] = this._ends[2 * i + 1];
            this._next = i + 1;
            // An empty queue is something that others may wait for.
            if (this._next === this._lines.length && !this._borrow())
                this._channel.consume(0);
            return this._Promise.resolve({value: line, done: false});
        }
        return super.next();
    }

    _getBlock() {
        const length = this._channel.lend_lines(this._shared, room);
        return length > 0 ? roomBytes.subarray(0, length) : null;
    }
}

// A newer gjs shares no memory with C. So each line that is handed out is taken from the queue by a call, which is refused where
// somebody else has been at the queue.
class PeekedLineIterator extends LineIterator {
    next() {
        const i = this._next;
        if (i < this._lines.length && !this._isOver() && this._channel.take_line(this._serial, this._getLength(i))) {
            this._serial = this._serial + 1 >>> 0;
            this._next = i + 1;
            const line = this._lines[i];
            if (this._next === this._lines.length)
                this._borrow();
            return this._Promise.resolve({value: line, done: false});
        }
        return super.next();
    }

    // In bytes, with the delimiter.
    _getLength(i) {
        if (this._ends === null)
            return this._lines[i].length + 1;
        return this._ends[2 * i + 1] - (i > 0 ? this._ends[2 * i - 1] : 0);
    }

    _getBlock() {
        const [block, serial] = this._channel.peek_lines();
        this._serial = serial;
        return block !== null ? block.toArray() : null;
    }
}

const newLineIterator = isShared
    ? (channel, kind) => new LentLineIterator(channel, kind)
    : (channel, kind) => new PeekedLineIterator(channel, kind);

// All the lines at hand in an array.
class BatchIterator extends Iterator {
    async _wait() {
        const block = await this._ask(this._channel.readlines);
        return block.length > 0 ? {value: this._kind.cut(block)[0], done: false} : this._end();
    }

    _wrap(value) {
        return [value];
    }
}

// --- lines in encodings where a byte of a delimiter may be half of another character ---

const isTrail = byte => byte >= 0x40;
const isDigit = byte => byte >= 0x30 && byte <= 0x39;
const isLead = byte => byte >= 0x81 && byte <= 0xfe;

// How long the character at a place is; NaN where there has to be more of it. What follows a byte that begins one, and does not belong to
// it, is a character of its own.
const _measurePair = lead => (bytes, i) => !lead(bytes[i]) ? 1 : i + 1 === bytes.length ? NaN : isTrail(bytes[i + 1]) ? 2 : 1;

function _measureGb18030(bytes, i) {
    if (!isLead(bytes[i]) || i + 1 < bytes.length && !isDigit(bytes[i + 1]))
        return _measurePair(isLead)(bytes, i);
    return i + 3 >= bytes.length ? NaN : isLead(bytes[i + 2]) && isDigit(bytes[i + 3]) ? 4 : 1;
}

const isHighSurrogate = byte => byte >> 2 === 0x36;
const isLowSurrogate = byte => byte >> 2 === 0x37;

// high is where the more significant byte of a unit is.
const _measureUnits = high => (bytes, i) => {
    if (i + 1 >= bytes.length)
        return NaN;
    if (!isHighSurrogate(bytes[i + high]))
        return 2;
    return i + 3 >= bytes.length ? NaN : isLowSurrogate(bytes[i + 2 + high]) ? 4 : 2;
};

const MEASURES = {
    'utf-16le': _measureUnits(1),
    'utf-16be': _measureUnits(0),
    'shift_jis': _measurePair(byte => byte >= 0x81 && byte <= 0x9f || byte >= 0xe0 && byte <= 0xfc),
    'gbk': _measurePair(isLead),
    'big5': _measurePair(isLead),
    'euc-kr': _measurePair(isLead),
    'gb18030': _measureGb18030,
    'iso-2022-jp': null,
};

const ESCAPE = 0x1b;
const ASCII = new Uint8Array();

// Walks through the characters of a piece. In ISO 2022 an escape says how those that follow are to be read.
class Walker {
    constructor(encoding, bytes, escape) {
        this._measure = MEASURES[encoding];
        this._bytes = bytes;
        this.escape = escape;
    }

    // The length of what is at a place; NaN as above.
    step(i) {
        if (this._measure !== null)
            return this._measure(this._bytes, i);
        const byte = this._bytes[i];
        if (byte === ESCAPE)
            return this._stepEscape(i);
        if (!this._isPair(i))
            return 1;
        return i + 1 < this._bytes.length ? 2 : NaN;
    }

    // Whether what is at a place may be a delimiter.
    mayEnd(i) {
        return this._measure !== null || !this._isPair(i);
    }

    // Two bytes each, but for control characters.
    _isPair(i) {
        return this.escape[1] === 0x24 && this._bytes[i] > 0x20;
    }

    _stepEscape(i) {
        const length = this._bytes[i + 1] === 0x24 && this._bytes[i + 2] === 0x28 ? 4 : 3;
        if (i + length > this._bytes.length)
            return NaN;
        this.escape = this._bytes.slice(i, i + length);
        return length;
    }
}

function _startsWith(bytes, i, part) {
    return i + part.length <= bytes.length && part.every((byte, k) => bytes[i + k] === byte);
}

// There may be more of it than is here.
function _mayStartWith(bytes, i, part) {
    const length = bytes.length - i;
    return length < part.length && part.subarray(0, length).every((byte, k) => bytes[i + k] === byte);
}

// A delimiter was set as UTF-8. Where it is of wide characters already it has NULs.
function _encode(delimiter, encoding) {
    if (delimiter.length > 1 && delimiter.includes(0))
        return delimiter;
    const text = new TextDecoder().decode(delimiter);
    if (!encoding.startsWith('utf-16'))
        return [...text].every(_isAscii) ? delimiter : GLib.convert(delimiter, encoding, 'UTF-8')[0];
    const encoded = new Uint8Array(2 * text.length);
    const view = new DataView(encoded.buffer);
    for (let i = 0; i < text.length; i++)
        view.setUint16(2 * i, text.charCodeAt(i), encoding === 'utf-16le');
    return encoded;
}

// Nobody else may read while it waits. Before and afterwards all that was not handed out is in the channel, as everywhere.
class DecodedIterator extends Iterator {
    constructor(channel, decoder, isBatch) {
        super(channel, null);
        this._decoder = decoder;
        this._isBatch = isBatch;
        this._escape = ASCII;
        this._atEnd = false;
        this._shown = null;
    }

    async _wait() {
        if (this._isOver())
            await this._turn();
        for (;;) {
            const lines = this._takeLines();
            if (lines.length > 0)
                return {value: this._isBatch ? lines : lines[0], done: false};
            if (this._atEnd) {
                this._done = true;
                return {value: undefined, done: true};
            }
            await this._readMore();
        }
    }

    // What is there is asked for, which takes a turn, and put back.
    async _turn() {
        this._shown = null;
        if (this._channel.get_read_queue_used() > 0)
            this._channel.unread(await this._ask(this._channel.read));
    }

    // What is asked for is what comes behind that which is there.
    async _readMore() {
        const bytes = this._channel.peek();
        this._channel.consume(bytes.length);
        let more = new Uint8Array();
        try {
            more = await this._ask(this._channel.read);
        } finally {
            const all = new Uint8Array(bytes.length + more.length);
            all.set(bytes);
            all.set(more, bytes.length);
            if (all.length > 0)
                this._channel.unread(all);
        }
        this._atEnd = more.length === 0;
    }

    _takeLines() {
        const lines = [];
        const most = this._isBatch ? Infinity : 1;
        for (let line; lines.length < most && (line = this._takeShown() ?? this._takeFirst()) !== null;)
            lines.push(line);
        return lines;
    }

    // A line of what the queue has shown already; null if there is none, or somebody else has been at the queue.
    _takeShown() {
        const line = this._shown !== null ? this._find(this._shown) : null;
        if (line === null || !this._channel.take_line(this._serial, line.length)) {
            this._shown = null;
            return null;
        }
        this._serial = this._serial + 1 >>> 0;
        return this._handOut(this._shown, line);
    }

    _takeFirst() {
        const bytes = this._channel.peek();
        const line = bytes.length > 0 ? this._find(bytes) : null;
        if (line === null)
            return null;
        this._channel.consume(line.length);
        [, this._serial] = this._channel.peek_lines();
        return this._handOut(bytes, line);
    }

    _handOut(bytes, line) {
        const text = this._decode(bytes.subarray(0, line.end));
        this._escape = line.escape;
        this._shown = bytes.length > line.length ? bytes.subarray(line.length) : null;
        return text;
    }

    _decode(bytes) {
        const whole = new Uint8Array(this._escape.length + bytes.length);
        whole.set(this._escape);
        whole.set(bytes, this._escape.length);
        return this._decoder.decode(whole);
    }

    // Where the first line ends, how long it is with its delimiter, and how what follows is to be read; null if there is no whole line.
    _find(bytes) {
        const limit = this._channel.get_queue_size();
        const delimiters = this._channel.get_delimiter_bytes().map(delimiter => _encode(delimiter, this._decoder.encoding));
        delimiters.sort((one, other) => other.length - one.length);
        const walker = new Walker(this._decoder.encoding, bytes, this._escape);
        let i = 0;
        for (let length; i < bytes.length; i += length) {
            const {escape} = walker;
            const delimiter = walker.mayEnd(i)
                ? delimiters.find(part => _startsWith(bytes, i, part) || !this._atEnd && _mayStartWith(bytes, i, part))
                : undefined;
            if (delimiter !== undefined && i + delimiter.length <= bytes.length)
                return {end: i, length: i + delimiter.length, escape};
            if (delimiter !== undefined)
                break;
            length = walker.step(i);
            if (i + length > limit)
                return this._cut(i, escape);
            if (isNaN(length))
                break;
        }
        if (this._atEnd)
            return {end: bytes.length, length: bytes.length, escape: walker.escape};
        return bytes.length >= limit ? this._cut(i, walker.escape) : null;
    }

    // A piece of a line that is too long.
    _cut(length, escape) {
        if (length > 0 && this._channel.get_overflow_policy() === imports.gi.Kaa.OverflowPolicy.SPLIT)
            return {end: length, length, escape};
        throw new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.MESSAGE_TOO_LARGE, 'There is no whole line in the queue');
    }
}

// --- channels ---

function _overrideIOChannel(Kaa) {
    const prototype = Kaa.IOChannel.prototype;
    const {_init: init, close, peek, send, unread, write, read_until: readUntil} = prototype;
    const {get_delimiter_bytes: getDelimiterBytes, set_delimiter_bytes: setDelimiterBytes} = prototype;

    prototype.write = function (data) {
        return _isPlain(data) ? write.call(this, data) : this.write_bytes(_toBytes(data));
    };

    prototype.send = function (data) {
        return _isPlain(data) ? this.send_data(data) : send.call(this, _toBytes(data));
    };

    prototype.peek = function () {
        return _toResult(peek.call(this));
    };

    prototype.unread = function (data) {
        return unread.call(this, _toBytes(data));
    };

    prototype.get_delimiter_bytes = function () {
        return getDelimiterBytes.call(this).map(_toResult);
    };

    prototype.set_delimiter_bytes = function (delimiters) {
        return setDelimiterBytes.call(this, delimiters.map(_toBytes));
    };

    prototype.read_until = function (delimiter) {
        return readUntil.call(this, _toBytes(delimiter));
    };

    prototype.close = function (flags = Kaa.CloseFlags.NONE) {
        return close.call(this, flags);
    };

    _overrideFutures(prototype, ['read', 'read_some', 'readline', 'readlines', 'read_exactly', 'read_until',
        'write_bytes', 'write', 'flush', 'wait_writable', 'close', 'shutdown', 'splice']);
    _refuseNul(Kaa.IOChannel, ['new_for_serial']);
    _refuseNul(prototype, ['set_property']);
    _refuseNulProperties(prototype, ['delimiter', 'delimiters']);
    prototype._init = function (properties, ...args) {
        Object.values(properties ?? {}).forEach(_checkNul);
        return init.call(this, properties, ...args);
    };

    // The library does not hear of a new handler; it looks for one after every call.
    _overrideConnect(Kaa, prototype);
    for (const name of ['connect', 'connect_after']) {
        const connect = prototype[name];
        prototype[name] = function (...args) {
            const id = connect.apply(this, args);
            this.consume(0);
            return id;
        };
    }

    // Uint8Array lines, with their delimiter.
    prototype[Symbol.asyncIterator] = function () {
        return newLineIterator(this, new ByteLines(this));
    };

    // Strings, without delimiter.
    prototype.lines = function (options) {
        const decoder = _getDecoder(options);
        return decoder.encoding in MEASURES
            ? new DecodedIterator(this, decoder, /* isBatch= */ false)
            : newLineIterator(this, new TextLines(this, decoder));
    };

    // Arrays of such strings: all that are at hand.
    prototype.batches = function (options) {
        const decoder = _getDecoder(options);
        return decoder.encoding in MEASURES
            ? new DecodedIterator(this, decoder, /* isBatch= */ true)
            : new BatchIterator(this, new TextLines(this, decoder));
    };
}

// --- sockets ---

// A host name is enough of an identity.
function _toIdentity(identity) {
    if (typeof identity !== 'string')
        return identity;
    _checkNul(identity);
    return Gio.NetworkAddress.new(identity, 0);
}

function _overrideSocket(Kaa) {
    const prototype = Kaa.Socket.prototype;
    const {listen, write_with_fds: writeWithFds} = prototype;
    const iterateLines = Kaa.IOChannel.prototype[Symbol.asyncIterator];

    prototype.listen = function (address, backlog = 0) {
        return listen.call(this, address, backlog);
    };

    prototype.write_with_fds = function (data, fds) {
        return writeWithFds.call(this, _toBytes(data), fds);
    };

    for (const name of ['start_tls', 'start_tls_async']) {
        const call = prototype[name];
        prototype[name] = function (identity = null, certificate = null, ...args) {
            return call.call(this, _toIdentity(identity), certificate, ...args);
        };
    }

    // What was taken are bytes, which may be NUL.
    for (const name of ['start_tls_buffered', 'start_tls_buffered_async']) {
        const call = prototype[name];
        prototype[name] = function (identity = null, certificate = null, taken = null, ...args) {
            return call.call(this, _toIdentity(identity), certificate, taken === null ? null : _toBytes(taken), ...args);
        };
    }

    _overrideFutures(prototype, ['connect_to', 'accept', 'start_tls', 'start_tls_buffered', 'write_with_fds']);
    _refuseNul(prototype, ['connect_to', 'connect_to_async', 'listen']);

    // The clients, until the socket does not listen any more.
    prototype.clients = async function* () {
        while (this.get_listening()) {
            let client;
            try {
                client = await this.accept();
            } catch (error) {
                if (!this.get_listening() && error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CLOSED))
                    return;
                throw error;
            }
            yield client;
        }
    };

    // A socket that listens has no lines.
    prototype[Symbol.asyncIterator] = function () {
        return this.get_listening() ? this.clients() : iterateLines.call(this);
    };
}

// --- processes ---

function _overrideProcess(Kaa) {
    const prototype = Kaa.Process.prototype;
    const {communicate} = prototype;

    prototype.communicate = function (input = null) {
        return communicate.call(this, input === null ? null : _toBytes(input));
    };

    _overrideProperty(prototype, 'exit_status', status => status === Kaa.EXIT_STATUS_UNKNOWN ? null : status);
    _overrideProperty(prototype, 'stderr_data', _toResult);

    _overrideFutures(prototype, ['communicate', 'launch', 'stop', 'wait']);
    _refuseNul(Kaa.Process, ['new', 'new_shell']);
    _refuseNulProperties(prototype, ['argv', 'directory', 'environment', 'stop_command']);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa I/O in JavaScript: channels that are iterated with for await, futures that are promises.
//
// Everything is pulled: bytes stay in the channel until JavaScript has taken them, because gjs drops a callback that
// arrives while it collects garbage.

const {Gio, GLib} = imports.gi;

function _init() {
    const Kaa = this;

    Kaa.IO_READ = Kaa.IOCondition.READ;
    Kaa.IO_WRITE = Kaa.IOCondition.WRITE;
    Kaa.IO_EXCEPT = Kaa.IOCondition.EXCEPT;

    _overrideInProgress(Kaa.InProgress.prototype);
    _overrideIOChannel(Kaa);
}

function _toResult(value) {
    return value instanceof GLib.Bytes ? value.toArray() : value;
}

function _toBytes(data) {
    if (data instanceof GLib.Bytes)
        return data;
    return new GLib.Bytes(typeof data === 'string' ? new TextEncoder().encode(data) : data);
}

// An error from C has no stack that says who waited for it.
function _withStack(error, stack) {
    if (!error.stack) {
        try {
            error.stack = stack;
        } catch {
            // A message without a stack is still a message.
        }
    }
    return error;
}

function _overrideInProgress(prototype) {
    const {then_acknowledged: listen, get_result: getResult} = prototype;

    // As Promise.prototype.then, so `await` works. A callback that gjs drops is called again, because it has not said true.
    prototype.then = function (resolve, reject) {
        const {stack} = new Error();
        return new Promise((resolved, rejected) => {
            listen.call(this, future => {
                try {
                    resolved(_toResult(getResult.call(future)));
                } catch (error) {
                    rejected(_withStack(error, stack));
                }
                return true;
            });
        }).then(resolve, reject);
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
}

function _isAt(block, position, delimiter) {
    if (position + delimiter.length > block.length)
        return false;
    for (let i = 1; i < delimiter.length; i++) {
        if (block[position + i] !== delimiter[i])
            return false;
    }
    return true;
}

// [start, end] of the first delimiter at or after a position: the earliest, the longest at the same place. Not one that is
// so late that what follows may still show an earlier or a longer one.
function _find(block, from, delimiters) {
    if (delimiters.length === 1 && delimiters[0].length === 1) {
        const start = block.indexOf(delimiters[0][0], from);
        return start >= 0 ? [start, start + 1] : null;
    }

    let found = null;
    for (const delimiter of delimiters) {
        let start = block.indexOf(delimiter[0], from);
        while (start >= 0 && !_isAt(block, start, delimiter))
            start = block.indexOf(delimiter[0], start + 1);
        if (start < 0)
            continue;
        if (found === null || start < found[0] ||
            (start === found[0] && start + delimiter.length > found[1]))
            found = [start, start + delimiter.length];
    }
    const longest = Math.max(...delimiters.map(delimiter => delimiter.length));
    return found !== null && found[0] + longest <= block.length ? found : null;
}

function _getDelimiters(channel) {
    return channel.get_delimiter_bytes().map(delimiter => delimiter.toArray());
}

// Of those that the line ends with, the longest is the one that was found first.
function _strip(line, delimiters) {
    let length = 0;
    for (const delimiter of delimiters) {
        const start = line.length - delimiter.length;
        if (delimiter.length > length && start >= 0 &&
            line[start] === delimiter[0] && _isAt(line, start, delimiter))
            length = delimiter.length;
    }
    return line.subarray(0, line.length - length);
}

// The delimiters in a form that can be compared. Asked for and not notified of: a notification may be dropped.
function _getDelimiterKey(channel) {
    return channel.get_delimiter() ?? channel.get_delimiters().join('\0');
}

// The whole lines of the queue as it was when this was made. Each is taken when it is handed out: who stops here loses
// nothing, and whatever else reads finds the true queue.
class QueuedLines {
    constructor(channel) {
        this._channel = channel;
        this._block = channel.peek().toArray();
        this.delimiters = _getDelimiters(channel);
        this._key = _getDelimiterKey(channel);
        this._head = channel.get_bytes_read() - this._block.length;
        this._limit = channel.get_queue_size();
        this._start = 0;
    }

    // The next line, or null: there is none, or somebody else has read, or changed the delimiter, meanwhile.
    take() {
        const channel = this._channel;
        const found = _find(this._block, this._start, this.delimiters);
        // What is too long is for the overflow policy.
        if (found === null || found[0] - this._start > this._limit ||
            channel.get_bytes_read() - channel.get_read_queue_used() !== this._head + this._start ||
            _getDelimiterKey(channel) !== this._key)
            return null;
        // A view: less garbage for each line.
        const line = this._block.subarray(this._start, found[1]);
        channel.consume(line.length);
        this._start = found[1];
        return line;
    }
}

// Not an async generator: that costs several turns of the microtask queue for each line, and a line at hand needs but one.
class LineIterator {
    constructor(channel, convert) {
        this._channel = channel;
        this._convert = convert;
        this._queued = null;
        this._done = false;
    }

    [Symbol.asyncIterator]() {
        return this;
    }

    next() {
        const line = this._queued?.take() ?? null;
        if (line !== null)
            return Promise.resolve({value: this._convert(line, this._queued.delimiters), done: false});
        this._queued = null;
        return this._done ? this.return() : this._wait();
    }

    async _wait() {
        const line = await this._channel.readline();
        if (line.length === 0)
            return this.return();
        // The others that came with it need no turn of the main loop each.
        this._queued = new QueuedLines(this._channel);
        return {value: this._convert(line, this._queued.delimiters), done: false};
    }

    return(value) {
        this._done = true;
        this._queued = null;
        return Promise.resolve({value, done: true});
    }
}

function _overrideIOChannel(Kaa) {
    const prototype = Kaa.IOChannel.prototype;
    const {close} = prototype;

    // Refused writes throw at once: nobody looks at the promise of a write that is not awaited.
    prototype.write = function (data) {
        const future = this.write_bytes(_toBytes(data));
        if (future.failed) {
            try {
                future.get_result();
            } catch (error) {
                if (error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.WOULD_BLOCK) ||
                    error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.MESSAGE_TOO_LARGE))
                    throw error;
            }
        }
        return future;
    };

    const {send, read_until: readUntil} = prototype;
    prototype.send = function (data) {
        return send.call(this, _toBytes(data));
    };

    prototype.read_until = function (delimiter) {
        return readUntil.call(this, _toBytes(delimiter));
    };

    prototype.close = function (flags = Kaa.CloseFlags.NONE) {
        return close.call(this, flags);
    };

    // Uint8Array lines, with their delimiter.
    prototype[Symbol.asyncIterator] = function () {
        // A copy: who keeps one line shall not keep the block.
        return new LineIterator(this, line => line.slice());
    };

    // Strings, without delimiter.
    prototype.lines = function (encoding = 'utf-8') {
        const decoder = new TextDecoder(encoding);
        return new LineIterator(this, (line, delimiters) => decoder.decode(_strip(line, delimiters)));
    };

    // Arrays of such strings: all that are at hand.
    prototype.batches = async function* (encoding = 'utf-8') {
        const decoder = new TextDecoder(encoding);
        for (;;) {
            const lines = [await this.readline()];
            if (lines[0].length === 0)
                return;
            const queued = new QueuedLines(this);
            for (let line = queued.take(); line !== null; line = queued.take())
                lines.push(line);
            yield lines.map(line => decoder.decode(_strip(line, queued.delimiters)));
        }
    };
}

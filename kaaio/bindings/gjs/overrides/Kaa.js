// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa I/O in JavaScript: channels that are iterated with for await, futures that are promises.
//
// Everything is pulled: bytes stay in the channel until JavaScript has taken them, because gjs drops a callback that
// arrives while it collects garbage.

const {Gio, GLib, GObject} = imports.gi;

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
    const listen = prototype.then;

    // As Promise.prototype.then, so `await` works. The C method takes the same two callbacks.
    prototype.then = function (resolve, reject) {
        const {stack} = new Error();
        return new Promise((resolved, rejected) => {
            listen.call(this,
                value => resolved(_toResult(value)),
                error => rejected(_withStack(error, stack)));
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

// The whole lines that are in the queue now. Each is taken when it is handed out: who stops here loses nothing.
function* _takeLines(channel, changes) {
    const block = channel.peek().toArray();
    const delimiters = _getDelimiters(channel);
    const head = channel.bytes_read - block.length;
    const limit = channel.queue_size;
    let start = 0;
    for (;;) {
        const found = _find(block, start, delimiters);
        // What is too long is for the overflow policy; and the loop's body may have read, or changed the delimiter.
        if (found === null || found[0] - start > limit || changes.count > 0 ||
            channel.bytes_read - channel.read_queue_used !== head + start)
            return;
        const [, end] = found;
        channel.consume(end - start);
        yield block.slice(start, end);
        start = end;
    }
}

// Calls convert(lines) for the lines that are taken together.
async function* _iterate(channel) {
    const changes = {count: 0};
    const handler = channel.connect('notify::delimiters', () => changes.count++);
    try {
        for (;;) {
            const line = await channel.readline();
            if (line.length === 0)
                return;
            yield line;
            // The others that came with it need no turn of the loop each.
            changes.count = 0;
            yield* _takeLines(channel, changes);
        }
    } finally {
        channel.disconnect(handler);
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
        return _iterate(this);
    };

    // Strings, without delimiter.
    prototype.lines = async function* (encoding = 'utf-8') {
        const decoder = new TextDecoder(encoding);
        for await (const line of _iterate(this))
            yield decoder.decode(_strip(line, _getDelimiters(this)));
    };

    // Arrays of such strings: all that are at hand, so it is the fastest.
    prototype.batches = async function* (encoding = 'utf-8') {
        const decoder = new TextDecoder(encoding);
        for (;;) {
            const first = await this.readline();
            if (first.length === 0)
                return;
            const delimiters = _getDelimiters(this);
            const lines = [first, ..._takeLines(this, {count: 0})];
            yield lines.map(line => decoder.decode(_strip(line, delimiters)));
        }
    };
}

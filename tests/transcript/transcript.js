// SPDX-License-Identifier: LGPL-2.1-or-later
// transcript.js CASES: carries out the steps of cases.txt, and prints them with what happened.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

const context = GLib.MainContext.default();
const letters = {'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', 's': ' ', '0': '\0'};

// Of the case that is under way.
let objects = new Map();    // name -> channel or future
let handlers = new Map();   // 'a.read' -> id of the handler
let counts = new Map();     // event -> how often it happened
let hooks = new Map();      // 'event n' -> steps to do then
let silent = false;

// --- Text ---

function parseText(word) {
    if (word === '""')
        return '';
    const [text, times] = word.split('*');
    return text.replace(/\\(.)/g, (_, letter) => letters[letter]).repeat(Number(times ?? 1));
}

function parseBytes(word) {
    return new GLib.Bytes(new TextEncoder().encode(parseText(word)));
}

function parseCondition(word) {
    return (word.includes('r') ? Kaa.IO_READ : 0) | (word.includes('w') ? Kaa.IO_WRITE : 0);
}

function parseProperty(name, word) {
    if (name === 'overflow-policy')
        return Kaa.OverflowPolicy[word.toUpperCase()];
    return word === 'true' || word === 'false' ? word === 'true' : Number(word);
}

function toNick(error) {
    const [name] = Object.entries(Gio.IOErrorEnum).find(([, code]) => typeof code === 'number' && error.matches(Gio.IOErrorEnum, code));
    return name.toLowerCase().replaceAll('_', '-');
}

function formatValue(value) {
    if (value instanceof GLib.Bytes)
        value = value.toArray();
    if (value instanceof Uint8Array)
        value = new TextDecoder('latin1').decode(value);
    if (typeof value === 'string') {
        if (value.length > 40)
            return `${value.length} bytes`;
        for (const letter of ['\\', ...Object.keys(letters).filter(key => key !== '\\')])
            value = value.replaceAll(letters[letter], `\\${letter}`);
        return value === '' ? '""' : value;
    }
    return value instanceof GLib.Error ? toNick(value) : `${value}`;
}

// --- What happens ---

function happened(event, value, how = '') {
    if (silent)
        return;
    print(`> ${event}${how}: ${formatValue(value)}`);
    const count = (counts.get(event) ?? 0) + 1;
    counts.set(event, count);
    for (const step of hooks.get(`${event} ${count}`) ?? [])
        doStep(step);
}

function failed(what, error) {
    happened(what, error, ' failed');
}

function show(name, object, property) {
    happened(`${name}.${property}`, object[property]);
}

function listen(name, future) {
    future.then(value => happened(name, value), error => failed(name, error));
}

function connect(name, object, signal, veto) {
    handlers.set(`${name}.${signal}`, object.connect(signal, (_object, value) => {
        if (signal.startsWith('notify::'))
            show(name, object, value.name);
        else
            happened(`${name}.${signal}`, value);
        return veto === undefined;
    }));
}

// --- What is done ---

function ask(object, verb, words) {
    try {
        return callForFuture(object, verb, words);
    } catch (refusal) {
        // In other languages it is the future that fails.
        const future = Kaa.InProgress.new(null);
        future.throw(refusal);
        return future;
    }
}

function callForFuture(object, verb, [word, other]) {
    switch (verb) {
    case 'read_some':
    case 'read_exactly':
    case 'wait_writable':
        return object[verb](Number(word));
    case 'read_until':
        return object.read_until(parseBytes(word));
    case 'write':
        return object.write(parseBytes(word));
    case 'shutdown':
        return object.shutdown(parseCondition(word));
    case 'splice':
        return object.splice(objects.get(word), Kaa.SpliceFlags.NONE);
    case 'close': {
        const flags = [word, other].filter(flag => flag !== undefined).map(flag => Kaa.CloseFlags[flag.toUpperCase()]);
        return object.close(flags.reduce((all, flag) => all | flag, Kaa.CloseFlags.NONE));
    }
    case 'timeout':
        return object.timeout(Number(word), other !== undefined);
    default:
        return object[verb]();
    }
}

const verbs = {
    on: (name, object, signal, veto) => connect(name, object, signal, veto),
    off: (name, object, signal) => object.disconnect(handlers.get(`${name}.${signal}`)),
    block: (name, object, signal) => GObject.signal_handler_block(object, handlers.get(`${name}.${signal}`)),
    unblock: (name, object, signal) => GObject.signal_handler_unblock(object, handlers.get(`${name}.${signal}`)),
    show: (name, object, property) => show(name, object, property),
    set: (name, object, property, word) => (object[property] = parseProperty(property, word)),
    delimiters: (name, object, ...words) => object.set_delimiter_bytes(words.map(parseBytes)),
    consume: (name, object, count) => object.consume(Number(count)),
    wrap: (name, object, other, mode) => object.wrap_channel(objects.get(other), parseCondition(mode)),
    steal: (name, object, other) => object.steal(objects.get(other)),
    peek: (name, object) => happened(`${name}.peek`, object.peek()),
    send: (name, object, word) => object.send(parseBytes(word)),
    then: (name, object, label) => listen(label, object),
    abort: (name, object) => object.abort(),
    finish: (name, object, number) => object.finish_int(Number(number)),
    throw: (name, object, nick) =>
        object.throw(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum[nick.toUpperCase().replaceAll('-', '_')], 'thrown')),
};

function turn() {
    while (context.iteration(false))
        ;
}

function keepFuture(name, future) {
    objects.set(name, future);
    listen(name, future);
}

function doStep(step) {
    const words = step.split(' ');
    if (words[0] === 'in') {
        const [, hook, then] = /^in (.*?): (.*)$/.exec(step);
        hooks.set(hook, [...hooks.get(hook) ?? [], then]);
    } else if (words[0] === 'turn') {
        turn();
    } else if (words[0] === 'wait') {
        while (!objects.get(words[1]).finished)
            context.iteration(true);
        turn();
    } else if (words[0] === 'pair') {
        const [, a, b] = Kaa.IOChannel.new_pair();
        objects.set(words[1], a);
        objects.set(words[2], b);
    } else if (words[0] === 'channel') {
        objects.set(words[1], new Kaa.IOChannel());
    } else if (words[0] === 'promise') {
        keepFuture(words[1], Kaa.InProgress.new(null));
    } else if (words[1] === '=' && ['all', 'any'].includes(words[2])) {
        keepFuture(words[0], Kaa.InProgress[words[2]](words.slice(3).map(name => objects.get(name))));
    } else {
        const asks = words[1] === '=';
        const [target, ...args] = asks ? words.slice(2) : words;
        const [name, verb] = target.split('.');
        if (asks) {
            keepFuture(words[0], ask(objects.get(name), verb, args));
            return;
        }
        try {
            verbs[verb](name, objects.get(name), ...args);
        } catch (error) {
            if (!(error instanceof GLib.Error))
                throw error;
            failed(target, error);
        }
    }
}

function forget() {
    silent = true;
    hooks = new Map();
    for (const object of objects.values()) {
        if (object instanceof Kaa.IOChannel)
            object.close(Kaa.CloseFlags.IMMEDIATE);
    }
    turn();
    objects = new Map();
    handlers = new Map();
    counts = new Map();
    silent = false;
}

const [, contents] = Gio.File.new_for_path(System.programArgs[0]).load_contents(null);
for (const line of new TextDecoder().decode(contents).trimEnd().split('\n')) {
    if (line.startsWith('> '))
        continue;
    print(line);
    if (line.startsWith('case '))
        forget();
    else if (line !== '' && !line.startsWith('#'))
        doStep(line);
}
forget();

// SPDX-License-Identifier: LGPL-2.1-or-later
// Everything that JavaScript finds in the namespace is declared for TypeScript, and nothing else is.

import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, run, test} from './tap.js';

const [, contents] = GLib.file_get_contents(GLib.getenv('KAA_DECLARATIONS'));
const declarations = new TextDecoder().decode(contents);

// What every object has, in the words of GObject.
const inherited = new Set([...Object.getOwnPropertyNames(GObject.Object.prototype), ...Object.getOwnPropertyNames(Object.prototype),
    ...Object.getOwnPropertyNames(Function.prototype), 'prototype', 'caller', 'arguments']);
// What a future has from Gio.AsyncResult, which it is said to implement.
const ofResults = ['get_source_object', 'get_user_data', 'is_tagged', 'legacy_propagate_error'];
const signals = ['connect', 'connect_after'];

function getMembers(name) {
    const body = new RegExp(`^    (?:abstract )?class ${name}\\b[^\\n]*\\{\\n([^]*?)^    \\}`, 'm').exec(declarations);
    assert(body !== null, `no class ${name}`);
    return new Set([...body[1].matchAll(/^ {8}(?:static |readonly |get |set )*([\w$]+|\[[\w.]+\])[(<:?]/gm)].map(([, member]) => member));
}

function isClass(value) {
    return typeof value === 'function' && value.prototype instanceof GObject.Object;
}

const names = Object.getOwnPropertyNames(Kaa).filter(name => !name.startsWith('__') && !['_init', 'toString'].includes(name));

test('methods that return futures throw what is wrong with the call', () => {
    // Those of C say so of themselves; Kaa.js has one of its own for each.
    const isOfC = method => String(method).includes('native');
    assert(isOfC(Kaa.IOChannel.prototype.describe));
    for (const name of ['InProgress', 'IOChannel', 'Socket', 'Process']) {
        const [, body] = new RegExp(`^    class ${name}\\b[^\\n]*\\{\\n([^]*?)^    \\}`, 'm').exec(declarations);
        const methods = [...body.matchAll(/^ {8}(static )?(\w+)(?:<[^(]*>)?\(.*\): InProgress\b/gm)].filter(([,, method]) => method !== 'new');
        assert(methods.length > 1);
        assertEqual(methods.map(([, isStatic, method]) => [method, isOfC((isStatic ? Kaa[name] : Kaa[name].prototype)[method])])
            .filter(([, missing]) => missing), [], `add it to _overrideFutures(), ${name}`);
    }
});

test('every name of the namespace', () => {
    assert(names.includes('IO_READ') && names.includes('IOChannel'));
    const missing = names.filter(name => Kaa[name]?.$gtype?.name !== `Kaa${name}Class` && !/Class$/.test(name))
        .filter(name => !new RegExp(`^    (?:abstract )?(?:class|enum|const|function|type) ${name}\\b`, 'm').test(declarations));
    assertEqual(missing, []);
});

for (const name of names.filter(name => isClass(Kaa[name]))) {
    test(`every member of ${name}`, () => {
        const members = getMembers(name);
        // The third spelling of a property, 'exit-status', is nothing to advertise.
        const own = [...Object.getOwnPropertyNames(Kaa[name].prototype), ...Object.getOwnPropertyNames(Kaa[name])]
            .filter(member => !member.includes('-'));
        const missing = own.filter(member => !members.has(member) && !inherited.has(member) && !ofResults.includes(member));
        assertEqual(missing, [], 'not declared:');
        assertEqual(members.delete('[Symbol.asyncIterator]'), Object.hasOwn(Kaa[name].prototype, Symbol.asyncIterator));
        // To ask for a virtual method that nobody implements is an error.
        const made = [...members].filter(member => !member.startsWith('vfunc_') && !(member in Kaa[name].prototype) && !(member in Kaa[name]));
        assertEqual(made.filter(member => !signals.includes(member)), [], 'declared, but not there:');
    });
}

test('every value of an enumeration', () => {
    for (const name of names.filter(name => typeof Kaa[name] === 'object' && Kaa[name] !== null)) {
        const body = new RegExp(`^    enum ${name} \\{\\n([^]*?)^    \\}`, 'm').exec(declarations);
        assert(body !== null, `no enum ${name}`);
        for (const [value, number] of Object.entries(Kaa[name])) {
            if (typeof number === 'number')
                assert(new RegExp(`^ {8}${value} = ${number},$`, 'm').test(body[1]), `${name}.${value}`);
        }
    }
});

await run();

// SPDX-License-Identifier: LGPL-2.1-or-later
// test(name, async function) registers a test (a third argument: its time limit in seconds), await run() runs all of them
// and prints TAP.

import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

const tests = [];
const SECONDS = 20;

export function test(name, callback, seconds = SECONDS) {
    tests.push({name, callback, seconds});
}

export class AssertionError extends Error {}

class Skipped extends Error {}

// Ends a test that lacks something, which is named.
export function skip(reason) {
    throw new Skipped(reason);
}

export function assert(condition, message = 'assertion failed') {
    if (!condition)
        throw new AssertionError(message);
}

export function assertEqual(actual, expected, message = '') {
    const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
    if (a !== e)
        throw new AssertionError(`${message} expected ${e}, but got ${a}`.trim());
}

// Resolves with the error that the promise fails with.
export async function assertRejects(promise, domain, code) {
    try {
        await promise;
    } catch (error) {
        if (domain !== undefined && !error.matches?.(domain, code))
            throw new AssertionError(`failed with another error: ${error}`);
        return error;
    }
    throw new AssertionError('did not fail');
}

// The error that a call throws at once: it has to be one of Gio's.
export function assertThrows(callback, code) {
    try {
        callback();
    } catch (error) {
        assert(error.matches?.(imports.gi.Gio.IOErrorEnum, code), `threw another error: ${error}`);
        return error;
    }
    throw new AssertionError('did not throw');
}

// Bytes of any kind as a string.
export function text(bytes) {
    return new TextDecoder().decode(bytes instanceof GLib.Bytes ? bytes.toArray() : bytes);
}

// Two channels, connected.
export function pair() {
    const [, ours, theirs] = Kaa.IOChannel.new_pair();
    return [ours, theirs];
}

// A channel whose whole input is there, or on its way.
export async function filled(input) {
    const [ours, theirs] = pair();
    theirs.write(input);
    await theirs.close();
    return ours;
}

export async function collect(iterator) {
    const items = [];
    for await (const item of iterator)
        items.push(item instanceof Uint8Array ? text(item) : item);
    return items;
}

export function sleep(milliseconds) {
    return new Promise(resolve => {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, milliseconds, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

// When it does not come true the test hangs, and that fails it.
export async function until(condition) {
    while (!condition())
        await sleep(1);
}

// A test that hangs fails, and the ones behind it still run.
function withTimeout(promise, seconds) {
    return new Promise((resolve, reject) => {
        const source = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, seconds, () => {
            reject(new AssertionError(`not finished after ${seconds} seconds`));
            return GLib.SOURCE_REMOVE;
        });
        promise.finally(() => GLib.Source.remove(source)).then(resolve, reject);
    });
}

export async function run() {
    let failed = 0;
    print(`1..${tests.length}`);
    for (const [index, {name, callback, seconds}] of tests.entries()) {
        try {
            await withTimeout((async () => await callback())(), seconds);
            print(`ok ${index + 1} ${name}`);
        } catch (error) {
            if (error instanceof Skipped) {
                print(`ok ${index + 1} ${name} # SKIP ${error.message}`);
                continue;
            }
            failed++;
            for (const line of `${error}\n${error.stack ?? ''}`.trimEnd().split('\n'))
                print(`# ${line}`);
            print(`not ok ${index + 1} ${name}`);
        }
    }
    System.exit(failed ? 1 : 0);
}

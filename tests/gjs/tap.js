// SPDX-License-Identifier: LGPL-2.1-or-later
// test(name, async function) registers a test, await run() runs all of them and prints TAP.

import GLib from 'gi://GLib';
import System from 'system';

const tests = [];
const SECONDS = 20;

export function test(name, callback) {
    tests.push({name, callback});
}

export class AssertionError extends Error {}

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

export function sleep(milliseconds) {
    return new Promise(resolve => {
        GLib.timeout_add(GLib.PRIORITY_DEFAULT, milliseconds, () => {
            resolve();
            return GLib.SOURCE_REMOVE;
        });
    });
}

// A test that hangs fails, and the ones behind it still run.
function withTimeout(promise) {
    return new Promise((resolve, reject) => {
        const source = GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, SECONDS, () => {
            reject(new AssertionError(`not finished after ${SECONDS} seconds`));
            return GLib.SOURCE_REMOVE;
        });
        promise.finally(() => GLib.Source.remove(source)).then(resolve, reject);
    });
}

export async function run() {
    let failed = 0;
    print(`1..${tests.length}`);
    for (const [index, {name, callback}] of tests.entries()) {
        try {
            await withTimeout((async () => await callback())());
            print(`ok ${index + 1} ${name}`);
        } catch (error) {
            failed++;
            for (const line of `${error}\n${error.stack ?? ''}`.trimEnd().split('\n'))
                print(`# ${line}`);
            print(`not ok ${index + 1} ${name}`);
        }
    }
    System.exit(failed ? 1 : 0);
}

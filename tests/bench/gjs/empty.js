// SPDX-License-Identifier: LGPL-2.1-or-later
// What `for await` costs in gjs when there is nothing behind it: the ceiling of the language.

import {main} from './border.js';

function makeIterator(amount, value) {
    let left = amount;
    return {
        [Symbol.asyncIterator]() {
            return this;
        },
        next() {
            return Promise.resolve(left-- > 0 ? {value, done: false} : {value: undefined, done: true});
        },
    };
}

async function lines(bench) {
    let [items, bytes] = [0, 0];
    const text = 'x'.repeat(bench.size - 1);
    bench.start();
    for await (const line of makeIterator(bench.amount, text)) {
        items++;
        bytes += line.length + 1;
    }
    bench.stop(items, bytes);
}

main({'empty-gjs lines': lines});

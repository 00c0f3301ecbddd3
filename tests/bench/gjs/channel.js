// SPDX-License-Identifier: LGPL-2.1-or-later
// This library in gjs. The text is ASCII, so a character is a byte.

import Kaa from 'gi://Kaa?version=1.0';

import {FD, main} from './border.js';

function open() {
    return Kaa.IOChannel.new_for_fd(FD, Kaa.IO_READ);
}

async function lines(bench) {
    let [items, bytes] = [0, 0];
    const channel = open();
    bench.start();
    for await (const line of channel.lines()) {
        items++;
        bytes += line.length + 1;
    }
    bench.stop(items, bytes);
}

async function batches(bench) {
    let [items, bytes] = [0, 0];
    const channel = open();
    bench.start();
    for await (const texts of channel.batches()) {
        for (const line of texts) {
            items++;
            bytes += line.length + 1;
        }
    }
    bench.stop(items, bytes);
}

async function readline(bench) {
    let [items, bytes] = [0, 0];
    const channel = open();
    bench.start();
    for (let line = await channel.readline(); line.length > 0; line = await channel.readline()) {
        items++;
        bytes += line.length;
    }
    bench.stop(items, bytes);
}

main({
    'kaa-gjs-lines lines': lines,
    'kaa-gjs-batches lines': batches,
    'kaa-gjs-await lines': readline,
});

// SPDX-License-Identifier: LGPL-2.1-or-later
// ask ADDRESS LINE...: sends lines to a server, and prints as many that come back.

import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

const MAX_CONNECT = 5; // seconds to connect
const MAX_ANSWER = 10; // seconds for each answer

const [address, ...lines] = System.programArgs;
if (lines.length === 0) {
    printerr(`usage: ${System.programInvocationName} ADDRESS LINE...`);
    System.exit(1);
}

try {
    const socket = new Kaa.Socket({connect_timeout: MAX_CONNECT});
    const decoder = new TextDecoder();
    await socket.connect_to(address);
    for (const line of lines) {
        await socket.write(`${line}\n`);
        const answer = await socket.readline().timeout(MAX_ANSWER, true);
        if (answer.length === 0)
            throw new Error('the server has hung up');
        print(decoder.decode(answer).trimEnd());
    }
} catch (error) {
    printerr(error.message);
    System.exit(1);
}

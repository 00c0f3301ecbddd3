// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa.Socket: clients and servers with await and for await.

import Gio from 'gi://Gio';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, run, test} from './tap.js';

function listen() {
    const server = new Kaa.Socket();
    server.listen('127.0.0.1:0');
    return [server, `127.0.0.1:${server.local_address.get_port()}`];
}

test('request and answer', async () => {
    const [server, address] = listen();
    const client = new Kaa.Socket();
    const accepted = server.accept();
    assertEqual(await client.connect_to(address), true);
    const peer = await accepted;
    assert(peer instanceof Kaa.Socket);

    client.write('question\n');
    for await (const text of peer.lines()) {
        assertEqual(text, 'question');
        break;
    }
    await peer.write('one\ntwo\n');
    await peer.close();
    const seen = [];
    for await (const text of client.lines())
        seen.push(text);
    assertEqual(seen.join(), 'one,two');
    await server.close();
});

test('a server is iterated over its clients', async () => {
    const [server, address] = listen();
    for (let i = 0; i < 3; i++) {
        const client = new Kaa.Socket();
        await client.connect_to(address);
        client.write('hello\n');
    }
    let seen = 0;
    for await (const client of server) {
        assertEqual(new TextDecoder().decode(await client.readline()), 'hello\n');
        client.close();
        if (++seen === 3)
            server.close();
    }
    assertEqual(seen, 3);
});

test('errors say where they come from', async () => {
    try {
        await new Kaa.Socket().connect_to('/nowhere/at/all');
        assert(false);
    } catch (error) {
        assert(error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.NOT_FOUND));
        assert(error.stack.includes('test-socket.js'));
    }
});

await run();

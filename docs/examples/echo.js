// SPDX-License-Identifier: LGPL-2.1-or-later
// echo ADDRESS: a server that sends each line back, to 100 clients at a time, none of which may be silent for a minute.

import Kaa from 'gi://Kaa?version=1.0';
import System from 'system';

const MAX_CLIENTS = 100;
const MAX_SILENCE = 60;

async function serve(client) {
    client.idle_timeout = MAX_SILENCE;
    try {
        // While the client does not read, no more is read from it.
        for await (const line of client)
            await client.write(line);
    } catch (error) {
        printerr(error.message);
    }
}

if (System.programArgs.length !== 1) {
    printerr(`usage: ${System.programInvocationName} ADDRESS`);
    System.exit(1);
}

const server = new Kaa.Socket({max_clients: MAX_CLIENTS});
server.listen(System.programArgs[0]);
for await (const client of server.clients())
    serve(client);

// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa.Socket: clients and servers with await and for await.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

import {assert, assertEqual, assertRejects, run, skip, test, text} from './tap.js';

function listen() {
    const server = new Kaa.Socket();
    server.listen('127.0.0.1:0');
    return [server, `127.0.0.1:${server.local_address.get_port()}`];
}

// With a certificate of localhost that nobody vouches for, and the database in which it is trusted. Files are read when needed.
async function withCertificate(callback) {
    if (GLib.find_program_in_path('openssl') === null)
        skip('openssl is not installed');
    if (!Gio.TlsBackend.get_default().supports_tls())
        skip('glib-networking is not installed');
    const folder = GLib.Dir.make_tmp('kaa-XXXXXX');
    const [key, certificate] = [`${folder}/key.pem`, `${folder}/certificate.pem`];
    try {
        const openssl = Kaa.Process.new(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
            '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', certificate],
        Kaa.ProcessFlags.STDERR_PIPE);
        await openssl.communicate();
        assertEqual(openssl.exit_status, 0, text(openssl.stderr_data));
        await callback(Gio.TlsCertificate.new_from_files(certificate, key), Gio.TlsFileDatabase.new(certificate));
    } finally {
        for (const path of [key, certificate, folder])
            Gio.File.new_for_path(path).delete(null);
    }
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

test('TLS begins in the middle of a connection', () => withCertificate(async (certificate, database) => {
    const [server, address] = listen();
    const client = new Kaa.Socket();
    const accepted = server.accept();
    await client.connect_to(address);
    const peer = await accepted;

    client.write('STARTTLS\n');
    assertEqual(text(await peer.readline()), 'STARTTLS\n');
    await peer.write('go ahead\n');
    assertEqual(text(await client.readline()), 'go ahead\n');

    const ours = client.start_tls('localhost');
    client.tls_connection.set_database(database);
    assertEqual(await Promise.all([ours, peer.start_tls(null, certificate)]), [true, true]);
    assert(client.tls_connection.get_peer_certificate().is_same(certificate));

    client.write('secret\n');
    for await (const line of peer.lines()) {
        assertEqual(line, 'secret');
        break;
    }
    await peer.write('known\n');
    assertEqual(text(await client.readline()), 'known\n');
    await Promise.all([client.close(), peer.close(), server.close()]);
}));

test('TLS begins with what was read already', () => withCertificate(async (certificate, database) => {
    const [server, address] = listen();
    const client = new Kaa.Socket();
    const accepted = server.accept();
    await client.connect_to(address);
    const peer = await accepted;

    client.write('PROXY\r\n');
    const ours = client.start_tls('localhost');
    client.tls_connection.set_database(database);
    assertEqual(text(await peer.readline()), 'PROXY\r\n');
    assertEqual(await Promise.all([ours, peer.start_tls_buffered(null, certificate)]), [true, true]);
    client.write('secret\n');
    assertEqual(text(await peer.readline()), 'secret\n');
    await Promise.all([client.close(), peer.close(), server.close()]);
}));

test('what is handed on and is no TLS ends it', () => withCertificate(async certificate => {
    for (const taken of ['GET / HTTP/1.0\r\n\r\n', new TextEncoder().encode('GET / HTTP/1.0\r\n\r\n')]) {
        const [server, address] = listen();
        const client = new Kaa.Socket();
        const accepted = server.accept();
        await client.connect_to(address);
        const peer = await accepted;
        await assertRejects(peer.start_tls_buffered(null, certificate, taken));
        assert(!peer.alive);
        await Promise.all([client.close(), peer.close(), server.close()]);
    }
}));

test('a server that somebody else shuts down says so', async () => {
    const [server] = listen();
    const closed = new Promise(resolve => server.connect('closed', (_, expected) => resolve(expected)));
    const accepted = server.accept();
    Gio.Socket.new_from_fd(server.fileno).shutdown(true, true);
    await assertRejects(accepted, Gio.IOErrorEnum, Gio.IOErrorEnum.INVALID_ARGUMENT);
    assertEqual(await closed, false);
    assert(!server.listening);
});

test('a certificate that nobody vouches for, or of another host, is refused', () => withCertificate(async (certificate, database) => {
    for (const [host, trusted] of [['localhost', false], ['example.org', true]]) {
        const [server, address] = listen();
        const client = new Kaa.Socket();
        const accepted = server.accept();
        await client.connect_to(address);
        const peer = await accepted;
        const theirs = assertRejects(peer.start_tls(null, certificate));

        const ours = client.start_tls(host);
        if (trusted)
            client.tls_connection.set_database(database);
        await assertRejects(ours, Gio.TlsError, Gio.TlsError.BAD_CERTIFICATE);
        await client.close();
        await theirs;
        await Promise.all([peer.close(), server.close()]);
    }
}));

await run();

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-peer.py serial|proxy|timeouts|tls-proxied PROGRAM...: runs an example against another side that is played here."""

import contextlib
import os
import random
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import tty

SECONDS = 30


def run(*arguments):
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.stdout, done.returncode


def expect(seen, expected):
    if seen != expected:
        sys.exit(f'expected: {expected!r}\nbut got: {seen!r}')


@contextlib.contextmanager
def played(play, *arguments):
    """Another thread plays; what goes wrong there is seen by what is missing here."""
    thread = threading.Thread(target=play, args=arguments, daemon=True)
    thread.start()
    yield
    thread.join(SECONDS)
    expect(thread.is_alive(), False)


# --- a modem ---

def answer_command(device, answer):
    command = b''
    while not command.endswith(b'\r'):
        command += os.read(device, 100)
    # A modem says again what it hears; this one hangs up where it has no answer.
    if answer:
        os.write(device, command + answer)
    else:
        os.close(device)


def check_serial():
    for answer, expected in [
        (b'\r\nKaa modem\r\n\r\nOK\r\n', ('ATI\nKaa modem\n\nOK\n', 0)),
        (b'\r\nERROR\r\nlater\r\n', ('ATI\nERROR\n', 0)),
        (b'', ('', 1)),
    ]:
        device, line = os.openpty()
        tty.setraw(line)
        with played(answer_command, device, answer):
            expect(run(os.ttyname(line), '115200', 'ATI'), expected)
        os.close(line)
        if answer:
            os.close(device)


# --- a server behind a proxy ---

def serve_reversed(listener, clients):
    for _ in range(clients):
        with listener.accept()[0] as client:
            client.settimeout(SECONDS)
            with client.makefile('rb') as file:
                client.sendall(file.read()[::-1])


def connect(path, server):
    """Tries until somebody answers."""
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(SECONDS)
        try:
            client.connect(path)
            return client
        except OSError:
            client.close()
            if server.poll() is not None:
                sys.exit('the example has ended')


def ask(client, data):
    """Says all, half-closes, and hears all: what is said first must be on its way before the answer is."""
    with client, client.makefile('rb') as file:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return file.read()


def check_proxy():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f'{folder}/server')
        listener.listen()
        proxy = subprocess.Popen([*program, f'{folder}/proxy', f'{folder}/server'], stderr=subprocess.DEVNULL)
        try:
            with played(serve_reversed, listener, 2):
                for size in (1000000, 0):
                    data = random.randbytes(size)
                    expect(ask(connect(f'{folder}/proxy', proxy), data) == data[::-1], True)
            # Nobody is there any more: a client is told, and the proxy goes on.
            listener.close()
            for _ in range(2):
                with connect(f'{folder}/proxy', proxy) as client:
                    expect(client.recv(1), b'')
            expect(proxy.poll(), None)
        finally:
            proxy.kill()
            proxy.wait()


# --- a server that is silent ---

@contextlib.contextmanager
def listening(backlog):
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(backlog)
        yield listener.getsockname()


def check_timeouts():
    # Long enough to connect, on any machine.
    with listening(1) as (host, port):
        expect(run(f'{host}:{port}', '3'), ('operation: timed out, open\nchannel: timed out, closed\n', 0))

    # It takes no connections any more: this one is the last that the kernel takes for it.
    with listening(0) as (host, port), contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex((host, port))
        expect(run(f'{host}:{port}', '0.1'), ('connection: timed out\n', 1))


# --- a proxy in front of a server that speaks TLS ---

def make_certificate(folder):
    for name in ('key', 'certificate'):
        open(f'{folder}/{name}.pem', 'wb').close()
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', '/CN=localhost', '-keyout', f'{folder}/key.pem', '-out', f'{folder}/certificate.pem'],
                   check=True, stderr=subprocess.DEVNULL)
    with open(f'{folder}/both.pem', 'wb') as both:
        for name in ('certificate', 'key'):
            with open(f'{folder}/{name}.pem', 'rb') as part:
                both.write(part.read())


class Client:
    """TLS whose bytes are sent by hand, so that it is known what goes together."""

    def __init__(self, port, folder):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=f'{folder}/certificate.pem')
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname='localhost')
        self.socket = socket.create_connection(('127.0.0.1', port), SECONDS)

    def call(self, function, *arguments, before=b'', cut=None):
        """Does it, and sends what comes of it behind what shall come before; the rest from cut on a while later."""
        while True:
            try:
                result = function(*arguments)
            except ssl.SSLWantReadError:
                result = None
            data = before + self.outgoing.read()
            before = b''
            self.socket.sendall(data[:cut])
            if cut is not None:
                # The server has had time to begin with less.
                self.socket.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    expect(self.socket.recv(1), b'nothing')
                self.socket.settimeout(SECONDS)
                self.socket.sendall(data[cut:])
                cut = None
            if result is not None or function == self.tls.do_handshake and self.tls.version():
                return result
            chunk = self.socket.recv(65536)
            self.incoming.write(chunk) if chunk else self.incoming.write_eof()


def check_tls_proxied():
    line = b'PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n'
    if shutil.which('openssl') is None:
        print('openssl is missing')
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        make_certificate(folder)
        with subprocess.Popen([*program, '127.0.0.1:0', f'{folder}/both.pem'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as server:
            try:
                port = int(server.stdout.readline())
                for cut in (None, len(line), len(line) + 1, len(line) + 100):
                    client = Client(port, folder)
                    client.call(client.tls.do_handshake, before=line, cut=cut)
                    client.call(client.tls.write, b'alpha\n')
                    expect(client.call(client.tls.read, 100), b'192.0.2.1: ALPHA\n')
                    client.socket.close()
                # Others are turned away, and the server goes on.
                for wrong in (b'GET / HTTP/1.0\r\n\r\n', line + b'GET / HTTP/1.0\r\n\r\n'):
                    with socket.create_connection(('127.0.0.1', port), SECONDS) as client:
                        client.sendall(wrong)
                        client.shutdown(socket.SHUT_WR)
                        with contextlib.suppress(ConnectionResetError):
                            while chunk := client.recv(100):
                                expect(b'HTTP' in chunk, False)
                expect(server.poll(), None)
            finally:
                server.kill()


example, *program = sys.argv[1:]
{'serial': check_serial, 'proxy': check_proxy, 'timeouts': check_timeouts, 'tls-proxied': check_tls_proxied}[example]()

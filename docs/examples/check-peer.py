#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-peer.py serial|proxy|timeouts PROGRAM...: runs an example against another side that is played here."""

import contextlib
import os
import random
import socket
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


example, *program = sys.argv[1:]
{'serial': check_serial, 'proxy': check_proxy, 'timeouts': check_timeouts}[example]()

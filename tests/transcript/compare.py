# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py EXPECTED COMMAND...: runs COMMAND with the number of a connected socket as its last
argument, plays the other end, and compares what it prints with the file EXPECTED."""

import difflib
import os
import socket
import subprocess
import sys

SENT = b'alpha\nbeta\ngamma\n'
ANSWER = b'delta\n'
SECONDS = 20


def main():
    expected_path, command = sys.argv[1], sys.argv[2:]
    with open(expected_path, encoding='utf-8') as file:
        expected = file.read()

    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            number = theirs.fileno()
            program = subprocess.Popen(command + [str(number)], pass_fds=[number], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, encoding='utf-8')
        ours.settimeout(SECONDS)
        ours.sendall(SENT)
        try:
            output, _ = program.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            output, _ = program.communicate()
            print(f'{command} did not end within {SECONDS} seconds', file=sys.stderr)
        # To the end: the program has closed its side by now, or it is dead.
        answer = b''
        try:
            while chunk := ours.recv(4096):
                answer += chunk
        except ConnectionResetError:
            print('it ended without having read everything')

    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), output.splitlines(True),
                                               os.path.basename(expected_path), 'what it printed'))
    if answer != ANSWER:
        print(f'it wrote {answer!r}, not {ANSWER!r}')
    if program.returncode != 0:
        print(f'it ended with status {program.returncode}')
    sys.exit(0 if (output, answer, program.returncode) == (expected, ANSWER, 0) else 1)


main()

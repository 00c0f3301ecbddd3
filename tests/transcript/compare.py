# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py CASES COMMAND...: runs COMMAND CASES, compares what it prints with CASES, case by case, and prints TAP."""

import difflib
import subprocess
import sys

SECONDS = 100


def split_cases(text):
    """{name: lines}, without the heading of the table."""
    cases = {}
    lines = []
    for line in text.splitlines():
        if line.startswith('case '):
            lines = cases.setdefault(line[len('case '):], [])
        lines.append(line)
    return cases


def run(command):
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding='utf-8', errors='replace') as program:
        try:
            output, _ = program.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            program.kill()
            output, _ = program.communicate()
            print(f'# it did not end within {SECONDS} seconds')
    return output, program.returncode


def main():
    table, command = sys.argv[1], sys.argv[2:]
    with open(table, encoding='utf-8') as file:
        expected = split_cases(file.read())
    output, status = run([*command, table])
    printed = split_cases(output)

    print(f'1..{len(expected) + 1}')
    for number, (name, lines) in enumerate(expected.items(), 1):
        good = printed.get(name) == lines
        if not good:
            # What follows a case that hangs or crashes is missing altogether.
            for line in difflib.unified_diff(lines, printed.get(name, []), 'cases.txt', 'what it printed', lineterm='', n=100):
                print('# ' + line)
        print(f'{"ok" if good else "not ok"} {number} {name}')
    if status != 0:
        print(f'# its status is {status}')
    print(f'{"ok" if status == 0 and list(printed) == list(expected) else "not ok"} {len(expected) + 1} all cases, and a good end')


main()

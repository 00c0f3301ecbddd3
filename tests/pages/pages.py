# SPDX-License-Identifier: LGPL-2.1-or-later
"""pages.py [LANGUAGE=PROGRAM]... ROOT: compiles and runs every piece of code in README.md and docs/*.md, compiles those in the
documentation comments of kaaio/, and prints TAP.

A whole program is run on two lines of input, and prints what the block of `text` behind it says, if there is one. Anything else is a
piece of a program, and put into one where `channel` has two lines to read and `fd` is the read end of a pipe with the same two.
A language whose program is not given is skipped, by name; sh is only parsed. What no program runs is a failure.
"""

import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

INPUT = b'alpha\nbeta\n'
SECONDS = 60

BLOCK = re.compile(r'^```(\w*)\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?', re.MULTILINE | re.DOTALL)

COMMENTED = re.compile(r'^ \* ```c\n(.*?)^ \* ```$', re.MULTILINE | re.DOTALL)
# Instead of what it prints: it is not run.
COMPILED = object()

# These are no programs: output, and pictures. What is for meson is run by tests/install, TypeScript is
# compiled by tests/gjs/check-types.py.
NOT_CODE = {'text', '', 'meson', 'ts'}

WHOLE = {
    'c': re.compile(r'^main \(', re.MULTILINE),
    'python': re.compile(r'^(import|from) ', re.MULTILINE),
    'js': re.compile(r'^(import .* from|const .* = imports)', re.MULTILINE),
    'vala': re.compile(r'\b(int|void) main \('),
}

AROUND_C = '''
#include <errno.h>
#include <kaaio/kaaio.h>
#include <unistd.h>

%(functions)s
int
main (void)
{
  KaaIOChannel *channel = NULL, *there = NULL;
  GError *error = NULL;
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);
  int fd = 0;

  kaa_io_channel_new_pair (&channel, &there, &error);
  kaa_io_channel_write (there, (const guint8 *) "alpha\\nbeta\\n", 11);
%(statements)s
  (void) loop;
  (void) fd;
  return error != NULL;
}
'''

AROUND_PYTHON = '''
import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


async def main(channel, there, fd):
    there.write(b'alpha\\nbeta\\n')
%(statements)s


Kaa.run(main(*Kaa.IOChannel.new_pair()[-2:], 0))
'''

AROUND_JS = '''
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import Kaa from 'gi://Kaa?version=1.0';

const [, channel, there] = Kaa.IOChannel.new_pair();
const fd = 0;
there.write('alpha\\nbeta\\n');
{
%(statements)s
}
'''

AROUND_VALA = '''
async int main () {
  try {
    Kaa.IOChannel channel, there;
    Kaa.IOChannel.new_pair (out channel, out there);
    there.write ("alpha\\nbeta\\n".data);
%(statements)s
    return 0;
  } catch (Error error) {
    printerr ("%%s\\n", error.message);
    return 1;
  }
}
'''


def indent(text, by):
    return ''.join(by + line if line.strip() else line for line in text.splitlines(True))


def complete(language, text):
    """A whole program."""
    if WHOLE[language].search(text):
        return text
    if language == 'c':
        # Functions stand before the statements that use them.
        functions = ''.join(re.findall(r'^static .*?^\}\n', text, re.MULTILINE | re.DOTALL))
        statements = re.sub(r'^static .*?^\}\n', '', text, flags=re.MULTILINE | re.DOTALL)
        # A block of its own, so that it may declare what it likes.
        return AROUND_C % {'functions': functions, 'statements': f'  {{\n{statements}  }}'}
    if language == 'python':
        return AROUND_PYTHON % {'statements': indent(text, '    ')}
    if language == 'js':
        return AROUND_JS % {'statements': text}
    return AROUND_VALA % {'statements': indent(text, '    ')}


def pkg_config(*what):
    return shlex.split(subprocess.run(['pkg-config', *what, 'kaaio-1.0', 'gio-unix-2.0'], check=True,
                                      stdout=subprocess.PIPE, encoding='utf-8').stdout)


class Failure(Exception):
    pass


def call(command, folder, given=b''):
    try:
        result = subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise Failure(f'{command[0]} did not end within {SECONDS} seconds') from None
    errors = result.stderr.decode('utf-8', 'replace')
    if result.returncode != 0:
        raise Failure(f'{command[0]} ended with status {result.returncode}\n{errors}')
    return result.stdout.decode('utf-8', 'replace'), errors


def build(language, program, source, folder):
    """Compiles it where that is necessary, and returns the command that runs it."""
    built = os.path.join(folder, 'page')
    if language == 'c':
        call([*program, '-Wall', '-Werror', '-Wno-unused-variable', '-Wno-unused-but-set-variable', '-Wno-unused-function',
              *pkg_config('--cflags'), source, '-o', built, *pkg_config('--libs')], folder)
        return [built]
    if language == 'vala':
        flags = [part for flag in pkg_config('--cflags', '--libs') for part in ('-X', flag)]
        call([*program, '--disable-warnings', '--pkg', 'gio-2.0', '--pkg', 'kaaio-1.0', '-X', '-w', *flags, '-o', built, source], folder)
        return [built]
    if language == 'sh':
        return [*program, '-n', source]
    return [*program, source]


def check(language, program, text, expected):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, 'page.' + {'python': 'py'}.get(language, language))
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text if language == 'sh' else complete(language, text))
        command = build(language, program, source, folder)
        if expected is COMPILED:
            return
        output, errors = call(command, folder, INPUT)
        if expected is not None and output != expected:
            raise Failure(f'it printed\n{output}instead of\n{expected}')
        if errors:
            raise Failure(errors)


def find_code(root):
    """[(where it is, language, code, what it prints or None)]."""
    for page in [os.path.join(root, 'README.md'), *sorted(glob.glob(os.path.join(root, 'docs', '*.md')))]:
        with open(page, encoding='utf-8') as file:
            text = file.read()
        for match in BLOCK.finditer(text):
            if match[1] not in NOT_CODE:
                line = text[:match.start()].count('\n') + 1
                yield f'{os.path.relpath(page, root)}:{line} {match[1]}', *match.groups()


    for source in sorted(glob.glob(os.path.join(root, 'kaaio', '*', '*.[ch]'))):
        with open(source, encoding='utf-8') as file:
            text = file.read()
        for match in COMMENTED.finditer(text):
            line = text[:match.start()].count('\n') + 1
            code = ''.join(line[len(' * '):] or '\n' for line in match[1].splitlines(True))
            yield f'{os.path.relpath(source, root)}:{line} c', 'c', code, COMPILED


def run(programs, language, code, expected):
    """Returns (good, a directive or why it is not)."""
    if language not in WHOLE and language != 'sh':
        return False, f'nobody knows how to run {language}'
    if language not in programs:
        return True, ' # SKIP there is nothing that runs it'
    try:
        check(language, shlex.split(programs[language]), code, expected)
        return True, ''
    except Failure as failure:
        return False, str(failure)


def main():
    programs = dict(argument.split('=', 1) for argument in sys.argv[1:-1])
    pieces = list(find_code(sys.argv[-1]))
    print(f'1..{len(pieces)}')
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(lambda piece: run(programs, *piece[1:]), pieces)
        for number, ((name, *_), (good, text)) in enumerate(zip(pieces, results), 1):
            if good:
                print(f'ok {number} {name}{text}')
            else:
                print('\n'.join('# ' + line for line in text.splitlines()))
                print(f'not ok {number} {name}')
            sys.stdout.flush()


main()

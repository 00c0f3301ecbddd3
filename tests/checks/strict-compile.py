# SPDX-License-Identifier: LGPL-2.1-or-later
"""strict-compile.py BUILD COMPILER: everything is compiled once more, with no warning let pass, nothing that the GLib of this platform
calls deprecated, and nothing that it has not yet.

The commands are those of BUILD/compile_commands.json, but nothing is written.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

# What meson adds for the sake of its outputs.
DROPPED = {'-c', '-MD', '-pipe'}
DROPPED_WITH_VALUE = {'-o', '-MQ', '-MF'}


def get_command(entry, compiler):
    words = shlex.split(entry['command'])[1:]
    # A launcher, such as ccache, has the compiler behind it.
    words = words[next(i for i, word in enumerate(words) if word.startswith('-')):]
    command = [compiler, '-fsyntax-only', '-Werror']
    skip = False
    for word in words:
        if skip or word in DROPPED:
            skip = False
        elif word in DROPPED_WITH_VALUE:
            skip = True
        else:
            command.append(re.sub(r'^(-DGLIB_VERSION_(?:MIN_REQUIRED|MAX_ALLOWED))=.*', r'\1=GLIB_VERSION_CUR_STABLE', word))
    if 'clang' in pathlib.Path(compiler).name:
        # As in meson.build, which has asked the other one.
        command.append('-Wno-for-loop-analysis')
    # valac's output, and what it says of itself.
    return None if entry['file'].endswith('.vala') or '.p/' in entry['file'] else command


def compile_one(entry, compiler):
    command = get_command(entry, compiler)
    if command is None:
        return ''
    done = subprocess.run(command, cwd=entry['directory'], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode != 0 else ''


def main():
    build, compiler = sys.argv[1:]
    entries = json.loads(pathlib.Path(build, 'compile_commands.json').read_text(encoding='utf-8'))
    entries = [entry for entry in entries if entry['file'].endswith('.c')]
    assert entries
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [text for text in pool.map(lambda entry: compile_one(entry, compiler), entries) if text]
    print('\n'.join(complaints))
    sys.exit(1 if complaints else 0)


main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""floors.py ROOT BUILD NM: nothing under kaaio/ knows what is above it, and no files know each other in a circle.

Which folder may know which is read from the table in docs/architecture.md. Files know each other by their includes, and by the
functions and data that they use of each other: those are read from the objects of BUILD, so nothing has to be guessed. With
--self-test, faults of each kind are planted in a copy, and have to be found.
"""

import collections
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

HEADING = 'The folders of `kaaio/` are floors.'

# Files that are in a circle which is still to be dissolved. One that is in none any more fails the check until it is taken out here.
STILL_TO_DO = {f'channel/kaa-{name}.c' for name in (
    'channel-base', 'channel-close', 'channel-fds', 'channel-fill', 'channel-handlers', 'channel-idle', 'channel-linger',
    'channel-look', 'channel-options', 'channel-overflow', 'channel-properties', 'channel-pump', 'channel-queue', 'channel-read',
    'channel-remote', 'channel-request', 'channel-shutdown', 'channel-splice', 'channel-write', 'channel-write-error', 'io-channel',
    'pending')}

# What every floor may know: names, numbers and flags. And what knows every floor: the front door.
BELOW_ALL = {'kaa-enums.h', 'kaa-types.h', 'kaa-version.h', 'kaa-enum-types.h', 'kaa-enum-types.c'}
ABOVE_ALL = {'kaaio.h'}


class Floors:
    """Which folder may know which, as the page says."""

    def __init__(self, page):
        text = page.read_text(encoding='utf-8').split(HEADING, 1)[1]
        rows = re.findall(r'^\| (\d+) \| `([\w/]+)/` \|.*\| ([^|]+) \|$', text.split('\n## ', 1)[0], re.M)
        self.folders = [folder for _, folder, _ in sorted(rows, key=lambda row: int(row[0]))]
        self.known = {}
        for _, folder, words in rows:
            below = self.folders[:self.folders.index(folder)]
            named = re.findall(r'`([\w/]+)`', words)
            assert set(named) <= set(below), f'{page}: {folder}/ may not know {words}'
            self.known[folder] = {folder, *(below if words == 'all below' else named)}
        assert len(self.folders) > 1, f'{page}: no table of floors'

    def of(self, name):
        """The folder of a file, or None for one that stands outside."""
        inside = [folder for folder in self.folders if name.startswith(folder + '/')]
        return max(inside, key=len, default=None)

    def allow(self, user, used):
        if used in BELOW_ALL or user in ABOVE_ALL:
            return True
        if user in BELOW_ALL or used in ABOVE_ALL:
            return False
        assert self.of(user) and self.of(used), f'{user} or {used} stands on no floor'
        return self.of(used) in self.known[self.of(user)]


def list_includes(kaaio):
    """(including, included) of all files, by their paths below kaaio/."""
    files = [path.relative_to(kaaio).as_posix() for path in kaaio.rglob('*.[ch]')]
    # Public headers are included as they are installed, which is flat.
    flat = {os.path.basename(name): name for name in files}
    arrows = set()
    for name in files:
        for kind, included in re.findall(r'^\s*#\s*include\s*(["<])([^">]+)', (kaaio / name).read_text(encoding='utf-8'), re.M):
            if included.startswith('kaaio/'):
                base = os.path.basename(included)
                arrows.add((name, flat.get(base, base)))
            elif kind == '"':
                assert included in files, f'{name} includes "{included}": give its path below kaaio/'
                arrows.add((name, included))
    return arrows


def read_commands(build):
    """How each source below kaaio/ is compiled: its path there -> what compile_commands.json says."""
    entries = json.loads((build / 'compile_commands.json').read_text(encoding='utf-8'))
    commands = {}
    for entry in entries:
        if not entry['output'].startswith('kaaio/') or not entry['file'].endswith('.c'):
            continue
        parts = pathlib.PurePath(entry['file']).parts
        commands['/'.join(parts[parts.index('kaaio') + 1:])] = entry
    assert commands, f'{build}: nothing is compiled below kaaio/'
    return commands


def read_symbols(nm, files):
    """What each object gives to others, and what it takes from them: file -> (defined, used)."""
    output = subprocess.run([nm, '-P', '-g', '-A', *files], check=True, capture_output=True, text=True).stdout
    symbols = {file: (set(), set()) for file in files}
    for file, name, kind in re.findall(r'^(.*?): (\S+) (\S)', output, re.M):
        symbols[file][kind in 'Uw'].add(name)
    return symbols


def list_uses(symbols):
    """(using, defining) of all objects, with what is used."""
    home = {symbol: name for name, (defined, _) in symbols.items() for symbol in defined}
    arrows = collections.defaultdict(set)
    for name, (_, used) in symbols.items():
        for symbol in used:
            other = home.get(symbol, name)
            # Whoever checks the type of an argument names it; that is no use of the file where the type's functions are put together.
            names = symbol.endswith('_get_type') and os.path.dirname(name) == os.path.dirname(other)
            if other != name and not names:
                arrows[name, other].add(symbol)
    return arrows


def find_circles(arrows):
    """The sets of files that reach each other."""
    above = collections.defaultdict(set)
    for user, used in arrows:
        above[user].add(used)

    def reach(name):
        seen, todo = set(), [name]
        while todo:
            for other in above[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    reached = {name: reach(name) for name in list(above)}
    return {frozenset(other for other in reached[name] if name in reached.get(other, ()))
            for name in reached if name in reached[name]}


def check(root, symbols):
    """What is wrong, a line each. symbols: (defined, used) of each source."""
    floors = Floors(root / 'docs' / 'architecture.md')
    includes = list_includes(root / 'kaaio')
    uses = list_uses(symbols)
    complaints = [f'{user} includes {used}, which it may not know'
                  for user, used in includes if not floors.allow(user, used)]
    complaints += [f'{user} uses {", ".join(sorted(symbols))} of {used}, which it may not know'
                   for (user, used), symbols in uses.items() if not floors.allow(user, used)]
    left = set(STILL_TO_DO)
    for circle in [*find_circles(includes), *find_circles(uses)]:
        if circle <= STILL_TO_DO:
            left -= circle
            print(f'still to do: a circle of {len(circle)} files')
            continue
        complaints.append(f'a circle of files: {", ".join(sorted(circle))}')
        complaints += [f'  {user} uses {", ".join(sorted(symbols))} of {used}'
                       for (user, used), symbols in sorted(uses.items()) if {user, used} <= circle]
    complaints += [f'{name} is in no circle any more: take it out of STILL_TO_DO' for name in sorted(left)]
    print(f'{len(symbols)} objects, {len(uses)} arrows between them, {len(includes)} includes')
    return complaints


# --- the check, checked ---

def compile_copy(entry, source, target):
    """As the build does it, but from another place to another place."""
    words = shlex.split(entry['command'])
    command, skip = [], False
    for word in words:
        if skip or word in ('-MD', '-c'):
            skip = False
        elif word in ('-o', '-MQ', '-MF'):
            skip = True
        elif word != entry['file']:
            command.append(word)
    subprocess.run([*command, '-c', source, '-o', target], cwd=entry['directory'], check=True)


def self_test(root, commands, symbols, nm):
    """Plants faults in a copy, and says which are not found."""
    missed = []

    def plant(what, expected, files):
        with tempfile.TemporaryDirectory(prefix='kaa-floors-') as folder:
            copy = pathlib.Path(folder)
            shutil.copytree(root / 'kaaio', copy / 'kaaio')
            (copy / 'docs').mkdir()
            shutil.copy(root / 'docs' / 'architecture.md', copy / 'docs')
            planted = dict(symbols)
            for name, text in files.items():
                path = copy / 'kaaio' / name
                path.write_text(path.read_text(encoding='utf-8') + text, encoding='utf-8')
                if name.endswith('.c'):
                    target = f'{path}.o'
                    compile_copy(commands[name], path, target)
                    planted[name] = read_symbols(nm, [target])[target]
            found = check(copy, planted)
        if not any(expected in complaint for complaint in found):
            missed.append(f'not found: {what}')

    plant('an include of a higher floor', 'bytes/kaa-fds.h includes loop/kaa-poller.h',
          {'bytes/kaa-fds.h': '#include "loop/kaa-poller.h"\n'})
    plant('an include of a floor that is lower, and none of its business', 'transport/kaa-conduit.h includes future/kaa-alarm.h',
          {'transport/kaa-conduit.h': '#include "future/kaa-alarm.h"\n'})
    plant('an include of the front door', 'bytes/kaa-fds.h includes kaaio.h',
          {'bytes/kaa-fds.h': '#include <kaaio/kaaio.h>\n'})
    plant('a call of a higher floor', 'bytes/kaa-fds.c uses kaa_planted of loop/kaa-thread.c',
          {'bytes/kaa-fds.c': 'void kaa_planted (void);\nvoid kaa_root (void);\nvoid kaa_root (void) { kaa_planted (); }\n',
           'loop/kaa-thread.c': 'void kaa_planted (void);\nvoid kaa_planted (void) { }\n'})
    plant('data of a higher floor', 'bytes/kaa-fds.c uses kaa_planted of loop/kaa-thread.c',
          {'bytes/kaa-fds.c': 'extern int kaa_planted;\nint *kaa_root (void);\nint *kaa_root (void) { return &kaa_planted; }\n',
           'loop/kaa-thread.c': 'int kaa_planted = 1;\n'})
    plant('a circle of two files', 'a circle of files: bytes/kaa-fds.c, bytes/kaa-heard.c',
          {'bytes/kaa-fds.c': 'void kaa_a (void);\nvoid kaa_b (void);\nvoid kaa_a (void) { kaa_b (); }\n',
           'bytes/kaa-heard.c': 'void kaa_a (void);\nvoid kaa_b (void);\nvoid kaa_b (void) { kaa_a (); }\n'})
    plant('a circle with a file that was in none', 'channel/kaa-line-iter.c uses kaa_b of channel/kaa-io-channel.c',
          {'channel/kaa-io-channel.c': 'void kaa_a (void);\nvoid kaa_b (void);\nvoid kaa_b (void) { kaa_a (); }\n',
           'channel/kaa-line-iter.c': 'void kaa_a (void);\nvoid kaa_b (void);\nvoid kaa_a (void) { kaa_b (); }\n'})
    plant('a circle of two headers', 'a circle of files: bytes/kaa-fds.h, bytes/kaa-heard.h',
          {'bytes/kaa-fds.h': '#include "bytes/kaa-heard.h"\n', 'bytes/kaa-heard.h': '#include "bytes/kaa-fds.h"\n'})
    return missed


def main():
    root, build, nm = pathlib.Path(sys.argv[-3]), pathlib.Path(sys.argv[-2]), sys.argv[-1]
    commands = read_commands(build)
    objects = {name: os.path.join(entry['directory'], entry['output']) for name, entry in commands.items()}
    read = read_symbols(nm, list(objects.values()))
    symbols = {name: read[file] for name, file in objects.items()}
    found = self_test(root, commands, symbols, nm) if '--self-test' in sys.argv else check(root, symbols)
    print('\n'.join(found))
    sys.exit(1 if found else 0)


main()

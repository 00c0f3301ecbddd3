# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public headers, kaaio.map and what the shared library exports are the same list."""

import argparse
import re
import subprocess
import sys

NODE = 'KAAIO_1.0'


def read_header(path):
    """Returns the functions that are marked as API, and those of ours that are not."""
    with open(path, encoding='utf-8') as file:
        text = file.read()
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.DOTALL)
    text = re.sub(r'^\s*#(?:[^\n]*\\\n)*[^\n]*$', ' ', text, flags=re.MULTILINE)

    marked = set()
    marker = r'KAA_AVAILABLE_IN_\d+_\d+\s+'
    for match in re.finditer(marker + r'G_DECLARE_\w+\s*\(\s*\w+\s*,\s*(\w+)', text):
        marked.add(match[1] + '_get_type')
    for match in re.finditer(marker + r'(?!G_DECLARE)[^;]*?\b(kaa_\w+)\s*\(', text):
        marked.add(match[1])

    declared = set(re.findall(r'^(?:[\w\s*]+?[\s*])?(kaa_\w+)\s*\((?![^;]*\{)[^;]*;', text, flags=re.MULTILINE))
    for match in re.finditer(r'G_DECLARE_\w+\s*\(\s*\w+\s*,\s*(\w+)', text):
        declared.add(match[1] + '_get_type')
    return marked, declared - marked


def read_map(path):
    with open(path, encoding='utf-8') as file:
        text = re.sub(r'/\*.*?\*/', ' ', file.read(), flags=re.DOTALL)
    match = re.fullmatch(r'\s*' + re.escape(NODE) + r'\s*\{\s*global:(.*?)local:\s*\*;\s*\};\s*', text, flags=re.DOTALL)
    if match is None:
        sys.exit(f'{path}: not of the form "{NODE} {{ global: ...; local: *; }};"')
    names = [name.strip() for name in match[1].split(';') if name.strip()]
    problems = [f'{path}: {name} stands there twice' for name in sorted(set(names)) if names.count(name) > 1]
    problems += [f'{path}: {name} is not one plain name' for name in names if not re.fullmatch(r'\w+', name)]
    return set(names), problems


def read_library(nm, path):
    """Returns name -> version, without the symbol that stands for the version node itself."""
    output = subprocess.run([nm, '-D', '--defined-only', '--with-symbol-versions', path],
                            check=True, capture_output=True, text=True).stdout
    exported = {}
    for line in output.splitlines():
        kind, name = line.split()[-2:]
        if kind != 'A':
            name, _, version = name.partition('@')
            exported[name] = version.lstrip('@')
    return exported


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--nm', required=True)
    parser.add_argument('--map', required=True)
    parser.add_argument('--library', required=True)
    parser.add_argument('--headers', required=True, nargs='+')
    arguments = parser.parse_args()

    problems = []
    declared = set()
    for header in arguments.headers:
        marked, unmarked = read_header(header)
        declared |= marked
        problems += [f'{header}: {name} is declared without KAA_AVAILABLE_IN_*' for name in sorted(unmarked)]
    mapped, map_problems = read_map(arguments.map)
    problems += map_problems
    exported = read_library(arguments.nm, arguments.library)

    problems += [f'{name} is in the headers, not in the map' for name in sorted(declared - mapped)]
    problems += [f'{name} is in the map, not in the headers' for name in sorted(mapped - declared)]
    problems += [f'{name} is in the map, not in the library: it is not implemented' for name in sorted(mapped - exported.keys())]
    problems += [f'{name} is exported, not in the map' for name in sorted(exported.keys() - mapped)]
    problems += [f'{name} has the version {version or "(none)"}, not {NODE}'
                 for name, version in sorted(exported.items()) if version != NODE]

    for problem in problems:
        print(problem)
    print(f'{len(declared)} declared, {len(mapped)} in the map, {len(exported)} exported')
    if not declared:
        sys.exit('no declaration was found: the check itself is broken')
    sys.exit(1 if problems else 0)


main()

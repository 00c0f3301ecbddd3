# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/architecture.md names every file under kaaio/, and no file that is not there.

In the map a file stands in backquotes with its path below kaaio/; `a.{c,h}` are two of them.
"""

import os
import re
import sys

import sources

HEADING = '## The map'


def read_map(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if HEADING not in text:
        sys.exit(f'{path}: there is no heading "{HEADING}"')
    section = text.split(HEADING, 1)[1].split('\n## ', 1)[0]
    names = set()
    for line in section.splitlines():
        if not line.startswith('| `'):
            continue
        for quoted in re.findall(r'`([^`]+)`', line.split('|')[1]):
            match = re.fullmatch(r'(.*)\{(.*)\}(.*)', quoted)
            if match:
                names.update(match[1] + middle + match[3] for middle in match[2].split(','))
            else:
                names.add(quoted)
    return names


def main():
    root = sys.argv[1]
    there = {os.path.relpath(name, 'kaaio') for name in sources.list_files(root)
             if name.startswith('kaaio/') and os.path.basename(name) != 'meson.build'}
    listed = read_map(os.path.join(root, 'docs', 'architecture.md'))
    for name in sorted(there - listed):
        print(f'kaaio/{name} is missing in the map of docs/architecture.md')
    for name in sorted(listed - there):
        print(f'docs/architecture.md lists kaaio/{name}, which does not exist')
    print(f'{len(there)} files, {len(listed)} in the map')
    sys.exit(0 if there == listed else 1)


main()

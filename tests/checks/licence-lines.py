# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every file says under which licence it is, within its first lines."""

import os
import sys

import sources

LINE = 'SPDX-License-Identifier: LGPL-2.1-or-later'

# The licence itself, and what is compared byte by byte or has no place for a comment.
EXCEPT_NAMES = {'LICENSE', 'NEWS', '.gitignore', '.gitattributes'}
EXCEPT_ENDINGS = ('.txt', '.png', '.svg', '.json')


def has_line(path):
    with open(path, 'rb') as file:
        head = file.read(1024).decode('utf-8', 'replace').splitlines()[:5]
    return any(LINE in line for line in head)


def main():
    root = sys.argv[1]
    names = [name for name in sources.list_files(root)
             if os.path.basename(name) not in EXCEPT_NAMES and not name.endswith(EXCEPT_ENDINGS)]
    if not names:
        sys.exit(f'no files found in {root}')
    bad = [name for name in names if not has_line(os.path.join(root, name))]
    for name in bad:
        print(f'{name}: no line "{LINE}" among the first five')
    print(f'{len(names)} files looked at, {len(bad)} without a licence line')
    sys.exit(1 if bad else 0)


main()

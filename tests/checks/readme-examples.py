# SPDX-License-Identifier: LGPL-2.1-or-later
"""An example in README.md is, from its first line to its last, the end of the file that is named above it."""

import os
import re
import sys


def main():
    root = sys.argv[1]
    with open(os.path.join(root, 'README.md'), encoding='utf-8') as file:
        text = file.read()
    examples = re.findall(r'\]\((docs/examples/[^)]+)\)\):\n\n```\w+\n(.*?)```\n', text, flags=re.DOTALL)
    bad = 0
    for name, block in examples:
        with open(os.path.join(root, name), encoding='utf-8') as file:
            if not file.read().endswith('\n' + block):
                print(f'README.md does not show {name} as it is')
                bad += 1
    print(f'{len(examples)} examples compared')
    sys.exit(1 if bad or not examples else 0)


main()

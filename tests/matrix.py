# SPDX-License-Identifier: LGPL-2.1-or-later
"""matrix.py DIR PLATFORM...: the table at the end of `tests/run.sh --matrix`, and its closing line.

DIR has a PLATFORM.json for each, as count-results.py writes it, or a PLATFORM.skipped. Where it has neither, the run did not get as
far as a result: that is a failure.
"""

import json
import pathlib
import sys

from versions import TOOLS

COUNTS = ['passed', 'failed', 'skipped']


def read(folder, platform):
    if (folder / f'{platform}.skipped').exists():
        return {'versions': {}, 'passed': 0, 'failed': 0, 'skipped': 1,
                'skips': ['all of it: there can be no root file system of it here'], 'failures': []}
    try:
        return json.loads((folder / f'{platform}.json').read_text(encoding='utf-8'))
    except FileNotFoundError:
        return {'versions': {}, 'passed': 0, 'failed': 1, 'skipped': 0,
                'skips': [], 'failures': ['the run ended before there was a result']}


def print_table(results):
    rows = [['', *TOOLS, *COUNTS]]
    for platform, result in results.items():
        rows.append([platform, *(result['versions'].get(tool, '-') for tool in TOOLS),
                     *(str(result[count]) for count in COUNTS)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def print_names(results, kind, title):
    """Each name once, with the platforms that it is true of."""
    names = {}
    for platform, result in results.items():
        for name in result[kind]:
            names.setdefault(name, []).append(platform)
    if names:
        print(f'\n{title}:')
        for name, platforms in names.items():
            where = 'all' if len(platforms) == len(results) else ', '.join(platforms)
            print(f'  {name} ({where})')


def main():
    folder = pathlib.Path(sys.argv[1])
    results = {platform: read(folder, platform) for platform in sys.argv[2:]}

    print_table(results)
    print_names(results, 'skips', 'Skipped')
    print_names(results, 'failures', 'Failed')

    passed, failed, skipped = (sum(result[count] for result in results.values()) for count in COUNTS)
    print(f'\n{passed} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    sys.exit(1 if failed else 0)


main()

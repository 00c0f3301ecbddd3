# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts the results of a run into docs/performance.md, and draws its plots.

    publish.py results.json DOCS-DIRECTORY

What stands between <!-- begin NAME --> and <!-- end --> is made here; the words around it are not.
"""

import json
import os
import re
import statistics
import sys

import plot
import report
from workloads import DELIMITER_NUMBERS, IDLE, IDLE_NUMBERS, KIB, LONG_LINES, PEERS, WORKLOADS


def make_table(head, rows):
    lines = ['| ' + ' | '.join(row) + ' |' for row in [head, *rows]]
    lines.insert(1, '|---' * len(head) + '|')
    return '\n'.join(lines)


def _make_machine(results):
    return make_table(['', ''], [[name, value or 'not there'] for name, value in results['machine'].items()]
                      + [['rounds', str(results['rounds'])]])


def _make_targets(results):
    return make_table(['', 'target', 'reached', ''], report.make_target_rows(results))


def _get_median(results, workload, peer, metric):
    values = [run[metric] for run in results['results'].get(workload, {}).get(peer, []) if run is not None]
    return statistics.median(values) if values else None


def _make_idle(results):
    rows = [[PEERS[peer].title] + [report.format_rounded(_get_median(results, f'idle-{number}', peer, 'rate')) for number in IDLE_NUMBERS]
            for peer in IDLE]
    return make_table(['round trips/s beside', *[f'{number:,}' for number in IDLE_NUMBERS]], rows)


def _make_growth(results):
    def per_mib(workload):
        cpu = _get_median(results, workload, 'kaa', 'cpu')
        return report.format_rounded(cpu and cpu / WORKLOADS[workload].size * 2**20 * 1e3)

    lengths = make_table(['bytes of a line', *LONG_LINES],
                         [['CPU ms/MiB', *[per_mib(f'long-{size // KIB}k') for size in LONG_LINES.values()]]])
    delimiters = make_table(['delimiters', *[f'{number:,}' for number in DELIMITER_NUMBERS]],
                            [['CPU ms/MiB', *[per_mib(f'delimiters-{number}') for number in DELIMITER_NUMBERS]]])
    return f'{lengths}\n\n{delimiters}'


SPECIAL = {'machine': _make_machine, 'targets': _make_targets, 'idle': _make_idle, 'growth': _make_growth}


def make_section(results, name):
    if name in SPECIAL:
        return SPECIAL[name](results)
    return make_table(*report.make_workload_rows(results, name))


def main():
    source, docs = sys.argv[1:]
    with open(source, encoding='utf-8') as file:
        results = json.load(file)
    page = os.path.join(docs, 'performance.md')
    with open(page, encoding='utf-8') as file:
        text = file.read()
    text = re.sub(r'(<!-- begin ([\w-]+) -->\n).*?(<!-- end -->)',
                  lambda match: f'{match[1]}\n{make_section(results, match[2])}\n\n{match[3]}', text, flags=re.DOTALL)
    plot.plot_idle(results, os.path.join(docs, 'performance-idle.svg'))
    plot.plot_lines(results, os.path.join(docs, 'performance-lines.svg'))
    with open(page, 'w', encoding='utf-8') as file:
        file.write(text)


main()

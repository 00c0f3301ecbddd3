# SPDX-License-Identifier: LGPL-2.1-or-later
"""This library and its peers, side by side: rounds in which everything runs once, and what of the targets is reached.

    run.py BUILD-DIRECTORY [--rounds 5] [--only REGEX] [--output results.json] [--quick --tap]

Figures of two runs of this cannot be compared; the ratios of one can.
"""

import argparse
import json
import os
import re
import sys

import machine
import report
from runner import Failed, Runner
from targets import TARGETS
from workloads import WORKLOADS


def select(only):
    """The (workload, peer) to measure."""
    pattern = re.compile(only)
    return [(workload, peer) for workload, description in WORKLOADS.items() for peer in description.peers
            if pattern.search(f'{workload}/{peer}')]


class Run:
    def __init__(self, runner):
        self.runner = runner
        self.results = {}
        self.skipped = {}
        self.failed = {}

    def measure(self, workload, peer):
        reason = self.runner.get_missing(peer, workload)
        if reason:
            self.skipped[f'{workload}/{peer}'] = reason
            return
        try:
            figures = self.runner.measure(peer, workload)
        except (Failed, OSError, ValueError, KeyError) as error:
            self.failed[f'{workload}/{peer}'] = str(error) or type(error).__name__
            figures = None
        self.results.setdefault(workload, {}).setdefault(peer, []).append(figures)

    def print_tap(self, selected):
        """One line for each row, without a look at a time: that it can be measured is what counts."""
        lines = []
        for workload, peer in selected:
            name = f'{workload}/{peer}'
            if name in self.skipped:
                lines.append(f'ok - {name} # SKIP {self.skipped[name]}')
            elif name in self.failed:
                lines.append(f'not ok - {name}: {self.failed[name].splitlines()[-1]}')
            else:
                lines.append(f'ok - {name}')
        for target in TARGETS:
            complete = all(f'{workload}/{peer}' not in self.skipped for workload, peer in target.needs)
            name = f'target: {target.what}, {target.against}'
            if not complete:
                lines.append(f'ok - {name} # SKIP a peer is missing')
            else:
                lines.append(f'{"ok" if target.evaluate(self.results) else "not ok"} - {name}')
        print('\n'.join([f'1..{len(lines)}', *lines]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--only', default='', metavar='REGEX', help='WORKLOAD/PEER that are measured')
    parser.add_argument('--output', metavar='FILE', help='where the results go, as JSON')
    parser.add_argument('--python', default=sys.executable, help='the one with PyGObject')
    parser.add_argument('--quick', action='store_true', help='one round of next to nothing: does it run?')
    parser.add_argument('--tap', action='store_true', help='prints what ran, and no figures')
    arguments = parser.parse_args()

    selected = select(arguments.only)
    run = Run(Runner(os.path.abspath(arguments.build), arguments.python, arguments.quick))
    rounds = 1 if arguments.quick else arguments.rounds
    for number in range(1, rounds + 1):
        for workload, peer in selected:
            run.measure(workload, peer)
        if not arguments.tap:
            print(f'round {number} of {rounds} done', file=sys.stderr)

    results = {'machine': machine.describe(arguments.python), 'rounds': rounds, 'results': run.results,
               'skipped': run.skipped, 'failed': run.failed}
    if arguments.output:
        with open(arguments.output, 'w', encoding='utf-8') as file:
            json.dump(results, file, indent=1)
    if arguments.tap:
        run.print_tap(selected)
    else:
        print(report.make_text(results))
    sys.exit(1 if run.failed else 0)


main()

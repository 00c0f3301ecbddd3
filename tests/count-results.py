# SPDX-License-Identifier: LGPL-2.1-or-later
"""count-results.py LOG STATUS: the closing line of tests/run.sh, from meson's LOG.json.

Programs that speak TAP count by their subtests, others as one. A program that failed without a
failed subtest (it crashed, hung, or stopped early) counts as one failure more, so that
what was not run is never taken for passed. STATUS is the exit code of meson test.
"""

import json
import re
import sys

TAP_LINE = re.compile(r'(not )?ok\b\s*(\d*)\s*(?:- )?(.*)')
TAP_PLAN = re.compile(r'1\.\.\d+')


def read_programs(log):
    with open(log + '.json', encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.strip()]


def read_subtests(output):
    """Returns [(subtest, 'passed' | 'failed' | 'skipped')]; empty where output is not TAP."""
    lines = output.splitlines()
    if not any(TAP_PLAN.match(line) for line in lines):
        return []
    cases = []
    for line in lines:
        match = TAP_LINE.match(line)
        if not match:
            continue
        name, _, directive = match[3].partition('#')
        directive = directive.strip().upper()
        if directive.startswith('SKIP'):
            outcome = 'skipped'
        elif match[1] and not directive.startswith('TODO'):
            outcome = 'failed'
        else:
            outcome = 'passed'
        cases.append((name.strip() or match[2], outcome))
    return cases


def main():
    log, status = sys.argv[1], int(sys.argv[2])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    failures = []

    for program in read_programs(log):
        name, result = program['name'], program['result']
        cases = read_subtests(program.get('stdout') or '')
        if result == 'EXPECTEDFAIL':
            counts['passed'] += 1
        elif result == 'SKIP':
            counts['skipped'] += 1
        elif result == 'UNEXPECTEDPASS':
            counts['failed'] += 1
            failures.append(f'{name}: passed, but was expected to fail')
        elif result == 'OK' and not cases:
            counts['passed'] += 1
        else:
            for case, outcome in cases:
                counts[outcome] += 1
                if outcome == 'failed':
                    failures.append(f'{name}: {case}')
            if result != 'OK' and not any(outcome == 'failed' for _, outcome in cases):
                counts['failed'] += 1
                failures.append(f'{name}: {result.lower()}, exit status {program.get("returncode")}')

    if status != 0 and counts['failed'] == 0:
        counts['failed'] += 1
        failures.append(f'meson test ended with status {status}')
    if counts['passed'] + counts['failed'] == 0:
        counts['failed'] += 1
        failures.append('no test was run')

    if failures:
        print('\nFailed:')
        for failure in failures:
            print('  ' + failure)
    line = '{passed} passed, {failed} failed'
    if counts['skipped']:
        line += ', {skipped} skipped'
    print('\n' + line.format(**counts))
    sys.exit(1 if counts['failed'] else 0)


main()

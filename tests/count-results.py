# SPDX-License-Identifier: LGPL-2.1-or-later
"""count-results.py LOG STATUS: the closing line of tests/run.sh, from LOG.json and LOG.junit.xml.

Programs that speak TAP count by their subtests, others as one. A program that failed without a
failed subtest (it crashed, hung, or stopped early) counts as one failure more, so that
what was not run is never taken for passed. STATUS is the exit code of meson test.
"""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree


def read_programs(log):
    with open(log + '.json', encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.strip()]


def read_subtests(log):
    """Returns program -> [(subtest, 'passed' | 'failed' | 'skipped')]."""
    subtests = {}
    if not os.path.exists(log + '.junit.xml'):
        return subtests
    for suite in ElementTree.parse(log + '.junit.xml').getroot().iter('testsuite'):
        # PROJECT.PROGRAM; the suite that is only called PROJECT holds the programs without subtests.
        _, dot, program = suite.get('name').partition('.')
        if not dot:
            continue
        cases = subtests.setdefault(program, [])
        for case in suite.iter('testcase'):
            if case.find('failure') is not None or case.find('error') is not None:
                outcome = 'failed'
            elif case.find('skipped') is not None:
                outcome = 'skipped'
            else:
                outcome = 'passed'
            cases.append((case.get('name'), outcome))
    return subtests


def main():
    log, status = sys.argv[1], int(sys.argv[2])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    failures = []

    subtests = read_subtests(log)
    for program in read_programs(log):
        name, result = program['name'], program['result']
        cases = subtests.get(name, [])
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

# SPDX-License-Identifier: LGPL-2.1-or-later
"""count-results.py LOG STATUS: the closing line of tests/run.sh, from meson's LOG.json.

Programs that speak TAP count by their subtests, others as one. A program that failed without a
failed subtest (it crashed, hung, or stopped early) counts as one failure more, so that
what was not run is never taken for passed. STATUS is the exit code of meson test. What comes of it is written to
results.json in the build directory, too, for matrix.py.
"""

import json
import pathlib
import re
import sys

from versions import get_versions

TAP_LINE = re.compile(r'(not )?ok\b\s*(\d*)\s*(?:- )?(.*)')
TAP_PLAN = re.compile(r'1\.\.\d+')


def read_programs(log):
    with open(log + '.json', encoding='utf-8') as file:
        return [json.loads(line) for line in file if line.strip()]


def read_subtests(output):
    """Returns [(subtest, 'passed' | 'failed' | 'skipped', why)]; empty where output is not TAP."""
    lines = output.splitlines()
    if not any(TAP_PLAN.match(line) for line in lines):
        return []
    cases = []
    for line in lines:
        match = TAP_LINE.match(line)
        if not match:
            continue
        name, _, directive = match[3].partition('#')
        directive = directive.strip()
        if directive.upper().startswith('SKIP'):
            outcome = 'skipped'
        elif match[1] and not directive.upper().startswith('TODO'):
            outcome = 'failed'
        else:
            outcome = 'passed'
        cases.append((name.strip() or match[2], outcome, re.sub(r'^skip\S*\s*', '', directive, flags=re.IGNORECASE)))
    return cases


def get_name(program):
    """Without the suites, which every meson writes in its own way."""
    return re.split(r' / |:', program['name'])[-1]


def describe_skips(skips):
    """One line for all that a program skipped for the same reason."""
    return [': '.join(filter(None, [program, ', '.join(cases), reason])) for (program, reason), cases in skips.items()]


def print_list(title, lines):
    if lines:
        print(f'\n{title}:')
        for line in lines:
            print('  ' + line)


def write_results(log, results):
    build = pathlib.Path(log).resolve().parent.parent
    (build / 'results.json').write_text(json.dumps(results), encoding='utf-8')


def main():
    log, status = sys.argv[1], int(sys.argv[2])
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    failures = []
    skips = {}

    for program in read_programs(log):
        name, result = get_name(program), program['result']
        output = program.get('stdout') or ''
        cases = read_subtests(output)
        if result == 'EXPECTEDFAIL':
            counts['passed'] += 1
        elif result == 'SKIP' and not cases:
            counts['skipped'] += 1
            skips.setdefault((name, output.strip().rpartition('\n')[2]), [])
        elif result == 'UNEXPECTEDPASS':
            counts['failed'] += 1
            failures.append(f'{name}: passed, but was expected to fail')
        elif result == 'OK' and not cases:
            counts['passed'] += 1
        else:
            for case, outcome, why in cases:
                counts[outcome] += 1
                if outcome == 'failed':
                    failures.append(f'{name}: {case}')
                elif outcome == 'skipped':
                    skips.setdefault((name, why), []).append(case)
            if result not in ('OK', 'SKIP') and not any(outcome == 'failed' for _, outcome, _ in cases):
                counts['failed'] += 1
                failures.append(f'{name}: {result.lower()}, exit status {program.get("returncode")}')

    if status != 0 and counts['failed'] == 0:
        counts['failed'] += 1
        failures.append(f'meson test ended with status {status}')
    if counts['passed'] + counts['failed'] == 0:
        counts['failed'] += 1
        failures.append('no test was run')

    versions = get_versions()
    skipped = describe_skips(skips)
    write_results(log, {'versions': versions, **counts, 'skips': skipped, 'failures': failures})
    print('\n' + ', '.join(f'{tool} {version}' for tool, version in versions.items()))
    print_list('Skipped', skipped)
    print_list('Failed', failures)
    line = '{passed} passed, {failed} failed'
    if counts['skipped']:
        line += ', {skipped} skipped'
    print('\n' + line.format(**counts))
    sys.exit(1 if counts['failed'] else 0)


main()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tables from the results of a run."""

import statistics

from targets import TARGETS
from workloads import WORKLOADS, get_title

NOT_MEASURED = 'not measured'


def format_number(value):
    """Three digits that count."""
    if value >= 1000:
        return f'{value:,.0f}'
    return f'{value:.3g}' if value >= 0.001 or value == 0 else f'{value:.4f}'


def format_rounded(value):
    return '–' if value is None else format_number(value)


def format_range(values):
    """Median, least and greatest."""
    text = format_number(statistics.median(values))
    if len(values) > 1:
        text += f' ({format_number(min(values))} to {format_number(max(values))})'
    return text


def make_target_rows(results):
    """[what, target, reached, verdict] for every target."""
    rows = []
    for target in TARGETS:
        sign = '≥' if target.comparison == '>=' else '≤'
        wanted = f'{sign} {format_number(target.bound)} {target.against}'
        values = target.get_values(results['results'])
        if values:
            reached, verdict = format_range(values), 'met' if target.evaluate(results['results'])[3] else 'missed'
        else:
            missing = [name for name in (f'{workload}/{peer}' for workload, peer in target.needs)
                       if name in results['skipped'] or name in results['failed']]
            reached, verdict = '–', 'no figures of ' + ', '.join(missing) if missing else NOT_MEASURED
        rows.append([target.what, wanted, reached, verdict])
    return rows


def _get_columns(unit):
    """(title, value of a run) of a workload's table."""
    if unit == 'connection':
        return [('bytes of heap', lambda run: run['heap'])]
    if unit == 'byte':
        return [('GiB/s', lambda run: run['rate'] / 2**30), ('CPU ms/GiB', lambda run: run['cpu'] * 2**30 * 1e3)]
    columns = [(f'{unit}s/s', lambda run: run['rate']), (f'CPU µs/{unit}', lambda run: run['cpu'] * 1e6)]
    if unit == 'message':
        columns.append(('write calls/message', lambda run: run['writes']))
    return columns


def make_workload_rows(results, workload):
    """The head, and a row for each peer: figures, and the ratio to raw."""
    peers = results['results'].get(workload, {})
    columns = _get_columns(WORKLOADS[workload].unit)
    with_raw = 'raw' in peers
    head = ['', *[title for title, _value in columns], *(['x raw', "x raw's CPU"] if with_raw else [])]
    rows = []
    for peer, runs in peers.items():
        runs_done = [run for run in runs if run is not None]
        if not runs_done:
            continue
        row = [get_title(peer, workload), *[format_range([value(run) for run in runs_done]) for _title, value in columns]]
        if with_raw:
            pairs = [(run, raw) for run, raw in zip(runs, peers['raw']) if run is not None and raw is not None]
            row += [format_number(statistics.median(run[metric] / (raw[metric] or 1) for run, raw in pairs)) if pairs else '–'
                    for metric in ('rate', 'cpu')]
        rows.append(row)
    return head, rows


def _align(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def make_text(results):
    """For a terminal."""
    parts = []
    for workload in results['results']:
        head, rows = make_workload_rows(results, workload)
        parts.append(f'{WORKLOADS[workload].title}\n{_align([head, *rows])}')
    # Of a run that was told to look at a part, the rest says nothing.
    rows = [row for row in make_target_rows(results) if row[-1] != NOT_MEASURED]
    parts.append('Targets, ratios in one round: median (least to greatest)\n'
                 + _align([['', 'target', 'reached', ''], *rows]))
    for word in ('skipped', 'failed'):
        parts += [f'{word}: {name}: {reason}' for name, reason in results[word].items()]
    return '\n\n'.join(parts)

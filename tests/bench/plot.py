# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plots of the results, as SVG, by gnuplot."""

import statistics
import subprocess

from workloads import IDLE, IDLE_NUMBERS, PEERS, get_title

# One colour a peer, that can be told apart by those who see fewer.
COLOURS = {'raw': '#666666', 'libevent': '#e69f00', 'libuv': '#56b4e9', 'unix-fd': '#d55e00', 'epoll-source': '#009e73', 'kaa': '#0072b2'}
OURS, THEIRS = '#0072b2', '#bbbbbb'

HEAD = '''
set terminal svg size {size} font "sans-serif,13" background "#ffffff" name "{name}" noenhanced
set output "{path}"
set datafile separator tab
set border 3 lc rgb "#444444"
set tics nomirror
'''


def _get_rates(results, workload, peer):
    return [run['rate'] for run in results['results'].get(workload, {}).get(peer, []) if run is not None]


def _draw(script):
    subprocess.run(['gnuplot'], input=script, text=True, check=True)


def plot_idle(results, path):
    """The rate of a busy channel over the number of idle ones."""
    blocks = []
    curves = []
    for peer in IDLE:
        points = []
        for number in IDLE_NUMBERS:
            rates = _get_rates(results, f'idle-{number}', peer)
            if rates:
                points.append(f'{number}\t{statistics.median(rates)}\t{min(rates)}\t{max(rates)}')
        if points:
            index = len(blocks)
            blocks.append(f'$data{index} << END\n' + '\n'.join(points) + '\nEND')
            width = 3 if peer == 'kaa' else 1.5
            curves.append(f'$data{index} with yerrorlines lw {width} pt 7 ps 0.5 lc rgb "{COLOURS[peer]}" title "{PEERS[peer].title}"')
    if curves:
        _draw(HEAD.format(size='760,460', name='idle', path=path) + '''
set logscale xy
set grid ytics lc rgb "#dddddd"
set xrange [0.8:12500]
set yrange [50:*]
set format xy "%.0s %c"
set xlabel "idle connections beside the busy one"
set ylabel "round trips a second"
set key left bottom
''' + '\n'.join(blocks) + '\nplot ' + ', \\\n  '.join(curves) + '\n')


def plot_lines(results, path):
    """Lines a second by peer."""
    bars = []
    for peer in results['results'].get('lines-64', {}):
        rates = _get_rates(results, 'lines-64', peer)
        if rates:
            bars.append((statistics.median(rates), get_title(peer, 'lines-64'), OURS if peer.startswith('kaa') else THEIRS))
    if not bars:
        return
    bars.sort()
    data = '\n'.join(f'{place}\t{rate}\t"{title}"\t{int(colour[1:], 16)}' for place, (rate, title, colour) in enumerate(bars))
    _draw(HEAD.format(size=f'760,{80 + 24 * len(bars)}', name='lines', path=path) + f'''
set logscale x
set xrange [2000:*]
set yrange [-0.7:{len(bars) - 0.3}]
set format x "%.0s %c"
set xlabel "lines of 64 bytes a second"
set grid xtics lc rgb "#dddddd"
set style fill solid
unset key
$data << END
{data}
END
plot $data using 2:1:(2000):2:($1-0.36):($1+0.36):4:ytic(3) with boxxyerror lc rgb variable
''')

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be reached: ratios of figures of one round."""

import math
import operator
import statistics
from dataclasses import dataclass

COMPARE = {'>=': operator.ge, '<=': operator.le}


@dataclass(frozen=True)
class Target:
    what: str
    against: str
    metric: str         # rate, cpu (seconds an item), writes (write calls an item), heap (bytes an item)
    comparison: str
    bound: float
    above: tuple        # (workload, peer): figures that are multiplied
    below: tuple = ()   # and divided by these

    def get_values(self, results):
        """One value for each round in which all figures are there."""
        rounds = [results.get(workload, {}).get(peer, []) for workload, peer in self.above + self.below]
        values = []
        for figures in zip(*rounds):
            if None not in figures:
                numbers = [figure[self.metric] for figure in figures]
                above, below = numbers[:len(self.above)], numbers[len(self.above):]
                # Nothing to divide by is what happens where work is too small to be measured.
                values.append(math.prod(above) / (math.prod(below) or math.nan))
        return values

    def evaluate(self, results):
        """(median, least, greatest, met), or None without figures."""
        values = self.get_values(results)
        if not values:
            return None
        median = statistics.median(values)
        return median, min(values), max(values), COMPARE[self.comparison](median, self.bound)

    @property
    def needs(self):
        return self.above + self.below


def _compare(what, metric, comparison, workload, ours, *peers):
    """One target for each (peer, words, bound)."""
    return [Target(what, words, metric, comparison, bound, ((workload, ours),), ((workload, peer),)) for peer, words, bound in peers]


def _compare_writes(what, ours):
    return _compare(what, 'cpu', '<=', 'writes', ours, ('libevent-default', 'x the CPU of libevent as it comes', 1),
                    ('libevent', 'x the CPU of libevent with 64 KiB a write', 1))


def _make_flat(number):
    name = f'idle-{number}'
    return Target(f'beside {number:,} idle channels, against beside 1', 'as flat as raw epoll', 'rate', '>=', 0.95,
                  ((name, 'kaa'), ('idle-1', 'raw')), (('idle-1', 'kaa'), (name, 'raw')))


TARGETS = [
    *_compare('lines in C, `readlines` block + KaaLineIter', 'rate', '>=', 'lines-64', 'kaa-block',
              ('raw', 'x raw', 0.8), ('libevent', 'x libevent', 4.5)),
    *_compare('lines in C, `readline` signal', 'rate', '>=', 'lines-64', 'kaa',
              ('raw', 'x raw', 0.10), ('giochannel', "x GIOChannel's best", 1), ('node-line', "x node 'line'", 1),
              ('gio', 'x GDataInputStream', 10)),
    *_compare('lines in C, `readline()` future each', 'rate', '>=', 'lines-64', 'kaa-future',
              ('gio', 'x GDataInputStream', 6), ('asyncio-readline', 'x asyncio readline()', 2.5)),
    *_compare('Python, `async for line in channel`', 'rate', '>=', 'lines-64', 'kaa-python-iterate',
              ('asyncio-iterate', 'x asyncio async for', 5)),
    *_compare('Python, `await channel.readline()`', 'rate', '>=', 'lines-64', 'kaa-python-await',
              ('asyncio-readline', 'x asyncio readline()', 2)),
    *_compare('Python, `async for lines in channel.batches()`', 'rate', '>=', 'lines-64', 'kaa-python-batches',
              ('asyncio-iterate', 'x asyncio async for', 8)),
    *_compare('Python, `readline` signal', 'rate', '>=', 'lines-64', 'kaa-python-signal',
              ('gio-python', 'x GIO from PyGObject', 2.3)),
    Target('JavaScript, `for await (… of channel.lines())`', 'x an empty for await', 'rate', '>=', 0.8,
           (('lines-64', 'kaa-gjs-lines'),), (('empty', 'empty-gjs'),)),
    *_compare('JavaScript, `for await (… of channel.lines())`', 'rate', '>=', 'lines-64', 'kaa-gjs-lines',
              ('gio-gjs', 'x GIO from gjs', 5)),
    *_compare('JavaScript, `for await (… of channel.batches())`', 'rate', '>=', 'lines-64', 'kaa-gjs-batches',
              ('gio-gjs', 'x GIO from gjs', 40), ('node-iterate', 'x node for await', 0.4)),
    *_compare('chunks, `read` signal, socket', 'cpu', '<=', 'chunks-socket', 'kaa', ('raw', "x raw's CPU", 1.10)),
    *_compare('chunks, `read` signal, pipe', 'rate', '>=', 'chunks-pipe', 'kaa', ('raw', 'x raw', 0.9)),
    *_compare('ping-pong, `readline` signal and send()', 'rate', '>=', 'ping-pong', 'kaa',
              ('unix-fd', 'x unix fd by hand', 1), ('raw', 'x raw', 0.80), ('libuv', 'x libuv', 0.9), ('libevent', 'x libevent', 1),
              ('gio', 'x GDataInputStream', 1.4)),
    *_compare('ping-pong, `readline` signal and write()', 'rate', '>=', 'ping-pong', 'kaa-future', ('raw', 'x raw', 0.73)),
    *_compare_writes('small writes, `send_data()`', 'kaa-data'),
    *_compare_writes('small writes, `send()` of a GBytes that is there', 'kaa-kept'),
    *_compare_writes('small writes, `send()` of a new GBytes each', 'kaa'),
    Target('small writes, `send()`', 'write calls a message', 'writes', '<=', 0.002, (('writes', 'kaa'),)),
    *_compare('small writes, `write()` future each', 'rate', '>=', 'writes', 'kaa-future',
              ('gio', 'x GIO', 8), ('node', 'x node', 2), ('libuv', 'x libuv', 2), ('asyncio', 'x asyncio', 2)),
    _make_flat(100), _make_flat(1000), _make_flat(10000),
    *_compare('beside 1 idle channel', 'rate', '>=', 'idle-1', 'kaa', ('unix-fd', 'x one plain source', 0.95)),
    *_compare('beside 1,000 idle channels', 'rate', '>=', 'idle-1000', 'kaa', ('unix-fd', 'x GLib', 7)),
    *_compare('beside 10,000 idle channels', 'rate', '>=', 'idle-10000', 'kaa', ('unix-fd', 'x GLib', 400)),
    Target('beside 5,000 channels whose data nobody wants', 'x beside 1', 'rate', '>=', 0.5,
           (('idle-5000', 'kaa-unwanted'),), (('idle-1', 'kaa'),)),
    Target('beside 5,000 paused channels with data', 'x beside 1', 'rate', '>=', 0.95,
           (('idle-5000', 'kaa-paused'),), (('idle-1', 'kaa'),)),
    Target('memory of an idle open channel with a `readline` handler', 'bytes of heap', 'heap', '<=', 512, (('heap', 'kaa'),)),
    Target('memory of such a channel after a line was read', 'bytes of heap: no read buffer', 'heap', '<=', 512, (('heap', 'kaa-used'),)),
    *_compare('splice, file to socket', 'rate', '>=', 'splice-file', 'kaa', ('raw', 'x raw splice(2)', 0.9)),
    *_compare('splice, pipe to socket', 'rate', '>=', 'splice-pipe', 'kaa', ('raw', 'x raw splice(2)', 0.9)),
    # An item is a line, and this one is four times as long: linear is 4. Fresh memory is dearer than used one.
    Target('growth, a line of 64 MiB', 'x the CPU of one of 16 MiB (linear: 4)', 'cpu', '<=', 8,
           (('long-65536k', 'kaa'),), (('long-16384k', 'kaa'),)),
    Target('growth, 1,000 delimiters', 'x the CPU with 10 (independent: 1)', 'cpu', '<=', 2,
           (('delimiters-1000', 'kaa'),), (('delimiters-10', 'kaa'),)),
]

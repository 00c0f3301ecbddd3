# SPDX-License-Identifier: LGPL-2.1-or-later
"""The border of the benchmarks in Python, as that of the C programs (c/bench.h):

    SCRIPT PEER KIND AMOUNT SIZE EXTRA

with the far end on descriptor 0; one line of JSON with what was seen.
"""

import json
import resource
import sys
import time

FD = 0
BUFFER_SIZE = 65536
QUEUE_SIZE = 1024 * 1024


def _get_cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _count_writes():
    with open('/proc/self/io', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('syscw:'))


class Bench:
    def __init__(self, peer, kind, amount, size, extra):
        self.peer = peer
        self.kind = kind
        self.amount = int(amount)
        self.size = int(size)

    def start(self):
        self.writes = _count_writes()
        self.cpu = _get_cpu_seconds()
        self.time = time.monotonic()

    def stop(self, items, size):
        """items and bytes that were seen; a wrong total is an error and not a figure."""
        seconds = time.monotonic() - self.time
        cpu = _get_cpu_seconds() - self.cpu
        writes = _count_writes() - self.writes
        if items != self.amount or size != self.amount * self.size:
            sys.exit(f'{self.peer}, {self.kind}: {items} of {self.amount} items, {size} bytes')
        print(json.dumps({'items': items, 'seconds': seconds, 'cpu': cpu, 'writes': writes, 'heap': 0}))


def main(cases):
    """cases: (peer, kind) -> function of a Bench."""
    bench = Bench(*sys.argv[1:])
    cases[bench.peer, bench.kind](bench)

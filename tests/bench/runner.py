# SPDX-License-Identifier: LGPL-2.1-or-later
"""One measurement: a program with its far end, both on one CPU, and what it reports."""

import json
import os
import shutil
import socket
import subprocess
import tempfile

from workloads import MIB, PEERS, WORKLOADS, get_program

SECONDS = 0.35          # of a measurement
LONGEST = 60            # after which one has failed
FIRST_AMOUNT = {'byte': 4 * MIB}
SPLICE_FILE = 512 * MIB
QUICK_AMOUNT = {'byte': MIB, 'connection': 20}
QUICK_SIZE = MIB
QUICK_EXTRA = 20

# What is counted is what malloc() has handed out. Freed blocks that a thread keeps for itself count as handed out, unless it keeps none.
HEAP_SETTINGS = {'GLIBC_TUNABLES': 'glibc.malloc.tcache_count=0'}

# The first CPU is where a system puts most of its own work.
_CPUS = sorted(os.sched_getaffinity(0), reverse=True)


class Failed(Exception):
    pass


def _pin(number):
    """This thread, and what it starts from now on: number 0 is the CPU of the near end, 1 another one if there is one."""
    os.sched_setaffinity(0, {_CPUS[number % len(_CPUS)]})


class Runner:
    def __init__(self, build, python, quick):
        self.programs = os.path.join(build, 'tests', 'bench')
        self.sources = os.path.dirname(os.path.abspath(__file__))
        self.python = python
        self.quick = quick
        self.environment = self._make_environment(build)
        self.amounts = {}
        self.missing = {}

    def _make_environment(self, build):
        """What an uninstalled binding needs."""
        bindings = os.path.join(self.sources, '..', '..', 'kaaio', 'bindings')
        library = os.path.join(build, 'kaaio')
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE='1', GJS_PATH=os.path.join(bindings, 'gjs'))
        for name, folder in [('GI_TYPELIB_PATH', library), ('LD_LIBRARY_PATH', library), ('PYTHONPATH', os.path.join(bindings, 'python'))]:
            environment[name] = os.pathsep.join(filter(None, [folder, os.environ.get(name)]))
        return environment

    def _has(self, module):
        command = [self.python, '-c', f'import {module}']
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def get_missing(self, peer, workload):
        """Why a peer cannot take part, or ''."""
        runner, program = PEERS[peer].runner, get_program(peer, workload)
        key = (runner, program)
        if key not in self.missing:
            self.missing[key] = self._find_missing(runner, program)
        return self.missing[key]

    def _find_missing(self, runner, program):
        if not os.path.exists(os.path.join(self.programs, 'far-end')):
            return 'far-end is not built'
        if runner == 'c':
            return '' if os.path.exists(os.path.join(self.programs, program)) else f'{program} is not built'
        if runner == 'pygobject' and not self._has('gi'):
            return f'no PyGObject in {self.python}'
        if runner in ('gjs', 'node') and not shutil.which(runner):
            return f'no {runner}'
        typelib = os.path.join(os.path.dirname(os.path.dirname(self.programs)), 'kaaio', 'Kaa-1.0.typelib')
        if program.startswith('channel.') and not os.path.exists(typelib):
            return 'built without introspection'
        return ''

    def _make_command(self, peer, workload):
        runner, program = PEERS[peer].runner, get_program(peer, workload)
        if runner == 'c':
            return [os.path.join(self.programs, program)]
        if runner == 'gjs':
            return ['gjs', '-m', os.path.join(self.sources, 'gjs', program)]
        if runner == 'node':
            return ['node', os.path.join(self.sources, 'node', program)]
        return [self.python, os.path.join(self.sources, 'python', program)]

    def measure(self, peer, name):
        """One run: rate, cpu, writes and heap for an item."""
        workload = WORKLOADS[name]
        if self.quick:
            return self._run(peer, name, min(workload.amount or 500, QUICK_AMOUNT.get(workload.unit, 500)))
        if (peer, name) not in self.amounts:
            self.amounts[peer, name] = workload.amount or self._find_amount(peer, name)
        return self._run(peer, name, self.amounts[peer, name])

    def _find_amount(self, peer, name):
        """How much takes about SECONDS."""
        amount = FIRST_AMOUNT.get(WORKLOADS[name].unit, 1000)
        while True:
            seconds = amount / self._run(peer, name, amount)['rate']
            wanted = max(int(amount * min(SECONDS / seconds, 50)), 20)
            if WORKLOADS[name].via == 'file':
                wanted = min(wanted, SPLICE_FILE)
            if wanted < amount * 4:
                return wanted
            amount = wanted

    def _run(self, peer, name, amount):
        workload = WORKLOADS[name]
        size = min(workload.size, QUICK_SIZE) if self.quick else workload.size
        extra = min(workload.extra, QUICK_EXTRA) if self.quick else workload.extra
        environment = self.environment | HEAP_SETTINGS if workload.kind == 'heap' else self.environment
        _pin(0)
        with Ends(workload, self.programs, amount, size) as ends:
            # asyncio opens a pipe and a socket in different ways.
            kind = 'socket-chunks' if (peer, name) == ('asyncio', 'chunks-socket') else workload.kind
            arguments = [peer, kind, str(amount), str(size), str(ends.target if ends.target is not None else extra)]
            try:
                done = subprocess.run(self._make_command(peer, name) + arguments, stdin=ends.near, env=environment,
                                      pass_fds=[ends.target] if ends.target is not None else [], capture_output=True, text=True,
                                      timeout=LONGEST, check=False)
            except subprocess.TimeoutExpired:
                raise Failed(f'not done after {LONGEST} s') from None
            if done.returncode != 0:
                raise Failed(done.stderr.strip() or f'status {done.returncode}')
            ends.check()
        seen = json.loads(done.stdout)
        return {
            'rate': seen['items'] / max(seen['seconds'], 1e-9),
            'cpu': seen['cpu'] / seen['items'],
            'writes': seen['writes'] / seen['items'],
            'heap': seen['heap'] / seen['items'],
        }


class Ends:
    """The descriptors of a measurement, and the process at their far end."""

    def __init__(self, workload, programs, amount, size):
        self.near = subprocess.DEVNULL
        self.target = None
        self._cpu = workload.cpus - 1
        self._processes = []
        self._descriptors = []
        self._program = os.path.join(programs, 'far-end')
        self._totals = [str(amount), str(size)]
        if workload.kind.startswith('splice'):
            self._open_splice(workload, amount)
        elif workload.far_end:
            self.near = self._connect(workload.via, workload.far_end)

    def _connect(self, via, far_end):
        if via == 'pipe':
            reading, writing = os.pipe()
            near, far = (writing, reading) if far_end == 'sink' else (reading, writing)
        else:
            near, far = (end.detach() for end in socket.socketpair())
        self._descriptors.append(near)
        _pin(self._cpu)
        self._processes.append(subprocess.Popen([self._program, far_end, *self._totals], stdin=far))
        _pin(0)
        os.close(far)
        return near

    def _open_splice(self, workload, amount):
        self.target = self._connect('socket', 'sink')
        if workload.via == 'pipe':
            self.near = self._connect('pipe', 'bytes')
            return
        # Nothing but zeros, from the page cache, into which they get by being read: it is the moving that counts.
        with tempfile.TemporaryFile() as file:
            file.truncate(amount)
            while file.read(MIB):
                pass
            file.seek(0)
            self.near = os.dup(file.fileno())
            self._descriptors.append(self.near)

    def __enter__(self):
        return self

    def _close(self):
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    def check(self):
        """The far end has seen what it should; one that writes has done so when the near end is content."""
        self._close()
        for process in self._processes:
            if process.wait(LONGEST) != 0:
                raise Failed('the far end has seen another number of bytes')

    def __exit__(self, *_error):
        self._close()
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

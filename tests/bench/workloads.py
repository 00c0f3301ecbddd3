# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: the peers, and the workloads, each with the peers that take part in it."""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Peer:
    title: str
    runner: str     # c, python, pygobject, gjs or node
    program: str    # its file


@dataclass(frozen=True)
class Workload:
    title: str
    kind: str       # what the programs call it
    peers: tuple
    far_end: str    # lines, bytes, echo, sink: what is on the other side; '' where nothing is
    via: str        # pipe, socket or file
    size: int = 1   # bytes of an item
    extra: int = 0  # idle descriptors, or delimiters
    amount: int = 0 # items; 0: as many as take the time of a measurement
    unit: str = ''  # of an item
    cpus: int = 1   # 1: both ends share one, because over two a fast reader mostly measures wake-ups


# The program of a peer may depend on the kind of work, where a library needs several.
KAA_PROGRAMS = {'ping-pong': 'bench-kaa-idle', 'idle': 'bench-kaa-idle', 'heap': 'bench-kaa-idle', 'writes': 'bench-kaa-write',
                'splice-pipe': 'bench-kaa-splice', 'splice-file': 'bench-kaa-splice'}

PEERS = {
    'raw': Peer('raw system calls', 'c', 'bench-raw'),
    'unix-fd': Peer('g_unix_fd_add by hand', 'c', 'bench-unix-fd'),
    'epoll-source': Peer('one GSource over epoll, by hand', 'c', 'bench-epoll-source'),
    'giochannel': Peer('GIOChannel', 'c', 'bench-giochannel'),
    'giochannel-one': Peer('GIOChannel, one line a dispatch', 'c', 'bench-giochannel'),
    'gio': Peer('GIO streams', 'c', 'bench-gio'),
    'libevent': Peer('libevent', 'c', 'bench-libevent'),
    'libevent-default': Peer('libevent as it comes', 'c', 'bench-libevent'),
    'libuv': Peer('libuv', 'c', 'bench-libuv'),
    'asyncio': Peer('asyncio streams', 'python', 'streams.py'),
    'asyncio-readline': Peer('asyncio, await readline()', 'python', 'streams.py'),
    'asyncio-iterate': Peer('asyncio, async for', 'python', 'streams.py'),
    'gio-python': Peer('PyGObject, GDataInputStream', 'pygobject', 'giostream.py'),
    'gio-gjs': Peer('gjs, GDataInputStream', 'gjs', 'giostream.js'),
    'empty-gjs': Peer('gjs, an empty for await', 'gjs', 'empty.js'),
    'node': Peer('node', 'node', 'streams.mjs'),
    'node-line': Peer("node, 'line' event", 'node', 'streams.mjs'),
    'node-iterate': Peer('node, for await', 'node', 'streams.mjs'),
    'kaa': Peer('Kaa I/O', 'c', 'bench-kaa-read'),
    'kaa-block': Peer('Kaa I/O, readlines block', 'c', 'bench-kaa-read'),
    'kaa-future': Peer('Kaa I/O, a future each', 'c', 'bench-kaa-read'),
    'kaa-kept': Peer('Kaa I/O, send() of the same GBytes', 'c', 'bench-kaa-read'),
    'kaa-data': Peer('Kaa I/O, send_data()', 'c', 'bench-kaa-read'),
    'kaa-unwanted': Peer('Kaa I/O, beside unread data that nobody wants', 'c', 'bench-kaa-read'),
    'kaa-paused': Peer('Kaa I/O, beside paused channels', 'c', 'bench-kaa-read'),
    'kaa-used': Peer('Kaa I/O, after a line was read', 'c', 'bench-kaa-read'),
    'kaa-python-iterate': Peer('Kaa I/O in Python, async for', 'pygobject', 'channel.py'),
    'kaa-python-batches': Peer('Kaa I/O in Python, batches()', 'pygobject', 'channel.py'),
    'kaa-python-await': Peer('Kaa I/O in Python, await readline()', 'pygobject', 'channel.py'),
    'kaa-python-signal': Peer('Kaa I/O in Python, readline signal', 'pygobject', 'channel.py'),
    'kaa-asyncio-iterate': Peer('Kaa I/O under asyncio.run(), async for', 'pygobject', 'channel.py'),
    'kaa-asyncio-await': Peer('Kaa I/O under asyncio.run(), await readline()', 'pygobject', 'channel.py'),
    'kaa-gjs-lines': Peer('Kaa I/O in gjs, lines()', 'gjs', 'channel.js'),
    'kaa-gjs-batches': Peer('Kaa I/O in gjs, batches()', 'gjs', 'channel.js'),
    'kaa-gjs-await': Peer('Kaa I/O in gjs, await readline()', 'gjs', 'channel.js'),
}

# Where a peer's name does not say how it does that kind of work: (kind, peer).
HOW = {
    ('lines', 'libevent'): 'evbuffer_readln',
    ('lines', 'libuv'): 'lines by hand',
    ('lines', 'gio'): 'GDataInputStream',
    ('lines', 'kaa'): 'readline signal',
    ('chunks', 'kaa'): 'read signal',
    ('ping-pong', 'kaa'): 'readline signal and send()',
    ('ping-pong', 'kaa-future'): 'readline signal and write()',
    ('writes', 'libevent'): 'bufferevent_write, 64 KiB a write',
    ('writes', 'libevent-default'): 'bufferevent_write, 16 KiB a write',
    ('writes', 'libuv'): 'uv_write',
    ('writes', 'gio'): 'write_bytes_async',
    ('writes', 'kaa'): 'send() of a new GBytes each',
}

LINES_IN_C = ('raw', 'libuv', 'unix-fd', 'libevent', 'giochannel', 'giochannel-one', 'gio', 'kaa-block', 'kaa', 'kaa-future')
LINES_ELSEWHERE = ('node-line', 'node-iterate', 'asyncio-readline', 'asyncio-iterate', 'gio-python',
                   'kaa-python-batches', 'kaa-python-iterate', 'kaa-python-await', 'kaa-python-signal',
                   'kaa-asyncio-iterate', 'kaa-asyncio-await',
                   'gio-gjs', 'kaa-gjs-batches', 'kaa-gjs-lines', 'kaa-gjs-await')
CHUNKS = ('raw', 'libuv', 'giochannel', 'unix-fd', 'gio', 'libevent', 'node', 'asyncio', 'kaa')
IDLE = ('raw', 'libevent', 'libuv', 'unix-fd', 'epoll-source', 'kaa')
IDLE_NUMBERS = (1, 10, 100, 1000, 10000)
LONG_LINES = {'64 KiB': 64 * KIB, '1 MiB': MIB, '4 MiB': 4 * MIB, '16 MiB': 16 * MIB, '64 MiB': 64 * MIB}
DELIMITER_NUMBERS = (1, 2, 10, 100, 1000)

WORKLOADS = {
    'lines-64': Workload('Lines of 64 bytes, pipe', 'lines', LINES_IN_C + LINES_ELSEWHERE, 'lines', 'pipe', 64, unit='line'),
    'lines-16': Workload('Lines of 16 bytes, pipe', 'lines', LINES_IN_C, 'lines', 'pipe', 16, unit='line'),
    'lines-1024': Workload('Lines of 1,024 bytes, pipe', 'lines', LINES_IN_C, 'lines', 'pipe', 1024, unit='line'),
    'empty': Workload('for await over lines of 64 bytes that are there', 'lines', ('empty-gjs',), '', 'pipe', 64, unit='line'),
    'chunks-pipe': Workload('Chunks, pipe', 'chunks', CHUNKS, 'bytes', 'pipe', unit='byte'),
    'chunks-socket': Workload('Chunks, unix socket', 'chunks', CHUNKS, 'bytes', 'socket', unit='byte'),
    'ping-pong': Workload('Ping-pong, 16 bytes, unix socket', 'ping-pong',
                          ('raw', 'unix-fd', 'giochannel', 'libuv', 'libevent', 'epoll-source', 'gio', 'asyncio', 'kaa', 'kaa-future'),
                          'echo', 'socket', 16, unit='round trip'),
    'writes': Workload('Writes of 64 bytes, pipe, at most 1 MiB queued', 'writes',
                       ('raw', 'unix-fd', 'libevent-default', 'libevent', 'giochannel', 'libuv', 'gio', 'node', 'asyncio',
                        'kaa', 'kaa-kept', 'kaa-data', 'kaa-future'),
                       'sink', 'pipe', 64, unit='message', cpus=2),
    **{f'idle-{number}': Workload(f'Ping-pong beside {number:,} idle descriptors', 'idle', IDLE, 'echo', 'socket', 16, number,
                                  unit='round trip')
       for number in IDLE_NUMBERS},
    'idle-5000': Workload('Ping-pong beside 5,000 channels with unread data', 'idle', ('kaa-unwanted', 'kaa-paused'),
                          'echo', 'socket', 16, 5000, unit='round trip'),
    'heap': Workload('Heap of an idle open connection', 'heap', ('libuv', 'giochannel', 'libevent', 'gio', 'kaa', 'kaa-used'), '', 'pipe', 0,
                     amount=1000, unit='connection'),
    'splice-file': Workload('Splice, file to socket', 'splice-file', ('raw', 'kaa'), 'sink', 'file', unit='byte'),
    'splice-pipe': Workload('Splice, pipe to socket', 'splice-pipe', ('raw', 'kaa'), 'sink', 'pipe', unit='byte'),
    **{f'long-{size // KIB}k': Workload(f'Lines of {name}', 'lines', ('kaa',), 'lines', 'pipe', size,
                                amount=max(64 * MIB // size, 1), unit='line')
       for name, size in LONG_LINES.items()},
    **{f'delimiters-{number}': Workload(f'Lines of 64 bytes, {number:,} delimiters', 'delimiters', ('kaa',), 'lines', 'pipe', 64, number,
                                        unit='line')
       for number in DELIMITER_NUMBERS},
}


def get_title(peer, workload):
    how = HOW.get((WORKLOADS[workload].kind, peer))
    return f'{PEERS[peer].title}, {how}' if how else PEERS[peer].title


def get_program(peer, workload):
    """The file of the program that runs this peer."""
    if peer.startswith('kaa') and PEERS[peer].runner == 'c':
        return KAA_PROGRAMS.get(WORKLOADS[workload].kind, PEERS[peer].program)
    return PEERS[peer].program

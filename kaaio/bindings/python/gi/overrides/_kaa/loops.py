# SPDX-License-Identifier: LGPL-2.1-or-later
"""GLib's main loop beside others: asyncio, and Python's signal handlers."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import warnings
import weakref

from gi._ossighelper import register_sigint_fallback
from gi.module import get_introspection_module
from gi.repository import GLib

Kaa = get_introspection_module('Kaa')

# In every turn of a main loop PyGObject 3.58 asks its loops for asyncio, and they ask for what Python 3.14 calls deprecated. Where
# warnings are errors, no main loop would run.
if sys.version_info >= (3, 14):
    warnings.filterwarnings('ignore', category=DeprecationWarning, module=r'gi\.events$')


# --- asyncio ---

_loops = weakref.WeakSet()


def get_running_loop():
    """asyncio's loop in this thread, or None. It is made to run this thread's main context, if it does not yet."""
    asyncio = sys.modules.get('asyncio')
    loop = asyncio._get_running_loop() if asyncio is not None else None
    if loop is not None and loop not in _loops:
        _loops.add(loop)
        _adopt(loop)
    return loop


def serve_glib():
    """Makes asyncio's running loop serve GLib from now on: this thread's main context, with all windows, timers and handlers on it.

    The first call of Kaa in a coroutine does it as well; this is for programs that need GLib before. It costs nothing to call it again.
    It raises RuntimeError where no loop of asyncio is running.
    """
    if get_running_loop() is None:
        raise RuntimeError('No loop of asyncio is running: call this in a coroutine')


def serve_early():
    """serve_glib() where a loop is running that can do so; what is wrong with another one is said by the first call that needs it."""
    with contextlib.suppress(RuntimeError):
        get_running_loop()


def _adopt(loop):
    selector = getattr(loop, '_selector', None)
    for owner in (loop, selector):
        context = getattr(owner, '_context', None)
        if isinstance(context, GLib.MainContext):
            # It iterates GLib itself, but not always the context that objects made here would be bound to.
            if context != GLib.MainContext.ref_thread_default():
                _push_until_close(loop, context)
            return

    if not hasattr(selector, 'select'):
        _loops.discard(loop)
        raise RuntimeError(f'{loop!r} neither iterates GLib nor is one of asyncio\'s own; use Kaa.run(), or asyncio.run()')
    if GLib.MainContext.get_thread_default() is None and threading.current_thread() is not threading.main_thread():
        # The default context is the main thread's.
        _push_until_close(loop, GLib.MainContext.new())
    context = GLib.MainContext.ref_thread_default()
    _serve(loop, selector, Kaa.ContextFd.new(context))
    # From 3.50 on PyGObject gives something to await for each x_async() where it finds its context here. It is asked for by that name
    # alone, so the loop need not be one of PyGObject's.
    loop._context = context


def _before_close(loop, callback):
    close = loop.close

    def close_after_callback():
        if not loop.is_closed() and not loop.is_running():
            callback()
        close()

    loop.close = close_after_callback


def _push_until_close(loop, context):
    def pop():
        if GLib.MainContext.get_thread_default() == context:
            context.pop_thread_default()

    context.push_thread_default()
    _before_close(loop, pop)


def _serve(loop, selector, context_fd):
    """The main context lives behind one descriptor, which says when there is something to do. Only what was attached in this thread
    since the last turn has no way to say so: it is looked for before each sleep.
    """
    select, prepare, release = selector.select, context_fd.prepare, context_fd.release
    iterate, get_fd = context_fd.iterate, context_fd.get_fd
    fd = get_fd()

    def select_with_context(timeout=None):
        nonlocal fd
        try:
            if prepare():
                loop.call_soon(iterate)
                timeout = 0
            if get_fd() != fd:
                # Somebody has closed it. What is under its number now may be anybody's.
                loop.remove_reader(fd)
                fd = get_fd()
                loop.add_reader(fd, iterate)
            return select(timeout)
        finally:
            release()

    def stop():
        selector.select = select
        loop.remove_reader(fd)

    selector.select = select_with_context
    loop.add_reader(fd, iterate)
    _before_close(loop, stop)


@contextlib.contextmanager
def without_asyncio():
    """While GLib runs inside a callback of asyncio, what GLib drives is not asyncio's."""
    asyncio = sys.modules.get('asyncio')
    loop = asyncio._get_running_loop() if asyncio is not None else None
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


@contextlib.contextmanager
def own_context():
    """The main context of this thread. A thread that has none gets one: the default one is the main thread's."""
    context = GLib.MainContext.ref_thread_default()
    if threading.current_thread() is not threading.main_thread() and GLib.MainContext.get_thread_default() is None:
        context = GLib.MainContext.new()
        context.push_thread_default()
        try:
            yield context
        finally:
            context.pop_thread_default()
    else:
        yield context


def attach_soon(context, callback):
    """Calls it in the next turn of a main context. Any thread."""
    source = GLib.Idle()
    # The argument of that name is taken for the default of an idle source, which is another one.
    source.set_priority(GLib.PRIORITY_DEFAULT)
    source.set_callback(lambda *_: callback())
    source.attach(context)


def call_soon(callback):
    """Calls it in the next turn of this thread's loop."""
    loop = get_running_loop()
    if loop is not None:
        loop.call_soon(callback)
        return
    attach_soon(GLib.MainContext.ref_thread_default(), callback)


# What a coroutine may do without a turn of the loop, in seconds: as much as a dispatch of the library.
BUDGET = 0.002


# How long others may keep it from its next turn, in milliseconds.
PATIENCE = 4


class _Turn:
    """Awaited, it lets the loop turn: whatever else is due runs first, redraws too."""

    def __await__(self):
        loop = get_running_loop()
        if loop is None:
            yield _pass_on()
        else:
            # In the first of them GLib's turn may only be scheduled behind us.
            yield
            yield


def _pass_on():
    """A future that is finished when the loop has nothing more urgent to do, or has kept us waiting."""
    promise = Kaa.InProgress.new(None)
    sources = [GLib.Idle(), GLib.Timeout(PATIENCE)]

    def finish(*_):
        while sources:
            sources.pop().destroy()
        if not promise.get_finished():
            promise.finish_void()

    for source in list(sources):
        source.set_callback(finish)
        source.attach(GLib.MainContext.ref_thread_default())
    return promise


turn = _Turn()


# --- Waiting, and signals ---

class _Waker:
    """Wakes a main context when a signal arrives, so that Python gets to run the signal's handler.

    The reading is done in C: a handler that raises in the middle of a callback of a source would raise to nobody.
    """

    current = None

    def __init__(self, context):
        self.context = context
        self.reader, self.writer = socket.socketpair()
        self.reader.setblocking(False)
        self.writer.setblocking(False)
        self.channel = Kaa.IOChannel(main_context=context, close_fd=False)
        self.channel.wrap_fd(self.reader.fileno(), Kaa.IOCondition.READ)
        self.request = None

    @classmethod
    def get(cls, context):
        if cls.current is None or cls.current.context != context:
            cls.current = cls(context)
        return cls.current

    @contextlib.contextmanager
    def awake(self):
        if self.request is None or self.request.get_finished():
            self.request = self.channel.read()
        before = signal.set_wakeup_fd(self.writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            if before >= 0 and self.request.get_finished():
                # Whoever listened before wants to know, too.
                with contextlib.suppress(OSError):
                    os.write(before, self.request.get_bytes().get_data())


def _forget_waker():
    _Waker.current = None


# A channel belongs to the process that opened it.
os.register_at_fork(after_in_child=_forget_waker)


def wait(future, seconds):
    """Runs the main loop until the future is finished; False if the time was up first. Ctrl-C raises KeyboardInterrupt."""
    if future.get_finished():
        return True
    context = future.get_main_context()
    if threading.current_thread() is not threading.main_thread() or context is None:
        return _wait_in_c(future, seconds)
    if context.is_owner() or context == GLib.MainContext.ref_thread_default():
        if context.acquire():
            try:
                return _iterate(context, future, seconds)
            finally:
                context.release()
    return _block(future, seconds)


def _wait_in_c(future, seconds):
    try:
        Kaa.InProgress.wait(future, seconds)
    except GLib.Error:
        if not future.get_finished():
            if seconds >= 0:
                return False
            raise
    return True


def _block(future, seconds):
    # Another thread runs the context. A lock of Python's is interrupted by signals.
    event = threading.Event()
    future.then_closure(lambda _: event.set())
    return event.wait(seconds if seconds >= 0 else None)


def _iterate(context, future, seconds):
    interrupts = []
    deadline = time.monotonic() + seconds if seconds >= 0 else None
    alarm = None
    if seconds > 0:
        alarm = GLib.Timeout(min(int(seconds * 1000) + 1, 0x7fffffff))
        alarm.set_callback(lambda *_: True)
        alarm.attach(context)
    try:
        # An exception in the middle of C would be lost, so the handler of SIGINT only says that it ran.
        with register_sigint_fallback(lambda: interrupts.append(True)), _Waker.get(context).awake():
            while not future.get_finished():
                context.iteration(seconds != 0)
                if future.get_finished():
                    break
                if interrupts:
                    raise KeyboardInterrupt
                if deadline is not None and time.monotonic() >= deadline:
                    return False
    finally:
        if alarm is not None:
            alarm.destroy()
    return True

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.run() and Kaa.spawn(): coroutines on GLib's main loop, without asyncio."""

import collections
import contextlib
import contextvars
import inspect
import math
import os
import sys
import threading
import weakref

from gi.module import get_introspection_module
from gi.repository import GLib

from . import loops

Kaa = get_introspection_module('Kaa')


class _Running(threading.local):
    """Of each thread: in which process it is inside Kaa.run(), and the task whose code is running."""

    process = None
    task = None


_running = _Running()


class _Task:
    """A coroutine that is driven by the main loop."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.variables = contextvars.copy_context()
        self.ended = Kaa.InProgress.new(None)
        self.awaited = None
        self.n_awaited = 0
        self.value = None
        self.error = None

    def step(self, resume, argument):
        """Runs it up to its next await."""
        self.awaited = None
        before, _running.task = _running.task, self
        try:
            awaited = self.variables.run(resume, argument)
            if not isinstance(awaited, Kaa.InProgress):
                raise TypeError(f'Kaa.run() can await a Kaa.InProgress, not {awaited!r}')
        except StopIteration as stop:
            self.finish(stop.value, None)
        except BaseException as error:
            # This frame holds the task, which holds the error.
            error.__traceback__ = error.__traceback__.tb_next or error.__traceback__
            self.finish(None, error)
        else:
            self.awaited = awaited
            self.n_awaited += 1
            number = self.n_awaited

            def wake(_):
                # After a cancellation or Ctrl-C the coroutine may await something else by now. A promise that is never finished keeps this
                # function: which must not hold it in turn.
                if self.awaited is not None and self.n_awaited == number:
                    self.step(self.coroutine.send, None)

            awaited.then_closure(wake)
        finally:
            _running.task = before

    def finish(self, result, error):
        self.value = result
        self.error = error
        self.ended.finish_void()

    def start(self):
        self.step(self.coroutine.send, None)

    def is_over(self):
        return self.ended.get_finished()

    def interrupt(self):
        """Ends what it awaits."""
        self.step(self.coroutine.throw, _make_cancelled())

    def run(self):
        """Runs the main loop until it is done."""
        while not self.ended.get_finished():
            try:
                loops.wait(self.ended, -1)
            except KeyboardInterrupt as interrupt:
                if not self.ended.get_finished():
                    self.step(self.coroutine.throw, interrupt)
        self.coroutine.close()
        error, self.error = self.error, None
        if error is None:
            return self.value
        try:
            raise error
        finally:
            # The traceback holds this frame.
            del error


class _Generators:
    """The asynchronous generators that were begun in a Kaa.run(). Those that are left early are closed by its loop, and at the end
    of it the others are, so that what they await in a `finally` is awaited.
    """

    def __init__(self, context):
        self.context = context
        self.begun = weakref.WeakSet()
        self.left = collections.deque()
        self.closing = []

    # Of threads whose tasks run outside of Kaa.run().
    of_thread = threading.local()

    @classmethod
    def get(cls, context):
        generators = getattr(cls.of_thread, 'generators', None)
        if generators is None or generators.context != context:
            generators = cls.of_thread.generators = cls(context)
        return generators

    @contextlib.contextmanager
    def hooked(self):
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self.begun.add, self.on_left)
        try:
            yield
        finally:
            sys.set_asyncgen_hooks(*before)

    @contextlib.contextmanager
    def watched(self):
        with self.hooked():
            try:
                yield
            finally:
                self.close_all()

    def on_left(self, generator):
        # The collector may run in any thread.
        self.left.append(generator)
        loops.attach_soon(self.context, self.close_left)

    def close_left(self):
        self.closing = [task for task in self.closing if not task.ended.get_finished()]
        while self.left:
            task = _Task(self.close(self.left.popleft()))
            self.closing.append(task)
            task.start()

    def close_all(self):
        self.left.extend(self.begun)
        self.close_left()
        for task in self.closing:
            task.run()

    @staticmethod
    async def close(generator):
        try:
            await generator.aclose()
        except Exception as error:
            # Nobody awaits it, but it shall be seen.
            sys.excepthook(type(error), error, error.__traceback__)


def _make_cancelled():
    # Whoever catches what asyncio raises catches this, too; who never cancels does not load it.
    from asyncio import CancelledError
    return CancelledError()


def _is_cancelled(error):
    asyncio = sys.modules.get('asyncio')
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


class Task(_Task):
    """A coroutine that runs beside others: await it for its result."""

    # By thread: those that are under way, which nobody else need hold.
    under_way = threading.local()

    def __init__(self, coroutine):
        super().__init__(coroutine)
        self.context = GLib.MainContext.ref_thread_default()
        self.thread = threading.get_ident()
        self.to_cancel = False
        self.looked_at = False
        self.get_under_way().add(self)
        loops.attach_soon(self.context, self.start)

    @classmethod
    def get_under_way(cls):
        if not hasattr(cls.under_way, 'tasks'):
            cls.under_way.tasks = set()
        return cls.under_way.tasks

    def start(self):
        # It may have been cancelled before.
        if not self.done():
            super().start()

    def step(self, resume, argument):
        if sys.get_asyncgen_hooks().finalizer is not None:
            super().step(resume, argument)
            return
        # Outside of Kaa.run(): an asynchronous generator keeps what it finds at its beginning.
        with _Generators.get(self.context).hooked():
            super().step(resume, argument)

    def finish(self, result, error):
        self.get_under_way().discard(self)
        super().finish(result, error)

    def done(self):
        """Whether it has ended."""
        return self.ended.get_finished()

    def cancelled(self):
        """Whether it has ended because it was cancelled."""
        return self.done() and _is_cancelled(self.error)

    def cancel(self):
        """Raises asyncio.CancelledError where it awaits something, in the next turn of the loop; False if it has ended already."""
        if threading.get_ident() != self.thread:
            raise RuntimeError('A task can only be cancelled in its own thread; GLib.idle_add() gets you there')
        if self.done():
            return False
        if not self.to_cancel:
            self.to_cancel = True
            loops.attach_soon(self.context, self.throw_cancelled)
        return True

    def throw_cancelled(self):
        if self.done():
            return
        if self.coroutine.cr_running:
            # A main loop runs inside of it.
            _attach_alarm(loops.PATIENCE / 1000, self.throw_cancelled)
            return
        self.to_cancel = False
        self.interrupt()

    def result(self):
        """What it has returned; raises what it has raised, or RuntimeError if it has not ended."""
        if not self.done():
            raise RuntimeError('The task has not ended; await it')
        self.looked_at = True
        if self.error is not None:
            raise self.error
        return self.value

    def __await__(self):
        if not self.done():
            try:
                yield from self.ended.__await__()
            except BaseException as error:
                if _is_cancelled(error):
                    self.cancel()
                raise
        return self.result()

    def __del__(self):
        error = self.error
        if error is not None and not self.looked_at and not _is_cancelled(error):
            sys.excepthook(type(error), error, error.__traceback__)


async def _await(awaitable):
    return await awaitable


def spawn(coroutine):
    """Starts a coroutine as a task of its own on the loop that runs, or is going to: from a signal handler, or from another task.

    Returns a task with cancel(), done() and result(), which can be awaited. It need not be held. What it raises is raised to
    who awaits it, or reported when nobody can any more. Under asyncio it is a task of asyncio's.
    """
    if not inspect.iscoroutine(coroutine):
        raise TypeError(f'Kaa.spawn() takes a coroutine, not {coroutine!r}')
    loop = loops.get_running_loop()
    return Task(coroutine) if loop is None else loop.create_task(coroutine)


def gather(*awaitables):
    """Awaits several things at the same time: the results, in this order. The first exception is raised, and the others go on."""
    if loops.get_running_loop() is not None:
        return sys.modules['asyncio'].gather(*awaitables)
    return spawn(_gather([it if isinstance(it, Task) else spawn(_await(it)) for it in awaitables]))


async def _gather(tasks):
    ended = Kaa.InProgress.new(None)

    def look(_=None):
        if not ended.get_finished() and (all(task.done() for task in tasks) or any(task.done() and task.error for task in tasks)):
            ended.finish_void()

    for task in tasks:
        task.ended.then_closure(look)
    look()
    try:
        await ended
    except BaseException:
        for task in tasks:
            task.cancel()
        raise
    for task in tasks:
        if task.done() and task.error is not None:
            return task.result()
    return [task.result() for task in tasks]


async def sleep(seconds):
    """Does nothing for so many seconds, while the loop goes on."""
    if loops.get_running_loop() is not None:
        return await sys.modules['asyncio'].sleep(seconds)
    over = Kaa.InProgress.new(None)
    alarm = _attach_alarm(seconds, over.finish_void)
    try:
        await over
    finally:
        alarm.destroy()


def _attach_alarm(seconds, callback):
    alarm = GLib.Timeout(min(max(math.ceil(seconds * 1000), 0), 0x7fffffff))
    alarm.set_callback(lambda *_: callback())
    alarm.attach(GLib.MainContext.ref_thread_default())
    return alarm


class _Timeout:
    def __init__(self, seconds):
        self.seconds = seconds
        self.over = False

    async def __aenter__(self):
        self.task = _running.task
        self.alarm = _attach_alarm(self.seconds, self.expire)
        return self

    def expire(self):
        if self.task.awaited is None:
            self.alarm = _attach_alarm(loops.PATIENCE / 1000, self.expire)
            return
        self.over = True
        self.task.interrupt()

    async def __aexit__(self, kind, error, traceback):
        self.alarm.destroy()
        if self.over and _is_cancelled(error):
            raise TimeoutError(f'It took longer than {self.seconds} s') from error


def timeout(seconds):
    """async with Kaa.timeout(5): what is awaited inside is cancelled after that time, and TimeoutError raised."""
    return _Timeout(seconds) if loops.get_running_loop() is None else sys.modules['asyncio'].timeout(seconds)


@contextlib.contextmanager
def _only_one():
    if _running.process == os.getpid():
        raise RuntimeError('Kaa.run() runs already in this thread: await the coroutine instead')
    _running.process = os.getpid()
    try:
        yield
    finally:
        _running.process = None


def _cancel_all(but):
    """Those that were spawned in a Kaa.run() end with it, as in asyncio.run(): each gets to run what is in its `finally`."""
    left = Task.get_under_way() - but
    for task in left:
        task.cancel()
    for task in left:
        while not task.is_over():
            loops.wait(task.ended, -1)


def run(coroutine):
    """Drives a coroutine on this thread's main context until it is done, and returns its result, or raises what it raised.

    Everything else on that context runs meanwhile. Ctrl-C raises KeyboardInterrupt inside the coroutine. Asynchronous generators that
    were left early are closed at the end, if not before, and tasks of Kaa.spawn() that are not done are cancelled. A thread other than
    the main one that has no main context gets one for that time. Inside another Kaa.run() of the same thread it raises RuntimeError.
    """
    async def main():
        return await coroutine

    with _only_one(), loops.without_asyncio(), loops.own_context() as context:
        context.acquire()
        try:
            with _Generators(context).watched():
                before = set(Task.get_under_way())
                task = _Task(main())
                task.start()
                try:
                    return task.run()
                finally:
                    _cancel_all(before)
        finally:
            context.release()

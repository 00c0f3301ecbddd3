# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.run(): coroutines on GLib's main loop, without asyncio."""

import collections
import contextlib
import os
import sys
import threading
import weakref

from gi.module import get_introspection_module
from . import loops

Kaa = get_introspection_module('Kaa')


class _Task:
    """A coroutine that is driven by the main loop."""

    def __init__(self, coroutine):
        self.coroutine = coroutine
        self.done = Kaa.InProgress.new(None)
        self.awaited = None
        self.result = None
        self.error = None

    def step(self, resume, argument):
        """Runs it up to its next await."""
        self.awaited = None
        try:
            awaited = resume(argument)
            if not isinstance(awaited, Kaa.InProgress):
                raise TypeError(f'Kaa.run() can await a Kaa.InProgress, not {awaited!r}')
        except StopIteration as stop:
            self.finish(stop.value, None)
        except BaseException as error:
            self.finish(None, error)
        else:
            self.awaited = awaited

            def wake(_):
                # After Ctrl-C the coroutine may await something else by now.
                if self.awaited is awaited:
                    self.step(self.coroutine.send, None)

            awaited.then_closure(wake)

    def finish(self, result, error):
        self.result = result
        self.error = error
        self.done.finish_void()

    def start(self):
        self.step(self.coroutine.send, None)

    def run(self):
        """Runs the main loop until it is done."""
        while not self.done.get_finished():
            try:
                loops.wait(self.done, -1)
            except KeyboardInterrupt as interrupt:
                if not self.done.get_finished():
                    self.step(self.coroutine.throw, interrupt)
        self.coroutine.close()
        error, self.error = self.error, None
        if error is None:
            return self.result
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

    @contextlib.contextmanager
    def watched(self):
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(self.begun.add, self.on_left)
        try:
            yield
        finally:
            try:
                self.close_all()
            finally:
                sys.set_asyncgen_hooks(*before)

    def on_left(self, generator):
        # The collector may run in any thread.
        self.left.append(generator)
        loops.attach_soon(self.context, self.close_left)

    def close_left(self):
        self.closing = [task for task in self.closing if not task.done.get_finished()]
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


# In which process each thread is inside Kaa.run().
_running = threading.local()


@contextlib.contextmanager
def _only_one():
    if getattr(_running, 'process', None) == os.getpid():
        raise RuntimeError('Kaa.run() runs already in this thread: await the coroutine instead')
    _running.process = os.getpid()
    try:
        yield
    finally:
        _running.process = None


def run(coroutine):
    """Drives a coroutine on this thread's main context until it is done, and returns its result, or raises what it raised.

    Everything else on that context runs meanwhile. Ctrl-C raises KeyboardInterrupt inside the coroutine. Asynchronous generators that
    were left early are closed at the end, if not before. A thread other than the main one that has no main context gets one for that
    time. Inside another Kaa.run() of the same thread it raises RuntimeError.
    """
    async def main():
        return await coroutine

    with _only_one(), loops.without_asyncio(), loops.own_context() as context:
        context.acquire()
        try:
            with _Generators(context).watched():
                task = _Task(main())
                task.start()
                return task.run()
        finally:
            context.release()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.run(): coroutines on GLib's main loop, without asyncio."""

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

            awaited.then(wake, wake)

    def finish(self, result, error):
        self.result = result
        self.error = error
        self.done.finish_void()

    def run(self):
        self.step(self.coroutine.send, None)
        while not self.done.get_finished():
            try:
                loops.wait(self.done, -1)
            except KeyboardInterrupt as interrupt:
                if not self.done.get_finished():
                    self.step(self.coroutine.throw, interrupt)
        self.coroutine.close()
        if self.error is not None:
            raise self.error
        return self.result


def run(coroutine):
    """Drives a coroutine on this thread's main context until it is done, and returns its result.

    Everything else on that context runs meanwhile. Ctrl-C raises KeyboardInterrupt inside the coroutine. A thread other than the main
    one that has no main context gets one for that time.
    """
    async def main():
        return await coroutine

    with loops.without_asyncio(), loops.own_context() as context:
        context.acquire()
        try:
            return _Task(main()).run()
        finally:
            context.release()

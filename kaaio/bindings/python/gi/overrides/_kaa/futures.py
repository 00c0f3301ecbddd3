# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.InProgress: awaited, waited for, called back."""

import types
from time import monotonic

from gi.module import get_introspection_module
from gi.repository import Gio, GLib

from . import lines, loops
from .calls import raise_refusals
from .support import add_attributes, add_constructors, make_error, to_bytes, to_python

Kaa = get_introspection_module('Kaa')


raise_refusals(Kaa.InProgress, 'all', 'any', 'timeout')


class InProgress(Kaa.InProgress):
    """The result of an operation that may not be finished yet: await it, wait() for it, or be called back by then().

    Results are bytes, int, bool or an object. Failures are raised as GLib.Error:

        try:
            line = await channel.readline()
        except GLib.Error as error:
            if not error.matches(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED):
                raise

    Cancelling who awaits it aborts the operation; bytes that it had taken already go back to the channel.

    Kaa.InProgress.new(None) is a promise of your own: finish it with finish_bytes(), finish_int(), finish_boolean() or
    finish_void(), or fail it with throw(GLib.Error). all() and any() combine futures.

    Signals: resolved(result), rejected(error), and abort(reason) for who works on a promise: a handler that returns False refuses.
    """

    # For annotations: Kaa.InProgress[bytes].
    __class_getitem__ = classmethod(types.GenericAlias)

    @property
    def result(self):
        """The result; raises what the operation failed with, or G_IO_ERROR_PENDING if it is not finished."""
        if self._reader is None and self.get_finished():
            raise make_error(Gio.IOErrorEnum.CANCELLED, 'The operation was given up, and its bytes are in the channel again')
        return to_python(self.get_result())

    # The channel that got poorer by the result; None when it has got it back.
    _reader = False

    def __await__(self):
        loop = loops.get_running_loop()
        try:
            if loop is not None:
                yield from self._to_asyncio(loop)
            else:
                yield self
        except BaseException:
            # Who asked has gone (cancelled, closed, Ctrl-C): nobody would get what the operation takes.
            self._give_up()
            raise
        if self._reader:
            # There was a turn just now.
            self._reader._end_of_turn = monotonic() + loops.BUDGET
        return self.result

    def _to_asyncio(self, loop):
        future = loop.create_future()

        def finish():
            if not future.done():
                future.set_result(None)

        def wake(_):
            if not loop.is_closed():
                # The callback may run in another thread.
                loop.call_soon_threadsafe(finish) if loop is not loops.get_running_loop() else finish()

        self.then_closure(wake)
        return future

    def _give_up(self):
        try:
            if not self.get_finished():
                self.abort()
            elif self._reader and not self.get_failed():
                reader, self._reader = self._reader, None
                reader.unread(self.get_bytes())
        except GLib.Error:
            # It has gone too far.
            pass

    def wait(self, timeout=-1):
        """Runs the main loop until the operation is finished, and returns the result. Ctrl-C raises KeyboardInterrupt.

        After timeout seconds it raises G_IO_ERROR_TIMED_OUT, and the operation goes on; negative means for ever.
        """
        with loops.without_asyncio():
            if not loops.wait(self, timeout):
                raise make_error(Gio.IOErrorEnum.TIMED_OUT, 'The operation is not finished yet, and goes on')
        return self.result

    def then(self, resolve, reject=None):
        """Calls resolve(result) or reject(GLib.Error) from the main loop, also if it is finished already."""
        def tell(future):
            try:
                result = to_python(future.get_result())
            except GLib.Error as error:
                if reject is not None:
                    reject(error)
            else:
                if resolve is not None:
                    resolve(result)

        # Of callbacks, which are no closures, PyGObject 3.42 frees nothing.
        self.then_closure(tell)

    def finish_bytes(self, data):
        """Finishes a promise of your own with bytes."""
        super().finish_bytes(to_bytes(data))

    def abort(self):
        """Ends the operation, if that is still possible; raises GLib.Error if it is not. An aborted read takes no data."""
        return super().abort()

    def timeout(self, seconds, abort=False):
        """A future with the same result, that fails with G_IO_ERROR_TIMED_OUT after that time; abort: and this one ends."""
        return self._hand_on(super().timeout(seconds, abort))

    def noabort(self):
        """A future with the same result, that cannot be aborted."""
        return self._hand_on(super().noabort())

    def _hand_on(self, future):
        if self._reader:
            future._reader = self._reader
        return future

    @staticmethod
    def all(futures):
        """A future that is finished with True when all of them are, and fails as soon as one does."""
        return Kaa.InProgress.all([_to_future(future) for future in futures])

    @staticmethod
    def any(futures):
        """A future that is finished with the index of the first of them that is."""
        return Kaa.InProgress.any([_to_future(future) for future in futures])


def _to_future(future):
    return future.to_future() if type(future) is lines.NextLine else future


add_constructors(InProgress, 'new')
add_attributes(InProgress)
lines.NextLine.future_type = InProgress

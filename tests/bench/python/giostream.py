# SPDX-License-Identifier: LGPL-2.1-or-later
"""GDataInputStream through PyGObject."""

from gi.repository import Gio, GLib

import border

try:
    from gi.repository import GioUnix
    InputStream = GioUnix.InputStream
except ImportError:
    InputStream = Gio.UnixInputStream


def lines(bench):
    items = size = 0
    loop = GLib.MainLoop()
    stream = Gio.DataInputStream.new(InputStream.new(border.FD, False))
    stream.set_buffer_size(border.BUFFER_SIZE)

    def on_line(_stream, result):
        nonlocal items, size
        line, length = stream.read_line_finish(result)
        # None comes as empty bytes; there are no empty lines here.
        if not line:
            loop.quit()
            return
        # It comes without the delimiter.
        items += 1
        size += length + 1
        stream.read_line_async(GLib.PRIORITY_DEFAULT, None, on_line)

    bench.start()
    stream.read_line_async(GLib.PRIORITY_DEFAULT, None, on_line)
    loop.run()
    bench.stop(items, size)


border.main({('gio-python', 'lines'): lines})

# SPDX-License-Identifier: LGPL-2.1-or-later
"""unzip: numbers the lines of a gzip file on standard input."""

import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa


async def main() -> None:
    compressed = Gio.File.new_for_path('/dev/stdin').read(None)
    decompressor = Gio.ZlibDecompressor.new(Gio.ZlibCompressorFormat.GZIP)
    channel = Kaa.IOChannel(Gio.ConverterInputStream.new(compressed, decompressor), Kaa.IO_READ)

    number = 0
    # What is no gzip file, or is cut off, is an error, not an end.
    try:
        async for line in channel.lines():
            number += 1
            print(f'{number}: {line}')
    except GLib.Error as error:
        sys.exit(error.message)


Kaa.run(main())

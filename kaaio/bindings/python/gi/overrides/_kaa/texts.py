# SPDX-License-Identifier: LGPL-2.1-or-later
"""What help() says of properties and of methods that are C's: a typelib has no documentation."""

TEXTS = {
    'Callback': {
        'closure': 'What is called, as a GObject.Closure.',
    },
    'NotifierCallback': {
        'active': 'Whether it is registered with its main context.',
        'priority': 'The priority among the sources of the main context; it takes effect at once.',
        'main_context': 'The main context that it is registered with; None once that is gone.',
    },
    'IOMonitor': {
        'fd': 'The descriptor that is watched, -1 if there is none.',
        'condition': 'What it is watched for, a Kaa.IOCondition; 0 if there is none.',
    },
    'InProgress': {
        'finished': 'Whether it is finished: resolved or failed.',
        'failed': 'Whether it has finished with an error.',
        'abortable': 'Whether abort() has a chance. False protects an operation; True makes a promise of your own abortable.',
        'source_object': 'The object whose operation it is, or None.',
        'bytes_moved': 'How many bytes splice() has moved so far.',
        'new': 'Makes a promise of your own: finish it with finish_bytes(), finish_int(), finish_boolean() or finish_void(), '
               'or fail it with throw(GLib.Error).',
    },
    'IOChannel': {
        # Properties.
        'alive': 'Whether the channel is open.',
        'readable': 'Whether it is open for reading, or closed with data left in its queue.',
        'writable': 'Whether write() may be called. From a refused write until the queue is down to half of queue_size: False.',
        'eof': 'Whether the end of the input was seen.',
        'mode': 'What the descriptor is used for: Kaa.IO_READ, Kaa.IO_WRITE, or both.',
        'chunk_size': 'The most bytes that are read at a time.',
        'queue_size': 'The limit in bytes of the read queue and of the write queue.',
        'read_queue_used': 'How many bytes were read, and not taken yet.',
        'write_queue_used': 'How many bytes wait to be written.',
        'delimiters': 'Everything that ends a line, as a list of str.',
        'overflow_policy': 'What becomes of a line that is longer than queue_size: a Kaa.OverflowPolicy.',
        'paused': 'True stops reading and emitting, whoever listens.',
        'close_on_eof': 'Whether the channel closes at the end of its input: by default yes, but not for files.',
        'close_fd': 'Whether the descriptor is the channel\'s, which closes it.',
        'linger': 'Seconds without progress after which a closing channel gives up what it still has to write.',
        'idle_timeout': 'Seconds without a byte in either direction after which the channel is closed; 0 for never.',
        'priority': 'The priority in the main context at which the channel is served.',
        'main_context': 'The main context that signals are emitted on; None once it is gone.',
        'error': 'Why the channel was closed unexpectedly, or what could not be written: a GLib.Error, or None.',
        'bytes_read': 'How many bytes have been read from what is open.',
        'bytes_written': 'How many bytes have been written to what is open.',
        # Constructors.
        'new': 'Makes a channel that is not open yet.',
        'new_for_fd': 'Makes a channel of a descriptor, which then belongs to it.',
        'new_for_serial': 'Opens a serial line, raw, with 8 bits and no parity unless the flags say otherwise.',
        'new_for_stream': 'Makes a channel of a Gio.IOStream, Gio.InputStream, Gio.OutputStream or Gio.Socket.',
        'new_pair': 'Makes two connected channels. Returns (True, one, the other).',
        # Methods.
        'consume': 'Takes so many bytes of what peek() shows.',
        'describe': 'One line that says what the channel is doing, and why it is not reading.',
        'flush': 'A future that is finished when everything is written.',
        'shutdown': 'Half-closes: Kaa.IO_WRITE tells the peer that no more will come, after what is queued.',
        'splice': 'Moves everything that can be read to another channel; the result is the number of bytes.',
        'steal': 'Takes over what another channel has: its descriptor, its queues, and its pending operations.',
        'wait_writable': 'A future that is finished when so many more bytes would be taken by write().',
        'wrap_channel': 'Takes over the descriptor of another channel.',
        'wrap_fd': 'Opens the channel on a descriptor, which then belongs to it.',
        'wrap_fds': 'Opens the channel on two descriptors: one to read from, one to write to.',
        'wrap_stream': 'Opens the channel on a Gio.IOStream, Gio.InputStream, Gio.OutputStream or Gio.Socket.',
        'write_bytes': 'As write(), of a GLib.Bytes, and a refusal comes through the future.',
    },
}

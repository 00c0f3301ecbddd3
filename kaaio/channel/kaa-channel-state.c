/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a channel tells about itself: whether it is open, for what, how much went by. */

#include "channel/kaa-channel-properties.h"

/**
 * kaa_io_channel_get_alive: (get-property alive)
 * @self: a channel
 *
 * Whether the channel is open. This may be called in any thread.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_alive (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_is_alive (self);
}

/**
 * kaa_io_channel_get_readable: (get-property readable)
 * @self: a channel
 *
 * Whether the channel is open for reading, or closed with data left in its queue.
 *
 * Returns: %TRUE if reading makes sense
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_readable (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_is_readable (self);
}

/**
 * kaa_io_channel_get_writable: (get-property writable)
 * @self: a channel
 *
 * Whether [method@Kaa.IOChannel.write] may be called.
 *
 * Returns: %TRUE if it may
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_writable (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_is_writable (self);
}

/**
 * kaa_io_channel_get_eof: (get-property eof)
 * @self: a channel
 *
 * Whether the end of the input was seen.
 *
 * Returns: the value of [property@Kaa.IOChannel:eof]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_eof (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->eof;
}

/**
 * kaa_io_channel_get_fileno: (get-property fileno)
 * @self: a channel
 *
 * The descriptor; with two of them the one that is read.
 *
 * Returns: the descriptor, -1 if there is none
 *
 * Since: 1.0
 */
int
kaa_io_channel_get_fileno (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), -1);

  priv = kaa_channel_get_private (self);
  if (priv->input != NULL)
    return priv->input->fd;
  return priv->output != NULL ? priv->output->fd : -1;
}

/**
 * kaa_io_channel_get_mode: (get-property mode)
 * @self: a channel
 *
 * What the descriptor is used for; 0 while the channel has never been open.
 *
 * Returns: the value of [property@Kaa.IOChannel:mode]
 *
 * Since: 1.0
 */
KaaIOCondition
kaa_io_channel_get_mode (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->mode;
}

/**
 * kaa_io_channel_get_read_queue_used: (get-property read-queue-used)
 * @self: a channel
 *
 * How many bytes are in the read queue.
 *
 * Returns: the value of [property@Kaa.IOChannel:read-queue-used]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_read_queue_used (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_queued (kaa_channel_get_private (self));
}

/**
 * kaa_io_channel_get_write_queue_used: (get-property write-queue-used)
 * @self: a channel
 *
 * How many bytes wait to be written.
 *
 * Returns: the value of [property@Kaa.IOChannel:write-queue-used]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_write_queue_used (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_reserved (kaa_channel_get_private (self));
}

/**
 * kaa_io_channel_get_bytes_read: (get-property bytes-read)
 * @self: a channel
 *
 * How many bytes have been read from what is open.
 *
 * Returns: the value of [property@Kaa.IOChannel:bytes-read]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_bytes_read (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->bytes_read;
}

/**
 * kaa_io_channel_get_bytes_written: (get-property bytes-written)
 * @self: a channel
 *
 * How many bytes have been written to what is open.
 *
 * Returns: the value of [property@Kaa.IOChannel:bytes-written]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_bytes_written (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->bytes_written;
}

/**
 * kaa_io_channel_get_error: (get-property error)
 * @self: a channel
 *
 * Why the channel was closed unexpectedly, or what could not be written.
 *
 * Returns: (transfer none) (nullable): the value of [property@Kaa.IOChannel:error]
 *
 * Since: 1.0
 */
const GError *
kaa_io_channel_get_error (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return kaa_channel_get_private (self)->writing->error;
}

/**
 * kaa_io_channel_get_main_context: (get-property main-context)
 * @self: a channel
 *
 * The main context that the channel's signals are emitted on. The channel does not keep it alive.
 *
 * Returns: (transfer full) (nullable): the context, %NULL once it has gone
 *
 * Since: 1.0
 */
GMainContext *
kaa_io_channel_get_main_context (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return kaa_poller_dup_context (kaa_channel_get_private (self)->entry.poller);
}

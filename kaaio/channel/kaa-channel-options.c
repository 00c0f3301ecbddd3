/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an application may set: sizes, policies, when to read, when and how to close. */

#include "channel/kaa-channel-properties.h"

/**
 * kaa_io_channel_get_chunk_size: (get-property chunk-size)
 * @self: a channel
 *
 * The most bytes that are read at a time. Not 0.
 *
 * Returns: the value of [property@Kaa.IOChannel:chunk-size]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_chunk_size (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->options->chunk_size;
}

/**
 * kaa_io_channel_set_chunk_size: (set-property chunk-size)
 * @self: a channel
 * @chunk_size: a number of bytes, not 0
 *
 * Sets the most bytes that are read at a time.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_chunk_size (KaaIOChannel *self,
                               guint64       chunk_size)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (chunk_size > 0);

  kaa_channel_own_options (kaa_channel_get_private (self))->chunk_size = MIN (chunk_size, G_MAXSIZE);
  kaa_channel_property_changed (self, KAA_PROP_CHUNK_SIZE);
}

/**
 * kaa_io_channel_get_queue_size: (get-property queue-size)
 * @self: a channel
 *
 * The limit in bytes of the read queue and of the write queue. Not 0.
 *
 * Setting it does not affect what is in the queues.
 *
 * Returns: the value of [property@Kaa.IOChannel:queue-size]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_queue_size (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->options->queue_size;
}

/**
 * kaa_io_channel_set_queue_size: (set-property queue-size)
 * @self: a channel
 * @queue_size: a number of bytes, not 0
 *
 * Sets the limit of the read queue and of the write queue. What is in them is not affected.
 *
 * On a 32-bit machine the largest limit is 64 MiB, less one byte; a larger number means that.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_queue_size (KaaIOChannel *self,
                               guint64       queue_size)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (queue_size > 0);

  kaa_channel_end_loan (kaa_channel_get_private (self));
  g_atomic_pointer_set (&kaa_channel_own_options (kaa_channel_get_private (self))->queue_size,
                        (gsize) MIN (queue_size, KAA_QUEUE_SIZE_MAX));
  kaa_channel_get_private (self)->head_serial++;
  kaa_channel_update_writable (self);
  kaa_channel_notify_state (self);
  kaa_channel_property_changed (self, KAA_PROP_QUEUE_SIZE);
}

/**
 * kaa_io_channel_get_overflow_policy: (get-property overflow-policy)
 * @self: a channel
 *
 * What becomes of a line with more than [property@Kaa.IOChannel:queue-size] bytes before its delimiter.
 *
 * Returns: the value of [property@Kaa.IOChannel:overflow-policy]
 *
 * Since: 1.0
 */
KaaOverflowPolicy
kaa_io_channel_get_overflow_policy (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), KAA_OVERFLOW_SPLIT);

  return kaa_channel_get_private (self)->options->overflow_policy;
}

/**
 * kaa_io_channel_set_overflow_policy: (set-property overflow-policy)
 * @self: a channel
 * @policy: what becomes of a line that is too long
 *
 * Sets the policy for the lines that come.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_overflow_policy (KaaIOChannel      *self,
                                    KaaOverflowPolicy  policy)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  kaa_channel_own_options (priv)->overflow_policy = policy;
  kaa_channel_property_changed (self, KAA_PROP_OVERFLOW_POLICY);
}

/**
 * kaa_io_channel_get_paused: (get-property paused)
 * @self: a channel
 *
 * Reading and emitting stop, whoever listens.
 *
 * Returns: the value of [property@Kaa.IOChannel:paused]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_paused (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->paused;
}

/**
 * kaa_io_channel_set_paused: (set-property paused)
 * @self: a channel
 * @paused: whether to pause
 *
 * Stops reading and emitting, whoever listens, or lets it go on.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_paused (KaaIOChannel *self,
                           gboolean      paused)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->paused = paused;
  kaa_channel_property_changed (self, KAA_PROP_PAUSED);
}

/**
 * kaa_io_channel_get_close_on_eof: (get-property close-on-eof)
 * @self: a channel
 *
 * Whether the channel closes at the end of its input: by default yes, but not for files.
 *
 * Returns: the value of [property@Kaa.IOChannel:close-on-eof]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_close_on_eof (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_closes_on_eof (self);
}

/**
 * kaa_io_channel_set_close_on_eof: (set-property close-on-eof)
 * @self: a channel
 * @close_on_eof: whether to close
 *
 * Sets whether the channel closes at the end of its input.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_close_on_eof (KaaIOChannel *self,
                                 gboolean      close_on_eof)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->close_on_eof = close_on_eof ? KAA_CLOSE_ON_EOF_YES : KAA_CLOSE_ON_EOF_NO;
  kaa_channel_property_changed (self, KAA_PROP_CLOSE_ON_EOF);
}

/**
 * kaa_io_channel_get_keep_partial_line: (get-property keep-partial-line)
 * @self: a channel
 *
 * Whether a line without its delimiter at the end of the input waits for its rest.
 *
 * Returns: the value of [property@Kaa.IOChannel:keep-partial-line]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_keep_partial_line (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->options->keep_partial_line;
}

/**
 * kaa_io_channel_set_keep_partial_line: (set-property keep-partial-line)
 * @self: a channel
 * @keep_partial_line: whether it waits
 *
 * Sets whether a line without its delimiter at the end of the input waits for its rest. Once it is %FALSE, or the channel is closed, the part
 * is given out as a line.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_keep_partial_line (KaaIOChannel *self,
                                      gboolean      keep_partial_line)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_channel_own_options (kaa_channel_get_private (self))->keep_partial_line = keep_partial_line;
  kaa_channel_property_changed (self, KAA_PROP_KEEP_PARTIAL_LINE);
}

/**
 * kaa_io_channel_get_close_fd: (get-property close-fd)
 * @self: a channel
 *
 * Whether the descriptor is the channel's, which closes it.
 *
 * Returns: the value of [property@Kaa.IOChannel:close-fd]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_close_fd (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->close_fd;
}

/**
 * kaa_io_channel_set_close_fd: (set-property close-fd)
 * @self: a channel
 * @close_fd: whether to close it
 *
 * Sets whether the descriptor is the channel's, which closes it. A terminal or pipe that is not should be wrapped after this is set:
 * it is then opened once more, so that its flags stay what they are.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_close_fd (KaaIOChannel *self,
                             gboolean      close_fd)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->close_fd = close_fd;
  kaa_channel_property_changed (self, KAA_PROP_CLOSE_FD);
}

/**
 * kaa_io_channel_get_linger: (get-property linger)
 * @self: a channel
 *
 * Seconds without progress after which a channel gives up what it still has to write at the end of its input.
 *
 * Returns: the value of [property@Kaa.IOChannel:linger]
 *
 * Since: 1.0
 */
double
kaa_io_channel_get_linger (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->options->linger;
}

/**
 * kaa_io_channel_set_linger: (set-property linger)
 * @self: a channel
 * @seconds: a time in seconds
 *
 * Sets how long a close at the end of the input waits for progress.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_linger (KaaIOChannel *self,
                           double        seconds)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (seconds >= 0);

  priv = kaa_channel_get_private (self);
  kaa_channel_own_options (priv)->linger = seconds;
  kaa_channel_property_changed (self, KAA_PROP_LINGER);
}

/**
 * kaa_io_channel_get_priority: (get-property priority)
 * @self: a channel
 *
 * The priority at which the channel is served.
 *
 * Returns: the value of [property@Kaa.IOChannel:priority]
 *
 * Since: 1.0
 */
int
kaa_io_channel_get_priority (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_poller_get_priority (kaa_channel_get_private (self)->entry.poller);
}

/**
 * kaa_io_channel_set_priority: (set-property priority)
 * @self: a channel
 * @priority: a priority of main loop sources
 *
 * Sets the priority at which the channel is served. What another thread writes at that very moment may change places with what it wrote
 * just before. In the channel's thread.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_priority (KaaIOChannel *self,
                             int           priority)
{
  KaaIOChannelPrivate *priv;
  GMainContext *context;
  KaaPoller *poller;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  g_return_if_fail (kaa_channel_is_mine (priv));

  context = kaa_poller_dup_context (priv->entry.poller);
  if (context == NULL || priority == kaa_poller_get_priority (priv->entry.poller))
    {
      g_clear_pointer (&context, g_main_context_unref);
      return;
    }

  poller = kaa_poller_get (context, priority);
  kaa_channel_move_to_poller (self, poller);
  kaa_poller_unref (poller);
  g_main_context_unref (context);
  kaa_channel_property_changed (self, KAA_PROP_PRIORITY);
}

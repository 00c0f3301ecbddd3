/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Taking bytes to be written: write(), write_bytes(), send(), send_data().
 *
 * One function accepts bytes, whichever way they come, and enforces the limit.
 */

#include "channel/kaa-io-channel-private.h"

/* Why these bytes were not taken, by a channel with so many others, and in this state. Any thread. */
static GError *
new_refusal (gsize shared,
             gsize length,
             gsize limit)
{
  if ((shared & KAA_CLOSED_REMOTELY) || (shared & KAA_NO_OUTPUT) == KAA_NO_OUTPUT)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                "The channel is closed: nothing can be written; wrap a new descriptor first");
  if (shared & KAA_SHUT_DOWN)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                "The channel is closed for writing");
  if (shared & KAA_READ_ONLY)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "The channel is read-only; open it with a mode that includes writing");
  if (length > limit)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                        "%" G_GSIZE_FORMAT " bytes are more than the queue-size of %" G_GSIZE_FORMAT
                        "; write them in parts, or set a larger queue-size", length, limit);
  return g_error_new (G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
                      "The write queue holds %" G_GSIZE_FORMAT " bytes and takes no %" G_GSIZE_FORMAT
                      " more; wait for flush() or wait_writable()", shared & ~KAA_SHARED_STATE, length);
}

/* Counts these bytes in, unless the channel takes none, or they and the others are more than the limit. Any thread. */
static inline gboolean
reserve_within (KaaIOChannelPrivate *priv,
                gsize                length,
                gsize                limit,
                gsize               *shared)
{
  do
    {
      *shared = kaa_channel_get_shared (priv);
      if ((*shared & (KAA_NO_OUTPUT | KAA_CLOSED_REMOTELY)) != 0 ||
          length > limit || (*shared & ~KAA_SHARED_STATE) > limit - length)
        return FALSE;
    }
  while (!g_atomic_pointer_compare_and_exchange (&priv->write_used, *shared, *shared + length));

  return TRUE;
}

/* The one place that says no. Any thread. */
static gboolean
reserve (KaaIOChannel  *self,
         gsize          length,
         GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize limit = kaa_channel_get_queue_size (priv);
  gsize shared = KAA_CLOSED_REMOTELY;

  if (kaa_poller_is_usable (kaa_channel_get_poller (priv)) && reserve_within (priv, length, limit, &shared))
    return TRUE;

  *error = new_refusal (shared, length, limit);
  return FALSE;
}

/* After a refusal: the flag, and those who watch it. */
static void
refused (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (!kaa_channel_is_mine (priv))
    return;

  priv->full = TRUE;
  kaa_channel_notify_state (self);
}

static KaaInProgress *
write_common (KaaIOChannel *self,
              const guint8 *data,
              gsize         length,
              GBytes       *bytes, /* NULL, or what the data is in */
              KaaFds       *fds)   /* taken; in the channel's thread only */
{
  KaaPending *pending = kaa_channel_new_pending (self, KAA_PENDING_WRITE);
  KaaInProgress *future = g_object_ref (pending->future);
  GError *error = NULL;

  if (!reserve (self, length, &error))
    {
      gboolean is_full = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

      kaa_in_progress_set_refused (future);
      kaa_pending_settle_error (pending, error, FALSE);
      if (is_full)
        refused (self);
      g_clear_pointer (&fds, kaa_fds_free);
      return future;
    }

  if (fds != NULL)
    kaa_channel_accept_with_fds (self, pending, bytes, fds);
  else if (!pending->foreign)
    kaa_channel_accept (self, pending, data, length, bytes);
  else
    kaa_channel_write_remotely (self, pending, bytes != NULL ? g_bytes_ref (bytes) : g_bytes_new (data, length));

  return future;
}

KaaInProgress *
kaa_channel_write_with_fds (KaaIOChannel *self,
                            GBytes       *bytes,
                            KaaFds       *take)
{
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  return write_common (self, data, length, bytes, take);
}

/**
 * kaa_io_channel_write:
 * @self: a channel
 * @data: (array length=length) (nullable): the bytes; they are copied
 * @length: how many
 *
 * Queues bytes to be written, in order.
 *
 * It is not required that the channel is open: what is written before is queued, and flushed when it opens.
 *
 * The future fails with
 *
 * - `G_IO_ERROR_WOULD_BLOCK` when the queue holds so much that these bytes would exceed
 *   [property@Kaa.IOChannel:queue-size]; nothing is queued. [method@Kaa.IOChannel.wait_writable] tells when to go on;
 * - `G_IO_ERROR_MESSAGE_TOO_LARGE` when they could never fit;
 * - `G_IO_ERROR_CLOSED` or `G_IO_ERROR_BROKEN_PIPE` when the channel is closed, by us or by the other side, before all was
 *   written; the message says how many bytes went;
 * - what the system said, such as `G_IO_ERROR_NO_SPACE`. A file or a device that refuses some bytes stays open; where part of a write has
 *   gone there, those that were queued behind it fail with the same error, so that nothing is written behind a hole. A stream
 *   (pipe, socket, terminal, TLS) closes with the error.
 *
 * Futures of writes are told in the order of the writes, from the loop. One that was refused, or is aborted, is not in line with the
 * others.
 *
 * Aborting it takes the bytes out of the queue, as long as none of them has gone. May be called from any thread; the
 * future belongs to the thread-default context of the caller.
 *
 * Returns: (transfer full): a future that is finished with the number of bytes, as a 64-bit integer
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_write (KaaIOChannel *self,
                      const guint8 *data,
                      gsize         length)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (data != NULL || length == 0, NULL);

  return write_common (self, data, length, NULL, NULL);
}

/**
 * kaa_io_channel_write_bytes:
 * @self: a channel
 * @bytes: the bytes; they are referenced
 *
 * Queues bytes to be written: as [method@Kaa.IOChannel.write], without copying large ones.
 *
 * Returns: (transfer full): a future that is finished with the number of bytes, as a 64-bit integer
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_write_bytes (KaaIOChannel *self,
                            GBytes       *bytes)
{
  const guint8 *data;
  gsize length;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (bytes != NULL, NULL);

  data = g_bytes_get_data (bytes, &length);
  return write_common (self, data, length, bytes, NULL);
}

/* Most of many small messages, in the channel's thread: others wait in front of it, and nothing changes but the length of the
 * queue, since it does not become full. The bytes are reserved. */
static inline gboolean
goes_behind (KaaIOChannel *self,
             gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize shared;

  return kaa_poller_is_here (kaa_channel_get_poller (priv)) && kaa_channel_get_unwritten (priv) > 0 && !priv->full &&
         reserve_within (priv, length, priv->options->queue_size - 1, &shared);
}

/* The others. */
static G_GNUC_NO_INLINE gboolean
send_first (KaaIOChannel  *self,
            const guint8  *data,
            gsize          length,
            GBytes        *bytes, /* NULL, or what the data is in */
            GError       **error)
{
  GError *local = NULL;

  if (!reserve (self, length, &local))
    {
      gboolean is_full = g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

      g_propagate_error (error, local);
      if (is_full)
        refused (self);
      return FALSE;
    }

  if (kaa_channel_is_mine (kaa_channel_get_private (self)))
    kaa_channel_accept (self, NULL, data, length, bytes);
  else
    kaa_channel_write_remotely (self, NULL, bytes != NULL ? g_bytes_ref (bytes) : g_bytes_new (data, length));

  return TRUE;
}

static inline gboolean
send_common (KaaIOChannel  *self,
             const guint8  *data,
             gsize          length,
             GBytes        *bytes,
             GError       **error)
{
  if (!goes_behind (self, length))
    return send_first (self, data, length, bytes, error);

  kaa_channel_append (self, data, length, bytes);
  return TRUE;
}

/**
 * kaa_io_channel_send:
 * @self: a channel
 * @bytes: the bytes; large ones are referenced
 * @error: return location for an error
 *
 * Queues bytes to be written, without a future: for many small writes.
 *
 * Order and limit are those of [method@Kaa.IOChannel.write], and so are the errors, as far as they are known in the call. What fails
 * later is in [property@Kaa.IOChannel:error], and the next [method@Kaa.IOChannel.flush] fails with it. May be called from any thread.
 *
 * Returns: %TRUE if the bytes were queued
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_send (KaaIOChannel  *self,
                     GBytes        *bytes,
                     GError       **error)
{
  const guint8 *data;
  gsize length;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  data = g_bytes_get_data (bytes, &length);
  return send_common (self, data, length, bytes, error);
}

/**
 * kaa_io_channel_send_data:
 * @self: a channel
 * @data: (array length=length) (nullable): the bytes; they are copied
 * @length: how many
 * @error: return location for an error
 *
 * Queues bytes to be written: as [method@Kaa.IOChannel.send], for those that are not in a #GBytes. Making one for each small
 * message costs more than to send it.
 *
 * Returns: %TRUE if the bytes were queued
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_send_data (KaaIOChannel  *self,
                          const guint8  *data,
                          gsize          length,
                          GError       **error)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (data != NULL || length == 0, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return send_common (self, data, length, NULL, error);
}

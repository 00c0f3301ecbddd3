/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting for the write side: flush() and wait_writable(). */

#include "channel/kaa-io-channel-private.h"

/* Unlike writes they are asked for on the channel's thread. */
static KaaPending *
new_pending (KaaIOChannel    *self,
             KaaPendingKind   kind,
             GError         **error)
{
  KaaPending *pending = kaa_channel_new_pending (self, kind);

  if (pending->foreign)
    g_propagate_error (error, kaa_channel_new_thread_error ());
  return pending;
}

/**
 * kaa_io_channel_flush:
 * @self: a channel
 *
 * Waits until everything that is queued by now has been written. It is told behind the writes that were made before.
 *
 * It fails as the writes would: with `G_IO_ERROR_CLOSED` or `G_IO_ERROR_BROKEN_PIPE`, or with the error of a
 * [method@Kaa.IOChannel.send] that nothing else told about.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_flush (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;
  KaaPending *pending;
  KaaInProgress *future;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  pending = new_pending (self, KAA_PENDING_FLUSH, &error);
  future = g_object_ref (pending->future);

  if (error == NULL && (priv->state == KAA_STATE_CLOSED || kaa_poller_is_gone (priv->entry.poller)))
    error = priv->writing->write_error != NULL ? g_steal_pointer (&priv->writing->write_error)
                                               : kaa_channel_new_write_error (0, FALSE);
  if (error != NULL)
    {
      kaa_pending_settle_error (pending, error, FALSE);
      return future;
    }

  pending->start = pending->end = kaa_channel_need_writing (priv)->writes.end;
  kaa_channel_ask_to_write (priv->writing, &priv->writing->written, pending);
  kaa_channel_settle_in_call (self);
  kaa_channel_check_transports (self);
  kaa_channel_schedule (self);
  return future;
}

/**
 * kaa_io_channel_wait_writable:
 * @self: a channel
 * @count: a number of bytes
 *
 * Waits until a write of @count bytes would be taken.
 *
 * It fails with `G_IO_ERROR_MESSAGE_TOO_LARGE` where @count is more than [property@Kaa.IOChannel:queue-size], and with
 * `G_IO_ERROR_CLOSED` when the channel is closed.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_wait_writable (KaaIOChannel *self,
                              gsize         count)
{
  KaaIOChannelPrivate *priv;
  KaaPending *pending;
  KaaInProgress *future;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  pending = new_pending (self, KAA_PENDING_WAIT_WRITABLE, &error);
  future = g_object_ref (pending->future);
  pending->count = count;

  if (error == NULL && count > priv->options->queue_size)
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                 "%" G_GSIZE_FORMAT " bytes are more than the queue-size of %" G_GSIZE_FORMAT, count, priv->options->queue_size);
  else if (error == NULL && (priv->state == KAA_STATE_CLOSED || priv->state == KAA_STATE_CLOSING ||
                             priv->shut_down || kaa_poller_is_gone (priv->entry.poller)))
    error = kaa_channel_new_write_error (0, FALSE);
  else if (error == NULL && priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_WRITE))
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "The channel is read-only");

  if (error != NULL)
    {
      kaa_pending_settle_error (pending, error, FALSE);
      return future;
    }

  kaa_channel_need_writing (priv);
  kaa_channel_ask_to_write (priv->writing, &priv->writing->waiting, pending);
  kaa_channel_check_transports (self);
  kaa_channel_schedule (self);
  return future;
}

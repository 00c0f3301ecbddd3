/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Half-closing: shutdown(). */

#include "channel/kaa-io-channel-private.h"

gboolean
kaa_channel_writes_apart (KaaIOChannelPrivate *priv)
{
  return priv->input != NULL && priv->output != priv->input && priv->output->kind != KAA_FD_SOCKET;
}

void
kaa_channel_close_output (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaTransport *output = g_steal_pointer (&priv->output);

  priv->shut_down = TRUE;
  kaa_channel_publish (priv);
  output->klass->stop (output);
  output->klass->close (output, priv->close_fd, kaa_poller_is_forked (priv->entry.poller));
}

void
kaa_channel_settle_shutdown (KaaIOChannel *self,
                             KaaPending   *shutdown,
                             gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GError *error = NULL;

  /* Bytes are missing that nothing else told about. */
  if (priv->writing->write_error != NULL)
    error = g_steal_pointer (&priv->writing->write_error);
  else if (priv->output == NULL)
    error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The channel was closed");
  else if (kaa_channel_writes_apart (priv))
    kaa_channel_close_output (self);
  else
    priv->output->klass->shutdown (priv->output, &error);

  if (error != NULL)
    kaa_pending_settle_error (shutdown, error, now);
  else
    kaa_pending_settle_boolean (shutdown, TRUE, now);
}

/**
 * kaa_io_channel_shutdown:
 * @self: a channel
 * @direction: %KAA_IO_WRITE
 *
 * Half-closes a socket: when what is queued has been written the other side sees the end of its input, while
 * reading goes on here. Nothing can be written any more.
 *
 * It fails with `G_IO_ERROR_NOT_SUPPORTED` where the channel is not a socket, and with `G_IO_ERROR_INVALID_ARGUMENT`
 * for another direction: [property@Kaa.IOChannel:paused] stops reading.
 * A channel of two descriptors closes the one it writes.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_shutdown (KaaIOChannel   *self,
                         KaaIOCondition  direction)
{
  KaaIOChannelPrivate *priv;
  KaaPending *pending;
  KaaInProgress *future;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  pending = kaa_channel_new_pending (self, KAA_PENDING_SHUTDOWN);
  future = g_object_ref (pending->future);

  if (pending->foreign || !kaa_channel_insist (priv))
    error = kaa_channel_new_thread_error ();
  else if (direction != KAA_IO_WRITE)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                         "Only the direction KAA_IO_WRITE can be shut down");
  else if (priv->state != KAA_STATE_OPEN)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The channel is not open");
  else if (priv->output == NULL)
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "The channel is read-only");
  else if (priv->output->kind != KAA_FD_SOCKET && !kaa_channel_writes_apart (priv))
    priv->output->klass->shutdown (priv->output, &error);

  if (error != NULL)
    {
      kaa_pending_settle_error (pending, error, FALSE);
      return future;
    }

  pending->start = pending->end = kaa_channel_need_writing (priv)->writes.end;
  kaa_channel_ask_to_write (priv->writing, &priv->writing->written, pending);
  priv->shut_down = TRUE;
  kaa_channel_publish (priv);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
  return future;
}

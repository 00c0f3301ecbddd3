/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Half-closing: shutdown(). */

#include "channel/kaa-io-channel-private.h"

typedef struct
{
  KaaIOChannel *channel;
  KaaInProgress *future;
} Shutdown;

static void
shutdown_free (gpointer data)
{
  Shutdown *shutdown = data;

  g_object_unref (shutdown->channel);
  g_object_unref (shutdown->future);
  g_free (shutdown);
}

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

static void
shutdown_flushed (const GValue *result,
                  gpointer      user_data)
{
  Shutdown *shutdown = user_data;
  KaaIOChannelPrivate *priv = kaa_channel_get_private (shutdown->channel);
  GError *error = NULL;

  if (priv->output == NULL)
    {
      error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The channel was closed");
    }
  else if (kaa_channel_writes_apart (priv))
    {
      kaa_channel_close_output (shutdown->channel);
      kaa_in_progress_finish_boolean (shutdown->future, TRUE);
      return;
    }
  else if (priv->output->klass->shutdown (priv->output, &error))
    {
      kaa_in_progress_finish_boolean (shutdown->future, TRUE);
      return;
    }

  kaa_in_progress_throw (shutdown->future, error);
  g_error_free (error);
}

static void
shutdown_failed (const GError *error,
                 gpointer      user_data)
{
  kaa_in_progress_throw (((Shutdown *) user_data)->future, error);
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
  KaaInProgress *future, *flushed;
  Shutdown *shutdown;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  future = kaa_in_progress_new (G_OBJECT (self));

  if (!kaa_channel_insist (priv))
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
      kaa_in_progress_throw (future, error);
      g_error_free (error);
      return future;
    }

  flushed = kaa_io_channel_flush (self);
  priv->shut_down = TRUE;
  kaa_channel_publish (priv);
  kaa_channel_notify_state (self);

  shutdown = g_new0 (Shutdown, 1);
  shutdown->channel = g_object_ref (self);
  shutdown->future = g_object_ref (future);
  kaa_in_progress_then (flushed, shutdown_flushed, shutdown, NULL, shutdown_failed, shutdown, shutdown_free);
  g_object_unref (flushed);

  return future;
}

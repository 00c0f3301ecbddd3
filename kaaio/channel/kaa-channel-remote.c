/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What other threads ask for: write(), send() and close() may be called in any of them, and the last reference may go
 * in any. Each becomes a task of the channel's poller.
 */

#include "channel/kaa-io-channel-private.h"

KaaPending *
kaa_channel_new_pending (KaaIOChannel   *self,
                         KaaPendingKind  kind)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *pending;
  KaaPoller *poller;

  if (kaa_channel_is_mine (priv))
    return kaa_pending_new (self, kind, priv->entry.poller);

  poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  pending = kaa_pending_new_foreign (self, kind, poller);
  kaa_poller_unref (poller);
  return pending;
}

GError *
kaa_channel_new_thread_error (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                              "Only write(), send() and close() may be called from a thread that is not the channel's; "
                              "use g_main_context_invoke() to get there");
}

/* --- write and send --- */

typedef struct
{
  KaaTask task;
  KaaIOChannel *channel;
  KaaPending *pending;   /* NULL for send() */
  GBytes *bytes;
} RemoteWrite;

static void
remote_write (KaaTask  *task,
              gboolean  context_gone)
{
  RemoteWrite *remote = (RemoteWrite *) task;
  KaaIOChannelPrivate *priv = kaa_channel_get_private (remote->channel);
  gsize length;
  const guint8 *data = g_bytes_get_data (remote->bytes, &length);

  if (context_gone || priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED || priv->peer_gone)
    {
      kaa_channel_unreserve (priv, length);
      if (remote->pending != NULL)
        kaa_pending_settle_error (remote->pending, kaa_channel_new_write_error (0, priv->peer_gone), FALSE);
    }
  else
    {
      kaa_channel_accept (remote->channel, remote->pending, data, length, remote->bytes);
    }

  g_bytes_unref (remote->bytes);
  g_object_unref (remote->channel);
  g_free (remote);
}

void
kaa_channel_write_remotely (KaaIOChannel *self,
                            KaaPending   *pending,
                            GBytes       *take)
{
  RemoteWrite *remote = g_new0 (RemoteWrite, 1);

  remote->task.func = remote_write;
  remote->channel = g_object_ref (self);
  remote->pending = pending;
  remote->bytes = take;
  kaa_poller_defer (kaa_channel_get_poller (kaa_channel_get_private (self)), &remote->task);
}

/* --- close --- */

typedef struct
{
  KaaTask task;
  KaaIOChannel *channel;
  KaaPending *pending;
  KaaCloseFlags flags;
} RemoteClose;

static void
remote_close (KaaTask  *task,
              gboolean  context_gone)
{
  RemoteClose *remote = (RemoteClose *) task;
  KaaIOChannelPrivate *priv = kaa_channel_get_private (remote->channel);

  g_atomic_pointer_and (&priv->write_used, ~KAA_CLOSED_REMOTELY);
  if (context_gone)
    kaa_pending_settle_error (remote->pending,
                              g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                   "The main context of the channel has gone"), FALSE);
  else
    kaa_channel_close_here (remote->channel, remote->pending, remote->flags);
  g_object_unref (remote->channel);
  g_free (remote);
}

void
kaa_channel_close_remotely (KaaIOChannel  *self,
                            KaaPending    *pending,
                            KaaCloseFlags  flags)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  RemoteClose *remote = g_new0 (RemoteClose, 1);

  g_atomic_pointer_or (&priv->write_used, KAA_CLOSED_REMOTELY);
  remote->task.func = remote_close;
  remote->channel = g_object_ref (self);
  remote->pending = pending;
  remote->flags = flags;
  kaa_poller_defer (kaa_channel_get_poller (priv), &remote->task);
}

/* --- the last reference --- */

typedef struct
{
  KaaTask task;
  KaaIOChannel *channel;
} RemoteDispose;

static void
remote_dispose (KaaTask  *task,
                gboolean  context_gone)
{
  RemoteDispose *remote = (RemoteDispose *) task;

  /* The other thread may not be out of g_object_unref() yet. If so it finds that this reference was the last one, and finalizes
   * the channel over there: nothing of it may be here by then. And nobody hears of it, as in every dispose. */
  g_object_freeze_notify (G_OBJECT (remote->channel));
  g_object_run_dispose (G_OBJECT (remote->channel));
  kaa_channel_clear_input (remote->channel);
  kaa_poll_entry_forget (&kaa_channel_get_private (remote->channel)->entry);
  g_object_unref (remote->channel);
  g_free (remote);
}

void
kaa_channel_dispose_remotely (KaaIOChannel *self)
{
  RemoteDispose *remote = g_new0 (RemoteDispose, 1);

  remote->task.func = remote_dispose;
  remote->channel = g_object_ref (self);
  kaa_poller_defer (kaa_channel_get_poller (kaa_channel_get_private (self)), &remote->task);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What becomes of writes that cannot be made.
 *
 * A file or a device may refuse some bytes and take others (a full disk): then the write whose bytes they are fails as a whole, and
 * the channel stays open. Nothing is ever written behind a hole, though: where part of a write has gone before, everything that was
 * queued behind it fails as well. A stream has no second place to go on at, so there every error is the end of the output.
 */

#include "channel/kaa-io-channel-private.h"

GError *
kaa_channel_new_write_error (gsize    gone,
                             gboolean by_peer)
{
  if (by_peer)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                        "The other side is gone; %" G_GSIZE_FORMAT " bytes of this write had been sent", gone);
  return g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                      "The channel was closed; %" G_GSIZE_FORMAT " bytes of this write had been sent", gone);
}

/* error: why the output has ended, NULL where we have closed it. */
static GError *
new_error (const GError *error,
           gsize         gone)
{
  if (error == NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return kaa_channel_new_write_error (gone, /* by_peer= */ FALSE);
  if (error->domain != G_IO_ERROR || error->code == G_IO_ERROR_BROKEN_PIPE)
    return kaa_channel_new_write_error (gone, /* by_peer= */ TRUE);
  return g_error_new (error->domain, error->code, "%s; %" G_GSIZE_FORMAT " bytes of this write had been sent",
                      error->message, gone);
}

gsize
kaa_channel_get_gone (KaaIOChannelPrivate *priv,
                      KaaPending          *write)
{
  guint64 written = priv->writing->writes.written;

  if (written <= write->start)
    return 0;
  return MIN (written, write->end) - write->start;
}

/* Somebody will hear of it when these bytes are lost. */
static gboolean
speaks_for_bytes (const KaaPending *pending)
{
  return (pending->kind == KAA_PENDING_WRITE || (pending->kind == KAA_PENDING_PIECE && !kaa_splice_is_over (pending->piece_of))) &&
         pending->start < pending->end;
}

/* Bytes were lost that no future speaks for, and no flush() that waits will tell of them. */
static gboolean
is_loss_silent (KaaIOChannelPrivate *priv)
{
  gsize spoken_for = 0;

  for (KaaPending *pending = priv->writing->written.first; pending != NULL; pending = pending->next)
    {
      if (pending->kind == KAA_PENDING_FLUSH)
        return FALSE;
      if (speaks_for_bytes (pending))
        spoken_for += pending->end - pending->start - kaa_channel_get_gone (priv, pending);
    }
  return spoken_for < kaa_channel_get_unwritten (priv);
}

static void
set_write_error (KaaIOChannelPrivate *priv,
                 GError              *error) /* taken */
{
  g_clear_error (&kaa_channel_need_writing (priv)->write_error);
  priv->writing->write_error = error;
}

static void
fail_write (KaaIOChannelPrivate *priv,
            KaaPending          *pending,
            const GError        *error)
{
  gsize gone = kaa_channel_get_gone (priv, pending);

  kaa_pending_unlink (pending);
  if (pending->kind == KAA_PENDING_PIECE)
    kaa_splice_fail_piece (pending, gone, error);
  else
    kaa_pending_settle_error (pending, new_error (error, gone), FALSE);
}

/* Nothing of what is queued will be written. It runs no code of the application. */
static void
fail_queued (KaaIOChannel *self,
             const GError *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean silent = error != NULL && is_loss_silent (priv);

  kaa_channel_note_deferred (self);
  kaa_channel_settle_gone (self);
  /* From the last one on: each goes in front of what its source has already got back. */
  for (KaaPending *pending = priv->writing->written.last; pending != NULL; pending = pending->previous)
    if (pending->kind == KAA_PENDING_PIECE)
      kaa_splice_return_piece (pending, &priv->writing->writes);
  while (priv->writing->written.first != NULL)
    fail_write (priv, priv->writing->written.first, error);
  if (silent)
    set_write_error (priv, g_error_copy (error));

  if (kaa_channel_get_unwritten (priv) > 0)
    {
      kaa_channel_unreserve (priv, kaa_channel_get_unwritten (priv));
      kaa_write_queue_clear (&priv->writing->writes);
      priv->writing->border = priv->writing->writes.written;
    }
}

/* Everything that waits to be written fails. */
void
kaa_channel_fail_writes (KaaIOChannel *self,
                         const GError *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *pending;

  fail_queued (self, error);
  kaa_channel_fail_feeders (self, error);
  while ((pending = priv->writing->waiting.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending, new_error (error, 0), FALSE);
    }
  kaa_channel_update_writable (self);
}

/* Whether part of what stands at the head has gone. Where no future speaks for it nobody knows where a message ends, and a splice
 * is one. */
static gboolean
is_torn (KaaIOChannelPrivate *priv,
         KaaPending          *head)
{
  if (head == NULL)
    return priv->writing->border < priv->writing->writes.written;
  return head->kind == KAA_PENDING_PIECE || head->start < priv->writing->writes.written;
}

/* Only these bytes: those of a write, or those that send() queued, up to the next write that a future speaks for. */
static void
fail_head (KaaIOChannel *self,
           KaaPending   *head,
           guint64       end,
           GError       *error) /* taken */
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length = end - priv->writing->writes.written;

  kaa_channel_unreserve (priv, length);
  kaa_write_queue_consume (&priv->writing->writes, length);
  priv->writing->border = priv->writing->writes.written;

  if (head == NULL)
    {
      set_write_error (priv, error);
      return;
    }
  kaa_pending_unlink (head);
  kaa_pending_settle_error (head, error, !priv->failing);
}

void
kaa_channel_refuse_head (KaaIOChannel *self,
                         GError       *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint64 written = priv->writing->writes.written;
  KaaPending *write = priv->writing->written.first;
  KaaPending *head;
  guint64 end;

  /* An empty write stands between bytes, and has none that could be refused. */
  while (write != NULL && !speaks_for_bytes (write))
    write = write->next;
  head = write != NULL && write->start <= written ? write : NULL;
  if (head != NULL)
    end = head->end;
  else
    end = write != NULL ? write->start : priv->writing->writes.end;

  kaa_channel_put_error (priv, error);
  if (is_torn (priv, head))
    {
      fail_queued (self, error);
      g_error_free (error);
    }
  else
    {
      fail_head (self, head, end, error);
    }
  kaa_channel_update_writable (self);
  g_object_notify (G_OBJECT (self), "error");
}

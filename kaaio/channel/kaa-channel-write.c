/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The write side, with its methods.
 *
 * One function accepts bytes, whichever way they come, and enforces the limit. The first small write of a turn goes out in
 * the call; what follows in the same turn goes out together. A write is a pair of positions in the stream, so that
 * partial writes, flush and "how many went" are comparisons.
 */

#include "channel/kaa-io-channel-private.h"

#include <errno.h>

#define MAX_VECTORS 64
/* More is not worth delaying the caller for: it would most likely not fit in one go. */
#define MAX_DIRECT (64 * 1024)

static gsize
get_used (KaaIOChannelPrivate *priv)
{
  return (gsize) g_atomic_pointer_get (&priv->write_used);
}

static void
subtract_used (KaaIOChannelPrivate *priv,
               gsize                length)
{
  g_atomic_pointer_add (&priv->write_used, - (gssize) length);
}

/* W2: "from a refusal, or when the queue is full, until it is down to half". */
void
kaa_channel_update_writable (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = get_used (priv);

  if (used >= priv->queue_size)
    priv->full = TRUE;
  else if (used <= priv->queue_size / 2)
    priv->full = FALSE;
}

/* --- errors --- */

static GError *
closed_error (gsize    gone,
              gboolean by_peer)
{
  if (by_peer)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                        "The other side is gone; %" G_GSIZE_FORMAT " bytes of this write had been sent", gone);
  return g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                      "The channel was closed; %" G_GSIZE_FORMAT " bytes of this write had been sent", gone);
}

static gsize
get_gone (KaaIOChannelPrivate *priv,
          KaaPending          *write)
{
  guint64 written = priv->writes.written;

  if (written <= write->start)
    return 0;
  return MIN (written, write->end) - write->start;
}

/* Everything that waits to be written fails. */
void
kaa_channel_fail_writes (KaaIOChannel *self,
                         const GError *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean by_peer = error != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  KaaPending *pending;

  while ((pending = priv->written.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending, closed_error (get_gone (priv, pending), by_peer), FALSE);
    }
  while ((pending = priv->waiting.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending, closed_error (0, by_peer), FALSE);
    }

  subtract_used (priv, kaa_write_queue_get_length (&priv->writes));
  kaa_write_queue_clear (&priv->writes);
  kaa_channel_update_writable (self);
}

/* The bytes at the head cannot be written, but others can: that write fails, and the channel stays. Where send() queued
 * them nobody knows where one message ends, so they go up to the next write that a future speaks for. */
static void
refuse_head (KaaIOChannel *self,
             GError       *error, /* taken */
             gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *write = priv->written.first;
  gboolean is_head;
  guint64 end;

  /* An empty write stands between bytes, and has none that could be refused. */
  while (write != NULL && (write->kind != KAA_PENDING_WRITE || write->start == write->end))
    write = write->next;

  is_head = write != NULL && write->start <= priv->writes.written;
  if (is_head)
    end = write->end;
  else
    end = write != NULL ? write->start : priv->writes.end;

  subtract_used (priv, end - priv->writes.written);
  kaa_write_queue_consume (&priv->writes, end - priv->writes.written);

  g_clear_error (&priv->error);
  priv->error = g_error_copy (error);

  if (is_head)
    {
      kaa_pending_unlink (write);
      kaa_pending_settle_error (write, error, now);
    }
  else
    {
      g_clear_error (&priv->write_error);
      priv->write_error = error;
    }
  g_object_notify (G_OBJECT (self), "error");
}

/* --- writing out --- */

void
kaa_channel_settle_written (KaaIOChannel *self,
                            gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *pending;

  while ((pending = priv->written.first) != NULL && pending->end <= priv->writes.written)
    {
      kaa_pending_unlink (pending);
      if (pending->kind == KAA_PENDING_WRITE)
        kaa_pending_settle_int (pending, pending->end - pending->start, now);
      else if (priv->write_error != NULL)
        kaa_pending_settle_error (pending, g_steal_pointer (&priv->write_error), now);
      else
        kaa_pending_settle_boolean (pending, TRUE, now);
    }
}

static gboolean
would_take (KaaIOChannelPrivate *priv,
            gsize                length)
{
  return length <= priv->queue_size && get_used (priv) <= priv->queue_size - length;
}

static gboolean
settle_waiting (KaaIOChannel *self,
                gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *pending = priv->waiting.first;

  if (pending == NULL || !would_take (priv, pending->count))
    return FALSE;

  kaa_pending_unlink (pending);
  kaa_pending_settle_boolean (pending, TRUE, now);
  return TRUE;
}

static gboolean
is_ready (KaaIOChannelPrivate *priv)
{
  return priv->output != NULL && !priv->peer_gone && !priv->in_filter &&
         kaa_write_queue_get_length (&priv->writes) > 0 &&
         (priv->output->klass->get_ready (priv->output) & KAA_POLL_OUT) != 0;
}

/* One system call. Returns what the transport said. */
static gssize
write_once (KaaIOChannel *self,
            gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  struct iovec vectors[MAX_VECTORS];
  GError *error = NULL;
  int n_vectors = kaa_write_queue_peek (&priv->writes, vectors, MAX_VECTORS);
  gssize n;

  priv->in_filter = priv->filtered;
  n = priv->output->klass->write (priv->output, vectors, n_vectors, &error);
  priv->in_filter = FALSE;

  if (n > 0)
    {
      kaa_write_queue_consume (&priv->writes, n);
      subtract_used (priv, n);
      priv->bytes_written += n;
      kaa_channel_linger_on (self);
    }
  else if (n == KAA_TRANSPORT_REFUSED)
    {
      refuse_head (self, error, now);
    }
  else if (n == KAA_TRANSPORT_FAILED)
    {
      kaa_channel_end_output (self, error);
      return n;
    }

  if (priv->close_wanted)
    {
      priv->close_wanted = FALSE;
      kaa_channel_close_now (self, TRUE);
      return KAA_TRANSPORT_AGAIN;
    }

  kaa_channel_update_writable (self);
  return n;
}

gboolean
kaa_channel_write_out (KaaIOChannel *self,
                       gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gssize n;

  if (settle_waiting (self, TRUE))
    return TRUE;
  /* The bytes before them were aborted. */
  if (priv->written.first != NULL && priv->written.first->end <= priv->writes.written)
    {
      kaa_channel_settle_written (self, TRUE);
      return TRUE;
    }
  if (!is_ready (priv))
    return FALSE;

  n = write_once (self, TRUE);
  if (n > 0)
    *budget = kaa_poller_spend (priv->entry.poller, n);
  kaa_channel_settle_written (self, TRUE);
  kaa_channel_notify_state (self);

  return n != KAA_TRANSPORT_AGAIN && n != 0;
}

/* W4: the first one of a turn does not wait for the next. */
static void
write_directly (KaaIOChannel *self,
                gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint32 turn = kaa_poller_get_turn (priv->entry.poller);

  if (length > MAX_DIRECT || length != kaa_write_queue_get_length (&priv->writes) ||
      (priv->direct_used && priv->direct_turn == turn) ||
      priv->state != KAA_STATE_OPEN || priv->filtered || !is_ready (priv))
    return;

  priv->direct_used = TRUE;
  priv->direct_turn = turn;
  write_once (self, FALSE);
}

/* --- accepting --- */

/* The one place that says no. Any thread. */
static gboolean
reserve (KaaIOChannel  *self,
         gsize          length,
         GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used;

  if (g_atomic_int_get (&priv->remote_closed) || priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED ||
      kaa_poller_is_gone (priv->entry.poller) || kaa_poller_is_forked (priv->entry.poller))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The channel is closed: nothing can be written; wrap a new descriptor first");
      return FALSE;
    }
  if (priv->shut_down || priv->peer_gone)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The channel is closed for writing");
      return FALSE;
    }
  if (priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_WRITE))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "The channel is read-only; open it with a mode that includes writing");
      return FALSE;
    }
  if (length > priv->queue_size)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "%" G_GSIZE_FORMAT " bytes are more than the queue-size of %" G_GUINT64_FORMAT
                   "; write them in parts, or set a larger queue-size", length, priv->queue_size);
      return FALSE;
    }

  used = (gsize) g_atomic_pointer_add (&priv->write_used, length);
  if (used > priv->queue_size - length)
    {
      subtract_used (priv, length);
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
                   "The write queue holds %" G_GSIZE_FORMAT " bytes and takes no %" G_GSIZE_FORMAT
                   " more; wait for flush() or wait_writable()", used, length);
      return FALSE;
    }

  return TRUE;
}

/* Puts bytes that were reserved into the queue. On the channel's thread. */
static void
enqueue (KaaIOChannel *self,
         GBytes       *bytes,
         const guint8 *data,
         gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (bytes != NULL)
    kaa_write_queue_append_bytes (&priv->writes, bytes, 0);
  else
    kaa_write_queue_append (&priv->writes, data, length);
  kaa_channel_update_writable (self);
}

/* After something was enqueued, and its pending appended. */
static void
push (KaaIOChannel *self,
      gsize         length)
{
  write_directly (self, length);
  kaa_channel_settle_written (self, FALSE);
  kaa_channel_notify_state (self);

  /* Also where a dispatch is under way: a callback of it may wait() for this. */
  kaa_channel_schedule (self);
}

static void
append_write (KaaIOChannel *self,
              KaaPending   *pending,
              gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  pending->end = priv->writes.end;
  pending->start = pending->end - length;
  kaa_pending_append (&priv->written, pending);
}

/* --- from other threads --- */

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
  gsize length = g_bytes_get_size (remote->bytes);

  if (context_gone || priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED || priv->peer_gone)
    {
      subtract_used (priv, length);
      if (remote->pending != NULL)
        kaa_pending_settle_error (remote->pending, closed_error (0, priv->peer_gone), FALSE);
    }
  else
    {
      enqueue (remote->channel, remote->bytes, NULL, length);
      if (remote->pending != NULL)
        append_write (remote->channel, remote->pending, length);
      push (remote->channel, length);
    }

  g_bytes_unref (remote->bytes);
  g_object_unref (remote->channel);
  g_free (remote);
}

static void
write_remotely (KaaIOChannel *self,
                KaaPending   *pending,
                GBytes       *bytes)
{
  RemoteWrite *remote = g_new0 (RemoteWrite, 1);

  remote->task.func = remote_write;
  remote->channel = g_object_ref (self);
  remote->pending = pending;
  remote->bytes = g_bytes_ref (bytes);
  kaa_poller_defer (kaa_channel_get_private (self)->entry.poller, &remote->task);
}

/* --- methods --- */

/* After a refusal: the flag, and those who watch it. */
static void
refused (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (!kaa_poller_is_mine (priv->entry.poller))
    return;

  priv->full = TRUE;
  kaa_channel_notify_state (self);
}

static KaaInProgress *
write_common (KaaIOChannel *self,
              GBytes       *bytes,
              const guint8 *data,
              gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean mine = kaa_poller_is_mine (priv->entry.poller);
  KaaPoller *poller = mine ? kaa_poller_ref (priv->entry.poller) : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaPending *pending = kaa_pending_new (self, KAA_PENDING_WRITE, poller);
  KaaInProgress *future = g_object_ref (pending->future);
  GError *error = NULL;

  pending->foreign = !mine;
  kaa_poller_unref (poller);

  if (!reserve (self, length, &error))
    {
      gboolean is_full = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

      kaa_in_progress_set_refused (future);
      kaa_pending_settle_error (pending, error, FALSE);
      if (is_full)
        refused (self);
      return future;
    }

  if (mine)
    {
      enqueue (self, bytes, data, length);
      append_write (self, pending, length);
      push (self, length);
    }
  else
    {
      GBytes *copy = bytes != NULL ? g_bytes_ref (bytes) : g_bytes_new (data, length);

      write_remotely (self, pending, copy);
      g_bytes_unref (copy);
    }

  return future;
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
 * - what the system said, such as `G_IO_ERROR_NO_SPACE`; the channel stays open then.
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

  return write_common (self, NULL, data, length);
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
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (bytes != NULL, NULL);

  return write_common (self, bytes, NULL, g_bytes_get_size (bytes));
}

/**
 * kaa_io_channel_send:
 * @self: a channel
 * @bytes: the bytes
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
  KaaIOChannelPrivate *priv;
  GError *local = NULL;
  gsize length;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_channel_get_private (self);
  length = g_bytes_get_size (bytes);

  if (!reserve (self, length, &local))
    {
      gboolean is_full = g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);

      g_propagate_error (error, local);
      if (is_full)
        refused (self);
      return FALSE;
    }

  if (kaa_poller_is_mine (priv->entry.poller))
    {
      enqueue (self, bytes, NULL, length);
      push (self, length);
    }
  else
    {
      write_remotely (self, NULL, bytes);
    }

  return TRUE;
}

/* flush() and wait_writable() are asked for on the channel's thread. */
static KaaPending *
new_pending (KaaIOChannel   *self,
             KaaPendingKind  kind,
             GError        **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPoller *poller;
  KaaPending *pending;

  if (kaa_poller_is_mine (priv->entry.poller))
    return kaa_pending_new (self, kind, priv->entry.poller);

  poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  pending = kaa_pending_new (self, kind, poller);
  pending->foreign = TRUE;
  kaa_poller_unref (poller);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                       "Only write(), send() and close() may be called from a thread that is not the channel's");
  return pending;
}

/**
 * kaa_io_channel_flush:
 * @self: a channel
 *
 * Waits until everything that is queued by now has been written.
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

  if (error == NULL && (priv->state == KAA_STATE_CLOSED || kaa_poller_is_gone (priv->entry.poller)) &&
      priv->write_error == NULL)
    error = closed_error (0, FALSE);
  if (error != NULL)
    {
      kaa_pending_settle_error (pending, error, FALSE);
      return future;
    }

  pending->start = pending->end = priv->writes.end;
  kaa_pending_append (&priv->written, pending);
  kaa_channel_settle_written (self, FALSE);
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

  if (error == NULL && count > priv->queue_size)
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                 "%" G_GSIZE_FORMAT " bytes are more than the queue-size of %" G_GUINT64_FORMAT, count, priv->queue_size);
  else if (error == NULL && (priv->state == KAA_STATE_CLOSED || priv->state == KAA_STATE_CLOSING ||
                             priv->shut_down || kaa_poller_is_gone (priv->entry.poller)))
    error = closed_error (0, FALSE);
  else if (error == NULL && priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_WRITE))
    g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "The channel is read-only");

  if (error != NULL)
    {
      kaa_pending_settle_error (pending, error, FALSE);
      return future;
    }

  kaa_pending_append (&priv->waiting, pending);
  kaa_channel_schedule (self);
  return future;
}

/* W5 */
gboolean
kaa_channel_abort_write (KaaIOChannel  *self,
                         KaaPending    *write,
                         GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize in_flight = priv->output != NULL ? priv->output->klass->get_in_flight (priv->output) : 0;
  gsize length = write->end - write->start;

  if (length == 0 ? write->start < priv->writes.written : write->start < priv->writes.written + in_flight)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "%" G_GSIZE_FORMAT " bytes of this write have gone already",
                   MAX (get_gone (priv, write), MIN (in_flight, length)));
      return FALSE;
    }

  kaa_write_queue_remove (&priv->writes, write->start, write->end);
  subtract_used (priv, length);
  for (KaaPending *other = write->next; other != NULL; other = other->next)
    {
      other->start -= length;
      other->end -= length;
    }

  kaa_channel_update_writable (self);
  kaa_channel_schedule (self);
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The write side: from the queue to the transport.
 *
 * The first small write of a turn goes out in the call; what follows in the same turn goes out together. A write is a pair of
 * positions in the stream, so that partial writes, flush, abort and "how many went" are comparisons.
 */

#include "channel/kaa-io-channel-private.h"

#include <errno.h>

#define MAX_VECTORS 64
/* More is not worth delaying the caller for: it would most likely not fit in one go. */
#define MAX_DIRECT (64 * 1024)

/* W2: "from a refusal, or when the queue is full, until it is down to half". */
void
kaa_channel_update_writable (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_reserved (priv);

  if (used >= priv->options->queue_size)
    priv->full = TRUE;
  else if (used <= priv->options->queue_size / 2)
    priv->full = FALSE;
}

/* --- telling --- */

/* The oldest write or flush, if its last byte has gone. */
static KaaPending *
get_written (KaaIOChannelPrivate *priv)
{
  KaaPending *pending = priv->writing->written.first;

  return pending != NULL && pending->end <= priv->writing->writes.written ? pending : NULL;
}

static void
settle (KaaIOChannelPrivate *priv,
        KaaPending          *pending,
        gboolean             now)
{
  kaa_pending_unlink (pending);
  if (pending->kind == KAA_PENDING_WRITE)
    {
      priv->writing->border = MAX (priv->writing->border, pending->end);
      kaa_pending_settle_int (pending, pending->end - pending->start, now);
    }
  else if (pending->kind == KAA_PENDING_PIECE)
    kaa_splice_count_piece (pending);
  else if (pending->kind == KAA_PENDING_SHUTDOWN)
    kaa_channel_settle_shutdown (kaa_channel_from_private (priv), pending, now);
  else if (pending->kind == KAA_PENDING_FLUSH && priv->writing->write_error != NULL)
    kaa_pending_settle_error (pending, g_steal_pointer (&priv->writing->write_error), now);
  else
    kaa_pending_settle_boolean (pending, TRUE, now);
}

static gboolean
would_take (KaaIOChannelPrivate *priv,
            gsize                length)
{
  return length <= priv->options->queue_size && kaa_channel_get_reserved (priv) <= priv->options->queue_size - length;
}

/* The oldest wait_writable(), if there is room enough. */
static KaaPending *
get_waiting (KaaIOChannelPrivate *priv)
{
  KaaPending *pending = priv->writing->waiting.first;

  return pending != NULL && would_take (priv, pending->count) ? pending : NULL;
}

/* Writes, flushes and those who wait for room hear of it in the order in which they asked. */
static gboolean
settle_next (KaaIOChannel *self,
             gboolean      now)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *written = get_written (priv);
  KaaPending *waiting = get_waiting (priv);

  if (written == NULL && waiting == NULL)
    return FALSE;

  if (waiting == NULL || (written != NULL && (gint32) (written->serial - waiting->serial) < 0))
    settle (priv, written, now);
  else
    settle (priv, waiting, now);
  return TRUE;
}

/* In a dispatch. Where others of it are told behind it, so is this one. */
static gboolean
tell_next (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return (priv->writing->written.first != NULL || priv->writing->waiting.first != NULL) && settle_next (self, !priv->failing);
}

void
kaa_channel_settle_in_call (KaaIOChannel *self)
{
  if (!settle_next (self, FALSE))
    return;
  while (settle_next (self, FALSE))
    ;

  /* Later ones are not told before. */
  if (kaa_channel_get_private (self)->pumping)
    kaa_channel_note_deferred (self);
  else
    kaa_channel_schedule_last (self);
}

void
kaa_channel_settle_gone (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *pending;

  while ((pending = get_written (priv)) != NULL)
    settle (priv, pending, FALSE);
}

void
kaa_channel_ask_to_write (KaaWriting     *writing,
                          KaaPendingList *list,
                          KaaPending     *pending)
{
  pending->serial = writing->n_asked++;
  kaa_pending_append (list, pending);
}

/* --- writing out --- */

static gboolean
is_ready (KaaIOChannelPrivate *priv)
{
  return priv->output != NULL && !priv->peer_gone && !priv->in_filter &&
         (priv->writing->pause == NULL || !kaa_channel_is_pausing (priv)) &&
         (priv->output->klass->get_ready (priv->output) & KAA_POLL_OUT) != 0;
}

/* Where nothing waits a message has ended, whoever wrote it. */
static void
note_border (KaaWriting *writing)
{
  if (kaa_write_queue_get_length (&writing->writes) == 0)
    writing->border = writing->writes.written;
}

/* n bytes have gone: of the queue, or before they came into it. */
static void
count_written (KaaIOChannel *self,
               gsize         n)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_channel_unreserve (priv, n);
  priv->bytes_written += n;
  kaa_channel_note_activity (self);
}

/* What was tried so often in vain that nobody waits for it any longer. */
static gssize
give_up (KaaIOChannel *self)
{
  KaaFdKind kind = kaa_channel_get_private (self)->output->kind;

  kaa_channel_end_pause (self);
  return kind == KAA_FD_FILE || kind == KAA_FD_OTHER ? KAA_TRANSPORT_REFUSED : KAA_TRANSPORT_FAILED;
}

/* The transport does not take what stands at the head of the queue. Returns AGAIN, or that something was done about it. */
static gssize
write_failed (KaaIOChannel *self,
              gssize        result,
              GError       *error) /* taken */
{
  if (result == KAA_TRANSPORT_LATER)
    {
      if (kaa_channel_begin_pause (self))
        {
          g_error_free (error);
          return KAA_TRANSPORT_AGAIN;
        }
      result = give_up (self);
    }

  if (result == KAA_TRANSPORT_REFUSED)
    kaa_channel_refuse_head (self, error);
  else
    kaa_channel_end_output (self, error);
  return result;
}

static gssize
send_fds (KaaTransport        *output,
          const struct iovec  *vectors,
          int                  n_vectors,
          const KaaFds        *fds,
          GError             **error)
{
  if (output->klass->send != NULL)
    return output->klass->send (output, vectors, n_vectors, fds, error);

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "Only unix sockets carry descriptors");
  return KAA_TRANSPORT_REFUSED;
}

/* One system call. Returns what the transport said. */
static gssize
write_once (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  struct iovec vectors[MAX_VECTORS];
  GError *error = NULL;
  int n_vectors = kaa_write_queue_peek (&priv->writing->writes, vectors, MAX_VECTORS);
  const KaaFds *fds = kaa_write_queue_peek_fds (&priv->writing->writes);
  gssize n;

  priv->in_filter = priv->filtered;
  if (fds != NULL)
    n = send_fds (priv->output, vectors, n_vectors, fds, &error);
  else
    n = priv->output->klass->write (priv->output, vectors, n_vectors, &error);
  priv->in_filter = FALSE;

  /* It says what became of bytes that are not ours. An error of the connection is, though. */
  if (priv->orphan && n != KAA_TRANSPORT_AGAIN && n != KAA_TRANSPORT_LATER)
    {
      priv->orphan = FALSE;
      if (n != KAA_TRANSPORT_FAILED)
        {
          g_clear_error (&error);
          return 1;
        }
    }

  if (n > 0)
    {
      kaa_write_queue_consume (&priv->writing->writes, n);
      note_border (priv->writing);
      count_written (self, n);
      kaa_channel_end_pause (self);
      kaa_channel_update_writable (self);
      kaa_channel_linger_on (self);
    }
  else if (n != 0 && n != KAA_TRANSPORT_AGAIN)
    {
      n = write_failed (self, n, error);
    }

  if (priv->close_wanted)
    {
      priv->close_wanted = FALSE;
      kaa_channel_close_now (self, TRUE);
      return KAA_TRANSPORT_AGAIN;
    }

  return n;
}

gboolean
kaa_channel_write_out (KaaIOChannel *self,
                       gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gssize n;

  if (tell_next (self))
    return TRUE;
  if (!is_ready (priv))
    return FALSE;
  if (kaa_channel_get_unwritten (priv) == 0)
    {
      if (kaa_channel_is_awaited (priv))
        kaa_channel_wake_feeders (self);
      return FALSE;
    }

  n = write_once (self);
  if (n > 0)
    *budget = kaa_poller_spend (priv->entry.poller, n);
  while (*budget && tell_next (self))
    *budget = kaa_channel_has_budget (priv);
  kaa_channel_wake_feeders (self);
  kaa_channel_notify_state (self);

  return n != KAA_TRANSPORT_AGAIN && n != 0;
}

/* --- taking --- */

/* W4: the first one of a turn does not wait for the next. */
static gboolean
goes_directly (KaaIOChannelPrivate *priv,
               gsize                length)
{
  if (length == 0 || length > MAX_DIRECT || kaa_channel_get_unwritten (priv) > 0 || priv->direct_used ||
      priv->state != KAA_STATE_OPEN || priv->filtered || priv->orphan || !is_ready (priv))
    return FALSE;

  priv->direct_used = TRUE;
  return TRUE;
}

/* The last length bytes in the queue are those that it waits for. */
static void
note_pending (KaaWriting *writing,
              KaaPending *pending,
              gsize       length)
{
  pending->end = writing->writes.end;
  pending->start = pending->end - length;
  kaa_channel_ask_to_write (writing, &writing->written, pending);
}

void
kaa_channel_accept (KaaIOChannel *self,
                    KaaPending   *pending,
                    const guint8 *data,
                    gsize         length,
                    GBytes       *owner)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean is_piece = pending != NULL && pending->kind == KAA_PENDING_PIECE;
  KaaWriting *writing;
  GError *error = NULL;
  gssize result = KAA_TRANSPORT_AGAIN;
  gsize gone;

  if (goes_directly (priv, length))
    {
      struct iovec vector = { (gpointer) data, length };

      result = priv->output->klass->write (priv->output, &vector, 1, &error);
    }

  gone = MAX (result, 0);
  if (gone > 0)
    count_written (self, gone);
  /* Nothing is left of it, nobody waits, and the look that follows every call is under way. */
  if (gone == length && pending == NULL && !priv->full && priv->writing == &kaa_channel_no_writing && priv->pumping)
    return;

  writing = kaa_channel_need_writing (priv);
  kaa_write_queue_skip (&writing->writes, gone);
  if (gone < length)
    kaa_write_queue_append (&writing->writes, data + gone, length - gone, owner);
  note_border (writing);
  if (pending != NULL)
    note_pending (writing, pending, length);

  if (result == KAA_TRANSPORT_FAILED)
    kaa_channel_end_output (self, error); /* this write has failed with it, and pending is no more */
  else
    g_clear_error (&error); /* it stands at the head of the queue, and the loop will find the same */
  /* A splice has ended when the target has told of all that went before. */
  if (!is_piece)
    kaa_channel_settle_in_call (self);
  kaa_channel_update_writable (self);
  kaa_channel_notify_state (self);

  /* Where a dispatch is under way it looks after what is left, but a callback of it may wait() for this. */
  if (!priv->pumping || priv->writing->written.first != NULL || kaa_channel_get_unwritten (priv) > 0 ||
      priv->writing->waiting.first != NULL)
    kaa_channel_schedule (self);
}

void
kaa_channel_append (KaaIOChannel *self,
                    const guint8 *data,
                    gsize         length,
                    GBytes       *owner)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_write_queue_append (&priv->writing->writes, data, length, owner);
  kaa_poll_entry_schedule (&priv->entry);
}

void
kaa_channel_accept_with_fds (KaaIOChannel *self,
                             KaaPending   *pending,
                             GBytes       *bytes,
                             KaaFds       *take)
{
  KaaWriting *writing = kaa_channel_need_writing (kaa_channel_get_private (self));

  kaa_write_queue_append_fds (&writing->writes, bytes, take);
  note_pending (writing, pending, g_bytes_get_size (bytes));
  kaa_channel_update_writable (self);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
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

  if (length == 0 ? write->start < priv->writing->writes.written : write->start < priv->writing->writes.written + in_flight)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                   "%" G_GSIZE_FORMAT " bytes of this write have gone already",
                   MAX (kaa_channel_get_gone (priv, write), MIN (in_flight, length)));
      return FALSE;
    }

  kaa_write_queue_remove (&priv->writing->writes, write->start, write->end);
  note_border (priv->writing);
  kaa_channel_unreserve (priv, length);
  for (KaaPending *other = write->next; other != NULL; other = other->next)
    {
      other->start -= length;
      other->end -= length;
    }

  kaa_channel_update_writable (self);
  kaa_channel_schedule (self);
  return TRUE;
}

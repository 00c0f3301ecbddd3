/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Closing: by us, at the end of input, and because of errors.
 *
 * Every close is a KaaClosing in a list. The descriptor goes first, the announcement (`closed`, then the futures) follows
 * from the loop, and always before anything of what is wrapped next.
 */

#include "channel/kaa-io-channel-private.h"
#include "loop/kaa-collector.h"

static KaaClosing *
get_last_closing (KaaIOChannelPrivate *priv)
{
  KaaClosing *closing = priv->writing->closings;

  while (closing != NULL && closing->next != NULL)
    closing = closing->next;
  return closing;
}

static void
add_closing (KaaIOChannelPrivate *priv,
             gboolean             expected)
{
  KaaClosing *closing = g_new0 (KaaClosing, 1);
  KaaClosing *last = get_last_closing (priv);

  closing->expected = expected;
  if (last != NULL)
    last->next = closing;
  else
    kaa_channel_need_writing (priv)->closings = closing;
}

void
kaa_channel_end_requests (KaaIOChannel *self,
                          const GError *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *request;

  while ((request = priv->reading->requests.first) != NULL)
    {
      priv->failing = priv->pumping;
      kaa_pending_unlink (request);
      if (error != NULL)
        kaa_pending_settle_error (request, g_error_copy (error), FALSE);
      else
        kaa_pending_settle_end (request, FALSE);
    }
}

/* --- the descriptor --- */

/* A subclass may have something to write or to free; it cannot stop the close. */
static void
call_close_channel (KaaIOChannel *self)
{
  GError *error = NULL;

  kaa_collector_finish ();
  if (!KAA_IO_CHANNEL_GET_CLASS (self)->close_channel (self, &error))
    {
      g_debug ("close_channel() failed: %s", error != NULL ? error->message : "no error was set");
      g_clear_error (&error);
    }
}

void
kaa_channel_close_transports (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean forked = kaa_poller_is_forked (priv->entry.poller);
  KaaTransport *input = g_steal_pointer (&priv->input);
  KaaTransport *output = g_steal_pointer (&priv->output);

  kaa_channel_end_linger (self);
  kaa_channel_end_idle (self);
  kaa_channel_end_pause (self);
  if (input != NULL)
    {
      input->klass->stop (input);
      input->klass->close (input, priv->close_fd, forked);
    }
  if (output != NULL && output != input)
    {
      output->klass->stop (output);
      output->klass->close (output, priv->close_fd, forked);
    }
  priv->filtered = FALSE;
}

static void
close_descriptor (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->filtered && (priv->input != NULL || priv->output != NULL))
    {
      priv->in_filter = TRUE;
      call_close_channel (self);
      priv->in_filter = FALSE;
      priv->close_wanted = FALSE;
    }
  kaa_channel_close_transports (self);
  kaa_channel_notify_fileno (self);
}

/* The descriptor is closed: the announcement may follow. */
static void
finish_close (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaClosing *closing = get_last_closing (priv);

  priv->state = KAA_STATE_CLOSED;
  kaa_channel_publish (priv);
  close_descriptor (self);
  closing->done = TRUE;
  /* Behind the futures that have failed. */
  kaa_channel_schedule_last (self);
}

/* From here on the channel is not alive. */
static void
begin_close (KaaIOChannel *self,
             gboolean      expected)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  add_closing (priv, expected);
  priv->state = KAA_STATE_CLOSING;
  kaa_channel_publish (priv);
  priv->look_behind_eof = FALSE;
  kaa_channel_close_feeders (self, expected);
  kaa_channel_notify_state (self);
}

/* TRUE if `error` is another one now, of which nobody was told. */
static gboolean
abandon_writes (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean news;

  if (priv->writing->writes.end == priv->writing->writes.written && priv->writing->written.first == NULL && priv->writing->waiting.first == NULL)
    return FALSE;

  news = kaa_channel_put_end_error (priv);
  kaa_channel_fail_writes (self, priv->writing->end_error);
  return news;
}

void
kaa_channel_close_now (KaaIOChannel *self,
                       gboolean      expected)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean news;

  /* A virtual method of the transport is running: it closes behind it. */
  if (priv->in_filter)
    {
      priv->close_wanted = TRUE;
      return;
    }

  if (priv->state == KAA_STATE_OPEN)
    begin_close (self, expected);
  if (priv->state != KAA_STATE_CLOSING)
    return;

  news = abandon_writes (self);
  kaa_channel_end_requests (self, expected ? NULL : priv->writing->end_error);
  finish_close (self);
  if (news)
    g_object_notify (G_OBJECT (self), "error");
}

void
kaa_channel_close_with_error (KaaIOChannel *self,
                              GError       *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (error == NULL)
    {
      kaa_channel_close_now (self, FALSE);
      return;
    }

  g_clear_error (&priv->writing->end_error);
  kaa_channel_need_writing (priv)->end_error = error;
  kaa_channel_put_error (priv, error);
  kaa_channel_close_now (self, FALSE);
  /* Last: a handler may open it anew. */
  g_object_notify (G_OBJECT (self), "error");
}

/* --- ends --- */

void
kaa_channel_end_input (KaaIOChannel *self,
                       GError       *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->eof = TRUE;
  priv->look_behind_eof = FALSE;
  if (priv->writing->end_error == NULL)
    kaa_channel_need_writing (priv)->end_error = error;
  else
    g_clear_error (&error);
  kaa_channel_notify_state (self);
}

void
kaa_channel_end_output (KaaIOChannel *self,
                        GError       *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean news;

  /* Who has closed his standard input may have a lot to say on his output. */
  if (priv->state == KAA_STATE_OPEN && kaa_channel_writes_apart (priv))
    {
      kaa_channel_put_error (priv, error);
      kaa_channel_fail_writes (self, error);
      g_error_free (error);
      kaa_channel_close_output (self);
      g_object_notify (G_OBJECT (self), "error");
      kaa_channel_notify_state (self);
      return;
    }

  priv->peer_gone = TRUE;
  kaa_channel_publish (priv);
  if (priv->writing->end_error == NULL)
    kaa_channel_need_writing (priv)->end_error = error;
  else
    g_clear_error (&error);
  news = kaa_channel_put_end_error (priv);
  kaa_channel_fail_writes (self, priv->writing->end_error);

  if (priv->input == NULL || priv->eof)
    priv->eof = TRUE;
  else if (kaa_channel_look (self) == 0 && priv->reading->requests.first == NULL)
    {
      /* Nobody reads, but somebody may ask for it later. */
      kaa_channel_slurp (self);
      priv->eof = TRUE;
    }
  kaa_channel_schedule (self);
  if (news)
    g_object_notify (G_OBJECT (self), "error");
}

/* --- orderly closing --- */

/* C1: closing a socket that has unread input makes the kernel throw away what was flushed. */
static gboolean
must_drain (KaaIOChannelPrivate *priv)
{
  return priv->input != NULL && priv->input == priv->output && priv->input->kind == KAA_FD_SOCKET &&
         !priv->eof && !priv->filtered && priv->bytes_written > 0 &&
         priv->input->klass->get_unread (priv->input) > 0;
}

/* At the end of input everything that a handler may still want comes before the close; who has blocked it or
 * paused the channel may change his mind. Whoever asks on although nothing is left is told once more, behind it. */
static gboolean
is_delivered (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *request = priv->reading->requests.first;

  if (request != NULL ? !kaa_channel_is_late (priv, request) : priv->emitting)
    return FALSE;
  if (priv->reading->chunks != NULL)
    return FALSE;
  return kaa_channel_get_queued (priv) == 0 || kaa_channel_look_blocked (self) == KAA_LOOK_NOBODY;
}

static gboolean
close_transports_orderly (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if ((priv->input != NULL && !priv->input->klass->finish (priv->input, priv->close_fd)) ||
      (priv->output != NULL && priv->output != priv->input &&
       !priv->output->klass->finish (priv->output, priv->close_fd)))
    {
      /* A TLS connection says goodbye, but not to a peer that does not listen. */
      if (!kaa_channel_is_lingering (self) && (priv->input == NULL || priv->input->kind != KAA_FD_FILE))
        kaa_channel_begin_linger (self);
      return FALSE;
    }

  finish_close (self);
  return TRUE;
}

static gboolean
step_at_end (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *flush;

  if (!priv->eof || !is_delivered (self))
    return FALSE;
  if (priv->writing->end_error == NULL && !kaa_channel_closes_on_eof (self))
    return FALSE;

  /* A handler of the property may have done anything. */
  if (kaa_channel_tell_end_error (self))
    return TRUE;
  if (priv->writing->end_error != NULL)
    {
      kaa_channel_close_now (self, FALSE);
      return TRUE;
    }

  /* C3: the answer that is queued by now is still written, as long as the other side takes it. */
  begin_close (self, FALSE);
  while ((flush = priv->writing->waiting.first) != NULL)
    {
      priv->failing = TRUE;
      kaa_pending_unlink (flush);
      kaa_pending_settle_error (flush, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                            "The channel was closed"), FALSE);
    }
  if (kaa_channel_get_unwritten (priv) > 0)
    kaa_channel_begin_linger (self);
  return TRUE;
}

/* One step towards the end of a close that is under way. */
gboolean
kaa_channel_close_step (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->state == KAA_STATE_OPEN)
    return step_at_end (self);
  if (priv->state != KAA_STATE_CLOSING || priv->in_filter)
    return FALSE;

  if (kaa_channel_get_unwritten (priv) > 0 && !priv->peer_gone)
    return FALSE;

  if (abandon_writes (self))
    {
      g_object_notify (G_OBJECT (self), "error");
      return TRUE;
    }
  if (!priv->draining && must_drain (priv) && !priv->peer_gone)
    {
      priv->draining = TRUE;
      priv->output->klass->shutdown (priv->output, NULL);
      kaa_channel_begin_linger (self);
      return TRUE;
    }
  if (priv->draining && !priv->eof)
    return FALSE;

  return close_transports_orderly (self);
}

/* Tells about the oldest close that is done, behind everything else. The signal waits while a handler of the channel runs; the futures do not,
 * so that close().wait() works there. */
gboolean
kaa_channel_announce_close (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaClosing *closing = priv->writing->closings;
  KaaPending *future;

  if (closing == NULL || !closing->done || priv->failing)
    return FALSE;

  if (!closing->signalled && !priv->emitting)
    {
      /* Nothing is told behind it. */
      if (priv->reading->overflows != NULL)
        return FALSE;
      closing->signalled = TRUE;
      priv->emitting = TRUE;
      kaa_collector_finish ();
      g_signal_emit (self, kaa_channel_signals[KAA_SIGNAL_CLOSED], 0, closing->expected);
      priv->emitting = FALSE;
      return TRUE;
    }

  future = closing->futures.first;
  if (future != NULL)
    {
      kaa_pending_unlink (future);
      kaa_pending_settle_boolean (future, closing->expected, TRUE);
      return TRUE;
    }

  if (!closing->signalled)
    return FALSE;

  kaa_channel_need_writing (priv)->closings = closing->next;
  g_free (closing);
  return TRUE;
}

/* --- without anybody to tell --- */

/* From dispose: nothing is emitted, futures are settled from the loop. */
void
kaa_channel_close_silently (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The channel has gone");
  KaaClosing *closing;

  priv->state = KAA_STATE_CLOSED;
  kaa_channel_publish (priv);
  kaa_channel_end_requests (self, error);
  kaa_channel_fail_writes (self, error);
  close_descriptor (self);

  while ((closing = priv->writing->closings) != NULL)
    {
      KaaPending *future;

      while ((future = closing->futures.first) != NULL)
        {
          kaa_pending_unlink (future);
          kaa_pending_settle_boolean (future, closing->expected, FALSE);
        }
      kaa_channel_need_writing (priv)->closings = closing->next;
      g_free (closing);
    }
  g_error_free (error);
}

/* C9: the loop will never run again. */
void
kaa_channel_context_gone (KaaPollEntry *entry)
{
  KaaIOChannel *self = kaa_channel_from_private ((gpointer) entry);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  g_object_ref (self);
  kaa_channel_close_silently (self);
  if (priv->held)
    {
      priv->held = FALSE;
      g_object_unref (self);
    }
  g_object_unref (self);
}

/* --- methods --- */

/* Who reads finds nothing more: also where the channel was closed before, and what was left is still being asked for. */
static void
discard_input (KaaIOChannel *self)
{
  kaa_channel_end_requests (self, NULL);
  kaa_channel_clear_input (self);
}

void
kaa_channel_close_here (KaaIOChannel  *self,
                        KaaPending    *pending,
                        KaaCloseFlags  flags)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean expected = !(flags & KAA_CLOSE_UNEXPECTED);
  KaaClosing *closing;

  if (priv->state == KAA_STATE_OPEN)
    {
      begin_close (self, expected);
      kaa_channel_end_requests (self, NULL);
    }
  else if (priv->state == KAA_STATE_UNOPENED)
    {
      /* Who closes it does not mean to open it for what waits. */
      kaa_channel_end_requests (self, NULL);
      abandon_writes (self);
    }

  if (flags & KAA_CLOSE_DISCARD)
    discard_input (self);

  /* Closing what is closed is fine: it ends with the close that is under way, or at once. */
  closing = get_last_closing (priv);
  if (closing == NULL)
    {
      kaa_pending_settle_boolean (pending, TRUE, FALSE);
      return;
    }

  kaa_pending_append (&closing->futures, pending);
  /* What is queued is the parent's to write. */
  if ((flags & KAA_CLOSE_IMMEDIATE) || kaa_poller_is_forked (priv->entry.poller))
    kaa_channel_close_now (self, expected);
  else if (!priv->pumping && priv->state == KAA_STATE_CLOSING)
    while (kaa_channel_close_step (self) && priv->state == KAA_STATE_CLOSING)
      ;
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
}

/**
 * kaa_io_channel_close:
 * @self: a channel
 * @flags: how
 *
 * Closes the channel.
 *
 * [property@Kaa.IOChannel:alive] is %FALSE at once, pending requests finish empty, and later writes fail with
 * `G_IO_ERROR_CLOSED`. What is queued is written first; input that arrives meanwhile is thrown away. With
 * %KAA_CLOSE_IMMEDIATE the descriptor is closed in the call, and what was queued fails.
 * What was read before can still be read, unless %KAA_CLOSE_DISCARD throws it away: then whoever iterates or asks ends at once, and `read`
 * handlers are not told of the rest either. A channel that is not open gives up what was asked of it; it can still be opened.
 *
 * [signal@Kaa.IOChannel::closed] and the future follow from the loop. Closing twice is fine: the second future finishes with the
 * first. May be called from any thread.
 *
 * Returns: (transfer full): a future that is finished with whether the close was expected
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_close (KaaIOChannel  *self,
                      KaaCloseFlags  flags)
{
  KaaInProgress *future;
  KaaPending *pending;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  pending = kaa_channel_new_pending (self, KAA_PENDING_CLOSE);
  future = g_object_ref (pending->future);
  if (!pending->foreign)
    kaa_channel_close_here (self, pending, flags);
  else
    kaa_channel_close_remotely (self, pending, flags);
  return future;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One channel takes over what another has open.
 *
 * All that can go wrong is looked at first, while nothing has changed yet; from then on nothing can fail. The transport is handed on
 * as it runs, with all that it knows; what its channel knows of it goes with it.
 */

#include "channel/kaa-channel-properties.h"
#include "channel/kaa-io-channel-private.h"

/* --- what can go wrong --- */

/* It stands in for something that is not there yet, or is none. */
static gboolean
is_anchored (KaaTransport *transport)
{
  return transport != NULL && kaa_filter_transport_get_inner (transport)->klass->can_move == NULL;
}

static gboolean
check_transport (KaaTransport  *transport,
                 GError       **error)
{
  if (transport == NULL)
    return TRUE;

  transport = kaa_filter_transport_get_inner (transport);
  return transport->klass->can_move (transport, error);
}

static gboolean
check_other (KaaIOChannel    *self,
             KaaIOChannel    *other,
             KaaIOCondition   mode,
             GError         **error)
{
  KaaIOChannelPrivate *theirs = kaa_channel_get_private (other);
  gsize length;

  if (!kaa_channel_check_openable (self, error))
    return FALSE;
  if (self == other || !kaa_channel_insist (theirs) || theirs->state != KAA_STATE_OPEN ||
      kaa_poller_is_forked (theirs->entry.poller))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           self == other ? "A channel cannot be wrapped in itself"
                                         : "The other channel is not open in this thread");
      return FALSE;
    }
  if (is_anchored (theirs->input))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "A socket that is listening, connecting or agreeing on TLS cannot be taken over");
      return FALSE;
    }
  if (theirs->in_filter)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                           "The other channel is just reading or writing");
      return FALSE;
    }
  if (mode == 0 || (mode & ~theirs->mode) != 0 || (mode == KAA_IO_WRITE && theirs->output == NULL))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "The other channel does not have this mode");
      return FALSE;
    }
  return check_transport (theirs->input, error) &&
         (theirs->output == theirs->input || check_transport (theirs->output, error)) &&
         kaa_channel_gather_input (other, &length, error);
}

/* --- what is open --- */

/* What is known of it beside the transports. */
typedef struct
{
  KaaTransport *input, *output;
  gboolean close_fd;
  gboolean eof;
  gboolean peer_gone;
  gboolean shut_down;
  gboolean orphan;
  GError *end_error;
  gint64 active_at;
} Held;

/* It was asked for, and waits for what is queued. */
static gboolean
is_shutdown_pending (KaaIOChannelPrivate *priv)
{
  for (KaaPending *pending = priv->writing->written.first; pending != NULL; pending = pending->next)
    if (pending->kind == KAA_PENDING_SHUTDOWN)
      return TRUE;
  return FALSE;
}

/* Bytes that the transport will say something about later, whoever asks it then. */
static gboolean
has_under_way (KaaIOChannelPrivate *priv)
{
  return priv->orphan || (priv->output != NULL && priv->output->klass->get_in_flight (priv->output) > 0);
}

/* The other channel lets go of it, and becomes unopened. What is left in its queue is all there will be. */
static void
let_go (KaaIOChannel *other,
        Held         *held)
{
  KaaIOChannelPrivate *theirs = kaa_channel_get_private (other);

  *held = (Held) {
    .input = theirs->input,
    .output = theirs->output,
    .close_fd = theirs->close_fd,
    .eof = theirs->eof,
    .peer_gone = theirs->peer_gone,
    .shut_down = theirs->shut_down,
    .end_error = theirs->writing->end_error,
    .active_at = kaa_channel_get_active_at (other),
  };

  kaa_channel_end_idle (other);
  theirs->input = theirs->output = NULL;
  if (held->end_error != NULL)
    theirs->writing->end_error = NULL;
  theirs->filtered = FALSE;
  theirs->state = KAA_STATE_UNOPENED;
  theirs->mode = 0;
  theirs->peer_gone = theirs->shut_down = theirs->orphan = theirs->look_behind_eof = FALSE;
  theirs->eof = TRUE;
  kaa_channel_publish (theirs);
}

/* For this channel: filters stay behind. */
static KaaTransport *
take_transport (KaaIOChannel   *self,
                KaaTransport   *transport,
                KaaIOCondition  mode)
{
  KaaPollFlags flags = ((mode & KAA_IO_READ) ? KAA_POLL_IN : 0) | ((mode & KAA_IO_WRITE) ? KAA_POLL_OUT : 0);

  transport = kaa_filter_transport_unwrap (transport);
  transport->klass->move (transport, &kaa_channel_get_private (self)->entry, flags);
  return kaa_channel_filter_transport (self, transport);
}

/* Half of a pair of descriptors, which was not asked for. */
static void
close_half (KaaTransport *half,
            gboolean      close_fd)
{
  half->klass->stop (half);
  half->klass->close (half, close_fd, /* forked= */ FALSE);
}

static void
take_halves (KaaIOChannel   *self,
             Held           *held,
             KaaIOCondition  mode)
{
  if (held->input == held->output)
    {
      KaaTransport *both = take_transport (self, held->input, mode);

      held->input = (mode & KAA_IO_READ) ? both : NULL;
      held->output = (mode & KAA_IO_WRITE) ? both : NULL;
      return;
    }

  if (held->input != NULL && (mode & KAA_IO_READ))
    held->input = take_transport (self, held->input, KAA_IO_READ);
  else if (held->input != NULL)
    close_half (g_steal_pointer (&held->input), held->close_fd);

  if (held->output != NULL && (mode & KAA_IO_WRITE))
    held->output = take_transport (self, held->output, KAA_IO_WRITE);
  else if (held->output != NULL)
    close_half (g_steal_pointer (&held->output), held->close_fd);
}

/* What is known of a direction that this channel does not have says nothing to it. */
static void
take_ends (KaaIOChannel   *self,
           Held           *held,
           KaaIOCondition  mode)
{
  KaaIOChannelPrivate *ours = kaa_channel_get_private (self);

  ours->mode = mode;
  ours->eof = held->eof && (mode & KAA_IO_READ);
  ours->peer_gone = held->peer_gone && (mode & KAA_IO_WRITE);
  ours->shut_down = held->shut_down && (mode & KAA_IO_WRITE);
  ours->orphan = held->orphan && (mode & KAA_IO_WRITE);
  if (held->end_error != NULL && (ours->eof || ours->peer_gone))
    kaa_channel_need_writing (ours)->end_error = held->end_error;
  else
    g_clear_error (&held->end_error);
  /* With the output everything is over that such a channel has. */
  if (ours->peer_gone && !(mode & KAA_IO_READ))
    ours->eof = TRUE;
}

/* Of a channel that was checked. Handlers hear of it when all is done. */
static void
take_over (KaaIOChannel   *self,
           KaaIOChannel   *other,
           KaaIOCondition  mode,
           Held           *held)
{
  KaaIOChannelPrivate *ours = kaa_channel_get_private (self);

  take_halves (self, held, mode);
  kaa_channel_take_transports (self, held->input, held->output);
  take_ends (self, held, mode);
  if (ours->close_fd != held->close_fd)
    {
      ours->close_fd = held->close_fd;
      kaa_channel_property_changed (self, KAA_PROP_CLOSE_FD);
    }
  kaa_channel_taken_over (self, other);
  kaa_channel_opened (self);
  kaa_channel_set_active_at (self, held->active_at);
}

/* A request may have waited here for an end that has been seen elsewhere. */
static void
begin_to_serve (KaaIOChannel *self)
{
  KaaIOChannelPrivate *ours = kaa_channel_get_private (self);

  if (ours->eof && ours->writing->end_error == NULL && ours->reading->requests.first != NULL && !kaa_channel_closes_on_eof (self))
    ours->look_behind_eof = TRUE;
}

static void
begin (KaaIOChannel *self,
       KaaIOChannel *other)
{
  g_object_freeze_notify (G_OBJECT (self));
  g_object_freeze_notify (G_OBJECT (other));
}

static void
end (KaaIOChannel *self,
     KaaIOChannel *other)
{
  begin_to_serve (self);
  kaa_channel_notify_fileno (other);
  kaa_channel_notify_state (other);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (other);
  kaa_channel_schedule (self);
  g_object_thaw_notify (G_OBJECT (other));
  g_object_thaw_notify (G_OBJECT (self));
}

/**
 * kaa_io_channel_wrap_channel:
 * @self: a channel
 * @other: another one, which is open
 * @mode: what its descriptor is used for
 * @error: return location for an error
 *
 * Takes over the descriptor of another channel.
 *
 * The other one becomes unopened without a [signal@Kaa.IOChannel::closed]. What it has read can still be read there; its pending
 * requests and writes fail with `G_IO_ERROR_CLOSED`.
 * What is known of the descriptor is known to this channel: that the input has ended and why, that the other side is gone, that it
 * was shut down for writing.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where the other one is not open or not in this mode, or its descriptor was closed by somebody
 * else; with `G_IO_ERROR_NOT_SUPPORTED` for a socket that is listening, connecting or agreeing on TLS, and with `G_IO_ERROR_BUSY` while a
 * virtual method of either channel reads or writes. Then nothing has changed, on either of them.
 *
 * Returns: %TRUE if the channel is open
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_wrap_channel (KaaIOChannel    *self,
                             KaaIOChannel    *other,
                             KaaIOCondition   mode,
                             GError         **error)
{
  KaaIOChannelPrivate *theirs;
  gboolean orphan, unfinished;
  GError *gone;
  Held held;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (other), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!check_other (self, other, mode, error))
    return FALSE;

  theirs = kaa_channel_get_private (other);
  begin (self, other);
  orphan = has_under_way (theirs);
  unfinished = is_shutdown_pending (theirs);
  let_go (other, &held);
  held.orphan = orphan;
  /* One that fails with the writes before it has not happened. */
  if (unfinished)
    held.shut_down = FALSE;

  gone = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "Another channel took over the descriptor");
  kaa_channel_end_requests (other, gone);
  kaa_channel_fail_writes (other, gone);
  g_error_free (gone);

  take_over (self, other, mode, &held);
  end (self, other);
  return TRUE;
}

/* --- what is queued --- */

/* What is queued in `other` goes out first, then what was written to this channel before it was open. */
static void
take_writes (KaaIOChannel *self,
             KaaIOChannel *other)
{
  KaaIOChannelPrivate *ours = kaa_channel_get_private (self);
  KaaIOChannelPrivate *theirs = kaa_channel_get_private (other);
  KaaWriting *to = kaa_channel_need_writing (ours);
  KaaWriting *from = theirs->writing;
  KaaPendingList written = { 0, }, waiting = { 0, };
  KaaWriteQueue queue = from->writes;
  gsize length = kaa_write_queue_get_length (&queue);
  guint64 moved = queue.end - to->writes.written;

  if (from == &kaa_channel_no_writing)
    return;

  to->write_error = g_steal_pointer (&from->write_error);
  for (KaaPending *write = to->written.first; write != NULL; write = write->next)
    {
      write->start += moved;
      write->end += moved;
      write->serial += from->n_asked;
    }
  for (KaaPending *pending = to->waiting.first; pending != NULL; pending = pending->next)
    pending->serial += from->n_asked;
  to->n_asked += from->n_asked;
  kaa_write_queue_join (&queue, &to->writes);
  to->writes = queue;
  to->border = from->border;
  from->writes = (KaaWriteQueue) { 0, };
  /* What other threads have on their way to either stays counted there. */
  g_atomic_pointer_add (&ours->write_used, length);
  g_atomic_pointer_add (&theirs->write_used, - (gssize) length);

  kaa_pending_list_move (&written, &to->written, self);
  kaa_pending_list_move (&waiting, &to->waiting, self);
  kaa_pending_list_move (&to->written, &from->written, self);
  kaa_pending_list_move (&to->waiting, &from->waiting, self);
  kaa_pending_list_move (&to->written, &written, self);
  kaa_pending_list_move (&to->waiting, &waiting, self);
  kaa_channel_update_writable (self);
  kaa_channel_update_writable (other);
}

/* What `other` has read, and who asked it for more. This channel has read nothing yet. */
static void
take_reading (KaaIOChannel *self,
              KaaIOChannel *other)
{
  KaaReading *from = kaa_channel_get_private (other)->reading;
  KaaReading *to;

  if (from == &kaa_channel_no_reading)
    return;

  to = kaa_channel_need_reading (kaa_channel_get_private (self));
  to->queue = from->queue;
  from->queue = (KaaByteQueue) { 0, };
  to->marks = g_steal_pointer (&from->marks);
  /* The rest of a line that is too long, and what went by, is not for anybody there either. */
  to->discarding = g_steal_pointer (&from->discarding);
  to->discarded = from->discarded;
  to->missed = from->missed;
  if (to->discarding != NULL)
    to->scan = from->scan;
  from->missed = from->discarded = 0;
  from->scan = (KaaScan) { 0, };
  from->heard = (KaaHeard) { 0, };
  from->block_seen = 0;
  kaa_pending_list_move (&to->requests, &from->requests, self);
}

/**
 * kaa_io_channel_steal:
 * @self: a channel
 * @other: another one, which is open
 * @error: return location for an error
 *
 * Takes over the descriptor of another channel with all that belongs to it: what was read, what is queued to be
 * written, and the futures that wait for either, also that of a [method@Kaa.IOChannel.shutdown] that has not come to its turn.
 *
 * Delimiters and sizes stay what they are on each. Errors are those of [method@Kaa.IOChannel.wrap_channel].
 *
 * Returns: %TRUE if the channel is open
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_steal (KaaIOChannel  *self,
                      KaaIOChannel  *other,
                      GError       **error)
{
  KaaIOChannelPrivate *ours, *theirs;
  guint64 bytes_read, bytes_written;
  KaaIOCondition mode;
  gboolean orphan;
  Held held;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (other), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  ours = kaa_channel_get_private (self);
  theirs = kaa_channel_get_private (other);
  mode = theirs->mode;
  if (!check_other (self, other, mode, error))
    return FALSE;

  begin (self, other);
  kaa_channel_end_loan (ours);
  kaa_channel_end_loan (theirs);
  /* A splice feeds the channel that it was given, not the descriptor. */
  kaa_channel_fail_feeders (other, NULL);
  kaa_channel_fail_feeders_from (self, other);
  bytes_read = theirs->bytes_read;
  bytes_written = theirs->bytes_written;
  orphan = theirs->orphan;
  let_go (other, &held);
  held.orphan = orphan;
  take_over (self, other, mode, &held);

  take_writes (self, other);
  take_reading (self, other);
  ours->bytes_read = bytes_read;
  ours->bytes_written = bytes_written;
  ours->head_serial++;
  theirs->head_serial++;
  end (self, other);
  return TRUE;
}

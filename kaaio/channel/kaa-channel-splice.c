/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Splicing: everything that one channel reads is written to another.
 *
 * To its source a splice is a request for all bytes, so it stands in the line of requests and what is read is its own
 * from its turn on. To its target it is a feeder: it takes no more from the source than the target's write queue has room for, and while
 * there is none the source is not read. Each time the target has written something it wakes the sources that feed it. What it
 * takes stands among the target's writes in pieces, which tell when they are written. Those that cannot be written go back into the
 * queue of the source, in front of what is there: it is the one that has been read from, and all that it has read since is behind them.
 *
 * Where the transports can, and nobody else looks at the bytes, they go past both queues: the kernel moves them. Only what
 * it moves has left the source, so nothing else changes. Once a piece had to go through the queue of the target, behind writes of
 * others, the next one waits until that has gone, and then goes past it.
 */

#include "channel/kaa-io-channel-private.h"

struct _KaaSplice
{
  guint refs;            /* the pending's, and one for each piece */
  KaaSplice *next;       /* the next one that feeds the same target */
  KaaPending *pending;   /* in the requests of the source; NULL when it is over */
  KaaIOChannel *target;
  KaaSpliceFlags flags;
  gboolean lost;         /* the target takes nothing of it any more */
  gboolean hung_up;      /* the target was closed by its other side */
  gboolean copies;       /* the kernel cannot move these bytes */
  gboolean blocked;      /* it could, when the target takes more */
  guint64 moved;         /* bytes that the target has written */
  guint64 queued;        /* ... and that it has accepted, and not written yet */
  guint64 told;          /* the sum of both, the last time that anybody was told */
  GError *error;         /* why it takes nothing more, where that is known */
  GQueue returned;       /* of GBytes: what it has taken and not written */
};

/* Sources and targets take turns in pieces that stay in the processor's cache... */
#define MAX_PIECE (64 * 1024)
/* ...unless it never sees them. */
#define MAX_MOVE (1024 * 1024)

static KaaSplice **
find_link (KaaSplice *self)
{
  KaaSplice **link = &kaa_channel_get_private (self->target)->writing->feeders;

  while (*link != self)
    link = &(*link)->next;
  return link;
}

static void
splice_unref (KaaSplice *self)
{
  if (--self->refs > 0)
    return;
  g_clear_error (&self->error);
  g_queue_clear_full (&self->returned, (GDestroyNotify) g_bytes_unref);
  g_free (self);
}

/* What has come back goes to where it was. FALSE, and it is lost, where there is no memory for it. */
static gboolean
put_back (KaaSplice    *self,
          KaaIOChannel *source)
{
  gboolean done = TRUE;
  GBytes *bytes;

  while ((bytes = g_queue_pop_tail (&self->returned)) != NULL)
    {
      done = done && kaa_channel_put_back (source, bytes);
      g_bytes_unref (bytes);
    }
  return done;
}

/* Of a pending that is going. */
void
kaa_splice_free (KaaSplice *self)
{
  KaaIOChannel *source = self->pending->channel;

  *find_link (self) = self->next;
  self->pending = NULL;
  g_clear_object (&self->target);
  /* A channel that is going tells nobody of anything. */
  if (kaa_channel_get_private (source)->state != KAA_STATE_CLOSED)
    put_back (self, source);
  splice_unref (self);
}

gboolean
kaa_splice_is_over (KaaSplice *self)
{
  return self->pending == NULL;
}

/* --- pieces --- */

static void
end_piece (KaaPending *piece,
           gsize       gone)
{
  KaaSplice *self = piece->piece_of;

  self->moved += gone;
  self->queued -= piece->end - piece->start;
  if (self->pending != NULL)
    kaa_channel_schedule (self->pending->channel);
  kaa_pending_free_piece (piece);
  splice_unref (self);
}

void
kaa_splice_count_piece (KaaPending *piece)
{
  end_piece (piece, piece->end - piece->start);
}

void
kaa_splice_return_piece (KaaPending          *piece,
                         const KaaWriteQueue *writes)
{
  KaaSplice *self = piece->piece_of;

  if (self->pending != NULL)
    g_queue_push_head (&self->returned, kaa_write_queue_copy (writes, MAX (piece->start, writes->written), piece->end));
}

static void
lose (KaaSplice    *self,
      const GError *error)
{
  self->lost = TRUE;
  if (self->error == NULL && error != NULL)
    self->error = g_error_copy (error);
}

void
kaa_splice_fail_piece (KaaPending   *piece,
                       gsize         gone,
                       const GError *error)
{
  lose (piece->piece_of, error);
  end_piece (piece, gone);
}

/* --- the target's side --- */

void
kaa_channel_wake_feeders (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  for (KaaSplice *splice = priv->writing->feeders; splice != NULL; splice = splice->next)
    kaa_channel_schedule (splice->pending->channel);
}

gboolean
kaa_channel_is_awaited (KaaIOChannelPrivate *priv)
{
  for (KaaSplice *splice = priv->writing->feeders; splice != NULL; splice = splice->next)
    if (splice->blocked)
      return TRUE;
  return FALSE;
}

/* They do not get any further. */
void
kaa_channel_fail_feeders (KaaIOChannel *self,
                          const GError *error)
{
  for (KaaSplice *splice = kaa_channel_get_private (self)->writing->feeders; splice != NULL; splice = splice->next)
    lose (splice, error);
  kaa_channel_wake_feeders (self);
}

/* What source has read would go round in a channel that takes source over. */
void
kaa_channel_fail_feeders_from (KaaIOChannel *self,
                               KaaIOChannel *source)
{
  for (KaaSplice *splice = kaa_channel_get_private (self)->writing->feeders; splice != NULL; splice = splice->next)
    if (splice->pending->channel == source)
      lose (splice, NULL);
}

void
kaa_channel_close_feeders (KaaIOChannel *self,
                           gboolean      expected)
{
  for (KaaSplice *splice = kaa_channel_get_private (self)->writing->feeders; splice != NULL; splice = splice->next)
    splice->hung_up = !expected;
  kaa_channel_wake_feeders (self);
}

/* --- the source's side --- */

static gboolean
is_target_gone (KaaSplice *self)
{
  KaaIOChannelPrivate *target = kaa_channel_get_private (self->target);

  return self->lost || target->peer_gone || target->shut_down ||
         target->state == KAA_STATE_CLOSING || target->state == KAA_STATE_CLOSED;
}

/* Whether the kernel may move what comes: both ends can do it as far as is known, and it has nothing to go behind. */
static gboolean
can_move (KaaSplice *self)
{
  KaaIOChannelPrivate *source = kaa_channel_get_private (self->pending->channel);
  KaaIOChannelPrivate *target = kaa_channel_get_private (self->target);

  return !self->copies && source->input != NULL && source->input->klass->splice != NULL &&
         source->options->accept_fds == 0 && target->output != NULL && target->output->klass->take != NULL &&
         target->state == KAA_STATE_OPEN &&
         kaa_channel_get_queued (source) == 0;
}

/* Bytes that may be taken from the source now. */
gsize
kaa_splice_get_room (KaaSplice *self)
{
  KaaIOChannelPrivate *target = kaa_channel_get_private (self->target);
  gsize used = kaa_channel_get_reserved (target);

  if (is_target_gone (self) || target->full)
    return 0;
  if (can_move (self) &&
      (self->queued > 0 ||
       (self->blocked && !(target->output->klass->get_ready (target->output) & KAA_POLL_OUT))))
    return 0;
  return MIN (kaa_subtract (target->options->queue_size, used), MAX_PIECE);
}

static GError *
target_error (KaaSplice *self)
{
  KaaIOChannelPrivate *target = kaa_channel_get_private (self->target);
  const GError *error = self->error != NULL ? self->error : target->writing->end_error;

  if (error != NULL)
    return g_error_new (error->domain, error->code, "%s; %" G_GUINT64_FORMAT " bytes had been spliced", error->message, self->moved);
  if (self->hung_up)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE,
                        "The other side of the target is gone; %" G_GUINT64_FORMAT " bytes had been spliced", self->moved);
  return g_error_new (G_IO_ERROR, G_IO_ERROR_CLOSED,
                      "The target of the splice was closed; %" G_GUINT64_FORMAT " bytes had been spliced", self->moved);
}

/* The splice ends; error is taken, NULL where all went well. */
static void
end (KaaSplice *self,
     GError    *error)
{
  KaaPending *pending = self->pending;

  kaa_pending_unlink (pending);
  if (error != NULL)
    kaa_pending_settle_error (pending, error, TRUE);
  else
    kaa_pending_settle_end (pending, TRUE);
}

static void
end_of_input (KaaSplice    *self,
              const GError *error)
{
  if (error != NULL)
    {
      end (self, g_error_new (error->domain, error->code, "%s; %" G_GUINT64_FORMAT " bytes had been spliced",
                              error->message, self->moved));
      return;
    }

  if (self->flags & KAA_SPLICE_CLOSE_TARGET)
    g_object_unref (kaa_io_channel_close (self->target, KAA_CLOSE_NONE));
  end (self, NULL);
}

guint64
kaa_splice_get_moved (KaaSplice *self)
{
  return self->moved;
}

/* Handlers of the notification may end the splice. */
static void
tell_progress (KaaSplice *self)
{
  KaaIOChannel *target = g_object_ref (self->target);
  KaaInProgress *future = g_object_ref (self->pending->future);

  self->told = self->moved + self->queued;
  kaa_in_progress_set_bytes_moved (future, self->told);

  g_object_unref (future);
  g_object_unref (target);
}

/* Room for the bytes was reserved. Handlers of notifications run here, which may end the splice. */
static void
hand_over (KaaSplice *self,
           gsize      length)
{
  KaaIOChannel *source = self->pending->channel;
  KaaIOChannel *target = g_object_ref (self->target);
  KaaPending *piece = kaa_pending_new_piece (target, self);
  GBytes *bytes;

  self->refs += 2;
  self->queued += length;
  bytes = kaa_byte_queue_get_bytes (&kaa_channel_get_private (source)->reading->queue, 0, length);
  kaa_channel_take (source, length);
  kaa_channel_accept (target, piece, g_bytes_get_data (bytes, NULL), length, bytes);
  if (self->pending != NULL)
    tell_progress (self);
  splice_unref (self);
  g_bytes_unref (bytes);
  g_object_unref (target);
}

/* Serves the splice at the head of its source's requests. TRUE if anything was done. */
gboolean
kaa_splice_serve (KaaSplice *self,
                  gboolean   at_end)
{
  KaaIOChannel *source = self->pending->channel;
  KaaIOChannelPrivate *priv = kaa_channel_get_private (source);
  gsize used = kaa_channel_get_queued (priv);
  KaaIOChannelPrivate *theirs = kaa_channel_get_private (self->target);
  gsize length;

  if (is_target_gone (self))
    {
      /* A target that is closing may still write what it has taken. */
      if (self->queued > 0)
        return FALSE;
      /* What was accepted is not what is there. */
      if (self->told != self->moved)
        tell_progress (self);
      else
        end (self, target_error (self));
      return TRUE;
    }

  if (used == 0)
    {
      /* All is moved when it is written. */
      if (!at_end || self->queued > 0)
        return FALSE;
      end_of_input (self, priv->writing->end_error);
      return TRUE;
    }

  length = MIN (used, kaa_splice_get_room (self));
  if (length == 0)
    return FALSE;

  g_atomic_pointer_add (&theirs->write_used, length);
  hand_over (self, length);
  return TRUE;
}

gssize
kaa_splice_move (KaaSplice  *self,
                 KaaWants    wants,
                 gboolean   *budget,
                 GError    **error)
{
  KaaIOChannelPrivate *source = kaa_channel_get_private (self->pending->channel);
  KaaIOChannelPrivate *theirs = kaa_channel_get_private (self->target);
  gssize n;

  self->blocked = FALSE;
  /* Handlers of `read` see the bytes as they pass, and bytes keep their order. */
  if (!can_move (self) || (wants & KAA_WANTS_CHUNKS) || kaa_channel_get_reserved (theirs) > 0)
    return KAA_TRANSPORT_UNABLE;

  n = source->input->klass->splice (source->input, theirs->output, MIN (theirs->options->queue_size, MAX_MOVE), error);
  self->copies = n == KAA_TRANSPORT_UNABLE;
  self->blocked = !self->copies && !(theirs->output->klass->get_ready (theirs->output) & KAA_POLL_OUT);
  if (n <= 0)
    return n;

  self->moved += n;
  source->bytes_read += n;
  source->eof = source->look_behind_eof = FALSE;
  theirs->bytes_written += n;
  kaa_channel_note_activity (self->pending->channel);
  kaa_channel_note_activity (self->target);
  *budget = kaa_poller_spend (source->entry.poller, n);

  tell_progress (self);
  return n;
}

/* --- the method --- */

static GError *
check_target (KaaIOChannel   *self,
              KaaIOChannel   *target,
              KaaSpliceFlags  flags)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (target);

  if ((flags & ~KAA_SPLICE_CLOSE_TARGET) != 0)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "There are no such flags for a splice: 0x%x", (guint) flags);
  if (self == target)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                                "A channel cannot be spliced to itself");
  if (!kaa_channel_insist (priv))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "The target of a splice must belong to the same thread as its source");
  if (priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_WRITE))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "The target is read-only; open it with a mode that includes writing");
  if (priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED || priv->shut_down || priv->peer_gone)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The target of the splice is closed");
  return NULL;
}

/**
 * kaa_io_channel_splice:
 * @self: the channel that is read
 * @target: the channel that is written, of the same main context
 * @flags: what becomes of @target at the end
 *
 * Moves everything that is read from @self to @target, until the end of the input.
 *
 * It stands in line with the other requests of @self: what is queued and read when its turn comes belongs to it, later requests wait
 * until it has ended, and handlers of `read` see the bytes as they pass. Of @target it uses the write queue, so other writes may
 * go in between pieces. While that queue is full, @self is not read: memory stays bounded however fast one and slow the other is. Two
 * channels may be spliced to each other at the same time.
 *
 * From a pipe or a file to a pipe or a socket, and from a socket to a pipe, the kernel moves the bytes without copying them (splice(2)
 * of Linux), as long as no handler of `read` wants to see them. Sockets are made non-blocking for that, until they are closed. Pipes through
 * which 64 KiB or more go at once are made to hold 256 KiB, where that is allowed, and stay so; with a smaller
 * [property@Kaa.IOChannel:queue-size] of @target than 64 KiB they stay as they are.
 *
 * Unlike other requests it goes on although nobody listens to its future. [property@Kaa.InProgress:bytes-moved] of the future tells how
 * far it is.
 *
 * Aborting it loses nothing: bytes that @target has accepted are still written, all others stay in @self. Where @target is closed,
 * fails, or refuses bytes (a full disk), it fails with that error (`G_IO_ERROR_CLOSED`, `G_IO_ERROR_BROKEN_PIPE`,
 * `G_IO_ERROR_NO_SPACE`, ...). The message and [property@Kaa.InProgress:bytes-moved] say how many bytes were written. All others can still be
 * read from @self, also those that had been taken; a splice that is made again goes on there. @target is not closed then, and what was
 * queued there behind bytes that it refused fails, too. An error of @self ends it likewise.
 * It fails with `G_IO_ERROR_NOT_SUPPORTED` in another thread, or where the directions do not fit, and with
 * `G_IO_ERROR_INVALID_ARGUMENT` where both are the same channel, or @flags has others than those.
 *
 * Returns: (transfer full): a future that is finished with the number of bytes moved, a #guint64, when the last one is written
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_splice (KaaIOChannel   *self,
                       KaaIOChannel   *target,
                       KaaSpliceFlags  flags)
{
  KaaInProgress *future;
  KaaWriting *writing;
  KaaSplice *splice;
  KaaPending *pending;
  KaaWants wants = 0;
  GError *error;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (target), NULL);

  error = kaa_channel_check_request (self, KAA_PENDING_SPLICE, 0, &wants);
  if (error == NULL)
    error = check_target (self, target, flags);
  if (error != NULL)
    return kaa_channel_refuse_request (self, KAA_PENDING_SPLICE, error);

  writing = kaa_channel_need_writing (kaa_channel_get_private (target));
  pending = kaa_pending_new (self, KAA_PENDING_SPLICE, kaa_channel_get_private (self)->entry.poller);
  splice = g_new0 (KaaSplice, 1);
  splice->refs = 1;
  splice->pending = pending;
  splice->target = g_object_ref (target);
  splice->flags = flags;
  splice->next = writing->feeders;
  writing->feeders = splice;
  pending->splice = splice;

  future = g_object_ref (pending->future);
  kaa_channel_add_request (self, pending, wants);
  kaa_channel_check_transports (target);
  return future;
}

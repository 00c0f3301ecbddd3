/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The read side, from the transport into the queue: when to read, how much, and what to keep.
 */

#include "channel/kaa-io-channel-private.h"

/* Room for less than this is not worth a system call. */
#define MIN_ROOM 4096
/* On the stack: a thread may have little of it, and the kernel copies no faster in larger pieces. */
#define THROWN_AWAY (16 * 1024)

/* Bytes that the queue may hold before a line in it is known to be too long. */
static gsize
get_line_room (KaaIOChannelPrivate *priv)
{
  KaaPending *request = priv->reading->requests.first;
  const KaaDelimiters *delimiters = priv->options->delimiters;
  gsize limit = priv->options->queue_size;
  gsize room;

  if (request != NULL)
    {
      if (request->splice != NULL)
        return kaa_subtract (kaa_splice_get_room (request->splice), kaa_channel_get_queued (priv));
      if (request->kind != KAA_PENDING_READ && request->kind != KAA_PENDING_WAIT_READABLE)
        limit = request->count;
      if (request->delimiters != NULL)
        delimiters = request->delimiters;
    }

  if (!g_size_checked_add (&room, limit, kaa_delimiters_get_longest (delimiters) + 1))
    room = G_MAXSIZE;
  return kaa_subtract (room, kaa_channel_get_queued (priv));
}

gboolean
kaa_channel_wants_input (KaaIOChannel *self,
                         KaaWants      wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->input == NULL)
    return FALSE;
  if (priv->state == KAA_STATE_CLOSING)
    return TRUE;
  if (priv->state != KAA_STATE_OPEN || priv->paused || (priv->eof && !priv->look_behind_eof))
    return FALSE;
  if (priv->reading->requests.first != NULL && priv->reading->requests.first->splice != NULL)
    return kaa_splice_get_room (priv->reading->requests.first->splice) > kaa_channel_get_queued (priv);

  return priv->reading->requests.first != NULL || (wants != 0 && !priv->eof) || priv->peer_gone;
}

/* The last length bytes of the queue are new. `read` handlers get them, whoever else does. Those that are only kept in case that somebody
 * asks are dropped when the queue is full. */
static void
bytes_arrived (KaaIOChannel *self,
               gsize         length,
               KaaWants      wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize before = used - length;
  gboolean needed = priv->reading->requests.first != NULL || (wants & KAA_WANTS_ANY_LINES) != 0 || priv->peer_gone;

  if (!(wants & KAA_WANTS_CHUNKS))
    {
      priv->keep = FALSE;
      return;
    }

  kaa_heard_arrive (&priv->reading->heard, used);
  if (!needed && priv->keep && used > priv->options->queue_size)
    {
      guint64 missed = priv->reading->missed + before;

      kaa_channel_take (self, before);
      if (length > priv->options->queue_size)
        {
          missed += length;
          kaa_channel_take (self, length);
        }
      priv->reading->missed = missed;
    }
}

/* A filter runs the application's code, so what it reads is not read into the queue directly. */
static gssize
read_filtered (KaaIOChannel  *self,
               gsize          want,
               GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint8 *buffer = g_malloc (want);
  gssize n;

  priv->in_filter = TRUE;
  n = priv->input->klass->read (priv->input, buffer, want, error);
  priv->in_filter = FALSE;
  if (n > 0 && !kaa_byte_queue_append (&priv->reading->queue, kaa_channel_get_blocks (priv), buffer, n))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "There is no memory for %" G_GSSIZE_FORMAT " more bytes; set a smaller queue-size", n);
      n = KAA_TRANSPORT_FAILED;
    }
  g_free (buffer);

  if (priv->close_wanted)
    {
      priv->close_wanted = FALSE;
      g_clear_error (error);
      kaa_channel_close_now (self, TRUE);
      return KAA_TRANSPORT_AGAIN;
    }

  return n;
}

/* fds: what came along, or untouched. */
static gssize
read_some (KaaIOChannel  *self,
           gsize          want,
           KaaFds       **fds,
           GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize room;
  guint8 *buffer;
  gssize n;

  kaa_channel_need_reading (priv);
  if (priv->filtered)
    return read_filtered (self, want, error);

  buffer = kaa_byte_queue_reserve (&priv->reading->queue, kaa_channel_get_blocks (priv), MIN (want, MIN_ROOM), want, &room);
  if (buffer == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                   "There is no memory for %" G_GSIZE_FORMAT " more bytes; set a smaller queue-size", want);
      return KAA_TRANSPORT_FAILED;
    }

  if (priv->options->accept_fds > 0 && priv->input->klass->receive != NULL)
    n = priv->input->klass->receive (priv->input, buffer, MIN (room, want), fds, error);
  else
    n = priv->input->klass->read (priv->input, buffer, MIN (room, want), error);
  kaa_byte_queue_commit (&priv->reading->queue, MAX (n, 0));
  /* An empty queue gives the block back. */
  if (kaa_channel_get_queued (priv) == 0)
    kaa_byte_queue_consume (&priv->reading->queue, kaa_channel_get_blocks (priv), 0);
  return n;
}

/* Past the queue, where a splice can do that. */
static gssize
move_some (KaaIOChannel  *self,
           KaaWants       wants,
           gboolean      *budget,
           GError       **error)
{
  KaaPending *request = kaa_channel_get_private (self)->reading->requests.first;

  if (request == NULL || request->splice == NULL)
    return KAA_TRANSPORT_UNABLE;
  return kaa_splice_move (request->splice, wants, budget, error);
}

/* A closing channel reads what still comes and throws it away: two peers with full queues must not wait for
 * each other. */
static gboolean
throw_away (KaaIOChannel *self,
            gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint8 buffer[THROWN_AWAY];
  gssize n = priv->input->klass->read (priv->input, buffer, sizeof buffer, NULL);

  if (n > 0)
    *budget = kaa_poller_spend (priv->entry.poller, n);
  else if (n != KAA_TRANSPORT_AGAIN)
    priv->eof = TRUE;

  return n != KAA_TRANSPORT_AGAIN;
}

/* A filter that has taken a piece of something, and has nothing to give yet, is asked again: nobody tells of what is left behind it. */
static gboolean
spend_taken (KaaIOChannelPrivate *priv,
             gboolean            *budget)
{
  gsize taken = priv->input != NULL ? kaa_filter_transport_get_taken (priv->input) : 0;

  if (taken > 0)
    *budget = kaa_poller_spend (priv->entry.poller, taken);
  return taken > 0;
}

/* One read(2), if somebody wants it. */
gboolean
kaa_channel_fill (KaaIOChannel *self,
                  gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GError *error = NULL;
  KaaFds *fds = NULL;
  KaaWants wants;
  gsize want;
  gssize n;

  if (priv->input == NULL || priv->in_filter ||
      !(priv->input->klass->get_ready (priv->input) & KAA_POLL_IN))
    return FALSE;

  if (priv->state == KAA_STATE_CLOSING)
    return !priv->eof && !priv->filtered && throw_away (self, budget);

  /* What this look finds makes those that follow cheap. */
  kaa_channel_need_reading (priv);
  wants = kaa_channel_look (self);
  if (!kaa_channel_wants_input (self, wants) || (priv->emitting && priv->reading->requests.first == NULL))
    return FALSE;

  want = MIN (priv->options->chunk_size, KAA_BLOCK_READ_SIZE);
  if (priv->reading->requests.first != NULL || (wants & KAA_WANTS_ANY_LINES))
    want = MIN (want, get_line_room (priv));
  /* The queue is full of what a handler has not taken: it is paused, blocked, or running. */
  if (want == 0)
    return FALSE;

  n = move_some (self, wants, budget, &error);
  if (n > 0)
    return TRUE;
  if (n == KAA_TRANSPORT_UNABLE)
    n = read_some (self, want, &fds, &error);
  if (n == KAA_TRANSPORT_AGAIN && spend_taken (priv, budget))
    return TRUE;
  if (n == KAA_TRANSPORT_AGAIN || n == KAA_TRANSPORT_FULL)
    return FALSE;

  priv->look_behind_eof = FALSE;
  if (n > 0)
    {
      priv->bytes_read += n;
      priv->eof = FALSE;
      if (fds != NULL)
        kaa_channel_add_fds (self, fds);
      kaa_channel_note_activity (self);
      bytes_arrived (self, n, wants);
      *budget = kaa_poller_spend (priv->entry.poller, n);
    }
  else
    {
      kaa_channel_end_input (self, error);
    }

  return TRUE;
}

/* The channel is about to be closed by an error while nobody reads: what waits in the kernel is saved for who
 * asks later. */
void
kaa_channel_slurp (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->input == NULL || priv->filtered)
    return;

  while (kaa_channel_get_queued (priv) < priv->options->queue_size)
    {
      gsize want = MIN (priv->options->queue_size - kaa_channel_get_queued (priv), KAA_BLOCK_READ_SIZE);
      KaaFds *fds = NULL;
      gssize n = read_some (self, want, &fds, NULL);

      if (n <= 0)
        break;
      priv->bytes_read += n;
      if (fds != NULL)
        kaa_channel_add_fds (self, fds);
    }
}

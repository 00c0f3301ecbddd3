/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The read side, from the queue to requests and handlers (kaa-channel-fill.c fills it).
 *
 * The order is: chunks to `read` handlers as they are read; then requests, first come, first served; then
 * blocks and lines to the handlers. Bytes leave the queue before the code that gets them runs, so that whatever
 * that code does finds the true queue.
 */

#include "channel/kaa-io-channel-private.h"

/* Nothing will follow what is in the queue, for now at least. */
static gboolean
is_at_end (KaaIOChannelPrivate *priv)
{
  return priv->eof || priv->state == KAA_STATE_CLOSED || priv->state == KAA_STATE_CLOSING;
}

/* Takes length bytes from the head. */
void
kaa_channel_take (KaaIOChannel *self,
                  gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *request = priv->reading->requests.first;

  if (length == 0)
    return;

  kaa_byte_queue_consume (&priv->reading->queue, kaa_channel_get_blocks (priv), length);
  kaa_scan_consume (&priv->reading->scan,
                    priv->reading->discarding != NULL ? priv->reading->discarding : priv->options->delimiters, length);
  if (request != NULL && request->delimiters != NULL)
    kaa_scan_consume (&request->scan, request->delimiters, length);
  priv->reading->seen_from = kaa_subtract (priv->reading->seen_from, length);
  priv->reading->seen_to = kaa_subtract (priv->reading->seen_to, length);
  priv->reading->block_seen = kaa_subtract (priv->reading->block_seen, length);
  priv->overflow_told = FALSE;
  priv->head_serial++;
}

void
kaa_channel_clear_input (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->keep = priv->overflow_told = FALSE;
  if (priv->reading == &kaa_channel_no_reading)
    return;

  kaa_channel_take (self, kaa_channel_get_queued (priv));
  priv->reading->scan = (KaaScan) { 0, };
  priv->reading->block_seen = priv->reading->seen_from = priv->reading->seen_to = 0;
  priv->reading->missed = 0;
  g_clear_pointer (&priv->reading->discarding, kaa_delimiters_unref);
  if (priv->reading->chunks != NULL)
    g_queue_free_full (g_steal_pointer (&priv->reading->chunks), (GDestroyNotify) g_bytes_unref);
  g_clear_pointer (&priv->reading->overflows, g_array_unref);
}

/* --- too long --- */

static GError *
overflow_error (gsize limit)
{
  return g_error_new (G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                      "A line is longer than %" G_GSIZE_FORMAT " bytes; set a larger queue-size, or another "
                      "overflow-policy", limit);
}

static void
tell_overflow (KaaIOChannel *self,
               guint64       bytes)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->reading->overflows == NULL)
    priv->reading->overflows = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_array_append_val (priv->reading->overflows, bytes);
}

static gboolean
emit_overflow (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint64 bytes;

  if (priv->reading->overflows == NULL || priv->emitting > 0)
    return FALSE;

  bytes = g_array_index (priv->reading->overflows, guint64, 0);
  g_array_remove_index (priv->reading->overflows, 0);
  if (priv->reading->overflows->len == 0)
    g_clear_pointer (&priv->reading->overflows, g_array_unref);

  priv->emitting++;
  g_signal_emit (self, kaa_channel_signals[KAA_SIGNAL_OVERFLOW], 0, bytes);
  priv->emitting--;
  return TRUE;
}

static void
begin_discarding (KaaIOChannel  *self,
                  KaaDelimiters *delimiters)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->reading->discarding = kaa_delimiters_ref (delimiters);
  priv->reading->discarded = 0;
  priv->reading->scan = (KaaScan) { 0, };
}

/* Drops what belongs to a line that was too long. TRUE while that goes on or has just ended. */
static gboolean
discard (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize start, end;

  if (priv->reading->discarding == NULL)
    return FALSE;

  if (kaa_delimiters_scan (priv->reading->discarding, &priv->reading->scan, kaa_byte_queue_peek (&priv->reading->queue), used,
                           G_MAXSIZE, is_at_end (priv), &start, &end) == KAA_SCAN_FOUND)
    {
      used = end;
    }
  else if (!is_at_end (priv))
    {
      /* What may still become a delimiter has to stay. */
      used = kaa_subtract (used, kaa_delimiters_get_longest (priv->reading->discarding) - 1);
      if (used > 0)
        {
          KaaScan scan = priv->reading->scan;

          kaa_scan_consume (&scan, priv->reading->discarding, used);
          kaa_byte_queue_consume (&priv->reading->queue, kaa_channel_get_blocks (priv), used);
          priv->reading->seen_from = kaa_subtract (priv->reading->seen_from, used);
          priv->reading->seen_to = kaa_subtract (priv->reading->seen_to, used);
          priv->reading->discarded += used;
          priv->reading->scan = scan;
        }
      return FALSE;
    }

  g_clear_pointer (&priv->reading->discarding, kaa_delimiters_unref);
  priv->reading->scan = (KaaScan) { 0, };
  kaa_channel_take (self, used);
  tell_overflow (self, priv->reading->discarded + used);
  return TRUE;
}

/* A line is too long, and the policy is not to split it. The request is NULL where handlers want the line. */
static void
overflow (KaaIOChannel *self,
          KaaPending   *request)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize limit = request != NULL ? request->count : priv->options->queue_size;
  KaaOverflowPolicy policy = priv->options->overflow_policy;
  KaaDelimiters *delimiters = request != NULL && request->delimiters != NULL ? request->delimiters : priv->options->delimiters;

  if (policy == KAA_OVERFLOW_DISCARD)
    {
      begin_discarding (self, delimiters);
    }
  else if (!priv->overflow_told)
    {
      tell_overflow (self, kaa_channel_get_queued (priv));
      priv->overflow_told = TRUE;
    }

  if (request != NULL)
    {
      kaa_pending_unlink (request);
      kaa_pending_settle_error (request, overflow_error (limit), TRUE);
    }

  if (policy == KAA_OVERFLOW_CLOSE || (policy == KAA_OVERFLOW_ERROR && request == NULL))
    kaa_channel_close_with_error (self, overflow_error (limit));
}

/* --- lines --- */

typedef enum
{
  LINE_NONE,
  LINE_FOUND,
  LINE_TOO_LONG
} LineResult;

static LineResult
find_line (KaaIOChannel        *self,
           const KaaDelimiters *delimiters,
           KaaScan             *scan,
           gsize                limit,
           gsize               *length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize start;

  if (used == 0)
    return LINE_NONE;

  switch (kaa_delimiters_scan (delimiters, scan, kaa_byte_queue_peek (&priv->reading->queue), used, limit,
                               is_at_end (priv), &start, length))
    {
    case KAA_SCAN_FOUND:
      return LINE_FOUND;
    case KAA_SCAN_TOO_LONG:
      *length = limit;
      return priv->options->overflow_policy == KAA_OVERFLOW_SPLIT ? LINE_FOUND : LINE_TOO_LONG;
    case KAA_SCAN_MORE:
    default:
      break;
    }

  if (!is_at_end (priv))
    return LINE_NONE;

  *length = used;
  return LINE_FOUND;
}

/* All the whole lines at hand. */
static LineResult
find_block (KaaIOChannel *self,
            gsize         limit,
            gsize        *length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);

  if (used == 0)
    return LINE_NONE;

  /* At the end everything is whole. */
  if (is_at_end (priv) && used <= limit)
    {
      *length = used;
      return LINE_FOUND;
    }

  *length = kaa_delimiters_scan_block (priv->options->delimiters, &priv->reading->scan, kaa_byte_queue_peek (&priv->reading->queue), used,
                                       limit, is_at_end (priv));
  if (*length > 0)
    return LINE_FOUND;

  return find_line (self, priv->options->delimiters, &priv->reading->scan, limit, length);
}

/* A whole line is in the queue: something that a handler connected now would get. */
gboolean
kaa_channel_has_line (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaScan scan = priv->reading->scan;
  gsize length;

  return priv->reading->discarding == NULL &&
         find_line (self, priv->options->delimiters, &scan, priv->options->queue_size, &length) != LINE_NONE;
}

gboolean
kaa_channel_put_back (KaaIOChannel *self,
                      GBytes       *bytes)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);
  KaaReading *reading;
  gboolean seen;

  if (length == 0)
    return TRUE;

  reading = kaa_channel_need_reading (priv);
  seen = reading->seen_to > 0 ? reading->seen_from == 0 : kaa_channel_wants (self, KAA_WANTS_CHUNKS);
  if (!kaa_byte_queue_unread (&reading->queue, kaa_channel_get_blocks (priv), data, length))
    return FALSE;

  priv->head_serial++;
  reading->scan = (KaaScan) { 0, };
  if (reading->requests.first != NULL)
    reading->requests.first->scan = (KaaScan) { 0, };
  /* R3: `read` handlers have had every byte that a request got while they were connected. */
  if (reading->seen_to > 0 || seen)
    reading->seen_to += length;
  if (!seen && reading->seen_to > 0)
    reading->seen_from += length;
  if (reading->block_seen > 0)
    reading->block_seen += length;

  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
  return TRUE;
}

/* --- requests --- */

static gboolean
serve_bytes (KaaIOChannel *self,
             KaaPending   *request,
             gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GBytes *bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length);

  kaa_channel_take (self, length);
  kaa_pending_unlink (request);
  kaa_pending_settle_bytes (request, bytes, TRUE);
  return TRUE;
}

/* Serves the request at the head of the list, if that can be done by now. */
static gboolean
serve (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *request = priv->reading->requests.first;
  gsize used = kaa_channel_get_queued (priv);
  LineResult result = LINE_NONE;
  gsize length = 0;

  if (priv->state == KAA_STATE_UNOPENED && used == 0)
    return FALSE;

  if (priv->reading->missed > 0)
    {
      GError *error = g_error_new (G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT,
                                   "%" G_GUINT64_FORMAT " bytes went by since the last request, because the queue was "
                                   "full and nobody asked for them", priv->reading->missed);

      priv->reading->missed = 0;
      kaa_pending_unlink (request);
      kaa_pending_settle_error (request, error, TRUE);
      return TRUE;
    }

  switch ((KaaPendingKind) request->kind)
    {
    case KAA_PENDING_READ:
      length = MIN (used, priv->options->chunk_size);
      result = length > 0 ? LINE_FOUND : LINE_NONE;
      break;
    case KAA_PENDING_READ_EXACTLY:
      length = MIN (used, request->count);
      result = length == request->count || (length > 0 && is_at_end (priv)) ? LINE_FOUND : LINE_NONE;
      break;
    case KAA_PENDING_READLINE:
      result = find_line (self, priv->options->delimiters, &priv->reading->scan, request->count, &length);
      break;
    case KAA_PENDING_READLINES:
      result = find_block (self, request->count, &length);
      break;
    case KAA_PENDING_READ_UNTIL:
      result = find_line (self, request->delimiters, &request->scan, request->count, &length);
      break;
    case KAA_PENDING_SPLICE:
      return kaa_splice_serve (request->splice, is_at_end (priv) && !priv->look_behind_eof);
    case KAA_PENDING_WRITE:
    case KAA_PENDING_FLUSH:
    case KAA_PENDING_WAIT_WRITABLE:
    case KAA_PENDING_SHUTDOWN:
    case KAA_PENDING_CLOSE:
    default:
      g_assert_not_reached ();
    }

  if (result == LINE_FOUND)
    return serve_bytes (self, request, length);

  if (result == LINE_TOO_LONG)
    {
      overflow (self, request);
      return TRUE;
    }

  if (used > 0 || !is_at_end (priv) || priv->look_behind_eof)
    return FALSE;

  if (priv->ending->end_error == NULL)
    return serve_bytes (self, request, 0);

  kaa_pending_unlink (request);
  kaa_pending_settle_error (request, g_error_copy (priv->ending->end_error), TRUE);
  return TRUE;
}

/* --- handlers --- */

static void
emit_bytes (KaaIOChannel     *self,
            KaaChannelSignal  which,
            GBytes           *bytes)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->emitting++;
  kaa_channel_emit (self, which, bytes);
  priv->emitting--;
  g_bytes_unref (bytes);
}

static gboolean
is_emission_allowed (KaaIOChannelPrivate *priv)
{
  return priv->emitting == 0 && !priv->paused &&
         (priv->state == KAA_STATE_OPEN || priv->state == KAA_STATE_UNOPENED);
}

/* What `read` handlers have not had: chunks that were read while a handler was running, then what was buffered before they
 * were connected. */
static gboolean
emit_chunk (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize from, length;
  GBytes *bytes;

  if (priv->reading->chunks != NULL)
    {
      /* Whoever was to have them has gone; requests find them in the queue. */
      if (priv->emitting == 0 && kaa_channel_look_blocked (self) == KAA_LOOK_NOBODY)
        g_queue_free_full (g_steal_pointer (&priv->reading->chunks), (GDestroyNotify) g_bytes_unref);
      if (priv->reading->chunks == NULL || !is_emission_allowed (priv) || !kaa_channel_wants (self, KAA_WANTS_CHUNKS))
        return FALSE;
      bytes = g_queue_pop_head (priv->reading->chunks);
      if (priv->reading->chunks->length == 0)
        g_clear_pointer (&priv->reading->chunks, g_queue_free);
      emit_bytes (self, KAA_SIGNAL_READ, bytes);
      return TRUE;
    }

  if (used == 0 || (priv->reading->seen_from == 0 && priv->reading->seen_to == used) ||
      !is_emission_allowed (priv) || !kaa_channel_wants (self, KAA_WANTS_CHUNKS))
    return FALSE;

  from = priv->reading->seen_from > 0 || priv->reading->seen_to == 0 ? 0 : priv->reading->seen_to;
  length = (from == 0 && priv->reading->seen_from > 0 ? priv->reading->seen_from : used) - from;
  length = MIN (length, priv->options->chunk_size);
  bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, from, length);

  if (from == 0)
    {
      priv->reading->seen_from = 0;
      priv->reading->seen_to = length == priv->reading->seen_to ? priv->reading->seen_to : MAX (length, priv->reading->seen_to);
    }
  else
    {
      priv->reading->seen_to = from + length;
    }

  emit_bytes (self, KAA_SIGNAL_READ, bytes);
  return TRUE;
}

void
kaa_channel_emit_chunks (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  while (priv->reading->chunks != NULL && emit_chunk (self))
    ;
}

/* R3: what the handlers have had is only kept for requests that were made while they are connected. */
static void
drop_seen (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);

  if (used > 0 && !priv->keep && priv->reading->requests.first == NULL && priv->emitting == 0 &&
      priv->reading->seen_from == 0 && priv->reading->seen_to == used && !priv->paused && priv->state == KAA_STATE_OPEN &&
      kaa_channel_look (self) == KAA_WANTS_CHUNKS)
    kaa_channel_take (self, used);
}

static gboolean
emit_block (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  GBytes *bytes;

  if (priv->reading->block_seen > 0 || !kaa_channel_wants (self, KAA_WANTS_BLOCKS))
    return FALSE;

  switch (find_block (self, priv->options->queue_size, &length))
    {
    case LINE_FOUND:
      bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length);
      if (kaa_channel_wants (self, KAA_WANTS_LINES))
        priv->reading->block_seen = length;
      else
        kaa_channel_take (self, length);
      emit_bytes (self, KAA_SIGNAL_READLINES, bytes);
      return TRUE;
    case LINE_TOO_LONG:
      overflow (self, NULL);
      return TRUE;
    case LINE_NONE:
    default:
      return FALSE;
    }
}

static gboolean
emit_line (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  GBytes *bytes;

  if (!kaa_channel_wants (self, KAA_WANTS_LINES))
    {
      /* Who wanted the single lines of the last block has gone; the block itself was delivered. */
      if (priv->reading->block_seen > 0)
        {
          kaa_channel_take (self, priv->reading->block_seen);
          return TRUE;
        }
      return FALSE;
    }

  switch (find_line (self, priv->options->delimiters, &priv->reading->scan, priv->options->queue_size, &length))
    {
    case LINE_FOUND:
      bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length);
      kaa_channel_take (self, length);
      emit_bytes (self, KAA_SIGNAL_READLINE, bytes);
      return TRUE;
    case LINE_TOO_LONG:
      overflow (self, NULL);
      return TRUE;
    case LINE_NONE:
    default:
      return FALSE;
    }
}

gboolean
kaa_channel_deliver (KaaIOChannel *self,
                     gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean any = FALSE;

  for (;;)
    {
      gboolean done = emit_overflow (self) || emit_chunk (self) || discard (self);

      /* R10: a request that everybody has dropped takes nothing. */
      kaa_pending_list_look (&priv->reading->requests);
      if (!done && priv->reading->discarding == NULL)
        {
          if (priv->reading->requests.first != NULL)
            done = serve (self);
          /* Lines come after the requests that wait for the same bytes. */
          if (!done && priv->reading->requests.first == NULL && kaa_channel_get_queued (priv) > 0 && is_emission_allowed (priv))
            done = emit_block (self) || emit_line (self);
        }
      else if (!done && priv->reading->requests.first != NULL && is_at_end (priv) && kaa_channel_get_queued (priv) == 0)
        {
          done = serve (self);
        }

      if (!done)
        break;

      any = TRUE;
      if (priv->entry.poller == NULL || !kaa_poller_spend (priv->entry.poller, 0))
        {
          *budget = FALSE;
          break;
        }
    }

  drop_seen (self);
  return any;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The read side, from the queue to requests and handlers (kaa-channel-fill.c fills it).
 *
 * The order is: chunks to `read` handlers as they are read; then requests, first come, first served; then
 * blocks and lines to the handlers. Bytes leave the queue before the code that gets them runs, so that whatever
 * that code does finds the true queue.
 */

#include "channel/kaa-io-channel-private.h"

/* `read` handlers have every byte that was read while they were connected, also where it is taken before they can. */
static G_GNUC_NO_INLINE void
keep_chunks (KaaIOChannel *self,
             gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaReading *reading = priv->reading;

  if (reading->chunks == NULL)
    reading->chunks = g_queue_new ();
  while (length > 0)
    {
      gsize n = MIN (length, priv->options->chunk_size);

      g_queue_push_tail (reading->chunks, kaa_byte_queue_get_bytes (&reading->queue, reading->heard.had, n));
      kaa_heard_hand_out (&reading->heard, n);
      length -= n;
    }
}

void
kaa_channel_drop_chunks (KaaIOChannel *self)
{
  KaaReading *reading = kaa_channel_get_private (self)->reading;
  gsize length = 0;

  if (reading->chunks != NULL)
    for (GList *chunk = reading->chunks->head; chunk != NULL; chunk = chunk->next)
      length += g_bytes_get_size (chunk->data);
  if (length > 0)
    g_queue_free_full (g_steal_pointer (&reading->chunks), (GDestroyNotify) g_bytes_unref);
  kaa_heard_forget (&reading->heard, length);
}

static inline void
leave_queue (KaaIOChannel *self,
             gsize         length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize due = kaa_heard_get_due (&priv->reading->heard, length);

  if (G_UNLIKELY (due > 0))
    keep_chunks (self, due);
  kaa_byte_queue_consume (&priv->reading->queue, kaa_channel_get_blocks (priv), length);
  kaa_heard_take (&priv->reading->heard, length);
}

void
kaa_channel_leave_queue (KaaIOChannel *self,
                         gsize         length)
{
  leave_queue (self, length);
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

  kaa_channel_end_loan (priv);
  leave_queue (self, length);
  kaa_scan_consume (&priv->reading->scan,
                    priv->reading->discarding != NULL ? priv->reading->discarding : priv->options->delimiters, length);
  if (request != NULL && request->delimiters != NULL)
    kaa_scan_consume (&request->scan, request->delimiters, length);
  priv->reading->block_seen = kaa_subtract (priv->reading->block_seen, length);
  priv->reading->overflow_told = FALSE;
  priv->head_serial++;
}

void
kaa_channel_clear_input (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->keep = FALSE;
  if (priv->reading == &kaa_channel_no_reading)
    return;

  priv->reading->heard = (KaaHeard) { 0, };
  kaa_channel_take (self, kaa_channel_get_queued (priv));
  priv->reading->scan = (KaaScan) { 0, };
  priv->reading->heard = (KaaHeard) { 0, };
  priv->reading->block_seen = 0;
  priv->reading->missed = 0;
  priv->reading->overflow_told = FALSE;
  kaa_channel_clear_fds (priv);
  g_clear_pointer (&priv->reading->discarding, kaa_delimiters_unref);
  if (priv->reading->chunks != NULL)
    g_queue_free_full (g_steal_pointer (&priv->reading->chunks), (GDestroyNotify) g_bytes_unref);
  g_clear_pointer (&priv->reading->overflows, g_array_unref);
}

/* --- lines --- */

/* What is left in the queue is a line, although no delimiter follows. */
static gboolean
ends_lines (KaaIOChannel *self)
{
  return kaa_channel_is_at_end (kaa_channel_get_private (self)) && !kaa_channel_may_go_on (self);
}

KaaLineResult
kaa_channel_find_line (KaaIOChannel        *self,
                       const KaaDelimiters *delimiters,
                       KaaScan             *scan,
                       gsize                limit,
                       gsize               *length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize start;

  if (used == 0)
    return KAA_LINE_NONE;

  switch (kaa_delimiters_scan (delimiters, scan, kaa_byte_queue_peek (&priv->reading->queue), used, limit,
                               ends_lines (self), &start, length))
    {
    case KAA_SCAN_FOUND:
      return KAA_LINE_FOUND;
    case KAA_SCAN_TOO_LONG:
      *length = limit;
      return priv->options->overflow_policy == KAA_OVERFLOW_SPLIT ? KAA_LINE_FOUND : KAA_LINE_TOO_LONG;
    case KAA_SCAN_MORE:
    default:
      break;
    }

  if (!ends_lines (self))
    return KAA_LINE_NONE;

  *length = used;
  return KAA_LINE_FOUND;
}

/* All the whole lines at hand. */
KaaLineResult
kaa_channel_find_block (KaaIOChannel *self,
                        gsize         limit,
                        gsize        *length)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);

  if (used == 0)
    return KAA_LINE_NONE;

  /* At the end everything is whole. */
  if (ends_lines (self) && used <= limit)
    {
      *length = used;
      return KAA_LINE_FOUND;
    }

  *length = kaa_delimiters_scan_block (priv->options->delimiters, &priv->reading->scan, kaa_byte_queue_peek (&priv->reading->queue), used,
                                       limit, ends_lines (self));
  if (*length > 0)
    return KAA_LINE_FOUND;

  return kaa_channel_find_line (self, priv->options->delimiters, &priv->reading->scan, limit, length);
}

/* A whole line is in the queue: something that a handler connected now would get. */
gboolean
kaa_channel_has_line (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaScan scan = priv->reading->scan;
  gsize length;

  return priv->reading->discarding == NULL &&
         kaa_channel_find_line (self, priv->options->delimiters, &scan, priv->options->queue_size, &length) != KAA_LINE_NONE;
}

gboolean
kaa_channel_put_back (KaaIOChannel *self,
                      GBytes       *bytes)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);
  KaaReading *reading;

  if (length == 0)
    return TRUE;

  kaa_channel_end_loan (priv);
  reading = kaa_channel_need_reading (priv);
  if (!kaa_byte_queue_unread (&reading->queue, kaa_channel_get_blocks (priv), data, length))
    return FALSE;

  priv->head_serial++;
  reading->scan = (KaaScan) { 0, };
  if (reading->requests.first != NULL)
    reading->requests.first->scan = (KaaScan) { 0, };
  /* `read` handlers have had every byte that a request got while they were connected. */
  kaa_heard_put_back (&reading->heard, length, kaa_channel_wants (self, KAA_WANTS_CHUNKS));
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
  KaaLineResult result = KAA_LINE_NONE;
  gsize length = 0;

  if (priv->state == KAA_STATE_UNOPENED && used == 0)
    return FALSE;

  /* C4: it can be read where a request fails by it. A handler of the property may have done anything, so this one is looked at anew. */
  if (used == 0 && kaa_channel_is_at_end (priv) && !priv->look_behind_eof && kaa_channel_tell_end_error (self))
    return TRUE;

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
      length = MIN (used, MIN (request->count, priv->options->chunk_size));
      length = MIN (length, kaa_channel_get_bytes_to_mark (priv));
      result = length > 0 ? KAA_LINE_FOUND : KAA_LINE_NONE;
      break;
    case KAA_PENDING_READ_EXACTLY:
      length = MIN (used, request->count);
      result = length == request->count || (length > 0 && kaa_channel_is_at_end (priv)) ? KAA_LINE_FOUND : KAA_LINE_NONE;
      break;
    case KAA_PENDING_READLINE:
      result = kaa_channel_find_line (self, priv->options->delimiters, &priv->reading->scan, request->count, &length);
      break;
    case KAA_PENDING_READLINES:
      result = kaa_channel_find_block (self, request->count, &length);
      break;
    case KAA_PENDING_READ_UNTIL:
      result = kaa_channel_find_line (self, request->delimiters, &request->scan, request->count, &length);
      break;
    case KAA_PENDING_WAIT_READABLE:
      if (used == 0 && (!kaa_channel_is_at_end (priv) || priv->look_behind_eof))
        return FALSE;
      kaa_pending_unlink (request);
      kaa_pending_settle_boolean (request, TRUE, TRUE);
      return TRUE;
    case KAA_PENDING_SPLICE:
      return kaa_splice_serve (request->splice, kaa_channel_is_at_end (priv) && !priv->look_behind_eof);
    case KAA_PENDING_WRITE:
    case KAA_PENDING_FLUSH:
    case KAA_PENDING_WAIT_WRITABLE:
    case KAA_PENDING_SHUTDOWN:
    case KAA_PENDING_CLOSE:
    default:
      g_assert_not_reached ();
    }

  if (result == KAA_LINE_FOUND)
    return serve_bytes (self, request, length);

  if (result == KAA_LINE_TOO_LONG)
    {
      kaa_channel_overflow (self, request);
      return TRUE;
    }

  /* The beginning of a line that may be written on is not the answer. */
  if ((used > 0 && ends_lines (self)) || !kaa_channel_is_at_end (priv) || priv->look_behind_eof)
    return FALSE;

  if (priv->writing->end_error == NULL)
    return serve_bytes (self, request, 0);

  kaa_pending_unlink (request);
  kaa_pending_settle_error (request, g_error_copy (priv->writing->end_error), TRUE);
  return TRUE;
}

/* The request at the head, unless it has to stand behind the close. */
static gboolean
serve_in_time (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return !kaa_channel_is_late (priv, priv->reading->requests.first) && serve (self);
}

gboolean
kaa_channel_serve_late (KaaIOChannel *self,
                        gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPending *request = priv->reading->requests.first;

  /* Those that failed because of a close hear of it before anything else happens, and so does who hears of the close. */
  if (!kaa_channel_is_late (priv, request) || priv->failing || !serve (self))
    return FALSE;

  *budget = kaa_channel_has_budget (priv);
  return TRUE;
}

gboolean
kaa_channel_deliver (KaaIOChannel *self,
                     gboolean     *budget)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean any = FALSE;

  for (;;)
    {
      gboolean done = kaa_channel_emit_overflow (self) || kaa_channel_emit_chunk (self) || kaa_channel_discard (self);

      /* R10: a request that everybody has dropped takes nothing. */
      kaa_pending_list_look (&priv->reading->requests);
      if (!done && priv->reading->discarding == NULL)
        {
          if (priv->reading->requests.first != NULL)
            done = serve_in_time (self);
          /* Lines come after the requests that wait for the same bytes. */
          if (!done && priv->reading->requests.first == NULL)
            done = kaa_channel_emit_lines (self);
        }
      else if (!done && priv->reading->requests.first != NULL && kaa_channel_is_at_end (priv) && kaa_channel_get_queued (priv) == 0)
        {
          done = serve_in_time (self);
        }

      if (!done)
        break;

      any = TRUE;
      if (!kaa_channel_has_budget (priv))
        {
          *budget = FALSE;
          break;
        }
    }

  kaa_channel_drop_seen (self);
  return any;
}

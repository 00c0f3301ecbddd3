/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The queue of what was read: how bytes leave it and come back, what `read` handlers have to have had by then, and the lines in it.
 *
 * It knows nothing of who gets them. A loan of lines ends where anything else becomes of the queue, and taking what was lent is
 * taking: so both stand here.
 */

#include "channel/kaa-channel-queue.h"

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

/* --- a loan --- */

static void
loan_free (KaaLoan *loan)
{
  loan->tally[TALLY_ENDED] = 1;
  g_bytes_unref (loan->shared);
  g_slice_free (KaaLoan, loan);
}

/* Takes from the queue what was handed out. */
void
kaa_channel_settle_loan (KaaIOChannelPrivate *priv)
{
  KaaLoan *loan = priv->reading->loan;
  guint32 taken = MIN (loan->tally[TALLY_TAKEN], loan->length);
  guint32 more = kaa_subtract (taken, loan->settled);

  if (more == 0 || !kaa_channel_is_mine (priv))
    return;

  /* Taking ends a loan. */
  priv->reading->loan = NULL;
  kaa_channel_take (kaa_channel_from_private (priv), more);
  loan->settled = taken;
  if (taken < loan->length)
    priv->reading->loan = loan;
  else
    loan_free (loan);
}

void
kaa_channel_end_loan (KaaIOChannelPrivate *priv)
{
  if (priv->reading->loan != NULL)
    kaa_channel_settle_loan (priv);
  if (priv->reading->loan != NULL)
    loan_free (g_steal_pointer (&priv->reading->loan));
}

/* --- taking, and putting back --- */

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

/* --- lines --- */

gboolean
kaa_channel_ends_lines (KaaIOChannel *self)
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
                               kaa_channel_ends_lines (self), &start, length))
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

  if (!kaa_channel_ends_lines (self))
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
  if (kaa_channel_ends_lines (self) && used <= limit)
    {
      *length = used;
      return KAA_LINE_FOUND;
    }

  *length = kaa_delimiters_scan_block (priv->options->delimiters, &priv->reading->scan, kaa_byte_queue_peek (&priv->reading->queue), used,
                                       limit, kaa_channel_ends_lines (self));
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

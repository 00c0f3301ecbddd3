/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From the queue (kaa-channel-queue.c) to requests and handlers. kaa-channel-fill.c fills it.
 *
 * The order is: chunks to `read` handlers as they are read; then requests, first come, first served; then
 * blocks and lines to the handlers. Bytes leave the queue before the code that gets them runs, so that whatever
 * that code does finds the true queue.
 */

#include "channel/kaa-io-channel-private.h"

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
  if ((used > 0 && kaa_channel_ends_lines (self)) || !kaa_channel_is_at_end (priv) || priv->look_behind_eof)
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

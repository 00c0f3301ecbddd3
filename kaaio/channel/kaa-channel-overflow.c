/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The read side, where a line is too long: who is told, and dropping what belongs to it. */

#include "channel/kaa-io-channel-private.h"
#include "loop/kaa-collector.h"

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

gboolean
kaa_channel_emit_overflow (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint64 bytes;

  /* Behind the requests that failed for it. */
  if (priv->reading->overflows == NULL || priv->emitting || priv->failing)
    return FALSE;

  bytes = g_array_index (priv->reading->overflows, guint64, 0);
  g_array_remove_index (priv->reading->overflows, 0);
  if (priv->reading->overflows->len == 0)
    g_clear_pointer (&priv->reading->overflows, g_array_unref);

  priv->emitting = TRUE;
  kaa_collector_finish ();
  g_signal_emit (self, kaa_channel_signals[KAA_SIGNAL_OVERFLOW], 0, bytes);
  priv->emitting = FALSE;
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
gboolean
kaa_channel_discard (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize start, end;

  if (priv->reading->discarding == NULL)
    return FALSE;

  if (kaa_delimiters_scan (priv->reading->discarding, &priv->reading->scan, kaa_byte_queue_peek (&priv->reading->queue), used,
                           G_MAXSIZE, kaa_channel_is_at_end (priv), &start, &end) == KAA_SCAN_FOUND)
    {
      used = end;
    }
  else if (!kaa_channel_is_at_end (priv))
    {
      /* What may still become a delimiter has to stay. */
      used = kaa_subtract (used, kaa_delimiters_get_longest (priv->reading->discarding) - 1);
      if (used > 0)
        {
          KaaScan scan = priv->reading->scan;

          kaa_scan_consume (&scan, priv->reading->discarding, used);
          kaa_channel_drop_fds (priv, used);
          kaa_channel_leave_queue (self, used);
          priv->reading->discarded += used;
          priv->reading->scan = scan;
        }
      return FALSE;
    }

  g_clear_pointer (&priv->reading->discarding, kaa_delimiters_unref);
  priv->reading->scan = (KaaScan) { 0, };
  kaa_channel_drop_fds (priv, used);
  kaa_channel_take (self, used);
  tell_overflow (self, priv->reading->discarded + used);
  return TRUE;
}

/* A line is too long, and the policy is not to split it. The request is NULL where handlers want the line. */
void
kaa_channel_overflow (KaaIOChannel *self,
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
  else if (!priv->reading->overflow_told)
    {
      tell_overflow (self, kaa_channel_get_queued (priv));
      priv->reading->overflow_told = TRUE;
    }

  if (request != NULL)
    {
      kaa_pending_unlink (request);
      kaa_pending_settle_error (request, overflow_error (limit), TRUE);
    }

  if (policy == KAA_OVERFLOW_CLOSE || (policy == KAA_OVERFLOW_ERROR && request == NULL))
    kaa_channel_close_with_error (self, overflow_error (limit));
}

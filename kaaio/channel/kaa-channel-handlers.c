/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The read side, from the queue to the handlers of `read`, `readlines` and `readline`. */

#include "channel/kaa-io-channel-private.h"
#include "loop/kaa-collector.h"

static void
emit_bytes (KaaIOChannel     *self,
            KaaChannelSignal  which,
            GBytes           *bytes)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->emitting = TRUE;
  kaa_collector_finish ();
  g_signal_emit (self, kaa_channel_signals[which], 0, bytes);
  priv->emitting = FALSE;
  g_bytes_unref (bytes);
}

static gboolean
is_emission_allowed (KaaIOChannelPrivate *priv)
{
  return !priv->emitting && !priv->paused &&
         (priv->state == KAA_STATE_OPEN || priv->state == KAA_STATE_UNOPENED);
}

/* What was taken before they could have it. */
static gboolean
emit_kept_chunk (KaaIOChannel *self)
{
  KaaReading *reading = kaa_channel_get_private (self)->reading;
  GBytes *bytes = g_queue_pop_head (reading->chunks);

  if (reading->chunks->length == 0)
    g_clear_pointer (&reading->chunks, g_queue_free);
  emit_bytes (self, KAA_SIGNAL_READ, bytes);
  return TRUE;
}

/* Nobody but `read` handlers wants what comes next, or will ask for it. */
static gboolean
is_theirs_alone (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return !priv->keep && priv->reading->requests.first == NULL && priv->reading->heard.had == 0 && !priv->peer_gone &&
         kaa_channel_look (self) == KAA_WANTS_CHUNKS;
}

/* What `read` handlers have not had: what others have taken, then what is in the queue. */
gboolean
kaa_channel_emit_chunk (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);
  gsize had = priv->reading->heard.had;
  gsize length;
  GBytes *bytes;

  /* Whoever was to have it has gone; requests find it in the queue. */
  if ((priv->reading->chunks != NULL || priv->reading->heard.due > 0) && !priv->emitting &&
      !kaa_channel_has_handlers (self, KAA_WANTS_CHUNKS))
    kaa_channel_drop_chunks (self);

  if ((priv->reading->chunks == NULL && used == had) || !is_emission_allowed (priv) ||
      !kaa_channel_wants (self, KAA_WANTS_CHUNKS))
    return FALSE;
  if (priv->reading->chunks != NULL)
    return emit_kept_chunk (self);

  length = MIN (used - had, priv->options->chunk_size);
  bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, had, length);
  if (is_theirs_alone (self))
    {
      kaa_heard_hand_out (&priv->reading->heard, length);
      kaa_channel_take (self, length);
    }
  else
    {
      kaa_heard_hand_out (&priv->reading->heard, length);
    }
  emit_bytes (self, KAA_SIGNAL_READ, bytes);
  return TRUE;
}

/* R3: what the handlers have had is only kept for requests that were made while they are connected. */
void
kaa_channel_drop_seen (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);

  if (used > 0 && !priv->keep && priv->reading->requests.first == NULL && !priv->emitting &&
      priv->reading->heard.had == used && !priv->paused && priv->state == KAA_STATE_OPEN &&
      kaa_channel_look (self) == KAA_WANTS_CHUNKS)
    kaa_channel_take (self, used);
}

static gboolean
emit_block (KaaIOChannel *self,
            KaaWants      wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  GBytes *bytes;

  if (priv->reading->block_seen > 0 || !(wants & KAA_WANTS_BLOCKS))
    return FALSE;

  switch (kaa_channel_find_block (self, priv->options->queue_size, &length))
    {
    case KAA_LINE_FOUND:
      bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length);
      if (wants & KAA_WANTS_LINES)
        priv->reading->block_seen = length;
      else
        kaa_channel_take (self, length);
      emit_bytes (self, KAA_SIGNAL_READLINES, bytes);
      return TRUE;
    case KAA_LINE_TOO_LONG:
      kaa_channel_overflow (self, NULL);
      return TRUE;
    case KAA_LINE_NONE:
    default:
      return FALSE;
    }
}

/* The line at the head goes to the handlers of `readline`, whom the caller has seen. */
static gboolean
emit_next_line (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length;
  GBytes *bytes;

  switch (kaa_channel_find_line (self, priv->options->delimiters, &priv->reading->scan, priv->options->queue_size,
                                 &length))
    {
    case KAA_LINE_FOUND:
      bytes = kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length);
      kaa_channel_take (self, length);
      emit_bytes (self, KAA_SIGNAL_READLINE, bytes);
      return TRUE;
    case KAA_LINE_TOO_LONG:
      kaa_channel_overflow (self, NULL);
      return TRUE;
    case KAA_LINE_NONE:
    default:
      return FALSE;
    }
}

static gboolean
emit_line (KaaIOChannel *self,
           KaaWants      wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (wants & KAA_WANTS_LINES)
    return emit_next_line (self);

  /* Who wanted the single lines of the last block has gone; the block itself was delivered. */
  if (priv->reading->block_seen == 0)
    return FALSE;
  kaa_channel_take (self, priv->reading->block_seen);
  return TRUE;
}

/* Nothing but lines for handlers may be due now. Whether there are such handlers a look has to say. */
static gboolean
is_line_next (KaaIOChannelPrivate *priv)
{
  const KaaReading *reading = priv->reading;

  return kaa_channel_get_queued (priv) > 0 && reading->requests.first == NULL && reading->chunks == NULL &&
         reading->overflows == NULL && reading->discarding == NULL && is_emission_allowed (priv);
}

/* The lines behind one that was emitted. Each handler may change everything, so all is asked again before the next, but what can be
 * asked cheaply; anything else than one line after the other is left to the caller. */
static void
emit_more_lines (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  while (is_line_next (priv) && kaa_channel_wants_only_lines (self) && kaa_poller_spend (priv->entry.poller, 0) &&
         emit_next_line (self))
    ;
}

/* What is for handlers of `readlines` and `readline`. */
gboolean
kaa_channel_emit_lines (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaWants wants;

  if (kaa_channel_get_queued (priv) == 0 || !is_emission_allowed (priv))
    return FALSE;
  wants = kaa_channel_look_at_handlers (self);
  if (emit_block (self, wants))
    return TRUE;
  if (!emit_line (self, wants))
    return FALSE;

  emit_more_lines (self);
  return TRUE;
}

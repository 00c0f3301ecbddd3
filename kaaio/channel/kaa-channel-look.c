/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks: who is interested in what is read.
 *
 * GObject tells nobody when a handler is connected, blocked or disconnected, so it is asked before everything that depends on it. That is
 * dear where it happens for each line: as dear as half an emission, for each signal that is asked about.
 */

#include "channel/kaa-io-channel-private.h"

/* What most channels have comes first. */
static const struct
{
  KaaWants want;
  KaaChannelSignal signal;
} kinds[] = {
  { KAA_WANTS_LINES, KAA_SIGNAL_READLINE },
  { KAA_WANTS_BLOCKS, KAA_SIGNAL_READLINES },
  { KAA_WANTS_CHUNKS, KAA_SIGNAL_READ },
};

/* The first one that would run, or 0. */
static gulong
find_handler (KaaIOChannel     *self,
              KaaChannelSignal  which)
{
  return g_signal_handler_find (self, G_SIGNAL_MATCH_ID | G_SIGNAL_MATCH_UNBLOCKED, kaa_channel_signals[which], 0,
                                NULL, NULL, NULL);
}

/*
 * The first handler of any signal that would run, or 0. Handlers with a detail (of `notify`) are none of those that matter here.
 *
 * GObject keeps the handlers of an object in the order of their signals' ids, and those of `read` and `readlines` are less than that of
 * `readline`. So if this is a handler of `readline`, nobody wants anything else.
 */
static gulong
find_first_handler (KaaIOChannel *self)
{
  return g_signal_handler_find (self, G_SIGNAL_MATCH_UNBLOCKED | G_SIGNAL_MATCH_DETAIL, 0, 0, NULL, NULL, NULL);
}

/* A default handler of a subclass counts: one that stands in the class structure, and (as GObject says itself) one that overrides the
 * class closure, which is how bindings do it. Those neither come nor go, so it is enough to look when the channel is made. */
void
kaa_channel_note_default_handlers (KaaIOChannel *self)
{
  KaaIOChannelClass *klass = KAA_IO_CHANNEL_GET_CLASS (self);
  gpointer slots[G_N_ELEMENTS (kinds)] = { klass->readline, klass->readlines, klass->read };
  KaaWants found = 0;

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (slots[i] != NULL || g_signal_has_handler_pending (self, kaa_channel_signals[kinds[i].signal], 0, FALSE))
      found |= kinds[i].want;
  kaa_channel_get_private (self)->by_default = found;
}

gboolean
kaa_channel_wants (KaaIOChannel *self,
                   KaaWants      one)
{
  guint i = 0;

  if (kaa_channel_get_private (self)->by_default & one)
    return TRUE;

  while (kinds[i].want != one)
    i++;
  return find_handler (self, kinds[i].signal) != 0;
}

/*
 * While something is read one question is most often enough. As long as the first handler of all is the one of `readline` that an
 * earlier look has found there, somebody wants lines, and nobody wants anything else: ids of handlers are never used twice.
 */
static gboolean
is_line_handler (KaaIOChannelPrivate *priv,
                 gulong               first)
{
  return first != 0 && first == priv->reading->line_handler;
}

KaaWants
kaa_channel_look_at_handlers (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaWants wants = priv->by_default;
  gulong first = find_first_handler (self);

  if (is_line_handler (priv, first))
    return wants | KAA_WANTS_LINES;

  /* Who only uses futures has none at all. */
  for (guint i = 0; first != 0 && i < G_N_ELEMENTS (kinds); i++)
    {
      gulong handler = find_handler (self, kinds[i].signal);

      if (handler != 0)
        wants |= kinds[i].want;
      if (handler == first && kinds[i].want == KAA_WANTS_LINES)
        {
          if (priv->reading != &kaa_channel_no_reading)
            priv->reading->line_handler = first;
          break;
        }
    }
  return wants;
}

KaaWants
kaa_channel_look (KaaIOChannel *self)
{
  return kaa_channel_get_private (self)->paused ? 0 : kaa_channel_look_at_handlers (self);
}

KaaLook
kaa_channel_look_blocked (KaaIOChannel *self)
{
  if (kaa_channel_get_private (self)->by_default != 0)
    return KAA_LOOK_BLOCKED;
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_signal_handler_find (self, G_SIGNAL_MATCH_ID, kaa_channel_signals[kinds[i].signal], 0, NULL, NULL, NULL) != 0)
      return KAA_LOOK_BLOCKED;
  return KAA_LOOK_NOBODY;
}

/* Handlers of that kind exist, blocked or not. */
gboolean
kaa_channel_has_handlers (KaaIOChannel *self,
                          KaaWants      one)
{
  guint i = 0;

  while (kinds[i].want != one)
    i++;
  return (kaa_channel_get_private (self)->by_default & one) != 0 ||
         g_signal_handler_find (self, G_SIGNAL_MATCH_ID, kaa_channel_signals[kinds[i].signal], 0, NULL, NULL, NULL) != 0;
}

/* A quick answer for the next of many lines. FALSE: look properly. */
gboolean
kaa_channel_wants_only_lines (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return priv->by_default == 0 && !priv->paused && is_line_handler (priv, find_first_handler (self));
}

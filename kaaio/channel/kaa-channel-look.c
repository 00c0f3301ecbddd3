/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks: who is interested in what is read.
 *
 * GObject tells nobody when a handler is connected, blocked or disconnected, so it is asked before everything that depends on it. That is
 * dear where it happens for each line: as dear as half an emission, for each signal that is asked about.
 */

#include "channel/kaa-io-channel-private.h"

/* A default handler of a subclass counts: one that stands in the class structure, and (as GObject says itself) one that overrides the
 * class closure, which is how bindings do it. */
gboolean
kaa_channel_wants (KaaIOChannel *self,
                   KaaWants      one)
{
  KaaIOChannelClass *klass = KAA_IO_CHANNEL_GET_CLASS (self);
  KaaChannelSignal which;
  gpointer slot;

  switch ((guint) one)
    {
    case KAA_WANTS_CHUNKS:
      which = KAA_SIGNAL_READ;
      slot = klass->read;
      break;
    case KAA_WANTS_LINES:
      which = KAA_SIGNAL_READLINE;
      slot = klass->readline;
      break;
    default:
      which = KAA_SIGNAL_READLINES;
      slot = klass->readlines;
      break;
    }

  return slot != NULL || g_signal_has_handler_pending (self, kaa_channel_signals[which], 0, FALSE);
}

KaaWants
kaa_channel_look (KaaIOChannel *self)
{
  KaaWants wants = 0;

  for (KaaWants one = KAA_WANTS_CHUNKS; one <= KAA_WANTS_BLOCKS; one <<= 1)
    if (kaa_channel_wants (self, one))
      wants |= one;
  return kaa_channel_get_private (self)->paused ? 0 : wants;
}

KaaLook
kaa_channel_look_blocked (KaaIOChannel *self)
{
  KaaIOChannelClass *klass = KAA_IO_CHANNEL_GET_CLASS (self);

  if (klass->read != NULL || klass->readline != NULL || klass->readlines != NULL)
    return KAA_LOOK_BLOCKED;
  for (guint i = KAA_SIGNAL_READ; i <= KAA_SIGNAL_READLINE; i++)
    if (g_signal_has_handler_pending (self, kaa_channel_signals[i], 0, /* may_be_blocked= */ TRUE))
      return KAA_LOOK_BLOCKED;
  return KAA_LOOK_NOBODY;
}

/*
 * Between two lines of a run one question takes the place of three: which is the first handler of any signal that would run?
 * GObject keeps the handlers of an object in the order of their signals' ids, and those of `read` and `readlines` are less than that of
 * `readline`. So as long as the answer is the handler of `readline` that was there at the beginning, there is somebody who wants
 * lines, and nobody who wants anything else; ids of handlers are never used twice. (Those of `notify` come first of all, but hardly ever without
 * a detail.) Default handlers are in no list; but they neither come nor go.
 */
static gulong
find_first_handler (KaaIOChannel *self)
{
  return g_signal_handler_find (self, G_SIGNAL_MATCH_UNBLOCKED | G_SIGNAL_MATCH_DETAIL, 0, 0, NULL, NULL, NULL);
}

/* What kaa_channel_wants_only_lines() needs to know; 0 where it could not tell. */
gulong
kaa_channel_find_line_handler (KaaIOChannel *self)
{
  gulong first;

  if (kaa_channel_look (self) != KAA_WANTS_LINES)
    return 0;

  first = g_signal_handler_find (self, G_SIGNAL_MATCH_UNBLOCKED | G_SIGNAL_MATCH_ID,
                                 kaa_channel_signals[KAA_SIGNAL_READLINE], 0, NULL, NULL, NULL);
  return first == find_first_handler (self) ? first : 0;
}

/* FALSE: look properly. */
gboolean
kaa_channel_wants_only_lines (KaaIOChannel *self,
                              gulong        line_handler)
{
  return find_first_handler (self) == line_handler;
}

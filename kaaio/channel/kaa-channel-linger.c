/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The time after which a close that makes no progress is cut short. */

#include "channel/kaa-io-channel-private.h"

/* Of the close that is under way, which is the last one. */
static KaaClosing *
get_closing (KaaIOChannelPrivate *priv)
{
  KaaClosing *closing = priv->writing->closings;

  while (closing != NULL && closing->next != NULL)
    closing = closing->next;
  return closing;
}

void
kaa_channel_end_linger (KaaIOChannel *self)
{
  KaaClosing *closing = get_closing (kaa_channel_get_private (self));

  if (closing != NULL && closing->linger != NULL)
    {
      g_source_destroy (closing->linger);
      g_clear_pointer (&closing->linger, g_source_unref);
    }
}

static gboolean
linger_over (gpointer data)
{
  KaaIOChannel *self = data;
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->state == KAA_STATE_CLOSING)
    kaa_channel_close_now (self, FALSE);
  return G_SOURCE_REMOVE;
}

void
kaa_channel_begin_linger (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaClosing *closing = get_closing (priv);
  GMainContext *context = kaa_poller_dup_context (priv->entry.poller);

  kaa_channel_end_linger (self);
  if (context == NULL)
    return;

  closing->linger = g_timeout_source_new ((guint) CLAMP (priv->options->linger * 1000, 0, G_MAXUINT / 2));
  g_source_set_callback (closing->linger, linger_over, self, NULL);
  g_source_set_static_name (closing->linger, "kaa-linger");
  g_source_attach (closing->linger, context);
  g_main_context_unref (context);
}

gboolean
kaa_channel_is_lingering (KaaIOChannel *self)
{
  KaaClosing *closing = get_closing (kaa_channel_get_private (self));

  return closing != NULL && closing->linger != NULL;
}

/* C3: there was progress. */
void
kaa_channel_linger_on (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->writing->closings != NULL && !priv->draining && kaa_channel_is_lingering (self))
    kaa_channel_begin_linger (self);
}

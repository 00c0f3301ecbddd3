/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The time after which a close that makes no progress is cut short. */

#include "channel/kaa-io-channel-private.h"

void
kaa_channel_end_linger (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->linger_source != NULL)
    {
      g_source_destroy (priv->linger_source);
      g_clear_pointer (&priv->linger_source, g_source_unref);
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
  GMainContext *context = kaa_poller_dup_context (priv->entry.poller);

  kaa_channel_end_linger (self);
  if (context == NULL)
    return;

  priv->linger_source = g_timeout_source_new ((guint) CLAMP (priv->linger * 1000, 0, G_MAXUINT / 2));
  g_source_set_callback (priv->linger_source, linger_over, self, NULL);
  g_source_set_static_name (priv->linger_source, "kaa-linger");
  g_source_attach (priv->linger_source, context);
  g_main_context_unref (context);
}

/* C3: there was progress. */
void
kaa_channel_linger_on (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->linger_source != NULL && !priv->draining)
    kaa_channel_begin_linger (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The idle time-out: a channel through which no byte has passed for so long is closed.
 *
 * A byte that passes only notes the time. The alarm rings when the time would be over if none had passed, and then
 * is put off to what is left; so a busy channel costs one wake-up for each span, not one timer for each read.
 */

#include "channel/kaa-channel-properties.h"
#include "channel/kaa-io-channel-private.h"

#include "future/kaa-alarm.h"

struct _KaaIdle
{
  double seconds;
  gint64 active_at;  /* monotonic, microseconds */
  GSource *alarm;    /* while the channel is open */
};

static void
end_alarm (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GMainContext *context = kaa_poller_dup_context (priv->entry.poller);

  kaa_alarm_clear (&priv->options->idle->alarm, context);
  if (context != NULL)
    g_main_context_unref (context);
}

static gint64
get_deadline (const KaaIdle *idle)
{
  return idle->active_at + (gint64) (idle->seconds * G_USEC_PER_SEC);
}

static gboolean
ring (gpointer data)
{
  KaaIOChannel *self = data;
  KaaIdle *idle = kaa_channel_get_private (self)->options->idle;

  if (g_get_monotonic_time () < get_deadline (idle))
    {
      g_source_set_ready_time (idle->alarm, get_deadline (idle));
      return G_SOURCE_CONTINUE;
    }

  kaa_channel_close_with_error (self, g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                                   "No byte passed for %g seconds, the idle-timeout of the channel",
                                                   idle->seconds));
  return G_SOURCE_REMOVE;
}

/* The channel has opened, or the time was set. */
void
kaa_channel_begin_idle (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GMainContext *context;

  if (priv->options->idle == NULL)
    return;

  end_alarm (self);
  context = kaa_poller_dup_context (priv->entry.poller);
  if (context == NULL)
    return;

  priv->options->idle->active_at = g_get_monotonic_time ();
  priv->options->idle->alarm = kaa_alarm_new (get_deadline (priv->options->idle));
  g_source_set_callback (priv->options->idle->alarm, ring, self, NULL);
  g_source_attach (priv->options->idle->alarm, context);
  g_main_context_unref (context);
}

void
kaa_channel_end_idle (KaaIOChannel *self)
{
  if (kaa_channel_get_private (self)->options->idle != NULL)
    end_alarm (self);
}

void
kaa_channel_note_activity (KaaIOChannel *self)
{
  KaaIdle *idle = kaa_channel_get_private (self)->options->idle;

  if (idle != NULL)
    idle->active_at = g_get_monotonic_time ();
}

gint64
kaa_channel_get_active_at (KaaIOChannel *self)
{
  KaaIdle *idle = kaa_channel_get_private (self)->options->idle;

  return idle != NULL ? idle->active_at : 0;
}

void
kaa_channel_set_active_at (KaaIOChannel *self,
                           gint64        time)
{
  KaaIdle *idle = kaa_channel_get_private (self)->options->idle;

  if (idle == NULL || time == 0)
    return;
  idle->active_at = time;
  if (idle->alarm != NULL)
    g_source_set_ready_time (idle->alarm, get_deadline (idle));
}

void
kaa_channel_free_idle (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->options->idle != NULL)
    g_clear_pointer (&priv->options->idle, g_free);
}

/**
 * kaa_io_channel_get_idle_timeout: (get-property idle-timeout)
 * @self: a channel
 *
 * Seconds without a byte in either direction after which the channel is closed.
 *
 * Returns: the value of [property@Kaa.IOChannel:idle-timeout]; 0 for never
 *
 * Since: 1.0
 */
double
kaa_io_channel_get_idle_timeout (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  priv = kaa_channel_get_private (self);
  return priv->options->idle != NULL ? priv->options->idle->seconds : 0;
}

/**
 * kaa_io_channel_set_idle_timeout: (set-property idle-timeout)
 * @self: a channel
 * @seconds: a time in seconds, at most 1e9; 0 for never
 *
 * Sets after how long without a byte the channel is closed. The time begins anew.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_idle_timeout (KaaIOChannel *self,
                                 double        seconds)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (seconds >= 0 && seconds <= 1e9);

  priv = kaa_channel_get_private (self);
  kaa_channel_end_idle (self);
  kaa_channel_free_idle (self);
  if (seconds > 0)
    {
      kaa_channel_own_options (priv)->idle = g_new0 (KaaIdle, 1);
      priv->options->idle->seconds = seconds;
      if (priv->state == KAA_STATE_OPEN)
        kaa_channel_begin_idle (self);
    }
  kaa_channel_property_changed (self, KAA_PROP_IDLE_TIMEOUT);
}

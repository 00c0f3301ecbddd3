/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing pauses: the system is short of something (ENOBUFS, ENOMEM), and no readiness will say when it is not any more.
 *
 * What could not be written stays at the head of the queue and is tried again, after pauses that grow. Where nothing goes for some
 * seconds it counts as refused, or as the end of a stream.
 */

#include "channel/kaa-io-channel-private.h"
#include "future/kaa-alarm.h"

#define FIRST_PAUSE (1 * G_TIME_SPAN_MILLISECOND)
#define LAST_PAUSE  (64 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE    (3 * G_TIME_SPAN_SECOND)

struct _KaaPause
{
  GSource *alarm;   /* NULL: over, and the next try has not had its turn */
  gint64 since;     /* monotonic, microseconds: the first try in vain */
  gint64 length;    /* microseconds */
};

static gboolean
pause_over (gpointer data)
{
  KaaIOChannel *self = data;
  KaaPause *pause = kaa_channel_get_private (self)->writing->pause;

  g_clear_pointer (&pause->alarm, g_source_unref);
  kaa_channel_schedule (self);
  return G_SOURCE_REMOVE;
}

gboolean
kaa_channel_is_pausing (KaaIOChannelPrivate *priv)
{
  return priv->writing->pause->alarm != NULL;
}

gboolean
kaa_channel_begin_pause (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GMainContext *context = kaa_poller_dup_context (priv->entry.poller);
  gint64 now = g_get_monotonic_time ();
  KaaPause *pause = priv->writing->pause;

  if (context == NULL)
    return FALSE;

  if (pause == NULL)
    {
      pause = kaa_channel_need_writing (priv)->pause = g_new0 (KaaPause, 1);
      pause->since = now;
    }
  else if (now - pause->since >= PATIENCE)
    {
      g_main_context_unref (context);
      return FALSE;
    }

  pause->length = CLAMP (pause->length * 2, FIRST_PAUSE, LAST_PAUSE);
  pause->alarm = kaa_alarm_new (now + pause->length);
  g_source_set_callback (pause->alarm, pause_over, self, NULL);
  g_source_set_static_name (pause->alarm, "kaa-pause");
  g_source_set_priority (pause->alarm, kaa_poller_get_priority (priv->entry.poller));
  g_source_attach (pause->alarm, context);
  g_main_context_unref (context);
  return TRUE;
}

void
kaa_channel_end_pause (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GMainContext *context;

  if (priv->writing->pause == NULL)
    return;

  context = kaa_poller_dup_context (priv->entry.poller);
  kaa_alarm_clear (&priv->writing->pause->alarm, context);
  if (context != NULL)
    g_main_context_unref (context);
  g_clear_pointer (&kaa_channel_need_writing (priv)->pause, g_free);
}

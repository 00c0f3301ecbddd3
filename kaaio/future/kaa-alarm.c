/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "future/kaa-alarm.h"

static gboolean
kaa_alarm_dispatch (GSource     *source,
                    GSourceFunc  callback,
                    gpointer     user_data)
{
  /* Once: a nested loop inside the callback must not find it ready again. */
  g_source_set_ready_time (source, -1);

  if (callback != NULL)
    return callback (user_data);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs kaa_alarm_funcs =
{
  .dispatch = kaa_alarm_dispatch,
};

GSource *
kaa_alarm_new (gint64 when)
{
  GSource *source;

  source = g_source_new (&kaa_alarm_funcs, sizeof (GSource));
  g_source_set_static_name (source, "[kaa] alarm");
  g_source_set_can_recurse (source, TRUE);
  g_source_set_ready_time (source, when);

  return source;
}

gint64
kaa_alarm_after (double seconds)
{
  const double century = 100.0 * 366 * 24 * 60 * 60;

  /* Written so that what is not a number is for ever, too. */
  if (!(seconds >= 0 && seconds < century))
    return -1;

  return g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
}

void
kaa_alarm_clear (GSource      **source,
                 GMainContext  *context)
{
  if (*source == NULL)
    return;

  /* A context that is going destroys its sources itself, and must not be touched by then. */
  if (context != NULL)
    g_source_destroy (*source);

  g_clear_pointer (source, g_source_unref);
}

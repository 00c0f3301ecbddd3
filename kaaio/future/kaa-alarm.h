/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * A GSource that becomes ready once, at a moment of the monotonic clock: to the microsecond, and over any distance, where
 * g_timeout_source_new() counts milliseconds in 32 bits. -1 stands for never. Without a callback it only wakes the context.
 */
GSource *kaa_alarm_new (gint64 when);

/* The moment that lies so many seconds ahead, -1 where that is never: seconds are negative, infinite or not a number. */
gint64   kaa_alarm_after (double seconds);

/* Destroys *source, which the caller owns. context is the one it was attached to; NULL if that one is gone, and the source with it. */
void     kaa_alarm_clear (GSource      **source,
                          GMainContext  *context);

G_END_DECLS

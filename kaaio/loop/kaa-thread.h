/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Threads by names that are never used again: pthread_self() and g_thread_self() are handed to the next one.
 */

/* The name of this thread; never NULL. */
gpointer kaa_thread_self      (void);
/* Any thread. TRUE once the thread of that name is not there any more. */
gboolean kaa_thread_has_ended (gpointer thread);

G_END_DECLS

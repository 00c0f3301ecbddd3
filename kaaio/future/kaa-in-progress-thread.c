/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which thread a main context belongs to, as far as a wait may iterate it. */

#include "future/kaa-in-progress-internal.h"
#include "loop/kaa-thread.h"

static gpointer first_thread; /* atomic */

void
kaa_in_progress_claim_thread (void)
{
  if (G_UNLIKELY (g_atomic_pointer_get (&first_thread) == NULL))
    g_atomic_pointer_compare_and_exchange (&first_thread, NULL, kaa_thread_self ());
}

/* Whether this is the thread that runs the context, or would. That nobody runs it at the moment is no invitation. */
static gboolean
belongs_here (GMainContext *context)
{
  return g_main_context_is_owner (context) ||
         g_main_context_get_thread_default () == context ||
         (context == g_main_context_default () && g_atomic_pointer_get (&first_thread) == kaa_thread_self ());
}

static gboolean
is_default (GMainContext *context)
{
  return context == g_main_context_default ();
}

/* The thread that first used the library is gone, and it is this one that has the default context now. */
static gboolean
succeed_first_thread (KaaInProgress *self)
{
  gpointer first = g_atomic_pointer_get (&first_thread);

  return first != NULL && kaa_thread_has_ended (first) &&
         kaa_poller_ask (self->poller, is_default) && kaa_poller_is_mine (self->poller) &&
         g_atomic_pointer_compare_and_exchange (&first_thread, first, kaa_thread_self ());
}

gboolean
kaa_in_progress_is_here (KaaInProgress *self)
{
  return kaa_poller_is_running (self->poller) || kaa_poller_ask (self->poller, belongs_here) || succeed_first_thread (self);
}

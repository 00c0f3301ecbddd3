/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A future that is used again.
 *
 * An operation makes a future and drops it when that has been announced. Often nobody else holds it by then: who asks for one line
 * after the other with then() has dropped his reference long ago. Making and finalizing a GObject costs more than all the rest of
 * such an operation, so the last one is kept for the next.
 *
 * It must not be told from a new one. There is only one reference, and nothing that GObject would have to tell somebody at the end:
 * weak references, toggle references (of bindings), data of others and watched closures are all in its qdata, which must be empty.
 */

#include "future/kaa-in-progress-internal.h"

#include <string.h>

static KaaInProgress *spare;   /* atomic, because futures may be made and dropped in any thread */

/* Everything but what GObject has of it is zero. NULL: there is none. */
KaaInProgress *
kaa_in_progress_take_spare (void)
{
  return g_atomic_pointer_get (&spare) != NULL ? g_atomic_pointer_exchange (&spare, NULL) : NULL;
}

static gboolean
is_only_ours (KaaInProgress *self)
{
  GObject *object = (GObject *) self;

  return g_atomic_int_get ((int *) &object->ref_count) == 1 && object->qdata == NULL;
}

/* g_object_unref() for who made an operation's future and has settled it. */
void
kaa_in_progress_release (KaaInProgress *self)
{
  KaaPoller *poller;
  GObject *source;

  if (!is_only_ours (self) || kaa_in_progress_get_state (self) != KAA_STATE_RESOLVED ||
      g_atomic_pointer_get (&spare) != NULL)
    {
      g_object_unref (self);
      return;
    }

  /* As GObject would; it may run destroy functions, which may do anything. */
  g_signal_handlers_destroy (self);
  if (!is_only_ours (self))
    {
      g_object_unref (self);
      return;
    }

  kaa_in_progress_clear_result (self);
  poller = self->poller;
  source = self->source;
  memset ((char *) self + sizeof (GObject), 0, sizeof (KaaInProgress) - sizeof (GObject));
  if (!g_atomic_pointer_compare_and_exchange (&spare, NULL, self))
    g_object_unref (self);
  kaa_poller_unref (poller);
  g_clear_object (&source);
}

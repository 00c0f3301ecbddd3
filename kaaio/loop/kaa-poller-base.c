/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/* What all files of a poller stand on: that it is there, and whether it still means anything. */

GMutex kaa_poller_static_lock;
int kaa_poller_generation;

gboolean
kaa_poller_is_forked (KaaPoller *self)
{
  return kaa_poller_is_forked_inline (self);
}

gboolean
kaa_poller_is_gone (KaaPoller *self)
{
  return kaa_poller_is_gone_inline (self);
}

gboolean
kaa_poller_is_usable (KaaPoller *self)
{
  return kaa_poller_is_usable_inline (self);
}

KaaPoller *
kaa_poller_ref (KaaPoller *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
kaa_poller_unref (KaaPoller *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  kaa_block_cache_clear (&self->blocks);
  g_clear_pointer (&self->directs, g_ptr_array_unref);
  g_clear_pointer (&self->slots, g_array_unref);
  g_clear_pointer (&self->slots_of_fds, g_array_unref);
  /* In a forked child it may be locked for ever, by a thread that is not there. */
  if (!kaa_poller_is_forked_inline (self))
    g_mutex_clear (&self->lock);
  g_free (self);
}

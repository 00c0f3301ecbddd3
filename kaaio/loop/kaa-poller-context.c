/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"
#include "loop/kaa-thread.h"

/*
 * The context of a poller: whether it is still there, who has to know when it goes, and which thread it belongs to.
 */

/* How long who would be refused waits for a thread to end. */
#define KAA_N_LOOKS 20
#define KAA_USEC_BETWEEN_LOOKS 250

void
kaa_poller_note_thread (KaaPoller *self)
{
  if (g_atomic_pointer_get (&self->thread) != kaa_thread_self ())
    g_atomic_pointer_set (&self->thread, kaa_thread_self ());
}

/* Under the lock. One that goes lets go of all its sources before it destroys the first; ours is there until it has told us. */
static gboolean
is_going (KaaPoller *self)
{
  return self->context == NULL || g_source_is_destroyed (self->source) || g_source_get_context (self->source) == NULL;
}

GMainContext *
kaa_poller_dup_context (KaaPoller *self)
{
  GMainContext *context = NULL;

  if (!kaa_poller_is_usable_inline (self))
    return NULL;

  g_mutex_lock (&self->lock);
  if (!is_going (self))
    context = g_main_context_ref (self->context);
  g_mutex_unlock (&self->lock);

  return context;
}

gboolean
kaa_poller_ask (KaaPoller  *self,
                gboolean  (*question) (GMainContext *context))
{
  gboolean answer;

  if (!kaa_poller_is_usable_inline (self))
    return FALSE;

  /* The context cannot be freed while it waits to tell us that it goes. */
  g_mutex_lock (&self->lock);
  answer = self->context != NULL && question (self->context);
  g_mutex_unlock (&self->lock);

  return answer;
}

gboolean
kaa_poller_add_witness (KaaPoller  *self,
                        KaaWitness *witness)
{
  gboolean added;

  if (kaa_poller_is_forked_inline (self))
    return FALSE;

  /* Who drops the context would wait for himself. */
  g_mutex_lock (&self->lock);
  added = !self->told &&
          (g_atomic_pointer_get (&self->thread) != kaa_thread_self () || !is_going (self));
  if (added)
    {
      witness->link.data = witness;
      g_queue_push_tail_link (&self->witnesses, &witness->link);
    }
  g_mutex_unlock (&self->lock);

  return added;
}

void
kaa_poller_remove_witness (KaaPoller  *self,
                           KaaWitness *witness)
{
  g_mutex_lock (&self->lock);
  if (witness->link.data != NULL)
    g_queue_unlink (&self->witnesses, &witness->link);
  g_mutex_unlock (&self->lock);
}

int
kaa_poller_get_priority (KaaPoller *self)
{
  return self->key.priority;
}

/* It is not this thread that was noted. */
static G_GNUC_NO_INLINE gboolean
claim (KaaPoller *self)
{
  gboolean mine;

  g_mutex_lock (&self->lock);
  if (self->context == NULL)
    {
      /* Who drops the context has it to himself until all were told. */
      mine = self->told;
    }
  else
    {
      gpointer thread = g_atomic_pointer_get (&self->thread);

      /* Nobody owns a context between two of its turns, so that it can be had says little. It belongs to the thread that first
       * used it, until that ends, or another one runs it, or at least has made it its own default. */
      mine = g_main_context_is_owner (self->context);
      if (!mine &&
          (thread == NULL || kaa_thread_has_ended (thread) ||
           g_main_context_get_thread_default () == self->context) &&
          g_main_context_acquire (self->context))
        {
          mine = TRUE;
          g_main_context_release (self->context);
        }
      if (mine)
        kaa_poller_note_thread (self);
    }
  g_mutex_unlock (&self->lock);

  return mine;
}

gboolean
kaa_poller_is_mine (KaaPoller *self)
{
  if (g_atomic_pointer_get (&self->thread) == kaa_thread_self () || kaa_poller_is_forked_inline (self))
    return TRUE;

  return claim (self);
}

static gboolean
is_free (GMainContext *context)
{
  if (!g_main_context_acquire (context))
    return FALSE;

  g_main_context_release (context);

  return TRUE;
}

gboolean
kaa_poller_insist (KaaPoller *self)
{
  for (guint i = 0; i < KAA_N_LOOKS; i++)
    {
      if (kaa_poller_is_mine (self))
        return TRUE;
      if (!kaa_poller_ask (self, is_free))
        return FALSE;
      g_usleep (KAA_USEC_BETWEEN_LOOKS);
    }

  return kaa_poller_is_mine (self);
}

gboolean
kaa_poller_is_here (KaaPoller *self)
{
  return kaa_poller_is_usable_inline (self) && g_atomic_pointer_get (&self->thread) == kaa_thread_self ();
}

gboolean
kaa_poller_is_running (KaaPoller *self)
{
  /* Only the thread that runs the context is noted while it does, so nobody else gets to see the depth. */
  return kaa_poller_is_here (self) && self->depth > 0;
}

KaaBlockCache *
kaa_poller_get_blocks (KaaPoller *self)
{
  /* Without a context there is no thread that it belongs to. */
  return kaa_poller_is_usable_inline (self) ? &self->blocks : NULL;
}

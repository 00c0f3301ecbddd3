/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"
#include "loop/kaa-thread.h"

/* The tasks of a poller: what any thread may hand over, to be done once in the context's. */

void
kaa_poller_begin_batch (KaaPoller *self)
{
  self->batch++;
  self->batch_end = g_atomic_int_get ((gint *) &self->n_tasks_pushed);
}

/* Those of the batch, one at least, within the budget. A nested loop in one of them takes them from the same queue. */
void
kaa_poller_run_tasks (KaaPoller *self)
{
  gboolean left = TRUE;

  if (kaa_poller_are_tasks_done (self))
    kaa_poller_begin_batch (self);
  if (!kaa_poller_has_tasks (self))
    return;

  g_mutex_lock (&self->lock);
  while (left && self->tasks != NULL && !kaa_poller_are_tasks_done (self))
    {
      KaaTask *task = self->tasks;

      g_atomic_pointer_set (&self->tasks, task->next);
      self->n_tasks_taken++;
      g_mutex_unlock (&self->lock);

      task->func (task, /* context_gone= */ FALSE);
      /* The task may have forked. */
      if (kaa_poller_is_forked_inline (self))
        return;

      left = kaa_poller_spend (self, 0);
      g_mutex_lock (&self->lock);
    }
  g_mutex_unlock (&self->lock);
}

/* Other threads may hand over tasks until there are none left. */
void
kaa_poller_tell_tasks (KaaPoller *self)
{
  g_mutex_lock (&self->lock);
  while (self->tasks != NULL)
    {
      KaaTask *task = self->tasks;

      g_atomic_pointer_set (&self->tasks, task->next);
      g_mutex_unlock (&self->lock);
      task->func (task, /* context_gone= */ TRUE);
      g_mutex_lock (&self->lock);
    }

  self->told = TRUE;
  while (self->witnesses.head != NULL)
    {
      KaaWitness *witness = g_queue_pop_head_link (&self->witnesses)->data;

      witness->link.data = NULL;
      witness->context_gone (witness);
    }
  g_mutex_unlock (&self->lock);
}

/* Under the lock. By a change of a ready time that never comes: g_main_context_wakeup() insists on a reference, and
 * the last one may just have been dropped. The source is there until the context has told us. */
static void
wake (KaaPoller *self)
{
  g_source_set_ready_time (self->source, g_source_get_ready_time (self->source) == -1 ? G_MAXINT64 : -1);
}

void
kaa_poller_defer (KaaPoller *self,
                  KaaTask   *task)
{
  gboolean queued = FALSE;

  if (!kaa_poller_is_forked_inline (self))
    {
      g_mutex_lock (&self->lock);
      queued = !self->told;
      if (queued)
        {
          gboolean first = self->tasks == NULL;

          task->next = NULL;
          if (first)
            g_atomic_pointer_set (&self->tasks, task);
          else
            self->last_task->next = task;
          self->last_task = task;
          g_atomic_int_set ((gint *) &self->n_tasks_pushed, self->n_tasks_pushed + 1);

          if (first && self->context != NULL && g_atomic_pointer_get (&self->thread) != kaa_thread_self ())
            wake (self);
        }
      g_mutex_unlock (&self->lock);
    }

  if (!queued)
    task->func (task, /* context_gone= */ TRUE);
}

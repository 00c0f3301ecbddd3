/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How a KaaInProgress becomes final, and how the world hears of it.
 *
 * Settling gives it a result and wakes the threads that wait; it happens once, in any thread. The announcement runs on the future's
 * context: notifications, the signal, then the listeners in order. It goes step by step and keeps nothing on the stack
 * between two steps, so when user code runs a nested loop inside of one, the rest goes on in there; and when a step has used up
 * the dispatch, in another one.
 */

#include "future/kaa-in-progress-internal.h"

/* One run through what is to be announced. */
typedef struct
{
  KaaStep first;
  gboolean begun;
  gboolean more;          /* there was something left after the step taken last */
  guint32 limit;          /* what was added while we run is for the next turn */
  KaaListener listener;   /* where the step is a listener */
} KaaAnnouncement;

/* Under the lock. FALSE: nothing is left. */
static gboolean
take_step_locked (KaaInProgress   *self,
                  KaaAnnouncement *announcement,
                  KaaStep         *step)
{
  if (!announcement->begun)
    {
      announcement->begun = TRUE;
      announcement->limit = self->n_added;
      self->step = MAX (self->step, announcement->first);
    }

  *step = self->step;
  if (self->step < KAA_STEP_LISTENERS)
    self->step++;
  else if (self->listeners != NULL && (gint32) (self->listeners->serial - announcement->limit) < 0)
    kaa_in_progress_take_listener (self, &announcement->listener);
  else
    return FALSE;

  announcement->more = self->step < KAA_STEP_LISTENERS || self->listeners != NULL;

  return TRUE;
}

static gboolean
take_step (KaaInProgress   *self,
           KaaAnnouncement *announcement,
           KaaStep         *step)
{
  gboolean taken;
  gboolean queue;

  kaa_in_progress_lock (self);
  taken = take_step_locked (self, announcement, step);
  /* Should user code run a nested loop, that has to find what is left. */
  queue = taken && announcement->more && !self->queued;
  if (queue)
    self->queued = TRUE;
  kaa_in_progress_unlock (self);

  if (queue)
    kaa_in_progress_queue (self);

  return taken;
}

static void
notify_finished (KaaInProgress *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), kaa_in_progress_props[KAA_PROP_FINISHED]);

  if (kaa_in_progress_get_state (self) == KAA_STATE_FAILED)
    g_object_notify_by_pspec (G_OBJECT (self), kaa_in_progress_props[KAA_PROP_FAILED]);
}

static void
emit_signal (KaaInProgress *self)
{
  if (kaa_in_progress_get_state (self) == KAA_STATE_RESOLVED)
    g_signal_emit (self, kaa_in_progress_signals[KAA_SIGNAL_RESOLVED], 0, &self->result);
  else if (kaa_in_progress_has_handlers (self, kaa_in_progress_signals[KAA_SIGNAL_REJECTED]))
    g_signal_emit (self, kaa_in_progress_signals[KAA_SIGNAL_REJECTED], 0, kaa_in_progress_look_at_error (self));
}

/* Who has no handlers, which is nearly every future, pays for one look at most. */
static KaaStep
get_first_step (KaaInProgress *self)
{
  if (!kaa_in_progress_has_handlers (self, 0))
    return KAA_STEP_LISTENERS;

  if (!kaa_in_progress_has_handlers (self, kaa_in_progress_signals[KAA_SIGNAL_NOTIFY]))
    return KAA_STEP_SIGNAL;

  return KAA_STEP_NOTIFY;
}

/* On the context's thread, from the loop. The caller holds a reference. */
static void
announce (KaaInProgress *self)
{
  KaaAnnouncement announcement;
  KaaStep step;

  announcement.first = get_first_step (self);
  announcement.begun = FALSE;
  announcement.more = TRUE;

  while (announcement.more && take_step (self, &announcement, &step))
    {
      switch (step)
        {
        case KAA_STEP_NOTIFY:
          notify_finished (self);
          break;

        case KAA_STEP_SIGNAL:
          emit_signal (self);
          break;

        case KAA_STEP_LISTENERS:
        default:
          announcement.listener.funcs->run (&announcement.listener, self);
        }

      /* The rest is queued already. */
      if (announcement.more && !kaa_poller_spend (self->poller, 0))
        break;
    }
}

void
kaa_in_progress_run_task (KaaTask  *task,
                          gboolean  context_gone)
{
  KaaInProgress *self = G_STRUCT_MEMBER_P (task, -G_STRUCT_OFFSET (KaaInProgress, task));
  KaaListener *listeners = NULL;

  kaa_in_progress_lock (self);
  self->queued = FALSE;
  if (context_gone)
    {
      self->step = KAA_STEP_LISTENERS;
      listeners = kaa_in_progress_steal_listeners (self);
    }
  kaa_in_progress_unlock (self);

  if (context_gone)
    kaa_in_progress_discard (self, listeners, /* context_gone= */ TRUE);
  else
    announce (self);

  g_object_unref (self);
}

/* --- Settling --- */

/* Under the lock. FALSE: it is final already. */
static gboolean
make_final (KaaInProgress *self,
            KaaState       state,
            const GValue  *result)
{
  if (self->state != KAA_STATE_PENDING)
    return FALSE;

  self->result = *result;
  self->operation = NULL;
  g_atomic_int_set (&self->state, state);

  if (self->n_waiters > 0)
    g_cond_broadcast (&kaa_in_progress_get_stripe (self)->finished);

  return TRUE;
}

gboolean
kaa_in_progress_settle (KaaInProgress *self,
                        KaaState       state,
                        GValue        *result,
                        gboolean       now)
{
  gboolean settled;

  kaa_in_progress_lock (self);
  settled = make_final (self, state, result);
  if (settled && !now)
    self->queued = TRUE;
  kaa_in_progress_unlock (self);

  if (!settled)
    {
      g_value_unset (result);
    }
  else if (now)
    {
      announce (self);
    }
  else
    {
      kaa_in_progress_queue (self);
    }

  return settled;
}

gboolean
kaa_in_progress_settle_aborted (KaaInProgress *self,
                                const GError  *reason,
                                gpointer       operation)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_ERROR];
  gpointer adopted = NULL;
  gboolean settled;

  result.data[0].v_pointer = g_error_copy (reason);

  kaa_in_progress_lock (self);
  /* Another thread may have finished the promise with a future since it was asked. */
  if (operation == NULL)
    adopted = self->operation;
  settled = make_final (self, KAA_STATE_FAILED, &result);
  /* Who aborts it knows that it fails. */
  if (settled)
    self->aborted = self->looked = self->queued = TRUE;
  kaa_in_progress_unlock (self);

  if (!settled)
    {
      g_value_unset (&result);
      return FALSE;
    }

  if (adopted != NULL)
    kaa_in_progress_get_funcs (self)->dropped (self, adopted);
  kaa_in_progress_queue (self);

  return TRUE;
}

void
kaa_in_progress_complain (KaaInProgress *self)
{
  gboolean late;

  /* Who works on a promise cannot know yet that it has been aborted: that is no mistake of his. */
  kaa_in_progress_lock (self);
  late = self->aborted && self->state == KAA_STATE_FAILED;
  kaa_in_progress_unlock (self);

  if (late)
    return;

  if (kaa_in_progress_get_funcs (self) != NULL)
    g_critical ("KaaInProgress %p belongs to an operation or to another future: only that can finish it", self);
  else
    g_critical ("KaaInProgress %p was finished a second time: the first result is kept", self);
}

void
kaa_in_progress_settle_promise (KaaInProgress *self,
                                KaaState       state,
                                GValue        *result)
{
  gboolean settled;

  kaa_in_progress_lock (self);
  settled = self->funcs == NULL && make_final (self, state, result);
  if (settled)
    self->queued = TRUE;
  kaa_in_progress_unlock (self);

  if (settled)
    {
      kaa_in_progress_queue (self);
    }
  else
    {
      g_value_unset (result);
      kaa_in_progress_complain (self);
    }
}

void
kaa_in_progress_settle_bytes (KaaInProgress *self,
                              GBytes        *take,
                              gboolean       now)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_BYTES];

  result.data[0].v_pointer = take;
  kaa_in_progress_settle (self, KAA_STATE_RESOLVED, &result, now);
}

void
kaa_in_progress_settle_int (KaaInProgress *self,
                            gint64         integer,
                            gboolean       now)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_INT64];

  g_value_set_int64 (&result, integer);
  kaa_in_progress_settle (self, KAA_STATE_RESOLVED, &result, now);
}

void
kaa_in_progress_settle_uint64 (KaaInProgress *self,
                               guint64        integer,
                               gboolean       now)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_UINT64];

  g_value_set_uint64 (&result, integer);
  kaa_in_progress_settle (self, KAA_STATE_RESOLVED, &result, now);
}

void
kaa_in_progress_settle_object (KaaInProgress *self,
                               GObject       *take,
                               gboolean       now)
{
  GValue result = G_VALUE_INIT;

  g_value_init (&result, G_OBJECT_TYPE (take));
  g_value_take_object (&result, take);
  kaa_in_progress_settle (self, KAA_STATE_RESOLVED, &result, now);
}

void
kaa_in_progress_settle_boolean (KaaInProgress *self,
                                gboolean       boolean,
                                gboolean       now)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_BOOLEAN];

  g_value_set_boolean (&result, boolean);
  kaa_in_progress_settle (self, KAA_STATE_RESOLVED, &result, now);
}

void
kaa_in_progress_settle_error (KaaInProgress *self,
                              GError        *take,
                              gboolean       now)
{
  GValue result = kaa_in_progress_blank[KAA_RESULT_ERROR];

  result.data[0].v_pointer = take;
  kaa_in_progress_settle (self, KAA_STATE_FAILED, &result, now);
}

void
kaa_in_progress_drop (KaaInProgress *self)
{
  KaaListener *listeners = NULL;
  gpointer operation = NULL;

  if (kaa_in_progress_get_state (self) != KAA_STATE_PENDING)
    return;

  kaa_in_progress_lock (self);
  operation = self->operation;
  /* Final for those who keep it beyond its disposal. The error itself is made when somebody asks. */
  if (make_final (self, KAA_STATE_FAILED, &kaa_in_progress_blank[KAA_RESULT_ERROR]))
    {
      self->looked = TRUE;
      self->step = KAA_STEP_LISTENERS;
      listeners = kaa_in_progress_steal_listeners (self);
    }
  else
    {
      operation = NULL;
    }
  kaa_in_progress_unlock (self);

  if (operation != NULL && kaa_in_progress_get_funcs (self)->dropped != NULL)
    kaa_in_progress_get_funcs (self)->dropped (self, operation);

  kaa_in_progress_discard (self, listeners, /* context_gone= */ FALSE);
}

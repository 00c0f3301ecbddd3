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
#include "loop/kaa-collector.h"

KaaStripe kaa_in_progress_stripes[KAA_N_STRIPES];

static void run_task (KaaTask *task, gboolean context_gone);

void
kaa_in_progress_queue (KaaInProgress *self)
{
  self->task.func = run_task;
  g_object_ref (self);
  kaa_poller_defer (self->poller, &self->task);
}

static void
run_then (KaaInProgress     *self,
          const KaaListener *listener)
{
  if (kaa_in_progress_get_state (self) == KAA_STATE_RESOLVED)
    {
      if (listener->as.then.resolve != NULL)
        listener->as.then.resolve (&self->result, listener->as.then.resolve_data);
    }
  else if (listener->as.then.reject != NULL)
    {
      listener->as.then.reject (kaa_in_progress_look_at_error (self), listener->as.then.reject_data);
    }

  kaa_listener_destroy_data (listener);
}

static void
run_closure (KaaInProgress     *self,
             const KaaListener *listener)
{
  GValue future = G_VALUE_INIT;

  g_value_init (&future, KAA_TYPE_IN_PROGRESS);
  g_value_set_object (&future, self);
  g_closure_invoke (listener->as.closure, NULL, 1, &future, NULL);
  g_value_unset (&future);

  kaa_listener_destroy_data (listener);
}

static void
run_listener (KaaInProgress *self,
              KaaListener   *listener)
{
  switch (listener->kind)
    {
    case KAA_LISTENER_THEN:
      run_then (self, listener);
      break;

    case KAA_LISTENER_CLOSURE:
      run_closure (self, listener);
      break;

    case KAA_LISTENER_ASYNC:
      kaa_listener_clear_cancelled (listener, self->poller);
      kaa_collector_settle ();
      if (listener->as.async.callback != NULL)
        listener->as.async.callback (self->source, (GAsyncResult *) self, listener->as.async.user_data);
      break;

    case KAA_LISTENER_LINK:
      kaa_link_fire (listener->as.link, self, /* now= */ TRUE);
      break;

    default:
      g_assert_not_reached ();
    }
}

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
          kaa_in_progress_notify_finished (self);
          break;

        case KAA_STEP_SIGNAL:
          emit_signal (self);
          break;

        case KAA_STEP_LISTENERS:
        default:
          run_listener (self, &announcement.listener);
        }

      /* The rest is queued already. */
      if (announcement.more && !kaa_poller_spend (self->poller, 0))
        break;
    }
}

static void
run_task (KaaTask  *task,
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
  gpointer operation;
  gboolean settled;

  kaa_in_progress_lock (self);
  operation = self->operation;
  settled = make_final (self, state, result);
  if (settled && !now)
    self->queued = TRUE;
  kaa_in_progress_unlock (self);

  /* An abort may get in just as another thread finishes the promise with a future. */
  if (settled && operation != NULL && kaa_in_progress_get_funcs (self) == &kaa_join_funcs)
    kaa_join_funcs.dropped (self, operation);

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waiting for a KaaInProgress in plain code.
 *
 * The thread that runs the future's context has to iterate it, or nothing would ever happen; every other thread blocks.
 */

#include "future/kaa-in-progress-internal.h"
#include "future/kaa-alarm.h"

typedef enum
{
  KAA_WAIT_FINISHED,
  KAA_WAIT_TIMED_OUT,
  KAA_WAIT_CONTEXT_GONE
} KaaWaitEnd;

/* A thread that blocks. */
typedef struct
{
  KaaWitness parent;
  KaaInProgress *future;
  gboolean context_gone;   /* under the future's lock */
} KaaBlocked;

/* --- The thread that iterates --- */

static gboolean
is_over (gint64 deadline)
{
  return deadline >= 0 && g_get_monotonic_time () >= deadline;
}

static KaaWaitEnd
iterate (KaaInProgress *self,
         GMainContext  *context,
         gint64         deadline)
{
  KaaWaitEnd end = KAA_WAIT_FINISHED;
  GSource *alarm = NULL;

  /* The alarm only wakes the loop. Without time to wait there is one look at what is ready. */
  if (deadline >= 0 && !is_over (deadline))
    {
      alarm = kaa_alarm_new (deadline);
      g_source_attach (alarm, context);
    }

  while (!kaa_in_progress_get_finished (self))
    {
      g_main_context_iteration (context, alarm != NULL || deadline < 0);

      if (!kaa_in_progress_get_finished (self) && is_over (deadline))
        {
          end = KAA_WAIT_TIMED_OUT;
          break;
        }
    }

  kaa_alarm_clear (&alarm, context);

  return end;
}

/* --- A thread that blocks --- */

static void
context_is_gone (KaaWitness *witness)
{
  KaaBlocked *blocked = (KaaBlocked *) witness;

  kaa_in_progress_lock (blocked->future);
  blocked->context_gone = TRUE;
  g_cond_broadcast (&kaa_in_progress_get_stripe (blocked->future)->finished);
  kaa_in_progress_unlock (blocked->future);
}

/* Takes no reference to the context: that would keep it from going, and may come too late. */
static KaaWaitEnd
block (KaaInProgress *self,
       gint64         deadline)
{
  KaaBlocked blocked = { .parent.context_gone = context_is_gone, .future = self };
  KaaStripe *stripe = kaa_in_progress_get_stripe (self);
  KaaWaitEnd end = KAA_WAIT_FINISHED;

  /* What went before it may have finished the future a moment ago. */
  if (!kaa_poller_add_witness (self->poller, &blocked.parent))
    return kaa_in_progress_get_finished (self) ? KAA_WAIT_FINISHED : KAA_WAIT_CONTEXT_GONE;

  kaa_in_progress_lock (self);
  while (self->state == KAA_STATE_PENDING && end == KAA_WAIT_FINISHED)
    {
      if (blocked.context_gone)
        end = KAA_WAIT_CONTEXT_GONE;
      else if (is_over (deadline))
        end = KAA_WAIT_TIMED_OUT;
      else if (deadline >= 0)
        g_cond_wait_until (&stripe->finished, &stripe->mutex, deadline);
      else
        g_cond_wait (&stripe->finished, &stripe->mutex);
    }
  kaa_in_progress_unlock (self);

  kaa_poller_remove_witness (self->poller, &blocked.parent);

  return end;
}

/* --- Both --- */

static KaaWaitEnd
wait_until (KaaInProgress *self,
            gint64         deadline)
{
  GMainContext *context = kaa_in_progress_is_here (self) ? kaa_poller_dup_context (self->poller) : NULL;
  KaaWaitEnd end;

  /* One that goes cannot be iterated by its owner either. */
  if (context == NULL || !g_main_context_acquire (context))
    {
      g_clear_pointer (&context, g_main_context_unref);
      return block (self, deadline);
    }

  end = iterate (self, context, deadline);
  g_main_context_release (context);
  g_main_context_unref (context);

  return end;
}

/**
 * kaa_in_progress_wait:
 * @self: a future
 * @seconds: how long to wait at most, negative for as long as it takes
 * @error: return location for an error
 *
 * Waits until the future is finished, and gets its result.
 *
 * In the thread that runs the future's main context this iterates that context, so everything else goes on meanwhile: callbacks
 * run, other channels work, and this may be called from inside a callback. It does so if the thread owns the context, or has it
 * as its thread default, or if it is the default context and this is the thread that first used the library (once that has
 * ended, the one that has used the context since). In any other thread this blocks until the future is finished there. With 0 @seconds it only handles what is ready.
 *
 * When the time is up, this fails with %G_IO_ERROR_TIMED_OUT and the operation goes on; see
 * [method@Kaa.InProgress.timeout] for ending it. It fails with %G_IO_ERROR_CLOSED if the main context is gone, or goes
 * while this blocks, and otherwise with the error that the future failed with.
 *
 * Returns: (transfer none) (nullable): the result, which belongs to the future; %NULL with @error set
 *   if there is none
 *
 * Since: 1.0
 */
const GValue *
kaa_in_progress_wait (KaaInProgress  *self,
                      double          seconds,
                      GError        **error)
{
  KaaWaitEnd end = KAA_WAIT_FINISHED;
  const GValue *result = NULL;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  g_object_ref (self);

  if (!kaa_in_progress_get_finished (self))
    {
      kaa_in_progress_begin_wait (self);
      end = wait_until (self, kaa_alarm_after (seconds));
      kaa_in_progress_end_wait (self);
    }

  switch (end)
    {
    case KAA_WAIT_TIMED_OUT:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                           "The operation is not finished yet, and goes on");
      break;

    case KAA_WAIT_CONTEXT_GONE:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The main context that would have finished the operation is gone");
      break;

    case KAA_WAIT_FINISHED:
    default:
      result = kaa_in_progress_get_result (self, error);
    }

  g_object_unref (self);

  return result;
}

/**
 * kaa_in_progress_wait_bytes:
 * @self: a future
 * @seconds: how long to wait at most, negative for as long as it takes
 * @error: return location for an error
 *
 * Waits as [method@Kaa.InProgress.wait] does, and gets the result as [method@Kaa.InProgress.get_bytes] does.
 *
 * Returns: (transfer full) (nullable): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_in_progress_wait_bytes (KaaInProgress  *self,
                            double          seconds,
                            GError        **error)
{
  if (kaa_in_progress_wait (self, seconds, error) == NULL)
    return NULL;

  return kaa_in_progress_get_bytes (self, error);
}

/**
 * kaa_in_progress_wait_int:
 * @self: a future
 * @seconds: how long to wait at most, negative for as long as it takes
 * @error: return location for an error
 *
 * Waits as [method@Kaa.InProgress.wait] does, and gets the result as [method@Kaa.InProgress.get_int] does.
 *
 * Returns: the number, or 0 with @error set
 *
 * Since: 1.0
 */
gint64
kaa_in_progress_wait_int (KaaInProgress  *self,
                          double          seconds,
                          GError        **error)
{
  if (kaa_in_progress_wait (self, seconds, error) == NULL)
    return 0;

  return kaa_in_progress_get_int (self, error);
}

/**
 * kaa_in_progress_wait_boolean:
 * @self: a future
 * @seconds: how long to wait at most, negative for as long as it takes
 * @error: return location for an error
 *
 * Waits as [method@Kaa.InProgress.wait] does, and gets the result as [method@Kaa.InProgress.get_boolean] does.
 *
 * Returns: the truth value, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_wait_boolean (KaaInProgress  *self,
                              double          seconds,
                              GError        **error)
{
  if (kaa_in_progress_wait (self, seconds, error) == NULL)
    return FALSE;

  return kaa_in_progress_get_boolean (self, error);
}

/**
 * kaa_in_progress_wait_object:
 * @self: a future
 * @seconds: how long to wait at most, negative for as long as it takes
 * @error: return location for an error
 *
 * Waits as [method@Kaa.InProgress.wait] does, and gets the result as [method@Kaa.InProgress.get_object] does.
 *
 * Returns: (transfer full) (nullable) (type GObject.Object): the object, or %NULL with @error set
 *
 * Since: 1.0
 */
GObject *
kaa_in_progress_wait_object (KaaInProgress  *self,
                             double          seconds,
                             GError        **error)
{
  if (kaa_in_progress_wait (self, seconds, error) == NULL)
    return NULL;

  return kaa_in_progress_get_object (self, error);
}

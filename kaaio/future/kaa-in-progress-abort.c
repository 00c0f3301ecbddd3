/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a KaaInProgress is aborted: the handlers are asked, then the operation. */

#include "future/kaa-in-progress-internal.h"

static void
set_finished (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The operation cannot be aborted, because it is finished");
}

/* One abort at a time, so that handlers who abort do not go round in circles. */
static gboolean
begin_abort (KaaInProgress  *self,
             GError        **error)
{
  gboolean finished;
  gboolean begun;

  kaa_in_progress_lock (self);
  finished = self->state != KAA_STATE_PENDING;
  begun = !finished && !self->aborting;
  if (begun)
    self->aborting = TRUE;
  kaa_in_progress_unlock (self);

  if (finished)
    set_finished (error);
  else if (!begun)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "The operation is being aborted already");

  return begun;
}

static void
end_abort (KaaInProgress *self)
{
  kaa_in_progress_lock (self);
  self->aborting = FALSE;
  kaa_in_progress_unlock (self);
}

static gboolean
is_allowed (KaaInProgress  *self,
            GError        **error)
{
  if (!kaa_in_progress_get_abortable (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           self->promise
                           ? "The promise cannot be aborted: connect to its `abort` signal, or make it abortable"
                           : "The operation cannot be aborted");
      return FALSE;
    }

  if (!self->promise && !kaa_poller_is_mine (self->poller))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "An operation can only be aborted in the thread that runs its main context");
      return FALSE;
    }

  return TRUE;
}

/* FALSE: a handler refuses. */
static gboolean
ask_handlers (KaaInProgress *self,
              const GError  *reason)
{
  gboolean agreed = FALSE;

  if (!kaa_in_progress_has_handlers (self, kaa_in_progress_signals[KAA_SIGNAL_ABORT]))
    return TRUE;

  g_signal_emit (self, kaa_in_progress_signals[KAA_SIGNAL_ABORT], 0, reason, &agreed);

  return agreed;
}

static gboolean
abort_now (KaaInProgress  *self,
           const GError   *reason,
           GError        **error)
{
  gpointer operation;

  if (!is_allowed (self, error))
    return FALSE;

  if (!ask_handlers (self, reason))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The abort was refused by a handler");
      return FALSE;
    }

  /* A handler that has finished the promise with an error of its own did what was asked for. */
  if (kaa_in_progress_get_state (self) == KAA_STATE_FAILED)
    return TRUE;

  operation = kaa_in_progress_get_operation (self);
  if (operation != NULL && !kaa_in_progress_get_funcs (self)->abort (self, operation, reason, error))
    return FALSE;

  if (!kaa_in_progress_settle_aborted (self, reason, operation))
    {
      set_finished (error);
      return FALSE;
    }

  return TRUE;
}

/**
 * kaa_in_progress_abort:
 * @self: a future
 * @error: return location for an error
 *
 * Gives the operation up: the future fails with %G_IO_ERROR_CANCELLED.
 *
 * See [method@Kaa.InProgress.abort_with] for the conditions and the errors.
 *
 * Returns: %TRUE if it was aborted, %FALSE with @error set if it goes on or is finished
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_abort (KaaInProgress  *self,
                       GError        **error)
{
  GError *reason;
  gboolean aborted;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  reason = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The operation was aborted");
  aborted = kaa_in_progress_abort_with (self, reason, error);
  g_error_free (reason);

  return aborted;
}

/**
 * kaa_in_progress_abort_with:
 * @self: a future
 * @reason: what it fails with
 * @error: return location for an error
 *
 * Gives the operation up: the future fails with a copy of @reason.
 *
 * It is finished when this returns %TRUE, and callbacks follow from the loop. An aborted read has taken no data.
 *
 * This fails, and changes nothing,
 *
 * - with %G_IO_ERROR_FAILED if the future is finished, or a handler of [signal@Kaa.InProgress::abort] refuses,
 * - with %G_IO_ERROR_PENDING inside such a handler,
 * - with %G_IO_ERROR_NOT_SUPPORTED if it is not [property@Kaa.InProgress:abortable], or it is an operation and this is not
 *   the thread that runs its main context,
 * - with whatever the operation says, if that has gone too far: a write of which some bytes have gone.
 *
 * Of [func@Kaa.InProgress.all] and [func@Kaa.InProgress.any] the members are aborted too, where they can be; of
 * [method@Kaa.InProgress.timeout] the original is, and may refuse. A promise that was finished with another
 * future only lets go of that.
 *
 * A promise may be aborted in any thread; its handlers are called in that one.
 *
 * Returns: %TRUE if it was aborted, %FALSE with @error set if it goes on or is finished
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_abort_with (KaaInProgress  *self,
                            const GError   *reason,
                            GError        **error)
{
  gboolean aborted;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);
  g_return_val_if_fail (reason != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!begin_abort (self, error))
    return FALSE;

  /* Handlers may drop it, and so may the operation. */
  g_object_ref (self);
  aborted = abort_now (self, reason, error);
  end_abort (self);
  g_object_unref (self);

  return aborted;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* New futures out of others: all, any, timeout, noabort. */

#include "future/kaa-in-progress-join.h"
#include "future/kaa-alarm.h"

static gboolean
are_futures (KaaInProgress **futures,
             gsize           n_futures)
{
  gsize i;

  for (i = 0; i < n_futures; i++)
    {
      if (!KAA_IS_IN_PROGRESS (futures[i]))
        return FALSE;
    }

  return TRUE;
}

static const KaaOperationFuncs nothing_funcs = { NULL, };

/* There is nothing to wait for: the caller settles it. */
static KaaInProgress *
join_nothing (void)
{
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaInProgress *self = kaa_in_progress_new_operation (NULL, poller, &nothing_funcs, NULL);

  kaa_poller_unref (poller);
  return self;
}

/**
 * kaa_in_progress_all:
 * @futures: (array length=n_futures) (transfer none): the futures
 * @n_futures: how many they are
 *
 * Waits for all of them.
 *
 * The new future resolves with %TRUE when every one has resolved, at once if there is none. When one fails, it fails with
 * a copy of that error right away; the others go on. Aborting it aborts those that can be aborted.
 *
 * It is bound to the thread-default main context of the caller; the futures may be bound to any.
 *
 * Returns: (transfer full): a future with a boolean result
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_in_progress_all (KaaInProgress **futures,
                     gsize           n_futures)
{
  KaaInProgress *self;

  g_return_val_if_fail (futures != NULL || n_futures == 0, NULL);
  g_return_val_if_fail (n_futures <= G_MAXINT, NULL);
  g_return_val_if_fail (are_futures (futures, n_futures), NULL);

  if (n_futures > 0)
    return kaa_in_progress_join (KAA_JOIN_ALL, futures, n_futures, NULL, /* deadline= */ -1, /* abort_original= */ FALSE);

  self = join_nothing ();
  kaa_in_progress_settle_boolean (self, TRUE, /* now= */ FALSE);

  return self;
}

/**
 * kaa_in_progress_any:
 * @futures: (array length=n_futures) (transfer none): the futures
 * @n_futures: how many they are
 *
 * Waits for the first of them.
 *
 * The new future resolves with the index, an unsigned integer, of the first that is finished: resolved or failed, so look at
 * that one for what became of it. The others go on. If several are finished already, it is the first of those. Without
 * any future it fails with %G_IO_ERROR_INVALID_ARGUMENT. Aborting it aborts those that can be aborted.
 *
 * It is bound to the thread-default main context of the caller; the futures may be bound to any.
 *
 * Returns: (transfer full): a future with an index as result
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_in_progress_any (KaaInProgress **futures,
                     gsize           n_futures)
{
  KaaInProgress *self;

  g_return_val_if_fail (futures != NULL || n_futures == 0, NULL);
  g_return_val_if_fail (n_futures <= G_MAXINT, NULL);
  g_return_val_if_fail (are_futures (futures, n_futures), NULL);

  if (n_futures > 0)
    return kaa_in_progress_join (KAA_JOIN_ANY, futures, n_futures, NULL, /* deadline= */ -1, /* abort_original= */ FALSE);

  self = join_nothing ();
  kaa_in_progress_settle_error (self,
                                g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                                                     "None of no operations can be the first to finish"),
                                /* now= */ FALSE);

  return self;
}

/**
 * kaa_in_progress_timeout:
 * @self: a future
 * @seconds: how long it may take, negative for as long as it takes
 * @abort: whether to abort it when the time is up
 *
 * Limits the time that is spent on a future.
 *
 * The new future passes on the result or the error of @self. When it takes longer than @seconds, the new future fails with
 * %G_IO_ERROR_TIMED_OUT; and with @abort, @self is aborted with that error, if it can be. An operation that
 * is aborted has lost no data. Without it, @self goes on: keep it to get its result later.
 *
 * Aborting the new future aborts @self, and fails if @self cannot be aborted.
 *
 * It is bound to the thread-default main context of the caller. Should that context go first, it fails with
 * %G_IO_ERROR_CLOSED.
 *
 * Returns: (transfer full): a future with the result of @self
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_in_progress_timeout (KaaInProgress *self,
                         double         seconds,
                         gboolean       abort)
{
  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), NULL);

  return kaa_in_progress_join (KAA_JOIN_PASS, &self, 1, self->source, kaa_alarm_after (seconds), abort);
}

/**
 * kaa_in_progress_noabort:
 * @self: a future
 *
 * Protects a future from being aborted.
 *
 * The new future passes on the result or the error of @self. It cannot be aborted, so it may be handed to code that would, and
 * to [func@Kaa.InProgress.all] and [func@Kaa.InProgress.any].
 *
 * It is bound to the thread-default main context of the caller.
 *
 * Returns: (transfer full): a future with the result of @self
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_in_progress_noabort (KaaInProgress *self)
{
  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), NULL);

  return kaa_in_progress_join (KAA_JOIN_NOABORT, &self, 1, self->source, /* deadline= */ -1, /* abort_original= */ FALSE);
}

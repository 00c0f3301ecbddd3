/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GIO pairs of the process. */

#include "ends/kaa-process-private.h"

static int
get_status (GAsyncResult  *result,
            GError       **error)
{
  GError *failure = NULL;
  gint64 status = kaa_in_progress_get_int (KAA_IN_PROGRESS (result), &failure);

  if (failure == NULL)
    return (int) status;
  g_propagate_error (error, failure);
  return KAA_EXIT_STATUS_UNKNOWN;
}

/**
 * kaa_process_launch_async:
 * @self: a process
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Process.launch] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_process_launch_async (KaaProcess          *self,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  g_return_if_fail (KAA_IS_PROCESS (self));

  kaa_in_progress_begin_async (kaa_process_launch_unless_cancelled (self, cancellable), kaa_process_launch_async,
                               cancellable, callback, user_data);
}

/**
 * kaa_process_launch_finish:
 * @self: a process
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Process.launch_async].
 *
 * Returns: %TRUE if the program runs
 *
 * Since: 1.0
 */
gboolean
kaa_process_launch_finish (KaaProcess    *self,
                           GAsyncResult  *result,
                           GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_process_launch_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_process_stop_async:
 * @self: a process
 * @seconds: how long the child may take; negative for as long as it likes
 * @cancellable: (nullable): ends the waiting; the stop goes on
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Process.stop] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_process_stop_async (KaaProcess          *self,
                        double               seconds,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_return_if_fail (KAA_IS_PROCESS (self));

  kaa_in_progress_begin_async (kaa_process_stop (self, seconds), kaa_process_stop_async, cancellable, callback, user_data);
}

/**
 * kaa_process_stop_finish:
 * @self: a process
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Process.stop_async].
 *
 * Returns: the exit status, or [const@Kaa.EXIT_STATUS_UNKNOWN] with @error set
 *
 * Since: 1.0
 */
int
kaa_process_stop_finish (KaaProcess    *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_process_stop_async), KAA_EXIT_STATUS_UNKNOWN);

  return get_status (result, error);
}

/**
 * kaa_process_wait_async:
 * @self: a process
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Process.wait] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_process_wait_async (KaaProcess          *self,
                        GCancellable        *cancellable,
                        GAsyncReadyCallback  callback,
                        gpointer             user_data)
{
  g_return_if_fail (KAA_IS_PROCESS (self));

  kaa_in_progress_begin_async (kaa_process_wait (self), kaa_process_wait_async, cancellable, callback, user_data);
}

/**
 * kaa_process_wait_finish:
 * @self: a process
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Process.wait_async].
 *
 * Returns: the exit status, or [const@Kaa.EXIT_STATUS_UNKNOWN] with @error set
 *
 * Since: 1.0
 */
int
kaa_process_wait_finish (KaaProcess    *self,
                         GAsyncResult  *result,
                         GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_process_wait_async), KAA_EXIT_STATUS_UNKNOWN);

  return get_status (result, error);
}

/**
 * kaa_process_communicate_async:
 * @self: a process
 * @input: (nullable): what to say; %NULL for nothing
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Process.communicate] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_process_communicate_async (KaaProcess          *self,
                               GBytes              *input,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (KAA_IS_PROCESS (self));

  kaa_in_progress_begin_async (kaa_process_communicate (self, input), kaa_process_communicate_async, cancellable, callback, user_data);
}

/**
 * kaa_process_communicate_finish:
 * @self: a process
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Process.communicate_async].
 *
 * Returns: (transfer full): the output, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_process_communicate_finish (KaaProcess    *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_process_communicate_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

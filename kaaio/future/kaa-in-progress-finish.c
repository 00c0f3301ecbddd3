/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the user finishes a promise. */

#include "future/kaa-in-progress-join.h"

/**
 * kaa_in_progress_finish:
 * @self: a promise of your own
 * @result: the result, which is copied
 *
 * Finishes a promise with any value.
 *
 * If @result holds another [class@Kaa.InProgress], the promise waits for that one and then takes over its result or its
 * error; it counts as finished by you from now on. A future cannot wait for itself, over however many
 * others: that is a critical warning, and changes nothing.
 *
 * It is finished at once, and threads that wait for it go on; callbacks follow from the loop of its main
 * context. This may be called in any thread. A promise is finished once: calling this, one of its like or
 * [method@Kaa.InProgress.throw] again is a critical warning, and changes nothing. After an abort they do nothing,
 * silently, because who works on the promise may not know of that yet.
 *
 * Since: 1.0
 */
void
kaa_in_progress_finish (KaaInProgress *self,
                        const GValue  *result)
{
  GValue copy = G_VALUE_INIT;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));
  g_return_if_fail (G_IS_VALUE (result));

  if (G_VALUE_HOLDS_OBJECT (result) && KAA_IS_IN_PROGRESS (g_value_get_object (result)))
    {
      kaa_in_progress_follow (self, g_value_get_object (result));
      return;
    }

  g_value_init (&copy, G_VALUE_TYPE (result));
  g_value_copy (result, &copy);
  kaa_in_progress_settle_promise (self, KAA_STATE_RESOLVED, &copy);
}

/**
 * kaa_in_progress_finish_bytes:
 * @self: a promise of your own
 * @result: the result
 *
 * Finishes a promise with bytes. See [method@Kaa.InProgress.finish].
 *
 * Since: 1.0
 */
void
kaa_in_progress_finish_bytes (KaaInProgress *self,
                              GBytes        *result)
{
  GValue value;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));
  g_return_if_fail (result != NULL);

  value = kaa_in_progress_blank[KAA_RESULT_BYTES];
  value.data[0].v_pointer = g_bytes_ref (result);
  kaa_in_progress_settle_promise (self, KAA_STATE_RESOLVED, &value);
}

/**
 * kaa_in_progress_finish_int:
 * @self: a promise of your own
 * @result: the result
 *
 * Finishes a promise with a number. See [method@Kaa.InProgress.finish].
 *
 * Since: 1.0
 */
void
kaa_in_progress_finish_int (KaaInProgress *self,
                            gint64         result)
{
  GValue value;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));

  value = kaa_in_progress_blank[KAA_RESULT_INT64];
  g_value_set_int64 (&value, result);
  kaa_in_progress_settle_promise (self, KAA_STATE_RESOLVED, &value);
}

/**
 * kaa_in_progress_finish_boolean:
 * @self: a promise of your own
 * @result: the result
 *
 * Finishes a promise with a truth value. See [method@Kaa.InProgress.finish].
 *
 * Since: 1.0
 */
void
kaa_in_progress_finish_boolean (KaaInProgress *self,
                                gboolean       result)
{
  GValue value;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));

  value = kaa_in_progress_blank[KAA_RESULT_BOOLEAN];
  g_value_set_boolean (&value, result);
  kaa_in_progress_settle_promise (self, KAA_STATE_RESOLVED, &value);
}

/**
 * kaa_in_progress_finish_void:
 * @self: a promise of your own
 *
 * Finishes a promise that has nothing to say: its result is %TRUE. See [method@Kaa.InProgress.finish].
 *
 * Since: 1.0
 */
void
kaa_in_progress_finish_void (KaaInProgress *self)
{
  kaa_in_progress_finish_boolean (self, TRUE);
}

/**
 * kaa_in_progress_throw:
 * @self: a promise of your own
 * @error: what went wrong
 *
 * Finishes a promise with an error, which is copied. See [method@Kaa.InProgress.finish].
 *
 * Since: 1.0
 */
void
kaa_in_progress_throw (KaaInProgress *self,
                       const GError  *error)
{
  GValue value;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));
  g_return_if_fail (error != NULL);

  value = kaa_in_progress_blank[KAA_RESULT_ERROR];
  value.data[0].v_pointer = g_error_copy (error);
  kaa_in_progress_settle_promise (self, KAA_STATE_FAILED, &value);
}

/**
 * kaa_in_progress_ready_callback:
 * @source: (nullable): the object that started the operation
 * @result: what the operation has to say
 * @user_data: (not nullable) (type Kaa.InProgress): a promise of your own
 *
 * Finishes a promise with a [iface@Gio.AsyncResult].
 *
 * This is a [callback@Gio.AsyncReadyCallback] whose user data is a promise, so that any asynchronous call of GIO can be
 * waited for and combined like the operations of this library. Pass what [method@Kaa.InProgress.get_object] then gives to the
 * `_finish` function of that call, which knows whether it went well.
 *
 * ```c
 * GFile *file = g_file_new_for_path ("/etc/hostname");
 * KaaInProgress *ready = kaa_in_progress_new (G_OBJECT (file));
 *
 * g_file_query_info_async (file, "standard::*", G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT, NULL,
 *                          kaa_in_progress_ready_callback, ready);
 * ```
 *
 * The promise is borrowed: keep your reference to it until it is finished. That is the same rule as for every promise, and
 * here breaking it would leave the call with a pointer to nothing. To give up early, cancel the call and wait for the promise, or
 * give the reference up in a callback of the promise.
 *
 * An operation of this library as @result passes on its own result or error.
 *
 * Since: 1.0
 */
void
kaa_in_progress_ready_callback (GObject      *source,
                                GAsyncResult *result,
                                gpointer      user_data)
{
  GValue value = G_VALUE_INIT;

  g_return_if_fail (G_IS_ASYNC_RESULT (result));
  g_return_if_fail (KAA_IS_IN_PROGRESS (user_data));

  g_value_init (&value, G_OBJECT_TYPE (result));
  g_value_set_object (&value, result);
  kaa_in_progress_finish (user_data, &value);
  g_value_unset (&value);
}

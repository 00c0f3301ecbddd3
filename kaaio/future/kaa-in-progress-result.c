/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The result of a KaaInProgress: how it is read, as a value and typed. */

#include "future/kaa-in-progress-internal.h"

/**
 * kaa_in_progress_get_result:
 * @self: a future
 * @error: return location for the error that it failed with
 *
 * Gets what the operation resulted in.
 *
 * [method@Kaa.InProgress.get_bytes] and its like are shorter where the type is known. The error is
 * %G_IO_ERROR_PENDING if the future is not finished, otherwise the one that it failed with.
 *
 * This may be called in any thread.
 *
 * Returns: (transfer none) (nullable): the result, which belongs to the future; %NULL with @error set
 *   if there is none
 *
 * Since: 1.0
 */
const GValue *
kaa_in_progress_get_result (KaaInProgress  *self,
                            GError        **error)
{
  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  switch (kaa_in_progress_get_state (self))
    {
    case KAA_STATE_RESOLVED:
      return &self->result;

    case KAA_STATE_FAILED:
      {
        const GError *failure = kaa_in_progress_look_at_error (self);

        if (error != NULL)
          *error = g_error_copy (failure);
        return NULL;
      }

    case KAA_STATE_PENDING:
    default:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                           "The operation is not finished: use then() or wait() to get its result");
      return NULL;
    }
}

static void
set_wrong_type (const GValue  *result,
                const char    *wanted,
                GError       **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
               "The result of the operation is of type %s, not %s", G_VALUE_TYPE_NAME (result), wanted);
}

/**
 * kaa_in_progress_get_bytes:
 * @self: a future
 * @error: return location for an error
 *
 * Gets a result that is bytes: that of a read.
 *
 * Fails as [method@Kaa.InProgress.get_result] does, and with %G_IO_ERROR_INVALID_DATA if the result is
 * something else.
 *
 * Returns: (transfer full) (nullable): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_in_progress_get_bytes (KaaInProgress  *self,
                           GError        **error)
{
  const GValue *result = kaa_in_progress_get_result (self, error);

  if (result == NULL)
    return NULL;

  if (G_VALUE_TYPE (result) == G_TYPE_BYTES)
    return result->data[0].v_pointer != NULL ? g_bytes_ref (result->data[0].v_pointer) : NULL;

  set_wrong_type (result, "GBytes", error);
  return NULL;
}

/**
 * kaa_in_progress_dup_data:
 * @self: a future
 * @data: (out) (array length=length) (transfer full): the bytes
 * @length: (out): how many
 *
 * Copies a result that is bytes, for language bindings: garbage collectors know what an array of their own weighs, but not
 * what a #GBytes holds.
 *
 * Returns: %FALSE, with no bytes, if the future is not finished, has failed, or has another result
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_dup_data (KaaInProgress  *self,
                          guint8        **data,
                          gsize          *length)
{
  const GValue *result;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);
  g_return_val_if_fail (data != NULL, FALSE);
  g_return_val_if_fail (length != NULL, FALSE);

  *data = NULL;
  *length = 0;
  result = kaa_in_progress_get_state (self) == KAA_STATE_RESOLVED ? &self->result : NULL;
  if (result == NULL || G_VALUE_TYPE (result) != G_TYPE_BYTES || result->data[0].v_pointer == NULL)
    return FALSE;

  *data = g_memdup2 (g_bytes_get_data (result->data[0].v_pointer, NULL), g_bytes_get_size (result->data[0].v_pointer));
  *length = g_bytes_get_size (result->data[0].v_pointer);
  return TRUE;
}

/* FALSE: it is no integer, or one that gint64 cannot hold. */
static gboolean
value_to_int64 (const GValue *value,
                gint64       *integer)
{
  guint64 positive;

  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_INT64:
      *integer = g_value_get_int64 (value);
      return TRUE;

    case G_TYPE_INT:
      *integer = g_value_get_int (value);
      return TRUE;

    case G_TYPE_LONG:
      *integer = g_value_get_long (value);
      return TRUE;

    case G_TYPE_UINT:
      *integer = g_value_get_uint (value);
      return TRUE;

    case G_TYPE_UINT64:
      positive = g_value_get_uint64 (value);
      break;

    case G_TYPE_ULONG:
      positive = g_value_get_ulong (value);
      break;

    default:
      return FALSE;
    }

  *integer = (gint64) positive;
  return positive <= G_MAXINT64;
}

/**
 * kaa_in_progress_get_int:
 * @self: a future
 * @error: return location for an error
 *
 * Gets a result that is a number: that of a write, in bytes, or the index that
 * [func@Kaa.InProgress.any] found.
 *
 * Every type of integer is accepted. Fails as [method@Kaa.InProgress.get_result] does, and with
 * %G_IO_ERROR_INVALID_DATA if the result is something else.
 *
 * Returns: the number, or 0 with @error set
 *
 * Since: 1.0
 */
gint64
kaa_in_progress_get_int (KaaInProgress  *self,
                         GError        **error)
{
  const GValue *result = kaa_in_progress_get_result (self, error);
  gint64 integer;

  if (result == NULL)
    return 0;

  if (value_to_int64 (result, &integer))
    return integer;

  set_wrong_type (result, "a 64-bit integer", error);
  return 0;
}

/**
 * kaa_in_progress_get_boolean:
 * @self: a future
 * @error: return location for an error
 *
 * Gets a result that is a truth value: that of an operation which has no other result is %TRUE.
 *
 * Fails as [method@Kaa.InProgress.get_result] does, and with %G_IO_ERROR_INVALID_DATA if the result is
 * something else.
 *
 * Returns: the truth value, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_get_boolean (KaaInProgress  *self,
                             GError        **error)
{
  const GValue *result = kaa_in_progress_get_result (self, error);

  if (result == NULL)
    return FALSE;

  if (G_VALUE_HOLDS_BOOLEAN (result))
    return g_value_get_boolean (result);

  set_wrong_type (result, "gboolean", error);
  return FALSE;
}

/**
 * kaa_in_progress_get_object:
 * @self: a future
 * @error: return location for an error
 *
 * Gets a result that is an object, for instance the [iface@Gio.AsyncResult] that
 * [func@Kaa.InProgress.ready_callback] has put there.
 *
 * Fails as [method@Kaa.InProgress.get_result] does, and with %G_IO_ERROR_INVALID_DATA if the result is
 * something else.
 *
 * Returns: (transfer full) (nullable) (type GObject.Object): the object, or %NULL with @error set
 *
 * Since: 1.0
 */
GObject *
kaa_in_progress_get_object (KaaInProgress  *self,
                            GError        **error)
{
  const GValue *result = kaa_in_progress_get_result (self, error);

  if (result == NULL)
    return NULL;

  if (G_VALUE_HOLDS_OBJECT (result))
    return g_value_dup_object (result);

  set_wrong_type (result, "an object", error);
  return NULL;
}

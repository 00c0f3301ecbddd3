/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GIO pairs: for every future a method that takes a GAsyncReadyCallback, and one that unpacks the result. */

#include "channel/kaa-io-channel-private.h"

/**
 * kaa_io_channel_read_async:
 * @self: a channel
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.read] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_read_async (KaaIOChannel        *self,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_read (self), kaa_io_channel_read_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_read_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.read_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_read_finish (KaaIOChannel  *self,
                            GAsyncResult  *result,
                            GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_read_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_read_some_async:
 * @self: a channel
 * @most: how many bytes at most, 1 or more
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.read_some] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_read_some_async (KaaIOChannel        *self,
                                gsize                most,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_read_some (self, most), kaa_io_channel_read_some_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_read_some_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.read_some_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_read_some_finish (KaaIOChannel  *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_read_some_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_readline_async:
 * @self: a channel
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.readline] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_readline_async (KaaIOChannel        *self,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_readline (self), kaa_io_channel_readline_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_readline_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.readline_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_readline_finish (KaaIOChannel  *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_readline_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_readlines_async:
 * @self: a channel
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.readlines] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_readlines_async (KaaIOChannel        *self,
                                GCancellable        *cancellable,
                                GAsyncReadyCallback  callback,
                                gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_readlines (self), kaa_io_channel_readlines_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_readlines_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.readlines_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_readlines_finish (KaaIOChannel  *self,
                                 GAsyncResult  *result,
                                 GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_readlines_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_read_exactly_async:
 * @self: a channel
 * @count: how many bytes, 1 to queue-size
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.read_exactly] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_read_exactly_async (KaaIOChannel        *self,
                                   gsize                count,
                                   GCancellable        *cancellable,
                                   GAsyncReadyCallback  callback,
                                   gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_read_exactly (self, count), kaa_io_channel_read_exactly_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_read_exactly_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.read_exactly_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_read_exactly_finish (KaaIOChannel  *self,
                                    GAsyncResult  *result,
                                    GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_read_exactly_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_read_until_async:
 * @self: a channel
 * @delimiter: the bytes to read up to
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.read_until] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_read_until_async (KaaIOChannel        *self,
                                 GBytes              *delimiter,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_read_until (self, delimiter), kaa_io_channel_read_until_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_read_until_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.read_until_async].
 *
 * Returns: (transfer full): the bytes, or %NULL with @error set
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_read_until_finish (KaaIOChannel  *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_read_until_async), NULL);

  return kaa_in_progress_get_bytes (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_write_bytes_async:
 * @self: a channel
 * @bytes: the bytes
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.write_bytes] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_write_bytes_async (KaaIOChannel        *self,
                                  GBytes              *bytes,
                                  GCancellable        *cancellable,
                                  GAsyncReadyCallback  callback,
                                  gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_write_bytes (self, bytes), kaa_io_channel_write_bytes_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_write_bytes_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.write_bytes_async].
 *
 * Returns: the number of bytes that were written, or 0 with @error set
 *
 * Since: 1.0
 */
gint64
kaa_io_channel_write_bytes_finish (KaaIOChannel  *self,
                                   GAsyncResult  *result,
                                   GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_write_bytes_async), 0);

  return kaa_in_progress_get_int (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_flush_async:
 * @self: a channel
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.flush] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_flush_async (KaaIOChannel        *self,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_flush (self), kaa_io_channel_flush_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_flush_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.flush_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_flush_finish (KaaIOChannel  *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_flush_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_wait_writable_async:
 * @self: a channel
 * @count: a number of bytes
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.wait_writable] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_wait_writable_async (KaaIOChannel        *self,
                                    gsize                count,
                                    GCancellable        *cancellable,
                                    GAsyncReadyCallback  callback,
                                    gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_wait_writable (self, count), kaa_io_channel_wait_writable_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_wait_writable_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.wait_writable_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_wait_writable_finish (KaaIOChannel  *self,
                                     GAsyncResult  *result,
                                     GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_wait_writable_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_close_async:
 * @self: a channel
 * @flags: how
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.close] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_close_async (KaaIOChannel        *self,
                            KaaCloseFlags        flags,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_close (self, flags), kaa_io_channel_close_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_close_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.close_async].
 *
 * Returns: whether the close was expected, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_close_finish (KaaIOChannel  *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_close_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_shutdown_async:
 * @self: a channel
 * @direction: %KAA_IO_WRITE
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.shutdown] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_shutdown_async (KaaIOChannel        *self,
                               KaaIOCondition       direction,
                               GCancellable        *cancellable,
                               GAsyncReadyCallback  callback,
                               gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  kaa_in_progress_begin_async (kaa_io_channel_shutdown (self, direction), kaa_io_channel_shutdown_async, cancellable, callback, user_data);
}

/**
 * kaa_io_channel_shutdown_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.shutdown_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_shutdown_finish (KaaIOChannel  *self,
                                GAsyncResult  *result,
                                GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_shutdown_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_io_channel_splice_async:
 * @self: a channel
 * @target: the channel that is written
 * @flags: what becomes of @target at the end
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.IOChannel.splice] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_io_channel_splice_async (KaaIOChannel        *self,
                             KaaIOChannel        *target,
                             KaaSpliceFlags       flags,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (KAA_IS_IO_CHANNEL (target));

  kaa_in_progress_begin_async (kaa_io_channel_splice (self, target, flags), kaa_io_channel_splice_async,
              cancellable, callback, user_data);
}

/**
 * kaa_io_channel_splice_finish:
 * @self: a channel
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.IOChannel.splice_async].
 *
 * Returns: how many bytes were moved, 0 with @error set
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_splice_finish (KaaIOChannel  *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  const GValue *value;

  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_io_channel_splice_async), 0);

  value = kaa_in_progress_get_result (KAA_IN_PROGRESS (result), error);
  return value != NULL ? g_value_get_uint64 (value) : 0;
}

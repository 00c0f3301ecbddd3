/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The GIO pairs of the socket. */

#include "ends/kaa-socket-private.h"

/**
 * kaa_socket_connect_to_async:
 * @self: a socket that is not open
 * @address: where to
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Socket.connect_to] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_socket_connect_to_async (KaaSocket           *self,
                             const char          *address,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  g_return_if_fail (KAA_IS_SOCKET (self));
  g_return_if_fail (address != NULL);

  kaa_in_progress_begin_async (kaa_socket_connect_to (self, address), kaa_socket_connect_to_async, cancellable, callback, user_data);
}

/**
 * kaa_socket_connect_to_finish:
 * @self: a socket
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Socket.connect_to_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_socket_connect_to_finish (KaaSocket     *self,
                              GAsyncResult  *result,
                              GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_socket_connect_to_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_socket_accept_async:
 * @self: a socket that listens
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Socket.accept] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_socket_accept_async (KaaSocket           *self,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  g_return_if_fail (KAA_IS_SOCKET (self));

  kaa_in_progress_begin_async (kaa_socket_accept (self), kaa_socket_accept_async, cancellable, callback, user_data);
}

/**
 * kaa_socket_accept_finish:
 * @self: a socket
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Socket.accept_async].
 *
 * Returns: (transfer full): the client, or %NULL with @error set
 *
 * Since: 1.0
 */
KaaSocket *
kaa_socket_accept_finish (KaaSocket     *self,
                          GAsyncResult  *result,
                          GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_socket_accept_async), NULL);

  return (KaaSocket *) kaa_in_progress_get_object (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_socket_start_tls_async:
 * @self: a connected socket
 * @identity: (nullable): for a client: whose certificate the other side must have
 * @certificate: (nullable): for a server: its certificate
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Socket.start_tls] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_socket_start_tls_async (KaaSocket           *self,
                            GSocketConnectable  *identity,
                            GTlsCertificate     *certificate,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  g_return_if_fail (KAA_IS_SOCKET (self));

  kaa_in_progress_begin_async (kaa_socket_start_tls (self, identity, certificate), kaa_socket_start_tls_async, cancellable, callback, user_data);
}

/**
 * kaa_socket_start_tls_finish:
 * @self: a socket
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Socket.start_tls_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_socket_start_tls_finish (KaaSocket     *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_socket_start_tls_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_socket_start_tls_buffered_async:
 * @self: a connected socket
 * @identity: (nullable): for a client: whose certificate the other side must have
 * @certificate: (nullable): for a server: its certificate
 * @taken: (nullable): bytes that were taken out of the channel, but belong to TLS
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Socket.start_tls_buffered] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_socket_start_tls_buffered_async (KaaSocket           *self,
                                     GSocketConnectable  *identity,
                                     GTlsCertificate     *certificate,
                                     GBytes              *taken,
                                     GCancellable        *cancellable,
                                     GAsyncReadyCallback  callback,
                                     gpointer             user_data)
{
  g_return_if_fail (KAA_IS_SOCKET (self));

  kaa_in_progress_begin_async (kaa_socket_start_tls_buffered (self, identity, certificate, taken),
                               kaa_socket_start_tls_buffered_async, cancellable, callback, user_data);
}

/**
 * kaa_socket_start_tls_buffered_finish:
 * @self: a socket
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Socket.start_tls_buffered_async].
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 1.0
 */
gboolean
kaa_socket_start_tls_buffered_finish (KaaSocket     *self,
                                      GAsyncResult  *result,
                                      GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_socket_start_tls_buffered_async), FALSE);

  return kaa_in_progress_get_boolean (KAA_IN_PROGRESS (result), error);
}

/**
 * kaa_socket_write_with_fds_async:
 * @self: a socket
 * @bytes: at least one byte
 * @fds: (array length=n_fds): descriptors
 * @n_fds: how many
 * @cancellable: (nullable): aborts it
 * @callback: (nullable) (scope async): called when it is finished
 * @user_data: data for @callback
 *
 * [method@Kaa.Socket.write_with_fds] for who prefers a callback.
 *
 * Since: 1.0
 */
void
kaa_socket_write_with_fds_async (KaaSocket           *self,
                                 GBytes              *bytes,
                                 const int           *fds,
                                 gsize                n_fds,
                                 GCancellable        *cancellable,
                                 GAsyncReadyCallback  callback,
                                 gpointer             user_data)
{
  g_return_if_fail (KAA_IS_SOCKET (self));
  g_return_if_fail (bytes != NULL);

  kaa_in_progress_begin_async (kaa_socket_write_with_fds (self, bytes, fds, n_fds), kaa_socket_write_with_fds_async, cancellable, callback,
              user_data);
}

/**
 * kaa_socket_write_with_fds_finish:
 * @self: a socket
 * @result: what the callback was given
 * @error: return location for an error
 *
 * Finishes [method@Kaa.Socket.write_with_fds_async].
 *
 * Returns: the number of bytes, or 0 with @error set
 *
 * Since: 1.0
 */
gint64
kaa_socket_write_with_fds_finish (KaaSocket     *self,
                                  GAsyncResult  *result,
                                  GError       **error)
{
  g_return_val_if_fail (kaa_in_progress_is_result_of (result, self, kaa_socket_write_with_fds_async), 0);

  return kaa_in_progress_get_int (KAA_IN_PROGRESS (result), error);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may be set of a socket. */

#include "ends/kaa-socket-private.h"

/**
 * kaa_socket_get_accept_fds: (get-property accept-fds)
 * @self: a socket
 *
 * How many descriptors may wait to be taken.
 *
 * Returns: the number; 0 if none are accepted
 *
 * Since: 1.0
 */
guint
kaa_socket_get_accept_fds (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), 0);

  return kaa_channel_get_private (KAA_IO_CHANNEL (self))->options->accept_fds;
}

/**
 * kaa_socket_set_accept_fds: (set-property accept-fds)
 * @self: a socket
 * @accept_fds: the number; 0 to accept none
 *
 * Sets how many descriptors may wait to be taken. Those that wait already stay.
 *
 * Since: 1.0
 */
void
kaa_socket_set_accept_fds (KaaSocket *self,
                           guint      accept_fds)
{
  KaaIOChannelPrivate *channel;

  g_return_if_fail (KAA_IS_SOCKET (self));

  channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));
  if (channel->options->accept_fds == accept_fds)
    return;
  kaa_channel_own_options (channel)->accept_fds = accept_fds;
  g_object_notify (G_OBJECT (self), "accept-fds");
}

/**
 * kaa_socket_get_auto_accept: (get-property auto-accept)
 * @self: a socket
 *
 * Whether [signal@Kaa.Socket::new-client] is emitted.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
kaa_socket_get_auto_accept (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);

  return kaa_socket_get_private (self)->auto_accept;
}

/**
 * kaa_socket_set_auto_accept: (set-property auto-accept)
 * @self: a socket
 * @auto_accept: whether [signal@Kaa.Socket::new-client] is emitted
 *
 * Sets whether clients are accepted for the signal.
 *
 * Since: 1.0
 */
void
kaa_socket_set_auto_accept (KaaSocket *self,
                            gboolean   auto_accept)
{
  KaaSocketPrivate *priv;

  g_return_if_fail (KAA_IS_SOCKET (self));

  priv = kaa_socket_get_private (self);
  if (priv->auto_accept == !!auto_accept)
    return;
  priv->auto_accept = !!auto_accept;
  kaa_socket_interest_changed (self);
  g_object_notify (G_OBJECT (self), "auto-accept");
}

/**
 * kaa_socket_get_max_clients: (get-property max-clients)
 * @self: a socket
 *
 * How many clients may be open at a time.
 *
 * Returns: the number, 0 for any
 *
 * Since: 1.0
 */
guint
kaa_socket_get_max_clients (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), 0);

  return kaa_socket_get_private (self)->max_clients;
}

/**
 * kaa_socket_set_max_clients: (set-property max-clients)
 * @self: a socket
 * @max_clients: the number, 0 for any
 *
 * Sets how many clients may be open at a time. Those over a new limit stay.
 *
 * Since: 1.0
 */
void
kaa_socket_set_max_clients (KaaSocket *self,
                            guint      max_clients)
{
  KaaSocketPrivate *priv;

  g_return_if_fail (KAA_IS_SOCKET (self));

  priv = kaa_socket_get_private (self);
  if (priv->max_clients == max_clients)
    return;
  priv->max_clients = max_clients;
  kaa_socket_interest_changed (self);
  g_object_notify (G_OBJECT (self), "max-clients");
}

/**
 * kaa_socket_get_buffer_size: (get-property buffer-size)
 * @self: a socket
 *
 * The size of the kernel's buffers that was asked for.
 *
 * Returns: bytes, 0 if it is left to the system
 *
 * Since: 1.0
 */
guint
kaa_socket_get_buffer_size (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), 0);

  return kaa_socket_get_private (self)->buffer_size;
}

/**
 * kaa_socket_set_buffer_size: (set-property buffer-size)
 * @self: a socket
 * @buffer_size: bytes, 0 to leave it to the system
 *
 * Sets the size of the kernel's buffers, now and for later connections.
 *
 * Since: 1.0
 */
void
kaa_socket_set_buffer_size (KaaSocket *self,
                            guint      buffer_size)
{
  KaaSocketPrivate *priv;
  int fd;

  g_return_if_fail (KAA_IS_SOCKET (self));

  priv = kaa_socket_get_private (self);
  if (priv->buffer_size == buffer_size)
    return;
  priv->buffer_size = buffer_size;
  fd = kaa_io_channel_get_fileno (KAA_IO_CHANNEL (self));
  if (fd >= 0)
    kaa_socket_prepare (self, fd);
  g_object_notify (G_OBJECT (self), "buffer-size");
}

/**
 * kaa_socket_get_connect_timeout: (get-property connect-timeout)
 * @self: a socket
 *
 * How long an attempt to connect may take.
 *
 * Returns: seconds, 0 if it is left to the system
 *
 * Since: 1.0
 */
double
kaa_socket_get_connect_timeout (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), 0);

  return kaa_socket_get_private (self)->connect_timeout;
}

/**
 * kaa_socket_set_connect_timeout: (set-property connect-timeout)
 * @self: a socket
 * @seconds: seconds, 0 to leave it to the system
 *
 * Sets how long later attempts to connect may take.
 *
 * Since: 1.0
 */
void
kaa_socket_set_connect_timeout (KaaSocket *self,
                                double     seconds)
{
  KaaSocketPrivate *priv;

  g_return_if_fail (KAA_IS_SOCKET (self));
  g_return_if_fail (seconds >= 0);

  priv = kaa_socket_get_private (self);
  if (priv->connect_timeout == seconds)
    return;
  priv->connect_timeout = seconds;
  g_object_notify (G_OBJECT (self), "connect-timeout");
}

/**
 * kaa_socket_get_socket_mode: (get-property socket-mode)
 * @self: a socket
 *
 * The permissions of a socket file that is made.
 *
 * Returns: the bits, as for chmod
 *
 * Since: 1.0
 */
guint
kaa_socket_get_socket_mode (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), 0);

  return kaa_socket_get_private (self)->socket_mode;
}

/**
 * kaa_socket_set_socket_mode: (set-property socket-mode)
 * @self: a socket
 * @mode: the bits, as for chmod
 *
 * Sets the permissions of socket files that are made later.
 *
 * Since: 1.0
 */
void
kaa_socket_set_socket_mode (KaaSocket *self,
                            guint      mode)
{
  KaaSocketPrivate *priv;

  g_return_if_fail (KAA_IS_SOCKET (self));
  g_return_if_fail (mode <= 0777);

  priv = kaa_socket_get_private (self);
  if (priv->socket_mode == mode)
    return;
  priv->socket_mode = mode;
  g_object_notify (G_OBJECT (self), "socket-mode");
}

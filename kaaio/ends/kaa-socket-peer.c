/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is at the other side, and at this one. */

#include "ends/kaa-socket-private.h"

#include <errno.h>

void
kaa_socket_learn_addresses (KaaSocket *self,
                            int        fd)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  priv->local.length = priv->remote.length = sizeof priv->local.storage;
  if (getsockname (fd, (struct sockaddr *) &priv->local.storage, &priv->local.length) < 0)
    priv->local.length = 0;
  if (getpeername (fd, (struct sockaddr *) &priv->remote.storage, &priv->remote.length) < 0)
    priv->remote.length = 0;
}

static GSocketAddress *
to_address (const KaaSockaddr *sockaddr)
{
  if (sockaddr->length == 0)
    return NULL;
  return g_socket_address_new_from_native ((gpointer) &sockaddr->storage, sockaddr->length);
}

/**
 * kaa_socket_get_local_address: (get-property local-address)
 * @self: a socket
 *
 * The address of this side, with the real port where 0 was asked for.
 *
 * Returns: (transfer full) (nullable): the address, %NULL if the socket has not been open
 *
 * Since: 1.0
 */
GSocketAddress *
kaa_socket_get_local_address (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);

  return to_address (&kaa_socket_get_private (self)->local);
}

/**
 * kaa_socket_get_remote_address: (get-property remote-address)
 * @self: a socket
 *
 * The address of the other side.
 *
 * Returns: (transfer full) (nullable): the address, %NULL if the socket has not been connected
 *
 * Since: 1.0
 */
GSocketAddress *
kaa_socket_get_remote_address (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);

  return to_address (&kaa_socket_get_private (self)->remote);
}

/**
 * kaa_socket_get_credentials:
 * @self: a connected socket
 * @error: return location for an error
 *
 * Who is at the other side of a unix socket: process, user and group, as the kernel took them down when the connection was
 * made. They cannot be forged.
 *
 * It fails with `G_IO_ERROR_NOT_CONNECTED` where there is no connection, and with `G_IO_ERROR_NOT_SUPPORTED` where it is not
 * one of unix sockets.
 *
 * Returns: (transfer full): the credentials, or %NULL with @error set
 *
 * Since: 1.0
 */
GCredentials *
kaa_socket_get_credentials (KaaSocket  *self,
                            GError    **error)
{
  KaaSocketPrivate *priv;
  int fd;

  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  priv = kaa_socket_get_private (self);
  fd = kaa_io_channel_get_fileno (KAA_IO_CHANNEL (self));
  if (fd < 0 || !kaa_socket_is_connected (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                           "The socket is not connected, so there is nobody at its other side");
      return NULL;
    }
  if (priv->local.storage.ss_family != AF_UNIX)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "Only unix sockets know who is at the other side");
      return NULL;
    }

#ifdef SO_PEERCRED
  {
    GCredentials *credentials;
    struct ucred native;
    socklen_t size = sizeof native;

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &native, &size) < 0)
      {
        g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Asking who is at the other side: %s",
                     g_strerror (errno));
        return NULL;
      }
    credentials = g_credentials_new ();
    g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &native);
    return credentials;
  }
#else
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "This system does not tell who is at the other side");
  return NULL;
#endif
}

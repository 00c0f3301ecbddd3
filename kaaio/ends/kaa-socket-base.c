/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all files of a socket stand on: what it is doing, and what every connection gets. */

#include "ends/kaa-socket-private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

int kaa_socket_private_offset;
guint kaa_socket_signals[KAA_SOCKET_N_SIGNALS];
GParamSpec *kaa_socket_properties[KAA_SOCKET_N_PROPERTIES];

gboolean
kaa_socket_is_listening (KaaSocket *self)
{
  return kaa_socket_get_private (self)->listener != NULL && kaa_channel_is_alive (KAA_IO_CHANNEL (self));
}

gboolean
kaa_socket_is_connecting (KaaSocket *self)
{
  return kaa_socket_get_private (self)->connecting != NULL && kaa_channel_is_alive (KAA_IO_CHANNEL (self));
}

gboolean
kaa_socket_is_connected (KaaSocket *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  return priv->listener == NULL && priv->connecting == NULL && kaa_channel_is_alive (KAA_IO_CHANNEL (self));
}

GTlsConnection *
kaa_socket_peek_tls (KaaSocket *self)
{
  KaaTransport *transport = kaa_channel_get_private (KAA_IO_CHANNEL (self))->input;

  if (transport == NULL)
    return NULL;
  transport = kaa_filter_transport_get_inner (transport);
  return G_IS_TLS_CONNECTION (transport->stream) ? G_TLS_CONNECTION (transport->stream) : NULL;
}

static guint
get_state_bits (KaaSocket *self)
{
  guint bits = 0;

  if (kaa_socket_is_listening (self))
    bits |= 1 << KAA_SOCKET_PROP_LISTENING;
  if (kaa_socket_is_connecting (self))
    bits |= 1 << KAA_SOCKET_PROP_CONNECTING;
  if (kaa_socket_is_connected (self))
    bits |= 1 << KAA_SOCKET_PROP_CONNECTED;
  if (kaa_socket_peek_tls (self) != NULL)
    bits |= 1 << KAA_SOCKET_PROP_TLS_CONNECTION;
  return bits;
}

void
kaa_socket_notify_state (KaaSocket *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);
  guint bits = get_state_bits (self);
  guint changed = bits ^ priv->notified;

  /* Remembered first: a handler may change the state again. */
  priv->notified = bits;
  for (guint i = KAA_SOCKET_PROP_LISTENING; i <= KAA_SOCKET_PROP_TLS_CONNECTION; i++)
    if (changed & (1 << i))
      g_object_notify_by_pspec (G_OBJECT (self), kaa_socket_properties[i]);
}

void
kaa_socket_prepare (KaaSocket *self,
                    int        fd)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);
  int size = (int) MIN (priv->buffer_size, G_MAXINT);
  int yes = 1;

  /* Small writes go out together from the write queue; the kernel need not wait for more. */
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (size > 0)
    {
      setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
      setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

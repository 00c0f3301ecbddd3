/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clients of a server: how many of them are open, which is what a limit asks for. */

#include "ends/kaa-socket-private.h"

#include "ends/kaa-listener.h"

static void
count_unref (KaaClientCount *count)
{
  if (g_ref_count_dec (&count->ref_count))
    g_free (count);
}

void
kaa_socket_count (KaaSocket *self,
                  KaaSocket *client)
{
  KaaClientCount *count = kaa_socket_get_private (self)->clients;

  g_ref_count_inc (&count->ref_count);
  count->n++;
  kaa_socket_get_private (client)->counted = count;
}

void
kaa_socket_interest_changed (KaaSocket *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  if (priv->listener != NULL && kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_CHANNEL (self))))
    kaa_listener_schedule (priv->listener);
}

void
kaa_socket_uncount (KaaSocket *client)
{
  KaaClientCount *count = g_steal_pointer (&kaa_socket_get_private (client)->counted);

  if (count == NULL)
    return;
  count->n--;
  if (count->server != NULL)
    kaa_socket_interest_changed (count->server);
  count_unref (count);
}

void
kaa_socket_expect_clients (KaaSocket *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  if (priv->clients != NULL)
    return;
  priv->clients = g_new0 (KaaClientCount, 1);
  g_ref_count_init (&priv->clients->ref_count);
  priv->clients->server = self;
}

void
kaa_socket_forget_clients (KaaSocket *self)
{
  KaaClientCount *clients = g_steal_pointer (&kaa_socket_get_private (self)->clients);

  if (clients == NULL)
    return;
  clients->server = NULL;
  count_unref (clients);
}

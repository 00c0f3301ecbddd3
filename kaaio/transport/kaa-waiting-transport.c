/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport of a channel whose connection is not there yet: a socket that is connecting.
 *
 * It never has anything to read, and takes nothing to write, so that everything waits in the queues of the channel. What
 * waits for is told when the channel gives up.
 */

#include "transport/kaa-transport.h"

typedef struct
{
  KaaTransport parent;
  KaaWaitingClosed closed;
  gpointer user_data;
} KaaWaitingTransport;

static gssize
waiting_transport_read (KaaTransport  *transport,
                        guint8        *buffer,
                        gsize          length,
                        GError       **error)
{
  return KAA_TRANSPORT_AGAIN;
}

static gssize
waiting_transport_write (KaaTransport        *transport,
                         const struct iovec  *vectors,
                         int                  n,
                         GError             **error)
{
  return KAA_TRANSPORT_AGAIN;
}

static KaaPollFlags
waiting_transport_get_ready (KaaTransport *transport)
{
  return 0;
}

static void
waiting_transport_set_wanted (KaaTransport *transport,
                              KaaPollFlags  wanted)
{
}

static gboolean
waiting_transport_is_drained (KaaTransport  *transport,
                              GError       **error)
{
  return FALSE;
}

static gsize
waiting_transport_get_nothing (KaaTransport *transport)
{
  return 0;
}

static gboolean
waiting_transport_shutdown (KaaTransport  *transport,
                            GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                       "There is no connection yet that could be shut down; wait for it first");
  return FALSE;
}

static gboolean
waiting_transport_finish (KaaTransport *transport,
                          gboolean      close_fd)
{
  return TRUE;
}

static gboolean
waiting_transport_start (KaaTransport  *transport,
                         KaaPollEntry  *entry,
                         GError       **error)
{
  return TRUE;
}

static void
waiting_transport_stop (KaaTransport *transport)
{
}

static void
waiting_transport_close (KaaTransport *transport,
                         gboolean      close_fd,
                         gboolean      forked)
{
  KaaWaitingTransport *self = (KaaWaitingTransport *) transport;

  self->closed (self->user_data);
  g_free (self);
}

static const KaaTransportClass waiting_transport_class = {
  .read = waiting_transport_read,
  .write = waiting_transport_write,
  .get_ready = waiting_transport_get_ready,
  .set_wanted = waiting_transport_set_wanted,
  .is_drained = waiting_transport_is_drained,
  .get_unread = waiting_transport_get_nothing,
  .get_in_flight = waiting_transport_get_nothing,
  .shutdown = waiting_transport_shutdown,
  .finish = waiting_transport_finish,
  .start = waiting_transport_start,
  .stop = waiting_transport_stop,
  .close = waiting_transport_close,
};

KaaTransport *
kaa_waiting_transport_new (KaaWaitingClosed closed,
                           gpointer         user_data)
{
  KaaWaitingTransport *self = g_new0 (KaaWaitingTransport, 1);

  self->parent.klass = &waiting_transport_class;
  self->parent.fd = -1;
  self->parent.kind = KAA_FD_OTHER;
  self->closed = closed;
  self->user_data = user_data;
  return &self->parent;
}

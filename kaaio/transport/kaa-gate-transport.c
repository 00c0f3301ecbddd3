/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport of a connection that is about to become another one: a socket that agrees on TLS.
 *
 * What was queued before still goes out through the transport that was there, and not one byte more. Nothing is read:
 * what arrives from now on is not for the channel. What is asked for and written meanwhile waits in the queues of the channel.
 */

#include "transport/kaa-transport.h"

/* A piece of the queue's head. */
#define MAX_VECTORS 64

typedef struct
{
  KaaTransport parent;
  KaaTransport *inner;      /* runs while bytes are left to go out */
  gboolean running;         /* ... as it did before it had a gate */
  gsize left;
  GError *error;            /* why the inner one could not be started */
  gboolean broken;          /* what had to go out could not: there will be no other connection */
  const KaaGateFuncs *funcs;
  gpointer user_data;
} KaaGateTransport;

static gssize
gate_transport_read (KaaTransport  *transport,
                     guint8        *buffer,
                     gsize          length,
                     GError       **error)
{
  return ((KaaGateTransport *) transport)->broken ? 0 : KAA_TRANSPORT_AGAIN;
}

/* The first of the vectors, cut where the gate is. */
static int
cut (struct iovec       *to,
     const struct iovec *vectors,
     int                 n_vectors,
     gsize               length)
{
  int n;

  for (n = 0; n < MIN (n_vectors, MAX_VECTORS) && length > 0; n++)
    {
      to[n] = vectors[n];
      to[n].iov_len = MIN (to[n].iov_len, length);
      length -= to[n].iov_len;
    }
  return n;
}

static gssize
gate_transport_write (KaaTransport        *transport,
                      const struct iovec  *vectors,
                      int                  n_vectors,
                      GError             **error)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;
  struct iovec allowed[MAX_VECTORS];
  gssize n;

  if (self->left == 0)
    return KAA_TRANSPORT_AGAIN;

  if (self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      n = KAA_TRANSPORT_FAILED;
    }
  else
    {
      n = self->inner->klass->write (self->inner, allowed, cut (allowed, vectors, n_vectors, self->left), error);
    }

  if (n == KAA_TRANSPORT_AGAIN || n == KAA_TRANSPORT_LATER)
    return n;
  /* Bytes that are refused may be left out elsewhere, but then all behind them would be the other side of the gate. */
  if (n < 0)
    {
      self->left = 0;
      self->broken = TRUE;
      self->inner->klass->stop (self->inner);
      return KAA_TRANSPORT_FAILED;
    }

  self->left -= n;
  if (self->left == 0)
    {
      self->inner->klass->stop (self->inner);
      self->funcs->passed (self->user_data);
    }
  return n;
}

static KaaPollFlags
gate_transport_get_ready (KaaTransport *transport)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;

  if (self->left == 0)
    return self->broken ? KAA_POLL_IN : 0;
  return self->error != NULL ? KAA_POLL_OUT : self->inner->klass->get_ready (self->inner) & KAA_POLL_OUT;
}

static void
gate_transport_set_wanted (KaaTransport *transport,
                           KaaPollFlags  wanted)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;

  if (self->left > 0 && self->error == NULL)
    self->inner->klass->set_wanted (self->inner, wanted & KAA_POLL_OUT);
}

static gboolean
gate_transport_is_drained (KaaTransport  *transport,
                           GError       **error)
{
  return FALSE;
}

static gsize
gate_transport_get_unread (KaaTransport *transport)
{
  return 0;
}

/* They are counted: none may be taken out in front of the gate. */
static gsize
gate_transport_get_in_flight (KaaTransport *transport)
{
  return ((KaaGateTransport *) transport)->left;
}

static gboolean
gate_transport_shutdown (KaaTransport  *transport,
                         GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                       "The connection is changing, and cannot be shut down before that is done; wait for it");
  return FALSE;
}

static gboolean
gate_transport_finish (KaaTransport *transport,
                       gboolean      close_fd)
{
  return TRUE;
}

static void
gate_transport_stop (KaaTransport *transport)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;

  self->inner->klass->stop (self->inner);
  self->running = FALSE;
}

static gboolean
gate_transport_start (KaaTransport  *transport,
                      KaaPollEntry  *entry,
                      GError       **error)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;

  if (self->left == 0)
    gate_transport_stop (transport);
  /* There is no way back, so a failure is one of writing. */
  else if (!self->running && !self->inner->klass->start (self->inner, entry, &self->error))
    g_assert (self->error != NULL);
  self->running = self->left > 0 && self->error == NULL;
  return TRUE;
}

static void
gate_transport_close (KaaTransport *transport,
                      gboolean      close_fd,
                      gboolean      forked)
{
  KaaGateTransport *self = (KaaGateTransport *) transport;

  /* A stream is what the new connection is built on. */
  self->inner->klass->close (self->inner, close_fd && self->inner->stream == NULL, forked);
  /* In a forked child the new connection is the parent's. */
  if (forked)
    kaa_sys_close (transport->fd);
  else
    self->funcs->closed (self->user_data);
  if (!forked)
    g_clear_object (&transport->stream);
  g_clear_error (&self->error);
  g_free (self);
}

static const KaaTransportClass gate_transport_class = {
  .read = gate_transport_read,
  .write = gate_transport_write,
  .get_ready = gate_transport_get_ready,
  .set_wanted = gate_transport_set_wanted,
  .is_drained = gate_transport_is_drained,
  .get_unread = gate_transport_get_unread,
  .get_in_flight = gate_transport_get_in_flight,
  .shutdown = gate_transport_shutdown,
  .finish = gate_transport_finish,
  .start = gate_transport_start,
  .stop = gate_transport_stop,
  .close = gate_transport_close,
};

KaaTransport *
kaa_gate_transport_new (KaaTransport       *inner,
                        gsize               length,
                        const KaaGateFuncs *funcs,
                        gpointer            user_data)
{
  KaaGateTransport *self = g_new0 (KaaGateTransport, 1);

  self->parent.klass = &gate_transport_class;
  self->parent.fd = inner->fd;
  self->parent.kind = KAA_FD_OTHER;
  self->inner = inner;
  self->running = TRUE;
  self->left = length;
  self->funcs = funcs;
  self->user_data = user_data;
  return &self->parent;
}

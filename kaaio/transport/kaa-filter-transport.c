/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport of a subclass that has low-level calls of its own (it decompresses, say).
 *
 * They deal in GBytes, because bindings can implement that. What they chain up to reads and writes the inner
 * transport, and that one's readiness is the filter's, except that a filter may have more to give than its input
 * has left: it is readable until it says WOULD_BLOCK itself.
 */

#include "transport/kaa-transport.h"
#include "loop/kaa-collector.h"

#include <string.h>

#define MAX_WRITE (64 * 1024)

typedef struct
{
  KaaTransport parent;
  KaaTransport *inner;
  const KaaFilterFuncs *funcs;
  gpointer owner;
  GBytes *rest;      /* of a read that gave more than it was asked for */
  gboolean has_more;
  gsize taken;       /* from the inner one, by the read that was made last */
  gssize said;       /* what the inner one said to a write that failed, while the filter writes; 0 where it did not */
  GError *shortage;  /* ... where that was LATER */
} KaaFilterTransport;

static gssize
hand_out (KaaFilterTransport *self,
          GBytes             *bytes, /* taken */
          guint8             *buffer,
          gsize               length)
{
  gsize size;
  const void *data = g_bytes_get_data (bytes, &size);
  gsize n = MIN (size, length);

  if (n > 0)
    memcpy (buffer, data, n);
  if (n < size)
    self->rest = g_bytes_new_from_bytes (bytes, n, size - n);
  g_bytes_unref (bytes);

  return n;
}

static gssize
filter_transport_read (KaaTransport  *transport,
                       guint8        *buffer,
                       gsize          length,
                       GError       **error)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;
  GError *local = NULL;
  GBytes *bytes;

  self->taken = 0;
  if (self->rest != NULL)
    return hand_out (self, g_steal_pointer (&self->rest), buffer, length);

  kaa_collector_finish ();
  bytes = self->funcs->read (self->owner, length, &local);
  if (bytes != NULL)
    {
      self->has_more = TRUE;
      g_clear_error (&local);
      return hand_out (self, bytes, buffer, length);
    }

  self->has_more = FALSE;
  if (local == NULL || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_clear_error (&local);
      return KAA_TRANSPORT_AGAIN;
    }

  g_propagate_error (error, local);
  return KAA_TRANSPORT_FAILED;
}

/* Of a file or a device, that others of the bytes may be taken. */
static gboolean
is_refusal (const KaaFilterTransport *self,
            const GError             *error)
{
  if (self->parent.kind != KAA_FD_FILE && self->parent.kind != KAA_FD_OTHER)
    return FALSE;
  return self->said == KAA_TRANSPORT_REFUSED || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
}

static gssize
filter_transport_write (KaaTransport        *transport,
                        const struct iovec  *vectors,
                        int                  n_vectors,
                        GError             **error)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;
  GError *local = NULL;
  GBytes *bytes = g_bytes_new (vectors[0].iov_base, MIN (vectors[0].iov_len, MAX_WRITE));
  gsize length = g_bytes_get_size (bytes);
  gssize n;

  kaa_collector_finish ();
  self->said = 0;
  g_clear_error (&self->shortage);
  n = self->funcs->write (self->owner, bytes, &local);
  g_bytes_unref (bytes);

  /* What a binding returns beside an error is anything: the error counts. */
  if (n >= 0 && local == NULL)
    return MIN ((gsize) n, length);

  if (local == NULL || g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_clear_error (&local);
      if (self->shortage == NULL)
        return KAA_TRANSPORT_AGAIN;
      g_propagate_error (error, g_steal_pointer (&self->shortage));
      return KAA_TRANSPORT_LATER;
    }

  n = is_refusal (self, local) ? KAA_TRANSPORT_REFUSED : KAA_TRANSPORT_FAILED;
  g_propagate_error (error, local);
  return n;
}

gssize
kaa_filter_transport_write_inner (KaaTransport        *transport,
                                  const struct iovec  *vector,
                                  GError             **error)
{
  KaaTransport *inner = kaa_filter_transport_get_inner (transport);
  gssize n = inner->klass->write (inner, vector, 1, error);

  if (transport != inner && n < 0)
    ((KaaFilterTransport *) transport)->said = n;
  if (transport != inner && n == KAA_TRANSPORT_LATER)
    {
      g_clear_error (&((KaaFilterTransport *) transport)->shortage);
      ((KaaFilterTransport *) transport)->shortage = g_error_copy (*error);
    }
  return n;
}

static KaaPollFlags
filter_transport_get_ready (KaaTransport *transport)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;
  KaaPollFlags ready = self->inner->klass->get_ready (self->inner);

  return self->rest != NULL || self->has_more ? ready | KAA_POLL_IN : ready;
}

static void
filter_transport_check (KaaTransport *transport)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  if (inner->klass->check != NULL)
    inner->klass->check (inner);
}

static void
filter_transport_set_wanted (KaaTransport *transport,
                             KaaPollFlags  wanted)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  inner->klass->set_wanted (inner, wanted);
}

static gboolean
filter_transport_is_drained (KaaTransport  *transport,
                             GError       **error)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;

  return self->rest == NULL && !self->has_more && self->inner->klass->is_drained (self->inner, error);
}

static gsize
filter_transport_get_unread (KaaTransport *transport)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  return inner->klass->get_unread (inner);
}

static gsize
filter_transport_get_in_flight (KaaTransport *transport)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  return inner->klass->get_in_flight (inner);
}

static gboolean
filter_transport_shutdown (KaaTransport  *transport,
                           GError       **error)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  return inner->klass->shutdown (inner, error);
}

static gboolean
filter_transport_finish (KaaTransport *transport,
                         gboolean      close_fd)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  return inner->klass->finish (inner, close_fd);
}

static gboolean
filter_transport_start (KaaTransport  *transport,
                        KaaPollEntry  *entry,
                        GError       **error)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  return inner->klass->start (inner, entry, error);
}

static void
filter_transport_stop (KaaTransport *transport)
{
  KaaTransport *inner = ((KaaFilterTransport *) transport)->inner;

  inner->klass->stop (inner);
}

static void
filter_transport_close (KaaTransport *transport,
                        gboolean      close_fd,
                        gboolean      forked)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;

  self->inner->klass->close (self->inner, close_fd, forked);
  g_clear_pointer (&self->rest, g_bytes_unref);
  g_clear_error (&self->shortage);
  g_free (self);
}

static const KaaTransportClass filter_transport_class = {
  .read = filter_transport_read,
  .write = filter_transport_write,
  .get_ready = filter_transport_get_ready,
  .check = filter_transport_check,
  .set_wanted = filter_transport_set_wanted,
  .is_drained = filter_transport_is_drained,
  .get_unread = filter_transport_get_unread,
  .get_in_flight = filter_transport_get_in_flight,
  .shutdown = filter_transport_shutdown,
  .finish = filter_transport_finish,
  .start = filter_transport_start,
  .stop = filter_transport_stop,
  .close = filter_transport_close,
};

KaaTransport *
kaa_filter_transport_new (KaaTransport         *inner,
                          const KaaFilterFuncs *funcs,
                          gpointer              owner)
{
  KaaFilterTransport *self = g_new0 (KaaFilterTransport, 1);

  self->parent.klass = &filter_transport_class;
  self->parent.fd = inner->fd;
  self->parent.kind = inner->kind;
  self->inner = inner;
  self->funcs = funcs;
  self->owner = owner;

  return &self->parent;
}

KaaTransport *
kaa_filter_transport_get_inner (KaaTransport *self)
{
  return self->klass == &filter_transport_class ? ((KaaFilterTransport *) self)->inner : self;
}

gssize
kaa_filter_transport_read_inner (KaaTransport  *transport,
                                 guint8        *buffer,
                                 gsize          length,
                                 GError       **error)
{
  KaaTransport *inner = kaa_filter_transport_get_inner (transport);
  gssize n = inner->klass->read (inner, buffer, length, error);

  if (inner != transport && n > 0)
    ((KaaFilterTransport *) transport)->taken += n;
  return n;
}

gsize
kaa_filter_transport_get_taken (KaaTransport *transport)
{
  return transport->klass == &filter_transport_class ? ((KaaFilterTransport *) transport)->taken : 0;
}

gboolean
kaa_filter_transport_move_rest (KaaTransport  *transport,
                                KaaByteQueue  *queue,
                                KaaBlockCache *cache)
{
  KaaFilterTransport *self = (KaaFilterTransport *) transport;
  gconstpointer data;
  gsize length;

  if (transport->klass != &filter_transport_class || self->rest == NULL)
    return TRUE;

  data = g_bytes_get_data (self->rest, &length);
  if (!kaa_byte_queue_append (queue, cache, data, length))
    return FALSE;
  g_clear_pointer (&self->rest, g_bytes_unref);
  return TRUE;
}

KaaTransport *
kaa_filter_transport_unwrap (KaaTransport *transport)
{
  KaaTransport *inner = kaa_filter_transport_get_inner (transport);

  if (inner != transport)
    {
      g_clear_pointer (&((KaaFilterTransport *) transport)->rest, g_bytes_unref);
      g_clear_error (&((KaaFilterTransport *) transport)->shortage);
      g_free (transport);
    }
  return inner;
}

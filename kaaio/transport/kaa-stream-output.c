/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The output of a stream: tried where it can be polled, and given to asynchronous calls where it cannot; and flushed. */

#include "transport/kaa-stream-transport.h"

#include "bytes/kaa-vectors.h"

/* Shorter pieces are put together: each call on a TLS stream makes a record. */
#define MIN_PIECE (16 * 1024)

/* What is full takes nothing more for now, but a connection has no second place to go on at; and what a stream that could not be
 * flushed has kept is not known. */
static gssize
failed (KaaStreamTransport *self,
        gboolean            flushing,
        GError             *local, /* taken */
        GError            **error)
{
  gboolean refused = g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NO_SPACE) && !flushing &&
                     self->parent.kind != KAA_FD_SOCKET;

  g_propagate_error (error, local);
  return refused ? KAA_TRANSPORT_REFUSED : KAA_TRANSPORT_FAILED;
}

static void
write_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  KaaStreamCall *call = user_data;

  call->written = g_output_stream_write_bytes_finish (G_OUTPUT_STREAM (stream), result, &call->error);
  kaa_stream_call_done (call);
}

static void
flush_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  KaaStreamCall *call = user_data;

  g_output_stream_flush_finish (G_OUTPUT_STREAM (stream), result, &call->error);
  kaa_stream_call_done (call);
}

static void
begin_flush (KaaStreamTransport *self,
             gsize               length)
{
  GMainContext *pushed;

  self->output.call = kaa_stream_call_new (self);
  self->flushing = length;
  pushed = kaa_stream_push_context (self);
  g_output_stream_flush_async (self->out, kaa_poller_get_priority (self->entry->poller),
                               self->output.call->cancellable, flush_done, self->output.call);
  kaa_stream_pop_context (pushed);
}

static gssize
write_pollable (KaaStreamTransport *self,
                const struct iovec *vectors,
                int                 n_vectors,
                GError            **error)
{
  guint8 buffer[MIN_PIECE];
  KaaSigpipeGuard guard;
  const void *data = vectors[0].iov_base;
  gsize length = MIN (vectors[0].iov_len, KAA_STREAM_MAX_CALL);
  GMainContext *pushed;
  GError *local = NULL;
  gssize n;

  if (self->retry != NULL)
    {
      data = g_bytes_get_data (self->retry, &length);
    }
  else if (n_vectors > 1 && length < MIN_PIECE)
    {
      length = kaa_vectors_copy (vectors, n_vectors, buffer, sizeof buffer);
      data = buffer;
    }

  pushed = kaa_stream_push_context (self);
  if (self->guarded)
    kaa_sys_block_sigpipe (&guard);
  n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (self->out), data, length, NULL, &local);
  if (self->guarded)
    kaa_sys_restore_sigpipe (&guard, n < 0);
  kaa_stream_pop_context (pushed);

  if (n < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (local);
      if (self->retry == NULL)
        self->retry = g_bytes_new (data, length);
      self->output.ready = FALSE;
      kaa_stream_wait_for (self, &self->output);
      return KAA_TRANSPORT_AGAIN;
    }

  g_clear_pointer (&self->retry, g_bytes_unref);
  return n >= 0 ? n : failed (self, /* flushing= */ FALSE, local, error);
}

/* What the last asynchronous call came to. */
static gssize
take_written (KaaStreamTransport *self,
              GError            **error)
{
  KaaStreamCall *call = g_steal_pointer (&self->output.call);
  GError *local = g_steal_pointer (&call->error);
  gboolean flushing = self->flushing > 0;
  gssize written = flushing ? (gssize) self->flushing : call->written;

  self->flushing = 0;
  kaa_stream_call_free (call);
  return local == NULL ? written : failed (self, flushing, local, error);
}

static void
begin_write (KaaStreamTransport *self,
             const struct iovec *vectors,
             int                 n_vectors)
{
  gsize length = MIN (kaa_vectors_get_length (vectors, n_vectors), KAA_STREAM_MAX_CALL);
  guint8 *data = g_malloc (length);
  KaaStreamCall *call = kaa_stream_call_new (self);
  GMainContext *pushed;

  kaa_vectors_copy (vectors, n_vectors, data, length);
  call->bytes = g_bytes_new_take (data, length);
  self->output.call = call;
  pushed = kaa_stream_push_context (self);
  g_output_stream_write_bytes_async (self->out, call->bytes, kaa_poller_get_priority (self->entry->poller),
                                     call->cancellable, write_done, call);
  kaa_stream_pop_context (pushed);
}

gssize
kaa_stream_transport_write (KaaTransport       *transport,
                            const struct iovec *vectors,
                            int                 n_vectors,
                            GError            **error)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  gboolean flushed = self->flushing > 0;
  gssize n;

  if (kaa_stream_call_is_running (self->output.call))
    return KAA_TRANSPORT_AGAIN;

  if (self->output.call != NULL)
    {
      n = take_written (self, error);
    }
  else if (self->output.pollable)
    {
      n = write_pollable (self, vectors, n_vectors, error);
    }
  else
    {
      begin_write (self, vectors, n_vectors);
      return KAA_TRANSPORT_AGAIN;
    }

  /* The last bytes for now count as written when they have left the stream's buffer. */
  if (self->flushes && !flushed && n > 0 && (gsize) n == kaa_vectors_get_length (vectors, n_vectors))
    {
      begin_flush (self, n);
      return KAA_TRANSPORT_AGAIN;
    }
  return n;
}

gsize
kaa_stream_transport_get_in_flight (KaaTransport *transport)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;

  if (self->retry != NULL)
    return g_bytes_get_size (self->retry);
  if (self->output.call != NULL && self->output.call->bytes != NULL)
    return g_bytes_get_size (self->output.call->bytes);
  return self->flushing;
}

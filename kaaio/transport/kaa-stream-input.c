/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The input of a stream: tried where it can be polled, and asked for by asynchronous calls where it cannot. */

#include "transport/kaa-stream-transport.h"

#include <string.h>

static void
read_done (GObject      *stream,
           GAsyncResult *result,
           gpointer      user_data)
{
  KaaStreamCall *call = user_data;

  call->bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (stream), result, &call->error);
  kaa_stream_call_done (call);
}

static gssize
read_pollable (KaaStreamTransport *self,
               guint8             *buffer,
               gsize               length,
               GError            **error)
{
  GMainContext *pushed = kaa_stream_push_context (self);
  GError *local = NULL;
  gssize n;

  n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (self->in), buffer, length, NULL, &local);
  kaa_stream_pop_context (pushed);
  if (n >= 0)
    return n;

  if (g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (local);
      self->input.ready = FALSE;
      return KAA_TRANSPORT_AGAIN;
    }

  g_propagate_error (error, local);
  return KAA_TRANSPORT_FAILED;
}

static gssize
take_read (KaaStreamTransport *self,
           guint8             *buffer,
           gsize               length,
           GError            **error)
{
  KaaStreamCall *call = self->input.call;
  const guint8 *data;
  gsize size, n;

  if (call->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&call->error));
      g_clear_pointer (&self->input.call, kaa_stream_call_free);
      return KAA_TRANSPORT_FAILED;
    }

  data = g_bytes_get_data (call->bytes, &size);
  n = MIN (size, length);
  if (n > 0)
    memcpy (buffer, data, n);
  if (n < size)
    {
      GBytes *rest = g_bytes_new_from_bytes (call->bytes, n, size - n);

      g_bytes_unref (call->bytes);
      call->bytes = rest;
    }
  else
    {
      g_clear_pointer (&self->input.call, kaa_stream_call_free);
    }
  return n;
}

/* GBufferedInputStream waits for all that was asked for, unless its buffer is empty. */
static gsize
limit_read (KaaStreamTransport *self,
            gsize               length)
{
  gsize available = 0;

  if (G_IS_BUFFERED_INPUT_STREAM (self->in))
    available = g_buffered_input_stream_get_available (G_BUFFERED_INPUT_STREAM (self->in));
  return MIN (length, available > 0 ? available : KAA_STREAM_MAX_CALL);
}

gssize
kaa_stream_transport_read (KaaTransport *transport,
                           guint8       *buffer,
                           gsize         length,
                           GError      **error)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GMainContext *pushed;

  if (self->input.pollable)
    return read_pollable (self, buffer, length, error);
  if (kaa_stream_call_is_running (self->input.call))
    return KAA_TRANSPORT_AGAIN;
  if (self->input.call != NULL)
    return take_read (self, buffer, length, error);

  self->input.call = kaa_stream_call_new (self);
  pushed = kaa_stream_push_context (self);
  g_input_stream_read_bytes_async (self->in, limit_read (self, length), kaa_poller_get_priority (self->entry->poller),
                                   self->input.call->cancellable, read_done, self->input.call);
  kaa_stream_pop_context (pushed);
  return KAA_TRANSPORT_AGAIN;
}

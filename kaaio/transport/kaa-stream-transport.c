/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport for GIO streams that have no descriptor of their own: TLS, converters, memory, buffers.
 *
 * A pollable stream is tried, and where it would block a source tells when to try again; there is no source while
 * nobody waits. The first try needs none: a TLS client that only reads has to begin the handshake. What is not pollable
 * is read and written by asynchronous calls, one at a time in each direction: a call starts one and says AGAIN, and
 * made again finds the result.
 */

#include "transport/kaa-stream-transport.h"

/* --- readiness --- */

static gboolean
is_half_ready (const KaaStreamHalf *half)
{
  return half->pollable && half->call == NULL ? half->ready : !kaa_stream_call_is_running (half->call);
}

static KaaPollFlags
stream_transport_get_ready (KaaTransport *transport)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;

  if (self->finishing)
    return 0;
  return (self->in != NULL && is_half_ready (&self->input) ? KAA_POLL_IN : 0) |
         (self->out != NULL && is_half_ready (&self->output) ? KAA_POLL_OUT : 0);
}

static void
stream_transport_set_wanted (KaaTransport *transport,
                             KaaPollFlags  wanted)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;

  if (self->in != NULL && (wanted & KAA_POLL_IN))
    kaa_stream_wait_for (self, &self->input);
  else
    kaa_stream_stop_waiting (&self->input);

  if (self->out != NULL && (wanted & KAA_POLL_OUT))
    kaa_stream_wait_for (self, &self->output);
  else
    kaa_stream_stop_waiting (&self->output);
}

/* --- ends --- */

static void
shutdown_done (GObject      *stream,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, NULL);
  kaa_stream_call_done (user_data);
}

static void
close_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  KaaStreamCall *call = user_data;

  kaa_stream_closed (stream, result, NULL);
  if (call->owner != NULL)
    {
      call->owner->closed = TRUE;
      if (call->owner->wrapper != NULL)
        kaa_stream_close (call->owner->wrapper);
    }
  kaa_stream_call_done (call);
}

static gboolean
stream_transport_is_drained (KaaTransport *transport,
                             GError      **error)
{
  return FALSE;
}

static gsize
stream_transport_get_unread (KaaTransport *transport)
{
  GSocket *socket = kaa_stream_find_socket (transport->stream);

  return socket != NULL ? kaa_sys_get_unread (g_socket_get_fd (socket)) : 0;
}

/* TLS can say that nothing more will come, and still be read. */
static gboolean
stream_transport_shutdown (KaaTransport *transport,
                           GError      **error)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GMainContext *pushed;

  if (!G_IS_TLS_CONNECTION (transport->stream))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "A %s cannot be closed in one direction only; close the channel instead",
                   G_OBJECT_TYPE_NAME (transport->stream));
      return FALSE;
    }

  if (self->ending == NULL)
    {
      self->ending = kaa_stream_call_new (self);
      pushed = kaa_stream_push_context (self);
      g_output_stream_close_async (self->out, G_PRIORITY_DEFAULT, self->ending->cancellable,
                                   shutdown_done, self->ending);
      kaa_stream_pop_context (pushed);
    }
  return TRUE;
}

static gboolean
stream_transport_finish (KaaTransport *transport,
                         gboolean      close_fd)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GMainContext *pushed;

  self->finishing = TRUE;
  kaa_stream_stop_waiting (&self->input);
  kaa_stream_stop_waiting (&self->output);
  if (kaa_stream_call_is_running (self->input.call))
    g_cancellable_cancel (self->input.call->cancellable);
  if (kaa_stream_call_is_running (self->input.call) || kaa_stream_call_is_running (self->output.call) || kaa_stream_call_is_running (self->ending))
    return FALSE;
  if (!(close_fd || self->owned) || self->closed)
    return TRUE;

  g_clear_pointer (&self->ending, kaa_stream_call_free);
  self->ending = kaa_stream_call_new (self);
  pushed = kaa_stream_push_context (self);
  kaa_stream_begin_close (transport->stream, close_done, self->ending);
  kaa_stream_pop_context (pushed);
  return FALSE;
}

static gboolean
stream_transport_start (KaaTransport *transport,
                        KaaPollEntry *entry,
                        GError      **error)
{
  ((KaaStreamTransport *) transport)->entry = entry;
  /* What was done meanwhile was reported to the entry before, and its sources have gone. */
  kaa_poll_entry_schedule (entry);
  return TRUE;
}

static void
stream_transport_stop (KaaTransport *transport)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;

  kaa_stream_stop_waiting (&self->input);
  kaa_stream_stop_waiting (&self->output);
  self->entry = NULL;
}

static gboolean
stream_transport_can_move (KaaTransport  *transport,
                           GError       **error)
{
  GObject *stream = transport->stream;
  gboolean closed;

  if (G_IS_IO_STREAM (stream))
    closed = g_io_stream_is_closed (G_IO_STREAM (stream));
  else if (G_IS_INPUT_STREAM (stream))
    closed = g_input_stream_is_closed (G_INPUT_STREAM (stream));
  else
    closed = g_output_stream_is_closed (G_OUTPUT_STREAM (stream));

  if (closed)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The stream is closed already");
  return !closed;
}

static void
stream_transport_move (KaaTransport *transport,
                       KaaPollEntry *entry,
                       KaaPollFlags  mode)
{
  stream_transport_stop (transport);
  stream_transport_start (transport, entry, NULL);
}

static void
stream_transport_close (KaaTransport *transport,
                        gboolean      close_fd,
                        gboolean      forked)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GObject *to_close = (close_fd || self->owned) && !self->closed ? transport->stream : NULL;
  gboolean left;

  if (forked)
    {
      GSocket *socket = to_close != NULL ? kaa_stream_find_socket (to_close) : NULL;

      /* The streams are the parent's, in whatever state they are: only the number is closed. */
      if (socket != NULL)
        kaa_sys_close (g_socket_get_fd (socket));
      return;
    }

  if (to_close != NULL)
    kaa_stream_cut (to_close);

  left = kaa_stream_call_abandon (self->input.call, to_close);
  left |= kaa_stream_call_abandon (self->output.call, to_close);
  left |= kaa_stream_call_abandon (self->ending, to_close);
  if (to_close != NULL && !left)
    kaa_stream_begin_close (to_close, kaa_stream_closed, NULL);

  g_clear_pointer (&self->retry, g_bytes_unref);
  g_clear_object (&self->in);
  g_clear_object (&self->out);
  g_clear_object (&self->wrapper);
  g_clear_object (&transport->stream);
  g_free (self);
}

static const KaaTransportClass stream_transport_class = {
  .read = kaa_stream_transport_read,
  .write = kaa_stream_transport_write,
  .get_ready = stream_transport_get_ready,
  .set_wanted = stream_transport_set_wanted,
  .is_drained = stream_transport_is_drained,
  .get_unread = stream_transport_get_unread,
  .get_in_flight = kaa_stream_transport_get_in_flight,
  .shutdown = stream_transport_shutdown,
  .finish = stream_transport_finish,
  .start = stream_transport_start,
  .stop = stream_transport_stop,
  .can_move = stream_transport_can_move,
  .move = stream_transport_move,
  .close = stream_transport_close,
};

KaaTransport *
kaa_stream_transport_new (GObject       *stream,
                          GInputStream  *input,
                          GOutputStream *output)
{
  KaaStreamTransport *self = g_new0 (KaaStreamTransport, 1);

  /* Closing the wrapper would close the socket below the TLS connection, without a word to the other side. */
  if (G_IS_TCP_WRAPPER_CONNECTION (stream))
    {
      self->wrapper = g_object_ref (stream);
      stream = G_OBJECT (g_tcp_wrapper_connection_get_base_io_stream (G_TCP_WRAPPER_CONNECTION (stream)));
    }

  self->parent.klass = &stream_transport_class;
  self->parent.fd = -1;
  /* Like a socket it can be half-closed, and closing it with input unread would throw away what was flushed. */
  self->parent.kind = G_IS_TLS_CONNECTION (stream) ? KAA_FD_SOCKET : KAA_FD_OTHER;
  self->parent.stream = g_object_ref (stream);
  self->input.transport = self->output.transport = self;
  self->input.ready = self->output.ready = TRUE;

  if (input != NULL)
    {
      self->in = g_object_ref (input);
      self->input.pollable = G_IS_POLLABLE_INPUT_STREAM (input) &&
                             g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (input));
    }
  if (output != NULL)
    {
      self->out = g_object_ref (output);
      self->output.pollable = G_IS_POLLABLE_OUTPUT_STREAM (output) &&
                              g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (output));
      self->flushes = G_OUTPUT_STREAM_GET_CLASS (output)->flush != NULL;
      self->guarded = kaa_stream_find_socket (stream) == NULL;
    }

  return &self->parent;
}

void
kaa_stream_transport_own (KaaTransport *transport)
{
  ((KaaStreamTransport *) transport)->owned = TRUE;
}

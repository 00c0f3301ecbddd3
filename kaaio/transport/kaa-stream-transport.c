/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport for GIO streams that have no descriptor of their own: TLS, converters, memory, buffers.
 *
 * A pollable stream is tried, and where it would block a source tells when to try again; there is no source while
 * nobody waits. The first try needs none: a TLS client that only reads has to begin the handshake. What is not pollable
 * is read and written by asynchronous calls, one at a time in each direction: a call starts one and says AGAIN, and
 * made again finds the result.
 */

#include "transport/kaa-transport.h"

#include <string.h>

/* For one call; also what a stream that would block is given again. */
#define MAX_CALL (64 * 1024)
/* Shorter pieces are put together: each call on a TLS stream makes a record. */
#define MIN_PIECE (16 * 1024)

typedef struct _KaaStreamTransport KaaStreamTransport;

/* An asynchronous call, under way or done. It outlives a transport that does not wait for it. */
typedef struct
{
  KaaStreamTransport *owner; /* NULL once the transport has gone */
  GObject *to_close;         /* owned: what that one has left to be closed behind the call */
  GCancellable *cancellable;
  GBytes *bytes;             /* read and not taken, or being written */
  GError *error;
  gssize written;
  gboolean done;
} Call;

typedef struct
{
  KaaStreamTransport *transport;
  GSource *source;   /* while waiting for readiness */
  Call *call;        /* a read, a write or a flush */
  guint8 pollable : 1;
  guint8 ready : 1;  /* a pollable stream is worth trying */
} Half;

struct _KaaStreamTransport
{
  KaaTransport parent;
  KaaPollEntry *entry;
  GInputStream *in;
  GOutputStream *out;
  Half input;
  Half output;
  Call *ending;      /* a half-close, then the close */
  GBytes *retry;     /* a stream that would block wants the same bytes again */
  gsize flushing;    /* bytes that were taken, and wait for the flush under way */
  GObject *wrapper;  /* of a TLS connection that GSocketClient made */
  guint8 flushes : 1;
  guint8 guarded : 1; /* a pipe may be at the bottom of it: writing may raise SIGPIPE */
  guint8 finishing : 1; /* the streams are not ours to touch any more: a thread may be closing them */
  guint8 closed : 1;
  guint8 owned : 1;  /* closed in any case */
};

/* --- what is below --- */

/* The socket at the bottom, NULL if there is none. */
static GSocket *
find_socket (GObject *stream)
{
  while (G_IS_TLS_CONNECTION (stream))
    {
      GIOStream *base = NULL;

      g_object_get (stream, "base-io-stream", &base, NULL);
      if (base == NULL)
        return NULL;
      stream = G_OBJECT (base);
      /* The connection above keeps it. */
      g_object_unref (base);
    }

  return G_IS_SOCKET_CONNECTION (stream) ? g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)) : NULL;
}

void
kaa_stream_close (GObject *stream)
{
  GError *error = NULL;

  if (G_IS_SOCKET (stream))
    {
      g_socket_close (G_SOCKET (stream), &error);
    }
  else if (G_IS_IO_STREAM (stream))
    {
      /* A connection that is to disconnect gracefully would wait for the other side, which has been done already. */
      GCancellable *cancelled = G_IS_SOCKET_CONNECTION (stream) ? g_cancellable_new () : NULL;

      if (cancelled != NULL)
        g_cancellable_cancel (cancelled);
      g_io_stream_close (G_IO_STREAM (stream), cancelled, &error);
      g_clear_object (&cancelled);
    }
  else if (G_IS_INPUT_STREAM (stream))
    {
      g_input_stream_close (G_INPUT_STREAM (stream), NULL, &error);
    }
  else
    {
      g_output_stream_close (G_OUTPUT_STREAM (stream), NULL, &error);
    }

  if (error != NULL)
    {
      g_debug ("Closing a %s failed: %s", G_OBJECT_TYPE_NAME (stream), error->message);
      g_error_free (error);
    }
}

void
kaa_transport_close_fd (int              fd,
                        const KaaFdInfo *info,
                        GObject         *stream)
{
  if (!kaa_sys_is_same (fd, info))
    return;

  if (stream != NULL)
    kaa_stream_close (stream);
  else
    kaa_sys_close (fd);
}

/* --- asynchronous calls --- */

/* What GIO starts answers in the context that is the default of the thread then. NULL: it is that one already. */
static GMainContext *
push_context (KaaStreamTransport *self)
{
  GMainContext *context = kaa_poller_dup_context (self->entry->poller);
  GMainContext *current = g_main_context_get_thread_default ();

  if (context != NULL && context != (current != NULL ? current : g_main_context_default ()))
    {
      g_main_context_push_thread_default (context);
      return context;
    }

  g_clear_pointer (&context, g_main_context_unref);
  return NULL;
}

static void
pop_context (GMainContext *context)
{
  if (context != NULL)
    {
      g_main_context_pop_thread_default (context);
      g_main_context_unref (context);
    }
}

static Call *
call_new (KaaStreamTransport *self)
{
  Call *call = g_new0 (Call, 1);

  call->owner = self;
  call->cancellable = g_cancellable_new ();
  return call;
}

static void
call_free (Call *call)
{
  g_clear_object (&call->to_close);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->bytes, g_bytes_unref);
  g_clear_error (&call->error);
  g_free (call);
}

static void
closed_behind (GObject      *stream,
               GAsyncResult *result,
               gpointer      user_data)
{
  if (G_IS_IO_STREAM (stream))
    g_io_stream_close_finish (G_IO_STREAM (stream), result, NULL);
  else if (G_IS_INPUT_STREAM (stream))
    g_input_stream_close_finish (G_INPUT_STREAM (stream), result, NULL);
  else
    g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, NULL);
}

static void
begin_close (GObject             *stream,
             GAsyncReadyCallback  callback,
             gpointer             user_data)
{
  if (G_IS_IO_STREAM (stream))
    g_io_stream_close_async (G_IO_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
  else if (G_IS_INPUT_STREAM (stream))
    g_input_stream_close_async (G_INPUT_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
  else
    g_output_stream_close_async (G_OUTPUT_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
}

/* The call is done. Another one may still be under way: then closing is up to that one. */
static void
call_done (Call *call)
{
  call->done = TRUE;
  if (call->owner == NULL)
    {
      if (call->to_close != NULL)
        begin_close (call->to_close, closed_behind, NULL);
      call_free (call);
    }
  else if (call->owner->entry != NULL)
    {
      kaa_poll_entry_schedule (call->owner->entry);
    }
}

static void
read_done (GObject      *stream,
           GAsyncResult *result,
           gpointer      user_data)
{
  Call *call = user_data;

  call->bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (stream), result, &call->error);
  call_done (call);
}

static void
write_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  Call *call = user_data;

  call->written = g_output_stream_write_bytes_finish (G_OUTPUT_STREAM (stream), result, &call->error);
  call_done (call);
}

static void
flush_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  Call *call = user_data;

  g_output_stream_flush_finish (G_OUTPUT_STREAM (stream), result, &call->error);
  call_done (call);
}

static void
shutdown_done (GObject      *stream,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, NULL);
  call_done (user_data);
}

static void
close_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      user_data)
{
  Call *call = user_data;

  closed_behind (stream, result, NULL);
  if (call->owner != NULL)
    {
      call->owner->closed = TRUE;
      if (call->owner->wrapper != NULL)
        kaa_stream_close (call->owner->wrapper);
    }
  call_done (call);
}

static gboolean
is_running (const Call *call)
{
  return call != NULL && !call->done;
}

/* --- readiness --- */

static void
stop_waiting (Half *half)
{
  if (half->source != NULL)
    {
      g_source_destroy (half->source);
      g_clear_pointer (&half->source, g_source_unref);
    }
}

static gboolean
half_is_ready (GObject  *stream,
               gpointer  user_data)
{
  Half *half = user_data;

  half->ready = TRUE;
  g_clear_pointer (&half->source, g_source_unref);
  kaa_poll_entry_schedule (half->transport->entry);
  return G_SOURCE_REMOVE;
}

static void
wait_for (KaaStreamTransport *self,
          Half               *half)
{
  GMainContext *context;

  if (half->source != NULL || half->ready || !half->pollable || self->finishing || self->entry == NULL)
    return;
  context = kaa_poller_dup_context (self->entry->poller);
  if (context == NULL)
    return;

  if (half == &self->input)
    half->source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (self->in), NULL);
  else
    half->source = g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (self->out), NULL);
  g_source_set_callback (half->source, G_SOURCE_FUNC (half_is_ready), half, NULL);
  g_source_set_priority (half->source, kaa_poller_get_priority (self->entry->poller));
  g_source_set_can_recurse (half->source, TRUE);
  g_source_attach (half->source, context);
  g_main_context_unref (context);
}

static gboolean
is_half_ready (const Half *half)
{
  return half->pollable && half->call == NULL ? half->ready : !is_running (half->call);
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
    wait_for (self, &self->input);
  else
    stop_waiting (&self->input);

  if (self->out != NULL && (wanted & KAA_POLL_OUT))
    wait_for (self, &self->output);
  else
    stop_waiting (&self->output);
}

/* --- reading --- */

static gssize
failed (GError  *local, /* taken */
        GError **error)
{
  gboolean refused = g_error_matches (local, G_IO_ERROR, G_IO_ERROR_NO_SPACE);

  g_propagate_error (error, local);
  return refused ? KAA_TRANSPORT_REFUSED : KAA_TRANSPORT_FAILED;
}

static gssize
read_pollable (KaaStreamTransport  *self,
               guint8              *buffer,
               gsize                length,
               GError             **error)
{
  GMainContext *pushed = push_context (self);
  GError *local = NULL;
  gssize n;

  n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (self->in), buffer, length, NULL, &local);
  pop_context (pushed);
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
take_read (KaaStreamTransport  *self,
           guint8              *buffer,
           gsize                length,
           GError             **error)
{
  Call *call = self->input.call;
  const guint8 *data;
  gsize size, n;

  if (call->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&call->error));
      g_clear_pointer (&self->input.call, call_free);
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
      g_clear_pointer (&self->input.call, call_free);
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
  return MIN (length, available > 0 ? available : MAX_CALL);
}

static gssize
stream_transport_read (KaaTransport  *transport,
                       guint8        *buffer,
                       gsize          length,
                       GError       **error)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GMainContext *pushed;

  if (self->input.pollable)
    return read_pollable (self, buffer, length, error);
  if (is_running (self->input.call))
    return KAA_TRANSPORT_AGAIN;
  if (self->input.call != NULL)
    return take_read (self, buffer, length, error);

  self->input.call = call_new (self);
  pushed = push_context (self);
  g_input_stream_read_bytes_async (self->in, limit_read (self, length), kaa_poller_get_priority (self->entry->poller),
                                   self->input.call->cancellable, read_done, self->input.call);
  pop_context (pushed);
  return KAA_TRANSPORT_AGAIN;
}

/* --- writing --- */

static gsize
gather (guint8             *to,
        gsize               max,
        const struct iovec *vectors,
        int                 n_vectors)
{
  gsize n = 0;

  for (int i = 0; i < n_vectors && n < max; i++)
    {
      gsize part = MIN (max - n, vectors[i].iov_len);

      memcpy (to + n, vectors[i].iov_base, part);
      n += part;
    }
  return n;
}

static gsize
get_length (const struct iovec *vectors,
            int                 n_vectors)
{
  gsize n = 0;

  for (int i = 0; i < n_vectors; i++)
    n += vectors[i].iov_len;
  return n;
}

static void
begin_flush (KaaStreamTransport *self,
             gsize               length)
{
  GMainContext *pushed;

  self->output.call = call_new (self);
  self->flushing = length;
  pushed = push_context (self);
  g_output_stream_flush_async (self->out, kaa_poller_get_priority (self->entry->poller),
                               self->output.call->cancellable, flush_done, self->output.call);
  pop_context (pushed);
}

static gssize
write_pollable (KaaStreamTransport  *self,
                const struct iovec  *vectors,
                int                  n_vectors,
                GError             **error)
{
  guint8 buffer[MIN_PIECE];
  KaaSigpipeGuard guard;
  const void *data = vectors[0].iov_base;
  gsize length = MIN (vectors[0].iov_len, MAX_CALL);
  GMainContext *pushed;
  GError *local = NULL;
  gssize n;

  if (self->retry != NULL)
    {
      data = g_bytes_get_data (self->retry, &length);
    }
  else if (n_vectors > 1 && length < MIN_PIECE)
    {
      length = gather (buffer, sizeof buffer, vectors, n_vectors);
      data = buffer;
    }

  pushed = push_context (self);
  if (self->guarded)
    kaa_sys_block_sigpipe (&guard);
  n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (self->out), data, length, NULL, &local);
  if (self->guarded)
    kaa_sys_restore_sigpipe (&guard, n < 0);
  pop_context (pushed);

  if (n < 0 && g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_error_free (local);
      if (self->retry == NULL)
        self->retry = g_bytes_new (data, length);
      self->output.ready = FALSE;
      wait_for (self, &self->output);
      return KAA_TRANSPORT_AGAIN;
    }

  g_clear_pointer (&self->retry, g_bytes_unref);
  return n >= 0 ? n : failed (local, error);
}

/* What the last asynchronous call came to. */
static gssize
take_written (KaaStreamTransport  *self,
              GError             **error)
{
  Call *call = g_steal_pointer (&self->output.call);
  GError *local = g_steal_pointer (&call->error);
  gssize written = self->flushing > 0 ? (gssize) self->flushing : call->written;

  self->flushing = 0;
  call_free (call);
  return local == NULL ? written : failed (local, error);
}

static void
begin_write (KaaStreamTransport *self,
             const struct iovec *vectors,
             int                 n_vectors)
{
  gsize length = MIN (get_length (vectors, n_vectors), MAX_CALL);
  guint8 *data = g_malloc (length);
  Call *call = call_new (self);
  GMainContext *pushed;

  gather (data, length, vectors, n_vectors);
  call->bytes = g_bytes_new_take (data, length);
  self->output.call = call;
  pushed = push_context (self);
  g_output_stream_write_bytes_async (self->out, call->bytes, kaa_poller_get_priority (self->entry->poller),
                                     call->cancellable, write_done, call);
  pop_context (pushed);
}

static gssize
stream_transport_write (KaaTransport        *transport,
                        const struct iovec  *vectors,
                        int                  n_vectors,
                        GError             **error)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  gboolean flushed = self->flushing > 0;
  gssize n;

  if (is_running (self->output.call))
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
  if (self->flushes && !flushed && n > 0 && (gsize) n == get_length (vectors, n_vectors))
    {
      begin_flush (self, n);
      return KAA_TRANSPORT_AGAIN;
    }
  return n;
}

static gsize
stream_transport_get_in_flight (KaaTransport *transport)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;

  if (self->retry != NULL)
    return g_bytes_get_size (self->retry);
  if (self->output.call != NULL && self->output.call->bytes != NULL)
    return g_bytes_get_size (self->output.call->bytes);
  return self->flushing;
}

/* --- ends --- */

static gboolean
stream_transport_is_drained (KaaTransport  *transport,
                             GError       **error)
{
  return FALSE;
}

static gsize
stream_transport_get_unread (KaaTransport *transport)
{
  GSocket *socket = find_socket (transport->stream);

  return socket != NULL ? kaa_sys_get_unread (g_socket_get_fd (socket)) : 0;
}

/* TLS can say that nothing more will come, and still be read. */
static gboolean
stream_transport_shutdown (KaaTransport  *transport,
                           GError       **error)
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
      self->ending = call_new (self);
      pushed = push_context (self);
      g_output_stream_close_async (self->out, G_PRIORITY_DEFAULT, self->ending->cancellable,
                                   shutdown_done, self->ending);
      pop_context (pushed);
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
  stop_waiting (&self->input);
  stop_waiting (&self->output);
  if (is_running (self->input.call))
    g_cancellable_cancel (self->input.call->cancellable);
  if (is_running (self->input.call) || is_running (self->output.call) || is_running (self->ending))
    return FALSE;
  if (!(close_fd || self->owned) || self->closed)
    return TRUE;

  g_clear_pointer (&self->ending, call_free);
  self->ending = call_new (self);
  pushed = push_context (self);
  begin_close (transport->stream, close_done, self->ending);
  pop_context (pushed);
  return FALSE;
}

static gboolean
stream_transport_start (KaaTransport  *transport,
                        KaaPollEntry  *entry,
                        GError       **error)
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

  stop_waiting (&self->input);
  stop_waiting (&self->output);
  self->entry = NULL;
}

/* Leaves a call that is under way to itself. TRUE if the stream will be closed behind it. */
static gboolean
abandon (Call     *call,
         GObject  *to_close)
{
  if (call == NULL)
    return FALSE;

  if (call->done)
    {
      call_free (call);
      return FALSE;
    }

  call->owner = NULL;
  call->to_close = to_close != NULL ? g_object_ref (to_close) : NULL;
  g_cancellable_cancel (call->cancellable);
  return to_close != NULL;
}

static void
stream_transport_close (KaaTransport *transport,
                        gboolean      close_fd,
                        gboolean      forked)
{
  KaaStreamTransport *self = (KaaStreamTransport *) transport;
  GObject *to_close = (close_fd || self->owned) && !self->closed ? transport->stream : NULL;
  GSocket *socket = to_close != NULL ? find_socket (to_close) : NULL;
  gboolean left;

  if (forked)
    {
      /* The streams are the parent's, in whatever state they are: only the number is closed. */
      if (socket != NULL)
        kaa_sys_close (g_socket_get_fd (socket));
      return;
    }

  /* Whoever waits for the other side in another thread, such as a handshake, is not to go on with that. */
  if (socket != NULL)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);

  left = abandon (self->input.call, to_close);
  left |= abandon (self->output.call, to_close);
  left |= abandon (self->ending, to_close);
  if (to_close != NULL && !left)
    begin_close (to_close, closed_behind, NULL);

  g_clear_pointer (&self->retry, g_bytes_unref);
  g_clear_object (&self->in);
  g_clear_object (&self->out);
  g_clear_object (&self->wrapper);
  g_clear_object (&transport->stream);
  g_free (self);
}

static const KaaTransportClass stream_transport_class = {
  .read = stream_transport_read,
  .write = stream_transport_write,
  .get_ready = stream_transport_get_ready,
  .set_wanted = stream_transport_set_wanted,
  .is_drained = stream_transport_is_drained,
  .get_unread = stream_transport_get_unread,
  .get_in_flight = stream_transport_get_in_flight,
  .shutdown = stream_transport_shutdown,
  .finish = stream_transport_finish,
  .start = stream_transport_start,
  .stop = stream_transport_stop,
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
      self->guarded = find_socket (stream) == NULL;
    }

  return &self->parent;
}

void
kaa_stream_transport_own (KaaTransport *transport)
{
  ((KaaStreamTransport *) transport)->owned = TRUE;
}

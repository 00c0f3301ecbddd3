/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS on a connection that is there already, at once or in mid-stream (STARTTLS).
 *
 * From the call on a gate stands in for the connection: what was queued before goes out as it is, nothing more is
 * read, and all that is asked for and written from then on waits. When the gate is empty the two sides agree on TLS, and the
 * TLS connection takes the place of the gate. There is no moment at which a byte could pass on the wrong side.
 */

#include "ends/kaa-socket-private.h"

#include "ends/kaa-prefixed-input.h"

#include <errno.h>
#include <fcntl.h>

struct _KaaHandshake
{
  KaaTask task;
  grefcount ref_count;      /* the gate's, the task's or GIO's */
  KaaSocket *socket;        /* referenced by the future, as long as that is pending */
  KaaInProgress *future;    /* NULL once it is over */
  GIOStream *base;          /* what TLS goes over */
  KaaPrefixedInput *input;  /* its input, where TLS has begun already; or NULL */
  GTlsConnection *connection;
  GCancellable *cancellable;
  guint owned : 1;          /* the base was made for this */
  guint running : 1;        /* a thread uses the base */
  guint agreed : 1;         /* the channel has the connection */
  guint close_base : 1;     /* as soon as no thread uses it */
};

static void
handshake_unref (KaaHandshake *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->connection);
  g_object_unref (self->base);
  g_clear_object (&self->input);
  g_object_unref (self->cancellable);
  g_free (self);
}

/* It is over. The future, which the caller settles; NULL if that has happened. */
static KaaInProgress *
finish (KaaHandshake *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);

  if (future != NULL)
    kaa_socket_get_private (self->socket)->handshake = NULL;
  return future;
}

/* Others may hold the connection, but nothing comes of it any more. */
static void
close_base (KaaHandshake *self)
{
  if (self->close_base && !self->running)
    kaa_stream_close (G_OBJECT (self->base));
}

static void
fail (KaaHandshake *self,
      GError       *error) /* taken */
{
  KaaIOChannel *channel = g_object_ref (KAA_IO_CHANNEL (self->socket));
  /* It may hold the last reference but ours. */
  KaaInProgress *future = finish (self);

  kaa_channel_close_with_error (channel, g_error_copy (error));
  kaa_in_progress_settle_error (future, error, FALSE);
  g_object_unref (future);
  g_object_unref (channel);
}

/* --- the gate --- */

static GError *
new_closed_error (KaaSocket *socket)
{
  const GError *why = kaa_channel_get_private (KAA_IO_CHANNEL (socket))->writing->end_error;

  if (why != NULL)
    return g_error_copy (why);
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The socket was closed before the two sides agreed on TLS");
}

/* The gate goes, because the channel is closed, or because the connection has taken its place. */
static void
gate_closed (gpointer data)
{
  KaaHandshake *self = data;
  KaaInProgress *future = self->future;

  if (!self->agreed)
    {
      self->close_base = self->owned || kaa_io_channel_get_close_fd (KAA_IO_CHANNEL (self->socket));
      g_cancellable_cancel (self->cancellable);
      close_base (self);
    }
  if (future != NULL)
    {
      kaa_in_progress_settle_error (future, new_closed_error (self->socket), FALSE);
      g_object_unref (finish (self));
    }
  handshake_unref (self);
}

static void shake_hands (KaaTask  *task,
                         gboolean  context_gone);

/* From the loop: until then the caller can say how the connection shall be. */
static void
gate_passed (gpointer data)
{
  KaaHandshake *self = data;

  g_ref_count_inc (&self->ref_count);
  self->task.func = shake_hands;
  kaa_poller_defer (kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller, &self->task);
}

static const KaaGateFuncs gate_funcs = {
  .passed = gate_passed,
  .closed = gate_closed,
};

/* --- the handshake --- */

static void
agreed (KaaHandshake *self)
{
  KaaIOChannel *channel = g_object_ref (KAA_IO_CHANNEL (self->socket));
  KaaIOChannelPrivate *priv = kaa_channel_get_private (channel);
  GIOStream *stream = G_IO_STREAM (self->connection);
  KaaTransport *transport, *gate;
  KaaInProgress *future;

  transport = kaa_stream_transport_new (G_OBJECT (stream), g_io_stream_get_input_stream (stream),
                                        g_io_stream_get_output_stream (stream));
  if (self->owned)
    kaa_stream_transport_own (transport);
  transport->fd = priv->input->fd;

  self->agreed = TRUE;
  future = finish (self);
  transport = kaa_channel_filter_transport (channel, transport);
  gate = kaa_channel_exchange_transports (channel, transport, transport, NULL);
  gate->klass->stop (gate);
  gate->klass->close (gate, priv->close_fd, /* forked= */ FALSE);
  kaa_in_progress_settle_boolean (future, TRUE, FALSE);
  g_object_unref (future);
  g_object_unref (channel);
}

static void
hands_shaken (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  KaaHandshake *self = data;
  GError *error = NULL;
  gboolean done = g_tls_connection_handshake_finish (G_TLS_CONNECTION (source), result, &error);

  self->running = FALSE;
  if (self->future == NULL)
    {
      close_base (self);
      g_clear_error (&error);
    }
  else if (done)
    {
      agreed (self);
    }
  else
    {
      fail (self, error);
    }
  handshake_unref (self);
}

static void
shake_hands (KaaTask  *task,
             gboolean  context_gone)
{
  KaaHandshake *self = (KaaHandshake *) task;
  GMainContext *context;
  KaaPoller *poller;

  if (self->future == NULL || context_gone)
    {
      handshake_unref (self);
      return;
    }

  poller = kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller;
  context = kaa_poller_dup_context (poller);
  self->running = TRUE;
  g_main_context_push_thread_default (context);
  g_tls_connection_handshake_async (self->connection, kaa_poller_get_priority (poller), self->cancellable, hands_shaken, self);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
}

static gboolean
handshake_abort (KaaInProgress  *future,
                 gpointer        operation,
                 const GError   *reason,
                 GError        **error)
{
  KaaHandshake *self = operation;
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->socket);

  /* The caller holds a reference of its own. */
  g_object_unref (finish (self));
  kaa_channel_close_now (channel, /* expected= */ TRUE);
  return TRUE;
}

static const KaaOperationFuncs handshake_funcs = {
  .abort = handshake_abort,
};

/* --- what has to be there --- */

/* What came before TLS may be an attacker's: it is neither lost nor mixed up with what is protected. */
static gboolean
check_input (KaaIOChannel  *channel,
             GError       **error)
{
  gsize length;

  if (!kaa_channel_gather_input (channel, &length, error))
    return FALSE;
  if (length > 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "%" G_GSIZE_FORMAT " bytes came before TLS was started, unprotected; they can still be read, but "
                   "they may be an attacker's, so better close the connection", length);
      return FALSE;
    }
  return TRUE;
}

/* The caller says that what came already is protected: then all of it has to be in the queue, as it came. */
static gboolean
check_buffered (KaaIOChannel  *channel,
                GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (channel);
  gsize length;

  if (!kaa_channel_gather_input (channel, &length, error))
    return FALSE;
  if (priv->reading->chunks != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                           "A handler of read has not had all of the bytes yet; start TLS when it has");
      return FALSE;
    }
  if (priv->filtered && length > 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "What was read went through the channel's own read_nonblocking(), so it is not what came");
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_connection (KaaIOChannel  *channel,
                  GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (channel);
  KaaTransport *plain = priv->input != NULL ? kaa_filter_transport_get_inner (priv->input) : NULL;
  const char *why = NULL;
  GIOErrorEnum code = G_IO_ERROR_NOT_SUPPORTED;

  if (plain == NULL || priv->input != priv->output || plain->fd < 0 || plain->kind != KAA_FD_SOCKET)
    {
      why = "TLS can be started on a socket that is read and written; make a GTlsConnection on other streams, and wrap that";
    }
  else if (priv->in_filter)
    {
      why = "The channel is just reading or writing";
      code = G_IO_ERROR_BUSY;
    }
  else if (priv->shut_down || priv->eof || priv->peer_gone)
    {
      why = "The connection is closed in one direction at least, and TLS needs both";
      code = G_IO_ERROR_CONNECTION_CLOSED;
    }
  else if (priv->filtered && kaa_channel_get_unwritten (priv) > 0)
    {
      /* Nobody knows how many bytes the subclass makes of them. */
      why = "Something is still to be written; flush first";
      code = G_IO_ERROR_PENDING;
    }

  if (why != NULL)
    g_set_error_literal (error, G_IO_ERROR, code, why);
  return why == NULL;
}

static gboolean
check (KaaSocket  *self,
       gboolean    buffered,
       GError    **error)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  if (!kaa_channel_check_openable (channel, error))
    return FALSE;
  if (kaa_socket_get_private (self)->handshake != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "TLS is being started already; wait for it");
      return FALSE;
    }
  if (!kaa_socket_is_connected (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                           "The socket is not connected; wait for connect_to() first");
      return FALSE;
    }
  if (kaa_socket_peek_tls (self) != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The connection uses TLS already");
      return FALSE;
    }
  return check_connection (channel, error) && (buffered ? check_buffered : check_input) (channel, error);
}

/* What TLS goes over. The stream that the channel was opened with, or one of its own: then nothing is lost where TLS cannot be had. */
static GIOStream *
new_base (KaaTransport  *plain,
          GError       **error)
{
  GSocketConnection *connection;
  GSocket *socket;
  int fd;

  if (G_IS_IO_STREAM (plain->stream))
    return g_object_ref (G_IO_STREAM (plain->stream));

  if (G_IS_SOCKET (plain->stream))
    {
      socket = g_object_ref (G_SOCKET (plain->stream));
    }
  else
    {
      fd = kaa_sys_dup (plain->fd);
      if (fd < 0)
        {
          g_propagate_error (error, kaa_transport_error (errno, "Duplicating", plain->fd));
          return NULL;
        }
      socket = g_socket_new_from_fd (fd, error);
      if (socket == NULL)
        {
          kaa_sys_close (fd);
          return NULL;
        }
    }

  connection = g_socket_connection_factory_create_connection (socket);
  g_object_unref (socket);
  return G_IO_STREAM (connection);
}

/* The same connection, but for an input that can begin with bytes at hand. */
static GIOStream *
prefix (GIOStream         *base, /* taken */
        KaaPrefixedInput **input)
{
  GIOStream *stream, *connection;

  *input = kaa_prefixed_input_new (g_io_stream_get_input_stream (base), G_OBJECT (base));
  stream = g_simple_io_stream_new (G_INPUT_STREAM (*input), g_io_stream_get_output_stream (base));
  if (G_IS_SOCKET_CONNECTION (base))
    {
      /* The socket below is found, asked and closed as ever. */
      connection = g_object_new (G_TYPE_TCP_WRAPPER_CONNECTION,
                                 "base-io-stream", stream,
                                 "socket", g_socket_connection_get_socket (G_SOCKET_CONNECTION (base)),
                                 NULL);
      g_object_unref (stream);
      stream = connection;
    }
  g_object_unref (base);
  return stream;
}

static GTlsConnection *
new_connection (KaaSocket           *self,
                GIOStream           *base,
                GSocketConnectable  *identity,
                GTlsCertificate     *certificate,
                GError             **error)
{
  GIOStream *connection;

  if (identity == NULL && certificate != NULL)
    return (GTlsConnection *) g_tls_server_connection_new (base, certificate, error);

  if (identity == NULL)
    identity = kaa_socket_get_private (self)->connected_to;
  if (identity == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "It is not known whose certificate the other side must have; say whose (as a client), or "
                           "give a certificate (as a server)");
      return NULL;
    }

  connection = g_tls_client_connection_new (base, identity, error);
  if (connection != NULL && certificate != NULL)
    g_tls_connection_set_certificate (G_TLS_CONNECTION (connection), certificate);
  return (GTlsConnection *) connection;
}

/* A socket of GIO has made non-blocking what others may share. */
static gboolean
is_blocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  return flags >= 0 && !(flags & O_NONBLOCK);
}

static void
block_again (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  if (flags >= 0)
    fcntl (fd, F_SETFL, flags & ~O_NONBLOCK);
}

static KaaHandshake *
handshake_new (KaaSocket           *socket,
               GSocketConnectable  *identity,
               GTlsCertificate     *certificate,
               gboolean             buffered,
               GError             **error)
{
  KaaPrefixedInput *input = NULL;
  KaaTransport *plain;
  GTlsConnection *connection;
  KaaHandshake *self;
  gboolean blocking;
  GIOStream *base;

  if (!check (socket, buffered, error))
    return NULL;

  plain = kaa_filter_transport_get_inner (kaa_channel_get_private (KAA_IO_CHANNEL (socket))->input);
  blocking = plain->stream == NULL && is_blocking (plain->fd);
  base = new_base (plain, error);
  if (base != NULL && buffered)
    base = prefix (base, &input);
  connection = base != NULL ? new_connection (socket, base, identity, certificate, error) : NULL;
  if (connection == NULL)
    {
      g_clear_object (&input);
      g_clear_object (&base);
      if (blocking)
        block_again (plain->fd);
      return NULL;
    }

  self = g_new0 (KaaHandshake, 1);
  g_ref_count_init (&self->ref_count);
  self->socket = socket;
  self->base = base;
  self->input = input;
  self->connection = connection;
  self->cancellable = g_cancellable_new ();
  self->owned = plain->stream == NULL;
  return self;
}

static void
close_gate (KaaHandshake *self)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->socket);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (channel);
  gsize length = kaa_channel_get_unwritten (priv);
  KaaTransport *plain = kaa_filter_transport_get_inner (priv->input);
  KaaTransport *gate = kaa_gate_transport_new (plain, length, &gate_funcs, self);

  if (self->owned)
    gate->fd = g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->base)));
  gate->stream = g_object_ref (G_OBJECT (self->connection));
  /* A handler of the notifications may close the channel. */
  g_ref_count_inc (&self->ref_count);
  gate = kaa_channel_filter_transport (channel, gate);
  kaa_channel_exchange_transports (channel, gate, gate, NULL);
  if (length == 0 && self->future != NULL)
    gate_passed (self);
  handshake_unref (self);
}

/* What belongs to TLS leaves the channel, and is the first that TLS reads. */
static void
hand_over (KaaHandshake *self,
           GBytes       *taken)
{
  GBytes *queued = kaa_channel_take_input (KAA_IO_CHANNEL (self->socket));

  if (taken != NULL)
    kaa_prefixed_input_add (self->input, taken);
  kaa_prefixed_input_add (self->input, queued);
  g_bytes_unref (queued);
}

static KaaInProgress *
start (KaaSocket          *self,
       GSocketConnectable *identity,
       GTlsCertificate    *certificate,
       gboolean            buffered,
       GBytes             *taken)
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));
  KaaHandshake *handshake;
  KaaInProgress *future;
  KaaPoller *poller;
  GError *error = NULL;

  handshake = handshake_new (self, identity, certificate, buffered, &error);
  if (handshake == NULL)
    {
      poller = kaa_poller_is_mine (channel->entry.poller) ? kaa_poller_ref (channel->entry.poller)
                                                          : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
      future = kaa_in_progress_new_operation (G_OBJECT (self), poller, &handshake_funcs, NULL);
      kaa_in_progress_settle_error (future, error, FALSE);
      kaa_poller_unref (poller);
      return future;
    }

  future = kaa_in_progress_new_operation (G_OBJECT (self), channel->entry.poller, &handshake_funcs, handshake);
  handshake->future = g_object_ref (future);
  kaa_socket_get_private (self)->handshake = handshake;
  if (buffered)
    hand_over (handshake, taken);
  close_gate (handshake);
  return future;
}

/**
 * kaa_socket_start_tls:
 * @self: a connected socket
 * @identity: (nullable): for a client: whose certificate the other side must have, such as a [class@Gio.NetworkAddress]
 * @certificate: (nullable): for a server: its certificate, with the private key
 *
 * Protects the connection with TLS, from now on: right after it was made, or in mid-stream (STARTTLS).
 *
 * | @identity | @certificate | the socket is |
 * |---|---|---|
 * | given | %NULL | a client |
 * | %NULL | %NULL | a client, of the host that was given to [method@Kaa.Socket.connect_to] |
 * | %NULL | given | a server |
 * | given | given | a client that has a certificate of its own |
 *
 * The handshake begins when the loop runs again. Until then [property@Kaa.Socket:tls-connection] can be told everything else:
 * a database of certificates, protocols (ALPN), a handler of [signal@Gio.TlsConnection::accept-certificate], whether a client
 * has to have a certificate.
 *
 * What was queued by [method@Kaa.IOChannel.write] before this call is written first, as it is, and cannot be aborted any more. What is written
 * later, and requests that are pending or made later, wait until the handshake is done: they write and read what is protected.
 *
 * Bytes that were read before, and not taken, came unprotected: perhaps an attacker put them there, to have them taken for protected ones.
 * Then it fails with `G_IO_ERROR_INVALID_DATA`, the number of bytes is in the message, and nothing has changed: they can be read. Where they
 * are known to be TLS already, [method@Kaa.Socket.start_tls_buffered] takes them.
 *
 * The other errors that leave everything as it was: `G_IO_ERROR_NOT_CONNECTED` if the socket is not connected,
 * `G_IO_ERROR_PENDING` if TLS is being started, `G_IO_ERROR_EXISTS` if it is in use, `G_IO_ERROR_CONNECTION_CLOSED` if one direction is
 * closed, `G_IO_ERROR_INVALID_ARGUMENT` if neither an identity is known nor a certificate, `G_IO_ERROR_NOT_SUPPORTED` if the channel is no
 * socket, and what GIO says where there is no TLS (`G_TLS_ERROR_UNAVAILABLE`).
 *
 * An error of the handshake (of the `G_TLS_ERROR` domain mostly, unchanged) closes the channel, as does aborting the future, so
 * [method@Kaa.InProgress.timeout] limits how long the other side may take; [property@Kaa.IOChannel:idle-timeout] does so too.
 *
 * A socket that is not the channel's ([property@Kaa.IOChannel:close-fd] is %FALSE) does not block any more from then on, for
 * everybody who shares it.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_socket_start_tls (KaaSocket          *self,
                      GSocketConnectable *identity,
                      GTlsCertificate    *certificate)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (identity == NULL || G_IS_SOCKET_CONNECTABLE (identity), NULL);
  g_return_val_if_fail (certificate == NULL || G_IS_TLS_CERTIFICATE (certificate), NULL);

  return start (self, identity, certificate, /* buffered= */ FALSE, NULL);
}

/**
 * kaa_socket_start_tls_buffered:
 * @self: a connected socket
 * @identity: (nullable): as for [method@Kaa.Socket.start_tls]
 * @certificate: (nullable): as for [method@Kaa.Socket.start_tls]
 * @taken: (nullable): bytes that were taken out of the channel, but belong to TLS
 *
 * Protects the connection with TLS, of which the beginning was read already: what the other side sent behind a line of the PROXY
 * protocol, say, in the same segment.
 *
 * TLS begins with @taken, goes on with all that is in the read queue (what [method@Kaa.IOChannel.peek] shows), and then with what comes.
 * Whoever reads lines or by count needs no @taken. It is for those who were given more than they wanted, as a handler of
 * [signal@Kaa.IOChannel::read] is.
 *
 * Only for protocols in which the other side begins with TLS by itself, at a place that is known. Where it has to be asked (STARTTLS), what
 * came before the answer is an attacker's: that is what [method@Kaa.Socket.start_tls] refuses. Bytes that are no TLS end in an error of
 * the handshake, which closes the channel.
 *
 * All else is as for [method@Kaa.Socket.start_tls]. It also fails with `G_IO_ERROR_BUSY`, and nothing has changed, where a handler of
 * [signal@Kaa.IOChannel::read] still has to be called with what was read, and with `G_IO_ERROR_NOT_SUPPORTED` where a subclass has
 * transformed what is in the queue.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_socket_start_tls_buffered (KaaSocket          *self,
                               GSocketConnectable *identity,
                               GTlsCertificate    *certificate,
                               GBytes             *taken)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (identity == NULL || G_IS_SOCKET_CONNECTABLE (identity), NULL);
  g_return_val_if_fail (certificate == NULL || G_IS_TLS_CERTIFICATE (certificate), NULL);

  return start (self, identity, certificate, /* buffered= */ TRUE, taken);
}

/**
 * kaa_socket_get_tls_connection: (get-property tls-connection)
 * @self: a socket
 *
 * What protects the connection: it tells about certificates, protocols, ciphers.
 *
 * Do not read, write or close it: the channel does.
 *
 * Returns: (transfer none) (nullable): the TLS connection, %NULL if there is none
 *
 * Since: 1.0
 */
GTlsConnection *
kaa_socket_get_tls_connection (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);

  return kaa_socket_peek_tls (self);
}

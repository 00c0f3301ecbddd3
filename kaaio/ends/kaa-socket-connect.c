/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connecting: GSocketClient looks up names and tries addresses; meanwhile the channel is open with a transport that
 * waits, so that requests and writes wait too, and close() gives up.
 *
 * Where the queue of who listens is full, TCP lets a client wait, and so does a unix socket that blocks. One that does not block is
 * told EAGAIN at once, and nothing tells when there is room: it is tried again, after pauses that grow.
 */

#include "ends/kaa-socket-private.h"

#include "future/kaa-alarm.h"

#include <errno.h>
#include <gio/gunixsocketaddress.h>

/* Seconds between two attempts where the queue is full: twice as long each time, up to the last. */
#define FIRST_PAUSE 0.001
#define LAST_PAUSE 0.1

struct _KaaConnecting
{
  grefcount ref_count;      /* the transport's, and GSocketClient's */
  KaaSocket *socket;        /* referenced by the future, as long as that is pending */
  KaaInProgress *future;    /* NULL once it is over */
  GSocketConnectable *connectable;
  GCancellable *cancellable;
  GSource *alarm;           /* all of it has taken too long */
  GSource *pause;           /* until the next attempt, where the queue is full */
  double pause_length;      /* seconds, of the last one; 0: there was none */
};

static void
connecting_unref (KaaConnecting *self)
{
  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->connectable);
  g_object_unref (self->cancellable);
  g_free (self);
}

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    {
      g_source_destroy (*source);
      g_clear_pointer (source, g_source_unref);
    }
}

/* It is over: whatever GSocketClient still says is not heard. The future, which the caller settles; NULL if that has happened. */
static KaaInProgress *
finish (KaaConnecting *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);

  clear_source (&self->alarm);
  clear_source (&self->pause);
  if (future != NULL)
    kaa_socket_get_private (self->socket)->connecting = NULL;
  return future;
}

static void
fail (KaaConnecting *self,
      GError        *error) /* taken */
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->socket);
  KaaInProgress *future;

  /* finish() lets go of the future, which may hold the last reference. */
  g_object_ref (channel);
  future = finish (self);
  kaa_channel_close_with_error (channel, g_error_copy (error));
  kaa_in_progress_settle_error (future, error, FALSE);
  g_object_unref (future);
  g_object_unref (channel);
}

/* The transport is closed, because the channel is: or because the connection has taken its place. */
static void
waiting_closed (gpointer data)
{
  KaaConnecting *self = data;
  KaaInProgress *future = finish (self);

  if (future != NULL)
    {
      g_cancellable_cancel (self->cancellable);
      kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                                 "The socket was closed before it was connected"), FALSE);
      g_object_unref (future);
    }
  connecting_unref (self);
}

static gboolean
connect_abort (KaaInProgress  *future,
               gpointer        operation,
               const GError   *reason,
               GError        **error)
{
  KaaConnecting *self = operation;
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->socket);

  g_cancellable_cancel (self->cancellable);
  /* The caller holds a reference of its own. */
  g_object_unref (finish (self));
  kaa_channel_close_now (channel, /* expected= */ TRUE);
  return TRUE;
}

static const KaaOperationFuncs connect_funcs = {
  .abort = connect_abort,
};

static gboolean
timed_out (gpointer data)
{
  KaaConnecting *self = data;

  g_ref_count_inc (&self->ref_count);
  g_cancellable_cancel (self->cancellable);
  fail (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                                   self->pause_length > 0
                                     ? "There was no connection within the connect-timeout: as many clients wait there as may"
                                     : "There was no connection within the connect-timeout"));
  connecting_unref (self);
  return G_SOURCE_REMOVE;
}

static void
start_alarm (KaaConnecting *self,
             double         seconds,
             GMainContext  *context)
{
  if (seconds <= 0)
    return;
  self->alarm = kaa_alarm_new (kaa_alarm_after (seconds));
  g_source_set_callback (self->alarm, timed_out, self, NULL);
  g_source_set_static_name (self->alarm, "kaa-connect-timeout");
  g_source_attach (self->alarm, context);
}

/* A descriptor of our own: GIO closes its one. */
static KaaTransport *
take_connection (KaaSocket          *socket,
                 GSocketConnection  *connection,
                 GError            **error)
{
  KaaTransport *transport;
  int fd;

  if (G_IS_TCP_WRAPPER_CONNECTION (connection))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "The proxy wants TLS for itself; use another proxy, or none for this address");
      return NULL;
    }

  fd = kaa_sys_dup (g_socket_get_fd (g_socket_connection_get_socket (connection)));
  if (fd < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Taking over the connection: %s", g_strerror (errno));
      return NULL;
    }

  kaa_socket_prepare (socket, fd);
  transport = kaa_channel_new_transport (KAA_IO_CHANNEL (socket), fd, NULL,
                                         KAA_IO_READ | KAA_IO_WRITE, error);
  if (transport == NULL)
    kaa_sys_close (fd);
  return transport;
}

static void
connected (KaaConnecting     *self,
           GSocketConnection *connection)
{
  KaaSocket *socket = self->socket;
  KaaTransport *transport, *waiting;
  KaaInProgress *future;
  GError *error = NULL;
  int fd;

  transport = take_connection (socket, connection, &error);
  if (transport == NULL)
    {
      fail (self, error);
      return;
    }

  fd = transport->fd;
  g_object_ref (socket);
  future = finish (self);
  waiting = kaa_channel_exchange_transports (KAA_IO_CHANNEL (socket), transport, transport, &error);
  if (waiting == NULL)
    {
      kaa_sys_close (fd);
      kaa_channel_close_with_error (KAA_IO_CHANNEL (socket), g_error_copy (error));
      kaa_in_progress_settle_error (future, error, FALSE);
    }
  else
    {
      waiting->klass->close (waiting, FALSE, FALSE);
      kaa_in_progress_settle_boolean (future, TRUE, FALSE);
    }
  g_object_unref (future);
  g_object_unref (socket);
}

static void start_attempt (KaaConnecting *self);

static gboolean
is_forked (const KaaConnecting *self)
{
  return kaa_poller_is_forked (kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller);
}

static gboolean
pause_over (gpointer data)
{
  KaaConnecting *self = data;

  g_clear_pointer (&self->pause, g_source_unref);
  if (!is_forked (self))
    start_attempt (self);
  return G_SOURCE_REMOVE;
}

/* FALSE where it makes no sense. */
static gboolean
try_again (KaaConnecting *self,
           const GError  *error)
{
  GMainContext *context;

  if (!G_IS_UNIX_SOCKET_ADDRESS (self->connectable) || !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return FALSE;
  context = kaa_poller_dup_context (kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller);
  if (context == NULL)
    return FALSE;

  self->pause_length = CLAMP (2 * self->pause_length, FIRST_PAUSE, LAST_PAUSE);
  self->pause = kaa_alarm_new (kaa_alarm_after (self->pause_length));
  g_source_set_callback (self->pause, pause_over, self, NULL);
  g_source_set_static_name (self->pause, "kaa-connect-pause");
  g_source_attach (self->pause, context);
  g_main_context_unref (context);
  return TRUE;
}

static void
client_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      data)
{
  KaaConnecting *self = data;
  GError *error = NULL;
  GSocketConnection *connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);

  /* It was under way when this process was forked: the connection is the parent's to make. */
  if (self->future == NULL || is_forked (self))
    g_clear_error (&error);
  else if (connection != NULL)
    connected (self, connection);
  else if (try_again (self, error))
    g_clear_error (&error);
  else
    fail (self, error);

  g_clear_object (&connection);
  connecting_unref (self);
}

static gboolean
check_connect (KaaSocket  *self,
               GError    **error)
{
  if (!kaa_channel_check_openable (KAA_IO_CHANNEL (self), error))
    return FALSE;
  if (kaa_socket_is_connecting (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                           "The socket is connecting already; wait for it, or abort it");
      return FALSE;
    }
  if (kaa_channel_is_alive (KAA_IO_CHANNEL (self)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The socket is open already; close it first");
      return FALSE;
    }
  return TRUE;
}

static void
start_attempt (KaaConnecting *self)
{
  GMainContext *context = kaa_poller_dup_context (kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller);
  GSocketClient *client = g_socket_client_new ();

  g_ref_count_inc (&self->ref_count);
  g_main_context_push_thread_default (context);
  g_socket_client_connect_async (client, self->connectable, self->cancellable, client_ready, self);
  g_main_context_pop_thread_default (context);
  g_object_unref (client);
  g_main_context_unref (context);
}

static void
start_connecting (KaaConnecting *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self->socket);
  GMainContext *context = kaa_poller_dup_context (kaa_channel_get_private (KAA_IO_CHANNEL (self->socket))->entry.poller);

  start_alarm (self, priv->connect_timeout, context);
  g_main_context_unref (context);
  start_attempt (self);
}

/**
 * kaa_socket_connect_to:
 * @self: a socket that is not open
 * @address: where to: see [class@Kaa.Socket] for the forms
 *
 * Connects. Names are looked up, and several addresses are tried, without blocking; a proxy is used where the system has one.
 *
 * Where a unix socket has as many clients waiting as its backlog allows, this one waits until there is room, as TCP and a blocking
 * connect(2) have it: until [property@Kaa.Socket:connect-timeout], if there is one.
 *
 * The errors are those of the system, unchanged: of the `G_RESOLVER_ERROR` domain for names, `G_IO_ERROR_CONNECTION_REFUSED`,
 * `G_IO_ERROR_NOT_FOUND` for a socket file or a network interface that does not exist, and so on; `G_IO_ERROR_TIMED_OUT` after
 * [property@Kaa.Socket:connect-timeout]; `G_IO_ERROR_CLOSED` when the socket is closed meanwhile;
 * `G_IO_ERROR_INVALID_ARGUMENT` for an @address that makes no sense; `G_IO_ERROR_PENDING` while it is connecting, and
 * `G_IO_ERROR_EXISTS` while it is open. A failed or aborted attempt closes the channel, which may be used again.
 *
 * Returns: (transfer full): a future that is finished with %TRUE
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_socket_connect_to (KaaSocket  *self,
                       const char *address)
{
  KaaIOChannelPrivate *channel;
  KaaSocketPrivate *priv;
  GSocketConnectable *connectable = NULL;
  KaaAddress parsed = { 0, };
  KaaConnecting *connecting;
  KaaTransport *waiting;
  KaaInProgress *future;
  KaaPoller *poller;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (address != NULL, NULL);

  priv = kaa_socket_get_private (self);
  channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));

  if (check_connect (self, &error) && kaa_address_parse (address, &parsed, &error))
    connectable = kaa_address_to_connectable (&parsed, &error);
  kaa_address_clear (&parsed);

  if (connectable == NULL)
    {
      poller = kaa_channel_is_mine (channel) ? kaa_poller_ref (channel->entry.poller)
                                                          : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
      future = kaa_in_progress_new_operation (G_OBJECT (self), poller, &connect_funcs, NULL);
      kaa_in_progress_settle_error (future, error, FALSE);
      kaa_poller_unref (poller);
      return future;
    }

  connecting = g_new0 (KaaConnecting, 1);
  g_ref_count_init (&connecting->ref_count);
  connecting->socket = self;
  connecting->connectable = g_object_ref (connectable);
  connecting->cancellable = g_cancellable_new ();
  future = kaa_in_progress_new_operation (G_OBJECT (self), channel->entry.poller, &connect_funcs, connecting);

  /* Before it is announced that the channel is alive. */
  priv->connecting = connecting;
  connecting->future = g_object_ref (future);
  priv->local.length = priv->remote.length = 0;
  g_clear_object (&priv->connected_to);
  if (G_IS_NETWORK_ADDRESS (connectable))
    priv->connected_to = g_object_ref (connectable);
  waiting = kaa_waiting_transport_new (waiting_closed, connecting);
  if (kaa_channel_open_transports (KAA_IO_CHANNEL (self), waiting, waiting, &error))
    {
      /* A handler of the notifications may have closed it. */
      if (connecting->future != NULL)
        start_connecting (connecting);
    }
  else
    {
      g_clear_error (&error);
    }

  g_object_unref (connectable);
  return future;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-socket-private.h"

/**
 * KaaSocket:
 *
 * A channel that connects to an address, or listens at one and gives a channel for each client.
 *
 * Addresses are strings:
 *
 * - `/path` or `unix:/path`: a socket file;
 * - `unix-abstract:name`: a name without a file (Linux);
 * - `host:service`, `[::1]:port`: a name or address, and a number or a name of `/etc/services`; an IPv6 address of a link with its
 *   interface, by name or number, as in `[fe80::1%eth0]:port`;
 * - `:port`: for who listens every address of the machine, by IPv4 and IPv6; for who connects the machine itself;
 * - `systemd:name`: for who listens, the sockets of this name that the service manager handed over; without
 *   a name all of them.
 *
 * ```c
 * static void
 * on_new_client (KaaSocket *server, KaaSocket *client, gpointer user_data)
 * {
 *   kaa_io_channel_write (KAA_IO_CHANNEL (client), (const guint8 *) "hello\n", 6);
 * }
 *
 * KaaSocket *server = kaa_socket_new ();
 * g_signal_connect (server, "new-client", G_CALLBACK (on_new_client), NULL);
 * if (!kaa_socket_listen (server, "localhost:7000", 0, &error))
 *   g_error ("%s", error->message);
 * ```
 *
 * Clients are accepted while somebody is interested: a handler of [signal@Kaa.Socket::new-client] (with
 * [property@Kaa.Socket:auto-accept]), or a pending [method@Kaa.Socket.accept]. The others wait in the kernel.
 *
 * A socket is [property@Kaa.IOChannel:alive] while it is connecting, connected or listening. What is written before it is connected
 * waits until it is.
 *
 * Threads: as for [class@Kaa.IOChannel].
 *
 * Since: 1.0
 */

#define DEFAULT_SOCKET_MODE 0600

/* G_ADD_PRIVATE() keeps the offset to one file; a socket has several. */
G_DEFINE_TYPE_WITH_CODE (KaaSocket, kaa_socket, KAA_TYPE_IO_CHANNEL,
                         kaa_socket_private_offset =
                           g_type_add_instance_private (g_define_type_id, sizeof (KaaSocketPrivate)))

/* --- class --- */

static void
kaa_socket_descriptor_changed (KaaIOChannel *channel)
{
  int fd = kaa_io_channel_get_fileno (channel);

  if (fd >= 0)
    kaa_socket_learn_addresses (KAA_SOCKET (channel), fd);
  else if (!kaa_channel_is_alive (channel))
    kaa_socket_uncount (KAA_SOCKET (channel));
  kaa_socket_notify_state (KAA_SOCKET (channel));
}

static void
kaa_socket_alive_changed (KaaIOChannel *channel)
{
  kaa_socket_notify_state (KAA_SOCKET (channel));
}

/* What it has in common with other sockets of its thread. The channel sees to it that this comes to pass there. */
static void
kaa_socket_dispose (GObject *object)
{
  KaaSocket *self = KAA_SOCKET (object);
  gboolean mine = kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_CHANNEL (self)));

  G_OBJECT_CLASS (kaa_socket_parent_class)->dispose (object);

  if (mine)
    {
      kaa_socket_uncount (self);
      kaa_socket_forget_clients (self);
    }
}

/* Who is at the other side, and whose client this is, is known of the connection. */
static void
kaa_socket_taken_over (KaaIOChannel *channel,
                       KaaIOChannel *other)
{
  KaaSocketPrivate *ours = kaa_socket_get_private (KAA_SOCKET (channel));
  KaaSocketPrivate *theirs;

  kaa_socket_uncount (KAA_SOCKET (channel));
  g_clear_object (&ours->connected_to);
  ours->local.length = ours->remote.length = 0;
  if (!KAA_IS_SOCKET (other))
    return;

  theirs = kaa_socket_get_private (KAA_SOCKET (other));
  ours->connected_to = g_steal_pointer (&theirs->connected_to);
  ours->counted = g_steal_pointer (&theirs->counted);
  ours->local = theirs->local;
  ours->remote = theirs->remote;
}

static void
kaa_socket_finalize (GObject *object)
{
  g_clear_object (&kaa_socket_get_private (KAA_SOCKET (object))->connected_to);

  G_OBJECT_CLASS (kaa_socket_parent_class)->finalize (object);
}

static void
kaa_socket_get_property (GObject    *object,
                         guint       id,
                         GValue     *value,
                         GParamSpec *pspec)
{
  KaaSocket *self = KAA_SOCKET (object);

  switch ((KaaSocketProperty) id)
    {
    case KAA_SOCKET_PROP_LISTENING:
      g_value_set_boolean (value, kaa_socket_get_listening (self));
      break;
    case KAA_SOCKET_PROP_CONNECTING:
      g_value_set_boolean (value, kaa_socket_get_connecting (self));
      break;
    case KAA_SOCKET_PROP_CONNECTED:
      g_value_set_boolean (value, kaa_socket_get_connected (self));
      break;
    case KAA_SOCKET_PROP_TLS_CONNECTION:
      g_value_set_object (value, kaa_socket_get_tls_connection (self));
      break;
    case KAA_SOCKET_PROP_LOCAL_ADDRESS:
      g_value_take_object (value, kaa_socket_get_local_address (self));
      break;
    case KAA_SOCKET_PROP_REMOTE_ADDRESS:
      g_value_take_object (value, kaa_socket_get_remote_address (self));
      break;
    case KAA_SOCKET_PROP_ACCEPT_FDS:
      g_value_set_uint (value, kaa_socket_get_accept_fds (self));
      break;
    case KAA_SOCKET_PROP_BUFFER_SIZE:
      g_value_set_uint (value, kaa_socket_get_buffer_size (self));
      break;
    case KAA_SOCKET_PROP_AUTO_ACCEPT:
      g_value_set_boolean (value, kaa_socket_get_auto_accept (self));
      break;
    case KAA_SOCKET_PROP_MAX_CLIENTS:
      g_value_set_uint (value, kaa_socket_get_max_clients (self));
      break;
    case KAA_SOCKET_PROP_CONNECT_TIMEOUT:
      g_value_set_double (value, kaa_socket_get_connect_timeout (self));
      break;
    case KAA_SOCKET_PROP_SOCKET_MODE:
      g_value_set_uint (value, kaa_socket_get_socket_mode (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
kaa_socket_set_property (GObject      *object,
                         guint         id,
                         const GValue *value,
                         GParamSpec   *pspec)
{
  KaaSocket *self = KAA_SOCKET (object);

  switch ((gint) id)
    {
    case KAA_SOCKET_PROP_ACCEPT_FDS:
      kaa_socket_set_accept_fds (self, g_value_get_uint (value));
      break;
    case KAA_SOCKET_PROP_BUFFER_SIZE:
      kaa_socket_set_buffer_size (self, g_value_get_uint (value));
      break;
    case KAA_SOCKET_PROP_AUTO_ACCEPT:
      kaa_socket_set_auto_accept (self, g_value_get_boolean (value));
      break;
    case KAA_SOCKET_PROP_MAX_CLIENTS:
      kaa_socket_set_max_clients (self, g_value_get_uint (value));
      break;
    case KAA_SOCKET_PROP_CONNECT_TIMEOUT:
      kaa_socket_set_connect_timeout (self, g_value_get_double (value));
      break;
    case KAA_SOCKET_PROP_SOCKET_MODE:
      kaa_socket_set_socket_mode (self, g_value_get_uint (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
kaa_socket_class_init (KaaSocketClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  KaaIOChannelClassPrivate *channel_class = kaa_channel_get_class_private (KAA_IO_CHANNEL_CLASS (klass));
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags writable = readable | G_PARAM_WRITABLE;

  g_type_class_adjust_private_offset (klass, &kaa_socket_private_offset);

  object_class->dispose = kaa_socket_dispose;
  object_class->finalize = kaa_socket_finalize;
  object_class->get_property = kaa_socket_get_property;
  object_class->set_property = kaa_socket_set_property;
  channel_class->descriptor_changed = kaa_socket_descriptor_changed;
  channel_class->alive_changed = kaa_socket_alive_changed;
  channel_class->taken_over = kaa_socket_taken_over;

  /**
   * KaaSocket:listening: (getter get_listening)
   *
   * Whether the socket listens for clients.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_LISTENING] = g_param_spec_boolean ("listening", NULL, NULL, FALSE, readable);

  /**
   * KaaSocket:connecting: (getter get_connecting)
   *
   * Whether a connection is being made.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_CONNECTING] = g_param_spec_boolean ("connecting", NULL, NULL, FALSE, readable);

  /**
   * KaaSocket:connected: (getter get_connected)
   *
   * Whether there is a connection.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_CONNECTED] = g_param_spec_boolean ("connected", NULL, NULL, FALSE, readable);

  /**
   * KaaSocket:tls-connection: (getter get_tls_connection)
   *
   * What protects the connection, from [method@Kaa.Socket.start_tls] until the socket is closed; %NULL without TLS.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_TLS_CONNECTION] =
    g_param_spec_object ("tls-connection", NULL, NULL, G_TYPE_TLS_CONNECTION, readable);

  /**
   * KaaSocket:local-address: (getter get_local_address)
   *
   * The address of this side; the real port, where 0 was asked for. Kept after the close.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_LOCAL_ADDRESS] =
    g_param_spec_object ("local-address", NULL, NULL, G_TYPE_SOCKET_ADDRESS, readable);

  /**
   * KaaSocket:remote-address: (getter get_remote_address)
   *
   * The address of the other side. Kept after the close.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_REMOTE_ADDRESS] =
    g_param_spec_object ("remote-address", NULL, NULL, G_TYPE_SOCKET_ADDRESS, readable);

  /**
   * KaaSocket:accept-fds: (getter get_accept_fds) (setter set_accept_fds)
   *
   * How many descriptors that the other side of a unix socket passes may wait for [method@Kaa.Socket.take_fds]; 0, the default, accepts
   * none. What comes beyond that is closed. Clients inherit it from the socket that accepts them.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_ACCEPT_FDS] = g_param_spec_uint ("accept-fds", NULL, NULL, 0, G_MAXUINT, 0, writable);

  /**
   * KaaSocket:buffer-size: (getter get_buffer_size) (setter set_buffer_size)
   *
   * The size of the kernel's buffers for sending and for receiving, in bytes; 0 leaves it to the system. Clients
   * inherit that of the socket that accepts them.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_BUFFER_SIZE] = g_param_spec_uint ("buffer-size", NULL, NULL, 0, G_MAXINT, 0, writable);

  /**
   * KaaSocket:auto-accept: (getter get_auto_accept) (setter set_auto_accept)
   *
   * Whether [signal@Kaa.Socket::new-client] is emitted for each client. Otherwise only [method@Kaa.Socket.accept] takes one.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_AUTO_ACCEPT] = g_param_spec_boolean ("auto-accept", NULL, NULL, TRUE, writable);

  /**
   * KaaSocket:max-clients: (getter get_max_clients) (setter set_max_clients)
   *
   * How many clients may be open at a time; 0 for any number. The next one waits in the kernel until another is closed.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_MAX_CLIENTS] = g_param_spec_uint ("max-clients", NULL, NULL, 0, G_MAXUINT, 0, writable);

  /**
   * KaaSocket:connect-timeout: (getter get_connect_timeout) (setter set_connect_timeout)
   *
   * Seconds after which an attempt to connect fails with `G_IO_ERROR_TIMED_OUT`, name look-up included; 0 leaves it to
   * the system, which lets a client of a unix socket wait for ever while there is no room for it.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_CONNECT_TIMEOUT] =
    g_param_spec_double ("connect-timeout", NULL, NULL, 0, G_MAXDOUBLE, 0, writable);

  /**
   * KaaSocket:socket-mode: (getter get_socket_mode) (setter set_socket_mode)
   *
   * The permissions of a socket file that [method@Kaa.Socket.listen] makes, whatever the umask is. Others than the owner may
   * not connect unless this says so: the default is 0600.
   *
   * Since: 1.0
   */
  kaa_socket_properties[KAA_SOCKET_PROP_SOCKET_MODE] =
    g_param_spec_uint ("socket-mode", NULL, NULL, 0, 0777, DEFAULT_SOCKET_MODE, writable);

  g_object_class_install_properties (object_class, KAA_SOCKET_N_PROPERTIES, kaa_socket_properties);

  /**
   * KaaSocket::new-client:
   * @self: the socket that listens
   * @client: the client, open; it lives as every channel does, so connect to its signals or keep it
   *
   * Emitted for each client, while [property@Kaa.Socket:auto-accept] is set.
   *
   * Since: 1.0
   */
  kaa_socket_signals[KAA_SOCKET_NEW_CLIENT] =
    g_signal_new ("new-client", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                  G_STRUCT_OFFSET (KaaSocketClass, new_client), NULL, NULL, NULL,
                  G_TYPE_NONE, 1, KAA_TYPE_SOCKET);

  /**
   * KaaSocket::accept-error:
   * @self: the socket that listens
   * @error: why a client has to wait, such as `G_IO_ERROR_TOO_MANY_OPEN_FILES` or `G_IO_ERROR_PERMISSION_DENIED`; or why one was lost
   *
   * Emitted when clients cannot be accepted for now, because descriptors or memory have run out, or the system refuses it: once, until one
   * is accepted again. The socket pauses, and goes on by itself.
   *
   * Also emitted for each client who was accepted, but of whom no channel could be made: he is gone, and the next one is served.
   *
   * A socket that does not listen any more, because somebody closed it or shut it down, is closed: [signal@Kaa.IOChannel::closed] says
   * %FALSE, and [property@Kaa.IOChannel:error] says why.
   *
   * Since: 1.0
   */
  kaa_socket_signals[KAA_SOCKET_ACCEPT_ERROR] =
    g_signal_new ("accept-error", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                  G_STRUCT_OFFSET (KaaSocketClass, accept_error), NULL, NULL, NULL,
                  G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
kaa_socket_init (KaaSocket *self)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  priv->auto_accept = TRUE;
  priv->socket_mode = DEFAULT_SOCKET_MODE;
}

/**
 * kaa_socket_new:
 *
 * Makes a socket that is not open yet. [method@Kaa.Socket.connect_to] connects it, [method@Kaa.Socket.listen] makes it listen.
 *
 * Returns: (transfer full): a new socket
 *
 * Since: 1.0
 */
KaaSocket *
kaa_socket_new (void)
{
  return g_object_new (KAA_TYPE_SOCKET, NULL);
}

/* --- what it is doing --- */

/**
 * kaa_socket_get_listening: (get-property listening)
 * @self: a socket
 *
 * Whether the socket listens for clients.
 *
 * Returns: %TRUE if it does
 *
 * Since: 1.0
 */
gboolean
kaa_socket_get_listening (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);

  return kaa_socket_is_listening (self);
}

/**
 * kaa_socket_get_connecting: (get-property connecting)
 * @self: a socket
 *
 * Whether a connection is being made.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
kaa_socket_get_connecting (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);

  return kaa_socket_is_connecting (self);
}

/**
 * kaa_socket_get_connected: (get-property connected)
 * @self: a socket
 *
 * Whether there is a connection.
 *
 * Returns: %TRUE if there is
 *
 * Since: 1.0
 */
gboolean
kaa_socket_get_connected (KaaSocket *self)
{
  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);

  return kaa_socket_is_connected (self);
}

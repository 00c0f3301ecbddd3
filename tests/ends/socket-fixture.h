/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of sockets share: a server in a directory of its own, and clients. */

#include "channel/channel-fixture.h"

#include <glib/gstdio.h>
#include <netinet/in.h>

static char *socket_dir;

static inline void
begin_sockets (void)
{
  GError *error = NULL;

  socket_dir = g_dir_make_tmp ("kaa-XXXXXX", &error);
  g_assert_no_error (error);
}

static inline void
end_sockets (void)
{
  /* Whoever made a file there has removed it. */
  g_assert_cmpint (g_rmdir (socket_dir), ==, 0);
  g_clear_pointer (&socket_dir, g_free);
}

static inline char *
get_path (const char *name)
{
  return g_strdup_printf ("%s/%s", socket_dir, name);
}

/* Listens at a free port of the loopback, or at a path; the address to connect to. */
static inline char *
start_listening (KaaSocket  *server,
                 const char *address)
{
  GError *error = NULL;
  GSocketAddress *local;
  char *result;

  g_assert_true (kaa_socket_listen (server, address, 0, &error));
  g_assert_no_error (error);
  local = kaa_socket_get_local_address (server);
  if (G_IS_INET_SOCKET_ADDRESS (local))
    {
      GInetAddress *inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (local));
      guint port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local));

      g_assert_cmpuint (port, !=, 0);
      if (g_inet_address_get_family (inet) == G_SOCKET_FAMILY_IPV6)
        result = g_strdup_printf ("[::1]:%u", port);
      else
        result = g_strdup_printf ("127.0.0.1:%u", port);
    }
  else
    {
      result = g_strdup (address);
    }
  g_object_unref (local);
  return result;
}

static inline KaaSocket *
start_server (char **address)
{
  KaaSocket *server = kaa_socket_new ();

  *address = start_listening (server, "127.0.0.1:0");
  return server;
}

static inline void
wait_true (KaaInProgress *future)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_true (kaa_in_progress_get_boolean (future, &error));
  g_assert_no_error (error);
  g_object_unref (future);
}

static inline KaaSocket *
connect_client (const char *address)
{
  KaaSocket *client = kaa_socket_new ();

  wait_true (kaa_socket_connect_to (client, address));
  return client;
}

static inline KaaSocket *
wait_client (KaaInProgress *future)
{
  GError *error = NULL;
  KaaSocket *client;

  spin_until (kaa_in_progress_get_finished (future));
  client = KAA_SOCKET (kaa_in_progress_get_object (future, &error));
  g_assert_no_error (error);
  g_object_unref (future);
  return client;
}

static inline void
finish_socket (KaaSocket *self)
{
  finish_channel (KAA_IO_CHANNEL (self));
}

static inline KaaInProgress *
say (KaaSocket  *self,
     const char *text)
{
  return kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) text, strlen (text));
}

static inline void
say_and_forget (KaaSocket  *self,
                const char *text)
{
  g_object_unref (say (self, text));
}

#define readline_of(socket) kaa_io_channel_readline (KAA_IO_CHANNEL (socket))

/* A blocking client of its own, without this library. */
static inline int
connect_plain (const char *address)
{
  GError *error = NULL;
  GSocketConnectable *connectable;
  GSocketClient *client = g_socket_client_new ();
  GSocketConnection *connection;
  int fd;

  connectable = g_network_address_parse (address, 0, &error);
  g_assert_no_error (error);
  connection = g_socket_client_connect (client, connectable, NULL, &error);
  g_assert_no_error (error);
  fd = fcntl (g_socket_get_fd (g_socket_connection_get_socket (connection)), F_DUPFD_CLOEXEC, 0);
  g_assert_cmpint (fd, >=, 0);
  g_object_unref (connection);
  g_object_unref (connectable);
  g_object_unref (client);
  return fd;
}

static inline guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

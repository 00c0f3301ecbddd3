/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C4, W6: a peer that resets its TCP connection instead of closing it. */

#include "ends/socket-fixture.h"

#include <netinet/tcp.h>

/* Closes with a reset. */
static void
reset (int fd)
{
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), ==, 0);
  close (fd);
}

/* Until the reset has arrived at our end, without touching it. */
static void
wait_reset (KaaSocket *client)
{
  struct tcp_info info = { 0, };

  do
    {
      socklen_t length = sizeof info;

      g_assert_cmpint (getsockopt (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)), IPPROTO_TCP, TCP_INFO, &info, &length),
                       ==, 0);
    }
  while (info.tcpi_state != TCP_CLOSE);
}

static KaaSocket *
accept_plain (KaaSocket  *server,
              const char *address,
              int        *peer)
{
  KaaInProgress *accepted = kaa_socket_accept (server);

  *peer = connect_plain (address);
  return wait_client (accepted);
}

/* What had arrived is delivered, then the error; closed comes once, last. */
static void
test_handlers (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;
  int peer;

  begin_events ();
  client = accept_plain (server, address, &peer);
  note_signal (KAA_IO_CHANNEL (client), "readline");
  note_signal (KAA_IO_CHANNEL (client), "closed");
  put_string (peer, "one\ntwo\npart");
  reset (peer);
  wait_reset (client);
  spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  settle ();
  assert_events ("L[one|] L[two|] L[part] hung-up");
  g_assert_error ((GError *) kaa_io_channel_get_error (KAA_IO_CHANNEL (client)), G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  assert_at_rest ();

  end_events ();
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

static void
test_requests (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;
  char *expected;
  int peer;

  begin_events ();
  client = accept_plain (server, address, &peer);
  put_string (peer, "one\npart");
  reset (peer);
  wait_reset (client);
  for (guint i = 0; i < 4; i++)
    note_future (readline_of (client), "r");
  note_signal (KAA_IO_CHANNEL (client), "closed");
  spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  settle ();
  expected = g_strdup_printf ("r[one|] r[part] r!%d r!%d hung-up", G_IO_ERROR_CONNECTION_CLOSED, G_IO_ERROR_CONNECTION_CLOSED);
  assert_events (expected);

  end_events ();
  g_free (expected);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* Writes that wait say that the peer is gone, and no signal comes. */
static void
test_writes (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;
  KaaInProgress *write, *flush;
  char *much = g_strnfill (1000 * 1000, 'x');
  int peer;

  client = accept_plain (server, address, &peer);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (client), 64 * 1000 * 1000);
  do
    {
      write = say (client, much);
      settle ();
      if (!kaa_in_progress_get_finished (write))
        break;
      g_object_unref (write);
    }
  while (TRUE);
  flush = kaa_io_channel_flush (KAA_IO_CHANNEL (client));
  reset (peer);
  assert_fails (write, G_IO_ERROR_BROKEN_PIPE);
  assert_fails (flush, G_IO_ERROR_BROKEN_PIPE);
  spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  assert_fails (say (client, "late"), G_IO_ERROR_CLOSED);

  g_free (much);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* One that is gone before it is accepted troubles nobody. */
static void
test_before_accept (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *accepted;
  KaaSocket *client;
  int peer;

  reset (connect_plain (address));
  peer = connect_plain (address);
  put_string (peer, "here\n");
  do
    {
      KaaInProgress *future;
      GBytes *line;

      accepted = kaa_socket_accept (server);
      client = wait_client (accepted);
      future = readline_of (client);
      spin_until (kaa_in_progress_get_finished (future));
      line = kaa_in_progress_get_bytes (future, NULL);
      g_object_unref (future);
      finish_socket (client);
      if (line != NULL)
        {
          g_assert_cmpmem (g_bytes_get_data (line, NULL), g_bytes_get_size (line), "here\n", 5);
          g_bytes_unref (line);
          break;
        }
    }
  while (TRUE);

  close (peer);
  finish_socket (server);
  g_free (address);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/socket/reset/handlers", test_handlers);
  g_test_add_func ("/socket/reset/requests", test_requests);
  g_test_add_func ("/socket/reset/writes", test_writes);
  g_test_add_func ("/socket/reset/before-accept", test_before_accept);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connecting to a unix socket where as many clients wait as may. */

#include "ends/socket-fixture.h"

#include <sys/un.h>
#include <sys/wait.h>

/* --- Somebody who listens and does not accept --- */

typedef struct
{
  char *address;  /* as this library takes it */
  struct sockaddr_un un;
  socklen_t length;
  int fd;
  int waiting[8]; /* clients */
  guint n_waiting;
} Busy;

static void
begin_busy (Busy       *busy,
            const char *name)
{
  gboolean abstract = name == NULL;

  *busy = (Busy) { .un.sun_family = AF_UNIX, .length = sizeof busy->un };
  if (abstract)
    {
      busy->address = g_strdup_printf ("unix-abstract:kaa-backlog-%d", (int) getpid ());
      g_strlcpy (busy->un.sun_path + 1, busy->address + strlen ("unix-abstract:"), sizeof busy->un.sun_path - 1);
      busy->length = G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + strlen (busy->un.sun_path + 1);
    }
  else
    {
      busy->address = get_path (name);
      g_strlcpy (busy->un.sun_path, busy->address, sizeof busy->un.sun_path);
    }
  busy->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (bind (busy->fd, (struct sockaddr *) &busy->un, busy->length), ==, 0);
  g_assert_cmpint (listen (busy->fd, 1), ==, 0);

  for (;;)
    {
      int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

      if (connect (fd, (struct sockaddr *) &busy->un, busy->length) < 0)
        {
          g_assert_cmpint (errno, ==, EAGAIN);
          close (fd);
          break;
        }
      g_assert_cmpuint (busy->n_waiting, <, G_N_ELEMENTS (busy->waiting));
      busy->waiting[busy->n_waiting++] = fd;
    }
}

/* All who wait, and who comes next. */
static void
serve (Busy *busy)
{
  for (guint i = 0; i < busy->n_waiting; i++)
    close (accept (busy->fd, NULL, NULL));
}

static void
end_busy (Busy *busy)
{
  for (guint i = 0; i < busy->n_waiting; i++)
    close (busy->waiting[i]);
  if (busy->fd >= 0)
    close (busy->fd);
  unlink (busy->un.sun_path);
  g_free (busy->address);
}

/* Turns of the loop, until it has been tried again a few times. */
static void
wait_in_vain (KaaInProgress *future)
{
  gboolean over = FALSE;

  g_timeout_add (250, raise_flag, &over);
  g_main_context_set_poll_func (NULL, counting_poll);
  n_polls = 0;
  spin_until (over);
  g_main_context_set_poll_func (NULL, NULL);
  /* GSocketClient has a few turns for every attempt. */
  g_assert_cmpuint (n_polls, <=, 200);
  g_assert_false (kaa_in_progress_get_finished (future));
}

/* --- The tests --- */

static void
check_room (const char *name)
{
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future, *written;
  char text[16];
  Busy busy;
  int peer;

  begin_busy (&busy, name);
  future = kaa_socket_connect_to (client, busy.address);
  written = say (client, "hello\n");
  wait_in_vain (future);
  g_assert_true (kaa_socket_get_connecting (client));
  g_assert_false (kaa_in_progress_get_finished (written));

  serve (&busy);
  wait_true (future);
  g_assert_true (kaa_socket_get_connected (client));
  peer = accept (busy.fd, NULL, NULL);
  spin_until (kaa_in_progress_get_finished (written));
  g_assert_cmpint (read (peer, text, sizeof text), ==, 6);
  g_object_unref (written);

  close (peer);
  finish_socket (client);
  end_busy (&busy);
}

static void
test_room (void)
{
  check_room ("room");
  check_room (NULL);
}

static void
test_timed_out (void)
{
  KaaSocket *client = kaa_socket_new ();
  gint64 start = g_get_monotonic_time ();
  guint fds;
  Busy busy;

  begin_busy (&busy, "timed-out");
  settle ();
  fds = count_fds ();
  g_object_set (client, "connect-timeout", 0.2, NULL);
  for (guint i = 0; i < 2; i++)
    assert_fails (kaa_socket_connect_to (client, busy.address), G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 2 * 200000);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  settle ();
  g_assert_cmpuint (count_fds (), <=, fds + 1);

  /* It can be used again. */
  serve (&busy);
  wait_true (kaa_socket_connect_to (client, busy.address));
  finish_socket (client);
  end_busy (&busy);
}

static void
test_given_up (void)
{
  KaaSocket *client = kaa_socket_new (), *gone;
  KaaInProgress *future, *limited;
  GError *error = NULL;
  Busy busy;

  begin_busy (&busy, "given-up");
  future = kaa_socket_connect_to (client, busy.address);
  wait_in_vain (future);
  g_assert_true (kaa_in_progress_abort (future, &error));
  assert_fails (future, G_IO_ERROR_CANCELLED);
  g_assert_false (kaa_socket_get_connecting (client));

  future = kaa_socket_connect_to (client, busy.address);
  limited = kaa_in_progress_timeout (future, 0.1, /* abort= */ TRUE);
  assert_fails (limited, G_IO_ERROR_TIMED_OUT);
  g_assert_true (kaa_in_progress_get_failed (future));
  g_object_unref (future);

  future = kaa_socket_connect_to (client, busy.address);
  wait_in_vain (future);
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_NONE));
  assert_fails (future, G_IO_ERROR_CLOSED);
  assert_at_rest ();

  /* Nobody holds either. */
  gone = kaa_socket_new ();
  g_object_add_weak_pointer (G_OBJECT (gone), (gpointer *) &gone);
  g_object_unref (kaa_socket_connect_to (gone, busy.address));
  g_object_unref (gone);
  serve (&busy);
  spin_until (gone == NULL);

  finish_socket (client);
  end_busy (&busy);
}

/* Who listened goes while others wait for him. */
static void
test_gone (void)
{
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future;
  Busy busy;

  begin_busy (&busy, "gone");
  future = kaa_socket_connect_to (client, busy.address);
  wait_in_vain (future);
  close (busy.fd);
  busy.fd = -1;
  assert_fails (future, G_IO_ERROR_CONNECTION_REFUSED);
  /* No time-out, and nothing to wait for. */
  assert_fails (kaa_socket_connect_to (client, busy.address), G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_cmpint (unlink (busy.address), ==, 0);
  assert_fails (kaa_socket_connect_to (client, busy.address), G_IO_ERROR_NOT_FOUND);

  finish_socket (client);
  end_busy (&busy);
}

/* A child that runs the loop of its parent does not connect in its place. */
static void
check_forked (gboolean at_once)
{
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future;
  int status;
  pid_t child;
  Busy busy;

  begin_busy (&busy, "forked");
  future = kaa_socket_connect_to (client, busy.address);
  if (!at_once)
    wait_in_vain (future);
  child = fork ();
  if (child == 0)
    {
      gint64 until = g_get_monotonic_time () + 300000;

      serve (&busy);
      while (g_get_monotonic_time () < until)
        g_main_context_iteration (NULL, FALSE);
      _exit (kaa_in_progress_get_finished (future) ? 1 : 0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  wait_true (future);

  finish_socket (client);
  end_busy (&busy);
}

/* While it waits to try again, and in the middle of an attempt. */
static void
test_forked (void)
{
  check_forked (FALSE);
  check_forked (TRUE);
}

static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future;
  KaaSocket *client;
  gint64 until;
  Busy busy;

  begin_busy (&busy, "context-gone");
  g_main_context_push_thread_default (context);
  client = kaa_socket_new ();
  future = kaa_socket_connect_to (client, busy.address);
  until = g_get_monotonic_time () + 50000;
  while (g_get_monotonic_time () < until)
    g_main_context_iteration (context, FALSE);
  /* GIO holds the context in the midst of an attempt. */
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  g_assert_true (kaa_in_progress_get_failed (future));
  g_assert_false (kaa_socket_get_connecting (client));

  g_object_unref (future);
  g_object_unref (client);
  end_busy (&busy);
}

/* --- A server of this library that serves few at a time --- */

static guint n_served, n_open, most_open;

/* Its place is free when its descriptor is, before anybody is told that it is closed. */
static void
count_closed (KaaSocket  *client,
              GParamSpec *pspec,
              gpointer    user_data)
{
  if (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)) < 0)
    n_open--;
}

static void
answer (KaaSocket *client,
        GBytes    *line,
        gpointer   user_data)
{
  n_served++;
  say_and_forget (client, "served\n");
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_NONE));
}

static void
on_client (KaaSocket *server,
           KaaSocket *client,
           gpointer   user_data)
{
  n_open++;
  most_open = MAX (most_open, n_open);
  g_signal_connect (client, "notify::fileno", G_CALLBACK (count_closed), NULL);
  g_signal_connect (client, "readline", G_CALLBACK (answer), NULL);
}

static void
test_max_clients (void)
{
  char *path = get_path ("few");
  KaaSocket *server = kaa_socket_new ();
  KaaSocket *clients[8];
  KaaInProgress *connected[G_N_ELEMENTS (clients)], *answers[G_N_ELEMENTS (clients)];
  GError *error = NULL;

  g_object_set (server, "max-clients", 1, NULL);
  g_assert_true (kaa_socket_listen (server, path, 1, &error));
  g_assert_no_error (error);
  g_signal_connect (server, "new-client", G_CALLBACK (on_client), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = kaa_socket_new ();
      connected[i] = kaa_socket_connect_to (clients[i], path);
      answers[i] = readline_of (clients[i]);
      say_and_forget (clients[i], "please\n");
    }
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      wait_true (connected[i]);
      assert_bytes (answers[i], "served\n");
    }
  g_assert_cmpuint (n_served, ==, G_N_ELEMENTS (clients));
  g_assert_cmpuint (most_open, ==, 1);

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    finish_socket (clients[i]);
  finish_socket (server);
  g_free (path);
}

int
main (int    argc,
      char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();
  g_test_add_func ("/socket/backlog/room", test_room);
  g_test_add_func ("/socket/backlog/timed-out", test_timed_out);
  g_test_add_func ("/socket/backlog/given-up", test_given_up);
  g_test_add_func ("/socket/backlog/gone", test_gone);
  g_test_add_func ("/socket/backlog/forked", test_forked);
  g_test_add_func ("/socket/backlog/context-gone", test_context_gone);
  g_test_add_func ("/socket/backlog/max-clients", test_max_clients);
  result = g_test_run ();
  end_sockets ();
  return result;
}

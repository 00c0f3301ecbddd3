/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A process without standard input, output and error, as daemons are: what this library opens then is given none of these numbers, and a
 * child gets /dev/null where it would have inherited something else. */

#include "channel/channel-fixture.h"
#include <kaaio/kaa-context-fd.h>

#include <stdlib.h>
#include <sys/socket.h>

#define N_STANDARD 3

static int kept[N_STANDARD];

static void
close_standard (void)
{
  for (int fd = 0; fd < N_STANDARD; fd++)
    {
      kept[fd] = fcntl (fd, F_DUPFD_CLOEXEC, 100);
      g_assert_cmpint (kept[fd], >=, 100);
    }
  for (int fd = 0; fd < N_STANDARD; fd++)
    close (fd);
}

/* How many of the numbers somebody has, as bits. */
static guint
open_standard (void)
{
  guint taken = 0;

  for (int fd = 0; fd < N_STANDARD; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      taken |= 1U << fd;
  for (int fd = 0; fd < N_STANDARD; fd++)
    {
      dup2 (kept[fd], fd);
      close (kept[fd]);
    }
  return taken;
}

/* Says which of the numbers are taken while everything that do() has opened is there. */
typedef void (*Deed) (GPtrArray *objects);

static void
assert_none_taken (Deed deed)
{
  GPtrArray *objects = g_ptr_array_new_with_free_func (g_object_unref);
  guint taken;

  close_standard ();
  deed (objects);
  taken = open_standard ();
  for (guint i = 0; i < objects->len; i++)
    if (KAA_IS_IO_CHANNEL (objects->pdata[i]))
      g_object_unref (kaa_io_channel_close (objects->pdata[i], KAA_CLOSE_IMMEDIATE));
  settle ();
  g_ptr_array_unref (objects);
  g_assert_cmphex (taken, ==, 0);
}

/* Enough of them that they are in an epoll set. */
static void
do_pairs (GPtrArray *objects)
{
  for (int i = 0; i < 10; i++)
    {
      KaaIOChannel *a, *b;

      g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
      g_ptr_array_add (objects, a);
      g_ptr_array_add (objects, b);
    }
  settle ();
}

static void
test_pairs (void)
{
  assert_none_taken (do_pairs);
}

static void
do_sockets (GPtrArray *objects)
{
  const char *const addresses[] = { "127.0.0.1:0", "[::1]:0", "unix-abstract:kaa-test-standard-fds" };

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      KaaSocket *server = kaa_socket_new (), *client = kaa_socket_new ();
      KaaInProgress *accepted, *connected;
      GSocketAddress *local;
      char *address;

      g_ptr_array_add (objects, server);
      g_ptr_array_add (objects, client);
      /* Without IPv6 on this machine there is nothing to be seen. */
      if (!kaa_socket_listen (server, addresses[i], 0, NULL))
        continue;
      local = kaa_socket_get_local_address (server);
      address = G_IS_INET_SOCKET_ADDRESS (local) ? g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (local))
                                                 : g_strdup (addresses[i]);
      accepted = kaa_socket_accept (server);
      connected = kaa_socket_connect_to (client, address);
      spin_until (kaa_in_progress_get_finished (accepted) && kaa_in_progress_get_finished (connected));
      g_ptr_array_add (objects, kaa_in_progress_get_object (accepted, NULL));
      g_object_unref (accepted);
      g_object_unref (connected);
      g_object_unref (local);
      g_free (address);
    }
}

/* What GIO opens for itself, once and for all, is not ours to move (and close-on-exec, so no child's). */
static void
test_sockets (void)
{
  GPtrArray *objects = g_ptr_array_new_with_free_func (g_object_unref);

  do_sockets (objects);
  for (guint i = 0; i < objects->len; i++)
    g_object_unref (kaa_io_channel_close (objects->pdata[i], KAA_CLOSE_IMMEDIATE));
  settle ();
  g_ptr_array_unref (objects);

  assert_none_taken (do_sockets);
}

static void
do_processes (GPtrArray *objects)
{
  const KaaProcessFlags flags[] = { KAA_PROCESS_STDERR_PIPE, KAA_PROCESS_PTY, KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDOUT_INHERIT };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      const char *argv[] = { "sh", "-c", "read line; exec sleep 600", NULL };
      KaaProcess *self = kaa_process_new (argv, flags[i]);

      g_assert_true (kaa_process_start (self, NULL));
      g_object_unref (kaa_process_stop (self, 0));
      g_ptr_array_add (objects, self);
    }
}

static void
test_processes (void)
{
  assert_none_taken (do_processes);
}

static void
do_serial (GPtrArray *objects)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  int moved = fcntl (master, F_DUPFD_CLOEXEC, N_STANDARD);

  close (master);
  g_assert_true (grantpt (moved) == 0 && unlockpt (moved) == 0);
  g_ptr_array_add (objects, kaa_io_channel_new_for_serial (ptsname (moved), 9600, KAA_SERIAL_NONE, NULL));
  close (moved);
}

static void
test_serial (void)
{
  assert_none_taken (do_serial);
}

/* A description of its own for a pipe that stays the caller's. */
static int reopened_fd;

static void
do_reopen (GPtrArray *objects)
{
  KaaIOChannel *channel = kaa_io_channel_new ();

  g_object_set (channel, "close-fd", FALSE, NULL);
  g_ptr_array_add (objects, channel);
  g_assert_true (kaa_io_channel_wrap_fd (channel, reopened_fd, KAA_IO_READ, NULL));
}

static void
test_reopen (void)
{
  int write_end;

  make_pipe (&reopened_fd, &write_end);
  assert_none_taken (do_reopen);
  close (reopened_fd);
  close (write_end);
}

static void
do_context_fd (GPtrArray *objects)
{
  g_ptr_array_add (objects, kaa_context_fd_new (NULL, NULL));
}

static void
test_context_fd (void)
{
  assert_none_taken (do_context_fd);
}

/* What a peer passes: under a number that was free. */
static void
do_passing (GPtrArray *objects)
{
  KaaSocket *server = kaa_socket_new (), *client = kaa_socket_new ();
  KaaInProgress *accepted, *connected, *line;
  GBytes *bytes = g_bytes_new_static ("x\n", 2);
  KaaSocket *other;

  g_assert_true (kaa_socket_listen (server, "unix-abstract:kaa-test-standard-fds", 0, NULL));
  accepted = kaa_socket_accept (server);
  connected = kaa_socket_connect_to (client, "unix-abstract:kaa-test-standard-fds");
  spin_until (kaa_in_progress_get_finished (accepted) && kaa_in_progress_get_finished (connected));
  other = KAA_SOCKET (kaa_in_progress_get_object (accepted, NULL));
  kaa_socket_set_accept_fds (other, 8);
  g_object_unref (kaa_socket_write_with_fds (client, bytes, kept, N_STANDARD));
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (other));
  spin_until (kaa_in_progress_get_finished (line));
  g_bytes_unref (bytes);
  g_object_unref (line);
  g_object_unref (accepted);
  g_object_unref (connected);
  g_ptr_array_add (objects, server);
  g_ptr_array_add (objects, client);
  g_ptr_array_add (objects, other);
}

static void
test_passing (void)
{
  assert_none_taken (do_passing);
}

/* The caller's own stay where they are, and are no child's if they are close-on-exec. */
static void
test_child_of_caller (void)
{
  const char *argv[] = { "sh", "-c", "readlink /proc/self/fd/2; echo secret >&2", NULL };
  KaaProcess *self = kaa_process_new (argv, KAA_PROCESS_NONE);
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *line;
  int ends[2], fileno;
  gboolean started;
  char buffer[16];
  gssize n;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  close_standard ();
  g_assert_cmpint (dup3 (ends[0], STDERR_FILENO, O_CLOEXEC), ==, STDERR_FILENO);
  close (ends[0]);
  g_assert_true (kaa_io_channel_wrap_fd (channel, STDERR_FILENO, KAA_IO_READ | KAA_IO_WRITE, NULL));
  started = kaa_process_start (self, NULL);
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));
  spin_until (kaa_in_progress_get_finished (line) && !kaa_process_get_running (self));
  fileno = kaa_io_channel_get_fileno (channel);
  n = recv (ends[1], buffer, sizeof buffer, MSG_DONTWAIT);
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  open_standard ();

  g_assert_true (started);
  g_assert_cmpint (fileno, ==, STDERR_FILENO);
  g_assert_cmpint (n, <, 0);
  assert_bytes (line, "/dev/null\n");
  close (ends[1]);
  finish_channel (channel);
  finish_channel (KAA_IO_CHANNEL (self));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* What the main context itself needs is there before. */
  settle ();
  g_test_add_func ("/standard-fds/pairs", test_pairs);
  g_test_add_func ("/standard-fds/sockets", test_sockets);
  g_test_add_func ("/standard-fds/processes", test_processes);
  g_test_add_func ("/standard-fds/serial", test_serial);
  g_test_add_func ("/standard-fds/reopen", test_reopen);
  g_test_add_func ("/standard-fds/context-fd", test_context_fd);
  g_test_add_func ("/standard-fds/passing", test_passing);
  g_test_add_func ("/standard-fds/child-of-caller", test_child_of_caller);
  return g_test_run ();
}

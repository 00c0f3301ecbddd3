/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sockets that a service manager hands over. Each case is a process of its own, which was started as such a one starts it, but for
 * LISTEN_PID, which it sets itself. Descriptor 3 is called "other", 4 and 6 "web", 5 "pipe", which it is, and 7 has no name. */

#include "ends/socket-fixture.h"

#define N_HANDED 5
#define LISTEN_NAMES "other:web:pipe:web"

static const char *program;

/* --- The parent --- */

static int
new_listener (void)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &in, sizeof in), ==, 0);
  g_assert_cmpint (listen (fd, 16), ==, 0);
  return fd;
}

static void
run_case (gconstpointer name)
{
  GSubprocessLauncher *launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  GSubprocess *child;
  GError *error = NULL;
  int pipe_fd, far;

  make_pipe (&pipe_fd, &far);
  g_subprocess_launcher_take_fd (launcher, new_listener (), 3);
  g_subprocess_launcher_take_fd (launcher, new_listener (), 4);
  g_subprocess_launcher_take_fd (launcher, pipe_fd, 5);
  g_subprocess_launcher_take_fd (launcher, new_listener (), 6);
  g_subprocess_launcher_take_fd (launcher, new_listener (), 7);
  g_subprocess_launcher_setenv (launcher, "LISTEN_FDS", G_STRINGIFY (N_HANDED), TRUE);
  g_subprocess_launcher_setenv (launcher, "LISTEN_FDNAMES", LISTEN_NAMES, TRUE);
  child = g_subprocess_launcher_spawn (launcher, &error, program, "--case", name, NULL);
  g_assert_no_error (error);
  g_object_unref (launcher);
  close (far);
  g_assert_true (g_subprocess_wait_check (child, NULL, &error));
  g_assert_no_error (error);
  g_object_unref (child);
}

/* --- The child --- */

static KaaSocket *
open_name (const char *name)
{
  KaaSocket *server = kaa_socket_new ();
  GError *error = NULL;

  g_assert_true (kaa_socket_listen (server, name, 0, &error));
  g_assert_no_error (error);
  return server;
}

static void
assert_no_name (const char *name,
                GIOErrorEnum code,
                const char  *part)
{
  KaaSocket *server = kaa_socket_new ();
  GError *error = NULL;
  guint fds = count_fds ();

  g_assert_false (kaa_socket_listen (server, name, 0, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, part));
  g_error_free (error);
  g_assert_false (kaa_socket_get_listening (server));
  g_assert_cmpuint (count_fds (), ==, fds);
  g_object_unref (server);
}

static int
get_port_of (int fd)
{
  struct sockaddr_in in;
  socklen_t size = sizeof in;

  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &in, &size), ==, 0);
  return g_ntohs (in.sin_port);
}

/* Somebody who connects to what was handed over under that number is this server's client. */
static void
assert_serves (KaaSocket *server,
               int        port)
{
  char *address = g_strdup_printf ("127.0.0.1:%d", port);
  KaaInProgress *accepted = kaa_socket_accept (server);
  KaaSocket *client = connect_client (address);
  KaaSocket *peer = wait_client (accepted);

  say_and_forget (peer, "activated\n");
  assert_bytes (readline_of (client), "activated\n");
  finish_socket (client);
  finish_socket (peer);
  g_free (address);
}

static void
assert_at_hand (int fd)
{
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
}

static void
be_named (void)
{
  KaaSocket *server;

  assert_no_name ("systemd:mail", G_IO_ERROR_NOT_FOUND, LISTEN_NAMES);
  server = open_name ("systemd:other");
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server)), >, 7);
  assert_serves (server, get_port_of (3));
  finish_socket (server);

  /* Two of one name. */
  server = open_name ("systemd:web");
  assert_serves (server, get_port_of (4));
  assert_serves (server, get_port_of (6));
  finish_socket (server);

  /* As sd_listen_fds_with_names() calls them. */
  server = open_name ("systemd:unknown");
  assert_serves (server, get_port_of (7));
  finish_socket (server);

  /* A pipe is none; nothing is open half. */
  assert_no_name ("systemd:pipe", G_IO_ERROR_INVALID_ARGUMENT, "no open socket");
  assert_no_name ("systemd:", G_IO_ERROR_INVALID_ARGUMENT, "no open socket");

  g_unsetenv ("LISTEN_FDNAMES");
  assert_no_name ("systemd:web", G_IO_ERROR_NOT_FOUND, "web");
  assert_no_name ("systemd:unknown", G_IO_ERROR_INVALID_ARGUMENT, "no open socket");
  g_setenv ("LISTEN_FDNAMES", "", TRUE);
  assert_no_name ("systemd:web", G_IO_ERROR_NOT_FOUND, "web");
  /* More names than descriptors. */
  g_setenv ("LISTEN_FDNAMES", "a:b:c:d:e:f:g", TRUE);
  assert_no_name ("systemd:f", G_IO_ERROR_NOT_FOUND, "a:b:c");
  server = open_name ("systemd:e");
  assert_serves (server, get_port_of (7));
  finish_socket (server);
}

static void
be_repeated (void)
{
  int port = get_port_of (3);
  KaaSocket *server = open_name ("systemd:other"), *second;
  int stranger;

  assert_at_hand (3);
  /* Two at once, each with its own. */
  second = open_name ("systemd:other");
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server)), !=, kaa_io_channel_get_fileno (KAA_IO_CHANNEL (second)));
  finish_socket (server);
  assert_serves (second, port);
  finish_socket (second);

  /* A later one, and whoever has come meanwhile keeps what is his. */
  stranger = dup (0);
  g_assert_cmpint (stranger, >, 7);
  for (guint i = 0; i < 3; i++)
    {
      server = open_name ("systemd:other");
      assert_serves (server, port);
      finish_socket (server);
      assert_at_hand (3);
      g_assert_cmpint (fcntl (stranger, F_GETFD), >=, 0);
    }
  close (stranger);
}

static void
be_lost (void)
{
  KaaSocket *server = open_name ("systemd:other");
  int fds[2], listener;

  /* Closed, though it is still served by the duplicate. */
  g_assert_cmpint (close (3), ==, 0);
  assert_no_name ("systemd:other", G_IO_ERROR_NOT_FOUND, "3");
  make_pipe (&fds[0], &fds[1]);
  g_assert_cmpint (dup2 (fds[0], 3), ==, 3);
  assert_no_name ("systemd:other", G_IO_ERROR_NOT_FOUND, "3");

  /* Not even another one that listens. */
  listener = new_listener ();
  g_assert_cmpint (dup2 (listener, 3), ==, 3);
  assert_no_name ("systemd:other", G_IO_ERROR_NOT_FOUND, "3");
  finish_socket (server);
  g_assert_cmpint (fcntl (3, F_GETFD), >=, 0);

  /* The others are not concerned. */
  server = open_name ("systemd:web");
  assert_serves (server, get_port_of (4));
  finish_socket (server);

  /* What was not there at the first look has never been handed over. */
  g_setenv ("LISTEN_FDS", "40", TRUE);
  g_setenv ("LISTEN_FDNAMES", LISTEN_NAMES ":e:f:g:h:i:j:k:l:m:n:o:p:q:r:s:t:u:v:w:x:y:z:last", TRUE);
  assert_no_name ("systemd:last", G_IO_ERROR_NOT_FOUND, "29");
  g_assert_cmpint (dup2 (listener, 29), ==, 29);
  assert_no_name ("systemd:last", G_IO_ERROR_NOT_FOUND, "29");
  close (listener);
}

static void
be_for_others (void)
{
  static const char *const wrong_pids[] = { "1", "", "0", "-1", "x", " ", "99999999999999999999" };
  static const char *const wrong_counts[] = { "", "0", "-1", "x", "2147483648", "99999999999999999999" };
  char *pid = g_strdup (g_getenv ("LISTEN_PID"));

  for (guint i = 0; i < G_N_ELEMENTS (wrong_pids); i++)
    {
      g_setenv ("LISTEN_PID", wrong_pids[i], TRUE);
      assert_no_name ("systemd:other", G_IO_ERROR_NOT_FOUND, "LISTEN_PID");
    }
  g_unsetenv ("LISTEN_PID");
  assert_no_name ("systemd:", G_IO_ERROR_NOT_FOUND, "LISTEN_PID");

  g_setenv ("LISTEN_PID", pid, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (wrong_counts); i++)
    {
      g_setenv ("LISTEN_FDS", wrong_counts[i], TRUE);
      assert_no_name ("systemd:other", G_IO_ERROR_NOT_FOUND, "LISTEN_FDS");
    }
  g_unsetenv ("LISTEN_FDS");
  assert_no_name ("systemd:", G_IO_ERROR_NOT_FOUND, "LISTEN_FDS");

  /* Nobody looked at them. */
  g_assert_cmpint (fcntl (3, F_GETFD), ==, 0);

  /* More than there can be: those that are there. */
  g_setenv ("LISTEN_FDS", "2147483647", TRUE);
  finish_socket (open_name ("systemd:other"));
  g_free (pid);
}

/* None of them, also of those that nobody asked for. */
static void
be_private (void)
{
  KaaSocket *server = open_name ("systemd:other");

  for (int fd = 3; fd < 3 + N_HANDED; fd++)
    assert_at_hand (fd);
  g_assert_cmpint (system ("for i in 3 4 5 6 7 8 9 10 11 12 13; do"
                           " case \"$(readlink /proc/$$/fd/$i)\" in socket:*) exit 1;; esac; done"), ==, 0);
  finish_socket (server);
}

static const struct
{
  const char *name;
  void (*func) (void);
} cases[] = {
  { "named", be_named },
  { "repeated", be_repeated },
  { "lost", be_lost },
  { "for-others", be_for_others },
  { "private", be_private },
};

static int
be_activated (const char *name)
{
  char *pid = g_strdup_printf ("%d", (int) getpid ());

  g_setenv ("LISTEN_PID", pid, TRUE);
  g_free (pid);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (g_str_equal (cases[i].name, name))
      {
        cases[i].func ();
        return 0;
      }
  g_assert_not_reached ();
}

int
main (int   argc,
      char *argv[])
{
  if (argc > 2 && g_str_equal (argv[1], "--case"))
    return be_activated (argv[2]);
  program = argv[0];

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *path = g_strconcat ("/handed-over/", cases[i].name, NULL);

      g_test_add_data_func (path, cases[i].name, run_case);
      g_free (path);
    }
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A listening socket in trouble: clients that are refused, clients that are lost, and a descriptor that listens no more. */

#include "ends/socket-fixture.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* --- Faults (the program is linked with --wrap) --- */

static int refusal;               /* errno of every accept4(), 0 for none; nobody is taken out of the queue */
static guint n_refusals;
static guint n_refusals_left;     /* G_MAXUINT: for ever */
static gboolean accepted_are_bad; /* what is accepted cannot be looked at */
static int bad_fd = -1;

int __real_accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags);
int __real_fstat64 (int fd, struct stat *status);
int __wrap_fstat64 (int fd, struct stat *status);

int
__wrap_accept4 (int              fd,
                struct sockaddr *address,
                socklen_t       *length,
                int              flags)
{
  int accepted;

  if (refusal != 0 && n_refusals_left > 0)
    {
      n_refusals++;
      n_refusals_left -= n_refusals_left < G_MAXUINT;
      errno = refusal;
      return -1;
    }

  accepted = __real_accept4 (fd, address, length, flags);
  bad_fd = accepted_are_bad ? accepted : -1;
  return accepted;
}

int
__wrap_fstat64 (int          fd,
                struct stat *status)
{
  if (fd >= 0 && fd == bad_fd)
    {
      errno = EIO;
      return -1;
    }
  return __real_fstat64 (fd, status);
}

static void
refuse (int   errsv,
        guint times)
{
  refusal = errsv;
  n_refusals = 0;
  n_refusals_left = times;
}

/* --- What happens --- */

static guint n_clients, n_errors, n_logs;
static GError *last_error;

static void
count_client (KaaSocket *server,
              KaaSocket *client,
              gpointer   user_data)
{
  n_clients++;
}

static void
keep_client (KaaSocket *server,
             KaaSocket *client,
             gpointer   array)
{
  g_ptr_array_add (array, g_object_ref (client));
}

static void
count_error (KaaSocket    *server,
             const GError *error,
             gpointer      user_data)
{
  n_errors++;
  g_clear_error (&last_error);
  last_error = g_error_copy (error);
}

static void
count_log (const char     *domain,
           GLogLevelFlags  level,
           const char     *message,
           gpointer        user_data)
{
  n_logs++;
}

static KaaSocket *
begin_server (const char  *mode,
              const char  *where,
              char       **address)
{
  KaaSocket *server;

  settle ();
  if (mode != NULL)
    g_setenv ("KAA_IO_POLLER", mode, TRUE);
  else
    g_unsetenv ("KAA_IO_POLLER");
  server = kaa_socket_new ();
  *address = start_listening (server, where);
  g_signal_connect (server, "accept-error", G_CALLBACK (count_error), NULL);
  n_clients = n_errors = n_logs = 0;
  return server;
}

static void
end_server (KaaSocket *server,
            char      *address)
{
  refuse (0, 0);
  finish_socket (server);
  g_clear_error (&last_error);
  g_free (address);
}

/* Blocking, without this library. */
static int
connect_raw (const char *address)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  int fd;

  if (address[0] != '/')
    return connect_plain (address);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_strlcpy (un.sun_path, address, sizeof un.sun_path);
  g_assert_cmpint (connect (fd, (struct sockaddr *) &un, sizeof un), ==, 0);
  return fd;
}

static const char *const modes[] = { "poll", "epoll", NULL };

/* --- Refused --- */

/* Turns of the loop and calls while refusals go on: there are pauses between them, each of 10 ms at least. */
static void
assert_pauses (guint n)
{
  guint before = n_refusals;
  gint64 start = g_get_monotonic_time ();

  g_main_context_set_poll_func (NULL, counting_poll);
  n_polls = 0;
  spin_until (n_refusals >= before + n);
  g_main_context_set_poll_func (NULL, NULL);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, (gint64) (n - 1) * 10000);
  g_assert_cmpuint (n_polls, <=, 10 * n);
}

/* Whatever the reason, known or not: one error, a line in the log, pauses, and then it goes on with those who waited. */
static void
test_refused (gconstpointer mode)
{
  static const int reasons[] = { EPERM, EACCES, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSYS, EIO, EFAULT, ENOSPC, EDQUOT, ESRCH };
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, count_log, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      char *address;
      KaaSocket *server = begin_server (mode, "127.0.0.1:0", &address);
      int clients[2];

      g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
      refuse (reasons[i], G_MAXUINT);
      for (guint k = 0; k < 2; k++)
        clients[k] = connect_raw (address);
      assert_pauses (3);
      g_assert_cmpuint (n_errors, ==, 1);
      g_assert_error (last_error, G_IO_ERROR, (int) g_io_error_from_errno (reasons[i]));
      g_assert_cmpuint (n_logs, >=, 1);
      g_assert_true (kaa_socket_get_listening (server));

      refuse (0, 0);
      spin_until (n_clients == 2);
      for (guint k = 0; k < 2; k++)
        close (clients[k]);
      end_server (server, address);
    }
  g_log_remove_handler ("Kaa", log);
}

/* However long it lasts, there is a line a second at most. */
static void
test_quiet (void)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, count_log, NULL);
  char *address;
  KaaSocket *server = begin_server (NULL, "127.0.0.1:0", &address);
  gint64 start = g_get_monotonic_time ();
  int client;

  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  refuse (EPERM, 25);
  client = connect_raw (address);
  spin_until (n_clients == 1);
  g_assert_cmpuint (n_refusals, ==, 25);
  g_assert_cmpuint (n_errors, ==, 1);
  g_assert_cmpuint (n_logs, >=, 1);
  g_assert_cmpuint (n_logs, <=, 1 + (g_get_monotonic_time () - start) / G_USEC_PER_SEC);

  close (client);
  end_server (server, address);
  g_log_remove_handler ("Kaa", log);
}

static void
test_refused_accept (gconstpointer mode)
{
  char *address;
  KaaSocket *server = begin_server (mode, "127.0.0.1:0", &address);
  KaaInProgress *accepted = kaa_socket_accept (server);
  KaaSocket *peer;
  int client;

  refuse (EACCES, 3);
  client = connect_raw (address);
  peer = wait_client (accepted);
  g_assert_cmpuint (n_refusals, ==, 3);
  g_assert_cmpuint (n_errors, ==, 1);

  close (client);
  finish_socket (peer);
  end_server (server, address);
}

/* What concerns one client takes him along, as a rule. Where it does not end, it is no reason to spin either. */
static void
test_endless (gconstpointer mode)
{
  static const int reasons[] = { ECONNABORTED, EPROTO, ENETDOWN, EINTR, EOPNOTSUPP, EAGAIN };

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      char *address;
      KaaSocket *server = begin_server (mode, "127.0.0.1:0", &address);
      int client;

      g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
      refuse (reasons[i], G_MAXUINT);
      client = connect_raw (address);
      spin_until (n_refusals >= 64);
      assert_pauses (3);
      /* A server that shares the socket with others is often late: no error. */
      g_assert_cmpuint (n_errors, ==, reasons[i] == EAGAIN ? 0 : 1);

      refuse (0, 0);
      spin_until (n_clients == 1);
      close (client);
      end_server (server, address);
    }
}

/* --- Lost --- */

static void
test_lost (void)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, count_log, NULL);
  char *address;
  KaaSocket *server = begin_server (NULL, "127.0.0.1:0", &address);
  KaaInProgress *accepted;
  KaaSocket *peer;
  int lost[2], client;
  guint fds;
  char byte;

  /* What the first one costs for good is GIO's. */
  accepted = kaa_socket_accept (server);
  client = connect_raw (address);
  finish_socket (wait_client (accepted));
  close (client);

  accepted = kaa_socket_accept (server);
  fds = count_fds ();
  accepted_are_bad = TRUE;
  for (guint i = 0; i < 2; i++)
    {
      lost[i] = connect_raw (address);
      /* Not left open, not answered. */
      spin_until (n_errors == i + 1);
      g_assert_error (last_error, G_IO_ERROR, (int) g_io_error_from_errno (EIO));
      g_assert_cmpint (read (lost[i], &byte, 1), ==, 0);
      close (lost[i]);
    }
  g_assert_cmpuint (n_logs, >=, 1);
  g_assert_false (kaa_in_progress_get_finished (accepted));
  g_assert_cmpuint (count_fds (), ==, fds);

  accepted_are_bad = FALSE;
  client = connect_raw (address);
  put_string (client, "next\n");
  peer = wait_client (accepted);
  assert_bytes (readline_of (peer), "next\n");

  close (client);
  finish_socket (peer);
  end_server (server, address);
  g_log_remove_handler ("Kaa", log);
}

/* --- Listening no more --- */

static void
assert_ended (KaaSocket *server,
              int        code)
{
  GError *error = NULL;

  spin_until (strstr (events->str, "hung-up") != NULL);
  settle ();
  assert_events ("hung-up");
  g_assert_false (kaa_socket_get_listening (server));
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (server)));
  g_object_get (server, "error", &error, NULL);
  g_assert_error (error, G_IO_ERROR, code);
  g_error_free (error);
  assert_at_rest ();
}

/* As accept(2) says it. */
static void
test_ended_errno (gconstpointer mode)
{
  static const int reasons[] = { EBADF, EINVAL, ENOTSOCK };

  begin_events ();
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      int code = g_io_error_from_errno (reasons[i]);
      guint fds = count_fds ();
      char *address;
      KaaSocket *server = begin_server (mode, "127.0.0.1:0", &address);
      KaaInProgress *first = kaa_socket_accept (server);
      KaaInProgress *second = kaa_socket_accept (server);
      int client;

      begin_events ();
      note_signal (KAA_IO_CHANNEL (server), "closed");
      refuse (reasons[i], G_MAXUINT);
      client = connect_raw (address);
      assert_ended (server, code);
      assert_fails (first, code);
      assert_fails (second, code);
      assert_fails (kaa_socket_accept (server), G_IO_ERROR_CLOSED);
      g_assert_cmpuint (n_refusals, ==, 1);
      g_assert_cmpuint (n_errors, ==, 0);

      close (client);
      /* It may listen again. */
      refuse (0, 0);
      g_free (start_listening (server, "127.0.0.1:0"));
      end_server (server, address);
      settle ();
      g_assert_cmpuint (count_fds (), <=, fds + 1);
    }
  end_events ();
}

/* How others end it. */
typedef enum
{
  SHUT_DOWN,
  SHUT_DOWN_INPUT,
  CLOSED,
  PIPE_IN_ITS_PLACE,
  SOCKET_IN_ITS_PLACE,
  LISTENER_IN_ITS_PLACE,
  N_ENDS
} End;

/* Who waits for clients at that moment. */
typedef enum
{
  A_HANDLER,
  A_FUTURE,
  NOBODY,
  NOT_AUTOMATIC,
  PAUSED,
  FULL,
  HELD_UP,
  N_WAITING
} Waiting;

/* Something else that takes its number; -1 where the number stays free. */
static int
end_listening (int fd,
               End how)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  int other = -1, far = -1;

  switch (how)
    {
    case SHUT_DOWN:
      g_assert_cmpint (shutdown (fd, SHUT_RDWR), ==, 0);
      return -1;
    case SHUT_DOWN_INPUT:
      g_assert_cmpint (shutdown (fd, SHUT_RD), ==, 0);
      return -1;
    case CLOSED:
      g_assert_cmpint (close (fd), ==, 0);
      return -1;
    case PIPE_IN_ITS_PLACE:
      make_pipe (&other, &far);
      break;
    case SOCKET_IN_ITS_PLACE:
      make_sockets (&other, &far);
      break;
    case LISTENER_IN_ITS_PLACE:
      other = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      g_assert_cmpint (bind (other, (struct sockaddr *) &in, sizeof in), ==, 0);
      g_assert_cmpint (listen (other, 1), ==, 0);
      break;
    default:
      g_assert_not_reached ();
    }
  g_assert_cmpint (dup2 (other, fd), ==, fd);
  close (other);
  return far >= 0 ? far : fd;
}

static void
end_it (const char *where,
        const char *mode,
        End         how,
        Waiting     waiting)
{
  gboolean shut = how == SHUT_DOWN || how == SHUT_DOWN_INPUT;
  int code = g_io_error_from_errno (shut ? EINVAL : EBADF);
  GPtrArray *kept = g_ptr_array_new_with_free_func (g_object_unref);
  KaaInProgress *accepted = NULL;
  int clients[2] = { -1, -1 }, fd, far;
  char *address;
  KaaSocket *server = begin_server (mode, where, &address);

  g_test_message ("%s, end %d, waiting %d", where, how, waiting);
  note_signal (KAA_IO_CHANNEL (server), "closed");
  begin_events ();
  if (waiting == A_FUTURE)
    accepted = kaa_socket_accept (server);
  else if (waiting != NOBODY)
    g_signal_connect (server, "new-client", G_CALLBACK (keep_client), kept);
  switch (waiting)
    {
    case NOT_AUTOMATIC:
      g_object_set (server, "auto-accept", FALSE, NULL);
      break;
    case PAUSED:
      g_object_set (server, "paused", TRUE, NULL);
      break;
    case FULL:
      g_object_set (server, "max-clients", 1, NULL);
      clients[0] = connect_raw (address);
      spin_until (kept->len == 1);
      break;
    case HELD_UP:
      refuse (EMFILE, 1);
      clients[0] = connect_raw (address);
      spin_until (n_errors == 1);
      refuse (0, 0);
      break;
    default:
      break;
    }
  /* Another one waits, where nobody wants him. */
  if (waiting == NOBODY || waiting == FULL)
    clients[1] = connect_raw (address);
  settle ();

  fd = kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server));
  far = end_listening (fd, how);
  /* A stranger of whom nothing is heard is found out when somebody asks for a client. */
  if (!shut && how != CLOSED && accepted == NULL)
    accepted = kaa_socket_accept (server);
  else if (!shut && how != CLOSED)
    g_object_unref (kaa_socket_accept (server));

  assert_ended (server, code);
  if (accepted != NULL)
    assert_fails (accepted, code);
  if (how == CLOSED)
    g_assert_cmpint (fcntl (fd, F_GETFD), <, 0);
  else if (!shut)
    {
      /* His own. */
      g_assert_cmpint (fcntl (fd, F_GETFD), >=, 0);
      close (fd);
      if (far != fd)
        close (far);
    }

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    if (clients[i] >= 0)
      close (clients[i]);
  g_ptr_array_unref (kept);
  end_server (server, address);
  g_assert_false (g_file_test (where, G_FILE_TEST_EXISTS));
}

static void
test_ended (gconstpointer mode)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, count_log, NULL);
  char *path = get_path ("ended");
  guint fds;

  begin_events ();
  /* What the first client costs for good is GIO's. */
  end_it ("127.0.0.1:0", mode, SHUT_DOWN, FULL);
  settle ();
  fds = count_fds ();
  for (End how = 0; how < N_ENDS; how++)
    for (Waiting waiting = 0; waiting < N_WAITING; waiting++)
      {
        end_it ("127.0.0.1:0", mode, how, waiting);
        end_it (path, mode, how, waiting);
      }
  settle ();
  g_assert_cmpuint (count_fds (), <=, fds);
  end_events ();
  g_free (path);
  g_log_remove_handler ("Kaa", log);
}

/* One of several sockets: clients who come that way would not be served. */
static void
test_ended_one_of_two (gconstpointer mode)
{
  char *address;
  KaaSocket *server = begin_server (mode, "localhost:0", &address);
  int fd = kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server));

  begin_events ();
  note_signal (KAA_IO_CHANNEL (server), "closed");
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  settle ();
  g_assert_cmpint (shutdown (fd, SHUT_RDWR), ==, 0);
  assert_ended (server, g_io_error_from_errno (EINVAL));
  end_events ();
  end_server (server, address);
}

/* Those who were there before a unix socket was shut down are still served. */
static void
test_ended_behind_clients (gconstpointer mode)
{
  char *path = get_path ("behind"), *address;
  KaaSocket *server = begin_server (mode, path, &address);
  int clients[3];

  begin_events ();
  note_signal (KAA_IO_CHANNEL (server), "closed");
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_raw (path);
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  g_assert_cmpint (shutdown (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server)), SHUT_RDWR), ==, 0);
  assert_ended (server, g_io_error_from_errno (EINVAL));
  g_assert_cmpuint (n_clients, ==, G_N_ELEMENTS (clients));

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  end_events ();
  end_server (server, address);
  g_free (path);
}

/* A handler may do anything to the server, also when the server ends. */
static void
drop_server (KaaIOChannel *channel,
             gboolean      expected,
             KaaSocket   **server)
{
  g_assert_false (expected);
  g_clear_object (server);
}

static void
close_server (KaaSocket    *server,
              const GError *error,
              gpointer      user_data)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_IMMEDIATE));
}

static void
test_handlers (void)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, count_log, NULL);
  char *address;
  KaaSocket *server = begin_server (NULL, "127.0.0.1:0", &address);
  KaaSocket *alive = server;
  int client;

  g_object_add_weak_pointer (G_OBJECT (server), (gpointer *) &alive);
  g_signal_connect (server, "closed", G_CALLBACK (drop_server), &server);
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  refuse (ENOTSOCK, 1);
  client = connect_raw (address);
  spin_until (alive == NULL);
  close (client);
  g_free (address);

  server = begin_server (NULL, "127.0.0.1:0", &address);
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  g_signal_connect (server, "accept-error", G_CALLBACK (close_server), NULL);
  refuse (EPERM, G_MAXUINT);
  client = connect_raw (address);
  spin_until (!kaa_socket_get_listening (server));
  assert_at_rest ();
  g_assert_cmpuint (n_refusals, ==, 1);
  close (client);
  end_server (server, address);
  g_log_remove_handler ("Kaa", log);
}

/* The parent goes on, whatever the child does with what it has inherited. */
static void
test_forked (gconstpointer mode)
{
  char *path = get_path ("forked"), *address;
  KaaSocket *server = begin_server (mode, path, &address);
  int client, fd = kaa_io_channel_get_fileno (KAA_IO_CHANNEL (server)), status;
  pid_t child;

  begin_events ();
  note_signal (KAA_IO_CHANNEL (server), "closed");
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  settle ();
  client = connect_raw (path);
  child = fork ();
  if (child == 0)
    {
      gint64 until = g_get_monotonic_time () + 50000;

      while (g_get_monotonic_time () < until)
        g_main_context_iteration (NULL, FALSE);
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_IMMEDIATE));
      g_object_unref (server);
      /* It is looked at for leaks, too. */
      g_free (address);
      g_free (path);
      _exit (n_clients == 0 && fcntl (fd, F_GETFD) < 0 ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  spin_until (n_clients == 1);
  close (client);
  client = connect_raw (path);
  spin_until (n_clients == 2);
  g_assert_true (kaa_socket_get_listening (server));
  assert_events ("");

  close (client);
  end_server (server, address);
  end_events ();
  g_free (path);
}

static void
add_in_modes (const char    *name,
              GTestDataFunc  test)
{
  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    {
      char *path = g_strdup_printf ("/listener/%s/%s", name, modes[i] != NULL ? modes[i] : "auto");

      g_test_add_data_func (path, modes[i], test);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();
  add_in_modes ("refused", test_refused);
  add_in_modes ("refused-accept", test_refused_accept);
  add_in_modes ("endless", test_endless);
  g_test_add_func ("/listener/quiet", test_quiet);
  g_test_add_func ("/listener/lost", test_lost);
  add_in_modes ("ended-errno", test_ended_errno);
  add_in_modes ("ended", test_ended);
  add_in_modes ("ended-one-of-two", test_ended_one_of_two);
  add_in_modes ("ended-behind-clients", test_ended_behind_clients);
  g_test_add_func ("/listener/handlers", test_handlers);
  add_in_modes ("forked", test_forked);
  result = g_test_run ();
  end_sockets ();
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listening and accepting. */

#include "ends/socket-fixture.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

static guint n_clients;

static void
count_client (KaaSocket *server,
              KaaSocket *client,
              gpointer   user_data)
{
  g_assert_true (kaa_socket_get_connected (client));
  n_clients++;
}

static void
echo_line (KaaIOChannel *channel,
           GBytes       *line,
           gpointer      user_data)
{
  GError *error = NULL;

  kaa_io_channel_send (channel, line, &error);
  g_assert_no_error (error);
}

static void
serve_echo (KaaSocket *server,
            KaaSocket *client,
            gpointer   user_data)
{
  n_clients++;
  g_signal_connect (client, "readline", G_CALLBACK (echo_line), NULL);
}

static void
keep_client (KaaSocket *server,
             KaaSocket *client,
             gpointer   array)
{
  g_ptr_array_add (array, g_object_ref (client));
}

/* Is the connection still waiting in the kernel? */
static gboolean
is_waiting (const char *address)
{
  char *port = g_strdup_printf (":%04X", (guint) g_ascii_strtoull (strrchr (address, ':') + 1, NULL, 10));
  char *table = NULL;
  gboolean waiting = FALSE;
  char **lines;

  g_assert_true (g_file_get_contents ("/proc/net/tcp", &table, NULL, NULL));
  lines = g_strsplit (table, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      char local[64], remote[64], queues[64];
      unsigned state;

      /* A listening socket's receive queue is the number of clients that wait. */
      if (sscanf (lines[i], " %*[0-9]: %63s %63s %X %63s", local, remote, &state, queues) == 4 &&
          g_str_has_suffix (local, port) && state == 0x0A)
        waiting = g_ascii_strtoull (strchr (queues, ':') + 1, NULL, 16) > 0;
    }
  g_strfreev (lines);
  g_free (table);
  g_free (port);
  return waiting;
}

static void
test_new_client (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;

  n_clients = 0;
  g_signal_connect (server, "new-client", G_CALLBACK (serve_echo), NULL);
  g_assert_true (kaa_socket_get_listening (server));
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (server)));
  client = connect_client (address);
  say_and_forget (client, "hello\n");
  assert_bytes (readline_of (client), "hello\n");
  g_assert_cmpuint (n_clients, ==, 1);

  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* Nobody listens to the listener: the kernel keeps the client, and nothing runs. */
static void
test_interest (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  int client = connect_plain (address);
  gulong handler;

  n_clients = 0;
  assert_at_rest ();
  g_assert_true (is_waiting (address));

  handler = g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  spin_until (n_clients == 1);
  g_assert_false (is_waiting (address));
  close (client);

  g_signal_handler_block (server, handler);
  client = connect_plain (address);
  assert_at_rest ();
  g_assert_true (is_waiting (address));
  g_signal_handler_unblock (server, handler);
  spin_until (n_clients == 2);
  close (client);

  g_object_set (server, "auto-accept", FALSE, NULL);
  client = connect_plain (address);
  assert_at_rest ();
  g_assert_true (is_waiting (address));
  g_object_set (server, "auto-accept", TRUE, NULL);
  spin_until (n_clients == 3);
  close (client);

  g_object_set (server, "paused", TRUE, NULL);
  client = connect_plain (address);
  settle ();
  g_assert_true (is_waiting (address));
  g_object_set (server, "paused", FALSE, NULL);
  spin_until (n_clients == 4);
  close (client);

  finish_socket (server);
  g_free (address);
}

/* Those asked for first come first; the handler gets the rest. */
static void
test_accept_order (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *first = kaa_socket_accept (server);
  KaaInProgress *second = kaa_socket_accept (server);
  KaaSocket *one, *two;
  int clients[3];

  n_clients = 0;
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  for (guint i = 0; i < 3; i++)
    {
      char text[3] = { '1' + i, '\n', 0 };

      clients[i] = connect_plain (address);
      put_string (clients[i], text);
    }
  one = wait_client (first);
  two = wait_client (second);
  assert_bytes (readline_of (one), "1\n");
  assert_bytes (readline_of (two), "2\n");
  spin_until (n_clients == 1);

  for (guint i = 0; i < 3; i++)
    close (clients[i]);
  finish_socket (one);
  finish_socket (two);
  finish_socket (server);
  g_free (address);
}

/* An accept() that is aborted or dropped takes no client. */
static void
test_accept_abort (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *aborted = kaa_socket_accept (server);
  KaaInProgress *dropped = kaa_socket_accept (server);
  GError *error = NULL;
  KaaSocket *peer;
  int client;

  settle ();
  g_assert_true (kaa_in_progress_abort (aborted, &error));
  g_object_unref (dropped);
  assert_fails (aborted, G_IO_ERROR_CANCELLED);
  client = connect_plain (address);
  put_string (client, "here\n");
  settle ();
  g_assert_true (is_waiting (address));
  peer = wait_client (kaa_socket_accept (server));
  assert_bytes (readline_of (peer), "here\n");

  close (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

static void
on_accepted (GObject      *source,
             GAsyncResult *result,
             gpointer      client)
{
  GError *error = NULL;

  *(KaaSocket **) client = kaa_socket_accept_finish (KAA_SOCKET (source), result, &error);
  g_assert_no_error (error);
}

static void
test_accept_async (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *peer = NULL;
  int client = connect_plain (address);

  kaa_socket_accept_async (server, NULL, on_accepted, &peer);
  spin_until (peer != NULL);
  close (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

static void
test_close (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *pending = kaa_socket_accept (server);

  begin_events ();
  note_signal (KAA_IO_CHANNEL (server), "closed");
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_NONE));
  assert_events ("closed");
  assert_fails (pending, G_IO_ERROR_CLOSED);
  g_assert_false (kaa_socket_get_listening (server));
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (server)));
  assert_fails (kaa_socket_accept (server), G_IO_ERROR_CLOSED);

  /* It may listen again. */
  g_free (start_listening (server, address));
  finish_socket (server);
  end_events ();
  g_free (address);
}

/* C5: whoever does not keep its client, and does not listen to it, loses it. */
static void
test_unkept_client (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;

  n_clients = 0;
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  client = connect_client (address);
  assert_bytes (readline_of (client), "");
  g_assert_cmpuint (n_clients, ==, 1);

  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* C5 for the listener: it lives while its signal is heard, and goes when nobody can. */
static void
test_held (void)
{
  char *address;
  KaaSocket *server = start_server (&address), *heard = server;
  KaaSocket *client;
  GSocketAddress *local;
  char *other;

  g_signal_connect (server, "new-client", G_CALLBACK (serve_echo), NULL);
  g_object_add_weak_pointer (G_OBJECT (server), (gpointer *) &heard);
  g_object_unref (server);
  settle ();
  g_assert_nonnull (heard);
  client = connect_client (address);
  say_and_forget (client, "x\n");
  assert_bytes (readline_of (client), "x\n");
  finish_socket (client);
  g_object_ref (heard);
  finish_socket (heard);
  g_assert_null (heard);

  server = start_server (&other);
  local = kaa_socket_get_local_address (server);
  g_object_add_weak_pointer (G_OBJECT (server), (gpointer *) &server);
  g_object_unref (server);
  spin_until (server == NULL);
  client = kaa_socket_new ();
  assert_fails (kaa_socket_connect_to (client, other), G_IO_ERROR_CONNECTION_REFUSED);
  finish_socket (client);
  g_object_unref (local);
  g_free (other);
  g_free (address);
}

static void
test_max_clients (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  GPtrArray *kept = g_ptr_array_new_with_free_func (g_object_unref);
  int clients[4];

  g_object_set (server, "max-clients", 2, NULL);
  g_signal_connect (server, "new-client", G_CALLBACK (keep_client), kept);
  for (guint i = 0; i < 4; i++)
    clients[i] = connect_plain (address);
  spin_until (kept->len == 2);
  assert_at_rest ();
  g_assert_cmpuint (kept->len, ==, 2);
  g_assert_true (is_waiting (address));

  /* Closed by us, by the other side, or let go: each makes room. */
  g_object_unref (kaa_io_channel_close (kept->pdata[0], KAA_CLOSE_IMMEDIATE));
  spin_until (kept->len == 3);
  g_ptr_array_remove_index_fast (kept, 1);
  spin_until (kept->len == 3);
  g_assert_false (is_waiting (address));

  g_object_set (server, "max-clients", 0, NULL);
  for (guint i = 0; i < 4; i++)
    close (clients[i]);
  g_ptr_array_unref (kept);
  finish_socket (server);
  g_free (address);
}

/* --- socket files --- */

static void
test_socket_file (void)
{
  char *path = get_path ("file");
  KaaSocket *server = kaa_socket_new ();
  struct stat status;
  mode_t mask = umask (022);

  g_free (start_listening (server, path));
  g_assert_cmpint (lstat (path, &status), ==, 0);
  g_assert_true (S_ISSOCK (status.st_mode));
  g_assert_cmpuint (status.st_mode & 07777, ==, 0600);
  finish_socket (server);
  g_assert_cmpint (lstat (path, &status), <, 0);

  /* Whatever the umask. */
  umask (0777);
  server = kaa_socket_new ();
  g_object_set (server, "socket-mode", 0666, NULL);
  g_free (start_listening (server, path));
  umask (mask);
  g_assert_cmpint (lstat (path, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 07777, ==, 0666);

  /* Not removed when it is another's by now. */
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  finish_socket (server);
  g_assert_cmpint (unlink (path), ==, 0);
  g_free (path);
}

static void
leave_stale (const char *path)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (un.sun_path, path, sizeof un.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &un, sizeof un), ==, 0);
  g_assert_cmpint (listen (fd, 1), ==, 0);
  close (fd);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
assert_listen_fails (const char   *address,
                     GIOErrorEnum  code)
{
  KaaSocket *server = kaa_socket_new ();
  GError *error = NULL;
  guint fds = count_fds ();

  g_assert_false (kaa_socket_listen (server, address, 0, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_assert_cmpstr (error->message, !=, "");
  g_assert_false (kaa_socket_get_listening (server));
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (server)));
  g_assert_cmpuint (count_fds (), ==, fds);
  g_error_free (error);
  g_object_unref (server);
}

/* A stale socket file is replaced only if nobody answers and it is a socket. */
static void
test_stale (void)
{
  char *path = get_path ("stale");
  KaaSocket *server = kaa_socket_new ();
  char *link;

  leave_stale (path);
  g_free (start_listening (server, path));

  /* Somebody answers. */
  assert_listen_fails (path, G_IO_ERROR_ADDRESS_IN_USE);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  finish_socket (server);

  /* No socket. */
  g_assert_true (g_file_set_contents (path, "precious", -1, NULL));
  assert_listen_fails (path, G_IO_ERROR_EXISTS);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
  g_assert_cmpint (unlink (path), ==, 0);

  /* Not even through a link. */
  leave_stale (path);
  link = get_path ("link");
  g_assert_cmpint (symlink (path, link), ==, 0);
  assert_listen_fails (link, G_IO_ERROR_EXISTS);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_cmpint (unlink (link), ==, 0);
  g_assert_cmpint (unlink (path), ==, 0);
  g_free (link);
  g_free (path);
}

static void
test_listen_errors (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  char *long_path = g_strnfill (200, 'a');
  char *long_address = g_strconcat ("unix:", long_path, NULL);
  GError *error = NULL;
  int fds[2];

  assert_listen_fails (address, G_IO_ERROR_ADDRESS_IN_USE);
  assert_listen_fails (long_address, G_IO_ERROR_INVALID_ARGUMENT);
  assert_listen_fails ("", G_IO_ERROR_INVALID_ARGUMENT);
  assert_listen_fails ("/no/such/directory/s", G_IO_ERROR_NOT_FOUND);
  assert_listen_fails ("192.0.2.1:0", g_io_error_from_errno (EADDRNOTAVAIL));
  assert_listen_fails ("systemd:", G_IO_ERROR_NOT_FOUND);

  g_assert_false (kaa_socket_listen (server, "127.0.0.1:0", 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_true (kaa_socket_get_listening (server));
  finish_socket (server);

  server = kaa_socket_new ();
  g_assert_false (kaa_socket_listen_fd (server, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  make_sockets (&fds[0], &fds[1]);
  g_assert_false (kaa_socket_listen_fd (server, fds[0], &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  close (fds[0]);
  close (fds[1]);
  g_object_unref (server);

  g_free (long_address);
  g_free (long_path);
  g_free (address);
}

/* A listening socket has no bytes, and cannot be taken over by another channel. */
static void
test_no_bytes (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaIOChannel *other = kaa_io_channel_new ();
  GError *error = NULL;

  assert_fails (say (server, "x"), G_IO_ERROR_NOT_SUPPORTED);
  g_assert_false (kaa_io_channel_steal (other, KAA_IO_CHANNEL (server), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_object_unref (other);
  finish_socket (server);
  g_free (address);
}

static void
test_credentials (void)
{
  char *path = get_path ("credentials");
  KaaSocket *server = kaa_socket_new (), *client, *peer;
  GCredentials *credentials;
  GError *error = NULL;
  char *address;

  g_free (start_listening (server, path));
  client = connect_client (path);
  peer = wait_client (kaa_socket_accept (server));
  credentials = kaa_socket_get_credentials (peer, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_credentials_get_unix_pid (credentials, NULL), ==, getpid ());
  g_assert_cmpint (g_credentials_get_unix_user (credentials, NULL), ==, getuid ());
  g_object_unref (credentials);
  g_assert_null (kaa_socket_get_credentials (server, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  finish_socket (client);
  finish_socket (peer);
  finish_socket (server);

  server = start_server (&address);
  client = connect_client (address);
  g_assert_null (kaa_socket_get_credentials (client, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
  g_free (path);
}

/* --- re-entrancy: what a handler of new-client may do --- */

typedef enum
{
  CLOSE_SERVER,
  CLOSE_SERVER_NOW,
  CLOSE_CLIENT_NOW,
  DISPOSE_SERVER,
  DISCONNECT,
  ACCEPT,
  DROP_SERVER,
  WAIT_FOR_CLIENT,
  LISTEN_ELSEWHERE,
  N_DEEDS
} Deed;

typedef struct
{
  Deed deed;
  KaaSocket *server;
  gulong handler;
  guint n;
  guint depth;
} Matrix;

static void
do_deed (KaaSocket *server,
         KaaSocket *client,
         gpointer   data)
{
  Matrix *matrix = data;
  GError *error = NULL;

  matrix->n++;
  g_assert_cmpuint (matrix->depth, ==, 0);
  matrix->depth++;
  switch (matrix->deed)
    {
    case CLOSE_SERVER:
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_NONE));
      break;
    case CLOSE_SERVER_NOW:
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_IMMEDIATE));
      break;
    case CLOSE_CLIENT_NOW:
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_IMMEDIATE));
      break;
    case DISPOSE_SERVER:
      g_object_run_dispose (G_OBJECT (server));
      break;
    case DISCONNECT:
      g_signal_handler_disconnect (server, matrix->handler);
      break;
    case ACCEPT:
      {
        /* The next one, in a nested loop. */
        KaaInProgress *future = kaa_socket_accept (server);
        GObject *next = kaa_in_progress_wait_object (future, 60, &error);

        g_signal_handler_disconnect (server, matrix->handler);
        g_assert_no_error (error);
        g_object_unref (next);
        g_object_unref (future);
        break;
      }
    case DROP_SERVER:
      g_signal_handler_disconnect (server, matrix->handler);
      g_clear_object (&matrix->server);
      break;
    case WAIT_FOR_CLIENT:
      {
        KaaInProgress *future = readline_of (client);
        GBytes *line = kaa_in_progress_wait_bytes (future, 60, &error);

        g_assert_no_error (error);
        g_bytes_unref (line);
        g_object_unref (future);
        break;
      }
    case LISTEN_ELSEWHERE:
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_IMMEDIATE));
      g_assert_true (kaa_socket_listen (server, "127.0.0.1:0", 0, &error));
      g_assert_no_error (error);
      break;
    default:
      g_assert_not_reached ();
    }
  matrix->depth--;
}

static void
test_re_entrancy (void)
{
  for (Deed deed = 0; deed < N_DEEDS; deed++)
    {
      Matrix matrix = { deed, NULL, 0, 0, 0 };
      guint fds = count_fds ();
      int clients[3];
      char *address;

      matrix.server = start_server (&address);
      for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
        {
          clients[i] = connect_plain (address);
          put_string (clients[i], "line\n");
        }
      matrix.handler = g_signal_connect (matrix.server, "new-client", G_CALLBACK (do_deed), &matrix);
      spin_until (matrix.n >= 1 && matrix.depth == 0);
      settle ();

      switch (deed)
        {
        case CLOSE_CLIENT_NOW:
        case WAIT_FOR_CLIENT:
          spin_until (matrix.n == 3);
          break;
        default:
          g_assert_cmpuint (matrix.n, ==, 1);
        }

      for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
        close (clients[i]);
      if (matrix.server != NULL)
        {
          g_signal_handlers_disconnect_by_data (matrix.server, &matrix);
          finish_socket (matrix.server);
        }
      settle ();
      g_assert_cmpuint (count_fds (), <=, fds);
      g_free (address);
    }
}

/* --- many --- */

#define N_MANY 5000

static gboolean
raise_limit (rlim_t wanted)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  if (limit.rlim_cur >= wanted)
    return TRUE;
  limit.rlim_cur = wanted;
  limit.rlim_max = MAX (limit.rlim_max, wanted);
  return setrlimit (RLIMIT_NOFILE, &limit) == 0;
}

static guint n_answers;

static void
count_answer (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      number)
{
  char *expected = g_strdup_printf ("%u\n", GPOINTER_TO_UINT (number));

  g_assert_cmpmem (g_bytes_get_data (line, NULL), g_bytes_get_size (line), expected, strlen (expected));
  g_free (expected);
  n_answers++;
}

/* 5,000 clients at once: each gets its own answer. */
static void
test_many (void)
{
  KaaSocket **clients;
  KaaSocket *server;
  struct rlimit before;
  char *address;

  getrlimit (RLIMIT_NOFILE, &before);
  if (!raise_limit (2 * N_MANY + 200))
    {
      g_test_skip ("so many descriptors are not allowed");
      return;
    }

  address = get_path ("many");
  server = kaa_socket_new ();
  g_free (start_listening (server, address));
  n_clients = n_answers = 0;
  g_signal_connect (server, "new-client", G_CALLBACK (serve_echo), NULL);
  clients = g_new (KaaSocket *, N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    {
      /* A unix socket whose queue is full refuses at once, where TCP would wait. */
      clients[i] = connect_client (address);
      g_signal_connect (clients[i], "readline", G_CALLBACK (count_answer), GUINT_TO_POINTER (i));
    }
  spin_until (n_clients == N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    {
      char *text = g_strdup_printf ("%u\n", i);

      say_and_forget (clients[i], text);
      g_free (text);
    }
  spin_until (n_answers == N_MANY);
  for (guint i = 0; i < N_MANY; i++)
    {
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (clients[i]), KAA_CLOSE_IMMEDIATE));
      g_object_unref (clients[i]);
    }
  finish_socket (server);
  g_free (clients);
  g_free (address);
  setrlimit (RLIMIT_NOFILE, &before);
}

/* --- no descriptors left --- */

static guint n_logs, n_errors;

static GLogWriterOutput
count_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if (level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL))
    n_logs++;
  return G_LOG_WRITER_HANDLED;
}

static void
count_error (KaaSocket    *server,
             const GError *error,
             gpointer      user_data)
{
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES);
  n_errors++;
}

/* The storm: one error, hardly a line in the log, no spinning, and then it goes on. */
static void
test_emfile (void)
{
  char *address;
  KaaSocket *server;
  struct rlimit before, low;
  GArray *eaten;
  gboolean over = FALSE;
  int clients[5], fd;

  /* Log writers can be set once only, so this runs in a process of its own. */
  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  server = start_server (&address);
  eaten = g_array_new (FALSE, FALSE, sizeof (int));
  g_log_set_writer_func (count_log, NULL, NULL);
  n_clients = 0;
  g_signal_connect (server, "new-client", G_CALLBACK (serve_echo), NULL);
  g_signal_connect (server, "accept-error", G_CALLBACK (count_error), NULL);
  settle ();
  for (guint i = 0; i < 5; i++)
    clients[i] = connect_plain (address);

  getrlimit (RLIMIT_NOFILE, &before);
  low = before;
  low.rlim_cur = 64;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &low), ==, 0);
  while ((fd = dup (0)) >= 0)
    g_array_append_val (eaten, fd);

  g_main_context_set_poll_func (NULL, counting_poll);
  n_polls = 0;
  g_timeout_add (400, raise_flag, &over);
  spin_until (over);
  g_main_context_set_poll_func (NULL, NULL);
  g_assert_cmpuint (n_clients, ==, 0);
  g_assert_cmpuint (n_errors, ==, 1);
  g_assert_cmpuint (n_logs, ==, 1);
  /* One turn for each pause of 10 ms or more, and some. */
  g_assert_cmpuint (n_polls, <=, 100);

  for (guint i = 0; i < eaten->len; i++)
    close (g_array_index (eaten, int, i));
  setrlimit (RLIMIT_NOFILE, &before);
  spin_until (n_clients == 5);
  put_string (clients[4], "still here\n");
  spin_until (get_waiting (clients[4]) > 0);

  for (guint i = 0; i < 5; i++)
    close (clients[i]);
  g_array_unref (eaten);
  finish_socket (server);
  g_free (address);
}

/* --- fairness --- */

typedef struct
{
  guint beats;
  guint most_clients_between;
  guint clients_before;
} Beat;

static gboolean
on_beat (gpointer data)
{
  Beat *beat = data;

  beat->most_clients_between = MAX (beat->most_clients_between, n_clients - beat->clients_before);
  beat->clients_before = n_clients;
  beat->beats++;
  return G_SOURCE_CONTINUE;
}

/* Of a crowd that waits, a dispatch takes no more than its budget: other sources get their turn in between. */
static void
test_crowd (void)
{
  char *path = get_path ("crowd");
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  KaaSocket *server = kaa_socket_new ();
  Beat beat = { 0, };
  int clients[400];
  guint idle;

  g_free (start_listening (server, path));
  g_strlcpy (un.sun_path, path, sizeof un.sun_path);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      clients[i] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      g_assert_cmpint (connect (clients[i], (struct sockaddr *) &un, sizeof un), ==, 0);
    }

  n_clients = 0;
  idle = g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, on_beat, &beat, NULL);
  g_signal_connect (server, "new-client", G_CALLBACK (count_client), NULL);
  spin_until (n_clients == G_N_ELEMENTS (clients));
  g_source_remove (idle);
  /* A budget at its own priority, and one at that of the timer. */
  g_assert_cmpuint (beat.most_clients_between, <=, 2 * 64);

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  finish_socket (server);
  g_free (path);
}

/* The descriptor of a listener is not the parent's to lose, nor is its file. */
static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaSocket *server;
  KaaInProgress *pending;
  GError *error = NULL;
  char *path = get_path ("gone");

  g_main_context_push_thread_default (context);
  server = kaa_socket_new ();
  g_assert_true (kaa_socket_listen (server, path, 0, &error));
  pending = kaa_socket_accept (server);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  g_assert_false (kaa_socket_get_listening (server));
  g_assert_true (kaa_in_progress_get_failed (pending));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_object_unref (pending);
  g_object_unref (server);
  g_free (path);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();

  g_test_add_func ("/socket/listen/new-client", test_new_client);
  g_test_add_func ("/socket/listen/interest", test_interest);
  g_test_add_func ("/socket/listen/accept-order", test_accept_order);
  g_test_add_func ("/socket/listen/accept-abort", test_accept_abort);
  g_test_add_func ("/socket/listen/accept-async", test_accept_async);
  g_test_add_func ("/socket/listen/close", test_close);
  g_test_add_func ("/socket/listen/unkept-client", test_unkept_client);
  g_test_add_func ("/socket/listen/held", test_held);
  g_test_add_func ("/socket/listen/max-clients", test_max_clients);
  g_test_add_func ("/socket/listen/socket-file", test_socket_file);
  g_test_add_func ("/socket/listen/stale", test_stale);
  g_test_add_func ("/socket/listen/errors", test_listen_errors);
  g_test_add_func ("/socket/listen/no-bytes", test_no_bytes);
  g_test_add_func ("/socket/listen/credentials", test_credentials);
  g_test_add_func ("/socket/listen/re-entrancy", test_re_entrancy);
  g_test_add_func ("/socket/listen/many", test_many);
  g_test_add_func ("/socket/listen/emfile", test_emfile);
  g_test_add_func ("/socket/listen/crowd", test_crowd);
  g_test_add_func ("/socket/listen/context-gone", test_context_gone);

  result = g_test_run ();
  end_sockets ();
  return result;
}

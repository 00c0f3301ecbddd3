/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every system call of a listen and of a connect fails once, in each place where it is made. What comes of it is an error, or
 * something that works; nothing is left open, no file stays behind, and nothing waits for ever.
 */

#include "ends/socket-fixture.h"

#include <sys/stat.h>
#include <sys/un.h>

/* --- Faults (the program is linked with --wrap) --- */

static const char *faulty; /* the call; NULL for none */
static guint n_before;     /* so many go well first */
static int fault;          /* errno */
static gboolean hit;

static gboolean
is_due (const char *name)
{
  if (faulty == NULL || hit || !g_str_equal (faulty, name) || n_before-- > 0)
    return FALSE;
  hit = TRUE;
  errno = fault;
  return TRUE;
}

#define WRAP(name, parameters, arguments) \
  int __real_##name parameters; \
  int __wrap_##name parameters; \
  int __wrap_##name parameters \
  { \
    return is_due (#name) ? -1 : __real_##name arguments; \
  }

WRAP (socket, (int family, int type, int protocol), (family, type, protocol))
WRAP (bind, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
WRAP (listen, (int fd, int backlog), (fd, backlog))
WRAP (connect, (int fd, const struct sockaddr *address, socklen_t length), (fd, address, length))
WRAP (accept4, (int fd, struct sockaddr *address, socklen_t *length, int flags), (fd, address, length, flags))
WRAP (getsockname, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length))
WRAP (getpeername, (int fd, struct sockaddr *address, socklen_t *length), (fd, address, length))
WRAP (getsockopt, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size))
WRAP (setsockopt, (int fd, int level, int name, const void *value, socklen_t size), (fd, level, name, value, size))
WRAP (chmod, (const char *path, mode_t mode), (path, mode))
WRAP (fchmod, (int fd, mode_t mode), (fd, mode))
WRAP (unlink, (const char *path), (path))
WRAP (lstat64, (const char *path, struct stat *status), (path, status))
WRAP (fstat64, (int fd, struct stat *status), (fd, status))
WRAP (fcntl64, (int fd, int command, long argument), (fd, command, argument))
WRAP (open64, (const char *path, int flags, mode_t mode), (path, flags, mode))
WRAP (epoll_create1, (int flags), (flags))
WRAP (epoll_ctl, (int set, int operation, int fd, void *event), (set, operation, fd, event))

static void
begin_fault (const char *name,
             guint       before,
             int         errsv)
{
  faulty = name;
  n_before = before;
  fault = errsv;
  hit = FALSE;
}

static const char *const calls[] = {
  "socket", "bind", "listen", "connect", "accept4", "getsockname", "getpeername", "getsockopt", "setsockopt", "chmod", "fchmod",
  "unlink", "lstat64", "fstat64", "fcntl64", "open64", "epoll_create1", "epoll_ctl",
};

static const int reasons[] = { EMFILE, EPERM, ENOMEM, EIO };

static void
ignore_log (const char     *domain,
            GLogLevelFlags  level,
            const char     *message,
            gpointer        user_data)
{
}

/* --- Listening --- */

static void
leave_stale (const char *path)
{
  struct sockaddr_un un = { .sun_family = AF_UNIX };
  int fd = __real_socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (un.sun_path, path, sizeof un.sun_path);
  g_assert_cmpint (__real_bind (fd, (struct sockaddr *) &un, sizeof un), ==, 0);
  close (fd);
}

/* GIO is not wrapped. */
static int
connect_by_gio (KaaSocket *server)
{
  GSocketAddress *local = kaa_socket_get_local_address (server);
  GSocketClient *client = g_socket_client_new ();
  GError *error = NULL;
  GSocketConnection *connection = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (local), NULL, &error);
  int fd;

  g_assert_no_error (error);
  fd = dup (g_socket_get_fd (g_socket_connection_get_socket (connection)));
  g_object_unref (connection);
  g_object_unref (client);
  g_object_unref (local);
  return fd;
}

/* The next client, or the one after that: one may be lost on the way. */
static void
assert_serves (KaaSocket *server)
{
  KaaInProgress *accepted = kaa_socket_accept (server), *said;
  int clients[3] = { -1, -1, -1 };
  KaaSocket *peer;

  for (guint i = 0; i < G_N_ELEMENTS (clients) && !kaa_in_progress_get_finished (accepted); i++)
    {
      gint64 until = g_get_monotonic_time () + 200000;

      clients[i] = connect_by_gio (server);
      while (!kaa_in_progress_get_finished (accepted) && g_get_monotonic_time () < until)
        g_main_context_iteration (NULL, FALSE);
    }
  peer = wait_client (accepted);
  said = say (peer, "hello\n");
  spin_until (kaa_in_progress_get_finished (said));
  g_assert_false (kaa_in_progress_get_failed (said));
  g_object_unref (said);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    if (clients[i] >= 0)
      close (clients[i]);
  finish_socket (peer);
}

typedef enum
{
  AT_PATH,
  AT_STALE_PATH,
  AT_ABSTRACT,
  AT_LOOPBACK,
  AT_LOCALHOST,
  AT_EVERY_ADDRESS,
  N_PLACES
} Place;

static void
check_listen (Place place)
{
  char *path = get_path ("faulty");
  gboolean has_file = place == AT_PATH || place == AT_STALE_PATH;
  char *abstract = g_strdup_printf ("unix-abstract:kaa-faults-%d", (int) getpid ());
  const char *addresses[] = { path, path, abstract, "127.0.0.1:0", "localhost:0", ":0" };
  KaaSocket *server = kaa_socket_new ();
  guint fds = count_fds ();
  GError *error = NULL;
  GSocketAddress *local;
  struct stat status;
  const char *call = faulty;
  gboolean listening;

  faulty = NULL;
  if (place == AT_STALE_PATH)
    leave_stale (path);
  faulty = call;

  /* The file is to have more bits than the umask allows. */
  g_object_set (server, "socket-mode", 0666, NULL);
  listening = kaa_socket_listen (server, addresses[place], 0, &error);
  if (listening)
    {
      g_assert_no_error (error);
      g_assert_true (kaa_socket_get_listening (server));
      if (has_file)
        {
          g_assert_cmpint (__real_lstat64 (path, &status), ==, 0);
          g_assert_cmpuint (status.st_mode & 07777, ==, 0666);
        }
      local = kaa_socket_get_local_address (server);
      if (local != NULL)
        {
          g_object_unref (local);
          assert_serves (server);
        }
    }
  else
    {
      g_assert_nonnull (error);
      g_assert_cmpstr (error->message, !=, "");
      g_error_free (error);
      g_assert_true (hit);
      g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (server)));
      settle ();
      g_assert_cmpuint (count_fds (), ==, fds);
      /* What was there before may be there still; nothing was added. */
      if (has_file && __real_lstat64 (path, &status) == 0)
        g_assert_cmpint (place, ==, AT_STALE_PATH);
      __real_unlink (path);
    }
  finish_socket (server);
  if (listening && has_file)
    {
      /* It could not be removed, or not be looked at, in which case it might be another's. */
      if (!hit || !(g_str_equal (call, "unlink") || g_str_equal (call, "lstat64")))
        g_assert_cmpint (__real_lstat64 (path, &status), <, 0);
      __real_unlink (path);
    }
  faulty = NULL;
  spin_until (count_fds () <= fds);
  g_free (abstract);
  g_free (path);
}

static void
test_listen (gconstpointer data)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, ignore_log, NULL);
  Place place = GPOINTER_TO_UINT (data);
  guint n_hits = 0;

  /* What the first one costs for good. */
  begin_fault (NULL, 0, 0);
  check_listen (place);

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    for (guint k = 0; k < G_N_ELEMENTS (reasons); k++)
      for (guint before = 0;; before++)
        {
          g_test_message ("%s fails with %s at call %u", calls[i], g_strerror (reasons[k]), before + 1);
          begin_fault (calls[i], before, reasons[k]);
          check_listen (place);
          if (!hit)
            break;
          n_hits++;
        }
  g_assert_cmpuint (n_hits, >, 20);
  g_log_remove_handler ("Kaa", log);
}

/* A descriptor that is given away stays the caller's where it is not taken. */
static void
test_listen_fd (void)
{
  guint log = g_log_set_handler ("Kaa", G_LOG_LEVEL_MASK, ignore_log, NULL);
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  guint n_refused = 0;

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    for (guint before = 0;; before++)
      {
        int fd = __real_socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        KaaSocket *server = kaa_socket_new ();
        GError *error = NULL;
        GSocketAddress *local;

        g_assert_cmpint (__real_bind (fd, (struct sockaddr *) &in, sizeof in), ==, 0);
        g_assert_cmpint (__real_listen (fd, 4), ==, 0);
        begin_fault (calls[i], before, EIO);
        if (kaa_socket_listen_fd (server, fd, &error))
          {
            local = kaa_socket_get_local_address (server);
            if (local != NULL)
              {
                g_object_unref (local);
                assert_serves (server);
              }
            finish_socket (server);
            faulty = NULL;
            g_assert_cmpint (fcntl (fd, F_GETFD), <, 0);
          }
        else
          {
            faulty = NULL;
            g_assert_nonnull (error);
            g_error_free (error);
            n_refused++;
            finish_socket (server);
            g_assert_cmpint (fcntl (fd, F_GETFD), >=, 0);
            close (fd);
          }
        if (!hit)
          break;
      }
  g_assert_cmpuint (n_refused, >, 3);
  g_log_remove_handler ("Kaa", log);
}

/* --- Connecting --- */

static void
check_connect (KaaSocket  *server,
               const char *address)
{
  KaaInProgress *accepted, *connected, *line;
  KaaSocket *client = kaa_socket_new (), *peer;
  GError *error = NULL;

  connected = kaa_socket_connect_to (client, address);
  spin_until (kaa_in_progress_get_finished (connected));
  faulty = NULL;
  if (kaa_in_progress_get_boolean (connected, &error))
    {
      accepted = kaa_socket_accept (server);
      peer = wait_client (accepted);
      line = readline_of (client);
      say_and_forget (peer, "hello\n");
      assert_bytes (line, "hello\n");
      finish_socket (peer);
    }
  else
    {
      g_assert_true (hit);
      g_assert_nonnull (error);
      g_assert_cmpstr (error->message, !=, "");
      g_error_free (error);
      g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
      /* The connection was there, and is closed. */
      peer = wait_client (kaa_socket_accept (server));
      assert_bytes (readline_of (peer), "");
      finish_socket (peer);
    }
  g_object_unref (connected);
  finish_socket (client);
}

static void
test_connect (gconstpointer where)
{
  char *path = get_path ("faulty"), *address;
  KaaSocket *server = kaa_socket_new ();
  guint n_hits = 0, fds;

  address = start_listening (server, g_str_equal (where, "unix") ? path : where);
  begin_fault (NULL, 0, 0);
  check_connect (server, address);
  fds = count_fds ();
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    for (guint before = 0;; before++)
      {
        begin_fault (calls[i], before, EIO);
        check_connect (server, address);
        spin_until (count_fds () <= fds);
        if (!hit)
          break;
        n_hits++;
      }
  g_assert_cmpuint (n_hits, >, 3);
  finish_socket (server);
  g_free (address);
  g_free (path);
}

int
main (int    argc,
      char **argv)
{
  static const char *const places[] = { "path", "stale-path", "abstract", "loopback", "localhost", "every-address" };
  int result;

  umask (022);
  g_test_init (&argc, &argv, NULL);
  begin_sockets ();
  for (guint i = 0; i < N_PLACES; i++)
    {
      char *name = g_strconcat ("/socket/faults/listen/", places[i], NULL);

      g_test_add_data_func (name, GUINT_TO_POINTER (i), test_listen);
      g_free (name);
    }
  g_test_add_func ("/socket/faults/listen-fd", test_listen_fd);
  g_test_add_data_func ("/socket/faults/connect/unix", "unix", test_connect);
  g_test_add_data_func ("/socket/faults/connect/inet", "127.0.0.1:0", test_connect);
  result = g_test_run ();
  end_sockets ();
  return result;
}

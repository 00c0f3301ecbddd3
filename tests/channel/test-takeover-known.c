/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of a descriptor goes with it when another channel takes it over. */

#include "transport/tls-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

static gboolean
is_open_fd (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static KaaIOChannel *
open_socket (int *fd,
             int *other)
{
  make_sockets (fd, other);
  return open_fd (*fd, BOTH);
}

/* A channel that has taken over the other one, which is dropped. */
static KaaIOChannel *
take (KaaIOChannel   *other,
      gboolean        steal,
      KaaIOCondition  mode)
{
  KaaIOChannel *self = kaa_io_channel_new ();
  GError *error = NULL;

  if (steal)
    g_assert_true (kaa_io_channel_steal (self, other, &error));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, other, mode, &error));
  g_assert_no_error (error);
  return self;
}

static gboolean
wait_for (KaaInProgress *future)
{
  gboolean good;

  spin_until (kaa_in_progress_get_finished (future));
  good = !kaa_in_progress_get_failed (future);
  g_object_unref (future);
  return good;
}

/* --- half-closed by us --- */

static void
test_shut_down (gconstpointer steal)
{
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;
  KaaInProgress *early;
  char buffer[16];

  g_assert_true (wait_for (kaa_io_channel_shutdown (from, KAA_IO_WRITE)));
  put_string (other, "answer\n");
  self = kaa_io_channel_new ();
  early = write_text (self, "too early, and too late");
  if (steal)
    g_assert_true (kaa_io_channel_steal (self, from, NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, from, BOTH, NULL));

  g_assert_false (kaa_io_channel_get_writable (self));
  g_assert_cmpint (kaa_io_channel_get_mode (self), ==, BOTH);
  assert_fails (early, G_IO_ERROR_CLOSED);
  assert_fails (write_text (self, "late"), G_IO_ERROR_CLOSED);
  assert_bytes (kaa_io_channel_readline (self), "answer\n");
  g_assert_true (kaa_io_channel_get_alive (self));
  g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 0);
  put_string (other, "more\n");
  close (other);
  assert_bytes (kaa_io_channel_readline (self), "more\n");
  assert_bytes (kaa_io_channel_readline (self), "");
  settle ();
  g_assert_false (is_open_fd (fd));
  g_object_unref (self);
  g_object_unref (from);
}

/* What was queued before goes out first, and then the other side is told, wherever that is by then. */
static void
test_shutdown_pending (void)
{
  static char much[512 * 1024];
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;
  KaaInProgress *write, *shutdown;
  gsize total = 0;
  gssize n;

  write = kaa_io_channel_write (from, (const guint8 *) much, sizeof much);
  shutdown = kaa_io_channel_shutdown (from, KAA_IO_WRITE);
  settle ();
  g_assert_false (kaa_in_progress_get_finished (shutdown));
  self = take (from, TRUE, BOTH);
  g_assert_false (kaa_io_channel_get_writable (self));
  do
    {
      static char buffer[65536];

      n = recv (other, buffer, sizeof buffer, MSG_DONTWAIT);
      g_assert_true (n >= 0 || errno == EAGAIN);
      total += MAX (n, 0);
      g_main_context_iteration (NULL, FALSE);
    }
  while (n != 0);
  g_assert_cmpuint (total, ==, sizeof much);
  g_assert_true (wait_for (write));
  g_assert_true (wait_for (shutdown));
  put_string (other, "answer\n");
  assert_bytes (kaa_io_channel_readline (self), "answer\n");
  finish_channel (self);
  g_object_unref (from);
  close (other);
}

/* It fails with the writes before it, so it has not happened. */
static void
test_shutdown_pending_wrap (void)
{
  static char much[512 * 1024];
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;
  KaaInProgress *write, *shutdown;

  write = kaa_io_channel_write (from, (const guint8 *) much, sizeof much);
  shutdown = kaa_io_channel_shutdown (from, KAA_IO_WRITE);
  settle ();
  self = take (from, FALSE, BOTH);
  assert_fails (write, G_IO_ERROR_CLOSED);
  assert_fails (shutdown, G_IO_ERROR_CLOSED);
  g_assert_true (kaa_io_channel_get_writable (self));
  finish_channel (self);
  g_object_unref (from);
  close (other);
}

/* Dropping its future does not take it back. */
static void
test_shutdown_dropped (void)
{
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  char buffer[16];

  g_object_unref (write_text (from, "last"));
  g_object_unref (kaa_io_channel_shutdown (from, KAA_IO_WRITE));
  settle ();
  g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 4);
  g_assert_cmpint (recv (other, buffer, sizeof buffer, MSG_DONTWAIT), ==, 0);
  finish_channel (from);
  close (other);
}

/* Of two descriptors the one that is written is closed then. */
static void
test_two_descriptors (gconstpointer steal)
{
  KaaIOChannel *from = kaa_io_channel_new ();
  int in, feed, out, drain;
  KaaIOChannel *self;
  GError *error = NULL;
  char buffer[16];

  make_pipe (&in, &feed);
  make_pipe (&drain, &out);
  g_assert_true (kaa_io_channel_wrap_fds (from, in, out, &error));
  g_assert_true (wait_for (kaa_io_channel_shutdown (from, KAA_IO_WRITE)));
  g_assert_cmpint (read (drain, buffer, sizeof buffer), ==, 0);

  self = kaa_io_channel_new ();
  g_assert_false (kaa_io_channel_wrap_channel (self, from, KAA_IO_WRITE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_object_unref (self);

  self = take (from, steal != NULL, BOTH);
  g_assert_false (kaa_io_channel_get_writable (self));
  g_assert_cmpint (kaa_io_channel_get_mode (self), ==, BOTH);
  assert_fails (write_text (self, "late"), G_IO_ERROR_CLOSED);
  put_string (feed, "answer\n");
  assert_bytes (kaa_io_channel_readline (self), "answer\n");
  finish_channel (self);
  g_object_unref (from);
  g_assert_false (is_open_fd (in));
  close (feed);
  close (drain);
}

/* The half that is not asked for is closed, as its channel would have. */
static void
test_half (gconstpointer data)
{
  gboolean ours = data != NULL;

  for (KaaIOCondition mode = KAA_IO_READ; mode <= KAA_IO_WRITE; mode++)
    {
      KaaIOChannel *from = kaa_io_channel_new ();
      int in, feed, out, drain;
      KaaIOChannel *self;

      make_pipe (&in, &feed);
      make_pipe (&drain, &out);
      kaa_io_channel_set_close_fd (from, ours);
      g_assert_true (kaa_io_channel_wrap_fds (from, in, out, NULL));
      self = take (from, FALSE, mode);
      g_assert_true (is_open_fd (in) == (!ours || mode == KAA_IO_READ));
      g_assert_true (is_open_fd (out) == (!ours || mode == KAA_IO_WRITE));
      finish_channel (self);
      g_object_unref (from);
      g_assert_true (is_open_fd (in) == !ours);
      g_assert_true (is_open_fd (out) == !ours);
      if (!ours)
        {
          close (in);
          close (out);
        }
      close (feed);
      close (drain);
    }
}

/* --- the end of the input --- */

static void
test_end (gconstpointer data)
{
  gboolean steal = GPOINTER_TO_UINT (data) % 2;
  gboolean stays = GPOINTER_TO_UINT (data) / 2;
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self = kaa_io_channel_new ();
  char buffer[16];

  begin_events ();
  kaa_io_channel_set_close_on_eof (from, FALSE);
  kaa_io_channel_set_close_on_eof (self, !stays);
  note_signal (self, "closed");
  g_assert_cmpint (shutdown (other, SHUT_WR), ==, 0);
  assert_bytes (kaa_io_channel_readline (from), "");
  g_assert_true (kaa_io_channel_get_eof (from));

  if (steal)
    g_assert_true (kaa_io_channel_steal (self, from, NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, from, BOTH, NULL));
  g_assert_true (kaa_io_channel_get_eof (self));
  settle ();
  assert_events (stays ? "" : "hung-up");
  if (stays)
    {
      assert_bytes (kaa_io_channel_readline (self), "");
      g_assert_true (wait_for (write_text (self, "answer")));
      g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 6);
    }
  assert_at_rest ();
  finish_channel (self);
  end_events ();
  g_object_unref (from);
  close (other);
}

/* A request behind the end goes along, and looks once more, as a file may have grown. */
static void
test_behind_end (gconstpointer steal)
{
  int fd = make_file ("one\n", 4);
  int again = dup (fd);
  KaaIOChannel *from = open_fd (fd, BOTH);
  KaaIOChannel *self = kaa_io_channel_new ();
  KaaInProgress *line;

  assert_bytes (kaa_io_channel_readline (from), "one\n");
  assert_bytes (kaa_io_channel_readline (from), "");
  g_assert_cmpint (pwrite (again, "two\n", 4, 4), ==, 4);
  line = kaa_io_channel_readline (steal ? from : self);
  if (steal)
    g_assert_true (kaa_io_channel_steal (self, from, NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, from, BOTH, NULL));
  assert_bytes (line, "two\n");
  assert_bytes (kaa_io_channel_readline (self), "");
  finish_channel (self);
  g_object_unref (from);
  close (again);
}

/* --- errors --- */

/* The other side is gone, which a write has found out, and what it sent waits for a handler that is blocked. */
static void
test_reset (gconstpointer steal)
{
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;

  begin_events ();
  g_signal_handler_block (from, note_signal (from, "readline"));
  put_string (other, "one\ntwo\n");
  close (other);
  assert_fails (write_text (from, "nobody"), G_IO_ERROR_BROKEN_PIPE);
  settle ();
  g_assert_true (kaa_io_channel_get_alive (from));
  g_assert_true (kaa_io_channel_get_eof (from));

  self = take (from, steal != NULL, BOTH);
  note_signal (self, "closed");
  g_assert_false (kaa_io_channel_get_writable (self));
  g_assert_true (kaa_io_channel_get_eof (self));
  assert_fails (write_text (self, "nobody"), G_IO_ERROR_CLOSED);
  assert_bytes (kaa_io_channel_readline (steal ? self : from), "one\n");
  settle ();
  assert_events ("hung-up");
  g_assert_error (kaa_io_channel_get_error (self), G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_false (is_open_fd (fd));
  assert_bytes (kaa_io_channel_readline (steal ? self : from), "two\n");
  end_events ();
  g_object_unref (self);
  g_object_unref (from);
}

/* --- who the descriptor belongs to --- */

static void
test_close_fd (gconstpointer data)
{
  gboolean theirs = GPOINTER_TO_UINT (data) % 2;
  gboolean steal = GPOINTER_TO_UINT (data) / 2;
  int fd, other, mine, peer;
  KaaIOChannel *from = kaa_io_channel_new ();
  KaaIOChannel *self = kaa_io_channel_new ();

  make_sockets (&fd, &other);
  make_sockets (&mine, &peer);
  kaa_io_channel_set_close_fd (from, theirs);
  kaa_io_channel_set_close_fd (self, !theirs);
  g_assert_true (kaa_io_channel_wrap_fd (from, fd, BOTH, NULL));
  g_assert_true (kaa_io_channel_wrap_fd (self, mine, BOTH, NULL));
  if (steal)
    g_assert_true (kaa_io_channel_steal (self, from, NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, from, BOTH, NULL));
  /* What this channel had open is closed as it was to be, and the other as that was to be. */
  g_assert_true (is_open_fd (mine) == theirs);
  g_assert_true (kaa_io_channel_get_close_fd (self) == theirs);
  finish_channel (self);
  g_assert_true (is_open_fd (fd) == !theirs);
  g_object_unref (from);
  if (theirs)
    close (mine);
  else
    close (fd);
  close (other);
  close (peer);
}

/* O_NONBLOCK is put back by the last of those that needed it. */
static void
test_nonblocking (gconstpointer steal)
{
  int fd = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  KaaIOChannel *from = kaa_io_channel_new ();
  KaaIOChannel *self;

  kaa_io_channel_set_close_fd (from, FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (from, fd, BOTH, NULL));
  self = take (from, steal != NULL, BOTH);
  g_object_unref (from);
  settle ();
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, !=, 0);
  finish_channel (self);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, 0);
  close (fd);
}

/* --- readiness --- */

/* Another priority has another poller; what is at hand is found there, with few descriptors and with many. */
static void
test_priority (gconstpointer data)
{
  gboolean steal = GPOINTER_TO_UINT (data) % 2;
  guint n_others = GPOINTER_TO_UINT (data) / 2 * 20;
  KaaIOChannel *others[20];
  int fds[20];
  int fd, other;
  KaaIOChannel *from, *self;

  for (guint i = 0; i < n_others; i++)
    others[i] = open_pipe (&fds[i]);
  from = open_socket (&fd, &other);
  put_string (other, "one\n");
  settle ();
  self = kaa_io_channel_new ();
  kaa_io_channel_set_priority (self, G_PRIORITY_LOW);
  if (steal)
    g_assert_true (kaa_io_channel_steal (self, from, NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (self, from, BOTH, NULL));
  assert_bytes (kaa_io_channel_readline (self), "one\n");
  put_string (other, "two\n");
  assert_bytes (kaa_io_channel_readline (self), "two\n");
  close (other);
  assert_bytes (kaa_io_channel_readline (self), "");
  assert_at_rest ();
  g_object_unref (self);
  g_object_unref (from);
  for (guint i = 0; i < n_others; i++)
    {
      finish_channel (others[i]);
      close (fds[i]);
    }
}

/* One that only writes is not ended by the end of an input that it does not have. */
static void
test_only_output (void)
{
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;
  char buffer[16];

  kaa_io_channel_set_close_on_eof (from, FALSE);
  g_assert_cmpint (shutdown (other, SHUT_WR), ==, 0);
  assert_bytes (kaa_io_channel_readline (from), "");
  self = take (from, FALSE, KAA_IO_WRITE);
  settle ();
  g_assert_true (kaa_io_channel_get_alive (self));
  g_assert_true (wait_for (write_text (self, "still")));
  g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 5);
  assert_at_rest ();
  finish_channel (self);
  g_object_unref (from);
  close (other);
}

/* --- the write side --- */

/* Bytes that were lost, and nothing told about. */
static void
test_lost (void)
{
  int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  KaaIOChannel *from, *self;

  g_assert_cmpint (fd, >=, 0);
  from = open_fd (fd, KAA_IO_WRITE);
  g_assert_true (kaa_io_channel_send_data (from, (const guint8 *) "lost", 4, NULL));
  settle ();
  self = take (from, TRUE, KAA_IO_WRITE);
  assert_fails (kaa_io_channel_flush (self), G_IO_ERROR_NO_SPACE);
  g_assert_true (wait_for (kaa_io_channel_flush (self)));
  finish_channel (self);
  g_object_unref (from);
}

/* --- lines that are too long --- */

static void
test_discarding (void)
{
  int other;
  KaaIOChannel *from = open_pipe (&other);
  KaaIOChannel *self;
  KaaInProgress *line;

  kaa_io_channel_set_overflow_policy (from, KAA_OVERFLOW_DISCARD);
  kaa_io_channel_set_queue_size (from, 8);
  line = kaa_io_channel_readline (from);
  put_string (other, "far too long, and its");
  assert_fails (line, G_IO_ERROR_MESSAGE_TOO_LARGE);
  self = take (from, TRUE, KAA_IO_READ);
  put_string (other, " rest\nnext\n");
  assert_bytes (kaa_io_channel_readline (self), "next\n");
  finish_channel (self);
  g_object_unref (from);
  close (other);
}

/* --- the idle time --- */

/* That of the channel that has it; the other's is not its any more. */
static void
test_idle (gconstpointer steal)
{
  int fd, other;
  KaaIOChannel *from = open_socket (&fd, &other);
  KaaIOChannel *self;

  kaa_io_channel_set_idle_timeout (from, 0.01);
  self = take (from, steal != NULL, BOTH);
  g_assert_cmpfloat (kaa_io_channel_get_idle_timeout (self), ==, 0);
  assert_at_rest ();
  g_assert_true (kaa_io_channel_get_alive (self));
  g_assert_null (kaa_io_channel_get_error (from));
  kaa_io_channel_set_idle_timeout (self, 0.01);
  spin_until (!kaa_io_channel_get_alive (self));
  g_assert_error (kaa_io_channel_get_error (self), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_object_unref (self);
  g_object_unref (from);
  close (other);
}

/* --- sockets --- */

static void
keep_client (KaaSocket *server,
             KaaSocket *client,
             GPtrArray *clients)
{
  g_ptr_array_add (clients, g_object_ref (client));
}

/* A client is counted until its connection is closed, whatever channel has it. */
static void
test_counted (gconstpointer steal)
{
  GPtrArray *clients = g_ptr_array_new_with_free_func (g_object_unref);
  KaaSocket *server = kaa_socket_new ();
  KaaSocket *a = kaa_socket_new ();
  KaaSocket *b = kaa_socket_new ();
  KaaSocket *taker = kaa_socket_new ();
  GSocketAddress *local, *remote;
  GError *error = NULL;
  char *address;

  g_signal_connect (server, "new-client", G_CALLBACK (keep_client), clients);
  kaa_socket_set_max_clients (server, 1);
  g_assert_true (kaa_socket_listen (server, "127.0.0.1:0", 0, &error));
  local = kaa_socket_get_local_address (server);
  address = g_strdup_printf ("127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local)));
  g_assert_true (wait_for (kaa_socket_connect_to (a, address)));
  spin_until (clients->len == 1);
  if (steal)
    g_assert_true (kaa_io_channel_steal (KAA_IO_CHANNEL (taker), clients->pdata[0], NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (KAA_IO_CHANNEL (taker), clients->pdata[0], BOTH, NULL));
  g_assert_true (kaa_socket_get_connected (taker));
  g_assert_false (kaa_socket_get_connected (clients->pdata[0]));
  remote = kaa_socket_get_remote_address (taker);
  g_assert_true (G_IS_INET_SOCKET_ADDRESS (remote));
  g_object_unref (remote);

  g_assert_true (wait_for (kaa_socket_connect_to (b, address)));
  settle ();
  g_assert_cmpuint (clients->len, ==, 1);
  finish_channel (KAA_IO_CHANNEL (taker));
  spin_until (clients->len == 2);

  finish_channel (KAA_IO_CHANNEL (a));
  finish_channel (KAA_IO_CHANNEL (b));
  finish_channel (KAA_IO_CHANNEL (server));
  g_ptr_array_unref (clients);
  g_object_unref (local);
  g_free (address);
}

static void
test_descriptors (gconstpointer steal)
{
  int fd, other;
  KaaSocket *from = kaa_socket_new ();
  KaaSocket *peer = kaa_socket_new ();
  KaaSocket *self = kaa_socket_new ();
  GBytes *bytes = g_bytes_new_static ("x\n", 2);
  int passed = STDERR_FILENO;
  KaaInProgress *request;
  gsize n;
  int *fds;

  make_sockets (&fd, &other);
  kaa_socket_set_accept_fds (from, 4);
  kaa_socket_set_accept_fds (self, 4);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (from), fd, BOTH, NULL));
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (peer), other, BOTH, NULL));
  g_assert_true (wait_for (kaa_socket_write_with_fds (peer, bytes, &passed, 1)));
  request = kaa_io_channel_read_exactly (KAA_IO_CHANNEL (from), 10);
  spin_until (kaa_io_channel_get_read_queue_used (KAA_IO_CHANNEL (from)) > 0);
  if (steal)
    g_assert_true (kaa_io_channel_steal (KAA_IO_CHANNEL (self), KAA_IO_CHANNEL (from), NULL));
  else
    g_assert_true (kaa_io_channel_wrap_channel (KAA_IO_CHANNEL (self), KAA_IO_CHANNEL (from), BOTH, NULL));

  /* With their bytes. */
  g_assert_true (wait_for (write_text (KAA_IO_CHANNEL (peer), "more, more")));
  if (steal)
    assert_bytes (request, "x\nmore, mo");
  else
    assert_fails (request, G_IO_ERROR_CLOSED);
  if (!steal)
    assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (from)), "x\n");
  fds = kaa_socket_take_fds (steal ? self : from, &n, NULL);
  g_assert_cmpuint (n, ==, 1);
  close (fds[0]);
  g_free (fds);
  g_bytes_unref (bytes);
  finish_channel (KAA_IO_CHANNEL (self));
  finish_channel (KAA_IO_CHANNEL (peer));
  g_object_unref (from);
}

/* --- from inside of a virtual method --- */

typedef struct
{
  KaaIOChannel parent_instance;
} Rash;

typedef struct
{
  KaaIOChannelClass parent_class;
} RashClass;

GType rash_get_type (void);

G_DEFINE_TYPE (Rash, rash, KAA_TYPE_IO_CHANNEL)

static KaaIOChannel *rashly_taken;
static guint n_refused;

/* Opens something else while it is asked to read. */
static GBytes *
rash_read (KaaIOChannel  *self,
           gsize          count,
           GError       **error)
{
  GError *refused = NULL;

  g_assert_false (kaa_io_channel_wrap_channel (self, rashly_taken, KAA_IO_READ, &refused));
  g_assert_error (refused, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&refused);
  g_assert_false (kaa_io_channel_wrap_fd (self, STDERR_FILENO, KAA_IO_WRITE, &refused));
  g_assert_error (refused, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&refused);
  n_refused++;
  return KAA_IO_CHANNEL_CLASS (rash_parent_class)->read_nonblocking (self, count, error);
}

static void
rash_class_init (RashClass *klass)
{
  KAA_IO_CHANNEL_CLASS (klass)->read_nonblocking = rash_read;
}

static void
rash_init (Rash *self)
{
}

static void
test_inside (void)
{
  KaaIOChannel *self = g_object_new (rash_get_type (), NULL);
  int fd, other, feed;

  make_sockets (&fd, &other);
  rashly_taken = open_pipe (&feed);
  g_assert_true (kaa_io_channel_wrap_fd (self, fd, BOTH, NULL));
  put_string (other, "one\n");
  assert_bytes (kaa_io_channel_readline (self), "one\n");
  g_assert_cmpuint (n_refused, >, 0);
  put_string (feed, "two\n");
  assert_bytes (kaa_io_channel_readline (rashly_taken), "two\n");
  finish_channel (rashly_taken);
  finish_channel (self);
  close (other);
  close (feed);
}

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "shut-down", test_shut_down },
  { "two-descriptors", test_two_descriptors },
  { "behind-end", test_behind_end },
  { "nonblocking", test_nonblocking },
  { "idle", test_idle },
  { "counted", test_counted },
  { "descriptors", test_descriptors },
  { "reset", test_reset },
};

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    for (guint steal = 0; steal < 2; steal++)
      {
        char *name = g_strdup_printf ("/takeover-known/%s/%s", tests[i].name, steal ? "steal" : "wrap");

        g_test_add_data_func (name, GUINT_TO_POINTER (steal), tests[i].func);
        g_free (name);
      }
  g_test_add_func ("/takeover-known/shutdown-pending/steal", test_shutdown_pending);
  g_test_add_func ("/takeover-known/shutdown-pending/wrap", test_shutdown_pending_wrap);
  g_test_add_func ("/takeover-known/shutdown-dropped", test_shutdown_dropped);
  g_test_add_data_func ("/takeover-known/half/ours", "", test_half);
  g_test_add_data_func ("/takeover-known/half/not-ours", NULL, test_half);
  g_test_add_data_func ("/takeover-known/end/wrap", GUINT_TO_POINTER (0), test_end);
  g_test_add_data_func ("/takeover-known/end/steal", GUINT_TO_POINTER (1), test_end);
  g_test_add_data_func ("/takeover-known/end/wrap-stays", GUINT_TO_POINTER (2), test_end);
  g_test_add_data_func ("/takeover-known/end/steal-stays", GUINT_TO_POINTER (3), test_end);
  g_test_add_data_func ("/takeover-known/close-fd/wrap-not-ours", GUINT_TO_POINTER (0), test_close_fd);
  g_test_add_data_func ("/takeover-known/close-fd/wrap-ours", GUINT_TO_POINTER (1), test_close_fd);
  g_test_add_data_func ("/takeover-known/close-fd/steal-not-ours", GUINT_TO_POINTER (2), test_close_fd);
  g_test_add_data_func ("/takeover-known/close-fd/steal-ours", GUINT_TO_POINTER (3), test_close_fd);
  g_test_add_data_func ("/takeover-known/priority/wrap", GUINT_TO_POINTER (0), test_priority);
  g_test_add_data_func ("/takeover-known/priority/steal", GUINT_TO_POINTER (1), test_priority);
  g_test_add_data_func ("/takeover-known/priority/wrap-many", GUINT_TO_POINTER (2), test_priority);
  g_test_add_data_func ("/takeover-known/priority/steal-many", GUINT_TO_POINTER (3), test_priority);
  g_test_add_func ("/takeover-known/inside", test_inside);
  g_test_add_func ("/takeover-known/only-output", test_only_output);
  g_test_add_func ("/takeover-known/lost", test_lost);
  g_test_add_func ("/takeover-known/discarding", test_discarding);

  return g_test_run ();
}

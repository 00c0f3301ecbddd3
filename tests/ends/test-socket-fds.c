/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptors that are passed over unix sockets: to which bytes they belong, and that none is lost or left open. */

#include "ends/socket-fixture.h"

/* --- A pair of sockets, and somebody else's end --- */

static void
make_pair (KaaSocket **here,
           KaaSocket **there)
{
  GError *error = NULL;
  int a, b;

  make_sockets (&a, &b);
  *here = kaa_socket_new ();
  *there = kaa_socket_new ();
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (*here), a, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (*there), b, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  kaa_socket_set_accept_fds (*here, 8);
}

/* A descriptor that can be told from others: the read end of a pipe with this in it. */
static int
make_token (const char *text)
{
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  put_string (write_end, text);
  close (write_end);
  return read_end;
}

/* The future of a write with one such descriptor, of which only the copy is left. */
static KaaInProgress *
pass_one (KaaSocket  *self,
          const char *bytes,
          const char *text)
{
  GBytes *message = g_bytes_new (bytes, strlen (bytes));
  int token = make_token (text);
  KaaInProgress *future = kaa_socket_write_with_fds (self, message, &token, 1);

  close (token);
  g_bytes_unref (message);
  return future;
}

static void
pass (KaaSocket  *self,
      const char *bytes,
      const char *text)
{
  g_object_unref (pass_one (self, bytes, text));
}

/* What is in the descriptors that can be taken now, "" where there are none. */
static char *
take_tokens (KaaSocket *self,
             guint64   *position)
{
  GString *text = g_string_new (NULL);
  gsize n;
  int *fds = kaa_socket_take_fds (self, &n, position);

  for (gsize i = 0; i < n; i++)
    {
      char buffer[16];
      gssize length = read (fds[i], buffer, sizeof buffer);

      g_assert_cmpint (length, >, 0);
      g_assert_cmpint (fcntl (fds[i], F_GETFD) & FD_CLOEXEC, !=, 0);
      g_string_append_len (text, buffer, length);
      close (fds[i]);
    }
  g_free (fds);
  return g_string_free (text, FALSE);
}

#define assert_tokens(socket, expected) \
  G_STMT_START { \
    char *_text = take_tokens (socket, NULL); \
    g_assert_cmpstr (_text, ==, expected); \
    g_free (_text); \
  } G_STMT_END

#define read_of(socket) kaa_io_channel_read (KAA_IO_CHANNEL (socket))

static void
finish_pair (KaaSocket *here,
             KaaSocket *there)
{
  finish_socket (here);
  finish_socket (there);
}

/* --- To which bytes they belong --- */

/* Chunks end with the bytes that descriptors came with. */
static void
test_chunks (void)
{
  KaaSocket *here, *there;
  guint64 position;
  char *text;

  make_pair (&here, &there);
  pass (there, "one", "A");
  say_and_forget (there, "two");
  pass (there, "three", "B");
  pass (there, "four", "C");
  say_and_forget (there, "five");
  settle ();

  assert_bytes (read_of (here), "one");
  text = take_tokens (here, &position);
  g_assert_cmpstr (text, ==, "A");
  g_assert_cmpuint (position, ==, 3);
  g_free (text);
  assert_tokens (here, "");

  /* What stands before a message is read with it; what stands behind is not. */
  assert_bytes (read_of (here), "twothree");
  text = take_tokens (here, &position);
  g_assert_cmpstr (text, ==, "B");
  g_assert_cmpuint (position, ==, 11);
  g_free (text);
  assert_bytes (read_of (here), "four");
  assert_tokens (here, "C");
  assert_bytes (read_of (here), "five");
  assert_tokens (here, "");
  finish_pair (here, there);
}

/* Those of a line are there with the line, not before. */
static void
test_lines (void)
{
  KaaSocket *here, *there;

  make_pair (&here, &there);
  say_and_forget (there, "plain\n");
  pass (there, "open\n", "A");
  pass (there, "open", "B");
  say_and_forget (there, " more\n");
  settle ();

  assert_bytes (readline_of (here), "plain\n");
  assert_tokens (here, "");
  assert_bytes (readline_of (here), "open\n");
  assert_tokens (here, "A");
  assert_tokens (here, "");
  assert_bytes (readline_of (here), "open more\n");
  assert_tokens (here, "B");
  finish_pair (here, there);
}

static void
note_tokens (KaaIOChannel *channel,
             GBytes       *bytes,
             gpointer      word)
{
  char *text = take_tokens (KAA_SOCKET (channel), NULL);

  note_bytes (word, bytes);
  if (text[0] != '\0')
    note (text);
  g_free (text);
}

static void
test_handlers (gconstpointer signal)
{
  KaaSocket *here, *there;

  make_pair (&here, &there);
  begin_events ();
  g_signal_connect (here, signal, G_CALLBACK (note_tokens), (gpointer) "got");
  pass (there, "one\n", "A");
  pass (there, "two\n", "B");
  say_and_forget (there, "three\n");
  settle ();
  assert_events ("got[one|] A got[two|] B got[three|]");
  finish_pair (here, there);
  end_events ();
}

/* `read` handlers have had what is kept for requests. */
static void
test_kept (void)
{
  KaaSocket *here, *there;

  make_pair (&here, &there);
  begin_events ();
  g_signal_connect (here, "read", G_CALLBACK (note_tokens), (gpointer) "got");
  say_and_forget (there, "zero");
  assert_bytes (read_of (here), "zero");
  pass (there, "one", "A");
  settle ();
  pass (there, "two", "B");
  settle ();
  assert_events ("got[zero] got[one] A got[two] B");
  assert_bytes (read_of (here), "onetwo");
  finish_pair (here, there);
  end_events ();
}

/* Several messages that were kept for requests: none of them joins two, as long as the descriptors wait. */
static void
test_kept_borders (void)
{
  KaaSocket *here, *there;

  make_pair (&here, &there);
  begin_events ();
  note_signal (KAA_IO_CHANNEL (here), "read");
  say_and_forget (there, "zero");
  assert_bytes (read_of (here), "zero");
  pass (there, "one", "A");
  settle ();
  pass (there, "two", "B");
  settle ();
  assert_events ("R[zero] R[one] R[two]");
  assert_bytes (read_of (here), "one");
  assert_bytes (read_of (here), "two");
  assert_tokens (here, "A");
  assert_tokens (here, "B");
  finish_pair (here, there);
  end_events ();
}

static void
test_exactly (void)
{
  KaaSocket *here, *there;

  make_pair (&here, &there);
  pass (there, "header", "A");
  pass (there, "body", "B");
  settle ();
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 8), "headerbo");
  assert_tokens (here, "A");
  assert_tokens (here, "");
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 2), "dy");
  assert_tokens (here, "B");
  finish_pair (here, there);
}

/* A full socket takes a part of a large write: the descriptors go with its first byte, once. */
static void
test_large (void)
{
  gsize length = 900000;
  guint8 *zeros = g_malloc0 (length);
  GBytes *message = g_bytes_new_take (zeros, length);
  KaaSocket *here, *there;
  KaaInProgress *write;
  GError *error = NULL;
  int token = make_token ("A");

  make_pair (&here, &there);
  say_and_forget (there, "x");
  write = kaa_socket_write_with_fds (there, message, &token, 1);
  close (token);
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 1), "x");
  assert_tokens (here, "");
  for (gsize seen = 0; seen < length; )
    {
      KaaInProgress *read = read_of (here);
      GBytes *bytes;

      spin_until (kaa_in_progress_get_finished (read));
      bytes = kaa_in_progress_get_bytes (read, &error);
      g_assert_no_error (error);
      assert_tokens (here, seen == 0 ? "A" : "");
      seen += g_bytes_get_size (bytes);
      g_assert_cmpuint (g_bytes_get_size (bytes), >, 0);
      g_bytes_unref (bytes);
      g_object_unref (read);
    }
  spin_until (kaa_in_progress_get_finished (write));
  g_assert_cmpint (kaa_in_progress_get_int (write, &error), ==, length);
  g_assert_no_error (error);
  g_object_unref (write);
  g_bytes_unref (message);
  finish_pair (here, there);
}

/* Several with one message. */
static void
test_several (void)
{
  KaaSocket *here, *there;
  GBytes *message = g_bytes_new_static ("x", 1);
  int fds[3];

  make_pair (&here, &there);
  for (guint i = 0; i < 3; i++)
    {
      char text[2] = { (char) ('A' + i), '\0' };

      fds[i] = make_token (text);
    }
  g_object_unref (kaa_socket_write_with_fds (there, message, fds, 3));
  for (guint i = 0; i < 3; i++)
    close (fds[i]);
  assert_bytes (read_of (here), "x");
  assert_tokens (here, "ABC");
  g_bytes_unref (message);
  finish_pair (here, there);
}

/* Written before there is a connection. */
static void
test_before_open (void)
{
  char *path = get_path ("before"), *address;
  KaaSocket *server = kaa_socket_new (), *client = kaa_socket_new (), *peer;
  KaaInProgress *accepted;

  address = start_listening (server, path);
  kaa_socket_set_accept_fds (server, 4);
  accepted = kaa_socket_accept (server);
  say_and_forget (client, "hello ");
  pass (client, "there\n", "A");
  wait_true (kaa_socket_connect_to (client, address));
  peer = wait_client (accepted);
  g_assert_cmpuint (kaa_socket_get_accept_fds (peer), ==, 4);
  assert_bytes (readline_of (peer), "hello there\n");
  assert_tokens (peer, "A");
  finish_socket (peer);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
  g_free (path);
}

/* --- Attackers --- */

static void
test_not_asked (void)
{
  KaaSocket *here, *there;
  guint before;

  make_pair (&here, &there);
  kaa_socket_set_accept_fds (here, 0);
  before = count_fds ();
  pass (there, "one", "A");
  assert_bytes (read_of (here), "one");
  assert_tokens (here, "");
  g_assert_cmpuint (count_fds (), ==, before);
  finish_pair (here, there);
}

static void
test_too_many (void)
{
  KaaSocket *here, *there;
  guint before;

  make_pair (&here, &there);
  kaa_socket_set_accept_fds (here, 3);
  before = count_fds ();
  for (guint i = 0; i < 5; i++)
    {
      pass (there, "x", "A");
      assert_bytes (read_of (here), "x");
    }
  g_assert_cmpuint (count_fds (), ==, before + 3);
  for (guint i = 0; i < 3; i++)
    assert_tokens (here, "A");
  assert_tokens (here, "");
  g_assert_cmpuint (count_fds (), ==, before);

  /* There is room again. */
  pass (there, "x", "B");
  assert_bytes (read_of (here), "x");
  assert_tokens (here, "B");
  finish_pair (here, there);
}

/* Closed with the socket, or when it goes, wherever they are: not read, not taken, not sent. */
static void
test_no_leak (void)
{
  guint before = count_fds ();
  KaaSocket *here, *there;

  make_pair (&here, &there);
  pass (there, "one", "A");
  assert_bytes (read_of (here), "one");
  pass (there, "two", "B");
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 1), "t");
  pass (there, "three", "C");
  settle ();
  kaa_io_channel_set_paused (KAA_IO_CHANNEL (here), TRUE);
  pass (there, "four", "D");
  finish_pair (here, there);
  g_assert_cmpuint (count_fds (), ==, before);

  /* A socket that has never been open. */
  here = kaa_socket_new ();
  pass (here, "one", "A");
  g_object_unref (here);
  settle ();
  g_assert_cmpuint (count_fds (), ==, before);
}

/* Who throws a line away throws away what came with it. */
static void
test_thrown_away (void)
{
  KaaSocket *here, *there;
  guint before;

  make_pair (&here, &there);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (here), 10);
  kaa_io_channel_set_overflow_policy (KAA_IO_CHANNEL (here), KAA_OVERFLOW_DISCARD);
  before = count_fds ();
  pass (there, "much too long", "A");
  say_and_forget (there, " a line\n");
  pass (there, "short\n", "B");
  assert_fails (readline_of (here), G_IO_ERROR_MESSAGE_TOO_LARGE);
  assert_bytes (readline_of (here), "short\n");
  assert_tokens (here, "B");
  assert_tokens (here, "");
  g_assert_cmpuint (count_fds (), ==, before);
  finish_pair (here, there);
}

/* --- Moving, refusing, taking back --- */

static void
test_stolen (void)
{
  KaaSocket *here, *there, *thief = kaa_socket_new ();
  GError *error = NULL;
  guint before;

  make_pair (&here, &there);
  before = count_fds ();
  pass (there, "one", "A");
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 1), "o");
  pass (here, "to-there", "B");
  g_assert_true (kaa_io_channel_steal (KAA_IO_CHANNEL (thief), KAA_IO_CHANNEL (here), &error));
  g_assert_no_error (error);
  assert_bytes (read_of (thief), "ne");
  assert_tokens (here, "");
  assert_tokens (thief, "A");
  kaa_socket_set_accept_fds (there, 1);
  assert_bytes (read_of (there), "to-there");
  assert_tokens (there, "B");
  g_assert_cmpuint (count_fds (), ==, before);

  g_object_unref (here);
  finish_pair (thief, there);
}

static void
test_wrapped (void)
{
  KaaSocket *here, *there;
  KaaIOChannel *other = kaa_io_channel_new ();
  GError *error = NULL;

  make_pair (&here, &there);
  pass (there, "one", "A");
  assert_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (here), 1), "o");
  g_assert_true (kaa_io_channel_wrap_channel (other, KAA_IO_CHANNEL (here), KAA_IO_READ, &error));
  g_assert_no_error (error);
  /* What was read stays where it was. */
  assert_bytes (read_of (here), "ne");
  assert_tokens (here, "A");
  g_object_unref (here);
  finish_channel (other);
  finish_socket (there);
}

static void
test_aborted (void)
{
  KaaSocket *here, *there;
  GError *error = NULL;
  KaaInProgress *write;
  guint before;

  make_pair (&here, &there);
  say_and_forget (there, "first ");
  before = count_fds ();
  write = pass_one (there, "never", "A");
  g_assert_true (kaa_in_progress_abort (write, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_fds (), ==, before);
  say_and_forget (there, "last\n");
  assert_bytes (readline_of (here), "first last\n");
  assert_tokens (here, "");
  g_object_unref (write);
  finish_pair (here, there);
}

static void
test_refused (void)
{
  KaaSocket *here, *there, *server, *client;
  GBytes *message = g_bytes_new_static ("x", 1), *nothing = g_bytes_new_static (NULL, 0);
  guint before;
  char *address;
  int many[254], closed = 1 << 20;

  make_pair (&here, &there);
  before = count_fds ();
  for (guint i = 0; i < G_N_ELEMENTS (many); i++)
    many[i] = 0;
  assert_fails (kaa_socket_write_with_fds (there, nothing, many, 1), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_socket_write_with_fds (there, message, many, 0), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_socket_write_with_fds (there, message, many, 254), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_socket_write_with_fds (there, message, &closed, 1), G_IO_ERROR_INVALID_ARGUMENT);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (there), 4);
  assert_fails (pass_one (there, "too long", "A"), G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_cmpuint (count_fds (), ==, before);
  finish_pair (here, there);

  /* Known when it is open; found out by the write when it was queued before. */
  server = start_server (&address);
  client = kaa_socket_new ();
  {
    KaaInProgress *early = pass_one (client, "early", "A");

    wait_true (kaa_socket_connect_to (client, address));
    assert_fails (early, G_IO_ERROR_NOT_SUPPORTED);
  }
  assert_fails (pass_one (client, "late", "A"), G_IO_ERROR_NOT_SUPPORTED);
  g_assert_true (kaa_socket_get_connected (client));
  finish_socket (client);
  finish_socket (server);
  g_free (address);
  g_bytes_unref (message);
  g_bytes_unref (nothing);
}

typedef struct
{
  gboolean done;
  gint64 n;
  GError *error;
} Outcome;

static void
written (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Outcome *outcome = user_data;

  outcome->n = kaa_socket_write_with_fds_finish (KAA_SOCKET (source), result, &outcome->error);
  outcome->done = TRUE;
}

static void
test_async (void)
{
  GBytes *message = g_bytes_new_static ("hello", 5);
  Outcome outcome = { FALSE, 0, NULL };
  KaaSocket *here, *there;
  int token = make_token ("A");

  make_pair (&here, &there);
  kaa_socket_write_with_fds_async (there, message, &token, 1, NULL, written, &outcome);
  close (token);
  spin_until (outcome.done);
  g_assert_no_error (outcome.error);
  g_assert_cmpint (outcome.n, ==, 5);
  assert_bytes (read_of (here), "hello");
  assert_tokens (here, "A");
  g_bytes_unref (message);
  finish_pair (here, there);
}

int
main (int    argc,
      char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();

  g_test_add_func ("/socket/fds/chunks", test_chunks);
  g_test_add_func ("/socket/fds/lines", test_lines);
  g_test_add_data_func ("/socket/fds/handlers/read", "read", test_handlers);
  g_test_add_data_func ("/socket/fds/handlers/readline", "readline", test_handlers);
  g_test_add_data_func ("/socket/fds/handlers/readlines", "readlines", test_handlers);
  g_test_add_func ("/socket/fds/kept", test_kept);
  g_test_add_func ("/socket/fds/kept-borders", test_kept_borders);
  g_test_add_func ("/socket/fds/exactly", test_exactly);
  g_test_add_func ("/socket/fds/large", test_large);
  g_test_add_func ("/socket/fds/several", test_several);
  g_test_add_func ("/socket/fds/before-open", test_before_open);
  g_test_add_func ("/socket/fds/not-asked", test_not_asked);
  g_test_add_func ("/socket/fds/too-many", test_too_many);
  g_test_add_func ("/socket/fds/no-leak", test_no_leak);
  g_test_add_func ("/socket/fds/thrown-away", test_thrown_away);
  g_test_add_func ("/socket/fds/stolen", test_stolen);
  g_test_add_func ("/socket/fds/wrapped", test_wrapped);
  g_test_add_func ("/socket/fds/aborted", test_aborted);
  g_test_add_func ("/socket/fds/refused", test_refused);
  g_test_add_func ("/socket/fds/async", test_async);

  result = g_test_run ();
  end_sockets ();
  return result;
}

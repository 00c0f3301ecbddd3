/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* wrap_channel() and steal(), whatever is open: each kind of transport, into each kind of channel. */

#include "transport/tls-fixture.h"

/* --- A subclass that turns letters around; what it reads beyond what it was asked for it hands out by and by. --- */

typedef struct
{
  KaaIOChannel parent_instance;
} Turned;

typedef struct
{
  KaaIOChannelClass parent_class;
} TurnedClass;

GType turned_get_type (void);

G_DEFINE_TYPE (Turned, turned, KAA_TYPE_IO_CHANNEL)

static GBytes *
turn (GBytes *bytes)
{
  gsize length;
  const guint8 *from = g_bytes_get_data (bytes, &length);
  guint8 *to = g_malloc (length + 1);

  for (gsize i = 0; i < length; i++)
    to[i] = g_ascii_isalpha (from[i]) ? from[i] ^ 0x20 : from[i];
  return g_bytes_new_take (to, length);
}

/* Asks for more than it was asked for. */
static GBytes *
turned_read (KaaIOChannel  *self,
             gsize          count,
             GError       **error)
{
  GBytes *raw = KAA_IO_CHANNEL_CLASS (turned_parent_class)->read_nonblocking (self, 4096, error);
  GBytes *result;

  if (raw == NULL)
    return NULL;
  result = turn (raw);
  g_bytes_unref (raw);
  return result;
}

static gssize
turned_write (KaaIOChannel  *self,
              GBytes        *data,
              GError       **error)
{
  GBytes *turned = turn (data);
  gssize n = KAA_IO_CHANNEL_CLASS (turned_parent_class)->write_nonblocking (self, turned, error);

  g_bytes_unref (turned);
  return n;
}

static void
turned_class_init (TurnedClass *klass)
{
  KAA_IO_CHANNEL_CLASS (klass)->read_nonblocking = turned_read;
  KAA_IO_CHANNEL_CLASS (klass)->write_nonblocking = turned_write;
}

static void
turned_init (Turned *self)
{
}

/* --- What can be open --- */

typedef struct
{
  const char *name;
  /* A channel and the one at its other side; FALSE if this machine has none of it. */
  gboolean (*open) (KaaIOChannel **channel, KaaIOChannel **peer);
} Kind;

static gboolean
open_sockets (KaaIOChannel **channel,
              KaaIOChannel **peer)
{
  GError *error = NULL;

  g_assert_true (kaa_io_channel_new_pair (channel, peer, &error));
  g_assert_no_error (error);
  return TRUE;
}

static gboolean
open_pipes (KaaIOChannel **channel,
            KaaIOChannel **peer)
{
  int read_end, write_end, other_read, other_write;
  GError *error = NULL;

  make_pipe (&read_end, &other_write);
  make_pipe (&other_read, &write_end);
  *channel = kaa_io_channel_new ();
  *peer = kaa_io_channel_new ();
  g_assert_true (kaa_io_channel_wrap_fds (*channel, read_end, write_end, &error));
  g_assert_true (kaa_io_channel_wrap_fds (*peer, other_read, other_write, &error));
  g_assert_no_error (error);
  return TRUE;
}

static gboolean
open_connection (KaaIOChannel **channel,
                 KaaIOChannel **peer)
{
  GSocketConnection *a, *b;

  make_connections (&a, &b);
  *channel = open_stream (a, KAA_IO_READ | KAA_IO_WRITE);
  *peer = open_stream (b, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (a);
  g_object_unref (b);
  return TRUE;
}

/* By asynchronous calls. */
static gboolean
open_buffered (KaaIOChannel **channel,
               KaaIOChannel **peer)
{
  GSocketConnection *a, *b;
  GOutputStream *out;
  GInputStream *in;
  GIOStream *both;

  make_connections (&a, &b);
  in = g_buffered_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (a)));
  out = g_buffered_output_stream_new (g_io_stream_get_output_stream (G_IO_STREAM (a)));
  both = g_simple_io_stream_new (in, out);
  *channel = open_stream (both, KAA_IO_READ | KAA_IO_WRITE);
  *peer = open_stream (b, KAA_IO_READ | KAA_IO_WRITE);
  g_object_set_data_full (G_OBJECT (both), "connection", a, g_object_unref);
  g_object_unref (both);
  g_object_unref (in);
  g_object_unref (out);
  g_object_unref (b);
  return TRUE;
}

static gboolean
open_tls (KaaIOChannel **channel,
          KaaIOChannel **peer)
{
  return open_tls_pair (channel, peer);
}

static gboolean
open_subclass (KaaIOChannel **channel,
               KaaIOChannel **peer)
{
  KaaIOChannel *plain;
  GError *error = NULL;

  open_sockets (&plain, peer);
  *channel = g_object_new (turned_get_type (), NULL);
  g_assert_true (kaa_io_channel_steal (*channel, plain, &error));
  g_assert_no_error (error);
  g_object_unref (plain);
  return TRUE;
}

static const Kind kinds[] = {
  { "sockets", open_sockets },
  { "pipes", open_pipes },
  { "connection", open_connection },
  { "buffered", open_buffered },
  { "tls", open_tls },
  { "subclass", open_subclass },
};

/* --- Who takes it over --- */

static KaaIOChannel *
new_unopened (void)
{
  return kaa_io_channel_new ();
}

/* It has something open, which is closed. */
static KaaIOChannel *
new_open (void)
{
  KaaIOChannel *self, *other;

  open_sockets (&self, &other);
  g_object_unref (other);
  return self;
}

static KaaIOChannel *
new_subclass (void)
{
  return g_object_new (turned_get_type (), NULL);
}

static const struct
{
  const char *name;
  KaaIOChannel * (*make) (void);
} takers[] = {
  { "unopened", new_unopened },
  { "open", new_open },
  { "subclass", new_subclass },
};

typedef struct
{
  const Kind *kind;
  guint taker;
} Cell;

static gboolean
is_turned (gpointer channel)
{
  return G_TYPE_CHECK_INSTANCE_TYPE (channel, turned_get_type ());
}

/* As the peer has to write it, for the channel to read text. */
static char *
spell (KaaIOChannel *channel,
       const char   *text)
{
  char *result = g_strdup (text);

  if (is_turned (channel))
    for (char *c = result; *c != '\0'; c++)
      if (g_ascii_isalpha (*c))
        *c ^= 0x20;
  return result;
}

static void
say_to (KaaIOChannel *peer,
        KaaIOChannel *channel,
        const char   *text)
{
  char *spelled = spell (channel, text);

  g_object_unref (write_text (peer, spelled));
  g_free (spelled);
}

static void
assert_heard (KaaIOChannel *peer,
              KaaIOChannel *channel,
              const char   *text)
{
  char *spelled = spell (channel, text);

  assert_bytes (kaa_io_channel_readline (peer), spelled);
  g_free (spelled);
}

static void
assert_works (KaaIOChannel *channel,
              KaaIOChannel *peer)
{
  say_to (peer, channel, "ask\n");
  assert_bytes (kaa_io_channel_readline (channel), "ask\n");
  g_object_unref (write_text (channel, "answer\n"));
  assert_heard (peer, channel, "answer\n");
}

static void
end (KaaIOChannel *self,
     KaaIOChannel *other,
     KaaIOChannel *peer)
{
  close_and_wait (self);
  /* What was taken over is closed by its new owner. */
  assert_bytes (kaa_io_channel_read (peer), "");
  g_assert_false (kaa_io_channel_get_alive (self));
  g_object_unref (self);
  finish_channel (peer);
  g_object_unref (other);
  settle ();
}

static void
test_wrap (gconstpointer data)
{
  const Cell *cell = data;
  KaaIOChannel *other, *peer, *self;
  KaaInProgress *request;
  GError *error = NULL;

  if (!cell->kind->open (&other, &peer))
    return;

  begin_events ();
  self = takers[cell->taker].make ();
  note_signal (other, "closed");
  say_to (peer, other, "one\ntwo\nth");
  assert_bytes (kaa_io_channel_readline (other), "one\n");
  spin_until (kaa_io_channel_get_read_queue_used (other) > 0);
  request = kaa_io_channel_read_exactly (other, 1000);
  settle ();

  g_assert_true (kaa_io_channel_wrap_channel (self, other, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  assert_fails (request, G_IO_ERROR_CLOSED);
  g_assert_false (kaa_io_channel_get_alive (other));
  g_assert_true (kaa_io_channel_get_alive (self));
  g_assert_cmpint (kaa_io_channel_get_fileno (other), ==, -1);

  /* What had been read stays where it is. */
  assert_bytes (kaa_io_channel_readline (other), "two\n");
  assert_bytes (kaa_io_channel_read (other), "th");
  assert_works (self, peer);
  settle ();
  assert_events ("");
  end_events ();
  end (self, other, peer);
}

static void
test_steal (gconstpointer data)
{
  const Cell *cell = data;
  KaaIOChannel *other, *peer, *self;
  KaaInProgress *request, *next;
  GError *error = NULL;
  GBytes *mark;
  char *text;

  if (!cell->kind->open (&other, &peer))
    return;

  begin_events ();
  self = takers[cell->taker].make ();
  note_signal (other, "closed");
  say_to (peer, other, "one\ntwo\nth");
  assert_bytes (kaa_io_channel_readline (other), "one\n");
  mark = g_bytes_new_static ("!", 1);
  request = kaa_io_channel_read_until (other, mark);
  g_bytes_unref (mark);
  next = kaa_io_channel_readline (other);
  settle ();

  g_assert_true (kaa_io_channel_steal (self, other, &error));
  g_assert_no_error (error);
  g_assert_false (kaa_io_channel_get_alive (other));
  text = spell (self, "ree!four\n");
  say_to (peer, peer, text);
  g_free (text);
  assert_bytes (request, "two\nthree!");
  assert_bytes (next, "four\n");
  assert_works (self, peer);
  settle ();
  assert_events ("");
  end_events ();
  end (self, other, peer);
}

#define MUCH (3 * 1024 * 1024)

/* Much is on its way, and the other side reads nothing yet. */
static KaaInProgress *
write_much (KaaIOChannel *channel)
{
  char *much = g_strnfill (MUCH, '.');
  GBytes *bytes = g_bytes_new_take (much, MUCH);
  KaaInProgress *future;

  kaa_io_channel_set_queue_size (channel, 2 * MUCH);
  future = kaa_io_channel_write_bytes (channel, bytes);
  g_bytes_unref (bytes);
  return future;
}

/* Reads up to the line that ends with tail: the number of dots before it. */
static gsize
count_dots (KaaIOChannel *peer,
            const char   *tail)
{
  KaaInProgress *line;
  const char *text;
  GError *error = NULL;
  gsize length, n = 0;
  GBytes *bytes;

  kaa_io_channel_set_queue_size (peer, 2 * MUCH);
  line = kaa_io_channel_readline (peer);
  spin_until (kaa_in_progress_get_finished (line));
  bytes = kaa_in_progress_get_bytes (line, &error);
  g_assert_no_error (error);
  text = g_bytes_get_data (bytes, &length);
  while (n < length && text[n] == '.')
    n++;
  g_assert_cmpmem (text + n, length - n, tail, strlen (tail));
  g_bytes_unref (bytes);
  g_object_unref (line);
  return n;
}

/* Writes that are under way fail, and what is written next is whole, behind what had gone of them. */
static void
test_wrap_writing (gconstpointer data)
{
  const Cell *cell = data;
  KaaIOChannel *other, *peer, *self;
  KaaInProgress *much, *next;
  GError *error = NULL;
  char *text;

  if (!cell->kind->open (&other, &peer))
    return;

  self = takers[cell->taker].make ();
  say_to (peer, other, "go\n");
  assert_bytes (kaa_io_channel_readline (other), "go\n");
  much = write_much (other);
  settle ();
  g_assert_false (kaa_in_progress_get_finished (much));
  g_assert_true (kaa_io_channel_wrap_channel (self, other, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  assert_fails (much, G_IO_ERROR_CLOSED);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (other), ==, 0);

  next = write_text (self, "whole\n");
  text = spell (self, "whole\n");
  g_assert_cmpuint (count_dots (peer, text), <, MUCH);
  g_free (text);
  spin_until (kaa_in_progress_get_finished (next));
  g_assert_cmpint (kaa_in_progress_get_int (next, NULL), ==, 6);
  g_object_unref (next);
  assert_works (self, peer);
  end (self, other, peer);
}

/* They go on where they stopped. */
static void
test_steal_writing (gconstpointer data)
{
  const Cell *cell = data;
  KaaIOChannel *other, *peer, *self;
  KaaInProgress *much, *next;
  GError *error = NULL;
  char *text;

  if (!cell->kind->open (&other, &peer))
    return;

  self = takers[cell->taker].make ();
  say_to (peer, other, "go\n");
  assert_bytes (kaa_io_channel_readline (other), "go\n");
  much = write_much (other);
  settle ();
  g_assert_true (kaa_io_channel_steal (self, other, &error));
  g_assert_no_error (error);
  kaa_io_channel_set_queue_size (self, 2 * MUCH);
  next = write_text (self, "whole\n");
  text = spell (self, "whole\n");
  g_assert_cmpuint (count_dots (peer, text), ==, MUCH);
  g_free (text);
  spin_until (kaa_in_progress_get_finished (much) && kaa_in_progress_get_finished (next));
  g_assert_cmpint (kaa_in_progress_get_int (much, NULL), ==, MUCH);
  g_object_unref (much);
  g_object_unref (next);
  assert_works (self, peer);
  end (self, other, peer);
}

/* --- Files have no other side --- */

static void
test_file (gconstpointer steal)
{
  int fd = make_file ("one\ntwo\nthree\n", 14);
  int again = dup (fd);
  KaaIOChannel *other = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  KaaIOChannel *self = kaa_io_channel_new ();
  KaaInProgress *much, *next;
  GError *error = NULL;
  char tail[6];
  off_t size;

  kaa_io_channel_set_chunk_size (other, 8);
  assert_bytes (kaa_io_channel_readline (other), "one\n");
  if (steal)
    {
      g_assert_true (kaa_io_channel_steal (self, other, &error));
      assert_bytes (kaa_io_channel_readline (self), "two\n");
    }
  else
    {
      g_assert_true (kaa_io_channel_wrap_channel (self, other, KAA_IO_READ | KAA_IO_WRITE, &error));
      assert_bytes (kaa_io_channel_readline (other), "two\n");
    }
  g_assert_no_error (error);
  assert_bytes (kaa_io_channel_readline (self), "three\n");

  /* Back to the other one, with a job of its thread under way. */
  much = write_much (self);
  g_main_context_iteration (NULL, FALSE);
  if (steal)
    g_assert_true (kaa_io_channel_steal (other, self, &error));
  else
    g_assert_true (kaa_io_channel_wrap_channel (other, self, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  kaa_io_channel_set_queue_size (other, 2 * MUCH);
  next = write_text (other, "whole\n");
  spin_until (kaa_in_progress_get_finished (much) && kaa_in_progress_get_finished (next));
  g_assert_cmpint (kaa_in_progress_get_int (next, NULL), ==, 6);
  size = lseek (again, 0, SEEK_END);
  g_assert_cmpint (pread (again, tail, 6, size - 6), ==, 6);
  g_assert_cmpmem (tail, 6, "whole\n", 6);
  if (steal)
    g_assert_cmpint (size, ==, 14 + MUCH + 6);
  else
    g_assert_cmpint (size, <, 14 + MUCH);

  g_object_unref (much);
  g_object_unref (next);
  finish_channel (other);
  g_object_unref (self);
  close (again);
}

/* --- What cannot be taken over --- */

static void
assert_stays (KaaIOChannel *other)
{
  KaaIOChannel *self = kaa_io_channel_new ();
  GError *error = NULL;

  g_assert_false (kaa_io_channel_wrap_channel (self, other, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_steal (self, other, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_true (kaa_io_channel_get_alive (other));
  g_object_unref (self);
}

static void
test_anchored (void)
{
  KaaSocket *server = kaa_socket_new ();
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future;
  GSocketAddress *local;
  GError *error = NULL;
  char *address;

  g_assert_true (kaa_socket_listen (server, "127.0.0.1:0", 0, &error));
  g_assert_no_error (error);
  assert_stays (KAA_IO_CHANNEL (server));

  local = kaa_socket_get_local_address (server);
  address = g_strdup_printf ("127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local)));
  future = kaa_socket_connect_to (client, address);
  assert_stays (KAA_IO_CHANNEL (client));
  spin_until (kaa_in_progress_get_finished (future));
  g_object_unref (future);

  if (certificate != NULL)
    {
      future = kaa_socket_start_tls (client, NULL, certificate);
      assert_stays (KAA_IO_CHANNEL (client));
      note_future_quietly (future);
    }
  finish_channel (KAA_IO_CHANNEL (client));
  finish_channel (KAA_IO_CHANNEL (server));
  g_object_unref (local);
  g_free (address);
}

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "wrap", test_wrap },
  { "steal", test_steal },
  { "wrap-writing", test_wrap_writing },
  { "steal-writing", test_steal_writing },
};

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  make_certificate ();

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    for (guint j = 0; j < G_N_ELEMENTS (kinds); j++)
      for (guint k = 0; k < G_N_ELEMENTS (takers); k++)
        {
          Cell *cell = g_new (Cell, 1);
          char *name = g_strdup_printf ("/takeover/%s/%s/%s", tests[i].name, kinds[j].name, takers[k].name);

          *cell = (Cell) { &kinds[j], k };
          g_test_add_data_func_full (name, cell, tests[i].func, g_free);
          g_free (name);
        }
  g_test_add_data_func ("/takeover/wrap/file", GUINT_TO_POINTER (FALSE), test_file);
  g_test_add_data_func ("/takeover/steal/file", GUINT_TO_POINTER (TRUE), test_file);
  g_test_add_func ("/takeover/anchored", test_anchored);

  result = g_test_run ();
  remove_certificate ();
  return result;
}

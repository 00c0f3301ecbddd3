/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whoever is told of the end and asks for more all the same: each is told, and nothing puts the close off. */

#include "channel-fixture.h"

#include <stdlib.h>
#include <termios.h>

/* --- Ends: each makes a channel whose input has come to its end, or will --- */

typedef struct
{
  const char *name;
  KaaIOChannel * (*open) (int *other);
  void (*end) (KaaIOChannel *channel, int other);
  gboolean expected;   /* that `closed` says so */
  gboolean fails;      /* the requests do, too */
} End;

static KaaIOChannel *
open_socket (int *other)
{
  int fd;

  make_sockets (&fd, other);
  return open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
}

/* The channel is the master: the terminal at its other side hangs up. */
static KaaIOChannel *
open_terminal (int *other)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  struct termios attributes;

  g_assert_cmpint (grantpt (master), ==, 0);
  g_assert_cmpint (unlockpt (master), ==, 0);
  *other = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (tcgetattr (*other, &attributes), ==, 0);
  cfmakeraw (&attributes);
  g_assert_cmpint (tcsetattr (*other, TCSANOW, &attributes), ==, 0);
  return open_fd (master, KAA_IO_READ | KAA_IO_WRITE);
}

static KaaIOChannel *
open_memory (int *other)
{
  GInputStream *stream = g_memory_input_stream_new_from_data ("one\nlast", 8, NULL);
  KaaIOChannel *channel = kaa_io_channel_new_for_stream (G_OBJECT (stream), KAA_IO_READ, NULL);

  g_assert_nonnull (channel);
  g_object_unref (stream);
  *other = -1;
  return channel;
}

static void
end_by_close (KaaIOChannel *channel,
              int           other)
{
  if (other < 0)
    return;
  put_string (other, "one\nlast");
  close (other);
}

static void
end_by_shutdown (KaaIOChannel *channel,
                 int           other)
{
  put_string (other, "one\nlast");
  g_assert_cmpint (shutdown (other, SHUT_WR), ==, 0);
}

/* What we wrote and nobody read makes an error of it. */
static void
end_by_reset (KaaIOChannel *channel,
              int           other)
{
  g_assert_true (kaa_io_channel_send_data (channel, (const guint8 *) "unread", 6, NULL));
  put_string (other, "one\nlast");
  close (other);
}

static void
end_by_us (KaaIOChannel *channel,
           int           other)
{
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  close (other);
}

static void
end_by_us_at_once (KaaIOChannel *channel,
                   int           other)
{
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  close (other);
}

static const End ends[] = {
  { "pipe", open_pipe, end_by_close, FALSE, FALSE },
  { "socket", open_socket, end_by_close, FALSE, FALSE },
  { "half-closed", open_socket, end_by_shutdown, FALSE, FALSE },
  { "terminal", open_terminal, end_by_close, FALSE, FALSE },
  { "stream", open_memory, end_by_close, FALSE, FALSE },
  { "reset", open_socket, end_by_reset, FALSE, TRUE },
  { "close", open_socket, end_by_us, TRUE, FALSE },
  { "close-immediate", open_socket, end_by_us_at_once, TRUE, FALSE },
};

/* --- Ways of asking --- */

static KaaInProgress *
ask_exactly (KaaIOChannel *channel)
{
  return kaa_io_channel_read_exactly (channel, 3);
}

static KaaInProgress *
ask_some (KaaIOChannel *channel)
{
  return kaa_io_channel_read_some (channel, 2);
}

static KaaInProgress *
ask_until (KaaIOChannel *channel)
{
  GBytes *delimiter = g_bytes_new_static ("n", 1);
  KaaInProgress *future = kaa_io_channel_read_until (channel, delimiter);

  g_bytes_unref (delimiter);
  return future;
}

typedef struct
{
  const char *name;
  KaaInProgress * (*ask) (KaaIOChannel *channel);
} Method;

static const Method methods[] = {
  { "read", kaa_io_channel_read },
  { "read_some", ask_some },
  { "readline", kaa_io_channel_readline },
  { "readlines", kaa_io_channel_readlines },
  { "read_exactly", ask_exactly },
  { "read_until", ask_until },
};

typedef struct
{
  const End *end;
  const Method *method;
} Cell;

typedef struct
{
  KaaIOChannel *channel;
  const Method *method;
  GString *got;
  guint at_once;         /* so many requests at a time */
  gboolean stops;        /* when the channel is not alive any more */
  guint n_asked;
  guint n_told;          /* that nothing more comes */
  guint n_failed;
  guint n_after;         /* behind `closed` */
  guint n_closed;
  gboolean expected;
} Asker;

static void ask (Asker *asker);

static void
answered (Asker *asker)
{
  if (asker->n_closed > 0)
    asker->n_after++;
  /* One that does not stop ends with `closed`. */
  if (asker->stops ? kaa_io_channel_get_alive (asker->channel) : asker->n_closed == 0)
    for (guint i = 0; i < asker->at_once; i++)
      ask (asker);
}

static void
resolved (const GValue *result,
          gpointer      data)
{
  Asker *asker = data;
  GBytes *bytes = g_value_get_boxed (result);

  g_string_append_len (asker->got, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  if (g_bytes_get_size (bytes) == 0)
    asker->n_told++;
  answered (asker);
}

static void
rejected (const GError *error,
          gpointer      data)
{
  Asker *asker = data;

  asker->n_failed++;
  answered (asker);
}

static void
ask (Asker *asker)
{
  KaaInProgress *future = asker->method->ask (asker->channel);

  asker->n_asked++;
  kaa_in_progress_then (future, resolved, asker, NULL, rejected, asker, NULL);
  g_object_unref (future);
}

static void
note_close (KaaIOChannel *channel,
            gboolean      expected,
            Asker        *asker)
{
  asker->n_closed++;
  asker->expected = expected;
}

static void
begin (Asker      *asker,
       const Cell *cell,
       int        *other)
{
  *asker = (Asker) { .channel = cell->end->open (other), .method = cell->method, .got = g_string_new (NULL), .at_once = 1 };
  g_signal_connect (asker->channel, "closed", G_CALLBACK (note_close), asker);
}

static void
finish (Asker *asker)
{
  settle ();
  g_assert_cmpuint (asker->n_told + asker->n_failed, >, 0);
  g_assert_cmpuint (asker->n_closed, ==, 1);
  assert_at_rest ();
  g_string_free (asker->got, TRUE);
  g_object_unref (asker->channel);
}

static void
assert_got (Asker     *asker,
            const End *end)
{
  if (!end->expected)
    g_assert_cmpstr (asker->got->str, ==, "one\nlast");
  g_assert_true (asker->expected == end->expected);
  g_assert_true ((asker->n_failed > 0) == end->fails);
}

/* While the channel is alive. */
static void
test_while_alive (gconstpointer data)
{
  const Cell *cell = data;
  Asker asker;
  int other;

  begin (&asker, cell, &other);
  asker.stops = TRUE;
  ask (&asker);
  settle ();
  cell->end->end (asker.channel, other);
  spin_until (asker.n_closed > 0);
  settle ();

  assert_got (&asker, cell->end);
  /* Told, and once more for the one that was asked for before the channel said that it was not alive. */
  g_assert_cmpuint (asker.n_told + asker.n_failed, <=, 2);
  g_assert_cmpuint (asker.n_after, ==, 0);
  finish (&asker);
  if (cell->end->end == end_by_shutdown)
    close (other);
}

/* Several at a time: all that were made while it was alive are answered before `closed`. */
static void
test_several (gconstpointer data)
{
  const Cell *cell = data;
  Asker asker;
  int other;

  begin (&asker, cell, &other);
  asker.stops = TRUE;
  asker.at_once = 3;
  ask (&asker);
  settle ();
  cell->end->end (asker.channel, other);
  spin_until (asker.n_closed > 0);
  settle ();

  g_assert_cmpuint (asker.n_after, ==, 0);
  g_assert_cmpuint (asker.n_told + asker.n_failed, <, asker.n_asked + 1);
  assert_got (&asker, cell->end);
  finish (&asker);
  if (cell->end->end == end_by_shutdown)
    close (other);
}

/* Whatever it is told. */
static void
test_for_ever (gconstpointer data)
{
  const Cell *cell = data;
  Asker asker;
  int other;

  begin (&asker, cell, &other);
  ask (&asker);
  settle ();
  cell->end->end (asker.channel, other);
  spin_until (asker.n_closed > 0);
  settle ();

  assert_got (&asker, cell->end);
  /* Closing a stream takes a while, in which each is told what there is: nothing. */
  if (cell->end->open != open_memory)
    g_assert_cmpuint (asker.n_told + asker.n_failed, <=, 8);
  finish (&asker);
  if (cell->end->end == end_by_shutdown)
    close (other);
}

/* With a write that the other side does not take yet, the close lasts; those that ask get their answers meanwhile. */
static void
test_while_writing (void)
{
  static char much[1024 * 1024];
  Cell cell = { &ends[2], &methods[1] };
  KaaInProgress *write;
  Asker asker;
  int other;

  begin (&asker, &cell, &other);
  write = kaa_io_channel_write (asker.channel, (const guint8 *) much, sizeof much);
  asker.stops = TRUE;
  ask (&asker);
  settle ();
  cell.end->end (asker.channel, other);
  spin_until (!kaa_io_channel_get_alive (asker.channel));
  settle ();
  g_assert_cmpuint (asker.n_closed, ==, 0);
  g_assert_cmpuint (asker.n_told, <=, 2);
  assert_bytes (kaa_io_channel_readline (asker.channel), "");
  g_assert_cmpuint (asker.n_closed, ==, 0);

  while (!kaa_in_progress_get_finished (write))
    {
      static char buffer[65536];
      gssize n = recv (other, buffer, sizeof buffer, MSG_DONTWAIT);

      g_assert_cmpint (n, !=, 0);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_cmpint (kaa_in_progress_get_int (write, NULL), ==, sizeof much);
  g_object_unref (write);
  spin_until (asker.n_closed > 0);
  finish (&asker);
  close (other);
}

/* In a handler that runs the loop. */
static void
ask_in_handler (KaaIOChannel *channel,
                GBytes       *bytes,
                guint        *n_told)
{
  for (guint i = 0; kaa_io_channel_get_alive (channel); i++)
    {
      KaaInProgress *future = kaa_io_channel_read (channel);

      g_assert_cmpuint (i, <, 10);
      g_assert_nonnull (kaa_in_progress_wait (future, WATCHDOG_SECONDS, NULL));
      g_object_unref (future);
      ++*n_told;
    }
}

static void
test_in_handler (void)
{
  int other;
  KaaIOChannel *channel = open_pipe (&other);
  guint n_told = 0;

  begin_events ();
  g_signal_connect (channel, "readline", G_CALLBACK (ask_in_handler), &n_told);
  note_signal (channel, "closed");
  put_string (other, "one\n");
  close (other);
  spin_until (n_told > 0 && !kaa_io_channel_get_alive (channel));
  settle ();
  assert_events ("hung-up");
  end_events ();
  assert_at_rest ();
  g_object_unref (channel);
}

/* A channel that stays open looks each time, and does nothing by itself. */
static void
test_stays_open (void)
{
  int other;
  KaaIOChannel *channel = open_socket (&other);

  kaa_io_channel_set_close_on_eof (channel, FALSE);
  put_string (other, "one\n");
  g_assert_cmpint (shutdown (other, SHUT_WR), ==, 0);
  assert_bytes (kaa_io_channel_readline (channel), "one\n");
  for (guint i = 0; i < 100; i++)
    assert_bytes (kaa_io_channel_readline (channel), "");
  g_assert_true (kaa_io_channel_get_alive (channel));
  assert_at_rest ();
  finish_channel (channel);
  close (other);
}

/* What is buffered can be had after the close. */
static void
test_drained (void)
{
  int other;
  KaaIOChannel *channel = open_socket (&other);
  KaaInProgress *first;

  put_string (other, "one\ntwo\nthree");
  first = kaa_io_channel_readline (channel);
  spin_until (kaa_in_progress_get_finished (first));
  g_object_unref (first);
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  assert_bytes (kaa_io_channel_readline (channel), "two\n");
  settle ();
  assert_bytes (kaa_io_channel_read (channel), "three");
  assert_bytes (kaa_io_channel_read (channel), "");
  assert_bytes (kaa_io_channel_read (channel), "");
  g_object_unref (channel);
  close (other);
}

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "while-alive", test_while_alive },
  { "several", test_several },
  { "for-ever", test_for_ever },
};

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    for (guint j = 0; j < G_N_ELEMENTS (ends); j++)
      for (guint k = 0; k < G_N_ELEMENTS (methods); k++)
        {
          Cell *cell = g_new (Cell, 1);
          char *name = g_strdup_printf ("/asking-on/%s/%s/%s", tests[i].name, ends[j].name, methods[k].name);

          *cell = (Cell) { &ends[j], &methods[k] };
          g_test_add_data_func_full (name, cell, tests[i].func, g_free);
          g_free (name);
        }
  g_test_add_func ("/asking-on/while-writing", test_while_writing);
  g_test_add_func ("/asking-on/in-handler", test_in_handler);
  g_test_add_func ("/asking-on/stays-open", test_stays_open);
  g_test_add_func ("/asking-on/drained", test_drained);

  return g_test_run ();
}

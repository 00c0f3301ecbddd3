/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splicing one channel to another. */

#include "close-fixture.h"

#include <sys/resource.h>

#define MIB (1024 * 1024)

/* --- A stream whose bytes tell where they stand --- */

static guint8
byte_at (guint64 position)
{
  return (guint8) (position * 31 + (position >> 8) * 7 + (position >> 16));
}

typedef struct
{
  int fd;
  guint64 done;
  guint64 total;
} Stream;

/* Writes as much as goes in now. */
static gboolean
stream_put (Stream *stream)
{
  guint8 buffer[32768];
  gsize length = MIN (sizeof buffer, stream->total - stream->done);
  gssize n;

  if (length == 0)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    buffer[i] = byte_at (stream->done + i);
  n = write (stream->fd, buffer, length);
  if (n <= 0)
    return FALSE;
  stream->done += n;
  return TRUE;
}

static void
assert_in_order (const guint8 *data,
                 gsize         length,
                 guint64       position)
{
  for (gsize i = 0; i < length; i++)
    if (data[i] != byte_at (position + i))
      g_error ("byte %" G_GUINT64_FORMAT " is not the one that was sent", position + i);
}

/* Reads what is there now. */
static gboolean
stream_get (Stream *stream)
{
  guint8 buffer[65536];
  gssize n = read (stream->fd, buffer, sizeof buffer);

  if (n <= 0)
    return FALSE;
  assert_in_order (buffer, n, stream->done);
  stream->done += n;
  return TRUE;
}

/* --- A source, a target, and what is beyond them --- */

typedef enum
{
  PIPE,
  SOCKET,
  REGULAR
} Kind;

typedef struct
{
  KaaIOChannel *source;
  KaaIOChannel *target;
  Stream in;
  Stream out;
} Rig;

static void
make_fds (Kind kind,
          int  fds[2])
{
  if (kind == PIPE)
    {
      make_pipe (fds);
    }
  else
    {
      int pair[2];

      make_sockets (pair);
      fds[0] = pair[0];
      fds[1] = pair[1];
    }
}

static int
make_stream_file (guint64 total)
{
  int fd = make_file ("");
  Stream stream = { fd, 0, total };

  while (stream_put (&stream))
    ;
  g_assert_cmpuint (stream.done, ==, total);
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static void
rig_open (Rig     *rig,
          Kind     from,
          Kind     to,
          guint64  total)
{
  int in[2], out[2];

  if (from == REGULAR)
    {
      in[0] = make_stream_file (total);
      in[1] = -1;
    }
  else
    {
      make_fds (from, in);
      set_nonblocking (in[1]);
    }

  make_fds (to, out);
  set_nonblocking (out[0]);

  rig->source = new_channel (in[0], KAA_IO_READ);
  rig->target = new_channel (out[1], KAA_IO_WRITE);
  rig->in = (Stream) { in[1], from == REGULAR ? total : 0, total };
  rig->out = (Stream) { out[0], 0, total };
}

static void
rig_end_input (Rig *rig)
{
  if (rig->in.fd >= 0)
    close (rig->in.fd);
  rig->in.fd = -1;
}

static void
rig_close (Rig *rig)
{
  dispose_of (rig->source);
  dispose_of (rig->target);
  rig_end_input (rig);
  close (rig->out.fd);
}

/* Both ends do what they can until `enough` bytes came out. */
static void
rig_run (Rig     *rig,
         guint64  enough)
{
  while (rig->out.done < enough)
    {
      while (rig->in.fd >= 0 && rig->in.done < rig->in.total && stream_put (&rig->in))
        ;
      run_ready ();
      while (stream_get (&rig->out))
        ;
    }
}

/* Until the source can give and the target can take no more. */
static void
rig_fill (Rig *rig)
{
  do
    run_ready ();
  while (stream_put (&rig->in));
}

static guint64
await_moved (KaaInProgress *future)
{
  GError *error = NULL;
  const GValue *value = kaa_in_progress_wait (future, -1, &error);
  guint64 moved;

  g_assert_no_error (error);
  g_assert_true (G_VALUE_HOLDS_UINT64 (value));
  moved = g_value_get_uint64 (value);
  g_object_unref (future);
  return moved;
}

static void
assert_error (KaaInProgress *future,
              int            code)
{
  GError *error = NULL;

  g_assert_null (kaa_in_progress_wait (future, -1, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_error_free (error);
  g_object_unref (future);
}

/* --- Everything arrives --- */

typedef struct
{
  Kind from, to;
} Route;

static const Route routes[] = {
  { PIPE, SOCKET }, { SOCKET, PIPE }, { PIPE, PIPE }, { SOCKET, SOCKET }, { REGULAR, SOCKET }, { REGULAR, PIPE },
};

static void
test_all (gconstpointer data)
{
  const Route *route = data;
  guint64 total = 5 * MIB + 4321;
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, route->from, route->to, total);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  rig_run (&rig, total);
  rig_end_input (&rig);
  g_assert_cmpuint (await_moved (future), ==, total);
  g_assert_cmpuint (rig.out.done, ==, total);
  g_assert_true (kaa_io_channel_get_alive (rig.target));
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (rig.source), ==, total);
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (rig.target), ==, total);
  rig_close (&rig);
}

static void
test_to_file (void)
{
  guint64 total = 3 * MIB + 17;
  int file = make_file (""), copy = dup (file), in[2];
  KaaIOChannel *source, *target;
  Stream stream, check;
  KaaInProgress *future;

  make_sockets (in);
  set_nonblocking (in[1]);
  source = new_channel (in[0], KAA_IO_READ);
  target = new_channel (file, KAA_IO_WRITE);
  stream = (Stream) { in[1], 0, total };
  future = kaa_io_channel_splice (source, target, KAA_SPLICE_NONE);
  while (stream.done < total)
    {
      stream_put (&stream);
      run_ready ();
    }
  close (in[1]);
  g_assert_cmpuint (await_moved (future), ==, total);

  g_assert_cmpint (lseek (copy, 0, SEEK_SET), ==, 0);
  check = (Stream) { copy, 0, total };
  while (stream_get (&check))
    ;
  g_assert_cmpuint (check.done, ==, total);
  dispose_of (source);
  dispose_of (target);
  close (copy);
}

/* What is in the queue already belongs to the splice, once its turn has come. */
static void
test_in_line (void)
{
  KaaInProgress *first, *splice, *last;
  char *text;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  put (rig.in.fd, "line\nbytes");
  first = kaa_io_channel_readline (rig.source);
  splice = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  last = kaa_io_channel_read (rig.source);

  text = await_text (first);
  g_assert_cmpstr (text, ==, "line\n");
  g_free (text);
  run_while (kaa_in_progress_get_bytes_moved (splice) < 5);
  g_assert_false (kaa_in_progress_get_finished (last));
  run_ready ();
  text = get (rig.out.fd);
  g_assert_cmpstr (text, ==, "bytes");
  g_free (text);

  rig_end_input (&rig);
  g_assert_cmpuint (await_moved (splice), ==, 5);
  text = await_text (last);
  g_assert_cmpstr (text, ==, "");
  g_free (text);
  rig_close (&rig);
}

static void
test_handlers_see_it (void)
{
  guint64 total = MIB;
  KaaInProgress *future;
  Record *record;
  Rig rig;

  rig_open (&rig, PIPE, SOCKET, total);
  record = record_new (rig.source, TRUE);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  rig_run (&rig, total);
  rig_end_input (&rig);
  g_assert_cmpuint (await_moved (future), ==, total);
  run_while (kaa_io_channel_get_alive (rig.source));
  g_assert_cmpuint (record->input->len, ==, total);
  assert_in_order ((const guint8 *) record->input->str, total, 0);
  rig_close (&rig);
  record_free (record);
}

/* --- Bounds --- */

static void
test_back_pressure (gconstpointer data)
{
  const Route *route = data;
  guint64 total = 8 * MIB;
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, route->from, route->to, total);
  kaa_io_channel_set_queue_size (rig.target, 100000);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  if (route->from == REGULAR)
    run_while (kaa_in_progress_get_bytes_moved (future) == 0);
  else
    rig_fill (&rig);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (rig.target), <=, 100000);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (rig.source), <=, 100000);
  g_assert_false (kaa_in_progress_get_finished (future));

  rig_run (&rig, total);
  rig_end_input (&rig);
  g_assert_cmpuint (await_moved (future), ==, total);
  rig_close (&rig);
}

static guint64
get_peak (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (guint64) usage.ru_maxrss * 1024;
}

/* A file of 1 GiB, most of it a hole, goes through a socket, and the memory stays as it was. */
static void
test_flat (void)
{
  guint64 total = G_GUINT64_CONSTANT (1) << 30;
  static guint8 buffer[256 * 1024];
  KaaIOChannel *source, *target;
  KaaInProgress *future;
  guint64 before, done = 0;
  int file = make_file (""), out[2];

  g_assert_cmpint (ftruncate (file, total), ==, 0);
  make_sockets (out);
  set_nonblocking (out[0]);
  source = new_channel (file, KAA_IO_READ);
  target = new_channel (out[1], KAA_IO_WRITE);

  before = get_peak ();
  future = kaa_io_channel_splice (source, target, KAA_SPLICE_CLOSE_TARGET);
  while (done < total)
    {
      gssize n = read (out[0], buffer, sizeof buffer);

      if (n > 0)
        done += n;
      else
        g_main_context_iteration (NULL, n < 0);
    }
  g_assert_cmpuint (await_moved (future), ==, total);
  if (g_getenv ("KAA_TEST_SLOW") == NULL)
    g_assert_cmpuint (get_peak () - before, <, 16 * MIB);

  dispose_of (source);
  dispose_of (target);
  close (out[0]);
}

/* A relay between two connections, both ways at once, while both peers only write at first. */
static void
test_both_ways (void)
{
  guint64 total = 6 * MIB;
  KaaIOChannel *a, *b;
  Stream to_a, from_a, to_b, from_b;
  int pair[2], other[2];

  make_sockets (pair);
  make_sockets (other);
  set_nonblocking (pair[1]);
  set_nonblocking (other[1]);
  a = new_channel (pair[0], KAA_IO_READ | KAA_IO_WRITE);
  b = new_channel (other[0], KAA_IO_READ | KAA_IO_WRITE);
  to_a = from_a = (Stream) { pair[1], 0, total };
  to_b = from_b = (Stream) { other[1], 0, total };

  g_object_unref (kaa_io_channel_splice (a, b, KAA_SPLICE_NONE));
  g_object_unref (kaa_io_channel_splice (b, a, KAA_SPLICE_NONE));

  /* Everything is full. */
  for (gboolean any = TRUE; any; )
    {
      any = stream_put (&to_a) | stream_put (&to_b);
      run_ready ();
    }
  while (from_a.done < total || from_b.done < total)
    {
      stream_put (&to_a);
      stream_put (&to_b);
      run_ready ();
      stream_get (&from_a);
      stream_get (&from_b);
    }

  dispose_of (a);
  dispose_of (b);
  close (pair[1]);
  close (other[1]);
}

/* --- Abort --- */

static void
test_abort (gconstpointer data)
{
  const Route *route = data;
  guint64 total = 4 * MIB, moved, rest = 0;
  KaaInProgress *future;
  GError *error = NULL;
  Rig rig;

  rig_open (&rig, route->from, route->to, total);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  rig_run (&rig, MIB);
  if (route->from != REGULAR)
    rig_fill (&rig);
  g_assert_true (kaa_in_progress_abort (future, &error));
  g_assert_no_error (error);
  moved = kaa_in_progress_get_bytes_moved (future);
  g_assert_cmpuint (moved, >=, MIB);
  g_assert_cmpuint (moved, <, total);
  assert_error (future, G_IO_ERROR_CANCELLED);

  /* What was accepted arrives ... */
  while (rig.out.done < moved)
    {
      run_ready ();
      stream_get (&rig.out);
    }
  run_ready ();
  g_assert_false (stream_get (&rig.out));
  g_assert_cmpuint (rig.out.done, ==, moved);

  /* ... and the rest is still there. */
  while (moved + rest < total)
    {
      KaaInProgress *read = kaa_io_channel_read (rig.source);
      GBytes *bytes;

      while (!kaa_in_progress_get_finished (read))
        {
          if (rig.in.fd >= 0)
            stream_put (&rig.in);
          g_main_context_iteration (NULL, rig.in.fd < 0);
        }
      bytes = kaa_in_progress_get_bytes (read, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), >, 0);
      assert_in_order (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), moved + rest);
      rest += g_bytes_get_size (bytes);
      g_bytes_unref (bytes);
      g_object_unref (read);
    }
  g_assert_cmpuint (moved + rest, ==, total);
  rig_close (&rig);
}

/* --- Ends --- */

static void
test_close_target (void)
{
  KaaInProgress *future;
  char *text;
  Rig rig;

  rig_open (&rig, PIPE, SOCKET, 0);
  put (rig.in.fd, "last words");
  rig_end_input (&rig);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_CLOSE_TARGET);
  g_assert_cmpuint (await_moved (future), ==, 10);
  run_while (kaa_io_channel_get_fileno (rig.target) >= 0);
  text = get (rig.out.fd);
  g_assert_cmpstr (text, ==, "last words");
  g_free (text);
  g_assert_cmpint (read (rig.out.fd, &text, 1), ==, 0);
  rig_close (&rig);
}

static void
test_target_closed (void)
{
  KaaInProgress *future;
  char *text;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  put (rig.in.fd, "one");
  run_while (kaa_in_progress_get_bytes_moved (future) < 3);
  g_object_unref (kaa_io_channel_close (rig.target, KAA_CLOSE_NONE));
  put (rig.in.fd, "two");
  assert_error (future, G_IO_ERROR_CLOSED);
  /* What the target did not take is the source's. */
  text = await_text (kaa_io_channel_read (rig.source));
  g_assert_cmpstr (text, ==, "two");
  g_free (text);
  g_assert_true (kaa_io_channel_get_alive (rig.source));
  rig_close (&rig);
}

static void
test_peer_gone (void)
{
  GError *error = NULL;
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, SOCKET, PIPE, 8 * MIB);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  rig_run (&rig, MIB);
  close (rig.out.fd);
  while (!kaa_in_progress_get_finished (future))
    {
      stream_put (&rig.in);
      run_ready ();
    }
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_nonnull (strstr (error->message, "bytes had been spliced"));
  g_error_free (error);
  g_object_unref (future);
  g_assert_true (kaa_io_channel_get_alive (rig.source));
  rig.out.fd = -1;
  rig_close (&rig);
}

static void
test_source_closed (void)
{
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  put (rig.in.fd, "one");
  run_while (kaa_in_progress_get_bytes_moved (future) < 3);
  g_object_unref (kaa_io_channel_close (rig.source, KAA_CLOSE_NONE));
  g_assert_cmpuint (await_moved (future), ==, 3);
  g_assert_true (kaa_io_channel_get_alive (rig.target));
  rig_close (&rig);
}

static void
test_stolen (void)
{
  KaaIOChannel *thief = kaa_io_channel_new ();
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  run_ready ();
  /* The splice goes with the requests of its source ... */
  g_assert_true (kaa_io_channel_steal (thief, rig.source, NULL));
  put (rig.in.fd, "one");
  run_while (kaa_in_progress_get_bytes_moved (future) < 3);
  g_object_unref (rig.source);
  rig.source = thief;

  /* ... and ends with its target. */
  thief = kaa_io_channel_new ();
  g_assert_true (kaa_io_channel_steal (thief, rig.target, NULL));
  assert_error (future, G_IO_ERROR_CLOSED);
  dispose_of (thief);
  rig_close (&rig);
}

/* A channel is not spliced to itself, in no roundabout way either. What comes from then on is for who reads it. */
static void
test_stolen_by_target (void)
{
  KaaInProgress *future, *line;
  char *text;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  put (rig.in.fd, "one");
  run_while (kaa_in_progress_get_bytes_moved (future) < 3);
  g_assert_true (kaa_io_channel_steal (rig.target, rig.source, NULL));
  assert_error (future, G_IO_ERROR_CLOSED);

  line = kaa_io_channel_readline (rig.target);
  put (rig.in.fd, "two\n");
  text = await_text (line);
  g_assert_cmpstr (text, ==, "two\n");
  g_free (text);
  rig_close (&rig);
}

static void
test_refused (void)
{
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, 0);
  assert_error (kaa_io_channel_splice (rig.source, rig.source, KAA_SPLICE_NONE), G_IO_ERROR_INVALID_ARGUMENT);
  assert_error (kaa_io_channel_splice (rig.target, rig.source, KAA_SPLICE_NONE), G_IO_ERROR_NOT_SUPPORTED);
  g_object_unref (kaa_io_channel_close (rig.target, KAA_CLOSE_IMMEDIATE));
  assert_error (kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE), G_IO_ERROR_CLOSED);
  rig_close (&rig);
}

/* --- Futures --- */

/* Nobody keeps anything but the other side's descriptors, and it runs to its end all the same. */
static void
test_dropped (void)
{
  guint64 total = 3 * MIB;
  Rig rig;

  rig_open (&rig, SOCKET, SOCKET, total);
  g_object_unref (kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_CLOSE_TARGET));
  g_clear_object (&rig.source);
  g_clear_object (&rig.target);
  rig_run (&rig, total);
  rig_end_input (&rig);
  while (read (rig.out.fd, &total, 1) != 0)
    g_main_context_iteration (NULL, TRUE);
  run_ready ();
  close (rig.out.fd);
}

static void
note_progress (KaaInProgress *future,
               GParamSpec    *pspec,
               gpointer       last)
{
  guint64 moved;

  g_object_get (future, "bytes-moved", &moved, NULL);
  g_assert_cmpuint (moved, >, *(guint64 *) last);
  *(guint64 *) last = moved;
}

static void
test_progress (void)
{
  guint64 total = 2 * MIB, last = 0;
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, PIPE, SOCKET, total);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  g_signal_connect (future, "notify::bytes-moved", G_CALLBACK (note_progress), &last);
  g_assert_cmpuint (kaa_in_progress_get_bytes_moved (future), ==, 0);
  rig_run (&rig, total);
  rig_end_input (&rig);
  g_assert_cmpuint (await_moved (future), ==, total);
  g_assert_cmpuint (last, ==, total);
  rig_close (&rig);
}

typedef struct
{
  gboolean done;
  guint64 moved;
  GError *error;
} Outcome;

static void
splice_ready (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Outcome *outcome = user_data;

  outcome->moved = kaa_io_channel_splice_finish (KAA_IO_CHANNEL (source), result, &outcome->error);
  outcome->done = TRUE;
}

static void
test_async (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  Outcome outcome = { FALSE, 0, NULL };
  Rig rig;

  rig_open (&rig, PIPE, SOCKET, 0);
  kaa_io_channel_splice_async (rig.source, rig.target, KAA_SPLICE_NONE, cancellable, splice_ready, &outcome);
  g_cancellable_cancel (cancellable);
  run_while (!outcome.done);
  g_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&outcome.error);

  outcome.done = FALSE;
  kaa_io_channel_splice_async (rig.source, rig.target, KAA_SPLICE_NONE, NULL, splice_ready, &outcome);
  put (rig.in.fd, "hello");
  rig_end_input (&rig);
  run_while (!outcome.done);
  g_assert_no_error (outcome.error);
  g_assert_cmpuint (outcome.moved, ==, 5);

  g_object_unref (cancellable);
  rig_close (&rig);
}

static void
add_routes (const char     *name,
            GTestDataFunc   func)
{
  static const char * const kinds[] = { "pipe", "socket", "file" };

  for (gsize i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      char *path = g_strdup_printf ("/channel/splice/%s/%s-to-%s", name, kinds[routes[i].from], kinds[routes[i].to]);

      g_test_add_data_func (path, &routes[i], func);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (300);

  add_routes ("all", test_all);
  add_routes ("back-pressure", test_back_pressure);
  add_routes ("abort", test_abort);
  g_test_add_func ("/channel/splice/all/socket-to-file", test_to_file);
  g_test_add_func ("/channel/splice/in-line", test_in_line);
  g_test_add_func ("/channel/splice/handlers-see-it", test_handlers_see_it);
  g_test_add_func ("/channel/splice/flat", test_flat);
  g_test_add_func ("/channel/splice/both-ways", test_both_ways);
  g_test_add_func ("/channel/splice/close-target", test_close_target);
  g_test_add_func ("/channel/splice/target-closed", test_target_closed);
  g_test_add_func ("/channel/splice/peer-gone", test_peer_gone);
  g_test_add_func ("/channel/splice/source-closed", test_source_closed);
  g_test_add_func ("/channel/splice/stolen", test_stolen);
  g_test_add_func ("/channel/splice/stolen-by-target", test_stolen_by_target);
  g_test_add_func ("/channel/splice/refused", test_refused);
  g_test_add_func ("/channel/splice/dropped", test_dropped);
  g_test_add_func ("/channel/splice/progress", test_progress);
  g_test_add_func ("/channel/splice/async", test_async);

  return g_test_run ();
}

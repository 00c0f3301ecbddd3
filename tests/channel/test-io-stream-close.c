/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Closing a channel through its GIO stream: what it waits for, what it says, what is closed by it. */

#include "transport/tls-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

/* --- Closing, in the ways that GIO has --- */

typedef enum
{
  BLOCKING,
  ASYNC,
  THREAD,
  N_WAYS
} Way;

static const char * const ways[N_WAYS] = { "blocking", "async", "thread" };

typedef struct
{
  GObject *stream;   /* GIOStream, GInputStream or GOutputStream */
  GCancellable *cancellable;
  GError *error;
  gboolean closed;
  gboolean done;
} Closer;

static gboolean
close_blocking (Closer *closer)
{
  if (G_IS_IO_STREAM (closer->stream))
    return g_io_stream_close (G_IO_STREAM (closer->stream), closer->cancellable, &closer->error);
  if (G_IS_INPUT_STREAM (closer->stream))
    return g_input_stream_close (G_INPUT_STREAM (closer->stream), closer->cancellable, &closer->error);
  return g_output_stream_close (G_OUTPUT_STREAM (closer->stream), closer->cancellable, &closer->error);
}

static void
close_done (GObject      *stream,
            GAsyncResult *result,
            gpointer      data)
{
  Closer *closer = data;

  if (G_IS_IO_STREAM (stream))
    closer->closed = g_io_stream_close_finish (G_IO_STREAM (stream), result, &closer->error);
  else if (G_IS_INPUT_STREAM (stream))
    closer->closed = g_input_stream_close_finish (G_INPUT_STREAM (stream), result, &closer->error);
  else
    closer->closed = g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, &closer->error);
  closer->done = TRUE;
}

static gboolean
thread_done (gpointer data)
{
  ((Closer *) data)->done = TRUE;
  return G_SOURCE_REMOVE;
}

static gpointer
run_closer (gpointer data)
{
  Closer *closer = data;

  closer->closed = close_blocking (closer);
  g_idle_add (thread_done, closer);
  return NULL;
}

static void
begin_close (Closer       *closer,
             gpointer      stream,
             GCancellable *cancellable,
             Way           way)
{
  *closer = (Closer) { .stream = stream, .cancellable = cancellable };
  switch (way)
    {
    case BLOCKING:
      closer->closed = close_blocking (closer);
      closer->done = TRUE;
      break;
    case ASYNC:
      if (G_IS_IO_STREAM (stream))
        g_io_stream_close_async (stream, G_PRIORITY_DEFAULT, cancellable, close_done, closer);
      else if (G_IS_INPUT_STREAM (stream))
        g_input_stream_close_async (stream, G_PRIORITY_DEFAULT, cancellable, close_done, closer);
      else
        g_output_stream_close_async (stream, G_PRIORITY_DEFAULT, cancellable, close_done, closer);
      break;
    case THREAD:
      g_thread_unref (g_thread_new ("closer", run_closer, closer));
      break;
    case N_WAYS:
    default:
      g_assert_not_reached ();
    }
}

static void
close_well (gpointer stream,
            Way      way)
{
  Closer closer;

  begin_close (&closer, stream, NULL, way);
  spin_until (closer.done);
  g_assert_no_error (closer.error);
  g_assert_true (closer.closed);
}

static gboolean
is_open_fd (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

/* More than a socket takes. */
static void
fill_queue (KaaIOChannel *channel)
{
  static guint8 much[1024 * 1024];

  g_assert_true (kaa_io_channel_send_data (channel, much, sizeof much, NULL));
  settle ();
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), >, 0);
}

/* --- two that wait for each other --- */

static void
test_full_peers (gconstpointer data)
{
  Way way = GPOINTER_TO_UINT (data);
  KaaIOChannel *a, *b;
  GIOStream *stream_a, *stream_b;
  Closer close_a, close_b;

  g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
  stream_a = kaa_io_channel_get_io_stream (a);
  stream_b = kaa_io_channel_get_io_stream (b);
  fill_queue (a);
  fill_queue (b);

  begin_close (&close_a, stream_a, NULL, way == THREAD ? THREAD : ASYNC);
  begin_close (&close_b, stream_b, NULL, way);
  spin_until (close_a.done && close_b.done);
  /* What went to the one that was ready first, and is gone, is lost, and that is said. */
  g_assert_true (close_a.closed || close_b.closed);
  if (!close_a.closed)
    g_assert_error (close_a.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  if (!close_b.closed)
    g_assert_error (close_b.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&close_a.error);
  g_clear_error (&close_b.error);

  g_object_unref (stream_a);
  g_object_unref (stream_b);
  g_object_unref (a);
  g_object_unref (b);
  settle ();
}

/* --- what is lost is told --- */

static void
test_loss (gconstpointer data)
{
  KaaIOChannel *channel;
  GIOStream *stream;
  Closer closer;
  int fd, other;

  make_sockets (&fd, &other);
  channel = open_fd (fd, BOTH);
  stream = kaa_io_channel_get_io_stream (channel);
  fill_queue (channel);
  begin_close (&closer, stream, NULL, GPOINTER_TO_UINT (data) == BLOCKING ? ASYNC : GPOINTER_TO_UINT (data));
  spin_until (!kaa_io_channel_get_alive (channel));
  close (other);
  spin_until (closer.done);
  g_assert_false (closer.closed);
  g_assert_error (closer.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_error_free (closer.error);
  g_assert_false (is_open_fd (fd));
  g_assert_true (g_io_stream_is_closed (stream));
  g_object_unref (stream);
  g_object_unref (channel);
  settle ();
}

/* --- cancelled --- */

static gboolean
cancel_it (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
test_cancelled (gconstpointer data)
{
  Way way = GPOINTER_TO_UINT (data);

  for (guint late = 0; late < 2; late++)
    {
      GCancellable *cancellable = g_cancellable_new ();
      KaaIOChannel *channel;
      GIOStream *stream;
      Closer closer;
      int fd, other;

      make_sockets (&fd, &other);
      channel = open_fd (fd, BOTH);
      stream = kaa_io_channel_get_io_stream (channel);
      fill_queue (channel);
      if (late)
        g_timeout_add (1, cancel_it, cancellable);
      else
        g_cancellable_cancel (cancellable);
      begin_close (&closer, stream, cancellable, way);
      spin_until (closer.done);
      g_assert_false (closer.closed);
      g_assert_error (closer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_error_free (closer.error);
      g_assert_false (kaa_io_channel_get_alive (channel));
      g_assert_false (is_open_fd (fd));
      g_assert_true (g_io_stream_is_closed (stream));
      g_object_unref (stream);
      g_object_unref (channel);
      g_object_unref (cancellable);
      close (other);
      settle ();
    }
}

/* Where nothing is lost it is just closed. */
static void
test_cancelled_nothing (gconstpointer data)
{
  GCancellable *cancellable = g_cancellable_new ();
  KaaIOChannel *channel;
  GIOStream *stream;
  Closer closer;
  int fd, other;

  make_sockets (&fd, &other);
  channel = open_fd (fd, BOTH);
  stream = kaa_io_channel_get_io_stream (channel);
  g_cancellable_cancel (cancellable);
  begin_close (&closer, stream, cancellable, GPOINTER_TO_UINT (data));
  spin_until (closer.done);
  /* GIO says by itself that an asynchronous call was cancelled. */
  if (GPOINTER_TO_UINT (data) == ASYNC)
    g_assert_error (closer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    g_assert_no_error (closer.error);
  g_clear_error (&closer.error);
  g_assert_false (is_open_fd (fd));
  g_object_unref (stream);
  g_object_unref (channel);
  g_object_unref (cancellable);
  close (other);
  settle ();
}

/* --- directions --- */

static void
test_only_output (gconstpointer data)
{
  KaaIOChannel *channel;
  GIOStream *stream;
  char buffer[16];
  int fd, other;

  make_pipe (&other, &fd);
  channel = open_fd (fd, KAA_IO_WRITE);
  begin_events ();
  note_signal (channel, "closed");
  stream = kaa_io_channel_get_io_stream (channel);
  g_assert_true (kaa_io_channel_send_data (channel, (const guint8 *) "last", 4, NULL));
  close_well (g_io_stream_get_output_stream (stream), GPOINTER_TO_UINT (data));
  settle ();
  assert_events ("closed");
  g_assert_false (is_open_fd (fd));
  g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 4);
  g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 0);
  end_events ();
  g_object_unref (stream);
  g_object_unref (channel);
  close (other);
}

static void
test_only_input (gconstpointer data)
{
  int other;
  KaaIOChannel *channel = open_pipe (&other);
  int fd = kaa_io_channel_get_fileno (channel);
  GIOStream *stream = kaa_io_channel_get_io_stream (channel);

  begin_events ();
  note_signal (channel, "closed");
  close_well (g_io_stream_get_input_stream (stream), GPOINTER_TO_UINT (data));
  settle ();
  assert_events ("closed");
  g_assert_false (is_open_fd (fd));
  end_events ();
  g_object_unref (stream);
  g_object_unref (channel);
  close (other);
}

/* Of a socket one direction after the other; between them it is half-closed, or as it was. */
static void
test_both (gconstpointer data)
{
  Way way = GPOINTER_TO_UINT (data);

  for (guint input_first = 0; input_first < 2; input_first++)
    {
      KaaIOChannel *channel;
      GIOStream *stream;
      char buffer[16];
      int fd, other;

      make_sockets (&fd, &other);
      channel = open_fd (fd, BOTH);
      begin_events ();
      note_signal (channel, "closed");
      stream = kaa_io_channel_get_io_stream (channel);
      if (input_first)
        {
          close_well (g_io_stream_get_input_stream (stream), way);
          g_assert_true (kaa_io_channel_get_alive (channel));
          g_assert_cmpint (g_output_stream_write (g_io_stream_get_output_stream (stream), "more", 4, NULL, NULL), ==, 4);
          settle ();
          g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 4);
          close_well (g_io_stream_get_output_stream (stream), way);
        }
      else
        {
          close_well (g_io_stream_get_output_stream (stream), way);
          g_assert_true (kaa_io_channel_get_alive (channel));
          g_assert_cmpint (read (other, buffer, sizeof buffer), ==, 0);
          put_string (other, "answer\n");
          assert_bytes (kaa_io_channel_readline (channel), "answer\n");
          close_well (g_io_stream_get_input_stream (stream), way);
        }
      spin_until (events->len > 0);
      assert_events ("closed");
      g_assert_false (is_open_fd (fd));
      end_events ();
      g_object_unref (stream);
      g_object_unref (channel);
      close (other);
      settle ();
    }
}

/* Dropping closes nothing. */
static void
test_dropped (void)
{
  int other;
  KaaIOChannel *channel = open_pipe (&other);

  g_object_unref (kaa_io_channel_get_io_stream (channel));
  settle ();
  g_assert_true (kaa_io_channel_get_alive (channel));
  finish_channel (channel);
  close (other);
}

/* --- a channel above a channel's stream --- */

typedef enum
{
  PLAIN,
  BUFFERED,
  TWICE,
  SIMPLE,
  N_ABOVES
} Above;

static const char * const aboves[] = { "plain", "buffered", "twice", "simple" };

/* Ends with the stream that the channel above is opened with. */
static GIOStream *
make_stream (KaaIOChannel  *below,
             Above          above,
             KaaIOChannel **between)
{
  GIOStream *stream = kaa_io_channel_get_io_stream (below);
  GInputStream *in = g_io_stream_get_input_stream (stream);
  GOutputStream *out = g_io_stream_get_output_stream (stream);
  GIOStream *made;

  *between = NULL;
  switch (above)
    {
    case PLAIN:
      return stream;
    case TWICE:
      *between = open_stream (stream, BOTH);
      made = kaa_io_channel_get_io_stream (*between);
      break;
    case BUFFERED:
      in = g_buffered_input_stream_new (in);
      out = g_buffered_output_stream_new (out);
      made = g_simple_io_stream_new (in, out);
      g_object_unref (in);
      g_object_unref (out);
      break;
    case SIMPLE:
    case N_ABOVES:
    default:
      made = g_simple_io_stream_new (in, out);
      break;
    }
  g_object_unref (stream);
  return made;
}

/* Nobody reads what the one below has queued, so an orderly close takes its time; one that is immediate does not, and neither does what
 * is left when the time is over. */
static void
test_above (gconstpointer data)
{
  Above above = GPOINTER_TO_UINT (data) / 2;
  gboolean lingers = GPOINTER_TO_UINT (data) % 2;
  KaaIOChannel *below, *between, *top;
  KaaInProgress *closed;
  GIOStream *stream;
  int fd, other;

  make_sockets (&fd, &other);
  below = open_fd (fd, BOTH);
  begin_events ();
  note_signal (below, "closed");
  fill_queue (below);
  stream = make_stream (below, above, &between);
  top = open_stream (stream, BOTH);
  g_object_unref (stream);
  settle ();

  kaa_io_channel_set_linger (top, 0.01);
  if (between != NULL)
    kaa_io_channel_set_linger (between, 0.01);
  closed = kaa_io_channel_close (top, lingers ? KAA_CLOSE_NONE : KAA_CLOSE_IMMEDIATE);
  if (!lingers)
    g_assert_false (kaa_io_channel_get_alive (top));
  spin_until (kaa_in_progress_get_finished (closed) && events->len > 0);
  g_assert_true (g_str_has_prefix (events->str, "closed"));
  g_assert_false (kaa_io_channel_get_alive (below));
  g_assert_false (is_open_fd (fd));
  settle ();
  end_events ();
  g_object_unref (closed);
  g_object_unref (top);
  g_clear_object (&between);
  g_object_unref (below);
  close (other);
  settle ();
}

/* TLS says goodbye through the one below, which has no room for it. */
static void
test_above_tls (void)
{
  KaaIOChannel *below, *top;
  KaaInProgress *closed;
  GIOStream *stream;
  GIOStream *tls;
  GError *error = NULL;
  int fd, other;

  if (certificate == NULL)
    {
      g_test_skip ("There is no TLS");
      return;
    }

  make_sockets (&fd, &other);
  below = open_fd (fd, BOTH);
  fill_queue (below);
  stream = kaa_io_channel_get_io_stream (below);
  tls = g_tls_client_connection_new (stream, NULL, &error);
  g_assert_no_error (error);
  top = open_stream (tls, BOTH);
  g_object_unref (tls);
  g_object_unref (stream);
  settle ();

  closed = kaa_io_channel_close (top, KAA_CLOSE_IMMEDIATE);
  spin_until (kaa_in_progress_get_finished (closed) && !kaa_io_channel_get_alive (below));
  spin_until (!is_open_fd (fd));
  g_object_unref (closed);
  g_object_unref (top);
  g_object_unref (below);
  close (other);
  settle ();
}

/* In order, what is queued arrives. */
static void
test_above_in_order (void)
{
  KaaIOChannel *a, *b, *top;
  GIOStream *stream;

  g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
  stream = kaa_io_channel_get_io_stream (a);
  top = open_stream (stream, BOTH);
  g_object_unref (stream);
  g_object_unref (write_text (top, "last words\n"));
  close_and_wait (top);
  g_assert_false (kaa_io_channel_get_alive (a));
  assert_bytes (kaa_io_channel_readline (b), "last words\n");
  assert_bytes (kaa_io_channel_readline (b), "");
  g_object_unref (top);
  g_object_unref (a);
  g_object_unref (b);
  settle ();
}

static const struct
{
  const char *name;
  GTestDataFunc func;
} tests[] = {
  { "full-peers", test_full_peers },
  { "loss", test_loss },
  { "cancelled", test_cancelled },
  { "cancelled-nothing", test_cancelled_nothing },
  { "only-output", test_only_output },
  { "only-input", test_only_input },
  { "both", test_both },
};

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  make_certificate ();

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    for (guint way = 0; way < N_WAYS; way++)
      {
        char *name = g_strdup_printf ("/io-stream-close/%s/%s", tests[i].name, ways[way]);

        g_test_add_data_func (name, GUINT_TO_POINTER (way), tests[i].func);
        g_free (name);
      }
  g_test_add_func ("/io-stream-close/dropped", test_dropped);
  for (guint above = 0; above < N_ABOVES; above++)
    for (guint lingers = 0; lingers < 2; lingers++)
      {
        char *name = g_strdup_printf ("/io-stream-close/above/%s/%s", aboves[above], lingers ? "linger" : "immediate");

        g_test_add_data_func (name, GUINT_TO_POINTER (2 * above + lingers), test_above);
        g_free (name);
      }
  g_test_add_func ("/io-stream-close/above/tls", test_above_tls);
  g_test_add_func ("/io-stream-close/above/in-order", test_above_in_order);

  result = g_test_run ();
  remove_certificate ();
  return result;
}

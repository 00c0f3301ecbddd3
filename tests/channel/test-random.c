/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random operations, also from within callbacks: no byte is lost, none comes twice, every future finishes once,
 * `closed` comes once and last. Each case is one seed; a failure names it.
 */

#include "channel-fixture.h"

#define STREAM_LENGTH 3000
#define SEEDS 60
#define SEEDS_THOROUGH 4000
#define MAX_DEPTH 3

typedef struct
{
  GRand *rand;
  KaaIOChannel *channel;
  int peer;                  /* -1 once it is closed */

  char *stream;
  gsize sent;
  gsize taken;               /* by requests, line handlers, consume() */
  gsize seen;                /* by `read` handlers, which are there from the start or never */
  gboolean watching;

  GPtrArray *written;        /* Write: all that was accepted, in order */
  GString *received;

  GPtrArray *requests;       /* futures that wait */
  guint outstanding;         /* futures that have not finished */
  gulong lines, blocks;      /* handlers */
  guint depth;
  guint closed;
  gboolean ending;
} Run;

static void act (Run *run);

static guint
pick (Run   *run,
      guint  n)
{
  return g_rand_int_range (run->rand, 0, n);
}

static void
act_within (Run *run)
{
  if (run->depth >= MAX_DEPTH || run->ending || pick (run, 3) != 0)
    return;
  run->depth++;
  act (run);
  run->depth--;
}

/* --- What comes in --- */

static void
take (Run    *run,
      GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  g_assert_cmpuint (run->taken + length, <=, run->sent);
  g_assert_cmpmem (data, length, run->stream + run->taken, length);
  run->taken += length;
}

static void
on_read (KaaIOChannel *channel,
         GBytes       *chunk,
         Run          *run)
{
  gsize length;
  const char *data = g_bytes_get_data (chunk, &length);

  g_assert_cmpuint (length, >, 0);
  g_assert_cmpuint (run->seen + length, <=, run->sent);
  g_assert_cmpmem (data, length, run->stream + run->seen, length);
  run->seen += length;
  act_within (run);
}

static void
on_lines (KaaIOChannel *channel,
          GBytes       *lines,
          Run          *run)
{
  g_assert_cmpuint (g_bytes_get_size (lines), >, 0);
  take (run, lines);
  act_within (run);
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           Run          *run)
{
  run->closed++;
}

typedef struct
{
  Run *run;
  KaaInProgress *future;
  guint answers;
} Request;

static void
request_over (Request *request)
{
  request->answers++;
  g_assert_cmpuint (request->answers, ==, 1);
  request->run->outstanding--;
  g_ptr_array_remove_fast (request->run->requests, request->future);
}

static void
on_result (const GValue *result,
           gpointer      user_data)
{
  Request *request = user_data;

  request_over (request);
  take (request->run, g_value_get_boxed (result));
  act_within (request->run);
}

static void
on_error (const GError *error,
          gpointer      user_data)
{
  Request *request = user_data;

  /* R3: what nobody asked for in time was seen by the handlers, and is dropped. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    {
      g_assert_true (request->run->watching);
      request->run->taken += g_ascii_strtoull (strpbrk (error->message, "0123456789"), NULL, 10);
    }
  else
    {
      /* Aborted, refused beside a handler, too long. */
      g_assert_cmpint (error->domain, ==, G_IO_ERROR);
      g_assert_true (error->code == G_IO_ERROR_CANCELLED || error->code == G_IO_ERROR_TIMED_OUT ||
                     error->code == G_IO_ERROR_PENDING || error->code == G_IO_ERROR_MESSAGE_TOO_LARGE ||
                     error->code == G_IO_ERROR_INVALID_ARGUMENT);
    }
  request_over (request);
  act_within (request->run);
}

static void
ignore (gpointer unused)
{
}

static void
listen_to (Run           *run,
           KaaInProgress *future)
{
  Request *request = g_new0 (Request, 1);

  request->run = run;
  request->future = future;
  run->outstanding++;
  g_ptr_array_add (run->requests, g_object_ref (future));
  kaa_in_progress_then (future, on_result, request, ignore, on_error, request, g_free);
}

static KaaInProgress *
ask (Run *run)
{
  g_autoptr (GBytes) delimiter = g_bytes_new_static ("ab", 1 + pick (run, 2));

  switch (pick (run, 6))
    {
    case 0:
      return kaa_io_channel_read (run->channel);
    case 1:
      return kaa_io_channel_readline (run->channel);
    case 2:
      return kaa_io_channel_readlines (run->channel);
    case 3:
      return kaa_io_channel_read_exactly (run->channel, 1 + pick (run, 40));
    case 4:
      return kaa_io_channel_read_some (run->channel, 1 + pick (run, 40));
    default:
      return kaa_io_channel_read_until (run->channel, delimiter);
    }
}

static void
request (Run *run)
{
  g_autoptr (KaaInProgress) future = ask (run);
  g_autoptr (KaaInProgress) linked = NULL;

  switch (pick (run, 6))
    {
    case 0: /* nobody listens: it goes, and has taken nothing */
      break;
    case 1: /* a time-out that aborts, long over before the test is */
      linked = kaa_in_progress_timeout (future, pick (run, 2) == 0 ? 0 : 0.001, TRUE);
      listen_to (run, future);
      break;
    case 2:
      listen_to (run, future);
      if (!kaa_in_progress_get_finished (future))
        g_assert_true (kaa_in_progress_abort (future, NULL));
      break;
    default:
      listen_to (run, future);
      break;
    }
}

static void
abort_one (Run *run)
{
  g_autoptr (KaaInProgress) future = NULL;

  if (run->requests->len == 0)
    return;
  future = g_object_ref (g_ptr_array_index (run->requests, pick (run, run->requests->len)));
  kaa_in_progress_abort (future, NULL);
}

/* What a request has got is not in the queue any more, and is told from the loop: on a slow machine not in the same turn. */
static gboolean
is_any_untold (Run *run)
{
  for (guint i = 0; i < run->requests->len; i++)
    {
      KaaInProgress *future = g_ptr_array_index (run->requests, i);

      if (kaa_in_progress_get_finished (future) && !kaa_in_progress_get_failed (future))
        return TRUE;
    }
  return FALSE;
}

static void
look_and_consume (Run *run)
{
  g_autoptr (GBytes) bytes = kaa_io_channel_peek (run->channel);
  g_autoptr (GBytes) part = NULL;
  gsize length = g_bytes_get_size (bytes);

  if (length == 0 || is_any_untold (run))
    return;
  length = 1 + pick (run, length);
  part = g_bytes_new_from_bytes (bytes, 0, length);
  if (kaa_io_channel_consume (run->channel, length, NULL))
    take (run, part);
}

static void
toggle (Run        *run,
        gulong     *id,
        const char *name)
{
  if (*id != 0)
    g_clear_signal_handler (id, run->channel);
  else if (run->lines == 0 && run->blocks == 0 &&
           kaa_io_channel_get_overflow_policy (run->channel) == KAA_OVERFLOW_SPLIT)
    *id = g_signal_connect (run->channel, name, G_CALLBACK (on_lines), run);
}

/* --- What goes out --- */

typedef struct
{
  Run *run;
  KaaInProgress *future;     /* NULL: sent without one */
  GBytes *bytes;
  gboolean aborted;
  guint answers;
} Write;

static void
free_write (gpointer data)
{
  Write *write = data;

  g_clear_object (&write->future);
  g_bytes_unref (write->bytes);
  g_free (write);
}

static void
on_written (const GValue *result,
            gpointer      user_data)
{
  Write *write = user_data;

  g_assert_cmpuint (++write->answers, ==, 1);
  g_assert_false (write->aborted);
  g_assert_cmpint (g_value_get_int64 (result), ==, g_bytes_get_size (write->bytes));
  write->run->outstanding--;
  act_within (write->run);
}

static void
on_not_written (const GError *error,
                gpointer      user_data)
{
  Write *write = user_data;

  g_assert_cmpuint (++write->answers, ==, 1);
  g_assert_true (write->aborted);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  write->run->outstanding--;
  act_within (write->run);
}

static void
write_some (Run *run)
{
  gsize length = pick (run, 300);
  gsize limit = kaa_io_channel_get_queue_size (run->channel);
  gboolean fits = kaa_io_channel_get_write_queue_used (run->channel) + length <= limit;
  g_autofree guint8 *data = g_malloc (length + 1);
  Write *write;

  for (gsize i = 0; i < length; i++)
    data[i] = pick (run, 256);
  write = g_new0 (Write, 1);
  write->run = run;
  write->bytes = g_bytes_new (data, length);

  if (!fits)
    {
      g_assert_false (kaa_io_channel_send (run->channel, write->bytes, NULL));
      free_write (write);
      return;
    }

  g_ptr_array_add (run->written, write);
  if (pick (run, 2) == 0)
    {
      GError *error = NULL;
      gboolean sent = kaa_io_channel_send (run->channel, write->bytes, &error);

      g_assert_no_error (error);
      g_assert_true (sent);
      return;
    }
  write->future = kaa_io_channel_write_bytes (run->channel, write->bytes);
  run->outstanding++;
  kaa_in_progress_then (write->future, on_written, write, ignore, on_not_written, write, ignore);
}

static void
abort_write (Run *run)
{
  Write *write;
  g_autoptr (GError) error = NULL;

  if (run->written->len == 0)
    return;
  write = g_ptr_array_index (run->written, run->written->len - 1 - pick (run, MIN (run->written->len, 8)));
  if (write->future == NULL || kaa_in_progress_get_finished (write->future))
    return;
  write->aborted = TRUE;
  if (!kaa_in_progress_abort (write->future, &error))
    {
      /* Some of it has gone (W5). */
      g_assert_nonnull (error);
      write->aborted = FALSE;
    }
}

/* What the peer must have got in the end. */
static GString *
get_expected (Run *run)
{
  GString *expected = g_string_new (NULL);

  for (guint i = 0; i < run->written->len; i++)
    {
      Write *write = g_ptr_array_index (run->written, i);
      gsize length;
      const char *data = g_bytes_get_data (write->bytes, &length);

      if (!write->aborted)
        g_string_append_len (expected, data, length);
    }
  return expected;
}

static void
receive (Run *run)
{
  char buffer[512];
  gssize n;

  if (run->peer < 0)
    return;
  n = recv (run->peer, buffer, 1 + pick (run, sizeof buffer), MSG_DONTWAIT);
  if (n > 0)
    g_string_append_len (run->received, buffer, n);
}

static void
feed (Run *run)
{
  gsize most = 1 + pick (run, 60);
  gsize length = MIN (most, STREAM_LENGTH - run->sent);
  gssize n;

  if (length == 0 || run->peer < 0)
    return;
  n = send (run->peer, run->stream + run->sent, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    run->sent += n;
}

/* --- Everything --- */

static void
set_something (Run *run)
{
  static const char * const delimiters[][4] = { { "\n", NULL }, { "a", "ab", NULL }, { "\r", "\n", "\r\n", NULL }, { "abab", NULL } };

  switch (pick (run, 4))
    {
    case 0:
      kaa_io_channel_set_delimiters (run->channel, delimiters[pick (run, G_N_ELEMENTS (delimiters))]);
      break;
    case 1:
      kaa_io_channel_set_chunk_size (run->channel, 1 + pick (run, 100));
      break;
    case 2:
      kaa_io_channel_set_queue_size (run->channel, 50 + pick (run, 1000));
      break;
    default:
      /* With handlers an overlong line would close the channel (R7). */
      kaa_io_channel_set_overflow_policy (run->channel, pick (run, 2) == 0 || run->lines != 0 || run->blocks != 0
                                                        ? KAA_OVERFLOW_SPLIT : KAA_OVERFLOW_ERROR);
      break;
    }
}

/* Another channel goes on with all that belongs to this one. */
static void
move (Run *run)
{
  KaaIOChannel *other = run->channel;
  GStrv delimiters = kaa_io_channel_get_delimiters (other);
  gboolean lines = run->lines != 0;
  gboolean blocks = run->blocks != 0;
  GError *error = NULL;

  g_clear_signal_handler (&run->lines, other);
  g_clear_signal_handler (&run->blocks, other);
  run->channel = kaa_io_channel_new ();
  kaa_io_channel_set_delimiters (run->channel, (const char * const *) delimiters);
  kaa_io_channel_set_chunk_size (run->channel, kaa_io_channel_get_chunk_size (other));
  kaa_io_channel_set_queue_size (run->channel, kaa_io_channel_get_queue_size (other));
  kaa_io_channel_set_overflow_policy (run->channel, kaa_io_channel_get_overflow_policy (other));
  kaa_io_channel_set_paused (run->channel, kaa_io_channel_get_paused (other));
  g_signal_connect (run->channel, "closed", G_CALLBACK (on_closed), run);
  if (lines)
    toggle (run, &run->lines, "readline");
  if (blocks)
    toggle (run, &run->blocks, "readlines");

  kaa_io_channel_steal (run->channel, other, &error);
  g_assert_no_error (error);
  g_strfreev (delimiters);
  g_object_unref (other);
}

/* The loop turns within a callback, until something comes or not. */
static void
wait_within (Run *run)
{
  g_autoptr (KaaInProgress) future = ask (run);

  listen_to (run, future);
  kaa_in_progress_wait (future, 0.001, NULL);
  if (!kaa_in_progress_get_finished (future))
    kaa_in_progress_abort (future, NULL);
}

static void
act (Run *run)
{
  switch (pick (run, 17))
    {
    case 0:
    case 1:
    case 2:
      request (run);
      break;
    case 3:
      abort_one (run);
      break;
    case 4:
      if (!run->watching)
        look_and_consume (run);
      break;
    case 5:
      if (!run->watching)
        toggle (run, &run->lines, "readline");
      break;
    case 6:
      if (!run->watching)
        toggle (run, &run->blocks, "readlines");
      break;
    case 7:
      kaa_io_channel_set_paused (run->channel, pick (run, 3) == 0);
      break;
    case 8:
      set_something (run);
      break;
    case 9:
      write_some (run);
      break;
    case 10:
      receive (run);
      break;
    case 11:
      abort_write (run);
      break;
    case 12:
      if (run->depth > 0)
        g_main_context_iteration (NULL, FALSE);
      break;
    case 13:
      if (!run->watching && pick (run, 4) == 0)
        move (run);
      break;
    case 14:
      if (pick (run, 4) == 0)
        wait_within (run);
      break;
    default:
      feed (run);
      break;
    }
}

static void
finish (Run *run)
{
  GString *expected;

  run->ending = TRUE;
  kaa_io_channel_set_paused (run->channel, FALSE);
  kaa_io_channel_set_overflow_policy (run->channel, KAA_OVERFLOW_SPLIT);

  expected = get_expected (run);
  while (run->received->len < expected->len)
    {
      g_main_context_iteration (NULL, FALSE);
      receive (run);
    }
  g_assert_cmpmem (run->received->str, run->received->len, expected->str, expected->len);
  g_string_free (expected, TRUE);

  g_clear_signal_handler (&run->lines, run->channel);
  g_clear_signal_handler (&run->blocks, run->channel);
  close (run->peer);
  run->peer = -1;

  /* What is left comes to requests, down to the empty one. */
  while (run->taken < run->sent)
    {
      g_autoptr (KaaInProgress) future = kaa_io_channel_read (run->channel);
      gsize before = run->taken;

      listen_to (run, future);
      spin_until (kaa_in_progress_get_finished (future) && run->requests->len == 0);
      g_assert_cmpuint (run->taken, >, before);
    }
  spin_until (run->closed > 0 && run->outstanding == 0);
  settle ();
  g_assert_cmpuint (run->closed, ==, 1);
  g_assert_cmpuint (run->taken, ==, run->sent);
  if (run->watching)
    g_assert_cmpuint (run->seen, ==, run->sent);
  g_assert_false (kaa_io_channel_get_readable (run->channel));
}

static void
test_random (gconstpointer data)
{
  gboolean watching = data != NULL;
  int small = 1024;
  guint seeds = g_test_thorough () ? SEEDS_THOROUGH : SEEDS;

  for (guint seed = 0; seed < seeds; seed++)
    {
      static const char alphabet[] = "ab\r\ncd";
      Run run = { .rand = g_rand_new_with_seed (seed), .watching = watching };
      int fd;

      g_test_message ("seed %u", seed);
      make_sockets (&fd, &run.peer);
      g_assert_no_errno (setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
      run.channel = kaa_io_channel_new_for_fd (fd, KAA_IO_READ | KAA_IO_WRITE, NULL);
      run.stream = g_malloc (STREAM_LENGTH);
      for (gsize i = 0; i < STREAM_LENGTH; i++)
        run.stream[i] = alphabet[pick (&run, sizeof alphabet - 1)];
      run.received = g_string_new (NULL);
      run.written = g_ptr_array_new_with_free_func (free_write);
      run.requests = g_ptr_array_new_with_free_func (g_object_unref);
      g_signal_connect (run.channel, "closed", G_CALLBACK (on_closed), &run);
      if (watching)
        {
          g_autoptr (KaaInProgress) first = NULL;

          /* R3: from a request that is made beside the handler on, everything is kept. */
          g_signal_connect (run.channel, "read", G_CALLBACK (on_read), &run);
          first = kaa_io_channel_read (run.channel);
          listen_to (&run, first);
        }

      for (guint step = 0; step < 600; step++)
        {
          act (&run);
          if (pick (&run, 3) == 0)
            g_main_context_iteration (NULL, FALSE);
        }
      finish (&run);

      g_ptr_array_unref (run.requests);
      g_ptr_array_unref (run.written);
      g_string_free (run.received, TRUE);
      g_free (run.stream);
      g_object_unref (run.channel);
      g_rand_free (run.rand);
      settle ();
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/channel/random/requests", NULL, test_random);
  g_test_add_data_func ("/channel/random/watched", "read", test_random);
  return g_test_run ();
}

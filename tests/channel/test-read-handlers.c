/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * R3: handlers of `read` that come, go and are blocked, while others take the same bytes: each sees every byte that was read while it was
 * connected, once and in order.
 */

#include "channel-fixture.h"

static gulong reading;

static void
be_slow (void)
{
  gint64 begin = g_get_monotonic_time ();

  while (g_get_monotonic_time () - begin < 3000)
    ;
}

/* --- Connected in the midst of things --- */

typedef struct
{
  int peer;
  gsize count;        /* bytes to ask for */
  const char *more;   /* comes while the handler waits */
} Wait;

static void
connect_and_wait (KaaIOChannel *channel,
                  GBytes       *line,
                  Wait         *wait)
{
  KaaInProgress *future;
  GBytes *bytes;

  note_bytes ("L", line);
  if (reading != 0)
    return;

  reading = note_signal (channel, "read");
  future = kaa_io_channel_read_exactly (channel, wait->count);
  put_string (wait->peer, wait->more);
  bytes = kaa_in_progress_wait_bytes (future, WATCHDOG_SECONDS, NULL);
  note_bytes ("x", bytes);
  g_bytes_unref (bytes);
  g_object_unref (future);
}

static void
wait_in_line (const char *input,
              gsize       chunk_size,
              gsize       count,
              const char *more,
              const char *expected)
{
  Wait wait = { .count = count, .more = more };
  KaaIOChannel *channel = open_pipe (&wait.peer);

  begin_events ();
  reading = 0;
  g_signal_connect (channel, "readline", G_CALLBACK (connect_and_wait), &wait);
  put_string (wait.peer, input);
  spin_until (reading != 0);
  kaa_io_channel_set_chunk_size (channel, chunk_size);
  settle ();
  assert_events (expected);
  end_events ();
  close (wait.peer);
  finish_channel (channel);
}

/* What was buffered comes before what arrives during the wait, whether the request takes it or not. */
static void
test_in_line (void)
{
  wait_in_line ("line1\nFIRST-", 1024, 12, "SECOND", "L[line1|] x[FIRST-SECOND] R[FIRST-SECOND]");
  wait_in_line ("line1\nFIRST-", 1024, 8, "SECOND", "L[line1|] x[FIRST-SE] R[FIRST-SE] R[CO] R[ND]");
  wait_in_line ("line1\nFIRST-", 1024, 7, "S\nT\n", "L[line1|] x[FIRST-S] R[FIRST-S] R[|T] L[|] R[|] L[T|]");
  /* What is taken before anything else has come was read before. */
  wait_in_line ("line1\nFIRST-", 1024, 3, "SECOND", "L[line1|] x[FIR] R[ST-] R[SECOND]");
}

static void
connect_and_shrink (KaaIOChannel *channel,
                    GBytes       *line,
                    Wait         *wait)
{
  kaa_io_channel_set_chunk_size (channel, 4);
  connect_and_wait (channel, line, wait);
}

static void
test_small_chunks (void)
{
  Wait wait = { .count = 12, .more = "KLMNOP" };
  KaaIOChannel *channel = open_pipe (&wait.peer);

  begin_events ();
  reading = 0;
  g_signal_connect (channel, "readline", G_CALLBACK (connect_and_shrink), &wait);
  put_string (wait.peer, "1\nabcdefghij");
  spin_until (reading != 0);
  settle ();
  assert_events ("L[1|] x[abcdefghijKL] R[abcd] R[efgh] R[ijKL] R[MN] R[OP]");
  end_events ();
  close (wait.peer);
  finish_channel (channel);
}

static gboolean gone;

static void
disconnect_slowly (KaaIOChannel *channel,
                   GBytes       *bytes,
                   gpointer      user_data)
{
  note_bytes ("R", bytes);
  g_clear_signal_handler (&reading, channel);
  gone = TRUE;
  be_slow ();
}

/* Whoever goes leaves the rest to others, wherever the dispatch ended. */
static void
test_rest (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  begin_events ();
  gone = FALSE;
  kaa_io_channel_set_chunk_size (channel, 4);
  reading = g_signal_connect (channel, "read", G_CALLBACK (disconnect_slowly), NULL);
  put_string (peer, "abcdefghij");
  spin_until (gone);
  note_future (kaa_io_channel_read_exactly (channel, 6), "x");
  settle ();
  assert_events ("R[abcd] x[efghij]");

  /* ... and is not told again what he had, but what he had not. */
  note_signal (channel, "read");
  put_string (peer, "kl");
  settle ();
  assert_events ("R[kl]");
  end_events ();
  close (peer);
  finish_channel (channel);
}

static void
leave_and_ask (const GValue *result,
               gpointer      channel)
{
  g_clear_signal_handler (&reading, channel);
  note_future (kaa_io_channel_read (channel), "r");
}

/* A callback may come between the reading and the emission: one of them has the bytes, and only one. */
static void
test_between (void)
{
  for (guint i = 0; i < 20; i++)
    {
      KaaInProgress *future;
      KaaIOChannel *channel;
      int fd, peer;

      make_sockets (&fd, &peer);
      channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
      begin_events ();
      reading = note_signal (channel, "read");
      if (i % 2 == 0)
        settle ();
      put_string (peer, "bytes");
      if (i % 4 < 2)
        g_main_context_iteration (NULL, FALSE);
      future = kaa_io_channel_wait_writable (channel, 1);
      kaa_in_progress_then (future, leave_and_ask, channel, NULL, NULL, NULL, NULL);
      g_object_unref (future);
      settle ();
      g_assert_true (g_str_equal (events->str, "R[bytes]") || g_str_equal (events->str, "r[bytes]"));
      finish_channel (channel);
      close (peer);
    }
  end_events ();
}

/* --- At random --- */

#define STREAM_LENGTH 4000
#define SEEDS 80
#define SEEDS_THOROUGH 2000
#define MAX_DEPTH 3

typedef struct
{
  GRand *rand;
  KaaIOChannel *channel;
  int peer;
  char *stream;
  gsize sent;
  gsize taken;               /* by whoever takes */
  gsize told;                /* behind the last byte that the handler had */
  gsize from;                /* the head of the queue when it began to listen: what was before that is gone */
  guint64 since;             /* ... and the tail: behind that it misses nothing */
  gsize owed;                /* up to there it missed nothing, when it was blocked */
  gulong handler, lines;
  gboolean blocked;
  gboolean left;             /* and the loop has not noticed yet */
  guint waiting;             /* requests */
  guint depth;
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
  if (run->depth >= MAX_DEPTH || pick (run, 3) != 0)
    return;
  run->depth++;
  act (run);
  run->depth--;
}

static gboolean
is_listening (Run *run)
{
  return run->handler != 0 && !run->blocked;
}

/* The position of the head of the queue. */
static gsize
get_head (Run *run)
{
  return kaa_io_channel_get_bytes_read (run->channel) - kaa_io_channel_get_read_queue_used (run->channel);
}

static void
begin_to_listen (Run *run)
{
  run->since = kaa_io_channel_get_bytes_read (run->channel);
  run->from = get_head (run);
}

static void
on_read (KaaIOChannel *channel,
         GBytes       *chunk,
         Run          *run)
{
  gsize length;
  const char *data = g_bytes_get_data (chunk, &length);
  gsize at = run->told < run->owed ? run->told : MAX (run->told, run->from);

  g_assert_cmpuint (length, >, 0);
  /* What others took before it came is left out, and nothing behind that. */
  while (run->told >= run->owed && at < run->since && memcmp (data, run->stream + at, length) != 0)
    at++;
  g_assert_cmpuint (at + length, <=, run->sent);
  g_assert_cmpmem (data, length, run->stream + at, length);
  run->told = at + length;
  act_within (run);
}

/* It left the queue just now. */
static void
take (Run    *run,
      GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  gsize at = get_head (run) - length;

  if (length == 0)
    return;
  /* What only the handler wanted is left out. */
  g_assert_cmpuint (at, >=, run->taken);
  g_assert_true (at == run->taken || at <= run->told);
  g_assert_cmpuint (at + length, <=, run->sent);
  g_assert_cmpmem (data, length, run->stream + at, length);
  run->taken = at + length;
}

static void
on_line (KaaIOChannel *channel,
         GBytes       *line,
         Run          *run)
{
  take (run, line);
  act_within (run);
}

static void
on_result (const GValue *result,
           gpointer      run)
{
  ((Run *) run)->waiting--;
  take (run, g_value_get_boxed (result));
  act_within (run);
}

static void
on_error (const GError *error,
          gpointer      run)
{
  ((Run *) run)->waiting--;
  g_assert_true (error->code == G_IO_ERROR_CANCELLED || error->code == G_IO_ERROR_PENDING);
  act_within (run);
}

static KaaInProgress *
ask (Run *run)
{
  KaaInProgress *future = pick (run, 2) == 0 ? kaa_io_channel_read (run->channel)
                          : pick (run, 2) == 0 ? kaa_io_channel_readline (run->channel)
                          : kaa_io_channel_read_exactly (run->channel, 1 + pick (run, 40));

  run->waiting++;
  kaa_in_progress_then (future, on_result, run, NULL, on_error, run, NULL);
  return future;
}

static void
look_and_take (Run *run)
{
  g_autoptr (GBytes) bytes = kaa_io_channel_peek (run->channel);
  g_autoptr (GBytes) part = NULL;
  gsize length = g_bytes_get_size (bytes);

  if (length == 0)
    return;
  length = 1 + pick (run, length);
  part = g_bytes_new_from_bytes (bytes, 0, length);
  if (!kaa_io_channel_consume (run->channel, length, NULL))
    return;
  take (run, part);
  /* Some of it goes back. */
  if (pick (run, 2) == 0)
    {
      g_autoptr (GBytes) rest = NULL;
      gsize n = pick (run, length + 1);

      rest = g_bytes_new_from_bytes (part, length - n, n);
      g_assert_true (kaa_io_channel_unread (run->channel, rest, NULL));
      run->taken -= n;
      run->from = MIN (run->from, run->taken);
    }
}

static void
borrow (Run *run)
{
  static guint8 memory[64];
  guint32 tally[2] = { 0, 0 };
  g_autoptr (GBytes) shared = g_bytes_new (tally, sizeof tally);
  g_autoptr (GBytes) room = g_bytes_new_static (memory, sizeof memory);
  gsize length = kaa_io_channel_lend_lines (run->channel, shared, room);
  g_autoptr (GBytes) lines = NULL;

  if (length == 0)
    return;
  lines = g_bytes_new (memory, length);
  *(guint32 *) g_bytes_get_data (shared, NULL) = length;
  kaa_io_channel_consume (run->channel, 0, NULL);
  take (run, lines);
}

static void
toggle_handler (Run *run)
{
  if (run->handler != 0)
    {
      g_clear_signal_handler (&run->handler, run->channel);
      run->blocked = FALSE;
      run->left = TRUE;
      run->owed = 0;
    }
  else if (!run->left)
    {
      run->handler = g_signal_connect (run->channel, "read", G_CALLBACK (on_read), run);
      begin_to_listen (run);
    }
}

static void
toggle_block (Run *run)
{
  if (run->handler == 0)
    return;
  run->blocked = !run->blocked;
  if (run->blocked)
    {
      if (kaa_io_channel_get_bytes_read (run->channel) > run->since)
        run->owed = kaa_io_channel_get_bytes_read (run->channel);
      g_signal_handler_block (run->channel, run->handler);
    }
  else
    {
      g_signal_handler_unblock (run->channel, run->handler);
      begin_to_listen (run);
    }
}

static void
act (Run *run)
{
  switch (pick (run, 14))
    {
    case 0:
    case 1:
      g_object_unref (ask (run));
      break;
    case 2:
    case 3:
      toggle_handler (run);
      break;
    case 4:
      toggle_block (run);
      break;
    case 5:
      if (run->lines != 0)
        g_clear_signal_handler (&run->lines, run->channel);
      else
        run->lines = g_signal_connect (run->channel, "readline", G_CALLBACK (on_line), run);
      break;
    case 6:
      if (run->waiting == 0)
        look_and_take (run);
      break;
    case 7:
      if (run->waiting == 0)
        borrow (run);
      break;
    case 8:
      kaa_io_channel_set_chunk_size (run->channel, 1 + pick (run, 50));
      break;
    case 9:
      {
        KaaInProgress *future = ask (run);

        kaa_in_progress_wait (future, 0.001, NULL);
        if (!kaa_in_progress_get_finished (future))
          kaa_in_progress_abort (future, NULL);
        g_object_unref (future);
        break;
      }
    case 10:
      g_main_context_iteration (NULL, FALSE);
      break;
    default:
      {
        gsize n = MIN (1 + pick (run, 60), STREAM_LENGTH - run->sent);

        put (run->peer, run->stream + run->sent, n);
        run->sent += n;
        break;
      }
    }
}

/* All that was read since it began to listen is there by now. */
static void
assert_heard (Run *run)
{
  /* A call of the channel is followed by a look. */
  kaa_io_channel_consume (run->channel, 0, NULL);
  settle ();
  run->left = FALSE;
  if (is_listening (run) && kaa_io_channel_get_bytes_read (run->channel) > run->since)
    g_assert_cmpuint (run->told, ==, kaa_io_channel_get_bytes_read (run->channel));
}

static void
test_random (void)
{
  /* A byte says where it stands. */
  const char * const delimiters[] = { "\n", "\x1e", "0", "F", "G", "Z", "n", "}", NULL };
  guint seeds = g_test_thorough () ? SEEDS_THOROUGH : SEEDS;

  for (guint seed = 0; seed < seeds; seed++)
    {
      Run run = { .rand = g_rand_new_with_seed (seed) };

      g_test_message ("seed %u", seed);
      run.stream = g_malloc (STREAM_LENGTH);
      for (guint i = 0; i < STREAM_LENGTH; i++)
        run.stream[i] = 1 + i % 251;
      run.channel = open_pipe (&run.peer);
      kaa_io_channel_set_delimiters (run.channel, delimiters);
      for (guint i = 0; i < 400; i++)
        {
          act (&run);
          if (pick (&run, 4) == 0)
            assert_heard (&run);
        }
      assert_heard (&run);

      g_clear_signal_handler (&run.handler, run.channel);
      g_clear_signal_handler (&run.lines, run.channel);
      close (run.peer);
      run.depth = MAX_DEPTH;
      while (kaa_io_channel_get_readable (run.channel))
        {
          KaaInProgress *future = ask (&run);

          spin_until (kaa_in_progress_get_finished (future));
          g_object_unref (future);
        }
      spin_until (run.waiting == 0);
      g_assert_cmpuint (MAX (run.taken, run.told), ==, run.sent);
      finish_channel (run.channel);
      g_free (run.stream);
      g_rand_free (run.rand);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/channel/R3/in-line", test_in_line);
  g_test_add_func ("/channel/R3/small-chunks", test_small_chunks);
  g_test_add_func ("/channel/R3/rest", test_rest);
  g_test_add_func ("/channel/R3/between", test_between);
  g_test_add_func ("/channel/R3/random", test_random);
  return g_test_run ();
}

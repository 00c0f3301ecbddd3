/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The idle time-out of a channel. Times are only lower bounds here, and upper bounds for "at all". */

#include "close-fixture.h"

typedef struct
{
  int fds[2];
  KaaIOChannel *channel;
  Record *record;
} Pair;

static void
pair_open (Pair     *pair,
           gboolean  read)
{
  make_sockets (pair->fds);
  pair->channel = new_channel (pair->fds[0], KAA_IO_READ | KAA_IO_WRITE);
  pair->record = record_new (pair->channel, read);
}

static void
pair_end (Pair *pair)
{
  dispose_of (pair->channel);
  record_free (pair->record);
  close (pair->fds[1]);
}

static void
assert_timed_out (Pair *pair)
{
  run_while (pair->record->n_closed == 0);
  g_assert_false (pair->record->expected);
  g_assert_error ((GError *) kaa_io_channel_get_error (pair->channel), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

static void
test_silence (void)
{
  gint64 begin = g_get_monotonic_time ();
  Pair pair;

  pair_open (&pair, TRUE);
  g_assert_cmpfloat (kaa_io_channel_get_idle_timeout (pair.channel), ==, 0);
  kaa_io_channel_set_idle_timeout (pair.channel, 0.05);
  g_assert_cmpfloat (kaa_io_channel_get_idle_timeout (pair.channel), ==, 0.05);
  assert_timed_out (&pair);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 50000);
  pair_end (&pair);
}

/* Each byte begins the time anew: between the last one and the close lies the whole of it. */
static void
test_activity (gconstpointer reading)
{
  gint64 last = g_get_monotonic_time ();
  Pair pair;

  pair_open (&pair, TRUE);
  kaa_io_channel_set_idle_timeout (pair.channel, 0.1);
  for (guint i = 0; i < 30 && pair.record->n_closed == 0; i++)
    {
      guint64 before = kaa_io_channel_get_bytes_read (pair.channel) + kaa_io_channel_get_bytes_written (pair.channel);
      gint64 now = g_get_monotonic_time ();

      if (reading)
        put (pair.fds[1], "x");
      else
        g_assert_true (send_text (pair.channel, "x", NULL));
      /* On a machine that is busy enough the time may be over before the byte has passed. */
      run_while (pair.record->n_closed == 0 && kaa_io_channel_get_bytes_read (pair.channel) +
                                               kaa_io_channel_get_bytes_written (pair.channel) == before);
      if (pair.record->n_closed == 0)
        last = now;
      g_usleep (10000);
      run_ready ();
    }
  assert_timed_out (&pair);
  g_assert_cmpint (g_get_monotonic_time () - last, >=, 100000);
  pair_end (&pair);
}

/* Who waits for data is told why there is none. */
static void
test_requests (void)
{
  KaaInProgress *future;
  GError *error = NULL;
  Pair pair;

  pair_open (&pair, FALSE);
  future = kaa_io_channel_readline (pair.channel);
  kaa_io_channel_set_idle_timeout (pair.channel, 0.02);
  g_assert_null (kaa_in_progress_wait_bytes (future, LONG, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_error_free (error);
  g_object_unref (future);
  assert_timed_out (&pair);
  pair_end (&pair);
}

/* Off again; and of a channel that is closed nothing remains that could ring. */
static void
test_off (void)
{
  Pair pair, other;

  pair_open (&pair, TRUE);
  pair_open (&other, TRUE);
  kaa_io_channel_set_idle_timeout (pair.channel, 0.01);
  kaa_io_channel_set_idle_timeout (pair.channel, 0);
  kaa_io_channel_set_idle_timeout (other.channel, 0.05);
  assert_timed_out (&other);
  g_assert_true (kaa_io_channel_get_alive (pair.channel));

  kaa_io_channel_set_idle_timeout (pair.channel, 0.01);
  g_object_unref (kaa_io_channel_close (pair.channel, KAA_CLOSE_NONE));
  run_while (pair.record->n_closed == 0);
  g_assert_true (pair.record->expected);
  g_assert_null (kaa_io_channel_get_error (pair.channel));
  pair_end (&pair);
  pair_end (&other);
}

/* Set before the channel is open, it begins when it opens, each time. */
static void
test_reopened (void)
{
  Pair pair;
  int again[2];

  pair_open (&pair, TRUE);
  kaa_io_channel_set_idle_timeout (pair.channel, 0.02);
  assert_timed_out (&pair);
  make_sockets (again);
  g_assert_true (kaa_io_channel_wrap_fd (pair.channel, again[0], KAA_IO_READ, NULL));
  g_assert_null (kaa_io_channel_get_error (pair.channel));
  run_while (pair.record->n_closed == 1);
  g_assert_error ((GError *) kaa_io_channel_get_error (pair.channel), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  pair_end (&pair);
  close (again[1]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);

  g_test_add_func ("/channel/idle/silence", test_silence);
  g_test_add_data_func ("/channel/idle/reading", GINT_TO_POINTER (TRUE), test_activity);
  g_test_add_data_func ("/channel/idle/writing", NULL, test_activity);
  g_test_add_func ("/channel/idle/requests", test_requests);
  g_test_add_func ("/channel/idle/off", test_off);
  g_test_add_func ("/channel/idle/reopened", test_reopened);

  return g_test_run ();
}

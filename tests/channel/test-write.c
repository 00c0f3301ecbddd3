/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writing: rules W1 to W8. */

#include "close-fixture.h"

#include <signal.h>

typedef struct
{
  int fds[2]; /* 0 is ours, 1 the peer's */
  KaaIOChannel *channel;
} Pair;

static void
pair_open (Pair *pair)
{
  make_sockets (pair->fds);
  pair->channel = new_channel (pair->fds[0], KAA_IO_READ | KAA_IO_WRITE);
}

static void
pair_end (Pair *pair)
{
  dispose_of (pair->channel);
  close (pair->fds[1]);
}

/* Queues until the kernel takes no more; returns how many bytes went into the channel. */
static gsize
fill_up (KaaIOChannel *channel)
{
  gsize total = 0;

  do
    {
      GBytes *bytes = g_bytes_new_take (g_malloc0 (65536), 65536);

      g_assert_true (kaa_io_channel_send (channel, bytes, NULL));
      g_bytes_unref (bytes);
      total += 65536;
      run_ready ();
    }
  while (kaa_io_channel_get_write_queue_used (channel) == 0);

  return total;
}

static void
append_result (const GValue *result,
               gpointer      user_data)
{
  g_string_append_printf (user_data, "%d ", (int) g_value_get_int64 (result));
}

static void
append_error (const GError *error,
              gpointer      user_data)
{
  g_string_append_printf (user_data, "e%d ", error->code);
}

static void
follow (KaaInProgress *future,
        GString       *order)
{
  kaa_in_progress_then (future, append_result, order, NULL, append_error, order, NULL);
  g_object_unref (future);
}

/* --- W1 --- */

static void
test_before_open (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  GString *order = g_string_new (NULL);
  GError *error = NULL;
  int fds[2];

  make_sockets (fds);
  follow (write_text (channel, "one "), order);
  g_assert_true (send_text (channel, "two ", &error));
  g_assert_no_error (error);
  follow (write_text (channel, "three"), order);
  run_ready ();
  g_assert_cmpstr (order->str, ==, "");
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 13);

  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  g_assert_true (await_boolean (kaa_io_channel_flush (channel)));
  assert_got (fds[1], "one two three");
  g_assert_cmpstr (order->str, ==, "4 5 ");

  dispose_of (channel);
  close (fds[1]);
  g_string_free (order, TRUE);
}

static void
test_before_read_only (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *future = write_text (channel, "never");
  int fds[2];

  make_pipe (fds);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], KAA_IO_READ, NULL));
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 0);
  assert_fails (future, G_IO_ERROR_CLOSED);
  assert_fails (write_text (channel, "x"), G_IO_ERROR_NOT_SUPPORTED);

  dispose_of (channel);
  close (fds[1]);
}

static void
test_order (void)
{
  GString *order = g_string_new (NULL);
  GString *expected = g_string_new (NULL);
  GString *sent = g_string_new (NULL);
  GString *got = g_string_new (NULL);
  KaaInProgress *flush;
  char *part;
  Pair pair;

  pair_open (&pair);
  for (int i = 0; i < 500; i++)
    {
      char *text = g_strnfill (1 + i * 7 % 901, 'a' + i % 26);

      g_string_append (sent, text);
      if (i % 3 == 0)
        {
          g_assert_true (send_text (pair.channel, text, NULL));
        }
      else
        {
          g_string_append_printf (expected, "%d ", (int) strlen (text));
          follow (write_text (pair.channel, text), order);
        }
      g_free (text);
    }

  flush = kaa_io_channel_flush (pair.channel);
  while (!kaa_in_progress_get_finished (flush))
    {
      g_main_context_iteration (NULL, FALSE);
      part = get (pair.fds[1]);
      g_string_append (got, part);
      g_free (part);
    }
  g_object_unref (flush);
  part = get (pair.fds[1]);
  g_string_append (got, part);
  g_free (part);

  g_assert_cmpstr (got->str, ==, sent->str);
  g_assert_cmpstr (order->str, ==, expected->str);
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (pair.channel), ==, sent->len);

  pair_end (&pair);
  g_string_free (order, TRUE);
  g_string_free (expected, TRUE);
  g_string_free (sent, TRUE);
  g_string_free (got, TRUE);
}

static gpointer
send_data_from_thread (gpointer user_data)
{
  guint8 data[] = "six";

  g_assert_true (kaa_io_channel_send_data (user_data, data, 3, NULL));
  memset (data, 'x', sizeof data);
  return NULL;
}

/* In line with the others, from every thread, and the caller's memory is its own afterwards. */
static void
test_send_data (void)
{
  guint8 data[] = "one";
  GError *error = NULL;
  Pair pair;

  pair_open (&pair);
  g_assert_true (kaa_io_channel_send_data (pair.channel, data, 3, NULL));
  memcpy (data, "two", 3);
  g_assert_true (kaa_io_channel_send_data (pair.channel, data, 3, NULL));
  memset (data, 'x', sizeof data);
  g_assert_true (kaa_io_channel_send_data (pair.channel, NULL, 0, NULL));
  g_assert_true (send_text (pair.channel, "three", NULL));
  g_assert_true (kaa_io_channel_send_data (pair.channel, (const guint8 *) "four", 4, NULL));
  g_object_unref (write_text (pair.channel, "five"));
  g_thread_join (g_thread_new ("sender", send_data_from_thread, pair.channel));
  g_assert_true (await_boolean (kaa_io_channel_flush (pair.channel)));
  assert_got (pair.fds[1], "onetwothreefourfivesix");

  kaa_io_channel_set_queue_size (pair.channel, 3);
  g_assert_false (kaa_io_channel_send_data (pair.channel, data, 4, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  pair_end (&pair);
}

/* --- W2 --- */

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              gpointer    user_data)
{
  (*(guint *) user_data)++;
}

static void
test_limit (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *first, *second;
  guint n_notified = 0;
  GError *error = NULL;
  gsize total = 0;
  int fds[2];

  make_sockets (fds);
  kaa_io_channel_set_queue_size (channel, 100);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], KAA_IO_WRITE, &error));
  g_assert_no_error (error);

  /* Nothing leaves the queue from here on. */
  kaa_io_channel_set_queue_size (channel, 65536);
  fill_up (channel);
  total = kaa_io_channel_get_write_queue_used (channel);
  kaa_io_channel_set_queue_size (channel, total + 100);
  g_signal_connect (channel, "notify::writable", G_CALLBACK (count_notify), &n_notified);
  g_assert_true (kaa_io_channel_get_writable (channel));

  first = write_zeros (channel, 60);
  assert_fails (write_zeros (channel, 41), G_IO_ERROR_WOULD_BLOCK);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, total + 60);
  g_assert_false (kaa_io_channel_get_writable (channel));
  g_assert_cmpuint (n_notified, ==, 1);
  assert_fails (write_zeros (channel, total + 101), G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_false (send_text (channel, "01234567890123456789012345678901234567890", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  second = write_zeros (channel, 40);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, total + 100);
  g_assert_cmpuint (n_notified, ==, 1);

  while (!kaa_in_progress_get_finished (second))
    {
      gsize used = kaa_io_channel_get_write_queue_used (channel);

      g_assert_cmpint (kaa_io_channel_get_writable (channel), ==, used <= (total + 100) / 2);
      drain (fds[1], &used);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_true (kaa_io_channel_get_writable (channel));
  g_assert_cmpuint (n_notified, ==, 2);
  g_assert_cmpint (await_int (first), ==, 60);
  g_assert_cmpint (await_int (second), ==, 40);

  dispose_of (channel);
  close (fds[1]);
}

/* The same for those that no future speaks for, behind others. */
static void
test_limit_of_sent (void)
{
  guint n_notified = 0;
  GError *error = NULL;
  gsize used;
  Pair pair;

  pair_open (&pair);
  fill_up (pair.channel);
  used = kaa_io_channel_get_write_queue_used (pair.channel);
  kaa_io_channel_set_queue_size (pair.channel, used + 10);
  g_signal_connect (pair.channel, "notify::writable", G_CALLBACK (count_notify), &n_notified);

  g_assert_true (send_text (pair.channel, "five.", NULL));
  g_assert_true (send_text (pair.channel, "", NULL));
  g_assert_true (send_text (pair.channel, "four", NULL));
  g_assert_true (kaa_io_channel_get_writable (pair.channel));
  g_assert_cmpuint (n_notified, ==, 0);
  g_assert_true (send_text (pair.channel, "1", NULL));
  g_assert_false (kaa_io_channel_get_writable (pair.channel));
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.channel), ==, used + 10);
  g_assert_false (send_text (pair.channel, "1", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  pair_end (&pair);
}

/* What waits to be written opens no door to what is closed. */
static void
test_sent_after_closing (void)
{
  for (guint i = 0; i < 2; i++)
    {
      GError *error = NULL;
      Pair pair;

      pair_open (&pair);
      fill_up (pair.channel);
      g_assert_true (send_text (pair.channel, "in time", NULL));
      if (i == 0)
        g_object_unref (kaa_io_channel_close (pair.channel, KAA_CLOSE_NONE));
      else
        g_object_unref (kaa_io_channel_shutdown (pair.channel, KAA_IO_WRITE));
      g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.channel), >, 0);
      g_assert_false (send_text (pair.channel, "late", &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_clear_error (&error);
      pair_end (&pair);
    }
}

static void
test_wait_writable (void)
{
  KaaInProgress *future, *too_much;
  gsize total = 0;
  gsize used;
  Pair pair;

  pair_open (&pair);
  fill_up (pair.channel);
  used = kaa_io_channel_get_write_queue_used (pair.channel);
  kaa_io_channel_set_queue_size (pair.channel, used);
  too_much = kaa_io_channel_wait_writable (pair.channel, used + 1);
  assert_fails (too_much, G_IO_ERROR_MESSAGE_TOO_LARGE);

  future = kaa_io_channel_wait_writable (pair.channel, 1);
  run_ready ();
  g_assert_false (kaa_in_progress_get_finished (future));
  while (!kaa_in_progress_get_finished (future))
    {
      drain (pair.fds[1], &total);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_true (await_boolean (future));
  g_assert_true (send_text (pair.channel, "x", NULL));

  pair_end (&pair);
}

static void
test_wait_writable_closed (void)
{
  KaaInProgress *future;
  Pair pair;

  pair_open (&pair);
  fill_up (pair.channel);
  kaa_io_channel_set_queue_size (pair.channel, kaa_io_channel_get_write_queue_used (pair.channel));
  future = kaa_io_channel_wait_writable (pair.channel, 1);
  g_object_unref (kaa_io_channel_close (pair.channel, KAA_CLOSE_IMMEDIATE));
  assert_fails (future, G_IO_ERROR_CLOSED);
  assert_fails (kaa_io_channel_wait_writable (pair.channel, 1), G_IO_ERROR_CLOSED);
  pair_end (&pair);
}

/* --- W3 --- */

static void
test_empty (void)
{
  GString *order = g_string_new (NULL);
  gsize total = 0;
  Pair pair;

  pair_open (&pair);
  g_assert_cmpint (await_int (kaa_io_channel_write (pair.channel, NULL, 0)), ==, 0);

  fill_up (pair.channel);
  follow (write_text (pair.channel, "abc"), order);
  follow (write_text (pair.channel, ""), order);
  follow (write_text (pair.channel, "de"), order);
  run_ready ();
  g_assert_cmpstr (order->str, ==, "");
  while (order->len < 6)
    {
      drain (pair.fds[1], &total);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_cmpstr (order->str, ==, "3 0 2 ");

  pair_end (&pair);
  g_string_free (order, TRUE);
}

/* --- W4 --- */

static void
test_direct (void)
{
  KaaInProgress *first, *second;
  Pair pair;

  pair_open (&pair);
  run_ready ();
  first = write_text (pair.channel, "now");
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (pair.channel), ==, 3);
  assert_got (pair.fds[1], "now");
  second = write_text (pair.channel, "la");
  g_assert_true (send_text (pair.channel, "ter", NULL));
  assert_got (pair.fds[1], "");
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.channel), ==, 5);
  g_assert_cmpint (await_int (first), ==, 3);
  g_assert_cmpint (await_int (second), ==, 2);
  assert_got (pair.fds[1], "later");
  pair_end (&pair);
}

static void
test_direct_error (void)
{
  KaaInProgress *future;
  Record *record;
  Pair pair;

  pair_open (&pair);
  record = record_new (pair.channel, FALSE);
  run_ready ();
  close (pair.fds[1]);
  future = write_text (pair.channel, "lost");
  g_assert_cmpuint (record->n_closed, ==, 0);
  assert_fails (future, G_IO_ERROR_BROKEN_PIPE);
  run_while (record->n_closed == 0);
  g_assert_false (record->expected);
  dispose_of (pair.channel);
  g_assert_cmpuint (record->n_closed, ==, 1);
  record_free (record);
}

/* The contents survive being cut anywhere. */
static void
test_partial (void)
{
  gsize length = 3 * 1024 * 1024 + 17;
  guint8 *data = g_malloc (length);
  guint8 *got = g_malloc (length);
  gsize n_got = 0;
  KaaInProgress *future;
  Pair pair;

  for (gsize i = 0; i < length; i++)
    data[i] = (i * 31 + i / 251) & 0xff;
  pair_open (&pair);
  kaa_io_channel_set_queue_size (pair.channel, length);
  future = kaa_io_channel_write (pair.channel, data, length);
  set_nonblocking (pair.fds[1]);
  while (n_got < length)
    {
      gssize n = read (pair.fds[1], got + n_got, MIN (length - n_got, 9973));

      if (n > 0)
        n_got += n;
      else
        g_main_context_iteration (NULL, TRUE);
    }
  g_assert_cmpmem (got, n_got, data, length);
  g_assert_cmpint (await_int (future), ==, length);
  pair_end (&pair);
  g_free (data);
  g_free (got);
}

/* --- W5 --- */

static void
test_abort (void)
{
  GString *order = g_string_new (NULL);
  KaaInProgress *gone;
  GError *error = NULL;
  gsize used;
  Pair pair;
  char *tail;

  pair_open (&pair);
  fill_up (pair.channel);
  used = kaa_io_channel_get_write_queue_used (pair.channel);

  follow (write_text (pair.channel, "first"), order);
  gone = write_text (pair.channel, "GONE");
  follow (write_text (pair.channel, "second"), order);
  follow (kaa_io_channel_write (pair.channel, NULL, 0), order);
  g_assert_true (send_text (pair.channel, "!", NULL));
  g_assert_true (kaa_in_progress_abort (gone, &error));
  g_assert_no_error (error);
  assert_fails (gone, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.channel), ==, used + 12);

  while (kaa_io_channel_get_write_queue_used (pair.channel) > 12)
    {
      static char buffer[4096];

      set_nonblocking (pair.fds[1]);
      g_assert_cmpint (read (pair.fds[1], buffer, sizeof buffer), !=, 0);
      g_main_context_iteration (NULL, FALSE);
    }
  while (order->len < 6)
    g_main_context_iteration (NULL, TRUE);
  tail = get (pair.fds[1]);
  g_assert_cmpstr (order->str, ==, "5 6 0 ");
  g_free (tail);

  pair_end (&pair);
  g_string_free (order, TRUE);
}

static void
test_abort_bytes (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *one = write_text (channel, "one");
  KaaInProgress *two = write_text (channel, "two");
  KaaInProgress *flush = kaa_io_channel_flush (channel);
  int fds[2];

  g_assert_true (send_text (channel, "three", NULL));
  g_assert_true (kaa_in_progress_abort (one, NULL));
  assert_fails (one, G_IO_ERROR_CANCELLED);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 8);
  make_pipe (fds);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[1], KAA_IO_WRITE, NULL));
  g_assert_cmpint (await_int (two), ==, 3);
  g_assert_true (await_boolean (flush));
  run_ready ();
  assert_got (fds[0], "twothree");
  dispose_of (channel);
  close (fds[0]);
}

static void
test_abort_begun (void)
{
  KaaInProgress *future;
  GError *error = NULL;
  gsize total = 0;
  Pair pair;

  pair_open (&pair);
  kaa_io_channel_set_queue_size (pair.channel, 8 * 1024 * 1024);
  future = write_zeros (pair.channel, 8 * 1024 * 1024);
  run_while (kaa_io_channel_get_bytes_written (pair.channel) == 0);
  g_assert_false (kaa_in_progress_abort (future, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (kaa_in_progress_get_finished (future));
  while (!kaa_in_progress_get_finished (future))
    {
      drain (pair.fds[1], &total);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_cmpint (await_int (future), ==, 8 * 1024 * 1024);
  pair_end (&pair);
}

/* Those behind it do not wait for bytes that will never go. */
static void
test_abort_all (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *write = write_text (channel, "one");
  KaaInProgress *empty = write_text (channel, "");
  KaaInProgress *flush = kaa_io_channel_flush (channel);

  g_assert_true (kaa_in_progress_abort (write, NULL));
  assert_fails (write, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (await_int (empty), ==, 0);
  g_assert_true (await_boolean (flush));
  g_object_unref (channel);
}

/* A write that nobody waits for any more goes out all the same. */
static void
test_dropped (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  int fds[2];

  make_pipe (fds);
  g_object_unref (write_text (channel, "kept "));
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[1], KAA_IO_WRITE, NULL));
  run_ready ();
  g_object_unref (write_text (channel, "too"));
  run_ready ();
  assert_got (fds[0], "kept too");
  dispose_of (channel);
  close (fds[0]);
}

/* --- W6 --- */

static void
test_closed_by_us (void)
{
  KaaInProgress *partial, *untouched;
  const GError *const_error;
  GError *error = NULL;
  char *number;
  gsize gone;
  Pair pair;

  pair_open (&pair);
  kaa_io_channel_set_queue_size (pair.channel, 9 * 1024 * 1024);
  partial = write_zeros (pair.channel, 8 * 1024 * 1024);
  untouched = write_text (pair.channel, "nothing of this");
  run_while (kaa_io_channel_get_bytes_written (pair.channel) == 0);
  g_object_unref (kaa_io_channel_close (pair.channel, KAA_CLOSE_IMMEDIATE));
  gone = kaa_io_channel_get_bytes_written (pair.channel);

  g_assert_null (kaa_in_progress_wait (partial, LONG, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  number = g_strdup_printf (" %" G_GSIZE_FORMAT " bytes", gone);
  g_assert_nonnull (strstr (error->message, number));
  g_clear_error (&error);
  g_free (number);
  g_assert_null (kaa_in_progress_wait (untouched, LONG, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_assert_nonnull (strstr (error->message, " 0 bytes"));
  g_clear_error (&error);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.channel), ==, 0);

  const_error = kaa_io_channel_get_error (pair.channel);
  g_assert_no_error (const_error);
  g_object_unref (partial);
  g_object_unref (untouched);
  pair_end (&pair);
}

static void
test_closed_by_peer (void)
{
  KaaInProgress *first, *second, *flush;
  Record *record;
  Pair pair;

  pair_open (&pair);
  record = record_new (pair.channel, FALSE);
  kaa_io_channel_set_queue_size (pair.channel, 9 * 1024 * 1024);
  first = write_zeros (pair.channel, 8 * 1024 * 1024);
  second = write_text (pair.channel, "more");
  flush = kaa_io_channel_flush (pair.channel);
  run_while (kaa_io_channel_get_bytes_written (pair.channel) == 0);
  close (pair.fds[1]);

  assert_fails (first, G_IO_ERROR_BROKEN_PIPE);
  assert_fails (second, G_IO_ERROR_BROKEN_PIPE);
  assert_fails (flush, G_IO_ERROR_BROKEN_PIPE);
  run_while (record->n_closed == 0);
  g_assert_false (record->expected);
  g_assert_nonnull (kaa_io_channel_get_error (pair.channel));
  assert_fails (write_text (pair.channel, "late"), G_IO_ERROR_CLOSED);
  dispose_of (pair.channel);
  g_assert_cmpuint (record->n_closed, ==, 1);
  record_free (record);
}

/* --- W7 --- */

static gint n_sigpipe;

static void
on_sigpipe (int number)
{
  n_sigpipe++;
}

static void
test_sigpipe (gconstpointer user_data)
{
  gboolean is_pipe = GPOINTER_TO_INT (user_data);
  struct sigaction action = { .sa_handler = on_sigpipe };
  struct sigaction old, after;
  sigset_t mask_before, mask_after;
  KaaIOChannel *channel;
  int fds[2];

  sigaction (SIGPIPE, &action, &old);
  sigprocmask (SIG_SETMASK, NULL, &mask_before);
  n_sigpipe = 0;
  if (is_pipe)
    make_pipe (fds);
  else
    make_sockets (fds);
  channel = new_channel (fds[1], KAA_IO_WRITE);
  g_object_ref (channel);
  close (fds[0]);
  assert_fails (write_text (channel, "x"), G_IO_ERROR_BROKEN_PIPE);
  run_ready ();
  g_assert_cmpint (n_sigpipe, ==, 0);
  sigaction (SIGPIPE, NULL, &after);
  g_assert_true (after.sa_handler == on_sigpipe);
  sigprocmask (SIG_SETMASK, NULL, &mask_after);
  g_assert_cmpint (sigismember (&mask_after, SIGPIPE), ==, sigismember (&mask_before, SIGPIPE));

  /* One that somebody else raises still arrives. */
  raise (SIGPIPE);
  g_assert_cmpint (n_sigpipe, ==, 1);
  sigaction (SIGPIPE, &old, NULL);
  g_object_unref (channel);
  dispose_of (channel);
}

/* --- W8 --- */

static void
test_full_device (void)
{
  int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  KaaIOChannel *channel;
  Record *record;

  if (fd < 0)
    {
      g_test_skip ("there is no /dev/full");
      return;
    }

  channel = new_channel (fd, KAA_IO_WRITE);
  record = record_new (channel, FALSE);
  assert_fails (write_text (channel, "one"), G_IO_ERROR_NO_SPACE);
  assert_fails (write_text (channel, "two"), G_IO_ERROR_NO_SPACE);
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 0);
  g_assert_true (kaa_io_channel_get_alive (channel));
  g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_true (await_boolean (kaa_io_channel_flush (channel)));

  g_assert_true (send_text (channel, "three", NULL));
  run_ready ();
  g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  assert_fails (kaa_io_channel_flush (channel), G_IO_ERROR_NO_SPACE);
  g_assert_true (await_boolean (kaa_io_channel_flush (channel)));
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 0);

  dispose_of (channel);
  record_free (record);
}

/* The message whose bytes were refused fails, the ones around it do not change places. */
static void
test_full_device_queue (void)
{
  int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  KaaIOChannel *channel;
  GString *order;

  if (fd < 0)
    {
      g_test_skip ("there is no /dev/full");
      return;
    }

  order = g_string_new (NULL);
  channel = kaa_io_channel_new ();
  follow (write_text (channel, "one"), order);
  g_assert_true (send_text (channel, "two", NULL));
  follow (kaa_io_channel_write (channel, NULL, 0), order);
  follow (write_text (channel, "three"), order);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fd, KAA_IO_WRITE, NULL));
  assert_fails (kaa_io_channel_flush (channel), G_IO_ERROR_NO_SPACE);
  run_ready ();
  {
    char *expected = g_strdup_printf ("e%d 0 e%d ", G_IO_ERROR_NO_SPACE, G_IO_ERROR_NO_SPACE);

    g_assert_cmpstr (order->str, ==, expected);
    g_free (expected);
  }
  dispose_of (channel);
  g_string_free (order, TRUE);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (300);

  g_test_add_func ("/channel/W1/before-open", test_before_open);
  g_test_add_func ("/channel/W1/before-read-only", test_before_read_only);
  g_test_add_func ("/channel/W1/order", test_order);
  g_test_add_func ("/channel/W1/send-data", test_send_data);
  g_test_add_func ("/channel/W2/limit", test_limit);
  g_test_add_func ("/channel/W2/limit-of-sent", test_limit_of_sent);
  g_test_add_func ("/channel/W2/sent-after-closing", test_sent_after_closing);
  g_test_add_func ("/channel/W2/wait-writable", test_wait_writable);
  g_test_add_func ("/channel/W2/wait-writable-closed", test_wait_writable_closed);
  g_test_add_func ("/channel/W3/empty", test_empty);
  g_test_add_func ("/channel/W4/direct", test_direct);
  g_test_add_func ("/channel/W4/direct-error", test_direct_error);
  g_test_add_func ("/channel/W4/partial", test_partial);
  g_test_add_func ("/channel/W5/abort", test_abort);
  g_test_add_func ("/channel/W5/abort-bytes", test_abort_bytes);
  g_test_add_func ("/channel/W5/abort-all", test_abort_all);
  g_test_add_func ("/channel/W5/abort-begun", test_abort_begun);
  g_test_add_func ("/channel/W5/dropped", test_dropped);
  g_test_add_func ("/channel/W6/closed-by-us", test_closed_by_us);
  g_test_add_func ("/channel/W6/closed-by-peer", test_closed_by_peer);
  g_test_add_data_func ("/channel/W7/pipe", GINT_TO_POINTER (TRUE), test_sigpipe);
  g_test_add_data_func ("/channel/W7/socket", GINT_TO_POINTER (FALSE), test_sigpipe);
  g_test_add_func ("/channel/W8/full-device", test_full_device);
  g_test_add_func ("/channel/W8/full-device-queue", test_full_device_queue);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lines at hand: shown as a block, taken one by one, refused when something else came between. */

#include "channel-fixture.h"

/* A channel with input, of which all is in its queue and the first line has been taken. */
static KaaIOChannel *
open_filled (const char *input)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  g_autofree char *text = g_strconcat ("first\n", input, NULL);

  put_string (out, text);
  close (out);
  assert_bytes (kaa_io_channel_readline (channel), "first\n");
  return channel;
}

static void
assert_shown (KaaIOChannel *channel,
              const char   *expected,
              guint        *serial)
{
  g_autoptr (GBytes) lines = kaa_io_channel_peek_lines (channel, serial);

  if (expected == NULL)
    {
      g_assert_null (lines);
      return;
    }
  g_assert_nonnull (lines);
  g_assert_cmpmem (g_bytes_get_data (lines, NULL), g_bytes_get_size (lines), expected, strlen (expected));
}

static void
test_one_by_one (void)
{
  g_autoptr (KaaIOChannel) channel = open_filled ("a\nbb\nccc\nrest");
  guint serial;

  assert_shown (channel, "a\nbb\nccc\n", &serial);
  g_assert_true (kaa_io_channel_take_line (channel, serial, 2));
  g_assert_true (kaa_io_channel_take_line (channel, serial + 1, 3));
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), ==, 8);
  assert_bytes (kaa_io_channel_readline (channel), "ccc\n");
  assert_shown (channel, NULL, &serial);
  assert_bytes (kaa_io_channel_readline (channel), "rest");
  assert_bytes (kaa_io_channel_readline (channel), "");
}

static void
test_two_readers (void)
{
  g_autoptr (KaaIOChannel) channel = open_filled ("a\nb\n");
  guint one, other;

  assert_shown (channel, "a\nb\n", &one);
  assert_shown (channel, "a\nb\n", &other);
  g_assert_true (kaa_io_channel_take_line (channel, one, 2));
  g_assert_false (kaa_io_channel_take_line (channel, other, 2));
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), ==, 2);
}

typedef enum
{
  CONSUME,
  REQUEST,
  HANDLER,
  DELIMITER,
  QUEUE_SIZE,
  STEAL,
  SERIAL,
  LENGTH
} Between;

static void
ignore (KaaIOChannel *channel,
        GBytes       *line,
        gpointer      user_data)
{
}

static void
test_refused (gconstpointer data)
{
  g_autoptr (KaaIOChannel) channel = open_filled ("a\nb\n");
  g_autoptr (KaaIOChannel) thief = kaa_io_channel_new ();
  g_autoptr (KaaInProgress) future = NULL;
  g_autoptr (GError) error = NULL;
  gsize used, length = 2;
  guint serial;

  assert_shown (channel, "a\nb\n", &serial);
  switch ((Between) GPOINTER_TO_INT (data))
    {
    case CONSUME:
      g_assert_true (kaa_io_channel_consume (channel, 2, &error));
      break;
    case REQUEST:
      future = kaa_io_channel_readline (channel);
      break;
    case HANDLER:
      g_signal_connect (channel, "readline", G_CALLBACK (ignore), NULL);
      break;
    case DELIMITER:
      kaa_io_channel_set_delimiter (channel, "b");
      break;
    case QUEUE_SIZE:
      kaa_io_channel_set_queue_size (channel, 1);
      break;
    case STEAL:
      g_assert_true (kaa_io_channel_steal (thief, channel, &error));
      break;
    case SERIAL:
      serial++;
      break;
    case LENGTH:
      length = 5;
      break;
    default:
      g_assert_not_reached ();
    }
  g_assert_no_error (error);

  used = kaa_io_channel_get_read_queue_used (channel);
  g_assert_false (kaa_io_channel_take_line (channel, serial, length));
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), ==, used);
  if (future != NULL)
    assert_shown (channel, NULL, &serial);
}

/* Longer than what is shown of short ones. */
static void
test_long_line (void)
{
  g_autofree char *line = g_strnfill (200000, 'x');
  g_autofree char *input = g_strconcat (line, "\nnext\n", NULL);
  g_autofree char *expected = g_strconcat (line, "\n", NULL);
  g_autoptr (KaaIOChannel) ours = NULL;
  g_autoptr (KaaIOChannel) theirs = NULL;
  g_autoptr (KaaInProgress) abandoned = NULL;
  guint serial;

  g_assert_true (kaa_io_channel_new_pair (&ours, &theirs, NULL));
  g_object_unref (kaa_io_channel_write (theirs, (const guint8 *) input, strlen (input)));

  /* Somebody has to ask before anything is read; and then takes nothing. */
  abandoned = kaa_io_channel_read_exactly (ours, strlen (input) + 1);
  kaa_in_progress_then (abandoned, NULL, NULL, NULL, NULL, NULL, NULL);
  spin_until (kaa_io_channel_get_read_queue_used (ours) == strlen (input));
  assert_shown (ours, NULL, &serial);
  g_assert_true (kaa_in_progress_abort (abandoned, NULL));

  assert_shown (ours, expected, &serial);
  g_assert_true (kaa_io_channel_take_line (ours, serial, strlen (expected)));
  assert_shown (ours, "next\n", &serial);
}

static void
test_split (void)
{
  g_autoptr (KaaIOChannel) channel = kaa_io_channel_new ();
  const char *delimiters[] = { "\n", "\r\n", ";", NULL };
  const guint expected[] = { 1, 3, 3, 4, 5, 6, 6, 7, 8, 8 };
  g_autofree guint *ends = NULL;
  g_autofree guint *no_ends = NULL;
  gsize n;

  kaa_io_channel_set_delimiters (channel, delimiters);
  ends = kaa_io_channel_split_lines (channel, (const guint8 *) "a\r\n\nb;;c", 8, &n);
  g_assert_cmpmem (ends, n * sizeof *ends, expected, sizeof expected);
  no_ends = kaa_io_channel_split_lines (channel, NULL, 0, &n);
  g_assert_cmpuint (n, ==, 0);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/channel/peek-lines/one-by-one", test_one_by_one);
  g_test_add_func ("/channel/peek-lines/two-readers", test_two_readers);
  g_test_add_data_func ("/channel/peek-lines/refused/consume", GINT_TO_POINTER (CONSUME), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/request", GINT_TO_POINTER (REQUEST), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/handler", GINT_TO_POINTER (HANDLER), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/delimiter", GINT_TO_POINTER (DELIMITER), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/queue-size", GINT_TO_POINTER (QUEUE_SIZE), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/steal", GINT_TO_POINTER (STEAL), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/serial", GINT_TO_POINTER (SERIAL), test_refused);
  g_test_add_data_func ("/channel/peek-lines/refused/length", GINT_TO_POINTER (LENGTH), test_refused);
  g_test_add_func ("/channel/peek-lines/long-line", test_long_line);
  g_test_add_func ("/channel/peek-lines/split", test_split);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading: who is read for, who gets which bytes, and how it ends (R1 to R5, R8 to R11). */

#include "channel-fixture.h"

#include <pty.h>
#include <sys/eventfd.h>
#include <termios.h>

/* --- R1: interest --- */

static void
test_nobody_interested (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "closed");
  note_signal (channel, "overflow");
  put_string (out, "abc\n");
  settle ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 4);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (channel), ==, 0);
  assert_at_rest ();

  put_string (out, "def\n");
  assert_at_rest ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 8);

  /* A handler is found without any call on the channel. */
  note_signal (channel, "readline");
  settle ();
  assert_events ("L[abc|] L[def|]");
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 0);

  close (out);
  settle ();
  assert_events ("hung-up");
  finish_channel (channel);
  end_events ();
}

static void
test_unwanted_hangup (gconstpointer socket)
{
  KaaIOChannel *channel;
  int in, out;

  begin_events ();
  if (socket != NULL)
    make_sockets (&in, &out);
  else
    make_pipe (&in, &out);
  channel = open_fd (in, KAA_IO_READ);
  note_signal (channel, "closed");
  put_string (out, "unread");
  close (out);
  assert_at_rest ();
  g_assert_cmpint (get_waiting (in), ==, 6);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (channel), ==, 0);
  g_assert_true (kaa_io_channel_get_alive (channel));
  assert_events ("");

  note_signal (channel, "read");
  settle ();
  assert_events ("R[unread] hung-up");
  finish_channel (channel);
  end_events ();
}

static void
test_unwanted_many (void)
{
  KaaIOChannel *channels[100];
  int outs[100];

  /* More than the looks of one turn. */
  begin_events ();
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
    {
      channels[i] = open_pipe (&outs[i]);
      put_string (outs[i], "x");
      if (i % 2 == 0)
        close (outs[i]);
    }
  assert_at_rest ();
  note_signal (channels[99], "read");
  settle ();
  assert_events ("R[x]");
  for (guint i = 0; i < G_N_ELEMENTS (channels); i++)
    {
      if (i != 99)
        g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channels[i])), ==, 1);
      finish_channel (channels[i]);
      if (i % 2 != 0)
        close (outs[i]);
    }
  end_events ();
}

static void
test_blocked (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  gulong first, second;

  begin_events ();
  first = note_signal (channel, "read");
  second = note_signal (channel, "readline");
  g_signal_handler_block (channel, first);
  g_signal_handler_block (channel, second);
  put_string (out, "abc\n");
  assert_at_rest ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 4);

  g_signal_handler_unblock (channel, second);
  settle ();
  assert_events ("L[abc|]");

  g_signal_handler_block (channel, second);
  put_string (out, "def\n");
  assert_at_rest ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 4);
  close (out);
  assert_at_rest ();
  assert_events ("");

  g_signal_handler_unblock (channel, first);
  settle ();
  assert_events ("R[def|]");
  finish_channel (channel);
  end_events ();
}

static void
test_paused (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "read");
  kaa_io_channel_set_paused (channel, TRUE);
  put_string (out, "abc");
  assert_at_rest ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 3);
  note_future (kaa_io_channel_read (channel), "read");
  assert_at_rest ();
  assert_events ("");

  kaa_io_channel_set_paused (channel, FALSE);
  settle ();
  assert_events ("R[abc] read[abc]");
  finish_channel (channel);
  close (out);
  end_events ();
}

static void
test_closes_without_interest (void)
{
  int in, out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "closed");
  settle ();
  close (out);
  settle ();
  assert_events ("hung-up");
  finish_channel (channel);

  make_pipe (&in, &out);
  channel = open_fd (out, KAA_IO_WRITE);
  note_signal (channel, "closed");
  settle ();
  assert_events ("");
  close (in);
  settle ();
  assert_events ("hung-up");
  finish_channel (channel);
  end_events ();
}

/* --- R2: requests --- */

static void
test_never_in_the_call (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *one, *two;

  put_string (out, "a\nbcdef");
  assert_bytes (kaa_io_channel_readline (channel), "a\n");
  assert_queue (channel, "bcdef");
  one = kaa_io_channel_read_exactly (channel, 2);
  two = kaa_io_channel_read (channel);
  g_assert_false (kaa_in_progress_get_finished (one));
  g_assert_false (kaa_in_progress_get_finished (two));
  assert_queue (channel, "bcdef");
  assert_bytes (two, "def");
  g_assert_true (kaa_in_progress_get_finished (one));
  assert_bytes (one, "bc");
  finish_channel (channel);
  close (out);
}

static void
test_before_open (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  GError *error = NULL;
  int in, out;

  begin_events ();
  note_future (kaa_io_channel_readline (channel), "line");
  note_future (kaa_io_channel_read_exactly (channel, 2), "two");
  settle ();
  assert_events ("");
  make_pipe (&in, &out);
  put_string (out, "abc\ndef");
  g_assert_true (kaa_io_channel_wrap_fd (channel, in, KAA_IO_READ, &error));
  g_assert_no_error (error);
  assert_events ("");
  settle ();
  assert_events ("line[abc|] two[de]");
  finish_channel (channel);
  close (out);
  end_events ();
}

static void
test_wait (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  g_autoptr(KaaInProgress) one = kaa_io_channel_read_exactly (channel, 3);
  g_autoptr(KaaInProgress) two = kaa_io_channel_readline (channel);
  g_autoptr(GBytes) bytes = NULL;
  g_autoptr(GError) error = NULL;

  put_string (out, "abcdef\n");
  bytes = kaa_in_progress_wait_bytes (two, WATCHDOG_SECONDS, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "def\n", 4);
  g_assert_true (kaa_in_progress_get_finished (one));
  finish_channel (channel);
  close (out);
}

static gboolean
are_all_finished (GPtrArray *futures)
{
  for (guint i = 0; i < futures->len; i++)
    if (!kaa_in_progress_get_finished (g_ptr_array_index (futures, i)))
      return FALSE;
  return TRUE;
}

/* Requests of all kinds together are given the stream, in order, without a gap. */
static void
test_no_byte_twice (gconstpointer with_handler)
{
  g_autoptr(GRand) random = g_rand_new_with_seed (1);
  g_autoptr(GPtrArray) futures = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr(GByteArray) input = g_byte_array_new ();
  g_autoptr(GByteArray) seen = g_byte_array_new ();
  g_autoptr(GByteArray) output = g_byte_array_new ();
  g_autoptr(GBytes) delimiter = g_bytes_new ("7", 1);
  int in, out;
  KaaIOChannel *channel;

  make_sockets (&in, &out);
  channel = open_fd (in, KAA_IO_READ);
  if (with_handler != NULL)
    collect_into (channel, "read", seen);
  for (guint i = 0; i < 4000; i++)
    {
      guint8 byte = "0123456789abcdef\n"[g_rand_int_range (random, 0, 17)];

      g_byte_array_append (input, &byte, 1);
    }

  for (guint i = 0; i < 300; i++)
    {
      KaaInProgress *future;

      switch (g_rand_int_range (random, 0, 5))
        {
        case 0: future = kaa_io_channel_read (channel); break;
        case 1: future = kaa_io_channel_readline (channel); break;
        case 2: future = kaa_io_channel_readlines (channel); break;
        case 3: future = kaa_io_channel_read_exactly (channel, g_rand_int_range (random, 1, 50)); break;
        default: future = kaa_io_channel_read_until (channel, delimiter); break;
        }
      g_ptr_array_add (futures, future);
    }

  for (guint from = 0; from < input->len;)
    {
      guint n = g_rand_int_range (random, 1, 60);

      n = MIN (n, input->len - from);
      put (out, input->data + from, n);
      from += n;
      settle ();
    }
  close (out);
  spin_until (are_all_finished (futures));

  for (guint i = 0; i < futures->len; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GBytes) bytes = kaa_in_progress_get_bytes (g_ptr_array_index (futures, i), &error);

      g_assert_no_error (error);
      g_byte_array_append (output, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
    }
  if (output->len < input->len)
    {
      g_autoptr(GBytes) rest = kaa_io_channel_peek (channel);

      g_byte_array_append (output, g_bytes_get_data (rest, NULL), g_bytes_get_size (rest));
    }
  g_assert_cmpmem (output->data, output->len, input->data, input->len);
  if (with_handler != NULL)
    g_assert_cmpmem (seen->data, seen->len, input->data, input->len);
  finish_channel (channel);
}

static void
ask_for_two (const GValue *result,
             gpointer      channel)
{
  note_bytes ("first", g_value_get_boxed (result));
  note_future (kaa_io_channel_read_exactly (channel, 2), "second");
}

/* A chain of requests and the handlers behind it see the stream in order. */
static void
test_chain_before_lines (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future;

  begin_events ();
  future = kaa_io_channel_read_exactly (channel, 3);
  kaa_in_progress_then (future, ask_for_two, channel, NULL, NULL, NULL, NULL);
  g_object_unref (future);
  note_signal (channel, "readline");
  put_string (out, "abcdefg\nhi\n");
  settle ();
  assert_events ("first[abc] second[de] L[fg|] L[hi|]");
  finish_channel (channel);
  close (out);
  end_events ();
}

/* --- R3: `read` handlers beside requests --- */

static void
test_handler_and_requests (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "read");
  put_string (out, "before");
  settle ();
  assert_events ("R[before]");
  assert_queue (channel, "");

  note_future (kaa_io_channel_read_exactly (channel, 2), "two");
  put_string (out, "ab");
  settle ();
  assert_events ("R[ab] two[ab]");
  put_string (out, "cdef");
  settle ();
  assert_events ("R[cdef]");

  /* Kept for those that follow. */
  assert_queue (channel, "cdef");
  put_string (out, "gh");
  settle ();
  assert_events ("R[gh]");
  note_future (kaa_io_channel_read_exactly (channel, 5), "five");
  note_future (kaa_io_channel_read (channel), "rest");
  settle ();
  assert_events ("five[cdefg] rest[h]");
  finish_channel (channel);
  close (out);
  end_events ();
}

static void
test_partial_input (void)
{
  g_autoptr(GByteArray) seen = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  char block[1000];
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future;
  guint64 missed, kept;

  kaa_io_channel_set_queue_size (channel, 4096);
  collect_into (channel, "read", seen);
  future = kaa_io_channel_read (channel);
  put_string (out, "x");
  assert_bytes (future, "x");

  memset (block, 'y', sizeof block);
  for (guint i = 0; i < 20; i++)
    {
      put (out, block, sizeof block);
      settle ();
      g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), <=, 4096);
    }
  g_assert_cmpuint (seen->len, ==, 1 + 20 * sizeof block);

  kept = kaa_io_channel_get_read_queue_used (channel);
  future = kaa_io_channel_read (channel);
  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
  missed = g_ascii_strtoull (error->message, NULL, 10);
  g_assert_cmpuint (missed, >, 0);
  g_assert_cmpuint (missed + kept, ==, 20 * sizeof block);
  g_object_unref (future);

  /* Once: from here on it is in step again. */
  if (kept > 0)
    {
      g_autoptr(GBytes) bytes = NULL;

      g_clear_error (&error);
      future = kaa_io_channel_read_exactly (channel, kept);
      spin_until (kaa_in_progress_get_finished (future));
      bytes = kaa_in_progress_get_bytes (future, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), ==, kept);
      g_object_unref (future);
    }
  future = kaa_io_channel_read (channel);
  put_string (out, "new");
  assert_bytes (future, "new");
  finish_channel (channel);
  close (out);
}

static void
test_greeting (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  put_string (out, "hello\nstream");
  assert_bytes (kaa_io_channel_readline (channel), "hello\n");
  assert_queue (channel, "stream");
  note_signal (channel, "read");
  put_string (out, "next");
  settle ();
  assert_events ("R[stream] R[next]");
  assert_queue (channel, "");
  for (guint i = 0; i < 3; i++)
    {
      put_string (out, "more");
      settle ();
      assert_events ("R[more]");
      assert_queue (channel, "");
    }
  finish_channel (channel);
  close (out);
  end_events ();
}

static void
test_two_kinds_of_handlers (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "read");
  note_signal (channel, "readline");
  put_string (out, "ab\ncd");
  settle ();
  assert_events ("R[ab|cd] L[ab|]");
  put_string (out, "ef\n");
  settle ();
  assert_events ("R[ef|] L[cdef|]");
  assert_queue (channel, "");
  finish_channel (channel);
  close (out);
  end_events ();
}

/* --- R4: lines --- */

static void
test_line_requests_refused (gconstpointer name)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  gulong id;

  begin_events ();
  id = note_signal (channel, name);
  assert_fails (kaa_io_channel_readline (channel), G_IO_ERROR_PENDING);
  assert_fails (kaa_io_channel_readlines (channel), G_IO_ERROR_PENDING);
  g_signal_handler_block (channel, id);
  put_string (out, "a\nb\n");
  assert_bytes (kaa_io_channel_readline (channel), "a\n");
  g_signal_handler_unblock (channel, id);
  assert_fails (kaa_io_channel_readline (channel), G_IO_ERROR_PENDING);
  settle ();
  assert_events (g_str_equal (name, "readline") ? "L[b|]" : "B[b|]");
  g_signal_handler_disconnect (channel, id);
  note_future (kaa_io_channel_readline (channel), "line");
  put_string (out, "c\n");
  settle ();
  assert_events ("line[c|]");
  finish_channel (channel);
  close (out);
  end_events ();
}

static void
ask_for_body (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      user_data)
{
  gsize length;
  const char *data = g_bytes_get_data (line, &length);
  g_autoptr(GBytes) delimiter = g_bytes_new (";", 1);

  note_bytes ("L", line);
  if (length == 3 && data[0] == '#')
    note_future (kaa_io_channel_read_exactly (channel, data[1] - '0'), "body");
  else if (length == 2 && data[0] == ';')
    note_future (kaa_io_channel_read_until (channel, delimiter), "until");
  else if (length == 2 && data[0] == '*')
    note_future (kaa_io_channel_read (channel), "read");
}

static const char headers[] = "head\n#7\na\nb\nc\n#\n#3\nxyzend\n;\na\nb\n;last\n*\nall\nof\nit\n";

static void
test_header_and_body (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  g_signal_connect (channel, "readline", G_CALLBACK (ask_for_body), NULL);
  put_string (out, headers);
  settle ();
  assert_events ("L[head|] L[#7|] body[a|b|c|#] L[|] L[#3|] body[xyz] L[end|] L[;|] until[a|b|;] L[last|] L[*|] "
                 "read[all|of|it|]");

  /* And byte by byte, but for the read() that takes what is there. */
  for (const char *p = headers; *p != '\0'; p++)
    {
      put (out, p, 1);
      settle ();
    }
  assert_events ("L[head|] L[#7|] body[a|b|c|#] L[|] L[#3|] body[xyz] L[end|] L[;|] until[a|b|;] L[last|] L[*|] "
                 "read[a] L[ll|] L[of|] L[it|]");
  finish_channel (channel);
  close (out);
  end_events ();
}

/* --- R5: interest is looked at before each emission --- */

typedef enum
{
  DISCONNECT,
  BLOCK,
  CLOSE,
  CLOSE_NOW,
  PAUSE,
  DELIMITER,
  WRAP,
  CONSUME
} Action;

static void
act (KaaIOChannel *channel,
     GBytes       *line,
     gpointer      user_data)
{
  GError *error = NULL;
  int in, out;

  note_bytes ("L", line);
  if (memcmp (g_bytes_get_data (line, NULL), "a", 1) != 0)
    return;

  switch ((Action) GPOINTER_TO_INT (user_data))
    {
    case DISCONNECT:
      g_signal_handlers_disconnect_by_func (channel, act, user_data);
      break;
    case BLOCK:
      g_signal_handlers_block_by_func (channel, act, user_data);
      break;
    case CLOSE:
      g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
      break;
    case CLOSE_NOW:
      g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
      break;
    case PAUSE:
      kaa_io_channel_set_paused (channel, TRUE);
      break;
    case DELIMITER:
      kaa_io_channel_set_delimiter (channel, ";");
      break;
    case WRAP:
      make_pipe (&in, &out);
      put_string (out, "new\n");
      close (out);
      g_assert_true (kaa_io_channel_wrap_fd (channel, in, KAA_IO_READ, &error));
      g_assert_no_error (error);
      break;
    case CONSUME:
      g_assert_true (kaa_io_channel_consume (channel, 2, &error));
      g_assert_no_error (error);
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
test_in_handler (gconstpointer data)
{
  gpointer user_data = (gpointer) data;
  Action action = GPOINTER_TO_INT (user_data);
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  g_signal_connect (channel, "readline", G_CALLBACK (act), user_data);
  note_signal (channel, "closed");
  put_string (out, "a\nb\nc;d\n");
  settle ();

  switch (action)
    {
    case DISCONNECT:
      assert_events ("L[a|]");
      assert_queue (channel, "b\nc;d\n");
      assert_bytes (kaa_io_channel_readline (channel), "b\n");
      break;
    case BLOCK:
      assert_events ("L[a|]");
      assert_queue (channel, "b\nc;d\n");
      assert_at_rest ();
      g_signal_handlers_unblock_by_func (channel, act, user_data);
      settle ();
      assert_events ("L[b|] L[c;d|]");
      break;
    case CLOSE:
    case CLOSE_NOW:
      assert_events ("L[a|] closed");
      assert_queue (channel, "b\nc;d\n");
      g_assert_true (kaa_io_channel_get_readable (channel));
      assert_bytes (kaa_io_channel_read (channel), "b\nc;d\n");
      g_assert_false (kaa_io_channel_get_readable (channel));
      break;
    case PAUSE:
      assert_events ("L[a|]");
      assert_queue (channel, "b\nc;d\n");
      assert_at_rest ();
      kaa_io_channel_set_paused (channel, FALSE);
      settle ();
      assert_events ("L[b|] L[c;d|]");
      break;
    case DELIMITER:
      assert_events ("L[a|] L[b|c;]");
      assert_queue (channel, "d\n");
      break;
    case WRAP:
      /* A close of ours, and nothing of the old one behind it. */
      assert_events ("L[a|] closed L[new|] hung-up");
      break;
    case CONSUME:
      assert_events ("L[a|] L[c;d|]");
      break;
    default:
      g_assert_not_reached ();
    }

  g_signal_handlers_disconnect_by_func (channel, act, user_data);
  finish_channel (channel);
  close (out);
  end_events ();
}

/* --- R8: the end --- */

static void
test_end_with_handlers (gconstpointer user_data)
{
  const char *name = user_data;
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "closed");
  note_signal (channel, name);
  put_string (out, "a\nb");
  close (out);
  settle ();
  if (g_str_equal (name, "read"))
    assert_events ("R[a|b] hung-up");
  else if (g_str_equal (name, "readline"))
    assert_events ("L[a|] L[b] hung-up");
  else
    assert_events ("B[a|] B[b] hung-up");
  g_assert_true (kaa_io_channel_get_eof (channel));
  g_assert_false (kaa_io_channel_get_readable (channel));
  g_assert_null (kaa_io_channel_get_error (channel));
  assert_bytes (kaa_io_channel_read (channel), "");
  finish_channel (channel);
  end_events ();
}

static void
test_end_with_requests (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "closed");
  note_future (kaa_io_channel_readline (channel), "1");
  note_future (kaa_io_channel_read_exactly (channel, 100), "2");
  note_future (kaa_io_channel_readline (channel), "3");
  note_future (kaa_io_channel_read (channel), "4");
  note_future (kaa_io_channel_readlines (channel), "5");
  note_future (kaa_io_channel_read_exactly (channel, 1), "6");
  put_string (out, "a\nbc\nd");
  close (out);
  settle ();
  assert_events ("1[a|] 2[bc|d] 3[] 4[] 5[] 6[] hung-up");
  note_future (kaa_io_channel_readline (channel), "late");
  settle ();
  assert_events ("late[]");
  finish_channel (channel);
  end_events ();
}

static void
disconnect_at_end (KaaIOChannel *channel,
                   GParamSpec   *pspec,
                   gpointer      user_data)
{
  note ("eof");
  g_signal_handlers_disconnect_by_func (channel, note_chunk, (gpointer) "L");
}

static void
test_drain_after_close (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  gulong id;

  begin_events ();
  note_signal (channel, "closed");
  id = g_signal_connect (channel, "readline", G_CALLBACK (note_chunk), (gpointer) "L");
  g_assert_cmpuint (id, !=, 0);
  g_signal_connect (channel, "notify::eof", G_CALLBACK (disconnect_at_end), NULL);
  put_string (out, "a\npartial");
  close (out);
  settle ();
  assert_events ("L[a|] eof hung-up");
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_true (kaa_io_channel_get_readable (channel));
  assert_bytes (kaa_io_channel_read_exactly (channel, 4), "part");
  g_assert_true (kaa_io_channel_get_readable (channel));
  assert_bytes (kaa_io_channel_readline (channel), "ial");
  g_assert_false (kaa_io_channel_get_readable (channel));
  assert_bytes (kaa_io_channel_readline (channel), "");
  finish_channel (channel);
  end_events ();
}

static void
test_terminal (void)
{
  struct termios raw;
  int controller, terminal;
  KaaIOChannel *channel;

  memset (&raw, 0, sizeof raw);
  cfmakeraw (&raw);
  begin_events ();
  g_assert_cmpint (openpty (&controller, &terminal, NULL, &raw, NULL), ==, 0);
  channel = open_fd (controller, KAA_IO_READ | KAA_IO_WRITE);
  note_signal (channel, "closed");
  note_signal (channel, "readline");
  put_string (terminal, "from the terminal\nlast");
  spin_until (events->len > 0);
  close (terminal);
  spin_until (!kaa_io_channel_get_alive (channel));
  settle ();
  assert_events ("L[from the terminal|] L[last] hung-up");
  g_assert_null (kaa_io_channel_get_error (channel));
  finish_channel (channel);
  end_events ();
}

/* --- R9: staying open at the end --- */

static void
test_growing_file (void)
{
  int fd = make_file ("one\n", 4);
  int other = dup (fd);
  KaaIOChannel *channel = open_fd (fd, KAA_IO_READ);

  g_assert_false (kaa_io_channel_get_close_on_eof (channel));
  assert_bytes (kaa_io_channel_read (channel), "one\n");
  assert_bytes (kaa_io_channel_read (channel), "");
  g_assert_true (kaa_io_channel_get_alive (channel));
  for (guint i = 0; i < 5; i++)
    {
      g_assert_cmpint (pwrite (other, "more", 4, 4 + i * 4), ==, 4);
      assert_bytes (kaa_io_channel_read (channel), "more");
      assert_bytes (kaa_io_channel_read (channel), "");
      assert_bytes (kaa_io_channel_readline (channel), "");
    }
  g_assert_true (kaa_io_channel_get_alive (channel));
  assert_at_rest ();
  finish_channel (channel);
  close (other);
}

static void
test_stays_open (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  kaa_io_channel_set_close_on_eof (channel, FALSE);
  note_signal (channel, "closed");
  note_signal (channel, "read");
  put_string (out, "a");
  close (out);
  settle ();
  assert_events ("R[a]");
  assert_at_rest ();
  g_assert_true (kaa_io_channel_get_alive (channel));
  g_assert_true (kaa_io_channel_get_eof (channel));
  assert_bytes (kaa_io_channel_read (channel), "");
  assert_at_rest ();
  assert_events ("");
  kaa_io_channel_set_close_on_eof (channel, TRUE);
  settle ();
  assert_events ("hung-up");
  finish_channel (channel);
  end_events ();
}

/* --- R10: whose future it is --- */

static void
test_dropped (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future;

  /* Dropped before the first look, with data at hand. */
  put_string (out, "a\nbc\n");
  g_object_unref (kaa_io_channel_read (channel));
  settle ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 5);
  assert_bytes (kaa_io_channel_readline (channel), "a\n");
  g_object_unref (kaa_io_channel_readline (channel));
  settle ();
  assert_queue (channel, "bc\n");
  assert_bytes (kaa_io_channel_read (channel), "bc\n");

  /* And after it. */
  future = kaa_io_channel_readline (channel);
  settle ();
  g_object_unref (future);
  put_string (out, "def\n");
  settle ();
  g_assert_cmpint (get_waiting (kaa_io_channel_get_fileno (channel)), ==, 4);

  /* One in the middle. */
  begin_events ();
  note_future (kaa_io_channel_read_exactly (channel, 1), "1");
  future = kaa_io_channel_read_exactly (channel, 1);
  note_future (kaa_io_channel_read_exactly (channel, 1), "3");
  g_object_unref (future);
  settle ();
  assert_events ("1[d] 3[e]");
  end_events ();
  finish_channel (channel);
  close (out);
}

/* What a request waited for in vain goes to the one behind it. */
static void
test_gone_and_next (gconstpointer dropped)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *gone = kaa_io_channel_read_exactly (channel, 10);
  g_autoptr(KaaInProgress) next = kaa_io_channel_readline (channel);

  put_string (out, "abc\ndef");
  settle ();
  assert_queue (channel, "abc\ndef");
  g_assert_false (kaa_in_progress_get_finished (next));
  if (dropped == NULL)
    g_assert_true (kaa_in_progress_abort (gone, NULL));
  g_object_unref (gone);
  settle ();
  g_assert_true (kaa_in_progress_get_finished (next));
  assert_bytes (g_steal_pointer (&next), "abc\n");

  close (out);
  finish_channel (channel);
}

static void
test_gone_and_handler (gconstpointer dropped)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *gone = kaa_io_channel_read_exactly (channel, 10);

  put_string (out, "abc\n");
  settle ();
  assert_queue (channel, "abc\n");
  if (dropped == NULL)
    g_assert_true (kaa_in_progress_abort (gone, NULL));
  g_object_unref (gone);
  settle ();

  begin_events ();
  note_signal (channel, "readline");
  settle ();
  assert_events ("L[abc|]");
  end_events ();

  close (out);
  finish_channel (channel);
}

static void
test_aborted (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  g_autoptr(KaaInProgress) aborted = kaa_io_channel_readline (channel);
  g_autoptr(KaaInProgress) late = kaa_io_channel_readline (channel);
  g_autoptr(KaaInProgress) timeout = NULL;
  g_autoptr(GError) error = NULL;
  KaaInProgress *next = kaa_io_channel_readline (channel);

  begin_events ();
  timeout = kaa_in_progress_timeout (late, 0.001, /* abort= */ TRUE);
  g_assert_true (kaa_in_progress_abort (aborted, &error));
  g_assert_no_error (error);
  spin_until (kaa_in_progress_get_finished (timeout) && kaa_in_progress_get_finished (late));
  put_string (out, "abc\ndef");
  assert_bytes (next, "abc\n");
  g_assert_null (kaa_in_progress_get_result (aborted, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (kaa_in_progress_get_result (late, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (kaa_in_progress_abort (aborted, NULL));

  /* With part of what it waits for at hand. */
  g_clear_object (&aborted);
  aborted = kaa_io_channel_read_exactly (channel, 10);
  settle ();
  assert_queue (channel, "def");
  g_assert_true (kaa_in_progress_abort (aborted, NULL));
  settle ();
  assert_bytes (kaa_io_channel_read (channel), "def");
  end_events ();
  finish_channel (channel);
  close (out);
}

/* A request that somebody listens to owns its future, and its channel. */
static void
test_keeps_alive (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  gpointer watched = channel;

  begin_events ();
  g_object_add_weak_pointer (watched, &watched);
  note_future (kaa_io_channel_readline (channel), "line");
  g_object_unref (channel);
  settle ();
  g_assert_nonnull (watched);
  put_string (out, "abc\n");
  settle ();
  assert_events ("line[abc|]");
  g_assert_null (watched);
  close (out);
  end_events ();
}

static void
test_dropped_with_channel (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future = kaa_io_channel_readline (channel);
  gpointer watched = channel;

  /* The request holds the channel; nobody holds the future. */
  g_object_add_weak_pointer (watched, &watched);
  g_object_unref (channel);
  settle ();
  g_assert_nonnull (watched);
  g_object_unref (future);
  settle ();
  g_assert_null (watched);
  close (out);
}

/* --- R11: what is not a stream --- */

static void
test_eventfd (gconstpointer by_request)
{
  int fd = eventfd (3, EFD_SEMAPHORE | EFD_CLOEXEC);
  KaaIOChannel *channel = open_fd (fd, KAA_IO_READ);
  const guint64 one = 1;
  KaaInProgress *futures[3];

  begin_events ();
  if (by_request != NULL)
    {
      for (guint i = 0; i < 3; i++)
        futures[i] = kaa_io_channel_read (channel);
      for (guint i = 0; i < 3; i++)
        {
          g_autoptr(GBytes) bytes = NULL;

          spin_until (kaa_in_progress_get_finished (futures[i]));
          bytes = kaa_in_progress_get_bytes (futures[i], NULL);
          g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &one, sizeof one);
          g_object_unref (futures[i]);
        }
    }
  else
    {
      g_autoptr(GByteArray) all = g_byte_array_new ();
      guint chunks = 0;

      collect_into (channel, "read", all);
      note_signal (channel, "read");
      settle ();
      g_assert_cmpuint (all->len, ==, 3 * sizeof one);
      for (const char *p = events->str; *p != '\0'; p++)
        chunks += *p == '[';
      g_assert_cmpuint (chunks, ==, 3);
    }
  assert_at_rest ();
  g_assert_true (kaa_io_channel_get_alive (channel));
  finish_channel (channel);
  end_events ();
}

static void
test_regular_file (gconstpointer name)
{
  const gsize size = 3 * 1024 * 1024 + 17;
  g_autofree char *data = g_malloc (size);
  g_autoptr(GByteArray) all = g_byte_array_new ();
  KaaIOChannel *channel;

  for (gsize i = 0; i < size; i++)
    data[i] = i % 61 == 0 ? '\n' : 'a' + i % 23;
  channel = open_fd (make_file (data, size), KAA_IO_READ);
  collect_into (channel, name, all);
  kaa_io_channel_set_close_on_eof (channel, TRUE);
  begin_events ();
  note_signal (channel, "closed");
  spin_until (events->len > 0);
  g_assert_cmpmem (all->data, all->len, data, size);
  finish_channel (channel);
  end_events ();
}

static void
test_file_requests (void)
{
  KaaIOChannel *channel = open_fd (make_file ("head\nbody;tail", 14), KAA_IO_READ);
  g_autoptr(GBytes) delimiter = g_bytes_new (";", 1);

  begin_events ();
  note_future (kaa_io_channel_readline (channel), "line");
  note_future (kaa_io_channel_read_until (channel, delimiter), "until");
  note_future (kaa_io_channel_read_exactly (channel, 2), "two");
  note_future (kaa_io_channel_readline (channel), "last");
  note_future (kaa_io_channel_read (channel), "end");
  spin_until (strstr (events->str, "end[") != NULL);
  assert_events ("line[head|] until[body;] two[ta] last[il] end[]");
  g_assert_true (kaa_io_channel_get_alive (channel));
  finish_channel (channel);

  channel = open_fd (make_file ("", 0), KAA_IO_READ);
  assert_bytes (kaa_io_channel_read (channel), "");
  assert_bytes (kaa_io_channel_readlines (channel), "");
  finish_channel (channel);
  end_events ();
}

static void
count_resolved (KaaInProgress *future,
                const GValue  *result,
                gpointer       user_data)
{
  (*(guint *) user_data)++;
}

/* Connected after the first look: seen at the next one, which any call leads to. */
static void
test_heard_later (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future = kaa_io_channel_readline (channel);
  guint n_resolved = 0;

  settle ();
  g_signal_connect (future, "resolved", G_CALLBACK (count_resolved), &n_resolved);
  kaa_io_channel_set_paused (channel, FALSE);
  settle ();
  g_object_unref (future);
  put_string (out, "line\n");
  settle ();
  g_assert_cmpuint (n_resolved, ==, 1);
  finish_channel (channel);
  close (out);
}

/* Where the budget of a dispatch ends behind a read, what was read and is not out yet is in the queue, for who disconnects then. */
static void
test_not_emitted_yet (void)
{
  g_autoptr(GByteArray) seen = g_byte_array_new ();
  g_autoptr(GError) error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (open ("/dev/zero", O_RDONLY | O_CLOEXEC), KAA_IO_READ, &error);

  g_assert_no_error (error);
  collect_into (channel, "read", seen);
  for (guint i = 0; i < 20 || seen->len == 0; i++)
    {
      g_main_context_iteration (NULL, FALSE);
      g_assert_cmpuint (seen->len + kaa_io_channel_get_read_queue_used (channel), ==, kaa_io_channel_get_bytes_read (channel));
    }
  finish_channel (channel);
}

/* --- what bindings use --- */

static GBytes *
wait_bytes (KaaInProgress *future)
{
  GError *error = NULL;
  GBytes *bytes = kaa_in_progress_wait_bytes (future, WATCHDOG_SECONDS, &error);

  g_assert_no_error (error);
  g_object_unref (future);
  return bytes;
}

static void
test_unread (void)
{
  int out;
  g_autoptr (KaaIOChannel) channel = open_pipe (&out);
  GBytes *line, *next;

  put_string (out, "one\ntwo\n");
  line = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_true (kaa_io_channel_unread (channel, line, NULL));
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), ==, 8);
  next = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_true (g_bytes_equal (line, next));
  g_bytes_unref (next);
  next = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_cmpmem (g_bytes_get_data (next, NULL), g_bytes_get_size (next), "two\n", 4);
  g_bytes_unref (next);

  /* Behind the end, too. */
  close (out);
  next = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_cmpuint (g_bytes_get_size (next), ==, 0);
  g_bytes_unref (next);
  settle ();
  g_assert_false (kaa_io_channel_get_readable (channel));
  g_assert_true (kaa_io_channel_unread (channel, line, NULL));
  g_assert_true (kaa_io_channel_get_readable (channel));
  next = wait_bytes (kaa_io_channel_read (channel));
  g_assert_true (g_bytes_equal (line, next));
  g_bytes_unref (next);
  g_bytes_unref (line);
}

/* R3: `read` handlers do not get it twice. */
static void
test_unread_beside_handlers (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  GBytes *line;

  begin_events ();
  note_signal (channel, "read");
  put_string (out, "one\n");
  line = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_true (kaa_io_channel_unread (channel, line, NULL));
  g_bytes_unref (line);
  put_string (out, "two\n");
  settle ();
  line = wait_bytes (kaa_io_channel_readline (channel));
  g_assert_cmpmem (g_bytes_get_data (line, NULL), g_bytes_get_size (line), "one\n", 4);
  g_bytes_unref (line);
  assert_events ("R[one|] R[two|]");
  close (out);
  settle ();
  g_object_unref (channel);
}

/* A handler that is connected to a channel to which nothing happens any more. */
static void
test_look (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  put_string (out, "one\ntwo\n");
  g_bytes_unref (wait_bytes (kaa_io_channel_readline (channel)));
  settle ();
  begin_events ();
  note_signal (channel, "readline");
  kaa_io_channel_look (channel);
  settle ();
  assert_events ("L[two|]");
  close (out);
  settle ();
  g_object_unref (channel);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/channel/R1/nobody-interested", test_nobody_interested);
  g_test_add_data_func ("/channel/R1/unwanted-hangup-pipe", NULL, test_unwanted_hangup);
  g_test_add_data_func ("/channel/R1/unwanted-hangup-socket", "socket", test_unwanted_hangup);
  g_test_add_func ("/channel/R1/unwanted-many", test_unwanted_many);
  g_test_add_func ("/channel/R1/blocked", test_blocked);
  g_test_add_func ("/channel/R1/paused", test_paused);
  g_test_add_func ("/channel/R1/closes-without-interest", test_closes_without_interest);
  g_test_add_func ("/channel/R2/never-in-the-call", test_never_in_the_call);
  g_test_add_func ("/channel/R2/before-open", test_before_open);
  g_test_add_func ("/channel/R2/wait", test_wait);
  g_test_add_data_func ("/channel/R2/no-byte-twice", NULL, test_no_byte_twice);
  g_test_add_data_func ("/channel/R2/no-byte-twice-with-handler", "handler", test_no_byte_twice);
  g_test_add_func ("/channel/R2/chain-before-lines", test_chain_before_lines);
  g_test_add_func ("/channel/R3/handler-and-requests", test_handler_and_requests);
  g_test_add_func ("/channel/R3/partial-input", test_partial_input);
  g_test_add_func ("/channel/R3/greeting", test_greeting);
  g_test_add_func ("/channel/R3/two-kinds-of-handlers", test_two_kinds_of_handlers);
  g_test_add_data_func ("/channel/R4/line-requests-refused", "readline", test_line_requests_refused);
  g_test_add_data_func ("/channel/R4/line-requests-refused-blocks", "readlines", test_line_requests_refused);
  g_test_add_func ("/channel/R4/header-and-body", test_header_and_body);
  g_test_add_data_func ("/channel/R5/disconnect", GINT_TO_POINTER (DISCONNECT), test_in_handler);
  g_test_add_data_func ("/channel/R5/block", GINT_TO_POINTER (BLOCK), test_in_handler);
  g_test_add_data_func ("/channel/R5/close", GINT_TO_POINTER (CLOSE), test_in_handler);
  g_test_add_data_func ("/channel/R5/close-immediate", GINT_TO_POINTER (CLOSE_NOW), test_in_handler);
  g_test_add_data_func ("/channel/R5/pause", GINT_TO_POINTER (PAUSE), test_in_handler);
  g_test_add_data_func ("/channel/R5/delimiter", GINT_TO_POINTER (DELIMITER), test_in_handler);
  g_test_add_data_func ("/channel/R5/wrap", GINT_TO_POINTER (WRAP), test_in_handler);
  g_test_add_data_func ("/channel/R5/consume", GINT_TO_POINTER (CONSUME), test_in_handler);
  g_test_add_data_func ("/channel/R8/read-handler", "read", test_end_with_handlers);
  g_test_add_data_func ("/channel/R8/readline-handler", "readline", test_end_with_handlers);
  g_test_add_data_func ("/channel/R8/readlines-handler", "readlines", test_end_with_handlers);
  g_test_add_func ("/channel/R8/requests", test_end_with_requests);
  g_test_add_func ("/channel/R8/drain-after-close", test_drain_after_close);
  g_test_add_func ("/channel/R8/terminal", test_terminal);
  g_test_add_func ("/channel/R9/growing-file", test_growing_file);
  g_test_add_func ("/channel/R9/stays-open", test_stays_open);
  g_test_add_func ("/channel/R3/same-turn", test_not_emitted_yet);
  g_test_add_func ("/channel/R10/heard-later", test_heard_later);
  g_test_add_func ("/channel/R10/dropped", test_dropped);
  g_test_add_func ("/channel/R10/aborted", test_aborted);
  g_test_add_data_func ("/channel/R10/aborted-next", NULL, test_gone_and_next);
  g_test_add_data_func ("/channel/R10/dropped-next", "dropped", test_gone_and_next);
  g_test_add_data_func ("/channel/R10/aborted-handler", NULL, test_gone_and_handler);
  g_test_add_data_func ("/channel/R10/dropped-handler", "dropped", test_gone_and_handler);
  g_test_add_func ("/channel/R10/keeps-alive", test_keeps_alive);
  g_test_add_func ("/channel/R10/dropped-with-channel", test_dropped_with_channel);
  g_test_add_data_func ("/channel/R11/eventfd-handler", NULL, test_eventfd);
  g_test_add_data_func ("/channel/R11/eventfd-request", "request", test_eventfd);
  g_test_add_data_func ("/channel/R11/file-read", "read", test_regular_file);
  g_test_add_data_func ("/channel/R11/file-lines", "readline", test_regular_file);
  g_test_add_data_func ("/channel/R11/file-blocks", "readlines", test_regular_file);
  g_test_add_func ("/channel/R11/file-requests", test_file_requests);
  g_test_add_func ("/channel/unread", test_unread);
  g_test_add_func ("/channel/R3/unread", test_unread_beside_handlers);
  g_test_add_func ("/channel/look", test_look);

  return g_test_run ();
}

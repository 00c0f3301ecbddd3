/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines: delimiters, too long ones, blocks, the queue itself, and what is refused (R6, R7). */

#include "channel-fixture.h"

#include <malloc.h>

/* --- R6: delimiters --- */

typedef struct
{
  const char *delimiters[4];
  const char *alphabet;
} Set;

static const Set sets[] = {
  { { "\n" }, "ab\n" },
  { { "\r\n", "\n", "\r" }, "a\r\n" },
  { { "--", "-+-", "+" }, "-+a" },
  { { "ab", "abcab", "cc" }, "abc" },
};

/* The lines by the letter of the rule, each followed by a zero. */
static GByteArray *
split (const Set        *set,
       const GByteArray *input)
{
  GByteArray *lines = g_byte_array_new ();

  for (guint i = 0; i < input->len;)
    {
      guint best = 0;

      for (guint j = 0; set->delimiters[j] != NULL; j++)
        {
          guint length = strlen (set->delimiters[j]);

          if (length > best && length <= input->len - i && memcmp (input->data + i, set->delimiters[j], length) == 0)
            best = length;
        }
      g_byte_array_append (lines, input->data + i, MAX (best, 1));
      i += MAX (best, 1);
      if (best > 0 || i == input->len)
        g_byte_array_append (lines, (const guint8 *) "", 1);
    }
  return lines;
}

static void
collect_line (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      lines)
{
  collect (channel, line, lines);
  g_byte_array_append (lines, (const guint8 *) "", 1);
}

static void
collect_block (KaaIOChannel *channel,
               GBytes       *block,
               gpointer      lines)
{
  KaaLineIter iter;
  const char *line;
  gsize length;

  kaa_line_iter_init (&iter, channel, block);
  while (kaa_line_iter_next (&iter, &line, &length))
    {
      g_byte_array_append (lines, (const guint8 *) line, length);
      g_byte_array_append (lines, (const guint8 *) "", 1);
    }
}

static void
collect_next (const GValue *result,
              gpointer      user_data)
{
  gpointer *both = user_data;
  GBytes *line = g_value_get_boxed (result);
  KaaInProgress *future;

  if (g_bytes_get_size (line) == 0)
    return;
  collect_line (both[0], line, both[1]);
  future = kaa_io_channel_readline (both[0]);
  kaa_in_progress_then (future, collect_next, both, NULL, NULL, NULL, NULL);
  g_object_unref (future);
}

static void
test_cuttings (gconstpointer user_data)
{
  const char *how = user_data;
  g_autoptr(GRand) random = g_rand_new_with_seed (6);

  for (guint round = 0; round < 160; round++)
    {
      const Set *set = &sets[round % G_N_ELEMENTS (sets)];
      g_autoptr(GByteArray) input = g_byte_array_new ();
      g_autoptr(GByteArray) lines = g_byte_array_new ();
      g_autoptr(GByteArray) expected = NULL;
      int out;
      KaaIOChannel *channel = open_pipe (&out);
      gpointer both[2] = { channel, lines };

      kaa_io_channel_set_delimiters (channel, (const char * const *) set->delimiters);
      kaa_io_channel_set_chunk_size (channel, g_rand_int_range (random, 1, 40));
      for (guint i = 0; i < 150; i++)
        {
          guint8 byte = set->alphabet[g_rand_int_range (random, 0, strlen (set->alphabet))];

          g_byte_array_append (input, &byte, 1);
        }
      expected = split (set, input);

      if (g_str_equal (how, "handler"))
        g_signal_connect (channel, "readline", G_CALLBACK (collect_line), lines);
      else if (g_str_equal (how, "blocks"))
        g_signal_connect (channel, "readlines", G_CALLBACK (collect_block), lines);
      else
        {
          KaaInProgress *future = kaa_io_channel_readline (channel);

          kaa_in_progress_then (future, collect_next, both, NULL, NULL, NULL, NULL);
          g_object_unref (future);
        }

      for (guint from = 0; from < input->len;)
        {
          guint n = g_rand_int_range (random, 1, round % 2 == 0 ? 4 : 60);

          n = MIN (n, input->len - from);
          put (out, input->data + from, n);
          from += n;
          settle ();
        }
      close (out);
      settle ();
      g_assert_cmpmem (lines->data, lines->len, expected->data, expected->len);
      finish_channel (channel);
    }
}

static void
test_return_waits (void)
{
  const char * const delimiters[] = { "\r\n", "\r", "\n", NULL };
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  kaa_io_channel_set_delimiters (channel, delimiters);
  note_signal (channel, "readline");
  put_string (out, "a\r");
  settle ();
  assert_events ("");
  put_string (out, "\nb\r");
  settle ();
  assert_events ("L[a^|]");
  put_string (out, "c\r");
  settle ();
  assert_events ("L[b^]");
  close (out);
  settle ();
  assert_events ("L[c^]");
  finish_channel (channel);
  end_events ();
}

static void
test_zero_delimiter (void)
{
  g_autoptr(GBytes) zero = g_bytes_new ("\0x", 2);
  g_autoptr(GError) error = NULL;
  g_autofree GBytes **got = NULL;
  gsize n;
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  g_assert_true (kaa_io_channel_set_delimiter_bytes (channel, &zero, 1, &error));
  g_assert_no_error (error);
  got = kaa_io_channel_get_delimiter_bytes (channel, &n);
  g_assert_cmpuint (n, ==, 1);
  g_assert_true (g_bytes_equal (got[0], zero));
  note_signal (channel, "readline");
  put (out, "a\0b\n\0", 5);
  settle ();
  put (out, "xc", 2);
  close (out);
  settle ();
  assert_events ("L[a0b|0x] L[c]");
  finish_channel (channel);
  end_events ();
}

static void
test_until (void)
{
  g_autoptr(GBytes) boundary = g_bytes_new ("--end", 5);
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_future (kaa_io_channel_read_until (channel, boundary), "1");
  note_future (kaa_io_channel_readline (channel), "2");
  note_future (kaa_io_channel_read_until (channel, boundary), "3");
  put_string (out, "a\nb---e");
  settle ();
  put_string (out, "nd--end");
  settle ();
  assert_events ("1[a|b---end]");
  put_string (out, "--endx\n--en");
  settle ();
  assert_events ("2[--end--endx|]");
  close (out);
  settle ();
  assert_events ("3[--en]");
  finish_channel (channel);
  end_events ();
}

/* --- R7: too long --- */

static void
test_overflow_handler (gconstpointer user_data)
{
  const char *name = user_data;
  char kind = g_str_equal (name, "readline") ? 'L' : 'B';

  for (guint policy = KAA_OVERFLOW_SPLIT; policy <= KAA_OVERFLOW_CLOSE; policy++)
    {
      static const char * const expected[] = {
        "X[ok|] X[01234567] X[89ab|] X[cd|] X[12345678|] X[last] hung-up",
        "X[ok|] overflow hung-up",
        "X[ok|] overflow X[cd|] X[12345678|] X[last] hung-up",
        "X[ok|] overflow hung-up",
      };
      g_autofree char *wanted = g_strdelimit (g_strdup (expected[policy]), "X", kind);
      const char *input = "ok\n0123456789ab\ncd\n12345678\nlast";
      int out;
      KaaIOChannel *channel = open_pipe (&out);

      begin_events ();
      kaa_io_channel_set_queue_size (channel, 8);
      kaa_io_channel_set_overflow_policy (channel, policy);
      note_signal (channel, name);
      note_signal (channel, "overflow");
      note_signal (channel, "closed");
      /* One by one, so that blocks are lines. */
      for (; *input != '\0'; input++)
        {
          put (out, input, 1);
          if (kaa_io_channel_get_alive (channel))
            settle ();
          g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), <=, 8 + 1 + 1);
          if (!kaa_io_channel_get_alive (channel))
            break;
        }
      close (out);
      settle ();
      assert_events (wanted);
      if (policy == KAA_OVERFLOW_ERROR || policy == KAA_OVERFLOW_CLOSE)
        g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
      else
        g_assert_null (kaa_io_channel_get_error (channel));
      finish_channel (channel);
      end_events ();
    }
}

static void
test_overflow_request (gconstpointer by_until)
{
  g_autoptr(GBytes) newline = g_bytes_new ("\n", 1);
  g_autofree char *too_large = g_strdup_printf ("1!%d overflow", G_IO_ERROR_MESSAGE_TOO_LARGE);

  for (guint policy = KAA_OVERFLOW_SPLIT; policy <= KAA_OVERFLOW_CLOSE; policy++)
    {
      int out;
      KaaIOChannel *channel = open_pipe (&out);

      begin_events ();
      kaa_io_channel_set_queue_size (channel, 8);
      kaa_io_channel_set_overflow_policy (channel, policy);
      note_signal (channel, "overflow");
      note_signal (channel, "closed");
      note_future (by_until ? kaa_io_channel_read_until (channel, newline) : kaa_io_channel_readline (channel), "1");
      put_string (out, "0123456789ab\ncd\n");
      settle ();
      if (policy == KAA_OVERFLOW_SPLIT)
        assert_events ("1[01234567]");
      else if (policy == KAA_OVERFLOW_CLOSE)
        {
          g_assert_true (g_str_has_prefix (events->str, too_large) || g_str_has_prefix (events->str, "overflow 1!"));
          g_assert_true (g_str_has_suffix (events->str, " hung-up"));
          g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
        }
      else if (policy == KAA_OVERFLOW_ERROR)
        {
          assert_events (too_large);
          /* Nothing was taken. */
          assert_bytes (kaa_io_channel_read_exactly (channel, 8), "01234567");
          assert_bytes (kaa_io_channel_readline (channel), "89ab\n");
        }
      else
        {
          /* The next one is for the line behind it. */
          note_future (kaa_io_channel_readline (channel), "2");
          settle ();
          g_assert_true (g_str_has_prefix (events->str, too_large));
          g_assert_cmpstr (events->str + strlen (too_large), ==, " 2[cd|]");
        }
      finish_channel (channel);
      close (out);
      end_events ();
    }
}

static void
test_keeps_its_limit (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  kaa_io_channel_set_queue_size (channel, 16);
  note_future (kaa_io_channel_readline (channel), "1");
  kaa_io_channel_set_queue_size (channel, 4);
  note_future (kaa_io_channel_readline (channel), "2");
  put_string (out, "0123456789\n0123456789\n");
  settle ();
  assert_events ("1[0123456789|] 2[0123]");
  finish_channel (channel);
  close (out);
  end_events ();
}

/* Taking from the queue while a line is dropped up to the delimiter of a request. */
static void
test_consume_while_discarding (void)
{
  g_autoptr(GBytes) boundary = g_bytes_new ("--end", 5);
  g_autoptr(GBytes) peeked = NULL;
  g_autoptr(GError) error = NULL;
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  KaaInProgress *future;

  kaa_io_channel_set_queue_size (channel, 8);
  kaa_io_channel_set_overflow_policy (channel, KAA_OVERFLOW_DISCARD);
  future = kaa_io_channel_read_until (channel, boundary);
  put_string (out, "0123456789ab-");
  assert_fails (future, G_IO_ERROR_MESSAGE_TOO_LARGE);
  future = kaa_io_channel_readline (channel);
  settle ();
  peeked = kaa_io_channel_peek (channel);
  g_assert_cmpuint (g_bytes_get_size (peeked), ==, 0);
  g_assert_false (kaa_io_channel_consume (channel, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  settle ();
  put_string (out, "-endok\n");
  assert_bytes (future, "ok\n");
  finish_channel (channel);
  close (out);
}

/* A delimiter that begins right at the cut belongs to the piece. */
static void
test_delimiter_at_cut (void)
{
  for (guint step = 1; step < 12; step++)
    {
      const char *input = "01234567\r\n01234567\r89\r\n";
      int out;
      KaaIOChannel *channel = open_pipe (&out);

      begin_events ();
      kaa_io_channel_set_delimiter (channel, "\r\n");
      kaa_io_channel_set_queue_size (channel, 8);
      note_signal (channel, "readline");
      for (gsize from = 0; from < strlen (input); from += step)
        {
          put (out, input + from, MIN (step, strlen (input) - from));
          settle ();
        }
      assert_events ("L[01234567^|] L[01234567] L[^89^|]");
      finish_channel (channel);
      close (out);
      end_events ();
    }
}

/* --- Memory --- */

#define MEBIBYTE (1024 * 1024)

static gpointer
write_without_end (gpointer fd)
{
  static char block[65536];

  memset (block, 'x', sizeof block);
  for (guint i = 0; i < 64 * MEBIBYTE / sizeof block; i++)
    put (GPOINTER_TO_INT (fd), block, sizeof block);
  put (GPOINTER_TO_INT (fd), "\n", 1);
  close (GPOINTER_TO_INT (fd));
  return NULL;
}

static gsize
get_allocated (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

typedef struct
{
  guint64 bytes;
  gsize at_start;
  gsize most;
  guint64 most_queued;
} Use;

static void
measure (KaaIOChannel *channel,
         GBytes       *line,
         gpointer      user_data)
{
  Use *use = user_data;
  /* Once: the other thread allocates as well, and MAX() would measure twice. */
  gsize allocated = get_allocated ();

  if (line != NULL)
    use->bytes += g_bytes_get_size (line);
  use->most = MAX (use->most, allocated);
  use->most_queued = MAX (use->most_queued, kaa_io_channel_get_read_queue_used (channel));
}

static void
test_memory (gconstpointer user_data)
{
  KaaOverflowPolicy policy = GPOINTER_TO_INT (user_data);
  Use use = { 0, };
  int out;
  KaaIOChannel *channel = open_pipe (&out);
  GThread *thread;
  guint dog = g_timeout_add_seconds (WATCHDOG_SECONDS, bark, (gpointer) G_STRLOC);

  kaa_io_channel_set_queue_size (channel, 65536);
  kaa_io_channel_set_chunk_size (channel, 16384);
  kaa_io_channel_set_overflow_policy (channel, policy);
  g_signal_connect (channel, "readline", G_CALLBACK (measure), &use);
  thread = g_thread_new ("writer", write_without_end, GINT_TO_POINTER (out));
  use.at_start = use.most = get_allocated ();
  while (kaa_io_channel_get_alive (channel))
    {
      g_main_context_iteration (NULL, TRUE);
      measure (channel, NULL, &use);
    }
  g_thread_join (thread);
  g_source_remove (dog);

  g_assert_cmpuint (use.bytes, ==, policy == KAA_OVERFLOW_SPLIT ? 64 * MEBIBYTE + 1 : 0);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (channel), ==, 64 * MEBIBYTE + 1);
  g_assert_cmpuint (use.most_queued, <=, 65536 + 16384 + 1);
  /* The queue, a piece of it on its way, and what the library keeps for reuse; a leak would be sixty times that. */
  g_assert_cmpuint (use.most - use.at_start, <, MEBIBYTE);
  finish_channel (channel);
}

/* --- Blocks --- */

static void
test_blocks (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_future (kaa_io_channel_readlines (channel), "1");
  put_string (out, "a\nb\npart");
  settle ();
  assert_events ("1[a|b|]");
  note_future (kaa_io_channel_readlines (channel), "2");
  settle ();
  assert_events ("");
  put_string (out, "ly\nc\n");
  settle ();
  assert_events ("2[partly|c|]");
  note_future (kaa_io_channel_readlines (channel), "3");
  put_string (out, "d\nrest");
  close (out);
  settle ();
  assert_events ("3[d|]");
  note_future (kaa_io_channel_readlines (channel), "4");
  note_future (kaa_io_channel_readlines (channel), "5");
  settle ();
  assert_events ("4[rest] 5[]");
  finish_channel (channel);
  end_events ();
}

static void
test_blocks_and_lines (void)
{
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  begin_events ();
  note_signal (channel, "readlines");
  note_signal (channel, "readline");
  put_string (out, "a\nb\nc");
  settle ();
  assert_events ("B[a|b|] L[a|] L[b|]");
  put_string (out, "d\n");
  close (out);
  settle ();
  assert_events ("B[cd|] L[cd|]");
  finish_channel (channel);
  end_events ();
}

static void
assert_next (KaaLineIter *iter,
             const char  *expected)
{
  const char *line;
  gsize length;

  g_assert_true (kaa_line_iter_next (iter, &line, &length));
  g_assert_cmpmem (line, length, expected, strlen (expected));
}

static void
test_line_iter (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  g_autoptr(GBytes) block = g_bytes_new_static ("a;\n\nb;c", 7);
  g_autoptr(GBytes) nothing = g_bytes_new_static ("", 0);
  g_autofree char *longest = g_strnfill (200, 'z');
  const char *several[] = { ";", "\n", ";\n", NULL };
  const char *large[] = { ";", "\n", longest, NULL };
  KaaLineIter iter, other;
  const char *line;
  gsize length;

  kaa_line_iter_init (&iter, channel, nothing);
  g_assert_false (kaa_line_iter_next (&iter, &line, &length));

  /* The delimiters are a snapshot. */
  kaa_line_iter_init (&iter, channel, block);
  kaa_io_channel_set_delimiters (channel, several);
  kaa_line_iter_init (&other, channel, block);
  assert_next (&iter, "a;\n");
  assert_next (&other, "a;\n");
  assert_next (&iter, "\n");
  assert_next (&other, "\n");
  assert_next (&iter, "b;c");
  assert_next (&other, "b;");
  assert_next (&other, "c");
  g_assert_false (kaa_line_iter_next (&iter, &line, &length));
  g_assert_false (kaa_line_iter_next (&other, &line, &length));

  kaa_io_channel_set_delimiters (channel, large);
  kaa_line_iter_init (&iter, channel, block);
  kaa_io_channel_set_delimiter (channel, "b");
  g_object_unref (channel);
  assert_next (&iter, "a;");
  assert_next (&iter, "\n");
  assert_next (&iter, "\n");
  assert_next (&iter, "b;");
  assert_next (&iter, "c");
  g_assert_false (kaa_line_iter_next (&iter, &line, &length));
}

static void
test_peek_and_consume (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) dash = g_bytes_new ("--", 2);
  KaaInProgress *future;
  int out;
  KaaIOChannel *channel = open_pipe (&out);

  assert_queue (channel, "");
  g_assert_true (kaa_io_channel_consume (channel, 0, &error));
  g_assert_no_error (error);
  g_assert_false (kaa_io_channel_consume (channel, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  put_string (out, "a\nbcd\nef");
  assert_bytes (kaa_io_channel_readline (channel), "a\n");
  assert_queue (channel, "bcd\nef");
  g_assert_false (kaa_io_channel_consume (channel, 7, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  assert_queue (channel, "bcd\nef");
  g_assert_true (kaa_io_channel_consume (channel, 2, NULL));
  assert_queue (channel, "d\nef");
  assert_bytes (kaa_io_channel_readline (channel), "d\n");

  /* Below a request that has looked at it already. */
  future = kaa_io_channel_read_until (channel, dash);
  settle ();
  g_assert_true (kaa_io_channel_consume (channel, 2, NULL));
  put_string (out, "-");
  settle ();
  put_string (out, "-x");
  assert_bytes (future, "--");
  assert_queue (channel, "x");
  finish_channel (channel);
  close (out);
}

/* --- Bad input --- */

#define assert_critical(pattern, call) \
  G_STMT_START { \
    g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, pattern); \
    call; \
    g_test_assert_expected_messages (); \
  } G_STMT_END

static void
test_bad_sizes (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();

  assert_critical ("*chunk_size > 0*", kaa_io_channel_set_chunk_size (channel, 0));
  assert_critical ("*queue_size > 0*", kaa_io_channel_set_queue_size (channel, 0));
  g_assert_cmpuint (kaa_io_channel_get_chunk_size (channel), ==, MEBIBYTE);
  g_assert_cmpuint (kaa_io_channel_get_queue_size (channel), ==, MEBIBYTE);
  kaa_io_channel_set_queue_size (channel, 10);
  assert_fails (kaa_io_channel_read_some (channel, 0), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_io_channel_read_exactly (channel, 0), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_io_channel_read_exactly (channel, 11), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_io_channel_read_exactly (channel, G_MAXSIZE), G_IO_ERROR_INVALID_ARGUMENT);
  g_object_unref (channel);
}

static void
test_bad_delimiters (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  const char * const none[] = { NULL };
  const char * const empty[] = { "a", "", NULL };
  const char * const two[] = { "a", "b", NULL };
  GBytes *bytes[] = { g_bytes_new ("a", 1), g_bytes_new ("", 0) };
  GError *error = NULL;
  g_auto(GStrv) got = NULL;

  assert_critical ("*delimiter*", kaa_io_channel_set_delimiter (channel, ""));
  assert_critical ("*delimiter*", kaa_io_channel_set_delimiter (channel, NULL));
  assert_critical ("*delimiters*", kaa_io_channel_set_delimiters (channel, none));
  assert_critical ("*delimiters*", kaa_io_channel_set_delimiters (channel, empty));
  g_assert_false (kaa_io_channel_set_delimiter_bytes (channel, bytes, 2, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_set_delimiter_bytes (channel, bytes, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  assert_fails (kaa_io_channel_read_until (channel, bytes[1]), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (kaa_io_channel_get_delimiter (channel), ==, "\n");
  kaa_io_channel_set_delimiters (channel, two);
  g_assert_null (kaa_io_channel_get_delimiter (channel));
  got = kaa_io_channel_get_delimiters (channel);
  g_assert_cmpstrv (got, two);
  g_bytes_unref (bytes[0]);
  g_bytes_unref (bytes[1]);
  g_object_unref (channel);
}

/* Refused, and the descriptor is still ours. */
static void
assert_refused (KaaIOChannel   *open,
                int             fd,
                KaaIOCondition  mode,
                int             code)
{
  g_autoptr(GError) error = NULL;
  int before = kaa_io_channel_get_fileno (open);

  g_assert_null (kaa_io_channel_new_for_fd (fd, mode, &error));
  if (code >= 0)
    g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_wrap_fd (open, fd, mode, &error));
  g_assert_nonnull (error);
  g_assert_cmpint (kaa_io_channel_get_fileno (open), ==, before);
  g_assert_true (kaa_io_channel_get_alive (open));
}

static void
test_bad_descriptors (void)
{
  int in, out, pair[2], directory, kept;
  KaaIOChannel *channel = open_pipe (&kept);

  assert_refused (channel, -1, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (channel, 1 << 20, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);

  make_pipe (&in, &out);
  assert_refused (channel, in, KAA_IO_WRITE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (channel, in, KAA_IO_READ | KAA_IO_WRITE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (channel, out, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (channel, in, 0, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (channel, in, KAA_IO_READ | KAA_IO_EXCEPT, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (close (in), ==, 0);
  g_assert_cmpint (close (out), ==, 0);

  directory = open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_refused (channel, directory, KAA_IO_READ, -1);
  g_assert_cmpint (close (directory), ==, 0);

  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpint (socketpair (AF_UNIX, (i == 0 ? SOCK_DGRAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, pair), ==, 0);
      assert_refused (channel, pair[0], KAA_IO_READ, G_IO_ERROR_NOT_SUPPORTED);
      g_assert_cmpint (close (pair[0]), ==, 0);
      g_assert_cmpint (close (pair[1]), ==, 0);
    }

  /* What was open works as before. */
  put_string (kept, "still\n");
  assert_bytes (kaa_io_channel_readline (channel), "still\n");
  finish_channel (channel);
  close (kept);
}

static void
test_write_only (void)
{
  int in, out;
  KaaIOChannel *channel;

  make_pipe (&in, &out);
  channel = open_fd (out, KAA_IO_WRITE);
  assert_fails (kaa_io_channel_read (channel), G_IO_ERROR_NOT_SUPPORTED);
  assert_fails (kaa_io_channel_readline (channel), G_IO_ERROR_NOT_SUPPORTED);
  finish_channel (channel);
  close (in);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_data_func ("/channel/R6/cuttings-handler", "handler", test_cuttings);
  g_test_add_data_func ("/channel/R6/cuttings-blocks", "blocks", test_cuttings);
  g_test_add_data_func ("/channel/R6/cuttings-requests", "requests", test_cuttings);
  g_test_add_func ("/channel/R6/return-waits", test_return_waits);
  g_test_add_func ("/channel/R6/zero-delimiter", test_zero_delimiter);
  g_test_add_func ("/channel/R6/until", test_until);
  g_test_add_data_func ("/channel/R7/handler-lines", "readline", test_overflow_handler);
  g_test_add_data_func ("/channel/R7/handler-blocks", "readlines", test_overflow_handler);
  g_test_add_data_func ("/channel/R7/request", NULL, test_overflow_request);
  g_test_add_data_func ("/channel/R7/request-until", "until", test_overflow_request);
  g_test_add_func ("/channel/R7/keeps-its-limit", test_keeps_its_limit);
  g_test_add_func ("/channel/R7/consume-while-discarding", test_consume_while_discarding);
  g_test_add_func ("/channel/R7/delimiter-at-cut", test_delimiter_at_cut);
  g_test_add_data_func ("/channel/R7/memory-split", GINT_TO_POINTER (KAA_OVERFLOW_SPLIT), test_memory);
  g_test_add_data_func ("/channel/R7/memory-discard", GINT_TO_POINTER (KAA_OVERFLOW_DISCARD), test_memory);
  g_test_add_func ("/channel/lines/blocks", test_blocks);
  g_test_add_func ("/channel/lines/blocks-and-lines", test_blocks_and_lines);
  g_test_add_func ("/channel/lines/iter", test_line_iter);
  g_test_add_func ("/channel/lines/peek-and-consume", test_peek_and_consume);
  g_test_add_func ("/channel/bad/sizes", test_bad_sizes);
  g_test_add_func ("/channel/bad/delimiters", test_bad_delimiters);
  g_test_add_func ("/channel/bad/descriptors", test_bad_descriptors);
  g_test_add_func ("/channel/bad/write-only", test_write_only);

  return g_test_run ();
}

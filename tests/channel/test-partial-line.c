/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* keep-partial-line: half a line at the end of what stays open waits until it is whole. */

#include "channel-fixture.h"

typedef KaaInProgress *(* Ask) (KaaIOChannel *channel);

static KaaInProgress *
ask_until (KaaIOChannel *channel)
{
  g_autoptr (GBytes) newline = g_bytes_new_static ("\n", 1);

  return kaa_io_channel_read_until (channel, newline);
}

/* A file that is followed, and a descriptor that writes to its end. */
static KaaIOChannel *
open_followed (const char *text,
               int        *writer)
{
  int fd = make_file (text, strlen (text));
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  KaaIOChannel *channel;

  *writer = open (path, O_WRONLY | O_APPEND | O_CLOEXEC);
  g_assert_cmpint (*writer, >=, 0);
  channel = open_fd (fd, KAA_IO_READ);
  kaa_io_channel_set_keep_partial_line (channel, TRUE);
  return channel;
}

static void
finish (KaaIOChannel *channel,
        int           writer)
{
  finish_channel (channel);
  close (writer);
}

static void
test_requests (gconstpointer data)
{
  Ask ask = (Ask) data;
  int writer;
  KaaIOChannel *channel = open_followed ("one\npar", &writer);

  assert_bytes (ask (channel), "one\n");
  for (guint i = 0; i < 3; i++)
    assert_bytes (ask (channel), "");
  assert_queue (channel, "par");
  assert_at_rest ();

  put_string (writer, "ti");
  assert_bytes (ask (channel), "");
  put_string (writer, "al\nnext");
  assert_bytes (ask (channel), "partial\n");
  assert_bytes (ask (channel), "");
  g_assert_true (kaa_io_channel_get_alive (channel));

  /* Others still get it. */
  assert_bytes (kaa_io_channel_read (channel), "next");
  finish (channel, writer);
}

static void
test_delimiter_in_two (void)
{
  int writer;
  KaaIOChannel *channel = open_followed ("one\r", &writer);

  kaa_io_channel_set_delimiter (channel, "\r\n");
  assert_bytes (kaa_io_channel_readline (channel), "");
  put_string (writer, "\n");
  assert_bytes (kaa_io_channel_readline (channel), "one\r\n");
  finish (channel, writer);
}

static void
test_set_later (gboolean close_it)
{
  int writer;
  KaaIOChannel *channel = open_followed ("part", &writer);

  assert_bytes (kaa_io_channel_readline (channel), "");
  if (close_it)
    g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  else
    kaa_io_channel_set_keep_partial_line (channel, FALSE);
  assert_bytes (kaa_io_channel_readline (channel), "part");
  finish (channel, writer);
}

static void
test_given_up (void)
{
  test_set_later (FALSE);
}

static void
test_closed (void)
{
  test_set_later (TRUE);
}

static void
test_handlers (void)
{
  int writer;
  KaaIOChannel *channel = open_followed ("one\npart", &writer);

  begin_events ();
  note_signal (channel, "readline");
  note_signal (channel, "closed");
  spin_until (kaa_io_channel_get_eof (channel));
  settle ();
  assert_events ("L[one|]");
  assert_at_rest ();
  kaa_io_channel_set_keep_partial_line (channel, FALSE);
  settle ();
  assert_events ("L[part]");
  finish (channel, writer);
  end_events ();
}

/* What closes at its end is not followed. */
static void
test_pipe (void)
{
  int writer;
  KaaIOChannel *channel = open_pipe (&writer);

  kaa_io_channel_set_keep_partial_line (channel, TRUE);
  put_string (writer, "part");
  close (writer);
  assert_bytes (kaa_io_channel_readline (channel), "part");
  assert_bytes (kaa_io_channel_readline (channel), "");
  spin_until (!kaa_io_channel_get_alive (channel));
  g_object_unref (channel);
}

static void
test_pipe_that_stays (void)
{
  int writer;
  KaaIOChannel *channel = open_pipe (&writer);

  kaa_io_channel_set_keep_partial_line (channel, TRUE);
  kaa_io_channel_set_close_on_eof (channel, FALSE);
  put_string (writer, "part");
  close (writer);
  assert_bytes (kaa_io_channel_readline (channel), "");
  kaa_io_channel_set_close_on_eof (channel, TRUE);
  assert_bytes (kaa_io_channel_readline (channel), "part");
  spin_until (!kaa_io_channel_get_alive (channel));
  g_object_unref (channel);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/channel/partial-line/readline", (gconstpointer) kaa_io_channel_readline, test_requests);
  g_test_add_data_func ("/channel/partial-line/readlines", (gconstpointer) kaa_io_channel_readlines, test_requests);
  g_test_add_data_func ("/channel/partial-line/read-until", (gconstpointer) ask_until, test_requests);
  g_test_add_func ("/channel/partial-line/delimiter-in-two", test_delimiter_in_two);
  g_test_add_func ("/channel/partial-line/given-up", test_given_up);
  g_test_add_func ("/channel/partial-line/closed", test_closed);
  g_test_add_func ("/channel/partial-line/handlers", test_handlers);
  g_test_add_func ("/channel/partial-line/pipe", test_pipe);
  g_test_add_func ("/channel/partial-line/pipe-that-stays", test_pipe_that_stays);
  return g_test_run ();
}

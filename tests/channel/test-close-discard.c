/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* KAA_CLOSE_DISCARD: who reads ends at once, whatever was read before; what was written is not concerned. */

#include "channel-fixture.h"

#define LINES "one\ntwo\nthree\nrest"

typedef KaaIOChannel *(* Open) (int *peer);

static KaaIOChannel *
open_socket (int *peer)
{
  int fd;

  make_sockets (&fd, peer);
  return open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
}

static KaaIOChannel *
open_file (int *peer)
{
  *peer = -1;
  return open_fd (make_file (LINES, strlen (LINES)), KAA_IO_READ);
}

/* All of the lines but the first are in its queue. */
static KaaIOChannel *
open_filled (gconstpointer open,
             int          *peer)
{
  KaaIOChannel *channel = ((Open) open) (peer);

  if (*peer >= 0)
    put_string (*peer, LINES);
  assert_bytes (kaa_io_channel_readline (channel), "one\n");
  assert_queue (channel, "two\nthree\nrest");
  return channel;
}

static void
drop (KaaIOChannel *channel,
      int           peer)
{
  finish_channel (channel);
  if (peer >= 0)
    close (peer);
}

static void
assert_over (KaaIOChannel *channel)
{
  assert_queue (channel, "");
  g_assert_false (kaa_io_channel_get_readable (channel));
  assert_bytes (kaa_io_channel_readline (channel), "");
  assert_bytes (kaa_io_channel_read (channel), "");
  assert_bytes (kaa_io_channel_read_exactly (channel, 4), "");
}

static void
test_at_once (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);

  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  assert_over (channel);
  drop (channel, peer);
}

static void
test_pending (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);
  KaaInProgress *line = kaa_io_channel_readline (channel);
  KaaInProgress *bytes = kaa_io_channel_read_exactly (channel, 100);

  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  assert_bytes (line, "");
  assert_bytes (bytes, "");
  drop (channel, peer);
}

/* What was closed before, and has something left. */
static void
test_behind_a_close (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);

  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  assert_bytes (kaa_io_channel_readline (channel), "two\n");
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_DISCARD));
  assert_over (channel);
  drop (channel, peer);
}

/* Without the flag it is as it was. */
static void
test_kept (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);

  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  assert_bytes (kaa_io_channel_readline (channel), "two\n");
  assert_queue (channel, "three\nrest");
  drop (channel, peer);
}

static void
close_in_handler (KaaIOChannel *channel,
                  GBytes       *line,
                  gpointer      flags)
{
  note_bytes ("L", line);
  g_object_unref (kaa_io_channel_close (channel, GPOINTER_TO_UINT (flags)));
}

static void
test_in_handler (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);

  begin_events ();
  note_signal (channel, "closed");
  g_signal_connect (channel, "readline", G_CALLBACK (close_in_handler),
                    GUINT_TO_POINTER (KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  settle ();
  assert_events ("L[two|] closed");
  drop (channel, peer);
  end_events ();
}

/* Chunks that `read` handlers were still to have. */
static void
test_chunks (void)
{
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  begin_events ();
  kaa_io_channel_set_chunk_size (channel, 4);
  note_signal (channel, "closed");
  g_signal_connect (channel, "read", G_CALLBACK (close_in_handler),
                    GUINT_TO_POINTER (KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  put_string (peer, "abcdefgh");
  settle ();
  assert_events ("L[abcd] closed");
  drop (channel, peer);
  end_events ();
}

static gboolean
send_text (KaaIOChannel *channel,
           const char   *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  return kaa_io_channel_send (channel, bytes, NULL);
}

static void
test_writes_go_out (void)
{
  int peer;
  KaaIOChannel *channel = open_filled (open_socket, &peer);
  KaaInProgress *closed;
  char buffer[8] = { 0, };

  g_assert_true (send_text (channel, "a"));
  g_assert_true (send_text (channel, "b"));
  closed = kaa_io_channel_close (channel, KAA_CLOSE_DISCARD);
  assert_queue (channel, "");
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  g_assert_cmpint (recv (peer, buffer, sizeof buffer, MSG_DONTWAIT), ==, 2);
  g_assert_cmpstr (buffer, ==, "ab");
  drop (channel, peer);
}

static gpointer
close_elsewhere (gpointer channel)
{
  KaaInProgress *closed = kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD);

  g_object_unref (closed);
  return NULL;
}

static void
test_other_thread (gconstpointer open)
{
  int peer;
  KaaIOChannel *channel = open_filled (open, &peer);

  g_thread_join (g_thread_new ("closer", close_elsewhere, channel));
  spin_until (kaa_io_channel_get_read_queue_used (channel) == 0);
  assert_over (channel);
  drop (channel, peer);
}

static void
test_opened_again (void)
{
  int peer, other;
  KaaIOChannel *channel = open_filled (open_pipe, &peer);
  GError *error = NULL;
  int fd;

  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  make_pipe (&fd, &other);
  put_string (other, "new\n");
  g_assert_true (kaa_io_channel_wrap_fd (channel, fd, KAA_IO_READ, &error));
  g_assert_no_error (error);
  assert_bytes (kaa_io_channel_readline (channel), "new\n");
  close (other);
  drop (channel, peer);
}

static void
add_for_all (const char *name,
             GTestDataFunc test)
{
  const struct { const char *kind; Open open; } kinds[] = {
    { "pipe", open_pipe }, { "socket", open_socket }, { "file", open_file }
  };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strdup_printf ("/channel/discard/%s/%s", name, kinds[i].kind);

      g_test_add_data_func (path, (gconstpointer) kinds[i].open, test);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_for_all ("at-once", test_at_once);
  add_for_all ("pending", test_pending);
  add_for_all ("behind-a-close", test_behind_a_close);
  add_for_all ("kept", test_kept);
  add_for_all ("in-handler", test_in_handler);
  add_for_all ("other-thread", test_other_thread);
  g_test_add_func ("/channel/discard/chunks", test_chunks);
  g_test_add_func ("/channel/discard/writes-go-out", test_writes_go_out);
  g_test_add_func ("/channel/discard/opened-again", test_opened_again);
  return g_test_run ();
}

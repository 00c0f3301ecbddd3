/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How full the queues are: notified at most once a turn, with what is so at that moment. */

#include "channel-fixture.h"

static guint64
get_level (KaaIOChannel *channel,
           const char   *name)
{
  guint64 level;

  g_object_get (channel, name, &level, NULL);
  return level;
}

/* "r3": read-queue-used is 3. */
static void
note_level (KaaIOChannel *channel,
            GParamSpec   *spec,
            gpointer      user_data)
{
  g_autofree char *text = g_strdup_printf ("%c%" G_GUINT64_FORMAT, spec->name[0], get_level (channel, spec->name));

  note (text);
}

static void
watch (KaaIOChannel *channel)
{
  begin_events ();
  g_signal_connect (channel, "notify::read-queue-used", G_CALLBACK (note_level), NULL);
  g_signal_connect (channel, "notify::write-queue-used", G_CALLBACK (note_level), NULL);
}

static void
finish (KaaIOChannel *channel,
        int           peer)
{
  finish_channel (channel);
  close (peer);
  end_events ();
}

static void
ignore_line (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      user_data)
{
}

static void
test_reading (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);
  GError *error = NULL;

  watch (channel);
  g_signal_connect (channel, "readline", G_CALLBACK (ignore_line), NULL);
  put_string (peer, "one\ntwo\npart");
  settle ();
  assert_events ("r4");
  settle ();
  assert_events ("");
  put_string (peer, "ial");
  settle ();
  assert_events ("r7");
  g_assert_true (kaa_io_channel_consume (channel, 3, &error));
  g_assert_true (kaa_io_channel_consume (channel, 2, &error));
  g_assert_no_error (error);
  assert_events ("");
  settle ();
  assert_events ("r2");
  put_string (peer, "\n");
  settle ();
  assert_events ("r0");
  finish (channel, peer);
}

static void
test_put_back (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("back", 4);

  watch (channel);
  g_assert_true (kaa_io_channel_unread (channel, bytes, NULL));
  settle ();
  assert_events ("r4");
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE | KAA_CLOSE_DISCARD));
  settle ();
  assert_events ("r0");
  finish (channel, peer);
}

static KaaIOChannel *
open_full_socket (int *peer)
{
  int fd;
  KaaIOChannel *channel;
  g_autofree guint8 *zeros = g_malloc0 (65536);

  make_sockets (&fd, peer);
  while (send (fd, zeros, 65536, MSG_DONTWAIT) > 0)
    ;
  while (send (fd, zeros, 1, MSG_DONTWAIT) > 0)
    ;
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  settle ();
  return channel;
}

static void
read_all (int peer)
{
  guint8 buffer[65536];

  while (recv (peer, buffer, sizeof buffer, MSG_DONTWAIT) > 0)
    settle ();
}

static void
test_writing (void)
{
  int peer;
  KaaIOChannel *channel = open_full_socket (&peer);

  watch (channel);
  for (guint i = 0; i < 100; i++)
    g_object_unref (kaa_io_channel_write (channel, (const guint8 *) "ab", 2));
  assert_events ("");
  settle ();
  assert_events ("w200");
  read_all (peer);
  settle ();
  assert_events ("w0");
  finish (channel, peer);
}

/* What goes out in the call was never there. */
static void
test_direct (void)
{
  int fd, peer;
  KaaIOChannel *channel;

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  watch (channel);
  g_object_unref (kaa_io_channel_write (channel, (const guint8 *) "ab", 2));
  settle ();
  assert_events ("");
  finish (channel, peer);
}

static void
test_given_up (void)
{
  int peer;
  KaaIOChannel *channel = open_full_socket (&peer);

  watch (channel);
  g_object_unref (kaa_io_channel_write (channel, (const guint8 *) "ab", 2));
  settle ();
  assert_events ("w2");
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  settle ();
  assert_events ("w0");
  finish (channel, peer);
}

/* The queue that is given away, and the one that gets it. */
static void
test_steal (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);
  KaaIOChannel *other = kaa_io_channel_new ();
  GError *error = NULL;

  watch (channel);
  g_signal_connect (channel, "readline", G_CALLBACK (ignore_line), NULL);
  put_string (peer, "part");
  settle ();
  assert_events ("r4");
  g_assert_true (kaa_io_channel_steal (other, channel, &error));
  g_assert_no_error (error);
  settle ();
  assert_events ("r0");
  g_assert_cmpuint (get_level (other, "read-queue-used"), ==, 4);
  finish_channel (other);
  finish (channel, peer);
}

/* A handler may change what it is told of. */
static void
consume_all (KaaIOChannel *channel,
             GParamSpec   *spec,
             gpointer      user_data)
{
  note_level (channel, spec, user_data);
  g_assert_true (kaa_io_channel_consume (channel, get_level (channel, spec->name), NULL));
}

static void
test_changed_by_handler (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  begin_events ();
  g_signal_connect (channel, "notify::read-queue-used", G_CALLBACK (consume_all), NULL);
  g_signal_connect (channel, "readline", G_CALLBACK (ignore_line), NULL);
  put_string (peer, "part");
  settle ();
  assert_events ("r4 r0");
  assert_at_rest ();
  finish (channel, peer);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/channel/levels/reading", test_reading);
  g_test_add_func ("/channel/levels/put-back", test_put_back);
  g_test_add_func ("/channel/levels/writing", test_writing);
  g_test_add_func ("/channel/levels/direct", test_direct);
  g_test_add_func ("/channel/levels/given-up", test_given_up);
  g_test_add_func ("/channel/levels/steal", test_steal);
  g_test_add_func ("/channel/levels/changed-by-handler", test_changed_by_handler);
  return g_test_run ();
}

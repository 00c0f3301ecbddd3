/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels on GIO streams that have a descriptor of their own, and what is refused. */

#include "channel/channel-fixture.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>

static GSocket *
make_socket (int *peer)
{
  GError *error = NULL;
  GSocket *socket;
  int fd;

  make_sockets (&fd, peer);
  socket = g_socket_new_from_fd (fd, &error);
  g_assert_no_error (error);
  return socket;
}

static KaaIOChannel *
open_stream (gpointer       stream,
             KaaIOCondition mode)
{
  GError *error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_stream (stream, mode, &error);

  g_assert_no_error (error);
  g_assert_nonnull (channel);
  return channel;
}

static void
assert_refused (gpointer       stream,
                KaaIOCondition mode,
                GIOErrorEnum   code)
{
  GError *error = NULL;

  g_assert_null (kaa_io_channel_new_for_stream (stream, mode, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_error_free (error);
}

static void
send_text (KaaIOChannel *channel,
           const char   *text)
{
  KaaInProgress *future = kaa_io_channel_write (channel, (const guint8 *) text, strlen (text));

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_cmpint (kaa_in_progress_get_int (future, NULL), ==, (gint64) strlen (text));
  g_object_unref (future);
}

static void
assert_peer_gets (int         fd,
                  const char *expected)
{
  char buffer[64];
  gssize n = read (fd, buffer, sizeof buffer);

  g_assert_cmpmem (buffer, MAX (n, 0), expected, strlen (expected));
}

static void
close_and_wait (KaaIOChannel *channel)
{
  KaaInProgress *closed = kaa_io_channel_close (channel, KAA_CLOSE_NONE);

  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
}

static void
test_socket (void)
{
  int peer;
  GSocket *socket = make_socket (&peer);
  KaaIOChannel *channel = open_stream (socket, KAA_IO_READ | KAA_IO_WRITE);

  g_assert_cmpint (kaa_io_channel_get_fileno (channel), ==, g_socket_get_fd (socket));
  put_string (peer, "one\n");
  assert_bytes (kaa_io_channel_readline (channel), "one\n");
  send_text (channel, "two\n");
  assert_peer_gets (peer, "two\n");

  close_and_wait (channel);
  g_assert_true (g_socket_is_closed (socket));
  assert_peer_gets (peer, "");

  g_object_unref (channel);
  g_object_unref (socket);
  close (peer);
}

/* The last reference to the stream may be the channel's. */
static void
test_connection (void)
{
  int peer;
  GSocket *socket = make_socket (&peer);
  GSocketConnection *connection = g_socket_connection_factory_create_connection (socket);
  KaaIOChannel *channel = open_stream (connection, KAA_IO_READ | KAA_IO_WRITE);

  g_assert_cmpint (kaa_io_channel_get_fileno (channel), ==, g_socket_get_fd (socket));
  g_object_add_weak_pointer (G_OBJECT (connection), (gpointer *) &connection);
  g_object_unref (connection);
  g_object_unref (socket);
  g_assert_nonnull (connection);

  put_string (peer, "one\n");
  assert_bytes (kaa_io_channel_readline (channel), "one\n");
  finish_channel (channel);
  g_assert_null (connection);
  assert_peer_gets (peer, "");
  close (peer);
}

static void
test_unix_streams (void)
{
  int read_end, write_end;
  GInputStream *in;
  GOutputStream *out;
  KaaIOChannel *reader, *writer;

  make_pipe (&read_end, &write_end);
  in = g_unix_input_stream_new (read_end, TRUE);
  out = g_unix_output_stream_new (write_end, TRUE);
  reader = open_stream (in, KAA_IO_READ);
  writer = open_stream (out, KAA_IO_WRITE);
  g_assert_cmpint (kaa_io_channel_get_fileno (reader), ==, read_end);

  send_text (writer, "line\n");
  assert_bytes (kaa_io_channel_readline (reader), "line\n");
  close_and_wait (writer);
  g_assert_true (g_output_stream_is_closed (out));
  assert_bytes (kaa_io_channel_read (reader), "");
  finish_channel (reader);
  g_assert_true (g_input_stream_is_closed (in));

  g_object_unref (writer);
  g_object_unref (in);
  g_object_unref (out);
}

static void
test_close_fd (void)
{
  int peer;
  GSocket *socket = make_socket (&peer);
  KaaIOChannel *channel = open_stream (socket, KAA_IO_READ | KAA_IO_WRITE);

  kaa_io_channel_set_close_fd (channel, FALSE);
  finish_channel (channel);
  g_assert_false (g_socket_is_closed (socket));
  g_assert_cmpint (g_socket_send (socket, "still", 5, NULL, NULL), ==, 5);
  assert_peer_gets (peer, "still");
  g_object_unref (socket);
  close (peer);
}

static void
test_file (void)
{
  GFileIOStream *both;
  GFile *file = g_file_new_tmp ("kaa-XXXXXX", &both, NULL);
  GFileOutputStream *out;
  GFileInputStream *in;
  KaaIOChannel *channel;
  GError *error = NULL;

  g_object_unref (both);
  out = g_file_replace (file, NULL, FALSE, G_FILE_CREATE_NONE, NULL, &error);
  g_assert_no_error (error);
  channel = open_stream (out, KAA_IO_WRITE);
  send_text (channel, "a line\n");
  close_and_wait (channel);
  g_assert_true (g_output_stream_is_closed (G_OUTPUT_STREAM (out)));
  g_object_unref (channel);
  g_object_unref (out);

  in = g_file_read (file, NULL, &error);
  g_assert_no_error (error);
  channel = open_stream (in, KAA_IO_READ);
  g_assert_cmpint (kaa_io_channel_get_fileno (channel), >=, 0);
  assert_bytes (kaa_io_channel_readline (channel), "a line\n");
  close_and_wait (channel);
  g_assert_true (g_input_stream_is_closed (G_INPUT_STREAM (in)));
  g_object_unref (channel);
  g_object_unref (in);

  g_file_delete (file, NULL, NULL);
  g_object_unref (file);
}

static void
test_refused (void)
{
  GInputStream *memory = g_memory_input_stream_new ();
  GObject *object = g_object_new (G_TYPE_CANCELLABLE, NULL);
  GSocket *datagram = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  int peer;
  GSocket *socket = make_socket (&peer);
  KaaIOChannel *channel = open_stream (socket, KAA_IO_READ | KAA_IO_WRITE);
  GError *error = NULL;

  assert_refused (memory, KAA_IO_WRITE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (memory, KAA_IO_READ | KAA_IO_WRITE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (memory, 0, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (object, KAA_IO_READ, G_IO_ERROR_NOT_SUPPORTED);
  assert_refused (datagram, KAA_IO_READ, G_IO_ERROR_NOT_SUPPORTED);

  g_assert_true (g_input_stream_set_pending (memory, NULL));
  assert_refused (memory, KAA_IO_READ, G_IO_ERROR_PENDING);
  g_input_stream_clear_pending (memory);
  g_input_stream_close (memory, NULL, NULL);
  assert_refused (memory, KAA_IO_READ, G_IO_ERROR_CLOSED);

  /* The channel is unchanged. */
  g_assert_false (kaa_io_channel_wrap_stream (channel, object, KAA_IO_READ, &error));
  g_clear_error (&error);
  put_string (peer, "still here\n");
  assert_bytes (kaa_io_channel_readline (channel), "still here\n");

  finish_channel (channel);
  g_object_unref (socket);
  g_object_unref (datagram);
  g_object_unref (object);
  g_object_unref (memory);
  close (peer);
}

/* What the channel had open is closed first. */
static void
test_wrap_again (void)
{
  int first, second;
  GSocket *a = make_socket (&first);
  GSocket *b = make_socket (&second);
  KaaIOChannel *channel = open_stream (a, KAA_IO_READ | KAA_IO_WRITE);
  GError *error = NULL;

  g_assert_true (kaa_io_channel_wrap_stream (channel, G_OBJECT (b), KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  g_assert_true (g_socket_is_closed (a));
  put_string (second, "two\n");
  assert_bytes (kaa_io_channel_readline (channel), "two\n");

  finish_channel (channel);
  g_object_unref (a);
  g_object_unref (b);
  close (first);
  close (second);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/stream/descriptor/socket", test_socket);
  g_test_add_func ("/stream/descriptor/connection", test_connection);
  g_test_add_func ("/stream/descriptor/unix-streams", test_unix_streams);
  g_test_add_func ("/stream/descriptor/close-fd", test_close_fd);
  g_test_add_func ("/stream/descriptor/file", test_file);
  g_test_add_func ("/stream/descriptor/wrap-again", test_wrap_again);
  g_test_add_func ("/stream/refused", test_refused);

  return g_test_run ();
}

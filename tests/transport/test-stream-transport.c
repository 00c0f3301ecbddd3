/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels on streams without a descriptor: memory, converters, buffers, TLS. */

#include "channel/channel-fixture.h"
#include "transport/tls-fixture.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <signal.h>

/* --- Memory, converters, buffers --- */

static void
test_memory (void)
{
  GInputStream *in = g_memory_input_stream_new_from_data ("one\ntwo\nrest", -1, NULL);
  KaaIOChannel *channel = open_stream (in, KAA_IO_READ);

  g_assert_cmpint (kaa_io_channel_get_fileno (channel), ==, -1);
  begin_events ();
  note_signal (channel, "readline");
  note_signal (channel, "closed");
  spin_until (!kaa_io_channel_get_alive (channel));
  settle ();
  assert_events ("L[one|] L[two|] L[rest] hung-up");
  end_events ();
  g_assert_true (g_input_stream_is_closed (in));
  g_object_unref (channel);
  g_object_unref (in);
}

static void
test_memory_written (void)
{
  GOutputStream *out = g_memory_output_stream_new_resizable ();
  KaaIOChannel *channel = open_stream (out, KAA_IO_WRITE);
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (out);

  g_object_unref (write_text (channel, "one "));
  g_object_unref (write_text (channel, "two"));
  close_and_wait (channel);
  g_assert_cmpmem (g_memory_output_stream_get_data (memory), g_memory_output_stream_get_data_size (memory), "one two", 7);
  g_assert_true (g_output_stream_is_closed (out));
  g_object_unref (channel);
  g_object_unref (out);
}

/* R1: nobody is interested, so nothing is read, and there is nothing that could wake the loop. */
static void
test_not_wanted (void)
{
  GInputStream *in = g_memory_input_stream_new_from_data ("data\n", -1, NULL);
  KaaIOChannel *channel = open_stream (in, KAA_IO_READ);

  assert_at_rest ();
  g_assert_cmpint (g_seekable_tell (G_SEEKABLE (in)), ==, 0);
  assert_bytes (kaa_io_channel_readline (channel), "data\n");
  finish_channel (channel);
  g_object_unref (in);
}

/* Compressed on one side of a socket pair and decompressed on the other: what is written arrives, though the
 * compressor would rather wait for more. */
static void
test_converter (void)
{
  GConverter *compressor = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, -1));
  GConverter *decompressor = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB));
  GSocketConnection *a, *b;
  GOutputStream *out;
  GInputStream *in;
  KaaIOChannel *writer, *reader;

  make_connections (&a, &b);
  out = g_converter_output_stream_new (g_io_stream_get_output_stream (G_IO_STREAM (a)), compressor);
  in = g_converter_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (b)), decompressor);
  writer = open_stream (out, KAA_IO_WRITE);
  reader = open_stream (in, KAA_IO_READ);

  for (guint i = 0; i < 3; i++)
    {
      g_object_unref (write_text (writer, "a line\n"));
      assert_bytes (kaa_io_channel_readline (reader), "a line\n");
    }
  transfer (writer, reader, 3 * 1024 * 1024);

  close_and_wait (writer);
  g_io_stream_close (G_IO_STREAM (a), NULL, NULL);
  assert_bytes (kaa_io_channel_read (reader), "");
  finish_channel (reader);
  g_object_unref (writer);
  g_object_unref (in);
  g_object_unref (out);
  g_object_unref (a);
  g_object_unref (b);
  g_object_unref (compressor);
  g_object_unref (decompressor);
}

/* Neither can be polled: asynchronous calls. */
static void
test_buffered (void)
{
  GSocketConnection *a, *b;
  GOutputStream *out;
  GInputStream *in;
  KaaIOChannel *writer, *reader;

  make_connections (&a, &b);
  out = g_buffered_output_stream_new (g_io_stream_get_output_stream (G_IO_STREAM (a)));
  in = g_buffered_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (b)));
  writer = open_stream (out, KAA_IO_WRITE);
  reader = open_stream (in, KAA_IO_READ);

  assert_at_rest ();
  g_object_unref (write_text (writer, "a line\n"));
  assert_bytes (kaa_io_channel_readline (reader), "a line\n");
  transfer (writer, reader, 3 * 1024 * 1024);

  close_and_wait (writer);
  g_assert_true (g_output_stream_is_closed (out));
  g_io_stream_close (G_IO_STREAM (a), NULL, NULL);
  assert_bytes (kaa_io_channel_read (reader), "");
  finish_channel (reader);
  g_object_unref (writer);
  g_object_unref (in);
  g_object_unref (out);
  g_object_unref (a);
  g_object_unref (b);
}

/* What the stream has read ahead is delivered, though there is no more than that. */
static void
test_read_ahead (void)
{
  GSocketConnection *a, *b;
  GInputStream *in;
  KaaIOChannel *reader;
  char buffer[4];

  make_connections (&a, &b);
  in = G_INPUT_STREAM (g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (b))));
  put_string (g_socket_get_fd (g_socket_connection_get_socket (a)), "abcdone\n");
  g_assert_cmpint (g_input_stream_read (in, buffer, 4, NULL, NULL), ==, 4);
  reader = open_stream (in, KAA_IO_READ);
  assert_bytes (kaa_io_channel_readline (reader), "one\n");
  finish_channel (reader);
  g_object_unref (in);
  g_object_unref (a);
  g_object_unref (b);
}

/* A read is under way in the stream when the channel is closed. */
static void
test_close_during_call (gconstpointer data)
{
  KaaCloseFlags flags = GPOINTER_TO_UINT (data);
  GSocketConnection *a, *b;
  KaaInProgress *line, *closed;
  KaaIOChannel *reader;
  GInputStream *in;

  make_connections (&a, &b);
  in = g_buffered_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (b)));
  reader = open_stream (in, KAA_IO_READ);
  line = kaa_io_channel_readline (reader);
  settle ();
  closed = kaa_io_channel_close (reader, flags);
  assert_bytes (line, "");
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  g_object_unref (reader);
  spin_until (g_input_stream_is_closed (in));
  g_object_unref (in);
  g_object_unref (a);
  g_object_unref (b);
}

static void
on_sigpipe (int number)
{
  g_assert_not_reached ();
}

/* W7: GUnixOutputStream lets SIGPIPE come; two pipes in one stream are not used by descriptor. */
static void
test_broken_pipe (void)
{
  int read_end, write_end, other_end;
  GInputStream *in;
  GOutputStream *out;
  GIOStream *both;
  KaaIOChannel *channel;
  KaaInProgress *future;
  GError *error = NULL;
  struct sigaction before, action = { 0, };

  action.sa_handler = on_sigpipe;
  g_assert_cmpint (sigaction (SIGPIPE, &action, &before), ==, 0);
  make_pipe (&read_end, &other_end);
  in = g_unix_input_stream_new (read_end, TRUE);
  make_pipe (&read_end, &write_end);
  out = g_unix_output_stream_new (write_end, TRUE);
  both = g_simple_io_stream_new (in, out);
  channel = open_stream (both, KAA_IO_READ | KAA_IO_WRITE);

  put_string (other_end, "in\n");
  assert_bytes (kaa_io_channel_readline (channel), "in\n");
  close (read_end);
  future = write_text (channel, "out\n");
  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_error_free (error);
  g_object_unref (future);

  finish_channel (channel);
  g_assert_cmpint (sigaction (SIGPIPE, &before, NULL), ==, 0);
  g_object_unref (both);
  g_object_unref (in);
  g_object_unref (out);
  close (other_end);
}

static void
test_steal (void)
{
  GInputStream *in = g_memory_input_stream_new_from_data ("one\ntwo\nthree\n", -1, NULL);
  KaaIOChannel *first = open_stream (in, KAA_IO_READ);
  KaaIOChannel *second = kaa_io_channel_new ();
  KaaIOChannel *third = kaa_io_channel_new ();
  GError *error = NULL;

  kaa_io_channel_set_chunk_size (first, 5);
  assert_bytes (kaa_io_channel_readline (first), "one\n");
  g_assert_true (kaa_io_channel_steal (second, first, &error));
  g_assert_no_error (error);
  kaa_io_channel_set_chunk_size (second, 5);
  assert_bytes (kaa_io_channel_readline (second), "two\n");
  g_assert_true (kaa_io_channel_wrap_channel (third, second, KAA_IO_READ, &error));
  g_assert_no_error (error);
  assert_queue (second, "th");
  assert_bytes (kaa_io_channel_readline (third), "ree\n");

  finish_channel (third);
  g_assert_true (g_input_stream_is_closed (in));
  g_object_unref (first);
  g_object_unref (second);
  g_object_unref (in);
}

/* --- TLS --- */

static void
test_tls_lines (void)
{
  KaaIOChannel *client, *server;

  if (!open_tls_pair (&client, &server))
    return;

  /* The client only reads at first: that begins the handshake as well. */
  g_object_unref (write_text (server, "welcome\n"));
  assert_bytes (kaa_io_channel_readline (client), "welcome\n");
  g_object_unref (write_text (client, "hello\n"));
  assert_bytes (kaa_io_channel_readline (server), "hello\n");
  assert_at_rest ();
  finish_channel (client);
  finish_channel (server);
}

static void
test_tls_large (void)
{
  KaaIOChannel *client, *server;

  if (!open_tls_pair (&client, &server))
    return;

  transfer (client, server, 4 * 1024 * 1024);
  transfer (server, client, 4 * 1024 * 1024);
  finish_channel (client);
  finish_channel (server);
}

/* The close says so to the other side, after all that was written, and though a session ticket is unread. */
static void
test_tls_close_notify (void)
{
  KaaIOChannel *client, *server;
  KaaInProgress *closed, *all;

  if (!open_tls_pair (&client, &server))
    return;

  g_object_unref (write_text (client, "last words"));
  closed = kaa_io_channel_close (client, KAA_CLOSE_NONE);
  all = kaa_io_channel_read_exactly (server, 100);
  assert_bytes (all, "last words");
  assert_bytes (kaa_io_channel_read (server), "");
  spin_until (!kaa_io_channel_get_alive (server));
  g_assert_null (kaa_io_channel_get_error (server));
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  g_object_unref (client);
  finish_channel (server);
}

static void
test_tls_half_close (void)
{
  KaaIOChannel *client, *server;

  if (!open_tls_pair (&client, &server))
    return;

  kaa_io_channel_set_close_on_eof (server, FALSE);
  g_object_unref (write_text (client, "question"));
  g_object_unref (kaa_io_channel_shutdown (client, KAA_IO_WRITE));
  assert_bytes (kaa_io_channel_read_exactly (server, 100), "question");
  g_object_unref (write_text (server, "answer\n"));
  assert_bytes (kaa_io_channel_readline (client), "answer\n");
  finish_channel (client);
  finish_channel (server);
}

/* An end that was not announced may be an attacker's. */
static void
test_tls_truncated (void)
{
  KaaIOChannel *client, *server;
  KaaInProgress *line;
  GError *error = NULL;

  if (!open_tls_pair (&client, &server))
    return;

  g_object_unref (write_text (server, "one\n"));
  assert_bytes (kaa_io_channel_readline (client), "one\n");
  line = kaa_io_channel_readline (client);
  finish_channel (server);
  spin_until (kaa_in_progress_get_finished (line));
  g_assert_null (kaa_in_progress_get_result (line, &error));
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_clear_error (&error);
  g_object_unref (line);
  spin_until (!kaa_io_channel_get_alive (client));
  g_assert_error (kaa_io_channel_get_error (client), G_TLS_ERROR, G_TLS_ERROR_EOF);
  finish_channel (client);
}

static void
test_tls_handshake_fails (void)
{
  KaaIOChannel *client, *server;
  KaaInProgress *line;
  GError *error = NULL;

  accept_certificates = FALSE;
  if (!open_tls_pair (&client, &server))
    return;

  g_object_unref (write_text (server, "secret\n"));
  line = kaa_io_channel_readline (client);
  spin_until (kaa_in_progress_get_finished (line));
  accept_certificates = TRUE;
  g_assert_null (kaa_in_progress_get_result (line, &error));
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_clear_error (&error);
  g_object_unref (line);
  spin_until (!kaa_io_channel_get_alive (client));
  g_assert_error (kaa_io_channel_get_error (client), G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  finish_channel (client);
  finish_channel (server);
}

/* The other side never answers: the handshake waits in a thread, and a close does not wait for it. */
static void
test_tls_silent_peer (gconstpointer data)
{
  KaaCloseFlags flags = GPOINTER_TO_UINT (data);
  GSocketConnection *a, *b;
  KaaInProgress *closed;
  KaaIOChannel *client;
  GIOStream *tls;

  if (!have_tls ())
    return;

  make_connections (&a, &b);
  tls = new_tls_client (G_IO_STREAM (a));
  client = open_stream (tls, KAA_IO_READ | KAA_IO_WRITE);
  kaa_io_channel_set_linger (client, 0.05);
  g_object_unref (kaa_io_channel_readline (client));
  note_future_quietly (kaa_io_channel_readline (client));
  settle ();
  closed = kaa_io_channel_close (client, flags);
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  g_object_unref (client);
  spin_until (g_io_stream_is_closed (tls));
  g_object_unref (tls);
  g_object_unref (a);
  g_object_unref (b);
}

/* --- openssl s_server --- */

static void
test_openssl (gconstpointer wrapped)
{
  GSocketClient *connector = g_socket_client_new ();
  GSocketConnection *connection;
  GError *error = NULL;
  GIOStream *stream;
  KaaIOChannel *channel;
  Server server;

  if (!start_openssl (&server))
    {
      g_object_unref (connector);
      return;
    }

  if (wrapped)
    {
      g_socket_client_set_tls (connector, TRUE);
      g_signal_connect (connector, "event", G_CALLBACK (on_client_event), NULL);
    }
  connection = g_socket_client_connect_to_host (connector, "127.0.0.1", server.port, NULL, &error);
  g_assert_no_error (error);
  if (wrapped)
    {
      g_assert_true (G_IS_TCP_WRAPPER_CONNECTION (connection));
      stream = g_object_ref (G_IO_STREAM (connection));
    }
  else
    {
      stream = new_tls_client (G_IO_STREAM (connection));
    }

  channel = open_stream (stream, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (write_text (channel, "abc\nhello\n"));
  assert_bytes (kaa_io_channel_readline (channel), "cba\n");
  assert_bytes (kaa_io_channel_readline (channel), "olleh\n");
  g_assert_cmpint (kaa_io_channel_get_fileno (channel), ==, -1);
  close_and_wait (channel);
  g_assert_true (g_io_stream_is_closed (stream));
  g_assert_true (g_socket_is_closed (g_socket_connection_get_socket (connection)));

  g_object_unref (channel);
  g_object_unref (stream);
  g_object_unref (connection);
  g_object_unref (connector);
  stop_openssl (&server);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  make_certificate ();

  g_test_add_func ("/stream-transport/memory/read", test_memory);
  g_test_add_func ("/stream-transport/memory/written", test_memory_written);
  g_test_add_func ("/stream-transport/R1/not-wanted", test_not_wanted);
  g_test_add_func ("/stream-transport/converter", test_converter);
  g_test_add_func ("/stream-transport/buffered", test_buffered);
  g_test_add_func ("/stream-transport/read-ahead", test_read_ahead);
  g_test_add_data_func ("/stream-transport/close-during-call/flushed", GUINT_TO_POINTER (KAA_CLOSE_NONE), test_close_during_call);
  g_test_add_data_func ("/stream-transport/close-during-call/immediate", GUINT_TO_POINTER (KAA_CLOSE_IMMEDIATE),
                        test_close_during_call);
  g_test_add_func ("/stream-transport/W7/broken-pipe", test_broken_pipe);
  g_test_add_func ("/stream-transport/steal", test_steal);
  g_test_add_func ("/stream-transport/tls/lines", test_tls_lines);
  g_test_add_func ("/stream-transport/tls/large", test_tls_large);
  g_test_add_func ("/stream-transport/tls/close-notify", test_tls_close_notify);
  g_test_add_func ("/stream-transport/tls/half-close", test_tls_half_close);
  g_test_add_func ("/stream-transport/tls/truncated", test_tls_truncated);
  g_test_add_func ("/stream-transport/tls/handshake-fails", test_tls_handshake_fails);
  g_test_add_data_func ("/stream-transport/tls/silent-peer/lingering", GUINT_TO_POINTER (KAA_CLOSE_NONE), test_tls_silent_peer);
  g_test_add_data_func ("/stream-transport/tls/silent-peer/immediate", GUINT_TO_POINTER (KAA_CLOSE_IMMEDIATE),
                        test_tls_silent_peer);
  g_test_add_data_func ("/stream-transport/tls/openssl/connection", GUINT_TO_POINTER (FALSE), test_openssl);
  g_test_add_data_func ("/stream-transport/tls/openssl/wrapped", GUINT_TO_POINTER (TRUE), test_openssl);

  result = g_test_run ();
  remove_certificate ();
  return result;
}

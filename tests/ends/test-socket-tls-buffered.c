/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS of which the beginning was read already: behind a line of the PROXY protocol, in pieces, or none at all. */

#include "ends/socket-fixture.h"
#include "transport/tls-fixture.h"

#define PROXY "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"

/* A client and a server, and who carries the bytes between them. */
typedef struct
{
  KaaSocket *client, *server;
  int near_client, near_server;
  KaaIOChannel *between[2];   /* on the two, once it carries by itself */
} Relay;

static KaaSocket *
open_socket (int fd)
{
  KaaSocket *self = kaa_socket_new ();
  GError *error = NULL;

  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (self), fd, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  return self;
}

static void
open_relay (Relay *relay)
{
  int fds[2];

  *relay = (Relay) { 0, };
  make_sockets (&fds[0], &relay->near_client);
  make_sockets (&fds[1], &relay->near_server);
  relay->client = open_socket (fds[0]);
  relay->server = open_socket (fds[1]);
}

static void
start_relay (Relay *relay)
{
  relay->between[0] = open_fd (relay->near_client, KAA_IO_READ | KAA_IO_WRITE);
  relay->between[1] = open_fd (relay->near_server, KAA_IO_READ | KAA_IO_WRITE);
  for (guint i = 0; i < 2; i++)
    note_future_quietly (kaa_io_channel_splice (relay->between[i], relay->between[1 - i], KAA_SPLICE_NONE));
}

static void
close_relay (Relay *relay)
{
  finish_socket (relay->client);
  finish_socket (relay->server);
  if (relay->between[0] != NULL)
    {
      finish_channel (relay->between[0]);
      finish_channel (relay->between[1]);
    }
  else
    {
      close (relay->near_client);
      close (relay->near_server);
    }
}

static KaaInProgress *
start_client (KaaSocket *self)
{
  GSocketConnectable *identity = g_network_address_new ("localhost", 0);
  KaaInProgress *future = kaa_socket_start_tls (self, identity, NULL);

  g_signal_connect (kaa_socket_get_tls_connection (self), "accept-certificate", G_CALLBACK (on_accept), NULL);
  g_object_unref (identity);
  return future;
}

static KaaInProgress *
start_buffered (KaaSocket *self)
{
  return kaa_socket_start_tls_buffered (self, NULL, certificate, NULL);
}

static gboolean
on_tick (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* A thread writes them, which does not wake the loop. */
static void
wait_for_bytes (int fd,
                int n)
{
  guint tick = g_timeout_add (1, on_tick, NULL);

  spin_until (get_waiting (fd) >= n);
  g_source_remove (tick);
}

/* What the client begins TLS with. */
static gsize
take_hello (Relay *relay,
            char  *hello,
            gsize  size)
{
  gssize n;

  wait_for_bytes (relay->near_client, 6);
  n = read (relay->near_client, hello, size);
  g_assert_cmpint (n, >, 5);
  g_assert_cmpint (n, <, (gssize) size);
  return n;
}

/* The proxy's line, and the beginning of TLS in the same segment. */
static void
put_behind_line (Relay      *relay,
                 const char *hello,
                 gsize       length)
{
  GByteArray *segment = g_byte_array_new ();

  g_byte_array_append (segment, (const guint8 *) PROXY, strlen (PROXY));
  g_byte_array_append (segment, (const guint8 *) hello, length);
  put (relay->near_server, segment->data, segment->len);
  g_byte_array_unref (segment);
}

static gsize
get_queued (KaaSocket *self)
{
  GBytes *bytes = kaa_io_channel_peek (KAA_IO_CHANNEL (self));
  gsize length = g_bytes_get_size (bytes);

  g_bytes_unref (bytes);
  return length;
}

static void
assert_talks (Relay *relay)
{
  say_and_forget (relay->client, "hello\n");
  assert_bytes (readline_of (relay->server), "hello\n");
  say_and_forget (relay->server, "welcome\n");
  assert_bytes (readline_of (relay->client), "welcome\n");
  transfer (KAA_IO_CHANNEL (relay->client), KAA_IO_CHANNEL (relay->server), 1000000);
  transfer (KAA_IO_CHANNEL (relay->server), KAA_IO_CHANNEL (relay->client), 1000000);
  assert_at_rest ();
}

static void
assert_tls_error (KaaInProgress *future)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_cmpuint (error->domain, ==, G_TLS_ERROR);
  g_error_free (error);
  g_object_unref (future);
}

/* --- The tests --- */

/* The whole hello at once, all but a byte, nothing, and pieces of a record's header: the rest follows. */
static void
test_pieces (void)
{
  char hello[16384];
  gsize length = G_MAXSIZE;

  if (!have_tls ())
    return;

  for (guint i = 0; i < 8; i++)
    {
      KaaInProgress *client, *server;
      Relay relay;
      gsize at;

      open_relay (&relay);
      client = start_client (relay.client);
      length = take_hello (&relay, hello, sizeof hello);
      at = ((gsize[]) { length, length - 1, length / 2, 6, 5, 3, 1, 0 })[i];
      g_test_message ("%" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT " bytes", at, length);
      put_behind_line (&relay, hello, at);
      assert_bytes (readline_of (relay.server), PROXY);
      g_assert_cmpuint (get_queued (relay.server), ==, at);

      /* Only by saying so. */
      if (at > 0)
        {
          assert_fails (kaa_socket_start_tls (relay.server, NULL, certificate), G_IO_ERROR_INVALID_DATA);
          g_assert_cmpuint (get_queued (relay.server), ==, at);
        }
      server = start_buffered (relay.server);
      g_assert_cmpuint (get_queued (relay.server), ==, 0);
      settle ();
      put (relay.near_server, hello + at, length - at);
      start_relay (&relay);
      wait_true (server);
      wait_true (client);
      assert_talks (&relay);
      close_relay (&relay);
    }
}

/* Over TCP, with nobody in between. */
static void
test_tcp (void)
{
  KaaInProgress *accepted, *client;
  KaaSocket *listener;
  Relay pair = { 0, };
  char *address;

  if (!have_tls ())
    return;

  listener = start_server (&address);
  accepted = kaa_socket_accept (listener);
  pair.client = connect_client (address);
  pair.server = wait_client (accepted);
  say_and_forget (pair.client, PROXY);
  client = start_client (pair.client);
  wait_for_bytes (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.server)), strlen (PROXY) + 6);
  assert_bytes (readline_of (pair.server), PROXY);
  g_assert_cmpuint (get_queued (pair.server), >, 0);
  wait_true (start_buffered (pair.server));
  wait_true (client);
  g_assert_true (kaa_socket_get_connected (pair.server));
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.server)), >=, 0);
  assert_talks (&pair);

  /* An end that is told, in both directions. */
  close_and_wait (KAA_IO_CHANNEL (pair.server));
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (pair.client)), "");
  finish_socket (pair.client);
  finish_socket (pair.server);
  finish_socket (listener);
  g_free (address);
}

/* Who is given chunks has the beginning of TLS in his own hands. */
static void
on_chunk (KaaSocket      *self,
          GBytes         *chunk,
          KaaInProgress **future)
{
  gsize length = g_bytes_get_size (chunk);
  GBytes *rest;

  g_assert_cmpuint (length, >, strlen (PROXY));
  rest = g_bytes_new_from_bytes (chunk, strlen (PROXY), length - strlen (PROXY));
  g_signal_handlers_disconnect_by_func (self, on_chunk, future);
  *future = kaa_socket_start_tls_buffered (self, NULL, certificate, rest);
  g_bytes_unref (rest);
}

static void
on_line (KaaSocket      *self,
         GBytes         *line,
         KaaInProgress **future)
{
  g_signal_handlers_disconnect_by_func (self, on_line, future);
  *future = start_buffered (self);
}

static void
test_in_handler (gconstpointer name)
{
  gboolean by_chunk = g_str_equal (name, "read");
  KaaInProgress *client, *server = NULL;
  char hello[16384];
  Relay relay;
  gsize length;

  if (!have_tls ())
    return;

  open_relay (&relay);
  client = start_client (relay.client);
  length = take_hello (&relay, hello, sizeof hello);
  put_behind_line (&relay, hello, length);
  g_signal_connect (relay.server, name, by_chunk ? G_CALLBACK (on_chunk) : G_CALLBACK (on_line), &server);
  spin_until (server != NULL);
  start_relay (&relay);
  wait_true (server);
  wait_true (client);
  assert_talks (&relay);
  close_relay (&relay);
}

/* taken comes first, then what is in the queue, then the rest. */
static void
test_three_parts (void)
{
  KaaInProgress *client, *server;
  char hello[16384];
  Relay relay;
  GBytes *taken;
  gsize length;

  if (!have_tls ())
    return;

  open_relay (&relay);
  client = start_client (relay.client);
  length = take_hello (&relay, hello, sizeof hello);
  taken = g_bytes_new (hello, 10);
  put_behind_line (&relay, hello + 10, 20);
  assert_bytes (readline_of (relay.server), PROXY);
  server = kaa_socket_start_tls_buffered (relay.server, NULL, certificate, taken);
  g_bytes_unref (taken);
  settle ();
  put (relay.near_server, hello + 30, length - 30);
  start_relay (&relay);
  wait_true (server);
  wait_true (client);
  assert_talks (&relay);
  close_relay (&relay);
}

/* A client says the same, though nothing may have come: and a server may connect to its client. */
static void
test_client (void)
{
  GSocketConnectable *identity = g_network_address_new ("localhost", 0);
  KaaInProgress *client, *server;
  Relay relay;

  if (!have_tls ())
    {
      g_object_unref (identity);
      return;
    }

  open_relay (&relay);
  start_relay (&relay);
  client = kaa_socket_start_tls_buffered (relay.client, identity, NULL, NULL);
  g_signal_connect (kaa_socket_get_tls_connection (relay.client), "accept-certificate", G_CALLBACK (on_accept), NULL);
  server = start_buffered (relay.server);
  wait_true (client);
  wait_true (server);
  assert_talks (&relay);
  close_relay (&relay);

  /* What is no TLS ends it. */
  open_relay (&relay);
  put_string (relay.near_client, "220 ready\r\nthis is no handshake\r\n");
  assert_bytes (readline_of (relay.client), "220 ready\r\n");
  client = kaa_socket_start_tls_buffered (relay.client, identity, NULL, NULL);
  assert_tls_error (client);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (relay.client)));
  g_assert_nonnull (kaa_io_channel_get_error (KAA_IO_CHANNEL (relay.client)));
  close_relay (&relay);
  g_object_unref (identity);
}

static void
test_garbage (void)
{
  static const char *const texts[] = { "GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\xff\xff garbage behind a header that promises much", "\n" };
  KaaInProgress *server, *line;
  Relay relay;

  if (!have_tls ())
    return;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      open_relay (&relay);
      put_behind_line (&relay, texts[i], strlen (texts[i]));
      assert_bytes (readline_of (relay.server), PROXY);
      server = start_buffered (relay.server);
      line = readline_of (relay.server);
      /* Nothing more comes. */
      shutdown (relay.near_server, SHUT_WR);
      assert_tls_error (server);
      spin_until (kaa_in_progress_get_finished (line));
      g_assert_true (kaa_in_progress_get_failed (line));
      g_object_unref (line);
      g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (relay.server)));
      g_assert_cmpuint (get_queued (relay.server), ==, 0);
      close_relay (&relay);
    }
}

/* What is refused has taken nothing. */
static void
test_refused (void)
{
  KaaSocket *unconnected = kaa_socket_new ();
  KaaInProgress *server;
  Relay relay;

  if (!have_tls ())
    {
      g_object_unref (unconnected);
      return;
    }

  assert_fails (start_buffered (unconnected), G_IO_ERROR_NOT_CONNECTED);
  g_object_unref (unconnected);

  open_relay (&relay);
  put_behind_line (&relay, "more", 4);
  assert_bytes (readline_of (relay.server), PROXY);
  assert_fails (kaa_socket_start_tls_buffered (relay.server, NULL, NULL, NULL), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (get_queued (relay.server), ==, 4);
  g_assert_true (kaa_socket_get_connected (relay.server));
  put_string (relay.near_server, "\n");
  assert_bytes (readline_of (relay.server), "more\n");

  server = start_buffered (relay.server);
  assert_fails (start_buffered (relay.server), G_IO_ERROR_PENDING);
  note_future_quietly (server);
  close_relay (&relay);
}

/* However it ends, nothing is left. */
static void
on_started (GObject      *source,
            GAsyncResult *result,
            gpointer      done)
{
  GError *error = NULL;

  g_assert_false (kaa_socket_start_tls_buffered_finish (KAA_SOCKET (source), result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_error_free (error);
  *(gboolean *) done = TRUE;
}

static void
test_given_up (void)
{
  GError *error = NULL;
  guint fds = 0;

  if (!have_tls ())
    return;

  for (guint i = 0; i < 8; i++)
    {
      GCancellable *cancellable = g_cancellable_new ();
      KaaInProgress *server;
      gboolean done = FALSE;
      Relay relay;

      open_relay (&relay);
      put_behind_line (&relay, "\x16\x03\x01\x02", 4);
      assert_bytes (readline_of (relay.server), PROXY);
      switch (i % 4)
        {
        case 0:
          server = start_buffered (relay.server);
          settle ();
          g_assert_true (kaa_in_progress_abort (server, &error));
          assert_fails (server, G_IO_ERROR_CANCELLED);
          break;
        case 1:
          kaa_socket_start_tls_buffered_async (relay.server, NULL, certificate, NULL, cancellable, on_started, &done);
          settle ();
          g_cancellable_cancel (cancellable);
          spin_until (done);
          break;
        case 2:
          server = start_buffered (relay.server);
          finish_socket (g_object_ref (relay.server));
          assert_fails (server, G_IO_ERROR_CLOSED);
          break;
        default:
          /* Before it has begun. */
          g_object_unref (start_buffered (relay.server));
          break;
        }
      close_relay (&relay);
      g_object_unref (cancellable);
      /* The first ones are GIO's, for good. */
      if (i < 4)
        fds = MAX (fds, count_fds ());
      else
        spin_until (count_fds () <= fds);
    }
}

/* What was wrapped may be a stream of GIO. */
static void
test_wrapped (void)
{
  GSocketConnection *a, *b;
  KaaInProgress *client, *server;
  GError *error = NULL;
  char hello[16384];
  Relay relay;
  gsize length;

  if (!have_tls ())
    return;

  open_relay (&relay);
  finish_socket (relay.server);
  close (relay.near_server);
  relay.server = kaa_socket_new ();
  make_connections (&a, &b);
  g_assert_true (kaa_io_channel_wrap_stream (KAA_IO_CHANNEL (relay.server), G_OBJECT (a), KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  relay.near_server = dup (g_socket_get_fd (g_socket_connection_get_socket (b)));
  g_object_unref (b);

  client = start_client (relay.client);
  length = take_hello (&relay, hello, sizeof hello);
  put_behind_line (&relay, hello, length);
  assert_bytes (readline_of (relay.server), PROXY);
  server = start_buffered (relay.server);
  start_relay (&relay);
  wait_true (server);
  wait_true (client);
  assert_talks (&relay);
  close_and_wait (KAA_IO_CHANNEL (relay.server));
  g_assert_true (g_socket_is_closed (g_socket_connection_get_socket (a)));
  g_object_unref (a);
  close_relay (&relay);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();
  make_certificate ();
  g_test_add_func ("/socket-tls-buffered/pieces", test_pieces);
  g_test_add_func ("/socket-tls-buffered/tcp", test_tcp);
  g_test_add_data_func ("/socket-tls-buffered/in-handler/read", "read", test_in_handler);
  g_test_add_data_func ("/socket-tls-buffered/in-handler/readline", "readline", test_in_handler);
  g_test_add_func ("/socket-tls-buffered/three-parts", test_three_parts);
  g_test_add_func ("/socket-tls-buffered/client", test_client);
  g_test_add_func ("/socket-tls-buffered/garbage", test_garbage);
  g_test_add_func ("/socket-tls-buffered/refused", test_refused);
  g_test_add_func ("/socket-tls-buffered/given-up", test_given_up);
  g_test_add_func ("/socket-tls-buffered/wrapped", test_wrapped);
  result = g_test_run ();
  remove_certificate ();
  end_sockets ();
  return result;
}

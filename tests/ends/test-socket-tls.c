/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS on sockets: at once, and in mid-stream; what comes before, between and behind. */

#include "ends/socket-fixture.h"
#include "transport/tls-fixture.h"

/* Both ends of a connection over the loopback. */
typedef struct
{
  KaaSocket *listener;
  KaaSocket *client;
  KaaSocket *server;
} Pair;

static void
open_pair (Pair *pair)
{
  KaaInProgress *accepted;
  char *address;

  pair->listener = start_server (&address);
  accepted = kaa_socket_accept (pair->listener);
  pair->client = connect_client (address);
  pair->server = wait_client (accepted);
  g_free (address);
}

/* So that the kernel takes little of what is written, whatever it is tuned to. */
static void
narrow_pair (Pair *pair)
{
  kaa_socket_set_buffer_size (pair->client, 32768);
  kaa_socket_set_buffer_size (pair->server, 32768);
}

static void
close_pair (Pair *pair)
{
  finish_socket (pair->client);
  finish_socket (pair->server);
  finish_socket (pair->listener);
}

static GSocketConnectable *
name_of (const char *host)
{
  return g_network_address_new (host, 0);
}

static KaaInProgress *
start_client (KaaSocket *self)
{
  GSocketConnectable *identity = name_of ("localhost");
  KaaInProgress *future = kaa_socket_start_tls (self, identity, NULL);
  GTlsConnection *connection = kaa_socket_get_tls_connection (self);

  if (connection != NULL)
    g_signal_connect (connection, "accept-certificate", G_CALLBACK (on_accept), NULL);
  g_object_unref (identity);
  return future;
}

static KaaInProgress *
start_other (KaaSocket *self)
{
  return kaa_socket_start_tls (self, NULL, certificate);
}

static void
assert_line (KaaSocket  *self,
             const char *expected)
{
  assert_bytes (readline_of (self), expected);
}

static void
assert_refused (KaaInProgress *future,
                GIOErrorEnum   code,
                const char    *part)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_assert_nonnull (strstr (error->message, part));
  g_error_free (error);
  g_object_unref (future);
}

static void
assert_tls_error (KaaInProgress *future,
                  GTlsError      code)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_TLS_ERROR, (int) code);
  g_error_free (error);
  g_object_unref (future);
}

/* --- Agreeing --- */

static void
test_both (void)
{
  KaaInProgress *client, *server;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  g_assert_null (kaa_socket_get_tls_connection (pair.client));
  client = start_client (pair.client);
  server = start_other (pair.server);
  g_assert_true (G_IS_TLS_CLIENT_CONNECTION (kaa_socket_get_tls_connection (pair.client)));
  g_assert_true (G_IS_TLS_SERVER_CONNECTION (kaa_socket_get_tls_connection (pair.server)));
  g_assert_false (kaa_in_progress_get_finished (client));
  wait_true (client);
  wait_true (server);

  say_and_forget (pair.client, "hello\n");
  assert_line (pair.server, "hello\n");
  say_and_forget (pair.server, "welcome\n");
  assert_line (pair.client, "welcome\n");
  g_assert_true (kaa_socket_get_connected (pair.client));
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.client)), >=, 0);
  assert_at_rest ();
  close_pair (&pair);
}

/* STARTTLS: asked for and granted in plain text, and what is queued before the call goes out before it. */
static void
test_mid_stream (void)
{
  KaaInProgress *client, *server;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  say_and_forget (pair.client, "STARTTLS\n");
  assert_line (pair.server, "STARTTLS\n");
  say_and_forget (pair.server, "220 ");
  say_and_forget (pair.server, "go ahead\n");
  server = start_other (pair.server);
  say_and_forget (pair.server, "protected\n");
  assert_line (pair.client, "220 go ahead\n");
  client = start_client (pair.client);
  wait_true (client);
  wait_true (server);
  assert_line (pair.client, "protected\n");
  close_pair (&pair);
}

/* So much that it cannot go out at once: not a byte of it is protected, and all behind it is. */
static void
test_much_before (void)
{
  const gsize length = 4 * 1024 * 1024;
  GString *text = g_string_new (NULL);
  KaaInProgress *plain, *all, *client, *server, *aborted;
  GError *error = NULL;
  GBytes *bytes;
  Pair pair;

  if (!have_tls ())
    {
      g_string_free (text, TRUE);
      return;
    }

  open_pair (&pair);
  narrow_pair (&pair);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (pair.server), 2 * length);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (pair.client), 2 * length);
  while (text->len < length)
    g_string_append (text, "in plain text\n");
  bytes = g_bytes_new_static (text->str, length);
  plain = kaa_io_channel_write_bytes (KAA_IO_CHANNEL (pair.server), bytes);
  aborted = say (pair.server, "abort me");
  server = start_other (pair.server);
  say_and_forget (pair.server, "protected\n");

  /* W5: the gate counts what is to pass. */
  g_assert_false (kaa_in_progress_abort (aborted, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT);
  g_clear_error (&error);
  g_object_unref (aborted);

  all = kaa_io_channel_read_exactly (KAA_IO_CHANNEL (pair.client), length + 8);
  spin_until (kaa_in_progress_get_finished (all));
  g_bytes_unref (bytes);
  g_string_append (g_string_truncate (text, length), "abort me");
  bytes = kaa_in_progress_get_bytes (all, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text->str, text->len);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (KAA_IO_CHANNEL (pair.client)), ==, 0);
  spin_until (kaa_in_progress_get_finished (plain));
  g_assert_cmpint (kaa_in_progress_get_int (plain, NULL), ==, (gint64) length);
  g_object_unref (plain);
  g_object_unref (all);

  client = start_client (pair.client);
  assert_line (pair.client, "protected\n");
  wait_true (client);
  wait_true (server);
  g_bytes_unref (bytes);
  g_string_free (text, TRUE);
  close_pair (&pair);
}

/* What is asked for before the handshake is done gets what is protected. */
static void
test_pending (void)
{
  KaaInProgress *line, *client, *server;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  line = readline_of (pair.client);
  settle ();
  client = start_client (pair.client);
  server = start_other (pair.server);
  say_and_forget (pair.server, "one\ntwo\n");
  assert_bytes (line, "one\n");
  assert_line (pair.client, "two\n");
  wait_true (client);
  wait_true (server);
  close_pair (&pair);
}

static void
grant (KaaSocket *self,
       GBytes    *line,
       gpointer   user_data)
{
  KaaInProgress **started = user_data;

  if (*started != NULL)
    {
      note_bytes ("L", line);
      return;
    }
  say_and_forget (self, "220\n");
  *started = start_other (self);
}

/* From inside a handler, which then gets the lines that are protected. */
static void
test_in_handler (void)
{
  KaaInProgress *server = NULL;
  Pair pair;

  if (!have_tls ())
    return;

  begin_events ();
  open_pair (&pair);
  g_signal_connect (pair.server, "readline", G_CALLBACK (grant), &server);
  say_and_forget (pair.client, "STARTTLS\n");
  assert_line (pair.client, "220\n");
  wait_true (start_client (pair.client));
  wait_true (server);
  say_and_forget (pair.client, "one\ntwo\n");
  spin_until (events->len >= strlen ("L[one|] L[two|]"));
  assert_events ("L[one|] L[two|]");
  end_events ();
  close_pair (&pair);
}

/* The name that was connected to is the one that the certificate must be for, and nobody else's will do. */
static void
test_identity (void)
{
  KaaInProgress *accepted, *client, *server;
  GTlsCertificateFlags errors;
  GTlsConnection *connection;
  GTlsDatabase *database;
  KaaSocket *listener, *plain;
  GError *error = NULL;
  char *address, *named;
  Pair pair;

  if (!have_tls ())
    return;

  database = g_tls_file_database_new (certificate_file, &error);
  g_assert_no_error (error);
  listener = start_server (&address);
  named = g_strdup_printf ("localhost:%s", strrchr (address, ':') + 1);
  accepted = kaa_socket_accept (listener);
  pair.client = connect_client (named);
  pair.server = wait_client (accepted);

  /* No name at all is no way around it. */
  plain = pair.server;
  assert_refused (kaa_socket_start_tls (plain, NULL, NULL), G_IO_ERROR_INVALID_ARGUMENT, "certificate");

  client = kaa_socket_start_tls (pair.client, NULL, NULL);
  connection = kaa_socket_get_tls_connection (pair.client);
  g_tls_connection_set_database (connection, database);
  server = start_other (pair.server);
  wait_true (client);
  wait_true (server);
  g_assert_cmpuint (g_tls_connection_get_peer_certificate_errors (connection), ==, 0);
  finish_socket (pair.client);
  finish_socket (pair.server);

  /* Another name. */
  accepted = kaa_socket_accept (listener);
  pair.client = connect_client (named);
  pair.server = wait_client (accepted);
  {
    GSocketConnectable *other = name_of ("other.example");

    client = kaa_socket_start_tls (pair.client, other, NULL);
    g_object_unref (other);
  }
  connection = g_object_ref (kaa_socket_get_tls_connection (pair.client));
  g_tls_connection_set_database (connection, database);
  note_future_quietly (start_other (pair.server));
  assert_tls_error (client, G_TLS_ERROR_BAD_CERTIFICATE);
  errors = g_tls_connection_get_peer_certificate_errors (connection);
  g_assert_cmpuint (errors, ==, G_TLS_CERTIFICATE_BAD_IDENTITY);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (pair.client)));
  g_assert_error (kaa_io_channel_get_error (KAA_IO_CHANNEL (pair.client)), G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE);
  g_assert_null (kaa_socket_get_tls_connection (pair.client));
  g_object_unref (connection);

  finish_socket (pair.client);
  finish_socket (pair.server);
  finish_socket (listener);
  g_object_unref (database);
  g_free (named);
  g_free (address);
}

/* Everything else is said to the connection before the loop runs again. */
static void
test_configured (void)
{
  const char * const offered[] = { "imap", "pop3", NULL };
  const char * const spoken[] = { "pop3", NULL };
  KaaInProgress *client, *server;
  GTlsConnection *a, *b;
  GSocketConnectable *identity;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  /* A client that has a certificate of its own, for a server that wants one. */
  identity = name_of ("localhost");
  client = kaa_socket_start_tls (pair.client, identity, certificate);
  g_object_unref (identity);
  server = start_other (pair.server);
  a = kaa_socket_get_tls_connection (pair.client);
  b = kaa_socket_get_tls_connection (pair.server);
  g_signal_connect (a, "accept-certificate", G_CALLBACK (on_accept), NULL);
  g_signal_connect (b, "accept-certificate", G_CALLBACK (on_accept), NULL);
  g_tls_connection_set_advertised_protocols (a, offered);
  g_tls_connection_set_advertised_protocols (b, spoken);
  g_object_set (b, "authentication-mode", G_TLS_AUTHENTICATION_REQUIRED, NULL);

  wait_true (client);
  wait_true (server);
  g_assert_cmpstr (g_tls_connection_get_negotiated_protocol (a), ==, "pop3");
  g_assert_cmpstr (g_tls_connection_get_negotiated_protocol (b), ==, "pop3");
  g_assert_true (g_tls_certificate_is_same (g_tls_connection_get_peer_certificate (b), certificate));
  close_pair (&pair);
}

static void
note_notify (GObject    *object,
             GParamSpec *pspec,
             gpointer    user_data)
{
  note (kaa_socket_get_tls_connection (KAA_SOCKET (object)) != NULL ? "tls" : "plain");
}

static void
test_property (void)
{
  GTlsConnection *connection;
  Pair pair;

  if (!have_tls ())
    return;

  begin_events ();
  open_pair (&pair);
  g_signal_connect (pair.client, "notify::tls-connection", G_CALLBACK (note_notify), NULL);
  note_future_quietly (start_client (pair.client));
  g_object_get (pair.client, "tls-connection", &connection, NULL);
  g_assert_true (connection == kaa_socket_get_tls_connection (pair.client));
  g_object_unref (connection);
  wait_true (start_other (pair.server));
  close_pair (&pair);
  assert_events ("tls plain");
  end_events ();
}

/* --- What came before --- */

typedef enum
{
  BY_REQUEST,
  BY_HANDLER
} How;

static void
take_first (KaaSocket *self,
            GBytes    *line,
            gpointer   user_data)
{
  KaaInProgress **started = user_data;

  if (*started == NULL)
    *started = start_other (self);
  else
    note_bytes ("L", line);
}

/* The attack of CVE-2011-0411: what is sent behind STARTTLS without protection must not be taken for protected. */
static void
test_injected (gconstpointer data)
{
  KaaInProgress *server = NULL;
  Pair pair;

  if (!have_tls ())
    return;

  begin_events ();
  open_pair (&pair);
  say_and_forget (pair.client, "STARTTLS\nRSET\n");
  if (GPOINTER_TO_UINT (data) == BY_HANDLER)
    {
      g_signal_connect (pair.server, "readline", G_CALLBACK (take_first), &server);
      spin_until (server != NULL);
      assert_refused (server, G_IO_ERROR_INVALID_DATA, "5 bytes");
      /* Not lost either. */
      spin_until (events->len > 0);
      assert_events ("L[RSET|]");
    }
  else
    {
      assert_line (pair.server, "STARTTLS\n");
      assert_refused (start_other (pair.server), G_IO_ERROR_INVALID_DATA, "5 bytes");
      assert_queue (KAA_IO_CHANNEL (pair.server), "RSET\n");
      assert_line (pair.server, "RSET\n");
    }

  /* The channel is what it was. */
  g_assert_null (kaa_socket_get_tls_connection (pair.server));
  say_and_forget (pair.server, "500 no\n");
  assert_line (pair.client, "500 no\n");
  end_events ();
  close_pair (&pair);
}

/* What nobody has read yet is no TLS. */
static void
test_injected_unread (void)
{
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  say_and_forget (pair.client, "STARTTLS\n");
  assert_line (pair.server, "STARTTLS\n");
  say_and_forget (pair.client, "RSET\n");
  spin_until (get_waiting (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.server))) == 5);
  {
    KaaInProgress *server = start_other (pair.server);
    KaaInProgress *line = readline_of (pair.server);
    GError *error = NULL;

    spin_until (kaa_in_progress_get_finished (server));
    g_assert_null (kaa_in_progress_get_result (server, &error));
    g_assert_true (error->domain == G_TLS_ERROR);
    g_clear_error (&error);
    g_object_unref (server);
    spin_until (kaa_in_progress_get_finished (line));
    g_assert_null (kaa_in_progress_get_result (line, &error));
    g_assert_true (error->domain == G_TLS_ERROR);
    g_clear_error (&error);
    g_object_unref (line);
  }
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (KAA_IO_CHANNEL (pair.server)), ==, 0);
  close_pair (&pair);
}

static void
test_refused (void)
{
  KaaInProgress *client, *server, *shut;
  KaaSocket *self = kaa_socket_new ();
  GError *error = NULL;
  int read_end, write_end;
  Pair pair;

  if (!have_tls ())
    {
      g_object_unref (self);
      return;
    }

  assert_refused (start_client (self), G_IO_ERROR_NOT_CONNECTED, "connect_to");
  make_pipe (&read_end, &write_end);
  g_assert_true (kaa_io_channel_wrap_fds (KAA_IO_CHANNEL (self), read_end, write_end, &error));
  assert_refused (start_client (self), G_IO_ERROR_NOT_SUPPORTED, "GTlsConnection");
  finish_socket (self);

  open_pair (&pair);
  client = start_client (pair.client);
  assert_refused (start_client (pair.client), G_IO_ERROR_PENDING, "already");
  server = start_other (pair.server);
  wait_true (client);
  wait_true (server);
  assert_refused (start_client (pair.client), G_IO_ERROR_EXISTS, "already");
  close_pair (&pair);

  open_pair (&pair);
  shut = kaa_io_channel_shutdown (KAA_IO_CHANNEL (pair.client), KAA_IO_WRITE);
  assert_refused (start_client (pair.client), G_IO_ERROR_CONNECTION_CLOSED, "direction");
  g_object_unref (shut);
  close_pair (&pair);
}

/* --- How it ends --- */

static void
test_bad_certificate (void)
{
  KaaInProgress *client, *server, *line, *write;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  accept_certificates = FALSE;
  client = start_client (pair.client);
  server = start_other (pair.server);
  line = readline_of (pair.client);
  write = say (pair.client, "secret\n");
  assert_tls_error (client, G_TLS_ERROR_BAD_CERTIFICATE);
  accept_certificates = TRUE;
  assert_tls_error (line, G_TLS_ERROR_BAD_CERTIFICATE);
  assert_fails (write, G_IO_ERROR_BROKEN_PIPE);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (pair.client)));
  note_future_quietly (server);
  close_pair (&pair);
}

/* The other side never answers. */
static void
test_silent (gconstpointer how)
{
  KaaInProgress *client, *limited;
  GError *error = NULL;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  if (g_str_equal (how, "idle"))
    kaa_io_channel_set_idle_timeout (KAA_IO_CHANNEL (pair.client), 0.05);
  client = start_client (pair.client);
  if (g_str_equal (how, "close"))
    {
      /* So that the handshake is under way. */
      spin_until (get_waiting (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.server))) > 0);
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (pair.client), KAA_CLOSE_NONE));
      assert_fails (client, G_IO_ERROR_CLOSED);
    }
  else if (g_str_equal (how, "close-at-once"))
    {
      g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (pair.client), KAA_CLOSE_IMMEDIATE));
      assert_fails (client, G_IO_ERROR_CLOSED);
    }
  else if (g_str_equal (how, "abort"))
    {
      spin_until (get_waiting (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (pair.server))) > 0);
      g_assert_true (kaa_in_progress_abort (client, &error));
      g_assert_no_error (error);
      assert_fails (client, G_IO_ERROR_CANCELLED);
    }
  else if (g_str_equal (how, "timeout"))
    {
      limited = kaa_in_progress_timeout (client, 0.05, TRUE);
      assert_fails (limited, G_IO_ERROR_TIMED_OUT);
      g_object_unref (client);
    }
  else
    {
      assert_fails (client, G_IO_ERROR_TIMED_OUT);
    }

  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (pair.client)));
  /* The descriptor goes, also where a thread had it. */
  for (;;)
    {
      KaaInProgress *chunk = kaa_io_channel_read (KAA_IO_CHANNEL (pair.server));
      GBytes *bytes;
      gsize length;

      spin_until (kaa_in_progress_get_finished (chunk));
      bytes = kaa_in_progress_get_bytes (chunk, NULL);
      length = bytes != NULL ? g_bytes_get_size (bytes) : 0;
      g_clear_pointer (&bytes, g_bytes_unref);
      g_object_unref (chunk);
      if (length == 0)
        break;
    }
  close_pair (&pair);
}

/* The other side goes before it has taken what was to go out unprotected. */
static void
test_gone_before (void)
{
  const gsize length = 4 * 1024 * 1024;
  guint8 *data = g_malloc0 (length);
  KaaInProgress *write, *server, *line;
  GError *error = NULL;
  Pair pair;

  if (!have_tls ())
    {
      g_free (data);
      return;
    }

  open_pair (&pair);
  narrow_pair (&pair);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (pair.server), 2 * length);
  write = kaa_io_channel_write (KAA_IO_CHANNEL (pair.server), data, length);
  server = start_other (pair.server);
  line = readline_of (pair.server);
  settle ();
  finish_socket (pair.client);
  assert_fails (write, G_IO_ERROR_BROKEN_PIPE);
  spin_until (kaa_in_progress_get_finished (server));
  g_assert_null (kaa_in_progress_get_result (server, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_object_unref (server);
  spin_until (kaa_in_progress_get_finished (line));
  g_object_unref (line);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (pair.server)));
  finish_socket (pair.server);
  finish_socket (pair.listener);
  g_free (data);
}

/* Closing while the handshake is under way and something is queued: it still goes out, protected. */
static void
test_close_flushes (void)
{
  KaaInProgress *client, *closed;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  client = start_client (pair.client);
  say_and_forget (pair.client, "last words\n");
  closed = kaa_io_channel_close (KAA_IO_CHANNEL (pair.client), KAA_CLOSE_NONE);
  wait_true (start_other (pair.server));
  assert_line (pair.server, "last words\n");
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (pair.server)), "");
  wait_true (client);
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  close_pair (&pair);
}

/* The GIO pair, and a cancellable. */
static void
on_started (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  GError **error = user_data;

  note (kaa_socket_start_tls_finish (KAA_SOCKET (source), result, error) ? "started" : "failed");
}

static void
test_async (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  GSocketConnectable *identity = name_of ("localhost");
  GError *error = NULL;
  Pair pair;

  if (have_tls ())
    {
      begin_events ();
      open_pair (&pair);
      kaa_socket_start_tls_async (pair.client, identity, NULL, NULL, on_started, &error);
      g_signal_connect (kaa_socket_get_tls_connection (pair.client), "accept-certificate", G_CALLBACK (on_accept), NULL);
      wait_true (start_other (pair.server));
      spin_until (events->len > 0);
      assert_events ("started");
      g_assert_no_error (error);
      close_pair (&pair);

      open_pair (&pair);
      kaa_socket_start_tls_async (pair.client, identity, NULL, cancellable, on_started, &error);
      settle ();
      g_cancellable_cancel (cancellable);
      spin_until (events->len > 0);
      assert_events ("failed");
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
      close_pair (&pair);
      end_events ();
    }
  g_object_unref (identity);
  g_object_unref (cancellable);
}

/* --- What the socket still is --- */

/* A client counts for max-clients until it is closed, TLS or not. */
static void
test_counted (void)
{
  KaaInProgress *first, *second;
  KaaSocket *a, *b;
  char *address;
  Pair pair;

  if (!have_tls ())
    return;

  pair.listener = start_server (&address);
  kaa_socket_set_max_clients (pair.listener, 1);
  first = kaa_socket_accept (pair.listener);
  a = connect_client (address);
  pair.server = wait_client (first);
  second = kaa_socket_accept (pair.listener);
  b = connect_client (address);
  note_future_quietly (start_client (a));
  wait_true (start_other (pair.server));
  settle ();
  g_assert_false (kaa_in_progress_get_finished (second));
  finish_socket (pair.server);
  pair.server = wait_client (second);
  finish_socket (a);
  pair.client = b;
  close_pair (&pair);
  g_free (address);
}

/* What was wrapped may be a stream of GIO, or a number that stays the caller's. */
static void
test_wrapped (gconstpointer how)
{
  KaaSocket *client = kaa_socket_new ();
  KaaSocket *server = kaa_socket_new ();
  GSocketConnection *a, *b;
  GError *error = NULL;
  int fd = -1;

  if (!have_tls ())
    {
      g_object_unref (client);
      g_object_unref (server);
      return;
    }

  make_connections (&a, &b);
  if (g_str_equal (how, "stream"))
    {
      g_assert_true (kaa_io_channel_wrap_stream (KAA_IO_CHANNEL (client), G_OBJECT (a), KAA_IO_READ | KAA_IO_WRITE, &error));
    }
  else if (g_str_equal (how, "socket"))
    {
      g_assert_true (kaa_io_channel_wrap_stream (KAA_IO_CHANNEL (client), G_OBJECT (g_socket_connection_get_socket (a)),
                                                 KAA_IO_READ | KAA_IO_WRITE, &error));
    }
  else
    {
      fd = g_socket_get_fd (g_socket_connection_get_socket (a));
      kaa_io_channel_set_close_fd (KAA_IO_CHANNEL (client), FALSE);
      g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (client), fd, KAA_IO_READ | KAA_IO_WRITE, &error));
    }
  g_assert_no_error (error);
  g_assert_true (kaa_io_channel_wrap_stream (KAA_IO_CHANNEL (server), G_OBJECT (b), KAA_IO_READ | KAA_IO_WRITE, &error));

  note_future_quietly (start_client (client));
  wait_true (start_other (server));
  say_and_forget (client, "hello\n");
  assert_line (server, "hello\n");
  close_and_wait (KAA_IO_CHANNEL (client));
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (server)), "");
  if (fd >= 0)
    g_assert_cmpint (fcntl (fd, F_GETFD), >=, 0);
  else
    g_assert_true (g_socket_is_closed (g_socket_connection_get_socket (a)));

  g_object_unref (client);
  finish_socket (server);
  g_object_unref (a);
  g_object_unref (b);
}

/* No descriptor is left behind, however it ends. */
static void
test_descriptors (void)
{
  guint before;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  close_pair (&pair);
  before = count_fds ();
  for (guint i = 0; i < 5; i++)
    {
      open_pair (&pair);
      note_future_quietly (start_client (pair.client));
      if (i % 2 == 0)
        wait_true (start_other (pair.server));
      close_pair (&pair);
    }
  spin_until (count_fds () <= before);
}

int
main (int   argc,
      char *argv[])
{
  static const char * const endings[] = { "close", "close-at-once", "abort", "timeout", "idle" };
  static const char * const wraps[] = { "stream", "socket", "number" };
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();
  make_certificate ();

  g_test_add_func ("/socket-tls/both", test_both);
  g_test_add_func ("/socket-tls/mid-stream", test_mid_stream);
  g_test_add_func ("/socket-tls/much-before", test_much_before);
  g_test_add_func ("/socket-tls/pending", test_pending);
  g_test_add_func ("/socket-tls/in-handler", test_in_handler);
  g_test_add_func ("/socket-tls/identity", test_identity);
  g_test_add_func ("/socket-tls/configured", test_configured);
  g_test_add_func ("/socket-tls/property", test_property);
  g_test_add_data_func ("/socket-tls/injected/request", GUINT_TO_POINTER (BY_REQUEST), test_injected);
  g_test_add_data_func ("/socket-tls/injected/handler", GUINT_TO_POINTER (BY_HANDLER), test_injected);
  g_test_add_func ("/socket-tls/injected/unread", test_injected_unread);
  g_test_add_func ("/socket-tls/refused", test_refused);
  g_test_add_func ("/socket-tls/bad-certificate", test_bad_certificate);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      char *name = g_strconcat ("/socket-tls/silent/", endings[i], NULL);

      g_test_add_data_func (name, endings[i], test_silent);
      g_free (name);
    }
  g_test_add_func ("/socket-tls/gone-before", test_gone_before);
  g_test_add_func ("/socket-tls/close-flushes", test_close_flushes);
  g_test_add_func ("/socket-tls/async", test_async);
  g_test_add_func ("/socket-tls/counted", test_counted);
  for (guint i = 0; i < G_N_ELEMENTS (wraps); i++)
    {
      char *name = g_strconcat ("/socket-tls/wrapped/", wraps[i], NULL);

      g_test_add_data_func (name, wraps[i], test_wrapped);
      g_free (name);
    }
  g_test_add_func ("/socket-tls/descriptors", test_descriptors);

  result = g_test_run ();
  remove_certificate ();
  end_sockets ();
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS with openssl as the other side, and with much to carry. */

#include "transport/tls-fixture.h"

static gboolean
is_slow (void)
{
  return g_getenv ("KAA_TEST_SLOW") != NULL;
}

/* --- openssl, whose pipes are channels --- */

typedef struct
{
  GSubprocess *process;
  KaaIOChannel *input;   /* what it reads */
  KaaIOChannel *output;  /* what it prints */
} Openssl;

static void
run_openssl (Openssl            *openssl,
             const char * const *arguments)
{
  GError *error = NULL;

  openssl->process = g_subprocess_newv (arguments, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                                   G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
  g_assert_no_error (error);
  openssl->input = open_stream (g_subprocess_get_stdin_pipe (openssl->process), KAA_IO_WRITE);
  openssl->output = open_stream (g_subprocess_get_stdout_pipe (openssl->process), KAA_IO_READ);
}

static void
end_openssl (Openssl *openssl)
{
  g_subprocess_force_exit (openssl->process);
  g_assert_true (g_subprocess_wait (openssl->process, NULL, NULL));
  finish_channel (openssl->input);
  finish_channel (openssl->output);
  g_object_unref (openssl->process);
}

/* Reads lines until one begins so; the rest of it. */
static char *
find_line (KaaIOChannel *channel,
           const char   *prefix)
{
  for (;;)
    {
      KaaInProgress *future = kaa_io_channel_readline (channel);
      GError *error = NULL;
      char *line, *rest = NULL;
      GBytes *bytes;

      spin_until (kaa_in_progress_get_finished (future));
      bytes = kaa_in_progress_get_bytes (future, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (bytes), >, 0);
      line = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      if (g_str_has_prefix (line, prefix))
        rest = g_strchomp (g_strdup (line + strlen (prefix)));
      g_free (line);
      g_bytes_unref (bytes);
      g_object_unref (future);
      if (rest != NULL)
        return rest;
    }
}

static void
await_line (KaaIOChannel *channel,
            const char   *line)
{
  g_free (find_line (channel, line));
}

/* A server that prints what it gets, sends what it is told, and obeys single letters. */
static KaaSocket *
connect_to_openssl (Openssl    *openssl,
                    const char *version)
{
  const char *arguments[] = {
    "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate_file, "-key", key_file, version, NULL
  };
  KaaSocket *client = kaa_socket_new ();
  GSocketConnectable *identity = g_network_address_new ("localhost", 0);
  KaaInProgress *future;
  GError *error = NULL;
  char *address;

  run_openssl (openssl, arguments);
  address = find_line (openssl->output, "ACCEPT ");
  future = kaa_socket_connect_to (client, address);
  spin_until (kaa_in_progress_get_finished (future));
  g_assert_true (kaa_in_progress_get_boolean (future, &error));
  g_assert_no_error (error);
  g_object_unref (future);

  future = kaa_socket_start_tls (client, identity, NULL);
  g_signal_connect (kaa_socket_get_tls_connection (client), "accept-certificate", G_CALLBACK (on_accept), NULL);
  spin_until (kaa_in_progress_get_finished (future));
  g_assert_true (kaa_in_progress_get_boolean (future, &error));
  g_assert_no_error (error);
  g_object_unref (future);
  g_object_unref (identity);
  g_free (address);
  return client;
}

/* TLS 1.3: the server changes its keys, and asks for ours to be changed, in the middle of it all. */
static void
test_key_update (void)
{
  KaaSocket *client;
  Openssl openssl;

  if (!have_tls ())
    return;

  client = connect_to_openssl (&openssl, "-tls1_3");
  for (guint i = 0; i < 3; i++)
    {
      g_object_unref (write_text (openssl.input, "to the client\n"));
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "to the client\n");
      g_object_unref (write_text (openssl.input, i == 0 ? "k\n" : "K\n"));
      /* It has read the letter before it prints this. */
      for (guint j = 0; j < 2; j++)
        {
          g_object_unref (write_text (KAA_IO_CHANNEL (client), "to the server\n"));
          await_line (openssl.output, "to the server");
        }
    }
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  finish_channel (KAA_IO_CHANNEL (client));
  end_openssl (&openssl);
}

static gboolean
say_after (gpointer input)
{
  g_object_unref (write_text (input, "after\n"));
  return G_SOURCE_CONTINUE;
}

/* TLS 1.2: a server that wants to negotiate again gets its way, or GIO's error, and nothing hangs. openssl takes what it reads in one
 * go for one command, so it is told more than once what to send. */
static void
test_renegotiation (void)
{
  KaaInProgress *line;
  KaaSocket *client;
  GError *error = NULL;
  Openssl openssl;
  GBytes *bytes;
  guint timer;

  if (!have_tls ())
    return;

  client = connect_to_openssl (&openssl, "-tls1_2");
  g_object_unref (write_text (openssl.input, "before\n"));
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "before\n");
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (client));
  g_object_unref (write_text (openssl.input, "r\n"));
  timer = g_timeout_add (10, say_after, openssl.input);
  spin_until (kaa_in_progress_get_finished (line));
  g_source_remove (timer);
  bytes = kaa_in_progress_get_bytes (line, &error);
  if (bytes != NULL)
    {
      g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "after\n", 6);
      g_bytes_unref (bytes);
    }
  else
    {
      g_assert_true (error->domain == G_TLS_ERROR);
      g_error_free (error);
    }
  g_object_unref (line);
  finish_channel (KAA_IO_CHANNEL (client));
  end_openssl (&openssl);
}

/* Killed in the middle: no close_notify. */
static void
test_killed (void)
{
  KaaInProgress *line;
  KaaSocket *client;
  GError *error = NULL;
  Openssl openssl;

  if (!have_tls ())
    return;

  client = connect_to_openssl (&openssl, "-tls1_3");
  g_object_unref (write_text (openssl.input, "part of"));
  g_object_unref (write_text (openssl.input, " it\nand half"));
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "part of it\n");
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (client));
  end_openssl (&openssl);
  spin_until (kaa_in_progress_get_finished (line));
  if (kaa_in_progress_get_result (line, &error) != NULL)
    {
      /* C4: what was read comes first. */
      g_object_unref (line);
      line = kaa_io_channel_readline (KAA_IO_CHANNEL (client));
      spin_until (kaa_in_progress_get_finished (line));
      g_assert_null (kaa_in_progress_get_result (line, &error));
    }
  g_assert_error (error, G_TLS_ERROR, G_TLS_ERROR_EOF);
  g_clear_error (&error);
  g_object_unref (line);
  spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  g_assert_error (kaa_io_channel_get_error (KAA_IO_CHANNEL (client)), G_TLS_ERROR, G_TLS_ERROR_EOF);
  finish_channel (KAA_IO_CHANNEL (client));
}

/* --- A mail server, as openssl s_client -starttls smtp sees it --- */

static void
on_mail (KaaIOChannel *client,
         GBytes       *line,
         gpointer      user_data)
{
  gsize length;
  const char *text = g_bytes_get_data (line, &length);
  gboolean protected = kaa_socket_get_tls_connection (KAA_SOCKET (client)) != NULL;

  if (length > 4 && g_ascii_strncasecmp (text, "EHLO", 4) == 0)
    {
      g_object_unref (write_text (client, protected ? "250 protected\r\n" : "250-here\r\n250 STARTTLS\r\n"));
    }
  else if (length > 8 && g_ascii_strncasecmp (text, "STARTTLS", 8) == 0)
    {
      g_object_unref (write_text (client, "220 go ahead\r\n"));
      note_future_quietly (kaa_socket_start_tls (KAA_SOCKET (client), NULL, certificate));
    }
  else
    {
      g_object_unref (write_text (client, protected ? "250 kept\r\n" : "530 not without TLS\r\n"));
    }
}

static void
on_new_client (KaaSocket *server,
               KaaSocket *client,
               gpointer   user_data)
{
  g_object_unref (write_text (KAA_IO_CHANNEL (client), "220 here\r\n"));
  g_signal_connect (client, "readline", G_CALLBACK (on_mail), NULL);
}

static void
test_starttls (void)
{
  const char *arguments[] = { "openssl", "s_client", "-connect", NULL, "-starttls", "smtp", "-quiet", "-no_ign_eof", NULL };
  KaaSocket *server = kaa_socket_new ();
  GSocketAddress *local;
  GError *error = NULL;
  Openssl openssl;
  char *address;

  if (!have_tls ())
    {
      g_object_unref (server);
      return;
    }

  g_signal_connect (server, "new-client", G_CALLBACK (on_new_client), NULL);
  g_assert_true (kaa_socket_listen (server, "127.0.0.1:0", 0, &error));
  g_assert_no_error (error);
  local = kaa_socket_get_local_address (server);
  address = g_strdup_printf ("127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local)));
  arguments[3] = address;
  run_openssl (&openssl, arguments);
  g_object_unref (write_text (openssl.input, "EHLO there\r\n"));
  await_line (openssl.output, "250 protected");
  g_object_unref (write_text (openssl.input, "a message\r\n"));
  await_line (openssl.output, "250 kept");
  end_openssl (&openssl);
  finish_channel (KAA_IO_CHANNEL (server));
  g_object_unref (local);
  g_free (address);
}

/* --- much --- */

typedef struct
{
  KaaIOChannel *channel;
  gsize to_send;
  gsize sent;
  gsize got;
  gboolean same;
} Side;

static void
send_more (Side *side);

static void
has_room (const GValue *result,
          gpointer      side)
{
  send_more (side);
}

static void
has_failed (const GError *error,
            gpointer      side)
{
  g_error ("%s", error->message);
}

#define PIECE 200000

static void
send_more (Side *side)
{
  gsize n = MIN (PIECE, side->to_send - side->sent);
  guint8 *data;
  GBytes *bytes;
  GError *error = NULL;

  if (n == 0)
    return;
  data = g_malloc (n);
  for (gsize i = 0; i < n; i++)
    data[i] = get_pattern (side->sent + i);
  bytes = g_bytes_new_take (data, n);
  if (kaa_io_channel_send (side->channel, bytes, &error))
    side->sent += n;
  else
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  g_bytes_unref (bytes);

  {
    KaaInProgress *room = kaa_io_channel_wait_writable (side->channel, PIECE);

    kaa_in_progress_then (room, has_room, side, NULL, has_failed, side, NULL);
    g_object_unref (room);
  }
}

static void
compare (KaaIOChannel *channel,
         GBytes       *chunk,
         gpointer      user_data)
{
  Side *side = user_data;
  gsize length;
  const guint8 *data = g_bytes_get_data (chunk, &length);

  for (gsize i = 0; i < length; i++)
    side->same &= data[i] == get_pattern (side->got + i);
  side->got += length;
}

/* Both write as much as they can while both read: neither waits for the other. */
static void
test_both_ways (void)
{
  const gsize length = is_slow () ? 1024 * 1024 : 64 * 1024 * 1024;
  Side a = { NULL, length, 0, 0, TRUE }, b = a;

  if (!open_tls_pair (&a.channel, &b.channel))
    return;

  g_signal_connect (a.channel, "read", G_CALLBACK (compare), &a);
  g_signal_connect (b.channel, "read", G_CALLBACK (compare), &b);
  send_more (&a);
  send_more (&b);
  spin_until (a.got == length && b.got == length);
  g_assert_true (a.same);
  g_assert_true (b.same);
  finish_channel (a.channel);
  finish_channel (b.channel);
}

/* Full queues at both sides, nobody reads, and both close: C1. */
static void
test_close_full (void)
{
  KaaIOChannel *channels[2];
  KaaInProgress *closed[2], *hello;
  guint8 *data;

  if (!open_tls_pair (&channels[0], &channels[1]))
    return;

  hello = kaa_io_channel_readline (channels[0]);
  g_object_unref (write_text (channels[1], "hello\n"));
  assert_bytes (hello, "hello\n");
  data = g_malloc0 (1024 * 1024);
  for (guint i = 0; i < 2; i++)
    g_object_unref (kaa_io_channel_write (channels[i], data, 1024 * 1024));
  g_free (data);
  settle ();
  for (guint i = 0; i < 2; i++)
    closed[i] = kaa_io_channel_close (channels[i], KAA_CLOSE_NONE);
  for (guint i = 0; i < 2; i++)
    {
      spin_until (kaa_in_progress_get_finished (closed[i]));
      g_object_unref (closed[i]);
      g_object_unref (channels[i]);
    }
}

/* --- time-outs --- */

static void
test_timeouts (void)
{
  KaaIOChannel *client, *server;
  KaaInProgress *hello, *line;

  if (!open_tls_pair (&client, &server))
    return;

  hello = kaa_io_channel_readline (client);
  g_object_unref (write_text (server, "hello\n"));
  assert_bytes (hello, "hello\n");

  /* Of one operation: the channel stays, and no byte is lost. */
  line = kaa_io_channel_readline (client);
  assert_fails (kaa_in_progress_timeout (line, 0.02, TRUE), G_IO_ERROR_TIMED_OUT);
  g_object_unref (line);
  g_object_unref (write_text (server, "later\n"));
  assert_bytes (kaa_io_channel_readline (client), "later\n");

  /* Of the channel. */
  kaa_io_channel_set_idle_timeout (client, 0.02);
  spin_until (!kaa_io_channel_get_alive (client));
  g_assert_error (kaa_io_channel_get_error (client), G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  finish_channel (client);
  finish_channel (server);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  make_certificate ();

  g_test_add_func ("/tls/openssl/key-update", test_key_update);
  g_test_add_func ("/tls/openssl/renegotiation", test_renegotiation);
  g_test_add_func ("/tls/openssl/killed", test_killed);
  g_test_add_func ("/tls/openssl/starttls", test_starttls);
  g_test_add_func ("/tls/both-ways", test_both_ways);
  g_test_add_func ("/tls/close-full", test_close_full);
  g_test_add_func ("/tls/timeouts", test_timeouts);

  result = g_test_run ();
  remove_certificate ();
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of streams share: connections, a certificate of their own, TLS at both ends, openssl as the other side. */

#include "channel/channel-fixture.h"

#include <signal.h>
#include <sys/wait.h>

static inline KaaIOChannel *
open_stream (gpointer       stream,
             KaaIOCondition mode)
{
  GError *error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_stream (stream, mode, &error);

  g_assert_no_error (error);
  g_assert_nonnull (channel);
  return channel;
}

static inline KaaInProgress *
write_text (KaaIOChannel *channel,
            const char   *text)
{
  return kaa_io_channel_write (channel, (const guint8 *) text, strlen (text));
}

static inline void
close_and_wait (KaaIOChannel *channel)
{
  KaaInProgress *closed = kaa_io_channel_close (channel, KAA_CLOSE_NONE);

  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
}

static inline void
ignore_result (const GValue *result,
               gpointer      user_data)
{
}

static inline void
ignore_error (const GError *error,
              gpointer      user_data)
{
}

/* Somebody listens, and does not care. */
static inline void
note_future_quietly (KaaInProgress *future)
{
  kaa_in_progress_then (future, ignore_result, NULL, NULL, ignore_error, NULL, NULL);
  g_object_unref (future);
}

/* Two connected sockets. */
static inline void
make_connections (GSocketConnection **a,
                  GSocketConnection **b)
{
  GSocketConnection **ends[2] = { a, b };
  int fds[2];

  make_sockets (&fds[0], &fds[1]);
  for (guint i = 0; i < 2; i++)
    {
      GError *error = NULL;
      GSocket *socket = g_socket_new_from_fd (fds[i], &error);

      g_assert_no_error (error);
      *ends[i] = g_socket_connection_factory_create_connection (socket);
      g_object_unref (socket);
    }
}

static inline guint8
get_pattern (gsize i)
{
  return (guint8) (i * 131 + (i >> 8) * 7 + (i >> 16));
}

/* Sends length bytes from one to the other, as fast as the one accepts them, and compares them. */
static inline void
transfer (KaaIOChannel *from,
          KaaIOChannel *to,
          gsize         length)
{
  GByteArray *got = g_byte_array_new ();
  guint8 *data = g_malloc (length);
  gulong handler;
  gsize sent = 0;

  for (gsize i = 0; i < length; i++)
    data[i] = get_pattern (i);
  handler = g_signal_connect (to, "read", G_CALLBACK (collect), got);

  while (sent < length)
    {
      gsize n = MIN (length - sent, 100001);
      GBytes *bytes = g_bytes_new (data + sent, n);
      KaaInProgress *room = kaa_io_channel_wait_writable (from, n);

      spin_until (kaa_in_progress_get_finished (room));
      g_assert_true (kaa_io_channel_send (from, bytes, NULL));
      sent += n;
      g_object_unref (room);
      g_bytes_unref (bytes);
    }

  spin_until (got->len >= length);
  g_signal_handler_disconnect (to, handler);
  g_assert_cmpmem (got->data, got->len, data, length);
  g_byte_array_unref (got);
  g_free (data);
}

/* --- The certificate --- */

static char *certificate_folder;
static char *certificate_file;
static char *key_file;
static GTlsCertificate *certificate;
static gboolean accept_certificates = TRUE;

static inline void
make_certificate (void)
{
  const char *arguments[] = {
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
    "-subj", "/CN=localhost", "-keyout", NULL, "-out", NULL, NULL
  };
  GError *error = NULL;
  int status = -1;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    return;

  certificate_folder = g_dir_make_tmp ("kaa-tls-XXXXXX", NULL);
  certificate_file = g_build_filename (certificate_folder, "certificate.pem", NULL);
  key_file = g_build_filename (certificate_folder, "key.pem", NULL);
  arguments[13] = key_file;
  arguments[15] = certificate_file;
  if (!g_spawn_sync (NULL, (char **) arguments, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, &status, NULL) || status != 0)
    return;

  certificate = g_tls_certificate_new_from_files (certificate_file, key_file, &error);
  g_assert_no_error (error);
}

static inline void
remove_certificate (void)
{
  if (certificate_folder == NULL)
    return;

  g_clear_object (&certificate);
  unlink (certificate_file);
  unlink (key_file);
  rmdir (certificate_folder);
  g_clear_pointer (&certificate_file, g_free);
  g_clear_pointer (&key_file, g_free);
  g_clear_pointer (&certificate_folder, g_free);
}

static inline gboolean
have_tls (void)
{
  if (certificate == NULL)
    g_test_skip ("glib-networking or openssl is missing");
  return certificate != NULL;
}

static inline gboolean
on_accept (GTlsConnection       *connection,
           GTlsCertificate      *peer,
           GTlsCertificateFlags  errors,
           gpointer              user_data)
{
  return accept_certificates;
}

static inline GIOStream *
new_tls_client (GIOStream *base)
{
  GError *error = NULL;
  GIOStream *tls = g_tls_client_connection_new (base, NULL, &error);

  g_assert_no_error (error);
  g_signal_connect (tls, "accept-certificate", G_CALLBACK (on_accept), NULL);
  return tls;
}

static inline GIOStream *
new_tls_server (GIOStream *base)
{
  GError *error = NULL;
  GIOStream *tls = g_tls_server_connection_new (base, certificate, &error);

  g_assert_no_error (error);
  return tls;
}

/* FALSE where TLS cannot be had. */
static inline gboolean
open_tls_pair (KaaIOChannel **client,
               KaaIOChannel **server)
{
  GSocketConnection *a, *b;
  GIOStream *tls;

  if (!have_tls ())
    return FALSE;

  make_connections (&a, &b);
  tls = new_tls_client (G_IO_STREAM (a));
  *client = open_stream (tls, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (tls);
  tls = new_tls_server (G_IO_STREAM (b));
  *server = open_stream (tls, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (tls);
  g_object_unref (a);
  g_object_unref (b);
  return TRUE;
}

/* --- openssl s_server, which sends each line back, reversed --- */

typedef struct
{
  GPid pid;
  int output;
  guint16 port;
} Server;

static inline void
on_client_event (GSocketClient      *client,
                 GSocketClientEvent  event,
                 GSocketConnectable *connectable,
                 GIOStream          *connection,
                 gpointer            user_data)
{
  if (event == G_SOCKET_CLIENT_TLS_HANDSHAKING)
    g_signal_connect (connection, "accept-certificate", G_CALLBACK (on_accept), NULL);
}

static inline gboolean
start_openssl (Server *server)
{
  const char *arguments[] = {
    "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate_file, "-key", key_file, "-rev", NULL
  };
  GError *error = NULL;
  GString *said = g_string_new (NULL);
  char *place;

  if (!have_tls ())
    {
      g_string_free (said, TRUE);
      return FALSE;
    }

  g_assert_true (g_spawn_async_with_pipes (NULL, (char **) arguments, NULL,
                                           G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL,
                                           NULL, NULL, &server->pid, NULL, &server->output, NULL, &error));
  g_assert_no_error (error);

  /* "ACCEPT 127.0.0.1:40123" */
  while ((place = strstr (said->str, "ACCEPT 127.0.0.1:")) == NULL || strchr (place, '\n') == NULL)
    {
      char c;

      g_assert_cmpint (read (server->output, &c, 1), ==, 1);
      g_string_append_c (said, c);
    }
  server->port = (guint16) g_ascii_strtoull (strchr (place, ':') + 1, NULL, 10);
  g_string_free (said, TRUE);
  return TRUE;
}

static inline void
stop_openssl (Server *server)
{
  kill (server->pid, SIGKILL);
  waitpid (server->pid, NULL, 0);
  g_spawn_close_pid (server->pid);
  close (server->output);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tls-server ADDRESS CERTIFICATE: sends every line back in capitals, over TLS. The file has the certificate and its key. */

#include <kaaio/kaaio.h>

static void
on_readline (KaaIOChannel *client,
             GBytes       *line,
             gpointer      user_data)
{
  gsize length;
  const char *text = g_bytes_get_data (line, &length);
  char *answer = g_ascii_strup (text, length);
  GError *error = NULL;

  if (!kaa_io_channel_send_data (client, (const guint8 *) answer, length, &error))
    {
      /* It does not read what it asked for. */
      g_printerr ("%s\n", error->message);
      g_error_free (error);
      g_object_unref (kaa_io_channel_close (client, KAA_CLOSE_IMMEDIATE));
    }
  g_free (answer);
}

static void
on_new_client (KaaSocket *server,
               KaaSocket *client,
               gpointer   certificate)
{
  /* Who says nothing, or never ends the handshake, is not waited for longer than this. */
  kaa_io_channel_set_idle_timeout (KAA_IO_CHANNEL (client), 30);
  g_object_unref (kaa_socket_start_tls (client, NULL, certificate));
  g_signal_connect (client, "readline", G_CALLBACK (on_readline), NULL);
}

int
main (int   argc,
      char *argv[])
{
  GTlsCertificate *certificate;
  GSocketAddress *address;
  GError *error = NULL;
  KaaSocket *server;

  if (argc != 3)
    g_error ("usage: tls-server ADDRESS CERTIFICATE");

  certificate = g_tls_certificate_new_from_file (argv[2], &error);
  if (certificate == NULL)
    g_error ("%s", error->message);

  server = kaa_socket_new ();
  g_signal_connect (server, "new-client", G_CALLBACK (on_new_client), certificate);
  if (!kaa_socket_listen (server, argv[1], 0, &error))
    g_error ("%s", error->message);

  address = kaa_socket_get_local_address (server);
  g_print ("%u\n", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address)));
  g_main_loop_run (g_main_loop_new (NULL, FALSE));
  return 0;
}

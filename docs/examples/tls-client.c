/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* tls-client HOST:PORT [AUTHORITY]: sends standard input to a server over TLS, and prints what it answers. The file has the
 * certificates that are trusted, instead of the system's. */

#include <kaaio/kaaio.h>

#define SECONDS 10

static void
on_read (KaaIOChannel *channel,
         GBytes       *chunk,
         gpointer      user_data)
{
  gsize length;
  const char *text = g_bytes_get_data (chunk, &length);

  g_print ("%.*s", (int) length, text);
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  g_main_loop_quit (user_data);
}

static void
wait_for (KaaInProgress *future) /* taken */
{
  GError *error = NULL;

  if (kaa_in_progress_wait (future, SECONDS, &error) == NULL)
    g_error ("%s", error->message);
  g_object_unref (future);
}

int
main (int   argc,
      char *argv[])
{
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);
  KaaSocket *server = kaa_socket_new ();
  KaaIOChannel *channel = KAA_IO_CHANNEL (server);
  KaaIOChannel *input;
  KaaInProgress *protected;
  GError *error = NULL;

  if (argc < 2)
    g_error ("usage: tls-client HOST:PORT [AUTHORITY]");

  wait_for (kaa_socket_connect_to (server, argv[1]));
  /* The certificate must be for the host that was connected to. */
  protected = kaa_socket_start_tls (server, NULL, NULL);
  if (argc > 2)
    {
      GTlsDatabase *database = g_tls_file_database_new (argv[2], &error);

      if (database == NULL)
        g_error ("%s", error->message);
      g_tls_connection_set_database (kaa_socket_get_tls_connection (server), database);
      g_object_unref (database);
    }
  wait_for (protected);

  g_signal_connect (channel, "read", G_CALLBACK (on_read), NULL);
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), loop);
  input = kaa_io_channel_new_for_fd (0, KAA_IO_READ, &error);
  if (input == NULL)
    g_error ("%s", error->message);
  kaa_io_channel_set_close_on_eof (input, TRUE);
  wait_for (kaa_io_channel_splice (input, channel, KAA_SPLICE_NONE));
  /* That was all; the rest of the answer may still come. */
  wait_for (kaa_io_channel_shutdown (channel, KAA_IO_WRITE));
  if (kaa_io_channel_get_alive (channel))
    g_main_loop_run (loop);
  /* An end that the other side did not announce may be an attacker's. */
  if (kaa_io_channel_get_error (channel) != NULL)
    g_error ("%s", kaa_io_channel_get_error (channel)->message);

  g_object_unref (input);
  g_object_unref (server);
  g_main_loop_unref (loop);
  return 0;
}

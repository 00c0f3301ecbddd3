/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* echo ADDRESS: a server that sends each line back, to 100 clients at a time, none of which may be silent for a minute. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

#define MAX_CLIENTS 100
#define MAX_SILENCE 60.0
#define MAX_LINE    4096

static void
on_readline (KaaIOChannel *client,
             GBytes       *line,
             gpointer      user_data)
{
  /* A client that sends and does not read is refused once its queue is full: and then closed. */
  if (!kaa_io_channel_send (client, line, NULL))
    g_object_unref (kaa_io_channel_close (client, KAA_CLOSE_IMMEDIATE));
}

static void
on_new_client (KaaSocket *server,
               KaaSocket *client,
               gpointer   user_data)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (client);

  kaa_io_channel_set_queue_size (channel, MAX_LINE);
  kaa_io_channel_set_idle_timeout (channel, MAX_SILENCE);
  /* The connection keeps the channel alive, for as long as it is open. */
  g_signal_connect (client, "readline", G_CALLBACK (on_readline), NULL);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (KaaSocket) server = kaa_socket_new ();

  if (argc != 2)
    {
      g_printerr ("usage: %s ADDRESS\n", argv[0]);
      return EXIT_FAILURE;
    }

  kaa_socket_set_max_clients (server, MAX_CLIENTS);
  g_signal_connect (server, "new-client", G_CALLBACK (on_new_client), NULL);
  if (!kaa_socket_listen (server, argv[1], /* backlog= */ 0, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

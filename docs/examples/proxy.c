/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* proxy ADDRESS SERVER: connects each client to a server, and moves the bytes both ways. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

#define MAX_CLIENTS 100
#define MAX_CONNECT 10.0
#define MAX_SILENCE 300.0

typedef struct
{
  KaaIOChannel *client;
  KaaIOChannel *server;
  int           ways; /* that have not ended */
} Relay;

static void
relay_close (Relay         *relay,
             KaaCloseFlags  flags)
{
  g_object_unref (kaa_io_channel_close (relay->client, flags));
  g_object_unref (kaa_io_channel_close (relay->server, flags));
}

static void
relay_free (Relay *relay)
{
  g_object_unref (relay->client);
  g_object_unref (relay->server);
  g_free (relay);
}

static void
on_spliced (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Relay *relay = user_data;
  KaaIOChannel *from = KAA_IO_CHANNEL (source);
  KaaIOChannel *to = from == relay->client ? relay->server : relay->client;
  g_autoptr (GError) error = NULL;

  kaa_io_channel_splice_finish (from, result, &error);
  if (error != NULL)
    relay_close (relay, KAA_CLOSE_IMMEDIATE);
  else
    /* This way has ended; the other side may still have much to say. */
    g_object_unref (kaa_io_channel_shutdown (to, KAA_IO_WRITE));

  if (--relay->ways == 0)
    {
      relay_close (relay, KAA_CLOSE_NONE);
      relay_free (relay);
    }
}

static void
on_connected (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Relay *relay = user_data;
  g_autoptr (GError) error = NULL;

  if (!kaa_socket_connect_to_finish (KAA_SOCKET (source), result, &error))
    {
      g_printerr ("%s\n", error->message);
      relay_close (relay, KAA_CLOSE_IMMEDIATE);
      relay_free (relay);
      return;
    }
  relay->ways = 2;
  kaa_io_channel_splice_async (relay->client, relay->server, KAA_SPLICE_NONE, NULL, on_spliced, relay);
  kaa_io_channel_splice_async (relay->server, relay->client, KAA_SPLICE_NONE, NULL, on_spliced, relay);
}

/* The end of one way must not close the other. */
static KaaIOChannel *
prepare (KaaSocket *socket)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (socket);

  kaa_io_channel_set_close_on_eof (channel, FALSE);
  kaa_io_channel_set_idle_timeout (channel, MAX_SILENCE);
  return channel;
}

static void
on_new_client (KaaSocket *listener,
               KaaSocket *client,
               gpointer   address)
{
  Relay *relay = g_new0 (Relay, 1);
  KaaSocket *server = kaa_socket_new ();

  relay->client = prepare (g_object_ref (client));
  relay->server = prepare (server);
  kaa_socket_set_connect_timeout (server, MAX_CONNECT);
  kaa_socket_connect_to_async (server, address, NULL, on_connected, relay);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (KaaSocket) listener = kaa_socket_new ();

  if (argc != 3)
    {
      g_printerr ("usage: %s ADDRESS SERVER\n", argv[0]);
      return EXIT_FAILURE;
    }

  kaa_socket_set_max_clients (listener, MAX_CLIENTS);
  g_signal_connect (listener, "new-client", G_CALLBACK (on_new_client), argv[2]);
  if (!kaa_socket_listen (listener, argv[1], /* backlog= */ 0, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

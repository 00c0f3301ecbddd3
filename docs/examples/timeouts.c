/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* timeouts ADDRESS SECONDS: the time-outs of an attempt to connect, of one operation, and of a silent channel. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

int
main (int   argc,
      char *argv[])
{
  g_autoptr (KaaSocket) socket = kaa_socket_new ();
  KaaIOChannel *channel = KAA_IO_CHANNEL (socket);
  g_autoptr (KaaInProgress) connected = NULL;
  g_autoptr (KaaInProgress) reading = NULL;
  g_autoptr (KaaInProgress) limited = NULL;
  g_autoptr (KaaInProgress) waiting = NULL;
  g_autoptr (GBytes) answer = NULL;
  g_autoptr (GBytes) later = NULL;
  g_autoptr (GError) error = NULL;
  double seconds;

  if (argc != 3)
    {
      g_printerr ("usage: %s ADDRESS SECONDS\n", argv[0]);
      return EXIT_FAILURE;
    }
  seconds = g_ascii_strtod (argv[2], NULL);

  /* An attempt to connect, the name look-up included. */
  kaa_socket_set_connect_timeout (socket, seconds);
  connected = kaa_socket_connect_to (socket, argv[1]);
  if (!kaa_in_progress_wait_boolean (connected, -1, &error))
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        g_error ("%s", error->message);
      g_print ("connection: timed out\n");
      return EXIT_FAILURE;
    }

  /* One operation: it is aborted, and the channel stays as it is. */
  reading = kaa_io_channel_readline (channel);
  limited = kaa_in_progress_timeout (reading, seconds, /* abort= */ TRUE);
  answer = kaa_in_progress_wait_bytes (limited, -1, &error);
  if (answer == NULL)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        g_error ("%s", error->message);
      g_print ("operation: timed out, %s\n", kaa_io_channel_get_alive (channel) ? "open" : "closed");
      g_clear_error (&error);
    }

  /* No byte came or went: the channel is closed, and everything that waits for it fails. */
  kaa_io_channel_set_idle_timeout (channel, seconds);
  waiting = kaa_io_channel_readline (channel);
  later = kaa_in_progress_wait_bytes (waiting, -1, &error);
  if (later == NULL)
    {
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
        g_error ("%s", error->message);
      g_print ("channel: timed out, %s\n", kaa_io_channel_get_alive (channel) ? "open" : "closed");
    }
  return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ask ADDRESS LINE...: sends lines to a server, and prints as many that come back. */

#include <kaaio/kaaio.h>

#include <stdlib.h>
#include <string.h>

#define MAX_CONNECT 5.0  /* seconds to connect */
#define MAX_ANSWER  10.0 /* seconds for each answer */

static gboolean
ask (KaaIOChannel  *socket,
     const char    *line,
     GError       **error)
{
  g_autofree char *question = g_strconcat (line, "\n", NULL);
  g_autoptr (KaaInProgress) future = NULL;
  g_autoptr (GBytes) answer = NULL;

  if (!kaa_io_channel_send_data (socket, (const guint8 *) question, strlen (question), error))
    return FALSE;
  future = kaa_io_channel_readline (socket);
  answer = kaa_in_progress_wait_bytes (future, MAX_ANSWER, error);
  if (answer == NULL)
    return FALSE;
  if (g_bytes_get_size (answer) == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "The server has hung up");
      return FALSE;
    }
  g_print ("%.*s", (int) g_bytes_get_size (answer), (const char *) g_bytes_get_data (answer, NULL));
  return TRUE;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KaaSocket) socket = kaa_socket_new ();
  g_autoptr (KaaInProgress) connected = NULL;

  if (argc < 3)
    {
      g_printerr ("usage: %s ADDRESS LINE...\n", argv[0]);
      return EXIT_FAILURE;
    }

  kaa_socket_set_connect_timeout (socket, MAX_CONNECT);
  connected = kaa_socket_connect_to (socket, argv[1]);
  if (!kaa_in_progress_wait_boolean (connected, -1, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  for (int i = 2; i < argc; i++)
    if (!ask (KAA_IO_CHANNEL (socket), argv[i], &error))
      {
        g_printerr ("%s\n", error->message);
        return EXIT_FAILURE;
      }
  return EXIT_SUCCESS;
}

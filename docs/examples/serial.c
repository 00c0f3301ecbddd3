/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial DEVICE BAUD COMMAND: sends a command to a modem, and prints what it answers, up to OK or ERROR. */

#include <kaaio/kaaio.h>

#include <stdlib.h>
#include <string.h>

#define MAX_ANSWER 5.0 /* seconds for each line of the answer */

/* Returns: (nullable): the next line, without the space around it */
static char *
read_line (KaaIOChannel  *modem,
           GError       **error)
{
  g_autoptr (KaaInProgress) future = kaa_io_channel_readline (modem);
  g_autoptr (GBytes) line = kaa_in_progress_wait_bytes (future, MAX_ANSWER, error);
  gsize length;
  const char *text;

  /* There is no end of file: a modem that hangs up is an error too. */
  if (line == NULL)
    return NULL;
  text = g_bytes_get_data (line, &length);
  return g_strstrip (g_strndup (text, length));
}

static gboolean
ask (KaaIOChannel  *modem,
     const char    *command,
     GError       **error)
{
  g_autofree char *question = g_strconcat (command, "\r", NULL);
  gboolean ended = FALSE;

  if (!kaa_io_channel_send_data (modem, (const guint8 *) question, strlen (question), error))
    return FALSE;
  while (!ended)
    {
      g_autofree char *line = read_line (modem, error);

      if (line == NULL)
        return FALSE;
      g_print ("%s\n", line);
      ended = g_str_equal (line, "OK") || g_str_equal (line, "ERROR");
    }
  return TRUE;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KaaIOChannel) modem = NULL;

  if (argc != 4)
    {
      g_printerr ("usage: %s DEVICE BAUD COMMAND\n", argv[0]);
      return EXIT_FAILURE;
    }

  modem = kaa_io_channel_new_for_serial (argv[1], atoi (argv[2]), KAA_SERIAL_NONE, &error);
  if (modem == NULL || !ask (modem, argv[3], &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}

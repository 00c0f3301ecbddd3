/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transcript.c FD: reads three lines, writes one, closes, and says so at every step. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

static const char *
bool_to_string (gboolean value)
{
  return value ? "true" : "false";
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  KaaInProgress *closed = user_data;

  kaa_in_progress_finish_boolean (closed, expected);
}

static gboolean
run (int      fd,
     GError **error)
{
  g_autoptr (GError) refusal = NULL;
  g_autoptr (KaaInProgress) closed = kaa_in_progress_new (NULL);
  g_autoptr (KaaInProgress) writing = NULL;
  g_autoptr (KaaInProgress) closing = NULL;
  g_autoptr (KaaInProgress) late = NULL;
  g_autoptr (KaaIOChannel) channel = NULL;
  gint64 written;
  gboolean expected;

  channel = kaa_io_channel_new_for_fd (fd, KAA_IO_READ | KAA_IO_WRITE, error);
  if (channel == NULL)
    return FALSE;
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), closed);
  g_print ("opened: alive=%s mode=%d\n",
           bool_to_string (kaa_io_channel_get_alive (channel)),
           (int) kaa_io_channel_get_mode (channel));

  for (int i = 1; i <= 3; i++)
    {
      g_autoptr (KaaInProgress) reading = kaa_io_channel_readline (channel);
      g_autoptr (GBytes) line = kaa_in_progress_wait_bytes (reading, -1, error);
      const char *text;
      gsize length;

      if (line == NULL)
        return FALSE;
      text = g_bytes_get_data (line, &length);
      g_print ("line %d: %.*s", i, (int) length, text);
    }

  writing = kaa_io_channel_write (channel, (const guint8 *) "delta\n", 6);
  written = kaa_in_progress_wait_int (writing, -1, error);
  if (written < 0)
    return FALSE;
  g_print ("wrote %" G_GINT64_FORMAT "\n", written);

  closing = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  expected = kaa_in_progress_wait_boolean (closing, -1, error);
  g_print ("close finished: expected=%s\n", bool_to_string (expected));
  expected = kaa_in_progress_wait_boolean (closed, -1, error);
  g_print ("closed: expected=%s\n", bool_to_string (expected));

  g_print ("after: alive=%s\n", bool_to_string (kaa_io_channel_get_alive (channel)));
  late = kaa_io_channel_write (channel, (const guint8 *) "late\n", 5);
  kaa_in_progress_wait_int (late, -1, &refusal);
  g_print ("write after close: %s\n",
           g_error_matches (refusal, G_IO_ERROR, G_IO_ERROR_CLOSED) ? "refused" : "taken");
  return TRUE;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;

  if (argc != 2 || !run (atoi (argv[1]), &error))
    {
      g_printerr ("%s\n", error ? error->message : "usage: transcript FD");
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}

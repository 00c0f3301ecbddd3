/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lines COMMAND [ARGUMENT...]: counts the lines that a command prints, by signal. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

typedef struct
{
  GMainLoop *loop;
  guint64 lines;
  guint64 bytes;
} Count;

static void
on_readline (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      user_data)
{
  Count *count = user_data;

  count->lines++;
  count->bytes += g_bytes_get_size (line);
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  Count *count = user_data;

  /* The last signal of a channel: every line has been seen. */
  g_main_loop_quit (count->loop);
}

/* Returns the reading end of a pipe that the command writes to, or -1. */
static int
start_command (char   **argv,
               GError **error)
{
  int output = -1;

  g_spawn_async_with_pipes (/* working_directory= */ NULL, argv, /* envp= */ NULL,
                            G_SPAWN_SEARCH_PATH,
                            /* child_setup= */ NULL, /* user_data= */ NULL,
                            /* child_pid= */ NULL,
                            /* standard_input= */ NULL, &output, /* standard_error= */ NULL,
                            error);
  return output;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (KaaIOChannel) channel = NULL;
  Count count = { loop, 0, 0 };
  gint64 start = g_get_monotonic_time ();
  double seconds;
  int output;

  if (argc < 2)
    {
      g_printerr ("usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
      return EXIT_FAILURE;
    }

  output = start_command (argv + 1, &error);
  if (output >= 0)
    channel = kaa_io_channel_new_for_fd (output, KAA_IO_READ, &error);
  if (channel == NULL)
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }

  g_signal_connect (channel, "readline", G_CALLBACK (on_readline), &count);
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), &count);
  g_main_loop_run (loop);

  seconds = MAX (1, g_get_monotonic_time () - start) / 1e6;
  g_print ("%" G_GUINT64_FORMAT " lines, %" G_GUINT64_FORMAT " bytes, %.0f lines/s\n",
           count.lines, count.bytes, count.lines / seconds);

  /* A closed channel tells why, unless it was the end of the file. */
  if (kaa_io_channel_get_error (channel) != NULL)
    {
      g_printerr ("%s\n", kaa_io_channel_get_error (channel)->message);
      return EXIT_FAILURE;
    }
  return EXIT_SUCCESS;
}

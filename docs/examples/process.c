/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process COMMAND [ARGUMENT...]: runs a command, and tells its output from its errors. */

#include <kaaio/kaaio.h>

#include <stdlib.h>

static void
on_readline (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      name)
{
  gsize length;
  const char *text = g_bytes_get_data (line, &length);

  g_print ("%s: %.*s", (const char *) name, (int) length, text);
}

static void
on_finished (KaaProcess *process,
             int         status,
             gpointer    loop)
{
  g_print ("ended with %d\n", status);
  g_main_loop_quit (loop);
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (KaaProcess) process = NULL;

  if (argc < 2)
    {
      g_printerr ("usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
      return EXIT_FAILURE;
    }

  process = kaa_process_new ((const char * const *) argv + 1, KAA_PROCESS_STDERR_PIPE);
  if (!kaa_process_start (process, &error))
    {
      g_printerr ("%s\n", error->message);
      return EXIT_FAILURE;
    }
  g_signal_connect (process, "readline", G_CALLBACK (on_readline), "out");
  g_signal_connect (kaa_process_get_stderr_channel (process), "readline", G_CALLBACK (on_readline), "err");
  /* When the command has ended, and all that it said was read. */
  g_signal_connect (process, "finished", G_CALLBACK (on_finished), loop);
  /* There is nothing for it to read. */
  g_object_unref (kaa_io_channel_shutdown (KAA_IO_CHANNEL (process), KAA_IO_WRITE));

  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

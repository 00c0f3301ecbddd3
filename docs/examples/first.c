/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* first: prints each line of standard input (a pipe, a terminal, a file) with its number. */

#include <kaaio/kaaio.h>

static void
on_readline (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      user_data)
{
  guint *number = user_data;
  gsize length;
  const char *text = g_bytes_get_data (line, &length);

  g_print ("%u: %.*s", ++*number, (int) length, text);
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  g_main_loop_quit (user_data);
}

int
main (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (KaaIOChannel) channel = kaa_io_channel_new_for_fd (0, KAA_IO_READ, &error);
  guint number = 0;

  if (channel == NULL)
    g_error ("%s", error->message);

  /* A file may grow, so by default a channel stays open at its end. */
  kaa_io_channel_set_close_on_eof (channel, TRUE);
  g_signal_connect (channel, "readline", G_CALLBACK (on_readline), &number);
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), loop);
  g_main_loop_run (loop);
  return 0;
}

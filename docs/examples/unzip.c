/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* unzip: numbers the lines of a gzip file on standard input. */

#include <kaaio/kaaio.h>

#include <gio/gunixinputstream.h>

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
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);
  GInputStream *compressed = g_unix_input_stream_new (0, /* close_fd= */ FALSE);
  GConverter *decompressor = G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  GInputStream *stream = g_converter_input_stream_new (compressed, decompressor);
  GError *error = NULL;
  guint number = 0;
  int status = 0;

  KaaIOChannel *channel = kaa_io_channel_new_for_stream (G_OBJECT (stream), KAA_IO_READ, &error);
  if (channel == NULL)
    g_error ("%s", error->message);

  g_signal_connect (channel, "readline", G_CALLBACK (on_readline), &number);
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), loop);
  g_main_loop_run (loop);

  /* What is no gzip file, or is cut off, is an error, not an end. */
  if (kaa_io_channel_get_error (channel) != NULL)
    {
      g_printerr ("%s\n", kaa_io_channel_get_error (channel)->message);
      status = 1;
    }

  g_object_unref (channel);
  g_object_unref (stream);
  g_object_unref (decompressor);
  g_object_unref (compressed);
  g_main_loop_unref (loop);
  return status;
}

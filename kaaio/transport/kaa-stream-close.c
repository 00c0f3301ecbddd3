/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* GIO streams that a channel holds: what is at the bottom of them, and closing them. */

#include "transport/kaa-stream-transport.h"

G_DEFINE_INTERFACE (KaaCuttable, kaa_cuttable, G_TYPE_OBJECT)

static void
kaa_cuttable_default_init (KaaCuttableInterface *iface)
{
}

GSocket *
kaa_stream_find_socket (GObject *stream)
{
  while (G_IS_TLS_CONNECTION (stream))
    {
      GIOStream *base = NULL;

      g_object_get (stream, "base-io-stream", &base, NULL);
      if (base == NULL)
        return NULL;
      stream = G_OBJECT (base);
      /* The connection above keeps it. */
      g_object_unref (base);
    }

  return G_IS_SOCKET_CONNECTION (stream) ? g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)) : NULL;
}

/* What a stream goes through, and closes with itself; not referenced. NULL if there is none. */
static GObject *
get_base (GObject *stream)
{
  GIOStream *base = NULL;

  if (G_IS_FILTER_INPUT_STREAM (stream) && g_filter_input_stream_get_close_base_stream (G_FILTER_INPUT_STREAM (stream)))
    return G_OBJECT (g_filter_input_stream_get_base_stream (G_FILTER_INPUT_STREAM (stream)));
  if (G_IS_FILTER_OUTPUT_STREAM (stream) && g_filter_output_stream_get_close_base_stream (G_FILTER_OUTPUT_STREAM (stream)))
    return G_OBJECT (g_filter_output_stream_get_base_stream (G_FILTER_OUTPUT_STREAM (stream)));
  if (G_IS_TLS_CONNECTION (stream))
    {
      g_object_get (stream, "base-io-stream", &base, NULL);
      /* The connection above keeps it. */
      if (base != NULL)
        g_object_unref (base);
    }
  return (GObject *) base;
}

void
kaa_stream_cut (GObject *stream)
{
  GObject *base;

  while ((base = get_base (stream)) != NULL)
    stream = base;

  if (KAA_IS_CUTTABLE (stream))
    {
      KAA_CUTTABLE_GET_IFACE (stream)->cut (KAA_CUTTABLE (stream));
    }
  else if (G_IS_SOCKET_CONNECTION (stream))
    {
      /* Whoever waits for the other side in another thread, such as a handshake, is not to go on with that. */
      g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream)), TRUE, TRUE, NULL);
    }
  else if (G_IS_IO_STREAM (stream) && !G_IS_TLS_CONNECTION (stream))
    {
      kaa_stream_cut (G_OBJECT (g_io_stream_get_input_stream (G_IO_STREAM (stream))));
      kaa_stream_cut (G_OBJECT (g_io_stream_get_output_stream (G_IO_STREAM (stream))));
    }
}

void
kaa_stream_close (GObject *stream)
{
  GError *error = NULL;

  if (G_IS_SOCKET (stream))
    {
      g_socket_close (G_SOCKET (stream), &error);
    }
  else if (G_IS_IO_STREAM (stream))
    {
      /* A connection that is to disconnect gracefully would wait for the other side, which has been done already. */
      GCancellable *cancelled = G_IS_SOCKET_CONNECTION (stream) ? g_cancellable_new () : NULL;

      if (cancelled != NULL)
        g_cancellable_cancel (cancelled);
      g_io_stream_close (G_IO_STREAM (stream), cancelled, &error);
      g_clear_object (&cancelled);
    }
  else if (G_IS_INPUT_STREAM (stream))
    {
      g_input_stream_close (G_INPUT_STREAM (stream), NULL, &error);
    }
  else
    {
      g_output_stream_close (G_OUTPUT_STREAM (stream), NULL, &error);
    }

  if (error != NULL)
    {
      g_debug ("Closing a %s failed: %s", G_OBJECT_TYPE_NAME (stream), error->message);
      g_error_free (error);
    }
}

void
kaa_transport_close_fd (int              fd,
                        const KaaFdInfo *info,
                        GObject         *stream)
{
  if (!kaa_sys_is_same (fd, info))
    return;

  if (stream != NULL)
    kaa_stream_close (stream);
  else
    kaa_sys_close (fd);
}

void
kaa_stream_closed (GObject      *stream,
                   GAsyncResult *result,
                   gpointer      user_data)
{
  if (G_IS_IO_STREAM (stream))
    g_io_stream_close_finish (G_IO_STREAM (stream), result, NULL);
  else if (G_IS_INPUT_STREAM (stream))
    g_input_stream_close_finish (G_INPUT_STREAM (stream), result, NULL);
  else
    g_output_stream_close_finish (G_OUTPUT_STREAM (stream), result, NULL);
}

void
kaa_stream_begin_close (GObject            *stream,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  if (G_IS_IO_STREAM (stream))
    g_io_stream_close_async (G_IO_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
  else if (G_IS_INPUT_STREAM (stream))
    g_input_stream_close_async (G_INPUT_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
  else
    g_output_stream_close_async (G_OUTPUT_STREAM (stream), G_PRIORITY_DEFAULT, NULL, callback, user_data);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening for GIO streams: by the descriptor where the stream has one of its own, through its methods otherwise. */

#include "channel/kaa-io-channel-private.h"

#include <gio/gfiledescriptorbased.h>

/* What a stream is made of. */
typedef struct
{
  GInputStream *input;   /* NULL where it has none, or it is not wanted */
  GOutputStream *output;
  int fd;                /* -1 if it has none of its own */
} Parts;

static int
get_fd (gpointer stream)
{
  return G_IS_FILE_DESCRIPTOR_BASED (stream) ? g_file_descriptor_based_get_fd (stream) : -1;
}

static gboolean
take_apart (GObject         *stream,
            KaaIOCondition   mode,
            Parts           *parts,
            GError         **error)
{
  *parts = (Parts) { NULL, NULL, -1 };

  if (G_IS_SOCKET (stream))
    {
      parts->fd = g_socket_get_fd (G_SOCKET (stream));
      return TRUE;
    }

  if (G_IS_IO_STREAM (stream))
    {
      parts->input = (mode & KAA_IO_READ) ? g_io_stream_get_input_stream (G_IO_STREAM (stream)) : NULL;
      parts->output = (mode & KAA_IO_WRITE) ? g_io_stream_get_output_stream (G_IO_STREAM (stream)) : NULL;
    }
  else if (G_IS_INPUT_STREAM (stream) && mode == KAA_IO_READ)
    {
      parts->input = G_INPUT_STREAM (stream);
    }
  else if (G_IS_OUTPUT_STREAM (stream) && mode == KAA_IO_WRITE)
    {
      parts->output = G_OUTPUT_STREAM (stream);
    }
  else if (G_IS_INPUT_STREAM (stream) || G_IS_OUTPUT_STREAM (stream))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A %s has one direction; the mode must be %s", G_OBJECT_TYPE_NAME (stream),
                   G_IS_INPUT_STREAM (stream) ? "KAA_IO_READ" : "KAA_IO_WRITE");
      return FALSE;
    }
  else
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "A %s is no stream; use a GIOStream, a GInputStream, a GOutputStream or a GSocket",
                   G_OBJECT_TYPE_NAME (stream));
      return FALSE;
    }

  /* A wrapper has the socket's descriptor, but what goes over it goes through the streams of its base. */
  if (parts->input != NULL)
    parts->fd = get_fd (parts->input);
  if (parts->output != NULL)
    {
      int fd = get_fd (parts->output);

      if (parts->input != NULL && fd != parts->fd)
        fd = -1;
      parts->fd = fd;
    }
  return TRUE;
}

static gboolean
check_stream (GObject         *stream,
              KaaIOCondition   mode,
              GError         **error)
{
  gboolean closed = FALSE, pending = FALSE;

  if (mode == 0 || (mode & ~(KAA_IO_READ | KAA_IO_WRITE)) != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "The mode of a channel is KAA_IO_READ, KAA_IO_WRITE or both");
      return FALSE;
    }

  if (G_IS_SOCKET (stream))
    {
      closed = g_socket_is_closed (G_SOCKET (stream));
    }
  else if (G_IS_IO_STREAM (stream))
    {
      closed = g_io_stream_is_closed (G_IO_STREAM (stream));
      pending = g_io_stream_has_pending (G_IO_STREAM (stream));
    }
  else if (G_IS_INPUT_STREAM (stream))
    {
      closed = g_input_stream_is_closed (G_INPUT_STREAM (stream));
      pending = g_input_stream_has_pending (G_INPUT_STREAM (stream));
    }
  else if (G_IS_OUTPUT_STREAM (stream))
    {
      closed = g_output_stream_is_closed (G_OUTPUT_STREAM (stream));
      pending = g_output_stream_has_pending (G_OUTPUT_STREAM (stream));
    }

  if (closed)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The stream is closed already");
  else if (pending)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                         "An operation of the stream is under way; wait until it has finished");
  return !closed && !pending;
}

/**
 * kaa_io_channel_wrap_stream:
 * @self: a channel
 * @stream: a [class@Gio.IOStream], [class@Gio.InputStream], [class@Gio.OutputStream] or [class@Gio.Socket]
 * @mode: what it is used for
 * @error: return location for an error
 *
 * Makes the channel represent a GIO stream.
 *
 * A stream that has a descriptor of its own (a socket connection, a pipe, a local file) is read and written by it, as with
 * [method@Kaa.IOChannel.wrap_fd]. Anything else (a TLS connection, a converter, a stream in memory) goes through the stream itself:
 * without ever blocking where it is pollable, and by its asynchronous methods where it is not. Its errors, such as those
 * of TLS, pass unchanged.
 *
 * The channel holds the stream, and closes it when it is closed, unless [property@Kaa.IOChannel:close-fd] is unset. Nobody else
 * should use it meanwhile. Closing a TLS connection tells the other side so; an input that ends without being told is an error there.
 *
 * What the channel had open before is closed immediately. It fails with `G_IO_ERROR_CLOSED` if the stream is closed,
 * `G_IO_ERROR_PENDING` if an operation of it is under way, `G_IO_ERROR_INVALID_ARGUMENT` if it does not allow the mode, and with
 * `G_IO_ERROR_NOT_SUPPORTED` for other objects, and for datagram and seqpacket sockets. Then the channel is unchanged, and so is @stream.
 *
 * Returns: %TRUE if the channel is open
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_wrap_stream (KaaIOChannel    *self,
                            GObject         *stream,
                            KaaIOCondition   mode,
                            GError         **error)
{
  KaaTransport *transport;
  Parts parts;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (G_IS_OBJECT (stream), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!kaa_channel_check_openable (self, error) ||
      !check_stream (stream, mode, error) ||
      !take_apart (stream, mode, &parts, error))
    return FALSE;

  if (parts.fd >= 0)
    transport = kaa_channel_new_transport (self, parts.fd, stream, mode, error);
  else
    transport = kaa_channel_filter_transport (self, kaa_stream_transport_new (stream, parts.input, parts.output));

  return transport != NULL && kaa_channel_open_transports (self,
                                                           (mode & KAA_IO_READ) ? transport : NULL,
                                                           (mode & KAA_IO_WRITE) ? transport : NULL,
                                                           error);
}

/**
 * kaa_io_channel_new_for_stream:
 * @stream: a [class@Gio.IOStream], [class@Gio.InputStream], [class@Gio.OutputStream] or [class@Gio.Socket]
 * @mode: what it is used for
 * @error: return location for an error
 *
 * Makes a channel for a GIO stream: see [method@Kaa.IOChannel.wrap_stream].
 *
 * Returns: (transfer full): a new channel, or %NULL with @error set
 *
 * Since: 1.0
 */
KaaIOChannel *
kaa_io_channel_new_for_stream (GObject         *stream,
                               KaaIOCondition   mode,
                               GError         **error)
{
  KaaIOChannel *self;

  g_return_val_if_fail (G_IS_OBJECT (stream), NULL);

  self = kaa_io_channel_new ();
  if (!kaa_io_channel_wrap_stream (self, stream, mode, error))
    g_clear_object (&self);
  return self;
}

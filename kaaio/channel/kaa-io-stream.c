/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A channel as a GIOStream: for what is written against GIO. */

#include "channel/kaa-io-channel-private.h"
#include "channel/kaa-io-input.h"
#include "channel/kaa-io-output.h"
#include "channel/kaa-stream-op.h"

#define KAA_TYPE_IO_STREAM (kaa_io_stream_get_type ())

G_DECLARE_FINAL_TYPE (KaaIOStream, kaa_io_stream, KAA, IO_STREAM, GIOStream)

/*
 * KaaIOStream:
 *
 * It holds the channel; the channel does not hold it, but knows it as long as it is there. Closing it closes the channel,
 * dropping it does not.
 */
struct _KaaIOStream
{
  GIOStream parent_instance;
  KaaIOChannel *channel;
  GInputStream *input;
  GOutputStream *output;
  gboolean disposed;
};

static void kaa_io_stream_cuttable_init (KaaCuttableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (KaaIOStream, kaa_io_stream, G_TYPE_IO_STREAM,
                               G_IMPLEMENT_INTERFACE (KAA_TYPE_CUTTABLE, kaa_io_stream_cuttable_init))

/* GWeakRef of the stream, in its channel. */
static G_DEFINE_QUARK (kaa-io-stream, kaa_io_stream)

static GInputStream *
kaa_io_stream_get_input_stream (GIOStream *stream)
{
  return KAA_IO_STREAM (stream)->input;
}

static GOutputStream *
kaa_io_stream_get_output_stream (GIOStream *stream)
{
  return KAA_IO_STREAM (stream)->output;
}

/* --- close --- */

/* The channel is closed as a whole, so that nothing is left to do for its parts. */
static void
close_parts (KaaIOStream *self)
{
  kaa_io_output_detach (KAA_IO_OUTPUT (self->output));
  kaa_io_input_detach (KAA_IO_INPUT (self->input));
  g_output_stream_close (self->output, NULL, NULL);
  g_input_stream_close (self->input, NULL, NULL);
}

static gboolean
kaa_io_stream_close (GIOStream     *stream,
                     GCancellable  *cancellable,
                     GError       **error)
{
  KaaIOStream *self = KAA_IO_STREAM (stream);
  gboolean closed;

  if (self->disposed)
    return TRUE;

  closed = kaa_stream_op_run (self->channel, KAA_STREAM_OP_CLOSE, NULL, 0, cancellable, error) >= 0;
  close_parts (self);
  return closed;
}

static void
kaa_io_stream_close_async (GIOStream           *stream,
                           int                  io_priority,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  kaa_stream_op_start (stream, KAA_IO_STREAM (stream)->channel, KAA_STREAM_OP_CLOSE, NULL, 0,
                       io_priority, cancellable, callback, user_data);
}

static gboolean
kaa_io_stream_close_finish (GIOStream     *stream,
                            GAsyncResult  *result,
                            GError       **error)
{
  close_parts (KAA_IO_STREAM (stream));
  return kaa_stream_op_finish (result, error) >= 0;
}

static void
kaa_io_stream_cut (KaaCuttable *self)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_STREAM (self)->channel, KAA_CLOSE_IMMEDIATE));
}

static void
kaa_io_stream_cuttable_init (KaaCuttableInterface *iface)
{
  iface->cut = kaa_io_stream_cut;
}

/* --- class --- */

/* GIOStream would close itself, and wait for that. */
static void
kaa_io_stream_dispose (GObject *object)
{
  KAA_IO_STREAM (object)->disposed = TRUE;
  G_OBJECT_CLASS (kaa_io_stream_parent_class)->dispose (object);
}

static void
kaa_io_stream_finalize (GObject *object)
{
  KaaIOStream *self = KAA_IO_STREAM (object);

  g_object_unref (self->input);
  g_object_unref (self->output);
  g_object_unref (self->channel);
  G_OBJECT_CLASS (kaa_io_stream_parent_class)->finalize (object);
}

static void
kaa_io_stream_class_init (KaaIOStreamClass *klass)
{
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kaa_io_stream_dispose;
  G_OBJECT_CLASS (klass)->finalize = kaa_io_stream_finalize;
  stream_class->get_input_stream = kaa_io_stream_get_input_stream;
  stream_class->get_output_stream = kaa_io_stream_get_output_stream;
  stream_class->close_fn = kaa_io_stream_close;
  stream_class->close_async = kaa_io_stream_close_async;
  stream_class->close_finish = kaa_io_stream_close_finish;
}

static void
kaa_io_stream_init (KaaIOStream *self)
{
}

static void
free_weak_ref (gpointer data)
{
  g_weak_ref_clear (data);
  g_free (data);
}

/**
 * kaa_io_channel_get_io_stream:
 * @self: a channel
 *
 * The channel as a GIO stream: for [class@Gio.DBusConnection], [class@Gio.DataInputStream], [class@Gio.TlsConnection], and whatever
 * else wants a [class@Gio.IOStream].
 *
 * Its input stream reads by requests, as [method@Kaa.IOChannel.read] does: they stand in line with others, take no more bytes than they are
 * given room for, and one that is cancelled takes none. Its output stream writes into the channel's queue, and waits while that is
 * full: a write is done when it is queued, and flushing waits until all is out, and tells what became of it.
 *
 * Closing the stream closes the channel, as [method@Kaa.IOChannel.close] does: behind what is queued, while what comes is thrown away.
 * It fails where not all went out, and the channel is closed all the same; when it is cancelled it is closed at once. Closing only the
 * output stream half-closes the channel, where that is possible. Where nothing is left then, because the channel has no input or the
 * input stream is closed, the channel is closed, and likewise with the input stream of a channel that has no output. Dropping the
 * streams does nothing; what stands above them (a [class@Gio.DataInputStream], say) may close them when it is dropped, unless it is
 * told not to. The streams hold the channel.
 *
 * The streams may be used in any thread, as GIO does it; the work is done in the channel's, whose main context must run. The calls
 * that block iterate the main context if they are made in the channel's thread, so other callbacks run meanwhile. The streams are
 * pollable in the channel's thread. Where that main context goes, a call that is under way in another one fails with `G_IO_ERROR_CLOSED`,
 * whether it blocks or is asynchronous.
 *
 * Returns: (transfer full): the stream; always the same one while it is referenced
 *
 * Since: 1.0
 */
GIOStream *
kaa_io_channel_get_io_stream (KaaIOChannel *self)
{
  KaaStreamHalves *halves;
  KaaIOStream *stream;
  GWeakRef *known;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  known = g_object_get_qdata (G_OBJECT (self), kaa_io_stream_quark ());
  if (known == NULL)
    {
      known = g_new0 (GWeakRef, 1);
      g_weak_ref_init (known, NULL);
      g_object_set_qdata_full (G_OBJECT (self), kaa_io_stream_quark (), known, free_weak_ref);
    }

  stream = g_weak_ref_get (known);
  if (stream == NULL)
    {
      stream = g_object_new (KAA_TYPE_IO_STREAM, NULL);
      stream->channel = g_object_ref (self);
      halves = g_atomic_rc_box_new0 (KaaStreamHalves);
      stream->input = kaa_io_input_new (self, halves);
      stream->output = kaa_io_output_new (self, halves);
      g_atomic_rc_box_release (halves);
      g_weak_ref_set (known, stream);
    }
  return G_IO_STREAM (stream);
}

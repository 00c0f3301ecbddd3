/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel/kaa-io-output.h"

#include "channel/kaa-io-channel-private.h"
#include "channel/kaa-io-source.h"
#include "channel/kaa-stream-op.h"

/*
 * KaaIOOutput:
 *
 * A write is done when the channel has queued it; it waits while the queue is full. Flushing waits until all is
 * out. Closing it half-closes the channel, where that is possible, and closes it where there is no input, or none any more.
 */
struct _KaaIOOutput
{
  GOutputStream parent_instance;
  KaaIOChannel *channel;
  KaaStreamHalves *halves;
  gint detached; /* atomic */
};

static void kaa_io_output_pollable_init (GPollableOutputStreamInterface *iface);
static void kaa_io_output_cuttable_init (KaaCuttableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (KaaIOOutput, kaa_io_output, G_TYPE_OUTPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, kaa_io_output_pollable_init)
                         G_IMPLEMENT_INTERFACE (KAA_TYPE_CUTTABLE, kaa_io_output_cuttable_init))

static gssize
kaa_io_output_write (GOutputStream  *stream,
                     const void     *buffer,
                     gsize           count,
                     GCancellable   *cancellable,
                     GError        **error)
{
  return kaa_stream_op_run (KAA_IO_OUTPUT (stream)->channel, KAA_STREAM_OP_WRITE, (gpointer) buffer, count, cancellable, error);
}

static void
kaa_io_output_write_async (GOutputStream       *stream,
                           const void          *buffer,
                           gsize                count,
                           int                  io_priority,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  kaa_stream_op_start (stream, KAA_IO_OUTPUT (stream)->channel, KAA_STREAM_OP_WRITE, (gpointer) buffer, count,
                       io_priority, cancellable, callback, user_data);
}

static gssize
kaa_io_output_write_finish (GOutputStream  *stream,
                            GAsyncResult   *result,
                            GError        **error)
{
  return kaa_stream_op_finish (result, error);
}

/* --- flush and close --- */

static gboolean
run (GOutputStream    *stream,
     KaaStreamOpKind   kind,
     gsize             flags,
     GCancellable     *cancellable,
     GError          **error)
{
  KaaIOOutput *self = KAA_IO_OUTPUT (stream);

  return g_atomic_int_get (&self->detached) || kaa_stream_op_run (self->channel, kind, NULL, flags, cancellable, error) >= 0;
}

static void
start (GOutputStream       *stream,
       KaaStreamOpKind      kind,
       gsize                flags,
       int                  io_priority,
       GCancellable        *cancellable,
       GAsyncReadyCallback  callback,
       gpointer             user_data)
{
  KaaIOOutput *self = KAA_IO_OUTPUT (stream);
  GTask *task;

  if (!g_atomic_int_get (&self->detached))
    {
      kaa_stream_op_start (stream, self->channel, kind, NULL, flags, io_priority, cancellable, callback, user_data);
      return;
    }

  task = g_task_new (stream, NULL, callback, user_data);
  g_task_set_priority (task, io_priority);
  g_task_return_int (task, 0);
  g_object_unref (task);
}

static gboolean
kaa_io_output_flush (GOutputStream  *stream,
                     GCancellable   *cancellable,
                     GError        **error)
{
  return run (stream, KAA_STREAM_OP_FLUSH, 0, cancellable, error);
}

static void
kaa_io_output_flush_async (GOutputStream       *stream,
                           int                  io_priority,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  start (stream, KAA_STREAM_OP_FLUSH, 0, io_priority, cancellable, callback, user_data);
}

static gboolean
kaa_io_output_close (GOutputStream  *stream,
                     GCancellable   *cancellable,
                     GError        **error)
{
  gsize flags = kaa_stream_halves_close (KAA_IO_OUTPUT (stream)->halves, KAA_IO_WRITE);

  return run (stream, KAA_STREAM_OP_CLOSE_OUTPUT, flags, cancellable, error);
}

static void
kaa_io_output_close_async (GOutputStream       *stream,
                           int                  io_priority,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  gsize flags = kaa_stream_halves_close (KAA_IO_OUTPUT (stream)->halves, KAA_IO_WRITE);

  start (stream, KAA_STREAM_OP_CLOSE_OUTPUT, flags, io_priority, cancellable, callback, user_data);
}

static gboolean
kaa_io_output_finish (GOutputStream  *stream,
                      GAsyncResult   *result,
                      GError        **error)
{
  return kaa_stream_op_finish (result, error) >= 0;
}

void
kaa_io_output_detach (KaaIOOutput *self)
{
  g_atomic_int_set (&self->detached, TRUE);
}

static void
kaa_io_output_cut (KaaCuttable *cuttable)
{
  KaaIOOutput *self = KAA_IO_OUTPUT (cuttable);
  gsize flags = kaa_stream_halves_close (self->halves, KAA_IO_WRITE);

  kaa_stream_op_start (self, self->channel, KAA_STREAM_OP_CLOSE_OUTPUT, NULL, flags | KAA_STREAM_OP_AT_ONCE,
                       G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static void
kaa_io_output_cuttable_init (KaaCuttableInterface *iface)
{
  iface->cut = kaa_io_output_cut;
}

/* --- pollable --- */

static gboolean
kaa_io_output_can_poll (GPollableOutputStream *stream)
{
  return kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_OUTPUT (stream)->channel));
}

static gsize
get_room (KaaIOOutput *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self->channel);

  return kaa_subtract (priv->options->queue_size, kaa_channel_get_reserved (priv));
}

static gboolean
kaa_io_output_is_writable (GPollableOutputStream *stream)
{
  KaaIOOutput *self = KAA_IO_OUTPUT (stream);

  return get_room (self) > 0 || !kaa_io_channel_get_alive (self->channel);
}

static gssize
kaa_io_output_write_nonblocking (GPollableOutputStream  *stream,
                                 const void             *buffer,
                                 gsize                   count,
                                 GError                **error)
{
  KaaIOOutput *self = KAA_IO_OUTPUT (stream);
  gsize length = MIN (count, get_room (self));
  GBytes *bytes;
  gboolean sent;

  if (length == 0 && count > 0 && kaa_io_channel_get_alive (self->channel))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The write queue is full");
      return -1;
    }

  bytes = g_bytes_new (buffer, length);
  sent = kaa_io_channel_send (self->channel, bytes, error);
  g_bytes_unref (bytes);
  return sent ? (gssize) length : -1;
}

static GSource *
kaa_io_output_create_source (GPollableOutputStream *stream,
                             GCancellable          *cancellable)
{
  return kaa_io_source_new (G_OBJECT (stream), KAA_IO_OUTPUT (stream)->channel, KAA_IO_WRITE, cancellable);
}

static void
kaa_io_output_pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->can_poll = kaa_io_output_can_poll;
  iface->is_writable = kaa_io_output_is_writable;
  iface->write_nonblocking = kaa_io_output_write_nonblocking;
  iface->create_source = kaa_io_output_create_source;
}

/* --- class --- */

/* GOutputStream would flush and close, and wait for that. */
static void
kaa_io_output_dispose (GObject *object)
{
  kaa_io_output_detach (KAA_IO_OUTPUT (object));
  G_OBJECT_CLASS (kaa_io_output_parent_class)->dispose (object);
}

static void
kaa_io_output_finalize (GObject *object)
{
  g_object_unref (KAA_IO_OUTPUT (object)->channel);
  g_atomic_rc_box_release (KAA_IO_OUTPUT (object)->halves);
  G_OBJECT_CLASS (kaa_io_output_parent_class)->finalize (object);
}

static void
kaa_io_output_class_init (KaaIOOutputClass *klass)
{
  GOutputStreamClass *stream_class = G_OUTPUT_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kaa_io_output_dispose;
  G_OBJECT_CLASS (klass)->finalize = kaa_io_output_finalize;
  stream_class->write_fn = kaa_io_output_write;
  stream_class->write_async = kaa_io_output_write_async;
  stream_class->write_finish = kaa_io_output_write_finish;
  stream_class->flush = kaa_io_output_flush;
  stream_class->flush_async = kaa_io_output_flush_async;
  stream_class->flush_finish = kaa_io_output_finish;
  stream_class->close_fn = kaa_io_output_close;
  stream_class->close_async = kaa_io_output_close_async;
  stream_class->close_finish = kaa_io_output_finish;
}

static void
kaa_io_output_init (KaaIOOutput *self)
{
}

GOutputStream *
kaa_io_output_new (KaaIOChannel    *channel,
                   KaaStreamHalves *halves)
{
  KaaIOOutput *self = g_object_new (KAA_TYPE_IO_OUTPUT, NULL);

  self->channel = g_object_ref (channel);
  self->halves = g_atomic_rc_box_acquire (halves);
  return G_OUTPUT_STREAM (self);
}

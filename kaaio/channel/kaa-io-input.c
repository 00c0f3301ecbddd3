/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel/kaa-io-input.h"

#include "channel/kaa-io-channel-private.h"
#include "channel/kaa-io-source.h"
#include "channel/kaa-stream-op.h"

#include <string.h>

/*
 * KaaIOInput:
 *
 * A read is a request of the channel for at most so many bytes, so it stands in line with the others, and what it is not
 * given stays in the channel's queue. Closing it does nothing to the channel, unless there is no output, or none any more.
 */
struct _KaaIOInput
{
  GInputStream parent_instance;
  KaaIOChannel *channel;
  KaaStreamHalves *halves;
  gint detached; /* atomic */
};

static void kaa_io_input_pollable_init (GPollableInputStreamInterface *iface);
static void kaa_io_input_cuttable_init (KaaCuttableInterface *iface);

G_DEFINE_TYPE_WITH_CODE (KaaIOInput, kaa_io_input, G_TYPE_INPUT_STREAM,
                         G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, kaa_io_input_pollable_init)
                         G_IMPLEMENT_INTERFACE (KAA_TYPE_CUTTABLE, kaa_io_input_cuttable_init))

static gssize
kaa_io_input_read (GInputStream  *stream,
                   void          *buffer,
                   gsize          count,
                   GCancellable  *cancellable,
                   GError       **error)
{
  return kaa_stream_op_run (KAA_IO_INPUT (stream)->channel, KAA_STREAM_OP_READ, buffer, count, cancellable, error);
}

static void
kaa_io_input_read_async (GInputStream        *stream,
                         void                *buffer,
                         gsize                count,
                         int                  io_priority,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  kaa_stream_op_start (stream, KAA_IO_INPUT (stream)->channel, KAA_STREAM_OP_READ, buffer, count,
                       io_priority, cancellable, callback, user_data);
}

static gssize
kaa_io_input_read_finish (GInputStream  *stream,
                          GAsyncResult  *result,
                          GError       **error)
{
  return kaa_stream_op_finish (result, error);
}

static void
close_input (KaaIOInput       *self,
             KaaStreamOpFlags  flags)
{
  if (g_atomic_int_get (&self->detached))
    return;
  flags |= kaa_stream_halves_close (self->halves, KAA_IO_READ);
  kaa_stream_op_start (self, self->channel, KAA_STREAM_OP_CLOSE_INPUT, NULL, flags, G_PRIORITY_DEFAULT, NULL, NULL, NULL);
}

static gboolean
kaa_io_input_close (GInputStream  *stream,
                    GCancellable  *cancellable,
                    GError       **error)
{
  close_input (KAA_IO_INPUT (stream), 0);
  return TRUE;
}

static void
kaa_io_input_close_async (GInputStream        *stream,
                          int                  io_priority,
                          GCancellable        *cancellable,
                          GAsyncReadyCallback  callback,
                          gpointer             user_data)
{
  /* Without the cancellable: it is closed in any case. */
  GTask *task = g_task_new (stream, NULL, callback, user_data);

  close_input (KAA_IO_INPUT (stream), 0);
  g_task_set_priority (task, io_priority);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static gboolean
kaa_io_input_close_finish (GInputStream  *stream,
                           GAsyncResult  *result,
                           GError       **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
kaa_io_input_detach (KaaIOInput *self)
{
  g_atomic_int_set (&self->detached, TRUE);
}

static void
kaa_io_input_cut (KaaCuttable *self)
{
  close_input (KAA_IO_INPUT (self), KAA_STREAM_OP_AT_ONCE);
}

static void
kaa_io_input_cuttable_init (KaaCuttableInterface *iface)
{
  iface->cut = kaa_io_input_cut;
}

/* --- pollable --- */

static gboolean
kaa_io_input_can_poll (GPollableInputStream *stream)
{
  return kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_INPUT (stream)->channel));
}

/* Who asked before gets it. A source only waits, for this. */
static gboolean
is_first (KaaIOChannelPrivate *priv)
{
  KaaPending *request = priv->reading->requests.first;

  while (request != NULL && request->kind == KAA_PENDING_WAIT_READABLE)
    request = request->next;
  return request == NULL;
}

static gboolean
kaa_io_input_is_readable (GPollableInputStream *stream)
{
  KaaIOInput *self = KAA_IO_INPUT (stream);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self->channel);

  return is_first (priv) && (kaa_channel_get_queued (priv) > 0 || kaa_channel_is_at_end (priv));
}

/* From the queue: the source sees to it that something gets there. */
static gssize
kaa_io_input_read_nonblocking (GPollableInputStream  *stream,
                               void                  *buffer,
                               gsize                  count,
                               GError               **error)
{
  KaaIOInput *self = KAA_IO_INPUT (stream);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self->channel);
  gsize length = MIN (count, kaa_channel_get_queued (priv));

  if (is_first (priv) && length > 0)
    {
      memcpy (buffer, kaa_byte_queue_peek (&priv->reading->queue), length);
      kaa_channel_take (self->channel, length);
      kaa_channel_notify_state (self->channel);
      return length;
    }
  if (is_first (priv) && kaa_channel_is_at_end (priv))
    {
      if (priv->writing->end_error == NULL)
        return 0;
      g_propagate_error (error, g_error_copy (priv->writing->end_error));
      kaa_channel_tell_end_error (self->channel);
      return -1;
    }

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "There is nothing to read now");
  return -1;
}

static GSource *
kaa_io_input_create_source (GPollableInputStream *stream,
                            GCancellable         *cancellable)
{
  return kaa_io_source_new (G_OBJECT (stream), KAA_IO_INPUT (stream)->channel, KAA_IO_READ, cancellable);
}

static void
kaa_io_input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->can_poll = kaa_io_input_can_poll;
  iface->is_readable = kaa_io_input_is_readable;
  iface->read_nonblocking = kaa_io_input_read_nonblocking;
  iface->create_source = kaa_io_input_create_source;
}

/* --- class --- */

/* GInputStream would close, and with it perhaps the channel. */
static void
kaa_io_input_dispose (GObject *object)
{
  kaa_io_input_detach (KAA_IO_INPUT (object));
  G_OBJECT_CLASS (kaa_io_input_parent_class)->dispose (object);
}

static void
kaa_io_input_finalize (GObject *object)
{
  g_object_unref (KAA_IO_INPUT (object)->channel);
  g_atomic_rc_box_release (KAA_IO_INPUT (object)->halves);
  G_OBJECT_CLASS (kaa_io_input_parent_class)->finalize (object);
}

static void
kaa_io_input_class_init (KaaIOInputClass *klass)
{
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = kaa_io_input_dispose;
  G_OBJECT_CLASS (klass)->finalize = kaa_io_input_finalize;
  stream_class->read_fn = kaa_io_input_read;
  stream_class->read_async = kaa_io_input_read_async;
  stream_class->read_finish = kaa_io_input_read_finish;
  stream_class->close_fn = kaa_io_input_close;
  stream_class->close_async = kaa_io_input_close_async;
  stream_class->close_finish = kaa_io_input_close_finish;
}

static void
kaa_io_input_init (KaaIOInput *self)
{
}

GInputStream *
kaa_io_input_new (KaaIOChannel    *channel,
                  KaaStreamHalves *halves)
{
  KaaIOInput *self = g_object_new (KAA_TYPE_IO_INPUT, NULL);

  self->channel = g_object_ref (channel);
  self->halves = g_atomic_rc_box_acquire (halves);
  return G_INPUT_STREAM (self);
}

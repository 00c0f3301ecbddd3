/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel/kaa-stream-op.h"

#include "channel/kaa-io-channel-private.h"

#include <string.h>

typedef struct
{
  KaaTask task;
  gatomicrefcount ref_count;
  KaaIOChannel *channel;
  GCancellable *cancellable;
  GTask *answer;          /* NULL where the caller waits */
  KaaStreamOpKind kind;
  guint8 *buffer;
  gsize count;
  KaaInProgress *future;  /* what it waits for */
  gssize result;
  GError *error;
  gboolean flushed;       /* close: what was queued has gone, or failed */
  gboolean done;
  GMutex lock;            /* of started, while another thread waits for that */
  GCond cond;
  gboolean started;
} KaaStreamOp;

static KaaStreamOp *
op_new (KaaIOChannel    *channel,
        KaaStreamOpKind  kind,
        gpointer         buffer,
        gsize            count,
        GCancellable    *cancellable)
{
  KaaStreamOp *self = g_new0 (KaaStreamOp, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->channel = g_object_ref (channel);
  self->cancellable = cancellable != NULL ? g_object_ref (cancellable) : NULL;
  self->kind = kind;
  self->buffer = buffer;
  self->count = count;
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  return self;
}

static KaaStreamOp *
op_ref (KaaStreamOp *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* It is over. */
static void
complete (KaaStreamOp *self,
          gssize       result,
          GError      *error) /* taken */
{
  self->done = TRUE;
  self->result = error == NULL ? result : -1;
  self->error = error;
  if (self->answer == NULL)
    return;
  if (error != NULL)
    g_task_return_error (self->answer, g_steal_pointer (&self->error));
  else
    g_task_return_int (self->answer, result);
}

static GError *
new_gone_error (void)
{
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The main context of the channel has gone");
}

static void
op_unref (KaaStreamOp *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  /* Nobody will go on with it. */
  if (!self->done)
    complete (self, -1, new_gone_error ());
  g_clear_object (&self->future);
  g_clear_object (&self->answer);
  g_clear_object (&self->cancellable);
  g_clear_error (&self->error);
  g_object_unref (self->channel);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  g_free (self);
}

/* --- in the channel's thread --- */

/* NULL: some bytes were taken, or it failed. */
static KaaInProgress *
write_some (KaaStreamOp *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self->channel);
  gsize room = kaa_subtract (priv->options->queue_size, kaa_channel_get_reserved (priv));
  gsize count = MIN (self->count, room);
  GError *error = NULL;

  /* Half of the queue at a time: one that is full is not writable before it is down to that. */
  if (count == 0 && self->count > 0 && kaa_io_channel_get_alive (self->channel))
    return kaa_io_channel_wait_writable (self->channel, MIN (self->count, MAX (priv->options->queue_size / 2, 1)));

  kaa_io_channel_send_data (self->channel, self->buffer, count, &error);
  complete (self, count, error);
  return NULL;
}

/* What is to be waited for next; NULL if the operation is done. */
static KaaInProgress *
step (KaaStreamOp *self)
{
  switch (self->kind)
    {
    case KAA_STREAM_OP_READ:
      return kaa_channel_read_some (self->channel, self->count);
    case KAA_STREAM_OP_WRITE:
      return write_some (self);
    case KAA_STREAM_OP_FLUSH:
      return kaa_io_channel_flush (self->channel);
    case KAA_STREAM_OP_SHUTDOWN:
      return kaa_io_channel_shutdown (self->channel, KAA_IO_WRITE);
    case KAA_STREAM_OP_CLOSE:
    default:
      if (!self->flushed && kaa_io_channel_get_alive (self->channel))
        return kaa_io_channel_flush (self->channel);
      return kaa_io_channel_close (self->channel, KAA_CLOSE_NONE);
    }
}

/* The future is finished, and so is the operation, unless there is another step. Any thread. */
static void
settle (KaaStreamOp *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);
  GError *error = NULL;
  GBytes *bytes;
  gsize length = 0;

  switch (self->kind)
    {
    case KAA_STREAM_OP_READ:
      bytes = kaa_in_progress_get_bytes (future, &error);
      if (bytes != NULL)
        {
          gconstpointer data = g_bytes_get_data (bytes, &length);

          if (length > 0)
            memcpy (self->buffer, data, length);
          g_bytes_unref (bytes);
        }
      complete (self, length, error);
      break;
    case KAA_STREAM_OP_WRITE:
      if (kaa_in_progress_get_result (future, &error) == NULL)
        complete (self, -1, error);
      break;
    case KAA_STREAM_OP_CLOSE:
      if (!self->flushed)
        {
          /* It is closed all the same, and then says that not all went out. */
          kaa_in_progress_get_result (future, &self->error);
          self->flushed = TRUE;
          break;
        }
      complete (self, 0, g_steal_pointer (&self->error));
      break;
    case KAA_STREAM_OP_FLUSH:
    case KAA_STREAM_OP_SHUTDOWN:
    default:
      kaa_in_progress_get_result (future, &error);
      /* A pipe has one direction anyway, and a file has no other side. */
      if (self->kind == KAA_STREAM_OP_SHUTDOWN && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
        g_clear_error (&error);
      complete (self, 0, error);
      break;
    }
  g_object_unref (future);
}

static void go_on (KaaStreamOp *self);

static void
future_done (KaaStreamOp *self)
{
  settle (self);
  if (!self->done)
    go_on (self);
}

static void
resolved (const GValue *result,
          gpointer      data)
{
  future_done (data);
}

static void
rejected (const GError *error,
          gpointer      data)
{
  future_done (data);
}

/* Begins the next step. What waits in another thread hears of the end by the future itself, whose context may go. */
static void
go_on (KaaStreamOp *self)
{
  self->future = step (self);
  if (self->future == NULL)
    return;

  if (self->cancellable != NULL)
    kaa_in_progress_call_async (self->future, go_on, self->cancellable, NULL, NULL);
  if (self->answer != NULL)
    kaa_in_progress_then (self->future, resolved, op_ref (self), (GDestroyNotify) op_unref,
                          rejected, op_ref (self), (GDestroyNotify) op_unref);
}

/* --- in any thread --- */

static void
run_task (KaaTask  *task,
          gboolean  context_gone)
{
  KaaStreamOp *self = (KaaStreamOp *) task;

  if (context_gone)
    complete (self, -1, new_gone_error ());
  else
    go_on (self);

  g_mutex_lock (&self->lock);
  self->started = TRUE;
  g_cond_signal (&self->cond);
  g_mutex_unlock (&self->lock);
  op_unref (self);
}

/* FALSE: it begins in the thread of the channel. */
static gboolean
begin (KaaStreamOp *self)
{
  KaaPoller *poller = kaa_channel_get_poller (kaa_channel_get_private (self->channel));

  if (kaa_poller_is_mine (poller))
    {
      go_on (self);
      return TRUE;
    }

  self->started = FALSE;
  self->task.func = run_task;
  kaa_poller_defer (poller, &op_ref (self)->task);
  return FALSE;
}

static void
wait_until_started (KaaStreamOp *self)
{
  g_mutex_lock (&self->lock);
  while (!self->started)
    g_cond_wait (&self->cond, &self->lock);
  g_mutex_unlock (&self->lock);
}

gssize
kaa_stream_op_run (KaaIOChannel     *channel,
                   KaaStreamOpKind   kind,
                   gpointer          buffer,
                   gsize             count,
                   GCancellable     *cancellable,
                   GError          **error)
{
  KaaStreamOp *self;
  gssize result;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;

  self = op_new (channel, kind, buffer, count, cancellable);
  while (!self->done)
    {
      GError *local = NULL;

      if (!begin (self))
        wait_until_started (self);
      if (self->done)
        break;

      kaa_in_progress_wait (self->future, -1, &local);
      if (kaa_in_progress_get_finished (self->future))
        {
          g_clear_error (&local);
          settle (self);
        }
      else
        {
          /* It cannot be waited for here. */
          kaa_in_progress_abort (self->future, NULL);
          g_clear_object (&self->future);
          complete (self, -1, local);
        }
    }

  result = self->result;
  if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  op_unref (self);
  return result;
}

void
kaa_stream_op_start (gpointer             stream,
                     KaaIOChannel        *channel,
                     KaaStreamOpKind      kind,
                     gpointer             buffer,
                     gsize                count,
                     int                  io_priority,
                     GCancellable        *cancellable,
                     GAsyncReadyCallback  callback,
                     gpointer             user_data)
{
  KaaStreamOp *self = op_new (channel, kind, buffer, count, cancellable);

  /* Without the cancellable: it would throw away what was read by then. */
  self->answer = g_task_new (stream, NULL, callback, user_data);
  g_task_set_priority (self->answer, io_priority);
  begin (self);
  op_unref (self);
}

gssize
kaa_stream_op_finish (GAsyncResult  *result,
                      GError       **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

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
  KaaInProgress *flushed; /* close: says whether all that was queued has gone */
  GSource *cut;           /* close: what makes it short when it is cancelled */
  gssize result;
  GError *error;
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
  if (self->cut != NULL)
    {
      g_source_destroy (self->cut);
      g_clear_pointer (&self->cut, g_source_unref);
    }
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
  g_clear_object (&self->flushed);
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

static gboolean
cut_short (GCancellable *cancellable,
           gpointer      data)
{
  g_object_unref (kaa_io_channel_close (((KaaStreamOp *) data)->channel, KAA_CLOSE_IMMEDIATE));
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (KaaStreamOp *self)
{
  KaaPoller *poller = kaa_channel_get_private (self->channel)->entry.poller;
  GMainContext *context = kaa_poller_dup_context (poller);

  if (context == NULL)
    return;
  self->cut = g_cancellable_source_new (self->cancellable);
  g_source_set_callback (self->cut, G_SOURCE_FUNC (cut_short), op_ref (self), (GDestroyNotify) op_unref);
  g_source_set_priority (self->cut, kaa_poller_get_priority (poller));
  g_source_set_can_recurse (self->cut, TRUE);
  g_source_set_static_name (self->cut, "[kaa] close");
  g_source_attach (self->cut, context);
  g_main_context_unref (context);
}

/* A closing channel throws away what it is sent meanwhile, so that two of them do not wait for each other; therefore it is closed
 * first, and what has gone is found out on the way. Who cancels wants it closed all the same, but soon. */
static KaaInProgress *
close_channel (KaaStreamOp *self)
{
  gboolean at_once = (self->count & KAA_STREAM_OP_AT_ONCE) || g_cancellable_is_cancelled (self->cancellable);

  self->kind = KAA_STREAM_OP_CLOSE;
  if (kaa_io_channel_get_alive (self->channel))
    self->flushed = kaa_io_channel_flush (self->channel);
  if (self->cancellable != NULL && !at_once)
    watch_cancellable (self);
  return kaa_io_channel_close (self->channel, at_once ? KAA_CLOSE_IMMEDIATE : KAA_CLOSE_NONE);
}

/* The stream keeps a direction, which may be one that the channel does not have. */
static gboolean
is_last (KaaStreamOp    *self,
         KaaIOCondition  kept)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self->channel);

  return (self->count & KAA_STREAM_OP_LAST) || (priv->state != KAA_STATE_UNOPENED && !(priv->mode & kept));
}

static KaaInProgress *
close_output (KaaStreamOp *self)
{
  if (is_last (self, KAA_IO_READ) || !kaa_io_channel_get_alive (self->channel))
    return close_channel (self);
  if (!(self->count & KAA_STREAM_OP_AT_ONCE))
    return kaa_io_channel_shutdown (self->channel, KAA_IO_WRITE);

  complete (self, 0, NULL);
  return NULL;
}

/* Nobody waits for it: there is nothing to be written, or it was written when the output was closed. */
static void
close_input (KaaStreamOp *self)
{
  if (is_last (self, KAA_IO_WRITE))
    g_object_unref (kaa_io_channel_close (self->channel,
                                          (self->count & KAA_STREAM_OP_AT_ONCE) ? KAA_CLOSE_IMMEDIATE : KAA_CLOSE_NONE));
  complete (self, 0, NULL);
}

/* What is to be waited for next; NULL if the operation is done. */
static KaaInProgress *
step (KaaStreamOp *self)
{
  switch (self->kind)
    {
    case KAA_STREAM_OP_READ:
      return kaa_io_channel_read_some (self->channel, self->count);
    case KAA_STREAM_OP_WRITE:
      return write_some (self);
    case KAA_STREAM_OP_FLUSH:
      return kaa_io_channel_flush (self->channel);
    case KAA_STREAM_OP_CLOSE_OUTPUT:
      return close_output (self);
    case KAA_STREAM_OP_CLOSE_INPUT:
      close_input (self);
      return NULL;
    case KAA_STREAM_OP_CLOSE:
    default:
      return close_channel (self);
    }
}

/* The channel is closed. NULL if nothing was lost. */
static GError *
get_loss (KaaStreamOp   *self,
          KaaInProgress *closed)
{
  GError *error = NULL;

  if (self->flushed != NULL && kaa_in_progress_get_finished (self->flushed))
    kaa_in_progress_get_result (self->flushed, &error);
  if (error == NULL)
    kaa_in_progress_get_result (closed, &error);
  if (error != NULL && g_cancellable_is_cancelled (self->cancellable))
    {
      g_clear_error (&error);
      g_cancellable_set_error_if_cancelled (self->cancellable, &error);
    }
  return error;
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
      complete (self, 0, get_loss (self, future));
      break;
    case KAA_STREAM_OP_FLUSH:
    case KAA_STREAM_OP_CLOSE_OUTPUT:
    case KAA_STREAM_OP_CLOSE_INPUT:
    default:
      kaa_in_progress_get_result (future, &error);
      /* A pipe has one direction anyway, and a file has no other side. */
      if (self->kind == KAA_STREAM_OP_CLOSE_OUTPUT && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
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

  if (self->cancellable != NULL && self->kind != KAA_STREAM_OP_CLOSE)
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

  if (kind != KAA_STREAM_OP_CLOSE && g_cancellable_set_error_if_cancelled (cancellable, error))
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

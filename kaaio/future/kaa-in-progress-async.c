/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The _async/_finish pairs: a GAsyncReadyCallback that listens to a KaaInProgress. */

#include "future/kaa-in-progress-internal.h"
#include "future/kaa-alarm.h"
#include "loop/kaa-collector.h"

/* Aborts a future, from the loop, whose cancellable was cancelled before the call. */
typedef struct
{
  KaaTask task;
  KaaInProgress *future;
  GCancellable *cancellable;
} KaaCancelled;

/* The listener will not be cancelled any more. */
static void
clear_cancelled (KaaListener *self,
                 KaaPoller   *poller)
{
  GMainContext *context;

  if (self->as.async.cancelled == NULL)
    return;

  context = kaa_poller_dup_context (poller);
  kaa_alarm_clear (&self->as.async.cancelled, context);
  g_clear_pointer (&context, g_main_context_unref);
}

static void
async_run (KaaListener   *listener,
           KaaInProgress *future)
{
  clear_cancelled (listener, future->poller);
  kaa_collector_finish ();
  if (listener->as.async.callback != NULL)
    listener->as.async.callback (future->source, (GAsyncResult *) future, listener->as.async.user_data);
}

static void
async_discard (KaaListener   *listener,
               KaaInProgress *future)
{
  clear_cancelled (listener, future->poller);
}

static const KaaListenerFuncs async_funcs =
{
  .run = async_run,
  .discard = async_discard,
  .discards_at_once = TRUE,
};

static gboolean
cancel (GCancellable *cancellable,
        gpointer      user_data)
{
  KaaInProgress *self = KAA_IN_PROGRESS (user_data);
  GError *reason = NULL;

  /* An operation that has gone too far is not aborted: its callback follows with what became of it. */
  if (g_cancellable_set_error_if_cancelled (cancellable, &reason))
    {
      kaa_in_progress_abort_with (self, reason, NULL);
      g_error_free (reason);
    }

  return G_SOURCE_REMOVE;
}

static void
run_cancelled (KaaTask  *task,
               gboolean  context_gone)
{
  KaaCancelled *cancelled = (KaaCancelled *) task;

  if (!context_gone)
    cancel (cancelled->cancellable, cancelled->future);

  g_object_unref (cancelled->future);
  g_object_unref (cancelled->cancellable);
  g_slice_free (KaaCancelled, cancelled);
}

/* As a task it comes before the operation is looked at in the loop, so nothing is taken for a call that nobody wants. */
static void
cancel_from_loop (KaaInProgress *self,
                  GCancellable  *cancellable)
{
  KaaCancelled *cancelled = g_slice_new0 (KaaCancelled);

  cancelled->task.func = run_cancelled;
  cancelled->future = g_object_ref (self);
  cancelled->cancellable = g_object_ref (cancellable);
  kaa_poller_defer (self->poller, &cancelled->task);
}

/* NULL: the context is gone, and whoever would cancel comes too late. */
static GSource *
watch_cancellable (KaaInProgress *self,
                   GCancellable  *cancellable)
{
  GMainContext *context = kaa_poller_dup_context (self->poller);
  GSource *source;

  if (context == NULL)
    return NULL;

  source = g_cancellable_source_new (cancellable);
  g_source_set_static_name (source, "[kaa] cancellable");
  g_source_set_priority (source, kaa_poller_get_priority (self->poller));
  g_source_set_can_recurse (source, TRUE);
  g_source_set_callback (source, G_SOURCE_FUNC (cancel), g_object_ref (self), g_object_unref);
  g_source_attach (source, context);
  g_main_context_unref (context);

  return source;
}

void
kaa_in_progress_call_async (KaaInProgress       *self,
                            gpointer             tag,
                            GCancellable        *cancellable,
                            GAsyncReadyCallback  callback,
                            gpointer             user_data)
{
  KaaListener listener;

  g_assert (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  listener.funcs = &async_funcs;
  listener.as.async.callback = callback;
  listener.as.async.user_data = user_data;
  listener.as.async.cancelled = NULL;

  kaa_in_progress_lock (self);
  self->async_tag = tag;
  self->async_user_data = user_data;
  kaa_in_progress_unlock (self);

  if (cancellable != NULL && g_cancellable_is_cancelled (cancellable))
    cancel_from_loop (self, cancellable);
  else if (cancellable != NULL)
    listener.as.async.cancelled = watch_cancellable (self, cancellable);

  kaa_in_progress_add_listener (self, &listener, /* only_pending= */ FALSE);
}

void
kaa_in_progress_begin_async (KaaInProgress       *future,
                             gpointer             tag,
                             GCancellable        *cancellable,
                             GAsyncReadyCallback  callback,
                             gpointer             user_data)
{
  kaa_in_progress_call_async (future, tag, cancellable, callback, user_data);
  g_object_unref (future);
}

gboolean
kaa_in_progress_is_result_of (GAsyncResult *result,
                              gpointer      source,
                              gpointer      tag)
{
  GObject *object;
  gboolean same;

  if (!KAA_IS_IN_PROGRESS (result) || !g_async_result_is_tagged (result, tag))
    return FALSE;

  object = g_async_result_get_source_object (result);
  same = object == source;
  g_clear_object (&object);
  return same;
}

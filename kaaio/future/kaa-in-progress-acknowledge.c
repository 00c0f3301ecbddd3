/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A completion that is repeated until somebody says that it has arrived, for gjs, which may drop a call (see kaa-collector.c). It is
 * told again from C, because a timer in JavaScript can be dropped just as well.
 */

#include "future/kaa-in-progress-internal.h"
#include "loop/kaa-collector.h"

#define RETRY_MSEC 1

typedef struct
{
  KaaInProgress *future;      /* owned once it has finished, before that it owns us */
  KaaAcknowledgeFunc callback;
  gpointer user_data;
  GDestroyNotify destroy;
} Acknowledgement;

static void
acknowledgement_free (gpointer data)
{
  Acknowledgement *self = data;

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_clear_object (&self->future);
  g_free (self);
}

static gboolean
has_arrived (Acknowledgement *self)
{
  kaa_collector_finish ();
  return self->callback (self->future, self->user_data) ||
         (kaa_collector_collect () && self->callback (self->future, self->user_data));
}

static gboolean
tell_again (gpointer data)
{
  return has_arrived (data) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
tell (gpointer data)
{
  Acknowledgement *self = data;
  GMainContext *context;
  GSource *source;

  if (has_arrived (self))
    return;

  context = kaa_poller_dup_context (self->future->poller);
  if (context == NULL)
    return;

  /* From here on the source owns it. */
  source = g_timeout_source_new (RETRY_MSEC);
  g_source_set_static_name (source, "kaa-acknowledge");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, tell_again,
                         g_memdup2 (self, sizeof *self), acknowledgement_free);
  g_object_ref (self->future);
  self->destroy = NULL;
  g_source_attach (source, context);
  g_source_unref (source);
  g_main_context_unref (context);
}

static void
told_result (const GValue *result,
             gpointer      user_data)
{
  tell (user_data);
}

static void
told_error (const GError *error,
            gpointer      user_data)
{
  tell (user_data);
}

static void
listener_gone (gpointer data)
{
  Acknowledgement *self = data;

  /* It never owned the future as a listener. */
  self->future = NULL;
  acknowledgement_free (self);
}

/**
 * kaa_in_progress_then_acknowledged:
 * @self: a future
 * @callback: (scope notified) (closure user_data) (destroy destroy): called when the future has finished, until it
 *   returns %TRUE
 * @user_data: data for @callback
 * @destroy: (nullable): frees @user_data
 *
 * [method@Kaa.InProgress.then] for language bindings that may lose a callback: it is repeated from the loop until it
 * returns %TRUE. The callback asks [method@Kaa.InProgress.get_result] for what came of it. To be called in the thread of
 * the language, which made a [func@Kaa.acknowledged_closure_new] first if it does lose callbacks.
 *
 * Since: 1.0
 */
void
kaa_in_progress_then_acknowledged (KaaInProgress      *self,
                                   KaaAcknowledgeFunc  callback,
                                   gpointer            user_data,
                                   GDestroyNotify      destroy)
{
  Acknowledgement *acknowledgement;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));
  g_return_if_fail (callback != NULL);

  acknowledgement = g_new0 (Acknowledgement, 1);
  acknowledgement->future = self;
  acknowledgement->callback = callback;
  acknowledgement->user_data = user_data;
  acknowledgement->destroy = destroy;
  kaa_in_progress_then (self, told_result, acknowledgement, NULL, told_error, acknowledgement, listener_gone);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who listens to a KaaInProgress: the list of listeners, how they come in, and how those go that were never run. */

#include "future/kaa-in-progress-internal.h"

/* Listeners that were never run, on their way to the thread where they are destroyed. */
typedef struct
{
  KaaTask task;
  KaaListener *listeners;
} KaaDiscard;

/* Tells the operation, in its own thread, that somebody listens. */
typedef struct
{
  KaaTask task;
  KaaInProgress *future;
} KaaListened;

/* --- The list, under the lock --- */

static void
append_listener (KaaInProgress     *self,
                 const KaaListener *listener)
{
  KaaListener *node = &self->first;

  if (node->funcs != NULL)
    node = g_slice_new (KaaListener);

  *node = *listener;
  node->next = NULL;
  node->serial = self->n_added++;

  if (self->last_listener != NULL)
    self->last_listener->next = node;
  else
    self->listeners = node;
  self->last_listener = node;
}

static void
release_node (KaaInProgress *self,
              KaaListener   *node)
{
  if (node == &self->first)
    node->funcs = NULL;
  else
    g_slice_free (KaaListener, node);
}

void
kaa_in_progress_take_listener (KaaInProgress *self,
                               KaaListener   *listener)
{
  KaaListener *node = self->listeners;

  *listener = *node;
  self->listeners = node->next;
  if (self->listeners == NULL)
    self->last_listener = NULL;
  release_node (self, node);
}

/* All of them, as a list of nodes that do not belong to the future. */
KaaListener *
kaa_in_progress_steal_listeners (KaaInProgress *self)
{
  KaaListener **position;
  KaaListener *stolen;

  for (position = &self->listeners; *position != NULL; position = &(*position)->next)
    {
      if (*position == &self->first)
        {
          *position = g_slice_dup (KaaListener, &self->first);
          self->first.funcs = NULL;
        }
    }

  stolen = self->listeners;
  self->listeners = NULL;
  self->last_listener = NULL;

  return stolen;
}

/* --- Listeners on their way out --- */

static void
discard_rest (KaaListener *listeners)
{
  while (listeners != NULL)
    {
      KaaListener *node = listeners;

      listeners = node->next;
      if (!node->funcs->discards_at_once)
        node->funcs->discard (node, NULL);
      g_slice_free (KaaListener, node);
    }
}

static void
run_discard (KaaTask  *task,
             gboolean  context_gone)
{
  KaaDiscard *discard = (KaaDiscard *) task;

  discard_rest (discard->listeners);
  g_slice_free (KaaDiscard, discard);
}

/* Nobody will ever run them. What is ours ends here; what the user gave is destroyed in the thread where it would have been called. */
void
kaa_in_progress_discard (KaaInProgress *self,
                         KaaListener   *listeners,
                         gboolean       context_gone)
{
  KaaListener *node;
  KaaDiscard *discard;

  if (listeners == NULL)
    return;

  for (node = listeners; node != NULL; node = node->next)
    {
      if (node->funcs->discards_at_once)
        node->funcs->discard (node, self);
    }

  if (context_gone || kaa_poller_is_gone (self->poller) || kaa_in_progress_is_here (self))
    {
      discard_rest (listeners);
      return;
    }

  discard = g_slice_new0 (KaaDiscard);
  discard->task.func = run_discard;
  discard->listeners = listeners;
  kaa_poller_defer (self->poller, &discard->task);
}

/* --- Listeners on their way in --- */

static void
run_listened (KaaTask  *task,
              gboolean  context_gone)
{
  KaaListened *listened = (KaaListened *) task;
  KaaInProgress *self = listened->future;
  gpointer operation = kaa_in_progress_get_operation (self);

  if (!context_gone && operation != NULL)
    kaa_in_progress_get_funcs (self)->listened (self, operation);

  g_object_unref (self);
  g_slice_free (KaaListened, listened);
}

/* Somebody listens now, for the first time. The operation is what it was then; it ends in this thread, if this is where it tells. */
static void
tell_operation (KaaInProgress *self,
                gpointer       operation)
{
  const KaaOperationFuncs *funcs = kaa_in_progress_get_funcs (self);
  KaaListened *listened;

  if (operation == NULL || funcs == NULL || funcs->listened == NULL)
    return;

  if (kaa_in_progress_is_here (self))
    {
      funcs->listened (self, operation);
      return;
    }

  listened = g_slice_new0 (KaaListened);
  listened->task.func = run_listened;
  listened->future = g_object_ref (self);
  kaa_poller_defer (self->poller, &listened->task);
}

/* Under the lock. */
static gboolean
is_first_listener (KaaInProgress *self)
{
  gboolean first = self->state == KAA_STATE_PENDING && !self->listened;

  if (first)
    self->listened = TRUE;

  return first;
}

gboolean
kaa_in_progress_add_listener (KaaInProgress     *self,
                              const KaaListener *listener,
                              gboolean           only_pending)
{
  gpointer operation = NULL;
  gboolean added;
  gboolean first = FALSE;
  gboolean queue = FALSE;

  kaa_in_progress_lock (self);
  added = !only_pending || self->state == KAA_STATE_PENDING;
  if (added)
    {
      append_listener (self, listener);
      first = is_first_listener (self);
      operation = self->operation;
      queue = self->state != KAA_STATE_PENDING && !self->queued;
      if (queue)
        self->queued = TRUE;
    }
  kaa_in_progress_unlock (self);

  if (first)
    tell_operation (self, operation);
  if (queue)
    kaa_in_progress_queue (self);

  return added;
}

gboolean
kaa_in_progress_remove_listener (KaaInProgress          *self,
                                 const KaaListenerFuncs *funcs,
                                 gpointer                data)
{
  KaaListener *before = NULL;
  KaaListener *node;

  kaa_in_progress_lock (self);
  for (node = self->listeners; node != NULL; before = node, node = node->next)
    {
      if (node->funcs == funcs && node->as.data == data)
        break;
    }
  if (node != NULL)
    {
      if (before != NULL)
        before->next = node->next;
      else
        self->listeners = node->next;
      if (self->last_listener == node)
        self->last_listener = before;
      release_node (self, node);
    }
  kaa_in_progress_unlock (self);

  return node != NULL;
}

void
kaa_in_progress_begin_wait (KaaInProgress *self)
{
  gpointer operation;
  gboolean first;

  kaa_in_progress_lock (self);
  self->n_waiters++;
  first = is_first_listener (self);
  operation = self->operation;
  kaa_in_progress_unlock (self);

  if (first)
    tell_operation (self, operation);
}

void
kaa_in_progress_end_wait (KaaInProgress *self)
{
  kaa_in_progress_lock (self);
  self->n_waiters--;
  kaa_in_progress_unlock (self);
}

gboolean
kaa_in_progress_has_listeners (KaaInProgress *self)
{
  static GQuark finished;
  static GQuark failed;
  gboolean found;

  kaa_in_progress_lock (self);
  found = self->listeners != NULL || self->n_waiters > 0;
  kaa_in_progress_unlock (self);

  if (found)
    return TRUE;

  if (G_UNLIKELY (failed == 0))
    {
      finished = g_quark_from_static_string ("finished");
      failed = g_quark_from_static_string ("failed");
    }

  /* By detail alone, because that finds blocked handlers too, of all our signals at once: none has a detail but `notify`. */
  return g_signal_handler_find (self, G_SIGNAL_MATCH_DETAIL, 0, 0, NULL, NULL, NULL) != 0 ||
         g_signal_handler_find (self, G_SIGNAL_MATCH_DETAIL, 0, finished, NULL, NULL, NULL) != 0 ||
         g_signal_handler_find (self, G_SIGNAL_MATCH_DETAIL, 0, failed, NULL, NULL, NULL) != 0;
}

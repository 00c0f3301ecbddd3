/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel/kaa-pending.h"

#include "channel/kaa-io-channel-private.h"

/* Of one list, beside those that are new. */
#define MAX_LOOKS 64

static void
pending_free (KaaPending *self)
{
  g_clear_pointer (&self->delimiters, kaa_delimiters_unref);
  g_clear_pointer (&self->splice, kaa_splice_free);
  g_slice_free (KaaPending, self);
}

/* The pending lets go of its future, which the caller owns from here on (NULL if there is none). */
static KaaInProgress *
steal_future (KaaPending *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);

  if (future != NULL && !self->owned)
    g_object_ref (future);
  self->owned = FALSE;
  return future;
}

/* It will not be served. What it was in the way of may be at hand: for the next request, or for handlers. */
static void
leave_list (KaaPending *self)
{
  kaa_pending_unlink (self);
  if (self->channel != NULL)
    kaa_channel_schedule (self->channel);
}

static gboolean
pending_abort (KaaInProgress  *future,
               gpointer        operation,
               const GError   *reason,
               GError        **error)
{
  KaaPending *self = operation;
  KaaInProgress *own;

  if (self->kind == KAA_PENDING_CLOSE || self->kind == KAA_PENDING_SHUTDOWN)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "Closing cannot be aborted");
      return FALSE;
    }

  if (self->kind == KAA_PENDING_WRITE && !kaa_channel_abort_write (self->channel, self, error))
    return FALSE;

  if (self->channel != NULL)
    kaa_channel_note_deferred (self->channel);
  leave_list (self);
  own = steal_future (self);
  pending_free (self);
  /* The caller of abort() holds a reference of its own. */
  g_object_unref (own);
  return TRUE;
}

static void
pending_listened (KaaInProgress *future,
                  gpointer       operation)
{
  KaaPending *self = operation;

  if (!self->owned)
    {
      g_object_ref (future);
      self->owned = TRUE;
    }
}

static void
pending_dropped (KaaInProgress *future,
                 gpointer       operation)
{
  KaaPending *self = operation;

  self->future = NULL;
  /* Bytes that were queued go out, whether anybody wants to know or not. */
  if (self->kind == KAA_PENDING_WRITE || self->kind == KAA_PENDING_SHUTDOWN)
    return;

  leave_list (self);
  pending_free (self);
}

static const KaaOperationFuncs pending_funcs = {
  .abort = pending_abort,
  .listened = pending_listened,
  .dropped = pending_dropped,
};

static gboolean
foreign_abort (KaaInProgress  *future,
               gpointer        operation,
               const GError   *reason,
               GError        **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                       "An operation that another thread asked for cannot be aborted");
  return FALSE;
}

/* The thread of the future and that of the channel may not touch the pending at the same time, so that of the future never does. */
static const KaaOperationFuncs foreign_funcs = {
  .abort = foreign_abort,
};

static KaaPending *
pending_new (KaaIOChannel            *channel,
             KaaPendingKind           kind,
             KaaPoller               *poller,
             const KaaOperationFuncs *funcs)
{
  KaaPending *self = g_slice_new0 (KaaPending);

  self->channel = channel;
  self->kind = kind;
  self->owned = TRUE;
  self->future = kaa_in_progress_new_operation ((GObject *) channel, poller, funcs, self);
  return self;
}

KaaPending *
kaa_pending_new (KaaIOChannel   *channel,
                 KaaPendingKind  kind,
                 KaaPoller      *poller)
{
  return pending_new (channel, kind, poller, &pending_funcs);
}

KaaPending *
kaa_pending_new_foreign (KaaIOChannel   *channel,
                         KaaPendingKind  kind,
                         KaaPoller      *poller)
{
  KaaPending *self = pending_new (channel, kind, poller, &foreign_funcs);

  self->foreign = TRUE;
  return self;
}

KaaPending *
kaa_pending_new_piece (KaaIOChannel *channel,
                       KaaSplice    *splice)
{
  KaaPending *self = g_slice_new0 (KaaPending);

  self->channel = channel;
  self->kind = KAA_PENDING_PIECE;
  self->piece_of = splice;
  return self;
}

void
kaa_pending_free_piece (KaaPending *piece)
{
  g_assert (piece->list == NULL && piece->kind == KAA_PENDING_PIECE);

  pending_free (piece);
}

void
kaa_pending_append (KaaPendingList *list,
                    KaaPending     *self)
{
  self->list = list;
  self->next = NULL;
  self->previous = list->last;
  if (list->last != NULL)
    list->last->next = self;
  else
    list->first = self;
  list->last = self;

  if (list->unlooked == NULL)
    list->unlooked = self;
}

void
kaa_pending_unlink (KaaPending *self)
{
  KaaPendingList *list = self->list;

  if (list == NULL)
    return;

  if (list->unlooked == self)
    list->unlooked = self->next;
  if (self->previous != NULL)
    self->previous->next = self->next;
  else
    list->first = self->next;
  if (self->next != NULL)
    self->next->previous = self->previous;
  else
    list->last = self->previous;

  self->list = NULL;
  self->next = self->previous = NULL;
}

/* Everything that is settled leaves through here: the pending is gone before any callback runs. */
static KaaInProgress *
finish (KaaPending *self,
        gboolean   *now)
{
  KaaInProgress *future = steal_future (self);

  g_assert (self->list == NULL);
  if (self->foreign)
    *now = FALSE;
  pending_free (self);
  return future;
}

void
kaa_pending_settle_bytes (KaaPending *self,
                          GBytes     *take,
                          gboolean    now)
{
  KaaInProgress *future = finish (self, &now);

  if (future == NULL)
    {
      g_bytes_unref (take);
      return;
    }

  kaa_in_progress_settle_bytes (future, take, now);
  kaa_in_progress_release (future);
}

void
kaa_pending_settle_end (KaaPending *self,
                        gboolean    now)
{
  KaaInProgress *future;
  guint64 moved;

  if (self->splice == NULL)
    {
      kaa_pending_settle_bytes (self, g_bytes_new_static ("", 0), now);
      return;
    }

  moved = kaa_splice_get_moved (self->splice);
  future = finish (self, &now);
  kaa_in_progress_settle_uint64 (future, moved, now);
  g_object_unref (future);
}

void
kaa_pending_settle_int (KaaPending *self,
                        gint64      result,
                        gboolean    now)
{
  KaaInProgress *future = finish (self, &now);

  if (future == NULL)
    return;

  kaa_in_progress_settle_int (future, result, now);
  kaa_in_progress_release (future);
}

void
kaa_pending_settle_boolean (KaaPending *self,
                            gboolean    result,
                            gboolean    now)
{
  KaaInProgress *future = finish (self, &now);

  if (future != NULL)
    kaa_in_progress_settle_boolean (future, result, now);
  g_clear_object (&future);
}

void
kaa_pending_settle_object (KaaPending *self,
                           GObject    *take,
                           gboolean    now)
{
  KaaInProgress *future = finish (self, &now);

  if (future != NULL)
    kaa_in_progress_settle_object (future, take, now);
  else
    g_object_unref (take);
  g_clear_object (&future);
}

void
kaa_pending_settle_error (KaaPending *self,
                          GError     *take,
                          gboolean    now)
{
  KaaInProgress *future = finish (self, &now);

  if (future != NULL)
    kaa_in_progress_settle_error (future, take, now);
  else
    g_error_free (take);
  g_clear_object (&future);
}

/* Who listens keeps its future. May free the pending, and run the application's destroy functions. */
static void
look (KaaPending *self)
{
  gboolean heard;

  /* What was set going to run by itself keeps its future, and so does what another thread may listen to at any moment. */
  if (self->future == NULL || self->splice != NULL || self->foreign)
    return;

  heard = kaa_in_progress_has_listeners (self->future);
  if (heard == self->owned)
    return;

  self->owned = heard;
  if (heard)
    g_object_ref (self->future);
  else
    g_object_unref (self->future);
}

void
kaa_pending_list_look (KaaPendingList *list)
{
  KaaPending *last = NULL;
  guint n = 0;

  /* Begin from the list's own pointer each time: what is behind may go as well. */
  while (list->unlooked != NULL)
    {
      last = list->unlooked;
      list->unlooked = last->next;
      look (last);
    }

  /* A handler may have been connected since, to those that are just pointed at; only taking a reference runs no code. */
  for (KaaPending *self = list->first; self != NULL && n < MAX_LOOKS; self = self->next, n++)
    if (!self->owned)
      look (self);

  /* Who listened to the one that is served next may have given up, when a time-out was over. */
  if (list->first != NULL && list->first != last)
    look (list->first);
}

void
kaa_pending_list_move (KaaPendingList *to,
                       KaaPendingList *from,
                       KaaIOChannel   *channel)
{
  while (from->first != NULL)
    {
      KaaPending *self = from->first;

      kaa_pending_unlink (self);
      self->channel = channel;
      kaa_pending_append (to, self);
    }
}

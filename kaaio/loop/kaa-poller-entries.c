/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * KaaPollEntry: something that the loop runs, and the lists of a poller that it waits in.
 *
 * Ready entries are dispatched in the order in which they became ready. What one dispatch of the source
 * may take is limited, for all of them together; an entry that has more to do than that puts
 * itself off, and is dispatched when the loop has nothing better to do, or when it has waited long enough (kaa-poller-source.c).
 *
 * Parked entries have something that nobody wants, and GObject tells nobody when a handler is
 * connected. So they are looked at: those with blocked handlers in each turn, those without any
 * only after a handler was connected somewhere in the process.
 */

#define KAA_LOOKS_A_TURN  32    /* of either kind, while there is something to dispatch */

static void
kaa_entry_list_unlink (KaaEntryList *list,
                       KaaPollEntry *entry)
{
  if (entry->previous != NULL)
    entry->previous->next = entry->next;
  else
    list->first = entry->next;
  if (entry->next != NULL)
    entry->next->previous = entry->previous;
  else
    list->last = entry->previous;

  entry->next = entry->previous = NULL;
  list->length--;
}

static void
kaa_entry_list_append (KaaEntryList *list,
                       KaaPollEntry *entry)
{
  entry->previous = list->last;
  if (list->last != NULL)
    list->last->next = entry;
  else
    list->first = entry;
  list->last = entry;
  list->length++;
}

/* The tasks that are there by now go before it. */
void
kaa_poll_entry_move (KaaPollEntry *entry,
                     KaaList       to)
{
  KaaPoller *self = entry->poller;

  if (entry->queue < KAA_N_LISTS)
    kaa_entry_list_unlink (&self->lists[entry->queue], entry);
  entry->queue = to;
  entry->batch = self->batch;
  if ((guint32) g_atomic_int_get ((gint *) &self->n_tasks_pushed) != self->batch_end)
    entry->batch++;
  kaa_entry_list_append (&self->lists[to], entry);
}

/* --- looks --- */

/* Changes when any signal handler was connected in this process since the last call. GObject tells nobody about
 * that, but it numbers handlers one after the other: two probes with neighbouring numbers had nothing between them.
 * All pollers share the probes, so that they do not see each other's. */
static guint
kaa_count_connections (void)
{
  static GObject *probe;
  static GClosure *closure;
  static guint signal_id;
  static gulong last_id;
  static guint count = 1;
  gulong id;
  guint result;

  g_mutex_lock (&kaa_poller_static_lock);

  if (probe == NULL)
    {
      probe = g_object_new (G_TYPE_OBJECT, NULL);
      closure = g_closure_ref (g_closure_new_simple (sizeof (GClosure), NULL));
      g_closure_sink (closure);
      signal_id = g_signal_lookup ("notify", G_TYPE_OBJECT);
    }

  id = g_signal_connect_closure_by_id (probe, signal_id, 0, closure, /* after= */ FALSE);
  g_signal_handler_disconnect (probe, id);
  if (id != last_id + 1)
    count++;
  last_id = id;
  result = count;

  g_mutex_unlock (&kaa_poller_static_lock);

  return result;
}

/* Whether there will be another turn before the loop sleeps. */
static gboolean
kaa_poller_is_busy (KaaPoller *self)
{
  return self->lists[KAA_LIST_READY].length > 0 ||
         self->lists[KAA_LIST_IDLE].length > 0 ||
         kaa_poller_has_tasks (self);
}

/* Looks at the first of the list, which thereby becomes the last, or goes elsewhere. */
static void
kaa_poller_look_at_first (KaaPoller *self,
                          KaaList    list)
{
  KaaPollEntry *entry = self->lists[list].first;

  entry->look = entry->funcs->look (entry);
  if (entry->look == KAA_LOOK_WANTED)
    kaa_poll_entry_move (entry, KAA_LIST_READY);
  else
    kaa_poll_entry_move (entry, entry->look == KAA_LOOK_BLOCKED ? KAA_LIST_BLOCKED : KAA_LIST_NOBODY);
}

void
kaa_poller_look (KaaPoller *self)
{
  guint n_blocked = self->lists[KAA_LIST_BLOCKED].length;
  guint n;

  /* An entry parked since the last count was looked at after it, so what was connected too late for that look
   * is found here. And those parked in the middle of a round are at the end of the list, where the round has been. */
  if (self->lists[KAA_LIST_NOBODY].length > 0)
    {
      guint connections = kaa_count_connections ();

      if (connections != self->connections)
        self->n_unseen = self->lists[KAA_LIST_NOBODY].length;
      self->connections = connections;
    }

  /* Where some went elsewhere in the middle of a round this is too many, never too few. */
  self->n_unseen = MIN (self->n_unseen, self->lists[KAA_LIST_NOBODY].length);
  for (n = 0; self->n_unseen > 0 && (n < KAA_LOOKS_A_TURN || !kaa_poller_is_busy (self)); n++)
    {
      self->n_unseen--;
      kaa_poller_look_at_first (self, KAA_LIST_NOBODY);
    }

  for (n = 0; n < n_blocked && (n < KAA_LOOKS_A_TURN || !kaa_poller_is_busy (self)); n++)
    kaa_poller_look_at_first (self, KAA_LIST_BLOCKED);
}

/* --- dispatch --- */

void
kaa_poller_run_entries (KaaPoller *self,
                        KaaList    list)
{
  KaaEntryList *queue = &self->lists[list];
  guint32 batch = self->batch;

  if (kaa_poller_are_tasks_done (self))
    kaa_poller_begin_batch (self);
  else
    batch--;

  while (!kaa_poller_is_forked_inline (self) && queue->first != NULL)
    {
      KaaPollEntry *entry = queue->first;

      /* Scheduled since then, and so were all behind it. */
      if ((gint32) (entry->batch - batch) > 0)
        break;

      kaa_poll_entry_move (entry, KAA_LIST_REST);
      entry->funcs->dispatch (entry);

      if (!kaa_poller_spend (self, 0))
        break;
    }
}

void
kaa_poller_tell_entries (KaaPoller *self)
{
  for (KaaList list = 0; list < KAA_N_LISTS; list++)
    while (self->lists[list].first != NULL)
      {
        KaaPollEntry *entry = self->lists[list].first;

        kaa_entry_list_unlink (&self->lists[list], entry);
        entry->queue = KAA_LIST_GONE;
        entry->funcs->context_gone (entry);
      }
}

/* --- the border --- */

static void
kaa_poll_entry_link (KaaPollEntry *entry)
{
  entry->queue = kaa_poller_is_usable_inline (entry->poller) ? KAA_LIST_REST : KAA_LIST_GONE;
  if (entry->queue == KAA_LIST_REST)
    kaa_entry_list_append (&entry->poller->lists[KAA_LIST_REST], entry);
}

void
kaa_poll_entry_forget (KaaPollEntry *entry)
{
  if (entry->queue < KAA_N_LISTS && !kaa_poller_is_forked_inline (entry->poller))
    kaa_entry_list_unlink (&entry->poller->lists[entry->queue], entry);

  entry->next = entry->previous = NULL;
  entry->queue = KAA_LIST_NONE;
}

void
kaa_poll_entry_attach (KaaPollEntry *entry,
                       KaaPoller    *poller)
{
  g_assert (entry->poller == NULL);

  entry->poller = kaa_poller_ref (poller);
  if (kaa_poller_is_mine (poller))
    kaa_poll_entry_link (entry);
  else
    entry->queue = KAA_LIST_NONE;
}

void
kaa_poll_entry_detach (KaaPollEntry *entry)
{
  if (entry->poller == NULL)
    return;

  kaa_poll_entry_forget (entry);
  g_clear_pointer (&entry->poller, kaa_poller_unref);
}

void
kaa_poll_entry_change_poller (KaaPollEntry *entry,
                              KaaPoller    *poller)
{
  KaaPoller *before = entry->poller;

  kaa_poll_entry_forget (entry);
  g_atomic_pointer_set (&entry->poller, kaa_poller_ref (poller));
  kaa_poll_entry_link (entry);
  kaa_poller_unref (before);
}

void
kaa_poll_entry_schedule (KaaPollEntry *entry)
{
  if (entry->queue != KAA_LIST_READY && entry->queue != KAA_LIST_IDLE && kaa_poller_is_usable_inline (entry->poller))
    kaa_poll_entry_move (entry, KAA_LIST_READY);
}

void
kaa_poll_entry_schedule_last (KaaPollEntry *entry)
{
  if (kaa_poller_is_usable_inline (entry->poller))
    kaa_poll_entry_move (entry, entry->queue == KAA_LIST_IDLE ? KAA_LIST_IDLE : KAA_LIST_READY);
}

void
kaa_poll_entry_park (KaaPollEntry *entry,
                     KaaLook       first)
{
  /* What waits to be dispatched finds out then. */
  if (!kaa_poller_is_usable_inline (entry->poller) ||
      entry->queue == KAA_LIST_READY || entry->queue == KAA_LIST_IDLE)
    return;

  entry->look = first;
  if (first == KAA_LOOK_WANTED)
    kaa_poll_entry_move (entry, KAA_LIST_READY);
  else
    kaa_poll_entry_move (entry, first == KAA_LOOK_BLOCKED ? KAA_LIST_BLOCKED : KAA_LIST_NOBODY);
}

void
kaa_poll_entry_unschedule (KaaPollEntry *entry)
{
  if (kaa_poller_is_usable_inline (entry->poller))
    kaa_poll_entry_move (entry, KAA_LIST_REST);
}

gboolean
kaa_poll_entry_is_scheduled (KaaPollEntry *entry)
{
  return entry->queue == KAA_LIST_READY || entry->queue == KAA_LIST_IDLE;
}

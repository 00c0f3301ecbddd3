/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * The sources of a poller, and what they dispatch.
 *
 * A turn: prepare() looks at the entries that are parked, check() turns what the kernel reports into
 * ready bits and lists, dispatch() runs the tasks and then the entries that are ready.
 *
 * Nobody starves. A dispatch ends behind the first callback that ran past its budget, and the next turn belongs to others, down to idle
 * priority, where a companion source has what they leave. What could not be finished is put off: it goes on from there, so
 * redraws and timers keep their beat. Other sources may always be ready, and would stop the companion for ever; so what was passed over
 * for some turns is due, and gets a smaller budget at the poller's own priority.
 *
 * Nothing here keeps an iterator across a call of an entry or task, because all of them may run a nested main loop, and free
 * what they belong to.
 */

/* --- dispatch --- */

/* What is due takes an eighth of a budget at least, and no more than half the time that it has waited. */
#define KAA_BUDGET_LEAST   (KAA_BUDGET_USEC / 8)

/* What was put off waits for so many turns; or for so many, if they take that long. Two floods of different priorities must not be
 * due in turns, and leave none for who has a lower priority. */
#define KAA_PATIENCE_TURNS     8
#define KAA_PATIENCE_MIN_TURNS 4
#define KAA_PATIENCE_USEC      4000

/* A source costs every turn of the loop something: 226 instructions, where a line by pipe takes 8,700. One that has had nothing to do in
 * so many turns is made anew when there is. */
#define KAA_COMPANION_TURNS    256

/* Tasks first, and then the entries that they go before. Where the tasks leave nothing of the budget, entries are first the next time,
 * so that no amount of tasks stops them. */
static void
kaa_poller_run_list (KaaPoller *self,
                     KaaList    list)
{
  gboolean tasks_last = list == KAA_LIST_READY && self->entries_next;

  if (list == KAA_LIST_READY && !self->entries_next)
    {
      kaa_poller_run_tasks (self);
      self->entries_next = self->budget.used_up;
      if (self->budget.used_up || kaa_poller_is_forked_inline (self))
        return;
    }

  /* What the entries have queued does not need another turn of the loop; what tasks have queued does. */
  tasks_last = tasks_last || !kaa_poller_has_tasks (self);
  if (list == KAA_LIST_READY)
    self->entries_next = FALSE;
  kaa_poller_run_entries (self, list);
  if (tasks_last && !self->budget.used_up && !kaa_poller_is_forked_inline (self))
    {
      kaa_poller_run_tasks (self);
      self->entries_next = self->entries_next || self->budget.used_up;
    }
}

/* Whether what was put off has been passed over often enough. */
static gboolean
kaa_poller_is_due (KaaPoller *self)
{
  if (self->lists[KAA_LIST_IDLE].length == 0 || self->n_turns_waited < KAA_PATIENCE_MIN_TURNS)
    return FALSE;

  return self->n_turns_waited >= KAA_PATIENCE_TURNS ||
         g_get_monotonic_time () - self->waits_since >= KAA_PATIENCE_USEC;
}

/* Something that was not put off. */
static gboolean
kaa_poller_has_news (KaaPoller *self)
{
  return self->lists[KAA_LIST_READY].length > 0 || kaa_poller_has_tasks (self);
}

static void kaa_poller_need_companion (KaaPoller *self);

static void
kaa_poller_run_for (KaaPoller *self,
                    KaaList    list,
                    gint64     begin,
                    gint64     usec)
{
  KaaBudget outer = self->budget;
  gboolean others_wait = list == KAA_LIST_READY && self->lists[KAA_LIST_IDLE].length > 0;
  gint64 end;

  kaa_poller_begin_budget (self, begin, usec);
  self->depth++;
  kaa_poller_run_list (self, list);
  self->depth--;

  if (!kaa_poller_is_forked_inline (self))
    {
      end = g_get_monotonic_time ();
      if (list == KAA_LIST_READY && self->depth == 0)
        self->usec_run += end - begin;
      if (self->budget.used_up)
        {
          self->usec_run = 0;
          self->used_up = TRUE;
          kaa_poller_need_companion (self);
        }
      if (!others_wait)
        {
          self->n_turns_waited = 0;
          self->waits_since = end;
        }
    }
  self->budget = outer;
}

static gboolean
kaa_poller_run_ready (gpointer user_data)
{
  KaaPoller *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (kaa_poller_is_forked_inline (self))
    return G_SOURCE_CONTINUE;

  kaa_poller_note_thread (self);
  if (kaa_poller_is_due (self))
    kaa_poller_run_for (self, KAA_LIST_IDLE, now, CLAMP ((now - self->waits_since) / 2, KAA_BUDGET_LEAST, KAA_BUDGET_USEC));
  else
    /* Who has a little to do in each turn shall not stop what is below it either. */
    kaa_poller_run_for (self, KAA_LIST_READY, now, MAX (KAA_BUDGET_USEC - self->usec_run, 0));

  return G_SOURCE_CONTINUE;
}

static gboolean
kaa_poller_run_put_off (gpointer user_data)
{
  KaaPoller *self = user_data;

  if (kaa_poller_is_forked_inline (self))
    return G_SOURCE_CONTINUE;

  kaa_poller_note_thread (self);
  kaa_poller_run_for (self, self->rests && kaa_poller_has_news (self) ? KAA_LIST_READY : KAA_LIST_IDLE,
                      g_get_monotonic_time (), KAA_BUDGET_USEC);

  return G_SOURCE_CONTINUE;
}

/* --- the sources --- */

typedef struct
{
  GSource parent;
  KaaPoller *poller;   /* owned */
} KaaPollerSource;

static KaaPoller *
kaa_poller_of (GSource *source)
{
  return ((KaaPollerSource *) source)->poller;
}

/* Never says TRUE, because GLib does not ask check() then, and those that are always busy would deafen the rest. */
static gboolean
kaa_poller_prepare (GSource *source,
                    int     *timeout)
{
  KaaPoller *self = kaa_poller_of (source);

  *timeout = -1;
  if (kaa_poller_is_forked_inline (self))
    {
      kaa_watches_mute (self);
      return FALSE;
    }

  kaa_poller_note_thread (self);

  if (self->lists[KAA_LIST_BLOCKED].length + self->lists[KAA_LIST_NOBODY].length > 0)
    kaa_poller_look (self);
  *timeout = kaa_watches_audit (self);
  if (self->lists[KAA_LIST_IDLE].length > 0)
    self->n_turns_waited++;
  if (kaa_poller_has_news (self) || kaa_poller_is_due (self))
    *timeout = 0;

  return FALSE;
}

static gboolean
kaa_poller_check (GSource *source)
{
  KaaPoller *self = kaa_poller_of (source);

  if (kaa_poller_is_forked_inline (self))
    return FALSE;

  kaa_watches_collect (self);

  self->rests = self->used_up;
  self->used_up = FALSE;
  if (!self->rests && (kaa_poller_has_news (self) || kaa_poller_is_due (self)))
    return TRUE;

  self->usec_run = 0;
  return FALSE;
}

static gboolean
kaa_poller_dispatch (GSource     *source,
                     GSourceFunc  callback,
                     gpointer     user_data)
{
  return callback (user_data);
}

static void
kaa_poller_finalize_source (GSource *source)
{
  kaa_poller_unref (kaa_poller_of (source));
}

static void
kaa_poller_drop_companion (KaaPoller *self)
{
  g_source_destroy (self->companion);
  self->companion = NULL;
  self->companion_turns = 0;
}

static gboolean
kaa_companion_prepare (GSource *source,
                       int     *timeout)
{
  KaaPoller *self = kaa_poller_of (source);

  *timeout = -1;
  if (kaa_poller_is_forked_inline (self))
    return FALSE;

  if (self->lists[KAA_LIST_IDLE].length > 0 || self->used_up)
    self->companion_turns = 0;
  else if (++self->companion_turns > KAA_COMPANION_TURNS)
    kaa_poller_drop_companion (self);

  return self->lists[KAA_LIST_IDLE].length > 0;
}

static gboolean
kaa_companion_check (GSource *source)
{
  KaaPoller *self = kaa_poller_of (source);

  return !kaa_poller_is_forked_inline (self) && self->rests && kaa_poller_has_news (self);
}

static GSourceFuncs kaa_poller_source_funcs =
{
  .prepare = kaa_poller_prepare,
  .check = kaa_poller_check,
  .dispatch = kaa_poller_dispatch,
  .finalize = kaa_poller_finalize_source,
};

static GSourceFuncs kaa_companion_source_funcs =
{
  .prepare = kaa_companion_prepare,
  .check = kaa_companion_check,
  .dispatch = kaa_poller_dispatch,
  .finalize = kaa_poller_finalize_source,
};

/* The context will own the source; it is gone before the pointer can dangle. */
static GSource *
add_source (KaaPoller      *self,
            GSourceFuncs   *funcs,
            const char     *name,
            int             priority,
            GSourceFunc     callback,
            GDestroyNotify  notify)
{
  GSource *source = g_source_new (funcs, sizeof (KaaPollerSource));

  ((KaaPollerSource *) source)->poller = kaa_poller_ref (self);
  g_source_set_static_name (source, name);
  g_source_set_priority (source, priority);
  g_source_set_can_recurse (source, TRUE);
  g_source_set_callback (source, callback, self, notify);
  g_source_attach (source, self->context);
  g_source_unref (source);

  return source;
}

/* Idle, and below its own; one that is idle itself leaves turns to what is called low. */
static int
kaa_get_companion_priority (int priority)
{
  const int distance = G_PRIORITY_LOW - G_PRIORITY_DEFAULT_IDLE;

  return MAX (G_PRIORITY_DEFAULT_IDLE, MIN (priority, G_MAXINT - distance) + distance);
}

static void
kaa_poller_need_companion (KaaPoller *self)
{
  if (self->companion == NULL)
    self->companion = add_source (self, &kaa_companion_source_funcs, "kaa-poller-companion",
                                  kaa_get_companion_priority (self->key.priority), kaa_poller_run_put_off, NULL);
}

void
kaa_poller_add_sources (KaaPoller      *self,
                        GDestroyNotify  context_gone)
{
  self->source = add_source (self, &kaa_poller_source_funcs, "kaa-poller", self->key.priority,
                             kaa_poller_run_ready, context_gone);
}

void
kaa_poll_entry_schedule_idle (KaaPollEntry *entry)
{
  KaaPoller *self = entry->poller;

  if (!kaa_poller_is_usable_inline (self) || entry->queue == KAA_LIST_IDLE)
    return;

  kaa_poll_entry_move (entry, KAA_LIST_IDLE);
  kaa_poller_need_companion (self);
}

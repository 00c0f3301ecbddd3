/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"
#include "loop/kaa-thread.h"

#include <pthread.h>

/*
 * KaaPoller: one GSource for all channels of a (GMainContext, priority).
 *
 * A turn: prepare() looks at the entries that are parked, check() turns what the kernel reports into
 * ready bits and lists, dispatch() runs the tasks and then the entries that are ready.
 *
 * Nobody starves. A dispatch ends behind the first callback that ran past its share, and the next turn belongs to others, down to idle
 * priority, where a companion source has what they leave. What could not be finished is put off: it goes on from there, so
 * redraws and timers keep their beat. Other sources may always be ready, and would stop the companion for ever; so what was passed over
 * for some turns is due, and gets a smaller share at the poller's own priority.
 *
 * Lifetimes:
 *  1. The context owns the sources, each source owns a reference on the poller, and so does whoever
 *     asked for it. The poller owns neither source nor context.
 *  2. When the context goes it destroys the source, and the destroy notify of the source's callback
 *     tells the poller, which tells its entries, runs what tasks are left, and then tells its witnesses. Until
 *     that is done all belongs to the thread that dropped the context, and to any thread afterwards.
 *  3. The references go with the sources, after everything that GLib may still know of the poller.
 *  4. After a fork the poller of the parent is a dead thing in the child: its lists may have been in
 *     the hands of another thread, and its epoll set is shared with the parent. Nothing of it is
 *     touched, and the registry makes new ones.
 *
 * Nothing here keeps an iterator across a call of an entry or task, because all of them may run a
 * nested main loop, and free what they belong to. This file has the sources, the tasks and the
 * registry, kaa-poller-entries.c the lists of entries, kaa-watch.c and its kin the descriptors.
 */

/* Outside of a dispatch. */
static const KaaShare kaa_share_unlimited = { .end = G_MAXINT64, .bytes = G_MAXSIZE, .ticks_left = G_MAXUINT64 };

/* How long who would be refused waits for a thread to end. */
#define KAA_N_LOOKS 20
#define KAA_USEC_BETWEEN_LOOKS 250

GMutex kaa_poller_static_lock;
static GHashTable *kaa_registry;    /* KaaPollerKey -> KaaPoller, both not owned */
static int kaa_generation;          /* atomic: how many forks away the process is from the first */

gboolean
kaa_poller_is_forked (KaaPoller *self)
{
  return G_UNLIKELY (self->generation != g_atomic_int_get (&kaa_generation));
}

gboolean
kaa_poller_is_gone (KaaPoller *self)
{
  return g_atomic_pointer_get (&self->context) == NULL;
}

gboolean
kaa_poller_is_usable (KaaPoller *self)
{
  return !kaa_poller_is_forked (self) && !kaa_poller_is_gone (self);
}

static void
kaa_poller_note_thread (KaaPoller *self)
{
  if (g_atomic_pointer_get (&self->thread) != kaa_thread_self ())
    g_atomic_pointer_set (&self->thread, kaa_thread_self ());
}

/* --- tasks and dispatch --- */

/* What is due takes an eighth of a share at least, and no more than half the time that it has waited. */
#define KAA_SHARE_LEAST   (KAA_SHARE_USEC / 8)

/* What was put off waits for so many turns; or for so many, if they take that long. Two floods of different priorities must not be
 * due in turns, and leave none for who has a lower priority. */
#define KAA_PATIENCE_TURNS     8
#define KAA_PATIENCE_MIN_TURNS 4
#define KAA_PATIENCE_USEC      4000

/* A source costs every turn of the loop something. One that has had nothing to do in so many turns is made anew when there is. */
#define KAA_COMPANION_TURNS    256

void
kaa_poller_begin_batch (KaaPoller *self)
{
  self->batch++;
  self->batch_end = g_atomic_int_get ((gint *) &self->n_tasks_pushed);
}

/* Those of the batch, one at least, within the share. A nested loop in one of them takes them from the same queue. */
static void
kaa_poller_run_tasks (KaaPoller *self)
{
  gboolean budget = TRUE;

  if (kaa_poller_are_tasks_done (self))
    kaa_poller_begin_batch (self);
  if (!kaa_poller_has_tasks (self))
    return;

  g_mutex_lock (&self->lock);
  while (budget && self->tasks != NULL && !kaa_poller_are_tasks_done (self))
    {
      KaaTask *task = self->tasks;

      g_atomic_pointer_set (&self->tasks, task->next);
      self->n_tasks_taken++;
      g_mutex_unlock (&self->lock);

      task->func (task, /* context_gone= */ FALSE);
      /* The task may have forked. */
      if (kaa_poller_is_forked (self))
        return;

      budget = kaa_poller_spend (self, 0);
      g_mutex_lock (&self->lock);
    }
  g_mutex_unlock (&self->lock);
}

/* Tasks first, and then the entries that they go before. Where the tasks leave nothing of the share, entries are first the next time,
 * so that no amount of tasks stops them. */
static void
kaa_poller_run_list (KaaPoller *self,
                     KaaList    list)
{
  gboolean tasks_last = list == KAA_LIST_READY && self->entries_next;

  if (list == KAA_LIST_READY && !self->entries_next)
    {
      kaa_poller_run_tasks (self);
      self->entries_next = self->share.used_up;
      if (self->share.used_up || kaa_poller_is_forked (self))
        return;
    }

  /* What the entries have queued does not need another turn of the loop; what tasks have queued does. */
  tasks_last = tasks_last || !kaa_poller_has_tasks (self);
  if (list == KAA_LIST_READY)
    self->entries_next = FALSE;
  kaa_poller_run_entries (self, list);
  if (tasks_last && !self->share.used_up && !kaa_poller_is_forked (self))
    {
      kaa_poller_run_tasks (self);
      self->entries_next = self->entries_next || self->share.used_up;
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

static void
kaa_poller_run_for (KaaPoller *self,
                    KaaList    list,
                    gint64     begin,
                    gint64     usec)
{
  KaaShare outer = self->share;
  gboolean others_wait = list == KAA_LIST_READY && self->lists[KAA_LIST_IDLE].length > 0;
  gint64 end;

  kaa_poller_begin_share (self, begin, usec);
  self->depth++;
  kaa_poller_run_list (self, list);
  self->depth--;

  if (!kaa_poller_is_forked (self))
    {
      end = g_get_monotonic_time ();
      if (list == KAA_LIST_READY && self->depth == 0)
        self->usec_run += end - begin;
      if (self->share.used_up)
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
  self->share = outer;
}

static gboolean
kaa_poller_run_ready (gpointer user_data)
{
  KaaPoller *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (kaa_poller_is_forked (self))
    return G_SOURCE_CONTINUE;

  kaa_poller_note_thread (self);
  if (kaa_poller_is_due (self))
    kaa_poller_run_for (self, KAA_LIST_IDLE, now, CLAMP ((now - self->waits_since) / 2, KAA_SHARE_LEAST, KAA_SHARE_USEC));
  else
    /* Who has a little to do in each turn shall not stop what is below it either. */
    kaa_poller_run_for (self, KAA_LIST_READY, now, MAX (KAA_SHARE_USEC - self->usec_run, 0));

  return G_SOURCE_CONTINUE;
}

static gboolean
kaa_poller_run_put_off (gpointer user_data)
{
  KaaPoller *self = user_data;

  if (kaa_poller_is_forked (self))
    return G_SOURCE_CONTINUE;

  kaa_poller_note_thread (self);
  kaa_poller_run_for (self, self->rests && kaa_poller_has_news (self) ? KAA_LIST_READY : KAA_LIST_IDLE,
                      g_get_monotonic_time (), KAA_SHARE_USEC);

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
  if (kaa_poller_is_forked (self))
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

  if (kaa_poller_is_forked (self))
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
  if (kaa_poller_is_forked (self))
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

  return !kaa_poller_is_forked (self) && self->rests && kaa_poller_has_news (self);
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
kaa_poller_add_source (KaaPoller      *self,
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

void
kaa_poller_need_companion (KaaPoller *self)
{
  if (self->companion == NULL)
    self->companion = kaa_poller_add_source (self, &kaa_companion_source_funcs, "kaa-poller-companion",
                                             kaa_get_companion_priority (self->key.priority),
                                             kaa_poller_run_put_off, NULL);
}

/* Other threads may hand over tasks until there are none left. */
static void
kaa_poller_tell_tasks (KaaPoller *self)
{
  g_mutex_lock (&self->lock);
  while (self->tasks != NULL)
    {
      KaaTask *task = self->tasks;

      g_atomic_pointer_set (&self->tasks, task->next);
      g_mutex_unlock (&self->lock);
      task->func (task, /* context_gone= */ TRUE);
      g_mutex_lock (&self->lock);
    }

  self->told = TRUE;
  while (self->witnesses.head != NULL)
    {
      KaaWitness *witness = g_queue_pop_head_link (&self->witnesses)->data;

      witness->link.data = NULL;
      witness->context_gone (witness);
    }
  g_mutex_unlock (&self->lock);
}

/* The destroy notify of the source: the context is going. */
static void
kaa_poller_context_gone (gpointer user_data)
{
  KaaPoller *self = user_data;

  g_mutex_lock (&kaa_poller_static_lock);
  if (g_hash_table_lookup (kaa_registry, &self->key) == self)
    g_hash_table_remove (kaa_registry, &self->key);
  g_mutex_unlock (&kaa_poller_static_lock);

  if (kaa_poller_is_forked (self))
    {
      g_atomic_pointer_set (&self->context, NULL);
      return;
    }

  g_mutex_lock (&self->lock);
  g_atomic_pointer_set (&self->context, NULL);
  kaa_poller_note_thread (self);
  g_mutex_unlock (&self->lock);

  self->source = NULL;
  self->companion = NULL;
  kaa_watches_close (self);

  kaa_poller_tell_entries (self);
  kaa_poller_tell_tasks (self);
}

/* --- the registry --- */

static guint
kaa_poller_key_hash (gconstpointer data)
{
  const KaaPollerKey *key = data;

  return g_direct_hash (key->context) * 31 + (guint) key->priority;
}

static gboolean
kaa_poller_key_equal (gconstpointer a,
                      gconstpointer b)
{
  const KaaPollerKey *one = a;
  const KaaPollerKey *other = b;

  return one->context == other->context && one->priority == other->priority;
}

static void
kaa_before_fork (void)
{
  g_mutex_lock (&kaa_poller_static_lock);
}

static void
kaa_after_fork_in_parent (void)
{
  g_mutex_unlock (&kaa_poller_static_lock);
}

static void
kaa_after_fork_in_child (void)
{
  g_atomic_int_inc (&kaa_generation);
  g_mutex_unlock (&kaa_poller_static_lock);
}

/* A context is of one thread, with whatever priority: nobody else may take a poller for his because it is new. */
static gpointer
kaa_find_thread (GMainContext *context)
{
  GHashTableIter iter;
  gpointer other;

  g_hash_table_iter_init (&iter, kaa_registry);
  while (g_hash_table_iter_next (&iter, NULL, &other))
    if (((KaaPoller *) other)->key.context == context && !kaa_poller_is_forked (other))
      return g_atomic_pointer_get (&((KaaPoller *) other)->thread);

  return NULL;
}

static KaaPoller *
kaa_poller_new (const KaaPollerKey *key)
{
  KaaPoller *self = g_new0 (KaaPoller, 1);
  const char *mode = g_getenv ("KAA_IO_POLLER");

  g_atomic_ref_count_init (&self->ref_count);
  self->generation = g_atomic_int_get (&kaa_generation);
  if (g_strcmp0 (mode, "poll") == 0)
    self->mode = KAA_POLLER_POLL;
  else if (g_strcmp0 (mode, "epoll") == 0)
    self->mode = KAA_POLLER_EPOLL;
  self->key = *key;
  self->context = key->context;
  self->thread = kaa_find_thread (key->context);
  g_mutex_init (&self->lock);
  self->share = kaa_share_unlimited;
  self->epoll.fd = -1;

  self->source = kaa_poller_add_source (self, &kaa_poller_source_funcs, "kaa-poller", key->priority,
                                        kaa_poller_run_ready, kaa_poller_context_gone);

  return self;
}

KaaPoller *
kaa_poller_get (GMainContext *context,
                int           priority)
{
  KaaPollerKey key = { context, priority };
  KaaPoller *self;

  if (key.context == NULL)
    key.context = g_main_context_get_thread_default ();
  if (key.context == NULL)
    key.context = g_main_context_default ();

  g_mutex_lock (&kaa_poller_static_lock);

  if (kaa_registry == NULL)
    {
      kaa_registry = g_hash_table_new (kaa_poller_key_hash, kaa_poller_key_equal);
      pthread_atfork (kaa_before_fork, kaa_after_fork_in_parent, kaa_after_fork_in_child);
    }

  self = g_hash_table_lookup (kaa_registry, &key);
  if (self == NULL || kaa_poller_is_forked (self))
    {
      self = kaa_poller_new (&key);
      /* Replaces the parent's, and its key. */
      g_hash_table_replace (kaa_registry, &self->key, self);
    }
  else
    {
      kaa_poller_ref (self);
    }

  g_mutex_unlock (&kaa_poller_static_lock);

  return self;
}

KaaPoller *
kaa_poller_ref (KaaPoller *self)
{
  g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
kaa_poller_unref (KaaPoller *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;

  kaa_block_cache_clear (&self->blocks);
  kaa_watches_free (self);
  /* In a forked child it may be locked for ever, by a thread that is not there. */
  if (!kaa_poller_is_forked (self))
    g_mutex_clear (&self->lock);
  g_free (self);
}

/* Under the lock. One that goes lets go of all its sources before it destroys the first; ours is there until it has told us. */
static gboolean
kaa_poller_is_going (KaaPoller *self)
{
  return self->context == NULL || g_source_is_destroyed (self->source) || g_source_get_context (self->source) == NULL;
}

GMainContext *
kaa_poller_dup_context (KaaPoller *self)
{
  GMainContext *context = NULL;

  if (!kaa_poller_is_usable (self))
    return NULL;

  g_mutex_lock (&self->lock);
  if (!kaa_poller_is_going (self))
    context = g_main_context_ref (self->context);
  g_mutex_unlock (&self->lock);

  return context;
}

gboolean
kaa_poller_ask (KaaPoller  *self,
                gboolean  (*question) (GMainContext *context))
{
  gboolean answer;

  if (!kaa_poller_is_usable (self))
    return FALSE;

  /* The context cannot be freed while it waits to tell us that it goes. */
  g_mutex_lock (&self->lock);
  answer = self->context != NULL && question (self->context);
  g_mutex_unlock (&self->lock);

  return answer;
}

gboolean
kaa_poller_add_witness (KaaPoller  *self,
                        KaaWitness *witness)
{
  gboolean added;

  if (kaa_poller_is_forked (self))
    return FALSE;

  /* Who drops the context would wait for himself. */
  g_mutex_lock (&self->lock);
  added = !self->told &&
          (g_atomic_pointer_get (&self->thread) != kaa_thread_self () || !kaa_poller_is_going (self));
  if (added)
    {
      witness->link.data = witness;
      g_queue_push_tail_link (&self->witnesses, &witness->link);
    }
  g_mutex_unlock (&self->lock);

  return added;
}

void
kaa_poller_remove_witness (KaaPoller  *self,
                           KaaWitness *witness)
{
  g_mutex_lock (&self->lock);
  if (witness->link.data != NULL)
    g_queue_unlink (&self->witnesses, &witness->link);
  g_mutex_unlock (&self->lock);
}

int
kaa_poller_get_priority (KaaPoller *self)
{
  return self->key.priority;
}

/* It is not this thread that was noted. */
static G_GNUC_NO_INLINE gboolean
kaa_poller_claim (KaaPoller *self)
{
  gboolean mine;

  g_mutex_lock (&self->lock);
  if (self->context == NULL)
    {
      /* Who drops the context has it to himself until all were told. */
      mine = self->told;
    }
  else
    {
      gpointer thread = g_atomic_pointer_get (&self->thread);

      /* Nobody owns a context between two of its turns, so that it can be had says little. It belongs to the thread that first
       * used it, until that ends, or another one runs it, or at least has made it its own default. */
      mine = g_main_context_is_owner (self->context);
      if (!mine &&
          (thread == NULL || kaa_thread_has_ended (thread) ||
           g_main_context_get_thread_default () == self->context) &&
          g_main_context_acquire (self->context))
        {
          mine = TRUE;
          g_main_context_release (self->context);
        }
      if (mine)
        kaa_poller_note_thread (self);
    }
  g_mutex_unlock (&self->lock);

  return mine;
}

gboolean
kaa_poller_is_mine (KaaPoller *self)
{
  if (g_atomic_pointer_get (&self->thread) == kaa_thread_self () || kaa_poller_is_forked (self))
    return TRUE;

  return kaa_poller_claim (self);
}

static gboolean
kaa_context_is_free (GMainContext *context)
{
  if (!g_main_context_acquire (context))
    return FALSE;

  g_main_context_release (context);

  return TRUE;
}

gboolean
kaa_poller_insist (KaaPoller *self)
{
  for (guint i = 0; i < KAA_N_LOOKS; i++)
    {
      if (kaa_poller_is_mine (self))
        return TRUE;
      if (!kaa_poller_ask (self, kaa_context_is_free))
        return FALSE;
      g_usleep (KAA_USEC_BETWEEN_LOOKS);
    }

  return kaa_poller_is_mine (self);
}

gboolean
kaa_poller_is_here (KaaPoller *self)
{
  return kaa_poller_is_usable (self) && g_atomic_pointer_get (&self->thread) == kaa_thread_self ();
}

gboolean
kaa_poller_is_running (KaaPoller *self)
{
  /* Only the thread that runs the context is noted while it does, so nobody else gets to see the depth. */
  return kaa_poller_is_here (self) && self->depth > 0;
}

KaaBlockCache *
kaa_poller_get_blocks (KaaPoller *self)
{
  /* Without a context there is no thread that it belongs to. */
  return kaa_poller_is_usable (self) ? &self->blocks : NULL;
}

/* Under the lock. By a change of a ready time that never comes: g_main_context_wakeup() insists on a reference, and
 * the last one may just have been dropped. The source is there until the context has told us. */
static void
kaa_poller_wake (KaaPoller *self)
{
  g_source_set_ready_time (self->source, g_source_get_ready_time (self->source) == -1 ? G_MAXINT64 : -1);
}

void
kaa_poller_defer (KaaPoller *self,
                  KaaTask   *task)
{
  gboolean queued = FALSE;

  if (!kaa_poller_is_forked (self))
    {
      g_mutex_lock (&self->lock);
      queued = !self->told;
      if (queued)
        {
          gboolean first = self->tasks == NULL;

          task->next = NULL;
          if (first)
            g_atomic_pointer_set (&self->tasks, task);
          else
            self->last_task->next = task;
          self->last_task = task;
          g_atomic_int_set ((gint *) &self->n_tasks_pushed, self->n_tasks_pushed + 1);

          if (first && self->context != NULL && g_atomic_pointer_get (&self->thread) != kaa_thread_self ())
            kaa_poller_wake (self);
        }
      g_mutex_unlock (&self->lock);
    }

  if (!queued)
    task->func (task, /* context_gone= */ TRUE);
}

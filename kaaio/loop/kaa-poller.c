/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include <pthread.h>

/*
 * KaaPoller: one GSource for all channels of a (GMainContext, priority).
 *
 * A turn: prepare() looks at the entries that are parked, check() turns what the kernel reports into
 * ready bits and lists, dispatch() runs the tasks and then the entries that are ready. What one
 * dispatch cannot finish goes on from a companion source at idle priority.
 *
 * Lifetimes:
 *  1. The context owns the sources, each source owns a reference on the poller, and so does whoever
 *     asked for it. The poller owns neither source nor context.
 *  2. When the context goes it destroys the source, and the destroy notify of the source's callback
 *     tells the poller, which tells its entries and runs what tasks are left.
 *  3. The references go with the sources, after everything that GLib may still know of the poller.
 *  4. After a fork the poller of the parent is a dead thing in the child: its lists may have been in
 *     the hands of another thread, and its epoll set is shared with the parent. Nothing of it is
 *     touched, and the registry makes new ones.
 *
 * Nothing here keeps an iterator across a call of an entry or task, because all of them may run a
 * nested main loop, and free what they belong to.
 */

#define KAA_SHARE_USEC    2000
#define KAA_SHARE_BYTES   (1024 * 1024)
#define KAA_SHARE_CALLS   64    /* between two looks at the clock */
#define KAA_LOOKS_A_TURN  32    /* of either kind, while there is something to dispatch */

static const KaaShare kaa_share_unlimited = { .end = G_MAXINT64, .bytes = G_MAXSIZE };

/* Guards all that is static here. Held across fork(), so that the child finds it in order. */
static GMutex kaa_registry_lock;
static GHashTable *kaa_registry;    /* KaaPollerKey -> KaaPoller, both not owned */
static guint kaa_generation;        /* how many forks away the process is from the first */

gboolean
kaa_poller_is_forked (KaaPoller *self)
{
  return G_UNLIKELY (self->generation != kaa_generation);
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

static gpointer
kaa_this_thread (void)
{
  return (gpointer) pthread_self ();
}

static void
kaa_poller_note_thread (KaaPoller *self)
{
  if (g_atomic_pointer_get (&self->thread) != kaa_this_thread ())
    g_atomic_pointer_set (&self->thread, kaa_this_thread ());
}

/* --- looking at what is parked --- */

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

  g_mutex_lock (&kaa_registry_lock);

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

  g_mutex_unlock (&kaa_registry_lock);

  return result;
}

static void
kaa_poll_entry_move (KaaPollEntry *entry,
                     KaaList       to)
{
  KaaPoller *self = entry->poller;

  if (entry->queue != KAA_LIST_NONE)
    g_queue_unlink (&self->lists[entry->queue], &entry->link);

  entry->queue = to;
  entry->serial = self->serial + 1;
  if (to != KAA_LIST_NONE)
    g_queue_push_tail_link (&self->lists[to], &entry->link);
}

static gboolean
kaa_poller_has_tasks (KaaPoller *self)
{
  return g_atomic_pointer_get (&self->tasks) != NULL;
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
  KaaPollEntry *entry = self->lists[list].head->data;

  entry->look = entry->funcs->look (entry);
  if (entry->look == KAA_LOOK_WANTED)
    kaa_poll_entry_move (entry, KAA_LIST_READY);
  else
    kaa_poll_entry_move (entry, entry->look == KAA_LOOK_BLOCKED ? KAA_LIST_BLOCKED : KAA_LIST_NOBODY);
}

static void
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

/* Those that were there at the beginning. A nested loop in one of them takes them from the same queue. */
static void
kaa_poller_run_tasks (KaaPoller *self)
{
  guint32 end;

  if (!kaa_poller_has_tasks (self))
    return;

  g_mutex_lock (&self->lock);
  end = self->n_tasks_pushed;
  while (self->tasks != NULL && (gint32) (end - self->n_tasks_taken) > 0)
    {
      KaaTask *task = self->tasks;

      g_atomic_pointer_set (&self->tasks, task->next);
      self->n_tasks_taken++;
      g_mutex_unlock (&self->lock);

      task->func (task, /* context_gone= */ FALSE);
      /* The task may have forked. */
      if (kaa_poller_is_forked (self))
        return;

      g_mutex_lock (&self->lock);
    }
  g_mutex_unlock (&self->lock);
}

static void
kaa_poller_run_entries (KaaPoller *self,
                        GQueue    *list)
{
  guint32 serial = ++self->serial;

  while (!kaa_poller_is_forked (self) && list->head != NULL)
    {
      KaaPollEntry *entry = list->head->data;

      /* Scheduled since this dispatch began, and so were all behind it. */
      if ((gint32) (entry->serial - serial) > 0)
        break;

      kaa_poll_entry_move (entry, KAA_LIST_NONE);
      entry->funcs->dispatch (entry);

      /* Only now: the tasks may have used it up, and something has to be done in each turn. */
      if (self->share.used_up)
        break;
    }
}

static KaaShare
kaa_poller_begin (KaaPoller *self)
{
  KaaShare outer = self->share;

  kaa_poller_note_thread (self);
  self->share.end = g_get_monotonic_time () + KAA_SHARE_USEC;
  self->share.bytes = KAA_SHARE_BYTES;
  self->share.calls = 0;
  self->share.used_up = FALSE;

  return outer;
}

static gboolean
kaa_poller_run_ready (gpointer user_data)
{
  KaaPoller *self = user_data;
  KaaShare outer;

  if (kaa_poller_is_forked (self))
    return G_SOURCE_CONTINUE;

  outer = kaa_poller_begin (self);
  kaa_poller_run_tasks (self);
  kaa_poller_run_entries (self, &self->lists[KAA_LIST_READY]);
  self->share = outer;

  return G_SOURCE_CONTINUE;
}

static gboolean
kaa_poller_run_idle (gpointer user_data)
{
  KaaPoller *self = user_data;
  KaaShare outer;

  if (kaa_poller_is_forked (self))
    return G_SOURCE_CONTINUE;

  outer = kaa_poller_begin (self);
  kaa_poller_run_entries (self, &self->lists[KAA_LIST_IDLE]);
  self->share = outer;

  return G_SOURCE_CONTINUE;
}

gboolean
kaa_poller_spend (KaaPoller *self,
                  gsize      bytes)
{
  KaaShare *share = &self->share;

  if (kaa_poller_is_forked (self))
    return FALSE;

  share->bytes -= MIN (bytes, share->bytes);
  share->calls++;
  if (share->bytes == 0 ||
      (share->calls % KAA_SHARE_CALLS == 0 && g_get_monotonic_time () >= share->end))
    share->used_up = TRUE;

  return !share->used_up;
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
  self->turn++;

  if (self->lists[KAA_LIST_BLOCKED].length + self->lists[KAA_LIST_NOBODY].length > 0)
    kaa_poller_look (self);
  if (self->lists[KAA_LIST_READY].length > 0 || kaa_poller_has_tasks (self))
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

  return self->lists[KAA_LIST_READY].length > 0 || kaa_poller_has_tasks (self);
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

static gboolean
kaa_companion_prepare (GSource *source,
                       int     *timeout)
{
  KaaPoller *self = kaa_poller_of (source);

  *timeout = -1;

  return !kaa_poller_is_forked (self) && self->lists[KAA_LIST_IDLE].length > 0;
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

/* The destroy notify of the source: the context is going. */
static void
kaa_poller_context_gone (gpointer user_data)
{
  KaaPoller *self = user_data;

  g_mutex_lock (&kaa_registry_lock);
  if (g_hash_table_lookup (kaa_registry, &self->key) == self)
    g_hash_table_remove (kaa_registry, &self->key);
  g_mutex_unlock (&kaa_registry_lock);

  if (kaa_poller_is_forked (self))
    {
      g_atomic_pointer_set (&self->context, NULL);
      return;
    }

  g_mutex_lock (&self->lock);
  g_atomic_pointer_set (&self->context, NULL);
  g_mutex_unlock (&self->lock);

  self->source = NULL;
  self->companion = NULL;
  kaa_watches_close (self);

  while (self->all.head != NULL)
    {
      KaaPollEntry *entry = self->all.head->data;

      kaa_poll_entry_move (entry, KAA_LIST_NONE);
      g_queue_unlink (&self->all, &entry->all_link);
      entry->queue = KAA_LIST_GONE;
      entry->funcs->context_gone (entry);
    }

  /* Nobody adds to them any more, so they need no lock. */
  while (self->tasks != NULL)
    {
      KaaTask *task = self->tasks;

      self->tasks = task->next;
      task->func (task, /* context_gone= */ TRUE);
    }
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
  g_mutex_lock (&kaa_registry_lock);
}

static void
kaa_after_fork_in_parent (void)
{
  g_mutex_unlock (&kaa_registry_lock);
}

static void
kaa_after_fork_in_child (void)
{
  kaa_generation++;
  g_mutex_unlock (&kaa_registry_lock);
}

static KaaPoller *
kaa_poller_new (const KaaPollerKey *key)
{
  KaaPoller *self = g_new0 (KaaPoller, 1);
  const char *mode = g_getenv ("KAA_IO_POLLER");

  g_atomic_ref_count_init (&self->ref_count);
  self->generation = kaa_generation;
  if (g_strcmp0 (mode, "poll") == 0)
    self->mode = KAA_POLLER_POLL;
  else if (g_strcmp0 (mode, "epoll") == 0)
    self->mode = KAA_POLLER_EPOLL;
  self->key = *key;
  self->context = key->context;
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

  g_mutex_lock (&kaa_registry_lock);

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

  g_mutex_unlock (&kaa_registry_lock);

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

GMainContext *
kaa_poller_dup_context (KaaPoller *self)
{
  GMainContext *context = NULL;

  if (!kaa_poller_is_usable (self))
    return NULL;

  g_mutex_lock (&self->lock);
  if (self->context != NULL)
    context = g_main_context_ref (self->context);
  g_mutex_unlock (&self->lock);

  return context;
}

int
kaa_poller_get_priority (KaaPoller *self)
{
  return self->key.priority;
}

gboolean
kaa_poller_is_mine (KaaPoller *self)
{
  gboolean mine = TRUE;

  if (!kaa_poller_is_usable (self) || g_atomic_pointer_get (&self->thread) == kaa_this_thread ())
    return TRUE;

  g_mutex_lock (&self->lock);
  if (self->context != NULL)
    {
      mine = g_main_context_acquire (self->context);
      if (mine)
        {
          kaa_poller_note_thread (self);
          g_main_context_release (self->context);
        }
    }
  g_mutex_unlock (&self->lock);

  return mine;
}

guint32
kaa_poller_get_turn (KaaPoller *self)
{
  return self->turn;
}

KaaBlockCache *
kaa_poller_get_blocks (KaaPoller *self)
{
  /* Without a context there is no thread that it belongs to. */
  return kaa_poller_is_usable (self) ? &self->blocks : NULL;
}

void
kaa_poller_defer (KaaPoller *self,
                  KaaTask   *task)
{
  gboolean queued = FALSE;

  if (!kaa_poller_is_forked (self))
    {
      g_mutex_lock (&self->lock);
      queued = self->context != NULL;
      if (queued)
        {
          gboolean first = self->tasks == NULL;

          task->next = NULL;
          if (first)
            g_atomic_pointer_set (&self->tasks, task);
          else
            self->last_task->next = task;
          self->last_task = task;
          self->n_tasks_pushed++;

          /* Under the lock, because the context cannot go while it waits to tell us so. */
          if (first && g_atomic_pointer_get (&self->thread) != kaa_this_thread ())
            g_main_context_wakeup (self->context);
        }
      g_mutex_unlock (&self->lock);
    }

  if (!queued)
    task->func (task, /* context_gone= */ TRUE);
}

/* --- entries --- */

void
kaa_poll_entry_attach (KaaPollEntry *entry,
                       KaaPoller    *poller)
{
  g_assert (entry->poller == NULL);

  entry->poller = kaa_poller_ref (poller);
  entry->link.data = entry;
  entry->all_link.data = entry;

  if (kaa_poller_is_usable (poller))
    g_queue_push_tail_link (&poller->all, &entry->all_link);
  else
    entry->queue = KAA_LIST_GONE;
}

void
kaa_poll_entry_detach (KaaPollEntry *entry)
{
  if (entry->poller == NULL)
    return;

  if (entry->queue != KAA_LIST_GONE && !kaa_poller_is_forked (entry->poller))
    {
      kaa_poll_entry_move (entry, KAA_LIST_NONE);
      g_queue_unlink (&entry->poller->all, &entry->all_link);
    }

  entry->queue = KAA_LIST_NONE;
  g_clear_pointer (&entry->poller, kaa_poller_unref);
}

void
kaa_poll_entry_schedule (KaaPollEntry *entry)
{
  if (!kaa_poller_is_usable (entry->poller))
    return;

  if (entry->queue != KAA_LIST_READY && entry->queue != KAA_LIST_IDLE)
    kaa_poll_entry_move (entry, KAA_LIST_READY);
}

void
kaa_poll_entry_schedule_idle (KaaPollEntry *entry)
{
  KaaPoller *self = entry->poller;

  if (!kaa_poller_is_usable (self) || entry->queue == KAA_LIST_IDLE)
    return;

  kaa_poll_entry_move (entry, KAA_LIST_IDLE);
  if (self->companion == NULL)
    self->companion = kaa_poller_add_source (self, &kaa_companion_source_funcs, "kaa-poller-companion",
                                             MAX (self->key.priority, G_PRIORITY_DEFAULT_IDLE),
                                             kaa_poller_run_idle, NULL);
}

void
kaa_poll_entry_park (KaaPollEntry *entry,
                     KaaLook       first)
{
  /* What waits to be dispatched finds out then. */
  if (!kaa_poller_is_usable (entry->poller) ||
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
  if (kaa_poller_is_usable (entry->poller))
    kaa_poll_entry_move (entry, KAA_LIST_NONE);
}

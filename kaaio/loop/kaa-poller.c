/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include <pthread.h>

/*
 * KaaPoller: the registry, with one poller for each (GMainContext, priority), and the end of a context.
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
 */

static GHashTable *kaa_registry;    /* KaaPollerKey -> KaaPoller, both not owned */

/* The destroy notify of the source: the context is going. */
static void
kaa_poller_context_gone (gpointer user_data)
{
  KaaPoller *self = user_data;

  g_mutex_lock (&kaa_poller_static_lock);
  if (g_hash_table_lookup (kaa_registry, &self->key) == self)
    g_hash_table_remove (kaa_registry, &self->key);
  g_mutex_unlock (&kaa_poller_static_lock);

  if (kaa_poller_is_forked_inline (self))
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
  g_atomic_int_inc (&kaa_poller_generation);
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
    if (((KaaPoller *) other)->key.context == context && !kaa_poller_is_forked_inline (other))
      return g_atomic_pointer_get (&((KaaPoller *) other)->thread);

  return NULL;
}

static KaaPoller *
kaa_poller_new (const KaaPollerKey *key)
{
  KaaPoller *self = g_new0 (KaaPoller, 1);
  const char *mode = g_getenv ("KAA_IO_POLLER");

  g_atomic_ref_count_init (&self->ref_count);
  self->generation = g_atomic_int_get (&kaa_poller_generation);
  if (g_strcmp0 (mode, "poll") == 0)
    self->mode = KAA_POLLER_POLL;
  else if (g_strcmp0 (mode, "epoll") == 0)
    self->mode = KAA_POLLER_EPOLL;
  self->key = *key;
  self->context = key->context;
  self->thread = kaa_find_thread (key->context);
  g_mutex_init (&self->lock);
  self->budget = kaa_budget_unlimited;
  self->epoll.fd = -1;

  kaa_poller_add_sources (self, kaa_poller_context_gone);

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
  if (self == NULL || kaa_poller_is_forked_inline (self))
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

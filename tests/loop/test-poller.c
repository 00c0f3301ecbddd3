/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lists, tasks and ends of a poller. */
#include "poller-fixture.h"

#include <sys/wait.h>

/* --- lists --- */

static void
run_loop (Entry *self)
{
  self->act = NULL;
  kaa_poll_entry_schedule (&self->other->entry);
  put (self->n);
  settle ();
}

static void
test_nested_loop (gconstpointer data)
{
  Entry *outer, *scheduled, *watching;
  int fds[2];

  begin (data);
  make_pipe (fds);
  outer = entry_new ();
  scheduled = entry_new ();
  watching = entry_new ();
  entry_watch (watching, fds[0], KAA_POLL_IN);
  outer->act = run_loop;
  outer->other = scheduled;
  outer->n = fds[1];

  kaa_poll_entry_schedule (&outer->entry);
  while (outer->n_dispatched == 0)
    turn ();
  g_assert_cmpuint (outer->n_dispatched, ==, 1);
  g_assert_cmpuint (scheduled->n_dispatched, ==, 1);
  g_assert_cmpuint (watching->n_dispatched, ==, 1);

  entry_free (outer);
  entry_free (scheduled);
  entry_free (watching);
  close_both (fds);
  end ();
}

static void
free_both (Entry *self)
{
  entry_free (self->other);
  entry_free (self);
}

static void
test_freed_inside (gconstpointer data)
{
  Entry *first, *second, *third;
  int fds[2];

  begin (data);
  make_pipe (fds);
  first = entry_new ();
  second = entry_new ();
  third = entry_new ();
  first->act = free_both;
  first->other = second;
  entry_watch (first, fds[0], KAA_POLL_IN);
  entry_watch (second, fds[0], KAA_POLL_IN);
  put (fds[1]);
  kaa_poll_entry_schedule (&first->entry);
  kaa_poll_entry_schedule (&second->entry);
  kaa_poll_entry_schedule (&third->entry);
  settle ();
  g_assert_cmpuint (third->n_dispatched, ==, 1);

  entry_free (third);
  close_both (fds);
  end ();
}

static void
schedule_again (Entry *self)
{
  kaa_poll_entry_schedule (&self->entry);
}

/* Scheduled from inside a dispatch is for the next turn, and who is always there does not deafen the others. */
static void
test_always_scheduled (gconstpointer data)
{
  Entry *busy, *watching;
  int fds[2];

  begin (data);
  make_pipe (fds);
  busy = entry_new ();
  busy->act = schedule_again;
  watching = entry_new ();
  entry_watch (watching, fds[0], KAA_POLL_IN);
  kaa_poll_entry_schedule (&busy->entry);

  for (guint i = 1; i <= 5; i++)
    {
      turn ();
      g_assert_cmpuint (busy->n_dispatched, ==, i);
    }
  put (fds[1]);
  turn ();
  g_assert_cmpuint (watching->n_dispatched, ==, 1);

  kaa_poll_entry_unschedule (&busy->entry);
  settle ();
  g_assert_cmpuint (busy->n_dispatched, ==, 6);

  entry_free (busy);
  entry_free (watching);
  close_both (fds);
  end ();
}

/* By bytes: 256 times 4 KiB are 1 MiB. Where something else runs meanwhile the clock may be first. */
#define assert_spent_all(entry) \
  G_STMT_START { \
    g_assert_cmpuint ((entry)->n, >, 0); \
    g_assert_cmpuint ((entry)->n, <=, 256); \
  } G_STMT_END

static void
spend_all (Entry *self)
{
  self->n = 1;
  while (kaa_poller_spend (self->entry.poller, 4096))
    self->n++;
  kaa_poll_entry_schedule_idle (&self->entry);
}

/* By the clock. */
static void
spend_time (Entry *self)
{
  self->n = 1;
  while (kaa_poller_spend (self->entry.poller, 0))
    self->n++;
}

static gboolean
count_call (gpointer user_data)
{
  guint *n = user_data;

  (*n)++;

  return G_SOURCE_CONTINUE;
}

static void
add_source (GSource *source,
            guint   *n)
{
  g_source_set_callback (source, count_call, n, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
}

static void
test_share (gconstpointer data)
{
  Entry *entries[3];
  Entry *slow;
  guint n_idle = 0, n_timer = 0;

  begin (data);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new ();
      entries[i]->act = spend_all;
      kaa_poll_entry_schedule (&entries[i]->entry);
    }

  /* One of them uses up a turn, the rest goes on at idle priority, one a turn. */
  turn ();
  g_assert_cmpuint (entries[0]->n_dispatched, ==, 1);
  assert_spent_all (entries[0]);
  g_assert_cmpuint (entries[1]->n_dispatched + entries[2]->n_dispatched, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    turn ();
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    g_assert_cmpuint (entries[i]->n_dispatched, >=, 1);

  /* All are put off now. What is new to do does not change that. */
  add_source (g_idle_source_new (), &n_idle);
  add_source (g_timeout_source_new (1), &n_timer);
  for (guint i = 0; n_idle < 10 || n_timer < 10 || entries[2]->n_dispatched < 10; i++)
    {
      kaa_poll_entry_schedule (&entries[i % 3]->entry);
      turn ();
    }
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, >=, 9);
      assert_spent_all (entries[i]);
      entry_free (entries[i]);
    }
  end ();

  begin (data);
  slow = entry_new ();
  slow->act = spend_time;
  kaa_poll_entry_schedule (&slow->entry);
  settle ();
  g_assert_cmpuint (slow->n_dispatched, ==, 1);
  g_assert_cmpuint (slow->n, >, 0);
  entry_free (slow);
  end ();
}

/* --- parking --- */

static void
test_parked_nobody (gconstpointer data)
{
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  Entry *entry, *other;
  gulong id;
  guint n;

  begin (data);
  entry = entry_new ();
  other = entry_new_at (G_PRIORITY_HIGH);
  entry->look = KAA_LOOK_NOBODY;
  other->look = KAA_LOOK_NOBODY;
  kaa_poll_entry_park (&entry->entry, KAA_LOOK_NOBODY);
  kaa_poll_entry_park (&other->entry, KAA_LOOK_NOBODY);
  settle ();

  /* Nothing was connected: no look, in neither of the two pollers. */
  n = entry->n_looks;
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (settle (), ==, 1);
  g_assert_cmpuint (entry->n_looks, ==, n);

  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  g_assert_cmpuint (settle (), ==, 1);
  g_assert_cmpuint (entry->n_looks, ==, n + 1);
  settle ();
  g_assert_cmpuint (entry->n_looks, ==, n + 1);
  g_signal_handler_disconnect (object, id);
  settle ();
  g_assert_cmpuint (entry->n_looks, ==, n + 1);

  /* Connected after the look of the one who parks, before the turn: not missed. */
  kaa_poll_entry_unschedule (&entry->entry);
  settle ();
  kaa_poll_entry_park (&entry->entry, KAA_LOOK_NOBODY);
  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  entry->look = KAA_LOOK_WANTED;
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_signal_handler_disconnect (object, id);

  /* Also where nothing was parked, and so nothing was counted, when it was. */
  n = entry->n_looks;
  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  kaa_poll_entry_park (&entry->entry, KAA_LOOK_NOBODY);
  settle ();
  g_assert_cmpuint (entry->n_looks, ==, n + 1);
  g_signal_handler_disconnect (object, id);

  /* And scheduling ends it. */
  kaa_poll_entry_park (&other->entry, KAA_LOOK_NOBODY);
  kaa_poll_entry_schedule (&other->entry);
  settle ();
  g_assert_cmpuint (other->n_dispatched, ==, 1);
  n = other->n_looks;
  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  settle ();
  g_assert_cmpuint (other->n_looks, ==, n);
  g_signal_handler_disconnect (object, id);

  entry_free (entry);
  entry_free (other);
  g_object_unref (object);
  end ();
}

static void
test_parked_blocked (gconstpointer data)
{
  Entry *entry;

  begin (data);
  entry = entry_new ();
  entry->look = KAA_LOOK_BLOCKED;
  kaa_poll_entry_park (&entry->entry, KAA_LOOK_BLOCKED);
  for (guint i = 1; i <= 3; i++)
    {
      g_assert_cmpuint (settle (), ==, 1);
      g_assert_cmpuint (entry->n_looks, ==, i);
    }

  entry->look = KAA_LOOK_NOBODY;
  settle ();
  g_assert_cmpint (entry->entry.look, ==, KAA_LOOK_NOBODY);
  entry->look = KAA_LOOK_BLOCKED;
  kaa_poll_entry_park (&entry->entry, KAA_LOOK_BLOCKED);
  settle ();
  entry->look = KAA_LOOK_WANTED;
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (settle (), ==, 1);

  entry_free (entry);
  end ();
}

static void
test_parked_many (gconstpointer data)
{
  enum { N = 200 };
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  Entry *entries[N];
  Entry *busy;
  gulong id;

  begin (data);
  busy = entry_new ();
  for (guint i = 0; i < N; i++)
    {
      entries[i] = entry_new ();
      entries[i]->look = i % 2 == 0 ? KAA_LOOK_NOBODY : KAA_LOOK_BLOCKED;
      kaa_poll_entry_park (&entries[i]->entry, entries[i]->look);
    }
  settle ();
  for (guint i = 0; i < N; i++)
    entries[i]->n_looks = 0;

  /* While there is something to do: a few a turn, and all of them in the end. */
  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  busy->act = schedule_again;
  kaa_poll_entry_schedule (&busy->entry);
  for (guint i = 0; i < 10; i++)
    {
      guint before = 0, after = 0;

      for (guint j = 0; j < N; j++)
        before += entries[j]->n_looks;
      turn ();
      for (guint j = 0; j < N; j++)
        after += entries[j]->n_looks;
      g_assert_cmpuint (after - before, >, 0);
      g_assert_cmpuint (after - before, <=, 64);
    }
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_looks, >, 0);
      entries[i]->n_looks = 0;
    }
  g_signal_handler_disconnect (object, id);

  /* Before the loop sleeps: all at once. */
  kaa_poll_entry_unschedule (&busy->entry);
  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  g_assert_cmpuint (settle (), ==, 1);
  g_signal_handler_disconnect (object, id);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_looks, ==, 1);
      entries[i]->look = KAA_LOOK_WANTED;
    }

  id = g_signal_connect (object, "notify", G_CALLBACK (g_object_ref), NULL);
  settle ();
  g_signal_handler_disconnect (object, id);
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);
      entry_free (entries[i]);
    }
  entry_free (busy);
  g_object_unref (object);
  end ();
}

/* --- tasks --- */

typedef struct
{
  KaaTask task;
  char name;
  GString *log;
  KaaPoller *poller;
  KaaTask *next;      /* deferred from inside */
  gboolean nested;    /* runs a loop inside */
  int *left;
} Task;

static void
run_task (KaaTask  *base,
          gboolean  context_gone)
{
  Task *task = (Task *) base;

  if (task->left != NULL && g_atomic_int_dec_and_test (task->left))
    g_main_context_wakeup (context);
  if (task->log != NULL)
    g_string_append_c (task->log, context_gone ? g_ascii_toupper (task->name) : task->name);
  if (task->next != NULL)
    kaa_poller_defer (task->poller, task->next);
  if (task->nested)
    {
      settle ();
      g_string_append_c (task->log, ';');
    }
}

static void
append_entry (Entry *self)
{
  g_string_append_c ((GString *) self->other, '.');
}

static void
test_tasks (gconstpointer data)
{
  GString *log = g_string_new (NULL);
  Task tasks[5] = { { { NULL } } };
  KaaPoller *poller;
  Entry *entry;

  begin (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  entry = entry_new ();
  entry->act = append_entry;
  entry->other = (gpointer) log;
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i].task.func = run_task;
      tasks[i].name = (char) ('a' + i);
      tasks[i].log = log;
      tasks[i].poller = poller;
    }

  /* In order, before the entries of the turn; what a task defers is for the next one. */
  tasks[0].next = &tasks[3].task;
  kaa_poll_entry_schedule (&entry->entry);
  for (guint i = 0; i < 3; i++)
    kaa_poller_defer (poller, &tasks[i].task);
  turn ();
  g_assert_cmpstr (log->str, ==, "abc.");
  turn ();
  g_assert_cmpstr (log->str, ==, "abc.d");
  g_assert_cmpuint (settle (), <=, 2);

  /* A loop inside one of them runs the others. */
  g_string_truncate (log, 0);
  tasks[0].nested = TRUE;
  for (guint i = 0; i < 3; i++)
    kaa_poller_defer (poller, &tasks[i].task);
  turn ();
  g_assert_cmpstr (log->str, ==, "abcd;");
  settle ();
  g_assert_cmpstr (log->str, ==, "abcd;");

  entry_free (entry);
  kaa_poller_unref (poller);
  g_string_free (log, TRUE);
  end ();
}

#define N_THREADS 4
#define N_TASKS   500

typedef struct
{
  KaaPoller *poller;
  Task tasks[N_TASKS];
} Sender;

static gpointer
send_tasks (gpointer user_data)
{
  Sender *sender = user_data;

  if (kaa_poller_is_mine (sender->poller))
    return GINT_TO_POINTER (1);
  for (guint i = 0; i < N_TASKS; i++)
    kaa_poller_defer (sender->poller, &sender->tasks[i].task);

  return NULL;
}

/* Here the loop sleeps for real: a wakeup that is missing would hang it. */
static void
test_threads (gconstpointer data)
{
  Sender *senders = g_new0 (Sender, N_THREADS);
  GThread *threads[N_THREADS];
  int left = N_THREADS * N_TASKS;

  begin (data);
  g_main_context_set_poll_func (context, NULL);
  g_main_context_acquire (context);
  for (guint i = 0; i < N_THREADS; i++)
    {
      senders[i].poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
      g_assert_true (kaa_poller_is_mine (senders[i].poller));
      for (guint j = 0; j < N_TASKS; j++)
        {
          senders[i].tasks[j].task.func = run_task;
          senders[i].tasks[j].left = &left;
        }
      threads[i] = g_thread_new ("sender", send_tasks, &senders[i]);
    }
  while (g_atomic_int_get (&left) > 0)
    turn ();
  for (guint i = 0; i < N_THREADS; i++)
    {
      g_assert_null (g_thread_join (threads[i]));
      kaa_poller_unref (senders[i].poller);
    }
  g_main_context_release (context);

  g_free (senders);
  end ();
}

/* --- life --- */

static void
test_registry (gconstpointer data)
{
  KaaPoller *poller, *same, *other;
  GMainContext *dup;

  begin (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  same = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  other = kaa_poller_get (context, G_PRIORITY_LOW);
  g_assert_true (poller == same);
  g_assert_true (poller != other);
  g_assert_cmpint (kaa_poller_get_priority (other), ==, G_PRIORITY_LOW);
  g_assert_nonnull (kaa_poller_get_blocks (poller));
  g_assert_false (kaa_poller_is_gone (poller));
  g_assert_false (kaa_poller_is_forked (poller));
  kaa_poller_unref (same);

  g_main_context_push_thread_default (context);
  same = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  g_assert_true (poller == same);
  g_main_context_pop_thread_default (context);

  dup = kaa_poller_dup_context (poller);
  g_assert_true (dup == context);
  g_main_context_unref (dup);

  kaa_poller_unref (same);
  kaa_poller_unref (poller);
  kaa_poller_unref (other);
  end ();
}

static void
detach_other (Entry *self)
{
  if (self->other != NULL)
    entry_free (g_steal_pointer (&self->other));
}

static void
test_context_gone (gconstpointer data)
{
  enum { N = 8 };
  GString *log = g_string_new (NULL);
  Task tasks[2] = { { { NULL } } };
  Entry *entries[N], *parked, *idle, *other;
  KaaPoller *poller;
  GError *error = NULL;
  int fds[2];
  guint n_fds = count_fds (/* only_epoll= */ FALSE);

  begin (data);
  make_pipe (fds);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  for (guint i = 0; i < N; i++)
    {
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[i % 2], i % 2 == 0 ? KAA_POLL_IN : KAA_POLL_OUT);
    }
  settle ();
  parked = entry_new ();
  kaa_poll_entry_park (&parked->entry, KAA_LOOK_BLOCKED);
  idle = entry_new ();
  kaa_poll_entry_schedule_idle (&idle->entry);
  kaa_poll_entry_schedule (&entries[0]->entry);
  other = entry_new ();
  entries[0]->act = detach_other;
  entries[0]->other = other;
  for (guint i = 0; i < 2; i++)
    {
      tasks[i].task.func = run_task;
      tasks[i].name = (char) ('a' + i);
      tasks[i].log = log;
    }
  kaa_poller_defer (poller, &tasks[0].task);

  g_clear_pointer (&context, g_main_context_unref);
  g_assert_true (kaa_poller_is_gone (poller));
  g_assert_true (kaa_poller_is_mine (poller));
  g_assert_null (kaa_poller_dup_context (poller));
  g_assert_null (entries[0]->other);
  g_assert_cmpstr (log->str, ==, "A");
  kaa_poller_defer (poller, &tasks[1].task);
  g_assert_cmpstr (log->str, ==, "AB");

  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_gone, ==, 1);
      kaa_watch_set_wanted (&entries[i]->watch, KAA_POLL_IN | KAA_POLL_OUT);
      kaa_watch_clear (&entries[i]->watch, KAA_POLL_IN);
      kaa_poll_entry_schedule (&entries[i]->entry);
      entry_free (entries[i]);
    }
  g_assert_cmpuint (parked->n_gone, ==, 1);
  g_assert_cmpuint (idle->n_gone, ==, 1);
  g_assert_false (kaa_watch_start (&idle->watch, &idle->entry, fds[0], KAA_POLL_IN, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  entry_free (parked);
  entry_free (idle);
  kaa_poller_unref (poller);
  close_both (fds);
  g_string_free (log, TRUE);
  g_assert_cmpuint (count_fds (/* only_epoll= */ FALSE), ==, n_fds);
}

typedef struct
{
  KaaPoller *poller;
  Task *task;
  gboolean mine;
} Elsewhere;

static gpointer
defer_elsewhere (gpointer user_data)
{
  Elsewhere *self = user_data;

  self->mine = kaa_poller_is_mine (self->poller);
  g_assert_null (kaa_poller_dup_context (self->poller));
  kaa_poller_defer (self->poller, &self->task->task);

  return NULL;
}

static void
defer_in_thread (gpointer user_data)
{
  Elsewhere *self = user_data;

  g_assert_null (kaa_poller_dup_context (self->poller));
  g_thread_join (g_thread_new ("elsewhere", defer_elsewhere, user_data));
}

static void
defer_from_entry (Entry *self)
{
  Task *task = ((Elsewhere *) self->other)->task;

  defer_in_thread (self->other);
  /* It is for this thread, which tells its entries first. */
  g_assert_cmpuint (task->log->len, ==, 0);
}

/* Another thread hands tasks over while the last reference of the context is being dropped: nothing of GLib's may be told, and
 * nobody runs them but who drops it. No reference can be had any more, in this thread neither. */
static void
test_context_going (gconstpointer data)
{
  GString *log = g_string_new (NULL);
  Task tasks[4] = { { { NULL } } };
  Elsewhere elsewhere[4];
  Entry *entry;
  KaaPoller *poller;

  begin (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i].task.func = run_task;
      tasks[i].name = (char) ('a' + i);
      tasks[i].log = log;
      elsewhere[i] = (Elsewhere) { poller, &tasks[i], FALSE };
    }
  entry = entry_new ();
  entry->act = defer_from_entry;
  entry->other = (gpointer) &elsewhere[2];
  settle ();

  /* Whatever the order, the context destroys one of them before it tells the poller. */
  for (guint i = 0; i < 2; i++)
    {
      GSource *source = g_timeout_source_new_seconds (1000);

      g_source_set_priority (source, i == 0 ? G_PRIORITY_HIGH : G_PRIORITY_LOW);
      g_source_set_callback (source, count_call, &elsewhere[i], defer_in_thread);
      g_source_attach (source, context);
      g_source_unref (source);
    }

  g_clear_pointer (&context, g_main_context_unref);
  g_assert_false (elsewhere[2].mine);
  g_assert_cmpuint (entry->n_gone, ==, 1);
  g_assert_cmpuint (log->len, ==, 3);
  g_assert_cmpstr (log->str + 1, ==, log->str[0] == 'A' ? "CB" : "CA");

  /* Afterwards it belongs to everybody. */
  defer_in_thread (&elsewhere[3]);
  g_assert_true (elsewhere[3].mine);
  g_assert_cmpuint (log->len, ==, 4);

  entry_free (entry);
  kaa_poller_unref (poller);
  g_string_free (log, TRUE);
}

/* In the child. The number of the check that failed is its exit status. */
static int
check_child (Entry *entries[],
             guint  n,
             int    fd)
{
  Task task = { { NULL, run_task }, .name = 'a', .log = g_string_new (NULL) };
  KaaPoller *old = kaa_poller_ref (entries[0]->entry.poller);
  KaaPoller *poller;
  Entry *entry;

  if (!kaa_poller_is_forked (old) || kaa_poller_spend (old, 0) || !kaa_poller_is_mine (old))
    return 1;

  put (fd);
  turn ();
  kaa_poller_defer (old, &task.task);
  if (g_strcmp0 (task.log->str, "A") != 0)
    return 2;

  for (guint i = 0; i < n; i++)
    {
      kaa_watch_set_wanted (&entries[i]->watch, 0);
      kaa_watch_clear (&entries[i]->watch, KAA_POLL_IN);
      kaa_poll_entry_schedule (&entries[i]->entry);
      kaa_watch_stop (&entries[i]->watch);
      if (entries[i]->n_dispatched != 0 || entries[i]->watch.entry != NULL)
        return 3;
      kaa_poll_entry_detach (&entries[i]->entry);
    }

  /* A context of the child's own, and even the parent's, get new pollers. */
  for (guint i = 0; i < 2; i++)
    {
      poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
      if (poller == old || kaa_poller_is_forked (poller))
        return 4;
      kaa_poller_unref (poller);
      entry = entry_new ();
      kaa_poll_entry_schedule (&entry->entry);
      turn ();
      if (entry->n_dispatched != 1)
        return 5;
      entry_free (entry);
      g_main_context_unref (context);
      context = g_main_context_new ();
    }

  kaa_poller_unref (old);
  g_string_free (task.log, TRUE);

  return 0;
}

static void
test_fork (gconstpointer data)
{
  enum { N = 8 };
  Entry *entries[N];
  int fds[N][2];
  int status = -1;
  pid_t child;

  begin (data);
  for (guint i = 0; i < N; i++)
    {
      make_pipe (fds[i]);
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[i][0], KAA_POLL_IN);
    }
  settle ();

  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    _exit (check_child (entries, N, fds[0][1]));
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);

  /* Nothing that the child did was felt here. */
  for (guint i = 0; i < N; i++)
    {
      g_assert_false (kaa_poller_is_forked (entries[i]->entry.poller));
      put (fds[i][1]);
    }
  settle ();
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);
      entry_free (entries[i]);
      close_both (fds[i]);
    }
  end ();
}

/* In a child that runs the context on: what has hung up is not its business, and does not keep it awake. */
static void
test_fork_hang_up (gconstpointer data)
{
  int status = -1;
  Entry *entry;
  int fds[2];
  pid_t child;

  begin (data);
  make_pipe (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  settle ();
  close (g_steal_fd (&fds[1]));

  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      asleep = FALSE;
      for (guint i = 0; i < 10; i++)
        turn ();
      _exit (!asleep || entry->n_dispatched > 0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);

  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  entry_free (entry);
  close_both (fds);
  end ();
}

int
main (int   argc,
      char *argv[])
{
  static const Case cases[] =
  {
    { "nested-loop", test_nested_loop },
    { "freed-inside", test_freed_inside },
    { "always-scheduled", test_always_scheduled },
    { "share", test_share },
    { "parked-nobody", test_parked_nobody },
    { "parked-blocked", test_parked_blocked },
    { "parked-many", test_parked_many },
    { "tasks", test_tasks },
    { "threads", test_threads },
    { "registry", test_registry },
    { "context-gone", test_context_gone },
    { "context-going", test_context_going },
    { "fork", test_fork },
    { "fork-hang-up", test_fork_hang_up },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("poller", cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Nobody starves: neither others by a poller, nor a poller by others, nor its tasks and entries by each other.
 *
 * What is slow waits until the clock has moved on, so nothing here depends on how fast a machine is; what is counted is turns.
 */
#include "poller-fixture.h"

#define REDRAW (G_PRIORITY_HIGH_IDLE + 20)

/* What was passed over for 8 turns is due; one turn more, because the one in which it was put off counts as well. */
#define MOST_TURNS 10

#define ROUNDS 12

/* --- what is slow, and what is always ready --- */

/* Longer than any dispatch may take. */
static void
be_slow (void)
{
  gint64 begin = g_get_monotonic_time ();

  while (g_get_monotonic_time () - begin < 3000)
    ;
}

static guint n_redraws;
static guint n_redraws_before;
static gboolean expects_redraws;
static guint n_slow;
static guint n_turns;

/* A callback that is slow; each but the first must find that somebody else has had a turn since the last one. */
static void
slow_callback (void)
{
  if (expects_redraws && n_slow > 0)
    g_assert_cmpuint (n_redraws, >, n_redraws_before);
  n_redraws_before = n_redraws;
  n_slow++;
  be_slow ();
}

static gboolean
count_call (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

/* Always ready. */
static GSource *
add_busy (int    priority,
          guint *n)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, priority);
  g_source_set_callback (source, count_call, n, NULL);
  g_source_attach (source, context);
  return source;
}

static void
remove_source (GSource *source)
{
  g_source_destroy (source);
  g_source_unref (source);
}

static void
begin_counting (gconstpointer data)
{
  begin (data);
  n_redraws = n_redraws_before = n_slow = n_turns = 0;
  expects_redraws = FALSE;
}

#define turn_until(condition, most) \
  G_STMT_START { \
    for (guint _turns = 0; !(condition); _turns++) \
      { \
        g_assert_cmpuint (_turns, <, most); \
        turn (); \
        n_turns++; \
      } \
  } G_STMT_END

/* --- entries --- */

static void
slow_once (Entry *self)
{
  slow_callback ();
}

/* It always has more to do. */
static void
slow_always (Entry *self)
{
  slow_callback ();
  g_assert_false (kaa_poller_spend (self->entry.poller, 0));
  kaa_poll_entry_schedule_idle (&self->entry);
}

static void
free_all (Entry **entries,
          guint   n)
{
  for (guint i = 0; i < n; i++)
    entry_free (entries[i]);
}

/* One slow entry is enough for a turn, and the next turn is for others. */
static void
test_slow_entries (gconstpointer data)
{
  Entry *entries[5];
  GSource *redraw;

  begin_counting (data);
  expects_redraws = TRUE;
  redraw = add_busy (REDRAW, &n_redraws);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new ();
      entries[i]->act = slow_once;
      kaa_poll_entry_schedule (&entries[i]->entry);
    }
  turn_until (n_slow == G_N_ELEMENTS (entries), G_N_ELEMENTS (entries) * MOST_TURNS);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);

  free_all (entries, G_N_ELEMENTS (entries));
  remove_source (redraw);
  end ();
}

/* Ids go up from 1. */
static guint
count_sources (void)
{
  guint n = 0;

  for (guint id = 1; id < 64; id++)
    if (g_main_context_find_source_by_id (context, id) != NULL)
      n++;
  return n;
}

/* What was put off has a source, which costs each turn something: it goes when there was nothing for long, and comes again. */
static void
test_source_goes (gconstpointer data)
{
  Entry *entry;
  guint n;

  begin_counting (data);
  entry = entry_new ();
  n = count_sources ();
  for (guint round = 1; round <= 3; round++)
    {
      entry->act = slow_once;
      kaa_poll_entry_schedule (&entry->entry);
      turn_until (n_slow == round, MOST_TURNS);
      g_assert_cmpuint (count_sources (), ==, n + 1);
      entry->act = NULL;
      /* Some quiet turns are not long. */
      for (guint i = 0; i < 20; i++)
        turn ();
      g_assert_cmpuint (count_sources (), ==, n + 1);
      for (guint i = 0; i < 1000 && count_sources () > n; i++)
        turn ();
      g_assert_cmpuint (count_sources (), ==, n);
    }

  entry_free (entry);
  end ();
}

typedef struct
{
  GSource parent;
  Entry **entries;
  guint next;
} Arrivals;

/* Something for another entry in each turn. */
static gboolean
arrive (GSource *source,
        int     *timeout)
{
  Arrivals *self = (Arrivals *) source;

  kaa_poll_entry_schedule (&self->entries[self->next++ % 5]->entry);
  *timeout = 0;
  return FALSE;
}

/* Nor do those stop others that only become ready: each is slow, but none has more to do. */
static void
test_slow_arrivals (gconstpointer data)
{
  GSourceFuncs funcs = { .prepare = arrive };
  Entry *entries[5];
  GSource *redraw, *arrivals;

  begin_counting (data);
  expects_redraws = TRUE;
  redraw = add_busy (REDRAW, &n_redraws);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new ();
      entries[i]->act = slow_once;
    }
  arrivals = g_source_new (&funcs, sizeof (Arrivals));
  ((Arrivals *) arrivals)->entries = entries;
  g_source_set_priority (arrivals, G_PRIORITY_HIGH);
  g_source_attach (arrivals, context);

  for (guint round = 1; round <= ROUNDS; round++)
    {
      turn_until (n_redraws >= round, ROUNDS * MOST_TURNS);
      turn_until (n_slow >= round, ROUNDS * MOST_TURNS);
    }

  remove_source (arrivals);
  free_all (entries, G_N_ELEMENTS (entries));
  remove_source (redraw);
  end ();
}

/* What was put off goes on, whoever is always ready at its own priority. */
static void
starve_entries (gconstpointer data,
                int           priority)
{
  guint n_others = 0;
  Entry *entries[2];
  GSource *others;

  begin_counting (data);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new_at (priority);
      entries[i]->act = slow_always;
      kaa_poll_entry_schedule (&entries[i]->entry);
    }
  others = add_busy (priority, &n_others);
  for (guint round = 1; round <= ROUNDS; round++)
    {
      turn_until (n_slow >= round, MOST_TURNS);
      turn_until (n_others >= 2 * round, MOST_TURNS);
    }
  /* It was slowed: others had most of the turns. */
  g_assert_cmpuint (n_slow, <=, n_turns / 3 + 2);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    g_assert_cmpuint (entries[i]->n_dispatched, >=, ROUNDS / 2 - 1);

  free_all (entries, G_N_ELEMENTS (entries));
  remove_source (others);
  end ();
}

static void
test_starved_entries (gconstpointer data)
{
  const int priorities[] = { G_PRIORITY_HIGH, G_PRIORITY_DEFAULT, G_PRIORITY_DEFAULT_IDLE, G_PRIORITY_LOW };

  for (guint i = 0; i < G_N_ELEMENTS (priorities); i++)
    starve_entries (data, priorities[i]);
}

/* Floods of several priorities, and a redraw that is always ready: all of them go on. */
static void
test_priorities (gconstpointer data)
{
  Entry *high, *middle, *idle;
  guint n_low = 0;
  GSource *redraw;

  begin_counting (data);
  high = entry_new_at (G_PRIORITY_HIGH);
  middle = entry_new_at (G_PRIORITY_DEFAULT);
  high->act = middle->act = slow_always;
  kaa_poll_entry_schedule (&high->entry);
  kaa_poll_entry_schedule (&middle->entry);
  redraw = add_busy (REDRAW, &n_redraws);
  for (guint round = 1; round <= ROUNDS; round++)
    {
      turn_until (n_redraws >= round, MOST_TURNS);
      turn_until (high->n_dispatched >= round, 2 * MOST_TURNS);
      turn_until (middle->n_dispatched >= round, 2 * MOST_TURNS);
    }
  remove_source (redraw);
  entry_free (high);
  entry_free (middle);

  /* What is idle itself leaves turns to what is low. */
  idle = entry_new_at (G_PRIORITY_DEFAULT_IDLE);
  idle->act = slow_always;
  kaa_poll_entry_schedule (&idle->entry);
  redraw = add_busy (G_PRIORITY_LOW, &n_low);
  for (guint round = 1; round <= ROUNDS; round++)
    {
      turn_until (n_low >= round, MOST_TURNS);
      turn_until (idle->n_dispatched >= round, MOST_TURNS);
    }
  remove_source (redraw);
  entry_free (idle);
  end ();
}

/* --- tasks --- */

typedef struct
{
  KaaTask task;
  KaaPoller *poller;
  gboolean slow;
  gboolean again;
  gboolean nested;    /* runs the loop */
  gboolean inside;
  guint n;
} Task;

static void
run_task (KaaTask  *task,
          gboolean  context_gone)
{
  Task *self = (Task *) task;

  if (context_gone)
    return;

  self->n++;
  if (self->slow)
    slow_callback ();
  if (self->again)
    kaa_poller_defer (self->poller, task);
  if (self->nested && !self->inside)
    {
      self->inside = TRUE;
      for (guint i = 0; i < 3; i++)
        turn ();
      self->inside = FALSE;
    }
}

static void
defer (Task      *task,
       KaaPoller *poller)
{
  task->task.func = run_task;
  task->poller = poller;
  kaa_poller_defer (poller, &task->task);
}

static void
test_slow_tasks (gconstpointer data)
{
  Task tasks[5] = { { { NULL } } };
  KaaPoller *poller;
  GSource *redraw;

  begin_counting (data);
  expects_redraws = TRUE;
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  redraw = add_busy (REDRAW, &n_redraws);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i].slow = TRUE;
      defer (&tasks[i], poller);
    }
  turn_until (n_slow == G_N_ELEMENTS (tasks), G_N_ELEMENTS (tasks) * MOST_TURNS);

  remove_source (redraw);
  kaa_poller_unref (poller);
  end ();
}

/* Tasks without an end, and entries: both go on, and so do others at the same and at a lower priority. */
static void
endless_tasks (gconstpointer data,
               gboolean      slow,
               gboolean      nested,
               int           priority_of_others)
{
  Task tasks[3] = { { { NULL } } };
  guint n_others = 0, most = slow ? 4 * MOST_TURNS : TOO_MANY;
  KaaPoller *poller;
  GSource *others;
  Entry *entry;

  begin_counting (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    {
      tasks[i].slow = slow;
      tasks[i].again = TRUE;
      tasks[i].nested = nested && i == 1;
      defer (&tasks[i], poller);
    }
  others = add_busy (priority_of_others, &n_others);
  entry = entry_new ();
  for (guint round = 1; round <= ROUNDS; round++)
    {
      kaa_poll_entry_schedule (&entry->entry);
      turn_until (entry->n_dispatched >= round, most);
      turn_until (n_others >= round, slow ? most : G_MAXUINT);
      for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
        turn_until (tasks[i].n >= round, most);
    }

  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    tasks[i].again = tasks[i].nested = FALSE;
  remove_source (others);
  settle ();
  entry_free (entry);
  kaa_poller_unref (poller);
  end ();
}

static void
test_endless_tasks (gconstpointer data)
{
  endless_tasks (data, /* slow= */ TRUE, /* nested= */ FALSE, G_PRIORITY_DEFAULT);
  endless_tasks (data, /* slow= */ TRUE, /* nested= */ FALSE, REDRAW);
  endless_tasks (data, /* slow= */ FALSE, /* nested= */ FALSE, G_PRIORITY_DEFAULT);
  endless_tasks (data, /* slow= */ FALSE, /* nested= */ FALSE, REDRAW);
  endless_tasks (data, /* slow= */ FALSE, /* nested= */ TRUE, REDRAW);
}

/* An entry never overtakes the tasks that were there when it was scheduled, however slow they are. */
static guint n_done_before;
static Task *watched_tasks;

static void
assert_tasks_done (Entry *self)
{
  for (guint i = 0; i < n_done_before; i++)
    g_assert_cmpuint (watched_tasks[i].n, ==, 1);
}

typedef struct
{
  Task task;
  Entry *entry;
} Trigger;

static void
schedule_behind (KaaTask  *task,
                 gboolean  context_gone)
{
  Trigger *self = (Trigger *) task;

  if (context_gone)
    return;

  /* More tasks, and then the entry. */
  for (guint i = 3; i < 6; i++)
    defer (&watched_tasks[i], self->task.poller);
  n_done_before = 6;
  kaa_poll_entry_schedule (&self->entry->entry);
  slow_callback ();
}

static void
test_order (gconstpointer data)
{
  Task tasks[6] = { { { NULL } } };
  Trigger trigger = { { { NULL } } };
  KaaPoller *poller;
  Entry *entry;

  begin_counting (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  entry = entry_new ();
  entry->act = assert_tasks_done;
  watched_tasks = tasks;

  /* Before it; and from within another task. */
  for (guint i = 0; i < 3; i++)
    {
      tasks[i].slow = TRUE;
      defer (&tasks[i], poller);
    }
  n_done_before = 3;
  kaa_poll_entry_schedule (&entry->entry);
  turn_until (entry->n_dispatched == 1, 3 * MOST_TURNS);
  g_assert_cmpuint (n_slow, ==, 3);

  trigger.task.task.func = schedule_behind;
  trigger.task.poller = poller;
  trigger.entry = entry;
  kaa_poller_defer (poller, &trigger.task.task);
  turn_until (entry->n_dispatched == 2, 3 * MOST_TURNS);

  /* One that was ready before gets its place behind them. */
  for (guint i = 0; i < 3; i++)
    tasks[i].n = 0;
  n_done_before = 3;
  kaa_poll_entry_schedule (&entry->entry);
  for (guint i = 0; i < 3; i++)
    defer (&tasks[i], poller);
  kaa_poll_entry_schedule_last (&entry->entry);
  turn_until (entry->n_dispatched == 3, 3 * MOST_TURNS);

  entry_free (entry);
  kaa_poller_unref (poller);
  end ();
}

/* --- nested loops, and others' loops --- */

static void
flood_within (Entry *self)
{
  guint n_others = 0;
  GSource *others = add_busy (G_PRIORITY_DEFAULT, &n_others);

  self->act = NULL;
  kaa_poll_entry_schedule (&self->other->entry);
  for (guint round = 1; round <= ROUNDS; round++)
    {
      turn_until (self->other->n_dispatched >= round, MOST_TURNS);
      turn_until (n_others >= 2 * round, MOST_TURNS);
    }
  remove_source (others);
}

static void
test_nested_loop (gconstpointer data)
{
  Entry *outer, *flood;

  begin_counting (data);
  outer = entry_new ();
  flood = entry_new ();
  outer->act = flood_within;
  outer->other = flood;
  flood->act = slow_always;
  kaa_poll_entry_schedule (&outer->entry);
  turn_until (outer->n_dispatched == 1, MOST_TURNS);

  entry_free (outer);
  entry_free (flood);
  end ();
}

/* While there is something to do no turn goes by in which nothing is done: programs drain a loop until it says so. */
static void
test_drained (gconstpointer data)
{
  Task tasks[4] = { { { NULL } } };
  KaaPoller *poller;
  Entry *entries[4];

  begin_counting (data);
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  for (guint i = 0; i < 4; i++)
    {
      entries[i] = entry_new ();
      entries[i]->act = slow_once;
      kaa_poll_entry_schedule (&entries[i]->entry);
      tasks[i].slow = TRUE;
      defer (&tasks[i], poller);
    }
  while (g_main_context_iteration (context, /* may_block= */ FALSE))
    g_assert_true (n_slow == 8 || g_main_context_pending (context));
  g_assert_cmpuint (n_slow, ==, 8);

  free_all (entries, 4);
  kaa_poller_unref (poller);
  end ();
}

int
main (int    argc,
      char **argv)
{
  const Case cases[] = {
    { "slow-entries", test_slow_entries },
    { "slow-arrivals", test_slow_arrivals },
    { "source-goes", test_source_goes },
    { "starved-entries", test_starved_entries },
    { "priorities", test_priorities },
    { "slow-tasks", test_slow_tasks },
    { "endless-tasks", test_endless_tasks },
    { "order", test_order },
    { "nested-loop", test_nested_loop },
    { "drained", test_drained },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("poller-fair", cases, G_N_ELEMENTS (cases));
  return g_test_run ();
}

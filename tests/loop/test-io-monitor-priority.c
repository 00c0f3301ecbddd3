/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The priority of a monitor is set while it is about to be called, in the same thread and in another one. */

#include <fcntl.h>
#include <glib-unix.h>
#include <kaaio/kaa-io-monitor.h>
#include <unistd.h>

#define N_CHANGES 20000

/* A pipe with something in it, and one watch on each end. */
typedef struct
{
  int fds[2];
  KaaIOMonitor *monitors[2];
  guint n_calls[2];
  int next_priority;       /* that the first of two gives to the other one; 0: none */
  int n_changes;           /* atomic: made by the other thread */
} Fixture;

static void
on_event (KaaIOMonitor   *monitor,
          KaaIOCondition  condition,
          gpointer        user_data)
{
  Fixture *fixture = user_data;
  guint own = monitor == fixture->monitors[1];

  g_assert_cmpuint (condition, ==, own == 0 ? KAA_IO_READ : KAA_IO_WRITE);
  fixture->n_calls[own]++;
  if (fixture->next_priority != 0)
    kaa_notifier_callback_set_priority (KAA_NOTIFIER_CALLBACK (fixture->monitors[!own]), fixture->next_priority);
  fixture->next_priority = 0;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  GError *error = NULL;

  g_assert_true (g_unix_open_pipe (fixture->fds, FD_CLOEXEC, &error));
  g_assert_cmpint (write (fixture->fds[1], "x", 1), ==, 1);
  for (guint i = 0; i < 2; i++)
    {
      fixture->monitors[i] = kaa_io_monitor_new (on_event, fixture, NULL);
      kaa_io_monitor_register (fixture->monitors[i], fixture->fds[i], i == 0 ? KAA_IO_READ : KAA_IO_WRITE, &error);
      g_assert_no_error (error);
    }
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  for (guint i = 0; i < 2; i++)
    {
      kaa_io_monitor_unregister (fixture->monitors[i]);
      g_assert_finalize_object (fixture->monitors[i]);
      close (fixture->fds[i]);
    }
}

/* Both are ready in the same turn. The one whose priority is set by the other's callback is called in the next one, and not
 * without a reason. */
static void
test_in_turn (Fixture       *fixture,
              gconstpointer  data)
{
  fixture->next_priority = -1;
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (fixture->n_calls[0] + fixture->n_calls[1], ==, 1);
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (fixture->n_calls[0], ==, 1);
  g_assert_cmpuint (fixture->n_calls[1], ==, 1);
}

static gpointer
change_priorities (gpointer data)
{
  Fixture *fixture = data;

  for (int i = 0; i < N_CHANGES; i++)
    {
      kaa_notifier_callback_set_priority (KAA_NOTIFIER_CALLBACK (fixture->monitors[i & 1]), (i >> 1) & 1);
      g_atomic_int_inc (&fixture->n_changes);
    }

  return NULL;
}

static void
test_in_thread (Fixture       *fixture,
                gconstpointer  data)
{
  GThread *thread = g_thread_new ("priority", change_priorities, fixture);

  while (g_atomic_int_get (&fixture->n_changes) < N_CHANGES)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (thread);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);

  g_test_add ("/loop/io-monitor-priority/in-turn", Fixture, NULL, set_up, test_in_turn, tear_down);
  g_test_add ("/loop/io-monitor-priority/in-thread", Fixture, NULL, set_up, test_in_thread, tear_down);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Threads that have ended: their names, and what was theirs. */

#include "loop/kaa-poller.h"
#include "loop/kaa-thread.h"

static gpointer
get_name (gpointer user_data)
{
  return kaa_thread_self ();
}

static void
test_names (void)
{
  gpointer before = NULL;

  g_assert_true (kaa_thread_self () == kaa_thread_self ());
  g_assert_false (kaa_thread_has_ended (kaa_thread_self ()));

  /* What pthread_self() says is nearly always the same here. */
  for (int i = 0; i < 100; i++)
    {
      gpointer name = g_thread_join (g_thread_new ("one", get_name, NULL));

      g_assert_nonnull (name);
      g_assert_true (name != before && name != kaa_thread_self ());
      g_assert_true (kaa_thread_has_ended (name));
      before = name;
    }
  g_assert_false (kaa_thread_has_ended (kaa_thread_self ()));
}

/* --- A context that was another thread's --- */

static GMainContext *context;

typedef struct
{
  KaaPoller *poller;
  GMutex lock;
  GCond changed;
  gboolean ready;
  gboolean leave;
} Helper;

/* Runs the context once, and stays for as long as it is not told to go. */
static gpointer
run_once (gpointer user_data)
{
  Helper *helper = user_data;

  g_mutex_lock (&helper->lock);
  g_main_context_iteration (context, FALSE);
  g_assert_true (kaa_poller_is_mine (helper->poller));
  helper->ready = TRUE;
  g_cond_broadcast (&helper->changed);
  while (!helper->leave)
    g_cond_wait (&helper->changed, &helper->lock);
  g_mutex_unlock (&helper->lock);

  return NULL;
}

static gpointer
ask (gpointer user_data)
{
  return GINT_TO_POINTER (kaa_poller_is_mine (user_data));
}

static gboolean
ask_elsewhere (KaaPoller *poller)
{
  return g_thread_join (g_thread_new ("elsewhere", ask, poller)) != NULL;
}

static void
run_task (KaaTask  *task,
          gboolean  context_gone)
{
}

static void
test_claimed (void)
{
  Helper helper = { NULL };
  KaaTask task = { .func = run_task };
  GThread *thread;

  context = g_main_context_new ();
  helper.poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  kaa_poller_defer (helper.poller, &task);
  thread = g_thread_new ("helper", run_once, &helper);

  /* It does not run the context now, but it may at any time. */
  g_mutex_lock (&helper.lock);
  while (!helper.ready)
    g_cond_wait (&helper.changed, &helper.lock);
  g_assert_false (kaa_poller_is_mine (helper.poller));
  helper.leave = TRUE;
  g_cond_broadcast (&helper.changed);
  g_mutex_unlock (&helper.lock);
  g_thread_join (thread);

  /* The first one that asks has it from then on. */
  g_assert_true (kaa_poller_is_mine (helper.poller));
  g_assert_false (ask_elsewhere (helper.poller));

  kaa_poller_unref (helper.poller);
  g_clear_pointer (&context, g_main_context_unref);
}

/* Says that it is done before it has ended, as Python's threads do. */
static gpointer
run_and_go (gpointer user_data)
{
  Helper *helper = user_data;

  g_main_context_iteration (context, FALSE);
  g_mutex_lock (&helper->lock);
  helper->ready = TRUE;
  g_cond_broadcast (&helper->changed);
  g_mutex_unlock (&helper->lock);

  return NULL;
}

static void
test_insisted (void)
{
  for (int i = 0; i < 100; i++)
    {
      Helper helper = { NULL };
      KaaTask task = { .func = run_task };
      GThread *thread;

      context = g_main_context_new ();
      helper.poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
      kaa_poller_defer (helper.poller, &task);
      thread = g_thread_new ("helper", run_and_go, &helper);
      g_mutex_lock (&helper.lock);
      while (!helper.ready)
        g_cond_wait (&helper.changed, &helper.lock);
      g_mutex_unlock (&helper.lock);

      /* Until the thread has really ended it may be refused. */
      while (!kaa_poller_insist (helper.poller))
        ;
      g_assert_true (kaa_poller_is_mine (helper.poller));

      g_thread_join (thread);
      kaa_poller_unref (helper.poller);
      g_clear_pointer (&context, g_main_context_unref);
    }
}

static void
test_owned (void)
{
  KaaPoller *poller;

  context = g_main_context_new ();
  poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);
  g_assert_true (ask_elsewhere (poller));

  /* That one is gone, but another one owns the context. */
  g_assert_true (g_main_context_acquire (context));
  g_assert_false (ask_elsewhere (poller));
  g_assert_true (kaa_poller_is_mine (poller));
  g_main_context_release (context);

  kaa_poller_unref (poller);
  g_clear_pointer (&context, g_main_context_unref);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/thread/names", test_names);
  g_test_add_func ("/thread/claimed", test_claimed);
  g_test_add_func ("/thread/insisted", test_insisted);
  g_test_add_func ("/thread/owned", test_owned);

  return g_test_run ();
}

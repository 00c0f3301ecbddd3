/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting for futures: in the thread that runs their context, and in others. */

#include "future-fixture.h"

static gboolean
finish_five (gpointer user_data)
{
  kaa_in_progress_finish_int (user_data, 5);
  return G_SOURCE_REMOVE;
}

static void
test_iterates (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GError) error = NULL;
  const GValue *result;

  g_idle_add (finish_five, future);
  result = kaa_in_progress_wait (future, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_value_get_int64 (result), ==, 5);
  g_assert_true (result == kaa_in_progress_get_result (future, NULL));

  /* What is finished needs no waiting, and no loop. */
  g_assert_true (kaa_in_progress_wait (future, 0, &error) == result);
  settle_down ();
}

static void
test_typed (void)
{
  g_autoptr(KaaInProgress) number = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) bytes = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) truth = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) object = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) failed = kaa_in_progress_new (NULL);
  g_autoptr(GBytes) data = g_bytes_new_static ("x", 1);
  g_autoptr(GBytes) got_bytes = NULL;
  g_autoptr(GObject) got_object = NULL;
  g_autoptr(GError) error = NULL;
  GValue value = G_VALUE_INIT;

  g_idle_add (finish_five, number);
  g_assert_cmpint (kaa_in_progress_wait_int (number, -1, &error), ==, 5);
  kaa_in_progress_finish_bytes (bytes, data);
  got_bytes = kaa_in_progress_wait_bytes (bytes, -1, &error);
  g_assert_true (got_bytes == data);
  kaa_in_progress_finish_void (truth);
  g_assert_true (kaa_in_progress_wait_boolean (truth, -1, &error));
  g_value_init (&value, G_TYPE_OBJECT);
  g_value_take_object (&value, g_object_new (G_TYPE_OBJECT, NULL));
  kaa_in_progress_finish (object, &value);
  got_object = kaa_in_progress_wait_object (object, -1, &error);
  g_assert_true (got_object == g_value_get_object (&value));
  g_value_unset (&value);
  g_assert_no_error (error);

  g_assert_null (kaa_in_progress_wait_bytes (number, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);

  throw_code (failed, G_IO_ERROR_BUSY);
  g_assert_null (kaa_in_progress_wait (failed, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_cmpint (kaa_in_progress_wait_int (failed, -1, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_false (kaa_in_progress_wait_boolean (failed, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_clear_error (&error);
  g_assert_null (kaa_in_progress_wait_object (failed, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  settle_down ();
}

static void
assert_times_out (KaaInProgress *future,
                  double         seconds)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (kaa_in_progress_wait (future, seconds, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_false (kaa_in_progress_get_finished (future));
}

static void
test_time_out (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  Counts counts = { 0, };

  then_count (future, &counts);
  assert_times_out (future, 0);
  assert_times_out (future, 0.0001);

  /* It goes on. */
  g_assert_cmpint (counts.rejected, ==, 0);
  g_idle_add (finish_five, future);
  g_assert_cmpint (kaa_in_progress_wait_int (future, 1e300, NULL), ==, 5);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 1);
}

/* With no time at all, what is ready is done all the same. */
static void
test_poll (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);

  g_idle_add_full (G_PRIORITY_DEFAULT, finish_five, future, NULL);
  g_assert_cmpint (kaa_in_progress_wait_int (future, 0, NULL), ==, 5);
  settle_down ();
}

/* --- Nested --- */

static gboolean
wait_for_other (gpointer user_data)
{
  KaaInProgress **futures = user_data;

  g_idle_add (finish_five, futures[1]);
  g_assert_cmpint (kaa_in_progress_wait_int (futures[1], -1, NULL), ==, 5);
  kaa_in_progress_finish_int (futures[0], 6);

  return G_SOURCE_REMOVE;
}

static void
test_nested (void)
{
  g_autoptr(KaaInProgress) outer = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) inner = kaa_in_progress_new (NULL);
  KaaInProgress *futures[] = { outer, inner };

  g_idle_add (wait_for_other, futures);
  g_assert_cmpint (kaa_in_progress_wait_int (outer, -1, NULL), ==, 6);
  settle_down ();
}

static void
wait_for_third (const GValue *result,
                gpointer      user_data)
{
  g_assert_cmpint (kaa_in_progress_wait_int (user_data, -1, NULL), ==, 5);
  note ("waited");
}

static void
finish_third (const GValue *result,
              gpointer      user_data)
{
  finish_five (user_data);
  note ("finished");
}

/* A callback waits for what only a later callback of the same future will finish. */
static void
test_nested_in_callback (void)
{
  g_autoptr(KaaInProgress) first = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) third = kaa_in_progress_new (NULL);

  begin_protocol ();
  kaa_in_progress_then (first, wait_for_third, third, NULL, NULL, NULL, NULL);
  kaa_in_progress_then (first, finish_third, third, NULL, NULL, NULL, NULL);
  kaa_in_progress_finish_void (first);
  settle_down ();
  assert_protocol ("finished waited");
}

/* A chain of waits, each inside the one before, and all of them end. */
typedef struct
{
  KaaInProgress *futures[8];
  guint depth;
} Chain;

static gboolean
wait_deeper (gpointer user_data)
{
  Chain *chain = user_data;
  guint depth = chain->depth++;

  if (depth == G_N_ELEMENTS (chain->futures))
    {
      for (depth = 0; depth < G_N_ELEMENTS (chain->futures); depth++)
        finish_five (chain->futures[depth]);
      return G_SOURCE_REMOVE;
    }

  g_idle_add (wait_deeper, chain);
  g_assert_cmpint (kaa_in_progress_wait_int (chain->futures[depth], -1, NULL), ==, 5);

  return G_SOURCE_REMOVE;
}

static void
test_nested_chain (void)
{
  Chain chain = { { NULL, }, 0 };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (chain.futures); i++)
    chain.futures[i] = kaa_in_progress_new (NULL);

  wait_deeper (&chain);
  settle_down ();

  for (i = 0; i < G_N_ELEMENTS (chain.futures); i++)
    assert_finalize (chain.futures[i]);
}

/* --- A wait listens, and keeps the future --- */

static gboolean
look_at_operation (gpointer user_data)
{
  Operation *operation = user_data;

  g_assert_true (kaa_in_progress_has_listeners (operation->future));
  g_assert_cmpint (operation->listened, ==, 1);

  return G_SOURCE_REMOVE;
}

static gboolean
settle_operation (gpointer user_data)
{
  Operation *operation = user_data;
  KaaInProgress *future = operation->future;

  /* The caller's reference, dropped while it waits. */
  g_object_unref (future);
  kaa_in_progress_settle_int (future, 5, /* now= */ TRUE);
  operation_let_go (operation);

  return G_SOURCE_REMOVE;
}

static void
test_listens (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);

  g_idle_add_full (G_PRIORITY_DEFAULT, look_at_operation, &operation, NULL);
  assert_times_out (future, 0);
  g_assert_cmpint (operation.listened, ==, 1);
  g_assert_false (kaa_in_progress_has_listeners (future));

  g_object_add_weak_pointer (G_OBJECT (future), (gpointer *) &future);
  g_idle_add (settle_operation, &operation);
  g_assert_nonnull (kaa_in_progress_wait (future, -1, NULL));
  settle_down ();
  g_assert_null (future);
}

/* --- Other threads --- */

typedef struct
{
  KaaInProgress *future;
  double seconds;
  int started;
  int done;
  gint64 result;
  GError *error;
} Waiter;

static gpointer
wait_in_thread (gpointer user_data)
{
  Waiter *waiter = user_data;

  raise_flag (&waiter->started);
  waiter->result = kaa_in_progress_wait_int (waiter->future, waiter->seconds, &waiter->error);
  raise_flag (&waiter->done);

  return NULL;
}

static void
test_thread_blocks (void)
{
  Waiter waiter = { kaa_in_progress_new (NULL), -1, };
  GThread *thread = g_thread_new ("wait", wait_in_thread, &waiter);

  /* It does not run our context: nothing but us ends it. */
  run_until (&waiter.started);
  g_assert_false (g_atomic_int_get (&waiter.done));
  kaa_in_progress_finish_int (waiter.future, 9);
  g_thread_join (thread);
  g_assert_no_error (waiter.error);
  g_assert_cmpint (waiter.result, ==, 9);
  settle_down ();
  assert_finalize (waiter.future);
}

static void
test_thread_times_out (void)
{
  Waiter waiter = { kaa_in_progress_new (NULL), 0.001, };

  g_thread_join (g_thread_new ("wait", wait_in_thread, &waiter));
  g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&waiter.error);

  waiter.seconds = 0;
  g_thread_join (g_thread_new ("wait", wait_in_thread, &waiter));
  g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&waiter.error);
  settle_down ();
  assert_finalize (waiter.future);
}

/* No wake-up is lost, however the two meet. */
static void
test_thread_races (void)
{
  int i;

  for (i = 0; i < 500; i++)
    {
      Waiter waiter = { kaa_in_progress_new (NULL), -1, };
      GThread *thread = g_thread_new ("wait", wait_in_thread, &waiter);
      int turns;

      while (!g_atomic_int_get (&waiter.started))
        g_thread_yield ();
      for (turns = 0; turns < i % 7; turns++)
        g_thread_yield ();
      kaa_in_progress_finish_int (waiter.future, i);
      g_thread_join (thread);
      g_assert_cmpint (waiter.result, ==, i);
      settle_down ();
      assert_finalize (waiter.future);
    }
}

static gpointer
finish_in_thread (gpointer user_data)
{
  kaa_in_progress_finish_int (user_data, 7);
  return NULL;
}

/* The other way round: who iterates is woken by a thread that finishes. */
static void
test_woken_by_thread (void)
{
  int i;

  for (i = 0; i < 500; i++)
    {
      KaaInProgress *future = kaa_in_progress_new (NULL);
      GThread *thread = g_thread_new ("finish", finish_in_thread, future);

      g_assert_cmpint (kaa_in_progress_wait_int (future, -1, NULL), ==, 7);
      g_thread_join (thread);
      settle_down ();
      assert_finalize (future);
    }
}

static void
test_many_threads (void)
{
  Waiter waiters[8];
  GThread *threads[G_N_ELEMENTS (waiters)];
  KaaInProgress *future = kaa_in_progress_new (NULL);
  guint i;

  for (i = 0; i < G_N_ELEMENTS (waiters); i++)
    {
      waiters[i] = (Waiter) { future, -1, };
      threads[i] = g_thread_new ("wait", wait_in_thread, &waiters[i]);
    }
  for (i = 0; i < G_N_ELEMENTS (waiters); i++)
    run_until (&waiters[i].started);
  kaa_in_progress_finish_int (future, 3);
  for (i = 0; i < G_N_ELEMENTS (waiters); i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpint (waiters[i].result, ==, 3);
    }
  settle_down ();
  assert_finalize (future);
}

/* --- Contexts --- */

/* In a thread of its own with a context of its own, everything works as in the main one. */
static gpointer
wait_in_own_context (gpointer user_data)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future;
  GSource *idle;

  g_main_context_push_thread_default (context);
  future = kaa_in_progress_new (NULL);
  assert_times_out (future, 0.0001);
  idle = g_idle_source_new ();
  g_source_set_callback (idle, finish_five, future, NULL);
  g_source_attach (idle, context);
  g_source_unref (idle);

  g_assert_cmpint (kaa_in_progress_wait_int (future, -1, NULL), ==, 5);
  g_object_unref (future);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  return NULL;
}

static void
test_own_context (void)
{
  g_thread_join (g_thread_new ("own", wait_in_own_context, NULL));
}

static KaaInProgress *
make_in (GMainContext *context)
{
  KaaInProgress *future;

  g_main_context_push_thread_default (context);
  future = kaa_in_progress_new (NULL);
  g_main_context_pop_thread_default (context);

  return future;
}

static void
test_context_gone_before (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future = make_in (context);
  g_autoptr(GError) error = NULL;

  g_main_context_unref (context);
  g_assert_null (kaa_in_progress_wait (future, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);

  /* It is a promise still: who has it may finish it. */
  g_assert_false (kaa_in_progress_get_finished (future));
  kaa_in_progress_finish_int (future, 1);
  g_assert_cmpint (kaa_in_progress_wait_int (future, -1, NULL), ==, 1);
  assert_finalize (future);
}

static void
test_context_goes (void)
{
  int i;

  for (i = 0; i < 100; i++)
    {
      GMainContext *context = g_main_context_new ();
      Waiter waiter = { make_in (context), -1, };
      GThread *thread = g_thread_new ("wait", wait_in_thread, &waiter);

      while (!kaa_in_progress_has_listeners (waiter.future))
        g_thread_yield ();
      g_main_context_unref (context);
      g_thread_join (thread);
      g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_clear_error (&waiter.error);
      assert_finalize (waiter.future);
    }
}

static gboolean
fail_in_thread (gpointer user_data)
{
  g_assert_true (g_thread_self () == user_data);
  return G_SOURCE_REMOVE;
}

static void
wait_elsewhere (gpointer user_data)
{
  Waiter *waiter = user_data;

  if (!waiter->started)
    g_thread_join (g_thread_new ("wait", wait_in_thread, waiter));
}

/* Whatever the order in which a context destroys its sources: one of these goes before the library is told. */
static void
attach_around (GMainContext   *context,
               GDestroyNotify  notify,
               gpointer        user_data)
{
  for (int priority = G_PRIORITY_HIGH; priority <= G_PRIORITY_LOW; priority += G_PRIORITY_LOW - G_PRIORITY_HIGH)
    {
      GSource *source = g_idle_source_new ();

      g_source_set_priority (source, priority);
      g_source_set_callback (source, fail_in_thread, user_data, notify);
      g_source_attach (source, context);
      g_source_unref (source);
    }
}

/* Another thread waits while the last reference of the context is being dropped: none can be had any more. */
static void
test_context_is_going (void)
{
  GMainContext *context = g_main_context_new ();
  Waiter waiter = { make_in (context), 0, };

  attach_around (context, wait_elsewhere, &waiter);
  g_main_context_unref (context);
  g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&waiter.error);
  assert_finalize (waiter.future);
}

/* It is finished, and its context goes, just as another thread begins to wait: the result counts. */
static void
test_context_goes_behind (void)
{
  for (guint i = 0; i < 1000; i++)
    {
      GMainContext *context = g_main_context_new ();
      Waiter waiter = { make_in (context), -1, };
      GThread *thread = g_thread_new ("wait", wait_in_thread, &waiter);

      while (!g_atomic_int_get (&waiter.started))
        g_thread_yield ();
      finish_five (waiter.future);
      g_main_context_unref (context);
      g_thread_join (thread);
      g_assert_no_error (waiter.error);
      g_assert_cmpint (waiter.result, ==, 5);
      assert_finalize (waiter.future);
    }
}

static void
wait_here (gpointer user_data)
{
  GError *error = NULL;

  g_assert_null (kaa_in_progress_wait (user_data, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_error_free (error);
}

/* Who drops the context, and would have to tell that it is gone, does not wait for himself. */
static void
test_context_goes_here (gconstpointer acquired)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future = make_in (context);
  KaaInProgress *other = make_in (context);

  kaa_in_progress_then (other, NULL, future, wait_here, NULL, NULL, NULL);
  g_main_context_iteration (context, FALSE);
  attach_around (context, wait_here, future);
  if (acquired != NULL)
    g_assert_true (g_main_context_acquire (context));

  kaa_in_progress_finish_void (other);
  g_main_context_unref (context);
  assert_finalize (other);
  assert_finalize (future);
}

/* Nobody runs the default context, but it belongs to the first thread: another one blocks rather than running it. */
static void
test_does_not_steal (void)
{
  Waiter waiter = { kaa_in_progress_new (NULL), 0.001, };

  g_idle_add (fail_in_thread, g_thread_self ());
  g_thread_join (g_thread_new ("wait", wait_in_thread, &waiter));
  g_assert_error (waiter.error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&waiter.error);
  settle_down ();
  assert_finalize (waiter.future);
}

static gpointer
use_library (gpointer user_data)
{
  assert_finalize (kaa_in_progress_new (NULL));
  return NULL;
}

static gboolean
finish_from_idle (gpointer user_data)
{
  kaa_in_progress_finish_void (user_data);
  return G_SOURCE_REMOVE;
}

/* The first thread has ended, so the default context is this one's. */
static void
test_first_has_ended (void)
{
  g_autoptr(GError) error = NULL;
  KaaInProgress *future;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
      return;
    }

  g_thread_join (g_thread_new ("first", use_library, NULL));
  future = kaa_in_progress_new (NULL);
  g_idle_add (finish_from_idle, future);
  /* Nobody else will run the loop: this would be the end of the time. */
  kaa_in_progress_wait (future, 10, &error);
  g_assert_no_error (error);
  settle_down ();
  assert_finalize (future);

  /* And from now on it is. */
  test_does_not_steal ();
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-wait/iterates", test_iterates);
  g_test_add_func ("/in-progress-wait/typed", test_typed);
  g_test_add_func ("/in-progress-wait/time-out", test_time_out);
  g_test_add_func ("/in-progress-wait/poll", test_poll);
  g_test_add_func ("/in-progress-wait/nested/other", test_nested);
  g_test_add_func ("/in-progress-wait/nested/in-callback", test_nested_in_callback);
  g_test_add_func ("/in-progress-wait/nested/chain", test_nested_chain);
  g_test_add_func ("/in-progress-wait/listens", test_listens);
  g_test_add_func ("/in-progress-wait/threads/blocks", test_thread_blocks);
  g_test_add_func ("/in-progress-wait/threads/times-out", test_thread_times_out);
  g_test_add_func ("/in-progress-wait/threads/races", test_thread_races);
  g_test_add_func ("/in-progress-wait/threads/woken", test_woken_by_thread);
  g_test_add_func ("/in-progress-wait/threads/many", test_many_threads);
  g_test_add_func ("/in-progress-wait/contexts/own", test_own_context);
  g_test_add_func ("/in-progress-wait/contexts/gone-before", test_context_gone_before);
  g_test_add_func ("/in-progress-wait/contexts/goes", test_context_goes);
  g_test_add_func ("/in-progress-wait/contexts/is-going", test_context_is_going);
  g_test_add_func ("/in-progress-wait/contexts/goes-behind", test_context_goes_behind);
  g_test_add_data_func ("/in-progress-wait/contexts/goes-here", NULL, test_context_goes_here);
  g_test_add_data_func ("/in-progress-wait/contexts/goes-acquired", "", test_context_goes_here);
  g_test_add_func ("/in-progress-wait/contexts/does-not-steal", test_does_not_steal);
  g_test_add_func ("/in-progress-wait/contexts/first-has-ended", test_first_has_ended);

  return g_test_run ();
}

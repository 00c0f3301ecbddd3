/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Futures out of futures: all, any, timeout, noabort. */

#include "future-fixture.h"

#define N 3

static void
make_promises (KaaInProgress **futures)
{
  guint i;

  for (i = 0; i < N; i++)
    futures[i] = kaa_in_progress_new (NULL);
}

static void
drop_promises (KaaInProgress **futures)
{
  guint i;

  for (i = 0; i < N; i++)
    assert_finalize (futures[i]);
}

/* Neither a link nor a weak reference keeps anything longer than needed. */
static void
assert_unlinked (KaaInProgress **futures)
{
  guint i;

  for (i = 0; i < N; i++)
    g_assert_false (kaa_in_progress_has_listeners (futures[i]));
}

/* --- all --- */

static void
test_all (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *all;

  make_promises (futures);
  all = kaa_in_progress_all (futures, N);
  g_assert_true (kaa_in_progress_has_listeners (futures[0]));

  begin_protocol ();
  then_note (all, "all");
  then_note (futures[1], "1");
  kaa_in_progress_finish_int (futures[2], 1);
  kaa_in_progress_finish_int (futures[0], 1);
  settle_down ();
  assert_protocol ("");
  kaa_in_progress_finish_int (futures[1], 1);
  g_assert_false (kaa_in_progress_get_finished (all));
  settle_down ();
  assert_protocol ("all 1");
  g_assert_true (kaa_in_progress_get_boolean (all, NULL));

  assert_finalize (all);
  drop_promises (futures);
}

static void
test_all_fails (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *all;

  make_promises (futures);
  all = kaa_in_progress_all (futures, N);
  kaa_in_progress_finish_int (futures[0], 1);
  throw_code (futures[2], G_IO_ERROR_BUSY);
  settle_down ();
  assert_failed_with (all, G_IO_ERROR_BUSY);

  /* The others go on, and nobody is told twice. */
  g_assert_false (kaa_in_progress_get_finished (futures[1]));
  assert_unlinked (futures);
  throw_code (futures[1], G_IO_ERROR_FAILED);
  g_assert_true (kaa_in_progress_get_failed (futures[1]));
  settle_down ();
  assert_failed_with (all, G_IO_ERROR_BUSY);

  assert_finalize (all);
  drop_promises (futures);
}

static void
test_all_of_finished (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *all;
  Counts counts = { 0, };
  guint i;

  make_promises (futures);
  for (i = 0; i < N; i++)
    kaa_in_progress_finish_int (futures[i], 1);
  all = kaa_in_progress_all (futures, N);
  then_count (all, &counts);
  g_assert_cmpint (counts.resolved, ==, 0);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 1);
  assert_finalize (all);

  /* One future counts as often as it is given. */
  futures[1] = (g_object_unref (futures[1]), g_object_ref (futures[0]));
  futures[2] = (g_object_unref (futures[2]), kaa_in_progress_new (NULL));
  all = kaa_in_progress_all (futures, N);
  settle_down ();
  g_assert_false (kaa_in_progress_get_finished (all));
  kaa_in_progress_finish_void (futures[2]);
  g_assert_true (kaa_in_progress_wait_boolean (all, -1, NULL));
  assert_finalize (all);
  settle_down ();
  g_object_unref (futures[0]);
  assert_finalize (futures[1]);
  assert_finalize (futures[2]);
}

static void
test_of_none (void)
{
  g_autoptr(KaaInProgress) all = kaa_in_progress_all (NULL, 0);
  g_autoptr(KaaInProgress) any = kaa_in_progress_any (NULL, 0);
  Counts all_counts = { 0, };
  Counts any_counts = { 0, };

  then_count (all, &all_counts);
  then_count (any, &any_counts);
  settle_down ();
  g_assert_cmpint (all_counts.resolved, ==, 1);
  g_assert_cmpint (any_counts.rejected, ==, 1);
  g_assert_cmpint (any_counts.code, ==, G_IO_ERROR_INVALID_ARGUMENT);
}

/* The same future twice, pending. */
static void
test_same_twice (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *futures[] = { future, future };
  KaaInProgress *all = kaa_in_progress_all (futures, 2);
  KaaInProgress *any = kaa_in_progress_any (futures, 2);

  kaa_in_progress_finish_void (future);
  g_assert_true (kaa_in_progress_wait_boolean (all, -1, NULL));
  g_assert_cmpint (kaa_in_progress_wait_int (any, -1, NULL), ==, 0);
  settle_down ();
  assert_finalize (all);
  assert_finalize (any);
  assert_finalize (future);
}

/* --- any --- */

static void
test_any (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *any;
  const GValue *result;

  make_promises (futures);
  any = kaa_in_progress_any (futures, N);
  kaa_in_progress_finish_int (futures[1], 1);
  settle_down ();
  result = kaa_in_progress_get_result (any, NULL);
  g_assert_true (G_VALUE_HOLDS_UINT (result));
  g_assert_cmpuint (g_value_get_uint (result), ==, 1);
  assert_unlinked (futures);
  assert_finalize (any);

  /* Finished already: the first of those. */
  kaa_in_progress_finish_int (futures[2], 1);
  any = kaa_in_progress_any (futures, N);
  g_assert_cmpint (kaa_in_progress_wait_int (any, -1, NULL), ==, 1);
  settle_down ();
  assert_unlinked (futures);
  assert_finalize (any);
  drop_promises (futures);
}

/* To fail is to finish, too. */
static void
test_any_fails (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *any;

  make_promises (futures);
  any = kaa_in_progress_any (futures, N);
  throw_code (futures[2], G_IO_ERROR_BUSY);
  g_assert_cmpint (kaa_in_progress_wait_int (any, -1, NULL), ==, 2);
  assert_failed_with (futures[2], G_IO_ERROR_BUSY);
  settle_down ();
  assert_finalize (any);
  drop_promises (futures);
}

/* --- timeout --- */

static void
test_timeout_in_time (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 3600, /* abort= */ TRUE);
  KaaInProgress *failing = kaa_in_progress_new (NULL);
  KaaInProgress *unlimited = kaa_in_progress_timeout (failing, -1, /* abort= */ FALSE);

  begin_protocol ();
  then_note (limited, "limited");
  then_note (unlimited, "unlimited");
  kaa_in_progress_finish_int (future, 6);
  throw_code (failing, G_IO_ERROR_BUSY);
  settle_down ();
  assert_protocol ("limited -unlimited");
  g_assert_cmpint (kaa_in_progress_get_int (limited, NULL), ==, 6);
  assert_failed_with (unlimited, G_IO_ERROR_BUSY);

  /* The timer is gone, or it would hold this one for an hour. */
  assert_finalize (limited);
  assert_finalize (unlimited);
  assert_finalize (future);
  assert_finalize (failing);
}

static void
test_timeout_passes (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 0.0001, /* abort= */ FALSE);
  g_autoptr(GError) error = NULL;

  g_assert_null (kaa_in_progress_wait (limited, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  settle_down ();

  /* The original goes on, and knows nothing of it any more. */
  g_assert_false (kaa_in_progress_get_finished (future));
  g_assert_false (kaa_in_progress_has_listeners (future));
  assert_finalize (limited);
  kaa_in_progress_finish_int (future, 1);
  settle_down ();
  assert_finalize (future);
}

static void
test_timeout_aborts (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 0, /* abort= */ TRUE);
  Counts counts = { 0, };

  then_count (limited, &counts);
  g_assert_cmpint (operation.listened, ==, 1);
  g_assert_cmpint (counts.rejected, ==, 0);
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 1);
  g_assert_cmpint (counts.rejected, ==, 1);
  g_assert_cmpint (counts.code, ==, G_IO_ERROR_TIMED_OUT);
  assert_failed_with (future, G_IO_ERROR_TIMED_OUT);
  assert_finalize (limited);
  assert_finalize (future);
}

/* Neither is held by the caller: the operation holds one, and that the other. */
static void
test_timeout_unheld (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 3600, /* abort= */ TRUE);
  Counts counts = { 0, };

  then_count (limited, &counts);
  g_object_unref (future);
  g_object_add_weak_pointer (G_OBJECT (limited), (gpointer *) &limited);
  g_object_unref (limited);
  g_assert_nonnull (limited);

  kaa_in_progress_settle_int (future, 3, /* now= */ TRUE);
  operation_let_go (&operation);
  g_assert_cmpint (counts.resolved, ==, 1);
  settle_down ();
  g_assert_null (limited);
}

static void
test_timeout_of_finished (void)
{
  g_autoptr(GObject) source = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (source);
  g_autoptr(KaaInProgress) limited = NULL;
  g_autoptr(GObject) got = NULL;

  kaa_in_progress_finish_int (future, 6);
  limited = kaa_in_progress_timeout (future, 0, /* abort= */ TRUE);
  g_assert_cmpint (kaa_in_progress_wait_int (limited, -1, NULL), ==, 6);
  got = g_async_result_get_source_object (G_ASYNC_RESULT (limited));
  g_assert_true (got == source);
  settle_down ();
}

static void
test_timeout_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *limited;

  g_main_context_push_thread_default (context);
  limited = kaa_in_progress_timeout (future, 3600, /* abort= */ TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  assert_failed_with (limited, G_IO_ERROR_CLOSED);
  g_assert_false (kaa_in_progress_get_finished (future));
  g_assert_false (kaa_in_progress_has_listeners (future));
  assert_finalize (limited);
  assert_finalize (future);
}

/* --- Abort --- */

static void
test_abort_all (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *all;
  Operation operation;
  Counts counts = { 0, };

  make_promises (futures);
  g_object_unref (futures[1]);
  futures[1] = operation_start (&operation, NULL);
  kaa_in_progress_set_abortable (futures[2], TRUE);

  all = kaa_in_progress_all (futures, N);
  then_count (all, &counts);
  g_assert_true (kaa_in_progress_get_abortable (all));
  g_assert_true (kaa_in_progress_abort (all, NULL));
  assert_failed_with (all, G_IO_ERROR_CANCELLED);
  assert_failed_with (futures[1], G_IO_ERROR_CANCELLED);
  assert_failed_with (futures[2], G_IO_ERROR_CANCELLED);
  g_assert_false (kaa_in_progress_get_finished (futures[0]));
  g_assert_cmpint (counts.rejected, ==, 0);
  settle_down ();
  g_assert_cmpint (counts.rejected, ==, 1);
  assert_unlinked (futures);
  assert_finalize (all);
  drop_promises (futures);

  make_promises (futures);
  kaa_in_progress_set_abortable (futures[0], TRUE);
  all = kaa_in_progress_any (futures, N);
  g_assert_true (kaa_in_progress_abort (all, NULL));
  assert_failed_with (futures[0], G_IO_ERROR_CANCELLED);
  settle_down ();
  assert_finalize (all);
  drop_promises (futures);
}

static void
test_abort_timeout (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 3600, /* abort= */ FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) reason = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "x");

  operation.refuse = TRUE;
  g_assert_false (kaa_in_progress_abort (limited, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_false (kaa_in_progress_get_finished (limited));

  operation.refuse = FALSE;
  g_assert_true (kaa_in_progress_abort_with (limited, reason, NULL));
  assert_failed_with (limited, G_IO_ERROR_BUSY);
  assert_failed_with (future, G_IO_ERROR_BUSY);
  settle_down ();
  assert_finalize (limited);
  assert_finalize (future);
}

static void
test_noabort (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  KaaInProgress *guarded = kaa_in_progress_noabort (future);
  KaaInProgress *all = kaa_in_progress_all (&guarded, 1);
  g_autoptr(GError) error = NULL;

  g_assert_false (kaa_in_progress_get_abortable (guarded));
  g_assert_false (kaa_in_progress_abort (guarded, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  kaa_in_progress_set_abortable (guarded, TRUE);
  g_assert_false (kaa_in_progress_abort (guarded, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);

  g_assert_true (kaa_in_progress_abort (all, NULL));
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 0);
  g_assert_false (kaa_in_progress_get_finished (guarded));
  assert_finalize (all);

  kaa_in_progress_settle_int (future, 4, /* now= */ TRUE);
  operation_end (&operation);
  settle_down ();
  g_assert_cmpint (kaa_in_progress_get_int (guarded, NULL), ==, 4);
  assert_finalize (guarded);
  assert_finalize (future);
}

/* --- What is dropped --- */

static void
test_member_dropped (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *limited = kaa_in_progress_timeout (future, 3600, /* abort= */ FALSE);
  KaaInProgress *all = kaa_in_progress_all (&future, 1);
  KaaInProgress *any = kaa_in_progress_any (&future, 1);
  g_autoptr(GError) error = NULL;

  /* Nobody can finish it any more, so nobody shall wait for it. */
  assert_finalize (future);
  g_assert_null (kaa_in_progress_wait (limited, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  assert_failed_with (all, G_IO_ERROR_CLOSED);
  g_assert_cmpint (kaa_in_progress_get_int (any, NULL), ==, 0);
  settle_down ();
  assert_finalize (limited);
  assert_finalize (all);
  assert_finalize (any);
}

static void
test_combination_disposed (void)
{
  KaaInProgress *futures[N];
  KaaInProgress *all;

  make_promises (futures);
  all = kaa_in_progress_all (futures, N);
  g_object_run_dispose (G_OBJECT (all));
  assert_failed_with (all, G_IO_ERROR_CLOSED);
  assert_unlinked (futures);
  assert_finalize (all);
  drop_promises (futures);
}

/* Waiting again and again for one that takes long leaves nothing behind. */
static void
test_nothing_piles_up (void)
{
  KaaInProgress *slow = kaa_in_progress_new (NULL);
  int i;

  for (i = 0; i < 100; i++)
    {
      KaaInProgress *futures[] = { slow, kaa_in_progress_new (NULL) };
      KaaInProgress *any = kaa_in_progress_any (futures, 2);

      kaa_in_progress_finish_void (futures[1]);
      g_assert_cmpint (kaa_in_progress_wait_int (any, -1, NULL), ==, 1);
      settle_down ();
      assert_finalize (any);
      assert_finalize (futures[1]);
    }
  g_assert_false (kaa_in_progress_has_listeners (slow));
  assert_finalize (slow);
}

/* A link goes from the middle of those who listen. */
static void
test_link_among_others (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *futures[] = { future, kaa_in_progress_new (NULL) };
  KaaInProgress *any;

  begin_protocol ();
  then_note (future, "1");
  any = kaa_in_progress_any (futures, 2);
  then_note (future, "3");
  kaa_in_progress_finish_void (futures[1]);
  settle_down ();
  g_assert_cmpint (kaa_in_progress_get_int (any, NULL), ==, 1);
  then_note (future, "4");
  kaa_in_progress_finish_void (future);
  settle_down ();
  assert_protocol ("1 3 4");
  assert_finalize (any);
  assert_finalize (futures[1]);
  assert_finalize (future);
}

static void
test_no_futures (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *futures[] = { future, NULL };

  expect_critical ("*are_futures*");
  g_assert_null (kaa_in_progress_all (futures, 2));
  expect_critical ("*are_futures*");
  g_assert_null (kaa_in_progress_any (futures, 2));
  expect_critical ("*futures != NULL*");
  g_assert_null (kaa_in_progress_all (NULL, 1));
  g_test_assert_expected_messages ();
  g_assert_false (kaa_in_progress_has_listeners (future));
  assert_finalize (future);
}

/* --- Threads --- */

typedef struct
{
  KaaInProgress *future;
  GMainContext *context;
  int ready;
  int quit;
} Worker;

static gpointer
work (gpointer user_data)
{
  Worker *worker = user_data;

  worker->context = g_main_context_new ();
  g_main_context_push_thread_default (worker->context);
  worker->future = kaa_in_progress_new (NULL);
  raise_flag (&worker->ready);

  kaa_in_progress_finish_int (worker->future, 1);
  while (!g_atomic_int_get (&worker->quit))
    g_main_context_iteration (worker->context, TRUE);

  g_main_context_pop_thread_default (worker->context);
  return NULL;
}

static void
test_other_contexts (void)
{
  int round;

  for (round = 0; round < 100; round++)
    {
      Worker workers[N] = { { NULL, }, };
      KaaInProgress *futures[N];
      GThread *threads[N];
      KaaInProgress *all;
      KaaInProgress *any;
      KaaInProgress *limited;
      Counts counts = { 0, };
      guint i;

      for (i = 0; i < N; i++)
        threads[i] = g_thread_new ("work", work, &workers[i]);
      for (i = 0; i < N; i++)
        {
          run_until (&workers[i].ready);
          futures[i] = workers[i].future;
        }

      all = kaa_in_progress_all (futures, N);
      any = kaa_in_progress_any (futures, N);
      limited = kaa_in_progress_timeout (futures[0], 3600, /* abort= */ FALSE);
      then_count (all, &counts);
      then_count (any, &counts);
      then_count (limited, &counts);
      g_assert_true (kaa_in_progress_wait_boolean (all, -1, NULL));
      g_assert_nonnull (kaa_in_progress_wait (any, -1, NULL));
      g_assert_cmpint (kaa_in_progress_wait_int (limited, -1, NULL), ==, 1);
      settle_down ();
      g_assert_cmpint (counts.resolved, ==, 3);
      g_assert_true (counts.thread == g_thread_self ());

      for (i = 0; i < N; i++)
        {
          g_atomic_int_set (&workers[i].quit, TRUE);
          g_main_context_wakeup (workers[i].context);
          g_thread_join (threads[i]);
          g_main_context_unref (workers[i].context);
        }
      settle_down ();
      assert_finalize (all);
      assert_finalize (any);
      assert_finalize (limited);
      drop_promises (futures);
    }
}

static gpointer
finish_in_thread (gpointer user_data)
{
  kaa_in_progress_finish_int (user_data, 1);
  return NULL;
}

static void
test_abort_races_members (void)
{
  int round;

  for (round = 0; round < 300; round++)
    {
      KaaInProgress *futures[N];
      GThread *threads[N];
      KaaInProgress *all;
      Counts counts = { 0, };
      gboolean aborted;
      guint i;

      make_promises (futures);
      all = kaa_in_progress_all (futures, N);
      then_count (all, &counts);
      for (i = 0; i < N; i++)
        threads[i] = g_thread_new ("finish", finish_in_thread, futures[i]);
      for (i = 0; i < (guint) round % 4; i++)
        g_main_context_iteration (NULL, FALSE);
      aborted = kaa_in_progress_abort (all, NULL);
      for (i = 0; i < N; i++)
        g_thread_join (threads[i]);
      settle_down ();
      g_assert_cmpint (counts.rejected, ==, aborted);
      g_assert_cmpint (counts.resolved, ==, !aborted);
      assert_finalize (all);
      drop_promises (futures);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-combine/all/resolved", test_all);
  g_test_add_func ("/in-progress-combine/all/failed", test_all_fails);
  g_test_add_func ("/in-progress-combine/all/finished-before", test_all_of_finished);
  g_test_add_func ("/in-progress-combine/none", test_of_none);
  g_test_add_func ("/in-progress-combine/same-twice", test_same_twice);
  g_test_add_func ("/in-progress-combine/any/resolved", test_any);
  g_test_add_func ("/in-progress-combine/any/failed", test_any_fails);
  g_test_add_func ("/in-progress-combine/timeout/in-time", test_timeout_in_time);
  g_test_add_func ("/in-progress-combine/timeout/passes", test_timeout_passes);
  g_test_add_func ("/in-progress-combine/timeout/aborts", test_timeout_aborts);
  g_test_add_func ("/in-progress-combine/timeout/unheld", test_timeout_unheld);
  g_test_add_func ("/in-progress-combine/timeout/finished-before", test_timeout_of_finished);
  g_test_add_func ("/in-progress-combine/timeout/context-gone", test_timeout_context_gone);
  g_test_add_func ("/in-progress-combine/abort/all-any", test_abort_all);
  g_test_add_func ("/in-progress-combine/abort/timeout", test_abort_timeout);
  g_test_add_func ("/in-progress-combine/abort/noabort", test_noabort);
  g_test_add_func ("/in-progress-combine/dropped/member", test_member_dropped);
  g_test_add_func ("/in-progress-combine/dropped/disposed", test_combination_disposed);
  g_test_add_func ("/in-progress-combine/nothing-piles-up", test_nothing_piles_up);
  g_test_add_func ("/in-progress-combine/link-among-others", test_link_among_others);
  g_test_add_func ("/in-progress-combine/no-futures", test_no_futures);
  g_test_add_func ("/in-progress-combine/threads/other-contexts", test_other_contexts);
  g_test_add_func ("/in-progress-combine/threads/abort-races", test_abort_races_members);

  return g_test_run ();
}

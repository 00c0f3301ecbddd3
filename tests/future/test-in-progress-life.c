/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The life of futures: who listens, what becomes of those that are dropped; threads and contexts; what callbacks may do. */

#include "future-fixture.h"

/* --- Inside callbacks --- */

typedef enum
{
  DO_THEN,
  DO_ABORT,
  DO_FINISH,
  DO_DROP,
  DO_WAIT,
  DO_FINISH_OTHER,
  DO_DISCONNECT,
  DO_DISPOSE,
  N_DEEDS
} Deed;

typedef enum
{
  IN_NOTIFY,
  IN_SIGNAL,
  IN_THEN,
  IN_ASYNC,
  IN_DESTROY,
  N_PLACES
} Place;

typedef struct
{
  Deed deed;
  KaaInProgress *future;
  KaaInProgress *other;
  gulong handler;
  int done;
} Matrix;

static gboolean
finish_from_idle (gpointer user_data)
{
  kaa_in_progress_finish_int (user_data, 5);
  return G_SOURCE_REMOVE;
}

static void
do_deed (Matrix *matrix)
{
  g_autoptr(GError) error = NULL;

  matrix->done++;
  switch (matrix->deed)
    {
    case DO_THEN:
      then_note (matrix->future, "then");
      break;

    case DO_ABORT:
      g_assert_false (kaa_in_progress_abort (matrix->future, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
      break;

    case DO_FINISH:
      expect_critical ("*");
      kaa_in_progress_finish_int (matrix->future, 3);
      g_test_assert_expected_messages ();
      break;

    case DO_DROP:
      g_clear_object (&matrix->future);
      break;

    case DO_WAIT:
      g_idle_add (finish_from_idle, matrix->other);
      g_assert_cmpint (kaa_in_progress_wait_int (matrix->other, -1, &error), ==, 5);
      g_assert_no_error (error);
      g_assert_cmpint (kaa_in_progress_wait_int (matrix->future, -1, &error), ==, 1);
      g_assert_no_error (error);
      break;

    case DO_FINISH_OTHER:
      kaa_in_progress_finish_int (matrix->other, 5);
      break;

    case DO_DISCONNECT:
      if (matrix->handler != 0)
        g_signal_handler_disconnect (matrix->future, matrix->handler);
      break;

    case DO_DISPOSE:
      g_object_run_dispose (G_OBJECT (matrix->future));
      break;

    case N_DEEDS:
    default:
      g_assert_not_reached ();
    }
}

static void
do_in_notify (KaaInProgress *future,
              GParamSpec    *pspec,
              gpointer       user_data)
{
  do_deed (user_data);
}

static void
do_in_signal (KaaInProgress *future,
              const GValue  *result,
              gpointer       user_data)
{
  do_deed (user_data);
}

static void
do_in_then (const GValue *result,
            gpointer      user_data)
{
  do_deed (user_data);
}

static void
do_in_async (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  do_deed (user_data);
}

static void
do_in_destroy (gpointer user_data)
{
  do_deed (user_data);
}

static void
try_deed (Place    place,
          Deed     deed,
          gboolean now)
{
  Matrix matrix = { deed, NULL, NULL, 0, 0 };
  Operation operation;
  gpointer watch;

  begin_protocol ();
  matrix.future = operation_start (&operation, NULL);
  matrix.other = kaa_in_progress_new (NULL);
  watch = matrix.future;
  g_object_add_weak_pointer (watch, &watch);

  switch (place)
    {
    case IN_NOTIFY:
      matrix.handler = g_signal_connect (matrix.future, "notify::finished", G_CALLBACK (do_in_notify), &matrix);
      break;

    case IN_SIGNAL:
      matrix.handler = g_signal_connect (matrix.future, "resolved", G_CALLBACK (do_in_signal), &matrix);
      break;

    case IN_THEN:
      kaa_in_progress_then (matrix.future, do_in_then, &matrix, NULL, NULL, NULL, NULL);
      break;

    case IN_ASYNC:
      kaa_in_progress_call_async (matrix.future, NULL, NULL, do_in_async, &matrix);
      break;

    case IN_DESTROY:
      kaa_in_progress_then (matrix.future, NULL, &matrix, do_in_destroy, NULL, NULL, NULL);
      break;

    case N_PLACES:
    default:
      g_assert_not_reached ();
    }
  then_note (matrix.future, "after");

  kaa_in_progress_settle_int (matrix.future, 1, now);
  operation_end (&operation);
  settle_down ();

  g_assert_cmpint (matrix.done, ==, 1);
  if (deed == DO_THEN)
    assert_protocol ("after then");
  else
    assert_protocol ("after");

  g_clear_object (&matrix.future);
  g_assert_null (watch);
  g_object_unref (matrix.other);
}

static void
test_inside_callbacks (void)
{
  Place place;
  Deed deed;

  for (place = 0; place < N_PLACES; place++)
    {
      for (deed = 0; deed < N_DEEDS; deed++)
        {
          try_deed (place, deed, /* now= */ FALSE);
          try_deed (place, deed, /* now= */ TRUE);
        }
    }
}

/* --- Listeners and life --- */

static void
test_listeners (void)
{
  static const char * const heard[] = { "resolved", "rejected", "abort", "notify::finished", "notify::failed" };
  Operation operation;
  KaaInProgress *future;
  gulong handler;
  guint i;

  future = operation_start (&operation, NULL);
  g_assert_false (kaa_in_progress_has_listeners (future));

  for (i = 0; i < G_N_ELEMENTS (heard); i++)
    {
      handler = g_signal_connect (future, heard[i], G_CALLBACK (note_resolved), NULL);
      g_assert_true (kaa_in_progress_has_listeners (future));
      g_signal_handler_block (future, handler);
      g_assert_true (kaa_in_progress_has_listeners (future));
      g_signal_handler_disconnect (future, handler);
      g_assert_false (kaa_in_progress_has_listeners (future));
    }

  handler = g_signal_connect (future, "notify::abortable", G_CALLBACK (note_notify), NULL);
  g_assert_false (kaa_in_progress_has_listeners (future));
  g_signal_handler_disconnect (future, handler);
  g_assert_cmpint (operation.listened, ==, 0);

  kaa_in_progress_then (future, NULL, NULL, NULL, NULL, NULL, NULL);
  g_assert_true (kaa_in_progress_has_listeners (future));
  g_assert_cmpint (operation.listened, ==, 1);
  kaa_in_progress_then (future, NULL, NULL, NULL, NULL, NULL, NULL);
  kaa_in_progress_call_async (future, NULL, NULL, NULL, NULL);
  g_assert_cmpint (operation.listened, ==, 1);

  kaa_in_progress_settle_int (future, 1, /* now= */ TRUE);
  operation_end (&operation);
  settle_down ();
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  kaa_in_progress_call_async (future, NULL, NULL, NULL, NULL);
  g_assert_true (kaa_in_progress_has_listeners (future));
  g_assert_cmpint (operation.listened, ==, 1);
  kaa_in_progress_settle_int (future, 1, /* now= */ TRUE);
  operation_end (&operation);
  settle_down ();
  assert_finalize (future);
}

static void
test_dropped (void)
{
  Operation operation;
  KaaInProgress *future;
  Counts counts = { 0, };

  /* A promise takes its callbacks along. */
  future = kaa_in_progress_new (NULL);
  then_count (future, &counts);
  then_count (future, &counts);
  assert_finalize (future);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 0);
  g_assert_cmpint (counts.rejected, ==, 0);
  g_assert_cmpint (counts.destroyed, ==, 4);

  /* An operation is told. */
  future = operation_start (&operation, NULL);
  assert_finalize (future);
  g_assert_cmpint (operation.dropped, ==, 1);

  /* One that is finished, but not announced, lives until it is. */
  memset (&counts, 0, sizeof (counts));
  future = kaa_in_progress_new (NULL);
  then_count (future, &counts);
  g_object_add_weak_pointer (G_OBJECT (future), (gpointer *) &future);
  kaa_in_progress_finish_void (future);
  g_object_unref (future);
  g_assert_nonnull (future);
  settle_down ();
  g_assert_null (future);
  g_assert_cmpint (counts.resolved, ==, 1);
  g_assert_cmpint (counts.destroyed, ==, 2);
}

static void
test_disposed (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Counts counts = { 0, };

  kaa_in_progress_then (future, count_resolve, &counts, count_destroy, count_reject, &counts, NULL);
  operation.held = FALSE;
  g_object_unref (future);

  g_object_run_dispose (G_OBJECT (future));
  g_assert_cmpint (operation.dropped, ==, 1);
  g_assert_cmpint (counts.destroyed, ==, 1);
  g_assert_cmpint (counts.rejected, ==, 0);

  /* Nobody can finish it any more: that is better said than waited for. */
  g_assert_true (kaa_in_progress_get_finished (future));
  assert_failed_with (future, G_IO_ERROR_CLOSED);
  then_count (future, &counts);
  settle_down ();
  g_assert_cmpint (counts.rejected, ==, 1);
  assert_finalize (future);
}

static void
expect_log (GLogLevelFlags level)
{
  g_test_expect_message ("Kaa", level, "*nobody looked at*a\\tb \303\244*");
}

static KaaInProgress *
fail_operation (gboolean refused)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);

  if (refused)
    kaa_in_progress_set_refused (future);
  kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "a\tb \303\244"), /* now= */ TRUE);

  return future;
}

static void
test_unseen_failures (void)
{
  g_autoptr(GError) error = NULL;
  KaaInProgress *future;
  Operation operation;

  expect_log (G_LOG_LEVEL_DEBUG);
  assert_finalize (fail_operation (FALSE));
  g_test_assert_expected_messages ();

  expect_log (G_LOG_LEVEL_WARNING);
  assert_finalize (fail_operation (TRUE));
  g_test_assert_expected_messages ();

  /* Every warning is fatal here, so these say that looking in any way is enough. */
  future = fail_operation (TRUE);
  g_assert_null (kaa_in_progress_get_result (future, NULL));
  assert_finalize (future);

  future = fail_operation (TRUE);
  g_assert_true (kaa_in_progress_get_failed (future));
  assert_finalize (future);

  future = fail_operation (TRUE);
  g_assert_null (kaa_in_progress_wait (future, 0, &error));
  assert_finalize (future);

  begin_protocol ();
  future = fail_operation (TRUE);
  then_note (future, "1");
  settle_down ();
  assert_protocol ("-1");
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  kaa_in_progress_set_refused (future);
  g_signal_connect (future, "rejected", G_CALLBACK (note_rejected), NULL);
  kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BUSY, "x"), /* now= */ TRUE);
  assert_protocol ("rejected");
  assert_finalize (future);

  /* To be dropped is no failure that somebody should have looked at. */
  future = operation_start (&operation, NULL);
  kaa_in_progress_set_refused (future);
  assert_finalize (future);

  /* A callback for results only has not seen it. */
  future = fail_operation (TRUE);
  kaa_in_progress_then (future, note_resolve, NULL, NULL, NULL, NULL, NULL);
  settle_down ();
  expect_log (G_LOG_LEVEL_WARNING);
  assert_finalize (future);
  g_test_assert_expected_messages ();
}

/* --- Threads --- */

static gpointer
finish_in_thread (gpointer user_data)
{
  kaa_in_progress_finish_int (user_data, 11);
  return NULL;
}

static void
quit_loop (const GValue *result,
           gpointer      user_data)
{
  g_assert_cmpint (g_value_get_int64 (result), ==, 11);
  raise_flag (user_data);
}

static void
test_finish_from_thread (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  GThread *thread;
  int done = FALSE;
  Counts counts = { 0, };

  then_count (future, &counts);
  kaa_in_progress_then (future, quit_loop, &done, NULL, NULL, NULL, NULL);
  thread = g_thread_new ("finish", finish_in_thread, future);
  run_until (&done);
  g_thread_join (thread);
  g_assert_cmpint (counts.resolved, ==, 1);
  g_assert_true (counts.thread == g_thread_self ());
}

static gpointer
listen_in_thread (gpointer user_data)
{
  gpointer *data = user_data;

  then_count (data[0], data[1]);
  return NULL;
}

static void
test_then_from_thread (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Counts counts = { 0, };
  gpointer data[] = { future, &counts };

  /* The operation is told in its own thread, wherever somebody begins to listen. */
  g_thread_join (g_thread_new ("then", listen_in_thread, data));
  g_assert_true (kaa_in_progress_has_listeners (future));
  settle_down ();
  g_assert_cmpint (operation.listened, ==, 1);
  g_assert_true (operation.thread == g_thread_self ());

  kaa_in_progress_settle_int (future, 1, /* now= */ TRUE);
  operation_end (&operation);
  g_assert_cmpint (counts.resolved, ==, 1);
  g_assert_true (counts.thread == g_thread_self ());

  g_thread_join (g_thread_new ("late", listen_in_thread, data));
  g_assert_cmpint (counts.resolved, ==, 1);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 2);
  g_assert_true (counts.thread == g_thread_self ());
  g_assert_cmpint (counts.destroyed, ==, 4);
  assert_finalize (future);
}

/* A gate that two threads pass together. */
typedef struct
{
  KaaInProgress *future;
  int waiting;
  int aborted;
} Race;

static void
meet (Race *race)
{
  g_atomic_int_inc (&race->waiting);
  while (g_atomic_int_get (&race->waiting) < 2)
    g_thread_yield ();
}

static gpointer
race_to_finish (gpointer user_data)
{
  Race *race = user_data;

  meet (race);
  kaa_in_progress_finish_int (race->future, 1);
  return NULL;
}

static void
test_finish_races_abort (void)
{
  int i;

  for (i = 0; i < 500; i++)
    {
      Race race = { kaa_in_progress_new (NULL), 0, FALSE };
      Counts counts = { 0, };
      GThread *thread;

      kaa_in_progress_set_abortable (race.future, TRUE);
      then_count (race.future, &counts);
      thread = g_thread_new ("finish", race_to_finish, &race);
      meet (&race);
      race.aborted = kaa_in_progress_abort (race.future, NULL);
      g_thread_join (thread);

      g_assert_cmpint (kaa_in_progress_get_failed (race.future), ==, race.aborted);
      settle_down ();
      g_assert_cmpint (counts.rejected, ==, race.aborted);
      g_assert_cmpint (counts.resolved, ==, !race.aborted);
      g_assert_cmpint (counts.destroyed, ==, 2);
      assert_finalize (race.future);
    }
}

static gpointer
race_to_listen (gpointer user_data)
{
  gpointer *data = user_data;

  meet (data[0]);
  then_count (((Race *) data[0])->future, data[1]);
  return NULL;
}

static void
test_finish_races_then (void)
{
  int i;

  for (i = 0; i < 500; i++)
    {
      Race race = { kaa_in_progress_new (NULL), 0, FALSE };
      Counts counts = { 0, };
      gpointer data[] = { &race, &counts };
      GThread *thread = g_thread_new ("then", race_to_listen, data);

      meet (&race);
      kaa_in_progress_finish_int (race.future, 1);
      settle_down ();
      g_thread_join (thread);
      settle_down ();
      g_assert_cmpint (counts.resolved, ==, 1);
      g_assert_cmpint (counts.destroyed, ==, 2);
      g_assert_true (counts.thread == g_thread_self ());
      assert_finalize (race.future);
    }
}

static gpointer
drop_in_thread (gpointer user_data)
{
  g_object_unref (user_data);
  return NULL;
}

/* Callbacks are destroyed where they would have been called. */
static void
test_drop_in_thread (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Counts counts = { 0, };

  then_count (future, &counts);
  then_count (future, &counts);
  g_thread_join (g_thread_new ("drop", drop_in_thread, future));
  g_assert_cmpint (counts.destroyed, ==, 0);
  settle_down ();
  g_assert_cmpint (counts.destroyed, ==, 4);
  g_assert_true (counts.thread == g_thread_self ());
  g_assert_cmpint (counts.resolved + counts.rejected, ==, 0);
}

static gpointer
abort_in_thread (gpointer user_data)
{
  GError *error = NULL;

  g_assert_false (kaa_in_progress_abort (user_data, &error));
  return error;
}

static void
test_abort_from_thread (void)
{
  g_autoptr(GError) error = NULL;
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);

  g_assert_true (g_main_context_acquire (NULL));
  error = g_thread_join (g_thread_new ("abort", abort_in_thread, future));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (operation.aborts, ==, 0);
  g_main_context_release (NULL);
  assert_finalize (future);
}

/* --- The context goes --- */

static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *finished;
  KaaInProgress *pending;
  Counts counts = { 0, };

  g_main_context_push_thread_default (context);
  finished = kaa_in_progress_new (NULL);
  pending = kaa_in_progress_new (NULL);
  g_main_context_pop_thread_default (context);

  then_count (finished, &counts);
  then_count (pending, &counts);
  kaa_in_progress_finish_int (finished, 1);
  g_main_context_unref (context);

  /* The announcement went with it. */
  g_assert_cmpint (counts.destroyed, ==, 2);
  g_assert_cmpint (counts.resolved, ==, 0);
  g_assert_cmpint (kaa_in_progress_get_int (finished, NULL), ==, 1);

  /* What comes after it is not called either, and not leaked. */
  then_count (finished, &counts);
  g_assert_cmpint (counts.destroyed, ==, 4);
  kaa_in_progress_finish_int (pending, 2);
  g_assert_cmpint (kaa_in_progress_get_int (pending, NULL), ==, 2);
  g_assert_cmpint (counts.destroyed, ==, 6);
  g_assert_cmpint (counts.resolved + counts.rejected, ==, 0);

  assert_finalize (finished);
  assert_finalize (pending);
}

static void
test_context_gone_pending (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *pending;
  Counts counts = { 0, };

  g_main_context_push_thread_default (context);
  pending = kaa_in_progress_new (NULL);
  g_main_context_pop_thread_default (context);

  then_count (pending, &counts);
  g_main_context_unref (context);
  assert_finalize (pending);
  g_assert_cmpint (counts.destroyed, ==, 2);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-life/inside-callbacks", test_inside_callbacks);
  g_test_add_func ("/in-progress-life/listeners", test_listeners);
  g_test_add_func ("/in-progress-life/dropped", test_dropped);
  g_test_add_func ("/in-progress-life/disposed", test_disposed);
  g_test_add_func ("/in-progress-life/unseen-failures", test_unseen_failures);
  g_test_add_func ("/in-progress-life/threads/finish", test_finish_from_thread);
  g_test_add_func ("/in-progress-life/threads/then", test_then_from_thread);
  g_test_add_func ("/in-progress-life/threads/finish-races-abort", test_finish_races_abort);
  g_test_add_func ("/in-progress-life/threads/finish-races-then", test_finish_races_then);
  g_test_add_func ("/in-progress-life/threads/drop", test_drop_in_thread);
  g_test_add_func ("/in-progress-life/threads/abort", test_abort_from_thread);
  g_test_add_func ("/in-progress-life/context-gone/finished", test_context_gone);
  g_test_add_func ("/in-progress-life/context-gone/pending", test_context_gone_pending);

  return g_test_run ();
}

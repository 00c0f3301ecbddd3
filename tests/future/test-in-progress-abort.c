/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Aborting futures. */

#include "future-fixture.h"

/* --- Abort --- */

static gboolean
agree (KaaInProgress *future,
       const GError  *reason,
       gpointer       user_data)
{
  g_assert_nonnull (reason);
  note (user_data);
  return TRUE;
}

static gboolean
refuse (KaaInProgress *future,
        const GError  *reason,
        gpointer       user_data)
{
  note (user_data);
  return FALSE;
}

static void
assert_no_abort (KaaInProgress *future,
                 GIOErrorEnum   code)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (kaa_in_progress_abort (future, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
}

static void
assert_abort (KaaInProgress *future)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (kaa_in_progress_abort (future, &error));
  g_assert_no_error (error);
  g_assert_true (kaa_in_progress_get_finished (future));
}

static void
test_abort_promise (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) marked = kaa_in_progress_new (NULL);

  begin_protocol ();
  g_assert_false (kaa_in_progress_get_abortable (future));
  assert_no_abort (future, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_false (kaa_in_progress_get_finished (future));

  g_signal_connect (future, "abort", G_CALLBACK (agree), "asked");
  g_assert_true (kaa_in_progress_get_abortable (future));
  then_note (future, "1");
  assert_abort (future);
  assert_protocol ("asked");
  assert_failed_with (future, G_IO_ERROR_CANCELLED);
  settle_down ();
  assert_protocol ("-1");
  assert_no_abort (future, G_IO_ERROR_FAILED);

  /* Who worked on it may not have heard of the abort. */
  kaa_in_progress_finish_int (future, 1);
  throw_code (future, G_IO_ERROR_BUSY);
  assert_failed_with (future, G_IO_ERROR_CANCELLED);

  kaa_in_progress_set_abortable (marked, TRUE);
  assert_abort (marked);
  settle_down ();
}

static void
test_abort_veto (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  Operation operation;
  KaaInProgress *foreign = operation_start (&operation, NULL);
  gulong veto;

  begin_protocol ();
  g_signal_connect (future, "abort", G_CALLBACK (agree), "1");
  veto = g_signal_connect (future, "abort", G_CALLBACK (refuse), "veto");
  g_signal_connect (future, "abort", G_CALLBACK (agree), "3");
  assert_no_abort (future, G_IO_ERROR_FAILED);
  assert_protocol ("1 veto");
  g_assert_false (kaa_in_progress_get_finished (future));

  g_signal_handler_block (future, veto);
  assert_abort (future);
  assert_protocol ("1 3");

  /* The operation is not even asked. */
  g_signal_connect (foreign, "abort", G_CALLBACK (refuse), "veto");
  assert_no_abort (foreign, G_IO_ERROR_FAILED);
  g_assert_cmpint (operation.aborts, ==, 0);
  assert_finalize (foreign);
  settle_down ();
}

static gboolean
throw_own (KaaInProgress *future,
           const GError  *reason,
           gpointer       user_data)
{
  throw_code (future, G_IO_ERROR_BUSY);
  return TRUE;
}

static gboolean
finish_anyway (KaaInProgress *future,
               const GError  *reason,
               gpointer       user_data)
{
  kaa_in_progress_finish_int (future, 4);
  return TRUE;
}

static gboolean
abort_again (KaaInProgress *future,
             const GError  *reason,
             gpointer       user_data)
{
  assert_no_abort (future, G_IO_ERROR_PENDING);
  return TRUE;
}

static gboolean
drop_it (KaaInProgress *future,
         const GError  *reason,
         gpointer       user_data)
{
  g_object_unref (future);
  return TRUE;
}

static void
test_abort_handlers (void)
{
  g_autoptr(KaaInProgress) thrown = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) finished = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) again = kaa_in_progress_new (NULL);
  KaaInProgress *dropped = kaa_in_progress_new (NULL);

  g_signal_connect (thrown, "abort", G_CALLBACK (throw_own), NULL);
  assert_abort (thrown);
  assert_failed_with (thrown, G_IO_ERROR_BUSY);

  g_signal_connect (finished, "abort", G_CALLBACK (finish_anyway), NULL);
  assert_no_abort (finished, G_IO_ERROR_FAILED);
  g_assert_cmpint (kaa_in_progress_get_int (finished, NULL), ==, 4);

  g_signal_connect (again, "abort", G_CALLBACK (abort_again), NULL);
  assert_abort (again);

  g_signal_connect (dropped, "abort", G_CALLBACK (drop_it), NULL);
  g_object_add_weak_pointer (G_OBJECT (dropped), (gpointer *) &dropped);
  g_assert_true (kaa_in_progress_abort (dropped, NULL));
  settle_down ();
  g_assert_null (dropped);
}

static void
test_abort_reason (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GError) reason = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "enough");
  g_autoptr(GError) error = NULL;

  kaa_in_progress_set_abortable (future, TRUE);
  g_assert_true (kaa_in_progress_abort_with (future, reason, &error));
  g_assert_no_error (error);
  assert_failed_with (future, G_IO_ERROR_TIMED_OUT);
  settle_down ();
}

static void
test_abort_operation (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Counts counts = { 0, };

  then_count (future, &counts);
  g_assert_true (kaa_in_progress_get_abortable (future));

  operation.refuse = TRUE;
  assert_no_abort (future, G_IO_ERROR_BUSY);
  g_assert_false (kaa_in_progress_get_finished (future));
  g_assert_cmpint (operation.aborts, ==, 1);

  kaa_in_progress_set_abortable (future, FALSE);
  assert_no_abort (future, G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (operation.aborts, ==, 1);

  operation.refuse = FALSE;
  kaa_in_progress_set_abortable (future, TRUE);
  assert_abort (future);
  g_assert_cmpint (operation.aborts, ==, 2);
  g_assert_cmpint (operation.reason, ==, G_IO_ERROR_CANCELLED);
  g_assert_null (operation.future);
  g_assert_cmpint (counts.rejected, ==, 0);
  settle_down ();
  g_assert_cmpint (counts.rejected, ==, 1);
  g_assert_cmpint (counts.code, ==, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (operation.dropped, ==, 0);
  assert_finalize (future);
}

/* The operation's may be the last reference. */
static void
test_abort_last_reference (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Counts counts = { 0, };

  then_count (future, &counts);
  g_object_add_weak_pointer (G_OBJECT (future), (gpointer *) &future);
  g_object_unref (future);
  g_assert_true (operation.future == future);

  assert_abort (future);
  settle_down ();
  g_assert_cmpint (counts.rejected, ==, 1);
  g_assert_null (future);
}

static void
test_abort_never (void)
{
  static const KaaOperationFuncs stubborn = { NULL, NULL, NULL };
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaInProgress *future = kaa_in_progress_new_operation (NULL, poller, &stubborn, (gpointer) "operation");

  kaa_poller_unref (poller);
  begin_protocol ();
  g_assert_false (kaa_in_progress_get_abortable (future));
  kaa_in_progress_set_abortable (future, TRUE);
  g_assert_false (kaa_in_progress_get_abortable (future));
  g_signal_connect (future, "abort", G_CALLBACK (agree), "asked");
  assert_no_abort (future, G_IO_ERROR_NOT_SUPPORTED);
  assert_protocol ("");
  assert_finalize (future);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-abort/promise", test_abort_promise);
  g_test_add_func ("/in-progress-abort/veto", test_abort_veto);
  g_test_add_func ("/in-progress-abort/handlers", test_abort_handlers);
  g_test_add_func ("/in-progress-abort/reason", test_abort_reason);
  g_test_add_func ("/in-progress-abort/operation", test_abort_operation);
  g_test_add_func ("/in-progress-abort/last-reference", test_abort_last_reference);
  g_test_add_func ("/in-progress-abort/never", test_abort_never);

  return g_test_run ();
}

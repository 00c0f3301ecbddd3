/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Futures by themselves: results, finishing, the announcement. */

#include "future-fixture.h"

/* --- Results --- */

static void
test_results (void)
{
  g_autoptr(KaaInProgress) pending = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) bytes = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) integer = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) boolean = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) nothing = kaa_in_progress_new (NULL);
  g_autoptr(GBytes) data = g_bytes_new ("abc", 3);
  g_autoptr(GBytes) got = NULL;
  g_autofree guint8 *copy = NULL;
  guint8 *no_copy;
  gsize length;
  g_autoptr(GError) error = NULL;

  assert_failed_with (pending, G_IO_ERROR_PENDING);
  g_assert_false (kaa_in_progress_get_finished (pending));
  g_assert_false (kaa_in_progress_get_failed (pending));
  g_assert_null (kaa_in_progress_get_bytes (pending, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  g_assert_false (kaa_in_progress_dup_data (pending, &copy, &length));
  g_assert_null (copy);

  kaa_in_progress_finish_bytes (bytes, data);
  g_assert_true (kaa_in_progress_get_finished (bytes));
  got = kaa_in_progress_get_bytes (bytes, &error);
  g_assert_no_error (error);
  g_assert_true (got == data);
  g_assert_true (g_value_get_boxed (kaa_in_progress_get_result (bytes, NULL)) == data);
  g_assert_true (kaa_in_progress_dup_data (bytes, &copy, &length));
  g_assert_cmpmem (copy, length, g_bytes_get_data (data, NULL), g_bytes_get_size (data));
  g_assert_true (copy != g_bytes_get_data (data, NULL));
  g_assert_cmpint (kaa_in_progress_get_int (bytes, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);

  kaa_in_progress_finish_int (integer, G_MININT64);
  g_assert_cmpint (kaa_in_progress_get_int (integer, &error), ==, G_MININT64);
  g_assert_no_error (error);
  g_assert_true (G_VALUE_HOLDS_INT64 (kaa_in_progress_get_result (integer, NULL)));
  g_assert_false (kaa_in_progress_get_boolean (integer, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_false (kaa_in_progress_dup_data (integer, &no_copy, &length));
  g_assert_cmpuint (length, ==, 0);
  g_assert_null (kaa_in_progress_get_bytes (integer, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (kaa_in_progress_get_object (integer, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);

  kaa_in_progress_finish_boolean (boolean, FALSE);
  g_assert_false (kaa_in_progress_get_boolean (boolean, &error));
  g_assert_no_error (error);

  kaa_in_progress_finish_void (nothing);
  g_assert_true (kaa_in_progress_get_boolean (nothing, &error));
  g_assert_no_error (error);

  settle_down ();
}

static void
assert_integer (const GValue *value,
                gint64        expected)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GError) error = NULL;

  kaa_in_progress_finish (future, value);
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, expected);
  g_assert_no_error (error);
}

static void
test_integers (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GError) error = NULL;
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, -7);
  assert_integer (&value, -7);
  g_value_unset (&value);

  g_value_init (&value, G_TYPE_UINT);
  g_value_set_uint (&value, G_MAXUINT);
  assert_integer (&value, G_MAXUINT);
  g_value_unset (&value);

  g_value_init (&value, G_TYPE_LONG);
  g_value_set_long (&value, -8);
  assert_integer (&value, -8);
  g_value_unset (&value);

  g_value_init (&value, G_TYPE_ULONG);
  g_value_set_ulong (&value, 9);
  assert_integer (&value, 9);
  g_value_unset (&value);

  g_value_init (&value, G_TYPE_UINT64);
  g_value_set_uint64 (&value, G_MAXINT64);
  assert_integer (&value, G_MAXINT64);

  g_value_set_uint64 (&value, (guint64) G_MAXINT64 + 1);
  kaa_in_progress_finish (future, &value);
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_value_unset (&value);

  settle_down ();
}

static void
test_values (void)
{
  g_autoptr(KaaInProgress) text = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) object = kaa_in_progress_new (NULL);
  g_autoptr(GObject) given = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(GObject) got = NULL;
  g_autoptr(GError) error = NULL;
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_STRING);
  g_value_set_string (&value, "kaa");
  kaa_in_progress_finish (text, &value);
  g_value_unset (&value);
  g_assert_cmpstr (g_value_get_string (kaa_in_progress_get_result (text, NULL)), ==, "kaa");

  g_value_init (&value, G_TYPE_OBJECT);
  g_value_set_object (&value, given);
  kaa_in_progress_finish (object, &value);
  g_value_unset (&value);
  got = kaa_in_progress_get_object (object, &error);
  g_assert_no_error (error);
  g_assert_true (got == given);

  settle_down ();
}

static void
test_operation_results (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = g_bytes_new ("x", 1);
  g_autoptr(GBytes) got = NULL;
  Operation operation;
  KaaInProgress *future;

  future = operation_start (&operation, NULL);
  kaa_in_progress_settle_bytes (future, g_bytes_ref (bytes), /* now= */ FALSE);
  g_assert_null (kaa_in_progress_get_operation (future));
  got = kaa_in_progress_get_bytes (future, &error);
  g_assert_true (got == bytes);
  settle_down ();
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  kaa_in_progress_settle_int (future, -3, /* now= */ TRUE);
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, -3);
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  kaa_in_progress_settle_uint64 (future, 3, /* now= */ TRUE);
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, 3);
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  kaa_in_progress_settle_boolean (future, TRUE, /* now= */ TRUE);
  g_assert_true (kaa_in_progress_get_boolean (future, &error));
  assert_finalize (future);
  g_assert_no_error (error);

  future = operation_start (&operation, NULL);
  kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "x"), /* now= */ TRUE);
  g_assert_true (kaa_in_progress_get_failed (future));
  assert_failed_with (future, G_IO_ERROR_BROKEN_PIPE);

  /* Too late, and no harm: nothing leaks, nothing changes. */
  kaa_in_progress_settle_bytes (future, g_bytes_ref (bytes), /* now= */ TRUE);
  kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "y"), /* now= */ FALSE);
  assert_failed_with (future, G_IO_ERROR_BROKEN_PIPE);
  assert_finalize (future);
}

static void
test_exactly_once (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_static ("x", 1);
  Counts counts = { 0, };
  Operation operation;
  KaaInProgress *foreign;

  then_count (future, &counts);
  kaa_in_progress_finish_int (future, 1);

  expect_critical ("*second time*");
  kaa_in_progress_finish_int (future, 2);
  g_test_assert_expected_messages ();
  expect_critical ("*second time*");
  kaa_in_progress_finish_bytes (future, bytes);
  g_test_assert_expected_messages ();
  expect_critical ("*second time*");
  throw_code (future, G_IO_ERROR_FAILED);
  g_test_assert_expected_messages ();

  g_assert_cmpint (kaa_in_progress_get_int (future, NULL), ==, 1);
  settle_down ();
  expect_critical ("*second time*");
  kaa_in_progress_finish_void (future);
  g_test_assert_expected_messages ();
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 1);
  g_assert_cmpint (counts.rejected, ==, 0);
  g_assert_cmpint (counts.destroyed, ==, 2);

  foreign = operation_start (&operation, NULL);
  expect_critical ("*only that can finish it*");
  kaa_in_progress_finish_int (foreign, 1);
  g_test_assert_expected_messages ();
  expect_critical ("*only that can finish it*");
  throw_code (foreign, G_IO_ERROR_FAILED);
  g_test_assert_expected_messages ();
  g_assert_false (kaa_in_progress_get_finished (foreign));
  assert_finalize (foreign);
  g_assert_cmpint (operation.dropped, ==, 1);
}

static void
test_wrong_calls (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  GValue unset = G_VALUE_INIT;

  expect_critical ("*G_IS_VALUE*");
  kaa_in_progress_finish (future, &unset);
  expect_critical ("*result != NULL*");
  kaa_in_progress_finish_bytes (future, NULL);
  expect_critical ("*error != NULL*");
  kaa_in_progress_throw (future, NULL);
  expect_critical ("*reason != NULL*");
  g_assert_false (kaa_in_progress_abort_with (future, NULL, NULL));
  expect_critical ("*KAA_IS_IN_PROGRESS*");
  kaa_in_progress_ready_callback (NULL, G_ASYNC_RESULT (future), NULL);
  g_test_assert_expected_messages ();
  g_assert_false (kaa_in_progress_get_finished (future));
}

/* --- The announcement --- */

static void
test_order (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) failed = kaa_in_progress_new (NULL);

  begin_protocol ();
  then_note (future, "1");
  then_note (future, "2");
  connect_all (future);
  then_note (future, "3");
  kaa_in_progress_finish_void (future);
  then_note (future, "4");
  assert_protocol ("");
  settle_down ();
  assert_protocol ("finished resolved 1 2 3 4");

  then_note (failed, "1");
  connect_all (failed);
  then_note (failed, "2");
  throw_code (failed, G_IO_ERROR_BUSY);
  assert_protocol ("");
  settle_down ();
  assert_protocol ("finished failed rejected -1 -2");
}

static void
test_late (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) failed = kaa_in_progress_new (NULL);

  begin_protocol ();
  kaa_in_progress_finish_void (future);
  throw_code (failed, G_IO_ERROR_BUSY);
  settle_down ();

  /* A handler comes too late, a callback never does. */
  connect_all (future);
  then_note (future, "1");
  then_note (failed, "2");
  then_note (future, "3");
  assert_protocol ("");
  settle_down ();
  assert_protocol ("1 3 -2");
}

static void
connect_late (KaaInProgress *future,
              GParamSpec    *pspec,
              gpointer       user_data)
{
  g_signal_connect (future, "resolved", G_CALLBACK (note_resolved), NULL);
  then_note (future, "late");
}

/* What a handler connects for a later step of the announcement is in time. */
static void
test_connect_while_announced (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);

  begin_protocol ();
  then_note (future, "1");
  g_signal_connect (future, "notify::finished", G_CALLBACK (connect_late), NULL);
  kaa_in_progress_finish_void (future);
  settle_down ();
  assert_protocol ("resolved 1 late");
}

/* Inside a dispatch, the library may announce in the call. */
static void
test_settled_now (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);

  begin_protocol ();
  connect_all (future);
  then_note (future, "1");
  then_note (future, "2");
  kaa_in_progress_settle_int (future, 1, /* now= */ TRUE);
  assert_protocol ("finished resolved 1 2");
  settle_down ();
  assert_protocol ("");

  operation_end (&operation);
  assert_finalize (future);

  future = operation_start (&operation, NULL);
  then_note (future, "1");
  kaa_in_progress_settle_int (future, 1, /* now= */ FALSE);
  assert_protocol ("");
  settle_down ();
  assert_protocol ("1");
  operation_end (&operation);
  assert_finalize (future);
}

static int rounds;

static void
go_round (const GValue *result,
          gpointer      user_data)
{
  if (++rounds < 100)
    kaa_in_progress_then (user_data, go_round, user_data, NULL, NULL, NULL, NULL);
}

/* A callback that always asks again does not hold up the loop. */
static void
test_asking_again (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);

  begin_protocol ();
  rounds = 0;
  kaa_in_progress_then (future, go_round, future, NULL, NULL, NULL, NULL);
  kaa_in_progress_finish_void (future);
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpint (rounds, ==, 1);
  g_main_context_iteration (NULL, FALSE);
  g_assert_cmpint (rounds, ==, 2);
  settle_down ();
  g_assert_cmpint (rounds, ==, 100);
}

static void
run_nested (const GValue *result,
            gpointer      user_data)
{
  note ("nested");
  settle_down ();
  note ("back");
}

static void
run_nested_in_notify (KaaInProgress *future,
                      GParamSpec    *pspec,
                      gpointer       user_data)
{
  run_nested (NULL, NULL);
}

/* What is left of an announcement goes on in a loop inside one of its callbacks. */
static void
test_nested_loop (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(KaaInProgress) other = kaa_in_progress_new (NULL);

  begin_protocol ();
  kaa_in_progress_then (future, run_nested, NULL, NULL, NULL, NULL, NULL);
  then_note (future, "2");
  then_note (future, "3");
  kaa_in_progress_finish_void (future);
  settle_down ();
  assert_protocol ("nested 2 3 back");

  g_signal_connect (other, "notify::finished", G_CALLBACK (run_nested_in_notify), NULL);
  g_signal_connect (other, "resolved", G_CALLBACK (note_resolved), NULL);
  then_note (other, "1");
  kaa_in_progress_finish_void (other);
  settle_down ();
  assert_protocol ("nested resolved 1 back");
}

static void
note_closure (KaaInProgress *future,
              const char    *word)
{
  g_assert_true (kaa_in_progress_get_finished (future));
  note (kaa_in_progress_get_failed (future) ? "failed" : word);
}

static void
note_closure_gone (gpointer  user_data,
                   GClosure *closure)
{
  note ("gone");
}

static void
test_closures (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "expected");
  GClosure *kept = g_cclosure_new (G_CALLBACK (note_closure), (gpointer) "kept", note_closure_gone);

  /* Among the others, in order, and never inside the call. */
  begin_protocol ();
  then_note (future, "first");
  kaa_in_progress_then_closure (future, g_cclosure_new (G_CALLBACK (note_closure), (gpointer) "second", note_closure_gone));
  then_note (future, "third");
  kaa_in_progress_finish_int (future, 1);
  kaa_in_progress_then_closure (future, g_cclosure_new (G_CALLBACK (note_closure), (gpointer) "fourth", note_closure_gone));
  assert_protocol ("");
  settle_down ();
  assert_protocol ("first second gone third fourth gone");

  /* After it was announced; and a closure that somebody else holds as well. */
  g_closure_ref (kept);
  g_closure_sink (kept);
  kaa_in_progress_then_closure (future, kept);
  assert_protocol ("");
  settle_down ();
  assert_protocol ("kept");
  g_closure_unref (kept);
  assert_protocol ("gone");

  /* A failure. */
  g_clear_object (&future);
  future = kaa_in_progress_new (NULL);
  kaa_in_progress_then_closure (future, g_cclosure_new (G_CALLBACK (note_closure), NULL, note_closure_gone));
  kaa_in_progress_throw (future, error);
  settle_down ();
  assert_protocol ("failed gone");

  /* It goes unfinished. */
  g_clear_object (&future);
  future = kaa_in_progress_new (NULL);
  kaa_in_progress_then_closure (future, g_cclosure_new (G_CALLBACK (note_closure), NULL, note_closure_gone));
  g_clear_object (&future);
  settle_down ();
  assert_protocol ("gone");
}

static void
test_properties (void)
{
  g_autoptr(GObject) source = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (source);
  g_autoptr(GObject) got = NULL;
  gboolean finished = TRUE;
  gboolean failed = TRUE;
  gboolean abortable = TRUE;

  g_object_get (future, "finished", &finished, "failed", &failed, "abortable", &abortable, "source-object", &got, NULL);
  g_assert_false (finished);
  g_assert_false (failed);
  g_assert_false (abortable);
  g_assert_true (got == source);

  begin_protocol ();
  throw_code (future, G_IO_ERROR_BUSY);
  g_object_set (future, "abortable", TRUE, NULL);
  g_object_get (future, "finished", &finished, "failed", &failed, "abortable", &abortable, NULL);
  g_assert_true (finished);
  g_assert_true (failed);
  g_assert_true (abortable);
  settle_down ();
}

/* As bindings may make it. */
static void
test_plain_construction (void)
{
  KaaInProgress *future = g_object_new (KAA_TYPE_IN_PROGRESS, NULL);

  begin_protocol ();
  then_note (future, "1");
  kaa_in_progress_finish_void (future);
  settle_down ();
  assert_protocol ("1");
  assert_finalize (future);
}

static void
test_main_context (void)
{
  GMainContext *context = g_main_context_new ();
  g_autoptr (KaaInProgress) future = NULL;
  g_autoptr (KaaInProgress) other = kaa_in_progress_new (NULL);
  GMainContext *found;

  g_main_context_push_thread_default (context);
  future = kaa_in_progress_new (NULL);
  g_main_context_pop_thread_default (context);

  found = kaa_in_progress_get_main_context (future);
  g_assert_true (found == context);
  g_main_context_unref (found);
  found = kaa_in_progress_get_main_context (other);
  g_assert_true (found == g_main_context_default ());
  g_main_context_unref (found);

  /* It does not keep its context alive. */
  g_main_context_unref (context);
  g_assert_null (kaa_in_progress_get_main_context (future));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress/results", test_results);
  g_test_add_func ("/in-progress/integers", test_integers);
  g_test_add_func ("/in-progress/values", test_values);
  g_test_add_func ("/in-progress/operation-results", test_operation_results);
  g_test_add_func ("/in-progress/exactly-once", test_exactly_once);
  g_test_add_func ("/in-progress/wrong-calls", test_wrong_calls);
  g_test_add_func ("/in-progress/order", test_order);
  g_test_add_func ("/in-progress/late", test_late);
  g_test_add_func ("/in-progress/connect-while-announced", test_connect_while_announced);
  g_test_add_func ("/in-progress/settled-now", test_settled_now);
  g_test_add_func ("/in-progress/asking-again", test_asking_again);
  g_test_add_func ("/in-progress/nested-loop", test_nested_loop);
  g_test_add_func ("/in-progress/closures", test_closures);
  g_test_add_func ("/in-progress/properties", test_properties);
  g_test_add_func ("/in-progress/plain-construction", test_plain_construction);
  g_test_add_func ("/in-progress/main-context", test_main_context);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Futures by themselves: finishing, results, announcements, abort, life. */

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
  g_autoptr(GError) error = NULL;

  assert_failed_with (pending, G_IO_ERROR_PENDING);
  g_assert_false (kaa_in_progress_get_finished (pending));
  g_assert_false (kaa_in_progress_get_failed (pending));
  g_assert_null (kaa_in_progress_get_bytes (pending, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);

  kaa_in_progress_finish_bytes (bytes, data);
  g_assert_true (kaa_in_progress_get_finished (bytes));
  got = kaa_in_progress_get_bytes (bytes, &error);
  g_assert_no_error (error);
  g_assert_true (got == data);
  g_assert_true (g_value_get_boxed (kaa_in_progress_get_result (bytes, NULL)) == data);
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
expect_critical (const char *pattern)
{
  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, pattern);
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

/* --- The announcement --- */

static void
note_notify (KaaInProgress *future,
             GParamSpec    *pspec,
             gpointer       user_data)
{
  g_assert_true (kaa_in_progress_get_finished (future));
  note (pspec->name);
}

static void
note_resolved (KaaInProgress *future,
               const GValue  *result,
               gpointer       user_data)
{
  g_assert_true (G_IS_VALUE (result));
  note ("resolved");
}

static void
note_rejected (KaaInProgress *future,
               const GError  *error,
               gpointer       user_data)
{
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  note ("rejected");
}

static void
connect_all (KaaInProgress *future)
{
  g_signal_connect (future, "notify::finished", G_CALLBACK (note_notify), NULL);
  g_signal_connect (future, "notify::failed", G_CALLBACK (note_notify), NULL);
  g_signal_connect (future, "resolved", G_CALLBACK (note_resolved), NULL);
  g_signal_connect (future, "rejected", G_CALLBACK (note_rejected), NULL);
}

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

static gboolean
note_idle (gpointer user_data)
{
  note (user_data);
  return G_SOURCE_REMOVE;
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

  g_test_add_func ("/in-progress/results", test_results);
  g_test_add_func ("/in-progress/integers", test_integers);
  g_test_add_func ("/in-progress/values", test_values);
  g_test_add_func ("/in-progress/operation-results", test_operation_results);
  g_test_add_func ("/in-progress/exactly-once", test_exactly_once);
  g_test_add_func ("/in-progress/order", test_order);
  g_test_add_func ("/in-progress/late", test_late);
  g_test_add_func ("/in-progress/connect-while-announced", test_connect_while_announced);
  g_test_add_func ("/in-progress/settled-now", test_settled_now);
  g_test_add_func ("/in-progress/asking-again", test_asking_again);
  g_test_add_func ("/in-progress/nested-loop", test_nested_loop);
  g_test_add_func ("/in-progress/properties", test_properties);
  g_test_add_func ("/in-progress/plain-construction", test_plain_construction);
  g_test_add_func ("/in-progress/inside-callbacks", test_inside_callbacks);
  g_test_add_func ("/in-progress/abort/promise", test_abort_promise);
  g_test_add_func ("/in-progress/abort/veto", test_abort_veto);
  g_test_add_func ("/in-progress/abort/handlers", test_abort_handlers);
  g_test_add_func ("/in-progress/abort/reason", test_abort_reason);
  g_test_add_func ("/in-progress/abort/operation", test_abort_operation);
  g_test_add_func ("/in-progress/abort/last-reference", test_abort_last_reference);
  g_test_add_func ("/in-progress/abort/never", test_abort_never);
  g_test_add_func ("/in-progress/listeners", test_listeners);
  g_test_add_func ("/in-progress/dropped", test_dropped);
  g_test_add_func ("/in-progress/disposed", test_disposed);
  g_test_add_func ("/in-progress/unseen-failures", test_unseen_failures);
  g_test_add_func ("/in-progress/threads/finish", test_finish_from_thread);
  g_test_add_func ("/in-progress/threads/then", test_then_from_thread);
  g_test_add_func ("/in-progress/threads/finish-races-abort", test_finish_races_abort);
  g_test_add_func ("/in-progress/threads/finish-races-then", test_finish_races_then);
  g_test_add_func ("/in-progress/threads/drop", test_drop_in_thread);
  g_test_add_func ("/in-progress/threads/abort", test_abort_from_thread);
  g_test_add_func ("/in-progress/context-gone/finished", test_context_gone);
  g_test_add_func ("/in-progress/context-gone/pending", test_context_gone_pending);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Futures as GAsyncResults, and GIO calls as futures. */

#include "future-fixture.h"

typedef struct
{
  int calls;
  GObject *source;
  GThread *thread;
  gint64 result;
  GError *error;
} Answer;

static void
take_answer (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Answer *answer = user_data;
  g_autoptr(GObject) result_source = g_async_result_get_source_object (result);

  answer->calls++;
  answer->source = source;
  answer->thread = g_thread_self ();
  g_assert_true (KAA_IS_IN_PROGRESS (result));
  g_assert_true (g_async_result_get_user_data (result) == user_data);
  g_assert_true (result_source == source);
  g_assert_true (g_async_result_is_tagged (result, take_answer));
  g_assert_false (g_async_result_is_tagged (result, answer));
  answer->result = kaa_in_progress_get_int (KAA_IN_PROGRESS (result), &answer->error);
}

static void
test_async_result (void)
{
  g_autoptr(GObject) source = g_object_new (G_TYPE_OBJECT, NULL);
  Operation operation;
  KaaInProgress *future = operation_start (&operation, source);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, NULL, take_answer, &answer);
  g_object_unref (future);
  g_assert_true (operation.held);

  kaa_in_progress_settle_int (future, 12, /* now= */ FALSE);
  operation_let_go (&operation);
  g_assert_cmpint (answer.calls, ==, 0);
  settle_down ();
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_true (answer.source == source);
  g_assert_cmpint (answer.result, ==, 12);
  g_assert_no_error (answer.error);
}

static void
note_async (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_assert_null (source);
  note (user_data);
}

static void
test_order (void)
{
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);

  begin_protocol ();
  then_note (future, "1");
  kaa_in_progress_call_async (future, NULL, NULL, note_async, "async");
  then_note (future, "3");
  kaa_in_progress_settle_int (future, 1, /* now= */ TRUE);
  assert_protocol ("1 async 3");

  /* Finished already: from the loop. */
  kaa_in_progress_call_async (future, NULL, NULL, note_async, "late");
  assert_protocol ("");
  settle_down ();
  assert_protocol ("late");
  operation_end (&operation);
  assert_finalize (future);
}

static void
test_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_object_unref (future);
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 0);

  g_cancellable_cancel (cancellable);
  g_assert_cmpint (operation.aborts, ==, 0);
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 1);
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_error (answer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&answer.error);
}

static void
test_cancelled_before (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  g_cancellable_cancel (cancellable);
  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_object_unref (future);
  g_assert_cmpint (operation.aborts, ==, 0);
  g_assert_cmpint (answer.calls, ==, 0);
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 1);
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_error (answer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&answer.error);
}

/* An operation that could be served in the coming turn. */
typedef struct
{
  KaaPollEntry entry;
  Operation operation;
} Request;

static void
serve (KaaPollEntry *entry)
{
  Request *request = (Request *) entry;

  if (request->operation.future != NULL)
    kaa_in_progress_settle_int (request->operation.future, 1, /* now= */ TRUE);
}

static const KaaPollEntryFuncs request_funcs =
{
  .dispatch = serve,
};

/* Nothing is taken for a call that was cancelled before it was made. */
static void
test_cancelled_comes_first (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  Request request = { { &request_funcs, }, };
  KaaInProgress *future = operation_start (&request.operation, NULL);
  Answer answer = { 0, };

  kaa_poll_entry_attach (&request.entry, poller);
  kaa_poll_entry_schedule (&request.entry);
  g_cancellable_cancel (cancellable);
  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_object_unref (future);
  settle_down ();
  g_assert_cmpint (request.operation.aborts, ==, 1);
  g_assert_error (answer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&answer.error);

  kaa_poll_entry_detach (&request.entry);
  kaa_poller_unref (poller);
}

static void
test_never_cancelled (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  kaa_in_progress_settle_int (future, 3, /* now= */ TRUE);
  operation_end (&operation);
  g_assert_cmpint (answer.calls, ==, 1);

  /* The cancellable may live for long: nothing is left that waits for it. */
  assert_finalize (future);
}

/* What has gone too far ends as it ends. */
static void
test_cancelled_in_vain (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  operation.refuse = TRUE;
  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_object_unref (future);
  g_cancellable_cancel (cancellable);
  settle_down ();
  g_assert_cmpint (operation.aborts, ==, 1);
  g_assert_cmpint (answer.calls, ==, 0);

  kaa_in_progress_settle_int (future, 3, /* now= */ TRUE);
  operation_let_go (&operation);
  settle_down ();
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_cmpint (answer.result, ==, 3);
}

static void
test_cancelled_too_late (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  kaa_in_progress_settle_int (future, 3, /* now= */ FALSE);
  operation_end (&operation);
  g_cancellable_cancel (cancellable);
  settle_down ();
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_cmpint (answer.result, ==, 3);
  g_assert_cmpint (operation.aborts, ==, 0);

  /* Nothing is left that would hold it. */
  assert_finalize (future);
}

static gpointer
cancel_in_thread (gpointer user_data)
{
  g_cancellable_cancel (user_data);
  return NULL;
}

static void
test_cancelled_in_thread (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_object_unref (future);
  g_thread_join (g_thread_new ("cancel", cancel_in_thread, cancellable));
  g_assert_cmpint (operation.aborts, ==, 0);
  settle_down ();
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_true (answer.thread == g_thread_self ());
  g_assert_true (operation.thread == g_thread_self ());
  g_clear_error (&answer.error);
}

/* By an abort too there is one call. */
static void
test_aborted (void)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future = operation_start (&operation, NULL);
  Answer answer = { 0, };

  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_assert_true (kaa_in_progress_abort (future, NULL));
  g_cancellable_cancel (cancellable);
  g_assert_cmpint (answer.calls, ==, 0);
  settle_down ();
  g_assert_cmpint (answer.calls, ==, 1);
  g_assert_error (answer.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&answer.error);
  assert_finalize (future);
}

static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Operation operation;
  KaaInProgress *future;
  Answer answer = { 0, };

  g_main_context_push_thread_default (context);
  future = operation_start (&operation, NULL);
  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  g_cancellable_cancel (cancellable);
  kaa_in_progress_settle_int (future, 1, /* now= */ FALSE);
  operation_end (&operation);
  g_assert_cmpint (answer.calls, ==, 0);
  assert_finalize (future);

  /* Nobody can be called, and nothing is left. */
  g_main_context_push_thread_default (context = g_main_context_new ());
  future = operation_start (&operation, NULL);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  kaa_in_progress_call_async (future, take_answer, cancellable, take_answer, &answer);
  operation_end (&operation);
  g_object_unref (future);
  g_assert_cmpint (answer.calls, ==, 0);
}

/* --- GIO calls as futures --- */

static void
answer_task (GTask        *task,
             gpointer      source,
             gpointer      task_data,
             GCancellable *cancellable)
{
  g_task_return_int (task, 44);
}

static void
test_ready_callback (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GTask) task = g_task_new (NULL, NULL, kaa_in_progress_ready_callback, future);
  g_autoptr(GObject) result = NULL;
  g_autoptr(GError) error = NULL;

  g_task_run_in_thread (task, answer_task);
  result = kaa_in_progress_wait_object (future, -1, &error);
  g_assert_no_error (error);
  g_assert_true (result == G_OBJECT (task));
  g_assert_cmpint (g_task_propagate_int (G_TASK (result), &error), ==, 44);
  g_assert_no_error (error);
  settle_down ();
}

/* An operation of ours passes on what became of it. */
static void
test_ready_callback_ours (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  Operation operation;
  KaaInProgress *read = operation_start (&operation, NULL);

  kaa_in_progress_call_async (read, NULL, NULL, kaa_in_progress_ready_callback, future);
  g_object_unref (read);
  kaa_in_progress_settle_int (read, 8, /* now= */ FALSE);
  operation_let_go (&operation);
  g_assert_cmpint (kaa_in_progress_wait_int (future, -1, NULL), ==, 8);
  settle_down ();
}

static void
test_ready_callback_aborted (void)
{
  g_autoptr(KaaInProgress) future = kaa_in_progress_new (NULL);
  g_autoptr(GTask) task = g_task_new (NULL, NULL, kaa_in_progress_ready_callback, future);

  kaa_in_progress_set_abortable (future, TRUE);
  g_assert_true (kaa_in_progress_abort (future, NULL));
  g_task_return_int (task, 1);
  settle_down ();
  assert_failed_with (future, G_IO_ERROR_CANCELLED);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-async/result", test_async_result);
  g_test_add_func ("/in-progress-async/order", test_order);
  g_test_add_func ("/in-progress-async/cancelled/while-pending", test_cancelled);
  g_test_add_func ("/in-progress-async/cancelled/before", test_cancelled_before);
  g_test_add_func ("/in-progress-async/cancelled/comes-first", test_cancelled_comes_first);
  g_test_add_func ("/in-progress-async/cancelled/never", test_never_cancelled);
  g_test_add_func ("/in-progress-async/cancelled/in-vain", test_cancelled_in_vain);
  g_test_add_func ("/in-progress-async/cancelled/too-late", test_cancelled_too_late);
  g_test_add_func ("/in-progress-async/cancelled/in-thread", test_cancelled_in_thread);
  g_test_add_func ("/in-progress-async/aborted", test_aborted);
  g_test_add_func ("/in-progress-async/context-gone", test_context_gone);
  g_test_add_func ("/in-progress-async/ready-callback/task", test_ready_callback);
  g_test_add_func ("/in-progress-async/ready-callback/ours", test_ready_callback_ours);
  g_test_add_func ("/in-progress-async/ready-callback/aborted", test_ready_callback_aborted);

  return g_test_run ();
}

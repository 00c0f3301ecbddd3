/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A future that is used again must not be told from a new one, whatever was done to it before. */

#include "future/future-fixture.h"

static char tag;

static KaaInProgress *
make (GObject *source)
{
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaInProgress *future = kaa_in_progress_new_operation (source, poller, &operation_funcs, NULL);

  kaa_poller_unref (poller);
  return future;
}

/* As whoever works on it ends it. */
static void
finish (KaaInProgress *future,
        const char    *result)
{
  kaa_in_progress_settle_bytes (future, g_bytes_new (result, strlen (result)), /* now= */ FALSE);
  settle_down ();
  kaa_in_progress_release (future);
}

/* The one that comes next, from birth to announcement. */
static void
assert_next_is_new (void)
{
  GObject *source = g_object_new (G_TYPE_OBJECT, NULL);
  KaaInProgress *future = make (source);
  GBytes *bytes;
  GError *error = NULL;

  g_assert_cmpuint (G_OBJECT (future)->ref_count, ==, 1);
  g_assert_false (kaa_in_progress_get_finished (future));
  g_assert_false (kaa_in_progress_get_failed (future));
  g_assert_true (kaa_in_progress_get_abortable (future));
  g_assert_false (kaa_in_progress_has_listeners (future));
  g_assert_cmpuint (kaa_in_progress_get_bytes_moved (future), ==, 0);
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_null (g_async_result_get_user_data (G_ASYNC_RESULT (future)));
  g_assert_false (g_async_result_is_tagged (G_ASYNC_RESULT (future), &tag));
  g_assert_true (g_async_result_get_source_object (G_ASYNC_RESULT (future)) == source);
  g_object_unref (source);

  assert_protocol ("");
  then_note (future, "next");
  kaa_in_progress_settle_bytes (future, g_bytes_new_static ("next", 4), /* now= */ FALSE);
  settle_down ();
  assert_protocol ("next");
  bytes = kaa_in_progress_get_bytes (future, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "next", 4);
  g_bytes_unref (bytes);
  kaa_in_progress_release (future);

  g_assert_finalize_object (source);
}

static void
note_result (KaaInProgress *future,
               const GValue  *result,
               gpointer      word)
{
  note (word);
}

static void
note_gone (gpointer  word,
           GObject  *where_it_was)
{
  note (word);
}

static void
note_toggled (gpointer  word,
              GObject  *object,
              gboolean  is_last)
{
  note (word);
}

static void
note_ready (GObject      *source,
            GAsyncResult *result,
            gpointer      word)
{
  note (word);
}

static void
test_plain (void)
{
  GObject *source = g_object_new (G_TYPE_OBJECT, NULL);

  begin_protocol ();
  finish (make (source), "first");
  /* Nothing of it is kept alive. */
  g_assert_finalize_object (source);
  assert_next_is_new ();
}

static void
test_handlers (void)
{
  KaaInProgress *future = make (NULL);
  gulong id;

  begin_protocol ();
  g_signal_connect_data (future, "resolved", G_CALLBACK (note_result), (gpointer) "resolved",
                         (GClosureNotify) (void (*) (void)) note_destroy, G_CONNECT_DEFAULT);
  g_signal_connect (future, "notify::finished", G_CALLBACK (g_object_get_type), NULL);
  id = g_signal_connect (future, "resolved", G_CALLBACK (note_result), (gpointer) "never");
  g_signal_handler_block (future, id);
  finish (future, "first");
  /* The handler, and then its data. */
  assert_protocol ("resolved resolved");
  assert_next_is_new ();
}

static void
test_state (void)
{
  KaaInProgress *future = make (NULL);

  begin_protocol ();
  kaa_in_progress_set_abortable (future, FALSE);
  kaa_in_progress_set_refused (future);
  kaa_in_progress_set_bytes_moved (future, 5);
  kaa_in_progress_call_async (future, (gpointer) &tag, NULL, note_ready, (gpointer) "ready");
  then_note (future, "first");
  then_note (future, "second");
  finish (future, "first");
  assert_protocol ("ready first second");
  assert_next_is_new ();
}

static void
test_watched (void)
{
  KaaInProgress *future = make (NULL);
  gpointer pointer = future;
  GWeakRef weak;

  begin_protocol ();
  g_weak_ref_init (&weak, future);
  g_object_add_weak_pointer (G_OBJECT (future), &pointer);
  g_object_weak_ref (G_OBJECT (future), note_gone, (gpointer) "gone");
  g_object_set_data_full (G_OBJECT (future), "data", (gpointer) "data", note_destroy);
  finish (future, "first");
  assert_protocol ("gone data");
  g_assert_null (pointer);
  g_assert_null (g_weak_ref_get (&weak));
  g_weak_ref_clear (&weak);
  assert_next_is_new ();
}

static void
test_kept (void)
{
  KaaInProgress *future = make (NULL);
  GBytes *bytes;

  begin_protocol ();
  g_object_ref (future);
  finish (future, "first");
  assert_next_is_new ();

  bytes = kaa_in_progress_get_bytes (future, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "first", 5);
  g_bytes_unref (bytes);
  g_assert_finalize_object (future);
}

static void
test_toggled (void)
{
  KaaInProgress *future = make (NULL);

  begin_protocol ();
  g_object_add_toggle_ref (G_OBJECT (future), note_toggled, (gpointer) "toggled");
  finish (future, "first");
  assert_protocol ("toggled");
  assert_next_is_new ();
  g_object_remove_toggle_ref (G_OBJECT (future), note_toggled, (gpointer) "toggled");
}

/* A failure that nobody looked at is still logged, and not once more for whoever comes after it. */
static void
test_failed (void)
{
  KaaInProgress *future = make (NULL);

  begin_protocol ();
  kaa_in_progress_set_refused (future);
  kaa_in_progress_settle_error (future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "No"), /* now= */ FALSE);
  settle_down ();
  g_test_expect_message ("Kaa", G_LOG_LEVEL_WARNING, "*nobody looked*");
  kaa_in_progress_release (future);
  g_test_assert_expected_messages ();
  assert_next_is_new ();
}

static void
save (gpointer  future,
      GClosure *closure)
{
  g_object_ref (future);
}

/* What is destroyed with its last handler may bring it back. */
static void
test_brought_back (void)
{
  KaaInProgress *future = make (NULL);
  GBytes *bytes;

  begin_protocol ();
  g_signal_connect_data (future, "abort", G_CALLBACK (g_object_get_type), future, save, G_CONNECT_DEFAULT);
  finish (future, "first");
  assert_next_is_new ();

  bytes = kaa_in_progress_get_bytes (future, NULL);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "first", 5);
  g_bytes_unref (bytes);
  g_assert_finalize_object (future);
}

#define N_THREADS 4

/* Made in one thread and dropped in another, while a third one does the same. */
static gpointer
work (gpointer user_data)
{
  GMainContext *context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < 2000; i++)
    {
      GObject *source = g_object_new (G_TYPE_OBJECT, NULL);
      KaaInProgress *future = make (source);
      Counts counts = { 0, };
      GBytes *bytes;

      then_count (future, &counts);
      kaa_in_progress_settle_bytes (future, g_bytes_new (&i, sizeof i), /* now= */ FALSE);
      while (g_main_context_iteration (context, FALSE))
        ;
      g_assert_cmpint (counts.resolved, ==, 1);
      g_assert_cmpint (counts.destroyed, ==, 2);
      bytes = kaa_in_progress_get_bytes (future, NULL);
      g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &i, sizeof i);
      g_bytes_unref (bytes);
      kaa_in_progress_release (future);
      g_assert_finalize_object (source);
    }
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

static void
test_threads (void)
{
  GThread *threads[N_THREADS];

  for (guint i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("worker", work, NULL);
  for (guint i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress/spare/plain", test_plain);
  g_test_add_func ("/in-progress/spare/handlers", test_handlers);
  g_test_add_func ("/in-progress/spare/state", test_state);
  g_test_add_func ("/in-progress/spare/watched", test_watched);
  g_test_add_func ("/in-progress/spare/kept", test_kept);
  g_test_add_func ("/in-progress/spare/toggled", test_toggled);
  g_test_add_func ("/in-progress/spare/failed", test_failed);
  g_test_add_func ("/in-progress/spare/brought-back", test_brought_back);
  g_test_add_func ("/in-progress/spare/threads", test_threads);

  return g_test_run ();
}

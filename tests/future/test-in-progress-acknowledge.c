/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A completion that is told again until it has arrived. */

#include <kaaio/kaa-in-progress.h>

#include "loop/gjs-fixture.h"
#include "loop/kaa-collector.h"

typedef struct
{
  guint n_told;
  guint n_lost;       /* how many calls are dropped, as gjs drops them */
  guint n_destroyed;
  gboolean failed;
} Told;

static gboolean
told (KaaInProgress *future,
      gpointer       user_data)
{
  Told *self = user_data;

  g_assert_true (kaa_in_progress_get_finished (future));
  self->failed = kaa_in_progress_get_failed (future);
  return self->n_told++ >= self->n_lost;
}

static void
destroyed (gpointer user_data)
{
  ((Told *) user_data)->n_destroyed++;
}

static void
run_until_destroyed (Told *self)
{
  while (self->n_destroyed == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* A language that loses no call has said nothing: its collector is left alone. */
static void
test_nothing_is_lost (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Told self = { 0, };

  fake_gjs.in_progress = true;
  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  kaa_in_progress_finish_int (future, 1);
  run_until_destroyed (&self);
  g_assert_cmpuint (self.n_told, ==, 1);
  g_assert_cmpuint (fake_gjs.n_finished, ==, 0);
  fake_gjs.in_progress = false;
  g_object_unref (future);
}

static void
test_arrives (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Told self = { 0, };

  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  kaa_in_progress_finish_int (future, 1);
  g_assert_cmpuint (self.n_told, ==, 0);
  run_until_destroyed (&self);
  g_assert_cmpuint (self.n_told, ==, 1);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 0);
  g_object_unref (future);
}

static void
test_repeated (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, "for a test");
  Told self = { .n_lost = 5 };

  kaa_in_progress_throw (future, error);
  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  /* Nobody else keeps it: what has not arrived must. */
  g_object_unref (future);
  run_until_destroyed (&self);
  g_assert_cmpuint (self.n_told, ==, 6);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
  g_assert_true (self.failed);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 3);
  g_error_free (error);
}

/* The collector is asked once, and the completion arrives without another turn of the loop. */
static void
test_dropped_once (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Told self = { .n_lost = 1 };

  fake_gjs.n_collections = 0;
  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  kaa_in_progress_finish_int (future, 1);
  g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (self.n_told, ==, 2);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 1);
  g_object_unref (future);
}

/* A collection that is under way is not waited for. */
static void
test_in_progress (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Told self = { 0, };

  fake_gjs = (FakeGjs) { .in_progress = true };
  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  kaa_in_progress_finish_int (future, 1);
  run_until_destroyed (&self);
  g_assert_cmpuint (self.n_told, ==, 1);
  g_assert_cmpuint (fake_gjs.n_finished, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 0);
  g_object_unref (future);
}

static void
test_never_finished (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  Told self = { 0, };

  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  g_object_unref (future);
  run_until_destroyed (&self);
  g_assert_cmpuint (self.n_told, ==, 0);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
}

static void
test_context_goes (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *future;
  Told self = { .n_lost = G_MAXUINT };

  g_main_context_push_thread_default (context);
  future = kaa_in_progress_new (NULL);
  kaa_in_progress_then_acknowledged (future, told, &self, destroyed);
  kaa_in_progress_finish_void (future);
  while (self.n_told < 3)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
  g_object_unref (future);
}

/* The rest is for a language that has said that it loses calls. */
static void
run_attached (gconstpointer data)
{
  kaa_collector_attach ();
  ((GTestFunc) data) ();
}

static void
add (const char *path,
     GTestFunc   test)
{
  g_test_add_data_func (path, test, run_attached);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/in-progress-acknowledge/nothing-is-lost", test_nothing_is_lost);
  add ("/in-progress-acknowledge/arrives", test_arrives);
  add ("/in-progress-acknowledge/repeated", test_repeated);
  add ("/in-progress-acknowledge/dropped-once", test_dropped_once);
  add ("/in-progress-acknowledge/in-progress", test_in_progress);
  add ("/in-progress-acknowledge/never-finished", test_never_finished);
  add ("/in-progress-acknowledge/context-goes", test_context_goes);
  return g_test_run ();
}

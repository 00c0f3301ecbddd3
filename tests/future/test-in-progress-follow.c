/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises that are finished with a future. */

#include "future-fixture.h"

static void
finish_with (KaaInProgress *future,
             KaaInProgress *other)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, KAA_TYPE_IN_PROGRESS);
  g_value_set_object (&value, other);
  kaa_in_progress_finish (future, &value);
  g_value_unset (&value);
}

static void
test_follow (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *other = kaa_in_progress_new (NULL);
  Counts counts = { 0, };

  then_count (future, &counts);
  finish_with (future, other);
  g_assert_false (kaa_in_progress_get_finished (future));

  expect_critical ("*only that can finish it*");
  kaa_in_progress_finish_int (future, 1);
  g_test_assert_expected_messages ();
  expect_critical ("*only that can finish it*");
  finish_with (future, other);
  g_test_assert_expected_messages ();

  kaa_in_progress_finish_int (other, 7);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 1);
  g_assert_cmpint (kaa_in_progress_get_int (future, NULL), ==, 7);
  assert_finalize (future);

  /* One that is finished already. */
  future = kaa_in_progress_new (NULL);
  then_count (future, &counts);
  finish_with (future, other);
  g_assert_cmpint (counts.resolved, ==, 1);
  settle_down ();
  g_assert_cmpint (counts.resolved, ==, 2);
  expect_critical ("*");
  finish_with (future, other);
  g_test_assert_expected_messages ();
  assert_finalize (future);
  assert_finalize (other);
}

static void
test_follow_error (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *other = kaa_in_progress_new (NULL);

  finish_with (future, other);
  throw_code (other, G_IO_ERROR_BUSY);
  settle_down ();
  assert_failed_with (future, G_IO_ERROR_BUSY);
  assert_finalize (future);
  assert_finalize (other);
}

static void
test_follow_circle (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *other = kaa_in_progress_new (NULL);
  KaaInProgress *pair[2];
  KaaInProgress *limited;
  KaaInProgress *all;
  KaaInProgress *both;
  KaaInProgress *lone;

  expect_critical ("*could never end*");
  finish_with (future, future);
  g_test_assert_expected_messages ();

  finish_with (future, other);
  expect_critical ("*could never end*");
  finish_with (other, future);
  g_test_assert_expected_messages ();

  /* However long the way. */
  limited = kaa_in_progress_timeout (future, 3600, /* abort= */ FALSE);
  all = kaa_in_progress_all (&limited, 1);
  expect_critical ("*could never end*");
  finish_with (other, all);
  g_test_assert_expected_messages ();

  /* On two ways at once, which lead to one that has nothing to do with it. */
  pair[0] = limited;
  pair[1] = limited;
  both = kaa_in_progress_all (pair, 2);
  lone = kaa_in_progress_new (NULL);
  finish_with (lone, both);

  kaa_in_progress_finish_int (other, 7);
  settle_down ();
  g_assert_true (kaa_in_progress_get_boolean (all, NULL));
  g_assert_true (kaa_in_progress_get_boolean (lone, NULL));
  assert_finalize (lone);
  assert_finalize (both);
  assert_finalize (all);
  assert_finalize (limited);
  assert_finalize (future);
  assert_finalize (other);
}

/* The owner of the promise decides, and the other goes on. */
static void
test_follow_abort (void)
{
  KaaInProgress *future = kaa_in_progress_new (NULL);
  KaaInProgress *other = kaa_in_progress_new (NULL);
  g_autoptr(GError) error = NULL;

  kaa_in_progress_set_abortable (other, TRUE);
  finish_with (future, other);
  g_assert_false (kaa_in_progress_abort (future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  kaa_in_progress_set_abortable (future, TRUE);
  g_assert_true (kaa_in_progress_abort (future, NULL));
  assert_failed_with (future, G_IO_ERROR_CANCELLED);
  g_assert_false (kaa_in_progress_get_finished (other));
  g_assert_false (kaa_in_progress_has_listeners (other));
  settle_down ();
  assert_finalize (future);
  assert_finalize (other);
}

/* As a loop written with promises makes it; neither recursion nor a turn of the loop for each. */
static void
test_follow_chain (void)
{
  const guint length = 20000;
  KaaInProgress *first = kaa_in_progress_new (NULL);
  KaaInProgress *last = g_object_ref (first);
  guint i;

  for (i = 0; i < length; i++)
    {
      KaaInProgress *next = kaa_in_progress_new (NULL);

      finish_with (last, next);
      g_object_unref (last);
      last = next;
    }

  kaa_in_progress_finish_int (last, 1);
  g_object_unref (last);
  g_assert_cmpint (kaa_in_progress_wait_int (first, -1, NULL), ==, 1);
  settle_down ();
  assert_finalize (first);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/in-progress-follow/resolved", test_follow);
  g_test_add_func ("/in-progress-follow/failed", test_follow_error);
  g_test_add_func ("/in-progress-follow/circle", test_follow_circle);
  g_test_add_func ("/in-progress-follow/abort", test_follow_abort);
  g_test_add_func ("/in-progress-follow/chain", test_follow_chain);

  return g_test_run ();
}

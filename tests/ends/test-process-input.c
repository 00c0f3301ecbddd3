/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* communicate(): input that cannot be written. */

#include "channel/write-faults.h"
#include "ends/process-fixture.h"

#define GONE 1000

typedef struct
{
  int code;
  gsize length;
} Case;

static KaaInProgress *
communicate (KaaProcess *self,
             gsize       length)
{
  GBytes *bytes = g_bytes_new_take (make_pattern (0, length), length);
  KaaInProgress *future = kaa_process_communicate (self, bytes);

  g_bytes_unref (bytes);
  return future;
}

static void
finish (KaaProcess *self)
{
  fault.fd = -1;
  spin_until (!kaa_process_get_running (self));
  finish_process (self);
  assert_no_children ();
}

/* The conversation ends with the error, and the child, whose input has ended, does not wait for more. */
static void
test_fails (gconstpointer data)
{
  const Case *test = data;
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);

  begin_fault (ANY_PIPE, GONE, test->code, 1);
  assert_fails (communicate (self, test->length), g_io_error_from_errno (test->code));
  g_assert_cmpuint (fault.n_failed, ==, 1);
  finish (self);
}

static void
test_passes (gconstpointer data)
{
  const Case *test = data;
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *future;
  GError *error = NULL;
  GBytes *output;

  begin_fault (ANY_PIPE, GONE, test->code, 3);
  future = communicate (self, test->length);
  spin_until (kaa_in_progress_get_finished (future));
  output = kaa_in_progress_get_bytes (future, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (output), ==, test->length);
  assert_pattern (g_bytes_get_data (output, NULL), test->length, 0);
  g_bytes_unref (output);
  g_object_unref (future);
  finish (self);
}

/* A child that does not want it says what it has to say all the same. */
static void
test_not_wanted (gconstpointer data)
{
  const Case *test = data;
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *future;
  GError *error = NULL;
  GBytes *output;

  begin_fault (ANY_PIPE, GONE, test->code, 1);
  future = communicate (self, test->length);
  spin_until (kaa_in_progress_get_finished (future));
  output = kaa_in_progress_get_bytes (future, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (output), ==, GONE);
  g_bytes_unref (output);
  g_object_unref (future);
  finish (self);
}

static void
add (const char    *name,
     int            code,
     GTestDataFunc  func)
{
  static const gsize lengths[] = { 3000, 3000000 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      char *path = g_strdup_printf ("/process-input/%s/%d/%" G_GSIZE_FORMAT, name, code, lengths[i]);
      Case *test = g_new (Case, 1);

      test->code = code;
      test->length = lengths[i];
      g_test_add_data_func_full (path, test, func, g_free);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add ("fails", EIO, test_fails);
  add ("fails", ENOSPC, test_fails);
  add ("fails", EPERM, test_fails);
  add ("fails", EINVAL, test_fails);
  add ("passes", ENOBUFS, test_passes);
  add ("passes", ENOMEM, test_passes);
  add ("not-wanted", EPIPE, test_not_wanted);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole conversations. */

#include "ends/process-fixture.h"

static GBytes *
get_output (KaaInProgress *future) /* taken */
{
  GError *error = NULL;
  GBytes *output;

  spin_until (kaa_in_progress_get_finished (future));
  output = kaa_in_progress_get_bytes (future, &error);
  g_assert_no_error (error);
  g_object_unref (future);
  return output;
}

static KaaInProgress *
communicate (KaaProcess *self,
             const char *input)
{
  GBytes *bytes = input != NULL ? g_bytes_new_static (input, strlen (input)) : NULL;
  KaaInProgress *future = kaa_process_communicate (self, bytes);

  g_clear_pointer (&bytes, g_bytes_unref);
  return future;
}

static void
test_output (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo out; exit 3", KAA_PROCESS_NONE);

  /* It is started if there is no child. */
  assert_bytes (communicate (self, NULL), "out\n");
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 3);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  /* And again, as often as one likes. */
  assert_bytes (communicate (self, NULL), "out\n");
  finish_process (self);
}

static void
test_input (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "tr", "a-z", "A-Z", NULL);

  start (self);
  say (self, "said before, ");
  assert_bytes (communicate (self, "hello"), "SAID BEFORE, HELLO");
  assert_bytes (communicate (self, ""), "");
  finish_process (self);
}

/* Far more than any queue or pipe takes, in both directions at once, with small queues. */
static void
test_large (void)
{
  const gsize size = 8 * 1024 * 1024;
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  guint8 *data = g_malloc (size);
  GBytes *input, *output;

  for (gsize i = 0; i < size; i++)
    data[i] = (guint8) (i * 7 + i / 251);
  input = g_bytes_new_take (data, size);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (self), 5000);

  output = get_output (kaa_process_communicate (self, input));
  g_assert_true (g_bytes_equal (input, output));
  g_bytes_unref (output);
  g_bytes_unref (input);
  finish_process (self);
}

/* Both outputs are drained: neither can block the child. */
static void
test_stderr (void)
{
  KaaProcess *self = kaa_process_new_shell ("head -c 300000 /dev/zero >&2; echo out; head -c 300000 /dev/zero >&2",
                                            KAA_PROCESS_STDERR_PIPE);

  g_assert_null (kaa_process_get_stderr_data (self));
  assert_bytes (communicate (self, NULL), "out\n");
  g_assert_cmpuint (g_bytes_get_size (kaa_process_get_stderr_data (self)), ==, 600000);
  finish_process (self);

  self = kaa_process_new_shell ("echo out", KAA_PROCESS_NONE);
  assert_bytes (communicate (self, NULL), "out\n");
  g_assert_null (kaa_process_get_stderr_data (self));
  finish_process (self);
}

/* Output before and after the exit, and what nobody has read when the conversation begins. */
static void
test_after_exit (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo one; echo two", KAA_PROCESS_NONE);

  start (self);
  assert_line (self, "one\n");
  assert_status (kaa_process_wait (self), 0);
  settle ();
  assert_bytes (communicate (self, NULL), "two\n");
  finish_process (self);
}

/* A child that does not want its input. */
static void
test_input_refused (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "echo", "hello", NULL);
  guint8 *zeros = g_malloc0 (3000000);
  GBytes *input = g_bytes_new_take (zeros, 3000000);

  assert_bytes (kaa_process_communicate (self, input), "hello\n");
  g_bytes_unref (input);
  finish_process (self);

  self = kaa_process_new_shell ("exec <&-; echo hello", KAA_PROCESS_NONE);
  assert_bytes (communicate (self, "unwanted"), "hello\n");
  finish_process (self);
}

/* A grandchild that holds the pipe hangs nobody. */
static void
test_grandchild (void)
{
  KaaProcess *self = kaa_process_new_shell ("sleep 600 <&- & echo $!", KAA_PROCESS_STDERR_PIPE);
  GBytes *output = get_output (communicate (self, NULL));

  kill ((pid_t) g_ascii_strtoll (g_bytes_get_data (output, NULL), NULL, 10), SIGKILL);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  g_bytes_unref (output);
  finish_process (self);
}

/* ... also where the child had ended, and its end was told, before anybody asked. */
static void
test_grandchild_after_exit (void)
{
  KaaProcess *self = kaa_process_new_shell ("sleep 600 <&- & echo $!", KAA_PROCESS_MERGE_STDERR);
  guint *finished = count_emissions (self, "finished");
  GBytes *output;

  start (self);
  spin_until (*finished == 1);
  output = get_output (communicate (self, NULL));
  kill ((pid_t) g_ascii_strtoll (g_bytes_get_data (output, NULL), NULL, 10), SIGKILL);
  g_assert_cmpuint (*finished, ==, 1);
  g_bytes_unref (output);
  finish_process (self);
}

static void
test_errors (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "kaa-no-such-program", NULL);
  KaaInProgress *future = communicate (self, "x");
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_bytes (future, &error));
  g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  g_clear_error (&error);
  g_object_unref (future);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  future = communicate (self, "x");
  assert_fails (communicate (self, NULL), G_IO_ERROR_PENDING);
  assert_bytes (future, "x");
  finish_process (self);

  self = start_shell ("kill -STOP $$", KAA_PROCESS_NONE);
  future = communicate (self, NULL);
  kill (kaa_process_get_pid (self), SIGKILL);
  g_object_run_dispose (G_OBJECT (self));
  assert_fails (future, G_IO_ERROR_CLOSED);
  g_object_unref (self);
  spin_until (!has_children ());
}

/* An aborted conversation leaves the child alone, and the next one goes on where it stopped. */
static void
test_abort (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo one; read line; echo $line; read line; echo $line", KAA_PROCESS_STDERR_PIPE);
  KaaInProgress *future;
  GError *error = NULL;

  start (self);
  say (self, "two\n");
  future = communicate (self, "three\n");
  /* It hears something. */
  spin_until (kaa_io_channel_get_bytes_read (KAA_IO_CHANNEL (self)) > 0);
  if (kaa_in_progress_abort (future, &error))
    {
      assert_fails (future, G_IO_ERROR_CANCELLED);
      future = communicate (self, NULL);
    }
  g_clear_error (&error);
  assert_bytes (future, "one\ntwo\nthree\n");
  finish_process (self);
}

static void
note_done (GObject      *source,
           GAsyncResult *result,
           gpointer      output)
{
  GError *error = NULL;

  *(GBytes **) output = kaa_process_communicate_finish (KAA_PROCESS (source), result, &error);
  g_assert_no_error (error);
}

static void
test_async (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  GBytes *input = g_bytes_new_static ("through", 7), *output = NULL;

  kaa_process_communicate_async (self, input, NULL, note_done, &output);
  /* The conversation keeps the process. */
  g_object_unref (self);
  spin_until (output != NULL);
  g_assert_true (g_bytes_equal (input, output));
  g_bytes_unref (output);
  g_bytes_unref (input);
  settle ();
  assert_no_children ();
}

/* Signals and conversation: handlers hear what they always hear, finished comes before the result. */
static void
note_finished (KaaProcess *self,
               int         status,
               gpointer    user_data)
{
  note ("finished");
}

static void
test_beside_signals (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo one; echo two", KAA_PROCESS_NONE);
  KaaInProgress *future;

  begin_events ();
  g_signal_connect (self, "finished", G_CALLBACK (note_finished), NULL);
  note_signal (KAA_IO_CHANNEL (self), "closed");
  future = communicate (self, NULL);
  note_future (g_object_ref (future), "out");
  assert_bytes (future, "one\ntwo\n");
  assert_events ("hung-up finished out[one|two|]");
  end_events ();
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-communicate/output", test_output);
  g_test_add_func ("/process-communicate/input", test_input);
  g_test_add_func ("/process-communicate/large", test_large);
  g_test_add_func ("/process-communicate/stderr", test_stderr);
  g_test_add_func ("/process-communicate/after-exit", test_after_exit);
  g_test_add_func ("/process-communicate/input-refused", test_input_refused);
  g_test_add_func ("/process-communicate/grandchild", test_grandchild);
  g_test_add_func ("/process-communicate/grandchild-after-exit", test_grandchild_after_exit);
  g_test_add_func ("/process-communicate/abort", test_abort);
  g_test_add_func ("/process-communicate/async", test_async);
  g_test_add_func ("/process-communicate/beside-signals", test_beside_signals);
  g_test_add_func ("/process-communicate/errors", test_errors);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stopping, waiting, signals. */

#include "ends/process-fixture.h"

/* A child that says so when it is ready to be stopped. */
static KaaProcess *
start_ready (const char *command)
{
  char *whole = g_strconcat (command, "; echo ready; while :; do read line || kill -STOP $$; done", NULL);
  KaaProcess *self = start_shell (whole, KAA_PROCESS_NONE);

  assert_line (self, "ready\n");
  g_free (whole);
  return self;
}

static void
test_term (void)
{
  KaaProcess *self = start_ready (":");
  KaaInProgress *stopped = kaa_process_stop (self, 60);

  g_assert_true (kaa_process_get_stopping (self));
  g_assert_true (kaa_process_get_running (self));
  assert_status (stopped, -SIGTERM);
  g_assert_false (kaa_process_get_stopping (self));
  finish_process (self);
}

/* TERM ignored: KILL after the time given, and not before. */
static void
test_kill (void)
{
  KaaProcess *self = start_ready ("trap '' TERM");
  gint64 before = g_get_monotonic_time ();

  assert_status (kaa_process_stop (self, 0.3), -SIGKILL);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 300000);
  finish_process (self);
}

/* Without any time there is nothing to wait for. */
static void
test_kill_at_once (void)
{
  KaaProcess *self = start_ready ("trap '' TERM");

  kaa_process_set_stop_command (self, "quit\n");
  assert_status (kaa_process_stop (self, 0), -SIGKILL);
  finish_process (self);
}

/* A child that ends itself on TERM says with what. */
static void
test_own_status (void)
{
  KaaProcess *self = start_ready ("trap 'exit 12' TERM");

  assert_status (kaa_process_stop (self, 60), 12);
  finish_process (self);
}

/* One that was stopped by a signal hears of it, too. */
static void
test_stopped_child (void)
{
  KaaProcess *self = start_ready (":");

  g_assert_true (kaa_process_send_signal (self, SIGSTOP, NULL));
  assert_status (kaa_process_stop (self, 60), -SIGTERM);
  finish_process (self);
}

static void
test_stop_command (void)
{
  KaaProcess *self = kaa_process_new_shell ("trap '' TERM; while read line; do test \"$line\" = quit && exit 21; done",
                                            KAA_PROCESS_NONE);

  kaa_process_set_stop_command (self, "quit\n");
  start (self);
  assert_status (kaa_process_stop (self, 60), 21);

  /* Where it was heard, no signal follows: not even after a long time. */
  start (self);
  assert_status (kaa_process_stop (self, -1), 21);
  finish_process (self);
}

/* A stop command that nobody obeys is followed by TERM, and that by KILL. */
static void
test_stop_command_ignored (void)
{
  KaaProcess *self = start_ready (":");

  kaa_process_set_stop_command (self, "quit\n");
  assert_status (kaa_process_stop (self, 0.2), -SIGTERM);
  finish_process (self);

  self = start_ready ("trap '' TERM");
  kaa_process_set_stop_command (self, "quit\n");
  assert_status (kaa_process_stop (self, 0.2), -SIGKILL);
  finish_process (self);
}

/* Both end with the child; the earlier moment counts. */
static void
test_twice (void)
{
  KaaProcess *self = start_ready ("trap '' TERM");
  KaaInProgress *first = kaa_process_stop (self, 3600);
  KaaInProgress *second = kaa_process_stop (self, 0);
  KaaInProgress *third = kaa_process_stop (self, 3600);

  assert_status (third, -SIGKILL);
  assert_status (second, -SIGKILL);
  assert_status (first, -SIGKILL);
  finish_process (self);
}

static void
test_not_started (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);

  assert_fails (kaa_process_stop (self, 1), G_IO_ERROR_NOT_INITIALIZED);
  assert_fails (kaa_process_wait (self), G_IO_ERROR_NOT_INITIALIZED);
  start (self);
  assert_status (kaa_process_wait (self), 0);
  /* It has ended already. */
  assert_status (kaa_process_stop (self, 1), 0);
  g_assert_false (kaa_process_get_stopping (self));
  finish_process (self);
}

/* The stop goes on although nobody waits for it: not even the process object is there any more. */
static void
test_stop_and_forget (void)
{
  KaaProcess *self = start_ready ("trap '' TERM");
  gpointer watched = self;

  g_object_add_weak_pointer (G_OBJECT (self), &watched);
  g_object_unref (kaa_process_stop (self, 0.1));
  g_object_unref (self);
  spin_until (watched == NULL);
  assert_no_children ();
}

static void
test_stop_and_dispose (void)
{
  KaaProcess *self = start_ready ("trap '' TERM PIPE HUP");

  g_object_unref (kaa_process_stop (self, 0.1));
  g_object_run_dispose (G_OBJECT (self));
  g_object_unref (self);
  spin_until (!has_children ());
}

/* Aborting gives up the waiting, not the stop; of wait() it leaves the child alone. */
static void
test_abort (void)
{
  KaaProcess *self = start_ready (":");
  KaaInProgress *end = kaa_process_wait (self);
  GError *error = NULL;

  g_assert_true (kaa_in_progress_abort (end, &error));
  g_assert_no_error (error);
  assert_fails (end, G_IO_ERROR_CANCELLED);
  settle ();
  g_assert_true (kaa_process_get_running (self));

  end = kaa_process_stop (self, 60);
  g_assert_true (kaa_in_progress_abort (end, &error));
  assert_fails (end, G_IO_ERROR_CANCELLED);
  assert_status (kaa_process_wait (self), -SIGTERM);
  finish_process (self);
}

static void
note_stop (GObject      *source,
           GAsyncResult *result,
           gpointer      status)
{
  GError *error = NULL;

  *(int *) status = kaa_process_stop_finish (KAA_PROCESS (source), result, &error);
  g_assert_no_error (error);
}

static void
note_wait (GObject      *source,
           GAsyncResult *result,
           gpointer      status)
{
  GError *error = NULL;

  *(int *) status = kaa_process_wait_finish (KAA_PROCESS (source), result, &error);
  g_assert_no_error (error);
}

static void
note_cancelled (GObject      *source,
                GAsyncResult *result,
                gpointer      done)
{
  GError *error = NULL;

  g_assert_cmpint (kaa_process_wait_finish (KAA_PROCESS (source), result, &error), ==, KAA_EXIT_STATUS_UNKNOWN);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_error_free (error);
  *(gboolean *) done = TRUE;
}

static void
test_async (void)
{
  KaaProcess *self = start_ready (":");
  GCancellable *cancellable = g_cancellable_new ();
  int stopped = 0, waited = 0;
  gboolean cancelled = FALSE;

  kaa_process_wait_async (self, cancellable, note_cancelled, &cancelled);
  g_cancellable_cancel (cancellable);
  spin_until (cancelled);
  kaa_process_wait_async (self, NULL, note_wait, &waited);
  kaa_process_stop_async (self, 60, NULL, note_stop, &stopped);
  spin_until (stopped != 0 && waited != 0);
  g_assert_cmpint (stopped, ==, -SIGTERM);
  g_assert_cmpint (waited, ==, -SIGTERM);
  g_object_unref (cancellable);
  finish_process (self);
}

static void
test_send_signal (void)
{
  KaaProcess *self = kaa_process_new_shell ("trap 'echo usr1' USR1; trap 'exit 0' TERM; echo ready; "
                                            /* A signal may interrupt one of them. */
                                            "for i in 1 2 3; do read line; done", KAA_PROCESS_NONE);
  GError *error = NULL;

  g_assert_false (kaa_process_send_signal (self, SIGUSR1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);

  start (self);
  assert_line (self, "ready\n");
  g_assert_true (kaa_process_send_signal (self, SIGUSR1, &error));
  say (self, "\n");
  assert_line (self, "usr1\n");
  g_assert_false (kaa_process_send_signal (self, 4711, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  assert_status (kaa_process_stop (self, 60), 0);

  /* Never to a number that was reaped. */
  g_assert_false (kaa_process_send_signal (self, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  finish_process (self);
}

/* ... and not if somebody else has reaped it, and we do not know yet. */
static void
test_signal_after_strange_reaping (void)
{
  KaaProcess *self = start_shell ("exit 0", KAA_PROCESS_NONE);
  GError *error = NULL;

  g_assert_cmpint (waitpid (kaa_process_get_pid (self), NULL, 0), ==, kaa_process_get_pid (self));
  g_assert_false (kaa_process_send_signal (self, SIGTERM, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  finish_process (self);
}

static gpointer
try_in_thread (gpointer data)
{
  KaaProcess *self = data;
  KaaInProgress *stopped;
  GError *error = NULL;

  g_assert_false (kaa_process_send_signal (self, SIGTERM, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  stopped = kaa_process_stop (self, 0);
  g_assert_cmpint (kaa_in_progress_wait_int (stopped, -1, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_object_unref (stopped);
  return NULL;
}

static gpointer
drop_in_thread (gpointer data)
{
  g_object_unref (data);
  return NULL;
}

static void
test_other_thread (void)
{
  KaaProcess *self = start_ready (":");
  gpointer watched = self;

  g_thread_join (g_thread_new ("other", try_in_thread, self));
  g_assert_true (kaa_process_get_running (self));

  /* The last reference may go anywhere. */
  settle ();
  g_object_add_weak_pointer (G_OBJECT (self), &watched);
  kill (kaa_process_get_pid (self), SIGKILL);
  g_thread_join (g_thread_new ("other", drop_in_thread, self));
  spin_until (watched == NULL);
  spin_until (!has_children ());
}

/* In a forked child the process is somebody else's: it is neither signalled nor waited for. */
static void
test_forked (void)
{
  KaaProcess *self = start_ready (":");
  pid_t fork_pid = fork ();
  int status;

  if (fork_pid == 0)
    {
      if (kaa_process_send_signal (self, SIGKILL, NULL))
        _exit (1);
      g_object_unref (kaa_process_stop (self, 0));
      g_object_run_dispose (G_OBJECT (self));
      /* It is looked at for leaks, too. */
      g_object_unref (self);
      _exit (0);
    }

  g_assert_cmpint (waitpid (fork_pid, &status, 0), ==, fork_pid);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  settle ();
  g_assert_true (kaa_process_get_running (self));
  assert_status (kaa_process_stop (self, 60), -SIGTERM);
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-stop/term", test_term);
  g_test_add_func ("/process-stop/kill", test_kill);
  g_test_add_func ("/process-stop/kill-at-once", test_kill_at_once);
  g_test_add_func ("/process-stop/own-status", test_own_status);
  g_test_add_func ("/process-stop/stopped-child", test_stopped_child);
  g_test_add_func ("/process-stop/stop-command", test_stop_command);
  g_test_add_func ("/process-stop/stop-command-ignored", test_stop_command_ignored);
  g_test_add_func ("/process-stop/twice", test_twice);
  g_test_add_func ("/process-stop/not-started", test_not_started);
  g_test_add_func ("/process-stop/stop-and-forget", test_stop_and_forget);
  g_test_add_func ("/process-stop/stop-and-dispose", test_stop_and_dispose);
  g_test_add_func ("/process-stop/abort", test_abort);
  g_test_add_func ("/process-stop/async", test_async);
  g_test_add_func ("/process-stop/send-signal", test_send_signal);
  g_test_add_func ("/process-stop/signal-after-strange-reaping", test_signal_after_strange_reaping);
  g_test_add_func ("/process-stop/other-thread", test_other_thread);
  g_test_add_func ("/process-stop/forked", test_forked);
  return g_test_run ();
}

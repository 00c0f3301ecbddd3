/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Groups and sessions, and children that die with their parent. */

#include "ends/process-fixture.h"

/* A pipe that has its end when the last one who holds the other one has gone. */
static void
assert_end (int read_end) /* taken */
{
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (read_end, KAA_IO_READ, NULL);

  assert_bytes (kaa_io_channel_read (channel), "");
  g_object_unref (channel);
}

/* The programs of a shell hold a pipe, as 9: it is in its place when a byte has come. */
static KaaProcess *
start_family (const char      *command,
              KaaProcessFlags  flags,
              int             *read_end)
{
  KaaProcess *self = kaa_process_new_shell (command, flags);
  int write_end;
  char byte;

  make_pipe (read_end, &write_end);
  g_assert_true (kaa_process_take_fd (self, write_end, 9, NULL));
  start (self);
  g_assert_cmpint (read (*read_end, &byte, 1), ==, 1);
  return self;
}

static const KaaProcessFlags leaders[] = { KAA_PROCESS_NEW_GROUP, KAA_PROCESS_NEW_SESSION, KAA_PROCESS_PTY,
                                           KAA_PROCESS_NEW_GROUP | KAA_PROCESS_NEW_SESSION | KAA_PROCESS_PTY };

static void
test_ids (void)
{
  const struct { KaaProcessFlags flags; gboolean group, session; } cases[] = {
    { KAA_PROCESS_NONE, FALSE, FALSE },
    { KAA_PROCESS_NEW_GROUP, TRUE, FALSE },
    { KAA_PROCESS_NEW_SESSION, TRUE, TRUE },
    { KAA_PROCESS_NEW_SESSION | KAA_PROCESS_NEW_GROUP, TRUE, TRUE },
    { KAA_PROCESS_PTY, TRUE, TRUE },
    { KAA_PROCESS_PTY | KAA_PROCESS_NEW_SESSION | KAA_PROCESS_NEW_GROUP, TRUE, TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      KaaProcess *self = new_process (cases[i].flags, "sleep", "600", NULL);
      pid_t pid;

      start (self);
      pid = kaa_process_get_pid (self);
      g_assert_cmpint (getpgid (pid), ==, cases[i].group ? pid : getpgid (0));
      g_assert_cmpint (getsid (pid), ==, cases[i].session ? pid : getsid (0));
      finish_process (self);
    }
}

/* stop() reaches the programs of a shell, which would not hear of its end. */
static void
test_stop (void)
{
  const double seconds[] = { 60, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (leaders); i++)
    for (guint j = 0; j < G_N_ELEMENTS (seconds); j++)
      {
        int read_end;
        KaaProcess *self = start_family ("(trap '' HUP; printf x >&9; exec sleep 600) & wait; :", leaders[i], &read_end);

        assert_status (kaa_process_stop (self, seconds[j]), j == 0 ? -SIGTERM : -SIGKILL);
        assert_end (read_end);
        finish_process (self);
      }
}

/* Without a group of its own they live on, as ever. */
static void
test_stop_alone (void)
{
  int read_end;
  KaaProcess *self = start_family ("sh -c 'echo $$; printf x >&9; exec sleep 600' & wait; :", KAA_PROCESS_NONE, &read_end);
  KaaInProgress *line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));
  GBytes *bytes;
  char byte;

  spin_until (kaa_in_progress_get_finished (line));
  bytes = kaa_in_progress_get_bytes (line, NULL);
  assert_status (kaa_process_stop (self, 60), -SIGTERM);
  fcntl (read_end, F_SETFL, O_NONBLOCK);
  g_assert_cmpint (read (read_end, &byte, 1), ==, -1);
  kill ((pid_t) g_ascii_strtoll (g_bytes_get_data (bytes, NULL), NULL, 10), SIGKILL);
  assert_end (read_end);
  g_bytes_unref (bytes);
  g_object_unref (line);
  finish_process (self);
}

/* One of the group does not obey, while its leader does: it is killed when the time is up, and not before. */
static void
test_survivor (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (leaders); i++)
    {
      int read_end;
      KaaProcess *self = start_family ("(trap '' TERM HUP; printf x >&9; exec sleep 600) & wait; :", leaders[i], &read_end);
      gint64 before = g_get_monotonic_time ();

      assert_status (kaa_process_stop (self, 0.5), -SIGTERM);
      assert_end (read_end);
      g_assert_cmpint (g_get_monotonic_time () - before, >=, 500000);
      finish_process (self);
    }
}

/* ... even if the process object has gone meanwhile. */
static void
test_survivor_alone (void)
{
  int read_end;
  KaaProcess *self = start_family ("(trap '' TERM; printf x >&9; exec sleep 600) & wait; :", KAA_PROCESS_NEW_GROUP, &read_end);
  gpointer watched = self;

  assert_status (kaa_process_stop (self, 0.2), -SIGTERM);
  g_object_add_weak_pointer (G_OBJECT (self), &watched);
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_IMMEDIATE));
  g_object_unref (self);
  spin_until (watched == NULL);
  assert_end (read_end);
}

/* A loop that goes takes what is left of the group with it. */
static void
test_survivor_and_context (void)
{
  GMainContext *context = g_main_context_new ();
  int read_end;
  KaaProcess *self;
  KaaInProgress *stopped;

  g_main_context_push_thread_default (context);
  self = start_family ("(trap '' TERM; printf x >&9; exec sleep 600) & wait; :", KAA_PROCESS_NEW_GROUP, &read_end);
  stopped = kaa_process_stop (self, 3600);
  while (!kaa_in_progress_get_finished (stopped))
    g_main_context_iteration (context, TRUE);
  g_object_unref (stopped);
  g_object_unref (self);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  assert_end (read_end);
}

static void
test_send_signal (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (leaders); i++)
    {
      int read_end;
      KaaProcess *self = start_family ("trap : USR1; (printf x >&9; exec sleep 600) & wait; exec 9>&-; read line", leaders[i], &read_end);
      GError *error = NULL;

      g_assert_true (kaa_process_send_signal (self, SIGUSR1, &error));
      g_assert_no_error (error);
      assert_end (read_end);
      g_assert_false (kaa_process_send_signal (self, 4711, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
      finish_process (self);
    }
}

/* A group that was stopped by a signal hears of TERM. */
static void
test_stopped_group (void)
{
  int read_end;
  KaaProcess *self = start_family ("(printf x >&9; exec sleep 600) & wait; :", KAA_PROCESS_NEW_GROUP, &read_end);

  g_assert_true (kaa_process_send_signal (self, SIGSTOP, NULL));
  assert_status (kaa_process_stop (self, 60), -SIGTERM);
  assert_end (read_end);
  finish_process (self);
}

/* A leader that somebody else has reaped: the number may be a stranger's. */
static void
test_strange_reaping (void)
{
  KaaProcess *self = kaa_process_new_shell ("exit 0", KAA_PROCESS_NEW_GROUP);
  GError *error = NULL;

  start (self);
  g_assert_cmpint (waitpid (kaa_process_get_pid (self), NULL, 0), >, 0);
  g_assert_false (kaa_process_send_signal (self, SIGTERM, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  finish_process (self);
}

/* --- dying with the parent --- */

/* A process that starts a child that holds write_end, and ends. */
static void
be_parent (int      write_end,
           gboolean launch)
{
  const char *argv[] = { "sh", "-c", "printf x >&9; exec sleep 600", NULL };
  KaaProcess *self = kaa_process_new (argv, KAA_PROCESS_DIE_WITH_PARENT | KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDOUT_INHERIT);

  kaa_process_take_fd (self, write_end, 9, NULL);
  if (launch)
    kaa_in_progress_wait (kaa_process_launch (self), -1, NULL);
  else
    kaa_process_start (self, NULL);
  for (;;)
    pause ();
}

static void
test_die_with_parent (gconstpointer launch)
{
  int read_end, write_end;
  pid_t parent;
  char byte;

  make_pipe (&read_end, &write_end);
  parent = fork ();
  if (parent == 0)
    be_parent (write_end, GPOINTER_TO_INT (launch));
  close (write_end);
  g_assert_cmpint (read (read_end, &byte, 1), ==, 1);
  kill (parent, SIGKILL);
  g_assert_cmpint (waitpid (parent, NULL, 0), ==, parent);
  assert_end (read_end);
}

/* A thread that has started a child, and ends. */
typedef struct
{
  GMainContext *context;
  KaaProcess *self;
  pid_t pid;
} Starter;

static gpointer
start_in_thread (gpointer data)
{
  Starter *starter = data;

  g_main_context_push_thread_default (starter->context);
  starter->self = new_process (KAA_PROCESS_DIE_WITH_PARENT, "sleep", "600", NULL);
  start (starter->self);
  starter->pid = kaa_process_get_pid (starter->self);
  g_main_context_pop_thread_default (starter->context);
  return NULL;
}

/* It is the thread that counts for start() ... */
static void
test_start_in_thread (void)
{
  Starter starter = { g_main_context_new (), NULL, 0 };
  siginfo_t info;

  g_thread_join (g_thread_new ("starter", start_in_thread, &starter));
  g_assert_cmpint (waitid (P_PID, (id_t) starter.pid, &info, WEXITED | WNOWAIT), ==, 0);
  g_assert_cmpint (info.si_status, ==, SIGKILL);
  g_main_context_unref (starter.context);
  g_assert_finalize_object (starter.self);
  /* A thread does the rest. */
  while (has_children ())
    g_thread_yield ();
}

/* ... and the process for launch(), whose thread stays until the child has ended. */
static void
test_launch_lives (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_DIE_WITH_PARENT, "cat", NULL);
  KaaInProgress *launch = kaa_process_launch (self);

  spin_until (kaa_in_progress_get_finished (launch));
  g_assert_true (kaa_in_progress_get_boolean (launch, NULL));
  g_object_unref (launch);
  say (self, "alive\n");
  assert_line (self, "alive\n");
  say (self, "still\n");
  assert_line (self, "still\n");
  assert_status (kaa_process_stop (self, 60), -SIGTERM);
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/process-group/die-with-parent/start", GINT_TO_POINTER (FALSE), test_die_with_parent);
  g_test_add_data_func ("/process-group/die-with-parent/launch", GINT_TO_POINTER (TRUE), test_die_with_parent);
  g_test_add_func ("/process-group/die-with-parent/start-in-thread", test_start_in_thread);
  g_test_add_func ("/process-group/die-with-parent/launch-lives", test_launch_lives);
  g_test_add_func ("/process-group/ids", test_ids);
  g_test_add_func ("/process-group/stop", test_stop);
  g_test_add_func ("/process-group/stop-alone", test_stop_alone);
  g_test_add_func ("/process-group/survivor", test_survivor);
  g_test_add_func ("/process-group/survivor-alone", test_survivor_alone);
  g_test_add_func ("/process-group/survivor-and-context", test_survivor_and_context);
  g_test_add_func ("/process-group/send-signal", test_send_signal);
  g_test_add_func ("/process-group/stopped-group", test_stopped_group);
  g_test_add_func ("/process-group/strange-reaping", test_strange_reaping);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The end of a child: exited, finished, and that nothing is left of it. */

#include "ends/process-fixture.h"

static void
note_exited (KaaProcess *self,
             int         status,
             gpointer    user_data)
{
  char *event = g_strdup_printf ("exited[%d]", status);

  g_assert_cmpint (kaa_process_get_exit_status (self), ==, status);
  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_pid (self), ==, 0);
  note (event);
  g_free (event);
}

static void
note_finished (KaaProcess *self,
               int         status,
               gpointer    user_data)
{
  char *event = g_strdup_printf ("finished[%d]", status);

  note (event);
  g_free (event);
  *(gboolean *) user_data = TRUE;
}

static gboolean is_finished;

static void
note_ends (KaaProcess *self)
{
  is_finished = FALSE;
  g_signal_connect (self, "exited", G_CALLBACK (note_exited), NULL);
  g_signal_connect (self, "finished", G_CALLBACK (note_finished), &is_finished);
}

/* 0 to 255 as the child says, or minus the signal. */
static void
test_status (void)
{
  const struct { const char *command; int status; } cases[] = {
    { "exit 0", 0 }, { "exit 3", 3 }, { "exit 255", 255 }, { "kill -TERM $$", -SIGTERM }, { "kill -KILL $$", -SIGKILL },
    { "ulimit -c 0; kill -ABRT $$", -SIGABRT },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      KaaProcess *self = start_shell (cases[i].command, KAA_PROCESS_NONE);

      assert_status (kaa_process_wait (self), cases[i].status);
      g_assert_cmpint (kaa_process_get_exit_status (self), ==, cases[i].status);
      /* Who asks later gets the same. */
      assert_status (kaa_process_wait (self), cases[i].status);
      finish_process (self);
    }
}

/* The signals, without anybody who reads. */
static void
test_exited_then_finished (void)
{
  KaaProcess *self = kaa_process_new_shell ("exit 7", KAA_PROCESS_NONE);

  begin_events ();
  note_ends (self);
  start (self);
  spin_until (is_finished);
  settle ();
  assert_events ("exited[7] finished[7]");
  end_events ();
  finish_process (self);
}

/* Everything is delivered before finished, and the close comes before it too. */
static void
test_output_before_finished (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo one; echo two; printf three; echo err >&2; exit 1", KAA_PROCESS_STDERR_PIPE);
  gulong exited;

  begin_events ();
  note_ends (self);
  exited = g_signal_handler_find (self, G_SIGNAL_MATCH_FUNC, 0, 0, NULL, note_exited, NULL);
  g_signal_handler_disconnect (self, exited);
  note_signal (KAA_IO_CHANNEL (self), "readline");
  note_signal (KAA_IO_CHANNEL (self), "closed");
  start (self);
  spin_until (is_finished);
  assert_events ("L[one|] L[two|] L[three] hung-up finished[1]");
  end_events ();
  finish_process (self);
}

/* Output before the exit is not lost, even if it is much more than any queue, and read slowly. */
static void
test_much_output (void)
{
  KaaProcess *self = kaa_process_new_shell ("head -c 5000000 /dev/zero", KAA_PROCESS_NONE);
  GByteArray *output = g_byte_array_new ();

  begin_events ();
  note_ends (self);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (self), 4096);
  kaa_io_channel_set_chunk_size (KAA_IO_CHANNEL (self), 1000);
  collect_into (KAA_IO_CHANNEL (self), "read", output);
  start (self);
  spin_until (is_finished);
  g_assert_cmpuint (output->len, ==, 5000000);
  g_byte_array_unref (output);
  end_events ();
  finish_process (self);
}

/* What is in the pipe when the child has gone is still there for who comes late. */
static void
test_output_after_exit (void)
{
  KaaProcess *self = start_shell ("echo one; echo two", KAA_PROCESS_NONE);

  assert_status (kaa_process_wait (self), 0);
  settle ();
  assert_line (self, "one\n");
  assert_line (self, "two\n");
  assert_line (self, "");
  finish_process (self);
}

/* Unheard output counts as abandoned, and can be read all the same. */
static void
test_unheard_output (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo unheard", KAA_PROCESS_NONE);

  begin_events ();
  note_ends (self);
  start (self);
  spin_until (is_finished);
  assert_events ("exited[0] finished[0]");
  assert_output (self, "unheard\n");
  end_events ();
  finish_process (self);
}

/* Who has blocked his handler, or paused the channel, will want the output: finished waits. */
static void
test_finished_waits_for_blocked (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo heard", KAA_PROCESS_NONE);
  gulong id;

  begin_events ();
  note_ends (self);
  id = note_signal (KAA_IO_CHANNEL (self), "readline");
  g_signal_handler_block (self, id);
  start (self);
  assert_status (kaa_process_wait (self), 0);
  settle ();
  assert_events ("exited[0]");
  g_signal_handler_unblock (self, id);
  spin_until (is_finished);
  assert_events ("L[heard|] finished[0]");
  end_events ();
  finish_process (self);
}

/* ... until he goes away. */
static void
test_finished_when_listener_goes (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo unheard", KAA_PROCESS_NONE);
  gulong id;

  begin_events ();
  note_ends (self);
  id = note_signal (KAA_IO_CHANNEL (self), "readline");
  g_signal_handler_block (self, id);
  start (self);
  assert_status (kaa_process_wait (self), 0);
  settle ();
  assert_events ("exited[0]");
  assert_at_rest ();
  g_signal_handler_disconnect (self, id);
  spin_until (is_finished);
  assert_events ("finished[0]");
  end_events ();
  finish_process (self);
}

/* The child closes its output long before it ends. */
static void
test_output_ends_before_exit (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo done; exec >&- ; read line; exit 4", KAA_PROCESS_NONE);

  kaa_io_channel_set_close_on_eof (KAA_IO_CHANNEL (self), FALSE);
  start (self);
  assert_line (self, "done\n");
  assert_line (self, "");
  g_assert_true (kaa_process_get_running (self));
  say (self, "go\n");
  assert_status (kaa_process_wait (self), 4);
  finish_process (self);
}

/* Each child is reaped, and once: a status that somebody else has taken is not known, and nobody waits for it for ever. */
static void
test_reaped_by_somebody_else (void)
{
  KaaProcess *self = start_shell ("exit 3", KAA_PROCESS_NONE);
  int status;

  begin_events ();
  note_ends (self);
  g_assert_cmpint (waitpid (kaa_process_get_pid (self), &status, 0), ==, kaa_process_get_pid (self));
  spin_until (is_finished);
  assert_events ("exited[-256] finished[-256]");
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, KAA_EXIT_STATUS_UNKNOWN);
  end_events ();
  finish_process (self);
}

static void
test_sigchld_ignored (void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
  KaaProcess *self;

  sigaction (SIGCHLD, &ignore, &before);
  self = start_shell ("exit 3", KAA_PROCESS_NONE);
  assert_status (kaa_process_wait (self), KAA_EXIT_STATUS_UNKNOWN);
  sigaction (SIGCHLD, &before, NULL);
  finish_process (self);
}

/* Other people's children are left to them. */
static void
test_strange_children (void)
{
  KaaProcess *self;
  pid_t stranger = fork ();
  int status;

  if (stranger == 0)
    _exit (42);
  self = start_shell ("exit 1", KAA_PROCESS_NONE);
  assert_status (kaa_process_wait (self), 1);
  settle ();
  g_assert_cmpint (waitpid (stranger, &status, 0), ==, stranger);
  g_assert_cmpint (WEXITSTATUS (status), ==, 42);
  finish_process (self);
}

/* Nobody listens and the last reference goes: the pipes are closed, the child finds its end, and is reaped. */
static void
test_dropped_while_running (void)
{
  guint before = count_fds ();
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  gpointer watched = self;

  g_object_add_weak_pointer (G_OBJECT (self), &watched);
  start (self);
  g_object_unref (self);
  spin_until (watched == NULL);
  spin_until (!has_children ());
  settle ();
  g_assert_cmpuint (count_fds (), <=, before);
}

/* Somebody who waits for the end is kept, and with him the process. */
static void
test_held_until_the_end (void)
{
  KaaProcess *self = kaa_process_new_shell ("read line; exit 2", KAA_PROCESS_NONE);
  gpointer watched = self;
  int pid;

  begin_events ();
  note_ends (self);
  g_object_add_weak_pointer (G_OBJECT (self), &watched);
  start (self);
  pid = kaa_process_get_pid (self);
  g_object_unref (self);
  settle ();
  g_assert_nonnull (watched);
  kill (pid, SIGUSR1);
  spin_until (watched == NULL);
  assert_events ("exited[-10] finished[-10]");
  end_events ();
  assert_no_children ();
}

/* The channel is closed before the child ends: it is reaped all the same, and its end is told. */
static void
test_closed_before_exit (void)
{
  KaaProcess *self = kaa_process_new_shell ("cat; exit 6", KAA_PROCESS_NONE);

  begin_events ();
  note_ends (self);
  note_signal (KAA_IO_CHANNEL (self), "closed");
  start (self);
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_NONE));
  spin_until (is_finished);
  assert_events ("closed exited[6] finished[6]");
  end_events ();
  finish_process (self);
}

/* After run_dispose() nothing is emitted, who waits is told, and the child is reaped. */
static void
test_disposed_while_running (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *end;

  begin_events ();
  start (self);
  note_ends (self);
  end = kaa_process_wait (self);
  g_object_run_dispose (G_OBJECT (self));
  g_assert_false (kaa_process_get_running (self));
  assert_fails (end, G_IO_ERROR_CLOSED);
  spin_until (!has_children ());
  settle ();
  assert_events ("");
  end_events ();
  g_object_unref (self);
}

/* The main context goes first: who waits is told, and a thread reaps what is left. */
static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaProcess *self;
  KaaInProgress *end;
  GError *error = NULL;

  g_main_context_push_thread_default (context);
  self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  start (self);
  end = kaa_process_wait (self);
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_in_progress_get_int (end, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (kaa_process_start (self, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_object_unref (end);
  g_object_unref (self);
  while (has_children ())
    g_thread_yield ();
}

/* Writing to a child that has gone: an error, and no SIGPIPE. A grandchild keeps the output open, and the channel with it. */
static void
test_write_after_exit (void)
{
  /* Its own input is something else by the time it says its number; a test that fails must not leave it with our descriptors. */
  KaaProcess *self = start_shell ("sh -c 'echo $$; exec sleep 600' </dev/null & exit 1", KAA_PROCESS_MERGE_STDERR);
  KaaInProgress *line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));
  GBytes *bytes;

  kaa_process_set_close_on_exit (self, FALSE);
  spin_until (kaa_in_progress_get_finished (line));
  bytes = kaa_in_progress_get_bytes (line, NULL);
  assert_status (kaa_process_wait (self), 1);
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  assert_fails (kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) "x", 1), G_IO_ERROR_BROKEN_PIPE);
  g_assert_error (kaa_io_channel_get_error (KAA_IO_CHANNEL (self)), G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  kill ((pid_t) g_ascii_strtoll (g_bytes_get_data (bytes, NULL), NULL, 10), SIGKILL);
  assert_line (self, "");
  g_bytes_unref (bytes);
  g_object_unref (line);
  finish_process (self);
}

/* A child that does not want its input goes on with its output. */
static void
test_output_after_broken_input (void)
{
  KaaProcess *self = start_shell ("exec <&-; echo ready; kill -STOP $$; echo late", KAA_PROCESS_NONE);
  siginfo_t info;

  assert_line (self, "ready\n");
  while (waitid (P_PID, kaa_process_get_pid (self), &info, WSTOPPED) != 0 || info.si_code != CLD_STOPPED)
    ;
  assert_fails (kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) "x", 1), G_IO_ERROR_BROKEN_PIPE);
  settle ();
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  g_assert_false (kaa_io_channel_get_writable (KAA_IO_CHANNEL (self)));
  g_assert_true (kaa_process_send_signal (self, SIGCONT, NULL));
  assert_line (self, "late\n");
  assert_line (self, "");
  finish_process (self);
}

/* --- Re-entrancy: everything may be done in the handlers --- */

typedef void (*Deed) (KaaProcess *self);

static void
do_close (KaaProcess *self)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_NONE));
}

static void
do_close_now (KaaProcess *self)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_IMMEDIATE));
}

static void
do_wrap (KaaProcess *self)
{
  int fd, other;

  make_sockets (&fd, &other);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (self), fd, KAA_IO_READ | KAA_IO_WRITE, NULL));
  close (other);
}

static void
do_dispose (KaaProcess *self)
{
  g_object_run_dispose (G_OBJECT (self));
}

static void
do_wait (KaaProcess *self)
{
  KaaInProgress *end = kaa_process_wait (self);

  g_assert_cmpint (kaa_in_progress_wait_int (end, -1, NULL), ==, 9);
  g_object_unref (end);
}

static void
do_stop (KaaProcess *self)
{
  KaaInProgress *end = kaa_process_stop (self, 1);

  g_assert_cmpint (kaa_in_progress_wait_int (end, -1, NULL), ==, 9);
  g_object_unref (end);
}

static void
do_read (KaaProcess *self)
{
  KaaInProgress *future = kaa_io_channel_read (KAA_IO_CHANNEL (self));
  GBytes *bytes = kaa_in_progress_wait_bytes (future, -1, NULL);

  g_clear_pointer (&bytes, g_bytes_unref);
  g_object_unref (future);
}

static void
do_nest (KaaProcess *self)
{
  settle ();
}

static void
do_drop (KaaProcess *self)
{
  g_object_unref (self);
}

static Deed the_deed;
static guint n_deeds;

static void
do_it (KaaProcess *self,
       int         status,
       gpointer    user_data)
{
  g_assert_cmpint (status, ==, 9);
  n_deeds++;
  the_deed (self);
}

static void
note_gone (gpointer gone)
{
  *(gboolean *) gone = TRUE;
}

static void
test_reentrancy (void)
{
  const char *signals[] = { "exited", "finished" };
  const Deed deeds[] = { do_close, do_close_now, do_wrap, do_dispose, do_wait, do_stop, do_read, do_nest, do_drop };

  for (guint s = 0; s < G_N_ELEMENTS (signals); s++)
    for (guint i = 0; i < G_N_ELEMENTS (deeds); i++)
      for (guint listener = 0; listener < 2; listener++)
        {
          KaaProcess *self = kaa_process_new_shell ("echo output; exit 9", KAA_PROCESS_NONE);
          gboolean gone = FALSE;

          begin_events ();
          n_deeds = 0;
          the_deed = deeds[i];
          /* Weak pointers would be gone with a dispose already. */
          g_object_set_data_full (G_OBJECT (self), "gone", &gone, note_gone);
          g_signal_connect (self, signals[s], G_CALLBACK (do_it), NULL);
          if (listener)
            note_signal (KAA_IO_CHANNEL (self), "readline");
          start (self);
          spin_until (n_deeds == 1);
          settle ();
          if (the_deed != do_drop)
            {
              g_object_ref (self);
              finish_process (self);
              g_object_unref (self);
            }
          spin_until (gone);
          g_assert_cmpuint (n_deeds, ==, 1);
        }
  end_events ();
  assert_no_children ();
}

static void
start_again (KaaProcess *self,
             int         status,
             gpointer    n)
{
  if (++*(guint *) n < 3)
    start (self);
}

/* The same object is started again in a handler: each run has one exited and one finished, in order. */
static void
test_restart_in_handlers (void)
{
  const char *signals[] = { "exited", "finished" };

  for (guint s = 0; s < G_N_ELEMENTS (signals); s++)
    {
      KaaProcess *self = kaa_process_new_shell ("exit 1", KAA_PROCESS_NONE);
      guint n = 0;
      guint *finished;

      begin_events ();
      note_ends (self);
      finished = count_emissions (self, "finished");
      g_signal_connect (self, signals[s], G_CALLBACK (start_again), &n);
      start (self);
      spin_until (*finished == 3);
      settle ();
      assert_events ("exited[1] finished[1] exited[1] finished[1] exited[1] finished[1]");
      end_events ();
      finish_process (self);
    }
}

/* 1,000 children started and stopped leave no zombie and no descriptor; a hundred run at a time. */
static void
test_thousand (void)
{
  guint before = count_fds ();
  KaaProcess *processes[100];

  for (guint round = 0; round < 10; round++)
    {
      KaaInProgress *ends[G_N_ELEMENTS (processes)];

      for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
        {
          processes[i] = new_process (i % 2 == 0 ? KAA_PROCESS_NONE : KAA_PROCESS_STDERR_PIPE, "cat", NULL);
          start (processes[i]);
        }
      for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
        {
          say (processes[i], "x\n");
          assert_line (processes[i], "x\n");
          ends[i] = kaa_process_stop (processes[i], 10);
        }
      for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
        {
          assert_status (ends[i], -SIGTERM);
          g_object_unref (processes[i]);
        }
    }
  settle ();
  assert_no_children ();
  g_assert_cmpuint (count_fds (), <=, before);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* What a first use keeps open is not a leak. */
  settle ();
  g_test_add_func ("/process-end/status", test_status);
  g_test_add_func ("/process-end/exited-then-finished", test_exited_then_finished);
  g_test_add_func ("/process-end/output-before-finished", test_output_before_finished);
  g_test_add_func ("/process-end/much-output", test_much_output);
  g_test_add_func ("/process-end/output-after-exit", test_output_after_exit);
  g_test_add_func ("/process-end/unheard-output", test_unheard_output);
  g_test_add_func ("/process-end/finished-waits-for-blocked", test_finished_waits_for_blocked);
  g_test_add_func ("/process-end/finished-when-listener-goes", test_finished_when_listener_goes);
  g_test_add_func ("/process-end/output-ends-before-exit", test_output_ends_before_exit);
  g_test_add_func ("/process-end/reaped-by-somebody-else", test_reaped_by_somebody_else);
  g_test_add_func ("/process-end/sigchld-ignored", test_sigchld_ignored);
  g_test_add_func ("/process-end/strange-children", test_strange_children);
  g_test_add_func ("/process-end/dropped-while-running", test_dropped_while_running);
  g_test_add_func ("/process-end/held-until-the-end", test_held_until_the_end);
  g_test_add_func ("/process-end/closed-before-exit", test_closed_before_exit);
  g_test_add_func ("/process-end/disposed-while-running", test_disposed_while_running);
  g_test_add_func ("/process-end/context-gone", test_context_gone);
  g_test_add_func ("/process-end/write-after-exit", test_write_after_exit);
  g_test_add_func ("/process-end/output-after-broken-input", test_output_after_broken_input);
  g_test_add_func ("/process-end/reentrancy", test_reentrancy);
  g_test_add_func ("/process-end/restart-in-handlers", test_restart_in_handlers);
  g_test_add_func ("/process-end/thousand", test_thousand);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* launch(): starting without blocking the loop. A disk that does not answer is played by a lease on the program's file: whoever
 * executes it waits until the lease is given back, for lease-break-time seconds at most (45). */

#include "ends/process-fixture.h"

#include <glib/gstdio.h>

#include <fcntl.h>
#include <poll.h>

static void
assert_true (KaaInProgress *future) /* taken */
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_true (kaa_in_progress_get_boolean (future, &error));
  g_assert_no_error (error);
  g_object_unref (future);
}

static void
assert_launch_fails (KaaInProgress *future, /* taken */
                     GQuark         domain,
                     int            code)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_false (kaa_in_progress_get_boolean (future, &error));
  g_assert_error (error, domain, code);
  g_error_free (error);
  g_object_unref (future);
}

/* The channel is there at once: what is written and asked waits. */
static void
test_launch (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_STDERR_PIPE, "cat", NULL);
  KaaInProgress *launch = kaa_process_launch (self);
  KaaInProgress *line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));

  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_pid (self), ==, 0);
  say (self, "early\n");
  assert_true (launch);
  g_assert_true (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_pid (self), >, 0);
  assert_bytes (line, "early\n");
  say (self, "late\n");
  assert_line (self, "late\n");
  finish_process (self);
}

static void
test_pty (void)
{
  KaaProcess *self = kaa_process_new_shell ("stty -echo; read line; echo got $line", KAA_PROCESS_PTY);

  assert_true (kaa_process_launch (self));
  say (self, "x\n");
  spin_until (!kaa_process_get_running (self));
  finish_process (self);
}

/* Signals come in their order, and it may be launched and started again. */
static void
test_again (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo run; exit 4", KAA_PROCESS_NONE);
  guint *exited = count_emissions (self, "exited");
  guint *finished = count_emissions (self, "finished");

  for (guint i = 1; i <= 4; i++)
    {
      if (i % 2)
        assert_true (kaa_process_launch (self));
      else
        start (self);
      g_assert_cmpint (kaa_process_get_exit_status (self), ==, KAA_EXIT_STATUS_UNKNOWN);
      assert_output (self, "run\n");
      spin_until (*exited == i && *finished == i);
      g_assert_cmpint (kaa_process_get_exit_status (self), ==, 4);
    }
  finish_process (self);
}

static void
test_errors (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_STDERR_PIPE, "kaa-no-such-program", NULL);
  KaaInProgress *line;
  guint before = count_fds ();

  begin_events ();
  note_signal (KAA_IO_CHANNEL (self), "closed");
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));
  assert_launch_fails (kaa_process_launch (self), G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  settle ();
  assert_events ("hung-up");
  end_events ();
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  g_assert_error (kaa_io_channel_get_error (KAA_IO_CHANNEL (self)), G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  assert_launch_fails (line, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  assert_no_children ();
  g_assert_cmpuint (count_fds (), <=, before);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "true", NULL);
  kaa_process_set_directory (self, "/no/such/directory");
  assert_launch_fails (kaa_process_launch (self), G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR);
  kaa_process_set_directory (self, NULL);
  /* Nothing of it is left. */
  assert_true (kaa_process_launch (self));
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, NULL);
  assert_launch_fails (kaa_process_launch (self), G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  finish_process (self);
}

static void
test_twice (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *launch = kaa_process_launch (self);
  GError *error = NULL;

  assert_launch_fails (kaa_process_launch (self), G_IO_ERROR, G_IO_ERROR_EXISTS);
  /* The other one may have come about by now. */
  g_assert_false (kaa_process_start (self, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  assert_true (launch);
  assert_launch_fails (kaa_process_launch (self), G_IO_ERROR, G_IO_ERROR_EXISTS);
  finish_process (self);
}

/* A child that is not there yet cannot be signalled; its end can be waited for. */
static void
test_wait (void)
{
  KaaProcess *self = kaa_process_new_shell ("exit 6", KAA_PROCESS_NONE);
  KaaInProgress *launch = kaa_process_launch (self);
  KaaInProgress *end = kaa_process_wait (self);
  GError *error = NULL;

  g_assert_false (kaa_process_send_signal (self, SIGTERM, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_clear_error (&error);
  assert_true (launch);
  assert_status (end, 6);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "kaa-no-such-program", NULL);
  launch = kaa_process_launch (self);
  end = kaa_process_wait (self);
  assert_launch_fails (end, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  assert_launch_fails (launch, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  finish_process (self);
}

/* --- called off --- */

typedef void (*CallOff) (KaaProcess *self, KaaInProgress *launch);

static void
by_abort (KaaProcess    *self,
          KaaInProgress *launch)
{
  GError *error = NULL;

  g_assert_true (kaa_in_progress_abort (launch, &error));
  g_assert_no_error (error);
}

static void
by_close (KaaProcess    *self,
          KaaInProgress *launch)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_NONE));
}

static void
by_close_now (KaaProcess    *self,
              KaaInProgress *launch)
{
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_IMMEDIATE));
}

static void
by_stop (KaaProcess    *self,
         KaaInProgress *launch)
{
  assert_status (kaa_process_stop (self, 60), -SIGKILL);
}

static void
by_dispose (KaaProcess    *self,
            KaaInProgress *launch)
{
  g_object_run_dispose (G_OBJECT (self));
}

/* A pipe that hangs up when nobody has what was given: the launch is over then, and its child, if there ever was one, is dead. */
static int
give_pipe (KaaProcess *self)
{
  GError *error = NULL;
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  g_assert_true (kaa_process_take_fd (self, write_end, 7, &error));
  g_assert_no_error (error);
  return read_end;
}

static gboolean
is_hung_up (int fd)
{
  struct pollfd pollfd = { fd, 0, 0 };

  return poll (&pollfd, 1, 0) == 1;
}

/* --- a program that does not come --- */

typedef struct
{
  char *directory, *program;
  int fd;                    /* has the lease */
  struct sigaction before;
} SlowDisk;

/* Somebody wants to execute it, and waits. */
static volatile sig_atomic_t n_waiting;

static void
note_waiting (int signum)
{
  n_waiting++;
}

/* FALSE: the test is skipped. */
static gboolean
begin_slow_disk (SlowDisk *disk)
{
  struct sigaction action = { .sa_handler = note_waiting, .sa_flags = SA_RESTART };
  char *contents;
  gsize length;
  GError *error = NULL;

  disk->directory = g_dir_make_tmp ("kaa-launch-XXXXXX", &error);
  g_assert_no_error (error);
  disk->program = g_build_filename (disk->directory, "slow-cat", NULL);
  g_assert_true (g_file_get_contents ("/bin/cat", &contents, &length, &error));
  g_assert_true (g_file_set_contents_full (disk->program, contents, (gssize) length, G_FILE_SET_CONTENTS_NONE, 0700, &error));
  g_free (contents);

  n_waiting = 0;
  sigaction (SIGIO, &action, &disk->before);
  disk->fd = open (disk->program, O_RDONLY | O_CLOEXEC);
  g_assert_cmpint (disk->fd, >=, 0);
  if (fcntl (disk->fd, F_SETLEASE, F_WRLCK) == 0)
    return TRUE;
  g_test_skip ("There are no leases on this file system");
  return FALSE;
}

static void
let_come (SlowDisk *disk)
{
  g_assert_cmpint (fcntl (disk->fd, F_SETLEASE, F_UNLCK), ==, 0);
}

static void
end_slow_disk (SlowDisk *disk)
{
  close (disk->fd);
  sigaction (SIGIO, &disk->before, NULL);
  g_unlink (disk->program);
  g_rmdir (disk->directory);
  g_free (disk->program);
  g_free (disk->directory);
}

/* The loop turns all the while; what was said waits. */
static void
test_slow_disk (void)
{
  KaaProcess *self;
  KaaInProgress *launch;
  SlowDisk disk;

  if (begin_slow_disk (&disk))
    {
      self = new_process (KAA_PROCESS_NONE, disk.program, NULL);
      launch = kaa_process_launch (self);
      say (self, "early\n");
      spin_until (n_waiting > 0);
      settle ();
      g_assert_false (kaa_in_progress_get_finished (launch));
      g_assert_false (kaa_process_get_running (self));
      let_come (&disk);
      assert_true (launch);
      assert_line (self, "early\n");
      finish_process (self);
    }
  end_slow_disk (&disk);
}

/* The child is killed while it waits for its program: nothing else would end it. What was given to it is closed with it. */
static void
call_off_slow (CallOff         call_off,
               int             code,
               KaaProcessFlags flags)
{
  KaaProcess *self;
  KaaInProgress *launch;
  SlowDisk disk;
  int given;

  if (begin_slow_disk (&disk))
    {
      self = new_process (flags, disk.program, NULL);
      given = give_pipe (self);
      launch = kaa_process_launch (self);
      spin_until (n_waiting > 0);
      call_off (self, launch);
      assert_launch_fails (launch, G_IO_ERROR, code);
      spin_until (is_hung_up (given) && !has_children ());
      close (given);
      g_object_unref (self);
    }
  end_slow_disk (&disk);
}

static void
test_slow_called_off (void)
{
  call_off_slow (by_abort, G_IO_ERROR_CANCELLED, KAA_PROCESS_NONE);
  call_off_slow (by_close, G_IO_ERROR_CLOSED, KAA_PROCESS_STDERR_PIPE);
  call_off_slow (by_close_now, G_IO_ERROR_CLOSED, KAA_PROCESS_NEW_GROUP);
  call_off_slow (by_stop, G_IO_ERROR_CANCELLED, KAA_PROCESS_PTY);
  call_off_slow (by_dispose, G_IO_ERROR_CLOSED, KAA_PROCESS_DIE_WITH_PARENT);
}

/* --- called off at any moment --- */

/* The program may run by then, and is killed, or never does; nothing is left, and nothing is told but the failure. */
static void
test_called_off (void)
{
  const struct { CallOff call_off; int code; } cases[] = {
    { by_abort, G_IO_ERROR_CANCELLED }, { by_close, G_IO_ERROR_CLOSED }, { by_close_now, G_IO_ERROR_CLOSED },
    { by_stop, G_IO_ERROR_CANCELLED }, { by_dispose, G_IO_ERROR_CLOSED },
  };
  const KaaProcessFlags flags[] = { KAA_PROCESS_NONE, KAA_PROCESS_PTY, KAA_PROCESS_NEW_GROUP, KAA_PROCESS_DIE_WITH_PARENT };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    for (guint j = 0; j < 10 * G_N_ELEMENTS (flags); j++)
      {
        KaaProcess *self = kaa_process_new_shell ("trap '' TERM HUP PIPE; exec sleep 600", flags[j % G_N_ELEMENTS (flags)]);
        guint *exited = count_emissions (self, "exited");
        int given = give_pipe (self);
        KaaInProgress *launch = kaa_process_launch (self);

        /* A little later each time: before the thread runs, before the child, before the program, after. */
        g_usleep (100 * (j / G_N_ELEMENTS (flags)));
        g_assert_false (kaa_in_progress_get_finished (launch));
        cases[i].call_off (self, launch);
        assert_launch_fails (launch, G_IO_ERROR, cases[i].code);
        g_assert_false (kaa_process_get_running (self));
        spin_until (is_hung_up (given) && !has_children ());
        close (given);
        settle ();
        if (cases[i].call_off != by_dispose)
          g_assert_cmpuint (*exited, ==, 0);
        g_object_unref (self);
      }
}

/* ... and it can be started then. */
static void
test_after_abort (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *launch = kaa_process_launch (self);

  by_abort (self, launch);
  start (self);
  say (self, "again\n");
  assert_line (self, "again\n");
  assert_launch_fails (launch, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  finish_process (self);
}

/* Closed with something to say: that is still said. */
static void
test_close_with_writes (void)
{
  KaaProcess *self = kaa_process_new_shell ("read line && test \"$line\" = last", KAA_PROCESS_NONE);
  KaaInProgress *launch = kaa_process_launch (self);

  say (self, "last\n");
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_NONE));
  assert_true (launch);
  assert_status (kaa_process_wait (self), 0);
  finish_process (self);
}

static void
test_context_gone (void)
{
  for (guint i = 0; i < 10; i++)
    {
      GMainContext *context = g_main_context_new ();
      KaaProcess *self;
      KaaInProgress *launch;
      GError *error = NULL;
      int given;

      g_main_context_push_thread_default (context);
      self = new_process (KAA_PROCESS_NONE, "sleep", "600", NULL);
      given = give_pipe (self);
      launch = kaa_process_launch (self);
      g_main_context_pop_thread_default (context);
      g_usleep (100 * i);
      g_main_context_unref (context);
      g_assert_false (kaa_in_progress_get_boolean (launch, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
      g_clear_error (&error);
      g_object_unref (launch);
      g_object_unref (self);
      while (!is_hung_up (given) || has_children ())
        g_thread_yield ();
      close (given);
    }
}

static void
note_launched (GObject      *source,
               GAsyncResult *result,
               gpointer      done)
{
  GError *error = NULL;

  g_assert_true (kaa_process_launch_finish (KAA_PROCESS (source), result, &error));
  g_assert_no_error (error);
  *(gboolean *) done = TRUE;
}

static void
test_async (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  gboolean done = FALSE;

  kaa_process_launch_async (self, NULL, note_launched, &done);
  spin_until (done);
  finish_process (self);
}

/* --- communicate() launches --- */

static void
test_communicate (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  GBytes *input = g_bytes_new_static ("x\n", 2);

  for (int i = 0; i < 2; i++)
    {
      KaaInProgress *future = kaa_process_communicate (self, input);

      g_assert_false (kaa_process_get_running (self));
      assert_bytes (future, "x\n");
    }
  /* One that was begun by somebody else is joined. */
  g_object_unref (kaa_process_launch (self));
  assert_bytes (kaa_process_communicate (self, input), "x\n");
  g_bytes_unref (input);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "kaa-no-such-program", NULL);
  assert_launch_fails (kaa_process_communicate (self, NULL), G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
  finish_process (self);
  self = new_process (KAA_PROCESS_NONE, NULL);
  assert_launch_fails (kaa_process_communicate (self, NULL), G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  finish_process (self);
}

/* Aborted while there is no child yet: that one is left alone, and the next call goes on with it. */
static void
test_communicate_aborted (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  GBytes *input = g_bytes_new_static ("x\n", 2);
  KaaInProgress *future = kaa_process_communicate (self, input);

  by_abort (self, future);
  assert_launch_fails (future, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  assert_bytes (kaa_process_communicate (self, input), "x\nx\n");
  g_bytes_unref (input);
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-launch/launch", test_launch);
  g_test_add_func ("/process-launch/pty", test_pty);
  g_test_add_func ("/process-launch/again", test_again);
  g_test_add_func ("/process-launch/errors", test_errors);
  g_test_add_func ("/process-launch/twice", test_twice);
  g_test_add_func ("/process-launch/wait", test_wait);
  g_test_add_func ("/process-launch/slow-disk", test_slow_disk);
  g_test_add_func ("/process-launch/slow-called-off", test_slow_called_off);
  g_test_add_func ("/process-launch/called-off", test_called_off);
  g_test_add_func ("/process-launch/after-abort", test_after_abort);
  g_test_add_func ("/process-launch/close-with-writes", test_close_with_writes);
  g_test_add_func ("/process-launch/context-gone", test_context_gone);
  g_test_add_func ("/process-launch/async", test_async);
  g_test_add_func ("/process-launch/communicate", test_communicate);
  g_test_add_func ("/process-launch/communicate-aborted", test_communicate_aborted);
  return g_test_run ();
}

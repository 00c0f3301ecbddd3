/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting: what the child gets, and what happens where there is none. */

#include "ends/process-fixture.h"

#include <glib/gstdio.h>

/* Reading reads its output, writing writes its input. */
static void
test_channel (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);

  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, KAA_EXIT_STATUS_UNKNOWN);
  start (self);
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  g_assert_cmpint (kaa_io_channel_get_mode (KAA_IO_CHANNEL (self)), ==, KAA_IO_READ | KAA_IO_WRITE);

  say (self, "one\n");
  assert_line (self, "one\n");
  say (self, "two\n");
  assert_line (self, "two\n");
  finish_process (self);
}

/* W1, R2: what is written and asked for before the start waits for it. */
static void
test_before_start (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  KaaInProgress *line = kaa_io_channel_readline (KAA_IO_CHANNEL (self));

  say (self, "early\n");
  settle ();
  g_assert_false (kaa_in_progress_get_finished (line));
  start (self);
  assert_bytes (line, "early\n");
  finish_process (self);
}

/* argv by default: nothing in it is a shell's business. */
static void
test_argv_is_literal (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "printf", "%s|", "$HOME; rm -rf *", "a  b", "", "`id`", NULL);

  g_assert_cmpstr (kaa_process_get_argv (self)[2], ==, "$HOME; rm -rf *");
  start (self);
  assert_output (self, "$HOME; rm -rf *|a  b||`id`|");
  finish_process (self);
}

/* A shell only by its own constructor. */
static void
test_shell (void)
{
  KaaProcess *self = start_shell ("echo $((1 + 2)); echo four | tr a-z A-Z", KAA_PROCESS_NONE);

  assert_output (self, "3\nFOUR\n");
  finish_process (self);
}

/* The child counts its own descriptors. ls has one more: the directory it lists. */
static void
test_clean_descriptors (void)
{
  int leaking[3];
  KaaProcess *self;

  for (guint i = 0; i < G_N_ELEMENTS (leaking); i++)
    {
      leaking[i] = open ("/dev/null", O_RDONLY);
      g_assert_cmpint (leaking[i], >, 2);
    }
  g_assert_cmpint (dup2 (leaking[0], 200), ==, 200);

  for (int i = 0; i < 2; i++)
    {
      self = new_process (i == 0 ? KAA_PROCESS_NONE : KAA_PROCESS_STDERR_PIPE, "ls", "/proc/self/fd", NULL);
      start (self);
      assert_output (self, "0\n1\n2\n3\n");
      finish_process (self);
    }

  /* They are still open here. */
  g_assert_cmpint (fcntl (200, F_GETFD), ==, 0);
  close (200);
  for (guint i = 0; i < G_N_ELEMENTS (leaking); i++)
    close (leaking[i]);
}

/* The descriptors that this side keeps are no other program's either. */
static void
test_cloexec (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_STDERR_PIPE, "cat", NULL);

  start (self);
  for (int fd = 3; fd < 64; fd++)
    {
      int flags = fcntl (fd, F_GETFD);
      char *name = g_strdup_printf ("/proc/self/fd/%d", fd);
      char *target = g_file_read_link (name, NULL);

      if (flags >= 0 && target != NULL && g_str_has_prefix (target, "pipe:"))
        g_assert_cmpint (flags & FD_CLOEXEC, !=, 0);
      g_free (name);
      g_free (target);
    }
  finish_process (self);
}

/* 0, 1 and 2 may be what a pipe gets, where a daemon has closed them. */
static void
test_without_standard_descriptors (void)
{
  int kept[3];
  KaaProcess *self;
  KaaInProgress *shut_down;
  char *output;

  for (int fd = 0; fd < 3; fd++)
    {
      kept[fd] = fcntl (fd, F_DUPFD_CLOEXEC, 100);
      g_assert_cmpint (kept[fd], >=, 100);
      close (fd);
    }

  self = new_process (KAA_PROCESS_NONE, "sh", "-c", "cat; ls -l /proc/self/fd/2 >&1", NULL);
  say (self, "through\n");
  start (self);
  shut_down = kaa_io_channel_shutdown (KAA_IO_CHANNEL (self), KAA_IO_WRITE);
  g_assert_true (kaa_in_progress_wait_boolean (shut_down, -1, NULL));
  g_object_unref (shut_down);
  output = read_all (KAA_IO_CHANNEL (self));

  for (int fd = 0; fd < 3; fd++)
    {
      dup2 (kept[fd], fd);
      close (kept[fd]);
    }
  g_assert_true (g_str_has_prefix (output, "through\n"));
  g_assert_nonnull (strstr (output, "/dev/null"));
  g_free (output);
  finish_process (self);
}

/* The mask and the dispositions are those of a fresh process; what ours are does not change. */
static void
test_signals_are_reset (void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN }, before_usr1, before_pipe, now;
  sigset_t set, before, after;
  guint64 blocked, ignored;
  KaaProcess *self;
  char *status;

  sigaction (SIGUSR1, &ignore, &before_usr1);
  sigaction (SIGPIPE, &ignore, &before_pipe);
  sigemptyset (&set);
  sigaddset (&set, SIGTERM);
  sigaddset (&set, SIGUSR2);
  pthread_sigmask (SIG_BLOCK, &set, &before);

  self = new_process (KAA_PROCESS_NONE, "grep", "^Sig[BI]", "/proc/self/status", NULL);
  start (self);

  pthread_sigmask (SIG_SETMASK, &before, &after);
  g_assert_true (sigismember (&after, SIGTERM) && sigismember (&after, SIGUSR2));
  g_assert_false (sigismember (&after, SIGINT));
  sigaction (SIGUSR1, &before_usr1, &now);
  g_assert_true (now.sa_handler == SIG_IGN);
  sigaction (SIGPIPE, &before_pipe, NULL);

  status = read_all (KAA_IO_CHANNEL (self));
  g_assert_cmpint (sscanf (status, "SigBlk: %" G_GINT64_MODIFIER "x SigIgn: %" G_GINT64_MODIFIER "x", &blocked, &ignored), ==, 2);
  g_assert_cmphex (blocked, ==, 0);
  for (int signum = 1; signum <= 64; signum++)
    {
      /* Those that the C library keeps for itself: its posix_spawn(), which ninja uses, leaves them ignored. */
      if (sigaction (signum, NULL, &now) != 0)
        ignored &= ~(G_GUINT64_CONSTANT (1) << (signum - 1));
    }
  g_assert_cmphex (ignored, ==, 0);
  g_free (status);
  finish_process (self);
}

static void
test_environment (void)
{
  const char *environment[] = { "KAA_ONE=1", "KAA_TWO=two=2", NULL };
  KaaProcess *self;

  g_setenv ("KAA_ZERO", "0", TRUE);
  g_setenv ("KAA_ONE", "overridden", TRUE);
  self = kaa_process_new_shell ("echo $KAA_ZERO $KAA_ONE $KAA_TWO", KAA_PROCESS_NONE);
  kaa_process_set_environment (self, environment);
  start (self);
  assert_output (self, "0 1 two=2\n");
  finish_process (self);

  self = new_process (KAA_PROCESS_CLEAN_ENVIRONMENT, "env", NULL);
  kaa_process_set_environment (self, environment);
  start (self);
  assert_output (self, "KAA_ONE=1\nKAA_TWO=two=2\n");
  finish_process (self);

  self = new_process (KAA_PROCESS_CLEAN_ENVIRONMENT, "env", NULL);
  start (self);
  assert_output (self, "");
  finish_process (self);
  g_unsetenv ("KAA_ZERO");
  g_unsetenv ("KAA_ONE");
}

static void
test_wrong_environment (void)
{
  const char *without[] = { "KAA_ONE", NULL };
  const char *nameless[] = { "=1", NULL };
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);

  kaa_process_set_environment (self, without);
  assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "NAME=value");
  kaa_process_set_environment (self, nameless);
  assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "NAME=value");
  kaa_process_set_environment (self, NULL);
  start (self);
  finish_process (self);
}

static void
test_directory (void)
{
  GError *error = NULL;
  char *directory = g_dir_make_tmp ("kaa-XXXXXX", &error);
  char *program = g_build_filename (directory, "here", NULL);
  char *expected = g_strconcat (directory, "\n", NULL);
  KaaProcess *self;

  g_assert_no_error (error);
  self = new_process (KAA_PROCESS_NONE, "pwd", NULL);
  kaa_process_set_directory (self, directory);
  start (self);
  assert_output (self, expected);
  finish_process (self);

  /* A relative program is looked for from there. */
  g_assert_cmpint (symlink ("/bin/pwd", program), ==, 0);
  self = new_process (KAA_PROCESS_NONE, "./here", NULL);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "./here");
  kaa_process_set_directory (self, directory);
  start (self);
  assert_output (self, expected);
  finish_process (self);

  g_unlink (program);
  g_rmdir (directory);
  g_free (directory);
  g_free (program);
  g_free (expected);
}

/* Exec failure reports the child's errno. */
static void
test_no_program (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "kaa-no-such-program", "--option", NULL);

  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "kaa-no-such-program");
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "/no/such/program", NULL);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "/no/such/program");
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "/etc/passwd/program", NULL);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOTDIR, "/etc/passwd/program");
  finish_process (self);
}

static void
test_not_a_program (void)
{
  char *name = NULL;
  GError *error = NULL;
  int fd = g_file_open_tmp ("kaa-XXXXXX", &name, &error);
  KaaProcess *self;

  g_assert_no_error (error);
  put_string (fd, "echo no shell\n");
  close (fd);

  self = new_process (KAA_PROCESS_NONE, name, NULL);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES, name);
  /* No shell is tried behind the caller's back. */
  g_assert_cmpint (g_chmod (name, 0700), ==, 0);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOEXEC, name);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "/", NULL);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES, "/");
  finish_process (self);
  g_unlink (name);
  g_free (name);
}

/* A missing directory is told apart from a missing program. */
static void
test_no_directory (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);

  kaa_process_set_directory (self, "/no/such/directory");
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR, "/no/such/directory");
  kaa_process_set_directory (self, NULL);
  start (self);
  finish_process (self);
}

static void
test_no_argv (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, NULL);

  assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "argv");
  finish_process (self);
  self = new_process (KAA_PROCESS_NONE, "", NULL);
  assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "argv");
  finish_process (self);
  self = new_process (KAA_PROCESS_MERGE_STDERR | KAA_PROCESS_STDERR_PIPE, "true", NULL);
  assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not both");
  finish_process (self);
}

/* Control characters of a name do not reach a terminal by way of the message. */
static void
test_message_is_escaped (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "/no/\033[2Jsuch\n\xff\u00e9", NULL);
  GError *error = NULL;

  g_assert_false (kaa_process_start (self, &error));
  g_assert_null (strchr (error->message, '\033'));
  g_assert_null (strchr (error->message, '\n'));
  g_assert_nonnull (strstr (error->message, "\u00e9"));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_error_free (error);
  finish_process (self);
}

/* A start that fails leaves nothing: no descriptor, no child, and what was open before. */
static void
test_failure_changes_nothing (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_STDERR_PIPE | KAA_PROCESS_PTY, "kaa-no-such-program", NULL);
  int fd, other;
  GError *error = NULL;
  guint before;

  make_sockets (&fd, &other);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (self), fd, KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  settle ();
  before = count_fds ();
  for (int i = 0; i < 10; i++)
    assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "kaa-no-such-program");
  g_assert_cmpuint (count_fds (), ==, before);
  assert_no_children ();

  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  put_string (other, "still here\n");
  assert_line (self, "still here\n");
  finish_process (self);
  close (other);
}

static void
test_stderr_merged (void)
{
  KaaProcess *self = start_shell ("echo out; echo err >&2; echo out", KAA_PROCESS_MERGE_STDERR);

  g_assert_null (kaa_process_get_stderr_channel (self));
  assert_output (self, "out\nerr\nout\n");
  finish_process (self);
}

static void
test_stderr_channel (void)
{
  KaaProcess *self = kaa_process_new_shell ("echo out; echo err >&2", KAA_PROCESS_STDERR_PIPE);
  KaaIOChannel *errors = kaa_process_get_stderr_channel (self);
  KaaInProgress *line;

  /* There before the start: requests and handlers wait. */
  g_assert_nonnull (errors);
  line = kaa_io_channel_readline (errors);
  start (self);
  assert_bytes (line, "err\n");
  assert_output (self, "out\n");
  assert_bytes (kaa_io_channel_readline (errors), "");
  finish_process (self);
}

/* stderr is inherited unless somebody asks for something else: seen by pointing ours at a pipe. */
static void
test_stderr_inherited (void)
{
  int read_end, write_end, kept = fcntl (2, F_DUPFD_CLOEXEC, 3);
  char buffer[16];
  KaaProcess *self;

  make_pipe (&read_end, &write_end);
  dup2 (write_end, 2);
  close (write_end);
  self = start_shell ("echo err >&2; echo out", KAA_PROCESS_NONE);
  dup2 (kept, 2);
  close (kept);

  assert_output (self, "out\n");
  g_assert_cmpint (read (read_end, buffer, sizeof buffer), ==, 4);
  g_assert_cmpmem (buffer, 4, "err\n", 4);
  close (read_end);
  finish_process (self);
}

/* The same object again: what was set meanwhile counts, and nothing of the last run is left. */
static void
test_again (void)
{
  const char *environment[] = { "KAA_RUN=2", NULL };
  KaaProcess *self = kaa_process_new_shell ("echo ${KAA_RUN:-1}; exit ${KAA_RUN:-1}", KAA_PROCESS_STDERR_PIPE);
  guint *exited = count_emissions (self, "exited");
  GError *error = NULL;
  guint before = count_fds ();

  start (self);
  g_assert_false (kaa_process_start (self, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
  g_clear_error (&error);
  assert_output (self, "1\n");
  spin_until (*exited == 1);
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 1);

  kaa_process_set_environment (self, environment);
  start (self);
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, KAA_EXIT_STATUS_UNKNOWN);
  assert_output (self, "2\n");
  spin_until (*exited == 2);
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 2);

  finish_process (self);
  g_assert_cmpuint (count_fds (), <=, before);
}

static void
note_property (GObject    *object,
               GParamSpec *pspec,
               gpointer    user_data)
{
  GValue value = G_VALUE_INIT;
  char *text, *event;

  g_object_get_property (object, pspec->name, &value);
  text = g_strdup_value_contents (&value);
  event = g_strdup_printf ("%s=%s", pspec->name, pspec->value_type == G_TYPE_INT && text[0] > '0' ? "N" : text);
  note (event);
  g_free (event);
  g_free (text);
  g_value_unset (&value);
}

static void
test_notifications (void)
{
  const char *names[] = { "notify::running", "notify::pid", "notify::exit-status", "notify::stopping", "notify::directory",
                          "notify::stop-command", "notify::rows", "notify::columns" };
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "cat", NULL);

  begin_events ();
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    g_signal_connect (self, names[i], G_CALLBACK (note_property), NULL);

  kaa_process_set_directory (self, "/");
  kaa_process_set_directory (self, "/");
  kaa_process_set_stop_command (self, "q");
  kaa_process_set_window_size (self, 10, 80);
  assert_events ("directory=\"/\" stop-command=\"q\" rows=10");
  kaa_process_set_stop_command (self, NULL);
  g_string_truncate (events, 0);

  start (self);
  assert_events ("running=TRUE pid=N exit-status=-256");
  assert_status (kaa_process_stop (self, -1), -SIGTERM);
  assert_events ("stopping=TRUE running=FALSE pid=0 stopping=FALSE exit-status=-15");
  end_events ();
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-start/channel", test_channel);
  g_test_add_func ("/process-start/before-start", test_before_start);
  g_test_add_func ("/process-start/argv-is-literal", test_argv_is_literal);
  g_test_add_func ("/process-start/shell", test_shell);
  g_test_add_func ("/process-start/clean-descriptors", test_clean_descriptors);
  g_test_add_func ("/process-start/cloexec", test_cloexec);
  g_test_add_func ("/process-start/without-standard-descriptors", test_without_standard_descriptors);
  g_test_add_func ("/process-start/signals-are-reset", test_signals_are_reset);
  g_test_add_func ("/process-start/environment", test_environment);
  g_test_add_func ("/process-start/wrong-environment", test_wrong_environment);
  g_test_add_func ("/process-start/directory", test_directory);
  g_test_add_func ("/process-start/no-program", test_no_program);
  g_test_add_func ("/process-start/not-a-program", test_not_a_program);
  g_test_add_func ("/process-start/no-directory", test_no_directory);
  g_test_add_func ("/process-start/no-argv", test_no_argv);
  g_test_add_func ("/process-start/message-is-escaped", test_message_is_escaped);
  g_test_add_func ("/process-start/failure-changes-nothing", test_failure_changes_nothing);
  g_test_add_func ("/process-start/stderr-merged", test_stderr_merged);
  g_test_add_func ("/process-start/stderr-channel", test_stderr_channel);
  g_test_add_func ("/process-start/stderr-inherited", test_stderr_inherited);
  g_test_add_func ("/process-start/again", test_again);
  g_test_add_func ("/process-start/notifications", test_notifications);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Children on a pseudo-terminal, and real programs. */

#include "ends/process-fixture.h"

/* Reads lines until one holds the text. */
static void
read_until_line (KaaProcess *self,
                 const char *text)
{
  for (;;)
    {
      KaaInProgress *future = kaa_io_channel_readline (KAA_IO_CHANNEL (self));
      GError *error = NULL;
      GBytes *line;
      gboolean found;

      spin_until (kaa_in_progress_get_finished (future));
      line = kaa_in_progress_get_bytes (future, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (g_bytes_get_size (line), >, 0);
      found = g_strstr_len (g_bytes_get_data (line, NULL), g_bytes_get_size (line), text) != NULL;
      g_bytes_unref (line);
      g_object_unref (future);
      if (found)
        return;
    }
}

/* All three are one terminal, which is the child's own. */
static void
test_terminal (void)
{
  KaaProcess *self = kaa_process_new_shell ("test -t 0 && test -t 1 && test -t 2 && test -e /dev/tty && "
                                            "echo ok >/dev/tty; ps -o sid= -p $$ | tr -d ' '; echo $$", KAA_PROCESS_PTY);
  char *output;
  char **lines;

  start (self);
  output = read_all (KAA_IO_CHANNEL (self));
  lines = g_strsplit (output, "\r\n", -1);
  g_assert_cmpstr (lines[0], ==, "ok");
  /* It leads a session. */
  g_assert_cmpstr (lines[1], ==, lines[2]);
  g_strfreev (lines);
  g_free (output);
  finish_process (self);
}

/* Only standard error may be something else. */
static void
test_stderr_pipe (void)
{
  KaaProcess *self = kaa_process_new_shell ("test -t 2 || echo err >&2; test -t 1 && echo out",
                                            KAA_PROCESS_PTY | KAA_PROCESS_STDERR_PIPE);

  start (self);
  assert_bytes (kaa_io_channel_readline (kaa_process_get_stderr_channel (self)), "err\n");
  assert_output (self, "out\r\n");
  finish_process (self);
}

/* EIO is the end, not an error; nothing before it is lost, and finished comes. */
static void
test_hangup_is_eof (void)
{
  KaaProcess *self = kaa_process_new_shell ("seq 2000; exit 5", KAA_PROCESS_PTY);
  guint *finished = count_emissions (self, "finished");
  GByteArray *output = g_byte_array_new ();

  collect_into (KAA_IO_CHANNEL (self), "read", output);
  start (self);
  spin_until (*finished == 1);
  g_assert_cmpuint (output->len, ==, 8893 + 2000);
  g_assert_null (kaa_io_channel_get_error (KAA_IO_CHANNEL (self)));
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 5);
  g_byte_array_unref (output);
  finish_process (self);
}

/* Output comes line by line, while the child goes on: stdio sees a terminal. */
static void
test_line_buffered (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_PTY, "grep", "--line-buffered", "x", NULL);

  start (self);
  say (self, "x1\n");
  assert_line (self, "x1\r\n");
  read_until_line (self, "x1");
  finish_process (self);
}

/* The window has a size from the beginning; a change is told by SIGWINCH. */
static void
test_window_size (void)
{
  KaaProcess *self = kaa_process_new_shell ("trap 'stty size' WINCH; stty size; while read line; do test \"$line\" = q && exit; done",
                                            KAA_PROCESS_PTY);

  kaa_process_set_window_size (self, 30, 100);
  start (self);
  assert_line (self, "30 100\r\n");
  kaa_process_set_window_size (self, 31, 101);
  g_assert_cmpuint (kaa_process_get_rows (self), ==, 31);
  g_assert_cmpuint (kaa_process_get_columns (self), ==, 101);
  /* dash runs traps when read is over. */
  say (self, "next\n");
  read_until_line (self, "31 101");
  finish_process (self);
}

/* Closing the channel hangs up on the child. */
static void
test_close_hangs_up (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_PTY, "cat", NULL);

  start (self);
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_IMMEDIATE));
  assert_status (kaa_process_wait (self), -SIGHUP);
  finish_process (self);
}

/* The end of input on a terminal is a character, twice in the middle of a line. */
static void
test_communicate (void)
{
  const char *inputs[] = { "one\n", "one" };

  for (guint i = 0; i < G_N_ELEMENTS (inputs); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("stty -echo; echo ready; wc -c", KAA_PROCESS_PTY);
      GBytes *input = g_bytes_new_static (inputs[i], strlen (inputs[i]));

      start (self);
      assert_line (self, "ready\r\n");
      assert_bytes (kaa_process_communicate (self, input), i == 0 ? "4\r\n" : "3\r\n");
      g_bytes_unref (input);
      finish_process (self);
    }
}

static void
test_no_leak (void)
{
  guint before = 0;

  for (int i = 0; i < 20; i++)
    {
      KaaProcess *self = new_process (KAA_PROCESS_PTY | KAA_PROCESS_STDERR_PIPE, "true", NULL);

      start (self);
      assert_status (kaa_process_wait (self), 0);
      finish_process (self);
      /* What a first use keeps open is not a leak. */
      if (i == 0)
        before = count_fds ();
    }
  g_assert_cmpuint (count_fds (), <=, before);
}

/* Job control: bash has a terminal of its own, stops a job, and brings it back. */
static void
test_bash (void)
{
  KaaProcess *self;

  if (is_missing ("bash"))
    return;
  self = new_process (KAA_PROCESS_PTY, "bash", "--norc", "--noprofile", "-i", NULL);
  start (self);
  say (self, "stty -echo; PS1=; echo rea''dy\n");
  read_until_line (self, "ready");
  say (self, "cat\n");
  say (self, "to cat\n");
  read_until_line (self, "to cat");
  say (self, "\032");
  read_until_line (self, "Stopped");
  say (self, "jobs; fg\n");
  read_until_line (self, "Stopped");
  say (self, "again\n");
  read_until_line (self, "again");
  say (self, "\004");
  say (self, "exit 7\n");
  assert_status (kaa_process_wait (self), 7);
  finish_process (self);
}

/* gdb in its machine interface. */
static void
test_gdb (void)
{
  KaaProcess *self;

  if (is_missing ("gdb"))
    return;
  self = new_process (KAA_PROCESS_NONE, "gdb", "--nx", "--quiet", "--interpreter=mi", NULL);
  kaa_process_set_stop_command (self, "-gdb-exit\n");
  start (self);
  say (self, "1-gdb-version\n");
  read_until_line (self, "GNU gdb");
  read_until_line (self, "1^done");
  say (self, "2-data-evaluate-expression 6*7\n");
  read_until_line (self, "2^done,value=\"42\"");
  assert_status (kaa_process_stop (self, 60), 0);
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-pty/terminal", test_terminal);
  g_test_add_func ("/process-pty/stderr-pipe", test_stderr_pipe);
  g_test_add_func ("/process-pty/hangup-is-eof", test_hangup_is_eof);
  g_test_add_func ("/process-pty/line-buffered", test_line_buffered);
  g_test_add_func ("/process-pty/window-size", test_window_size);
  g_test_add_func ("/process-pty/close-hangs-up", test_close_hangs_up);
  g_test_add_func ("/process-pty/communicate", test_communicate);
  g_test_add_func ("/process-pty/no-leak", test_no_leak);
  g_test_add_func ("/process-pty/bash", test_bash);
  g_test_add_func ("/process-pty/gdb", test_gdb);
  return g_test_run ();
}

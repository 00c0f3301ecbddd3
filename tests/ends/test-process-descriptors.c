/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a child is given: other descriptors, standard ones in the place of pipes, limits. */

#include "ends/process-fixture.h"

#include <glib/gstdio.h>
#include <sys/resource.h>

static void
take (KaaProcess *self,
      int         source,
      int         target)
{
  GError *error = NULL;

  g_assert_true (kaa_process_take_fd (self, source, target, &error));
  g_assert_no_error (error);
}

static void
assert_take_fails (KaaProcess *self,
                   int         source,
                   int         target,
                   int         code)
{
  GError *error = NULL;

  g_assert_false (kaa_process_take_fd (self, source, target, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_error_free (error);
}

static gboolean
is_open_fd (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

/* A descriptor from which a text can be read. */
static int
make_text (const char *text)
{
  int read_end, write_end;

  make_pipe (&read_end, &write_end);
  put_string (write_end, text);
  close (write_end);
  return read_end;
}

/* Under another number, and under its own. Nothing else is there; the child has it, and it is closed here. */
static void
test_take_fd (void)
{
  KaaProcess *self = kaa_process_new_shell ("cat <&7; ls /proc/self/fd | tr '\\n' ' '", KAA_PROCESS_NONE);
  int fd = make_text ("seven\n");

  take (self, fd, 7);
  g_assert_true (is_open_fd (fd));
  start (self);
  g_assert_false (is_open_fd (fd));
  /* ls has a directory open. */
  assert_output (self, "seven\n0 1 2 3 7 ");
  finish_process (self);

  self = kaa_process_new_shell ("cat", KAA_PROCESS_NONE);
  fd = make_text ("same\n");
  take (self, fd, fd);
  start (self);
  g_assert_false (is_open_fd (fd));
  finish_process (self);
}

/* Numbers of which each is another one's source, in a circle: as all the orders of three. */
static void
test_collisions (void)
{
  static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
  const char *const texts[] = { "a", "b", "c" };

  for (guint i = 0; i < G_N_ELEMENTS (orders); i++)
    {
      int fds[3];
      char *command, *expected;
      KaaProcess *self;

      for (guint j = 0; j < 3; j++)
        {
          int fd = make_text (texts[j]);

          /* A shell knows no numbers of two digits. */
          fds[j] = fcntl (fd, F_DUPFD_CLOEXEC, 3);
          close (fd);
        }
      command = g_strdup_printf ("cat /proc/self/fd/%d /proc/self/fd/%d /proc/self/fd/%d", fds[0], fds[1], fds[2]);
      self = kaa_process_new_shell (command, KAA_PROCESS_NONE);
      for (guint j = 0; j < 3; j++)
        take (self, fds[j], fds[orders[i][j]]);
      start (self);
      expected = g_strdup_printf ("%s%s%s", texts[orders[i][0] == 0 ? 0 : orders[i][1] == 0 ? 1 : 2],
                                  texts[orders[i][0] == 1 ? 0 : orders[i][1] == 1 ? 1 : 2],
                                  texts[orders[i][0] == 2 ? 0 : orders[i][1] == 2 ? 1 : 2]);
      assert_output (self, expected);
      finish_process (self);
      g_free (command);
      g_free (expected);
    }
}

/* Every low number is a target: whatever the library itself uses for the start is among them. */
static void
test_all_numbers (void)
{
  KaaProcess *self = kaa_process_new_shell ("for i in $(seq 3 60); do cat /proc/self/fd/$i; done", KAA_PROCESS_STDERR_PIPE);
  GString *expected = g_string_new (NULL);

  for (int target = 60; target >= 3; target--)
    {
      char *text = g_strdup_printf ("%d,", target);

      take (self, make_text (text), target);
      g_string_prepend (expected, text);
      g_free (text);
    }
  start (self);
  assert_output (self, expected->str);
  g_string_free (expected, TRUE);
  finish_process (self);
}

/* A wrong start, and a wrong program, leave it for the next. */
static void
test_taken_until_it_starts (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "kaa-no-such-program", NULL);
  int fd = make_text ("x");

  take (self, fd, 5);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT, "kaa-no-such-program");
  g_assert_true (is_open_fd (fd));
  assert_take_fails (self, fd, 5, G_IO_ERROR_EXISTS);
  finish_process (self);
  g_assert_false (is_open_fd (fd));

  self = kaa_process_new_shell ("cat <&5", KAA_PROCESS_NONE);
  kaa_process_set_directory (self, "/no/such/directory");
  fd = make_text ("x");
  take (self, fd, 5);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_CHDIR, "/no/such/directory");
  kaa_process_set_directory (self, NULL);
  start (self);
  g_assert_false (is_open_fd (fd));
  assert_output (self, "x");
  finish_process (self);
}

static void
test_closed_at_dispose (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);
  int fd = make_text ("x");

  take (self, fd, 5);
  g_object_run_dispose (G_OBJECT (self));
  g_assert_false (is_open_fd (fd));
  g_object_unref (self);
}

static void
test_take_wrong (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);
  int fd = make_text ("x");

  assert_take_fails (self, -1, 5, G_IO_ERROR_INVALID_ARGUMENT);
  assert_take_fails (self, 4711, 5, G_IO_ERROR_INVALID_ARGUMENT);
  assert_take_fails (self, fd, -1, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_true (is_open_fd (fd));
  /* Above what a process may have open. */
  take (self, fd, 1 << 30);
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "descriptors");
  finish_process (self);
}

/* No other child has what was given to one. */
static void
test_not_inherited (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);
  int fd = make_text ("x");

  fcntl (fd, F_SETFD, 0);
  take (self, fd, 5);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, !=, 0);
  finish_process (self);
}

/* --- standard input, output and error --- */

static char *
read_file (int fd)
{
  char buffer[256];
  gssize n = pread (fd, buffer, sizeof buffer - 1, 0);

  g_assert_cmpint (n, >=, 0);
  buffer[n] = '\0';
  return g_strdup (buffer);
}

static int
make_empty_file (void)
{
  GError *error = NULL;
  char *name;
  int fd = g_file_open_tmp ("kaa-XXXXXX", &name, &error);

  g_assert_no_error (error);
  g_unlink (name);
  g_free (name);
  return fd;
}

/* Output to a file, errors with it; input goes on as ever. */
static void
test_output_to_file (void)
{
  const KaaProcessFlags flags[] = { KAA_PROCESS_MERGE_STDERR, KAA_PROCESS_STDERR_PIPE, KAA_PROCESS_STDERR_NULL };
  const char *const expected[] = { "out yes\nerr\n", "out yes\n", "out yes\n" };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("read line; echo out $line; echo err >&2", flags[i]);
      guint *finished = count_emissions (self, "finished");
      int fd = make_empty_file ();
      char *text;

      take (self, fcntl (fd, F_DUPFD_CLOEXEC, 3), 1);
      start (self);
      g_assert_cmpint (kaa_io_channel_get_mode (KAA_IO_CHANNEL (self)), ==, KAA_IO_WRITE);
      assert_fails (kaa_io_channel_read (KAA_IO_CHANNEL (self)), G_IO_ERROR_NOT_SUPPORTED);
      say (self, "yes\n");
      if (flags[i] == KAA_PROCESS_STDERR_PIPE)
        assert_bytes (kaa_io_channel_readline (kaa_process_get_stderr_channel (self)), "err\n");
      spin_until (*finished == 1);
      text = read_file (fd);
      g_assert_cmpstr (text, ==, expected[i]);
      g_free (text);
      close (fd);
      finish_process (self);
    }
}

static void
test_errors_to_file (void)
{
  const KaaProcessFlags flags[] = { KAA_PROCESS_NONE, KAA_PROCESS_PTY };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("echo out; echo err >&2", flags[i]);
      int fd = make_empty_file ();
      char *text;

      take (self, fcntl (fd, F_DUPFD_CLOEXEC, 3), 2);
      start (self);
      assert_output (self, i == 0 ? "out\n" : "out\r\n");
      text = read_file (fd);
      g_assert_cmpstr (text, ==, "err\n");
      g_free (text);
      close (fd);
      finish_process (self);
    }
}

/* Without an input that we write: from a file, empty, or ours. */
static void
test_input (void)
{
  int kept = fcntl (0, F_DUPFD_CLOEXEC, 3), fd = make_text ("ours\n");
  KaaProcess *self;

  self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  take (self, make_text ("given\n"), 0);
  start (self);
  g_assert_cmpint (kaa_io_channel_get_mode (KAA_IO_CHANNEL (self)), ==, KAA_IO_READ);
  g_assert_false (kaa_io_channel_get_writable (KAA_IO_CHANNEL (self)));
  assert_output (self, "given\n");
  finish_process (self);

  self = new_process (KAA_PROCESS_STDIN_NULL, "cat", NULL);
  start (self);
  assert_fails (kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) "x", 1), G_IO_ERROR_NOT_SUPPORTED);
  assert_output (self, "");
  finish_process (self);

  dup2 (fd, 0);
  close (fd);
  self = new_process (KAA_PROCESS_STDIN_INHERIT, "cat", NULL);
  start (self);
  dup2 (kept, 0);
  close (kept);
  assert_output (self, "ours\n");
  finish_process (self);
}

/* Output to where ours goes; with errors there, too. */
static void
test_output_inherited (void)
{
  const KaaProcessFlags flags[] = { KAA_PROCESS_STDERR_NULL, KAA_PROCESS_MERGE_STDERR };
  const char *const expected[] = { "out\n", "out\nerr\n" };

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("echo out; echo err >&2", KAA_PROCESS_STDOUT_INHERIT | flags[i]);
      int kept = fcntl (1, F_DUPFD_CLOEXEC, 3), fd = make_empty_file ();
      char *text;

      dup2 (fd, 1);
      start (self);
      dup2 (kept, 1);
      close (kept);
      assert_status (kaa_process_wait (self), 0);
      text = read_file (fd);
      g_assert_cmpstr (text, ==, expected[i]);
      g_free (text);
      close (fd);
      finish_process (self);
    }
}

/* Nothing is left for the channel: it is at its end, and everything else is as ever. */
static void
test_no_channel (void)
{
  KaaProcess *self = kaa_process_new_shell ("exit 3", KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDOUT_INHERIT | KAA_PROCESS_STDERR_NULL);
  guint *finished = count_emissions (self, "finished");
  KaaInProgress *early = kaa_io_channel_readline (KAA_IO_CHANNEL (self));

  start (self);
  assert_bytes (early, "");
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (self)), "");
  spin_until (*finished == 1);
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 3);
  finish_process (self);
}

static void
test_communicate (void)
{
  GBytes *input = g_bytes_new_static ("in\n", 3);
  int fd = make_empty_file ();
  KaaProcess *self;
  char *text;

  /* Only input: it has an end. */
  self = new_process (KAA_PROCESS_NONE, "cat", NULL);
  take (self, fcntl (fd, F_DUPFD_CLOEXEC, 3), 1);
  assert_bytes (kaa_process_communicate (self, input), "");
  text = read_file (fd);
  g_assert_cmpstr (text, ==, "in\n");
  g_free (text);
  close (fd);
  finish_process (self);

  /* Only output: there is nobody to be told anything. */
  self = kaa_process_new_shell ("cat; echo out", KAA_PROCESS_STDIN_NULL);
  assert_bytes (kaa_process_communicate (self, NULL), "out\n");
  finish_process (self);
  self = kaa_process_new_shell ("cat; echo out", KAA_PROCESS_STDIN_NULL);
  assert_fails (kaa_process_communicate (self, input), G_IO_ERROR_INVALID_ARGUMENT);
  finish_process (self);

  self = kaa_process_new_shell ("echo err >&2", KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDOUT_INHERIT | KAA_PROCESS_STDERR_PIPE);
  assert_bytes (kaa_process_communicate (self, NULL), "");
  g_assert_cmpuint (g_bytes_get_size (kaa_process_get_stderr_data (self)), ==, 4);
  finish_process (self);
  g_bytes_unref (input);
}

static void
test_contradictions (void)
{
  const struct { KaaProcessFlags flags; int target; } cases[] = {
    { KAA_PROCESS_STDERR_PIPE | KAA_PROCESS_STDERR_NULL, -1 },
    { KAA_PROCESS_STDERR_NULL | KAA_PROCESS_MERGE_STDERR, -1 },
    { KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDIN_INHERIT, -1 },
    { KAA_PROCESS_PTY | KAA_PROCESS_STDIN_NULL, -1 },
    { KAA_PROCESS_PTY | KAA_PROCESS_STDIN_INHERIT, -1 },
    { KAA_PROCESS_PTY | KAA_PROCESS_STDOUT_INHERIT, -1 },
    { KAA_PROCESS_PTY, 0 }, { KAA_PROCESS_PTY, 1 },
    { KAA_PROCESS_STDIN_NULL, 0 }, { KAA_PROCESS_STDIN_INHERIT, 0 }, { KAA_PROCESS_STDOUT_INHERIT, 1 },
    { KAA_PROCESS_STDERR_PIPE, 2 }, { KAA_PROCESS_STDERR_NULL, 2 }, { KAA_PROCESS_MERGE_STDERR, 2 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      KaaProcess *self = new_process (cases[i].flags, "true", NULL);
      guint before = count_fds ();

      if (cases[i].target >= 0)
        take (self, make_text ("x"), cases[i].target);
      assert_start_fails (self, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "not both");
      assert_fails (kaa_process_launch (self), G_IO_ERROR_INVALID_ARGUMENT);
      finish_process (self);
      g_assert_cmpuint (count_fds (), <=, before);
    }
}

/* --- limits --- */

static void
test_limits (void)
{
  KaaProcess *self = kaa_process_new_shell ("ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -St", KAA_PROCESS_NONE);
  GError *error = NULL;

  g_assert_true (kaa_process_set_limit (self, RLIMIT_NOFILE, 1, 2, &error));
  /* The last one counts. */
  g_assert_true (kaa_process_set_limit (self, RLIMIT_NOFILE, 40, 50, &error));
  g_assert_true (kaa_process_set_limit (self, RLIMIT_CORE, 0, 0, &error));
  g_assert_true (kaa_process_set_limit (self, RLIMIT_CPU, G_MAXUINT64, G_MAXUINT64, &error));
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++)
    {
      start (self);
      assert_output (self, "40\n50\n0\nunlimited\n");
      assert_status (kaa_process_wait (self), 0);
    }
  finish_process (self);
}

static void
test_limit_works (void)
{
  KaaProcess *self = kaa_process_new_shell ("trap '' XFSZ; head -c 10000 /dev/zero || exit 9", KAA_PROCESS_STDERR_NULL);
  int fd = make_empty_file ();

  g_assert_true (kaa_process_set_limit (self, RLIMIT_FSIZE, 4096, 4096, NULL));
  take (self, fcntl (fd, F_DUPFD_CLOEXEC, 3), 1);
  start (self);
  assert_status (kaa_process_wait (self), 9);
  g_assert_cmpint (lseek (fd, 0, SEEK_END), ==, 4096);
  close (fd);
  finish_process (self);
}

static void
test_limits_wrong (void)
{
  KaaProcess *self = new_process (KAA_PROCESS_NONE, "true", NULL);
  GError *error = NULL;

  g_assert_false (kaa_process_set_limit (self, -1, 1, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (kaa_process_set_limit (self, 4711, 1, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (kaa_process_set_limit (self, RLIMIT_CPU, 2, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (kaa_process_set_limit (self, RLIMIT_CPU, G_MAXUINT64, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  /* What the kernel refuses to everybody. */
  g_assert_true (kaa_process_set_limit (self, RLIMIT_NOFILE, 10, G_MAXUINT64, &error));
  assert_start_fails (self, G_SPAWN_ERROR, G_SPAWN_ERROR_PERM, "limits");
  finish_process (self);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-descriptors/take-fd", test_take_fd);
  g_test_add_func ("/process-descriptors/collisions", test_collisions);
  g_test_add_func ("/process-descriptors/all-numbers", test_all_numbers);
  g_test_add_func ("/process-descriptors/taken-until-it-starts", test_taken_until_it_starts);
  g_test_add_func ("/process-descriptors/closed-at-dispose", test_closed_at_dispose);
  g_test_add_func ("/process-descriptors/take-wrong", test_take_wrong);
  g_test_add_func ("/process-descriptors/not-inherited", test_not_inherited);
  g_test_add_func ("/process-descriptors/output-to-file", test_output_to_file);
  g_test_add_func ("/process-descriptors/errors-to-file", test_errors_to_file);
  g_test_add_func ("/process-descriptors/input", test_input);
  g_test_add_func ("/process-descriptors/output-inherited", test_output_inherited);
  g_test_add_func ("/process-descriptors/no-channel", test_no_channel);
  g_test_add_func ("/process-descriptors/communicate", test_communicate);
  g_test_add_func ("/process-descriptors/contradictions", test_contradictions);
  g_test_add_func ("/process-descriptors/limits", test_limits);
  g_test_add_func ("/process-descriptors/limit-works", test_limit_works);
  g_test_add_func ("/process-descriptors/limits-wrong", test_limits_wrong);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Children that may not be signalled, older kernels, and a program that is slow to load: what the system says is put in by --wrap. */

#include "ends/process-fixture.h"

#include <stdarg.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_send_signal
# define SYS_pidfd_send_signal 424
#endif

static gboolean denied;         /* EPERM for every signal but 0 */
static gboolean old_kernel;     /* pidfd_send_signal() knows no flags */

int  __real_kill    (pid_t pid, int signum);
int  __wrap_kill    (pid_t pid, int signum);
long __real_syscall (long number, ...);
long __wrap_syscall (long number, ...);

int
__wrap_kill (pid_t pid,
             int   signum)
{
  if (!denied || signum == 0)
    return __real_kill (pid, signum);
  errno = EPERM;
  return -1;
}

/* The child calls it, which shares the stack: the address sanitizer does not know that. */
__attribute__ ((no_sanitize ("address")))
long
__wrap_syscall (long number,
                ...)
{
  long arguments[6];
  va_list list;

  va_start (list, number);
  for (guint i = 0; i < G_N_ELEMENTS (arguments); i++)
    arguments[i] = va_arg (list, long);
  va_end (list);

  if (number == SYS_pidfd_send_signal && old_kernel && (int) arguments[3] != 0)
    {
      errno = EINVAL;
      return -1;
    }
  if (number == SYS_pidfd_send_signal && denied && (int) arguments[1] != 0)
    {
      errno = EPERM;
      return -1;
    }
  return __real_syscall (number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static const KaaProcessFlags kinds[] = { KAA_PROCESS_NONE, KAA_PROCESS_NEW_GROUP, KAA_PROCESS_PTY };

/* stop() says so, and the child goes on; wait() does not mind. */
static void
test_denied (void)
{
  const double times[] = { 60, 0, -1 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    for (guint j = 0; j < G_N_ELEMENTS (times); j++)
      {
        KaaProcess *self = new_process (kinds[i], "sleep", "600", NULL);
        KaaInProgress *end, *stopped;
        GError *error = NULL;

        start (self);
        end = kaa_process_wait (self);
        denied = TRUE;
        stopped = kaa_process_stop (self, times[j]);
        assert_fails (stopped, G_IO_ERROR_PERMISSION_DENIED);
        g_assert_false (kaa_process_get_stopping (self));
        g_assert_true (kaa_process_get_running (self));
        g_assert_false (kaa_in_progress_get_finished (end));
        g_assert_false (kaa_process_send_signal (self, SIGTERM, &error));
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
        g_clear_error (&error);

        /* It may be tried again. */
        denied = FALSE;
        assert_status (kaa_process_stop (self, 60), -SIGTERM);
        assert_status (end, -SIGTERM);
        finish_process (self);
      }
}

/* TERM comes later, behind the command; KILL later still. */
static void
test_denied_later (void)
{
  KaaProcess *self = kaa_process_new_shell ("while :; do read line; done", KAA_PROCESS_NONE);
  KaaInProgress *first, *second;

  kaa_process_set_stop_command (self, "quit\n");
  start (self);
  denied = TRUE;
  first = kaa_process_stop (self, 0.2);
  second = kaa_process_stop (self, 3600);
  assert_fails (first, G_IO_ERROR_PERMISSION_DENIED);
  assert_fails (second, G_IO_ERROR_PERMISSION_DENIED);
  denied = FALSE;
  finish_process (self);

  self = kaa_process_new_shell ("trap '' TERM; echo ready; while :; do read line; done", KAA_PROCESS_NONE);
  start (self);
  assert_line (self, "ready\n");
  first = kaa_process_stop (self, 0.2);
  denied = TRUE;
  assert_fails (first, G_IO_ERROR_PERMISSION_DENIED);
  denied = FALSE;
  finish_process (self);
}

/* A command that cannot be said is followed by the signal at once. */
static void
test_command_unsaid (void)
{
  KaaProcess *self = kaa_process_new_shell ("exec <&-; echo ready; exec sleep 600", KAA_PROCESS_NONE);

  kaa_process_set_stop_command (self, "quit\n");
  start (self);
  assert_line (self, "ready\n");
  assert_status (kaa_process_stop (self, 3600), -SIGTERM);
  finish_process (self);

  self = new_process (KAA_PROCESS_NONE, "sleep", "600", NULL);
  kaa_process_set_stop_command (self, "quit\n");
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (self), 3);
  start (self);
  assert_status (kaa_process_stop (self, 3600), -SIGTERM);
  finish_process (self);
}

/* Before Linux 6.9 a group has only its number. */
static void
test_old_kernel (void)
{
  for (guint i = 1; i < G_N_ELEMENTS (kinds); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("(trap '' TERM HUP; printf x >&9; exec sleep 600) & wait; :", kinds[i]);
      int read_end, write_end;
      KaaIOChannel *held;
      char byte;

      old_kernel = TRUE;
      make_pipe (&read_end, &write_end);
      g_assert_true (kaa_process_take_fd (self, write_end, 9, NULL));
      start (self);
      g_assert_cmpint (read (read_end, &byte, 1), ==, 1);
      assert_status (kaa_process_stop (self, 0.5), -SIGTERM);
      held = kaa_io_channel_new_for_fd (read_end, KAA_IO_READ, NULL);
      assert_bytes (kaa_io_channel_read (held), "");
      g_object_unref (held);
      old_kernel = FALSE;
      finish_process (self);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/child/denied", test_denied);
  g_test_add_func ("/child/denied-later", test_denied_later);
  g_test_add_func ("/child/command-unsaid", test_command_unsaid);
  g_test_add_func ("/child/old-kernel", test_old_kernel);
  return g_test_run ();
}

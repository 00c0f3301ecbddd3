/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C8: O_NONBLOCK, counted for each open file description. */

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
make_pipe (int fds[2])
{
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
}

static void
close_both (int fds[2])
{
  g_assert_no_errno (close (fds[0]));
  g_assert_no_errno (close (fds[1]));
}

static gboolean
is_nonblocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  g_assert_no_errno (flags);
  return (flags & O_NONBLOCK) != 0;
}

static void
test_shared (void)
{
  KaaFdInfo info;
  int fds[2], twin;

  make_pipe (fds);
  twin = dup (fds[0]);
  g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));

  g_assert_true (kaa_sys_acquire_nonblocking (fds[0], &info));
  g_assert_true (is_nonblocking (twin));
  g_assert_true (kaa_sys_acquire_nonblocking (twin, &info));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[0], &info));
  kaa_sys_release_nonblocking (fds[0], &info);
  g_assert_true (is_nonblocking (twin));
  kaa_sys_release_nonblocking (fds[0], &info);
  g_assert_true (is_nonblocking (twin));
  kaa_sys_release_nonblocking (twin, &info);
  g_assert_false (is_nonblocking (twin));
  g_assert_false (is_nonblocking (fds[0]));

  /* One release too many, and the other end of it, are nothing to us. */
  kaa_sys_release_nonblocking (twin, &info);
  g_assert_false (is_nonblocking (fds[1]));

  close (twin);
  close_both (fds);
}

/* Two descriptions of one pipe have nothing to do with each other. */
static void
test_separate (void)
{
  KaaFdInfo info;
  int fds[2], other;

  make_pipe (fds);
  other = kaa_sys_reopen (fds[0], O_RDONLY);
  g_assert_no_errno (other);
  g_assert_no_errno (fcntl (other, F_SETFL, 0));
  if (syscall (SYS_kcmp, getpid (), getpid (), 0, (long) fds[0], (long) other) < 0)
    {
      g_test_skip ("the kernel does not tell descriptions apart here");
    }
  else
    {
      g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));
      g_assert_true (kaa_sys_acquire_nonblocking (fds[0], &info));
      g_assert_false (is_nonblocking (other));
      g_assert_true (kaa_sys_acquire_nonblocking (other, &info));
      kaa_sys_release_nonblocking (fds[0], &info);
      g_assert_false (is_nonblocking (fds[0]));
      g_assert_true (is_nonblocking (other));
      kaa_sys_release_nonblocking (other, &info);
      g_assert_false (is_nonblocking (other));
    }

  close (other);
  close_both (fds);
}

/* What was nonblocking before stays so, and no other flag is touched. */
static void
test_restores (void)
{
  KaaFdInfo info;
  int fds[2];

  make_pipe (fds);
  g_assert_true (kaa_sys_inspect (fds[1], &info, NULL));
  g_assert_no_errno (fcntl (fds[1], F_SETFL, O_NONBLOCK));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[1], &info));
  kaa_sys_release_nonblocking (fds[1], &info);
  g_assert_true (is_nonblocking (fds[1]));

  g_assert_no_errno (fcntl (fds[1], F_SETFL, 0));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[1], &info));
  g_assert_no_errno (fcntl (fds[1], F_SETFL, O_NONBLOCK | O_APPEND));
  kaa_sys_release_nonblocking (fds[1], &info);
  g_assert_cmpint (fcntl (fds[1], F_GETFL) & (O_NONBLOCK | O_APPEND), ==, O_APPEND);

  /* Cleared behind our back: the next one sets it again. */
  g_assert_true (kaa_sys_acquire_nonblocking (fds[1], &info));
  g_assert_no_errno (fcntl (fds[1], F_SETFL, 0));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[1], &info));
  g_assert_true (is_nonblocking (fds[1]));
  kaa_sys_release_nonblocking (fds[1], &info);
  kaa_sys_release_nonblocking (fds[1], &info);
  g_assert_false (is_nonblocking (fds[1]));

  close_both (fds);
}

/* C11: the number was closed, or means another by the time it is released. */
static void
test_stranger (void)
{
  KaaFdInfo info;
  int fds[2], stranger[2], twin;

  make_pipe (fds);
  make_pipe (stranger);
  g_assert_no_errno (fcntl (stranger[0], F_SETFL, O_NONBLOCK));
  twin = dup (fds[0]);
  g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[0], &info));
  g_assert_true (kaa_sys_acquire_nonblocking (twin, &info));

  g_assert_no_errno (dup2 (stranger[0], fds[0]));
  kaa_sys_release_nonblocking (fds[0], &info);
  g_assert_true (is_nonblocking (stranger[0]));
  g_assert_true (is_nonblocking (twin));

  /* The twin still puts back what was. */
  kaa_sys_release_nonblocking (twin, &info);
  g_assert_false (is_nonblocking (twin));

  /* The last one a stranger. */
  g_assert_true (kaa_sys_acquire_nonblocking (twin, &info));
  g_assert_no_errno (dup2 (stranger[0], twin));
  kaa_sys_release_nonblocking (twin, &info);
  g_assert_true (is_nonblocking (stranger[0]));
  close (twin);
  g_assert_false (kaa_sys_acquire_nonblocking (twin, &info));
  g_assert_cmpint (errno, ==, EBADF);

  close_both (fds);
  close_both (stranger);
}

/* C11: nor does the table lose track where the first of two numbers is closed. */
static void
test_closed (void)
{
  KaaFdInfo info;
  int fds[2], twin;

  make_pipe (fds);
  twin = dup (fds[0]);
  g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));
  g_assert_true (kaa_sys_acquire_nonblocking (fds[0], &info));
  close (fds[0]);
  g_assert_true (kaa_sys_acquire_nonblocking (twin, &info));
  kaa_sys_release_nonblocking (fds[0], &info);
  g_assert_true (is_nonblocking (twin));
  kaa_sys_release_nonblocking (twin, &info);
  g_assert_false (is_nonblocking (twin));

  close (twin);
  close (fds[1]);
}

/* Both ends of a pipe are one inode but two descriptions; and there is more than one pipe. */
static void
test_many (void)
{
  KaaFdInfo info[4];
  int fds[4], i;

  make_pipe (fds);
  make_pipe (fds + 2);
  for (i = 0; i < 4; i++)
    {
      g_assert_true (kaa_sys_inspect (fds[i], &info[i], NULL));
      g_assert_true (kaa_sys_acquire_nonblocking (fds[i], &info[i]));
    }

  for (i = 0; i < 4; i++)
    {
      g_assert_true (is_nonblocking (fds[i]));
      kaa_sys_release_nonblocking (fds[i], &info[i]);
      g_assert_false (is_nonblocking (fds[i]));
    }

  close_both (fds);
  close_both (fds + 2);
}

/* Where a sandbox forbids to ask the kernel, device, inode and access mode decide. */
static void
check_without_kcmp (void)
{
  struct sock_filter filter[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
  };
  struct sock_fprog program = { G_N_ELEMENTS (filter), filter };

  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    return;

  test_shared ();
  test_restores ();
  test_stranger ();
  test_closed ();
  test_many ();
}

static void
test_without_kcmp (void)
{
  if (g_test_subprocess ())
    {
      check_without_kcmp ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/bytes/sys-nonblocking/C8/shared", test_shared);
  g_test_add_func ("/bytes/sys-nonblocking/C8/separate", test_separate);
  g_test_add_func ("/bytes/sys-nonblocking/C8/restores", test_restores);
  g_test_add_func ("/bytes/sys-nonblocking/C8/many", test_many);
  g_test_add_func ("/bytes/sys-nonblocking/C8/without-kcmp", test_without_kcmp);
  g_test_add_func ("/bytes/sys-nonblocking/C11/stranger", test_stranger);
  g_test_add_func ("/bytes/sys-nonblocking/C11/closed", test_closed);

  return g_test_run ();
}

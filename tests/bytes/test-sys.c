/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* The next so many of the system calls below end with EINTR. */
static int n_interruptions;

static gboolean
is_interrupted (void)
{
  if (n_interruptions == 0)
    return FALSE;

  n_interruptions--;
  errno = EINTR;
  return TRUE;
}

/* The library's pwritev2() comes here: real, or as a kernel would answer that does not know the
 * flag, or one that knows it but has a driver that refuses it. */
static int refuse_with;        /* an errno; 0: ask the kernel */
static int refuse_fd = -1;     /* only this one; -1: all */
static gboolean plain_writes;  /* as if the kernel knew the flag */
static int n_pwritev2;

ssize_t
pwritev2 (int                 fd,
          const struct iovec *vectors,
          int                 n,
          off_t               offset,
          int                 flags)
{
  n_pwritev2++;
  if (is_interrupted ())
    return -1;

  if (refuse_with != 0 && (refuse_fd < 0 || refuse_fd == fd))
    {
      errno = refuse_with;
      return -1;
    }

  if (plain_writes)
    return writev (fd, vectors, n);

  return syscall (SYS_pwritev2, fd, vectors, n, (long) offset, offset < 0 ? -1L : 0L, flags);
}

ssize_t
read (int    fd,
      void  *buffer,
      size_t length)
{
  return is_interrupted () ? -1 : syscall (SYS_read, fd, buffer, length);
}

ssize_t
recv (int    fd,
      void  *buffer,
      size_t length,
      int    flags)
{
  return is_interrupted () ? -1 : syscall (SYS_recvfrom, fd, buffer, length, flags, NULL, NULL);
}

ssize_t
writev (int                 fd,
        const struct iovec *vectors,
        int                 n)
{
  return is_interrupted () ? -1 : syscall (SYS_writev, fd, vectors, n);
}

ssize_t
sendmsg (int                  fd,
         const struct msghdr *message,
         int                  flags)
{
  return is_interrupted () ? -1 : syscall (SYS_sendmsg, fd, message, flags);
}

/* It is closed also where it says EINTR. */
int
close (int fd)
{
  int result = syscall (SYS_close, fd);

  return is_interrupted () ? -1 : result;
}

static void
make_pipe (int fds[2])
{
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
}

static void
make_socket_pair (int fds[2],
                  int type)
{
  g_assert_no_errno (socketpair (AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

static void
close_both (int fds[2])
{
  g_assert_no_errno (kaa_sys_close (fds[0]));
  g_assert_no_errno (kaa_sys_close (fds[1]));
}

/* A raw pseudo-terminal: [0] the master, [1] the slave. */
static gboolean
make_pty (int fds[2])
{
  struct termios settings;

  fds[0] = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fds[0] < 0 || grantpt (fds[0]) < 0 || unlockpt (fds[0]) < 0)
    {
      g_test_skip ("no pseudo-terminals here");
      return FALSE;
    }

  fds[1] = open (ptsname (fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fds[1], >=, 0);
  g_assert_no_errno (tcgetattr (fds[1], &settings));
  cfmakeraw (&settings);
  g_assert_no_errno (tcsetattr (fds[1], TCSANOW, &settings));

  return TRUE;
}

static gssize
write_text (int         fd,
            const char *text)
{
  struct iovec vectors[2] = {
    { (void *) text, 1 },
    { (void *) (text + 1), strlen (text) - 1 }
  };

  return kaa_sys_writev (fd, vectors, 2);
}

static void
assert_reads (int         fd,
              const char *expected)
{
  char buffer[100];
  gssize n = kaa_sys_read (fd, buffer, sizeof (buffer));

  g_assert_no_errno (n);
  g_assert_cmpmem (buffer, n, expected, strlen (expected));
}

static gboolean
is_nonblocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  g_assert_no_errno (flags);
  return (flags & O_NONBLOCK) != 0;
}

/* inspect() */

static void
assert_kind (int       fd,
             KaaFdKind kind,
             gboolean  readable,
             gboolean  writable)
{
  GError *error = NULL;
  KaaFdInfo info;

  g_assert_true (kaa_sys_inspect (fd, &info, &error));
  g_assert_no_error (error);
  g_assert_cmpint (info.kind, ==, kind);
  g_assert_cmpint (info.readable, ==, readable);
  g_assert_cmpint (info.writable, ==, writable);
  g_assert_cmpint (info.nonblocking, ==, is_nonblocking (fd));
  g_assert_true (kaa_sys_is_same (fd, &info));
}

static void
assert_kind_of_path (const char *path,
                     int         flags,
                     KaaFdKind   kind,
                     gboolean    readable,
                     gboolean    writable)
{
  int fd = open (path, flags | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  assert_kind (fd, kind, readable, writable);
  kaa_sys_close (fd);
}

static void
test_inspect_kinds (void)
{
  char *path;
  int fds[2], fd;

  make_pipe (fds);
  assert_kind (fds[0], KAA_FD_PIPE, TRUE, FALSE);
  assert_kind (fds[1], KAA_FD_PIPE, FALSE, TRUE);
  g_assert_no_errno (fcntl (fds[0], F_SETFL, O_NONBLOCK));
  assert_kind (fds[0], KAA_FD_PIPE, TRUE, FALSE);
  close_both (fds);

  make_socket_pair (fds, SOCK_STREAM);
  assert_kind (fds[0], KAA_FD_SOCKET, TRUE, TRUE);
  close_both (fds);

  fd = g_file_open_tmp (NULL, &path, NULL);
  assert_kind (fd, KAA_FD_FILE, TRUE, TRUE);
  assert_kind_of_path (path, O_RDONLY, KAA_FD_FILE, TRUE, FALSE);
  assert_kind_of_path (path, O_WRONLY, KAA_FD_FILE, FALSE, TRUE);
  kaa_sys_close (fd);
  unlink (path);
  g_free (path);
}

/* What lseek() takes for a file but is none. */
static void
test_inspect_no_files (void)
{
  int fd = eventfd (0, EFD_CLOEXEC);

  g_assert_no_errno (fd);
  assert_kind (fd, KAA_FD_OTHER, TRUE, TRUE);
  kaa_sys_close (fd);
  assert_kind_of_path ("/dev/null", O_RDWR, KAA_FD_OTHER, TRUE, TRUE);
  assert_kind_of_path ("/dev/full", O_WRONLY, KAA_FD_OTHER, FALSE, TRUE);
}

static void
test_inspect_pty (void)
{
  KaaFdInfo info;
  int fds[2];

  if (!make_pty (fds))
    return;

  assert_kind (fds[0], KAA_FD_TTY, TRUE, TRUE);
  assert_kind (fds[1], KAA_FD_TTY, TRUE, TRUE);

  g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));
  g_assert_true (info.pty);
  g_assert_true (info.pty_master);
  g_assert_true (kaa_sys_inspect (fds[1], &info, NULL));
  g_assert_true (info.pty);
  g_assert_false (info.pty_master);

  /* It is still one after the hang-up. */
  kaa_sys_close (fds[0]);
  assert_kind (fds[1], KAA_FD_TTY, TRUE, TRUE);
  g_assert_true (kaa_sys_inspect (fds[1], &info, NULL));
  g_assert_true (info.pty);
  kaa_sys_close (fds[1]);

  make_pipe (fds);
  g_assert_true (kaa_sys_inspect (fds[0], &info, NULL));
  g_assert_false (info.pty);
  g_assert_false (info.pty_master);
  close_both (fds);
}

static void
assert_refused (int  fd,
                gint code)
{
  GError *error = NULL;
  KaaFdInfo info, before;
  char *number = g_strdup_printf ("%d", fd);

  memset (&info, 0x55, sizeof (info));
  before = info;
  g_assert_false (kaa_sys_inspect (fd, &info, &error));
  g_assert_error (error, G_IO_ERROR, code);
  /* It names the descriptor and says what to do. */
  g_assert_nonnull (strstr (error->message, number));
  g_assert_nonnull (strstr (error->message, ": "));
  g_assert_cmpmem (&info, sizeof (info), &before, sizeof (before));
  g_assert_false (kaa_sys_inspect (fd, &info, NULL));

  g_error_free (error);
  g_free (number);
}

static void
test_inspect_refuses (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fds[2], fd;

  assert_refused (-1, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (G_MAXINT, G_IO_ERROR_INVALID_ARGUMENT);

  fd = open ("/", O_RDONLY | O_CLOEXEC);
  assert_refused (fd, G_IO_ERROR_IS_DIRECTORY);
  kaa_sys_close (fd);
  assert_refused (fd, G_IO_ERROR_INVALID_ARGUMENT);

  fd = open ("/dev/null", O_PATH | O_CLOEXEC);
  assert_refused (fd, G_IO_ERROR_INVALID_ARGUMENT);
  kaa_sys_close (fd);

  make_socket_pair (fds, SOCK_DGRAM);
  assert_refused (fds[0], G_IO_ERROR_NOT_SUPPORTED);
  close_both (fds);
  make_socket_pair (fds, SOCK_SEQPACKET);
  assert_refused (fds[0], G_IO_ERROR_NOT_SUPPORTED);
  close_both (fds);

  /* An abstract name that the kernel chooses. */
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof (sa_family_t)));
  g_assert_no_errno (listen (fd, 1));
  assert_refused (fd, G_IO_ERROR_INVALID_ARGUMENT);
  kaa_sys_close (fd);
}

static void
test_is_same (void)
{
  int a[2], b[2];
  KaaFdInfo info;

  make_pipe (a);
  make_pipe (b);
  g_assert_true (kaa_sys_inspect (a[0], &info, NULL));
  g_assert_true (kaa_sys_is_same (a[0], &info));
  g_assert_false (kaa_sys_is_same (b[0], &info));
  g_assert_false (kaa_sys_is_same (-1, &info));

  /* Closed behind our back, and the number given to another. */
  g_assert_no_errno (dup2 (b[0], a[0]));
  g_assert_false (kaa_sys_is_same (a[0], &info));
  kaa_sys_close (a[0]);
  g_assert_false (kaa_sys_is_same (a[0], &info));
  kaa_sys_close (a[1]);
  close_both (b);
}

/* Reading and writing */

static void
test_pipe (void)
{
  char buffer[10];
  int fds[2];

  make_pipe (fds);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, 5);
  g_assert_cmpuint (kaa_sys_get_unread (fds[0]), ==, 5);
  assert_reads (fds[0], "hello");
  g_assert_cmpuint (kaa_sys_get_unread (fds[0]), ==, 0);

  g_assert_no_errno (fcntl (fds[0], F_SETFL, O_NONBLOCK));
  g_assert_cmpint (kaa_sys_read (fds[0], buffer, sizeof (buffer)), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
  kaa_sys_close (fds[1]);
  g_assert_cmpint (kaa_sys_read (fds[0], buffer, sizeof (buffer)), ==, 0);
  kaa_sys_close (fds[0]);

  g_assert_cmpint (kaa_sys_read (fds[0], buffer, sizeof (buffer)), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpint (write_text (fds[0], "hello"), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpint (kaa_sys_close (fds[0]), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpuint (kaa_sys_get_unread (fds[0]), ==, 0);
}

/* C8: a socket need not be nonblocking not to block. */
static void
test_socket_does_not_block (void)
{
  static char data[65536];
  struct iovec vector = { data, sizeof (data) };
  char buffer[10];
  int fds[2];

  make_socket_pair (fds, SOCK_STREAM);
  g_assert_cmpint (kaa_sys_recv (fds[0], buffer, sizeof (buffer)), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);

  g_assert_cmpint (kaa_sys_sendv (fds[1], &vector, 1), >, 0);
  g_assert_cmpint (kaa_sys_recv (fds[0], buffer, sizeof (buffer)), ==, sizeof (buffer));
  while (kaa_sys_sendv (fds[1], &vector, 1) > 0)
    continue;
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_false (is_nonblocking (fds[0]));
  g_assert_false (is_nonblocking (fds[1]));
  close_both (fds);
}

/* More vectors than the kernel takes at once: the first ones go. */
static void
test_too_many_vectors (void)
{
  static char byte = 'x';
  struct iovec vectors[3000];
  int fds[2], i;

  for (i = 0; i < 3000; i++)
    {
      vectors[i].iov_base = &byte;
      vectors[i].iov_len = 1;
    }

  make_pipe (fds);
  g_assert_cmpint (kaa_sys_writev (fds[1], vectors, 3000), >=, 16);
  close_both (fds);
  make_socket_pair (fds, SOCK_STREAM);
  g_assert_cmpint (kaa_sys_sendv (fds[1], vectors, 3000), >=, 16);
  close_both (fds);
}

/* Each kind of descriptor takes a write, or says the error that is really its own. */
static void
check_every_kind (void)
{
  guint64 one = 1;
  struct iovec vector = { &one, sizeof (one) };
  char *path;
  int fds[2], fd;

  fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (write_text (fd, "hello"), ==, -1);
  g_assert_cmpint (errno, ==, ENOSPC);
  kaa_sys_close (fd);

  fd = eventfd (0, EFD_CLOEXEC);
  g_assert_cmpint (kaa_sys_writev (fd, &vector, 1), ==, sizeof (one));
  kaa_sys_close (fd);

  fd = g_file_open_tmp (NULL, &path, NULL);
  g_assert_cmpint (write_text (fd, "hel"), ==, 3);
  g_assert_cmpint (write_text (fd, "lo"), ==, 2);
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  assert_reads (fd, "hello");
  kaa_sys_close (fd);
  unlink (path);
  g_free (path);

  make_socket_pair (fds, SOCK_STREAM);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, 5);
  assert_reads (fds[0], "hello");
  close_both (fds);

  make_pipe (fds);
  g_assert_cmpint (write_text (fds[0], "hello"), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, 5);
  assert_reads (fds[0], "hello");
  close_both (fds);

  if (make_pty (fds))
    {
      g_assert_cmpint (write_text (fds[1], "hello"), ==, 5);
      assert_reads (fds[0], "hello");
      close_both (fds);
    }
}

static void
test_every_kind (void)
{
  static const int refusals[] = { 0, EOPNOTSUPP, ENOSYS, EINVAL, EPERM };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      refuse_with = refusals[i];
      check_every_kind ();
      refuse_with = 0;
    }
}

/* What is learnt about the kernel is learnt once for the process, so these run in one each. */

static void
in_subprocess (void (*check) (void))
{
  if (g_test_subprocess ())
    {
      check ();
      return;
    }

  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
}

static void
check_old_kernel (int code)
{
  int fds[2];

  make_pipe (fds);
  refuse_with = code;
  g_assert_cmpint (write_text (fds[1], "a "), ==, 2);
  g_assert_cmpint (n_pwritev2, ==, 1);
  g_assert_cmpint (write_text (fds[1], "b "), ==, 2);
  g_assert_cmpint (n_pwritev2, ==, 1);
  assert_reads (fds[0], "a b ");
  close_both (fds);
}

static void
check_old_kernel_notsupp (void)
{
  check_old_kernel (EOPNOTSUPP);
}

static void
check_old_kernel_inval (void)
{
  check_old_kernel (EINVAL);
}

static void
check_old_kernel_nosys (void)
{
  int fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);

  refuse_with = ENOSYS;
  g_assert_cmpint (write_text (fd, "a "), ==, 2);
  g_assert_cmpint (write_text (fd, "a "), ==, 2);
  g_assert_cmpint (n_pwritev2, ==, 1);
  kaa_sys_close (fd);
}

static void
check_old_kernel_terminal (void)
{
  int fds[2];

  if (!make_pty (fds))
    return;

  refuse_with = EOPNOTSUPP;
  g_assert_cmpint (write_text (fds[1], "a "), ==, 2);
  g_assert_cmpint (write_text (fds[1], "a "), ==, 2);
  g_assert_cmpint (n_pwritev2, ==, 1);
  close_both (fds);
}

static void
test_old_kernel_notsupp (void)
{
  in_subprocess (check_old_kernel_notsupp);
}

static void
test_old_kernel_inval (void)
{
  in_subprocess (check_old_kernel_inval);
}

static void
test_old_kernel_nosys (void)
{
  in_subprocess (check_old_kernel_nosys);
}

static void
test_old_kernel_terminal (void)
{
  in_subprocess (check_old_kernel_terminal);
}

/* One driver that refuses the flag says nothing about the kernel. */
static void
check_one_driver (void)
{
  guint64 one = 1;
  struct iovec vector = { &one, sizeof (one) };
  int fds[2], fd, i;

  plain_writes = TRUE;
  fd = eventfd (0, EFD_CLOEXEC);
  make_pipe (fds);
  for (i = 0; i < 3; i++)
    {
      refuse_fd = fd;
      refuse_with = i == 1 ? EINVAL : EOPNOTSUPP;
      g_assert_cmpint (kaa_sys_writev (fd, &vector, 1), ==, sizeof (one));
      refuse_with = 0;

      n_pwritev2 = 0;
      g_assert_cmpint (write_text (fds[1], "ab"), ==, 2);
      g_assert_cmpint (n_pwritev2, ==, 1);
    }

  /* Once it is known to work, one refusal does not change that either. */
  refuse_fd = fds[1];
  refuse_with = EINVAL;
  g_assert_cmpint (write_text (fds[1], "ab"), ==, 2);
  refuse_with = 0;
  n_pwritev2 = 0;
  g_assert_cmpint (write_text (fds[1], "ab"), ==, 2);
  g_assert_cmpint (n_pwritev2, ==, 1);

  kaa_sys_close (fd);
  close_both (fds);
}

static void
test_one_driver (void)
{
  in_subprocess (check_one_driver);
}

/* W7: SIGPIPE */

static int n_sigpipes;

static void
count_sigpipe (int number)
{
  n_sigpipes++;
}

static gboolean
sigpipe_is_pending (void)
{
  sigset_t pending;

  g_assert_no_errno (sigpending (&pending));
  return sigismember (&pending, SIGPIPE);
}

/* Writes where nobody reads any more. */
static void
write_into_the_void (void)
{
  struct iovec vector = { (void *) "hello", 5 };
  int fds[2];

  make_pipe (fds);
  kaa_sys_close (fds[0]);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, -1);
  g_assert_cmpint (errno, ==, EPIPE);
  kaa_sys_close (fds[1]);

  make_socket_pair (fds, SOCK_STREAM);
  kaa_sys_close (fds[0]);
  g_assert_cmpint (kaa_sys_sendv (fds[1], &vector, 1), ==, -1);
  g_assert_cmpint (errno, ==, EPIPE);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, -1);
  g_assert_cmpint (errno, ==, EPIPE);
  kaa_sys_close (fds[1]);
}

/* Under a disposition, which must be the same afterwards; and so must the signal mask. */
static void
check_disposition (void (*handler) (int))
{
  struct sigaction action = { 0 }, original, after;
  sigset_t sigpipe, mask_before, mask_after;
  int number;

  action.sa_handler = handler;
  g_assert_no_errno (sigaction (SIGPIPE, &action, &original));
  sigemptyset (&sigpipe);
  sigaddset (&sigpipe, SIGPIPE);
  pthread_sigmask (SIG_UNBLOCK, &sigpipe, NULL);
  pthread_sigmask (SIG_SETMASK, NULL, &mask_before);
  n_sigpipes = 0;

  write_into_the_void ();

  g_assert_cmpint (n_sigpipes, ==, 0);
  g_assert_false (sigpipe_is_pending ());
  pthread_sigmask (SIG_SETMASK, NULL, &mask_after);
  for (number = 1; number < SIGRTMAX; number++)
    g_assert_cmpint (sigismember (&mask_before, number), ==, sigismember (&mask_after, number));
  g_assert_no_errno (sigaction (SIGPIPE, &original, &after));
  g_assert_true (after.sa_handler == handler);
}

static void
check_all_dispositions (void)
{
  check_disposition (SIG_DFL);
  check_disposition (SIG_IGN);
  check_disposition (count_sigpipe);
}

/* Where the application has SIGPIPE blocked: ours goes, one that was there before stays. */
static void
check_blocked (gboolean pending_before)
{
  static const struct timespec now = { 0, 0 };
  struct sigaction action = { 0 }, original;
  sigset_t sigpipe, mask;

  action.sa_handler = count_sigpipe;
  g_assert_no_errno (sigaction (SIGPIPE, &action, &original));
  sigemptyset (&sigpipe);
  sigaddset (&sigpipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &sigpipe, &mask);
  if (pending_before)
    raise (SIGPIPE);

  write_into_the_void ();

  g_assert_cmpint (sigpipe_is_pending (), ==, pending_before);
  if (pending_before)
    g_assert_cmpint (sigtimedwait (&sigpipe, NULL, &now), ==, SIGPIPE);
  g_assert_false (sigpipe_is_pending ());
  pthread_sigmask (SIG_SETMASK, &mask, NULL);
  g_assert_no_errno (sigaction (SIGPIPE, &original, NULL));
}

static gpointer
check_sigpipe (gpointer unused)
{
  check_all_dispositions ();
  check_blocked (/* pending_before= */ FALSE);
  check_blocked (/* pending_before= */ TRUE);

  return NULL;
}

static void
test_sigpipe (void)
{
  check_sigpipe (NULL);
  g_thread_join (g_thread_new ("sigpipe", check_sigpipe, NULL));
}

static void
test_sigpipe_fallback (void)
{
  refuse_with = EOPNOTSUPP;
  check_sigpipe (NULL);
  g_thread_join (g_thread_new ("sigpipe", check_sigpipe, NULL));
  refuse_with = 0;
}

/* EINTR */

static void
test_eintr (void)
{
  struct iovec vector = { (void *) "ab", 2 };
  char byte;
  int fds[2];

  make_socket_pair (fds, SOCK_STREAM);
  plain_writes = TRUE;

  n_interruptions = 3;
  g_assert_cmpint (kaa_sys_sendv (fds[1], &vector, 1), ==, 2);
  n_interruptions = 3;
  g_assert_cmpint (kaa_sys_recv (fds[0], &byte, 1), ==, 1);
  n_interruptions = 3;
  g_assert_cmpint (kaa_sys_read (fds[0], &byte, 1), ==, 1);
  n_interruptions = 3;
  g_assert_cmpint (kaa_sys_writev (fds[1], &vector, 1), ==, 2);
  refuse_with = EOPNOTSUPP;
  n_interruptions = 3;
  g_assert_cmpint (kaa_sys_writev (fds[1], &vector, 1), ==, 2);
  refuse_with = 0;
  g_assert_cmpint (n_interruptions, ==, 0);
  plain_writes = FALSE;

  /* Closing is not tried again: the number may be another's. */
  n_interruptions = 2;
  g_assert_cmpint (kaa_sys_close (fds[0]), ==, 0);
  g_assert_cmpint (n_interruptions, ==, 1);
  n_interruptions = 0;
  kaa_sys_close (fds[1]);
}

/* C8: reopen() */

static void
assert_reopened (int fd,
                 int mode)
{
  int own = kaa_sys_reopen (fd, mode);
  KaaFdInfo info, own_info;

  g_assert_no_errno (own);
  g_assert_cmpint (own, !=, fd);
  g_assert_true (is_nonblocking (own));
  g_assert_false (is_nonblocking (fd));
  g_assert_cmpint (fcntl (own, F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (fcntl (own, F_GETFL) & O_ACCMODE, ==, mode);
  g_assert_true (kaa_sys_inspect (fd, &info, NULL));
  g_assert_true (kaa_sys_inspect (own, &own_info, NULL));
  g_assert_cmpint (own_info.kind, ==, info.kind);
  g_assert_true (kaa_sys_is_same (own, &info));
  kaa_sys_close (own);
}

static void
test_reopen_pipe (void)
{
  int fds[2], own;

  make_pipe (fds);
  assert_reopened (fds[0], O_RDONLY);
  assert_reopened (fds[1], O_WRONLY);

  /* It is the same pipe. */
  own = kaa_sys_reopen (fds[0], O_RDONLY);
  g_assert_cmpint (write_text (fds[1], "hello"), ==, 5);
  assert_reads (own, "hello");
  kaa_sys_close (own);
  close_both (fds);
}

static void
test_reopen_fifo (void)
{
  char *folder = g_dir_make_tmp (NULL, NULL);
  char *path = g_build_filename (folder, "fifo", NULL);
  int reader, writer;

  g_assert_no_errno (mkfifo (path, 0600));
  reader = open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  writer = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_no_errno (fcntl (reader, F_SETFL, 0));
  assert_reopened (reader, O_RDONLY);
  assert_reopened (writer, O_WRONLY);

  kaa_sys_close (reader);
  g_assert_cmpint (kaa_sys_reopen (writer, O_WRONLY), ==, -1);
  g_assert_cmpint (errno, ==, ENXIO);

  kaa_sys_close (writer);
  unlink (path);
  rmdir (folder);
  g_free (path);
  g_free (folder);
}

static void
test_reopen_pty (void)
{
  int fds[2];

  if (!make_pty (fds))
    return;

  assert_reopened (fds[1], O_RDWR);

  /* That would be another terminal. */
  g_assert_cmpint (kaa_sys_reopen (fds[0], O_RDWR), ==, -1);
  g_assert_cmpint (errno, ==, ENOTSUP);

  kaa_sys_close (fds[0]);
  g_assert_cmpint (kaa_sys_reopen (fds[1], O_RDWR), ==, -1);
  kaa_sys_close (fds[1]);
}

static void
test_reopen_refuses (void)
{
  int fds[2], fd;

  make_socket_pair (fds, SOCK_STREAM);
  g_assert_cmpint (kaa_sys_reopen (fds[0], O_RDWR), ==, -1);
  g_assert_cmpint (errno, ==, ENOTSUP);
  close_both (fds);

  fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (kaa_sys_reopen (fd, O_RDWR), ==, -1);
  g_assert_cmpint (errno, ==, ENOTSUP);
  kaa_sys_close (fd);

  g_assert_cmpint (kaa_sys_reopen (fd, O_RDWR), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
}

/* Several pieces in one call, what is missing after it, an end that comes later, and no signal. */
static void
test_splice (void)
{
  int from[2], to[2];
  char buffer[16];
  short missing;

  g_assert_cmpint (pipe2 (from, O_CLOEXEC), ==, 0);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, to), ==, 0);

  g_assert_cmpint (kaa_sys_splice (from[0], to[0], 100, &missing), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_cmpint (missing, ==, POLLIN);
  g_assert_cmpint (write (from[1], "one", 3), ==, 3);
  g_assert_cmpint (write (from[1], "two", 3), ==, 3);
  g_assert_cmpint (kaa_sys_splice (from[0], to[0], 4, &missing), ==, 4);
  g_assert_cmpint (missing, ==, 0);
  g_assert_cmpint (kaa_sys_splice (from[0], to[0], 100, &missing), ==, 2);
  g_assert_cmpint (missing, ==, POLLIN);
  g_assert_cmpint (read (to[1], buffer, sizeof buffer), ==, 6);
  g_assert_cmpmem (buffer, 6, "onetwo", 6);

  g_assert_cmpint (write (from[1], "three", 5), ==, 5);
  g_assert_cmpint (close (to[1]), ==, 0);
  g_assert_cmpint (kaa_sys_splice (from[0], to[0], 100, &missing), ==, -1);
  g_assert_cmpint (errno, ==, EPIPE);
  g_assert_cmpint (missing, ==, 0);
  g_assert_cmpint (kaa_sys_splice (to[0], to[0], 100, &missing), ==, -1);
  g_assert_cmpint (errno, ==, EINVAL);

  g_assert_cmpint (read (from[0], buffer, 5), ==, 5);
  g_assert_cmpint (close (from[1]), ==, 0);
  g_assert_cmpint (kaa_sys_splice (from[0], to[0], 100, &missing), ==, 0);
  g_assert_cmpint (missing, ==, 0);
  close (from[0]);
  close (to[0]);
}

/* What is full is told at once, with what could be moved before, and again where that is nothing. */
static void
test_splice_full (void)
{
  int from[2], to[2];
  char buffer[4096] = { 0, };
  gssize moved = 0;
  short missing;

  g_assert_cmpint (pipe2 (from, O_CLOEXEC), ==, 0);
  g_assert_cmpint (pipe2 (to, O_CLOEXEC | O_NONBLOCK), ==, 0);

  do
    {
      g_assert_cmpint (write (from[1], buffer, sizeof buffer), ==, sizeof buffer);
      moved = kaa_sys_splice (from[0], to[1], 2 * sizeof buffer, &missing);
    }
  while (missing != POLLOUT);
  g_assert_cmpint (moved, <, sizeof buffer);
  g_assert_cmpint (kaa_sys_splice (from[0], to[1], 2 * sizeof buffer, &missing), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_cmpint (missing, ==, POLLOUT);

  g_assert_cmpint (write (from[1], buffer, sizeof buffer), ==, sizeof buffer);
  g_assert_cmpint (read (to[0], buffer, sizeof buffer), ==, sizeof buffer);
  g_assert_cmpint (kaa_sys_splice (from[0], to[1], 2 * sizeof buffer, &missing), >, 0);
  g_assert_cmpint (missing, ==, POLLOUT);

  /* The end waits, and not for more. */
  while (kaa_sys_get_unread (from[0]) > 0)
    g_assert_cmpint (read (from[0], buffer, sizeof buffer), >, 0);
  g_assert_cmpint (close (from[1]), ==, 0);
  g_assert_cmpint (kaa_sys_splice (from[0], to[1], 100, &missing), ==, -1);
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_cmpint (missing, ==, POLLOUT);
  close (from[0]);
  close_both (to);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/bytes/sys/inspect/kinds", test_inspect_kinds);
  g_test_add_func ("/bytes/sys/inspect/R11/no-files", test_inspect_no_files);
  g_test_add_func ("/bytes/sys/inspect/pty", test_inspect_pty);
  g_test_add_func ("/bytes/sys/inspect/refuses", test_inspect_refuses);
  g_test_add_func ("/bytes/sys/C11/is-same", test_is_same);
  g_test_add_func ("/bytes/sys/pipe", test_pipe);
  g_test_add_func ("/bytes/sys/C8/socket-does-not-block", test_socket_does_not_block);
  g_test_add_func ("/bytes/sys/too-many-vectors", test_too_many_vectors);
  g_test_add_func ("/bytes/sys/W8/every-kind", test_every_kind);
  g_test_add_func ("/bytes/sys/nosignal/old-kernel-notsupp", test_old_kernel_notsupp);
  g_test_add_func ("/bytes/sys/nosignal/old-kernel-inval", test_old_kernel_inval);
  g_test_add_func ("/bytes/sys/nosignal/old-kernel-nosys", test_old_kernel_nosys);
  g_test_add_func ("/bytes/sys/nosignal/old-kernel-terminal", test_old_kernel_terminal);
  g_test_add_func ("/bytes/sys/nosignal/one-driver", test_one_driver);
  g_test_add_func ("/bytes/sys/W7/sigpipe", test_sigpipe);
  g_test_add_func ("/bytes/sys/W7/sigpipe-fallback", test_sigpipe_fallback);
  g_test_add_func ("/bytes/sys/splice", test_splice);
  g_test_add_func ("/bytes/sys/splice/full", test_splice_full);
  g_test_add_func ("/bytes/sys/eintr", test_eintr);
  g_test_add_func ("/bytes/sys/C8/reopen-pipe", test_reopen_pipe);
  g_test_add_func ("/bytes/sys/C8/reopen-fifo", test_reopen_fifo);
  g_test_add_func ("/bytes/sys/C8/reopen-pty", test_reopen_pty);
  g_test_add_func ("/bytes/sys/C8/reopen-refuses", test_reopen_refuses);

  return g_test_run ();
}

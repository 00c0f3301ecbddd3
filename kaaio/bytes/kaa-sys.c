/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/sysmacros.h>
#endif

/* Linux 6.18; the headers of the C library come later. */
#if defined (RWF_HIPRI) && !defined (RWF_NOSIGNAL)
#define RWF_NOSIGNAL 0x00000100
#endif

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

#define RETRY_ON_EINTR(result, call) \
  G_STMT_START { do (result) = (call); while ((result) < 0 && errno == EINTR); } G_STMT_END

/* What a descriptor is */

static gboolean
is_terminal (int fd)
{
  /* EIO is what a terminal answers after its hang-up. */
  return isatty (fd) || errno == EIO;
}

static gboolean
is_pty_master (int fd)
{
#ifdef TIOCGPTN
  int number;

  return ioctl (fd, TIOCGPTN, &number) == 0;
#else
  return FALSE;
#endif
}

static gboolean
is_pty_slave (dev_t device)
{
#ifdef __linux__
  return major (device) >= 136 && major (device) <= 143;
#else
  return FALSE;
#endif
}

static gboolean
check_open (int      fd,
            int      flags,
            GError **error)
{
  if (fd < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "File descriptor %d is negative: check that what opened it succeeded", fd);
      return FALSE;
    }

  if (flags < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "File descriptor %d is not open: check that nothing closed it before", fd);
      return FALSE;
    }

#ifdef O_PATH
  if ((flags & O_PATH) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "File descriptor %d was opened with O_PATH and carries no data: "
                   "open it without", fd);
      return FALSE;
    }
#endif

  return TRUE;
}

static gboolean
check_socket (int      fd,
              GError **error)
{
  int type = 0, listening = 0;
  socklen_t size = sizeof (int);

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "Socket %d keeps message boundaries, which a stream of bytes would lose: "
                   "use GSocket for it, or a socket of type SOCK_STREAM", fd);
      return FALSE;
    }

  size = sizeof (int);
  if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Socket %d is listening and carries no data: accept a connection from it "
                   "and use that, or listen with KaaSocket", fd);
      return FALSE;
    }

  return TRUE;
}

static KaaFdKind
get_device_kind (int                fd,
                 const struct stat *status,
                 KaaFdInfo         *info)
{
  info->pty_master = is_pty_master (fd);
  info->pty = info->pty_master || is_pty_slave (status->st_rdev);

  return info->pty || is_terminal (fd) ? KAA_FD_TTY : KAA_FD_OTHER;
}

static gboolean
find_kind (int                fd,
           const struct stat *status,
           KaaFdInfo         *info,
           GError           **error)
{
  switch (status->st_mode & S_IFMT)
    {
    case S_IFDIR:
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_IS_DIRECTORY,
                   "File descriptor %d is a directory: list it with GDir or GFileEnumerator", fd);
      return FALSE;

    case S_IFSOCK:
      info->kind = KAA_FD_SOCKET;
      return check_socket (fd, error);

    case S_IFIFO:
      info->kind = KAA_FD_PIPE;
      return TRUE;

    case S_IFREG:
    case S_IFBLK:
      info->kind = KAA_FD_FILE;
      return TRUE;

    case S_IFCHR:
      info->kind = get_device_kind (fd, status, info);
      return TRUE;

    default:
      info->kind = KAA_FD_OTHER;
      return TRUE;
    }
}

/* Device and inode in one number: pipes and sockets are numbered from below, and devices are in the other half. */
static guint64
get_identity (const struct stat *status)
{
  guint64 device = status->st_dev;

  return (guint64) status->st_ino ^ (device << 32 | device >> 32);
}

gboolean
kaa_sys_inspect (int         fd,
                 KaaFdInfo  *info,
                 GError    **error)
{
  KaaFdInfo found = { 0 };
  struct stat status;
  int flags = fd >= 0 ? fcntl (fd, F_GETFL) : -1;
  int mode = flags & O_ACCMODE;
  int result;

  if (!check_open (fd, flags, error))
    return FALSE;

  RETRY_ON_EINTR (result, fstat (fd, &status));
  if (result < 0)
    {
      int code = errno;

      g_set_error (error, G_IO_ERROR, (gint) g_io_error_from_errno (code),
                   "File descriptor %d cannot be examined: %s", fd, g_strerror (code));
      return FALSE;
    }

  found.readable = mode == O_RDONLY || mode == O_RDWR;
  found.writable = mode == O_WRONLY || mode == O_RDWR;
  found.nonblocking = (flags & O_NONBLOCK) != 0;
  found.identity = get_identity (&status);
  if (!find_kind (fd, &status, &found, error))
    return FALSE;

  *info = found;
  return TRUE;
}

guint64
kaa_sys_get_identity (int fd)
{
  struct stat status;

  return fstat (fd, &status) == 0 ? get_identity (&status) : 0;
}

gboolean
kaa_sys_is_same (int              fd,
                 const KaaFdInfo *info)
{
  struct stat status;
  int result;

  if (fd < 0)
    return FALSE;

  /* What cannot be examined (a file of a server that is gone: EIO, ESTALE, ENOTCONN) is open all the same. */
  RETRY_ON_EINTR (result, fstat (fd, &status));
  if (result < 0)
    return errno != EBADF;
  return get_identity (&status) == info->identity;
}

#ifdef F_SETSIG

/* The signal that would be sent when something happens, if anybody had asked for signals. A description keeps it, whatever
 * its number is, and has none to begin with. */
int
kaa_sys_mark (int fd)
{
  static int n_marks;
  int mark = SIGRTMIN + (guint) g_atomic_int_add (&n_marks, 1) % (SIGRTMAX - SIGRTMIN + 1);

  return fcntl (fd, F_SETSIG, mark) == 0 ? mark : 0;
}

gboolean
kaa_sys_has_mark (int fd,
                  int mark)
{
  int found = fcntl (fd, F_GETSIG);

  /* Nothing else says that it is gone, and what we do not recognize we never close. */
  return found == mark || (found < 0 && errno != EBADF);
}

#else

int
kaa_sys_mark (int fd)
{
  return 0;
}

gboolean
kaa_sys_has_mark (int fd,
                  int mark)
{
  return fcntl (fd, F_GETFD) >= 0 || errno != EBADF;
}

#endif

/* Reading */

gssize
kaa_sys_read (int    fd,
              void  *buffer,
              gsize  length)
{
  gssize result;

  RETRY_ON_EINTR (result, read (fd, buffer, length));

  return result;
}

gssize
kaa_sys_recv (int    fd,
              void  *buffer,
              gsize  length)
{
  gssize result;

  RETRY_ON_EINTR (result, recv (fd, buffer, length, MSG_DONTWAIT));

  return result;
}

gssize
kaa_sys_peek (int fd)
{
  char byte;
  gssize result;

  RETRY_ON_EINTR (result, recv (fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT));

  return result;
}

gsize
kaa_sys_get_unread (int fd)
{
  int unread = 0;

  if (ioctl (fd, FIONREAD, &unread) < 0 || unread < 0)
    return 0;

  /* It counts up to urgent data, and nothing of what is behind. */
  return unread > 0 || kaa_sys_peek (fd) <= 0 ? (gsize) unread : 1;
}

/* What one call of kaa_sys_splice() makes of itself. */
#define MAX_SPLICES 16

/* Writing */

/* SIGPIPE is blocked for this thread. One that was pending before is not ours and stays. (A
 * signal can only be pending for long where it was blocked before.) */
void
kaa_sys_block_sigpipe (KaaSigpipeGuard *guard)
{
  sigset_t sigpipe, pending;

  sigemptyset (&sigpipe);
  sigaddset (&sigpipe, SIGPIPE);
  guard->was_pending = FALSE;
  pthread_sigmask (SIG_BLOCK, &sigpipe, &guard->before);
  if (sigismember (&guard->before, SIGPIPE) && sigpending (&pending) == 0)
    guard->was_pending = sigismember (&pending, SIGPIPE);
}

/* Takes the one that a write made pending meanwhile, and leaves errno as it is. */
void
kaa_sys_restore_sigpipe (KaaSigpipeGuard *guard,
                         gboolean         may_be_raised)
{
  static const struct timespec now = { 0, 0 };
  int code = errno;
  sigset_t sigpipe;
  int result;

  if (may_be_raised && !guard->was_pending)
    {
      sigemptyset (&sigpipe);
      sigaddset (&sigpipe, SIGPIPE);
      RETRY_ON_EINTR (result, sigtimedwait (&sigpipe, NULL, &now));
    }
  pthread_sigmask (SIG_SETMASK, &guard->before, NULL);
  errno = code;
}

static gssize
writev_masked (int                 fd,
               const struct iovec *vectors,
               int                 n)
{
  KaaSigpipeGuard guard;
  gssize result;

  kaa_sys_block_sigpipe (&guard);
  RETRY_ON_EINTR (result, writev (fd, vectors, n));
  kaa_sys_restore_sigpipe (&guard, result < 0 && errno == EPIPE);

  return result;
}

#ifdef RWF_NOSIGNAL

typedef enum
{
  NOSIGNAL_UNKNOWN,
  NOSIGNAL_SUPPORTED,
  NOSIGNAL_UNSUPPORTED
} NoSignal;

/* What is known of this kernel (atomic). */
static int nosignal;

/* The errors by which a kernel without pwritev2() or the flag refuses a call. They may also be
 * about this one descriptor: drivers without write_iter (eventfd, /dev/full) refuse every flag.
 * So a refusal means only that this call is made again by other means... */
static gboolean
is_refusal (int code)
{
  return code == EOPNOTSUPP || code == ENOSYS || code == EINVAL || code == EPERM;
}

/* ...and counts for the kernel as a whole only where the descriptor is of a kind that takes the
 * flag on each kernel that knows it. */
static void
judge_refusal (int fd,
               int code)
{
  struct stat status;

  if (g_atomic_int_get (&nosignal) != NOSIGNAL_UNKNOWN)
    return;

  if (code == ENOSYS || (fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode)) ||
      (code == EOPNOTSUPP && isatty (fd)))
    g_atomic_int_set (&nosignal, NOSIGNAL_UNSUPPORTED);
}

/* FALSE where it was refused and nothing was written. */
static gboolean
try_writev_nosignal (int                 fd,
                     const struct iovec *vectors,
                     int                 n,
                     gssize             *result)
{
  if (g_atomic_int_get (&nosignal) == NOSIGNAL_UNSUPPORTED)
    return FALSE;

  RETRY_ON_EINTR (*result, pwritev2 (fd, vectors, n, -1, RWF_NOSIGNAL));

  if (*result < 0 && is_refusal (errno))
    {
      judge_refusal (fd, errno);
      return FALSE;
    }

  /* Writing nothing succeeds without a look at the flags. */
  if (*result > 0 && g_atomic_int_get (&nosignal) == NOSIGNAL_UNKNOWN)
    g_atomic_int_set (&nosignal, NOSIGNAL_SUPPORTED);

  return TRUE;
}

#else

static gboolean
try_writev_nosignal (int                 fd,
                     const struct iovec *vectors,
                     int                 n,
                     gssize             *result)
{
  return FALSE;
}

#endif

gssize
kaa_sys_writev (int                 fd,
                const struct iovec *vectors,
                int                 n)
{
  gssize result;

  n = MIN (n, IOV_MAX);
  if (try_writev_nosignal (fd, vectors, n, &result))
    return result;

  return writev_masked (fd, vectors, n);
}

gssize
kaa_sys_write_file (int         fd,
                    const void *data,
                    gsize       length)
{
  static const struct timespec now = { 0, 0 };
  struct iovec vector = { (void *) data, length };
  sigset_t sigxfsz, before, pending;
  gssize result;
  int code, taken;

  sigemptyset (&sigxfsz);
  sigaddset (&sigxfsz, SIGXFSZ);
  pthread_sigmask (SIG_BLOCK, &sigxfsz, &before);
  sigpending (&pending);
  result = kaa_sys_writev (fd, &vector, 1);
  code = errno;
  if (result < 0 && code == EFBIG && !sigismember (&pending, SIGXFSZ))
    RETRY_ON_EINTR (taken, sigtimedwait (&sigxfsz, NULL, &now));
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  errno = code;

  return result;
}

gssize
kaa_sys_sendv (int                 fd,
               const struct iovec *vectors,
               int                 n)
{
  struct msghdr message = { 0 };
  gssize result;

  message.msg_iov = (struct iovec *) vectors;
  message.msg_iovlen = MIN (n, IOV_MAX);
  RETRY_ON_EINTR (result, sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));

  return result;
}

#ifdef SPLICE_F_NONBLOCK

/* -1 where it cannot be known. */
static int
count_unread (int fd)
{
  int unread;

  return ioctl (fd, FIONREAD, &unread) == 0 ? unread : -1;
}

/* splice(2) does not say which of the two was not ready, and one may have become so meanwhile. The end is something to be moved, too:
 * a pipe at its end is ready, and the call fails all the same while the other one is full. Leaves errno as it is. */
static short
find_missing (int from,
              int to)
{
  struct pollfd ends[] = { { from, POLLIN, 0 }, { to, POLLOUT, 0 } };
  int code = errno;
  int result;

  RETRY_ON_EINTR (result, poll (ends, G_N_ELEMENTS (ends), 0));
  errno = code;
  if (ends[0].revents == 0)
    return POLLIN;
  return ends[1].revents == 0 ? POLLOUT : 0;
}

gssize
kaa_sys_splice (int    from,
                int    to,
                gsize  length,
                short *missing)
{
  KaaSigpipeGuard guard;
  gsize moved = 0;
  gssize result = 0;
  int left = 1;

  *missing = 0;
  /* A call often moves no more than a pipe holds: a few of them for one guard. */
  kaa_sys_block_sigpipe (&guard);
  for (guint i = 0; i < MAX_SPLICES && moved < length && *missing == 0 && left > 0; i++)
    {
      RETRY_ON_EINTR (result, splice (from, NULL, to, NULL, length - moved, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
      if (result == 0 || (result < 0 && errno != EAGAIN))
        break;
      if (result < 0)
        *missing = find_missing (from, to);
      /* Most often it is empty, and asking is cheaper than a call in vain. A socket gives its bytes before its error, and that once
       * only: a call that may find it comes first, so that its error is told. */
      else if ((moved += result) < length && (left = count_unread (from)) == 0)
        *missing = POLLIN;
    }
  kaa_sys_restore_sigpipe (&guard, result < 0 && errno == EPIPE);

  /* The end, or an error of a pipe, comes again. */
  return moved > 0 ? (gssize) moved : result;
}

#else

gssize
kaa_sys_splice (int    from,
                int    to,
                gsize  length,
                short *missing)
{
  *missing = 0;
  errno = ENOSYS;
  return -1;
}

#endif

void
kaa_sys_enlarge_pipe (int fd,
                      int size)
{
#ifdef F_SETPIPE_SZ
  int before = fcntl (fd, F_GETPIPE_SZ);

  if (before >= 0 && before < size)
    fcntl (fd, F_SETPIPE_SZ, size);
#endif
}

/* Opening and closing */

int
kaa_sys_dup (int fd)
{
  return fcntl (fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

int
kaa_sys_move_up (int fd)
{
  int moved, errsv;

  if (fd < 0 || fd > STDERR_FILENO)
    return fd;

  moved = kaa_sys_dup (fd);
  errsv = errno;
  kaa_sys_close (fd);
  errno = errsv;
  return moved;
}

gboolean
kaa_sys_move_pair_up (int fds[2])
{
  int errsv;

  fds[0] = kaa_sys_move_up (fds[0]);
  if (fds[0] >= 0)
    fds[1] = kaa_sys_move_up (fds[1]);
  if (fds[0] >= 0 && fds[1] >= 0)
    return TRUE;

  errsv = errno;
  for (guint i = 0; i < 2; i++)
    {
      if (fds[i] >= 0)
        kaa_sys_close (fds[i]);
      fds[i] = -1;
    }
  errno = errsv;
  return FALSE;
}

int
kaa_sys_close (int fd)
{
  int result = close (fd);

  /* It is closed all the same. */
  if (result < 0 && errno == EINTR)
    return 0;

  return result;
}

int
kaa_sys_reopen (int fd,
                int access_mode)
{
#ifdef __linux__
  struct stat status;
  char path[32];
  int result;

  if (fstat (fd, &status) < 0)
    return -1;

  if (!(S_ISFIFO (status.st_mode) || (S_ISCHR (status.st_mode) && is_terminal (fd))) ||
      is_pty_master (fd))
    {
      errno = ENOTSUP;
      return -1;
    }

  g_snprintf (path, sizeof (path), "/proc/self/fd/%d", fd);
  RETRY_ON_EINTR (result, open (path, access_mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));

  return kaa_sys_move_up (result);
#else
  /* Elsewhere /dev/fd gives a duplicate, not a description of its own. */
  errno = ENOTSUP;
  return -1;
#endif
}

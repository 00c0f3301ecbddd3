/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport for everything that can be polled: pipes, FIFOs, terminals, sockets, eventfds...
 *
 * Sockets are used with MSG_DONTWAIT and need nothing else. For the others the description must be non-blocking.
 * One that is shared with other processes (a terminal, standard input) is not touched: the same file is opened again,
 * and that description is ours. Only where that is impossible O_NONBLOCK is set on theirs, and put back.
 */

#include "transport/kaa-transport.h"
#include "bytes/kaa-canonical.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum
{
  FLAG_PTY      = 1 << 0,
  FLAG_ENDLESS  = 1 << 1,  /* a hang-up is an error */
  FLAG_ACQUIRED = 1 << 2,  /* O_NONBLOCK was set by us, and is put back */
  FLAG_SHARED   = 1 << 3,  /* the description is not ours alone */
  FLAG_NONBLOCK = 1 << 4,  /* O_NONBLOCK was set before */
  FLAG_ENLARGED = 1 << 5,  /* a pipe that was made larger, where that is allowed */
  FLAG_HELD     = 1 << 6,  /* a terminal line that nobody else may have */
  FLAG_BREAKING = 1 << 7,  /* a break is being sent */
  FLAG_MASTER   = 1 << 8,  /* it is a KaaMasterTransport */
  FLAG_ENDED    = 1 << 9   /* nothing that comes now counts */
};

/* What a pipe holds unless it is told otherwise, and what is better for a splice that moves as much as that at once. */
#define PIPE_SIZE (64 * 1024)
#define LARGE_PIPE_SIZE (256 * 1024)

/* One for each channel, so it is kept small. */
typedef struct
{
  KaaTransport parent;
  KaaWatch watch;          /* of what is read and written: parent.fd, or a description of our own; both have its identity */
} KaaFdTransport;

/* The master of a pseudo-terminal. */
typedef struct
{
  KaaFdTransport parent;
  gsize line;              /* what the other side has of a line that is not finished */
} KaaMasterTransport;

G_STATIC_ASSERT (EAGAIN == EWOULDBLOCK);

GError *
kaa_transport_error (int         errsv,
                     const char *what,
                     int         fd)
{
  return g_error_new (G_IO_ERROR, g_io_error_from_errno (errsv),
                      "%s descriptor %d failed: %s", what, fd, g_strerror (errsv));
}

static KaaFdInfo
get_info (const KaaFdTransport *self)
{
  KaaFdInfo info = { 0, };

  info.kind = self->parent.kind;
  info.identity = self->watch.identity;
  return info;
}

/* After a short read most often nothing is left, where bytes have no borders. Where there is (urgent data, packets, descriptors
 * that nobody asked for) the poller says so; but it does not tell a second time of an end. */
static gboolean
is_drained_by_short_read (const KaaFdTransport *self)
{
  return (self->parent.kind == KAA_FD_SOCKET || self->parent.kind == KAA_FD_PIPE) &&
         !(self->watch.ready & KAA_POLL_HUP);
}

/* Closed by somebody else, and perhaps a stranger's by now: no system call may have its number. */
static gboolean
is_lost (const KaaFdTransport *self)
{
  if (G_LIKELY (!(self->watch.ready & KAA_POLL_LOST)))
    return FALSE;

  errno = EBADF;
  return TRUE;
}

static GError *
hangup_error (int fd)
{
  return g_error_new (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, "The line of descriptor %d was hung up", fd);
}

/* What a read(2) or its like has said. drained: it was a short one, so another one is most likely in vain. */
static gssize
after_read (KaaFdTransport  *self,
            gssize           n,
            gboolean         drained,
            GError         **error)
{
  KaaTransport *transport = &self->parent;

  if (n > 0)
    {
      if (drained && is_drained_by_short_read (self))
        kaa_watch_clear (&self->watch, KAA_POLL_IN);
      return n;
    }

  if ((self->parent.flags & FLAG_ENDLESS) && (n == 0 || errno == EIO))
    {
      g_propagate_error (error, hangup_error (transport->fd));
      return KAA_TRANSPORT_FAILED;
    }
  if (n == 0)
    return 0;

  if (errno == EAGAIN)
    {
      kaa_watch_clear (&self->watch, KAA_POLL_IN);
      return KAA_TRANSPORT_AGAIN;
    }

  /* What a pseudo-terminal says once the other side has hung up. */
  if (errno == EIO && (self->parent.flags & FLAG_PTY))
    return 0;

  g_propagate_error (error, kaa_transport_error (errno, "Reading from", transport->fd));
  return KAA_TRANSPORT_FAILED;
}

static gssize
fd_transport_read (KaaTransport  *transport,
                   guint8        *buffer,
                   gsize          length,
                   GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;
  gssize n;

  if (transport->flags & FLAG_ENDED)
    return 0;
  if (is_lost (self))
    n = -1;
  else if (transport->kind == KAA_FD_SOCKET)
    n = kaa_sys_recv (self->watch.fd, buffer, length);
  else
    n = kaa_sys_read (self->watch.fd, buffer, length);
  return after_read (self, n, n < (gssize) length, error);
}

static gssize
fd_transport_receive (KaaTransport  *transport,
                      guint8        *buffer,
                      gsize          length,
                      KaaFds       **received,
                      GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;
  gssize n;

  if (transport->kind != KAA_FD_SOCKET || is_lost (self))
    return fd_transport_read (transport, buffer, length, error);

  n = kaa_fds_receive (self->watch.fd, buffer, length, received);
  /* It stops behind descriptors, whatever follows. */
  return after_read (self, n, n < (gssize) length && *received == NULL, error);
}

/* Errors of this moment, which say nothing about the descriptor. */
static gboolean
is_shortage (int errsv)
{
  return errsv == ENOBUFS || errsv == ENOMEM;
}

/* Errors that say something about these bytes. In a stream nothing may follow without them; what takes messages takes the next one. */
static gboolean
is_refusal (const KaaFdTransport *self,
            int                   errsv)
{
  if (self->parent.kind != KAA_FD_OTHER)
    return FALSE;

  switch (errsv)
    {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EINVAL:
    case EMSGSIZE:
    case ENOTSUP:
      return TRUE;
    default:
      return FALSE;
    }
}

/* Errors that say something about descriptors that were to go along: then no byte has gone either. */
static gboolean
is_refusal_of_fds (int errsv)
{
  return errsv == EINVAL || errsv == ENOTSUP || errsv == ETOOMANYREFS;
}

static void
wait_for_room (KaaFdTransport *self)
{
  kaa_watch_clear (&self->watch, KAA_POLL_OUT);
  kaa_watch_set_wanted (&self->watch, self->watch.wanted | KAA_POLL_OUT);
}

static gssize
after_write (KaaFdTransport  *self,
             gssize           n,
             gboolean         with_fds,
             GError         **error)
{
  int errsv;

  if (n > 0)
    return n;

  /* A driver may take nothing, and not say why. */
  if (n == 0 || errno == EAGAIN)
    {
      wait_for_room (self);
      return KAA_TRANSPORT_AGAIN;
    }

  errsv = errno;
  /* What a pseudo-terminal says once the other side has hung up. */
  if (errsv == EIO && (self->parent.flags & FLAG_PTY))
    errsv = EPIPE;
  g_propagate_error (error, kaa_transport_error (errsv, "Writing to", self->parent.fd));
  if (is_shortage (errsv))
    return KAA_TRANSPORT_LATER;
  return is_refusal (self, errsv) || (with_fds && is_refusal_of_fds (errsv)) ? KAA_TRANSPORT_REFUSED : KAA_TRANSPORT_FAILED;
}

/* The first `length` bytes of these vectors. */
static int
cut_vectors (struct iovec       *cut,
             const struct iovec *vectors,
             gsize               length)
{
  int n = 0;

  for (; length > 0; n++)
    {
      cut[n].iov_base = vectors[n].iov_base;
      cut[n].iov_len = MIN (vectors[n].iov_len, length);
      length -= cut[n].iov_len;
    }
  return n;
}

/* A line that the terminal would cut is refused as a whole, but not those before it. */
static gssize
write_to_master (KaaMasterTransport  *self,
                 const struct iovec  *vectors,
                 int                  n_vectors,
                 GError             **error)
{
  int fd = self->parent.watch.fd;
  struct iovec *cut = g_newa (struct iovec, n_vectors);
  gsize fit = kaa_canonical_fit (fd, self->line, vectors, n_vectors);
  gssize n;

  if (fit == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                   "The terminal of descriptor %d passes whole lines, and would cut one of more than %d bytes: write shorter ones, or "
                   "have it set to raw mode", self->parent.parent.fd, KAA_CANONICAL_MAX);
      return KAA_TRANSPORT_REFUSED;
    }

  n = kaa_sys_writev (fd, cut, cut_vectors (cut, vectors, fit));
  if (n > 0)
    {
      self->line = kaa_canonical_follow (fd, self->line, vectors, n_vectors, n);
      return n;
    }
  return after_write (&self->parent, n, /* with_fds= */ FALSE, error);
}

static gssize
fd_transport_write (KaaTransport        *transport,
                    const struct iovec  *vectors,
                    int                  n_vectors,
                    GError             **error)
{
  KaaFdTransport *self = (gpointer) transport;

  if (is_lost (self))
    return after_write (self, -1, /* with_fds= */ FALSE, error);
  if (transport->kind == KAA_FD_SOCKET)
    return after_write (self, kaa_sys_sendv (self->watch.fd, vectors, n_vectors), /* with_fds= */ FALSE, error);
  if (transport->flags & FLAG_MASTER)
    return write_to_master ((gpointer) transport, vectors, n_vectors, error);
  return after_write (self, kaa_sys_writev (self->watch.fd, vectors, n_vectors), /* with_fds= */ FALSE, error);
}

static gssize
fd_transport_send (KaaTransport        *transport,
                   const struct iovec  *vectors,
                   int                  n_vectors,
                   const KaaFds        *fds,
                   GError             **error)
{
  KaaFdTransport *self = (gpointer) transport;

  return after_write (self, is_lost (self) ? -1 : kaa_fds_send (fds, self->watch.fd, vectors, n_vectors), /* with_fds= */ TRUE, error);
}

/* --- splicing --- */

static gboolean
is_pipe (KaaTransport *transport)
{
  return transport->kind == KAA_FD_PIPE;
}

/* MSG_DONTWAIT does not reach into splice(2), so a socket has to be non-blocking itself. */
static gboolean
make_socket_nonblocking (KaaFdTransport *self)
{
  KaaFdInfo info;

  if (self->parent.flags & (FLAG_ACQUIRED | FLAG_NONBLOCK))
    return TRUE;
  if ((self->parent.flags & FLAG_SHARED) || !kaa_sys_inspect (self->parent.fd, &info, NULL) ||
      !kaa_sys_acquire_nonblocking (self->parent.fd, &info))
    return FALSE;

  self->parent.flags |= FLAG_ACQUIRED;
  return TRUE;
}

/* Each filling of a pipe costs a turn of this loop and a switch to whoever is at its other end and back, which is most of the time. All
 * pipes of a user may hold only so much, so it is done for those alone that are seen to need it. */
static void
after_move (KaaFdTransport *self,
            gssize          moved)
{
  if (moved < PIPE_SIZE || !is_pipe (&self->parent) || (self->parent.flags & FLAG_ENLARGED))
    return;

  self->parent.flags |= FLAG_ENLARGED;
  kaa_sys_enlarge_pipe (self->watch.fd, LARGE_PIPE_SIZE);
}

static gssize
move (int             from,
      KaaFdTransport *to,
      gsize           length,
      short          *missing)
{
  gssize n = kaa_sys_splice (from, to->watch.fd, length, missing);

  after_move (to, n);
  if (*missing == POLLOUT)
    wait_for_room (to);
  if (n >= 0)
    return n;
  if (errno != EAGAIN || *missing == 0)
    return KAA_TRANSPORT_UNABLE;
  return *missing == POLLOUT ? KAA_TRANSPORT_FULL : KAA_TRANSPORT_AGAIN;
}

static gssize
fd_transport_take (KaaTransport *transport,
                   int           pipe,
                   gsize         length,
                   short        *missing)
{
  KaaFdTransport *self = (gpointer) transport;

  if (is_lost (self) || (!is_pipe (transport) && (transport->kind != KAA_FD_SOCKET || !make_socket_nonblocking (self))))
    return KAA_TRANSPORT_UNABLE;

  return move (pipe, self, length, missing);
}

/* What splice(2) says of the way, of the target, or of this moment is said again when the bytes are read and written. All else is an error
 * of the socket that they come from, which it says only once. */
static gboolean
is_error_of_source (int errsv)
{
  switch (errsv)
    {
    case EAGAIN:
    case EBADF:
    case EINVAL:
    case ENOMEM:
    case ENOSYS:
    case ENOTSUP:
    case EPERM:
    case EPIPE:
      return FALSE;
    default:
      return TRUE;
    }
}

static gssize
move_from_socket (KaaFdTransport  *self,
                  KaaFdTransport  *target,
                  gsize            length,
                  short           *missing,
                  GError         **error)
{
  gssize n = move (self->watch.fd, target, length, missing);

  /* The end, or urgent data before it. */
  if (n == 0)
    return KAA_TRANSPORT_UNABLE;
  if (n == KAA_TRANSPORT_UNABLE && is_error_of_source (errno))
    return after_read (self, -1, /* drained= */ FALSE, error);
  return n;
}

static gssize
fd_transport_splice (KaaTransport  *transport,
                     KaaTransport  *target,
                     gsize          length,
                     GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;
  gssize n = KAA_TRANSPORT_UNABLE;
  short missing = 0;

  if (transport->flags & FLAG_ENDED)
    return 0;
  if (is_lost (self))
    return KAA_TRANSPORT_UNABLE;
  if (is_pipe (transport))
    n = target->klass->take (target, self->watch.fd, length, &missing);
  else if (transport->kind == KAA_FD_SOCKET && is_pipe (target) && target->klass == transport->klass &&
           make_socket_nonblocking (self))
    {
      n = move_from_socket (self, (gpointer) target, length, &missing, error);
    }

  after_move (self, n);
  if (missing == POLLIN)
    kaa_watch_clear (&self->watch, KAA_POLL_IN);
  return n;
}

/* --- readiness --- */

static KaaPollFlags
fd_transport_get_ready (KaaTransport *transport)
{
  KaaFdTransport *self = (gpointer) transport;
  KaaPollFlags ready = self->watch.ready;

  if (transport->flags & FLAG_ENDED)
    ready |= KAA_POLL_HUP;
  /* A hang-up or an error is learned by reading. It may be of the other side's output only, so it says nothing about ours. */
  if (ready & KAA_POLL_HUP)
    ready |= KAA_POLL_IN;

  /* OUT is only asked for after EAGAIN: without that, trying is the way to know. */
  if (!(self->watch.wanted & KAA_POLL_OUT))
    ready |= KAA_POLL_OUT;

  return ready & (self->parent.mode | KAA_POLL_HUP);
}

static void
fd_transport_check (KaaTransport *transport)
{
  kaa_watch_check (&((KaaFdTransport *) (gpointer) transport)->watch);
}

static void
fd_transport_set_wanted (KaaTransport *transport,
                         KaaPollFlags  wanted)
{
  KaaFdTransport *self = (gpointer) transport;

  wanted &= self->parent.mode;
  if (self->watch.wanted != wanted)
    kaa_watch_set_wanted (&self->watch, wanted);
}

/* *errsv: the error of a connection, which looking for more takes away. */
static gboolean
has_unread (KaaFdTransport *self,
            int            *errsv)
{
  gssize n;

  if (self->parent.kind != KAA_FD_SOCKET)
    return kaa_sys_get_unread (self->watch.fd) > 0;

  n = kaa_sys_peek (self->watch.fd);
  if (n < 0 && errno != EAGAIN)
    *errsv = errno;
  return n > 0;
}

static gboolean
fd_transport_is_drained (KaaTransport  *transport,
                         GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;
  int errsv = 0;
  socklen_t size = sizeof errsv;

  if (transport->flags & FLAG_ENDED)
    return TRUE;
  if (is_lost (self))
    {
      g_propagate_error (error, kaa_transport_error (errno, "Using", transport->fd));
      return TRUE;
    }

  if ((self->parent.mode & KAA_POLL_IN) && has_unread (self, &errsv))
    return FALSE;

  if (self->parent.flags & FLAG_ENDLESS)
    {
      g_propagate_error (error, hangup_error (transport->fd));
    }
  else if (transport->kind == KAA_FD_SOCKET)
    {
      if (errsv != 0 || (getsockopt (self->watch.fd, SOL_SOCKET, SO_ERROR, &errsv, &size) == 0 && errsv != 0))
        g_propagate_error (error, kaa_transport_error (errsv, "The connection of", transport->fd));
    }
  else if (!(self->parent.mode & KAA_POLL_IN) && !(self->parent.flags & FLAG_PTY))
    {
      /* Nobody will ever read what this end writes. */
      g_propagate_error (error, kaa_transport_error (EPIPE, "Writing to", transport->fd));
    }

  return TRUE;
}

static gsize
fd_transport_get_unread (KaaTransport *transport)
{
  KaaFdTransport *self = (gpointer) transport;

  return (transport->flags & FLAG_ENDED) || is_lost (self) ? 0 : kaa_sys_get_unread (self->watch.fd);
}

static gsize
fd_transport_get_in_flight (KaaTransport *transport)
{
  return 0;
}

static gboolean
fd_transport_shutdown (KaaTransport  *transport,
                       GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;

  if (transport->kind != KAA_FD_SOCKET)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "Descriptor %d is not a socket, so it cannot be closed in one direction only; "
                   "close the channel instead", transport->fd);
      return FALSE;
    }

  if (is_lost (self) || (shutdown (self->watch.fd, SHUT_WR) < 0 && errno != ENOTCONN))
    {
      g_propagate_error (error, kaa_transport_error (errno, "Shutting down", transport->fd));
      return FALSE;
    }

  return TRUE;
}

static gboolean
fd_transport_finish (KaaTransport *transport,
                     gboolean      close_fd)
{
  return TRUE;
}

static gboolean
fd_transport_start (KaaTransport  *transport,
                    KaaPollEntry  *entry,
                    GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;

  return kaa_watch_start (&self->watch, entry, self->watch.fd, self->parent.mode & KAA_POLL_IN, error);
}

static void
fd_transport_stop (KaaTransport *transport)
{
  KaaFdTransport *self = (gpointer) transport;

  if (self->watch.entry != NULL)
    kaa_watch_stop (&self->watch);
}

/* A line is left as it was found, and to others. */
static void
leave_line (KaaFdTransport *self)
{
  KaaFdInfo info = get_info (self);

  if (!(self->parent.flags & (FLAG_HELD | FLAG_BREAKING)) || !kaa_sys_is_same (self->parent.fd, &info))
    return;

  if (self->parent.flags & FLAG_BREAKING)
    ioctl (self->parent.fd, TIOCCBRK);
  if (self->parent.flags & FLAG_HELD)
    kaa_sys_release_tty (self->parent.fd);
}

static gboolean
fd_transport_can_move (KaaTransport  *transport,
                       GError       **error)
{
  KaaFdTransport *self = (gpointer) transport;
  KaaFdInfo info = get_info (self);

  /* Asked without a consequence: whoever uses it next finds out for himself. */
  if (!(self->watch.ready & KAA_POLL_LOST) && kaa_sys_is_same (transport->fd, &info) &&
      (self->watch.fd == transport->fd || fcntl (self->watch.fd, F_GETFD) >= 0))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Descriptor %d is not open any more: check that nothing but its channel closes it", transport->fd);
  return FALSE;
}

static void
fd_transport_move (KaaTransport *transport,
                   KaaPollEntry *entry,
                   KaaPollFlags  mode)
{
  KaaFdTransport *self = (gpointer) transport;
  gboolean less = (transport->mode & ~mode & KAA_POLL_IN) != 0;

  transport->mode &= mode;
  if (less)
    kaa_watch_set_wanted (&self->watch, self->watch.wanted & KAA_POLL_OUT);
  /* The end of an input says nothing to one that only writes. */
  kaa_watch_move (&self->watch, entry, /* afresh= */ less);
}

static void
fd_transport_close (KaaTransport *transport,
                    gboolean      close_fd,
                    gboolean      forked)
{
  KaaFdTransport *self = (gpointer) transport;
  KaaFdInfo info = get_info (self);
  gboolean again = self->watch.fd != transport->fd;

  if (!forked)
    leave_line (self);
  if ((self->parent.flags & FLAG_ACQUIRED) && !forked)
    kaa_sys_release_nonblocking (transport->fd, &info);
  if (again && !is_lost (self))
    kaa_transport_close_fd (self->watch.fd, &info, NULL);

  /* In a forked child a stream is the parent's: only the number is closed. */
  if (close_fd && (again || !is_lost (self)))
    kaa_transport_close_fd (transport->fd, &info, forked ? NULL : transport->stream);
  if (!forked)
    g_clear_object (&transport->stream);

  g_free (self);
}

static const KaaTransportClass fd_transport_class = {
  .read = fd_transport_read,
  .write = fd_transport_write,
  .send = fd_transport_send,
  .receive = fd_transport_receive,
  .splice = fd_transport_splice,
  .take = fd_transport_take,
  .get_ready = fd_transport_get_ready,
  .check = fd_transport_check,
  .set_wanted = fd_transport_set_wanted,
  .is_drained = fd_transport_is_drained,
  .get_unread = fd_transport_get_unread,
  .get_in_flight = fd_transport_get_in_flight,
  .shutdown = fd_transport_shutdown,
  .finish = fd_transport_finish,
  .start = fd_transport_start,
  .stop = fd_transport_stop,
  .can_move = fd_transport_can_move,
  .move = fd_transport_move,
  .close = fd_transport_close,
};

/* -1 where a description of our own cannot be had. */
static int
open_again (int              fd,
            const KaaFdInfo *info,
            KaaPollFlags     mode)
{
  if (info->pty_master || (info->kind != KAA_FD_TTY && info->kind != KAA_FD_PIPE))
    return -1;

  if (mode == (KAA_POLL_IN | KAA_POLL_OUT))
    return kaa_sys_reopen (fd, O_RDWR);
  return kaa_sys_reopen (fd, (mode & KAA_POLL_OUT) ? O_WRONLY : O_RDONLY);
}

KaaTransport *
kaa_fd_transport_new (int               fd,
                      const KaaFdInfo  *info,
                      KaaPollFlags      mode,
                      gboolean          private_description,
                      GError          **error)
{
  KaaFdTransport *self = g_malloc0 (info->pty_master ? sizeof (KaaMasterTransport) : sizeof (KaaFdTransport));

  self->parent.klass = &fd_transport_class;
  self->parent.fd = fd;
  self->parent.kind = info->kind;
  self->watch.fd = fd;
  self->parent.mode = mode;
  if (info->pty)
    self->parent.flags |= FLAG_PTY;
  if (info->pty_master)
    self->parent.flags |= FLAG_MASTER;
  if (private_description)
    self->parent.flags |= FLAG_SHARED;
  if (info->nonblocking)
    self->parent.flags |= FLAG_NONBLOCK;
  self->watch.identity = info->identity;

  if (info->kind == KAA_FD_SOCKET || (info->nonblocking && !private_description))
    return &self->parent;

  if (private_description)
    {
      int io_fd = open_again (fd, info, mode);

      if (io_fd >= 0)
        {
          self->watch.fd = io_fd;
          return &self->parent;
        }
    }

  if (!kaa_sys_acquire_nonblocking (fd, info))
    {
      g_propagate_error (error, kaa_transport_error (errno, "Making non-blocking", fd));
      g_free (self);
      return NULL;
    }
  self->parent.flags |= FLAG_ACQUIRED;

  return &self->parent;
}

void
kaa_fd_transport_set_endless (KaaTransport *transport)
{
  transport->flags |= FLAG_ENDLESS;
}

void
kaa_fd_transport_set_held (KaaTransport *transport)
{
  transport->flags |= FLAG_HELD;
}

void
kaa_fd_transport_end (KaaTransport *transport)
{
  transport->flags |= FLAG_ENDED;
}

gboolean
kaa_fd_transport_set_break (KaaTransport *transport,
                            gboolean      on)
{
  /* A pseudo-terminal says yes to it, and does nothing. */
  if (transport->kind != KAA_FD_TTY || (transport->flags & FLAG_PTY))
    {
      errno = ENOTTY;
      return FALSE;
    }
  if (ioctl (transport->fd, on ? TIOCSBRK : TIOCCBRK) < 0)
    return FALSE;

  if (on)
    transport->flags |= FLAG_BREAKING;
  else
    transport->flags &= ~FLAG_BREAKING;
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-listening.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* How often another free port is tried where one is not free on every address of a name. */
#define MAX_ATTEMPTS 8

static void
set_error (GError           **error,
           int                errsv,
           const char        *what,
           const KaaAddress  *address)
{
  char *name = g_strescape (address->name, NULL);

  if (address->kind == KAA_ADDRESS_INET)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s “%s”, port %u: %s",
                 what, name, address->port, g_strerror (errsv));
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s “%s”: %s", what, name, g_strerror (errsv));
  g_free (name);
}

/* --- the sockets --- */

static void
add_socket (KaaListening *self,
            int           fd)
{
  KaaListeningSocket *added = &self->sockets[self->n++];
  struct stat status;

  *added = (KaaListeningSocket) { .fd = fd };
  if (fstat (fd, &status) == 0)
    {
      added->device = status.st_dev;
      added->inode = status.st_ino;
    }
}

gboolean
kaa_listening_is_lost (const KaaListening *self,
                       guint               i)
{
  const KaaListeningSocket *one = &self->sockets[i];
  struct stat status;

  if (fstat (one->fd, &status) < 0)
    return errno == EBADF;
  return one->inode != 0 && (status.st_dev != one->device || status.st_ino != one->inode);
}

/* A unix socket says that it accepts, even when it was shut down. */
static gboolean
is_shut_down (int fd)
{
#ifdef POLLRDHUP
  struct pollfd what = { .fd = fd, .events = POLLRDHUP };

  return poll (&what, 1, 0) > 0 && (what.revents & (POLLRDHUP | POLLHUP)) != 0;
#else
  return FALSE;
#endif
}

int
kaa_listening_get_end (const KaaListening *self,
                       guint               i)
{
  int fd = self->sockets[i].fd;
  int listening = 0;
  socklen_t size = sizeof listening;

  if (kaa_listening_is_lost (self, i))
    return EBADF;
  if (getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
    return errno == ENOTSOCK || errno == EBADF ? errno : 0;
  return !listening || is_shut_down (fd) ? EINVAL : 0;
}

/* --- socket files --- */

/* Whether nobody listens behind a socket file any more. Nothing is sent to who does. */
static gboolean
is_stale (const KaaSockaddr *sockaddr)
{
  int fd = kaa_sys_move_up (socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  gboolean stale;

  if (fd < 0)
    return FALSE;
  stale = connect (fd, (const struct sockaddr *) &sockaddr->storage, sockaddr->length) < 0 && errno == ECONNREFUSED;
  close (fd);
  return stale;
}

/* Removes the file of somebody who is gone. */
static gboolean
remove_stale (const KaaAddress   *address,
              const KaaSockaddr  *sockaddr,
              GError            **error)
{
  struct stat before, now;

  if (lstat (address->name, &before) < 0)
    {
      if (errno == ENOENT)
        return TRUE;
      set_error (error, errno, "Looking at", address);
      return FALSE;
    }
  if (!S_ISSOCK (before.st_mode))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                   "“%s” exists and is no socket; choose another path", address->name);
      return FALSE;
    }
  if (!is_stale (sockaddr))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
                   "Somebody listens at “%s” already; stop that one first, or choose another path", address->name);
      return FALSE;
    }
  /* Another process may have had the same thought, and its own socket there by now. */
  if (lstat (address->name, &now) < 0 || now.st_dev != before.st_dev || now.st_ino != before.st_ino)
    return TRUE;
  if (unlink (address->name) < 0 && errno != ENOENT)
    {
      set_error (error, errno, "Removing the stale socket", address);
      return FALSE;
    }
  return TRUE;
}

/* The permissions exactly, whatever the umask says. Bound with what both allow, so at no moment it is open to more. The
 * file is held while it is changed: the path may be somebody else's meanwhile. */
static gboolean
own_path (KaaListening      *self,
          const KaaAddress  *address,
          guint              mode,
          GError           **error)
{
  struct stat status;
  int fd = kaa_sys_move_up (open (address->name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  gboolean good = TRUE;
  char *proc;

  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISSOCK (status.st_mode))
    {
      set_error (error, fd < 0 ? errno : ENOENT, "The socket was replaced while it was made:", address);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }

  self->path = g_canonicalize_filename (address->name, NULL);
  self->device = status.st_dev;
  self->inode = status.st_ino;

  if ((status.st_mode & 07777) != mode)
    {
      proc = g_strdup_printf ("/proc/self/fd/%d", fd);
      good = chmod (proc, mode) == 0;
      if (!good)
        set_error (error, errno, "Setting the permissions of the socket", address);
      g_free (proc);
    }
  close (fd);
  return good;
}

/* --- binding --- */

/* A socket with the permissions that its file will get, or that serves IPv6 only, or both. */
static gboolean
set_up (int      fd,
        int      family,
        guint    mode,
        gboolean any)
{
  int yes = 1, v6only = !any;

  if (family == AF_UNIX)
    return fchmod (fd, mode) == 0;
  setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return family != AF_INET6 || setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == 0;
}

static void
set_port (KaaSockaddr *sockaddr,
          guint16      port)
{
  if (sockaddr->storage.ss_family == AF_INET)
    ((struct sockaddr_in *) &sockaddr->storage)->sin_port = g_htons (port);
  else if (sockaddr->storage.ss_family == AF_INET6)
    ((struct sockaddr_in6 *) &sockaddr->storage)->sin6_port = g_htons (port);
}

static guint16
get_port (int fd)
{
  KaaSockaddr sockaddr = { .length = sizeof sockaddr.storage };

  if (getsockname (fd, (struct sockaddr *) &sockaddr.storage, &sockaddr.length) < 0)
    return 0;
  return g_ntohs (sockaddr.storage.ss_family == AF_INET
                    ? ((struct sockaddr_in *) &sockaddr.storage)->sin_port
                    : ((struct sockaddr_in6 *) &sockaddr.storage)->sin6_port);
}

/* errno where it fails. *bound: the address was taken, so a file may be there. */
static gboolean
bind_one (KaaListening      *self,
          const KaaSockaddr *sockaddr,
          int                backlog,
          guint              mode,
          gboolean           any,
          gboolean          *bound)
{
  int family = sockaddr->storage.ss_family;
  int fd = kaa_sys_move_up (socket (family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int errsv;

  if (fd < 0)
    return FALSE;

  *bound = set_up (fd, family, mode, any) &&
           bind (fd, (const struct sockaddr *) &sockaddr->storage, sockaddr->length) == 0;
  if (*bound && listen (fd, backlog) == 0)
    {
      add_socket (self, fd);
      return TRUE;
    }

  errsv = errno;
  close (fd);
  errno = errsv;
  return FALSE;
}

static gboolean
bind_unix (KaaListening       *self,
           const KaaAddress   *address,
           const KaaSockaddr  *sockaddr,
           int                 backlog,
           guint               mode,
           gboolean           *bound,
           GError            **error)
{
  gboolean has_file = address->kind == KAA_ADDRESS_UNIX;

  if (!bind_one (self, sockaddr, backlog, mode, FALSE, bound))
    {
      if (errno == EADDRINUSE && has_file && !*bound)
        {
          if (!remove_stale (address, sockaddr, error))
            return FALSE;
          if (bind_one (self, sockaddr, backlog, mode, FALSE, bound))
            return own_path (self, address, mode, error);
        }
      set_error (error, errno, "Listening at", address);
      return FALSE;
    }
  return !has_file || own_path (self, address, mode, error);
}

static gboolean
open_unix (KaaListening       *self,
           const KaaAddress   *address,
           const KaaSockaddr  *sockaddr,
           int                 backlog,
           guint               mode,
           GError            **error)
{
  gboolean bound = FALSE;

  if (bind_unix (self, address, sockaddr, backlog, mode, &bound, error))
    return TRUE;

  /* The file that was made is not left behind; where there is another's by now, somebody answers. */
  kaa_listening_close (self, TRUE, FALSE);
  if (bound && address->kind == KAA_ADDRESS_UNIX)
    remove_stale (address, sockaddr, NULL);
  return FALSE;
}

/* Not every machine has all kinds of addresses. */
static gboolean
is_missing_family (int errsv)
{
  return errsv == EAFNOSUPPORT || errsv == EADDRNOTAVAIL || errsv == EPROTONOSUPPORT;
}

/* At all addresses, with one port for all of them. errno where it fails. */
static gboolean
bind_inet (KaaListening *self,
           GArray       *sockaddrs,
           guint16       port,
           int           backlog,
           gboolean      any)
{
  gboolean bound;

  for (guint i = 0; i < MIN (sockaddrs->len, KAA_LISTENING_MAX); i++)
    {
      KaaSockaddr sockaddr = g_array_index (sockaddrs, KaaSockaddr, i);

      set_port (&sockaddr, port);
      if (!bind_one (self, &sockaddr, backlog, 0, any, &bound))
        {
          if (!is_missing_family (errno))
            return FALSE;
          continue;
        }
      /* A free one: which? */
      if (port == 0 && (port = get_port (self->sockets[0].fd)) == 0)
        return FALSE;
      if (any)
        return TRUE;
    }
  return self->n > 0;
}

static gboolean
open_inet (KaaListening      *self,
           const KaaAddress  *address,
           GArray            *sockaddrs,
           int                backlog,
           GError           **error)
{
  gboolean any = address->name[0] == '\0';
  int errsv = 0;

  for (guint attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
    {
      errno = EADDRNOTAVAIL;
      if (bind_inet (self, sockaddrs, address->port, backlog, any))
        return TRUE;
      errsv = errno;
      kaa_listening_close (self, TRUE, FALSE);
      if (errsv != EADDRINUSE || address->port != 0)
        break;
    }

  set_error (error, errsv, "Listening at", address);
  return FALSE;
}

/* --- descriptors that listen already --- */

gboolean
kaa_listening_adopt (KaaListening  *self,
                     int            fd,
                     GError       **error)
{
  int type = 0, listening = 0, flags;
  socklen_t size = sizeof (int);

  if (fd < 0 || getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Descriptor %d is no open socket", fd);
      return FALSE;
    }
  size = sizeof (int);
  getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
  if (type != SOCK_STREAM || !listening)
    {
      g_set_error (error, G_IO_ERROR, type != SOCK_STREAM ? G_IO_ERROR_NOT_SUPPORTED : G_IO_ERROR_INVALID_ARGUMENT,
                   type != SOCK_STREAM ? "Socket %d is no stream socket"
                                       : "Socket %d does not listen; wrap it if it is a connection", fd);
      return FALSE;
    }
  if (self->n == KAA_LISTENING_MAX)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "No more than %d sockets can be listened at by one",
                   KAA_LISTENING_MAX);
      return FALSE;
    }

  /* One that blocks would stop the loop. */
  if (fcntl (fd, F_SETFD, FD_CLOEXEC) < 0 ||
      (flags = fcntl (fd, F_GETFL)) < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
                   "Socket %d cannot be made non-blocking and close-on-exec: %s", fd, g_strerror (errno));
      return FALSE;
    }
  add_socket (self, fd);
  return TRUE;
}

/* --- the border --- */

gboolean
kaa_listening_open (KaaListening      *self,
                    const KaaAddress  *address,
                    int                backlog,
                    guint              mode,
                    GError           **error)
{
  GArray *sockaddrs;
  gboolean good;

  *self = (KaaListening) { 0, };
  if (backlog <= 0)
    backlog = SOMAXCONN;

  sockaddrs = kaa_address_resolve (address, error);
  if (sockaddrs == NULL)
    return FALSE;

  if (address->kind == KAA_ADDRESS_INET)
    good = open_inet (self, address, sockaddrs, backlog, error);
  else
    good = open_unix (self, address, &g_array_index (sockaddrs, KaaSockaddr, 0), backlog, mode, error);
  if (!good)
    kaa_listening_close (self, TRUE, FALSE);

  g_array_unref (sockaddrs);
  return good;
}

void
kaa_listening_close (KaaListening *self,
                     gboolean      close_fds,
                     gboolean      forked)
{
  struct stat status;

  /* Gone first: who finds the file finds somebody behind it. */
  if (self->path != NULL && !forked && close_fds && lstat (self->path, &status) == 0 &&
      status.st_dev == self->device && status.st_ino == self->inode)
    unlink (self->path);
  g_clear_pointer (&self->path, g_free);

  for (guint i = 0; close_fds && i < self->n; i++)
    if (!kaa_listening_is_lost (self, i))
      kaa_sys_close (self->sockets[i].fd);
  self->n = 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bytes/kaa-fds.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

typedef union
{
  struct cmsghdr header; /* for its alignment */
  char space[CMSG_SPACE (KAA_FDS_MAX * sizeof (int))];
} Control;

static KaaFds *
fds_new (guint capacity)
{
  KaaFds *self = g_malloc (sizeof (KaaFds) + capacity * sizeof (int));

  self->n = 0;
  return self;
}

KaaFds *
kaa_fds_new_dup (const int *fds,
                 guint      n)
{
  KaaFds *self = fds_new (n);

  while (self->n < n)
    {
      int copy = kaa_sys_dup (fds[self->n]);
      int errsv = errno;

      if (copy < 0)
        {
          kaa_fds_free (self);
          errno = errsv;
          return NULL;
        }
      self->fds[self->n++] = copy;
    }
  return self;
}

void
kaa_fds_truncate (KaaFds *self,
                  guint   max)
{
  while (self->n > max)
    kaa_sys_close (self->fds[--self->n]);
}

void
kaa_fds_free (KaaFds *self)
{
  kaa_fds_truncate (self, 0);
  g_free (self);
}

static gboolean
is_unix (int fd)
{
  struct sockaddr_storage address;
  socklen_t length = sizeof address;

  return getsockname (fd, (struct sockaddr *) &address, &length) == 0 && address.ss_family == AF_UNIX;
}

gssize
kaa_fds_send (const KaaFds       *self,
              int                 fd,
              const struct iovec *vectors,
              int                 n)
{
  struct msghdr message = { 0, };
  struct cmsghdr *header;
  Control control;
  gssize result;

  if (!is_unix (fd))
    {
      errno = ENOTSUP;
      return -1;
    }

  memset (&control, 0, sizeof control);
  message.msg_iov = (struct iovec *) vectors;
  message.msg_iovlen = MIN (n, IOV_MAX);
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE (self->n * sizeof (int));
  header = CMSG_FIRSTHDR (&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN (self->n * sizeof (int));
  memcpy (CMSG_DATA (header), self->fds, self->n * sizeof (int));

  do
    result = sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (result < 0 && errno == EINTR);
  return result;
}

/* One that cannot be moved is lost, as the kernel loses those for which there is no number. */
static void
add_received (KaaFds       *self,
              const guint8 *fds,
              guint         n)
{
  for (guint i = 0; i < n; i++)
    {
      int fd;

      memcpy (&fd, fds + i * sizeof fd, sizeof fd);
      fd = kaa_sys_move_up (fd);
      if (fd >= 0)
        self->fds[self->n++] = fd;
    }
}

gssize
kaa_fds_receive (int      fd,
                 void    *buffer,
                 gsize    length,
                 KaaFds **received)
{
  struct iovec vector = { buffer, length };
  struct msghdr message = { 0, };
  Control control;
  gssize result;

  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  *received = NULL;

  do
    result = recvmsg (fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (result < 0 && errno == EINTR);
  if (result < 0)
    return result;

  for (struct cmsghdr *header = CMSG_FIRSTHDR (&message); header != NULL; header = CMSG_NXTHDR (&message, header))
    {
      guint n = (header->cmsg_len - CMSG_LEN (0)) / sizeof (int);

      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || n == 0)
        continue;
      if (*received == NULL)
        *received = fds_new (KAA_FDS_MAX);
      add_received (*received, CMSG_DATA (header), n);
    }
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transport/kaa-conduit.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* What a pipe of this system holds, unless it can be told. */
#define DEFAULT_SIZE (64 * 1024)

struct _KaaConduit
{
  gatomicrefcount ref_count; /* the transport's, and that of a job under way */
  int read_fd;
  int write_fd;
  gsize size;
  gsize level;
};

/* Larger where that is allowed: each filling costs two changes of the thread. A user has only so much of it, but never less than
 * a page. */
static gsize
choose_size (int   fd,
             gsize wanted)
{
  int size = -1;

#ifdef F_SETPIPE_SZ
  /* The kernel rounds up; not more than was asked for. */
  for (gsize power = 4096; power <= wanted && power <= G_MAXINT / 2; power *= 2)
    size = (int) power;
  if (size < 0 || fcntl (fd, F_SETPIPE_SZ, size) < 0)
    size = fcntl (fd, F_GETPIPE_SZ);
#endif
  return size > 0 ? MIN ((gsize) size, wanted) : MIN (DEFAULT_SIZE, wanted);
}

KaaConduit *
kaa_conduit_new (gsize size)
{
  KaaConduit *self;
  int fds[2];

  if (pipe2 (fds, O_CLOEXEC | O_NONBLOCK) < 0 || !kaa_sys_move_pair_up (fds))
    return NULL;

  self = g_new0 (KaaConduit, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->read_fd = fds[0];
  self->write_fd = fds[1];
  self->size = choose_size (fds[1], size);
  return self;
}

KaaConduit *
kaa_conduit_ref (KaaConduit *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
kaa_conduit_unref (KaaConduit *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  kaa_sys_close (self->read_fd);
  kaa_sys_close (self->write_fd);
  g_free (self);
}

int
kaa_conduit_get_fd (KaaConduit *self)
{
  return self->read_fd;
}

gsize
kaa_conduit_get_level (KaaConduit *self)
{
  return self->level;
}

void
kaa_conduit_add (KaaConduit *self,
                 gsize       length)
{
  self->level += length;
}

void
kaa_conduit_remove (KaaConduit *self,
                    gsize       length)
{
  g_assert (length <= self->level);

  self->level -= length;
}

gssize
kaa_conduit_fill (KaaConduit *self,
                  int         fd)
{
  short missing;

  return kaa_sys_splice (fd, self->write_fd, self->size, &missing);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-sys.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/ioctl.h>

/*
 * Who holds a terminal line: TIOCEXCL keeps away whoever opens it later, but not root. So there is a lock besides, as other
 * programs have it, which nobody passes who asks for it.
 */

static gboolean
is_exclusive (int fd)
{
#ifdef TIOCGEXCL
  int exclusive = 0;

  return ioctl (fd, TIOCGEXCL, &exclusive) == 0 && exclusive != 0;
#else
  return FALSE;
#endif
}

static gboolean
lock (int fd,
      int how)
{
  int result;

  do
    result = flock (fd, how | LOCK_NB);
  while (result < 0 && errno == EINTR);

  if (result < 0 && errno == EWOULDBLOCK)
    errno = EBUSY;
  return result == 0;
}

gboolean
kaa_sys_is_free_tty (int fd)
{
  if (!lock (fd, LOCK_SH))
    return FALSE;

  flock (fd, LOCK_UN);
  if (is_exclusive (fd))
    {
      errno = EBUSY;
      return FALSE;
    }
  return TRUE;
}

gboolean
kaa_sys_hold_tty (int fd)
{
  int errsv;

  if (!lock (fd, LOCK_EX))
    return FALSE;

  if (!is_exclusive (fd) && ioctl (fd, TIOCEXCL) == 0)
    return TRUE;

  /* Somebody else's, who has not locked it. */
  errsv = is_exclusive (fd) ? EBUSY : errno;
  flock (fd, LOCK_UN);
  errno = errsv;
  return FALSE;
}

void
kaa_sys_release_tty (int fd)
{
  ioctl (fd, TIOCNXCL);
  flock (fd, LOCK_UN);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pseudo-terminals. */

#include "ends/kaa-pty.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int
open_slave (int master)
{
  int fd = -1;

#ifdef TIOCGPTPEER
  /* By the master rather than by name: right in whatever mount namespace this is (Linux 4.13). */
  fd = ioctl (master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
#endif
#ifdef __linux__
  if (fd < 0)
    {
      char name[64];
      int errsv = ptsname_r (master, name, sizeof name);

      if (errsv == 0)
        fd = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
      else
        errno = errsv;
    }
#else
  if (fd < 0)
    fd = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
#endif
  return fd;
}

static gboolean
set_up_master (int master)
{
  int flags = fcntl (master, F_GETFL);

  return grantpt (master) == 0 && unlockpt (master) == 0 && flags >= 0 &&
         fcntl (master, F_SETFD, FD_CLOEXEC) == 0 && fcntl (master, F_SETFL, flags | O_NONBLOCK) == 0;
}

gboolean
kaa_pty_open (guint    rows,
              guint    columns,
              int     *master,
              int     *slave,
              GError **error)
{
  *slave = -1;
#ifdef __linux__
  *master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
#else
  *master = posix_openpt (O_RDWR | O_NOCTTY);
#endif
  if ((*master = kaa_sys_move_up (*master)) >= 0 && set_up_master (*master))
    *slave = open_slave (*master);

  if ((*slave = kaa_sys_move_up (*slave)) < 0 || !kaa_pty_set_size (*slave, rows, columns))
    {
      int errsv = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv),
                   "There is no pseudo-terminal: %s", g_strerror (errsv));
      if (*master >= 0)
        kaa_sys_close (*master);
      if (*slave >= 0)
        kaa_sys_close (*slave);
      return FALSE;
    }

  return TRUE;
}

gboolean
kaa_pty_set_size (int   fd,
                  guint rows,
                  guint columns)
{
  struct winsize size = {
    .ws_row = (unsigned short) MIN (rows, G_MAXUSHORT),
    .ws_col = (unsigned short) MIN (columns, G_MAXUSHORT),
  };

  return ioctl (fd, TIOCSWINSZ, &size) == 0;
}

guint8
kaa_pty_get_eof (int fd)
{
  struct termios attributes;

  if (tcgetattr (fd, &attributes) < 0 || attributes.c_cc[VEOF] == _POSIX_VDISABLE)
    return 0;
  return attributes.c_cc[VEOF];
}

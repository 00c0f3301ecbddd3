/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-handed-over.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first descriptor that is handed over; the others follow. */
#define FIRST 3
/* No service manager has so many; a number that makes no sense is not counted up to. */
#define MOST 65536
/* What a descriptor without a name is called. */
#define UNNAMED "unknown"

/* --- what the numbers stand for --- */

/* inode 0: nothing was there. */
typedef struct
{
  guint64 device, inode;
} Identity;

/* Of each number, when it was seen first. Kept for ever: the variables stay as well, whatever becomes of the numbers. */
G_LOCK_DEFINE_STATIC (identities);
static GArray *identities;

static Identity
identify (int fd)
{
  struct stat status;

  if (fstat (fd, &status) < 0)
    return (Identity) { 0, };
  return (Identity) { status.st_dev, status.st_ino };
}

/* The first look at a number. Whoever handed it over could not set close-on-exec. */
static void
remember (guint n)
{
  if (identities == NULL)
    identities = g_array_new (FALSE, FALSE, sizeof (Identity));

  for (guint i = identities->len; i < n; i++)
    {
      Identity identity = identify (FIRST + (int) i);

      if (identity.inode != 0)
        fcntl (FIRST + (int) i, F_SETFD, FD_CLOEXEC);
      g_array_append_val (identities, identity);
    }
}

static gboolean
is_same (guint i)
{
  Identity then = g_array_index (identities, Identity, i);
  Identity now = identify (FIRST + (int) i);

  return then.inode != 0 && then.inode == now.inode && then.device == now.device;
}

/* --- which of them --- */

/* How many were handed over to this process. */
static guint
get_count (void)
{
  const char *pid = g_getenv ("LISTEN_PID");
  const char *count = g_getenv ("LISTEN_FDS");
  guint64 wanted_pid, number;

  if (pid == NULL || !g_ascii_string_to_unsigned (pid, 10, 1, G_MAXINT, &wanted_pid, NULL) ||
      wanted_pid != (guint64) getpid () ||
      count == NULL || !g_ascii_string_to_unsigned (count, 10, 0, G_MAXINT, &number, NULL))
    return 0;
  return (guint) MIN (number, MOST);
}

static gboolean
is_called (char       **names,
           guint        n_names,
           guint        i,
           const char  *name)
{
  return name[0] == '\0' || g_str_equal (i < n_names ? names[i] : UNNAMED, name);
}

static gboolean
open_one (KaaListening  *self,
          guint          i,
          GError       **error)
{
  int number = FIRST + (int) i;
  int fd;

  if (!is_same (i))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "Descriptor %d is not the socket any more that was handed over: somebody has closed it", number);
      return FALSE;
    }
  fd = fcntl (number, F_DUPFD_CLOEXEC, FIRST);
  if (fd < 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Duplicating descriptor %d failed: %s", number,
                   g_strerror (errno));
      return FALSE;
    }
  if (!kaa_listening_adopt (self, fd, error))
    {
      kaa_sys_close (fd);
      return FALSE;
    }
  return TRUE;
}

static gboolean
open_all (KaaListening  *self,
          const char    *name,
          guint          n,
          GError       **error)
{
  const char *all_names = g_getenv ("LISTEN_FDNAMES");
  char **names = g_strsplit (all_names != NULL ? all_names : "", ":", -1);
  guint n_names = g_strv_length (names);
  gboolean good = TRUE;

  for (guint i = 0; good && i < n; i++)
    if (is_called (names, n_names, i, name))
      good = open_one (self, i, error);

  if (good && self->n == 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "No socket of the name “%s” was handed over; the names are “%s”", name,
                   all_names != NULL ? all_names : "");
      good = FALSE;
    }

  g_strfreev (names);
  return good;
}

gboolean
kaa_handed_over_open (KaaListening  *self,
                      const char    *name,
                      GError       **error)
{
  guint n = get_count ();
  gboolean good;

  if (n == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                           "No socket was handed over to this process (LISTEN_PID, LISTEN_FDS); start it by a socket unit");
      return FALSE;
    }

  G_LOCK (identities);
  remember (n);
  good = open_all (self, name, n, error);
  G_UNLOCK (identities);

  if (!good)
    kaa_listening_close (self, TRUE, FALSE);
  return good;
}

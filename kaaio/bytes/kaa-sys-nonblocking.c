/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * O_NONBLOCK belongs to the open file description, which descriptors made by dup(), fork() or
 * a shell share. Who sets it must put it back, but not while somebody else in this process still
 * counts on it. So there is a table of the descriptions that this process has set it on.
 *
 * A description has no name. Device, inode and access mode must be the same for two descriptors
 * that share one; whether they do is then asked of the kernel (kcmp), and taken for granted where
 * it does not answer.
 */

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/kcmp.h>
#include <sys/syscall.h>
#endif

typedef struct
{
  guint64 identity;
  gboolean readable;
  gboolean writable;
  gboolean was_blocking; /* O_NONBLOCK is ours to take away */
  GArray *fds;           /* int, one for each acquire */
} Description;

G_LOCK_DEFINE_STATIC (table);
static GSList *table;

typedef enum
{
  COMPARE_SAME,
  COMPARE_DIFFERENT,
  COMPARE_UNKNOWN
} Compare;

static Compare
compare_descriptions (int a,
                      int b)
{
#ifdef SYS_kcmp
  long result;

  if (a == b)
    return COMPARE_SAME;

  result = syscall (SYS_kcmp, getpid (), getpid (), KCMP_FILE, (long) a, (long) b);
  if (result >= 0)
    return result == 0 ? COMPARE_SAME : COMPARE_DIFFERENT;
#endif

  return COMPARE_UNKNOWN;
}

/* Some of the numbers may have been closed meanwhile, so one that is the same decides. */
static gboolean
description_has (const Description *self,
                 int                fd,
                 const KaaFdInfo   *info)
{
  gboolean differs = FALSE;
  guint i;

  if (self->identity != info->identity ||
      self->readable != info->readable || self->writable != info->writable)
    return FALSE;

  for (i = 0; i < self->fds->len; i++)
    {
      switch (compare_descriptions (fd, g_array_index (self->fds, int, i)))
        {
        case COMPARE_SAME:
          return TRUE;
        case COMPARE_DIFFERENT:
          differs = TRUE;
          break;
        case COMPARE_UNKNOWN:
        default:
          break;
        }
    }

  return !differs;
}

static Description *
table_find (int              fd,
            const KaaFdInfo *info)
{
  GSList *link;

  for (link = table; link != NULL; link = link->next)
    {
      if (description_has (link->data, fd, info))
        return link->data;
    }

  return NULL;
}

/* Where fd was acquired; found by the number, because the number may mean another by now. */
static Description *
table_find_acquired (int              fd,
                     const KaaFdInfo *info,
                     guint           *index)
{
  GSList *link;

  for (link = table; link != NULL; link = link->next)
    {
      Description *description = link->data;

      if (description->identity != info->identity)
        continue;

      for (*index = 0; *index < description->fds->len; (*index)++)
        {
          if (g_array_index (description->fds, int, *index) == fd)
            return description;
        }
    }

  return NULL;
}

static Description *
table_add (const KaaFdInfo *info,
           gboolean         was_blocking)
{
  Description *description = g_new (Description, 1);

  description->identity = info->identity;
  description->readable = info->readable;
  description->writable = info->writable;
  description->was_blocking = was_blocking;
  description->fds = g_array_new (FALSE, FALSE, sizeof (int));
  table = g_slist_prepend (table, description);

  return description;
}

static void
table_remove (Description *description)
{
  table = g_slist_remove (table, description);
  g_array_unref (description->fds);
  g_free (description);
}

static gboolean
acquire_locked (int              fd,
                const KaaFdInfo *info)
{
  Description *description = table_find (fd, info);
  int flags = fcntl (fd, F_GETFL);

  /* Also where it is in the table: somebody may have cleared the flag behind our back. */
  if (flags < 0 ||
      ((flags & O_NONBLOCK) == 0 && fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0))
    return FALSE;

  if (description == NULL)
    description = table_add (info, /* was_blocking= */ (flags & O_NONBLOCK) == 0);
  g_array_append_val (description->fds, fd);

  return TRUE;
}

static void
release_locked (int              fd,
                const KaaFdInfo *info)
{
  guint index;
  Description *description = table_find_acquired (fd, info, &index);
  int flags;

  if (description == NULL)
    return;

  g_array_remove_index_fast (description->fds, index);
  if (description->fds->len > 0)
    return;

  /* Only this one flag: the others may have been changed meanwhile. */
  if (description->was_blocking && kaa_sys_is_same (fd, info))
    {
      flags = fcntl (fd, F_GETFL);
      if (flags >= 0 && (flags & O_NONBLOCK) != 0)
        fcntl (fd, F_SETFL, flags & ~O_NONBLOCK);
    }

  table_remove (description);
}

gboolean
kaa_sys_acquire_nonblocking (int              fd,
                             const KaaFdInfo *info)
{
  gboolean success;

  G_LOCK (table);
  success = acquire_locked (fd, info);
  G_UNLOCK (table);

  return success;
}

void
kaa_sys_release_nonblocking (int              fd,
                             const KaaFdInfo *info)
{
  G_LOCK (table);
  release_locked (fd, info);
  G_UNLOCK (table);
}

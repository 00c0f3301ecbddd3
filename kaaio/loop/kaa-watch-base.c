/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>

/* What both ways to watch a descriptor have in common: what is gained, and what is lost. */

void
kaa_watch_gain (KaaWatch *watch,
                guint     ready)
{
  guint gained = ready & ~(guint) watch->ready;

  if (gained == 0)
    return;

  watch->ready |= gained;
  kaa_poll_entry_schedule (watch->entry);
}

void
kaa_watch_lose (KaaWatch *watch)
{
  watch->backend = KAA_BACKEND_LOST;
  kaa_watch_gain (watch, KAA_POLL_BOTH | KAA_POLL_HUP | KAA_POLL_LOST);
}

gboolean
kaa_watch_is_there (const KaaWatch *watch)
{
  KaaFdInfo info = { .identity = watch->identity };

  if (watch->identity == 0)
    return fcntl (watch->fd, F_GETFD) >= 0 || errno != EBADF;
  return kaa_sys_is_same (watch->fd, &info);
}

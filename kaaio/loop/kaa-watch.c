/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * KaaWatch: the descriptors of a poller, watched in one of two ways.
 *
 * A direct watch (kaa-watch-direct.c) is a GPollFD of the poller's source: nothing is cheaper for a
 * few, but GLib and the kernel walk over all of them in each turn. So when there are many they move
 * to an epoll set (kaa-watch-epoll.c), which is itself one GPollFD. What epoll refuses stays direct, as does
 * what asks for it, and the busiest of the many come back (kaa-watch-busy.c): they are spared the second system call.
 */

/* Beyond MAX watches they move to epoll, with MIN left they move back. */
#define KAA_MAX_DIRECT 6
#define KAA_MIN_EPOLL  3

static guint
kaa_watches_count (KaaPoller *self)
{
  return (self->directs != NULL ? self->directs->len : 0) + self->n_in_epoll;
}

/* --- of the poller --- */

/* Nobody is left in the set, or so few in all that it does not pay. */
static void
kaa_watches_reconsider_set (KaaPoller *self)
{
  if (self->epoll.fd < 0)
    return;

  if (self->n_in_epoll == 0 ||
      (self->mode == KAA_POLLER_AUTO && kaa_watches_count (self) <= KAA_MIN_EPOLL))
    kaa_epoll_close (self);
}

/* It has earned a place among those that are polled directly. */
static void
kaa_watches_promote (KaaPoller *self,
                     KaaWatch  *watch)
{
  KaaDirect *quiet;

  if (!kaa_busy_find_place (self, &quiet))
    return;
  if (quiet != NULL)
    {
      guint32 index = quiet->watch->index;

      if (!kaa_epoll_add (self, quiet->watch))
        return;
      kaa_direct_remove (self, index);
    }

  kaa_epoll_remove (self, watch);
  kaa_direct_add (self, watch)->busy = TRUE;
}

void
kaa_watches_collect (KaaPoller *self)
{
  KaaWatch *busy = kaa_epoll_collect (self);

  if (busy != NULL)
    kaa_watches_promote (self, busy);
  kaa_direct_collect (self);
}

void
kaa_watches_mute (KaaPoller *self)
{
  /* Neither a hang-up nor a number that is closed by now can be masked. */
  if (self->epoll.fd >= 0)
    g_source_remove_poll (self->source, &self->epoll);
  self->epoll.fd = -1;
  for (guint i = 0; self->directs != NULL && i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      if (direct->polled)
        g_source_remove_poll (self->source, &direct->poll);
      direct->polled = FALSE;
    }
}

void
kaa_watches_close (KaaPoller *self)
{
  if (self->epoll.fd >= 0 && kaa_epoll_is_ours (self))
    close (self->epoll.fd);
  self->epoll.fd = -1;
}

/* --- the border --- */

/* What was watched stays, and that it is lost. */
static void
kaa_watch_reset (KaaWatch *watch)
{
  *watch = (KaaWatch) {
    .fd = watch->fd,
    .identity = watch->identity,
    .direct = watch->direct,
    .ready = watch->ready & KAA_POLL_LOST,
  };
}

/* verify: where the set refuses it, it may be that it is not open. FALSE, with errno, if so. */
static gboolean
kaa_watch_add (KaaWatch     *watch,
               KaaPollEntry *entry,
               KaaPollFlags  wanted,
               gboolean      verify)
{
  KaaPoller *self = entry->poller;
  guint n;

  watch->entry = entry;
  watch->wanted = wanted;

  kaa_direct_lose_others (self, watch);
  if (self->epoll.fd >= 0 && !kaa_epoll_is_ours (self))
    kaa_epoll_renew (self);

  n = kaa_watches_count (self) + 1;
  if (self->epoll.fd < 0 &&
      (self->mode == KAA_POLLER_EPOLL || (self->mode == KAA_POLLER_AUTO && n > KAA_MAX_DIRECT)))
    kaa_epoll_open (self);

  if (self->epoll.fd < 0 || !kaa_epoll_add (self, watch))
    {
      if (verify && fcntl (watch->fd, F_GETFD) < 0)
        return FALSE;
      kaa_direct_add (self, watch);
    }

  kaa_watches_reconsider_set (self);
  return TRUE;
}

gboolean
kaa_watch_start (KaaWatch      *watch,
                 KaaPollEntry  *entry,
                 int            fd,
                 KaaPollFlags   wanted,
                 GError       **error)
{
  KaaPoller *self = entry->poller;

  g_assert (watch->entry == NULL);

  if (!kaa_poller_is_usable_inline (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The main context is gone, or belongs to the parent process");
      return FALSE;
    }

  if (watch->ready & KAA_POLL_LOST)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (EBADF), "%s", g_strerror (EBADF));
      return FALSE;
    }

  watch->fd = fd;
  if (!kaa_watch_add (watch, entry, wanted, /* verify= */ TRUE))
    {
      int saved_errno = errno;

      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), g_strerror (saved_errno));
      kaa_watch_reset (watch);
      kaa_watches_reconsider_set (self);
      return FALSE;
    }

  return TRUE;
}

void
kaa_watch_stop (KaaWatch *watch)
{
  KaaPoller *self;

  if (watch->entry == NULL)
    return;

  self = watch->entry->poller;
  g_assert (self != NULL);

  if (kaa_poller_is_usable_inline (self))
    {
      if (watch->backend == KAA_BACKEND_EPOLL)
        kaa_epoll_remove (self, watch);
      else if (watch->backend == KAA_BACKEND_DIRECT)
        kaa_direct_remove (self, watch->index);
      kaa_watches_reconsider_set (self);
    }

  kaa_watch_reset (watch);
}

void
kaa_watch_move (KaaWatch     *watch,
                KaaPollEntry *entry,
                gboolean      afresh)
{
  KaaPollFlags wanted = watch->wanted;
  guint8 ready = watch->ready;

  if (entry->poller == watch->entry->poller && !afresh)
    {
      watch->entry = entry;
    }
  else
    {
      kaa_watch_stop (watch);
      kaa_watch_add (watch, entry, wanted, /* verify= */ FALSE);
      if (!afresh)
        watch->ready |= ready;
    }

  if (watch->ready != 0)
    kaa_poll_entry_schedule (entry);
}

void
kaa_watch_set_wanted (KaaWatch     *watch,
                      KaaPollFlags  wanted)
{
  KaaPoller *self;

  if (watch->wanted == wanted)
    return;

  watch->wanted = wanted;
  if (watch->entry == NULL)
    return;

  self = watch->entry->poller;
  if (!kaa_poller_is_usable_inline (self))
    return;

  if (watch->backend == KAA_BACKEND_EPOLL)
    kaa_epoll_update (self, watch);
  else if (watch->backend == KAA_BACKEND_DIRECT)
    kaa_direct_update (self, watch);
}

void
kaa_watch_clear (KaaWatch     *watch,
                 KaaPollFlags  ready)
{
  KaaPoller *self;

  watch->ready &= ~(ready & KAA_POLL_BOTH);
  if (watch->entry == NULL)
    return;

  self = watch->entry->poller;
  if (!kaa_poller_is_usable_inline (self))
    return;

  if (watch->backend == KAA_BACKEND_EPOLL)
    kaa_epoll_cleared (self, watch);
  else if (watch->backend == KAA_BACKEND_DIRECT)
    kaa_direct_update (self, watch);
}

gboolean
kaa_watch_check (KaaWatch *watch)
{
  KaaPoller *self;

  if (watch->entry == NULL || !kaa_poller_is_usable_inline (watch->entry->poller))
    return TRUE;

  self = watch->entry->poller;
  if (watch->backend == KAA_BACKEND_EPOLL)
    kaa_epoll_check (self, watch);
  else if (watch->backend == KAA_BACKEND_DIRECT)
    kaa_direct_check (self, watch);

  return watch->backend != KAA_BACKEND_LOST;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#endif

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/*
 * KaaWatch: the descriptors of a poller, watched in one of two ways.
 *
 * A direct watch is a GPollFD of the poller's source: nothing is cheaper for a few, but GLib and
 * the kernel walk over all of them in each turn. So when there are many they move to an epoll set,
 * which is itself one GPollFD. What epoll refuses stays direct.
 *
 * Direct watches are level-triggered and made silent by asking for less: `events` is always
 * what is wanted and not known to be ready. A hang-up cannot be masked, so after one the
 * GPollFD is taken out for as long as there is nothing to ask for. Watches in the epoll set are
 * edge-triggered, so nothing has to be told to the kernel when readiness comes and goes.
 */

#define KAA_POLL_BOTH (KAA_POLL_IN | KAA_POLL_OUT)

/* Beyond MAX watches they move to epoll, with MIN left they move back. */
#define KAA_MAX_DIRECT 6
#define KAA_MIN_EPOLL  3

#define KAA_NO_SLOT G_MAXUINT32

typedef enum
{
  KAA_BACKEND_DIRECT,
  KAA_BACKEND_EPOLL
} KaaBackend;

/* Not part of the watch, because GLib may hold the address longer than the watch is there. */
typedef struct
{
  GPollFD poll;
  KaaWatch *watch;
  gboolean polled;
  gboolean hung_up;   /* the last report was one that cannot be masked */
} KaaDirect;

/* The kernel is given the number of a slot and not the address of a watch: a description that was closed
 * behind our back but lives on elsewhere cannot be taken out of the set, and goes on reporting. */
typedef struct
{
  KaaWatch *watch;    /* NULL while free */
  guint32 age;        /* how often the slot was given away: tells its users apart */
  guint32 next_free;
} KaaSlot;

static void
kaa_watch_gain (KaaWatch *watch,
                guint     ready)
{
  guint gained = ready & ~(guint) watch->ready;

  if (gained == 0)
    return;

  watch->ready |= gained;
  kaa_poll_entry_schedule (watch->entry);
}

static guint
kaa_watches_count (KaaPoller *self)
{
  return (self->directs != NULL ? self->directs->len : 0) + self->n_in_epoll;
}

/* --- direct --- */

static gushort
kaa_direct_events (guint wanted)
{
  gushort events = 0;

  if (wanted & KAA_POLL_IN)
    events |= POLLIN | POLLRDHUP;
  if (wanted & KAA_POLL_OUT)
    events |= POLLOUT;

  return events;
}

static guint
kaa_direct_ready (gushort revents)
{
  guint ready = 0;

  if (revents & POLLIN)
    ready |= KAA_POLL_IN;
  if (revents & POLLOUT)
    ready |= KAA_POLL_OUT;
  if (revents & POLLRDHUP)
    ready |= KAA_POLL_IN | KAA_POLL_HUP;
  if (revents & (POLLHUP | POLLERR | POLLNVAL))
    ready |= KAA_POLL_BOTH | KAA_POLL_HUP;

  return ready;
}

static void
kaa_direct_update (KaaPoller *self,
                   KaaDirect *direct)
{
  guint missing = direct->watch->wanted & ~(guint) direct->watch->ready & KAA_POLL_BOTH;
  gboolean polled = missing != 0 || !direct->hung_up;

  direct->poll.events = kaa_direct_events (missing);
  if (polled == direct->polled)
    return;

  /* Both wake the context up, which is why they are not used to be silent about less than a hang-up. */
  direct->polled = polled;
  if (polled)
    {
      direct->hung_up = FALSE;
      direct->poll.revents = 0;
      g_source_add_poll (self->source, &direct->poll);
    }
  else
    {
      g_source_remove_poll (self->source, &direct->poll);
    }
}

static KaaDirect *
kaa_direct_of (KaaPoller *self,
               KaaWatch  *watch)
{
  return g_ptr_array_index (self->directs, watch->index);
}

static void
kaa_direct_add (KaaPoller *self,
                KaaWatch  *watch)
{
  KaaDirect *direct = g_new0 (KaaDirect, 1);

  if (self->directs == NULL)
    self->directs = g_ptr_array_new_with_free_func (g_free);

  direct->poll.fd = watch->fd;
  direct->watch = watch;
  watch->backend = KAA_BACKEND_DIRECT;
  watch->index = self->directs->len;
  g_ptr_array_add (self->directs, direct);

  kaa_direct_update (self, direct);
}

static void
kaa_direct_remove (KaaPoller *self,
                   guint      index)
{
  KaaDirect *direct = g_ptr_array_index (self->directs, index);

  if (direct->polled)
    g_source_remove_poll (self->source, &direct->poll);
  g_ptr_array_remove_index_fast (self->directs, index);

  if (index < self->directs->len)
    {
      direct = g_ptr_array_index (self->directs, index);
      direct->watch->index = index;
    }
}

static void
kaa_direct_collect (KaaPoller *self)
{
  for (guint i = 0; self->directs != NULL && i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);
      gushort revents = direct->poll.revents;

      if (revents == 0)
        continue;

      direct->poll.revents = 0;
      direct->hung_up = (revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
      kaa_watch_gain (direct->watch, kaa_direct_ready (revents));
      kaa_direct_update (self, direct);
    }
}

/* --- epoll --- */

#ifdef __linux__

static KaaSlot *
kaa_slot (KaaPoller *self,
          guint32    index)
{
  return &g_array_index (self->slots, KaaSlot, index);
}

static gboolean
kaa_epoll_control (KaaPoller *self,
                   int        operation,
                   KaaWatch  *watch,
                   guint      wanted)
{
  struct epoll_event event = { .events = EPOLLET };

  if (wanted & KAA_POLL_IN)
    event.events |= EPOLLIN | EPOLLRDHUP;
  if (wanted & KAA_POLL_OUT)
    event.events |= EPOLLOUT;
  event.data.u64 = (guint64) kaa_slot (self, watch->index)->age << 32 | watch->index;

  if (epoll_ctl (self->epoll.fd, operation, watch->fd, &event) != 0)
    return FALSE;

  watch->armed = wanted;
  return TRUE;
}

static void
kaa_epoll_give_slot_back (KaaPoller *self,
                          guint32    index)
{
  KaaSlot *slot = kaa_slot (self, index);

  slot->watch = NULL;
  slot->age++;
  slot->next_free = self->free_slot;
  self->free_slot = index;
  self->n_in_epoll--;
}

/* FALSE, with the watch as it was, where epoll refuses it: files and the like (EPERM), a descriptor that is
 * in the set already (EEXIST), limits (ENOSPC, ENOMEM). */
static gboolean
kaa_epoll_add (KaaPoller *self,
               KaaWatch  *watch)
{
  guint32 old_index = watch->index;
  KaaSlot *slot;

  if (self->free_slot == KAA_NO_SLOT)
    {
      KaaSlot fresh = { .next_free = KAA_NO_SLOT };

      self->free_slot = self->slots->len;
      g_array_append_val (self->slots, fresh);
    }

  watch->index = self->free_slot;
  slot = kaa_slot (self, watch->index);
  self->free_slot = slot->next_free;
  slot->watch = watch;
  self->n_in_epoll++;

  if (!kaa_epoll_control (self, EPOLL_CTL_ADD, watch, watch->wanted & KAA_POLL_BOTH))
    {
      kaa_epoll_give_slot_back (self, watch->index);
      watch->index = old_index;
      return FALSE;
    }

  watch->backend = KAA_BACKEND_EPOLL;
  return TRUE;
}

static void
kaa_epoll_remove (KaaPoller *self,
                  KaaWatch  *watch)
{
  epoll_ctl (self->epoll.fd, EPOLL_CTL_DEL, watch->fd, NULL);
  kaa_epoll_give_slot_back (self, watch->index);
}

static void
kaa_epoll_update (KaaPoller *self,
                  KaaWatch  *watch)
{
  guint wanted = watch->wanted & KAA_POLL_BOTH;

  if (wanted == watch->armed)
    return;

  /* Closed behind our back: whoever reads or writes next will learn it. */
  if (!kaa_epoll_control (self, EPOLL_CTL_MOD, watch, wanted))
    kaa_watch_gain (watch, KAA_POLL_BOTH | KAA_POLL_HUP);
}

/* Makes the set, and moves there what is direct. */
static void
kaa_epoll_open (KaaPoller *self)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);

  if (fd < 0)
    return;

  if (self->slots == NULL)
    self->slots = g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof (KaaSlot));
  self->free_slot = KAA_NO_SLOT;

  self->epoll.fd = fd;
  self->epoll.events = POLLIN;
  self->epoll.revents = 0;
  g_source_add_poll (self->source, &self->epoll);

  /* From the end, because removal moves the last one, which has been dealt with, into the gap. */
  for (guint i = self->directs != NULL ? self->directs->len : 0; i-- > 0;)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      if (kaa_epoll_add (self, direct->watch))
        kaa_direct_remove (self, i);
    }
}

/* Moves what is in the set back, and closes it. */
static void
kaa_epoll_close (KaaPoller *self)
{
  g_source_remove_poll (self->source, &self->epoll);
  close (self->epoll.fd);
  self->epoll.fd = -1;

  for (guint i = 0; i < self->slots->len; i++)
    {
      KaaSlot *slot = kaa_slot (self, i);

      if (slot->watch != NULL)
        kaa_direct_add (self, slot->watch);
    }

  g_array_set_size (self->slots, 0);
  self->n_in_epoll = 0;
}

static void
kaa_epoll_collect (KaaPoller *self)
{
  struct epoll_event events[256];
  gboolean haunted = FALSE;
  int n;

  if (self->epoll.fd < 0 || self->epoll.revents == 0)
    return;

  self->epoll.revents = 0;
  n = epoll_wait (self->epoll.fd, events, G_N_ELEMENTS (events), 0);

  for (int i = 0; i < n; i++)
    {
      guint32 index = (guint32) events[i].data.u64;
      KaaSlot *slot = kaa_slot (self, index);
      guint ready = 0;

      if (slot->watch == NULL || slot->age != (guint32) (events[i].data.u64 >> 32))
        {
          haunted = TRUE;
          continue;
        }

      if (events[i].events & EPOLLIN)
        ready |= KAA_POLL_IN;
      if (events[i].events & EPOLLOUT)
        ready |= KAA_POLL_OUT;
      if (events[i].events & EPOLLRDHUP)
        ready |= KAA_POLL_IN | KAA_POLL_HUP;
      if (events[i].events & (EPOLLHUP | EPOLLERR))
        ready |= KAA_POLL_BOTH | KAA_POLL_HUP;
      kaa_watch_gain (slot->watch, ready);
    }

  /* Only a new set gets rid of a description whose descriptor is not there any more. */
  if (haunted)
    {
      kaa_epoll_close (self);
      kaa_epoll_open (self);
    }
}

#else

static gboolean
kaa_epoll_add (KaaPoller *self,
               KaaWatch  *watch)
{
  return FALSE;
}

static void kaa_epoll_remove  (KaaPoller *self, KaaWatch *watch) { }
static void kaa_epoll_update  (KaaPoller *self, KaaWatch *watch) { }
static void kaa_epoll_open    (KaaPoller *self) { }
static void kaa_epoll_close   (KaaPoller *self) { }
static void kaa_epoll_collect (KaaPoller *self) { }

#endif

/* --- of the poller --- */

/* Nobody is left in the set, or so few in all that it does not pay. */
static void
kaa_watches_settle (KaaPoller *self)
{
  if (self->epoll.fd < 0)
    return;

  if (self->n_in_epoll == 0 ||
      (self->mode == KAA_POLLER_AUTO && kaa_watches_count (self) <= KAA_MIN_EPOLL))
    kaa_epoll_close (self);
}

void
kaa_watches_collect (KaaPoller *self)
{
  kaa_epoll_collect (self);
  kaa_direct_collect (self);
}

void
kaa_watches_mute (KaaPoller *self)
{
  self->epoll.events = 0;
  for (guint i = 0; self->directs != NULL && i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      direct->poll.events = 0;
    }
}

void
kaa_watches_close (KaaPoller *self)
{
  if (self->epoll.fd >= 0)
    close (self->epoll.fd);
  self->epoll.fd = -1;
}

void
kaa_watches_free (KaaPoller *self)
{
  g_clear_pointer (&self->directs, g_ptr_array_unref);
  g_clear_pointer (&self->slots, g_array_unref);
}

/* --- the border --- */

gboolean
kaa_watch_start (KaaWatch      *watch,
                 KaaPollEntry  *entry,
                 int            fd,
                 KaaPollFlags   wanted,
                 GError       **error)
{
  KaaPoller *self = entry->poller;
  guint n;

  g_assert (watch->entry == NULL);

  if (!kaa_poller_is_usable (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The main context is gone, or belongs to the parent process");
      return FALSE;
    }

  watch->entry = entry;
  watch->fd = fd;
  watch->wanted = wanted;

  n = kaa_watches_count (self) + 1;
  if (self->epoll.fd < 0 &&
      (self->mode == KAA_POLLER_EPOLL || (self->mode == KAA_POLLER_AUTO && n > KAA_MAX_DIRECT)))
    kaa_epoll_open (self);

  if (self->epoll.fd < 0 || !kaa_epoll_add (self, watch))
    {
      if (fcntl (fd, F_GETFD) < 0)
        {
          int saved_errno = errno;

          g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), g_strerror (saved_errno));
          memset (watch, 0, sizeof *watch);
          kaa_watches_settle (self);
          return FALSE;
        }

      kaa_direct_add (self, watch);
    }

  kaa_watches_settle (self);
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

  if (kaa_poller_is_usable (self))
    {
      if (watch->backend == KAA_BACKEND_EPOLL)
        kaa_epoll_remove (self, watch);
      else
        kaa_direct_remove (self, watch->index);
      kaa_watches_settle (self);
    }

  memset (watch, 0, sizeof *watch);
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
  if (!kaa_poller_is_usable (self))
    return;

  if (watch->backend == KAA_BACKEND_EPOLL)
    kaa_epoll_update (self, watch);
  else
    kaa_direct_update (self, kaa_direct_of (self, watch));
}

void
kaa_watch_clear (KaaWatch     *watch,
                 KaaPollFlags  ready)
{
  KaaPoller *self;

  watch->ready &= ~(ready & KAA_POLL_BOTH);
  if (watch->entry == NULL)
    return;

  /* In the epoll set the next edge comes by itself. */
  self = watch->entry->poller;
  if (watch->backend == KAA_BACKEND_DIRECT && kaa_poller_is_usable (self))
    kaa_direct_update (self, kaa_direct_of (self, watch));
}

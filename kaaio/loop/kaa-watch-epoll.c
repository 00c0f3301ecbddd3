/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * The epoll set of a poller: what it watches when there are many. Where the system has none,
 * there is never a set, and all watches are direct.
 */

#ifdef __linux__

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define KAA_NO_SLOT G_MAXINT32

/* The kernel is given the number of a slot and not the address of a watch: a description that was closed
 * behind our back but lives on elsewhere cannot be taken out of the set, and goes on reporting. The age of the watch
 * tells the users of a slot apart. */
typedef union
{
  KaaWatch *watch;
  gsize next_free;    /* an odd number: twice the next one, plus one */
} KaaSlot;

static gboolean
kaa_slot_is_free (const KaaSlot *slot)
{
  return (slot->next_free & 1) != 0;
}

static KaaSlot *
kaa_slot (KaaPoller *self,
          guint32    index)
{
  return &g_array_index (self->slots, KaaSlot, index);
}

/* A number that was closed behind the back of one watch may belong to another by now, and so does what the
 * kernel has under that number. */
static guint32 *
kaa_slot_of_fd (KaaPoller *self,
                int        fd)
{
  if (self->slots_of_fds->len <= (guint) fd)
    g_array_set_size (self->slots_of_fds, (guint) fd + 1);

  return &g_array_index (self->slots_of_fds, guint32, fd);
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
  event.data.u64 = (guint64) watch->age << 32 | watch->index;

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

  slot->next_free = (gsize) self->free_slot << 1 | 1;
  self->free_slot = index;
  self->n_in_epoll--;
}

gboolean
kaa_epoll_add (KaaPoller *self,
               KaaWatch  *watch)
{
  guint32 old_index = watch->index;
  KaaSlot *slot;

  if (watch->direct)
    return FALSE;

  if (self->free_slot == KAA_NO_SLOT)
    {
      KaaSlot fresh = { .next_free = (gsize) KAA_NO_SLOT << 1 | 1 };

      self->free_slot = self->slots->len;
      g_array_append_val (self->slots, fresh);
    }

  watch->index = self->free_slot;
  slot = kaa_slot (self, watch->index);
  self->free_slot = (guint32) (slot->next_free >> 1);
  slot->watch = watch;
  watch->age = ++self->age;
  self->n_in_epoll++;

  if (!kaa_epoll_control (self, EPOLL_CTL_ADD, watch, watch->wanted & KAA_POLL_BOTH))
    {
      kaa_epoll_give_slot_back (self, watch->index);
      watch->index = old_index;
      return FALSE;
    }

  *kaa_slot_of_fd (self, watch->fd) = watch->index + 1;
  watch->backend = KAA_BACKEND_EPOLL;
  return TRUE;
}

gboolean
kaa_epoll_has (KaaPoller *self,
               KaaWatch  *watch)
{
  return *kaa_slot_of_fd (self, watch->fd) == watch->index + 1;
}

void
kaa_epoll_remove (KaaPoller *self,
                  KaaWatch  *watch)
{
  if (kaa_epoll_has (self, watch))
    {
      *kaa_slot_of_fd (self, watch->fd) = 0;
      epoll_ctl (self->epoll.fd, EPOLL_CTL_DEL, watch->fd, NULL);
    }
  kaa_epoll_give_slot_back (self, watch->index);
}

void
kaa_epoll_update (KaaPoller *self,
                  KaaWatch  *watch)
{
  guint wanted = watch->wanted & KAA_POLL_BOTH;

  if (wanted == watch->armed)
    return;

  /* Closed behind our back: whoever reads or writes next will learn it. */
  if (!kaa_epoll_has (self, watch) ||
      !kaa_epoll_control (self, EPOLL_CTL_MOD, watch, wanted))
    kaa_watch_gain (watch, KAA_POLL_BOTH | KAA_POLL_HUP);
}

void
kaa_epoll_open (KaaPoller *self)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);

  if (fd < 0)
    return;

  if (self->slots == NULL)
    {
      self->slots = g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof (KaaSlot));
      self->slots_of_fds = g_array_new (/* zero_terminated= */ FALSE, /* clear= */ TRUE, sizeof (guint32));
    }
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

void
kaa_epoll_close (KaaPoller *self)
{
  g_source_remove_poll (self->source, &self->epoll);
  close (self->epoll.fd);
  self->epoll.fd = -1;

  for (guint i = 0; i < self->slots->len; i++)
    {
      KaaSlot *slot = kaa_slot (self, i);

      if (!kaa_slot_is_free (slot))
        kaa_direct_add (self, slot->watch);
    }

  g_array_set_size (self->slots, 0);
  g_array_set_size (self->slots_of_fds, 0);
  self->n_in_epoll = 0;
}

void
kaa_epoll_collect (KaaPoller *self)
{
  struct epoll_event events[256];
  gboolean haunted = FALSE;
  KaaWatch *busy = NULL;
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

      if (kaa_slot_is_free (slot) || slot->watch->age != (guint32) (events[i].data.u64 >> 32))
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
      if (kaa_busy_note (self, slot->watch))
        busy = slot->watch;
    }

  /* Only a new set gets rid of a description whose descriptor is not there any more. */
  if (haunted)
    {
      kaa_epoll_close (self);
      kaa_epoll_open (self);
    }
  else if (busy != NULL)
    {
      kaa_busy_promote (self, busy);
    }
}

#else

gboolean
kaa_epoll_add (KaaPoller *self,
               KaaWatch  *watch)
{
  return FALSE;
}

gboolean
kaa_epoll_has (KaaPoller *self,
               KaaWatch  *watch)
{
  return FALSE;
}

void kaa_epoll_remove  (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_update  (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_open    (KaaPoller *self) { }
void kaa_epoll_close   (KaaPoller *self) { }
void kaa_epoll_collect (KaaPoller *self) { }

#endif

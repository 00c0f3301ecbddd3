/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include "bytes/kaa-sys.h"

/*
 * The epoll set of a poller: what it watches when there are many. Where the system has none,
 * there is never a set, and all watches are direct.
 *
 * Watches are level-triggered, because nobody can know from the length of a read or write that nothing is left to be
 * done: messages that carry descriptors, urgent data, packets and lines of a terminal stop a read short. The kernel looks again by
 * itself at what it has reported, so this takes no system call. What is reported a second time although it is known
 * becomes edge-triggered: nobody does anything about it now, and the loop must not spin. Its next EAGAIN, or short
 * read, makes it level-triggered again.
 */

#ifdef __linux__

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define KAA_NO_SLOT G_MAXINT32

/* In KaaWatch.armed, beside what is waited for: edge-triggered. */
#define KAA_ARMED_EDGE (1 << 7)

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

/* Who has a number in the set. */
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
                   guint      armed)
{
  struct epoll_event event = { .events = 0 };

  if (armed & KAA_POLL_IN)
    event.events |= EPOLLIN | EPOLLRDHUP;
  if (armed & KAA_POLL_OUT)
    event.events |= EPOLLOUT;
  if (armed & KAA_ARMED_EDGE)
    event.events |= EPOLLET;
  event.data.u64 = (guint64) watch->age << 32 | watch->index;

  if (epoll_ctl (self->epoll.fd, operation, watch->fd, &event) != 0)
    return FALSE;

  watch->armed = armed;
  return TRUE;
}

/* A hang-up cannot be masked: what waits for nothing, and what has hung up already, is edge-triggered. */
static guint
kaa_epoll_to_arm (const KaaWatch *watch)
{
  guint wanted = watch->wanted & KAA_POLL_BOTH;
  gboolean waits = (wanted & ~(guint) watch->ready) != 0 && !(watch->ready & KAA_POLL_HUP);

  return waits ? wanted : wanted | KAA_ARMED_EDGE;
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

/* The kernel took it for something new: if another watch has the number, its descriptor was closed behind its back. */
static void
kaa_epoll_take_number (KaaPoller *self,
                       KaaWatch  *watch)
{
  guint32 *number = kaa_slot_of_fd (self, watch->fd);

  if (*number != 0)
    {
      KaaWatch *before = kaa_slot (self, *number - 1)->watch;

      kaa_epoll_give_slot_back (self, before->index);
      kaa_watch_lose (before);
    }
  *number = watch->index + 1;
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

  if (!kaa_epoll_control (self, EPOLL_CTL_ADD, watch, kaa_epoll_to_arm (watch)))
    {
      kaa_epoll_give_slot_back (self, watch->index);
      watch->index = old_index;
      return FALSE;
    }

  kaa_epoll_take_number (self, watch);
  watch->backend = KAA_BACKEND_EPOLL;
  return TRUE;
}

void
kaa_epoll_remove (KaaPoller *self,
                  KaaWatch  *watch)
{
  *kaa_slot_of_fd (self, watch->fd) = 0;
  epoll_ctl (self->epoll.fd, EPOLL_CTL_DEL, watch->fd, NULL);
  kaa_epoll_give_slot_back (self, watch->index);
}

/* By whoever else closes descriptors of this process. */
gboolean
kaa_epoll_is_ours (KaaPoller *self)
{
  return kaa_sys_has_mark (self->epoll.fd, self->epoll_mark);
}

/* The kernel has it under this number. FALSE, with errno, where it does not. */
static gboolean
kaa_epoll_rearm (KaaPoller *self,
                 KaaWatch  *watch,
                 guint      armed)
{
  return kaa_epoll_control (self, EPOLL_CTL_MOD, watch, armed);
}

/* After rearm() failed. EBADF: the number is closed. ENOENT: it stands for something else by now. Others do not say that. */
static gboolean
kaa_epoll_means_lost (int errsv)
{
  return errsv == EBADF || errsv == ENOENT;
}

void
kaa_epoll_check (KaaPoller *self,
                 KaaWatch  *watch)
{
  int code;

  if (kaa_epoll_rearm (self, watch, kaa_epoll_to_arm (watch)))
    return;

  code = errno;
  if (!kaa_epoll_is_ours (self))
    {
      kaa_epoll_renew (self);
      return;
    }

  kaa_epoll_remove (self, watch);
  if (kaa_epoll_means_lost (code))
    kaa_watch_lose (watch);
  else
    kaa_direct_add (self, watch);
}

void
kaa_epoll_update (KaaPoller *self,
                  KaaWatch  *watch)
{
  if (kaa_epoll_to_arm (watch) != watch->armed)
    kaa_epoll_check (self, watch);
}

void
kaa_epoll_cleared (KaaPoller *self,
                   KaaWatch  *watch)
{
  /* A level-triggered watch needs nothing, unless the level that is left is one of a hang-up. */
  if ((watch->armed & KAA_ARMED_EDGE) || (watch->ready & KAA_POLL_HUP))
    kaa_epoll_update (self, watch);
}

void
kaa_epoll_open (KaaPoller *self)
{
  int fd = kaa_sys_move_up (epoll_create1 (EPOLL_CLOEXEC));

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
  self->epoll_mark = kaa_sys_mark (fd);
  g_source_add_poll (self->source, &self->epoll);

  /* From the end, because removal moves the last one, which has been dealt with, into the gap. */
  for (guint i = self->directs != NULL ? self->directs->len : 0; i-- > 0;)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      if (kaa_epoll_add (self, direct->watch))
        kaa_direct_remove (self, i);
    }
}

/* The set knows best; without it there is no better way than to look at what is under the number. */
static gboolean
kaa_epoll_has (KaaPoller *self,
               KaaWatch  *watch,
               gboolean   ours)
{
  if (!ours)
    return kaa_watch_is_there (watch);
  return kaa_epoll_rearm (self, watch, watch->armed) || !kaa_epoll_means_lost (errno);
}

void
kaa_epoll_close (KaaPoller *self)
{
  gboolean ours = kaa_epoll_is_ours (self);

  for (guint i = 0; i < self->slots->len; i++)
    {
      KaaSlot *slot = kaa_slot (self, i);

      if (kaa_slot_is_free (slot))
        continue;
      if (kaa_epoll_has (self, slot->watch, ours))
        kaa_direct_add (self, slot->watch);
      else
        kaa_watch_lose (slot->watch);
    }

  g_source_remove_poll (self->source, &self->epoll);
  if (ours)
    close (self->epoll.fd);
  self->epoll.fd = -1;

  g_array_set_size (self->slots, 0);
  g_array_set_size (self->slots_of_fds, 0);
  self->n_in_epoll = 0;
}

void
kaa_epoll_renew (KaaPoller *self)
{
  kaa_epoll_close (self);
  if (self->mode != KAA_POLLER_POLL)
    kaa_epoll_open (self);
}

/* The kernel does not say what is ready. */
static void
kaa_epoll_fail (KaaPoller *self)
{
  /* It has the set and refuses it: there will be none. */
  if (kaa_epoll_is_ours (self))
    self->mode = KAA_POLLER_POLL;
  kaa_epoll_renew (self);
}

/* NULL where nobody of ours is meant: a description that was closed here lives on elsewhere, or the set is a stranger's. */
static KaaWatch *
kaa_epoll_find (KaaPoller *self,
                guint64    name)
{
  guint32 index = (guint32) name;
  KaaSlot *slot;

  if (index >= self->slots->len)
    return NULL;

  slot = kaa_slot (self, index);
  return kaa_slot_is_free (slot) || slot->watch->age != (guint32) (name >> 32) ? NULL : slot->watch;
}

gboolean
kaa_epoll_audit (KaaPoller *self,
                 guint     *next,
                 guint      n)
{
  if (!kaa_epoll_is_ours (self))
    {
      kaa_epoll_renew (self);
      return FALSE;
    }

  /* A check may make another set, or none. */
  for (; n > 0 && *next < self->slots->len; n--)
    {
      KaaSlot *slot = kaa_slot (self, (*next)++);

      /* Arming one again that is silent would make it report, and so wake the loop up for nothing. */
      if (!kaa_slot_is_free (slot) &&
          (!(slot->watch->armed & KAA_ARMED_EDGE) || !kaa_watch_is_there (slot->watch)))
        kaa_epoll_check (self, slot->watch);
    }

  return *next < self->slots->len;
}

static guint
kaa_epoll_ready (guint32 events)
{
  guint ready = 0;

  if (events & EPOLLIN)
    ready |= KAA_POLL_IN;
  if (events & EPOLLOUT)
    ready |= KAA_POLL_OUT;
  if (events & EPOLLRDHUP)
    ready |= KAA_POLL_IN | KAA_POLL_HUP;
  if (events & (EPOLLHUP | EPOLLERR))
    ready |= KAA_POLL_BOTH | KAA_POLL_HUP;

  return ready;
}

KaaWatch *
kaa_epoll_collect (KaaPoller *self)
{
  struct epoll_event events[256];
  gushort revents = self->epoll.revents;
  gboolean haunted = FALSE;
  KaaWatch *busy = NULL;
  int n;

  if (self->epoll.fd < 0 || revents == 0)
    return NULL;

  self->epoll.revents = 0;
  n = epoll_wait (self->epoll.fd, events, G_N_ELEMENTS (events), 0);
  if (n < 0)
    {
      if (errno != EINTR)
        kaa_epoll_fail (self);
      return NULL;
    }

  for (int i = 0; i < n; i++)
    {
      KaaWatch *watch = kaa_epoll_find (self, events[i].data.u64);
      guint ready = kaa_epoll_ready (events[i].events);

      if (watch == NULL)
        {
          haunted = TRUE;
        }
      else if ((ready & ~(guint) watch->ready) == 0)
        {
          /* It goes on telling what is known. */
          if (!(watch->armed & KAA_ARMED_EDGE) &&
              !kaa_epoll_rearm (self, watch, watch->armed | KAA_ARMED_EDGE))
            haunted = TRUE;
        }
      else
        {
          kaa_watch_gain (watch, ready);
          if (kaa_busy_note (self, watch))
            busy = watch;
        }
    }

  /* Only a new set gets rid of a description whose descriptor is not there any more. */
  if (!haunted)
    return busy;

  kaa_epoll_renew (self);
  return NULL;
}

#else

gboolean
kaa_epoll_add (KaaPoller *self,
               KaaWatch  *watch)
{
  return FALSE;
}

gboolean
kaa_epoll_is_ours (KaaPoller *self)
{
  return FALSE;
}

void kaa_epoll_remove  (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_check   (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_update  (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_cleared (KaaPoller *self, KaaWatch *watch) { }
void kaa_epoll_open    (KaaPoller *self) { }
void kaa_epoll_close   (KaaPoller *self) { }
void kaa_epoll_renew   (KaaPoller *self) { }

KaaWatch *
kaa_epoll_collect (KaaPoller *self)
{
  return NULL;
}

gboolean
kaa_epoll_audit (KaaPoller *self,
                 guint     *next,
                 guint      n)
{
  return FALSE;
}

#endif

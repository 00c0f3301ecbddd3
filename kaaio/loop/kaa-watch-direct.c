/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

#include <poll.h>

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

/*
 * Direct watches: each a GPollFD of the poller's source.
 *
 * They are level-triggered and made silent by asking for less: `events` is always what is wanted
 * and not known to be ready. A hang-up cannot be masked, so after one the GPollFD is taken out for
 * as long as there is nothing to ask for.
 */

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
  if (revents & (POLLHUP | POLLERR))
    ready |= KAA_POLL_BOTH | KAA_POLL_HUP;

  return ready;
}

static void
kaa_direct_set_polled (KaaPoller *self,
                       KaaDirect *direct)
{
  guint missing = direct->watch->wanted & ~(guint) direct->watch->ready & KAA_POLL_BOTH;
  gboolean polled = missing != 0 || !direct->hung_up;

  direct->poll.events = kaa_direct_events (missing);
  /* Its end matters, whatever is wanted. */
  if (direct->watch->direct && !(direct->watch->ready & KAA_POLL_HUP))
    direct->poll.events |= POLLRDHUP;
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

KaaDirect *
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

  kaa_direct_set_polled (self, direct);

  return direct;
}

void
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

void
kaa_direct_update (KaaPoller *self,
                   KaaWatch  *watch)
{
  kaa_direct_set_polled (self, g_ptr_array_index (self->directs, watch->index));
}

static void
kaa_direct_lose (KaaPoller *self,
                 guint      index)
{
  KaaWatch *watch = ((KaaDirect *) g_ptr_array_index (self->directs, index))->watch;

  kaa_direct_remove (self, index);
  kaa_watch_lose (watch);
}

void
kaa_direct_lose_others (KaaPoller *self,
                        KaaWatch  *watch)
{
  for (guint i = self->directs != NULL ? self->directs->len : 0; i-- > 0;)
    {
      KaaWatch *other = ((KaaDirect *) g_ptr_array_index (self->directs, i))->watch;

      if (other->fd == watch->fd && other->identity != 0 && other->identity != watch->identity)
        kaa_direct_lose (self, i);
    }
}

void
kaa_direct_check (KaaPoller *self,
                  KaaWatch  *watch)
{
  if (!kaa_watch_is_there (watch))
    kaa_direct_lose (self, watch->index);
}

void
kaa_direct_collect (KaaPoller *self)
{
  for (guint i = 0; self->directs != NULL && i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);
      gushort revents = direct->poll.revents;

      if (revents == 0)
        continue;

      /* The last one takes its place. */
      if (revents & POLLNVAL)
        {
          kaa_direct_lose (self, i--);
          continue;
        }

      direct->poll.revents = 0;
      direct->reports++;
      direct->hung_up = (revents & (POLLHUP | POLLERR)) != 0;
      kaa_watch_gain (direct->watch, kaa_direct_ready (revents));
      kaa_direct_set_polled (self, direct);
    }
}

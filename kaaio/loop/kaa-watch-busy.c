/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * The busiest watches of the epoll set.
 *
 * What comes by the set takes two system calls, poll() and epoll_wait(). Where a few of many
 * watches make most of the reports, one is enough: they are promoted, to be polled directly.
 *
 * Who is busy is found by the method of Misra and Gries: as many counters as there are places, and a
 * report of somebody else counts against all of them. So a watch gets there if it makes a good part of the
 * reports, and where thousands are busy nobody does. A place is only taken from one that
 * has become quiet.
 */

#define KAA_BUSY_REPORTS  16   /* earn a place */
#define KAA_QUIET_REPORTS 4    /* fewer than these, while somebody else earned one, lose it */

gboolean
kaa_busy_note (KaaPoller *self,
               KaaWatch  *watch)
{
  KaaCandidate *vacant = NULL;

  if (self->mode != KAA_POLLER_AUTO)
    return FALSE;

  for (guint i = 0; i < KAA_BUSY_PLACES; i++)
    {
      KaaCandidate *candidate = &self->candidates[i];

      if (candidate->reports == 0)
        {
          vacant = candidate;
        }
      else if (candidate->age == watch->age)
        {
          candidate->reports = (candidate->reports + 1) % KAA_BUSY_REPORTS;
          return candidate->reports == 0;
        }
    }

  if (vacant != NULL)
    *vacant = (KaaCandidate) { .age = watch->age, .reports = 1 };
  else
    for (guint i = 0; i < KAA_BUSY_PLACES; i++)
      self->candidates[i].reports--;

  return FALSE;
}

/* Of those that have a place; NULL while one is free. */
static KaaDirect *
kaa_busy_quietest (KaaPoller *self)
{
  KaaDirect *quietest = NULL;
  guint n = 0;

  for (guint i = 0; self->directs != NULL && i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      if (!direct->busy)
        continue;

      n++;
      if (quietest == NULL || direct->reports < quietest->reports)
        quietest = direct;
    }

  return n < KAA_BUSY_PLACES ? NULL : quietest;
}

static void
kaa_busy_count_again (KaaPoller *self)
{
  for (guint i = 0; i < self->directs->len; i++)
    {
      KaaDirect *direct = g_ptr_array_index (self->directs, i);

      direct->reports = 0;
    }
}

gboolean
kaa_busy_find_place (KaaPoller  *self,
                     KaaDirect **quiet)
{
  KaaDirect *quietest = kaa_busy_quietest (self);
  gboolean found = quietest == NULL || quietest->reports < KAA_QUIET_REPORTS;

  *quiet = quietest;
  if (quietest != NULL)
    kaa_busy_count_again (self);

  return found;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * KaaHeard: how much of a byte queue was handed out to listeners, who take nothing out of it.
 *
 * Listeners get bytes once and in order, while others take bytes from the head or put some back. So at any time the queue begins with bytes
 * that were handed out, and the rest follows: first those that are due, because somebody listened when they arrived. Bytes that are due
 * and about to be taken have to be kept for the listeners by the owner, who hands them out later.
 */
typedef struct
{
  gsize had;      /* bytes at the head that were handed out */
  gsize due;      /* bytes behind those that have to be */
  gssize before;  /* of those taken last, so many were handed out; or less than 0: so many were not; 0: it is not known */
} KaaHeard;

/* The queue holds so many bytes now, and somebody listens. */
void  kaa_heard_arrive   (KaaHeard       *self,
                          gsize           used);
/* The next bytes were handed out, or kept for that. */
void  kaa_heard_hand_out (KaaHeard       *self,
                          gsize           length);
/* Bytes leave the head, of which some were handed out or are due. */
void  kaa_heard_take_heard (KaaHeard     *self,
                          gsize           length);
/* Bytes come to the head: those that were taken last. What is not known of them is that they were handed out if `otherwise`. */
void  kaa_heard_put_back (KaaHeard       *self,
                          gsize           length,
                          gboolean        otherwise);
/* Nobody listens any more, and so many of the bytes that were kept have reached nobody. */
void  kaa_heard_forget   (KaaHeard       *self,
                          gsize           length);

/* Of so many bytes that are about to be taken, how many of the last ones have to be kept: those from position `had` on. */
static inline gsize
kaa_heard_get_due (const KaaHeard *self,
                   gsize           length)
{
  return self->due == 0 || length <= self->had ? 0 : MIN (length - self->had, self->due);
}

/* Bytes leave the head. Where nobody listens, as most often, this costs nothing. */
static inline void
kaa_heard_take (KaaHeard *self,
                gsize     length)
{
  if (G_LIKELY (self->had == 0 && self->due == 0 && self->before <= 0))
    self->before -= (gssize) length;
  else
    kaa_heard_take_heard (self, length);
}

G_END_DECLS

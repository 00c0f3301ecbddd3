/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-heard.h"

static gsize
subtract (gsize a,
          gsize b)
{
  return a > b ? a - b : 0;
}

void
kaa_heard_arrive (KaaHeard *self,
                  gsize     used)
{
  self->due = subtract (used, self->had);
}

void
kaa_heard_hand_out (KaaHeard *self,
                    gsize     length)
{
  if (length == 0)
    return;

  self->had += length;
  self->due = subtract (self->due, length);
  /* Where some before them were left out, it is too late for those. */
  self->before = MAX (self->before, 0);
}

void
kaa_heard_take_heard (KaaHeard *self,
                      gsize     length)
{
  gsize had = MIN (self->had, length);
  gsize others = length - had;

  self->had -= had;
  if (had > 0)
    self->before = MAX (self->before, 0) + (gssize) had;
  if (others > 0)
    self->before = MIN (self->before, 0) - (gssize) others;
  self->due = subtract (self->due, others);
}

void
kaa_heard_put_back (KaaHeard *self,
                    gsize     length,
                    gboolean  otherwise)
{
  gsize skipped = self->before < 0 ? MIN ((gsize) -self->before, length) : 0;
  gsize had = self->before > 0 ? MIN ((gsize) self->before, length) : 0;
  gsize others = length - skipped - had;

  self->before += (gssize) skipped - (gssize) had;
  /* Those that were skipped stand between those that were handed out and what is due. */
  if (self->due > 0)
    self->due += skipped;

  if (skipped > 0 || had > 0 || self->had > 0 || otherwise)
    self->had += had + others;
  else if (self->due > 0)
    self->due += others;
}

void
kaa_heard_forget (KaaHeard *self,
                  gsize     length)
{
  gsize had = MIN (self->had, length);

  self->had -= had;
  if (length > had)
    self->before = MIN (self->before, 0) - (gssize) (length - had);
  self->due = 0;
}

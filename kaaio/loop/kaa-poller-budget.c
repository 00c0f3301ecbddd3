/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * What one dispatch of a poller may take, over all its tasks and entries.
 *
 * It is asked after each callback, and a clock costs a tenth of what the emission of a line does. Where the processor has a counter that
 * costs less, the clock is read when that says that the time may be over, and not before. How fast it counts need not be known, but
 * for a limit below.
 */
#if defined (__x86_64__) && defined (__GNUC__)
# define KAA_TICKS_PER_USEC_LEAST 1000

static inline guint64
kaa_count_ticks (void)
{
  return __builtin_ia32_rdtsc ();
}
#else
# define KAA_TICKS_PER_USEC_LEAST 0

static inline guint64
kaa_count_ticks (void)
{
  return 0;
}
#endif

/* Outside of a dispatch. */
const KaaBudget kaa_budget_unlimited = { .end = G_MAXINT64, .bytes = G_MAXSIZE, .ticks_left = G_MAXUINT64 };

static void
kaa_budget_note_time (KaaBudget *budget,
                      gint64     now)
{
  budget->used_up = now >= budget->end;
  budget->ticks = kaa_count_ticks ();
  budget->ticks_left = budget->used_up ? 0 : (budget->end - now) * KAA_TICKS_PER_USEC_LEAST;
}

void
kaa_poller_begin_budget (KaaPoller *self,
                         gint64     now,
                         gint64     usec)
{
  self->budget.end = now + usec;
  self->budget.bytes = KAA_BUDGET_BYTES * usec / KAA_BUDGET_USEC;
  kaa_budget_note_time (&self->budget, now);
  /* Something is done in any case. */
  self->budget.used_up = FALSE;
}

/* FALSE when it is used up, or nobody's. */
static gboolean G_GNUC_NO_INLINE
kaa_poller_review_budget (KaaPoller *self)
{
  KaaBudget *budget = &self->budget;

  if (kaa_poller_is_forked_inline (self))
    return FALSE;

  if (budget->bytes == 0)
    budget->used_up = TRUE;
  else if (!budget->used_up)
    kaa_budget_note_time (budget, g_get_monotonic_time ());

  return !budget->used_up;
}

/* Behind every callback: what does not happen then has a function of its own. */
gboolean
kaa_poller_spend (KaaPoller *self,
                  gsize      bytes)
{
  KaaBudget *budget = &self->budget;

  budget->bytes -= MIN (bytes, budget->bytes);
  if (G_LIKELY (budget->bytes > 0 &&
                kaa_count_ticks () - budget->ticks < budget->ticks_left &&
                !kaa_poller_is_forked_inline (self)))
    return TRUE;

  return kaa_poller_review_budget (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-poller-private.h"

/*
 * What somebody else closes.
 *
 * poll() says so at once, an epoll set says nothing: neither of a descriptor that was in it, nor of itself where its number is in use
 * again. So it is asked about: at most once in an interval and a few watches at a time, and only after the loop has turned, because what
 * closes a descriptor of this process most often runs from the loop. Once all have been asked about, a loop with nothing to do sleeps.
 */

#define KAA_AUDIT_MSEC    500
#define KAA_AUDIT_WATCHES 256   /* one takes half a microsecond */

static void
kaa_audit_begin (KaaAudit *audit)
{
  audit->next = 0;
  audit->under_way = TRUE;
  audit->turned = FALSE;
}

int
kaa_watches_audit (KaaPoller *self)
{
  KaaAudit *audit = &self->audit;
  gint64 now;

  if (self->epoll.fd < 0)
    return -1;

  now = g_get_monotonic_time ();
  if (!audit->under_way)
    kaa_audit_begin (audit);
  else if (now < audit->due)
    audit->turned = TRUE;

  if (now >= audit->due)
    {
      audit->due = now + KAA_AUDIT_MSEC * G_TIME_SPAN_MILLISECOND;
      audit->under_way = kaa_epoll_audit (self, &audit->next, KAA_AUDIT_WATCHES);
      if (!audit->under_way && audit->turned)
        kaa_audit_begin (audit);
      if (!audit->under_way)
        return -1;
    }

  /* Not before it is due. */
  return (int) ((audit->due - now + G_TIME_SPAN_MILLISECOND - 1) / G_TIME_SPAN_MILLISECOND);
}

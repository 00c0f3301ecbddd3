/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside kaa-channel-queue.c and kaa-channel-lend.c only: a loan of lines. */

#include "channel/kaa-io-channel-private.h"

G_BEGIN_DECLS

/* What is shared: two numbers. */
enum
{
  TALLY_TAKEN, /* bytes handed out, written by the borrower */
  TALLY_ENDED, /* not 0: there is nothing more to hand out, written by the channel */
  TALLY_SIZE
};

struct _KaaLoan
{
  GBytes *shared;
  guint32 *tally;
  guint32 length;
  guint32 settled;  /* of the bytes taken, those that have left the queue */
};

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lines at hand, lent to a binding whose calls of C are dear.
 *
 * It hands them out on its side without a call for each, and keeps the tally in memory that it shares with the channel. The
 * channel reads the tally before it looks at its queue, whoever asks and for whatever reason; so everybody finds the true queue, although
 * nobody has told. When anything else becomes of the queue, the loan ends, and the tally says so.
 */

#include "channel/kaa-io-channel-private.h"

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

static void
loan_free (KaaLoan *loan)
{
  loan->tally[TALLY_ENDED] = 1;
  g_bytes_unref (loan->shared);
  g_slice_free (KaaLoan, loan);
}

/* Takes from the queue what was handed out. */
void
kaa_channel_settle_loan (KaaIOChannelPrivate *priv)
{
  KaaLoan *loan = priv->reading->loan;
  guint32 taken = MIN (loan->tally[TALLY_TAKEN], loan->length);
  guint32 more = kaa_subtract (taken, loan->settled);

  if (more == 0 || !kaa_poller_is_mine (priv->entry.poller))
    return;

  /* Taking ends a loan. */
  priv->reading->loan = NULL;
  kaa_channel_take (kaa_channel_from_private (priv), more);
  loan->settled = taken;
  if (taken < loan->length)
    priv->reading->loan = loan;
  else
    loan_free (loan);
}

void
kaa_channel_end_loan (KaaIOChannelPrivate *priv)
{
  if (priv->reading->loan != NULL)
    kaa_channel_settle_loan (priv);
  if (priv->reading->loan != NULL)
    loan_free (g_steal_pointer (&priv->reading->loan));
}

/**
 * kaa_io_channel_lend_lines:
 * @self: a channel
 * @tally: (out) (transfer full) (nullable): two unsigned 32-bit numbers that are shared with the channel
 * @length: (out): how many bytes
 *
 * As [method@Kaa.IOChannel.peek_lines], but lines are taken without a call for each: the first number of @tally says how many bytes of
 * them were handed out, and is written by who borrows them. When the second one is not 0 any more, no further line may be
 * handed out: somebody else has read, or has asked for something, or the delimiter or queue-size was set. Nothing is lost then;
 * those that were not handed out are still in the queue.
 *
 * The last of them should be followed by another call of the channel, so that it looks at its queue.
 *
 * For language bindings that can write to the memory of a #GBytes.
 *
 * Returns: (transfer full) (array length=length) (nullable): a copy of the lines; %NULL if there is no whole one for you
 *
 * Since: 1.0
 */
guint8 *
kaa_io_channel_lend_lines (KaaIOChannel  *self,
                           GBytes       **tally,
                           gsize         *length)
{
  KaaIOChannelPrivate *priv;
  GBytes *lines;
  guint8 *copy;
  guint serial;
  KaaLoan *loan;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (tally != NULL, NULL);
  g_return_val_if_fail (length != NULL, NULL);

  priv = kaa_channel_get_private (self);
  *tally = NULL;
  *length = 0;
  lines = kaa_io_channel_peek_lines (self, &serial);
  if (lines == NULL)
    return NULL;

  if (g_bytes_get_size (lines) > G_MAXUINT32)
    {
      g_bytes_unref (lines);
      return NULL;
    }

  kaa_channel_end_loan (priv);
  *length = g_bytes_get_size (lines);
  copy = g_memdup2 (g_bytes_get_data (lines, NULL), *length);
  g_bytes_unref (lines);

  loan = g_slice_new0 (KaaLoan);
  loan->tally = g_new0 (guint32, TALLY_SIZE);
  loan->shared = g_bytes_new_take (loan->tally, TALLY_SIZE * sizeof (guint32));
  loan->length = *length;
  priv->reading->loan = loan;
  *tally = g_bytes_ref (loan->shared);
  return copy;
}

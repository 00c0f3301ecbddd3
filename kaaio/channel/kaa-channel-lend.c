/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lines at hand, lent to a binding whose calls of C are dear.
 *
 * It hands them out on its side without a call for each, and keeps the tally in memory that it shares with the channel. The
 * channel reads the tally before it looks at its queue, whoever asks and for whatever reason; so everybody finds the true queue, although
 * nobody has told. When anything else becomes of the queue, the loan ends, and the tally says so.
 */

#include "channel/kaa-channel-queue.h"

#include <string.h>

/* What a binding can write to as well. */
static gpointer
get_memory (GBytes *bytes)
{
  return (gpointer) g_bytes_get_data (bytes, NULL);
}

/**
 * kaa_io_channel_lend_lines:
 * @self: a channel
 * @tally: two unsigned 32-bit numbers, which from now on are shared with the channel
 * @room: where the lines are copied to
 *
 * As [method@Kaa.IOChannel.peek_lines], but lines are taken without a call for each: the first number of @tally says how many bytes of
 * them were handed out, and is written by who borrows them. When the second one is not 0 any more, no further line may be
 * handed out: somebody else has read, or has asked for something, or the delimiter or queue-size was set. Nothing is lost then;
 * those that were not handed out are still in the queue.
 *
 * Nobody else may be lent lines with the same @tally before the last of these was handed out, or the loan has ended.
 *
 * The last of them should be followed by another call of the channel, so that it looks at its queue. It may be this one, with
 * the same @tally.
 *
 * For language bindings that can write to the memory of a #GBytes, and for whom new memory for each block is dear. Nothing
 * keeps @room, so it may serve one channel after the other.
 *
 * Returns: how many bytes of @room are lines; 0 if there is no whole one for you, or none that fits
 *
 * Since: 1.0
 */
gsize
kaa_io_channel_lend_lines (KaaIOChannel *self,
                           GBytes       *tally,
                           GBytes       *room)
{
  KaaIOChannelPrivate *priv;
  gsize length;
  KaaLoan *loan;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);
  g_return_val_if_fail (tally != NULL && g_bytes_get_size (tally) == TALLY_SIZE * sizeof (guint32), 0);
  g_return_val_if_fail (room != NULL, 0);

  priv = kaa_channel_get_private (self);
  length = kaa_channel_count_lines (self, MIN (g_bytes_get_size (room), G_MAXUINT32));
  if (length == 0)
    return 0;

  kaa_channel_end_loan (priv);
  memcpy (get_memory (room), kaa_byte_queue_peek (&priv->reading->queue), length);

  loan = g_slice_new0 (KaaLoan);
  loan->shared = g_bytes_ref (tally);
  loan->tally = get_memory (tally);
  loan->tally[TALLY_TAKEN] = 0;
  loan->tally[TALLY_ENDED] = 0;
  loan->length = length;
  priv->reading->loan = loan;
  return length;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lines at hand, shown as a block and then taken one by one.
 *
 * A binding pays for every call, and its language may leave a loop at any line. So it is shown a block, cuts it up on its
 * side, and takes a line when it hands it out: one cheap call, which says no as soon as the block is not what comes next.
 */

#include "channel/kaa-io-channel-private.h"

/* What is handed out without a turn of the main loop. */
#define SHOWN_MAX KAA_BLOCK_READ_SIZE

/* A line may go to who peeked: it is nobody else's. */
static gboolean
is_free (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return priv->reading->requests.first == NULL && priv->reading->discarding == NULL && priv->reading->missed == 0 &&
         !(kaa_channel_look_at_handlers (self) & KAA_WANTS_ANY_LINES);
}

static gsize
scan_block (KaaIOChannelPrivate *priv,
            KaaScan             *scan,
            gsize                most)
{
  return kaa_delimiters_scan_block (priv->options->delimiters, scan, kaa_byte_queue_peek (&priv->reading->queue),
                                    kaa_byte_queue_get_length (&priv->reading->queue), MIN (priv->options->queue_size, most),
                                    /* at_end= */ FALSE);
}

/* How many of the first bytes, up to so many, are whole lines for who peeks. */
gsize
kaa_channel_count_lines (KaaIOChannel *self,
                         gsize         most)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaScan scan;

  if (!kaa_channel_is_mine (priv) || kaa_channel_get_queued (priv) == 0 || !is_free (self))
    return 0;

  scan = priv->reading->scan;
  return scan_block (priv, &scan, most);
}

/**
 * kaa_io_channel_peek_lines:
 * @self: a channel
 * @serial: (out): a number for [method@Kaa.IOChannel.take_line]
 *
 * Shows whole lines of the read queue, as many as are at hand but not much more than a system call reads, without taking them.
 * [method@Kaa.IOChannel.split_lines] says where they end, [method@Kaa.IOChannel.take_line] takes them one by one.
 *
 * There are none for you while a request is pending, or a handler is connected to [signal@Kaa.IOChannel::readline] or
 * [signal@Kaa.IOChannel::readlines]. The last line, where it has no delimiter, and what is longer than
 * [property@Kaa.IOChannel:queue-size], is only given by [method@Kaa.IOChannel.readline].
 *
 * For language bindings: it is what iterating over a channel is made of.
 *
 * Returns: (transfer full) (nullable): the lines, %NULL if there is no whole one for you
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_peek_lines (KaaIOChannel *self,
                           guint        *serial)
{
  KaaIOChannelPrivate *priv;
  const guint8 *data;
  KaaScan scan;
  gsize used, length, start;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (serial != NULL, NULL);

  priv = kaa_channel_get_private (self);
  *serial = 0;
  if (!kaa_channel_is_mine (priv))
    return NULL;
  *serial = priv->head_serial;
  used = kaa_channel_get_queued (priv);
  if (!is_free (self) || used == 0)
    return NULL;

  scan = priv->reading->scan;
  data = kaa_byte_queue_peek (&priv->reading->queue);
  length = scan_block (priv, &scan, SHOWN_MAX);
  /* One line that is longer. */
  if (length == 0 &&
      kaa_delimiters_scan (priv->options->delimiters, &scan, data, used, priv->options->queue_size, /* at_end= */ FALSE,
                           &start, &length) != KAA_SCAN_FOUND)
    length = 0;

  return length > 0 ? kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length) : NULL;
}

/**
 * kaa_io_channel_take_line:
 * @self: a channel
 * @serial: what [method@Kaa.IOChannel.peek_lines] said for the first line; one more for each line after it
 * @length: the length of the line, with its delimiter
 *
 * Takes the next one of the lines that [method@Kaa.IOChannel.peek_lines] has shown.
 *
 * It is refused when that line is not what comes next any more: somebody else has read, or has asked for something, a handler
 * was connected, or the delimiter or queue-size was set. Then nothing is taken, and nothing is lost: ask again.
 *
 * Returns: %TRUE if the line was taken
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_take_line (KaaIOChannel *self,
                          guint         serial,
                          gsize         length)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_is_mine (priv) || serial != priv->head_serial || !is_free (self) || length > kaa_channel_get_queued (priv))
    return FALSE;

  kaa_channel_take (self, length);
  /* Nobody else waits for room, so before the queue is empty there is nothing to tell and nothing to do. */
  if (kaa_channel_get_queued (priv) == 0)
    {
      kaa_channel_notify_state (self);
      kaa_channel_schedule (self);
    }
  return TRUE;
}

/**
 * kaa_io_channel_put_off:
 * @self: a channel
 *
 * Says that the caller has used up the time that a dispatch may take. What the channel is asked for is done when nothing more urgent is
 * left, or when it has waited for some turns of the main loop, as after a dispatch that was too long.
 *
 * For language bindings whose callbacks run outside of the library's. It does nothing in a thread other than that of the
 * channel's main context.
 *
 * Since: 1.0
 */
void
kaa_io_channel_put_off (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  if (kaa_channel_is_mine (priv) && !kaa_poller_is_gone (priv->entry.poller))
    kaa_poll_entry_schedule_idle (&priv->entry);
}

/**
 * kaa_io_channel_split_lines:
 * @self: a channel
 * @lines: (array length=length) (element-type guint8): whole lines, from [method@Kaa.IOChannel.lend_lines] or
 *   [method@Kaa.IOChannel.readlines]
 * @length: how many bytes
 * @n_ends: (out): the length of the array
 *
 * Says where the lines of a block end, by the delimiters that the channel has now: for each line where its text ends, and
 * where its delimiter ends. The two are the same for a line without a delimiter.
 *
 * It is to bindings what #KaaLineIter is to C.
 *
 * Returns: (transfer full) (array length=n_ends): two positions for each line
 *
 * Since: 1.0
 */
guint *
kaa_io_channel_split_lines (KaaIOChannel *self,
                            const guint8 *lines,
                            gsize         length,
                            gsize        *n_ends)
{
  const KaaDelimiters *delimiters;
  gsize position = 0;
  GArray *ends;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (lines != NULL || length == 0, NULL);
  g_return_val_if_fail (n_ends != NULL, NULL);
  g_return_val_if_fail (length <= G_MAXUINT, NULL);

  delimiters = kaa_channel_get_private (self)->options->delimiters;
  ends = g_array_new (FALSE, FALSE, sizeof (guint));
  while (position < length)
    {
      KaaScan scan = { 0, };
      gsize start, end;
      guint pair[2];

      if (kaa_delimiters_scan (delimiters, &scan, lines + position, length - position, G_MAXSIZE, /* at_end= */ TRUE,
                               &start, &end) != KAA_SCAN_FOUND)
        start = end = length - position;
      pair[0] = position + start;
      pair[1] = position + end;
      g_array_append_vals (ends, pair, 2);
      position += end;
    }

  *n_ends = ends->len;
  return (gpointer) g_array_free (ends, FALSE);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The reading methods. They only queue a request: bytes are handed out from the loop. */

#include "channel/kaa-io-channel-private.h"

GError *
kaa_channel_check_request (KaaIOChannel   *self,
                           KaaPendingKind  kind,
                           gsize           count,
                           KaaWants       *wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (!kaa_channel_insist (priv))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "A channel can only be read in the thread of its main context; "
                                "use g_main_context_invoke() to get there");
  if (kaa_poller_is_gone (priv->entry.poller))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The main context of the channel has gone");
  if (kaa_poller_is_forked (priv->entry.poller))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                "The channel belongs to the parent process; open one of your own");
  if (priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_READ))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "The channel is write-only; open it with a mode that includes reading");
  if ((kind == KAA_PENDING_READ || kind == KAA_PENDING_READ_EXACTLY) && count == 0)
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "At least 1 byte can be asked for, not 0");
  if (kind == KAA_PENDING_READ_EXACTLY && count > priv->options->queue_size)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "%" G_GSIZE_FORMAT " bytes are more than the queue holds; set queue-size, which is %" G_GSIZE_FORMAT
                        ", to at least as many, or read them in pieces", count, priv->options->queue_size);

  *wants = kaa_channel_look_at_handlers (self);
  if ((kind == KAA_PENDING_READLINE || kind == KAA_PENDING_READLINES) && (*wants & KAA_WANTS_ANY_LINES))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_PENDING,
                                "Lines go to the handlers of readline or readlines; disconnect or block them before "
                                "asking for a line");
  return NULL;
}

/* A future that fails with error, which is taken. */
KaaInProgress *
kaa_channel_refuse_request (KaaIOChannel   *self,
                            KaaPendingKind  kind,
                            GError         *error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPoller *poller = kaa_channel_is_mine (priv)
                        ? kaa_poller_ref (priv->entry.poller)
                        : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaPending *pending = kaa_pending_new (self, kind, poller);
  KaaInProgress *future = g_object_ref (pending->future);

  kaa_pending_settle_error (pending, error, FALSE);
  kaa_poller_unref (poller);
  return future;
}

static KaaLateness
get_lateness (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (G_LIKELY (priv->state == KAA_STATE_OPEN && !priv->eof))
    return KAA_IN_TIME;
  if (priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED)
    return KAA_TOO_LATE;
  if (!priv->eof || priv->state != KAA_STATE_OPEN || kaa_channel_get_queued (priv) > 0)
    return KAA_IN_TIME;
  return priv->writing->end_error != NULL || kaa_channel_closes_on_eof (self) ? KAA_LATE : KAA_IN_TIME;
}

void
kaa_channel_add_request (KaaIOChannel *self,
                         KaaPending   *pending,
                         KaaWants      wants)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_channel_end_loan (priv);
  pending->late = get_lateness (self);
  kaa_pending_append (&kaa_channel_need_reading (priv)->requests, pending);

  /* R3: from now on what `read` handlers have had is kept. */
  if (wants & KAA_WANTS_CHUNKS)
    priv->keep = TRUE;
  /* R9: a file may have grown. */
  if (priv->eof && priv->state == KAA_STATE_OPEN && !kaa_channel_closes_on_eof (self))
    priv->look_behind_eof = TRUE;

  kaa_channel_check_transports (self);
  kaa_channel_schedule (self);
}

static KaaInProgress *
request (KaaIOChannel   *self,
         KaaPendingKind  kind,
         gsize           count,
         GBytes         *delimiter)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaWants wants = 0;
  GError *error = kaa_channel_check_request (self, kind, count, &wants);
  KaaPending *pending;
  KaaInProgress *future;

  if (kind == KAA_PENDING_READ_UNTIL && error == NULL && g_bytes_get_size (delimiter) == 0)
    error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "A delimiter cannot be empty");

  if (error != NULL)
    return kaa_channel_refuse_request (self, kind, error);

  pending = kaa_pending_new (self, kind, priv->entry.poller);
  pending->count = count > 0 ? count : priv->options->queue_size;
  if (kind == KAA_PENDING_READ_UNTIL)
    pending->delimiters = kaa_delimiters_new (&delimiter, 1);
  future = g_object_ref (pending->future);
  kaa_channel_add_request (self, pending, wants);
  return future;
}

/**
 * kaa_io_channel_read:
 * @self: a channel
 *
 * Asks for a chunk: 1 to [property@Kaa.IOChannel:chunk-size] bytes, as soon as there are any.
 *
 * Requests are served first come, first served; none ever gets the bytes of another. A future that is dropped before it is
 * served, or aborted, takes no data. On a channel that is not open yet it waits.
 *
 * It fails with `G_IO_ERROR_NOT_SUPPORTED` on a write-only channel or in another thread, with `G_IO_ERROR_PARTIAL_INPUT` where bytes
 * went by unasked for while a `read` handler had them, and with what the system said.
 *
 * Returns: (transfer full): a future that is finished with the bytes as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_read (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return request (self, KAA_PENDING_READ, G_MAXSIZE, NULL);
}

/**
 * kaa_io_channel_read_some:
 * @self: a channel
 * @most: how many bytes at most, 1 or more
 *
 * Asks for 1 to @most bytes, as soon as there are any: [method@Kaa.IOChannel.read] for who can use no more than that. What
 * is behind them is for the next request.
 *
 * [property@Kaa.IOChannel:chunk-size] limits it as well, so a large @most is no mistake.
 *
 * Beside the errors of [method@Kaa.IOChannel.read] it fails with `G_IO_ERROR_INVALID_ARGUMENT` where @most is 0.
 *
 * Returns: (transfer full): a future that is finished with the bytes as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_read_some (KaaIOChannel *self,
                          gsize         most)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return request (self, KAA_PENDING_READ, most, NULL);
}

KaaInProgress *
kaa_channel_wait_readable (KaaIOChannel *self)
{
  return request (self, KAA_PENDING_WAIT_READABLE, 0, NULL);
}

/**
 * kaa_io_channel_readline:
 * @self: a channel
 *
 * Asks for a line, which includes its delimiter.
 *
 * A line without a delimiter is the last one before the end, or a piece of one that is longer than
 * [property@Kaa.IOChannel:queue-size]: see [property@Kaa.IOChannel:overflow-policy].
 *
 * Beside the errors of [method@Kaa.IOChannel.read] it fails with `G_IO_ERROR_PENDING` while a handler is connected to
 * [signal@Kaa.IOChannel::readline] or [signal@Kaa.IOChannel::readlines], and with `G_IO_ERROR_MESSAGE_TOO_LARGE` where the policy says so.
 *
 * Returns: (transfer full): a future that is finished with the line as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_readline (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return request (self, KAA_PENDING_READLINE, 0, NULL);
}

/**
 * kaa_io_channel_readlines:
 * @self: a channel
 *
 * Asks for all the whole lines at hand, at least one and at most [property@Kaa.IOChannel:queue-size] bytes, as one block. In C
 * #KaaLineIter walks it.
 *
 * Errors are those of [method@Kaa.IOChannel.readline].
 *
 * Returns: (transfer full): a future that is finished with the lines as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_readlines (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return request (self, KAA_PENDING_READLINES, 0, NULL);
}

/**
 * kaa_io_channel_read_exactly:
 * @self: a channel
 * @count: how many bytes, 1 to queue-size
 *
 * Asks for @count bytes; fewer mean that the input ended.
 *
 * Beside the errors of [method@Kaa.IOChannel.read] it fails with `G_IO_ERROR_INVALID_ARGUMENT` for a @count out of bounds. For more than
 * [property@Kaa.IOChannel:queue-size] set that first, to what the largest message may have: it is what a peer can make you hold.
 *
 * Returns: (transfer full): a future that is finished with the bytes as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_read_exactly (KaaIOChannel *self,
                             gsize         count)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return request (self, KAA_PENDING_READ_EXACTLY, count, NULL);
}

/**
 * kaa_io_channel_read_until:
 * @self: a channel
 * @delimiter: the bytes to read up to
 *
 * Asks for the bytes up to and including @delimiter: [method@Kaa.IOChannel.readline] with a delimiter for this call.
 *
 * Beside the errors of [method@Kaa.IOChannel.readline] (but not `G_IO_ERROR_PENDING`) it fails with
 * `G_IO_ERROR_INVALID_ARGUMENT` for an empty @delimiter.
 *
 * Returns: (transfer full): a future that is finished with the bytes as a #GBytes; an empty one means that the channel is closed
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_io_channel_read_until (KaaIOChannel *self,
                           GBytes       *delimiter)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (delimiter != NULL, NULL);

  return request (self, KAA_PENDING_READ_UNTIL, 0, delimiter);
}

/* The rest of a line that is being dropped is not for anybody. */
static gsize
get_at_hand (KaaIOChannelPrivate *priv)
{
  return priv->reading->discarding == NULL ? kaa_channel_get_queued (priv) : 0;
}

/**
 * kaa_io_channel_peek:
 * @self: a channel
 *
 * Shows what is in the read queue without taking it. [method@Kaa.IOChannel.consume] takes.
 *
 * Returns: (transfer full): the bytes, none if the queue is empty, or in another thread than the channel's
 *
 * Since: 1.0
 */
GBytes *
kaa_io_channel_peek (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_insist (priv))
    return g_bytes_new_static ("", 0);

  return kaa_byte_queue_get_bytes (&priv->reading->queue, 0, get_at_hand (priv));
}

/**
 * kaa_io_channel_consume:
 * @self: a channel
 * @count: how many bytes
 * @error: return location for an error
 *
 * Takes @count bytes at the head of the read queue.
 *
 * Where the queue has fewer nothing is taken, and it fails with `G_IO_ERROR_INVALID_ARGUMENT`; in another thread than the
 * channel's with `G_IO_ERROR_NOT_SUPPORTED`.
 *
 * Returns: %TRUE if they were taken
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_consume (KaaIOChannel  *self,
                        gsize          count,
                        GError       **error)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_insist (priv))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "A channel can only be read in the thread of its main context; "
                           "use g_main_context_invoke() to get there");
      return FALSE;
    }
  if (count > get_at_hand (priv))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The queue holds %" G_GSIZE_FORMAT " bytes, so %" G_GSIZE_FORMAT " cannot be taken",
                   get_at_hand (priv), count);
      return FALSE;
    }

  kaa_channel_take (self, count);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
  return TRUE;
}

/**
 * kaa_io_channel_unread:
 * @self: a channel
 * @bytes: what was taken from the read queue last
 * @error: return location for an error
 *
 * Puts bytes back at the head of the read queue: for who has got them, and cannot use them.
 *
 * It fails with `G_IO_ERROR_NOT_SUPPORTED` in another thread than the channel's, with `G_IO_ERROR_BUSY` while a line that was too long is being
 * dropped, and with `G_IO_ERROR_NO_SPACE` where memory is short.
 *
 * Returns: %TRUE if they are in the queue
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_unread (KaaIOChannel  *self,
                       GBytes        *bytes,
                       GError       **error)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (bytes != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_insist (priv))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                         "Bytes can only be put back in the thread of the channel's main context; "
                         "use g_main_context_invoke() to get there");
  else if (priv->reading->discarding != NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                         "Bytes cannot be put back while a line that was too long is being dropped");
  else if (!kaa_channel_put_back (self, bytes))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "There is no memory for bytes that were put back");
  else
    return TRUE;

  return FALSE;
}

/**
 * kaa_io_channel_look:
 * @self: a channel
 *
 * Makes the channel look for handlers in the next turn of its main context.
 *
 * For bindings, which call it when a handler is connected. The channel looks by itself after each of its calls and emissions; one to which
 * nothing happens would not notice until its descriptor is ready. In another thread than the channel's it does nothing.
 *
 * Since: 1.0
 */
void
kaa_io_channel_look (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_is_mine (priv))
    return;
  kaa_channel_check_transports (self);
  kaa_channel_schedule (self);
}

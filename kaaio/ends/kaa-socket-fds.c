/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptors that are passed over a unix socket. */

#include "ends/kaa-socket-private.h"

#include <errno.h>

/* NULL if descriptors may be sent, as far as that is known before the socket is connected. */
static GError *
check (KaaSocket *self,
       GBytes    *bytes,
       gsize      n_fds)
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  if (!kaa_channel_insist (channel))
    return kaa_channel_new_thread_error ();
  if (g_bytes_get_size (bytes) == 0 || n_fds == 0 || n_fds > KAA_FDS_MAX)
    return g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "1 to %d descriptors go with at least one byte", KAA_FDS_MAX);
  if (kaa_socket_is_connected (self) && (priv->local.storage.ss_family != AF_UNIX || channel->output->klass->send == NULL))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                                "Only unix sockets carry descriptors, and those not under TLS");
  return NULL;
}

/**
 * kaa_socket_write_with_fds:
 * @self: a socket
 * @bytes: at least one byte
 * @fds: (array length=n_fds): descriptors; copies of them are sent, so they remain the caller's and may be closed at once
 * @n_fds: how many: 1 to 253
 *
 * Queues bytes to be written, as [method@Kaa.IOChannel.write_bytes], and passes descriptors with the first of them to the process at
 * the other side of a unix socket.
 *
 * The descriptors go in one message with these bytes and with no others. So who receives them knows which write they belong to:
 * see [method@Kaa.Socket.take_fds].
 *
 * It fails as a write does, and with `G_IO_ERROR_INVALID_ARGUMENT` where there is no byte, no descriptor, too many of
 * them, or one that is not open; with `G_IO_ERROR_NOT_SUPPORTED` where the socket is not a unix socket, is under TLS, or belongs to
 * another thread. Aborting it before the first byte has gone takes the descriptors back, too.
 *
 * Returns: (transfer full): a future that is finished with the number of bytes, as a 64-bit integer
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_socket_write_with_fds (KaaSocket *self,
                           GBytes    *bytes,
                           const int *fds,
                           gsize      n_fds)
{
  KaaInProgress *future;
  KaaPending *pending;
  KaaFds *copies = NULL;
  GError *error;

  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (bytes != NULL, NULL);
  g_return_val_if_fail (fds != NULL || n_fds == 0, NULL);

  error = check (self, bytes, n_fds);
  if (error == NULL)
    {
      copies = kaa_fds_new_dup (fds, n_fds);
      if (copies == NULL)
        error = g_error_new (G_IO_ERROR, errno == EBADF ? G_IO_ERROR_INVALID_ARGUMENT : g_io_error_from_errno (errno),
                             "A descriptor cannot be passed: %s", g_strerror (errno));
    }
  if (error == NULL)
    return kaa_channel_write_with_fds (KAA_IO_CHANNEL (self), bytes, copies);

  pending = kaa_channel_new_pending (KAA_IO_CHANNEL (self), KAA_PENDING_WRITE);
  future = g_object_ref (pending->future);
  kaa_pending_settle_error (pending, error, FALSE);
  return future;
}

/**
 * kaa_socket_take_fds:
 * @self: a socket with [property@Kaa.Socket:accept-fds] set
 * @n_fds: (out): how many
 * @position: (out) (optional): how many bytes of the stream had been read with them, in the count of [property@Kaa.IOChannel:bytes-read]
 *
 * Takes the descriptors that came with bytes that the application has had: a result of a request, or what a handler was given.
 *
 * They are those of one write, and writes stand in order: call it again for those of the next one. Nothing is read across the bytes
 * that descriptors came with, so a chunk of `read` ends with the bytes of theirs, and those that follow are in the next one. A line, or
 * so many bytes, may reach further; then its descriptors are there once it was delivered.
 *
 * The descriptors are the caller's, who closes them; they are close-on-exec. What is not taken is closed with the socket, when it
 * opens anew or goes. Bytes that are thrown away as too long ([property@Kaa.IOChannel:overflow-policy]) take their descriptors along.
 *
 * Returns: (array length=n_fds) (transfer full) (nullable): the descriptors, to be freed with g_free(); %NULL where there are none, and in another
 *   thread than the socket's
 *
 * Since: 1.0
 */
int *
kaa_socket_take_fds (KaaSocket *self,
                     gsize     *n_fds,
                     guint64   *position)
{
  guint64 end = 0;
  KaaFds *taken;
  int *fds = NULL;

  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);
  g_return_val_if_fail (n_fds != NULL, NULL);

  *n_fds = 0;
  taken = kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_CHANNEL (self)))
            ? kaa_channel_take_fds (KAA_IO_CHANNEL (self), &end) : NULL;
  if (taken != NULL)
    {
      fds = g_memdup2 (taken->fds, taken->n * sizeof (int));
      *n_fds = taken->n;
      taken->n = 0;
      kaa_fds_free (taken);
    }
  if (position != NULL)
    *position = end;
  return fds;
}

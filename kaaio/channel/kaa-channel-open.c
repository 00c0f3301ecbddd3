/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening: what a channel can be wrapped around. */

#include "channel/kaa-io-channel-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- transports --- */

static GBytes *
filter_read (gpointer   owner,
             gsize      count,
             GError   **error)
{
  return KAA_IO_CHANNEL_GET_CLASS (owner)->read_nonblocking (owner, count, error);
}

static gssize
filter_write (gpointer   owner,
              GBytes    *data,
              GError   **error)
{
  return KAA_IO_CHANNEL_GET_CLASS (owner)->write_nonblocking (owner, data, error);
}

static const KaaFilterFuncs filter_funcs = { filter_read, filter_write };

static gboolean
is_filter (KaaIOChannel *self)
{
  KaaIOChannelClass *klass = KAA_IO_CHANNEL_GET_CLASS (self);
  KaaIOChannelClass *base = g_type_class_peek_static (KAA_TYPE_IO_CHANNEL);

  return klass->read_nonblocking != base->read_nonblocking ||
         klass->write_nonblocking != base->write_nonblocking ||
         klass->close_channel != base->close_channel;
}

static gboolean
check_mode (int               fd,
            const KaaFdInfo  *info,
            KaaIOCondition    mode,
            GError          **error)
{
  if (mode == 0 || (mode & ~(KAA_IO_READ | KAA_IO_WRITE)) != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "The mode of a channel is KAA_IO_READ, KAA_IO_WRITE or both");
      return FALSE;
    }
  if (((mode & KAA_IO_READ) && !info->readable) || ((mode & KAA_IO_WRITE) && !info->writable))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "Descriptor %d was opened %s; use a mode that fits", fd,
                   info->readable ? "for reading only" : "for writing only");
      return FALSE;
    }
  return TRUE;
}

KaaTransport *
kaa_channel_filter_transport (KaaIOChannel *self,
                              KaaTransport *transport)
{
  return is_filter (self) ? kaa_filter_transport_new (transport, &filter_funcs, self) : transport;
}

KaaTransport *
kaa_channel_new_transport (KaaIOChannel    *self,
                           int              fd,
                           GObject         *stream,
                           KaaIOCondition   mode,
                           GError         **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaTransport *transport;
  KaaPollFlags flags = 0;
  KaaFdInfo info;

  if (!kaa_sys_inspect (fd, &info, error) || !check_mode (fd, &info, mode, error))
    return NULL;

  if (mode & KAA_IO_READ)
    flags |= KAA_POLL_IN;
  if (mode & KAA_IO_WRITE)
    flags |= KAA_POLL_OUT;

  if (info.kind == KAA_FD_FILE)
    transport = kaa_file_transport_new (fd, &info);
  else
    /* Terminals and the standard descriptors are shared with other processes more often than not. */
    transport = kaa_fd_transport_new (fd, &info, flags,
                                      !priv->close_fd || fd <= STDERR_FILENO || info.kind == KAA_FD_TTY, error);

  if (transport == NULL)
    return NULL;

  transport->stream = stream != NULL ? g_object_ref (stream) : NULL;
  return kaa_channel_filter_transport (self, transport);
}

gboolean
kaa_channel_check_openable (KaaIOChannel  *self,
                            GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (!kaa_channel_insist (priv))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           "A channel can only be opened in the thread of its main context; "
                           "use g_main_context_invoke() to get there");
      return FALSE;
    }
  if (kaa_poller_is_gone (priv->entry.poller))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The main context of the channel has gone");
      return FALSE;
    }
  if (kaa_poller_is_forked (priv->entry.poller))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The channel belongs to the parent process; make one of your own");
      return FALSE;
    }
  if (priv->in_filter)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "The channel is just reading, writing or closing");
      return FALSE;
    }
  return TRUE;
}

/* What was asked for before it was known that the descriptor cannot do it. */
static void
refuse_impossible (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GError *error = NULL;

  if (!(priv->mode & KAA_IO_READ) && priv->reading->requests.first != NULL)
    {
      g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "The channel was opened write-only");
      kaa_channel_end_requests (self, error);
      g_clear_error (&error);
    }
  if (!kaa_channel_has_output (self) && kaa_channel_get_unwritten (priv) > 0)
    {
      g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           (priv->mode & KAA_IO_WRITE) ? "What was opened cannot be written to any more"
                                                       : "The channel was opened read-only");
      kaa_channel_put_error (priv, error);
      kaa_channel_fail_writes (self, error);
      g_error_free (error);
      g_object_notify (G_OBJECT (self), "error");
    }
}

void
kaa_channel_discard_transport (KaaTransport *transport)
{
  if (transport != NULL)
    {
      transport->klass->stop (transport);
      transport->klass->close (transport, /* close_fd= */ FALSE, /* forked= */ FALSE);
    }
}

void
kaa_channel_take_transports (KaaIOChannel *self,
                             KaaTransport *input,
                             KaaTransport *output)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_channel_close_now (self, TRUE);
  kaa_channel_clear_input (self);

  g_clear_error (&priv->writing->error);
  g_clear_error (&priv->writing->end_error);
  if (priv->writing->write_error != NULL)
    g_clear_error (&priv->writing->write_error);
  priv->input = input;
  priv->output = output;
  priv->mode = (input != NULL ? KAA_IO_READ : 0) | (output != NULL ? KAA_IO_WRITE : 0);
  priv->filtered = is_filter (self);
  priv->state = KAA_STATE_OPEN;
  priv->eof = priv->look_behind_eof = FALSE;
  priv->peer_gone = priv->draining = priv->shut_down = FALSE;
  priv->direct_used = FALSE;
  priv->orphan = FALSE;
  priv->bytes_read = priv->bytes_written = 0;
}

void
kaa_channel_opened (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_channel_publish (priv);
  refuse_impossible (self);
  kaa_channel_begin_idle (self);

  /* C5: nothing that is connected in this turn is collected under the application. */
  if (!priv->held)
    {
      priv->held = TRUE;
      g_object_ref (self);
    }

  kaa_channel_notify_fileno (self);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
}

gboolean
kaa_channel_start_transports (KaaIOChannel  *self,
                              KaaTransport  *input,
                              KaaTransport  *output,
                              GError       **error)
{
  KaaPollEntry *entry = &kaa_channel_get_private (self)->entry;

  if ((input == NULL || input->klass->start (input, entry, error)) &&
      (output == NULL || output == input || output->klass->start (output, entry, error)))
    return TRUE;

  kaa_channel_discard_transport (input);
  if (output != input)
    kaa_channel_discard_transport (output);
  return FALSE;
}

gboolean
kaa_channel_open_transports (KaaIOChannel  *self,
                             KaaTransport  *input,
                             KaaTransport  *output,
                             GError       **error)
{
  if (!kaa_channel_start_transports (self, input, output, error))
    return FALSE;

  kaa_channel_take_transports (self, input, output);
  kaa_channel_opened (self);
  return TRUE;
}

/**
 * kaa_io_channel_wrap_fd:
 * @self: a channel
 * @fd: an open descriptor: pipe, terminal, stream socket, file, ...
 * @mode: what it is used for
 * @error: return location for an error
 *
 * Makes the channel represent a descriptor.
 *
 * What it had open before is closed immediately. From then on the descriptor is the channel's, which closes it
 * ([property@Kaa.IOChannel:close-fd]).
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where @fd is not open or does not allow the mode, with `G_IO_ERROR_IS_DIRECTORY`, and with
 * `G_IO_ERROR_NOT_SUPPORTED` for datagram and seqpacket sockets; with `G_IO_ERROR_BUSY` from inside of a virtual method of the channel. Then the
 * channel is unchanged, and @fd still the caller's.
 *
 * Returns: %TRUE if the channel is open
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_wrap_fd (KaaIOChannel    *self,
                        int              fd,
                        KaaIOCondition   mode,
                        GError         **error)
{
  KaaTransport *transport;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!kaa_channel_check_openable (self, error))
    return FALSE;

  transport = kaa_channel_new_transport (self, fd, NULL, mode, error);
  return transport != NULL && kaa_channel_open_transports (self,
                                                           (mode & KAA_IO_READ) ? transport : NULL,
                                                           (mode & KAA_IO_WRITE) ? transport : NULL,
                                                           error);
}

/**
 * kaa_io_channel_wrap_fds:
 * @self: a channel
 * @read_fd: the descriptor that is read
 * @write_fd: the descriptor that is written
 * @error: return location for an error
 *
 * Makes the channel represent two descriptors, such as the two pipes of a child process.
 *
 * Errors are those of [method@Kaa.IOChannel.wrap_fd].
 *
 * Returns: %TRUE if the channel is open
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_wrap_fds (KaaIOChannel  *self,
                         int            read_fd,
                         int            write_fd,
                         GError       **error)
{
  KaaTransport *input, *output;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (read_fd == write_fd)
    return kaa_io_channel_wrap_fd (self, read_fd, KAA_IO_READ | KAA_IO_WRITE, error);
  if (!kaa_channel_check_openable (self, error))
    return FALSE;

  input = kaa_channel_new_transport (self, read_fd, NULL, KAA_IO_READ, error);
  if (input == NULL)
    return FALSE;
  output = kaa_channel_new_transport (self, write_fd, NULL, KAA_IO_WRITE, error);
  if (output == NULL)
    {
      kaa_channel_discard_transport (input);
      return FALSE;
    }

  return kaa_channel_open_transports (self, input, output, error);
}

/* --- for the floor above --- */

gboolean
kaa_channel_gather_input (KaaIOChannel  *self,
                          gsize         *length,
                          GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->filtered && priv->input != NULL &&
      !kaa_filter_transport_move_rest (priv->input, &kaa_channel_need_reading (priv)->queue, kaa_channel_get_blocks (priv)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "There is no memory for what was read");
      return FALSE;
    }

  *length = kaa_channel_get_queued (priv);
  if (priv->reading->chunks != NULL)
    for (GList *chunk = priv->reading->chunks->head; chunk != NULL; chunk = chunk->next)
      *length += g_bytes_get_size (chunk->data);
  return TRUE;
}

GBytes *
kaa_channel_take_input (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize length = kaa_channel_get_queued (priv);
  GBytes *bytes = length > 0 ? kaa_byte_queue_get_bytes (&priv->reading->queue, 0, length) : g_bytes_new (NULL, 0);

  kaa_channel_take (self, length);
  return bytes;
}

KaaTransport *
kaa_channel_exchange_started (KaaIOChannel *self,
                              KaaTransport *input,
                              KaaTransport *output)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaTransport *old = priv->input;

  g_assert (old != NULL && old == priv->output);

  priv->input = input;
  priv->output = output;
  priv->mode = (input != NULL ? KAA_IO_READ : 0) | (output != NULL ? KAA_IO_WRITE : 0);
  old = kaa_filter_transport_unwrap (old);
  kaa_channel_publish (priv);
  /* One that is closing takes nothing new, and still writes what it has. */
  if (priv->state == KAA_STATE_OPEN || output == NULL)
    refuse_impossible (self);
  kaa_channel_notify_fileno (self);
  kaa_channel_notify_state (self);
  kaa_channel_schedule (self);
  return old;
}

KaaTransport *
kaa_channel_exchange_transports (KaaIOChannel  *self,
                                 KaaTransport  *input,
                                 KaaTransport  *output,
                                 GError       **error)
{
  return kaa_channel_start_transports (self, input, output, error) ? kaa_channel_exchange_started (self, input, output) : NULL;
}

/* --- constructors --- */

/**
 * kaa_io_channel_new:
 *
 * Makes a channel that is not open yet. What is written to it, or asked of it, waits until it is.
 *
 * Returns: (transfer full): a new channel
 *
 * Since: 1.0
 */
KaaIOChannel *
kaa_io_channel_new (void)
{
  return g_object_new (KAA_TYPE_IO_CHANNEL, NULL);
}

/**
 * kaa_io_channel_new_for_fd:
 * @fd: an open descriptor
 * @mode: what it is used for
 * @error: return location for an error
 *
 * Makes a channel for a descriptor: see [method@Kaa.IOChannel.wrap_fd].
 *
 * Returns: (transfer full): a new channel, or %NULL with @error set
 *
 * Since: 1.0
 */
KaaIOChannel *
kaa_io_channel_new_for_fd (int              fd,
                           KaaIOCondition   mode,
                           GError         **error)
{
  KaaIOChannel *self = kaa_io_channel_new ();

  if (!kaa_io_channel_wrap_fd (self, fd, mode, error))
    g_clear_object (&self);
  return self;
}

/**
 * kaa_io_channel_new_pair:
 * @a: (out) (transfer full): one end
 * @b: (out) (transfer full): the other end
 * @error: return location for an error
 *
 * Makes two channels that are connected with each other: what is written to one is read from the other. For tests.
 *
 * Returns: %TRUE if they were made
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_new_pair (KaaIOChannel **a,
                         KaaIOChannel **b,
                         GError       **error)
{
  int fds[2];

  g_return_val_if_fail (a != NULL && b != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  *a = *b = NULL;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 || !kaa_sys_move_pair_up (fds))
    {
      g_propagate_error (error, kaa_transport_error (errno, "Making a pair; its", -1));
      return FALSE;
    }

  *a = kaa_io_channel_new_for_fd (fds[0], KAA_IO_READ | KAA_IO_WRITE, error);
  if (*a != NULL)
    *b = kaa_io_channel_new_for_fd (fds[1], KAA_IO_READ | KAA_IO_WRITE, error);
  if (*b == NULL)
    {
      if (*a == NULL)
        kaa_sys_close (fds[0]);
      kaa_sys_close (fds[1]);
      g_clear_object (a);
      return FALSE;
    }

  return TRUE;
}

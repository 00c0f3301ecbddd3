/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listening, and what becomes of the clients. */

#include "ends/kaa-socket-private.h"

#include "ends/kaa-handed-over.h"
#include "ends/kaa-listener.h"
#include "loop/kaa-collector.h"

/* --- what the listener asks --- */

static gboolean
has_handler (KaaSocket *self,
             gboolean   may_be_blocked)
{
  return KAA_SOCKET_GET_CLASS (self)->new_client != NULL ||
         g_signal_has_handler_pending (self, kaa_socket_signals[KAA_SOCKET_NEW_CLIENT], 0, may_be_blocked);
}

static KaaLook
look_for_interest (gpointer owner)
{
  KaaSocket *self = owner;
  KaaSocketPrivate *priv = kaa_socket_get_private (self);

  if (!kaa_channel_is_alive (KAA_IO_CHANNEL (self)) ||
      (priv->max_clients > 0 && priv->clients->n >= priv->max_clients))
    return KAA_LOOK_NOBODY;
  if (priv->accepts.first != NULL)
    return KAA_LOOK_WANTED;
  if (!priv->auto_accept || !has_handler (self, TRUE))
    return KAA_LOOK_NOBODY;
  /* C6: a nested loop in a handler does not emit again. */
  if (priv->emitting > 0 || kaa_channel_get_private (KAA_IO_CHANNEL (self))->paused || !has_handler (self, FALSE))
    return KAA_LOOK_BLOCKED;
  return KAA_LOOK_WANTED;
}

static KaaSocket *
new_client (KaaSocket  *self,
            int         fd,
            GError    **error)
{
  KaaPoller *poller = kaa_channel_get_private (KAA_IO_CHANNEL (self))->entry.poller;
  GMainContext *context = kaa_poller_dup_context (poller);
  KaaSocket *client = g_object_new (KAA_TYPE_SOCKET,
                                    "main-context", context,
                                    "priority", kaa_poller_get_priority (poller),
                                    NULL);

  g_main_context_unref (context);
  kaa_socket_prepare (client, fd);
  if (!kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (client), fd, KAA_IO_READ | KAA_IO_WRITE, error))
    {
      g_prefix_error_literal (error, "A client was lost: ");
      kaa_sys_close (fd);
      g_clear_object (&client);
    }
  return client;
}

static gboolean
client_accepted (gpointer            owner,
                 int                 fd,
                 const KaaSockaddr  *peer,
                 GError            **error)
{
  KaaSocket *self = owner;
  KaaSocketPrivate *priv = kaa_socket_get_private (self);
  KaaSocket *client = new_client (self, fd, error);
  KaaPending *pending = priv->accepts.first;

  if (client == NULL)
    return FALSE;
  kaa_socket_set_accept_fds (client, kaa_socket_get_accept_fds (self));
  kaa_socket_count (self, client);

  if (pending != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_object (pending, G_OBJECT (client), TRUE);
      return TRUE;
    }

  kaa_collector_finish ();
  priv->emitting++;
  g_signal_emit (self, kaa_socket_signals[KAA_SOCKET_NEW_CLIENT], 0, client);
  priv->emitting--;
  g_object_unref (client);
  return TRUE;
}

static void
accept_failed (gpointer      owner,
               const GError *error)
{
  kaa_collector_finish ();
  g_signal_emit (owner, kaa_socket_signals[KAA_SOCKET_ACCEPT_ERROR], 0, error);
}

static void
listener_ended (gpointer  owner,
                GError   *error)
{
  kaa_channel_close_with_error (owner, error);
}

static void
settle_down (gpointer owner)
{
  KaaSocket *self = owner;

  kaa_pending_list_look (&kaa_socket_get_private (self)->accepts);
  kaa_channel_update_hold (KAA_IO_CHANNEL (self));
}

static gboolean
is_heard (gpointer owner)
{
  return has_handler (owner, TRUE);
}

static void
listener_closed (gpointer owner)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (owner);
  const GError *why = kaa_channel_get_private (owner)->writing->end_error;
  KaaPending *pending;

  priv->listener = NULL;
  while ((pending = priv->accepts.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending,
                                why != NULL ? g_error_copy (why)
                                            : g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                                   "The socket does not listen any more"),
                                FALSE);
    }
}

static const KaaListenerFuncs listener_funcs = {
  .look = look_for_interest,
  .accepted = client_accepted,
  .failed = accept_failed,
  .ended = listener_ended,
  .settle = settle_down,
  .is_heard = is_heard,
  .closed = listener_closed,
};

/* --- methods --- */

static gboolean
check_listen (KaaSocket  *self,
              GError    **error)
{
  if (!kaa_channel_check_openable (KAA_IO_CHANNEL (self), error))
    return FALSE;
  if (kaa_channel_is_alive (KAA_IO_CHANNEL (self)))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The socket is open already; close it first");
      return FALSE;
    }
  return TRUE;
}

static gboolean
open_listening (KaaSocket         *self,
                KaaListening      *listening,
                const KaaAddress  *address,
                int                backlog,
                GError           **error)
{
  *listening = (KaaListening) { 0, };
  if (address->kind == KAA_ADDRESS_SYSTEMD)
    return kaa_handed_over_open (listening, address->name, error);
  return kaa_listening_open (listening, address, backlog, kaa_socket_get_private (self)->socket_mode, error);
}

static gboolean
start_listening (KaaSocket     *self,
                 KaaListening  *listening, /* taken, also where this fails */
                 gboolean       close_fds, /* ... and its descriptors with it */
                 GError       **error)
{
  KaaSocketPrivate *priv = kaa_socket_get_private (self);
  KaaListening undo = *listening;

  kaa_socket_expect_clients (self);
  if (priv->buffer_size > 0)
    for (guint i = 0; i < listening->n; i++)
      kaa_socket_prepare (self, listening->sockets[i].fd);

  undo.path = g_strdup (undo.path);
  priv->listener = kaa_listener_new (listening, &listener_funcs, G_OBJECT (self));
  if (!kaa_channel_open_transports (KAA_IO_CHANNEL (self), priv->listener, NULL, error))
    {
      kaa_listening_close (&undo, close_fds, FALSE);
      return FALSE;
    }
  g_free (undo.path);
  return TRUE;
}

/**
 * kaa_socket_listen:
 * @self: a socket that is not open
 * @address: where: see [class@Kaa.Socket] for the forms
 * @backlog: how many clients may wait in the kernel; 0 for as many as the system allows
 * @error: return location for an error
 *
 * Makes the socket listen for clients.
 *
 * Port 0 stands for any that is free; [property@Kaa.Socket:local-address] tells which. A name that stands for
 * several addresses is listened at by all of them. Names other than `localhost` are looked up in the call, which may take time.
 *
 * A socket file gets the permissions of [property@Kaa.Socket:socket-mode], and is removed at the close. One that is there already
 * is replaced only where it is a socket that nobody answers at.
 *
 * What a service manager handed over stays open for as long as the process lives, and is not inherited by children: each call listens with a
 * duplicate of its own, also after a close. A number that does not stand for that socket any more, because somebody else closed it, is
 * refused.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` for an address that makes no sense (such as a path over 107 bytes),
 * `G_IO_ERROR_ADDRESS_IN_USE`, `G_IO_ERROR_EXISTS` for a file that is no socket, or while the socket is open,
 * `G_IO_ERROR_NOT_FOUND` where nothing was handed over or there is no such network interface, or what else the system says.
 *
 * Returns: %TRUE if it listens
 *
 * Since: 1.0
 */
gboolean
kaa_socket_listen (KaaSocket   *self,
                   const char  *address,
                   int          backlog,
                   GError     **error)
{
  KaaAddress parsed = { 0, };
  KaaListening listening;
  gboolean good;

  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);
  g_return_val_if_fail (address != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  good = check_listen (self, error) &&
         kaa_address_parse (address, &parsed, error) &&
         open_listening (self, &listening, &parsed, backlog, error) &&
         start_listening (self, &listening, /* close_fds= */ TRUE, error);
  kaa_address_clear (&parsed);
  return good;
}

/**
 * kaa_socket_listen_fd:
 * @self: a socket that is not open
 * @fd: a descriptor that listens already, such as one that a service manager handed over
 * @error: return location for an error
 *
 * Listens with a descriptor, which becomes the socket's. It is made non-blocking and close-on-exec.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` for what is no listening socket, `G_IO_ERROR_NOT_SUPPORTED` where it is no stream
 * socket, and `G_IO_ERROR_EXISTS` while the socket is open. Then @fd is still the caller's.
 *
 * Returns: %TRUE if it listens
 *
 * Since: 1.0
 */
gboolean
kaa_socket_listen_fd (KaaSocket  *self,
                      int         fd,
                      GError    **error)
{
  KaaListening listening = { 0, };

  g_return_val_if_fail (KAA_IS_SOCKET (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  return check_listen (self, error) &&
         kaa_listening_adopt (&listening, fd, error) &&
         start_listening (self, &listening, /* close_fds= */ FALSE, error);
}

/**
 * kaa_socket_accept:
 * @self: a socket that listens
 *
 * Asks for one client. Those asked for first get the first clients; [signal@Kaa.Socket::new-client] gets the others.
 *
 * Aborting it, or dropping it unheard, takes no client. It fails with `G_IO_ERROR_CLOSED` where the socket does not listen (any more),
 * with what is in [property@Kaa.IOChannel:error] where somebody else ended that meanwhile, and with `G_IO_ERROR_NOT_SUPPORTED` in another
 * thread than the socket's.
 *
 * Returns: (transfer full): a future that is finished with a #KaaSocket
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_socket_accept (KaaSocket *self)
{
  KaaSocketPrivate *priv;
  KaaIOChannelPrivate *channel;
  KaaInProgress *future;
  KaaPending *pending;
  KaaPoller *poller;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_SOCKET (self), NULL);

  priv = kaa_socket_get_private (self);
  channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));

  if (!kaa_channel_check_openable (KAA_IO_CHANNEL (self), &error) || !kaa_socket_is_listening (self))
    {
      if (error == NULL)
        g_set_error_literal (&error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The socket does not listen; call listen() first");
      poller = kaa_channel_is_mine (channel) ? kaa_poller_ref (channel->entry.poller)
                                                          : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
      pending = kaa_pending_new (KAA_IO_CHANNEL (self), KAA_PENDING_ACCEPT, poller);
      future = g_object_ref (pending->future);
      kaa_pending_settle_error (pending, error, FALSE);
      kaa_poller_unref (poller);
      return future;
    }

  pending = kaa_pending_new (KAA_IO_CHANNEL (self), KAA_PENDING_ACCEPT, channel->entry.poller);
  future = g_object_ref (pending->future);
  kaa_pending_append (&priv->accepts, pending);
  kaa_socket_interest_changed (self);
  return future;
}

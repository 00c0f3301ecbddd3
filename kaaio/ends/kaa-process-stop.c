/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stopping a child, waiting for its end, signals. */

#include "ends/kaa-process-private.h"

#include "future/kaa-alarm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* What both have in common: a future for the end of the child. Settled already if there is nothing to wait for; otherwise
 * *pending is TRUE. */
static KaaInProgress *
wait_for_exit (KaaProcess     *self,
               KaaPendingKind  kind,
               gboolean       *pending)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaPending *wait = kaa_channel_new_pending (KAA_IO_CHANNEL (self), kind);
  KaaInProgress *future = g_object_ref (wait->future);

  *pending = FALSE;
  if (wait->foreign)
    {
      kaa_pending_settle_error (wait, kaa_channel_new_thread_error (), FALSE);
    }
  else if (priv->running)
    {
      *pending = TRUE;
      kaa_pending_append (&priv->waiting, wait);
      kaa_child_schedule (priv->child);
    }
  else if (priv->launch != NULL && kind == KAA_PENDING_STOP)
    {
      kaa_process_stop_launch (self);
      kaa_pending_settle_int (wait, -SIGKILL, FALSE);
    }
  else if (priv->launch != NULL)
    {
      kaa_pending_append (&priv->waiting, wait);
    }
  else if (priv->child == NULL)
    {
      kaa_pending_settle_error (wait, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NOT_INITIALIZED,
                                                           "There is no child; start the process first"), FALSE);
    }
  else
    {
      kaa_pending_settle_int (wait, priv->exit_status, FALSE);
    }
  return future;
}

/* The command was not heard: so the signal need not wait for what becomes of it. */
static void
stop_unsaid (const GError *error,
             gpointer      user_data)
{
  KaaProcessPrivate *priv = kaa_process_get_private (user_data);

  if (priv->stopping)
    kaa_child_stop_at (priv->child, kaa_alarm_after (0), -1);
}

/* FALSE where there is nobody who would hear it. */
static gboolean
say_stop (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaInProgress *written;

  if (priv->stop_command == NULL || !kaa_io_channel_get_writable (KAA_IO_CHANNEL (self)))
    return FALSE;

  written = kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) priv->stop_command, strlen (priv->stop_command));
  kaa_in_progress_then (written, NULL, NULL, NULL, stop_unsaid, g_object_ref (self), g_object_unref);
  g_object_unref (written);
  return TRUE;
}

/**
 * kaa_process_stop:
 * @self: a process
 * @seconds: how long the child may take; negative for as long as it likes
 *
 * Stops the child: in a friendly way first, and for certain when the time is up.
 *
 * Where there is a [property@Kaa.Process:stop-command] it is written to the child's standard input, and `SIGTERM` follows after
 * half of the time; otherwise `SIGTERM` is sent at once. When @seconds have passed the child is killed by `SIGKILL`. A
 * negative number leaves out what would come later.
 *
 * Signals go to the child, not to the children that it has started, unless it leads a group of its own: with
 * `KAA_PROCESS_NEW_GROUP`, `KAA_PROCESS_NEW_SESSION` or `KAA_PROCESS_PTY` they go to all of that group, such as the programs of a
 * shell; and what is left of it when the child has ended is killed when the time is up.
 *
 * Stopping twice is fine: both futures end with the child, and the earlier moment counts. The stop goes on if the
 * future is aborted or dropped, even if the process object itself is. The future fails with `G_IO_ERROR_NOT_INITIALIZED` if there never
 * was a child, and with what the system says (`G_IO_ERROR_PERMISSION_DENIED`) where the child may not be signalled, as one that has
 * become another user: it goes on then. Where it has ended already the result is its exit status; where it is just being
 * launched that is called off. In the thread of the main context.
 *
 * Returns: (transfer full): a future that is finished with the exit status, as [property@Kaa.Process:exit-status], when the child has
 *   ended
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_process_stop (KaaProcess *self,
                  double      seconds)
{
  KaaProcessPrivate *priv;
  KaaInProgress *future;
  gboolean running, first;

  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  priv = kaa_process_get_private (self);
  future = wait_for_exit (self, KAA_PENDING_STOP, &running);
  if (!running)
    return future;

  first = !priv->stopping;
  priv->stopping = TRUE;
  if (seconds != 0 && first && say_stop (self))
    kaa_child_stop_at (priv->child, kaa_alarm_after (seconds / 2), kaa_alarm_after (seconds));
  else
    kaa_child_stop_at (priv->child, first ? kaa_alarm_after (0) : kaa_alarm_after (seconds / 2), kaa_alarm_after (seconds));
  if (first)
    kaa_process_notify (self, KAA_PROCESS_PROP_STOPPING);
  return future;
}

/**
 * kaa_process_wait:
 * @self: a process
 *
 * Waits for the child to end. Its output may not have been read by then; [signal@Kaa.Process::finished] tells when that is so, and
 * [method@Kaa.Process.communicate] waits for both.
 *
 * Errors are those of [method@Kaa.Process.stop]; aborting it leaves the child alone. In the thread of the main context.
 *
 * Returns: (transfer full): a future that is finished with the exit status
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_process_wait (KaaProcess *self)
{
  gboolean running;

  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return wait_for_exit (self, KAA_PENDING_EXIT, &running);
}

/**
 * kaa_process_send_signal:
 * @self: a process
 * @signum: a signal, such as `SIGUSR1`
 * @error: return location for an error
 *
 * Sends a signal to the child, or to all of the group that it leads, as [method@Kaa.Process.stop] does, and never to a stranger who has its
 * number by now.
 *
 * It fails with `G_IO_ERROR_NOT_FOUND` where there is no child, or it has ended, and with `G_IO_ERROR_INVALID_ARGUMENT` where
 * there is no such signal, and with `G_IO_ERROR_PERMISSION_DENIED` where the child may not be signalled. In the thread of the main context.
 *
 * Returns: %TRUE if the signal was sent
 *
 * Since: 1.0
 */
gboolean
kaa_process_send_signal (KaaProcess  *self,
                         int          signum,
                         GError     **error)
{
  KaaProcessPrivate *priv;

  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_process_get_private (self);
  if (!kaa_channel_insist (kaa_channel_get_private (KAA_IO_CHANNEL (self))))
    {
      g_propagate_error (error, kaa_channel_new_thread_error ());
      return FALSE;
    }

  if (!priv->running)
    errno = ESRCH;
  else if (kaa_child_signal (priv->child, signum) == 0)
    return TRUE;

  if (errno == ESRCH)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no child that is running");
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Sending signal %d failed: %s", signum, g_strerror (errno));
  return FALSE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* communicate(): a whole conversation with a child, which is started where there is none. */

#include "ends/kaa-process-private.h"

/* Where there is no child there is one being started, or it fails. */
static gboolean
prepare (KaaProcess  *self,
         GBytes      *input,
         GError     **error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaInProgress *launch;

  if (!kaa_channel_insist (kaa_channel_get_private (KAA_IO_CHANNEL (self))))
    {
      g_propagate_error (error, kaa_channel_new_thread_error ());
      return FALSE;
    }
  if (kaa_process_has_conversation (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                           "A conversation is under way already; wait for it, or abort it");
      return FALSE;
    }
  if (input != NULL && g_bytes_get_size (input) > 0 && !kaa_process_has_input (self))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "The child's standard input is not this channel's, so nothing can be said to it");
      return FALSE;
    }
  if (priv->running || priv->launch != NULL || (priv->child != NULL && !priv->communicated))
    return TRUE;

  launch = kaa_process_launch (self);
  if (priv->launch == NULL)
    {
      kaa_in_progress_get_boolean (launch, error);
      g_object_unref (launch);
      return FALSE;
    }
  g_object_unref (launch);
  return TRUE;
}

/**
 * kaa_process_communicate:
 * @self: a process
 * @input: (nullable): what to say; %NULL for nothing
 *
 * Holds a whole conversation with the child: says something, listens to everything, and waits for its end.
 *
 * The child is started if there is none. @input goes to its standard input, however much it is, which is closed
 * then; the output is collected in memory, without limit, and what comes by [property@Kaa.Process:stderr-channel] is in
 * [property@Kaa.Process:stderr-data] afterwards. In the end the channel is closed.
 *
 * A child that does not read its input is no error, and its [property@Kaa.Process:exit-status] is not looked at. Other processes that
 * have inherited the pipes are not waited for.
 *
 * The child is started as by [method@Kaa.Process.launch], so the loop is not blocked. Where its standard input or output is
 * something else (`KAA_PROCESS_STDIN_NULL`, [method@Kaa.Process.take_fd] and their like) there is nothing to be said, or the result is
 * empty.
 *
 * The future fails with what [method@Kaa.Process.start] fails with, with `G_IO_ERROR_INVALID_ARGUMENT` for an @input that the child would
 * not get, with `G_IO_ERROR_PENDING` while there is another conversation, with
 * `G_IO_ERROR_CLOSED` where the process is disposed or started again meanwhile, with what reading fails with, and where @input cannot be
 * written though the child would read it (`G_IO_ERROR_MESSAGE_TOO_LARGE` for a line that a terminal would cut); the child runs on then. Aborting it leaves the
 * child alone, and what was collected to the next call. In the thread of the main context.
 *
 * Returns: (transfer full): a future that is finished with the output, as #GBytes, when the child has ended
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_process_communicate (KaaProcess *self,
                         GBytes     *input)
{
  KaaInProgress *future;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  if (!prepare (self, input, &error))
    {
      future = kaa_in_progress_new (G_OBJECT (self));
      kaa_in_progress_throw (future, error);
      g_error_free (error);
      return future;
    }

  return kaa_process_converse (self, input, kaa_process_get_launch (self));
}

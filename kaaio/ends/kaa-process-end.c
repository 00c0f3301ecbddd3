/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end of a child: `exited` when it has been reaped, `finished` when its output has been consumed as well.
 *
 * The end of the output says little: a grandchild may hold the pipe for hours. But what the child itself has written is in
 * the pipe by the time it has ended, so at that moment it is known how much there is. When so much has been read and
 * delivered, or nobody listens, the output is consumed. A pseudo-terminal keeps bytes where they
 * cannot be counted, but hangs up by itself when its session leader ends: there the end is waited for.
 */

#include "ends/kaa-process-private.h"
#include "loop/kaa-collector.h"

static guint64
count_output (KaaOutput *output)
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (output->channel);

  if (channel->input == NULL || channel->input != output->input)
    return 0;
  /* A subclass may make more or less of what is read. */
  if (output->input->kind != KAA_FD_PIPE || channel->filtered)
    return G_MAXUINT64;
  return channel->bytes_read + output->input->klass->get_unread (output->input);
}

static gboolean
is_consumed (const KaaOutput *output)
{
  KaaIOChannelPrivate *channel;
  gsize queued;

  if (output->channel == NULL)
    return TRUE;

  channel = kaa_channel_get_private (output->channel);
  if (channel->input == NULL || channel->input != output->input)
    return channel->writing->closings == NULL;

  /* Unheard output is abandoned. */
  if (channel->reading->requests.first == NULL && kaa_channel_look_blocked (output->channel) == KAA_LOOK_NOBODY)
    return TRUE;
  if (channel->state != KAA_STATE_OPEN || channel->bytes_read < output->end ||
      kaa_poll_entry_is_scheduled (&channel->entry) || channel->emitting || channel->reading->chunks != NULL)
    return FALSE;

  /* What the requests wait for is not there; a partial line will not be completed by the child. */
  queued = kaa_channel_get_queued (channel);
  if (queued == 0 || channel->reading->requests.first != NULL ||
      channel->reading->heard.had == queued)
    return TRUE;
  return !kaa_channel_wants (output->channel, KAA_WANTS_CHUNKS) && !kaa_channel_has_line (output->channel);
}

/* There is something to say about the end, and everything has been heard. */
static gboolean
is_over (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (priv->running || !(priv->finish_due || kaa_process_is_communicating (self)))
    return FALSE;
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    if (!is_consumed (&priv->outputs[i]))
      return FALSE;
  return TRUE;
}

void
kaa_process_fail_waiting (KaaProcess *self,
                          GError     *error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaPending *pending;

  while ((pending = priv->waiting.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending, g_error_copy (error), FALSE);
    }
  kaa_process_drop_conversation (self, error);
  g_error_free (error);
}

void
kaa_process_forget_child (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (priv->child == NULL)
    return;

  if (priv->conversation != NULL)
    {
      GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "Another child was started");

      kaa_process_drop_conversation (self, error);
      g_error_free (error);
    }
  g_clear_pointer (&priv->child, kaa_child_let_go);
  priv->running = priv->stopping = FALSE;
  if (priv->finish_due)
    {
      priv->finish_due = FALSE;
      priv->finish_owed = TRUE;
      priv->owed_status = priv->exit_status;
    }
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    priv->outputs[i] = (KaaOutput) { NULL, };
}

static void
emit (KaaProcess *self,
      guint       which,
      int         status)
{
  kaa_collector_settle ();
  g_signal_emit (self, kaa_process_signals[which], 0, status);
}

/* The handlers first, then the futures: of those who waited for this end, and not for that of a child that a handler has started. */
static void
announce_exit (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  gboolean was_stopping = priv->stopping;
  KaaPendingList waiting = { NULL, };
  int status = kaa_child_get_status (priv->child);
  KaaPending *pending;

  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    if (priv->outputs[i].channel != NULL)
      priv->outputs[i].end = count_output (&priv->outputs[i]);

  priv->running = priv->stopping = FALSE;
  priv->finish_due = TRUE;
  priv->exit_status = status;
  kaa_pending_list_move (&waiting, &priv->waiting, KAA_IO_CHANNEL (self));

  kaa_process_notify (self, KAA_PROCESS_PROP_RUNNING);
  kaa_process_notify (self, KAA_PROCESS_PROP_PID);
  if (was_stopping)
    kaa_process_notify (self, KAA_PROCESS_PROP_STOPPING);
  kaa_process_notify (self, KAA_PROCESS_PROP_EXIT_STATUS);
  emit (self, KAA_PROCESS_EXITED, status);

  while ((pending = waiting.first) != NULL)
    {
      kaa_pending_unlink (pending);
      kaa_pending_settle_int (pending, status, TRUE);
    }
}

static void
announce_finish (KaaProcess *self,
                 KaaChild   *child)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (priv->finish_due)
    {
      priv->finish_due = FALSE;
      emit (self, KAA_PROCESS_FINISHED, priv->exit_status);
    }
  if (priv->child == child && kaa_process_is_communicating (self) && !priv->running)
    kaa_process_end_conversation (self);
}

static void
lose_child (KaaProcess *self)
{
  kaa_process_fail_waiting (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                       "The main context of the process has gone"));
  kaa_process_forget_child (self);
}

static void
child_changed (KaaChild *child,
               gpointer  owner)
{
  KaaProcess *self = owner;
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  g_object_ref (self);
  if (kaa_child_is_orphan (child))
    {
      lose_child (self);
      g_object_unref (self);
      return;
    }

  kaa_pending_list_look (&priv->waiting);
  if (priv->finish_owed)
    {
      priv->finish_owed = FALSE;
      emit (self, KAA_PROCESS_FINISHED, priv->owed_status);
    }

  /* Each time a handler may have started another one. */
  if (priv->child == child && priv->running && kaa_child_is_reaped (child))
    announce_exit (self);
  else if (priv->child == child && is_over (self))
    announce_finish (self, child);

  if (priv->child == child && !priv->running && (priv->finish_due || kaa_process_is_communicating (self)))
    kaa_child_park (child);
  kaa_process_update_hold (self);
  g_object_unref (self);
}

static gboolean
look (KaaChild *child,
      gpointer  owner)
{
  return is_over (owner);
}

const KaaChildFuncs kaa_process_child_funcs = {
  .changed = child_changed,
  .look = look,
};

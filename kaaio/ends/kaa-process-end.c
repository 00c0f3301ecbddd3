/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The end of a child: `exited` when it has been reaped, `finished` when its output has been consumed as well.
 *
 * The end of the output says little: a grandchild may hold the pipe, or the terminal, for hours. But what the child itself has written is
 * in there by the time it has ended, so at that moment it is known how much there is. A pseudo-terminal, and what a subclass
 * makes of it, cannot be counted: there it is over when nothing is at hand any more, and in any case when more has been read than a
 * terminal can hold. When so much has been read that is the end of the channel's input, as if nobody held it; unless close-on-exit is
 * off. When it was delivered too, or nobody listens, the output is consumed.
 */

#include "ends/kaa-process-private.h"
#include "loop/kaa-collector.h"

#include <poll.h>

/* More than Linux keeps between the two ends of a terminal. */
#define TERMINAL_CAPACITY (64 * 1024)

/* The channel may have something else open by now. */
static gboolean
is_open (const KaaOutput *output)
{
  return output->channel != NULL && output->input != NULL &&
         kaa_channel_get_private (output->channel)->input == output->input;
}

static guint64
count_output (const KaaOutput *output)
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (output->channel);

  if (!is_open (output))
    return 0;
  /* A subclass may make more or less of what is read. */
  if (channel->filtered)
    return G_MAXUINT64;
  if (output->input->kind == KAA_FD_TTY)
    return channel->bytes_read + TERMINAL_CAPACITY;
  return channel->bytes_read + output->input->klass->get_unread (output->input);
}

/* A hang-up is at hand, too. */
static gboolean
is_empty (KaaTransport *input)
{
  struct pollfd pollfd = { kaa_filter_transport_get_inner (input)->fd, POLLIN, 0 };

  return !(input->klass->get_ready (input) & (KAA_POLL_IN | KAA_POLL_HUP)) && poll (&pollfd, 1, 0) == 0;
}

/* All that the child has written, when it has ended. */
static gboolean
is_read (KaaOutput *output)
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (output->channel);

  if (channel->bytes_read >= output->end || output->drained)
    return TRUE;
  if (!channel->filtered && output->input->kind != KAA_FD_TTY)
    return FALSE;
  output->drained = is_empty (output->input);
  return output->drained;
}

/* The channel does not know yet that this is all. */
static gboolean
is_unended (KaaProcess *self,
            KaaOutput  *output)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  return !priv->running && priv->close_on_exit && !output->ended && is_open (output);
}

static gboolean
is_any_unended (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    if (is_unended (self, &priv->outputs[i]))
      return TRUE;
  return FALSE;
}

static gboolean
is_any_to_be_ended (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    if (is_unended (self, &priv->outputs[i]) && is_read (&priv->outputs[i]))
      return TRUE;
  return FALSE;
}

static void
end_outputs (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    {
      KaaOutput *output = &priv->outputs[i];

      if (!is_unended (self, output) || !is_read (output))
        continue;
      output->ended = TRUE;
      kaa_fd_transport_end (kaa_filter_transport_get_inner (output->input));
      kaa_channel_schedule (output->channel);
    }
}

static gboolean
is_consumed (KaaOutput *output)
{
  KaaIOChannelPrivate *channel;
  gsize queued;

  if (output->channel == NULL)
    return TRUE;

  channel = kaa_channel_get_private (output->channel);
  if (!is_open (output))
    return channel->writing->closings == NULL;

  /* Unheard output is abandoned. */
  if (channel->reading->requests.first == NULL && kaa_channel_look_blocked (output->channel) == KAA_LOOK_NOBODY)
    return TRUE;
  if (channel->state != KAA_STATE_OPEN || !is_read (output) ||
      kaa_poll_entry_is_scheduled (&channel->entry) || channel->emitting || channel->reading->chunks != NULL)
    return FALSE;
  /* It closes, when a partial line was delivered as well. */
  if (output->ended && kaa_channel_closes_on_eof (output->channel))
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
  kaa_collector_finish ();
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

/* A signal that had to be sent could not be. */
static void
fail_stop (KaaProcess *self,
           int         errsv)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaPending *next;

  priv->stopping = FALSE;
  for (KaaPending *pending = priv->waiting.first; pending != NULL; pending = next)
    {
      next = pending->next;
      if (pending->kind != KAA_PENDING_STOP)
        continue;
      kaa_pending_unlink (pending);
      kaa_pending_settle_error (pending, g_error_new (G_IO_ERROR, g_io_error_from_errno (errsv),
                                                      "The child cannot be stopped: %s", g_strerror (errsv)), FALSE);
    }
  kaa_process_notify (self, KAA_PROCESS_PROP_STOPPING);
}

static void
lose_child (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  kaa_process_fail_waiting (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                       "The main context of the process has gone"));
  kaa_process_forget_child (self);
  /* Nobody is told any more. */
  priv->finish_owed = FALSE;
  kaa_process_update_hold (self);
}

static void
child_changed (KaaChild *child,
               gpointer  owner)
{
  KaaProcess *self = owner;
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  int failure;

  g_object_ref (self);
  if (kaa_child_is_left_alone (child))
    {
      lose_child (self);
      g_object_unref (self);
      return;
    }

  failure = kaa_child_take_failure (child);
  if (failure != 0 && priv->child == child && priv->running)
    fail_stop (self, failure);
  kaa_pending_list_look (&priv->waiting);
  if (priv->finish_owed)
    {
      priv->finish_owed = FALSE;
      emit (self, KAA_PROCESS_FINISHED, priv->owed_status);
    }

  /* Each time a handler may have started another one. */
  if (priv->child == child && priv->running && kaa_child_is_reaped (child))
    announce_exit (self);
  else if (priv->child == child)
    {
      end_outputs (self);
      if (is_over (self))
        announce_finish (self, child);
    }

  if (priv->child == child && !priv->running &&
      (priv->finish_due || kaa_process_is_communicating (self) || is_any_unended (self)))
    kaa_child_park (child);
  kaa_process_update_hold (self);
  g_object_unref (self);
}

static gboolean
look (KaaChild *child,
      gpointer  owner)
{
  return is_over (owner) || is_any_to_be_ended (owner);
}

const KaaChildFuncs kaa_process_child_funcs = {
  .changed = child_changed,
  .look = look,
};

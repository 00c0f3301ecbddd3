/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The engine: what one dispatch of a channel does, and in which order.
 *
 * It does one small thing after the other (announce a close, write, deliver, read) and begins anew after each, because
 * any of them may run the application's code, which may do anything to the channel. Nothing is remembered
 * across such a call but the channel itself.
 */

#include "channel/kaa-io-channel-private.h"

static void
check_transport (KaaTransport *transport,
                 KaaPollFlags  direction)
{
  if (transport != NULL && transport->klass->check != NULL && !(transport->klass->get_ready (transport) & direction))
    transport->klass->check (transport);
}

/* What is ready is asked by being used, and what has just been dispatched was there. */
void
kaa_channel_check_transports (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->pumping || priv->state != KAA_STATE_OPEN)
    return;
  check_transport (priv->input, KAA_POLL_IN);
  if (priv->output != priv->input)
    check_transport (priv->output, KAA_POLL_OUT);
}

/* Something waits for the output. */
static gboolean
wants_output (KaaIOChannelPrivate *priv)
{
  return (kaa_channel_get_unwritten (priv) > 0 || kaa_channel_is_awaited (priv)) &&
         !(priv->output->klass->get_ready (priv->output) & KAA_POLL_OUT);
}

/* Tells the transports what readiness is of use, and the poller whether anybody should be asked again. What was wanted then. */
static KaaWants
settle_down (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaTransport *input = priv->input;
  KaaPollFlags ready;
  KaaWants wants;
  gboolean wanted;

  kaa_pending_list_look (&priv->reading->requests);
  kaa_pending_list_look (&priv->writing->written);
  kaa_pending_list_look (&priv->writing->waiting);
  for (KaaClosing *closing = priv->writing->closings; closing != NULL; closing = closing->next)
    kaa_pending_list_look (&closing->futures);

  if (priv->state != KAA_STATE_OPEN && priv->state != KAA_STATE_CLOSING)
    return 0;

  wants = kaa_channel_look (self);
  wanted = kaa_channel_wants_input (self, wants);
  ready = input != NULL ? input->klass->get_ready (input) : 0;

  /* An idle descriptor stays armed until the first event that nobody wants. */
  if (input != NULL)
    {
      KaaPollFlags flags = wanted || !(ready & (KAA_POLL_IN | KAA_POLL_HUP)) ? KAA_POLL_IN : 0;

      if (input == priv->output && wants_output (priv))
        flags |= KAA_POLL_OUT;
      input->klass->set_wanted (input, flags);
    }
  if (priv->output != NULL && priv->output != input)
    {
      priv->output->klass->set_wanted (priv->output, wants_output (priv) ? KAA_POLL_OUT : 0);
    }

  /* Who is there already and has what there is (at the end of a channel that stays open) need not be waited for. */
  if (wants == 0 && !wanted && !priv->paused && !priv->emitting && priv->state == KAA_STATE_OPEN &&
      ((ready & (KAA_POLL_IN | KAA_POLL_HUP)) != 0 || kaa_channel_has_line (self)))
    kaa_poll_entry_park (&priv->entry, kaa_channel_look_blocked (self));

  /* A partial line that waits for its rest must not hold a whole block. */
  if (!(ready & KAA_POLL_IN) && kaa_channel_get_queued (priv) > 0)
    kaa_byte_queue_trim (&priv->reading->queue, kaa_channel_get_blocks (priv));

  return wants;
}

/* A descriptor that has hung up closes its channel even if nobody reads, unless something is left to be read. */
static gboolean
notice_hangup (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  GError *error = NULL;
  KaaTransport *transport;

  if (priv->state != KAA_STATE_OPEN || priv->eof)
    return FALSE;

  transport = priv->input != NULL ? priv->input : priv->output;
  if (!(transport->klass->get_ready (transport) & KAA_POLL_HUP))
    return FALSE;
  if (priv->input != NULL && (kaa_channel_get_queued (priv) > 0 ||
                              !kaa_channel_closes_on_eof (self) ||
                              kaa_channel_wants_input (self, kaa_channel_look (self))))
    return FALSE;
  if (!transport->klass->is_drained (transport, &error))
    return FALSE;

  if (priv->input != NULL)
    kaa_channel_end_input (self, error);
  else
    kaa_channel_close_with_error (self, error);
  return TRUE;
}

static KaaWants
pump (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean budget = TRUE;
  KaaWants wants;

  while (budget)
    {
      if (kaa_channel_announce_close (self) || kaa_channel_write_out (self, &budget))
        {
          budget = budget && kaa_channel_has_budget (priv);
          continue;
        }
      if (kaa_channel_deliver (self, &budget))
        continue;
      if (kaa_channel_close_step (self))
        continue;
      if (priv->reading->requests.first != NULL && kaa_channel_serve_late (self, &budget))
        continue;
      if (kaa_channel_fill (self, &budget))
        continue;
      if (notice_hangup (self))
        continue;
      break;
    }

  kaa_channel_notify_state (self);
  kaa_channel_notify_levels (self);
  wants = settle_down (self);
  if (!budget && priv->entry.poller != NULL)
    kaa_poll_entry_schedule_idle (&priv->entry);

  return wants;
}

void
kaa_channel_dispatch (KaaPollEntry *entry)
{
  KaaIOChannel *self = kaa_channel_from_private ((gpointer) entry);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean nested = priv->pumping;
  KaaWants wants;

  if (kaa_poller_is_forked (entry->poller))
    return;

  g_object_ref (self);
  priv->pumping = TRUE;
  /* W4: a new turn, whose first write may go out in the call. */
  priv->direct_used = FALSE;
  /* What failed before has been announced by now: tasks go before entries. */
  priv->failing = FALSE;
  wants = pump (self);
  priv->direct_used = FALSE;
  if (priv->failing)
    kaa_channel_schedule (self);
  if (!nested)
    {
      priv->pumping = FALSE;
      kaa_channel_drop_parts (priv);
    }
  /* Who is held and heard stays so. */
  if (wants == 0 || !priv->held)
    kaa_channel_update_hold (self);
  g_object_unref (self);
}

KaaLook
kaa_channel_look_parked (KaaPollEntry *entry)
{
  KaaIOChannel *self = kaa_channel_from_private ((gpointer) entry);

  if (kaa_channel_look (self) != 0)
    return KAA_LOOK_WANTED;
  return kaa_channel_look_blocked (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all files of a process stand on: its notifications, and when it holds itself. */

#include "ends/kaa-process-private.h"

int kaa_process_private_offset;
guint kaa_process_signals[KAA_PROCESS_N_SIGNALS];
GParamSpec *kaa_process_properties[KAA_PROCESS_N_PROPERTIES];

void
kaa_process_notify (KaaProcess         *self,
                    KaaProcessProperty  which)
{
  g_object_notify_by_pspec (G_OBJECT (self), kaa_process_properties[which]);
}

static gboolean
is_heard (KaaProcess *self)
{
  KaaProcessClass *klass = KAA_PROCESS_GET_CLASS (self);

  if (klass->exited != NULL || klass->finished != NULL)
    return TRUE;
  for (guint i = 0; i < KAA_PROCESS_N_SIGNALS; i++)
    if (g_signal_has_handler_pending (self, kaa_process_signals[i], 0, /* may_be_blocked= */ TRUE))
      return TRUE;
  return FALSE;
}

void
kaa_process_update_hold (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  gboolean hold = priv->stopping || priv->finish_owed || ((priv->running || priv->finish_due) && is_heard (self));

  if (hold == priv->held)
    return;

  priv->held = hold;
  if (hold)
    g_object_ref (self);
  else
    g_object_unref (self);
}

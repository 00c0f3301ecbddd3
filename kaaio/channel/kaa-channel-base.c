/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the other files of a channel stand on: where its data are, what it tells of itself, and that the loop looks at it. */

#include "channel/kaa-channel-properties.h"

gint kaa_io_channel_private_offset;
guint kaa_channel_signals[KAA_N_SIGNALS];
GParamSpec *kaa_channel_properties[KAA_N_PROPERTIES];

KaaIOChannelClassPrivate *
kaa_channel_get_class_private (KaaIOChannelClass *klass)
{
  return G_TYPE_CLASS_GET_PRIVATE (klass, KAA_TYPE_IO_CHANNEL, KaaIOChannelClassPrivate);
}

/* --- the loop --- */

static gboolean
may_schedule (KaaIOChannelPrivate *priv)
{
  return priv->entry.poller != NULL && kaa_channel_is_mine (priv) && !kaa_poller_is_gone (priv->entry.poller);
}

void
kaa_channel_schedule (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (may_schedule (priv))
    kaa_poll_entry_schedule (&priv->entry);
}

void
kaa_channel_schedule_last (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (may_schedule (priv))
    kaa_poll_entry_schedule_last (&priv->entry);
}

/* --- the state --- */

static guint
get_state_bits (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint bits = 0;

  if (kaa_channel_is_alive (self))
    bits |= 1 << KAA_PROP_ALIVE;
  if (kaa_channel_is_readable (self))
    bits |= 1 << KAA_PROP_READABLE;
  if (kaa_channel_is_writable (self))
    bits |= 1 << KAA_PROP_WRITABLE;
  if (priv->eof)
    bits |= 1 << KAA_PROP_EOF;
  return bits;
}

static void
tell_subclass_alive (KaaIOChannel *self)
{
  KaaIOChannelClassPrivate *klass = kaa_channel_get_class_private (KAA_IO_CHANNEL_GET_CLASS (self));

  if (klass->alive_changed != NULL)
    klass->alive_changed (self);
}

void
kaa_channel_notify_state (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint bits, changed;

  /* Whoever has changed the state tells us, so other threads are told here at the latest. */
  kaa_channel_publish (priv);
  bits = get_state_bits (self);
  changed = bits ^ priv->notified;
  if (changed == 0)
    return;

  /* Remembered first: a handler may change the state again. */
  priv->notified = bits;
  if (changed & (1 << KAA_PROP_ALIVE))
    tell_subclass_alive (self);
  for (guint i = KAA_PROP_ALIVE; i <= KAA_PROP_EOF; i++)
    if (changed & (1 << i))
      g_object_notify_by_pspec (G_OBJECT (self), kaa_channel_properties[i]);
}

void
kaa_channel_notify_levels (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gsize used = kaa_channel_get_queued (priv);

  if (used != priv->reading->level_told)
    {
      kaa_channel_need_reading (priv)->level_told = used;
      g_object_notify_by_pspec (G_OBJECT (self), kaa_channel_properties[KAA_PROP_READ_QUEUE_USED]);
    }

  used = kaa_channel_get_reserved (priv);
  if (used != priv->writing->level_told)
    {
      kaa_channel_need_writing (priv)->level_told = used;
      g_object_notify_by_pspec (G_OBJECT (self), kaa_channel_properties[KAA_PROP_WRITE_QUEUE_USED]);
    }
}

void
kaa_channel_notify_fileno (KaaIOChannel *self)
{
  KaaIOChannelClassPrivate *klass = kaa_channel_get_class_private (KAA_IO_CHANNEL_GET_CLASS (self));

  if (klass->descriptor_changed != NULL)
    klass->descriptor_changed (self);
  g_object_notify_by_pspec (G_OBJECT (self), kaa_channel_properties[KAA_PROP_FILENO]);
}

void
kaa_channel_property_changed (KaaIOChannel       *self,
                              KaaChannelProperty  property)
{
  g_object_notify_by_pspec (G_OBJECT (self), kaa_channel_properties[property]);
  kaa_channel_schedule (self);
}

gboolean
kaa_channel_closes_on_eof (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->close_on_eof == KAA_CLOSE_ON_EOF_DEFAULT)
    return priv->input == NULL || priv->input->kind != KAA_FD_FILE;
  return priv->close_on_eof == KAA_CLOSE_ON_EOF_YES;
}

gboolean
kaa_channel_may_go_on (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return priv->options->keep_partial_line && priv->state == KAA_STATE_OPEN && priv->writing->end_error == NULL &&
         !kaa_channel_closes_on_eof (self);
}

/* --- the error --- */

void
kaa_channel_put_error (KaaIOChannelPrivate *priv,
                       const GError        *error)
{
  g_clear_error (&priv->writing->error);
  kaa_channel_need_writing (priv)->error = g_error_copy (error);
}

static gboolean
is_same_error (const GError *a,
               const GError *b)
{
  return a != NULL && g_error_matches (a, b->domain, b->code) && g_str_equal (a->message, b->message);
}

gboolean
kaa_channel_put_end_error (KaaIOChannelPrivate *priv)
{
  const KaaWriting *writing = priv->writing;

  if (writing->end_error == NULL || is_same_error (writing->error, writing->end_error))
    return FALSE;
  kaa_channel_put_error (priv, writing->end_error);
  return TRUE;
}

gboolean
kaa_channel_tell_end_error (KaaIOChannel *self)
{
  if (!kaa_channel_put_end_error (kaa_channel_get_private (self)))
    return FALSE;
  g_object_notify (G_OBJECT (self), "error");
  return TRUE;
}

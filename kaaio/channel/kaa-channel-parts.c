/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The parts of a channel that are only there while they are needed.
 *
 * A program may have ten thousand channels of which ten do something. One that rests (nothing in its queues, nobody waits)
 * has neither a KaaReading nor a KaaWriting, and one whose options
 * were never set shares those of all others. In their place stand constants that say the same as an empty part, so that
 * everybody may look without asking whether it is there; who writes asks for it first.
 */

#include "channel/kaa-io-channel-private.h"

const KaaReading kaa_channel_no_reading;
const KaaWriting kaa_channel_no_writing;

/* The delimiters are added when the class is made. */
KaaChannelOptions kaa_channel_default_options = {
  .chunk_size = 1024 * 1024,
  .queue_size = 1024 * 1024,
  .linger = 2.0,
  .overflow_policy = KAA_OVERFLOW_SPLIT,
};

void
kaa_channel_init_parts (KaaIOChannelPrivate *priv)
{
  priv->reading = (KaaReading *) &kaa_channel_no_reading;
  priv->writing = (KaaWriting *) &kaa_channel_no_writing;
  priv->options = &kaa_channel_default_options;
}

void
kaa_channel_make_reading (KaaIOChannelPrivate *priv)
{
  priv->reading = g_slice_new0 (KaaReading);
}

void
kaa_channel_make_writing (KaaIOChannelPrivate *priv)
{
  priv->writing = g_slice_new0 (KaaWriting);
}

KaaChannelOptions *
kaa_channel_own_options (KaaIOChannelPrivate *priv)
{
  if (priv->options == &kaa_channel_default_options)
    {
      KaaChannelOptions *options = g_memdup2 (&kaa_channel_default_options, sizeof (KaaChannelOptions));

      kaa_delimiters_ref (options->delimiters);
      g_atomic_pointer_set (&priv->options, options);
    }
  return priv->options;
}

static gboolean
is_reading_empty (const KaaReading *reading)
{
  return kaa_byte_queue_get_length (&reading->queue) == 0 && reading->requests.first == NULL &&
         reading->chunks == NULL && reading->overflows == NULL && reading->discarding == NULL &&
         reading->missed == 0 && reading->marks == NULL && reading->level_told == 0;
}

static gboolean
is_writing_empty (const KaaWriting *writing)
{
  return kaa_write_queue_get_length (&writing->writes) == 0 && writing->written.first == NULL &&
         writing->waiting.first == NULL && writing->write_error == NULL && writing->feeders == NULL && writing->pause == NULL &&
         writing->closings == NULL && writing->error == NULL && writing->end_error == NULL && writing->level_told == 0;
}

/* Only where no code of the channel is under way further up the stack. */
void
kaa_channel_drop_parts (KaaIOChannelPrivate *priv)
{
  if (priv->reading != &kaa_channel_no_reading && is_reading_empty (priv->reading))
    {
      g_slice_free (KaaReading, priv->reading);
      priv->reading = (KaaReading *) &kaa_channel_no_reading;
    }
  if (priv->writing != &kaa_channel_no_writing && is_writing_empty (priv->writing))
    {
      g_slice_free (KaaWriting, priv->writing);
      priv->writing = (KaaWriting *) &kaa_channel_no_writing;
    }
}

/* For good. The queues were cleared. */
void
kaa_channel_free_parts (KaaIOChannelPrivate *priv)
{
  if (priv->writing->write_error != NULL)
    g_clear_error (&priv->writing->write_error);
  g_clear_error (&priv->writing->error);
  g_clear_error (&priv->writing->end_error);
  if (priv->reading->level_told != 0)
    priv->reading->level_told = 0;
  if (priv->writing->level_told != 0)
    priv->writing->level_told = 0;
  kaa_channel_drop_parts (priv);
  if (priv->options != &kaa_channel_default_options)
    {
      kaa_delimiters_unref (priv->options->delimiters);
      g_slist_free_full (priv->options->pollers, (GDestroyNotify) kaa_poller_unref);
      g_free (priv->options);
    }
}

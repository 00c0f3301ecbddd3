/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "channel/kaa-io-channel-private.h"

G_BEGIN_DECLS

/* What the files with the getters and setters share. */

typedef enum
{
  KAA_PROP_ALIVE = 1,
  KAA_PROP_READABLE,
  KAA_PROP_WRITABLE,
  KAA_PROP_EOF,
  KAA_PROP_FILENO,
  KAA_PROP_MODE,
  KAA_PROP_CHUNK_SIZE,
  KAA_PROP_QUEUE_SIZE,
  KAA_PROP_READ_QUEUE_USED,
  KAA_PROP_WRITE_QUEUE_USED,
  KAA_PROP_DELIMITER,
  KAA_PROP_DELIMITERS,
  KAA_PROP_OVERFLOW_POLICY,
  KAA_PROP_PAUSED,
  KAA_PROP_CLOSE_ON_EOF,
  KAA_PROP_KEEP_PARTIAL_LINE,
  KAA_PROP_CLOSE_FD,
  KAA_PROP_LINGER,
  KAA_PROP_IDLE_TIMEOUT,
  KAA_PROP_PRIORITY,
  KAA_PROP_MAIN_CONTEXT,
  KAA_PROP_ERROR,
  KAA_PROP_BYTES_READ,
  KAA_PROP_BYTES_WRITTEN,
  KAA_N_PROPERTIES
} KaaChannelProperty;

extern GParamSpec *kaa_channel_properties[KAA_N_PROPERTIES];

/* By a setter: notifies, and lets the loop find out what it means. */
void kaa_channel_property_changed (KaaIOChannel *self, KaaChannelProperty property);

G_END_DECLS

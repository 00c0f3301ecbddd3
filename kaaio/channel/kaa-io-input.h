/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-io-channel.h>

#include "channel/kaa-stream-op.h"

G_BEGIN_DECLS

/* KaaIOInput: what a channel reads, as a GInputStream. */
#define KAA_TYPE_IO_INPUT (kaa_io_input_get_type ())

G_DECLARE_FINAL_TYPE (KaaIOInput, kaa_io_input, KAA, IO_INPUT, GInputStream)

/* halves: an atomic box, which is referenced. */
GInputStream *kaa_io_input_new    (KaaIOChannel *channel, KaaStreamHalves *halves);
/* From now on closing it does nothing: the channel is closed as a whole, or goes its own way. */
void          kaa_io_input_detach (KaaIOInput   *self);

G_END_DECLS

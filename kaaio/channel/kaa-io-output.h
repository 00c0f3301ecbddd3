/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-io-channel.h>

#include "channel/kaa-stream-op.h"

G_BEGIN_DECLS

/* KaaIOOutput: what a channel writes, as a GOutputStream. */
#define KAA_TYPE_IO_OUTPUT (kaa_io_output_get_type ())

G_DECLARE_FINAL_TYPE (KaaIOOutput, kaa_io_output, KAA, IO_OUTPUT, GOutputStream)

/* halves: an atomic box, which is referenced. */
GOutputStream *kaa_io_output_new    (KaaIOChannel *channel, KaaStreamHalves *halves);
/* From now on flushing and closing it do nothing: the channel is closed as a whole, or goes its own way. */
void           kaa_io_output_detach (KaaIOOutput  *self);

G_END_DECLS

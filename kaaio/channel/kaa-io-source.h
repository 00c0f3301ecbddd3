/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-io-channel.h>

G_BEGIN_DECLS

/* A source for a pollable stream that stands for a channel: ready when the stream is worth trying, at the end and after
 * errors too. direction: KAA_IO_READ or KAA_IO_WRITE. In the channel's thread. */
GSource *kaa_io_source_new (GObject        *stream,
                            KaaIOChannel   *channel,
                            KaaIOCondition  direction,
                            GCancellable   *cancellable);

G_END_DECLS

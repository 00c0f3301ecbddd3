/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-io-channel.h>

G_BEGIN_DECLS

/* KaaIOInput: what a channel reads, as a GInputStream. */
#define KAA_TYPE_IO_INPUT (kaa_io_input_get_type ())

G_DECLARE_FINAL_TYPE (KaaIOInput, kaa_io_input, KAA, IO_INPUT, GInputStream)

GInputStream *kaa_io_input_new (KaaIOChannel *channel);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-io-channel.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

KAA_AVAILABLE_IN_1_0
KaaIOChannel *kaa_io_channel_new_for_serial (const char      *path,
                                             guint            baud,
                                             KaaSerialFlags   flags,
                                             GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean      kaa_io_channel_set_serial_speed (KaaIOChannel   *self,
                                               guint           baud,
                                               GError        **error);

/* kaa-serial-pins.c */
KAA_AVAILABLE_IN_1_0
KaaSerialPins kaa_io_channel_get_serial_pins (KaaIOChannel   *self,
                                              GError        **error);
KAA_AVAILABLE_IN_1_0
gboolean      kaa_io_channel_set_serial_pins (KaaIOChannel   *self,
                                              KaaSerialPins   on,
                                              KaaSerialPins   off,
                                              GError        **error);
KAA_AVAILABLE_IN_1_0
gboolean      kaa_io_channel_set_serial_break (KaaIOChannel   *self,
                                               gboolean        on,
                                               GError        **error);

G_END_DECLS

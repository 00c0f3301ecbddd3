/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-serial.h>

#include "transport/kaa-transport.h"

G_BEGIN_DECLS

/* What of an open channel is a terminal line. NULL where there is none, and in another thread. */
KaaTransport *kaa_serial_get_line  (KaaIOChannel  *channel,
                                    GError       **error);
/* Sets what errno says of a line that could not do what was asked of it; FALSE. */
gboolean      kaa_serial_set_error (GError       **error,
                                    const char    *what);

G_END_DECLS

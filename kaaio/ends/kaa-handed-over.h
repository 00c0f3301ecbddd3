/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ends/kaa-listening.h"

G_BEGIN_DECLS

/*
 * Listening sockets that a service manager has handed over to this process: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES.
 *
 * The descriptors stay where they are for as long as the process lives, and are not inherited by its children; what is
 * opened here are duplicates. So one socket can be listened at several times, at once or one after the other.
 */

/* name: of the sockets, "" for all of them. On failure nothing is open. */
gboolean kaa_handed_over_open (KaaListening  *self,
                               const char    *name,
                               GError       **error);

G_END_DECLS

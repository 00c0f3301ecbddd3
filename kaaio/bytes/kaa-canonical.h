/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/*
 * Lines that are written to a terminal which passes whole lines (canonical mode), by the master of a pseudo-terminal.
 *
 * Linux keeps KAA_CANONICAL_MAX bytes of a line, drops what else comes before its end, and says that all was written. So who writes
 * asks before. The kernel is asked for the mode only where a line may be too long, or is left unfinished.
 */

#define KAA_CANONICAL_MAX 4095

/* How many of these bytes can be written, behind `begun` others of the same line: all of them, or those before a line that would be
 * cut; 0 where that comes first. */
gsize kaa_canonical_fit    (int                 master,
                            gsize               begun,
                            const struct iovec *vectors,
                            int                 n);
/* How long the unfinished line is when so many of them were written; 0 where it does not matter. */
gsize kaa_canonical_follow (int                 master,
                            gsize               begun,
                            const struct iovec *vectors,
                            int                 n,
                            gsize               written);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * KaaConduit: a pipe between what cannot be spliced directly.
 *
 * A thread fills it from a file, which may block; the thread of the channel empties it into a socket. Never both at once: the
 * kernel locks a pipe while it is filled, and who empties it would wait for the disk.
 */

typedef struct _KaaConduit KaaConduit;

/* NULL where there are no descriptors for it. size: at most this many bytes are in it, as far as the system allows. */
KaaConduit *kaa_conduit_new       (gsize       size);
KaaConduit *kaa_conduit_ref       (KaaConduit *self);
void        kaa_conduit_unref     (KaaConduit *self);

/* The end that is read. */
int         kaa_conduit_get_fd    (KaaConduit *self);
/* What is in it, as far as it was counted. */
gsize       kaa_conduit_get_level (KaaConduit *self);
void        kaa_conduit_add       (KaaConduit *self,
                                   gsize       length);
void        kaa_conduit_remove    (KaaConduit *self,
                                   gsize       length);

/* Fills the empty conduit from a file, and may block. Bytes, 0 at the end, -1 with errno. Any thread; does not count. */
gssize      kaa_conduit_fill      (KaaConduit *self,
                                   int         fd);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/* For who takes one block where others take what writev(2) does. */

gsize kaa_vectors_get_length (const struct iovec *vectors, int n_vectors);
/* At most max bytes, from the beginning. How many there were. */
gsize kaa_vectors_copy       (const struct iovec *vectors, int n_vectors, guint8 *to, gsize max);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

/**
 * KaaLineIter: (skip)
 *
 * Walks the lines of a block without allocating anything.
 *
 * It lives on the stack and needs no clean-up; its fields are private. See
 * [method@Kaa.IOChannel.readlines].
 *
 * Since: 1.0
 */
struct _KaaLineIter
{
  /*< private >*/
  gconstpointer dummy1;
  gconstpointer dummy2;
  gconstpointer dummy3;
  gsize dummy4;
  gsize dummy5;
  guint8 dummy6[128];
};

KAA_AVAILABLE_IN_1_0
void     kaa_line_iter_init (KaaLineIter   *iter,
                             KaaIOChannel  *channel,
                             GBytes        *block);
KAA_AVAILABLE_IN_1_0
gboolean kaa_line_iter_next (KaaLineIter   *iter,
                             const char   **line,
                             gsize         *length);

G_END_DECLS

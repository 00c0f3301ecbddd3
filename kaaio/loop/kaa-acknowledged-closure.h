/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <glib-object.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

KAA_AVAILABLE_IN_1_0
GClosure *kaa_acknowledged_closure_new     (GClosure   *closure);
KAA_AVAILABLE_IN_1_0
gulong    kaa_acknowledged_closure_connect (GObject    *object,
                                            const char *detailed_signal,
                                            GClosure   *closure,
                                            gboolean    after);

G_END_DECLS

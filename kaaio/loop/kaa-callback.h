/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_CALLBACK (kaa_callback_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaCallback, kaa_callback, KAA, CALLBACK, GObject)

/**
 * KaaCallbackClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Kaa.Callback].
 *
 * Since: 1.0
 */
struct _KaaCallbackClass
{
  GObjectClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

KAA_AVAILABLE_IN_1_0
KaaCallback *kaa_callback_new         (GClosure     *closure);
KAA_AVAILABLE_IN_1_0
void         kaa_callback_invoke      (KaaCallback  *self,
                                       const GValue *params,
                                       guint         n_params);
KAA_AVAILABLE_IN_1_0
GClosure    *kaa_callback_get_closure (KaaCallback  *self);

G_END_DECLS

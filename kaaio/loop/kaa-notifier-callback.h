/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-version.h>
#include <kaaio/kaa-callback.h>

G_BEGIN_DECLS

#define KAA_TYPE_NOTIFIER_CALLBACK (kaa_notifier_callback_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaNotifierCallback, kaa_notifier_callback, KAA, NOTIFIER_CALLBACK, KaaCallback)

/**
 * KaaNotifierCallbackClass:
 * @parent_class: the parent class
 * @unregister: takes the callback off its main context; in any thread, and also when it is not registered.
 *   A subclass with a registration of its own ends it here and notifies of `active`
 * @get_active: whether the callback is registered; in any thread. A subclass with a registration of
 *   its own implements it
 *
 * The class structure of [class@Kaa.NotifierCallback].
 *
 * Since: 1.0
 */
struct _KaaNotifierCallbackClass
{
  KaaCallbackClass parent_class;

  void     (*unregister) (KaaNotifierCallback *self);
  gboolean (*get_active) (KaaNotifierCallback *self);

  /*< private >*/
  gpointer padding[8];
};

KAA_AVAILABLE_IN_1_0
void          kaa_notifier_callback_unregister       (KaaNotifierCallback *self);
KAA_AVAILABLE_IN_1_0
gboolean      kaa_notifier_callback_get_active       (KaaNotifierCallback *self);
KAA_AVAILABLE_IN_1_0
int           kaa_notifier_callback_get_priority     (KaaNotifierCallback *self);
KAA_AVAILABLE_IN_1_0
void          kaa_notifier_callback_set_priority     (KaaNotifierCallback *self,
                                                      int                  priority);
KAA_AVAILABLE_IN_1_0
GMainContext *kaa_notifier_callback_get_main_context (KaaNotifierCallback *self);

G_END_DECLS

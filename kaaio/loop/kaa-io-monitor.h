/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-version.h>
#include <kaaio/kaa-notifier-callback.h>

G_BEGIN_DECLS

#define KAA_TYPE_IO_MONITOR (kaa_io_monitor_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaIOMonitor, kaa_io_monitor, KAA, IO_MONITOR, KaaNotifierCallback)

/**
 * KaaIOMonitorClass:
 * @parent_class: the parent class
 *
 * The class structure of [class@Kaa.IOMonitor].
 *
 * Since: 1.0
 */
struct _KaaIOMonitorClass
{
  KaaNotifierCallbackClass parent_class;

  /*< private >*/
  gpointer padding[8];
};

typedef void (*KaaIOMonitorFunc) (KaaIOMonitor   *monitor,
                                  KaaIOCondition  condition,
                                  gpointer        user_data);

KAA_AVAILABLE_IN_1_0
KaaIOMonitor   *kaa_io_monitor_new           (KaaIOMonitorFunc   callback,
                                              gpointer           user_data,
                                              GDestroyNotify     destroy);
KAA_AVAILABLE_IN_1_0
KaaIOMonitor   *kaa_io_monitor_new_closure   (GClosure          *closure);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_io_monitor_register      (KaaIOMonitor      *self,
                                              int                fd,
                                              KaaIOCondition     condition,
                                              GError           **error);
KAA_AVAILABLE_IN_1_0
void            kaa_io_monitor_unregister    (KaaIOMonitor      *self);
KAA_AVAILABLE_IN_1_0
int             kaa_io_monitor_get_fd        (KaaIOMonitor      *self);
KAA_AVAILABLE_IN_1_0
KaaIOCondition  kaa_io_monitor_get_condition (KaaIOMonitor      *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_IN_PROGRESS (kaa_in_progress_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (KaaInProgress, kaa_in_progress, KAA, IN_PROGRESS, GObject)

typedef void (*KaaResolveFunc) (const GValue *result,
                                gpointer      user_data);
typedef void (*KaaRejectFunc)  (const GError *error,
                                gpointer      user_data);

typedef gboolean (*KaaAcknowledgeFunc) (KaaInProgress *future,
                                        gpointer       user_data);

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_in_progress_new            (GObject       *source);

KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_finish         (KaaInProgress *self,
                                               const GValue  *result);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_finish_bytes   (KaaInProgress *self,
                                               GBytes        *result);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_finish_int     (KaaInProgress *self,
                                               gint64         result);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_finish_boolean (KaaInProgress *self,
                                               gboolean       result);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_finish_void    (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_throw          (KaaInProgress *self,
                                               const GError  *error);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_ready_callback (GObject       *source,
                                               GAsyncResult  *result,
                                               gpointer       user_data);

KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_get_finished   (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
GMainContext  *kaa_in_progress_get_main_context (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_get_failed     (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_get_abortable  (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
guint64        kaa_in_progress_get_bytes_moved (KaaInProgress *self);
KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_set_abortable  (KaaInProgress *self,
                                               gboolean       abortable);

KAA_AVAILABLE_IN_1_0
const GValue  *kaa_in_progress_get_result     (KaaInProgress *self,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_in_progress_get_bytes      (KaaInProgress *self,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_dup_data       (KaaInProgress *self,
                                               guint8       **data,
                                               gsize         *length);
KAA_AVAILABLE_IN_1_0
gint64         kaa_in_progress_get_int        (KaaInProgress *self,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_get_boolean    (KaaInProgress *self,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
GObject       *kaa_in_progress_get_object     (KaaInProgress *self,
                                               GError       **error);

KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_then           (KaaInProgress  *self,
                                               KaaResolveFunc  resolve,
                                               gpointer        resolve_data,
                                               GDestroyNotify  resolve_destroy,
                                               KaaRejectFunc   reject,
                                               gpointer        reject_data,
                                               GDestroyNotify  reject_destroy);

KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_then_acknowledged (KaaInProgress      *self,
                                                  KaaAcknowledgeFunc  callback,
                                                  gpointer            user_data,
                                                  GDestroyNotify      destroy);

KAA_AVAILABLE_IN_1_0
void           kaa_in_progress_then_closure   (KaaInProgress  *self,
                                               GClosure       *closure);

KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_abort          (KaaInProgress *self,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_abort_with     (KaaInProgress *self,
                                               const GError  *reason,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_in_progress_noabort        (KaaInProgress *self);

KAA_AVAILABLE_IN_1_0
const GValue  *kaa_in_progress_wait           (KaaInProgress *self,
                                               double         seconds,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_in_progress_wait_bytes     (KaaInProgress *self,
                                               double         seconds,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
gint64         kaa_in_progress_wait_int       (KaaInProgress *self,
                                               double         seconds,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_in_progress_wait_boolean   (KaaInProgress *self,
                                               double         seconds,
                                               GError       **error);
KAA_AVAILABLE_IN_1_0
GObject       *kaa_in_progress_wait_object    (KaaInProgress *self,
                                               double         seconds,
                                               GError       **error);

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_in_progress_timeout        (KaaInProgress *self,
                                               double         seconds,
                                               gboolean       abort);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_in_progress_all            (KaaInProgress **futures,
                                               gsize           n_futures);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_in_progress_any            (KaaInProgress **futures,
                                               gsize           n_futures);

G_END_DECLS

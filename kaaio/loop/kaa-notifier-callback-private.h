/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-notifier-callback.h>

G_BEGIN_DECLS

/*
 * The registration of a callback is a GSource on its main context; the source holds the callback.
 *
 * The lock is recursive, and no user code runs under it.
 */
void      kaa_notifier_callback_lock        (KaaNotifierCallback *self);
void      kaa_notifier_callback_unlock      (KaaNotifierCallback *self);

/* Under the lock: the source of the present registration, NULL without one; borrowed until unlock. */
GSource  *kaa_notifier_callback_peek_source (KaaNotifierCallback *self);

/* Under the lock, while there is no source: registers by this one, and consumes the reference in any case. The caller
 * notifies of `active` when it has unlocked. The source ends by unregister(), when its dispatch returns
 * G_SOURCE_REMOVE, and with the context; the callback outlives every dispatch of it. */
gboolean  kaa_notifier_callback_attach      (KaaNotifierCallback *self,
                                             GSource             *source,
                                             GError             **error);

G_END_DECLS

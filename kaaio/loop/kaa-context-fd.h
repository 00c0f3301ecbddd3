/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_CONTEXT_FD (kaa_context_fd_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_FINAL_TYPE (KaaContextFd, kaa_context_fd, KAA, CONTEXT_FD, GObject)

KAA_AVAILABLE_IN_1_0
KaaContextFd *kaa_context_fd_new     (GMainContext  *context,
                                      GError       **error);
KAA_AVAILABLE_IN_1_0
int           kaa_context_fd_get_fd  (KaaContextFd  *self);
KAA_AVAILABLE_IN_1_0
gboolean      kaa_context_fd_prepare (KaaContextFd  *self);
KAA_AVAILABLE_IN_1_0
void          kaa_context_fd_release (KaaContextFd  *self);
KAA_AVAILABLE_IN_1_0
void          kaa_context_fd_iterate (KaaContextFd  *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _KaaCallback         KaaCallback;
typedef struct _KaaNotifierCallback KaaNotifierCallback;
typedef struct _KaaIOMonitor        KaaIOMonitor;
typedef struct _KaaInProgress       KaaInProgress;
typedef struct _KaaIOChannel        KaaIOChannel;
typedef struct _KaaLineIter         KaaLineIter;
typedef struct _KaaProcess          KaaProcess;
typedef struct _KaaSocket           KaaSocket;

G_END_DECLS

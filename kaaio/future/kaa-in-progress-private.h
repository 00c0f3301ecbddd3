/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-in-progress.h>

#include "loop/kaa-poller.h"

G_BEGIN_DECLS

/*
 * What the floors above use of a future.
 *
 * An operation is what works on a future that the library made: a read request, a write, a
 * close. The future points at it while it is pending; kaa_in_progress_settle_*() ends that.
 */
typedef struct
{
  /* Give it up. FALSE with *error where that is not possible (any more). TRUE: the operation has let go of the future
   * (its pointer is cleared), the caller settles it with the reason. NULL: cannot be aborted. On the future's context thread. */
  gboolean (*abort)    (KaaInProgress *future, gpointer operation, const GError *reason, GError **error);
  /* Somebody listens from now on (called for the first listener only, while pending). NULL: not interested. */
  void     (*listened) (KaaInProgress *future, gpointer operation);
  /* The last reference is going while it is pending (from dispose): forget the pointer. May be called in any thread. */
  void     (*dropped)  (KaaInProgress *future, gpointer operation);
} KaaOperationFuncs;

/* A pending future on poller's context (that is where its callbacks run). source is referenced until the future goes. */
KaaInProgress *kaa_in_progress_new_operation (GObject                 *source,
                                              KaaPoller               *poller,
                                              const KaaOperationFuncs *funcs,
                                              gpointer                 operation);
gpointer       kaa_in_progress_get_operation (KaaInProgress           *self);

/* g_object_unref() for who made the future of an operation, and has settled it: where nobody else has it, it is used again. */
void           kaa_in_progress_release       (KaaInProgress           *self);

/* TRUE if somebody would notice: then, _async, all, any, timeout, noabort, a running wait(), or an unblocked or
 * blocked handler on resolved, rejected, abort or notify::finished / notify::failed. */
gboolean       kaa_in_progress_has_listeners (KaaInProgress           *self);

/* Settle a future of ours; the operation is forgotten. now: we are in a dispatch of the future's own poller (so not inside the call that
 * made it): its callbacks run before this returns, where they may do anything. Otherwise they run from the loop. The caller holds a reference.
 * `take`: ownership passes. */
void           kaa_in_progress_settle_bytes   (KaaInProgress *self, GBytes  *take, gboolean now);
void           kaa_in_progress_settle_int     (KaaInProgress *self, gint64   result, gboolean now);
void           kaa_in_progress_settle_boolean (KaaInProgress *self, gboolean result, gboolean now);
void           kaa_in_progress_settle_uint64  (KaaInProgress *self, guint64  result, gboolean now);
void           kaa_in_progress_settle_object  (KaaInProgress *self, GObject *take, gboolean now);
void           kaa_in_progress_settle_error   (KaaInProgress *self, GError  *take, gboolean now);

/* The calling thread becomes the one that may iterate the default context in wait(), unless another has been before. Making the
 * first future does this; who lets a program use the library before that should do it too. Any thread. */
void           kaa_in_progress_claim_thread   (void);

/* How far it is; notified at once. On the future's context thread. */
void           kaa_in_progress_set_bytes_moved (KaaInProgress *self, guint64 bytes_moved);

/* A failure of this one that nobody looks at is a warning, not a debug message (a refused write). */
void           kaa_in_progress_set_refused    (KaaInProgress *self);

/* For the GIO pairs: callback (source, self, user_data) after the `then` callbacks added before; cancellable aborts. Counts as a
 * listener. Takes no reference of the caller's: the pair ends with g_object_unref (future) as usual. tag: what is_tagged() answers to. */
void           kaa_in_progress_call_async     (KaaInProgress       *self,
                                               gpointer             tag,
                                               GCancellable        *cancellable,
                                               GAsyncReadyCallback  callback,
                                               gpointer             user_data);
/* The same for a future (taken) that is made for nothing else. */
void           kaa_in_progress_begin_async    (KaaInProgress       *future,
                                               gpointer             tag,
                                               GCancellable        *cancellable,
                                               GAsyncReadyCallback  callback,
                                               gpointer             user_data);
/* For the second half of a pair: whether result comes from the first half, called on source. */
gboolean       kaa_in_progress_is_result_of   (GAsyncResult        *result,
                                               gpointer             source,
                                               gpointer             tag);

G_END_DECLS

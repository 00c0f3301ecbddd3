/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "future/kaa-in-progress-private.h"

G_BEGIN_DECLS

/*
 * What the files of this floor share: the instance, and its listeners.
 *
 * Ownership follows the way that a result takes: who can finish a future holds it, the future holds what listens to it, and a
 * listener that is a link holds the future that is finished by it. In the other direction there are only weak references, so no
 * combination of futures is a cycle:
 *
 *   operation, or your code ──► future ──► link ──► all, any, timeout … ──► callbacks
 */

typedef struct _KaaListener KaaListener;

/* Final states are greater than PENDING, and no state is ever left for a smaller one. */
typedef enum
{
  KAA_STATE_PENDING,
  KAA_STATE_RESOLVED,
  KAA_STATE_FAILED
} KaaState;

/* What is announced next. */
typedef enum
{
  KAA_STEP_NOTIFY,
  KAA_STEP_SIGNAL,
  KAA_STEP_LISTENERS
} KaaStep;

/* One of the two is called, once, with a copy of the listener; each lets go of what the listener has. */
typedef struct
{
  /* The future is finished. In the announcement: in its context's thread, where this may do anything. */
  void (*run)     (KaaListener *listener, KaaInProgress *future);
  /* It will never be run: the future goes unfinished, or its context is gone. */
  void (*discard) (KaaListener *listener, KaaInProgress *future);
  /* discard() runs no code of the user's: it is called at once, in whatever thread. Otherwise it is called where run() would have
   * been, if there is such a place, and without the future. */
  gboolean discards_at_once;
} KaaListenerFuncs;

struct _KaaListener
{
  KaaListener *next;
  const KaaListenerFuncs *funcs;
  guint32 serial;             /* counts the listeners of a future */
  union
  {
    struct
    {
      KaaResolveFunc resolve;
      gpointer resolve_data;
      GDestroyNotify resolve_destroy;
      KaaRejectFunc reject;
      gpointer reject_data;
      GDestroyNotify reject_destroy;
    } then;
    GClosure *closure;        /* owned */
    struct
    {
      GAsyncReadyCallback callback;
      gpointer user_data;
      GSource *cancelled;     /* owned, nullable */
    } async;
    gpointer data;            /* of whoever may want to take it out again */
  } as;
};

struct _KaaInProgress
{
  GObject parent_instance;

  /* Set once, before anybody else sees the future. */
  KaaPoller *poller;
  GObject *source;
  gboolean promise;                /* of the user's own, also when it follows another future by now */

  int state;                       /* KaaState, atomic */

  /* Atomic: NULL is a promise of the user's own. Changes once at most, when such a one is finished with another future. */
  const KaaOperationFuncs *funcs;

  /* Written under the lock before the state becomes final and then never again: who has seen that reads it without. */
  GValue result;                   /* the error too */

  /* Under the lock. */
  guint abortable : 1;             /* the property */
  guint aborting : 1;              /* an abort is being decided */
  guint aborted : 1;               /* a finish that comes late is no mistake */
  guint listened : 1;              /* the operation knows that somebody listens */
  guint looked : 1;                /* somebody has seen that it failed */
  guint refused : 1;
  guint queued : 1;                /* the task is in the poller's queue, and holds a reference */
  guint step : 2;                  /* KaaStep */
  guint32 n_waiters;
  guint32 n_added;                 /* the serial of the next listener */
  gpointer operation;              /* only while pending */
  KaaListener *listeners;
  KaaListener *last_listener;
  KaaListener first;               /* most futures have one listener: it is kept here. Without funcs it is free */
  gpointer async_tag;
  gpointer async_user_data;

  KaaTask task;
};

/*
 * Futures share a few locks: one in each would cost more than it is worth. Nothing is called while one is held, and
 * never two are held at once.
 */
#define KAA_N_STRIPES 16

typedef struct
{
  GMutex mutex;
  GCond finished;                  /* for waiters that block */
  char padding[64 - sizeof (GMutex) - sizeof (GCond)];
} KaaStripe;

extern KaaStripe kaa_in_progress_stripes[KAA_N_STRIPES];

static inline KaaStripe *
kaa_in_progress_get_stripe (KaaInProgress *self)
{
  gsize address = (gsize) self;

  return &kaa_in_progress_stripes[((address >> 5) ^ (address >> 10)) % KAA_N_STRIPES];
}

static inline void
kaa_in_progress_lock (KaaInProgress *self)
{
  g_mutex_lock (&kaa_in_progress_get_stripe (self)->mutex);
}

static inline void
kaa_in_progress_unlock (KaaInProgress *self)
{
  g_mutex_unlock (&kaa_in_progress_get_stripe (self)->mutex);
}

static inline KaaState
kaa_in_progress_get_state (KaaInProgress *self)
{
  return g_atomic_int_get (&self->state);
}

static inline const KaaOperationFuncs *
kaa_in_progress_get_funcs (KaaInProgress *self)
{
  return g_atomic_pointer_get (&self->funcs);
}

/*
 * The files, from the bottom up; each calls only those before it. Whatever checks KAA_IS_IN_PROGRESS() stands above the type.
 */

/* --- kaa-in-progress-base.c --- */

enum
{
  KAA_SIGNAL_RESOLVED,
  KAA_SIGNAL_REJECTED,
  KAA_SIGNAL_ABORT,
  KAA_SIGNAL_NOTIFY,          /* GObject's own */
  KAA_N_SIGNALS
};

extern guint kaa_in_progress_signals[KAA_N_SIGNALS];

enum
{
  KAA_PROP_FINISHED = 1,
  KAA_PROP_FAILED,
  KAA_PROP_ABORTABLE,
  KAA_PROP_SOURCE_OBJECT,
  KAA_PROP_BYTES_MOVED,
  KAA_N_PROPS
};

extern GParamSpec *kaa_in_progress_props[KAA_N_PROPS];

typedef enum
{
  KAA_RESULT_BYTES,
  KAA_RESULT_INT64,
  KAA_RESULT_UINT64,
  KAA_RESULT_UINT,
  KAA_RESULT_BOOLEAN,
  KAA_RESULT_ERROR,
  KAA_N_RESULTS
} KaaResultKind;

/* An initialized value of each kind: copying it is much cheaper than g_value_init(). */
extern GValue kaa_in_progress_blank[KAA_N_RESULTS];

void          kaa_in_progress_init_blanks      (void);

/* Whether a handler would run now. 0: of any signal. */
gboolean      kaa_in_progress_has_handlers     (KaaInProgress *self, guint signal_id);
/* Of a failed one; this counts as having looked. */
const GError *kaa_in_progress_look_at_error    (KaaInProgress *self);
void          kaa_in_progress_clear_result     (KaaInProgress *self);
/* Puts the future's task into the queue of its poller; `queued` is set. */
void          kaa_in_progress_queue            (KaaInProgress *self);

/* --- kaa-in-progress-spare.c --- */

KaaInProgress *kaa_in_progress_take_spare      (void);

/* --- kaa-in-progress-thread.c --- */

/* Whether this is the thread of its context. kaa_poller_is_mine() says so in any thread while nobody runs the context. */
gboolean      kaa_in_progress_is_here          (KaaInProgress *self);

/* --- kaa-in-progress-listeners.c --- */

/* *listener is copied. only_pending: FALSE, and nothing is done, if it is finished. */
gboolean      kaa_in_progress_add_listener     (KaaInProgress *self, const KaaListener *listener, gboolean only_pending);
/* The one with these functions and this data. FALSE: it has been taken out before, to be run or discarded. */
gboolean      kaa_in_progress_remove_listener  (KaaInProgress          *self,
                                                const KaaListenerFuncs *funcs,
                                                gpointer                data);
void          kaa_in_progress_begin_wait       (KaaInProgress *self);
void          kaa_in_progress_end_wait         (KaaInProgress *self);
/* Both under the lock: the first one of the list, out of it; all of them, as nodes that do not belong to the future. */
void          kaa_in_progress_take_listener    (KaaInProgress *self, KaaListener *listener);
KaaListener  *kaa_in_progress_steal_listeners  (KaaInProgress *self);
/* They will never be run. */
void          kaa_in_progress_discard          (KaaInProgress *self, KaaListener *listeners, gboolean context_gone);

/* --- kaa-in-progress-announce.c --- */

/* Makes it final, unless it is that already (then FALSE, and *result is unset). *result is moved. The caller holds a reference. */
gboolean      kaa_in_progress_settle           (KaaInProgress *self, KaaState state, GValue *result, gboolean now);
/* The same for an abort that operation (NULL: nobody, it is a promise) has agreed to. */
gboolean      kaa_in_progress_settle_aborted   (KaaInProgress *self, const GError *reason, gpointer operation);
/* For finish() and throw(): in addition it must be the user's to finish. A critical warning where it is not. */
void          kaa_in_progress_settle_promise   (KaaInProgress *self, KaaState state, GValue *result);
/* It cannot be finished by the user (again): a critical warning, but for an aborted one. */
void          kaa_in_progress_complain         (KaaInProgress *self);
void          kaa_in_progress_drop             (KaaInProgress *self);   /* from dispose */
void          kaa_in_progress_run_task         (KaaTask *task, gboolean context_gone);

G_END_DECLS

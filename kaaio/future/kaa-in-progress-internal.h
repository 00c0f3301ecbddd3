/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "future/kaa-in-progress-private.h"

G_BEGIN_DECLS

/*
 * What the files of this floor share: the instance, its listeners, and the joins that tie futures together.
 *
 * Ownership follows the way that a result takes: who can finish a future holds it, the future holds what listens to it, and a
 * listener that is a link holds the future that is finished by it. In the other direction there are only weak references, so no
 * combination of futures is a cycle:
 *
 *   operation, or your code ──► future ──► link ──► all, any, timeout … ──► callbacks
 */

typedef struct _KaaListener KaaListener;
typedef struct _KaaLink     KaaLink;
typedef struct _KaaJoin     KaaJoin;

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

typedef enum
{
  KAA_LISTENER_FREE,
  KAA_LISTENER_THEN,
  KAA_LISTENER_CLOSURE,
  KAA_LISTENER_ASYNC,
  KAA_LISTENER_LINK
} KaaListenerKind;

struct _KaaListener
{
  KaaListener *next;
  guint32 serial;             /* counts the listeners of a future */
  guint8 kind;
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
    KaaLink *link;
  } as;
};

struct _KaaInProgress
{
  GObject parent_instance;

  /* Set once, before anybody else sees the future. */
  KaaPoller *poller;
  GObject *source;
  gboolean promise;                /* of the user's own, also when it follows another future by now */

  /* Atomic: NULL is a promise of the user's own. Changes once at most, when such a one is finished with another future. */
  const KaaOperationFuncs *funcs;

  int state;                       /* KaaState, atomic */

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
  KaaListener first;               /* most futures have one listener: it is kept here */
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

/* kaa-in-progress.c */
enum
{
  KAA_SIGNAL_RESOLVED,
  KAA_SIGNAL_REJECTED,
  KAA_SIGNAL_ABORT,
  KAA_SIGNAL_NOTIFY,          /* GObject's own */
  KAA_N_SIGNALS
};

extern guint kaa_in_progress_signals[KAA_N_SIGNALS];

/* Whether a handler would run now. 0: of any signal. */
gboolean      kaa_in_progress_has_handlers     (KaaInProgress *self, guint signal_id);
void          kaa_in_progress_notify_finished  (KaaInProgress *self);

/* kaa-in-progress-spare.c */
KaaInProgress *kaa_in_progress_take_spare      (void);

/* kaa-in-progress-result.c: nothing of these may be called before it is finished. */
const GError *kaa_in_progress_look_at_error    (KaaInProgress *self);   /* of a failed one; this counts as having looked */
void          kaa_in_progress_clear_result     (KaaInProgress *self);

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

/* kaa-in-progress-announce.c */

/* Makes it final, unless it is that already (then FALSE, and *result is unset). *result is moved. The caller holds a reference. */
gboolean      kaa_in_progress_settle           (KaaInProgress *self, KaaState state, GValue *result, gboolean now);
/* For finish() and throw(): in addition it must be the user's to finish. A critical warning where it is not. */
void          kaa_in_progress_settle_promise   (KaaInProgress *self, KaaState state, GValue *result);
/* It cannot be finished by the user (again): a critical warning, but for an aborted one. */
void          kaa_in_progress_complain         (KaaInProgress *self);
/* Puts the future's task into the queue of its poller; `queued` is set. */
void          kaa_in_progress_queue            (KaaInProgress *self);
void          kaa_in_progress_drop             (KaaInProgress *self);   /* from dispose */

/* kaa-in-progress-listeners.c */

/* *listener is copied. only_pending: FALSE, and nothing is done, if it is finished. */
gboolean      kaa_in_progress_add_listener     (KaaInProgress *self, const KaaListener *listener, gboolean only_pending);
/* FALSE: it has been taken out before, to be run or discarded. */
gboolean      kaa_in_progress_remove_link      (KaaInProgress *self, KaaLink *link);
void          kaa_in_progress_begin_wait       (KaaInProgress *self);
void          kaa_in_progress_end_wait         (KaaInProgress *self);
/* Both under the lock: the first one of the list, out of it; all of them, as nodes that do not belong to the future. */
void          kaa_in_progress_take_listener    (KaaInProgress *self, KaaListener *listener);
KaaListener  *kaa_in_progress_steal_listeners  (KaaInProgress *self);
/* The listener will not be cancelled any more. */
void          kaa_listener_clear_cancelled     (KaaListener *self, KaaPoller *poller);
/* What the user gave with it: data, a closure. Runs user code. */
void          kaa_listener_destroy_data        (const KaaListener *self);
/* They will never be run. */
void          kaa_in_progress_discard          (KaaInProgress *self, KaaListener *listeners, gboolean context_gone);

/* kaa-in-progress-wait.c */

/* Whether this is the thread of its context. kaa_poller_is_mine() says so in any thread while nobody runs the context. */
gboolean      kaa_in_progress_is_here          (KaaInProgress *self);

/* kaa-in-progress-async.c */
void          kaa_in_progress_async_iface_init (GAsyncResultIface *iface);

/* kaa-in-progress-join.c */
typedef enum
{
  KAA_JOIN_ALL,
  KAA_JOIN_ANY,
  KAA_JOIN_PASS,              /* timeout(): one member, whose result is passed on */
  KAA_JOIN_NOABORT,           /* the same, but an abort does not get through */
  KAA_JOIN_FOLLOW             /* the same, for a promise that was finished with a future */
} KaaJoinRule;

/* One future that finishes another. Installed as a listener of its member. */
struct _KaaLink
{
  KaaJoin *join;
  GWeakRef member;
};

/* References: its future's until that is settled, one for each link that is installed, the timer's. */
struct _KaaJoin
{
  gatomicrefcount refs;
  int won;                    /* atomic: somebody has got the right to settle the future */
  int n_left;                 /* atomic */
  KaaJoinRule rule;
  gboolean abort_original;
  KaaInProgress *future;      /* each link and the timer hold a reference to it */
  GSource *timer;
  gsize n_links;
  KaaLink links[];
};

extern const KaaOperationFuncs kaa_join_funcs;

KaaJoin      *kaa_join_new                     (KaaJoinRule rule, KaaInProgress **members, gsize n_members);
void          kaa_join_unref                   (KaaJoin *self);
/* The join's future is made; begin. */
void          kaa_join_start                   (KaaJoin *self, gint64 deadline);
/* The join of a future lets go of it, after it has told the members where the rule says so. */
gboolean      kaa_join_abort                   (KaaInProgress *future, const GError *reason, GError **error);
/* The member has finished, or is going unfinished. */
void          kaa_link_fire                    (KaaLink *self, KaaInProgress *member, gboolean now);
/* Finishes a promise with another future. */
void          kaa_in_progress_follow           (KaaInProgress *self, KaaInProgress *other);

G_END_DECLS

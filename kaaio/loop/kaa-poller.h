/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "bytes/kaa-byte-queue.h"

G_BEGIN_DECLS

/*
 * KaaPoller: the one GSource of all channels of a (GMainContext, priority).
 *
 * A KaaPollEntry is something that can be run by the loop: a channel has one. A KaaWatch is
 * a descriptor that the poller looks after for an entry: a channel has none, one or two of them.
 * Readiness is remembered in the watch until the owner clears it, because it has seen EAGAIN or moved less than it
 * could have; what is ready all the same is reported again. Entries with work to do wait in a list; idle ones are in one
 * that nobody looks at, and cost nothing.
 */

typedef struct _KaaPoller    KaaPoller;
typedef struct _KaaPollEntry KaaPollEntry;
typedef struct _KaaWatch     KaaWatch;
typedef struct _KaaTask      KaaTask;
typedef struct _KaaWitness   KaaWitness;

typedef enum
{
  KAA_POLL_IN  = 1 << 0,
  KAA_POLL_OUT = 1 << 1,
  KAA_POLL_HUP = 1 << 2,  /* an end or an error is there to be read; a short read does not mean drained */
  KAA_POLL_LOST = 1 << 3  /* with all the others: somebody else closed it, and what is under its number now is not ours to touch */
} KaaPollFlags;

typedef enum
{
  KAA_LOOK_NOBODY,    /* no handler at all: cannot change before one is connected */
  KAA_LOOK_BLOCKED,   /* only blocked handlers: can change at any time */
  KAA_LOOK_WANTED     /* somebody wants it: dispatch me */
} KaaLook;

typedef struct
{
  /* Does the entry's work, from the loop. It may run user code, free the entry, run a nested loop. What is left when
   * kaa_poller_spend() says FALSE is put off by kaa_poller_schedule_idle(). */
  void    (*dispatch)     (KaaPollEntry *entry);
  /* Is what is at hand wanted by now? Runs no user code. Only called for parked entries. */
  KaaLook (*look)         (KaaPollEntry *entry);
  /* The GMainContext is gone: nothing will ever be dispatched. Runs in whatever thread dropped the context. */
  void    (*context_gone) (KaaPollEntry *entry);
} KaaPollEntryFuncs;

struct _KaaPollEntry
{
  const KaaPollEntryFuncs *funcs;
  KaaPoller *poller;          /* owned, while attached */
  KaaPollEntry *next;         /* in the list that `queue` names: one of the poller's */
  KaaPollEntry *previous;
  guint32 batch;              /* of tasks and entries, that it belongs to */
  guint8 queue;               /* the poller's business */
  guint8 look;                /* what the last look found, while parked */
};

struct _KaaWatch
{
  KaaPollEntry *entry;        /* NULL while stopped */
  guint64 identity;           /* what kaa_sys_inspect() says, 0 where that is not known; stays when it is stopped */
  int fd;                     /* likewise */
  guint8 wanted;              /* KaaPollFlags: what readiness is wanted for */
  guint8 ready;               /* KaaPollFlags: remembered; the owner clears IN and OUT, with kaa_watch_clear() */
  guint8 direct : 1;          /* set before the start: never in the epoll set. A close behind our back, or a hang-up of the input, is noticed
                               * at the next turn, whatever is wanted; which costs every turn a bit */
  guint8 backend : 7;         /* the poller's business from here on */
  guint8 armed;
  guint32 index;
  guint32 age;
};

/* Something to be done at the next turn of the context. Intrusive, so that queueing cannot fail. Belongs to the
 * queue from defer() until func runs. */
struct _KaaTask
{
  KaaTask *next;
  /* context_gone: the context went first; clean up without running user code that needs the loop. */
  void (*func) (KaaTask *task, gboolean context_gone);
};

/* Somebody, in whatever thread, who has to know when the context goes. Intrusive, and the owner's to remove. */
struct _KaaWitness
{
  GList link;                 /* data is NULL when it was told */
  /* After entries and tasks, under the poller's lock: it must not call the poller. */
  void (*context_gone) (KaaWitness *witness);
};

/* The poller of a context (NULL: the thread default) and priority; a new reference. Any thread. */
KaaPoller     *kaa_poller_get            (GMainContext *context,
                                          int           priority);
KaaPoller     *kaa_poller_ref            (KaaPoller    *self);
void           kaa_poller_unref          (KaaPoller    *self);

/* A new reference, NULL once the context is gone, or has begun to destroy its sources. The poller itself never keeps its
 * context alive. Where another thread may be dropping the last reference at this very moment this comes too late: GLib has no way to ask. */
GMainContext  *kaa_poller_dup_context    (KaaPoller    *self);
/* Any thread: what the question says of the context, which stays there, though perhaps not alive, until that has returned. FALSE once
 * it is gone. */
gboolean       kaa_poller_ask            (KaaPoller    *self,
                                          gboolean    (*question) (GMainContext *context));
/* Any thread. FALSE, and nothing was added, once the context is gone and all were told; or where it is this thread that
 * has to tell them, and would wait for itself. */
gboolean       kaa_poller_add_witness    (KaaPoller    *self,
                                          KaaWitness   *witness);
void           kaa_poller_remove_witness (KaaPoller    *self,
                                          KaaWitness   *witness);
gboolean       kaa_poller_is_gone        (KaaPoller    *self);
int            kaa_poller_get_priority   (KaaPoller    *self);
/* Whether this thread may touch what belongs to the poller: it runs the context, or nobody else does or ever will. */
gboolean       kaa_poller_is_mine        (KaaPoller    *self);
/* The same question by who is refused otherwise. It gives some time to a thread that ran the context and is on its way out: not every
 * language joins threads by waiting for their end. */
gboolean       kaa_poller_insist         (KaaPoller    *self);
/* A quick yes to the first question, of a poller that is usable. */
gboolean       kaa_poller_is_here        (KaaPoller    *self);
/* The same, and inside of a dispatch. */
gboolean       kaa_poller_is_running     (KaaPoller    *self);
/* TRUE in a process forked after the poller was made: then nothing but closing numbers is allowed. */
gboolean       kaa_poller_is_forked      (KaaPoller    *self);
/* Neither forked nor without context: kernel and GLib may be told things. */
gboolean       kaa_poller_is_usable      (KaaPoller    *self);
KaaBlockCache *kaa_poller_get_blocks     (KaaPoller    *self);

/* Any thread; wakes the context up where needed. Tasks run in order, before any entry that is
 * dispatched in the same turn. */
void           kaa_poller_defer          (KaaPoller    *self,
                                          KaaTask      *task);

/* entry->funcs is set, everything else zero. Refs the poller. Any thread; in another than the poller's it gets to know the entry when
 * that is scheduled for the first time. */
void           kaa_poll_entry_attach     (KaaPollEntry *entry,
                                          KaaPoller    *poller);

/* All below: only where kaa_poller_is_mine(), or in context_gone(). */

/* Drops the poller, which forgets the entry. Any thread, where it knows nothing of it (any more). */
void           kaa_poll_entry_detach     (KaaPollEntry *entry);
/* Takes it out of every list, until it is scheduled. */
void           kaa_poll_entry_forget     (KaaPollEntry *entry);
/* To another one of the same context. Other threads, which read the pointer at any time, find the one or the other; the caller
 * keeps the one before. */
void           kaa_poll_entry_change_poller (KaaPollEntry *entry,
                                             KaaPoller    *poller);
/* Dispatch it: in the next turn (from inside a dispatch), or in this one if its dispatch has not begun. Ends parking. */
void           kaa_poll_entry_schedule      (KaaPollEntry *entry);
/* Dispatch it behind all tasks that were deferred so far. */
void           kaa_poll_entry_schedule_last (KaaPollEntry *entry);
/* Dispatch it when nothing of a higher priority is left to do (the companion source), or when it has waited for some turns and
 * milliseconds. */
void           kaa_poll_entry_schedule_idle (KaaPollEntry *entry);
/* Something is at hand that nobody wants: ask look() in the coming turns. first is what the caller's own look has just found. */
void           kaa_poll_entry_park          (KaaPollEntry *entry,
                                             KaaLook       first);
void           kaa_poll_entry_unschedule    (KaaPollEntry *entry); /* out of whatever list it is in */
/* It will be dispatched, sooner or later. */
gboolean       kaa_poll_entry_is_scheduled  (KaaPollEntry *entry);

/* From inside of a dispatch: bytes were moved, or code of the application has run. FALSE when the budget of this dispatch
 * (2 ms or 1 MiB, over all tasks and entries) is used up: nothing more of that kind may begin in it. */
gboolean       kaa_poller_spend          (KaaPoller    *self,
                                          gsize         bytes);

/* Looks after fd for entry. Errors: where neither epoll nor poll can take it. watch is zeroed before (but for fd, identity, direct). Readiness is
 * not assumed: ready begins as 0, and an fd that is ready is reported in the next turn. */
gboolean       kaa_watch_start           (KaaWatch     *watch,
                                          KaaPollEntry *entry,
                                          int           fd,
                                          KaaPollFlags  wanted,
                                          GError      **error);
/* Before close(2) of the fd. In a forked child it touches nothing but the struct. */
void           kaa_watch_stop            (KaaWatch     *watch);
/* It is looked after for another entry from now on, perhaps of another poller. What is known of it stays known, unless it begins
 * afresh. It cannot fail: that the descriptor is not open is noticed later. */
void           kaa_watch_move            (KaaWatch     *watch,
                                          KaaPollEntry *entry,
                                          gboolean      afresh);
/* What readiness is of use now; without IN and OUT the descriptor is disarmed, but a hang-up is still reported once. */
void           kaa_watch_set_wanted      (KaaWatch     *watch,
                                          KaaPollFlags  wanted);
/* EAGAIN was seen for these, or nothing more is expected: tell me again if they are ready, or when they become so. After HUP, which
 * is never cleared, only EAGAIN will do: nothing more is told before that. */
void           kaa_watch_clear           (KaaWatch     *watch,
                                          KaaPollFlags  ready);

/* Whether it is still there: an epoll set says nothing of what was closed. FALSE, and LOST, if not. Takes a system call. */
gboolean       kaa_watch_check           (KaaWatch     *watch);

G_END_DECLS

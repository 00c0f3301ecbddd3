/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "loop/kaa-poller.h"

G_BEGIN_DECLS

/*
 * What the files of the poller share. At the end are their functions, from the bottom up: each file calls only those before it.
 */

/* Where an entry is: KaaPollEntry.queue. */
typedef enum
{
  KAA_LIST_REST,     /* with nothing to do */
  KAA_LIST_READY,    /* for the next dispatch of the source */
  KAA_LIST_IDLE,     /* put off, for the companion source */
  KAA_LIST_BLOCKED,  /* parked, the last look said KAA_LOOK_BLOCKED */
  KAA_LIST_NOBODY,   /* parked, the last look said KAA_LOOK_NOBODY */
  KAA_LIST_GONE,     /* knows that the context is gone: in no list */
  KAA_LIST_NONE,     /* attached in another thread, or forgotten: in no list before it is scheduled */
  KAA_N_LISTS = KAA_LIST_GONE
} KaaList;

typedef struct
{
  KaaPollEntry *first;
  KaaPollEntry *last;
  guint length;
} KaaEntryList;

#define KAA_POLL_BOTH (KAA_POLL_IN | KAA_POLL_OUT)

/* How a descriptor is watched: KaaWatch.backend. */
typedef enum
{
  KAA_BACKEND_DIRECT,
  KAA_BACKEND_EPOLL,
  KAA_BACKEND_LOST     /* not at all: there is nothing of ours under its number */
} KaaBackend;

/* How KAA_IO_POLLER says that descriptors are watched. */
typedef enum
{
  KAA_POLLER_AUTO,
  KAA_POLLER_POLL,
  KAA_POLLER_EPOLL
} KaaPollerMode;

/* What one dispatch may take. */
#define KAA_BUDGET_USEC  2000
#define KAA_BUDGET_BYTES (1024 * 1024)

/* What is left for one dispatch of all entries together. */
typedef struct
{
  gint64 end;
  gsize bytes;
  guint64 ticks;        /* when the clock was read last, and how many of them are within the budget for certain */
  guint64 ticks_left;
  gboolean used_up;
} KaaBudget;

typedef struct
{
  GMainContext *context;
  int priority;
} KaaPollerKey;

/* Not part of the watch, because GLib may hold the address longer than the watch is there. */
typedef struct
{
  GPollFD poll;
  KaaWatch *watch;
  gboolean polled;
  gboolean hung_up;   /* the last report was one that cannot be masked */
  gboolean busy;      /* comes from the epoll set, and may go back there */
  guint reports;      /* since another one asked for its place */
} KaaDirect;

/* How many of the watches in the epoll set may be polled directly all the same. */
#define KAA_BUSY_PLACES 4

/* A watch in the epoll set that is on its way to such a place. */
typedef struct
{
  guint32 age;        /* the watch's name there */
  guint reports;      /* 0: nobody */
} KaaCandidate;

/* Where the search for what somebody else has closed is. */
typedef struct
{
  gint64 due;         /* not before */
  guint next;         /* slot of the set */
  guint8 under_way;
  guint8 turned;      /* the loop, since it began: once more */
} KaaAudit;

struct _KaaPoller
{
  /* Set when it is made. */
  gatomicrefcount ref_count;
  int generation;              /* of the process that made it */
  KaaPollerMode mode;
  KaaPollerKey key;

  /* Any thread. Written under the lock; context, thread and tasks are read without it, too. */
  GMutex lock;
  GMainContext *context;       /* not owned; NULL once it is gone */
  gpointer thread;             /* that ran the context last, or dropped it */
  gboolean told;               /* the context is gone, and nobody is left who has to be told; with the lock */
  KaaTask *tasks;
  KaaTask *last_task;
  guint32 n_tasks_pushed;      /* atomic: read without it */
  guint32 n_tasks_taken;
  GQueue witnesses;            /* KaaWitness.link; with the lock */

  /* Where kaa_poller_is_mine(). */
  GSource *source;             /* owned by the context; NULL once that is gone */
  GSource *companion;          /* the same; made when something is put off, and gone when that is long ago */
  guint companion_turns;       /* in which it had nothing to do */
  KaaEntryList lists[KAA_N_LISTS]; /* every entry that it knows is in one of them */
  guint32 batch;               /* the one under way: some tasks, and then the entries that they go before */
  guint32 batch_end;           /* so many tasks were pushed when it began */
  gboolean entries_next;       /* tasks have used up a dispatch */
  gboolean used_up;            /* a dispatch has used up its budget: the next turn belongs to others */
  gboolean rests;              /* that turn is under way */
  guint n_turns_waited;        /* by what was put off */
  gint64 waits_since;
  gint64 usec_run;             /* of its own time, since there was a turn for who has a lower priority */
  KaaBudget budget;
  guint depth;                 /* of dispatches, one within the other */
  guint connections;           /* what was counted when the looks at KAA_LIST_NOBODY began */
  guint n_unseen;              /* so many at its head were not looked at since */
  KaaBlockCache blocks;

  /* The same, but the business of kaa-watch.c and its kin. */
  GPtrArray *directs;          /* KaaDirect, each with a GPollFD of the source; NULL before the first */
  GArray *slots;               /* KaaSlot, of the watches in the epoll set; NULL before the first */
  GArray *slots_of_fds;        /* guint32: 1 + the slot that a descriptor was given to last, 0 for none */
  guint n_in_epoll;
  guint32 free_slot;
  guint32 age;                 /* of the watch that came to the set last */
  KaaCandidate candidates[KAA_BUSY_PLACES];
  GPollFD epoll;               /* fd is -1 while there is none */
  int epoll_mark;              /* of kaa_sys_mark() */
  KaaAudit audit;
};

/* --- kaa-poller-base.c --- */

/* Guards what is static. Held across fork(), so that the child finds it in order. */
extern GMutex kaa_poller_static_lock;
/* Atomic: how many forks away the process is from the first. */
extern int kaa_poller_generation;

/* What all of them ask all the time. */
static inline gboolean
kaa_poller_is_forked_inline (KaaPoller *self)
{
  return G_UNLIKELY (self->generation != g_atomic_int_get (&kaa_poller_generation));
}

static inline gboolean
kaa_poller_is_gone_inline (KaaPoller *self)
{
  return g_atomic_pointer_get (&self->context) == NULL;
}

static inline gboolean
kaa_poller_is_usable_inline (KaaPoller *self)
{
  return !kaa_poller_is_forked_inline (self) && !kaa_poller_is_gone_inline (self);
}

/* --- kaa-poller-context.c --- */

/* The calling thread runs the context. */
void     kaa_poller_note_thread    (KaaPoller *self);

/* --- kaa-poller-budget.c --- */

/* Outside of a dispatch. */
extern const KaaBudget kaa_budget_unlimited;

/* Takes the place of the budget that is there; now is what the clock says. */
void     kaa_poller_begin_budget   (KaaPoller *self,
                                    gint64     now,
                                    gint64     usec);

/* --- kaa-poller-tasks.c --- */

static inline gboolean
kaa_poller_has_tasks (KaaPoller *self)
{
  return g_atomic_pointer_get (&self->tasks) != NULL;
}

static inline gboolean
kaa_poller_are_tasks_done (KaaPoller *self)
{
  return (gint32) (self->n_tasks_taken - self->batch_end) >= 0;
}

/* What is queued and scheduled from now on belongs to the next one. */
void     kaa_poller_begin_batch    (KaaPoller *self);
/* Those of the batch, one at least, within the budget. */
void     kaa_poller_run_tasks      (KaaPoller *self);
/* ... that the context is gone, and the witnesses. */
void     kaa_poller_tell_tasks     (KaaPoller *self);

/* --- kaa-poller-entries.c --- */

void     kaa_poll_entry_move       (KaaPollEntry *entry,
                                    KaaList       to);
/* Looks at parked entries: all of them, or some where there will be another turn before the loop sleeps. */
void     kaa_poller_look           (KaaPoller *self);
/* Those of the list whose tasks are done. */
void     kaa_poller_run_entries    (KaaPoller *self,
                                    KaaList    list);
/* ... that the context is gone. */
void     kaa_poller_tell_entries   (KaaPoller *self);

/* --- kaa-watch-base.c --- */

/* There is more to be known about it than was: schedules its entry. */
void     kaa_watch_gain            (KaaWatch  *watch,
                                    guint      ready);

/* Its number does not stand for what it watched. It is out of whatever it was in. */
void     kaa_watch_lose            (KaaWatch  *watch);
/* Whether it does, as far as can be told from the number. */
gboolean kaa_watch_is_there        (const KaaWatch *watch);

/* --- kaa-watch-direct.c --- */

KaaDirect *kaa_direct_add          (KaaPoller *self,
                                    KaaWatch  *watch);
void     kaa_direct_remove         (KaaPoller *self,
                                    guint      index);
/* After a change of what is wanted or known. */
void     kaa_direct_update         (KaaPoller *self,
                                    KaaWatch  *watch);
/* Loses it if it is not there any more. */
void     kaa_direct_check          (KaaPoller *self,
                                    KaaWatch  *watch);
/* The number of watch has another meaning than before: whoever had it has lost it. */
void     kaa_direct_lose_others    (KaaPoller *self,
                                    KaaWatch  *watch);
void     kaa_direct_collect        (KaaPoller *self);

/* --- kaa-watch-busy.c --- */

/* The set has reported it. TRUE if it has done so often enough to be polled directly. */
gboolean kaa_busy_note             (KaaPoller  *self,
                                    KaaWatch   *watch);
/* FALSE: there is no place for another one. Otherwise *quiet has to leave before, if it is not NULL. */
gboolean kaa_busy_find_place       (KaaPoller  *self,
                                    KaaDirect **quiet);

/* --- kaa-watch-epoll.c --- */

/* Makes the set, and moves there what is direct; nothing happens where there cannot be one. */
void     kaa_epoll_open            (KaaPoller *self);
/* Moves what is in the set back, unless it is lost, and closes it. */
void     kaa_epoll_close           (KaaPoller *self);
/* FALSE, with the watch as it was, where epoll refuses it: files and the like (EPERM), a descriptor
 * that is in the set already (EEXIST), limits (ENOSPC, ENOMEM). */
gboolean kaa_epoll_add             (KaaPoller *self,
                                    KaaWatch  *watch);
void     kaa_epoll_remove          (KaaPoller *self,
                                    KaaWatch  *watch);
/* FALSE where it was closed by somebody else, whatever its number stands for now. */
gboolean kaa_epoll_is_ours         (KaaPoller *self);
/* Makes another set: the old one is not ours any more, or reports what is not. */
void     kaa_epoll_renew           (KaaPoller *self);
/* Asks the kernel whether it is still there. */
void     kaa_epoll_check           (KaaPoller *self,
                                    KaaWatch  *watch);
/* After a change of what is wanted. */
void     kaa_epoll_update          (KaaPoller *self,
                                    KaaWatch  *watch);
/* After something was done about what was ready. */
void     kaa_epoll_cleared         (KaaPoller *self,
                                    KaaWatch  *watch);
/* Returns one that has become busy enough to be polled directly, mostly NULL. */
KaaWatch *kaa_epoll_collect        (KaaPoller *self);
/* Asks about the set, and about n of its watches from slot *next on. FALSE if those were the last. */
gboolean kaa_epoll_audit           (KaaPoller *self,
                                    guint     *next,
                                    guint      n);

/* --- kaa-watch-audit.c --- */

/* In each turn. Milliseconds until there is more to be done, -1 if there is nothing before the next one. */
int      kaa_watches_audit         (KaaPoller *self);

/* --- kaa-watch.c --- */

/* Turns what the kernel reports into ready bits and scheduled entries. Runs no user code. */
void     kaa_watches_collect       (KaaPoller *self);
/* A forked child that runs the context on shall not spin over descriptors that it must not touch. */
void     kaa_watches_mute          (KaaPoller *self);
/* The context is gone. */
void     kaa_watches_close         (KaaPoller *self);

/* --- kaa-poller-source.c --- */

/* context_gone is called with the poller when the context destroys its source. */
void     kaa_poller_add_sources    (KaaPoller      *self,
                                    GDestroyNotify  context_gone);

G_END_DECLS

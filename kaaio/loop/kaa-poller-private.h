/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "loop/kaa-poller.h"

G_BEGIN_DECLS

/*
 * What kaa-poller.c (source, lists, tasks, registry) and kaa-watch.c (descriptors) share.
 */

/* Where an entry is: KaaPollEntry.queue. */
typedef enum
{
  KAA_LIST_NONE,
  KAA_LIST_READY,    /* for the next dispatch of the source */
  KAA_LIST_IDLE,     /* put off, for the companion source */
  KAA_LIST_BLOCKED,  /* parked, the last look said KAA_LOOK_BLOCKED */
  KAA_LIST_NOBODY,   /* parked, the last look said KAA_LOOK_NOBODY */
  KAA_LIST_GONE,     /* knows that the context is gone: in no list, not even in that of all */
  KAA_N_LISTS = KAA_LIST_GONE
} KaaList;

/* How KAA_IO_POLLER says that descriptors are watched. */
typedef enum
{
  KAA_POLLER_AUTO,
  KAA_POLLER_POLL,
  KAA_POLLER_EPOLL
} KaaPollerMode;

/* What is left for one dispatch of all entries together. */
typedef struct
{
  gint64 end;
  gsize bytes;
  guint calls;
  gboolean used_up;
} KaaShare;

typedef struct
{
  GMainContext *context;
  int priority;
} KaaPollerKey;

struct _KaaPoller
{
  /* Set when it is made. */
  gatomicrefcount ref_count;
  guint generation;            /* of the process that made it */
  KaaPollerMode mode;
  KaaPollerKey key;

  /* Any thread. Written under the lock; context, thread and tasks are read without it, too. */
  GMutex lock;
  GMainContext *context;       /* not owned; NULL once it is gone */
  gpointer thread;             /* that ran the context last */
  KaaTask *tasks;
  KaaTask *last_task;
  guint32 n_tasks_pushed;
  guint32 n_tasks_taken;

  /* Where kaa_poller_is_mine(). */
  GSource *source;             /* owned by the context; NULL once that is gone */
  GSource *companion;          /* the same; made when something is put off for the first time */
  GQueue lists[KAA_N_LISTS];
  GQueue all;
  guint32 serial;              /* of the dispatch begun last */
  guint32 turn;
  KaaShare share;
  guint connections;           /* what was counted when the looks at KAA_LIST_NOBODY began */
  guint n_unseen;              /* so many at its head were not looked at since */
  KaaBlockCache blocks;

  /* The same, but the business of kaa-watch.c. */
  GPtrArray *directs;          /* KaaDirect, each with a GPollFD of the source; NULL before the first */
  GArray *slots;               /* KaaSlot, of the watches in the epoll set; NULL before the first */
  guint n_in_epoll;
  guint32 free_slot;
  GPollFD epoll;               /* fd is -1 while there is none */
};

/* Neither forked nor without context: kernel and GLib may be told things. */
gboolean kaa_poller_is_usable   (KaaPoller *self);

/* Turns what the kernel reports into ready bits and scheduled entries. Runs no user code. */
void     kaa_watches_collect    (KaaPoller *self);
/* A forked child that runs the context on shall not spin over descriptors that it must not touch. */
void     kaa_watches_mute       (KaaPoller *self);
/* The context is gone. */
void     kaa_watches_close      (KaaPoller *self);
void     kaa_watches_free       (KaaPoller *self);

G_END_DECLS

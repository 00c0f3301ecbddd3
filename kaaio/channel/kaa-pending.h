/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-in-progress.h>
#include <kaaio/kaa-io-channel.h>

#include "bytes/kaa-delimiters.h"
#include "future/kaa-in-progress-private.h"

G_BEGIN_DECLS

/*
 * KaaPending: an operation of a channel that a future waits for.
 *
 * It owns its future until the first look, and after that only while somebody listens; otherwise it just points
 * at it, and when the future goes a request goes with it (it has taken no data), while a write goes on.
 * The future references the channel, so a pending operation that is heard keeps the channel alive.
 */

typedef enum
{
  KAA_PENDING_READ,
  KAA_PENDING_READLINE,
  KAA_PENDING_READLINES,
  KAA_PENDING_READ_EXACTLY,
  KAA_PENDING_READ_UNTIL,
  KAA_PENDING_WAIT_READABLE, /* takes nothing */
  KAA_PENDING_SPLICE,
  KAA_PENDING_WRITE,
  KAA_PENDING_PIECE,         /* of a splice, in the line of its target's writes: without a future */
  KAA_PENDING_FLUSH,
  KAA_PENDING_WAIT_WRITABLE,
  KAA_PENDING_SHUTDOWN,
  KAA_PENDING_CLOSE,
  KAA_PENDING_ACCEPT,
  KAA_PENDING_EXIT,
  KAA_PENDING_STOP
} KaaPendingKind;

/* Whoever is told of the end may ask at once for more, and be told again. Such requests are answered, but hold nothing up. */
typedef enum
{
  KAA_IN_TIME,
  KAA_LATE,                  /* made when only the end was left, of a channel that closes for that */
  KAA_TOO_LATE               /* made when the channel was not alive any more */
} KaaLateness;

typedef struct _KaaPending KaaPending;
typedef struct _KaaSplice  KaaSplice;

typedef struct
{
  KaaPending *first;
  KaaPending *last;
  KaaPending *unlooked; /* the first one that no look has seen */
} KaaPendingList;

struct _KaaPending
{
  KaaPending *next;
  KaaPending *previous;
  KaaPendingList *list;      /* NULL while in none */
  KaaIOChannel *channel;
  KaaInProgress *future;     /* NULL once it has gone */
  guint8 kind;               /* KaaPendingKind */
  guint8 owned : 1;
  guint8 foreign : 1;        /* made in another thread, whose context the future belongs to; always owned */
  guint8 late : 2;           /* KaaLateness, of a request */
  guint32 serial;            /* of the write side: in which order they asked */
  gsize count;               /* bytes asked for; for lines the limit that was in force */
  guint64 start;             /* writes: positions in the stream */
  guint64 end;
  KaaDelimiters *delimiters; /* read_until() */
  KaaSplice *splice;         /* splice() */
  KaaSplice *piece_of;       /* of a piece */
  KaaScan scan;
};

KaaPending    *kaa_pending_new           (KaaIOChannel   *channel,
                                          KaaPendingKind  kind,
                                          KaaPoller      *poller);
KaaPending    *kaa_pending_new_foreign   (KaaIOChannel   *channel,
                                          KaaPendingKind  kind,
                                          KaaPoller      *poller);
/* Of the channel's writes, without a future. */
KaaPending    *kaa_pending_new_piece     (KaaIOChannel   *channel,
                                          KaaSplice      *splice);
void           kaa_pending_free_piece    (KaaPending     *piece);
void           kaa_pending_append        (KaaPendingList *list,
                                          KaaPending     *pending);
void           kaa_pending_unlink        (KaaPending     *pending);

/* Settle the future if it is still there, and free the pending (unlinked before). See kaa_in_progress_settle_*(). */
void           kaa_pending_settle_bytes   (KaaPending *pending, GBytes *take, gboolean now);
void           kaa_pending_settle_int     (KaaPending *pending, gint64 result, gboolean now);
void           kaa_pending_settle_boolean (KaaPending *pending, gboolean result, gboolean now);
/* As a request that gets no more ends: with an empty result, or with what a splice has moved. */
void           kaa_pending_settle_end     (KaaPending *pending, gboolean now);
void           kaa_pending_settle_object  (KaaPending *pending, GObject *take, gboolean now);
void           kaa_pending_settle_error   (KaaPending *pending, GError *take, gboolean now);

/* The look: who listens keeps its future; the others are only pointed at. */
void           kaa_pending_list_look      (KaaPendingList *list);
/* Hands all of them to another channel. */
void           kaa_pending_list_move      (KaaPendingList *to,
                                           KaaPendingList *from,
                                           KaaIOChannel   *channel);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * KaaByteQueue: what was read and not yet taken, always contiguous.
 *
 * The bytes are one run inside one block: [head, tail). So a line is a pointer
 * and a length, peek() is free, and neither the delimiter search nor a GBytes of
 * many lines ever has a seam to cross. GBytes made from the queue are slices of
 * the block (which holds a count of them) or, where a slice would pin much more
 * than it shows, copies.
 *
 * A block that is full is compacted when at most half of it is used and doubled
 * otherwise, so that every byte is moved a bounded number of times, however the
 * input is cut. An empty queue owns no block at all: it goes back to the cache,
 * and the next channel that reads finds it warm. A block that still has slices
 * may wait in the cache too, but it is not written to before they are gone.
 *
 * The cache may be NULL everywhere: then there is none.
 */

typedef struct _KaaBlock KaaBlock;

/* One spare block, shared by the queues of one poller. Not thread safe. */
typedef struct
{
  KaaBlock *spare;
} KaaBlockCache;

typedef struct
{
  KaaBlock *block; /* NULL while empty */
  gsize head;      /* offset of the first byte in the block */
  gsize tail;      /* offset behind the last byte */
} KaaByteQueue;

/* What a block holds beside a full pipe: room for the partial line before it. */
#define KAA_BLOCK_READ_SIZE (64 * 1024)
#define KAA_BLOCK_SIZE      (KAA_BLOCK_READ_SIZE + 4 * 1024)

void          kaa_block_cache_clear      (KaaBlockCache *cache);

/* A zeroed queue is an empty queue. */
void          kaa_byte_queue_clear       (KaaByteQueue  *queue,
                                          KaaBlockCache *cache);

static inline gsize
kaa_byte_queue_get_length (const KaaByteQueue *queue)
{
  return queue->tail - queue->head;
}

/* NULL while the queue is empty. Valid until the next call that changes the queue. */
const guint8 *kaa_byte_queue_peek        (const KaaByteQueue *queue);

/* Makes contiguous room for at least min (>= 1) bytes behind the tail and says in
 * *room how much there is (it may be more). NULL, with nothing changed, where memory
 * ran out.
 *
 * want is how much the caller may come to put there, and so the bound of every
 * allocation: an empty queue gets a block for `want`, a growing one doubles, but
 * neither becomes larger than used + want (KAA_BLOCK_SIZE where that is larger). Only
 * where want is less than a sixteenth of what is used does a block get that sixteenth,
 * because otherwise each small read would move the whole line. So pass the size of a
 * read for an empty queue, and for one that holds a long line all that may still be
 * read of it; and a small min, because a larger one makes the queue move sooner. */
guint8       *kaa_byte_queue_reserve     (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          gsize          min,
                                          gsize          want,
                                          gsize         *room);

/* length bytes (at most *room) were written where reserve() pointed. */
void          kaa_byte_queue_commit      (KaaByteQueue  *queue,
                                          gsize          length);

/* FALSE, with nothing changed, where memory ran out. */
gboolean      kaa_byte_queue_append      (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          const void    *data,
                                          gsize          length);

/* Drops length bytes at the head; an empty queue gives its block back (also where length
 * is 0, after a reserve() that nothing was read into). */
void          kaa_byte_queue_consume     (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          gsize          length);

/* Puts length bytes back before the head. Where they are those that were taken last, and their block is still the
 * queue's, nothing is moved. FALSE, with nothing changed, where memory ran out. */
gboolean      kaa_byte_queue_unread      (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          const void    *data,
                                          gsize          length);

/* For a queue that will not be read into soon: where a short rest (a partial line) is all
 * that a large block holds, the rest moves into a block of just its size and the large
 * one goes back, so that many channels with half a line each do not hold a block each. */
void          kaa_byte_queue_trim        (KaaByteQueue  *queue,
                                          KaaBlockCache *cache);

/* The bytes [offset, offset + length) behind the head, still in the queue. They stay
 * valid whatever becomes of the queue, and may be dropped in any thread. A kept one
 * never pins more than 64 times its own size: where a slice would, it is a copy. */
GBytes       *kaa_byte_queue_get_bytes   (const KaaByteQueue *queue,
                                          gsize               offset,
                                          gsize               length);

G_END_DECLS

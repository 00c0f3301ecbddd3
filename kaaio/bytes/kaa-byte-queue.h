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
 * and the next channel that reads finds it warm.
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

const guint8 *kaa_byte_queue_peek        (const KaaByteQueue *queue);

/* Makes contiguous room for at least min (>= 1) bytes behind the tail and says in
 * *room how much there is (it may be more). Where a new block is needed it is sized
 * for `want`. NULL, with nothing changed, where memory ran out. */
guint8       *kaa_byte_queue_reserve     (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          gsize          min,
                                          gsize          want,
                                          gsize         *room);

/* length bytes were written where reserve() pointed. */
void          kaa_byte_queue_commit      (KaaByteQueue  *queue,
                                          gsize          length);

gboolean      kaa_byte_queue_append      (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          const void    *data,
                                          gsize          length);

/* Drops length bytes at the head; an empty queue gives its block back. */
void          kaa_byte_queue_consume     (KaaByteQueue  *queue,
                                          KaaBlockCache *cache,
                                          gsize          length);

/* The bytes [offset, offset + length) behind the head, still in the queue. They stay
 * valid whatever becomes of the queue, and may be dropped in any thread. */
GBytes       *kaa_byte_queue_get_bytes   (const KaaByteQueue *queue,
                                          gsize               offset,
                                          gsize               length);

G_END_DECLS

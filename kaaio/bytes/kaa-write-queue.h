/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/uio.h>

#include "bytes/kaa-fds.h"

G_BEGIN_DECLS

/*
 * KaaWriteQueue: what waits to be written.
 *
 * Small messages are copied together into blocks, large GBytes stand in the queue as they
 * are. Every byte has a position in the stream (the first one ever queued has 0), so that a
 * write is just a pair of positions: partial writes, flush, abort and "how many bytes went"
 * follow from comparing them with `written`.
 */

typedef struct _KaaWriteSegment KaaWriteSegment;

typedef struct
{
  KaaWriteSegment *first;
  KaaWriteSegment *last;
  guint64 written; /* position of the first byte that has not gone */
  guint64 end;     /* position behind the last byte that was queued */
} KaaWriteQueue;

/* A zeroed queue is an empty queue. */
void    kaa_write_queue_clear   (KaaWriteQueue *queue); /* drops everything; end becomes written */

static inline gsize
kaa_write_queue_get_length (const KaaWriteQueue *queue)
{
  return (gsize) (queue->end - queue->written);
}

/* owner: NULL, or what the data is in: much of it is referenced then, and not copied. */
void    kaa_write_queue_append       (KaaWriteQueue *queue,
                                      const void    *data,
                                      gsize          length,
                                      GBytes        *owner);

/* The descriptors (taken) go with the first of these bytes, of which there is at least one, and no others go with them. */
void    kaa_write_queue_append_fds   (KaaWriteQueue *queue,
                                      GBytes        *bytes,
                                      KaaFds        *take);
/* Moves all that another one holds behind what is here. */
void    kaa_write_queue_join         (KaaWriteQueue *queue,
                                      KaaWriteQueue *other);

/* length bytes went out before they came into the queue, which is empty: they have positions, too. */
void    kaa_write_queue_skip         (KaaWriteQueue *queue,
                                      gsize          length);

/* Fills at most max vectors from the head; returns how many. */
int     kaa_write_queue_peek         (const KaaWriteQueue *queue,
                                      struct iovec        *vectors,
                                      int                  max);

/* A copy of the bytes [start, end), none of which has gone. */
GBytes *kaa_write_queue_copy         (const KaaWriteQueue *queue,
                                      guint64              start,
                                      guint64              end);

/* What has to go with the vectors that peek() gives, or NULL. */
const KaaFds *kaa_write_queue_peek_fds (const KaaWriteQueue *queue);

/* length bytes at the head went out. */
void    kaa_write_queue_consume      (KaaWriteQueue *queue,
                                      gsize          length);

/* Takes out the bytes [start, end), none of which has gone; what is behind moves up. The
 * caller corrects its own positions. */
void    kaa_write_queue_remove       (KaaWriteQueue *queue,
                                      guint64        start,
                                      guint64        end);

G_END_DECLS

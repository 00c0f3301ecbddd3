/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-write-queue.h"

#include <string.h>

/* A run of bytes that waits: either in a block of the segment's own, behind which there may
 * be room for more, or in a GBytes. */
struct _KaaWriteSegment
{
  KaaWriteSegment *next;
  GBytes *bytes;      /* NULL where the bytes are in block */
  const guint8 *data; /* the first byte that waits */
  gsize length;
  gsize room;         /* of block, behind the data; 0 where there is none */
  KaaFds *fds;        /* NULL, or: what goes with the first byte */
  guint8 block[];
};

/* What is at least this long is worth an iovec of its own, if it need not be copied. */
#define REFERENCE_MIN (4 * 1024)

/* Blocks as malloc sees them. The first one is small, because most often there is just one
 * short message; each that fills up is followed by a larger one, up to the size of a pipe. */
#define FIRST_BLOCK  1024
#define BLOCK_FACTOR 8
#define LAST_BLOCK   (64 * 1024)

/* Segments */

static void
segment_free (KaaWriteSegment *segment)
{
  g_clear_pointer (&segment->bytes, g_bytes_unref);
  g_clear_pointer (&segment->fds, kaa_fds_free);
  g_free (segment);
}

static KaaWriteSegment *
segment_new_block (gsize capacity)
{
  KaaWriteSegment *segment = g_malloc (sizeof (KaaWriteSegment) + capacity);

  segment->next = NULL;
  segment->bytes = NULL;
  segment->fds = NULL;
  segment->data = segment->block;
  segment->length = 0;
  segment->room = capacity;

  return segment;
}

static KaaWriteSegment *
segment_new_reference (GBytes       *bytes,
                       const guint8 *data,
                       gsize         length)
{
  KaaWriteSegment *segment = g_new (KaaWriteSegment, 1);

  segment->next = NULL;
  segment->bytes = g_bytes_ref (bytes);
  segment->data = data;
  segment->length = length;
  segment->room = 0;
  segment->fds = NULL;

  return segment;
}

static gsize
segment_get_capacity (const KaaWriteSegment *segment)
{
  if (segment->bytes != NULL)
    return 0;

  return (gsize) (segment->data - segment->block) + segment->length + segment->room;
}

static void
segment_fill (KaaWriteSegment *segment,
              const guint8    *data,
              gsize            length)
{
  guint8 *end = segment->block + (segment->data - segment->block) + segment->length;

  segment->length += length;
  segment->room -= length;
  memcpy (end, data, length);
}

/* Cuts [offset, offset + length), which is not all of it, out of the segment. */
static void
segment_cut (KaaWriteSegment *segment,
             gsize            offset,
             gsize            length)
{
  gsize behind = segment->length - offset - length;

  if (offset == 0)
    {
      segment->data += length;
    }
  else if (segment->bytes == NULL)
    {
      guint8 *target = segment->block + (segment->data - segment->block) + offset;

      memmove (target, target + length, behind);
      segment->room += length;
    }
  else if (behind > 0)
    {
      KaaWriteSegment *rest = segment_new_reference (segment->bytes, segment->data + offset + length, behind);

      rest->next = segment->next;
      segment->next = rest;
      length += behind;
    }

  segment->length -= length;
}

/* The queue */

static void
queue_push (KaaWriteQueue   *queue,
            KaaWriteSegment *segment)
{
  if (queue->last != NULL)
    queue->last->next = segment;
  else
    queue->first = segment;
  queue->last = segment;
}

static gsize
queue_get_next_capacity (const KaaWriteQueue *queue,
                         gsize                length)
{
  gsize size = FIRST_BLOCK;

  if (queue->last != NULL && queue->last->bytes == NULL)
    size = (sizeof (KaaWriteSegment) + segment_get_capacity (queue->last)) * BLOCK_FACTOR;

  return MAX (MIN (size, LAST_BLOCK) - sizeof (KaaWriteSegment), length);
}

void
kaa_write_queue_clear (KaaWriteQueue *queue)
{
  while (queue->first != NULL)
    {
      KaaWriteSegment *segment = queue->first;

      queue->first = segment->next;
      segment_free (segment);
    }

  queue->last = NULL;
  queue->end = queue->written;
}

/* In a segment of its own, or in what is left of the last one and another one. */
static G_GNUC_NO_INLINE void
queue_append_segment (KaaWriteQueue *queue,
                      const guint8  *data,
                      gsize          length,
                      GBytes        *owner)
{
  if (owner != NULL && length >= REFERENCE_MIN)
    {
      queue_push (queue, segment_new_reference (owner, data, length));
      return;
    }

  if (length > 0 && queue->last != NULL && queue->last->room > 0)
    {
      gsize part = MIN (length, queue->last->room);

      segment_fill (queue->last, data, part);
      data += part;
      length -= part;
    }
  if (length > 0)
    {
      queue_push (queue, segment_new_block (queue_get_next_capacity (queue, length)));
      segment_fill (queue->last, data, length);
    }
}

void
kaa_write_queue_append (KaaWriteQueue *queue,
                        const void    *data,
                        gsize          length,
                        GBytes        *owner)
{
  KaaWriteSegment *last = queue->last;

  queue->end += length;
  if (length > 0 && length < REFERENCE_MIN && last != NULL && length <= last->room)
    segment_fill (last, data, length);
  else
    queue_append_segment (queue, data, length, owner);
}

void
kaa_write_queue_append_fds (KaaWriteQueue *queue,
                            GBytes        *bytes,
                            KaaFds        *take)
{
  gsize length = g_bytes_get_size (bytes);

  g_assert (length > 0);

  queue_push (queue, segment_new_reference (bytes, g_bytes_get_data (bytes, NULL), length));
  queue->last->fds = take;
  queue->end += length;
}

void
kaa_write_queue_join (KaaWriteQueue *queue,
                      KaaWriteQueue *other)
{
  if (other->first == NULL)
    return;

  queue->end += kaa_write_queue_get_length (other);
  queue_push (queue, other->first);
  queue->last = other->last;
  other->first = other->last = NULL;
  other->written = other->end;
}

void
kaa_write_queue_skip (KaaWriteQueue *queue,
                      gsize          length)
{
  g_assert (length == 0 || queue->first == NULL);

  queue->end += length;
  queue->written += length;
}

int
kaa_write_queue_peek (const KaaWriteQueue *queue,
                      struct iovec        *vectors,
                      int                  max)
{
  const KaaWriteSegment *segment;
  int n = 0;

  for (segment = queue->first; segment != NULL && n < max; segment = segment->next)
    {
      /* Theirs alone is the message that descriptors go with. */
      if (n > 0 && (segment->fds != NULL || queue->first->fds != NULL))
        break;
      vectors[n].iov_base = (void *) segment->data;
      vectors[n].iov_len = segment->length;
      n++;
    }

  return n;
}

GBytes *
kaa_write_queue_copy (const KaaWriteQueue *queue,
                      guint64              start,
                      guint64              end)
{
  gsize offset = (gsize) (start - queue->written);
  gsize length = (gsize) (end - start);
  guint8 *data = g_malloc (length);
  gsize copied = 0;

  g_assert (queue->written <= start && start <= end && end <= queue->end);

  for (const KaaWriteSegment *segment = queue->first; copied < length; segment = segment->next)
    {
      gsize skipped = MIN (offset, segment->length);
      gsize part = MIN (segment->length - skipped, length - copied);

      memcpy (data + copied, segment->data + skipped, part);
      copied += part;
      offset -= skipped;
    }

  return g_bytes_new_take (data, length);
}

const KaaFds *
kaa_write_queue_peek_fds (const KaaWriteQueue *queue)
{
  return queue->first != NULL ? queue->first->fds : NULL;
}

void
kaa_write_queue_consume (KaaWriteQueue *queue,
                         gsize          length)
{
  g_assert (length <= kaa_write_queue_get_length (queue));

  queue->written += length;

  while (length > 0)
    {
      KaaWriteSegment *segment = queue->first;

      if (length < segment->length)
        {
          segment->data += length;
          segment->length -= length;
          g_clear_pointer (&segment->fds, kaa_fds_free);
          return;
        }

      length -= segment->length;
      queue->first = segment->next;
      if (queue->first == NULL)
        queue->last = NULL;
      segment_free (segment);
    }
}

void
kaa_write_queue_remove (KaaWriteQueue *queue,
                        guint64        start,
                        guint64        end)
{
  KaaWriteSegment **link = &queue->first;
  KaaWriteSegment *previous = NULL;
  gsize offset, length;

  g_assert (queue->written <= start && start <= end && end <= queue->end);

  offset = (gsize) (start - queue->written);
  length = (gsize) (end - start);
  queue->end -= length;

  while (length > 0)
    {
      KaaWriteSegment *segment = *link;
      gsize part;

      if (offset >= segment->length)
        {
          offset -= segment->length;
        }
      else
        {
          part = MIN (length, segment->length - offset);
          length -= part;

          if (part == segment->length)
            {
              *link = segment->next;
              if (queue->last == segment)
                queue->last = previous;
              segment_free (segment);
              continue;
            }

          segment_cut (segment, offset, part);
          if (queue->last == segment && segment->next != NULL)
            queue->last = segment->next;
          offset = 0;
        }

      previous = segment;
      link = &segment->next;
    }
}

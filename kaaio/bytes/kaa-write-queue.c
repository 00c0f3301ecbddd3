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
  gsize capacity;     /* of block; 0 where there is none */
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
  g_free (segment);
}

static KaaWriteSegment *
segment_new_block (gsize capacity)
{
  KaaWriteSegment *segment = g_malloc (sizeof (KaaWriteSegment) + capacity);

  segment->next = NULL;
  segment->bytes = NULL;
  segment->data = segment->block;
  segment->length = 0;
  segment->capacity = capacity;

  return segment;
}

static KaaWriteSegment *
segment_new_reference (GBytes *bytes,
                       gsize   offset,
                       gsize   length)
{
  KaaWriteSegment *segment = g_new (KaaWriteSegment, 1);

  segment->next = NULL;
  segment->bytes = g_bytes_ref (bytes);
  segment->data = (const guint8 *) g_bytes_get_data (bytes, NULL) + offset;
  segment->length = length;
  segment->capacity = 0;

  return segment;
}

static gsize
segment_get_room (const KaaWriteSegment *segment)
{
  if (segment->bytes != NULL)
    return 0;

  return segment->capacity - (gsize) (segment->data - segment->block) - segment->length;
}

static void
segment_fill (KaaWriteSegment *segment,
              const guint8    *data,
              gsize            length)
{
  gsize offset = (gsize) (segment->data - segment->block) + segment->length;

  memcpy (segment->block + offset, data, length);
  segment->length += length;
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
  else if (behind > 0 && segment->bytes != NULL)
    {
      gsize begin = (gsize) (segment->data - (const guint8 *) g_bytes_get_data (segment->bytes, NULL));
      KaaWriteSegment *rest;

      rest = segment_new_reference (segment->bytes, begin + offset + length, behind);
      rest->next = segment->next;
      segment->next = rest;
      length += behind;
    }
  else if (behind > 0)
    {
      guint8 *target = segment->block + (segment->data - segment->block) + offset;

      memmove (target, target + length, behind);
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
    size = (sizeof (KaaWriteSegment) + queue->last->capacity) * BLOCK_FACTOR;

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

void
kaa_write_queue_append (KaaWriteQueue *queue,
                        const void    *data,
                        gsize          length)
{
  const guint8 *rest = data;
  gsize part;

  queue->end += length;

  if (queue->last != NULL)
    {
      part = MIN (length, segment_get_room (queue->last));
      if (part > 0)
        segment_fill (queue->last, rest, part);
      rest += part;
      length -= part;
    }

  if (length > 0)
    {
      queue_push (queue, segment_new_block (queue_get_next_capacity (queue, length)));
      segment_fill (queue->last, rest, length);
    }
}

void
kaa_write_queue_append_bytes (KaaWriteQueue *queue,
                              GBytes        *bytes,
                              gsize          offset)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  g_assert (offset <= size);

  if (size - offset < REFERENCE_MIN)
    {
      if (size > offset)
        kaa_write_queue_append (queue, data + offset, size - offset);
      return;
    }

  queue_push (queue, segment_new_reference (bytes, offset, size - offset));
  queue->end += size - offset;
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
      vectors[n].iov_base = (void *) segment->data;
      vectors[n].iov_len = segment->length;
      n++;
    }

  return n;
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

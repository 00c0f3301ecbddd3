/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-byte-queue.h"

#include <string.h>

struct _KaaBlock
{
  gatomicrefcount ref_count; /* the queue (or the cache) and each slice */
  gsize capacity;
  guint8 data[];
};

/* A slice may pin this many times its own size. */
#define PIN_FACTOR 64

/* What trim() moves at most: less than a read costs, so it may happen after every one. */
#define TRIM_MAX 1024

/* Nothing that large can be had; below it no sum of a few sizes overflows. */
#define SIZE_LIMIT (G_MAXSIZE / 4)

/* Blocks */

static KaaBlock *
block_new (gsize capacity)
{
  KaaBlock *block;

  block = g_try_malloc (sizeof (KaaBlock) + capacity);
  if (block == NULL)
    return NULL;

  g_atomic_ref_count_init (&block->ref_count);
  block->capacity = capacity;

  return block;
}

static void
block_unref (gpointer data)
{
  KaaBlock *block = data;

  if (g_atomic_ref_count_dec (&block->ref_count))
    g_free (block);
}

/* TRUE if there are no slices. Nobody else can make one meanwhile: slices are made from
 * the queue only, and dropping the last one in another thread orders its reads before ours. */
static gboolean
block_is_sole (KaaBlock *block)
{
  return g_atomic_ref_count_compare (&block->ref_count, 1);
}

/* A block of at least the given capacity, without slices. */
static KaaBlock *
block_take (KaaBlockCache *cache,
            gsize          capacity)
{
  if (capacity > KAA_BLOCK_SIZE)
    return block_new (capacity);

  if (cache != NULL && cache->spare != NULL && block_is_sole (cache->spare))
    return g_steal_pointer (&cache->spare);

  return block_new (KAA_BLOCK_SIZE);
}

/* The spare's slices are looked at when it is taken, not here: most often the block of lines
 * that was made from it is dropped as soon as its handler has returned. */
static void
block_give_back (KaaBlockCache *cache,
                 KaaBlock      *block)
{
  if (cache != NULL && block->capacity == KAA_BLOCK_SIZE &&
      (cache->spare == NULL || (block_is_sole (block) && !block_is_sole (cache->spare))))
    {
      KaaBlock *old = cache->spare;

      cache->spare = block;
      block = old;
    }

  if (block != NULL)
    block_unref (block);
}

void
kaa_block_cache_clear (KaaBlockCache *cache)
{
  g_clear_pointer (&cache->spare, block_unref);
}

/* Moving the bytes */

static void
queue_release_block (KaaByteQueue  *queue,
                     KaaBlockCache *cache)
{
  block_give_back (cache, g_steal_pointer (&queue->block));
  queue->head = queue->tail = 0;
}

static void
queue_compact (KaaByteQueue *queue)
{
  gsize used = kaa_byte_queue_get_length (queue);

  memmove (queue->block->data, queue->block->data + queue->head, used);
  queue->head = 0;
  queue->tail = used;
}

/* The bytes move into block, which becomes the queue's; the old one goes back. */
static void
queue_move_to (KaaByteQueue  *queue,
               KaaBlockCache *cache,
               KaaBlock      *block)
{
  gsize used = kaa_byte_queue_get_length (queue);

  if (queue->block != NULL)
    {
      memcpy (block->data, queue->block->data + queue->head, used);
      block_give_back (cache, queue->block);
    }

  queue->block = block;
  queue->head = 0;
  queue->tail = used;
}

static gboolean
queue_resize (KaaByteQueue  *queue,
              KaaBlockCache *cache,
              gsize          capacity)
{
  KaaBlock *block;

  /* realloc moves a large block by its pages; a block that trim() made is small enough to
   * be copied into the warm spare. */
  if (queue->block != NULL && queue->block->capacity >= KAA_BLOCK_SIZE &&
      capacity > queue->block->capacity && block_is_sole (queue->block))
    {
      block = g_try_realloc (queue->block, sizeof (KaaBlock) + capacity);
      if (block == NULL)
        return FALSE;

      block->capacity = capacity;
      queue->block = block;
      queue_compact (queue);
      return TRUE;
    }

  block = block_take (cache, capacity);
  if (block == NULL)
    return FALSE;

  queue_move_to (queue, cache, block);
  return TRUE;
}

/* Where memory is short, the least that will do. */
static gboolean
queue_make_least_room (KaaByteQueue  *queue,
                       KaaBlockCache *cache,
                       gsize          min)
{
  gsize used = kaa_byte_queue_get_length (queue);

  if (queue->block != NULL && queue->block->capacity - used >= min &&
      block_is_sole (queue->block))
    {
      queue_compact (queue);
      return TRUE;
    }

  return queue_resize (queue, cache, used + min);
}

static gboolean
queue_make_room (KaaByteQueue  *queue,
                 KaaBlockCache *cache,
                 gsize          min,
                 gsize          want)
{
  gsize used = kaa_byte_queue_get_length (queue);
  gsize slack = used / 16;
  gsize most, capacity, old;
  gboolean compact;

  if (min > SIZE_LIMIT - MIN (used, SIZE_LIMIT))
    return FALSE;

  /* A move gains at least the slack beyond min, so that moves stay rare against the bytes
   * that come in between, however small min and want are. */
  want = CLAMP (want, min + slack, SIZE_LIMIT);
  most = MAX (used + want, KAA_BLOCK_SIZE);
  capacity = most;

  if (queue->block != NULL)
    {
      old = queue->block->capacity;
      compact = old - used >= min + slack && (used <= old / 2 || old >= most);
      if (compact && block_is_sole (queue->block))
        {
          queue_compact (queue);
          return TRUE;
        }

      capacity = MAX (compact ? old : 2 * old, KAA_BLOCK_SIZE);
      capacity = CLAMP (capacity, used + min, most);
    }

  return queue_resize (queue, cache, capacity) || queue_make_least_room (queue, cache, min);
}

/* The queue */

void
kaa_byte_queue_clear (KaaByteQueue  *queue,
                      KaaBlockCache *cache)
{
  if (queue->block != NULL)
    queue_release_block (queue, cache);
}

const guint8 *
kaa_byte_queue_peek (const KaaByteQueue *queue)
{
  return queue->block != NULL ? queue->block->data + queue->head : NULL;
}

guint8 *
kaa_byte_queue_reserve (KaaByteQueue  *queue,
                        KaaBlockCache *cache,
                        gsize          min,
                        gsize          want,
                        gsize         *room)
{
  g_assert (min > 0);

  if ((queue->block == NULL || queue->block->capacity - queue->tail < min) &&
      !queue_make_room (queue, cache, min, want))
    return NULL;

  *room = queue->block->capacity - queue->tail;
  return queue->block->data + queue->tail;
}

void
kaa_byte_queue_commit (KaaByteQueue *queue,
                       gsize         length)
{
  g_assert (length <= (queue->block != NULL ? queue->block->capacity - queue->tail : 0));

  queue->tail += length;
}

gboolean
kaa_byte_queue_append (KaaByteQueue  *queue,
                       KaaBlockCache *cache,
                       const void    *data,
                       gsize          length)
{
  guint8 *target;
  gsize room;

  if (length == 0)
    return TRUE;

  target = kaa_byte_queue_reserve (queue, cache, length, length, &room);
  if (target == NULL)
    return FALSE;

  memcpy (target, data, length);
  kaa_byte_queue_commit (queue, length);

  return TRUE;
}

void
kaa_byte_queue_consume (KaaByteQueue  *queue,
                        KaaBlockCache *cache,
                        gsize          length)
{
  g_assert (length <= kaa_byte_queue_get_length (queue));

  queue->head += length;
  if (queue->head == queue->tail && queue->block != NULL)
    queue_release_block (queue, cache);
}

gboolean
kaa_byte_queue_unread (KaaByteQueue  *queue,
                       KaaBlockCache *cache,
                       const void    *data,
                       gsize          length)
{
  gsize used = kaa_byte_queue_get_length (queue);
  KaaBlock *block;

  if (length == 0)
    return TRUE;

  /* Slices may show the bytes before the head, so they can be used again but not written. */
  if (queue->block != NULL && queue->head >= length &&
      memcmp (queue->block->data + queue->head - length, data, length) == 0)
    {
      queue->head -= length;
      return TRUE;
    }

  if (length > SIZE_LIMIT - MIN (used, SIZE_LIMIT))
    return FALSE;
  block = block_take (cache, used + length);
  if (block == NULL)
    return FALSE;

  memcpy (block->data, data, length);
  if (queue->block != NULL)
    {
      memcpy (block->data + length, kaa_byte_queue_peek (queue), used);
      block_give_back (cache, queue->block);
    }
  queue->block = block;
  queue->head = 0;
  queue->tail = length + used;
  return TRUE;
}

void
kaa_byte_queue_trim (KaaByteQueue  *queue,
                     KaaBlockCache *cache)
{
  gsize used = kaa_byte_queue_get_length (queue);
  KaaBlock *block;

  if (queue->block == NULL || used > TRIM_MAX || queue->block->capacity < KAA_BLOCK_SIZE)
    return;

  /* After a reserve() without a commit there may be a block and nothing in it. */
  if (used == 0)
    {
      queue_release_block (queue, cache);
      return;
    }

  block = block_new (used);
  if (block != NULL)
    queue_move_to (queue, cache, block);
}

GBytes *
kaa_byte_queue_get_bytes (const KaaByteQueue *queue,
                          gsize               offset,
                          gsize               length)
{
  KaaBlock *block = queue->block;
  const guint8 *data;

  g_assert (offset <= kaa_byte_queue_get_length (queue));
  g_assert (length <= kaa_byte_queue_get_length (queue) - offset);

  if (length == 0)
    return g_bytes_new_static (NULL, 0);

  data = block->data + queue->head + offset;
  if (length < (block->capacity + PIN_FACTOR - 1) / PIN_FACTOR)
    return g_bytes_new (data, length);

  g_atomic_ref_count_inc (&block->ref_count);
  return g_bytes_new_with_free_func (data, length, block_unref, block);
}

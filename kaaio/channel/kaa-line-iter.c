/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KaaLineIter lives on the stack and is never cleared, so it can own nothing. Its snapshot of the delimiters
 * is therefore a copy where they are few and short, as they nearly always are. A larger set is kept for good: one
 * reference for each set that was ever iterated with, reachable from a list.
 */

#include <kaaio/kaa-line-iter.h>

#include "channel/kaa-io-channel-private.h"

#include <string.h>

#define MAX_INLINE 112

typedef struct
{
  const char *position;
  const char *end;
  const KaaDelimiters *delimiters; /* NULL: the copy */
  gsize n_delimiters;
  gsize unused;
  /* each one: its length, its bytes */
  guint8 copy[128];
} RealIter;

G_STATIC_ASSERT (sizeof (RealIter) <= sizeof (KaaLineIter));

static gboolean
copy_delimiters (RealIter       *iter,
                 GBytes * const *delimiters,
                 gsize           n)
{
  guint8 *to = iter->copy;

  for (gsize i = 0; i < n; i++)
    {
      gsize length;
      const void *data = g_bytes_get_data (delimiters[i], &length);

      if (length > MAX_INLINE || to + 1 + length > iter->copy + sizeof iter->copy)
        return FALSE;
      *to++ = length;
      memcpy (to, data, length);
      to += length;
    }

  iter->n_delimiters = n;
  return TRUE;
}

static void
keep_for_good (KaaDelimiters *delimiters)
{
  static GMutex lock;
  static GHashTable *kept;

  g_mutex_lock (&lock);
  if (kept == NULL)
    kept = g_hash_table_new (NULL, NULL);
  if (!g_hash_table_contains (kept, delimiters))
    g_hash_table_add (kept, kaa_delimiters_ref (delimiters));
  g_mutex_unlock (&lock);
}

/**
 * kaa_line_iter_init: (skip)
 * @iter: an iterator, uninitialized
 * @channel: the channel that @block is from
 * @block: what [signal@Kaa.IOChannel::readlines] or [method@Kaa.IOChannel.readlines] gave; it must outlive @iter
 *
 * Begins to walk the lines of a block. The delimiters are those that the channel has now.
 *
 * Since: 1.0
 */
void
kaa_line_iter_init (KaaLineIter  *iter,
                    KaaIOChannel *channel,
                    GBytes       *block)
{
  RealIter *self = (RealIter *) iter;
  KaaDelimiters *delimiters;
  GBytes * const *list;
  gsize size, n;

  g_return_if_fail (iter != NULL);
  g_return_if_fail (KAA_IS_IO_CHANNEL (channel));
  g_return_if_fail (block != NULL);

  delimiters = kaa_channel_get_private (channel)->options->delimiters;
  list = kaa_delimiters_get (delimiters, &n);
  self->position = g_bytes_get_data (block, &size);
  self->end = self->position + size;
  self->delimiters = NULL;
  if (!copy_delimiters (self, list, n))
    {
      keep_for_good (delimiters);
      self->delimiters = delimiters;
    }
}

/* The length of the delimiter at position, the longest one; 0 if there is none. */
static gsize
match_at (const RealIter *self,
          const char     *position)
{
  const guint8 *delimiter = self->copy;
  gsize room = self->end - position;
  gsize best = 0;

  for (gsize i = 0; i < self->n_delimiters; i++)
    {
      gsize length = *delimiter++;

      if (length > best && length <= room && memcmp (position, delimiter, length) == 0)
        best = length;
      delimiter += length;
    }

  return best;
}

static const char *
find_end (const RealIter *self)
{
  KaaScan scan = { 0, };
  gsize start, end;

  if (self->delimiters != NULL)
    {
      if (kaa_delimiters_scan (self->delimiters, &scan, (const guint8 *) self->position, self->end - self->position,
                               G_MAXSIZE, /* at_end= */ TRUE, &start, &end) == KAA_SCAN_FOUND)
        return self->position + end;
      return self->end;
    }

  for (const char *position = self->position; position < self->end; position++)
    {
      gsize length;

      if (self->n_delimiters == 1)
        {
          position = memchr (position, self->copy[1], self->end - position);
          if (position == NULL)
            break;
          if (self->copy[0] == 1)
            return position + 1;
        }

      length = match_at (self, position);
      if (length > 0)
        return position + length;
    }

  return self->end;
}

/**
 * kaa_line_iter_next: (skip)
 * @iter: an iterator
 * @line: (out): the line, in the block; it is not terminated
 * @length: (out): its length, with its delimiter
 *
 * Goes on to the next line.
 *
 * Returns: %FALSE when there are no more
 *
 * Since: 1.0
 */
gboolean
kaa_line_iter_next (KaaLineIter  *iter,
                    const char  **line,
                    gsize        *length)
{
  RealIter *self = (RealIter *) iter;
  const char *end;

  if (self->position == self->end)
    return FALSE;

  end = find_end (self);
  *line = self->position;
  *length = end - self->position;
  self->position = end;
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-delimiters.h"

#include "bytes/kaa-automaton.h"

#include <stdlib.h>
#include <string.h>

struct _KaaDelimiters
{
  gatomicrefcount ref_count;
  GBytes **list;
  gsize n;
  gsize longest;
  gint first_byte;         /* what they all begin with, -1 where they differ */
  KaaAutomaton *automaton; /* NULL for a single delimiter of one byte */
};

/* "\n" lives as long as the process, so it has no count. */
static KaaDelimiters default_delimiters;

/* The set */

static int
compare_words (gconstpointer a,
               gconstpointer b)
{
  const KaaWord *x = a, *y = b;
  int order = memcmp (x->data, y->data, MIN (x->length, y->length));

  if (order != 0)
    return order;
  if (x->length != y->length)
    return x->length < y->length ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

static gboolean
words_are_equal (const KaaWord *a,
                 const KaaWord *b)
{
  return a->length == b->length && memcmp (a->data, b->data, a->length) == 0;
}

/* The delimiters, sorted, and of equal ones only the first. */
static KaaWord *
sort_words (GBytes * const *delimiters,
            gsize           n,
            gsize          *n_words)
{
  KaaWord *words = g_new (KaaWord, n);
  gsize kept = 1;
  gsize i;

  for (i = 0; i < n; i++)
    {
      words[i].data = g_bytes_get_data (delimiters[i], &words[i].length);
      words[i].index = i;
      g_assert (words[i].length > 0);
    }

  qsort (words, n, sizeof (KaaWord), compare_words);

  for (i = 1; i < n; i++)
    {
      if (!words_are_equal (&words[i], &words[kept - 1]))
        words[kept++] = words[i];
    }

  *n_words = kept;
  return words;
}

/* In the order given, which the words remember. */
static void
fill_list (KaaDelimiters   *self,
           GBytes * const  *delimiters,
           gsize            n,
           const KaaWord   *words,
           gsize            n_words)
{
  gsize i;

  self->list = g_new0 (GBytes *, n);
  for (i = 0; i < n_words; i++)
    self->list[words[i].index] = g_bytes_ref (delimiters[words[i].index]);

  for (i = 0; i < n; i++)
    {
      if (self->list[i] != NULL)
        self->list[self->n++] = self->list[i];
    }
}

KaaDelimiters *
kaa_delimiters_new (GBytes * const *delimiters,
                    gsize           n)
{
  KaaDelimiters *self;
  KaaWord *words;
  gsize n_words, i;

  g_assert (n > 0);

  words = sort_words (delimiters, n, &n_words);
  if (n_words == 1 && words[0].length == 1 && words[0].data[0] == '\n')
    {
      g_free (words);
      return kaa_delimiters_new_default ();
    }

  self = g_new0 (KaaDelimiters, 1);
  g_atomic_ref_count_init (&self->ref_count);
  fill_list (self, delimiters, n, words, n_words);

  self->first_byte = words[0].data[0];
  for (i = 0; i < n_words; i++)
    {
      self->longest = MAX (self->longest, words[i].length);
      if (words[i].data[0] != words[0].data[0])
        self->first_byte = -1;
    }

  if (n_words > 1 || self->longest > 1)
    self->automaton = kaa_automaton_new (words, n_words);

  g_free (words);
  return self;
}

KaaDelimiters *
kaa_delimiters_new_default (void)
{
  static GBytes *newline;

  if (g_once_init_enter (&newline))
    {
      default_delimiters.list = &newline;
      default_delimiters.n = 1;
      default_delimiters.longest = 1;
      default_delimiters.first_byte = '\n';
      g_once_init_leave (&newline, g_bytes_new_static ("\n", 1));
    }

  return &default_delimiters;
}

KaaDelimiters *
kaa_delimiters_ref (KaaDelimiters *self)
{
  if (self != &default_delimiters)
    g_atomic_ref_count_inc (&self->ref_count);

  return self;
}

void
kaa_delimiters_unref (KaaDelimiters *self)
{
  gsize i;

  if (self == &default_delimiters || !g_atomic_ref_count_dec (&self->ref_count))
    return;

  for (i = 0; i < self->n; i++)
    g_bytes_unref (self->list[i]);
  g_free (self->list);
  g_clear_pointer (&self->automaton, kaa_automaton_free);
  g_free (self);
}

GBytes * const *
kaa_delimiters_get (const KaaDelimiters *self,
                    gsize               *n)
{
  *n = self->n;
  return self->list;
}

gsize
kaa_delimiters_get_longest (const KaaDelimiters *self)
{
  return self->longest;
}

/* The search for one byte */

static KaaScanResult
scan_byte (const KaaDelimiters *self,
           KaaScan             *scan,
           const guint8        *data,
           gsize                length,
           gsize                limit,
           gsize               *start,
           gsize               *end)
{
  gsize window = limit < length ? limit + 1 : length;
  const guint8 *match;

  if (scan->position < window)
    {
      match = memchr (data + scan->position, self->first_byte, window - scan->position);
      if (match != NULL)
        {
          *start = (gsize) (match - data);
          *end = *start + 1;
          scan->position = 0;
          return KAA_SCAN_FOUND;
        }
      scan->position = window;
    }

  return length > limit ? KAA_SCAN_TOO_LONG : KAA_SCAN_MORE;
}

static gsize
scan_block_byte (const KaaDelimiters *self,
                 KaaScan             *scan,
                 const guint8        *data,
                 gsize                length,
                 gsize                limit)
{
  gsize window = MIN (length, limit);
  const guint8 *match;

  if (scan->position >= window)
    return 0;

  match = memrchr (data + scan->position, self->first_byte, window - scan->position);
  scan->position = match != NULL ? 0 : window;

  return match != NULL ? (gsize) (match - data) + 1 : 0;
}

/* The search for a set */

/* The first place in [position, end) where a delimiter may begin, or end. */
static gsize
skip_to_first_byte (const KaaDelimiters *self,
                    const guint8        *data,
                    gsize                position,
                    gsize                end)
{
  const guint32 *begins = self->automaton->begins;

  if (self->first_byte >= 0)
    {
      const guint8 *found = memchr (data + position, self->first_byte, end - position);

      return found != NULL ? (gsize) (found - data) : end;
    }

  while (position < end && begins[data[position]] == 0)
    position++;

  return position;
}

/* Where the earliest delimiter begins that is still possible, found or not. */
static gsize
scan_get_earliest (const KaaScan      *scan,
                   const KaaAutomaton *automaton)
{
  gsize pending = scan->position - automaton->nodes[scan->node].depth;

  return scan->match_end != 0 ? MIN (pending, scan->match_start) : pending;
}

/* TRUE if the match can neither be preceded nor grow. A leaf cannot grow; and it is a
 * delimiter, so it is itself the match or begins behind it. */
static gboolean
scan_is_settled (const KaaScan      *scan,
                 const KaaAutomaton *automaton)
{
  return scan->match_end != 0 &&
         (scan->position - automaton->nodes[scan->node].depth > scan->match_start ||
          kaa_automaton_is_leaf (automaton, scan->node));
}

static void
scan_feed (KaaScan            *scan,
           const KaaAutomaton *automaton,
           guint8              byte)
{
  gsize output;

  scan->node = kaa_automaton_step (automaton, scan->node, byte);
  scan->position++;

  /* The longest delimiter that ends here is also the one that begins first. One that
   * begins with the match so far is longer than it, because it ends behind it. */
  output = automaton->nodes[scan->node].output;
  if (output != 0 && (scan->match_end == 0 || scan->position - output <= scan->match_start))
    {
      scan->match_start = scan->position - output;
      scan->match_end = scan->position;
    }
}

static KaaScanResult
scan_set (const KaaDelimiters *self,
          KaaScan             *scan,
          const guint8        *data,
          gsize                length,
          gsize                limit,
          gboolean             at_end,
          gsize               *start,
          gsize               *end)
{
  gsize window = limit < length ? limit + 1 : length;

  g_assert (scan->position <= length);

  while (!scan_is_settled (scan, self->automaton))
    {
      if (scan_get_earliest (scan, self->automaton) > limit)
        return KAA_SCAN_TOO_LONG;

      if (scan->position == length)
        {
          if (!at_end)
            return KAA_SCAN_MORE;
          if (scan->match_end != 0)
            break;
          return length > limit ? KAA_SCAN_TOO_LONG : KAA_SCAN_MORE;
        }

      if (scan->node == 0)
        scan->position = skip_to_first_byte (self, data, scan->position, window);
      if (scan->position < window || scan->node != 0)
        scan_feed (scan, self->automaton, data[scan->position]);
    }

  if (scan->match_start > limit)
    return KAA_SCAN_TOO_LONG;

  *start = scan->match_start;
  *end = scan->match_end;
  memset (scan, 0, sizeof (KaaScan));

  return KAA_SCAN_FOUND;
}

static gsize
scan_block_set (const KaaDelimiters *self,
                KaaScan             *scan,
                const guint8        *data,
                gsize                length,
                gsize                limit,
                gboolean             at_end)
{
  KaaScan line = *scan;
  gsize total = 0;
  gsize start, end;

  /* A line that has a delimiter at all is at least one byte long. */
  while (total < limit)
    {
      KaaScan before = line;

      if (scan_set (self, &line, data + total, length - total, limit - total - 1, at_end,
                    &start, &end) != KAA_SCAN_FOUND)
        break;

      if (end > limit - total)
        {
          line = before;
          break;
        }
      total += end;
    }

  if (total > 0)
    memset (scan, 0, sizeof (KaaScan));
  else
    *scan = line;

  return total;
}

/* Both */

KaaScanResult
kaa_delimiters_scan (const KaaDelimiters *self,
                     KaaScan             *scan,
                     const guint8        *data,
                     gsize                length,
                     gsize                limit,
                     gboolean             at_end,
                     gsize               *start,
                     gsize               *end)
{
  if (self->automaton == NULL)
    return scan_byte (self, scan, data, length, limit, start, end);

  return scan_set (self, scan, data, length, limit, at_end, start, end);
}

gsize
kaa_delimiters_scan_block (const KaaDelimiters *self,
                           KaaScan             *scan,
                           const guint8        *data,
                           gsize                length,
                           gsize                limit,
                           gboolean             at_end)
{
  if (self->automaton == NULL)
    return scan_block_byte (self, scan, data, length, limit);

  return scan_block_set (self, scan, data, length, limit, at_end);
}

void
kaa_scan_consume (KaaScan             *scan,
                  const KaaDelimiters *delimiters,
                  gsize                n)
{
  const KaaAutomaton *automaton = delimiters->automaton;

  /* What stands behind a match was passed over, and would be missing. */
  if (n > scan->position || (scan->match_end != 0 && scan->match_start < n))
    {
      memset (scan, 0, sizeof (KaaScan));
      return;
    }

  scan->position -= n;
  if (scan->match_end != 0)
    {
      scan->match_start -= n;
      scan->match_end -= n;
    }

  /* The longest prefix that lies behind the cut. */
  while (scan->node != 0 && automaton->nodes[scan->node].depth > scan->position)
    scan->node = automaton->nodes[scan->node].fail;
}

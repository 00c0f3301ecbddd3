/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-byte-queue.h"

#include <stdlib.h>
#include <string.h>

/* The queue's allocations come here first: counted, measured, and refused on demand. */
static guint n_allocations;
static gsize largest_allocation;
static gsize refuse_above = G_MAXSIZE;

static gboolean
note_allocation (gsize size)
{
  n_allocations++;
  if (size > refuse_above)
    return FALSE;

  largest_allocation = MAX (largest_allocation, size);
  return TRUE;
}

gpointer
g_try_malloc (gsize n_bytes)
{
  return note_allocation (n_bytes) ? malloc (n_bytes) : NULL;
}

gpointer
g_try_realloc (gpointer memory,
               gsize    n_bytes)
{
  return note_allocation (n_bytes) ? realloc (memory, n_bytes) : NULL;
}

/* What a block may cost beside its bytes. */
#define BLOCK_OVERHEAD 64

static void
start_count (void)
{
  n_allocations = 0;
  largest_allocation = 0;
}

static void
append (KaaByteQueue  *queue,
        KaaBlockCache *cache,
        const char    *text)
{
  g_assert_true (kaa_byte_queue_append (queue, cache, text, strlen (text)));
}

static void
append_fill (KaaByteQueue  *queue,
             KaaBlockCache *cache,
             gsize          length)
{
  guint8 *data = g_malloc (length);
  gsize i;

  for (i = 0; i < length; i++)
    data[i] = (guint8) (i * 7 + i / 256);
  g_assert_true (kaa_byte_queue_append (queue, cache, data, length));
  g_free (data);
}

static void
assert_content (const KaaByteQueue *queue,
                const char         *expected)
{
  g_assert_cmpmem (kaa_byte_queue_peek (queue), kaa_byte_queue_get_length (queue),
                   expected, strlen (expected));
}

/* Is bytes a piece of the queue's own memory? */
static gboolean
is_slice (const KaaByteQueue *queue,
          GBytes             *bytes)
{
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  const guint8 *first = kaa_byte_queue_peek (queue);

  return data >= first && data < first + kaa_byte_queue_get_length (queue);
}

static void
test_basic (void)
{
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  guint8 *target;
  gsize room = 0;

  g_assert_cmpuint (kaa_byte_queue_get_length (&queue), ==, 0);
  g_assert_null (kaa_byte_queue_peek (&queue));
  g_assert_true (kaa_byte_queue_append (&queue, &cache, NULL, 0));
  g_assert_null (queue.block);

  append (&queue, &cache, "hello ");
  target = kaa_byte_queue_reserve (&queue, &cache, 1, 100, &room);
  g_assert_cmpuint (room, >=, 100);
  memcpy (target, "world", 5);
  kaa_byte_queue_commit (&queue, 5);
  assert_content (&queue, "hello world");

  kaa_byte_queue_consume (&queue, &cache, 0);
  kaa_byte_queue_consume (&queue, &cache, 6);
  assert_content (&queue, "world");
  kaa_byte_queue_consume (&queue, &cache, 5);
  g_assert_null (queue.block);
  g_assert_null (kaa_byte_queue_peek (&queue));
  kaa_byte_queue_consume (&queue, &cache, 0);

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
  kaa_block_cache_clear (&cache);
}

static void
test_without_cache (void)
{
  KaaByteQueue queue = { 0 };

  append (&queue, NULL, "abc");
  kaa_byte_queue_consume (&queue, NULL, 3);
  append (&queue, NULL, "def");
  assert_content (&queue, "def");
  kaa_byte_queue_clear (&queue, NULL);
  g_assert_null (queue.block);
}

static void
test_cache (void)
{
  KaaByteQueue a = { 0 }, b = { 0 };
  KaaBlockCache cache = { 0 };
  int i;

  start_count ();
  for (i = 0; i < 100; i++)
    {
      append (&a, &cache, "from one channel");
      kaa_byte_queue_clear (&a, &cache);
      append (&b, &cache, "to the next");
      kaa_byte_queue_consume (&b, &cache, strlen ("to the next"));
    }
  g_assert_cmpuint (n_allocations, ==, 1);

  /* There is one spare, no more. */
  append (&a, &cache, "x");
  append (&b, &cache, "y");
  g_assert_cmpuint (n_allocations, ==, 2);
  kaa_byte_queue_clear (&a, &cache);
  kaa_byte_queue_clear (&b, &cache);
  append (&a, &cache, "x");
  append (&b, &cache, "y");
  g_assert_cmpuint (n_allocations, ==, 3);

  /* And no other size. */
  append_fill (&a, &cache, 2 * KAA_BLOCK_SIZE);
  kaa_block_cache_clear (&cache);
  kaa_byte_queue_clear (&a, &cache);
  g_assert_null (cache.spare);

  kaa_byte_queue_clear (&b, &cache);
  kaa_block_cache_clear (&cache);
}

static void
test_cache_and_slices (void)
{
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  const guint8 *first;
  GBytes *slice, *copy;

  append_fill (&queue, &cache, 5000);
  first = kaa_byte_queue_peek (&queue);
  slice = kaa_byte_queue_get_bytes (&queue, 0, 5000);
  copy = g_bytes_new (g_bytes_get_data (slice, NULL), 5000);
  kaa_byte_queue_consume (&queue, &cache, 5000);

  /* While there is a slice nobody writes to its block... */
  append_fill (&queue, &cache, 6000);
  g_assert_true (kaa_byte_queue_peek (&queue) != first);
  g_assert_true (g_bytes_equal (slice, copy));
  kaa_byte_queue_clear (&queue, &cache);
  append (&queue, &cache, "abc");
  g_assert_true (kaa_byte_queue_peek (&queue) != first);
  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
  g_assert_true (g_bytes_equal (slice, copy));
  g_bytes_unref (slice);

  /* ...and once it is gone, however late, the block is as good as any. */
  append_fill (&queue, &cache, 5000);
  first = kaa_byte_queue_peek (&queue);
  slice = kaa_byte_queue_get_bytes (&queue, 0, 5000);
  kaa_byte_queue_consume (&queue, &cache, 5000);
  g_assert_true (g_bytes_equal (slice, copy));
  g_bytes_unref (slice);
  start_count ();
  append (&queue, &cache, "abc");
  g_assert_cmpuint (n_allocations, ==, 0);
  g_assert_true (kaa_byte_queue_peek (&queue) == first);

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
  g_bytes_unref (copy);
}

static void
test_slice_or_copy (void)
{
  KaaByteQueue queue = { 0 };
  gsize least = KAA_BLOCK_SIZE / 64;
  GBytes *bytes;

  append_fill (&queue, NULL, 3000);

  bytes = kaa_byte_queue_get_bytes (&queue, 100, least);
  g_assert_true (is_slice (&queue, bytes));
  g_assert_true (g_bytes_get_data (bytes, NULL) == kaa_byte_queue_peek (&queue) + 100);
  g_bytes_unref (bytes);

  bytes = kaa_byte_queue_get_bytes (&queue, 100, least - 1);
  g_assert_false (is_slice (&queue, bytes));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                   kaa_byte_queue_peek (&queue) + 100, least - 1);
  g_bytes_unref (bytes);

  bytes = kaa_byte_queue_get_bytes (&queue, 3000, 0);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
  g_bytes_unref (bytes);

  /* The larger the block, the longer what may pin it. */
  append_fill (&queue, NULL, 64 * 3000);
  bytes = kaa_byte_queue_get_bytes (&queue, 0, 2999);
  g_assert_false (is_slice (&queue, bytes));
  g_bytes_unref (bytes);

  kaa_byte_queue_clear (&queue, NULL);
}

static void
test_compaction (void)
{
  KaaByteQueue queue = { 0 };
  const guint8 *first;
  guint8 *target;
  GBytes *slice, *copy;
  gsize room;

  /* At most half is used: it moves to the front. */
  append_fill (&queue, NULL, KAA_BLOCK_SIZE);
  first = kaa_byte_queue_peek (&queue);
  kaa_byte_queue_consume (&queue, NULL, KAA_BLOCK_SIZE - 2000);
  copy = g_bytes_new (kaa_byte_queue_peek (&queue), 2000);
  start_count ();
  target = kaa_byte_queue_reserve (&queue, NULL, 1, 1000, &room);
  g_assert_cmpuint (n_allocations, ==, 0);
  g_assert_true (target == first + 2000);
  g_assert_cmpuint (room, ==, KAA_BLOCK_SIZE - 2000);
  g_assert_cmpmem (kaa_byte_queue_peek (&queue), 2000, g_bytes_get_data (copy, NULL), 2000);

  /* Not where slices look at it. */
  append_fill (&queue, NULL, KAA_BLOCK_SIZE - 2000);
  kaa_byte_queue_consume (&queue, NULL, KAA_BLOCK_SIZE - 2000);
  g_bytes_unref (copy);
  copy = g_bytes_new (kaa_byte_queue_peek (&queue), 2000);
  slice = kaa_byte_queue_get_bytes (&queue, 0, 2000);
  g_assert_true (is_slice (&queue, slice));
  target = kaa_byte_queue_reserve (&queue, NULL, 1, 1000, &room);
  g_assert_false (is_slice (&queue, slice));
  g_assert_cmpuint (room, ==, KAA_BLOCK_SIZE - 2000);
  memset (target, 0, room);
  g_assert_true (g_bytes_equal (slice, copy));
  g_assert_cmpmem (kaa_byte_queue_peek (&queue), 2000, g_bytes_get_data (copy, NULL), 2000);

  kaa_byte_queue_clear (&queue, NULL);
  g_assert_true (g_bytes_equal (slice, copy));
  g_bytes_unref (slice);
  g_bytes_unref (copy);
}

/* One line of the full queue size and a chunk behind it: no allocation is larger. */
static void
test_bounded (void)
{
  const gsize queue_size = 1000 * 1000, chunk = 3000;
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  int round;

  start_count ();
  for (round = 0; round < 5; round++)
    {
      while (kaa_byte_queue_get_length (&queue) <= queue_size)
        {
          gsize used = kaa_byte_queue_get_length (&queue);
          gsize room;

          g_assert_nonnull (kaa_byte_queue_reserve (&queue, &cache, 1,
                                                    used == 0 ? chunk : queue_size + chunk - used,
                                                    &room));
          kaa_byte_queue_commit (&queue, MIN (room, chunk));
        }
      kaa_byte_queue_consume (&queue, &cache, queue_size);
    }
  g_assert_cmpuint (largest_allocation, >=, queue_size);
  g_assert_cmpuint (largest_allocation, <=, queue_size + chunk + BLOCK_OVERHEAD);
  /* It doubled on its way. */
  g_assert_cmpuint (n_allocations, <, 5 * 10);

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
}

/* Takes `step` bytes and puts as many, by small reads, and counts how many bytes that moves. */
static gsize
count_moved (KaaByteQueue *queue,
             gsize         read_size,
             gsize         consume_size,
             gsize         total)
{
  gsize moved = 0, done;

  for (done = 0; done < total; done += read_size)
    {
      const guint8 *before = kaa_byte_queue_peek (queue);
      gsize room;

      g_assert_nonnull (kaa_byte_queue_reserve (queue, NULL, read_size, read_size, &room));
      if (kaa_byte_queue_peek (queue) != before)
        moved += kaa_byte_queue_get_length (queue);
      kaa_byte_queue_commit (queue, read_size);
      kaa_byte_queue_consume (queue, NULL, consume_size);
    }

  return moved;
}

/* Every byte is moved a bounded number of times, however small and careless the calls. */
static void
test_linear (void)
{
  static const gsize sizes[] = { 1, 10, 4000 };
  const gsize total = 4 * 1024 * 1024;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      KaaByteQueue queue = { 0 };
      gsize moved;

      moved = count_moved (&queue, sizes[i], 0, total);
      g_assert_cmpuint (moved, <, 20 * total);
      moved = count_moved (&queue, sizes[i], sizes[i], total);
      g_assert_cmpuint (moved, <, 20 * total);
      kaa_byte_queue_clear (&queue, NULL);
    }
}

static void
test_no_memory (void)
{
  KaaByteQueue queue = { 0 }, before;
  KaaBlockCache cache = { 0 };
  GBytes *slice;
  gsize room;

  refuse_above = 0;
  g_assert_null (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  g_assert_false (kaa_byte_queue_append (&queue, &cache, "abc", 3));
  g_assert_null (queue.block);
  refuse_above = G_MAXSIZE;

  /* No room behind, neither in place nor elsewhere. */
  append_fill (&queue, &cache, KAA_BLOCK_SIZE);
  before = queue;
  refuse_above = 0;
  g_assert_null (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  g_assert_cmpmem (&queue, sizeof queue, &before, sizeof before);
  g_assert_false (kaa_byte_queue_append (&queue, &cache, "abc", 3));
  g_assert_cmpmem (&queue, sizeof queue, &before, sizeof before);

  /* A block that has slices cannot be compacted without a second one. */
  kaa_byte_queue_consume (&queue, &cache, KAA_BLOCK_SIZE - 10000);
  slice = kaa_byte_queue_get_bytes (&queue, 0, 10000);
  before = queue;
  g_assert_null (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  g_assert_cmpmem (&queue, sizeof queue, &before, sizeof before);
  g_bytes_unref (slice);
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  refuse_above = G_MAXSIZE;

  /* Sizes beyond all reason are refused, not wrapped around. */
  g_assert_null (kaa_byte_queue_reserve (&queue, &cache, G_MAXSIZE, G_MAXSIZE, &room));
  g_assert_null (kaa_byte_queue_reserve (&queue, &cache, G_MAXSIZE - 5000, 1, &room));
  g_assert_cmpuint (kaa_byte_queue_get_length (&queue), ==, 10000);

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
}

/* Where the best cannot be had, the least is tried. */
static void
test_little_memory (void)
{
  KaaByteQueue queue = { 0 };
  const guint8 *first;
  gsize room;

  refuse_above = KAA_BLOCK_SIZE + BLOCK_OVERHEAD;
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, NULL, 1, G_MAXSIZE, &room));
  g_assert_cmpuint (room, ==, KAA_BLOCK_SIZE);

  append_fill (&queue, NULL, KAA_BLOCK_SIZE);
  first = kaa_byte_queue_peek (&queue);
  kaa_byte_queue_consume (&queue, NULL, 1000);
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, NULL, 1, G_MAXSIZE, &room));
  g_assert_cmpuint (room, ==, 1000);
  g_assert_true (kaa_byte_queue_peek (&queue) == first);
  refuse_above = G_MAXSIZE;

  kaa_byte_queue_clear (&queue, NULL);
}

static void
test_trim (void)
{
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  const guint8 *large;
  gsize room;

  kaa_byte_queue_trim (&queue, &cache);
  g_assert_null (queue.block);

  append (&queue, &cache, "half a line");
  large = kaa_byte_queue_peek (&queue);
  kaa_byte_queue_consume (&queue, &cache, 5);
  kaa_byte_queue_trim (&queue, &cache);
  g_assert_nonnull (cache.spare);
  g_assert_true (kaa_byte_queue_peek (&queue) != large);
  assert_content (&queue, "a line");

  /* Trimmed is trimmed. */
  start_count ();
  kaa_byte_queue_trim (&queue, &cache);
  g_assert_cmpuint (n_allocations, ==, 0);

  /* The next read finds the spare block, and as much room as ever. */
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, &cache, 1, KAA_BLOCK_READ_SIZE, &room));
  g_assert_cmpuint (n_allocations, ==, 0);
  g_assert_cmpuint (room, >=, KAA_BLOCK_READ_SIZE);
  g_assert_true (kaa_byte_queue_peek (&queue) == large);
  append (&queue, &cache, " and more");
  assert_content (&queue, "a line and more");

  /* What is long stays where it is; so does what there is no memory for. */
  refuse_above = 0;
  kaa_byte_queue_trim (&queue, &cache);
  refuse_above = G_MAXSIZE;
  assert_content (&queue, "a line and more");
  append_fill (&queue, &cache, 5000);
  kaa_byte_queue_trim (&queue, &cache);
  g_assert_true (kaa_byte_queue_peek (&queue) == large);
  kaa_byte_queue_clear (&queue, &cache);

  /* A reserve() that nothing followed: either gives the block back. */
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  g_assert_nonnull (queue.block);
  kaa_byte_queue_trim (&queue, &cache);
  g_assert_null (queue.block);
  g_assert_nonnull (kaa_byte_queue_reserve (&queue, &cache, 1, 1, &room));
  kaa_byte_queue_consume (&queue, &cache, 0);
  g_assert_null (queue.block);
  kaa_block_cache_clear (&cache);
}

static gpointer
drop_slices (gpointer data)
{
  g_ptr_array_unref (data);

  return NULL;
}

static void
test_slices_in_another_thread (void)
{
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  int round;

  for (round = 0; round < 50; round++)
    {
      GPtrArray *slices = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
      GThread *thread;
      int i;

      append_fill (&queue, &cache, 50000);
      for (i = 0; i < 10; i++)
        g_ptr_array_add (slices, kaa_byte_queue_get_bytes (&queue, (gsize) i * 5000, 5000));
      thread = g_thread_new ("drop", drop_slices, slices);
      kaa_byte_queue_consume (&queue, &cache, 40000);
      append_fill (&queue, &cache, 50000);
      kaa_byte_queue_clear (&queue, &cache);
      g_thread_join (thread);
    }

  kaa_block_cache_clear (&cache);
}

/* A long random life beside a plain array, keeping slices all along. */
static void
test_random (void)
{
  KaaByteQueue queue = { 0 };
  KaaBlockCache cache = { 0 };
  GByteArray *model = g_byte_array_new ();
  GPtrArray *kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GPtrArray *copies = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  guint8 next = 0;
  guint i, round;

  for (round = 0; round < 3000; round++)
    {
      gsize used = kaa_byte_queue_get_length (&queue);
      gsize n = (gsize) g_test_rand_int_range (0, g_test_rand_int_range (0, 8) == 0 ? 100000 : 3000);

      switch (g_test_rand_int_range (0, 5))
        {
        case 0:
        case 1:
          {
            gsize room, size = 0;
            guint8 *target;

            target = kaa_byte_queue_reserve (&queue, &cache, 1 + n / 2, n, &room);
            g_assert_cmpuint (room, >=, 1 + n / 2);
            for (; size < MIN (n, room); size++)
              target[size] = next++;
            g_byte_array_append (model, target, (guint) size);
            kaa_byte_queue_commit (&queue, size);
            break;
          }
        case 2:
          n = MIN (n, used);
          kaa_byte_queue_consume (&queue, &cache, g_test_rand_bit () ? n : used - n);
          g_byte_array_remove_range (model, 0, model->len - (guint) kaa_byte_queue_get_length (&queue));
          break;
        case 3:
          if (used > 0)
            {
              gsize offset = (gsize) g_test_rand_int_range (0, (gint32) used);

              n = MIN (n, used - offset);
              g_ptr_array_add (kept, kaa_byte_queue_get_bytes (&queue, offset, n));
              g_ptr_array_add (copies, g_bytes_new (model->data + offset, n));
            }
          if (kept->len > 20)
            {
              g_ptr_array_remove_range (kept, 0, 10);
              g_ptr_array_remove_range (copies, 0, 10);
            }
          break;
        default:
          kaa_byte_queue_trim (&queue, &cache);
          break;
        }

      g_assert_cmpmem (kaa_byte_queue_peek (&queue), kaa_byte_queue_get_length (&queue),
                       model->data, model->len);
      for (i = 0; i < kept->len; i++)
        g_assert_true (g_bytes_equal (kept->pdata[i], copies->pdata[i]));
    }

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
  for (i = 0; i < kept->len; i++)
    g_assert_true (g_bytes_equal (kept->pdata[i], copies->pdata[i]));

  g_ptr_array_unref (kept);
  g_ptr_array_unref (copies);
  g_byte_array_unref (model);
}

static void
test_unread (void)
{
  KaaByteQueue queue = { NULL, };
  KaaBlockCache cache = { NULL, };
  g_autoptr (GBytes) slice = NULL;
  const guint8 *where;

  /* Into an empty queue. */
  g_assert_true (kaa_byte_queue_unread (&queue, &cache, "", 0));
  g_assert_null (kaa_byte_queue_peek (&queue));
  g_assert_true (kaa_byte_queue_unread (&queue, &cache, "one", 3));
  g_assert_true (kaa_byte_queue_append (&queue, &cache, "two", 3));
  g_assert_cmpmem (kaa_byte_queue_peek (&queue), kaa_byte_queue_get_length (&queue), "onetwo", 6);

  /* What was taken last is still there. */
  where = kaa_byte_queue_peek (&queue);
  kaa_byte_queue_consume (&queue, &cache, 3);
  g_assert_true (kaa_byte_queue_unread (&queue, &cache, "one", 3));
  g_assert_true (kaa_byte_queue_peek (&queue) == where);
  g_assert_cmpmem (where, kaa_byte_queue_get_length (&queue), "onetwo", 6);

  /* Something else is not written over what slices may show. */
  slice = kaa_byte_queue_get_bytes (&queue, 0, 6);
  kaa_byte_queue_consume (&queue, &cache, 3);
  g_assert_true (kaa_byte_queue_unread (&queue, &cache, "six", 3));
  g_assert_cmpmem (kaa_byte_queue_peek (&queue), kaa_byte_queue_get_length (&queue), "sixtwo", 6);
  g_assert_cmpmem (g_bytes_get_data (slice, NULL), g_bytes_get_size (slice), "onetwo", 6);

  kaa_byte_queue_clear (&queue, &cache);
  kaa_block_cache_clear (&cache);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/bytes/byte-queue/basic", test_basic);
  g_test_add_func ("/bytes/byte-queue/without-cache", test_without_cache);
  g_test_add_func ("/bytes/byte-queue/cache", test_cache);
  g_test_add_func ("/bytes/byte-queue/cache-and-slices", test_cache_and_slices);
  g_test_add_func ("/bytes/byte-queue/slice-or-copy", test_slice_or_copy);
  g_test_add_func ("/bytes/byte-queue/compaction", test_compaction);
  g_test_add_func ("/bytes/byte-queue/R7/bounded", test_bounded);
  g_test_add_func ("/bytes/byte-queue/linear", test_linear);
  g_test_add_func ("/bytes/byte-queue/no-memory", test_no_memory);
  g_test_add_func ("/bytes/byte-queue/little-memory", test_little_memory);
  g_test_add_func ("/bytes/byte-queue/trim", test_trim);
  g_test_add_func ("/bytes/byte-queue/slices-in-another-thread", test_slices_in_another_thread);
  g_test_add_func ("/bytes/byte-queue/unread", test_unread);
  g_test_add_func ("/bytes/byte-queue/random", test_random);

  return g_test_run ();
}

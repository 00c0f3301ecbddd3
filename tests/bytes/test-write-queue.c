/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-write-queue.h"

#include <string.h>

#define MANY 4096

static GBytes *
gather (const KaaWriteQueue *queue)
{
  struct iovec vectors[MANY];
  int n = kaa_write_queue_peek (queue, vectors, MANY);
  GByteArray *all = g_byte_array_new ();
  int i;

  g_assert_cmpint (n, <, MANY);
  for (i = 0; i < n; i++)
    {
      g_assert_cmpuint (vectors[i].iov_len, >, 0);
      g_byte_array_append (all, vectors[i].iov_base, (guint) vectors[i].iov_len);
    }

  return g_byte_array_free_to_bytes (all);
}

static void
assert_content (const KaaWriteQueue *queue,
                gconstpointer        expected,
                gsize                length)
{
  GBytes *found = gather (queue);

  g_assert_cmpuint (kaa_write_queue_get_length (queue), ==, length);
  g_assert_cmpmem (g_bytes_get_data (found, NULL), g_bytes_get_size (found), expected, length);
  g_bytes_unref (found);
}

static int
count_vectors (const KaaWriteQueue *queue)
{
  struct iovec vectors[MANY];

  return kaa_write_queue_peek (queue, vectors, MANY);
}

static void
append_text (KaaWriteQueue *queue,
             const char    *text)
{
  kaa_write_queue_append (queue, text, strlen (text), NULL);
}

static void
append_bytes (KaaWriteQueue *queue,
              GBytes        *bytes,
              gsize          offset)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  kaa_write_queue_append (queue, data + offset, size - offset, bytes);
}

/* Bytes that tell when they are dropped. */
static void
set_flag (gpointer data)
{
  gboolean *flag = data;

  *flag = TRUE;
}

static GBytes *
new_watched_bytes (gsize     length,
                   gboolean *gone)
{
  static const guint8 data[100000];

  g_assert_cmpuint (length, <=, sizeof (data));
  *gone = FALSE;
  return g_bytes_new_with_free_func (data, length, set_flag, gone);
}

static void
test_basic (void)
{
  KaaWriteQueue queue = { 0 };

  g_assert_cmpuint (kaa_write_queue_get_length (&queue), ==, 0);
  g_assert_cmpint (count_vectors (&queue), ==, 0);

  append_text (&queue, "");
  append_text (&queue, "hello ");
  append_text (&queue, "world");
  assert_content (&queue, "hello world", 11);
  g_assert_cmpuint (queue.end, ==, 11);

  kaa_write_queue_consume (&queue, 0);
  kaa_write_queue_consume (&queue, 4);
  assert_content (&queue, "o world", 7);
  g_assert_cmpuint (queue.written, ==, 4);

  kaa_write_queue_consume (&queue, 7);
  g_assert_null (queue.first);
  g_assert_null (queue.last);

  /* Positions go on. */
  append_text (&queue, "again");
  g_assert_cmpuint (queue.written, ==, 11);
  g_assert_cmpuint (queue.end, ==, 16);

  kaa_write_queue_clear (&queue);
  g_assert_null (queue.first);
  g_assert_cmpuint (queue.written, ==, 11);
  g_assert_cmpuint (queue.end, ==, 11);
  append_text (&queue, "more");
  assert_content (&queue, "more", 4);
  kaa_write_queue_clear (&queue);
}

/* What is written in one turn goes out together. */
static void
test_small_ones_share_blocks (void)
{
  KaaWriteQueue queue = { 0 };
  GByteArray *model = g_byte_array_new ();
  guint8 message[64];
  int i;

  for (i = 0; i < 10000; i++)
    {
      memset (message, i % 251, sizeof (message));
      kaa_write_queue_append (&queue, message, sizeof (message), NULL);
      g_byte_array_append (model, message, sizeof (message));
    }
  g_assert_cmpint (count_vectors (&queue), <=, 2 + 640000 / 60000 + 1);
  assert_content (&queue, model->data, model->len);

  kaa_write_queue_clear (&queue);
  g_byte_array_unref (model);
}

static void
test_large_copy (void)
{
  KaaWriteQueue queue = { 0 };
  gsize size = 300000;
  guint8 *data = g_malloc (size);
  gsize i;

  for (i = 0; i < size; i++)
    data[i] = (guint8) (i * 31 + i / 256);
  kaa_write_queue_append (&queue, data, 10, NULL);
  kaa_write_queue_append (&queue, data + 10, size - 10, NULL);
  assert_content (&queue, data, size);
  g_assert_cmpint (count_vectors (&queue), ==, 2);

  kaa_write_queue_clear (&queue);
  g_free (data);
}

static void
test_large_bytes_are_referenced (void)
{
  KaaWriteQueue queue = { 0 };
  struct iovec vectors[4];
  gboolean gone;
  GBytes *bytes = new_watched_bytes (50000, &gone);
  const guint8 *data = g_bytes_get_data (bytes, NULL);

  append_text (&queue, "head");
  append_bytes (&queue, bytes, 1000);
  append_text (&queue, "tail");
  g_bytes_unref (bytes);
  g_assert_false (gone);

  g_assert_cmpint (kaa_write_queue_peek (&queue, vectors, 4), ==, 3);
  g_assert_true (vectors[1].iov_base == data + 1000);
  g_assert_cmpuint (vectors[1].iov_len, ==, 49000);
  g_assert_cmpint (kaa_write_queue_peek (&queue, vectors, 2), ==, 2);
  g_assert_cmpint (kaa_write_queue_peek (&queue, vectors, 0), ==, 0);

  /* Dropped as soon as its last byte has gone. */
  kaa_write_queue_consume (&queue, 4 + 48999);
  g_assert_false (gone);
  kaa_write_queue_consume (&queue, 1);
  g_assert_true (gone);
  assert_content (&queue, "tail", 4);
  kaa_write_queue_clear (&queue);

  bytes = new_watched_bytes (50000, &gone);
  append_bytes (&queue, bytes, 0);
  g_bytes_unref (bytes);
  kaa_write_queue_clear (&queue);
  g_assert_true (gone);
}

static void
test_small_bytes_are_copied (void)
{
  KaaWriteQueue queue = { 0 };
  gboolean gone;
  GBytes *bytes;

  bytes = new_watched_bytes (100, &gone);
  append_bytes (&queue, bytes, 0);
  g_bytes_unref (bytes);
  g_assert_true (gone);
  g_assert_cmpuint (kaa_write_queue_get_length (&queue), ==, 100);

  /* It is the rest that counts. */
  bytes = new_watched_bytes (50000, &gone);
  append_bytes (&queue, bytes, 49900);
  append_bytes (&queue, bytes, 50000);
  g_bytes_unref (bytes);
  g_assert_true (gone);
  g_assert_cmpuint (kaa_write_queue_get_length (&queue), ==, 200);
  g_assert_cmpint (count_vectors (&queue), ==, 1);

  kaa_write_queue_clear (&queue);
}

/* Taking a write out again, wherever it stands. */
static void
test_remove (void)
{
  KaaWriteQueue queue = { 0 };
  gboolean gone;
  GBytes *bytes;

  append_text (&queue, "abcdefghij");
  kaa_write_queue_consume (&queue, 2);
  kaa_write_queue_remove (&queue, 5, 5);
  assert_content (&queue, "cdefghij", 8);
  kaa_write_queue_remove (&queue, 4, 6);
  assert_content (&queue, "cdghij", 6);
  kaa_write_queue_remove (&queue, 2, 3);
  assert_content (&queue, "dghij", 5);
  kaa_write_queue_remove (&queue, 6, 7);
  assert_content (&queue, "dghi", 4);
  g_assert_cmpuint (queue.written, ==, 2);
  g_assert_cmpuint (queue.end, ==, 6);

  /* The room at the end can be used again. */
  append_text (&queue, "xyz");
  assert_content (&queue, "dghixyz", 7);
  g_assert_cmpint (count_vectors (&queue), ==, 1);
  kaa_write_queue_remove (&queue, 2, 9);
  g_assert_null (queue.first);
  g_assert_null (queue.last);
  append_text (&queue, "new");
  assert_content (&queue, "new", 3);
  kaa_write_queue_clear (&queue);

  /* From the middle of a reference, which makes two of it... */
  bytes = new_watched_bytes (50000, &gone);
  append_bytes (&queue, bytes, 0);
  g_bytes_unref (bytes);
  kaa_write_queue_remove (&queue, queue.written + 10, queue.written + 49990);
  g_assert_cmpuint (kaa_write_queue_get_length (&queue), ==, 20);
  g_assert_cmpint (count_vectors (&queue), ==, 2);
  append_text (&queue, "end");
  g_assert_cmpint (count_vectors (&queue), ==, 3);
  kaa_write_queue_consume (&queue, 10);
  g_assert_false (gone);
  kaa_write_queue_consume (&queue, 10);
  g_assert_true (gone);
  assert_content (&queue, "end", 3);

  /* ...and a whole one from between its neighbours. */
  bytes = new_watched_bytes (50000, &gone);
  append_bytes (&queue, bytes, 0);
  g_bytes_unref (bytes);
  append_text (&queue, "ing");
  kaa_write_queue_remove (&queue, queue.written + 3, queue.written + 50003);
  g_assert_true (gone);
  assert_content (&queue, "ending", 6);
  kaa_write_queue_clear (&queue);
}

/* A long random life beside a plain array. */
static void
test_random (void)
{
  KaaWriteQueue queue = { 0 };
  GByteArray *model = g_byte_array_new ();
  guint8 data[12000];
  int round;
  gsize i;

  for (i = 0; i < sizeof (data); i++)
    data[i] = (guint8) (i * 31 + i / 256);

  for (round = 0; round < 20000; round++)
    {
      gsize used = kaa_write_queue_get_length (&queue);
      gsize n = (gsize) g_test_rand_int_range (0, g_test_rand_int_range (0, 8) == 0 ? 12000 : 200);
      gsize offset = (gsize) g_test_rand_int_range (0, (gint32) n + 1);
      guint64 written = queue.written;

      switch (g_test_rand_int_range (0, 5))
        {
        case 0:
        case 1:
          kaa_write_queue_append (&queue, data, n, NULL);
          g_byte_array_append (model, data, (guint) n);
          break;
        case 2:
          {
            GBytes *bytes = g_bytes_new (data, n);

            append_bytes (&queue, bytes, offset);
            g_byte_array_append (model, data + offset, (guint) (n - offset));
            g_bytes_unref (bytes);
            break;
          }
        case 3:
          n = MIN (used, 3 * n);
          kaa_write_queue_consume (&queue, n);
          g_byte_array_remove_range (model, 0, (guint) n);
          g_assert_cmpuint (queue.written, ==, written + n);
          break;
        default:
          offset = (gsize) g_test_rand_int_range (0, (gint32) used + 1);
          n = MIN (n, used - offset);
          kaa_write_queue_remove (&queue, written + offset, written + offset + n);
          g_byte_array_remove_range (model, (guint) offset, (guint) n);
          break;
        }

      assert_content (&queue, model->data, model->len);
    }

  kaa_write_queue_clear (&queue);
  g_byte_array_unref (model);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/bytes/write-queue/basic", test_basic);
  g_test_add_func ("/bytes/write-queue/W4/small-ones-share-blocks", test_small_ones_share_blocks);
  g_test_add_func ("/bytes/write-queue/large-copy", test_large_copy);
  g_test_add_func ("/bytes/write-queue/large-bytes-are-referenced", test_large_bytes_are_referenced);
  g_test_add_func ("/bytes/write-queue/small-bytes-are-copied", test_small_bytes_are_copied);
  g_test_add_func ("/bytes/write-queue/W5/remove", test_remove);
  g_test_add_func ("/bytes/write-queue/random", test_random);

  return g_test_run ();
}

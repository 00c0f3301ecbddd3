/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-delimiters.h"

#include <string.h>

static KaaDelimiters *
make_set (const char * const *texts)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  KaaDelimiters *set;

  for (; *texts != NULL; texts++)
    g_ptr_array_add (list, g_bytes_new (*texts, strlen (*texts)));
  set = kaa_delimiters_new ((GBytes * const *) list->pdata, list->len);
  g_ptr_array_unref (list);

  return set;
}

#define MAKE_SET(...) make_set ((const char * const[]) { __VA_ARGS__, NULL })

/* The reference: what the rules say, tried out at every place with every delimiter. */

static gboolean
naive_match_at (GBytes * const *set,
                gsize           n,
                const guint8   *data,
                gsize           length,
                gsize           at,
                gsize          *longest)
{
  gsize i, size;

  *longest = 0;
  for (i = 0; i < n; i++)
    {
      const guint8 *bytes = g_bytes_get_data (set[i], &size);

      if (size > *longest && size <= length - at && memcmp (data + at, bytes, size) == 0)
        *longest = size;
    }

  return *longest > 0;
}

/* Is what begins at `at` and runs to the end of data the beginning of a delimiter? */
static gboolean
naive_may_grow_at (GBytes * const *set,
                   gsize           n,
                   const guint8   *data,
                   gsize           length,
                   gsize           at)
{
  gsize i, size;

  for (i = 0; i < n; i++)
    {
      const guint8 *bytes = g_bytes_get_data (set[i], &size);

      if (size > length - at && memcmp (data + at, bytes, length - at) == 0)
        return TRUE;
    }

  return FALSE;
}

static KaaScanResult
naive_scan (const KaaDelimiters *delimiters,
            const guint8        *data,
            gsize                length,
            gsize                limit,
            gboolean             at_end,
            gsize               *start,
            gsize               *end)
{
  gsize n, at, longest;
  GBytes * const *set = kaa_delimiters_get (delimiters, &n);

  /* The first place where a delimiter is, or may still come to be. */
  for (at = 0; at < length; at++)
    {
      gboolean may_grow = !at_end && naive_may_grow_at (set, n, data, length, at);
      gboolean matches = naive_match_at (set, n, data, length, at, &longest);

      if (!may_grow && !matches)
        continue;
      if (at > limit)
        return KAA_SCAN_TOO_LONG;
      if (may_grow)
        return KAA_SCAN_MORE;
      *start = at;
      *end = at + longest;
      return KAA_SCAN_FOUND;
    }

  return length > limit ? KAA_SCAN_TOO_LONG : KAA_SCAN_MORE;
}

static gsize
naive_scan_block (const KaaDelimiters *delimiters,
                  const guint8        *data,
                  gsize                length,
                  gsize                limit,
                  gboolean             at_end)
{
  gsize total = 0;
  gsize start, end;

  while (naive_scan (delimiters, data + total, length - total, G_MAXSIZE, at_end, &start, &end) ==
           KAA_SCAN_FOUND &&
         total + end <= limit)
    total += end;

  return total;
}

/* Random sets over a tiny alphabet, so that delimiters overlap in every way. */
static KaaDelimiters *
make_random_set (int n_letters)
{
  gsize n = (gsize) g_test_rand_int_range (1, 6);
  GBytes *list[6];
  KaaDelimiters *set;
  gsize i;

  for (i = 0; i < n; i++)
    {
      char text[8];
      int size = g_test_rand_int_range (1, g_test_rand_bit () ? 4 : 8);
      int k;

      for (k = 0; k < size; k++)
        text[k] = (char) g_test_rand_int_range (0, n_letters);
      list[i] = g_bytes_new (text, (gsize) size);
    }

  set = kaa_delimiters_new (list, n);
  for (i = 0; i < n; i++)
    g_bytes_unref (list[i]);

  return set;
}

static gsize
random_limit (void)
{
  return g_test_rand_bit () ? G_MAXSIZE : (gsize) g_test_rand_int_range (1, 12);
}

/* One input, in random pieces, by a random mix of calls: each answer is the reference's. */
static void
check_random_input (const KaaDelimiters *set,
                    int                  n_letters)
{
  guint8 input[64];
  gsize size = (gsize) g_test_rand_int_range (0, sizeof (input));
  gsize head = 0, tail = 0;
  KaaScan scan = { 0 };
  gsize i;

  for (i = 0; i < size; i++)
    input[i] = (guint8) g_test_rand_int_range (0, n_letters);

  while (TRUE)
    {
      gboolean at_end = tail == size && g_test_rand_bit ();
      gsize limit = random_limit ();
      gsize start = 0, end = 0, expected_start = 0, expected_end = 0;
      KaaScanResult result, expected;

      if (g_test_rand_int_range (0, 3) == 0)
        {
          end = kaa_delimiters_scan_block (set, &scan, input + head, tail - head, limit, at_end);
          expected_end = naive_scan_block (set, input + head, tail - head, limit, at_end);
          g_assert_cmpuint (end, ==, expected_end);
          if (end > 0)
            g_assert_cmpuint (scan.position, ==, 0);
          head += end;
        }

      result = kaa_delimiters_scan (set, &scan, input + head, tail - head, limit, at_end, &start, &end);
      expected = naive_scan (set, input + head, tail - head, limit, at_end,
                             &expected_start, &expected_end);
      g_assert_cmpint (result, ==, expected);

      if (result == KAA_SCAN_FOUND)
        {
          g_assert_cmpuint (start, ==, expected_start);
          g_assert_cmpuint (end, ==, expected_end);
          g_assert_cmpuint (scan.position, ==, 0);
          head += end;
        }
      else if (result == KAA_SCAN_TOO_LONG)
        {
          kaa_scan_consume (&scan, set, limit);
          head += limit;
        }
      else if (at_end)
        {
          return;
        }
      else if (tail > head && g_test_rand_int_range (0, 4) == 0)
        {
          /* Read by count, from the middle of a line. */
          gsize n = (gsize) g_test_rand_int_range (1, (gint32) (tail - head) + 1);

          kaa_scan_consume (&scan, set, n);
          head += n;
        }
      else
        {
          tail += (gsize) g_test_rand_int_range (0, (gint32) MIN (size - tail, 4) + 1);
        }
    }
}

static void
test_random (void)
{
  int rounds = g_test_slow () ? 200000 : 20000;

  while (rounds-- > 0)
    {
      int n_letters = g_test_rand_int_range (1, 4);
      KaaDelimiters *set = make_random_set (n_letters);
      int k;

      for (k = 0; k < 4; k++)
        check_random_input (set, n_letters);
      kaa_delimiters_unref (set);
    }
}

/* Fixed cases */

/* Cuts text into lines; shows them as "line|line|rest". piece: how much comes at a time. */
static char *
split (const KaaDelimiters *set,
       const char          *text,
       gsize                piece,
       gsize                limit)
{
  GString *out = g_string_new (NULL);
  const guint8 *data = (const guint8 *) text;
  gsize size = strlen (text);
  gsize head = 0, tail = 0;
  KaaScan scan = { 0 };
  gsize start, end;

  while (TRUE)
    {
      gboolean at_end = tail == size;

      switch (kaa_delimiters_scan (set, &scan, data + head, tail - head, limit, at_end, &start, &end))
        {
        case KAA_SCAN_FOUND:
          g_string_append_len (out, text + head, (gssize) end);
          g_string_append_c (out, '|');
          head += end;
          break;
        case KAA_SCAN_TOO_LONG:
          g_string_append_len (out, text + head, (gssize) limit);
          g_string_append_c (out, '~');
          kaa_scan_consume (&scan, set, limit);
          head += limit;
          break;
        case KAA_SCAN_MORE:
        default:
          if (at_end)
            {
              g_string_append (out, text + head);
              return g_string_free (out, FALSE);
            }
          tail += MIN (piece, size - tail);
          break;
        }
    }
}

static void
assert_split (KaaDelimiters *set,
              const char    *text,
              gsize          limit,
              const char    *expected)
{
  gsize piece;

  for (piece = 1; piece <= strlen (text) + 1; piece++)
    {
      char *found = split (set, text, piece, limit);

      g_assert_cmpstr (found, ==, expected);
      g_free (found);
    }

  kaa_delimiters_unref (set);
}

static void
test_cut_anywhere (void)
{
  assert_split (kaa_delimiters_new_default (), "a\n\nbc\nd", G_MAXSIZE, "a\n|\n|bc\n|d");
  assert_split (MAKE_SET ("\r\n"), "a\r\nb\rc\nd\r\r\n\r\n", G_MAXSIZE, "a\r\n|b\rc\nd\r\r\n|\r\n|");
  assert_split (MAKE_SET ("\r", "\r\n", "\n"), "a\rb\r\nc\n\r", G_MAXSIZE, "a\r|b\r\n|c\n|\r|");
  assert_split (MAKE_SET ("aab"), "aaaabaab", G_MAXSIZE, "aaaab|aab|");
}

static void
test_leftmost_longest (void)
{
  assert_split (MAKE_SET ("b", "abc"), "xabcx", G_MAXSIZE, "xabc|x");
  assert_split (MAKE_SET ("b", "abc"), "xabd", G_MAXSIZE, "xab|d");
  assert_split (MAKE_SET ("b", "abc"), "xab", G_MAXSIZE, "xab|");
  assert_split (MAKE_SET ("a", "ab", "abc"), "1abc2ab3a4", G_MAXSIZE, "1abc|2ab|3a|4");
  assert_split (MAKE_SET ("abcd", "c"), "abce", G_MAXSIZE, "abc|e");
  /* What had to be looked at behind a delimiter counts again for the next line. */
  assert_split (MAKE_SET ("a", "aaab"), "aaaaaab", G_MAXSIZE, "a|a|a|aaab|");
}

/* The very step: an answer comes as soon as it is known, and not before. */
static void
test_waits_no_longer_than_needed (void)
{
  KaaDelimiters *set = MAKE_SET ("\r", "\r\n", "abc", "b");
  KaaScan scan = { 0 };
  gsize start, end;

  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "x\r", 2, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_MORE);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "x\r", 2, G_MAXSIZE, TRUE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (start, ==, 1);
  g_assert_cmpuint (end, ==, 2);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "x\r\n", 3, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (end, ==, 3);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "ab", 2, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_MORE);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "abd", 3, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (start, ==, 1);
  g_assert_cmpuint (end, ==, 2);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "b", 1, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);

  kaa_delimiters_unref (set);
}

static void
test_limit (void)
{
  /* A line of exactly the limit, and its delimiter right behind it, is not too long. */
  assert_split (kaa_delimiters_new_default (), "abcd\n", 4, "abcd\n|");
  assert_split (kaa_delimiters_new_default (), "abcde\n", 4, "abcd~e\n|");
  assert_split (kaa_delimiters_new_default (), "abcdefghi", 4, "abcd~efgh~i");
  assert_split (kaa_delimiters_new_default (), "abcd", 4, "abcd");
  assert_split (MAKE_SET ("\r\n"), "abcd\r\n", 4, "abcd\r\n|");
  assert_split (MAKE_SET ("\r\n"), "abcd\rx", 4, "abcd~\rx");
  assert_split (MAKE_SET ("\r\n"), "abcd\r", 4, "abcd~\r");
  assert_split (MAKE_SET ("\r\n"), "abcde\r\n", 4, "abcd~e\r\n|");
  assert_split (MAKE_SET ("\r", "\r\n"), "abcde\r\nf", 4, "abcd~e\r\n|f");
  assert_split (MAKE_SET ("b", "aabc"), "xxxaabxx", 3, "xxx~aab|xx");
}

static void
test_longer_than_limit (void)
{
  assert_split (MAKE_SET ("ENDOFLINE"), "abENDOFLINEc", 2, "abENDOFLINE|c");
  assert_split (MAKE_SET ("ENDOFLINE"), "abENDOFLINX", 2, "ab~EN~DO~FL~IN~X");
}

static void
test_nul_and_high_bytes (void)
{
  GBytes *list[] = { g_bytes_new ("\0\xff", 2), g_bytes_new ("\0", 1) };
  KaaDelimiters *set = kaa_delimiters_new (list, 2);
  const guint8 data[] = { 'a', 0, 0xff, 0, 0, 0xff };
  KaaScan scan = { 0 };
  gsize start, end;

  g_assert_cmpint (kaa_delimiters_scan (set, &scan, data, 6, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (end, ==, 3);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, data + 3, 3, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (end, ==, 1);

  kaa_delimiters_unref (set);
  g_bytes_unref (list[0]);
  g_bytes_unref (list[1]);
}

/* Every byte is looked at once: what is behind the scan's position may as well be gone. */
static void
check_never_looks_back (KaaDelimiters *set,
                        const char    *delimiter,
                        gsize          size)
{
  guint8 *data = g_malloc (size);
  KaaScan scan = { 0 };
  gsize start, end, length;

  memset (data, 'x', size);
  memcpy (data + size - strlen (delimiter), delimiter, strlen (delimiter));

  for (length = 1; length < size; length++)
    {
      g_assert_cmpint (kaa_delimiters_scan (set, &scan, data, length, G_MAXSIZE, FALSE, &start, &end),
                       ==, KAA_SCAN_MORE);
      g_assert_cmpuint (scan.position, ==, length);
      data[length - 1] = '\n';
    }
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, data, size, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (end, ==, size);

  g_free (data);
  kaa_delimiters_unref (set);
}

static void
test_linear (void)
{
  check_never_looks_back (kaa_delimiters_new_default (), "\n", 100000);
  check_never_looks_back (MAKE_SET ("\n", "END\n"), "END\n", 100000);
}

/* After a piece that was too long the search goes on where it was. */
static void
test_consume_keeps_place (void)
{
  KaaDelimiters *set = MAKE_SET ("\r\n", "zz");
  KaaScan scan = { 0 };
  gsize start, end;

  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "abcdef", 6, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_MORE);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "abcdef", 6, 4, FALSE, &start, &end),
                   ==, KAA_SCAN_TOO_LONG);
  g_assert_cmpuint (scan.position, ==, 6);
  kaa_scan_consume (&scan, set, 4);
  g_assert_cmpuint (scan.position, ==, 2);
  kaa_scan_consume (&scan, set, 5);
  g_assert_cmpuint (scan.position, ==, 0);

  /* A cut within a delimiter that is not complete: what is behind it counts alone. */
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "a\r", 2, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_MORE);
  kaa_scan_consume (&scan, set, 2);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "\nb\r\n", 4, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (end, ==, 4);

  kaa_delimiters_unref (set);
}

static gsize
scan_block (KaaDelimiters *set,
            const char    *text,
            gsize          limit,
            gboolean       at_end)
{
  KaaScan scan = { 0 };

  return kaa_delimiters_scan_block (set, &scan, (const guint8 *) text, strlen (text), limit, at_end);
}

static void
test_block (void)
{
  KaaDelimiters *newline = kaa_delimiters_new_default ();
  KaaDelimiters *crlf = MAKE_SET ("\r", "\r\n");

  g_assert_cmpuint (scan_block (newline, "a\nbc\nd", G_MAXSIZE, FALSE), ==, 5);
  g_assert_cmpuint (scan_block (newline, "a\nbc\nd", 5, FALSE), ==, 5);
  g_assert_cmpuint (scan_block (newline, "a\nbc\nd", 4, FALSE), ==, 2);
  g_assert_cmpuint (scan_block (newline, "a\nbc\nd", 1, FALSE), ==, 0);
  g_assert_cmpuint (scan_block (newline, "abc", G_MAXSIZE, TRUE), ==, 0);
  g_assert_cmpuint (scan_block (newline, "", G_MAXSIZE, TRUE), ==, 0);

  g_assert_cmpuint (scan_block (crlf, "a\rb\r", G_MAXSIZE, FALSE), ==, 2);
  g_assert_cmpuint (scan_block (crlf, "a\rb\r", G_MAXSIZE, TRUE), ==, 4);
  /* The limit must not make two of one delimiter. */
  g_assert_cmpuint (scan_block (crlf, "a\rb\r\nc", 4, TRUE), ==, 2);
  g_assert_cmpuint (scan_block (crlf, "a\rb\r\nc", 5, TRUE), ==, 5);

  kaa_delimiters_unref (crlf);
  kaa_delimiters_unref (newline);
}

/* A block that was not found is not searched twice. */
static void
test_block_remembers (void)
{
  KaaDelimiters *sets[] = { kaa_delimiters_new_default (), MAKE_SET ("\r\n", "\n") };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      KaaScan scan = { 0 };
      gsize start, end;

      g_assert_cmpuint (kaa_delimiters_scan_block (sets[i], &scan, (guint8 *) "abc", 3, G_MAXSIZE, FALSE), ==, 0);
      g_assert_cmpuint (scan.position, ==, 3);
      g_assert_cmpuint (kaa_delimiters_scan_block (sets[i], &scan, (guint8 *) "\n\n\nd", 4, G_MAXSIZE, FALSE), ==, 0);
      g_assert_cmpuint (scan.position, ==, 4);
      g_assert_cmpint (kaa_delimiters_scan (sets[i], &scan, (guint8 *) "\n\n\n\n\n", 5, G_MAXSIZE, FALSE, &start, &end),
                       ==, KAA_SCAN_FOUND);
      g_assert_cmpuint (start, ==, 4);
      kaa_delimiters_unref (sets[i]);
    }
}

/* Nor where the line was found, but would not fit. */
static void
test_block_remembers_what_does_not_fit (void)
{
  KaaDelimiters *set = MAKE_SET ("\r\n", "\n");
  KaaScan scan = { 0 };
  gsize start, end;

  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "abc", 3, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_MORE);
  g_assert_cmpuint (kaa_delimiters_scan_block (set, &scan, (guint8 *) "\n\n\n\r\n", 5, 4, FALSE), ==, 0);
  g_assert_cmpuint (scan.position, ==, 3);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, (guint8 *) "\n\n\n\r\n", 5, 4, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (start, ==, 3);

  kaa_delimiters_unref (set);
}

/* 1,000 delimiters, and one of 1 MiB: anything but linear would not come back. */
static void
test_many (void)
{
  GBytes *list[1000];
  GString *text = g_string_new (NULL);
  KaaDelimiters *set;
  char *found;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (list); i++)
    {
      char *delimiter = g_strdup_printf ("<%03" G_GSIZE_FORMAT ">", i);

      list[i] = g_bytes_new_take (delimiter, strlen (delimiter));
    }
  set = kaa_delimiters_new (list, G_N_ELEMENTS (list));
  for (i = 0; i < G_N_ELEMENTS (list); i++)
    g_bytes_unref (list[i]);

  for (i = 0; i < 20000; i++)
    g_string_append (text, "<00<<99<");
  g_string_append (text, "<500>rest");
  found = split (set, text->str, 7, G_MAXSIZE);
  g_assert_true (g_str_has_suffix (found, "<500>|rest"));
  g_assert_cmpuint (strlen (found), ==, text->len + 1);

  g_free (found);
  kaa_delimiters_unref (set);
  g_string_free (text, TRUE);
}

static void
test_huge (void)
{
  gsize size = 1024 * 1024;
  guint8 *input = g_malloc (3 * size);
  GBytes *list[2];
  KaaDelimiters *set;
  KaaScan scan = { 0 };
  gsize start, end, length;

  /* All but the last byte of the delimiter, again and again at every place. */
  memset (input, 'a', 3 * size);
  input[3 * size - 1] = 'b';
  list[0] = g_bytes_new_take (g_memdup2 (input + 2 * size, size), size);
  list[1] = g_bytes_new_static ("b", 1);
  set = kaa_delimiters_new (list, 2);
  g_assert_cmpuint (kaa_delimiters_get_longest (set), ==, size);

  for (length = 1000; length < 3 * size; length += 1000)
    g_assert_cmpint (kaa_delimiters_scan (set, &scan, input, length, G_MAXSIZE, FALSE, &start, &end),
                     ==, KAA_SCAN_MORE);
  g_assert_cmpint (kaa_delimiters_scan (set, &scan, input, 3 * size, G_MAXSIZE, FALSE, &start, &end),
                   ==, KAA_SCAN_FOUND);
  g_assert_cmpuint (start, ==, 2 * size);
  g_assert_cmpuint (end, ==, 3 * size);

  kaa_delimiters_unref (set);
  g_bytes_unref (list[0]);
  g_bytes_unref (list[1]);
  g_free (input);
}

static void
test_list (void)
{
  KaaDelimiters *set = MAKE_SET ("z", "ab", "z", "a", "ab", "c");
  const char *expected[] = { "z", "ab", "a", "c" };
  GBytes * const *list;
  gsize n, i, size;

  list = kaa_delimiters_get (set, &n);
  g_assert_cmpuint (n, ==, G_N_ELEMENTS (expected));
  for (i = 0; i < n; i++)
    {
      const char *data = g_bytes_get_data (list[i], &size);

      g_assert_cmpmem (data, size, expected[i], strlen (expected[i]));
    }
  g_assert_cmpuint (kaa_delimiters_get_longest (set), ==, 2);

  g_assert_true (kaa_delimiters_ref (set) == set);
  kaa_delimiters_unref (set);
  kaa_delimiters_unref (set);
}

static void
test_default (void)
{
  KaaDelimiters *set = kaa_delimiters_new_default ();
  KaaDelimiters *made = MAKE_SET ("\n", "\n");
  GBytes * const *list;
  gsize n, size;
  const char *data;

  g_assert_true (made == set);
  list = kaa_delimiters_get (set, &n);
  g_assert_cmpuint (n, ==, 1);
  data = g_bytes_get_data (list[0], &size);
  g_assert_cmpmem (data, size, "\n", 1);
  g_assert_cmpuint (kaa_delimiters_get_longest (set), ==, 1);

  /* One for the process, whoever drops it. */
  kaa_delimiters_unref (kaa_delimiters_ref (set));
  kaa_delimiters_unref (set);
  kaa_delimiters_unref (made);
  g_assert_true (kaa_delimiters_new_default () == set);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/bytes/delimiters/R6/cut-anywhere", test_cut_anywhere);
  g_test_add_func ("/bytes/delimiters/R6/leftmost-longest", test_leftmost_longest);
  g_test_add_func ("/bytes/delimiters/R6/waits-no-longer-than-needed", test_waits_no_longer_than_needed);
  g_test_add_func ("/bytes/delimiters/R6/nul-and-high-bytes", test_nul_and_high_bytes);
  g_test_add_func ("/bytes/delimiters/R6/random-against-reference", test_random);
  g_test_add_func ("/bytes/delimiters/R7/limit", test_limit);
  g_test_add_func ("/bytes/delimiters/R7/longer-than-limit", test_longer_than_limit);
  g_test_add_func ("/bytes/delimiters/R7/consume-keeps-place", test_consume_keeps_place);
  g_test_add_func ("/bytes/delimiters/linear", test_linear);
  g_test_add_func ("/bytes/delimiters/many", test_many);
  g_test_add_func ("/bytes/delimiters/huge", test_huge);
  g_test_add_func ("/bytes/delimiters/block", test_block);
  g_test_add_func ("/bytes/delimiters/block-remembers", test_block_remembers);
  g_test_add_func ("/bytes/delimiters/block-remembers-what-does-not-fit",
                   test_block_remembers_what_does_not_fit);
  g_test_add_func ("/bytes/delimiters/list", test_list);
  g_test_add_func ("/bytes/delimiters/default", test_default);

  return g_test_run ();
}

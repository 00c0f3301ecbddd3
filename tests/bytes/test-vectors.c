/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bytes/kaa-vectors.h"

static const struct iovec vectors[] = {
  { (void *) "abc", 3 },
  { NULL, 0 },
  { (void *) "defgh", 5 },
};

static void
test_length (void)
{
  g_assert_cmpuint (kaa_vectors_get_length (vectors, 0), ==, 0);
  g_assert_cmpuint (kaa_vectors_get_length (vectors, 1), ==, 3);
  g_assert_cmpuint (kaa_vectors_get_length (vectors, G_N_ELEMENTS (vectors)), ==, 8);
}

/* However little room there is, the beginning goes into it, and nothing behind it. */
static void
test_copy (void)
{
  for (gsize max = 0; max <= 10; max++)
    {
      guint8 to[12 + 1] = "............";
      gsize expected = MIN (max, 8);

      g_assert_cmpuint (kaa_vectors_copy (vectors, G_N_ELEMENTS (vectors), to, max), ==, expected);
      g_assert_cmpmem (to, expected, "abcdefgh", expected);
      g_assert_cmpint (to[expected], ==, '.');
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/vectors/length", test_length);
  g_test_add_func ("/vectors/copy", test_copy);

  return g_test_run ();
}

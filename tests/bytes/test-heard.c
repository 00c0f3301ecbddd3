/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What listeners have had of a queue: a table, and a model that keeps the book for each byte. */
#include "bytes/kaa-heard.h"

/* a: bytes arrive while somebody listens, n: while nobody does; h: they are handed out; t: they are taken, and those that are due kept;
 * u: put back, where others were not handed out, U: where they were; f: bytes that were kept are forgotten. Then "had due before". */
static const struct
{
  const char *steps;
  const char *expected;
} table[] = {
  { "a5", "0 5 0" },
  { "a5 h5", "5 0 0" },
  { "a5 h2", "2 3 0" },
  { "a5 h5 t5", "0 0 5" },
  { "n5 h2", "2 0 0" },
  /* What was buffered comes before what arrives. */
  { "n6 a6", "0 12 0" },
  { "n6 a6 t12", "0 0 12" },
  { "n6 a6 t4", "0 8 4" },
  { "n6 t4", "0 0 -4" },
  /* What comes back is what it was. */
  { "a5 h5 t5 u5", "5 0 0" },
  { "a5 h5 t5 u2", "2 0 3" },
  { "n5 t5 u5", "0 0 0" },
  { "n5 t5 u2", "0 0 -3" },
  { "n5 t2 a5 u2", "0 10 0" },
  { "a5 h5 t3 u1", "3 0 2" },
  { "a3 h3 n3 t3 u1", "1 0 2" },
  { "a3 h3 n3 t6 u6", "3 0 0" },
  { "a3 h3 n3 t6 u4", "1 0 0" },
  /* What was never here. */
  { "u4", "0 0 0" },
  { "U4", "4 0 0" },
  { "n3 U4", "4 0 0" },
  { "a3 u4", "0 7 0" },
  { "n3 t3 u5", "2 0 0" },
  /* Nobody has got what was kept. */
  { "a4 t4 f4", "0 0 -4" },
  { "a4 t2 f2", "0 0 -2" },
  { "a4 h4 f0", "4 0 0" },
  { "a4 h1 f0", "1 0 0" },
};

static void
do_step (KaaHeard *heard,
         gsize    *used,
         char      step,
         gsize     n)
{
  switch (step)
    {
    case 'a':
      *used += n;
      kaa_heard_arrive (heard, *used);
      break;
    case 'n':
      *used += n;
      break;
    case 'h':
      kaa_heard_hand_out (heard, n);
      break;
    case 't':
      kaa_heard_hand_out (heard, kaa_heard_get_due (heard, n));
      kaa_heard_take (heard, n);
      *used -= n;
      break;
    case 'u':
    case 'U':
      kaa_heard_put_back (heard, n, step == 'U');
      *used += n;
      break;
    case 'f':
      kaa_heard_forget (heard, n);
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
test_table (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    {
      GStrv steps = g_strsplit (table[i].steps, " ", -1);
      KaaHeard heard = { 0, };
      gsize used = 0;
      char *found;

      for (guint j = 0; steps[j] != NULL; j++)
        do_step (&heard, &used, steps[j][0], g_ascii_strtoull (steps[j] + 1, NULL, 10));
      found = g_strdup_printf ("%" G_GSIZE_FORMAT " %" G_GSIZE_FORMAT " %" G_GSSIZE_FORMAT, heard.had, heard.due, heard.before);
      g_test_message ("%s", table[i].steps);
      g_assert_cmpstr (found, ==, table[i].expected);
      g_assert_cmpuint (heard.had + heard.due, <=, used);
      g_free (found);
      g_strfreev (steps);
    }
}

/* A listener who comes and goes, and others who take and put back: he hears what arrived while he was there once and in order, and
 * nothing twice. */
static void
test_model (void)
{
  for (guint seed = 0; seed < 500; seed++)
    {
      GRand *rand = g_rand_new_with_seed (seed);
      KaaHeard heard = { 0, };
      gsize head = 0, tail = 0, told = 0;
      gboolean listens = FALSE, *owed = g_new0 (gboolean, 4096), *was_told = g_new0 (gboolean, 4096);

      for (guint step = 0; step < 200; step++)
        {
          gsize n = g_rand_int_range (rand, 1, 9), due;

          switch (g_rand_int_range (rand, 0, 6))
            {
            case 0:
              for (gsize i = 0; i < n; i++)
                owed[tail + i] = listens;
              tail += n;
              if (listens)
                kaa_heard_arrive (&heard, tail - head);
              break;
            case 1: /* handed out */
              n = MIN (n, tail - head - heard.had);
              for (gsize i = head + heard.had; listens && i < head + heard.had + n; i++)
                {
                  g_assert_cmpuint (i, >=, told);
                  told = i + 1;
                  was_told[i] = TRUE;
                }
              if (listens)
                kaa_heard_hand_out (&heard, n);
              break;
            case 2:
            case 3: /* taken; what is due is told at once here */
              n = MIN (n, tail - head);
              due = kaa_heard_get_due (&heard, n);
              for (gsize i = head + heard.had; i < head + heard.had + due; i++)
                {
                  g_assert_cmpuint (i, >=, told);
                  told = i + 1;
                  was_told[i] = TRUE;
                }
              kaa_heard_hand_out (&heard, due);
              kaa_heard_take (&heard, n);
              head += n;
              break;
            case 4:
              n = MIN (n, head);
              kaa_heard_put_back (&heard, n, head > 0 && was_told[head - 1]);
              head -= n;
              break;
            default:
              listens = !listens;
              if (!listens)
                {
                  kaa_heard_forget (&heard, 0);
                  for (gsize i = head; i < tail; i++)
                    owed[i] = FALSE;
                }
            }
          g_assert_cmpuint (heard.had + heard.due, <=, tail - head);
          g_assert_cmpuint (head + heard.had, <=, MAX (told, head));
        }

      for (gsize i = 0; i < head; i++)
        g_assert_true (!owed[i] || was_told[i]);
      g_free (owed);
      g_free (was_told);
      g_rand_free (rand);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heard/table", test_table);
  g_test_add_func ("/heard/model", test_model);
  return g_test_run ();
}

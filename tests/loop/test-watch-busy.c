/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The busiest of many descriptors. */
#include "poller-fixture.h"

enum { N_CROWD = 40 };

typedef struct
{
  Entry *entries[N_CROWD];
  int fds[N_CROWD][2];
  guint n_expected[N_CROWD];
} Crowd;

static void
crowd_begin (Crowd         *crowd,
             gconstpointer  data)
{
  begin (data);
  for (guint i = 0; i < N_CROWD; i++)
    {
      make_sockets (crowd->fds[i]);
      crowd->entries[i] = entry_new ();
      entry_watch (crowd->entries[i], crowd->fds[i][0], KAA_POLL_IN);
      crowd->n_expected[i] = 0;
    }
  settle ();
}

/* Whatever was done with them: each is heard, once. */
static void
crowd_end (Crowd *crowd)
{
  for (guint i = 0; i < N_CROWD; i++)
    {
      if (crowd->entries[i] != NULL)
        {
          put (crowd->fds[i][1]);
          settle ();
          g_assert_cmpuint (crowd->entries[i]->n_dispatched, ==, ++crowd->n_expected[i]);
          g_assert_cmpuint (settle (), ==, 1);
          entry_free (crowd->entries[i]);
        }
      close_both (crowd->fds[i]);
    }
  end ();
}

static void
hear (Crowd *crowd,
      guint  i,
      guint  n_times)
{
  while (n_times-- > 0)
    {
      put (crowd->fds[i][1]);
      settle ();
      g_assert_cmpuint (crowd->entries[i]->n_dispatched, ==, ++crowd->n_expected[i]);
      drain (crowd->fds[i][0]);
      kaa_watch_clear (&crowd->entries[i]->watch, KAA_POLL_IN);
    }
}

static gboolean
is_polled (int fd)
{
  for (guint i = 0; i < n_polled; i++)
    if (polled[i] == fd)
      return TRUE;

  return FALSE;
}

static guint
crowd_count_polled (Crowd *crowd)
{
  guint n = 0;

  settle ();
  for (guint i = 0; i < N_CROWD; i++)
    n += is_polled (crowd->fds[i][0]);

  return n;
}

/* How many are polled directly where only `automatic` of the set are. */
static guint
expect_polled (guint automatic)
{
  return g_str_equal (mode, "auto") ? automatic : g_str_equal (mode, "poll") ? N_CROWD : 0;
}

static void
test_one (gconstpointer data)
{
  Crowd crowd;
  Entry *busy;

  crowd_begin (&crowd, data);
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (0));
  busy = crowd.entries[7];
  hear (&crowd, 7, 40);
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (1));
  g_assert_true (is_polled (crowd.fds[7][0]) == !g_str_equal (mode, "epoll"));

  /* It is what it was: told once, silent while nothing is wanted. */
  kaa_watch_set_wanted (&busy->watch, 0);
  put (crowd.fds[7][1]);
  g_assert_cmpuint (settle (), ==, 1);
  kaa_watch_set_wanted (&busy->watch, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (busy->n_dispatched, ==, ++crowd.n_expected[7]);
  close (g_steal_fd (&crowd.fds[7][1]));
  settle ();
  g_assert_cmpuint (busy->n_dispatched, ==, ++crowd.n_expected[7]);
  g_assert_cmpuint (settle (), ==, 1);

  entry_free (g_steal_pointer (&crowd.entries[7]));
  close (g_steal_fd (&crowd.fds[7][0]));
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, MIN (expect_polled (0), N_CROWD - 1));
  crowd_end (&crowd);
}

/* There are few places; who becomes quiet loses his to somebody busy, and not before. */
static void
test_places (gconstpointer data)
{
  Crowd crowd;

  crowd_begin (&crowd, data);
  for (guint i = 0; i < 4; i++)
    hear (&crowd, i, 40);
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (4));

  for (guint round = 0; round < 100; round++)
    {
      for (guint i = 0; i < 5; i++)
        hear (&crowd, i, 1);
      g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (4));
      g_assert_true (is_polled (crowd.fds[4][0]) == g_str_equal (mode, "poll"));
    }

  for (guint round = 0; round < 100; round++)
    for (guint i = 1; i < 5; i++)
      hear (&crowd, i, 1);
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (4));
  g_assert_true (is_polled (crowd.fds[0][0]) == g_str_equal (mode, "poll"));
  g_assert_true (is_polled (crowd.fds[4][0]) == !g_str_equal (mode, "epoll"));

  crowd_end (&crowd);
}

/* Where all are busy, nobody is busier. */
static void
test_all (gconstpointer data)
{
  Crowd crowd;

  crowd_begin (&crowd, data);
  for (guint round = 0; round < 40; round++)
    for (guint i = 0; i < N_CROWD; i++)
      hear (&crowd, i, 1);
  g_assert_cmpuint (crowd_count_polled (&crowd), ==, expect_polled (0));
  crowd_end (&crowd);
}

/* Those that stay when the set is closed are as they were, wherever they had been. */
static void
test_migration (gconstpointer data)
{
  Crowd crowd;

  crowd_begin (&crowd, data);
  hear (&crowd, 0, 40);
  hear (&crowd, 1, 40);
  for (guint i = 3; i < N_CROWD; i++)
    entry_free (g_steal_pointer (&crowd.entries[i]));
  g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, g_str_equal (mode, "epoll"));
  for (guint i = 0; i < 3; i++)
    hear (&crowd, i, 20);

  for (guint i = 3; i < N_CROWD; i++)
    {
      crowd.entries[i] = entry_new ();
      crowd.n_expected[i] = 0;
      entry_watch (crowd.entries[i], crowd.fds[i][0], KAA_POLL_IN);
    }
  for (guint i = 0; i < N_CROWD; i++)
    hear (&crowd, i, 20);
  crowd_end (&crowd);
}

/* Its number belongs to another watch by now: it is told so, and neither that number nor what it watched is polled for it. */
static void
test_number_again (gconstpointer data)
{
  Crowd crowd;
  Entry *second;
  int again[2];
  int copy;

  crowd_begin (&crowd, data);
  copy = fcntl (crowd.fds[0][0], F_DUPFD_CLOEXEC, 0);
  make_sockets (again);
  g_assert_cmpint (dup3 (again[0], crowd.fds[0][0], O_CLOEXEC), ==, crowd.fds[0][0]);
  second = entry_new ();
  entry_watch (second, crowd.fds[0][0], KAA_POLL_IN);

  for (guint i = 0; i < 40; i++)
    {
      put (crowd.fds[0][1]);
      settle ();
      drain (copy);
      kaa_watch_clear (&crowd.entries[0]->watch, KAA_POLL_IN);
    }
  for (guint i = 1; i <= 40; i++)
    {
      put (again[1]);
      settle ();
      g_assert_cmpuint (second->n_dispatched, ==, i);
      drain (again[0]);
      kaa_watch_clear (&second->watch, KAA_POLL_IN);
      kaa_watch_clear (&crowd.entries[0]->watch, KAA_POLL_IN);
    }
  if (!g_str_equal (mode, "poll"))
    {
      g_assert_cmpuint (crowd.entries[0]->n_dispatched, ==, 1);
      g_assert_cmpuint (crowd.entries[0]->watch.ready & KAA_POLL_LOST, !=, 0);
    }

  entry_free (g_steal_pointer (&crowd.entries[0]));
  put (again[1]);
  settle ();
  g_assert_cmpuint (second->n_dispatched, ==, 41);
  entry_free (second);
  close (copy);
  close_both (again);
  crowd_end (&crowd);
}

/* Some more often than others, for a while; now and then one comes or goes. */
static void
test_random (gconstpointer data)
{
  Crowd crowd;
  guint32 favourite = 0;

  crowd_begin (&crowd, data);
  for (guint round = 0; round < 4000; round++)
    {
      guint i = g_test_rand_bit () ? favourite : (guint) g_test_rand_int_range (0, N_CROWD);

      if (round % 100 == 0)
        favourite = g_test_rand_int_range (0, N_CROWD);
      if (crowd.entries[i] == NULL)
        {
          crowd.entries[i] = entry_new ();
          crowd.n_expected[i] = 0;
          entry_watch (crowd.entries[i], crowd.fds[i][0], KAA_POLL_IN);
        }
      else if (g_test_rand_int_range (0, 10) == 0)
        {
          entry_free (g_steal_pointer (&crowd.entries[i]));
          continue;
        }
      hear (&crowd, i, 1);
    }
  crowd_end (&crowd);
}

int
main (int   argc,
      char *argv[])
{
  static const Case cases[] =
  {
    { "one", test_one },
    { "places", test_places },
    { "all", test_all },
    { "migration", test_migration },
    { "number-again", test_number_again },
    { "random", test_random },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("watch-busy", cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}

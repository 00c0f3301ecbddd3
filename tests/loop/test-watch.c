/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The descriptors that a poller looks after. */
#include "poller-fixture.h"

#include <sys/socket.h>
#include <sys/stat.h>

static void
make_sockets (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
}

static void
drain (int fd)
{
  char buffer[4096];

  while (read (fd, buffer, sizeof buffer) > 0)
    ;
}

static void
test_readiness (gconstpointer data)
{
  Entry *entry;
  int fds[2];

  begin (data);
  make_pipe (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 0);

  put (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN);

  /* What is known is not told again. */
  put (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (settle (), ==, 1);

  drain (fds[0]);
  kaa_watch_clear (&entry->watch, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);

  put (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 2);

  entry_free (entry);
  close_both (fds);
  end ();
}

static void
test_output (gconstpointer data)
{
  static const char block[4096];
  Entry *entry;
  int fds[2];

  begin (data);
  make_sockets (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  while (write (fds[0], block, sizeof block) > 0)
    ;
  kaa_watch_clear (&entry->watch, KAA_POLL_OUT);
  kaa_watch_set_wanted (&entry->watch, KAA_POLL_IN | KAA_POLL_OUT);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 0);

  drain (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_OUT);

  entry_free (entry);
  close_both (fds);
  end ();
}

static void
test_disarmed (gconstpointer data)
{
  Entry *entry;
  int fds[2];

  begin (data);
  make_pipe (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  kaa_watch_set_wanted (&entry->watch, 0);
  put (fds[1]);
  settle ();
  put (fds[1]);
  g_assert_cmpuint (settle (), ==, 1);
  g_assert_cmpuint (entry->n_dispatched, ==, 0);

  kaa_watch_set_wanted (&entry->watch, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN);

  entry_free (entry);
  close_both (fds);
  end ();
}

static void
test_hang_up (gconstpointer data)
{
  Entry *entry;
  int fds[2];

  begin (data);

  /* Nothing is wanted: it is told once, and costs nothing from then on. */
  make_pipe (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], 0);
  settle ();
  close (g_steal_fd (&fds[1]));
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (entry->watch.ready & KAA_POLL_HUP, !=, 0);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (settle (), ==, 1);
  g_assert_cmpuint (entry->n_dispatched, ==, 1);

  /* It is not told again because something is wanted now: the owner knows that there is an end to read. */
  g_assert_cmpuint (entry->watch.ready & KAA_POLL_IN, !=, 0);
  kaa_watch_set_wanted (&entry->watch, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (settle (), ==, 1);
  entry_free (entry);
  close_both (fds);

  /* The same with data before it, that nobody has read. */
  make_pipe (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  put (fds[1]);
  settle ();
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN);
  close (g_steal_fd (&fds[1]));
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 2);
  g_assert_cmpuint (entry->watch.ready & KAA_POLL_HUP, !=, 0);
  g_assert_cmpuint (settle (), ==, 1);
  entry_free (entry);
  close_both (fds);

  /* Half of it: an end of input, but nothing is said about output. */
  make_sockets (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  shutdown (fds[1], SHUT_WR);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN | KAA_POLL_HUP);
  g_assert_cmpuint (settle (), ==, 1);
  entry_free (entry);
  close_both (fds);

  end ();
}

static void
test_back_from_hang_up (gconstpointer data)
{
  char *dir = g_dir_make_tmp ("kaa-poller-XXXXXX", NULL);
  char *path = g_build_filename (dir, "fifo", NULL);
  Entry *entry;
  int fds[2];

  begin (data);
  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  fds[0] = g_open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  fds[1] = g_open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN);
  settle ();
  close (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 1);

  fds[1] = g_open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  kaa_watch_clear (&entry->watch, KAA_POLL_IN);
  settle ();
  put (fds[1]);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 2);
  g_assert_cmpuint (entry->watch.ready & KAA_POLL_IN, !=, 0);

  entry_free (entry);
  close_both (fds);
  g_unlink (path);
  g_rmdir (dir);
  g_free (path);
  g_free (dir);
  end ();
}

static void
test_same_fd (gconstpointer data)
{
  Entry *entries[8];
  int fds[2];

  begin (data);
  make_pipe (fds);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[0], KAA_POLL_IN);
    }
  put (fds[1]);
  settle ();
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);

  /* Whichever of them goes, it does not take the others along. */
  entry_free (entries[0]);
  drain (fds[0]);
  for (guint i = 1; i < G_N_ELEMENTS (entries); i++)
    kaa_watch_clear (&entries[i]->watch, KAA_POLL_IN);
  settle ();
  put (fds[1]);
  settle ();
  for (guint i = 1; i < G_N_ELEMENTS (entries); i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 2);
      entry_free (entries[i]);
    }

  close_both (fds);
  end ();
}

static void
test_refused (gconstpointer data)
{
  Entry *entries[8];
  Entry *none;
  GError *error = NULL;
  int fd = g_open ("/dev/null", O_RDWR | O_CLOEXEC);
  int closed = fcntl (fd, F_DUPFD_CLOEXEC, 100);

  begin (data);
  close (closed);
  none = entry_new ();
  g_assert_false (kaa_watch_start (&none->watch, &none->entry, closed, KAA_POLL_IN, &error));
  g_assert_nonnull (error);
  g_assert_cmpint (error->domain, ==, G_IO_ERROR);
  g_clear_error (&error);

  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      entries[i] = entry_new ();
      entry_watch (entries[i], fd, KAA_POLL_IN | KAA_POLL_OUT);
    }
  settle ();
  g_assert_cmpuint (settle (), ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);
      g_assert_cmpuint (entries[i]->watch.ready, ==, KAA_POLL_IN | KAA_POLL_OUT);
      entry_free (entries[i]);
    }
  g_assert_cmpuint (none->n_dispatched, ==, 0);
  g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, 0);

  entry_free (none);
  close (fd);
  end ();
}

static void
test_migration (gconstpointer data)
{
  enum { N = 20 };
  Entry *entries[N];
  int fds[N][2];
  gboolean forced;
  guint n_fds = count_fds (/* only_epoll= */ FALSE);

  begin (data);
  forced = g_str_equal (mode, "epoll");

  for (guint i = 0; i < N; i++)
    {
      guint expected = g_str_equal (mode, "poll") ? 0 : forced || i + 1 > 6;

      make_pipe (fds[i]);
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[i][0], KAA_POLL_IN);
      g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, expected);
      if (i % 2 == 0)
        put (fds[i][1]);
      settle ();
    }
  for (guint i = 0; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, i % 2 == 0);
      put (fds[i][1]);
    }
  settle ();
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);

  /* From both ends, so that those in the middle are left. */
  for (guint left = N; left > 2; left--)
    {
      guint i = left % 2 == 0 ? (N - left) / 2 : N - 1 - (N - left) / 2;
      guint expected = g_str_equal (mode, "poll") ? 0 : forced || left - 1 > 3;

      entry_free (g_steal_pointer (&entries[i]));
      g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, expected);
    }
  settle ();
  for (guint i = 0; i < N; i++)
    {
      if (entries[i] != NULL)
        {
          drain (fds[i][0]);
          kaa_watch_clear (&entries[i]->watch, KAA_POLL_IN);
          settle ();
          g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);
          put (fds[i][1]);
          settle ();
          g_assert_cmpuint (entries[i]->n_dispatched, ==, 2);
          entry_free (entries[i]);
        }
      close_both (fds[i]);
    }

  end ();
  g_assert_cmpuint (count_fds (/* only_epoll= */ FALSE), ==, n_fds);
}

/* Closed by somebody else, while the description lives on under another number. */
static void
test_closed_behind (gconstpointer data)
{
  enum { N = 8 };
  Entry *entries[N];
  int fds[N][2];
  int copies[2];

  begin (data);
  for (guint i = 0; i < N; i++)
    {
      make_sockets (fds[i]);
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[i][0], KAA_POLL_IN);
    }
  settle ();

  for (guint i = 0; i < 2; i++)
    {
      copies[i] = fcntl (fds[i][0], F_DUPFD_CLOEXEC, 100);
      close (g_steal_fd (&fds[i][0]));
    }

  /* One that is stopped says nothing any more, even where the kernel does. */
  entry_free (entries[0]);
  put (fds[0][1]);
  settle ();
  put (fds[0][1]);
  g_assert_cmpuint (settle (), ==, 1);

  /* One that is not stopped learns it when it changes what it wants. */
  kaa_watch_set_wanted (&entries[1]->watch, KAA_POLL_OUT);
  settle ();
  g_assert_cmpuint (entries[1]->n_dispatched, ==, 1);
  g_assert_cmpuint (entries[1]->watch.ready & KAA_POLL_HUP, !=, 0);
  g_assert_cmpuint (settle (), ==, 1);

  for (guint i = 2; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 0);
      put (fds[i][1]);
    }
  settle ();
  for (guint i = 1; i < N; i++)
    {
      g_assert_cmpuint (entries[i]->n_dispatched, ==, 1);
      entry_free (entries[i]);
    }
  for (guint i = 0; i < N; i++)
    close_both (fds[i]);
  close_both (copies);
  end ();
}

/* Closed by somebody else, and the number belongs to another watch by now. */
static void
test_number_again (gconstpointer data)
{
  enum { N = 8 };
  Entry *entries[N], *second;
  int fds[N][2];
  int again[2];

  begin (data);
  for (guint i = 0; i < N; i++)
    {
      make_sockets (fds[i]);
      entries[i] = entry_new ();
      entry_watch (entries[i], fds[i][0], KAA_POLL_IN);
    }
  make_sockets (again);
  g_assert_cmpint (dup3 (again[0], fds[0][0], O_CLOEXEC), ==, fds[0][0]);
  second = entry_new ();
  entry_watch (second, fds[0][0], KAA_POLL_IN);
  settle ();

  kaa_watch_set_wanted (&entries[0]->watch, 0);
  put (again[1]);
  settle ();
  g_assert_cmpuint (second->n_dispatched, ==, 1);

  drain (again[0]);
  kaa_watch_clear (&second->watch, KAA_POLL_IN);
  entry_free (entries[0]);
  settle ();
  g_assert_cmpuint (second->n_dispatched, ==, 1);
  put (again[1]);
  settle ();
  g_assert_cmpuint (second->n_dispatched, ==, 2);

  entry_free (second);
  for (guint i = 0; i < N; i++)
    {
      if (i > 0)
        entry_free (entries[i]);
      close_both (fds[i]);
    }
  close_both (again);
  end ();
}

/* --- the busiest of many --- */

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
test_busy (gconstpointer data)
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
test_busy_places (gconstpointer data)
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
test_busy_all (gconstpointer data)
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
test_busy_migration (gconstpointer data)
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

/* Its number belongs to another watch by now: whatever it is told, the number is not polled for it. */
static void
test_busy_number_again (gconstpointer data)
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
    g_assert_cmpuint (crowd.entries[0]->n_dispatched, ==, 40);

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
    { "readiness", test_readiness },
    { "output", test_output },
    { "disarmed", test_disarmed },
    { "hang-up", test_hang_up },
    { "back-from-hang-up", test_back_from_hang_up },
    { "same-fd", test_same_fd },
    { "refused", test_refused },
    { "migration", test_migration },
    { "closed-behind", test_closed_behind },
    { "number-again", test_number_again },
    { "busy", test_busy },
    { "busy-places", test_busy_places },
    { "busy-all", test_busy_all },
    { "busy-migration", test_busy_migration },
    { "busy-number-again", test_busy_number_again },
    { "random", test_random },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("watch", cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}

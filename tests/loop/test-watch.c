/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The descriptors that a poller looks after. */
#include "poller-fixture.h"

#include <sys/stat.h>

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

/* Whoever has taken less than there was is told again, although nothing has come since. What is known already is told no more. */
static void
test_left_over (gconstpointer data)
{
  Entry *entry;
  int fds[2];

  begin (data);
  make_sockets (fds);
  entry = entry_new ();
  entry_watch (entry, fds[0], KAA_POLL_IN | KAA_POLL_OUT);
  put (fds[1]);
  for (guint i = 1; i <= 3; i++)
    {
      settle ();
      g_assert_cmpuint (entry->n_dispatched, ==, i);
      g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN | KAA_POLL_OUT);
      g_assert_cmpuint (settle (), ==, 1);
      kaa_watch_clear (&entry->watch, i % 2 == 1 ? KAA_POLL_IN : KAA_POLL_OUT);
    }
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 4);

  /* Nor what was not looked at while nobody wanted it. */
  kaa_watch_set_wanted (&entry->watch, 0);
  kaa_watch_clear (&entry->watch, KAA_POLL_IN | KAA_POLL_OUT);
  g_assert_cmpuint (settle (), ==, 1);
  kaa_watch_set_wanted (&entry->watch, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (entry->n_dispatched, ==, 5);
  g_assert_cmpuint (entry->watch.ready, ==, KAA_POLL_IN);

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

int
main (int   argc,
      char *argv[])
{
  static const Case cases[] =
  {
    { "readiness", test_readiness },
    { "left-over", test_left_over },
    { "output", test_output },
    { "disarmed", test_disarmed },
    { "hang-up", test_hang_up },
    { "back-from-hang-up", test_back_from_hang_up },
    { "same-fd", test_same_fd },
    { "refused", test_refused },
    { "migration", test_migration },
    { "closed-behind", test_closed_behind },
    { "number-again", test_number_again },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("watch", cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}

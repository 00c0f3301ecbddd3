/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the library opens is never standard input, output or error, even where these numbers are free. */

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_STANDARD 3
#define N_FILES 64

/* The standard descriptors while they are put aside. Nothing is printed meanwhile, and nothing asserted. */
typedef struct
{
  int kept[N_STANDARD];
  int filled[N_FILES];
  guint n_filled;
  struct rlimit limit;
} Aside;

static void
put_aside (Aside *aside)
{
  aside->n_filled = 0;
  getrlimit (RLIMIT_NOFILE, &aside->limit);
  for (int i = 0; i < N_STANDARD; i++)
    aside->kept[i] = fcntl (i, F_DUPFD_CLOEXEC, N_FILES);
  for (int i = 0; i < N_STANDARD; i++)
    close (i);
}

/* All numbers but the standard ones are taken then, but for so many; the last that was taken, or is free again. */
static int
fill (Aside *aside,
      guint  n_free)
{
  struct rlimit limit = { N_FILES, aside->limit.rlim_max };
  int fd;

  setrlimit (RLIMIT_NOFILE, &limit);
  while ((fd = fcntl (aside->kept[0], F_DUPFD_CLOEXEC, N_STANDARD)) >= 0)
    aside->filled[aside->n_filled++] = fd;
  fd = aside->filled[aside->n_filled - 1];
  for (; n_free > 0; n_free--)
    close (aside->filled[--aside->n_filled]);
  return fd;
}

static void
put_back (Aside *aside)
{
  setrlimit (RLIMIT_NOFILE, &aside->limit);
  while (aside->n_filled > 0)
    close (aside->filled[--aside->n_filled]);
  for (int i = 0; i < N_STANDARD; i++)
    {
      dup2 (aside->kept[i], i);
      close (aside->kept[i]);
    }
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static void
test_moves (void)
{
  int before[N_STANDARD], after[N_STANDARD];
  gboolean was_closed[N_STANDARD];
  Aside aside;

  /* The lowest number that is free is given away: all three, one after the other. */
  put_aside (&aside);
  for (int i = 0; i < N_STANDARD; i++)
    before[i] = open ("/dev/null", O_RDONLY);
  for (int i = 0; i < N_STANDARD; i++)
    {
      after[i] = kaa_sys_move_up (before[i]);
      was_closed[i] = !is_open (before[i]);
    }
  put_back (&aside);

  for (int i = 0; i < N_STANDARD; i++)
    {
      g_assert_cmpint (before[i], ==, i);
      g_assert_true (was_closed[i]);
      g_assert_cmpint (after[i], >=, N_STANDARD);
      g_assert_cmpint (fcntl (after[i], F_GETFD), ==, FD_CLOEXEC);
      close (after[i]);
    }
}

static void
test_stays (void)
{
  int fd = fcntl (STDIN_FILENO, F_DUPFD, N_STANDARD);

  /* It is what it was, also in its flags. */
  g_assert_cmpint (kaa_sys_move_up (fd), ==, fd);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, 0);
  close (fd);

  errno = ENXIO;
  g_assert_cmpint (kaa_sys_move_up (-1), ==, -1);
  g_assert_cmpint (errno, ==, ENXIO);
}

static void
test_no_number (void)
{
  gboolean was_closed;
  int before, after, errsv;
  Aside aside;

  put_aside (&aside);
  fill (&aside, 0);
  before = open ("/dev/null", O_RDONLY);
  after = kaa_sys_move_up (before);
  errsv = errno;
  was_closed = !is_open (before);
  put_back (&aside);

  g_assert_cmpint (before, ==, 0);
  g_assert_cmpint (after, ==, -1);
  g_assert_cmpint (errsv, ==, EMFILE);
  g_assert_true (was_closed);
}

static void
test_pair (void)
{
  int before[2], after[2];
  gboolean moved;
  Aside aside;

  for (int n_free = 1; n_free <= N_STANDARD; n_free++)
    {
      put_aside (&aside);
      for (int i = n_free; i < N_STANDARD; i++)
        (void) open ("/dev/null", O_RDONLY);
      if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, before) < 0)
        before[0] = before[1] = -1;
      after[0] = before[0];
      after[1] = before[1];
      moved = kaa_sys_move_pair_up (after);
      put_back (&aside);

      g_assert_true (moved);
      g_assert_cmpint (before[0], ==, N_STANDARD - n_free);
      for (int i = 0; i < 2; i++)
        {
          g_assert_cmpint (after[i], >=, N_STANDARD);
          g_assert_cmpint (fcntl (after[i], F_GETFD), ==, FD_CLOEXEC);
        }
      /* They are still the two ends of one connection, and nobody else has one. */
      g_assert_cmpint (write (after[0], "x", 1), ==, 1);
      close (after[0]);
      g_assert_cmpint (read (after[1], before, sizeof before), ==, 1);
      g_assert_cmpint (read (after[1], before, sizeof before), ==, 0);
      close (after[1]);
    }
}

/* There is a number for one of them, or for none: neither is left. */
static void
test_pair_no_number (void)
{
  for (int n_free = 0; n_free <= 1; n_free++)
    {
      gboolean moved, was_closed[3];
      int fds[2], before, errsv;
      Aside aside;
      int last;

      put_aside (&aside);
      last = fill (&aside, n_free);
      if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        fds[0] = fds[1] = -1;
      before = fds[1];
      moved = kaa_sys_move_pair_up (fds);
      errsv = errno;
      was_closed[0] = !is_open (0);
      was_closed[1] = !is_open (1);
      was_closed[2] = n_free == 0 || !is_open (last);
      put_back (&aside);

      g_assert_cmpint (before, ==, 1);
      g_assert_false (moved);
      g_assert_cmpint (errsv, ==, EMFILE);
      g_assert_true (was_closed[0] && was_closed[1] && was_closed[2]);
      g_assert_cmpint (fds[0], ==, -1);
      g_assert_cmpint (fds[1], ==, -1);
    }
}

static void
test_dup (void)
{
  int first, second;
  Aside aside;

  put_aside (&aside);
  first = open ("/dev/null", O_RDONLY);
  second = kaa_sys_dup (first);
  put_back (&aside);

  g_assert_cmpint (first, ==, 0);
  g_assert_cmpint (second, >=, N_STANDARD);
  g_assert_cmpint (fcntl (second, F_GETFD), ==, FD_CLOEXEC);
  close (second);

  g_assert_cmpint (kaa_sys_dup (-1), ==, -1);
  g_assert_cmpint (errno, ==, EBADF);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bytes/sys/move-up/moves", test_moves);
  g_test_add_func ("/bytes/sys/move-up/stays", test_stays);
  g_test_add_func ("/bytes/sys/move-up/no-number", test_no_number);
  g_test_add_func ("/bytes/sys/move-up/pair", test_pair);
  g_test_add_func ("/bytes/sys/move-up/pair-no-number", test_pair_no_number);
  g_test_add_func ("/bytes/sys/move-up/dup", test_dup);
  return g_test_run ();
}

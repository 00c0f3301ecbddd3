/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Time stands still between two polls of a main loop, for this library (GLib itself looks at its own clock).
 *
 * A dispatch ends once it has taken long enough, wherever it is then. Rules order what happens to one channel; what happens to two
 * is told in the order in which the loop gets there, and on a busy machine that is another one each time. With this clock no
 * dispatch takes any time, so a table of what is told can be compared word by word.
 *
 * Part of a program, or loaded before everything else (LD_PRELOAD) where the program is an interpreter.
 */

#include <dlfcn.h>
#include <glib.h>
#include <poll.h>
#include <time.h>

#define FROM_OUTSIDE __attribute__ ((visibility ("default")))

/* A program may let it run meanwhile. */
FROM_OUTSIDE gboolean time_stands_still = TRUE;

/* Of this thread's loop; 0 where none has run. */
static __thread gint64 now;

static gint64
read_clock (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

FROM_OUTSIDE gint64
g_get_monotonic_time (void)
{
  return now != 0 && time_stands_still ? now : read_clock ();
}

FROM_OUTSIDE int
poll (struct pollfd *fds,
      nfds_t         n_fds,
      int            timeout)
{
  static int (*next) (struct pollfd *, nfds_t, int);
  int result;

  if (next == NULL)
    next = dlsym (RTLD_NEXT, "poll");
  result = next (fds, n_fds, timeout);
  now = read_clock ();
  return result;
}

FROM_OUTSIDE int
ppoll (struct pollfd         *fds,
       nfds_t                 n_fds,
       const struct timespec *timeout,
       const sigset_t        *mask)
{
  static int (*next) (struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
  int result;

  if (next == NULL)
    next = dlsym (RTLD_NEXT, "ppoll");
  result = next (fds, n_fds, timeout, mask);
  now = read_clock ();
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_AT_ONCE 4000

/* write(2) and its like, as the kernel counts them for this process. */
static guint64
count_writes (void)
{
  g_autofree char *text = NULL;
  const char *line;

  if (!g_file_get_contents ("/proc/self/io", &text, NULL, NULL))
    return 0;
  line = strstr (text, "syscw: ");
  return line != NULL ? g_ascii_strtoull (line + strlen ("syscw: "), NULL, 10) : 0;
}

static double
to_seconds (const struct timeval *time)
{
  return time->tv_sec + time->tv_usec / 1e6;
}

static double
get_cpu_seconds (const struct rusage *usage)
{
  return to_seconds (&usage->ru_utime) + to_seconds (&usage->ru_stime);
}

void
bench_start (Bench *bench)
{
  bench->writes = count_writes ();
  getrusage (RUSAGE_SELF, &bench->usage);
  bench->time = g_get_monotonic_time ();
}

void
bench_stop (Bench *bench)
{
  double seconds = (g_get_monotonic_time () - bench->time) / 1e6;
  struct rusage usage;
  guint64 writes;

  getrusage (RUSAGE_SELF, &usage);
  writes = count_writes ();
  if (bench->items != bench->amount || bench->bytes != bench->amount * bench->size)
    g_error ("%s, %s: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " items, %" G_GUINT64_FORMAT " bytes",
             bench->peer, bench->kind, bench->items, bench->amount, bench->bytes);

  printf ("{\"items\": %" G_GUINT64_FORMAT ", \"seconds\": %.6f, \"cpu\": %.6f, \"writes\": %" G_GUINT64_FORMAT ", \"heap\": %" G_GUINT64_FORMAT "}\n",
          bench->items, seconds, get_cpu_seconds (&usage) - get_cpu_seconds (&bench->usage), writes - bench->writes, bench->heap);
  fflush (stdout);
}

void
bench_set_nonblocking (int fd)
{
  if (fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK) < 0)
    g_error ("O_NONBLOCK: %s", g_strerror (errno));
}

/* Keeps the other ends of some sockets open for as long as this process lives. */
static void
fork_holder (void)
{
  pid_t parent = getpid ();
  pid_t pid = fork ();

  if (pid < 0)
    g_error ("fork: %s", g_strerror (errno));
  if (pid > 0)
    return;
  /* The parent may be gone before the kernel knows that this is to be noticed. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  while (getppid () == parent)
    pause ();
  _exit (0);
}

/* Connections on which nothing happens; the other ends are elsewhere, since a process may have only so many descriptors. */
int *
bench_open_idle (guint    number,
                 gboolean with_data)
{
  int *near = g_new (int, number);
  int *far = g_new (int, number);
  guint opened = 0;
  guint held = 0;

  while (opened < number)
    {
      int ends[2];

      if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        g_error ("socketpair: %s", g_strerror (errno));
      if (with_data && write (ends[1], "data\n", 5) != 5)
        g_error ("write: %s", g_strerror (errno));
      bench_set_nonblocking (ends[0]);
      near[opened] = ends[0];
      far[opened] = ends[1];
      if (++opened == number || opened % HELD_AT_ONCE == 0)
        {
          fork_holder ();
          for (; held < opened; held++)
            close (far[held]);
        }
    }
  g_free (far);
  return near;
}

guint64
bench_get_heap (void)
{
  struct mallinfo2 heap = mallinfo2 ();

  return heap.uordblks + heap.hblkhd;
}

int
main (int   argc,
      char *argv[])
{
  Bench bench = { NULL, };
  const BenchCase *one;

  if (argc != 6)
    {
      fprintf (stderr, "usage: %s PEER KIND AMOUNT SIZE EXTRA\n", argv[0]);
      return 2;
    }
  bench.peer = argv[1];
  bench.kind = argv[2];
  bench.amount = g_ascii_strtoull (argv[3], NULL, 10);
  bench.size = g_ascii_strtoull (argv[4], NULL, 10);
  bench.extra = strtoul (argv[5], NULL, 10);

  /* What a program with sockets does; the library itself does not need it. */
  signal (SIGPIPE, SIG_IGN);

  for (one = bench_cases; one->run != NULL; one++)
    {
      if (strcmp (one->peer, bench.peer) == 0 && strcmp (one->kind, bench.kind) == 0)
        {
          one->run (&bench);
          return 0;
        }
    }
  fprintf (stderr, "%s: no case %s, %s\n", argv[0], bench.peer, bench.kind);
  return 2;
}

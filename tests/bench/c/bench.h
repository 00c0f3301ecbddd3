/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The border of all benchmarks in C. A program has a table of cases, each of which is one way (peer) to do one kind of work;
 * it is run once for each measurement, as
 *
 *     PROGRAM PEER KIND AMOUNT SIZE EXTRA
 *
 * with the far end on descriptor 0, and prints one line of JSON. A case does the set-up, then bench_start(), the work,
 * and bench_stop(). It counts what it has seen; a wrong total is an error and not a figure.
 */
#pragma once

#include <glib.h>
#include <sys/resource.h>

#define BENCH_FD 0
#define BENCH_BUFFER_SIZE 65536
#define BENCH_QUEUE_SIZE (1024 * 1024)
/* The end of a table of cases. */
#define BENCH_END { NULL, NULL, NULL }

typedef struct
{
  const char *peer;
  const char *kind;
  guint64 amount;         /* how many items: lines, bytes, round trips, messages, channels */
  gsize size;             /* bytes of an item */
  guint extra;            /* idle descriptors, delimiters, or a second descriptor */

  guint64 items;          /* how many were seen; in the end as many as asked for */
  guint64 bytes;          /* and their bytes */
  guint64 heap;           /* bytes of heap that are in use, where that is the question */

  gint64 time;
  struct rusage usage;
  guint64 writes;
} Bench;

typedef struct
{
  const char *peer;
  const char *kind;
  void (*run) (Bench *bench);
} BenchCase;

extern const BenchCase bench_cases[];

void    bench_start           (Bench    *bench);
void    bench_stop            (Bench    *bench);
void    bench_set_nonblocking (int       fd);
int    *bench_open_idle       (guint     number,
                               gboolean  with_data);
guint64 bench_get_heap        (void);

static inline void
bench_see (Bench      *bench,
           const char *item,
           gsize       size)
{
  bench->items++;
  bench->bytes += size;
}

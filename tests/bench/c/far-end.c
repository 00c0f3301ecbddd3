/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the benchmarks talk to, on its descriptor 0; the same for every peer, and as cheap as can be.
 *
 *     far-end lines AMOUNT SIZE   writes lines
 *     far-end bytes AMOUNT 1      writes bytes
 *     far-end echo AMOUNT SIZE    returns what comes
 *     far-end sink AMOUNT SIZE    reads all, and fails if it was another number of bytes
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
write_all (const char *data,
           gsize       size)
{
  while (size > 0)
    {
      gssize written = write (BENCH_FD, data, size);

      if (written < 0)
        _exit (1);
      data += written;
      size -= written;
    }
}

static void
write_bytes (guint64 total)
{
  char block[BENCH_BUFFER_SIZE];

  memset (block, 'x', sizeof block);
  for (; total > 0; total -= MIN (total, sizeof block))
    write_all (block, MIN (total, sizeof block));
}

static void
write_lines (guint64 amount,
             gsize   size)
{
  char block[BENCH_BUFFER_SIZE];
  gsize a_block = sizeof block / size;

  memset (block, 'x', sizeof block);
  if (a_block == 0)
    {
      for (; amount > 0; amount--)
        {
          write_bytes (size - 1);
          write_all ("\n", 1);
        }
      return;
    }

  for (gsize i = 1; i <= a_block; i++)
    block[i * size - 1] = '\n';
  for (; amount > 0; amount -= MIN (amount, a_block))
    write_all (block, MIN (amount, a_block) * size);
}

static guint64
read_all (gboolean echo)
{
  static char block[BENCH_BUFFER_SIZE];
  guint64 total = 0;
  gssize size;

  while ((size = read (BENCH_FD, block, sizeof block)) > 0)
    {
      total += size;
      if (echo)
        write_all (block, size);
    }
  return total;
}

int
main (int   argc,
      char *argv[])
{
  guint64 amount;
  gsize size;

  if (argc != 4)
    return 2;
  amount = g_ascii_strtoull (argv[2], NULL, 10);
  size = g_ascii_strtoull (argv[3], NULL, 10);

  if (strcmp (argv[1], "lines") == 0)
    write_lines (amount, size);
  else if (strcmp (argv[1], "bytes") == 0)
    write_bytes (amount);
  else if (strcmp (argv[1], "echo") == 0 || strcmp (argv[1], "sink") == 0)
    return read_all (argv[1][0] == 'e') == amount * size ? 0 : 1;
  else
    return 2;
  return 0;
}

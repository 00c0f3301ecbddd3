/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poll, epoll, read, write, splice, and nothing else: the limit of the machine. */
#include "bench.h"
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

static void
wait_for (short events)
{
  struct pollfd poll_fd = { BENCH_FD, events, 0 };

  while (poll (&poll_fd, 1, -1) < 0 && errno == EINTR)
    ;
}

static void
run_lines (Bench *bench)
{
  static LineBuffer buffer;
  gssize got;
  gsize room;

  bench_set_nonblocking (BENCH_FD);
  bench_start (bench);
  do
    {
      char *data = line_buffer_get_room (&buffer, &room);

      wait_for (POLLIN);
      got = read (BENCH_FD, data, room);
      line_buffer_scan (&buffer, MAX (got, 0), bench);
    }
  while (got != 0);
  bench_stop (bench);
}

static void
run_chunks (Bench *bench)
{
  static char buffer[BENCH_BUFFER_SIZE];
  gssize got;

  bench_set_nonblocking (BENCH_FD);
  bench_start (bench);
  do
    {
      wait_for (POLLIN);
      got = read (BENCH_FD, buffer, sizeof buffer);
      bench->items += MAX (got, 0);
    }
  while (got != 0);
  bench->bytes = bench->items;
  bench_stop (bench);
}

static void
send_message (const char *message,
              gsize       size)
{
  if (write (BENCH_FD, message, size) != (gssize) size)
    g_error ("write: %s", g_strerror (errno));
}

static void
ping_pong (Bench *bench,
           void (*wait) (gpointer data),
           gpointer data)
{
  static LineBuffer buffer;
  g_autofree char *message = g_strnfill (bench->size, 'x');

  message[bench->size - 1] = '\n';
  bench_set_nonblocking (BENCH_FD);
  bench_start (bench);
  while (bench->items < bench->amount)
    {
      guint64 before = bench->items;

      send_message (message, bench->size);
      while (bench->items == before)
        {
          gsize room;
          char *to = line_buffer_get_room (&buffer, &room);
          gssize got;

          wait (data);
          got = read (BENCH_FD, to, room);
          line_buffer_scan (&buffer, MAX (got, 0), bench);
        }
    }
  bench_stop (bench);
}

static void
wait_by_poll (gpointer data)
{
  wait_for (POLLIN);
}

static void
run_ping_pong (Bench *bench)
{
  ping_pong (bench, wait_by_poll, NULL);
}

static void
wait_by_epoll (gpointer data)
{
  struct epoll_event event;

  while (epoll_wait (*(int *) data, &event, 1, -1) < 0 && errno == EINTR)
    ;
}

static void
run_idle (Bench *bench)
{
  struct epoll_event event = { .events = EPOLLIN };
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  g_autofree int *idle = bench_open_idle (bench->extra, /* with_data= */ FALSE);

  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, BENCH_FD, &event);
  for (guint i = 0; i < bench->extra; i++)
    epoll_ctl (epoll_fd, EPOLL_CTL_ADD, idle[i], &event);
  ping_pong (bench, wait_by_epoll, &epoll_fd);
}

static void
write_block (const char *block,
             gsize       size)
{
  while (size > 0)
    {
      gssize written = write (BENCH_FD, block, size);

      if (written < 0)
        {
          wait_for (POLLOUT);
          continue;
        }
      block += written;
      size -= written;
    }
}

/* Messages are copied into a block, and the block is written. */
static void
run_writes (Bench *bench)
{
  static char block[BENCH_BUFFER_SIZE];
  g_autofree char *message = g_strnfill (bench->size, 'x');
  gsize used = 0;

  bench_set_nonblocking (BENCH_FD);
  bench_start (bench);
  while (bench->items < bench->amount)
    {
      memcpy (block + used, message, bench->size);
      used += bench->size;
      bench_see (bench, message, bench->size);
      if (used + bench->size > sizeof block || bench->items == bench->amount)
        {
          write_block (block, used);
          used = 0;
        }
    }
  bench_stop (bench);
}

static gssize
move (int from,
      int to)
{
  gssize moved = splice (from, NULL, to, NULL, BENCH_BUFFER_SIZE, SPLICE_F_MOVE);

  if (moved < 0)
    g_error ("splice: %s", g_strerror (errno));
  return moved;
}

static void
run_splice_pipe (Bench *bench)
{
  gssize moved;

  bench_start (bench);
  while ((moved = move (BENCH_FD, bench->extra)) > 0)
    bench->items += moved;
  bench->bytes = bench->items;
  bench_stop (bench);
}

static void
run_splice_file (Bench *bench)
{
  int between[2];
  gssize moved;

  if (pipe2 (between, O_CLOEXEC) < 0)
    g_error ("pipe: %s", g_strerror (errno));
  bench_start (bench);
  while ((moved = move (BENCH_FD, between[1])) > 0)
    {
      bench->items += moved;
      while (moved > 0)
        moved -= move (between[0], bench->extra);
    }
  bench->bytes = bench->items;
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "raw", "lines", run_lines },
  { "raw", "chunks", run_chunks },
  { "raw", "ping-pong", run_ping_pong },
  { "raw", "idle", run_idle },
  { "raw", "writes", run_writes },
  { "raw", "splice-pipe", run_splice_pipe },
  { "raw", "splice-file", run_splice_file },
  BENCH_END
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One GSource that polls one epoll descriptor, behind which all others are. */
#include "bench.h"
#include "lines.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  LineBuffer lines;
  char *message;
} PingPong;

static void
send_message (PingPong *self)
{
  if (write (BENCH_FD, self->message, self->bench->size) != (gssize) self->bench->size)
    g_error ("write: %s", g_strerror (errno));
}

static void
on_answer (PingPong *self)
{
  guint64 before = self->bench->items;
  gsize room;
  char *data = line_buffer_get_room (&self->lines, &room);
  gssize got = read (BENCH_FD, data, room);

  line_buffer_scan (&self->lines, MAX (got, 0), self->bench);
  if (self->bench->items == self->bench->amount)
    g_main_loop_quit (self->loop);
  else if (self->bench->items > before)
    send_message (self);
}

static gboolean
on_events (int          epoll_fd,
           GIOCondition condition,
           gpointer     user_data)
{
  struct epoll_event events[64];
  int n = epoll_wait (epoll_fd, events, G_N_ELEMENTS (events), 0);

  for (int i = 0; i < n; i++)
    on_answer (events[i].data.ptr);
  return G_SOURCE_CONTINUE;
}

static void
run_ping_pong (Bench *bench)
{
  static PingPong self;
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = &self };
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  g_autofree int *idle = bench_open_idle (bench->extra, /* with_data= */ FALSE);

  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, BENCH_FD, &event);
  for (guint i = 0; i < bench->extra; i++)
    epoll_ctl (epoll_fd, EPOLL_CTL_ADD, idle[i], &event);

  self.bench = bench;
  self.loop = g_main_loop_new (NULL, FALSE);
  self.message = g_strnfill (bench->size, 'x');
  self.message[bench->size - 1] = '\n';
  bench_set_nonblocking (BENCH_FD);
  g_unix_fd_add (epoll_fd, G_IO_IN, on_events, NULL);

  bench_start (bench);
  send_message (&self);
  g_main_loop_run (self.loop);
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "epoll-source", "ping-pong", run_ping_pong },
  { "epoll-source", "idle", run_ping_pong },
  BENCH_END
};

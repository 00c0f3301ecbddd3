/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libevent: bufferevent, evbuffer_readln(). */
#include "bench.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

typedef struct
{
  Bench *bench;
  struct event_base *base;
  struct bufferevent *channel;
  char *message;
} Peer;

static Peer *
open_peer (Bench *bench)
{
  Peer *peer = g_new0 (Peer, 1);

  bench_set_nonblocking (BENCH_FD);
  peer->bench = bench;
  peer->base = event_base_new ();
  peer->channel = bufferevent_socket_new (peer->base, BENCH_FD, 0);
  bufferevent_set_max_single_read (peer->channel, BENCH_BUFFER_SIZE);
  bufferevent_set_max_single_write (peer->channel, BENCH_BUFFER_SIZE);
  return peer;
}

static void
run_peer (Peer                 *peer,
          bufferevent_data_cb   on_read,
          bufferevent_data_cb   on_write,
          bufferevent_event_cb  on_event,
          short                 events)
{
  bufferevent_setcb (peer->channel, on_read, on_write, on_event, peer);
  bufferevent_enable (peer->channel, events);
  bench_start (peer->bench);
  if (peer->message != NULL)
    bufferevent_write (peer->channel, peer->message, peer->bench->size);
  event_base_dispatch (peer->base);
  bench_stop (peer->bench);
}

static void
on_end (struct bufferevent *channel,
        short               what,
        void               *user_data)
{
  Peer *peer = user_data;

  event_base_loopbreak (peer->base);
}

static void
on_lines (struct bufferevent *channel,
          void               *user_data)
{
  Peer *peer = user_data;
  struct evbuffer *input = bufferevent_get_input (channel);
  size_t length;
  char *line;

  while ((line = evbuffer_readln (input, &length, EVBUFFER_EOL_LF)) != NULL)
    {
      /* It comes without the delimiter. */
      bench_see (peer->bench, line, length + 1);
      free (line);
    }
}

static void
run_lines (Bench *bench)
{
  run_peer (open_peer (bench), on_lines, NULL, on_end, EV_READ);
}

static void
on_chunk (struct bufferevent *channel,
          void               *user_data)
{
  Peer *peer = user_data;
  struct evbuffer *input = bufferevent_get_input (channel);
  size_t length = evbuffer_get_length (input);

  peer->bench->items += length;
  peer->bench->bytes += length;
  evbuffer_drain (input, length);
}

static void
run_chunks (Bench *bench)
{
  run_peer (open_peer (bench), on_chunk, NULL, on_end, EV_READ);
}

static void
on_answer (struct bufferevent *channel,
           void               *user_data)
{
  Peer *peer = user_data;

  on_lines (channel, peer);
  if (peer->bench->items == peer->bench->amount)
    event_base_loopbreak (peer->base);
  else
    bufferevent_write (channel, peer->message, peer->bench->size);
}

static void
on_idle_descriptor (evutil_socket_t  fd,
                    short            what,
                    void            *user_data)
{
  g_assert_not_reached ();
}

static void
run_ping_pong (Bench *bench)
{
  g_autofree int *idle = bench_open_idle (bench->extra, /* with_data= */ FALSE);
  Peer *peer = open_peer (bench);

  for (guint i = 0; i < bench->extra; i++)
    event_add (event_new (peer->base, idle[i], EV_READ | EV_PERSIST, on_idle_descriptor, NULL), NULL);
  peer->message = g_strnfill (bench->size, 'x');
  peer->message[bench->size - 1] = '\n';
  run_peer (peer, on_answer, NULL, on_end, EV_READ | EV_WRITE);
}

static void
on_low (struct bufferevent *channel,
        void               *user_data)
{
  Peer *peer = user_data;
  Bench *bench = peer->bench;
  struct evbuffer *output = bufferevent_get_output (channel);

  while (bench->items < bench->amount && evbuffer_get_length (output) + bench->size <= BENCH_QUEUE_SIZE)
    {
      bufferevent_write (channel, peer->message, bench->size);
      bench_see (bench, peer->message, bench->size);
    }
  if (bench->items == bench->amount)
    {
      bufferevent_setwatermark (channel, EV_WRITE, 0, 0);
      if (evbuffer_get_length (output) == 0)
        event_base_loopbreak (peer->base);
    }
}

/* limit: of a write(2). */
static void
run_writes_within (Bench  *bench,
                   size_t  limit)
{
  Peer *peer = open_peer (bench);

  bufferevent_set_max_single_write (peer->channel, limit);
  peer->message = g_strnfill (bench->size, 'x');
  bufferevent_setcb (peer->channel, NULL, on_low, on_end, peer);
  bufferevent_setwatermark (peer->channel, EV_WRITE, BENCH_QUEUE_SIZE / 2, 0);
  bufferevent_enable (peer->channel, EV_WRITE);
  bench_start (bench);
  on_low (peer->channel, peer);
  event_base_dispatch (peer->base);
  bench_stop (bench);
}

static void
run_writes (Bench *bench)
{
  run_writes_within (bench, BENCH_BUFFER_SIZE);
}

static void
run_writes_by_default (Bench *bench)
{
  /* 0 stands for libevent's own limit, which is 16 KiB. */
  run_writes_within (bench, 0);
}

static void
run_heap (Bench *bench)
{
  struct event_base *base = event_base_new ();
  g_autofree int *idle = bench_open_idle (bench->amount, /* with_data= */ FALSE);
  guint64 before = bench_get_heap ();

  bench_start (bench);
  for (; bench->items < bench->amount; bench->items++)
    {
      struct bufferevent *channel = bufferevent_socket_new (base, idle[bench->items], 0);

      bufferevent_setcb (channel, on_lines, NULL, on_end, NULL);
      bufferevent_enable (channel, EV_READ);
    }
  bench->heap = bench_get_heap () - before;
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "libevent", "lines", run_lines },
  { "libevent", "chunks", run_chunks },
  { "libevent", "ping-pong", run_ping_pong },
  { "libevent", "idle", run_ping_pong },
  { "libevent", "writes", run_writes },
  { "libevent-default", "writes", run_writes_by_default },
  { "libevent", "heap", run_heap },
  BENCH_END
};

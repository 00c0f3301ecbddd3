/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libuv: streams, and lines by hand. */
#include "bench.h"
#include "lines.h"

#include <uv.h>

typedef struct
{
  Bench *bench;
  uv_loop_t *loop;
  uv_pipe_t pipe;
  LineBuffer lines;
  char *message;
  guint64 queued;
  uv_write_t request;
} Peer;

static Peer *
open_peer (Bench *bench)
{
  Peer *peer = g_new0 (Peer, 1);

  peer->bench = bench;
  peer->loop = uv_default_loop ();
  uv_pipe_init (peer->loop, &peer->pipe, 0);
  uv_pipe_open (&peer->pipe, BENCH_FD);
  peer->pipe.data = peer;
  return peer;
}

static void
on_room (uv_handle_t *handle,
         size_t       suggested,
         uv_buf_t    *buffer)
{
  Peer *peer = handle->data;
  gsize room;

  buffer->base = line_buffer_get_room (&peer->lines, &room);
  buffer->len = room;
}

static void
on_lines (uv_stream_t    *stream,
          ssize_t         got,
          const uv_buf_t *buffer)
{
  Peer *peer = stream->data;

  if (got == UV_EOF)
    uv_stop (peer->loop);
  line_buffer_scan (&peer->lines, MAX (got, 0), peer->bench);
}

static void
on_chunk (uv_stream_t    *stream,
          ssize_t         got,
          const uv_buf_t *buffer)
{
  Peer *peer = stream->data;

  if (got == UV_EOF)
    uv_stop (peer->loop);
  peer->bench->items += MAX (got, 0);
  peer->bench->bytes = peer->bench->items;
}

static void
run_reader (Bench      *bench,
            uv_read_cb  callback)
{
  Peer *peer = open_peer (bench);

  bench_start (bench);
  uv_read_start ((uv_stream_t *) &peer->pipe, on_room, callback);
  uv_run (peer->loop, UV_RUN_DEFAULT);
  bench_stop (bench);
}

static void
run_lines (Bench *bench)
{
  run_reader (bench, on_lines);
}

static void
run_chunks (Bench *bench)
{
  run_reader (bench, on_chunk);
}

static void
send_message (Peer *peer)
{
  uv_buf_t buffer = uv_buf_init (peer->message, peer->bench->size);

  uv_write (&peer->request, (uv_stream_t *) &peer->pipe, &buffer, 1, NULL);
}

static void
on_answer (uv_stream_t    *stream,
           ssize_t         got,
           const uv_buf_t *buffer)
{
  Peer *peer = stream->data;
  guint64 before = peer->bench->items;

  line_buffer_scan (&peer->lines, MAX (got, 0), peer->bench);
  if (peer->bench->items == peer->bench->amount)
    uv_stop (peer->loop);
  else if (peer->bench->items > before)
    send_message (peer);
}

static void
on_idle_descriptor (uv_poll_t *handle,
                    int        status,
                    int        events)
{
  g_assert_not_reached ();
}

static void
run_ping_pong (Bench *bench)
{
  g_autofree int *idle = bench_open_idle (bench->extra, /* with_data= */ FALSE);
  uv_poll_t *watches = g_new0 (uv_poll_t, bench->extra);
  Peer *peer = open_peer (bench);

  for (guint i = 0; i < bench->extra; i++)
    {
      uv_poll_init (peer->loop, &watches[i], idle[i]);
      uv_poll_start (&watches[i], UV_READABLE, on_idle_descriptor);
    }
  peer->message = g_strnfill (bench->size, 'x');
  peer->message[bench->size - 1] = '\n';
  uv_read_start ((uv_stream_t *) &peer->pipe, on_room, on_answer);
  bench_start (bench);
  send_message (peer);
  uv_run (peer->loop, UV_RUN_DEFAULT);
  bench_stop (bench);
}

static void fill (Peer *peer);

static void
on_written (uv_write_t *request,
            int         status)
{
  Peer *peer = request->data;

  bench_see (peer->bench, peer->message, peer->bench->size);
  g_free (request);
  if (uv_stream_get_write_queue_size ((uv_stream_t *) &peer->pipe) <= BENCH_QUEUE_SIZE / 2)
    fill (peer);
}

static void
fill (Peer *peer)
{
  uv_stream_t *stream = (uv_stream_t *) &peer->pipe;
  gsize size = peer->bench->size;

  while (peer->queued < peer->bench->amount && uv_stream_get_write_queue_size (stream) + size <= BENCH_QUEUE_SIZE)
    {
      uv_write_t *request = g_new (uv_write_t, 1);
      uv_buf_t buffer = uv_buf_init (peer->message, size);

      request->data = peer;
      uv_write (request, stream, &buffer, 1, on_written);
      peer->queued++;
    }
}

static void
run_writes (Bench *bench)
{
  Peer *peer = open_peer (bench);

  peer->message = g_strnfill (bench->size, 'x');
  bench_start (bench);
  fill (peer);
  uv_run (peer->loop, UV_RUN_DEFAULT);
  bench_stop (bench);
}

static void
run_heap (Bench *bench)
{
  uv_loop_t *loop = uv_default_loop ();
  g_autofree int *idle = bench_open_idle (bench->amount, /* with_data= */ FALSE);
  guint64 before = bench_get_heap ();

  bench_start (bench);
  for (; bench->items < bench->amount; bench->items++)
    {
      uv_pipe_t *pipe = g_new (uv_pipe_t, 1);

      uv_pipe_init (loop, pipe, 0);
      uv_pipe_open (pipe, idle[bench->items]);
      uv_read_start ((uv_stream_t *) pipe, on_room, on_lines);
    }
  bench->heap = bench_get_heap () - before;
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "libuv", "lines", run_lines },
  { "libuv", "chunks", run_chunks },
  { "libuv", "ping-pong", run_ping_pong },
  { "libuv", "idle", run_ping_pong },
  { "libuv", "writes", run_writes },
  { "libuv", "heap", run_heap },
  BENCH_END
};

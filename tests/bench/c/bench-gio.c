/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GDataInputStream and GOutputStream of GIO. */
#include "bench.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <string.h>

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  GInputStream *input;
  GOutputStream *output;
  GBytes *message;
  guint pending;
} Streams;

static Streams *
open_streams (Bench *bench)
{
  Streams *streams = g_new0 (Streams, 1);

  streams->bench = bench;
  streams->loop = g_main_loop_new (NULL, FALSE);
  return streams;
}

static GDataInputStream *
open_lines (GInputStream *stream)
{
  GDataInputStream *lines = g_data_input_stream_new (stream);

  g_buffered_input_stream_set_buffer_size (G_BUFFERED_INPUT_STREAM (lines), BENCH_BUFFER_SIZE);
  return lines;
}

static GSocketConnection *
open_connection (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);

  if (socket == NULL)
    g_error ("%s", error->message);
  return g_socket_connection_factory_create_connection (socket);
}

static void
on_line (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Streams *streams = user_data;
  GDataInputStream *lines = G_DATA_INPUT_STREAM (source);
  gsize length;
  g_autofree char *line = g_data_input_stream_read_line_finish (lines, result, &length, NULL);

  if (line == NULL)
    {
      g_main_loop_quit (streams->loop);
      return;
    }
  /* It comes without the delimiter. */
  bench_see (streams->bench, line, length + 1);
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, streams);
}

static void
run_lines (Bench *bench)
{
  Streams *streams = open_streams (bench);
  g_autoptr (GInputStream) input = g_unix_input_stream_new (BENCH_FD, FALSE);
  g_autoptr (GDataInputStream) lines = open_lines (input);

  bench_start (bench);
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, on_line, streams);
  g_main_loop_run (streams->loop);
  bench_stop (bench);
}

static void
on_chunk (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  static char buffer[BENCH_BUFFER_SIZE];
  Streams *streams = user_data;

  if (result != NULL)
    {
      gssize got = g_input_stream_read_finish (streams->input, result, NULL);

      if (got <= 0)
        {
          g_main_loop_quit (streams->loop);
          return;
        }
      streams->bench->items += got;
      streams->bench->bytes += got;
    }
  g_input_stream_read_async (streams->input, buffer, sizeof buffer, G_PRIORITY_DEFAULT, NULL, on_chunk, streams);
}

static void
run_chunks (Bench *bench)
{
  Streams *streams = open_streams (bench);

  streams->input = g_unix_input_stream_new (BENCH_FD, FALSE);
  bench_start (bench);
  on_chunk (NULL, NULL, streams);
  g_main_loop_run (streams->loop);
  bench_stop (bench);
}

static void start_turn (Streams *streams);

/* A stream takes one operation at a time, and either of the two may be done first. */
static void
end_operation (Streams *streams)
{
  if (--streams->pending > 0)
    return;
  if (streams->bench->items == streams->bench->amount)
    g_main_loop_quit (streams->loop);
  else
    start_turn (streams);
}

static void
on_sent (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_output_stream_write_bytes_finish (G_OUTPUT_STREAM (source), result, NULL);
  end_operation (user_data);
}

static void
on_answer (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Streams *streams = user_data;
  gsize length;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, &length, NULL);

  bench_see (streams->bench, line, length + 1);
  end_operation (streams);
}

static void
start_turn (Streams *streams)
{
  streams->pending = 2;
  g_data_input_stream_read_line_async (G_DATA_INPUT_STREAM (streams->input), G_PRIORITY_DEFAULT, NULL, on_answer, streams);
  g_output_stream_write_bytes_async (streams->output, streams->message, G_PRIORITY_DEFAULT, NULL, on_sent, streams);
}

static void
run_ping_pong (Bench *bench)
{
  Streams *streams = open_streams (bench);
  GIOStream *connection = G_IO_STREAM (open_connection (BENCH_FD));
  char *text = g_strnfill (bench->size, 'x');

  text[bench->size - 1] = '\n';
  streams->message = g_bytes_new_take (text, bench->size);
  streams->input = G_INPUT_STREAM (open_lines (g_io_stream_get_input_stream (connection)));
  streams->output = g_io_stream_get_output_stream (connection);
  bench_start (bench);
  start_turn (streams);
  g_main_loop_run (streams->loop);
  bench_stop (bench);
}

static void
on_written (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Streams *streams = user_data;
  Bench *bench = streams->bench;

  if (result != NULL)
    bench_see (bench, NULL, g_output_stream_write_bytes_finish (streams->output, result, NULL));
  if (bench->items < bench->amount)
    g_output_stream_write_bytes_async (streams->output, streams->message, G_PRIORITY_DEFAULT, NULL, on_written, streams);
  else
    g_main_loop_quit (streams->loop);
}

static void
run_writes (Bench *bench)
{
  Streams *streams = open_streams (bench);

  streams->message = g_bytes_new_take (g_strnfill (bench->size, 'x'), bench->size);
  streams->output = g_unix_output_stream_new (BENCH_FD, FALSE);
  bench_start (bench);
  on_written (NULL, NULL, streams);
  g_main_loop_run (streams->loop);
  bench_stop (bench);
}

static void
run_heap (Bench *bench)
{
  g_autofree int *idle = bench_open_idle (bench->amount, /* with_data= */ FALSE);
  guint64 before = bench_get_heap ();

  bench_start (bench);
  for (; bench->items < bench->amount; bench->items++)
    {
      GSocketConnection *connection = open_connection (idle[bench->items]);
      GDataInputStream *lines = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));

      /* The stream holds what it reads from, and its connection stays for as long as the program runs. */
      (void) lines;
    }
  bench->heap = bench_get_heap () - before;
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "gio", "lines", run_lines },
  { "gio", "chunks", run_chunks },
  { "gio", "ping-pong", run_ping_pong },
  { "gio", "writes", run_writes },
  { "gio", "heap", run_heap },
  BENCH_END
};

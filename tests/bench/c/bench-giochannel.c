/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GIOChannel of GLib, without encoding. */
#include "bench.h"

#include <string.h>

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  GIOChannel *channel;
  GString *line;
  char *message;
} Reader;

static GIOChannel *
open_channel (int fd)
{
  GIOChannel *channel = g_io_channel_unix_new (fd);

  g_io_channel_set_encoding (channel, NULL, NULL);
  g_io_channel_set_flags (channel, G_IO_FLAG_NONBLOCK, NULL);
  return channel;
}

static Reader *
open_reader (Bench *bench)
{
  Reader *reader = g_new0 (Reader, 1);

  reader->bench = bench;
  reader->loop = g_main_loop_new (NULL, FALSE);
  reader->channel = open_channel (BENCH_FD);
  reader->line = g_string_new (NULL);
  return reader;
}

static void
run_reader (Reader       *reader,
            GIOCondition  condition,
            GIOFunc       callback)
{
  bench_start (reader->bench);
  g_io_add_watch (reader->channel, condition, callback, reader);
  g_main_loop_run (reader->loop);
  bench_stop (reader->bench);
}

static GIOStatus
read_line (Reader *reader)
{
  GIOStatus status = g_io_channel_read_line_string (reader->channel, reader->line, NULL, NULL);

  if (status == G_IO_STATUS_NORMAL)
    bench_see (reader->bench, reader->line->str, reader->line->len);
  else if (status == G_IO_STATUS_EOF)
    g_main_loop_quit (reader->loop);
  return status;
}

static gboolean
on_lines (GIOChannel   *channel,
          GIOCondition  condition,
          gpointer      user_data)
{
  GIOStatus status;

  do
    status = read_line (user_data);
  while (status == G_IO_STATUS_NORMAL);
  return status == G_IO_STATUS_AGAIN;
}

static gboolean
on_line (GIOChannel   *channel,
         GIOCondition  condition,
         gpointer      user_data)
{
  GIOStatus status = read_line (user_data);

  return status == G_IO_STATUS_NORMAL || status == G_IO_STATUS_AGAIN;
}

static void
run_lines (Bench *bench)
{
  run_reader (open_reader (bench), G_IO_IN | G_IO_HUP, on_lines);
}

static void
run_one_line (Bench *bench)
{
  run_reader (open_reader (bench), G_IO_IN | G_IO_HUP, on_line);
}

static gboolean
on_chunk (GIOChannel   *channel,
          GIOCondition  condition,
          gpointer      user_data)
{
  static char buffer[BENCH_BUFFER_SIZE];
  Reader *reader = user_data;
  gsize got = 0;
  GIOStatus status = g_io_channel_read_chars (channel, buffer, sizeof buffer, &got, NULL);

  reader->bench->items += got;
  reader->bench->bytes = reader->bench->items;
  if (status == G_IO_STATUS_EOF)
    g_main_loop_quit (reader->loop);
  return status != G_IO_STATUS_EOF;
}

static void
run_chunks (Bench *bench)
{
  Reader *reader = open_reader (bench);

  g_io_channel_set_buffered (reader->channel, FALSE);
  run_reader (reader, G_IO_IN | G_IO_HUP, on_chunk);
}

static void
send_message (Reader *reader)
{
  g_io_channel_write_chars (reader->channel, reader->message, reader->bench->size, NULL, NULL);
  g_io_channel_flush (reader->channel, NULL);
}

static gboolean
on_answer (GIOChannel   *channel,
           GIOCondition  condition,
           gpointer      user_data)
{
  Reader *reader = user_data;

  if (read_line (reader) != G_IO_STATUS_NORMAL)
    return G_SOURCE_CONTINUE;
  if (reader->bench->items == reader->bench->amount)
    g_main_loop_quit (reader->loop);
  else
    send_message (reader);
  return G_SOURCE_CONTINUE;
}

static void
run_ping_pong (Bench *bench)
{
  Reader *reader = open_reader (bench);

  reader->message = g_strnfill (bench->size, 'x');
  reader->message[bench->size - 1] = '\n';
  g_io_add_watch (reader->channel, G_IO_IN, on_answer, reader);
  bench_start (bench);
  send_message (reader);
  g_main_loop_run (reader->loop);
  bench_stop (bench);
}

static gboolean
on_writable (GIOChannel   *channel,
             GIOCondition  condition,
             gpointer      user_data)
{
  Reader *reader = user_data;
  Bench *bench = reader->bench;
  gsize written;

  while (bench->items < bench->amount)
    {
      if (g_io_channel_write_chars (channel, reader->message, bench->size, &written, NULL) != G_IO_STATUS_NORMAL)
        return G_SOURCE_CONTINUE;
      bench_see (bench, reader->message, written);
    }
  if (g_io_channel_flush (channel, NULL) == G_IO_STATUS_AGAIN)
    return G_SOURCE_CONTINUE;
  g_main_loop_quit (reader->loop);
  return G_SOURCE_REMOVE;
}

static void
run_writes (Bench *bench)
{
  Reader *reader = open_reader (bench);

  /* Lines are fastest with the small buffer that it has by itself: each one that is taken moves the rest. */
  g_io_channel_set_buffer_size (reader->channel, BENCH_BUFFER_SIZE);
  reader->message = g_strnfill (bench->size, 'x');
  run_reader (reader, G_IO_OUT, on_writable);
}

static void
run_heap (Bench *bench)
{
  g_autofree int *idle = bench_open_idle (bench->amount, /* with_data= */ FALSE);
  guint64 before = bench_get_heap ();

  bench_start (bench);
  for (; bench->items < bench->amount; bench->items++)
    {
      GIOChannel *channel = open_channel (idle[bench->items]);

      g_io_add_watch (channel, G_IO_IN, on_line, NULL);
      g_io_channel_unref (channel);
    }
  bench->heap = bench_get_heap () - before;
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "giochannel", "lines", run_lines },
  { "giochannel-one", "lines", run_one_line },
  { "giochannel", "chunks", run_chunks },
  { "giochannel", "ping-pong", run_ping_pong },
  { "giochannel", "writes", run_writes },
  { "giochannel", "heap", run_heap },
  BENCH_END
};

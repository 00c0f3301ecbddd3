/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* g_unix_fd_add(), and the rest by hand; one source for each descriptor, as every library on GMainContext has it. */
#include "bench.h"
#include "lines.h"

#include <errno.h>
#include <glib-unix.h>
#include <unistd.h>

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  LineBuffer lines;
  char *message;
} Reader;

static void
run_loop (Bench             *bench,
          GIOCondition       condition,
          GUnixFDSourceFunc  callback,
          gpointer           data,
          GMainLoop         *loop)
{
  bench_set_nonblocking (BENCH_FD);
  bench_start (bench);
  g_unix_fd_add (BENCH_FD, condition, callback, data);
  g_main_loop_run (loop);
  bench_stop (bench);
}

static gboolean
on_lines (int          fd,
          GIOCondition condition,
          gpointer     user_data)
{
  Reader *reader = user_data;
  gsize room;
  char *data = line_buffer_get_room (&reader->lines, &room);
  gssize got = read (fd, data, room);

  line_buffer_scan (&reader->lines, MAX (got, 0), reader->bench);
  if (got == 0)
    g_main_loop_quit (reader->loop);
  return got != 0;
}

static void
run_lines (Bench *bench)
{
  static Reader reader;

  reader.bench = bench;
  reader.loop = g_main_loop_new (NULL, FALSE);
  run_loop (bench, G_IO_IN, on_lines, &reader, reader.loop);
}

static gboolean
on_chunk (int          fd,
          GIOCondition condition,
          gpointer     user_data)
{
  Reader *reader = user_data;
  gssize got = read (fd, reader->lines.data, sizeof reader->lines.data);

  reader->bench->items += MAX (got, 0);
  reader->bench->bytes = reader->bench->items;
  if (got == 0)
    g_main_loop_quit (reader->loop);
  return got != 0;
}

static void
run_chunks (Bench *bench)
{
  static Reader reader;

  reader.bench = bench;
  reader.loop = g_main_loop_new (NULL, FALSE);
  run_loop (bench, G_IO_IN, on_chunk, &reader, reader.loop);
}

static void
send_message (Reader *reader)
{
  if (write (BENCH_FD, reader->message, reader->bench->size) != (gssize) reader->bench->size)
    g_error ("write: %s", g_strerror (errno));
}

static gboolean
on_answer (int          fd,
           GIOCondition condition,
           gpointer     user_data)
{
  Reader *reader = user_data;
  guint64 before = reader->bench->items;
  gsize room;
  char *data = line_buffer_get_room (&reader->lines, &room);
  gssize got = read (fd, data, room);

  line_buffer_scan (&reader->lines, MAX (got, 0), reader->bench);
  if (reader->bench->items == reader->bench->amount)
    g_main_loop_quit (reader->loop);
  else if (reader->bench->items > before)
    send_message (reader);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_idle_descriptor (int          fd,
                    GIOCondition condition,
                    gpointer     user_data)
{
  g_assert_not_reached ();
}

static void
run_ping_pong (Bench *bench)
{
  static Reader reader;
  g_autofree int *idle = bench_open_idle (bench->extra, /* with_data= */ FALSE);

  for (guint i = 0; i < bench->extra; i++)
    g_unix_fd_add (idle[i], G_IO_IN, on_idle_descriptor, NULL);
  reader.bench = bench;
  reader.loop = g_main_loop_new (NULL, FALSE);
  reader.message = g_strnfill (bench->size, 'x');
  reader.message[bench->size - 1] = '\n';
  bench_set_nonblocking (BENCH_FD);
  g_unix_fd_add (BENCH_FD, G_IO_IN, on_answer, &reader);
  bench_start (bench);
  send_message (&reader);
  g_main_loop_run (reader.loop);
  bench_stop (bench);
}

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  char *message;
  char queue[BENCH_QUEUE_SIZE];
  gsize start;
  gsize end;
} Writer;

static void
fill (Writer *writer)
{
  Bench *bench = writer->bench;

  memmove (writer->queue, writer->queue + writer->start, writer->end - writer->start);
  writer->end -= writer->start;
  writer->start = 0;
  while (bench->items < bench->amount && writer->end + bench->size <= sizeof writer->queue)
    {
      memcpy (writer->queue + writer->end, writer->message, bench->size);
      writer->end += bench->size;
      bench_see (bench, writer->message, bench->size);
    }
}

static gboolean
on_writable (int          fd,
             GIOCondition condition,
             gpointer     user_data)
{
  Writer *writer = user_data;
  gssize written = write (fd, writer->queue + writer->start, writer->end - writer->start);

  writer->start += MAX (written, 0);
  if (writer->end - writer->start <= sizeof writer->queue / 2)
    fill (writer);
  if (writer->start == writer->end)
    g_main_loop_quit (writer->loop);
  return writer->start < writer->end;
}

static void
run_writes (Bench *bench)
{
  static Writer writer;

  writer.bench = bench;
  writer.loop = g_main_loop_new (NULL, FALSE);
  writer.message = g_strnfill (bench->size, 'x');
  run_loop (bench, G_IO_OUT, on_writable, &writer, writer.loop);
}

const BenchCase bench_cases[] = {
  { "unix-fd", "lines", run_lines },
  { "unix-fd", "chunks", run_chunks },
  { "unix-fd", "ping-pong", run_ping_pong },
  { "unix-fd", "idle", run_ping_pong },
  { "unix-fd", "writes", run_writes },
  BENCH_END
};

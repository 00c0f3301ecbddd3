/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This library: many small writes, by send() and by a future each. */
#include "bench-kaa.h"

typedef struct
{
  Run run;
  void (*write) (Run *run);
  guint64 queued;
  char *text;
} Writer;

static void
on_flushed (const GValue *result,
            gpointer      user_data)
{
  Run *run = user_data;

  g_main_loop_quit (run->loop);
}

static void
fill (Writer *writer)
{
  Run *run = &writer->run;

  while (writer->queued < run->bench->amount && kaa_io_channel_get_writable (run->channel))
    {
      writer->write (run);
      writer->queued++;
    }
}

static void
on_writable (KaaIOChannel *channel,
             GParamSpec   *property,
             gpointer      user_data)
{
  fill (user_data);
}

static void
run_writer (Bench *bench,
            void (*write) (Run *run))
{
  Writer writer = { .write = write };
  Run *run = &writer.run;
  g_autoptr (KaaInProgress) flushed = NULL;

  run_init (run, bench, KAA_IO_WRITE);
  writer.text = g_strnfill (bench->size, 'x');
  run->message = g_bytes_new_static (writer.text, bench->size);
  g_signal_connect (run->channel, "notify::writable", G_CALLBACK (on_writable), &writer);
  bench_start (bench);
  fill (&writer);
  while (writer.queued < bench->amount)
    g_main_context_iteration (NULL, TRUE);
  flushed = kaa_io_channel_flush (run->channel);
  kaa_in_progress_then (flushed, on_flushed, run, NULL, NULL, NULL, NULL);
  g_main_loop_run (run->loop);
  bench_stop (bench);
}

/* As a program has it: bytes of its own, made into a GBytes. */
static void
send_new (Run *run)
{
  g_autoptr (GBytes) message = g_bytes_new (g_bytes_get_data (run->message, NULL), run->bench->size);

  if (kaa_io_channel_send (run->channel, message, NULL))
    bench_see (run->bench, NULL, run->bench->size);
}

static void
run_send (Bench *bench)
{
  run_writer (bench, send_new);
}

static void
send_kept (Run *run)
{
  if (kaa_io_channel_send (run->channel, run->message, NULL))
    bench_see (run->bench, NULL, run->bench->size);
}

static void
run_send_kept (Bench *bench)
{
  run_writer (bench, send_kept);
}

static void
send_data (Run *run)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (run->message, &size);

  if (kaa_io_channel_send_data (run->channel, data, size, NULL))
    bench_see (run->bench, NULL, size);
}

static void
run_send_data (Bench *bench)
{
  run_writer (bench, send_data);
}

static void
on_written (const GValue *result,
            gpointer      user_data)
{
  Run *run = user_data;

  bench_see (run->bench, NULL, g_value_get_int64 (result));
}

static void
write_with_future (Run *run)
{
  g_autoptr (KaaInProgress) future = kaa_io_channel_write (run->channel, g_bytes_get_data (run->message, NULL), run->bench->size);

  kaa_in_progress_then (future, on_written, run, NULL, NULL, NULL, NULL);
}

static void
run_write (Bench *bench)
{
  run_writer (bench, write_with_future);
}

const BenchCase bench_cases[] = {
  { "kaa", "writes", run_send },
  { "kaa-kept", "writes", run_send_kept },
  { "kaa-data", "writes", run_send_data },
  { "kaa-future", "writes", run_write },
  BENCH_END
};

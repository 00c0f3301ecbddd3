/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This library: lines by block, by signal and by future; chunks; long lines and many delimiters. */
#include "bench-kaa.h"

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  Run *run = user_data;

  g_main_loop_quit (run->loop);
}

static void
start (Run        *run,
       const char *signal,
       GCallback   callback)
{
  g_signal_connect (run->channel, signal, callback, run);
  g_signal_connect (run->channel, "closed", G_CALLBACK (on_closed), run);
  bench_start (run->bench);
  g_main_loop_run (run->loop);
  bench_stop (run->bench);
}

static void
on_readlines (KaaIOChannel *channel,
              GBytes       *block,
              gpointer      user_data)
{
  Run *run = user_data;
  KaaLineIter iter;
  const char *line;
  gsize length;

  kaa_line_iter_init (&iter, channel, block);
  while (kaa_line_iter_next (&iter, &line, &length))
    bench_see (run->bench, line, length);
}

static void
run_blocks (Bench *bench)
{
  Run run = { NULL, };

  run_init (&run, bench, KAA_IO_READ);
  start (&run, "readlines", G_CALLBACK (on_readlines));
}

static void
on_readline (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      user_data)
{
  Run *run = user_data;
  gsize length;
  const char *text = g_bytes_get_data (line, &length);

  bench_see (run->bench, text, length);
}

static void
run_signal (Bench *bench)
{
  Run run = { NULL, };

  run_init (&run, bench, KAA_IO_READ);
  if (bench->size > kaa_io_channel_get_queue_size (run.channel))
    kaa_io_channel_set_queue_size (run.channel, bench->size);
  start (&run, "readline", G_CALLBACK (on_readline));
}

static void ask (Run *run);

static void
on_line (const GValue *result,
         gpointer      user_data)
{
  Run *run = user_data;
  gsize length;
  const char *line = g_bytes_get_data (g_value_get_boxed (result), &length);

  if (length == 0)
    {
      g_main_loop_quit (run->loop);
      return;
    }
  bench_see (run->bench, line, length);
  ask (run);
}

static void
ask (Run *run)
{
  g_autoptr (KaaInProgress) future = kaa_io_channel_readline (run->channel);

  kaa_in_progress_then (future, on_line, run, NULL, NULL, NULL, NULL);
}

static void
run_future (Bench *bench)
{
  Run run = { NULL, };

  run_init (&run, bench, KAA_IO_READ);
  bench_start (bench);
  ask (&run);
  g_main_loop_run (run.loop);
  bench_stop (bench);
}

static void
on_read (KaaIOChannel *channel,
         GBytes       *chunk,
         gpointer      user_data)
{
  Run *run = user_data;

  run->bench->items += g_bytes_get_size (chunk);
  run->bench->bytes = run->bench->items;
}

static void
run_chunks (Bench *bench)
{
  Run run = { NULL, };

  run_init (&run, bench, KAA_IO_READ);
  start (&run, "read", G_CALLBACK (on_read));
}

/* One that ends the lines, and so many in all; the others begin like the text. */
static void
run_delimiters (Bench *bench)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) delimiters = NULL;
  Run run = { NULL, };

  g_strv_builder_add (builder, "\n");
  for (guint i = 1; i < bench->extra; i++)
    {
      g_autofree char *delimiter = g_strdup_printf ("x%04u", i);

      g_strv_builder_add (builder, delimiter);
    }
  delimiters = g_strv_builder_end (builder);

  run_init (&run, bench, KAA_IO_READ);
  kaa_io_channel_set_delimiters (run.channel, (const char * const *) delimiters);
  start (&run, "readline", G_CALLBACK (on_readline));
}

const BenchCase bench_cases[] = {
  { "kaa-block", "lines", run_blocks },
  { "kaa", "lines", run_signal },
  { "kaa-future", "lines", run_future },
  { "kaa", "chunks", run_chunks },
  { "kaa", "delimiters", run_delimiters },
  BENCH_END
};

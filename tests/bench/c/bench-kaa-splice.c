/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This library: from a file or a pipe to a socket. */
#include "bench-kaa.h"

static void
on_spliced (const GValue *result,
            gpointer      user_data)
{
  Run *run = user_data;

  run->bench->bytes = run->bench->items = g_value_get_uint64 (result);
  g_main_loop_quit (run->loop);
}

static void
on_failed (const GError *error,
           gpointer      user_data)
{
  g_error ("%s", error->message);
}

static void
run_splice (Bench *bench)
{
  Run run = { NULL, };
  g_autoptr (KaaIOChannel) target = open_channel (bench->extra, KAA_IO_WRITE);
  g_autoptr (KaaInProgress) future = NULL;

  run_init (&run, bench, KAA_IO_READ);
  bench_start (bench);
  future = kaa_io_channel_splice (run.channel, target, KAA_SPLICE_NONE);
  kaa_in_progress_then (future, on_spliced, &run, NULL, on_failed, NULL, NULL);
  g_main_loop_run (run.loop);
  bench_stop (bench);
}

const BenchCase bench_cases[] = {
  { "kaa", "splice-pipe", run_splice },
  { "kaa", "splice-file", run_splice },
  BENCH_END
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* This library: ping-pong, alone and beside many channels, and what an idle channel weighs. */
#include "bench-kaa.h"

static void
on_idle_line (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      user_data)
{
  guint *lines = user_data;

  (*lines)++;
}

/* What is done with the channels beside the busy one. */
typedef enum
{
  HEARD,      /* a handler, and nothing to read */
  USED,       /* a handler that has had a line, and now nothing to read */
  UNWANTED,   /* something to read, and no handler */
  PAUSED,     /* both, but paused */
} Beside;

static void
open_beside (int    fd,
             Beside beside,
             guint *lines)
{
  KaaIOChannel *channel = open_channel (fd, KAA_IO_READ);

  if (beside != UNWANTED)
    g_signal_connect (channel, "readline", G_CALLBACK (on_idle_line), lines);
  if (beside == PAUSED)
    kaa_io_channel_set_paused (channel, TRUE);
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
send_message (Run *run)
{
  kaa_io_channel_send (run->channel, run->message, NULL);
}

static void
write_message (Run *run)
{
  gsize length;
  const guint8 *text = g_bytes_get_data (run->message, &length);

  g_object_unref (kaa_io_channel_write (run->channel, text, length));
}

typedef struct
{
  Run run;
  void (*send) (Run *run);
} PingPong;

static void
on_answer (KaaIOChannel *channel,
           GBytes       *line,
           gpointer      user_data)
{
  PingPong *self = user_data;
  Run *run = &self->run;

  bench_see (run->bench, NULL, g_bytes_get_size (line));
  if (run->bench->items == run->bench->amount)
    g_main_loop_quit (run->loop);
  else
    self->send (run);
}

static void
ping_pong (Bench *bench,
           Beside beside,
           void (*send) (Run *run))
{
  PingPong self = { .send = send };
  g_autofree int *idle = bench_open_idle (bench->extra, beside != HEARD);
  guint lines = 0;
  Run *run = &self.run;
  char *text = g_strnfill (bench->size, 'x');

  text[bench->size - 1] = '\n';
  for (guint i = 0; i < bench->extra; i++)
    open_beside (idle[i], beside, &lines);
  run_init (run, bench, KAA_IO_READ | KAA_IO_WRITE);
  run->message = g_bytes_new_take (text, bench->size);
  g_signal_connect (run->channel, "readline", G_CALLBACK (on_answer), &self);
  settle ();
  bench_start (bench);
  self.send (run);
  g_main_loop_run (run->loop);
  g_assert_cmpuint (lines, ==, 0);
  bench_stop (bench);
}

static void
run_send (Bench *bench)
{
  ping_pong (bench, HEARD, send_message);
}

static void
run_write (Bench *bench)
{
  ping_pong (bench, HEARD, write_message);
}

static void
run_unwanted (Bench *bench)
{
  ping_pong (bench, UNWANTED, send_message);
}

static void
run_paused (Bench *bench)
{
  ping_pong (bench, PAUSED, send_message);
}

static void
weigh (Bench  *bench,
       Beside  beside)
{
  g_autofree int *idle = bench_open_idle (bench->amount + 1, beside == USED);
  guint lines = 0;
  guint64 before;

  /* What belongs to all channels together is there from the first on. */
  open_beside (idle[bench->amount], beside, &lines);
  settle ();
  before = bench_get_heap ();
  bench_start (bench);
  for (; bench->items < bench->amount; bench->items++)
    open_beside (idle[bench->items], beside, &lines);
  settle ();
  bench->heap = bench_get_heap () - before;
  g_assert_cmpuint (lines, ==, beside == USED ? bench->amount + 1 : 0);
  bench_stop (bench);
}

static void
run_heap (Bench *bench)
{
  weigh (bench, HEARD);
}

static void
run_heap_used (Bench *bench)
{
  weigh (bench, USED);
}

const BenchCase bench_cases[] = {
  { "kaa", "ping-pong", run_send },
  { "kaa-future", "ping-pong", run_write },
  { "kaa", "idle", run_send },
  { "kaa-unwanted", "idle", run_unwanted },
  { "kaa-paused", "idle", run_paused },
  { "kaa", "heap", run_heap },
  { "kaa-used", "heap", run_heap_used },
  BENCH_END
};

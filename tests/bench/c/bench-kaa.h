/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs for this library share. */
#pragma once

#include "bench.h"

#include <kaaio/kaaio.h>

typedef struct
{
  Bench *bench;
  GMainLoop *loop;
  KaaIOChannel *channel;
  GBytes *message;
} Run;

static inline KaaIOChannel *
open_channel (int            fd,
              KaaIOCondition mode)
{
  g_autoptr (GError) error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (fd, mode, &error);

  if (channel == NULL)
    g_error ("%s", error->message);
  return channel;
}

static inline void
run_init (Run            *run,
          Bench          *bench,
          KaaIOCondition  mode)
{
  run->bench = bench;
  run->loop = g_main_loop_new (NULL, FALSE);
  run->channel = open_channel (BENCH_FD, mode);
}

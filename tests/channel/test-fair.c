/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C7: a channel that always has more takes its share, and nobody else waits for it. Counted in turns of the loop. */

#include "channel-fixture.h"

#define N_QUIET 100
#define N_ROUNDS 20
#define N_TICKS 30

/* Every second turn may be the flood's, and on a slow machine a hundred are not served in one. Who starves would wait for ever. */
#define MOST_TURNS 12

typedef struct
{
  KaaIOChannel *channel;
  int source;
  guint64 bytes;
} Flood;

static char lines[64 * 1024];

/* Fills the socket again: there is always more. */
static void
flood_go_on (Flood *flood)
{
  while (send (flood->source, lines, sizeof lines, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
    ;
}

static void
on_flood (KaaIOChannel *channel,
          GBytes       *bytes,
          Flood        *flood)
{
  flood->bytes += g_bytes_get_size (bytes);
  flood_go_on (flood);
}

static void
flood_begin (Flood      *flood,
             const char *signal,
             int         priority)
{
  int fd;

  make_sockets (&fd, &flood->source);
  flood->bytes = 0;
  flood->channel = open_fd (fd, KAA_IO_READ);
  kaa_io_channel_set_priority (flood->channel, priority);
  g_signal_connect (flood->channel, signal, G_CALLBACK (on_flood), flood);
  flood_go_on (flood);
  while (flood->bytes == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* All of them stop before one is waited for. */
static void
floods_end (Flood *floods,
            guint  n)
{
  for (guint i = 0; i < n; i++)
    {
      close (floods[i].source);
      g_object_unref (kaa_io_channel_close (floods[i].channel, KAA_CLOSE_IMMEDIATE));
      g_object_unref (floods[i].channel);
    }
  settle ();
}

static void
count_line (KaaIOChannel *channel,
            GBytes       *line,
            guint        *n)
{
  ++*n;
}

/* still-clock.c */
extern gboolean time_stands_still;

/* A hundred that say a line now and then are all heard within a few turns. */
static void
test_quiet (gconstpointer signal)
{
  KaaIOChannel *quiet[N_QUIET];
  int peers[N_QUIET];
  guint n_lines = 0;
  Flood flood;

  time_stands_still = TRUE;
  for (guint i = 0; i < N_QUIET; i++)
    {
      quiet[i] = open_pipe (&peers[i]);
      g_signal_connect (quiet[i], "readline", G_CALLBACK (count_line), &n_lines);
    }
  flood_begin (&flood, signal, G_PRIORITY_DEFAULT);
  for (guint round = 1; round <= N_ROUNDS; round++)
    {
      guint turns = 0;
      guint64 before;

      for (guint i = 0; i < N_QUIET; i++)
        put_string (peers[i], "line\n");
      while (n_lines < round * N_QUIET)
        {
          g_assert_cmpuint (turns++, <, MOST_TURNS);
          g_main_context_iteration (NULL, TRUE);
        }
      /* The flood goes on as well. */
      before = flood.bytes;
      for (turns = 0; flood.bytes == before; turns++)
        {
          g_assert_cmpuint (turns, <, MOST_TURNS);
          g_main_context_iteration (NULL, TRUE);
        }
    }
  floods_end (&flood, 1);
  for (guint i = 0; i < N_QUIET; i++)
    {
      close (peers[i]);
      g_object_unref (kaa_io_channel_close (quiet[i], KAA_CLOSE_IMMEDIATE));
      g_object_unref (quiet[i]);
    }
  settle ();
  time_stands_still = FALSE;
}

static gboolean
on_tick (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

/* A timer of 60 Hz, at the priority of the channels or at that of a redraw, ticks when it is due; beside any number of floods. */
static void
ticks (const char *signal,
       int         priority,
       const int  *floods,
       guint       n_floods)
{
  GSource *timer = g_timeout_source_new (1000 / 60);
  guint n_ticks = 0, late = 0;
  Flood *all = g_new0 (Flood, n_floods);

  for (guint i = 0; i < n_floods; i++)
    flood_begin (&all[i], signal, floods[i]);
  g_source_set_priority (timer, priority);
  g_source_set_callback (timer, on_tick, &n_ticks, NULL);
  g_source_attach (timer, NULL);
  while (n_ticks < N_TICKS)
    {
      guint before = n_ticks;
      gboolean due = g_source_get_ready_time (timer) <= g_get_monotonic_time ();

      g_main_context_iteration (NULL, TRUE);
      late = due && n_ticks == before ? late + 1 : 0;
      g_assert_cmpuint (late, <, MOST_TURNS);
    }
  g_source_destroy (timer);
  g_source_unref (timer);
  floods_end (all, n_floods);
  g_free (all);
}

static const int priorities[] = { G_PRIORITY_DEFAULT, G_PRIORITY_HIGH };

static void
test_timer (gconstpointer signal)
{
  ticks (signal, G_PRIORITY_DEFAULT, priorities, 1);
}

static void
test_redraw (gconstpointer signal)
{
  ticks (signal, G_PRIORITY_HIGH_IDLE + 20, priorities, 1);
  ticks (signal, G_PRIORITY_HIGH_IDLE + 20, priorities + 1, 1);
  ticks (signal, G_PRIORITY_HIGH_IDLE + 20, priorities, 2);
}

static gboolean
on_busy (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

/* Something that is always ready at the priority of the channels has most of the turns, and yet they go on: those that always have more,
 * and those that say a line now and then. */
static void
test_busy (gconstpointer signal)
{
  guint n_busy = 0, n_lines = 0;
  guint busy = g_idle_add_full (G_PRIORITY_DEFAULT, on_busy, &n_busy, NULL);
  KaaIOChannel *quiet;
  Flood floods[2];
  int peer;

  for (guint i = 0; i < G_N_ELEMENTS (floods); i++)
    flood_begin (&floods[i], signal, G_PRIORITY_DEFAULT);
  quiet = open_pipe (&peer);
  g_signal_connect (quiet, "readline", G_CALLBACK (count_line), &n_lines);
  for (guint round = 1; round <= N_ROUNDS; round++)
    {
      guint64 before[] = { floods[0].bytes, floods[1].bytes };

      put_string (peer, "line\n");
      for (guint turns = 0; n_lines < round; turns++)
        {
          g_assert_cmpuint (turns, <, MOST_TURNS);
          g_main_context_iteration (NULL, TRUE);
        }
      for (guint turns = 0; floods[0].bytes == before[0] || floods[1].bytes == before[1]; turns++)
        {
          g_assert_cmpuint (turns, <, 2 * MOST_TURNS);
          g_main_context_iteration (NULL, TRUE);
        }
    }
  g_source_remove (busy);
  floods_end (floods, G_N_ELEMENTS (floods));
  close (peer);
  finish_channel (quiet);
}

int
main (int    argc,
      char **argv)
{
  const char *signals[] = { "read", "readline", "readlines" };

  g_test_init (&argc, &argv, NULL);
  time_stands_still = FALSE;
  /* A dispatch that never ends is seen by nothing else. */
  alarm (WATCHDOG_SECONDS);
  memset (lines, 'x', sizeof lines);
  for (guint i = 15; i < sizeof lines; i += 16)
    lines[i] = '\n';
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      char *path = g_strdup_printf ("/channel/C7/quiet/%s", signals[i]);

      g_test_add_data_func (path, signals[i], test_quiet);
      g_free (path);
      path = g_strdup_printf ("/channel/C7/timer/%s", signals[i]);
      g_test_add_data_func (path, signals[i], test_timer);
      g_free (path);
      path = g_strdup_printf ("/channel/C7/redraw/%s", signals[i]);
      g_test_add_data_func (path, signals[i], test_redraw);
      g_free (path);
      path = g_strdup_printf ("/channel/C7/busy/%s", signals[i]);
      g_test_add_data_func (path, signals[i], test_busy);
      g_free (path);
    }
  return g_test_run ();
}

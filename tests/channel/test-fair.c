/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C7: a channel that always has more takes its share, and nobody else waits for it. Counted in turns of the loop. */

#include "channel-fixture.h"

#define N_QUIET 100
#define N_ROUNDS 20
#define N_TICKS 30

/* A dispatch looks at the clock after 64 calls, and every second one may be the flood's: on the slowest machine a hundred are
 * served in five turns. Who starves would wait for ever. */
#define MOST_TURNS 10

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
             const char *signal)
{
  int fd;

  make_sockets (&fd, &flood->source);
  flood->bytes = 0;
  flood->channel = open_fd (fd, KAA_IO_READ);
  g_signal_connect (flood->channel, signal, G_CALLBACK (on_flood), flood);
  flood_go_on (flood);
  while (flood->bytes == 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
flood_end (Flood *flood)
{
  close (flood->source);
  finish_channel (flood->channel);
}

static void
count_line (KaaIOChannel *channel,
            GBytes       *line,
            guint        *n)
{
  ++*n;
}

/* A hundred that say a line now and then are all heard within a few turns. */
static void
test_quiet (gconstpointer signal)
{
  KaaIOChannel *quiet[N_QUIET];
  int peers[N_QUIET];
  guint n_lines = 0;
  Flood flood;

  for (guint i = 0; i < N_QUIET; i++)
    {
      quiet[i] = open_pipe (&peers[i]);
      g_signal_connect (quiet[i], "readline", G_CALLBACK (count_line), &n_lines);
    }
  flood_begin (&flood, signal);
  for (guint round = 1; round <= N_ROUNDS; round++)
    {
      guint turns = 0;
      guint64 before;

      for (guint i = 0; i < N_QUIET; i++)
        put_string (peers[i], "line\n");
      for (; n_lines < round * N_QUIET; turns++)
        {
          g_assert_cmpuint (turns, <, MOST_TURNS);
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
  flood_end (&flood);
  for (guint i = 0; i < N_QUIET; i++)
    {
      close (peers[i]);
      g_object_unref (kaa_io_channel_close (quiet[i], KAA_CLOSE_IMMEDIATE));
      g_object_unref (quiet[i]);
    }
  settle ();
}

static gboolean
on_tick (gpointer n)
{
  ++*(guint *) n;
  return G_SOURCE_CONTINUE;
}

/* A timer of 60 Hz, at the priority of the channels or at that of a redraw, ticks when it is due. */
static void
ticks (const char *signal,
       int         priority)
{
  GSource *timer = g_timeout_source_new (1000 / 60);
  guint n_ticks = 0, late = 0;
  Flood flood;

  flood_begin (&flood, signal);
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
  flood_end (&flood);
}

static void
test_timer (gconstpointer signal)
{
  ticks (signal, G_PRIORITY_DEFAULT);
}

static void
test_redraw (gconstpointer signal)
{
  ticks (signal, G_PRIORITY_HIGH_IDLE + 20);
}

int
main (int    argc,
      char **argv)
{
  const char *signals[] = { "read", "readline", "readlines" };

  g_test_init (&argc, &argv, NULL);
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
    }
  return g_test_run ();
}

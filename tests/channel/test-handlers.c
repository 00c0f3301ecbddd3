/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a handler does while several lines are at hand takes effect before the next one, at whichever line that is: a run of lines is
 * where looks are cheap, and must be as exact as everywhere else (R3, R4, R5, C6).
 */

#include "channel/channel-fixture.h"

#define N_LINES 6

typedef enum
{
  CONNECT_READ,
  CONNECT_READLINES,
  CONNECT_READLINE,
  UNBLOCK_READ,
  UNBLOCK_READLINES,
  REPLACE,
  REPLACE_SWAPPED,
  DISCONNECT,
  BLOCK,
  PAUSE,
  REQUEST,
  DELIMITER,
  CONSUME,
  UNREAD,
  LIMIT,
  CLOSE,
  DROP,
  N_ACTIONS
} Action;

typedef struct
{
  const char *name;
  const char *handled;   /* what is delivered behind the line, for the lines 4 to 6 */
  const char *left;      /* what stays in the queue */
} Expectation;

static const Expectation expectations[N_ACTIONS] = {
  [CONNECT_READ] = { "connect-read", "R[4|5|6|] L[4|] L[5|] L[6|]", "" },
  [CONNECT_READLINES] = { "connect-readlines", "B[4|5|6|] L[4|] L[5|] L[6|]", "" },
  [CONNECT_READLINE] = { "connect-readline", "L[4|] L[4|] L[5|] L[5|] L[6|] L[6|]", "" },
  [UNBLOCK_READ] = { "unblock-read", "R[4|5|6|] L[4|] L[5|] L[6|]", "" },
  [UNBLOCK_READLINES] = { "unblock-readlines", "B[4|5|6|] L[4|] L[5|] L[6|]", "" },
  [REPLACE] = { "replace", "N[4|] N[5|] N[6|]", "" },
  [REPLACE_SWAPPED] = { "replace-swapped", "S[4|] S[5|] S[6|]", "" },
  [DISCONNECT] = { "disconnect", "", "4\n5\n6\n" },
  [BLOCK] = { "block", "", "4\n5\n6\n" },
  [PAUSE] = { "pause", "", "4\n5\n6\n" },
  [REQUEST] = { "request", "Q[4|5] L[|] L[6|]", "" },
  [DELIMITER] = { "delimiter", "L[4|5]", "\n6\n" },
  [CONSUME] = { "consume", "L[|] L[5|] L[6|]", "" },
  [UNREAD] = { "unread", "L[+|] L[4|] L[5|] L[6|]", "" },
  [LIMIT] = { "limit", "L[4] L[|] L[5] L[|] L[6]", "\n" },
  [CLOSE] = { "close", "closed", "4\n5\n6\n" },
  [DROP] = { "drop", "L[4|] L[5|] L[6|]", "" },
};

typedef struct
{
  KaaIOChannel *channel;
  Action action;
  guint at;              /* the line at which it acts */
  guint n_lines;
  gulong handler;
  gulong blocked;
} Run;

static void
note_swapped (gpointer      word,
              GBytes       *bytes,
              KaaIOChannel *channel)
{
  g_assert_true (KAA_IS_IO_CHANNEL (channel));
  note_bytes (word, bytes);
}

static void
act (Run *run)
{
  GBytes *bytes;
  GError *error = NULL;

  switch (run->action)
    {
    case CONNECT_READ:
      note_signal (run->channel, "read");
      break;
    case CONNECT_READLINES:
      note_signal (run->channel, "readlines");
      break;
    case CONNECT_READLINE:
      note_signal (run->channel, "readline");
      break;
    case UNBLOCK_READ:
    case UNBLOCK_READLINES:
      g_signal_handler_unblock (run->channel, run->blocked);
      break;
    case REPLACE:
      g_signal_handler_disconnect (run->channel, run->handler);
      g_signal_connect (run->channel, "readline", G_CALLBACK (note_chunk), (gpointer) "N");
      break;
    case REPLACE_SWAPPED:
      g_signal_handler_disconnect (run->channel, run->handler);
      g_signal_connect_swapped (run->channel, "readline", G_CALLBACK (note_swapped), (gpointer) "S");
      break;
    case DISCONNECT:
      g_signal_handler_disconnect (run->channel, run->handler);
      break;
    case BLOCK:
      g_signal_handler_block (run->channel, run->handler);
      break;
    case PAUSE:
      kaa_io_channel_set_paused (run->channel, TRUE);
      break;
    case REQUEST:
      note_future (kaa_io_channel_read_exactly (run->channel, 3), "Q");
      break;
    case DELIMITER:
      kaa_io_channel_set_delimiter (run->channel, "5");
      break;
    case CONSUME:
      g_assert_true (kaa_io_channel_consume (run->channel, 1, &error));
      g_assert_no_error (error);
      break;
    case UNREAD:
      bytes = g_bytes_new_static ("+\n", 2);
      g_assert_true (kaa_io_channel_unread (run->channel, bytes, &error));
      g_assert_no_error (error);
      g_bytes_unref (bytes);
      break;
    case LIMIT:
      /* Pieces of one byte each. The last one waits, because a delimiter that begins behind it would belong to it. */
      kaa_io_channel_set_delimiter (run->channel, "||");
      kaa_io_channel_set_queue_size (run->channel, 1);
      break;
    case CLOSE:
      g_object_unref (kaa_io_channel_close (run->channel, KAA_CLOSE_NONE));
      break;
    case DROP:
      g_object_unref (run->channel);
      break;
    case N_ACTIONS:
    default:
      g_assert_not_reached ();
    }
}

static void
on_line (KaaIOChannel *channel,
         GBytes       *line,
         gpointer      user_data)
{
  Run *run = user_data;

  note_bytes ("L", line);
  if (++run->n_lines == run->at)
    act (run);
}

static void
ignore_notify (GObject    *object,
               GParamSpec *pspec,
               gpointer    user_data)
{
}

/* The same action at the first, second ... line. That many lines come before the three that show what became of it. */
static void
run_action (Action      action,
            guint       at,
            const char *notify)
{
  const Expectation *expected = &expectations[action];
  Run run = { NULL, action, at, };
  GString *before = g_string_new (NULL);
  GString *handled = g_string_new (NULL);
  int peer;

  begin_events ();
  run.channel = open_pipe (&peer);
  if (notify != NULL)
    g_signal_connect (run.channel, notify, G_CALLBACK (ignore_notify), NULL);
  note_signal (run.channel, "closed");
  if (action == UNBLOCK_READ || action == UNBLOCK_READLINES)
    {
      run.blocked = note_signal (run.channel, action == UNBLOCK_READ ? "read" : "readlines");
      g_signal_handler_block (run.channel, run.blocked);
    }
  run.handler = g_signal_connect (run.channel, "readline", G_CALLBACK (on_line), &run);

  for (guint i = 0; i < at; i++)
    {
      g_string_append (before, "0\n");
      g_string_append (handled, i == 0 ? "L[0|]" : " L[0|]");
    }
  g_string_append (before, "4\n5\n6\n");
  if (expected->handled[0] != '\0')
    g_string_append_printf (handled, " %s", expected->handled);

  put_string (peer, before->str);
  settle ();
  assert_events (handled->str);
  assert_queue (run.channel, expected->left);

  g_signal_handlers_disconnect_by_data (run.channel, &run);
  if (action == DROP)
    {
      close (peer);
      settle ();
    }
  else
    {
      finish_channel (run.channel);
      close (peer);
    }
  end_events ();
  g_string_free (before, TRUE);
  g_string_free (handled, TRUE);
}

static void
test_action (gconstpointer action)
{
  for (guint at = 1; at <= N_LINES; at++)
    {
      run_action (GPOINTER_TO_INT (action), at, NULL);
      run_action (GPOINTER_TO_INT (action), at, "notify");
      run_action (GPOINTER_TO_INT (action), at, "notify::eof");
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < N_ACTIONS; i++)
    {
      char *path = g_strdup_printf ("/handlers/%s", expectations[i].name);

      g_test_add_data_func (path, GINT_TO_POINTER (i), test_action);
      g_free (path);
    }

  return g_test_run ();
}

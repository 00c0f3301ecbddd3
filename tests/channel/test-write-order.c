/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In which order the futures of what was written are told: that of the writes, wherever and however those were made. */

#include "channel-fixture.h"

#include <glib/gstdio.h>
#include <pty.h>
#include <termios.h>

/* --- What is written to, and answers --- */

typedef enum
{
  SOCKET,
  PIPES,
  TERMINAL,
  N_KINDS
} Kind;

/* A channel, and the other side: what it says makes the channel's handlers run. */
typedef struct
{
  KaaIOChannel *channel;
  int talk;
  int hear;
  guint to_wait_for;
  gboolean asked; /* there was something to wait for */
} Rig;

static void
rig_open (Rig  *self,
          Kind  kind)
{
  int read_end, write_end, fd;

  begin_events ();
  self->to_wait_for = 0;
  self->asked = FALSE;
  if (kind == PIPES)
    {
      make_pipe (&read_end, &self->talk);
      make_pipe (&self->hear, &write_end);
      self->channel = kaa_io_channel_new ();
      g_assert_true (kaa_io_channel_wrap_fds (self->channel, read_end, write_end, NULL));
      return;
    }

  if (kind == SOCKET)
    {
      make_sockets (&fd, &self->talk);
    }
  else
    {
      struct termios raw;

      g_assert_cmpint (openpty (&self->talk, &fd, NULL, NULL, NULL), ==, 0);
      g_assert_cmpint (tcgetattr (fd, &raw), ==, 0);
      cfmakeraw (&raw);
      g_assert_cmpint (tcsetattr (fd, TCSANOW, &raw), ==, 0);
    }
  self->hear = self->talk;
  self->channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
}

static void
rig_close (Rig *self)
{
  finish_channel (self->channel);
  close (self->talk);
  if (self->hear != self->talk)
    close (self->hear);
  end_events ();
}

typedef struct
{
  Rig *rig;
  const char *word;
} Told;

static void
told (const GValue *result,
      gpointer      user_data)
{
  Told *self = user_data;

  note (self->word);
  self->rig->to_wait_for--;
}

static void
told_error (const GError *error,
            gpointer      user_data)
{
  Told *self = user_data;
  char *text = g_strconcat (self->word, "!", NULL);

  note (text);
  g_free (text);
  self->rig->to_wait_for--;
}

/* Notes it when the future is told, and drops it. */
static void
tell (Rig           *self,
      KaaInProgress *future,
      const char    *word)
{
  Told *told_data = g_new (Told, 1);

  told_data->rig = self;
  told_data->word = word;
  self->to_wait_for++;
  self->asked = TRUE;
  kaa_in_progress_then (future, told, told_data, NULL, told_error, told_data, g_free);
  g_object_unref (future);
}

static void
say (Rig        *self,
     const char *text)
{
  tell (self, kaa_io_channel_write (self->channel, (const guint8 *) text, strlen (text)), text);
}

#define assert_told(rig, expected) \
  G_STMT_START { \
    spin_until ((rig)->to_wait_for == 0); \
    assert_events (expected); \
  } G_STMT_END

/* --- From wherever --- */

static void
write_three (Rig *self)
{
  say (self, "one");
  say (self, "two");
  say (self, "three");
}

static void
write_three_signal (KaaIOChannel *channel,
                    GBytes       *line,
                    gpointer      user_data)
{
  write_three (user_data);
}

static void
write_three_resolved (const GValue *result,
                      gpointer      user_data)
{
  write_three (user_data);
}

static gboolean
write_three_idly (gpointer user_data)
{
  write_three (user_data);
  return G_SOURCE_REMOVE;
}

static void
test_in_handler (gconstpointer kind)
{
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (kind));
  g_signal_connect (rig.channel, "readline", G_CALLBACK (write_three_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, "one two three");
  rig_close (&rig);
}

static void
test_in_callback (gconstpointer kind)
{
  KaaInProgress *line;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (kind));
  line = kaa_io_channel_readline (rig.channel);
  kaa_in_progress_then (line, write_three_resolved, &rig, NULL, NULL, NULL, NULL);
  g_object_unref (line);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, "one two three");
  rig_close (&rig);
}

static void
test_in_turn (gconstpointer kind)
{
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (kind));
  settle ();
  write_three (&rig);
  assert_told (&rig, "one two three");
  rig.asked = FALSE;
  g_idle_add (write_three_idly, &rig);
  spin_until (rig.asked);
  assert_told (&rig, "one two three");
  rig_close (&rig);
}

/* --- Among others --- */

static void
ask_for_all (Rig *self)
{
  tell (self, kaa_io_channel_wait_writable (self->channel, 1), "room");
  say (self, "one");
  say (self, "");
  tell (self, kaa_io_channel_wait_writable (self->channel, 1), "more-room");
  say (self, "two");
  tell (self, kaa_io_channel_flush (self->channel), "flushed");
  say (self, "three");
  tell (self, kaa_io_channel_flush (self->channel), "all");
}

static void
ask_for_all_signal (KaaIOChannel *channel,
                    GBytes       *line,
                    gpointer      user_data)
{
  ask_for_all (user_data);
}

static void
test_mixed (void)
{
  const char expected[] = "room one  more-room two flushed three all";
  Rig rig;

  rig_open (&rig, SOCKET);
  settle ();
  ask_for_all (&rig);
  assert_told (&rig, expected);
  rig.asked = FALSE;
  g_signal_connect (rig.channel, "readline", G_CALLBACK (ask_for_all_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, expected);
  rig_close (&rig);
}

/* Room is there before what was written has gone. */
static void
test_room_is_earlier (void)
{
  gsize length = 4 * 1024 * 1024;
  guint8 *data = g_malloc0 (length);
  Rig rig;

  rig_open (&rig, SOCKET);
  kaa_io_channel_set_queue_size (rig.channel, 2 * length);
  tell (&rig, kaa_io_channel_write (rig.channel, data, length), "long");
  tell (&rig, kaa_io_channel_wait_writable (rig.channel, length), "room");
  say (&rig, "short");
  settle ();
  assert_events ("room");
  while (rig.to_wait_for > 0)
    {
      if (get_waiting (rig.hear) > 0)
        g_assert_cmpint (read (rig.hear, data, length), >, 0);
      g_main_context_iteration (NULL, FALSE);
    }
  assert_events ("long short");
  rig_close (&rig);
  g_free (data);
}

typedef struct
{
  Rig *rig;
  const char *word;
} AsyncTold;

static void
written_async (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  AsyncTold *self = user_data;
  GError *error = NULL;

  g_assert_cmpint (kaa_io_channel_write_bytes_finish (KAA_IO_CHANNEL (source), result, &error), >=, 0);
  g_assert_no_error (error);
  note (self->word);
  self->rig->to_wait_for--;
  g_free (self);
}

static void
say_async (Rig        *self,
           const char *text)
{
  GBytes *bytes = g_bytes_new_static (text, strlen (text));
  AsyncTold *data = g_new (AsyncTold, 1);

  data->rig = self;
  data->word = text;
  self->to_wait_for++;
  self->asked = TRUE;
  kaa_io_channel_write_bytes_async (self->channel, bytes, NULL, written_async, data);
  g_bytes_unref (bytes);
}

static void
write_async_signal (KaaIOChannel *channel,
                    GBytes       *line,
                    gpointer      user_data)
{
  say_async (user_data, "one");
  say (user_data, "two");
  say_async (user_data, "three");
}

static void
test_async (void)
{
  Rig rig;

  rig_open (&rig, SOCKET);
  g_signal_connect (rig.channel, "readline", G_CALLBACK (write_async_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, "one two three");
  rig_close (&rig);
}

static void
write_with_fds_signal (KaaIOChannel *channel,
                       GBytes       *line,
                       gpointer      user_data)
{
  GBytes *bytes = g_bytes_new_static ("x", 1);
  int fd = STDIN_FILENO;
  Rig *rig = user_data;

  say (rig, "one");
  tell (rig, kaa_socket_write_with_fds (KAA_SOCKET (channel), bytes, &fd, 1), "descriptor");
  say (rig, "three");
  g_bytes_unref (bytes);
}

static void
test_with_fds (void)
{
  KaaInProgress *connected;
  char *directory = g_dir_make_tmp ("kaa-XXXXXX", NULL);
  char *path = g_build_filename (directory, "socket", NULL);
  char *address = g_strconcat ("unix:", path, NULL);
  KaaSocket *listener = kaa_socket_new ();
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *accepted;
  KaaIOChannel *server;
  GError *error = NULL;
  Rig rig = { NULL, };

  begin_events ();
  g_assert_true (kaa_socket_listen (listener, address, 1, &error));
  accepted = kaa_socket_accept (listener);
  connected = kaa_socket_connect_to (client, address);
  spin_until (kaa_in_progress_get_finished (accepted) && kaa_in_progress_get_finished (connected));
  server = KAA_IO_CHANNEL (kaa_in_progress_get_object (accepted, &error));
  g_assert_no_error (error);

  rig.channel = KAA_IO_CHANNEL (client);
  g_signal_connect (client, "readline", G_CALLBACK (write_with_fds_signal), &rig);
  g_object_unref (kaa_io_channel_write (server, (const guint8 *) "go\n", 3));
  spin_until (rig.asked);
  assert_told (&rig, "one descriptor three");

  finish_channel (server);
  finish_channel (KAA_IO_CHANNEL (client));
  finish_channel (KAA_IO_CHANNEL (listener));
  g_object_unref (accepted);
  g_object_unref (connected);
  g_remove (path);
  g_rmdir (directory);
  g_free (address);
  g_free (path);
  g_free (directory);
  end_events ();
}

/* --- That fail --- */

/* What the channel does not take has no place in line, and is told at once; so is what was taken out. */
static void
refuse_signal (KaaIOChannel *channel,
               GBytes       *line,
               gpointer      user_data)
{
  Rig *rig = user_data;
  gsize length = kaa_io_channel_get_queue_size (channel) + 1;
  guint8 *data = g_malloc0 (length);
  KaaInProgress *aborted;

  say (rig, "one");
  tell (rig, kaa_io_channel_write (channel, data, length), "too-long");
  aborted = kaa_io_channel_write (channel, (const guint8 *) "x", 1);
  tell (rig, g_object_ref (aborted), "aborted");
  say (rig, "two");
  g_assert_true (kaa_in_progress_abort (aborted, NULL));
  g_object_unref (aborted);
  g_free (data);
}

static void
test_refused (void)
{
  Rig rig;
  char **words;
  char *order;

  rig_open (&rig, SOCKET);
  g_signal_connect (rig.channel, "readline", G_CALLBACK (refuse_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  spin_until (rig.to_wait_for == 0);
  words = g_strsplit (events->str, " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, 4);
  g_assert_true (g_strv_contains ((const char * const *) words, "too-long!"));
  g_assert_true (g_strv_contains ((const char * const *) words, "aborted!"));
  order = strstr (events->str, "one");
  g_assert_nonnull (order);
  g_assert_nonnull (strstr (order, "two"));
  g_strfreev (words);
  rig_close (&rig);
}

/* The first has gone, in the call. */
static void
close_signal (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      user_data)
{
  Rig *rig = user_data;

  say (rig, "one");
  say (rig, "two");
  tell (rig, kaa_io_channel_flush (channel), "flush");
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  say (rig, "three");
}

static void
test_closed (gconstpointer kind)
{
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (kind));
  note_signal (rig.channel, "closed");
  g_signal_connect (rig.channel, "readline", G_CALLBACK (close_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  spin_until (strstr (events->str, "closed") != NULL);
  assert_told (&rig, "one two! flush! three! closed");
  rig_close (&rig);
}

/* The same outside of a dispatch. */
static void
test_closed_in_turn (void)
{
  Rig rig;

  rig_open (&rig, SOCKET);
  settle ();
  note_signal (rig.channel, "closed");
  close_signal (rig.channel, NULL, &rig);
  spin_until (strstr (events->str, "closed") != NULL);
  assert_told (&rig, "one two! flush! three! closed");
  rig_close (&rig);
}

static void
hang_up_signal (KaaIOChannel *channel,
                GBytes       *line,
                gpointer      user_data)
{
  Rig *rig = user_data;

  say (rig, "one");
  say (rig, "two");
  close (rig->hear);
  say (rig, "three");
}

/* The other side goes in between. */
static void
test_peer_gone (void)
{
  Rig rig;

  rig_open (&rig, SOCKET);
  note_signal (rig.channel, "closed");
  g_signal_connect (rig.channel, "readline", G_CALLBACK (hang_up_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  spin_until (strstr (events->str, "hung-up") != NULL);
  assert_told (&rig, "one two! three! hung-up");
  rig.talk = rig.hear = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  rig_close (&rig);
}

/* What was written before another channel takes over, and what was written to that one. */
static void
steal_signal (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      user_data)
{
  Rig *rig = user_data;
  KaaIOChannel *thief = kaa_io_channel_new ();
  GError *error = NULL;

  say (rig, "one");
  say (rig, "two");
  rig->channel = thief;
  say (rig, "three");
  g_assert_true (kaa_io_channel_steal (thief, channel, &error));
  g_assert_no_error (error);
  say (rig, "four");
}

static void
test_stolen (void)
{
  KaaIOChannel *robbed;
  Rig rig;

  rig_open (&rig, SOCKET);
  robbed = rig.channel;
  g_signal_connect (rig.channel, "readline", G_CALLBACK (steal_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, "one two three four");
  g_object_unref (robbed);
  rig_close (&rig);
}

/* --- In loops and threads --- */

static void
nested_signal (KaaIOChannel *channel,
               GBytes       *line,
               gpointer      user_data)
{
  KaaInProgress *future = kaa_io_channel_write (channel, (const guint8 *) "one", 3);
  GError *error = NULL;
  Rig *rig = user_data;

  tell (rig, g_object_ref (future), "one");
  say (rig, "two");
  g_assert_cmpint (kaa_in_progress_wait_int (future, WATCHDOG_SECONDS, &error), ==, 3);
  g_assert_no_error (error);
  g_object_unref (future);
  say (rig, "three");
}

static void
test_nested (void)
{
  Rig rig;

  rig_open (&rig, SOCKET);
  g_signal_connect (rig.channel, "readline", G_CALLBACK (nested_signal), &rig);
  put_string (rig.talk, "go\n");
  spin_until (rig.asked);
  assert_told (&rig, "one two three");
  rig_close (&rig);
}

static gpointer
write_elsewhere (gpointer user_data)
{
  GMainContext *context = g_main_context_new ();
  Rig *rig = user_data;

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < 10; i++)
    write_three (rig);
  while (rig->to_wait_for > 0)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

static gboolean
wake_up (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

static void
test_thread (void)
{
  GString *expected = g_string_new ("one two three");
  GThread *thread;
  guint8 buffer[256];
  gsize left = 10 * strlen ("onetwothree");
  guint alarm_clock;
  Rig rig;

  for (guint i = 1; i < 10; i++)
    g_string_append (expected, " one two three");
  rig_open (&rig, SOCKET);
  alarm_clock = g_timeout_add (1, wake_up, NULL);
  thread = g_thread_new ("writer", write_elsewhere, &rig);
  while (left > 0)
    {
      g_main_context_iteration (NULL, TRUE);
      if (get_waiting (rig.hear) > 0)
        left -= read (rig.hear, buffer, sizeof buffer);
    }
  g_source_remove (alarm_clock);
  g_thread_join (thread);
  assert_events (expected->str);
  g_string_free (expected, TRUE);
  rig_close (&rig);
}

static void
add_kinds (const char    *name,
           GTestDataFunc  func)
{
  static const char * const kinds[] = { "socket", "pipes", "terminal" };

  for (int i = 0; i < N_KINDS; i++)
    {
      char *path = g_strdup_printf ("/channel/write-order/%s/%s", name, kinds[i]);

      g_test_add_data_func (path, GINT_TO_POINTER (i), func);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add_kinds ("in-handler", test_in_handler);
  add_kinds ("in-callback", test_in_callback);
  add_kinds ("in-turn", test_in_turn);
  add_kinds ("closed", test_closed);
  g_test_add_func ("/channel/write-order/mixed", test_mixed);
  g_test_add_func ("/channel/write-order/room-is-earlier", test_room_is_earlier);
  g_test_add_func ("/channel/write-order/async", test_async);
  g_test_add_func ("/channel/write-order/with-fds", test_with_fds);
  g_test_add_func ("/channel/write-order/refused", test_refused);
  g_test_add_func ("/channel/write-order/closed-in-turn", test_closed_in_turn);
  g_test_add_func ("/channel/write-order/peer-gone", test_peer_gone);
  g_test_add_func ("/channel/write-order/stolen", test_stolen);
  g_test_add_func ("/channel/write-order/nested", test_nested);
  g_test_add_func ("/channel/write-order/thread", test_thread);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * C7: a dispatch ends behind the first callback that ran past its budget, and what happens is the same wherever that is.
 *
 * A slow callback waits until the clock has moved on further than any dispatch may take, so nothing here depends on how fast a machine is.
 */

#include "channel-fixture.h"

#define REDRAW (G_PRIORITY_HIGH_IDLE + 20)
#define N_CALLS 12

static void
be_slow (void)
{
  gint64 begin = g_get_monotonic_time ();

  while (g_get_monotonic_time () - begin < 3000)
    ;
}

/* --- One slow callback a dispatch --- */

static guint n_redraws, n_redraws_before, n_slow;

/* Each but the first finds that what waits at a lower priority has had a turn since the last one. */
static void
slow_callback (void)
{
  if (n_slow > 0)
    g_assert_cmpuint (n_redraws, >, n_redraws_before);
  n_redraws_before = n_redraws;
  n_slow++;
  be_slow ();
}

static gboolean
on_redraw (gpointer user_data)
{
  n_redraws++;
  return G_SOURCE_CONTINUE;
}

/* Until there were so many slow callbacks, beside something that is always ready at the priority of a redraw. */
static void
run_slowly (guint n)
{
  guint redraw = g_idle_add_full (REDRAW, on_redraw, NULL, NULL);

  n_redraws = n_redraws_before = n_slow = 0;
  spin_until (n_slow == n);
  g_source_remove (redraw);
}

static void
on_bytes (KaaIOChannel *channel,
          GBytes       *bytes,
          gpointer      user_data)
{
  slow_callback ();
}

static void
on_overflow (KaaIOChannel *channel,
             guint64       bytes,
             gpointer      user_data)
{
  slow_callback ();
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  slow_callback ();
}

static void
test_signal (gconstpointer signal)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  kaa_io_channel_set_chunk_size (channel, 5);
  kaa_io_channel_set_queue_size (channel, 6);
  g_signal_connect (channel, signal, G_CALLBACK (on_bytes), NULL);
  for (guint i = 0; i < N_CALLS; i++)
    put_string (peer, "line\n");
  run_slowly (N_CALLS);
  close (peer);
  finish_channel (channel);
}

/* A block of 64 KiB each time. */
static void
test_blocks (void)
{
  char *text = g_strnfill (N_CALLS * 64 * 1024, '\n');
  int fd = make_file (text, N_CALLS * 64 * 1024);
  KaaIOChannel *channel = open_fd (fd, KAA_IO_READ);

  g_signal_connect (channel, "readlines", G_CALLBACK (on_bytes), NULL);
  run_slowly (N_CALLS);
  finish_channel (channel);
  g_free (text);
}

static void
test_overflow (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);
  GByteArray *lines = g_byte_array_new ();

  kaa_io_channel_set_queue_size (channel, 2);
  kaa_io_channel_set_overflow_policy (channel, KAA_OVERFLOW_DISCARD);
  g_signal_connect (channel, "overflow", G_CALLBACK (on_overflow), NULL);
  collect_into (channel, "readline", lines);
  for (guint i = 0; i < N_CALLS; i++)
    put_string (peer, "too long\n");
  run_slowly (N_CALLS);
  close (peer);
  finish_channel (channel);
  g_byte_array_unref (lines);
}

static void
test_closed (void)
{
  KaaIOChannel *channels[N_CALLS];
  int peers[N_CALLS];

  for (guint i = 0; i < N_CALLS; i++)
    {
      channels[i] = open_pipe (&peers[i]);
      g_signal_connect (channels[i], "closed", G_CALLBACK (on_closed), NULL);
      close (peers[i]);
    }
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    g_object_unref (channels[i]);
  settle ();
}

/* Many channels of which each has a little. */
static void
test_channels (void)
{
  KaaIOChannel *channels[N_CALLS];
  int peers[N_CALLS];

  for (guint i = 0; i < N_CALLS; i++)
    {
      channels[i] = open_pipe (&peers[i]);
      g_signal_connect (channels[i], "readline", G_CALLBACK (on_bytes), NULL);
      put_string (peers[i], "line\n");
    }
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    {
      close (peers[i]);
      finish_channel (channels[i]);
    }
}

static void
on_resolved (const GValue *result,
             gpointer      user_data)
{
  slow_callback ();
}

static void
on_rejected (const GError *error,
             gpointer      user_data)
{
  slow_callback ();
}

static void
listen_slowly (KaaInProgress *future)
{
  kaa_in_progress_then (future, on_resolved, NULL, NULL, on_rejected, NULL, NULL);
}

static void
listen_and_drop (KaaInProgress *future)
{
  listen_slowly (future);
  g_object_unref (future);
}

static void
test_requests (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  for (guint i = 0; i < N_CALLS; i++)
    {
      listen_and_drop (kaa_io_channel_readline (channel));
      put_string (peer, "line\n");
    }
  run_slowly (N_CALLS);

  /* Those that fail, or end empty, do so one by one as well. */
  for (guint i = 0; i < N_CALLS; i++)
    listen_and_drop (kaa_io_channel_readline (channel));
  close (peer);
  run_slowly (N_CALLS);
  g_object_unref (channel);
  settle ();
}

/* They are all written by one system call. */
static void
test_writes (void)
{
  KaaIOChannel *channel;
  int fd, peer;

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  for (guint i = 0; i < N_CALLS; i++)
    listen_and_drop (kaa_io_channel_write (channel, (const guint8 *) "line\n", 5));
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    listen_and_drop (kaa_io_channel_flush (channel));
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    listen_and_drop (kaa_io_channel_wait_writable (channel, 1));
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    listen_and_drop (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  run_slowly (N_CALLS);
  g_object_unref (channel);
  close (peer);
  settle ();
}

static gpointer
finish_all (gpointer promises)
{
  for (guint i = 0; i < N_CALLS; i++)
    kaa_in_progress_finish_void (((KaaInProgress **) promises)[i]);
  return NULL;
}

/* Completions that are announced together: of several promises, and to several listeners; finished here, and in another thread. */
static void
test_promises (gconstpointer in_thread)
{
  KaaInProgress *promises[N_CALLS];
  KaaInProgress *one = kaa_in_progress_new (NULL);

  for (guint i = 0; i < N_CALLS; i++)
    {
      promises[i] = kaa_in_progress_new (NULL);
      listen_slowly (promises[i]);
      listen_slowly (one);
    }
  if (in_thread != NULL)
    g_thread_join (g_thread_new ("finisher", finish_all, promises));
  else
    finish_all (promises);
  run_slowly (N_CALLS);
  kaa_in_progress_finish_void (one);
  run_slowly (N_CALLS);

  /* Asked late, they are batched. */
  for (guint i = 0; i < N_CALLS; i++)
    listen_slowly (promises[i]);
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    {
      listen_and_drop (kaa_in_progress_all (promises, N_CALLS));
      listen_and_drop (kaa_in_progress_timeout (promises[i], 60, FALSE));
    }
  run_slowly (2 * N_CALLS);

  for (guint i = 0; i < N_CALLS; i++)
    g_object_unref (promises[i]);
  g_object_unref (one);
}

static void
on_ready (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  GBytes *line = kaa_io_channel_readline_finish (KAA_IO_CHANNEL (source), result, NULL);

  g_assert_cmpuint (g_bytes_get_size (line), ==, 5);
  g_bytes_unref (line);
  slow_callback ();
}

static void
test_async (void)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  for (guint i = 0; i < N_CALLS; i++)
    {
      kaa_io_channel_readline_async (channel, NULL, on_ready, NULL);
      put_string (peer, "line\n");
    }
  run_slowly (N_CALLS);
  close (peer);
  finish_channel (channel);
}

static void
on_client (KaaSocket *socket,
           KaaSocket *client,
           gpointer   user_data)
{
  slow_callback ();
}

static void
test_clients (void)
{
  KaaSocket *socket = kaa_socket_new ();
  KaaSocket *clients[N_CALLS];
  GError *error = NULL;

  g_signal_connect (socket, "new-client", G_CALLBACK (on_client), NULL);
  kaa_socket_listen (socket, "unix-abstract:kaa-test-budget", N_CALLS, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < N_CALLS; i++)
    {
      clients[i] = kaa_socket_new ();
      g_object_unref (kaa_socket_connect_to (clients[i], "unix-abstract:kaa-test-budget"));
    }
  run_slowly (N_CALLS);
  for (guint i = 0; i < N_CALLS; i++)
    finish_channel (KAA_IO_CHANNEL (clients[i]));
  finish_channel (KAA_IO_CHANNEL (socket));
}

/* --- Wherever it ends --- */

/* The callback with this number is slow. */
static guint slow_one, n_callbacks;

static void
count_callback (void)
{
  if (n_callbacks++ == slow_one)
    be_slow ();
}

static void
note_slowly (KaaIOChannel *channel,
             GBytes       *bytes,
             gpointer      word)
{
  note_bytes (word, bytes);
  count_callback ();
}

static void
note_close_slowly (KaaIOChannel *channel,
                   gboolean      expected,
                   gpointer      user_data)
{
  note (expected ? "closed" : "hung-up");
  count_callback ();
}

static void
note_overflow_slowly (KaaIOChannel *channel,
                      guint64       bytes,
                      gpointer      user_data)
{
  note ("overflow");
  count_callback ();
}

static void
note_death (KaaIOChannel *channel,
            GParamSpec   *pspec,
            gpointer      user_data)
{
  if (!kaa_io_channel_get_alive (channel))
    {
      note ("dead");
      count_callback ();
    }
}

static void
note_finished (KaaProcess *process,
               int         status,
               gpointer    user_data)
{
  note ("finished");
  count_callback ();
}

static void
resolve_slowly (const GValue *result,
                gpointer      word)
{
  if (G_VALUE_HOLDS (result, G_TYPE_BYTES))
    note_bytes (word, g_value_get_boxed (result));
  else
    note (word);
  count_callback ();
}

static void
reject_slowly (const GError *error,
               gpointer      word)
{
  note_reject (error, word);
  count_callback ();
}

static void
note_future_slowly (KaaInProgress *future,
                    const char    *word)
{
  kaa_in_progress_then (future, resolve_slowly, (gpointer) word, NULL, reject_slowly, (gpointer) word, NULL);
  g_object_unref (future);
}

static void
connect_slowly (KaaIOChannel *channel,
                const char   *names)
{
  for (const char *name = names; *name != '\0'; name++)
    g_signal_connect (channel, *name == 'R' ? "read" : *name == 'L' ? "readline" : "readlines", G_CALLBACK (note_slowly),
                      (gpointer) (*name == 'R' ? "R" : *name == 'L' ? "L" : "B"));
  g_signal_connect (channel, "notify::alive", G_CALLBACK (note_death), NULL);
  g_signal_connect (channel, "overflow", G_CALLBACK (note_overflow_slowly), NULL);
  g_signal_connect (channel, "closed", G_CALLBACK (note_close_slowly), NULL);
}

static void
wait_for_close (KaaIOChannel *channel)
{
  spin_until (strstr (events->str, "hung-up") != NULL || strstr (events->str, "closed") != NULL);
  g_object_unref (channel);
  settle ();
}

static KaaIOChannel *
open_with (const char *input,
           gsize       chunk_size)
{
  int peer;
  KaaIOChannel *channel = open_pipe (&peer);

  kaa_io_channel_set_chunk_size (channel, chunk_size);
  put_string (peer, input);
  close (peer);
  return channel;
}

/* A line that is too long, behind some that are not. */
static void
tell_of_overflow (KaaOverflowPolicy  policy,
                  const char        *names)
{
  KaaIOChannel *channel = open_with ("a\nb\nc\nfar too long\nd\ne", 1024);

  kaa_io_channel_set_queue_size (channel, 6);
  kaa_io_channel_set_overflow_policy (channel, policy);
  connect_slowly (channel, names);
  wait_for_close (channel);
}

static void
overflow_error (void)
{
  tell_of_overflow (KAA_OVERFLOW_ERROR, "L");
}

static void
overflow_close (void)
{
  tell_of_overflow (KAA_OVERFLOW_CLOSE, "L");
}

static void
overflow_discard (void)
{
  tell_of_overflow (KAA_OVERFLOW_DISCARD, "L");
}

static void
overflow_blocks (void)
{
  tell_of_overflow (KAA_OVERFLOW_ERROR, "B");
}

static void
overflow_requests (void)
{
  KaaIOChannel *channel = open_with ("a\nfar too long\nb", 1024);

  kaa_io_channel_set_queue_size (channel, 6);
  kaa_io_channel_set_overflow_policy (channel, KAA_OVERFLOW_CLOSE);
  connect_slowly (channel, "");
  for (guint i = 0; i < 4; i++)
    note_future_slowly (kaa_io_channel_readline (channel), "f");
  wait_for_close (channel);
}

/* Chunks, requests, lines, blocks, the last partial line, and the close. */
static void
everything (void)
{
  KaaIOChannel *channel = open_with ("one\ntwo\nthree\nfour", 4);

  connect_slowly (channel, "RLB");
  note_future_slowly (kaa_io_channel_read_exactly (channel, 2), "x");
  note_future_slowly (kaa_io_channel_read (channel), "r");
  wait_for_close (channel);
}

static void
requests_to_the_end (void)
{
  KaaIOChannel *channel = open_with ("one\ntwo\nthree", 5);

  connect_slowly (channel, "R");
  for (guint i = 0; i < 5; i++)
    note_future_slowly (kaa_io_channel_readline (channel), "l");
  wait_for_close (channel);
}

/* Those that end empty hear it before the signal does, wherever close() is called. */
static KaaIOChannel *closing;

static void
close_it (const GValue *result,
          gpointer      flags)
{
  note ("close");
  count_callback ();
  note_future_slowly (kaa_io_channel_close (closing, GPOINTER_TO_INT (flags)), "c");
}

static void
close_with_requests (KaaCloseFlags flags)
{
  KaaInProgress *promise = kaa_in_progress_new (NULL);
  int fd, peer;

  make_sockets (&fd, &peer);
  closing = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  connect_slowly (closing, "");
  for (guint i = 0; i < 3; i++)
    note_future_slowly (kaa_io_channel_read (closing), "r");
  for (guint i = 0; i < 2; i++)
    note_future_slowly (kaa_io_channel_wait_writable (closing, 2 * 1024 * 1024), "w");
  kaa_in_progress_then (promise, close_it, GINT_TO_POINTER (flags), NULL, NULL, NULL, NULL);
  note_future_slowly (g_object_ref (promise), "p");
  kaa_in_progress_finish_void (promise);
  wait_for_close (closing);
  g_object_unref (promise);
  close (peer);
}

static void
close_now (void)
{
  close_with_requests (KAA_CLOSE_IMMEDIATE);
}

static void
close_in_order (void)
{
  close_with_requests (KAA_CLOSE_NONE);
}

static void
process (void)
{
  const char *argv[] = { "/bin/sh", "-c", "echo one; echo two; printf three", NULL };
  KaaProcess *child = kaa_process_new (argv, KAA_PROCESS_NONE);
  GError *error = NULL;

  connect_slowly (KAA_IO_CHANNEL (child), "L");
  g_signal_connect (child, "finished", G_CALLBACK (note_finished), NULL);
  kaa_process_start (child, &error);
  g_assert_no_error (error);
  spin_until (strstr (events->str, "finished") != NULL);
  wait_for_close (KAA_IO_CHANNEL (child));
}

static void
test_order (gconstpointer scenario)
{
  void (*run) (void) = (void (*) (void)) scenario;
  char *expected;
  guint n;

  begin_events ();
  slow_one = G_MAXUINT;
  n_callbacks = 0;
  run ();
  expected = g_strdup (events->str);
  n = n_callbacks;
  g_assert_cmpuint (n, >, 2);
  g_test_message ("%s", expected);

  for (slow_one = 0; slow_one < n; slow_one++)
    {
      begin_events ();
      n_callbacks = 0;
      run ();
      assert_events (expected);
    }
  end_events ();
  g_free (expected);
}

/* `closed` is the last. */
static void
test_last (gconstpointer scenario)
{
  void (*run) (void) = (void (*) (void)) scenario;

  begin_events ();
  slow_one = G_MAXUINT;
  n_callbacks = 0;
  run ();
  g_assert_true (g_str_has_suffix (events->str, "hung-up") || g_str_has_suffix (events->str, "closed") ||
                 g_str_has_suffix (events->str, "closed c") || g_str_has_suffix (events->str, "finished"));
  end_events ();
}

int
main (int    argc,
      char **argv)
{
  static const char * const signals[] = { "read", "readline", "readlines" };
  static const struct
  {
    const char *name;
    void (*run) (void);
  } scenarios[] = {
    { "overflow/error", overflow_error },
    { "overflow/close", overflow_close },
    { "overflow/discard", overflow_discard },
    { "overflow/blocks", overflow_blocks },
    { "overflow/requests", overflow_requests },
    { "everything", everything },
    { "requests", requests_to_the_end },
    { "close/immediate", close_now },
    { "close/none", close_in_order },
    { "process", process },
  };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    {
      char *path = g_strdup_printf ("/channel/C7/slow/%s", signals[i]);

      g_test_add_data_func (path, signals[i], test_signal);
      g_free (path);
    }
  g_test_add_func ("/channel/C7/slow/blocks", test_blocks);
  g_test_add_func ("/channel/C7/slow/overflow", test_overflow);
  g_test_add_func ("/channel/C7/slow/closed", test_closed);
  g_test_add_func ("/channel/C7/slow/channels", test_channels);
  g_test_add_func ("/channel/C7/slow/requests", test_requests);
  g_test_add_func ("/channel/C7/slow/writes", test_writes);
  g_test_add_data_func ("/channel/C7/slow/promises/here", NULL, test_promises);
  g_test_add_data_func ("/channel/C7/slow/promises/thread", "", test_promises);
  g_test_add_func ("/channel/C7/slow/async", test_async);
  g_test_add_func ("/channel/C7/slow/clients", test_clients);
  for (guint i = 0; i < G_N_ELEMENTS (scenarios); i++)
    {
      char *path = g_strdup_printf ("/channel/C7/order/%s", scenarios[i].name);

      g_test_add_data_func (path, (gconstpointer) scenarios[i].run, test_order);
      g_free (path);
      path = g_strdup_printf ("/channel/C2/last/%s", scenarios[i].name);
      g_test_add_data_func (path, (gconstpointer) scenarios[i].run, test_last);
      g_free (path);
    }
  return g_test_run ();
}

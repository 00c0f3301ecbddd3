/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Closing: rules C1 to C5, C8 and C11, and channels that take over what another one has open. */

#include "close-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)
#define MANY (3 * 1024 * 1024)

static KaaIOChannel *
open_socket (int *peer)
{
  KaaIOChannel *channel;
  int fds[2];

  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  kaa_io_channel_set_queue_size (channel, 2 * MANY);
  *peer = fds[1];
  return channel;
}

/* Reads the peer's end until it is over; returns how many bytes there were. */
static gsize
drain_to_end (int peer)
{
  gsize total = 0;

  while (!drain (peer, &total))
    g_main_context_iteration (NULL, FALSE);
  return total;
}

/* --- C1 --- */

static void
test_flushed (void)
{
  KaaInProgress *write, *future, *pending;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, FALSE);
  write = write_zeros (channel, MANY);
  pending = kaa_io_channel_readline (channel);
  future = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  g_assert_false (kaa_io_channel_get_alive (channel));
  assert_fails (write_text (channel, "late"), G_IO_ERROR_CLOSED);
  assert_text (pending, "");
  g_assert_cmpuint (record->n_closed, ==, 0);
  g_assert_cmpuint (drain_to_end (peer), ==, MANY);
  g_assert_cmpint (await_int (write), ==, MANY);
  g_assert_true (await_boolean (future));
  g_assert_cmpuint (record->n_closed, ==, 1);
  g_assert_true (record->expected);
  close (peer);
  dispose_of (channel);
  g_assert_cmpuint (record->n_closed, ==, 1);
  record_free (record);
}

static void
test_buffered (void)
{
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  put (peer, "one\ntwo\nthree");
  assert_text (kaa_io_channel_readline (channel), "one\n");
  g_assert_true (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE)));
  g_assert_true (kaa_io_channel_get_readable (channel));
  assert_text (kaa_io_channel_readline (channel), "two\n");
  assert_text (kaa_io_channel_read (channel), "three");
  g_assert_false (kaa_io_channel_get_readable (channel));
  assert_text (kaa_io_channel_read (channel), "");
  dispose_of (channel);
  close (peer);
}

static void
test_two_full_peers (void)
{
  KaaIOChannel *channels[2];
  KaaInProgress *writes[2], *closes[2];
  gboolean failed[2];
  GError *error = NULL;

  g_assert_true (kaa_io_channel_new_pair (&channels[0], &channels[1], &error));
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++)
    {
      kaa_io_channel_set_queue_size (channels[i], MANY);
      writes[i] = write_zeros (channels[i], MANY);
    }
  for (int i = 0; i < 2; i++)
    closes[i] = kaa_io_channel_close (channels[i], KAA_CLOSE_NONE);
  for (int i = 0; i < 2; i++)
    {
      g_assert_true (await_boolean (closes[i]));
      g_assert_true (kaa_in_progress_get_finished (writes[i]));
      failed[i] = kaa_in_progress_get_failed (writes[i]);
      g_object_unref (writes[i]);
    }
  /* The first one to be ready has closed; what the other one still had to say may be lost. */
  g_assert_false (failed[0] && failed[1]);
  dispose_of (channels[0]);
  dispose_of (channels[1]);
}

/* What was flushed arrives, although input was left unread. */
static void
test_unread_input (void)
{
  KaaInProgress *future;
  gsize total = 0;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  put (peer, "never read");
  g_object_unref (write_zeros (channel, 100000));
  future = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  g_assert_cmpuint (drain_to_end (peer), ==, 100000);
  g_assert_true (drain (peer, &total));
  close (peer);
  g_assert_true (await_boolean (future));
  dispose_of (channel);
}

/* The peer does not read: linger ends it. */
static void
test_linger (void)
{
  KaaInProgress *future;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  kaa_io_channel_set_linger (channel, 0.02);
  put (peer, "never read");
  g_object_unref (write_zeros (channel, 1000));
  future = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  g_assert_true (await_boolean (future));
  dispose_of (channel);
  close (peer);
}

static void
wrap_again (KaaIOChannel *channel,
            gboolean      expected,
            gpointer      user_data)
{
  Record *record = user_data;

  g_assert_true (record->n_closed > 1 || record->input->len == 0);
}

static void
test_immediate (void)
{
  KaaInProgress *future, *pending;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (channel);
  int next[2];

  record = record_new (channel, TRUE);
  g_signal_connect (channel, "closed", G_CALLBACK (wrap_again), record);
  make_pipe (next);
  put (next[1], "next");
  pending = kaa_io_channel_read_exactly (channel, 3);
  future = kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE);
  g_assert_false (is_open_fd (fd));
  g_assert_cmpint (kaa_io_channel_get_fileno (channel), ==, -1);
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_false (kaa_in_progress_get_finished (future));
  g_assert_cmpuint (record->n_closed, ==, 0);

  g_assert_true (kaa_io_channel_wrap_fd (channel, next[0], KAA_IO_READ, NULL));
  run_while (record->input->len < 4);
  g_assert_true (await_boolean (future));
  assert_text (pending, "");
  g_assert_cmpstr (record->input->str, ==, "next");
  g_assert_cmpstr (record->order->str, ==, "cr");
  close (next[1]);
  run_while (record->n_closed < 2);
  g_assert_false (record->expected);
  dispose_of (channel);
  g_assert_cmpstr (record->order->str, ==, "crc");
  close (peer);
  record_free (record);
}

static void
test_cut_short (void)
{
  KaaInProgress *write, *first, *second;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (channel);

  record = record_new (channel, FALSE);
  write = write_zeros (channel, MANY);
  first = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  run_ready ();
  g_assert_true (is_open_fd (fd));
  g_assert_false (kaa_in_progress_get_finished (first));
  second = kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE);
  g_assert_false (is_open_fd (fd));
  assert_fails (write, G_IO_ERROR_CLOSED);
  g_assert_true (await_boolean (first));
  g_assert_true (await_boolean (second));
  g_assert_cmpuint (record->n_closed, ==, 1);
  dispose_of (channel);
  g_assert_cmpuint (record->n_closed, ==, 1);
  close (peer);
  record_free (record);
}

/* --- C2 --- */

static void
test_twice (void)
{
  KaaInProgress *first, *second;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, FALSE);
  first = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  second = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  g_assert_true (await_boolean (first));
  g_assert_true (await_boolean (second));
  g_assert_true (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE)));
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 1);
  dispose_of (channel);
  close (peer);
  record_free (record);
}

static void
test_unexpected (void)
{
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, FALSE);
  g_assert_false (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_UNEXPECTED)));
  g_assert_cmpuint (record->n_closed, ==, 1);
  g_assert_false (record->expected);
  dispose_of (channel);
  close (peer);
  record_free (record);
}

static void
test_unopened (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  Record *record = record_new (channel, FALSE);

  g_assert_true (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE)));
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 0);
  dispose_of (channel);
  record_free (record);
}

static void
test_unopened_waiting (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *reading = kaa_io_channel_readline (channel);
  KaaInProgress *writing = kaa_io_channel_write (channel, (const guint8 *) "one", 3);

  g_assert_true (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE)));
  assert_text (reading, "");
  assert_fails (writing, G_IO_ERROR_CLOSED);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 0);
  dispose_of (channel);
}

static void
test_last (void)
{
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  put (peer, "all of it");
  close (peer);
  run_while (record->n_closed == 0);
  g_assert_false (record->expected);
  g_assert_cmpstr (record->input->str, ==, "all of it");
  g_assert_cmpint (record->order->str[record->order->len - 1], ==, 'c');
  g_assert_no_error ((GError *) kaa_io_channel_get_error (channel));
  dispose_of (channel);
  g_assert_cmpuint (record->n_closed, ==, 1);
  record_free (record);
}

/* Each wrap has its own end. */
static void
test_each (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  Record *record = record_new (channel, FALSE);
  int fds[2];

  for (int i = 0; i < 3; i++)
    {
      make_pipe (fds);
      g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], KAA_IO_READ, NULL));
      close (fds[1]);
      if (i == 1)
        run_while (record->n_closed < 2);
    }
  run_while (record->n_closed < 3);
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 3);
  dispose_of (channel);
  record_free (record);
}

/* --- C3 --- */

static void
test_answer (void)
{
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  g_object_unref (write_zeros (channel, MANY));
  put (peer, "question");
  g_assert_cmpint (shutdown (peer, SHUT_WR), ==, 0);
  run_while (record->input->len < 8);
  g_assert_cmpuint (drain_to_end (peer), ==, MANY);
  run_while (record->n_closed == 0);
  g_assert_false (record->expected);
  dispose_of (channel);
  close (peer);
  record_free (record);
}

static gboolean
read_some (gpointer user_data)
{
  static char buffer[65536];
  int *progress = user_data;

  progress[1] += MAX (0, read (progress[0], buffer, sizeof buffer));
  return G_SOURCE_CONTINUE;
}

/* A slow peer that goes on reading gets all of it, though it takes longer than linger. */
static void
test_progress (void)
{
  KaaInProgress *write;
  Record *record;
  int progress[2] = { 0, 0 };
  KaaIOChannel *channel = open_socket (&progress[0]);
  guint id;

  record = record_new (channel, FALSE);
  kaa_io_channel_set_linger (channel, 0.8);
  set_nonblocking (progress[0]);
  write = write_zeros (channel, 1024 * 1024);
  g_assert_cmpint (shutdown (progress[0], SHUT_WR), ==, 0);
  id = g_timeout_add (100, read_some, progress);
  g_assert_cmpint (await_int (write), ==, 1024 * 1024);
  run_while (record->n_closed == 0);
  g_source_remove (id);
  dispose_of (channel);
  close (progress[0]);
  record_free (record);
}

static void
test_no_progress (void)
{
  KaaInProgress *write;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, FALSE);
  kaa_io_channel_set_linger (channel, 0.02);
  write = write_zeros (channel, MANY);
  g_assert_cmpint (shutdown (peer, SHUT_WR), ==, 0);
  run_while (record->n_closed == 0);
  g_assert_false (record->expected);
  assert_fails (write, G_IO_ERROR_CLOSED);
  dispose_of (channel);
  close (peer);
  record_free (record);
}

static void
test_stays_open (void)
{
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  kaa_io_channel_set_close_on_eof (channel, FALSE);
  put (peer, "question");
  g_assert_cmpint (shutdown (peer, SHUT_WR), ==, 0);
  run_while (!kaa_io_channel_get_eof (channel));
  run_ready ();
  g_assert_true (kaa_io_channel_get_alive (channel));
  g_assert_cmpint (await_int (write_text (channel, "answer")), ==, 6);
  assert_got (peer, "answer");
  g_assert_true (await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE)));
  g_assert_true (record->expected);
  dispose_of (channel);
  close (peer);
  record_free (record);
}

/* --- C4 --- */

/* A peer that closes with unread input resets the connection; what it wrote before is delivered first. */
static void
test_reset (void)
{
  KaaInProgress *rest, *pending;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  g_assert_cmpint (await_int (write_text (channel, "unread")), ==, 6);
  put (peer, "last words");
  close (peer);
  rest = kaa_io_channel_read_exactly (channel, 100);
  pending = kaa_io_channel_read (channel);
  run_while (record->n_closed == 0);
  g_assert_cmpstr (record->input->str, ==, "last words");
  assert_text (rest, "last words");
  g_assert_false (record->expected);
  g_assert_nonnull (kaa_io_channel_get_error (channel));
  g_assert_true (kaa_in_progress_get_failed (pending));
  assert_fails (pending, kaa_io_channel_get_error (channel)->code);
  dispose_of (channel);
  record_free (record);
}

static guint n_failed;

static void
check_error (KaaInProgress *future,
             const GError  *error,
             KaaIOChannel  *channel)
{
  const GError *reason = kaa_io_channel_get_error (channel);

  g_assert_nonnull (reason);
  g_assert_error (error, reason->domain, reason->code);
  n_failed++;
}

static void
count_error (GObject    *channel,
             GParamSpec *pspec,
             gpointer    n)
{
  g_assert_nonnull (kaa_io_channel_get_error (KAA_IO_CHANNEL (channel)));
  ++*(guint *) n;
}

/* Who asks in the callback of a request that has failed finds the reason in the channel; it is told once. */
static void
test_error_before_requests (void)
{
  KaaInProgress *futures[3];
  Record *record;
  guint n_errors = 0;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  g_signal_connect (channel, "notify::error", G_CALLBACK (count_error), &n_errors);
  g_assert_cmpint (await_int (write_text (channel, "unread")), ==, 6);
  futures[0] = kaa_io_channel_readline (channel);
  futures[1] = kaa_io_channel_read_exactly (channel, 10);
  futures[2] = kaa_io_channel_read (channel);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    g_signal_connect (futures[i], "rejected", G_CALLBACK (check_error), channel);
  n_failed = 0;
  close (peer);
  run_while (record->n_closed == 0);
  g_assert_cmpuint (n_failed, ==, G_N_ELEMENTS (futures));
  g_assert_cmpuint (n_errors, ==, 1);
  for (guint i = 0; i < G_N_ELEMENTS (futures); i++)
    assert_fails (futures[i], kaa_io_channel_get_error (channel)->code);
  dispose_of (channel);
  record_free (record);
}

/* A write finds out first; what still waits in the kernel is read all the same. */
static void
test_write_finds_out (void)
{
  KaaInProgress *write;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);

  record = record_new (channel, TRUE);
  run_ready ();
  put (peer, "last words");
  close (peer);
  write = write_text (channel, "too late");
  assert_fails (write, G_IO_ERROR_BROKEN_PIPE);
  run_while (record->n_closed == 0);
  g_assert_cmpstr (record->input->str, ==, "last words");
  g_assert_cmpint (record->order->str[record->order->len - 1], ==, 'c');
  g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  dispose_of (channel);
  record_free (record);
}

static void
test_terminal (void)
{
  KaaIOChannel *channel;
  Record *record;
  int fds[2];

  make_pty (fds);
  channel = new_channel (fds[0], BOTH);
  record = record_new (channel, TRUE);
  put (fds[1], "logout");
  close (fds[1]);
  run_while (record->n_closed == 0);
  g_assert_cmpstr (record->input->str, ==, "logout");
  g_assert_false (record->expected);
  g_assert_null (kaa_io_channel_get_error (channel));
  dispose_of (channel);
  record_free (record);
}

/* --- C5 --- */

/* Nothing that was connected in the turn is collected. */
static void
test_kept (void)
{
  KaaIOChannel *channel;
  gpointer weak;
  Record *record;
  int peer;

  channel = weak = open_socket (&peer);
  g_object_add_weak_pointer (G_OBJECT (channel), &weak);
  record = record_new (channel, TRUE);
  g_object_unref (channel);
  run_ready ();
  g_assert_nonnull (weak);
  put (peer, "heard");
  run_while (record->input->len < 5);
  close (peer);
  run_while (record->n_closed == 0);
  run_ready ();
  g_assert_null (weak);
  record_free (record);
}

static void
test_unheard (void)
{
  KaaIOChannel *channel;
  gpointer weak;
  int peer;
  int fd;

  channel = weak = open_socket (&peer);
  fd = kaa_io_channel_get_fileno (channel);
  g_object_add_weak_pointer (G_OBJECT (channel), &weak);
  g_object_unref (channel);
  g_assert_nonnull (weak);
  g_assert_true (is_open_fd (fd));
  run_ready ();
  g_assert_null (weak);
  g_assert_false (is_open_fd (fd));
  close (peer);
}

/* The listener goes while the channel is open: it is closed without a signal. */
static void
test_no_longer_heard (void)
{
  KaaIOChannel *channel;
  gpointer weak;
  Record *record;
  int peer;

  channel = weak = open_socket (&peer);
  g_object_add_weak_pointer (G_OBJECT (channel), &weak);
  record = record_new (channel, TRUE);
  run_ready ();
  g_signal_handlers_disconnect_by_data (channel, record);
  g_assert_true (send_text (channel, "a look follows every call", NULL));
  g_object_unref (channel);
  run_while (weak != NULL);
  g_assert_cmpuint (record->n_closed, ==, 0);
  assert_got (peer, "a look follows every call");
  g_assert_cmpint (read (peer, &(char) { 0 }, 1), ==, 0);
  close (peer);
  record_free (record);
}

static void
test_pending (void)
{
  KaaIOChannel *channel;
  KaaInProgress *future;
  gpointer weak;
  int peer;

  channel = weak = open_socket (&peer);
  g_object_add_weak_pointer (G_OBJECT (channel), &weak);
  future = kaa_io_channel_readline (channel);
  g_object_unref (write_zeros (channel, MANY));
  g_object_unref (channel);
  run_ready ();
  g_assert_nonnull (weak);
  put (peer, "line\n");
  assert_text (future, "line\n");
  while (kaa_io_channel_get_write_queue_used (weak) > 0)
    {
      gsize total = 0;

      g_assert_nonnull (weak);
      drain (peer, &total);
      g_main_context_iteration (NULL, FALSE);
      if (weak == NULL)
        break;
    }
  run_ready ();
  g_assert_null (weak);
  close (peer);
}

static void
test_disposed (void)
{
  KaaInProgress *request, *write, *future;
  Record *record;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (channel);

  record = record_new (channel, TRUE);
  request = kaa_io_channel_readline (channel);
  write = write_zeros (channel, MANY);
  future = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  g_object_run_dispose (G_OBJECT (channel));
  g_assert_false (is_open_fd (fd));
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_cmpuint (record->n_closed, ==, 0);
  assert_text (request, "");
  assert_fails (write, G_IO_ERROR_CLOSED);
  g_assert_true (await_boolean (future));
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 0);
  g_assert_cmpuint (G_OBJECT (channel)->ref_count, ==, 1);
  g_object_unref (channel);
  close (peer);
  record_free (record);
}

/* --- C8 --- */

static void
make_terminal (int fds[2])
{
  int master;

  make_pty (fds);
  master = fds[0];
  fds[0] = fds[1];
  fds[1] = master;
}

static void
test_not_ours (gconstpointer user_data)
{
  void (*make) (int fds[2]) = (void (*) (int *)) user_data;
  KaaIOChannel *channel = kaa_io_channel_new ();
  int flags, fds[2];
  guint n_fds;

  make (fds);
  n_fds = count_fds ();
  flags = fcntl (fds[0], F_GETFL);
  kaa_io_channel_set_close_fd (channel, FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], KAA_IO_READ, NULL));
  /* The master of a pseudo-terminal cannot be opened a second time. */
  if (make != make_pty)
    g_assert_cmpint (fcntl (fds[0], F_GETFL), ==, flags);
  put (fds[1], "line\n");
  assert_text (kaa_io_channel_readline (channel), "line\n");
  if (make != make_pty)
    g_assert_cmpint (fcntl (fds[0], F_GETFL), ==, flags);
  dispose_of (channel);
  g_assert_true (is_open_fd (fds[0]));
  g_assert_cmpint (fcntl (fds[0], F_GETFL), ==, flags);
  /* The poller's own descriptor may have come. */
  g_assert_cmpuint (count_fds (), <=, n_fds + 1);
  close (fds[0]);
  close (fds[1]);
}

static void
test_cloexec (void)
{
  KaaIOChannel *channels[2];

  g_assert_true (kaa_io_channel_new_pair (&channels[0], &channels[1], NULL));
  for (int i = 0; i < 2; i++)
    g_assert_cmpint (fcntl (kaa_io_channel_get_fileno (channels[i]), F_GETFD) & FD_CLOEXEC, !=, 0);
  dispose_of (channels[0]);
  dispose_of (channels[1]);
}

/* --- C11 --- */

static void
test_behind_our_back (gconstpointer user_data)
{
  gboolean immediate = GPOINTER_TO_INT (user_data);
  int peer;
  int stranger[2];
  KaaIOChannel *channel = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (channel);
  Record *record = record_new (channel, FALSE);

  run_ready ();
  close (fd);
  make_pipe (stranger);
  g_assert_cmpint (stranger[0], ==, fd);
  if (immediate)
    {
      g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
    }
  else
    {
      KaaInProgress *future = write_text (channel, "to a stranger");

      g_assert_null (kaa_in_progress_wait (future, LONG, NULL));
      g_object_unref (future);
    }
  run_while (record->n_closed == 0);
  g_assert_true (is_open_fd (stranger[0]));
  dispose_of (channel);
  g_assert_true (is_open_fd (stranger[0]));
  g_assert_cmpuint (record->n_closed, ==, 1);
  close (stranger[0]);
  close (stranger[1]);
  close (peer);
  record_free (record);
}

static void
test_shared (void)
{
  KaaIOChannel *reader, *writer;
  int fds[2];

  make_sockets (fds);
  writer = kaa_io_channel_new ();
  kaa_io_channel_set_close_fd (writer, FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (writer, fds[0], KAA_IO_WRITE, NULL));
  reader = new_channel (fds[0], KAA_IO_READ);
  put (fds[1], "in\n");
  assert_text (kaa_io_channel_readline (reader), "in\n");
  g_assert_cmpint (await_int (write_text (writer, "out")), ==, 3);
  assert_got (fds[1], "out");
  dispose_of (writer);
  put (fds[1], "again\n");
  assert_text (kaa_io_channel_readline (reader), "again\n");
  dispose_of (reader);
  g_assert_false (is_open_fd (fds[0]));
  close (fds[1]);
}

/* --- wrap_channel, steal --- */

static void
test_wrap_channel (void)
{
  KaaIOChannel *taker = kaa_io_channel_new ();
  KaaInProgress *request, *write;
  GError *error = NULL;
  int peer;
  KaaIOChannel *giver = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (giver);
  Record *record = record_new (giver, FALSE);

  put (peer, "greeting\nrest");
  assert_text (kaa_io_channel_readline (giver), "greeting\n");
  request = kaa_io_channel_readline (giver);
  write = write_zeros (giver, MANY);
  g_assert_true (kaa_io_channel_wrap_channel (taker, giver, BOTH, &error));
  g_assert_no_error (error);
  assert_fails (request, G_IO_ERROR_CLOSED);
  assert_fails (write, G_IO_ERROR_CLOSED);
  g_assert_cmpint (kaa_io_channel_get_fileno (taker), ==, fd);
  g_assert_cmpint (kaa_io_channel_get_fileno (giver), ==, -1);
  g_assert_false (kaa_io_channel_get_alive (giver));
  g_assert_true (kaa_io_channel_get_alive (taker));
  put (peer, "more\n");
  assert_text (kaa_io_channel_readline (taker), "more\n");
  assert_text (kaa_io_channel_read (giver), "rest");
  g_assert_cmpuint (record->n_closed, ==, 0);

  g_assert_false (kaa_io_channel_wrap_channel (taker, taker, BOTH, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_wrap_channel (taker, giver, BOTH, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  dispose_of (taker);
  g_assert_false (is_open_fd (fd));
  dispose_of (giver);
  close (peer);
  record_free (record);
}

static void
test_steal (void)
{
  KaaIOChannel *taker = kaa_io_channel_new ();
  KaaInProgress *request, *theirs, *ours, *flush;
  GError *error = NULL;
  GString *got = g_string_new (NULL);
  int peer;
  KaaIOChannel *giver = open_socket (&peer);
  int fd = kaa_io_channel_get_fileno (giver);

  kaa_io_channel_set_queue_size (taker, 2 * MANY);
  put (peer, "one\ntwo\nthr");
  assert_text (kaa_io_channel_readline (giver), "one\n");
  g_assert_cmpint (await_int (write_text (giver, "0")), ==, 1);
  theirs = write_zeros (giver, MANY);
  request = kaa_io_channel_read_exactly (giver, 9);
  ours = write_text (taker, "END");
  g_assert_true (kaa_io_channel_steal (taker, giver, &error));
  g_assert_no_error (error);
  flush = kaa_io_channel_flush (taker);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (giver), ==, 0);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (taker), ==, MANY + 3);
  g_assert_cmpint (kaa_io_channel_get_fileno (taker), ==, fd);

  put (peer, "ee\nfour\n");
  assert_text (request, "two\nthree");
  assert_text (kaa_io_channel_readline (taker), "\n");
  assert_text (kaa_io_channel_readline (taker), "four\n");
  set_nonblocking (peer);
  while (got->len < MANY + 4)
    {
      static char buffer[65536];
      gssize n = read (peer, buffer, sizeof buffer);

      if (n > 0)
        g_string_append_len (got, buffer, n);
      else
        g_main_context_iteration (NULL, TRUE);
    }
  g_assert_cmpstr (got->str + MANY + 1, ==, "END");
  g_assert_cmpint (await_int (theirs), ==, MANY);
  g_assert_cmpint (await_int (ours), ==, 3);
  g_assert_true (await_boolean (flush));
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (taker), ==, 0);

  dispose_of (giver);
  g_assert_true (is_open_fd (fd));
  dispose_of (taker);
  g_assert_false (is_open_fd (fd));
  g_string_free (got, TRUE);
  close (peer);
}

/* The one that steals has one open itself: that is closed, and announced. */
static void
test_steal_open (void)
{
  int peers[2];
  KaaIOChannel *taker = open_socket (&peers[0]);
  KaaIOChannel *giver = open_socket (&peers[1]);
  int fd = kaa_io_channel_get_fileno (taker);
  Record *record = record_new (taker, FALSE);
  KaaInProgress *lost = write_zeros (taker, MANY);

  g_assert_true (kaa_io_channel_steal (taker, giver, NULL));
  g_assert_false (is_open_fd (fd));
  assert_fails (lost, G_IO_ERROR_CLOSED);
  run_while (record->n_closed == 0);
  g_assert_true (record->expected);
  g_assert_cmpint (await_int (write_text (taker, "here")), ==, 4);
  assert_got (peers[1], "here");
  dispose_of (taker);
  g_assert_cmpuint (record->n_closed, ==, 2);
  dispose_of (giver);
  close (peers[0]);
  close (peers[1]);
  record_free (record);
}

/* --- shutdown --- */

static void
test_shutdown (void)
{
  KaaInProgress *write;
  gsize total;
  int peer;
  KaaIOChannel *channel = open_socket (&peer);
  KaaInProgress *future;

  write = write_zeros (channel, MANY);
  future = kaa_io_channel_shutdown (channel, KAA_IO_WRITE);
  assert_fails (write_text (channel, "late"), G_IO_ERROR_CLOSED);
  g_assert_false (kaa_io_channel_get_writable (channel));
  total = drain_to_end (peer);
  g_assert_cmpuint (total, ==, MANY);
  g_assert_cmpint (await_int (write), ==, MANY);
  g_assert_true (await_boolean (future));
  put (peer, "still read\n");
  assert_text (kaa_io_channel_readline (channel), "still read\n");
  dispose_of (channel);
  close (peer);
}

static void
test_shutdown_refused (void)
{
  int peer, fds[2];
  KaaIOChannel *channel = open_socket (&peer);

  assert_fails (kaa_io_channel_shutdown (channel, KAA_IO_READ), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (await_int (write_text (channel, "x")), ==, 1);
  dispose_of (channel);
  close (peer);

  make_pipe (fds);
  channel = new_channel (fds[1], KAA_IO_WRITE);
  assert_fails (kaa_io_channel_shutdown (channel, KAA_IO_WRITE), G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (await_int (write_text (channel, "x")), ==, 1);
  dispose_of (channel);
  assert_fails (kaa_io_channel_shutdown (channel = kaa_io_channel_new (), KAA_IO_WRITE), G_IO_ERROR_CLOSED);
  dispose_of (channel);
  close (fds[0]);
}

static void
test_shutdown_two (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  KaaInProgress *future;
  int in[2], out[2];

  make_pipe (in);
  make_pipe (out);
  g_assert_true (kaa_io_channel_wrap_fds (channel, in[0], out[1], NULL));
  g_object_unref (write_text (channel, "filter"));
  future = kaa_io_channel_shutdown (channel, KAA_IO_WRITE);
  g_assert_true (await_boolean (future));
  assert_got (out[0], "filter");
  g_assert_cmpint (read (out[0], &(char) { 0 }, 1), ==, 0);
  put (in[1], "line\n");
  assert_text (kaa_io_channel_readline (channel), "line\n");
  dispose_of (channel);
  close (in[1]);
  close (out[0]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (300);

  g_test_add_func ("/channel/C1/flushed", test_flushed);
  g_test_add_func ("/channel/C1/buffered", test_buffered);
  g_test_add_func ("/channel/C1/two-full-peers", test_two_full_peers);
  g_test_add_func ("/channel/C1/unread-input", test_unread_input);
  g_test_add_func ("/channel/C1/linger", test_linger);
  g_test_add_func ("/channel/C1/immediate", test_immediate);
  g_test_add_func ("/channel/C1/cut-short", test_cut_short);
  g_test_add_func ("/channel/C2/twice", test_twice);
  g_test_add_func ("/channel/C2/unexpected", test_unexpected);
  g_test_add_func ("/channel/C2/unopened", test_unopened);
  g_test_add_func ("/channel/C2/unopened-waiting", test_unopened_waiting);
  g_test_add_func ("/channel/C2/last", test_last);
  g_test_add_func ("/channel/C2/each", test_each);
  g_test_add_func ("/channel/C3/answer", test_answer);
  g_test_add_func ("/channel/C3/progress", test_progress);
  g_test_add_func ("/channel/C3/no-progress", test_no_progress);
  g_test_add_func ("/channel/C3/stays-open", test_stays_open);
  g_test_add_func ("/channel/C4/reset", test_reset);
  g_test_add_func ("/channel/C4/error-before-requests", test_error_before_requests);
  g_test_add_func ("/channel/C4/write-finds-out", test_write_finds_out);
  g_test_add_func ("/channel/C4/terminal", test_terminal);
  g_test_add_func ("/channel/C5/kept", test_kept);
  g_test_add_func ("/channel/C5/unheard", test_unheard);
  g_test_add_func ("/channel/C5/no-longer-heard", test_no_longer_heard);
  g_test_add_func ("/channel/C5/pending", test_pending);
  g_test_add_func ("/channel/C5/disposed", test_disposed);
  g_test_add_data_func ("/channel/C8/pipe", make_pipe, test_not_ours);
  g_test_add_data_func ("/channel/C8/socket", make_sockets, test_not_ours);
  g_test_add_data_func ("/channel/C8/terminal", make_terminal, test_not_ours);
  g_test_add_data_func ("/channel/C8/master", make_pty, test_not_ours);
  g_test_add_func ("/channel/C8/cloexec", test_cloexec);
  g_test_add_data_func ("/channel/C11/write", GINT_TO_POINTER (FALSE), test_behind_our_back);
  g_test_add_data_func ("/channel/C11/close", GINT_TO_POINTER (TRUE), test_behind_our_back);
  g_test_add_func ("/channel/C11/shared", test_shared);
  g_test_add_func ("/channel/wrap-channel", test_wrap_channel);
  g_test_add_func ("/channel/steal/unopened", test_steal);
  g_test_add_func ("/channel/steal/open", test_steal_open);
  g_test_add_func ("/channel/shutdown/half", test_shutdown);
  g_test_add_func ("/channel/shutdown/refused", test_shutdown_refused);
  g_test_add_func ("/channel/shutdown/two-descriptors", test_shutdown_two);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C9, from the other side: a thread that is not the channel's touches nothing of it but what is there for every thread. */

#include "close-fixture.h"

#include "channel/kaa-io-channel-private.h"
#include "loop/kaa-poller-private.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)
#define N_ROUNDS 3000

/* --- what only the thread of the channel may call: this one --- */

KaaWants __real_kaa_channel_look_at_handlers (KaaIOChannel *self);
KaaWants __wrap_kaa_channel_look_at_handlers (KaaIOChannel *self);
void     __real_kaa_channel_settle_loan (KaaIOChannelPrivate *priv);
void     __wrap_kaa_channel_settle_loan (KaaIOChannelPrivate *priv);
void     __real_kaa_poll_entry_schedule (KaaPollEntry *entry);
void     __wrap_kaa_poll_entry_schedule (KaaPollEntry *entry);
void     __real_kaa_poll_entry_forget (KaaPollEntry *entry);
void     __wrap_kaa_poll_entry_forget (KaaPollEntry *entry);

static GThread *here;

KaaWants
__wrap_kaa_channel_look_at_handlers (KaaIOChannel *self)
{
  g_assert_true (g_thread_self () == here);
  return __real_kaa_channel_look_at_handlers (self);
}

void
__wrap_kaa_channel_settle_loan (KaaIOChannelPrivate *priv)
{
  g_assert_true (g_thread_self () == here);
  __real_kaa_channel_settle_loan (priv);
}

void
__wrap_kaa_poll_entry_schedule (KaaPollEntry *entry)
{
  g_assert_true (g_thread_self () == here);
  __real_kaa_poll_entry_schedule (entry);
}

void
__wrap_kaa_poll_entry_forget (KaaPollEntry *entry)
{
  g_assert_true (g_thread_self () == here || entry->queue >= KAA_N_LISTS);
  __real_kaa_poll_entry_forget (entry);
}

/* --- refusals --- */

static void
assert_refused (KaaInProgress *future)
{
  assert_fails (future, G_IO_ERROR_NOT_SUPPORTED);
}

static gpointer
try_all (gpointer user_data)
{
  KaaIOChannel **channels = user_data;
  KaaIOChannel *channel = channels[0];
  GMainContext *context = g_main_context_new ();
  GBytes *bytes = g_bytes_new_static ("\n", 1);
  GError *error = NULL;
  guint serial;
  char *line;

  g_main_context_push_thread_default (context);
  assert_refused (kaa_io_channel_read (channel));
  assert_refused (kaa_io_channel_read_some (channel, 1));
  assert_refused (kaa_io_channel_readline (channel));
  assert_refused (kaa_io_channel_readlines (channel));
  assert_refused (kaa_io_channel_read_exactly (channel, 1));
  assert_refused (kaa_io_channel_read_until (channel, bytes));
  assert_refused (kaa_io_channel_flush (channel));
  assert_refused (kaa_io_channel_wait_writable (channel, 1));
  assert_refused (kaa_io_channel_shutdown (channel, KAA_IO_WRITE));
  assert_refused (kaa_io_channel_splice (channel, channels[1], KAA_SPLICE_NONE));

  g_assert_false (kaa_io_channel_consume (channel, 1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_unread (channel, bytes, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_assert_false (kaa_io_channel_wrap_fd (channel, 0, KAA_IO_READ, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  g_bytes_unref (bytes);

  bytes = kaa_io_channel_peek (channel);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, 0);
  g_bytes_unref (bytes);
  g_assert_null (kaa_io_channel_peek_lines (channel, &serial));
  for (serial = 0; serial < 4; serial++)
    g_assert_false (kaa_io_channel_take_line (channel, serial, 4));
  kaa_io_channel_look (channel);
  line = kaa_io_channel_describe (channel);
  g_assert_cmpstr (line, ==, "KaaIOChannel of another thread");
  g_free (line);

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*kaa_io_channel_set_priority*");
  kaa_io_channel_set_priority (channel, 1);
  g_test_assert_expected_messages ();
  g_assert_cmpint (kaa_io_channel_get_priority (channel), ==, G_PRIORITY_DEFAULT);

  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

/* With lines in the queue of which a binding has handed one out, whatever the number of the head. */
static void
test_refused (void)
{
  KaaIOChannel *channels[2];
  GBytes *tally = g_bytes_new_take (g_malloc0 (2 * sizeof (guint32)), 2 * sizeof (guint32));
  GBytes *room = g_bytes_new_take (g_malloc0 (64), 64);
  guint32 *numbers = (gpointer) g_bytes_get_data (tally, NULL);
  int fds[2];

  make_sockets (fds);
  channels[0] = new_channel (fds[0], BOTH);
  channels[1] = new_channel (fds[1], BOTH);
  g_object_unref (write_text (channels[1], "one\ntwo\nten\nsix\n"));
  assert_text (kaa_io_channel_readline (channels[0]), "one\n");
  g_assert_cmpuint (kaa_io_channel_lend_lines (channels[0], tally, room), ==, 12);
  numbers[0] = 4;

  g_thread_join (g_thread_new ("elsewhere", try_all, channels));

  g_assert_cmpuint (numbers[1], ==, 0);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channels[0]), ==, 8);
  dispose_of (channels[0]);
  dispose_of (channels[1]);
  g_bytes_unref (tally);
  g_bytes_unref (room);
}

/* --- life --- */

static gpointer
make_and_drop (gpointer user_data)
{
  gint *n_running = user_data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      KaaIOChannel *channel = g_object_new (KAA_TYPE_IO_CHANNEL, "main-context", g_main_context_default (), NULL);
      GError *error = NULL;

      g_assert_true (send_text (channel, "early", &error));
      g_assert_no_error (error);
      g_object_unref (channel);
    }
  g_atomic_int_add (n_running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

/* Channels that were never open come and go in several threads, and the loop's own among them. */
static void
test_made_elsewhere (void)
{
  KaaIOChannel *first = kaa_io_channel_new ();
  GThread *threads[2];
  gint n_running = G_N_ELEMENTS (threads);

  /* The context is this thread's. */
  run_ready ();
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("maker", make_and_drop, &n_running);
  while (g_atomic_int_get (&n_running) > 0)
    {
      KaaIOChannel *channel = kaa_io_channel_new ();

      g_main_context_iteration (NULL, FALSE);
      g_object_unref (channel);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  run_ready ();
  g_assert_finalize_object (first);
}

static gpointer
drop_all (gpointer user_data)
{
  GAsyncQueue *queue = user_data;
  KaaIOChannel *channel;

  while ((channel = g_async_queue_pop (queue)) != user_data)
    g_object_unref (channel);
  return NULL;
}

static void
count_gone (gpointer  user_data,
            GObject  *where)
{
  g_atomic_int_inc ((gint *) user_data);
}

static void
never (void)
{
  g_assert_not_reached ();
}

/* The last reference goes in another thread, while there is something to read that nobody wants. Nobody hears of it. */
static void
test_dropped_elsewhere (void)
{
  GAsyncQueue *queue = g_async_queue_new ();
  GThread *thread = g_thread_new ("dropper", drop_all, queue);
  gint n_gone = 0;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      KaaIOChannel *channel;
      int fds[2];

      make_sockets (fds);
      channel = new_channel (fds[0], BOTH);
      put (fds[1], "one\ntwo\n");
      assert_text (kaa_io_channel_readline (channel), "one\n");
      run_ready ();

      g_signal_connect (channel, "notify", never, NULL);
      g_object_weak_ref (G_OBJECT (channel), count_gone, &n_gone);
      g_async_queue_push (queue, channel);
      run_while (g_atomic_int_get (&n_gone) == (gint) i);
      g_assert_false (is_open_fd (fds[0]));
      close (fds[1]);
    }

  g_async_queue_push (queue, queue);
  g_thread_join (thread);
  g_async_queue_unref (queue);
}

/* --- options --- */

static gpointer
send_all (gpointer user_data)
{
  KaaIOChannel *channel = user_data;

  for (guint i = 0; i < N_ROUNDS; i++)
    {
      GError *error = NULL;

      while (!send_text (channel, "0123456789abcdef", &error))
        {
          g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
          g_clear_error (&error);
          g_thread_yield ();
        }
    }
  return NULL;
}

/* The limit, and where it is kept, changes while another thread asks for room; and so does where the channel is served. */
static void
test_options_set (void)
{
  gsize n_got = 0;

  for (guint round = 0; round < 10; round++)
    {
      KaaIOChannel *channel;
      GThread *thread;
      int fds[2];

      make_sockets (fds);
      set_nonblocking (fds[1]);
      channel = new_channel (fds[0], KAA_IO_WRITE);
      thread = g_thread_new ("sender", send_all, channel);
      for (guint turn = 0; n_got < N_ROUNDS * 16; turn++)
        {
          char buffer[4096];
          gssize n;

          kaa_io_channel_set_queue_size (channel, turn % 2 == 0 ? 64 : G_MAXUINT64);
          kaa_io_channel_set_priority (channel, turn % 3);
          g_main_context_iteration (NULL, FALSE);
          while ((n = read (fds[1], buffer, sizeof buffer)) > 0)
            n_got += n;
        }
      g_thread_join (thread);
      g_assert_cmpuint (n_got, ==, N_ROUNDS * 16);
      n_got = 0;
      dispose_of (channel);
      close (fds[1]);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  here = g_thread_self ();

  g_test_add_func ("/channel/threads/C9/refused", test_refused);
  g_test_add_func ("/channel/threads/C9/made-elsewhere", test_made_elsewhere);
  g_test_add_func ("/channel/threads/C9/dropped-elsewhere", test_dropped_elsewhere);
  g_test_add_func ("/channel/threads/C9/options-set", test_options_set);

  return g_test_run ();
}

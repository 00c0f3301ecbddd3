/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What things cost, counted: system calls, turns of the loop, looks and memory. Nothing here measures time. */

#include "channel/channel-fixture.h"
#include "channel/kaa-io-channel-private.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/uio.h>

/* --- Counting (the program is linked with --wrap) --- */

typedef struct
{
  guint reads, writes, controls, waits, looks, allocations, comparisons;
  guint questions, splices, masks;
} Counts;

static Counts counts;
static GHashTable *held;   /* what the library has allocated and not freed, with its size; NULL while nobody asks */

gssize   __real_recv (int fd, void *buffer, gsize length, int flags);
gssize   __wrap_recv (int fd, void *buffer, gsize length, int flags);
gssize   __real_sendmsg (int fd, const struct msghdr *message, int flags);
gssize   __wrap_sendmsg (int fd, const struct msghdr *message, int flags);
int      __real_epoll_ctl (int set, int operation, int fd, struct epoll_event *event);
int      __wrap_epoll_ctl (int set, int operation, int fd, struct epoll_event *event);
int      __real_epoll_wait (int set, struct epoll_event *ready, int n, int timeout);
int      __wrap_epoll_wait (int set, struct epoll_event *ready, int n, int timeout);
gulong   __real_g_signal_handler_find (gpointer instance, GSignalMatchType mask, guint id, GQuark detail, GClosure *closure,
                                       gpointer callback, gpointer user_data);
gulong   __wrap_g_signal_handler_find (gpointer instance, GSignalMatchType mask, guint id, GQuark detail, GClosure *closure,
                                       gpointer callback, gpointer user_data);
gint64   __real_g_get_monotonic_time (void);
gint64   __wrap_g_get_monotonic_time (void);
gpointer __real_g_malloc (gsize size);
gpointer __wrap_g_malloc (gsize size);
gpointer __real_g_malloc0 (gsize size);
gpointer __wrap_g_malloc0 (gsize size);
gpointer __real_g_malloc_n (gsize n, gsize size);
gpointer __wrap_g_malloc_n (gsize n, gsize size);
gpointer __real_g_malloc0_n (gsize n, gsize size);
gpointer __wrap_g_malloc0_n (gsize n, gsize size);
gpointer __real_g_slice_alloc (gsize size);
gpointer __wrap_g_slice_alloc (gsize size);
gpointer __real_g_slice_alloc0 (gsize size);
gpointer __wrap_g_slice_alloc0 (gsize size);
void     __real_g_free (gpointer block);
void     __wrap_g_free (gpointer block);
void     __real_g_slice_free1 (gsize size, gpointer block);
void     __wrap_g_slice_free1 (gsize size, gpointer block);
void     __real_kaa_channel_notify_state (KaaIOChannel *channel);
void     __wrap_kaa_channel_notify_state (KaaIOChannel *channel);
gboolean __real_kaa_poller_is_here (KaaPoller *poller);
gboolean __wrap_kaa_poller_is_here (KaaPoller *poller);
gboolean __real_kaa_poller_is_mine (KaaPoller *poller);
gboolean __wrap_kaa_poller_is_mine (KaaPoller *poller);
gboolean __real_kaa_poller_is_usable (KaaPoller *poller);
gboolean __wrap_kaa_poller_is_usable (KaaPoller *poller);
gssize   __real_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);
gssize   __wrap_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);
int      __real_pthread_sigmask (int how, const sigset_t *set, sigset_t *before);
int      __wrap_pthread_sigmask (int how, const sigset_t *set, sigset_t *before);

gssize
__wrap_recv (int    fd,
             void  *buffer,
             gsize  length,
             int    flags)
{
  counts.reads++;
  return __real_recv (fd, buffer, length, flags);
}

gssize
__wrap_sendmsg (int                  fd,
                const struct msghdr *message,
                int                  flags)
{
  counts.writes++;
  return __real_sendmsg (fd, message, flags);
}

int
__wrap_epoll_ctl (int                 set,
                  int                 operation,
                  int                 fd,
                  struct epoll_event *event)
{
  counts.controls++;
  return __real_epoll_ctl (set, operation, fd, event);
}

int
__wrap_epoll_wait (int                 set,
                   struct epoll_event *ready,
                   int                 n,
                   int                 timeout)
{
  counts.waits++;
  return __real_epoll_wait (set, ready, n, timeout);
}

gulong
__wrap_g_signal_handler_find (gpointer          instance,
                              GSignalMatchType  mask,
                              guint             id,
                              GQuark            detail,
                              GClosure         *closure,
                              gpointer          callback,
                              gpointer          user_data)
{
  counts.looks++;
  return __real_g_signal_handler_find (instance, mask, id, detail, closure, callback, user_data);
}

/* While something is counted the clock stands still: how long a dispatch may take is not the question, and a machine that is busy
 * with something else would change what is counted. */
static gint64 stopped_at;

gint64
__wrap_g_get_monotonic_time (void)
{
  return stopped_at != 0 ? stopped_at : __real_g_get_monotonic_time ();
}

static gpointer
note_block (gpointer block,
            gsize    size)
{
  counts.allocations++;
  if (held != NULL)
    g_hash_table_insert (held, block, GSIZE_TO_POINTER (size));
  return block;
}

static void
note_free (gpointer block)
{
  if (held != NULL)
    g_hash_table_remove (held, block);
}

gpointer
__wrap_g_malloc (gsize size)
{
  return note_block (__real_g_malloc (size), size);
}

gpointer
__wrap_g_malloc0 (gsize size)
{
  return note_block (__real_g_malloc0 (size), size);
}

/* What g_new() is where nothing is optimised. */
gpointer
__wrap_g_malloc_n (gsize n,
                   gsize size)
{
  return note_block (__real_g_malloc_n (n, size), n * size);
}

gpointer
__wrap_g_malloc0_n (gsize n,
                    gsize size)
{
  return note_block (__real_g_malloc0_n (n, size), n * size);
}

gpointer
__wrap_g_slice_alloc (gsize size)
{
  return note_block (__real_g_slice_alloc (size), size);
}

gpointer
__wrap_g_slice_alloc0 (gsize size)
{
  return note_block (__real_g_slice_alloc0 (size), size);
}

void
__wrap_g_free (gpointer block)
{
  note_free (block);
  __real_g_free (block);
}

void
__wrap_g_slice_free1 (gsize    size,
                      gpointer block)
{
  note_free (block);
  __real_g_slice_free1 (size, block);
}

/* Of a channel's state with what was notified last. */
void
__wrap_kaa_channel_notify_state (KaaIOChannel *channel)
{
  counts.comparisons++;
  __real_kaa_channel_notify_state (channel);
}

/* Whose thread is it, and is the context there? */
gboolean
__wrap_kaa_poller_is_here (KaaPoller *poller)
{
  counts.questions++;
  return __real_kaa_poller_is_here (poller);
}

gboolean
__wrap_kaa_poller_is_mine (KaaPoller *poller)
{
  counts.questions++;
  return __real_kaa_poller_is_mine (poller);
}

gboolean
__wrap_kaa_poller_is_usable (KaaPoller *poller)
{
  counts.questions++;
  return __real_kaa_poller_is_usable (poller);
}

gssize
__wrap_splice (int       from,
               off_t    *at,
               int       to,
               off_t    *to_at,
               gsize     length,
               unsigned  flags)
{
  counts.splices++;
  return __real_splice (from, at, to, to_at, length, flags);
}

int
__wrap_pthread_sigmask (int             how,
                        const sigset_t *set,
                        sigset_t       *before)
{
  counts.masks++;
  return __real_pthread_sigmask (how, set, before);
}

static void
begin_counting (void)
{
  counts = (Counts) { 0, };
  n_polls = 0;
  stopped_at = __real_g_get_monotonic_time ();
  g_main_context_set_poll_func (NULL, counting_poll);
}

static void
end_counting (void)
{
  stopped_at = 0;
  g_main_context_set_poll_func (NULL, NULL);
}

/* --- Many channels --- */

typedef struct
{
  guint n;
  KaaIOChannel **channels;
  int *peers;
} Crowd;

static void
ignore (KaaIOChannel *channel,
        GBytes       *bytes,
        gpointer      user_data)
{
}

static Crowd *
crowd_new (guint       n,
           const char *signal,
           const char *unread)
{
  Crowd *self = g_new (Crowd, 1);

  self->n = n;
  self->channels = g_new (KaaIOChannel *, n);
  self->peers = g_new (int, n);
  for (guint i = 0; i < n; i++)
    {
      int fd;

      make_sockets (&fd, &self->peers[i]);
      self->channels[i] = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
      if (signal != NULL)
        g_signal_connect (self->channels[i], signal, G_CALLBACK (ignore), NULL);
      put_string (self->peers[i], unread);
    }
  settle ();
  return self;
}

static void
crowd_free (Crowd *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      finish_channel (self->channels[i]);
      close (self->peers[i]);
    }
  g_free (self->channels);
  g_free (self->peers);
  g_free (self);
}

/* --- Ping-pong --- */

#define N_ROUNDS 200

static void
answer_by_send (KaaIOChannel *channel,
                GBytes       *line,
                gpointer      user_data)
{
  g_assert_true (kaa_io_channel_send (channel, line, NULL));
}

static void
answer_by_write (KaaIOChannel *channel,
                 GBytes       *line,
                 gpointer      user_data)
{
  g_object_unref (kaa_io_channel_write_bytes (channel, line));
}

static void
play_rounds (int   peer,
             guint n_rounds)
{
  for (guint i = 0; i < n_rounds; i++)
    {
      char buffer[32];

      put_string (peer, "fifteen letters\n");
      do
        g_main_context_iteration (NULL, TRUE);
      while (get_waiting (peer) == 0);
      g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 16);
    }
}

/* Counted is what comes once the poller knows who is busy. */
static void
play (KaaIOChannel *channel,
      int           peer,
      GCallback     answer)
{
  gulong id = g_signal_connect (channel, "readline", answer, NULL);

  settle ();
  play_rounds (peer, 30);
  begin_counting ();
  play_rounds (peer, N_ROUNDS);
  end_counting ();
  g_signal_handler_disconnect (channel, id);
}

/* A message is a poll, a read and a write; and a look before each step that depends on it: reading, two kinds of emission, going to
 * sleep. One costs a call or two. */
static void
test_ping_pong (gconstpointer answer)
{
  KaaIOChannel *channel;
  int fd, peer;

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  play (channel, peer, (GCallback) answer);

  g_assert_cmpuint (counts.reads, ==, N_ROUNDS);
  g_assert_cmpuint (counts.writes, ==, N_ROUNDS);
  g_assert_cmpuint (n_polls, ==, N_ROUNDS);
  g_assert_cmpuint (counts.looks, <=, 6 * N_ROUNDS);
  g_assert_cmpuint (counts.controls, ==, 0);
  g_assert_cmpuint (counts.waits, ==, 0);

  finish_channel (channel);
  close (peer);
}

/* ... and not one call more beside any number of others, whatever they have at hand. */
static void
test_crowded (gconstpointer unread)
{
  guint n_looks[2];

  for (guint i = 0; i < 2; i++)
    {
      Crowd *crowd = crowd_new (i == 0 ? 20 : 200, *(const char *) unread == '\0' ? "readline" : NULL, unread);
      KaaIOChannel *channel;
      int fd, peer;

      make_sockets (&fd, &peer);
      channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
      play (channel, peer, G_CALLBACK (answer_by_send));

      g_assert_cmpuint (counts.reads, ==, N_ROUNDS);
      g_assert_cmpuint (counts.writes, ==, N_ROUNDS);
      g_assert_cmpuint (n_polls, ==, N_ROUNDS);
      g_assert_cmpuint (counts.controls, ==, 0);
      g_assert_cmpuint (counts.waits, ==, 0);
      n_looks[i] = counts.looks;

      finish_channel (channel);
      close (peer);
      crowd_free (crowd);
    }

  g_assert_cmpuint (n_looks[0], >, 0);
  g_assert_cmpuint (n_looks[0], ==, n_looks[1]);
}

/* In an epoll set another call says who is ready; that a read stopped short takes none. */
static void
test_set (void)
{
  KaaIOChannel *channel;
  int fd, peer;

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  /* Another poller, which has a set for the first one. */
  g_setenv ("KAA_IO_POLLER", "epoll", TRUE);
  kaa_io_channel_set_priority (channel, G_PRIORITY_DEFAULT + 1);
  g_unsetenv ("KAA_IO_POLLER");
  play (channel, peer, G_CALLBACK (answer_by_send));

  g_assert_cmpuint (counts.reads, ==, N_ROUNDS);
  g_assert_cmpuint (counts.writes, ==, N_ROUNDS);
  /* Where others have the processor for too long there is a turn more. */
  g_assert_cmpuint (counts.waits, <=, n_polls);
  g_assert_cmpuint (counts.controls, ==, 0);

  finish_channel (channel);
  close (peer);
}

/* --- Bursts --- */

/* What fits into the write queue goes out together: at most one system call for 500 messages, and one block of memory. Who listens
 * to what is read is no business of send(), nothing changes that could be notified, and one question to the poller is enough. */
static void
test_burst (gconstpointer as_bytes)
{
  const guint n_messages = 1024 * 1024 / 64;
  guint8 message[64] = { 0, };
  GBytes *bytes = g_bytes_new_static (message, sizeof message);
  KaaIOChannel *channel;
  gsize got = 0;
  int fd, peer;
  char *buffer = g_malloc (1024 * 1024);

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  settle ();
  begin_counting ();
  for (guint i = 0; i < n_messages; i++)
    g_assert_true (as_bytes != NULL ? kaa_io_channel_send (channel, bytes, NULL)
                                    : kaa_io_channel_send_data (channel, message, sizeof message, NULL));
  g_assert_cmpuint (counts.allocations, <=, n_messages / 500);
  g_assert_cmpuint (counts.looks, ==, 0);
  g_assert_cmpuint (counts.comparisons, <=, n_messages / 500);
  g_assert_cmpuint (counts.questions, <=, n_messages + n_messages / 500);
  while (got < n_messages * sizeof message)
    {
      while (get_waiting (peer) == 0)
        g_main_context_iteration (NULL, TRUE);
      got += read (peer, buffer, 1024 * 1024);
    }
  end_counting ();
  g_assert_cmpuint (counts.writes, <=, n_messages / 500);

  finish_channel (channel);
  close (peer);
  g_free (buffer);
  g_bytes_unref (bytes);
}

static void
count_line (KaaIOChannel *channel,
            GBytes       *line,
            gpointer      user_data)
{
  guint *lines = user_data;

  g_assert_cmpuint (g_bytes_get_size (line), ==, 8);
  (*lines)++;
}

/* One look for each line, since its handler may have changed everything, and no memory but that of its GBytes. */
static void
test_lines (void)
{
  const guint n_lines = 1000;
  GString *text = g_string_new (NULL);
  KaaIOChannel *channel;
  guint lines = 0;
  int fd, peer;

  make_sockets (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ);
  g_signal_connect (channel, "readline", G_CALLBACK (count_line), &lines);
  for (guint i = 0; i < n_lines; i++)
    g_string_append (text, "7 bytes\n");
  settle ();
  begin_counting ();
  put_string (peer, text->str);
  while (lines < n_lines)
    g_main_context_iteration (NULL, TRUE);
  end_counting ();
  g_assert_cmpuint (counts.looks, <=, n_lines + n_lines / 10);
  g_assert_cmpuint (counts.allocations, <=, n_lines / 100);
  g_assert_cmpuint (counts.reads, <=, 2);

  finish_channel (channel);
  close (peer);
  g_string_free (text, TRUE);
}

/* --- Splices --- */

#define PIECE (16 * 1024)

/* What waits is moved by one call, which is not followed by one in vain, and the two that keep SIGPIPE away. */
static void
test_splice (void)
{
  char data[PIECE] = { 0, };
  KaaIOChannel *source, *target;
  KaaInProgress *future;
  int in, near, fd, peer;

  make_pipe (&near, &in);
  make_sockets (&fd, &peer);
  source = open_fd (near, KAA_IO_READ);
  target = open_fd (fd, KAA_IO_WRITE);
  future = kaa_io_channel_splice (source, target, KAA_SPLICE_NONE);
  settle ();
  begin_counting ();
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      gsize got = 0;

      g_assert_cmpint (write (in, data, PIECE), ==, PIECE);
      while (get_waiting (peer) < PIECE)
        g_main_context_iteration (NULL, TRUE);
      while (got < PIECE)
        got += read (peer, data, PIECE - got);
    }
  end_counting ();
  g_assert_cmpuint (counts.splices, ==, N_ROUNDS);
  g_assert_cmpuint (counts.masks, ==, 2 * N_ROUNDS);
  g_assert_cmpuint (n_polls, ==, N_ROUNDS);
  g_assert_cmpuint (counts.reads + counts.writes, ==, 0);

  close (in);
  g_assert_nonnull (kaa_in_progress_wait (future, -1, NULL));
  g_object_unref (future);
  finish_channel (source);
  finish_channel (target);
  close (peer);
}

/* --- Memory --- */

static gsize
get_allocated (void)
{
  struct mallinfo2 info = mallinfo2 ();

  return info.uordblks + info.hblkhd;
}

static gsize
get_held (void)
{
  GHashTableIter iter;
  gpointer size;
  gsize all = 0;

  g_hash_table_iter_init (&iter, held);
  while (g_hash_table_iter_next (&iter, NULL, &size))
    all += GPOINTER_TO_SIZE (size);
  return all;
}

#define N_IDLE 400

/* What a channel with a handler is made of: its object and a transport. It is no more once a line has passed. */
static void
test_weight (void)
{
  Crowd *others = crowd_new (20, "readline", "");
  Crowd *crowd;

  if (sizeof (gpointer) == 8)
    g_assert_cmpuint (sizeof (KaaIOChannel) + sizeof (KaaIOChannelPrivate), <=, 136);

  held = g_hash_table_new (NULL, NULL);
  crowd = crowd_new (N_IDLE, "readline", "");
  /* Those are the test's. */
  note_free (crowd->channels);
  note_free (crowd->peers);
  note_free (crowd);
  g_assert_cmpuint (g_hash_table_size (held), ==, N_IDLE);
  g_assert_cmpuint (get_held (), <=, N_IDLE * 56);

  for (guint i = 0; i < N_IDLE; i++)
    put_string (crowd->peers[i], "line\n");
  settle ();
  for (guint i = 0; i < N_IDLE; i++)
    g_assert_cmpuint (kaa_io_channel_get_bytes_read (crowd->channels[i]), ==, 5);
  g_assert_cmpuint (g_hash_table_size (held), ==, N_IDLE);
  g_assert_cmpuint (get_held (), <=, N_IDLE * 56);

  g_clear_pointer (&held, g_hash_table_unref);
  crowd_free (crowd);
  crowd_free (others);
}

/* As the allocator sees it, without a handler; before and after something has passed. */
static void
test_memory (void)
{
  gsize before, idle;
  Crowd *crowd;

  /* What is there once, however many there are. */
  crowd_free (crowd_new (N_IDLE, NULL, ""));
  before = get_allocated ();
  if (before == 0 || g_getenv ("KAA_TEST_SLOW") != NULL)
    {
      g_test_skip ("this memory allocator does not count");
      return;
    }

  crowd = crowd_new (N_IDLE, NULL, "");
  idle = get_allocated () - before;
  g_assert_cmpuint (idle, <=, N_IDLE * 224);

  for (guint i = 0; i < N_IDLE; i++)
    {
      GBytes *bytes = g_bytes_new_static ("line\n", 5);
      gulong id = g_signal_connect (crowd->channels[i], "readline", G_CALLBACK (ignore), NULL);

      g_assert_true (kaa_io_channel_send (crowd->channels[i], bytes, NULL));
      g_bytes_unref (bytes);
      put_string (crowd->peers[i], "line\n");
      settle ();
      g_assert_cmpuint (kaa_io_channel_get_bytes_read (crowd->channels[i]), ==, 5);
      g_signal_handler_disconnect (crowd->channels[i], id);
    }
  settle ();
  /* One spare block is kept, for all of them. */
  g_assert_cmpuint (get_allocated () - before, <=, idle + 128 * 1024);

  crowd_free (crowd);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* What is counted here is what the poller chooses by itself. */
  g_unsetenv ("KAA_IO_POLLER");

  g_test_add_data_func ("/costs/ping-pong/send", (gconstpointer) answer_by_send, test_ping_pong);
  g_test_add_data_func ("/costs/ping-pong/write", (gconstpointer) answer_by_write, test_ping_pong);
  g_test_add_data_func ("/costs/crowded/idle", "", test_crowded);
  g_test_add_data_func ("/costs/crowded/unread", "nobody wants this\n", test_crowded);
  g_test_add_func ("/costs/set", test_set);
  g_test_add_data_func ("/costs/burst/send", GINT_TO_POINTER (TRUE), test_burst);
  g_test_add_data_func ("/costs/burst/send-data", NULL, test_burst);
  g_test_add_func ("/costs/lines", test_lines);
  g_test_add_func ("/costs/splice", test_splice);
  g_test_add_func ("/costs/weight", test_weight);
  g_test_add_func ("/costs/memory", test_memory);

  return g_test_run ();
}

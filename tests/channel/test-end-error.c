/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C4: the error by which something fails is in `error` at that moment, not only when the channel is closed. */

#include "close-fixture.h"

#include <netinet/in.h>

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)
#define MANY (1024 * 1024)

/* What failed, and what `error` was in its callback. */
typedef struct
{
  KaaIOChannel *channel;
  guint n_notified;
  guint n_failed;
} Witness;

static void
on_error (KaaIOChannel *channel,
          GParamSpec   *spec,
          gpointer      user_data)
{
  Witness *witness = user_data;

  g_assert_nonnull (kaa_io_channel_get_error (channel));
  witness->n_notified++;
}

static void
on_resolved (const GValue *result,
             gpointer      user_data)
{
  g_assert_not_reached ();
}

static void
on_rejected (const GError *error,
             gpointer      user_data)
{
  Witness *witness = user_data;
  const GError *why = kaa_io_channel_get_error (witness->channel);

  g_assert_nonnull (why);
  /* What fails says how far it got, beside what `error` says. */
  g_assert_error (error, why->domain, why->code);
  witness->n_failed++;
}

static void
witness_failure (Witness       *witness,
                 KaaInProgress *future)
{
  kaa_in_progress_then (future, on_resolved, NULL, NULL, on_rejected, witness, NULL);
  g_object_unref (future);
}

static void
run_until_failed (Witness *witness,
                  guint    n)
{
  run_while (witness->n_failed < n || kaa_io_channel_get_alive (witness->channel));
  run_ready ();
  g_assert_cmpuint (witness->n_failed, ==, n);
  g_assert_cmpuint (witness->n_notified, ==, 1);
  dispose_of (witness->channel);
}

static void
open_end (Witness *witness,
          int      fd)
{
  witness->channel = new_channel (fd, BOTH);
  kaa_io_channel_set_queue_size (witness->channel, 2 * MANY);
  g_signal_connect (witness->channel, "notify::error", G_CALLBACK (on_error), witness);
}

/* What its peer has not read when it closes makes reading fail. */
static KaaIOChannel *
open_reset (Witness *witness,
            int     *peer)
{
  int fds[2];

  make_sockets (fds);
  *peer = fds[1];
  open_end (witness, fds[0]);
  return witness->channel;
}

/* --- Reading --- */

static KaaInProgress *
read_exactly (KaaIOChannel *channel)
{
  return kaa_io_channel_read_exactly (channel, 3);
}

static KaaInProgress *
read_until (KaaIOChannel *channel)
{
  GBytes *delimiter = g_bytes_new_static ("!", 1);
  KaaInProgress *future = kaa_io_channel_read_until (channel, delimiter);

  g_bytes_unref (delimiter);
  return future;
}

static KaaInProgress * (* const requests[]) (KaaIOChannel *) = {
  kaa_io_channel_read, kaa_io_channel_readline, kaa_io_channel_readlines, read_exactly, read_until,
};

static void
test_requests (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      Witness witness = { 0, };
      int peer;
      KaaIOChannel *channel = open_reset (&witness, &peer);

      g_assert_cmpint (await_int (write_text (channel, "unread")), ==, 6);
      witness_failure (&witness, requests[i] (channel));
      /* Those behind it fail likewise. */
      witness_failure (&witness, requests[i] (channel));
      close (peer);
      run_until_failed (&witness, 2);
    }
}

/* A dispatch ends behind it. */
static void
on_slow_line (const GValue *line,
              gpointer      user_data)
{
  g_usleep (5000);
}

/* What was read comes first, and is no failure. */
static void
test_behind_data (void)
{
  Witness witness = { 0, };
  int peer;
  KaaIOChannel *channel = open_reset (&witness, &peer);
  KaaInProgress *line;

  g_assert_cmpint (await_int (write_text (channel, "unread")), ==, 6);
  put (peer, "last\n");
  line = kaa_io_channel_readline (channel);
  kaa_in_progress_then (line, on_slow_line, NULL, NULL, NULL, NULL, NULL);
  witness_failure (&witness, kaa_io_channel_readline (channel));
  witness_failure (&witness, kaa_io_channel_readline (channel));
  close (peer);
  assert_text (line, "last\n");
  run_until_failed (&witness, 2);
}

/* A peer that has not read all closes with an error, and so does one that does not linger. */
static void
make_connection (int ends[2])
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  struct linger linger = { .l_onoff = 1, .l_linger = 0 };
  socklen_t length = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, length), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &length), ==, 0);
  ends[0] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (ends[0], (struct sockaddr *) &address, length), ==, 0);
  ends[1] = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (ends[1], >=, 0);
  g_assert_cmpint (setsockopt (ends[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), ==, 0);
  close (listener);
}

/* The kernel moves what comes, and such an error is told once only: to the call that moves. */
static void
test_splice_source (void)
{
  static void (* const makers[]) (int ends[2]) = { make_sockets, make_connection };
  static const gsize lengths[] = { 0, 5, 3000, 150000 };

  for (guint i = 0; i < G_N_ELEMENTS (makers); i++)
    for (guint j = 0; j < G_N_ELEMENTS (lengths); j++)
      for (guint at_once = 0; at_once < 2; at_once++)
        {
          Witness witness = { 0, };
          int fds[2], ends[2];
          gsize said = 0, moved = 0;
          char *text = g_strnfill (lengths[j], 'x');
          KaaIOChannel *target;

          makers[i] (fds);
          make_pipe (ends);
          set_nonblocking (fds[1]);
          open_end (&witness, fds[0]);
          target = new_channel (ends[1], KAA_IO_WRITE);
          g_assert_cmpint (await_int (write_text (witness.channel, "unread")), ==, 6);
          witness_failure (&witness, kaa_io_channel_splice (witness.channel, target, KAA_SPLICE_NONE));
          while (said < lengths[j])
            {
              gssize n = write (fds[1], text + said, lengths[j] - said);

              said += MAX (n, 0);
              if (n < 0 || !at_once)
                run_ready ();
              drain (ends[0], &moved);
            }
          close (fds[1]);
          while (witness.n_failed == 0)
            {
              g_main_context_iteration (NULL, TRUE);
              drain (ends[0], &moved);
            }
          run_until_failed (&witness, 1);
          dispose_of (target);
          g_assert_true (drain (ends[0], &moved));
          /* TCP may throw away what was on its way. */
          g_assert_cmpuint (moved, <=, lengths[j]);
          if (makers[i] == make_sockets)
            g_assert_cmpuint (moved, ==, lengths[j]);
          close (ends[0]);
          g_free (text);
        }
}

/* --- Writing --- */

/* The peer is gone, and what it said before waits in the kernel: the writes fail first. */
static void
test_writes (void)
{
  for (guint read_first = 0; read_first < 2; read_first++)
    {
      Witness witness = { 0, };
      int peer;
      KaaIOChannel *channel = open_reset (&witness, &peer);
      KaaInProgress *line = read_first ? kaa_io_channel_readline (channel) : NULL;

      put (peer, "last\n");
      close (peer);
      witness_failure (&witness, write_zeros (channel, MANY));
      witness_failure (&witness, write_zeros (channel, 1));
      witness_failure (&witness, kaa_io_channel_flush (channel));
      witness_failure (&witness, kaa_io_channel_wait_writable (channel, 2 * MANY));
      if (line != NULL)
        assert_text (line, "last\n");
      run_until_failed (&witness, 4);
    }
}

static void
test_splice_target (void)
{
  Witness witness = { 0, };
  int peer, ends[2];
  KaaIOChannel *channel = open_reset (&witness, &peer);
  KaaIOChannel *source;

  make_pipe (ends);
  source = new_channel (ends[0], KAA_IO_READ);
  put (ends[1], "what nobody will read");
  put (peer, "last\n");
  close (peer);
  witness_failure (&witness, kaa_io_channel_splice (source, channel, KAA_SPLICE_NONE));
  run_until_failed (&witness, 1);
  dispose_of (source);
  close (ends[1]);
}

/* The output alone is gone; the input of the pair goes on. */
static void
test_output_of_a_pair (void)
{
  Witness witness = { 0, };
  GError *error = NULL;
  int in[2], out[2];

  make_pipe (in);
  make_pipe (out);
  witness.channel = kaa_io_channel_new ();
  g_assert_true (kaa_io_channel_wrap_fds (witness.channel, in[0], out[1], &error));
  g_assert_no_error (error);
  g_signal_connect (witness.channel, "notify::error", G_CALLBACK (on_error), &witness);
  close (out[0]);
  witness_failure (&witness, write_zeros (witness.channel, MANY / 2));
  witness_failure (&witness, kaa_io_channel_flush (witness.channel));
  run_while (witness.n_failed < 2);
  g_assert_true (kaa_io_channel_get_alive (witness.channel));
  put (in[1], "still there\n");
  assert_text (kaa_io_channel_readline (witness.channel), "still there\n");
  g_assert_cmpuint (witness.n_notified, ==, 1);
  close (in[1]);
  dispose_of (witness.channel);
}

/* --- Handlers of the property --- */

static void
open_anew (KaaIOChannel *channel,
           GParamSpec   *spec,
           gpointer      fd)
{
  if (kaa_io_channel_get_error (channel) == NULL)
    return;
  g_signal_handlers_disconnect_by_func (channel, open_anew, fd);
  g_assert_true (kaa_io_channel_wrap_fd (channel, GPOINTER_TO_INT (fd), KAA_IO_READ, NULL));
}

/* Whoever hears why it is closed may open it again there: that is not what is closed. */
static void
assert_opened_anew (KaaIOChannel  *channel,
                    KaaInProgress *asked, /* before; taken */
                    int            write_end,
                    guint         *n_closed)
{
  KaaInProgress *line;

  run_while (*n_closed == 0);
  g_assert_true (kaa_in_progress_get_finished (asked));
  g_object_unref (asked);
  g_assert_true (kaa_io_channel_get_alive (channel));
  put (write_end, "new\n");
  line = kaa_io_channel_readline (channel);
  assert_text (line, "new\n");
  g_assert_cmpuint (*n_closed, ==, 1);
  close (write_end);
  dispose_of (channel);
}

static void
count_closed (KaaIOChannel *channel,
              gboolean      expected,
              guint        *n_closed)
{
  ++*n_closed;
}

static void
test_opened_anew (void)
{
  guint n_closed[2] = { 0, };
  KaaInProgress *asked;
  KaaIOChannel *channel;
  int fds[2], pipes[2][2];

  for (guint i = 0; i < 2; i++)
    make_pipe (pipes[i]);

  /* The input fails ... */
  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  g_signal_connect (channel, "closed", G_CALLBACK (count_closed), &n_closed[0]);
  g_assert_cmpint (await_int (write_text (channel, "unread")), ==, 6);
  g_signal_connect (channel, "notify::error", G_CALLBACK (open_anew), GINT_TO_POINTER (pipes[0][0]));
  asked = kaa_io_channel_read (channel);
  close (fds[1]);
  assert_opened_anew (channel, asked, pipes[0][1], &n_closed[0]);

  /* ... and the library closes it. */
  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  g_signal_connect (channel, "closed", G_CALLBACK (count_closed), &n_closed[1]);
  kaa_io_channel_set_queue_size (channel, 4);
  kaa_io_channel_set_overflow_policy (channel, KAA_OVERFLOW_CLOSE);
  g_signal_connect (channel, "notify::error", G_CALLBACK (open_anew), GINT_TO_POINTER (pipes[1][0]));
  asked = kaa_io_channel_readline (channel);
  put (fds[1], "too long");
  assert_opened_anew (channel, asked, pipes[1][1], &n_closed[1]);
  close (fds[1]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/channel/end-error/requests", test_requests);
  g_test_add_func ("/channel/end-error/behind-data", test_behind_data);
  g_test_add_func ("/channel/end-error/splice-source", test_splice_source);
  g_test_add_func ("/channel/end-error/writes", test_writes);
  g_test_add_func ("/channel/end-error/splice-target", test_splice_target);
  g_test_add_func ("/channel/end-error/output-of-a-pair", test_output_of_a_pair);
  g_test_add_func ("/channel/end-error/opened-anew", test_opened_anew);

  return g_test_run ();
}

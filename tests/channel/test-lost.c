/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptors that somebody else closes: among few channels, where poll() says so, and among many, where an epoll set does not. */

#include "channel/channel-fixture.h"

/* --- Others, so that there is a set --- */

#define N_OTHERS 80

typedef struct
{
  KaaIOChannel *channels[N_OTHERS];
  int peers[N_OTHERS];
  guint n;
} Others;

static void
others_begin (Others *self,
              guint   n)
{
  self->n = n;
  for (guint i = 0; i < n; i++)
    {
      self->channels[i] = open_pipe (&self->peers[i]);
      g_signal_connect (self->channels[i], "readline", G_CALLBACK (note_chunk), (gpointer) "other");
    }
  settle ();
}

/* Nothing has happened to them. */
static void
others_end (Others *self)
{
  begin_events ();
  for (guint i = 0; i < self->n; i++)
    {
      put_string (self->peers[i], "x\n");
      settle ();
      assert_events ("other[x|]");
      finish_channel (self->channels[i]);
      close (self->peers[i]);
    }
  end_events ();
}

/* --- Losing --- */

typedef struct
{
  int fd;
  int peer;       /* of what is lost */
  gboolean again; /* the number is in use again */
  int stranger;   /* the other end of what it is now */
} Loss;

static void
loss_begin (Loss *self)
{
  make_sockets (&self->fd, &self->peer);
}

static void
lose (Loss     *self,
      gboolean  again)
{
  int strangers[2];

  self->again = again;
  close (self->fd);
  if (!again)
    return;

  make_sockets (&strangers[0], &self->stranger);
  if (strangers[0] != self->fd)
    {
      g_assert_cmpint (dup3 (strangers[0], self->fd, O_CLOEXEC), ==, self->fd);
      close (strangers[0]);
    }
  put_string (self->stranger, "secret\n");
}

/* The stranger is as it was: open, unread, unwritten. */
static void
loss_end (Loss *self)
{
  char buffer[16];

  if (self->again)
    {
      g_assert_cmpint (get_waiting (self->fd), ==, 7);
      g_assert_cmpint (recv (self->stranger, buffer, sizeof buffer, MSG_DONTWAIT), ==, -1);
      g_assert_cmpint (errno, ==, EAGAIN);
      close (self->fd);
      close (self->stranger);
    }
  close (self->peer);
}

/* It is closed, and says so once. */
static void
finish_lost (KaaIOChannel *channel)
{
  spin_until (!kaa_io_channel_get_alive (channel));
  settle ();
  assert_events ("hung-up");
  g_assert_nonnull (kaa_io_channel_get_error (channel));
  assert_at_rest ();
  finish_channel (channel);
  assert_events ("");
  end_events ();
}

static KaaIOChannel *
open_noted (int fd)
{
  KaaIOChannel *channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);

  begin_events ();
  note_signal (channel, "closed");
  settle ();
  return channel;
}

static void
assert_lost (KaaInProgress *future)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_nonnull (error);
  g_error_free (error);
  g_object_unref (future);
}

/* --- The cases --- */

typedef struct
{
  guint n_others;
  gboolean again;
} Case;

static void
test_later (gconstpointer data)
{
  const Case *own = data;
  static KaaInProgress *(*const requests[]) (KaaIOChannel *) = {
    kaa_io_channel_read, kaa_io_channel_readline, kaa_io_channel_readlines
  };

  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    {
      KaaIOChannel *channel;
      Others others;
      Loss loss;

      others_begin (&others, own->n_others);
      loss_begin (&loss);
      channel = open_noted (loss.fd);
      lose (&loss, own->again);
      assert_lost (requests[i] (channel));
      finish_lost (channel);
      loss_end (&loss);
      others_end (&others);
    }
}

/* Requested, or connected, before. What has the number now has nothing to say, or it would be heard where there are few. */
static void
test_before (gconstpointer data)
{
  const Case *own = data;

  for (guint i = 0; i < 2; i++)
    {
      KaaInProgress *future = NULL;
      KaaIOChannel *channel;
      Others others;
      Loss loss;

      others_begin (&others, own->n_others);
      loss_begin (&loss);
      channel = open_noted (loss.fd);
      if (i == 0)
        future = kaa_io_channel_readline (channel);
      else
        note_signal (channel, "readline");
      settle ();
      lose (&loss, own->again);
      if (future != NULL)
        assert_lost (future);
      finish_lost (channel);
      loss_end (&loss);
      others_end (&others);
    }
}

/* The queue is full, and its first bytes wait for room. */
static void
test_writes (gconstpointer data)
{
  const Case *own = data;
  KaaInProgress *write, *flush, *room;
  KaaIOChannel *channel;
  Others others;
  gsize length;
  guint8 *block;
  Loss loss;

  others_begin (&others, own->n_others);
  loss_begin (&loss);
  channel = open_noted (loss.fd);
  length = kaa_io_channel_get_queue_size (channel);
  block = g_malloc0 (length);
  write = kaa_io_channel_write (channel, block, length);
  settle ();
  lose (&loss, own->again);
  flush = kaa_io_channel_flush (channel);
  room = kaa_io_channel_wait_writable (channel, length);
  assert_lost (write);
  assert_lost (flush);
  assert_lost (room);
  finish_lost (channel);
  loss_end (&loss);
  others_end (&others);
  g_free (block);
}

static void
test_splice_from (gconstpointer data)
{
  const Case *own = data;
  KaaIOChannel *channel, *target;
  Others others;
  int to, out;
  Loss loss;

  others_begin (&others, own->n_others);
  make_pipe (&out, &to);
  target = open_fd (to, KAA_IO_WRITE);
  loss_begin (&loss);
  channel = open_noted (loss.fd);
  lose (&loss, own->again);
  assert_lost (kaa_io_channel_splice (channel, target, KAA_SPLICE_NONE));
  finish_lost (channel);
  g_assert_true (kaa_io_channel_get_alive (target));
  g_assert_cmpint (get_waiting (out), ==, 0);
  finish_channel (target);
  loss_end (&loss);
  others_end (&others);
  close (out);
}

static void
test_splice_to (gconstpointer data)
{
  const Case *own = data;
  KaaIOChannel *channel, *source;
  Others others;
  Loss loss;
  int peer;

  others_begin (&others, own->n_others);
  source = open_pipe (&peer);
  loss_begin (&loss);
  channel = open_noted (loss.fd);
  lose (&loss, own->again);
  put_string (peer, "for nobody");
  assert_lost (kaa_io_channel_splice (source, channel, KAA_SPLICE_NONE));
  finish_lost (channel);
  g_assert_true (kaa_io_channel_get_alive (source));
  finish_channel (source);
  loss_end (&loss);
  others_end (&others);
  close (peer);
}

/* What has its number is opened as a channel: each has its own. */
static void
test_successor (gconstpointer data)
{
  const Case *own = data;
  KaaIOChannel *channel, *second;
  Others others;
  Loss loss;

  others_begin (&others, own->n_others);
  loss_begin (&loss);
  channel = open_noted (loss.fd);
  note_signal (channel, "readline");
  lose (&loss, TRUE);
  second = open_fd (loss.fd, KAA_IO_READ | KAA_IO_WRITE);
  assert_bytes (kaa_io_channel_readline (second), "secret\n");
  finish_lost (channel);
  put_string (loss.stranger, "more\n");
  assert_bytes (kaa_io_channel_readline (second), "more\n");
  finish_channel (second);
  close (loss.stranger);
  close (loss.peer);
  others_end (&others);
}

/* Regular files are not polled: each read and write finds out. */
static void
test_file (gconstpointer data)
{
  const Case *own = data;

  for (guint i = 0; i < 2; i++)
    {
      int fd = make_file ("ours\n", 5);
      int other = make_file ("theirs\n", 7);
      KaaIOChannel *channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);

      settle ();
      if (own->again)
        g_assert_cmpint (dup3 (other, fd, O_CLOEXEC), ==, fd);
      else
        close (fd);
      if (i == 0)
        assert_lost (kaa_io_channel_readline (channel));
      else
        assert_lost (kaa_io_channel_write (channel, (const guint8 *) "mine\n", 5));
      finish_channel (channel);

      g_assert_cmpint (lseek (other, 0, SEEK_CUR), ==, 0);
      g_assert_cmpint (lseek (other, 0, SEEK_END), ==, 7);
      if (own->again)
        g_assert_cmpint (close (fd), ==, 0);
      close (other);
    }
}

static void
ignore_monitor (KaaIOMonitor   *monitor,
                KaaIOCondition  condition,
                gpointer        user_data)
{
  g_assert_not_reached ();
}

static void
test_monitor (gconstpointer data)
{
  const Case *own = data;
  KaaIOMonitor *monitor = kaa_io_monitor_new (ignore_monitor, NULL, NULL);
  Others others;
  Loss loss;

  others_begin (&others, own->n_others);
  loss_begin (&loss);
  g_assert_true (kaa_io_monitor_register (monitor, loss.fd, KAA_IO_READ, NULL));
  settle ();
  lose (&loss, own->again);
  spin_until (kaa_io_monitor_get_fd (monitor) == -1);
  assert_at_rest ();
  g_object_unref (monitor);
  loss_end (&loss);
  others_end (&others);
}

static void
add (const char    *name,
     GTestDataFunc  func,
     const Case    *cases,
     guint          n)
{
  for (guint i = 0; i < n; i++)
    {
      char *path = g_strdup_printf ("/lost/%s/%s/%s", cases[i].n_others > 0 ? "many" : "few",
                                    cases[i].again ? "again" : "closed", name);

      g_test_add_data_func (path, &cases[i], func);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  static const Case cases[] = { { 0, FALSE }, { N_OTHERS, FALSE }, { N_OTHERS, TRUE }, { 0, TRUE } };
  const char *mode = g_getenv ("KAA_IO_POLLER");
  guint n_noticed = 3;

  g_test_init (&argc, &argv, NULL);

  /* Where poll() is asked, a number that is in use again has the meaning that it has now, if nobody asks before: by itself where
   * there are few, and always or never where the mode is given. */
  if (g_strcmp0 (mode, "poll") == 0)
    n_noticed = 2;
  else if (g_strcmp0 (mode, "epoll") == 0)
    n_noticed = 4;

  add ("later", test_later, cases, 4);
  add ("before", test_before, cases, n_noticed);
  add ("writes", test_writes, cases, 4);
  add ("splice-from", test_splice_from, cases, 4);
  add ("splice-to", test_splice_to, cases, 4);
  add ("successor", test_successor, cases, 2);
  add ("file", test_file, cases, 4);
  add ("monitor", test_monitor, cases, 4);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory whose amount a peer decides, and that cannot be had: an error, and what was there stays. */

#include "close-fixture.h"
#include "fault-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

/* --- A subclass that gives more than it was asked for --- */

typedef struct
{
  KaaIOChannel parent_instance;
} Generous;

typedef struct
{
  KaaIOChannelClass parent_class;
} GenerousClass;

GType generous_get_type (void);

G_DEFINE_TYPE (Generous, generous, KAA_TYPE_IO_CHANNEL)

/* More than the blocks that are kept. */
#define MORE (512 * 1024)

static GBytes *
generous_read (KaaIOChannel  *self,
               gsize          count,
               GError       **error)
{
  GBytes *raw = KAA_IO_CHANNEL_CLASS (generous_parent_class)->read_nonblocking (self, count, error);
  gsize length;
  char *more;

  if (raw == NULL || g_bytes_get_size (raw) == 0)
    return raw;
  length = g_bytes_get_size (raw);
  more = g_strnfill (length + MORE, '.');
  memcpy (more, g_bytes_get_data (raw, NULL), length);
  g_bytes_unref (raw);
  return g_bytes_new_take (more, length + MORE);
}

static void
generous_class_init (GenerousClass *klass)
{
  KAA_IO_CHANNEL_CLASS (klass)->read_nonblocking = generous_read;
}

static void
generous_init (Generous *self)
{
}

/* --- reading --- */

static void
test_read (gconstpointer data)
{
  static char piece[16 * 1024];
  KaaIOChannel *channel = g_object_new (data != NULL ? generous_get_type () : KAA_TYPE_IO_CHANNEL, NULL);
  guint before = count_fds ();
  KaaInProgress *line;
  GError *error = NULL;
  Record *record;
  GBytes *bytes;
  int fds[2];

  make_sockets (fds);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], BOTH, NULL));
  record = record_new (channel, FALSE);
  /* More than the blocks that are kept for it. */
  line = kaa_io_channel_read_exactly (channel, 512 * 1024);
  set_nonblocking (fds[1]);
  begin_faults (FAULT_MEMORY, 0, ENOMEM);
  while (record->n_closed == 0)
    {
      gssize n = send (fds[1], piece, sizeof piece, MSG_NOSIGNAL);

      g_assert_true (n > 0 || errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
      run_ready ();
    }
  end_faults ();
  /* What was read before is not lost. */
  bytes = kaa_in_progress_get_bytes (line, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), <, 512 * 1024);
  g_bytes_unref (bytes);
  g_assert_false (record->expected);
  g_assert_error (kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_FAILED);
  g_object_unref (line);
  g_object_unref (channel);
  run_ready ();
  record_free (record);
  close (fds[1]);
  g_assert_cmpuint (count_fds (), ==, before);
}

/* A closing channel needs none: it throws away what comes. */
static void
test_closing (void)
{
  KaaIOChannel *channel;
  int fds[2];

  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  await_int (write_text (channel, "last"));
  put (fds[1], "a line\n");
  begin_faults (FAULT_MEMORY, 0, ENOMEM);
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  close (fds[1]);
  run_while (is_open_fd (fds[0]));
  end_faults ();
  g_object_unref (channel);
  run_ready ();
}

/* --- putting back --- */

static void
test_unread (void)
{
  char *much = g_strnfill (1024 * 1024, '.');
  GBytes *bytes = g_bytes_new_take (much, 1024 * 1024);
  KaaIOChannel *channel;
  GError *error = NULL;
  int fds[2];

  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  put (fds[1], "one\ntwo\n");
  assert_text (kaa_io_channel_readline (channel), "one\n");
  begin_faults (FAULT_MEMORY, 0, ENOMEM);
  g_assert_false (kaa_io_channel_unread (channel, bytes, &error));
  end_faults ();
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  assert_text (kaa_io_channel_readline (channel), "two\n");
  put (fds[1], "three\n");
  assert_text (kaa_io_channel_readline (channel), "three\n");
  g_bytes_unref (bytes);
  dispose_of (channel);
  close (fds[1]);
}

/* --- taking over --- */

/* What the subclass has read beyond what it was asked for has to go into the queue first. */
static void
test_takeover (gconstpointer steal)
{
  KaaIOChannel *other = g_object_new (generous_get_type (), NULL);
  KaaIOChannel *self = kaa_io_channel_new ();
  GError *error = NULL;
  gboolean done;
  int fds[2];

  make_sockets (fds);
  g_assert_true (kaa_io_channel_wrap_fd (other, fds[0], BOTH, NULL));
  kaa_io_channel_set_chunk_size (other, 4);
  put (fds[1], "one\n");
  assert_text (kaa_io_channel_read (other), "one\n");
  begin_faults (FAULT_MEMORY, 0, ENOMEM);
  done = steal ? kaa_io_channel_steal (self, other, &error) : kaa_io_channel_wrap_channel (self, other, BOTH, &error);
  end_faults ();
  g_assert_false (done);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_true (kaa_io_channel_get_alive (other));
  g_assert_false (kaa_io_channel_get_alive (self));
  assert_text (kaa_io_channel_read (other), "....");

  done = steal ? kaa_io_channel_steal (self, other, &error) : kaa_io_channel_wrap_channel (self, other, BOTH, &error);
  g_assert_no_error (error);
  g_assert_true (done);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (steal ? self : other), ==, MORE - 4);
  assert_text (kaa_io_channel_read_exactly (steal ? self : other, 4), "....");
  await_int (write_text (self, "out"));
  assert_got (fds[1], "out");
  dispose_of (self);
  g_object_unref (other);
  close (fds[1]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  run_ready ();

  g_test_add_data_func ("/memory-faults/read/plain", NULL, test_read);
  g_test_add_data_func ("/memory-faults/read/subclass", "", test_read);
  g_test_add_func ("/memory-faults/closing", test_closing);
  g_test_add_func ("/memory-faults/unread", test_unread);
  g_test_add_data_func ("/memory-faults/takeover/wrap", NULL, test_takeover);
  g_test_add_data_func ("/memory-faults/takeover/steal", "", test_takeover);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes that fail after part of them has gone: nothing is ever written behind a hole. */

#include "write-faults.h"

#include <signal.h>
#include <sys/resource.h>

/* Of three writes of so many bytes each this many go before the fault. */
#define LENGTH 3000
#define TOTAL  (3 * LENGTH)
#define GONE   1000

typedef enum
{
  SOCKET,
  PIPE,
  TERMINAL,
  N_STREAMS
} Kind;

typedef struct
{
  KaaIOChannel *channel;
  int fd;     /* where the channel writes, or ANY_TERMINAL */
  int peer;
  KaaInProgress *futures[3];
} Rig;

static void
rig_open_with (Rig          *self,
               Kind          kind,
               KaaIOChannel *channel)
{
  GError *error = NULL;

  begin_events ();
  if (kind == SOCKET)
    {
      make_sockets (&self->fd, &self->peer);
    }
  else if (kind == PIPE)
    {
      make_pipe (&self->peer, &self->fd);
    }
  else
    {
      struct termios raw;

      g_assert_cmpint (openpty (&self->peer, &self->fd, NULL, NULL, NULL), ==, 0);
      g_assert_cmpint (tcgetattr (self->fd, &raw), ==, 0);
      cfmakeraw (&raw);
      g_assert_cmpint (tcsetattr (self->fd, TCSANOW, &raw), ==, 0);
    }
  self->channel = channel;
  kaa_io_channel_wrap_fd (channel, self->fd, KAA_IO_WRITE, &error);
  g_assert_no_error (error);
  if (kind == TERMINAL)
    self->fd = ANY_TERMINAL;
  note_signal (channel, "closed");
}

static void
rig_open (Rig  *self,
          Kind  kind)
{
  rig_open_with (self, kind, kaa_io_channel_new ());
}

static void
rig_open_file (Rig *self)
{
  begin_events ();
  self->fd = make_file ("", 0);
  self->peer = -1;
  self->channel = open_fd (self->fd, KAA_IO_READ | KAA_IO_WRITE);
  note_signal (self->channel, "closed");
}

static void
rig_close (Rig *self)
{
  fault.fd = -1;
  finish_channel (self->channel);
  if (self->peer >= 0)
    close (self->peer);
  end_events ();
}

static KaaInProgress *
write_part (Rig   *self,
            gsize  start,
            gsize  length)
{
  guint8 *data = make_pattern (start, length);
  KaaInProgress *future = kaa_io_channel_write (self->channel, data, length);

  g_free (data);
  return future;
}

static void
send_part (Rig   *self,
           gsize  start,
           gsize  length)
{
  guint8 *data = make_pattern (start, length);

  g_assert_true (kaa_io_channel_send_data (self->channel, data, length, NULL));
  g_free (data);
}

static void
write_three (Rig *self)
{
  for (guint i = 0; i < 3; i++)
    self->futures[i] = write_part (self, i * LENGTH, LENGTH);
}

static void
assert_written (KaaInProgress *future,
                gint64         expected)
{
  GError *error = NULL;
  gint64 n;

  spin_until (kaa_in_progress_get_finished (future));
  n = kaa_in_progress_get_int (future, &error);
  g_assert_no_error (error);
  g_assert_cmpint (n, ==, expected);
  g_object_unref (future);
}

/* It fails, and says how many bytes went. */
static void
assert_gone (KaaInProgress *future,
             gint           code,
             gsize          gone)
{
  GError *error = NULL;
  char *text = g_strdup_printf ("%" G_GSIZE_FORMAT " bytes of this write", gone);

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, text));
  g_error_free (error);
  g_free (text);
  g_object_unref (future);
}

static void
assert_arrived (int   fd,
                gsize length)
{
  GByteArray *all = g_byte_array_new ();
  guint8 buffer[4096];

  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
  while (all->len < length)
    {
      gssize n = read (fd, buffer, sizeof buffer);

      if (n > 0)
        g_byte_array_append (all, buffer, n);
      else
        g_main_context_iteration (NULL, FALSE);
    }
  settle ();
  g_assert_cmpint (read (fd, buffer, sizeof buffer), <=, 0);
  assert_pattern (all->data, all->len, 0);
  g_assert_cmpuint (all->len, ==, length);
  g_byte_array_unref (all);
}

static void
assert_contents (Rig   *self,
                 gsize  length)
{
  guint8 buffer[TOTAL + 1];

  g_assert_cmpint (pread (self->fd, buffer, sizeof buffer, 0), ==, length);
  assert_pattern (buffer, length, 0);
}

/* --- what passes --- */

typedef struct
{
  Kind kind;
  int code;
} Case;

static void
test_passes (gconstpointer data)
{
  const Case *test = data;
  Rig rig;

  rig_open (&rig, test->kind);
  begin_fault (rig.fd, GONE, test->code, 5);
  write_three (&rig);
  assert_arrived (rig.peer, TOTAL);
  g_assert_cmpuint (fault.n_failed, ==, 5);
  for (guint i = 0; i < 3; i++)
    assert_written (rig.futures[i], LENGTH);
  g_assert_null (kaa_io_channel_get_error (rig.channel));
  g_assert_true (kaa_io_channel_get_alive (rig.channel));
  rig_close (&rig);
}

/* Within the call. */
static void
test_passes_in_call (gconstpointer data)
{
  const Case *test = data;
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, test->kind);
  settle ();
  begin_fault (rig.fd, 0, test->code, 1);
  future = write_part (&rig, 0, 10);
  g_assert_cmpuint (fault.n_failed, ==, 1);
  assert_written (future, 10);
  assert_arrived (rig.peer, 10);
  rig_close (&rig);
}

static void
test_passes_sent (void)
{
  KaaInProgress *flush;
  GError *error = NULL;
  Rig rig;

  rig_open (&rig, SOCKET);
  begin_fault (rig.fd, GONE, ENOBUFS, 3);
  send_part (&rig, 0, LENGTH);
  send_part (&rig, LENGTH, LENGTH);
  flush = kaa_io_channel_flush (rig.channel);
  assert_arrived (rig.peer, 2 * LENGTH);
  spin_until (kaa_in_progress_get_finished (flush));
  g_assert_true (kaa_in_progress_get_boolean (flush, &error));
  g_assert_no_error (error);
  g_object_unref (flush);
  rig_close (&rig);
}

/* A file: part of a write may have gone there as well. */
static void
test_passes_file (void)
{
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, GONE, ENOMEM, 2);
  write_three (&rig);
  for (guint i = 0; i < 3; i++)
    assert_written (rig.futures[i], LENGTH);
  assert_contents (&rig, TOTAL);
  rig_close (&rig);
}

/* A close waits for it. */
static void
test_passes_closing (void)
{
  KaaInProgress *closed;
  Rig rig;

  rig_open (&rig, SOCKET);
  begin_fault (rig.fd, GONE, ENOMEM, 3);
  write_three (&rig);
  closed = kaa_io_channel_close (rig.channel, KAA_CLOSE_NONE);
  for (guint i = 0; i < 3; i++)
    assert_written (rig.futures[i], LENGTH);
  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  assert_events ("closed");
  assert_arrived (rig.peer, TOTAL);
  rig_close (&rig);
}

/* An immediate one does not, and nothing rings behind it. */
static void
test_cut_short (void)
{
  Rig rig;

  rig_open (&rig, SOCKET);
  begin_fault (rig.fd, GONE, ENOMEM, G_MAXUINT);
  write_three (&rig);
  spin_until (fault.n_failed > 0);
  g_object_unref (kaa_io_channel_close (rig.channel, KAA_CLOSE_IMMEDIATE));
  assert_gone (rig.futures[0], G_IO_ERROR_CLOSED, GONE);
  assert_gone (rig.futures[1], G_IO_ERROR_CLOSED, 0);
  assert_gone (rig.futures[2], G_IO_ERROR_CLOSED, 0);
  assert_at_rest ();
  rig_close (&rig);
}

/* --- what stays --- */

static void
test_ends (gconstpointer data)
{
  const Case *test = data;
  GByteArray *all;
  gint code = g_io_error_from_errno (test->code);
  Rig rig;

  /* That is how a pseudo-terminal says that it was hung up. */
  if (test->kind == TERMINAL && test->code == EIO)
    code = G_IO_ERROR_BROKEN_PIPE;

  rig_open (&rig, test->kind);
  begin_fault (rig.fd, GONE, test->code, 1);
  write_three (&rig);
  assert_gone (rig.futures[0], code, GONE);
  assert_gone (rig.futures[1], code, 0);
  assert_gone (rig.futures[2], code, 0);
  spin_until (events->len > 0);
  assert_events ("hung-up");
  g_assert_error (kaa_io_channel_get_error (rig.channel), G_IO_ERROR, code);
  all = get_all (rig.peer);
  g_assert_cmpuint (all->len, ==, GONE);
  assert_pattern (all->data, all->len, 0);
  g_byte_array_unref (all);
  rig_close (&rig);
}

static void
test_lasts (gconstpointer data)
{
  const Case *test = data;
  gint code = g_io_error_from_errno (test->code);
  Rig rig;

  rig_open (&rig, test->kind);
  begin_fault (rig.fd, GONE, test->code, G_MAXUINT);
  write_three (&rig);
  assert_gone (rig.futures[0], code, GONE);
  assert_gone (rig.futures[1], code, 0);
  assert_gone (rig.futures[2], code, 0);
  spin_until (events->len > 0);
  assert_events ("hung-up");
  /* It was no loop that spins. */
  g_assert_cmpuint (fault.n_failed, >, 5);
  g_assert_cmpuint (fault.n_failed, <, 1000);
  rig_close (&rig);
}

/* Without a future flush() tells, whether it was called before or after. */
static void
test_sent (void)
{
  KaaInProgress *flush;
  Rig rig;
  int read_end, peer;

  begin_events ();
  rig.channel = kaa_io_channel_new ();
  make_pipe (&read_end, &peer);
  make_pipe (&rig.peer, &rig.fd);
  g_assert_true (kaa_io_channel_wrap_fds (rig.channel, read_end, rig.fd, NULL));
  begin_fault (rig.fd, GONE, EIO, G_MAXUINT);
  send_part (&rig, 0, LENGTH);
  flush = kaa_io_channel_flush (rig.channel);
  assert_fails (flush, g_io_error_from_errno (EIO));
  g_assert_false (kaa_io_channel_get_writable (rig.channel));
  g_assert_true (kaa_io_channel_get_alive (rig.channel));
  close (peer);
  rig_close (&rig);

  begin_events ();
  rig.channel = kaa_io_channel_new ();
  make_pipe (&read_end, &peer);
  make_pipe (&rig.peer, &rig.fd);
  g_assert_true (kaa_io_channel_wrap_fds (rig.channel, read_end, rig.fd, NULL));
  begin_fault (rig.fd, GONE, EIO, G_MAXUINT);
  send_part (&rig, 0, LENGTH);
  settle ();
  g_assert_cmpuint (fault.n_failed, >, 0);
  assert_fails (kaa_io_channel_flush (rig.channel), g_io_error_from_errno (EIO));
  close (peer);
  rig_close (&rig);
}

/* --- files: a write that fails as a whole, and one that is torn --- */

static void
test_file_whole (gconstpointer data)
{
  gint code = g_io_error_from_errno (GPOINTER_TO_INT (data));
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, 0, GPOINTER_TO_INT (data), 1);
  rig.futures[0] = write_part (&rig, 0, LENGTH);
  rig.futures[1] = write_part (&rig, 0, LENGTH);
  assert_fails (rig.futures[0], code);
  assert_written (rig.futures[1], LENGTH);
  assert_contents (&rig, LENGTH);
  g_assert_true (kaa_io_channel_get_alive (rig.channel));
  rig_close (&rig);
}

static void
test_file_torn (gconstpointer data)
{
  gint code = g_io_error_from_errno (GPOINTER_TO_INT (data));
  KaaInProgress *flush;
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, GONE, GPOINTER_TO_INT (data), 1);
  write_three (&rig);
  flush = kaa_io_channel_flush (rig.channel);
  assert_gone (rig.futures[0], code, GONE);
  assert_gone (rig.futures[1], code, 0);
  assert_gone (rig.futures[2], code, 0);
  assert_fails (flush, code);
  assert_contents (&rig, GONE);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (rig.channel), ==, 0);
  g_assert_true (kaa_io_channel_get_alive (rig.channel));
  g_assert_error (kaa_io_channel_get_error (rig.channel), G_IO_ERROR, code);

  /* It knows now, and goes on. */
  assert_written (write_part (&rig, GONE, LENGTH), LENGTH);
  assert_contents (&rig, GONE + LENGTH);
  assert_events ("");
  rig_close (&rig);
}

/* The second of two is torn, which begin in the same call. */
static void
test_file_second_torn (void)
{
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, LENGTH + GONE, ENOSPC, 1);
  write_three (&rig);
  assert_written (rig.futures[0], LENGTH);
  assert_gone (rig.futures[1], G_IO_ERROR_NO_SPACE, GONE);
  assert_gone (rig.futures[2], G_IO_ERROR_NO_SPACE, 0);
  assert_contents (&rig, LENGTH + GONE);
  rig_close (&rig);
}

static void
test_file_sent_torn (void)
{
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, GONE, ENOSPC, 1);
  send_part (&rig, 0, LENGTH);
  rig.futures[0] = write_part (&rig, LENGTH, LENGTH);
  send_part (&rig, 2 * LENGTH, LENGTH);
  assert_gone (rig.futures[0], G_IO_ERROR_NO_SPACE, 0);
  assert_fails (kaa_io_channel_flush (rig.channel), G_IO_ERROR_NO_SPACE);
  assert_contents (&rig, GONE);
  rig_close (&rig);
}

/* As a whole, those that send() queued between two borders: the write behind them goes. */
static void
test_file_sent_whole (void)
{
  Rig rig;

  rig_open_file (&rig);
  begin_fault (rig.fd, LENGTH, ENOSPC, 1);
  rig.futures[0] = write_part (&rig, 0, LENGTH);
  send_part (&rig, 7, LENGTH);
  rig.futures[1] = write_part (&rig, LENGTH, LENGTH);
  assert_written (rig.futures[0], LENGTH);
  assert_written (rig.futures[1], LENGTH);
  assert_fails (kaa_io_channel_flush (rig.channel), G_IO_ERROR_NO_SPACE);
  assert_contents (&rig, 2 * LENGTH);
  rig_close (&rig);
}

/* A limit of the process, whose signal would end it. */
static void
test_file_limit (void)
{
  struct rlimit limit = { GONE, GONE };
  Rig rig;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
      g_test_trap_assert_passed ();
      return;
    }

  signal (SIGXFSZ, SIG_DFL);
  rig_open_file (&rig);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  write_three (&rig);
  assert_gone (rig.futures[0], g_io_error_from_errno (EFBIG), GONE);
  assert_gone (rig.futures[1], g_io_error_from_errno (EFBIG), 0);
  assert_gone (rig.futures[2], g_io_error_from_errno (EFBIG), 0);
  assert_contents (&rig, GONE);
  g_assert_true (kaa_io_channel_get_alive (rig.channel));
  rig_close (&rig);
}

/* --- subclasses --- */

struct _TestFilter
{
  KaaIOChannel parent_instance;
};

G_DECLARE_FINAL_TYPE (TestFilter, test_filter, TEST, FILTER, KaaIOChannel)
G_DEFINE_FINAL_TYPE (TestFilter, test_filter, KAA_TYPE_IO_CHANNEL)

static gboolean filter_is_full;

static gssize
test_filter_write (KaaIOChannel  *channel,
                   GBytes        *data,
                   GError       **error)
{
  if (filter_is_full)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "full");
      return -1;
    }
  return KAA_IO_CHANNEL_CLASS (test_filter_parent_class)->write_nonblocking (channel, data, error);
}

static void
test_filter_class_init (TestFilterClass *klass)
{
  KAA_IO_CHANNEL_CLASS (klass)->write_nonblocking = test_filter_write;
}

static void
test_filter_init (TestFilter *self)
{
}

static void
test_subclass_passes (gconstpointer data)
{
  const Case *test = data;
  Rig rig;

  filter_is_full = FALSE;
  rig_open_with (&rig, test->kind, g_object_new (test_filter_get_type (), NULL));
  begin_fault (rig.fd, GONE, test->code, 5);
  write_three (&rig);
  assert_arrived (rig.peer, TOTAL);
  for (guint i = 0; i < 3; i++)
    assert_written (rig.futures[i], LENGTH);
  rig_close (&rig);
}

/* A stream, whatever is above. */
static void
test_subclass_ends (void)
{
  Rig rig;

  filter_is_full = TRUE;
  rig_open_with (&rig, SOCKET, g_object_new (test_filter_get_type (), NULL));
  write_three (&rig);
  spin_until (events->len > 0);
  filter_is_full = FALSE;
  for (guint i = 0; i < 3; i++)
    assert_gone (rig.futures[i], G_IO_ERROR_NO_SPACE, 0);
  assert_events ("hung-up");
  rig_close (&rig);
}

/* --- */

static void
add (const char   *name,
     Kind          kind,
     int           code,
     GTestDataFunc func)
{
  static const char * const kinds[] = { "socket", "pipe", "terminal" };
  static GPtrArray *cases;
  Case *test = g_new (Case, 1);
  char *path = g_strdup_printf ("/channel/write-faults/%s/%s/%d", name, kinds[kind], code);

  test->kind = kind;
  test->code = code;
  /* A subprocess runs one test alone, and would lose the others' data. */
  if (cases == NULL)
    cases = g_ptr_array_new ();
  g_ptr_array_add (cases, test);
  g_test_add_data_func (path, test, func);
  g_free (path);
}

int
main (int    argc,
      char **argv)
{
  static const int shortages[] = { ENOBUFS, ENOMEM };
  static const int errors[] = { EIO, ENOSPC, EDQUOT, EFBIG, EPERM, EACCES, EMSGSIZE, EINVAL, ENETDOWN, EHOSTUNREACH, ETIMEDOUT, EPIPE };
  static const int refusals[] = { ENOSPC, EDQUOT, EFBIG, EIO, EPERM };

  g_test_init (&argc, &argv, NULL);

  for (int kind = 0; kind < N_STREAMS; kind++)
    {
      for (gsize i = 0; i < G_N_ELEMENTS (shortages); i++)
        {
          add ("passes", kind, shortages[i], test_passes);
          add ("passes-in-call", kind, shortages[i], test_passes_in_call);
          add ("subclass-passes", kind, shortages[i], test_subclass_passes);
        }
      for (gsize i = 0; i < G_N_ELEMENTS (errors); i++)
        add ("ends", kind, errors[i], test_ends);
    }
  add ("lasts", SOCKET, ENOBUFS, test_lasts);
  add ("lasts", PIPE, ENOMEM, test_lasts);
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      char *whole = g_strdup_printf ("/channel/write-faults/file-whole/%d", refusals[i]);
      char *torn = g_strdup_printf ("/channel/write-faults/file-torn/%d", refusals[i]);

      g_test_add_data_func (whole, GINT_TO_POINTER (refusals[i]), test_file_whole);
      g_test_add_data_func (torn, GINT_TO_POINTER (refusals[i]), test_file_torn);
      g_free (whole);
      g_free (torn);
    }
  g_test_add_func ("/channel/write-faults/passes-sent", test_passes_sent);
  g_test_add_func ("/channel/write-faults/passes-file", test_passes_file);
  g_test_add_func ("/channel/write-faults/passes-closing", test_passes_closing);
  g_test_add_func ("/channel/write-faults/cut-short", test_cut_short);
  g_test_add_func ("/channel/write-faults/sent", test_sent);
  g_test_add_func ("/channel/write-faults/file-limit", test_file_limit);
  g_test_add_func ("/channel/write-faults/file-second-torn", test_file_second_torn);
  g_test_add_func ("/channel/write-faults/file-sent-torn", test_file_sent_torn);
  g_test_add_func ("/channel/write-faults/file-sent-whole", test_file_sent_whole);
  g_test_add_func ("/channel/write-faults/subclass-ends", test_subclass_ends);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splices into what is full: they fail, say how much is there, and lose nothing. */

#include "write-faults.h"

#include <signal.h>

#define MIB   (1024 * 1024)
#define TOTAL (512 * 1024)
/* In the midst of a piece. */
#define ROOM  100001

typedef enum
{
  FROM_PIPE,
  FROM_SOCKET,
  FROM_FILE,
  N_SOURCES
} From;

typedef struct
{
  KaaIOChannel *source;
  KaaIOChannel *target;
  int feed;       /* the other side of the source; -1: none */
  gsize fed;
  int fd;         /* where the target writes */
} Rig;

static int
make_empty_file (void)
{
  return make_file ("", 0);
}

static void
rig_open (Rig  *self,
          From  from,
          int   target_fd)
{
  guint8 *data;
  int fd;

  begin_events ();
  self->fed = 0;
  self->fd = target_fd;
  if (from == FROM_FILE)
    {
      data = make_pattern (0, TOTAL);
      fd = make_file (data, TOTAL);
      g_free (data);
      self->feed = -1;
      self->fed = TOTAL;
    }
  else
    {
      if (from == FROM_PIPE)
        make_pipe (&fd, &self->feed);
      else
        make_sockets (&fd, &self->feed);
      g_assert_cmpint (fcntl (self->feed, F_SETFL, O_NONBLOCK), ==, 0);
    }
  self->source = open_fd (fd, KAA_IO_READ);
  self->target = open_fd (target_fd, KAA_IO_WRITE);
  note_signal (self->target, "closed");
}

static void
rig_close (Rig *self)
{
  fault.fd = -1;
  finish_channel (self->source);
  finish_channel (self->target);
  if (self->feed >= 0)
    close (self->feed);
  end_events ();
}

/* One turn, and what the other side of the source writes meanwhile. */
static void
turn (Rig *self)
{
  if (self->feed >= 0 && self->fed < TOTAL)
    {
      gsize length = MIN (TOTAL - self->fed, 10000);
      guint8 *data = make_pattern (self->fed, length);
      gssize n = write (self->feed, data, length);

      if (n > 0)
        self->fed += n;
      g_free (data);
      if (self->fed == TOTAL)
        {
          close (self->feed);
          self->feed = -1;
        }
      g_main_context_iteration (NULL, FALSE);
    }
  else
    {
      g_main_context_iteration (NULL, TRUE);
    }
}

static void
run_until_finished (Rig           *self,
                    KaaInProgress *future)
{
  while (!kaa_in_progress_get_finished (future))
    turn (self);
}

/* It failed, and says that so many bytes are there. */
static void
assert_spliced (KaaInProgress *future,
                gint           code,
                guint64        moved)
{
  GError *error = NULL;
  char *text = g_strdup_printf ("; %" G_GUINT64_FORMAT " bytes had been spliced", moved);

  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_assert_nonnull (strstr (error->message, text));
  g_assert_cmpuint (kaa_in_progress_get_bytes_moved (future), ==, moved);
  g_error_free (error);
  g_free (text);
  g_object_unref (future);
}

/* What the source still has, from there on. */
static void
assert_rest (Rig   *self,
             gsize  start)
{
  while (start < TOTAL)
    {
      KaaInProgress *read = kaa_io_channel_read (self->source);
      GError *error = NULL;
      GBytes *bytes;
      gsize length;

      run_until_finished (self, read);
      bytes = kaa_in_progress_get_bytes (read, &error);
      g_assert_no_error (error);
      length = g_bytes_get_size (bytes);
      g_assert_cmpuint (length, >, 0);
      assert_pattern (g_bytes_get_data (bytes, NULL), length, start);
      start += length;
      g_bytes_unref (bytes);
      g_object_unref (read);
    }
  g_assert_cmpuint (start, ==, TOTAL);
}

static void
assert_contents (int   fd,
                 gsize length)
{
  guint8 *data = g_malloc (TOTAL + MIB);

  g_assert_cmpint (pread (fd, data, TOTAL + MIB, 0), ==, length);
  assert_pattern (data, length, 0);
  g_free (data);
}

/* --- files and devices --- */

static void
test_device (gconstpointer from)
{
  int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);
  KaaInProgress *future;
  Rig rig;

  if (fd < 0)
    {
      g_test_skip ("there is no /dev/full");
      return;
    }

  rig_open (&rig, GPOINTER_TO_INT (from), fd);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_CLOSE_TARGET);
  run_until_finished (&rig, future);
  assert_spliced (future, G_IO_ERROR_NO_SPACE, 0);
  assert_rest (&rig, 0);
  g_assert_true (kaa_io_channel_get_alive (rig.target));
  assert_events ("");
  rig_close (&rig);
}

typedef struct
{
  From from;
  int code;
} Case;

static void
test_file (gconstpointer data)
{
  const Case *test = data;
  gint code = g_io_error_from_errno (test->code);
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, test->from, make_empty_file ());
  begin_fault (rig.fd, ROOM, test->code, G_MAXUINT);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  run_until_finished (&rig, future);
  assert_spliced (future, code, ROOM);
  assert_contents (rig.fd, ROOM);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (rig.target), ==, 0);
  /* It has taken no more, and gives back what it took. */
  assert_rest (&rig, ROOM);
  g_assert_true (kaa_io_channel_get_alive (rig.target));
  g_assert_error (kaa_io_channel_get_error (rig.target), G_IO_ERROR, code);
  rig_close (&rig);
}

/* A disk that takes one piece, and then others again: none of them is written behind a hole. */
static void
test_once (gconstpointer from)
{
  KaaInProgress *future, *again;
  GError *error = NULL;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (from), make_empty_file ());
  begin_fault (rig.fd, ROOM, ENOSPC, 1);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  run_until_finished (&rig, future);
  assert_spliced (future, G_IO_ERROR_NO_SPACE, ROOM);
  assert_contents (rig.fd, ROOM);

  /* Made again, it goes on where it stopped. */
  again = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  if (GPOINTER_TO_INT (from) == FROM_FILE)
    kaa_io_channel_set_close_on_eof (rig.source, TRUE);
  run_until_finished (&rig, again);
  g_assert_cmpuint (g_value_get_uint64 (kaa_in_progress_get_result (again, &error)), ==, TOTAL - ROOM);
  g_assert_no_error (error);
  g_object_unref (again);
  assert_contents (rig.fd, TOTAL);
  rig_close (&rig);
}

/* What was written to the target behind pieces of the splice is not written behind the hole. */
static void
test_write_behind (void)
{
  KaaInProgress *future, *write;
  Rig rig;

  rig_open (&rig, FROM_FILE, make_empty_file ());
  begin_fault (rig.fd, ROOM, ENOSPC, 1);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  while (kaa_io_channel_get_write_queue_used (rig.target) == 0 && !kaa_in_progress_get_finished (future))
    g_main_context_iteration (NULL, TRUE);
  while (kaa_in_progress_get_bytes_moved (future) < ROOM && !kaa_in_progress_get_finished (future))
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (kaa_in_progress_get_finished (future));
  write = kaa_io_channel_write (rig.target, (const guint8 *) "behind", 6);
  run_until_finished (&rig, future);
  assert_spliced (future, G_IO_ERROR_NO_SPACE, ROOM);
  assert_fails (write, G_IO_ERROR_NO_SPACE);
  assert_contents (rig.fd, ROOM);
  assert_rest (&rig, ROOM);
  rig_close (&rig);
}

/* In a row: the second is the one that meets the fault, or a third source does. */
static void
test_in_a_row (void)
{
  gsize length = 50000;
  guint8 *data = make_pattern (0, length);
  int first_fd = make_file (data, length);
  KaaIOChannel *first = open_fd (first_fd, KAA_IO_READ);
  KaaInProgress *one, *two;
  GError *error = NULL;
  guint8 *contents = g_malloc (MIB);
  Rig rig;

  rig_open (&rig, FROM_FILE, make_empty_file ());
  kaa_io_channel_set_close_on_eof (first, TRUE);
  begin_fault (rig.fd, length + ROOM, ENOSPC, G_MAXUINT);
  one = kaa_io_channel_splice (first, rig.target, KAA_SPLICE_NONE);
  spin_until (kaa_in_progress_get_finished (one));
  g_assert_cmpuint (g_value_get_uint64 (kaa_in_progress_get_result (one, &error)), ==, length);
  g_assert_no_error (error);
  two = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  run_until_finished (&rig, two);
  assert_spliced (two, G_IO_ERROR_NO_SPACE, ROOM);
  g_assert_cmpint (pread (rig.fd, contents, MIB, 0), ==, length + ROOM);
  assert_pattern (contents, length, 0);
  assert_pattern (contents + length, ROOM, 0);
  assert_rest (&rig, ROOM);

  g_object_unref (one);
  finish_channel (first);
  rig_close (&rig);
  g_free (contents);
  g_free (data);
}

/* Two at the same time: what is theirs is told apart. */
static void
test_side_by_side (void)
{
  KaaInProgress *one, *two;
  GError *first_error = NULL, *second_error = NULL;
  guint64 first_moved, second_moved;
  guint8 *contents = g_malloc (MIB);
  KaaIOChannel *second;
  guint8 *data = g_malloc (TOTAL);
  Rig rig;

  memset (data, 0xee, TOTAL);
  rig_open (&rig, FROM_FILE, make_empty_file ());
  second = open_fd (make_file (data, TOTAL), KAA_IO_READ);
  begin_fault (rig.fd, 3 * ROOM, ENOSPC, G_MAXUINT);
  one = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  two = kaa_io_channel_splice (second, rig.target, KAA_SPLICE_NONE);
  spin_until (kaa_in_progress_get_finished (one) && kaa_in_progress_get_finished (two));
  g_assert_null (kaa_in_progress_get_result (one, &first_error));
  g_assert_null (kaa_in_progress_get_result (two, &second_error));
  g_assert_error (first_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_assert_error (second_error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  first_moved = kaa_in_progress_get_bytes_moved (one);
  second_moved = kaa_in_progress_get_bytes_moved (two);
  g_assert_cmpuint (first_moved + second_moved, ==, 3 * ROOM);
  g_assert_cmpint (pread (rig.fd, contents, MIB, 0), ==, 3 * ROOM);
  assert_rest (&rig, first_moved);

  g_error_free (first_error);
  g_error_free (second_error);
  g_object_unref (one);
  g_object_unref (two);
  finish_channel (second);
  rig_close (&rig);
  g_free (contents);
  g_free (data);
}

/* A stream that is full. */
static void
test_memory (gconstpointer from)
{
  guint8 *data = g_malloc (ROOM);
  GOutputStream *stream = g_memory_output_stream_new (data, ROOM, NULL, NULL);
  KaaIOChannel *target;
  KaaInProgress *future;
  GError *error = NULL;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (from), make_empty_file ());
  target = kaa_io_channel_new_for_stream (G_OBJECT (stream), KAA_IO_WRITE, &error);
  g_assert_no_error (error);
  future = kaa_io_channel_splice (rig.source, target, KAA_SPLICE_NONE);
  run_until_finished (&rig, future);
  assert_spliced (future, G_IO_ERROR_NO_SPACE, ROOM);
  assert_pattern (data, ROOM, 0);
  assert_rest (&rig, ROOM);
  finish_channel (target);
  g_object_unref (stream);
  rig_close (&rig);
  g_free (data);
}

/* --- streams --- */

/* The system is short of something for a while. */
static void
test_shortage (gconstpointer data)
{
  const Case *test = data;
  GByteArray *all = g_byte_array_new ();
  guint8 *buffer = g_malloc (MIB);
  KaaInProgress *future;
  GError *error = NULL;
  int fd, peer;
  Rig rig;

  make_sockets (&fd, &peer);
  g_assert_cmpint (fcntl (peer, F_SETFL, O_NONBLOCK), ==, 0);
  rig_open (&rig, test->from, fd);
  if (test->from == FROM_FILE)
    kaa_io_channel_set_close_on_eof (rig.source, TRUE);
  begin_fault (fd, ROOM, test->code, 5);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_CLOSE_TARGET);
  while (all->len < TOTAL)
    {
      gssize n = read (peer, buffer, MIB);

      if (n > 0)
        g_byte_array_append (all, buffer, n);
      turn (&rig);
    }
  run_until_finished (&rig, future);
  g_assert_cmpuint (g_value_get_uint64 (kaa_in_progress_get_result (future, &error)), ==, TOTAL);
  g_assert_no_error (error);
  assert_pattern (all->data, all->len, 0);
  g_object_unref (future);
  g_byte_array_unref (all);
  g_free (buffer);
  close (peer);
  rig_close (&rig);
}

/* The other side goes: what it was sent, and what it was not, is all there is. */
static void
test_peer_gone (gconstpointer from)
{
  KaaInProgress *future;
  guint64 moved;
  int fd, peer;
  Rig rig;

  make_sockets (&fd, &peer);
  rig_open (&rig, GPOINTER_TO_INT (from), fd);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  while (kaa_in_progress_get_bytes_moved (future) < ROOM)
    turn (&rig);
  close (peer);
  run_until_finished (&rig, future);
  moved = kaa_in_progress_get_bytes_moved (future);
  g_assert_cmpuint (moved, <, TOTAL);
  assert_spliced (future, G_IO_ERROR_BROKEN_PIPE, moved);
  assert_rest (&rig, moved);
  rig_close (&rig);
}

/* The target is closed by us: what it has taken is written, and counts. */
static void
test_target_closing (gconstpointer from)
{
  KaaInProgress *future;
  guint64 moved;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (from), make_empty_file ());
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  while (kaa_in_progress_get_bytes_moved (future) < ROOM)
    turn (&rig);
  rig.fd = dup (rig.fd);
  g_object_unref (kaa_io_channel_close (rig.target, KAA_CLOSE_NONE));
  run_until_finished (&rig, future);
  moved = kaa_in_progress_get_bytes_moved (future);
  assert_spliced (future, G_IO_ERROR_CLOSED, moved);
  assert_contents (rig.fd, moved);
  assert_rest (&rig, moved);
  close (rig.fd);
  rig_close (&rig);
}

/* Aborted, it owns nothing that was accepted; when that cannot be written, the target says so. */
static void
test_aborted (void)
{
  KaaInProgress *future;
  Rig rig;

  rig_open (&rig, FROM_FILE, make_empty_file ());
  begin_fault (rig.fd, 0, ENOSPC, 1);
  future = kaa_io_channel_splice (rig.source, rig.target, KAA_SPLICE_NONE);
  while (kaa_io_channel_get_write_queue_used (rig.target) == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (kaa_in_progress_abort (future, NULL));
  assert_fails (kaa_io_channel_flush (rig.target), G_IO_ERROR_NO_SPACE);
  g_object_unref (future);
  rig_close (&rig);
}

/* --- */

static const char * const sources[] = { "pipe", "socket", "file" };

static void
add (const char    *name,
     GTestDataFunc  func)
{
  for (int i = 0; i < N_SOURCES; i++)
    {
      char *path = g_strdup_printf ("/channel/splice-faults/%s/%s", name, sources[i]);

      g_test_add_data_func (path, GINT_TO_POINTER (i), func);
      g_free (path);
    }
}

static void
add_codes (const char    *name,
           const int     *codes,
           GTestDataFunc  func)
{
  for (int i = 0; i < N_SOURCES; i++)
    for (gsize j = 0; codes[j] != 0; j++)
      {
        char *path = g_strdup_printf ("/channel/splice-faults/%s/%s/%d", name, sources[i], codes[j]);
        Case *test = g_new (Case, 1);

        test->from = i;
        test->code = codes[j];
        g_test_add_data_func_full (path, test, func, g_free);
        g_free (path);
      }
}

int
main (int    argc,
      char **argv)
{
  static const int refusals[] = { ENOSPC, EDQUOT, EFBIG, EIO, 0 };
  static const int shortages[] = { ENOBUFS, ENOMEM, 0 };

  g_test_init (&argc, &argv, NULL);

  add ("device", test_device);
  add_codes ("file", refusals, test_file);
  add ("once", test_once);
  add ("memory", test_memory);
  add_codes ("shortage", shortages, test_shortage);
  add ("peer-gone", test_peer_gone);
  add ("target-closing", test_target_closing);
  g_test_add_func ("/channel/splice-faults/write-behind", test_write_behind);
  g_test_add_func ("/channel/splice-faults/in-a-row", test_in_a_row);
  g_test_add_func ("/channel/splice-faults/side-by-side", test_side_by_side);
  g_test_add_func ("/channel/splice-faults/aborted", test_aborted);

  return g_test_run ();
}

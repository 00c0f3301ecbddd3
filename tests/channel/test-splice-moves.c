/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splices that the kernel makes: that it does, and that nothing else is different. */

#include "close-fixture.h"

#include <poll.h>
#include <sys/socket.h>

#define MIB (1024 * 1024)

/* --- Counting (the program is linked with --wrap) --- */

static guint n_splices, n_copies; /* calls; those that have moved something */
static int refuse; /* errno of every splice(2), or 0 */

gssize __real_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);
gssize __wrap_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);
gssize __real_recv (int fd, void *buffer, gsize length, int flags);
gssize __wrap_recv (int fd, void *buffer, gsize length, int flags);
gssize __real_sendmsg (int fd, const struct msghdr *message, int flags);
gssize __wrap_sendmsg (int fd, const struct msghdr *message, int flags);

gssize
__wrap_splice (int       from,
               off_t    *at,
               int       to,
               off_t    *to_at,
               gsize     length,
               unsigned  flags)
{
  if (refuse != 0)
    {
      errno = refuse;
      return -1;
    }
  n_splices++;
  return __real_splice (from, at, to, to_at, length, flags);
}

gssize
__wrap_recv (int    fd,
             void  *buffer,
             gsize  length,
             int    flags)
{
  gssize n = __real_recv (fd, buffer, length, flags);

  n_copies += n > 0;
  return n;
}

gssize
__wrap_sendmsg (int                  fd,
                const struct msghdr *message,
                int                  flags)
{
  gssize n = __real_sendmsg (fd, message, flags);

  n_copies += n > 0;
  return n;
}

/* --- From and to what the kernel can splice --- */

static guint8 pattern[2 * MIB + 77];

static void
make_pattern (void)
{
  for (guint i = 0; i < sizeof pattern; i++)
    pattern[i] = (guint8) (i * 31 + (i >> 8) * 7 + (i >> 16));
}

static int
make_pattern_file (void)
{
  int fd = make_file ("");

  g_assert_cmpint (write (fd, pattern, sizeof pattern), ==, sizeof pattern);
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

typedef enum
{
  FILE_TO_SOCKET,
  PIPE_TO_SOCKET,
  SOCKET_TO_PIPE,
  PIPE_TO_PIPE,
  N_ROUTES
} Route;

typedef struct
{
  KaaIOChannel *source, *target;
  KaaInProgress *future;
  int in;              /* what feeds the source, or -1 */
  int out;             /* what comes out of the target */
  int out_near;        /* another number for the target's description */
  gsize fed;
  GByteArray *seen;
} Rig;

static void
rig_open (Rig   *self,
          Route  route)
{
  int in[2] = { -1, -1 }, out[2];

  if (route == FILE_TO_SOCKET)
    in[0] = make_pattern_file ();
  else if (route == SOCKET_TO_PIPE)
    make_sockets (in);
  else
    make_pipe (in);
  if (route == FILE_TO_SOCKET || route == PIPE_TO_SOCKET)
    make_sockets (out);
  else
    make_pipe (out);

  if (in[1] >= 0)
    set_nonblocking (in[1]);
  set_nonblocking (out[0]);
  self->in = in[1];
  self->fed = in[1] >= 0 ? 0 : sizeof pattern;
  self->out = out[0];
  self->out_near = dup (out[1]);
  self->seen = g_byte_array_new ();
  self->source = new_channel (in[0], KAA_IO_READ);
  self->target = new_channel (out[1], KAA_IO_WRITE);
  n_splices = n_copies = 0;
}

static void
rig_start (Rig *self)
{
  self->future = kaa_io_channel_splice (self->source, self->target, KAA_SPLICE_NONE);
}

static void
rig_feed (Rig *self)
{
  gssize n;

  while (self->fed < sizeof pattern && (n = write (self->in, pattern + self->fed, sizeof pattern - self->fed)) > 0)
    self->fed += n;
}

static void
rig_drain (Rig *self)
{
  guint8 buffer[65536];
  gssize n;

  while ((n = read (self->out, buffer, sizeof buffer)) > 0)
    g_byte_array_append (self->seen, buffer, n);
}

static void
rig_run_until (Rig   *self,
               gsize  enough)
{
  while (self->seen->len < enough)
    {
      rig_feed (self);
      run_ready ();
      rig_drain (self);
    }
}

/* Everything arrives, in order, and what is counted is right. */
static void
rig_finish (Rig *self)
{
  GError *error = NULL;
  const GValue *moved;

  rig_run_until (self, sizeof pattern);
  if (self->in >= 0)
    close (self->in);
  moved = kaa_in_progress_wait (self->future, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_value_get_uint64 (moved), ==, sizeof pattern);
  g_assert_cmpmem (self->seen->data, self->seen->len, pattern, sizeof pattern);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (self->source), ==, sizeof pattern);
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (self->target), ==, sizeof pattern);
}

static void
rig_close (Rig *self)
{
  g_object_unref (self->future);
  dispose_of (self->source);
  dispose_of (self->target);
  close (self->out_near);
  if (self->out >= 0)
    close (self->out);
  g_byte_array_unref (self->seen);
}

/* --- The tests --- */

static void
test_moves (gconstpointer route)
{
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  rig_finish (&rig);
  g_assert_cmpuint (n_splices, >, 0);
  g_assert_cmpuint (n_copies, ==, 0);
  rig_close (&rig);
}

/* A kernel, or a file system, that cannot do it. */
static void
test_unable (gconstpointer route)
{
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  refuse = GPOINTER_TO_INT (route) % 2 == 0 ? EINVAL : ENOSYS;
  rig_start (&rig);
  rig_finish (&rig);
  refuse = 0;
  g_assert_cmpuint (n_splices, ==, 0);
  rig_close (&rig);
}

/* Who listens to `read` from now on sees what passes from now on. */
static void
test_listened (gconstpointer route)
{
  gsize before;
  Record *record;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  rig_run_until (&rig, MIB);
  before = kaa_io_channel_get_bytes_read (rig.source);
  record = record_new (rig.source, TRUE);
  rig_finish (&rig);
  g_assert_cmpuint (record->input->len, ==, sizeof pattern - before);
  g_assert_cmpmem (record->input->str, record->input->len, pattern + before, sizeof pattern - before);
  rig_close (&rig);
  record_free (record);
}

/* Writes of others stand where they were made. */
static void
test_others_write (gconstpointer route)
{
  guint64 at, before;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  do
    {
      before = kaa_io_channel_get_bytes_written (rig.target);
      rig_feed (&rig);
      run_ready ();
      at = kaa_io_channel_get_bytes_written (rig.target);
    }
  while (at == 0 || at > before);

  g_assert_true (send_text (rig.target, "HERE", NULL));
  rig_run_until (&rig, sizeof pattern + 4);
  g_assert_cmpmem (rig.seen->data + at, 4, "HERE", 4);
  g_byte_array_remove_range (rig.seen, at, 4);
  g_assert_cmpmem (rig.seen->data, rig.seen->len, pattern, sizeof pattern);
  /* It went past the queue again, once that was empty. */
  g_assert_cmpuint (n_copies, <, 16);
  if (rig.in >= 0)
    close (rig.in);
  kaa_in_progress_wait (rig.future, -1, NULL);
  rig_close (&rig);
}

/* What a request has left over goes first. */
static void
test_left_over (gconstpointer route)
{
  GError *error = NULL;
  KaaInProgress *first;
  GBytes *bytes;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  first = kaa_io_channel_read_exactly (rig.source, 10);
  rig_feed (&rig);
  bytes = kaa_in_progress_wait_bytes (first, -1, &error);
  g_assert_no_error (error);
  g_byte_array_append (rig.seen, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_bytes_unref (bytes);
  g_object_unref (first);

  rig_start (&rig);
  rig_run_until (&rig, sizeof pattern);
  g_assert_cmpmem (rig.seen->data, rig.seen->len, pattern, sizeof pattern);
  g_assert_cmpuint (n_splices, >, 0);
  if (rig.in >= 0)
    close (rig.in);
  kaa_in_progress_wait (rig.future, -1, NULL);
  rig_close (&rig);
}

/* Aborted, and asked for the rest: nothing is missing. */
static void
test_aborted (gconstpointer route)
{
  GError *error = NULL;
  gsize moved;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  rig_run_until (&rig, MIB / 2);
  g_assert_true (kaa_in_progress_abort (rig.future, &error));
  g_assert_no_error (error);
  moved = kaa_in_progress_get_bytes_moved (rig.future);
  rig_run_until (&rig, moved);
  g_assert_cmpuint (rig.seen->len, ==, moved);

  while (rig.seen->len < sizeof pattern)
    {
      KaaInProgress *read = kaa_io_channel_read (rig.source);
      GBytes *bytes;

      rig_feed (&rig);
      bytes = kaa_in_progress_wait_bytes (read, -1, &error);
      g_assert_no_error (error);
      g_byte_array_append (rig.seen, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      g_bytes_unref (bytes);
      g_object_unref (read);
    }
  g_assert_cmpmem (rig.seen->data, rig.seen->len, pattern, sizeof pattern);
  if (rig.in >= 0)
    close (rig.in);
  rig_close (&rig);
}

/* The process lives, and the error is that of writing. */
static void
test_peer_gone (gconstpointer route)
{
  GError *error = NULL;
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  rig_run_until (&rig, MIB / 2);
  close (rig.out);
  rig.out = -1;
  while (!kaa_in_progress_get_finished (rig.future))
    {
      rig_feed (&rig);
      run_ready ();
    }
  g_assert_null (kaa_in_progress_get_result (rig.future, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_error_free (error);
  g_assert_true (kaa_io_channel_get_alive (rig.source));
  if (rig.in >= 0)
    close (rig.in);
  rig_close (&rig);
}

/* Closed in the middle, while a thread may be at work: every descriptor is given back. */
static void
test_closed (gconstpointer route)
{
  guint before = count_fds ();
  Rig rig;

  rig_open (&rig, GPOINTER_TO_INT (route));
  rig_start (&rig);
  rig_run_until (&rig, MIB / 2);
  if (rig.in >= 0)
    close (rig.in);
  rig_close (&rig);
  while (count_fds () > before)
    run_ready ();
}

/* splice(2) needs a socket that does not block: only one that is ours becomes that, and is put back. */
static void
test_nonblocking (void)
{
  Rig rig;

  rig_open (&rig, PIPE_TO_SOCKET);
  rig_start (&rig);
  rig_run_until (&rig, MIB);
  g_assert_cmpint (fcntl (rig.out_near, F_GETFL) & O_NONBLOCK, !=, 0);
  g_object_unref (kaa_io_channel_close (rig.target, KAA_CLOSE_IMMEDIATE));
  g_assert_cmpint (fcntl (rig.out_near, F_GETFL) & O_NONBLOCK, ==, 0);
  close (rig.in);
  run_ready ();
  rig_close (&rig);
}

static void
test_not_ours (void)
{
  Rig rig;

  rig_open (&rig, PIPE_TO_SOCKET);
  dispose_of (rig.target);
  rig.target = kaa_io_channel_new ();
  kaa_io_channel_set_close_fd (rig.target, FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (rig.target, rig.out_near, KAA_IO_WRITE, NULL));
  rig_start (&rig);
  rig_run_until (&rig, MIB);
  g_assert_cmpint (fcntl (rig.out_near, F_GETFL) & O_NONBLOCK, ==, 0);
  rig_finish (&rig);
  g_assert_cmpuint (n_splices, ==, 0);
  rig_close (&rig);
}

#ifdef F_SETPIPE_SZ

#define PIPE_SIZE (64 * 1024)

static void
rig_open_with_pipes (Rig   *self,
                     Route  route,
                     int    size)
{
  rig_open (self, route);
  g_assert_cmpint (fcntl (self->in, F_SETPIPE_SZ, size), ==, size);
  if (route == PIPE_TO_PIPE)
    g_assert_cmpint (fcntl (self->out, F_SETPIPE_SZ, size), ==, size);
}

/* What is fast is not slowed down by pipes that hold little: they hold more from then on, and each call moves more. */
static void
test_larger_pipe (void)
{
  Rig rig;

  rig_open_with_pipes (&rig, PIPE_TO_PIPE, PIPE_SIZE);
  rig_start (&rig);
  rig_run_until (&rig, MIB);
  g_assert_cmpint (fcntl (rig.in, F_GETPIPE_SZ), ==, 4 * PIPE_SIZE);
  g_assert_cmpint (fcntl (rig.out, F_GETPIPE_SZ), ==, 4 * PIPE_SIZE);
  rig_finish (&rig);
  g_assert_cmpuint (n_splices, <, sizeof pattern / PIPE_SIZE / 2);
  rig_close (&rig);
}

/* Not where little comes at a time. */
static void
test_slow_pipe (void)
{
  Rig rig;

  rig_open_with_pipes (&rig, PIPE_TO_SOCKET, PIPE_SIZE);
  rig_start (&rig);
  for (; rig.fed < MIB; rig.fed += PIPE_SIZE / 2)
    {
      g_assert_cmpint (write (rig.in, pattern + rig.fed, PIPE_SIZE / 2), ==, PIPE_SIZE / 2);
      run_ready ();
      rig_drain (&rig);
    }
  g_assert_cmpint (fcntl (rig.in, F_GETPIPE_SZ), ==, PIPE_SIZE);
  rig_finish (&rig);
  rig_close (&rig);
}

/* Nor where little is wanted. */
static void
test_small_queue (void)
{
  Rig rig;

  rig_open_with_pipes (&rig, PIPE_TO_SOCKET, PIPE_SIZE);
  kaa_io_channel_set_queue_size (rig.target, PIPE_SIZE / 2);
  rig_start (&rig);
  rig_run_until (&rig, MIB);
  g_assert_cmpint (fcntl (rig.in, F_GETPIPE_SZ), ==, PIPE_SIZE);
  rig_finish (&rig);
  rig_close (&rig);
}

/* Who has made it large knows why. */
static void
test_large_pipe (void)
{
  Rig rig;

  rig_open_with_pipes (&rig, PIPE_TO_SOCKET, MIB);
  rig_start (&rig);
  rig.fed = write (rig.in, pattern, PIPE_SIZE);
  run_ready ();
  rig_drain (&rig);
  g_assert_cmpuint (rig.seen->len, ==, PIPE_SIZE);
  g_assert_cmpint (fcntl (rig.in, F_GETPIPE_SZ), ==, MIB);
  rig_finish (&rig);
  rig_close (&rig);
}

#endif

static gboolean
is_full (int fd)
{
  struct pollfd end = { fd, POLLOUT, 0 };

  g_assert_cmpint (poll (&end, 1, 0), >=, 0);
  return end.revents == 0;
}

/* The end comes while the target is full, and everything has been moved: it is told only once, and must not be taken for nothing.
 * Beside others, because who is watched how depends on how many there are. */
static void
test_end_at_full (gconstpointer n_others)
{
  enum { PAGE = 4096 };
  GPtrArray *others = g_ptr_array_new_with_free_func (g_object_unref);
  gsize fed = 0;
  Rig rig;

  for (gsize i = 0; i < GPOINTER_TO_SIZE (n_others); i++)
    {
      KaaIOChannel *one, *other;

      g_assert_true (kaa_io_channel_new_pair (&one, &other, NULL));
      g_ptr_array_add (others, one);
      g_ptr_array_add (others, other);
    }

  rig_open (&rig, PIPE_TO_PIPE);
  rig_start (&rig);
  do
    {
      g_assert_cmpint (write (rig.in, pattern + fed, PAGE), ==, PAGE);
      fed += PAGE;
      run_ready ();
    }
  while (!is_full (rig.out_near));
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (rig.target), ==, fed);
  close (rig.in);
  run_ready ();
  rig_drain (&rig);
  run_ready ();
  g_assert_true (kaa_in_progress_get_finished (rig.future));
  g_assert_cmpmem (rig.seen->data, rig.seen->len, pattern, fed);
  rig_close (&rig);
  g_ptr_array_unref (others);
}

static void
add_routes (const char    *name,
            GTestDataFunc  func)
{
  static const char * const names[N_ROUTES] = { "file-to-socket", "pipe-to-socket", "socket-to-pipe", "pipe-to-pipe" };

  for (int i = 0; i < N_ROUTES; i++)
    {
      char *path = g_strdup_printf ("/channel/splice/moves/%s/%s", name, names[i]);

      g_test_add_data_func (path, GINT_TO_POINTER (i), func);
      g_free (path);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (300);
  make_pattern ();

  add_routes ("all", test_moves);
  add_routes ("unable", test_unable);
  add_routes ("listened", test_listened);
  add_routes ("others-write", test_others_write);
  add_routes ("left-over", test_left_over);
  add_routes ("aborted", test_aborted);
  add_routes ("peer-gone", test_peer_gone);
  add_routes ("closed", test_closed);
  g_test_add_func ("/channel/splice/moves/nonblocking", test_nonblocking);
  g_test_add_func ("/channel/splice/moves/not-ours", test_not_ours);
#ifdef F_SETPIPE_SZ
  g_test_add_func ("/channel/splice/moves/larger-pipe", test_larger_pipe);
  g_test_add_func ("/channel/splice/moves/slow-pipe", test_slow_pipe);
  g_test_add_func ("/channel/splice/moves/small-queue", test_small_queue);
  g_test_add_func ("/channel/splice/moves/large-pipe", test_large_pipe);
#endif
  g_test_add_data_func ("/channel/splice/moves/end-at-full/alone", GSIZE_TO_POINTER (0), test_end_at_full);
  g_test_add_data_func ("/channel/splice/moves/end-at-full/crowded", GSIZE_TO_POINTER (10), test_end_at_full);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splicing from each kind of thing to each other kind. */

#include "close-fixture.h"

#include <gio/gio.h>
#include <sys/wait.h>

#define TOTAL 300007

/* Bytes that tell where they stand. */
static guint8 pattern[TOTAL];

static void
make_pattern (void)
{
  for (guint i = 0; i < TOTAL; i++)
    pattern[i] = (guint8) (i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* --- What is beyond the channels --- */

/* Threads: they may block. */
typedef struct
{
  int fd;
  GByteArray *seen;
} Far;

static gpointer
feed (gpointer data)
{
  int fd = GPOINTER_TO_INT (data);
  gsize done = 0;

  while (done < TOTAL)
    {
      gssize n = write (fd, pattern + done, MIN (TOTAL - done, 5000));

      g_assert_cmpint (n, >, 0);
      done += n;
    }
  return NULL;
}

static gpointer
collect (gpointer data)
{
  Far *far = data;
  guint8 buffer[8192];
  gssize n;

  /* A pseudo-terminal ends with EIO. */
  while (far->seen->len < TOTAL && (n = read (far->fd, buffer, sizeof buffer)) > 0)
    g_byte_array_append (far->seen, buffer, n);
  return NULL;
}

typedef enum
{
  PIPE,
  SOCKET,
  TTY,
  REGULAR,
  STREAM,
  PROCESS,
  N_KINDS
} Kind;

static const char * const kind_names[N_KINDS] = { "pipe", "socket", "tty", "file", "stream", "process" };

typedef struct
{
  KaaIOChannel *channel;
  GThread *thread;     /* at the far end, or NULL */
  Far far;
  GPid child;          /* or 0 */
  GObject *stream;
} End;

static void
make_far_ends (Kind kind,
               int  fds[2])
{
  if (kind == PIPE)
    make_pipe (fds);
  else if (kind == SOCKET)
    make_sockets (fds);
  else
    make_pty (fds);
}

static KaaIOChannel *
new_stream_channel (GObject        *stream,
                    KaaIOCondition  mode)
{
  GError *error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_stream (stream, mode, &error);

  g_assert_no_error (error);
  return channel;
}

/* `cat`, between a descriptor of ours and one that the channel has. */
static GPid
spawn_cat (int in,
           int out)
{
  const char * const argv[] = { "cat", NULL };
  GError *error = NULL;
  GPid pid;

  g_spawn_async_with_fds (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                          in, out, -1, &error);
  g_assert_no_error (error);
  return pid;
}

static int
make_pattern_file (void)
{
  int fd = make_file ("");

  feed (GINT_TO_POINTER (fd));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static void
open_source (End  *end,
             Kind  kind)
{
  int fds[2], file;

  switch (kind)
    {
    case PIPE:
    case SOCKET:
      make_far_ends (kind, fds);
      end->channel = new_channel (fds[0], KAA_IO_READ);
      end->far.fd = fds[1];
      break;
    case TTY:
      make_pty (fds);
      end->channel = new_channel (fds[1], KAA_IO_READ);
      end->far.fd = fds[0];
      break;
    case REGULAR:
      end->channel = new_channel (make_pattern_file (), KAA_IO_READ);
      return;
    case STREAM:
      end->stream = G_OBJECT (g_memory_input_stream_new_from_data (pattern, TOTAL, NULL));
      end->channel = new_stream_channel (end->stream, KAA_IO_READ);
      return;
    case PROCESS:
      make_pipe (fds);
      file = make_pattern_file ();
      end->child = spawn_cat (file, fds[1]);
      end->channel = new_channel (fds[0], KAA_IO_READ);
      close (file);
      close (fds[1]);
      return;
    case N_KINDS:
    default:
      g_assert_not_reached ();
    }
  end->thread = g_thread_new ("feed", feed, GINT_TO_POINTER (end->far.fd));
}

static void
open_target (End  *end,
             Kind  kind)
{
  int fds[2];

  end->far.seen = g_byte_array_new ();
  switch (kind)
    {
    case PIPE:
    case SOCKET:
      make_far_ends (kind, fds);
      end->channel = new_channel (fds[1], KAA_IO_WRITE);
      end->far.fd = fds[0];
      break;
    case TTY:
      make_pty (fds);
      end->channel = new_channel (fds[1], KAA_IO_WRITE);
      end->far.fd = fds[0];
      break;
    case REGULAR:
      end->far.fd = make_file ("");
      end->channel = new_channel (dup (end->far.fd), KAA_IO_WRITE);
      return;
    case STREAM:
      end->far.fd = -1;
      end->stream = G_OBJECT (g_memory_output_stream_new_resizable ());
      end->channel = new_stream_channel (end->stream, KAA_IO_WRITE);
      return;
    case PROCESS:
      make_pipe (fds);
      end->far.fd = make_file ("");
      end->child = spawn_cat (fds[0], end->far.fd);
      end->channel = new_channel (fds[1], KAA_IO_WRITE);
      close (fds[0]);
      return;
    case N_KINDS:
    default:
      g_assert_not_reached ();
    }
  end->thread = g_thread_new ("collect", collect, &end->far);
}

static void
reap (End *end)
{
  int status;

  if (end->child == 0)
    return;
  g_assert_cmpint (waitpid (end->child, &status, 0), ==, end->child);
  g_assert_cmpint (status, ==, 0);
  g_spawn_close_pid (end->child);
}

/* The far end of a source hangs up once everything has been taken. */
static void
hang_up (End *end)
{
  if (end->thread == NULL)
    return;
  g_thread_join (g_steal_pointer (&end->thread));
  g_assert_cmpint (close (end->far.fd), ==, 0);
}

static void
check_target (End  *end,
              Kind  kind)
{
  if (end->thread != NULL)
    g_thread_join (end->thread);
  reap (end);
  if (kind == REGULAR || kind == PROCESS)
    {
      g_assert_cmpint (lseek (end->far.fd, 0, SEEK_SET), ==, 0);
      collect (&end->far);
    }
  if (kind == STREAM)
    g_byte_array_append (end->far.seen, g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (end->stream)),
                         g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (end->stream)));

  g_assert_cmpmem (end->far.seen->data, end->far.seen->len, pattern, TOTAL);
  g_byte_array_unref (end->far.seen);
  if (end->far.fd >= 0)
    close (end->far.fd);
}

static void
test_pair (gconstpointer data)
{
  Kind from = GPOINTER_TO_INT (data) / N_KINDS, to = GPOINTER_TO_INT (data) % N_KINDS;
  End source = { NULL, }, target = { NULL, };
  GError *error = NULL;
  KaaInProgress *future, *closed;
  const GValue *moved;

  open_target (&target, to);
  open_source (&source, from);
  future = kaa_io_channel_splice (source.channel, target.channel, KAA_SPLICE_NONE);

  run_while (kaa_in_progress_get_bytes_moved (future) < TOTAL);
  hang_up (&source);
  moved = kaa_in_progress_wait (future, -1, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_value_get_uint64 (moved), ==, TOTAL);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (source.channel), ==, TOTAL);
  g_assert_cmpuint (kaa_io_channel_get_bytes_written (target.channel), ==, TOTAL);

  /* A terminal that is closed forgets what was not read from it. */
  if (to == TTY)
    g_thread_join (g_steal_pointer (&target.thread));
  closed = kaa_io_channel_close (target.channel, KAA_CLOSE_NONE);
  kaa_in_progress_wait (closed, -1, &error);
  g_assert_no_error (error);
  check_target (&target, to);
  reap (&source);

  g_object_unref (closed);
  g_object_unref (future);
  dispose_of (source.channel);
  dispose_of (target.channel);
  g_clear_object (&source.stream);
  g_clear_object (&target.stream);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (300);
  make_pattern ();

  for (int from = 0; from < N_KINDS; from++)
    for (int to = 0; to < N_KINDS; to++)
      {
        char *path = g_strdup_printf ("/channel/splice/pairs/%s-to-%s", kind_names[from], kind_names[to]);

        g_test_add_data_func (path, GINT_TO_POINTER (from * N_KINDS + to), test_pair);
        g_free (path);
      }

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptors that cannot be examined any more: a file of a FUSE daemon or a server that is gone. They are open, and are closed. */

#include "close-fixture.h"
#include "fault-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

/* What is open, for a channel: its descriptors, -1 where there are less. */
typedef struct
{
  const char *name;
  KaaIOChannel * (*open) (int fds[2], int *other);
} Kind;

static KaaIOChannel *
open_pipe (int  fds[2],
           int *other)
{
  int ends[2];

  make_pipe (ends);
  fds[0] = ends[0];
  *other = ends[1];
  return new_channel (ends[0], KAA_IO_READ);
}

static KaaIOChannel *
open_socket (int  fds[2],
             int *other)
{
  int ends[2];

  make_sockets (ends);
  fds[0] = ends[0];
  *other = ends[1];
  return new_channel (ends[0], BOTH);
}

/* Has a description of its own, beside the descriptor. */
static KaaIOChannel *
open_terminal (int  fds[2],
               int *other)
{
  int ends[2];

  make_pty (ends);
  fds[0] = ends[1];
  *other = ends[0];
  return new_channel (ends[1], BOTH);
}

static KaaIOChannel *
open_file (int  fds[2],
           int *other)
{
  fds[0] = make_file ("one\n");
  return new_channel (fds[0], BOTH);
}

static KaaIOChannel *
open_pipes (int  fds[2],
            int *other)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  int ends[2], more[2];
  GError *error = NULL;

  make_pipe (ends);
  make_pipe (more);
  close (more[0]);
  fds[0] = ends[0];
  fds[1] = more[1];
  *other = ends[1];
  g_assert_true (kaa_io_channel_wrap_fds (channel, ends[0], more[1], &error));
  g_assert_no_error (error);
  return channel;
}

static KaaIOChannel *
open_gsocket (int  fds[2],
              int *other)
{
  GError *error = NULL;
  KaaIOChannel *channel;
  GSocket *socket;
  int ends[2];

  make_sockets (ends);
  fds[0] = ends[0];
  *other = ends[1];
  socket = g_socket_new_from_fd (ends[0], &error);
  g_assert_no_error (error);
  channel = kaa_io_channel_new_for_stream (G_OBJECT (socket), BOTH, &error);
  g_assert_no_error (error);
  g_object_unref (socket);
  return channel;
}

static const Kind kinds[] = {
  { "pipe", open_pipe },
  { "socket", open_socket },
  { "terminal", open_terminal },
  { "file", open_file },
  { "two-pipes", open_pipes },
  { "gsocket", open_gsocket },
};

static const int errors[] = { EIO, ESTALE, ENOTCONN, EACCES, ENOMEM };

typedef enum
{
  NONE,
  IMMEDIATE,
  DROP,
  N_WAYS
} Way;

static void
end (KaaIOChannel *channel,
     Way           way)
{
  if (way != DROP)
    await_boolean (kaa_io_channel_close (channel, way == NONE ? KAA_CLOSE_NONE : KAA_CLOSE_IMMEDIATE));
  run_ready ();
  g_object_unref (channel);
  run_ready ();
}

static void
test_closed (gconstpointer data)
{
  const Kind *kind = data;
  guint before = count_fds ();

  for (Way way = NONE; way < N_WAYS; way++)
    for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
      {
        int fds[2] = { -1, -1 }, other = -1;
        KaaIOChannel *channel = kind->open (fds, &other);

        run_ready ();
        begin_faults (FAULT_FSTAT, 0, errors[i]);
        end (channel, way);
        end_faults ();
        g_assert_cmpuint (n_fault_calls, >, 0);
        for (guint j = 0; j < 2; j++)
          if (fds[j] >= 0)
            g_assert_false (is_open_fd (fds[j]));
        if (other >= 0)
          close (other);
        g_assert_cmpuint (count_fds (), ==, before);
      }
}

/* Of numbers below this one. */
#define MANY 256

/* Only that it is not open says that it is gone: the number may be another's by now, and is left alone. So is what the library has opened
 * for itself. */
static void
test_gone (gconstpointer data)
{
  const Kind *kind = data;
  guint before = count_fds ();
  gboolean open[MANY];

  for (int fd = 0; fd < MANY; fd++)
    open[fd] = is_open_fd (fd);
  for (Way way = NONE; way < N_WAYS; way++)
    {
      int fds[2] = { -1, -1 }, other = -1;
      KaaIOChannel *channel = kind->open (fds, &other);

      run_ready ();
      begin_faults (FAULT_FSTAT, 0, EBADF);
      end (channel, way);
      end_faults ();
      for (guint j = 0; j < 2; j++)
        if (fds[j] >= 0)
          {
            g_assert_true (is_open_fd (fds[j]));
            close (fds[j]);
          }
      if (other >= 0)
        close (other);
      for (int fd = 0; fd < MANY; fd++)
        if (!open[fd] && is_open_fd (fd))
          close (fd);
      g_assert_cmpuint (count_fds (), ==, before);
    }
}

/* A read of the file is under way in a thread, which closes behind itself. */
static void
test_job (void)
{
  guint before = count_fds ();
  int fd = make_file ("one\n");
  KaaIOChannel *channel = new_channel (fd, KAA_IO_READ);
  KaaInProgress *line = kaa_io_channel_readline (channel);

  g_main_context_iteration (NULL, FALSE);
  begin_faults (FAULT_FSTAT, 0, ESTALE);
  await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  run_while (is_open_fd (fd));
  end_faults ();
  g_object_unref (line);
  g_object_unref (channel);
  run_ready ();
  g_assert_cmpuint (count_fds (), ==, before);
}

/* What is not ours stays open, and blocks again. */
static void
test_not_ours (void)
{
  KaaIOChannel *channel;
  int fds[2];

  make_pty (fds);
  channel = kaa_io_channel_new ();
  kaa_io_channel_set_close_fd (channel, FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (channel, fds[0], BOTH, NULL));
  g_assert_cmpint (fcntl (fds[0], F_GETFL) & O_NONBLOCK, !=, 0);
  begin_faults (FAULT_FSTAT, 0, EIO);
  await_boolean (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  end_faults ();
  g_assert_cmpint (fcntl (fds[0], F_GETFL) & O_NONBLOCK, ==, 0);
  g_object_unref (channel);
  close (fds[0]);
  close (fds[1]);
}

/* --- opening --- */

static void
test_opening (void)
{
  KaaIOChannel *channel = kaa_io_channel_new ();
  int fds[] = { make_file ("one\n"), dup (STDOUT_FILENO), -1, -1, -1 };
  int ends[2] = { -1, -1 }, other = -1;
  KaaIOChannel *open;
  GError *error = NULL;
  guint before;

  make_sockets (fds + 2);
  before = count_fds ();
  for (guint i = 0; fds[i] >= 0; i++)
    for (guint j = 0; j < G_N_ELEMENTS (errors); j++)
      {
        begin_faults (FAULT_FSTAT, 0, errors[j]);
        g_assert_false (kaa_io_channel_wrap_fd (channel, fds[i], KAA_IO_WRITE, &error));
        end_faults ();
        g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errors[j]));
        g_clear_error (&error);
        g_assert_true (is_open_fd (fds[i]));
        g_assert_false (kaa_io_channel_get_alive (channel));
      }
  g_assert_cmpuint (count_fds (), ==, before);
  for (guint i = 0; fds[i] >= 0; i++)
    close (fds[i]);

  /* One that is open stays so. */
  open = open_socket (ends, &other);
  begin_faults (FAULT_FSTAT, 0, EIO);
  g_assert_false (kaa_io_channel_wrap_fd (open, other, BOTH, &error));
  end_faults ();
  g_clear_error (&error);
  put (other, "still\n");
  assert_text (kaa_io_channel_readline (open), "still\n");
  dispose_of (open);
  close (other);
  g_object_unref (channel);
}

/* --- processes --- */

static void
test_process (gconstpointer flags)
{
  const char *argv[] = { "cat", NULL };
  guint before;

  for (Way way = NONE; way < N_WAYS; way++)
    {
      KaaProcess *process = kaa_process_new (argv, GPOINTER_TO_UINT (flags));
      GError *error = NULL;

      before = count_fds ();
      g_assert_true (kaa_process_start (process, &error));
      g_assert_no_error (error);
      run_ready ();
      begin_faults (FAULT_FSTAT, 0, EIO);
      g_object_unref (kaa_process_stop (process, 10));
      if (way != DROP)
        await_boolean (kaa_io_channel_close (KAA_IO_CHANNEL (process), way == NONE ? KAA_CLOSE_NONE : KAA_CLOSE_IMMEDIATE));
      run_while (kaa_process_get_running (process));
      if (way != DROP && kaa_process_get_stderr_channel (process) != NULL)
        await_boolean (kaa_io_channel_close (kaa_process_get_stderr_channel (process), KAA_CLOSE_NONE));
      run_ready ();
      g_object_unref (process);
      run_ready ();
      end_faults ();
      run_while (count_fds () > before);
    }
}

/* --- with others --- */

#define N_CHANNELS 12
#define N_LEFT     2

/* When most of them are closed the others leave the epoll set; that it cannot be asked about them says nothing of them. */
static void
test_left (gconstpointer data)
{
  KaaIOChannel *channels[N_CHANNELS];
  KaaInProgress *lines[N_CHANNELS];
  int others[N_CHANNELS];
  guint before = count_fds ();

  for (guint i = 0; i < N_CHANNELS; i++)
    {
      int ends[2];

      make_sockets (ends);
      others[i] = ends[1];
      channels[i] = new_channel (ends[0], BOTH);
      lines[i] = kaa_io_channel_readline (channels[i]);
    }
  run_ready ();

  begin_faults (FAULT_EPOLL_CTL, 0, GPOINTER_TO_INT (data));
  for (guint i = N_LEFT; i < N_CHANNELS; i++)
    await_boolean (kaa_io_channel_close (channels[i], KAA_CLOSE_IMMEDIATE));
  run_ready ();
  end_faults ();
  /* In mode `poll` there is no set. */
  g_assert_true (n_fault_calls > 0 || g_getenv ("KAA_IO_POLLER") != NULL);

  for (guint i = 0; i < N_CHANNELS; i++)
    {
      char *text;

      if (i < N_LEFT)
        put (others[i], "one\n");
      text = await_text (lines[i]);
      g_assert_cmpstr (text, ==, i < N_LEFT ? "one\n" : "");
      g_free (text);
      g_assert_cmpint (kaa_io_channel_get_alive (channels[i]), ==, i < N_LEFT);
      close (others[i]);
      dispose_of (channels[i]);
    }
  run_while (count_fds () > before);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  /* The descriptor of the main context counts as well. */
  run_ready ();

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      char *name = g_strdup_printf ("/close-faults/closed/%s", kinds[i].name);

      g_test_add_data_func (name, &kinds[i], test_closed);
      g_free (name);
      /* A GSocket closes its number itself. */
      if (kinds[i].open == open_gsocket)
        continue;
      name = g_strdup_printf ("/close-faults/gone/%s", kinds[i].name);
      g_test_add_data_func (name, &kinds[i], test_gone);
      g_free (name);
    }
  g_test_add_func ("/close-faults/job", test_job);
  g_test_add_func ("/close-faults/not-ours", test_not_ours);
  g_test_add_func ("/close-faults/opening", test_opening);
  g_test_add_data_func ("/close-faults/process/pipes", GUINT_TO_POINTER (KAA_PROCESS_STDERR_PIPE), test_process);
  g_test_add_data_func ("/close-faults/process/terminal", GUINT_TO_POINTER (KAA_PROCESS_PTY), test_process);
  g_test_add_data_func ("/close-faults/left/enomem", GINT_TO_POINTER (ENOMEM), test_left);
  g_test_add_data_func ("/close-faults/left/eperm", GINT_TO_POINTER (EPERM), test_left);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is opened, or taken over, while one system call after the other fails: it works, or everything is as it was. The channel that had it,
 * and the one that was to have it, go on with what they had, and no descriptor is lost.
 */

#include "close-fixture.h"
#include "fault-fixture.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)
/* More calls than any of these makes. */
#define MAX_CALLS 60

/* That a descriptor is not open (EBADF) would be believed. */
static const int errors[] = { EIO, EMFILE, ENOMEM, EPERM, ENOSPC };

typedef struct
{
  KaaIOChannel *self;   /* had something open before */
  KaaIOChannel *other;
  int peer;             /* of what self has open */
  int other_peer;
  GObject *stream;      /* wrap_stream() */
  int fd;               /* wrap_fd() */
  int more;             /* wrap_fds() */
} Case;

typedef struct
{
  const char *name;
  gboolean (*run) (Case *test, GError **error);
  gboolean takes_over;  /* the other channel's */
} Operation;

static gboolean
run_wrap_channel (Case    *test,
                  GError **error)
{
  return kaa_io_channel_wrap_channel (test->self, test->other, BOTH, error);
}

static gboolean
run_steal (Case    *test,
           GError **error)
{
  return kaa_io_channel_steal (test->self, test->other, error);
}

static gboolean
run_wrap_fd (Case    *test,
             GError **error)
{
  return kaa_io_channel_wrap_fd (test->self, test->fd, BOTH, error);
}

static gboolean
run_wrap_fds (Case    *test,
              GError **error)
{
  return kaa_io_channel_wrap_fds (test->self, test->fd, test->more, error);
}

static gboolean
run_wrap_stream (Case    *test,
                 GError **error)
{
  return kaa_io_channel_wrap_stream (test->self, test->stream, BOTH, error);
}

static gboolean
run_new_for_fd (Case    *test,
                GError **error)
{
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (test->fd, BOTH, error);

  if (channel == NULL)
    return FALSE;
  dispose_of (channel);
  test->fd = -1;
  return TRUE;
}

static const Operation operations[] = {
  { "wrap-channel", run_wrap_channel, TRUE },
  { "steal", run_steal, TRUE },
  { "wrap-fd", run_wrap_fd, FALSE },
  { "wrap-fds", run_wrap_fds, FALSE },
  { "wrap-stream", run_wrap_stream, FALSE },
  { "new-for-fd", run_new_for_fd, FALSE },
};

/* --- what is open in the other channel, and what is wrapped --- */

typedef void (*MakeEnds) (int fds[2]);

/* The terminal's side first. */
static void
make_terminal (int fds[2])
{
  int master;

  make_pty (fds);
  master = fds[0];
  fds[0] = fds[1];
  fds[1] = master;
}

typedef struct
{
  const char *name;
  MakeEnds make;
} Kind;

static const Kind kinds[] = {
  { "socket", make_sockets },
  { "terminal", make_terminal },
  { "master", make_pty },
};

typedef struct
{
  const Operation *operation;
  const Kind *kind;
} Cell;

static void
begin (Case       *test,
       const Cell *cell)
{
  int fds[2];

  make_sockets (fds);
  test->self = new_channel (fds[0], BOTH);
  test->peer = fds[1];
  cell->kind->make (fds);
  test->other = new_channel (fds[0], BOTH);
  test->other_peer = fds[1];

  cell->kind->make (fds);
  test->fd = fds[0];
  test->more = fds[1];
  test->stream = NULL;
  if (cell->operation->run == run_wrap_stream)
    {
      GError *error = NULL;

      close (fds[0]);
      close (fds[1]);
      make_sockets (fds);
      test->stream = G_OBJECT (g_socket_new_from_fd (fds[0], &error));
      g_assert_no_error (error);
      test->fd = fds[0];
      test->more = fds[1];
    }
}

static void
assert_talks (KaaIOChannel *channel,
              int           peer)
{
  char *got;

  put (peer, "in\n");
  assert_text (kaa_io_channel_readline (channel), "in\n");
  await_int (write_text (channel, "out"));
  got = get (peer);
  g_assert_cmpstr (got, ==, "out");
  g_free (got);
}

static void
end (Case       *test,
     const Cell *cell,
     gboolean    done)
{
  gboolean takes_over = cell->operation->takes_over;

  dispose_of (test->self);
  dispose_of (test->other);
  close (test->peer);
  close (test->other_peer);
  g_clear_object (&test->stream);
  /* What could not be wrapped is the caller's still. */
  if (test->fd >= 0 && (!done || takes_over) && is_open_fd (test->fd))
    close (test->fd);
  if (!(done && cell->operation->run == run_wrap_fds))
    close (test->more);
}

static void
test_faults (gconstpointer data)
{
  const Cell *cell = data;
  guint before = count_fds ();
  gboolean any_failed = FALSE;

  for (guint which = FAULT_FCNTL; which <= FAULT_MEMORY; which <<= 1)
    for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
      for (guint n = 0; n < MAX_CALLS; n++)
        {
          KaaInProgress *line, *other_line;
          GError *error = NULL;
          gboolean done, over;
          Case test;

          begin (&test, cell);
          line = kaa_io_channel_readline (test.self);
          other_line = kaa_io_channel_readline (test.other);
          run_ready ();

          /* From the first one on each alone, and at last (0) each of them. */
          begin_faults (which, n, errors[i]);
          done = cell->operation->run (&test, &error);
          end_faults ();
          over = n > n_fault_calls;

          g_assert_true (done == (error == NULL));
          if (!done)
            {
              any_failed = TRUE;
              g_clear_error (&error);
              g_assert_true (is_open_fd (test.fd));
              g_assert_false (kaa_in_progress_get_finished (line));
              g_assert_false (kaa_in_progress_get_finished (other_line));
              put (test.peer, "a line\n");
              assert_text (g_object_ref (line), "a line\n");
              put (test.other_peer, "another\n");
              assert_text (g_object_ref (other_line), "another\n");
              assert_talks (test.self, test.peer);
              assert_talks (test.other, test.other_peer);
            }
          else if (cell->operation->run == run_steal)
            {
              put (test.other_peer, "another\n");
              assert_text (g_object_ref (other_line), "another\n");
              assert_talks (test.self, test.other_peer);
            }
          else if (cell->operation->run == run_wrap_channel)
            {
              assert_talks (test.self, test.other_peer);
            }
          else if (cell->operation->run == run_wrap_fd || cell->operation->run == run_wrap_stream)
            {
              assert_talks (test.self, test.more);
            }

          g_object_unref (line);
          g_object_unref (other_line);
          end (&test, cell, done);
          run_ready ();
          g_assert_cmpuint (count_fds (), ==, before);
          if (over)
            break;
        }

  /* Not all of them can be done without. */
  if (!cell->operation->takes_over)
    g_assert_true (any_failed);
}

/* The descriptor was closed behind the channel's back: it cannot be taken over, and its channel finds out by itself. */
static void
test_closed (gconstpointer data)
{
  const Cell *cell = data;
  guint before = count_fds ();
  KaaInProgress *line, *other_line;
  GError *error = NULL;
  Record *record;
  Case test;
  int fd;

  begin (&test, cell);
  record = record_new (test.other, FALSE);
  line = kaa_io_channel_readline (test.self);
  other_line = kaa_io_channel_readline (test.other);
  run_ready ();
  fd = kaa_io_channel_get_fileno (test.other);
  close (fd);

  g_assert_false (cell->operation->run (&test, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  put (test.peer, "a line\n");
  assert_text (line, "a line\n");
  assert_talks (test.self, test.peer);
  g_object_unref (kaa_io_channel_close (test.other, KAA_CLOSE_IMMEDIATE));
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 1);
  g_assert_true (kaa_in_progress_get_finished (other_line));
  g_object_unref (other_line);
  end (&test, cell, FALSE);
  record_free (record);
  run_ready ();
  g_assert_cmpuint (count_fds (), ==, before);
}

/* TLS takes the place of what is open. */
static void
test_start_tls (void)
{
  GSocketConnectable *identity = g_network_address_new ("localhost", 1);
  guint before;

  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ()))
    {
      g_test_skip ("there is no TLS (glib-networking)");
      g_object_unref (identity);
      return;
    }

  before = count_fds ();
  for (guint n = 1; n < MAX_CALLS; n++)
    {
      KaaSocket *socket = kaa_socket_new ();
      KaaInProgress *started;
      gboolean over;
      int fds[2];

      make_sockets (fds);
      kaa_io_channel_set_close_fd (KAA_IO_CHANNEL (socket), FALSE);
      g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (socket), fds[0], BOTH, NULL));
      run_ready ();
      begin_faults (FAULT_ALL, n, EMFILE);
      started = kaa_socket_start_tls (socket, identity, NULL);
      end_faults ();
      over = n > n_fault_calls;
      if (kaa_in_progress_get_failed (started))
        {
          g_assert_null (kaa_socket_get_tls_connection (socket));
          g_assert_cmpint (fcntl (fds[0], F_GETFL) & O_NONBLOCK, ==, 0);
          assert_talks (KAA_IO_CHANNEL (socket), fds[1]);
        }
      g_object_unref (started);
      dispose_of (KAA_IO_CHANNEL (socket));
      close (fds[0]);
      close (fds[1]);
      if (over)
        break;
    }

  run_while (count_fds () > before);
  g_object_unref (identity);
}

/* It has to be known whose certificate the other side must have. */
static void
test_start_tls_refused (void)
{
  KaaSocket *socket = kaa_socket_new ();
  int fds[2];

  make_sockets (fds);
  kaa_io_channel_set_close_fd (KAA_IO_CHANNEL (socket), FALSE);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (socket), fds[0], BOTH, NULL));
  assert_fails (kaa_socket_start_tls (socket, NULL, NULL), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (fcntl (fds[0], F_GETFL) & O_NONBLOCK, ==, 0);
  assert_talks (KAA_IO_CHANNEL (socket), fds[1]);
  dispose_of (KAA_IO_CHANNEL (socket));
  close (fds[0]);
  close (fds[1]);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  /* The descriptor of the main context counts as well. */
  run_ready ();

  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    for (guint j = 0; j < G_N_ELEMENTS (kinds); j++)
      {
        Cell *cell = g_new (Cell, 1);
        char *name = g_strdup_printf ("/takeover-faults/%s/%s", operations[i].name, kinds[j].name);

        *cell = (Cell) { &operations[i], &kinds[j] };
        g_test_add_data_func_full (name, cell, test_faults, g_free);
        g_free (name);
        if (!operations[i].takes_over)
          continue;
        name = g_strdup_printf ("/takeover-faults/closed/%s/%s", operations[i].name, kinds[j].name);
        g_test_add_data_func_full (name, g_memdup2 (cell, sizeof *cell), test_closed, g_free);
        g_free (name);
      }

  g_test_add_func ("/takeover-faults/start-tls/faults", test_start_tls);
  g_test_add_func ("/takeover-faults/start-tls/refused", test_start_tls_refused);

  return g_test_run ();
}

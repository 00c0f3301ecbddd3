/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <kaaio/kaa-enum-types.h>
#include <kaaio/kaa-io-monitor.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

typedef struct _Fixture Fixture;

struct _Fixture
{
  int in;                    /* the reading end of a pipe */
  int out;
  gpointer monitor;          /* NULL once it is finalized */

  guint n_calls;
  KaaIOCondition condition;  /* of the last call */
  guint n_freed;             /* user data */
  GString *notified;         /* names of properties */

  void (*on_call) (Fixture *fixture, KaaIOMonitor *monitor);
  int other;                 /* a descriptor for on_call() */
  guint depth;
};

static void
on_event (KaaIOMonitor   *monitor,
          KaaIOCondition  condition,
          gpointer        user_data)
{
  Fixture *fixture = user_data;

  fixture->n_calls++;
  fixture->condition = condition;
  if (fixture->on_call != NULL)
    fixture->on_call (fixture, monitor);
}

static void
on_user_data_freed (gpointer data)
{
  Fixture *fixture = data;

  fixture->n_freed++;
}

static void
on_notify (GObject    *object,
           GParamSpec *pspec,
           gpointer    user_data)
{
  Fixture *fixture = user_data;

  g_string_append_printf (fixture->notified, "%s ", pspec->name);
}

static void
fixture_open (Fixture *fixture)
{
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  fixture->in = fds[0];
  fixture->out = fds[1];
}

static void
fixture_close (int *fd)
{
  if (*fd >= 0)
    g_assert_no_errno (close (*fd));
  *fd = -1;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  fixture_open (fixture);
  fixture->other = -1;
  fixture->notified = g_string_new (NULL);
  fixture->monitor = kaa_io_monitor_new (on_event, fixture, on_user_data_freed);
  g_object_add_weak_pointer (fixture->monitor, &fixture->monitor);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  if (fixture->monitor != NULL)
    {
      kaa_io_monitor_unregister (fixture->monitor);
      g_object_unref (fixture->monitor);
    }
  g_assert_null (fixture->monitor);
  g_assert_cmpuint (fixture->n_freed, ==, 1);
  g_assert_false (g_main_context_pending (NULL));

  g_string_free (fixture->notified, TRUE);
  fixture_close (&fixture->in);
  fixture_close (&fixture->out);
  fixture_close (&fixture->other);
}

static void
send_byte (int fd)
{
  ssize_t n = write (fd, "x", 1);

  g_assert_cmpint (n, ==, 1);
}

static void
take_byte (int fd)
{
  char byte;
  ssize_t n = read (fd, &byte, 1);

  g_assert_cmpint (n, ==, 1);
}

static void
begin (gpointer       monitor,
       int            fd,
       KaaIOCondition condition)
{
  GError *error = NULL;

  g_assert_true (kaa_io_monitor_register (monitor, fd, condition, &error));
  g_assert_no_error (error);
}

static void
refuse (gpointer       monitor,
        int            fd,
        KaaIOCondition condition,
        GIOErrorEnum   code)
{
  GError *error = NULL;

  g_assert_false (kaa_io_monitor_register (monitor, fd, condition, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_clear_error (&error);

  /* The error need not be wanted. */
  g_assert_false (kaa_io_monitor_register (monitor, fd, condition, NULL));
}

static gboolean
is_active (gpointer monitor)
{
  return kaa_notifier_callback_get_active (monitor);
}

static gboolean
turn (void)
{
  return g_main_context_iteration (NULL, /* may_block= */ FALSE);
}

static void
test_properties (Fixture       *fixture,
                 gconstpointer  data)
{
  int fd;
  KaaIOCondition condition;
  gboolean active;

  g_signal_connect (fixture->monitor, "notify", G_CALLBACK (on_notify), fixture);
  g_object_get (fixture->monitor, "fd", &fd, "condition", &condition, "active", &active, NULL);
  g_assert_cmpint (fd, ==, -1);
  g_assert_cmpuint (condition, ==, 0);
  g_assert_false (active);

  begin (fixture->monitor, fixture->in, KAA_IO_READ | KAA_IO_EXCEPT);
  g_assert_nonnull (strstr (fixture->notified->str, "active"));
  g_assert_nonnull (strstr (fixture->notified->str, "fd"));
  g_assert_nonnull (strstr (fixture->notified->str, "condition"));
  g_object_get (fixture->monitor, "fd", &fd, "condition", &condition, "active", &active, NULL);
  g_assert_cmpint (fd, ==, fixture->in);
  g_assert_cmpuint (condition, ==, KAA_IO_READ | KAA_IO_EXCEPT);
  g_assert_true (active);
  g_assert_cmpint (kaa_io_monitor_get_fd (fixture->monitor), ==, fixture->in);
  g_assert_cmpuint (kaa_io_monitor_get_condition (fixture->monitor), ==, KAA_IO_READ | KAA_IO_EXCEPT);

  g_string_truncate (fixture->notified, 0);
  kaa_io_monitor_unregister (fixture->monitor);
  g_assert_nonnull (strstr (fixture->notified->str, "active"));
  g_assert_nonnull (strstr (fixture->notified->str, "fd"));
  g_assert_nonnull (strstr (fixture->notified->str, "condition"));
  g_assert_cmpint (kaa_io_monitor_get_fd (fixture->monitor), ==, -1);
  g_assert_cmpuint (kaa_io_monitor_get_condition (fixture->monitor), ==, 0);

  /* Nothing to end, nothing to tell. */
  g_string_truncate (fixture->notified, 0);
  kaa_io_monitor_unregister (fixture->monitor);
  kaa_notifier_callback_unregister (fixture->monitor);
  g_assert_cmpstr (fixture->notified->str, ==, "");
}

static void
test_level_triggered (Fixture       *fixture,
                      gconstpointer  data)
{
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 0);

  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_READ);

  /* The byte was not taken. */
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);

  take_byte (fixture->in);
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);

  send_byte (fixture->out);
  kaa_io_monitor_unregister (fixture->monitor);
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);
}

static void
test_conditions (Fixture       *fixture,
                 gconstpointer  data)
{
  int fds[2];

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));

  begin (fixture->monitor, fds[0], KAA_IO_WRITE);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_WRITE);
  kaa_io_monitor_unregister (fixture->monitor);

  begin (fixture->monitor, fds[0], KAA_IO_READ | KAA_IO_WRITE | KAA_IO_EXCEPT);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_WRITE);

  send_byte (fds[1]);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_READ | KAA_IO_WRITE);
  kaa_io_monitor_unregister (fixture->monitor);

  begin (fixture->monitor, fds[0], KAA_IO_READ);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_READ);
  kaa_io_monitor_unregister (fixture->monitor);

  close (fds[0]);
  close (fds[1]);
}

/* A pseudo-terminal in packet mode has news from the other end as priority data. */
static void
test_except (Fixture       *fixture,
             gconstpointer  data)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  int slave;
  int on = 1;

  if (master < 0)
    {
      g_test_skip ("there are no pseudo-terminals");
      return;
    }

  g_assert_no_errno (grantpt (master));
  g_assert_no_errno (unlockpt (master));
  slave = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_no_errno (slave);
  g_assert_no_errno (ioctl (master, TIOCPKT, &on));

  begin (fixture->monitor, master, KAA_IO_EXCEPT);
  g_assert_false (turn ());
  g_assert_no_errno (tcflush (slave, TCIFLUSH));
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_EXCEPT);
  kaa_io_monitor_unregister (fixture->monitor);

  close (slave);
  close (master);
}

static void
test_hang_up (Fixture       *fixture,
              gconstpointer  data)
{
  int fds[2];

  /* POLLHUP alone: nothing was written. */
  begin (fixture->monitor, fixture->in, KAA_IO_READ | KAA_IO_EXCEPT);
  fixture_close (&fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_READ | KAA_IO_EXCEPT);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);
  g_assert_true (is_active (fixture->monitor));
  kaa_io_monitor_unregister (fixture->monitor);

  /* It is reported even to who waits for none of what poll() says. */
  begin (fixture->monitor, fixture->in, KAA_IO_EXCEPT);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_EXCEPT);
  kaa_io_monitor_unregister (fixture->monitor);

  /* POLLERR: nobody can read what would be written. */
  fixture_close (&fixture->in);
  fixture_open (fixture);
  fixture_close (&fixture->in);
  begin (fixture->monitor, fixture->out, KAA_IO_EXCEPT);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_EXCEPT);
  kaa_io_monitor_unregister (fixture->monitor);

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  begin (fixture->monitor, fds[0], KAA_IO_READ | KAA_IO_WRITE);
  close (fds[1]);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_READ | KAA_IO_WRITE);
  kaa_io_monitor_unregister (fixture->monitor);
  close (fds[0]);
}

static void
test_again (Fixture       *fixture,
            gconstpointer  data)
{
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  g_signal_connect (fixture->monitor, "notify", G_CALLBACK (on_notify), fixture);
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  g_assert_cmpstr (fixture->notified->str, ==, "");

  refuse (fixture->monitor, fixture->in, KAA_IO_READ | KAA_IO_EXCEPT, G_IO_ERROR_EXISTS);
  refuse (fixture->monitor, fixture->out, KAA_IO_READ, G_IO_ERROR_EXISTS);
  g_assert_cmpint (kaa_io_monitor_get_fd (fixture->monitor), ==, fixture->in);
  g_assert_cmpuint (kaa_io_monitor_get_condition (fixture->monitor), ==, KAA_IO_READ);
  g_assert_cmpstr (fixture->notified->str, ==, "");

  /* One registration: one call a turn, and one unregister() ends it. */
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  kaa_io_monitor_unregister (fixture->monitor);
  g_assert_false (turn ());

  begin (fixture->monitor, fixture->out, KAA_IO_WRITE);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->condition, ==, KAA_IO_WRITE);
}

static void
test_wrong_arguments (Fixture       *fixture,
                      gconstpointer  data)
{
  int closed = dup (fixture->in);

  g_assert_no_errno (closed);
  close (closed);

  refuse (fixture->monitor, -1, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  refuse (fixture->monitor, G_MININT, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  refuse (fixture->monitor, closed, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  refuse (fixture->monitor, G_MAXINT, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  refuse (fixture->monitor, fixture->in, 0, G_IO_ERROR_INVALID_ARGUMENT);
  refuse (fixture->monitor, fixture->in, KAA_IO_READ | (1 << 3), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_false (is_active (fixture->monitor));

  /* Nothing of it is left behind. */
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  refuse (fixture->monitor, -1, KAA_IO_READ, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_true (is_active (fixture->monitor));
}

/* 0 is a descriptor as good as any. */
static void
test_fd_zero (Fixture       *fixture,
              gconstpointer  data)
{
  int kept = fcntl (0, F_DUPFD_CLOEXEC, 3);

  g_assert_no_errno (dup2 (fixture->in, 0));
  begin (fixture->monitor, 0, KAA_IO_READ);
  g_assert_cmpint (kaa_io_monitor_get_fd (fixture->monitor), ==, 0);
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  kaa_io_monitor_unregister (fixture->monitor);

  if (kept >= 0)
    {
      g_assert_no_errno (dup2 (kept, 0));
      close (kept);
    }
  else
    {
      close (0);
    }
}

static void
test_context_holds (Fixture       *fixture,
                    gconstpointer  data)
{
  KaaIOMonitor *monitor = fixture->monitor;

  begin (monitor, fixture->in, KAA_IO_READ);
  g_object_unref (monitor);
  g_assert_nonnull (fixture->monitor);

  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  g_assert_cmpuint (fixture->n_freed, ==, 0);

  kaa_io_monitor_unregister (monitor);
  g_assert_null (fixture->monitor);
  g_assert_cmpuint (fixture->n_freed, ==, 1);
}

static void
test_dispose (Fixture       *fixture,
              gconstpointer  data)
{
  KaaIOMonitor *monitor = fixture->monitor;

  begin (monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);
  g_object_run_dispose (G_OBJECT (monitor));
  g_assert_false (is_active (monitor));
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 0);

  /* That has told the weak pointer, too early. */
  g_assert_null (fixture->monitor);
  g_object_unref (monitor);
}

static int watched_fd;
static guint n_polls;
static guint n_polls_of_fd;

static int
counting_poll (GPollFD *fds,
               guint    n,
               int      timeout)
{
  guint i;

  n_polls++;
  for (i = 0; i < n; i++)
    if (fds[i].fd == watched_fd)
      n_polls_of_fd++;

  return g_poll (fds, n, timeout);
}

static void
count_polls (int fd)
{
  watched_fd = fd;
  n_polls = 0;
  n_polls_of_fd = 0;
  g_main_context_set_poll_func (NULL, counting_poll);
}

static void
test_closed_behind (Fixture       *fixture,
                    gconstpointer  data)
{
  KaaIOMonitor *monitor = fixture->monitor;
  int fd = fixture->in;
  guint i;

  begin (monitor, fd, KAA_IO_READ);
  g_signal_connect (monitor, "notify", G_CALLBACK (on_notify), fixture);
  fixture_close (&fixture->in);
  count_polls (fd);

  for (i = 0; i < 10 && is_active (monitor); i++)
    turn ();
  g_assert_false (is_active (monitor));
  g_assert_cmpuint (n_polls, ==, 1);
  g_assert_cmpuint (n_polls_of_fd, ==, 1);
  g_assert_cmpuint (fixture->n_calls, ==, 0);
  g_assert_cmpint (kaa_io_monitor_get_fd (monitor), ==, -1);
  g_assert_nonnull (strstr (fixture->notified->str, "active"));
  g_assert_nonnull (strstr (fixture->notified->str, "fd"));

  /* The number is nobody's business any more. */
  for (i = 0; i < 10; i++)
    g_assert_false (turn ());
  g_assert_cmpuint (n_polls_of_fd, ==, 1);
  g_main_context_set_poll_func (NULL, NULL);

  /* Nothing holds the monitor now, and it can be used again. */
  fixture_close (&fixture->out);
  fixture_open (fixture);
  begin (monitor, fixture->in, KAA_IO_READ);
  kaa_io_monitor_unregister (monitor);
  g_object_unref (monitor);
  g_assert_null (fixture->monitor);
}

static void
test_closed_behind_dropped (Fixture       *fixture,
                            gconstpointer  data)
{
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  g_object_unref (fixture->monitor);
  g_assert_nonnull (fixture->monitor);

  fixture_close (&fixture->in);
  g_assert_true (turn ());
  g_assert_null (fixture->monitor);
  g_assert_cmpuint (fixture->n_calls, ==, 0);
}

/* An idle monitor, and one that is not registered, let the loop sleep. */
static void
test_idle (Fixture       *fixture,
           gconstpointer  data)
{
  guint i;

  count_polls (fixture->in);
  for (i = 0; i < 5; i++)
    g_assert_false (turn ());
  g_assert_cmpuint (n_polls_of_fd, ==, 0);

  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  for (i = 0; i < 5; i++)
    g_assert_false (turn ());
  g_assert_cmpuint (n_polls_of_fd, ==, 5);
  g_assert_cmpuint (fixture->n_calls, ==, 0);

  kaa_io_monitor_unregister (fixture->monitor);
  for (i = 0; i < 5; i++)
    g_assert_false (turn ());
  g_assert_cmpuint (n_polls_of_fd, ==, 5);
  g_main_context_set_poll_func (NULL, NULL);
}

static void
unregister_it (Fixture      *fixture,
               KaaIOMonitor *monitor)
{
  kaa_io_monitor_unregister (monitor);
  g_assert_false (is_active (monitor));
}

static void
test_callback_unregisters (Fixture       *fixture,
                           gconstpointer  data)
{
  fixture->on_call = unregister_it;
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
}

static void
register_other (Fixture      *fixture,
                KaaIOMonitor *monitor)
{
  fixture->on_call = NULL;
  kaa_io_monitor_unregister (monitor);
  begin (monitor, fixture->other, KAA_IO_READ);
}

static void
test_callback_registers_other (Fixture       *fixture,
                               gconstpointer  data)
{
  int first_out = fixture->out;
  int first_in = fixture->in;

  fixture_open (fixture);
  fixture->other = fixture->in;
  fixture->in = first_in;
  fixture->on_call = register_other;
  begin (fixture->monitor, first_in, KAA_IO_READ);

  send_byte (first_out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
  g_assert_cmpint (kaa_io_monitor_get_fd (fixture->monitor), ==, fixture->other);

  /* The end of the first dispatch has not ended the second registration. */
  g_assert_true (is_active (fixture->monitor));
  g_assert_false (turn ());
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);

  close (first_out);
}

static void
drop_it (Fixture      *fixture,
         KaaIOMonitor *monitor)
{
  g_object_unref (monitor);
  kaa_io_monitor_unregister (monitor);
  /* The call itself holds it. */
  g_assert_nonnull (fixture->monitor);
  g_assert_cmpuint (fixture->n_freed, ==, 0);
}

static void
test_callback_drops (Fixture       *fixture,
                     gconstpointer  data)
{
  fixture->on_call = drop_it;
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_null (fixture->monitor);
  g_assert_cmpuint (fixture->n_calls, ==, 1);
}

static void
close_it (Fixture      *fixture,
          KaaIOMonitor *monitor)
{
  fixture_close (&fixture->in);
}

static void
test_callback_closes (Fixture       *fixture,
                      gconstpointer  data)
{
  fixture->on_call = close_it;
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_true (turn ());
  g_assert_false (is_active (fixture->monitor));
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
}

static void
run_nested (Fixture      *fixture,
            KaaIOMonitor *monitor)
{
  fixture->depth++;
  if (fixture->depth < 3)
    g_assert_true (turn ());
  else
    take_byte (fixture->in);
  fixture->depth--;
}

static void
test_callback_runs_nested (Fixture       *fixture,
                           gconstpointer  data)
{
  fixture->on_call = run_nested;
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);

  /* Called again in the inner loops, as the condition lasted, and not after it ended. */
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 3);
  g_assert_cmpuint (fixture->depth, ==, 0);
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 3);
}

static void
nest_and_unregister (Fixture      *fixture,
                     KaaIOMonitor *monitor)
{
  fixture->on_call = unregister_it;
  g_assert_true (turn ());
  g_assert_false (is_active (monitor));
  g_assert_false (turn ());
}

static void
test_nested_unregisters (Fixture       *fixture,
                         gconstpointer  data)
{
  fixture->on_call = nest_and_unregister;
  begin (fixture->monitor, fixture->in, KAA_IO_READ);
  send_byte (fixture->out);
  g_assert_true (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 2);
}

typedef struct
{
  KaaIOMonitor *monitors[2];
  guint n_calls;
} Pair;

static void
unregister_both (KaaIOMonitor   *monitor,
                 KaaIOCondition  condition,
                 gpointer        user_data)
{
  Pair *pair = user_data;

  pair->n_calls++;
  kaa_io_monitor_unregister (pair->monitors[0]);
  kaa_io_monitor_unregister (pair->monitors[1]);
}

/* Both are ready in one turn. The one that comes first ends both: the other one is not called. */
static void
test_other_unregisters (void)
{
  Pair pair = { { NULL, NULL }, 0 };
  int fds[2];
  guint i;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  for (i = 0; i < 2; i++)
    {
      pair.monitors[i] = kaa_io_monitor_new (unregister_both, &pair, NULL);
      begin (pair.monitors[i], fds[1], KAA_IO_WRITE);
    }

  g_assert_true (turn ());
  g_assert_cmpuint (pair.n_calls, ==, 1);
  g_assert_false (turn ());

  for (i = 0; i < 2; i++)
    g_assert_finalize_object (pair.monitors[i]);
  close (fds[0]);
  close (fds[1]);
}

static void
note_monitor (KaaIOMonitor   *monitor,
              KaaIOCondition  condition,
              gpointer        user_data)
{
  KaaIOMonitor **called = user_data;

  *called = monitor;
}

static void
test_priority (void)
{
  KaaIOMonitor *called = NULL;
  KaaIOMonitor *monitors[2];
  int fds[2];
  guint i;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  for (i = 0; i < 2; i++)
    monitors[i] = kaa_io_monitor_new (note_monitor, &called, NULL);

  kaa_notifier_callback_set_priority (KAA_NOTIFIER_CALLBACK (monitors[0]), G_PRIORITY_HIGH);
  for (i = 0; i < 2; i++)
    begin (monitors[i], fds[1], KAA_IO_WRITE);
  g_assert_true (turn ());
  g_assert_true (called == monitors[0]);

  /* Changed while it is registered. */
  g_object_set (monitors[1], "priority", G_PRIORITY_HIGH - 1, NULL);
  g_assert_true (turn ());
  g_assert_true (called == monitors[1]);

  for (i = 0; i < 2; i++)
    {
      kaa_io_monitor_unregister (monitors[i]);
      g_assert_finalize_object (monitors[i]);
    }
  close (fds[0]);
  close (fds[1]);
}

static void
on_closure (gpointer        owner,
            KaaIOCondition  condition,
            KaaIOMonitor   *monitor)
{
  guint *n_calls = g_object_get_data (owner, "calls");

  g_assert_true (KAA_IS_IO_MONITOR (monitor));
  g_assert_cmpuint (condition, ==, KAA_IO_WRITE);
  (*n_calls)++;
}

static void
drop_owner (Fixture      *fixture,
            KaaIOMonitor *monitor)
{
  GObject **owner = g_object_get_data (G_OBJECT (monitor), "owner");

  g_clear_object (owner);
}

/* The closure gets (monitor, condition), with the data swapped in here; its object goes while it is registered. */
static void
test_closure (void)
{
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  KaaIOMonitor *monitor = kaa_io_monitor_new_closure (g_cclosure_new_object_swap (G_CALLBACK (on_closure), owner));
  guint n_calls = 0;
  int fds[2];

  g_object_set_data (owner, "calls", &n_calls);
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  begin (monitor, fds[1], KAA_IO_WRITE);
  g_assert_true (turn ());
  g_assert_cmpuint (n_calls, ==, 1);

  g_object_unref (owner);
  g_assert_false (is_active (monitor));
  g_assert_false (turn ());
  g_assert_cmpuint (n_calls, ==, 1);

  g_assert_finalize_object (monitor);
  close (fds[0]);
  close (fds[1]);
}

/* The object that the closure watches goes in the callback. */
static void
test_closure_dies_in_call (Fixture       *fixture,
                           gconstpointer  data)
{
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);

  g_object_watch_closure (owner, kaa_callback_get_closure (fixture->monitor));
  g_object_set_data (fixture->monitor, "owner", &owner);
  fixture->on_call = drop_owner;
  begin (fixture->monitor, fixture->out, KAA_IO_WRITE);
  g_assert_true (turn ());
  g_assert_null (owner);
  g_assert_false (is_active (fixture->monitor));
  g_assert_false (turn ());
  g_assert_cmpuint (fixture->n_calls, ==, 1);
}

typedef struct
{
  GMainContext *context;
  KaaIOMonitor *monitor;
  KaaIOMonitor *other;
  int fd;
  guint n_notified;
} Gone;

static void
on_gone (GObject    *object,
         GParamSpec *pspec,
         gpointer    user_data)
{
  Gone *gone = user_data;

  gone->n_notified++;
  g_assert_false (is_active (object));
  g_assert_null (kaa_notifier_callback_get_main_context (KAA_NOTIFIER_CALLBACK (object)));
  refuse (object, gone->fd, KAA_IO_READ, G_IO_ERROR_CLOSED);

  /* Where the context is half gone, the other one can be ended as ever, and cannot be begun. */
  if (gone->other != NULL)
    {
      KaaIOMonitor *other = g_steal_pointer (&gone->other);

      kaa_notifier_callback_set_priority (KAA_NOTIFIER_CALLBACK (other), 1);
      kaa_io_monitor_unregister (other);
      g_assert_false (is_active (other));
      refuse (other, gone->fd, KAA_IO_READ, G_IO_ERROR_CLOSED);
    }
}

static void
ignore (KaaIOMonitor   *monitor,
        KaaIOCondition  condition,
        gpointer        user_data)
{
}

static KaaIOMonitor *
new_in (GMainContext     *context,
        KaaIOMonitorFunc  callback,
        gpointer          user_data)
{
  return g_object_new (KAA_TYPE_IO_MONITOR,
                       "closure", g_cclosure_new (G_CALLBACK (callback), user_data, NULL),
                       "main-context", context,
                       NULL);
}

static void
test_context_goes (void)
{
  Gone gone = { 0, };
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  gone.fd = fds[0];
  gone.context = g_main_context_new ();
  g_main_context_push_thread_default (gone.context);
  gone.monitor = kaa_io_monitor_new (ignore, NULL, NULL);
  g_main_context_pop_thread_default (gone.context);
  g_signal_connect (gone.monitor, "notify::active", G_CALLBACK (on_gone), &gone);

  g_signal_handlers_block_by_func (gone.monitor, on_gone, &gone);
  begin (gone.monitor, fds[0], KAA_IO_READ);
  g_signal_handlers_unblock_by_func (gone.monitor, on_gone, &gone);

  g_main_context_unref (gone.context);
  g_assert_cmpuint (gone.n_notified, ==, 1);
  g_assert_cmpint (kaa_io_monitor_get_fd (gone.monitor), ==, -1);
  kaa_io_monitor_unregister (gone.monitor);
  g_assert_cmpuint (gone.n_notified, ==, 1);

  g_assert_finalize_object (gone.monitor);
  close (fds[0]);
  close (fds[1]);
}

/* Nothing else holds the monitor. */
static void
test_context_goes_dropped (void)
{
  GMainContext *context = g_main_context_new ();
  gpointer weak = new_in (context, ignore, NULL);
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_object_add_weak_pointer (weak, &weak);
  begin (weak, fds[0], KAA_IO_READ);
  g_object_unref (weak);
  g_assert_nonnull (weak);
  g_main_context_unref (context);
  g_assert_null (weak);

  close (fds[0]);
  close (fds[1]);
}

/* Two on one context: whichever hears first ends the other one. */
static void
test_context_goes_others (gconstpointer data)
{
  guint first = GPOINTER_TO_UINT (data);
  GMainContext *context = g_main_context_new ();
  KaaIOMonitor *monitors[2];
  Gone gone = { 0, };
  int fds[2];
  guint i;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  gone.fd = fds[0];
  for (i = 0; i < 2; i++)
    {
      monitors[i] = new_in (context, ignore, NULL);
      begin (monitors[i], fds[0], KAA_IO_READ);
    }
  gone.other = monitors[1 - first];
  g_signal_connect (monitors[first], "notify::active", G_CALLBACK (on_gone), &gone);

  g_main_context_unref (context);
  g_assert_cmpuint (gone.n_notified, ==, 1);
  for (i = 0; i < 2; i++)
    {
      g_assert_false (is_active (monitors[i]));
      g_assert_finalize_object (monitors[i]);
    }
  close (fds[0]);
  close (fds[1]);
}

/* The same address can be that of another context later. */
static void
test_contexts_come_and_go (void)
{
  int fds[2];
  guint i;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  for (i = 0; i < 20; i++)
    {
      GMainContext *context = g_main_context_new ();
      KaaIOMonitor *called = NULL;
      KaaIOMonitor *monitor = new_in (context, note_monitor, &called);

      begin (monitor, fds[1], KAA_IO_WRITE);
      g_assert_true (g_main_context_iteration (context, FALSE));
      g_assert_true (called == monitor);
      g_main_context_unref (context);
      g_assert_false (is_active (monitor));
      g_assert_finalize_object (monitor);
    }
  close (fds[0]);
  close (fds[1]);
}

/* A thread that runs a context of its own. */
typedef struct
{
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  GAsyncQueue *queue;  /* what the callbacks tell the test */
  GAsyncQueue *orders; /* what the test tells the callbacks */
} Worker;

static gpointer
run_worker (gpointer data)
{
  Worker *worker = data;

  g_main_context_push_thread_default (worker->context);
  g_main_loop_run (worker->loop);
  g_main_context_pop_thread_default (worker->context);

  return NULL;
}

static void
worker_start (Worker *worker)
{
  worker->context = g_main_context_new ();
  worker->loop = g_main_loop_new (worker->context, FALSE);
  worker->queue = g_async_queue_new ();
  worker->orders = g_async_queue_new ();
  worker->thread = g_thread_new ("worker", run_worker, worker);
}

static gboolean
on_synced (gpointer data)
{
  g_async_queue_push (data, g_thread_self ());

  return G_SOURCE_REMOVE;
}

static gboolean
on_quit (gpointer data)
{
  g_main_loop_quit (data);

  return G_SOURCE_REMOVE;
}

static void
worker_invoke (Worker      *worker,
               int          priority,
               GSourceFunc  func,
               gpointer     data)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, priority);
  g_source_set_callback (source, func, data, NULL);
  g_source_attach (source, worker->context);
  g_source_unref (source);
}

/* Afterwards every turn of the worker's loop that began before is over, and so is a whole one after that: what is ready at the
 * default priority has been called. */
static void
worker_sync (Worker *worker)
{
  GAsyncQueue *synced = g_async_queue_new ();
  guint i;

  for (i = 0; i < 2; i++)
    {
      worker_invoke (worker, G_PRIORITY_DEFAULT, on_synced, synced);
      g_assert_true (g_async_queue_pop (synced) == worker->thread);
    }
  g_async_queue_unref (synced);
}

static void
worker_stop (Worker *worker)
{
  worker_invoke (worker, G_PRIORITY_HIGH, on_quit, worker->loop);
  g_thread_join (worker->thread);
  g_main_loop_unref (worker->loop);
  g_main_context_unref (worker->context);
  g_async_queue_unref (worker->queue);
  g_async_queue_unref (worker->orders);
}

static void
take_and_tell (KaaIOMonitor   *monitor,
               KaaIOCondition  condition,
               gpointer        user_data)
{
  Worker *worker = user_data;

  take_byte (kaa_io_monitor_get_fd (monitor));
  g_async_queue_push (worker->queue, g_thread_self ());
}

static void
test_threads_register (void)
{
  Worker worker;
  KaaIOMonitor *monitor;
  int fds[2];
  guint i;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  worker_start (&worker);
  monitor = new_in (worker.context, take_and_tell, &worker);

  for (i = 0; i < 50; i++)
    {
      begin (monitor, fds[0], KAA_IO_READ);
      send_byte (fds[1]);
      g_assert_true (g_async_queue_pop (worker.queue) == worker.thread);
      kaa_io_monitor_unregister (monitor);
      g_assert_false (is_active (monitor));
    }

  /* Nobody takes this one. */
  send_byte (fds[1]);
  worker_sync (&worker);
  g_assert_cmpint (g_async_queue_length (worker.queue), ==, 0);

  worker_stop (&worker);
  g_assert_finalize_object (monitor);
  close (fds[0]);
  close (fds[1]);
}

static void
tell_and_wait (KaaIOMonitor   *monitor,
               KaaIOCondition  condition,
               gpointer        user_data)
{
  Worker *worker = user_data;

  g_async_queue_push (worker->queue, monitor);
  g_async_queue_pop (worker->orders);
  /* It is alive, whoever has dropped it. */
  g_assert_cmpint (kaa_io_monitor_get_fd (monitor), ==, -1);
}

/* Unregistered, and dropped, in another thread while the callback runs. */
static void
test_threads_unregister_in_call (void)
{
  Worker worker;
  gpointer weak;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  worker_start (&worker);
  weak = new_in (worker.context, tell_and_wait, &worker);
  g_object_add_weak_pointer (weak, &weak);
  begin (weak, fds[1], KAA_IO_WRITE);

  g_assert_true (g_async_queue_pop (worker.queue) == weak);
  kaa_io_monitor_unregister (weak);
  g_assert_false (is_active (weak));
  g_object_unref (weak);
  g_async_queue_push (worker.orders, &worker);

  worker_sync (&worker);
  g_assert_cmpint (g_async_queue_length (worker.queue), ==, 0);
  worker_stop (&worker);
  g_assert_null (weak);

  close (fds[0]);
  close (fds[1]);
}

static void
tell_and_wait_again (KaaIOMonitor   *monitor,
                     KaaIOCondition  condition,
                     gpointer        user_data)
{
  Worker *worker = user_data;

  g_async_queue_push (worker->queue, monitor);
  g_async_queue_pop (worker->orders);
}

/* Registered anew while the call of the former registration runs: its end must not end the new one. */
static void
test_threads_register_in_call (void)
{
  Worker worker;
  KaaIOMonitor *monitor;
  int fds[2];

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  worker_start (&worker);
  monitor = new_in (worker.context, tell_and_wait_again, &worker);
  begin (monitor, fds[1], KAA_IO_WRITE);

  g_assert_true (g_async_queue_pop (worker.queue) == monitor);
  kaa_io_monitor_unregister (monitor);
  begin (monitor, fds[0], KAA_IO_READ);
  g_async_queue_push (worker.orders, &worker);

  worker_sync (&worker);
  g_assert_true (is_active (monitor));
  g_assert_cmpint (kaa_io_monitor_get_fd (monitor), ==, fds[0]);
  send_byte (fds[1]);
  g_assert_true (g_async_queue_pop (worker.queue) == monitor);
  kaa_io_monitor_unregister (monitor);
  g_async_queue_push (worker.orders, &worker);

  worker_stop (&worker);
  g_assert_finalize_object (monitor);
  close (fds[0]);
  close (fds[1]);
}

typedef struct
{
  KaaIOMonitor *monitor;
  int fds[2];
} Contest;

static gpointer
contend (gpointer data)
{
  Contest *contest = data;
  guint i;

  for (i = 0; i < 500; i++)
    {
      GError *error = NULL;
      int fd;
      KaaIOCondition condition;

      if (!kaa_io_monitor_register (contest->monitor, contest->fds[i % 2], i % 2 == 0 ? KAA_IO_READ : KAA_IO_WRITE, &error))
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS);
      g_clear_error (&error);

      fd = kaa_io_monitor_get_fd (contest->monitor);
      condition = kaa_io_monitor_get_condition (contest->monitor);
      g_assert_true (fd == -1 || fd == contest->fds[0] || fd == contest->fds[1]);
      g_assert_true (condition == 0 || condition == KAA_IO_READ || condition == KAA_IO_WRITE);

      kaa_notifier_callback_set_priority (KAA_NOTIFIER_CALLBACK (contest->monitor), (int) i % 3);
      kaa_io_monitor_unregister (contest->monitor);
    }

  return NULL;
}

/* Several threads fight over one monitor, while another one runs its context. */
static void
test_threads_contest (void)
{
  Worker worker;
  Contest contest;
  GThread *threads[4];
  guint i;

  g_assert_true (g_unix_open_pipe (contest.fds, FD_CLOEXEC, NULL));
  worker_start (&worker);
  contest.monitor = new_in (worker.context, ignore, NULL);

  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("contender", contend, &contest);
  for (i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);

  g_assert_false (is_active (contest.monitor));
  worker_sync (&worker);
  worker_stop (&worker);
  g_assert_finalize_object (contest.monitor);
  close (contest.fds[0]);
  close (contest.fds[1]);
}

typedef struct
{
  KaaIOMonitor *monitor;
  GMainContext *context;
  int ready;  /* atomic: who has arrived at the start */
} Race;

static void
start_together (Race *race)
{
  g_atomic_int_inc (&race->ready);
  while (g_atomic_int_get (&race->ready) < 2)
    g_thread_yield ();
}

static gpointer
drop_context (gpointer data)
{
  Race *race = data;

  start_together (race);
  g_main_context_unref (race->context);

  return NULL;
}

/* The context goes in one thread while the monitor is unregistered in another one: nobody touches what is freed. */
static void
test_threads_context_goes (void)
{
  int fds[2];
  guint i;

  if (g_getenv ("KAA_TEST_SLOW") != NULL)
    {
      g_test_skip ("GLib leaks a source that is destroyed just when its context lets go of it");
      return;
    }

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  for (i = 0; i < 500; i++)
    {
      Race race = { 0, };
      GThread *thread;

      race.context = g_main_context_new ();
      race.monitor = new_in (race.context, ignore, NULL);
      begin (race.monitor, fds[0], KAA_IO_READ);
      thread = g_thread_new ("context", drop_context, &race);

      start_together (&race);
      kaa_io_monitor_unregister (race.monitor);
      g_thread_join (thread);
      g_assert_false (is_active (race.monitor));
      g_assert_null (kaa_notifier_callback_get_main_context (KAA_NOTIFIER_CALLBACK (race.monitor)));
      g_object_unref (race.monitor);
    }
  close (fds[0]);
  close (fds[1]);
}

/* A subclass hears of every unregister(). */
typedef struct
{
  KaaIOMonitor parent_instance;

  guint n_unregistered;
} TestMonitor;

typedef struct
{
  KaaIOMonitorClass parent_class;
} TestMonitorClass;

static GType test_monitor_get_type (void);

G_DEFINE_TYPE (TestMonitor, test_monitor, KAA_TYPE_IO_MONITOR)

static void
test_monitor_unregister (KaaNotifierCallback *callback)
{
  TestMonitor *self = (TestMonitor *) callback;

  self->n_unregistered++;
  KAA_NOTIFIER_CALLBACK_CLASS (test_monitor_parent_class)->unregister (callback);
}

static void
test_monitor_class_init (TestMonitorClass *klass)
{
  KAA_NOTIFIER_CALLBACK_CLASS (klass)->unregister = test_monitor_unregister;
}

static void
test_monitor_init (TestMonitor *self)
{
}

static void
test_derived (void)
{
  TestMonitor *monitor = g_object_new (test_monitor_get_type (), NULL);
  int fds[2];

  /* Without a closure it can be registered as well; calling it does nothing. */
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  begin (monitor, fds[1], KAA_IO_WRITE);
  g_assert_true (turn ());
  kaa_io_monitor_unregister (KAA_IO_MONITOR (monitor));
  g_assert_cmpuint (monitor->n_unregistered, ==, 1);
  g_assert_false (is_active (monitor));

  g_assert_finalize_object (monitor);
  close (fds[0]);
  close (fds[1]);
}

static void
test_misuse (void)
{
  KaaCallback *not_one = g_object_new (KAA_TYPE_CALLBACK, NULL);

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*callback != NULL*");
  g_assert_null (kaa_io_monitor_new (NULL, NULL, NULL));
  g_test_assert_expected_messages ();

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*closure != NULL*");
  g_assert_null (kaa_io_monitor_new_closure (NULL));
  g_test_assert_expected_messages ();

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*KAA_IS_IO_MONITOR*");
  g_assert_false (kaa_io_monitor_register ((KaaIOMonitor *) not_one, 0, KAA_IO_READ, NULL));
  g_test_assert_expected_messages ();

  g_object_unref (not_one);
}

#define ADD(path, func) g_test_add ("/loop/io-monitor/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  ADD ("properties", test_properties);
  ADD ("level-triggered", test_level_triggered);
  ADD ("conditions", test_conditions);
  ADD ("except", test_except);
  ADD ("hang-up", test_hang_up);
  ADD ("again", test_again);
  ADD ("wrong-arguments", test_wrong_arguments);
  ADD ("fd-zero", test_fd_zero);
  ADD ("context-holds", test_context_holds);
  ADD ("dispose", test_dispose);
  ADD ("C11/closed-behind", test_closed_behind);
  ADD ("C11/closed-behind/dropped", test_closed_behind_dropped);
  ADD ("idle", test_idle);
  ADD ("C6/callback-unregisters", test_callback_unregisters);
  ADD ("C6/callback-registers-other", test_callback_registers_other);
  ADD ("C6/callback-drops", test_callback_drops);
  ADD ("C6/callback-closes", test_callback_closes);
  ADD ("C6/callback-runs-nested", test_callback_runs_nested);
  ADD ("C6/nested-unregisters", test_nested_unregisters);
  g_test_add_func ("/loop/io-monitor/C6/other-unregisters", test_other_unregisters);
  g_test_add_func ("/loop/io-monitor/priority", test_priority);
  g_test_add_func ("/loop/io-monitor/closure", test_closure);
  ADD ("closure/dies-in-call", test_closure_dies_in_call);
  g_test_add_func ("/loop/io-monitor/context-goes", test_context_goes);
  g_test_add_func ("/loop/io-monitor/context-goes/dropped", test_context_goes_dropped);
  g_test_add_data_func ("/loop/io-monitor/context-goes/first", GUINT_TO_POINTER (0), test_context_goes_others);
  g_test_add_data_func ("/loop/io-monitor/context-goes/second", GUINT_TO_POINTER (1), test_context_goes_others);
  g_test_add_func ("/loop/io-monitor/context-goes/again", test_contexts_come_and_go);
  g_test_add_func ("/loop/io-monitor/threads/register", test_threads_register);
  g_test_add_func ("/loop/io-monitor/threads/unregister-in-call", test_threads_unregister_in_call);
  g_test_add_func ("/loop/io-monitor/threads/register-in-call", test_threads_register_in_call);
  g_test_add_func ("/loop/io-monitor/threads/contest", test_threads_contest);
  g_test_add_func ("/loop/io-monitor/threads/context-goes", test_threads_context_goes);
  g_test_add_func ("/loop/io-monitor/derived", test_derived);
  g_test_add_func ("/loop/io-monitor/misuse", test_misuse);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport of what can be polled, alone: an entry that counts, real descriptors, and a poll function that never
 * sleeps but says that it would have, so that "nothing happens" is known without waiting.
 */

#include "transport/kaa-transport.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOO_MANY 10000

typedef struct
{
  KaaPollEntry entry;
  guint n_dispatched;
} Entry;

static GMainContext *context;
static gboolean asleep;

/* --- help --- */

static int
poll_without_sleep (GPollFD *fds,
                    guint    n_fds,
                    int      timeout)
{
  int n = g_poll (fds, n_fds, 0);

  if (n == 0 && timeout != 0)
    asleep = TRUE;
  return n;
}

static void
settle (void)
{
  guint n_turns = 0;

  asleep = FALSE;
  while (!asleep)
    {
      g_main_context_iteration (context, /* may_block= */ TRUE);
      g_assert_cmpuint (n_turns++, <, TOO_MANY);
    }
}

static void
entry_dispatch (KaaPollEntry *entry)
{
  ((Entry *) entry)->n_dispatched++;
}

static KaaLook
entry_look (KaaPollEntry *entry)
{
  return KAA_LOOK_NOBODY;
}

static void
entry_context_gone (KaaPollEntry *entry)
{
}

static const KaaPollEntryFuncs entry_funcs = { entry_dispatch, entry_look, entry_context_gone };

static void
entry_begin (Entry *self,
             int    priority)
{
  KaaPoller *poller = kaa_poller_get (context, priority);

  memset (self, 0, sizeof *self);
  self->entry.funcs = &entry_funcs;
  kaa_poll_entry_attach (&self->entry, poller);
  kaa_poller_unref (poller);
}

static void
begin (Entry *entry)
{
  context = g_main_context_new ();
  g_main_context_set_poll_func (context, poll_without_sleep);
  entry_begin (entry, G_PRIORITY_DEFAULT);
}

static void
end (Entry *entry)
{
  kaa_poll_entry_detach (&entry->entry);
  g_clear_pointer (&context, g_main_context_unref);
}

static KaaTransport *
make (int          fd,
      KaaPollFlags mode,
      gboolean     private_description)
{
  GError *error = NULL;
  KaaFdInfo info;
  KaaTransport *transport;

  g_assert_true (kaa_sys_inspect (fd, &info, &error));
  g_assert_no_error (error);
  transport = kaa_fd_transport_new (fd, &info, mode, private_description, &error);
  g_assert_no_error (error);
  g_assert_nonnull (transport);
  g_assert_cmpint (transport->fd, ==, fd);
  return transport;
}

static KaaTransport *
make_started (int          fd,
              KaaPollFlags mode,
              Entry       *entry)
{
  KaaTransport *transport = make (fd, mode, FALSE);
  GError *error = NULL;

  g_assert_true (transport->klass->start (transport, &entry->entry, &error));
  g_assert_no_error (error);
  return transport;
}

static void
finish_off (KaaTransport *transport,
            gboolean      close_fd)
{
  transport->klass->stop (transport);
  transport->klass->close (transport, close_fd, /* forked= */ FALSE);
}

static gssize
do_read (KaaTransport *transport,
         char         *buffer,
         gsize         length)
{
  GError *error = NULL;
  gssize n = transport->klass->read (transport, (guint8 *) buffer, length, &error);

  g_assert_no_error (error);
  return n;
}

static gssize
do_write (KaaTransport  *transport,
          gsize          length,
          GError       **error)
{
  char *data = g_malloc (length);
  struct iovec vectors[2];
  gssize n;

  memset (data, 'x', length);
  vectors[0].iov_base = data;
  vectors[0].iov_len = length / 2;
  vectors[1].iov_base = data + length / 2;
  vectors[1].iov_len = length - length / 2;
  n = transport->klass->write (transport, vectors, 2, error);
  g_free (data);
  return n;
}

static KaaPollFlags
ready (KaaTransport *transport)
{
  return transport->klass->get_ready (transport);
}

static void
put (int         fd,
     const char *text)
{
  g_assert_cmpint (write (fd, text, strlen (text)), ==, strlen (text));
}

static void
make_pipe (int fds[2])
{
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
}

static void
make_sockets (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static gboolean
is_nonblocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  g_assert_cmpint (flags, >=, 0);
  return (flags & O_NONBLOCK) != 0;
}

static guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

/* --- reading --- */

static void
check_read (int in,
            int out)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[64];

  begin (&entry);
  transport = make_started (in, KAA_POLL_IN, &entry);

  /* Nothing there: said by AGAIN, and by silence. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 0);
  g_assert_false (ready (transport) & KAA_POLL_IN);

  put (out, "hello");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_cmpuint (transport->klass->get_unread (transport), ==, 5);
  g_assert_cmpint (do_read (transport, buffer, 2), ==, 2);
  /* A full read says nothing about what is left. */
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_cmpint (do_read (transport, buffer + 2, 62), ==, 3);
  g_assert_cmpmem (buffer, 5, "hello", 5);
  /* A short one does. */
  g_assert_false (ready (transport) & KAA_POLL_IN);

  put (out, "again");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 2);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 5);

  finish_off (transport, TRUE);
  g_assert_false (is_open (in));
  close (out);
  end (&entry);
}

static void
test_read_pipe (void)
{
  int fds[2];

  make_pipe (fds);
  check_read (fds[0], fds[1]);
}

static void
test_read_socket (void)
{
  int fds[2];

  make_sockets (fds);
  check_read (fds[0], fds[1]);
}

static void
check_end (int in,
           int out)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[64];

  begin (&entry);
  transport = make_started (in, KAA_POLL_IN, &entry);
  put (out, "last");
  close (out);
  settle ();
  g_assert_cmpuint (entry.n_dispatched, >=, 1);
  g_assert_false (transport->klass->is_drained (transport, &error));
  g_assert_no_error (error);

  /* The end is reported once, and comes with the data: a short read must not hide it. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 4);
  settle ();
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_true (transport->klass->is_drained (transport, &error));
  g_assert_no_error (error);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 0);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 0);

  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_end_pipe (void)
{
  int fds[2];

  make_pipe (fds);
  check_end (fds[0], fds[1]);
}

static void
test_end_socket (void)
{
  int fds[2];

  make_sockets (fds);
  check_end (fds[0], fds[1]);
}

static void
test_unwanted (void)
{
  Entry entry;
  KaaTransport *transport;
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  transport = make_started (fds[0], KAA_POLL_IN, &entry);
  transport->klass->set_wanted (transport, 0);
  put (fds[1], "x");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 0);

  transport->klass->set_wanted (transport, KAA_POLL_IN);
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_true (ready (transport) & KAA_POLL_IN);

  finish_off (transport, TRUE);
  close (fds[1]);
  end (&entry);
}

static void
test_eventfd (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[64];
  guint64 value = 7;
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

  begin (&entry);
  transport = make_started (fd, KAA_POLL_IN | KAA_POLL_OUT, &entry);
  g_assert_cmpint (transport->kind, ==, KAA_FD_OTHER);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);

  g_assert_cmpint (write (fd, &value, sizeof value), ==, sizeof value);
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, sizeof value);
  g_assert_cmpmem (buffer, sizeof value, &value, sizeof value);
  /* One message is all that a read gives: a short read is no sign that nothing is left. */
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  g_assert_false (ready (transport) & KAA_POLL_IN);

  finish_off (transport, TRUE);
  end (&entry);
}

static int
open_pty (int *slave)
{
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);

  if (master < 0 || grantpt (master) < 0 || unlockpt (master) < 0)
    {
      g_test_skip ("no pseudo-terminals here");
      if (master >= 0)
        close (master);
      return -1;
    }
  *slave = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (*slave, >=, 0);
  return master;
}

static void
test_pty_end (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[64];
  int slave;
  int master = open_pty (&slave);

  if (master < 0)
    return;

  begin (&entry);
  transport = make_started (master, KAA_POLL_IN | KAA_POLL_OUT, &entry);
  put (slave, "bye");
  settle ();
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  close (slave);
  settle ();
  g_assert_true (ready (transport) & KAA_POLL_IN);
  /* EIO there. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 0);

  finish_off (transport, TRUE);
  end (&entry);
}

/* --- writing --- */

static void
check_write (int in,
             int out)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[4096];
  guint before;
  gsize total = 0;
  gssize n;

  begin (&entry);
  transport = make_started (out, KAA_POLL_OUT, &entry);
  g_assert_true (ready (transport) & KAA_POLL_OUT);
  while ((n = do_write (transport, 65536, &error)) > 0)
    total += n;
  g_assert_no_error (error);
  g_assert_cmpint (n, ==, KAA_TRANSPORT_AGAIN);
  g_assert_cmpuint (total, >, 0);
  g_assert_false (ready (transport) & KAA_POLL_OUT);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 0);
  settle ();
  g_assert_false (ready (transport) & KAA_POLL_OUT);

  before = entry.n_dispatched;
  while (total > 0)
    {
      n = read (in, buffer, MIN (sizeof buffer, total));
      g_assert_cmpint (n, >, 0);
      total -= n;
    }
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, before + 1);
  g_assert_true (ready (transport) & KAA_POLL_OUT);
  g_assert_cmpint (do_write (transport, 8, &error), ==, 8);
  g_assert_no_error (error);

  finish_off (transport, TRUE);
  close (in);
  end (&entry);
}

static void
test_write_pipe (void)
{
  int fds[2];

  make_pipe (fds);
  check_write (fds[0], fds[1]);
}

static void
test_write_socket (void)
{
  int fds[2];

  make_sockets (fds);
  check_write (fds[0], fds[1]);
}

/* The default disposition is in force: a SIGPIPE would end this program. */
static void
check_sigpipe (int in,
               int out)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  struct sigaction before, after;
  sigset_t pending;

  signal (SIGPIPE, SIG_DFL);
  sigaction (SIGPIPE, NULL, &before);
  begin (&entry);
  transport = make_started (out, KAA_POLL_OUT, &entry);
  close (in);
  g_assert_cmpint (do_write (transport, 8, &error), ==, KAA_TRANSPORT_FAILED);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&error);

  sigaction (SIGPIPE, NULL, &after);
  g_assert_true (before.sa_handler == after.sa_handler);
  sigpending (&pending);
  g_assert_false (sigismember (&pending, SIGPIPE));

  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_sigpipe_pipe (void)
{
  int fds[2];

  make_pipe (fds);
  check_sigpipe (fds[0], fds[1]);
}

static void
test_sigpipe_socket (void)
{
  int fds[2];

  make_sockets (fds);
  check_sigpipe (fds[0], fds[1]);
}

static void
test_hangup_of_reader (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  transport = make_started (fds[1], KAA_POLL_OUT, &entry);
  settle ();
  g_assert_false (ready (transport) & KAA_POLL_HUP);

  close (fds[0]);
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_true (ready (transport) & KAA_POLL_HUP);
  g_assert_false (ready (transport) & KAA_POLL_IN);
  g_assert_true (transport->klass->is_drained (transport, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&error);

  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_dev_full (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    {
      g_test_skip ("no /dev/full here");
      return;
    }

  begin (&entry);
  transport = make_started (fd, KAA_POLL_OUT, &entry);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (do_write (transport, 8, &error), ==, KAA_TRANSPORT_REFUSED);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);
      g_assert_true (ready (transport) & KAA_POLL_OUT);
    }

  finish_off (transport, TRUE);
  end (&entry);
}

/* --- descriptors that are not ours --- */

static void
test_reopened (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[64];
  guint n_fds;
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  settle ();
  n_fds = count_fds ();
  transport = make (fds[0], KAA_POLL_IN, /* private_description= */ TRUE);
  g_assert_cmpuint (count_fds (), ==, n_fds + 1);
  g_assert_false (is_nonblocking (fds[0]));
  g_assert_true (transport->klass->start (transport, &entry.entry, &error));
  g_assert_no_error (error);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  put (fds[1], "x");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 1);

  finish_off (transport, FALSE);
  g_assert_true (is_open (fds[0]));
  g_assert_false (is_nonblocking (fds[0]));
  g_assert_cmpuint (count_fds (), ==, n_fds);
  close (fds[0]);
  close (fds[1]);
  end (&entry);
}

static void
test_cloexec (void)
{
  GDir *dir;
  const char *name;
  KaaTransport *transport;
  struct stat ours, found;
  guint n_found = 0;
  int fds[2];

  make_pipe (fds);
  g_assert_cmpint (fstat (fds[0], &ours), ==, 0);
  transport = make (fds[0], KAA_POLL_IN, /* private_description= */ TRUE);
  dir = g_dir_open ("/proc/self/fd", 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      int fd = atoi (name);

      if (fstat (fd, &found) < 0 || found.st_dev != ours.st_dev || found.st_ino != ours.st_ino)
        continue;
      g_assert_true (fcntl (fd, F_GETFD) & FD_CLOEXEC);
      n_found++;
    }
  g_dir_close (dir);
  g_assert_cmpuint (n_found, ==, 3);
  transport->klass->close (transport, TRUE, FALSE);
  close (fds[1]);
}

static void
test_socket_untouched (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fds[2];

  begin (&entry);
  make_sockets (fds);
  transport = make (fds[0], KAA_POLL_IN | KAA_POLL_OUT, /* private_description= */ TRUE);
  g_assert_false (is_nonblocking (fds[0]));
  g_assert_true (transport->klass->start (transport, &entry.entry, NULL));
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  g_assert_false (is_nonblocking (fds[0]));
  finish_off (transport, FALSE);
  g_assert_true (is_open (fds[0]));
  close (fds[0]);
  close (fds[1]);
  end (&entry);
}

static void
test_restored_by_last (void)
{
  KaaTransport *a, *b;
  int fd = eventfd (0, EFD_CLOEXEC);

  /* An eventfd cannot be opened again. */
  a = make (fd, KAA_POLL_IN | KAA_POLL_OUT, /* private_description= */ TRUE);
  g_assert_true (is_nonblocking (fd));
  b = make (fd, KAA_POLL_IN | KAA_POLL_OUT, /* private_description= */ TRUE);
  a->klass->close (a, FALSE, FALSE);
  g_assert_true (is_nonblocking (fd));
  b->klass->close (b, FALSE, FALSE);
  g_assert_true (is_open (fd));
  g_assert_false (is_nonblocking (fd));
  close (fd);
}

/* What a fork leaves in the child closes numbers and touches nothing that both processes share. */
static void
test_forked (void)
{
  KaaTransport *transport;
  int fd = eventfd (0, EFD_CLOEXEC);
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  transport = make (fd, KAA_POLL_IN, /* private_description= */ TRUE);
  g_assert_true (is_nonblocking (copy));
  transport->klass->close (transport, /* close_fd= */ TRUE, /* forked= */ TRUE);
  g_assert_false (is_open (fd));
  g_assert_true (is_nonblocking (copy));
  close (copy);
}

/* --- descriptors that others close --- */

static void
test_closed_behind (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[8];
  int fds[2];
  int stranger[2];

  begin (&entry);
  make_pipe (fds);
  transport = make_started (fds[0], KAA_POLL_IN, &entry);
  settle ();
  close (fds[0]);
  g_assert_cmpint (transport->klass->read (transport, (guint8 *) buffer, sizeof buffer, &error), ==,
                   KAA_TRANSPORT_FAILED);
  g_assert_nonnull (error);
  g_clear_error (&error);

  /* The number means somebody else by now. */
  make_pipe (stranger);
  if (stranger[0] != fds[0])
    g_assert_cmpint (dup3 (stranger[0], fds[0], O_CLOEXEC), ==, fds[0]);
  finish_off (transport, TRUE);
  g_assert_true (is_open (fds[0]));

  if (stranger[0] != fds[0])
    close (stranger[0]);
  if (stranger[1] != fds[0])
    close (stranger[1]);
  close (fds[0]);
  close (fds[1]);
  end (&entry);
}

static void
test_shared_number (void)
{
  Entry entry, other;
  KaaTransport *reader, *writer;
  GError *error = NULL;
  char buffer[16];
  int fds[2];

  begin (&entry);
  entry_begin (&other, G_PRIORITY_DEFAULT);
  make_sockets (fds);
  reader = make_started (fds[0], KAA_POLL_IN, &entry);
  writer = make_started (fds[0], KAA_POLL_OUT, &other);
  g_assert_cmpint (do_write (writer, 4, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpint (read (fds[1], buffer, sizeof buffer), ==, 4);
  put (fds[1], "hi");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_cmpint (do_read (reader, buffer, sizeof buffer), ==, 2);

  /* One goes, the other goes on. */
  finish_off (writer, FALSE);
  put (fds[1], "ho");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 2);
  g_assert_cmpint (do_read (reader, buffer, sizeof buffer), ==, 2);

  finish_off (reader, TRUE);
  close (fds[1]);
  kaa_poll_entry_detach (&other.entry);
  end (&entry);
}

/* --- the rest --- */

static void
test_moved (void)
{
  Entry entry, other;
  KaaTransport *transport;
  char buffer[16];
  int fds[2];

  begin (&entry);
  entry_begin (&other, G_PRIORITY_LOW);
  make_pipe (fds);
  transport = make_started (fds[0], KAA_POLL_IN, &entry);
  put (fds[1], "x");
  settle ();
  g_assert_cmpuint (entry.n_dispatched, ==, 1);

  transport->klass->stop (transport);
  g_assert_true (transport->klass->start (transport, &other.entry, NULL));
  settle ();
  g_assert_cmpuint (other.n_dispatched, ==, 1);
  g_assert_cmpuint (entry.n_dispatched, ==, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 1);

  finish_off (transport, TRUE);
  close (fds[1]);
  kaa_poll_entry_detach (&other.entry);
  end (&entry);
}

static void
test_shutdown (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[16];
  int fds[2];

  begin (&entry);
  make_sockets (fds);
  transport = make_started (fds[0], KAA_POLL_IN | KAA_POLL_OUT, &entry);
  g_assert_true (transport->klass->shutdown (transport, &error));
  g_assert_no_error (error);
  g_assert_cmpint (read (fds[1], buffer, sizeof buffer), ==, 0);
  put (fds[1], "yes");
  settle ();
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  g_assert_true (transport->klass->finish (transport, TRUE));
  g_assert_true (is_open (fds[0]));
  finish_off (transport, TRUE);
  close (fds[1]);

  make_pipe (fds);
  transport = make_started (fds[1], KAA_POLL_OUT, &entry);
  g_assert_false (transport->klass->shutdown (transport, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  finish_off (transport, TRUE);
  close (fds[0]);
  end (&entry);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/fd-transport/read/pipe", test_read_pipe);
  g_test_add_func ("/fd-transport/read/socket", test_read_socket);
  g_test_add_func ("/fd-transport/end/pipe", test_end_pipe);
  g_test_add_func ("/fd-transport/end/socket", test_end_socket);
  g_test_add_func ("/fd-transport/R1/unwanted", test_unwanted);
  g_test_add_func ("/fd-transport/R11/eventfd", test_eventfd);
  g_test_add_func ("/fd-transport/C4/pty-end", test_pty_end);
  g_test_add_func ("/fd-transport/write/pipe", test_write_pipe);
  g_test_add_func ("/fd-transport/write/socket", test_write_socket);
  g_test_add_func ("/fd-transport/W7/pipe", test_sigpipe_pipe);
  g_test_add_func ("/fd-transport/W7/socket", test_sigpipe_socket);
  g_test_add_func ("/fd-transport/R1/hangup-of-reader", test_hangup_of_reader);
  g_test_add_func ("/fd-transport/W8/dev-full", test_dev_full);
  g_test_add_func ("/fd-transport/C8/reopened", test_reopened);
  g_test_add_func ("/fd-transport/C8/cloexec", test_cloexec);
  g_test_add_func ("/fd-transport/C8/socket-untouched", test_socket_untouched);
  g_test_add_func ("/fd-transport/C8/restored-by-last", test_restored_by_last);
  g_test_add_func ("/fd-transport/C10/forked", test_forked);
  g_test_add_func ("/fd-transport/C11/closed-behind", test_closed_behind);
  g_test_add_func ("/fd-transport/C11/shared-number", test_shared_number);
  g_test_add_func ("/fd-transport/moved", test_moved);
  g_test_add_func ("/fd-transport/shutdown", test_shutdown);

  return g_test_run ();
}

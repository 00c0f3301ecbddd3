/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport of files, alone. A blocking pipe stands in for a disk that takes its time: a job on it is under way
 * for as long as the test wants.
 */

#include "transport/kaa-transport.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  KaaPollEntry entry;
  guint n_dispatched;
  guint n_gone;
} Entry;

static GMainContext *context;

/* --- help --- */

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
  ((Entry *) entry)->n_gone++;
}

static const KaaPollEntryFuncs entry_funcs = { entry_dispatch, entry_look, entry_context_gone };

static void
entry_begin (Entry *self)
{
  KaaPoller *poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);

  memset (self, 0, sizeof *self);
  self->entry.funcs = &entry_funcs;
  kaa_poll_entry_attach (&self->entry, poller);
  kaa_poller_unref (poller);
}

static void
begin (Entry *entry)
{
  context = g_main_context_new ();
  entry_begin (entry);
}

static void
end (Entry *entry)
{
  kaa_poll_entry_detach (&entry->entry);
  g_clear_pointer (&context, g_main_context_unref);
}

/* A job that is done schedules the entry: there is always something to wait for. */
static void
await_dispatch (Entry *entry,
                guint  n)
{
  while (entry->n_dispatched < n)
    g_main_context_iteration (context, /* may_block= */ TRUE);
  g_assert_cmpuint (entry->n_dispatched, ==, n);
}

static int
make_file (const char *text)
{
  char *name = NULL;
  int fd = g_file_open_tmp ("kaa-file-XXXXXX", &name, NULL);

  g_assert_cmpint (fd, >=, 0);
  g_unlink (name);
  g_free (name);
  g_assert_cmpint (write (fd, text, strlen (text)), ==, strlen (text));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static KaaTransport *
make (int    fd,
      Entry *entry)
{
  KaaFdInfo info;
  KaaTransport *transport;
  GError *error = NULL;

  g_assert_true (kaa_sys_inspect (fd, &info, &error));
  g_assert_no_error (error);
  transport = kaa_file_transport_new (fd, &info);
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
          const char    *text,
          GError       **error)
{
  struct iovec vectors[2];

  vectors[0].iov_base = (gpointer) text;
  vectors[0].iov_len = 1;
  vectors[1].iov_base = (gpointer) (text + 1);
  vectors[1].iov_len = strlen (text) - 1;
  return transport->klass->write (transport, vectors, 2, error);
}

static KaaPollFlags
ready (KaaTransport *transport)
{
  return transport->klass->get_ready (transport);
}

static gboolean
is_open (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static void
make_pipe (int fds[2])
{
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
}

/* Until the last reader of a pipe is gone. */
static void
await_no_reader (int fd)
{
  struct pollfd poll_fd = { fd, 0, 0 };

  while (!(poll_fd.revents & POLLERR))
    poll (&poll_fd, 1, -1);
}

/* --- reading --- */

static void
test_read (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[64];
  int fd = make_file ("hello world");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_cmpint (ready (transport), ==, KAA_POLL_IN | KAA_POLL_OUT);

  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 1);
  g_assert_true (ready (transport) & KAA_POLL_IN);
  /* Handed out in parts. */
  g_assert_cmpint (do_read (transport, buffer, 5), ==, 5);
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_cmpint (do_read (transport, buffer + 5, sizeof buffer - 5), ==, 6);
  g_assert_cmpmem (buffer, 11, "hello world", 11);

  /* The end; and once more, because the file has grown. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 2);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 0);
  g_assert_cmpint (pwrite (fd, "!", 1, 11), ==, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 3);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 1);
  g_assert_cmpint (buffer[0], ==, '!');

  finish_off (transport, TRUE);
  g_assert_false (is_open (fd));
  end (&entry);
}

static void
test_off_the_loop (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  transport = make (fds[0], &entry);
  /* This would block for ever. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  g_assert_cmpint (ready (transport), ==, 0);
  g_assert_false (transport->klass->finish (transport, TRUE));
  g_assert_cmpuint (entry.n_dispatched, ==, 0);

  g_assert_cmpint (write (fds[1], "abc", 3), ==, 3);
  await_dispatch (&entry, 1);
  /* One job for two calls. */
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  finish_off (transport, TRUE);
  close (fds[1]);
  end (&entry);
}

/* --- writing --- */

static void
test_write (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[16];
  int fd = make_file ("");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 0);
  g_assert_cmpint (do_write (transport, "abcdef", &error), ==, KAA_TRANSPORT_AGAIN);
  /* It cannot be taken back until it has been accounted for. */
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 6);
  await_dispatch (&entry, 1);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 6);
  g_assert_true (ready (transport) & KAA_POLL_OUT);
  g_assert_cmpint (do_write (transport, "abcdef", &error), ==, 6);
  g_assert_no_error (error);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 0);
  g_assert_cmpint (pread (fd, buffer, sizeof buffer, 0), ==, 6);
  g_assert_cmpmem (buffer, 6, "abcdef", 6);

  finish_off (transport, TRUE);
  end (&entry);
}

/* What was read and nobody takes (the request was aborted) must not be in the way of a write. */
static void
test_write_past_read (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  char buffer[16];
  int fd = make_file ("abc");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  /* One job at a time. */
  g_assert_cmpint (do_write (transport, "def", &error), ==, KAA_TRANSPORT_AGAIN);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 0);
  await_dispatch (&entry, 1);

  g_assert_true (ready (transport) & KAA_POLL_OUT);
  g_assert_cmpint (do_write (transport, "def", &error), ==, KAA_TRANSPORT_AGAIN);
  g_assert_cmpuint (transport->klass->get_in_flight (transport), ==, 3);
  await_dispatch (&entry, 2);
  g_assert_cmpint (do_write (transport, "def", &error), ==, 3);
  g_assert_no_error (error);

  /* And it is not lost. */
  g_assert_true (ready (transport) & KAA_POLL_IN);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  g_assert_cmpmem (buffer, 3, "abc", 3);
  g_assert_cmpint (pread (fd, buffer, sizeof buffer, 0), ==, 6);
  g_assert_cmpmem (buffer, 6, "abcdef", 6);

  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_disk_full (void)
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
  transport = make (fd, &entry);
  for (guint i = 1; i <= 3; i++)
    {
      g_assert_cmpint (do_write (transport, "abc", &error), ==, KAA_TRANSPORT_AGAIN);
      g_assert_no_error (error);
      await_dispatch (&entry, i);
      g_assert_cmpint (do_write (transport, "abc", &error), ==, KAA_TRANSPORT_REFUSED);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
      g_clear_error (&error);
      g_assert_true (ready (transport) & KAA_POLL_OUT);
    }
  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_sigpipe (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  close (fds[0]);
  transport = make (fds[1], &entry);
  g_assert_cmpint (do_write (transport, "abc", &error), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 1);
  g_assert_cmpint (do_write (transport, "abc", &error), <, 0);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&error);
  finish_off (transport, TRUE);
  end (&entry);
}

/* --- closing --- */

static void
test_finish (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fd = make_file ("abc");
  int stranger;

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_true (transport->klass->finish (transport, /* close_fd= */ FALSE));
  g_assert_true (is_open (fd));
  g_assert_false (transport->klass->finish (transport, /* close_fd= */ TRUE));
  await_dispatch (&entry, 1);
  g_assert_false (is_open (fd));
  g_assert_true (transport->klass->finish (transport, /* close_fd= */ TRUE));

  /* The number is free for others: nothing is done to it any more. */
  stranger = make_file ("stranger");
  g_assert_cmpint (ready (transport), ==, 0);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  finish_off (transport, TRUE);
  g_assert_true (is_open (stranger));
  g_assert_cmpint (lseek (stranger, 0, SEEK_CUR), ==, 0);
  close (stranger);
  end (&entry);
}

/* The number must stay what it is until the job has used it. */
static void
test_close_during_job (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  transport = make (fds[0], &entry);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  finish_off (transport, TRUE);
  g_assert_true (is_open (fds[0]));

  g_assert_cmpint (write (fds[1], "abc", 3), ==, 3);
  while (is_open (fds[0]))
    g_main_context_iteration (context, /* may_block= */ TRUE);
  g_assert_cmpuint (entry.n_dispatched, ==, 0);
  close (fds[1]);
  end (&entry);
}

static void
test_context_gone (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fds[2];

  begin (&entry);
  make_pipe (fds);
  transport = make (fds[0], &entry);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  g_clear_pointer (&context, g_main_context_unref);
  g_assert_cmpuint (entry.n_gone, ==, 1);
  finish_off (transport, TRUE);
  kaa_poll_entry_detach (&entry.entry);

  g_assert_cmpint (write (fds[1], "abc", 3), ==, 3);
  await_no_reader (fds[1]);
  close (fds[1]);
}

static void
test_stranger (void)
{
  Entry entry;
  KaaTransport *transport;
  int fd = make_file ("abc");
  int stranger = make_file ("def");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_cmpint (dup3 (stranger, fd, O_CLOEXEC), ==, fd);
  finish_off (transport, TRUE);
  g_assert_true (is_open (fd));
  close (fd);

  /* And an orderly close leaves it alone as well. */
  fd = make_file ("abc");
  transport = make (fd, &entry);
  g_assert_cmpint (dup3 (stranger, fd, O_CLOEXEC), ==, fd);
  g_assert_false (transport->klass->finish (transport, TRUE));
  await_dispatch (&entry, 1);
  g_assert_true (is_open (fd));
  finish_off (transport, TRUE);
  g_assert_true (is_open (fd));
  close (fd);
  close (stranger);
  end (&entry);
}

static void
test_closed_behind (void)
{
  Entry entry;
  KaaTransport *transport;
  GError *error = NULL;
  guint8 buffer[8];
  int fd = make_file ("abc");

  begin (&entry);
  transport = make (fd, &entry);
  close (fd);
  g_assert_cmpint (transport->klass->read (transport, buffer, sizeof buffer, &error), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 1);
  g_assert_cmpint (transport->klass->read (transport, buffer, sizeof buffer, &error), ==, KAA_TRANSPORT_FAILED);
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_cmpint (do_write (transport, "abc", &error), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 2);
  g_assert_cmpint (do_write (transport, "abc", &error), ==, KAA_TRANSPORT_FAILED);
  g_assert_nonnull (error);
  g_clear_error (&error);
  finish_off (transport, TRUE);
  end (&entry);
}

static void
test_forked (void)
{
  Entry entry;
  KaaTransport *transport;
  char buffer[8];
  int fd = make_file ("abc");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  await_dispatch (&entry, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  transport->klass->stop (transport);
  transport->klass->close (transport, /* close_fd= */ TRUE, /* forked= */ TRUE);
  g_assert_false (is_open (fd));
  end (&entry);
}

/* --- the rest --- */

static void
test_moved (void)
{
  Entry entry, other;
  KaaTransport *transport;
  char buffer[8];
  int fds[2];

  begin (&entry);
  entry_begin (&other);
  make_pipe (fds);
  transport = make (fds[0], &entry);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, KAA_TRANSPORT_AGAIN);
  transport->klass->stop (transport);
  g_assert_cmpint (write (fds[1], "abc", 3), ==, 3);
  while (!(ready (transport) & KAA_POLL_IN))
    g_main_context_iteration (context, /* may_block= */ TRUE);
  g_assert_cmpuint (entry.n_dispatched, ==, 0);

  g_assert_true (transport->klass->start (transport, &other.entry, NULL));
  await_dispatch (&other, 1);
  g_assert_cmpint (do_read (transport, buffer, sizeof buffer), ==, 3);
  g_assert_cmpuint (entry.n_dispatched, ==, 0);
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
  int fd = make_file ("abc");

  begin (&entry);
  transport = make (fd, &entry);
  g_assert_false (transport->klass->shutdown (transport, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  finish_off (transport, FALSE);
  g_assert_true (is_open (fd));
  close (fd);
  end (&entry);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/file-transport/R11/read", test_read);
  g_test_add_func ("/file-transport/R11/off-the-loop", test_off_the_loop);
  g_test_add_func ("/file-transport/R11/write", test_write);
  g_test_add_func ("/file-transport/R11/write-past-read", test_write_past_read);
  g_test_add_func ("/file-transport/R11/finish", test_finish);
  g_test_add_func ("/file-transport/R11/close-during-job", test_close_during_job);
  g_test_add_func ("/file-transport/W7/sigpipe", test_sigpipe);
  g_test_add_func ("/file-transport/W8/disk-full", test_disk_full);
  g_test_add_func ("/file-transport/C9/context-gone", test_context_gone);
  g_test_add_func ("/file-transport/C10/forked", test_forked);
  g_test_add_func ("/file-transport/C11/stranger", test_stranger);
  g_test_add_func ("/file-transport/C11/closed-behind", test_closed_behind);
  g_test_add_func ("/file-transport/moved", test_moved);
  g_test_add_func ("/file-transport/shutdown", test_shutdown);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib-unix.h>
#include <kaaio/kaa-context-fd.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a foreign loop does in one turn. Far more time than anything here takes. */
static gboolean
turn (KaaContextFd *context_fd,
      int           timeout)
{
  struct pollfd poll_fd = { .fd = kaa_context_fd_get_fd (context_fd), .events = POLLIN };
  gboolean ready = kaa_context_fd_prepare (context_fd);
  int n = poll (&poll_fd, 1, ready ? 0 : timeout);

  kaa_context_fd_release (context_fd);
  if (ready || n > 0)
    kaa_context_fd_iterate (context_fd);
  return ready || n > 0;
}

static gboolean
count (gpointer user_data)
{
  ++*(guint *) user_data;
  return G_SOURCE_REMOVE;
}

static gboolean
count_fd (int          fd,
          GIOCondition condition,
          gpointer     user_data)
{
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 1);
  ++*(guint *) user_data;
  return G_SOURCE_CONTINUE;
}

static KaaContextFd *
make (GMainContext **context)
{
  g_autoptr (GError) error = NULL;
  KaaContextFd *context_fd;

  *context = g_main_context_new ();
  context_fd = kaa_context_fd_new (*context, &error);
  g_assert_no_error (error);
  g_assert_cmpint (kaa_context_fd_get_fd (context_fd), >=, 0);
  return context_fd;
}

static GSource *
attach_fd (GMainContext *context,
           int           fd,
           guint        *n_calls)
{
  GSource *source = g_unix_fd_source_new (fd, G_IO_IN);

  g_source_set_callback (source, G_SOURCE_FUNC (count_fd), n_calls, NULL);
  g_source_attach (source, context);
  return source;
}

static void
test_idle (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  g_autoptr (GSource) source = g_idle_source_new ();
  guint n_calls = 0;

  while (turn (context_fd, 0))
    ;
  g_source_set_callback (source, count, &n_calls, NULL);
  g_source_attach (source, context);
  g_assert_true (turn (context_fd, -1));
  g_assert_cmpuint (n_calls, ==, 1);
  while (turn (context_fd, 0))
    ;
}

static void
test_timeout (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  g_autoptr (GSource) late = g_timeout_source_new_seconds (1000);
  g_autoptr (GSource) soon = g_timeout_source_new (20);
  guint n_calls = 0, turns = 0;

  g_source_set_callback (late, count, &n_calls, NULL);
  g_source_attach (late, context);
  while (turn (context_fd, 0))
    ;
  g_source_set_callback (soon, count, &n_calls, NULL);
  g_source_attach (soon, context);
  while (n_calls == 0)
    {
      turn (context_fd, -1);
      turns++;
    }
  /* It sleeps until then. */
  g_assert_cmpuint (turns, <=, 5);
  g_source_destroy (late);
  while (turn (context_fd, 0))
    ;
}

/* What another thread attaches wakes the loop. */
static gpointer
attach_idle (gpointer user_data)
{
  gpointer *data = user_data;
  GSource *source = g_idle_source_new ();

  g_source_set_callback (source, count, data[1], NULL);
  g_source_attach (source, data[0]);
  g_source_unref (source);
  return NULL;
}

static void
test_thread (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  guint n_calls = 0;
  gpointer data[] = { context, &n_calls };
  GThread *thread;

  while (turn (context_fd, 0))
    ;
  thread = g_thread_new ("attach", attach_idle, data);
  while (n_calls == 0)
    turn (context_fd, -1);
  g_thread_join (thread);
}

/* A number that is closed and given away between two turns. */
static void
test_number_used_again (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  guint n_calls = 0;
  GSource *source;
  int fds[2], number;

  g_assert_cmpint (pipe (fds), ==, 0);
  number = fds[0];
  source = attach_fd (context, fds[0], &n_calls);
  while (turn (context_fd, 0))
    ;
  g_source_destroy (source);
  g_source_unref (source);
  close (fds[0]);
  close (fds[1]);

  g_assert_cmpint (pipe (fds), ==, 0);
  g_assert_true (fds[0] == number || fds[1] == number);
  source = attach_fd (context, fds[0], &n_calls);
  while (turn (context_fd, 0))
    ;
  g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
  while (n_calls == 0)
    g_assert_true (turn (context_fd, -1));
  while (turn (context_fd, 0))
    ;
  g_source_destroy (source);
  g_source_unref (source);
  close (fds[0]);
  close (fds[1]);
}

/* epoll goes on reporting what was closed here and lives on elsewhere; the loop must not spin. */
static void
test_description_lives_on (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  guint n_calls = 0, turns = 0;
  GSource *source;
  int fds[2], copy;

  g_assert_cmpint (pipe (fds), ==, 0);
  copy = dup (fds[0]);
  source = attach_fd (context, fds[0], &n_calls);
  while (turn (context_fd, 0))
    ;
  g_source_destroy (source);
  g_source_unref (source);
  close (fds[0]);
  g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
  for (; turn (context_fd, 0); turns++)
    g_assert_cmpuint (turns, <, 10);
  g_assert_cmpuint (n_calls, ==, 0);
  close (copy);
  close (fds[1]);
}

/* Two sources on one descriptor. */
static void
test_shared (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  guint n_calls = 0;
  GSource *in, *out;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  in = attach_fd (context, fds[0], &n_calls);
  out = g_unix_fd_source_new (fds[0], G_IO_PRI);
  g_source_set_callback (out, count, &n_calls, NULL);
  g_source_attach (out, context);
  while (turn (context_fd, 0))
    ;
  g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
  while (n_calls == 0)
    g_assert_true (turn (context_fd, -1));
  g_source_destroy (in);
  g_source_destroy (out);
  g_source_unref (in);
  g_source_unref (out);
  close (fds[0]);
  close (fds[1]);
}

static gpointer
prepare_elsewhere (gpointer user_data)
{
  g_assert_false (kaa_context_fd_prepare (user_data));
  kaa_context_fd_release (user_data);
  return NULL;
}

static void
test_context_of_another_thread (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);

  g_assert_true (g_main_context_acquire (context));
  g_thread_join (g_thread_new ("prepare", prepare_elsewhere, context_fd));
  g_main_context_release (context);
}

static gboolean
drop (gpointer user_data)
{
  g_clear_object ((KaaContextFd **) user_data);
  return G_SOURCE_REMOVE;
}

static void
test_dropped_inside (void)
{
  g_autoptr (GMainContext) context = NULL;
  KaaContextFd *context_fd = make (&context);
  GSource *source = g_idle_source_new ();

  g_source_set_callback (source, drop, &context_fd, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
  kaa_context_fd_iterate (context_fd);
  g_assert_null (context_fd);
}

/* --- What somebody else closes --- */

/* The last descriptor, not counting one, of what the system calls so. */
static int
find_fd (const char *target,
         int         but)
{
  int found = -1;

  for (int fd = 3; fd < 100; fd++)
    {
      g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      g_autofree char *link = g_file_read_link (path, NULL);

      if (fd != but && g_strcmp0 (link, target) == 0)
        found = fd;
    }
  return found;
}

static void
test_lost (gconstpointer reused)
{
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GMainContext) context = NULL;
      g_autoptr (KaaContextFd) context_fd = make (&context);
      g_autoptr (GSource) soon = g_timeout_source_new (20);
      g_autoptr (GSource) source = NULL;
      guint n_bytes = 0, n_calls = 0;
      int numbers[3], fds[2], strangers[2];

      g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
      g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, strangers), ==, 0);
      source = attach_fd (context, fds[0], &n_bytes);
      while (turn (context_fd, 0))
        ;
      numbers[0] = kaa_context_fd_get_fd (context_fd);
      numbers[1] = find_fd ("anon_inode:[eventpoll]", numbers[0]);
      numbers[2] = find_fd ("anon_inode:[timerfd]", -1);
      g_assert_cmpint (MIN (numbers[1], numbers[2]), >=, 0);
      if (reused != NULL)
        g_assert_cmpint (dup2 (strangers[0], numbers[i]), ==, numbers[i]);
      else
        close (numbers[i]);

      /* What is closed may be said at once, or be mended in silence. */
      for (guint j = 0; j < 3; j++)
        turn (context_fd, 0);
      g_assert_false (turn (context_fd, 0));
      g_assert_cmpint (write (fds[1], "x", 1), ==, 1);
      g_assert_true (turn (context_fd, 0));
      g_assert_cmpuint (n_bytes, ==, 1);
      g_source_set_callback (soon, count, &n_calls, NULL);
      g_source_attach (soon, context);
      for (guint turns = 0; n_calls == 0; turns++)
        {
          g_assert_cmpuint (turns, <=, 5);
          turn (context_fd, -1);
        }

      g_source_destroy (source);
      g_clear_object (&context_fd);
      if (reused != NULL)
        g_assert_cmpint (close (numbers[i]), ==, 0);
      g_assert_cmpint (find_fd ("anon_inode:[eventpoll]", -1), ==, -1);
      g_assert_cmpint (find_fd ("anon_inode:[timerfd]", -1), ==, -1);
      for (guint j = 0; j < 2; j++)
        {
          close (fds[j]);
          close (strangers[j]);
        }
    }
}

/* poll() says so, and a set says nothing. */
static gboolean
find_gone (int          fd,
           GIOCondition condition,
           gpointer     user_data)
{
  g_assert_cmpuint (condition, ==, G_IO_NVAL);
  ++*(guint *) user_data;
  return G_SOURCE_REMOVE;
}

static void
test_source_lost (void)
{
  g_autoptr (GMainContext) context = NULL;
  g_autoptr (KaaContextFd) context_fd = make (&context);
  g_autoptr (GSource) source = NULL;
  guint n_calls = 0;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  source = g_unix_fd_source_new (fds[0], G_IO_IN);
  g_source_set_callback (source, G_SOURCE_FUNC (find_gone), &n_calls, NULL);
  g_source_attach (source, context);
  while (turn (context_fd, 0))
    ;
  close (fds[0]);
  while (turn (context_fd, 0))
    ;
  g_assert_cmpuint (n_calls, ==, 1);
  close (fds[1]);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/context-fd/idle", test_idle);
  g_test_add_func ("/context-fd/timeout", test_timeout);
  g_test_add_func ("/context-fd/thread", test_thread);
  g_test_add_func ("/context-fd/number-used-again", test_number_used_again);
  g_test_add_func ("/context-fd/description-lives-on", test_description_lives_on);
  g_test_add_func ("/context-fd/shared", test_shared);
  g_test_add_func ("/context-fd/context-of-another-thread", test_context_of_another_thread);
  g_test_add_func ("/context-fd/dropped-inside", test_dropped_inside);
  g_test_add_data_func ("/context-fd/lost/closed", NULL, test_lost);
  g_test_add_data_func ("/context-fd/lost/again", GINT_TO_POINTER (TRUE), test_lost);
  g_test_add_func ("/context-fd/source-lost", test_source_lost);

  return g_test_run ();
}

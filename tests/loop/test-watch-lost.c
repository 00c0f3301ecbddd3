/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptors, and whole sets of them, that somebody else closes. */
#include "poller-fixture.h"

#include "bytes/kaa-sys.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/wait.h>

/* What epoll_wait(2) fails with (the program is linked with --wrap), 0: nothing. */
static int refusal;

int __real_epoll_wait (int set, struct epoll_event *ready, int n, int timeout);
int __wrap_epoll_wait (int set, struct epoll_event *ready, int n, int timeout);

int
__wrap_epoll_wait (int                 set,
                   struct epoll_event *ready,
                   int                 n,
                   int                 timeout)
{
  if (refusal == 0)
    return __real_epoll_wait (set, ready, n, timeout);

  errno = refusal;
  return -1;
}

enum { N = 12 };

typedef struct
{
  Entry *entries[N];
  int fds[N][2];
} Some;

static void
some_begin (Some          *some,
            gconstpointer  data)
{
  begin (data);
  for (guint i = 0; i < N; i++)
    {
      KaaFdInfo info;

      make_sockets (some->fds[i]);
      g_assert_true (kaa_sys_inspect (some->fds[i][0], &info, NULL));
      some->entries[i] = entry_new ();
      some->entries[i]->watch.identity = info.identity;
      entry_watch (some->entries[i], some->fds[i][0], KAA_POLL_IN);
    }
  settle ();
}

/* Those from first on are heard. */
static void
some_are_heard (Some  *some,
                guint  first)
{
  for (guint i = first; i < N; i++)
    {
      guint before = some->entries[i]->n_dispatched;

      put (some->fds[i][1]);
      settle ();
      g_assert_cmpuint (some->entries[i]->n_dispatched, ==, before + 1);
      drain (some->fds[i][0]);
      kaa_watch_clear (&some->entries[i]->watch, KAA_POLL_IN);
      g_assert_cmpuint (settle (), ==, 1);
    }
}

static void
some_end (Some *some)
{
  for (guint i = 0; i < N; i++)
    {
      entry_free (some->entries[i]);
      close_both (some->fds[i]);
    }
  end ();
}

static gboolean
is_lost (Entry *entry)
{
  return (entry->watch.ready & KAA_POLL_LOST) != 0;
}

static int
find_set (void)
{
  for (int fd = 3; fd < 1000; fd++)
    {
      char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      char *target = g_file_read_link (path, NULL);
      gboolean found = g_strcmp0 (target, "anon_inode:[eventpoll]") == 0;

      g_free (path);
      g_free (target);
      if (found)
        return fd;
    }
  return -1;
}

/* --- Descriptors --- */

static void
test_asked (gconstpointer data)
{
  int strangers[2];
  Some some;
  int number;

  some_begin (&some, data);
  for (guint i = 0; i < N; i++)
    g_assert_true (kaa_watch_check (&some.entries[i]->watch));

  /* One that is closed, and one whose number is in use again. */
  number = some.fds[1][0];
  close (g_steal_fd (&some.fds[0][0]));
  make_sockets (strangers);
  g_assert_cmpint (dup3 (strangers[0], number, O_CLOEXEC), ==, number);
  put (strangers[1]);
  for (guint i = 0; i < N; i++)
    {
      g_assert_true (kaa_watch_check (&some.entries[i]->watch) == (i > 1));
      g_assert_true (is_lost (some.entries[i]) == (i <= 1));
    }
  settle ();
  for (guint i = 0; i < N; i++)
    g_assert_cmpuint (some.entries[i]->n_dispatched, ==, i <= 1);

  /* Whatever they do, the stranger is not polled for them. */
  for (guint i = 0; i <= 1; i++)
    {
      kaa_watch_clear (&some.entries[i]->watch, KAA_POLL_IN);
      kaa_watch_set_wanted (&some.entries[i]->watch, KAA_POLL_IN | KAA_POLL_OUT);
      g_assert_false (kaa_watch_check (&some.entries[i]->watch));
    }
  g_assert_cmpuint (settle (), ==, 1);
  for (guint i = 0; i <= 1; i++)
    {
      GError *error = NULL;

      kaa_watch_stop (&some.entries[i]->watch);
      g_assert_false (kaa_watch_start (&some.entries[i]->watch, &some.entries[i]->entry, number, KAA_POLL_IN, &error));
      g_assert_nonnull (error);
      g_error_free (error);
    }

  some_are_heard (&some, 2);
  close_both (strangers);
  some_end (&some);
}

/* The number comes back with another watch, which is how a program goes on after such a fault. */
static void
test_taken_over (gconstpointer data)
{
  KaaFdInfo info;
  Entry *second;
  int again[2];
  Some some;
  int number;

  some_begin (&some, data);
  number = some.fds[0][0];
  make_sockets (again);
  g_assert_cmpint (dup3 (again[0], number, O_CLOEXEC), ==, number);
  g_assert_true (kaa_sys_inspect (number, &info, NULL));
  second = entry_new ();
  second->watch.identity = info.identity;
  entry_watch (second, number, KAA_POLL_IN);
  g_assert_true (is_lost (some.entries[0]));
  put (again[1]);
  settle ();
  g_assert_cmpuint (some.entries[0]->n_dispatched, ==, 1);
  g_assert_cmpuint (second->n_dispatched, ==, 1);
  g_assert_false (is_lost (second));

  some_are_heard (&some, 1);
  entry_free (second);
  close_both (again);
  some_end (&some);
}

/* --- The set --- */

typedef enum
{
  CLOSED,
  QUIET,      /* in use again, by what has nothing to say */
  READABLE,
  READY_SET   /* by another set, which has */
} Fate;

static const Fate fates[] = { CLOSED, QUIET, READABLE, READY_SET };

static void
lose_set (int  set,
          Fate fate,
          int  stranger[2])
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = 5 };
  int other;

  make_pipe (stranger);
  close (set);
  switch (fate)
    {
    case CLOSED:
      break;

    case READABLE:
      put (stranger[1]);
      G_GNUC_FALLTHROUGH;
    case QUIET:
      g_assert_cmpint (dup3 (stranger[0], set, O_CLOEXEC), ==, set);
      break;

    case READY_SET:
      put (stranger[1]);
      other = epoll_create1 (EPOLL_CLOEXEC);
      g_assert_cmpint (epoll_ctl (other, EPOLL_CTL_ADD, stranger[0], &event), ==, 0);
      if (other != set)
        {
          g_assert_cmpint (dup3 (other, set, O_CLOEXEC), ==, set);
          close (other);
        }
      break;
    }
}

/* What was under the number is as it was. */
static void
check_stranger (int  set,
                Fate fate,
                int  stranger[2])
{
  struct epoll_event event;
  char byte;

  if (fate == READABLE)
    g_assert_cmpint (read (set, &byte, 1), ==, 1);
  if (fate == READY_SET)
    {
      g_assert_cmpint (epoll_wait (set, &event, 1, 0), ==, 1);
      g_assert_cmpint (event.data.fd, ==, 5);
      /* Nothing was added to it. */
      g_assert_cmpint (epoll_ctl (set, EPOLL_CTL_DEL, stranger[0], NULL), ==, 0);
      g_assert_cmpint (epoll_wait (set, &event, 1, 0), ==, 0);
    }
  if (fate != CLOSED)
    g_assert_cmpint (close (set), ==, 0);
  close_both (stranger);
}

/* The next turn of the loop has a set again, and everybody is served; what was closed with it says so. */
static void
test_set (gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (fates); i++)
    {
      int stranger[2];
      Some some;
      int set;

      some_begin (&some, data);
      set = find_set ();
      if (set >= 0)
        {
          lose_set (set, fates[i], stranger);
          close (g_steal_fd (&some.fds[0][0]));
          /* A quiet one is found out by whoever asks, or joins. */
          if (fates[i] == QUIET)
            kaa_watch_check (&some.entries[1]->watch);
          settle ();
          g_assert_true (is_lost (some.entries[0]));
          g_assert_cmpuint (some.entries[0]->n_dispatched, ==, 1);
          some_are_heard (&some, 1);
          check_stranger (set, fates[i], stranger);
        }
      some_end (&some);
      g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, 0);
    }
}

/* Nobody turns the loop before somebody joins, or leaves, or all do. */
static void
test_set_unseen (gconstpointer data)
{
  for (guint i = 0; i < 3 * G_N_ELEMENTS (fates); i++)
    {
      Fate fate = fates[i / 3];
      int stranger[2];
      int newcomer[2];
      Entry *entry;
      Some some;
      int set;

      make_sockets (newcomer);
      some_begin (&some, data);
      set = find_set ();
      if (set >= 0)
        lose_set (set, fate, stranger);

      entry = entry_new ();
      if (i % 3 == 0)
        entry_watch (entry, newcomer[0], KAA_POLL_IN);
      else if (i % 3 == 1)
        kaa_watch_stop (&some.entries[0]->watch);
      if (i % 3 != 2)
        {
          settle ();
          /* Somebody has to ask. */
          kaa_watch_check (&some.entries[1]->watch);
          some_are_heard (&some, 1);
          put (newcomer[1]);
          settle ();
          g_assert_cmpuint (entry->n_dispatched, ==, i % 3 == 0);
        }
      entry_free (entry);
      for (guint j = 0; j < N; j++)
        kaa_watch_stop (&some.entries[j]->watch);
      if (set >= 0)
        check_stranger (set, fate, stranger);
      some_end (&some);
      close_both (newcomer);
      g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, 0);
    }
}

/* A system that refuses what it has promised: the set is done without. */
static void
test_set_refused (gconstpointer data)
{
  static const int errors[] = { EPERM, ENOSYS, EBADF, EINVAL };

  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    {
      Some some;

      some_begin (&some, data);
      refusal = errors[i];
      some_are_heard (&some, 0);
      refusal = 0;
      some_are_heard (&some, 0);
      g_assert_cmpint (find_set (), ==, -1);
      some_end (&some);
    }
}

/* ... or is interrupted. */
static void
test_set_interrupted (gconstpointer data)
{
  Some some;

  some_begin (&some, data);
  put (some.fds[0][1]);
  refusal = EINTR;
  for (guint i = 0; i < 5; i++)
    turn ();
  refusal = 0;
  settle ();
  g_assert_cmpuint (some.entries[0]->n_dispatched, ==, 1);
  g_assert_cmpuint (count_fds (/* only_epoll= */ TRUE), ==, !g_str_equal (mode, "poll"));
  some_end (&some);
}

/* A daemon's child that closes all it has inherited, and runs the loop on: it rests, and the parent hears as ever. */
static void
test_forked (gconstpointer data)
{
  int status;
  pid_t child;
  Some some;
  int set;

  some_begin (&some, data);
  set = find_set ();
  child = fork ();
  if (child == 0)
    {
      if (set >= 0)
        close (set);
      for (guint i = 0; i < N; i++)
        close_both (some.fds[i]);
      settle ();
      _exit (settle () == 1 ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  some_are_heard (&some, 0);
  some_end (&some);
}

int
main (int   argc,
      char *argv[])
{
  static const Case cases[] =
  {
    { "asked", test_asked },
    { "taken-over", test_taken_over },
    { "set", test_set },
    { "set-unseen", test_set_unseen },
    { "set-refused", test_set_refused },
    { "set-interrupted", test_set_interrupted },
    { "forked", test_forked },
  };

  g_test_init (&argc, &argv, NULL);
  add_cases ("watch-lost", cases, G_N_ELEMENTS (cases));

  return g_test_run ();
}

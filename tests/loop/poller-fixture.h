/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The poller, alone: entries made here, real descriptors, and a poll function that never sleeps but says that it
 * would have. So a test runs the loop until there is nothing left to do, and knows how many turns that took.
 * Every case runs once for each way of watching descriptors.
 */
#include "loop/kaa-poller.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than any of these loops needs: who gets there spins. */
#define TOO_MANY 10000

static const char *mode;
static GMainContext *context;
static guint n_polls;
static int polled[64];    /* descriptors, by the last poll; the context's own are among them */
static guint n_polled;
static gboolean asleep;

static int
poll_without_sleep (GPollFD *fds,
                    guint    n_fds,
                    int      timeout)
{
  int n = g_poll (fds, n_fds, 0);

  n_polls++;
  n_polled = MIN (n_fds, G_N_ELEMENTS (polled));
  for (guint i = 0; i < n_polled; i++)
    polled[i] = fds[i].fd;
  if (n == 0 && timeout != 0)
    asleep = TRUE;

  return n;
}

static void
begin (gconstpointer data)
{
  mode = data;
  if (g_strcmp0 (g_getenv ("KAA_IO_POLLER"), mode) != 0)
    g_setenv ("KAA_IO_POLLER", mode, TRUE);
  context = g_main_context_new ();
  g_main_context_set_poll_func (context, poll_without_sleep);
}

static void
end (void)
{
  g_clear_pointer (&context, g_main_context_unref);
}

static void
turn (void)
{
  g_main_context_iteration (context, /* may_block= */ TRUE);
}

/* Until the loop would sleep; the number of turns that took. */
static guint
settle (void)
{
  guint before = n_polls;

  asleep = FALSE;
  while (!asleep)
    {
      turn ();
      g_assert_cmpuint (n_polls - before, <, TOO_MANY);
    }

  return n_polls - before;
}

/* Descriptors of this process; or only those that are epoll sets. */
static inline guint
count_fds (gboolean only_epoll)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  const char *name;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      char *path = g_build_filename ("/proc/self/fd", name, NULL);
      char *target = g_file_read_link (path, NULL);

      if (!only_epoll || g_strcmp0 (target, "anon_inode:[eventpoll]") == 0)
        n++;
      g_free (target);
      g_free (path);
    }
  g_dir_close (dir);

  return n;
}

typedef struct _Entry Entry;

struct _Entry
{
  KaaPollEntry entry;
  KaaWatch watch;
  guint n_dispatched;
  guint n_looks;
  guint n_gone;
  KaaLook look;
  void (*act) (Entry *self);
  Entry *other;
  guint n;
};

static void
entry_dispatch (KaaPollEntry *entry)
{
  Entry *self = (gpointer) entry;

  self->n_dispatched++;
  if (self->act != NULL)
    self->act (self);
}

static KaaLook
entry_look (KaaPollEntry *entry)
{
  Entry *self = (gpointer) entry;

  self->n_looks++;

  return self->look;
}

static void
entry_context_gone (KaaPollEntry *entry)
{
  Entry *self = (gpointer) entry;

  self->n_gone++;
  if (self->act != NULL)
    self->act (self);
}

static const KaaPollEntryFuncs entry_funcs = { entry_dispatch, entry_look, entry_context_gone };

static Entry *
entry_new_at (int priority)
{
  Entry *self = g_new0 (Entry, 1);
  KaaPoller *poller = kaa_poller_get (context, priority);

  self->entry.funcs = &entry_funcs;
  kaa_poll_entry_attach (&self->entry, poller);
  kaa_poller_unref (poller);

  return self;
}

static Entry *
entry_new (void)
{
  return entry_new_at (G_PRIORITY_DEFAULT);
}

static void
entry_free (Entry *self)
{
  kaa_watch_stop (&self->watch);
  kaa_poll_entry_detach (&self->entry);
  g_free (self);
}

static inline void
entry_watch (Entry        *self,
             int           fd,
             KaaPollFlags  wanted)
{
  GError *error = NULL;

  kaa_watch_start (&self->watch, &self->entry, fd, wanted, &error);
  g_assert_no_error (error);
}

static inline void
make_pipe (int fds[2])
{
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
}

static inline void
close_both (int fds[2])
{
  for (int i = 0; i < 2; i++)
    {
      if (fds[i] >= 0)
        close (fds[i]);
      fds[i] = -1;
    }
}

static inline void
put (int fd)
{
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
}

static inline void
make_sockets (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
}

static inline void
drain (int fd)
{
  char buffer[4096];

  while (read (fd, buffer, sizeof buffer) > 0)
    ;
}

typedef struct
{
  const char *name;
  GTestDataFunc func;
} Case;

static void
add_cases (const char *floor,
           const Case *cases,
           guint       n_cases)
{
  static const char *modes[] = { "auto", "poll", "epoll" };

  for (guint i = 0; i < G_N_ELEMENTS (modes); i++)
    for (guint j = 0; j < n_cases; j++)
      {
        char *path = g_strdup_printf ("/%s/%s/%s", floor, modes[i], cases[j].name);

        g_test_add_data_func (path, modes[i], cases[j].func);
        g_free (path);
      }
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loop/kaa-context-fd.h"

#include "bytes/kaa-sys.h"

#include <errno.h>

#ifdef __linux__
# include <fcntl.h>
# include <poll.h>
# include <sys/epoll.h>
# include <sys/timerfd.h>
# include <unistd.h>
#endif

/**
 * KaaContextFd:
 *
 * A main context behind one descriptor, for programs whose loop is not GLib's.
 *
 * The foreign loop polls [method@Kaa.ContextFd.get_fd] for reading, and around each of its polls it does this:
 *
 * ```c
 * KaaContextFd *context_fd = kaa_context_fd_new (NULL, &error);
 *
 * // In each turn of the foreign loop, with whatever it waits for besides:
 * gboolean ready = kaa_context_fd_prepare (context_fd);
 * GPollFD poll_fd = { kaa_context_fd_get_fd (context_fd), G_IO_IN, 0 };
 * g_poll (&poll_fd, 1, ready ? 0 : -1);
 * kaa_context_fd_release (context_fd);
 * if (ready || poll_fd.revents != 0)
 *   kaa_context_fd_iterate (context_fd);
 * ```
 *
 * Descriptors and time-outs of the context make the descriptor readable, so nothing has to be looked at in intervals.
 *
 * Threads: it belongs to the thread that runs the foreign loop. As with any context, sources may be attached from everywhere.
 *
 * Since: 1.0
 */

/* A descriptor that we opened. -1, and a number that is not ours any more, are closed by nobody here. */
typedef struct
{
  int fd;
  int mark;
} Own;

struct _KaaContextFd
{
  GObject parent_instance;

  GMainContext *context;
  guint acquired;         /* depth: a foreign loop may be nested */
  Own outer;              /* epoll set of the two below */
  Own set;                /* epoll set of the context's descriptors */
  Own timer;
  gint64 alarm;           /* monotonic time that the timer is set to, -1 if it is not */
  GPollFD *polls;         /* as the context said last */
  int n_polls, polls_size;
  GHashTable *watched;    /* descriptors in the set -> the round that asked for them last */
  guint round;
  gboolean stale;         /* the set may report what the context does not know any more */
};

G_DEFINE_FINAL_TYPE (KaaContextFd, kaa_context_fd, G_TYPE_OBJECT)

#ifdef __linux__

static gboolean
is_ours (const Own *own)
{
  return own->fd >= 0 && kaa_sys_has_mark (own->fd, own->mark);
}

static void
close_own (Own *own)
{
  if (is_ours (own))
    close (own->fd);
  own->fd = -1;
}

static gboolean
take (Own *own,
      int  fd)
{
  own->fd = kaa_sys_move_up (fd);
  own->mark = own->fd >= 0 ? kaa_sys_mark (own->fd) : 0;
  return own->fd >= 0;
}

static gboolean
add_to_outer (KaaContextFd *self,
              const Own    *own)
{
  struct epoll_event event = { .events = EPOLLIN };

  return epoll_ctl (self->outer.fd, EPOLL_CTL_ADD, own->fd, &event) == 0;
}

static gboolean
open_set (KaaContextFd *self)
{
  close_own (&self->set);
  g_hash_table_remove_all (self->watched);
  return take (&self->set, epoll_create1 (EPOLL_CLOEXEC)) && add_to_outer (self, &self->set);
}

static gboolean
open_timer (KaaContextFd *self)
{
  close_own (&self->timer);
  self->alarm = -1;
  return take (&self->timer, timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) &&
         add_to_outer (self, &self->timer);
}

static gboolean
open_all (KaaContextFd *self)
{
  return take (&self->outer, epoll_create1 (EPOLL_CLOEXEC)) && open_timer (self) && open_set (self);
}

/* Somebody has closed it. Another number, so that whoever polls the old one finds out. */
static gboolean
open_outer_again (KaaContextFd *self)
{
  int fd = epoll_create1 (EPOLL_CLOEXEC);
  int other = fcntl (fd, F_DUPFD_CLOEXEC, self->outer.fd + 1);

  if (fd >= 0)
    close (fd);
  return take (&self->outer, other) && open_timer (self) && open_set (self);
}

/* FALSE where the set cannot tell about it: it is closed, or it is a file and always ready. */
static gboolean
watch (KaaContextFd *self,
       int           fd,
       guint         conditions)
{
  /* GIOCondition has poll's bits, and so has epoll. */
  struct epoll_event event = { .events = conditions, .data.fd = fd };

  g_hash_table_insert (self->watched, GINT_TO_POINTER (fd), GUINT_TO_POINTER (self->round));
  /* A number may have been closed and given away since the last round, so the kernel is asked and not the table. */
  if (epoll_ctl (self->set.fd, EPOLL_CTL_MOD, fd, &event) == 0)
    return TRUE;
  return errno == ENOENT && is_ours (&self->set) && epoll_ctl (self->set.fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static gboolean
forget (gpointer fd,
        gpointer round,
        gpointer user_data)
{
  KaaContextFd *self = user_data;

  if (GPOINTER_TO_UINT (round) == self->round)
    return FALSE;

  epoll_ctl (self->set.fd, EPOLL_CTL_DEL, GPOINTER_TO_INT (fd), NULL);
  return TRUE;
}

static gboolean
watch_all (KaaContextFd *self)
{
  gboolean complete = TRUE;

  self->round++;
  for (int i = 0; i < self->n_polls; i++)
    {
      guint conditions = self->polls[i].events;
      int j;

      /* Several sources may watch one descriptor. */
      for (j = 0; j < i && self->polls[j].fd != self->polls[i].fd; j++)
        ;
      if (j < i)
        continue;
      for (j = i + 1; j < self->n_polls; j++)
        if (self->polls[j].fd == self->polls[i].fd)
          conditions |= self->polls[j].events;
      complete = watch (self, self->polls[i].fd, conditions) && complete;
    }
  g_hash_table_foreach_remove (self->watched, forget, self);
  return complete;
}

/* FALSE where poll() knows more than the set. */
static gboolean
update_set (KaaContextFd *self)
{
  gboolean complete;

  if (!is_ours (&self->outer))
    open_outer_again (self);
  /* A description that was closed here but lives on elsewhere reports for ever, and has no number to remove it by. */
  else if (self->stale)
    open_set (self);
  self->stale = FALSE;

  complete = watch_all (self);
  if (complete || is_ours (&self->set))
    return complete;
  return open_set (self) && watch_all (self);
}

static void
update_timer (KaaContextFd *self,
              int           timeout)
{
  gint64 now = g_get_monotonic_time ();
  gint64 alarm = timeout >= 0 ? now + (gint64) timeout * G_TIME_SPAN_MILLISECOND : -1;
  gboolean expired = self->alarm >= 0 && self->alarm <= now;
  struct itimerspec setting = { 0, };

  /* An alarm that is early costs one turn; moving it would cost a system call in each. */
  if (self->alarm >= 0 && !expired && (alarm < 0 || self->alarm <= alarm))
    return;
  if (alarm < 0 && self->alarm < 0)
    return;

  if (!is_ours (&self->timer))
    open_timer (self);
  self->alarm = alarm;
  if (alarm >= 0)
    {
      setting.it_value.tv_sec = alarm / G_USEC_PER_SEC;
      setting.it_value.tv_nsec = alarm % G_USEC_PER_SEC * 1000;
    }
  timerfd_settime (self->timer.fd, TFD_TIMER_ABSTIME, &setting, NULL);
}

#else

static gboolean
open_all (KaaContextFd *self)
{
  errno = ENOSYS;
  return FALSE;
}

static void
close_own (Own *own)
{
}

static gboolean
update_set (KaaContextFd *self)
{
  return FALSE;
}

static void
update_timer (KaaContextFd *self,
              int           timeout)
{
}

#endif

static void
kaa_context_fd_finalize (GObject *object)
{
  KaaContextFd *self = KAA_CONTEXT_FD (object);

  close_own (&self->outer);
  close_own (&self->set);
  close_own (&self->timer);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_hash_table_unref (self->watched);
  g_free (self->polls);

  G_OBJECT_CLASS (kaa_context_fd_parent_class)->finalize (object);
}

static void
kaa_context_fd_class_init (KaaContextFdClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = kaa_context_fd_finalize;
}

static void
kaa_context_fd_init (KaaContextFd *self)
{
  self->outer.fd = self->set.fd = self->timer.fd = -1;
  self->alarm = -1;
  self->watched = g_hash_table_new (NULL, NULL);
}

/**
 * kaa_context_fd_new:
 * @context: (nullable): a main context, or %NULL for the default one
 * @error: return location for an error
 *
 * Puts a main context behind a descriptor.
 *
 * It fails where the system has no descriptors for sets of descriptors and for timers (`G_IO_ERROR_NOT_SUPPORTED`), or has none left.
 *
 * Returns: (transfer full): the context's descriptor
 *
 * Since: 1.0
 */
KaaContextFd *
kaa_context_fd_new (GMainContext  *context,
                    GError       **error)
{
  KaaContextFd *self;

  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  self = g_object_new (KAA_TYPE_CONTEXT_FD, NULL);
  self->context = g_main_context_ref (context != NULL ? context : g_main_context_default ());
  if (open_all (self))
    return self;

  g_set_error (error, G_IO_ERROR, errno == ENOSYS ? G_IO_ERROR_NOT_SUPPORTED : g_io_error_from_errno (errno),
               "A main context cannot be put behind a descriptor here (%s); run a GLib main loop instead",
               g_strerror (errno));
  g_object_unref (self);
  return NULL;
}

/**
 * kaa_context_fd_get_fd:
 * @self: a context's descriptor
 *
 * Gets what is to be polled for reading. It belongs to @self, and stays the same unless somebody else closes it: then
 * [method@Kaa.ContextFd.prepare] makes another one.
 *
 * Returns: a descriptor
 *
 * Since: 1.0
 */
int
kaa_context_fd_get_fd (KaaContextFd *self)
{
  g_return_val_if_fail (KAA_IS_CONTEXT_FD (self), -1);

  return self->outer.fd;
}

/**
 * kaa_context_fd_prepare:
 * @self: a context's descriptor
 *
 * To be called right before the foreign loop polls: takes over what has changed in the context since then, and makes this thread
 * its owner, so that other threads that attach a source wake the loop. [method@Kaa.ContextFd.release] has to follow.
 *
 * Where another thread runs the context, nothing is to be done here, and nothing is.
 *
 * Returns: %TRUE if there is something to do already, so that the loop must not sleep
 *
 * Since: 1.0
 */
gboolean
kaa_context_fd_prepare (KaaContextFd *self)
{
  int priority, timeout;
  gboolean ready;

  g_return_val_if_fail (KAA_IS_CONTEXT_FD (self), FALSE);

  if (!g_main_context_acquire (self->context))
    return FALSE;
  self->acquired++;

  ready = g_main_context_prepare (self->context, &priority);
  while ((self->n_polls = g_main_context_query (self->context, priority, &timeout,
                                                self->polls, self->polls_size)) > self->polls_size)
    {
      self->polls_size = self->n_polls;
      self->polls = g_renew (GPollFD, self->polls, self->polls_size);
    }

  if (ready || timeout == 0)
    return TRUE;

  ready = !update_set (self);
  update_timer (self, timeout);
  return ready;
}

/**
 * kaa_context_fd_release:
 * @self: a context's descriptor
 *
 * To be called right after the foreign loop has polled.
 *
 * Since: 1.0
 */
void
kaa_context_fd_release (KaaContextFd *self)
{
  g_return_if_fail (KAA_IS_CONTEXT_FD (self));

  if (self->acquired == 0)
    return;

  self->acquired--;
  g_main_context_release (self->context);
}

/**
 * kaa_context_fd_iterate:
 * @self: a context's descriptor
 *
 * Dispatches what is ready in the context, and does not wait.
 *
 * Since: 1.0
 */
void
kaa_context_fd_iterate (KaaContextFd *self)
{
  g_return_if_fail (KAA_IS_CONTEXT_FD (self));

  g_object_ref (self);
  if (!g_main_context_iteration (self->context, /* may_block= */ FALSE))
    self->stale = TRUE;
  g_object_unref (self);
}

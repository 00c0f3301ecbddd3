/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KaaChild: watches a child process, and reaps it.
 *
 * A pidfd becomes readable when the child has ended, so the poller looks after it like any other descriptor: no SIGCHLD
 * handler, which is the process's, and no waitpid(-1), which would take other people's children. Signals go
 * through it too, so that they cannot reach a stranger who was given the number.
 *
 * Where there is no pidfd (before Linux 5.3, no descriptor is left, or somebody has closed it) a thread waits for the end, and reaping is left to the
 * poller's thread, so that there is never a moment at which the number is free and a signal still on its way.
 *
 * The number of a group stays taken as long as anybody is in it, and its leader may end first. Linux 6.9 signals the group by the
 * leader's pidfd. Before that there is only the number: so what is left of a group that is being stopped is looked at often enough that
 * no number can come round in between (they are given away in turn), and nothing is sent once it was seen empty.
 *
 * References: who started it has one, the loop one until it was reaped or the context is gone, the thread one; and what is left
 * of its group one while it is being stopped.
 */

#include "ends/kaa-child.h"

#include <kaaio/kaa-process.h>

#include "bytes/kaa-sys.h"
#include "future/kaa-alarm.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct _KaaChild
{
  KaaPollEntry entry;
  KaaWatch watch;
  KaaTask task;              /* what the thread says */
  gatomicrefcount ref_count;
  const KaaChildFuncs *funcs; /* NULL: nobody wants to know any more */
  gpointer owner;
  pid_t pid;
  int pidfd;                 /* -1: a thread waits */
  int status;
  gint64 term_at;            /* -1: never */
  gint64 kill_at;
  GSource *alarm;
  int failure;               /* errno of a signal that had to be sent, until it is asked for */
  gboolean asked;            /* by SIGTERM, to end */
  gboolean ended;            /* said by the thread */
  gboolean reaped;
  gboolean left_alone;       /* the context has gone */
  gboolean in_loop;          /* the loop has its reference */
  gboolean leader;           /* signals are for its group */
  gboolean survived;         /* it was reaped, and others of its group are still being stopped */
};

/* Between two looks at what is left of a group. */
#define GROUP_INTERVAL (100 * 1000)

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
# define PIDFD_SIGNAL_PROCESS_GROUP (1U << 2)
#endif

/* A thread reaps what another one may be about to kill only when the context goes, which is seldom: one lock for all. */
static GMutex left_alone_lock;

/* --- the system's part --- */

static int
open_pidfd (pid_t pid)
{
#ifdef SYS_pidfd_open
  /* CLOEXEC by itself. */
  return kaa_sys_move_up ((int) syscall (SYS_pidfd_open, pid, 0));
#else
  errno = ENOSYS;
  return -1;
#endif
}

/* Its number may be a stranger's: somebody closes what is not his, and the number is given away. */
static gboolean
has_pidfd (const KaaChild *self)
{
  KaaFdInfo info = { .identity = self->watch.identity };

  return self->pidfd >= 0 && kaa_sys_is_same (self->pidfd, &info);
}

static int
wait_for (KaaChild  *self,
          siginfo_t *info,
          int        options)
{
  int result = -1;
#ifdef P_PIDFD
  gboolean by_pidfd = has_pidfd (self);
#endif

  do
    {
      info->si_pid = 0;
      errno = EINVAL;
#ifdef P_PIDFD
      /* Where somebody else has reaped it this says ECHILD, even if the number is another child's by now. */
      if (by_pidfd)
        result = waitid (P_PIDFD, (id_t) self->pidfd, info, options);
#endif
      /* Linux 5.3 has the descriptor, and cannot wait for it. */
      if (result < 0 && errno == EINVAL)
        result = waitid (P_PID, (id_t) self->pid, info, options);
    }
  while (result < 0 && errno == EINTR);

  return result;
}

static void
free_child (KaaChild *self)
{
  kaa_poll_entry_detach (&self->entry);
  if (has_pidfd (self))
    kaa_sys_close (self->pidfd);
  g_free (self);
}

static void
child_unref (KaaChild *self)
{
  if (g_atomic_ref_count_dec (&self->ref_count))
    free_child (self);
}

static KaaChild *
child_ref (KaaChild *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* FALSE if it is still running. */
static gboolean
reap (KaaChild *self,
      int       options)
{
  siginfo_t info = { 0, };
  int result = wait_for (self, &info, WEXITED | options);

  if (result == 0 && info.si_pid == 0)
    return FALSE;

  if (result < 0)
    self->status = KAA_EXIT_STATUS_UNKNOWN;
  else if (info.si_code == CLD_EXITED)
    self->status = info.si_status & 0xff;
  else
    self->status = -info.si_status;
  self->reaped = TRUE;
  return TRUE;
}

static int
signal_child (KaaChild *self,
              int       signum)
{
#ifdef SYS_pidfd_send_signal
  if (has_pidfd (self))
    return (int) syscall (SYS_pidfd_send_signal, self->pidfd, signum, NULL, 0);
#endif
  return kill (self->pid, signum);
}

static int
signal_group (KaaChild *self,
              int       signum)
{
#ifdef SYS_pidfd_send_signal
  if (has_pidfd (self))
    {
      int result = (int) syscall (SYS_pidfd_send_signal, self->pidfd, signum, NULL, PIDFD_SIGNAL_PROCESS_GROUP);

      /* An older kernel, or no such signal. */
      if (result == 0 || errno != EINVAL)
        return result;
      /* Somebody else may have reaped the leader, and nobody be left whose number it is. */
      if (!self->survived && signal_child (self, 0) < 0)
        return -1;
    }
#endif
  return kill (-self->pid, signum);
}

int
kaa_child_signal (KaaChild *self,
                  int       signum)
{
  /* After a fork it is the child of another process. */
  if (self->reaped || kaa_poller_is_forked (self->entry.poller))
    {
      errno = ESRCH;
      return -1;
    }
  return self->leader ? signal_group (self, signum) : signal_child (self, signum);
}

/* --- stopping --- */

static gboolean
is_due (gint64 moment)
{
  return moment >= 0 && g_get_monotonic_time () >= moment;
}

static gint64
get_earlier (gint64 a,
             gint64 b)
{
  if (a < 0 || b < 0)
    return MAX (a, b);
  return MIN (a, b);
}

/* Whoever may not send this one may not send the next either. That the child has ended meanwhile is told elsewhere. */
static gboolean
must_signal (KaaChild *self,
             int       signum)
{
  if (kaa_child_signal (self, signum) == 0 || errno == ESRCH)
    return TRUE;

  self->failure = errno;
  self->term_at = self->kill_at = -1;
  kaa_child_schedule (self);
  return FALSE;
}

static void
send_due_signals (KaaChild *self)
{
  if (is_due (self->kill_at))
    {
      must_signal (self, SIGKILL);
      self->kill_at = self->term_at = -1;
    }
  else if (is_due (self->term_at) && must_signal (self, SIGTERM))
    {
      /* One that was stopped by a signal hears of it only when it goes on. */
      kaa_child_signal (self, SIGCONT);
      self->term_at = -1;
      self->asked = TRUE;
    }
}

static void end_alarm (KaaChild *self);

/* FALSE where nobody is left of it, or all have been killed. */
static gboolean
stop_survivors (KaaChild *self)
{
  if (kaa_poller_is_forked (self->entry.poller))
    return FALSE;
  if (!is_due (self->kill_at))
    return signal_group (self, 0) == 0 || errno == EPERM;
  signal_group (self, SIGKILL);
  return FALSE;
}

static gboolean
alarm_rang (gpointer data)
{
  KaaChild *self = data;

  if (!self->survived)
    {
      send_due_signals (self);
      g_source_set_ready_time (self->alarm, get_earlier (self->term_at, self->kill_at));
    }
  else if (stop_survivors (self))
    {
      g_source_set_ready_time (self->alarm, MIN (self->kill_at, g_get_monotonic_time () + GROUP_INTERVAL));
    }
  else
    {
      self->survived = FALSE;
      end_alarm (self);
      child_unref (self);
    }
  return G_SOURCE_CONTINUE;
}

static void
end_alarm (KaaChild *self)
{
  GMainContext *context = kaa_poller_dup_context (self->entry.poller);

  kaa_alarm_clear (&self->alarm, context);
  g_clear_pointer (&context, g_main_context_unref);
}

static void
set_alarm (KaaChild *self,
           gint64    when)
{
  GMainContext *context = kaa_poller_dup_context (self->entry.poller);

  if (context == NULL)
    return;
  if (self->alarm == NULL)
    {
      self->alarm = kaa_alarm_new (when);
      g_source_set_callback (self->alarm, alarm_rang, self, NULL);
      g_source_set_static_name (self->alarm, "kaa-child-alarm");
      g_source_attach (self->alarm, context);
    }
  else
    {
      g_source_set_ready_time (self->alarm, when);
    }
  g_main_context_unref (context);
}

void
kaa_child_stop_at (KaaChild *self,
                   gint64    term_at,
                   gint64    kill_at)
{
  if (self->reaped)
    return;

  self->failure = 0;
  if (!self->asked)
    self->term_at = get_earlier (self->term_at, term_at);
  self->kill_at = get_earlier (self->kill_at, kill_at);
  send_due_signals (self);
  set_alarm (self, get_earlier (self->term_at, self->kill_at));
}

int
kaa_child_take_failure (KaaChild *self)
{
  int failure = self->failure;

  self->failure = 0;
  return failure;
}

/* The leader was reaped: the rest of its group has as long as it would have had. */
static void
leave_survivors (KaaChild *self)
{
  self->survived = self->leader && self->kill_at >= 0;
  if (!self->survived || !stop_survivors (self))
    {
      self->survived = FALSE;
      end_alarm (self);
      return;
    }
  child_ref (self);
  set_alarm (self, MIN (self->kill_at, g_get_monotonic_time () + GROUP_INTERVAL));
}

/* --- in a thread --- */

static gpointer
reap_in_thread (gpointer data)
{
  KaaChild *self = data;

  reap (self, 0);
  child_unref (self);
  return NULL;
}

/* The end was seen by the thread, which leaves the rest to who runs the loop: or to itself, if nobody does. */
static void
ended (KaaTask  *task,
       gboolean  context_gone)
{
  KaaChild *self = G_STRUCT_MEMBER_P (task, -G_STRUCT_OFFSET (KaaChild, task));

  if (context_gone)
    {
      g_mutex_lock (&left_alone_lock);
      if (!self->reaped)
        reap (self, 0);
      g_mutex_unlock (&left_alone_lock);
    }
  else
    {
      self->ended = TRUE;
      kaa_poll_entry_schedule (&self->entry);
    }
  child_unref (self);
}

static gpointer
wait_in_thread (gpointer data)
{
  KaaChild *self = data;
  siginfo_t info;

  wait_for (self, &info, WEXITED | WNOWAIT);
  kaa_poller_defer (self->entry.poller, &self->task);
  return NULL;
}

static void
begin_thread (KaaChild *self)
{
  g_thread_unref (g_thread_new ("kaa-child", wait_in_thread, child_ref (self)));
}

/* --- in the loop --- */

static void
dispatch (KaaPollEntry *entry)
{
  KaaChild *self = (gpointer) entry;

  if (kaa_poller_is_forked (entry->poller))
    return;

  child_ref (self);
  if (!self->reaped && (self->watch.ready & KAA_POLL_LOST) && self->pidfd >= 0)
    {
      kaa_watch_stop (&self->watch);
      self->pidfd = -1;
      begin_thread (self);
    }
  if (!self->reaped && (self->ended || (self->watch.ready & KAA_POLL_IN)))
    {
      if (reap (self, WNOHANG))
        {
          kaa_watch_stop (&self->watch);
          leave_survivors (self);
          self->in_loop = FALSE;
          child_unref (self);
        }
      else
        {
          /* Somebody else is ready? */
          kaa_watch_clear (&self->watch, KAA_POLL_IN);
          kaa_watch_check (&self->watch);
        }
    }
  if (self->funcs != NULL)
    self->funcs->changed (self, self->owner);
  child_unref (self);
}

/* Whatever the answer depends on comes without notice, so it is asked for in each turn. */
static KaaLook
look (KaaPollEntry *entry)
{
  KaaChild *self = (gpointer) entry;

  return self->funcs != NULL && self->funcs->look (self, self->owner) ? KAA_LOOK_WANTED : KAA_LOOK_BLOCKED;
}

static void
context_gone (KaaPollEntry *entry)
{
  KaaChild *self = (gpointer) entry;
  gboolean needs_thread;

  child_ref (self);
  g_mutex_lock (&left_alone_lock);
  self->left_alone = TRUE;
  kaa_watch_stop (&self->watch);
  kaa_alarm_clear (&self->alarm, NULL);
  /* Nobody is left who would look at the clock. */
  if (self->survived)
    signal_group (self, SIGKILL);
  else if (self->kill_at >= 0)
    kaa_child_signal (self, SIGKILL);
  needs_thread = self->pidfd >= 0 && !self->reaped;
  g_mutex_unlock (&left_alone_lock);

  if (self->funcs != NULL)
    self->funcs->changed (self, self->owner);

  if (needs_thread)
    g_thread_unref (g_thread_new ("kaa-reaper", reap_in_thread, self));
  else if (self->in_loop || self->survived)
    child_unref (self);
  child_unref (self);
}

static const KaaPollEntryFuncs entry_funcs = {
  .dispatch = dispatch,
  .look = look,
  .context_gone = context_gone,
};

KaaChild *
kaa_child_new (pid_t                pid,
               gboolean             leader,
               KaaPoller           *poller,
               const KaaChildFuncs *funcs,
               gpointer             owner)
{
  KaaChild *self = g_new0 (KaaChild, 1);

  self->entry.funcs = &entry_funcs;
  self->task.func = ended;
  self->funcs = funcs;
  self->owner = owner;
  self->pid = pid;
  self->leader = leader;
  self->term_at = self->kill_at = -1;
  g_atomic_ref_count_init (&self->ref_count);
  self->in_loop = TRUE;
  child_ref (self);
  kaa_poll_entry_attach (&self->entry, poller);

  self->pidfd = open_pidfd (pid);
  self->watch.identity = self->pidfd >= 0 ? kaa_sys_get_identity (self->pidfd) : 0;
  if (self->pidfd >= 0 && !kaa_watch_start (&self->watch, &self->entry, self->pidfd, KAA_POLL_IN, NULL))
    {
      kaa_sys_close (self->pidfd);
      self->pidfd = -1;
    }
  if (self->pidfd < 0)
    begin_thread (self);

  kaa_child_schedule (self);
  return self;
}

void
kaa_child_let_go (KaaChild *self)
{
  self->funcs = NULL;
  child_unref (self);
}

void
kaa_child_schedule (KaaChild *self)
{
  kaa_poll_entry_schedule (&self->entry);
}

void
kaa_child_park (KaaChild *self)
{
  kaa_poll_entry_park (&self->entry, KAA_LOOK_BLOCKED);
}

gboolean
kaa_child_is_left_alone (KaaChild *self)
{
  return self->left_alone;
}

gboolean
kaa_child_is_reaped (KaaChild *self)
{
  return self->reaped;
}

int
kaa_child_get_status (KaaChild *self)
{
  return self->status;
}

pid_t
kaa_child_get_pid (KaaChild *self)
{
  return self->pid;
}

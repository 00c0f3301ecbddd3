/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Launching: starting without ever blocking the loop.
 *
 * Until the program runs the one who has started it sleeps: the child has borrowed its memory. And a program may take long to come from
 * a slow disk. So a thread does it. Meanwhile the channel is open with a transport that waits, so that requests and writes wait too,
 * and close() gives up. To be called off, the child is killed; as long as the thread has not reaped it its number is nobody else's.
 *
 * A child that dies with its parent dies with the thread that has started it: so that one stays until the child has ended.
 */

#include "ends/kaa-process-private.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

struct _KaaLaunch
{
  KaaTask task;              /* what the thread says */
  gatomicrefcount ref_count; /* the transport's, and the thread's, which becomes the task's */
  KaaProcess *process;       /* referenced by the future, as long as that is pending */
  KaaInProgress *future;     /* NULL once it is over */
  KaaPoller *poller;
  KaaProcessSetup *setup;    /* the thread's, then the task's */
  KaaSpawnHandle handle;
  pid_t pid;
  GError *error;
};

static void
launch_unref (KaaLaunch *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->setup != NULL)
    kaa_process_setup_free (self->setup);
  g_clear_error (&self->error);
  g_mutex_clear (&self->handle.lock);
  kaa_poller_unref (self->poller);
  g_free (self);
}

static KaaLaunch *
launch_ref (KaaLaunch *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/* It is over. The future, which the caller settles; NULL if that has happened. */
static KaaInProgress *
finish (KaaLaunch *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);

  if (future != NULL)
    kaa_process_get_private (self->process)->launch = NULL;
  return future;
}

/* Whoever waits for the end of the child is told that there will be none. */
static void
settle_error (KaaProcess    *process,
              KaaInProgress *future,
              GError        *error) /* taken */
{
  kaa_process_fail_waiting (process, g_error_copy (error));
  kaa_in_progress_settle_error (future, error, FALSE);
}

static void
fail (KaaLaunch *self,
      GError    *error) /* taken */
{
  KaaProcess *process = g_object_ref (self->process);
  KaaInProgress *future = finish (self);

  kaa_channel_close_with_error (KAA_IO_CHANNEL (process), g_error_copy (error));
  settle_error (process, future, error);
  g_object_unref (future);
  g_object_unref (process);
}

/* The transport is closed, because the channel is: or because the child's have taken its place. */
static void
waiting_closed (gpointer data)
{
  KaaLaunch *self = data;
  KaaProcess *process = self->process;
  KaaInProgress *future = finish (self);

  if (future != NULL)
    {
      kaa_spawn_cancel (&self->handle);
      settle_error (process, future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                                          "The process was closed before it was started"));
      g_object_unref (future);
    }
  launch_unref (self);
}

static void
call_off (KaaLaunch *self)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->process);

  kaa_spawn_cancel (&self->handle);
  g_object_unref (finish (self));
  kaa_channel_close_now (channel, /* expected= */ TRUE);
}

static gboolean
launch_abort (KaaInProgress  *future,
              gpointer        operation,
              const GError   *reason,
              GError        **error)
{
  KaaProcess *process = ((KaaLaunch *) operation)->process;

  /* The caller holds a reference of its own. */
  call_off (operation);
  kaa_process_fail_waiting (process, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The launch was aborted"));
  return TRUE;
}

static const KaaOperationFuncs launch_funcs = {
  .abort = launch_abort,
};

void
kaa_process_stop_launch (KaaProcess *self)
{
  KaaLaunch *launch = kaa_process_get_private (self)->launch;
  KaaInProgress *future = g_object_ref (launch->future);

  call_off (launch);
  settle_error (self, future, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED,
                                                   "The process was stopped before it was started"));
  g_object_unref (future);
}

/* --- what the thread has done --- */

/* Nobody wants it any more. */
static void
dismiss_child (KaaLaunch *self,
               gboolean   context_gone)
{
  if (context_gone)
    {
      kill (self->pid, SIGKILL);
      /* The channel, which is told as well, may call it off yet. */
      g_mutex_lock (&self->handle.lock);
      while (waitpid (self->pid, NULL, 0) < 0 && errno == EINTR)
        ;
      self->handle.pid = 0;
      g_mutex_unlock (&self->handle.lock);
      return;
    }
  kaa_process_dismiss (self->pid, &self->setup->spawn, self->poller);
}

static void
launched (KaaLaunch *self)
{
  KaaProcess *process = g_object_ref (self->process);
  KaaInProgress *future = finish (self);
  GError *error = NULL;

  if (kaa_process_begin (process, g_steal_pointer (&self->setup), self->pid, /* launched= */ TRUE, &error))
    {
      kaa_in_progress_settle_boolean (future, TRUE, FALSE);
    }
  else
    {
      kaa_channel_close_with_error (KAA_IO_CHANNEL (process), g_error_copy (error));
      settle_error (process, future, error);
    }
  g_object_unref (future);
  g_object_unref (process);
}

static void
thread_done (KaaTask  *task,
             gboolean  context_gone)
{
  KaaLaunch *self = G_STRUCT_MEMBER_P (task, -G_STRUCT_OFFSET (KaaLaunch, task));

  if (self->pid >= 0 && (self->future == NULL || context_gone))
    dismiss_child (self, context_gone);
  else if (self->future != NULL && self->pid >= 0)
    launched (self);
  else if (self->future != NULL && !context_gone)
    {
      kaa_process_setup_undo (g_steal_pointer (&self->setup), self->process);
      fail (self, g_steal_pointer (&self->error));
    }
  launch_unref (self);
}

/* --- in the thread --- */

static void
stay_with (pid_t pid)
{
  siginfo_t info;

  while (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
    ;
}

static gpointer
spawn_in_thread (gpointer data)
{
  KaaLaunch *self = data;
  gboolean stay = self->setup->spawn.die_with_parent;
  KaaPoller *poller = kaa_poller_ref (self->poller);
  sigset_t all;
  pid_t pid;

  /* Signals of the process are other threads' business. */
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, NULL);

  self->pid = pid = kaa_spawn (&self->setup->spawn, &self->error);
  /* From here on it belongs to the task. */
  kaa_poller_defer (poller, &self->task);
  kaa_poller_unref (poller);
  if (stay && pid >= 0)
    stay_with (pid);
  return NULL;
}

static gboolean
start_thread (KaaLaunch  *self,
              GError    **error)
{
  GThread *thread = g_thread_try_new ("kaa-launch", spawn_in_thread, launch_ref (self), error);

  if (thread == NULL)
    launch_unref (self);
  else
    g_thread_unref (thread);
  return thread != NULL;
}

/* --- the method --- */

static KaaInProgress *
refuse (KaaProcess *self,
        GError     *error) /* taken */
{
  KaaIOChannelPrivate *channel = kaa_channel_get_private (KAA_IO_CHANNEL (self));
  KaaPoller *poller = kaa_channel_is_mine (channel) ? kaa_poller_ref (channel->entry.poller)
                                                    : kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaInProgress *future = kaa_in_progress_new_operation (G_OBJECT (self), poller, &launch_funcs, NULL);

  kaa_in_progress_settle_error (future, error, FALSE);
  kaa_poller_unref (poller);
  return future;
}

/**
 * kaa_process_launch:
 * @self: a process
 *
 * Starts the child as [method@Kaa.Process.start] does, and never blocks the loop: the program may come from a slow disk.
 *
 * The channel is open at once; what is written to it, or asked of it, waits for the child. [property@Kaa.Process:running] and
 * [property@Kaa.Process:pid] follow when the program runs, just before the future is finished.
 *
 * Errors are those of [method@Kaa.Process.start]; those that come from the system close the channel. Aborting the launch kills the
 * child, if possible before the program runs, and closes the channel. So does closing the channel meanwhile: then it fails with
 * `G_IO_ERROR_CLOSED`; and [method@Kaa.Process.stop]: then it fails with `G_IO_ERROR_CANCELLED`. What [method@Kaa.Process.take_fd]
 * gave is closed with a launch that is given up like this. In the thread of the main context.
 *
 * Returns: (transfer full): a future that is finished with %TRUE when the program runs
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_process_launch (KaaProcess *self)
{
  KaaProcessPrivate *priv;
  KaaPoller *poller;
  KaaProcessSetup *setup;
  KaaTransport *waiting;
  KaaInProgress *future;
  KaaLaunch *launch;
  GError *error = NULL;

  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  priv = kaa_process_get_private (self);
  setup = kaa_process_setup_new (self, &error);
  if (setup == NULL)
    return refuse (self, error);

  kaa_process_drop_last_conversation (self);
  poller = kaa_channel_get_private (KAA_IO_CHANNEL (self))->entry.poller;
  launch = g_new0 (KaaLaunch, 1);
  g_atomic_ref_count_init (&launch->ref_count);
  launch->task.func = thread_done;
  launch->process = self;
  launch->poller = kaa_poller_ref (poller);
  launch->pid = -1;
  launch->setup = setup;
  launch->setup->spawn.handle = &launch->handle;
  g_mutex_init (&launch->handle.lock);
  future = kaa_in_progress_new_operation (G_OBJECT (self), poller, &launch_funcs, launch);

  /* Before it is announced that the channel is alive, where a handler may close it. */
  priv->launch = launch;
  launch->future = g_object_ref (future);
  waiting = kaa_waiting_transport_new (waiting_closed, launch_ref (launch));
  if (!kaa_channel_open_transports (KAA_IO_CHANNEL (self), waiting, waiting, &error))
    g_clear_error (&error);
  else if (launch->future != NULL && !start_thread (launch, &error))
    {
      kaa_process_setup_undo (g_steal_pointer (&launch->setup), self);
      fail (launch, error);
    }
  launch_unref (launch);
  return future;
}

KaaInProgress *
kaa_process_get_launch (KaaProcess *self)
{
  KaaLaunch *launch = kaa_process_get_private (self)->launch;

  return launch != NULL ? launch->future : NULL;
}

KaaInProgress *
kaa_process_launch_unless_cancelled (KaaProcess   *self,
                                     GCancellable *cancellable)
{
  GError *error = NULL;

  /* An abort comes from the loop, and the program might run by then. */
  if (g_cancellable_set_error_if_cancelled (cancellable, &error))
    return refuse (self, error);
  return kaa_process_launch (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting a child, and what is told then; what it is given beside its three descriptors. */

#include "ends/kaa-process-private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
watch_output (KaaOutput    *output,
              KaaIOChannel *channel,
              KaaTransport *input)
{
  output->channel = channel;
  output->input = input;
  output->end = G_MAXUINT64;
}

/* Our ends, as transports that run, before anything has changed. */
typedef struct
{
  KaaTransport *input, *output; /* of the process; may be the same */
  KaaTransport *error;          /* of stderr-channel */
} KaaOurEnds;

/* NULL without an error where there is no such descriptor. */
static gboolean
make_transport (KaaIOChannel    *channel,
                int              fd,
                KaaIOCondition   mode,
                KaaTransport   **transport,
                GError         **error)
{
  if (fd < 0)
    return TRUE;

  *transport = kaa_channel_new_transport (channel, fd, NULL, mode, error);
  return *transport != NULL;
}

static gboolean
make_output (KaaProcess       *self,
             KaaProcessSetup  *setup,
             KaaOurEnds       *ends,
             GError          **error)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  if (setup->input == setup->output)
    {
      if (!make_transport (channel, setup->output, KAA_IO_READ | KAA_IO_WRITE, &ends->input, error))
        return FALSE;
      ends->output = ends->input;
    }
  else if (!make_transport (channel, setup->output, KAA_IO_READ, &ends->input, error) ||
           !make_transport (channel, setup->input, KAA_IO_WRITE, &ends->output, error))
    {
      kaa_channel_discard_transport (ends->input);
      return FALSE;
    }
  return kaa_channel_start_transports (channel, ends->input, ends->output, error);
}

static gboolean
make_error (KaaProcess       *self,
            KaaProcessSetup  *setup,
            KaaOurEnds       *ends,
            GError          **error)
{
  KaaIOChannel *channel = kaa_process_get_private (self)->stderr_channel;

  if (setup->error < 0)
    return TRUE;
  return kaa_channel_check_openable (channel, error) &&
         make_transport (channel, setup->error, KAA_IO_READ, &ends->error, error) &&
         kaa_channel_start_transports (channel, ends->error, NULL, error);
}

/* On failure the descriptors are still the setup's. */
static gboolean
make_ends (KaaProcess       *self,
           KaaProcessSetup  *setup,
           KaaOurEnds       *ends,
           GError          **error)
{
  if (!make_output (self, setup, ends, error))
    return FALSE;
  if (make_error (self, setup, ends, error))
    {
      setup->input = setup->output = setup->error = -1;
      return TRUE;
    }

  kaa_channel_discard_transport (ends->input);
  if (ends->output != ends->input)
    kaa_channel_discard_transport (ends->output);
  return FALSE;
}

/* In the place of what stands in for it, with everything that waits there; or anew. */
static void
open_output (KaaIOChannel     *self,
             const KaaOurEnds *ends,
             gboolean          launched)
{
  KaaTransport *waiting;

  if (!launched)
    {
      kaa_channel_take_transports (self, ends->input, ends->output);
      kaa_channel_opened (self);
      return;
    }

  waiting = kaa_channel_exchange_started (self, ends->input, ends->output);
  waiting->klass->close (waiting, /* close_fd= */ FALSE, /* forked= */ FALSE);
}

static void
open_channels (KaaProcess       *self,
               const KaaOurEnds *ends,
               gboolean          launched)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  /* First, as long as no handler can have closed what stands in for it. */
  open_output (KAA_IO_CHANNEL (self), ends, launched);
  if (ends->input != NULL)
    watch_output (&priv->outputs[0], KAA_IO_CHANNEL (self), ends->input);

  if (ends->error != NULL)
    {
      kaa_channel_take_transports (priv->stderr_channel, ends->error, NULL);
      watch_output (&priv->outputs[1], priv->stderr_channel, ends->error);
      kaa_channel_opened (priv->stderr_channel);
    }
}

/* Of a session or a group of its own it is the leader. */
static gboolean
leads_group (const KaaSpawn *spawn)
{
  return spawn->new_group || spawn->new_session || spawn->terminal >= 0;
}

void
kaa_process_dismiss (pid_t           pid,
                     const KaaSpawn *spawn,
                     KaaPoller      *poller)
{
  KaaChild *child = kaa_child_new (pid, leads_group (spawn), poller, NULL, NULL);

  kaa_child_stop_at (child, -1, 0);
  kaa_child_let_go (child);
}

gboolean
kaa_process_begin (KaaProcess       *self,
                   KaaProcessSetup  *setup,
                   pid_t             pid,
                   gboolean          launched,
                   GError          **error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaPoller *poller = kaa_channel_get_private (KAA_IO_CHANNEL (self))->entry.poller;
  KaaOurEnds ends = { NULL, };

  if (!make_ends (self, setup, &ends, error))
    {
      kaa_process_dismiss (pid, &setup->spawn, poller);
      kaa_process_setup_undo (setup, self);
      return FALSE;
    }

  /* A handler of what is announced from here on finds the new child. */
  g_object_ref (self);
  if (!launched)
    kaa_process_drop_last_conversation (self);
  kaa_process_forget_child (self);
  priv->child = kaa_child_new (pid, leads_group (&setup->spawn), poller, &kaa_process_child_funcs, self);
  kaa_process_setup_free (setup);
  priv->running = TRUE;
  priv->communicated = FALSE;
  priv->exit_status = KAA_EXIT_STATUS_UNKNOWN;
  if (!priv->held)
    {
      priv->held = TRUE;
      g_object_ref (self);
    }

  open_channels (self, &ends, launched);
  kaa_process_notify (self, KAA_PROCESS_PROP_RUNNING);
  kaa_process_notify (self, KAA_PROCESS_PROP_PID);
  kaa_process_notify (self, KAA_PROCESS_PROP_EXIT_STATUS);
  g_object_unref (self);
  return TRUE;
}

/**
 * kaa_process_start:
 * @self: a process
 * @error: return location for an error
 *
 * Starts the child, and opens the channel (and [property@Kaa.Process:stderr-channel]).
 *
 * When this returns %TRUE the program runs. It waits for the system until then, which may have to load the program from a slow
 * disk: [method@Kaa.Process.launch] does not.
 *
 * A child that has ended may be started again, with whatever
 * [property@Kaa.Process:environment] and [property@Kaa.Process:directory] are by then: what was still open of the last
 * one is closed, as by [method@Kaa.IOChannel.wrap_fd].
 *
 * What the system says about the program comes unchanged, in the `G_SPAWN_ERROR` domain: `G_SPAWN_ERROR_NOENT` for a program that
 * does not exist, `G_SPAWN_ERROR_ACCES`, `G_SPAWN_ERROR_NOEXEC` (a file that is no program: no shell is tried) and so on; a
 * directory that cannot be used is `G_SPAWN_ERROR_CHDIR`. It fails with `G_IO_ERROR_EXISTS` while a child is
 * running or being started, with `G_IO_ERROR_INVALID_ARGUMENT` for an empty [property@Kaa.Process:argv], entries of the environment
 * without `=`, or flags and descriptors that contradict each other, and with `G_IO_ERROR_TOO_MANY_OPEN_FILES` where descriptors
 * have run out. Then there is no child, and nothing has changed.
 *
 * Returns: %TRUE if the program runs
 *
 * Since: 1.0
 */
gboolean
kaa_process_start (KaaProcess  *self,
                   GError     **error)
{
  KaaProcessSetup *setup;
  pid_t pid;

  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  setup = kaa_process_setup_new (self, error);
  if (setup == NULL)
    return FALSE;

  pid = kaa_spawn (&setup->spawn, error);
  if (pid < 0)
    {
      kaa_process_setup_undo (setup, self);
      return FALSE;
    }
  return kaa_process_begin (self, setup, pid, /* launched= */ FALSE, error);
}

/* --- what else the child is given --- */

static gboolean
check_thread (KaaProcess  *self,
              GError     **error)
{
  if (kaa_channel_insist (kaa_channel_get_private (KAA_IO_CHANNEL (self))))
    return TRUE;
  g_propagate_error (error, kaa_channel_new_thread_error ());
  return FALSE;
}

/**
 * kaa_process_take_fd:
 * @self: a process
 * @source_fd: an open descriptor
 * @target_fd: the number that it will have in the child
 * @error: return location for an error
 *
 * Gives the child another descriptor, with the next start.
 *
 * After success @source_fd is the process's, which closes it when the child has it, or when the process object goes: so it is
 * given to one child. A start that fails leaves it for the next; a launch that is given up ([method@Kaa.Process.launch]: aborted,
 * closed or stopped) closes it. Numbers of several may overlap in any way; @target_fd may be @source_fd.
 *
 * A @target_fd of 0, 1 or 2 takes the place of the child's standard input, output or error: there is no pipe then, and this channel
 * does not write, or read, that side. Output to a file is a matter of giving its descriptor for 1.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where @source_fd is not open or @target_fd is negative, and with `G_IO_ERROR_EXISTS` where a
 * descriptor was given for this number already: then @source_fd is still the caller's. Where a flag such as
 * `KAA_PROCESS_STDERR_PIPE` has a use for the number too the start fails. In the thread of the main context.
 *
 * Returns: %TRUE if the descriptor was taken
 *
 * Since: 1.0
 */
gboolean
kaa_process_take_fd (KaaProcess  *self,
                     int          source_fd,
                     int          target_fd,
                     GError     **error)
{
  KaaProcessPrivate *priv;
  KaaSpawnFd fd = { -1, target_fd };
  int flags;

  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_process_get_private (self);
  if (!check_thread (self, error))
    return FALSE;

  flags = source_fd >= 0 ? fcntl (source_fd, F_GETFD) : -1;
  if (flags < 0 || target_fd < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   flags < 0 ? "File descriptor %d is not open" : "A child has no file descriptor %d",
                   flags < 0 ? source_fd : target_fd);
      return FALSE;
    }
  for (guint i = 0; i < priv->given->len; i++)
    if (g_array_index (priv->given, KaaSpawnFd, i).target == target_fd)
      {
        g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The child is given another descriptor as %d already", target_fd);
        return FALSE;
      }

  /* No other child is to have it. */
  if (source_fd > STDERR_FILENO)
    {
      fcntl (source_fd, F_SETFD, flags | FD_CLOEXEC);
      fd.source = source_fd;
    }
  else
    {
      fd.source = kaa_sys_dup (source_fd);
      if (fd.source < 0)
        {
          g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Duplicating descriptor %d: %s", source_fd, g_strerror (errno));
          return FALSE;
        }
      kaa_sys_close (source_fd);
    }
  g_array_append_val (priv->given, fd);
  return TRUE;
}

/* Whatever is too large for the system is no limit. */
static rlim_t
to_limit (guint64 value)
{
  return value > G_MAXINT64 || value > (guint64) RLIM_INFINITY ? RLIM_INFINITY : (rlim_t) value;
}

/**
 * kaa_process_set_limit:
 * @self: a process
 * @resource: what is limited: `RLIMIT_CPU`, `RLIMIT_AS`, `RLIMIT_NOFILE` and so on, see setrlimit(2)
 * @soft: the limit that counts; anything above %G_MAXINT64 for none
 * @hard: what the child may raise it to; anything above %G_MAXINT64 for none
 * @error: return location for an error
 *
 * Limits what the child may use of something. It counts from the next start on; set again it takes the place of what was set before.
 *
 * Limits are inherited by what the child starts; most of them count for each process by itself. What is not set is as in this process.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where there is no such resource, or @soft is above @hard. A limit that the system refuses (a
 * hard one above that of this process, for one) is an error of the start. In the thread of the main context.
 *
 * Returns: %TRUE if it will be set
 *
 * Since: 1.0
 */
gboolean
kaa_process_set_limit (KaaProcess  *self,
                       int          resource,
                       guint64      soft,
                       guint64      hard,
                       GError     **error)
{
  KaaProcessPrivate *priv;
  KaaSpawnLimit limit = { resource, { to_limit (soft), to_limit (hard) } };
  struct rlimit now;

  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_process_get_private (self);
  if (!check_thread (self, error))
    return FALSE;

  if (resource < 0 || getrlimit (resource, &now) < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "There is no resource %d that could be limited", resource);
      return FALSE;
    }
  if (limit.limit.rlim_cur > limit.limit.rlim_max)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The soft limit is above the hard one");
      return FALSE;
    }

  for (guint i = 0; i < priv->limits->len; i++)
    if (g_array_index (priv->limits, KaaSpawnLimit, i).resource == resource)
      {
        g_array_index (priv->limits, KaaSpawnLimit, i) = limit;
        return TRUE;
      }
  g_array_append_val (priv->limits, limit);
  return TRUE;
}

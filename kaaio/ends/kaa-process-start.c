/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting a child: the pipes or the terminal, the environment, and the channels on this side. */

#include "ends/kaa-process-private.h"

#include "ends/kaa-pty.h"
#include "ends/kaa-spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Descriptors, -1 where there is none. Those of the child by their numbers there. */
typedef struct
{
  int input, output, error; /* ours: what the child reads, writes, and complains to */
  int child[3];
} Ends;

static void
close_fd (int *fd)
{
  if (*fd >= 0)
    kaa_sys_close (*fd);
  *fd = -1;
}

static void
close_ends (Ends *ends)
{
  if (ends->output != ends->input)
    close_fd (&ends->output);
  close_fd (&ends->input);
  close_fd (&ends->error);
  for (guint i = 0; i < G_N_ELEMENTS (ends->child); i++)
    if (i == 0 || ends->child[i] != ends->child[0])
      close_fd (&ends->child[i]);
}

/* The direction is ours: we write, or we read. */
static gboolean
make_pipe (gboolean   we_write,
           int       *ours,
           int       *childs,
           GError   **error)
{
  int fds[2] = { -1, -1 };
  int flags;

  if (pipe2 (fds, O_CLOEXEC) == 0 && kaa_spawn_move_up (&fds[0]) && kaa_spawn_move_up (&fds[1]))
    {
      *ours = fds[we_write ? 1 : 0];
      *childs = fds[we_write ? 0 : 1];
      /* The two ends do not share their flags, so the child does not see this. */
      flags = fcntl (*ours, F_GETFL);
      if (flags >= 0 && fcntl (*ours, F_SETFL, flags | O_NONBLOCK) == 0)
        return TRUE;
    }

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "There is no pipe for the child: %s", g_strerror (errno));
  close_fd (&fds[0]);
  close_fd (&fds[1]);
  *ours = *childs = -1;
  return FALSE;
}

/* What is closed here would be the next thing that the child opens. */
static gboolean
inherit_stderr (int     *fd,
                GError **error)
{
  if (fcntl (STDERR_FILENO, F_GETFD) >= 0)
    return TRUE;

  *fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  if (*fd >= 0 && kaa_spawn_move_up (fd))
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Opening /dev/null failed: %s", g_strerror (errno));
  return FALSE;
}

static gboolean
make_ends (KaaProcessPrivate  *priv,
           Ends               *ends,
           GError            **error)
{
  *ends = (Ends) { -1, -1, -1, { -1, -1, -1 } };

  if (priv->flags & KAA_PROCESS_PTY)
    {
      if (!kaa_pty_open (priv->rows, priv->columns, &ends->input, &ends->child[0], error))
        return FALSE;
      ends->output = ends->input;
      ends->child[1] = ends->child[2] = ends->child[0];
    }
  else if (!make_pipe (TRUE, &ends->input, &ends->child[0], error) ||
           !make_pipe (FALSE, &ends->output, &ends->child[1], error))
    {
      return FALSE;
    }

  if (priv->flags & KAA_PROCESS_STDERR_PIPE)
    return make_pipe (FALSE, &ends->error, &ends->child[2], error);
  if (priv->flags & KAA_PROCESS_MERGE_STDERR)
    ends->child[2] = fcntl (ends->child[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (ends->child[2] < 0)
    return inherit_stderr (&ends->child[2], error);
  return TRUE;
}

static char **
make_environment (KaaProcessPrivate *priv)
{
  char **environment = (priv->flags & KAA_PROCESS_CLEAN_ENVIRONMENT) ? g_new0 (char *, 1) : g_get_environ ();

  for (char **entry = priv->environment; entry != NULL && *entry != NULL; entry++)
    {
      const char *equals = strchr (*entry, '=');
      char *name = g_strndup (*entry, equals - *entry);

      environment = g_environ_setenv (environment, name, equals + 1, /* overwrite= */ TRUE);
      g_free (name);
    }
  return environment;
}

static gboolean
check (KaaProcess  *self,
       GError     **error)
{
  const KaaProcessFlags both = KAA_PROCESS_STDERR_PIPE | KAA_PROCESS_MERGE_STDERR;
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (!kaa_channel_check_openable (KAA_IO_CHANNEL (self), error))
    return FALSE;
  if (priv->running)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "The child is running already; stop it first");
      return FALSE;
    }
  if (priv->argv == NULL || priv->argv[0] == NULL || priv->argv[0][0] == '\0')
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "There is no program: argv is empty");
      return FALSE;
    }
  if ((priv->flags & both) == both)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "Standard error is a channel of its own or among the output, not both");
      return FALSE;
    }
  for (char **entry = priv->environment; entry != NULL && *entry != NULL; entry++)
    if (strchr (*entry, '=') == NULL || **entry == '=')
      {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                             "An entry of the environment is not of the form NAME=value");
        return FALSE;
      }
  return TRUE;
}

static pid_t
spawn (KaaProcessPrivate  *priv,
       Ends               *ends,
       GError            **error)
{
  char **environment = make_environment (priv);
  KaaSpawn request = {
    .argv = (const char * const *) priv->argv,
    .envp = environment,
    .directory = priv->directory,
    .fds = { ends->child[0], ends->child[1], ends->child[2] },
    .terminal = (priv->flags & KAA_PROCESS_PTY) != 0,
  };
  pid_t pid = kaa_spawn (&request, error);

  g_strfreev (environment);
  return pid;
}

static void
watch_output (KaaOutput    *output,
              KaaIOChannel *channel)
{
  output->channel = channel;
  output->input = kaa_channel_get_private (channel)->input;
  output->end = G_MAXUINT64;
}

/* The channels begin with our ends, which are theirs then. */
static gboolean
open_channels (KaaProcess  *self,
               Ends        *ends,
               GError     **error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (ends->error >= 0)
    {
      if (!kaa_io_channel_wrap_fd (priv->stderr_channel, ends->error, KAA_IO_READ, error))
        return FALSE;
      ends->error = -1;
      watch_output (&priv->outputs[1], priv->stderr_channel);
    }

  if (!kaa_io_channel_wrap_fds (KAA_IO_CHANNEL (self), ends->output, ends->input, error))
    return FALSE;
  ends->output = ends->input = -1;
  watch_output (&priv->outputs[0], KAA_IO_CHANNEL (self));
  return TRUE;
}

/**
 * kaa_process_start:
 * @self: a process
 * @error: return location for an error
 *
 * Starts the child, and opens the channel (and [property@Kaa.Process:stderr-channel]).
 *
 * When this returns %TRUE the program runs. A child that has ended may be started again, with whatever
 * [property@Kaa.Process:environment] and [property@Kaa.Process:directory] are by then: what was still open of the last
 * one is closed, as by [method@Kaa.IOChannel.wrap_fd].
 *
 * What the system says about the program comes unchanged, in the `G_SPAWN_ERROR` domain: `G_SPAWN_ERROR_NOENT` for a program that
 * does not exist, `G_SPAWN_ERROR_ACCES`, `G_SPAWN_ERROR_NOEXEC` (a file that is no program: no shell is tried) and so on; a
 * directory that cannot be used is `G_SPAWN_ERROR_CHDIR`. It fails with `G_IO_ERROR_EXISTS` while a child is
 * running, with `G_IO_ERROR_INVALID_ARGUMENT` for an empty [property@Kaa.Process:argv], entries of the environment without `=`,
 * or flags that contradict each other, and with `G_IO_ERROR_TOO_MANY_OPEN_FILES` where descriptors have run out. Then there is
 * no child, and nothing has changed.
 *
 * Returns: %TRUE if the program runs
 *
 * Since: 1.0
 */
gboolean
kaa_process_start (KaaProcess  *self,
                   GError     **error)
{
  KaaProcessPrivate *priv;
  KaaPoller *poller;
  gboolean opened;
  Ends ends;
  pid_t pid;

  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  priv = kaa_process_get_private (self);
  if (!check (self, error))
    return FALSE;
  if (!make_ends (priv, &ends, error) || (pid = spawn (priv, &ends, error)) < 0)
    {
      close_ends (&ends);
      return FALSE;
    }

  /* A handler of what is announced from here on finds the new child. */
  g_object_ref (self);
  kaa_process_forget_child (self);
  poller = kaa_channel_get_private (KAA_IO_CHANNEL (self))->entry.poller;
  priv->child = kaa_child_new (pid, poller, &kaa_process_child_funcs, self);
  priv->running = TRUE;
  priv->communicated = FALSE;
  priv->exit_status = KAA_EXIT_STATUS_UNKNOWN;
  if (!priv->held)
    {
      priv->held = TRUE;
      g_object_ref (self);
    }

  opened = open_channels (self, &ends, error);
  close_ends (&ends);
  if (!opened)
    {
      kaa_child_stop_at (priv->child, -1, 0);
      kaa_process_forget_child (self);
      kaa_process_update_hold (self);
    }
  else
    {
      kaa_process_notify (self, KAA_PROCESS_PROP_RUNNING);
      kaa_process_notify (self, KAA_PROCESS_PROP_PID);
      kaa_process_notify (self, KAA_PROCESS_PROP_EXIT_STATUS);
    }
  g_object_unref (self);
  return opened;
}

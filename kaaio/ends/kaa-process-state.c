/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a process tells, and what may be set of it. */

#include "ends/kaa-process-private.h"

#include "ends/kaa-pty.h"

/**
 * kaa_process_get_argv: (get-property argv)
 * @self: a process
 *
 * The program and its arguments.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1) (element-type filename): the value of [property@Kaa.Process:argv]
 *
 * Since: 1.0
 */
const char * const *
kaa_process_get_argv (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return (const char * const *) kaa_process_get_private (self)->argv;
}

/**
 * kaa_process_get_flags: (get-property flags)
 * @self: a process
 *
 * How the child is started.
 *
 * Returns: the value of [property@Kaa.Process:flags]
 *
 * Since: 1.0
 */
KaaProcessFlags
kaa_process_get_flags (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), 0);

  return kaa_process_get_private (self)->flags;
}

/**
 * kaa_process_get_pid: (get-property pid)
 * @self: a process
 *
 * The process ID of the child.
 *
 * Returns: the value of [property@Kaa.Process:pid]
 *
 * Since: 1.0
 */
int
kaa_process_get_pid (KaaProcess *self)
{
  KaaProcessPrivate *priv;

  g_return_val_if_fail (KAA_IS_PROCESS (self), 0);

  priv = kaa_process_get_private (self);
  return priv->running ? (int) kaa_child_get_pid (priv->child) : 0;
}

/**
 * kaa_process_get_running: (get-property running)
 * @self: a process
 *
 * Whether the child is running.
 *
 * Returns: the value of [property@Kaa.Process:running]
 *
 * Since: 1.0
 */
gboolean
kaa_process_get_running (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);

  return kaa_process_get_private (self)->running;
}

/**
 * kaa_process_get_stopping: (get-property stopping)
 * @self: a process
 *
 * Whether the child is being stopped.
 *
 * Returns: the value of [property@Kaa.Process:stopping]
 *
 * Since: 1.0
 */
gboolean
kaa_process_get_stopping (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);

  return kaa_process_get_private (self)->stopping;
}

/**
 * kaa_process_get_exit_status: (get-property exit-status)
 * @self: a process
 *
 * How the child ended.
 *
 * Returns: the value of [property@Kaa.Process:exit-status]
 *
 * Since: 1.0
 */
int
kaa_process_get_exit_status (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), KAA_EXIT_STATUS_UNKNOWN);

  return kaa_process_get_private (self)->exit_status;
}

/**
 * kaa_process_get_stop_command: (get-property stop-command)
 * @self: a process
 *
 * What is written to the child to stop it.
 *
 * Returns: (transfer none) (nullable): the value of [property@Kaa.Process:stop-command]
 *
 * Since: 1.0
 */
const char *
kaa_process_get_stop_command (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return kaa_process_get_private (self)->stop_command;
}

/**
 * kaa_process_get_environment: (get-property environment)
 * @self: a process
 *
 * The variables of the child.
 *
 * Returns: (transfer none) (nullable) (array zero-terminated=1) (element-type filename): the value of [property@Kaa.Process:environment]
 *
 * Since: 1.0
 */
const char * const *
kaa_process_get_environment (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return (const char * const *) kaa_process_get_private (self)->environment;
}

/**
 * kaa_process_get_directory: (get-property directory)
 * @self: a process
 *
 * Where the child starts.
 *
 * Returns: (transfer none) (nullable) (type filename): the value of [property@Kaa.Process:directory]
 *
 * Since: 1.0
 */
const char *
kaa_process_get_directory (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return kaa_process_get_private (self)->directory;
}

/**
 * kaa_process_get_stderr_channel: (get-property stderr-channel)
 * @self: a process
 *
 * The channel of the child's standard error.
 *
 * Returns: (transfer none) (nullable): the value of [property@Kaa.Process:stderr-channel]
 *
 * Since: 1.0
 */
KaaIOChannel *
kaa_process_get_stderr_channel (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return kaa_process_get_private (self)->stderr_channel;
}

/**
 * kaa_process_get_stderr_data: (get-property stderr-data)
 * @self: a process
 *
 * What the child wrote to its standard error.
 *
 * Returns: (transfer none) (nullable): the value of [property@Kaa.Process:stderr-data]
 *
 * Since: 1.0
 */
GBytes *
kaa_process_get_stderr_data (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), NULL);

  return kaa_process_get_private (self)->stderr_data;
}

/**
 * kaa_process_get_rows: (get-property rows)
 * @self: a process
 *
 * The height of the child's terminal.
 *
 * Returns: the value of [property@Kaa.Process:rows]
 *
 * Since: 1.0
 */
guint
kaa_process_get_rows (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), 0);

  return kaa_process_get_private (self)->rows;
}

/**
 * kaa_process_get_columns: (get-property columns)
 * @self: a process
 *
 * The width of the child's terminal.
 *
 * Returns: the value of [property@Kaa.Process:columns]
 *
 * Since: 1.0
 */
guint
kaa_process_get_columns (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), 0);

  return kaa_process_get_private (self)->columns;
}

/**
 * kaa_process_get_close_on_exit: (get-property close-on-exit)
 * @self: a process
 *
 * Whether the output ends with the child.
 *
 * Returns: the value of [property@Kaa.Process:close-on-exit]
 *
 * Since: 1.0
 */
gboolean
kaa_process_get_close_on_exit (KaaProcess *self)
{
  g_return_val_if_fail (KAA_IS_PROCESS (self), FALSE);

  return kaa_process_get_private (self)->close_on_exit;
}

/**
 * kaa_process_set_close_on_exit: (set-property close-on-exit)
 * @self: a process
 * @close_on_exit: %FALSE to go on reading what others write
 *
 * Sets whether the output ends with the child: see [property@Kaa.Process:close-on-exit].
 *
 * Since: 1.0
 */
void
kaa_process_set_close_on_exit (KaaProcess *self,
                               gboolean    close_on_exit)
{
  KaaProcessPrivate *priv;

  g_return_if_fail (KAA_IS_PROCESS (self));

  priv = kaa_process_get_private (self);
  if (priv->close_on_exit == !!close_on_exit)
    return;
  priv->close_on_exit = !!close_on_exit;
  if (priv->child != NULL)
    kaa_child_schedule (priv->child);
  kaa_process_notify (self, KAA_PROCESS_PROP_CLOSE_ON_EXIT);
}

/**
 * kaa_process_set_stop_command: (set-property stop-command)
 * @self: a process
 * @stop_command: (nullable): what is written to the child, %NULL for nothing
 *
 * Sets what [method@Kaa.Process.stop] writes to the child.
 *
 * Since: 1.0
 */
void
kaa_process_set_stop_command (KaaProcess *self,
                              const char *stop_command)
{
  KaaProcessPrivate *priv;

  g_return_if_fail (KAA_IS_PROCESS (self));

  priv = kaa_process_get_private (self);
  if (g_strcmp0 (priv->stop_command, stop_command) == 0)
    return;
  g_free (priv->stop_command);
  priv->stop_command = g_strdup (stop_command);
  kaa_process_notify (self, KAA_PROCESS_PROP_STOP_COMMAND);
}

/**
 * kaa_process_set_argv: (set-property argv)
 * @self: a process
 * @argv: (nullable) (array zero-terminated=1) (element-type filename): the program and its arguments
 *
 * Sets what is started, for the next start.
 *
 * Since: 1.0
 */
void
kaa_process_set_argv (KaaProcess         *self,
                      const char * const *argv)
{
  KaaProcessPrivate *priv;
  char **before;

  g_return_if_fail (KAA_IS_PROCESS (self));

  priv = kaa_process_get_private (self);
  before = priv->argv;
  priv->argv = g_strdupv ((char **) argv);
  g_strfreev (before);
  kaa_process_notify (self, KAA_PROCESS_PROP_ARGV);
}

/**
 * kaa_process_set_environment: (set-property environment)
 * @self: a process
 * @environment: (nullable) (array zero-terminated=1) (element-type filename): variables, each as `NAME=value`
 *
 * Sets variables of the child, for the next start.
 *
 * Since: 1.0
 */
void
kaa_process_set_environment (KaaProcess         *self,
                             const char * const *environment)
{
  KaaProcessPrivate *priv;
  char **before;

  g_return_if_fail (KAA_IS_PROCESS (self));

  priv = kaa_process_get_private (self);
  before = priv->environment;
  priv->environment = g_strdupv ((char **) environment);
  g_strfreev (before);
  kaa_process_notify (self, KAA_PROCESS_PROP_ENVIRONMENT);
}

/**
 * kaa_process_set_directory: (set-property directory)
 * @self: a process
 * @directory: (nullable) (type filename): a directory, %NULL for that of this process
 *
 * Sets where the child starts.
 *
 * Since: 1.0
 */
void
kaa_process_set_directory (KaaProcess *self,
                           const char *directory)
{
  KaaProcessPrivate *priv;

  g_return_if_fail (KAA_IS_PROCESS (self));

  priv = kaa_process_get_private (self);
  if (g_strcmp0 (priv->directory, directory) == 0)
    return;
  g_free (priv->directory);
  priv->directory = g_strdup (directory);
  kaa_process_notify (self, KAA_PROCESS_PROP_DIRECTORY);
}

/**
 * kaa_process_set_window_size:
 * @self: a process
 * @rows: its height in characters
 * @columns: its width in characters
 *
 * Sets the size of the child's terminal. A program that is running there is told by `SIGWINCH`, if that is a change. Without
 * `KAA_PROCESS_PTY` it has no effect.
 *
 * Since: 1.0
 */
void
kaa_process_set_window_size (KaaProcess *self,
                             guint       rows,
                             guint       columns)
{
  KaaProcessPrivate *priv;
  guint old_rows, old_columns;

  g_return_if_fail (KAA_IS_PROCESS (self));
  g_return_if_fail (rows <= G_MAXUSHORT && columns <= G_MAXUSHORT);

  priv = kaa_process_get_private (self);
  old_rows = priv->rows;
  old_columns = priv->columns;
  priv->rows = rows;
  priv->columns = columns;

  /* The channel may have something else open by now. */
  if ((priv->flags & KAA_PROCESS_PTY) && priv->outputs[0].channel != NULL &&
      priv->outputs[0].input == kaa_channel_get_private (KAA_IO_CHANNEL (self))->input)
    kaa_pty_set_size (priv->outputs[0].input->fd, rows, columns);

  if (rows != old_rows)
    kaa_process_notify (self, KAA_PROCESS_PROP_ROWS);
  if (columns != old_columns)
    kaa_process_notify (self, KAA_PROCESS_PROP_COLUMNS);
}

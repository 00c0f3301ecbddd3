/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-process-private.h"

#include <kaaio/kaa-enum-types.h>

/**
 * KaaProcess:
 *
 * A child process as a channel: reading it reads what the child writes to its standard output, and what is written to it is the
 * child's standard input.
 *
 * ```c
 * static void
 * on_line (KaaIOChannel *process, GBytes *line, gpointer user_data)
 * {
 *   gsize length;
 *   const char *text = g_bytes_get_data (line, &length);
 *
 *   g_print ("%.*s", (int) length, text);
 * }
 *
 * static void
 * on_finished (KaaProcess *process, int status, gpointer user_data)
 * {
 *   g_print ("it ended with %d\n", status);
 * }
 *
 * const char *argv[] = { "ls", "-l", NULL };
 * KaaProcess *process = kaa_process_new (argv, KAA_PROCESS_NONE);
 * g_signal_connect (process, "readline", G_CALLBACK (on_line), NULL);
 * g_signal_connect (process, "finished", G_CALLBACK (on_finished), NULL);
 * if (!kaa_process_start (process, &error))
 *   g_error ("%s", error->message);
 * ```
 *
 * The child starts as clean as a process can be: it has its three standard descriptors and no others, no signal is blocked or
 * ignored, and arguments are passed as they are, without a shell, unless one is asked for with [ctor@Kaa.Process.new_shell].
 *
 * Its standard error is that of this process, unless a flag says otherwise: a pipe that nobody reads would stop the child one day.
 *
 * A child that has ended is always reaped, whatever has become of this object. [signal@Kaa.Process::exited] tells of it at
 * once, [signal@Kaa.Process::finished] when the output has been consumed too.
 *
 * The object keeps itself alive while there is a child and somebody listens to one of these signals, and, as every
 * channel, while somebody reads. When the last reference goes while the child is running, its pipes are closed and it is left to
 * itself: it finds the end of its input, or is ended by `SIGPIPE` when it writes, or by `SIGHUP` on a terminal.
 * Call [method@Kaa.Process.stop] for more.
 *
 * Threads: as for [class@Kaa.IOChannel].
 *
 * Since: 1.0
 */

#define DEFAULT_ROWS 24
#define DEFAULT_COLUMNS 80

/* G_ADD_PRIVATE() keeps the offset to one file; a process has several. */
G_DEFINE_TYPE_WITH_CODE (KaaProcess, kaa_process, KAA_TYPE_IO_CHANNEL,
                         kaa_process_private_offset =
                           g_type_add_instance_private (g_define_type_id, sizeof (KaaProcessPrivate)))

/* --- life --- */

static void
kaa_process_dispose (GObject *object)
{
  KaaProcess *self = KAA_PROCESS (object);
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  /* The last reference went in a thread that may not touch the poller: back to the one that may. */
  if (!kaa_channel_is_mine (kaa_channel_get_private (KAA_IO_CHANNEL (self))))
    {
      kaa_channel_dispose_remotely (KAA_IO_CHANNEL (self));
      return;
    }

  if (priv->child != NULL)
    {
      kaa_process_fail_waiting (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "The process has gone"));
      kaa_process_forget_child (self);
      /* Nobody is told any more. */
      priv->finish_due = priv->finish_owed = FALSE;
    }

  g_array_set_size (priv->given, 0);
  G_OBJECT_CLASS (kaa_process_parent_class)->dispose (object);

  if (priv->held)
    {
      priv->held = FALSE;
      g_object_unref (self);
    }
}

static void
kaa_process_finalize (GObject *object)
{
  KaaProcessPrivate *priv = kaa_process_get_private (KAA_PROCESS (object));

  g_array_unref (priv->limits);
  g_array_unref (priv->given);
  g_clear_object (&priv->stderr_channel);
  g_clear_pointer (&priv->stderr_data, g_bytes_unref);
  g_strfreev (priv->argv);
  g_strfreev (priv->environment);
  g_free (priv->directory);
  g_free (priv->stop_command);

  G_OBJECT_CLASS (kaa_process_parent_class)->finalize (object);
}

/* What it complains about has the context and the priority of the rest. */
static void
kaa_process_constructed (GObject *object)
{
  KaaProcessPrivate *priv = kaa_process_get_private (KAA_PROCESS (object));

  G_OBJECT_CLASS (kaa_process_parent_class)->constructed (object);

  if (priv->flags & KAA_PROCESS_STDERR_PIPE)
    {
      GMainContext *context = kaa_io_channel_get_main_context (KAA_IO_CHANNEL (object));

      priv->stderr_channel = g_object_new (KAA_TYPE_IO_CHANNEL,
                                           "main-context", context,
                                           "priority", kaa_io_channel_get_priority (KAA_IO_CHANNEL (object)),
                                           NULL);
      g_main_context_unref (context);
    }
}

/* --- class --- */

static void
kaa_process_get_property (GObject    *object,
                          guint       id,
                          GValue     *value,
                          GParamSpec *pspec)
{
  KaaProcess *self = KAA_PROCESS (object);

  switch ((KaaProcessProperty) id)
    {
    case KAA_PROCESS_PROP_ARGV:
      g_value_set_boxed (value, kaa_process_get_argv (self));
      break;
    case KAA_PROCESS_PROP_FLAGS:
      g_value_set_flags (value, kaa_process_get_flags (self));
      break;
    case KAA_PROCESS_PROP_PID:
      g_value_set_int (value, kaa_process_get_pid (self));
      break;
    case KAA_PROCESS_PROP_RUNNING:
      g_value_set_boolean (value, kaa_process_get_running (self));
      break;
    case KAA_PROCESS_PROP_STOPPING:
      g_value_set_boolean (value, kaa_process_get_stopping (self));
      break;
    case KAA_PROCESS_PROP_EXIT_STATUS:
      g_value_set_int (value, kaa_process_get_exit_status (self));
      break;
    case KAA_PROCESS_PROP_STOP_COMMAND:
      g_value_set_string (value, kaa_process_get_stop_command (self));
      break;
    case KAA_PROCESS_PROP_ENVIRONMENT:
      g_value_set_boxed (value, kaa_process_get_environment (self));
      break;
    case KAA_PROCESS_PROP_DIRECTORY:
      g_value_set_string (value, kaa_process_get_directory (self));
      break;
    case KAA_PROCESS_PROP_STDERR_CHANNEL:
      g_value_set_object (value, kaa_process_get_stderr_channel (self));
      break;
    case KAA_PROCESS_PROP_STDERR_DATA:
      g_value_set_boxed (value, kaa_process_get_stderr_data (self));
      break;
    case KAA_PROCESS_PROP_ROWS:
      g_value_set_uint (value, kaa_process_get_rows (self));
      break;
    case KAA_PROCESS_PROP_COLUMNS:
      g_value_set_uint (value, kaa_process_get_columns (self));
      break;
    case KAA_PROCESS_PROP_CLOSE_ON_EXIT:
      g_value_set_boolean (value, kaa_process_get_close_on_exit (self));
      break;
    case KAA_PROCESS_N_PROPERTIES:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
kaa_process_set_property (GObject      *object,
                          guint         id,
                          const GValue *value,
                          GParamSpec   *pspec)
{
  KaaProcess *self = KAA_PROCESS (object);
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  switch ((gint) id)
    {
    case KAA_PROCESS_PROP_ARGV:
      kaa_process_set_argv (self, g_value_get_boxed (value));
      break;
    case KAA_PROCESS_PROP_FLAGS:
      priv->flags = g_value_get_flags (value);
      break;
    case KAA_PROCESS_PROP_STOP_COMMAND:
      kaa_process_set_stop_command (self, g_value_get_string (value));
      break;
    case KAA_PROCESS_PROP_ENVIRONMENT:
      kaa_process_set_environment (self, g_value_get_boxed (value));
      break;
    case KAA_PROCESS_PROP_DIRECTORY:
      kaa_process_set_directory (self, g_value_get_string (value));
      break;
    case KAA_PROCESS_PROP_ROWS:
      kaa_process_set_window_size (self, g_value_get_uint (value), priv->columns);
      break;
    case KAA_PROCESS_PROP_COLUMNS:
      kaa_process_set_window_size (self, priv->rows, g_value_get_uint (value));
      break;
    case KAA_PROCESS_PROP_CLOSE_ON_EXIT:
      kaa_process_set_close_on_exit (self, g_value_get_boolean (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
kaa_process_class_init (KaaProcessClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags writable = readable | G_PARAM_WRITABLE;
  const GParamFlags once = G_PARAM_READABLE | G_PARAM_WRITABLE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  g_type_class_adjust_private_offset (klass, &kaa_process_private_offset);

  object_class->constructed = kaa_process_constructed;
  object_class->dispose = kaa_process_dispose;
  object_class->finalize = kaa_process_finalize;
  object_class->get_property = kaa_process_get_property;
  object_class->set_property = kaa_process_set_property;

  /**
   * KaaProcess:argv: (getter get_argv) (setter set_argv) (type GStrv(filename))
   *
   * The program and its arguments. A program without a `/` is looked up in the `PATH` of this process.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_ARGV] =
    g_param_spec_boxed ("argv", NULL, NULL, G_TYPE_STRV, writable);

  /**
   * KaaProcess:flags: (getter get_flags)
   *
   * How the child is started.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_FLAGS] =
    g_param_spec_flags ("flags", NULL, NULL, KAA_TYPE_PROCESS_FLAGS, KAA_PROCESS_NONE, once);

  /**
   * KaaProcess:pid: (getter get_pid)
   *
   * The process ID of the child while it is running, otherwise 0: then the number may be a stranger's.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_PID] =
    g_param_spec_int ("pid", NULL, NULL, 0, G_MAXINT, 0, readable);

  /**
   * KaaProcess:running: (getter get_running)
   *
   * Whether there is a child that has not been reaped.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_RUNNING] =
    g_param_spec_boolean ("running", NULL, NULL, FALSE, readable);

  /**
   * KaaProcess:stopping: (getter get_stopping)
   *
   * Whether [method@Kaa.Process.stop] was called for the child that is running.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_STOPPING] =
    g_param_spec_boolean ("stopping", NULL, NULL, FALSE, readable);

  /**
   * KaaProcess:exit-status: (getter get_exit_status)
   *
   * How the child ended: what it said itself (0 to 255), or minus the signal that ended it; [const@Kaa.EXIT_STATUS_UNKNOWN]
   * before that, and where the system has lost it.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_EXIT_STATUS] =
    g_param_spec_int ("exit-status", NULL, NULL, KAA_EXIT_STATUS_UNKNOWN, 255, KAA_EXIT_STATUS_UNKNOWN, readable);

  /**
   * KaaProcess:stop-command: (getter get_stop_command) (setter set_stop_command)
   *
   * What [method@Kaa.Process.stop] writes to the child first, such as `quit\n`; it is written as it is.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_STOP_COMMAND] =
    g_param_spec_string ("stop-command", NULL, NULL, NULL, writable);

  /**
   * KaaProcess:environment: (getter get_environment) (setter set_environment) (type GStrv(filename))
   *
   * Variables of the child, each as `NAME=value`: beside those of this process, or, with
   * `KAA_PROCESS_CLEAN_ENVIRONMENT`, all there are. Taken when the child is started.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_ENVIRONMENT] =
    g_param_spec_boxed ("environment", NULL, NULL, G_TYPE_STRV, writable);

  /**
   * KaaProcess:directory: (getter get_directory) (setter set_directory)
   *
   * Where the child starts; %NULL for the directory of this process. The program, if it has a `/`, is looked for from there.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_DIRECTORY] =
    g_param_spec_string ("directory", NULL, NULL, NULL, writable);

  /**
   * KaaProcess:stderr-channel: (getter get_stderr_channel)
   *
   * With `KAA_PROCESS_STDERR_PIPE` the channel that reads what the child writes to its standard error. It is there
   * before the child is started, so that handlers can be connected.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_STDERR_CHANNEL] =
    g_param_spec_object ("stderr-channel", NULL, NULL, KAA_TYPE_IO_CHANNEL, readable);

  /**
   * KaaProcess:stderr-data: (getter get_stderr_data)
   *
   * What the child wrote to its standard error during the last [method@Kaa.Process.communicate], with
   * `KAA_PROCESS_STDERR_PIPE`; %NULL before its end.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_STDERR_DATA] =
    g_param_spec_boxed ("stderr-data", NULL, NULL, G_TYPE_BYTES, readable);

  /**
   * KaaProcess:rows: (getter get_rows)
   *
   * The height of the child's terminal, in characters.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_ROWS] =
    g_param_spec_uint ("rows", NULL, NULL, 0, G_MAXUSHORT, DEFAULT_ROWS, writable);

  /**
   * KaaProcess:columns: (getter get_columns)
   *
   * The width of the child's terminal, in characters.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_COLUMNS] =
    g_param_spec_uint ("columns", NULL, NULL, 0, G_MAXUSHORT, DEFAULT_COLUMNS, writable);

  /**
   * KaaProcess:close-on-exit: (getter get_close_on_exit) (setter set_close_on_exit)
   *
   * Whether the output ends with the child (the default).
   *
   * Other processes that the child has started may have inherited its output, and hold it open for hours. When the child has ended, and what
   * was there at that moment has been read, this is the end all the same: iterations end, requests finish, and the channel
   * closes ([property@Kaa.IOChannel:close-on-eof]), as does [property@Kaa.Process:stderr-channel]. What the others write after
   * that meets a closed pipe, or a terminal that was hung up.
   *
   * Without it what they write can be read until the last of them closes it; [signal@Kaa.Process::finished] and
   * [method@Kaa.Process.communicate] do not wait for them in either case.
   *
   * Since: 1.0
   */
  kaa_process_properties[KAA_PROCESS_PROP_CLOSE_ON_EXIT] =
    g_param_spec_boolean ("close-on-exit", NULL, NULL, TRUE, writable);

  g_object_class_install_properties (object_class, KAA_PROCESS_N_PROPERTIES, kaa_process_properties);

  /**
   * KaaProcess::exited:
   * @self: the process
   * @status: as [property@Kaa.Process:exit-status]
   *
   * Emitted as soon as the child has ended and was reaped. Its output may still be on its way; what it has written is never lost.
   *
   * Since: 1.0
   */
  kaa_process_signals[KAA_PROCESS_EXITED] =
    g_signal_new ("exited", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                  G_STRUCT_OFFSET (KaaProcessClass, exited), NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);

  /**
   * KaaProcess::finished:
   * @self: the process
   * @status: as [property@Kaa.Process:exit-status]
   *
   * Emitted once for each [signal@Kaa.Process::exited], when everything that the child has written to its output (and to
   * [property@Kaa.Process:stderr-channel]) was consumed too. Where nobody listens, output counts as abandoned: it is not waited
   * for, and can still be read.
   *
   * Other processes that have inherited the pipe or the terminal, and hold it open, are not waited for either: see
   * [property@Kaa.Process:close-on-exit].
   *
   * Since: 1.0
   */
  kaa_process_signals[KAA_PROCESS_FINISHED] =
    g_signal_new ("finished", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                  G_STRUCT_OFFSET (KaaProcessClass, finished), NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
kaa_process_init (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  priv->exit_status = KAA_EXIT_STATUS_UNKNOWN;
  priv->close_on_exit = TRUE;
  priv->given = kaa_process_given_new ();
  priv->limits = g_array_new (FALSE, FALSE, sizeof (KaaSpawnLimit));
  priv->rows = DEFAULT_ROWS;
  priv->columns = DEFAULT_COLUMNS;
}

/**
 * kaa_process_new:
 * @argv: (array zero-terminated=1) (element-type filename): the program and its arguments
 * @flags: how it is started
 *
 * Makes a process, which [method@Kaa.Process.start] starts. The arguments reach the program as they are.
 *
 * Returns: (transfer full): a new process
 *
 * Since: 1.0
 */
KaaProcess *
kaa_process_new (const char * const *argv,
                 KaaProcessFlags     flags)
{
  g_return_val_if_fail (argv != NULL, NULL);

  return g_object_new (KAA_TYPE_PROCESS, "argv", argv, "flags", flags, NULL);
}

/**
 * kaa_process_new_shell:
 * @command: a command line for `/bin/sh`
 * @flags: how it is started
 *
 * Makes a process that runs a shell. What a stranger may have written has no place in @command.
 *
 * Returns: (transfer full): a new process
 *
 * Since: 1.0
 */
KaaProcess *
kaa_process_new_shell (const char      *command,
                       KaaProcessFlags  flags)
{
  const char *argv[] = { "/bin/sh", "-c", command, NULL };

  g_return_val_if_fail (command != NULL, NULL);

  return kaa_process_new (argv, flags);
}

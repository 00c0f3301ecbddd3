/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a child is started with, put together before there is one: its descriptors and our ends of them, the environment, the limits.
 *
 * It belongs to whoever starts the child, which may be another thread.
 */

#include "ends/kaa-process-private.h"

#include "ends/kaa-pty.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void
close_fd (int *fd)
{
  if (*fd >= 0)
    kaa_sys_close (*fd);
  *fd = -1;
}

/* --- descriptors --- */

static void
give (KaaProcessSetup *setup,
      int              source,
      int              target)
{
  KaaSpawnFd fd = { source, target };

  g_array_append_val (setup->fds, fd);
}

/* What the child has as number fd, to be given to it as another one too: -1 where that is its parent's. */
static int
get_source (KaaProcessSetup *setup,
            int              target)
{
  for (guint i = 0; i < setup->fds->len; i++)
    if (g_array_index (setup->fds, KaaSpawnFd, i).target == target)
      return g_array_index (setup->fds, KaaSpawnFd, i).source;
  return -1;
}

static gboolean
is_given (KaaProcessSetup *setup,
          int              target)
{
  for (guint i = 0; i < setup->fds->len; i++)
    if (g_array_index (setup->fds, KaaSpawnFd, i).target == target)
      return TRUE;
  return FALSE;
}

/* What is made for the child is closed when it has it. */
static void
make (KaaProcessSetup *setup,
      int              fd,
      int              target)
{
  g_array_append_val (setup->made, fd);
  give (setup, fd, target);
}

/* The end that is not the child's. */
static gboolean
make_pipe (KaaProcessSetup  *setup,
           int               target,
           int              *ours,
           GError          **error)
{
  gboolean we_write = target == STDIN_FILENO;
  int fds[2];
  int flags;

  if (pipe2 (fds, O_CLOEXEC) < 0 || !kaa_sys_move_pair_up (fds))
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "There is no pipe for the child: %s", g_strerror (errno));
      return FALSE;
    }

  *ours = fds[we_write ? 1 : 0];
  make (setup, fds[we_write ? 0 : 1], target);
  /* The two ends do not share their flags, so the child does not see this. */
  flags = fcntl (*ours, F_GETFL);
  if (flags >= 0 && fcntl (*ours, F_SETFL, flags | O_NONBLOCK) == 0)
    return TRUE;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "The pipe of the child: %s", g_strerror (errno));
  return FALSE;
}

static gboolean
make_terminal (KaaProcessSetup    *setup,
               KaaProcessPrivate  *priv,
               GError            **error)
{
  int slave;

  if (!kaa_pty_open (priv->rows, priv->columns, &setup->input, &slave, error))
    return FALSE;

  setup->output = setup->input;
  make (setup, slave, STDIN_FILENO);
  give (setup, slave, STDOUT_FILENO);
  setup->spawn.terminal = slave;
  return TRUE;
}

static gboolean
make_stdin (KaaProcessSetup  *setup,
            KaaProcessFlags   flags,
            GError          **error)
{
  if (is_given (setup, STDIN_FILENO) || (flags & KAA_PROCESS_STDIN_INHERIT))
    return TRUE;
  if (!(flags & KAA_PROCESS_STDIN_NULL))
    return make_pipe (setup, STDIN_FILENO, &setup->input, error);
  give (setup, -1, STDIN_FILENO);
  return TRUE;
}

static gboolean
make_stdout (KaaProcessSetup  *setup,
             KaaProcessFlags   flags,
             GError          **error)
{
  if (is_given (setup, STDOUT_FILENO) || (flags & KAA_PROCESS_STDOUT_INHERIT))
    return TRUE;
  return make_pipe (setup, STDOUT_FILENO, &setup->output, error);
}

/* Among the output: wherever that goes. */
static gboolean
merge_stderr (KaaProcessSetup  *setup,
              GError          **error)
{
  int source = get_source (setup, STDOUT_FILENO);
  int fd;

  if (source >= 0)
    {
      give (setup, source, STDERR_FILENO);
      return TRUE;
    }

  /* This process's own output. Where it has none, neither has the child. */
  fd = fcntl (STDOUT_FILENO, F_GETFD);
  if (fd < 0 || (fd & FD_CLOEXEC))
    {
      give (setup, -1, STDERR_FILENO);
      return TRUE;
    }
  fd = kaa_sys_dup (STDOUT_FILENO);
  if (fd >= 0)
    make (setup, fd, STDERR_FILENO);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Duplicating standard output: %s", g_strerror (errno));
  return fd >= 0;
}

static gboolean
make_stderr (KaaProcessSetup  *setup,
             KaaProcessFlags   flags,
             GError          **error)
{
  if (flags & KAA_PROCESS_STDERR_PIPE)
    return make_pipe (setup, STDERR_FILENO, &setup->error, error);
  if (flags & KAA_PROCESS_MERGE_STDERR)
    return merge_stderr (setup, error);
  if (flags & KAA_PROCESS_STDERR_NULL)
    give (setup, -1, STDERR_FILENO);
  else if ((flags & KAA_PROCESS_PTY) && !is_given (setup, STDERR_FILENO))
    give (setup, setup->spawn.terminal, STDERR_FILENO);
  return TRUE;
}

/* A channel that has neither side is at its end from the beginning. */
static gboolean
make_empty_output (KaaProcessSetup  *setup,
                   GError          **error)
{
  if (setup->input >= 0 || setup->output >= 0)
    return TRUE;

  setup->output = kaa_sys_move_up (open ("/dev/null", O_RDONLY | O_CLOEXEC));
  if (setup->output < 0)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Opening /dev/null failed: %s", g_strerror (errno));
  return setup->output >= 0;
}

static gboolean
make_descriptors (KaaProcessSetup    *setup,
                  KaaProcessPrivate  *priv,
                  GError            **error)
{
  const KaaSpawnFd *given = (const KaaSpawnFd *) (gpointer) setup->given->data;

  g_array_append_vals (setup->fds, given, setup->given->len);
  if (priv->flags & KAA_PROCESS_PTY)
    {
      if (!make_terminal (setup, priv, error))
        return FALSE;
    }
  else if (!make_stdin (setup, priv->flags, error) || !make_stdout (setup, priv->flags, error))
    {
      return FALSE;
    }
  return make_stderr (setup, priv->flags, error) && make_empty_output (setup, error);
}

/* --- whether it makes sense --- */

static const struct
{
  KaaProcessFlags flags;
  const char *message;
} standard[] = {
  { KAA_PROCESS_PTY | KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDIN_INHERIT,
    "Standard input is one of a terminal, /dev/null, that of this process and a descriptor that was given, not both" },
  { KAA_PROCESS_PTY | KAA_PROCESS_STDOUT_INHERIT,
    "Standard output is one of a terminal, that of this process and a descriptor that was given, not both" },
  { KAA_PROCESS_STDERR_PIPE | KAA_PROCESS_MERGE_STDERR | KAA_PROCESS_STDERR_NULL,
    "Standard error is one of a channel of its own, among the output, /dev/null and a descriptor that was given, not both" },
};

static gboolean
check_standard (KaaProcessPrivate  *priv,
                GError            **error)
{
  guint n[G_N_ELEMENTS (standard)] = { 0, };

  for (guint i = 0; i < priv->given->len; i++)
    if (g_array_index (priv->given, KaaSpawnFd, i).target < (int) G_N_ELEMENTS (standard))
      n[g_array_index (priv->given, KaaSpawnFd, i).target]++;

  for (guint i = 0; i < G_N_ELEMENTS (standard); i++)
    {
      for (guint bit = 0; bit < 32; bit++)
        n[i] += (priv->flags & standard[i].flags & (1U << bit)) != 0;
      if (n[i] > 1)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, standard[i].message);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
check (KaaProcess  *self,
       GError     **error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (!kaa_channel_check_openable (KAA_IO_CHANNEL (self), error))
    return FALSE;
  if (priv->running || priv->launch != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
                           priv->running ? "The child is running already; stop it first"
                                         : "The child is being started already; wait for it, or abort it");
      return FALSE;
    }
  if (priv->argv == NULL || priv->argv[0] == NULL || priv->argv[0][0] == '\0')
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "There is no program: argv is empty");
      return FALSE;
    }
  for (char **entry = priv->environment; entry != NULL && *entry != NULL; entry++)
    if (strchr (*entry, '=') == NULL || **entry == '=')
      {
        g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                             "An entry of the environment is not of the form NAME=value");
        return FALSE;
      }
  return check_standard (priv, error);
}

/* --- all together --- */

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

static void
make_request (KaaProcessSetup   *setup,
              KaaProcessPrivate *priv)
{
  setup->argv = g_strdupv (priv->argv);
  setup->directory = g_strdup (priv->directory);
  setup->limits = g_array_copy (priv->limits);

  setup->spawn.argv = (const char * const *) setup->argv;
  setup->spawn.envp = setup->environment = make_environment (priv);
  setup->spawn.directory = setup->directory;
  setup->spawn.fds = (const KaaSpawnFd *) (gpointer) setup->fds->data;
  setup->spawn.n_fds = setup->fds->len;
  setup->spawn.limits = (const KaaSpawnLimit *) (gpointer) setup->limits->data;
  setup->spawn.n_limits = setup->limits->len;
  setup->spawn.new_session = (priv->flags & KAA_PROCESS_NEW_SESSION) != 0;
  setup->spawn.new_group = (priv->flags & KAA_PROCESS_NEW_GROUP) != 0;
  setup->spawn.die_with_parent = (priv->flags & KAA_PROCESS_DIE_WITH_PARENT) != 0;
}

KaaProcessSetup *
kaa_process_setup_new (KaaProcess  *self,
                       GError     **error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaProcessSetup *setup;

  if (!check (self, error))
    return NULL;

  setup = g_new0 (KaaProcessSetup, 1);
  setup->input = setup->output = setup->error = setup->spawn.terminal = -1;
  setup->fds = g_array_new (FALSE, FALSE, sizeof (KaaSpawnFd));
  setup->made = g_array_new (FALSE, FALSE, sizeof (int));
  setup->given = g_steal_pointer (&priv->given);
  priv->given = kaa_process_given_new ();
  if (!make_descriptors (setup, priv, error))
    {
      kaa_process_setup_undo (setup, self);
      return NULL;
    }
  make_request (setup, priv);
  priv->input_elsewhere = setup->input < 0;
  return setup;
}

gboolean
kaa_process_has_input (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);

  if (priv->launch != NULL || priv->running)
    return !priv->input_elsewhere;
  if (priv->flags & (KAA_PROCESS_STDIN_NULL | KAA_PROCESS_STDIN_INHERIT))
    return FALSE;
  for (guint i = 0; i < priv->given->len; i++)
    if (g_array_index (priv->given, KaaSpawnFd, i).target == STDIN_FILENO)
      return FALSE;
  return TRUE;
}

static void
close_given (gpointer fd)
{
  close_fd (&((KaaSpawnFd *) fd)->source);
}

GArray *
kaa_process_given_new (void)
{
  GArray *given = g_array_new (FALSE, FALSE, sizeof (KaaSpawnFd));

  g_array_set_clear_func (given, close_given);
  return given;
}

void
kaa_process_setup_free (KaaProcessSetup *setup)
{
  if (setup->output != setup->input)
    close_fd (&setup->output);
  close_fd (&setup->input);
  close_fd (&setup->error);
  for (guint i = 0; i < setup->made->len; i++)
    close_fd (&g_array_index (setup->made, int, i));
  g_array_unref (setup->made);
  g_array_unref (setup->fds);
  g_array_unref (setup->given);
  g_clear_pointer (&setup->limits, g_array_unref);
  g_strfreev (setup->argv);
  g_strfreev (setup->environment);
  g_free (setup->directory);
  g_free (setup);
}

void
kaa_process_setup_undo (KaaProcessSetup *setup,
                        KaaProcess      *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  GArray *since = priv->given;

  /* What was given meanwhile counts where both have a number. */
  for (guint i = 0; i < setup->given->len; i++)
    {
      KaaSpawnFd *fd = &g_array_index (setup->given, KaaSpawnFd, i);
      gboolean taken = FALSE;

      for (guint j = 0; j < since->len; j++)
        taken |= g_array_index (since, KaaSpawnFd, j).target == fd->target;
      if (taken)
        continue;
      g_array_append_val (since, *fd);
      fd->source = -1;
    }
  kaa_process_setup_free (setup);
}

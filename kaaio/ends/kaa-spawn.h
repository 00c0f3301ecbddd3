/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * Starting a program in a child process.
 *
 * The child gets three descriptors and no others, the signal mask and the dispositions of a fresh
 * process, and, on a terminal, a session of its own.
 */

typedef struct
{
  const char * const *argv;    /* the program, looked up in PATH where it has no '/', and its arguments */
  char              **envp;
  const char         *directory;  /* NULL: that of this process */
  int                 fds[3];     /* become 0, 1 and 2; all above 2, see kaa_spawn_move_up(); -1: this process's own */
  gboolean            terminal;   /* fds[0] is a terminal, and becomes the child's controlling terminal */
} KaaSpawn;

/* The child, which the caller reaps; or -1 with a GSpawnError, and then there is none. May be called from any thread; blocks until the
 * program runs. */
pid_t    kaa_spawn          (const KaaSpawn  *request,
                             GError         **error);

/* *fd, or a duplicate above 2 in its place: so that the three can be put into place one after the other. CLOEXEC. On failure
 * *fd is closed and -1. */
gboolean kaa_spawn_move_up  (int             *fd);

/* In the child: every descriptor from 3 on will be closed by exec. */
void     kaa_spawn_set_cloexec (gboolean      by_directory);

G_END_DECLS

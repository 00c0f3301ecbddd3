/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/resource.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * Starting a program in a child process.
 *
 * The child gets the descriptors that it is given and no others, the signal mask and the dispositions of a fresh
 * process, and, on a terminal, a session of its own.
 */

/* Becomes target in the child. source: one of ours, or -1 for /dev/null. */
typedef struct
{
  int source;
  int target;
} KaaSpawnFd;

typedef struct
{
  int resource;
  struct rlimit limit;
} KaaSpawnLimit;

/* A start that another thread may call off. Zeroed before. */
typedef struct
{
  GMutex lock;
  gint cancelled;   /* atomic */
  pid_t pid;        /* of the child, while nobody has reaped it; 0: there is none yet */
} KaaSpawnHandle;

typedef struct
{
  const char * const  *argv;         /* the program, looked up in PATH where it has no '/', and its arguments */
  char               **envp;
  const char          *directory;    /* NULL: that of this process */
  /* No target twice. What is not among them of 0, 1 and 2 is this process's own, or /dev/null where that is closed or
   * close-on-exec. */
  const KaaSpawnFd    *fds;
  guint                n_fds;
  const KaaSpawnLimit *limits;
  guint                n_limits;
  int                  terminal;     /* becomes the child's controlling terminal, in a session of its own; -1: none */
  gboolean             new_session;
  gboolean             new_group;
  gboolean             die_with_parent; /* with the thread that calls kaa_spawn() */
  KaaSpawnHandle      *handle;       /* NULL: it cannot be called off */
} KaaSpawn;

/* The child, which the caller reaps; or -1 with a GSpawnError, and then there is none. May be called from any thread; blocks until the
 * program runs. One that was called off may be dead by then. */
pid_t    kaa_spawn          (const KaaSpawn  *request,
                             GError         **error);
/* Kills the child, before the program runs if that is possible. Any thread, but not once the child may have been reaped. */
void     kaa_spawn_cancel   (KaaSpawnHandle  *handle);

/* In the child: every descriptor from 3 on will be closed by exec. */
void     kaa_spawn_set_cloexec (gboolean      by_directory);

G_END_DECLS

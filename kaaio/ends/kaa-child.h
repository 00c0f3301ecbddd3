/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "loop/kaa-poller.h"

#include <sys/types.h>

G_BEGIN_DECLS

/*
 * KaaChild: a child process, from its start until it has been reaped; which happens once, and in any case.
 *
 * Whoever started it is told from the loop, and may let go at any time: the child is reaped all the same, and one that is being
 * stopped is killed when its time is up. When the main context goes, a thread does what is left to do.
 */

typedef struct _KaaChild KaaChild;

typedef struct
{
  /* From the loop: after kaa_child_schedule(), when the child was reaped, and when the context goes. It may let go. */
  void     (*changed) (KaaChild *child,
                       gpointer  owner);
  /* After kaa_child_park(), once for each turn of the loop: whether changed() is to be called. Runs no user code. */
  gboolean (*look)    (KaaChild *child,
                       gpointer  owner);
} KaaChildFuncs;

/* pid is a child that nobody else reaps. leader: of a process group, which all signals are for. changed() is called in the next turn. All
 * on the poller's thread, or when the context is gone; nothing after letting go. */
KaaChild *kaa_child_new        (pid_t                pid,
                                gboolean             leader,
                                KaaPoller           *poller,
                                const KaaChildFuncs *funcs,
                                gpointer             owner);
void      kaa_child_let_go     (KaaChild     *self);
/* Calls changed() in the next turn. */
void      kaa_child_schedule   (KaaChild     *self);
void      kaa_child_park       (KaaChild     *self);
/* The context is gone, so nothing will be told any more. */
gboolean  kaa_child_is_left_alone (KaaChild  *self);
gboolean  kaa_child_is_reaped  (KaaChild     *self);
/* Once reaped: the exit status, minus the signal, or KAA_EXIT_STATUS_UNKNOWN. */
int       kaa_child_get_status (KaaChild     *self);
pid_t     kaa_child_get_pid    (KaaChild     *self);
/* -1 with errno; never to a process that was reaped. */
int       kaa_child_signal     (KaaChild     *self,
                                int           signum);
/* TERM and KILL at moments of the monotonic clock, -1 for never; earlier ones count. What is left of a group when its leader has ended
 * is killed when it is time. */
void      kaa_child_stop_at    (KaaChild     *self,
                                gint64        term_at,
                                gint64        kill_at);
/* Such a signal could not be sent, so there will be no more of them: the errno, once, after a call of changed(); or 0. */
int       kaa_child_take_failure (KaaChild   *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-process.h>

#include "channel/kaa-io-channel-private.h"
#include "ends/kaa-child.h"

G_BEGIN_DECLS

/*
 * What the files of the process share:
 *
 *   kaa-process.c              the type, its properties
 *   kaa-process-start.c        starting
 *   kaa-process-end.c          exited, finished: when the child has ended and its output is consumed
 *   kaa-process-stop.c         stopping, waiting, signals
 *   kaa-process-communicate.c  communicate()
 *   kaa-process-async.c        the GIO pairs
 */

typedef struct _KaaConversation KaaConversation;

/* Where the child's output comes from. */
typedef struct
{
  KaaIOChannel *channel;   /* NULL: there is none. Not referenced */
  KaaTransport *input;     /* the one that the channel had at the start */
  guint64 end;             /* how much there is of the child's, known when it has ended */
} KaaOutput;

#define KAA_N_OUTPUTS 2

typedef struct
{
  char **argv;
  char **environment;
  char *directory;
  char *stop_command;
  KaaIOChannel *stderr_channel;
  KaaProcessFlags flags;
  guint rows, columns;

  KaaChild *child;            /* the last one that was started */
  KaaOutput outputs[KAA_N_OUTPUTS];
  KaaPendingList waiting;     /* stop(), wait() */
  KaaConversation *conversation;
  GBytes *stderr_data;
  int exit_status;
  int owed_status;            /* of a run that was followed by another before it was finished */
  guint running : 1;
  guint stopping : 1;
  guint finish_due : 1;       /* exited was emitted, finished not yet */
  guint finish_owed : 1;
  guint communicated : 1;     /* nothing is left of the last run */
  guint held : 1;             /* holds a reference on itself */
} KaaProcessPrivate;

typedef enum
{
  KAA_PROCESS_PROP_ARGV = 1,
  KAA_PROCESS_PROP_FLAGS,
  KAA_PROCESS_PROP_PID,
  KAA_PROCESS_PROP_RUNNING,
  KAA_PROCESS_PROP_STOPPING,
  KAA_PROCESS_PROP_EXIT_STATUS,
  KAA_PROCESS_PROP_STOP_COMMAND,
  KAA_PROCESS_PROP_ENVIRONMENT,
  KAA_PROCESS_PROP_DIRECTORY,
  KAA_PROCESS_PROP_STDERR_CHANNEL,
  KAA_PROCESS_PROP_STDERR_DATA,
  KAA_PROCESS_PROP_ROWS,
  KAA_PROCESS_PROP_COLUMNS,
  KAA_PROCESS_N_PROPERTIES
} KaaProcessProperty;

enum
{
  KAA_PROCESS_EXITED,
  KAA_PROCESS_FINISHED,
  KAA_PROCESS_N_SIGNALS
};

extern guint kaa_process_signals[KAA_PROCESS_N_SIGNALS];

KaaProcessPrivate *kaa_process_get_private  (KaaProcess *self);
void               kaa_process_notify       (KaaProcess *self, KaaProcessProperty which);
/* It holds itself while there is a child, and somebody who wants to hear of its end; and while it is stopping. */
void               kaa_process_update_hold  (KaaProcess *self);

/* kaa-process-end.c */
extern const KaaChildFuncs kaa_process_child_funcs;
/* A new child is about to be, or the object goes: what is left of the last one. */
void               kaa_process_forget_child (KaaProcess *self);
/* Everybody who waits for the end gets this error (taken). */
void               kaa_process_fail_waiting (KaaProcess *self, GError *error);

/* kaa-process-communicate.c */
gboolean           kaa_process_is_communicating  (KaaProcess *self);
/* The child has ended, and its output is consumed. From the loop. */
void               kaa_process_end_conversation  (KaaProcess *self);
void               kaa_process_drop_conversation (KaaProcess *self, const GError *error);

G_END_DECLS

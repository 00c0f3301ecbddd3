/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-process.h>

#include "channel/kaa-io-channel-private.h"
#include "ends/kaa-child.h"
#include "ends/kaa-spawn.h"

G_BEGIN_DECLS

/*
 * What the files of the process share. Their functions follow from the bottom up: each file calls only those before it, and the
 * type, kaa-process.c, which knows them all, is called by nobody.
 */

typedef struct _KaaConversation KaaConversation;
typedef struct _KaaLaunch       KaaLaunch;

/* Descriptors, -1 where there is none. */
typedef struct
{
  KaaSpawn spawn;          /* refers to what is below */
  char **argv;
  char **environment;
  char *directory;
  GArray *fds;             /* KaaSpawnFd: all that the child gets */
  GArray *given;           /* KaaSpawnFd: those by take_fd(); closes its sources */
  GArray *limits;          /* KaaSpawnLimit */
  GArray *made;            /* int: of fds, those that were made for the child */
  int input, output, error; /* ours: what the child reads, writes, and complains to */
} KaaProcessSetup;

/* Where the child's output comes from. */
typedef struct
{
  KaaIOChannel *channel;   /* NULL: there is none. Not referenced */
  KaaTransport *input;     /* the one that the channel had at the start */
  guint64 end;             /* how much there is of the child's at most, known when it has ended */
  gboolean drained;        /* all of it was read, however much it was */
  gboolean ended;          /* the transport was told that this is the end */
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
  GArray *given;              /* KaaSpawnFd: for the next start; closes its sources */
  GArray *limits;             /* KaaSpawnLimit */

  KaaLaunch *launch;          /* under way, not owned */
  KaaChild *child;            /* the last one that was started */
  KaaOutput outputs[KAA_N_OUTPUTS];
  KaaPendingList waiting;     /* stop(), wait() */
  KaaConversation *conversation;
  GBytes *stderr_data;
  int exit_status;
  int owed_status;            /* of a run that was followed by another before it was finished */
  guint close_on_exit : 1;
  guint input_elsewhere : 1;  /* the last child's standard input is not ours to write to */
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
  KAA_PROCESS_PROP_CLOSE_ON_EXIT,
  KAA_PROCESS_N_PROPERTIES
} KaaProcessProperty;

enum
{
  KAA_PROCESS_EXITED,
  KAA_PROCESS_FINISHED,
  KAA_PROCESS_N_SIGNALS
};

/* --- kaa-process-base.c --- */

extern int kaa_process_private_offset;
extern guint kaa_process_signals[KAA_PROCESS_N_SIGNALS];
extern GParamSpec *kaa_process_properties[KAA_PROCESS_N_PROPERTIES];

static inline KaaProcessPrivate *
kaa_process_get_private (KaaProcess *self)
{
  return G_STRUCT_MEMBER_P (self, kaa_process_private_offset);
}

void               kaa_process_notify       (KaaProcess *self, KaaProcessProperty which);
/* It holds itself while there is a child, and somebody who wants to hear of its end; and while it is stopping. */
void               kaa_process_update_hold  (KaaProcess *self);

/* --- kaa-process-setup.c --- */

/* NULL with an error: it makes no sense, or something is not to be had. Takes what was given by take_fd(). */
KaaProcessSetup   *kaa_process_setup_new    (KaaProcess *self, GError **error);
/* With its descriptors, but for those that were taken out of it. */
void               kaa_process_setup_free   (KaaProcessSetup *setup);
/* The same after a failure: what was given is there for the next start. */
void               kaa_process_setup_undo   (KaaProcessSetup *setup, KaaProcess *self);
GArray            *kaa_process_given_new    (void);
/* What is written to the channel reaches the child, or the next one while there is none. */
gboolean           kaa_process_has_input    (KaaProcess *self);

/* --- kaa-process-conversation.c --- */

/* With a child that is there. */
gboolean           kaa_process_is_communicating  (KaaProcess *self);
/* It was about a child in whose place another one comes. */
void               kaa_process_drop_last_conversation (KaaProcess *self);
/* The child has ended, and its output is consumed. From the loop. */
void               kaa_process_end_conversation  (KaaProcess *self);
void               kaa_process_drop_conversation (KaaProcess *self, const GError *error);
/* One is under way, perhaps with a child that is not there yet. */
gboolean           kaa_process_has_conversation  (KaaProcess *self);
/* Begins one, or goes on with one that was aborted. launch: what starts the child, NULL where it is there. */
KaaInProgress     *kaa_process_converse          (KaaProcess *self, GBytes *input, KaaInProgress *launch);

/* --- kaa-process-end.c --- */

extern const KaaChildFuncs kaa_process_child_funcs;
/* A new child is about to be, or the object goes: what is left of the last one. */
void               kaa_process_forget_child (KaaProcess *self);
/* Everybody who waits for the end gets this error (taken). */
void               kaa_process_fail_waiting (KaaProcess *self, GError *error);

/* --- kaa-process-start.c --- */

/* There is a child, started with setup (taken). launched: a waiting transport is open in the place of our ends. On failure it is killed,
 * and everything is as it was. */
gboolean           kaa_process_begin        (KaaProcess *self, KaaProcessSetup *setup, pid_t pid, gboolean launched,
                                             GError **error);
/* A child that nobody gets: it is killed, and its group, and reaped. */
void               kaa_process_dismiss      (pid_t pid, const KaaSpawn *spawn, KaaPoller *poller);

/* --- kaa-process-launch.c --- */

/* The future of the launch that is under way, or NULL. */
KaaInProgress     *kaa_process_get_launch   (KaaProcess *self);
/* Calls it off. */
void               kaa_process_stop_launch  (KaaProcess *self);
/* launch(), but of a call that is cancelled already nothing is started. */
KaaInProgress     *kaa_process_launch_unless_cancelled (KaaProcess *self, GCancellable *cancellable);

G_END_DECLS

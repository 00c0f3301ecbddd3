/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/uio.h>

#include "bytes/kaa-byte-queue.h"
#include "bytes/kaa-fds.h"
#include "bytes/kaa-sys.h"
#include "loop/kaa-poller.h"

G_BEGIN_DECLS

/*
 * KaaTransport: one open descriptor, whatever kind of thing it is.
 *
 * The channel above knows bytes, requests and handlers; only the transports know pipes, terminals,
 * sockets and files. A channel has an input and an output, which are often the same transport.
 * All calls happen on the poller's thread; none blocks.
 */

typedef struct _KaaTransport      KaaTransport;
typedef struct _KaaTransportClass KaaTransportClass;

enum
{
  KAA_TRANSPORT_FAILED  = -1, /* *error is set, and this direction is over */
  KAA_TRANSPORT_AGAIN   = -2, /* nothing now: the entry is scheduled when that changes */
  KAA_TRANSPORT_REFUSED = -3, /* *error is set: these bytes cannot be written, others can (a full disk). Not of a stream, but for what is
                               * refused before it is tried */
  KAA_TRANSPORT_FULL    = -4, /* the target of a splice takes nothing now: its entry is scheduled when that changes */
  KAA_TRANSPORT_UNABLE  = -5, /* the kernel cannot move these bytes: they have to be read and written */
  KAA_TRANSPORT_LATER   = -6  /* *error is set: these bytes cannot be written now, and the entry is not told when that changes */
};

struct _KaaTransportClass
{
  /* 1..length bytes, 0 at the end, or one of the above. */
  gssize       (*read)         (KaaTransport        *self,
                                guint8              *buffer,
                                gsize                length,
                                GError             **error);
  gssize       (*write)        (KaaTransport        *self,
                                const struct iovec  *vectors,
                                int                  n,
                                GError             **error);
  /* What a call is worth now. OUT is set unless the last write said AGAIN and nothing has changed since. */
  KaaPollFlags (*get_ready)    (KaaTransport        *self);
  /* What readiness is of use now. */
  void         (*set_wanted)   (KaaTransport        *self,
                                KaaPollFlags         wanted);
  /* After HUP, where nobody reads: TRUE if nothing is left to be read; *error says whether it was more than an end. */
  gboolean     (*is_drained)   (KaaTransport        *self,
                                GError             **error);
  /* Bytes that a read would find, as far as that can be known. */
  gsize        (*get_unread)   (KaaTransport        *self);
  /* Bytes of the queue's head that are on their way and cannot be taken back. */
  gsize        (*get_in_flight) (KaaTransport       *self);
  gboolean     (*shutdown)     (KaaTransport        *self,
                                GError             **error);
  /* An orderly close: FALSE while it is under way, the entry is scheduled then. Followed by close(). */
  gboolean     (*finish)       (KaaTransport        *self,
                                gboolean             close_fd);
  /* Begin and end to look after the descriptor for an entry (which may be attached to another poller by then). */
  gboolean     (*start)        (KaaTransport        *self,
                                KaaPollEntry        *entry,
                                GError             **error);
  void         (*stop)         (KaaTransport        *self);
  /* NULL where it belongs to its channel. Whether another channel may take over what is open: somebody else may have closed it. */
  gboolean     (*can_move)     (KaaTransport        *self,
                                GError             **error);
  /* Checked before: looks after the descriptor for the entry of another channel from now on, which uses it for no more than this. What is
   * known of it stays known. It cannot fail. */
  void         (*move)         (KaaTransport        *self,
                                KaaPollEntry        *entry,
                                KaaPollFlags         mode);
  /* Stopped before. Closes what is ours (and the descriptor, with close_fd), frees the transport. */
  void         (*close)        (KaaTransport        *self,
                                gboolean             close_fd,
                                gboolean             forked);
  /* NULL, or: as write() and read(), with descriptors that go or come along; *received may stay NULL. */
  gssize       (*send)         (KaaTransport        *self,
                                const struct iovec  *vectors,
                                int                  n,
                                const KaaFds        *fds,
                                GError             **error);
  gssize       (*receive)      (KaaTransport        *self,
                                guint8              *buffer,
                                gsize                length,
                                KaaFds             **received,
                                GError             **error);
  /* NULL, or: moves up to length bytes to the target without copying them; otherwise as read(). What goes wrong at the target is
   * found out by writing to it. */
  gssize       (*splice)       (KaaTransport        *self,
                                KaaTransport        *target,
                                gsize                length,
                                GError             **error);
  /* NULL, or: takes up to length bytes out of a pipe. 0 at the end of the pipe; AGAIN where it is empty; FULL; UNABLE. *missing
   * is POLLIN where the pipe is empty now, which is for the caller to note, as what we are is for us. */
  gssize       (*take)         (KaaTransport        *self,
                                int                  pipe,
                                gsize                length,
                                short               *missing);
  /* NULL, or: whether anybody listens to something else than bytes that comes from it (blocked or not). */
  gboolean     (*is_heard)     (KaaTransport        *self);
  /* NULL, or: whoever is about to wait asks whether there is anything to wait for, because not everything says so by itself when
   * somebody else closes it. If not, both directions are ready and fail. */
  void         (*check)        (KaaTransport        *self);
};

struct _KaaTransport
{
  const KaaTransportClass *klass;
  GObject *stream; /* owned, or NULL: whose descriptor it is; it is closed instead of the number */
  int fd;          /* the number that the caller gave us, -1 if there is none */
  guint8 kind;     /* KaaFdKind */
  guint8 mode;     /* KaaPollFlags, where the transport wants to know */
  guint16 flags;   /* the transport's own */
};

/* A transport for fd, not started. private_description: the description is shared with others, so a description of our
 * own is wanted. On failure nothing was changed. */
KaaTransport *kaa_fd_transport_new   (int               fd,
                                      const KaaFdInfo  *info,
                                      KaaPollFlags      mode,
                                      gboolean          private_description,
                                      GError          **error);
/* What has no end, a serial line: a hang-up is an error. */
void          kaa_fd_transport_set_endless (KaaTransport *self);
/* A terminal line that is held, and released at the close. */
void          kaa_fd_transport_set_held    (KaaTransport *self);
/* Begins or ends a break on a terminal line; the close ends it too. FALSE with errno. */
gboolean      kaa_fd_transport_set_break   (KaaTransport *self,
                                            gboolean      on);
/* It is at its end from now on, whoever else may still write: who reads gets nothing more. The caller schedules the entry. */
void          kaa_fd_transport_end         (KaaTransport *self);
KaaTransport *kaa_file_transport_new (int               fd,
                                      const KaaFdInfo  *info);

/* For a GIO stream without a descriptor of its own. input, output: may be NULL; stream: what is closed, often the GIOStream that
 * they belong to. References are taken. */
KaaTransport *kaa_stream_transport_new (GObject          *stream,
                                        GInputStream     *input,
                                        GOutputStream    *output);
/* The stream belongs to the channel, whatever its close-fd says. */
void          kaa_stream_transport_own (KaaTransport     *self);
/* GIOStream, GInputStream, GOutputStream, GSocket. May block where their close() does. */
void          kaa_stream_close         (GObject          *stream);
/* A stream that stands for a channel. Closing it waits until what is queued has gone, unless it was cut before: then what it closes
 * is closed at once. */
#define KAA_TYPE_CUTTABLE (kaa_cuttable_get_type ())

G_DECLARE_INTERFACE (KaaCuttable, kaa_cuttable, KAA, CUTTABLE, GObject)

struct _KaaCuttableInterface
{
  GTypeInterface parent;

  void (*cut) (KaaCuttable *self);
};

/* Closes a descriptor, or the stream whose it is, unless the number stands for a stranger by now. */
void          kaa_transport_close_fd   (int               fd,
                                        const KaaFdInfo  *info,
                                        GObject          *stream);
/* Stands in for a connection that is not there yet. closed: the channel lets go of it, because it is closed or the
 * connection takes its place. */
typedef void (*KaaWaitingClosed) (gpointer user_data);
KaaTransport *kaa_waiting_transport_new (KaaWaitingClosed  closed,
                                         gpointer          user_data);

/* Stands in for a connection that is about to become another one: lets out the first length bytes that are written, and reads
 * nothing. inner (taken): what they go through. fd and stream may be set to those of the new connection. */
typedef struct
{
  /* They are out. From inside a write. */
  void (*passed) (gpointer user_data);
  /* The channel lets go of it, because it is closed or the new connection takes its place. */
  void (*closed) (gpointer user_data);
} KaaGateFuncs;

/* inner runs for the channel that the gate is for. */
KaaTransport *kaa_gate_transport_new    (KaaTransport       *inner,
                                         gsize               length,
                                         const KaaGateFuncs *funcs,
                                         gpointer            user_data);

/* A subclass of the channel that has low-level calls of its own. They are called with owner; what they chain up
 * to is the inner transport, which the filter owns. */
typedef struct
{
  GBytes * (*read)  (gpointer owner, gsize count, GError **error);
  gssize   (*write) (gpointer owner, GBytes *data, GError **error);
} KaaFilterFuncs;

KaaTransport *kaa_filter_transport_new       (KaaTransport         *inner,
                                              const KaaFilterFuncs *funcs,
                                              gpointer              owner);
/* The transport itself where it is no filter. */
KaaTransport *kaa_filter_transport_get_inner (KaaTransport         *self);
/* What a filter chains up to: write() of the inner transport, where that one is no filter its own. error is not NULL. */
gssize        kaa_filter_transport_write_inner (KaaTransport         *self,
                                                const struct iovec   *vector,
                                                GError              **error);
/* What a filter chains up to. */
gssize        kaa_filter_transport_read_inner (KaaTransport        *self,
                                               guint8              *buffer,
                                               gsize                length,
                                               GError             **error);
/* Bytes that the last read of a filter has taken, although it may have said AGAIN: it had no use for them yet. */
gsize         kaa_filter_transport_get_taken  (KaaTransport        *self);
/* What the filter has read and not handed out yet goes into the queue; FALSE if there is no memory for it. */
gboolean      kaa_filter_transport_move_rest (KaaTransport         *self,
                                              KaaByteQueue         *queue,
                                              KaaBlockCache        *cache);
/* The inner one outlives the filter, which is freed. */
KaaTransport *kaa_filter_transport_unwrap    (KaaTransport         *self);

GError       *kaa_transport_error            (int                   errsv,
                                              const char           *what,
                                              int                   fd);

G_END_DECLS

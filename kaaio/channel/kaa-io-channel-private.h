/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-io-channel.h>

#include "bytes/kaa-byte-queue.h"
#include "bytes/kaa-delimiters.h"
#include "bytes/kaa-heard.h"
#include "bytes/kaa-write-queue.h"
#include "channel/kaa-pending.h"
#include "loop/kaa-poller.h"
#include "transport/kaa-transport.h"

G_BEGIN_DECLS

/*
 * What the files of the channel share. Each file owns a part of the struct:
 *
 *   kaa-io-channel.c          the type, its signals; when it holds itself
 *   kaa-channel-look.c        looks: who is interested
 *   kaa-channel-properties.c  the properties as GObject sees them, their notifications
 *   kaa-channel-state.c       ... what a channel tells
 *   kaa-channel-options.c     ... what may be set
 *   kaa-channel-delimiters.c  ... what ends a line
 *   kaa-channel-open.c        wrap
 *   kaa-channel-takeover.c    wrap and steal what another channel has open
 *   kaa-channel-stream.c      wrap for GIO streams
 *   kaa-channel-pump.c        the engine: what a dispatch does, in which order
 *   kaa-channel-fds.c         descriptors that came with the bytes
 *   kaa-channel-fill.c        the read side: from the transport into the queue
 *   kaa-channel-read.c        ... from there to requests
 *   kaa-channel-handlers.c    ... and to handlers
 *   kaa-channel-overflow.c    ... where a line is too long
 *   kaa-channel-request.c     the reading methods
 *   kaa-channel-peek-lines.c  ... and those that iterate over the lines at hand
 *   kaa-channel-lend.c        ... or lend them
 *   kaa-channel-splice.c      from one channel to another
 *   kaa-channel-send.c        the write side: taking bytes
 *   kaa-channel-write.c       ... and from the queue to the transport
 *   kaa-channel-write-error.c ... or not
 *   kaa-channel-pause.c       ... or later
 *   kaa-channel-flush.c       waiting for it
 *   kaa-channel-close.c       close, the end of input, errors
 *   kaa-channel-idle.c        the idle time-out
 *   kaa-channel-linger.c      how long a close may take
 *   kaa-channel-shutdown.c    half-closing
 *   kaa-channel-remote.c      what other threads ask for
 *   kaa-channel-async.c       the GIO pairs
 *   kaa-io-stream.c           the channel as a GIO stream
 *   kaa-channel-parts.c       what is only there while it is needed
 *   kaa-pending.c             an operation that a future waits for
 */

typedef enum
{
  KAA_STATE_UNOPENED, /* never opened, or given away: requests and writes wait */
  KAA_STATE_OPEN,
  KAA_STATE_CLOSING,  /* not alive any more; what is queued is still written */
  KAA_STATE_CLOSED
} KaaChannelState;

/* Interest, as found by a look. */
typedef enum
{
  KAA_WANTS_CHUNKS = 1 << 0, /* `read` */
  KAA_WANTS_LINES  = 1 << 1, /* `readline` */
  KAA_WANTS_BLOCKS = 1 << 2  /* `readlines` */
} KaaWants;

#define KAA_WANTS_ANY_LINES (KAA_WANTS_LINES | KAA_WANTS_BLOCKS)

/* A close whose signal and futures have not been announced yet. */
typedef struct _KaaClosing KaaClosing;
typedef struct _KaaIdle    KaaIdle;
typedef struct _KaaLoan    KaaLoan;
typedef struct _KaaMark    KaaMark;
typedef struct _KaaPause   KaaPause;
struct _KaaClosing
{
  KaaClosing *next;
  KaaPendingList futures;
  GSource *linger;    /* cuts it short */
  gboolean expected;
  gboolean done;      /* the descriptor is closed: the rest may follow */
  gboolean signalled;
};

typedef enum
{
  KAA_SIGNAL_READ,      /* in the order in which they are made, see kaa-channel-look.c */
  KAA_SIGNAL_READLINES,
  KAA_SIGNAL_READLINE,
  KAA_SIGNAL_CLOSED,
  KAA_SIGNAL_OVERFLOW,
  KAA_N_SIGNALS
} KaaChannelSignal;

/* The read side, while something is read or asked for. */
typedef struct
{
  KaaByteQueue queue;
  KaaHeard heard;                 /* by `read` handlers */
  gsize block_seen;               /* bytes at the head that `readlines` handlers have had */
  KaaScan scan;                   /* of the line at the head of the queue */
  KaaPendingList requests;
  KaaLoan *loan;                  /* lines at the head that a binding hands out on its side */
  GQueue *chunks;                 /* due to `read` handlers, and taken by others before they could have it */
  GArray *overflows;              /* signals that wait likewise */
  KaaDelimiters *discarding;      /* dropping up to one of these */
  guint64 discarded;
  gboolean overflow_told;         /* of the line at the head */
  KaaMark *marks;                 /* descriptors that came with the bytes */
  guint64 missed;                 /* R3: bytes that went by since the last request */
  gsize level_told;               /* what read-queue-used was when it was last notified */
  gulong line_handler;            /* kaa-channel-look.c: a handler of `readline` that was the first of all; 0: none was seen */
} KaaReading;

/* The write side, while something waits to be written, with the end: while the channel closes, or where something went wrong.
 * Positions begin anew with it. */
typedef struct
{
  KaaWriteQueue writes;
  KaaPendingList written;         /* writes and flushes, in the order of their positions */
  KaaPendingList waiting;         /* wait_writable() */
  guint32 n_asked;                /* the serial of the next one in either list */
  gsize level_told;               /* what write-queue-used was when it was last notified */
  guint64 border;                 /* not behind `written`: what was sent without a future, and is at the head, began here */
  GError *write_error;            /* of bytes that no future spoke for */
  KaaPause *pause;                /* NULL, or: the system is short of something */
  KaaSplice *feeders;             /* splices into this channel */
  KaaClosing *closings;           /* oldest first; the one under way is the last */
  GError *error;
  GError *end_error;              /* why the input or the output ended, until the close says so */
} KaaWriting;

/* Seldom set. */
typedef struct
{
  KaaDelimiters *delimiters;
  guint64 chunk_size;
  gsize queue_size;               /* atomic: who writes in another thread reads it */
  double linger;
  KaaOverflowPolicy overflow_policy;
  gboolean keep_partial_line;     /* at the end of what stays open */
  guint accept_fds;               /* how many descriptors may wait to be taken */
  KaaIdle *idle;                  /* NULL without an idle time-out */
  GSList *pollers;                /* owned; of priorities that it had, which another thread may just be asking */
} KaaChannelOptions;

/* Thousands of channels may be idle at the same time: what such a one does not need is in the parts. */
typedef struct
{
  KaaPollEntry entry;
  KaaTransport *input;            /* often the same transport as output */
  KaaTransport *output;

  /* kaa-channel-parts.c: to be written to only after kaa_channel_need_reading() and the like */
  KaaReading *reading;
  KaaWriting *writing;
  KaaChannelOptions *options;     /* atomic, as entry.poller is: read by other threads, written in the channel's */

  /* life */
  guint64 bytes_read;
  guint64 bytes_written;

  gsize write_used;               /* atomic: bytes queued here, and on their way from other threads; and KAA_SHARED_STATE */
  guint head_serial;              /* counts up when the line at the head becomes another one */

  /* In the channel's thread only. After a change of state, mode, peer_gone or shut_down: kaa_channel_publish(). */
  guint state : 2;                /* KaaChannelState */
  guint mode : 2;                 /* KAA_IO_READ, KAA_IO_WRITE */
  guint paused : 1;
  guint eof : 1;
  guint look_behind_eof : 1;      /* a request asks to read once more behind the end */
  guint keep : 1;                 /* R3: what `read` handlers have had is kept for requests */
  guint by_default : 3;           /* KaaWants of the default handlers of a subclass */
  guint notified : 5;             /* what the notified properties were last said to be */
  guint full : 1;                 /* not writable before the queue is down to half */
  guint peer_gone : 1;            /* a write failed for good; what can still be read is read */
  guint shut_down : 1;            /* half-closed by shutdown() */
  guint held : 1;                 /* holds a reference on itself */
  guint emitting : 1;             /* a handler is running, so no other emission begins */
  guint pumping : 1;              /* a dispatch is under way */
  guint direct_used : 1;          /* a write went out in the call, since the last dispatch */
  guint failing : 1;              /* futures were settled in this dispatch, and hear of it behind it: later ones, and `closed`, wait */
  guint draining : 1;             /* closing: shut down, reading until the end */
  guint orphan : 1;               /* what the transport has under way was another channel's, which has given it up */
  guint filtered : 1;             /* the transports call virtual methods */
  guint in_filter : 1;            /* a virtual method of a subclass runs */
  guint close_wanted : 1;         /* ... and closed the channel meanwhile */
  guint close_fd : 1;
  guint close_on_eof : 2;         /* KaaCloseOnEof */
} KaaIOChannelPrivate;

/*
 * The highest bits of the counter that every thread looks at before it writes. They say what there is to know of the channel for
 * who is not in its thread, so that nobody else reads the flags there. The limit of a queue leaves room for them, also while what
 * other threads have on their way, and what was taken over from another channel, comes on top.
 */
#define KAA_SHARED_STATE    (~(G_MAXSIZE >> 4))
/* Another thread has closed the channel, which has not arrived yet. */
#define KAA_CLOSED_REMOTELY (~(G_MAXSIZE >> 1))
/* It is open. */
#define KAA_SHARED_ALIVE    (KAA_CLOSED_REMOTELY >> 1)
/* Why no bytes are taken; both: it is closed. */
#define KAA_READ_ONLY       (KAA_CLOSED_REMOTELY >> 2)
#define KAA_SHUT_DOWN       (KAA_CLOSED_REMOTELY >> 3)
#define KAA_NO_OUTPUT       (KAA_READ_ONLY | KAA_SHUT_DOWN)

#define KAA_QUEUE_SIZE_MAX  (G_MAXSIZE >> 6)

enum
{
  KAA_CLOSE_ON_EOF_DEFAULT, /* yes, but not for files */
  KAA_CLOSE_ON_EOF_YES,
  KAA_CLOSE_ON_EOF_NO
};

extern gint kaa_io_channel_private_offset;
extern guint kaa_channel_signals[KAA_N_SIGNALS];

static inline KaaIOChannelPrivate *
kaa_channel_get_private (KaaIOChannel *self)
{
  return G_STRUCT_MEMBER_P (self, kaa_io_channel_private_offset);
}

static inline KaaIOChannel *
kaa_channel_from_private (KaaIOChannelPrivate *priv)
{
  return G_STRUCT_MEMBER_P (priv, -kaa_io_channel_private_offset);
}

/* kaa-channel-peek-lines.c */
gsize kaa_channel_count_lines (KaaIOChannel *self,
                               gsize         most);

/* kaa-channel-queue.c: before anything becomes of the queue */
void kaa_channel_settle_loan (KaaIOChannelPrivate *priv);
void kaa_channel_end_loan    (KaaIOChannelPrivate *priv);

static inline gsize
kaa_channel_get_queued (KaaIOChannelPrivate *priv)
{
  if (G_UNLIKELY (priv->reading->loan != NULL))
    kaa_channel_settle_loan (priv);
  return kaa_byte_queue_get_length (&priv->reading->queue);
}

/* Any thread. */
static inline KaaPoller *
kaa_channel_get_poller (KaaIOChannelPrivate *priv)
{
  return g_atomic_pointer_get (&priv->entry.poller);
}

/* Any thread: whether this is the channel's, or may be taken for it. Comes before anything else of it is touched. */
static inline gboolean
kaa_channel_is_mine (KaaIOChannelPrivate *priv)
{
  KaaPoller *poller = kaa_channel_get_poller (priv);

  /* Exchanged meanwhile: not by this thread. */
  return kaa_poller_is_mine (poller) && poller == kaa_channel_get_poller (priv);
}

/* The same question by who is refused otherwise. */
static inline gboolean
kaa_channel_insist (KaaIOChannelPrivate *priv)
{
  KaaPoller *poller = kaa_channel_get_poller (priv);

  return (kaa_poller_is_mine (poller) || kaa_poller_insist (poller)) && poller == kaa_channel_get_poller (priv);
}

/* Any thread. */
static inline gsize
kaa_channel_get_queue_size (KaaIOChannelPrivate *priv)
{
  KaaChannelOptions *options = g_atomic_pointer_get (&priv->options);

  return (gsize) g_atomic_pointer_get (&options->queue_size);
}

static inline KaaBlockCache *
kaa_channel_get_blocks (KaaIOChannelPrivate *priv)
{
  return kaa_poller_get_blocks (priv->entry.poller);
}

/* After code of the application has run in a dispatch. FALSE: that has to end. */
static inline gboolean
kaa_channel_has_budget (KaaIOChannelPrivate *priv)
{
  return priv->entry.poller != NULL && kaa_poller_spend (priv->entry.poller, 0);
}

static inline gsize
kaa_channel_get_unwritten (KaaIOChannelPrivate *priv)
{
  return kaa_write_queue_get_length (&priv->writing->writes);
}

/* Any thread. */
static inline gsize
kaa_channel_get_shared (KaaIOChannelPrivate *priv)
{
  return (gsize) g_atomic_pointer_get (&priv->write_used);
}

/* A future was settled that is told from the loop. Where a dispatch is under way, what is settled later in it is told behind that. */
static inline void
kaa_channel_note_deferred (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->failing |= priv->pumping;
}

/* Bytes that were taken and have not gone, with those that are on their way from other threads. Any thread. */
static inline gsize
kaa_channel_get_reserved (KaaIOChannelPrivate *priv)
{
  return kaa_channel_get_shared (priv) & ~KAA_SHARED_STATE;
}

static inline void
kaa_channel_unreserve (KaaIOChannelPrivate *priv,
                       gsize                length)
{
  g_atomic_pointer_add (&priv->write_used, - (gssize) length);
}

/* Tells other threads. */
static inline void
kaa_channel_publish (KaaIOChannelPrivate *priv)
{
  gsize state = 0;

  if (priv->state == KAA_STATE_OPEN)
    state |= KAA_SHARED_ALIVE;
  if (priv->state == KAA_STATE_CLOSING || priv->state == KAA_STATE_CLOSED)
    state |= KAA_NO_OUTPUT;
  else if (priv->shut_down || priv->peer_gone)
    state |= KAA_SHUT_DOWN;
  else if (priv->state == KAA_STATE_OPEN && !(priv->mode & KAA_IO_WRITE))
    state |= KAA_READ_ONLY;

  /* Nobody else changes these bits. */
  state ^= kaa_channel_get_shared (priv) & (KAA_SHARED_ALIVE | KAA_NO_OUTPUT);
  if (state != 0)
    g_atomic_pointer_xor (&priv->write_used, state);
}

/* Nothing will follow what is in the queue, for now at least. */
static inline gboolean
kaa_channel_is_at_end (KaaIOChannelPrivate *priv)
{
  return priv->eof || priv->state == KAA_STATE_CLOSED || priv->state == KAA_STATE_CLOSING;
}

/* Any thread. */
static inline gboolean
kaa_channel_is_alive (KaaIOChannel *self)
{
  gsize shared = kaa_channel_get_shared (kaa_channel_get_private (self));

  return (shared & (KAA_SHARED_ALIVE | KAA_CLOSED_REMOTELY)) == KAA_SHARED_ALIVE;
}

static inline gboolean
kaa_channel_is_readable (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  return kaa_channel_get_queued (priv) > 0 || (kaa_channel_is_alive (self) && (priv->mode & KAA_IO_READ) != 0);
}

/* Open for writing, or going to be, whether there is room or not. Any thread. */
static inline gboolean
kaa_channel_has_output (KaaIOChannel *self)
{
  return (kaa_channel_get_shared (kaa_channel_get_private (self)) & (KAA_NO_OUTPUT | KAA_CLOSED_REMOTELY)) == 0;
}

static inline gboolean
kaa_channel_is_writable (KaaIOChannel *self)
{
  return !kaa_channel_get_private (self)->full && kaa_channel_has_output (self);
}

/* A request that does not put the close off, which comes next. */
static inline gboolean
kaa_channel_is_late (KaaIOChannelPrivate *priv,
                     KaaPending          *request)
{
  return request->late > (priv->state == KAA_STATE_OPEN ? KAA_IN_TIME : KAA_LATE);
}

/* Not below zero. */
static inline gsize
kaa_subtract (gsize a,
              gsize b)
{
  return a > b ? a - b : 0;
}

/* kaa-channel-parts.c */
extern const KaaReading kaa_channel_no_reading;
extern const KaaWriting kaa_channel_no_writing;
extern KaaChannelOptions kaa_channel_default_options;

void               kaa_channel_init_parts       (KaaIOChannelPrivate *priv);
void               kaa_channel_make_reading     (KaaIOChannelPrivate *priv);
void               kaa_channel_make_writing     (KaaIOChannelPrivate *priv);
KaaChannelOptions *kaa_channel_own_options      (KaaIOChannelPrivate *priv);
/* Those that say nothing any more. */
void               kaa_channel_drop_parts       (KaaIOChannelPrivate *priv);
void               kaa_channel_free_parts       (KaaIOChannelPrivate *priv);

static inline KaaReading *
kaa_channel_need_reading (KaaIOChannelPrivate *priv)
{
  if (G_UNLIKELY (priv->reading == &kaa_channel_no_reading))
    kaa_channel_make_reading (priv);
  return priv->reading;
}

static inline KaaWriting *
kaa_channel_need_writing (KaaIOChannelPrivate *priv)
{
  if (G_UNLIKELY (priv->writing == &kaa_channel_no_writing))
    kaa_channel_make_writing (priv);
  return priv->writing;
}

/* kaa-channel-base.c */
void          kaa_channel_schedule              (KaaIOChannel *self);
/* Behind all futures that were settled before. */
void          kaa_channel_schedule_last         (KaaIOChannel *self);
/* Notifies those of alive, readable, writable, eof that have changed. */
void          kaa_channel_notify_state          (KaaIOChannel *self);
/* How full the queues are: at the end of a dispatch, so that a level is told once a turn. */
void          kaa_channel_notify_levels         (KaaIOChannel *self);
void          kaa_channel_notify_fileno         (KaaIOChannel *self);
/* In place of what is there. Whoever calls this notifies, when all the rest is done. */
void          kaa_channel_put_error             (KaaIOChannelPrivate *priv, const GError *error);
/* Why it has ended is in `error` from now on. FALSE if there is no error, or it was there. Only the second tells, which runs handlers. */
gboolean      kaa_channel_put_end_error         (KaaIOChannelPrivate *priv);
gboolean      kaa_channel_tell_end_error        (KaaIOChannel *self);
gboolean      kaa_channel_closes_on_eof         (KaaIOChannel *self);
/* What is at the end of the queue is the beginning of a line that may be written on: at the end of a file that is followed. */
gboolean      kaa_channel_may_go_on             (KaaIOChannel *self);

/* kaa-channel-look.c */
void          kaa_channel_note_default_handlers (KaaIOChannel *self);
KaaWants      kaa_channel_look                  (KaaIOChannel *self);
/* The same, also while it is paused. */
KaaWants      kaa_channel_look_at_handlers      (KaaIOChannel *self);
gboolean      kaa_channel_wants                 (KaaIOChannel *self, KaaWants one);
/* ... blocked or not. */
gboolean      kaa_channel_has_handlers          (KaaIOChannel *self, KaaWants one);
/* KAA_LOOK_BLOCKED if handlers exist at all. */
KaaLook       kaa_channel_look_blocked          (KaaIOChannel *self);
/* A look that is cheap, for between two lines. FALSE may also mean that it could not tell. */
gboolean      kaa_channel_wants_only_lines      (KaaIOChannel *self);

/* kaa-io-channel.c */
void          kaa_channel_update_hold           (KaaIOChannel *self);
void          kaa_channel_set_context           (KaaIOChannel *self, GMainContext *context);
void          kaa_channel_move_to_poller        (KaaIOChannel *self, KaaPoller *poller);

/* kaa-channel-properties.c */
void          kaa_channel_install_properties    (GObjectClass *klass);

/* kaa-channel-open.c */
gboolean      kaa_channel_check_openable        (KaaIOChannel *self, GError **error);
/* Not started; NULL where the descriptor does not allow it. stream: whose descriptor it is, or NULL. */
KaaTransport *kaa_channel_new_transport         (KaaIOChannel *self, int fd, GObject *stream, KaaIOCondition mode,
                                                 GError **error);
/* For a subclass with low-level calls of its own they stand between. The transport is taken. */
KaaTransport *kaa_channel_filter_transport      (KaaIOChannel *self, KaaTransport *transport);
/* Begins with new transports, which are taken; either may be NULL. Nothing has changed where it fails. */
gboolean      kaa_channel_open_transports       (KaaIOChannel *self, KaaTransport *input, KaaTransport *output,
                                                 GError **error);
/* They run for this channel, which does not have them yet; on failure they are discarded. */
gboolean      kaa_channel_start_transports      (KaaIOChannel *self, KaaTransport *input, KaaTransport *output,
                                                 GError **error);
/* Opening in two steps, for transports that run for this channel already. Between them its state may become what is known of them. */
void          kaa_channel_take_transports       (KaaIOChannel *self, KaaTransport *input, KaaTransport *output);
void          kaa_channel_opened                (KaaIOChannel *self);
/* How much was read and has gone to nobody yet; all of it is in the queue, or in chunks that wait for handlers. */
gboolean      kaa_channel_gather_input          (KaaIOChannel *self, gsize *length, GError **error);
/* What is in the queue is the caller's from then on. */
GBytes         *kaa_channel_take_input         (KaaIOChannel  *self);
void          kaa_channel_discard_transport     (KaaTransport *transport);
/* Puts transports (taken; often the same, either may be NULL) in the place of the one that is open for both directions: nothing is
 * announced; queues, requests and handlers stay. Returns the old one, which still runs, because the new one may go through it; or
 * NULL with an error: nothing has changed then. */
KaaTransport *kaa_channel_exchange_transports   (KaaIOChannel *self, KaaTransport *input, KaaTransport *output, GError **error);
/* The same for transports that run for this channel already. */
KaaTransport *kaa_channel_exchange_started      (KaaIOChannel *self, KaaTransport *input, KaaTransport *output);

/* kaa-channel-pump.c */
void          kaa_channel_dispatch              (KaaPollEntry *entry);
KaaLook       kaa_channel_look_parked           (KaaPollEntry *entry);
/* Somebody begins to wait: has somebody else closed the descriptor? Takes a system call, unless something is ready. */
void          kaa_channel_check_transports      (KaaIOChannel *self);

/* kaa-channel-fds.c */
/* Descriptors (taken) that came with the last bytes that were read. */
void          kaa_channel_add_fds               (KaaIOChannel *self, KaaFds *take);
/* The oldest ones whose bytes the application has had, and the position behind those; or NULL. */
KaaFds       *kaa_channel_take_fds              (KaaIOChannel *self, guint64 *position);
/* From the head of the queue up to where descriptors came; G_MAXSIZE where there are none. */
gsize         kaa_channel_get_bytes_to_mark     (KaaIOChannelPrivate *priv);
void          kaa_channel_drop_fds              (KaaIOChannelPrivate *priv, gsize length);
void          kaa_channel_clear_fds             (KaaIOChannelPrivate *priv);

/* kaa-channel-queue.c */
typedef enum
{
  KAA_LINE_NONE,
  KAA_LINE_FOUND,
  KAA_LINE_TOO_LONG
} KaaLineResult;

/* What is left in the queue is a line, although no delimiter follows. */
gboolean      kaa_channel_ends_lines            (KaaIOChannel *self);
KaaLineResult kaa_channel_find_line             (KaaIOChannel *self, const KaaDelimiters *delimiters, KaaScan *scan, gsize limit,
                                                 gsize *length);
/* All the whole lines at hand. */
KaaLineResult kaa_channel_find_block            (KaaIOChannel *self, gsize limit, gsize *length);
/* A whole line is in the queue: something that a handler connected now would get. */
gboolean      kaa_channel_has_line              (KaaIOChannel *self);
void          kaa_channel_take                  (KaaIOChannel *self, gsize length);
/* The bare part of it: `read` handlers lose nothing. */
void          kaa_channel_leave_queue           (KaaIOChannel *self, gsize length);
/* What was taken before `read` handlers could have it waits for nobody. */
void          kaa_channel_drop_chunks           (KaaIOChannel *self);
gboolean      kaa_channel_put_back              (KaaIOChannel *self, GBytes *bytes);
void          kaa_channel_clear_input           (KaaIOChannel *self);

/* kaa-channel-fill.c */
gboolean      kaa_channel_fill                  (KaaIOChannel *self, gboolean *budget);
gboolean      kaa_channel_wants_input           (KaaIOChannel *self, KaaWants wants);
void          kaa_channel_slurp                 (KaaIOChannel *self);

/* kaa-channel-read.c */
/* Does some work and says whether there was any; FALSE in *budget when the dispatch's budget is used up. */
gboolean      kaa_channel_deliver               (KaaIOChannel *self, gboolean *budget);
/* The request at the head, if it came too late for that. */
gboolean      kaa_channel_serve_late            (KaaIOChannel *self, gboolean *budget);

/* kaa-channel-handlers.c */
/* One emission, where one is due; lines may be several. */
gboolean      kaa_channel_emit_chunk            (KaaIOChannel *self);
gboolean      kaa_channel_emit_lines            (KaaIOChannel *self);
/* What only `read` handlers wanted, and have had, leaves the queue. */
void          kaa_channel_drop_seen             (KaaIOChannel *self);

/* kaa-channel-overflow.c */
gboolean      kaa_channel_emit_overflow         (KaaIOChannel *self);
/* A line is too long, and the policy is not to split it. The request is NULL where handlers want the line. */
void          kaa_channel_overflow              (KaaIOChannel *self, KaaPending *request);
/* Drops what belongs to such a line. TRUE where that has just ended. */
gboolean      kaa_channel_discard               (KaaIOChannel *self);

/* kaa-channel-request.c */
/* NULL if a request may be made now; then *wants is what handlers want. In another thread than the channel's nothing is touched. */
GError       *kaa_channel_check_request         (KaaIOChannel *self, KaaPendingKind kind, gsize count, KaaWants *wants);
KaaInProgress *kaa_channel_refuse_request       (KaaIOChannel *self, KaaPendingKind kind, GError *error);
void          kaa_channel_add_request           (KaaIOChannel *self, KaaPending *pending, KaaWants wants);
/* Finished when a read would be served, at the end too. It stands in line like every request. */
KaaInProgress *kaa_channel_wait_readable        (KaaIOChannel *self);

/* kaa-channel-splice.c */
void          kaa_channel_wake_feeders          (KaaIOChannel *self);
/* error: why, NULL where the channel was closed by us. */
void          kaa_channel_fail_feeders          (KaaIOChannel *self, const GError *error);
void          kaa_channel_fail_feeders_from     (KaaIOChannel *self, KaaIOChannel *source);
void          kaa_channel_close_feeders         (KaaIOChannel *self, gboolean expected);
/* A splice has bytes for this channel that go past the queue, once the transport takes them. */
gboolean      kaa_channel_is_awaited            (KaaIOChannelPrivate *priv);
void          kaa_splice_free                   (KaaSplice *self);
/* Nobody waits for it any more. */
gboolean      kaa_splice_is_over                (KaaSplice *self);
/* A piece (unlinked, freed) has gone. */
void          kaa_splice_count_piece            (KaaPending *piece);
/* What has not gone of a piece will not go: its bytes are the source's again, before it is failed (unlinked, freed). */
void          kaa_splice_return_piece           (KaaPending *piece, const KaaWriteQueue *writes);
void          kaa_splice_fail_piece             (KaaPending *piece, gsize gone, const GError *error);
gsize         kaa_splice_get_room               (KaaSplice *self);
guint64       kaa_splice_get_moved              (KaaSplice *self);
gboolean      kaa_splice_serve                  (KaaSplice *self, gboolean at_end);
/* Moves bytes from transport to transport, and tells about it. What splice() of the transport says; UNABLE: they have to be read. */
gssize        kaa_splice_move                   (KaaSplice *self, KaaWants wants, gboolean *budget, GError **error);

/* kaa-channel-send.c */
/* A write of at least one byte that descriptors (taken) go with. In the channel's thread. */
KaaInProgress *kaa_channel_write_with_fds       (KaaIOChannel *self, GBytes *bytes, KaaFds *take);

/* kaa-channel-write.c */
void          kaa_channel_accept_with_fds       (KaaIOChannel *self, KaaPending *pending, GBytes *bytes, KaaFds *take);
/* Takes data that was reserved, for pending or for nobody; owner: the bytes that it is in, or NULL. On the channel's thread. */
void          kaa_channel_accept                (KaaIOChannel *self, KaaPending *pending, const guint8 *data, gsize length,
                                                 GBytes *owner);
/* The same for data that nobody waits for, and that goes behind others. */
void          kaa_channel_append                (KaaIOChannel *self, const guint8 *data, gsize length, GBytes *owner);
gboolean      kaa_channel_write_out             (KaaIOChannel *self, gboolean *budget);
void          kaa_channel_update_writable       (KaaIOChannel *self);
gboolean      kaa_channel_abort_write           (KaaIOChannel *self, KaaPending *write, GError **error);
/* Settles, from the loop, the writes and flushes whose last byte has gone. */
void          kaa_channel_settle_gone           (KaaIOChannel *self);
/* The same within a call, with those who wait for room: all that is settled later is told behind it. */
void          kaa_channel_settle_in_call        (KaaIOChannel *self);
/* Puts it into one of the lists of the write side, behind all that have asked before. */
void          kaa_channel_ask_to_write          (KaaWriting *writing, KaaPendingList *list, KaaPending *pending);

/* kaa-channel-write-error.c */
GError       *kaa_channel_new_write_error       (gsize gone, gboolean by_peer);
/* How many bytes of it have gone. */
gsize         kaa_channel_get_gone              (KaaIOChannelPrivate *priv, KaaPending *write);
/* Everything that waits to be written fails. error: why, NULL where the channel was closed by us. */
void          kaa_channel_fail_writes           (KaaIOChannel *self, const GError *error);
/* The bytes at the head cannot be written, but the channel stays; error is taken. */
void          kaa_channel_refuse_head           (KaaIOChannel *self, GError *error);

/* kaa-channel-pause.c */
/* Only where there is a pause: whether it is still under way. */
gboolean      kaa_channel_is_pausing            (KaaIOChannelPrivate *priv);
/* The next pause. FALSE: there have been enough. */
gboolean      kaa_channel_begin_pause           (KaaIOChannel *self);
/* Something has gone, or will not be tried again. */
void          kaa_channel_end_pause             (KaaIOChannel *self);

/* kaa-channel-close.c */
void          kaa_channel_close_now             (KaaIOChannel *self, gboolean expected);
/* Nothing more will be read, because of an error (taken) or not. What was read is delivered before the close. */
void          kaa_channel_end_input             (KaaIOChannel *self, GError *error);
/* The output is over: its peer is gone. What can still be read is read before the close. */
void          kaa_channel_end_output            (KaaIOChannel *self, GError *error);
/* Closes at once, unexpectedly; error (taken) may be NULL. */
void          kaa_channel_close_with_error      (KaaIOChannel *self, GError *error);
gboolean      kaa_channel_close_step            (KaaIOChannel *self);
gboolean      kaa_channel_announce_close        (KaaIOChannel *self);
void          kaa_channel_close_here            (KaaIOChannel *self, KaaPending *pending, KaaCloseFlags flags);
void          kaa_channel_close_silently        (KaaIOChannel *self);
void          kaa_channel_close_transports      (KaaIOChannel *self);
void          kaa_channel_context_gone          (KaaPollEntry *entry);
/* Every pending read request: an error, or NULL for an empty result. */
void          kaa_channel_end_requests          (KaaIOChannel *self, const GError *error);

/* kaa-channel-idle.c */
void          kaa_channel_begin_idle            (KaaIOChannel *self);
void          kaa_channel_end_idle              (KaaIOChannel *self);
/* A byte has passed. */
void          kaa_channel_note_activity         (KaaIOChannel *self);
/* When the last one has, in microseconds of the monotonic time; 0 if nobody noted it. */
gint64        kaa_channel_get_active_at         (KaaIOChannel *self);
void          kaa_channel_set_active_at         (KaaIOChannel *self, gint64 time);
void          kaa_channel_free_idle             (KaaIOChannel *self);

/* kaa-channel-linger.c */
/* The time that a close may take without progress begins (anew). */
void          kaa_channel_begin_linger          (KaaIOChannel *self);
gboolean      kaa_channel_is_lingering          (KaaIOChannel *self);
/* There was progress. */
void          kaa_channel_linger_on             (KaaIOChannel *self);
void          kaa_channel_end_linger            (KaaIOChannel *self);

/* kaa-io-channel.c: for a subclass that knows something about what is open. */
typedef struct
{
  /* Another descriptor is open, or none, and whether it is alive has changed. Before this is notified. */
  void (*descriptor_changed) (KaaIOChannel *self);
  void (*alive_changed) (KaaIOChannel *self);
  /* This channel has taken over what the other one had open, and is going to be opened. */
  void (*taken_over) (KaaIOChannel *self, KaaIOChannel *other);
} KaaIOChannelClassPrivate;

KaaIOChannelClassPrivate *kaa_channel_get_class_private (KaaIOChannelClass *klass);
void          kaa_channel_taken_over            (KaaIOChannel *self, KaaIOChannel *other);

/* kaa-channel-shutdown.c */
/* The output is a descriptor of its own, whose end says nothing about the input. */
gboolean      kaa_channel_writes_apart          (KaaIOChannelPrivate *priv);
void          kaa_channel_close_output          (KaaIOChannel *self);
/* All that was queued before has gone: the pending (unlinked) is carried out, and settled. */
void          kaa_channel_settle_shutdown       (KaaIOChannel *self, KaaPending *shutdown, gboolean now);

/* kaa-channel-remote.c */
/* For an operation that any thread may ask for: the future belongs to the caller's. */
KaaPending   *kaa_channel_new_pending           (KaaIOChannel *self, KaaPendingKind kind);
GError       *kaa_channel_new_thread_error      (void);
void          kaa_channel_write_remotely        (KaaIOChannel *self, KaaPending *pending, GBytes *take);
void          kaa_channel_close_remotely        (KaaIOChannel *self, KaaPending *pending, KaaCloseFlags flags);
void          kaa_channel_dispose_remotely      (KaaIOChannel *self);

G_END_DECLS

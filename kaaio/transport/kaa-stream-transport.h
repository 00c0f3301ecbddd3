/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "transport/kaa-transport.h"

G_BEGIN_DECLS

/*
 * What the files of the stream transport share:
 *
 *   kaa-stream-transport.c  the transport: readiness, half-close, close
 *   kaa-stream-wait.c       waiting until there is something to be done
 *   kaa-stream-input.c      reading
 *   kaa-stream-output.c     writing
 *   kaa-stream-call.c       an asynchronous call, which may outlive the transport
 *   kaa-stream-close.c      what is at the bottom of a stream, and closing it
 */

/* For one call; also what a stream that would block is given again. */
#define KAA_STREAM_MAX_CALL (64 * 1024)

typedef struct _KaaStreamTransport KaaStreamTransport;

/* An asynchronous call, under way or done. */
typedef struct
{
  KaaStreamTransport *owner; /* NULL once the transport has gone */
  GObject *to_close;         /* owned: what that one has left to be closed behind the call */
  GCancellable *cancellable;
  GBytes *bytes;             /* read and not taken, or being written */
  GError *error;
  gssize written;
  gboolean done;
} KaaStreamCall;

/* A direction. */
typedef struct
{
  KaaStreamTransport *transport;
  GSource *source;       /* while waiting for readiness */
  KaaStreamCall *call;   /* a read, a write or a flush */
  guint8 pollable : 1;
  guint8 ready : 1;      /* a pollable stream is worth trying */
} KaaStreamHalf;

struct _KaaStreamTransport
{
  KaaTransport parent;
  KaaPollEntry *entry;
  GInputStream *in;
  GOutputStream *out;
  KaaStreamHalf input;
  KaaStreamHalf output;
  KaaStreamCall *ending; /* a half-close, then the close */
  GBytes *retry;         /* a stream that would block wants the same bytes again */
  gsize flushing;        /* bytes that were taken, and wait for the flush under way */
  GObject *wrapper;      /* of a TLS connection that GSocketClient made */
  guint8 flushes : 1;
  guint8 guarded : 1;    /* a pipe may be at the bottom of it: writing may raise SIGPIPE */
  guint8 finishing : 1;  /* the streams are not ours to touch any more: a thread may be closing them */
  guint8 closed : 1;
  guint8 owned : 1;      /* closed in any case */
};

/* kaa-stream-wait.c */
/* A source tells when the pollable stream is worth trying again. */
void           kaa_stream_wait_for         (KaaStreamTransport *self, KaaStreamHalf *half);
void           kaa_stream_stop_waiting     (KaaStreamHalf *half);

/* kaa-stream-input.c */
gssize         kaa_stream_transport_read   (KaaTransport *transport, guint8 *buffer, gsize length, GError **error);

/* kaa-stream-output.c */
gssize         kaa_stream_transport_write  (KaaTransport *transport, const struct iovec *vectors, int n_vectors, GError **error);
gsize          kaa_stream_transport_get_in_flight (KaaTransport *transport);

/* kaa-stream-call.c */
/* What GIO starts answers in the context that is the default of the thread then. NULL: it is that one already. */
GMainContext  *kaa_stream_push_context     (KaaStreamTransport *self);
void           kaa_stream_pop_context      (GMainContext *context);
KaaStreamCall *kaa_stream_call_new         (KaaStreamTransport *self);
void           kaa_stream_call_free        (KaaStreamCall *call);
gboolean       kaa_stream_call_is_running  (const KaaStreamCall *call);
/* From its callback, when everything else is said. */
void           kaa_stream_call_done        (KaaStreamCall *call);
/* Leaves a call (NULL: none) to itself. TRUE if the stream will be closed behind it. */
gboolean       kaa_stream_call_abandon     (KaaStreamCall *call, GObject *to_close);

/* kaa-stream-close.c */
/* The socket at the bottom, NULL if there is none. */
GSocket       *kaa_stream_find_socket      (GObject *stream);
/* It is about to be closed, and nothing at the bottom of it shall hold that up. */
void           kaa_stream_cut              (GObject *stream);
void           kaa_stream_begin_close      (GObject *stream, GAsyncReadyCallback callback, gpointer user_data);
/* To end that with; also the callback of who does not care. */
void           kaa_stream_closed           (GObject *stream, GAsyncResult *result, gpointer user_data);

G_END_DECLS

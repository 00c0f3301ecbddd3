/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-io-channel.h>

G_BEGIN_DECLS

/*
 * KaaStreamOp: what a GIO stream asks of the channel that it stands for.
 *
 * GIO calls its streams in whatever thread it likes, and also in a way that blocks: GDBusConnection reads in a thread of
 * its own, a GTlsConnection shakes hands in one. The channel's thread does the work; the caller waits, or is called back.
 */

typedef enum
{
  KAA_STREAM_OP_READ,     /* 1..count bytes into the buffer, 0 at the end */
  KAA_STREAM_OP_WRITE,    /* as many as the write queue takes, at least one */
  KAA_STREAM_OP_FLUSH,
  /* These have KaaStreamOpFlags for a count. */
  KAA_STREAM_OP_CLOSE_OUTPUT, /* half-closes the channel, where that is possible */
  KAA_STREAM_OP_CLOSE_INPUT,
  KAA_STREAM_OP_CLOSE
} KaaStreamOpKind;

typedef enum
{
  KAA_STREAM_OP_LAST    = 1 << 0, /* the other direction is closed: so nothing is left of the stream, and the channel is closed */
  KAA_STREAM_OP_AT_ONCE = 1 << 1  /* if the channel is closed, then without waiting for what is queued */
} KaaStreamOpFlags;

/* Which directions of a stream are closed, shared by the two. */
typedef struct
{
  gint closed; /* atomic: KaaIOCondition */
} KaaStreamHalves;

/* One direction is closed. The flags of that. */
static inline gsize
kaa_stream_halves_close (KaaStreamHalves *self,
                         KaaIOCondition   direction)
{
  KaaIOCondition other = direction == KAA_IO_READ ? KAA_IO_WRITE : KAA_IO_READ;

  return (g_atomic_int_or (&self->closed, direction) & other) ? KAA_STREAM_OP_LAST : 0;
}

/* Blocks. In the channel's thread the main context is iterated meanwhile. -1 with an error; a number of bytes, or 0. */
gssize kaa_stream_op_run    (KaaIOChannel         *channel,
                             KaaStreamOpKind       kind,
                             gpointer              buffer,
                             gsize                 count,
                             GCancellable         *cancellable,
                             GError              **error);
/* The buffer is the caller's until it is called back. A read that was cancelled has taken nothing. */
void   kaa_stream_op_start  (gpointer              stream,
                             KaaIOChannel         *channel,
                             KaaStreamOpKind       kind,
                             gpointer              buffer,
                             gsize                 count,
                             int                   io_priority,
                             GCancellable         *cancellable,
                             GAsyncReadyCallback   callback,
                             gpointer              user_data);
gssize kaa_stream_op_finish (GAsyncResult         *result,
                             GError              **error);

G_END_DECLS

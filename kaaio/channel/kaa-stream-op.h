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
  KAA_STREAM_OP_SHUTDOWN, /* where the channel can be half-closed */
  KAA_STREAM_OP_CLOSE
} KaaStreamOpKind;

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

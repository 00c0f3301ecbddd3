/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/types.h>
#include <sys/uio.h>

G_BEGIN_DECLS

/* KaaFds: descriptors that travel with bytes over a unix socket. They are its own, close-on-exec, and closed with it. */

typedef struct
{
  guint n;
  int fds[];
} KaaFds;

/* What the kernel takes for one message. */
#define KAA_FDS_MAX 253

/* Copies of the descriptors. NULL with errno where one is not open, or there is no room for more. */
KaaFds *kaa_fds_new_dup  (const int *fds,
                          guint      n);
void    kaa_fds_free     (KaaFds    *self);
/* Closes all behind the first max. */
void    kaa_fds_truncate (KaaFds    *self,
                          guint      max);

/* sendmsg(2): the descriptors go with the first byte. MSG_DONTWAIT | MSG_NOSIGNAL. ENOTSUP where fd is no unix socket, which would drop
 * them silently. */
gssize  kaa_fds_send     (const KaaFds       *self,
                          int                 fd,
                          const struct iovec *vectors,
                          int                 n);
/* recvmsg(2), MSG_DONTWAIT. *received: descriptors that came with these bytes, or NULL. What follows them in the stream is left for the
 * next call. */
gssize  kaa_fds_receive  (int                 fd,
                          void               *buffer,
                          gsize               length,
                          KaaFds            **received);

G_END_DECLS

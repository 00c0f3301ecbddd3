/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ends/kaa-address.h"

G_BEGIN_DECLS

/*
 * Listening descriptors: bound by us, or given to us. Plain functions.
 */

#define KAA_LISTENING_MAX 16

typedef struct
{
  int fd;
  guint64 device, inode;   /* what the number stood for; inode 0: that could not be known */
} KaaListeningSocket;

typedef struct
{
  KaaListeningSocket sockets[KAA_LISTENING_MAX];
  guint n;
  char *path;              /* the socket file that we made, or NULL */
  guint64 device, inode;   /* whom the path stood for then */
} KaaListening;

/* Binds; not for KAA_ADDRESS_SYSTEMD. backlog: 0 for the most that the system allows. mode: permissions of a socket file. */
gboolean kaa_listening_open     (KaaListening     *self,
                                 const KaaAddress *address,
                                 int               backlog,
                                 guint             mode,
                                 GError          **error);
/* An open descriptor that listens already. Not closed where this fails. */
gboolean kaa_listening_adopt    (KaaListening     *self,
                                 int               fd,
                                 GError          **error);
/* Whether the number of a socket stands for somebody else by now, or for nobody. */
gboolean kaa_listening_is_lost  (const KaaListening *self,
                                 guint             i);
/* Why a socket will never give a client again, as accept(2) would say it (EBADF, EINVAL, ...); 0 while it listens. */
int      kaa_listening_get_end  (const KaaListening *self,
                                 guint             i);
/* A number that stands for somebody else is not closed. forked: the parent goes on with it, so only the numbers are closed. */
void     kaa_listening_close    (KaaListening     *self,
                                 gboolean          close_fds,
                                 gboolean          forked);

G_END_DECLS

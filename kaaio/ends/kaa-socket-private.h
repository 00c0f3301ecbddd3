/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-socket.h>

#include "channel/kaa-io-channel-private.h"
#include "ends/kaa-address.h"

G_BEGIN_DECLS

/*
 * What the files of the socket share:
 *
 *   kaa-socket.c          the type, its properties
 *   kaa-socket-options.c  ... what may be set
 *   kaa-socket-connect.c  connecting
 *   kaa-socket-listen.c   listening and accepting
 *   kaa-socket-peer.c     who is at the other side, and at this one
 *   kaa-socket-tls.c      TLS
 *   kaa-socket-fds.c      passing descriptors
 *   kaa-socket-async.c    the GIO pairs
 */

typedef struct _KaaConnecting KaaConnecting;
typedef struct _KaaHandshake  KaaHandshake;

/* The clients of a listening socket that are open; shared with them. */
typedef struct
{
  grefcount ref_count;
  guint n;
  KaaSocket *server;       /* NULL once it has stopped listening */
} KaaClientCount;

typedef struct
{
  KaaConnecting *connecting;
  KaaHandshake *handshake;  /* while TLS is being started */
  GSocketConnectable *connected_to; /* the host that was asked for; NULL where it was none */
  KaaTransport *listener;   /* the channel's */
  KaaPendingList accepts;
  KaaClientCount *clients;  /* of this server */
  KaaClientCount *counted;  /* of the server that this client belongs to, while it is open */
  KaaSockaddr local, remote; /* length 0: not known */
  double connect_timeout;
  guint buffer_size;
  guint max_clients;
  guint socket_mode;
  guint emitting;           /* handlers of new-client that are running */
  guint8 notified;          /* what listening, connecting, connected were last said to be */
  guint auto_accept : 1;
} KaaSocketPrivate;

enum
{
  KAA_SOCKET_NEW_CLIENT,
  KAA_SOCKET_ACCEPT_ERROR,
  KAA_SOCKET_N_SIGNALS
};

extern guint kaa_socket_signals[KAA_SOCKET_N_SIGNALS];

KaaSocketPrivate *kaa_socket_get_private      (KaaSocket *self);
/* Notifies those of listening, connecting, connected that have changed. */
void              kaa_socket_notify_state     (KaaSocket *self);
/* What every connection gets: buffer sizes, no delay for small writes. */
void              kaa_socket_prepare          (KaaSocket *self, int fd);

/* kaa-socket-listen.c */
/* A client of ours is closed. */
void              kaa_socket_uncount          (KaaSocket *client);
void              kaa_socket_interest_changed (KaaSocket *self);

/* kaa-socket-peer.c: learned while the descriptor is there, kept for who asks later. */
void              kaa_socket_learn_addresses  (KaaSocket *self, int fd);

G_END_DECLS

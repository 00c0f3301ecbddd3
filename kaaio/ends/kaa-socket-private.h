/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <kaaio/kaa-socket.h>

#include "channel/kaa-io-channel-private.h"
#include "ends/kaa-address.h"

G_BEGIN_DECLS

/*
 * What the files of the socket share. Their functions follow from the bottom up: each file calls only those before it, and the
 * type, kaa-socket.c, which knows them all, is called by nobody.
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

typedef enum
{
  KAA_SOCKET_PROP_LISTENING = 1,
  KAA_SOCKET_PROP_CONNECTING,
  KAA_SOCKET_PROP_CONNECTED,
  KAA_SOCKET_PROP_TLS_CONNECTION,
  KAA_SOCKET_PROP_LOCAL_ADDRESS,
  KAA_SOCKET_PROP_REMOTE_ADDRESS,
  KAA_SOCKET_PROP_ACCEPT_FDS,
  KAA_SOCKET_PROP_BUFFER_SIZE,
  KAA_SOCKET_PROP_AUTO_ACCEPT,
  KAA_SOCKET_PROP_MAX_CLIENTS,
  KAA_SOCKET_PROP_CONNECT_TIMEOUT,
  KAA_SOCKET_PROP_SOCKET_MODE,
  KAA_SOCKET_N_PROPERTIES
} KaaSocketProperty;

/* --- kaa-socket-base.c --- */

extern int kaa_socket_private_offset;
extern guint kaa_socket_signals[KAA_SOCKET_N_SIGNALS];
extern GParamSpec *kaa_socket_properties[KAA_SOCKET_N_PROPERTIES];

static inline KaaSocketPrivate *
kaa_socket_get_private (KaaSocket *self)
{
  return G_STRUCT_MEMBER_P (self, kaa_socket_private_offset);
}

gboolean          kaa_socket_is_listening     (KaaSocket *self);
gboolean          kaa_socket_is_connecting    (KaaSocket *self);
gboolean          kaa_socket_is_connected     (KaaSocket *self);
GTlsConnection   *kaa_socket_peek_tls         (KaaSocket *self);
/* Notifies those of listening, connecting, connected and tls-connection that have changed. */
void              kaa_socket_notify_state     (KaaSocket *self);
/* What every connection gets: buffer sizes, no delay for small writes. */
void              kaa_socket_prepare          (KaaSocket *self, int fd);

/* --- kaa-socket-clients.c --- */

/* Whether clients are wanted has changed. */
void              kaa_socket_interest_changed (KaaSocket *self);
/* A server counts its clients, from its first listen on until it goes. */
void              kaa_socket_expect_clients   (KaaSocket *self);
void              kaa_socket_forget_clients   (KaaSocket *self);
/* A client of ours is open, and is closed. */
void              kaa_socket_count            (KaaSocket *self, KaaSocket *client);
void              kaa_socket_uncount          (KaaSocket *client);

/* --- kaa-socket-peer.c: learned while the descriptor is there, kept for who asks later --- */

void              kaa_socket_learn_addresses  (KaaSocket *self, int fd);

G_END_DECLS

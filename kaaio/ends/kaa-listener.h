/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ends/kaa-listening.h"
#include "transport/kaa-transport.h"

G_BEGIN_DECLS

/*
 * The transport of a channel that listens: it has clients instead of bytes.
 *
 * It is an entry of the poller beside the channel's own, with the same rules: nothing is accepted while nobody is
 * interested, and what is accepted in one dispatch is bounded.
 */

typedef struct
{
  /* Whether a client would be taken now. */
  KaaLook  (*look)     (gpointer owner);
  /* A client (the descriptor is the owner's), from the loop. It may do anything to the owner. FALSE with an error where
   * nothing could be made of it. */
  gboolean (*accepted) (gpointer owner, int fd, const KaaSockaddr *peer, GError **error);
  /* Clients have to wait for now, once until one is accepted again; or one was lost. */
  void     (*failed)   (gpointer owner, const GError *error);
  /* There will be no client any more: close. The error is the owner's. */
  void     (*ended)    (gpointer owner, GError *error);
  /* The turn is over. */
  void     (*settle)   (gpointer owner);
  /* Whether anybody listens to clients, blocked or not. */
  gboolean (*is_heard) (gpointer owner);
  void     (*closed)   (gpointer owner);
} KaaListenerFuncs;

KaaTransport *kaa_listener_new          (KaaListening           *listening, /* taken */
                                         const KaaListenerFuncs *funcs,
                                         GObject                *owner);
/* Interest may have changed. */
void          kaa_listener_schedule     (KaaTransport           *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

G_BEGIN_DECLS

/*
 * Addresses of stream sockets as strings:
 *
 *   unix:PATH, /PATH     a socket file
 *   unix-abstract:NAME   a name without a file (Linux)
 *   HOST:SERVICE         a name or an IPv4 address, and a number or a name of /etc/services
 *   [ADDRESS]:SERVICE    an IPv6 address, with a zone where it needs one: [fe80::1%eth0]:SERVICE
 *   :SERVICE             every address of this machine; for who connects, this machine
 *   systemd:NAME         for listening: descriptors handed over by the service manager
 *
 * Plain functions; the only one that may block is kaa_address_resolve(), for names other than localhost.
 */

typedef enum
{
  KAA_ADDRESS_UNIX,
  KAA_ADDRESS_ABSTRACT,
  KAA_ADDRESS_INET,
  KAA_ADDRESS_SYSTEMD
} KaaAddressKind;

typedef struct
{
  KaaAddressKind kind;
  char *name;       /* path, abstract name, host ("" for every address), name of the descriptors ("" for all) */
  guint16 port;
} KaaAddress;

/* What can be bound: more than one where a name stands for several addresses. */
typedef struct
{
  struct sockaddr_storage storage;
  socklen_t length;
} KaaSockaddr;

gboolean            kaa_address_parse           (const char   *text,
                                                 KaaAddress   *address,
                                                 GError      **error);
void                kaa_address_clear           (KaaAddress   *address);

/* For GSocketClient. */
GSocketConnectable *kaa_address_to_connectable  (const KaaAddress *address,
                                                 GError          **error);

/* The addresses to bind (KaaSockaddr), NULL with an error. */
GArray             *kaa_address_resolve         (const KaaAddress *address,
                                                 GError          **error);

G_END_DECLS

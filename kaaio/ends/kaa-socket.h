/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-io-channel.h>
#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_SOCKET (kaa_socket_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaSocket, kaa_socket, KAA, SOCKET, KaaIOChannel)

/**
 * KaaSocketClass:
 * @parent_class: the parent class
 * @new_client: default handler of [signal@Kaa.Socket::new-client]; where a subclass has one, it is interested in clients
 * @accept_error: default handler of [signal@Kaa.Socket::accept-error]
 *
 * The class structure of [class@Kaa.Socket].
 *
 * Since: 1.0
 */
struct _KaaSocketClass
{
  KaaIOChannelClass parent_class;

  void (*new_client)   (KaaSocket    *self,
                        KaaSocket    *client);
  void (*accept_error) (KaaSocket    *self,
                        const GError *error);

  /*< private >*/
  gpointer padding[8];
};

KAA_AVAILABLE_IN_1_0
KaaSocket      *kaa_socket_new                 (void);

/* Clients */

KAA_AVAILABLE_IN_1_0
KaaInProgress  *kaa_socket_connect_to          (KaaSocket            *self,
                                                const char           *address);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_connect_to_async    (KaaSocket            *self,
                                                const char           *address,
                                                GCancellable         *cancellable,
                                                GAsyncReadyCallback   callback,
                                                gpointer              user_data);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_connect_to_finish   (KaaSocket            *self,
                                                GAsyncResult         *result,
                                                GError              **error);

/* Servers */

KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_listen              (KaaSocket            *self,
                                                const char           *address,
                                                int                   backlog,
                                                GError              **error);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_listen_fd           (KaaSocket            *self,
                                                int                   fd,
                                                GError              **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress  *kaa_socket_accept              (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_accept_async        (KaaSocket            *self,
                                                GCancellable         *cancellable,
                                                GAsyncReadyCallback   callback,
                                                gpointer              user_data);
KAA_AVAILABLE_IN_1_0
KaaSocket      *kaa_socket_accept_finish       (KaaSocket            *self,
                                                GAsyncResult         *result,
                                                GError              **error);

/* The other side */

KAA_AVAILABLE_IN_1_0
GSocketAddress *kaa_socket_get_local_address   (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
GSocketAddress *kaa_socket_get_remote_address  (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
GCredentials   *kaa_socket_get_credentials     (KaaSocket            *self,
                                                GError              **error);

/* Descriptors */

KAA_AVAILABLE_IN_1_0
KaaInProgress  *kaa_socket_write_with_fds      (KaaSocket            *self,
                                                GBytes               *bytes,
                                                const int            *fds,
                                                gsize                 n_fds);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_write_with_fds_async (KaaSocket            *self,
                                                GBytes               *bytes,
                                                const int            *fds,
                                                gsize                 n_fds,
                                                GCancellable         *cancellable,
                                                GAsyncReadyCallback   callback,
                                                gpointer              user_data);
KAA_AVAILABLE_IN_1_0
gint64          kaa_socket_write_with_fds_finish (KaaSocket            *self,
                                                GAsyncResult         *result,
                                                GError              **error);
KAA_AVAILABLE_IN_1_0
int            *kaa_socket_take_fds            (KaaSocket            *self,
                                                gsize                *n_fds,
                                                guint64              *position);

/* TLS */

KAA_AVAILABLE_IN_1_0
KaaInProgress  *kaa_socket_start_tls           (KaaSocket            *self,
                                                GSocketConnectable   *identity,
                                                GTlsCertificate      *certificate);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_start_tls_async     (KaaSocket            *self,
                                                GSocketConnectable   *identity,
                                                GTlsCertificate      *certificate,
                                                GCancellable         *cancellable,
                                                GAsyncReadyCallback   callback,
                                                gpointer              user_data);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_start_tls_finish    (KaaSocket            *self,
                                                GAsyncResult         *result,
                                                GError              **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress  *kaa_socket_start_tls_buffered  (KaaSocket            *self,
                                                GSocketConnectable   *identity,
                                                GTlsCertificate      *certificate,
                                                GBytes               *taken);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_start_tls_buffered_async (KaaSocket       *self,
                                                GSocketConnectable   *identity,
                                                GTlsCertificate      *certificate,
                                                GBytes               *taken,
                                                GCancellable         *cancellable,
                                                GAsyncReadyCallback   callback,
                                                gpointer              user_data);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_start_tls_buffered_finish (KaaSocket      *self,
                                                GAsyncResult         *result,
                                                GError              **error);
KAA_AVAILABLE_IN_1_0
GTlsConnection *kaa_socket_get_tls_connection  (KaaSocket            *self);

/* Properties */

KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_get_listening       (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_get_connecting      (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_get_connected       (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
gboolean        kaa_socket_get_auto_accept     (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_auto_accept     (KaaSocket            *self,
                                                gboolean              auto_accept);
KAA_AVAILABLE_IN_1_0
guint           kaa_socket_get_accept_fds      (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_accept_fds      (KaaSocket            *self,
                                                guint                 accept_fds);
KAA_AVAILABLE_IN_1_0
guint           kaa_socket_get_max_clients     (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_max_clients     (KaaSocket            *self,
                                                guint                 max_clients);
KAA_AVAILABLE_IN_1_0
guint           kaa_socket_get_buffer_size     (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_buffer_size     (KaaSocket            *self,
                                                guint                 buffer_size);
KAA_AVAILABLE_IN_1_0
double          kaa_socket_get_connect_timeout (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_connect_timeout (KaaSocket            *self,
                                                double                seconds);
KAA_AVAILABLE_IN_1_0
guint           kaa_socket_get_socket_mode     (KaaSocket            *self);
KAA_AVAILABLE_IN_1_0
void            kaa_socket_set_socket_mode     (KaaSocket            *self,
                                                guint                 mode);

G_END_DECLS

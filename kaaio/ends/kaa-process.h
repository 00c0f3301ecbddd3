/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-io-channel.h>
#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_PROCESS (kaa_process_get_type ())

/**
 * KAA_EXIT_STATUS_UNKNOWN:
 *
 * What [property@Kaa.Process:exit-status] is before the child has ended, and where the system has lost it, because somebody else
 * has waited for the child or this process ignores `SIGCHLD`.
 *
 * Since: 1.0
 */
#define KAA_EXIT_STATUS_UNKNOWN -256

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaProcess, kaa_process, KAA, PROCESS, KaaIOChannel)

/**
 * KaaProcessClass:
 * @parent_class: the parent class
 * @exited: default handler of [signal@Kaa.Process::exited]
 * @finished: default handler of [signal@Kaa.Process::finished]
 *
 * The class structure of [class@Kaa.Process].
 *
 * Since: 1.0
 */
struct _KaaProcessClass
{
  KaaIOChannelClass parent_class;

  void (*exited)   (KaaProcess *self,
                    int         status);
  void (*finished) (KaaProcess *self,
                    int         status);

  /*< private >*/
  gpointer padding[8];
};

KAA_AVAILABLE_IN_1_0
KaaProcess         *kaa_process_new                (const char * const *argv,
                                                    KaaProcessFlags     flags);
KAA_AVAILABLE_IN_1_0
KaaProcess         *kaa_process_new_shell          (const char         *command,
                                                    KaaProcessFlags     flags);

KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_start              (KaaProcess         *self,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress      *kaa_process_launch             (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_launch_async       (KaaProcess         *self,
                                                    GCancellable       *cancellable,
                                                    GAsyncReadyCallback callback,
                                                    gpointer            user_data);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_launch_finish      (KaaProcess         *self,
                                                    GAsyncResult       *result,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_take_fd            (KaaProcess         *self,
                                                    int                 source_fd,
                                                    int                 target_fd,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_set_limit          (KaaProcess         *self,
                                                    int                 resource,
                                                    guint64             soft,
                                                    guint64             hard,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress      *kaa_process_stop               (KaaProcess         *self,
                                                    double              seconds);
KAA_AVAILABLE_IN_1_0
void                kaa_process_stop_async         (KaaProcess         *self,
                                                    double              seconds,
                                                    GCancellable       *cancellable,
                                                    GAsyncReadyCallback callback,
                                                    gpointer            user_data);
KAA_AVAILABLE_IN_1_0
int                 kaa_process_stop_finish        (KaaProcess         *self,
                                                    GAsyncResult       *result,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress      *kaa_process_wait               (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_wait_async         (KaaProcess         *self,
                                                    GCancellable       *cancellable,
                                                    GAsyncReadyCallback callback,
                                                    gpointer            user_data);
KAA_AVAILABLE_IN_1_0
int                 kaa_process_wait_finish        (KaaProcess         *self,
                                                    GAsyncResult       *result,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress      *kaa_process_communicate        (KaaProcess         *self,
                                                    GBytes             *input);
KAA_AVAILABLE_IN_1_0
void                kaa_process_communicate_async  (KaaProcess         *self,
                                                    GBytes             *input,
                                                    GCancellable       *cancellable,
                                                    GAsyncReadyCallback callback,
                                                    gpointer            user_data);
KAA_AVAILABLE_IN_1_0
GBytes             *kaa_process_communicate_finish (KaaProcess         *self,
                                                    GAsyncResult       *result,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_send_signal        (KaaProcess         *self,
                                                    int                 signum,
                                                    GError            **error);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_window_size    (KaaProcess         *self,
                                                    guint               rows,
                                                    guint               columns);

/* Properties */

KAA_AVAILABLE_IN_1_0
const char * const *kaa_process_get_argv           (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
KaaProcessFlags     kaa_process_get_flags          (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
int                 kaa_process_get_pid            (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_get_running        (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_get_stopping       (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
int                 kaa_process_get_exit_status    (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
const char         *kaa_process_get_stop_command   (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_stop_command   (KaaProcess         *self,
                                                    const char         *stop_command);
KAA_AVAILABLE_IN_1_0
const char * const *kaa_process_get_environment    (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_argv           (KaaProcess         *self,
                                                    const char * const *argv);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_environment    (KaaProcess         *self,
                                                    const char * const *environment);
KAA_AVAILABLE_IN_1_0
const char         *kaa_process_get_directory      (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_directory      (KaaProcess         *self,
                                                    const char         *directory);
KAA_AVAILABLE_IN_1_0
KaaIOChannel       *kaa_process_get_stderr_channel (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
GBytes             *kaa_process_get_stderr_data    (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
guint               kaa_process_get_rows           (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
guint               kaa_process_get_columns        (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
gboolean            kaa_process_get_close_on_exit  (KaaProcess         *self);
KAA_AVAILABLE_IN_1_0
void                kaa_process_set_close_on_exit  (KaaProcess         *self,
                                                    gboolean            close_on_exit);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-types.h>
#include <kaaio/kaa-version.h>

G_BEGIN_DECLS

#define KAA_TYPE_IO_CHANNEL (kaa_io_channel_get_type ())

KAA_AVAILABLE_IN_1_0
G_DECLARE_DERIVABLE_TYPE (KaaIOChannel, kaa_io_channel, KAA, IO_CHANNEL, GObject)

/**
 * KaaIOChannelClass:
 * @parent_class: the parent class
 * @read: default handler of [signal@Kaa.IOChannel::read]; where a subclass has one, it is interested
 * @readline: default handler of [signal@Kaa.IOChannel::readline]
 * @readlines: default handler of [signal@Kaa.IOChannel::readlines]
 * @closed: default handler of [signal@Kaa.IOChannel::closed]
 * @overflow: default handler of [signal@Kaa.IOChannel::overflow]
 * @read_nonblocking: reads at most count bytes, see [vfunc@Kaa.IOChannel.read_nonblocking]
 * @write_nonblocking: writes what can be written now, see [vfunc@Kaa.IOChannel.write_nonblocking]
 * @close_channel: closes the descriptor, see [vfunc@Kaa.IOChannel.close_channel]
 *
 * The class structure of [class@Kaa.IOChannel].
 *
 * Since: 1.0
 */
struct _KaaIOChannelClass
{
  GObjectClass parent_class;

  /* signals */
  void     (*read)              (KaaIOChannel  *self,
                                 GBytes        *chunk);
  void     (*readline)          (KaaIOChannel  *self,
                                 GBytes        *line);
  void     (*readlines)         (KaaIOChannel  *self,
                                 GBytes        *lines);
  void     (*closed)            (KaaIOChannel  *self,
                                 gboolean       expected);
  void     (*overflow)          (KaaIOChannel  *self,
                                 guint64        bytes);

  /* the low-level calls, for subclasses that transform what passes */
  GBytes * (*read_nonblocking)  (KaaIOChannel  *self,
                                 gsize          count,
                                 GError       **error);
  gssize   (*write_nonblocking) (KaaIOChannel  *self,
                                 GBytes        *data,
                                 GError       **error);
  gboolean (*close_channel)     (KaaIOChannel  *self,
                                 GError       **error);

  /*< private >*/
  gpointer padding[8];
};

/* Opening */

KAA_AVAILABLE_IN_1_0
KaaIOChannel  *kaa_io_channel_new                  (void);
KAA_AVAILABLE_IN_1_0
KaaIOChannel  *kaa_io_channel_new_for_fd           (int              fd,
                                                    KaaIOCondition   mode,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaIOChannel  *kaa_io_channel_new_for_stream       (GObject         *stream,
                                                    KaaIOCondition   mode,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_new_pair             (KaaIOChannel   **a,
                                                    KaaIOChannel   **b,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_wrap_fd              (KaaIOChannel    *self,
                                                    int              fd,
                                                    KaaIOCondition   mode,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_wrap_fds             (KaaIOChannel    *self,
                                                    int              read_fd,
                                                    int              write_fd,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_wrap_stream          (KaaIOChannel    *self,
                                                    GObject         *stream,
                                                    KaaIOCondition   mode,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
GIOStream     *kaa_io_channel_get_io_stream        (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_wrap_channel         (KaaIOChannel    *self,
                                                    KaaIOChannel    *other,
                                                    KaaIOCondition   mode,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_steal                (KaaIOChannel    *self,
                                                    KaaIOChannel    *other,
                                                    GError         **error);

/* Reading */

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_read                 (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_read_async           (KaaIOChannel        *self,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_read_finish          (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_read_some            (KaaIOChannel    *self,
                                                    gsize            most);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_read_some_async      (KaaIOChannel        *self,
                                                    gsize                most,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_read_some_finish     (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_readline             (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_readline_async       (KaaIOChannel        *self,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_readline_finish      (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_readlines            (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_readlines_async      (KaaIOChannel        *self,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_readlines_finish     (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_read_exactly         (KaaIOChannel    *self,
                                                    gsize            count);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_read_exactly_async   (KaaIOChannel        *self,
                                                    gsize                count,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_read_exactly_finish  (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_read_until           (KaaIOChannel    *self,
                                                    GBytes          *delimiter);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_read_until_async     (KaaIOChannel        *self,
                                                    GBytes              *delimiter,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_read_until_finish    (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_peek                 (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_consume              (KaaIOChannel    *self,
                                                    gsize            count,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
GBytes        *kaa_io_channel_peek_lines           (KaaIOChannel    *self,
                                                    guint           *serial);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_take_line            (KaaIOChannel    *self,
                                                    guint            serial,
                                                    gsize            length);
KAA_AVAILABLE_IN_1_0
gsize          kaa_io_channel_lend_lines           (KaaIOChannel    *self,
                                                    GBytes          *tally,
                                                    GBytes          *room);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_put_off              (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
guint         *kaa_io_channel_split_lines          (KaaIOChannel    *self,
                                                    const guint8    *lines,
                                                    gsize            length,
                                                    gsize           *n_ends);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_unread               (KaaIOChannel    *self,
                                                    GBytes          *bytes,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_look                 (KaaIOChannel    *self);

/* Writing */

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_write                (KaaIOChannel    *self,
                                                    const guint8    *data,
                                                    gsize            length);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_write_bytes          (KaaIOChannel    *self,
                                                    GBytes          *bytes);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_write_bytes_async    (KaaIOChannel        *self,
                                                    GBytes              *bytes,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
gint64         kaa_io_channel_write_bytes_finish   (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_send                 (KaaIOChannel    *self,
                                                    GBytes          *bytes,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_send_data            (KaaIOChannel    *self,
                                                    const guint8    *data,
                                                    gsize            length,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_flush                (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_flush_async          (KaaIOChannel        *self,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_flush_finish         (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_wait_writable        (KaaIOChannel    *self,
                                                    gsize            count);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_wait_writable_async  (KaaIOChannel        *self,
                                                    gsize                count,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_wait_writable_finish (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);

/* Closing */

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_close                (KaaIOChannel    *self,
                                                    KaaCloseFlags    flags);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_close_async          (KaaIOChannel        *self,
                                                    KaaCloseFlags        flags,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_close_finish         (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_shutdown             (KaaIOChannel    *self,
                                                    KaaIOCondition   direction);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_shutdown_async       (KaaIOChannel        *self,
                                                    KaaIOCondition       direction,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_shutdown_finish      (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);

/* Properties */

KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_alive            (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_readable         (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_writable         (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_eof              (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
int            kaa_io_channel_get_fileno           (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
KaaIOCondition kaa_io_channel_get_mode             (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_chunk_size       (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_chunk_size       (KaaIOChannel    *self,
                                                    guint64          chunk_size);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_queue_size       (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_queue_size       (KaaIOChannel    *self,
                                                    guint64          queue_size);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_read_queue_used  (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_write_queue_used (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
const char    *kaa_io_channel_get_delimiter        (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_delimiter        (KaaIOChannel    *self,
                                                    const char      *delimiter);
KAA_AVAILABLE_IN_1_0
char         **kaa_io_channel_get_delimiters       (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_delimiters       (KaaIOChannel       *self,
                                                    const char * const *delimiters);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_set_delimiter_bytes  (KaaIOChannel    *self,
                                                    GBytes         **delimiters,
                                                    gsize            n_delimiters,
                                                    GError         **error);
KAA_AVAILABLE_IN_1_0
GBytes       **kaa_io_channel_get_delimiter_bytes  (KaaIOChannel    *self,
                                                    gsize           *n_delimiters);
KAA_AVAILABLE_IN_1_0
KaaOverflowPolicy kaa_io_channel_get_overflow_policy (KaaIOChannel     *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_overflow_policy  (KaaIOChannel      *self,
                                                    KaaOverflowPolicy  policy);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_paused           (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_paused           (KaaIOChannel    *self,
                                                    gboolean         paused);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_close_on_eof     (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_close_on_eof     (KaaIOChannel    *self,
                                                    gboolean         close_on_eof);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_keep_partial_line (KaaIOChannel   *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_keep_partial_line (KaaIOChannel   *self,
                                                    gboolean         keep_partial_line);
KAA_AVAILABLE_IN_1_0
gboolean       kaa_io_channel_get_close_fd         (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_close_fd         (KaaIOChannel    *self,
                                                    gboolean         close_fd);
KAA_AVAILABLE_IN_1_0
double         kaa_io_channel_get_linger           (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_linger           (KaaIOChannel    *self,
                                                    double           seconds);
KAA_AVAILABLE_IN_1_0
double         kaa_io_channel_get_idle_timeout     (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_idle_timeout     (KaaIOChannel    *self,
                                                    double           seconds);
KAA_AVAILABLE_IN_1_0
int            kaa_io_channel_get_priority         (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_set_priority         (KaaIOChannel    *self,
                                                    int              priority);
KAA_AVAILABLE_IN_1_0
GMainContext  *kaa_io_channel_get_main_context     (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
const GError  *kaa_io_channel_get_error            (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_bytes_read       (KaaIOChannel    *self);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_get_bytes_written    (KaaIOChannel    *self);

KAA_AVAILABLE_IN_1_0
KaaInProgress *kaa_io_channel_splice               (KaaIOChannel    *self,
                                                    KaaIOChannel    *target,
                                                    KaaSpliceFlags   flags);
KAA_AVAILABLE_IN_1_0
void           kaa_io_channel_splice_async         (KaaIOChannel        *self,
                                                    KaaIOChannel        *target,
                                                    KaaSpliceFlags       flags,
                                                    GCancellable        *cancellable,
                                                    GAsyncReadyCallback  callback,
                                                    gpointer             user_data);
KAA_AVAILABLE_IN_1_0
guint64        kaa_io_channel_splice_finish        (KaaIOChannel    *self,
                                                    GAsyncResult    *result,
                                                    GError         **error);

KAA_AVAILABLE_IN_1_0
char          *kaa_io_channel_describe             (KaaIOChannel    *self);

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "channel/kaa-io-channel-private.h"

/**
 * KaaIOChannel:
 *
 * A pipe, terminal, serial line, socket or file as one object with signals and futures.
 *
 * There are two ways to read, which may be mixed: handlers of [signal@Kaa.IOChannel::read],
 * [signal@Kaa.IOChannel::readline] and [signal@Kaa.IOChannel::readlines], and requests such as
 * [method@Kaa.IOChannel.readline], which return a [class@Kaa.InProgress]. Nothing is read from the descriptor while nobody
 * is interested: that is the flow control.
 *
 * Writing queues bytes up to [property@Kaa.IOChannel:queue-size] and never blocks.
 *
 * ```c
 * static void
 * on_line (KaaIOChannel *channel, GBytes *line, gpointer user_data)
 * {
 *   gsize length;
 *   const char *text = g_bytes_get_data (line, &length);
 *
 *   g_print ("%.*s", (int) length, text);
 * }
 *
 * KaaIOChannel *channel = kaa_io_channel_new_for_fd (fd, KAA_IO_READ, &error);
 * g_signal_connect (channel, "readline", G_CALLBACK (on_line), NULL);
 * ```
 *
 * An open channel keeps itself alive while somebody listens, or has asked for something, or something waits to be written. One that
 * nobody can hear is closed when its last reference goes, without a signal.
 *
 * Subclasses that transform what passes implement the virtual methods @read_nonblocking and @write_nonblocking and
 * chain up for the real input and output.
 *
 * Threads: a channel belongs to the thread of its [property@Kaa.IOChannel:main-context]. [method@Kaa.IOChannel.write],
 * [method@Kaa.IOChannel.send] and [method@Kaa.IOChannel.close] may be called from any other one.
 *
 * Since: 1.0
 */

/* G_ADD_PRIVATE() keeps the offset to one file; this channel has several. */
G_DEFINE_TYPE_WITH_CODE (KaaIOChannel, kaa_io_channel, G_TYPE_OBJECT,
                         kaa_io_channel_private_offset =
                           g_type_add_instance_private (g_define_type_id, sizeof (KaaIOChannelPrivate));
                         g_type_add_class_private (g_define_type_id, sizeof (KaaIOChannelClassPrivate)))

void
kaa_channel_taken_over (KaaIOChannel *self,
                        KaaIOChannel *other)
{
  KaaIOChannelClassPrivate *klass = kaa_channel_get_class_private (KAA_IO_CHANNEL_GET_CLASS (self));

  if (klass->taken_over != NULL)
    klass->taken_over (self, other);
}

/* --- life --- */

static gboolean
is_heard (KaaIOChannel *self)
{
  KaaTransport *input = kaa_channel_get_private (self)->input;

  return kaa_channel_look_blocked (self) != KAA_LOOK_NOBODY ||
         (input != NULL && input->klass->is_heard != NULL && input->klass->is_heard (input)) ||
         KAA_IO_CHANNEL_GET_CLASS (self)->closed != NULL ||
         g_signal_has_handler_pending (self, kaa_channel_signals[KAA_SIGNAL_CLOSED], 0, TRUE);
}

/* C5: it holds itself while there is somebody to tell, or something to do. */
void
kaa_channel_update_hold (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  gboolean open = priv->state == KAA_STATE_OPEN || priv->state == KAA_STATE_CLOSING;
  gboolean hold = priv->writing->closings != NULL ||
                  (open && (is_heard (self) || kaa_channel_get_unwritten (priv) > 0));

  if (hold == priv->held || kaa_poller_is_gone (priv->entry.poller))
    return;

  priv->held = hold;
  if (hold)
    g_object_ref (self);
  else
    g_object_unref (self);
}

static const KaaPollEntryFuncs entry_funcs = {
  .dispatch = kaa_channel_dispatch,
  .look = kaa_channel_look_parked,
  .context_gone = kaa_channel_context_gone,
};

/* The construct-only property, or its default. */
void
kaa_channel_set_context (KaaIOChannel *self,
                         GMainContext *context)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaPoller *poller = kaa_poller_get (context, G_PRIORITY_DEFAULT);

  kaa_poll_entry_attach (&priv->entry, poller);
  kaa_poller_unref (poller);
}

/* Another thread may have read the pointer, and use it after we have changed it: it stays as long as the channel, once for each
 * priority. */
static void
keep_poller (KaaIOChannelPrivate *priv)
{
  KaaChannelOptions *options = kaa_channel_own_options (priv);

  if (g_slist_find (options->pollers, priv->entry.poller) == NULL)
    options->pollers = g_slist_prepend (options->pollers, kaa_poller_ref (priv->entry.poller));
}

void
kaa_channel_move_to_poller (KaaIOChannel *self,
                            KaaPoller    *poller)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaTransport *input = priv->input;
  KaaTransport *output = priv->output;
  GError *error = NULL;

  if (input != NULL)
    input->klass->stop (input);
  if (output != NULL && output != input)
    output->klass->stop (output);

  keep_poller (priv);
  kaa_poll_entry_change_poller (&priv->entry, poller);

  if ((input != NULL && !input->klass->start (input, &priv->entry, &error)) ||
      (output != NULL && output != input && !output->klass->start (output, &priv->entry, &error)))
    kaa_channel_close_with_error (self, error);
}

static void
kaa_io_channel_dispose (GObject *object)
{
  KaaIOChannel *self = KAA_IO_CHANNEL (object);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  /* The last reference went in a thread that may not touch the poller, which knows also those that were never open: back to the
   * one that may. */
  if (!kaa_channel_is_mine (priv))
    {
      kaa_channel_dispose_remotely (self);
      return;
    }

  if (priv->input != NULL || priv->output != NULL || priv->writing->closings != NULL ||
      priv->reading->requests.first != NULL || priv->writing->written.first != NULL)
    kaa_channel_close_silently (self);

  if (priv->held && !kaa_poller_is_gone (priv->entry.poller))
    {
      priv->held = FALSE;
      g_object_unref (self);
    }

  G_OBJECT_CLASS (kaa_io_channel_parent_class)->dispose (object);
}

static void
kaa_io_channel_finalize (GObject *object)
{
  KaaIOChannel *self = KAA_IO_CHANNEL (object);
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_channel_clear_input (self);
  kaa_channel_free_idle (self);
  if (kaa_channel_get_unwritten (priv) > 0)
    kaa_write_queue_clear (&priv->writing->writes);
  kaa_channel_free_parts (priv);
  kaa_poll_entry_detach (&priv->entry);

  G_OBJECT_CLASS (kaa_io_channel_parent_class)->finalize (object);
}

static void
kaa_io_channel_constructed (GObject *object)
{
  kaa_channel_note_default_handlers (KAA_IO_CHANNEL (object));

  G_OBJECT_CLASS (kaa_io_channel_parent_class)->constructed (object);
}

static void
kaa_io_channel_init (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  priv->entry.funcs = &entry_funcs;
  kaa_channel_init_parts (priv);
  priv->close_fd = TRUE;
}

/* --- the low-level calls --- */

static GBytes *
kaa_io_channel_real_read_nonblocking (KaaIOChannel  *self,
                                      gsize          count,
                                      GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint8 *buffer;
  gssize n;

  if (priv->input == NULL || count == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, priv->input == NULL ? G_IO_ERROR_CLOSED : G_IO_ERROR_INVALID_ARGUMENT,
                           priv->input == NULL ? "The channel is not open for reading" : "No bytes were asked for");
      return NULL;
    }

  count = MIN (count, KAA_BLOCK_READ_SIZE);
  buffer = g_malloc (count);
  n = kaa_filter_transport_read_inner (priv->input, buffer, count, error);
  if (n >= 0)
    return g_bytes_new_take (g_realloc (buffer, MAX (n, 1)), n);

  g_free (buffer);
  if (n == KAA_TRANSPORT_AGAIN)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "There is nothing to read now");
  return NULL;
}

static gssize
kaa_io_channel_real_write_nonblocking (KaaIOChannel  *self,
                                       GBytes        *data,
                                       GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  struct iovec vector;
  GError *local = NULL;
  gssize n;

  if (priv->output == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "The channel is not open for writing");
      return -1;
    }

  vector.iov_base = (gpointer) g_bytes_get_data (data, &vector.iov_len);
  if (vector.iov_len == 0)
    return 0;

  n = kaa_filter_transport_write_inner (priv->output, &vector, &local);
  if (n == KAA_TRANSPORT_AGAIN || n == KAA_TRANSPORT_LATER)
    {
      g_clear_error (&local);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "Nothing can be written now");
    }
  else if (local != NULL)
    {
      g_propagate_error (error, local);
    }
  return MAX (n, -1);
}

static gboolean
kaa_io_channel_real_close_channel (KaaIOChannel  *self,
                                   GError       **error)
{
  kaa_channel_close_transports (self);
  return TRUE;
}

/* --- class --- */

static guint
new_signal (KaaIOChannelClass   *klass,
            const char          *name,
            guint                offset,
            GSignalCMarshaller   marshaller,
            GType                type)
{
  return g_signal_new (name, G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, offset, NULL, NULL, marshaller,
                       G_TYPE_NONE, 1, type);
}

/* Calls a handler in C with the bytes that the emission has. GLib's own one makes another reference to a boxed argument, through its
 * tables of types; but who emits holds one until the handler has returned, and who wants to keep the bytes makes his own.
 * (G_SIGNAL_TYPE_STATIC_SCOPE would say the same to bindings, which do keep them.) */
static void
marshal_bytes (GClosure *closure,
               GValue   *unused,
               gpointer  instance,
               va_list   arguments,
               gpointer  default_handler,
               int       n_params,
               GType    *types)
{
  gpointer callback = default_handler != NULL ? default_handler : ((GCClosure *) closure)->callback;
  GBytes *bytes;
  va_list copy;

  va_copy (copy, arguments);
  bytes = va_arg (copy, GBytes *);
  va_end (copy);

  if (G_CCLOSURE_SWAP_DATA (closure))
    ((void (*) (gpointer, GBytes *, gpointer)) callback) (closure->data, bytes, instance);
  else
    ((void (*) (gpointer, GBytes *, gpointer)) callback) (instance, bytes, closure->data);
}

static guint
new_bytes_signal (KaaIOChannelClass *klass,
                  const char        *name,
                  guint              offset)
{
  /* Named, because where GLib chooses one it chooses that for va_lists too. */
  guint id = new_signal (klass, name, offset, g_cclosure_marshal_VOID__BOXED, G_TYPE_BYTES);

  g_signal_set_va_marshaller (id, G_TYPE_FROM_CLASS (klass), marshal_bytes);
  return id;
}

static void
kaa_io_channel_class_init (KaaIOChannelClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  kaa_in_progress_claim_thread ();
  kaa_channel_default_options.delimiters = kaa_delimiters_new_default ();
  g_type_class_adjust_private_offset (klass, &kaa_io_channel_private_offset);

  object_class->constructed = kaa_io_channel_constructed;
  object_class->dispose = kaa_io_channel_dispose;
  object_class->finalize = kaa_io_channel_finalize;
  klass->read_nonblocking = kaa_io_channel_real_read_nonblocking;
  klass->write_nonblocking = kaa_io_channel_real_write_nonblocking;
  klass->close_channel = kaa_io_channel_real_close_channel;

  kaa_channel_install_properties (object_class);

  /* The order matters in kaa-channel-look.c: `readline` comes last of those with bytes, and no other before them. */

  /**
   * KaaIOChannel::read:
   * @self: the channel
   * @chunk: what was read, at most [property@Kaa.IOChannel:chunk-size] bytes
   *
   * Emitted for each chunk that is read. Handlers see every byte that is read while they are connected, and take
   * nothing away from requests.
   *
   * Since: 1.0
   */
  kaa_channel_signals[KAA_SIGNAL_READ] =
    new_bytes_signal (klass, "read", G_STRUCT_OFFSET (KaaIOChannelClass, read));

  /**
   * KaaIOChannel::readlines:
   * @self: the channel
   * @lines: one or more whole lines; at the end also the last, partial one
   *
   * Emitted for all the whole lines at hand: for who is in a hurry. In C #KaaLineIter walks them.
   *
   * Since: 1.0
   */
  kaa_channel_signals[KAA_SIGNAL_READLINES] =
    new_bytes_signal (klass, "readlines", G_STRUCT_OFFSET (KaaIOChannelClass, readlines));

  /**
   * KaaIOChannel::readline:
   * @self: the channel
   * @line: the line, with its delimiter
   *
   * Emitted for each line.
   *
   * Since: 1.0
   */
  kaa_channel_signals[KAA_SIGNAL_READLINE] =
    new_bytes_signal (klass, "readline", G_STRUCT_OFFSET (KaaIOChannelClass, readline));

  /**
   * KaaIOChannel::closed:
   * @self: the channel
   * @expected: whether [method@Kaa.IOChannel.close] was called
   *
   * Emitted once for each close, after everything else.
   *
   * Since: 1.0
   */
  kaa_channel_signals[KAA_SIGNAL_CLOSED] =
    new_signal (klass, "closed", G_STRUCT_OFFSET (KaaIOChannelClass, closed), NULL, G_TYPE_BOOLEAN);

  /**
   * KaaIOChannel::overflow:
   * @self: the channel
   * @bytes: how much of the line is known, or was dropped
   *
   * Emitted once for each line that is too long, unless [property@Kaa.IOChannel:overflow-policy] is to split it.
   *
   * Since: 1.0
   */
  kaa_channel_signals[KAA_SIGNAL_OVERFLOW] =
    new_signal (klass, "overflow", G_STRUCT_OFFSET (KaaIOChannelClass, overflow), NULL, G_TYPE_UINT64);
}

/* --- describe --- */

static const char *
why_not_reading (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->state != KAA_STATE_OPEN)
    return "not open";
  if (priv->input == NULL)
    return "write-only";
  if (priv->eof)
    return "end of file";
  if (priv->paused)
    return "paused";
  if (kaa_channel_look (self) == 0 && priv->reading->requests.first == NULL)
    return "no listener";
  if (kaa_channel_get_queued (priv) > priv->options->queue_size)
    return "queue full";
  return NULL;
}

/**
 * kaa_io_channel_describe:
 * @self: a channel
 *
 * Says in one line what the channel is doing, and why it is not reading: for debugging. In another thread than the channel's it
 * only says that.
 *
 * Returns: (transfer full): the line
 *
 * Since: 1.0
 */
char *
kaa_io_channel_describe (KaaIOChannel *self)
{
  static const char * const states[] = { "unopened", "open", "closing", "closed" };
  KaaIOChannelPrivate *priv;
  const char *why;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  priv = kaa_channel_get_private (self);
  if (!kaa_channel_is_mine (priv))
    return g_strdup_printf ("%s of another thread", G_OBJECT_TYPE_NAME (self));

  why = why_not_reading (self);
  return g_strdup_printf ("%s %s, descriptor %d: read %" G_GUINT64_FORMAT " bytes, %" G_GSIZE_FORMAT
                          " queued; wrote %" G_GUINT64_FORMAT " bytes, %" G_GSIZE_FORMAT " queued; %s%s%s",
                          G_OBJECT_TYPE_NAME (self), states[priv->state], kaa_io_channel_get_fileno (self),
                          priv->bytes_read, kaa_channel_get_queued (priv),
                          priv->bytes_written, kaa_channel_get_reserved (priv),
                          why != NULL ? "not reading: " : "reading", why != NULL ? why : "",
                          priv->writing->error != NULL ? "; had an error" : "");
}

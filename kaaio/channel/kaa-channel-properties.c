/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties of a channel, and the notifications of those that change by themselves. */

#include "channel/kaa-io-channel-private.h"

#include <kaaio/kaa-enum-types.h>

#include <string.h>

#define DEFAULT_SIZE (1024 * 1024)
#define DEFAULT_LINGER 2.0

typedef enum
{
  PROP_ALIVE = 1,
  PROP_READABLE,
  PROP_WRITABLE,
  PROP_EOF,
  PROP_FILENO,
  PROP_MODE,
  PROP_CHUNK_SIZE,
  PROP_QUEUE_SIZE,
  PROP_READ_QUEUE_USED,
  PROP_WRITE_QUEUE_USED,
  PROP_DELIMITER,
  PROP_DELIMITERS,
  PROP_OVERFLOW_POLICY,
  PROP_PAUSED,
  PROP_CLOSE_ON_EOF,
  PROP_CLOSE_FD,
  PROP_LINGER,
  PROP_PRIORITY,
  PROP_MAIN_CONTEXT,
  PROP_ERROR,
  PROP_BYTES_READ,
  PROP_BYTES_WRITTEN,
  N_PROPERTIES
} Property;

static GParamSpec *properties[N_PROPERTIES];

/* --- notifications --- */

static guint
get_state_bits (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint bits = 0;

  if (kaa_io_channel_get_alive (self))
    bits |= 1 << PROP_ALIVE;
  if (kaa_io_channel_get_readable (self))
    bits |= 1 << PROP_READABLE;
  if (kaa_io_channel_get_writable (self))
    bits |= 1 << PROP_WRITABLE;
  if (priv->eof)
    bits |= 1 << PROP_EOF;
  return bits;
}

void
kaa_channel_notify_state (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  guint bits = get_state_bits (self);
  guint changed = bits ^ priv->notified;

  if (changed == 0)
    return;

  /* Remembered first: a handler may change the state again. */
  priv->notified = bits;
  for (guint i = PROP_ALIVE; i <= PROP_EOF; i++)
    if (changed & (1 << i))
      g_object_notify_by_pspec (G_OBJECT (self), properties[i]);
}

void
kaa_channel_notify_fileno (KaaIOChannel *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_FILENO]);
}

gboolean
kaa_channel_closes_on_eof (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  if (priv->close_on_eof == KAA_CLOSE_ON_EOF_DEFAULT)
    return priv->input == NULL || priv->input->kind != KAA_FD_FILE;
  return priv->close_on_eof == KAA_CLOSE_ON_EOF_YES;
}

/* --- getters --- */

/**
 * kaa_io_channel_get_alive: (get-property alive)
 * @self: a channel
 *
 * Whether the channel is open.
 *
 * Returns: %TRUE if it is
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_alive (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_is_alive (self);
}

/**
 * kaa_io_channel_get_readable: (get-property readable)
 * @self: a channel
 *
 * Whether the channel is open for reading, or closed with data left in its queue.
 *
 * Returns: %TRUE if reading makes sense
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_readable (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  priv = kaa_channel_get_private (self);
  return kaa_byte_queue_get_length (&priv->queue) > 0 ||
         (kaa_channel_is_alive (self) && (priv->mode & KAA_IO_READ) != 0);
}

/**
 * kaa_io_channel_get_writable: (get-property writable)
 * @self: a channel
 *
 * Whether [method@Kaa.IOChannel.write] may be called.
 *
 * Returns: %TRUE if it may
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_writable (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  priv = kaa_channel_get_private (self);
  if (priv->full || priv->shut_down || priv->peer_gone || g_atomic_int_get (&priv->remote_closed))
    return FALSE;
  return priv->state == KAA_STATE_UNOPENED || (priv->state == KAA_STATE_OPEN && (priv->mode & KAA_IO_WRITE) != 0);
}

/**
 * kaa_io_channel_get_fileno: (get-property fileno)
 * @self: a channel
 *
 * The descriptor; with two of them the one that is read.
 *
 * Returns: the descriptor, -1 if there is none
 *
 * Since: 1.0
 */
int
kaa_io_channel_get_fileno (KaaIOChannel *self)
{
  KaaIOChannelPrivate *priv;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), -1);

  priv = kaa_channel_get_private (self);
  if (priv->input != NULL)
    return priv->input->fd;
  return priv->output != NULL ? priv->output->fd : -1;
}

/**
 * kaa_io_channel_get_eof: (get-property eof)
 * @self: a channel
 *
 * Whether the end of the input was seen.
 *
 * Returns: the value of [property@Kaa.IOChannel:eof]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_eof (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->eof;
}

/**
 * kaa_io_channel_get_mode: (get-property mode)
 * @self: a channel
 *
 * What the descriptor is used for; 0 while the channel has never been open.
 *
 * Returns: the value of [property@Kaa.IOChannel:mode]
 *
 * Since: 1.0
 */
KaaIOCondition
kaa_io_channel_get_mode (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->mode;
}

/**
 * kaa_io_channel_get_chunk_size: (get-property chunk-size)
 * @self: a channel
 *
 * The most bytes that are read at a time. Not 0.
 *
 * Returns: the value of [property@Kaa.IOChannel:chunk-size]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_chunk_size (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->chunk_size;
}

/**
 * kaa_io_channel_get_queue_size: (get-property queue-size)
 * @self: a channel
 *
 * The limit in bytes of the read queue and of the write queue. Not 0.
 *
 * Setting it does not affect what is in the queues.
 *
 * Returns: the value of [property@Kaa.IOChannel:queue-size]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_queue_size (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->queue_size;
}

/**
 * kaa_io_channel_get_read_queue_used: (get-property read-queue-used)
 * @self: a channel
 *
 * How many bytes are in the read queue.
 *
 * Returns: the value of [property@Kaa.IOChannel:read-queue-used]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_read_queue_used (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_byte_queue_get_length (&kaa_channel_get_private (self)->queue);
}

/**
 * kaa_io_channel_get_write_queue_used: (get-property write-queue-used)
 * @self: a channel
 *
 * How many bytes wait to be written.
 *
 * Returns: the value of [property@Kaa.IOChannel:write-queue-used]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_write_queue_used (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return (gsize) g_atomic_pointer_get (&kaa_channel_get_private (self)->write_used);
}

/**
 * kaa_io_channel_get_overflow_policy: (get-property overflow-policy)
 * @self: a channel
 *
 * What becomes of a line with more than [property@Kaa.IOChannel:queue-size] bytes before its delimiter.
 *
 * Returns: the value of [property@Kaa.IOChannel:overflow-policy]
 *
 * Since: 1.0
 */
KaaOverflowPolicy
kaa_io_channel_get_overflow_policy (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), KAA_OVERFLOW_SPLIT);

  return kaa_channel_get_private (self)->overflow_policy;
}

/**
 * kaa_io_channel_get_paused: (get-property paused)
 * @self: a channel
 *
 * Reading and emitting stop, whoever listens.
 *
 * Returns: the value of [property@Kaa.IOChannel:paused]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_paused (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->paused;
}

/**
 * kaa_io_channel_get_close_on_eof: (get-property close-on-eof)
 * @self: a channel
 *
 * Whether the channel closes at the end of its input: by default yes, but not for files.
 *
 * Returns: the value of [property@Kaa.IOChannel:close-on-eof]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_close_on_eof (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_closes_on_eof (self);
}

/**
 * kaa_io_channel_get_close_fd: (get-property close-fd)
 * @self: a channel
 *
 * Whether the descriptor is the channel's, which closes it.
 *
 * Returns: the value of [property@Kaa.IOChannel:close-fd]
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_get_close_fd (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);

  return kaa_channel_get_private (self)->close_fd;
}

/**
 * kaa_io_channel_get_linger: (get-property linger)
 * @self: a channel
 *
 * Seconds without progress after which a channel gives up what it still has to write at the end of its input.
 *
 * Returns: the value of [property@Kaa.IOChannel:linger]
 *
 * Since: 1.0
 */
double
kaa_io_channel_get_linger (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->linger;
}

/**
 * kaa_io_channel_get_priority: (get-property priority)
 * @self: a channel
 *
 * The priority at which the channel is served.
 *
 * Returns: the value of [property@Kaa.IOChannel:priority]
 *
 * Since: 1.0
 */
int
kaa_io_channel_get_priority (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_poller_get_priority (kaa_channel_get_private (self)->entry.poller);
}

/**
 * kaa_io_channel_get_error: (get-property error)
 * @self: a channel
 *
 * Why the channel was closed unexpectedly, or what could not be written.
 *
 * Returns: (transfer none) (nullable): the value of [property@Kaa.IOChannel:error]
 *
 * Since: 1.0
 */
const GError *
kaa_io_channel_get_error (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return kaa_channel_get_private (self)->error;
}

/**
 * kaa_io_channel_get_bytes_read: (get-property bytes-read)
 * @self: a channel
 *
 * How many bytes have been read from what is open.
 *
 * Returns: the value of [property@Kaa.IOChannel:bytes-read]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_bytes_read (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->bytes_read;
}

/**
 * kaa_io_channel_get_bytes_written: (get-property bytes-written)
 * @self: a channel
 *
 * How many bytes have been written to what is open.
 *
 * Returns: the value of [property@Kaa.IOChannel:bytes-written]
 *
 * Since: 1.0
 */
guint64
kaa_io_channel_get_bytes_written (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);

  return kaa_channel_get_private (self)->bytes_written;
}

/**
 * kaa_io_channel_get_main_context: (get-property main-context)
 * @self: a channel
 *
 * The main context that the channel's signals are emitted on. The channel does not keep it alive.
 *
 * Returns: (transfer full) (nullable): the context, %NULL once it has gone
 *
 * Since: 1.0
 */
GMainContext *
kaa_io_channel_get_main_context (KaaIOChannel *self)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  return kaa_poller_dup_context (kaa_channel_get_private (self)->entry.poller);
}

/* --- setters --- */

static void
changed (KaaIOChannel *self,
         Property      property)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
  kaa_channel_schedule (self);
}

/**
 * kaa_io_channel_set_chunk_size: (set-property chunk-size)
 * @self: a channel
 * @chunk_size: a number of bytes, not 0
 *
 * Sets the most bytes that are read at a time.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_chunk_size (KaaIOChannel *self,
                               guint64       chunk_size)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (chunk_size > 0);

  kaa_channel_get_private (self)->chunk_size = MIN (chunk_size, G_MAXSIZE);
  changed (self, PROP_CHUNK_SIZE);
}

/**
 * kaa_io_channel_set_queue_size: (set-property queue-size)
 * @self: a channel
 * @queue_size: a number of bytes, not 0
 *
 * Sets the limit of the read queue and of the write queue. What is in them is not affected.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_queue_size (KaaIOChannel *self,
                               guint64       queue_size)
{
  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (queue_size > 0);

  kaa_channel_get_private (self)->queue_size = MIN (queue_size, G_MAXSIZE);
  kaa_channel_update_writable (self);
  kaa_channel_notify_state (self);
  changed (self, PROP_QUEUE_SIZE);
}

static void
set_delimiters (KaaIOChannel  *self,
                GBytes       **delimiters,
                gsize          n)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  kaa_delimiters_unref (priv->delimiters);
  priv->delimiters = kaa_delimiters_new (delimiters, n);
  priv->scan = (KaaScan) { 0, };
  priv->overflow_told = FALSE;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DELIMITER]);
  changed (self, PROP_DELIMITERS);
}

/**
 * kaa_io_channel_set_delimiter_bytes:
 * @self: a channel
 * @delimiters: (array length=n_delimiters): what ends a line
 * @n_delimiters: how many
 * @error: return location for an error
 *
 * Sets the delimiters, which may hold any bytes. The earliest match ends a line, the longest at the same place.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where there are none, or an empty one; then nothing changes.
 *
 * Returns: %TRUE if they were set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_set_delimiter_bytes (KaaIOChannel  *self,
                                    GBytes       **delimiters,
                                    gsize          n_delimiters,
                                    GError       **error)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  for (gsize i = 0; i < n_delimiters; i++)
    if (g_bytes_get_size (delimiters[i]) == 0)
      n_delimiters = 0;

  if (n_delimiters == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "There must be a delimiter, and none may be empty");
      return FALSE;
    }

  set_delimiters (self, delimiters, n_delimiters);
  return TRUE;
}

/**
 * kaa_io_channel_get_delimiter_bytes:
 * @self: a channel
 * @n_delimiters: (out): how many
 *
 * The delimiters.
 *
 * Returns: (array length=n_delimiters) (transfer container): the delimiters
 *
 * Since: 1.0
 */
GBytes **
kaa_io_channel_get_delimiter_bytes (KaaIOChannel *self,
                                    gsize        *n_delimiters)
{
  GBytes * const *list;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (n_delimiters != NULL, NULL);

  list = kaa_delimiters_get (kaa_channel_get_private (self)->delimiters, n_delimiters);
  return g_memdup2 (list, *n_delimiters * sizeof (GBytes *));
}

/* A string if the delimiter can be one. */
static char *
dup_delimiter (GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  return g_utf8_validate_len (data, length, NULL) ? g_strndup (data, length) : NULL;
}

/**
 * kaa_io_channel_get_delimiter: (get-property delimiter)
 * @self: a channel
 *
 * The delimiter.
 *
 * Returns: (nullable): the delimiter, %NULL where there are several, or where it is no UTF-8 string. It is interned.
 *
 * Since: 1.0
 */
const char *
kaa_io_channel_get_delimiter (KaaIOChannel *self)
{
  GBytes * const *list;
  const char *interned;
  char *string;
  gsize n;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  list = kaa_delimiters_get (kaa_channel_get_private (self)->delimiters, &n);
  if (n != 1)
    return NULL;

  string = dup_delimiter (list[0]);
  interned = string != NULL ? g_intern_string (string) : NULL;
  g_free (string);
  return interned;
}

/**
 * kaa_io_channel_set_delimiter: (set-property delimiter)
 * @self: a channel
 * @delimiter: what ends a line, not empty
 *
 * Sets the one delimiter.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_delimiter (KaaIOChannel *self,
                              const char   *delimiter)
{
  GBytes *bytes;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (delimiter != NULL && *delimiter != '\0');

  bytes = g_bytes_new (delimiter, strlen (delimiter));
  set_delimiters (self, &bytes, 1);
  g_bytes_unref (bytes);
}

/**
 * kaa_io_channel_get_delimiters: (get-property delimiters)
 * @self: a channel
 *
 * The delimiters, without those that are no UTF-8 strings.
 *
 * Returns: (transfer full) (array zero-terminated=1): the delimiters
 *
 * Since: 1.0
 */
char **
kaa_io_channel_get_delimiters (KaaIOChannel *self)
{
  GPtrArray *strings;
  GBytes * const *list;
  gsize n;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  strings = g_ptr_array_new ();
  list = kaa_delimiters_get (kaa_channel_get_private (self)->delimiters, &n);
  for (gsize i = 0; i < n; i++)
    {
      char *string = dup_delimiter (list[i]);

      if (string != NULL)
        g_ptr_array_add (strings, string);
    }
  g_ptr_array_add (strings, NULL);
  return (char **) g_ptr_array_free (strings, FALSE);
}

/**
 * kaa_io_channel_set_delimiters: (set-property delimiters)
 * @self: a channel
 * @delimiters: (array zero-terminated=1): what ends a line: at least one, none of them empty
 *
 * Sets the delimiters. The earliest match ends a line, the longest at the same place.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_delimiters (KaaIOChannel       *self,
                               const char * const *delimiters)
{
  GPtrArray *list;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (delimiters != NULL && delimiters[0] != NULL);
  for (gsize i = 0; delimiters[i] != NULL; i++)
    g_return_if_fail (*delimiters[i] != '\0');

  list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (gsize i = 0; delimiters[i] != NULL; i++)
    g_ptr_array_add (list, g_bytes_new (delimiters[i], strlen (delimiters[i])));
  set_delimiters (self, (GBytes **) list->pdata, list->len);
  g_ptr_array_unref (list);
}

/**
 * kaa_io_channel_set_overflow_policy: (set-property overflow-policy)
 * @self: a channel
 * @policy: what becomes of a line that is too long
 *
 * Sets the policy for the lines that come.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_overflow_policy (KaaIOChannel      *self,
                                    KaaOverflowPolicy  policy)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->overflow_policy = policy;
  changed (self, PROP_OVERFLOW_POLICY);
}

/**
 * kaa_io_channel_set_paused: (set-property paused)
 * @self: a channel
 * @paused: whether to pause
 *
 * Stops reading and emitting, whoever listens, or lets it go on.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_paused (KaaIOChannel *self,
                           gboolean      paused)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->paused = paused;
  changed (self, PROP_PAUSED);
}

/**
 * kaa_io_channel_set_close_on_eof: (set-property close-on-eof)
 * @self: a channel
 * @close_on_eof: whether to close
 *
 * Sets whether the channel closes at the end of its input.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_close_on_eof (KaaIOChannel *self,
                                 gboolean      close_on_eof)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->close_on_eof = close_on_eof ? KAA_CLOSE_ON_EOF_YES : KAA_CLOSE_ON_EOF_NO;
  changed (self, PROP_CLOSE_ON_EOF);
}

/**
 * kaa_io_channel_set_close_fd: (set-property close-fd)
 * @self: a channel
 * @close_fd: whether to close it
 *
 * Sets whether the descriptor is the channel's, which closes it. A terminal or pipe that is not should be wrapped after this is set:
 * it is then opened once more, so that its flags stay what they are.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_close_fd (KaaIOChannel *self,
                             gboolean      close_fd)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  priv->close_fd = close_fd;
  changed (self, PROP_CLOSE_FD);
}

/**
 * kaa_io_channel_set_linger: (set-property linger)
 * @self: a channel
 * @seconds: a time in seconds
 *
 * Sets how long a close at the end of the input waits for progress.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_linger (KaaIOChannel *self,
                           double        seconds)
{
  KaaIOChannelPrivate *priv;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (seconds >= 0);

  priv = kaa_channel_get_private (self);
  priv->linger = seconds;
  changed (self, PROP_LINGER);
}

/**
 * kaa_io_channel_set_priority: (set-property priority)
 * @self: a channel
 * @priority: a priority of main loop sources
 *
 * Sets the priority at which the channel is served.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_priority (KaaIOChannel *self,
                             int           priority)
{
  KaaIOChannelPrivate *priv;
  GMainContext *context;
  KaaPoller *poller;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));

  priv = kaa_channel_get_private (self);
  context = kaa_poller_dup_context (priv->entry.poller);
  if (context == NULL || priority == kaa_poller_get_priority (priv->entry.poller))
    {
      g_clear_pointer (&context, g_main_context_unref);
      return;
    }

  poller = kaa_poller_get (context, priority);
  kaa_channel_move_to_poller (self, poller);
  kaa_poller_unref (poller);
  g_main_context_unref (context);
  changed (self, PROP_PRIORITY);
}

/* --- GObject --- */

static void
get_property (GObject    *object,
              guint       id,
              GValue     *value,
              GParamSpec *pspec)
{
  KaaIOChannel *self = KAA_IO_CHANNEL (object);

  switch ((Property) id)
    {
    case PROP_ALIVE:
      g_value_set_boolean (value, kaa_io_channel_get_alive (self));
      break;
    case PROP_READABLE:
      g_value_set_boolean (value, kaa_io_channel_get_readable (self));
      break;
    case PROP_WRITABLE:
      g_value_set_boolean (value, kaa_io_channel_get_writable (self));
      break;
    case PROP_EOF:
      g_value_set_boolean (value, kaa_io_channel_get_eof (self));
      break;
    case PROP_FILENO:
      g_value_set_int (value, kaa_io_channel_get_fileno (self));
      break;
    case PROP_MODE:
      g_value_set_flags (value, kaa_io_channel_get_mode (self));
      break;
    case PROP_CHUNK_SIZE:
      g_value_set_uint64 (value, kaa_io_channel_get_chunk_size (self));
      break;
    case PROP_QUEUE_SIZE:
      g_value_set_uint64 (value, kaa_io_channel_get_queue_size (self));
      break;
    case PROP_READ_QUEUE_USED:
      g_value_set_uint64 (value, kaa_io_channel_get_read_queue_used (self));
      break;
    case PROP_WRITE_QUEUE_USED:
      g_value_set_uint64 (value, kaa_io_channel_get_write_queue_used (self));
      break;
    case PROP_OVERFLOW_POLICY:
      g_value_set_enum (value, kaa_io_channel_get_overflow_policy (self));
      break;
    case PROP_PAUSED:
      g_value_set_boolean (value, kaa_io_channel_get_paused (self));
      break;
    case PROP_CLOSE_ON_EOF:
      g_value_set_boolean (value, kaa_io_channel_get_close_on_eof (self));
      break;
    case PROP_CLOSE_FD:
      g_value_set_boolean (value, kaa_io_channel_get_close_fd (self));
      break;
    case PROP_LINGER:
      g_value_set_double (value, kaa_io_channel_get_linger (self));
      break;
    case PROP_PRIORITY:
      g_value_set_int (value, kaa_io_channel_get_priority (self));
      break;
    case PROP_BYTES_READ:
      g_value_set_uint64 (value, kaa_io_channel_get_bytes_read (self));
      break;
    case PROP_BYTES_WRITTEN:
      g_value_set_uint64 (value, kaa_io_channel_get_bytes_written (self));
      break;
    case PROP_DELIMITER:
      g_value_set_string (value, kaa_io_channel_get_delimiter (self));
      break;
    case PROP_DELIMITERS:
      g_value_take_boxed (value, kaa_io_channel_get_delimiters (self));
      break;
    case PROP_MAIN_CONTEXT:
      g_value_take_boxed (value, kaa_io_channel_get_main_context (self));
      break;
    case PROP_ERROR:
      g_value_set_boxed (value, kaa_io_channel_get_error (self));
      break;
    case N_PROPERTIES:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
set_property (GObject      *object,
              guint         id,
              const GValue *value,
              GParamSpec   *pspec)
{
  KaaIOChannel *self = KAA_IO_CHANNEL (object);

  switch ((int) id)
    {
    case PROP_CHUNK_SIZE:
      kaa_io_channel_set_chunk_size (self, g_value_get_uint64 (value));
      break;
    case PROP_QUEUE_SIZE:
      kaa_io_channel_set_queue_size (self, g_value_get_uint64 (value));
      break;
    case PROP_OVERFLOW_POLICY:
      kaa_io_channel_set_overflow_policy (self, g_value_get_enum (value));
      break;
    case PROP_PAUSED:
      kaa_io_channel_set_paused (self, g_value_get_boolean (value));
      break;
    case PROP_CLOSE_ON_EOF:
      kaa_io_channel_set_close_on_eof (self, g_value_get_boolean (value));
      break;
    case PROP_CLOSE_FD:
      kaa_io_channel_set_close_fd (self, g_value_get_boolean (value));
      break;
    case PROP_LINGER:
      kaa_io_channel_set_linger (self, g_value_get_double (value));
      break;
    case PROP_PRIORITY:
      kaa_io_channel_set_priority (self, g_value_get_int (value));
      break;
    case PROP_DELIMITER:
      kaa_io_channel_set_delimiter (self, g_value_get_string (value));
      break;
    case PROP_DELIMITERS:
      kaa_io_channel_set_delimiters (self, g_value_get_boxed (value));
      break;
    case PROP_MAIN_CONTEXT:
      kaa_channel_set_context (self, g_value_get_boxed (value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

void
kaa_channel_install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags readable = flags | G_PARAM_READABLE;
  const GParamFlags both = flags | G_PARAM_READWRITE;

  klass->get_property = get_property;
  klass->set_property = set_property;

  /**
   * KaaIOChannel:alive: (getter get_alive)
   *
   * Whether the channel is open.
   *
   * Since: 1.0
   */
  properties[PROP_ALIVE] = g_param_spec_boolean ("alive", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:readable: (getter get_readable)
   *
   * Whether the channel is open for reading, or closed with data left in its queue.
   *
   * Since: 1.0
   */
  properties[PROP_READABLE] = g_param_spec_boolean ("readable", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:writable: (getter get_writable)
   *
   * Whether write() may be called. From a refused write, or when the queue is full, it is %FALSE until the
   * queue is down to half of [property@Kaa.IOChannel:queue-size].
   *
   * Since: 1.0
   */
  properties[PROP_WRITABLE] = g_param_spec_boolean ("writable", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:eof: (getter get_eof)
   *
   * Whether the end of the input was seen.
   *
   * Since: 1.0
   */
  properties[PROP_EOF] = g_param_spec_boolean ("eof", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:fileno: (getter get_fileno)
   *
   * The descriptor, -1 if there is none; with two of them the one that is read.
   *
   * Since: 1.0
   */
  properties[PROP_FILENO] = g_param_spec_int ("fileno", NULL, NULL, -1, G_MAXINT, -1, readable);

  /**
   * KaaIOChannel:mode: (getter get_mode)
   *
   * What the descriptor is used for; 0 while the channel has never been open.
   *
   * Since: 1.0
   */
  properties[PROP_MODE] = g_param_spec_flags ("mode", NULL, NULL, KAA_TYPE_IO_CONDITION, 0, readable);

  /**
   * KaaIOChannel:chunk-size: (getter get_chunk_size) (setter set_chunk_size)
   *
   * The most bytes that are read at a time. Not 0.
   *
   * Since: 1.0
   */
  properties[PROP_CHUNK_SIZE] = g_param_spec_uint64 ("chunk-size", NULL, NULL, 0, G_MAXUINT64, DEFAULT_SIZE, both);

  /**
   * KaaIOChannel:queue-size: (getter get_queue_size) (setter set_queue_size)
   *
   * The limit in bytes of the read queue and of the write queue. Not 0.
   *
   * Setting it does not affect what is in the queues.
   *
   * Since: 1.0
   */
  properties[PROP_QUEUE_SIZE] = g_param_spec_uint64 ("queue-size", NULL, NULL, 0, G_MAXUINT64, DEFAULT_SIZE, both);

  /**
   * KaaIOChannel:read-queue-used: (getter get_read_queue_used)
   *
   * How many bytes are in the read queue.
   *
   * Since: 1.0
   */
  properties[PROP_READ_QUEUE_USED] = g_param_spec_uint64 ("read-queue-used", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:write-queue-used: (getter get_write_queue_used)
   *
   * How many bytes wait to be written.
   *
   * Since: 1.0
   */
  properties[PROP_WRITE_QUEUE_USED] = g_param_spec_uint64 ("write-queue-used", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:delimiter: (getter get_delimiter) (setter set_delimiter)
   *
   * What ends a line; %NULL while there are several.
   *
   * Since: 1.0
   */
  properties[PROP_DELIMITER] = g_param_spec_string ("delimiter", NULL, NULL, "\n", both);

  /**
   * KaaIOChannel:delimiters: (getter get_delimiters) (setter set_delimiters)
   *
   * Everything that ends a line. The earliest match wins, the longest at the same place.
   *
   * Since: 1.0
   */
  properties[PROP_DELIMITERS] = g_param_spec_boxed ("delimiters", NULL, NULL, G_TYPE_STRV, both);

  /**
   * KaaIOChannel:overflow-policy: (getter get_overflow_policy) (setter set_overflow_policy)
   *
   * What becomes of a line with more than [property@Kaa.IOChannel:queue-size] bytes before its delimiter.
   *
   * Since: 1.0
   */
  properties[PROP_OVERFLOW_POLICY] = g_param_spec_enum ("overflow-policy", NULL, NULL, KAA_TYPE_OVERFLOW_POLICY, KAA_OVERFLOW_SPLIT, both);

  /**
   * KaaIOChannel:paused: (getter get_paused) (setter set_paused)
   *
   * Reading and emitting stop, whoever listens.
   *
   * Since: 1.0
   */
  properties[PROP_PAUSED] = g_param_spec_boolean ("paused", NULL, NULL, FALSE, both);

  /**
   * KaaIOChannel:close-on-eof: (getter get_close_on_eof) (setter set_close_on_eof)
   *
   * Whether the channel closes at the end of its input: by default yes, but not for files.
   *
   * Since: 1.0
   */
  properties[PROP_CLOSE_ON_EOF] = g_param_spec_boolean ("close-on-eof", NULL, NULL, TRUE, both);

  /**
   * KaaIOChannel:close-fd: (getter get_close_fd) (setter set_close_fd)
   *
   * Whether the descriptor is the channel's, which closes it.
   *
   * Since: 1.0
   */
  properties[PROP_CLOSE_FD] = g_param_spec_boolean ("close-fd", NULL, NULL, TRUE, both);

  /**
   * KaaIOChannel:linger: (getter get_linger) (setter set_linger)
   *
   * Seconds without progress after which a channel gives up what it still has to write at the end of its input.
   *
   * Since: 1.0
   */
  properties[PROP_LINGER] = g_param_spec_double ("linger", NULL, NULL, 0, G_MAXDOUBLE, DEFAULT_LINGER, both);

  /**
   * KaaIOChannel:priority: (getter get_priority) (setter set_priority)
   *
   * The priority at which the channel is served.
   *
   * Since: 1.0
   */
  properties[PROP_PRIORITY] = g_param_spec_int ("priority", NULL, NULL, G_MININT, G_MAXINT, G_PRIORITY_DEFAULT, both);

  /**
   * KaaIOChannel:main-context: (getter get_main_context)
   *
   * The main context that signals are emitted on: by default the thread-default one. %NULL once it has gone.
   *
   * Since: 1.0
   */
  properties[PROP_MAIN_CONTEXT] = g_param_spec_boxed ("main-context", NULL, NULL, G_TYPE_MAIN_CONTEXT, both | G_PARAM_CONSTRUCT_ONLY);

  /**
   * KaaIOChannel:error: (getter get_error)
   *
   * Why the channel was closed unexpectedly, or what could not be written.
   *
   * Since: 1.0
   */
  properties[PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, readable);

  /**
   * KaaIOChannel:bytes-read: (getter get_bytes_read)
   *
   * How many bytes have been read from what is open.
   *
   * Since: 1.0
   */
  properties[PROP_BYTES_READ] = g_param_spec_uint64 ("bytes-read", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:bytes-written: (getter get_bytes_written)
   *
   * How many bytes have been written to what is open.
   *
   * Since: 1.0
   */
  properties[PROP_BYTES_WRITTEN] = g_param_spec_uint64 ("bytes-written", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  g_object_class_install_properties (klass, N_PROPERTIES, properties);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The properties of a channel, as GObject sees them. */

#include "channel/kaa-channel-properties.h"

#include <kaaio/kaa-enum-types.h>

#define DEFAULT_SIZE (1024 * 1024)
#define DEFAULT_LINGER 2.0

static void
get_property (GObject    *object,
              guint       id,
              GValue     *value,
              GParamSpec *pspec)
{
  KaaIOChannel *self = KAA_IO_CHANNEL (object);

  switch ((KaaChannelProperty) id)
    {
    case KAA_PROP_ALIVE:
      g_value_set_boolean (value, kaa_io_channel_get_alive (self));
      break;
    case KAA_PROP_READABLE:
      g_value_set_boolean (value, kaa_io_channel_get_readable (self));
      break;
    case KAA_PROP_WRITABLE:
      g_value_set_boolean (value, kaa_io_channel_get_writable (self));
      break;
    case KAA_PROP_EOF:
      g_value_set_boolean (value, kaa_io_channel_get_eof (self));
      break;
    case KAA_PROP_FILENO:
      g_value_set_int (value, kaa_io_channel_get_fileno (self));
      break;
    case KAA_PROP_MODE:
      g_value_set_flags (value, kaa_io_channel_get_mode (self));
      break;
    case KAA_PROP_CHUNK_SIZE:
      g_value_set_uint64 (value, kaa_io_channel_get_chunk_size (self));
      break;
    case KAA_PROP_QUEUE_SIZE:
      g_value_set_uint64 (value, kaa_io_channel_get_queue_size (self));
      break;
    case KAA_PROP_READ_QUEUE_USED:
      g_value_set_uint64 (value, kaa_io_channel_get_read_queue_used (self));
      break;
    case KAA_PROP_WRITE_QUEUE_USED:
      g_value_set_uint64 (value, kaa_io_channel_get_write_queue_used (self));
      break;
    case KAA_PROP_OVERFLOW_POLICY:
      g_value_set_enum (value, kaa_io_channel_get_overflow_policy (self));
      break;
    case KAA_PROP_PAUSED:
      g_value_set_boolean (value, kaa_io_channel_get_paused (self));
      break;
    case KAA_PROP_CLOSE_ON_EOF:
      g_value_set_boolean (value, kaa_io_channel_get_close_on_eof (self));
      break;
    case KAA_PROP_KEEP_PARTIAL_LINE:
      g_value_set_boolean (value, kaa_io_channel_get_keep_partial_line (self));
      break;
    case KAA_PROP_CLOSE_FD:
      g_value_set_boolean (value, kaa_io_channel_get_close_fd (self));
      break;
    case KAA_PROP_LINGER:
      g_value_set_double (value, kaa_io_channel_get_linger (self));
      break;
    case KAA_PROP_IDLE_TIMEOUT:
      g_value_set_double (value, kaa_io_channel_get_idle_timeout (self));
      break;
    case KAA_PROP_PRIORITY:
      g_value_set_int (value, kaa_io_channel_get_priority (self));
      break;
    case KAA_PROP_BYTES_READ:
      g_value_set_uint64 (value, kaa_io_channel_get_bytes_read (self));
      break;
    case KAA_PROP_BYTES_WRITTEN:
      g_value_set_uint64 (value, kaa_io_channel_get_bytes_written (self));
      break;
    case KAA_PROP_DELIMITER:
      g_value_set_string (value, kaa_io_channel_get_delimiter (self));
      break;
    case KAA_PROP_DELIMITERS:
      g_value_take_boxed (value, kaa_io_channel_get_delimiters (self));
      break;
    case KAA_PROP_MAIN_CONTEXT:
      g_value_take_boxed (value, kaa_io_channel_get_main_context (self));
      break;
    case KAA_PROP_ERROR:
      g_value_set_boxed (value, kaa_io_channel_get_error (self));
      break;
    case KAA_N_PROPERTIES:
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
    case KAA_PROP_CHUNK_SIZE:
      kaa_io_channel_set_chunk_size (self, g_value_get_uint64 (value));
      break;
    case KAA_PROP_QUEUE_SIZE:
      kaa_io_channel_set_queue_size (self, g_value_get_uint64 (value));
      break;
    case KAA_PROP_OVERFLOW_POLICY:
      kaa_io_channel_set_overflow_policy (self, g_value_get_enum (value));
      break;
    case KAA_PROP_PAUSED:
      kaa_io_channel_set_paused (self, g_value_get_boolean (value));
      break;
    case KAA_PROP_CLOSE_ON_EOF:
      kaa_io_channel_set_close_on_eof (self, g_value_get_boolean (value));
      break;
    case KAA_PROP_KEEP_PARTIAL_LINE:
      kaa_io_channel_set_keep_partial_line (self, g_value_get_boolean (value));
      break;
    case KAA_PROP_CLOSE_FD:
      kaa_io_channel_set_close_fd (self, g_value_get_boolean (value));
      break;
    case KAA_PROP_LINGER:
      kaa_io_channel_set_linger (self, g_value_get_double (value));
      break;
    case KAA_PROP_IDLE_TIMEOUT:
      kaa_io_channel_set_idle_timeout (self, g_value_get_double (value));
      break;
    case KAA_PROP_PRIORITY:
      kaa_io_channel_set_priority (self, g_value_get_int (value));
      break;
    case KAA_PROP_DELIMITER:
      kaa_io_channel_set_delimiter (self, g_value_get_string (value));
      break;
    case KAA_PROP_DELIMITERS:
      kaa_io_channel_set_delimiters (self, g_value_get_boxed (value));
      break;
    case KAA_PROP_MAIN_CONTEXT:
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
  kaa_channel_properties[KAA_PROP_ALIVE] = g_param_spec_boolean ("alive", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:readable: (getter get_readable)
   *
   * Whether the channel is open for reading, or closed with data left in its queue.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_READABLE] = g_param_spec_boolean ("readable", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:writable: (getter get_writable)
   *
   * Whether write() may be called. From a refused write, or when the queue is full, it is %FALSE until the
   * queue is down to half of [property@Kaa.IOChannel:queue-size].
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_WRITABLE] = g_param_spec_boolean ("writable", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:eof: (getter get_eof)
   *
   * Whether the end of the input was seen.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_EOF] = g_param_spec_boolean ("eof", NULL, NULL, FALSE, readable);

  /**
   * KaaIOChannel:fileno: (getter get_fileno)
   *
   * The descriptor, -1 if there is none; with two of them the one that is read.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_FILENO] = g_param_spec_int ("fileno", NULL, NULL, -1, G_MAXINT, -1, readable);

  /**
   * KaaIOChannel:mode: (getter get_mode)
   *
   * What the descriptor is used for; 0 while the channel has never been open.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_MODE] = g_param_spec_flags ("mode", NULL, NULL, KAA_TYPE_IO_CONDITION, 0, readable);

  /**
   * KaaIOChannel:chunk-size: (getter get_chunk_size) (setter set_chunk_size)
   *
   * The most bytes that are read at a time. Not 0.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_CHUNK_SIZE] = g_param_spec_uint64 ("chunk-size", NULL, NULL, 0, G_MAXUINT64, DEFAULT_SIZE, both);

  /**
   * KaaIOChannel:queue-size: (getter get_queue_size) (setter set_queue_size)
   *
   * The limit in bytes of the read queue and of the write queue. Not 0.
   *
   * Setting it does not affect what is in the queues.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_QUEUE_SIZE] = g_param_spec_uint64 ("queue-size", NULL, NULL, 0, G_MAXUINT64, DEFAULT_SIZE, both);

  /**
   * KaaIOChannel:read-queue-used: (getter get_read_queue_used)
   *
   * How many bytes are in the read queue. Notified at most once a turn of the loop.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_READ_QUEUE_USED] = g_param_spec_uint64 ("read-queue-used", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:write-queue-used: (getter get_write_queue_used)
   *
   * How many bytes wait to be written. Notified at most once a turn of the loop.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_WRITE_QUEUE_USED] = g_param_spec_uint64 ("write-queue-used", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:delimiter: (getter get_delimiter) (setter set_delimiter)
   *
   * What ends a line; %NULL while there are several.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_DELIMITER] = g_param_spec_string ("delimiter", NULL, NULL, "\n", both);

  /**
   * KaaIOChannel:delimiters: (getter get_delimiters) (setter set_delimiters)
   *
   * Everything that ends a line. The earliest match wins, the longest at the same place.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_DELIMITERS] = g_param_spec_boxed ("delimiters", NULL, NULL, G_TYPE_STRV, both);

  /**
   * KaaIOChannel:overflow-policy: (getter get_overflow_policy) (setter set_overflow_policy)
   *
   * What becomes of a line with more than [property@Kaa.IOChannel:queue-size] bytes before its delimiter.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_OVERFLOW_POLICY] = g_param_spec_enum ("overflow-policy", NULL, NULL, KAA_TYPE_OVERFLOW_POLICY, KAA_OVERFLOW_SPLIT, both);

  /**
   * KaaIOChannel:paused: (getter get_paused) (setter set_paused)
   *
   * Reading and emitting stop, whoever listens.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_PAUSED] = g_param_spec_boolean ("paused", NULL, NULL, FALSE, both);

  /**
   * KaaIOChannel:close-on-eof: (getter get_close_on_eof) (setter set_close_on_eof)
   *
   * Whether the channel closes at the end of its input: by default yes, but not for files.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_CLOSE_ON_EOF] = g_param_spec_boolean ("close-on-eof", NULL, NULL, TRUE, both);

  /**
   * KaaIOChannel:keep-partial-line: (getter get_keep_partial_line) (setter set_keep_partial_line)
   *
   * Whether a line without its delimiter at the end of the input waits for its rest: for files that somebody else writes to.
   *
   * It only means something where [property@Kaa.IOChannel:close-on-eof] is %FALSE, as it is for files. Who asks for a line there gets an
   * empty one, which says that there is no whole line yet; the part stays in the queue, and the next request looks once more.
   * [method@Kaa.IOChannel.read] and [method@Kaa.IOChannel.read_exactly] get it as ever.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_KEEP_PARTIAL_LINE] = g_param_spec_boolean ("keep-partial-line", NULL, NULL, FALSE, both);

  /**
   * KaaIOChannel:close-fd: (getter get_close_fd) (setter set_close_fd)
   *
   * Whether the descriptor is the channel's, which closes it.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_CLOSE_FD] = g_param_spec_boolean ("close-fd", NULL, NULL, TRUE, both);

  /**
   * KaaIOChannel:linger: (getter get_linger) (setter set_linger)
   *
   * Seconds without progress after which a channel gives up what it still has to write at the end of its input.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_LINGER] = g_param_spec_double ("linger", NULL, NULL, 0, G_MAXDOUBLE, DEFAULT_LINGER, both);

  /**
   * KaaIOChannel:idle-timeout: (getter get_idle_timeout) (setter set_idle_timeout)
   *
   * Seconds without a byte in either direction after which an open channel is closed, with `G_IO_ERROR_TIMED_OUT`; 0 for never.
   *
   * Bytes count when the channel reads or writes them, so a channel that is paused, or that nobody reads, is idle. What one
   * operation may take is another thing: see [method@Kaa.InProgress.timeout].
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_IDLE_TIMEOUT] = g_param_spec_double ("idle-timeout", NULL, NULL, 0, 1e9, 0, both);

  /**
   * KaaIOChannel:priority: (getter get_priority) (setter set_priority)
   *
   * The priority at which the channel is served.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_PRIORITY] = g_param_spec_int ("priority", NULL, NULL, G_MININT, G_MAXINT, G_PRIORITY_DEFAULT, both);

  /**
   * KaaIOChannel:main-context: (getter get_main_context)
   *
   * The main context that signals are emitted on: by default the thread-default one. %NULL once it has gone.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_MAIN_CONTEXT] = g_param_spec_boxed ("main-context", NULL, NULL, G_TYPE_MAIN_CONTEXT, both | G_PARAM_CONSTRUCT_ONLY);

  /**
   * KaaIOChannel:error: (getter get_error)
   *
   * Why the channel was closed unexpectedly, or what could not be written. It is there before any future fails by it.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_ERROR] = g_param_spec_boxed ("error", NULL, NULL, G_TYPE_ERROR, readable);

  /**
   * KaaIOChannel:bytes-read: (getter get_bytes_read)
   *
   * How many bytes have been read from what is open.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_BYTES_READ] = g_param_spec_uint64 ("bytes-read", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  /**
   * KaaIOChannel:bytes-written: (getter get_bytes_written)
   *
   * How many bytes have been written to what is open.
   *
   * Since: 1.0
   */
  kaa_channel_properties[KAA_PROP_BYTES_WRITTEN] = g_param_spec_uint64 ("bytes-written", NULL, NULL, 0, G_MAXUINT64, 0, readable);

  g_object_class_install_properties (klass, KAA_N_PROPERTIES, kaa_channel_properties);
}

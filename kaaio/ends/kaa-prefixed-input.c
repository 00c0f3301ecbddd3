/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-prefixed-input.h"

#include <string.h>

struct _KaaPrefixedInput
{
  GFilterInputStream parent_instance;

  GObject *owner;
  GMutex lock;
  GQueue prefix;     /* of GBytes, none of them empty: what is left of it */
};

static void kaa_prefixed_input_pollable_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (KaaPrefixedInput, kaa_prefixed_input, G_TYPE_FILTER_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, kaa_prefixed_input_pollable_init))

static GInputStream *
get_base (KaaPrefixedInput *self)
{
  return g_filter_input_stream_get_base_stream (G_FILTER_INPUT_STREAM (self));
}

static gboolean
has_prefix (KaaPrefixedInput *self)
{
  gboolean has;

  g_mutex_lock (&self->lock);
  has = self->prefix.length > 0;
  g_mutex_unlock (&self->lock);
  return has;
}

/* buffer: NULL to throw the bytes away. 0 where none are left, or none are asked for. */
static gsize
take_prefix (KaaPrefixedInput *self,
             void             *buffer,
             gsize             count)
{
  GBytes *first;
  gsize length = 0, n = 0;

  g_mutex_lock (&self->lock);
  first = g_queue_pop_head (&self->prefix);
  if (first != NULL)
    {
      const void *data = g_bytes_get_data (first, &length);

      n = MIN (count, length);
      if (buffer != NULL && n > 0)
        memcpy (buffer, data, n);
      if (n < length)
        g_queue_push_head (&self->prefix, g_bytes_new_from_bytes (first, n, length - n));
      g_bytes_unref (first);
    }
  g_mutex_unlock (&self->lock);
  return n;
}

/* --- GInputStream --- */

static gssize
kaa_prefixed_input_read (GInputStream  *stream,
                         void          *buffer,
                         gsize          count,
                         GCancellable  *cancellable,
                         GError       **error)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (stream);
  gsize n;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  n = take_prefix (self, buffer, count);
  return n > 0 ? (gssize) n : g_input_stream_read (get_base (self), buffer, count, cancellable, error);
}

static gssize
kaa_prefixed_input_skip (GInputStream  *stream,
                         gsize          count,
                         GCancellable  *cancellable,
                         GError       **error)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (stream);
  gsize n = take_prefix (self, NULL, count);

  return n > 0 ? (gssize) n : g_input_stream_skip (get_base (self), count, cancellable, error);
}

/* --- GPollableInputStream --- */

static gboolean
kaa_prefixed_input_can_poll (GPollableInputStream *stream)
{
  GInputStream *base = get_base (KAA_PREFIXED_INPUT (stream));

  return G_IS_POLLABLE_INPUT_STREAM (base) && g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (base));
}

static gboolean
kaa_prefixed_input_is_readable (GPollableInputStream *stream)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (stream);

  return has_prefix (self) || g_pollable_input_stream_is_readable (G_POLLABLE_INPUT_STREAM (get_base (self)));
}

static GSource *
kaa_prefixed_input_create_source (GPollableInputStream *stream,
                                  GCancellable         *cancellable)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (stream);
  GSource *ready, *source;

  /* It is ready at once, or when the other one is. */
  if (has_prefix (self))
    ready = g_timeout_source_new (0);
  else
    ready = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (get_base (self)), NULL);
  source = g_pollable_source_new_full (stream, ready, cancellable);
  g_source_unref (ready);
  return source;
}

static gssize
kaa_prefixed_input_read_nonblocking (GPollableInputStream  *stream,
                                     void                  *buffer,
                                     gsize                  count,
                                     GError               **error)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (stream);
  gsize n = take_prefix (self, buffer, count);

  if (n > 0)
    return (gssize) n;
  return g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (get_base (self)), buffer, count, NULL, error);
}

static void
kaa_prefixed_input_pollable_init (GPollableInputStreamInterface *iface)
{
  iface->can_poll = kaa_prefixed_input_can_poll;
  iface->is_readable = kaa_prefixed_input_is_readable;
  iface->create_source = kaa_prefixed_input_create_source;
  iface->read_nonblocking = kaa_prefixed_input_read_nonblocking;
}

/* --- class --- */

static void
kaa_prefixed_input_finalize (GObject *object)
{
  KaaPrefixedInput *self = KAA_PREFIXED_INPUT (object);

  GObject *owner = self->owner;

  g_queue_clear_full (&self->prefix, (GDestroyNotify) g_bytes_unref);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (kaa_prefixed_input_parent_class)->finalize (object);
  /* Behind the stream, which is its. */
  g_object_unref (owner);
}

static void
kaa_prefixed_input_class_init (KaaPrefixedInputClass *klass)
{
  GInputStreamClass *input_class = G_INPUT_STREAM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = kaa_prefixed_input_finalize;
  input_class->read_fn = kaa_prefixed_input_read;
  input_class->skip = kaa_prefixed_input_skip;
}

static void
kaa_prefixed_input_init (KaaPrefixedInput *self)
{
  g_mutex_init (&self->lock);
}

/* --- the border --- */

KaaPrefixedInput *
kaa_prefixed_input_new (GInputStream *base,
                        GObject      *owner)
{
  KaaPrefixedInput *self = g_object_new (KAA_TYPE_PREFIXED_INPUT, "base-stream", base, NULL);

  self->owner = g_object_ref (owner);
  return self;
}

void
kaa_prefixed_input_add (KaaPrefixedInput *self,
                        GBytes           *bytes)
{
  if (g_bytes_get_size (bytes) == 0)
    return;
  g_mutex_lock (&self->lock);
  g_queue_push_tail (&self->prefix, g_bytes_ref (bytes));
  g_mutex_unlock (&self->lock);
}

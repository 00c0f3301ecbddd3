/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The source waits for a future of the channel, so it is interest like any other: while it waits the channel reads, into its
 * queue. It takes nothing.
 */

#include "channel/kaa-io-source.h"

#include "channel/kaa-io-channel-private.h"

typedef struct _KaaIOSource KaaIOSource;

/* What the future calls back, which may be after the source has gone. */
typedef struct
{
  grefcount ref_count;
  KaaIOSource *source;
} Link;

struct _KaaIOSource
{
  GSource parent;
  KaaIOChannel *channel;
  KaaIOCondition direction;
  KaaInProgress *future;
  Link *link;
};

static void
link_unref (gpointer data)
{
  Link *self = data;

  if (g_ref_count_dec (&self->ref_count))
    g_free (self);
}

static Link *
link_ref (Link *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

static void
wake (Link *self)
{
  if (self->source != NULL)
    g_source_set_ready_time ((GSource *) self->source, 0);
}

static void
resolved (const GValue *result,
          gpointer      user_data)
{
  wake (user_data);
}

static void
rejected (const GError *error,
          gpointer      user_data)
{
  wake (user_data);
}

/* Waits for the next time, which may be now. */
static void
arm (KaaIOSource *self)
{
  g_clear_object (&self->future);
  self->future = self->direction == KAA_IO_READ ? kaa_channel_wait_readable (self->channel)
                                                : kaa_io_channel_wait_writable (self->channel, 1);
  kaa_in_progress_then (self->future, resolved, link_ref (self->link), link_unref, rejected, link_ref (self->link), link_unref);
}

/* The stream's own source runs what the stream's user wants, before or after this. */
static gboolean
dispatch (GSource     *source,
          GSourceFunc  callback,
          gpointer     user_data)
{
  g_source_set_ready_time (source, -1);
  arm ((KaaIOSource *) source);
  return G_SOURCE_CONTINUE;
}

static void
finalize (GSource *source)
{
  KaaIOSource *self = (KaaIOSource *) source;

  self->link->source = NULL;
  kaa_in_progress_abort (self->future, NULL);
  g_object_unref (self->future);
  g_object_unref (self->channel);
  link_unref (self->link);
}

static GSourceFuncs source_funcs = {
  .dispatch = dispatch,
  .finalize = finalize,
};

GSource *
kaa_io_source_new (GObject        *stream,
                   KaaIOChannel   *channel,
                   KaaIOCondition  direction,
                   GCancellable   *cancellable)
{
  GSource *child = g_source_new (&source_funcs, sizeof (KaaIOSource));
  KaaIOSource *self = (KaaIOSource *) child;
  GSource *source;

  g_source_set_static_name (child, "[kaa] stream");
  self->channel = g_object_ref (channel);
  self->direction = direction;
  self->link = g_new0 (Link, 1);
  g_ref_count_init (&self->link->ref_count);
  self->link->source = self;
  arm (self);

  source = g_pollable_source_new_full (stream, NULL, cancellable);
  g_source_add_child_source (source, child);
  g_source_unref (child);
  return source;
}

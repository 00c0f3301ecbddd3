/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting until a pollable stream is worth trying again. */

#include "transport/kaa-stream-transport.h"

void
kaa_stream_stop_waiting (KaaStreamHalf *half)
{
  if (half->source != NULL)
    {
      g_source_destroy (half->source);
      g_clear_pointer (&half->source, g_source_unref);
    }
}

static gboolean
half_is_ready (GObject *stream,
               gpointer user_data)
{
  KaaStreamHalf *half = user_data;

  half->ready = TRUE;
  g_clear_pointer (&half->source, g_source_unref);
  kaa_poll_entry_schedule (half->transport->entry);
  return G_SOURCE_REMOVE;
}

void
kaa_stream_wait_for (KaaStreamTransport *self,
                     KaaStreamHalf      *half)
{
  GMainContext *context;

  if (half->source != NULL || half->ready || !half->pollable || self->finishing || self->entry == NULL)
    return;
  context = kaa_poller_dup_context (self->entry->poller);
  if (context == NULL)
    return;

  if (half == &self->input)
    half->source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (self->in), NULL);
  else
    half->source = g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (self->out), NULL);
  g_source_set_callback (half->source, G_SOURCE_FUNC (half_is_ready), half, NULL);
  g_source_set_priority (half->source, kaa_poller_get_priority (self->entry->poller));
  g_source_set_can_recurse (half->source, TRUE);
  g_source_attach (half->source, context);
  g_main_context_unref (context);
}

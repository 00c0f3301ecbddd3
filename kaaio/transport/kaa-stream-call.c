/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An asynchronous call of a stream, under way or done. It outlives a transport that does not wait for it, and then
 * closes the stream behind itself.
 */

#include "transport/kaa-stream-transport.h"

GMainContext *
kaa_stream_push_context (KaaStreamTransport *self)
{
  GMainContext *context = kaa_poller_dup_context (self->entry->poller);
  GMainContext *current = g_main_context_get_thread_default ();

  if (context != NULL && context != (current != NULL ? current : g_main_context_default ()))
    {
      g_main_context_push_thread_default (context);
      return context;
    }

  g_clear_pointer (&context, g_main_context_unref);
  return NULL;
}

void
kaa_stream_pop_context (GMainContext *context)
{
  if (context != NULL)
    {
      g_main_context_pop_thread_default (context);
      g_main_context_unref (context);
    }
}

KaaStreamCall *
kaa_stream_call_new (KaaStreamTransport *self)
{
  KaaStreamCall *call = g_new0 (KaaStreamCall, 1);

  call->owner = self;
  call->cancellable = g_cancellable_new ();
  return call;
}

void
kaa_stream_call_free (KaaStreamCall *call)
{
  g_clear_object (&call->to_close);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->bytes, g_bytes_unref);
  g_clear_error (&call->error);
  g_free (call);
}

/* The call is done. Another one may still be under way: then closing is up to that one. */
void
kaa_stream_call_done (KaaStreamCall *call)
{
  call->done = TRUE;
  if (call->owner == NULL)
    {
      if (call->to_close != NULL)
        kaa_stream_begin_close (call->to_close, kaa_stream_closed, NULL);
      kaa_stream_call_free (call);
    }
  else if (call->owner->entry != NULL)
    {
      kaa_poll_entry_schedule (call->owner->entry);
    }
}

gboolean
kaa_stream_call_is_running (const KaaStreamCall *call)
{
  return call != NULL && !call->done;
}

gboolean
kaa_stream_call_abandon (KaaStreamCall *call,
                         GObject       *to_close)
{
  if (call == NULL)
    return FALSE;

  if (call->done)
    {
      kaa_stream_call_free (call);
      return FALSE;
    }

  call->owner = NULL;
  call->to_close = to_close != NULL ? g_object_ref (to_close) : NULL;
  g_cancellable_cancel (call->cancellable);
  return to_close != NULL;
}

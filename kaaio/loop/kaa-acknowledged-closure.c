/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A closure that says that it was called, for gjs, which may drop a call (see kaa-collector.c). */

#include <kaaio/kaa-acknowledged-closure.h>

#include "loop/kaa-collector.h"

typedef struct
{
  GClosure parent;
  GClosure *inner;
} AcknowledgedClosure;

static int
call (GClosure     *inner,
      guint         n_params,
      const GValue *params,
      gpointer      hint)
{
  GValue answer = G_VALUE_INIT;

  g_value_init (&answer, G_TYPE_INT);
  g_closure_invoke (inner, &answer, n_params, params, hint);
  return g_value_get_int (&answer);
}

static void
acknowledged_closure_marshal (GClosure     *closure,
                              GValue       *result,
                              guint         n_params,
                              const GValue *params,
                              gpointer      hint,
                              gpointer      unused)
{
  AcknowledgedClosure *self = (AcknowledgedClosure *) closure;
  int answer;

  kaa_collector_finish ();
  answer = call (self->inner, n_params, params, hint);
  if (answer == 0 && kaa_collector_collect ())
    answer = call (self->inner, n_params, params, hint);
  /* A default handler in JavaScript has no return value to look at, so it shall find no sweep that began in this one. */
  kaa_collector_finish ();

  if (result != NULL && G_VALUE_HOLDS_BOOLEAN (result))
    g_value_set_boolean (result, answer > 1);
}

static void
acknowledged_closure_finalize (gpointer  unused,
                               GClosure *closure)
{
  g_closure_unref (((AcknowledgedClosure *) closure)->inner);
}

/**
 * kaa_acknowledged_closure_new:
 * @closure: what to call; it returns an integer, 1 or, where a boolean is wanted, 2 for %TRUE
 *
 * A closure for language bindings that may lose a call: when @closure returns 0 it was not called, and is called again.
 *
 * It is made in the thread of the language. Calls from other threads are not repeated. The first one tells the library that the
 * language loses calls: until then nothing is done about it.
 *
 * Returns: (transfer full): a new closure
 *
 * Since: 1.0
 */
GClosure *
kaa_acknowledged_closure_new (GClosure *closure)
{
  GClosure *self;

  g_return_val_if_fail (closure != NULL, NULL);

  kaa_collector_attach ();

  self = g_closure_new_simple (sizeof (AcknowledgedClosure), NULL);
  ((AcknowledgedClosure *) self)->inner = g_closure_ref (closure);
  g_closure_sink (closure);
  g_closure_set_marshal (self, acknowledged_closure_marshal);
  g_closure_add_finalize_notifier (self, NULL, acknowledged_closure_finalize);

  g_closure_ref (self);
  g_closure_sink (self);
  return self;
}

/**
 * kaa_acknowledged_closure_connect:
 * @object: who emits
 * @detailed_signal: a signal, as for [func@GObject.signal_connect_closure]
 * @closure: as for [func@Kaa.acknowledged_closure_new]
 * @after: whether it is called after the default handler
 *
 * Connects a handler for language bindings that may lose a call.
 *
 * Returns: the id of the handler, or 0 if there is no such signal
 *
 * Since: 1.0
 */
gulong
kaa_acknowledged_closure_connect (GObject    *object,
                                  const char *detailed_signal,
                                  GClosure   *closure,
                                  gboolean    after)
{
  GClosure *acknowledged;
  gulong id;

  g_return_val_if_fail (G_IS_OBJECT (object), 0);
  g_return_val_if_fail (detailed_signal != NULL, 0);
  g_return_val_if_fail (closure != NULL, 0);

  acknowledged = kaa_acknowledged_closure_new (closure);
  id = g_signal_connect_closure (object, detailed_signal, acknowledged, after);
  g_closure_unref (acknowledged);

  return id;
}

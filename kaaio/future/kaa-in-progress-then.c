/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* then: a callback, or a closure, for when a KaaInProgress is finished. */

#include "future/kaa-in-progress-internal.h"

/* --- Two callbacks --- */

static void
then_discard (KaaListener   *listener,
              KaaInProgress *future)
{
  if (listener->as.then.resolve_destroy != NULL)
    listener->as.then.resolve_destroy (listener->as.then.resolve_data);
  if (listener->as.then.reject_destroy != NULL)
    listener->as.then.reject_destroy (listener->as.then.reject_data);
}

static void
then_run (KaaListener   *listener,
          KaaInProgress *future)
{
  if (kaa_in_progress_get_state (future) == KAA_STATE_RESOLVED)
    {
      if (listener->as.then.resolve != NULL)
        listener->as.then.resolve (&future->result, listener->as.then.resolve_data);
    }
  else if (listener->as.then.reject != NULL)
    {
      listener->as.then.reject (kaa_in_progress_look_at_error (future), listener->as.then.reject_data);
    }

  then_discard (listener, future);
}

static const KaaListenerFuncs then_funcs =
{
  .run = then_run,
  .discard = then_discard,
};

/* --- A closure --- */

static void
closure_discard (KaaListener   *listener,
                 KaaInProgress *future)
{
  g_closure_unref (listener->as.closure);
}

static void
closure_run (KaaListener   *listener,
             KaaInProgress *future)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, KAA_TYPE_IN_PROGRESS);
  g_value_set_object (&value, future);
  g_closure_invoke (listener->as.closure, NULL, 1, &value, NULL);
  g_value_unset (&value);

  closure_discard (listener, future);
}

static const KaaListenerFuncs closure_funcs =
{
  .run = closure_run,
  .discard = closure_discard,
};

/* --- The methods --- */

/**
 * kaa_in_progress_then:
 * @self: a future
 * @resolve: (nullable) (scope notified) (closure resolve_data) (destroy resolve_destroy): what to call
 *   with the result
 * @resolve_data: (nullable): user data for @resolve
 * @resolve_destroy: (nullable): what to call with @resolve_data in the end
 * @reject: (nullable) (scope notified) (closure reject_data) (destroy reject_destroy): what to call with
 *   the error if it fails
 * @reject_data: (nullable): user data for @reject
 * @reject_destroy: (nullable): what to call with @reject_data in the end
 *
 * Asks to be called back when the future is finished, whether that is still to come or has happened.
 *
 * One of the two is called, once, from the loop of the future's main context and never inside this
 * call. Several callbacks are called in the order in which they were added, after the signal handlers.
 *
 * Afterwards both @resolve_destroy and @reject_destroy are called. They are called too, without either
 * callback, when the future goes unfinished: when the last reference to it is dropped, or its main
 * context is gone.
 *
 * This may be called in any thread.
 *
 * Since: 1.0
 */
void
kaa_in_progress_then (KaaInProgress  *self,
                      KaaResolveFunc  resolve,
                      gpointer        resolve_data,
                      GDestroyNotify  resolve_destroy,
                      KaaRejectFunc   reject,
                      gpointer        reject_data,
                      GDestroyNotify  reject_destroy)
{
  KaaListener listener;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));

  listener.funcs = &then_funcs;
  listener.as.then.resolve = resolve;
  listener.as.then.resolve_data = resolve_data;
  listener.as.then.resolve_destroy = resolve_destroy;
  listener.as.then.reject = reject;
  listener.as.then.reject_data = reject_data;
  listener.as.then.reject_destroy = reject_destroy;

  kaa_in_progress_add_listener (self, &listener, /* only_pending= */ FALSE);
}

/**
 * kaa_in_progress_then_closure:
 * @self: a future
 * @closure: what to call, with the future; a floating reference is taken over
 *
 * [method@Kaa.InProgress.then] with one closure for both outcomes: it asks [method@Kaa.InProgress.get_result] for what
 * came of it. For language bindings, where a closure costs less than two callbacks.
 *
 * The closure is called at most once, in order with what was given to `then()`. It is let go of afterwards, or when the future
 * goes unfinished.
 *
 * This may be called in any thread.
 *
 * Since: 1.0
 */
void
kaa_in_progress_then_closure (KaaInProgress *self,
                              GClosure      *closure)
{
  KaaListener listener;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));
  g_return_if_fail (closure != NULL);

  listener.funcs = &closure_funcs;
  listener.as.closure = g_closure_ref (closure);
  g_closure_sink (closure);
  if (G_CLOSURE_NEEDS_MARSHAL (closure))
    g_closure_set_marshal (closure, g_cclosure_marshal_generic);

  kaa_in_progress_add_listener (self, &listener, /* only_pending= */ FALSE);
}

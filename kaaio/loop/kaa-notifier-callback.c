/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The type KaaNotifierCallback: a callback that a main context can hold. */

#include "loop/kaa-notifier-callback-private.h"

/**
 * KaaNotifierCallback:
 *
 * A callback that is registered with a main context: the base of [class@Kaa.IOMonitor].
 *
 * While it is registered, [property@Kaa.NotifierCallback:active] is %TRUE and the main context holds a
 * reference to it: it need not be kept. The reference is dropped when it is unregistered, or when the main context goes.
 *
 * It does not keep its main context alive. When the context is gone,
 * [property@Kaa.NotifierCallback:main-context] is %NULL and it cannot be registered any more.
 *
 * ## Weak callbacks
 *
 * When its closure becomes invalid, the callback unregisters itself. So a callback on a closure that watches an object
 * (see [method@GObject.Object.watch_closure]) ends with that object.
 *
 * ## Threads
 *
 * It may be registered and unregistered, and its properties be used, in any thread; the closure runs in the thread that
 * runs the main context. After it was unregistered in that thread, the closure does not run any more. After it was
 * unregistered in another thread, a call that has begun may still be going on. Whoever registers it or sets its priority in
 * another thread has to see to it that the main context lives meanwhile. Changes of `active` are notified in the thread that
 * makes them, also that of the main context going. An object that a closure watches should be dropped in the thread that
 * runs the main context, because closures become invalid without a lock.
 *
 * Since: 1.0
 */

/* What knows whether a context is alive; there is one for each context. Holding a reference instead would keep for ever
 * a context that holds the callback. A source that never is ready, the sentinel, holds the guard and hears of the end of the
 * context. While the lock is held, a context that still is in the guard is not freed, because its end has to pass the sentinel:
 * so other sources on it can be destroyed and dropped in any thread. */
typedef struct
{
  GRecMutex lock;
  GMainContext *context;  /* under the lock; NULL once it is gone */
} Guard;

typedef struct
{
  Guard *guard;           /* constant after construction */

  /* under the guard's lock */
  GSource *source;        /* owned; the present registration */
  int priority;
  gboolean watching;      /* the closure has our notifier */
  gboolean invalidated;   /* the closure is invalid */
} KaaNotifierCallbackPrivate;

/* What a source holds. A late end of an old source must not be taken for the end of the present one. */
typedef struct
{
  KaaNotifierCallback *callback;  /* owned */
  GSource *source;                /* which holds this */
} Registration;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (KaaNotifierCallback, kaa_notifier_callback, KAA_TYPE_CALLBACK)

enum
{
  PROP_ACTIVE = 1,
  PROP_PRIORITY,
  PROP_MAIN_CONTEXT,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

static GSourceFuncs sentinel_funcs;

static GMutex guards_lock;
static GHashTable *guards;  /* under guards_lock: GMainContext -> Guard, both borrowed */

static void
guard_clear (gpointer data)
{
  Guard *guard = data;

  g_rec_mutex_clear (&guard->lock);
}

static void
guard_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, guard_clear);
}

static void
guard_forget_context (gpointer data)
{
  Guard *guard = data;

  g_mutex_lock (&guards_lock);
  g_hash_table_remove (guards, guard->context);
  g_mutex_unlock (&guards_lock);

  g_rec_mutex_lock (&guard->lock);
  guard->context = NULL;
  g_rec_mutex_unlock (&guard->lock);

  guard_unref (guard);
}

static Guard *
guard_new (GMainContext *context)
{
  Guard *guard = g_atomic_rc_box_new0 (Guard);

  g_rec_mutex_init (&guard->lock);
  guard->context = context;

  /* The default context never goes. */
  if (context != g_main_context_default ())
    {
      GSource *sentinel = g_source_new (&sentinel_funcs, sizeof (GSource));

      g_source_set_static_name (sentinel, "[Kaa] main context of callbacks");
      /* A context destroys its sources from the last one to the first: this one hears of it before all others. */
      g_source_set_priority (sentinel, G_MAXINT);
      g_source_set_callback (sentinel, NULL, guard, guard_forget_context);
      g_source_attach (sentinel, context);
      g_source_unref (sentinel);
    }

  return guard;
}

/* A new reference. */
static Guard *
guard_get (GMainContext *context)
{
  Guard *guard;

  g_mutex_lock (&guards_lock);
  if (guards == NULL)
    guards = g_hash_table_new (NULL, NULL);
  guard = g_hash_table_lookup (guards, context);
  if (guard == NULL)
    {
      guard = guard_new (context);
      g_hash_table_insert (guards, context, guard);
    }
  g_atomic_rc_box_acquire (guard);
  g_mutex_unlock (&guards_lock);

  return guard;
}

void
kaa_notifier_callback_lock (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  g_rec_mutex_lock (&priv->guard->lock);
}

void
kaa_notifier_callback_unlock (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  g_rec_mutex_unlock (&priv->guard->lock);
}

GSource *
kaa_notifier_callback_peek_source (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  return priv->source;
}

static void
registration_free (gpointer data)
{
  Registration *registration = data;
  KaaNotifierCallback *self = registration->callback;
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  gboolean ended;

  /* Not stolen by detach(): the dispatch has removed the source, or the context is going. */
  kaa_notifier_callback_lock (self);
  ended = priv->source == registration->source;
  if (ended)
    g_clear_pointer (&priv->source, g_source_unref);
  kaa_notifier_callback_unlock (self);

  if (ended)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ACTIVE]);

  g_object_unref (self);
  g_free (registration);
}

gboolean
kaa_notifier_callback_attach (KaaNotifierCallback *self,
                              GSource             *source,
                              GError             **error)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  Registration *registration;

  g_assert (priv->source == NULL);

  if (priv->invalidated)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The callback is gone with the object that it belonged to: make a new one");
      g_source_unref (source);
      return FALSE;
    }

  if (priv->guard->context == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED,
                           "The main context of the callback is gone: make a new one on a context that lives");
      g_source_unref (source);
      return FALSE;
    }

  registration = g_new (Registration, 1);
  registration->callback = g_object_ref (self);
  registration->source = source;

  g_source_set_callback (source, NULL, registration, registration_free);
  g_source_set_priority (source, priv->priority);
  priv->source = source;
  g_source_attach (source, priv->guard->context);

  return TRUE;
}

static void
detach (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  GSource *source;

  /* The source drops its reference to us under the lock: that must not be the last one. */
  g_object_ref (self);

  kaa_notifier_callback_lock (self);
  source = g_steal_pointer (&priv->source);
  if (source != NULL)
    {
      /* A context on its way out, which has let go of its sources, destroys it itself. Dropped here rather than later,
       * because a source reaches for its context then. */
      if (priv->guard->context != NULL && g_source_get_context (source) != NULL)
        g_source_destroy (source);
      g_source_unref (source);
    }
  kaa_notifier_callback_unlock (self);

  if (source != NULL)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_ACTIVE]);

  g_object_unref (self);
}

static gboolean
kaa_notifier_callback_real_get_active (KaaNotifierCallback *self)
{
  gboolean active;

  kaa_notifier_callback_lock (self);
  active = kaa_notifier_callback_peek_source (self) != NULL;
  kaa_notifier_callback_unlock (self);

  return active;
}

static void
closure_invalidated (gpointer  data,
                     GClosure *closure)
{
  KaaNotifierCallback *self = data;
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  kaa_notifier_callback_lock (self);
  priv->watching = FALSE;
  priv->invalidated = TRUE;
  kaa_notifier_callback_unlock (self);

  kaa_notifier_callback_unregister (self);
}

static void
kaa_notifier_callback_constructed (GObject *object)
{
  KaaNotifierCallback *self = KAA_NOTIFIER_CALLBACK (object);
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  GClosure *closure = kaa_callback_get_closure (KAA_CALLBACK (self));

  G_OBJECT_CLASS (kaa_notifier_callback_parent_class)->constructed (object);

  if (closure == NULL)
    return;

  priv->invalidated = closure->is_invalid;
  priv->watching = !priv->invalidated;
  if (priv->watching)
    g_closure_add_invalidate_notifier (closure, self, closure_invalidated);
}

static void
kaa_notifier_callback_dispose (GObject *object)
{
  /* Only where it is disposed of by hand: the registration has held it otherwise. */
  detach (KAA_NOTIFIER_CALLBACK (object));

  G_OBJECT_CLASS (kaa_notifier_callback_parent_class)->dispose (object);
}

static void
kaa_notifier_callback_finalize (GObject *object)
{
  KaaNotifierCallback *self = KAA_NOTIFIER_CALLBACK (object);
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  if (priv->watching)
    g_closure_remove_invalidate_notifier (kaa_callback_get_closure (KAA_CALLBACK (self)), self, closure_invalidated);
  g_clear_pointer (&priv->guard, guard_unref);

  G_OBJECT_CLASS (kaa_notifier_callback_parent_class)->finalize (object);
}

static void
kaa_notifier_callback_get_property (GObject    *object,
                                    guint       prop_id,
                                    GValue     *value,
                                    GParamSpec *pspec)
{
  KaaNotifierCallback *self = KAA_NOTIFIER_CALLBACK (object);

  switch (prop_id)
    {
    case PROP_ACTIVE:
      g_value_set_boolean (value, kaa_notifier_callback_get_active (self));
      break;

    case PROP_PRIORITY:
      g_value_set_int (value, kaa_notifier_callback_get_priority (self));
      break;

    case PROP_MAIN_CONTEXT:
      g_value_set_boxed (value, kaa_notifier_callback_get_main_context (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
set_main_context (KaaNotifierCallback *self,
                  GMainContext        *context)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  if (context == NULL)
    context = g_main_context_get_thread_default ();
  if (context == NULL)
    context = g_main_context_default ();

  priv->guard = guard_get (context);
}

static void
kaa_notifier_callback_set_property (GObject      *object,
                                    guint         prop_id,
                                    const GValue *value,
                                    GParamSpec   *pspec)
{
  KaaNotifierCallback *self = KAA_NOTIFIER_CALLBACK (object);

  switch (prop_id)
    {
    case PROP_PRIORITY:
      kaa_notifier_callback_set_priority (self, g_value_get_int (value));
      break;

    case PROP_MAIN_CONTEXT:
      set_main_context (self, g_value_get_boxed (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
kaa_notifier_callback_class_init (KaaNotifierCallbackClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = kaa_notifier_callback_constructed;
  object_class->dispose = kaa_notifier_callback_dispose;
  object_class->finalize = kaa_notifier_callback_finalize;
  object_class->get_property = kaa_notifier_callback_get_property;
  object_class->set_property = kaa_notifier_callback_set_property;

  klass->unregister = detach;
  klass->get_active = kaa_notifier_callback_real_get_active;

  /**
   * KaaNotifierCallback:active: (getter get_active)
   *
   * Whether it is registered.
   *
   * Since: 1.0
   */
  props[PROP_ACTIVE] =
    g_param_spec_boolean ("active", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * KaaNotifierCallback:priority: (getter get_priority) (setter set_priority)
   *
   * The priority of the callback among the sources of its main context. It takes effect at once, also while the callback is
   * registered.
   *
   * Since: 1.0
   */
  props[PROP_PRIORITY] =
    g_param_spec_int ("priority", NULL, NULL, G_MININT, G_MAXINT, G_PRIORITY_DEFAULT,
                      G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * KaaNotifierCallback:main-context: (getter get_main_context)
   *
   * The main context that it is registered with: by default, or if it is set to %NULL, the one that is the thread default
   * where it is made. It reads as %NULL once the context is gone; that is not notified.
   *
   * Since: 1.0
   */
  props[PROP_MAIN_CONTEXT] =
    g_param_spec_boxed ("main-context", NULL, NULL, G_TYPE_MAIN_CONTEXT,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kaa_notifier_callback_init (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);

  priv->priority = G_PRIORITY_DEFAULT;
}

/**
 * kaa_notifier_callback_unregister: (virtual unregister)
 * @self: a callback
 *
 * Takes it off its main context, which drops its reference to it. Nothing happens if it is not registered.
 *
 * This may be called in any thread. In the thread that runs the main context, also from inside the closure, the closure is not
 * called any more after this; elsewhere, a call that has begun may still be going on.
 *
 * Since: 1.0
 */
void
kaa_notifier_callback_unregister (KaaNotifierCallback *self)
{
  g_return_if_fail (KAA_IS_NOTIFIER_CALLBACK (self));

  KAA_NOTIFIER_CALLBACK_GET_CLASS (self)->unregister (self);
}

/**
 * kaa_notifier_callback_get_active: (virtual get_active)
 * @self: a callback
 *
 * Gets whether it is registered. This may be called in any thread.
 *
 * Returns: %TRUE while the main context may call it
 *
 * Since: 1.0
 */
gboolean
kaa_notifier_callback_get_active (KaaNotifierCallback *self)
{
  g_return_val_if_fail (KAA_IS_NOTIFIER_CALLBACK (self), FALSE);

  return KAA_NOTIFIER_CALLBACK_GET_CLASS (self)->get_active (self);
}

/**
 * kaa_notifier_callback_get_priority:
 * @self: a callback
 *
 * Gets its priority among the sources of its main context. This may be called in any thread.
 *
 * Returns: the priority; a smaller number goes first
 *
 * Since: 1.0
 */
int
kaa_notifier_callback_get_priority (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  int priority;

  g_return_val_if_fail (KAA_IS_NOTIFIER_CALLBACK (self), G_PRIORITY_DEFAULT);

  kaa_notifier_callback_lock (self);
  priority = priv->priority;
  kaa_notifier_callback_unlock (self);

  return priority;
}

/**
 * kaa_notifier_callback_set_priority:
 * @self: a callback
 * @priority: the priority, %G_PRIORITY_DEFAULT for example; a smaller number goes first
 *
 * Sets its priority among the sources of its main context. This may be called while it is registered, and in any thread that
 * knows that the main context lives.
 *
 * Since: 1.0
 */
void
kaa_notifier_callback_set_priority (KaaNotifierCallback *self,
                                    int                  priority)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  gboolean changed;

  g_return_if_fail (KAA_IS_NOTIFIER_CALLBACK (self));

  kaa_notifier_callback_lock (self);
  changed = priv->priority != priority;
  priv->priority = priority;
  if (changed && priv->source != NULL && priv->guard->context != NULL)
    g_source_set_priority (priv->source, priority);
  kaa_notifier_callback_unlock (self);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), props[PROP_PRIORITY]);
}

/**
 * kaa_notifier_callback_get_main_context:
 * @self: a callback
 *
 * Gets the main context that it is registered with. It is not kept alive by the callback: in another thread
 * than the one that runs the context, somebody else has to see to that.
 *
 * Returns: (transfer none) (nullable): the main context; %NULL once it is gone
 *
 * Since: 1.0
 */
GMainContext *
kaa_notifier_callback_get_main_context (KaaNotifierCallback *self)
{
  KaaNotifierCallbackPrivate *priv = kaa_notifier_callback_get_instance_private (self);
  GMainContext *context;

  g_return_val_if_fail (KAA_IS_NOTIFIER_CALLBACK (self), NULL);

  kaa_notifier_callback_lock (self);
  context = priv->guard->context;
  kaa_notifier_callback_unlock (self);

  return context;
}

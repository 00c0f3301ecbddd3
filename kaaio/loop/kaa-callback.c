/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The type KaaCallback: a function with its data, as an object. */

#include <kaaio/kaa-callback.h>

/**
 * KaaCallback:
 *
 * A function together with its data, as an object: it holds a [struct@GObject.Closure].
 *
 * The closure is called with the callback object itself as its first argument, and with what
 * [method@Kaa.Callback.invoke] was given after it. In C user data follows as the last argument, as in a
 * signal handler:
 *
 * ```c
 * static void
 * on_invoked (KaaCallback *callback,
 *             int          number,
 *             gpointer     user_data)
 * {
 *   g_print ("%s %d\n", (const char *) user_data, number);
 * }
 * ```
 *
 * A closure that watches an object (see [method@GObject.Object.watch_closure]) becomes invalid when that object
 * is disposed of; invoking the callback does nothing from then on.
 *
 * ## Threads
 *
 * The closure never changes, and a callback may be invoked in any thread: the closure runs in the
 * thread of the caller. User data is destroyed in the thread that drops the last reference.
 *
 * Since: 1.0
 */

typedef struct
{
  GClosure *closure;  /* constant */
} KaaCallbackPrivate;

G_DEFINE_TYPE_WITH_PRIVATE (KaaCallback, kaa_callback, G_TYPE_OBJECT)

enum
{
  PROP_CLOSURE = 1,
  N_PROPS
};

static GParamSpec *props[N_PROPS];

static void
kaa_callback_finalize (GObject *object)
{
  KaaCallbackPrivate *priv = kaa_callback_get_instance_private (KAA_CALLBACK (object));

  g_clear_pointer (&priv->closure, g_closure_unref);

  G_OBJECT_CLASS (kaa_callback_parent_class)->finalize (object);
}

static void
kaa_callback_get_property (GObject    *object,
                           guint       prop_id,
                           GValue     *value,
                           GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_CLOSURE:
      g_value_set_boxed (value, kaa_callback_get_closure (KAA_CALLBACK (object)));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
set_closure (KaaCallback *self,
             GClosure    *closure)
{
  KaaCallbackPrivate *priv = kaa_callback_get_instance_private (self);

  if (closure == NULL)
    return;

  priv->closure = g_closure_ref (closure);
  g_closure_sink (closure);

  /* The closures of bindings bring their own. */
  if (G_CLOSURE_NEEDS_MARSHAL (closure))
    g_closure_set_marshal (closure, g_cclosure_marshal_generic);
}

static void
kaa_callback_set_property (GObject      *object,
                           guint         prop_id,
                           const GValue *value,
                           GParamSpec   *pspec)
{
  switch (prop_id)
    {
    case PROP_CLOSURE:
      set_closure (KAA_CALLBACK (object), g_value_get_boxed (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
kaa_callback_class_init (KaaCallbackClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = kaa_callback_finalize;
  object_class->get_property = kaa_callback_get_property;
  object_class->set_property = kaa_callback_set_property;

  /**
   * KaaCallback:closure: (getter get_closure)
   *
   * What is called. Without one, invoking the callback does nothing.
   *
   * Since: 1.0
   */
  props[PROP_CLOSURE] =
    g_param_spec_boxed ("closure", NULL, NULL, G_TYPE_CLOSURE,
                        G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kaa_callback_init (KaaCallback *self)
{
}

/**
 * kaa_callback_new:
 * @closure: what to call; a floating reference is taken over
 *
 * Makes a callback of a closure.
 *
 * A C closure that has no marshaller is given a generic one.
 *
 * Returns: (transfer full): a callback
 *
 * Since: 1.0
 */
KaaCallback *
kaa_callback_new (GClosure *closure)
{
  g_return_val_if_fail (closure != NULL, NULL);

  return g_object_new (KAA_TYPE_CALLBACK, "closure", closure, NULL);
}

/**
 * kaa_callback_invoke:
 * @self: a callback
 * @params: (array length=n_params) (nullable): arguments that follow the callback itself
 * @n_params: how many there are
 *
 * Calls the closure, in this thread, with the callback and the arguments given.
 *
 * What the closure returns is ignored. Nothing happens if the closure is invalid. The callback lives at least until
 * the closure has returned, even if that drops the last reference to it.
 *
 * Since: 1.0
 */
void
kaa_callback_invoke (KaaCallback  *self,
                     const GValue *params,
                     guint         n_params)
{
  KaaCallbackPrivate *priv = kaa_callback_get_instance_private (self);
  GValue *values;
  guint i;

  g_return_if_fail (KAA_IS_CALLBACK (self));
  g_return_if_fail (params != NULL || n_params == 0);

  if (priv->closure == NULL)
    return;

  values = g_new0 (GValue, (gsize) n_params + 1);
  g_value_init (&values[0], G_OBJECT_TYPE (self));
  g_value_set_object (&values[0], self);
  /* The other values are borrowed: what is in them belongs to the caller. */
  for (i = 0; i < n_params; i++)
    values[i + 1] = params[i];

  g_closure_invoke (priv->closure, NULL, n_params + 1, values, NULL);

  g_value_unset (&values[0]);
  g_free (values);
}

/**
 * kaa_callback_get_closure:
 * @self: a callback
 *
 * Gets what it calls. This may be called in any thread.
 *
 * Returns: (transfer none) (nullable): the closure
 *
 * Since: 1.0
 */
GClosure *
kaa_callback_get_closure (KaaCallback *self)
{
  KaaCallbackPrivate *priv = kaa_callback_get_instance_private (self);

  g_return_val_if_fail (KAA_IS_CALLBACK (self), NULL);

  return priv->closure;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The type KaaInProgress: its life, properties and signals; promises of your own. */

#include "future/kaa-in-progress-internal.h"

/**
 * KaaInProgress:
 *
 * Something that is going on and will have a result: a future.
 *
 * Every operation of this library that takes time returns one, and it is a [iface@Gio.AsyncResult] as well. In Python and
 * JavaScript it can be awaited.
 *
 * ## States
 *
 * A future is *pending* until it is *finished*, which happens once. A finished future has *resolved* if it has a result, or
 * *failed* if it has an error; nothing changes after that.
 *
 * Being finished is announced from the loop of the main context that was the thread default where the future was made,
 * never inside the call that made it. So there is always time to connect to [signal@Kaa.InProgress::resolved] or to call
 * [method@Kaa.InProgress.then] right after that call. What is asked later than the announcement should use `then()`, which
 * works at any time; a signal handler that is connected late never runs.
 *
 * ```c
 * static void
 * on_line (const GValue *result,
 *          gpointer      user_data)
 * {
 *   GBytes *line = g_value_get_boxed (result);
 *
 *   g_print ("%zu bytes\n", g_bytes_get_size (line));
 * }
 *
 * static void
 * on_error (const GError *error,
 *           gpointer      user_data)
 * {
 *   g_printerr ("%s\n", error->message);
 * }
 *
 * static void
 * read_a_line (KaaIOChannel *channel)
 * {
 *   g_autoptr(KaaInProgress) line = kaa_io_channel_readline (channel);
 *
 *   kaa_in_progress_then (line, on_line, NULL, NULL, on_error, NULL, NULL);
 * }
 * ```
 *
 * ## Life
 *
 * What works on a future holds it as long as somebody listens to it, so it need not be kept. A future that nobody listens to
 * may be dropped, and with it the operation, if that has not begun. A promise of your own, from [ctor@Kaa.InProgress.new], is
 * held by nobody but you. When a pending one is dropped, its callbacks are destroyed without being called, and futures
 * that depend on it fail with %G_IO_ERROR_CLOSED.
 *
 * A failure that nobody looked at, by a callback, a handler, a wait or by getting the result, is logged when the future goes.
 *
 * ## Threads
 *
 * Results may be read, callbacks added, promises finished and futures waited for in any thread. Callbacks run in the
 * thread that runs the future's main context. Operations can only be aborted in that thread. A future does not keep its
 * main context alive; when the context is gone, callbacks are no longer called.
 *
 * Since: 1.0
 */

/**
 * KaaResolveFunc:
 * @result: the result; a copy has to be made of what is to be kept
 * @user_data: user data
 *
 * Called when a future has resolved. See [method@Kaa.InProgress.then].
 *
 * Since: 1.0
 */

/**
 * KaaRejectFunc:
 * @error: the error; a copy has to be made of what is to be kept
 * @user_data: user data
 *
 * Called when a future has failed. See [method@Kaa.InProgress.then].
 *
 * Since: 1.0
 */

/**
 * KaaAcknowledgeFunc:
 * @future: the future, which has finished
 * @user_data: user data
 *
 * Called when a future has finished. See [method@Kaa.InProgress.then_acknowledged].
 *
 * Returns: %TRUE: it has arrived, and need not be repeated
 *
 * Since: 1.0
 */

static void kaa_in_progress_async_iface_init (GAsyncResultIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (KaaInProgress, kaa_in_progress, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_ASYNC_RESULT, kaa_in_progress_async_iface_init))

/* --- As a GAsyncResult --- */

static gpointer
kaa_in_progress_get_user_data (GAsyncResult *result)
{
  KaaInProgress *self = (KaaInProgress *) result;
  gpointer user_data;

  kaa_in_progress_lock (self);
  user_data = self->async_user_data;
  kaa_in_progress_unlock (self);

  return user_data;
}

static GObject *
kaa_in_progress_get_source_object (GAsyncResult *result)
{
  KaaInProgress *self = (KaaInProgress *) result;

  return self->source != NULL ? g_object_ref (self->source) : NULL;
}

static gboolean
kaa_in_progress_is_tagged (GAsyncResult *result,
                           gpointer      tag)
{
  KaaInProgress *self = (KaaInProgress *) result;
  gboolean tagged;

  kaa_in_progress_lock (self);
  tagged = self->async_tag == tag;
  kaa_in_progress_unlock (self);

  return tagged;
}

static void
kaa_in_progress_async_iface_init (GAsyncResultIface *iface)
{
  iface->get_user_data = kaa_in_progress_get_user_data;
  iface->get_source_object = kaa_in_progress_get_source_object;
  iface->is_tagged = kaa_in_progress_is_tagged;
}

/* --- As a GObject --- */

/* The poller for the instance that this thread is making. A property would be the usual way, at twice the price of the object. */
static _Thread_local KaaPoller *poller_of_next;

static void
kaa_in_progress_dispose (GObject *object)
{
  kaa_in_progress_drop ((gpointer) object);

  G_OBJECT_CLASS (kaa_in_progress_parent_class)->dispose (object);
}

/* What a peer has sent may be in the message: control characters do not reach the log, UTF-8 does. */
static char *
escape_message (const char *message)
{
  char kept[0x100 - 0x80 + 1] = { 0, };
  guint i;

  for (i = 0; i < sizeof (kept) - 1; i++)
    kept[i] = (char) (0x80 + i);

  return g_strescape (message, kept);
}

static void
log_failure (KaaInProgress *self)
{
  const char *type = self->source != NULL ? G_OBJECT_TYPE_NAME (self->source) : "KaaInProgress";
  char *message = escape_message (kaa_in_progress_look_at_error (self)->message);

  if (self->refused)
    g_warning ("%s: an operation was refused, and nobody looked at its future: %s", type, message);
  else
    g_debug ("%s: an operation failed, and nobody looked at its future: %s", type, message);

  g_free (message);
}

static void
kaa_in_progress_finalize (GObject *object)
{
  KaaInProgress *self = (gpointer) object;

  if (self->state == KAA_STATE_FAILED && !self->looked)
    log_failure (self);

  kaa_in_progress_clear_result (self);
  g_clear_pointer (&self->poller, kaa_poller_unref);
  g_clear_object (&self->source);

  G_OBJECT_CLASS (kaa_in_progress_parent_class)->finalize (object);
}

static void
kaa_in_progress_get_property (GObject    *object,
                              guint       prop_id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  KaaInProgress *self = KAA_IN_PROGRESS (object);

  switch (prop_id)
    {
    case KAA_PROP_FINISHED:
      g_value_set_boolean (value, kaa_in_progress_get_finished (self));
      break;

    case KAA_PROP_FAILED:
      g_value_set_boolean (value, kaa_in_progress_get_failed (self));
      break;

    case KAA_PROP_ABORTABLE:
      g_value_set_boolean (value, kaa_in_progress_get_abortable (self));
      break;

    case KAA_PROP_SOURCE_OBJECT:
      g_value_set_object (value, self->source);
      break;

    case KAA_PROP_BYTES_MOVED:
      g_value_set_uint64 (value, kaa_in_progress_get_bytes_moved (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
kaa_in_progress_set_property (GObject      *object,
                              guint         prop_id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  KaaInProgress *self = KAA_IN_PROGRESS (object);

  switch (prop_id)
    {
    case KAA_PROP_ABORTABLE:
      kaa_in_progress_set_abortable (self, g_value_get_boolean (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* The first veto decides, and nobody is asked after it. */
static gboolean
stop_at_veto (GSignalInvocationHint *hint,
              GValue                *accumulated,
              const GValue          *returned,
              gpointer               user_data)
{
  gboolean agrees = g_value_get_boolean (returned);

  g_value_set_boolean (accumulated, agrees);

  return agrees;
}

static void
install_properties (GObjectClass *object_class)
{
  /**
   * KaaInProgress:finished: (getter get_finished)
   *
   * Whether it is finished: resolved or failed.
   *
   * It becomes %TRUE at once, in whatever thread finishes it; the notification belongs to the
   * announcement, before the signals.
   *
   * Since: 1.0
   */
  kaa_in_progress_props[KAA_PROP_FINISHED] =
    g_param_spec_boolean ("finished", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * KaaInProgress:failed: (getter get_failed)
   *
   * Whether it has finished with an error.
   *
   * Since: 1.0
   */
  kaa_in_progress_props[KAA_PROP_FAILED] =
    g_param_spec_boolean ("failed", NULL, NULL, FALSE,
                          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * KaaInProgress:abortable: (getter get_abortable) (setter set_abortable)
   *
   * Whether [method@Kaa.InProgress.abort] has a chance.
   *
   * An operation of the library is abortable unless it cannot be interrupted; setting this to %FALSE protects
   * it. A promise of your own is abortable once this is set to %TRUE, or while a handler is connected
   * to [signal@Kaa.InProgress::abort].
   *
   * Since: 1.0
   */
  kaa_in_progress_props[KAA_PROP_ABORTABLE] =
    g_param_spec_boolean ("abortable", NULL, NULL, FALSE,
                          G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);

  /**
   * KaaInProgress:source-object:
   *
   * The object whose operation it is; for a promise of your own, what [ctor@Kaa.InProgress.new] was given.
   *
   * Since: 1.0
   */
  kaa_in_progress_props[KAA_PROP_SOURCE_OBJECT] =
    g_param_spec_object ("source-object", NULL, NULL, G_TYPE_OBJECT,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * KaaInProgress:bytes-moved: (getter get_bytes_moved)
   *
   * How many bytes [method@Kaa.IOChannel.splice] has moved so far; 0 for all other operations.
   *
   * Since: 1.0
   */
  kaa_in_progress_props[KAA_PROP_BYTES_MOVED] =
    g_param_spec_uint64 ("bytes-moved", NULL, NULL, 0, G_MAXUINT64, 0,
                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, KAA_N_PROPS, kaa_in_progress_props);
}

static void
install_signals (GType type)
{
  /**
   * KaaInProgress::resolved:
   * @self: the future
   * @result: the result
   *
   * It has finished with a result.
   *
   * Emitted from the loop of the future's main context, once. A handler that is connected after that never runs: use
   * [method@Kaa.InProgress.then] where it may be late.
   *
   * Since: 1.0
   */
  kaa_in_progress_signals[KAA_SIGNAL_RESOLVED] =
    g_signal_new ("resolved", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                  g_cclosure_marshal_VOID__BOXED, G_TYPE_NONE, 1, G_TYPE_VALUE);
  g_signal_set_va_marshaller (kaa_in_progress_signals[KAA_SIGNAL_RESOLVED], type,
                              g_cclosure_marshal_VOID__BOXEDv);

  /**
   * KaaInProgress::rejected:
   * @self: the future
   * @error: what went wrong
   *
   * It has finished with an error.
   *
   * Emitted from the loop of the future's main context, once. A handler that is connected after that never runs: use
   * [method@Kaa.InProgress.then] where it may be late.
   *
   * Since: 1.0
   */
  kaa_in_progress_signals[KAA_SIGNAL_REJECTED] =
    g_signal_new ("rejected", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                  g_cclosure_marshal_VOID__BOXED, G_TYPE_NONE, 1, G_TYPE_ERROR);
  g_signal_set_va_marshaller (kaa_in_progress_signals[KAA_SIGNAL_REJECTED], type,
                              g_cclosure_marshal_VOID__BOXEDv);

  /**
   * KaaInProgress::abort:
   * @self: the future
   * @reason: the error that it is going to fail with
   *
   * Somebody wants it aborted: [method@Kaa.InProgress.abort] was called.
   *
   * Emitted inside that call, and in its thread. Who works on a promise stops here. The first handler that returns %FALSE
   * refuses the abort; those after it are not asked, and nothing changes. An operation of the library is asked after
   * the handlers, and may refuse too. A handler may also finish the promise itself.
   *
   * Returns: %TRUE to let it be aborted, %FALSE to refuse
   *
   * Since: 1.0
   */
  kaa_in_progress_signals[KAA_SIGNAL_ABORT] =
    g_signal_new ("abort", type, G_SIGNAL_RUN_LAST, 0, stop_at_veto, NULL,
                  NULL, G_TYPE_BOOLEAN, 1, G_TYPE_ERROR);

  kaa_in_progress_signals[KAA_SIGNAL_NOTIFY] = g_signal_lookup ("notify", G_TYPE_OBJECT);
}

static void
kaa_in_progress_class_init (KaaInProgressClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = kaa_in_progress_dispose;
  object_class->finalize = kaa_in_progress_finalize;
  object_class->get_property = kaa_in_progress_get_property;
  object_class->set_property = kaa_in_progress_set_property;

  install_properties (object_class);
  install_signals (G_TYPE_FROM_CLASS (klass));
  kaa_in_progress_init_blanks ();
  kaa_in_progress_claim_thread ();
}

static void
kaa_in_progress_init (KaaInProgress *self)
{
  self->task.func = kaa_in_progress_run_task;

  /* Bindings make it without new(), too: then it is a promise like any other. */
  if (poller_of_next != NULL)
    {
      self->poller = g_steal_pointer (&poller_of_next);
      return;
    }

  self->poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  self->promise = TRUE;
}

KaaInProgress *
kaa_in_progress_new_operation (GObject                 *source,
                               KaaPoller               *poller,
                               const KaaOperationFuncs *funcs,
                               gpointer                 operation)
{
  KaaInProgress *self;

  g_assert (funcs != NULL);

  self = kaa_in_progress_take_spare ();
  if (self != NULL)
    {
      self->poller = kaa_poller_ref (poller);
      self->task.func = kaa_in_progress_run_task;
    }
  else
    {
      poller_of_next = kaa_poller_ref (poller);
      self = g_object_new (KAA_TYPE_IN_PROGRESS, NULL);
    }
  if (source != NULL)
    self->source = g_object_ref (source);
  self->funcs = funcs;
  self->operation = operation;
  self->abortable = funcs->abort != NULL;

  return self;
}

/**
 * kaa_in_progress_new:
 * @source: (nullable): the object whose operation it stands for
 *
 * Makes a promise of your own: a future that you finish.
 *
 * It is bound to the thread-default main context of the caller, and it is yours to keep: nobody else holds a
 * pending promise. End it with [method@Kaa.InProgress.finish], one of its like, or
 * [method@Kaa.InProgress.throw].
 *
 * Returns: (transfer full): a pending future
 *
 * Since: 1.0
 */
KaaInProgress *
kaa_in_progress_new (GObject *source)
{
  KaaInProgress *self;

  g_return_val_if_fail (source == NULL || G_IS_OBJECT (source), NULL);

  self = g_object_new (KAA_TYPE_IN_PROGRESS, NULL);
  if (source != NULL)
    self->source = g_object_ref (source);

  return self;
}

/**
 * kaa_in_progress_get_finished:
 * @self: a future
 *
 * Gets whether it is finished: resolved or failed. This may be called in any thread.
 *
 * Returns: %TRUE if it has a result or an error
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_get_finished (KaaInProgress *self)
{
  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);

  return kaa_in_progress_get_state (self) != KAA_STATE_PENDING;
}

/**
 * kaa_in_progress_get_failed:
 * @self: a future
 *
 * Gets whether it has finished with an error. This may be called in any thread.
 *
 * Returns: %TRUE if it has an error
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_get_failed (KaaInProgress *self)
{
  gboolean failed;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);

  failed = kaa_in_progress_get_state (self) == KAA_STATE_FAILED;
  if (failed)
    kaa_in_progress_look_at_error (self);

  return failed;
}

/**
 * kaa_in_progress_get_abortable:
 * @self: a future
 *
 * Gets whether [method@Kaa.InProgress.abort] has a chance. See [property@Kaa.InProgress:abortable].
 *
 * Returns: %TRUE if it can be aborted, unless a handler or the operation itself refuses
 *
 * Since: 1.0
 */
gboolean
kaa_in_progress_get_abortable (KaaInProgress *self)
{
  gboolean abortable;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), FALSE);

  kaa_in_progress_lock (self);
  abortable = self->abortable;
  kaa_in_progress_unlock (self);

  if (self->promise)
    return abortable || kaa_in_progress_has_handlers (self, kaa_in_progress_signals[KAA_SIGNAL_ABORT]);

  return abortable && kaa_in_progress_get_funcs (self)->abort != NULL;
}

/**
 * kaa_in_progress_set_abortable:
 * @self: a future
 * @abortable: whether it can be aborted
 *
 * Sets whether it can be aborted. See [property@Kaa.InProgress:abortable].
 *
 * Since: 1.0
 */
void
kaa_in_progress_set_abortable (KaaInProgress *self,
                               gboolean       abortable)
{
  gboolean changed;

  g_return_if_fail (KAA_IS_IN_PROGRESS (self));

  kaa_in_progress_lock (self);
  changed = self->abortable != !!abortable;
  self->abortable = !!abortable;
  kaa_in_progress_unlock (self);

  if (changed)
    g_object_notify_by_pspec (G_OBJECT (self), kaa_in_progress_props[KAA_PROP_ABORTABLE]);
}

/* One operation of many has this, so it is not in the struct. */
static GQuark
bytes_moved_quark (void)
{
  return g_quark_from_static_string ("kaa-bytes-moved");
}

void
kaa_in_progress_set_bytes_moved (KaaInProgress *self,
                                 guint64        bytes_moved)
{
  guint64 *moved = g_object_get_qdata (G_OBJECT (self), bytes_moved_quark ());

  if (moved == NULL)
    {
      moved = g_new (guint64, 1);
      g_object_set_qdata_full (G_OBJECT (self), bytes_moved_quark (), moved, g_free);
    }
  *moved = bytes_moved;
  g_object_notify_by_pspec (G_OBJECT (self), kaa_in_progress_props[KAA_PROP_BYTES_MOVED]);
}

/**
 * kaa_in_progress_get_bytes_moved:
 * @self: a future of [method@Kaa.IOChannel.splice]
 *
 * Gets how far a splice is. In the thread of its main context.
 *
 * Returns: bytes moved so far; 0 for all other operations
 *
 * Since: 1.0
 */
guint64
kaa_in_progress_get_bytes_moved (KaaInProgress *self)
{
  const guint64 *moved;

  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), 0);

  moved = g_object_get_qdata (G_OBJECT (self), bytes_moved_quark ());
  return moved != NULL ? *moved : 0;
}

/**
 * kaa_in_progress_get_main_context:
 * @self: a future
 *
 * Gets the main context that its callbacks run on. This may be called in any thread.
 *
 * Returns: (transfer full) (nullable): a main context, or %NULL if it is gone
 *
 * Since: 1.0
 */
GMainContext *
kaa_in_progress_get_main_context (KaaInProgress *self)
{
  g_return_val_if_fail (KAA_IS_IN_PROGRESS (self), NULL);

  return kaa_poller_dup_context (self->poller);
}

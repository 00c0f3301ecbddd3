/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The type KaaIOMonitor: a callback for what happens on a descriptor. */

#include <kaaio/kaa-io-monitor.h>

#include <errno.h>
#include <fcntl.h>
#include <kaaio/kaa-enum-types.h>

#include "bytes/kaa-sys.h"
#include "loop/kaa-notifier-callback-private.h"

/**
 * KaaIOMonitor:
 *
 * Calls back when a descriptor can be read or written.
 *
 * ```c
 * static void
 * on_input (KaaIOMonitor   *monitor,
 *           KaaIOCondition  condition,
 *           gpointer        user_data)
 * {
 *   char buffer[4096];
 *   ssize_t n = read (kaa_io_monitor_get_fd (monitor), buffer, sizeof buffer);
 *
 *   if (n > 0)
 *     g_print ("%zd bytes\n", n);
 *   else if (n == 0 || errno != EAGAIN)
 *     kaa_io_monitor_unregister (monitor);
 * }
 *
 * static gboolean
 * watch (int      fd,
 *        GError **error)
 * {
 *   g_autoptr(KaaIOMonitor) monitor = kaa_io_monitor_new (on_input, NULL, NULL);
 *
 *   return kaa_io_monitor_register (monitor, fd, KAA_IO_READ, error);
 * }
 * ```
 *
 * The watch is level-triggered: the callback is called in every turn of the loop for as long as the condition lasts. Who
 * has nothing to write unregisters a monitor of %KAA_IO_WRITE, or it keeps the loop busy. The same holds in a nested loop that
 * the callback runs.
 *
 * A hang-up or an error is reported as the conditions that were registered, and lasts: the callback finds out
 * about it by reading or writing, and unregisters the monitor.
 *
 * ## Life
 *
 * From [method@Kaa.IOMonitor.register] on the main context holds a reference to the monitor, until
 * [method@Kaa.IOMonitor.unregister], or until the main context goes. A monitor whose descriptor was closed
 * unregisters itself in the next turn of the loop, without a call; where the number is in use again by then, when something
 * can be done with what it stands for now. Those of a kind that has no numbers of its own (eventfd, timerfd) cannot be told from each
 * other, though: unregister the monitor before the descriptor is closed.
 *
 * The callback may do anything: unregister the monitor, register it with another descriptor, drop the last
 * reference to it, run a nested loop.
 *
 * ## Threads
 *
 * The callback runs in the thread that runs [property@Kaa.NotifierCallback:main-context]. Everything else may be
 * done in any thread, provided that the context lives while `register()` runs. After the monitor
 * was unregistered in the thread of the context, the callback does not run any more; after it was unregistered in another
 * thread, a call that has begun may still be going on.
 *
 * Since: 1.0
 */

/**
 * KaaIOMonitorFunc:
 * @monitor: the monitor
 * @condition: which of the registered conditions hold
 * @user_data: user data
 *
 * Called when something can be done with a descriptor. See [class@Kaa.IOMonitor].
 *
 * Since: 1.0
 */

/* One registration. Descriptor and condition of a monitor are those of its present source, so they change together. */
typedef struct
{
  GSource parent;
  KaaIOMonitor *monitor;  /* held by the registration, and that by each dispatch */
  int fd;
  KaaFdInfo who;          /* its identity: whom the number stood for */
  KaaIOCondition condition;
  gpointer tag;
} FdSource;

G_DEFINE_TYPE (KaaIOMonitor, kaa_io_monitor, KAA_TYPE_NOTIFIER_CALLBACK)

enum
{
  PROP_FD = 1,
  PROP_CONDITION,
  N_PROPS
};

#define ALL_CONDITIONS (KAA_IO_READ | KAA_IO_WRITE | KAA_IO_EXCEPT)

static GParamSpec *props[N_PROPS];

static GIOCondition
to_events (KaaIOCondition condition)
{
  GIOCondition events = 0;

  if (condition & KAA_IO_READ)
    events |= G_IO_IN;
  if (condition & KAA_IO_WRITE)
    events |= G_IO_OUT;
  if (condition & KAA_IO_EXCEPT)
    events |= G_IO_PRI;

  return events;
}

static KaaIOCondition
from_events (GIOCondition   events,
             KaaIOCondition registered)
{
  KaaIOCondition condition = 0;

  if (events & (G_IO_HUP | G_IO_ERR))
    return registered;

  if (events & G_IO_IN)
    condition |= KAA_IO_READ;
  if (events & G_IO_OUT)
    condition |= KAA_IO_WRITE;
  if (events & G_IO_PRI)
    condition |= KAA_IO_EXCEPT;

  return condition & registered;
}

/* A change of the priority forgets what poll() has said, also in the middle of this turn, and in another thread. */
static GIOCondition
get_events (FdSource *self)
{
  KaaNotifierCallback *notifier = (KaaNotifierCallback *) self->monitor;
  GIOCondition events;

  kaa_notifier_callback_lock (notifier);
  events = g_source_query_unix_fd ((GSource *) self, self->tag);
  kaa_notifier_callback_unlock (notifier);

  return events;
}

static gboolean
fd_source_dispatch (GSource     *source,
                    GSourceFunc  callback,
                    gpointer     user_data)
{
  FdSource *self = (gpointer) source;
  GIOCondition events = get_events (self);
  KaaIOCondition condition = from_events (events, self->condition);
  GValue value = G_VALUE_INIT;

  /* Closed behind our back: poll() would say so for ever. */
  if (events & G_IO_NVAL)
    return G_SOURCE_REMOVE;
  /* Forgotten: the next turn asks again. */
  if (condition == 0)
    return G_SOURCE_CONTINUE;
  /* And the number is in use again. */
  if (self->who.identity != 0 && !kaa_sys_is_same (self->fd, &self->who))
    return G_SOURCE_REMOVE;

  g_value_init (&value, KAA_TYPE_IO_CONDITION);
  g_value_set_flags (&value, condition);
  kaa_callback_invoke (KAA_CALLBACK (self->monitor), &value, 1);
  g_value_unset (&value);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_source_funcs = { .dispatch = fd_source_dispatch };

static GSource *
fd_source_new (KaaIOMonitor   *monitor,
               int             fd,
               KaaIOCondition  condition)
{
  GSource *source = g_source_new (&fd_source_funcs, sizeof (FdSource));
  FdSource *self = (gpointer) source;

  g_source_set_static_name (source, "[Kaa] KaaIOMonitor");
  g_source_set_can_recurse (source, TRUE);
  self->monitor = monitor;
  self->fd = fd;
  self->who.identity = kaa_sys_get_identity (fd);
  self->condition = condition;
  self->tag = g_source_add_unix_fd (source, fd, to_events (condition));

  return source;
}

static void
kaa_io_monitor_get_property (GObject    *object,
                             guint       prop_id,
                             GValue     *value,
                             GParamSpec *pspec)
{
  KaaIOMonitor *self = KAA_IO_MONITOR (object);

  switch (prop_id)
    {
    case PROP_FD:
      g_value_set_int (value, kaa_io_monitor_get_fd (self));
      break;

    case PROP_CONDITION:
      g_value_set_flags (value, kaa_io_monitor_get_condition (self));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

/* However a registration ends, `active` tells; the others go with it. */
static void
kaa_io_monitor_notify (GObject    *object,
                       GParamSpec *pspec)
{
  if (G_OBJECT_CLASS (kaa_io_monitor_parent_class)->notify != NULL)
    G_OBJECT_CLASS (kaa_io_monitor_parent_class)->notify (object, pspec);

  if (g_str_equal (pspec->name, "active"))
    {
      g_object_notify_by_pspec (object, props[PROP_FD]);
      g_object_notify_by_pspec (object, props[PROP_CONDITION]);
    }
}

static void
kaa_io_monitor_class_init (KaaIOMonitorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = kaa_io_monitor_get_property;
  object_class->notify = kaa_io_monitor_notify;

  /**
   * KaaIOMonitor:fd: (getter get_fd)
   *
   * The descriptor that it is registered with, -1 if there is none.
   *
   * Since: 1.0
   */
  props[PROP_FD] =
    g_param_spec_int ("fd", NULL, NULL, -1, G_MAXINT, -1,
                      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  /**
   * KaaIOMonitor:condition: (getter get_condition)
   *
   * What the descriptor is watched for, 0 if there is none.
   *
   * Since: 1.0
   */
  props[PROP_CONDITION] =
    g_param_spec_flags ("condition", NULL, NULL, KAA_TYPE_IO_CONDITION, 0,
                        G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
kaa_io_monitor_init (KaaIOMonitor *self)
{
}

/**
 * kaa_io_monitor_new: (constructor)
 * @callback: (scope notified) (closure user_data) (destroy destroy): what to call
 * @user_data: user data
 * @destroy: (nullable): frees @user_data
 *
 * Makes a monitor that is not registered yet.
 *
 * It is bound to the thread-default main context of the caller. User data is freed when the monitor is, in the
 * thread that drops the last reference.
 *
 * Returns: (transfer full): a monitor
 *
 * Since: 1.0
 */
KaaIOMonitor *
kaa_io_monitor_new (KaaIOMonitorFunc callback,
                    gpointer         user_data,
                    GDestroyNotify   destroy)
{
  g_return_val_if_fail (callback != NULL, NULL);

  return kaa_io_monitor_new_closure (g_cclosure_new (G_CALLBACK (callback), user_data,
                                                     (GClosureNotify) G_CALLBACK (destroy)));
}

/**
 * kaa_io_monitor_new_closure: (constructor) (rename-to kaa_io_monitor_new)
 * @closure: what to call, with the monitor and a [flags@Kaa.IOCondition]; a floating reference is taken over
 *
 * Makes a monitor that is not registered yet.
 *
 * It is bound to the thread-default main context of the caller. If the closure watches an object, the monitor
 * unregisters itself when that object is disposed of.
 *
 * Returns: (transfer full): a monitor
 *
 * Since: 1.0
 */
KaaIOMonitor *
kaa_io_monitor_new_closure (GClosure *closure)
{
  g_return_val_if_fail (closure != NULL, NULL);

  return g_object_new (KAA_TYPE_IO_MONITOR, "closure", closure, NULL);
}

static gboolean
check_arguments (int             fd,
                 KaaIOCondition  condition,
                 GError        **error)
{
  if (condition == 0 || (condition & ~ALL_CONDITIONS) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "A descriptor cannot be watched for condition 0x%x: use READ, WRITE, EXCEPT, or several of them",
                   (guint) condition);
      return FALSE;
    }

  if (fd < 0 || (fcntl (fd, F_GETFD) < 0 && errno == EBADF))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "%d is not an open descriptor: register one that is, and unregister it before it is closed", fd);
      return FALSE;
    }

  return TRUE;
}

/* Under the lock. */
static gboolean
is_same (FdSource        *source,
         int              fd,
         KaaIOCondition   condition,
         GError         **error)
{
  if (source->fd == fd && source->condition == condition)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS,
               "The monitor watches descriptor %d for condition 0x%x already: unregister it first, or make another one",
               source->fd, (guint) source->condition);

  return FALSE;
}

/**
 * kaa_io_monitor_register:
 * @self: a monitor
 * @fd: the descriptor; it stays the caller's
 * @condition: what to watch it for
 * @error: return location for an error
 *
 * Begins to watch a descriptor. The main context holds a reference to the monitor from now on.
 *
 * Nothing happens if it is registered with the same descriptor and condition already. The callback is called from the loop of
 * the main context; if another thread runs that, it may happen before this function returns.
 *
 * This may be called in any thread, and from inside the callback. Errors: %G_IO_ERROR_INVALID_ARGUMENT if @fd is
 * not open or @condition is not one, %G_IO_ERROR_EXISTS if it is registered with another descriptor or condition,
 * %G_IO_ERROR_CLOSED if its main context or the object that its closure watched is gone.
 *
 * Returns: %TRUE if the descriptor is watched
 *
 * Since: 1.0
 */
gboolean
kaa_io_monitor_register (KaaIOMonitor    *self,
                         int              fd,
                         KaaIOCondition   condition,
                         GError         **error)
{
  KaaNotifierCallback *notifier = (KaaNotifierCallback *) self;
  FdSource *present;
  gboolean registered;

  g_return_val_if_fail (KAA_IS_IO_MONITOR (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  if (!check_arguments (fd, condition, error))
    return FALSE;

  kaa_notifier_callback_lock (notifier);
  present = (gpointer) kaa_notifier_callback_peek_source (notifier);
  if (present != NULL)
    registered = is_same (present, fd, condition, error);
  else
    registered = kaa_notifier_callback_attach (notifier, fd_source_new (self, fd, condition), error);
  kaa_notifier_callback_unlock (notifier);

  if (registered && present == NULL)
    g_object_notify (G_OBJECT (self), "active");

  return registered;
}

/**
 * kaa_io_monitor_unregister:
 * @self: a monitor
 *
 * Ends watching. The main context drops its reference to the monitor. Nothing happens if it is not registered.
 *
 * This may be called in any thread, and from inside the callback. See [method@Kaa.NotifierCallback.unregister].
 *
 * Since: 1.0
 */
void
kaa_io_monitor_unregister (KaaIOMonitor *self)
{
  g_return_if_fail (KAA_IS_IO_MONITOR (self));

  kaa_notifier_callback_unregister (KAA_NOTIFIER_CALLBACK (self));
}

/**
 * kaa_io_monitor_get_fd:
 * @self: a monitor
 *
 * Gets the descriptor that it is registered with. This may be called in any thread.
 *
 * Returns: a descriptor, -1 if there is none
 *
 * Since: 1.0
 */
int
kaa_io_monitor_get_fd (KaaIOMonitor *self)
{
  KaaNotifierCallback *notifier = (KaaNotifierCallback *) self;
  FdSource *source;
  int fd;

  g_return_val_if_fail (KAA_IS_IO_MONITOR (self), -1);

  kaa_notifier_callback_lock (notifier);
  source = (gpointer) kaa_notifier_callback_peek_source (notifier);
  fd = source != NULL ? source->fd : -1;
  kaa_notifier_callback_unlock (notifier);

  return fd;
}

/**
 * kaa_io_monitor_get_condition:
 * @self: a monitor
 *
 * Gets what its descriptor is watched for. This may be called in any thread.
 *
 * Returns: the condition, 0 if it is not registered
 *
 * Since: 1.0
 */
KaaIOCondition
kaa_io_monitor_get_condition (KaaIOMonitor *self)
{
  KaaNotifierCallback *notifier = (KaaNotifierCallback *) self;
  FdSource *source;
  KaaIOCondition condition;

  g_return_val_if_fail (KAA_IS_IO_MONITOR (self), 0);

  kaa_notifier_callback_lock (notifier);
  source = (gpointer) kaa_notifier_callback_peek_source (notifier);
  condition = source != NULL ? source->condition : 0;
  kaa_notifier_callback_unlock (notifier);

  return condition;
}

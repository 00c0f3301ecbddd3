/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib-unix.h>
#include <kaaio/kaa-io-monitor.h>
#include <kaaio/kaa-notifier-callback.h>
#include <unistd.h>

/* A subclass with a registration of its own: no more than a flag. */
typedef struct
{
  KaaNotifierCallback parent_instance;

  gboolean registered;
  guint n_unregistered;
} TestNotifier;

typedef struct
{
  KaaNotifierCallbackClass parent_class;
} TestNotifierClass;

static GType test_notifier_get_type (void);

G_DEFINE_TYPE (TestNotifier, test_notifier, KAA_TYPE_NOTIFIER_CALLBACK)

static void
test_notifier_unregister (KaaNotifierCallback *callback)
{
  TestNotifier *self = (TestNotifier *) callback;

  self->n_unregistered++;
  if (self->registered)
    {
      self->registered = FALSE;
      g_object_notify (G_OBJECT (self), "active");
    }

  KAA_NOTIFIER_CALLBACK_CLASS (test_notifier_parent_class)->unregister (callback);
}

static gboolean
test_notifier_get_active (KaaNotifierCallback *callback)
{
  TestNotifier *self = (TestNotifier *) callback;

  return self->registered;
}

static void
test_notifier_class_init (TestNotifierClass *klass)
{
  klass->parent_class.unregister = test_notifier_unregister;
  klass->parent_class.get_active = test_notifier_get_active;
}

static void
test_notifier_init (TestNotifier *self)
{
}

/* One that implements nothing, and so never is active. */
typedef struct
{
  KaaNotifierCallback parent_instance;
} TestBare;

typedef struct
{
  KaaNotifierCallbackClass parent_class;
} TestBareClass;

static GType test_bare_get_type (void);

G_DEFINE_TYPE (TestBare, test_bare, KAA_TYPE_NOTIFIER_CALLBACK)

static void
test_bare_class_init (TestBareClass *klass)
{
}

static void
test_bare_init (TestBare *self)
{
}

static void
count (GObject    *object,
       GParamSpec *pspec,
       guint      *n)
{
  (*n)++;
}

static void
do_nothing (void)
{
}

static GMainContext *
dup_main_context (gpointer object)
{
  GMainContext *context;

  g_object_get (object, "main-context", &context, NULL);

  return context;
}

static void
test_hierarchy (void)
{
  g_assert_true (G_TYPE_IS_ABSTRACT (KAA_TYPE_NOTIFIER_CALLBACK));
  g_assert_true (g_type_is_a (KAA_TYPE_NOTIFIER_CALLBACK, KAA_TYPE_CALLBACK));
  g_assert_true (g_type_is_a (KAA_TYPE_IO_MONITOR, KAA_TYPE_NOTIFIER_CALLBACK));
}

static void
test_bare (void)
{
  KaaNotifierCallback *callback = g_object_new (test_bare_get_type (), NULL);

  g_assert_false (kaa_notifier_callback_get_active (callback));
  kaa_notifier_callback_unregister (callback);
  g_assert_false (kaa_notifier_callback_get_active (callback));

  g_assert_finalize_object (callback);
}

static void
test_subclass (void)
{
  TestNotifier *notifier = g_object_new (test_notifier_get_type (), NULL);
  KaaNotifierCallback *callback = KAA_NOTIFIER_CALLBACK (notifier);
  gboolean active;
  guint n_notified = 0;

  g_signal_connect (notifier, "notify::active", G_CALLBACK (count), &n_notified);
  g_assert_false (kaa_notifier_callback_get_active (callback));
  notifier->registered = TRUE;
  g_assert_true (kaa_notifier_callback_get_active (callback));
  g_object_get (callback, "active", &active, NULL);
  g_assert_true (active);

  kaa_notifier_callback_unregister (callback);
  g_assert_cmpuint (notifier->n_unregistered, ==, 1);
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_false (kaa_notifier_callback_get_active (callback));

  g_assert_finalize_object (notifier);
}

static void
test_priority (void)
{
  KaaNotifierCallback *callback = g_object_new (test_bare_get_type (), NULL);
  int priority;
  guint n_notified = 0;

  g_assert_cmpint (kaa_notifier_callback_get_priority (callback), ==, G_PRIORITY_DEFAULT);
  g_signal_connect (callback, "notify::priority", G_CALLBACK (count), &n_notified);

  kaa_notifier_callback_set_priority (callback, G_PRIORITY_LOW);
  g_object_get (callback, "priority", &priority, NULL);
  g_assert_cmpint (priority, ==, G_PRIORITY_LOW);
  g_assert_cmpuint (n_notified, ==, 1);

  kaa_notifier_callback_set_priority (callback, G_PRIORITY_LOW);
  g_assert_cmpuint (n_notified, ==, 1);

  g_object_set (callback, "priority", -1000, NULL);
  g_assert_cmpint (kaa_notifier_callback_get_priority (callback), ==, -1000);
  g_assert_cmpuint (n_notified, ==, 2);

  g_assert_finalize_object (callback);
}

static void
test_main_context (void)
{
  GMainContext *context = g_main_context_new ();
  GMainContext *got;
  KaaNotifierCallback *in_default = g_object_new (test_bare_get_type (), NULL);
  KaaNotifierCallback *with_null;
  KaaNotifierCallback *given;

  g_assert_true (kaa_notifier_callback_get_main_context (in_default) == g_main_context_default ());

  g_main_context_push_thread_default (context);
  with_null = g_object_new (test_bare_get_type (), "main-context", NULL, NULL);
  g_main_context_pop_thread_default (context);
  g_assert_true (kaa_notifier_callback_get_main_context (with_null) == context);

  given = g_object_new (test_bare_get_type (), "main-context", context, "priority", 7, NULL);
  got = dup_main_context (given);
  g_assert_true (got == context);
  g_main_context_unref (got);
  g_assert_cmpint (kaa_notifier_callback_get_priority (given), ==, 7);

  /* The callback goes before the context, */
  g_assert_finalize_object (with_null);
  g_assert_true (kaa_notifier_callback_get_main_context (given) == context);

  /* or the context before the callback: it is not kept alive. */
  g_main_context_unref (context);
  g_assert_null (kaa_notifier_callback_get_main_context (given));
  g_assert_null (dup_main_context (given));

  g_assert_finalize_object (given);
  g_assert_finalize_object (in_default);
}

/* Weak: the closure watches an object, and that goes. */
static void
test_weak (void)
{
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  GClosure *closure = g_cclosure_new_object (G_CALLBACK (do_nothing), owner);
  TestNotifier *notifier = g_object_new (test_notifier_get_type (), "closure", closure, NULL);

  notifier->registered = TRUE;
  g_object_unref (owner);
  g_assert_cmpuint (notifier->n_unregistered, ==, 1);
  g_assert_false (kaa_notifier_callback_get_active (KAA_NOTIFIER_CALLBACK (notifier)));

  g_assert_finalize_object (notifier);
}

/* The callback goes first: nobody may tell it afterwards. */
static void
test_weak_outlived (void)
{
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  GClosure *closure = g_cclosure_new_object (G_CALLBACK (do_nothing), owner);
  TestNotifier *notifier;

  g_closure_ref (closure);
  g_closure_sink (closure);
  notifier = g_object_new (test_notifier_get_type (), "closure", closure, NULL);
  g_assert_finalize_object (notifier);

  g_object_unref (owner);
  g_closure_unref (closure);
}

static void
test_weak_monitor (void)
{
  int fds[2];
  GError *error = NULL;
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  gpointer weak = kaa_io_monitor_new_closure (g_cclosure_new_object (G_CALLBACK (do_nothing), owner));

  g_object_add_weak_pointer (weak, &weak);
  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_assert_true (kaa_io_monitor_register (weak, fds[0], KAA_IO_READ, &error));
  g_assert_no_error (error);

  /* Only the main context holds it, and lets go. */
  g_object_unref (weak);
  g_assert_nonnull (weak);
  g_object_unref (owner);
  g_assert_null (weak);

  close (fds[0]);
  close (fds[1]);
}

/* What is invalid once stays so: it cannot be registered, or a descriptor that is ready would keep the loop busy. */
static void
test_weak_again (void)
{
  int fds[2];
  GError *error = NULL;
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  GClosure *closure = g_cclosure_new_object (G_CALLBACK (do_nothing), owner);
  KaaIOMonitor *before;
  KaaIOMonitor *after;

  g_assert_true (g_unix_open_pipe (fds, FD_CLOEXEC, NULL));
  g_closure_ref (closure);
  g_closure_sink (closure);
  before = kaa_io_monitor_new_closure (closure);
  g_object_unref (owner);
  after = kaa_io_monitor_new_closure (closure);

  g_assert_false (kaa_io_monitor_register (before, fds[0], KAA_IO_READ, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (kaa_io_monitor_register (after, fds[0], KAA_IO_READ, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_false (kaa_notifier_callback_get_active (KAA_NOTIFIER_CALLBACK (after)));

  g_assert_finalize_object (before);
  g_assert_finalize_object (after);
  g_closure_unref (closure);
  close (fds[0]);
  close (fds[1]);
}

static void
test_misuse (void)
{
  KaaCallback *not_one = g_object_new (KAA_TYPE_CALLBACK, NULL);

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*KAA_IS_NOTIFIER_CALLBACK*");
  kaa_notifier_callback_unregister ((KaaNotifierCallback *) not_one);
  g_test_assert_expected_messages ();

  g_object_unref (not_one);
}

typedef struct
{
  KaaNotifierCallback *callback;
  GMainContext *context;
  int ready;  /* atomic: who has arrived at the start */
} Race;

static void
start_together (Race *race)
{
  g_atomic_int_inc (&race->ready);
  while (g_atomic_int_get (&race->ready) < 2)
    g_thread_yield ();
}

static gpointer
drop_context (gpointer data)
{
  Race *race = data;

  start_together (race);
  g_main_context_unref (race->context);

  return NULL;
}

/* The last references to a context and to a callback on it go in two threads. */
static void
test_threads_context_goes (void)
{
  guint i;

  for (i = 0; i < 300; i++)
    {
      Race race = { 0, };
      GThread *thread;

      race.context = g_main_context_new ();
      race.callback = g_object_new (test_bare_get_type (), "main-context", race.context, NULL);
      thread = g_thread_new ("context", drop_context, &race);
      start_together (&race);
      g_assert_finalize_object (race.callback);
      g_thread_join (thread);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/loop/notifier-callback/hierarchy", test_hierarchy);
  g_test_add_func ("/loop/notifier-callback/bare", test_bare);
  g_test_add_func ("/loop/notifier-callback/subclass", test_subclass);
  g_test_add_func ("/loop/notifier-callback/priority", test_priority);
  g_test_add_func ("/loop/notifier-callback/main-context", test_main_context);
  g_test_add_func ("/loop/notifier-callback/weak", test_weak);
  g_test_add_func ("/loop/notifier-callback/weak/outlived", test_weak_outlived);
  g_test_add_func ("/loop/notifier-callback/weak/monitor", test_weak_monitor);
  g_test_add_func ("/loop/notifier-callback/weak/again", test_weak_again);
  g_test_add_func ("/loop/notifier-callback/misuse", test_misuse);
  g_test_add_func ("/loop/notifier-callback/threads/context-goes", test_threads_context_goes);

  return g_test_run ();
}

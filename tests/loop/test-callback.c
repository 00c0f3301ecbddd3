/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <kaaio/kaa-callback.h>

typedef struct
{
  KaaCallback *callback;  /* that was given to the closure */
  GThread *thread;        /* that the closure ran in */
  guint n_calls;
  int number;
  char *text;
  guint n_freed;
} Record;

static void
record_clear (Record *record)
{
  g_clear_pointer (&record->text, g_free);
}

static void
on_freed (gpointer  data,
          GClosure *closure)
{
  Record *record = data;

  record->n_freed++;
}

static void
on_two (KaaCallback *callback,
        int          number,
        const char  *text,
        gpointer     user_data)
{
  Record *record = user_data;

  record->n_calls++;
  record->callback = callback;
  record->thread = g_thread_self ();
  record->number = number;
  g_free (record->text);
  record->text = g_strdup (text);
}

static void
on_none (KaaCallback *callback,
         gpointer     user_data)
{
  Record *record = user_data;

  record->n_calls++;
  record->callback = callback;
  record->thread = g_thread_self ();
}

static void
on_none_swapped (gpointer     user_data,
                 KaaCallback *callback)
{
  on_none (callback, user_data);
}

static void
test_arguments (void)
{
  Record record = { 0, };
  GValue params[2] = { G_VALUE_INIT, G_VALUE_INIT };
  KaaCallback *callback = kaa_callback_new (g_cclosure_new (G_CALLBACK (on_two), &record, on_freed));

  g_value_init (&params[0], G_TYPE_INT);
  g_value_set_int (&params[0], 7);
  g_value_init (&params[1], G_TYPE_STRING);
  g_value_set_string (&params[1], "seven");

  kaa_callback_invoke (callback, params, 2);
  kaa_callback_invoke (callback, params, 2);
  g_assert_cmpuint (record.n_calls, ==, 2);
  g_assert_true (record.callback == callback);
  g_assert_cmpint (record.number, ==, 7);
  g_assert_cmpstr (record.text, ==, "seven");

  /* The arguments are still the caller's. */
  g_assert_cmpstr (g_value_get_string (&params[1]), ==, "seven");
  g_value_unset (&params[1]);

  g_assert_cmpuint (record.n_freed, ==, 0);
  g_assert_finalize_object (callback);
  g_assert_cmpuint (record.n_freed, ==, 1);
  record_clear (&record);
}

static void
test_no_arguments (void)
{
  Record record = { 0, };
  KaaCallback *callback = kaa_callback_new (g_cclosure_new (G_CALLBACK (on_none), &record, NULL));
  KaaCallback *swapped = kaa_callback_new (g_cclosure_new_swap (G_CALLBACK (on_none_swapped), &record, NULL));

  kaa_callback_invoke (callback, NULL, 0);
  g_assert_true (record.callback == callback);
  kaa_callback_invoke (swapped, NULL, 0);
  g_assert_true (record.callback == swapped);
  g_assert_cmpuint (record.n_calls, ==, 2);

  g_assert_finalize_object (callback);
  g_assert_finalize_object (swapped);
}

static void
test_ownership (void)
{
  Record record = { 0, };
  GClosure *closure = g_cclosure_new (G_CALLBACK (on_none), &record, on_freed);
  GClosure *property;
  KaaCallback *first;
  KaaCallback *second;

  g_closure_ref (closure);
  g_closure_sink (closure);

  first = kaa_callback_new (closure);
  second = g_object_new (KAA_TYPE_CALLBACK, "closure", closure, NULL);
  g_assert_true (kaa_callback_get_closure (first) == closure);
  g_object_get (second, "closure", &property, NULL);
  g_assert_true (property == closure);
  g_closure_unref (property);

  g_assert_finalize_object (first);
  g_assert_finalize_object (second);
  g_assert_cmpuint (record.n_freed, ==, 0);
  g_closure_unref (closure);
  g_assert_cmpuint (record.n_freed, ==, 1);
}

static void
own_marshaller (GClosure     *closure,
                GValue       *return_value,
                guint         n_values,
                const GValue *values,
                gpointer      hint,
                gpointer      marshal_data)
{
  Record *record = closure->data;

  g_assert_null (return_value);
  record->n_calls++;
  record->callback = g_value_get_object (&values[0]);
  record->number = (int) n_values;
}

/* The closures of bindings come with a marshaller of their own. */
static void
test_own_marshaller (void)
{
  Record record = { 0, };
  GValue param = G_VALUE_INIT;
  GClosure *closure = g_closure_new_simple (sizeof (GClosure), &record);
  KaaCallback *callback;

  g_closure_set_marshal (closure, own_marshaller);
  callback = kaa_callback_new (closure);

  g_value_init (&param, G_TYPE_INT);
  kaa_callback_invoke (callback, &param, 1);
  g_assert_cmpuint (record.n_calls, ==, 1);
  g_assert_true (record.callback == callback);
  g_assert_cmpint (record.number, ==, 2);

  g_assert_finalize_object (callback);
}

static void
test_invalid (void)
{
  Record record = { 0, };
  GObject *owner = g_object_new (G_TYPE_OBJECT, NULL);
  GClosure *closure = g_cclosure_new (G_CALLBACK (on_none), &record, NULL);
  KaaCallback *callback;

  g_object_watch_closure (owner, closure);
  callback = kaa_callback_new (closure);
  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (record.n_calls, ==, 1);

  g_object_unref (owner);
  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (record.n_calls, ==, 1);
  g_assert_true (kaa_callback_get_closure (callback) == closure);

  g_assert_finalize_object (callback);
}

static void
test_no_closure (void)
{
  KaaCallback *callback = g_object_new (KAA_TYPE_CALLBACK, NULL);

  g_assert_null (kaa_callback_get_closure (callback));
  kaa_callback_invoke (callback, NULL, 0);

  g_assert_finalize_object (callback);
}

static void
on_drop (KaaCallback *callback,
         gpointer     user_data)
{
  gpointer *weak = user_data;

  g_object_unref (callback);
  g_assert_nonnull (*weak);
}

static void
test_drops_last_reference (void)
{
  gpointer weak;

  weak = kaa_callback_new (g_cclosure_new (G_CALLBACK (on_drop), &weak, NULL));
  g_object_add_weak_pointer (weak, &weak);

  kaa_callback_invoke (weak, NULL, 0);
  g_assert_null (weak);
}

static void
test_misuse (void)
{
  KaaCallback *callback;

  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*closure != NULL*");
  g_assert_null (kaa_callback_new (NULL));
  g_test_assert_expected_messages ();

  callback = g_object_new (KAA_TYPE_CALLBACK, NULL);
  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, "*params != NULL*");
  kaa_callback_invoke (callback, NULL, 1);
  g_test_assert_expected_messages ();

  g_assert_finalize_object (callback);
}

static gpointer
invoke_in_thread (gpointer data)
{
  kaa_callback_invoke (data, NULL, 0);

  return g_thread_self ();
}

static void
test_threads (void)
{
  Record record = { 0, };
  KaaCallback *callback = kaa_callback_new (g_cclosure_new (G_CALLBACK (on_none), &record, NULL));
  GThread *thread = g_thread_new ("invoker", invoke_in_thread, callback);
  GThread *ran_in = g_thread_join (thread);

  g_assert_true (record.thread == ran_in);
  g_assert_true (record.thread != g_thread_self ());

  g_assert_finalize_object (callback);
}

typedef struct
{
  KaaCallback parent_instance;
} TestCallback;

typedef struct
{
  KaaCallbackClass parent_class;
} TestCallbackClass;

static GType test_callback_get_type (void);

G_DEFINE_TYPE (TestCallback, test_callback, KAA_TYPE_CALLBACK)

static void
test_callback_class_init (TestCallbackClass *klass)
{
}

static void
test_callback_init (TestCallback *self)
{
}

static void
test_derived (void)
{
  Record record = { 0, };
  GClosure *closure = g_cclosure_new (G_CALLBACK (on_none), &record, on_freed);
  KaaCallback *callback = g_object_new (test_callback_get_type (), "closure", closure, NULL);

  kaa_callback_invoke (callback, NULL, 0);
  g_assert_true (record.callback == callback);

  g_assert_finalize_object (callback);
  g_assert_cmpuint (record.n_freed, ==, 1);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/loop/callback/arguments", test_arguments);
  g_test_add_func ("/loop/callback/no-arguments", test_no_arguments);
  g_test_add_func ("/loop/callback/ownership", test_ownership);
  g_test_add_func ("/loop/callback/own-marshaller", test_own_marshaller);
  g_test_add_func ("/loop/callback/invalid", test_invalid);
  g_test_add_func ("/loop/callback/no-closure", test_no_closure);
  g_test_add_func ("/loop/callback/drops-last-reference", test_drops_last_reference);
  g_test_add_func ("/loop/callback/misuse", test_misuse);
  g_test_add_func ("/loop/callback/threads", test_threads);
  g_test_add_func ("/loop/callback/derived", test_derived);

  return g_test_run ();
}

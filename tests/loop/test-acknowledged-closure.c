/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A closure that is called again when its call was dropped. */

#include <kaaio/kaa-acknowledged-closure.h>
#include <kaaio/kaa-callback.h>

#include "loop/gjs-fixture.h"

/* A handler in JavaScript: dropped while the collector is at work, and for n_lost times in any case. */
typedef struct
{
  guint n_called;
  guint n_dropped;
  guint n_lost;
  gboolean begins_collection;
  int answer;
  guint n_destroyed;
} Handler;

static void
marshal (GClosure     *closure,
         GValue       *result,
         guint         n_params,
         const GValue *params,
         gpointer      hint,
         gpointer      unused)
{
  Handler *self = closure->data;

  g_assert_true (G_VALUE_HOLDS_INT (result));
  if (fake_gjs.in_progress || self->n_lost > 0)
    {
      self->n_lost = MAX (self->n_lost, 1) - 1;
      self->n_dropped++;
      return;
    }

  self->n_called++;
  if (self->begins_collection)
    fake_gjs.in_progress = true;
  g_value_set_int (result, self->answer);
}

static void
destroyed (gpointer  data,
           GClosure *closure)
{
  ((Handler *) data)->n_destroyed++;
}

static GClosure *
new_closure (Handler *self)
{
  GClosure *closure = g_closure_new_simple (sizeof (GClosure), self);

  g_closure_set_marshal (closure, marshal);
  g_closure_add_finalize_notifier (closure, self, destroyed);
  fake_gjs = (FakeGjs) { 0, };
  if (self->answer == 0)
    self->answer = 1;
  return closure;
}

static KaaCallback *
new_callback (Handler *self)
{
  GClosure *closure = kaa_acknowledged_closure_new (new_closure (self));
  KaaCallback *callback = kaa_callback_new (closure);

  g_closure_unref (closure);
  return callback;
}

static void
test_called (void)
{
  Handler self = { 0, };
  KaaCallback *callback = new_callback (&self);

  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_called, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 0);
  g_assert_cmpuint (fake_gjs.n_finished, ==, 0);

  g_assert_cmpuint (self.n_destroyed, ==, 0);
  g_object_unref (callback);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
}

static void
test_dropped (void)
{
  Handler self = { .n_lost = 1 };
  KaaCallback *callback = new_callback (&self);

  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_dropped, ==, 1);
  g_assert_cmpuint (self.n_called, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 1);
  g_object_unref (callback);
}

/* Whatever it is, it does not end: nothing spins. */
static void
test_dropped_twice (void)
{
  Handler self = { .n_lost = 5 };
  KaaCallback *callback = new_callback (&self);

  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_dropped, ==, 2);
  g_assert_cmpuint (self.n_called, ==, 0);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 1);
  g_object_unref (callback);
}

/* What began elsewhere is finished before the call, and what the call begins is finished after it. */
static void
test_in_progress (void)
{
  Handler self = { .begins_collection = TRUE };
  KaaCallback *callback = new_callback (&self);

  fake_gjs.in_progress = true;
  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_dropped, ==, 0);
  g_assert_cmpuint (self.n_called, ==, 1);
  g_assert_cmpuint (fake_gjs.n_finished, ==, 2);
  g_assert_false (fake_gjs.in_progress);
  g_assert_cmpuint (fake_gjs.n_collections, ==, 0);
  g_object_unref (callback);
}

/* In a finalizer of JavaScript its collector must be left alone. */
static void
test_inside_collector (void)
{
  Handler self = { 0, };
  KaaCallback *callback = new_callback (&self);

  fake_gjs.in_progress = true;
  fake_gjs.heap_state = 2;
  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_dropped, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections + fake_gjs.n_finished, ==, 0);
  g_object_unref (callback);
}

static void
test_no_gjs (void)
{
  Handler self = { .n_lost = 1 };
  KaaCallback *callback = new_callback (&self);

  fake_gjs.gone = TRUE;
  kaa_callback_invoke (callback, NULL, 0);
  g_assert_cmpuint (self.n_dropped, ==, 1);
  g_assert_cmpuint (self.n_called, ==, 0);
  g_object_unref (callback);
}

static gpointer
invoke (gpointer callback)
{
  kaa_callback_invoke (callback, NULL, 0);
  return NULL;
}

/* JavaScript has one thread, and only there its collector may be touched. */
static void
test_other_thread (void)
{
  Handler self = { 0, };
  KaaCallback *callback = new_callback (&self);

  fake_gjs.in_progress = true;
  g_thread_join (g_thread_new ("other", invoke, callback));
  g_assert_cmpuint (self.n_dropped, ==, 1);
  g_assert_cmpuint (fake_gjs.n_collections + fake_gjs.n_finished, ==, 0);
  g_object_unref (callback);
}

static void
test_boolean (void)
{
  int answer;

  for (answer = 1; answer <= 2; answer++)
    {
      Handler self = { .answer = answer, .n_lost = 1 };
      GClosure *closure = kaa_acknowledged_closure_new (new_closure (&self));
      GValue result = G_VALUE_INIT;

      g_value_init (&result, G_TYPE_BOOLEAN);
      g_closure_invoke (closure, &result, 0, NULL, NULL);
      g_assert_cmpuint (self.n_called, ==, 1);
      g_assert_cmpint (g_value_get_boolean (&result), ==, answer == 2);
      g_closure_unref (closure);
      g_assert_cmpuint (self.n_destroyed, ==, 1);
    }
}

static void
test_connect (void)
{
  Handler self = { 0, };
  GClosure *closure = new_closure (&self);
  KaaCallback *emitter = g_object_new (KAA_TYPE_CALLBACK, NULL);
  gulong id = kaa_acknowledged_closure_connect (G_OBJECT (emitter), "notify::closure", closure, /* after= */ FALSE);

  g_assert_cmpuint (id, !=, 0);
  self.n_lost = 1;
  g_object_notify (G_OBJECT (emitter), "closure");
  g_assert_cmpuint (self.n_called, ==, 1);

  g_signal_handler_disconnect (emitter, id);
  g_assert_cmpuint (self.n_destroyed, ==, 1);
  g_object_notify (G_OBJECT (emitter), "closure");
  g_assert_cmpuint (self.n_called, ==, 1);
  g_object_unref (emitter);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/acknowledged-closure/called", test_called);
  g_test_add_func ("/acknowledged-closure/dropped", test_dropped);
  g_test_add_func ("/acknowledged-closure/dropped-twice", test_dropped_twice);
  g_test_add_func ("/acknowledged-closure/in-progress", test_in_progress);
  g_test_add_func ("/acknowledged-closure/inside-collector", test_inside_collector);
  g_test_add_func ("/acknowledged-closure/no-gjs", test_no_gjs);
  g_test_add_func ("/acknowledged-closure/other-thread", test_other_thread);
  g_test_add_func ("/acknowledged-closure/boolean", test_boolean);
  g_test_add_func ("/acknowledged-closure/connect", test_connect);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The garbage collector of the gjs that may be in this process.
 *
 * It works in slices, while JavaScript runs. Between two slices of its sweep gjs drops every callback, and leaves no trace but
 * a return value of zero; and as no JavaScript runs then, the sweep does not go on until a timer of gjs collects, up to ten
 * seconds later. So whoever calls JavaScript has the collector finish first. What is dropped all the same is seen by
 * who has a return value to look at: he collects with what gjs offers for it, and calls again.
 *
 * Nothing is linked to: the functions are looked up in the process. Those of SpiderMonkey have the names of C++, and where
 * a version has others, what is dropped is still repeated.
 */

#include "loop/kaa-collector.h"

#include <dlfcn.h>
#include <stdbool.h>

/* JS::GCReason::API, JS::HeapState::Idle */
#define REASON_API 0
#define HEAP_IDLE 0

static struct
{
  GThread *thread;  /* of JavaScript; only compared */
  gpointer (*get_current) (void);
  gpointer (*get_native) (gpointer gjs);
  void (*collect) (gpointer gjs);
  int (*get_heap_state) (void);
  bool (*is_in_progress) (gpointer native);
  void (*finish) (gpointer native, int reason);
} collector;

void
kaa_collector_attach (void)
{
  static gsize attached;

  if (!g_once_init_enter (&attached))
    return;

#define LOOK_UP(field, name) collector.field = (__typeof__ (collector.field)) dlsym (RTLD_DEFAULT, name)
  LOOK_UP (get_current, "gjs_context_get_current");
  LOOK_UP (get_native, "gjs_context_get_native_context");
  LOOK_UP (collect, "gjs_context_gc");
  LOOK_UP (get_heap_state, "_ZN2JS16RuntimeHeapStateEv");
  LOOK_UP (is_in_progress, "_ZN2JS25IsIncrementalGCInProgressEP9JSContext");
  LOOK_UP (finish, "_ZN2JS19FinishIncrementalGCEP9JSContextNS_8GCReasonE");
#undef LOOK_UP
  g_atomic_pointer_set (&collector.thread, g_thread_self ());

  g_once_init_leave (&attached, 1);
}

/* Not in another thread, not when gjs has ended, and not inside of the collector, where a finalizer may have got us. */
static gpointer
get_idle (void)
{
  if (g_atomic_pointer_get (&collector.thread) != g_thread_self () || collector.get_current == NULL ||
      (collector.get_heap_state != NULL && collector.get_heap_state () != HEAP_IDLE))
    return NULL;

  return collector.get_current ();
}

void
kaa_collector_finish (void)
{
  gpointer gjs = get_idle ();
  gpointer native;

  if (gjs == NULL || collector.get_native == NULL || collector.is_in_progress == NULL || collector.finish == NULL)
    return;

  native = collector.get_native (gjs);
  if (collector.is_in_progress (native))
    collector.finish (native, REASON_API);
}

gboolean
kaa_collector_collect (void)
{
  gpointer gjs = get_idle ();

  if (gjs == NULL || collector.collect == NULL)
    return FALSE;

  collector.collect (gjs);
  return TRUE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In the place of gjs and its collector: the library looks for functions of these names in the process. A program that includes
 * this exports them (`fakes_gjs` in meson.build). */

#include <gmodule.h>
#include <stdbool.h>

typedef struct
{
  gboolean gone;         /* there is no gjs any more */
  int heap_state;        /* 0: idle */
  bool in_progress;      /* a collection is */
  guint n_finished;
  guint n_collections;
} FakeGjs;

static FakeGjs fake_gjs;

G_MODULE_EXPORT gpointer gjs_context_get_current (void);
G_MODULE_EXPORT gpointer gjs_context_get_native_context (gpointer context);
G_MODULE_EXPORT void gjs_context_gc (gpointer context);
G_MODULE_EXPORT int _ZN2JS16RuntimeHeapStateEv (void);
G_MODULE_EXPORT bool _ZN2JS25IsIncrementalGCInProgressEP9JSContext (gpointer native);
G_MODULE_EXPORT void _ZN2JS19FinishIncrementalGCEP9JSContextNS_8GCReasonE (gpointer native, int reason);

gpointer
gjs_context_get_current (void)
{
  return fake_gjs.gone ? NULL : &fake_gjs;
}

gpointer
gjs_context_get_native_context (gpointer context)
{
  g_assert_true (context == &fake_gjs);
  return &fake_gjs.in_progress;
}

void
gjs_context_gc (gpointer context)
{
  g_assert_true (context == &fake_gjs);
  g_assert_cmpint (fake_gjs.heap_state, ==, 0);
  fake_gjs.in_progress = false;
  fake_gjs.n_collections++;
}

int
_ZN2JS16RuntimeHeapStateEv (void)
{
  return fake_gjs.heap_state;
}

bool
_ZN2JS25IsIncrementalGCInProgressEP9JSContext (gpointer native)
{
  g_assert_true (native == &fake_gjs.in_progress);
  return fake_gjs.in_progress;
}

void
_ZN2JS19FinishIncrementalGCEP9JSContextNS_8GCReasonE (gpointer native,
                                                      int      reason)
{
  g_assert_true (native == &fake_gjs.in_progress);
  g_assert_cmpint (fake_gjs.heap_state, ==, 0);
  g_assert_cmpint (reason, ==, 0);
  g_assert_true (fake_gjs.in_progress);
  fake_gjs.in_progress = false;
  fake_gjs.n_finished++;
}

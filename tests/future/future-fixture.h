/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of futures share: a protocol of what happened, an operation that works on nothing, and a loop. */

#include <string.h>

#include "future/kaa-in-progress-private.h"

/* --- The loop --- */

/* Runs what is ready in the default context. */
static inline void
settle_down (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* Iterates the default context until another thread, or a callback, has set the flag. */
static inline void
run_until (const int *flag)
{
  while (!g_atomic_int_get (flag))
    g_main_context_iteration (NULL, TRUE);
}

static inline void
raise_flag (int *flag)
{
  g_atomic_int_set (flag, TRUE);
  g_main_context_wakeup (NULL);
}

/* --- The protocol: words in the order in which things happened --- */

static GString *protocol;

static inline void
note (const char *word)
{
  if (protocol->len > 0)
    g_string_append_c (protocol, ' ');
  g_string_append (protocol, word);
}

static inline void
begin_protocol (void)
{
  if (protocol == NULL)
    protocol = g_string_new (NULL);
  g_string_truncate (protocol, 0);
}

#define assert_protocol(words) \
  G_STMT_START { \
    g_assert_cmpstr (protocol->str, ==, words); \
    g_string_truncate (protocol, 0); \
  } G_STMT_END

static inline void
note_resolve (const GValue *result,
              gpointer      user_data)
{
  g_assert_true (G_IS_VALUE (result));
  note (user_data);
}

static inline void
note_reject (const GError *error,
             gpointer      user_data)
{
  g_assert_nonnull (error);
  note (user_data);
}

static inline void
note_destroy (gpointer user_data)
{
  note (user_data);
}

/* Notes the word if it resolves, "-word" if it fails. */
static inline void
then_note (KaaInProgress *future,
           const char    *word)
{
  char *failed = g_strconcat ("-", word, NULL);

  kaa_in_progress_then (future,
                        note_resolve, g_strdup (word), g_free,
                        note_reject, failed, g_free);
}

/* --- Counters --- */

typedef struct
{
  int resolved;
  int rejected;
  int destroyed;
  int code;           /* of the last error */
  GThread *thread;    /* of the last call */
} Counts;

static inline void
count_resolve (const GValue *result,
               gpointer      user_data)
{
  Counts *counts = user_data;

  counts->thread = g_thread_self ();
  g_atomic_int_inc (&counts->resolved);
}

static inline void
count_reject (const GError *error,
              gpointer      user_data)
{
  Counts *counts = user_data;

  counts->thread = g_thread_self ();
  counts->code = error->code;
  g_atomic_int_inc (&counts->rejected);
}

static inline void
count_destroy (gpointer user_data)
{
  Counts *counts = user_data;

  counts->thread = g_thread_self ();
  g_atomic_int_inc (&counts->destroyed);
}

static inline void
then_count (KaaInProgress *future,
            Counts        *counts)
{
  kaa_in_progress_then (future,
                        count_resolve, counts, count_destroy,
                        count_reject, counts, count_destroy);
}

/* --- An operation --- */

typedef struct
{
  KaaInProgress *future;     /* borrowed, until it is held */
  gboolean held;
  gboolean refuse;
  int aborts;
  int reason;                /* code of the last abort's */
  int listened;
  int dropped;
  GThread *thread;           /* of the last call */
} Operation;

static inline void
operation_let_go (Operation *self)
{
  KaaInProgress *future = g_steal_pointer (&self->future);

  if (self->held)
    g_object_unref (future);
  self->held = FALSE;
}

static inline gboolean
operation_abort (KaaInProgress  *future,
                 gpointer        operation,
                 const GError   *reason,
                 GError        **error)
{
  Operation *self = operation;

  g_assert_true (self->future == future);
  self->thread = g_thread_self ();
  self->aborts++;
  self->reason = reason->code;
  if (self->refuse)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY, "Too late");
      return FALSE;
    }

  operation_let_go (self);
  return TRUE;
}

/* From now on it owns its future, as a request does. */
static inline void
operation_listened (KaaInProgress *future,
                    gpointer       operation)
{
  Operation *self = operation;

  g_assert_true (self->future == future);
  self->thread = g_thread_self ();
  self->listened++;
  self->held = TRUE;
  g_object_ref (future);
}

static inline void
operation_dropped (KaaInProgress *future,
                   gpointer       operation)
{
  Operation *self = operation;

  self->thread = g_thread_self ();
  self->dropped++;
  self->future = NULL;
}

static const KaaOperationFuncs operation_funcs =
{
  .abort = operation_abort,
  .listened = operation_listened,
  .dropped = operation_dropped,
};

static inline KaaInProgress *
operation_start (Operation *self,
                 GObject   *source)
{
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);

  memset (self, 0, sizeof (*self));
  self->future = kaa_in_progress_new_operation (source, poller, &operation_funcs, self);
  kaa_poller_unref (poller);

  return self->future;
}

/* Ends the operation; settle it before. */
static inline void
operation_end (Operation *self)
{
  if (self->future != NULL)
    operation_let_go (self);
}

/* --- Results --- */

static inline void
expect_critical (const char *pattern)
{
  g_test_expect_message ("Kaa", G_LOG_LEVEL_CRITICAL, pattern);
}

static inline void
throw_code (KaaInProgress *future,
            GIOErrorEnum   code)
{
  GError *error = g_error_new (G_IO_ERROR, (int) code, "Code %d", (int) code);

  kaa_in_progress_throw (future, error);
  g_error_free (error);
}

static inline void
assert_failed_with (KaaInProgress *future,
                    GIOErrorEnum   code)
{
  GError *error = NULL;

  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_error_free (error);
}

/* --- Handlers --- */

static inline void
note_notify (KaaInProgress *future,
             GParamSpec    *pspec,
             gpointer       user_data)
{
  g_assert_true (kaa_in_progress_get_finished (future));
  note (pspec->name);
}

static inline void
note_resolved (KaaInProgress *future,
               const GValue  *result,
               gpointer       user_data)
{
  g_assert_true (G_IS_VALUE (result));
  note ("resolved");
}

static inline void
note_rejected (KaaInProgress *future,
               const GError  *error,
               gpointer       user_data)
{
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  note ("rejected");
}

static inline void
connect_all (KaaInProgress *future)
{
  g_signal_connect (future, "notify::finished", G_CALLBACK (note_notify), NULL);
  g_signal_connect (future, "notify::failed", G_CALLBACK (note_notify), NULL);
  g_signal_connect (future, "resolved", G_CALLBACK (note_resolved), NULL);
  g_signal_connect (future, "rejected", G_CALLBACK (note_rejected), NULL);
}

/* Drops the last reference, and sees that it was that. */
#define assert_finalize(object) \
  G_STMT_START { \
    gpointer _watched = (object); \
    g_object_add_weak_pointer (_watched, &_watched); \
    g_object_unref (_watched); \
    g_assert_null (_watched); \
  } G_STMT_END

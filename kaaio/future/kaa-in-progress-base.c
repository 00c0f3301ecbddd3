/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What all files of a KaaInProgress stand on: its locks, its result, and who has connected a handler. */

#include "future/kaa-in-progress-internal.h"

KaaStripe kaa_in_progress_stripes[KAA_N_STRIPES];
guint kaa_in_progress_signals[KAA_N_SIGNALS];
GParamSpec *kaa_in_progress_props[KAA_N_PROPS];
GValue kaa_in_progress_blank[KAA_N_RESULTS];

void
kaa_in_progress_init_blanks (void)
{
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_BYTES], G_TYPE_BYTES);
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_INT64], G_TYPE_INT64);
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_UINT64], G_TYPE_UINT64);
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_UINT], G_TYPE_UINT);
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_BOOLEAN], G_TYPE_BOOLEAN);
  g_value_init (&kaa_in_progress_blank[KAA_RESULT_ERROR], G_TYPE_ERROR);
}

void
kaa_in_progress_clear_result (KaaInProgress *self)
{
  GType type = G_VALUE_TYPE (&self->result);

  /* The two that matter for speed; g_value_unset() has to look the type up. */
  if (type == G_TYPE_BYTES)
    g_bytes_unref (self->result.data[0].v_pointer);
  else if (type == G_TYPE_ERROR)
    g_clear_error ((GError **) &self->result.data[0].v_pointer);
  else if (type != 0)
    g_value_unset (&self->result);
}

const GError *
kaa_in_progress_look_at_error (KaaInProgress *self)
{
  const GError *error;

  kaa_in_progress_lock (self);
  self->looked = TRUE;
  /* One that was dropped unfinished gets its error only now, because hardly anybody will ask for it. */
  if (self->result.data[0].v_pointer == NULL)
    self->result.data[0].v_pointer =
      g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "Nobody is left who could finish this operation");
  error = self->result.data[0].v_pointer;
  kaa_in_progress_unlock (self);

  return error;
}

gpointer
kaa_in_progress_get_operation (KaaInProgress *self)
{
  gpointer operation;

  kaa_in_progress_lock (self);
  operation = self->operation;
  kaa_in_progress_unlock (self);

  return operation;
}

void
kaa_in_progress_set_refused (KaaInProgress *self)
{
  kaa_in_progress_lock (self);
  self->refused = TRUE;
  kaa_in_progress_unlock (self);
}

gboolean
kaa_in_progress_has_handlers (KaaInProgress *self,
                              guint          signal_id)
{
  GSignalMatchType match = G_SIGNAL_MATCH_UNBLOCKED;

  if (signal_id != 0)
    match |= G_SIGNAL_MATCH_ID;

  return g_signal_handler_find (self, match, signal_id, 0, NULL, NULL, NULL) != 0;
}

void
kaa_in_progress_queue (KaaInProgress *self)
{
  g_object_ref (self);
  kaa_poller_defer (self->poller, &self->task);
}

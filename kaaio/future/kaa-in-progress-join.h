/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "future/kaa-in-progress-internal.h"

G_BEGIN_DECLS

typedef enum
{
  KAA_JOIN_ALL,
  KAA_JOIN_ANY,
  KAA_JOIN_PASS,              /* timeout(): one member, whose result is passed on */
  KAA_JOIN_NOABORT,           /* the same, but an abort does not get through */
  KAA_JOIN_FOLLOW             /* the same, for a promise that was finished with a future */
} KaaJoinRule;

/* A future on the thread-default context of the caller, which the members will finish. deadline: negative for none.
 * abort_original: when that has passed, the member is aborted. */
KaaInProgress *kaa_in_progress_join            (KaaJoinRule     rule,
                                                KaaInProgress **members,
                                                gsize           n_members,
                                                GObject        *source,
                                                gint64          deadline,
                                                gboolean        abort_original);

/* Finishes a promise with another future. */
void          kaa_in_progress_follow           (KaaInProgress *self, KaaInProgress *other);

G_END_DECLS

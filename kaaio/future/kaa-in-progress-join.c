/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * KaaJoin: a future that is finished by other futures, its members.
 *
 * The members may belong to other contexts, and finish in their threads. Everything that can end a join (a member, the timer,
 * an abort) races for one atomic flag; the winner takes the join apart and settles its future. The join is the operation
 * of that future.
 */

#include "future/kaa-in-progress-join.h"
#include "future/kaa-alarm.h"

typedef struct _KaaJoin KaaJoin;

/* One future that finishes another. Installed as a listener of its member. */
typedef struct
{
  KaaJoin *join;
  GWeakRef member;
} KaaLink;

/* References: its future's until that is settled, one for each link that is installed, the timer's. */
struct _KaaJoin
{
  gatomicrefcount refs;
  int won;                    /* atomic: somebody has got the right to settle the future */
  int n_left;                 /* atomic */
  KaaJoinRule rule;
  gboolean abort_original;
  KaaInProgress *future;      /* each link and the timer hold a reference to it */
  GSource *timer;
  gsize n_links;
  KaaLink links[];
};

static gboolean join_abort   (KaaInProgress *future, gpointer operation, const GError *reason, GError **error);
static void     join_dropped (KaaInProgress *future, gpointer operation);

static const KaaOperationFuncs join_funcs =
{
  .abort = join_abort,
  .dropped = join_dropped,
};

static void link_run     (KaaListener *listener, KaaInProgress *member);
static void link_discard (KaaListener *listener, KaaInProgress *member);

/* Tells a join, in whatever thread, that its member has finished or is going unfinished. */
static const KaaListenerFuncs link_funcs =
{
  .run = link_run,
  .discard = link_discard,
  .discards_at_once = TRUE,
};

static KaaJoin *
kaa_join_new (KaaJoinRule     rule,
              KaaInProgress **members,
              gsize           n_members)
{
  KaaJoin *self;
  gsize i;

  self = g_malloc0 (sizeof (KaaJoin) + n_members * sizeof (KaaLink));
  g_atomic_ref_count_init (&self->refs);
  self->rule = rule;
  self->n_links = n_members;
  self->n_left = (int) n_members;

  for (i = 0; i < n_members; i++)
    {
      self->links[i].join = self;
      g_weak_ref_init (&self->links[i].member, members[i]);
    }

  return self;
}

static KaaJoin *
kaa_join_ref (KaaJoin *self)
{
  g_atomic_ref_count_inc (&self->refs);

  return self;
}

static void
kaa_join_unref (KaaJoin *self)
{
  gsize i;

  if (!g_atomic_ref_count_dec (&self->refs))
    return;

  g_assert (self->timer == NULL);

  for (i = 0; i < self->n_links; i++)
    g_weak_ref_clear (&self->links[i].member);
  g_free (self);
}

/* A link that is installed, or the timer. */
static void
hold (KaaJoin *self)
{
  g_object_ref (self->future);
  kaa_join_ref (self);
}

static void
release (KaaJoin *self)
{
  g_object_unref (self->future);
  kaa_join_unref (self);
}

static void
remove_links (KaaJoin *self)
{
  gsize i;

  for (i = 0; i < self->n_links; i++)
    {
      KaaInProgress *member = g_weak_ref_get (&self->links[i].member);

      if (member == NULL)
        continue;

      if (kaa_in_progress_remove_listener (member, &link_funcs, &self->links[i]))
        release (self);
      g_object_unref (member);
    }
}

static void
remove_timer (KaaJoin *self)
{
  GMainContext *context;

  if (self->timer == NULL)
    return;

  context = kaa_poller_dup_context (self->future->poller);
  kaa_alarm_clear (&self->timer, context);
  g_clear_pointer (&context, g_main_context_unref);
}

/* The caller holds a reference, and so keeps the join until it is done with it. */
static gboolean
win (KaaJoin *self)
{
  if (!g_atomic_int_compare_and_exchange (&self->won, FALSE, TRUE))
    return FALSE;

  remove_timer (self);
  remove_links (self);

  return TRUE;
}

/* The future's reference goes with its pointer, so that who finds the pointer under the lock can take one more. */
static void
forget (KaaJoin *self)
{
  KaaInProgress *future = self->future;
  gpointer operation;

  kaa_in_progress_lock (future);
  operation = g_steal_pointer (&future->operation);
  kaa_in_progress_unlock (future);

  if (operation != NULL)
    kaa_join_unref (self);
}

static KaaJoin *
dup_join (KaaInProgress *future)
{
  KaaJoin *join = NULL;

  kaa_in_progress_lock (future);
  if (future->operation != NULL && kaa_in_progress_get_funcs (future) == &join_funcs)
    join = kaa_join_ref (future->operation);
  kaa_in_progress_unlock (future);

  return join;
}

/* --- What ends it --- */

static void
settle_with (KaaJoin       *self,
             KaaResultKind  kind,
             guint          result,
             gboolean       now)
{
  GValue value = kaa_in_progress_blank[kind];

  if (kind == KAA_RESULT_BOOLEAN)
    g_value_set_boolean (&value, result != 0);
  else
    g_value_set_uint (&value, result);

  forget (self);
  kaa_in_progress_settle (self->future, KAA_STATE_RESOLVED, &value, now);
}

static void
settle_failed (KaaJoin  *self,
               GError   *take,
               gboolean  now)
{
  forget (self);
  kaa_in_progress_settle_error (self->future, take, now);
}

static void
pass_on (KaaJoin       *self,
         KaaInProgress *member,
         gboolean       now)
{
  GValue value = G_VALUE_INIT;

  if (kaa_in_progress_get_state (member) == KAA_STATE_FAILED)
    {
      settle_failed (self, g_error_copy (kaa_in_progress_look_at_error (member)), now);
      return;
    }

  g_value_init (&value, G_VALUE_TYPE (&member->result));
  g_value_copy (&member->result, &value);
  forget (self);
  kaa_in_progress_settle (self->future, KAA_STATE_RESOLVED, &value, now);
}

static void
member_finished (KaaLink       *link,
                 KaaInProgress *member,
                 gboolean       now)
{
  KaaJoin *self = link->join;

  switch (self->rule)
    {
    case KAA_JOIN_ALL:
      if (kaa_in_progress_get_state (member) == KAA_STATE_FAILED)
        {
          const GError *error = kaa_in_progress_look_at_error (member);

          if (win (self))
            settle_failed (self, g_error_copy (error), now);
        }
      else if (g_atomic_int_dec_and_test (&self->n_left) && win (self))
        {
          settle_with (self, KAA_RESULT_BOOLEAN, TRUE, now);
        }
      break;

    case KAA_JOIN_ANY:
      if (win (self))
        settle_with (self, KAA_RESULT_UINT, (guint) (link - self->links), now);
      break;

    case KAA_JOIN_PASS:
    case KAA_JOIN_NOABORT:
    case KAA_JOIN_FOLLOW:
    default:
      if (win (self))
        pass_on (self, member, now);
    }
}

static void
fire (KaaLink       *self,
      KaaInProgress *member,
      gboolean       now)
{
  /* A loop that is written as promises, each finished with the next, ends in a chain of any length. */
  const guint deepest = 16;
  static _Thread_local guint depth;
  KaaJoin *join = self->join;

  depth++;
  /* Inside the member's announcement we are in a dispatch of its poller, and of no other. */
  member_finished (self, member, now && depth <= deepest && member->poller == join->future->poller);
  depth--;
  release (join);
}

static void
link_run (KaaListener   *listener,
          KaaInProgress *member)
{
  fire (listener->as.data, member, /* now= */ TRUE);
}

static void
link_discard (KaaListener   *listener,
              KaaInProgress *member)
{
  fire (listener->as.data, member, /* now= */ FALSE);
}

static gboolean
timer_is_due (gpointer user_data)
{
  KaaJoin *self = user_data;
  KaaInProgress *member = g_weak_ref_get (&self->links[0].member);
  GError *error;

  if (win (self))
    {
      error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The operation was not finished in time");
      if (self->abort_original && member != NULL)
        kaa_in_progress_abort_with (member, error, NULL);
      settle_failed (self, error, /* now= */ TRUE);
    }

  g_clear_object (&member);

  return G_SOURCE_REMOVE;
}

/* The timer goes: it is not needed any more, or the context has gone and it can never be due. */
static void
timer_is_gone (gpointer user_data)
{
  KaaJoin *self = user_data;

  if (g_atomic_int_compare_and_exchange (&self->won, FALSE, TRUE))
    {
      g_clear_pointer (&self->timer, g_source_unref);
      remove_links (self);
      settle_failed (self,
                     g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED,
                                          "The main context has gone that would have seen the operation time out"),
                     /* now= */ FALSE);
    }

  release (self);
}

/* --- The future's side --- */

static void
start_timer (KaaJoin *self,
             gint64   deadline)
{
  GMainContext *context = kaa_poller_dup_context (self->future->poller);

  if (context == NULL)
    return;

  hold (self);
  self->timer = kaa_alarm_new (deadline);
  g_source_set_callback (self->timer, timer_is_due, self, timer_is_gone);
  g_source_attach (self->timer, context);
  g_main_context_unref (context);
}

/* The join's future is made; begin. */
static void
kaa_join_start (KaaJoin *self,
                gint64   deadline)
{
  KaaListener listener;
  gsize i;

  listener.funcs = &link_funcs;

  /* Another thread may end the join while it is being put together here. */
  kaa_join_ref (self);

  if (deadline >= 0)
    start_timer (self, deadline);

  for (i = 0; i < self->n_links && !g_atomic_int_get (&self->won); i++)
    {
      KaaInProgress *member = g_weak_ref_get (&self->links[i].member);

      hold (self);
      listener.as.data = &self->links[i];
      if (!kaa_in_progress_add_listener (member, &listener, /* only_pending= */ TRUE))
        fire (&self->links[i], member, /* now= */ FALSE);
      g_object_unref (member);
    }

  if (g_atomic_int_get (&self->won))
    remove_links (self);

  kaa_join_unref (self);
}

static void
abort_members (KaaJoin      *self,
               const GError *reason)
{
  gsize i;

  for (i = 0; i < self->n_links; i++)
    {
      KaaInProgress *member = g_weak_ref_get (&self->links[i].member);

      if (member == NULL)
        continue;

      kaa_in_progress_abort_with (member, reason, NULL);
      g_object_unref (member);
    }
}

/* A single member decides itself. */
static gboolean
may_abort (KaaJoin       *self,
           const GError  *reason,
           GError       **error)
{
  KaaInProgress *member;
  gboolean aborted;

  if (self->rule == KAA_JOIN_NOABORT)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "The operation is protected from being aborted");
      return FALSE;
    }

  if (self->rule != KAA_JOIN_PASS)
    return TRUE;

  member = g_weak_ref_get (&self->links[0].member);
  if (member == NULL)
    return TRUE;

  aborted = kaa_in_progress_abort_with (member, reason, error);
  g_object_unref (member);

  return aborted;
}

/* The join of a future lets go of it, after it has told the members where the rule says so. It may end in another thread at any
 * moment: the operation that the caller has seen may not be there any more. */
static gboolean
join_abort (KaaInProgress  *future,
            gpointer        operation,
            const GError   *reason,
            GError        **error)
{
  KaaJoin *self = dup_join (future);
  gboolean let_go;

  /* It is being settled: who asks will find that out. */
  if (self == NULL)
    return TRUE;

  if (!may_abort (self, reason, error))
    {
      kaa_join_unref (self);
      return FALSE;
    }

  let_go = win (self);
  if (let_go)
    {
      forget (self);
      if (self->rule == KAA_JOIN_ALL || self->rule == KAA_JOIN_ANY)
        abort_members (self, reason);
    }
  else
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                           "The operation cannot be aborted, because it is finished");
    }
  kaa_join_unref (self);

  return let_go;
}

/* The pointer has been taken from the future, and its reference is ours. */
static void
join_dropped (KaaInProgress *future,
              gpointer       operation)
{
  KaaJoin *self = operation;

  win (self);
  kaa_join_unref (self);
}

KaaInProgress *
kaa_in_progress_join (KaaJoinRule     rule,
                      KaaInProgress **members,
                      gsize           n_members,
                      GObject        *source,
                      gint64          deadline,
                      gboolean        abort_original)
{
  KaaPoller *poller = kaa_poller_get (NULL, G_PRIORITY_DEFAULT);
  KaaJoin *join = kaa_join_new (rule, members, n_members);
  KaaInProgress *self;

  self = kaa_in_progress_new_operation (source, poller, &join_funcs, join);
  self->abortable = rule != KAA_JOIN_NOABORT;
  join->future = self;
  join->abort_original = abort_original;
  kaa_poller_unref (poller);

  kaa_join_start (join, deadline);

  return self;
}

/* --- A promise that is finished with a future --- */

/* Whether one waits for the other, over any number of futures between them. Everything that was looked at is kept alive in seen. */
static gboolean
waits_for (KaaInProgress *self,
           KaaInProgress *other,
           GPtrArray     *seen)
{
  GHashTable *known = g_hash_table_new (NULL, NULL);
  guint position;
  gsize i;

  g_hash_table_add (known, self);
  g_ptr_array_add (seen, g_object_ref (self));

  for (position = 0; position < seen->len && g_ptr_array_index (seen, position) != other; position++)
    {
      KaaJoin *join = dup_join (g_ptr_array_index (seen, position));

      for (i = 0; join != NULL && i < join->n_links; i++)
        {
          KaaInProgress *member = g_weak_ref_get (&join->links[i].member);

          if (member == NULL)
            continue;

          if (g_hash_table_add (known, member))
            g_ptr_array_add (seen, member);
          else
            g_object_unref (member);
        }
      g_clear_pointer (&join, kaa_join_unref);
    }

  g_hash_table_unref (known);

  return position < seen->len;
}

/* Makes the join the operation of the promise. FALSE: it has been finished, or is somebody else's. */
static gboolean
adopt (KaaInProgress *self,
       KaaJoin       *join)
{
  gboolean adopted;

  kaa_in_progress_lock (self);
  adopted = self->state == KAA_STATE_PENDING && self->funcs == NULL;
  if (adopted)
    {
      self->operation = join;
      g_atomic_pointer_set (&self->funcs, &join_funcs);
    }
  kaa_in_progress_unlock (self);

  return adopted;
}

void
kaa_in_progress_follow (KaaInProgress *self,
                        KaaInProgress *other)
{
  /* Two threads could each add one half of a circle. No other kind of join can close one, because it begins with a new future. */
  static GMutex circles;
  GPtrArray *seen = g_ptr_array_new_with_free_func (g_object_unref);
  KaaJoin *join;
  gboolean circle;
  gboolean adopted = FALSE;

  join = kaa_join_new (KAA_JOIN_FOLLOW, &other, 1);
  join->future = self;
  kaa_join_ref (join);

  g_mutex_lock (&circles);
  circle = waits_for (other, self, seen);
  if (!circle)
    adopted = adopt (self, join);
  g_mutex_unlock (&circles);

  /* Only now, because the last reference to one of them may be among these. */
  g_ptr_array_unref (seen);

  if (adopted)
    {
      kaa_join_start (join, /* deadline= */ -1);
    }
  else
    {
      kaa_join_unref (join);
      if (circle)
        g_critical ("KaaInProgress %p was finished with a future that waits for it: it could never end", self);
      else
        kaa_in_progress_complain (self);
    }

  kaa_join_unref (join);
}

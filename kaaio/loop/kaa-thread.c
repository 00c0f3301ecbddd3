/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "loop/kaa-thread.h"

/*
 * One for each thread that there is, in a list that only grows: those of threads that have ended are used again under another name. So
 * there is no lock that a fork could leave behind.
 */
typedef struct _Place Place;

struct _Place
{
  Place *next;      /* set before it is in the list */
  gpointer thread;  /* atomic; NULL: nobody's */
};

static Place *places;   /* atomic */
static gsize n_threads; /* atomic */

/*
 * It is asked for at each request, and in a library each use of such a variable calls a function, unless the variable has a place
 * from the start. glibc keeps 1,664 bytes for libraries that are loaded later, as this one is by an interpreter, and lets no more than
 * 512 of them be used by who could do without (since 2.32; what is needed here is one pointer). Others need not keep any.
 */
#if defined (__GLIBC__) && defined (__GNUC__)
# define KAA_PLACE_FROM_THE_START __attribute__ ((tls_model ("initial-exec")))
#else
# define KAA_PLACE_FROM_THE_START
#endif

static _Thread_local gpointer self KAA_PLACE_FROM_THE_START;

static void
leave (gpointer data)
{
  g_atomic_pointer_set (&((Place *) data)->thread, NULL);
}

static GPrivate own_place = G_PRIVATE_INIT (leave);

static Place *
take_place (gpointer thread)
{
  Place *place;

  for (place = g_atomic_pointer_get (&places); place != NULL; place = place->next)
    {
      if (g_atomic_pointer_compare_and_exchange (&place->thread, NULL, thread))
        return place;
    }

  place = g_new (Place, 1);
  place->thread = thread;
  do
    place->next = g_atomic_pointer_get (&places);
  while (!g_atomic_pointer_compare_and_exchange (&places, place->next, place));

  return place;
}

static gpointer G_GNUC_NO_INLINE
name_thread (void)
{
  self = GSIZE_TO_POINTER (g_atomic_pointer_add (&n_threads, 1) + 1);
  g_private_set (&own_place, take_place (self));

  return self;
}

gpointer
kaa_thread_self (void)
{
  return G_LIKELY (self != NULL) ? self : name_thread ();
}

gboolean
kaa_thread_has_ended (gpointer thread)
{
  Place *place;

  for (place = g_atomic_pointer_get (&places); place != NULL; place = place->next)
    {
      if (g_atomic_pointer_get (&place->thread) == thread)
        return FALSE;
    }

  return TRUE;
}

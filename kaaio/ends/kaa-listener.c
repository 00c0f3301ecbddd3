/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-listener.h"

#include <errno.h>
#include <sys/socket.h>

/* Where clients cannot be had now, time is all that helps. */
#define PAUSE_MSEC 50
#define LOG_INTERVAL G_USEC_PER_SEC
/* What one client counts of the budget of a dispatch: 64 of them are a turn's. */
#define CLIENT_COST (16 * 1024)
/* So many calls in a row that gave no client: whatever the reason, it is not one that passes by itself at once. */
#define MAX_VAIN 64

/* What accept(2) has said. */
typedef enum
{
  VERDICT_NOBODY,   /* nobody waits */
  VERDICT_NEXT,     /* about one client, who is gone with it, or about nothing: the next one, please */
  VERDICT_LATER,    /* the client is still there, and will be refused again at once */
  VERDICT_ENDED     /* there will be no client any more */
} Verdict;

typedef struct
{
  KaaTransport parent;
  grefcount ref_count;            /* the channel's, and that of a dispatch under way */
  KaaPollEntry entry;
  KaaListening listening;
  KaaWatch watches[KAA_LISTENING_MAX];
  guint next;                     /* whose turn it is */
  const KaaListenerFuncs *funcs;
  GObject *owner;                 /* the channel, not referenced */
  GSource *pause;                 /* no accept before it is over */
  gint64 last_log;                /* 0: never */
  guint64 n_suppressed;
  guint n_vain;                   /* calls in a row that gave no client */
  int end;                        /* errno: why there will be none any more */
  guint failing : 1;              /* told about it; until a client is accepted */
  guint closed : 1;
} KaaListener;

static KaaListener *
from_entry (KaaPollEntry *entry)
{
  return G_STRUCT_MEMBER_P (entry, -G_STRUCT_OFFSET (KaaListener, entry));
}

static void
listener_unref (KaaListener *self)
{
  if (g_ref_count_dec (&self->ref_count))
    g_free (self);
}

static void
end_pause (KaaListener *self)
{
  if (self->pause != NULL)
    {
      g_source_destroy (self->pause);
      g_clear_pointer (&self->pause, g_source_unref);
    }
}

static gboolean
pause_over (gpointer data)
{
  KaaListener *self = data;

  g_clear_pointer (&self->pause, g_source_unref);
  /* Those that turned out to listen all the same. */
  for (guint i = 0; i < self->listening.n; i++)
    self->watches[i].ready &= ~KAA_POLL_HUP;
  kaa_poll_entry_schedule (&self->entry);
  return G_SOURCE_REMOVE;
}

static void
pause_for_a_while (KaaListener *self)
{
  GMainContext *context = kaa_poller_dup_context (self->entry.poller);

  end_pause (self);
  if (context == NULL)
    return;

  self->pause = g_timeout_source_new (PAUSE_MSEC);
  g_source_set_priority (self->pause, kaa_poller_get_priority (self->entry.poller));
  g_source_set_callback (self->pause, pause_over, self, NULL);
  g_source_set_static_name (self->pause, "kaa-listener-pause");
  g_source_attach (self->pause, context);
  g_main_context_unref (context);
}

/* Quiet: an attacker decides how often this happens. */
static void
log_error (KaaListener  *self,
           const GError *error)
{
  gint64 now = g_get_monotonic_time ();

  if (self->last_log != 0 && now - self->last_log < LOG_INTERVAL)
    {
      self->n_suppressed++;
      return;
    }
  self->last_log = now;
  if (self->n_suppressed > 0)
    g_message ("%s (and %" G_GUINT64_FORMAT " times before)", error->message, self->n_suppressed);
  else
    g_message ("%s", error->message);
  self->n_suppressed = 0;
}

static void
hold_clients (KaaListener *self,
              int          errsv)
{
  GError *error = g_error_new (G_IO_ERROR, g_io_error_from_errno (errsv),
                               "A client has to wait: %s", g_strerror (errsv));

  pause_for_a_while (self);
  log_error (self, error);
  if (!self->failing)
    {
      self->failing = TRUE;
      self->funcs->failed (self->owner, error);
    }
  g_error_free (error);
}

static void
end (KaaListener *self)
{
  self->funcs->ended (self->owner,
                      g_error_new (G_IO_ERROR, g_io_error_from_errno (self->end),
                                   "The socket does not listen any more, somebody has closed it or shut it down: %s",
                                   g_strerror (self->end)));
}

static gboolean
get_ready_socket (KaaListener *self,
                  guint       *i)
{
  guint n = self->listening.n;

  for (guint k = 0; k < n; k++)
    {
      *i = (self->next + k) % n;
      if (self->watches[*i].ready & KAA_POLL_IN)
        {
          self->next = (*i + 1) % n;
          return TRUE;
        }
    }
  return FALSE;
}

/* accept(2) has a word about the socket, about a client, about the process, and many a security module has one of its own: what is not
 * known here is taken for one that leaves the client where it is. */
static Verdict
judge (KaaListener *self,
       guint        i,
       int          errsv)
{
  switch (errsv)
    {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
      return VERDICT_NOBODY;

    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EPROTO:
    case ENOPROTOOPT:
    case ETIMEDOUT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTUNREACH:
#ifdef EHOSTDOWN
    case EHOSTDOWN:
#endif
#ifdef ENONET
    case ENONET:
#endif
      return VERDICT_NEXT;

    case EBADF:
    case EINVAL:
    case ENOTSOCK:
      return VERDICT_ENDED;

    /* Of a client's network, or of a descriptor that is another socket's by now. */
    case EOPNOTSUPP:
      return kaa_listening_get_end (&self->listening, i) != 0 ? VERDICT_ENDED : VERDICT_NEXT;

    default:
      return VERDICT_LATER;
    }
}

static void
take_client (KaaListener       *self,
             int                fd,
             const KaaSockaddr *peer)
{
  GError *error = NULL;

  self->n_vain = 0;
  if (self->funcs->accepted (self->owner, fd, peer, &error))
    {
      self->failing = FALSE;
      return;
    }

  log_error (self, error);
  self->funcs->failed (self->owner, error);
  g_error_free (error);
}

/* One accept4(). */
static void
accept_one (KaaListener *self,
            guint        i)
{
  KaaSockaddr peer = { .length = sizeof peer.storage };
  int fd = kaa_sys_move_up (accept4 (self->watches[i].fd, (struct sockaddr *) &peer.storage, &peer.length,
                                     SOCK_CLOEXEC | SOCK_NONBLOCK));
  int errsv = errno;
  Verdict verdict;

  if (fd >= 0)
    {
      take_client (self, fd, &peer);
      return;
    }

  verdict = judge (self, i, errsv);
  self->n_vain++;
  if (verdict == VERDICT_NOBODY)
    kaa_watch_clear (&self->watches[i], KAA_POLL_IN);

  if (verdict == VERDICT_ENDED)
    self->end = errsv;
  else if (verdict == VERDICT_LATER || (verdict == VERDICT_NEXT && self->n_vain >= MAX_VAIN))
    hold_clients (self, errsv);
  else if (self->n_vain >= MAX_VAIN)
    pause_for_a_while (self);
}

static gboolean
is_wanted (KaaListener *self)
{
  return !self->closed && self->pause == NULL && self->funcs->look (self->owner) == KAA_LOOK_WANTED;
}

/* A number that stands for somebody else has nothing for us. */
static void
find_lost (KaaListener *self)
{
  for (guint i = 0; i < self->listening.n; i++)
    if (kaa_listening_is_lost (&self->listening, i))
      self->end = EBADF;
}

/* Clients, as long as there are some and they are wanted: interest is looked at again before every one. FALSE when the budget of this
 * dispatch is used up. */
static gboolean
accept_clients (KaaListener *self)
{
  gboolean budget = TRUE;
  guint i;

  while (budget && self->end == 0 && is_wanted (self) && get_ready_socket (self, &i))
    {
      accept_one (self, i);
      if (!self->closed)
        budget = kaa_poller_spend (self->entry.poller, CLIENT_COST);
    }
  return budget;
}

/* A hang-up, behind the last client that is wanted: mostly the end. */
static void
find_end (KaaListener *self,
          gboolean     budget)
{
  for (guint i = 0; i < self->listening.n && self->end == 0; i++)
    if ((self->watches[i].ready & KAA_POLL_HUP) && (budget || !(self->watches[i].ready & KAA_POLL_IN)))
      {
        self->end = kaa_listening_get_end (&self->listening, i);
        if (self->end == 0 && self->pause == NULL)
          pause_for_a_while (self);
      }
}

/* What nobody takes is disarmed by its first event. */
static void
rest (KaaListener *self,
      gboolean     budget)
{
  gboolean ready = FALSE;

  for (guint i = 0; i < self->listening.n; i++)
    {
      gboolean is_ready = (self->watches[i].ready & KAA_POLL_IN) != 0;

      kaa_watch_set_wanted (&self->watches[i], is_ready || self->pause != NULL ? 0 : KAA_POLL_IN);
      ready = ready || is_ready;
    }

  if (!ready || self->pause != NULL)
    return;
  if (!budget)
    kaa_poll_entry_schedule_idle (&self->entry);
  else
    kaa_poll_entry_park (&self->entry, self->funcs->look (self->owner));
}

static void
listener_dispatch (KaaPollEntry *entry)
{
  KaaListener *self = from_entry (entry);
  GObject *owner = self->owner;
  gboolean budget;

  if (kaa_poller_is_forked (entry->poller))
    return;

  g_ref_count_inc (&self->ref_count);
  g_object_ref (owner);

  find_lost (self);
  budget = accept_clients (self);
  if (!self->closed)
    find_end (self, budget);
  if (!self->closed && self->end != 0)
    end (self);

  if (!self->closed)
    self->funcs->settle (owner);
  if (!self->closed)
    rest (self, budget);

  g_object_unref (owner);
  listener_unref (self);
}

static KaaLook
listener_look (KaaPollEntry *entry)
{
  KaaListener *self = from_entry (entry);

  return self->pause != NULL ? KAA_LOOK_BLOCKED : self->funcs->look (self->owner);
}

/* The channel is told as well, and closes. */
static void
listener_context_gone (KaaPollEntry *entry)
{
}

static const KaaPollEntryFuncs entry_funcs = {
  .dispatch = listener_dispatch,
  .look = listener_look,
  .context_gone = listener_context_gone,
};

/* --- the transport: no bytes --- */

static gssize
listener_read (KaaTransport  *transport,
               guint8        *buffer,
               gsize          length,
               GError       **error)
{
  return KAA_TRANSPORT_AGAIN;
}

static gssize
listener_write (KaaTransport        *transport,
                const struct iovec  *vectors,
                int                  n,
                GError             **error)
{
  return KAA_TRANSPORT_AGAIN;
}

static KaaPollFlags
listener_get_ready (KaaTransport *transport)
{
  return 0;
}

static void
listener_set_wanted (KaaTransport *transport,
                     KaaPollFlags  wanted)
{
}

static gboolean
listener_is_drained (KaaTransport  *transport,
                     GError       **error)
{
  return FALSE;
}

static gsize
listener_get_nothing (KaaTransport *transport)
{
  return 0;
}

static gboolean
listener_shutdown (KaaTransport  *transport,
                   GError       **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                       "A listening socket has nothing to shut down; close it");
  return FALSE;
}

static gboolean
listener_finish (KaaTransport *transport,
                 gboolean      close_fd)
{
  return TRUE;
}

static void
listener_stop (KaaTransport *transport)
{
  KaaListener *self = (gpointer) transport;

  for (guint i = 0; i < self->listening.n; i++)
    if (self->watches[i].entry != NULL)
      kaa_watch_stop (&self->watches[i]);
  end_pause (self);
  kaa_poll_entry_detach (&self->entry);
}

static gboolean
listener_start (KaaTransport  *transport,
                KaaPollEntry  *entry,
                GError       **error)
{
  KaaListener *self = (gpointer) transport;

  kaa_poll_entry_attach (&self->entry, entry->poller);
  for (guint i = 0; i < self->listening.n; i++)
    {
      /* Who closes it behind our back ends it for us, which nobody would tell us otherwise. */
      self->watches[i] = (KaaWatch) { .direct = TRUE };
      if (!kaa_watch_start (&self->watches[i], &self->entry, self->listening.sockets[i].fd, KAA_POLL_IN, error))
        {
          listener_stop (transport);
          return FALSE;
        }
    }
  kaa_poll_entry_schedule (&self->entry);
  return TRUE;
}

static void
listener_close (KaaTransport *transport,
                gboolean      close_fd,
                gboolean      forked)
{
  KaaListener *self = (gpointer) transport;

  self->closed = TRUE;
  kaa_listening_close (&self->listening, close_fd, forked);
  self->funcs->closed (self->owner);
  listener_unref (self);
}

static gboolean
listener_is_heard (KaaTransport *transport)
{
  KaaListener *self = (gpointer) transport;

  return self->funcs->is_heard (self->owner);
}

static const KaaTransportClass listener_class = {
  .read = listener_read,
  .write = listener_write,
  .get_ready = listener_get_ready,
  .set_wanted = listener_set_wanted,
  .is_drained = listener_is_drained,
  .get_unread = listener_get_nothing,
  .get_in_flight = listener_get_nothing,
  .shutdown = listener_shutdown,
  .finish = listener_finish,
  .start = listener_start,
  .stop = listener_stop,
  .close = listener_close,
  .is_heard = listener_is_heard,
};

KaaTransport *
kaa_listener_new (KaaListening           *listening,
                  const KaaListenerFuncs *funcs,
                  GObject                *owner)
{
  KaaListener *self = g_new0 (KaaListener, 1);

  g_ref_count_init (&self->ref_count);
  self->parent.klass = &listener_class;
  self->parent.fd = listening->sockets[0].fd;
  self->parent.kind = KAA_FD_OTHER;
  self->entry.funcs = &entry_funcs;
  self->listening = *listening;
  self->funcs = funcs;
  self->owner = owner;
  *listening = (KaaListening) { 0, };
  return &self->parent;
}

void
kaa_listener_schedule (KaaTransport *transport)
{
  KaaListener *self = (gpointer) transport;

  if (self->entry.poller != NULL)
    kaa_poll_entry_schedule (&self->entry);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-listener.h"

#include <errno.h>
#include <sys/socket.h>

/* Where descriptors or memory have run out, time is all that helps. */
#define PAUSE_MSEC 50
#define LOG_INTERVAL G_USEC_PER_SEC
/* What one client counts in the share of a dispatch: 64 of them are a turn's. */
#define CLIENT_COST (16 * 1024)

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
  GSource *pause;                 /* out of descriptors: no accept before it is over */
  gint64 last_log;                /* 0: never */
  guint64 n_suppressed;
  guint failing : 1;              /* told about it; until a client is accepted */
  guint closed : 1;
} KaaListener;

static KaaListener *
from_entry (KaaPollEntry *entry)
{
  return (KaaListener *) ((guint8 *) entry - G_STRUCT_OFFSET (KaaListener, entry));
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
ran_out (KaaListener *self,
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

static KaaWatch *
get_ready_watch (KaaListener *self)
{
  for (guint i = 0; i < self->listening.n_fds; i++)
    {
      KaaWatch *watch = &self->watches[(self->next + i) % self->listening.n_fds];

      if (watch->ready & (KAA_POLL_IN | KAA_POLL_HUP))
        {
          self->next = (self->next + i + 1) % self->listening.n_fds;
          return watch;
        }
    }
  return NULL;
}

/* One accept4(). FALSE where going on makes no sense now. */
static gboolean
accept_one (KaaListener *self,
            KaaWatch    *watch)
{
  KaaSockaddr peer = { .length = sizeof peer.storage };
  int fd = accept4 (watch->fd, (struct sockaddr *) &peer.storage, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd >= 0)
    {
      self->failing = FALSE;
      self->funcs->accepted (self->owner, fd, &peer);
      return TRUE;
    }

  switch (errno)
    {
    case EAGAIN:
      kaa_watch_clear (watch, KAA_POLL_IN);
      return TRUE;

    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      ran_out (self, errno);
      return FALSE;

    /* Not a listening socket any more, or none at all: closed behind our back. */
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
      kaa_watch_stop (watch);
      watch->ready = 0;
      return TRUE;

    /* A client that is gone already, a signal, an error of its network: the next one, please. */
    default:
      return TRUE;
    }
}

static gboolean
is_wanted (KaaListener *self)
{
  return !self->closed && self->pause == NULL && self->funcs->look (self->owner) == KAA_LOOK_WANTED;
}

/* What nobody takes is disarmed by its first event. */
static void
rest (KaaListener *self,
      gboolean     budget)
{
  gboolean ready = FALSE;

  for (guint i = 0; i < self->listening.n_fds; i++)
    {
      gboolean is_ready = (self->watches[i].ready & (KAA_POLL_IN | KAA_POLL_HUP)) != 0;

      if (self->watches[i].entry == NULL)
        continue;
      kaa_watch_set_wanted (&self->watches[i], is_ready ? 0 : KAA_POLL_IN);
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
  gboolean budget = TRUE;
  KaaWatch *watch;

  if (kaa_poller_is_forked (entry->poller))
    return;

  g_ref_count_inc (&self->ref_count);
  g_object_ref (owner);

  /* Interest is looked at again before every client. */
  while (budget && is_wanted (self) && (watch = get_ready_watch (self)) != NULL)
    {
      if (!accept_one (self, watch))
        break;
      if (!self->closed)
        budget = kaa_poller_spend (entry->poller, CLIENT_COST);
    }

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
  KaaListener *self = (KaaListener *) transport;

  for (guint i = 0; i < self->listening.n_fds; i++)
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
  KaaListener *self = (KaaListener *) transport;

  kaa_poll_entry_attach (&self->entry, entry->poller);
  for (guint i = 0; i < self->listening.n_fds; i++)
    {
      self->watches[i] = (KaaWatch) { 0, };
      if (!kaa_watch_start (&self->watches[i], &self->entry, self->listening.fds[i], KAA_POLL_IN, error))
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
  KaaListener *self = (KaaListener *) transport;

  self->closed = TRUE;
  kaa_listening_close (&self->listening, close_fd, forked);
  self->funcs->closed (self->owner);
  listener_unref (self);
}

static gboolean
listener_is_heard (KaaTransport *transport)
{
  KaaListener *self = (KaaListener *) transport;

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
  .anchored = TRUE,
};

KaaTransport *
kaa_listener_new (KaaListening           *listening,
                  const KaaListenerFuncs *funcs,
                  GObject                *owner)
{
  KaaListener *self = g_new0 (KaaListener, 1);

  g_ref_count_init (&self->ref_count);
  self->parent.klass = &listener_class;
  self->parent.fd = listening->fds[0];
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
  KaaListener *self = (KaaListener *) transport;

  if (self->entry.poller != NULL)
    kaa_poll_entry_schedule (&self->entry);
}

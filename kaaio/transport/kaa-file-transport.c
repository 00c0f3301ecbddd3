/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The transport for regular files and block devices.
 *
 * They are always "ready" and block all the same, so they are read, written and closed on a small private pool of
 * threads. A call starts a job and says AGAIN; when the job is done the entry is scheduled, and the same call
 * made again finds the result. One job at a time: the file offset belongs to the description.
 *
 * A splice reads nothing: a job fills a pipe, the conduit, whose bytes the kernel moves on.
 */

#include "bytes/kaa-vectors.h"
#include "transport/kaa-conduit.h"
#include "transport/kaa-transport.h"

#include <errno.h>
#include <string.h>

/* More would only make cancelling and closing slow. */
#define MAX_JOB (256 * 1024)
/* What goes through the conduit at a time; the least for which it is made. */
#define MAX_CONDUIT (1024 * 1024)
#define MIN_CONDUIT (16 * 1024)
#define MAX_THREADS 4

typedef enum
{
  JOB_READ,
  JOB_FILL,
  JOB_WRITE,
  JOB_CLOSE,
  N_JOBS
} JobKind;

typedef struct _KaaFileTransport KaaFileTransport;

typedef struct
{
  KaaTask task;
  KaaFileTransport *owner;  /* NULL once the transport is closed: then the job cleans up */
  KaaPoller *poller;
  GObject *stream;          /* whose descriptor it is */
  KaaConduit *conduit;      /* to be filled */
  KaaFdInfo info;
  int fd;
  JobKind kind;
  gboolean close_fd;        /* what the transport wanted when it left the job behind */
  gsize length;
  gssize result;
  int errsv;
  guint8 data[];
} Job;

struct _KaaFileTransport
{
  KaaTransport parent;
  KaaPollEntry *entry;
  Job *running;
  Job *done[N_JOBS];        /* one for each kind: nobody has to take what was read before something can be written */
  gsize offset;             /* how much of what was read has been handed out */
  KaaConduit *conduit;      /* while it is spliced: what is in there was read, too */
  gboolean unspliceable;    /* a file system that cannot do it */
  KaaFdInfo info;
};

/* Guards Job.owner: a job may end in its own thread while the transport lets go of it in another one. */
static GMutex owner_lock;

static void
job_close_fd (Job *job)
{
  if (job->close_fd)
    kaa_transport_close_fd (job->fd, &job->info, job->stream);
}

static void
job_free (Job *job)
{
  kaa_poller_unref (job->poller);
  g_clear_object (&job->stream);
  g_clear_pointer (&job->conduit, kaa_conduit_unref);
  g_free (job);
}

/* Back on the poller's thread, or wherever the job ended when its context had gone. */
static void
job_done (KaaTask  *task,
          gboolean  context_gone)
{
  Job *job = (gpointer) task;
  KaaFileTransport *self;

  g_mutex_lock (&owner_lock);
  self = job->owner;
  if (self != NULL)
    {
      self->running = NULL;
      self->done[job->kind] = job;
    }
  g_mutex_unlock (&owner_lock);

  if (self == NULL)
    {
      /* Closing may block as well: that was the reason for the thread. */
      job_close_fd (job);
      job_free (job);
    }
  else if (!context_gone && self->entry != NULL)
    {
      kaa_poll_entry_schedule (self->entry);
    }
}

static void
job_run (gpointer data,
         gpointer user_data)
{
  Job *job = data;

  /* Somebody else has closed it, and what is under its number now is not ours to touch. */
  if (job->kind != JOB_CLOSE && !kaa_sys_is_same (job->fd, &job->info))
    {
      job->result = -1;
      job->errsv = EBADF;
      kaa_poller_defer (job->poller, &job->task);
      return;
    }

  switch (job->kind)
    {
    case JOB_READ:
      job->result = kaa_sys_read (job->fd, job->data, job->length);
      break;
    case JOB_FILL:
      job->result = kaa_conduit_fill (job->conduit, job->fd);
      break;
    case JOB_WRITE:
      job->result = kaa_sys_write_file (job->fd, job->data, job->length);
      break;
    case JOB_CLOSE:
      job_close_fd (job);
      job->close_fd = FALSE;
      break;
    case N_JOBS:
    default:
      g_assert_not_reached ();
    }

  job->errsv = errno;
  kaa_poller_defer (job->poller, &job->task);
}

static void
job_push (Job *job)
{
  static GThreadPool *pool;
  static gsize initialized;

  if (g_once_init_enter (&initialized))
    {
      pool = g_thread_pool_new (job_run, NULL, MAX_THREADS, FALSE, NULL);
      g_once_init_leave (&initialized, 1);
    }

  g_thread_pool_push (pool, job, NULL);
}

static Job *
job_new (KaaFileTransport *self,
         JobKind           kind,
         gsize             length)
{
  Job *job = g_malloc0 (sizeof (Job) + length);

  job->task.func = job_done;
  job->owner = self;
  job->poller = kaa_poller_ref (self->entry->poller);
  job->stream = self->parent.stream != NULL ? g_object_ref (self->parent.stream) : NULL;
  job->info = self->info;
  job->fd = self->parent.fd;
  job->kind = kind;
  job->length = length;
  return job;
}

static void
drop_done (KaaFileTransport *self,
           JobKind           kind)
{
  g_clear_pointer (&self->done[kind], job_free);
  if (kind == JOB_READ)
    self->offset = 0;
}

static gboolean
can_begin (const KaaFileTransport *self)
{
  return self->running == NULL && self->done[JOB_CLOSE] == NULL;
}

static void
begin (KaaFileTransport *self,
       Job              *job)
{
  self->running = job;
  job_push (job);
}

/* Looks at a filling that is done: 0 where the file has come to its end, -1 for an error, which comes again when it is read. */
static gssize
note_filling (KaaFileTransport *self)
{
  Job *job = self->done[JOB_FILL];
  gssize result;

  if (job == NULL)
    return 1;

  result = job->result;
  if (result > 0)
    kaa_conduit_add (self->conduit, result);
  drop_done (self, JOB_FILL);
  return result;
}

/* What a splice has left behind comes first. TRUE if there was something. */
static gboolean
read_conduit (KaaFileTransport *self,
              guint8           *buffer,
              gsize             length,
              gssize           *result)
{
  if (self->conduit == NULL)
    return FALSE;

  note_filling (self);
  if (kaa_conduit_get_level (self->conduit) == 0)
    {
      /* The next filling may be under way. */
      if (self->running == NULL)
        g_clear_pointer (&self->conduit, kaa_conduit_unref);
      return FALSE;
    }

  *result = kaa_sys_read (kaa_conduit_get_fd (self->conduit), buffer, MIN (length, kaa_conduit_get_level (self->conduit)));
  g_assert (*result > 0);
  kaa_conduit_remove (self->conduit, *result);
  return TRUE;
}

static gssize
file_transport_read (KaaTransport  *transport,
                     guint8        *buffer,
                     gsize          length,
                     GError       **error)
{
  KaaFileTransport *self = (gpointer) transport;
  Job *job = self->done[JOB_READ];
  gssize result;
  gsize n;

  if (read_conduit (self, buffer, length, &result))
    return result;

  if (job == NULL)
    {
      if (!can_begin (self))
        return KAA_TRANSPORT_AGAIN;

      begin (self, job_new (self, JOB_READ, MIN (length, MAX_JOB)));
      return KAA_TRANSPORT_AGAIN;
    }

  if (job->result < 0)
    {
      g_propagate_error (error, kaa_transport_error (job->errsv, "Reading from", transport->fd));
      drop_done (self, JOB_READ);
      return KAA_TRANSPORT_FAILED;
    }

  n = MIN (length, (gsize) job->result - self->offset);
  memcpy (buffer, job->data + self->offset, n);
  self->offset += n;
  if (self->offset == (gsize) job->result)
    drop_done (self, JOB_READ);

  return n;
}

static gssize
judge_error (int errsv)
{
  switch (errsv)
    {
    case EBADF:
      return KAA_TRANSPORT_FAILED;
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return KAA_TRANSPORT_LATER;
    default:
      /* A disk that is full or broken says nothing about the descriptor. */
      return KAA_TRANSPORT_REFUSED;
    }
}

static gssize
file_transport_write (KaaTransport        *transport,
                      const struct iovec  *vectors,
                      int                  n_vectors,
                      GError             **error)
{
  KaaFileTransport *self = (gpointer) transport;
  Job *job = self->done[JOB_WRITE];
  gssize result;

  if (job == NULL)
    {
      gsize length = MIN (kaa_vectors_get_length (vectors, n_vectors), MAX_JOB);

      if (!can_begin (self))
        return KAA_TRANSPORT_AGAIN;

      job = job_new (self, JOB_WRITE, length);
      kaa_vectors_copy (vectors, n_vectors, job->data, length);
      begin (self, job);
      return KAA_TRANSPORT_AGAIN;
    }

  result = job->result;
  if (result < 0)
    {
      g_propagate_error (error, kaa_transport_error (job->errsv, "Writing to", transport->fd));
      result = judge_error (job->errsv);
    }
  drop_done (self, JOB_WRITE);

  return result;
}

/* --- splicing --- */

/* What was read before the splice had its turn. */
static gssize
write_rest (KaaFileTransport *self,
            KaaTransport     *target)
{
  Job *job = self->done[JOB_READ];
  struct iovec vector = { job->data + self->offset, (gsize) job->result - self->offset };
  gssize n = target->klass->write (target, &vector, 1, NULL);

  if (n == KAA_TRANSPORT_AGAIN)
    return KAA_TRANSPORT_FULL;
  if (n <= 0)
    return KAA_TRANSPORT_UNABLE;

  self->offset += n;
  if (self->offset == (gsize) job->result)
    drop_done (self, JOB_READ);
  return n;
}

static void
begin_filling (KaaFileTransport *self)
{
  Job *job = job_new (self, JOB_FILL, 0);

  job->conduit = kaa_conduit_ref (self->conduit);
  begin (self, job);
}

static gssize
end_filling (KaaFileTransport *self,
             gssize            result)
{
  g_clear_pointer (&self->conduit, kaa_conduit_unref);
  if (result == 0)
    return 0;

  /* A file system without splice(2); reading finds out whether it is more than that. */
  self->unspliceable = TRUE;
  return KAA_TRANSPORT_UNABLE;
}

static gssize
file_transport_splice (KaaTransport  *transport,
                       KaaTransport  *target,
                       gsize          length,
                       GError       **error)
{
  KaaFileTransport *self = (gpointer) transport;
  gssize result;
  short missing;

  if (self->running != NULL || self->done[JOB_CLOSE] != NULL)
    return KAA_TRANSPORT_AGAIN;
  if (self->done[JOB_READ] != NULL && self->done[JOB_READ]->result > 0)
    return write_rest (self, target);
  if (self->unspliceable || self->done[JOB_READ] != NULL || length < MIN_CONDUIT)
    return KAA_TRANSPORT_UNABLE;

  if (self->conduit == NULL)
    self->conduit = kaa_conduit_new (MIN (length, MAX_CONDUIT));
  if (self->conduit == NULL)
    return KAA_TRANSPORT_UNABLE;

  result = note_filling (self);
  if (result <= 0)
    return end_filling (self, result);

  result = KAA_TRANSPORT_AGAIN;
  if (kaa_conduit_get_level (self->conduit) > 0)
    {
      result = target->klass->take (target, kaa_conduit_get_fd (self->conduit),
                                    MIN (length, kaa_conduit_get_level (self->conduit)), &missing);
      if (result <= 0)
        return result;
      kaa_conduit_remove (self->conduit, result);
    }
  if (kaa_conduit_get_level (self->conduit) == 0)
    begin_filling (self);
  return result;
}

static KaaPollFlags
file_transport_get_ready (KaaTransport *transport)
{
  KaaFileTransport *self = (gpointer) transport;

  if (can_begin (self))
    return KAA_POLL_IN | KAA_POLL_OUT;
  return (self->done[JOB_READ] != NULL || self->done[JOB_FILL] != NULL ? KAA_POLL_IN : 0) | (self->done[JOB_WRITE] != NULL ? KAA_POLL_OUT : 0);
}

static void
file_transport_set_wanted (KaaTransport *transport,
                           KaaPollFlags  wanted)
{
  /* A job is started by the call that wants it. */
}

static gboolean
file_transport_is_drained (KaaTransport  *transport,
                           GError       **error)
{
  return FALSE;
}

static gsize
file_transport_get_unread (KaaTransport *transport)
{
  return 0;
}

static gsize
file_transport_get_in_flight (KaaTransport *transport)
{
  KaaFileTransport *self = (gpointer) transport;
  Job *job = self->running;

  if (job == NULL || job->kind != JOB_WRITE)
    job = self->done[JOB_WRITE];
  return job != NULL ? job->length : 0;
}

static gboolean
file_transport_shutdown (KaaTransport  *transport,
                         GError       **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
               "Descriptor %d is a file, so it cannot be closed in one direction only; "
               "close the channel instead", transport->fd);
  return FALSE;
}

static gboolean
file_transport_finish (KaaTransport *transport,
                       gboolean      close_fd)
{
  KaaFileTransport *self = (gpointer) transport;
  Job *job;

  if (self->running != NULL)
    return FALSE;
  if (!close_fd || self->done[JOB_CLOSE] != NULL)
    return TRUE;

  job = job_new (self, JOB_CLOSE, 0);
  job->close_fd = TRUE;
  begin (self, job);
  return FALSE;
}

static gboolean
file_transport_start (KaaTransport  *transport,
                      KaaPollEntry  *entry,
                      GError       **error)
{
  KaaFileTransport *self = (gpointer) transport;

  self->entry = entry;
  /* What was done meanwhile was reported to the entry before. */
  for (guint i = 0; i < N_JOBS; i++)
    if (self->done[i] != NULL)
      kaa_poll_entry_schedule (entry);
  return TRUE;
}

static void
file_transport_stop (KaaTransport *transport)
{
  ((KaaFileTransport *) (gpointer) transport)->entry = NULL;
}

static gboolean
file_transport_can_move (KaaTransport  *transport,
                         GError       **error)
{
  if (kaa_sys_is_same (transport->fd, &((KaaFileTransport *) (gpointer) transport)->info))
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "Descriptor %d is not open any more: check that nothing but its channel closes it", transport->fd);
  return FALSE;
}

static void
file_transport_move (KaaTransport *transport,
                     KaaPollEntry *entry,
                     KaaPollFlags  mode)
{
  file_transport_start (transport, entry, NULL);
}

static void
file_transport_close (KaaTransport *transport,
                      gboolean      close_fd,
                      gboolean      forked)
{
  KaaFileTransport *self = (gpointer) transport;
  Job *left_behind;

  if (self->done[JOB_CLOSE] != NULL)
    close_fd = FALSE;

  if (forked)
    {
      /* The pool's threads stayed in the parent. */
      if (close_fd && kaa_sys_is_same (transport->fd, &self->info))
        kaa_sys_close (transport->fd);
      if (self->running != NULL)
        g_clear_pointer (&self->running->conduit, kaa_conduit_unref);
      g_clear_pointer (&self->conduit, kaa_conduit_unref);
      for (guint i = 0; i < N_JOBS; i++)
        g_free (self->done[i]);
      g_free (self);
      return;
    }

  g_mutex_lock (&owner_lock);
  left_behind = self->running;
  if (left_behind != NULL)
    {
      left_behind->owner = NULL;
      if (left_behind->kind != JOB_CLOSE)
        left_behind->close_fd = close_fd;
    }
  g_mutex_unlock (&owner_lock);

  /* With a job under way the number must stay what it is until the job has used it. Otherwise it is free in this
   * call, as an immediate close promises; an orderly one was closed by finish(). */
  if (left_behind == NULL && close_fd)
    kaa_transport_close_fd (transport->fd, &self->info, transport->stream);

  for (guint i = 0; i < N_JOBS; i++)
    drop_done (self, i);
  g_clear_pointer (&self->conduit, kaa_conduit_unref);
  g_clear_object (&transport->stream);
  g_free (self);
}

static const KaaTransportClass file_transport_class = {
  .read = file_transport_read,
  .write = file_transport_write,
  .splice = file_transport_splice,
  .get_ready = file_transport_get_ready,
  .set_wanted = file_transport_set_wanted,
  .is_drained = file_transport_is_drained,
  .get_unread = file_transport_get_unread,
  .get_in_flight = file_transport_get_in_flight,
  .shutdown = file_transport_shutdown,
  .finish = file_transport_finish,
  .start = file_transport_start,
  .stop = file_transport_stop,
  .can_move = file_transport_can_move,
  .move = file_transport_move,
  .close = file_transport_close,
};

KaaTransport *
kaa_file_transport_new (int              fd,
                        const KaaFdInfo *info)
{
  KaaFileTransport *self = g_new0 (KaaFileTransport, 1);

  self->parent.klass = &file_transport_class;
  self->parent.fd = fd;
  self->parent.kind = info->kind;
  self->info = *info;

  return &self->parent;
}

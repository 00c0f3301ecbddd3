/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The conversation of communicate() with a child.
 *
 * Input is fed as the write queue has room, and output is read all the time, so neither side can wait for the other for ever. What was
 * collected belongs to the process: a conversation that was aborted goes on with the next call, and has lost nothing.
 */

#include "ends/kaa-process-private.h"

#include "ends/kaa-pty.h"

#define PIECE (64 * 1024)

typedef struct
{
  KaaConversation *conversation;
  KaaIOChannel *channel;
  KaaInProgress *read;     /* NULL: at the end, or nobody asks */
  GByteArray *data;
  gboolean ended;
} Collector;

struct _KaaConversation
{
  grefcount ref_count;     /* the process's, and one for each callback that may still come */
  KaaProcess *process;     /* referenced by the future */
  KaaInProgress *future;   /* NULL while nobody asks */
  GBytes *input;           /* what has not been sent of it; NULL: all has */
  KaaInProgress *room;     /* for the next piece */
  GError *error;
  gboolean launching;      /* there is no child yet */
  Collector collectors[KAA_N_OUTPUTS];
};

static KaaConversation *
conversation_ref (KaaConversation *self)
{
  g_ref_count_inc (&self->ref_count);
  return self;
}

static void
conversation_unref (gpointer data)
{
  KaaConversation *self = data;

  if (!g_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->input, g_bytes_unref);
  g_clear_error (&self->error);
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    g_byte_array_unref (self->collectors[i].data);
  g_free (self);
}

static void
collector_unref (gpointer data)
{
  conversation_unref (((Collector *) data)->conversation);
}

/* --- input --- */

/* A terminal has no end: the program is told by a character, which counts at the beginning of a line, or twice. */
static void
end_terminal (KaaProcess *self,
              gboolean    in_line)
{
  KaaTransport *output = kaa_channel_get_private (KAA_IO_CHANNEL (self))->output;
  guint8 eof = output != NULL ? kaa_pty_get_eof (output->fd) : 0;
  const guint8 ends[] = { eof, eof };

  if (eof != 0)
    g_object_unref (kaa_io_channel_write (KAA_IO_CHANNEL (self), ends, in_line ? 2 : 1));
}

static void
end_input (KaaConversation *self,
           gboolean         in_line)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->process);
  KaaIOCondition mode = kaa_io_channel_get_mode (channel);

  if (kaa_process_get_private (self->process)->flags & KAA_PROCESS_PTY)
    end_terminal (self->process, in_line);
  else if (mode == KAA_IO_WRITE)
    g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  else if (mode & KAA_IO_WRITE)
    g_object_unref (kaa_io_channel_shutdown (channel, KAA_IO_WRITE));
}

static void feed (KaaConversation *self);

static void
room_made (const GValue *result,
           gpointer      user_data)
{
  KaaConversation *self = user_data;

  g_clear_object (&self->room);
  feed (self);
}

/* Not all could be written. A child that does not want it has its reasons, and may still say a lot; otherwise it would miss something. */
static void
input_refused (const GError *error,
               gpointer      user_data)
{
  KaaConversation *self = user_data;

  if (self->future != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) &&
      !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    kaa_process_drop_conversation (self->process, error);
}

static void
watch_input (KaaConversation *self)
{
  KaaInProgress *flushed = kaa_io_channel_flush (KAA_IO_CHANNEL (self->process));

  kaa_in_progress_then (flushed, NULL, NULL, NULL, input_refused, conversation_ref (self), conversation_unref);
  g_object_unref (flushed);
}

static void
no_room (const GError *error,
         gpointer      user_data)
{
  KaaConversation *self = user_data;

  /* By let_go(), after which there may be another one. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->room);
  g_clear_pointer (&self->input, g_bytes_unref);
  input_refused (error, self);
}

static gsize
get_piece (KaaConversation *self)
{
  guint64 room = kaa_io_channel_get_queue_size (KAA_IO_CHANNEL (self->process));

  return MIN (MIN (g_bytes_get_size (self->input), PIECE), room);
}

static void
feed (KaaConversation *self)
{
  KaaIOChannel *channel = KAA_IO_CHANNEL (self->process);
  gboolean in_line = FALSE;

  while (self->input != NULL && self->room == NULL && self->future != NULL && !self->launching)
    {
      gsize length = get_piece (self);
      gsize size = g_bytes_get_size (self->input);
      GBytes *piece;
      GError *error = NULL;

      if (length > 0)
        {
          piece = g_bytes_new_from_bytes (self->input, 0, length);
          in_line = ((const char *) g_bytes_get_data (piece, NULL))[length - 1] != '\n';
          kaa_io_channel_send (channel, piece, &error);
          g_bytes_unref (piece);
        }

      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_error_free (error);
          self->room = kaa_io_channel_wait_writable (channel, length);
          kaa_in_progress_then (self->room, room_made, conversation_ref (self), conversation_unref,
                                no_room, conversation_ref (self), conversation_unref);
          return;
        }
      if (error != NULL || length == size)
        {
          g_clear_pointer (&self->input, g_bytes_unref);
          watch_input (self);
          if (error == NULL)
            end_input (self, in_line);
          g_clear_error (&error);
        }
      else
        {
          GBytes *rest = g_bytes_new_from_bytes (self->input, length, size - length);

          g_bytes_unref (self->input);
          self->input = rest;
        }
    }
}

/* --- output --- */

static void collect (Collector *self);

static void
chunk_read (const GValue *result,
            gpointer      user_data)
{
  Collector *self = user_data;
  GBytes *chunk = g_value_get_boxed (result);
  gsize length;
  gconstpointer data = g_bytes_get_data (chunk, &length);

  g_clear_object (&self->read);
  g_byte_array_append (self->data, data, length);
  if (length == 0)
    self->ended = TRUE;
  else
    collect (self);
}

static void
read_failed (const GError *error,
             gpointer      user_data)
{
  Collector *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->read);
  self->ended = TRUE;
  if (self->conversation->error == NULL)
    self->conversation->error = g_error_copy (error);
}

static void
collect (Collector *self)
{
  if (self->channel == NULL || self->ended || self->read != NULL || self->conversation->future == NULL ||
      self->conversation->launching || !(kaa_io_channel_get_mode (self->channel) & KAA_IO_READ))
    return;
  self->read = kaa_io_channel_read (self->channel);
  conversation_ref (self->conversation);
  conversation_ref (self->conversation);
  kaa_in_progress_then (self->read, chunk_read, self, collector_unref, read_failed, self, collector_unref);
}

/* --- the conversation --- */

/* What has been served already, and is on its way, comes all the same. */
static void
let_go (KaaInProgress **future)
{
  if (*future != NULL && kaa_in_progress_abort (*future, NULL))
    g_clear_object (future);
}

static void
pause_conversation (KaaConversation *self)
{
  let_go (&self->room);
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    let_go (&self->collectors[i].read);
}

static gboolean
conversation_abort (KaaInProgress  *future,
                    gpointer        operation,
                    const GError   *reason,
                    GError        **error)
{
  KaaConversation *self = operation;

  self->future = NULL;
  pause_conversation (self);
  /* The caller holds a reference of its own. */
  g_object_unref (future);
  return TRUE;
}

static const KaaOperationFuncs conversation_funcs = {
  .abort = conversation_abort,
};

static KaaConversation *
conversation_new (KaaProcess *process)
{
  KaaProcessPrivate *priv = kaa_process_get_private (process);
  KaaConversation *self = g_new0 (KaaConversation, 1);
  KaaIOChannel *channels[] = { KAA_IO_CHANNEL (process), priv->stderr_channel };

  g_ref_count_init (&self->ref_count);
  self->process = process;
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    {
      self->collectors[i].conversation = self;
      self->collectors[i].channel = channels[i];
      self->collectors[i].data = g_byte_array_new ();
    }
  return self;
}

static void
add_input (KaaConversation *self,
           GBytes          *input)
{
  GByteArray *both;

  if (self->input == NULL)
    {
      self->input = input != NULL ? g_bytes_ref (input) : g_bytes_new (NULL, 0);
    }
  else if (input != NULL)
    {
      both = g_bytes_unref_to_array (g_steal_pointer (&self->input));
      g_byte_array_append (both, g_bytes_get_data (input, NULL), g_bytes_get_size (input));
      self->input = g_byte_array_free_to_bytes (both);
    }
}

static GBytes *
take_data (Collector *self)
{
  GByteArray *data = g_steal_pointer (&self->data);

  self->data = g_byte_array_new ();
  return g_byte_array_free_to_bytes (data);
}

/* Whoever else has inherited the pipes is not part of it. */
void
kaa_process_end_conversation (KaaProcess *self)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaConversation *conversation = g_steal_pointer (&priv->conversation);
  KaaInProgress *future = g_steal_pointer (&conversation->future);
  GError *error = g_steal_pointer (&conversation->error);
  GBytes *output = take_data (&conversation->collectors[0]);

  priv->communicated = TRUE;
  pause_conversation (conversation);
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_NONE));
  g_clear_pointer (&priv->stderr_data, g_bytes_unref);
  if (priv->stderr_channel != NULL)
    {
      g_object_unref (kaa_io_channel_close (priv->stderr_channel, KAA_CLOSE_NONE));
      priv->stderr_data = take_data (&conversation->collectors[1]);
    }
  conversation_unref (conversation);

  kaa_process_notify (self, KAA_PROCESS_PROP_STDERR_DATA);
  if (error == NULL)
    {
      kaa_in_progress_settle_bytes (future, output, TRUE);
    }
  else
    {
      g_bytes_unref (output);
      kaa_in_progress_settle_error (future, error, TRUE);
    }
  g_object_unref (future);
}

void
kaa_process_drop_conversation (KaaProcess   *self,
                               const GError *error)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaConversation *conversation = g_steal_pointer (&priv->conversation);
  KaaInProgress *future;

  if (conversation == NULL)
    return;
  future = g_steal_pointer (&conversation->future);
  conversation->launching = FALSE;
  pause_conversation (conversation);
  conversation_unref (conversation);
  if (future != NULL)
    {
      kaa_in_progress_settle_error (future, g_error_copy (error), FALSE);
      g_object_unref (future);
    }
}

void
kaa_process_drop_last_conversation (KaaProcess *self)
{
  GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CLOSED, "Another child was started");

  kaa_process_drop_conversation (self, error);
  g_error_free (error);
}

/* --- the border --- */

static void
go_on (KaaConversation *self)
{
  for (guint i = 0; i < KAA_N_OUTPUTS; i++)
    collect (&self->collectors[i]);
  feed (self);
}

static void
launched (const GValue *result,
          gpointer      user_data)
{
  KaaConversation *self = user_data;

  /* It was dropped. */
  if (!self->launching)
    return;
  self->launching = FALSE;
  go_on (self);
  if (kaa_process_get_private (self->process)->child != NULL)
    kaa_child_schedule (kaa_process_get_private (self->process)->child);
}

gboolean
kaa_process_has_conversation (KaaProcess *self)
{
  KaaConversation *conversation = kaa_process_get_private (self)->conversation;

  return conversation != NULL && conversation->future != NULL;
}

gboolean
kaa_process_is_communicating (KaaProcess *self)
{
  KaaConversation *conversation = kaa_process_get_private (self)->conversation;

  return kaa_process_has_conversation (self) && !conversation->launching;
}

KaaInProgress *
kaa_process_converse (KaaProcess    *self,
                      GBytes        *input,
                      KaaInProgress *launch)
{
  KaaProcessPrivate *priv = kaa_process_get_private (self);
  KaaConversation *conversation;
  KaaInProgress *future;

  if (priv->conversation == NULL)
    priv->conversation = conversation_new (self);
  conversation = priv->conversation;
  if (launch != NULL && !conversation->launching)
    {
      conversation->launching = TRUE;
      kaa_in_progress_then (launch, launched, conversation_ref (conversation), conversation_unref, NULL, NULL, NULL);
    }
  future = kaa_in_progress_new_operation (G_OBJECT (self), kaa_channel_get_private (KAA_IO_CHANNEL (self))->entry.poller,
                                          &conversation_funcs, conversation);
  conversation->future = g_object_ref (future);

  add_input (conversation, input);
  go_on (conversation);
  if (!conversation->launching)
    kaa_child_schedule (priv->child);
  return future;
}

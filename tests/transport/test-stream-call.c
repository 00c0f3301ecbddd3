/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams that are closed while a call of theirs is under way. */

#include "channel/channel-fixture.h"
#include "transport/tls-fixture.h"

/* --- A stream whose writes end when the test says so --- */

struct _SlowStream
{
  GOutputStream parent_instance;
  GTask *write;          /* under way */
  gsize length;
  guint n_closed;
  gboolean closed_early; /* while a write was under way */
};

G_DECLARE_FINAL_TYPE (SlowStream, slow_stream, SLOW, STREAM, GOutputStream)
G_DEFINE_FINAL_TYPE (SlowStream, slow_stream, G_TYPE_OUTPUT_STREAM)

static void
slow_stream_write_async (GOutputStream       *stream,
                         const void          *buffer,
                         gsize                count,
                         int                  priority,
                         GCancellable        *cancellable,
                         GAsyncReadyCallback  callback,
                         gpointer             user_data)
{
  SlowStream *self = SLOW_STREAM (stream);

  g_assert_null (self->write);
  self->write = g_task_new (stream, cancellable, callback, user_data);
  self->length = count;
}

static gssize
slow_stream_write_finish (GOutputStream  *stream,
                          GAsyncResult   *result,
                          GError        **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

static gboolean
slow_stream_close (GOutputStream  *stream,
                   GCancellable   *cancellable,
                   GError        **error)
{
  SlowStream *self = SLOW_STREAM (stream);

  self->n_closed++;
  self->closed_early |= self->write != NULL;
  return TRUE;
}

static void
slow_stream_class_init (SlowStreamClass *klass)
{
  G_OUTPUT_STREAM_CLASS (klass)->write_async = slow_stream_write_async;
  G_OUTPUT_STREAM_CLASS (klass)->write_finish = slow_stream_write_finish;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = slow_stream_close;
}

static void
slow_stream_init (SlowStream *self)
{
}

/* The write under way ends: as it was asked, or as it was cancelled. */
static void
end_write (SlowStream *self)
{
  GTask *write = g_steal_pointer (&self->write);

  if (!g_task_return_error_if_cancelled (write))
    g_task_return_int (write, self->length);
  g_object_unref (write);
}

/* --- */

static void
assert_written (KaaInProgress *future,
                gint64         expected)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, expected);
  g_assert_no_error (error);
  g_object_unref (future);
}

/* In order: what is under way, and what waits behind it, is written before the stream is closed. */
static void
test_close (void)
{
  SlowStream *stream = g_object_new (slow_stream_get_type (), NULL);
  KaaIOChannel *channel = open_stream (stream, KAA_IO_WRITE);
  KaaInProgress *first, *second, *closed;

  begin_events ();
  note_signal (channel, "closed");
  first = write_text (channel, "first");
  spin_until (stream->write != NULL);
  second = write_text (channel, "second!");
  closed = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  settle ();
  g_assert_cmpuint (stream->n_closed, ==, 0);
  g_assert_false (kaa_in_progress_get_finished (first));
  end_write (stream);
  assert_written (first, 5);
  spin_until (stream->write != NULL);
  g_assert_cmpuint (stream->length, ==, 7);
  end_write (stream);
  assert_written (second, 7);
  spin_until (kaa_in_progress_get_finished (closed));
  assert_events ("closed");
  g_assert_cmpuint (stream->n_closed, ==, 1);
  g_assert_false (stream->closed_early);
  g_object_unref (closed);
  g_object_unref (channel);
  g_object_unref (stream);
  end_events ();
}

/* At once: the write fails, is cancelled, and the stream is closed behind it and not before. */
static void
test_close_immediately (gconstpointer after_close)
{
  SlowStream *stream = g_object_new (slow_stream_get_type (), NULL);
  KaaIOChannel *channel = open_stream (stream, KAA_IO_WRITE);
  KaaInProgress *first, *second, *closed;

  begin_events ();
  note_signal (channel, "closed");
  first = write_text (channel, "first");
  spin_until (stream->write != NULL);
  second = write_text (channel, "second");
  /* It cuts the flush of another close short. */
  if (GPOINTER_TO_INT (after_close))
    g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
  closed = kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE);
  assert_fails (first, G_IO_ERROR_CLOSED);
  assert_fails (second, G_IO_ERROR_CLOSED);
  spin_until (kaa_in_progress_get_finished (closed));
  assert_events ("closed");
  settle ();
  g_assert_cmpuint (stream->n_closed, ==, 0);
  g_assert_true (g_cancellable_is_cancelled (g_task_get_cancellable (stream->write)));
  end_write (stream);
  spin_until (stream->n_closed > 0);
  settle ();
  g_assert_cmpuint (stream->n_closed, ==, 1);
  g_assert_false (stream->closed_early);
  g_object_unref (closed);
  g_object_unref (channel);
  g_object_unref (stream);
  end_events ();
}

/* The last reference goes: what is queued is written first, since the channel holds itself until then. */
static void
test_dropped (void)
{
  SlowStream *stream = g_object_new (slow_stream_get_type (), NULL);
  KaaIOChannel *channel = open_stream (stream, KAA_IO_WRITE);

  g_object_unref (write_text (channel, "first"));
  spin_until (stream->write != NULL);
  g_object_add_weak_pointer (G_OBJECT (channel), (gpointer *) &channel);
  g_object_unref (channel);
  settle ();
  g_assert_nonnull (channel);
  end_write (stream);
  spin_until (channel == NULL);
  spin_until (stream->n_closed > 0);
  g_assert_false (stream->closed_early);
  g_object_unref (stream);
}

/* A write that fails while the channel closes. */
static void
test_fails_closing (void)
{
  SlowStream *stream = g_object_new (slow_stream_get_type (), NULL);
  KaaIOChannel *channel = open_stream (stream, KAA_IO_WRITE);
  KaaInProgress *first, *second, *closed;
  GTask *write;

  first = write_text (channel, "first");
  spin_until (stream->write != NULL);
  second = write_text (channel, "second");
  closed = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  write = g_steal_pointer (&stream->write);
  g_task_return_new_error (write, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "too late");
  g_object_unref (write);
  assert_fails (first, G_IO_ERROR_TIMED_OUT);
  assert_fails (second, G_IO_ERROR_TIMED_OUT);
  spin_until (kaa_in_progress_get_finished (closed));
  spin_until (stream->n_closed > 0);
  g_assert_cmpuint (stream->n_closed, ==, 1);
  g_object_unref (closed);
  g_object_unref (channel);
  g_object_unref (stream);
}

/* --- Half-closing what is no TLS --- */

static void
assert_not_shut_down (KaaIOChannel *channel)
{
  assert_fails (kaa_io_channel_shutdown (channel, KAA_IO_WRITE), G_IO_ERROR_NOT_SUPPORTED);
  g_assert_true (kaa_io_channel_get_alive (channel));
  g_assert_true (kaa_io_channel_get_writable (channel));
}

/* It changes nothing: what was written before and what is written later arrives. */
static void
test_shutdown (void)
{
  GOutputStream *out = g_memory_output_stream_new_resizable ();
  GInputStream *in = g_memory_input_stream_new_from_data ("read\n", -1, NULL);
  GIOStream *both = g_simple_io_stream_new (in, out);
  KaaIOChannel *channel = open_stream (both, KAA_IO_READ | KAA_IO_WRITE);
  GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM (out);

  kaa_io_channel_set_close_on_eof (channel, FALSE);
  g_object_unref (write_text (channel, "before "));
  assert_not_shut_down (channel);
  assert_written (write_text (channel, "behind"), 6);
  assert_bytes (kaa_io_channel_readline (channel), "read\n");
  g_assert_cmpmem (g_memory_output_stream_get_data (memory), g_memory_output_stream_get_data_size (memory), "before behind", 13);
  finish_channel (channel);
  g_object_unref (both);
  g_object_unref (in);
  g_object_unref (out);
}

/* While a write is under way, and where the channel only writes. */
static void
test_shutdown_during_write (void)
{
  SlowStream *stream = g_object_new (slow_stream_get_type (), NULL);
  KaaIOChannel *channel = open_stream (stream, KAA_IO_WRITE);
  KaaInProgress *first;

  first = write_text (channel, "first");
  spin_until (stream->write != NULL);
  assert_not_shut_down (channel);
  end_write (stream);
  assert_written (first, 5);
  g_assert_cmpuint (stream->n_closed, ==, 0);
  finish_channel (channel);
  g_object_unref (stream);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/stream-call/close/in-order", test_close);
  g_test_add_data_func ("/stream-call/close/immediately", GINT_TO_POINTER (FALSE), test_close_immediately);
  g_test_add_data_func ("/stream-call/close/cut-short", GINT_TO_POINTER (TRUE), test_close_immediately);
  g_test_add_func ("/stream-call/close/dropped", test_dropped);
  g_test_add_func ("/stream-call/close/fails", test_fails_closing);
  g_test_add_func ("/stream-call/shutdown/not-tls", test_shutdown);
  g_test_add_func ("/stream-call/shutdown/during-write", test_shutdown_during_write);

  return g_test_run ();
}

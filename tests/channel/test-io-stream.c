/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A channel as a GIO stream: by itself, in other threads, and under what is written against GIO. */

#include "transport/tls-fixture.h"

typedef struct
{
  KaaIOChannel *a;       /* what is looked at by its stream */
  KaaIOChannel *b;       /* the other side */
  GIOStream *stream;
  GInputStream *in;
  GOutputStream *out;
} Pair;

static void
open_pair (Pair *pair)
{
  GError *error = NULL;

  g_assert_true (kaa_io_channel_new_pair (&pair->a, &pair->b, &error));
  g_assert_no_error (error);
  pair->stream = kaa_io_channel_get_io_stream (pair->a);
  pair->in = g_io_stream_get_input_stream (pair->stream);
  pair->out = g_io_stream_get_output_stream (pair->stream);
}

static void
close_pair (Pair *pair)
{
  g_object_unref (pair->stream);
  finish_channel (pair->a);
  finish_channel (pair->b);
}

static void
keep_result (GObject      *source,
             GAsyncResult *result,
             gpointer      place)
{
  *(GAsyncResult **) place = g_object_ref (result);
}

/* --- reading --- */

static void
test_read (void)
{
  char buffer[16];
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  g_object_unref (write_text (pair.b, "hello\nworld\n"));
  /* It iterates the loop until there is something. */
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, 3, NULL, &error), ==, 3);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 3, "hel", 3);
  /* What it had no room for is the channel's. */
  assert_bytes (kaa_io_channel_readline (pair.a), "lo\n");
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, sizeof buffer, NULL, &error), ==, 6);
  g_assert_cmpmem (buffer, 6, "world\n", 6);

  finish_channel (g_object_ref (pair.b));
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, sizeof buffer, NULL, &error), ==, 0);
  g_assert_no_error (error);
  close_pair (&pair);
}

static void
test_read_async (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  GAsyncResult *result = NULL;
  char buffer[16];
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  g_input_stream_read_async (pair.in, buffer, 4, G_PRIORITY_DEFAULT, NULL, keep_result, &result);
  settle ();
  g_assert_null (result);
  g_object_unref (write_text (pair.b, "hello\n"));
  spin_until (result != NULL);
  g_assert_cmpint (g_input_stream_read_finish (pair.in, result, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpmem (buffer, 4, "hell", 4);
  g_clear_object (&result);
  assert_bytes (kaa_io_channel_readline (pair.a), "o\n");

  /* One that is cancelled takes nothing: neither what comes later nor what is there. */
  g_input_stream_read_async (pair.in, buffer, 4, G_PRIORITY_DEFAULT, cancellable, keep_result, &result);
  settle ();
  g_cancellable_cancel (cancellable);
  spin_until (result != NULL);
  g_assert_cmpint (g_input_stream_read_finish (pair.in, result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);

  g_object_unref (write_text (pair.b, "world\n"));
  settle ();
  g_input_stream_read_async (pair.in, buffer, 4, G_PRIORITY_DEFAULT, cancellable, keep_result, &result);
  spin_until (result != NULL);
  g_assert_cmpint (g_input_stream_read_finish (pair.in, result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_clear_object (&result);
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, 4, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  assert_bytes (kaa_io_channel_readline (pair.a), "world\n");

  g_object_unref (cancellable);
  close_pair (&pair);
}

static gboolean
cancel_it (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

/* While a read iterates the loop. */
static void
test_cancel_blocking (void)
{
  GCancellable *cancellable = g_cancellable_new ();
  char buffer[16];
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  g_idle_add (cancel_it, cancellable);
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, sizeof buffer, cancellable, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_object_unref (write_text (pair.b, "one\n"));
  assert_bytes (kaa_io_channel_readline (pair.a), "one\n");
  g_object_unref (cancellable);
  close_pair (&pair);
}

static gboolean
count_call (GObject  *stream,
            gpointer  counter)
{
  ++*(guint *) counter;
  return G_SOURCE_CONTINUE;
}

static void
test_pollable_input (void)
{
  char buffer[16];
  GError *error = NULL;
  guint n_calls = 0;
  GPollableInputStream *in;
  GSource *source;
  Pair pair;

  open_pair (&pair);
  in = G_POLLABLE_INPUT_STREAM (pair.in);
  g_assert_true (g_pollable_input_stream_can_poll (in));
  g_assert_false (g_pollable_input_stream_is_readable (in));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (in, buffer, 4, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);

  source = g_pollable_input_stream_create_source (in, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (count_call), &n_calls, NULL);
  g_source_attach (source, NULL);
  assert_at_rest ();
  g_assert_cmpuint (n_calls, ==, 0);

  g_object_unref (write_text (pair.b, "hello\n"));
  spin_until (n_calls > 0);
  g_assert_true (g_pollable_input_stream_is_readable (in));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (in, buffer, 4, NULL, &error), ==, 4);
  g_assert_cmpmem (buffer, 4, "hell", 4);
  /* As long as something is left it tells again. */
  n_calls = 0;
  spin_until (n_calls > 1);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (in, buffer, 4, NULL, &error), ==, 2);
  settle ();
  n_calls = 0;
  assert_at_rest ();
  g_assert_cmpuint (n_calls, ==, 0);

  /* The end as well, again and again. */
  g_object_unref (kaa_io_channel_close (pair.b, KAA_CLOSE_IMMEDIATE));
  spin_until (n_calls > 0);
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (in, buffer, 4, NULL, &error), ==, 0);
  g_assert_no_error (error);
  g_source_destroy (source);
  g_source_unref (source);
  close_pair (&pair);
}

/* A source that goes takes its interest with it. */
static void
test_source_gone (void)
{
  GSource *source;
  Pair pair;

  open_pair (&pair);
  source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (pair.in), NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (count_call), NULL, NULL);
  g_source_attach (source, NULL);
  g_source_destroy (source);
  g_source_unref (source);
  g_object_unref (write_text (pair.b, "hello\n"));
  settle ();
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (pair.a), ==, 0);
  close_pair (&pair);
}

/* --- writing --- */

/* Much more than the queue takes: it goes out as the other side reads, and never more is queued than may be. */
static void
test_write (void)
{
  const gsize length = 2 * 1024 * 1024;
  guint8 *data = g_malloc (length);
  GByteArray *got = g_byte_array_new ();
  GAsyncResult *result = NULL;
  GError *error = NULL;
  gsize written;
  Pair pair;

  for (gsize i = 0; i < length; i++)
    data[i] = get_pattern (i);

  open_pair (&pair);
  kaa_io_channel_set_queue_size (pair.a, 50000);
  g_output_stream_write_all_async (pair.out, data, length, G_PRIORITY_DEFAULT, NULL, keep_result, &result);
  settle ();
  g_assert_null (result);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.a), <=, 50000);
  collect_into (pair.b, "read", got);
  spin_until (result != NULL);
  g_assert_true (g_output_stream_write_all_finish (pair.out, result, &written, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (written, ==, length);
  g_clear_object (&result);

  /* In a call that blocks, too. */
  g_assert_true (g_output_stream_write_all (pair.out, data, length, NULL, NULL, &error));
  g_assert_true (g_output_stream_flush (pair.out, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (pair.a), ==, 0);
  spin_until (got->len == 2 * length);
  g_assert_cmpmem (got->data, length, data, length);
  g_assert_cmpmem (got->data + length, length, data, length);

  g_byte_array_unref (got);
  g_free (data);
  close_pair (&pair);
}

static void
test_pollable_output (void)
{
  GPollableOutputStream *out;
  GByteArray *got = g_byte_array_new ();
  char buffer[1000] = { 0, };
  GError *error = NULL;
  guint n_calls = 0;
  GSource *source;
  gsize sent = 0;
  gssize n;
  Pair pair;

  open_pair (&pair);
  out = G_POLLABLE_OUTPUT_STREAM (pair.out);
  kaa_io_channel_set_queue_size (pair.a, 5500);
  g_assert_true (g_pollable_output_stream_can_poll (out));
  /* Until the kernel takes nothing more either. */
  do
    {
      while ((n = g_pollable_output_stream_write_nonblocking (out, buffer, sizeof buffer, NULL, &error)) > 0)
        sent += n;
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      g_clear_error (&error);
      settle ();
    }
  while (kaa_io_channel_get_write_queue_used (pair.a) < 5500);
  g_assert_false (g_pollable_output_stream_is_writable (out));

  source = g_pollable_output_stream_create_source (out, NULL);
  g_source_set_callback (source, G_SOURCE_FUNC (count_call), &n_calls, NULL);
  g_source_attach (source, NULL);
  assert_at_rest ();
  g_assert_cmpuint (n_calls, ==, 0);
  collect_into (pair.b, "read", got);
  spin_until (n_calls > 0);
  g_assert_true (g_pollable_output_stream_is_writable (out));
  g_source_destroy (source);
  g_source_unref (source);
  spin_until (got->len == sent);

  g_byte_array_unref (got);
  close_pair (&pair);
}

/* A write that was queued fails by the flush that follows. */
static void
test_gone (void)
{
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  finish_channel (g_object_ref (pair.b));
  settle ();
  g_output_stream_write (pair.out, "x", 1, NULL, NULL);
  g_assert_false (g_output_stream_flush (pair.out, NULL, &error));
  g_assert_true (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
                 g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE));
  g_clear_error (&error);
  g_assert_cmpint (g_output_stream_write (pair.out, "x", 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  close_pair (&pair);
}

/* --- closing --- */

static void
test_close (gconstpointer async)
{
  GAsyncResult *result = NULL;
  GError *error = NULL;
  Pair pair;

  begin_events ();
  open_pair (&pair);
  note_signal (pair.a, "closed");
  g_assert_cmpint (g_output_stream_write (pair.out, "last words\n", 11, NULL, &error), ==, 11);
  if (async)
    {
      g_io_stream_close_async (pair.stream, G_PRIORITY_DEFAULT, NULL, keep_result, &result);
      spin_until (result != NULL);
      g_assert_true (g_io_stream_close_finish (pair.stream, result, &error));
      g_object_unref (result);
    }
  else
    {
      g_assert_true (g_io_stream_close (pair.stream, NULL, &error));
    }
  g_assert_no_error (error);
  g_assert_false (kaa_io_channel_get_alive (pair.a));
  g_assert_true (g_input_stream_is_closed (pair.in));
  g_assert_true (g_output_stream_is_closed (pair.out));
  spin_until (events->len > 0);
  assert_events ("closed");
  assert_bytes (kaa_io_channel_readline (pair.b), "last words\n");
  assert_bytes (kaa_io_channel_readline (pair.b), "");
  end_events ();
  close_pair (&pair);
}

static void
test_half_close (void)
{
  char buffer[16];
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  kaa_io_channel_set_close_on_eof (pair.b, FALSE);
  g_output_stream_write (pair.out, "question\n", 9, NULL, NULL);
  g_assert_true (g_output_stream_close (pair.out, NULL, &error));
  g_assert_no_error (error);
  assert_bytes (kaa_io_channel_readline (pair.b), "question\n");
  assert_bytes (kaa_io_channel_readline (pair.b), "");
  g_object_unref (write_text (pair.b, "answer\n"));
  g_assert_cmpint (g_input_stream_read (pair.in, buffer, sizeof buffer, NULL, &error), ==, 7);
  g_assert_cmpmem (buffer, 7, "answer\n", 7);
  close_pair (&pair);
}

/* A stream that is dropped leaves the channel alone; one that is kept keeps it. */
static void
test_life (void)
{
  KaaIOChannel *weak;
  GIOStream *again;
  Pair pair;

  open_pair (&pair);
  again = kaa_io_channel_get_io_stream (pair.a);
  g_assert_true (again == pair.stream);
  g_object_unref (again);

  g_object_add_weak_pointer (G_OBJECT (pair.stream), (gpointer *) &again);
  g_object_unref (pair.stream);
  g_assert_null (again);
  g_object_unref (write_text (pair.b, "still open\n"));
  assert_bytes (kaa_io_channel_readline (pair.a), "still open\n");

  pair.stream = kaa_io_channel_get_io_stream (pair.a);
  weak = pair.a;
  g_object_add_weak_pointer (G_OBJECT (weak), (gpointer *) &weak);
  g_object_unref (pair.a);
  settle ();
  g_assert_nonnull (weak);
  g_assert_true (kaa_io_channel_get_alive (weak));
  g_object_unref (pair.stream);
  settle ();
  g_assert_null (weak);
  finish_channel (pair.b);
}

/* --- in another thread --- */

typedef struct
{
  Pair pair;
  GCancellable *cancellable;
  GError *error;
  char line[16];
  gssize length;
  gint done; /* atomic */
} Elsewhere;

static gpointer
talk (gpointer data)
{
  Elsewhere *elsewhere = data;

  if (g_output_stream_write_all (elsewhere->pair.out, "question\n", 9, NULL, NULL, &elsewhere->error) &&
      g_output_stream_flush (elsewhere->pair.out, NULL, &elsewhere->error))
    elsewhere->length = g_input_stream_read (elsewhere->pair.in, elsewhere->line, sizeof elsewhere->line,
                                             elsewhere->cancellable, &elsewhere->error);
  g_atomic_int_set (&elsewhere->done, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_thread (void)
{
  Elsewhere elsewhere = { { NULL, }, };
  GThread *thread;

  open_pair (&elsewhere.pair);
  thread = g_thread_new ("elsewhere", talk, &elsewhere);
  assert_bytes (kaa_io_channel_readline (elsewhere.pair.b), "question\n");
  g_object_unref (write_text (elsewhere.pair.b, "answer\n"));
  spin_until (g_atomic_int_get (&elsewhere.done));
  g_thread_join (thread);
  g_assert_no_error (elsewhere.error);
  g_assert_cmpmem (elsewhere.line, elsewhere.length, "answer\n", 7);
  close_pair (&elsewhere.pair);
}

static void
test_thread_cancel (void)
{
  Elsewhere elsewhere = { { NULL, }, };
  GThread *thread;

  open_pair (&elsewhere.pair);
  elsewhere.cancellable = g_cancellable_new ();
  thread = g_thread_new ("elsewhere", talk, &elsewhere);
  assert_bytes (kaa_io_channel_readline (elsewhere.pair.b), "question\n");
  g_cancellable_cancel (elsewhere.cancellable);
  spin_until (g_atomic_int_get (&elsewhere.done));
  g_thread_join (thread);
  g_assert_error (elsewhere.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&elsewhere.error);
  g_object_unref (write_text (elsewhere.pair.b, "answer\n"));
  assert_bytes (kaa_io_channel_readline (elsewhere.pair.a), "answer\n");
  g_object_unref (elsewhere.cancellable);
  close_pair (&elsewhere.pair);
}

static gpointer
read_once (gpointer data)
{
  Elsewhere *elsewhere = data;

  elsewhere->length = g_input_stream_read (elsewhere->pair.in, elsewhere->line, sizeof elsewhere->line,
                                           elsewhere->cancellable, &elsewhere->error);
  return NULL;
}

static gboolean
is_reading (KaaIOChannel *channel)
{
  char *text = kaa_io_channel_describe (channel);
  gboolean reading = strstr (text, "not reading") == NULL;

  g_free (text);
  return reading;
}

/* C9: a context that goes makes the call fail, not hang, and keeps nothing. */
static void
test_context_gone (gconstpointer cancellable)
{
  GMainContext *context = g_main_context_new ();
  Elsewhere elsewhere = { { NULL, }, };
  GThread *thread;

  g_main_context_push_thread_default (context);
  open_pair (&elsewhere.pair);
  elsewhere.cancellable = cancellable != NULL ? g_cancellable_new () : NULL;
  thread = g_thread_new ("elsewhere", read_once, &elsewhere);
  /* Until the request has arrived. */
  while (!is_reading (elsewhere.pair.a))
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  g_thread_join (thread);
  g_assert_cmpint (elsewhere.length, ==, -1);
  g_assert_error (elsewhere.error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&elsewhere.error);
  g_clear_object (&elsewhere.cancellable);
  g_object_unref (elsewhere.pair.stream);
  g_assert_finalize_object (elsewhere.pair.a);
  g_object_unref (elsewhere.pair.b);
}

/* ... and one that does not block is answered where it was made. */
static void
test_context_gone_async (void)
{
  GMainContext *context = g_main_context_new ();
  GAsyncResult *result = NULL;
  GError *error = NULL;
  char line[8];
  Pair pair;

  g_main_context_push_thread_default (context);
  open_pair (&pair);
  g_main_context_pop_thread_default (context);
  g_input_stream_read_async (pair.in, line, sizeof line, G_PRIORITY_DEFAULT, NULL, keep_result, &result);
  g_assert_true (is_reading (pair.a));
  g_main_context_unref (context);

  spin_until (result != NULL);
  g_assert_cmpint (g_input_stream_read_finish (pair.in, result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&error);
  g_object_unref (result);
  g_object_unref (pair.stream);
  g_assert_finalize_object (pair.a);
  g_object_unref (pair.b);
}

/* --- what is written against GIO --- */

static void
test_data_input (void)
{
  GDataInputStream *data;
  GAsyncResult *result = NULL;
  GError *error = NULL;
  char *line;
  Pair pair;

  open_pair (&pair);
  data = g_data_input_stream_new (pair.in);
  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (data), FALSE);
  g_object_unref (write_text (pair.b, "one\ntwo\n"));
  line = g_data_input_stream_read_line (data, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, "one");
  g_free (line);

  for (guint i = 0; i < 2; i++)
    {
      if (i == 1)
        g_object_unref (write_text (pair.b, "three\n"));
      g_data_input_stream_read_line_async (data, G_PRIORITY_DEFAULT, NULL, keep_result, &result);
      spin_until (result != NULL);
      line = g_data_input_stream_read_line_finish (data, result, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (line, ==, i == 0 ? "two" : "three");
      g_free (line);
      g_clear_object (&result);
    }
  g_object_unref (data);
  close_pair (&pair);
}

static const char interface_xml[] =
  "<node><interface name='org.example.Echo'><method name='Echo'>"
  "<arg type='s' direction='in'/><arg type='s' direction='out'/></method></interface></node>";

static void
on_method_call (GDBusConnection       *connection,
                const char            *sender,
                const char            *path,
                const char            *interface,
                const char            *method,
                GVariant              *parameters,
                GDBusMethodInvocation *invocation,
                gpointer               user_data)
{
  g_dbus_method_invocation_return_value (invocation, parameters);
}

static const GDBusInterfaceVTable vtable = { on_method_call, };

static GDBusConnection *
finish_dbus (GAsyncResult *result)
{
  GError *error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_finish (result, &error);

  g_assert_no_error (error);
  g_object_unref (result);
  return connection;
}

/* Both ends: authentication in threads, reading in GDBus's own thread. */
static void
test_dbus (void)
{
  GDBusNodeInfo *info = g_dbus_node_info_new_for_xml (interface_xml, NULL);
  GAsyncResult *a = NULL, *b = NULL, *reply = NULL;
  GDBusConnection *client, *server;
  GError *error = NULL;
  GIOStream *other;
  GVariant *answer;
  const char *text;
  char *guid = g_dbus_generate_guid ();
  char *large = g_strnfill (300000, 'x');
  Pair pair;

  open_pair (&pair);
  kaa_io_channel_set_queue_size (pair.a, 20000);
  other = kaa_io_channel_get_io_stream (pair.b);
  g_dbus_connection_new (pair.stream, guid,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
                         NULL, NULL, keep_result, &a);
  g_dbus_connection_new (other, NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, keep_result, &b);
  spin_until (a != NULL && b != NULL);
  server = finish_dbus (a);
  client = finish_dbus (b);
  g_dbus_connection_register_object (server, "/echo", info->interfaces[0], &vtable, NULL, NULL, &error);
  g_assert_no_error (error);

  for (guint i = 0; i < 3; i++)
    {
      const char *said = i == 1 ? large : "hello";

      g_dbus_connection_call (client, NULL, "/echo", "org.example.Echo", "Echo", g_variant_new ("(s)", said), NULL,
                              G_DBUS_CALL_FLAGS_NONE, -1, NULL, keep_result, &reply);
      spin_until (reply != NULL);
      answer = g_dbus_connection_call_finish (client, reply, &error);
      g_assert_no_error (error);
      g_variant_get (answer, "(&s)", &text);
      g_assert_cmpstr (text, ==, said);
      g_variant_unref (answer);
      g_clear_object (&reply);
    }

  g_dbus_connection_close (client, NULL, keep_result, &reply);
  spin_until (reply != NULL);
  g_assert_true (g_dbus_connection_close_finish (client, reply, &error));
  g_assert_no_error (error);
  g_object_unref (reply);
  spin_until (!kaa_io_channel_get_alive (pair.b));
  spin_until (g_dbus_connection_is_closed (server));

  g_object_unref (client);
  g_object_unref (server);
  g_object_unref (other);
  g_dbus_node_info_unref (info);
  g_free (large);
  g_free (guid);
  close_pair (&pair);
}

/* TLS over channels, and channels over that. */
static void
test_tls (void)
{
  KaaIOChannel *client, *server;
  GIOStream *other, *tls;
  Pair pair;

  if (!have_tls ())
    return;

  open_pair (&pair);
  other = kaa_io_channel_get_io_stream (pair.b);
  tls = new_tls_client (pair.stream);
  client = open_stream (tls, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (tls);
  tls = new_tls_server (other);
  server = open_stream (tls, KAA_IO_READ | KAA_IO_WRITE);
  g_object_unref (tls);

  g_object_unref (write_text (server, "welcome\n"));
  assert_bytes (kaa_io_channel_readline (client), "welcome\n");
  transfer (client, server, 3 * 1024 * 1024);
  transfer (server, client, 3 * 1024 * 1024);
  assert_at_rest ();
  close_and_wait (client);
  g_assert_false (kaa_io_channel_get_alive (pair.a));
  assert_bytes (kaa_io_channel_read (server), "");
  spin_until (!kaa_io_channel_get_alive (server));
  g_assert_null (kaa_io_channel_get_error (server));

  g_object_unref (client);
  g_object_unref (server);
  g_object_unref (other);
  close_pair (&pair);
}

static void
test_splice (void)
{
  GInputStream *memory = g_memory_input_stream_new_from_data ("one\ntwo\n", -1, NULL);
  GAsyncResult *result = NULL;
  GError *error = NULL;
  Pair pair;

  open_pair (&pair);
  g_output_stream_splice_async (pair.out, memory, G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE, G_PRIORITY_DEFAULT, NULL,
                                keep_result, &result);
  spin_until (result != NULL);
  g_assert_cmpint (g_output_stream_splice_finish (pair.out, result, &error), ==, 8);
  g_assert_no_error (error);
  assert_bytes (kaa_io_channel_readline (pair.b), "one\n");
  assert_bytes (kaa_io_channel_readline (pair.b), "two\n");
  g_object_unref (result);
  g_object_unref (memory);
  close_pair (&pair);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  make_certificate ();

  g_test_add_func ("/io-stream/read/blocking", test_read);
  g_test_add_func ("/io-stream/read/async", test_read_async);
  g_test_add_func ("/io-stream/read/cancelled", test_cancel_blocking);
  g_test_add_func ("/io-stream/read/pollable", test_pollable_input);
  g_test_add_func ("/io-stream/read/source-gone", test_source_gone);
  g_test_add_func ("/io-stream/write/full", test_write);
  g_test_add_func ("/io-stream/write/pollable", test_pollable_output);
  g_test_add_func ("/io-stream/write/gone", test_gone);
  g_test_add_data_func ("/io-stream/close/blocking", GUINT_TO_POINTER (FALSE), test_close);
  g_test_add_data_func ("/io-stream/close/async", GUINT_TO_POINTER (TRUE), test_close);
  g_test_add_func ("/io-stream/close/half", test_half_close);
  g_test_add_func ("/io-stream/life", test_life);
  g_test_add_func ("/io-stream/thread/talk", test_thread);
  g_test_add_func ("/io-stream/thread/cancelled", test_thread_cancel);
  g_test_add_data_func ("/io-stream/thread/context-gone", NULL, test_context_gone);
  g_test_add_data_func ("/io-stream/thread/context-gone-cancellable", "", test_context_gone);
  g_test_add_func ("/io-stream/thread/context-gone-async", test_context_gone_async);
  g_test_add_func ("/io-stream/over/data-input", test_data_input);
  g_test_add_func ("/io-stream/over/dbus", test_dbus);
  g_test_add_func ("/io-stream/over/tls", test_tls);
  g_test_add_func ("/io-stream/over/splice", test_splice);

  result = g_test_run ();
  remove_certificate ();
  return result;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Life: rules C6, C7, C9 and C10. */

#include "close-fixture.h"

#include <signal.h>

#include <sys/wait.h>

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

/* --- C6: what may be done in which callback, on what --- */

typedef enum
{
  ON_PIPE,
  ON_SOCKETS,
  ON_PTY,
  ON_FILE
} Kind;

typedef enum
{
  IN_READ,
  IN_READLINE,
  IN_CLOSED,
  IN_FUTURE
} Place;

typedef struct
{
  Kind kind;
  Place place;
  gpointer action;
} Cell;

typedef struct
{
  Cell cell;
  KaaIOChannel *channel; /* our reference, until it is dropped */
  KaaIOChannel *weak;
  KaaIOChannel *other;   /* a channel to be stolen from */
  int spare[2];          /* a pipe to be wrapped; -1 once it was given away */
  int other_peer;
  int peer;
  gulong self_id;        /* the handler that acts */
  gulong other_id;       /* one that another handler may disconnect */
  guint n_closed;
  gboolean acted;
} World;

static void act (World *world);

static void
act_close (World *world)
{
  g_object_unref (kaa_io_channel_close (world->channel, KAA_CLOSE_NONE));
}

static void
act_close_immediate (World *world)
{
  g_object_unref (kaa_io_channel_close (world->channel, KAA_CLOSE_IMMEDIATE));
  g_assert_false (kaa_io_channel_get_alive (world->channel));
}

static void
act_wrap (World *world)
{
  g_assert_true (kaa_io_channel_wrap_fd (world->channel, world->spare[0], KAA_IO_READ, NULL));
  world->spare[0] = -1;
}

static void
act_steal (World *world)
{
  GError *error = NULL;

  g_assert_true (kaa_io_channel_steal (world->channel, world->other, &error));
  g_assert_no_error (error);
}

static void
act_give (World *world)
{
  /* Where it is closed already there is nothing to give. */
  kaa_io_channel_steal (world->other, world->channel, NULL);
}

static void
act_dispose (World *world)
{
  g_object_run_dispose (G_OBJECT (world->channel));
}

static void
act_disconnect_self (World *world)
{
  if (world->self_id != 0)
    g_signal_handler_disconnect (world->channel, world->self_id);
}

static void
act_disconnect_other (World *world)
{
  g_signal_handler_disconnect (world->channel, world->other_id);
}

static void
act_read (World *world)
{
  g_object_unref (kaa_io_channel_read (world->channel));
}

static void
ignore_error (const GError *error,
              gpointer      user_data)
{
}

static void
act_read_listened (World *world)
{
  KaaInProgress *future = kaa_io_channel_read (world->channel);

  kaa_in_progress_then (future, NULL, NULL, NULL, ignore_error, NULL, NULL);
  g_object_unref (future);
}

static void
act_readline (World *world)
{
  KaaInProgress *future = kaa_io_channel_readline (world->channel);

  kaa_in_progress_then (future, NULL, NULL, NULL, ignore_error, NULL, NULL);
  g_object_unref (future);
}

static void
act_write (World *world)
{
  KaaInProgress *future = write_text (world->channel, "written\n");

  kaa_in_progress_then (future, NULL, NULL, NULL, ignore_error, NULL, NULL);
  g_object_unref (future);
}

static void
act_change (World *world)
{
  kaa_io_channel_set_delimiter (world->channel, ";");
  kaa_io_channel_set_chunk_size (world->channel, 3);
  kaa_io_channel_set_queue_size (world->channel, 5);
}

static void
act_drop (World *world)
{
  g_clear_object (&world->channel);
}

static void
act_wait (World *world)
{
  KaaInProgress *future = kaa_io_channel_write (world->channel, NULL, 0);

  /* It may fail, but it comes back. */
  kaa_in_progress_wait (future, LONG, NULL);
  g_object_unref (future);
}

static void
act_wait_read (World *world)
{
  KaaInProgress *future = kaa_io_channel_read_exactly (world->channel, 1);

  if (world->peer >= 0 && kaa_io_channel_get_alive (world->channel))
    put (world->peer, "x");
  kaa_in_progress_wait (future, LONG, NULL);
  g_object_unref (future);
}

static void
act_wait_close (World *world)
{
  KaaInProgress *future = kaa_io_channel_close (world->channel, KAA_CLOSE_NONE);

  g_assert_nonnull (kaa_in_progress_wait (future, LONG, NULL));
  g_object_unref (future);
}

static void
act_pause (World *world)
{
  kaa_io_channel_set_paused (world->channel, TRUE);
}

static void
act_nested (World *world)
{
  run_ready ();
}

static const struct
{
  const char *name;
  void (*func) (World *world);
} actions[] =
{
  { "close", act_close },
  { "close-immediate", act_close_immediate },
  { "wrap", act_wrap },
  { "steal", act_steal },
  { "give", act_give },
  { "dispose", act_dispose },
  { "disconnect-self", act_disconnect_self },
  { "disconnect-other", act_disconnect_other },
  { "read", act_read },
  { "read-listened", act_read_listened },
  { "readline", act_readline },
  { "write", act_write },
  { "change", act_change },
  { "drop", act_drop },
  { "wait", act_wait },
  { "wait-read", act_wait_read },
  { "wait-close", act_wait_close },
  { "pause", act_pause },
  { "nested", act_nested },
};

static void
act (World *world)
{
  if (world->acted)
    return;

  world->acted = TRUE;
  actions[GPOINTER_TO_INT (world->cell.action)].func (world);
}

static void
on_bytes (KaaIOChannel *channel,
          GBytes       *bytes,
          gpointer      user_data)
{
  act (user_data);
  /* The bytes outlive whatever was done. */
  g_assert_cmpuint (g_bytes_get_size (bytes), >, 0);
  g_assert_nonnull (memchr ("onetwhr\n;x", *(const char *) g_bytes_get_data (bytes, NULL), 10));
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  World *world = user_data;

  world->n_closed++;
  if (world->cell.place == IN_CLOSED)
    act (world);
}

static void
on_other (KaaIOChannel *channel,
          GBytes       *bytes,
          gpointer      user_data)
{
}

static void
on_result (const GValue *result,
           gpointer      user_data)
{
  act (user_data);
}

static void
on_error (const GError *error,
          gpointer      user_data)
{
  act (user_data);
}

static gboolean
set_flag (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

/* Until nothing has been ready for a moment in which the file threads could have said something. */
static void
run_until_quiet (void)
{
  gboolean over = FALSE;

  g_timeout_add (2, set_flag, &over);
  run_while (!over);
  run_ready ();
}

static void
world_init (World *world)
{
  static const char text[] = "one\ntwo\nthree\n";
  int fds[2] = { -1, -1 };
  int others[2];

  world->peer = -1;
  switch (world->cell.kind)
    {
    case ON_PIPE:
      make_pipe (fds);
      world->peer = fds[1];
      break;
    case ON_SOCKETS:
      make_sockets (fds);
      world->peer = fds[1];
      break;
    case ON_PTY:
      make_pty (fds);
      world->peer = fds[1];
      break;
    case ON_FILE:
      fds[0] = make_file (text);
      break;
    }

  make_sockets (others);
  world->other = new_channel (others[0], BOTH);
  g_signal_connect (world->other, "closed", G_CALLBACK (on_other), NULL);
  world->other_peer = others[1];
  make_pipe (world->spare);

  world->channel = new_channel (fds[0], world->cell.kind == ON_PIPE ? KAA_IO_READ : BOTH);
  g_set_weak_pointer (&world->weak, world->channel);
  if (world->cell.kind == ON_FILE)
    kaa_io_channel_set_close_on_eof (world->channel, TRUE);
  g_signal_connect (world->channel, "closed", G_CALLBACK (on_closed), world);
  world->other_id = g_signal_connect (world->channel, "overflow", G_CALLBACK (on_other), NULL);

  switch (world->cell.place)
    {
    case IN_READ:
      world->self_id = g_signal_connect (world->channel, "read", G_CALLBACK (on_bytes), world);
      break;
    case IN_READLINE:
      world->self_id = g_signal_connect (world->channel, "readline", G_CALLBACK (on_bytes), world);
      break;
    case IN_CLOSED:
      break;
    case IN_FUTURE:
      {
        KaaInProgress *future = kaa_io_channel_read_exactly (world->channel, 2);

        kaa_in_progress_then (future, on_result, world, NULL, on_error, world, NULL);
        g_object_unref (future);
      }
      break;
    }

  if (world->peer >= 0)
    put (world->peer, text);
}

static void
world_end (World *world)
{
  if (world->peer >= 0)
    close (world->peer);
  world->peer = -1;
  run_until_quiet ();
  /* One that has input left which nobody wants stays open, as long as somebody would hear of its end. */
  if (world->channel == NULL && world->weak != NULL)
    world->channel = g_object_ref (world->weak);
  g_clear_weak_pointer (&world->weak);
  if (world->channel != NULL)
    {
      g_object_unref (kaa_io_channel_close (world->channel, KAA_CLOSE_IMMEDIATE));
      run_until_quiet ();
      g_signal_handlers_disconnect_by_data (world->channel, world);
      g_assert_cmpint (kaa_io_channel_get_fileno (world->channel), ==, -1);
      g_object_add_weak_pointer (G_OBJECT (world->channel), (gpointer *) &world->channel);
      g_object_unref (world->channel);
      run_until_quiet ();
      g_assert_null (world->channel);
    }
  dispose_of (world->other);
  close (world->other_peer);
  close (world->spare[1]);
  if (world->spare[0] >= 0)
    close (world->spare[0]);
}

static void
run_cell (Kind  kind,
          Place place,
          guint action)
{
  World world = { .cell = { kind, place, GINT_TO_POINTER (action) } };
  guint limit = 1;

  world_init (&world);
  if (place == IN_CLOSED)
    g_object_unref (kaa_io_channel_close (world.channel, KAA_CLOSE_NONE));
  run_while (!world.acted);
  run_until_quiet ();

  /* Opening it again makes another close. */
  if (actions[action].func == act_wrap || actions[action].func == act_steal)
    limit = 2;
  world_end (&world);
  g_assert_cmpuint (world.n_closed, <=, limit);
}

static void
test_matrix (gconstpointer user_data)
{
  guint which = GPOINTER_TO_UINT (user_data);
  guint action = which % G_N_ELEMENTS (actions);
  Place place = which / G_N_ELEMENTS (actions) % 4;
  Kind kind = which / G_N_ELEMENTS (actions) / 4;
  guint n_fds;

  /* The poller and the threads come with the first one, and stay. */
  run_cell (ON_PIPE, IN_READ, 0);
  n_fds = count_fds ();
  run_cell (kind, place, action);
  /* A file is closed by a thread. */
  for (guint i = 0; i < 200 && count_fds () != n_fds; i++)
    run_until_quiet ();
  g_assert_cmpuint (count_fds (), ==, n_fds);
}

static void
add_matrix (void)
{
  static const char * const kinds[] = { "pipe", "sockets", "pty", "file" };
  static const char * const places[] = { "read", "readline", "closed", "future" };

  for (guint kind = 0; kind < 4; kind++)
    for (guint place = 0; place < 4; place++)
      for (guint action = 0; action < G_N_ELEMENTS (actions); action++)
        {
          guint which = (kind * 4 + place) * G_N_ELEMENTS (actions) + action;
          char *name;

          name = g_strdup_printf ("/channel/C6/%s/%s/%s", kinds[kind], places[place], actions[action].name);

          g_test_add_data_func (name, GUINT_TO_POINTER (which), test_matrix);
          g_free (name);
        }
}

/* --- C6: nested loops --- */

typedef struct
{
  KaaIOChannel *a, *b;
  Record *record_b;
  GString *lines;
  int peer_a, peer_b;
  guint depth;
  gboolean done;
} Nested;

static void
nested_line (KaaIOChannel *channel,
             GBytes       *line,
             gpointer      user_data)
{
  Nested *nested = user_data;
  gsize length = 0;
  const char *text = g_bytes_get_data (line, &length);

  g_assert_cmpuint (nested->depth, ==, 0);
  nested->depth++;
  g_string_append_len (nested->lines, text, length);
  if (strncmp (text, "body", 4) == 0)
    {
      /* The others go on. */
      put (nested->peer_b, "other");
      run_while (nested->record_b->input->len < 5);
      /* It takes the bytes that follow the line. */
      assert_text (kaa_io_channel_read_exactly (channel, 4), "1234");
      run_ready ();
    }
  nested->depth--;
}

static void
test_nested (void)
{
  Nested nested = { 0, };
  int fds[2];

  nested.lines = g_string_new (NULL);
  make_sockets (fds);
  nested.a = new_channel (fds[0], BOTH);
  nested.peer_a = fds[1];
  make_sockets (fds);
  nested.b = new_channel (fds[0], BOTH);
  nested.peer_b = fds[1];
  nested.record_b = record_new (nested.b, TRUE);
  g_signal_connect (nested.a, "readline", G_CALLBACK (nested_line), &nested);

  put (nested.peer_a, "head\nbody\n1234tail\nend\n");
  run_while (nested.lines->len < strlen ("head\nbody\ntail\nend\n"));
  g_assert_cmpstr (nested.lines->str, ==, "head\nbody\ntail\nend\n");

  dispose_of (nested.a);
  dispose_of (nested.b);
  close (nested.peer_a);
  close (nested.peer_b);
  record_free (nested.record_b);
  g_string_free (nested.lines, TRUE);
}

static void
nested_read (KaaIOChannel *channel,
             GBytes       *chunk,
             gpointer      user_data)
{
  Nested *nested = user_data;

  g_assert_cmpuint (nested->depth, ==, 0);
  nested->depth++;
  g_string_append_len (nested->lines, g_bytes_get_data (chunk, NULL), g_bytes_get_size (chunk));
  if (!nested->done)
    {
      nested->done = TRUE;
      put (nested->peer_a, "request\nmore");
      assert_text (kaa_io_channel_readline (channel), "request\n");
      run_ready ();
    }
  nested->depth--;
}

static void
test_nested_read (void)
{
  Nested nested = { 0, };
  int fds[2];

  nested.lines = g_string_new (NULL);
  make_sockets (fds);
  nested.a = new_channel (fds[0], BOTH);
  nested.peer_a = fds[1];
  g_signal_connect (nested.a, "read", G_CALLBACK (nested_read), &nested);
  put (nested.peer_a, "first");
  run_while (nested.lines->len < strlen ("firstrequest\nmore"));
  g_assert_cmpstr (nested.lines->str, ==, "firstrequest\nmore");
  dispose_of (nested.a);
  close (nested.peer_a);
  g_string_free (nested.lines, TRUE);
}

/* --- C7 --- */

static gboolean
count_beat (gpointer user_data)
{
  (*(guint *) user_data)++;
  return G_SOURCE_CONTINUE;
}

static void
flood (KaaIOChannel *channel,
       GBytes       *chunk,
       gpointer      user_data)
{
  *(gsize *) user_data += g_bytes_get_size (chunk);
}

/* An endless source beside one at idle priority: both go on. */
static void
test_fair (void)
{
  KaaIOChannel *channel = new_channel (open ("/dev/zero", O_RDONLY | O_CLOEXEC), KAA_IO_READ);
  gsize total = 0;
  guint beats = 0;
  guint id;

  g_signal_connect (channel, "read", G_CALLBACK (flood), &total);
  id = g_idle_add_full (G_PRIORITY_DEFAULT_IDLE, count_beat, &beats, NULL);
  run_while (total < 64 * 1024 * 1024);
  g_assert_cmpuint (beats, >, 0);
  run_while (beats < 100);
  g_source_remove (id);
  dispose_of (channel);
}

/* --- C9 --- */

typedef struct
{
  KaaIOChannel *channel;
  gint done;
} Remote;

static gpointer
write_from_thread (gpointer user_data)
{
  Remote *remote = user_data;
  GMainContext *context = g_main_context_new ();
  GError *error = NULL;

  g_main_context_push_thread_default (context);
  g_assert_cmpint (await_int (write_text (remote->channel, "one")), ==, 3);
  g_assert_true (send_text (remote->channel, "two", &error));
  g_assert_no_error (error);
  assert_fails (kaa_io_channel_read (remote->channel), G_IO_ERROR_NOT_SUPPORTED);
  assert_fails (kaa_io_channel_readline (remote->channel), G_IO_ERROR_NOT_SUPPORTED);
  assert_fails (kaa_io_channel_read_exactly (remote->channel, 1), G_IO_ERROR_NOT_SUPPORTED);
  assert_fails (kaa_io_channel_flush (remote->channel), G_IO_ERROR_NOT_SUPPORTED);
  assert_fails (kaa_io_channel_wait_writable (remote->channel, 1), G_IO_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (await_int (write_text (remote->channel, "three")), ==, 5);
  g_assert_true (await_boolean (kaa_io_channel_close (remote->channel, KAA_CLOSE_NONE)));
  assert_fails (write_text (remote->channel, "late"), G_IO_ERROR_CLOSED);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  g_atomic_int_set (&remote->done, TRUE);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_thread (void)
{
  Remote remote = { NULL, FALSE };
  GThread *thread;
  Record *record;
  int fds[2];

  make_sockets (fds);
  remote.channel = new_channel (fds[0], BOTH);
  record = record_new (remote.channel, FALSE);
  thread = g_thread_new ("remote", write_from_thread, &remote);
  run_while (!g_atomic_int_get (&remote.done));
  g_thread_join (thread);
  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 1);
  g_assert_true (record->expected);
  assert_got (fds[1], "onetwothree");
  dispose_of (remote.channel);
  close (fds[1]);
  record_free (record);
}

static gpointer
send_and_close_in_thread (gpointer user_data)
{
  GMainContext *context = g_main_context_new ();
  GError *error = NULL;

  g_main_context_push_thread_default (context);
  g_assert_true (send_text (user_data, "last", &error));
  g_assert_no_error (error);
  g_object_unref (kaa_io_channel_close (user_data, KAA_CLOSE_NONE));
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

/* Nobody waits for the close to arrive: the channel is closed for every thread at once, and what is on its way is counted. */
static void
test_closed_in_thread (void)
{
  KaaIOChannel *channel;
  Record *record;
  int fds[2];

  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  record = record_new (channel, FALSE);
  kaa_io_channel_set_queue_size (channel, G_MAXUINT64);
  run_ready ();

  g_thread_join (g_thread_new ("close", send_and_close_in_thread, channel));
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_false (kaa_io_channel_get_writable (channel));
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 4);
  assert_fails (write_text (channel, "late"), G_IO_ERROR_CLOSED);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 4);

  run_ready ();
  g_assert_cmpuint (record->n_closed, ==, 1);
  g_assert_true (record->expected);
  g_assert_cmpuint (kaa_io_channel_get_write_queue_used (channel), ==, 0);
  assert_got (fds[1], "last");
  dispose_of (channel);
  close (fds[1]);
  record_free (record);
}

static gpointer
drop_in_thread (gpointer user_data)
{
  g_object_unref (user_data);
  return NULL;
}

static void
test_last_reference_in_thread (void)
{
  KaaIOChannel *channel;
  gpointer weak;
  int fds[2];

  make_sockets (fds);
  channel = weak = new_channel (fds[0], BOTH);
  run_ready ();
  g_object_add_weak_pointer (G_OBJECT (channel), &weak);
  g_thread_join (g_thread_new ("drop", drop_in_thread, channel));
  run_ready ();
  g_assert_null (weak);
  g_assert_false (is_open_fd (fds[0]));
  close (fds[1]);
}

static void
test_context_gone (void)
{
  GMainContext *context = g_main_context_new ();
  KaaInProgress *request, *write, *later;
  KaaIOChannel *channel;
  Record *record;
  int fds[2];

  g_main_context_push_thread_default (context);
  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  record = record_new (channel, FALSE);
  request = kaa_io_channel_readline (channel);
  kaa_io_channel_set_queue_size (channel, 4 * 1024 * 1024);
  write = write_zeros (channel, 4 * 1024 * 1024);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);

  g_assert_true (kaa_in_progress_get_finished (request));
  g_assert_true (kaa_in_progress_get_finished (write));
  assert_fails (request, G_IO_ERROR_CLOSED);
  assert_fails (write, G_IO_ERROR_CLOSED);
  g_assert_false (is_open_fd (fds[0]));
  g_assert_false (kaa_io_channel_get_alive (channel));
  later = write_text (channel, "late");
  assert_fails (later, G_IO_ERROR_CLOSED);
  g_assert_cmpuint (record->n_closed, ==, 0);
  g_assert_cmpuint (G_OBJECT (channel)->ref_count, ==, 1);
  g_object_unref (channel);
  close (fds[1]);
  record_free (record);
}

static gpointer
echo_thread (gpointer user_data)
{
  GMainContext *context = g_main_context_new ();
  KaaIOChannel *a, *b;

  g_main_context_push_thread_default (context);
  g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
  for (int i = 0; i < 200; i++)
    {
      g_assert_cmpint (await_int (write_text (a, "ping\n")), ==, 5);
      assert_text (kaa_io_channel_readline (b), "ping\n");
    }
  g_assert_true (await_boolean (kaa_io_channel_close (a, KAA_CLOSE_NONE)));
  g_assert_true (await_boolean (kaa_io_channel_close (b, KAA_CLOSE_IMMEDIATE)) || TRUE);
  g_object_unref (a);
  g_object_unref (b);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

static void
test_contexts (void)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("context", echo_thread, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* Messages of a size, from two threads at a time: letters that say who sent it, and a number. */
#define N_MESSAGES 20000
#define MESSAGE_SIZE 16

typedef struct
{
  KaaIOChannel *channel;
  char name;
  guint n_sent;
  gint *n_running;
} Sender;

/* FALSE when the queue takes no more for now. */
static gboolean
send_next (Sender *sender)
{
  char message[MESSAGE_SIZE + 1];
  GError *error = NULL;

  g_snprintf (message, sizeof message, "%c%015u", sender->name, sender->n_sent);
  if (!send_text (sender->channel, message, &error))
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      g_clear_error (&error);
      return FALSE;
    }
  sender->n_sent++;
  return TRUE;
}

static gpointer
send_from_thread (gpointer user_data)
{
  Sender *sender = user_data;

  while (sender->n_sent < N_MESSAGES)
    if (!send_next (sender))
      g_thread_yield ();
  g_atomic_int_add (sender->n_running, -1);
  return NULL;
}

static void
check_messages (const char *text,
                gsize       length)
{
  guint n_seen[2] = { 0, 0 };

  g_assert_cmpuint (length, ==, 2 * N_MESSAGES * MESSAGE_SIZE);
  for (gsize at = 0; at < length; at += MESSAGE_SIZE)
    {
      guint sender = (guint) (text[at] - 'a');

      g_assert_cmpuint (sender, <, 2);
      g_assert_cmpuint (g_ascii_strtoull (text + at + 1, NULL, 10), ==, n_seen[sender]);
      n_seen[sender]++;
    }
}

/* None is lost, torn or overtaken by another of its thread. */
static void
test_threads_at_once (void)
{
  GString *seen = g_string_new (NULL);
  gint n_running = 1;
  Sender here = { NULL, 'a', 0, &n_running }, there = { NULL, 'b', 0, &n_running };
  GThread *thread;
  int fds[2];

  make_sockets (fds);
  set_nonblocking (fds[1]);
  here.channel = there.channel = new_channel (fds[0], KAA_IO_WRITE);
  kaa_io_channel_set_queue_size (here.channel, 64 * MESSAGE_SIZE);
  thread = g_thread_new ("sender", send_from_thread, &there);
  while (here.n_sent < N_MESSAGES || g_atomic_int_get (&n_running) > 0 || kaa_io_channel_get_write_queue_used (here.channel) > 0)
    {
      char buffer[4096];
      gssize n;

      while (here.n_sent < N_MESSAGES && send_next (&here))
        ;
      g_main_context_iteration (NULL, FALSE);
      while ((n = read (fds[1], buffer, sizeof buffer)) > 0)
        g_string_append_len (seen, buffer, n);
    }
  g_thread_join (thread);
  check_messages (seen->str, seen->len);
  dispose_of (here.channel);
  close (fds[1]);
  g_string_free (seen, TRUE);
}

/* The priority changes under the feet of another thread: what it sends arrives whole. */
static void
test_priority_at_once (void)
{
  GString *seen = g_string_new (NULL);
  gint n_running = 1;
  Sender there = { NULL, 'b', 0, &n_running };
  GThread *thread;
  guint n_turns = 0;
  int fds[2];

  make_sockets (fds);
  set_nonblocking (fds[1]);
  there.channel = new_channel (fds[0], KAA_IO_WRITE);
  thread = g_thread_new ("sender", send_from_thread, &there);
  while (g_atomic_int_get (&n_running) > 0 || kaa_io_channel_get_write_queue_used (there.channel) > 0)
    {
      char buffer[4096];
      gssize n;

      kaa_io_channel_set_priority (there.channel, n_turns++ % 2 == 0 ? G_PRIORITY_HIGH : G_PRIORITY_DEFAULT);
      g_main_context_iteration (NULL, FALSE);
      while ((n = read (fds[1], buffer, sizeof buffer)) > 0)
        g_string_append_len (seen, buffer, n);
    }
  g_thread_join (thread);
  g_assert_cmpuint (seen->len, ==, N_MESSAGES * MESSAGE_SIZE);
  dispose_of (there.channel);
  close (fds[1]);
  g_string_free (seen, TRUE);
}

/* --- C10 --- */

static void
test_fork (void)
{
  KaaInProgress *pending;
  KaaIOChannel *channel;
  Record *record;
  gsize total = 0;
  int fds[2];
  int verdict_pipe[2];
  char verdict = '0';
  int status;
  pid_t child;

  make_sockets (fds);
  channel = new_channel (fds[0], BOTH);
  record = record_new (channel, TRUE);
  kaa_io_channel_set_queue_size (channel, 4 * 1024 * 1024);
  pending = write_zeros (channel, 2 * 1024 * 1024);
  run_ready ();

  g_assert_cmpint (pipe (verdict_pipe), ==, 0);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      /* Not even behind what is in its copy of the queue. */
      if (send_text (channel, "from the child", NULL))
        verdict = '4';
      g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_NONE));
      if (is_open_fd (fds[0]))
        verdict = '1';
      else if (send_text (channel, "from the child", NULL))
        verdict = '2';
      g_object_run_dispose (G_OBJECT (channel));
      if (record->n_closed != 0)
        verdict = '3';
      /* Not an exit: what belongs to the parent would be taken for a leak of the child's. */
      g_assert_cmpint (write (verdict_pipe[1], &verdict, 1), ==, 1);
      kill (getpid (), SIGKILL);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (read (verdict_pipe[0], &verdict, 1), ==, 1);
  g_assert_cmpint (verdict, ==, '0');
  close (verdict_pipe[0]);
  close (verdict_pipe[1]);

  /* The parent hears and writes as before. */
  put (fds[1], "still heard");
  run_while (record->input->len < 11);
  while (!kaa_in_progress_get_finished (pending))
    {
      drain (fds[1], &total);
      g_main_context_iteration (NULL, FALSE);
    }
  drain (fds[1], &total);
  g_assert_cmpuint (total, ==, 2 * 1024 * 1024);
  g_assert_cmpint (await_int (pending), ==, 2 * 1024 * 1024);
  dispose_of (channel);
  close (fds[1]);
  record_free (record);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (600);

  /* First: a child that leaves the thread pool of the files behind looks like a leak. */
  g_test_add_func ("/channel/C10/fork", test_fork);
  add_matrix ();
  g_test_add_func ("/channel/C6/nested/readline", test_nested);
  g_test_add_func ("/channel/C6/nested/read", test_nested_read);
  g_test_add_func ("/channel/C7/idle", test_fair);
  g_test_add_func ("/channel/C9/thread", test_thread);
  g_test_add_func ("/channel/C9/threads-at-once", test_threads_at_once);
  g_test_add_func ("/channel/C9/priority-at-once", test_priority_at_once);
  g_test_add_func ("/channel/C9/closed-in-thread", test_closed_in_thread);
  g_test_add_func ("/channel/C9/last-reference", test_last_reference_in_thread);
  g_test_add_func ("/channel/C9/context-gone", test_context_gone);
  g_test_add_func ("/channel/C9/contexts", test_contexts);

  return g_test_run ();
}

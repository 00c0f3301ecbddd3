/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory for what is read runs out: a peer decides how much that is, so it is asked for, and may be refused. */

#include "channel-fixture.h"

#include "channel/kaa-io-channel-private.h"

#define BOTH (KAA_IO_READ | KAA_IO_WRITE)

gpointer __real_g_try_malloc (gsize size);
gpointer __wrap_g_try_malloc (gsize size);
gpointer __real_g_try_realloc (gpointer memory, gsize size);
gpointer __wrap_g_try_realloc (gpointer memory, gsize size);

static gboolean out_of_memory;
static guint n_refused;

static gboolean
is_refused (void)
{
  if (out_of_memory)
    n_refused++;
  return out_of_memory;
}

gpointer
__wrap_g_try_malloc (gsize size)
{
  return is_refused () ? NULL : __real_g_try_malloc (size);
}

gpointer
__wrap_g_try_realloc (gpointer memory,
                      gsize    size)
{
  return is_refused () ? NULL : __real_g_try_realloc (memory, size);
}

static void
begin_shortage (void)
{
  out_of_memory = TRUE;
  n_refused = 0;
}

/* A shortage that nobody has met proves nothing. */
static void
end_shortage (void)
{
  out_of_memory = FALSE;
  g_assert_cmpuint (n_refused, >, 0);
}

/* --- a filter: each byte several times, so that it has more than it was asked for --- */

static gsize factor;

typedef KaaIOChannel Repeating;
typedef KaaIOChannelClass RepeatingClass;

static GType repeating_get_type (void);

G_DEFINE_TYPE (Repeating, repeating, KAA_TYPE_IO_CHANNEL)

static GBytes *
repeating_read_nonblocking (KaaIOChannel  *channel,
                           gsize          count,
                           GError       **error)
{
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (repeating_parent_class)->read_nonblocking (channel, count, error);
  GByteArray *more;
  const guint8 *data;
  gsize length;

  if (bytes == NULL)
    return NULL;

  data = g_bytes_get_data (bytes, &length);
  more = g_byte_array_sized_new (factor * length);
  for (gsize i = 0; i < factor * length; i++)
    g_byte_array_append (more, data + i / factor, 1);
  g_bytes_unref (bytes);
  return g_byte_array_free_to_bytes (more);
}

static void
repeating_class_init (RepeatingClass *klass)
{
  klass->read_nonblocking = repeating_read_nonblocking;
}

static void
repeating_init (Repeating *self)
{
}

/* --- the tests --- */

typedef struct
{
  KaaIOChannel *channel;
  int peer;
  GString *lines;
  guint n_closed;
} Fixture;

static void
on_line (KaaIOChannel *channel,
         GBytes       *line,
         gpointer      user_data)
{
  Fixture *fixture = user_data;

  g_string_append_len (fixture->lines, g_bytes_get_data (line, NULL), g_bytes_get_size (line));
}

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      user_data)
{
  Fixture *fixture = user_data;

  g_assert_false (expected);
  g_assert_error ((GError *) kaa_io_channel_get_error (channel), G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_nonnull (strstr (kaa_io_channel_get_error (channel)->message, "memory"));
  fixture->n_closed++;
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  GError *error = NULL;
  int fd;

  make_sockets (&fd, &fixture->peer);
  fixture->lines = g_string_new (NULL);
  factor = data != NULL ? 2 : 1;
  fixture->channel = g_object_new (data != NULL ? repeating_get_type () : KAA_TYPE_IO_CHANNEL, NULL);
  g_assert_true (kaa_io_channel_wrap_fd (fixture->channel, fd, BOTH, &error));
  g_assert_no_error (error);
  g_signal_connect (fixture->channel, "closed", G_CALLBACK (on_closed), fixture);
  settle ();
  /* The spare of those before. */
  kaa_block_cache_clear (kaa_channel_get_blocks (kaa_channel_get_private (fixture->channel)));
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_signal_handlers_disconnect_by_data (fixture->channel, fixture);
  finish_channel (fixture->channel);
  close (fixture->peer);
  g_string_free (fixture->lines, TRUE);
}

/* The first block, for a handler. */
static void
test_first_block (Fixture       *fixture,
                  gconstpointer  data)
{
  g_signal_connect (fixture->channel, "readline", G_CALLBACK (on_line), fixture);
  put_string (fixture->peer, "one\n");
  begin_shortage ();
  spin_until (fixture->n_closed > 0);
  end_shortage ();
  settle ();
  g_assert_cmpuint (fixture->n_closed, ==, 1);
  g_assert_cmpstr (fixture->lines->str, ==, "");
}

/* A line outgrows its block: what there is of it comes before the close, as at every end. */
static void
test_growing_line (Fixture       *fixture,
                   gconstpointer  data)
{
  char *text = g_strnfill (50000, 'x');

  kaa_io_channel_set_queue_size (fixture->channel, 16 * 1024 * 1024);
  g_signal_connect (fixture->channel, "readline", G_CALLBACK (on_line), fixture);
  put_string (fixture->peer, text);
  spin_until (kaa_io_channel_get_read_queue_used (fixture->channel) == 50000 * factor);

  begin_shortage ();
  for (guint i = 0; fixture->n_closed == 0; i++)
    {
      g_assert_cmpuint (i, <, 100);
      put_string (fixture->peer, text);
      settle ();
    }
  end_shortage ();
  settle ();
  g_assert_cmpuint (fixture->n_closed, ==, 1);
  g_assert_cmpuint (fixture->lines->len, ==, kaa_io_channel_get_bytes_read (fixture->channel));
  g_assert_cmpuint (fixture->lines->len, >=, 50000 * factor);
  g_free (text);
}

/* A request fails, and nothing that was read before is gone with it. */
static void
test_request (Fixture       *fixture,
              gconstpointer  data)
{
  char *text = g_strnfill (60000, 'x');
  KaaInProgress *future;
  GBytes *bytes;

  kaa_io_channel_set_queue_size (fixture->channel, 16 * 1024 * 1024);
  future = kaa_io_channel_read_exactly (fixture->channel, 1000 * 1000);
  put_string (fixture->peer, text);
  spin_until (kaa_io_channel_get_read_queue_used (fixture->channel) == 60000);
  begin_shortage ();
  put_string (fixture->peer, text);
  spin_until (kaa_in_progress_get_finished (future));
  end_shortage ();

  bytes = kaa_in_progress_get_bytes (future, NULL);
  if (bytes == NULL)
    bytes = kaa_io_channel_peek (fixture->channel);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, kaa_io_channel_get_bytes_read (fixture->channel));
  g_bytes_unref (bytes);
  g_object_unref (future);
  spin_until (fixture->n_closed == 1);
  g_free (text);
}

static void
test_unread (Fixture       *fixture,
             gconstpointer  data)
{
  /* More than the spare block holds. */
  GBytes *bytes = g_bytes_new_take (g_strnfill (100000, 'x'), 100000);
  KaaInProgress *future;
  GError *error = NULL;

  put_string (fixture->peer, "one\ntwo\n");
  future = kaa_io_channel_readline (fixture->channel);
  assert_bytes (future, "one\n");
  begin_shortage ();
  g_assert_false (kaa_io_channel_unread (fixture->channel, bytes, &error));
  end_shortage ();
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE);
  g_clear_error (&error);
  assert_queue (fixture->channel, "two\n");

  g_assert_true (kaa_io_channel_unread (fixture->channel, bytes, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (fixture->channel), ==, 100000 + 4);
  g_bytes_unref (bytes);
  g_signal_handlers_disconnect_by_data (fixture->channel, fixture);
}

/* What a filter has not handed out yet has to be kept when another channel takes over. Without memory for it nothing changes. */
static void
test_takeover (Fixture       *fixture,
               gconstpointer  data)
{
  KaaIOChannel *other = kaa_io_channel_new ();
  GError *error = NULL;

  /* More than the spare block holds. */
  factor = 30000;
  put_string (fixture->peer, "one\n");
  kaa_io_channel_set_chunk_size (fixture->channel, 4);
  assert_bytes (kaa_io_channel_read (fixture->channel), "oooo");

  begin_shortage ();
  g_assert_false (kaa_io_channel_steal (other, fixture->channel, &error));
  end_shortage ();
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_true (kaa_io_channel_get_alive (fixture->channel));
  g_assert_false (kaa_io_channel_get_alive (other));

  assert_bytes (kaa_io_channel_read (fixture->channel), "oooo");
  g_assert_true (kaa_io_channel_steal (other, fixture->channel, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (other), ==, 4 * factor - 8);
  g_assert_cmpuint (fixture->n_closed, ==, 0);
  finish_channel (other);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, data, func) g_test_add ("/channel/memory/" path, Fixture, data, set_up, func, tear_down)
#define FILTER GINT_TO_POINTER (TRUE)
  ADD ("first-block", NULL, test_first_block);
  ADD ("first-block/filter", FILTER, test_first_block);
  ADD ("growing-line", NULL, test_growing_line);
  ADD ("growing-line/filter", FILTER, test_growing_line);
  ADD ("request", NULL, test_request);
  ADD ("unread", NULL, test_unread);
  ADD ("takeover", FILTER, test_takeover);

  return g_test_run ();
}

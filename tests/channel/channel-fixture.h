/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of channels share: descriptors, a loop, and a protocol of what happened. */

#include <kaaio/kaaio.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- The loop --- */

/* Far more than anything here takes, even under valgrind: it ends a test that hangs, and decides nothing else. */
#define WATCHDOG_SECONDS 120

static inline gboolean
bark (gpointer where)
{
  g_error ("%s: waited in vain", (const char *) where);
  return G_SOURCE_REMOVE;
}

/* Iterates the default context until the condition is true. */
#define spin_until(condition) \
  G_STMT_START { \
    guint _dog = g_timeout_add_seconds (WATCHDOG_SECONDS, bark, (gpointer) G_STRLOC ": " #condition); \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
    g_source_remove (_dog); \
  } G_STMT_END

/* Runs what is ready in the default context, until there is nothing more for a few turns; a loop that spins fails. */
static inline void
settle (void)
{
  guint idle = 0;

  for (guint turns = 0; idle < 3; turns++)
    {
      g_assert_cmpuint (turns, <, 1000000);
      idle = g_main_context_iteration (NULL, FALSE) ? 0 : idle + 1;
    }
}

static guint n_polls;

static inline int
counting_poll (GPollFD *fds,
               guint    n_fds,
               int      timeout)
{
  n_polls++;
  return g_poll (fds, n_fds, timeout);
}

static inline gboolean
raise_flag (gpointer flag)
{
  *(gboolean *) flag = TRUE;
  return G_SOURCE_REMOVE;
}

/* How often the loop wakes up before a timer fires; a loop that rests does so for the timer alone. */
static inline guint
count_wakeups (void)
{
  gboolean over = FALSE;

  settle ();
  g_main_context_set_poll_func (NULL, counting_poll);
  n_polls = 0;
  g_timeout_add (30, raise_flag, &over);
  spin_until (over);
  g_main_context_set_poll_func (NULL, NULL);
  return n_polls;
}

/* A turn or two may go by for the timer; something that spins makes thousands of them. */
#define assert_at_rest() g_assert_cmpuint (count_wakeups (), <=, 5)

/* --- Descriptors --- */

static inline void
make_pipe (int *read_end,
           int *write_end)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  *read_end = fds[0];
  *write_end = fds[1];
}

static inline void
make_sockets (int *a,
              int *b)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *a = fds[0];
  *b = fds[1];
}

static inline void
put (int         fd,
     const void *data,
     gsize       length)
{
  const char *from = data;

  while (length > 0)
    {
      gssize n = write (fd, from, length);

      g_assert_true (n >= 0 || errno == EINTR);
      if (n > 0)
        {
          from += n;
          length -= n;
        }
    }
}

static inline void
put_string (int         fd,
            const char *string)
{
  put (fd, string, strlen (string));
}

static inline int
get_waiting (int fd)
{
  int n = -1;

  g_assert_cmpint (ioctl (fd, FIONREAD, &n), ==, 0);
  return n;
}

/* A file that has no name any more, open for both. */
static inline int
make_file (const void *data,
           gsize       length)
{
  char *name = NULL;
  GError *error = NULL;
  int fd = g_file_open_tmp ("kaa-XXXXXX", &name, &error);

  g_assert_no_error (error);
  unlink (name);
  g_free (name);
  put (fd, data, length);
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  return fd;
}

static inline KaaIOChannel *
open_fd (int            fd,
         KaaIOCondition mode)
{
  GError *error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (fd, mode, &error);

  g_assert_no_error (error);
  g_assert_nonnull (channel);
  return channel;
}

/* A channel on the read end of a pipe, and the other end. */
static inline KaaIOChannel *
open_pipe (int *write_end)
{
  int fd;

  make_pipe (&fd, write_end);
  return open_fd (fd, KAA_IO_READ);
}

/* Closes and drops the channel. */
static inline void
finish_channel (KaaIOChannel *channel)
{
  KaaInProgress *closed = kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE);

  spin_until (kaa_in_progress_get_finished (closed));
  g_object_unref (closed);
  g_object_unref (channel);
  settle ();
}

/* --- The protocol: what happened, in this order --- */

static GString *events;

static inline void
begin_events (void)
{
  if (events == NULL)
    events = g_string_new (NULL);
  g_string_truncate (events, 0);
}

static inline void
end_events (void)
{
  g_string_free (g_steal_pointer (&events), TRUE);
}

/* "word[bytes]", with a newline as "|" and a return as "^". */
static inline void
note_bytes (const char *word,
            GBytes     *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  if (events->len > 0)
    g_string_append_c (events, ' ');
  g_string_append_printf (events, "%s[", word);
  for (gsize i = 0; i < length; i++)
    g_string_append_c (events, data[i] == '\n' ? '|' : data[i] == '\r' ? '^' : data[i] == '\0' ? '0' : data[i]);
  g_string_append_c (events, ']');
}

static inline void
note (const char *word)
{
  if (events->len > 0)
    g_string_append_c (events, ' ');
  g_string_append (events, word);
}

#define assert_events(expected) \
  G_STMT_START { \
    g_assert_cmpstr (events->str, ==, expected); \
    g_string_truncate (events, 0); \
  } G_STMT_END

static inline void
note_chunk (KaaIOChannel *channel,
            GBytes       *bytes,
            gpointer      word)
{
  note_bytes (word, bytes);
}

static inline void
note_closed (KaaIOChannel *channel,
             gboolean      expected,
             gpointer      user_data)
{
  note (expected ? "closed" : "hung-up");
}

static inline void
note_overflow (KaaIOChannel *channel,
               guint64       bytes,
               gpointer      user_data)
{
  g_assert_cmpuint (bytes, >, 0);
  note ("overflow");
}

/* R for read, L for readline, B for readlines. */
static inline gulong
note_signal (KaaIOChannel *channel,
             const char   *name)
{
  if (g_str_equal (name, "closed"))
    return g_signal_connect (channel, name, G_CALLBACK (note_closed), NULL);
  if (g_str_equal (name, "overflow"))
    return g_signal_connect (channel, name, G_CALLBACK (note_overflow), NULL);
  return g_signal_connect (channel, name, G_CALLBACK (note_chunk),
                           (gpointer) (g_str_equal (name, "read") ? "R" : g_str_equal (name, "readline") ? "L" : "B"));
}

static inline void
note_resolve (const GValue *result,
              gpointer      word)
{
  note_bytes (word, g_value_get_boxed (result));
}

static inline void
note_reject (const GError *error,
             gpointer      word)
{
  char *text;

  g_assert_true (error->domain == G_IO_ERROR);
  text = g_strdup_printf ("%s!%d", (const char *) word, error->code);
  note (text);
  g_free (text);
}

/* Notes its result as "word[bytes]" or "word!code", and drops it. */
static inline void
note_future (KaaInProgress *future,
             const char    *word)
{
  kaa_in_progress_then (future,
                        note_resolve, g_strdup (word), g_free,
                        note_reject, g_strdup (word), g_free);
  g_object_unref (future);
}

/* --- Collecting --- */

static inline void
collect (KaaIOChannel *channel,
         GBytes       *bytes,
         gpointer      array)
{
  g_byte_array_append (array, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

static inline void
collect_into (KaaIOChannel *channel,
              const char   *name,
              GByteArray   *array)
{
  g_signal_connect_data (channel, name, G_CALLBACK (collect), g_byte_array_ref (array),
                         (GClosureNotify) (void (*) (void)) g_byte_array_unref, G_CONNECT_DEFAULT);
}

/* Waits for a future, drops it, and compares. */
static inline void
assert_bytes (KaaInProgress *future,
              const char    *expected)
{
  GError *error = NULL;
  GBytes *bytes;

  spin_until (kaa_in_progress_get_finished (future));
  bytes = kaa_in_progress_get_bytes (future, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
  g_bytes_unref (bytes);
  g_object_unref (future);
}

static inline void
assert_fails (KaaInProgress *future,
              GIOErrorEnum   code)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_null (kaa_in_progress_get_result (future, &error));
  g_assert_error (error, G_IO_ERROR, (int) code);
  g_assert_cmpstr (error->message, !=, "");
  g_error_free (error);
  g_object_unref (future);
}

static inline void
assert_queue (KaaIOChannel *channel,
              const char   *expected)
{
  GBytes *bytes = kaa_io_channel_peek (channel);

  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (channel), ==, strlen (expected));
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, strlen (expected));
  g_bytes_unref (bytes);
}

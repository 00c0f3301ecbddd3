/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of writing, closing and life share: four kinds of descriptors, a loop that runs until something holds, and
 * a record of what a channel said. */

#include <kaaio/kaaio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* --- The loop --- */

/* Runs what is ready in the default context. */
static inline void
run_ready (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

#define run_while(condition) \
  G_STMT_START { \
    while (condition) \
      g_main_context_iteration (NULL, TRUE); \
  } G_STMT_END

/* --- Descriptors --- */

/* open() and close() are not traced: what the library leaks shows as a number that is larger than before. */
static inline guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static inline gboolean
is_open_fd (int fd)
{
  return fcntl (fd, F_GETFD) >= 0;
}

static inline void
set_nonblocking (int fd)
{
  g_assert_cmpint (fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK), ==, 0);
}

static inline void
make_pipe (int fds[2])
{
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
}

static inline void
make_sockets (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

/* fds[0] is the master; the terminal passes bytes as they are. */
static inline void
make_pty (int fds[2])
{
  struct termios attributes;

  fds[0] = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fds[0], >=, 0);
  g_assert_cmpint (grantpt (fds[0]), ==, 0);
  g_assert_cmpint (unlockpt (fds[0]), ==, 0);
  fds[1] = open (ptsname (fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fds[1], >=, 0);
  g_assert_cmpint (tcgetattr (fds[1], &attributes), ==, 0);
  cfmakeraw (&attributes);
  g_assert_cmpint (tcsetattr (fds[1], TCSANOW, &attributes), ==, 0);
}

static inline int
make_file (const char *contents)
{
  char *name = NULL;
  int fd = g_file_open_tmp ("kaa-test-XXXXXX", &name, NULL);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (unlink (name), ==, 0);
  g_assert_cmpint (write (fd, contents, strlen (contents)), ==, (gssize) strlen (contents));
  g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
  g_free (name);
  return fd;
}

static inline void
put (int         fd,
     const char *text)
{
  g_assert_cmpint (write (fd, text, strlen (text)), ==, (gssize) strlen (text));
}

/* What is at hand, without waiting. NULL at the end of the input, "" when there is nothing. */
static inline char *
get (int fd)
{
  GString *text = g_string_new (NULL);
  char buffer[4096];
  gssize n;

  set_nonblocking (fd);
  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  if (n == 0 && text->len == 0)
    return g_string_free (text, TRUE);
  return g_string_free (text, FALSE);
}

#define assert_got(fd, expected) \
  G_STMT_START { \
    char *got__ = get (fd); \
    g_assert_cmpstr (got__, ==, expected); \
    g_free (got__); \
  } G_STMT_END

/* Reads away all that is at hand; TRUE at the end. */
static inline gboolean
drain (int    fd,
       gsize *total)
{
  static char buffer[65536];
  gssize n;

  set_nonblocking (fd);
  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    *total += n;
  return n == 0;
}

/* --- Channels --- */

static inline KaaIOChannel *
new_channel (int            fd,
             KaaIOCondition mode)
{
  GError *error = NULL;
  KaaIOChannel *channel = kaa_io_channel_new_for_fd (fd, mode, &error);

  g_assert_no_error (error);
  g_assert_nonnull (channel);
  return channel;
}

static inline KaaInProgress *
write_text (KaaIOChannel *channel,
            const char   *text)
{
  return kaa_io_channel_write (channel, (const guint8 *) text, strlen (text));
}

static inline KaaInProgress *
write_zeros (KaaIOChannel *channel,
             gsize         length)
{
  guint8 *zeros = g_malloc0 (length);
  KaaInProgress *future = kaa_io_channel_write (channel, zeros, length);

  g_free (zeros);
  return future;
}

static inline gboolean
send_text (KaaIOChannel  *channel,
           const char    *text,
           GError       **error)
{
  GBytes *bytes = g_bytes_new (text, strlen (text));
  gboolean sent = kaa_io_channel_send (channel, bytes, error);

  g_bytes_unref (bytes);
  return sent;
}

/* What a channel said, and the order of it. */
typedef struct
{
  guint n_closed;
  gboolean expected;
  GString *input;
  GString *order;
} Record;

static inline void
record_read (KaaIOChannel *channel,
             GBytes       *chunk,
             gpointer      user_data)
{
  Record *record = user_data;

  g_string_append_len (record->input, g_bytes_get_data (chunk, NULL), g_bytes_get_size (chunk));
  g_string_append_c (record->order, 'r');
}

static inline void
record_closed (KaaIOChannel *channel,
               gboolean      expected,
               gpointer      user_data)
{
  Record *record = user_data;

  record->n_closed++;
  record->expected = expected;
  g_string_append_c (record->order, 'c');
}

static inline Record *
record_new (KaaIOChannel *channel,
            gboolean      read)
{
  Record *record = g_new0 (Record, 1);

  record->input = g_string_new (NULL);
  record->order = g_string_new (NULL);
  g_signal_connect (channel, "closed", G_CALLBACK (record_closed), record);
  if (read)
    g_signal_connect (channel, "read", G_CALLBACK (record_read), record);
  return record;
}

static inline void
record_free (Record *record)
{
  g_string_free (record->input, TRUE);
  g_string_free (record->order, TRUE);
  g_free (record);
}

/* --- Futures: each of these takes the future --- */

/* Far more than any step takes: it only turns a hang into a failure. */
#define LONG 60.0

static inline gint64
await_int (KaaInProgress *future)
{
  GError *error = NULL;
  gint64 result = kaa_in_progress_wait_int (future, LONG, &error);

  g_assert_no_error (error);
  g_object_unref (future);
  return result;
}

static inline gboolean
await_boolean (KaaInProgress *future)
{
  GError *error = NULL;
  gboolean result = kaa_in_progress_wait_boolean (future, LONG, &error);

  g_assert_no_error (error);
  g_object_unref (future);
  return result;
}

static inline char *
await_text (KaaInProgress *future)
{
  GError *error = NULL;
  GBytes *bytes = kaa_in_progress_wait_bytes (future, LONG, &error);
  char *text;

  g_assert_no_error (error);
  text = g_bytes_get_size (bytes) > 0 ? g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes)) : g_strdup ("");
  g_bytes_unref (bytes);
  g_object_unref (future);
  return text;
}

#define assert_text(future, expected) \
  G_STMT_START { \
    char *text__ = await_text (future); \
    g_assert_cmpstr (text__, ==, expected); \
    g_free (text__); \
  } G_STMT_END

#define assert_fails(future, code) \
  G_STMT_START { \
    KaaInProgress *future__ = (future); \
    GError *error__ = NULL; \
    g_assert_null (kaa_in_progress_wait (future__, LONG, &error__)); \
    g_assert_error (error__, G_IO_ERROR, code); \
    g_error_free (error__); \
    g_object_unref (future__); \
  } G_STMT_END

/* Closes at once, waits for the announcement, and drops the reference. */
static inline void
dispose_of (KaaIOChannel *channel)
{
  g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  run_ready ();
  g_assert_cmpuint (G_OBJECT (channel)->ref_count, ==, 1);
  g_object_unref (channel);
}

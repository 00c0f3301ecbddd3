/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines that are written to a terminal in canonical mode: what it would cut is refused, and what it takes is not. */

#include <kaaio/kaaio.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MOST 4095

typedef struct
{
  KaaIOChannel *channel;  /* of the master */
  int terminal;
} Fixture;

static void
set_mode (Fixture *fixture,
          gboolean canonical)
{
  struct termios attributes;

  g_assert_no_errno (tcgetattr (fixture->terminal, &attributes));
  cfmakeraw (&attributes);
  if (canonical)
    {
      attributes.c_lflag |= ICANON;
      attributes.c_iflag |= ICRNL;
    }
  g_assert_no_errno (tcsetattr (fixture->terminal, TCSANOW, &attributes));
}

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  GError *error = NULL;
  int master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);

  g_assert_cmpint (master, >=, 0);
  g_assert_no_errno (unlockpt (master));
  fixture->terminal = open (ptsname (master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fixture->terminal, >=, 0);
  set_mode (fixture, TRUE);
  fixture->channel = kaa_io_channel_new_for_fd (master, KAA_IO_READ | KAA_IO_WRITE, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  g_assert_true (kaa_io_channel_get_alive (fixture->channel));
  g_object_unref (kaa_io_channel_close (fixture->channel, KAA_CLOSE_IMMEDIATE));
  g_object_unref (fixture->channel);
  close (fixture->terminal);
}

static KaaInProgress *
write_line (Fixture    *fixture,
            gsize       length,
            const char *end)
{
  char *text = g_strnfill (length, 'x');
  char *line = g_strconcat (text, end, NULL);
  KaaInProgress *future = kaa_io_channel_write (fixture->channel, (const guint8 *) line, strlen (line));

  g_free (text);
  g_free (line);
  return future;
}

static void
assert_written (KaaInProgress *future,
                gsize          length)
{
  GError *error = NULL;

  g_assert_cmpint (kaa_in_progress_wait_int (future, 60, &error), ==, (gint64) length);
  g_assert_no_error (error);
  g_object_unref (future);
}

static void
assert_too_large (KaaInProgress *future)
{
  GError *error = NULL;

  kaa_in_progress_wait_int (future, 60, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_error_free (error);
  g_object_unref (future);
}

/* The program at the terminal reads a line of so many bytes, with its end. */
static void
assert_got (Fixture *fixture,
            gsize    length)
{
  char buffer[2 * (MOST + 1)];
  gsize n = 0;

  while (n < length)
    {
      gssize part = read (fixture->terminal, buffer + n, sizeof buffer - n);

      g_assert_cmpint (part, >, 0);
      n += part;
    }
  g_assert_cmpuint (n, ==, length);
}

static void
test_lengths (Fixture       *fixture,
              gconstpointer  data)
{
  assert_written (write_line (fixture, MOST, "\n"), MOST + 1);
  assert_got (fixture, MOST + 1);
  assert_too_large (write_line (fixture, MOST + 1, "\n"));
  assert_too_large (write_line (fixture, 100000, "\n"));
  assert_too_large (write_line (fixture, 100000, ""));

  /* Nothing of it was written, and the next one is. */
  assert_written (write_line (fixture, 3, "\n"), 4);
  assert_got (fixture, 4);
}

/* A line that comes in parts, each by a write of its own. */
static void
test_parts (Fixture       *fixture,
            gconstpointer  data)
{
  assert_written (write_line (fixture, 3000, ""), 3000);
  assert_too_large (write_line (fixture, 2000, "\n"));
  assert_written (write_line (fixture, MOST - 3000, "\n"), MOST - 3000 + 1);
  assert_got (fixture, MOST + 1);
  assert_written (write_line (fixture, MOST, "\n"), MOST + 1);
  assert_got (fixture, MOST + 1);
}

/* Those that are fine are written, whatever stands beside them in the queue. */
static void
test_among_others (Fixture       *fixture,
                   gconstpointer  data)
{
  KaaInProgress *first = write_line (fixture, 10, "\n");
  KaaInProgress *second = write_line (fixture, 5000, "\n");
  KaaInProgress *third = write_line (fixture, 20, "\n");

  assert_written (first, 11);
  assert_too_large (second);
  assert_written (third, 21);
  assert_got (fixture, 11);
  assert_got (fixture, 21);
}

static void
test_send (Fixture       *fixture,
           gconstpointer  data)
{
  char *line = g_strnfill (5000, 'x');
  KaaInProgress *flushed;
  GError *error = NULL;

  g_assert_true (kaa_io_channel_send_data (fixture->channel, (const guint8 *) line, 5000, &error));
  flushed = kaa_io_channel_flush (fixture->channel);
  g_assert_false (kaa_in_progress_wait_boolean (flushed, 60, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  g_object_unref (flushed);
  g_free (line);
}

/* Many lines at once are no long line, and are not lost where nobody reads for a while. */
static void
test_many_lines (Fixture       *fixture,
                 gconstpointer  data)
{
  GString *text = g_string_new (NULL);
  KaaInProgress *future;
  gsize n_got = 0;

  while (text->len < 200000)
    g_string_append (text, "a line that is short enough for every terminal\n");
  future = kaa_io_channel_write (fixture->channel, (const guint8 *) text->str, text->len);
  for (guint i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);

  g_assert_no_errno (fcntl (fixture->terminal, F_SETFL, O_NONBLOCK));
  while (n_got < text->len)
    {
      char buffer[4096];
      gssize n = read (fixture->terminal, buffer, sizeof buffer);

      n_got += MAX (n, 0);
      g_main_context_iteration (NULL, FALSE);
    }
  assert_written (future, text->len);
  g_string_free (text, TRUE);
}

/* What ends a line is the terminal's to say. */
static void
test_other_ends (Fixture       *fixture,
                 gconstpointer  data)
{
  struct termios attributes;

  assert_written (write_line (fixture, MOST, "\r"), MOST + 1);
  assert_got (fixture, MOST + 1);
  assert_written (write_line (fixture, 3000, "\004"), 3001);
  assert_got (fixture, 3000);
  assert_written (write_line (fixture, 3000, "\n"), 3001);
  assert_got (fixture, 3001);

  g_assert_no_errno (tcgetattr (fixture->terminal, &attributes));
  attributes.c_iflag &= ~(tcflag_t) ICRNL;
  g_assert_no_errno (tcsetattr (fixture->terminal, TCSANOW, &attributes));
  assert_written (write_line (fixture, 3000, "\r"), 3001);
  assert_too_large (write_line (fixture, 3000, "\n"));
}

/* In raw mode there are no lines; and what was written then counts for none afterwards. */
static void
test_raw (Fixture       *fixture,
          gconstpointer  data)
{
  set_mode (fixture, FALSE);
  for (guint i = 0; i < 3; i++)
    {
      assert_written (write_line (fixture, 8000, ""), 8000);
      assert_got (fixture, 8000);
    }
  assert_written (write_line (fixture, 3000, ""), 3000);
  assert_got (fixture, 3000);

  set_mode (fixture, TRUE);
  assert_written (write_line (fixture, MOST, "\n"), MOST + 1);
  assert_got (fixture, MOST + 1);
}

/* A conversation with a program at a terminal of its own says it, too. */
static void
test_process (void)
{
  const char * const argv[] = { "cat", NULL };
  KaaProcess *process = kaa_process_new (argv, KAA_PROCESS_PTY);
  char *line = g_strnfill (10000, 'x');
  GBytes *input = g_bytes_new_take (line, 10000);
  KaaInProgress *future = kaa_process_communicate (process, input);
  GError *error = NULL;

  g_assert_null (kaa_in_progress_wait_bytes (future, 60, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_clear_error (&error);
  g_object_unref (future);
  g_bytes_unref (input);

  future = kaa_process_stop (process, 10);
  kaa_in_progress_wait_int (future, 60, NULL);
  g_object_unref (future);
  g_object_unref (process);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);

#define ADD(path, func) g_test_add ("/canonical/" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("lengths", test_lengths);
  ADD ("parts", test_parts);
  ADD ("among-others", test_among_others);
  ADD ("send", test_send);
  ADD ("many-lines", test_many_lines);
  ADD ("other-ends", test_other_ends);
  ADD ("raw", test_raw);
  g_test_add_func ("/canonical/process", test_process);

  return g_test_run ();
}

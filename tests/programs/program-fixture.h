/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests with real programs share: a directory, and a server in it that is a child. */

#include "ends/process-fixture.h"

#include <glib/gstdio.h>

static char *program_dir;

static inline char *
get_path (const char *name)
{
  return g_build_filename (program_dir, name, NULL);
}

static inline char *
get_unix_address (const char *name)
{
  return g_strdup_printf ("unix:%s/%s", program_dir, name);
}

static inline void
begin_program (void)
{
  GError *error = NULL;

  program_dir = g_dir_make_tmp ("kaa-XXXXXX", &error);
  g_assert_no_error (error);
}

static inline void
remove_tree (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      char *inner = g_build_filename (path, name, NULL);

      remove_tree (inner);
      g_free (inner);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_assert_cmpint (g_remove (path), ==, 0);
}

/* Stops the program, and removes what it and the test left in the directory. */
static inline void
end_program (KaaProcess *program)
{
  finish_process (program);
  remove_tree (program_dir);
  g_clear_pointer (&program_dir, g_free);
}

/* A program that is killed with this process, also when a test fails and aborts. */
#define new_program(flags, ...) new_process (flags, "setpriv", "--pdeathsig", "KILL", __VA_ARGS__)

/* Goes through turns of the loop for a moment, before something is tried again. */
static inline void
rest (void)
{
  gboolean over = FALSE;

  g_timeout_add (5, raise_flag, &over);
  spin_until (over);
}

/* Connects to a server that may still be starting: tries until it answers. */
static inline KaaSocket *
reach (KaaProcess *program,
       const char *address)
{
  guint dog = g_timeout_add_seconds (WATCHDOG_SECONDS, bark, (gpointer) address);
  KaaSocket *socket = NULL;

  while (socket == NULL)
    {
      KaaInProgress *future;

      socket = kaa_socket_new ();
      future = kaa_socket_connect_to (socket, address);
      spin_until (kaa_in_progress_get_finished (future));
      if (kaa_in_progress_get_result (future, NULL) == NULL)
        {
          g_clear_object (&socket);
          g_assert_true (kaa_process_get_running (program));
          rest ();
        }
      g_object_unref (future);
    }
  g_source_remove (dog);
  return socket;
}

static inline void
send_text (gpointer    channel,
           const char *text)
{
  GBytes *bytes = g_bytes_new_static (text, strlen (text));
  GError *error = NULL;

  g_assert_true (kaa_io_channel_send (channel, bytes, &error));
  g_assert_no_error (error);
  g_bytes_unref (bytes);
}

static inline GBytes *
wait_bytes (KaaInProgress *future) /* taken */
{
  GError *error = NULL;
  GBytes *bytes;

  spin_until (kaa_in_progress_get_finished (future));
  bytes = kaa_in_progress_get_bytes (future, &error);
  g_assert_no_error (error);
  g_object_unref (future);
  return bytes;
}

static inline void
wait_int (KaaInProgress *future, /* taken */
          gint64         expected)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, expected);
  g_assert_no_error (error);
  g_object_unref (future);
}

/* A line as a string. */
static inline char *
get_line (gpointer channel)
{
  GBytes *bytes = wait_bytes (kaa_io_channel_readline (channel));
  char *line = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  g_bytes_unref (bytes);
  return line;
}

/* Bytes that no period of a buffer's size repeats in. */
static inline guint8 *
make_noise (gsize length)
{
  guint8 *noise = g_malloc (length);
  guint32 state = 2463534242u;

  for (gsize i = 0; i < length; i++)
    {
      state ^= state << 13;
      state ^= state >> 17;
      state ^= state << 5;
      noise[i] = state;
    }
  return noise;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of processes share. */

#include "channel/channel-fixture.h"

#include <signal.h>
#include <sys/wait.h>

static inline guint
count_fds (void)
{
  GDir *dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

/* No child of this process is left, neither running nor dead. */
static inline void
assert_no_children (void)
{
  siginfo_t info;

  g_assert_cmpint (waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), ==, -1);
  g_assert_cmpint (errno, ==, ECHILD);
}

static inline gboolean
has_children (void)
{
  siginfo_t info;

  return waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static inline KaaProcess *
new_process (KaaProcessFlags flags,
             const char     *program,
             ...)
{
  GPtrArray *argv = g_ptr_array_new ();
  const char *argument = program;
  KaaProcess *self;
  va_list arguments;

  va_start (arguments, program);
  do
    g_ptr_array_add (argv, (gpointer) argument);
  while (argument != NULL && (argument = va_arg (arguments, const char *)) != NULL);
  va_end (arguments);
  g_ptr_array_add (argv, NULL);

  self = kaa_process_new ((const char * const *) argv->pdata, flags);
  g_ptr_array_unref (argv);
  return self;
}

static inline void
start (KaaProcess *self)
{
  GError *error = NULL;

  g_assert_true (kaa_process_start (self, &error));
  g_assert_no_error (error);
  g_assert_true (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_pid (self), >, 0);
}

static inline KaaProcess *
start_shell (const char      *command,
             KaaProcessFlags  flags)
{
  KaaProcess *self = kaa_process_new_shell (command, flags);

  start (self);
  return self;
}

static inline void
assert_start_fails (KaaProcess *self,
                    GQuark      domain,
                    int         code,
                    const char *name)
{
  GError *error = NULL;

  g_assert_false (kaa_process_start (self, &error));
  g_assert_error (error, domain, code);
  g_assert_nonnull (strstr (error->message, name));
  g_error_free (error);
  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_pid (self), ==, 0);
}

static inline void
assert_status (KaaInProgress *future, /* taken */
               int            status)
{
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_cmpint (kaa_in_progress_get_int (future, &error), ==, status);
  g_assert_no_error (error);
  g_object_unref (future);
}

/* Everything that the channel still gives, until its end. */
static inline char *
read_all (KaaIOChannel *channel)
{
  GString *all = g_string_new (NULL);
  gsize length;

  do
    {
      KaaInProgress *future = kaa_io_channel_read (channel);
      GError *error = NULL;
      GBytes *bytes;

      spin_until (kaa_in_progress_get_finished (future));
      bytes = kaa_in_progress_get_bytes (future, &error);
      g_assert_no_error (error);
      length = g_bytes_get_size (bytes);
      g_string_append_len (all, g_bytes_get_data (bytes, NULL), length);
      g_bytes_unref (bytes);
      g_object_unref (future);
    }
  while (length > 0);
  return g_string_free (all, FALSE);
}

static inline void
assert_output (KaaProcess *self,
               const char *expected)
{
  char *output = read_all (KAA_IO_CHANNEL (self));

  g_assert_cmpstr (output, ==, expected);
  g_free (output);
}

/* Stops what is running, and drops the process: nothing is left of it. */
static inline void
finish_process (KaaProcess *self)
{
  if (kaa_process_get_running (self))
    {
      KaaInProgress *stopped = kaa_process_stop (self, 0);

      spin_until (kaa_in_progress_get_finished (stopped));
      g_object_unref (stopped);
    }
  finish_channel (KAA_IO_CHANNEL (self));
  assert_no_children ();
}

static inline void
say (KaaProcess *self,
     const char *text)
{
  KaaInProgress *written = kaa_io_channel_write (KAA_IO_CHANNEL (self), (const guint8 *) text, strlen (text));

  g_object_unref (written);
}

static inline void
assert_line (KaaProcess *self,
             const char *expected)
{
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (self)), expected);
}

static inline void
count_signal (KaaProcess *self,
              int         status,
              gpointer    user_data)
{
  ++*(guint *) user_data;
}

static inline guint *
count_emissions (KaaProcess *self,
                 const char *signal)
{
  guint *n = g_new0 (guint, 1);

  g_signal_connect_data (self, signal, G_CALLBACK (count_signal), n, (GClosureNotify) (void (*) (void)) g_free, 0);
  return n;
}

/* Skips the test where the program is not installed. */
static inline gboolean
is_missing (const char *program)
{
  char *path = g_find_program_in_path (program);
  char *reason;

  if (path != NULL)
    {
      g_free (path);
      return FALSE;
    }
  reason = g_strdup_printf ("%s is not installed", program);
  g_test_skip (reason);
  g_free (reason);
  return TRUE;
}

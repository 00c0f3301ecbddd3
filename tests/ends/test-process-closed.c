/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A parent without standard descriptors: what it opens gets their numbers, 0 among them, and works all the same. */

#include "process-fixture.h"

static const char *
get_name (guint closed)
{
  static const char * const names[] = { "input", "input-and-output", "all", "error" };

  return names[closed];
}

static void
test_closed (gconstpointer data)
{
  guint which = GPOINTER_TO_UINT (data) % 4;
  KaaProcessFlags flags = GPOINTER_TO_UINT (data) / 4;
  gboolean closed[3] = { which < 3, which == 1 || which == 2, which >= 2 };
  KaaInProgress *exited;
  char *line = NULL;
  gboolean good = TRUE;
  KaaProcess *process;
  int saved[3];

  for (int fd = 0; fd < 3; fd++)
    {
      saved[fd] = fcntl (fd, F_DUPFD_CLOEXEC, 10);
      g_assert_cmpint (saved[fd], >=, 10);
    }
  for (int fd = 0; fd < 3; fd++)
    if (closed[fd])
      close (fd);

  /* Nothing is asserted while nobody would read of it. */
  process = new_process (flags, "cat", NULL);
  good = kaa_process_start (process, NULL);
  if (good)
    {
      KaaInProgress *read = kaa_io_channel_readline (KAA_IO_CHANNEL (process));
      GBytes *bytes;

      kaa_io_channel_send_data (KAA_IO_CHANNEL (process), (const guint8 *) "a line\n", 7, NULL);
      spin_until (kaa_in_progress_get_finished (read));
      bytes = kaa_in_progress_get_bytes (read, NULL);
      if (bytes != NULL)
        line = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
      g_clear_pointer (&bytes, g_bytes_unref);
      g_object_unref (read);

      exited = kaa_process_stop (process, 10);
      spin_until (kaa_in_progress_get_finished (exited));
      g_object_unref (exited);
    }
  finish_channel (g_object_ref (KAA_IO_CHANNEL (process)));
  g_object_unref (process);
  settle ();

  for (int fd = 0; fd < 3; fd++)
    {
      dup2 (saved[fd], fd);
      close (saved[fd]);
    }

  g_assert_true (good);
  g_assert_nonnull (line);
  g_assert_true (g_str_has_prefix (line, "a line"));
  g_free (line);
  assert_no_children ();
}

int
main (int   argc,
      char *argv[])
{
  static const KaaProcessFlags flags[] = { KAA_PROCESS_NONE, KAA_PROCESS_STDERR_PIPE, KAA_PROCESS_PTY };

  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    for (guint which = 0; which < 4; which++)
      {
        char *name = g_strdup_printf ("/process-closed/%s/%s", i == 0 ? "pipes" : i == 1 ? "error-pipe" : "terminal", get_name (which));

        g_test_add_data_func (name, GUINT_TO_POINTER (which + 4 * flags[i]), test_closed);
        g_free (name);
      }

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting while the system refuses a call, each in its turn: a start that fails leaves everything as it was. */

#include "channel/fault-fixture.h"
#include "ends/process-fixture.h"

#include <unistd.h>

static void
count_notification (GObject    *object,
                    GParamSpec *pspec,
                    gpointer    user_data)
{
  ++*(guint *) user_data;
}

/* It has run once: what it has said then was not read yet. */
static KaaProcess *
new_second_run (KaaProcessFlags flags)
{
  KaaProcess *self = kaa_process_new_shell ("echo out; echo err >&2; exit 3", flags);
  GError *error = NULL;

  start (self);
  spin_until (!kaa_process_get_running (self));
  g_assert_true (kaa_process_take_fd (self, dup (STDIN_FILENO), 9, &error));
  g_assert_no_error (error);
  return self;
}

static void
assert_unchanged (KaaProcess *self)
{
  KaaIOChannel *complaints = kaa_process_get_stderr_channel (self);
  char *output;

  g_assert_false (kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 3);
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
  if (complaints != NULL)
    {
      g_assert_true (kaa_io_channel_get_alive (complaints));
      output = read_all (complaints);
      g_assert_cmpstr (output, ==, "err\n");
      g_free (output);
    }
  output = read_all (KAA_IO_CHANNEL (self));
  g_assert_true (g_str_has_prefix (output, "out"));
  g_free (output);
}

/* FALSE: there are not so many calls. */
static gboolean
start_with_fault (KaaProcessFlags flags,
                  guint           number)
{
  KaaProcess *self = new_second_run (flags);
  guint before = count_fds (), n_notified = 0;
  GError *error = NULL;
  gboolean started, reached;

  g_signal_connect (self, "notify", G_CALLBACK (count_notification), &n_notified);
  if (kaa_process_get_stderr_channel (self) != NULL)
    g_signal_connect (kaa_process_get_stderr_channel (self), "notify", G_CALLBACK (count_notification), &n_notified);

  begin_faults (FAULT_ALL, number, EMFILE);
  started = kaa_process_start (self, &error);
  reached = n_fault_calls >= number;
  end_faults ();

  if (started)
    {
      g_assert_no_error (error);
    }
  else
    {
      g_assert_nonnull (error);
      g_clear_error (&error);
      g_assert_true (reached);
      g_assert_cmpuint (n_notified, ==, 0);
      spin_until (!has_children ());
      g_assert_cmpuint (count_fds (), <=, before);
      assert_unchanged (self);
      /* What was given is there for this one. */
      g_assert_false (kaa_process_take_fd (self, STDIN_FILENO, 9, NULL));
      start (self);
    }
  spin_until (!kaa_process_get_running (self));
  g_assert_cmpint (kaa_process_get_exit_status (self), ==, 3);
  g_signal_handlers_disconnect_by_data (self, &n_notified);
  if (kaa_process_get_stderr_channel (self) != NULL)
    g_signal_handlers_disconnect_by_data (kaa_process_get_stderr_channel (self), &n_notified);
  finish_process (self);
  return reached;
}

static void
test_each (gconstpointer flags)
{
  guint number = 1;

  while (start_with_fault (GPOINTER_TO_UINT (flags), number))
    number++;
  /* Two pipes at least were made, looked at and watched. */
  g_assert_cmpuint (number, >, 5);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/process-faults/pipes", GUINT_TO_POINTER (KAA_PROCESS_NONE), test_each);
  g_test_add_data_func ("/process-faults/errors", GUINT_TO_POINTER (KAA_PROCESS_STDERR_PIPE), test_each);
  g_test_add_data_func ("/process-faults/terminal", GUINT_TO_POINTER (KAA_PROCESS_PTY), test_each);
  g_test_add_data_func ("/process-faults/terminal-errors", GUINT_TO_POINTER (KAA_PROCESS_PTY | KAA_PROCESS_STDERR_PIPE), test_each);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The descriptor that stands for a child is closed by somebody else: the child is reaped, and signalled, all the same. */

#include "ends/process-fixture.h"

#define N_OTHERS 20

static KaaIOChannel *others[N_OTHERS];
static int others_peers[N_OTHERS];

static int
find_pidfd (void)
{
  for (int fd = 3; fd < 200; fd++)
    {
      char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
      char *link = g_file_read_link (path, NULL);
      gboolean found = link != NULL && strstr (link, "pidfd") != NULL;

      g_free (path);
      g_free (link);
      if (found)
        return fd;
    }
  return -1;
}

/* What takes its place has something to say, or there is nothing. */
static int
lose (gboolean again)
{
  int number = find_pidfd ();
  int strangers[2];

  if (number < 0)
    return -1;
  if (again)
    {
      make_sockets (&strangers[0], &strangers[1]);
      put_string (strangers[1], "readable");
      g_assert_cmpint (dup3 (strangers[0], number, O_CLOEXEC), ==, number);
      close (strangers[0]);
      close (strangers[1]);
    }
  else
    {
      close (number);
    }
  return number;
}

typedef struct
{
  gboolean many;
  gboolean again;
  gboolean stop;
} Case;

static void
note_status (KaaProcess *process,
             int         status,
             int        *said)
{
  *said = status;
}

static void
test_lost (gconstpointer data)
{
  const Case *own = data;
  KaaProcess *process;
  int said = -1000;
  int number;

  for (guint i = 0; own->many && i < N_OTHERS; i++)
    others[i] = open_pipe (&others_peers[i]);
  process = start_shell ("read line; exit 7", KAA_PROCESS_NONE);
  g_signal_connect (process, "exited", G_CALLBACK (note_status), &said);
  settle ();
  number = lose (own->again);
  if (number < 0)
    g_test_message ("this system has no descriptors of processes");
  assert_at_rest ();

  if (own->stop)
    {
      KaaInProgress *future = kaa_process_stop (process, 100);

      spin_until (kaa_in_progress_get_finished (future));
      g_assert_cmpint (kaa_in_progress_get_int (future, NULL), ==, -SIGTERM);
      g_object_unref (future);
    }
  else
    {
      g_object_unref (kaa_io_channel_write (KAA_IO_CHANNEL (process), (const guint8 *) "go\n", 3));
    }
  spin_until (said != -1000);
  g_assert_cmpint (said, ==, own->stop ? -SIGTERM : 7);
  assert_no_children ();
  assert_at_rest ();

  finish_channel (KAA_IO_CHANNEL (process));
  /* It is the stranger's. */
  if (number >= 0 && own->again)
    g_assert_cmpint (close (number), ==, 0);
  for (guint i = 0; own->many && i < N_OTHERS; i++)
    {
      finish_channel (others[i]);
      close (others_peers[i]);
    }
}

int
main (int    argc,
      char **argv)
{
  static Case cases[8];

  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *path = g_strdup_printf ("/child-lost/%s/%s/%s", i & 1 ? "many" : "few", i & 2 ? "again" : "closed",
                                    i & 4 ? "stop" : "exit");

      cases[i] = (Case) { (i & 1) != 0, (i & 2) != 0, (i & 4) != 0 };
      g_test_add_data_func (path, &cases[i], test_lost);
      g_free (path);
    }

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A socat as a child: the cable between two serial lines, and a server that says everything again. */

#include "programs/program-fixture.h"

#define N_LINES 200
#define ECHO_SIZE (16 * 1024 * 1024)

/* --- Serial lines --- */

typedef struct
{
  const char *name;
  guint baud;
  KaaSerialFlags flags;
} Setting;

static const Setting settings[] = {
  { "9600-8n1", 9600, KAA_SERIAL_NONE },
  { "115200-8e1", 115200, KAA_SERIAL_PARITY_EVEN },
  { "57600-7o2", 57600, KAA_SERIAL_PARITY_ODD | KAA_SERIAL_TWO_STOP_BITS | KAA_SERIAL_SEVEN_BITS },
  { "250000-flow", 250000, KAA_SERIAL_RTS_CTS | KAA_SERIAL_XON_XOFF },
};

typedef struct
{
  KaaProcess *socat;
  KaaIOChannel *ends[2];
} Cable;

/* Opens a line that may not be there yet. */
static KaaIOChannel *
open_line (KaaProcess    *socat,
           const char    *name,
           const Setting *setting)
{
  guint dog = g_timeout_add_seconds (WATCHDOG_SECONDS, bark, (gpointer) name);
  char *path = get_path (name);
  KaaIOChannel *line;

  while ((line = kaa_io_channel_new_for_serial (path, setting->baud, setting->flags, NULL)) == NULL)
    {
      g_assert_true (kaa_process_get_running (socat));
      rest ();
    }
  g_free (path);
  g_source_remove (dog);
  return line;
}

static void
cable_open (Cable         *cable,
            const Setting *setting)
{
  char *a, *b;

  begin_program ();
  a = g_strdup_printf ("PTY,rawer,link=%s/a", program_dir);
  b = g_strdup_printf ("PTY,rawer,link=%s/b", program_dir);
  cable->socat = new_program (KAA_PROCESS_NONE, "socat", a, b, NULL);
  start (cable->socat);
  cable->ends[0] = open_line (cable->socat, "a", setting);
  cable->ends[1] = open_line (cable->socat, "b", setting);
  g_free (a);
  g_free (b);
}

static void
cable_end (Cable *cable)
{
  finish_channel (cable->ends[0]);
  finish_channel (cable->ends[1]);
  end_program (cable->socat);
}

static void
test_lines (gconstpointer setting)
{
  Cable cable;

  if (is_missing ("socat"))
    return;
  cable_open (&cable, setting);
  for (guint i = 0; i < N_LINES; i++)
    {
      KaaIOChannel *from = cable.ends[i % 2], *to = cable.ends[1 - i % 2];
      char *line = g_strdup_printf ("line %u of %s\n", i, ((const Setting *) setting)->name);

      wait_int (kaa_io_channel_write (from, (const guint8 *) line, strlen (line)), strlen (line));
      assert_bytes (kaa_io_channel_readline (to), line);
      g_free (line);
    }
  cable_end (&cable);
}

/* A cable that is pulled is an error, at both ends, whether somebody waits for a line or only listens. */
static void
test_hangup (void)
{
  KaaInProgress *waiting;
  GError *error = NULL;
  Cable cable;

  if (is_missing ("socat"))
    return;
  cable_open (&cable, &settings[0]);
  begin_events ();
  note_signal (cable.ends[1], "readline");
  note_signal (cable.ends[1], "closed");
  waiting = kaa_io_channel_readline (cable.ends[0]);
  wait_int (kaa_io_channel_write (cable.ends[0], (const guint8 *) "last\n", 5), 5);
  spin_until (events->len > 0);
  assert_events ("L[last|]");

  g_assert_true (kaa_process_send_signal (cable.socat, SIGKILL, &error));
  g_assert_no_error (error);
  assert_fails (waiting, G_IO_ERROR_CONNECTION_CLOSED);
  spin_until (events->len > 0);
  assert_events ("hung-up");
  for (guint i = 0; i < 2; i++)
    {
      spin_until (!kaa_io_channel_get_alive (cable.ends[i]));
      g_assert_error ((GError *) kaa_io_channel_get_error (cable.ends[i]), G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
    }
  assert_status (kaa_process_wait (cable.socat), -SIGKILL);
  end_events ();
  cable_end (&cable);
}

/* --- An echo server --- */

/* Much more than all buffers on the way goes out while it comes back; then the end goes the same way. */
static void
echo (KaaProcess *socat,
      KaaSocket  *client)
{
  guint8 *noise = make_noise (ECHO_SIZE);
  KaaIOChannel *file = open_fd (make_file (noise, ECHO_SIZE), KAA_IO_READ);
  GByteArray *back = g_byte_array_new ();
  KaaInProgress *moved;
  GError *error = NULL;

  begin_events ();
  collect_into (KAA_IO_CHANNEL (client), "read", back);
  note_signal (KAA_IO_CHANNEL (client), "closed");
  moved = kaa_io_channel_splice (file, KAA_IO_CHANNEL (client), KAA_SPLICE_NONE);
  spin_until (kaa_in_progress_get_finished (moved) && back->len >= ECHO_SIZE);
  g_assert_nonnull (kaa_in_progress_get_result (moved, &error));
  g_assert_no_error (error);
  g_object_unref (moved);

  g_object_unref (kaa_io_channel_shutdown (KAA_IO_CHANNEL (client), KAA_IO_WRITE));
  spin_until (events->len > 0);
  assert_events ("hung-up");
  g_assert_null (kaa_io_channel_get_error (KAA_IO_CHANNEL (client)));
  g_assert_cmpuint (back->len, ==, ECHO_SIZE);
  g_assert_true (memcmp (back->data, noise, ECHO_SIZE) == 0);
  assert_status (kaa_process_wait (socat), 0);

  end_events ();
  g_byte_array_unref (back);
  g_free (noise);
  finish_channel (file);
  finish_channel (KAA_IO_CHANNEL (client));
  end_program (socat);
}

/* What socat does half a second after an end is done after any time that a slow machine may need. */
#define PATIENTLY "-t", "100"

static void
test_echo_unix (void)
{
  char *where, *address;
  KaaProcess *socat;

  if (is_missing ("socat"))
    return;
  begin_program ();
  where = g_strdup_printf ("UNIX-LISTEN:%s/echo", program_dir);
  address = get_unix_address ("echo");
  socat = new_program (KAA_PROCESS_NONE, "socat", PATIENTLY, where, "EXEC:cat", NULL);
  start (socat);
  echo (socat, reach (socat, address));
  g_free (address);
  g_free (where);
}

/* It says at which port it listens: no port has to be guessed. */
static void
test_echo_tcp (void)
{
  KaaProcess *socat;
  KaaSocket *client;
  char *line, *found = NULL;

  if (is_missing ("socat"))
    return;
  begin_program ();
  socat = new_program (KAA_PROCESS_MERGE_STDERR, "socat", "-d", "-d", PATIENTLY, "TCP4-LISTEN:0,bind=127.0.0.1", "EXEC:cat",
                       NULL);
  start (socat);
  for (line = get_line (socat); (found = strstr (line, "127.0.0.1:")) == NULL; line = get_line (socat))
    {
      g_assert_cmpstr (line, !=, "");
      g_free (line);
    }
  client = reach (socat, g_strchomp (found));
  g_free (line);
  echo (socat, client);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      char *name = g_strdup_printf ("/socat/lines/%s", settings[i].name);

      g_test_add_data_func (name, &settings[i], test_lines);
      g_free (name);
    }
  g_test_add_func ("/socat/hangup", test_hangup);
  g_test_add_func ("/socat/echo/unix", test_echo_unix);
  g_test_add_func ("/socat/echo/tcp", test_echo_tcp);
  return g_test_run ();
}

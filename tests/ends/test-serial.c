/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Serial lines, on pseudo-terminals: the master plays the device at the other end of the line. */

#include <kaaio/kaaio.h>

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  int master;
  char *path;
  KaaIOChannel *channel;
} Line;

static void
line_make (Line *line)
{
  line->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (line->master, >=, 0);
  g_assert_cmpint (grantpt (line->master), ==, 0);
  g_assert_cmpint (unlockpt (line->master), ==, 0);
  line->path = g_strdup (ptsname (line->master));
}

static void
line_open (Line           *line,
           guint           baud,
           KaaSerialFlags  flags)
{
  GError *error = NULL;

  line_make (line);
  line->channel = kaa_io_channel_new_for_serial (line->path, baud, flags, &error);
  g_assert_no_error (error);
  g_assert_nonnull (line->channel);
}

static void
line_end (Line *line)
{
  KaaInProgress *closed = kaa_io_channel_close (line->channel, KAA_CLOSE_IMMEDIATE);

  kaa_in_progress_wait (closed, -1, NULL);
  g_object_unref (closed);
  g_object_unref (line->channel);
  if (line->master >= 0)
    close (line->master);
  g_free (line->path);
}

static void
assert_bytes (KaaInProgress *future,
              const void    *expected,
              gsize          length)
{
  GError *error = NULL;
  GBytes *bytes = kaa_in_progress_wait_bytes (future, 60, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), expected, length);
  g_bytes_unref (bytes);
  g_object_unref (future);
}

/* Every byte passes as it is, both ways: nothing is echoed, translated, or taken for a signal. */
static void
test_raw (void)
{
  guint8 all[256], back[256];
  KaaInProgress *future;
  gsize n = 0;
  Line line;

  for (guint i = 0; i < 256; i++)
    all[i] = i;

  line_open (&line, 115200, KAA_SERIAL_NONE);
  g_assert_cmpint (write (line.master, all, 256), ==, 256);
  assert_bytes (kaa_io_channel_read_exactly (line.channel, 256), all, 256);

  future = kaa_io_channel_write (line.channel, all, 256);
  g_assert_cmpint (kaa_in_progress_wait_int (future, 60, NULL), ==, 256);
  g_object_unref (future);
  while (n < 256)
    {
      gssize part = read (line.master, back + n, 256 - n);

      g_assert_cmpint (part, >, 0);
      n += part;
    }
  g_assert_cmpmem (back, 256, all, 256);
  line_end (&line);
}

static void
test_settings (void)
{
  struct termios2 attributes;
  Line line;

  line_open (&line, 250000, KAA_SERIAL_NONE);
  g_assert_cmpint (ioctl (line.master, TCGETS2, &attributes), ==, 0);
  g_assert_cmpuint (attributes.c_ospeed, ==, 250000);
  g_assert_cmpuint (attributes.c_ispeed, ==, 250000);
  g_assert_cmpuint (attributes.c_cflag & (CSIZE | CSTOPB | PARENB | CRTSCTS), ==, CS8);
  g_assert_cmpuint (attributes.c_lflag & (ECHO | ICANON | ISIG), ==, 0);
  g_assert_cmpuint (attributes.c_iflag & (IXON | IXOFF | ICRNL), ==, 0);
  line_end (&line);

  /* A pseudo-terminal is always 8N1: what can be seen on one is the flow control, and parity checking. */
  line_open (&line, 9600, KAA_SERIAL_XON_XOFF | KAA_SERIAL_RTS_CTS | KAA_SERIAL_TWO_STOP_BITS | KAA_SERIAL_PARITY_ODD);
  g_assert_cmpint (ioctl (line.master, TCGETS2, &attributes), ==, 0);
  g_assert_cmpuint (attributes.c_ospeed, ==, 9600);
  g_assert_cmpuint (attributes.c_iflag & (IXON | IXOFF | INPCK), ==, IXON | IXOFF | INPCK);
  g_assert_cmpuint (attributes.c_cflag & (CSTOPB | CRTSCTS | PARODD), ==, CSTOPB | CRTSCTS | PARODD);
  line_end (&line);
}

static void
test_descriptor (void)
{
  Line line;
  int fd;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  fd = kaa_io_channel_get_fileno (line.channel);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
  line_end (&line);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, -1);
}

static void
note_closed (KaaIOChannel *channel,
             gboolean      expected,
             gpointer      user_data)
{
  g_assert_false (expected);
  (*(guint *) user_data)++;
}

static void
note_line (KaaIOChannel *channel,
           GBytes       *bytes,
           gpointer      user_data)
{
  g_string_append_len (user_data, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

/* What came before the hang-up is delivered; the hang-up is an error, not an end. */
static void
test_hangup (void)
{
  GString *lines = g_string_new (NULL);
  guint n_closed = 0;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  g_signal_connect (line.channel, "closed", G_CALLBACK (note_closed), &n_closed);
  g_signal_connect (line.channel, "readline", G_CALLBACK (note_line), lines);
  g_assert_cmpint (write (line.master, "ready\nNO CARR", 13), ==, 13);
  /* A pseudo-terminal drops at a hang-up what has not been read. */
  while (kaa_io_channel_get_bytes_read (line.channel) < 13)
    g_main_context_iteration (NULL, TRUE);
  close (line.master);
  line.master = -1;
  while (n_closed == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (lines->str, ==, "ready\nNO CARR");
  g_assert_error ((GError *) kaa_io_channel_get_error (line.channel), G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  line_end (&line);
  g_assert_cmpuint (n_closed, ==, 1);
  g_string_free (lines, TRUE);
}

static void
test_hangup_request (void)
{
  KaaInProgress *future;
  GError *error = NULL;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  future = kaa_io_channel_readline (line.channel);
  close (line.master);
  line.master = -1;
  g_assert_null (kaa_in_progress_wait_bytes (future, 60, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  g_error_free (error);
  g_object_unref (future);
  line_end (&line);
}

/* Nobody reads: the line is noticed to be gone all the same. */
static void
test_hangup_unheard (void)
{
  guint n_closed = 0;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  g_signal_connect (line.channel, "closed", G_CALLBACK (note_closed), &n_closed);
  close (line.master);
  line.master = -1;
  while (n_closed == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error ((GError *) kaa_io_channel_get_error (line.channel), G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  line_end (&line);
}

static void
assert_refused (const char     *path,
                guint           baud,
                KaaSerialFlags  flags,
                int             code)
{
  GError *error = NULL;

  g_assert_null (kaa_io_channel_new_for_serial (path, baud, flags, &error));
  g_assert_error (error, G_IO_ERROR, code);
  g_error_free (error);
}

static void
test_refused (void)
{
  Line line;

  line_make (&line);
  assert_refused (line.path, 0, KAA_SERIAL_NONE, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (line.path, 9600, KAA_SERIAL_PARITY_EVEN | KAA_SERIAL_PARITY_ODD, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused (line.path, 9600, 1 << 20, G_IO_ERROR_INVALID_ARGUMENT);
  assert_refused ("/dev/null", 9600, KAA_SERIAL_NONE, G_IO_ERROR_NOT_SUPPORTED);
  assert_refused ("/nowhere/ttyS0", 9600, KAA_SERIAL_NONE, G_IO_ERROR_NOT_FOUND);
  close (line.master);
  g_free (line.path);
}

/* --- a line is held --- */

static gboolean
is_exclusive (const Line *line)
{
  int fd = open (line->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  int exclusive = -1;

  /* Who is not root cannot even open it. */
  if (fd < 0)
    {
      g_assert_cmpint (errno, ==, EBUSY);
      return TRUE;
    }
  g_assert_no_errno (ioctl (fd, TIOCGEXCL, &exclusive));
  close (fd);
  return exclusive != 0;
}

static gboolean
is_locked (const Line *line)
{
  int fd = open (line->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  gboolean locked;

  if (fd < 0)
    return errno == EBUSY;
  locked = flock (fd, LOCK_EX | LOCK_NB) < 0;
  close (fd);
  return locked;
}

static guint
get_speed (const Line *line)
{
  struct termios2 attributes;

  g_assert_no_errno (ioctl (line->master, TCGETS2, &attributes));
  return attributes.c_ospeed;
}

static void
test_held (void)
{
  GError *error = NULL;
  KaaIOChannel *second;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  g_assert_true (is_exclusive (&line));
  g_assert_true (is_locked (&line));

  /* Whoever comes second has changed nothing. */
  assert_refused (line.path, 1200, KAA_SERIAL_NONE, G_IO_ERROR_BUSY);
  assert_refused (line.path, 1200, KAA_SERIAL_SHARED, G_IO_ERROR_BUSY);
  g_assert_cmpuint (get_speed (&line), ==, 9600);
  g_assert_true (is_exclusive (&line));
  g_assert_true (is_locked (&line));

  g_object_unref (kaa_io_channel_close (line.channel, KAA_CLOSE_IMMEDIATE));
  g_assert_false (is_exclusive (&line));
  g_assert_false (is_locked (&line));
  second = kaa_io_channel_new_for_serial (line.path, 9600, KAA_SERIAL_NONE, &error);
  g_assert_no_error (error);
  g_object_unref (kaa_io_channel_close (second, KAA_CLOSE_IMMEDIATE));
  g_object_unref (second);
  g_assert_false (is_exclusive (&line));
  g_assert_false (is_locked (&line));
  line_end (&line);
}

static void
test_shared (void)
{
  GError *error = NULL;
  KaaIOChannel *second;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_SHARED);
  g_assert_false (is_exclusive (&line));
  g_assert_false (is_locked (&line));
  second = kaa_io_channel_new_for_serial (line.path, 9600, KAA_SERIAL_SHARED, &error);
  g_assert_no_error (error);
  g_object_unref (kaa_io_channel_close (second, KAA_CLOSE_IMMEDIATE));
  g_object_unref (second);
  line_end (&line);
}

/* Held by a program of another make: by one means, or by the other. */
static void
test_held_by_others (void)
{
  Line line;
  int fd;

  line_make (&line);
  fd = open (line.path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
  assert_refused (line.path, 9600, KAA_SERIAL_NONE, G_IO_ERROR_BUSY);
  assert_refused (line.path, 9600, KAA_SERIAL_SHARED, G_IO_ERROR_BUSY);
  g_assert_no_errno (flock (fd, LOCK_UN));

  g_assert_no_errno (ioctl (fd, TIOCEXCL));
  assert_refused (line.path, 9600, KAA_SERIAL_NONE, G_IO_ERROR_BUSY);
  assert_refused (line.path, 9600, KAA_SERIAL_SHARED, G_IO_ERROR_BUSY);
  g_assert_true (is_exclusive (&line));
  g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
  g_assert_no_errno (ioctl (fd, TIOCNXCL));

  close (fd);
  close (line.master);
  g_free (line.path);
}

/* It goes with the descriptor, and is given back by whoever has that in the end. */
static void
test_held_taken_over (void)
{
  KaaIOChannel *other = kaa_io_channel_new ();
  GError *error = NULL;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  g_assert_true (kaa_io_channel_steal (other, line.channel, &error));
  g_assert_no_error (error);
  g_object_unref (kaa_io_channel_close (line.channel, KAA_CLOSE_IMMEDIATE));
  g_assert_true (is_exclusive (&line));
  g_object_unref (kaa_io_channel_close (other, KAA_CLOSE_IMMEDIATE));
  g_assert_false (is_exclusive (&line));
  g_assert_false (is_locked (&line));
  g_object_unref (other);
  line_end (&line);
}

/* A child that forgets the channel does not give the parent's line away. */
static void
test_held_after_fork (void)
{
  Line line;
  pid_t pid;
  int status;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      g_object_unref (kaa_io_channel_close (line.channel, KAA_CLOSE_IMMEDIATE));
      _exit (fcntl (kaa_io_channel_get_fileno (line.channel), F_GETFD) < 0 ? 0 : 1);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_cmpint (status, ==, 0);
  g_assert_true (is_exclusive (&line));
  g_assert_true (is_locked (&line));
  line_end (&line);
}

/* --- what may be changed --- */

#define assert_failed(call, expected) \
  G_STMT_START { \
    GError *error__ = NULL; \
    g_assert_false (call); \
    g_assert_error (error__, G_IO_ERROR, expected); \
    g_error_free (error__); \
  } G_STMT_END

static void
test_speed (void)
{
  GError *error = NULL;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_XON_XOFF);
  g_assert_true (kaa_io_channel_set_serial_speed (line.channel, 250000, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (get_speed (&line), ==, 250000);
  assert_failed (kaa_io_channel_set_serial_speed (line.channel, 0, &error__), G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (get_speed (&line), ==, 250000);

  g_object_unref (kaa_io_channel_close (line.channel, KAA_CLOSE_IMMEDIATE));
  assert_failed (kaa_io_channel_set_serial_speed (line.channel, 9600, &error__), G_IO_ERROR_CLOSED);
  line_end (&line);
}

/* A pseudo-terminal has neither pins nor breaks, and the kernel is not always honest about it. */
static void
test_pins (void)
{
  KaaIOChannel *a, *b;
  Line line;

  line_open (&line, 9600, KAA_SERIAL_NONE);
  assert_failed (kaa_io_channel_get_serial_pins (line.channel, &error__), G_IO_ERROR_NOT_SUPPORTED);
  assert_failed (kaa_io_channel_set_serial_pins (line.channel, KAA_SERIAL_PIN_DTR, KAA_SERIAL_PIN_RTS, &error__),
                 G_IO_ERROR_NOT_SUPPORTED);
  assert_failed (kaa_io_channel_set_serial_pins (line.channel, KAA_SERIAL_PIN_DCD, 0, &error__), G_IO_ERROR_INVALID_ARGUMENT);
  assert_failed (kaa_io_channel_set_serial_pins (line.channel, KAA_SERIAL_PIN_DTR, KAA_SERIAL_PIN_DTR, &error__),
                 G_IO_ERROR_INVALID_ARGUMENT);
  assert_failed (kaa_io_channel_set_serial_break (line.channel, TRUE, &error__), G_IO_ERROR_NOT_SUPPORTED);
  line_end (&line);

  g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
  assert_failed (kaa_io_channel_get_serial_pins (a, &error__), G_IO_ERROR_NOT_SUPPORTED);
  assert_failed (kaa_io_channel_set_serial_pins (a, KAA_SERIAL_PIN_DTR, 0, &error__), G_IO_ERROR_NOT_SUPPORTED);
  assert_failed (kaa_io_channel_set_serial_break (a, TRUE, &error__), G_IO_ERROR_NOT_SUPPORTED);
  assert_failed (kaa_io_channel_set_serial_speed (a, 9600, &error__), G_IO_ERROR_NOT_SUPPORTED);
  g_object_unref (a);
  g_object_unref (b);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);

  g_test_add_func ("/serial/raw", test_raw);
  g_test_add_func ("/serial/settings", test_settings);
  g_test_add_func ("/serial/descriptor", test_descriptor);
  g_test_add_func ("/serial/hangup", test_hangup);
  g_test_add_func ("/serial/hangup-request", test_hangup_request);
  g_test_add_func ("/serial/hangup-unheard", test_hangup_unheard);
  g_test_add_func ("/serial/refused", test_refused);
  g_test_add_func ("/serial/held", test_held);
  g_test_add_func ("/serial/shared", test_shared);
  g_test_add_func ("/serial/held/by-others", test_held_by_others);
  g_test_add_func ("/serial/held/taken-over", test_held_taken_over);
  g_test_add_func ("/serial/held/after-fork", test_held_after_fork);
  g_test_add_func ("/serial/speed", test_speed);
  g_test_add_func ("/serial/pins", test_pins);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a pseudo-terminal does not have: pins, breaks, calls that fail. The system calls are answered here instead. */

#include <kaaio/kaaio.h>

#include "bytes/kaa-sys.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

int      __real_ioctl (int fd, unsigned long request, ...);
int      __wrap_ioctl (int fd, unsigned long request, ...);
gboolean __real_kaa_sys_inspect (int fd, KaaFdInfo *info, GError **error);
gboolean __wrap_kaa_sys_inspect (int fd, KaaFdInfo *info, GError **error);

static struct
{
  int pins;                 /* as TIOCMGET says it */
  gboolean breaking;
  unsigned long failing;    /* a request that fails */
  int errsv;
} device;

int
__wrap_ioctl (int           fd,
              unsigned long request,
              ...)
{
  va_list arguments;
  void *argument;

  va_start (arguments, request);
  argument = va_arg (arguments, void *);
  va_end (arguments);

  if (request == device.failing)
    {
      errno = device.errsv;
      return -1;
    }
  if (request == TIOCMGET)
    *(int *) argument = device.pins;
  else if (request == TIOCMBIS)
    device.pins |= *(int *) argument;
  else if (request == TIOCMBIC)
    device.pins &= ~*(int *) argument;
  else if (request == TIOCSBRK || request == TIOCCBRK)
    device.breaking = request == TIOCSBRK;
  else
    /* Those two have no argument: what is there is nothing. */
    return __real_ioctl (fd, request, request == TIOCEXCL || request == TIOCNXCL ? NULL : argument);
  return 0;
}

gboolean
__wrap_kaa_sys_inspect (int         fd,
                        KaaFdInfo  *info,
                        GError    **error)
{
  gboolean good = __real_kaa_sys_inspect (fd, info, error);

  info->pty = FALSE;
  return good;
}

typedef struct
{
  int master;
  const char *path;
  KaaIOChannel *channel;
} Fixture;

static void
set_up (Fixture       *fixture,
        gconstpointer  data)
{
  GError *error = NULL;

  fixture->master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fixture->master, >=, 0);
  g_assert_cmpint (unlockpt (fixture->master), ==, 0);
  fixture->path = ptsname (fixture->master);
  device.failing = 0;
  device.pins = 0;
  if (data != NULL)
    return;

  fixture->channel = kaa_io_channel_new_for_serial (fixture->path, 9600, KAA_SERIAL_NONE, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture       *fixture,
           gconstpointer  data)
{
  if (fixture->channel != NULL)
    {
      g_object_unref (kaa_io_channel_close (fixture->channel, KAA_CLOSE_IMMEDIATE));
      g_object_unref (fixture->channel);
    }
  close (fixture->master);
}

static void
test_pins (Fixture       *fixture,
           gconstpointer  data)
{
  GError *error = NULL;

  device.pins = TIOCM_DTR | TIOCM_CTS | TIOCM_CAR;
  g_assert_cmpuint (kaa_io_channel_get_serial_pins (fixture->channel, &error), ==,
                    KAA_SERIAL_PIN_DTR | KAA_SERIAL_PIN_CTS | KAA_SERIAL_PIN_DCD);
  g_assert_no_error (error);
  device.pins = TIOCM_RTS | TIOCM_DSR | TIOCM_RNG;
  g_assert_cmpuint (kaa_io_channel_get_serial_pins (fixture->channel, &error), ==,
                    KAA_SERIAL_PIN_RTS | KAA_SERIAL_PIN_DSR | KAA_SERIAL_PIN_RI);
  g_assert_no_error (error);

  g_assert_true (kaa_io_channel_set_serial_pins (fixture->channel, KAA_SERIAL_PIN_DTR, KAA_SERIAL_PIN_RTS, &error));
  g_assert_no_error (error);
  g_assert_cmpint (device.pins, ==, TIOCM_DTR | TIOCM_DSR | TIOCM_RNG);
  g_assert_true (kaa_io_channel_set_serial_pins (fixture->channel, 0, 0, &error));
  g_assert_cmpint (device.pins, ==, TIOCM_DTR | TIOCM_DSR | TIOCM_RNG);

  device.failing = TIOCMGET;
  device.errsv = EIO;
  g_assert_cmpuint (kaa_io_channel_get_serial_pins (fixture->channel, &error), ==, 0);
  g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (EIO));
  g_clear_error (&error);
}

static void
test_break (Fixture       *fixture,
            gconstpointer  data)
{
  GError *error = NULL;

  g_assert_true (kaa_io_channel_set_serial_break (fixture->channel, TRUE, &error));
  g_assert_no_error (error);
  g_assert_true (device.breaking);
  g_assert_true (kaa_io_channel_set_serial_break (fixture->channel, FALSE, &error));
  g_assert_false (device.breaking);

  /* The close ends it. */
  g_assert_true (kaa_io_channel_set_serial_break (fixture->channel, TRUE, &error));
  g_object_unref (kaa_io_channel_close (fixture->channel, KAA_CLOSE_IMMEDIATE));
  g_assert_false (device.breaking);
}

/* Opening fails on the way: the line is as free as before. */
static void
test_given_back (Fixture       *fixture,
                 gconstpointer  data)
{
  GError *error = NULL;
  int exclusive, fd;

  device.failing = GPOINTER_TO_SIZE (data);
  device.errsv = EIO;
  g_assert_null (kaa_io_channel_new_for_serial (fixture->path, 9600, KAA_SERIAL_NONE, &error));
  g_assert_error (error, G_IO_ERROR, (int) g_io_error_from_errno (EIO));
  g_clear_error (&error);
  device.failing = 0;

  fd = open (fixture->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_no_errno (__real_ioctl (fd, TIOCGEXCL, &exclusive));
  g_assert_cmpint (exclusive, ==, 0);
  g_assert_no_errno (flock (fd, LOCK_EX | LOCK_NB));
  close (fd);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  alarm (120);

  g_test_add ("/serial/pins/get-and-set", Fixture, NULL, set_up, test_pins, tear_down);
  g_test_add ("/serial/pins/break", Fixture, NULL, set_up, test_break, tear_down);
  g_test_add ("/serial/given-back/held", Fixture, GSIZE_TO_POINTER (TIOCEXCL), set_up, test_given_back, tear_down);
  g_test_add ("/serial/given-back/set-up", Fixture, GSIZE_TO_POINTER (TCSETS2), set_up, test_given_back, tear_down);

  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Serial lines: a terminal device, made to pass bytes as they are at a given speed.
 *
 * The kernel's own termios2 takes the speed as a number, so that any one that the hardware can do is possible, not only
 * those with a constant. (Its header and <termios.h> exclude each other.)
 */

#include <kaaio/kaa-serial.h>

#include "channel/kaa-io-channel-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#ifdef __linux__
# include <asm/termbits.h>
#else
# include <termios.h>
#endif

#define ALL_FLAGS (KAA_SERIAL_PARITY_EVEN | KAA_SERIAL_PARITY_ODD | KAA_SERIAL_TWO_STOP_BITS | \
                   KAA_SERIAL_SEVEN_BITS | KAA_SERIAL_RTS_CTS | KAA_SERIAL_XON_XOFF)

#ifdef __linux__

typedef struct termios2 Attributes;

static int
get_attributes (int         fd,
                Attributes *attributes)
{
  return ioctl (fd, TCGETS2, attributes);
}

static int
set_attributes (int               fd,
                const Attributes *attributes)
{
  return ioctl (fd, TCSETS2, attributes);
}

static void
set_speed (Attributes *attributes,
           guint       baud)
{
  attributes->c_cflag &= ~((tcflag_t) CBAUD | (tcflag_t) CBAUD << IBSHIFT);
  attributes->c_cflag |= BOTHER | (tcflag_t) BOTHER << IBSHIFT;
  attributes->c_ospeed = attributes->c_ispeed = baud;
}

#else

typedef struct termios Attributes;

static int
get_attributes (int         fd,
                Attributes *attributes)
{
  return tcgetattr (fd, attributes);
}

static int
set_attributes (int               fd,
                const Attributes *attributes)
{
  return tcsetattr (fd, TCSANOW, attributes);
}

/* Where speeds are numbers. */
static void
set_speed (Attributes *attributes,
           guint       baud)
{
  cfsetospeed (attributes, baud);
  cfsetispeed (attributes, baud);
}

#endif

/* Bytes pass as they are: no echo, no signals, no translation, no lines. */
static void
make_raw (Attributes *attributes)
{
  attributes->c_iflag &= ~(tcflag_t) (IGNBRK | BRKINT | IGNPAR | PARMRK | INPCK | ISTRIP |
                                      INLCR | IGNCR | ICRNL | IXON | IXOFF | IXANY);
  attributes->c_oflag &= ~(tcflag_t) OPOST;
  attributes->c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK | ECHONL | ICANON | ISIG | IEXTEN);
  attributes->c_cflag &= ~(tcflag_t) (CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS | CLOCAL);
  attributes->c_cflag |= CREAD | HUPCL;
  attributes->c_cc[VMIN] = 1;
  attributes->c_cc[VTIME] = 0;
}

static void
set_format (Attributes     *attributes,
            KaaSerialFlags  flags)
{
  attributes->c_cflag |= (flags & KAA_SERIAL_SEVEN_BITS) ? CS7 : CS8;
  if (flags & KAA_SERIAL_TWO_STOP_BITS)
    attributes->c_cflag |= CSTOPB;
  if (flags & (KAA_SERIAL_PARITY_EVEN | KAA_SERIAL_PARITY_ODD))
    {
      attributes->c_cflag |= PARENB;
      attributes->c_iflag |= INPCK;
    }
  if (flags & KAA_SERIAL_PARITY_ODD)
    attributes->c_cflag |= PARODD;
  if (flags & KAA_SERIAL_RTS_CTS)
    attributes->c_cflag |= CRTSCTS;
  if (flags & KAA_SERIAL_XON_XOFF)
    attributes->c_iflag |= IXON | IXOFF;
}

static gboolean
set_up (int              fd,
        const char      *path,
        guint            baud,
        KaaSerialFlags   flags,
        GError         **error)
{
  Attributes attributes;

  if (get_attributes (fd, &attributes) < 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s is not a serial line", path);
      return FALSE;
    }

  make_raw (&attributes);
  set_format (&attributes, flags);
  set_speed (&attributes, baud);
  if (set_attributes (fd, &attributes) < 0)
    {
      int errsv = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv),
                   "Setting up %s for %u baud failed: %s", path, baud, g_strerror (errsv));
      return FALSE;
    }

  return TRUE;
}

static gboolean
check_arguments (guint            baud,
                 KaaSerialFlags   flags,
                 GError         **error)
{
  const char *wrong = NULL;

  if (baud == 0)
    wrong = "A serial line needs a speed above 0 baud";
  else if (flags & ~ALL_FLAGS)
    wrong = "There is no such flag for a serial line";
  else if ((flags & KAA_SERIAL_PARITY_EVEN) && (flags & KAA_SERIAL_PARITY_ODD))
    wrong = "Parity is even or odd, not both";

  if (wrong != NULL)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, wrong);
  return wrong == NULL;
}

/**
 * kaa_io_channel_new_for_serial: (constructor)
 * @path: (type filename): a serial line, such as `/dev/ttyUSB0`
 * @baud: its speed in bits a second; any that the hardware can do
 * @flags: the format of a byte, and the flow control; none for 8 bits without parity, one stop bit and no flow control
 * @error: return location for an error
 *
 * Opens a serial line and makes a channel for it.
 *
 * Bytes pass as they are (raw mode), and the line does not become the terminal of this process. The modem's carrier counts:
 * where the other side hangs up, or the adapter is pulled, the channel closes with `G_IO_ERROR_CONNECTION_CLOSED`: a
 * line has no end of file. The settings stay with the line after the close.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` for a speed of 0 or flags that contradict each other, with
 * `G_IO_ERROR_NOT_SUPPORTED` where @path is not a terminal device, and with what the system says (`G_IO_ERROR_NOT_FOUND`,
 * `G_IO_ERROR_PERMISSION_DENIED`, ...). In the thread of the thread-default main context.
 *
 * Returns: (transfer full): a new channel, or %NULL with @error set
 *
 * Since: 1.0
 */
KaaIOChannel *
kaa_io_channel_new_for_serial (const char      *path,
                               guint            baud,
                               KaaSerialFlags   flags,
                               GError         **error)
{
  KaaIOChannel *self;
  int fd;

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  if (!check_arguments (baud, flags, error))
    return NULL;

  fd = open (path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    {
      int errsv = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "Opening %s failed: %s", path, g_strerror (errsv));
      return NULL;
    }

  self = kaa_io_channel_new ();
  if (!set_up (fd, path, baud, flags, error) ||
      !kaa_io_channel_wrap_fd (self, fd, KAA_IO_READ | KAA_IO_WRITE, error))
    {
      kaa_sys_close (fd);
      g_object_unref (self);
      return NULL;
    }

  kaa_fd_transport_set_endless (kaa_channel_get_private (self)->input);
  return self;
}

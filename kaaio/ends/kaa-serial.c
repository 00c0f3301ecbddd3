/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Serial lines: a terminal device, made to pass bytes as they are at a given speed.
 *
 * The kernel's own termios2 takes the speed as a number, so that any one that the hardware can do is possible, not only
 * those with a constant. (Its header and <termios.h> exclude each other.)
 */

#include "ends/kaa-serial-private.h"

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
                   KAA_SERIAL_SEVEN_BITS | KAA_SERIAL_RTS_CTS | KAA_SERIAL_XON_XOFF | KAA_SERIAL_SHARED)

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

static void
set_line_error (GError     **error,
                int          errsv,
                const char  *what,
                const char  *path)
{
  if (errsv == EBUSY)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s %s failed: somebody else has it for himself", what, path);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s %s failed: %s", what, path, g_strerror (errsv));
}

/* Before anything is changed on it, which may be somebody else's. */
static gboolean
hold (int              fd,
      const char      *path,
      KaaSerialFlags   flags,
      GError         **error)
{
  Attributes attributes;

  if (get_attributes (fd, &attributes) < 0)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s is not a serial line", path);
  else if ((flags & KAA_SERIAL_SHARED) ? kaa_sys_is_free_tty (fd) : kaa_sys_hold_tty (fd))
    return TRUE;
  else
    set_line_error (error, errno, "Holding", path);

  return FALSE;
}

static gboolean
set_up (int              fd,
        const char      *path,
        guint            baud,
        KaaSerialFlags   flags,
        GError         **error)
{
  Attributes attributes;

  if (get_attributes (fd, &attributes) == 0)
    {
      make_raw (&attributes);
      set_format (&attributes, flags);
      set_speed (&attributes, baud);
      if (set_attributes (fd, &attributes) == 0)
        return TRUE;
    }

  set_line_error (error, errno, "Setting up", path);
  return FALSE;
}

static gboolean
open_channel (KaaIOChannel    *self,
              int              fd,
              KaaSerialFlags   flags,
              GError         **error)
{
  KaaTransport *line;
  KaaFdInfo info;

  if (!kaa_channel_check_openable (self, error) || !kaa_sys_inspect (fd, &info, error))
    return FALSE;

  /* The description is ours alone. While the line is held there cannot be another one. */
  line = kaa_fd_transport_new (fd, &info, KAA_POLL_IN | KAA_POLL_OUT, /* private_description= */ FALSE, error);
  if (line == NULL || !kaa_channel_open_transports (self, line, line, error))
    return FALSE;

  kaa_fd_transport_set_endless (line);
  if (!(flags & KAA_SERIAL_SHARED))
    kaa_fd_transport_set_held (line);
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
 * @flags: the format of a byte, the flow control, and whether the line is shared; none for 8 bits without parity, one stop bit, no
 *   flow control, and a line that is held
 * @error: return location for an error
 *
 * Opens a serial line and makes a channel for it.
 *
 * Bytes pass as they are (raw mode), and the line does not become the terminal of this process. The modem's carrier counts:
 * where the other side hangs up, or the adapter is pulled, the channel closes with `G_IO_ERROR_CONNECTION_CLOSED`: a
 * line has no end of file. The settings stay with the line after the close.
 *
 * The line is held until the close: other programs cannot open it (`TIOCEXCL`), those that run as root find it locked, as far as they
 * ask (`flock`), and so do other channels. With %KAA_SERIAL_SHARED it is not held.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` for a speed of 0 or flags that contradict each other, with
 * `G_IO_ERROR_NOT_SUPPORTED` where @path is not a terminal device, with `G_IO_ERROR_BUSY` where somebody else holds the line, and with
 * what the system says (`G_IO_ERROR_NOT_FOUND`, `G_IO_ERROR_PERMISSION_DENIED`, ...). In the thread of the thread-default main
 * context.
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

  fd = kaa_sys_move_up (open (path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0)
    {
      set_line_error (error, errno, "Opening", path);
      return NULL;
    }
  if (!hold (fd, path, flags, error))
    {
      kaa_sys_close (fd);
      return NULL;
    }

  self = kaa_io_channel_new ();
  if (!set_up (fd, path, baud, flags, error) || !open_channel (self, fd, flags, error))
    {
      if (!(flags & KAA_SERIAL_SHARED))
        kaa_sys_release_tty (fd);
      kaa_sys_close (fd);
      g_object_unref (self);
      return NULL;
    }

  return self;
}

/* --- what is open --- */

KaaTransport *
kaa_serial_get_line (KaaIOChannel  *channel,
                     GError       **error)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (channel);
  KaaTransport *line;

  if (!kaa_channel_is_mine (priv))
    {
      g_propagate_error (error, kaa_channel_new_thread_error ());
      return NULL;
    }

  line = priv->output != NULL ? priv->output : priv->input;
  if (line == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "No line is open");
      return NULL;
    }

  line = kaa_filter_transport_get_inner (line);
  if (line->kind != KAA_FD_TTY)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "What is open is not a serial line");
      return NULL;
    }
  return line;
}

gboolean
kaa_serial_set_error (GError     **error,
                      const char  *what)
{
  int errsv = errno;

  if (errsv == ENOTTY)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "%s is not possible: it is no serial line that could do it", what);
  else
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errsv), "%s failed: %s", what, g_strerror (errsv));
  return FALSE;
}

/**
 * kaa_io_channel_set_serial_speed:
 * @self: a channel that a serial line is open in
 * @baud: its speed in bits a second, from now on
 * @error: return location for an error
 *
 * Changes the speed of a serial line, at once: what was written and is still in the line's own buffer goes out at the new speed.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` for a speed of 0, with `G_IO_ERROR_NOT_SUPPORTED` where what is open is no serial
 * line and in another thread than the channel's, with `G_IO_ERROR_CLOSED` where nothing is open, and with what the system says.
 *
 * Returns: %TRUE if the line has the speed, or the nearest that it can do
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_set_serial_speed (KaaIOChannel  *self,
                                 guint          baud,
                                 GError       **error)
{
  KaaTransport *line;
  Attributes attributes;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  line = kaa_serial_get_line (self, error);
  if (line == NULL || !check_arguments (baud, KAA_SERIAL_NONE, error))
    return FALSE;
  if (get_attributes (line->fd, &attributes) < 0)
    return kaa_serial_set_error (error, "Asking for the speed of the line");

  set_speed (&attributes, baud);
  return set_attributes (line->fd, &attributes) == 0 || kaa_serial_set_error (error, "Setting the speed of the line");
}

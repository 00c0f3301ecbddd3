/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pins of a serial line, and the break. */

#include "ends/kaa-serial-private.h"

#include <errno.h>
#include <sys/ioctl.h>

#define OUR_PINS (KAA_SERIAL_PIN_DTR | KAA_SERIAL_PIN_RTS)

static const struct
{
  KaaSerialPins pin;
  int bit;
} pin_bits[] = {
  { KAA_SERIAL_PIN_DTR, TIOCM_DTR },
  { KAA_SERIAL_PIN_RTS, TIOCM_RTS },
  { KAA_SERIAL_PIN_CTS, TIOCM_CTS },
  { KAA_SERIAL_PIN_DSR, TIOCM_DSR },
  { KAA_SERIAL_PIN_DCD, TIOCM_CAR },
  { KAA_SERIAL_PIN_RI, TIOCM_RNG },
};

static int
to_bits (KaaSerialPins pins)
{
  int bits = 0;

  for (guint i = 0; i < G_N_ELEMENTS (pin_bits); i++)
    if (pins & pin_bits[i].pin)
      bits |= pin_bits[i].bit;
  return bits;
}

static KaaSerialPins
from_bits (int bits)
{
  KaaSerialPins pins = 0;

  for (guint i = 0; i < G_N_ELEMENTS (pin_bits); i++)
    if (bits & pin_bits[i].bit)
      pins |= pin_bits[i].pin;
  return pins;
}

/**
 * kaa_io_channel_get_serial_pins:
 * @self: a channel that a serial line is open in
 * @error: return location for an error
 *
 * Gets the state of the pins of a serial line: of the other side's (%KAA_SERIAL_PIN_CTS, %KAA_SERIAL_PIN_DSR,
 * %KAA_SERIAL_PIN_DCD, %KAA_SERIAL_PIN_RI) and of ours.
 *
 * It fails with `G_IO_ERROR_NOT_SUPPORTED` where there are none (what is open is no serial line, or a pseudo-terminal) and in
 * another thread than the channel's, with `G_IO_ERROR_CLOSED` where nothing is open, and with what the system says.
 *
 * Returns: the pins that are on; none with @error set
 *
 * Since: 1.0
 */
KaaSerialPins
kaa_io_channel_get_serial_pins (KaaIOChannel  *self,
                                GError       **error)
{
  KaaTransport *line;
  int bits = 0;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), 0);
  g_return_val_if_fail (error == NULL || *error == NULL, 0);

  line = kaa_serial_get_line (self, error);
  if (line != NULL && ioctl (line->fd, TIOCMGET, &bits) < 0)
    {
      kaa_serial_set_error (error, "Asking for the pins of the line");
      bits = 0;
    }
  return from_bits (bits);
}

/**
 * kaa_io_channel_set_serial_pins:
 * @self: a channel that a serial line is open in
 * @on: pins to be set
 * @off: pins to be cleared
 * @error: return location for an error
 *
 * Sets and clears our pins of a serial line: %KAA_SERIAL_PIN_DTR and %KAA_SERIAL_PIN_RTS. Those in neither set stay as they are.
 *
 * Opening a line sets both, and closing it clears DTR. With %KAA_SERIAL_RTS_CTS the system uses RTS.
 *
 * It fails as [method@Kaa.IOChannel.get_serial_pins] does, and with `G_IO_ERROR_INVALID_ARGUMENT` for a pin that is the
 * other side's, or is to be both.
 *
 * Returns: %TRUE if they are as asked for
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_set_serial_pins (KaaIOChannel   *self,
                                KaaSerialPins   on,
                                KaaSerialPins   off,
                                GError        **error)
{
  KaaTransport *line;
  int set = to_bits (on), clear = to_bits (off);

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  line = kaa_serial_get_line (self, error);
  if (line == NULL)
    return FALSE;
  if (((on | off) & ~OUR_PINS) || (on & off))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "Each of DTR and RTS can be set or cleared; the other pins are the other side's");
      return FALSE;
    }
  if ((set != 0 && ioctl (line->fd, TIOCMBIS, &set) < 0) || (clear != 0 && ioctl (line->fd, TIOCMBIC, &clear) < 0))
    return kaa_serial_set_error (error, "Setting the pins of the line");

  return TRUE;
}

/**
 * kaa_io_channel_set_serial_break:
 * @self: a channel that a serial line is open in
 * @on: whether to send a break
 * @error: return location for an error
 *
 * Begins to send a break, or ends it. A break is usually a quarter of a second long: a timer ends it. The close does, too.
 *
 * What is written goes out before it only if the line had the time for it. It fails as
 * [method@Kaa.IOChannel.get_serial_pins] does.
 *
 * Returns: %TRUE if the line is as asked for
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_set_serial_break (KaaIOChannel  *self,
                                 gboolean       on,
                                 GError       **error)
{
  KaaTransport *line;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  line = kaa_serial_get_line (self, error);
  if (line == NULL)
    return FALSE;

  return kaa_fd_transport_set_break (line, on) || kaa_serial_set_error (error, "Sending a break");
}

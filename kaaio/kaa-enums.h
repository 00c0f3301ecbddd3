/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#if !defined(KAA_INSIDE) && !defined(KAA_COMPILATION)
# error "Only <kaaio/kaaio.h> can be included directly."
#endif

#include <glib.h>

G_BEGIN_DECLS

/**
 * KaaIOCondition:
 * @KAA_IO_READ: there is something to read; the mode of a channel that is read
 * @KAA_IO_WRITE: something can be written; the mode of a channel that is written
 * @KAA_IO_EXCEPT: there is priority data, for a [class@Kaa.IOMonitor] only
 *
 * What a descriptor is watched for, and what a channel may do with it.
 *
 * A hang-up or an error is reported as the conditions that were asked for: it is
 * found out about by reading or writing.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_IO_READ   = 1 << 0,
  KAA_IO_WRITE  = 1 << 1,
  KAA_IO_EXCEPT = 1 << 2
} KaaIOCondition;

/**
 * KaaCloseFlags:
 * @KAA_CLOSE_NONE: what is queued is written first
 * @KAA_CLOSE_IMMEDIATE: what is queued is given up
 * @KAA_CLOSE_UNEXPECTED: [signal@Kaa.IOChannel::closed] says that the close was not expected
 * @KAA_CLOSE_DISCARD: what was read and not taken is thrown away, so that who reads ends at once
 *
 * How a channel is closed.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_CLOSE_NONE       = 0,
  KAA_CLOSE_IMMEDIATE  = 1 << 0,
  KAA_CLOSE_UNEXPECTED = 1 << 1,
  KAA_CLOSE_DISCARD    = 1 << 2
} KaaCloseFlags;

/**
 * KaaOverflowPolicy:
 * @KAA_OVERFLOW_SPLIT: deliver it in pieces of queue-size bytes
 * @KAA_OVERFLOW_ERROR: fail the request and take nothing; with handlers, close
 * @KAA_OVERFLOW_DISCARD: drop it up to and including its delimiter
 * @KAA_OVERFLOW_CLOSE: close the channel with an error
 *
 * What becomes of a line with more than [property@Kaa.IOChannel:queue-size] bytes before
 * its delimiter.
 *
 * Since: 1.0
 */
typedef enum
{
  KAA_OVERFLOW_SPLIT,
  KAA_OVERFLOW_ERROR,
  KAA_OVERFLOW_DISCARD,
  KAA_OVERFLOW_CLOSE
} KaaOverflowPolicy;

/**
 * KaaSpliceFlags:
 * @KAA_SPLICE_NONE: the target stays open when the source ends
 * @KAA_SPLICE_CLOSE_TARGET: the target is closed, with what is queued written first, when the source ends
 *
 * How one channel is spliced to another.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_SPLICE_NONE         = 0,
  KAA_SPLICE_CLOSE_TARGET = 1 << 0
} KaaSpliceFlags;

/**
 * KaaProcessFlags:
 * @KAA_PROCESS_NONE: pipes for input and output; errors go where those of this process go
 * @KAA_PROCESS_PTY: the child runs on a pseudo-terminal of its own
 * @KAA_PROCESS_STDERR_PIPE: what the child says on its standard error is a channel of its own
 * @KAA_PROCESS_MERGE_STDERR: what the child says on its standard error is among its output
 * @KAA_PROCESS_CLEAN_ENVIRONMENT: the child does not inherit the environment of this process
 * @KAA_PROCESS_NEW_GROUP: the child leads a process group of its own: [method@Kaa.Process.stop] and [method@Kaa.Process.send_signal] reach
 *   all of it, signals that a terminal makes (Ctrl-C) do not, and where it shares a terminal it is in the background there
 * @KAA_PROCESS_NEW_SESSION: the same with a session of its own, without a terminal. `KAA_PROCESS_PTY` has one anyway
 * @KAA_PROCESS_DIE_WITH_PARENT: the child is killed when the thread that has started it ends, be it that this process does; after
 *   [method@Kaa.Process.launch] when this process ends. What the child has started is not, nor a program that is privileged by its file
 * @KAA_PROCESS_STDIN_NULL: the child's input is empty; the channel does not write
 * @KAA_PROCESS_STDIN_INHERIT: the child's input is that of this process; the channel does not write
 * @KAA_PROCESS_STDOUT_INHERIT: the child's output goes where that of this process goes; the channel does not read
 * @KAA_PROCESS_STDERR_NULL: what the child says on its standard error is thrown away
 *
 * How a child process is started.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_PROCESS_NONE              = 0,
  KAA_PROCESS_PTY               = 1 << 0,
  KAA_PROCESS_STDERR_PIPE       = 1 << 1,
  KAA_PROCESS_MERGE_STDERR      = 1 << 2,
  KAA_PROCESS_CLEAN_ENVIRONMENT = 1 << 3,
  KAA_PROCESS_NEW_GROUP         = 1 << 4,
  KAA_PROCESS_NEW_SESSION       = 1 << 5,
  KAA_PROCESS_DIE_WITH_PARENT   = 1 << 6,
  KAA_PROCESS_STDIN_NULL        = 1 << 7,
  KAA_PROCESS_STDIN_INHERIT     = 1 << 8,
  KAA_PROCESS_STDOUT_INHERIT    = 1 << 9,
  KAA_PROCESS_STDERR_NULL       = 1 << 10
} KaaProcessFlags;

/**
 * KaaSerialFlags:
 * @KAA_SERIAL_NONE: 8 bits, no parity, one stop bit, no flow control
 * @KAA_SERIAL_PARITY_EVEN: with a parity bit, even
 * @KAA_SERIAL_PARITY_ODD: with a parity bit, odd
 * @KAA_SERIAL_TWO_STOP_BITS: two stop bits
 * @KAA_SERIAL_SEVEN_BITS: seven bits instead of eight
 * @KAA_SERIAL_RTS_CTS: flow control by the lines RTS and CTS
 * @KAA_SERIAL_XON_XOFF: flow control by the characters XON and XOFF
 * @KAA_SERIAL_SHARED: others may have the line open as well; without it the channel has it for itself
 *
 * The format of a byte on a serial line, its flow control, and whether it is held.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_SERIAL_NONE          = 0,
  KAA_SERIAL_PARITY_EVEN   = 1 << 0,
  KAA_SERIAL_PARITY_ODD    = 1 << 1,
  KAA_SERIAL_TWO_STOP_BITS = 1 << 2,
  KAA_SERIAL_SEVEN_BITS    = 1 << 3,
  KAA_SERIAL_RTS_CTS       = 1 << 4,
  KAA_SERIAL_XON_XOFF      = 1 << 5,
  KAA_SERIAL_SHARED        = 1 << 6
} KaaSerialFlags;

/**
 * KaaSerialPins:
 * @KAA_SERIAL_PIN_DTR: data terminal ready: ours
 * @KAA_SERIAL_PIN_RTS: request to send: ours
 * @KAA_SERIAL_PIN_CTS: clear to send: the other side's, as all below
 * @KAA_SERIAL_PIN_DSR: data set ready
 * @KAA_SERIAL_PIN_DCD: data carrier detect
 * @KAA_SERIAL_PIN_RI: ring indicator
 *
 * The pins of a serial line that carry no data.
 *
 * Since: 1.0
 */
typedef enum /*< flags >*/
{
  KAA_SERIAL_PIN_DTR = 1 << 0,
  KAA_SERIAL_PIN_RTS = 1 << 1,
  KAA_SERIAL_PIN_CTS = 1 << 2,
  KAA_SERIAL_PIN_DSR = 1 << 3,
  KAA_SERIAL_PIN_DCD = 1 << 4,
  KAA_SERIAL_PIN_RI  = 1 << 5
} KaaSerialPins;

G_END_DECLS

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes that go in part, and then fail: the program is linked with --wrap of the system calls that write. */

#include "channel/channel-fixture.h"

#include <pty.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>

/* A terminal is written by a description of the channel's own. */
#define ANY_TERMINAL (-2)
#define ANY_PIPE     (-3)

static struct
{
  int fd;          /* whose writes are looked at; -1: nobody's */
  gsize room;      /* bytes that go before the fault */
  int code;        /* errno then; 0: none */
  guint times;     /* how often */
  guint n_failed;  /* how often it was */
} fault = { .fd = -1 };

static inline void
begin_fault (int   fd,
             gsize room,
             int   code,
             guint times)
{
  fault.room = room;
  fault.code = code;
  fault.times = times;
  fault.n_failed = 0;
  fault.fd = fd;
}

static inline gboolean
is_faulty (int fd)
{
  struct stat status;

  if (fault.fd == ANY_TERMINAL)
    return isatty (fd);
  if (fault.fd == ANY_PIPE)
    return fstat (fd, &status) == 0 && S_ISFIFO (status.st_mode);
  return fd == fault.fd;
}

/* What is written by a call of length bytes; -1 with errno. */
static inline gssize
meet_fault (int    fd,
            gsize *length)
{
  if (fault.times == 0 || !is_faulty (fd))
    return 0;
  if (fault.room == 0)
    {
      if (fault.times != G_MAXUINT)
        fault.times--;
      fault.n_failed++;
      errno = fault.code;
      return -1;
    }
  *length = MIN (*length, fault.room);
  fault.room -= *length;
  return 0;
}

gssize __real_sendmsg (int fd, const struct msghdr *message, int flags);
gssize __wrap_sendmsg (int fd, const struct msghdr *message, int flags);
gssize __real_writev (int fd, const struct iovec *vectors, int n);
gssize __wrap_writev (int fd, const struct iovec *vectors, int n);
gssize __wrap_pwritev64v2 (int fd, const struct iovec *vectors, int n, off_t offset, int flags);

static gsize
count_bytes (const struct iovec *vectors,
             int                 n)
{
  gsize length = 0;

  for (int i = 0; i < n; i++)
    length += vectors[i].iov_len;
  return length;
}

/* The first length bytes. */
static int
cut_vectors (const struct iovec *vectors,
             gsize               length,
             struct iovec       *to)
{
  int n = 0;

  while (length > 0)
    {
      to[n] = vectors[n];
      to[n].iov_len = MIN (to[n].iov_len, length);
      length -= to[n].iov_len;
      n++;
    }
  return n;
}

gssize
__wrap_sendmsg (int                  fd,
                const struct msghdr *message,
                int                  flags)
{
  gsize length = count_bytes (message->msg_iov, message->msg_iovlen);
  struct msghdr cut = *message;
  struct iovec vectors[1024];

  if (meet_fault (fd, &length) < 0)
    return -1;
  cut.msg_iovlen = cut_vectors (message->msg_iov, length, vectors);
  cut.msg_iov = vectors;
  return __real_sendmsg (fd, &cut, flags);
}

gssize
__wrap_writev (int                 fd,
               const struct iovec *vectors,
               int                 n)
{
  gsize length = count_bytes (vectors, n);
  struct iovec cut[1024];

  if (meet_fault (fd, &length) < 0)
    return -1;
  return __real_writev (fd, cut, cut_vectors (vectors, length, cut));
}

/* As on an older kernel: the library makes the call again with writev(). */
gssize
__wrap_pwritev64v2 (int                 fd,
                 const struct iovec *vectors,
                 int                 n,
                 off_t               offset,
                 int                 flags)
{
  errno = ENOSYS;
  return -1;
}

/* --- what is written --- */

static inline guint8
pattern (gsize i)
{
  return (i * 31 + i / 251) & 0xff;
}

static inline guint8 *
make_pattern (gsize start,
              gsize length)
{
  guint8 *data = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    data[i] = pattern (start + i);
  return data;
}

static inline void
assert_pattern (const guint8 *data,
                gsize         length,
                gsize         start)
{
  for (gsize i = 0; i < length; i++)
    if (data[i] != pattern (start + i))
      g_error ("byte %" G_GSIZE_FORMAT " is wrong", start + i);
}

/* What is at hand, of a descriptor that does not block. */
static inline GByteArray *
get_all (int fd)
{
  GByteArray *all = g_byte_array_new ();
  guint8 buffer[4096];
  gssize n;

  g_assert_cmpint (fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK), ==, 0);
  while ((n = read (fd, buffer, sizeof buffer)) > 0)
    g_byte_array_append (all, buffer, n);
  return all;
}

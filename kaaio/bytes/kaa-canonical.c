/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-canonical.h"

#include <string.h>
#include <termios.h>

#ifdef __linux__

/* What ends a line, or takes back some of it: those that are not sure to end it make a line look shorter, so that nothing is refused
 * without need. */
static const struct
{
  int character;   /* its place in c_cc */
  tcflag_t mode;   /* in c_lflag; 0: always */
} special[] = {
  { VEOF, 0 },
  { VEOL, 0 },
  { VEOL2, IEXTEN },
  { VERASE, 0 },
  { VKILL, 0 },
  { VWERASE, IEXTEN },
  { VINTR, ISIG },
  { VQUIT, ISIG },
  { VSUSP, ISIG },
};

/* FALSE where bytes pass as they are. */
static gboolean
get_ends (int      master,
          gboolean ends[256])
{
  struct termios attributes;

  if (tcgetattr (master, &attributes) < 0 || !(attributes.c_lflag & ICANON) || (attributes.c_lflag & EXTPROC))
    return FALSE;

  memset (ends, 0, 256 * sizeof (gboolean));
  ends['\n'] = TRUE;
  ends['\r'] = (attributes.c_iflag & ICRNL) != 0;
  for (guint i = 0; i < G_N_ELEMENTS (special); i++)
    if (attributes.c_cc[special[i].character] != _POSIX_VDISABLE &&
        (special[i].mode == 0 || (attributes.c_lflag & special[i].mode)))
      ends[attributes.c_cc[special[i].character]] = TRUE;
  return TRUE;
}

/* Quick, and by newlines alone. */
static gboolean
may_be_too_long (gsize               begun,
                 const struct iovec *vectors,
                 int                 n)
{
  for (int i = 0; i < n; i++)
    {
      const char *at = vectors[i].iov_base;
      const char *end = at + vectors[i].iov_len;

      while (at < end)
        {
          const char *newline = memchr (at, '\n', end - at);

          begun += (newline != NULL ? newline : end) - at;
          if (begun > KAA_CANONICAL_MAX)
            return TRUE;
          if (newline == NULL)
            break;
          begun = 0;
          at = newline + 1;
        }
    }

  return FALSE;
}

/* The length of the line that is left unfinished by the first `limit` bytes. *fit: what is before the first one that is too long. */
static gsize
walk (const gboolean      ends[256],
      gsize               begun,
      const struct iovec *vectors,
      int                 n,
      gsize               limit,
      gsize              *fit)
{
  gsize position = 0, start = 0, length = begun;

  *fit = limit;
  for (int i = 0; i < n && position < limit; i++)
    {
      const guint8 *data = vectors[i].iov_base;

      for (gsize at = 0; at < vectors[i].iov_len && position < limit; at++)
        {
          position++;
          length = ends[data[at]] ? 0 : length + 1;
          if (length == 0)
            start = position;
          else if (length == KAA_CANONICAL_MAX + 1)
            *fit = MIN (*fit, start);
        }
    }

  return length;
}

static gsize
get_total (const struct iovec *vectors,
           int                 n)
{
  gsize total = 0;

  for (int i = 0; i < n; i++)
    total += vectors[i].iov_len;
  return total;
}

static gboolean
is_newline_at (const struct iovec *vectors,
               gsize               position)
{
  for (; position >= vectors->iov_len; vectors++)
    position -= vectors->iov_len;
  return ((const char *) vectors->iov_base)[position] == '\n';
}

gsize
kaa_canonical_fit (int                 master,
                   gsize               begun,
                   const struct iovec *vectors,
                   int                 n)
{
  gsize fit = get_total (vectors, n);
  gboolean ends[256];

  if (begun + fit > KAA_CANONICAL_MAX && may_be_too_long (begun, vectors, n) && get_ends (master, ends))
    walk (ends, begun, vectors, n, fit, &fit);
  return fit;
}

gsize
kaa_canonical_follow (int                 master,
                      gsize               begun,
                      const struct iovec *vectors,
                      int                 n,
                      gsize               written)
{
  gboolean ends[256];
  gsize fit;

  if (written == 0)
    return begun;
  if (is_newline_at (vectors, written - 1) || !get_ends (master, ends))
    return 0;
  return walk (ends, begun, vectors, n, written, &fit);
}

#else

/* Others let the writer wait, or tell. */

gsize
kaa_canonical_fit (int                 master,
                   gsize               begun,
                   const struct iovec *vectors,
                   int                 n)
{
  return G_MAXSIZE;
}

gsize
kaa_canonical_follow (int                 master,
                      gsize               begun,
                      const struct iovec *vectors,
                      int                 n,
                      gsize               written)
{
  return 0;
}

#endif

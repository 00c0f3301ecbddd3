/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bytes/kaa-vectors.h"

#include <string.h>

gsize
kaa_vectors_get_length (const struct iovec *vectors,
                        int                 n_vectors)
{
  gsize length = 0;

  for (int i = 0; i < n_vectors; i++)
    length += vectors[i].iov_len;
  return length;
}

gsize
kaa_vectors_copy (const struct iovec *vectors,
                  int                 n_vectors,
                  guint8             *to,
                  gsize               max)
{
  gsize length = 0;

  for (int i = 0; i < n_vectors && length < max; i++)
    {
      gsize part = MIN (max - length, vectors[i].iov_len);

      /* An empty piece may be nowhere. */
      if (part > 0)
        memcpy (to + length, vectors[i].iov_base, part);
      length += part;
    }
  return length;
}

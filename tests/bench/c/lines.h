/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines by hand, for those peers that leave it to the program: read() into a buffer, memchr(). */
#pragma once

#include "bench.h"

#include <string.h>

typedef struct
{
  char data[BENCH_BUFFER_SIZE];
  gsize used;
} LineBuffer;

static inline char *
line_buffer_get_room (LineBuffer *self,
                      gsize      *size)
{
  *size = sizeof self->data - self->used;
  return self->data + self->used;
}

/* After so many bytes were put into the room. */
static inline void
line_buffer_scan (LineBuffer *self,
                  gsize       added,
                  Bench      *bench)
{
  const char *line = self->data;
  const char *from = self->data + self->used;
  const char *end = from + added;
  const char *delimiter;

  while ((delimiter = memchr (from, '\n', end - from)) != NULL)
    {
      from = delimiter + 1;
      bench_see (bench, line, from - line);
      line = from;
    }
  self->used = end - line;
  memmove (self->data, line, self->used);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * KaaDelimiters: an immutable set of delimiters, and the search for them.
 *
 * The earliest match wins, the longest at the same place (leftmost-longest). The set
 * is an Aho-Corasick automaton whose state survives between calls in a KaaScan, so
 * that every byte is looked at once, however the input is cut and however many
 * delimiters there are; at the root it skips ahead (memchr where only one byte can
 * begin a delimiter), which makes "\n" as fast as memchr. Only what had to be looked at
 * behind a delimiter, to see that no longer one was coming, is looked at again with the next
 * line: less than the longest delimiter.
 */

typedef struct _KaaDelimiters KaaDelimiters;

/* How far a search has come. Offsets count from the beginning of the line. A zeroed
 * KaaScan stands at the beginning. */
typedef struct
{
  gsize position;    /* bytes that went through the automaton */
  gsize match_start; /* the best match so far */
  gsize match_end;   /* 0 where there is none yet */
  guint32 node;      /* state of the automaton; 0 is the root */
} KaaScan;

typedef enum
{
  KAA_SCAN_MORE,     /* more bytes are needed to tell */
  KAA_SCAN_FOUND,    /* *start and *end are set */
  KAA_SCAN_TOO_LONG  /* no delimiter begins at or before the limit */
} KaaScanResult;

/* Duplicates are dropped. n >= 1 and no empty delimiter: checked by the caller. */
KaaDelimiters *kaa_delimiters_new         (GBytes * const *delimiters,
                                           gsize           n);
/* "\n", one object for the whole process. */
KaaDelimiters *kaa_delimiters_new_default (void);
KaaDelimiters *kaa_delimiters_ref         (KaaDelimiters  *self);
void           kaa_delimiters_unref       (KaaDelimiters  *self);

/* In the order given, duplicates dropped. Borrowed. */
GBytes * const *kaa_delimiters_get        (const KaaDelimiters *self,
                                           gsize               *n);
gsize          kaa_delimiters_get_longest (const KaaDelimiters *self);

/*
 * Goes on with the search in data, which begins at the line's first byte (the bytes
 * before scan->position are not looked at again).
 *
 * limit: the most bytes that a line may have before its delimiter (G_MAXSIZE: no limit).
 * at_end: nothing follows data; a match that could still have grown is taken as it is.
 *
 * FOUND: the line is data[0, *end), its delimiter data[*start, *end), and the scan is reset for
 * the next line.
 * TOO_LONG: every delimiter that is still possible begins behind the limit (which data is then
 * longer than; a delimiter that begins right at the limit belongs to the line). The scan keeps
 * its place: after kaa_scan_consume (scan, limit) the search goes on without looking twice.
 * MORE: no answer yet. With at_end, there is no delimiter in data.
 * Any way of cutting the input gives the same answers.
 */
KaaScanResult  kaa_delimiters_scan        (const KaaDelimiters *self,
                                           KaaScan             *scan,
                                           const guint8        *data,
                                           gsize                length,
                                           gsize                limit,
                                           gboolean             at_end,
                                           gsize               *start,
                                           gsize               *end);

/* The length of the longest run of whole lines at the beginning of data that is not
 * longer than limit, 0 where there is none. As in scan(), a match that may still
 * grow does not count unless at_end. The scan is as scan() left it, is used to skip what was
 * looked at already, and where the result is 0 remembers what was looked at now, for the next
 * call of either; when the result is not 0 the scan is reset. */
gsize          kaa_delimiters_scan_block  (const KaaDelimiters *self,
                                           KaaScan             *scan,
                                           const guint8        *data,
                                           gsize                length,
                                           gsize                limit,
                                           gboolean             at_end);

/* The first n bytes of what is scanned were taken: go on from there where the state allows
 * it, begin anew where it does not. */
void           kaa_scan_consume           (KaaScan             *scan,
                                           const KaaDelimiters *delimiters,
                                           gsize                n);

G_END_DECLS

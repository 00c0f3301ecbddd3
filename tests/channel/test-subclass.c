/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subclasses of the channel, as a program writes them: low-level calls of their own, and default handlers. */

#include <kaaio/kaaio.h>

#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- what is common to them: it counts --- */

typedef struct
{
  KaaIOChannel parent;
  guint n_reads;
  guint n_writes;
  guint n_closes;    /* close_channel() */
  guint n_closed;    /* the signal */
  guint n_emitted;
  gboolean expected;
  KaaCloseFlags flags;
  gboolean fails;
  GString *seen;
  guint *finalized;
  guint *closes;
} Counting;

typedef KaaIOChannelClass CountingClass;

static GType counting_get_type (void);

G_DEFINE_TYPE (Counting, counting, KAA_TYPE_IO_CHANNEL)

static GBytes *
counting_read_nonblocking (KaaIOChannel  *channel,
                           gsize          count,
                           GError       **error)
{
  ((Counting *) channel)->n_reads++;
  g_assert_cmpuint (count, >, 0);
  return KAA_IO_CHANNEL_CLASS (counting_parent_class)->read_nonblocking (channel, count, error);
}

static gssize
counting_write_nonblocking (KaaIOChannel  *channel,
                            GBytes        *data,
                            GError       **error)
{
  ((Counting *) channel)->n_writes++;
  g_assert_cmpuint (g_bytes_get_size (data), >, 0);
  return KAA_IO_CHANNEL_CLASS (counting_parent_class)->write_nonblocking (channel, data, error);
}

static gboolean
counting_close_channel (KaaIOChannel  *channel,
                        GError       **error)
{
  Counting *self = (Counting *) channel;

  self->n_closes++;
  if (self->closes != NULL)
    (*self->closes)++;
  return KAA_IO_CHANNEL_CLASS (counting_parent_class)->close_channel (channel, error);
}

static void
counting_finalize (GObject *object)
{
  Counting *self = (Counting *) object;

  g_string_free (self->seen, TRUE);
  if (self->finalized != NULL)
    (*self->finalized)++;
  G_OBJECT_CLASS (counting_parent_class)->finalize (object);
}

static void
counting_class_init (CountingClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = counting_finalize;
  klass->read_nonblocking = counting_read_nonblocking;
  klass->write_nonblocking = counting_write_nonblocking;
  klass->close_channel = counting_close_channel;
}

static void
counting_init (Counting *self)
{
  self->seen = g_string_new (NULL);
}

/* --- rot13, both ways --- */

typedef Counting Rot13;
typedef CountingClass Rot13Class;

static GType rot13_get_type (void);

G_DEFINE_TYPE (Rot13, rot13, counting_get_type ())

static GBytes *
rotate (GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  char *rotated = g_malloc (length + 1);

  for (gsize i = 0; i < length; i++)
    {
      rotated[i] = data[i];
      if (g_ascii_islower (data[i]))
        rotated[i] = 'a' + (data[i] - 'a' + 13) % 26;
      else if (g_ascii_isupper (data[i]))
        rotated[i] = 'A' + (data[i] - 'A' + 13) % 26;
    }
  return g_bytes_new_take (rotated, length);
}

static GBytes *
rot13_read_nonblocking (KaaIOChannel  *channel,
                        gsize          count,
                        GError       **error)
{
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (rot13_parent_class)->read_nonblocking (channel, count, error);
  GBytes *rotated;

  if (bytes == NULL)
    return NULL;
  rotated = rotate (bytes);
  g_bytes_unref (bytes);
  return rotated;
}

static gssize
rot13_write_nonblocking (KaaIOChannel  *channel,
                         GBytes        *data,
                         GError       **error)
{
  GBytes *rotated = rotate (data);
  gssize n = KAA_IO_CHANNEL_CLASS (rot13_parent_class)->write_nonblocking (channel, rotated, error);

  g_bytes_unref (rotated);
  return n;
}

static void
rot13_class_init (Rot13Class *klass)
{
  klass->read_nonblocking = rot13_read_nonblocking;
  klass->write_nonblocking = rot13_write_nonblocking;
}

static void
rot13_init (Rot13 *self)
{
}

/* --- one that gives more than it was asked for: every byte a hundred times --- */

#define TIMES 100

typedef Counting Generous;
typedef CountingClass GenerousClass;

static GType generous_get_type (void);

G_DEFINE_TYPE (Generous, generous, counting_get_type ())

static GBytes *
generous_read_nonblocking (KaaIOChannel  *channel,
                           gsize          count,
                           GError       **error)
{
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (generous_parent_class)->read_nonblocking (channel, count, error);
  gsize length;
  const char *data;
  char *more;

  if (bytes == NULL)
    return NULL;
  data = g_bytes_get_data (bytes, &length);
  more = g_malloc (length * TIMES + 1);
  for (gsize i = 0; i < length; i++)
    memset (more + i * TIMES, data[i], TIMES);
  g_bytes_unref (bytes);
  return g_bytes_new_take (more, length * TIMES);
}

static void
generous_class_init (GenerousClass *klass)
{
  klass->read_nonblocking = generous_read_nonblocking;
}

static void
generous_init (Generous *self)
{
}

/* --- one that takes little at a time, and gives whole lines only --- */

typedef Counting Patient;
typedef CountingClass PatientClass;

static GType patient_get_type (void);

G_DEFINE_TYPE (Patient, patient, counting_get_type ())

static GBytes *
patient_read_nonblocking (KaaIOChannel  *channel,
                          gsize          count,
                          GError       **error)
{
  GString *seen = ((Counting *) channel)->seen;
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (patient_parent_class)->read_nonblocking (channel, 4, error);

  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    return bytes;
  g_string_append_len (seen, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  g_bytes_unref (bytes);
  if (strchr (seen->str, '\n') == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "Not yet");
      return NULL;
    }
  bytes = g_bytes_new (seen->str, seen->len);
  g_string_truncate (seen, 0);
  return bytes;
}

static void
patient_class_init (PatientClass *klass)
{
  klass->read_nonblocking = patient_read_nonblocking;
}

static void
patient_init (Patient *self)
{
}

/* --- one that closes inside its calls --- */

typedef Counting Quitter;
typedef CountingClass QuitterClass;

static GType quitter_get_type (void);

G_DEFINE_TYPE (Quitter, quitter, counting_get_type ())

static GBytes *
quitter_read_nonblocking (KaaIOChannel  *channel,
                          gsize          count,
                          GError       **error)
{
  Counting *self = (Counting *) channel;
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (quitter_parent_class)->read_nonblocking (channel, count, error);

  if (bytes == NULL)
    return NULL;
  g_object_unref (kaa_io_channel_close (channel, self->flags));
  return bytes;
}

static gssize
quitter_write_nonblocking (KaaIOChannel  *channel,
                           GBytes        *data,
                           GError       **error)
{
  Counting *self = (Counting *) channel;
  gssize n = KAA_IO_CHANNEL_CLASS (quitter_parent_class)->write_nonblocking (channel, data, error);

  g_object_unref (kaa_io_channel_close (channel, self->flags));
  if (!self->fails || n < 0)
    return n;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "No more");
  return -1;
}

static void
quitter_class_init (QuitterClass *klass)
{
  klass->read_nonblocking = quitter_read_nonblocking;
  klass->write_nonblocking = quitter_write_nonblocking;
}

static void
quitter_init (Quitter *self)
{
}

/* --- default handlers --- */

static void
collect (KaaIOChannel *channel,
         GBytes       *bytes)
{
  Counting *self = (Counting *) channel;

  g_string_append_len (self->seen, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  self->n_emitted++;
}

static void
note_closed (KaaIOChannel *channel,
             gboolean      expected)
{
  Counting *self = (Counting *) channel;

  self->n_closed++;
  self->expected = expected;
}

typedef Counting Chunks;
typedef CountingClass ChunksClass;

static GType chunks_get_type (void);

G_DEFINE_TYPE (Chunks, chunks, counting_get_type ())

static void
chunks_class_init (ChunksClass *klass)
{
  klass->read = collect;
  klass->closed = note_closed;
}

static void
chunks_init (Chunks *self)
{
}

typedef Counting Lines;
typedef CountingClass LinesClass;

static GType lines_get_type (void);

G_DEFINE_TYPE (Lines, lines, counting_get_type ())

static void
lines_class_init (LinesClass *klass)
{
  klass->readline = collect;
  klass->closed = note_closed;
}

static void
lines_init (Lines *self)
{
}

typedef Counting Blocks;
typedef CountingClass BlocksClass;

static GType blocks_get_type (void);

G_DEFINE_TYPE (Blocks, blocks, counting_get_type ())

static void
blocks_class_init (BlocksClass *klass)
{
  klass->readlines = collect;
  klass->closed = note_closed;
}

static void
blocks_init (Blocks *self)
{
}

/* --- help --- */

static void
on_closed (KaaIOChannel *channel,
           gboolean      expected,
           gpointer      data)
{
  note_closed (channel, expected);
}

/* One end is the channel's, *peer the test's. */
static Counting *
open_socket (GType  type,
             int   *peer)
{
  Counting *self = g_object_new (type, NULL);
  GError *error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_true (kaa_io_channel_wrap_fd (KAA_IO_CHANNEL (self), fds[0], KAA_IO_READ | KAA_IO_WRITE, &error));
  g_assert_no_error (error);
  *peer = fds[1];
  return self;
}

static void
put (int         fd,
     const char *text)
{
  g_assert_cmpint (write (fd, text, strlen (text)), ==, strlen (text));
}

static void
turn (void)
{
  g_main_context_iteration (NULL, /* may_block= */ TRUE);
}

static void
let_go (Counting *self,
        int       peer)
{
  guint finalized = 0;

  self->finalized = &finalized;
  g_object_unref (kaa_io_channel_close (KAA_IO_CHANNEL (self), KAA_CLOSE_IMMEDIATE));
  g_object_unref (self);
  while (finalized == 0)
    turn ();
  if (peer >= 0)
    close (peer);
}

static void
await_bytes (KaaInProgress *future,
             const char    *text)
{
  GError *error = NULL;
  GBytes *bytes = kaa_in_progress_wait_bytes (future, -1, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
  g_bytes_unref (bytes);
  g_object_unref (future);
}

static void
await_length (KaaInProgress *future,
              gint64         length)
{
  GError *error = NULL;

  g_assert_cmpint (kaa_in_progress_wait_int (future, -1, &error), ==, length);
  g_assert_no_error (error);
  g_object_unref (future);
}

/* g_assert_cmpmem() would print all of it. */
static void
await_equal (KaaInProgress *future,
             GBytes        *expected)
{
  GError *error = NULL;
  GBytes *bytes = kaa_in_progress_wait_bytes (future, -1, &error);

  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (bytes, expected));
  g_bytes_unref (bytes);
  g_object_unref (future);
}

/* --- low-level calls --- */

static void
test_rot13 (void)
{
  char buffer[64];
  int peer;
  Rot13 *self = open_socket (rot13_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  put (peer, "Uryyb\nJbeyq\n");
  await_bytes (kaa_io_channel_readline (channel), "Hello\n");
  await_bytes (kaa_io_channel_readline (channel), "World\n");
  g_assert_cmpuint (self->n_reads, >, 0);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (channel), ==, 12);

  await_length (kaa_io_channel_write (channel, (const guint8 *) "Hello", 5), 5);
  g_assert_cmpuint (self->n_writes, ==, 1);
  g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 5);
  g_assert_cmpmem (buffer, 5, "Uryyb", 5);

  let_go (self, peer);
}

/* More than the kernel takes at once, there and back. */
static void
test_rot13_much (void)
{
  enum { LENGTH = 1000 * 1000 };
  KaaInProgress *written, *got;
  KaaIOChannel *other;
  GError *error = NULL;
  GBytes *bytes, *rotated;
  char *data = g_malloc (LENGTH);
  int peer;
  Rot13 *self = open_socket (rot13_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  for (guint i = 0; i < LENGTH; i++)
    data[i] = 'a' + i % 26;
  bytes = g_bytes_new_take (data, LENGTH);
  rotated = rotate (bytes);
  other = kaa_io_channel_new_for_fd (peer, KAA_IO_READ | KAA_IO_WRITE, &error);
  g_assert_no_error (error);

  written = kaa_io_channel_write_bytes (channel, bytes);
  got = kaa_io_channel_read_exactly (other, LENGTH);
  await_equal (got, rotated);
  await_length (written, LENGTH);

  written = kaa_io_channel_write_bytes (other, rotated);
  got = kaa_io_channel_read_exactly (channel, LENGTH);
  await_equal (got, bytes);
  await_length (written, LENGTH);

  g_bytes_unref (bytes);
  g_bytes_unref (rotated);
  g_object_unref (kaa_io_channel_close (other, KAA_CLOSE_IMMEDIATE));
  g_object_unref (other);
  let_go (self, -1);
}

static void
test_generous (void)
{
  GString *expected = g_string_new (NULL);
  int peer;
  Generous *self = open_socket (generous_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  /* Less than one read gives: the rest waits, with nothing left in the descriptor. */
  kaa_io_channel_set_chunk_size (channel, 16);
  put (peer, "abc");
  for (const char *c = "abc"; *c != '\0'; c++)
    for (guint i = 0; i < TIMES; i++)
      g_string_append_c (expected, *c);
  await_bytes (kaa_io_channel_read_exactly (channel, 3 * TIMES), expected->str);
  g_assert_cmpuint (kaa_io_channel_get_bytes_read (channel), ==, 3 * TIMES);

  /* And nothing of it is lost at the end. */
  put (peer, "z");
  close (peer);
  g_string_truncate (expected, 0);
  for (guint i = 0; i < TIMES; i++)
    g_string_append_c (expected, 'z');
  await_bytes (kaa_io_channel_read_exactly (channel, TIMES), expected->str);
  await_bytes (kaa_io_channel_read (channel), "");
  g_string_free (expected, TRUE);
  let_go (self, -1);
}

/* What it was called for is not all that there is, and it knows that, while nobody tells it. */
static void
test_patient (void)
{
  int peer;
  Patient *self = open_socket (patient_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);

  put (peer, "a line of some length\nand half of anoth");
  await_bytes (kaa_io_channel_readline (channel), "a line of some length\n");
  put (peer, "er\n");
  await_bytes (kaa_io_channel_readline (channel), "and half of another\n");
  /* It was not asked in vain all the time. */
  g_assert_cmpuint (self->n_reads, <=, 20);
  close (peer);
  let_go (self, -1);
}

/* --- closing --- */

static void
check_quit (KaaCloseFlags flags,
            gboolean      expected)
{
  int peer;
  char buffer[8];
  Quitter *self = open_socket (quitter_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);
  KaaInProgress *request;
  GError *error = NULL;
  GBytes *bytes;

  self->flags = flags;
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), NULL);
  put (peer, "some bytes");
  request = kaa_io_channel_readline (channel);
  bytes = kaa_in_progress_wait_bytes (request, -1, &error);
  g_clear_pointer (&bytes, g_bytes_unref);
  g_clear_error (&error);
  g_object_unref (request);
  while (self->n_closed == 0)
    turn ();
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_cmpuint (self->n_reads, ==, 1);
  g_assert_cmpuint (self->n_closes, ==, 1);
  g_assert_true (self->expected == expected);
  g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 0);

  let_go (self, peer);
}

static void
test_quit_immediate (void)
{
  check_quit (KAA_CLOSE_IMMEDIATE, TRUE);
}

static void
test_quit_orderly (void)
{
  check_quit (KAA_CLOSE_NONE, TRUE);
}

static void
test_quit_unexpected (void)
{
  check_quit (KAA_CLOSE_IMMEDIATE | KAA_CLOSE_UNEXPECTED, FALSE);
}

static void
check_quit_in_write (gboolean fails)
{
  int peer;
  char buffer[16];
  Quitter *self = open_socket (quitter_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);
  KaaInProgress *future;
  GError *error = NULL;

  self->flags = KAA_CLOSE_IMMEDIATE;
  self->fails = fails;
  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), NULL);
  future = kaa_io_channel_write (channel, (const guint8 *) "abc", 3);
  kaa_in_progress_wait_int (future, -1, &error);
  if (fails)
    g_assert_nonnull (error);
  g_clear_error (&error);
  g_object_unref (future);
  while (self->n_closed == 0)
    turn ();
  g_assert_false (kaa_io_channel_get_alive (channel));
  g_assert_cmpuint (self->n_writes, ==, 1);
  g_assert_cmpuint (self->n_closes, ==, 1);
  g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 3);
  g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 0);

  let_go (self, peer);
}

static void
test_quit_in_write (void)
{
  check_quit_in_write (FALSE);
}

static void
test_quit_in_failing_write (void)
{
  check_quit_in_write (TRUE);
}

static void
check_close_channel (KaaCloseFlags flags,
                     gboolean      twice)
{
  int peer;
  char buffer[16];
  Counting *self = open_socket (counting_get_type (), &peer);
  KaaIOChannel *channel = KAA_IO_CHANNEL (self);
  KaaInProgress *future;
  GError *error = NULL;

  g_signal_connect (channel, "closed", G_CALLBACK (on_closed), NULL);
  g_object_unref (kaa_io_channel_write (channel, (const guint8 *) "last", 4));
  future = kaa_io_channel_close (channel, flags);
  if (twice)
    g_object_unref (kaa_io_channel_close (channel, KAA_CLOSE_IMMEDIATE));
  g_assert_false (kaa_io_channel_get_alive (channel));
  kaa_in_progress_wait (future, -1, &error);
  g_assert_no_error (error);
  g_object_unref (future);
  while (self->n_closed == 0)
    turn ();
  g_assert_cmpuint (self->n_closes, ==, 1);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_true (self->expected);
  if (flags == KAA_CLOSE_NONE && !twice)
    g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 4);
  g_assert_cmpint (read (peer, buffer, sizeof buffer), ==, 0);

  let_go (self, peer);
}

static void
test_close_orderly (void)
{
  check_close_channel (KAA_CLOSE_NONE, FALSE);
}

static void
test_close_immediate (void)
{
  check_close_channel (KAA_CLOSE_IMMEDIATE, FALSE);
}

static void
test_close_twice (void)
{
  check_close_channel (KAA_CLOSE_NONE, TRUE);
}

static void
test_close_at_end (void)
{
  int peer;
  Counting *self = open_socket (counting_get_type (), &peer);

  g_signal_connect (self, "closed", G_CALLBACK (on_closed), NULL);
  close (peer);
  while (self->n_closed == 0)
    turn ();
  g_assert_cmpuint (self->n_closes, ==, 1);
  g_assert_false (self->expected);
  let_go (self, -1);
}

static void
test_close_at_last_unref (void)
{
  int peer;
  guint finalized = 0;
  guint closes = 0;
  char c;
  Counting *self = open_socket (counting_get_type (), &peer);

  self->finalized = &finalized;
  self->closes = &closes;
  g_object_unref (self);
  /* It holds itself until the first look. */
  while (finalized == 0)
    turn ();
  g_assert_cmpuint (closes, ==, 1);
  g_assert_cmpint (read (peer, &c, 1), ==, 0);
  close (peer);
}

/* --- default handlers --- */

static void
check_default (GType       type,
               const char *wanted)
{
  int peer;
  guint finalized = 0;
  Counting *self = open_socket (type, &peer);

  /* Nothing is connected, and nobody else holds it. */
  self->finalized = &finalized;
  g_object_unref (self);
  put (peer, "one\ntwo\nthr");
  while (self->seen->len < 8)
    turn ();
  g_assert_cmpuint (finalized, ==, 0);
  g_assert_true (g_str_has_prefix (wanted, self->seen->str));
  put (peer, "ee");
  g_object_ref (self);
  close (peer);
  while (self->n_closed == 0)
    turn ();
  g_assert_cmpstr (self->seen->str, ==, wanted);
  g_assert_cmpuint (self->n_closed, ==, 1);
  g_assert_false (self->expected);
  g_assert_cmpuint (self->n_closes, ==, 1);
  g_object_unref (self);
  while (finalized == 0)
    turn ();
}

static void
test_default_read (void)
{
  check_default (chunks_get_type (), "one\ntwo\nthree");
}

static void
test_default_readline (void)
{
  check_default (lines_get_type (), "one\ntwo\nthree");
}

static void
test_default_readlines (void)
{
  check_default (blocks_get_type (), "one\ntwo\nthree");
}

/* R4: it is in the way of line requests like a handler that was connected. */
static void
test_default_conflict (void)
{
  int peer;
  GError *error = NULL;
  Counting *self = open_socket (lines_get_type (), &peer);
  KaaInProgress *future = kaa_io_channel_readline (KAA_IO_CHANNEL (self));

  g_assert_null (kaa_in_progress_wait_bytes (future, -1, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_object_unref (future);
  let_go (self, peer);
}

/* A subclass without default handlers reads nothing that nobody wants. */
static void
test_no_interest (void)
{
  int peer;
  Counting *self = open_socket (counting_get_type (), &peer);

  put (peer, "one\n");
  while (g_main_context_iteration (NULL, /* may_block= */ FALSE))
    ;
  g_assert_cmpuint (self->n_reads, ==, 0);
  await_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (self)), "one\n");
  g_assert_cmpuint (self->n_reads, >, 0);
  let_go (self, peer);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/subclass/rot13", test_rot13);
  g_test_add_func ("/subclass/rot13-much", test_rot13_much);
  g_test_add_func ("/subclass/generous", test_generous);
  g_test_add_func ("/subclass/patient", test_patient);
  g_test_add_func ("/subclass/C6/quit-immediate", test_quit_immediate);
  g_test_add_func ("/subclass/C6/quit-orderly", test_quit_orderly);
  g_test_add_func ("/subclass/C6/quit-in-write", test_quit_in_write);
  g_test_add_func ("/subclass/C6/quit-in-failing-write", test_quit_in_failing_write);
  g_test_add_func ("/subclass/C2/quit-unexpected", test_quit_unexpected);
  g_test_add_func ("/subclass/C1/close-orderly", test_close_orderly);
  g_test_add_func ("/subclass/C1/close-immediate", test_close_immediate);
  g_test_add_func ("/subclass/C2/close-twice", test_close_twice);
  g_test_add_func ("/subclass/C3/close-at-end", test_close_at_end);
  g_test_add_func ("/subclass/C5/close-at-last-unref", test_close_at_last_unref);
  g_test_add_func ("/subclass/R1/default-read", test_default_read);
  g_test_add_func ("/subclass/R1/default-readline", test_default_readline);
  g_test_add_func ("/subclass/R1/default-readlines", test_default_readlines);
  g_test_add_func ("/subclass/R4/default-conflict", test_default_conflict);
  g_test_add_func ("/subclass/R1/no-interest", test_no_interest);

  return g_test_run ();
}

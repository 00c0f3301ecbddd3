/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines that are lent: the queue is what the tally says, whoever looks, and a loan ends when something else becomes of it. */

#include "channel-fixture.h"

typedef struct
{
  KaaIOChannel *channel;
  guint32 *tally;     /* taken, ended */
  GBytes *shared;
} Loan;

static GBytes *
new_memory (gsize size)
{
  return g_bytes_new_take (g_malloc0 (size), size);
}

static void
assert_lent (KaaIOChannel *channel,
             GBytes       *tally,
             gsize         size,
             const char   *expected)
{
  g_autoptr (GBytes) room = new_memory (size);
  gsize length = kaa_io_channel_lend_lines (channel, tally, room);

  g_assert_cmpmem (g_bytes_get_data (room, NULL), length, expected, strlen (expected));
}

/* A channel with input, of which all is in its queue but the first line; and the rest of the lines, lent. */
static void
loan_init (Loan       *self,
           const char *input,
           const char *expected)
{
  int out;
  g_autofree char *text = g_strconcat ("first\n", input, NULL);

  self->channel = open_pipe (&out);
  put_string (out, text);
  close (out);
  assert_bytes (kaa_io_channel_readline (self->channel), "first\n");

  self->shared = new_memory (2 * sizeof (guint32));
  self->tally = (guint32 *) g_bytes_get_data (self->shared, NULL);
  assert_lent (self->channel, self->shared, 100, expected);
}

static void
loan_clear (Loan *self)
{
  g_bytes_unref (self->shared);
  g_clear_object (&self->channel);
}

static void
test_tally (void)
{
  Loan loan;
  g_autoptr (GBytes) rest = NULL;

  loan_init (&loan, "a\nbb\nccc\nrest", "a\nbb\nccc\n");
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 13);
  loan.tally[0] = 2;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 11);
  loan.tally[0] = 5;
  rest = kaa_io_channel_peek (loan.channel);
  g_assert_cmpmem (g_bytes_get_data (rest, NULL), g_bytes_get_size (rest), "ccc\nrest", 8);
  g_assert_cmpuint (loan.tally[1], ==, 0);

  /* All of them: then it is over. */
  loan.tally[0] = 9;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 4);
  g_assert_cmpuint (loan.tally[1], !=, 0);
  assert_bytes (kaa_io_channel_readline (loan.channel), "rest");
  assert_bytes (kaa_io_channel_readline (loan.channel), "");
  loan_clear (&loan);
}

/* A borrower cannot take what was not lent, nor give back what was taken. */
static void
test_wrong_tally (void)
{
  Loan loan;

  loan_init (&loan, "a\nbb\nrest", "a\nbb\n");
  loan.tally[0] = 2;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 7);
  loan.tally[0] = 0;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 7);
  loan.tally[0] = G_MAXUINT32;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 4);
  loan_clear (&loan);
}

/* What does not fit stays in the queue, and the tally serves for one loan after the other. */
static void
test_room (void)
{
  Loan loan;

  loan_init (&loan, "a\nbb\nccc\n", "a\nbb\nccc\n");
  assert_lent (loan.channel, loan.shared, 1, "");
  assert_lent (loan.channel, loan.shared, 6, "a\nbb\n");
  g_assert_cmpuint (loan.tally[0], ==, 0);
  g_assert_cmpuint (loan.tally[1], ==, 0);

  loan.tally[0] = 5;
  assert_lent (loan.channel, loan.shared, 6, "ccc\n");
  g_assert_cmpuint (loan.tally[0], ==, 0);
  g_assert_cmpuint (loan.tally[1], ==, 0);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, 4);
  loan_clear (&loan);
}

static void
collect_line (KaaIOChannel *channel,
              GBytes       *line,
              gpointer      user_data)
{
  g_string_append_len (user_data, g_bytes_get_data (line, NULL), g_bytes_get_size (line));
}

typedef enum
{
  CONSUME,
  REQUEST,
  SPLICE,
  UNREAD,
  HANDLER,
  DELIMITER,
  QUEUE_SIZE,
  STEAL,
  AGAIN,
  STREAM
} Between;

/* Whatever comes between finds the queue without the line that was handed out, and ends the loan. */
static void
test_ended (gconstpointer data)
{
  Loan loan;
  g_autoptr (KaaIOChannel) other = kaa_io_channel_new ();
  g_autoptr (KaaInProgress) future = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new_static ("a\n", 2);
  g_autoptr (GBytes) other_tally = new_memory (2 * sizeof (guint32));
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GError) error = NULL;
  gsize used = 3;
  char buffer[3];

  loan_init (&loan, "a\nbb\n", "a\nbb\n");
  loan.tally[0] = 2;
  switch ((Between) GPOINTER_TO_INT (data))
    {
    case CONSUME:
      g_assert_true (kaa_io_channel_consume (loan.channel, 1, &error));
      used = 2;
      break;
    case REQUEST:
      future = kaa_io_channel_readline (loan.channel);
      break;
    case SPLICE:
      future = kaa_io_channel_splice (loan.channel, other, KAA_SPLICE_NONE);
      break;
    case UNREAD:
      g_assert_true (kaa_io_channel_unread (loan.channel, bytes, &error));
      used = 5;
      break;
    case HANDLER:
      g_signal_connect (loan.channel, "readline", G_CALLBACK (collect_line), seen);
      kaa_io_channel_look (loan.channel);
      settle ();
      g_assert_cmpstr (seen->str, ==, "bb\n");
      used = 0;
      break;
    case DELIMITER:
      kaa_io_channel_set_delimiter (loan.channel, "b");
      break;
    case QUEUE_SIZE:
      kaa_io_channel_set_queue_size (loan.channel, 1);
      break;
    case STEAL:
      g_assert_true (kaa_io_channel_steal (other, loan.channel, &error));
      g_assert_cmpuint (kaa_io_channel_get_read_queue_used (other), ==, 3);
      used = 0;
      break;
    case AGAIN:
      assert_lent (loan.channel, other_tally, 100, "bb\n");
      break;
    case STREAM:
      stream = kaa_io_channel_get_io_stream (loan.channel);
      g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (stream), buffer, 3, NULL, &error), ==, 3);
      g_assert_cmpmem (buffer, 3, "bb\n", 3);
      used = 0;
      break;
    default:
      g_assert_not_reached ();
    }
  g_assert_no_error (error);
  g_assert_cmpuint (loan.tally[1], !=, 0);
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, used);

  /* It is over: what is written now counts no more. */
  loan.tally[0] = 5;
  g_assert_cmpuint (kaa_io_channel_get_read_queue_used (loan.channel), ==, used);
  if (future != NULL && GPOINTER_TO_INT (data) == REQUEST)
    assert_bytes (g_steal_pointer (&future), "bb\n");
  loan_clear (&loan);
}

/* The tally may outlive the channel. */
static void
test_channel_goes (void)
{
  Loan loan;

  loan_init (&loan, "a\nbb\n", "a\nbb\n");
  loan.tally[0] = 5;
  g_object_add_weak_pointer (G_OBJECT (loan.channel), (gpointer *) &loan.channel);
  g_object_unref (loan.channel);
  spin_until (loan.channel == NULL);
  g_assert_cmpuint (loan.tally[1], !=, 0);
  loan_clear (&loan);
}

int
main (int    argc,
      char **argv)
{
  static const char *const names[] = {
    "consume", "request", "splice", "unread", "handler", "delimiter", "queue-size", "steal", "again", "stream"
  };

  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/channel/lend/tally", test_tally);
  g_test_add_func ("/channel/lend/wrong-tally", test_wrong_tally);
  g_test_add_func ("/channel/lend/room", test_room);
  for (int i = 0; i < (int) G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_strconcat ("/channel/lend/ended/", names[i], NULL);

      g_test_add_data_func (path, GINT_TO_POINTER (i), test_ended);
    }
  g_test_add_func ("/channel/lend/channel-goes", test_channel_goes);

  return g_test_run ();
}

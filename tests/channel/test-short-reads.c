/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads and writes that stop short although there is more: at descriptors that came along, urgent data, the borders of
 * packets, lines of a terminal and senders, or for no reason that anybody could know. Nothing comes later to wake the reader up.
 */

#include "channel/channel-fixture.h"

#include <netinet/in.h>
#include <pty.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>

/* --- Short by accident (the program is linked with --wrap) --- */

static gsize most = G_MAXSIZE;   /* bytes that one call moves */
static guint n_idle;             /* writes that move none, and do not fail */

static gboolean
is_idle (void)
{
  if (n_idle == 0)
    return FALSE;
  n_idle--;
  return TRUE;
}

gssize __real_read (int fd, void *buffer, gsize length);
gssize __wrap_read (int fd, void *buffer, gsize length);
gssize __real_recv (int fd, void *buffer, gsize length, int flags);
gssize __wrap_recv (int fd, void *buffer, gsize length, int flags);
gssize __real_recvmsg (int fd, struct msghdr *message, int flags);
gssize __wrap_recvmsg (int fd, struct msghdr *message, int flags);
gssize __real_sendmsg (int fd, const struct msghdr *message, int flags);
gssize __wrap_sendmsg (int fd, const struct msghdr *message, int flags);
gssize __real_pwritev64v2 (int fd, const struct iovec *vectors, int n, off_t at, int flags);
gssize __wrap_pwritev64v2 (int fd, const struct iovec *vectors, int n, off_t at, int flags);
gssize __real_writev (int fd, const struct iovec *vectors, int n);
gssize __wrap_writev (int fd, const struct iovec *vectors, int n);
gssize __real_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);
gssize __wrap_splice (int from, off_t *at, int to, off_t *to_at, gsize length, unsigned flags);

gssize
__wrap_read (int    fd,
             void  *buffer,
             gsize  length)
{
  return __real_read (fd, buffer, MIN (length, most));
}

gssize
__wrap_recv (int    fd,
             void  *buffer,
             gsize  length,
             int    flags)
{
  return __real_recv (fd, buffer, MIN (length, most), flags);
}

/* One vector, no longer than that. */
static struct iovec
cut (const struct iovec *vectors)
{
  return (struct iovec) { vectors[0].iov_base, MIN (vectors[0].iov_len, most) };
}

gssize
__wrap_recvmsg (int            fd,
                struct msghdr *message,
                int            flags)
{
  struct iovec vector = cut (message->msg_iov);

  message->msg_iov = &vector;
  return __real_recvmsg (fd, message, flags);
}

gssize
__wrap_sendmsg (int                  fd,
                const struct msghdr *message,
                int                  flags)
{
  struct msghdr copy = *message;
  struct iovec vector = cut (message->msg_iov);

  if (is_idle ())
    return 0;
  if (most == G_MAXSIZE)
    return __real_sendmsg (fd, message, flags);
  copy.msg_iov = &vector;
  copy.msg_iovlen = 1;
  return __real_sendmsg (fd, &copy, flags);
}

gssize
__wrap_pwritev64v2 (int                 fd,
                 const struct iovec *vectors,
                 int                 n,
                 off_t               at,
                 int                 flags)
{
  struct iovec vector = cut (vectors);

  if (is_idle ())
    return 0;
  return most == G_MAXSIZE ? __real_pwritev64v2 (fd, vectors, n, at, flags) : __real_pwritev64v2 (fd, &vector, 1, at, flags);
}

gssize
__wrap_writev (int                 fd,
               const struct iovec *vectors,
               int                 n)
{
  struct iovec vector = cut (vectors);

  if (is_idle ())
    return 0;
  return most == G_MAXSIZE ? __real_writev (fd, vectors, n) : __real_writev (fd, &vector, 1);
}

gssize
__wrap_splice (int       from,
               off_t    *at,
               int       to,
               off_t    *to_at,
               gsize     length,
               unsigned  flags)
{
  return __real_splice (from, at, to, to_at, MIN (length, most), flags);
}

/* --- Descriptors with something in them --- */

/* What is in there: lines "first" and "second", with a border between them. Sets what is read, and the other end. */
typedef void (*Make) (int *fd,
                      int *peer);

static void
send_with_fd (int         socket,
              const char *text)
{
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { .header = { CMSG_LEN (sizeof (int)), SOL_SOCKET, SCM_RIGHTS } };
  struct iovec vector = { (gpointer) text, strlen (text) };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
                            .msg_controllen = sizeof control };

  memcpy (CMSG_DATA (&control.header), &socket, sizeof socket);
  g_assert_cmpint (__real_sendmsg (socket, &message, 0), ==, vector.iov_len);
}

static void
make_passed (int *fd,
             int *peer)
{
  make_sockets (fd, peer);
  send_with_fd (*peer, "first\n");
  put_string (*peer, "second\n");
}

static void
make_signed (int *fd,
             int *peer)
{
  int yes = 1;
  int status;
  pid_t child;

  make_sockets (fd, peer);
  g_assert_cmpint (setsockopt (*fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes), ==, 0);
  put_string (*peer, "first\n");
  child = fork ();
  if (child == 0)
    _exit (write (*peer, "second\n", 7) == 7 ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}

static void
make_tcp (int *fd,
          int *peer)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
  socklen_t length = sizeof address;
  int listening = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listening, (struct sockaddr *) &address, length), ==, 0);
  g_assert_cmpint (listen (listening, 1), ==, 0);
  g_assert_cmpint (getsockname (listening, (struct sockaddr *) &address, &length), ==, 0);
  *peer = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (*peer, (struct sockaddr *) &address, length), ==, 0);
  *fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (*fd, >=, 0);
  close (listening);
}

static void
put_urgent (int peer)
{
  put_string (peer, "first\n");
  g_assert_cmpint (send (peer, "!", 1, MSG_OOB), ==, 1);
  put_string (peer, "second\n");
}

/* Nothing of it is on the way any more. */
static void
wait_for_arrival (int peer)
{
  int unsent;

  do
    g_assert_cmpint (ioctl (peer, TIOCOUTQ, &unsent), ==, 0);
  while (unsent > 0);
}

static void
make_urgent (int *fd,
             int *peer)
{
  make_tcp (fd, peer);
  put_urgent (*peer);
  wait_for_arrival (*peer);
}

static void
make_packets (int *fd,
              int *peer)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_DIRECT), ==, 0);
  *fd = fds[0];
  *peer = fds[1];
  put_string (*peer, "first\n");
  put_string (*peer, "second\n");
}

static void
make_terminal (int *fd,
               int *peer)
{
  struct termios settings;

  g_assert_cmpint (openpty (peer, fd, NULL, NULL, NULL), ==, 0);
  g_assert_cmpint (tcgetattr (*fd, &settings), ==, 0);
  settings.c_lflag &= ~ECHO;
  g_assert_cmpint (tcsetattr (*fd, TCSANOW, &settings), ==, 0);
  put_string (*peer, "first\n");
  put_string (*peer, "second\n");
}

/* --- Others, so that there is a set --- */

#define N_OTHERS 20

static KaaIOChannel *others[N_OTHERS];
static int others_peers[N_OTHERS];

static void
begin_others (void)
{
  for (guint i = 0; i < N_OTHERS; i++)
    others[i] = open_pipe (&others_peers[i]);
  settle ();
}

static void
end_others (void)
{
  for (guint i = 0; i < N_OTHERS; i++)
    {
      finish_channel (others[i]);
      close (others_peers[i]);
    }
}

static void
spin_until_events (const char *expected)
{
  spin_until (events->len >= strlen (expected));
  assert_events (expected);
}

/* --- The cases --- */

typedef struct
{
  const char *name;
  Make make;
} Kind;

static const Kind kinds[] = {
  { "passed", make_passed },
  { "signed", make_signed },
  { "urgent", make_urgent },
  { "packets", make_packets },
  { "terminal", make_terminal },
};

#define N_SOCKETS 3
#define N_WITH_END 4

static void
test_lines (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *channel;
  int fd, peer;

  begin_events ();
  kind->make (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ);
  note_signal (channel, "readline");
  spin_until_events ("L[first|] L[second|]");
  settle ();
  assert_events ("");
  assert_at_rest ();

  finish_channel (channel);
  close (peer);
  end_events ();
}

static void
test_requests (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *channel;
  int fd, peer;

  kind->make (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ);
  settle ();
  assert_bytes (kaa_io_channel_read_exactly (channel, 13), "first\nsecond\n");
  assert_at_rest ();

  finish_channel (channel);
  close (peer);
}

/* ... and what is behind all of it is the end. */
static void
test_end (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *channel;
  int fd, peer;

  begin_events ();
  kind->make (&fd, &peer);
  shutdown (peer, SHUT_WR);
  close (peer);
  channel = open_fd (fd, KAA_IO_READ);
  note_signal (channel, "closed");
  settle ();
  /* Nobody has read it: an end that is not reached yet closes nothing. */
  assert_events ("");
  assert_bytes (kaa_io_channel_read_exactly (channel, 6), "first\n");
  settle ();
  assert_events ("");
  g_assert_true (kaa_io_channel_get_alive (channel));
  note_signal (channel, "readline");
  spin_until_events ("L[second|] hung-up");

  finish_channel (channel);
  end_events ();
}

static void
test_splice (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *source, *target;
  KaaInProgress *future;
  int fd, peer, to, out;
  char buffer[32];
  gsize got = 0;

  kind->make (&fd, &peer);
  make_pipe (&out, &to);
  source = open_fd (fd, KAA_IO_READ);
  target = open_fd (to, KAA_IO_WRITE);
  future = kaa_io_channel_splice (source, target, KAA_SPLICE_NONE);
  while (got < 13)
    {
      spin_until (get_waiting (out) > 0);
      got += __real_read (out, buffer + got, sizeof buffer - got);
    }
  g_assert_cmpmem (buffer, got, "first\nsecond\n", 13);
  assert_at_rest ();
  g_object_unref (future);

  finish_channel (source);
  finish_channel (target);
  close (out);
  close (peer);
}

/* The whole of it although the end comes with it. */
static void
test_splice_end (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *source, *target;
  GValue value = G_VALUE_INIT;
  KaaInProgress *future;
  int fd, peer, to, out;
  char buffer[32];

  gsize got = 0;

  kind->make (&fd, &peer);
  shutdown (peer, SHUT_WR);
  close (peer);
  make_pipe (&out, &to);
  source = open_fd (fd, KAA_IO_READ);
  target = open_fd (to, KAA_IO_WRITE);
  future = kaa_io_channel_splice (source, target, KAA_SPLICE_CLOSE_TARGET);
  spin_until (kaa_in_progress_get_finished (future));
  g_value_init (&value, G_TYPE_UINT64);
  g_value_copy (kaa_in_progress_get_result (future, NULL), &value);
  g_assert_cmpuint (g_value_get_uint64 (&value), ==, 13);
  /* Packets stay what they are. */
  while (got < 13)
    {
      g_assert_cmpint (get_waiting (out), >, 0);
      got += __real_read (out, buffer + got, sizeof buffer - got);
    }
  g_assert_cmpmem (buffer, got, "first\nsecond\n", 13);
  g_object_unref (future);

  finish_channel (source);
  finish_channel (target);
  close (out);
}

/* A closing channel whose peer has said more than it read: what was written arrives, because what is unread is thrown away. */
static void
test_drain (gconstpointer data)
{
  const Kind *kind = data;
  KaaInProgress *closed;
  KaaIOChannel *channel;
  int fd, peer;
  char buffer[32];

  kind->make (&fd, &peer);
  channel = open_fd (fd, KAA_IO_READ | KAA_IO_WRITE);
  kaa_io_channel_set_linger (channel, 60);
  g_object_unref (kaa_io_channel_write (channel, (const guint8 *) "answer", 6));
  /* What is before the border is read. */
  assert_bytes (kaa_io_channel_read_exactly (channel, 6), "first\n");
  closed = kaa_io_channel_close (channel, KAA_CLOSE_NONE);
  settle ();
  g_assert_cmpint (__real_read (peer, buffer, sizeof buffer), ==, 6);
  shutdown (peer, SHUT_WR);
  spin_until (kaa_in_progress_get_finished (closed));
  /* The end, and no reset. */
  g_assert_cmpint (__real_read (peer, buffer, sizeof buffer), ==, 0);
  g_object_unref (closed);
  g_object_unref (channel);
  close (peer);
}

/* --- For no reason --- */

static void
make_plain_sockets (int *fd,
                    int *peer)
{
  make_sockets (fd, peer);
}

static void
make_plain_pipe (int *fd,
                 int *peer)
{
  make_pipe (fd, peer);
}

static void
make_raw_terminal (int *fd,
                   int *peer)
{
  struct termios settings;

  g_assert_cmpint (openpty (peer, fd, NULL, NULL, NULL), ==, 0);
  g_assert_cmpint (tcgetattr (*fd, &settings), ==, 0);
  cfmakeraw (&settings);
  g_assert_cmpint (tcsetattr (*fd, TCSANOW, &settings), ==, 0);
}

static const Kind plain[] = {
  { "sockets", make_plain_sockets },
  { "pipe", make_plain_pipe },
  { "tcp", make_tcp },
  { "terminal", make_raw_terminal },
};

#define TEXT "a line that is longer than what one call moves\nand another one\n"

static void
test_accidents (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *reader, *writer;
  GByteArray *got = g_byte_array_new ();
  int fd, peer;

  kind->make (&fd, &peer);
  reader = open_fd (fd, KAA_IO_READ);
  writer = open_fd (peer, KAA_IO_WRITE);
  collect_into (reader, "readline", got);
  settle ();
  most = 3;
  for (guint i = 0; i < 50; i++)
    {
      g_object_unref (kaa_io_channel_write (writer, (const guint8 *) TEXT, strlen (TEXT)));
      spin_until (got->len == strlen (TEXT));
      g_assert_cmpmem (got->data, got->len, TEXT, strlen (TEXT));
      g_byte_array_set_size (got, 0);
    }
  assert_at_rest ();
  most = G_MAXSIZE;

  finish_channel (reader);
  finish_channel (writer);
  g_byte_array_unref (got);
}

/* A write that takes nothing, which is no error. */
static void
test_nothing (gconstpointer data)
{
  const Kind *kind = data;
  KaaIOChannel *reader, *writer;
  GByteArray *got = g_byte_array_new ();
  int fd, peer;

  kind->make (&fd, &peer);
  reader = open_fd (fd, KAA_IO_READ);
  writer = open_fd (peer, KAA_IO_WRITE);
  collect_into (reader, "readline", got);
  settle ();
  n_idle = 3;
  g_object_unref (kaa_io_channel_write (writer, (const guint8 *) TEXT, strlen (TEXT)));
  spin_until (got->len == strlen (TEXT));
  g_assert_cmpuint (n_idle, ==, 0);
  assert_at_rest ();

  finish_channel (reader);
  finish_channel (writer);
  g_byte_array_unref (got);
}

/* Far more than fits, so that both wait for each other many times. */
static void
test_full (gconstpointer data)
{
  const gsize length = 300 * 1000;
  const Kind *kind = data;
  KaaIOChannel *reader, *writer;
  GByteArray *got = g_byte_array_new ();
  GString *text = g_string_new (NULL);
  int fd, peer;

  for (guint i = 0; text->len < length; i++)
    g_string_append_printf (text, "%u\n", i);
  kind->make (&fd, &peer);
  reader = open_fd (fd, KAA_IO_READ);
  writer = open_fd (peer, KAA_IO_WRITE);
  g_object_unref (kaa_io_channel_write (writer, (const guint8 *) text->str, text->len));
  settle ();
  collect_into (reader, "read", got);
  g_object_unref (kaa_io_channel_flush (reader));
  most = 1000;
  spin_until (got->len == text->len);
  most = G_MAXSIZE;
  g_assert_cmpmem (got->data, got->len, text->str, text->len);
  assert_at_rest ();

  finish_channel (reader);
  finish_channel (writer);
  g_byte_array_unref (got);
  g_string_free (text, TRUE);
}

/* --- Few and many --- */

static gconstpointer
unwrap (gconstpointer  data,
        GTestDataFunc *func)
{
  const gpointer *pair = data;

  *func = (GTestDataFunc) pair[0];
  return pair[1];
}

static void
run_few (gconstpointer data)
{
  GTestDataFunc func;

  data = unwrap (data, &func);
  func (data);
}

static void
run_many (gconstpointer data)
{
  GTestDataFunc func;

  data = unwrap (data, &func);
  begin_others ();
  func (data);
  end_others ();
}

static void
add (const char    *name,
     GTestDataFunc  func,
     const Kind    *some,
     guint          n)
{
  for (guint i = 0; i < n; i++)
    {
      gpointer *pair = g_new (gpointer, 2);   /* as long as the program */
      char *few = g_strdup_printf ("/short-reads/few/%s/%s", name, some[i].name);
      char *many = g_strdup_printf ("/short-reads/many/%s/%s", name, some[i].name);

      pair[0] = (gpointer) func;
      pair[1] = (gpointer) &some[i];
      g_test_add_data_func (few, pair, run_few);
      g_test_add_data_func_full (many, pair, run_many, g_free);
      g_free (few);
      g_free (many);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

  add ("lines", test_lines, kinds, G_N_ELEMENTS (kinds));
  add ("requests", test_requests, kinds, G_N_ELEMENTS (kinds));
  add ("splice", test_splice, kinds, G_N_ELEMENTS (kinds));
  /* A terminal throws away what is unread when its master goes. */
  add ("end", test_end, kinds, N_WITH_END);
  add ("splice-end", test_splice_end, kinds, N_WITH_END);
  add ("drain", test_drain, kinds, N_SOCKETS);
  add ("accidents", test_accidents, plain, G_N_ELEMENTS (plain));
  add ("nothing", test_nothing, plain, G_N_ELEMENTS (plain));
  add ("full", test_full, plain, G_N_ELEMENTS (plain));

  return g_test_run ();
}

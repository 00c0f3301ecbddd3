/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connecting. */

#include "ends/socket-fixture.h"

static void
test_tcp (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *accepted = kaa_socket_accept (server);
  KaaSocket *client = kaa_socket_new (), *peer;
  KaaInProgress *connected = kaa_socket_connect_to (client, address);
  GSocketAddress *ours, *theirs;

  g_assert_true (kaa_socket_get_connecting (client));
  g_assert_false (kaa_socket_get_connected (client));
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)), ==, -1);
  wait_true (connected);
  g_assert_false (kaa_socket_get_connecting (client));
  g_assert_true (kaa_socket_get_connected (client));
  g_assert_false (kaa_socket_get_listening (client));
  g_assert_cmpint (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)), >=, 0);
  g_assert_cmpint (fcntl (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)), F_GETFD) & FD_CLOEXEC, !=, 0);

  peer = wait_client (accepted);
  g_assert_true (kaa_socket_get_connected (peer));
  ours = kaa_socket_get_local_address (client);
  theirs = kaa_socket_get_remote_address (peer);
  g_assert_cmpuint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (ours)), ==,
                    g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (theirs)));
  g_object_unref (ours);
  g_object_unref (theirs);

  say_and_forget (client, "ping\n");
  assert_bytes (readline_of (peer), "ping\n");
  say_and_forget (peer, "pong\n");
  assert_bytes (readline_of (client), "pong\n");

  finish_socket (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

/* Each kind of address reaches the server. */
static void
test_kinds (void)
{
  char *path = get_path ("s");
  char *with_prefix = g_strconcat ("unix:", path, NULL);
  char *abstract = g_strdup_printf ("unix-abstract:kaa-test-%d", (int) getpid ());
  const char *kinds[] = { "127.0.0.1:0", "localhost:0", ":0", "[::1]:0", path, with_prefix, abstract };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      KaaSocket *server = kaa_socket_new ();
      KaaSocket *client, *peer;
      GError *error = NULL;
      char *address;

      if (!kaa_socket_listen (server, kinds[i], 0, &error))
        {
          /* A machine may have no IPv6. */
          g_assert_cmpstr (kinds[i], ==, "[::1]:0");
          g_clear_error (&error);
          g_object_unref (server);
          continue;
        }
      finish_socket (server);

      server = kaa_socket_new ();
      address = start_listening (server, kinds[i]);
      client = connect_client (address);
      peer = wait_client (kaa_socket_accept (server));
      say_and_forget (peer, "hello\n");
      assert_bytes (readline_of (client), "hello\n");
      finish_socket (client);
      finish_socket (peer);
      finish_socket (server);
      g_free (address);
    }

  g_free (path);
  g_free (with_prefix);
  g_free (abstract);
}

/* `:port` and `localhost:port` answer by IPv4 and by IPv6. */
static void
test_both_families (void)
{
  const char *names[] = { ":0", "localhost:0" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      KaaSocket *server = kaa_socket_new ();
      char *address = start_listening (server, names[i]);
      const char *port = strrchr (address, ':') + 1;
      char *four = g_strconcat ("127.0.0.1:", port, NULL);
      char *six = g_strconcat ("[::1]:", port, NULL);
      KaaSocket *client = connect_client (four);

      finish_socket (wait_client (kaa_socket_accept (server)));
      finish_socket (client);

      if (g_file_test ("/proc/net/if_inet6", G_FILE_TEST_EXISTS))
        {
          client = connect_client (six);
          finish_socket (wait_client (kaa_socket_accept (server)));
          finish_socket (client);
        }
      finish_socket (server);
      g_free (four);
      g_free (six);
      g_free (address);
    }
}

/* A port that nobody listens at. */
static char *
get_dead_address (void)
{
  char *address;
  KaaSocket *server = start_server (&address);

  finish_socket (server);
  return address;
}

static void
test_refused (void)
{
  char *address = get_dead_address ();
  KaaSocket *client = kaa_socket_new (), *server;

  begin_events ();
  note_signal (KAA_IO_CHANNEL (client), "closed");
  assert_fails (kaa_socket_connect_to (client, address), G_IO_ERROR_CONNECTION_REFUSED);
  settle ();
  assert_events ("hung-up");
  g_assert_false (kaa_socket_get_connecting (client));
  g_assert_false (kaa_socket_get_connected (client));
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));
  g_assert_error (kaa_io_channel_get_error (KAA_IO_CHANNEL (client)), G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);

  /* It can be used again. */
  server = kaa_socket_new ();
  g_free (start_listening (server, address));
  wait_true (kaa_socket_connect_to (client, address));
  g_assert_null (kaa_io_channel_get_error (KAA_IO_CHANNEL (client)));

  finish_socket (client);
  finish_socket (server);
  end_events ();
  g_free (address);
}

static void
test_wrong_address (void)
{
  KaaSocket *client = kaa_socket_new ();

  assert_fails (kaa_socket_connect_to (client, "nowhere"), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_socket_connect_to (client, ":0"), G_IO_ERROR_INVALID_ARGUMENT);
  assert_fails (kaa_socket_connect_to (client, "/no/such/socket"), G_IO_ERROR_NOT_FOUND);
  finish_socket (client);
}

/* A name that does not exist is an error of the resolver's, not one of ours. */
static void
test_unknown_name (void)
{
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future = kaa_socket_connect_to (client, "no-such-name.invalid:80");
  GError *error = NULL;

  spin_until (kaa_in_progress_get_finished (future));
  g_assert_false (kaa_in_progress_get_boolean (future, &error));
  g_assert_true (error->domain == G_RESOLVER_ERROR);
  g_error_free (error);
  g_object_unref (future);
  finish_socket (client);
}

/* W1, R2: what is asked for and written before there is a connection waits for it. */
static void
test_before_connected (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new (), *peer;
  KaaInProgress *line, *connected;

  say_and_forget (client, "one ");
  line = readline_of (client);
  connected = kaa_socket_connect_to (client, address);
  say_and_forget (client, "two\n");
  peer = wait_client (kaa_socket_accept (server));
  assert_bytes (readline_of (peer), "one two\n");
  wait_true (connected);
  say_and_forget (peer, "three\n");
  assert_bytes (line, "three\n");

  finish_socket (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

static void
test_pending_fail (void)
{
  char *address = get_dead_address ();
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *line = readline_of (client);
  KaaInProgress *written = say (client, "x");

  assert_fails (kaa_socket_connect_to (client, address), G_IO_ERROR_CONNECTION_REFUSED);
  assert_fails (line, G_IO_ERROR_CONNECTION_REFUSED);
  assert_fails (written, G_IO_ERROR_CONNECTION_REFUSED);
  finish_socket (client);
  g_free (address);
}

static void
test_twice (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *first = kaa_socket_connect_to (client, address);

  assert_fails (kaa_socket_connect_to (client, address), G_IO_ERROR_PENDING);
  wait_true (first);
  assert_fails (kaa_socket_connect_to (client, address), G_IO_ERROR_EXISTS);
  assert_fails (kaa_socket_connect_to (server, address), G_IO_ERROR_EXISTS);
  g_assert_true (kaa_socket_get_connected (client));

  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

static void
test_abort (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future = kaa_socket_connect_to (client, address);
  GError *error = NULL;
  guint fds = count_fds ();

  g_assert_true (kaa_in_progress_abort (future, &error));
  g_assert_no_error (error);
  g_assert_false (kaa_socket_get_connecting (client));
  assert_fails (future, G_IO_ERROR_CANCELLED);
  settle ();

  wait_true (kaa_socket_connect_to (client, address));
  finish_socket (client);
  settle ();
  g_assert_cmpuint (count_fds (), <=, fds);
  finish_socket (server);
  g_free (address);
}

static void
on_connected (GObject      *source,
              GAsyncResult *result,
              gpointer      code)
{
  GError *error = NULL;

  kaa_socket_connect_to_finish (KAA_SOCKET (source), result, &error);
  *(int *) code = error != NULL ? error->code : -1;
  g_clear_error (&error);
}

static void
test_cancellable (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();
  GCancellable *cancellable = g_cancellable_new ();
  int code = -2;

  kaa_socket_connect_to_async (client, address, cancellable, on_connected, &code);
  g_cancellable_cancel (cancellable);
  spin_until (code != -2);
  g_assert_cmpint (code, ==, G_IO_ERROR_CANCELLED);

  code = -2;
  kaa_socket_connect_to_async (client, address, NULL, on_connected, &code);
  spin_until (code != -2);
  g_assert_cmpint (code, ==, -1);

  g_object_unref (cancellable);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* close() gives up; `closed` is announced as for every close. */
static void
test_close (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();
  KaaInProgress *future = kaa_socket_connect_to (client, address);

  begin_events ();
  note_signal (KAA_IO_CHANNEL (client), "closed");
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_NONE));
  assert_events ("closed");
  assert_fails (future, G_IO_ERROR_CLOSED);

  g_object_unref (client);
  finish_socket (server);
  end_events ();
  g_free (address);
}

/* close() writes what is queued first, here too. */
static void
test_close_flushes (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new (), *peer;

  g_object_unref (kaa_socket_connect_to (client, address));
  say_and_forget (client, "goodbye\n");
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_NONE));
  peer = wait_client (kaa_socket_accept (server));
  assert_bytes (readline_of (peer), "goodbye\n");

  g_object_unref (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

/* A listener whose queue is full answers nobody: on loopback that is what an unreachable machine is like. */
static void
test_timeout (void)
{
  KaaSocket *client = kaa_socket_new ();
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = g_htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof in;
  int fillers[8];
  char *address;

  g_assert_cmpint (bind (listener, (struct sockaddr *) &in, sizeof in), ==, 0);
  g_assert_cmpint (listen (listener, 0), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &in, &size), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (fillers); i++)
    {
      fillers[i] = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      connect (fillers[i], (struct sockaddr *) &in, sizeof in);
    }

  address = g_strdup_printf ("127.0.0.1:%u", g_ntohs (in.sin_port));
  g_object_set (client, "connect-timeout", 0.05, NULL);
  assert_fails (kaa_socket_connect_to (client, address), G_IO_ERROR_TIMED_OUT);
  g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));

  /* The time-out of the future is another thing. */
  g_object_set (client, "connect-timeout", 0.0, NULL);
  {
    KaaInProgress *future = kaa_socket_connect_to (client, address);

    assert_fails (kaa_in_progress_timeout (future, 0.05, /* abort= */ TRUE), G_IO_ERROR_TIMED_OUT);
    g_assert_true (kaa_in_progress_get_failed (future));
    g_object_unref (future);
    settle ();
    g_assert_false (kaa_socket_get_connecting (client));
  }

  for (guint i = 0; i < G_N_ELEMENTS (fillers); i++)
    close (fillers[i]);
  close (listener);
  finish_socket (client);
  g_free (address);
}

/* Nobody holds it while it connects: the future does, and then it is closed. */
static void
test_dropped (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new (), *peer;

  g_object_add_weak_pointer (G_OBJECT (client), (gpointer *) &client);
  g_object_unref (kaa_socket_connect_to (client, address));
  g_object_unref (client);
  peer = wait_client (kaa_socket_accept (server));
  assert_bytes (readline_of (peer), "");
  spin_until (client == NULL);

  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

static void
test_signals_only (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new (), *peer;

  begin_events ();
  note_signal (KAA_IO_CHANNEL (client), "readline");
  note_signal (KAA_IO_CHANNEL (client), "closed");
  g_object_unref (kaa_socket_connect_to (client, address));
  g_object_unref (client);
  peer = wait_client (kaa_socket_accept (server));
  say_and_forget (peer, "one\ntwo");
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (peer), KAA_CLOSE_NONE));
  spin_until (g_str_has_suffix (events->str, "up"));
  assert_events ("L[one|] L[two] hung-up");

  g_object_unref (peer);
  finish_socket (server);
  end_events ();
  g_free (address);
}

static void
note_property (GObject    *object,
               GParamSpec *pspec,
               gpointer    user_data)
{
  gboolean value;
  char *text;

  g_object_get (object, pspec->name, &value, NULL);
  text = g_strdup_printf ("%s=%d", pspec->name, value);
  note (text);
  g_free (text);
}

static void
test_notifications (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();

  begin_events ();
  g_signal_connect (client, "notify::connecting", G_CALLBACK (note_property), NULL);
  g_signal_connect (client, "notify::connected", G_CALLBACK (note_property), NULL);
  wait_true (kaa_socket_connect_to (client, address));
  assert_events ("connecting=1 connecting=0 connected=1");
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (client), KAA_CLOSE_NONE));
  assert_events ("connected=0");

  g_signal_connect (server, "notify::listening", G_CALLBACK (note_property), NULL);
  wait_true (kaa_io_channel_close (KAA_IO_CHANNEL (server), KAA_CLOSE_NONE));
  assert_events ("listening=0");

  g_object_unref (client);
  g_object_unref (server);
  end_events ();
  g_free (address);
}

static void
test_buffer_size (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = kaa_socket_new ();
  int size = 0;
  socklen_t length = sizeof size;

  g_object_set (client, "buffer-size", 20000, NULL);
  wait_true (kaa_socket_connect_to (client, address));
  getsockopt (kaa_io_channel_get_fileno (KAA_IO_CHANNEL (client)), SOL_SOCKET, SO_SNDBUF, &size, &length);
  /* Linux doubles it. */
  g_assert_cmpint (size, >=, 20000);
  g_assert_cmpint (size, <=, 40000);

  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

/* Half-close in both directions. */
static void
test_half_close (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaSocket *client = connect_client (address);
  KaaSocket *peer = wait_client (kaa_socket_accept (server));

  g_object_set (peer, "close-on-eof", FALSE, NULL);
  say_and_forget (client, "question");
  wait_true (kaa_io_channel_shutdown (KAA_IO_CHANNEL (client), KAA_IO_WRITE));
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (peer)), "question");
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (peer)), "");
  say_and_forget (peer, "answer");
  wait_true (kaa_io_channel_shutdown (KAA_IO_CHANNEL (peer), KAA_IO_WRITE));
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (client)), "answer");
  assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (client)), "");

  finish_socket (client);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

static gpointer
connect_elsewhere (gpointer address)
{
  GMainContext *context = g_main_context_new ();
  KaaSocket *client;
  KaaInProgress *future;
  GError *error = NULL;

  g_main_context_push_thread_default (context);
  client = kaa_socket_new ();
  future = kaa_socket_connect_to (client, address);
  g_assert_true (kaa_in_progress_wait_boolean (future, 60, &error));
  g_assert_no_error (error);
  g_object_unref (future);
  future = readline_of (client);
  g_bytes_unref (kaa_in_progress_wait_bytes (future, 60, &error));
  g_assert_no_error (error);
  g_object_unref (future);
  g_object_unref (client);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

/* In a thread of its own, with a context of its own. */
static void
test_other_context (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  GThread *thread = g_thread_new ("client", connect_elsewhere, address);
  KaaSocket *peer = wait_client (kaa_socket_accept (server));

  say_and_forget (peer, "hello\n");
  assert_bytes (readline_of (peer), "");
  g_thread_join (thread);
  finish_socket (peer);
  finish_socket (server);
  g_free (address);
}

int
main (int   argc,
      char *argv[])
{
  int result;

  g_test_init (&argc, &argv, NULL);
  begin_sockets ();

  g_test_add_func ("/socket/connect/tcp", test_tcp);
  g_test_add_func ("/socket/connect/kinds", test_kinds);
  g_test_add_func ("/socket/connect/both-families", test_both_families);
  g_test_add_func ("/socket/connect/refused", test_refused);
  g_test_add_func ("/socket/connect/wrong-address", test_wrong_address);
  g_test_add_func ("/socket/connect/unknown-name", test_unknown_name);
  g_test_add_func ("/socket/connect/before-connected", test_before_connected);
  g_test_add_func ("/socket/connect/pending-fail", test_pending_fail);
  g_test_add_func ("/socket/connect/twice", test_twice);
  g_test_add_func ("/socket/connect/abort", test_abort);
  g_test_add_func ("/socket/connect/cancellable", test_cancellable);
  g_test_add_func ("/socket/connect/close", test_close);
  g_test_add_func ("/socket/connect/close-flushes", test_close_flushes);
  g_test_add_func ("/socket/connect/timeout", test_timeout);
  g_test_add_func ("/socket/connect/dropped", test_dropped);
  g_test_add_func ("/socket/connect/signals-only", test_signals_only);
  g_test_add_func ("/socket/connect/notifications", test_notifications);
  g_test_add_func ("/socket/connect/buffer-size", test_buffer_size);
  g_test_add_func ("/socket/connect/half-close", test_half_close);
  g_test_add_func ("/socket/connect/other-context", test_other_context);

  result = g_test_run ();
  end_sockets ();
  return result;
}

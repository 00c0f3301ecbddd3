/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses that mean something on one link only, in a network of our own whose loopback has such a one. */

#include "ends/socket-fixture.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/wait.h>

#define SKIPPED 77

/* As the kernel has it; its header cannot be had together with that of the C library. */
typedef struct
{
  struct in6_addr address;
  guint32 prefix_length;
  int interface;
} Request;

static gboolean
add_address (void)
{
  struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK };
  Request request = { .prefix_length = 64, .interface = (int) if_nametoindex ("lo") };
  int fd = socket (AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_scope_id = if_nametoindex ("lo") };
  gint64 until = g_get_monotonic_time () + WATCHDOG_SECONDS * G_USEC_PER_SEC;
  gboolean added;

  inet_pton (AF_INET6, "fe80::1", &request.address);
  in6.sin6_addr = request.address;
  added = fd >= 0 && ioctl (fd, SIOCSIFFLAGS, &up) == 0 && ioctl (fd, SIOCSIFADDR, &request) == 0;
  /* The kernel takes a while to think about it. */
  while (added && bind (fd, (struct sockaddr *) &in6, sizeof in6) < 0 && errno == EADDRNOTAVAIL)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, until);
      g_usleep (1000);
    }
  if (fd >= 0)
    close (fd);
  return added;
}

static guint
get_zone (GSocketAddress *address)
{
  guint zone = g_inet_socket_address_get_scope_id (G_INET_SOCKET_ADDRESS (address));

  g_object_unref (address);
  return zone;
}

static KaaSocket *
listen_at (const char *address)
{
  KaaSocket *server = kaa_socket_new ();
  GError *error = NULL;

  g_assert_true (kaa_socket_listen (server, address, 0, &error));
  g_assert_no_error (error);
  return server;
}

/* A round trip, to what the address says of itself. */
static void
check_address (const char *where)
{
  KaaSocket *server = listen_at (where);
  KaaInProgress *accepted = kaa_socket_accept (server);
  GSocketAddress *local = kaa_socket_get_local_address (server);
  char *text = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (local));
  guint port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (local));
  char *by_name = g_strdup_printf ("[fe80::1%%lo]:%u", port);
  KaaSocket *client, *peer;

  g_assert_cmpuint (get_zone (local), ==, if_nametoindex ("lo"));
  client = connect_client (text);
  peer = wait_client (accepted);
  g_assert_cmpuint (get_zone (kaa_socket_get_remote_address (client)), ==, if_nametoindex ("lo"));
  g_assert_cmpuint (get_zone (kaa_socket_get_remote_address (peer)), ==, if_nametoindex ("lo"));
  say_and_forget (client, "hello\n");
  assert_bytes (readline_of (peer), "hello\n");
  finish_socket (peer);
  finish_socket (client);

  accepted = kaa_socket_accept (server);
  client = connect_client (by_name);
  finish_socket (wait_client (accepted));
  finish_socket (client);
  finish_socket (server);

  /* And again where it was. */
  finish_socket (listen_at (text));
  g_free (by_name);
  g_free (text);
}

static int
be_in_a_network (void)
{
  char *by_number = g_strdup_printf ("[fe80::1%%%u]:0", if_nametoindex ("lo"));

  if (!add_address ())
    return SKIPPED;
  check_address ("[fe80::1%lo]:0");
  check_address (by_number);
  g_free (by_number);
  return 0;
}

static const char *program;

static void
test_round_trip (void)
{
  const char *arguments[] = { program, "--own-network", NULL };
  GError *error = NULL;
  int status;

  g_assert_true (g_spawn_sync (NULL, (char **) arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error));
  g_assert_no_error (error);
  if (WIFEXITED (status) && WEXITSTATUS (status) == SKIPPED)
    g_test_skip ("a network of its own, with an IPv6 address of the link, cannot be had here");
  else
    g_assert_cmpint (status, ==, 0);
}

static void
test_unknown (void)
{
  KaaSocket *self = kaa_socket_new ();
  GError *error = NULL;

  g_assert_false (kaa_socket_listen (self, "[fe80::1%nosuch0]:0", 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "nosuch0"));
  g_error_free (error);
  assert_fails (kaa_socket_connect_to (self, "[fe80::1%nosuch0]:1"), G_IO_ERROR_NOT_FOUND);
  g_object_unref (self);
}

int
main (int   argc,
      char *argv[])
{
  if (argc > 1 && g_str_equal (argv[1], "--own-network"))
    return unshare (CLONE_NEWNET) == 0 || unshare (CLONE_NEWUSER | CLONE_NEWNET) == 0 ? be_in_a_network () : SKIPPED;
  program = argv[0];

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/socket/zone/round-trip", test_round_trip);
  g_test_add_func ("/socket/zone/unknown", test_unknown);
  return g_test_run ();
}

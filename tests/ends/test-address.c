/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses as strings. */

#include "ends/kaa-address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static void
assert_address (const char     *text,
                KaaAddressKind  kind,
                const char     *name,
                guint16         port)
{
  GError *error = NULL;
  KaaAddress address;

  g_assert_true (kaa_address_parse (text, &address, &error));
  g_assert_no_error (error);
  g_assert_cmpint (address.kind, ==, kind);
  g_assert_cmpstr (address.name, ==, name);
  g_assert_cmpuint (address.port, ==, port);
  kaa_address_clear (&address);
}

static void
test_forms (void)
{
  assert_address ("/run/s", KAA_ADDRESS_UNIX, "/run/s", 0);
  assert_address ("unix:/run/s", KAA_ADDRESS_UNIX, "/run/s", 0);
  assert_address ("unix:here", KAA_ADDRESS_UNIX, "here", 0);
  assert_address ("unix-abstract:name:1", KAA_ADDRESS_ABSTRACT, "name:1", 0);
  assert_address ("localhost:80", KAA_ADDRESS_INET, "localhost", 80);
  assert_address ("127.0.0.1:0", KAA_ADDRESS_INET, "127.0.0.1", 0);
  assert_address ("example.org:65535", KAA_ADDRESS_INET, "example.org", 65535);
  assert_address ("[::1]:7000", KAA_ADDRESS_INET, "::1", 7000);
  assert_address ("[2001:db8::1]:7", KAA_ADDRESS_INET, "2001:db8::1", 7);
  assert_address (":7000", KAA_ADDRESS_INET, "", 7000);
  assert_address ("systemd:", KAA_ADDRESS_SYSTEMD, "", 0);
  assert_address ("systemd:web", KAA_ADDRESS_SYSTEMD, "web", 0);
}

static void
test_wrong (void)
{
  static const struct
  {
    const char *text;
    const char *why;
  } wrong[] = {
    { "", "*empty*" },
    { "localhost", "*no port*" },
    { "localhost:", "*no port behind*" },
    { "localhost:65536", "*65535*" },
    { "localhost:99999999999999999999", "*65535*" },
    { "localhost:no-such-service-here", "*not known*" },
    { "localhost:-1", "*neither a number*" },
    { "localhost: 80", "*neither a number*" },
    { "localhost:0x50", "*neither a number*" },
    { "::1:80", "*[address]:port*" },
    { "[::1]", "*no “:port”*" },
    { "[::1", "*without “]”*" },
    { "[localhost]:80", "*no IPv6 address*" },
    { "[]:80", "*no IPv6 address*" },
    { "two words:80", "*no valid host*" },
    { "unix:", "*no path*" },
    { "unix-abstract:", "*no name*" },
    { "esc\033[0m:", "*033*" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      GError *error = NULL;
      KaaAddress address;

      g_assert_false (kaa_address_parse (wrong[i].text, &address, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_test_message ("%s", error->message);
      g_assert_true (g_pattern_match_simple (wrong[i].why, error->message));
      g_assert_null (strchr (error->message, '\033'));
      g_assert_null (address.name);
      g_error_free (error);
    }
}

/* The kernel would bind a path of 108 bytes, and GIO a shorter one. */
static void
test_path_length (void)
{
  GError *error = NULL;
  KaaAddress address;
  char path[110];

  memset (path, 'a', sizeof path);
  path[0] = '/';
  path[107] = '\0';
  assert_address (path, KAA_ADDRESS_UNIX, path, 0);

  path[107] = 'a';
  path[108] = '\0';
  g_assert_false (kaa_address_parse (path, &address, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "108 bytes"));
  g_error_free (error);
}

static void
test_resolve (void)
{
  static const struct
  {
    const char *text;
    guint n;
    int family;
  } known[] = {
    { "/s", 1, AF_UNIX },
    { "unix-abstract:s", 1, AF_UNIX },
    { "127.0.0.1:1", 1, AF_INET },
    { "[::1]:1", 1, AF_INET6 },
    { "localhost:1", 2, AF_INET },
    { ":1", 2, AF_INET6 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    {
      GError *error = NULL;
      KaaAddress address;
      GArray *found;

      g_assert_true (kaa_address_parse (known[i].text, &address, &error));
      found = kaa_address_resolve (&address, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (found->len, ==, known[i].n);
      g_assert_cmpint (g_array_index (found, KaaSockaddr, 0).storage.ss_family, ==, known[i].family);
      if (known[i].family == AF_INET)
        {
          struct sockaddr_in *in = (struct sockaddr_in *) &g_array_index (found, KaaSockaddr, 0).storage;

          g_assert_cmpuint (g_ntohl (in->sin_addr.s_addr), ==, INADDR_LOOPBACK);
          g_assert_cmpuint (g_ntohs (in->sin_port), ==, 1);
        }
      g_array_unref (found);
      kaa_address_clear (&address);
    }
}

static void
test_connectable (void)
{
  GError *error = NULL;
  KaaAddress address;
  GSocketConnectable *connectable;

  g_assert_true (kaa_address_parse ("example.org:80", &address, &error));
  connectable = kaa_address_to_connectable (&address, &error);
  g_assert_true (G_IS_NETWORK_ADDRESS (connectable));
  g_object_unref (connectable);
  kaa_address_clear (&address);

  g_assert_true (kaa_address_parse ("example.org:0", &address, &error));
  g_assert_null (kaa_address_to_connectable (&address, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  kaa_address_clear (&address);

  g_assert_true (kaa_address_parse ("systemd:", &address, &error));
  g_assert_null (kaa_address_to_connectable (&address, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  kaa_address_clear (&address);
}

/* The zone of an address: the interface that its link is at. */
static void
test_zones (void)
{
  guint loopback = if_nametoindex ("lo");
  char *by_number = g_strdup_printf ("[fe80::1%%%u]:7001", loopback);
  const char *const good[] = { "[fe80::1%lo]:7001", by_number, "[::1%lo]:7001" };
  const char *const unknown[] = { "[fe80::1%nosuch0]:1", "[fe80::1%4294967295]:1", "[fe80::1%4294967296]:1", "[fe80::1%-1]:1",
                                  "[fe80::1%0]:1", "[fe80::1% 1]:1", "[fe80::1%25lo]:1" };
  GSocketConnectable *connectable;
  KaaAddress address;
  GError *error = NULL;
  GArray *sockaddrs;

  if (loopback == 0)
    {
      g_test_skip ("there is no interface lo");
      g_free (by_number);
      return;
    }

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      struct sockaddr_in6 in6;

      g_assert_true (kaa_address_parse (good[i], &address, &error));
      g_assert_no_error (error);
      sockaddrs = kaa_address_resolve (&address, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (sockaddrs->len, ==, 1);
      memcpy (&in6, &g_array_index (sockaddrs, KaaSockaddr, 0).storage, sizeof in6);
      g_assert_cmpint (in6.sin6_family, ==, AF_INET6);
      g_assert_cmpuint (in6.sin6_scope_id, ==, loopback);
      g_assert_cmpuint (g_ntohs (in6.sin6_port), ==, 7001);
      g_array_unref (sockaddrs);
      connectable = kaa_address_to_connectable (&address, &error);
      g_assert_no_error (error);
      g_object_unref (connectable);
      kaa_address_clear (&address);
    }

  for (guint i = 0; i < G_N_ELEMENTS (unknown); i++)
    {
      g_assert_true (kaa_address_parse (unknown[i], &address, &error));
      g_assert_no_error (error);
      g_assert_null (kaa_address_resolve (&address, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_clear_error (&error);
      g_assert_null (kaa_address_to_connectable (&address, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
      g_clear_error (&error);
      kaa_address_clear (&address);
    }

  g_assert_false (kaa_address_parse ("[fe80::1%]:1", &address, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_free (by_number);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/address/forms", test_forms);
  g_test_add_func ("/address/wrong", test_wrong);
  g_test_add_func ("/address/path-length", test_path_length);
  g_test_add_func ("/address/resolve", test_resolve);
  g_test_add_func ("/address/connectable", test_connectable);

  g_test_add_func ("/address/zones", test_zones);
  return g_test_run ();
}

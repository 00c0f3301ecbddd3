/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ends/kaa-address.h"

#include <gio/gunixsocketaddress.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

/* The kernel takes one byte more, without the NUL that everybody else expects. */
#define MAX_PATH (sizeof (((struct sockaddr_un *) NULL)->sun_path) - 1)

#define FORMS "unix:/path, unix-abstract:name, host:service, [::1]:port or :port"

static gboolean
fail (GError     **error,
      const char  *text,
      const char  *why)
{
  char *printable = g_strescape (text, NULL);

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The address “%s” %s", printable, why);
  g_free (printable);
  return FALSE;
}

/* --- parsing --- */

static gboolean
parse_unix (const char      *text,
            KaaAddressKind   kind,
            const char      *name,
            KaaAddress      *address,
            GError         **error)
{
  if (name[0] == '\0')
    return fail (error, text, kind == KAA_ADDRESS_UNIX ? "has no path behind “unix:”" : "has no name behind “unix-abstract:”");

  if (strlen (name) > MAX_PATH)
    {
      char *why = g_strdup_printf ("has %" G_GSIZE_FORMAT " bytes, but a socket can be called by %" G_GSIZE_FORMAT
                                   " only; use a shorter path", strlen (name), (gsize) MAX_PATH);

      fail (error, text, why);
      g_free (why);
      return FALSE;
    }

  address->kind = kind;
  address->name = g_strdup (name);
  return TRUE;
}

static gboolean
parse_service (const char  *text,
               const char  *service,
               guint16     *port,
               GError     **error)
{
  struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;
  struct sockaddr_in address;
  guint64 number;

  if (service[0] == '\0')
    return fail (error, text, "has no port behind its colon");

  if (strspn (service, "0123456789") == strlen (service))
    {
      if (!g_ascii_string_to_unsigned (service, 10, 0, G_MAXUINT16, &number, NULL))
        return fail (error, text, "has a port over 65535");
      *port = number;
      return TRUE;
    }

  /* getaddrinfo() would skip white space, and take "0x50" for a number. */
  if (!g_ascii_isalpha (service[0]) || strpbrk (service, " \t\r\n") != NULL)
    return fail (error, text, "has a port that is neither a number nor the name of a service");

  /* No host, so this looks into /etc/services and asks nobody. */
  if (getaddrinfo (NULL, service, &hints, &found) != 0 || found == NULL)
    return fail (error, text, "has a service that is not known; use the number of the port");

  memcpy (&address, found->ai_addr, sizeof address);
  *port = g_ntohs (address.sin_port);
  freeaddrinfo (found);
  return TRUE;
}

static gboolean
parse_inet (const char  *text,
            KaaAddress  *address,
            GError     **error)
{
  const char *colon;
  char *host;

  if (text[0] == '[')
    {
      const char *end = strchr (text, ']');

      if (end == NULL)
        return fail (error, text, "has a “[” without “]”");
      if (end[1] != ':')
        return fail (error, text, "has no “:port” behind “]”");
      colon = end + 1;
      host = g_strndup (text + 1, end - text - 1);
      if (strchr (host, ':') == NULL || !g_hostname_is_ip_address (host))
        {
          g_free (host);
          return fail (error, text, "has no IPv6 address between “[” and “]”");
        }
    }
  else
    {
      colon = strchr (text, ':');
      if (colon == NULL)
        return fail (error, text, "has no port; the forms are " FORMS);
      if (strchr (colon + 1, ':') != NULL)
        return fail (error, text, "has several colons; write an IPv6 address as [address]:port");
      host = g_strndup (text, colon - text);
      if (strpbrk (host, " \t\r\n/") != NULL || !g_utf8_validate (host, -1, NULL))
        {
          g_free (host);
          return fail (error, text, "has no valid host; the forms are " FORMS);
        }
    }

  if (!parse_service (text, colon + 1, &address->port, error))
    {
      g_free (host);
      return FALSE;
    }

  address->kind = KAA_ADDRESS_INET;
  address->name = host;
  return TRUE;
}

gboolean
kaa_address_parse (const char  *text,
                   KaaAddress  *address,
                   GError     **error)
{
  *address = (KaaAddress) { 0, };

  if (text[0] == '\0')
    return fail (error, text, "is empty; the forms are " FORMS);
  if (text[0] == '/')
    return parse_unix (text, KAA_ADDRESS_UNIX, text, address, error);
  if (g_str_has_prefix (text, "unix:"))
    return parse_unix (text, KAA_ADDRESS_UNIX, text + strlen ("unix:"), address, error);
  if (g_str_has_prefix (text, "unix-abstract:"))
    return parse_unix (text, KAA_ADDRESS_ABSTRACT, text + strlen ("unix-abstract:"), address, error);
  if (g_str_has_prefix (text, "systemd:"))
    {
      address->kind = KAA_ADDRESS_SYSTEMD;
      address->name = g_strdup (text + strlen ("systemd:"));
      return TRUE;
    }
  return parse_inet (text, address, error);
}

void
kaa_address_clear (KaaAddress *address)
{
  g_clear_pointer (&address->name, g_free);
}

/* --- zones --- */

/* The zone of an IPv6 address, behind its “%”; NULL where there is none. */
static const char *
get_zone (const KaaAddress *address)
{
  const char *percent = strchr (address->name, ':') != NULL ? strchr (address->name, '%') : NULL;

  return percent != NULL ? percent + 1 : NULL;
}

/* An interface, by its name or its number. */
static gboolean
find_interface (const char  *zone,
                guint       *index,
                GError     **error)
{
  char name[IF_NAMESIZE];
  guint64 number;
  char *printable;

  *index = if_nametoindex (zone);
  if (*index == 0 && g_ascii_string_to_unsigned (zone, 10, 1, G_MAXUINT, &number, NULL) &&
      if_indextoname ((guint) number, name) != NULL)
    *index = (guint) number;
  if (*index != 0)
    return TRUE;

  printable = g_strescape (zone, NULL);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no network interface “%s”", printable);
  g_free (printable);
  return FALSE;
}

/* --- connecting --- */

GSocketConnectable *
kaa_address_to_connectable (const KaaAddress  *address,
                            GError           **error)
{
  guint index;

  switch (address->kind)
    {
    case KAA_ADDRESS_UNIX:
      return G_SOCKET_CONNECTABLE (g_unix_socket_address_new (address->name));

    case KAA_ADDRESS_ABSTRACT:
      return G_SOCKET_CONNECTABLE (g_unix_socket_address_new_with_type (address->name, -1,
                                                                        G_UNIX_SOCKET_ADDRESS_ABSTRACT));

    case KAA_ADDRESS_INET:
      if (address->port == 0)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                               "Port 0 is for listening only: it stands for any that is free");
          return NULL;
        }
      if (address->name[0] == '\0' || g_ascii_strcasecmp (address->name, "localhost") == 0)
        return g_network_address_new_loopback (address->port);
      /* Otherwise it would be looked up as a name. */
      if (get_zone (address) != NULL && !find_interface (get_zone (address), &index, error))
        return NULL;
      return g_network_address_new (address->name, address->port);

    case KAA_ADDRESS_SYSTEMD:
    default:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "What systemd hands over is for listening; it cannot be connected to");
      return NULL;
    }
}

/* --- listening --- */

static void
add_unix (GArray           *sockaddrs,
          const KaaAddress *address)
{
  KaaSockaddr one = { 0, };
  struct sockaddr_un *un = (struct sockaddr_un *) &one.storage;
  gsize length = strlen (address->name);
  gboolean abstract = address->kind == KAA_ADDRESS_ABSTRACT;

  un->sun_family = AF_UNIX;
  memcpy (un->sun_path + abstract, address->name, length);
  /* The NUL counts on either side of the name. */
  one.length = G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + length;
  g_array_append_val (sockaddrs, one);
}

static void
add_inet (GArray       *sockaddrs,
          GInetAddress *inet,
          guint16       port,
          guint         interface)
{
  GSocketAddress *address = g_object_new (G_TYPE_INET_SOCKET_ADDRESS,
                                          "address", inet,
                                          "port", (guint) port,
                                          "scope-id", interface,
                                          NULL);
  KaaSockaddr one = { 0, };

  one.length = g_socket_address_get_native_size (address);
  if (g_socket_address_to_native (address, &one.storage, sizeof one.storage, NULL))
    g_array_append_val (sockaddrs, one);
  g_object_unref (address);
}

static void
add_inet_take (GArray       *sockaddrs,
               GInetAddress *inet,
               guint16       port)
{
  add_inet (sockaddrs, inet, port, 0);
  g_object_unref (inet);
}

/* An address of a link means nothing without the interface that the link is at. */
static gboolean
add_zoned (GArray            *sockaddrs,
           const KaaAddress  *address,
           const char        *zone,
           GError           **error)
{
  char *host = g_strndup (address->name, zone - 1 - address->name);
  GInetAddress *inet = g_inet_address_new_from_string (host);
  guint interface;
  gboolean good = find_interface (zone, &interface, error);

  if (good)
    add_inet (sockaddrs, inet, address->port, interface);
  g_object_unref (inet);
  g_free (host);
  return good;
}

static gboolean
add_names (GArray            *sockaddrs,
           const KaaAddress  *address,
           GError           **error)
{
  GResolver *resolver = g_resolver_get_default ();
  GList *found = g_resolver_lookup_by_name (resolver, address->name, NULL, error);

  for (GList *one = found; one != NULL; one = one->next)
    add_inet (sockaddrs, one->data, address->port, 0);

  g_object_unref (resolver);
  g_resolver_free_addresses (found);
  return found != NULL;
}

GArray *
kaa_address_resolve (const KaaAddress  *address,
                     GError           **error)
{
  GArray *sockaddrs = g_array_new (FALSE, FALSE, sizeof (KaaSockaddr));
  const char *zone = get_zone (address);
  GInetAddress *numeric;

  if (address->kind != KAA_ADDRESS_INET)
    {
      add_unix (sockaddrs, address);
      return sockaddrs;
    }

  if (address->name[0] == '\0')
    {
      /* One IPv6 socket serves both; the other is for machines without IPv6. */
      add_inet_take (sockaddrs, g_inet_address_new_any (G_SOCKET_FAMILY_IPV6), address->port);
      add_inet_take (sockaddrs, g_inet_address_new_any (G_SOCKET_FAMILY_IPV4), address->port);
    }
  else if (g_ascii_strcasecmp (address->name, "localhost") == 0)
    {
      add_inet_take (sockaddrs, g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4), address->port);
      add_inet_take (sockaddrs, g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV6), address->port);
    }
  else if (zone != NULL)
    {
      if (!add_zoned (sockaddrs, address, zone, error))
        g_clear_pointer (&sockaddrs, g_array_unref);
    }
  else if ((numeric = g_inet_address_new_from_string (address->name)) != NULL)
    {
      add_inet_take (sockaddrs, numeric, address->port);
    }
  else if (!add_names (sockaddrs, address, error))
    {
      g_clear_pointer (&sockaddrs, g_array_unref);
    }

  return sockaddrs;
}

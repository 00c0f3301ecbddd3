/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Clients that hold a place and never finish what they began to say. */

#include "ends/socket-fixture.h"

typedef struct
{
  double idle_timeout;
  KaaSocket *last; /* owned */
  guint n_served;
  guint n_timed_out;
} Service;

static void
on_line (KaaSocket *client,
         GBytes    *line,
         Service   *service)
{
  service->n_served++;
  say_and_forget (client, "served\n");
}

static void
on_closed (KaaSocket *client,
           gboolean   expected,
           Service   *service)
{
  const GError *error = kaa_io_channel_get_error (KAA_IO_CHANNEL (client));

  if (error != NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    service->n_timed_out++;
}

static void
on_client (KaaSocket *server,
           KaaSocket *client,
           Service   *service)
{
  g_set_object (&service->last, client);
  kaa_io_channel_set_idle_timeout (KAA_IO_CHANNEL (client), service->idle_timeout);
  g_signal_connect (client, "readline", G_CALLBACK (on_line), service);
  g_signal_connect (client, "closed", G_CALLBACK (on_closed), service);
}

/* One half a line, and silence: the idle time-out ends it, and who waited for the place gets it. */
static void
test_silent (void)
{
  Service service = { .idle_timeout = 0.05 };
  char *address, byte;
  KaaSocket *server = start_server (&address);
  KaaSocket *client;
  int slow[3];

  kaa_socket_set_max_clients (server, G_N_ELEMENTS (slow));
  g_signal_connect (server, "new-client", G_CALLBACK (on_client), &service);
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    {
      slow[i] = connect_plain (address);
      put_string (slow[i], "GET / HT");
    }
  client = connect_client (address);
  say_and_forget (client, "me too\n");
  assert_bytes (readline_of (client), "served\n");
  g_assert_cmpuint (service.n_served, ==, 1);
  g_assert_cmpuint (service.n_timed_out, >, 0);
  spin_until (service.n_timed_out >= G_N_ELEMENTS (slow));
  for (guint i = 0; i < G_N_ELEMENTS (slow); i++)
    {
      g_assert_cmpint (read (slow[i], &byte, 1), <=, 0);
      close (slow[i]);
    }
  finish_socket (client);
  finish_socket (server);
  g_clear_object (&service.last);
  g_free (address);
}

static gboolean
drip (gpointer fd)
{
  return send (GPOINTER_TO_INT (fd), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

/* One that drips is never idle: the time-out of the request ends it, and what came stays to be looked at. */
static void
test_dripping (void)
{
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *accepted = kaa_socket_accept (server), *line, *limited;
  int slow = connect_plain (address);
  KaaSocket *client = wait_client (accepted);
  guint dripping = g_timeout_add (5, drip, GINT_TO_POINTER (slow));
  GError *error = NULL;

  line = readline_of (client);
  limited = kaa_in_progress_timeout (line, 0.1, /* abort= */ TRUE);
  assert_fails (limited, G_IO_ERROR_TIMED_OUT);
  g_assert_null (kaa_in_progress_get_bytes (line, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_error_free (error);
  g_object_unref (line);
  g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (client)));

  g_source_remove (dripping);
  close (slow);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/socket/slow/silent", test_silent);
  g_test_add_func ("/socket/slow/dripping", test_dripping);
  return g_test_run ();
}

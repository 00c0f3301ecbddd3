/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Errors of accept4(2) that concern one client, or nobody: the next one is served, and nobody hears of them. */

#include "ends/socket-fixture.h"

/* --- Faults (the program is linked with --wrap) --- */

static const int *faults; /* errno of the next calls, up to 0; NULL for none */
static guint n_faults;

int __real_accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4 (int fd, struct sockaddr *address, socklen_t *length, int flags);

int
__wrap_accept4 (int              fd,
                struct sockaddr *address,
                socklen_t       *length,
                int              flags)
{
  int gone;

  if (faults == NULL || *faults == 0)
    return __real_accept4 (fd, address, length, flags);

  /* What the error is about goes with it: a client that is gone does not wait any more. */
  errno = *faults++;
  n_faults++;
  if (errno != EINTR)
    {
      gone = __real_accept4 (fd, NULL, NULL, SOCK_CLOEXEC);
      g_assert_cmpint (gone, >=, 0);
      close (gone);
      errno = faults[-1];
    }
  return -1;
}

/* --- The tests --- */

static void
count_client (KaaSocket *server,
              KaaSocket *client,
              guint     *n_clients)
{
  ++*n_clients;
}

static void
count_error (KaaSocket    *server,
             const GError *error,
             guint        *n_errors)
{
  ++*n_errors;
}

static void
test_skipped (void)
{
  static const int some[] = { ECONNABORTED, EINTR, EPROTO, ECONNABORTED, ENETDOWN, EHOSTDOWN, EINTR, EHOSTUNREACH, 0 };
  guint n_clients = 0, n_errors = 0;
  char *address;
  KaaSocket *server = start_server (&address);
  int clients[9];

  g_signal_connect (server, "new-client", G_CALLBACK (count_client), &n_clients);
  g_signal_connect (server, "accept-error", G_CALLBACK (count_error), &n_errors);
  faults = some;
  n_faults = 0;
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = connect_plain (address);
  /* Six are gone; a signal cost nobody his place. */
  spin_until (n_clients == G_N_ELEMENTS (clients) - 6);
  assert_at_rest ();
  g_assert_cmpuint (n_faults, ==, G_N_ELEMENTS (some) - 1);
  g_assert_cmpuint (n_clients, ==, G_N_ELEMENTS (clients) - 6);
  g_assert_cmpuint (n_errors, ==, 0);
  g_assert_true (kaa_socket_get_listening (server));

  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    close (clients[i]);
  finish_socket (server);
  g_free (address);
}

/* Who waits for a client gets the next one, not the error. */
static void
test_waiting (void)
{
  static const int one[] = { ECONNABORTED, 0 };
  char *address;
  KaaSocket *server = start_server (&address);
  KaaInProgress *accepted = kaa_socket_accept (server);
  KaaSocket *client;
  int gone, next;

  faults = one;
  n_faults = 0;
  gone = connect_plain (address);
  spin_until (n_faults == 1);
  g_assert_false (kaa_in_progress_get_finished (accepted));
  next = connect_plain (address);
  client = wait_client (accepted);
  put_string (next, "next\n");
  assert_bytes (readline_of (client), "next\n");

  close (gone);
  close (next);
  finish_socket (client);
  finish_socket (server);
  g_free (address);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/socket/accept/skipped", test_skipped);
  g_test_add_func ("/socket/accept/waiting", test_waiting);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A redis server as a child: its protocol is lines, and counted bytes between them. */

#include "programs/program-fixture.h"

#define N_PAIRS 5000
#define BULK_SIZE (1024 * 1024)
#define N_MESSAGES 500

static KaaProcess *
start_redis (void)
{
  KaaProcess *redis;
  char *path;

  begin_program ();
  path = get_path ("redis");
  redis = new_program (KAA_PROCESS_NONE, "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
                       "--appendonly", "no", "--daemonize", "no", "--logfile", "/dev/null", "--dir", program_dir, NULL);
  start (redis);
  g_free (path);
  return redis;
}

static KaaSocket *
reach_redis (KaaProcess *redis)
{
  char *address = get_unix_address ("redis");
  KaaSocket *client = reach (redis, address);

  g_free (address);
  return client;
}

static void
send_command (KaaSocket *client,
              ...)
{
  GString *command = g_string_new (NULL);
  GError *error = NULL;
  const char *word;
  GBytes *bytes;
  char *header;
  va_list words;
  guint n = 0;

  va_start (words, client);
  while ((word = va_arg (words, const char *)) != NULL)
    {
      g_string_append_printf (command, "$%zu\r\n%s\r\n", strlen (word), word);
      n++;
    }
  va_end (words);
  header = g_strdup_printf ("*%u\r\n", n);
  g_string_prepend (command, header);
  g_free (header);

  bytes = g_string_free_to_bytes (command);
  g_assert_true (kaa_io_channel_send (KAA_IO_CHANNEL (client), bytes, &error));
  g_assert_no_error (error);
  g_bytes_unref (bytes);
}

/* A reply that says its length in a line. */
static GBytes *
read_bulk (KaaSocket *client)
{
  char *line = get_line (client);
  GBytes *counted, *bulk;
  guint64 length;
  const char *data;

  g_assert_cmpint (line[0], ==, '$');
  length = g_ascii_strtoull (line + 1, NULL, 10);
  counted = wait_bytes (kaa_io_channel_read_exactly (KAA_IO_CHANNEL (client), length + 2));
  g_assert_cmpuint (g_bytes_get_size (counted), ==, length + 2);
  data = g_bytes_get_data (counted, NULL);
  g_assert_cmpmem (data + length, 2, "\r\n", 2);
  bulk = g_bytes_new_from_bytes (counted, 0, length);
  g_bytes_unref (counted);
  g_free (line);
  return bulk;
}

/* Ten thousand commands go out before the first reply is looked at. */
static void
test_pipelined (void)
{
  KaaProcess *redis;
  KaaSocket *client;
  char key[16], value[32];

  if (is_missing ("redis-server"))
    return;
  redis = start_redis ();
  client = reach_redis (redis);
  for (guint i = 0; i < N_PAIRS; i++)
    {
      g_snprintf (key, sizeof key, "key%u", i);
      /* A line end in a value is no line end. */
      g_snprintf (value, sizeof value, "a\n%u\r\nb", i);
      send_command (client, "SET", key, value, NULL);
      send_command (client, "GET", key, NULL);
    }
  for (guint i = 0; i < N_PAIRS; i++)
    {
      GBytes *bulk;

      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "+OK\r\n");
      bulk = read_bulk (client);
      g_snprintf (value, sizeof value, "a\n%u\r\nb", i);
      g_assert_cmpmem (g_bytes_get_data (bulk, NULL), g_bytes_get_size (bulk), value, strlen (value));
      g_bytes_unref (bulk);
    }
  assert_queue (KAA_IO_CHANNEL (client), "");
  finish_channel (KAA_IO_CHANNEL (client));
  end_program (redis);
}

static void
test_bulk (void)
{
  KaaProcess *redis;
  KaaSocket *client;
  GBytes *value, *bulk;

  if (is_missing ("redis-server"))
    return;
  redis = start_redis ();
  client = reach_redis (redis);
  kaa_io_channel_set_queue_size (KAA_IO_CHANNEL (client), 2 * BULK_SIZE);

  value = g_bytes_new_take (make_noise (BULK_SIZE), BULK_SIZE);
  send_text (client, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$1048576\r\n");
  wait_int (kaa_io_channel_write_bytes (KAA_IO_CHANNEL (client), value), BULK_SIZE);
  send_text (client, "\r\n");
  send_command (client, "GET", "big", NULL);
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "+OK\r\n");
  bulk = read_bulk (client);
  g_assert_true (g_bytes_equal (bulk, value));
  g_bytes_unref (bulk);
  g_bytes_unref (value);

  /* The server ends it, after its last reply. */
  send_command (client, "QUIT", NULL);
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "+OK\r\n");
  assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (client)), "");
  finish_channel (KAA_IO_CHANNEL (client));
  end_program (redis);
}

/* A subscriber gets its messages by signal, each once and in order, and hears of the server's death. */
static void
test_subscriber (void)
{
  GByteArray *heard;
  GString *expected;
  KaaSocket *publisher, *subscriber;
  KaaProcess *redis;
  GError *error = NULL;
  char message[32];

  if (is_missing ("redis-server"))
    return;
  heard = g_byte_array_new ();
  expected = g_string_new (NULL);
  redis = start_redis ();
  publisher = reach_redis (redis);
  subscriber = reach_redis (redis);
  collect_into (KAA_IO_CHANNEL (subscriber), "readline", heard);
  begin_events ();
  note_signal (KAA_IO_CHANNEL (subscriber), "closed");

  send_command (subscriber, "SUBSCRIBE", "news", NULL);
  g_string_append (expected, "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
  spin_until (heard->len >= expected->len);
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      g_snprintf (message, sizeof message, "message %u", i);
      send_command (publisher, "PUBLISH", "news", message, NULL);
      g_string_append_printf (expected, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$%zu\r\n%s\r\n", strlen (message), message);
    }
  /* One subscriber heard each. */
  for (guint i = 0; i < N_MESSAGES; i++)
    assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (publisher)), ":1\r\n");
  spin_until (heard->len >= expected->len);
  assert_events ("");

  g_assert_true (kaa_process_send_signal (redis, SIGKILL, &error));
  g_assert_no_error (error);
  spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (subscriber)) && events->len > 0);
  assert_events ("hung-up");
  g_assert_cmpmem (heard->data, heard->len, expected->str, expected->len);
  assert_status (kaa_process_wait (redis), -SIGKILL);

  end_events ();
  g_byte_array_unref (heard);
  g_string_free (expected, TRUE);
  finish_channel (KAA_IO_CHANNEL (subscriber));
  finish_channel (KAA_IO_CHANNEL (publisher));
  end_program (redis);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/redis/pipelined", test_pipelined);
  g_test_add_func ("/redis/bulk", test_bulk);
  g_test_add_func ("/redis/subscriber", test_subscriber);
  return g_test_run ();
}

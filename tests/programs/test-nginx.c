/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An nginx as a child, asked in HTTP: header lines, then a counted body or all up to the end. */

#include "programs/program-fixture.h"

#define N_REQUESTS 200
#define PAGE_LENGTH 10000
#define LARGE_LENGTH (64 * 1024 * 1024)

static const char configuration[] =
  "daemon off;\n"
  "master_process off;\n"
  "pid DIR/pid;\n"
  "error_log DIR/error.log;\n"
  "events { worker_connections 64; }\n"
  "http {\n"
  "  access_log off;\n"
  "  client_body_temp_path DIR/body;\n"
  "  proxy_temp_path DIR/proxy;\n"
  "  fastcgi_temp_path DIR/fastcgi;\n"
  "  uwsgi_temp_path DIR/uwsgi;\n"
  "  scgi_temp_path DIR/scgi;\n"
  "  keepalive_requests 1000;\n"
  "  server { listen unix:DIR/http; root DIR; }\n"
  "}\n";

static void
write_file (const char    *name,
            gconstpointer  data,
            gsize          length)
{
  char *path = get_path (name);
  GError *error = NULL;

  g_assert_true (g_file_set_contents (path, data, length, &error));
  g_assert_no_error (error);
  g_free (path);
}

static KaaProcess *
start_nginx (void)
{
  GString *text = g_string_new (configuration);
  KaaProcess *nginx;
  char *path, *log;

  begin_program ();
  g_string_replace (text, "DIR", program_dir, 0);
  write_file ("nginx.conf", text->str, text->len);
  g_string_free (text, TRUE);
  path = get_path ("nginx.conf");
  log = get_path ("error.log");
  nginx = new_program (KAA_PROCESS_NONE, "nginx", "-p", program_dir, "-e", log, "-c", path, NULL);
  start (nginx);
  g_free (path);
  g_free (log);
  return nginx;
}

static KaaIOChannel *
reach_nginx (KaaProcess *nginx)
{
  char *address = get_unix_address ("http");
  KaaSocket *client = reach (nginx, address);

  g_free (address);
  return KAA_IO_CHANNEL (client);
}

/* The length of the body that follows the header. */
static guint64
read_header (KaaIOChannel *client)
{
  guint64 length = G_MAXUINT64;
  char *line = get_line (client);

  g_assert_cmpstr (line, ==, "HTTP/1.1 200 OK\r\n");
  while (!g_str_equal (line, "\r\n"))
    {
      if (g_ascii_strncasecmp (line, "content-length:", 15) == 0)
        length = g_ascii_strtoull (line + 15, NULL, 10);
      g_free (line);
      line = get_line (client);
      g_assert_cmpstr (line, !=, "");
    }
  g_free (line);
  return length;
}

/* One connection, one request after the other. */
static void
test_keep_alive (void)
{
  guint8 *page;
  KaaProcess *nginx;
  KaaIOChannel *client;

  if (is_missing ("nginx"))
    return;
  page = make_noise (PAGE_LENGTH);
  nginx = start_nginx ();
  write_file ("page", page, PAGE_LENGTH);
  client = reach_nginx (nginx);
  for (guint i = 0; i < N_REQUESTS; i++)
    {
      GBytes *body;

      send_text (client, "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n");
      g_assert_cmpuint (read_header (client), ==, PAGE_LENGTH);
      body = wait_bytes (kaa_io_channel_read_exactly (client, PAGE_LENGTH));
      g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body), page, PAGE_LENGTH);
      g_bytes_unref (body);
    }
  assert_queue (client, "");
  g_free (page);
  finish_channel (client);
  end_program (nginx);
}

/* The body goes straight into a file, what was read with the header first. */
static void
test_download (void)
{
  guint8 *large;
  KaaProcess *nginx;
  KaaIOChannel *client, *file;
  KaaInProgress *moved;
  const GValue *value;
  GMappedFile *copy;
  GError *error = NULL;
  char *path;
  int fd;

  if (is_missing ("nginx"))
    return;
  nginx = start_nginx ();
  large = make_noise (LARGE_LENGTH);
  write_file ("large", large, LARGE_LENGTH);
  client = reach_nginx (nginx);
  path = get_path ("copy");
  fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  file = open_fd (fd, KAA_IO_WRITE);

  send_text (client, "GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  g_assert_cmpuint (read_header (client), ==, LARGE_LENGTH);
  moved = kaa_io_channel_splice (client, file, KAA_SPLICE_CLOSE_TARGET);
  spin_until (kaa_in_progress_get_finished (moved));
  value = kaa_in_progress_get_result (moved, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_value_get_uint64 (value), ==, LARGE_LENGTH);
  g_object_unref (moved);
  finish_channel (file);

  copy = g_mapped_file_new (path, FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_mapped_file_get_length (copy), ==, LARGE_LENGTH);
  g_assert_true (memcmp (g_mapped_file_get_contents (copy), large, LARGE_LENGTH) == 0);
  g_mapped_file_unref (copy);
  g_free (path);
  g_free (large);
  finish_channel (client);
  end_program (nginx);
}

int
main (int    argc,
      char **argv)
{
  char *path;

  g_test_init (&argc, &argv, NULL);
  /* Where Debian has nginx, which is not in every user's path. */
  path = g_strconcat (g_getenv ("PATH"), ":/usr/sbin", NULL);
  g_setenv ("PATH", path, TRUE);
  g_free (path);
  g_test_add_func ("/nginx/keep-alive", test_keep_alive);
  g_test_add_func ("/nginx/download", test_download);
  return g_test_run ();
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A grandchild that holds the output: it is not waited for, on pipes and on terminals. The one here reads a pipe whose
 * other end we have, so that it stays until the test says so. */

#include "ends/process-fixture.h"

#include <glib/gstdio.h>

typedef struct
{
  KaaProcess *self;
  int write_end;             /* what keeps the grandchild */
  gboolean finished;
} Family;

/* The rest of the command is the grandchild's, with cat at its end. SIGHUP is what a terminal sends when its session leader ends. */
static void
begin_as (GType            type,
          Family          *family,
          const char      *before,
          KaaProcessFlags  flags)
{
  char *command = g_strdup_printf ("trap '' HUP; %s (cat; echo grandchild) <&9 & exit 5", before);
  GError *error = NULL;
  int read_end;

  *family = (Family) { 0, };
  make_pipe (&read_end, &family->write_end);
  family->self = g_object_new (type, "argv", (const char * []) { "/bin/sh", "-c", command, NULL }, "flags", flags, NULL);
  g_assert_true (kaa_process_take_fd (family->self, read_end, 9, &error));
  g_assert_no_error (error);
  g_free (command);
}

static void
begin (Family          *family,
       const char      *before,
       KaaProcessFlags  flags)
{
  begin_as (KAA_TYPE_PROCESS, family, before, flags);
}

static void
let_go (Family *family)
{
  if (family->write_end >= 0)
    close (family->write_end);
  family->write_end = -1;
}

static void
end (Family *family)
{
  let_go (family);
  finish_process (family->self);
}

static void
note_finished (KaaProcess *self,
               int         status,
               Family     *family)
{
  g_assert_cmpint (status, ==, 5);
  note ("finished");
  family->finished = TRUE;
}

static const KaaProcessFlags kinds[] = {
  KAA_PROCESS_NONE,
  KAA_PROCESS_PTY,
  KAA_PROCESS_STDERR_PIPE,
  KAA_PROCESS_MERGE_STDERR,
  KAA_PROCESS_PTY | KAA_PROCESS_STDERR_PIPE,
};

static const char *
get_newline (KaaProcessFlags flags)
{
  return (flags & KAA_PROCESS_PTY) ? "\r\n" : "\n";
}

static void
assert_text (KaaInProgress   *future,
             const char      *text,
             KaaProcessFlags  flags)
{
  char *line = g_strconcat (text, get_newline (flags), NULL);

  assert_bytes (future, line);
  g_free (line);
}

/* What futures read has an end: which is what iterations in other languages are made of. */
static void
test_readline (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      KaaIOChannel *errors;
      Family family;

      begin (&family, "echo child; echo err >&2;", kinds[i]);
      start (family.self);
      assert_text (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "child", kinds[i]);
      errors = kaa_process_get_stderr_channel (family.self);
      if (errors != NULL)
        assert_bytes (kaa_io_channel_readline (errors), "err\n");
      else if (kinds[i] != KAA_PROCESS_NONE)
        assert_text (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "err", kinds[i]);
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "");
      if (errors != NULL)
        assert_bytes (kaa_io_channel_readline (errors), "");
      settle ();
      g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (family.self)));
      g_assert_null (kaa_io_channel_get_error (KAA_IO_CHANNEL (family.self)));
      g_assert_cmpint (kaa_process_get_exit_status (family.self), ==, 5);
      end (&family);
    }
}

/* A request that waited when the child ended, and one that comes much later. */
static void
test_request_before_and_after (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      KaaInProgress *exactly;
      Family family;

      begin (&family, "printf part;", kinds[i]);
      start (family.self);
      exactly = kaa_io_channel_read_exactly (KAA_IO_CHANNEL (family.self), 100);
      assert_bytes (exactly, "part");
      assert_bytes (kaa_io_channel_read (KAA_IO_CHANNEL (family.self)), "");
      end (&family);

      begin (&family, "printf part;", kinds[i]);
      start (family.self);
      assert_status (kaa_process_wait (family.self), 5);
      settle ();
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "part");
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "");
      end (&family);
    }
}

/* Handlers hear all of it, the end, and then finished. */
static void
test_handlers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      Family family;

      begin (&family, "echo child; printf part;", kinds[i]);
      begin_events ();
      note_signal (KAA_IO_CHANNEL (family.self), "readline");
      note_signal (KAA_IO_CHANNEL (family.self), "closed");
      g_signal_connect (family.self, "finished", G_CALLBACK (note_finished), &family);
      start (family.self);
      spin_until (family.finished);
      settle ();
      assert_events ((kinds[i] & KAA_PROCESS_PTY) ? "L[child^|] L[part] hung-up finished"
                                                  : "L[child|] L[part] hung-up finished");
      end_events ();
      end (&family);
    }
}

/* Nobody reads: finished comes all the same. */
static void
test_unheard (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      Family family;

      begin (&family, "echo child;", kinds[i]);
      begin_events ();
      g_signal_connect (family.self, "finished", G_CALLBACK (note_finished), &family);
      start (family.self);
      spin_until (family.finished);
      end_events ();
      end (&family);
    }
}

static void
test_communicate (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      Family family;

      begin (&family, "echo child;", kinds[i]);
      assert_text (kaa_process_communicate (family.self, NULL), "child", kinds[i]);
      g_assert_cmpint (kaa_process_get_exit_status (family.self), ==, 5);
      end (&family);
    }
}

/* A grandchild that never stops writing does not put the end off, on a terminal either. */
static void
test_flood (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      KaaProcess *self = kaa_process_new_shell ("trap '' HUP; echo first; yes <&- & exit 5", kinds[i]);
      GByteArray *output = g_byte_array_new ();
      guint *finished = count_emissions (self, "finished");

      collect_into (KAA_IO_CHANNEL (self), "read", output);
      start (self);
      spin_until (*finished == 1);
      g_assert_false (kaa_io_channel_get_alive (KAA_IO_CHANNEL (self)));
      g_assert_cmpint (kaa_process_get_exit_status (self), ==, 5);
      g_byte_array_unref (output);
      finish_process (self);
    }
}

/* Much output, more than pipe or terminal hold, is complete. */
static void
test_much_output (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      GByteArray *output = g_byte_array_new ();
      Family family;

      begin (&family, "seq 100000;", kinds[i]);
      begin_events ();
      collect_into (KAA_IO_CHANNEL (family.self), "read", output);
      g_signal_connect (family.self, "finished", G_CALLBACK (note_finished), &family);
      start (family.self);
      spin_until (family.finished);
      g_assert_cmpuint (output->len, ==, 588895 + ((kinds[i] & KAA_PROCESS_PTY) ? 100000 : 0));
      end_events ();
      g_byte_array_unref (output);
      end (&family);
    }
}

/* The switch: everything that is written can be read, until the last one closes it; finished is early all the same. */
static void
test_not_close_on_exit (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      Family family;

      begin (&family, "echo child;", kinds[i]);
      kaa_process_set_close_on_exit (family.self, FALSE);
      begin_events ();
      g_signal_connect (family.self, "finished", G_CALLBACK (note_finished), &family);
      note_signal (KAA_IO_CHANNEL (family.self), "readline");
      note_signal (KAA_IO_CHANNEL (family.self), "closed");
      start (family.self);
      spin_until (family.finished);
      settle ();
      assert_events ((kinds[i] & KAA_PROCESS_PTY) ? "L[child^|] finished" : "L[child|] finished");
      g_assert_true (kaa_io_channel_get_alive (KAA_IO_CHANNEL (family.self)));
      let_go (&family);
      spin_until (!kaa_io_channel_get_alive (KAA_IO_CHANNEL (family.self)));
      settle ();
      assert_events ((kinds[i] & KAA_PROCESS_PTY) ? "L[grandchild^|] hung-up" : "L[grandchild|] hung-up");
      end_events ();
      end (&family);
    }
}

/* ... which may be thrown later. */
static void
test_close_on_exit_late (void)
{
  Family family;
  KaaInProgress *line;

  begin (&family, "", KAA_PROCESS_NONE);
  g_assert_true (kaa_process_get_close_on_exit (family.self));
  kaa_process_set_close_on_exit (family.self, FALSE);
  start (family.self);
  line = kaa_io_channel_readline (KAA_IO_CHANNEL (family.self));
  assert_status (kaa_process_wait (family.self), 5);
  settle ();
  g_assert_false (kaa_in_progress_get_finished (line));
  assert_at_rest ();
  kaa_process_set_close_on_exit (family.self, TRUE);
  assert_bytes (line, "");
  end (&family);
}

/* A subclass that changes what is read is asked for all of it. */
typedef KaaProcess Upper;
typedef KaaProcessClass UpperClass;
static GType upper_get_type (void);
G_DEFINE_TYPE (Upper, upper, KAA_TYPE_PROCESS)

static GBytes *
upper_read (KaaIOChannel  *channel,
            gsize          count,
            GError       **error)
{
  GBytes *bytes = KAA_IO_CHANNEL_CLASS (upper_parent_class)->read_nonblocking (channel, count, error);
  gsize length;
  char *upper;

  if (bytes == NULL)
    return NULL;
  upper = g_ascii_strup (g_bytes_get_data (bytes, NULL), (gssize) g_bytes_get_size (bytes));
  length = g_bytes_get_size (bytes);
  g_bytes_unref (bytes);
  return g_bytes_new_take (upper, length);
}

static void
upper_class_init (UpperClass *klass)
{
  KAA_IO_CHANNEL_CLASS (klass)->read_nonblocking = upper_read;
}

static void
upper_init (Upper *self)
{
}

static void
test_subclass (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      Family family;

      begin_as (upper_get_type (), &family, "seq 3; printf part;", kinds[i]);
      start (family.self);
      for (int line = 1; line <= 3; line++)
        {
          char digit[] = { (char) ('0' + line), '\0' };

          assert_text (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), digit, kinds[i]);
        }
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "PART");
      assert_bytes (kaa_io_channel_readline (KAA_IO_CHANNEL (family.self)), "");
      end (&family);
    }
}

/* A splice ends, too. */
static void
test_splice (void)
{
  Family family;
  KaaIOChannel *a, *b;
  KaaInProgress *splice;
  GError *error = NULL;

  begin (&family, "echo child;", KAA_PROCESS_NONE);
  start (family.self);
  g_assert_true (kaa_io_channel_new_pair (&a, &b, NULL));
  splice = kaa_io_channel_splice (KAA_IO_CHANNEL (family.self), a, KAA_SPLICE_NONE);
  assert_bytes (kaa_io_channel_readline (b), "child\n");
  spin_until (kaa_in_progress_get_finished (splice));
  kaa_in_progress_get_result (splice, &error);
  g_assert_no_error (error);
  g_object_unref (splice);
  finish_channel (a);
  finish_channel (b);
  end (&family);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/process-grandchild/readline", test_readline);
  g_test_add_func ("/process-grandchild/request-before-and-after", test_request_before_and_after);
  g_test_add_func ("/process-grandchild/handlers", test_handlers);
  g_test_add_func ("/process-grandchild/unheard", test_unheard);
  g_test_add_func ("/process-grandchild/communicate", test_communicate);
  g_test_add_func ("/process-grandchild/flood", test_flood);
  g_test_add_func ("/process-grandchild/much-output", test_much_output);
  g_test_add_func ("/process-grandchild/not-close-on-exit", test_not_close_on_exit);
  g_test_add_func ("/process-grandchild/close-on-exit-late", test_close_on_exit_late);
  g_test_add_func ("/process-grandchild/subclass", test_subclass);
  g_test_add_func ("/process-grandchild/splice", test_splice);
  return g_test_run ();
}

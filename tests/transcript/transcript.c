/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* transcript.c CASES: carries out the steps of cases.txt, and prints them with what happened. */

#include <kaaio/kaaio.h>

#include <stdlib.h>
#include <string.h>

/* Of the case that is under way. */
static GHashTable *objects;  /* name -> channel or future */
static GHashTable *handlers; /* "a.read" -> id of the handler */
static GHashTable *counts;   /* event -> how often it happened */
static GHashTable *hooks;    /* "event n:" -> steps to do then */
static gboolean silent;

static void do_step (const char *step);

/* Text */

static const char escaped[] = "\n\r\t\\ ";
static const char letters[] = "nrt\\s";

static GBytes *
parse_text (const char *word)
{
  const char *star = strrchr (word, '*');
  GByteArray *text = g_byte_array_new ();
  guint64 times = star != NULL ? g_ascii_strtoull (star + 1, NULL, 10) : 1;

  if (g_str_equal (word, "\"\""))
    return g_byte_array_free_to_bytes (text);
  while (times-- > 0)
    {
      for (const char *p = word; *p != '\0' && p != star; p++)
        {
          guint8 byte = *p;

          if (byte == '\\')
            {
              const char *letter = strchr (letters, *++p);

              byte = letter != NULL ? escaped[letter - letters] : '\0';
            }
          g_byte_array_append (text, &byte, 1);
        }
    }
  return g_byte_array_free_to_bytes (text);
}

static char *
format_text (GBytes *bytes)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);
  GString *text = g_string_new (size == 0 ? "\"\"" : NULL);

  if (size > 40)
    g_string_printf (text, "%" G_GSIZE_FORMAT " bytes", size);
  else
    {
      for (gsize i = 0; i < size; i++)
        {
          const char *place = memchr (escaped, data[i], strlen (escaped));

          if (place != NULL)
            g_string_append_printf (text, "\\%c", letters[place - escaped]);
          else if (data[i] == '\0')
            g_string_append (text, "\\0");
          else
            g_string_append_c (text, data[i]);
        }
    }
  return g_string_free (text, FALSE);
}

static char *
format_error (const GError *error)
{
  g_autoptr (GEnumClass) codes = g_type_class_ref (G_TYPE_IO_ERROR_ENUM);

  g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (G_IO_ERROR));
  return g_strdup (g_enum_get_value (codes, error->code)->value_nick);
}

static char *
format_value (const GValue *value)
{
  if (G_VALUE_HOLDS (value, G_TYPE_VALUE))
    return format_value (g_value_get_boxed (value));
  if (G_VALUE_HOLDS (value, G_TYPE_BYTES))
    return format_text (g_value_get_boxed (value));
  if (G_VALUE_HOLDS (value, G_TYPE_ERROR) && g_value_get_boxed (value) != NULL)
    return format_error (g_value_get_boxed (value));
  if (G_VALUE_HOLDS_BOOLEAN (value))
    return g_strdup (g_value_get_boolean (value) ? "true" : "false");
  if (G_VALUE_HOLDS_STRING (value) && g_value_get_string (value) != NULL)
    {
      g_autoptr (GBytes) bytes = g_bytes_new (g_value_get_string (value), strlen (g_value_get_string (value)));

      return format_text (bytes);
    }
  if (g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_INT64))
    {
      g_auto (GValue) number = G_VALUE_INIT;

      g_value_init (&number, G_TYPE_INT64);
      g_value_transform (value, &number);
      return g_strdup_printf ("%" G_GINT64_FORMAT, g_value_get_int64 (&number));
    }
  return g_strdup ("null");
}

/* What happens */

static void
happened (const char *event,
          const char *how,
          const char *value)
{
  guint count = GPOINTER_TO_UINT (g_hash_table_lookup (counts, event)) + 1;
  g_autofree char *hook = g_strdup_printf ("%s %u:", event, count);
  GPtrArray *steps;

  if (silent)
    return;
  g_print ("> %s%s: %s\n", event, how, value);
  g_hash_table_insert (counts, g_strdup (event), GUINT_TO_POINTER (count));
  steps = g_hash_table_lookup (hooks, hook);
  for (guint i = 0; steps != NULL && i < steps->len; i++)
    do_step (g_ptr_array_index (steps, i));
}

static void
failed (const char   *what,
        const GError *error)
{
  g_autofree char *value = format_error (error);

  happened (what, " failed", value);
}

static void
show (GObject    *object,
      const char *name,
      const char *property)
{
  g_autofree char *event = g_strdup_printf ("%s.%s", name, property);
  g_auto (GValue) value = G_VALUE_INIT;
  g_autofree char *text = NULL;

  g_object_get_property (object, property, &value);
  text = format_value (&value);
  happened (event, "", text);
}

static void
on_resolved (const GValue *result,
             gpointer      user_data)
{
  g_autofree char *value = format_value (result);

  happened (user_data, "", value);
}

static void
on_rejected (const GError *error,
             gpointer      user_data)
{
  failed (user_data, error);
}

static void
listen (KaaInProgress *future,
        const char    *name)
{
  kaa_in_progress_then (future,
                        on_resolved, g_strdup (name), g_free,
                        on_rejected, g_strdup (name), g_free);
}

/* Of any signal: its argument is what is printed. */
static void
marshal_signal (GClosure     *closure,
                GValue       *return_value,
                guint         n_values,
                const GValue *values,
                gpointer      hint,
                gpointer      marshal_data)
{
  char **words = closure->data; /* NAME, SIGNAL, "veto" or NULL */
  g_autofree char *event = g_strdup_printf ("%s.%s", words[0], words[1]);
  g_autofree char *value = format_value (&values[1]);

  if (G_VALUE_HOLDS_PARAM (&values[1]))
    show (g_value_get_object (&values[0]), words[0], g_value_get_param (&values[1])->name);
  else
    happened (event, "", value);
  if (return_value != NULL)
    g_value_set_boolean (return_value, words[2] == NULL);
}

static void
free_words (gpointer  words,
            GClosure *closure)
{
  g_strfreev (words);
}

static void
connect (GObject    *object,
         const char *name,
         const char *signal,
         const char *veto)
{
  char *words[] = { (char *) name, (char *) signal, (char *) veto, NULL };
  GClosure *closure = g_closure_new_simple (sizeof (GClosure), g_strdupv (words));
  gulong id;

  g_closure_set_marshal (closure, marshal_signal);
  g_closure_add_finalize_notifier (closure, closure->data, free_words);
  id = g_signal_connect_closure (object, signal, closure, FALSE);
  g_hash_table_insert (handlers, g_strdup_printf ("%s.%s", name, signal), GSIZE_TO_POINTER (id));
}

/* What is done */

static KaaIOCondition
parse_condition (const char *word)
{
  return (strchr (word, 'r') != NULL ? KAA_IO_READ : 0) | (strchr (word, 'w') != NULL ? KAA_IO_WRITE : 0);
}

static void
set (GObject    *object,
     const char *property,
     const char *word)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);

  if (spec->value_type == G_TYPE_BOOLEAN)
    g_object_set (object, property, g_str_equal (word, "true"), NULL);
  else if (spec->value_type == KAA_TYPE_OVERFLOW_POLICY)
    {
      g_autoptr (GEnumClass) policies = g_type_class_ref (KAA_TYPE_OVERFLOW_POLICY);

      g_object_set (object, property, g_enum_get_value_by_nick (policies, word)->value, NULL);
    }
  else
    g_object_set (object, property, g_ascii_strtoull (word, NULL, 10), NULL);
}

static gboolean
set_delimiters (KaaIOChannel  *channel,
                char         **words,
                GError       **error)
{
  g_autoptr (GPtrArray) delimiters = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (; *words != NULL; words++)
    g_ptr_array_add (delimiters, parse_text (*words));
  return kaa_io_channel_set_delimiter_bytes (channel, (GBytes **) delimiters->pdata, delimiters->len, error);
}

static KaaInProgress *
combine (const char  *verb,
         char       **names)
{
  g_autoptr (GPtrArray) futures = g_ptr_array_new ();

  for (; *names != NULL; names++)
    g_ptr_array_add (futures, g_hash_table_lookup (objects, *names));
  return (g_str_equal (verb, "all") ? kaa_in_progress_all : kaa_in_progress_any) ((KaaInProgress **) futures->pdata,
                                                                                   futures->len);
}

/* NAME = OBJECT.VERB ARGUMENT: those whose answer is a future. */
static KaaInProgress *
ask (gpointer    object,
     const char *verb,
     char      **arguments)
{
  const char *word = arguments[0];

  if (g_str_equal (verb, "read"))
    return kaa_io_channel_read (object);
  if (g_str_equal (verb, "read_some"))
    return kaa_io_channel_read_some (object, g_ascii_strtoull (word, NULL, 10));
  if (g_str_equal (verb, "readline"))
    return kaa_io_channel_readline (object);
  if (g_str_equal (verb, "readlines"))
    return kaa_io_channel_readlines (object);
  if (g_str_equal (verb, "read_exactly"))
    return kaa_io_channel_read_exactly (object, g_ascii_strtoull (word, NULL, 10));
  if (g_str_equal (verb, "flush"))
    return kaa_io_channel_flush (object);
  if (g_str_equal (verb, "wait_writable"))
    return kaa_io_channel_wait_writable (object, g_ascii_strtoull (word, NULL, 10));
  if (g_str_equal (verb, "shutdown"))
    return kaa_io_channel_shutdown (object, parse_condition (word));
  if (g_str_equal (verb, "splice"))
    return kaa_io_channel_splice (object, g_hash_table_lookup (objects, word), KAA_SPLICE_NONE);
  if (g_str_equal (verb, "close"))
    return kaa_io_channel_close (object,
                                 g_strv_contains ((const char **) arguments, "immediate") * KAA_CLOSE_IMMEDIATE |
                                 g_strv_contains ((const char **) arguments, "unexpected") * KAA_CLOSE_UNEXPECTED);
  if (g_str_equal (verb, "timeout"))
    return kaa_in_progress_timeout (object, g_ascii_strtod (word, NULL), arguments[1] != NULL);
  if (g_str_equal (verb, "noabort"))
    return kaa_in_progress_noabort (object);

  {
    g_autoptr (GBytes) text = parse_text (word);

    if (g_str_equal (verb, "read_until"))
      return kaa_io_channel_read_until (object, text);
    g_assert_cmpstr (verb, ==, "write");
    return kaa_io_channel_write_bytes (object, text);
  }
}

/* OBJECT.VERB ARGUMENT: those that are done in the call. */
static void
call (gpointer    object,
      const char *name,
      const char *verb,
      char      **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *what = g_strdup_printf ("%s.%s", name, verb);
  const char *word = arguments[0];
  gpointer handler = word != NULL ? g_strdup_printf ("%s.%s", name, word) : NULL;
  gulong id = handler != NULL ? GPOINTER_TO_SIZE (g_hash_table_lookup (handlers, handler)) : 0;

  g_free (handler);
  if (g_str_equal (verb, "on"))
    connect (object, name, word, arguments[1]);
  else if (g_str_equal (verb, "off"))
    g_signal_handler_disconnect (object, id);
  else if (g_str_equal (verb, "block"))
    g_signal_handler_block (object, id);
  else if (g_str_equal (verb, "unblock"))
    g_signal_handler_unblock (object, id);
  else if (g_str_equal (verb, "show"))
    show (object, name, word);
  else if (g_str_equal (verb, "set"))
    set (object, word, arguments[1]);
  else if (g_str_equal (verb, "delimiters"))
    set_delimiters (object, arguments, &error);
  else if (g_str_equal (verb, "consume"))
    kaa_io_channel_consume (object, g_ascii_strtoull (word, NULL, 10), &error);
  else if (g_str_equal (verb, "wrap"))
    kaa_io_channel_wrap_channel (object, g_hash_table_lookup (objects, word), parse_condition (arguments[1]), &error);
  else if (g_str_equal (verb, "steal"))
    kaa_io_channel_steal (object, g_hash_table_lookup (objects, word), &error);
  else if (g_str_equal (verb, "peek"))
    {
      g_autoptr (GBytes) bytes = kaa_io_channel_peek (object);
      g_autofree char *text = format_text (bytes);

      happened (what, "", text);
    }
  else if (g_str_equal (verb, "send"))
    {
      g_autoptr (GBytes) text = parse_text (word);

      kaa_io_channel_send (object, text, &error);
    }
  else if (g_str_equal (verb, "then"))
    listen (object, word);
  else if (g_str_equal (verb, "abort"))
    kaa_in_progress_abort (object, &error);
  else if (g_str_equal (verb, "finish"))
    kaa_in_progress_finish_int (object, g_ascii_strtoll (word, NULL, 10));
  else if (g_str_equal (verb, "throw"))
    {
      g_autoptr (GEnumClass) codes = g_type_class_ref (G_TYPE_IO_ERROR_ENUM);
      g_autoptr (GError) reason =
        g_error_new_literal (G_IO_ERROR, g_enum_get_value_by_nick (codes, word)->value, "thrown");

      kaa_in_progress_throw (object, reason);
    }
  else
    g_error ("no such verb: %s", verb);

  if (error != NULL)
    failed (what, error);
}

static void
turn (void)
{
  while (g_main_context_iteration (NULL, /* may_block= */ FALSE))
    ;
}

static void
keep (const char *name,
      gpointer    object)
{
  g_hash_table_insert (objects, g_strdup (name), object);
}

static void
add_hook (const char *step)
{
  /* "in EVENT N: STEP" */
  const char *colon = strstr (step, ": ");
  char *hook = g_strndup (step + 3, colon + 1 - (step + 3));
  GPtrArray *steps = g_hash_table_lookup (hooks, hook);

  if (steps == NULL)
    steps = g_ptr_array_new_with_free_func (g_free);
  else
    g_ptr_array_ref (steps);
  g_ptr_array_add (steps, g_strdup (colon + 2));
  g_hash_table_insert (hooks, hook, steps);
}

static void
do_step (const char *step)
{
  g_auto (GStrv) words = g_strsplit (step, " ", -1);
  gboolean asks = words[0] != NULL && g_strcmp0 (words[1], "=") == 0;
  char **rest = words + (asks ? 2 : 0);

  if (g_str_equal (words[0], "in"))
    add_hook (step);
  else if (g_str_equal (words[0], "turn"))
    turn ();
  else if (g_str_equal (words[0], "wait"))
    {
      while (!kaa_in_progress_get_finished (g_hash_table_lookup (objects, words[1])))
        g_main_context_iteration (NULL, /* may_block= */ TRUE);
      turn ();
    }
  else if (g_str_equal (words[0], "pair"))
    {
      g_autoptr (GError) error = NULL;
      KaaIOChannel *a, *b;

      kaa_io_channel_new_pair (&a, &b, &error);
      g_assert_no_error (error);
      keep (words[1], a);
      keep (words[2], b);
    }
  else if (g_str_equal (words[0], "channel"))
    keep (words[1], kaa_io_channel_new ());
  else if (g_str_equal (words[0], "promise"))
    {
      keep (words[1], kaa_in_progress_new (NULL));
      listen (g_hash_table_lookup (objects, words[1]), words[1]);
    }
  else if (asks && strchr (rest[0], '.') == NULL)
    {
      keep (words[0], combine (rest[0], rest + 1));
      listen (g_hash_table_lookup (objects, words[0]), words[0]);
    }
  else
    {
      g_auto (GStrv) target = g_strsplit (rest[0], ".", 2);
      gpointer object = g_hash_table_lookup (objects, target[0]);

      if (object == NULL || target[1] == NULL)
        g_error ("cannot do: %s", step);
      if (asks)
        {
          keep (words[0], ask (object, target[1], rest + 1));
          listen (g_hash_table_lookup (objects, words[0]), words[0]);
        }
      else
        call (object, target[0], target[1], rest + 1);
    }
}

static void
forget (void)
{
  GHashTableIter iter;
  gpointer object;

  silent = TRUE;
  g_hash_table_remove_all (hooks);
  g_hash_table_iter_init (&iter, objects);
  while (g_hash_table_iter_next (&iter, NULL, &object))
    {
      if (KAA_IS_IO_CHANNEL (object))
        g_object_unref (kaa_io_channel_close (object, KAA_CLOSE_IMMEDIATE));
    }
  turn ();
  g_hash_table_remove_all (objects);
  g_hash_table_remove_all (handlers);
  g_hash_table_remove_all (counts);
  silent = FALSE;
}

int
main (int   argc,
      char *argv[])
{
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;
  g_auto (GStrv) lines = NULL;

  if (argc != 2 || !g_file_get_contents (argv[1], &contents, NULL, &error))
    g_error ("%s", error != NULL ? error->message : "usage: transcript CASES");

  objects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  handlers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  hooks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);

  lines = g_strsplit (contents, "\n", -1);
  for (char **line = lines; *line != NULL && line[1] != NULL; line++)
    {
      if (g_str_has_prefix (*line, "> "))
        continue;
      g_print ("%s\n", *line);
      if (g_str_has_prefix (*line, "case "))
        forget ();
      else if (**line != '\0' && **line != '#')
        do_step (*line);
    }
  forget ();
  g_hash_table_unref (objects);
  g_hash_table_unref (handlers);
  g_hash_table_unref (counts);
  g_hash_table_unref (hooks);
  return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What ends a line: as strings, and as bytes. */

#include "channel/kaa-channel-properties.h"

#include <string.h>

static void
set_delimiters (KaaIOChannel  *self,
                GBytes       **delimiters,
                gsize          n)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);

  KaaChannelOptions *options = kaa_channel_own_options (priv);

  kaa_channel_end_loan (priv);
  kaa_delimiters_unref (options->delimiters);
  options->delimiters = kaa_delimiters_new (delimiters, n);
  if (kaa_channel_get_queued (priv) > 0)
    {
      priv->reading->scan = (KaaScan) { 0, };
      priv->reading->overflow_told = FALSE;
    }
  priv->head_serial++;
  kaa_channel_property_changed (self, KAA_PROP_DELIMITER);
  kaa_channel_property_changed (self, KAA_PROP_DELIMITERS);
}

/**
 * kaa_io_channel_set_delimiter_bytes:
 * @self: a channel
 * @delimiters: (array length=n_delimiters): what ends a line
 * @n_delimiters: how many
 * @error: return location for an error
 *
 * Sets the delimiters, which may hold any bytes. The earliest match ends a line, the longest at the same place.
 *
 * It fails with `G_IO_ERROR_INVALID_ARGUMENT` where there are none, or an empty one; then nothing changes.
 *
 * Returns: %TRUE if they were set
 *
 * Since: 1.0
 */
gboolean
kaa_io_channel_set_delimiter_bytes (KaaIOChannel  *self,
                                    GBytes       **delimiters,
                                    gsize          n_delimiters,
                                    GError       **error)
{
  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  for (gsize i = 0; i < n_delimiters; i++)
    if (g_bytes_get_size (delimiters[i]) == 0)
      n_delimiters = 0;

  if (n_delimiters == 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                           "There must be a delimiter, and none may be empty");
      return FALSE;
    }

  set_delimiters (self, delimiters, n_delimiters);
  return TRUE;
}

/**
 * kaa_io_channel_get_delimiter_bytes:
 * @self: a channel
 * @n_delimiters: (out): how many
 *
 * The delimiters.
 *
 * Returns: (array length=n_delimiters) (transfer container): the delimiters
 *
 * Since: 1.0
 */
GBytes **
kaa_io_channel_get_delimiter_bytes (KaaIOChannel *self,
                                    gsize        *n_delimiters)
{
  GBytes * const *list;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);
  g_return_val_if_fail (n_delimiters != NULL, NULL);

  list = kaa_delimiters_get (kaa_channel_get_private (self)->options->delimiters, n_delimiters);
  return g_memdup2 (list, *n_delimiters * sizeof (GBytes *));
}

/* A string if the delimiter can be one. */
static char *
dup_delimiter (GBytes *bytes)
{
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  return g_utf8_validate_len (data, length, NULL) ? g_strndup (data, length) : NULL;
}

/**
 * kaa_io_channel_get_delimiter: (get-property delimiter)
 * @self: a channel
 *
 * The delimiter.
 *
 * Returns: (nullable): the delimiter, %NULL where there are several, or where it is no UTF-8 string. It is interned.
 *
 * Since: 1.0
 */
const char *
kaa_io_channel_get_delimiter (KaaIOChannel *self)
{
  GBytes * const *list;
  const char *interned;
  char *string;
  gsize n;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  list = kaa_delimiters_get (kaa_channel_get_private (self)->options->delimiters, &n);
  if (n != 1)
    return NULL;

  string = dup_delimiter (list[0]);
  interned = string != NULL ? g_intern_string (string) : NULL;
  g_free (string);
  return interned;
}

/**
 * kaa_io_channel_set_delimiter: (set-property delimiter)
 * @self: a channel
 * @delimiter: what ends a line, not empty
 *
 * Sets the one delimiter.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_delimiter (KaaIOChannel *self,
                              const char   *delimiter)
{
  GBytes *bytes;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (delimiter != NULL && *delimiter != '\0');

  bytes = g_bytes_new (delimiter, strlen (delimiter));
  set_delimiters (self, &bytes, 1);
  g_bytes_unref (bytes);
}

/**
 * kaa_io_channel_get_delimiters: (get-property delimiters)
 * @self: a channel
 *
 * The delimiters, without those that are no UTF-8 strings.
 *
 * Returns: (transfer full) (array zero-terminated=1): the delimiters
 *
 * Since: 1.0
 */
char **
kaa_io_channel_get_delimiters (KaaIOChannel *self)
{
  GPtrArray *strings;
  GBytes * const *list;
  gsize n;

  g_return_val_if_fail (KAA_IS_IO_CHANNEL (self), NULL);

  strings = g_ptr_array_new ();
  list = kaa_delimiters_get (kaa_channel_get_private (self)->options->delimiters, &n);
  for (gsize i = 0; i < n; i++)
    {
      char *string = dup_delimiter (list[i]);

      if (string != NULL)
        g_ptr_array_add (strings, string);
    }
  g_ptr_array_add (strings, NULL);
  return (char **) g_ptr_array_free (strings, FALSE);
}

/**
 * kaa_io_channel_set_delimiters: (set-property delimiters)
 * @self: a channel
 * @delimiters: (array zero-terminated=1): what ends a line: at least one, none of them empty
 *
 * Sets the delimiters. The earliest match ends a line, the longest at the same place.
 *
 * Since: 1.0
 */
void
kaa_io_channel_set_delimiters (KaaIOChannel       *self,
                               const char * const *delimiters)
{
  GPtrArray *list;

  g_return_if_fail (KAA_IS_IO_CHANNEL (self));
  g_return_if_fail (delimiters != NULL && delimiters[0] != NULL);
  for (gsize i = 0; delimiters[i] != NULL; i++)
    g_return_if_fail (*delimiters[i] != '\0');

  list = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (gsize i = 0; delimiters[i] != NULL; i++)
    g_ptr_array_add (list, g_bytes_new (delimiters[i], strlen (delimiters[i])));
  set_delimiters (self, (GBytes **) list->pdata, list->len);
  g_ptr_array_unref (list);
}

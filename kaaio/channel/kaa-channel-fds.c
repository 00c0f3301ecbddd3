/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Descriptors that travel with the bytes of a unix socket.
 *
 * The kernel gives no read bytes from behind a message with descriptors, so the position behind such a read tells which message they
 * belong to. It is remembered as a mark in the stream. Marks stand still while bytes are read, queued and taken; whoever has taken
 * the bytes up to a mark may take its descriptors.
 */

#include "channel/kaa-io-channel-private.h"

struct _KaaMark
{
  KaaMark *next;
  guint64 position; /* behind the last byte of the read that they came with */
  KaaFds *fds;
};

static void
mark_free (KaaMark *mark)
{
  if (mark->fds != NULL)
    kaa_fds_free (mark->fds);
  g_free (mark);
}

/* The position of the head of the queue. */
static guint64
get_head (KaaIOChannelPrivate *priv)
{
  return priv->bytes_read - kaa_channel_get_queued (priv);
}

/* How far the application has got: `read` handlers have had what stays in the queue for requests. */
static guint64
get_reached (KaaIOChannelPrivate *priv)
{
  return get_head (priv) + priv->reading->heard.had;
}

/* --- receiving --- */

void
kaa_channel_add_fds (KaaIOChannel *self,
                     KaaFds       *take)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaMark **link = &priv->reading->marks;
  guint waiting = 0;
  KaaMark *mark;

  for (; *link != NULL; link = &(*link)->next)
    waiting += (*link)->fds->n;
  kaa_fds_truncate (take, kaa_subtract (priv->options->accept_fds, waiting));
  if (take->n == 0)
    {
      g_debug ("More descriptors came than accept-fds allows; they were closed");
      kaa_fds_free (take);
      return;
    }

  mark = g_new0 (KaaMark, 1);
  mark->position = priv->bytes_read;
  mark->fds = take;
  *link = mark;
}

gsize
kaa_channel_get_bytes_to_mark (KaaIOChannelPrivate *priv)
{
  guint64 head = get_head (priv);

  for (KaaMark *mark = priv->reading->marks; mark != NULL; mark = mark->next)
    if (mark->position > head)
      return (gsize) (mark->position - head);
  return G_MAXSIZE;
}

/* Nobody will get the first length bytes of the queue. */
void
kaa_channel_drop_fds (KaaIOChannelPrivate *priv,
                      gsize                length)
{
  guint64 head = get_head (priv);
  KaaMark **link = &priv->reading->marks;

  while (*link != NULL && (*link)->position <= head + length)
    {
      KaaMark *mark = *link;

      if (mark->position > head)
        {
          *link = mark->next;
          mark_free (mark);
        }
      else
        {
          link = &mark->next;
        }
    }
}

void
kaa_channel_clear_fds (KaaIOChannelPrivate *priv)
{
  KaaMark *mark;

  while ((mark = priv->reading->marks) != NULL)
    {
      priv->reading->marks = mark->next;
      mark_free (mark);
    }
}

KaaFds *
kaa_channel_take_fds (KaaIOChannel *self,
                      guint64      *position)
{
  KaaIOChannelPrivate *priv = kaa_channel_get_private (self);
  KaaMark *mark = priv->reading->marks;
  KaaFds *fds;

  if (mark == NULL || mark->position > get_reached (priv))
    return NULL;

  priv->reading->marks = mark->next;
  *position = mark->position;
  fds = g_steal_pointer (&mark->fds);
  mark_free (mark);
  return fds;
}

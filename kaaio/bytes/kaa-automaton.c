/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bytes/kaa-automaton.h"

#include <string.h>

/* The words that share a node's prefix. */
typedef struct
{
  guint32 begin;
  guint32 end;
} Range;

/* Appends the children of node i and notes whether it is a word itself. Each word is looked
 * at once for each of its bytes. Returns how many nodes there are now. */
static guint32
add_children (KaaAutomaton  *self,
              const KaaWord *words,
              Range         *ranges,
              guint32        i,
              guint32        count)
{
  guint32 depth = self->nodes[i].depth;
  guint32 begin = ranges[i].begin;

  self->nodes[i].first_child = count;
  self->nodes[i].output = 0;
  if (words[begin].length == depth)
    {
      self->nodes[i].output = depth;
      begin++;
    }

  while (begin < ranges[i].end)
    {
      guint8 byte = words[begin].data[depth];
      guint32 end = begin + 1;

      while (end < ranges[i].end && words[end].data[depth] == byte)
        end++;

      self->bytes[count] = byte;
      self->nodes[count].depth = depth + 1;
      ranges[count].begin = begin;
      ranges[count].end = end;
      count++;
      begin = end;
    }

  return count;
}

static guint32
build_trie (KaaAutomaton  *self,
            const KaaWord *words,
            gsize          n,
            gsize          max_nodes)
{
  Range *ranges = g_new (Range, max_nodes);
  guint32 count = 1;
  guint32 i;

  self->bytes[0] = 0;
  self->nodes[0].depth = 0;
  ranges[0].begin = 0;
  ranges[0].end = (guint32) n;
  for (i = 0; i < count; i++)
    count = add_children (self, words, ranges, i, count);
  self->nodes[count].first_child = count;

  g_free (ranges);
  return count;
}

/* Breadth first, so what a node's fail leads to is complete already. */
static void
link_fails (KaaAutomaton *self,
            guint32       count)
{
  guint32 i, child;

  memset (self->begins, 0, sizeof (self->begins));
  self->nodes[0].fail = 0;
  for (child = 1; child < self->nodes[1].first_child; child++)
    {
      self->begins[self->bytes[child]] = child;
      self->nodes[child].fail = 0;
    }

  for (i = 1; i < count; i++)
    {
      for (child = self->nodes[i].first_child; child < self->nodes[i + 1].first_child; child++)
        {
          KaaNode *node = &self->nodes[child];

          node->fail = kaa_automaton_step (self, self->nodes[i].fail, self->bytes[child]);
          if (node->output == 0)
            node->output = self->nodes[node->fail].output;
        }
    }
}

KaaAutomaton *
kaa_automaton_new (const KaaWord *words,
                   gsize          n)
{
  KaaAutomaton *self = g_new (KaaAutomaton, 1);
  gsize max_nodes = 2; /* the root, and the end of the last range */
  guint32 count;
  gsize i;

  for (i = 0; i < n; i++)
    {
      g_assert (words[i].length < G_MAXUINT32 - max_nodes);
      max_nodes += words[i].length;
    }

  self->nodes = g_new (KaaNode, max_nodes);
  self->bytes = g_new (guint8, max_nodes);
  count = build_trie (self, words, n, max_nodes);

  /* Common prefixes are there only once. */
  self->nodes = g_renew (KaaNode, self->nodes, count + 1);
  self->bytes = g_renew (guint8, self->bytes, count);
  link_fails (self, count);

  return self;
}

void
kaa_automaton_free (KaaAutomaton *self)
{
  g_free (self->nodes);
  g_free (self->bytes);
  g_free (self);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * KaaAutomaton: the Aho-Corasick automaton behind a set of delimiters (kaa-delimiters.c is
 * its only user).
 *
 * A node stands for a prefix of some delimiter; node 0, the root, for the empty one. After
 * any input the state is the node of the longest prefix that the input ends with, so its
 * depth tells how far back a delimiter that is not complete yet may begin. The memory is
 * linear in the length of all delimiters together, a common prefix counted once.
 */

/* The nodes are in breadth-first order, so the children of node i are
 * [nodes[i].first_child, nodes[i + 1].first_child), in the order of their bytes; one node
 * behind the last ends the last range. */
typedef struct
{
  guint32 first_child;
  guint32 fail;   /* the longest proper suffix that is a node too */
  guint32 depth;  /* how long the prefix is */
  guint32 output; /* the longest delimiter that the prefix ends with, itself included; 0: none */
} KaaNode;

typedef struct
{
  KaaNode *nodes;
  guint8 *bytes;       /* the byte that leads to each node */
  guint32 begins[256]; /* the root's child for each byte, 0 where there is none */
} KaaAutomaton;

typedef struct
{
  const guint8 *data;
  gsize length;
  gsize index; /* of use to the caller */
} KaaWord;

/* The words are sorted as memcmp() does, a prefix before what it begins, and distinct. They
 * are not needed any more afterwards. */
KaaAutomaton *kaa_automaton_new  (const KaaWord *words,
                                  gsize          n);
void          kaa_automaton_free (KaaAutomaton  *self);

static inline gboolean
kaa_automaton_is_leaf (const KaaAutomaton *self,
                       guint32             node)
{
  return self->nodes[node].first_child == self->nodes[node + 1].first_child;
}

static inline guint32
kaa_automaton_find_child (const KaaAutomaton *self,
                          guint32             node,
                          guint8              byte)
{
  guint32 low = self->nodes[node].first_child;
  guint32 high = self->nodes[node + 1].first_child;

  while (low < high)
    {
      guint32 middle = low + (high - low) / 2;

      if (self->bytes[middle] == byte)
        return middle;
      if (self->bytes[middle] < byte)
        low = middle + 1;
      else
        high = middle;
    }

  return 0;
}

/* The state after one more byte. Each step back along fail takes back an earlier step
 * forward, which is what keeps the search linear. */
static inline guint32
kaa_automaton_step (const KaaAutomaton *self,
                    guint32             node,
                    guint8              byte)
{
  while (node != 0)
    {
      guint32 child = kaa_automaton_find_child (self, node, byte);

      if (child != 0)
        return child;
      node = self->nodes[node].fail;
    }

  return self->begins[byte];
}

G_END_DECLS

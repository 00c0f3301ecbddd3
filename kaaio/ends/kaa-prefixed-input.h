/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * An input stream that begins with bytes at hand, and goes on with another stream.
 *
 * It can be polled where the other one can, which GIO's buffered stream cannot: TLS over it never blocks. It may be read in
 * another thread than it is polled in.
 */

#define KAA_TYPE_PREFIXED_INPUT (kaa_prefixed_input_get_type ())
G_DECLARE_FINAL_TYPE (KaaPrefixedInput, kaa_prefixed_input, KAA, PREFIXED_INPUT, GFilterInputStream)

/* owner: what the base stream belongs to, which must not go first. References are taken. */
KaaPrefixedInput *kaa_prefixed_input_new (GInputStream     *base,
                                          GObject          *owner);
/* Behind what was added before. */
void              kaa_prefixed_input_add (KaaPrefixedInput *self,
                                          GBytes           *bytes);

G_END_DECLS

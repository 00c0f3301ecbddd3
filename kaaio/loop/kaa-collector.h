/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From JavaScript, in its thread: finds its collector. Before that, and where there is none, the others do nothing. */
void kaa_collector_attach (void);

/* Before JavaScript is called: has a collection that is under way finish. */
void kaa_collector_finish (void);

/* After a call was dropped: collects. FALSE: that is not possible here. */
gboolean kaa_collector_collect (void);

G_END_DECLS

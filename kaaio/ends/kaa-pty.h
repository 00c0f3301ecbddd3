/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A new pseudo-terminal of a size: both ends CLOEXEC and above 2, the master non-blocking. Nobody's controlling terminal yet. */
gboolean kaa_pty_open      (guint    rows,
                            guint    columns,
                            int     *master,
                            int     *slave,
                            GError **error);
/* Its foreground processes get SIGWINCH if that is a change. Either end. */
gboolean kaa_pty_set_size  (int      fd,
                            guint    rows,
                            guint    columns);
/* The character that ends the input of who reads lines, 0 if there is none. Either end. */
guint8   kaa_pty_get_eof   (int      fd);

G_END_DECLS

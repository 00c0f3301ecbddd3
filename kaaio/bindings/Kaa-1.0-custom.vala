// SPDX-License-Identifier: LGPL-2.1-or-later
// What introspection leaves out, because interpreters have no use for it: a Vala program walks a block as C does.
namespace Kaa {
	[CCode (cheader_filename = "kaaio/kaaio.h", has_copy_function = false, has_destroy_function = false, has_type_id = false)]
	[Version (since = "1.0")]
	public struct LineIter {
		[CCode (cname = "kaa_line_iter_init")]
		public LineIter (Kaa.IOChannel channel, GLib.Bytes block);
		[CCode (cname = "kaa_line_iter_next")]
		public bool next ([CCode (array_length_type = "gsize", type = "const char**")] out unowned uint8[] line);
	}
}

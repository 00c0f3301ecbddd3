// SPDX-License-Identifier: LGPL-2.1-or-later
// The contract as Vala sees it; each case is named by its rule.

using Support;

void test_r2_in_order () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var line = ours.read_line ();
  var three = ours.read_exactly (3);
  var rest = ours.read_lines ();
  theirs.write ("one\ntwothree\nfour\n".data);
  assert_text (rest, "three\nfour\n");
  assert_text (three, "two");
  assert_text (line, "one\n");
}

void test_r2_before_open () {
  var channel = new Kaa.IOChannel ();
  var line = channel.read_line ();
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  theirs.write ("one\n".data);
  try {
    channel.wrap_channel (ours, Kaa.IOCondition.READ);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_text (line, "one\n");
}

void test_r3_handlers_and_requests () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  string seen = "";
  ours.read.connect ((chunk) => {
    seen += text (chunk);
  });
  var line = ours.read_line ();
  theirs.write ("one\ntwo\n".data);
  assert_text (line, "one\n");
  assert_text (ours.read_line (), "two\n");
  assert_cmpstr (seen, EQ, "one\ntwo\n");
}

void test_r4_header_and_body () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  string[] seen = {};
  ours.readline.connect ((channel, line) => {
    seen += text (line);
    if (text (line) == "4\n")
      channel.read_exactly (4).then ((result) => {
        seen += text ((Bytes) result.get_boxed ());
      });
  });
  assert_fails (ours.read_line (), IOError.PENDING);
  theirs.write ("4\na\nb\nafter\n".data);
  spin_until (() => seen.length == 3);
  assert_cmpstr (string.joinv ("|", seen), EQ, "4\n|a\nb\n|after\n");
}

void test_r5_disconnect () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  uint count = 0;
  ulong handler = 0;
  handler = ours.readline.connect ((channel, line) => {
    count++;
    channel.disconnect (handler);
  });
  theirs.write ("one\ntwo\n".data);
  spin_until (() => count == 1);
  assert_text (ours.read_line (), "two\n");
  assert (count == 1);
}

void test_r7_too_long () {
  var channel = filled ("12345\nab\n");
  channel.queue_size = 4;
  assert_text (channel.read_line (), "1234");
  assert_text (channel.read_line (), "5\n");

  var other = filled ("12345\nab\n");
  other.queue_size = 4;
  other.overflow_policy = Kaa.OverflowPolicy.DISCARD;
  assert_fails (other.read_line (), IOError.MESSAGE_TOO_LARGE);
  assert_text (other.read_line (), "ab\n");
}

void test_r8_end () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var one = ours.read_line ();
  var two = ours.read_line ();
  var three = ours.read_line ();
  theirs.write ("one\ntwo".data);
  theirs.close ();
  assert_text (three, "");
  assert_text (two, "two");
  assert_text (one, "one\n");
  spin_until (() => !ours.alive);
  assert (ours.eof && !ours.readable);
}

void test_r10_no_data () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var aborted = ours.read_line ();
  try {
    aborted.abort_operation ();
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_fails (aborted, IOError.CANCELLED);
  assert_fails (ours.read_line ().timeout (0.01, true), IOError.TIMED_OUT);
  // Dropped without having been looked at.
  ours.read_line ();
  theirs.write ("one\n".data);
  assert_text (ours.read_line (), "one\n");
}

void test_w1_before_open () {
  var channel = new Kaa.IOChannel ();
  channel.write ("one\n".data);
  channel.write ("two\n".data);
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  try {
    channel.wrap_channel (ours, Kaa.IOCondition.WRITE);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_text (theirs.read_exactly (8), "one\ntwo\n");
}

void test_w2_refused () {
  var channel = new Kaa.IOChannel ();
  channel.queue_size = 8;
  channel.write ("12345".data);
  assert_fails (channel.write ("1234".data), IOError.WOULD_BLOCK);
  assert (!channel.writable);
  assert_fails (channel.write ("123456789".data), IOError.MESSAGE_TOO_LARGE);
  try {
    channel.send (new Bytes ("1234".data));
    assert_not_reached ();
  } catch (Error error) {
    assert (error is IOError.WOULD_BLOCK);
  }
  assert (channel.write_queue_used == 5);
}

void test_w5_abort () {
  var channel = new Kaa.IOChannel ();
  channel.write ("one\n".data);
  var second = channel.write ("two\n".data);
  channel.write ("three\n".data);
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  try {
    second.abort_operation ();
    channel.wrap_channel (ours, Kaa.IOCondition.WRITE);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_text (theirs.read_exactly (10), "one\nthree\n");
}

void test_w6_closed_between () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var write = ours.write (new uint8[1024 * 1024]);
  ours.close (Kaa.CloseFlags.IMMEDIATE);
  assert_fails (write, IOError.CLOSED);
  assert_fails (ours.write ("late".data), IOError.CLOSED);
}

void test_c1_flushed_first () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var write = ours.write (new uint8[1000000]);
  ours.close ();
  assert (!ours.alive);
  size_t size = 0;
  try {
    for (var chunk = theirs.read_chunk ().wait_bytes (); chunk.get_size () > 0; chunk = theirs.read_chunk ().wait_bytes ())
      size += chunk.get_size ();
    assert (size == 1000000);
    assert (write.wait_int () == 1000000);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_c2_once () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  uint count = 0;
  ours.closed.connect ((expected) => {
    assert (expected);
    count++;
  });
  var first = ours.close ();
  var second = ours.close (Kaa.CloseFlags.IMMEDIATE);
  assert (count == 0);
  try {
    assert (first.wait_boolean () && second.wait_boolean ());
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  spin_until (() => count > 0);
  assert (count == 1);
}

void test_c5_kept () {
  Kaa.IOChannel? ours;
  Kaa.IOChannel theirs;
  pair (out ours, out theirs);
  string seen = "";
  ours.readline.connect ((line) => {
    seen += text (line);
  });
  ours = null;
  theirs.write ("one\n".data);
  spin_until (() => seen == "one\n");
}

void test_c6_wait_in_handler () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  string[] seen = {};
  ours.readline.connect ((channel, line) => {
    seen += text (line);
    try {
      if (seen.length == 1)
        seen += text (channel.read_exactly (4).wait_bytes ());
    } catch (Error error) {
      GLib.error ("%s", error.message);
    }
  });
  theirs.write ("one\ntwo\nthree\n".data);
  spin_until (() => seen.length == 3);
  assert_cmpstr (string.joinv ("|", seen), EQ, "one\n|two\n|three\n");
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/vala/R2/in-order", test_r2_in_order);
  Test.add_func ("/vala/R2/before-open", test_r2_before_open);
  Test.add_func ("/vala/R3/handlers-and-requests", test_r3_handlers_and_requests);
  Test.add_func ("/vala/R4/header-and-body", test_r4_header_and_body);
  Test.add_func ("/vala/R5/disconnect", test_r5_disconnect);
  Test.add_func ("/vala/R7/too-long", test_r7_too_long);
  Test.add_func ("/vala/R8/end", test_r8_end);
  Test.add_func ("/vala/R10/no-data", test_r10_no_data);
  Test.add_func ("/vala/W1/before-open", test_w1_before_open);
  Test.add_func ("/vala/W2/refused", test_w2_refused);
  Test.add_func ("/vala/W5/abort", test_w5_abort);
  Test.add_func ("/vala/W6/closed-between", test_w6_closed_between);
  Test.add_func ("/vala/C1/flushed-first", test_c1_flushed_first);
  Test.add_func ("/vala/C2/once", test_c2_once);
  Test.add_func ("/vala/C5/kept", test_c5_kept);
  Test.add_func ("/vala/C6/wait-in-handler", test_c6_wait_in_handler);
  return Test.run ();
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// Channels from Vala: yield, signals, flags, properties, subclasses.

using Support;

// What passes is turned by 13 letters.
class Rot13 : Kaa.IOChannel {
  public Rot13 (string delimiter = "\n") {
    Object (delimiter: delimiter);
  }

  protected override Bytes read_nonblocking (size_t count) throws Error {
    return turn (base.read_nonblocking (count));
  }

  protected override ssize_t write_nonblocking (Bytes data) throws Error {
    return base.write_nonblocking (turn (data));
  }

  private static Bytes turn (Bytes bytes) {
    var turned = new uint8[bytes.get_size ()];
    for (int i = 0; i < turned.length; i++) {
      char letter = (char) bytes.get (i);
      if (letter.isalpha ())
        letter += letter.toupper () < 'N' ? 13 : -13;
      turned[i] = (uint8) letter;
    }
    return new Bytes.take ((owned) turned);
  }
}

// What arrives is compressed.
class Inflating : Kaa.IOChannel {
  private ZlibDecompressor decompressor = new ZlibDecompressor (ZlibCompressorFormat.GZIP);
  private ByteArray rest = new ByteArray ();

  protected override Bytes read_nonblocking (size_t count) throws Error {
    while (true) {
      // Fails when there is nothing more now.
      var compressed = base.read_nonblocking (count);
      if (compressed.get_size () == 0)
        return compressed;
      rest.append (compressed.get_data ());

      var inflated = new uint8[65536];
      size_t used, made;
      try {
        decompressor.convert (rest.data, inflated, ConverterFlags.NONE, out used, out made);
      } catch (IOError.PARTIAL_INPUT error) {
        continue;
      }
      rest.remove_range (0, (uint) used);
      if (made > 0)
        return new Bytes (inflated[0:made]);
    }
  }
}

class Upper : Kaa.IOChannel {
  public string[] lines = {};
  public bool? ended = null;

  // Default handlers are interest too.
  public override void readline (Bytes line) {
    lines += text (line).up ();
  }

  public override void closed (bool expected) {
    ended = expected;
  }
}

async void run_asking_on (Kaa.InProgress done) throws Error {
  var channel = filled ("one\ntwo");
  var got = new StringBuilder ();
  bool closed = false;
  int told = 0;

  channel.closed.connect (() => { closed = true; });
  while (channel.alive) {
    string piece = text (yield channel.readline_async ());
    got.append (piece);
    if (piece == "")
      told++;
  }
  assert_cmpstr (got.str, EQ, "one\ntwo");
  assert (told <= 2);
  spin_until (() => closed);
  done.finish_boolean (true);
}

void test_asking_on () {
  var done = new Kaa.InProgress ();
  run_asking_on.begin (done, (object, result) => {
    try {
      run_asking_on.end (result);
    } catch (Error error) {
      done.throw (error);
    }
  });
  wait_for (done);
}

async void run_yield (Kaa.InProgress done) throws Error {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  assert ((yield theirs.write_bytes_async (new Bytes ("one\ntwo;three\nfour\nfive\n".data))) == 24);
  assert (yield theirs.flush_async ());
  assert (yield theirs.wait_writable_async (1));
  assert_cmpstr (text (yield ours.readline_async ()), EQ, "one\n");
  assert_cmpstr (text (yield ours.read_until_async (new Bytes (";".data))), EQ, "two;");
  assert_cmpstr (text (yield ours.read_some_async (1)), EQ, "t");
  assert_cmpstr (text (yield ours.read_exactly_async (1)), EQ, "h");
  assert_cmpstr (text (yield ours.readlines_async ()), EQ, "ree\nfour\nfive\n");
  assert (yield theirs.close_async ());
  assert_cmpstr (text (yield ours.read_async ()), EQ, "");
  done.finish_boolean (true);
}

void test_yield () {
  var done = new Kaa.InProgress ();
  run_yield.begin (done, (object, result) => {
    try {
      run_yield.end (result);
    } catch (Error error) {
      done.throw (error);
    }
  });
  wait_for (done);
}

async void run_cancel (Kaa.InProgress done) throws Error {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var cancellable = new Cancellable ();
  Idle.add (() => {
    cancellable.cancel ();
    return Source.REMOVE;
  });
  try {
    yield ours.readline_async (cancellable);
    assert_not_reached ();
  } catch (IOError.CANCELLED error) {
  }
  theirs.write ("one\n".data);
  assert_cmpstr (text (yield ours.readline_async ()), EQ, "one\n");
  done.finish_boolean (true);
}

void test_cancel () {
  var done = new Kaa.InProgress ();
  run_cancel.begin (done, (object, result) => {
    try {
      run_cancel.end (result);
    } catch (Error error) {
      done.throw (error);
    }
  });
  wait_for (done);
}

void test_signals () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  string[] seen = {};
  bool? expected = null;
  ours.readline.connect ((line) => {
    seen += text (line);
  });
  ours.closed.connect ((value) => {
    expected = value;
  });
  theirs.write ("one\ntwo".data);
  theirs.close ();
  spin_until (() => expected != null);
  assert (expected == false);
  assert_cmpstr (string.joinv ("|", seen), EQ, "one\n|two");
}

void test_properties () {
  var channel = (Kaa.IOChannel) Object.new (typeof (Kaa.IOChannel), "queue-size", (uint64) 100);
  assert (channel.queue_size == 100);
  assert (channel.delimiter == "\n");
  channel.delimiters = { "\r\n", ";" };
  assert (channel.delimiter == null);
  assert (channel.delimiters.length == 2);
  assert (channel.error == null);
  assert (channel.fileno == -1 && !channel.alive && !channel.readable);
  channel.overflow_policy = Kaa.OverflowPolicy.DISCARD;
  assert (channel.overflow_policy == DISCARD);
  bool noticed = false;
  channel.notify["paused"].connect (() => {
    noticed = true;
  });
  channel.paused = true;
  assert (noticed);
  assert (channel.describe ().length > 0);
}

void test_flags () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  assert (ours.mode == (Kaa.IOCondition.READ | Kaa.IOCondition.WRITE));
  assert (Kaa.IOCondition.READ in ours.mode);
  try {
    assert (!ours.close (Kaa.CloseFlags.IMMEDIATE | Kaa.CloseFlags.UNEXPECTED).wait_boolean ());
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_subclass () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var channel = new Rot13 ();
  try {
    channel.wrap_channel (ours, Kaa.IOCondition.READ | Kaa.IOCondition.WRITE);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  theirs.write ("Uryyb\n".data);
  assert_text (channel.read_line (), "Hello\n");
  channel.write ("Jbeyq\n".data);
  assert_text (theirs.read_line (), "World\n");
}

void test_inflate () {
  uint8[] compressed = {};
  try {
    var memory = new MemoryOutputStream.resizable ();
    var compressor = new ConverterOutputStream (memory, new ZlibCompressor (ZlibCompressorFormat.GZIP));
    compressor.write_all ("one\ntwo\nthree\n".data, null);
    compressor.close ();
    compressed = memory.steal_as_bytes ().get_data ();
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }

  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var channel = new Inflating ();
  try {
    channel.wrap_channel (ours, Kaa.IOCondition.READ);
    // In pieces: most of them are no answer yet.
    for (int i = 0; i < compressed.length; i += 5) {
      theirs.write (compressed[i : int.min (i + 5, compressed.length)]);
      theirs.flush ().wait_boolean ();
    }
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  theirs.close ();
  foreach (var expected in new string[] { "one\n", "two\n", "three\n", "" })
    assert_text (channel.read_line (), expected);
}

void test_default_handlers () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var channel = new Upper ();
  try {
    channel.wrap_channel (ours, Kaa.IOCondition.READ);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  theirs.write ("one\ntwo\n".data);
  theirs.close ();
  spin_until (() => channel.ended != null);
  assert_cmpstr (string.joinv ("|", channel.lines), EQ, "ONE\n|TWO\n");
}

void test_line_iter () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  string[] seen = {};
  int blocks = 0;
  ours.readlines.connect ((block) => {
    var iter = Kaa.LineIter (ours, block);
    unowned uint8[] line;
    while (iter.next (out line))
      seen += text (new Bytes (line));
    blocks++;
  });
  theirs.write ("one\ntwo\n\nfour\n".data);
  spin_until (() => blocks > 0);
  assert (blocks == 1);
  assert_cmpstr (string.joinv ("|", seen), EQ, "one\n|two\n|\n|four\n");
}

void test_monitor () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  Kaa.IOCondition seen = 0;
  var monitor = new Kaa.IOMonitor ((self, condition) => {
    seen |= condition;
    self.unregister ();
  });
  try {
    monitor.register (ours.fileno, Kaa.IOCondition.READ);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert (monitor.active);
  theirs.write ("x".data);
  spin_until (() => seen != 0);
  assert (seen == Kaa.IOCondition.READ);
  assert (!monitor.active);
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/vala/channel/yield", test_yield);
  Test.add_func ("/vala/channel/asking-on", test_asking_on);
  Test.add_func ("/vala/channel/cancel", test_cancel);
  Test.add_func ("/vala/channel/signals", test_signals);
  Test.add_func ("/vala/channel/properties", test_properties);
  Test.add_func ("/vala/channel/flags", test_flags);
  Test.add_func ("/vala/channel/subclass", test_subclass);
  Test.add_func ("/vala/channel/inflate", test_inflate);
  Test.add_func ("/vala/channel/default-handlers", test_default_handlers);
  Test.add_func ("/vala/channel/line-iter", test_line_iter);
  Test.add_func ("/vala/channel/monitor", test_monitor);
  return Test.run ();
}

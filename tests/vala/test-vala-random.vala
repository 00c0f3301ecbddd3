// SPDX-License-Identifier: LGPL-2.1-or-later
// 1,000 operations at random over a socket pair: no byte is lost, none comes twice. KAA_TEST_SEED repeats a run.

using Support;

const int OPERATIONS = 1000;
const int QUEUE_SIZE = 4096;

// The stream: letters and newlines; the byte of each position follows from the position.
uint8 byte_at (uint64 position) {
  uint value = ((uint) position * 2654435761u >> 13) % 27;
  return value == 26 ? '\n' : (uint8) ('a' + value);
}

uint8[] bytes_at (uint64 position, uint length) {
  var bytes = new uint8[length];
  for (uint i = 0; i < length; i++)
    bytes[i] = byte_at (position + i);
  return bytes;
}

// What has arrived, compared as it comes.
class Received {
  public uint64 position = 0;
  private string what;

  public Received (string what) {
    this.what = what;
  }

  public void add (Bytes bytes) {
    for (int i = 0; i < bytes.get_size (); i++) {
      if (bytes.get (i) != byte_at (position + i))
        GLib.error ("%s: a wrong byte at %s", what, (position + i).to_string ());
    }
    position += bytes.get_size ();
  }
}

class Script {
  private Rand random;
  private Kaa.IOChannel ours;
  private Kaa.IOChannel theirs;
  private Received read = new Received ("read");
  private Received answered = new Received ("written");
  private uint64 written = 0;
  private uint64 sent = 0;
  private bool stopped = false;

  public Script (uint32 seed) {
    random = new Rand.with_seed (seed);
    pair (out ours, out theirs);
    ours.queue_size = QUEUE_SIZE;
  }

  private int below (int limit) {
    return random.int_range (0, limit);
  }

  // The peer sends without end, as fast as it is read.
  private async void send () throws Error {
    while (!stopped) {
      uint length = 1 + below (3000);
      yield theirs.wait_writable_async (length);
      theirs.send (new Bytes.take (bytes_at (sent, length)));
      sent += length;
    }
    yield theirs.shutdown_async (Kaa.IOCondition.WRITE);
  }

  // And reads what comes back.
  private async void listen () throws Error {
    while (true) {
      var chunk = yield theirs.read_async ();
      if (chunk.get_size () == 0)
        break;
      answered.add (chunk);
    }
  }

  private void write () {
    uint length = below (QUEUE_SIZE);
    var future = ours.write (bytes_at (written, length));
    if (future.failed) {
      assert_fails (future, IOError.WOULD_BLOCK);
      return;
    }
    if (below (3) == 0) {
      try {
        future.abort_operation ();
        return;
      } catch (Error error) {
        // It has begun, so it will arrive.
      }
    }
    written += length;
  }

  private Kaa.InProgress request () {
    switch (below (6)) {
      case 0:
        return ours.read_chunk ();
      case 1:
        return ours.read_line ();
      case 2:
        return ours.read_lines ();
      case 3:
        return ours.read_exactly (1 + below (QUEUE_SIZE));
      case 4:
        return ours.read_some (1 + below (QUEUE_SIZE));
      default:
        return ours.read_until (new Bytes ({ (uint8) ('a' + below (26)) }));
    }
  }

  // What a future has read after all, if it was not given up in time.
  private async void take (Kaa.InProgress future) {
    SourceFunc resume = take.callback;
    future.then ((result) => {
      read.add ((Bytes) result.get_boxed ());
      resume ();
    }, (error) => {
      assert (error is IOError.CANCELLED || error is IOError.TIMED_OUT);
      resume ();
    });
    yield;
  }

  private async void pause () {
    Timeout.add (below (2), () => {
      pause.callback ();
      return Source.REMOVE;
    });
    yield;
  }

  // The pair of GIO, cancelled at some time.
  private async void cancelled () throws Error {
    var cancellable = new Cancellable ();
    uint timer = Timeout.add (below (2), () => {
      cancellable.cancel ();
      return Source.REMOVE;
    });
    try {
      read.add (yield ours.read_exactly_async (1 + below (QUEUE_SIZE), cancellable));
    } catch (IOError.CANCELLED error) {
      return;
    }
    if (!cancellable.is_cancelled ())
      Source.remove (timer);
  }

  // Lines by signal, for a while; the last of them leaves early.
  private async void by_signal () {
    int count = 1 + below (200);
    SourceFunc resume = by_signal.callback;
    ulong handler = 0;
    handler = ours.readline.connect ((line) => {
      read.add (line);
      if (--count == 0) {
        ours.disconnect (handler);
        resume ();
      }
    });
    yield;
  }

  // A block, walked in place; what is behind the last line that is wanted goes back.
  private async void block () throws Error {
    var lines = yield ours.readlines_async ();
    var iter = Kaa.LineIter (ours, lines);
    unowned uint8[] line;
    size_t used = 0;
    for (int count = 1 + below (50); count > 0; count--) {
      if (!iter.next (out line))
        break;
      read.add (new Bytes (line));
      used += line.length;
    }
    if (used < lines.get_size ())
      ours.unread (new Bytes.from_bytes (lines, used, lines.get_size () - used));
  }

  private async void operate () throws Error {
    switch (below (9)) {
      case 0:
        read.add (yield ours.readline_async ());
        break;
      case 1:
        yield take (request ());
        break;
      case 2:
        // Several at once, in the order in which they were made.
        var first = request ();
        var second = request ();
        var third = request ();
        yield take (first);
        yield take (second);
        yield take (third);
        break;
      case 3:
        var future = request ();
        if (below (2) == 0)
          yield pause ();
        try {
          future.abort_operation ();
        } catch (Error error) {
          // Too late: it has its bytes.
        }
        yield take (future);
        break;
      case 4:
        yield take (request ().timeout (below (3) / 1000.0, true));
        break;
      case 5:
        yield cancelled ();
        break;
      case 6:
        yield by_signal ();
        break;
      case 7:
        yield block ();
        break;
      default:
        var bytes = ours.peek ();
        ours.consume (bytes.get_size ());
        read.add (bytes);
        break;
    }
  }

  public async void run () throws Error {
    var sending = new Kaa.InProgress ();
    var listening = new Kaa.InProgress ();
    send.begin ((object, result) => {
      try {
        send.end (result);
        sending.finish_void ();
      } catch (Error error) {
        sending.throw (error);
      }
    });
    listen.begin ((object, result) => {
      try {
        listen.end (result);
        listening.finish_void ();
      } catch (Error error) {
        listening.throw (error);
      }
    });

    for (int i = 0; i < OPERATIONS; i++) {
      if (below (3) == 0)
        write ();
      yield operate ();
    }

    stopped = true;
    ours.close_on_eof = false;
    while (true) {
      var chunk = yield ours.read_async ();
      if (chunk.get_size () == 0)
        break;
      read.add (chunk);
    }
    yield ours.flush_async ();
    yield ours.close_async ();
    assert (Kaa.InProgress.all ({ sending, listening }).wait_boolean ());
    assert (read.position == sent);
    assert (answered.position == written);
  }
}

void test_random () {
  string? given = Environment.get_variable ("KAA_TEST_SEED");
  uint32 seed = given != null ? (uint32) uint64.parse (given) : Random.next_int ();
  Test.message ("KAA_TEST_SEED=%u", seed);
  var script = new Script (seed);
  var done = new Kaa.InProgress ();
  script.run.begin ((object, result) => {
    try {
      script.run.end (result);
      done.finish_boolean (true);
    } catch (Error error) {
      done.throw (error);
    }
  });
  wait_for (done);
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/vala/random/operations", test_random);
  return Test.run ();
}

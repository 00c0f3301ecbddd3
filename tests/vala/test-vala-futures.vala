// SPDX-License-Identifier: LGPL-2.1-or-later
// Futures from Vala: callbacks, combinations, promises of one's own, and who owns what.

using Support;

void turn () {
  while (MainContext.@default ().iteration (false))
    ;
}

Error an_error () {
  return new IOError.NOT_FOUND ("there is no such thing");
}

void test_then () {
  var future = new Kaa.InProgress ();
  string[] seen = {};
  future.notify["finished"].connect (() => {
    seen += "notify";
  });
  future.resolved.connect ((result) => {
    seen += "signal";
  });
  future.then ((result) => {
    seen += "before %s".printf (result.get_int64 ().to_string ());
  }, (error) => {
    assert_not_reached ();
  });
  future.finish_int (7);
  assert (seen.length == 0);
  turn ();
  future.then ((result) => {
    seen += "after %s".printf (result.get_int64 ().to_string ());
  });
  turn ();
  assert_cmpstr (string.joinv ("|", seen), EQ, "notify|signal|before 7|after 7");
}

void test_then_rejected () {
  var future = new Kaa.InProgress ();
  int count = 0;
  future.rejected.connect ((error) => {
    assert_error (error, IOError.quark (), IOError.NOT_FOUND);
    count++;
  });
  future.then ((result) => {
    assert_not_reached ();
  }, (error) => {
    assert_error (error, IOError.quark (), IOError.NOT_FOUND);
    count++;
  });
  future.then (null, (error) => {
    count++;
  });
  future.throw (an_error ());
  turn ();
  assert (count == 3 && future.finished && future.failed);
}

class Witness : Object {
  public static int alive = 0;

  construct {
    alive++;
  }

  ~Witness () {
    alive--;
  }
}

void take_part (Kaa.InProgress future) {
  var witness = new Witness ();
  future.then ((result) => {
    assert (witness.ref_count > 0);
  }, (error) => {
    assert (witness.ref_count > 0);
  });
}

// What a callback has captured goes when it is not needed any more: called, or never to be called.
void test_then_released () {
  var future = new Kaa.InProgress ();
  take_part (future);
  assert (Witness.alive == 1);
  future.finish_void ();
  turn ();
  assert (Witness.alive == 0);

  future = new Kaa.InProgress ();
  take_part (future);
  assert (Witness.alive == 1);
  future = null;
  assert (Witness.alive == 0);
}

void test_results () {
  var bytes = new Kaa.InProgress ();
  bytes.finish_bytes (new Bytes ("seven".data));
  var number = new Kaa.InProgress ();
  number.finish_int (-7);
  var nothing = new Kaa.InProgress ();
  nothing.finish_void ();
  var object = new Kaa.InProgress ();
  object.finish (new Cancellable ());
  var word = new Kaa.InProgress ();
  word.finish ("seven");
  try {
    var kept = bytes.get_bytes ();
    bytes = null;
    assert_cmpstr (text (kept), EQ, "seven");
    assert (number.get_int () == -7);
    assert (nothing.get_boolean ());
    assert (object.get_object () is Cancellable);
    assert_cmpstr (word.get_result ().get_string (), EQ, "seven");
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }

  var pending = new Kaa.InProgress ();
  try {
    pending.get_result ();
    assert_not_reached ();
  } catch (Error error) {
    assert (error is IOError.PENDING);
  }
}

void test_all () {
  Kaa.InProgress[] futures = {};
  for (int i = 0; i < 3; i++)
    futures += new Kaa.InProgress ();
  var all = Kaa.InProgress.all (futures);
  futures[2].finish_int (2);
  futures[0].finish_int (0);
  turn ();
  assert (!all.finished);
  futures[1].finish_int (1);
  try {
    assert (all.wait_boolean (WATCHDOG_SECONDS));
    assert (Kaa.InProgress.all ({}).wait_boolean (WATCHDOG_SECONDS));
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }

  var bad = new Kaa.InProgress ();
  var pending = new Kaa.InProgress ();
  all = Kaa.InProgress.all ({ pending, bad });
  bad.throw (an_error ());
  assert_fails (all, IOError.NOT_FOUND);
}

void test_any () {
  Kaa.InProgress[] futures = {};
  for (int i = 0; i < 3; i++)
    futures += new Kaa.InProgress ();
  var any = Kaa.InProgress.any (futures);
  futures[1].finish_int (10);
  try {
    var index = any.wait (WATCHDOG_SECONDS);
    assert (index.get_uint () == 1);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void test_timeout () {
  var never = new Kaa.InProgress ();
  assert_fails (never.timeout (0.001), IOError.TIMED_OUT);
  assert (!never.finished);
  try {
    never.wait (0);
    assert_not_reached ();
  } catch (Error error) {
    assert (error is IOError.TIMED_OUT);
  }
  never.abortable = true;
  assert_fails (never.timeout (0.001, true), IOError.TIMED_OUT);
  assert (never.failed);
}

void test_abort () {
  var future = new Kaa.InProgress ();
  try {
    future.abort_operation ();
    assert_not_reached ();
  } catch (Error error) {
    assert (!future.finished);
  }

  bool willing = false;
  future.abort.connect ((reason) => {
    assert_error (reason, IOError.quark (), IOError.NOT_FOUND);
    return willing;
  });
  try {
    future.abort_with (an_error ());
    assert_not_reached ();
  } catch (Error error) {
    assert (!future.finished);
  }
  willing = true;
  try {
    assert (future.abort_with (an_error ()));
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_fails (future, IOError.NOT_FOUND);
}

void test_noabort () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var guarded = ours.read_line ().noabort ();
  try {
    guarded.abort_operation ();
    assert_not_reached ();
  } catch (Error error) {
    assert (!guarded.finished);
  }
  theirs.write ("one\n".data);
  assert_text (guarded, "one\n");
}

// A call of GIO, joined with one of ours.
void test_gio () {
  Kaa.IOChannel ours, theirs;
  pair (out ours, out theirs);
  var input = new MemoryInputStream.from_data ("from GIO".data);
  var reading = new Kaa.InProgress (input);
  input.read_bytes_async.begin (100, Priority.DEFAULT, null, (source, result) => {
    Kaa.InProgress.ready_callback (source, result, reading);
  });
  var line = ours.read_line ();
  theirs.write ("one\n".data);
  try {
    assert (Kaa.InProgress.all ({ reading, line }).wait_boolean (WATCHDOG_SECONDS));
    assert_cmpstr (text (input.read_bytes_async.end ((AsyncResult) reading.get_object ())), EQ, "from GIO");
    assert_cmpstr (text (line.get_bytes ()), EQ, "one\n");
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert (reading.source_object == input);
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/vala/futures/then", test_then);
  Test.add_func ("/vala/futures/then-rejected", test_then_rejected);
  Test.add_func ("/vala/futures/then-released", test_then_released);
  Test.add_func ("/vala/futures/results", test_results);
  Test.add_func ("/vala/futures/all", test_all);
  Test.add_func ("/vala/futures/any", test_any);
  Test.add_func ("/vala/futures/timeout", test_timeout);
  Test.add_func ("/vala/futures/abort", test_abort);
  Test.add_func ("/vala/futures/noabort", test_noabort);
  Test.add_func ("/vala/futures/gio", test_gio);
  return Test.run ();
}

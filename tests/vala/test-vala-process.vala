// SPDX-License-Identifier: LGPL-2.1-or-later
// Child processes from Vala: what they leave behind, groups, descriptors, launching.

using Support;

[CCode (cname = "setresuid", cheader_filename = "unistd.h")]
extern int setresuid (Posix.uid_t real, Posix.uid_t effective, Posix.uid_t saved);

// Keeps programs that read its descriptor, which is number 9 of the child's, until it goes.
class Keeper {
  private int read_end;
  private int write_end;

  public Keeper (Kaa.Process process) {
    int ends[2];
    assert (Posix.pipe (ends) == 0);
    read_end = ends[0];
    write_end = ends[1];
    Posix.fcntl (write_end, Posix.F_SETFD, Posix.FD_CLOEXEC);
    try {
      assert (process.take_fd (read_end, 9));
    } catch (Error error) {
      GLib.error ("%s", error.message);
    }
  }

  ~Keeper () {
    Posix.close (write_end);
  }

  public void say (string text) {
    assert (Posix.write (write_end, text, text.length) == text.length);
  }

  // Nobody is left who reads.
  public void wait_until_left () {
    Posix.pollfd fds[1] = { { write_end, 0, 0 } };
    assert (Posix.poll (fds, (int) (WATCHDOG_SECONDS * 1000)) == 1);
  }
}

void start (Kaa.Process process) {
  try {
    assert (process.start ());
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

void assert_status (Kaa.InProgress future, int expected) {
  try {
    assert (future.wait_int (WATCHDOG_SECONDS) == expected);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

// A program that the child leaves behind, and that holds its output.
const string LEAVES_BEHIND = "trap '' HUP; cat <&9 & echo child; printf half; exit 5";

struct Kind {
  Kaa.ProcessFlags flags;
  string end;
}

const Kind[] KINDS = { { Kaa.ProcessFlags.NONE, "\n" }, { Kaa.ProcessFlags.PTY, "\r\n" } };

void test_grandchild () {
  foreach (var kind in KINDS) {
    var process = new Kaa.Process.shell (LEAVES_BEHIND, kind.flags);
    var keeper = new Keeper (process);
    start (process);
    assert_text (process.read_line (), "child" + kind.end);
    assert_text (process.read_line (), "half");
    assert_text (process.read_line (), "");
    assert_status (process.wait (), 5);
    spin_until (() => !process.alive);
    keeper.say ("still there\n");
  }
}

void test_not_closed_on_exit () {
  foreach (var kind in KINDS) {
    var process = new Kaa.Process.shell (LEAVES_BEHIND, kind.flags);
    process.close_on_exit = false;
    var keeper = new Keeper (process);
    start (process);
    assert_text (process.read_line (), "child" + kind.end);
    assert_status (process.wait (), 5);
    keeper.say (", grandchild\n");
    assert_text (process.read_line (), "half, grandchild" + kind.end);
    assert (process.alive);
    keeper = null;
    assert_text (process.read_line (), "");
  }
}

void test_group () {
  Kaa.ProcessFlags[] groups = { NEW_GROUP, NEW_SESSION, PTY };

  foreach (var flags in groups) {
    var process = new Kaa.Process.shell ("cat <&9 & echo started; cat <&9; echo not reached", flags);
    var keeper = new Keeper (process);
    start (process);
    assert_text (process.read_line (), flags == PTY ? "started\r\n" : "started\n");
    assert_status (process.stop (WATCHDOG_SECONDS), -(int) Posix.Signal.TERM);
    assert_text (process.read_line (), "");
    keeper.wait_until_left ();
  }

  var process = new Kaa.Process.shell ("cat <&9 & echo started; cat <&9");
  var keeper = new Keeper (process);
  start (process);
  assert_text (process.read_line (), "started\n");
  assert_status (process.stop (WATCHDOG_SECONDS), -(int) Posix.Signal.TERM);
  keeper.say ("still there\n");
}

void test_not_permitted () {
  if (Posix.getuid () != 0) {
    Test.skip ("needs the right to become another user");
    return;
  }

  var process = new Kaa.Process ({ "cat" });
  start (process);
  assert (setresuid (65534, 65534, 0) == 0);
  assert_fails (process.stop (WATCHDOG_SECONDS), IOError.PERMISSION_DENIED);
  assert (setresuid (0, 0, 0) == 0);
  assert (process.running);
  assert_status (process.stop (WATCHDOG_SECONDS), -(int) Posix.Signal.TERM);
}

void test_descriptors () {
  try {
    string path;
    int file = FileUtils.open_tmp ("kaa-XXXXXX", out path);
    var process = new Kaa.Process.shell ("echo out; echo err >&2; cat", Kaa.ProcessFlags.MERGE_STDERR);
    process.take_fd (file, 1);
    assert_text (process.communicate (new Bytes ("in\n".data)), "");
    string contents;
    FileUtils.get_contents (path, out contents);
    assert_cmpstr (contents, EQ, "out\nerr\nin\n");
    FileUtils.unlink (path);

    process = new Kaa.Process.shell ("readlink /proc/$$/fd/0 /proc/$$/fd/2; ulimit -Sc; ulimit -Hc",
                                     Kaa.ProcessFlags.STDIN_NULL | Kaa.ProcessFlags.STDERR_NULL);
    // RLIMIT_CORE; in blocks of 512 bytes.
    process.set_limit (4, 0, 1024);
    assert_text (process.communicate (), "/dev/null\n/dev/null\n0\n2\n");

    process = new Kaa.Process.shell ("test \"$(readlink /proc/$$/fd/1)\" = \"$(readlink /proc/$PPID/fd/1)\"",
                                     Kaa.ProcessFlags.STDOUT_INHERIT);
    start (process);
    assert_status (process.wait (), 0);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
}

async void launch (Kaa.InProgress done) {
  var process = new Kaa.Process ({ "cat" });
  try {
    process.write ("early\n".data);
    assert (yield process.launch_async ());
    assert (process.pid > 0);
    assert_cmpstr (text (yield process.readline_async ()), EQ, "early\n");
    assert ((yield process.stop_async (WATCHDOG_SECONDS)) == -(int) Posix.Signal.TERM);

    process.argv = { "kaa-no-such-program" };
    try {
      yield process.launch_async ();
      assert_not_reached ();
    } catch (SpawnError.NOENT error) {
      assert (error.message.contains ("kaa-no-such-program"));
    }
    assert (!process.alive);

    process.argv = { "true" };
    assert (yield process.launch_async ());
    assert ((yield process.wait_async ()) == 0);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  done.finish (true);
}

void test_launch () {
  var done = new Kaa.InProgress ();
  launch.begin (done);
  wait_for (done);
}

void test_abort () {
  var process = new Kaa.Process.shell ("trap '' TERM; cat");
  var launched = process.launch ();
  try {
    assert (launched.abort_operation ());
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  assert_fails (launched, IOError.CANCELLED);
  assert (!process.alive && !process.running);
  // It can be started then.
  process.argv = { "echo", "again" };
  assert_text (process.communicate (), "again\n");
}

void test_environment () {
  foreach (var variable in new string[] { "=b", "A", "" }) {
    var process = new Kaa.Process ({ "true" });
    process.environment = { variable };
    assert_fails (process.launch (), IOError.INVALID_ARGUMENT);
  }
}

int main (string[] args) {
  Test.init (ref args);
  Test.add_func ("/vala/process/grandchild", test_grandchild);
  Test.add_func ("/vala/process/not-closed-on-exit", test_not_closed_on_exit);
  Test.add_func ("/vala/process/group", test_group);
  Test.add_func ("/vala/process/not-permitted", test_not_permitted);
  Test.add_func ("/vala/process/descriptors", test_descriptors);
  Test.add_func ("/vala/process/launch", test_launch);
  Test.add_func ("/vala/process/abort", test_abort);
  Test.add_func ("/vala/process/environment", test_environment);
  return Test.run ();
}

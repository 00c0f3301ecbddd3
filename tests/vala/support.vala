// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests in Vala share: asynchronous cases, connected channels, bytes as text.

namespace Support {
  public const uint WATCHDOG_SECONDS = 60;

  // async methods cannot be delegates: a case begins its method and says in a future when that has ended.
  public void wait_for (Kaa.InProgress done) {
    try {
      done.wait_boolean (WATCHDOG_SECONDS);
    } catch (Error error) {
      GLib.error ("%s", error.message);
    }
  }

  // Iterates the default context until the condition is true.
  public delegate bool Condition ();

  public void spin_until (Condition condition) {
    uint dog = Timeout.add_seconds (WATCHDOG_SECONDS, () => {
      GLib.error ("waited in vain");
    });
    while (!condition ())
      MainContext.@default ().iteration (true);
    Source.remove (dog);
  }

  public void pair (out Kaa.IOChannel ours, out Kaa.IOChannel theirs) {
    try {
      Kaa.IOChannel.new_pair (out ours, out theirs);
    } catch (Error error) {
      GLib.error ("%s", error.message);
    }
  }

  public Kaa.IOChannel filled (string input) {
    Kaa.IOChannel ours, theirs;
    pair (out ours, out theirs);
    theirs.write (input.data);
    theirs.close ();
    return ours;
  }

  public string text (Bytes? bytes) {
    if (bytes == null || bytes.get_size () == 0)
      return "";
    var builder = new StringBuilder ();
    builder.append_len ((string) bytes.get_data (), (ssize_t) bytes.get_size ());
    return builder.str;
  }

  public void assert_text (Kaa.InProgress future, string expected) {
    try {
      assert_cmpstr (text (future.wait_bytes (WATCHDOG_SECONDS)), EQ, expected);
    } catch (Error error) {
      GLib.error ("%s", error.message);
    }
  }

  public void assert_fails (Kaa.InProgress future, int code) {
    try {
      future.wait (WATCHDOG_SECONDS);
      assert_not_reached ();
    } catch (Error error) {
      assert_error (error, IOError.quark (), code);
    }
  }
}

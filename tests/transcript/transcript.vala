// SPDX-License-Identifier: LGPL-2.1-or-later
// transcript.vala CASES: carries out the steps of cases.txt, and prints them with what happened.

[CCode (cname = "g_io_error_enum_get_type")]
extern Type io_error_enum_get_type ();

class Steps {
  public string[] list = {};
}

const string ESCAPED = "\n\r\t\\ ";
const string LETTERS = "nrt\\s";

// --- Text ---

Bytes parse_text (string word) {
  var text = new ByteArray ();
  int star = word.last_index_of_char ('*');
  int64 times = star >= 0 ? int64.parse (word.substring (star + 1)) : 1;
  if (word == "\"\"")
    return new Bytes (null);
  while (times-- > 0) {
    for (int i = 0; i < (star >= 0 ? star : word.length); i++) {
      char byte = word[i];
      if (byte == '\\') {
        int letter = LETTERS.index_of_char (word[++i]);
        byte = letter >= 0 ? ESCAPED[letter] : '\0';
      }
      text.append ({ (uint8) byte });
    }
  }
  return ByteArray.free_to_bytes ((owned) text);
}

string format_text (Bytes bytes) {
  if (bytes.length == 0)
    return "\"\"";
  if (bytes.length > 40)
    return "%d bytes".printf (bytes.length);
  var text = new StringBuilder ();
  for (int i = 0; i < bytes.length; i++) {
    char byte = (char) bytes[i];
    int place = byte != '\0' ? ESCAPED.index_of_char (byte) : -1;
    if (place >= 0)
      text.append_printf ("\\%c", LETTERS[place]);
    else if (byte == '\0')
      text.append ("\\0");
    else
      text.append_c (byte);
  }
  return text.str;
}

string format_error (Error error) {
  assert (error.domain == IOError.quark ());
  return ((EnumClass) io_error_enum_get_type ().class_ref ()).get_value (error.code).value_nick;
}

int parse_error (string nick) {
  return ((EnumClass) io_error_enum_get_type ().class_ref ()).get_value_by_nick (nick).value;
}

string format_value (Value value) {
  if (value.holds (typeof (Value)))
    return format_value (*(Value*) value.get_boxed ());
  if (value.holds (typeof (Bytes)))
    return format_text ((Bytes) value.get_boxed ());
  if (value.holds (typeof (Error)) && value.get_boxed () != null)
    return format_error ((Error) value.get_boxed ());
  if (value.holds (typeof (bool)))
    return value.get_boolean ().to_string ();
  if (value.holds (typeof (string)) && value.get_string () != null)
    return format_text (new Bytes (value.get_string ().data));
  if (Value.type_transformable (value.type (), typeof (int64))) {
    var number = Value (typeof (int64));
    value.transform (ref number);
    return number.get_int64 ().to_string ();
  }
  return "null";
}

Kaa.IOCondition parse_condition (string word) {
  return ('r' in word.data ? Kaa.IOCondition.READ : 0) | ('w' in word.data ? Kaa.IOCondition.WRITE : 0);
}

class Script {
  private HashTable<string, Object> objects = new HashTable<string, Object> (str_hash, str_equal);
  private HashTable<string, ulong> handlers = new HashTable<string, ulong> (str_hash, str_equal);
  private HashTable<string, int> counts = new HashTable<string, int> (str_hash, str_equal);
  private HashTable<string, Steps> hooks = new HashTable<string, Steps> (str_hash, str_equal);
  private bool silent = false;

  // --- What happens ---

  private void happened (string event, string how, string value) {
    if (silent)
      return;
    print ("> %s%s: %s\n", event, how, value);
    counts[event] = counts[event] + 1;
    var steps = hooks["%s %d".printf (event, counts[event])];
    if (steps != null) {
      foreach (var step in steps.list)
        do_step (step);
    }
  }

  private void failed (string what, Error error) {
    happened (what, " failed", format_error (error));
  }

  private void show (Object object, string name, string property) {
    var value = Value (object.get_class ().find_property (property).value_type);
    object.get_property (property, ref value);
    happened (@"$name.$property", "", format_value (value));
  }

  private void listen (Kaa.InProgress future, string name) {
    future.then ((result) => happened (name, "", format_value (result)), (error) => failed (name, error));
  }

  private ulong connect_channel (Kaa.IOChannel channel, string name, string signal_name) {
    var event = @"$name.$signal_name";
    switch (signal_name) {
      case "read":
        return channel.read.connect ((chunk) => happened (event, "", format_text (chunk)));
      case "readline":
        return channel.readline.connect ((line) => happened (event, "", format_text (line)));
      case "readlines":
        return channel.readlines.connect ((lines) => happened (event, "", format_text (lines)));
      case "closed":
        return channel.closed.connect ((expected) => happened (event, "", expected.to_string ()));
      case "overflow":
        return channel.overflow.connect ((bytes) => happened (event, "", bytes.to_string ()));
      default:
        return connect_notify (channel, name, signal_name);
    }
  }

  private ulong connect_future (Kaa.InProgress future, string name, string signal_name, bool is_willing) {
    var event = @"$name.$signal_name";
    switch (signal_name) {
      case "resolved":
        return future.resolved.connect ((result) => happened (event, "", format_value (result)));
      case "rejected":
        return future.rejected.connect ((error) => happened (event, "", format_error (error)));
      case "abort":
        return future.abort.connect ((reason) => {
          happened (event, "", format_error (reason));
          return is_willing;
        });
      default:
        return connect_notify (future, name, signal_name);
    }
  }

  private ulong connect_notify (Object object, string name, string signal_name) {
    var property = signal_name.replace ("notify::", "");
    return object.notify[property].connect (() => show (object, name, property));
  }

  // --- What is done ---

  private Kaa.InProgress ask (Object object, string verb, string[] arguments) {
    var channel = object as Kaa.IOChannel;
    var future = object as Kaa.InProgress;
    string? word = arguments.length > 0 ? arguments[0] : null;
    switch (verb) {
      case "read":
        return channel.read_chunk ();
      case "read_some":
        return channel.read_some ((size_t) uint64.parse (word));
      case "readline":
        return channel.read_line ();
      case "readlines":
        return channel.read_lines ();
      case "read_exactly":
        return channel.read_exactly ((size_t) uint64.parse (word));
      case "read_until":
        return channel.read_until (parse_text (word));
      case "write":
        return channel.write (parse_text (word).get_data ());
      case "flush":
        return channel.flush ();
      case "wait_writable":
        return channel.wait_writable ((size_t) uint64.parse (word));
      case "shutdown":
        return channel.shutdown (parse_condition (word));
      case "splice":
        return channel.splice ((Kaa.IOChannel) objects[word]);
      case "close":
        return channel.close (("immediate" in arguments ? Kaa.CloseFlags.IMMEDIATE : 0) |
                              ("unexpected" in arguments ? Kaa.CloseFlags.UNEXPECTED : 0));
      case "timeout":
        return future.timeout (double.parse (word), arguments.length > 1);
      case "noabort":
        return future.noabort ();
      default:
        GLib.error ("no such verb: %s", verb);
    }
  }

  private void set (Object object, string property, string word) {
    var type = object.get_class ().find_property (property).value_type;
    if (type == typeof (bool))
      object.set (property, word == "true");
    else if (type == typeof (Kaa.OverflowPolicy))
      object.set (property, ((EnumClass) type.class_ref ()).get_value_by_nick (word).value);
    else
      object.set (property, uint64.parse (word));
  }

  private void call (Object object, string name, string verb, string[] arguments) throws Error {
    var channel = object as Kaa.IOChannel;
    var future = object as Kaa.InProgress;
    string? word = arguments.length > 0 ? arguments[0] : null;
    switch (verb) {
      case "on":
        handlers[@"$name.$word"] = channel != null ? connect_channel (channel, name, word)
                                                   : connect_future (future, name, word, arguments.length == 1);
        break;
      case "off":
        object.disconnect (handlers[@"$name.$word"]);
        break;
      case "block":
        SignalHandler.block (object, handlers[@"$name.$word"]);
        break;
      case "unblock":
        SignalHandler.unblock (object, handlers[@"$name.$word"]);
        break;
      case "show":
        show (object, name, word);
        break;
      case "set":
        set (object, word, arguments[1]);
        break;
      case "delimiters":
        Bytes[] delimiters = {};
        foreach (var argument in arguments)
          delimiters += parse_text (argument);
        channel.set_delimiter_bytes (delimiters);
        break;
      case "consume":
        channel.consume ((size_t) uint64.parse (word));
        break;
      case "wrap":
        channel.wrap_channel ((Kaa.IOChannel) objects[word], parse_condition (arguments[1]));
        break;
      case "steal":
        channel.steal ((Kaa.IOChannel) objects[word]);
        break;
      case "peek":
        happened (@"$name.peek", "", format_text (channel.peek ()));
        break;
      case "send":
        channel.send (parse_text (word));
        break;
      case "then":
        listen (future, word);
        break;
      case "abort":
        future.abort_operation ();
        break;
      case "finish":
        future.finish_int (int64.parse (word));
        break;
      case "throw":
        future.throw (new Error (IOError.quark (), parse_error (word), "thrown"));
        break;
      default:
        GLib.error ("no such verb: %s", verb);
    }
  }

  private void turn () {
    while (MainContext.@default ().iteration (false))
      ;
  }

  private void keep_future (string name, Kaa.InProgress future) {
    objects[name] = future;
    listen (future, name);
  }

  private Kaa.InProgress combine (string verb, string[] names) {
    Kaa.InProgress[] futures = {};
    foreach (var name in names)
      futures += (Kaa.InProgress) objects[name];
    return verb == "all" ? Kaa.InProgress.all (futures) : Kaa.InProgress.any (futures);
  }

  private void do_step (string step) {
    var words = step.split (" ");
    if (words[0] == "in") {
      var parts = step.substring (3).split (": ", 2);
      var steps = hooks[parts[0]] ?? new Steps ();
      steps.list += parts[1];
      hooks[parts[0]] = steps;
    } else if (words[0] == "turn") {
      turn ();
    } else if (words[0] == "wait") {
      while (!((Kaa.InProgress) objects[words[1]]).finished)
        MainContext.@default ().iteration (true);
      turn ();
    } else if (words[0] == "pair") {
      Kaa.IOChannel a, b;
      try {
        Kaa.IOChannel.new_pair (out a, out b);
      } catch (Error error) {
        GLib.error ("%s", error.message);
      }
      objects[words[1]] = a;
      objects[words[2]] = b;
    } else if (words[0] == "channel") {
      objects[words[1]] = new Kaa.IOChannel ();
    } else if (words[0] == "promise") {
      keep_future (words[1], new Kaa.InProgress ());
    } else if (words.length > 2 && words[1] == "=" && !words[2].contains (".")) {
      keep_future (words[0], combine (words[2], words[3:words.length]));
    } else {
      bool asks = words.length > 1 && words[1] == "=";
      var target = words[asks ? 2 : 0].split (".");
      var arguments = words[(asks ? 3 : 1):words.length];
      if (asks) {
        keep_future (words[0], ask (objects[target[0]], target[1], arguments));
        return;
      }
      try {
        call (objects[target[0]], target[0], target[1], arguments);
      } catch (Error error) {
        failed (words[0], error);
      }
    }
  }

  private void forget () {
    silent = true;
    hooks.remove_all ();
    objects.foreach ((name, object) => {
      if (object is Kaa.IOChannel)
        ((Kaa.IOChannel) object).close (Kaa.CloseFlags.IMMEDIATE);
    });
    turn ();
    objects.remove_all ();
    handlers.remove_all ();
    counts.remove_all ();
    silent = false;
  }

  public void run (string contents) {
    foreach (var line in contents.chomp ().split ("\n")) {
      if (line.has_prefix ("> "))
        continue;
      print ("%s\n", line);
      if (line.has_prefix ("case "))
        forget ();
      else if (line != "" && !line.has_prefix ("#"))
        do_step (line);
    }
    forget ();
  }
}

int main (string[] args) {
  string contents;
  try {
    FileUtils.get_contents (args[1], out contents);
  } catch (Error error) {
    GLib.error ("%s", error.message);
  }
  new Script ().run (contents);
  return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
// transcript.vala FD: reads three lines, writes one, closes, and says so at every step.

async void run (int fd) throws Error {
  var channel = new Kaa.IOChannel.for_fd (fd, Kaa.IOCondition.READ | Kaa.IOCondition.WRITE);
  var closed = new Kaa.InProgress (null);
  channel.closed.connect ((expected) => closed.finish_boolean (expected));
  print ("opened: alive=%s mode=%d\n", channel.alive.to_string (), (int) channel.mode);

  for (int number = 1; number <= 3; number++) {
    Bytes line = yield channel.readline_async ();
    print ("line %d: %.*s", number, (int) line.get_size (), (string) line.get_data ());
  }

  int64 written = yield channel.write_bytes_async (new Bytes ("delta\n".data));
  print ("wrote %s\n", written.to_string ());

  bool expected = yield channel.close_async ();
  print ("close finished: expected=%s\n", expected.to_string ());
  print ("closed: expected=%s\n", closed.wait_boolean (-1).to_string ());

  print ("after: alive=%s\n", channel.alive.to_string ());
  try {
    yield channel.write_bytes_async (new Bytes ("late\n".data));
    print ("write after close: taken\n");
  } catch (IOError.CLOSED error) {
    print ("write after close: refused\n");
  }
}

int main (string[] args) {
  var loop = new MainLoop ();
  int status = 0;

  run.begin (int.parse (args[1]), (object, result) => {
    try {
      run.end (result);
    } catch (Error error) {
      printerr ("%s\n", error.message);
      status = 1;
    }
    loop.quit ();
  });
  loop.run ();
  return status;
}

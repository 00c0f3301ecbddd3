// SPDX-License-Identifier: LGPL-2.1-or-later
// first: prints each line of standard input (a pipe, a terminal, a file) with its number.
async int main () {
  int number = 0;

  try {
    var channel = new Kaa.IOChannel.for_fd (0, Kaa.IOCondition.READ);
    for (var line = yield channel.readline_async (); line.length > 0; line = yield channel.readline_async ())
      print ("%d: %.*s", ++number, line.length, (string) line.get_data ());
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  return 0;
}

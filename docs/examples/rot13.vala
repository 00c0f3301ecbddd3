// SPDX-License-Identifier: LGPL-2.1-or-later
// rot13: prints standard input with each letter turned by 13: a channel of one's own, which sees all that passes.

class Rot13 : Kaa.IOChannel {
  protected override Bytes read_nonblocking (size_t count) throws Error {
    var bytes = base.read_nonblocking (count);
    var turned = new uint8[bytes.length];
    for (int i = 0; i < bytes.length; i++)
      turned[i] = turn (bytes[i]);
    return new Bytes.take ((owned) turned);
  }

  private static uint8 turn (uint8 byte) {
    char letter = (char) byte;
    if (!letter.isalpha ())
      return byte;
    return letter.toupper () < 'N' ? byte + 13 : byte - 13;
  }
}

async int main () {
  try {
    var channel = new Rot13 ();
    channel.wrap_fd (0, Kaa.IOCondition.READ);
    for (var line = yield channel.readline_async (); line.length > 0; line = yield channel.readline_async ())
      print ("%.*s", line.length, (string) line.get_data ());
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  return 0;
}

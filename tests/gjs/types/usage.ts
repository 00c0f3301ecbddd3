// SPDX-License-Identifier: LGPL-2.1-or-later
// What has to have which type, and what has to be refused.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import GObject from 'gi://GObject';
import Kaa from 'gi://Kaa?version=1.0';
import Same from 'gi://Kaa';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

function expect<A>() {
    return <B>(_value: B, _same: Equal<A, B>): void => {};
}

const [created, ours, theirs] = Kaa.IOChannel.new_pair();
expect<boolean>()(created, true);
expect<Kaa.IOChannel>()(ours, true);
expect<typeof Kaa.IOChannel>()(Same.IOChannel, true);

// Futures know what comes of them.
expect<Uint8Array>()(await ours.readline(), true);
expect<Uint8Array>()(await ours.read(), true);
expect<Uint8Array>()(await ours.readlines(), true);
expect<Uint8Array>()(await ours.read_some(5), true);
expect<Uint8Array>()(await ours.read_exactly(5), true);
expect<Uint8Array>()(await ours.read_until(';'), true);
expect<number>()(await ours.write('text'), true);
expect<number>()(await ours.write_bytes(new GLib.Bytes(new Uint8Array([1]))), true);
expect<boolean>()(await ours.close(), true);
expect<boolean>()(await ours.flush(), true);
expect<boolean>()(await ours.wait_writable(10), true);
expect<boolean>()(await ours.shutdown(Kaa.IO_WRITE), true);
expect<number>()(await ours.splice(theirs, Kaa.SpliceFlags.CLOSE_TARGET), true);
expect<Uint8Array>()(ours.readline().wait(-1), true);
expect<Uint8Array>()(ours.readline().get_result(), true);
expect<Kaa.InProgress<Uint8Array>>()(ours.readline().timeout(1, true), true);
expect<number>()(await Kaa.InProgress.any([ours.read(), ours.flush()]), true);
expect<boolean>()(await Kaa.InProgress.all([ours.read()]), true);
expect<[Uint8Array, number]>()(await Promise.all([ours.read(), ours.write('x')]), true);
expect<Promise<string | number>>()(ours.read().then(bytes => bytes.length, error => error.message), true);
expect<Promise<Uint8Array | null>>()(ours.read().catch(() => null), true);
expect<Promise<Uint8Array>>()(ours.read().finally(() => print('done')), true);
const promise = Kaa.InProgress.new<number>(null);
promise.finish_int(5);
promise.throw(new GLib.Error(Gio.IOErrorEnum, Gio.IOErrorEnum.FAILED, 'no'));
expect<number>()(await promise, true);

for await (const line of ours)
    expect<Uint8Array>()(line, true);
for await (const line of ours.lines())
    expect<string>()(line, true);
for await (const lines of ours.batches({encoding: 'latin1'}))
    expect<string[]>()(lines, true);

// Properties, in both spellings.
const channel = new Kaa.IOChannel({queue_size: 10, delimiter: ';', overflow_policy: Kaa.OverflowPolicy.CLOSE});
expect<number>()(channel.queue_size, true);
expect<number>()(channel.queueSize, true);
expect<string | null>()(channel.delimiter, true);
expect<boolean>()(channel.alive, true);
channel.delimiter = '\r\n';
expect<Uint8Array[]>()(channel.get_delimiter_bytes(), true);
expect<Uint8Array>()(channel.peek(), true);
channel.unread('text');
channel.closeOnEof = false;

// Signals.
channel.connect('readline', (source, line) => {
    expect<Kaa.IOChannel>()(source, true);
    expect<GLib.Bytes>()(line, true);
});
channel.connect_after('closed', (_source, expected) => expect<boolean>()(expected, true));
channel.connect('notify::alive', () => {});
new Kaa.Socket().connect('new-client', (_socket, client) => expect<Kaa.Socket>()(client, true));
expect<Kaa.Socket>()(await new Kaa.Socket().accept(), true);

const process = Kaa.Process.new(['sort'], Kaa.ProcessFlags.NONE);
expect<Uint8Array>()(await process.communicate('two\none\n'), true);
expect<number>()(await process.stop(5), true);
expect<number | null>()(process.exit_status, true);
expect<number | null>()(process.exitStatus, true);
expect<Uint8Array | null>()(process.stderr_data, true);
expect<Uint8Array | null>()(process.get_stderr_data(), true);

// The GIO pairs, as they are and as promises.
channel.readline_async(null, (source, result) => expect<GLib.Bytes | undefined>()(source?.readline_finish(result), true));
Gio._promisify(Kaa.IOChannel.prototype, 'readline_async', 'readline_finish');
expect<GLib.Bytes>()(await channel.readline_async(null), true);

// Subclasses.
class Upper extends Kaa.IOChannel {
    vfunc_read_nonblocking(count: number): GLib.Bytes {
        return super.vfunc_read_nonblocking(count);
    }
}
new (GObject.registerClass(Upper))().write(new Uint8Array([1]));

Kaa.IOMonitor.new((monitor, condition) => {
    expect<Kaa.IOMonitor>()(monitor, true);
    expect<Kaa.IOCondition>()(condition, true);
}).register(0, Kaa.IO_READ);

// @ts-expect-error: a number is no bytes
channel.write(5);
// @ts-expect-error: neither is an array of them
channel.write([1, 2]);
// @ts-expect-error
channel.write(null);
// @ts-expect-error: the length is missing
channel.read_exactly();
// @ts-expect-error: it cannot be set
channel.alive = true;
// @ts-expect-error
new Kaa.IOChannel({queue_size: 'large'});
// @ts-expect-error
channel.no_such_method();
// @ts-expect-error
Kaa.NoSuchClass;
// @ts-expect-error: abstract
new Kaa.NotifierCallback();

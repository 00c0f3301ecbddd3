// SPDX-License-Identifier: LGPL-2.1-or-later
// Not a module: imports.gi.Kaa is the same library with the same overrides.

imports.gi.versions.Kaa = '1.0';
const {GLib, Kaa} = imports.gi;
const System = imports.system;

const loop = GLib.MainLoop.new(null, false);

async function main() {
    const [, ours, theirs] = Kaa.IOChannel.new_pair();
    theirs.write('one\ntwo\nthree\n');
    const line = await ours.readline();
    if (!(line instanceof Uint8Array) || new TextDecoder().decode(line) !== 'one\n')
        throw new Error(`got ${line}`);
    theirs.close();
    const lines = [];
    for await (const text of ours.lines())
        lines.push(text);
    if (lines.join() !== 'two,three')
        throw new Error(`got ${lines}`);
    if (Kaa.IO_READ !== Kaa.IOCondition.READ)
        throw new Error('no Kaa.IO_READ');
}

print('1..1');
let status = 0;
main().then(() => print('ok 1 legacy imports'), error => {
    print(`# ${error}\n${error.stack}`.trim().replace(/\n/g, '\n# '));
    print('not ok 1 legacy imports');
    status = 1;
}).finally(() => loop.quit());
loop.run();
System.exit(status);

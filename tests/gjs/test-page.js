// SPDX-License-Identifier: LGPL-2.1-or-later
// Each program on the page for JavaScript users runs, and prints what the page says.

import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

import {assert, assertEqual, run, test} from './tap.js';

const here = Gio.File.new_for_uri(import.meta.url).get_parent();
const [, contents] = here.resolve_relative_path('../../docs/javascript.md').load_contents(null);
const page = new TextDecoder().decode(contents);

// A block of js, and the block of text right after it.
const programs = [...page.matchAll(/^```js\n([^]*?)^```\n```text\n([^]*?)^```$/gm)];

test('every program says what it prints', () => {
    assert(programs.length > 0);
    assertEqual(programs.length, page.match(/^```js$/gm).length);
});

programs.forEach(([, program, expected], i) => {
    test(`program ${i + 1}`, () => {
        const [file, stream] = Gio.File.new_tmp('kaa-page-XXXXXX.js');
        try {
            stream.output_stream.write_all(new TextEncoder().encode(program), null);
            stream.close(null);
            const [, out, errors, status] = GLib.spawn_sync(null, ['gjs', '-m', file.get_path()], null,
                GLib.SpawnFlags.SEARCH_PATH, null);
            assertEqual(new TextDecoder().decode(errors), '');
            assertEqual(new TextDecoder().decode(out), expected);
            assertEqual(status, 0);
        } finally {
            file.delete(null);
        }
    });
});

await run();

#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-types.py TSC TYPES ROOT: the declarations fit the programs of the page and the examples, and refuse what they must."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

tsc, types, root = sys.argv[1:]
root = pathlib.Path(root)
declarations = pathlib.Path(types, 'kaa-1.0.d.ts').read_text(encoding='utf-8')

unknown = re.findall(r'^ *(\w+)\(.*InProgress<unknown>', declarations, re.M)
if unknown:
    sys.exit('What comes of these is not known, because they have no GIO pair: say it in kaaio/bindings/gjs/types/overrides.d.ts: '
             + ', '.join(unknown))

# What TypeScript 6 calls deprecated is all that 4 has.
version = subprocess.run([tsc, '--version'], check=True, capture_output=True, text=True).stdout
resolution = 'node' if int(re.search(r'\d+', version)[0]) < 5 else 'bundler'

with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for source in [*root.glob('tests/gjs/types/*.ts'), *root.glob('docs/examples/*.js')]:
        shutil.copy(source, folder)
    page = root.joinpath('docs/javascript.md').read_text(encoding='utf-8')
    programs = re.findall(r'^```(js|ts)\n(.*?)^```$', page, re.M | re.S)
    assert {'js', 'ts'} == {language for language, _ in programs}
    for i, (language, program) in enumerate(programs):
        folder.joinpath(f'page-{i + 1}.{language}').write_text(program, encoding='utf-8')
    options = {
        'strict': True, 'noEmit': True, 'allowJs': True, 'checkJs': True, 'useUnknownInCatchVariables': False, 'moduleDetection': 'force',
        'target': 'es2022', 'module': 'es2022', 'lib': ['es2022'], 'types': [], 'moduleResolution': resolution,
        'paths': {'@girs/kaa-1.0': [str(pathlib.Path(types, 'kaa-1.0.d.ts').resolve())],
                  '@girs/kaa-1.0/ambient': [str(pathlib.Path(types, 'kaa-1.0-ambient.d.ts').resolve())]},
    }
    ambient = ['gjs.d.ts', str(pathlib.Path(types, 'kaa-1.0-ambient.d.ts').resolve())]
    status = 0
    # A program in JavaScript has no place for the types of parameters.
    for include, implicit in (['*.ts'], False), (['*.js'], True):
        folder.joinpath('tsconfig.json').write_text(json.dumps({
            'compilerOptions': {**options, 'noImplicitAny': not implicit},
            'include': include + ambient,
        }), encoding='utf-8')
        status |= subprocess.run([tsc, '--project', str(folder)], check=False).returncode
    sys.exit(status)

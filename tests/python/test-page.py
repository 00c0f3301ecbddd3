# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each Python program on the pages runs, and prints what the page says."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

DOCS = pathlib.Path(__file__).resolve().parents[2] / 'docs'
PAGES = ['processes', 'python', 'serial', 'sockets']

# A block of Python, and the block of text right after it.
PROGRAM = re.compile(r'^```python\n(.*?)^```\n```text\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def _read(name):
    return (DOCS / f'{name}.md').read_text(encoding='utf-8')


class Page(unittest.TestCase):
    def test_every_program_says_what_it_prints(self):
        for name in PAGES:
            with self.subTest(name):
                page = _read(name)
                self.assertGreater(len(PROGRAM.findall(page)), 0)
                self.assertEqual(len(PROGRAM.findall(page)), page.count('\n```python\n'))


def _add_test(name, number, program, expected):
    def test(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / 'program.py'
            file.write_text(program, encoding='utf-8')
            # -X dev: warnings, such as of files that nobody closed.
            done = subprocess.run([sys.executable, '-X', 'dev', '-W', 'ignore::ImportWarning', file], capture_output=True, text=True,
                                  encoding='utf-8', check=False)
        self.assertEqual((done.stdout, done.stderr, done.returncode), (expected, '', 0))

    setattr(Page, f'test_{name}_{number:02}', test)


for name in PAGES:
    for number, (program, expected) in enumerate(PROGRAM.findall(_read(name)), 1):
        _add_test(name, number, program, expected)

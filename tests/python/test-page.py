# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each program on the page for Python users runs, and prints what the page says."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PAGE = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'python.md'

# A block of Python, and the block of text right after it.
PROGRAM = re.compile(r'^```python\n(.*?)^```\n```text\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Page(unittest.TestCase):
    def test_every_program_says_what_it_prints(self):
        page = PAGE.read_text(encoding='utf-8')
        self.assertGreater(len(PROGRAM.findall(page)), 0)
        self.assertEqual(len(PROGRAM.findall(page)), page.count('\n```python\n'))


def _add_test(number, program, expected):
    def test(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / 'program.py'
            file.write_text(program, encoding='utf-8')
            # -X dev: warnings, such as of files that nobody closed.
            done = subprocess.run([sys.executable, '-X', 'dev', '-W', 'ignore::ImportWarning', file], capture_output=True, text=True,
                                  encoding='utf-8', check=False)
        self.assertEqual((done.stdout, done.stderr, done.returncode), (expected, '', 0))

    setattr(Page, f'test_program_{number:02}', test)


for number, (program, expected) in enumerate(PROGRAM.findall(PAGE.read_text(encoding='utf-8')), 1):
    _add_test(number, program, expected)

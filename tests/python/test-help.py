# SPDX-License-Identifier: LGPL-2.1-or-later
"""help() says something useful of everything that is there."""

import inspect
import pydoc
import re
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GObject, Kaa

CLASSES = [Kaa.IOChannel, Kaa.InProgress, Kaa.IOMonitor, Kaa.Socket]

# PyGObject's own line about a function of C.
SIGNATURE = r'^\w+\(.*\)( -> .*)?$'


def read(thing):
    return pydoc.plain(pydoc.render_doc(thing))


class Help(unittest.TestCase):
    def test_first_lines(self):
        for cls in CLASSES:
            with self.subTest(cls.__name__):
                text = read(cls)
                self.assertIn(f'class {cls.__name__} in module gi.overrides.Kaa', text)
                self.assertGreater(len(inspect.getdoc(cls)), 100)

    def test_signature(self):
        # Python 3.13 breaks a long one over several lines, and PyGObject 3.58 writes flags in another way.
        text = re.sub(r'\n \| *', ' ', read(Kaa.IOChannel)).replace('( ', '(').replace(' )', ')')
        self.assertRegex(text, r"IOChannel\(channel=None, mode=<.*?READ.*?WRITE.*?>, chunk_size=1048576, delimiter='\\n', \*\*properties\)")
        self.assertIn('close(self, immediate=False, expected=True, discard=False)', read(Kaa.IOChannel))

    def test_what_is_overridden(self):
        for cls in CLASSES:
            for name, value in vars(cls).items():
                # The pairs of GIO and the setters are as in C, for those who come from there; so is what GObject has.
                if name.startswith(('_', 'get_', 'set_')) or name.endswith(('_async', '_finish')) or name in ('props', 'peek_lines'):
                    continue
                with self.subTest(f'{cls.__name__}.{name}'):
                    text = getattr(value, '__doc__', None) or ''
                    lines = [line for line in text.splitlines() if line]
                    self.assertTrue(lines, 'no text')
                    if len(lines) == 1:
                        self.assertNotRegex(lines[0], SIGNATURE)

    def test_methods_and_properties(self):
        """Also those that the override leaves as they are."""
        for cls in CLASSES:
            for spec in cls.list_properties():
                name = spec.name.replace('-', '_')
                with self.subTest(f'{cls.__name__}.{name}'):
                    self.assertNotRegex(getattr(cls, name).__doc__, SIGNATURE)

    def test_signals(self):
        for cls in CLASSES:
            for name in GObject.signal_list_names(cls):
                with self.subTest(f'{cls.__name__}::{name}'):
                    self.assertRegex(inspect.getdoc(cls), rf'\b{name}\(')

    def test_run(self):
        self.assertIn('Drives a coroutine', read(Kaa.run))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kaa.pyi: says what is there, and mypy finds nothing wrong with the examples and the page for Python users."""

import ast
import importlib.util
import inspect
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import GObject, Kaa

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = ROOT / 'kaaio' / 'bindings' / 'python' / 'gi-stubs' / 'repository' / 'Kaa.pyi'

def is_public(name):
    return not name.startswith('_')


def read_stubs():
    """Name -> None or, of a class, its members: name -> nodes."""
    names = {}
    for node in ast.parse(STUBS.read_text(encoding='utf-8')).body:
        if isinstance(node, ast.ClassDef):
            members = {}
            for member in node.body:
                for name in get_names(member):
                    members.setdefault(name, []).append(member)
            names[node.name] = (node, members)
        else:
            names.update((name, None) for name in get_names(node))
    return {name: value for name, value in names.items() if is_public(name)}


def get_names(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id]
    return []


# What PyGObject makes of every struct, and of every class.
def is_noise(name):
    return name.endswith('Class') or name == 'parent_instance'


class Names(unittest.TestCase):
    def setUp(self):
        self.stubs = read_stubs()

    def get_members(self, name):
        """Those of a class in the stubs, with those that it inherits."""
        node, members = self.stubs[name]
        members = dict(members)
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.stubs:
                members = {**self.get_members(base.id), **members}
        return members

    def get_classes(self):
        for name in self.stubs:
            cls = getattr(Kaa, name, None)
            if inspect.isclass(cls) and issubclass(cls, GObject.Object):
                yield name, cls

    def test_module(self):
        there = {name for name in dir(Kaa) if is_public(name) and not is_noise(name)}
        self.assertEqual(there - set(self.stubs), set(), 'missing in Kaa.pyi')
        for name in self.stubs:
            self.assertTrue(hasattr(Kaa, name), f'Kaa.{name} is only in Kaa.pyi')

    def test_members(self):
        inherited = set(dir(GObject.Object))
        for name, cls in self.get_classes():
            with self.subTest(name):
                there = {member for member in dir(cls) if is_public(member) and not is_noise(member)} - inherited
                members = self.get_members(name)
                self.assertEqual(there - set(members), set(), f'missing in Kaa.pyi, class {name}')
                # Attributes are the override's.
                if cls.__module__.startswith('gi.overrides'):
                    for member in members:
                        self.assertTrue(hasattr(cls, member), f'Kaa.{name}.{member} is only in Kaa.pyi')

    def test_enums(self):
        for name in self.stubs:
            cls = getattr(Kaa, name)
            if not inspect.isclass(cls) or not issubclass(cls, (GObject.GFlags, GObject.GEnum)):
                continue
            with self.subTest(name):
                declared = {member for member in self.stubs[name][1] if is_public(member)}
                self.assertEqual({member for member in dir(cls) if member.isupper()} - declared, set())
                # dir() of newer enumerations leaves flags without a bit out.
                for member in declared:
                    self.assertIsInstance(getattr(cls, member), cls)

    def test_arguments(self):
        """Names, order and defaults of what is written in Python."""
        for name, cls in self.get_classes():
            for member, nodes in self.stubs[name][1].items():
                function = vars(cls).get(member)
                function = inspect.unwrap(getattr(function, '__func__', function) or len)
                if not inspect.isfunction(function) or function.__code__.co_name == 'call' or len(nodes) > 1:
                    continue
                with self.subTest(f'{name}.{member}'):
                    there = inspect.signature(function).parameters.values()
                    arguments = nodes[0].args
                    said = [argument.arg for argument in arguments.args]
                    self.assertEqual([p.name for p in there if p.kind == p.POSITIONAL_OR_KEYWORD], said)
                    self.assertEqual(sum(p.default is not p.empty for p in there), len(arguments.defaults))


@unittest.skipUnless(importlib.util.find_spec('mypy'), 'mypy is not installed')
class Mypy(unittest.TestCase):
    def run_mypy(self, **programs):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, program in programs.items():
                (folder / f'{name}.py').write_text(program, encoding='utf-8')
            done = subprocess.run([sys.executable, '-m', 'mypy', '--strict', '--cache-dir', 'cache',
                                   *[f'{name}.py' for name in programs]], cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, '')
        return done.stdout

    def test_examples_and_page(self):
        # What checks the examples is none.
        programs = {f'example_{file.stem}': file.read_text(encoding='utf-8') for file in (ROOT / 'docs' / 'examples').glob('*.py')
                    if not file.stem.startswith('check-')}
        page = (ROOT / 'docs' / 'python.md').read_text(encoding='utf-8')
        blocks = re.findall(r'^```python\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
        programs.update((f'page_{number:02}', block) for number, block in enumerate(blocks, 1))
        self.assertEqual(self.run_mypy(**programs), f'Success: no issues found in {len(programs)} source files\n')

    def test_types(self):
        """What is awaited and iterated has its type, and a mistake is found."""
        seen = self.run_mypy(program='''
from gi.repository import Kaa

async def main(channel: Kaa.IOChannel) -> None:
    reveal_type(await channel.readline())
    reveal_type(channel.write(b'').wait())
    reveal_type(channel.fileno)
    async for line in channel:
        reveal_type(line)
    async for text in channel.lines():
        reveal_type(text)
    async for lines in channel.batches():
        reveal_type(lines)
    async with channel as same:
        reveal_type(same)
    channel.write('text')
    channel.alive = False
''')
        # Before 2.0 mypy names them in another way.
        types = [re.sub(r'Union\[(.*), None\]', r'\1 | None', name.replace('builtins.', ''))
                 for name in re.findall(r'Revealed type is "(.*)"', seen)]
        self.assertEqual(types, ['bytes', 'int', 'int | None', 'bytes', 'str', 'list[bytes]', 'gi.repository.Kaa.IOChannel'])
        self.assertIn('program.py:16: error: Argument 1 to "write" of "IOChannel" has incompatible type "str"', seen)
        self.assertIn('program.py:17: error: Property "alive" defined in "IOChannel" is read-only', seen)

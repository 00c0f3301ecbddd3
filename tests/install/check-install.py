# SPDX-License-Identifier: LGPL-2.1-or-later
"""check-install.py ROOT BUILD MESON PYTHON: the library as others get it, step by step, and prints TAP.

It is built as a subproject of a tiny project, used in the devenv of that, installed into a prefix, and used there: with the very
commands of README.md.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

PROJECT = '''
project('tiny', 'c')
{dependency}
executable('first', 'first.c', dependencies: kaaio_dep)
'''

INPUT = 'alpha\nbeta\n'
OUTPUT = '1: alpha\n2: beta\n'

# What the build that runs this test has set, for itself.
OURS = ('GI_TYPELIB_PATH', 'LD_LIBRARY_PATH', 'PYTHONPATH', 'GJS_PATH', 'PKG_CONFIG_PATH', 'XDG_DATA_DIRS', 'DESTDIR')


class Failure(Exception):
    pass


def call(command, folder, environment, given=''):
    result = subprocess.run(command, cwd=folder, env=environment, input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            encoding='utf-8', errors='replace', check=False)
    if result.returncode != 0:
        raise Failure(f'{command} ended with status {result.returncode}\n{result.stdout}{result.stderr}')
    return result.stdout


class Steps:
    """Each is a line of TAP; behind one that fails none can go well."""

    def __init__(self):
        self.number = 0
        self.good = True

    def run(self, name, step, *args, skip=None):
        self.number += 1
        if skip is not None:
            print(f'ok {self.number} {name} # SKIP {skip}')
            return
        try:
            step(*args)
            print(f'ok {self.number} {name}')
        except Failure as failure:
            print('\n'.join('# ' + line for line in str(failure).splitlines()))
            print(f'not ok {self.number} {name}')
            self.good = False
        sys.stdout.flush()


class Installation:
    def __init__(self, root, meson, python, folder):
        self.root, self.meson, self.python = root, meson, python
        self.source = os.path.join(folder, 'tiny')
        self.build = os.path.join(folder, 'build')
        self.prefix = os.path.join(folder, 'prefix')
        self.environment = {key: value for key, value in os.environ.items() if key not in OURS}
        self.environment['PYTHONDONTWRITEBYTECODE'] = '1'
        with open(os.path.join(root, 'README.md'), encoding='utf-8') as file:
            self.readme = file.read()

    def read_code(self, language, having):
        """The lines of a block in README.md."""
        for block in re.findall(rf'^```{language}\n(.*?)^```$', self.readme, re.MULTILINE | re.DOTALL):
            if having in block:
                return block
        raise Failure(f'README.md has no {language} with {having}')

    def copy(self):
        sys.path.insert(0, os.path.join(self.root, 'tests', 'checks'))
        import sources
        for name in sources.list_files(self.root):
            target = os.path.join(self.source, 'subprojects', 'kaaio', name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(os.path.join(self.root, name), target)
        with open(os.path.join(self.source, 'meson.build'), 'w', encoding='utf-8') as file:
            file.write(PROJECT.format(dependency=self.read_code('meson', 'dependency(')))
        shutil.copy(os.path.join(self.root, 'docs', 'examples', 'first.c'), self.source)

    def compile(self):
        # The library that may be installed here is not the one that is meant.
        call([*self.meson, 'setup', self.build, self.source, f'--prefix={self.prefix}', '--libdir=lib', '--buildtype=plain',
              '--force-fallback-for=kaaio-1.0', '-Dkaaio:tests=false', '-Dkaaio:examples=false'], self.source, self.environment)
        call([*self.meson, 'compile', '-C', self.build, '-j', '2'], self.source, self.environment)

    def compare(self, command, folder, environment):
        output = call(command, folder, environment, INPUT)
        if output != OUTPUT:
            raise Failure(f'{command} printed\n{output}instead of\n{OUTPUT}')

    def run_in_devenv(self, *command):
        self.compare([*self.meson, 'devenv', '-C', self.build, *command], self.source, self.environment)

    def install(self):
        call([*self.meson, 'install', '-C', self.build, '--no-rebuild'], self.source, self.environment)
        # What README.md sets, where that is another folder.
        lines = self.read_code('sh', 'XDG_DATA_DIRS').splitlines()
        script = '\n'.join([f'prefix={self.prefix}', *(line for line in lines if line.startswith('export ')), 'env -0'])
        output = call(['sh', '-euc', script], self.source, self.environment)
        self.installed = dict(pair.split('=', 1) for pair in output.split('\0') if pair)

    def run_installed(self, what):
        """A line of README.md, with two lines of input."""
        command, = (line for line in self.read_code('sh', 'valac --pkg').splitlines() if what in line)
        command = command.replace('echo hello', "printf 'alpha\\nbeta\\n'").replace('/usr/bin/python3', self.python)
        command = command.replace('docs/examples', os.path.join(self.root, 'docs', 'examples'))
        command = command.replace('valac ', 'valac -q -X -w ')
        self.compare(['sh', '-euc', command], self.build, self.installed)


def check_dist(root, build, meson):
    """What meson packs is what git knows."""
    output = call([*meson, 'dist', '-C', build, '--no-tests', '--allow-dirty', '--formats', 'gztar'], root, os.environ)
    packed = re.search(r'^Created (.*)$', output, re.MULTILINE)[1]
    with tarfile.open(packed) as archive:
        there = {name.split('/', 1)[1] for name in archive.getnames() if '/' in name}
    known = set(call(['git', 'ls-tree', '-r', '--name-only', 'HEAD'], root, os.environ).splitlines())
    if known - there:
        raise Failure(f'not in {packed}: {sorted(known - there)}')


def main():
    root, build, meson, python = sys.argv[1], sys.argv[2], sys.argv[3].split(' '), sys.argv[4]
    steps = Steps()
    print('1..11')
    with tempfile.TemporaryDirectory() as folder:
        it = Installation(root, meson, python, folder)
        examples = os.path.join(root, 'docs', 'examples')

        def lacks(program):
            return None if program and shutil.which(program) else f'there is no {program}'

        in_git = subprocess.run(['git', '-C', root, 'ls-files', '--error-unmatch', 'meson.build'], capture_output=True, check=False)
        steps.run('meson dist', check_dist, root, build, meson, skip='this is no work tree of git' if in_git.returncode else None)
        steps.run('the sources are complete', it.copy)
        steps.run('it is built as a subproject', it.compile)
        steps.run('C in the devenv', it.run_in_devenv, os.path.join(it.build, 'first'))
        steps.run('Python in the devenv', it.run_in_devenv, python, os.path.join(examples, 'first.py'), skip=lacks(python))
        steps.run('JavaScript in the devenv', it.run_in_devenv, 'gjs', '-m', os.path.join(examples, 'first.js'), skip=lacks('gjs'))
        steps.run('it is installed', it.install)
        if not steps.good:
            return 1
        steps.run('C in the prefix', it.run_installed, 'first.c')
        steps.run('Vala in the prefix', it.run_installed, 'first.vala', skip=lacks('valac'))
        steps.run('Python in the prefix', it.run_installed, 'first.py', skip=lacks(python))
        steps.run('JavaScript in the prefix', it.run_installed, 'first.js', skip=lacks('gjs'))
    return 0 if steps.good else 1


sys.exit(main())

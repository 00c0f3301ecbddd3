# SPDX-License-Identifier: LGPL-2.1-or-later
"""whole-vapi.py VALAC VAPI GIR CC ARGUMENT...: makes a Vala program out of a vapi that calls all of it, and compiles it.

Then every function of the GIR has to be called somewhere in valac's C: one that vapigen dropped is not. And the C has to agree
with the headers: an array whose length is of the wrong type or in the wrong place does not.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
C = '{http://www.gtk.org/introspection/c/1.0}'

ATTRIBUTE = r'\[[A-Z]\w*(?: \([^\]]*\))?\]\s*'
METHOD = re.compile(r'public (?P<words>(?:(?:static|async|virtual) )*)(?P<type>[\w.<>?\[\]() ]*? )?'
                    r'(?P<name>[\w.@]+) \((?P<arguments>.*)\)(?P<throws> throws [\w.]+)?;')
PROPERTY = re.compile(r'public (?P<type>[\w.<>?\[\]]+) (?P<name>\w+) \{ (?P<accessors>.*) \}')
SIGNAL = re.compile(r'public (?P<virtual>virtual )?signal (?P<type>\w+) (?P<name>\w+) \((?P<arguments>.*)\);')
CLASS = re.compile(r'public (?P<words>(?:abstract |sealed )*)(?:class|struct) (?P<name>\w+)')


def split_arguments(text):
    """[(declaration, what is passed)]; a declaration is used as it is, without its default."""
    text = re.sub(ATTRIBUTE, '', text)
    arguments = []
    for argument in filter(None, text.split(', ')):
        declaration = argument.split(' = ')[0]
        *words, name = declaration.split(' ')
        mode = words[0] + ' ' if words[0] == 'out' else '(owned) ' if words[0] == 'owned' else ''
        arguments.append((declaration, mode + name))
    return arguments


class Program:
    def __init__(self):
        self.functions = []
        self.overrides = []

    def add(self, words, arguments, body, throws=''):
        name = f'call_{len(self.functions)}'
        self.functions.append(f'{words}void {name} ({", ".join(arguments)}){throws} {{\n  {body}\n}}\n')

    def add_method(self, owner, match):
        arguments = split_arguments(match['arguments'])
        declarations = [declaration for declaration, _ in arguments]
        passed = ', '.join(value for _, value in arguments)
        throws = match['throws'] or ''
        words = match['words'].split()
        kind = (match['type'] or '').strip()
        name = match['name']
        if not kind:
            # A constructor: of a class whose name it has.
            if owner == 'NotifierCallback':
                return
            made = f'Kaa.{name}' if name.split('.')[0] == owner else name
            new = '' if owner == 'LineIter' else 'new '
            self.add('', declarations, f'var made = {new}{made} ({passed});', throws)
            return
        if 'static' in words:
            target = f'Kaa.{owner}'
        else:
            declarations.insert(0, f'Kaa.{owner} self')
            target = 'self'
        call = f'{"yield " if "async" in words else ""}{target}.{name} ({passed})'
        self.add('async ' if 'async' in words else '', declarations,
                 f'{call};' if kind == 'void' else f'var result = {call};', throws)

    def add_property(self, owner, match):
        name, kind, accessors = match['name'], match['type'], match['accessors'].split('; ')
        self.add('', [f'Kaa.{owner} self'], f'{kind} value = self.{name};')
        if any(accessor.rstrip(';') == 'set' for accessor in accessors):
            self.add('', [f'Kaa.{owner} self', f'{kind} value'], f'self.{name} = value;')

    def add_signal(self, owner, match):
        arguments = split_arguments(match['arguments'])
        names = ', '.join(value for _, value in arguments)
        answer = 'return true;' if match['type'] == 'bool' else ''
        self.add('', [f'Kaa.{owner} self'], f'self.{match["name"]}.connect (({names}) => {{ {answer} }});')

    def add_override(self, head, match, body):
        declarations = ', '.join(declaration for declaration, _ in split_arguments(match['arguments']))
        self.overrides.append(f'  {head} {match["type"].strip()} {match["name"]} ({declarations}){body}')

    def add_class(self, name, is_derivable):
        if is_derivable and self.overrides:
            self.functions.append(f'class Of{name} : Kaa.{name} {{\n' + '\n'.join(self.overrides) + '\n}\n')
        self.overrides = []


def make_program(vapi):
    program = Program()
    owner, words, no_wrapper = None, '', False
    for line in vapi.splitlines():
        text = line.strip()
        if line == '\t}' and owner is not None:
            program.add_class(owner, 'sealed' not in words and 'abstract' not in words)
            owner = None
        elif match := CLASS.match(text):
            owner, words = match['name'], match['words']
        elif owner is None or not text.startswith(('public', '[NoWrapper]')):
            continue
        elif text == '[NoWrapper]':
            no_wrapper = True
        elif match := SIGNAL.fullmatch(text):
            program.add_signal(owner, match)
            if match['virtual']:
                program.add_override('public override', match, ' {\n  }')
        elif match := PROPERTY.fullmatch(text):
            program.add_property(owner, match)
        elif match := METHOD.fullmatch(text):
            if no_wrapper:
                # What only a subclass may call.
                passed = ', '.join(value for _, value in split_arguments(match['arguments']))
                program.add_override('public override', match,
                                     f'{match["throws"]} {{\n    return base.{match["name"]} ({passed});\n  }}')
            else:
                program.add_method(owner, match)
            no_wrapper = False
        else:
            sys.exit(f'what is this? {text}')
    return '\n'.join(program.functions)


def list_functions(path):
    """The public C functions of a GIR that a program calls."""
    namespace = ElementTree.parse(path).getroot().find(CORE + 'namespace')
    for kind in ('class', 'record', 'interface'):
        for parent in namespace.findall(CORE + kind):
            if parent.get(CORE.replace('core', 'glib') + 'is-gtype-struct-for') is not None:
                continue
            for function in parent:
                # NotifierCallback is abstract; closures of one's own come by the function that takes a delegate.
                if function.tag in (CORE + 'method', CORE + 'function', CORE + 'constructor') and \
                        function.get('introspectable') != '0':
                    yield function.get(C + 'identifier')


def main():
    valac, (vapi, gir), compiler = sys.argv[1], map(os.path.abspath, sys.argv[2:4]), sys.argv[4:]
    with open(vapi, encoding='utf-8') as file:
        program = make_program(file.read())
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, 'whole.vala')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(program)
        result = subprocess.run([valac, '-C', '--disable-warnings', '--vapidir', os.path.dirname(vapi), '--pkg', 'gio-2.0',
                                 '--pkg', 'kaaio-1.0', '--library', 'whole', source],
                                cwd=folder, stderr=subprocess.PIPE, encoding='utf-8', check=False)
        if result.returncode != 0:
            for number, line in enumerate(program.splitlines(), 1):
                print(f'{number:4} {line}')
            sys.exit(result.stderr)
        subprocess.run([*compiler, '-w', '-Werror=implicit-function-declaration', '-Werror=incompatible-pointer-types',
                        '-Werror=int-conversion', '-fsyntax-only', os.path.join(folder, 'whole.c')], check=True)
        with open(os.path.join(folder, 'whole.c'), encoding='utf-8') as file:
            called = set(re.findall(r'\bkaa_\w+', file.read()))

    functions = sorted(list_functions(gir))
    missing = [function for function in functions if function not in called]
    for function in missing:
        print(f'{function}() cannot be called from Vala')
    print(f'{len(functions)} functions, {len(missing)} out of reach')
    sys.exit(1 if missing or not functions else 0)


main()

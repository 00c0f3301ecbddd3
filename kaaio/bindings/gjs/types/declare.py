#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""declare.py GIR OVERRIDES OUTPUT: TypeScript declarations of what JavaScript sees.

They follow from the introspection data, so that they cannot fall behind the library; what the override changes is written
in OVERRIDES, whose members replace those of the same name. Names and layout are those of ts-for-gir (@girs).
"""

import re
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

CORE = '{http://www.gtk.org/introspection/core/1.0}'
GLIB = '{http://www.gtk.org/introspection/glib/1.0}'

NUMBERS = {'gint', 'guint', 'gint8', 'guint8', 'gint16', 'guint16', 'gint32', 'guint32', 'gint64', 'guint64', 'glong', 'gulong',
           'gsize', 'gssize', 'gfloat', 'gdouble', 'gunichar'}
OTHERS = {'gboolean': 'boolean', 'utf8': 'string', 'filename': 'string', 'none': 'void', 'gpointer': 'any',
          'GType': 'GObject.GType', 'GObject.Value': 'any', 'GLib.DestroyNotify': '() => void'}

HEADER = '''\
// SPDX-License-Identifier: LGPL-2.1-or-later
// Kaa I/O for TypeScript, beside the declarations of GLib, GObject and Gio from @girs. Generated: do not edit.

import type Gio from 'gi://Gio?version=2.0';
import type GLib from 'gi://GLib?version=2.0';
import type GObject from 'gi://GObject?version=2.0';

'''


def find(element, name):
    return element.find(CORE + name)


def find_all(element, *names):
    for child in element:
        if child.tag.split('}')[1] in names and child.get('introspectable') != '0' and not child.get('shadowed-by'):
            yield child


def get_name(element):
    return element.get('shadows') or element.get('name')


def camel(name):
    return re.sub(r'_(\w)', lambda match: match[1].upper(), name)


def get_doc(element):
    """The first paragraph, as a comment."""
    doc = find(element, 'doc')
    if doc is None:
        return []
    text = ' '.join(doc.text.split('\n\n')[0].split())
    text = re.sub(r'\[\w+@([^\]]+)\]', lambda match: f'`{re.split("[.:]+", match[1])[-1]}`', text)
    text = re.sub(r'[@%#](\w)', r'\1', text)
    lines = textwrap.wrap(text, 110)
    if len(lines) == 1:
        return [f'/** {lines[0]} */']
    return ['/**', *(f' * {line}' for line in lines), ' */']


class Type:
    """The type of a parameter, of a result or of a property."""

    def __init__(self, element, is_input):
        self.is_input = is_input
        self.nullable = element.get('nullable') == '1' or element.get('allow-none') == '1' and is_input
        array = find(element, 'array')
        if array is not None:
            self.text = self._get_array(array)
        else:
            self.text = self._get(find(element, 'type'))

    def _get_array(self, array):
        item = find(array, 'type')
        if item.get('name') == 'guint8':
            return 'Uint8Array'
        return f'{self._get(item)}[]'

    def _get(self, element):
        name = element.get('name')
        if name in NUMBERS:
            return 'number'
        if name == 'GLib.Bytes' and self.is_input:
            return 'GLib.Bytes | Uint8Array'
        if name == 'GObject.Closure' and self.is_input:
            return 'GObject.Closure | ((...args: any[]) => any)'
        if name == 'Gio.AsyncReadyCallback':
            return 'Gio.AsyncReadyCallback<this>'
        return OTHERS.get(name, name)

    def __str__(self):
        if not self.nullable:
            return self.text
        return f'({self.text}) | null' if '=>' in self.text else f'{self.text} | null'


class Call:
    """A function as gjs calls it: results behind each other, and nothing that JavaScript does not need."""

    def __init__(self, element):
        self.element = element
        self.name = get_name(element)
        parameters = find(element, 'parameters')
        parameters = list(find_all(parameters, 'parameter')) if parameters is not None else []
        result = find(element, 'return-value')
        hidden = self._find_hidden(parameters, result)

        self.inputs = []
        outputs = []
        for i, parameter in enumerate(parameters):
            if i in hidden:
                continue
            if parameter.get('direction') in ('out', 'inout'):
                outputs.append(str(Type(parameter, False)))
            if parameter.get('direction') != 'out':
                self.inputs.append((parameter.get('name'), Type(parameter, True)))

        self.result = Type(result, False)
        if self.result.text != 'void':
            outputs.insert(0, str(self.result))
        self.output = outputs[0] if len(outputs) == 1 else f'[{", ".join(outputs)}]' if outputs else 'void'

    @staticmethod
    def _find_hidden(parameters, result):
        hidden = set()
        for element in [*parameters, result]:
            array = find(element, 'array')
            if array is not None and array.get('length') is not None:
                hidden.add(int(array.get('length')))
        for i, parameter in enumerate(parameters):
            if parameter.get('closure') is not None and find(parameter, 'type').get('name') != 'gpointer':
                hidden.add(int(parameter.get('closure')))
            if parameter.get('destroy') is not None:
                hidden.add(int(parameter.get('destroy')))
            # The data of a callback type names itself.
            if parameter.get('closure') is not None and int(parameter.get('closure')) == i:
                hidden.add(i)
        return hidden

    def get_inputs(self, inputs=None):
        inputs = self.inputs if inputs is None else inputs
        # What may be null at the end may also be left out.
        last = len(inputs)
        while last > 0 and inputs[last - 1][1].nullable:
            last -= 1
        return ', '.join(f'{name}{"?" if i >= last else ""}: {type_}' for i, (name, type_) in enumerate(inputs))

    def declare(self, prefix=''):
        return [*get_doc(self.element), f'{prefix}{self.name}({self.get_inputs()}): {self.output};']


class Class:
    def __init__(self, element, classes, overrides):
        self.element = element
        self.name = element.get('name')
        self.classes = classes
        self.head, self.overrides = overrides.get(self.name, ('', ''))
        self.overridden = set(re.findall(r'^    (?:static |readonly |get |set )*(\w+|\[[\w.]+\])', self.overrides, re.M))
        self.methods = {get_name(method): Call(method) for method in find_all(element, 'method')}

    def _get_future(self, call):
        """A future with the type of what it is finished with: what the GIO pair gives."""
        finish = self.methods.get(f'{call.name.removesuffix("_bytes")}_finish') or self.methods.get(f'{call.name}_finish')
        result = finish.output if finish else 'unknown'
        return f'InProgress<{"Uint8Array" if result == "GLib.Bytes" else result}>'

    def _declare_method(self, call):
        if call.result.text == 'InProgress':
            call.output = self._get_future(call)
        finish = self.methods.get(call.name.removesuffix('_async') + '_finish')
        if not call.name.endswith('_async') or not finish:
            return call.declare()
        *inputs, (callback, callback_type) = call.inputs
        inputs_before = ''.join(f'{name}: {type_}, ' for name, type_ in inputs)
        return [*get_doc(call.element),
                # After Gio._promisify().
                f'{call.name}({call.get_inputs(inputs)}): Promise<{finish.output}>;',
                f'{call.name}({inputs_before}{callback}: {callback_type.text}): void;']

    def _get_static_names(self):
        names = [get_name(call) for call in find_all(self.element, 'constructor', 'function')]
        parent = self.classes.get(self.element.get('parent'))
        return names + (parent._get_static_names() if parent else [])

    def _declare_statics(self):
        parent = self.classes.get(self.element.get('parent'))
        inherited = parent._get_static_names() if parent else []
        for element in find_all(self.element, 'constructor', 'function'):
            call = Call(element)
            if call.name in self.overridden:
                continue
            if element.tag == CORE + 'constructor':
                call.output = self.name
            yield from call.declare('static ')
            if call.name in inherited:
                yield f'static {call.name}(...args: never[]): any;'

    def _get_properties(self):
        return list(find_all(self.element, 'property'))

    def _declare_properties(self):
        for prop in self._get_properties():
            name = prop.get('name').replace('-', '_')
            if name in self.methods or name in self.overridden:
                continue
            writable = prop.get('writable') == '1' and prop.get('construct-only') != '1'
            setter = self.methods.get(prop.get('setter') or f'set_{name}')
            getter = self.methods.get(prop.get('getter') or f'get_{name}')
            type_ = getter.output if getter else str(Type(prop, False))
            yield from get_doc(prop)
            for spelling in dict.fromkeys([name, camel(name)]):
                yield f'get {spelling}(): {type_};'
                if writable:
                    # Both accessors have one type in TypeScript 4.
                    yield f'set {spelling}(value: {type_ if setter or getter else Type(prop, False)});'

    def _get_signals(self):
        parent = self.classes.get(self.element.get('parent'))
        return [*find_all(self.element, 'signal'), *(parent._get_signals() if parent else [])]

    def _declare_signals(self):
        for signal in self._get_signals():
            call = Call(signal)
            parameters = ''.join(f', {name}: {type_}' for name, type_ in
                                 ((name, str(type_).replace(' | Uint8Array', '')) for name, type_ in call.inputs))
            yield from get_doc(signal)
            for connect in ('connect', 'connect_after'):
                yield f"{connect}(signal: '{call.name}', callback: (source: this{parameters}) => {call.output}): number;"
            yield f"emit(signal: '{call.name}'{parameters}): void;"
        for connect in ('connect', 'connect_after'):
            yield f'{connect}(signal: string, callback: (...args: any[]) => any): number;'
        yield 'emit(signal: string, ...args: any[]): void;'

    def _declare_virtual(self):
        for virtual in find_all(self.element, 'virtual-method'):
            call = Call(virtual)
            yield f'vfunc_{call.name}({call.get_inputs()}): {call.output};'

    def declare(self):
        parent = self.element.get('parent')
        yield f'namespace {self.name} {{'
        yield f'    interface ConstructorProps{" extends " + parent + ".ConstructorProps" if parent in self.classes else ""} {{'
        for prop in self._get_properties():
            if prop.get('writable') == '1':
                yield f'        {prop.get("name").replace("-", "_")}: {Type(prop, True)};'
        yield '    }'
        yield '}'
        for interface in find_all(self.element, 'implements'):
            yield f'interface {self.head or self.name} extends {interface.get("name")} {{}}'
        yield from get_doc(self.element)
        abstract = 'abstract ' if self.element.get('abstract') == '1' else ''
        yield f'{abstract}class {self.head or self.name} extends {parent} {{'
        body = [f'static $gtype: GObject.GType<{self.name}>;',
                f'constructor(properties?: Partial<{self.name}.ConstructorProps>);',
                *self._declare_statics()]
        for call in self.methods.values():
            if call.name not in self.overridden:
                body += self._declare_method(call)
        body += [*self._declare_properties(), *self._declare_virtual(), *self._declare_signals()]
        yield from (f'    {line}' for line in body)
        yield from self.overrides.splitlines()
        yield '}'


def declare_enum(element):
    yield from get_doc(element)
    yield f'enum {element.get("name")} {{'
    for member in find_all(element, 'member'):
        yield from (f'    {line}' for line in get_doc(member))
        yield f'    {member.get("name").upper()} = {member.get("value")},'
    yield '}'


def declare_callback(element):
    call = Call(element)
    # What a callback is given, it need not accept: here a nullable argument may not be missing.
    inputs = ', '.join(f'{name}: {str(type_).replace(" | Uint8Array", "")}' for name, type_ in call.inputs)
    yield from get_doc(element)
    yield f'type {call.name} = ({inputs}) => {call.output};'


def declare_record(element):
    yield from get_doc(element)
    yield f'class {element.get("name")} {{'
    yield f'    static $gtype: GObject.GType<{element.get("name")}>;'
    yield '}'


def read_overrides(path):
    """Class name -> how it is called in its head, its members; and everything else."""
    with open(path, encoding='utf-8') as file:
        text = ''.join(line for line in file if not line.startswith('// '))
    classes = {match[2]: (match[1], match[3])
               for match in re.finditer(r'^class ((\w+)\S*(?: = \w+>)?) {\n(.*?)^}\n', text, re.M | re.S)}
    rest = re.sub(r'^class .*?^}\n', '', text, flags=re.M | re.S)
    return classes, rest.strip()


def main(gir, overrides, output):
    namespace = find(ElementTree.parse(gir).getroot(), 'namespace')
    overrides, rest = read_overrides(overrides)
    classes = {}
    lines = rest.splitlines()
    for element in find_all(namespace, 'constant'):
        lines += get_doc(element) + [f'const {element.get("name")}: {Type(element, False)};']
    for element in find_all(namespace, 'enumeration', 'bitfield'):
        lines += declare_enum(element)
    for element in find_all(namespace, 'callback'):
        lines += declare_callback(element)
    for element in find_all(namespace, 'function'):
        function = Call(element).declare('function ')
        lines += function
    for element in find_all(namespace, 'record'):
        if element.get(GLIB + 'is-gtype-struct-for') is None:
            lines += declare_record(element)
    for element in find_all(namespace, 'class'):
        classes[element.get('name')] = Class(element, classes, overrides)
    for class_ in classes.values():
        lines += ['', *class_.declare()]

    unused = set(overrides) - set(classes)
    if unused:
        sys.exit(f'{sys.argv[2]}: the library has no class {", ".join(sorted(unused))}')
    with open(output, 'w', encoding='utf-8') as file:
        file.write(HEADER + 'export namespace Kaa {\n')
        file.writelines(f'    {line}'.rstrip() + '\n' for line in lines)
        file.write('}\n\nexport default Kaa;\n')


main(*sys.argv[1:])

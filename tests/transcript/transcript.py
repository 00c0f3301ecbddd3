# SPDX-License-Identifier: LGPL-2.1-or-later
"""transcript.py CASES: carries out the steps of cases.txt, and prints them with what happened."""

import re
import sys

import gi
gi.require_version('Kaa', '1.0')
from gi.repository import Gio, GLib, Kaa

LETTERS = {'n': b'\n', 'r': b'\r', 't': b'\t', '\\': b'\\', 's': b' ', '0': b'\0'}
BYTES = {ord(byte): '\\' + letter for letter, byte in LETTERS.items()}

CONTEXT = GLib.MainContext.default()


# --- Text ---

def parse_text(word):
    if word == '""':
        return b''
    word, _, times = word.partition('*')
    text = re.sub(rb'\\(.)', lambda match: LETTERS[match[1].decode()], word.encode())
    return text * int(times or 1)


def parse_condition(word):
    return (Kaa.IO_READ if 'r' in word else Kaa.IOCondition(0)) | (Kaa.IO_WRITE if 'w' in word else Kaa.IOCondition(0))


def parse_property(name, word):
    if name == 'overflow-policy':
        return getattr(Kaa.OverflowPolicy, word.upper())
    return word == 'true' if word in ('true', 'false') else int(word)


def format_value(value):
    if isinstance(value, GLib.Bytes):
        value = value.get_data() or b''
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        if len(value) > 40:
            return f'{len(value)} bytes'
        return ''.join(BYTES.get(byte, chr(byte)) for byte in value) or '""'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, GLib.Error):
        assert value.domain == 'g-io-error-quark', value
        return Gio.IOErrorEnum(value.code).value_nick
    return 'null' if value is None else str(int(value))


class Script:
    def __init__(self):
        self.forget()

    # --- What happens ---

    def happened(self, event, value, how=''):
        if self.silent:
            return
        print(f'> {event}{how}: {format_value(value)}', flush=True)
        count = self.counts[event] = self.counts.get(event, 0) + 1
        for step in self.hooks.get(f'{event} {count}', ()):
            self.do_step(step)

    def failed(self, what, error):
        self.happened(what, error, ' failed')

    def show(self, name, thing, attribute):
        self.happened(f'{name}.{attribute}', getattr(thing, attribute.replace('-', '_')))

    def listen(self, name, future):
        future.then(lambda value: self.happened(name, value), lambda error: self.failed(name, error))

    def connect(self, name, thing, signal, veto=None):
        def on_signal(thing, value):
            if signal.startswith('notify::'):
                self.show(name, thing, value.name)
            else:
                self.happened(f'{name}.{signal}', value)
            return veto is None

        self.handlers[f'{name}.{signal}'] = thing.connect(signal, on_signal)

    # --- What is done ---

    def ask(self, thing, verb, arguments):
        try:
            return self.call_for_future(thing, verb, arguments)
        except GLib.Error as refusal:
            # In other languages it is the future that fails.
            future = Kaa.InProgress.new(None)
            future.throw(refusal)
            return future

    def call_for_future(self, thing, verb, arguments):
        call = getattr(thing, verb)
        if verb in ('read_some', 'read_exactly', 'wait_writable'):
            return call(int(arguments[0]))
        if verb == 'read_until':
            return call(parse_text(arguments[0]))
        if verb == 'write':
            return call(parse_text(arguments[0]))
        if verb == 'shutdown':
            return call(parse_condition(arguments[0]))
        if verb == 'splice':
            return call(self.objects[arguments[0]], Kaa.SpliceFlags.NONE)
        if verb == 'close':
            return call(immediate='immediate' in arguments, expected='unexpected' not in arguments)
        if verb == 'timeout':
            return call(float(arguments[0]), len(arguments) > 1)
        return call()

    def call(self, name, verb, arguments):
        thing = self.objects[name]
        handler = self.handlers.get(f'{name}.{arguments[0]}') if arguments else None
        if verb == 'on':
            self.connect(name, thing, *arguments)
        elif verb == 'off':
            thing.disconnect(handler)
        elif verb == 'block':
            thing.handler_block(handler)
        elif verb == 'unblock':
            thing.handler_unblock(handler)
        elif verb == 'show':
            self.show(name, thing, arguments[0])
        elif verb == 'set':
            setattr(thing, arguments[0].replace('-', '_'), parse_property(*arguments))
        elif verb == 'delimiters':
            thing.delimiter = [parse_text(word) for word in arguments]
        elif verb == 'consume':
            thing.consume(int(arguments[0]))
        elif verb == 'wrap':
            thing.wrap(self.objects[arguments[0]], parse_condition(arguments[1]))
        elif verb == 'steal':
            thing.steal(self.objects[arguments[0]])
        elif verb == 'peek':
            self.happened(f'{name}.peek', thing.peek())
        elif verb == 'send':
            thing.send(parse_text(arguments[0]))
        elif verb == 'then':
            self.listen(arguments[0], thing)
        elif verb == 'abort':
            thing.abort()
        elif verb == 'finish':
            thing.finish_int(int(arguments[0]))
        elif verb == 'throw':
            code = getattr(Gio.IOErrorEnum, arguments[0].replace('-', '_').upper())
            thing.throw(GLib.Error.new_literal(Gio.io_error_quark(), 'thrown', code))
        else:
            raise ValueError(verb)

    def turn(self):
        while CONTEXT.iteration(False):
            pass

    def keep_future(self, name, future):
        self.objects[name] = future
        self.listen(name, future)

    def do_step(self, step):
        words = step.split(' ')
        if words[0] == 'in':
            hook, step = step[3:].split(': ', 1)
            self.hooks.setdefault(hook, []).append(step)
        elif words[0] == 'turn':
            self.turn()
        elif words[0] == 'wait':
            while not self.objects[words[1]].finished:
                CONTEXT.iteration(True)
            self.turn()
        elif words[0] == 'pair':
            self.objects[words[1]], self.objects[words[2]] = Kaa.IOChannel.new_pair()[-2:]
        elif words[0] == 'channel':
            self.objects[words[1]] = Kaa.IOChannel()
        elif words[0] == 'promise':
            self.keep_future(words[1], Kaa.InProgress.new(None))
        elif words[1:3] in (['=', 'all'], ['=', 'any']):
            self.keep_future(words[0], getattr(Kaa.InProgress, words[2])([self.objects[name] for name in words[3:]]))
        else:
            asks = words[1:2] == ['=']
            target, *arguments = words[2:] if asks else words
            name, verb = target.split('.')
            if asks:
                self.keep_future(words[0], self.ask(self.objects[name], verb, arguments))
                return
            try:
                self.call(name, verb, arguments)
            except GLib.Error as error:
                self.failed(target, error)

    def forget(self):
        self.silent = True
        self.hooks = {}
        for thing in getattr(self, 'objects', {}).values():
            if isinstance(thing, Kaa.IOChannel):
                thing.close(immediate=True)
        self.turn()
        self.objects = {}       # name -> channel or future
        self.handlers = {}      # 'a.read' -> id of the handler
        self.counts = {}        # event -> how often it happened
        self.silent = False


def main():
    script = Script()
    with open(sys.argv[1], encoding='utf-8') as file:
        for line in file.read().splitlines():
            if line.startswith('> '):
                continue
            print(line, flush=True)
            if line.startswith('case '):
                script.forget()
            elif line and not line.startswith('#'):
                script.do_step(line)
    script.forget()


main()

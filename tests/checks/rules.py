# SPDX-License-Identifier: LGPL-2.1-or-later
"""rules.py ROOT: docs/rules.md defines each rule that code and tests name, once, with a test that is there."""

import pathlib
import re
import sys

import sources

DEFINED = re.compile(r'^\*\*([RWC]\d+)\*\* (.*?)(?=\n\n|\Z)', re.M | re.S)
SHOWN = re.compile(r'`(tests/[\w/.-]+)`\s+`(/[\w/.-]+)`')
# In the code a rule is named in a comment, as `C5:` or `(R10)`; in tests it is a part of a name, or of a comment.
NAMED_IN_CODE = re.compile(r'(?<=[ (])([RWC]\d{1,2})(?=[:,) ])')
NAMED_IN_TESTS = re.compile(r'["/* (\']([RWC]\d{1,2})(?=[/:,) ])')


def read_used(root):
    """Rule -> a file that names it."""
    used = {}
    for name in sources.list_files(root):
        path = pathlib.PurePath(name)
        if path.parts[0] == 'kaaio' and path.suffix in ('.c', '.h'):
            pattern = NAMED_IN_CODE
        elif path.parts[0] == 'tests' and path.suffix in ('.c', '.h', '.js', '.vala') and path.parts[1] != 'bench':
            pattern = NAMED_IN_TESTS
        else:
            continue
        text = pathlib.Path(root, name).read_text(encoding='utf-8')
        for rule in pattern.findall(text):
            used.setdefault(rule, name)
    return used


def check(root):
    complaints = []
    page = pathlib.Path(root, 'docs', 'rules.md').read_text(encoding='utf-8')
    rules = DEFINED.findall(page)
    names = [name for name, _ in rules]
    complaints += [f'docs/rules.md defines {name} more than once' for name in set(names) if names.count(name) > 1]
    for name, text in rules:
        tests = SHOWN.findall(text)
        if not tests:
            complaints.append(f'docs/rules.md names no test for {name}')
        for file, path in tests:
            there = pathlib.Path(root, file)
            if not there.is_file() or f'"{path}"' not in there.read_text(encoding='utf-8'):
                complaints.append(f'docs/rules.md: there is no test {path} in {file}, which shows {name}')
            if f'/{name}/' not in path:
                complaints.append(f'docs/rules.md: {path} is not called a test of {name}')
    used = read_used(root)
    assert len(used) > 20, 'hardly any rule is named anywhere: the search is wrong'
    complaints += [f'{file} names {rule}, which docs/rules.md does not define'
                   for rule, file in used.items() if rule not in names]
    print(f'{len(rules)} rules, {len(used)} of them named in code and tests')
    return complaints


found = check(sys.argv[1])
print('\n'.join(found))
sys.exit(1 if found else 0)

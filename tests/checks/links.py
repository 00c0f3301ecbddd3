# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages in docs/ are all in the manual, and each link in them and in README.md leads somewhere.

In a page, another page is called by what it becomes: `reading.html`, `reading.html#the-end`. References such as [class@Kaa.IOChannel]
are gi-docgen's to check, at the build.
"""

import os
import re
import sys


def read(*path):
    with open(os.path.join(*path), encoding='utf-8') as file:
        return file.read()


def find_links(text):
    """What is linked to; not in code."""
    text = re.sub(r'^```.*?^```$', '', text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r'`[^`\n]*`', '', text)
    return re.findall(r'\]\(([^)\s]+)\)', text)


def find_anchors(text):
    """As markdown makes them of the headings."""
    headings = re.findall(r'^#+ (.*)$', text, re.MULTILINE)
    return {re.sub(r'[-\s]+', '-', re.sub(r'[^\w\s-]', '', heading).strip().lower()) for heading in headings}


def main():
    root = sys.argv[1]
    docs = os.path.join(root, 'docs')
    pages = {name for name in os.listdir(docs) if name.endswith('.md')}
    bad = []

    config = read(docs, 'kaaio.toml.in')
    build = read(docs, 'meson.build')
    listed = re.findall(r'"([^"]+)"', re.search(r'content_files = \[(.*?)\]', config, re.DOTALL)[1])
    images = re.findall(r'"([^"]+)"', re.search(r'content_images = \[(.*?)\]', config, re.DOTALL)[1])
    bad += [f'docs/{page} is not among the content_files of docs/kaaio.toml.in' for page in sorted(pages - set(listed))]
    bad += [f'docs/kaaio.toml.in lists {page}, which is not there' for page in listed if page not in pages]
    bad += [f'docs/meson.build does not know {name}' for name in listed + images if f"'{name}'" not in build]

    count = 0
    for page in sorted(pages):
        text = read(docs, page)
        if not text.startswith('Title: '):
            bad.append(f'docs/{page} has no title in its first line')
        for link in find_links(text):
            count += 1
            target, _, anchor = link.partition('#')
            source = target.replace('.html', '.md') if target else page
            if re.match(r'https?://', link) or source in images:
                continue
            if source not in listed or target.endswith('.md'):
                bad.append(f'docs/{page} links to {link}, which is no page')
            elif anchor and anchor not in find_anchors(read(docs, source)):
                bad.append(f'docs/{page} links to {link}, but there is no such heading')
    for link in find_links(read(root, 'README.md')):
        count += 1
        if not re.match(r'https?://', link) and not os.path.exists(os.path.join(root, link)):
            bad.append(f'README.md links to {link}, which does not exist')

    print('\n'.join(bad))
    print(f'{len(pages)} pages, {count} links, {len(bad)} wrong')
    sys.exit(1 if bad or not pages or not count else 0)


main()

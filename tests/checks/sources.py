# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the project: what git knows of, or what is there where there is no git."""

import os
import subprocess


def _from_git(root):
    # Files that are new and not ignored count: the check is run before the commit.
    command = ['git', '-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
    try:
        top = subprocess.run(['git', '-C', root, 'rev-parse', '--show-toplevel'],
                             check=True, capture_output=True, text=True).stdout.strip()
        if os.path.realpath(top) != os.path.realpath(root):
            return None  # a copy that lies inside some other repository
        output = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in output.split(b'\0') if name]


def _from_folder(root):
    names = []
    for folder, folders, files in os.walk(root):
        # Build directories and caches are no sources.
        folders[:] = [name for name in folders
                      if name not in ('.git', '__pycache__')
                      and not name.startswith(('build', '_build'))
                      and not os.path.isdir(os.path.join(folder, name, 'meson-private'))]
        names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return [name for name in names if not name.endswith('.pyc')]


def list_files(root):
    names = _from_git(root)
    if names is None:
        names = _from_folder(root)
    return sorted(name for name in set(names) if os.path.isfile(os.path.join(root, name)))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""The versions of what this platform builds and tests with, in the order of a table."""

import re
import subprocess

TOOLS = {
    'GLib': ['pkg-config', '--modversion', 'glib-2.0'],
    'PyGObject': ['/usr/bin/python3', '-c', 'import gi; print(gi.__version__)'],
    'Python': ['/usr/bin/python3', '--version'],
    'gjs': ['gjs', '--version'],
    'Vala': ['valac', '--version'],
    'meson': ['meson', '--version'],
    'cc': ['cc', '-dumpfullversion'],
}


def get_version(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return '-'
    found = re.search(r'\d+(\.\d+)+', done.stdout)
    return found[0] if found else '-'


def get_versions():
    return {tool: get_version(command) for tool, command in TOOLS.items()}

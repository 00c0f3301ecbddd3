# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run was made on, and with."""

import datetime
import os
import platform
import subprocess


def _ask(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ''


def _get_cpu():
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        names = [line.split(':', 1)[1].strip() for line in file if line.startswith('model name')]
    return f'{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs'


def _get_system():
    try:
        return platform.freedesktop_os_release()['PRETTY_NAME']
    except (OSError, KeyError):
        return platform.system()


def describe(python):
    """name -> version; '' where it is not there."""
    return {
        'date': datetime.date.today().isoformat(),
        'CPU': _get_cpu(),
        'system': _get_system(),
        'kernel': platform.release(),
        'GLib': _ask('pkg-config', '--modversion', 'glib-2.0'),
        'libevent': _ask('pkg-config', '--modversion', 'libevent'),
        'libuv': _ask('pkg-config', '--modversion', 'libuv'),
        'Python': _ask(python, '--version').removeprefix('Python '),
        'PyGObject': _ask(python, '-c', 'import gi; print(gi.__version__)'),
        'gjs': _ask('gjs', '--version').removeprefix('gjs '),
        'node': _ask('node', '--version').removeprefix('v'),
    }

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Kaa.py is made of. Nothing here is public."""

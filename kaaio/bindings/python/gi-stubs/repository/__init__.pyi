# SPDX-License-Identifier: LGPL-2.1-or-later
# Modules that nobody has types for; those of pygobject-stubs are found before.

from typing import Any

def __getattr__(name: str) -> Any: ...

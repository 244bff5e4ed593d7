"""A file that only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write the file, whole or not at all, with mode 600 from its first byte."""
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    with open(draft, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    draft.replace(path)


def readable_by_others(path: Path) -> bool:
    """Tell whether anybody but the file's owner may read or change it."""
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)

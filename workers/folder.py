"""A folder under FARM_HOME, made when it is not there."""

from __future__ import annotations

from pathlib import Path

from jobs.errors import StoreError


def made(path: Path) -> Path:
    """Return the folder, which exists; raise StoreError when it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {path} cannot be made ({error.strerror}); "
            f"set FARM_HOME to a folder that can be written to"
        ) from error
    return path

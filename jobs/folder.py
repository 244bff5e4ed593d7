"""A folder under FARM_HOME, made when it is not there."""

from __future__ import annotations

from pathlib import Path

from jobs.errors import FarmError, StoreError


def made(path: Path, error: type[FarmError] = StoreError) -> Path:
    """Return the folder, which exists; raise that error when it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as failed:
        raise error(
            f"the folder {path} cannot be made ({failed.strerror}); "
            f"set FARM_HOME to a folder that can be written to"
        ) from failed
    return path

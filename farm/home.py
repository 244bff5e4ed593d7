"""The farm's folder on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.errors import StoreError


def home() -> Path:
    """Return FARM_HOME, else the platform's folder for a user's data; it exists.

    Raises StoreError when it cannot be made.
    """
    named = os.environ.get("FARM_HOME")
    if named:
        path = Path(named).expanduser()
    else:
        from platformdirs import user_data_path

        path = user_data_path("benchfarm")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the farm's folder {path} cannot be made ({error.strerror}); "
            f"set FARM_HOME to a folder that can be written to"
        ) from error
    return path.resolve()

"""The farm's folder on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from jobs.folder import made


def home() -> Path:
    """Return FARM_HOME, else the platform's folder for a user's data; it exists.

    Raises StoreError when it cannot be made.
    """
    named = os.environ.get("FARM_HOME")
    if named:
        path = Path(os.path.expanduser(named))  # noqa: PTH111 - leaves an unknown ~user alone
    else:
        from platformdirs import user_data_path

        path = user_data_path("benchfarm")
    return made(path).resolve()

"""Ready suites: the files beside this one, each used by its name without the suffix."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def ready_suites() -> dict[str, Path]:
    """Return the file of every ready suite by its name, sorted."""
    paths = (Path(str(item)) for item in files(__name__).iterdir() if item.name.endswith(".yaml"))
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}
